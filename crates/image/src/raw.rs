//! Files and devices as they are, read by position.

use crate::bytes::{bounded, length};
use crate::{ReadAt, ReadError, RunState, Runs};
use kanshiki_model::ByteRange;
use rustix::fs::{Advice, Mode, OFlags, SeekFrom, fadvise, seek};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::path::Path;

/// A regular file or a block device, read through the page cache. Its length is that at the time of opening; a file
/// that has become shorter gives errors.
#[derive(Debug)]
pub struct RawFile {
    file: File,
    length: u64,
}

impl RawFile {
    /// Opens a file or a device for reading.
    ///
    /// # Errors
    ///
    /// The operating system's, and those of [`RawFile::from_file`].
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::from_file(open_flags(path, OFlags::empty())?)
    }

    /// Takes a file that is open for reading. Its cursor is of no account.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if it is neither a regular file nor a block device; the operating system's.
    pub fn from_file(file: File) -> io::Result<Self> {
        let kind = file.metadata()?.file_type();
        let length = if kind.is_file() {
            file.metadata()?.len()
        } else if kind.is_block_device() {
            seek(&file, SeekFrom::End(0))?
        } else {
            let what = if kind.is_dir() { "is a directory" } else { "is neither a regular file nor a block device" };
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        };
        Ok(Self { file, length })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl ReadAt for RawFile {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.length.saturating_sub(offset), buf.len());
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..wanted).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(length(done));
            let read = read_once(&self.file, at, rest)?;
            if read == 0 {
                return Err(ReadError::Io { offset: at, source: io::ErrorKind::UnexpectedEof.into() });
            }
            done = done.saturating_add(read);
        }
        Ok(done)
    }

    fn runs(&self) -> Runs<'_> {
        file_runs(&self.file, self.length)
    }
}

/// Opens for reading, never waiting for a pipe's other end.
pub(crate) fn open_flags(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// One read, taken up again when a signal interrupts it.
pub(crate) fn read_once(file: &File, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
    loop {
        match file.read_at(buf, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(ReadError::Io { offset, source }),
            Ok(read) => return Ok(read),
        }
    }
}

/// The data and holes that the filesystem tells; all data where it does not tell.
pub(crate) fn file_runs(file: &File, length: u64) -> Runs<'_> {
    let mut at = 0;
    Box::new(std::iter::from_fn(move || {
        if at >= length {
            return None;
        }
        let start = at;
        let (end, state) = match seek(file, SeekFrom::Data(start)) {
            Ok(data) if data > start => (data.min(length), RunState::Hole),
            Ok(_) => (seek(file, SeekFrom::Hole(start)).unwrap_or(length).min(length), RunState::Data),
            // No data from here to the end.
            Err(Errno::NXIO) => (length, RunState::Hole),
            Err(_) => (length, RunState::Data),
        };
        // A file that changes meanwhile must not make the runs stand still.
        at = if end > start { end } else { length };
        Some((ByteRange::new(start, at), state))
    }))
}

/// Asks the kernel to forget what the page cache holds of the file, so that the next read comes from the medium. Pages
/// not yet written stay: sync first.
///
/// # Errors
///
/// The operating system's.
pub fn drop_cache(file: &File) -> io::Result<()> {
    Ok(fadvise(file, 0, None, Advice::DontNeed)?)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;

    #[test]
    fn holes_are_told_apart_from_data() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        let file = File::create(&path).unwrap();
        file.write_all_at(&[1; 65_536], 1 << 20).unwrap();
        file.set_len(3 << 20).unwrap();
        let raw = RawFile::open(&path).unwrap();
        let runs: Vec<_> = raw.runs().collect();
        assert_eq!(
            runs,
            [
                (ByteRange::new(0, 1 << 20), RunState::Hole),
                (ByteRange::new(1 << 20, (1 << 20) + 65_536), RunState::Data),
                (ByteRange::new((1 << 20) + 65_536, 3 << 20), RunState::Hole),
            ]
        );
        assert_eq!(RawFile::from_file(File::create(folder.path().join("empty")).unwrap()).unwrap().runs().count(), 0);
    }

    #[test]
    fn only_the_end_shortens_a_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"evidence").unwrap();
        let raw = RawFile::open(&path).unwrap();
        let mut buf = [0; 5];
        assert_eq!(raw.read_at(4, &mut buf).unwrap(), 4);
        assert_eq!(&buf[..4], b"ence");
        assert_eq!(raw.read_at(u64::MAX, &mut buf).unwrap(), 0);
        std::fs::write(&path, b"evi").unwrap();
        assert!(raw.read_at(0, &mut [0; 8]).is_err(), "the file has become shorter");
    }

    #[test]
    fn a_directory_and_a_pipe_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(RawFile::open(folder.path()).unwrap_err().to_string(), "is a directory");
        assert!(RawFile::open(Path::new("/dev/null")).is_err());
    }
}
