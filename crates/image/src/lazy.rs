//! Many files, opened when they are read: there may be more of them than a process may have open.

use crate::{ReadAt, ReadError, RunState, Runs, Source};
use kanshiki_model::ByteRange;
use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The most files that are all kept open; of more, some are opened again when they are read.
pub const KEPT_OPEN: usize = 64;

/// Files of one image that are open at once when there are more than [`KEPT_OPEN`].
const OPEN_AT_ONCE: usize = 32;

/// By what a file is known again: the numbers of its filesystem and of its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    filesystem: u64,
    inode: u64,
}

impl FileIdentity {
    /// That of an open file.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { filesystem: metadata.dev(), inode: metadata.ino() })
    }
}

/// Opens a file of an image for reading, and says which file it is.
pub type Opener = dyn Fn(&Path) -> io::Result<(Source, FileIdentity)> + Send + Sync;

/// Opens files in order. All stay open if they are few; else a bounded number, and one that was closed is opened again
/// when it is read. A file that is another one by then, or has another length, gives an error.
///
/// # Errors
///
/// Those of `opener`, with the path.
pub fn open_all(paths: &[PathBuf], opener: Box<Opener>) -> Result<Vec<Source>, (PathBuf, io::Error)> {
    let keep = paths.len() <= KEPT_OPEN;
    let shared = Arc::new(Shared { opener, open: Mutex::default() });
    let one = |(number, path): (usize, &PathBuf)| {
        let (source, identity) = (shared.opener)(path).map_err(|error| (path.clone(), error))?;
        if keep {
            return Ok(source);
        }
        let length = source.len();
        let file = LazyFile { shared: Arc::clone(&shared), number, path: path.clone(), length, identity };
        let file: Source = Arc::new(file);
        Ok(file)
    };
    paths.iter().enumerate().map(one).collect()
}

struct Shared {
    opener: Box<Opener>,
    // The files that are open, by number, the one opened last at the end.
    open: Mutex<VecDeque<(usize, Source)>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// A file that is opened when it is read.
#[derive(Debug)]
struct LazyFile {
    shared: Arc<Shared>,
    number: usize,
    path: PathBuf,
    length: u64,
    identity: FileIdentity,
}

impl LazyFile {
    fn source(&self) -> io::Result<Source> {
        let open = || self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, source)) = open().iter().find(|(number, _)| *number == self.number) {
            return Ok(Arc::clone(source));
        }
        let (source, identity) = (self.shared.opener)(&self.path)?;
        if identity != self.identity || source.len() != self.length {
            let name = kanshiki_model::visible(self.path.as_os_str().as_encoded_bytes());
            return Err(io::Error::other(format!("`{name}` is no longer the file that it was")));
        }
        let mut open = open();
        open.push_back((self.number, Arc::clone(&source)));
        if open.len() > OPEN_AT_ONCE {
            open.pop_front();
        }
        Ok(source)
    }
}

impl ReadAt for LazyFile {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.source().map_err(|source| ReadError::Io { offset, source })?.read_at(offset, buf)
    }

    fn runs(&self) -> Runs<'_> {
        match self.source() {
            Ok(source) => Box::new(source.runs().collect::<Vec<_>>().into_iter()),
            Err(_) => Box::new(std::iter::once((ByteRange::new(0, self.length), RunState::Data))),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;
    use crate::{Concat, RawFile};

    fn opener(path: &Path) -> io::Result<(Source, FileIdentity)> {
        let file = RawFile::open(path)?;
        let identity = FileIdentity::of(file.file())?;
        Ok((Arc::new(file), identity))
    }

    #[test]
    fn many_files_read_like_one_and_one_that_was_replaced_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..100_u8).map(|number| folder.path().join(format!("{number}"))).collect();
        (0..100_u8).for_each(|number| std::fs::write(&paths[usize::from(number)], [number; 3]).unwrap());
        let whole = Concat::new(open_all(&paths, Box::new(opener)).unwrap());
        let mut bytes = vec![0; 300];
        assert_eq!(whole.read_at(0, &mut bytes).unwrap(), 300);
        assert!((0..300).all(|at| usize::from(bytes[at]) == at / 3));
        assert_eq!(whole.runs().count(), 100);
        std::fs::write(folder.path().join("other"), [0; 3]).unwrap();
        std::fs::rename(folder.path().join("other"), &paths[0]).unwrap();
        let error = whole.read_at(0, &mut [0; 3]).unwrap_err();
        assert!(told(&error).contains("is no longer the file that it was"));
    }

    fn told(error: &ReadError) -> String {
        std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
    }
}
