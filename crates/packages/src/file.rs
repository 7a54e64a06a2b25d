//! Files of databases, read whole out of the image.

use kanshiki_filesystem::{Follow, Located, LookupError, NodeType, View};
use kanshiki_image::Source;
use kanshiki_model::{ByteRange, EvidencePath, Issue, visible};
use kanshiki_walk::contents::RangeReader;
use std::io::Read as _;

/// The longest file that is read whole, in bytes. The status of dpkg has some 10 MiB on the largest installations.
pub(crate) const FILE_BYTES: u64 = 64 << 20;

/// A file that was read whole.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) located: Located,
    pub(crate) bytes: Vec<u8>,
}

/// Why there is no file to read.
#[derive(Debug)]
pub(crate) enum NoFile {
    /// There is none.
    Missing,
    /// It cannot be read.
    Issue(Issue),
}

impl NoFile {
    /// The issue, if it is one.
    pub(crate) fn issue(self) -> Option<Issue> {
        match self {
            Self::Missing => None,
            Self::Issue(issue) => Some(issue),
        }
    }
}

/// A regular file with its content.
pub(crate) fn open(view: &View, path: &[u8]) -> Result<(Located, Source), NoFile> {
    let trouble = |text: String| NoFile::Issue(Issue::new(visible(path), text));
    let located = match view.lookup(&EvidencePath::from_bytes(path), Follow::All) {
        Ok(located) => located,
        Err(LookupError::NotFound { .. } | LookupError::NotADirectory { .. }) => return Err(NoFile::Missing),
        Err(error) => return Err(trouble(error.to_string())),
    };
    if located.node.node_type != NodeType::File {
        return Err(trouble(format!("is no file but a {}; it is not read", located.node.node_type)));
    }
    let Some(filesystem) = view.filesystem(located.place) else { return Err(NoFile::Missing) };
    match filesystem.content(located.place.node) {
        Ok(source) => Ok((located, source)),
        Err(error) => Err(NoFile::Issue(kanshiki_walk::contents::issue(view, located.place.volume, path, &error))),
    }
}

/// Bytes that are read in all: names of a directory may lead to one file a million times.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Budget {
    /// So many bytes.
    pub(crate) const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Reads a regular file whole, as [`read`], if so many bytes are left.
    pub(crate) fn read(&mut self, view: &View, path: &[u8]) -> Result<File, NoFile> {
        let (located, source) = open(view, path)?;
        let Some(left) = self.0.checked_sub(source.len()) else {
            let text = format!("is left out: it has {} bytes, more than may still be read of its kind", source.len());
            return Err(NoFile::Issue(Issue::new(visible(path), text)));
        };
        self.0 = left;
        whole(path, located, &source)
    }
}

/// Reads a regular file whole.
pub(crate) fn read(view: &View, path: &[u8]) -> Result<File, NoFile> {
    let (located, source) = open(view, path)?;
    whole(path, located, &source)
}

fn whole(path: &[u8], located: Located, source: &Source) -> Result<File, NoFile> {
    if source.len() > FILE_BYTES {
        let text = format!("has {} bytes, more than the {FILE_BYTES} that are read; it is left out", source.len());
        return Err(NoFile::Issue(Issue::new(visible(path), text)));
    }
    let mut bytes = Vec::new();
    match RangeReader::new(&**source, ByteRange::new(0, source.len())).read_to_end(&mut bytes) {
        Ok(_) => Ok(File { located, bytes }),
        Err(error) => Err(NoFile::Issue(Issue::new(visible(path), format!("cannot be read: {error}")))),
    }
}

/// The names in a directory of which `wanted` says that they are to be read, in order; none if there is no such directory.
/// Damage in the directory is an issue, and what comes before and after it is given.
pub(crate) fn names(view: &View, directory: &[u8], wanted: &dyn Fn(&[u8]) -> bool) -> (Vec<Vec<u8>>, Vec<Issue>) {
    let Ok(found) = view.lookup(&EvidencePath::from_bytes(directory), Follow::All) else { return Default::default() };
    let entries = match view.children(found.place) {
        Ok(entries) => entries,
        Err(_) => return Default::default(),
    };
    let (mut names, mut issues) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Ok(entry) if names.len() < NAMES && wanted(&entry.name) => names.push(entry.name),
            Ok(_) => {}
            Err(error) if issues.len() < 100 => {
                issues.push(kanshiki_walk::contents::issue(view, found.place.volume, directory, &error));
            }
            Err(_) => {}
        }
    }
    names.sort_unstable();
    (names, issues)
}

/// Names in one directory that are given.
const NAMES: usize = 500_000;
