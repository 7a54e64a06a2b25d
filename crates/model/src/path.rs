//! Paths in evidence: bytes, never text.

use crate::visible;
use std::fmt;

/// A path inside evidence, as bytes: any byte but `/` and NUL may stand in a name, and a damaged directory may hold those
/// too. Shown through [`visible`].
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidencePath(Vec<u8>);

impl EvidencePath {
    /// The root, `/`.
    #[must_use]
    pub fn root() -> Self {
        Self(b"/".to_vec())
    }

    /// A path of these bytes as they are.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path of the entry `name` in this directory.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> Self {
        let mut path = Vec::with_capacity(self.0.len().saturating_add(name.len()).saturating_add(1));
        path.extend_from_slice(&self.0);
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        Self(path)
    }

    /// What a path means that is given in this directory: itself if it begins with a slash.
    #[must_use]
    pub fn under(&self, path: &[u8]) -> Self {
        match path.first() {
            None => self.clone(),
            Some(b'/') => Self(path.to_vec()),
            Some(_) => self.join(path),
        }
    }

    /// The names between the slashes, empty ones left out.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
    }

    /// The last name; `None` for the root.
    #[must_use]
    pub fn file_name(&self) -> Option<&[u8]> {
        self.names().last()
    }
}

impl fmt::Display for EvidencePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_with_one_slash() {
        assert_eq!(EvidencePath::root().join(b"etc").join(b"passwd").as_bytes(), b"/etc/passwd");
    }

    #[test]
    fn a_path_with_a_slash_in_front_does_not_depend_on_the_directory() {
        let etc = EvidencePath::from_bytes(b"/etc".as_slice());
        assert_eq!(etc.under(b"ssh/x").as_bytes(), b"/etc/ssh/x");
        assert_eq!((etc.under(b"/x").as_bytes(), etc.under(b"").as_bytes()), (b"/x".as_slice(), b"/etc".as_slice()));
    }

    #[test]
    fn a_path_is_shown_with_its_escapes() {
        assert_eq!(EvidencePath::root().join(b"a\x1b\xff").to_string(), "/a\\u{1b}\\xff");
    }
}
