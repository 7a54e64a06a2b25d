//! What a value is that says nothing of its kind, and values made fit to be compared.

use super::What;
use kanshiki_model::{Algorithm, Digest, from_visible, visible};
use std::net::{IpAddr, Ipv6Addr};

/// The longest value that is looked for, in bytes.
const VALUE_BYTES: usize = 2048;

/// Digits of a fingerprint.
pub(super) const KEY: usize = 43;

/// Ends of names that are as likely a file's as a domain's.
const FILE_ENDINGS: &[&str] = &[
    "sh", "py", "pl", "so", "ps", "md", "zip", "rs", "exe", "dll", "php", "elf", "bin", "jsp", "jspx", "asp", "aspx",
    "rar", "gz", "tgz", "xz", "txt", "dat", "js", "conf", "cgi", "jar", "war", "ko", "o", "c", "log", "sql", "tar",
    "7z", "bat", "service", "html", "htm", "phtml", "deb", "rpm",
];

/// The text without what makes it unable to be clicked on.
pub(super) fn refanged(text: &str) -> String {
    let mut text = text.to_owned();
    for (from, to) in [
        ("[.]", "."),
        ("(.)", "."),
        ("{.}", "."),
        ("[dot]", "."),
        ("(dot)", "."),
        ("[:]", ":"),
        ("[://]", "://"),
        ("[/]", "/"),
        ("[@]", "@"),
        ("[at]", "@"),
        ("(at)", "@"),
    ] {
        if text.contains(from) {
            text = text.replace(from, to);
        }
    }
    for (from, to) in [("hxxps", "https"), ("hxxp", "http"), ("fxp", "ftp"), ("h**p", "http"), ("meow", "http")] {
        let is_scheme = text.get(..from.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(from))
            && text.get(from.len()..).is_some_and(|rest| rest.starts_with(':') || rest.starts_with("s:"));
        if is_scheme {
            text = format!("{to}{}", text.get(from.len()..).unwrap_or_default());
        }
    }
    text
}

/// What a value is, as far as that can be seen; more than one where it may be either. `Err` tells why it is not looked for.
pub(super) fn classify(text: &str) -> Result<Vec<What>, &'static str> {
    let text = refanged(text.trim_matches(['"', '\'', '`', ',', ' ', '\t']));
    let text = text.as_str();
    if text.len() > VALUE_BYTES {
        return Err("longer than is looked for");
    }
    if let Some((_, rest)) = text.split_once("://") {
        return url(rest).map(|it| vec![it]).ok_or("a URL without a host");
    }
    match network(text) {
        Ok(Some(network)) => return Ok(vec![network]),
        Err(why) => return Err(why),
        Ok(None) => {}
    }
    if let Some(known) = digest(text).or_else(|| key(text)) {
        return Ok(vec![known]);
    }
    if text.starts_with('/') {
        return path(text).map(|it| vec![it]).ok_or("no path");
    }
    if text.contains('@') {
        return mail(text).map(|it| vec![it]).ok_or("no mail address");
    }
    if text.contains('/') {
        return url(text)
            .filter(|_| domain(text.split('/').next().unwrap_or_default()).is_some())
            .map(|it| vec![it])
            .ok_or("neither a path from the root on nor a URL");
    }
    let ending = text.rsplit_once('.').map(|it| it.1.to_ascii_lowercase());
    let is_file = ending.as_ref().is_none_or(|ending| FILE_ENDINGS.contains(&ending.as_str()));
    let mut found: Vec<What> = domain(text).into_iter().collect();
    if is_file || found.is_empty() {
        found.extend(name(text));
    }
    if found.is_empty() { Err("not understood") } else { Ok(found) }
}

/// An address or a network; `None` if it is neither.
pub(super) fn network(text: &str) -> Result<Option<What>, &'static str> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let parsed = address.parse::<IpAddr>().ok();
    // An address with a port.
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|it| it.ip());
    let Some(address) = parsed.or_else(with_port).map(|address| address.to_canonical()) else { return Ok(None) };
    let (bits, least) = if address.is_ipv4() { (32, 8) } else { (128, 16) };
    let prefix = match prefix {
        None => bits,
        Some(prefix) => match prefix.parse::<u8>() {
            Ok(prefix) if prefix <= bits => prefix,
            _ => return Ok(None),
        },
    };
    if prefix < least {
        return Err("a network of more addresses than tell anything");
    }
    if address.is_unspecified() {
        return Err("the address of nobody");
    }
    Ok(Some(What::Network { address: masked(address, prefix), prefix }))
}

/// The address with zeroes behind its first bits.
pub(super) fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(prefix))).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(prefix))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
        }
    }
}

/// A digest, by its length; one of 64 digits is SHA-256.
pub(super) fn digest(text: &str) -> Option<What> {
    let algorithm = match text.len() {
        32 => Algorithm::Md5,
        40 => Algorithm::Sha1,
        64 => Algorithm::Sha256,
        128 => Algorithm::Sha512,
        _ => return None,
    };
    Digest::parse(algorithm, text).ok().map(What::Digest)
}

/// The fingerprint of a key of SSH: base64 of 32 bytes without its padding.
pub(super) fn key(text: &str) -> Option<What> {
    let digits = text.strip_prefix("SHA256:")?.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    (digits.len() == KEY && digits.bytes().all(is_digit)).then(|| What::Key(format!("SHA256:{digits}")))
}

/// A domain with at least two parts.
pub(super) fn domain(text: &str) -> Option<What> {
    let text = text.trim_start_matches("*.").trim_matches('.').to_lowercase();
    let fits = |part: &str| {
        let is_sign = |sign: char| sign.is_alphanumeric() || sign == '-' || sign == '_';
        !part.is_empty() && part.len() <= 63 && part.chars().all(is_sign)
    };
    let (_, last) = text.rsplit_once('.')?;
    let is_name = last.chars().all(char::is_alphabetic) || last.starts_with("xn--");
    let is_domain = text.len() <= 253 && last.chars().count() >= 2 && is_name && text.split('.').all(fits);
    is_domain.then_some(What::Domain(text))
}

/// A URL without its scheme.
pub(super) fn url(text: &str) -> Option<What> {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest).trim().trim_end_matches('/');
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let (host, rest) = text.split_at_checked(end)?;
    // Whoever gives an account with it is the same host.
    let host = host.rsplit('@').next().unwrap_or_default().to_lowercase();
    let is_host = host.len() >= 3 && host.contains(['.', ':']) && !host.contains(char::is_whitespace);
    (is_host && text.len() <= VALUE_BYTES).then(|| What::Url(format!("{host}{rest}")))
}

/// A mail address.
pub(super) fn mail(text: &str) -> Option<What> {
    let text = text.trim_start_matches("mailto:").to_lowercase();
    let (local, host) = text.split_once('@')?;
    let is_local = |sign: char| sign.is_alphanumeric() || "._%+-".contains(sign);
    let is_mail = !local.is_empty() && local.len() <= 64 && local.chars().all(is_local) && domain(host).is_some();
    is_mail.then_some(What::Mail(text))
}

/// A path from the root on.
pub(super) fn path(text: &str) -> Option<What> {
    (text.len() > 1 && text.starts_with('/') && text.len() <= VALUE_BYTES).then(|| What::Path(shown(text)))
}

/// The name of a file of which a list says that it is one.
pub(super) fn file_name(text: &str) -> Option<What> {
    (!text.is_empty() && text.len() <= 255 && !text.contains(['/', '\0'])).then(|| What::Name(shown(text)))
}

/// What may be the name of a file. What is shorter than three letters, or has blanks, names too much.
pub(super) fn name(text: &str) -> Option<What> {
    let is_sign = |sign: char| sign.is_alphanumeric() || "._+-~".contains(sign);
    (text.chars().count() >= 3 && text.len() <= 255 && text.chars().all(is_sign)).then(|| What::Name(shown(text)))
}

/// A path as it stands in the store: what was made visible before is left as it is.
fn shown(text: &str) -> String {
    let is_visible = from_visible(text).is_some_and(|bytes| visible(&bytes) == text);
    if is_visible { text.to_owned() } else { visible(text.as_bytes()) }
}
