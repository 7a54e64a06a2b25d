//! Standard input as a source: read in order, its length known at its end.

use crate::stream::{Buffer, CHUNK_BYTES, Fault, Feed};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Standard input, or another stream that cannot be read twice.
#[derive(Debug)]
pub(crate) struct StdinSource {
    state: Mutex<State>,
    // Beside the lock: a reading thread holds that as long as the stream gives nothing.
    length: OnceLock<u64>,
}

#[derive(Debug)]
struct State {
    file: File,
    bytes: u64,
}

impl StdinSource {
    /// Takes standard input.
    ///
    /// # Errors
    ///
    /// The operating system's, if there is no standard input.
    pub(crate) fn open() -> io::Result<Self> {
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        Ok(Self::from_file(file))
    }

    /// Takes an open file, to be read from where it stands.
    #[must_use]
    pub(crate) const fn from_file(file: File) -> Self {
        Self { state: Mutex::new(State { file, bytes: 0 }), length: OnceLock::new() }
    }
}

/// What a failed read of standard input means: of a disk or a file, the rest can be had in another way.
fn explained(file: &File, error: io::Error) -> io::Error {
    use std::os::unix::fs::FileTypeExt as _;
    let seekable = file.metadata().is_ok_and(|found| found.is_file() || found.file_type().is_block_device());
    if !seekable {
        return error;
    }
    let advice =
        "standard input is a disk or a file: give it as SOURCE in place of `-`, so that what can be read is read";
    io::Error::other(format!("{}; {advice}", crate::error::with_causes(&error)))
}

impl Feed for StdinSource {
    fn len(&self) -> Option<u64> {
        self.length.get().copied()
    }

    fn fill(&self, index: u64, _buffer: &mut Buffer) -> Result<(), Fault> {
        Err(Fault::Gone(io::Error::other(format!("chunk {index} of a stream asked for out of order"))))
    }

    fn take(&self, cursor: &AtomicU64, end: u64, buffer: &mut Buffer) -> Option<(u64, Result<(), Fault>)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.length.get().is_some() || cursor.load(Ordering::Relaxed) >= end {
            return None;
        }
        let index = cursor.fetch_add(1, Ordering::Relaxed);
        buffer.set_len(CHUNK_BYTES);
        let (mut done, mut ended) = (0, false);
        while let Some(rest) = buffer.as_mut().get_mut(done..).filter(|rest| !rest.is_empty()) {
            match state.file.read(rest) {
                Ok(0) => {
                    ended = true;
                    break;
                }
                Ok(read) => done = done.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Some((index, Err(Fault::Gone(explained(&state.file, error))))),
            }
        }
        state.bytes = state.bytes.saturating_add(done as u64);
        if ended {
            self.length.get_or_init(|| state.bytes);
        }
        buffer.set_len(done as u64);
        (done > 0).then_some((index, Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek as _, Write as _};

    #[test]
    fn the_length_can_be_asked_for_while_the_stream_gives_nothing() {
        let (reader, writer) = std::io::pipe().unwrap();
        let source = StdinSource::from_file(File::from(std::os::fd::OwnedFd::from(reader)));
        std::thread::scope(|threads| {
            threads.spawn(|| source.take(&AtomicU64::new(0), u64::MAX, &mut Buffer::new()));
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert_eq!(source.len(), None);
            drop(writer);
        });
        assert_eq!(source.len(), Some(0));
    }

    #[test]
    fn a_stream_is_cut_into_chunks_and_its_length_is_known_at_the_end() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; (CHUNK_BYTES + 5) as usize]).unwrap();
        file.rewind().unwrap();
        let source = StdinSource::from_file(file);
        let cursor = AtomicU64::new(0);
        let mut buffer = Buffer::new();
        assert_eq!(source.len(), None);
        assert_eq!(source.take(&cursor, u64::MAX, &mut buffer).unwrap().0, 0);
        assert_eq!(buffer.as_slice().len() as u64, CHUNK_BYTES);
        assert_eq!(source.take(&cursor, u64::MAX, &mut buffer).unwrap().0, 1);
        assert_eq!(buffer.as_slice(), [7; 5]);
        assert!(source.take(&cursor, u64::MAX, &mut buffer).is_none());
        assert_eq!(source.len(), Some(CHUNK_BYTES + 5));
    }
}
