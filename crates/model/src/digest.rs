//! Message digests and the names of their algorithms.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A hash algorithm, named as in manifests and on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// MD5, 16 bytes (RFC 1321). Broken against forgery; kept for comparison with older records.
    Md5,
    /// SHA-1, 20 bytes (FIPS 180-4). Broken against forgery; kept for comparison with older records.
    Sha1,
    /// SHA-256, 32 bytes (FIPS 180-4).
    Sha256,
    /// SHA-512, 64 bytes (FIPS 180-4).
    Sha512,
    /// BLAKE3, 32 bytes.
    Blake3,
}

impl Algorithm {
    /// All algorithms, in the order in which they are listed everywhere.
    pub const ALL: [Self; 5] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512, Self::Blake3];

    /// The name in lower case without punctuation, such as `sha256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Blake3 => "blake3",
        }
    }

    /// The length of the digest in bytes.
    #[must_use]
    pub const fn digest_bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 | Self::Blake3 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = DigestParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain: String = text.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == plain)
            .ok_or_else(|| DigestParseError::Algorithm { found: text.to_owned() })
    }
}

/// Why a text is not an algorithm or a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestParseError {
    /// The name is none of the known algorithms.
    #[error("unknown hash algorithm `{found}`: expected md5, sha1, sha256, sha512 or blake3")]
    Algorithm {
        /// The name that was given.
        found: String,
    },
    /// The text has not the digest's number of hexadecimal digits.
    #[error("a {algorithm} digest has {expected} hexadecimal digits, found {found}")]
    Length {
        /// The algorithm whose digest was expected.
        algorithm: Algorithm,
        /// The number of digits of such a digest.
        expected: usize,
        /// The number of characters found.
        found: usize,
    },
    /// A character is no hexadecimal digit.
    #[error("`{found}` at position {position} is not a hexadecimal digit")]
    Digit {
        /// Position of the character, counted from 0.
        position: usize,
        /// The character.
        found: char,
    },
}

/// The digest of some bytes, with the algorithm that made it. Shown as lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl Digest {
    /// Takes the bytes an algorithm has returned; `None` if their number is not the algorithm's.
    #[must_use]
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == algorithm.digest_bytes()).then(|| Self { algorithm, bytes: bytes.to_vec() })
    }

    /// The SHA-256 digest with these bytes.
    #[must_use]
    pub fn sha256(bytes: [u8; 32]) -> Self {
        Self { algorithm: Algorithm::Sha256, bytes: bytes.to_vec() }
    }

    /// Reads hexadecimal digits, upper or lower case.
    ///
    /// # Errors
    ///
    /// [`DigestParseError`] if the number of digits is wrong or a character is no digit.
    pub fn parse(algorithm: Algorithm, text: &str) -> Result<Self, DigestParseError> {
        let expected = algorithm.digest_bytes() * 2;
        if text.chars().count() != expected {
            return Err(DigestParseError::Length { algorithm, expected, found: text.chars().count() });
        }
        let mut digits = Vec::with_capacity(expected);
        for (position, found) in text.chars().enumerate() {
            let digit = found.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            digits.push(digit.ok_or(DigestParseError::Digit { position, found })?);
        }
        let bytes = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |sum, digit| (sum << 4) | digit)).collect();
        Ok(Self { algorithm, bytes })
    }

    /// The algorithm that made the digest.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest in lower-case hexadecimal.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_and_shown_alike() {
        let hex = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(Digest::parse(Algorithm::Md5, hex).unwrap().to_hex(), hex);
        assert_eq!(Digest::parse(Algorithm::Md5, &hex.to_uppercase()).unwrap().to_hex(), hex);
    }

    #[test]
    fn a_digest_of_the_wrong_length_is_refused_with_both_numbers() {
        let error = Digest::parse(Algorithm::Sha256, "abc").unwrap_err();
        assert_eq!(error.to_string(), "a sha256 digest has 64 hexadecimal digits, found 3");
    }

    #[test]
    fn algorithms_are_found_with_and_without_hyphen() {
        assert_eq!("SHA-256".parse(), Ok(Algorithm::Sha256));
        assert_eq!("blake3".parse(), Ok(Algorithm::Blake3));
        assert!("crc32".parse::<Algorithm>().is_err());
    }
}
