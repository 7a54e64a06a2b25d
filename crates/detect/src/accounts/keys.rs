//! Keys that let somebody in (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"), joined with the logins that used them.

use super::KEY;
use super::read::Account;
use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::{DetectError, Image};
use base64ct::{Base64, Base64Unpadded, Encoding as _};
use kanshiki_machine::config::{Config, Dialect, Evidence, unquoted, words};
use kanshiki_machine::services::ssh::{DIALECT, MAIN};
use kanshiki_model::{Algorithm, Confidence, Finding, Hasher, Severity, visible};
use std::collections::{HashMap, HashSet};

/// A key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) account: Vec<u8>,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub(super) fingerprint: String,
    finding: Finding,
}

/// Accounts whose homes are looked into.
const KEY_OWNERS: usize = 20_000;

/// Bytes of a key that are decoded; one of RSA with 16384 bits has 2 KiB.
const KEY_BYTES: usize = 16 << 10;

/// Files that are looked at for each account, below its home.
const FILES: [&str; 2] = [".ssh/authorized_keys", ".ssh/authorized_keys2"];

/// Further places that settings of sshd may name.
const PLACES: usize = 50;

/// Where keys lie: the usual places, and those of `AuthorizedKeysFile` wherever it stands, be it under a `Match`.
fn places(image: &Image<'_>) -> Vec<Vec<u8>> {
    let mut places: Vec<Vec<u8>> = FILES.iter().map(|file| file.as_bytes().to_vec()).collect();
    for main in MAIN {
        let Some(config) = Config::gather(image.view, &[main], DIALECT) else { continue };
        for line in config.lines() {
            let mut words =
                words(line.text).flat_map(|word| word.split(|byte| *byte == b'=')).filter(|it| !it.is_empty());
            if words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"AuthorizedKeysFile")) {
                places.extend(words.map(|word| unquoted(word).to_vec()).filter(|word| word != b"none"));
            }
        }
    }
    places.sort_unstable();
    places.dedup();
    places.truncate(PLACES);
    places
}

/// The file of an account: `%h`, `%u`, `%U` and `%%` stand for its home, name and number (sshd_config(5), "TOKENS"), and a
/// path that is not from the root lies below the home.
fn file_of(account: &Account, place: &[u8]) -> Option<Vec<u8>> {
    let home = account.home.strip_suffix(b"/").unwrap_or(&account.home);
    let mut path = Vec::new();
    let mut rest = place;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            path.push(*first);
            continue;
        }
        let (token, behind) = rest.split_first()?;
        rest = behind;
        match token {
            b'h' => path.extend_from_slice(home),
            b'u' => path.extend_from_slice(&account.name),
            b'U' => path.extend_from_slice(account.uid?.to_string().as_bytes()),
            other => path.push(*other),
        }
    }
    let has_home = home.starts_with(b"/");
    if path.starts_with(b"/") { Some(path) } else { has_home.then(|| [home, b"/", &path].concat()) }
}

/// The keys of all accounts.
pub(super) fn of_view(image: &Image<'_>, accounts: &[Account], found: &mut Found) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut seen = HashSet::new();
    let places = places(image);
    for account in accounts.iter().take(KEY_OWNERS) {
        for path in places.iter().filter_map(|place| file_of(account, place)) {
            let Some(config) = Config::gather(image.view, &[&String::from_utf8_lossy(&path)], Dialect::PLAIN) else {
                continue;
            };
            for line in config.lines() {
                let place = line.evidence();
                // Several accounts may share a home.
                if seen.insert((account.name.clone(), place.place, place.span)) {
                    keys.extend(key(account, line.text, &place, found));
                }
            }
        }
    }
    keys
}

/// `[options ]type base64[ comment]`.
fn key(account: &Account, line: &[u8], place: &Evidence, found: &mut Found) -> Option<Key> {
    if line.starts_with(b"#") {
        return None;
    }
    let types: [&[u8]; 5] = [b"ssh-", b"ecdsa-", b"sk-ssh-", b"sk-ecdsa-", b"rsa-sha2-"];
    let words: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|word| types.iter().any(|start| word.starts_with(start)))?;
    let (kind, encoded) = (words.get(at)?, words.get(at.checked_add(1)?)?);
    let text = std::str::from_utf8(encoded).ok().filter(|text| text.len() <= KEY_BYTES);
    let Some(blob) = text.and_then(|text| Base64::decode_vec(text).ok()) else {
        let what = "the key is damaged: it is no base64";
        found.issues.push(kanshiki_model::Issue::new(visible(&place.path), what));
        return None;
    };
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(&blob);
    let fingerprint = format!("SHA256:{}", Base64Unpadded::encode_string(hasher.finish().as_bytes()));
    let comment: Vec<String> = words.iter().skip(at.saturating_add(2)).map(|word| visible(word)).collect();
    let comment = comment.join(" ");
    let options: Vec<String> = words.iter().take(at).map(|word| visible(word)).collect();
    let name = visible(&account.name);
    let title = format!("a key lets somebody in as {name}: {} {comment}", visible(kind));
    let options =
        if options.is_empty() { String::new() } else { format!(" It has the options {}.", options.join(" ")) };
    let made = finding(&KEY, format!("{name} {fingerprint}"), title.trim_end())
        .explained(format!("The holder of the key {fingerprint} gets in without a password.{options}"))
        .setting(place, fingerprint.as_str())
        .indicator("ssh-key", &fingerprint);
    let is_service = account.uid.is_some_and(|uid| uid > 0 && uid < 1000);
    let made = if is_service { made.weighed(Severity::Medium, Confidence::Medium) } else { made };
    Some(Key { account: account.name.clone(), fingerprint, finding: made })
}

/// Adds to each key the logins that used it, and keeps the findings.
pub(super) fn join(image: &Image<'_>, mut keys: Vec<Key>, found: &mut Found) -> Result<(), DetectError> {
    let place = |(place, key): (usize, &Key)| ((visible(&key.account), key.fingerprint.clone()), place);
    let places: HashMap<(String, String), usize> = keys.iter().enumerate().map(place).collect();
    if !keys.is_empty() {
        let columns = "e.id, e.time, coalesce(e.user, ''), coalesce(e.address, ''), coalesce(e.fields ->> 'key', '')";
        each(image, &["ssh.login"], columns, "e.time, e.id", &mut |row| {
            let (user, address, shown) = (text(row, 2), text(row, 3), text(row, 4));
            // `ED25519 SHA256:…`
            let fingerprint = shown.rsplit(' ').next().unwrap_or_default();
            let used = places.get(&(user.to_owned(), fingerprint.to_owned())).and_then(|place| keys.get_mut(*place));
            let Some(key) = used else { return Ok(()) };
            let (event, time): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
            let made = key.finding.clone();
            key.finding = made
                .widened(time)
                .event(event, format!("used from {address}"))
                .indicator(address_kind(address), address);
            Ok(())
        })?;
    }
    keys.into_iter().for_each(|key| found.add(key.finding));
    Ok(())
}
