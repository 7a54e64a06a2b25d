//! Where the paths of packages lead to in the image: `/bin/ls` lies in `/usr/bin` where `/bin` is a link to it.

use kanshiki_filesystem::{Follow, LookupError, View};
use kanshiki_model::EvidencePath;
use std::collections::HashMap;

/// Directories that are looked up; those beyond are taken as they are.
const DIRECTORIES: usize = 1_000_000;

/// Finds out where directories lie.
pub(crate) struct Places<'v> {
    view: &'v View,
    known: HashMap<Vec<u8>, Real>,
}

/// Where a directory lies, with whether there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Real {
    path: Vec<u8>,
    is_there: bool,
}

impl<'v> Places<'v> {
    pub(crate) fn new(view: &'v View) -> Self {
        Self { view, known: HashMap::new() }
    }

    /// Where what has this path lies: links in its directories are followed, one in the last place is not.
    pub(crate) fn of(&mut self, path: &[u8]) -> Vec<u8> {
        let path = path.strip_suffix(b"/.").unwrap_or(path);
        let (directory, name) = split(path);
        if matches!(name, b"" | b"." | b"..") {
            return self.directory(path);
        }
        joined(self.directory(directory), name)
    }

    /// Where a directory lies.
    fn directory(&mut self, directory: &[u8]) -> Vec<u8> {
        if let Some(real) = self.known.get(directory) {
            return real.path.clone();
        }
        let mut real = Real { path: b"/".to_vec(), is_there: true };
        let mut end = 0_usize;
        for name in directory.split(|byte| *byte == b'/') {
            end = end.saturating_add(name.len()).saturating_add(1);
            if name.is_empty() || name == b"." {
                continue;
            }
            let prefix = directory.get(..end.saturating_sub(1)).unwrap_or(directory);
            real = match self.known.get(prefix) {
                Some(known) => known.clone(),
                None => {
                    let found = self.below(&real, name);
                    if self.known.len() < DIRECTORIES {
                        self.known.insert(prefix.to_vec(), found.clone());
                    }
                    found
                }
            };
        }
        real.path
    }

    /// What a name in a directory leads to.
    fn below(&self, directory: &Real, name: &[u8]) -> Real {
        let path = joined(directory.path.clone(), name);
        if !directory.is_there || self.known.len() >= DIRECTORIES {
            return Real { path, is_there: false };
        }
        match self.view.lookup(&EvidencePath::from_bytes(path.as_slice()), Follow::All) {
            Ok(found) => Real { path: found.path.as_bytes().to_vec(), is_there: true },
            // The end of a link that leads nowhere.
            Err(LookupError::NotFound { path }) => Real { path: path.as_bytes().to_vec(), is_there: false },
            Err(_) => Real { path, is_there: false },
        }
    }
}

/// A path as its directory, without the slash, and its name.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path) {
        Some(slash) => (path.get(..slash).unwrap_or_default(), path.get(slash.saturating_add(1)..).unwrap_or_default()),
        None => (b"", path),
    }
}

fn joined(mut directory: Vec<u8>, name: &[u8]) -> Vec<u8> {
    if directory.last() != Some(&b'/') {
        directory.push(b'/');
    }
    directory.extend_from_slice(name);
    directory
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_filesystem::{MemoryFileSystem, NodeType, Volume};
    use std::sync::Arc;

    #[test]
    fn links_of_directories_are_followed_and_missing_ones_are_taken_as_they_are() {
        let mut filesystem =
            MemoryFileSystem::of_paths(&[("/usr/bin/ls", ""), ("/usr/lib64/x", ""), ("/srv/a/b/c", "")]);
        filesystem.add(2, b"bin", NodeType::Symlink, b"usr/bin");
        filesystem.add(2, b"lib64", NodeType::Symlink, b"/usr/lib64");
        filesystem.add(2, b"gone", NodeType::Symlink, b"srv/nowhere/x");
        let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
        let mut places = Places::new(&view);
        for (path, place) in [
            ("/bin/ls", "/usr/bin/ls"),
            ("/bin", "/bin"),
            ("/.", "/"),
            ("/", "/"),
            ("/lib64/no/such/x", "/usr/lib64/no/such/x"),
            ("/lib64/no/other", "/usr/lib64/no/other"),
            ("//srv//a/./b/c", "/srv/a/b/c"),
            ("/gone/y", "/srv/nowhere/y"),
            ("/bin/../lib64/x", "/usr/lib64/x"),
            ("relative", "/relative"),
        ] {
            assert_eq!(String::from_utf8(places.of(path.as_bytes())).unwrap(), place, "{path}");
        }
    }
}
