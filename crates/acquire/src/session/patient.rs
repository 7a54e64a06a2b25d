//! Short looks at the source outside the stream of chunks. A stalled source must not hold up the thread that listens to
//! the operator and to the clock.

use crate::AcquireError;
use crate::source::SourceReader;
use crate::stream::{Buffer, Fault};
use kanshiki_model::Progress;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often a wait looks whether it should end.
const TICK: Duration = Duration::from_millis(100);

/// Looks at the source on a thread of its own, and waits for what it saw. The source must answer something, bytes or an
/// error, within every `patience`; how long all of its answers take does not matter.
///
/// # Errors
///
/// [`AcquireError::SourceLost`] if there was no answer for so long, [`AcquireError::Interrupted`] if the work is to stop.
pub(super) fn patiently<T: Send + 'static>(
    patience: Duration,
    progress: &dyn Progress,
    source: &Arc<SourceReader>,
    look: impl FnOnce(&Arc<SourceReader>) -> T + Send + 'static,
) -> Result<T, AcquireError> {
    let (sender, receiver) = channel();
    let looked_at = Arc::clone(source);
    std::thread::spawn(move || drop(sender.send(look(&looked_at))));
    wait(&receiver, patience, progress, &|| source.answers())
}

/// Waits for what a thread sends. `answers` counts what keeps it from being given up.
fn wait<T>(
    receiver: &Receiver<T>,
    patience: Duration,
    progress: &dyn Progress,
    answers: &dyn Fn() -> u64,
) -> Result<T, AcquireError> {
    let (mut answered, mut since) = (answers(), Instant::now());
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(seen) => return Ok(seen),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(AcquireError::Internal("a looking thread has died".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) if progress.stop_requested() => {
                return Err(AcquireError::Interrupted { done_bytes: 0, total_bytes: None });
            }
            Err(RecvTimeoutError::Timeout) if answers() != answered => (answered, since) = (answers(), Instant::now()),
            Err(RecvTimeoutError::Timeout) if since.elapsed() < patience => {}
            Err(RecvTimeoutError::Timeout) => {
                let reason = format!("the source gave no data for {} seconds", patience.as_secs());
                return Err(AcquireError::SourceLost { offset: 0, reason });
            }
        }
    }
}

/// Reads one piece after the other on a thread of its own.
#[derive(Debug)]
pub(super) struct PatientReader {
    requests: Sender<(u64, Buffer)>,
    answers: Receiver<(Buffer, Result<(), Fault>)>,
    patience: Duration,
    // `None` while a read is under way, and after one that was given up.
    buffer: Option<Buffer>,
}

impl PatientReader {
    /// Starts the thread.
    pub(super) fn start(source: &Arc<SourceReader>, patience: Duration) -> Self {
        let (requests, asked) = channel::<(u64, Buffer)>();
        let (sender, answers) = channel();
        let source = Arc::clone(source);
        std::thread::spawn(move || {
            while let Ok((offset, mut buffer)) = asked.recv() {
                let read = source.read(offset, buffer.as_mut());
                if sender.send((buffer, read)).is_err() {
                    break;
                }
            }
        });
        Self { requests, answers, patience, buffer: Some(Buffer::new()) }
    }

    /// Reads so many bytes, at most a chunk, from byte `offset`; the inner error is that of the read.
    ///
    /// # Errors
    ///
    /// As [`patiently`]; after that nothing more is read.
    pub(super) fn read(
        &mut self,
        offset: u64,
        bytes: u64,
        progress: &dyn Progress,
    ) -> Result<Result<&[u8], Fault>, AcquireError> {
        let dead = || AcquireError::Internal("a reading thread has died".to_owned());
        let mut buffer = self.buffer.take().ok_or_else(dead)?;
        buffer.set_len(bytes);
        self.requests.send((offset, buffer)).map_err(|_| dead())?;
        let (buffer, read) = wait(&self.answers, self.patience, progress, &|| 0)?;
        let buffer = self.buffer.insert(buffer);
        Ok(read.map(|()| buffer.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_model::Silent;
    use std::cell::Cell;

    #[test]
    fn what_is_seen_in_time_is_returned() {
        let (sender, receiver) = channel();
        sender.send(7).unwrap();
        assert_eq!(wait(&receiver, Duration::from_secs(60), &Silent, &|| 0).unwrap(), 7);
    }

    #[test]
    fn a_look_that_does_not_end_is_given_up() {
        let (_held, never) = channel::<()>();
        let error = wait(&never, Duration::from_millis(1), &Silent, &|| 0).unwrap_err();
        assert!(matches!(error, AcquireError::SourceLost { .. }));
    }

    #[test]
    fn errors_are_answers_and_a_look_that_gets_them_is_not_given_up() {
        let (_held, never) = channel::<()>();
        let asked = Cell::new(0);
        // So many answers come, then none.
        let answers = || {
            asked.set(asked.get() + 1);
            asked.get().min(40)
        };
        let begun = Instant::now();
        let error = wait(&never, Duration::from_millis(250), &Silent, &answers).unwrap_err();
        assert!(matches!(error, AcquireError::SourceLost { .. }));
        assert!(begun.elapsed() > Duration::from_millis(1000), "{:?}", begun.elapsed());
    }
}
