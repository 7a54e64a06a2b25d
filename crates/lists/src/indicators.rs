//! Indicators: by what an attacker who was seen elsewhere can be found here.
//!
//! | form | known by | what is taken |
//! | --- | --- | --- |
//! | plain | – | a value on each line; `#`, `;` and `//` begin comments |
//! | CSV | a first line that names a column `value`, `indicator` or `ioc` | that column, with `kind` or `type`, `to_ids` and a comment |
//! | STIX 2.0 and 2.1 | JSON with `objects` | `indicator` objects with patterns of STIX |
//! | MISP | JSON with `Event`, `Attribute` or `response` | attributes with `to_ids`, also those of objects |
//!
//! `hxxp`, `[.]`, `(.)`, `[:]` and `[at]`, by which indicators are made unable to be clicked on, are read as what they stand for.

mod classify;
mod json;
mod kinds;
mod matcher;
mod pattern;
mod plain;

pub use matcher::Matcher;

use kanshiki_model::{Digest, visible_text};
use std::io;
use std::net::IpAddr;
use std::path::Path;

/// The longest JSON that is read, in bytes: all of it must be read before any of it is known.
pub(crate) const JSON_BYTES: u64 = 128 << 20;

/// Indicators of one list that are kept.
const INDICATORS: usize = 500_000;

/// Parts that are not understood and are listed; the rest is counted.
const REFUSED: usize = 20;

/// Characters of a label.
const LABEL: usize = 200;

/// Why indicators cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndicatorError {
    /// The file cannot be read.
    #[error("cannot read the indicators")]
    Read(#[source] io::Error),
    /// It is a folder, a pipe or a device; indicators are read more than once.
    #[error("not a regular file; indicators are read more than once")]
    NotAFile,
    /// It is JSON and too long.
    #[error("{size} bytes of JSON; at most {} MiB are read: split it", JSON_BYTES >> 20)]
    TooLong {
        /// Its bytes.
        size: u64,
    },
    /// It is JSON, but neither STIX nor MISP, or damaged.
    #[error("neither a bundle of STIX nor events of MISP")]
    Json(#[source] serde_json::Error),
    /// It holds no indicator.
    #[error(
        "no indicator: expected addresses, domains, URLs, digests, paths, names of files or mail addresses, one a line, as CSV, STIX or MISP"
    )]
    Empty,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum What {
    /// An address, or all that begin with so many bits of it.
    Network {
        /// The address, with zeroes behind the prefix.
        address: IpAddr,
        /// Bits that count.
        prefix: u8,
    },
    /// A domain and all below it, in small letters.
    Domain(String),
    /// A URL without its scheme, the host in small letters.
    Url(String),
    /// A mail address, in small letters.
    Mail(String),
    /// A digest of a file.
    Digest(Digest),
    /// A path from the root on, made visible.
    Path(String),
    /// The name of a file, made visible.
    Name(String),
    /// The wallet of a currency.
    Wallet(String),
    /// The fingerprint of a key of SSH, as `ssh-keygen -l` shows it: `SHA256:` and base64.
    Key(String),
    /// The name of an account.
    Account(String),
}

impl What {
    /// What it is, in a word, as findings name it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Network { address: IpAddr::V4(_), .. } => "ipv4",
            Self::Network { .. } => "ipv6",
            Self::Domain(_) => "domain",
            Self::Url(_) => "url",
            Self::Mail(_) => "mail",
            Self::Digest(digest) => digest.algorithm().name(),
            Self::Path(_) => "path",
            Self::Name(_) => "file-name",
            Self::Wallet(_) => "wallet",
            Self::Key(_) => "ssh-key",
            Self::Account(_) => "account",
        }
    }

    /// The value, as visible text.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Network { address, prefix } => {
                let all = if address.is_ipv4() { 32 } else { 128 };
                if *prefix == all { address.to_string() } else { format!("{address}/{prefix}") }
            }
            Self::Digest(digest) => digest.to_hex(),
            Self::Path(text) | Self::Name(text) => text.clone(),
            Self::Domain(text)
            | Self::Url(text)
            | Self::Mail(text)
            | Self::Wallet(text)
            | Self::Key(text)
            | Self::Account(text) => visible_text(text),
        }
    }
}

/// One of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// What is looked for.
    pub what: What,
    /// What the list says of it, as visible text; empty if it says nothing.
    pub label: String,
    /// Its line in a text, or its number among the objects or attributes of JSON, from 1 on.
    pub number: u64,
}

/// A part of a list that is not looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its line or number, as in [`Indicator`].
    pub number: u64,
    /// What it is and why it is not looked for, as visible text.
    pub why: String,
}

/// All of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indicators {
    /// SHA-256 of the file; none of bytes that were handed in.
    pub digest: Option<Digest>,
    /// Those that are looked for.
    pub list: Vec<Indicator>,
    /// The first of those that are not.
    pub refused: Vec<Refused>,
    /// How many are not.
    pub refused_in_all: u64,
    /// How many there are behind the last that is kept.
    pub left_out: u64,
}

impl Indicators {
    /// Reads a file of any of the forms.
    ///
    /// # Errors
    ///
    /// [`IndicatorError`].
    pub fn open(path: &Path) -> Result<Self, IndicatorError> {
        // A pipe would keep whoever opens it waiting.
        let facts = std::fs::metadata(path).map_err(IndicatorError::Read)?;
        if !facts.is_file() {
            return Err(IndicatorError::NotAFile);
        }
        let digest = crate::sha256(path).map_err(IndicatorError::Read)?;
        Self::of_file(path, facts.len()).map(|found| Self { digest: Some(digest), ..found })
    }

    fn of_file(path: &Path, size: u64) -> Result<Self, IndicatorError> {
        let file = || std::fs::File::open(path).map_err(IndicatorError::Read);
        match json::first_sign(file()?).map_err(IndicatorError::Read)? {
            Some(b'{' | b'[') if size > JSON_BYTES => Err(IndicatorError::TooLong { size }),
            Some(b'{') => json::read(file()?).map_err(IndicatorError::Json)?.unless_empty(),
            // A plain list may begin with an address in brackets.
            Some(b'[') => match json::read(file()?) {
                Ok(found) => found.unless_empty(),
                Err(_) => plain::read(file()?).map_err(IndicatorError::Read)?.unless_empty(),
            },
            _ => plain::read(file()?).map_err(IndicatorError::Read)?.unless_empty(),
        }
    }

    /// Reads bytes of any of the forms, as [`Indicators::open`] does; for tests with any bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let is_json = matches!(json::first_sign(bytes), Ok(Some(b'{' | b'[')));
        let json = if is_json { json::read(bytes).ok() } else { None };
        json.or_else(|| plain::read(bytes).ok()).unwrap_or_default()
    }

    fn unless_empty(self) -> Result<Self, IndicatorError> {
        if self.list.is_empty() { Err(IndicatorError::Empty) } else { Ok(self) }
    }

    fn push(&mut self, what: What, label: &str, number: u64) {
        if self.list.len() >= INDICATORS {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.list.push(Indicator { what, label: shortened(label), number });
    }

    fn refuse(&mut self, number: u64, why: &str) {
        self.refused_in_all = self.refused_in_all.saturating_add(1);
        if self.refused.len() < REFUSED {
            self.refused.push(Refused { number, why: shortened(why) });
        }
    }
}

/// The beginning of a text, made visible.
fn shortened(text: &str) -> String {
    visible_text(&text.trim().chars().take(LABEL).collect::<String>())
}

#[cfg(test)]
mod tests;
