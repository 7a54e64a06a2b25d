//! Looks for indicators in texts: each word of a text is looked up, so that the work grows with the text and not with the list.

use super::classify::{KEY, masked};
use super::{Indicator, What};
use kanshiki_model::{Algorithm, Digest};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest word that is looked up, in bytes.
const WORD: usize = 255;

/// The longest URL that is looked up, in bytes.
const URL: usize = 2048;

/// Parts of a domain, or of a URL, that are looked up.
const PARTS: usize = 32;

/// Where a match goes: the number of the indicator.
type Hit<'a> = &'a mut dyn FnMut(usize);

/// Indicators, ready to be looked up. Of two that ask for the same the first counts.
#[derive(Debug, Default)]
pub struct Matcher {
    networks: HashMap<(IpAddr, u8), usize>,
    /// The lengths of their prefixes.
    prefixes: BTreeSet<u8>,
    has_ipv6: bool,
    domains: HashMap<String, usize>,
    urls: HashMap<String, usize>,
    /// The hosts of the URLs.
    hosts: HashSet<String>,
    mails: HashMap<String, usize>,
    digests: HashMap<String, usize>,
    algorithms: BTreeSet<Algorithm>,
    paths: HashMap<String, usize>,
    names: HashMap<String, usize>,
    wallets: HashMap<String, usize>,
    keys: HashMap<String, usize>,
    accounts: HashMap<String, usize>,
}

impl Matcher {
    /// Takes indicators in; they are told by their place in this order.
    pub fn new<'a>(indicators: impl IntoIterator<Item = &'a Indicator>) -> Self {
        let mut new = Self::default();
        for (number, indicator) in indicators.into_iter().enumerate() {
            let (map, key) = match &indicator.what {
                What::Network { address, prefix } => {
                    new.prefixes.insert(*prefix);
                    new.has_ipv6 |= address.is_ipv6();
                    new.networks.entry((*address, *prefix)).or_insert(number);
                    continue;
                }
                What::Digest(digest) => {
                    new.algorithms.insert(digest.algorithm());
                    (&mut new.digests, digest.to_hex())
                }
                What::Url(url) => {
                    let host = url.split(['/', '?', '#', ':']).next().unwrap_or_default();
                    new.hosts.insert(host.to_owned());
                    (&mut new.urls, url.clone())
                }
                What::Domain(text) => (&mut new.domains, text.clone()),
                What::Mail(text) => (&mut new.mails, text.clone()),
                What::Path(text) => (&mut new.paths, text.clone()),
                What::Name(text) => (&mut new.names, text.clone()),
                What::Wallet(text) => (&mut new.wallets, text.clone()),
                What::Key(text) => (&mut new.keys, text.clone()),
                What::Account(text) => (&mut new.accounts, text.clone()),
            };
            map.entry(key).or_insert(number);
        }
        new
    }

    /// The algorithms of the digests that are looked for.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.algorithms.iter().copied()
    }

    /// Whether there are paths or names of files.
    #[must_use]
    pub fn wants_paths(&self) -> bool {
        !self.paths.is_empty() || !self.names.is_empty()
    }

    /// The one with the digest of a file.
    #[must_use]
    pub fn of_digest(&self, digest: &Digest) -> Option<usize> {
        if !self.algorithms.contains(&digest.algorithm()) {
            return None;
        }
        self.digests.get(&digest.to_hex()).copied()
    }

    /// The one with the name of an account.
    #[must_use]
    pub fn of_account(&self, account: &str) -> Option<usize> {
        self.accounts.get(account).copied()
    }

    /// Those with the path of a file, or with its name; the path is visible text.
    pub fn of_path(&self, path: &str, hit: Hit<'_>) {
        self.paths.get(path).copied().into_iter().for_each(&mut *hit);
        let name = path.rsplit('/').next().and_then(|name| self.names.get(name));
        name.copied().into_iter().for_each(hit);
    }

    /// Those that a text holds as whole words; one may be told more than once.
    pub fn of_text(&self, text: &str, hit: Hit<'_>) {
        let bytes = text.as_bytes();
        let mut lower = String::new();
        let mut at = 0;
        while let Some(skipped) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| is_word(*byte))) {
            let start = at.saturating_add(skipped);
            let rest = bytes.get(start..).unwrap_or_default();
            let end = start.saturating_add(rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len()));
            at = end;
            self.word(text, (start, end), &mut lower, hit);
        }
        if self.has_ipv6 {
            let is_address = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            for part in bytes.split(|byte| !is_address(byte)).filter(|part| part.len() <= 45 && part.len() > 2) {
                let address = std::str::from_utf8(part).ok().map(|part| part.trim_matches('.'));
                if let Some(address) = address.and_then(|part| part.parse::<Ipv6Addr>().ok()) {
                    self.address(IpAddr::V6(address).to_canonical(), hit);
                }
            }
        }
        if !self.paths.is_empty() {
            self.paths_of(text, hit);
        }
        if !self.keys.is_empty() {
            const BEGIN: &str = "SHA256:";
            for (at, _) in text.match_indices(BEGIN) {
                let fingerprint = text.get(at..at.saturating_add(BEGIN.len()).saturating_add(KEY));
                fingerprint.and_then(|it| self.keys.get(it)).copied().into_iter().for_each(&mut *hit);
            }
        }
    }

    /// A word: what stands between these bytes.
    fn word(&self, text: &str, (start, end): (usize, usize), lower: &mut String, hit: Hit<'_>) {
        let Some(whole) = text.get(start..end) else { return };
        let word = whole.trim_matches(['.', '-']);
        if word.len() < 3 || word.len() > WORD {
            return;
        }
        lower.clear();
        lower.extend(word.chars().flat_map(char::to_lowercase));
        let before = start.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        let mut tell = |map: &HashMap<String, usize>, key: &str| map.get(key).copied().into_iter().for_each(&mut *hit);
        tell(&self.digests, lower);
        tell(&self.wallets, word);
        if before == Some(&b'/') {
            tell(&self.names, word);
        }
        if !lower.contains('.') {
            return;
        }
        if !self.mails.is_empty() && before == Some(&b'@') {
            let local = text.get(..start.saturating_sub(1)).unwrap_or_default();
            let is_local = |sign: char| sign.is_alphanumeric() || "._%+-".contains(sign);
            let begin = local.trim_end_matches(is_local).len();
            // Mail addresses are short; what is longer is none.
            if let Some(local) = local.get(begin..).filter(|local| local.len() <= 64) {
                tell(&self.mails, &format!("{}@{lower}", local.to_lowercase()));
            }
        }
        let mut part = lower.as_str();
        for _ in 0..PARTS {
            tell(&self.domains, part);
            match part.split_once('.') {
                Some((_, rest)) if !self.domains.is_empty() => part = rest,
                _ => break,
            }
        }
        if self.hosts.contains(lower.as_str()) {
            self.url(text, end, lower, hit);
        }
        if !self.prefixes.is_empty()
            && let Ok(address) = lower.parse::<Ipv4Addr>()
        {
            self.address(IpAddr::V4(address), hit);
        }
    }

    fn address(&self, address: IpAddr, hit: Hit<'_>) {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        for prefix in self.prefixes.iter().filter(|prefix| **prefix <= bits) {
            self.networks.get(&(masked(address, *prefix), *prefix)).copied().into_iter().for_each(&mut *hit);
        }
    }

    /// A URL whose host ends here: it and all that it begins with, up to the signs that part it.
    fn url(&self, text: &str, end: usize, host: &str, hit: Hit<'_>) {
        let rest = text.get(end..).unwrap_or_default();
        let is_sign = |sign: char| sign.is_alphanumeric() || "-._~:/?#@!$&*+;=%,()".contains(sign);
        let mut length = 0;
        for (at, sign) in rest.char_indices().take(URL) {
            length = at;
            if !is_sign(sign) {
                break;
            }
            length = at.saturating_add(sign.len_utf8());
        }
        let rest = rest.get(..length).unwrap_or_default();
        let mut parts = 0;
        let ends = rest.char_indices().filter(|(_, sign)| "/?#&;".contains(*sign)).map(|(at, _)| at);
        let whole = [rest.len(), rest.trim_end_matches(['.', ',', ')', ';', '!', '/']).len()];
        for at in whole.into_iter().chain(ends) {
            parts = usize::saturating_add(parts, 1);
            if parts > PARTS {
                break;
            }
            let whole = format!("{host}{}", rest.get(..at).unwrap_or_default());
            self.urls.get(&whole).copied().into_iter().for_each(&mut *hit);
        }
    }

    /// Paths from the root on: they begin where no word ends.
    fn paths_of(&self, text: &str, hit: Hit<'_>) {
        let is_end = |sign: char| sign.is_whitespace() || "\"'`;|&<>()=,".contains(sign);
        for part in text.split(is_end).filter(|part| part.len() > 1 && part.len() <= 4096) {
            let Some(start) = part.find('/') else { continue };
            let before = part.get(..start).and_then(|before| before.chars().next_back());
            // As in `root:/tmp/x` and `@/tmp/x`, but not as in `a/b` and `http://host/b`.
            if before.is_some_and(|sign| !":@{[+-".contains(sign)) {
                continue;
            }
            let path = part.get(start..).unwrap_or_default();
            for end in [path, path.trim_end_matches(['.', ':', '}', ']', '/'])] {
                if let Some(number) = self.paths.get(end) {
                    hit(*number);
                    break;
                }
            }
        }
    }
}

/// Whether a byte may stand in a name of a host, a digest or a file.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || byte >= 0x80
}
