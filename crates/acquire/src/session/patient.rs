//! Short looks at the source outside the stream of chunks. A stalled source must not hold up the thread that listens to
//! the operator and to the clock.

use crate::AcquireError;
use kanshiki_model::Progress;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often a wait looks whether it should end.
const TICK: Duration = Duration::from_millis(100);

/// Does `look` on a thread of its own and waits for what it returns.
///
/// # Errors
///
/// [`AcquireError::SourceLost`] if nothing is returned within `patience`, [`AcquireError::Interrupted`] if the work is
/// asked to stop; the thread is then left to itself, since a read in the kernel cannot be called off.
pub(super) fn patiently<T: Send + 'static>(
    patience: Duration,
    progress: &dyn Progress,
    look: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AcquireError> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || drop(sender.send(look())));
    let began = Instant::now();
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(seen) => return Ok(seen),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(AcquireError::Internal("a looking thread has died".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) if progress.stop_requested() => {
                return Err(AcquireError::Interrupted { done_bytes: 0, total_bytes: None });
            }
            Err(RecvTimeoutError::Timeout) if began.elapsed() < patience => {}
            Err(RecvTimeoutError::Timeout) => {
                let reason = format!("the source gave no data for {} seconds", patience.as_secs());
                return Err(AcquireError::SourceLost { offset: 0, reason });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_model::Silent;

    #[test]
    fn what_is_seen_in_time_is_returned() {
        assert_eq!(patiently(Duration::from_secs(60), &Silent, || 7).unwrap(), 7);
    }

    #[test]
    fn a_look_that_does_not_end_is_given_up() {
        let (_held, never) = channel::<()>();
        let error = patiently(Duration::from_millis(1), &Silent, move || never.recv()).unwrap_err();
        assert!(matches!(error, AcquireError::SourceLost { .. }));
    }
}
