//! What long work tells its caller, and how the caller asks it to stop.

use crate::Issue;
use std::fmt;

/// What long work tells its caller. Libraries never print; the caller draws bars or writes lines.
pub trait Progress: Send + Sync + fmt::Debug {
    /// A part of the work begins; `total_bytes` is `None` where the amount is not known before.
    fn begin(&self, task: &str, total_bytes: Option<u64>);
    /// So many more bytes of the part are done.
    fn advance(&self, bytes: u64);
    /// So many bytes of the source are unreadable as it stands; replaces the number told before.
    fn unreadable(&self, bytes: u64);
    /// Something could not be done, or must be known; the work goes on.
    fn issue(&self, issue: &Issue);
    /// Whether the caller wants the work to end at the next place where it can be taken up again.
    fn stop_requested(&self) -> bool;
}

/// Listens to nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _task: &str, _total_bytes: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn unreadable(&self, _bytes: u64) {}
    fn issue(&self, _issue: &Issue) {}
    fn stop_requested(&self) -> bool {
        false
    }
}
