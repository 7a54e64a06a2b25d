//! Values whose list says what they are: the kinds that `kanshiki iocs` writes, and the types of MISP.
//!
//! Source: MISP, describeTypes (types of attributes); two values in one attribute stand beside each other with `|` between them.

use super::What;
use super::classify::{digest, domain, file_name, key, mail, network, path, refanged, url};

/// What values of a kind are; `Err` tells why they are not looked for.
pub(super) fn of_kind(kind: &str, value: &str) -> Result<Vec<What>, &'static str> {
    let kind = kind.trim().to_ascii_lowercase().replace('_', "-");
    let value = value.trim();
    if let Some((first, second)) = kind.split_once('|') {
        let (left, right) = value.split_once('|').ok_or("one value where the type has two")?;
        // A port tells nothing alone; a digest tells more than the name beside it.
        return match (first, second) {
            (_, "port") => of_kind(first, left),
            ("filename", _) => of_kind(second, right),
            _ => Ok([of_kind(first, left)?, of_kind(second, right)?].concat()),
        };
    }
    let one = |found: Option<What>| found.map(|it| vec![it]).ok_or("not of the kind that it is said to be");
    let plain = refanged(value);
    match kind.as_str() {
        "ip" | "ipv4" | "ipv6" | "ipv4-addr" | "ipv6-addr" | "ip-src" | "ip-dst" | "cidr" | "address" => {
            one(network(&plain)?)
        }
        "domain" | "hostname" | "domain-name" | "fqdn" | "host" => one(domain(&plain)),
        "url" | "uri" | "link" => one(url(&plain)),
        "md5" | "sha1" | "sha256" | "sha512" | "sha-1" | "sha-256" | "sha-512" | "hash" | "digest" => {
            one(digest(&plain))
        }
        "malware-sample" => one(value.rsplit_once('|').and_then(|(_, value)| digest(value))),
        "filename" | "file-name" | "file" | "path" | "filepath" | "file-path" | "directory" => {
            one(path(value).or_else(|| file_name(value)))
        }
        "email" | "email-src" | "email-dst" | "email-reply-to" | "email-addr" | "mail" | "mail-address" => {
            one(mail(&plain))
        }
        "btc" | "xmr" | "bch" | "dash" | "wallet" => {
            one((value.len() >= 20 && value.len() <= 128).then(|| What::Wallet(value.to_owned())))
        }
        "ssh-key" | "ssh-fingerprint" => one(key(value)),
        "account" | "user-account" | "username" | "user" => {
            one((!value.is_empty() && value.len() <= 255).then(|| What::Account(value.to_owned())))
        }
        _ => Err("of a kind that is not looked for"),
    }
}
