//! One digest under way.

use crate::{Algorithm, Digest};
use sha2::Digest as _;

/// One digest under way.
#[derive(Debug, Clone)]
pub enum Hasher {
    /// RFC 1321.
    Md5(md5::Md5),
    /// FIPS 180-4.
    Sha1(sha1::Sha1),
    /// FIPS 180-4.
    Sha256(sha2::Sha256),
    /// FIPS 180-4.
    Sha512(sha2::Sha512),
    /// BLAKE3 with 32 bytes of output.
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    /// Begins a digest.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Self::Md5(md5::Md5::new()),
            Algorithm::Sha1 => Self::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
            Algorithm::Blake3 => Self::Blake3(Box::default()),
        }
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(state) => state.update(bytes),
            Self::Sha1(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
            Self::Blake3(state) => {
                state.update(bytes);
            }
        }
    }

    /// The digest of all bytes taken in.
    #[must_use]
    pub fn finish(self) -> Digest {
        let digest = match self {
            Self::Md5(state) => Digest::new(Algorithm::Md5, &state.finalize()),
            Self::Sha1(state) => Digest::new(Algorithm::Sha1, &state.finalize()),
            Self::Sha256(state) => Some(Digest::sha256(state.finalize().into())),
            Self::Sha512(state) => Digest::new(Algorithm::Sha512, &state.finalize()),
            Self::Blake3(state) => Digest::new(Algorithm::Blake3, state.finalize().as_bytes()),
        };
        // An algorithm returns as many bytes as it is defined to.
        digest.unwrap_or_else(|| Digest::sha256([0; 32]))
    }
}
