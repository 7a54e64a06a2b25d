//! Looking at everything, and telling all that is damaged. Nothing is repaired.

mod claims;
mod directory;
mod groups;
mod hash_tree;
mod inode;
mod map;
mod names;
mod superblocks;
mod targets;

use super::volume::Volume;
use crate::FsError;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Whether to go on.
type Flow = ControlFlow<()>;

const GO_ON: Flow = ControlFlow::Continue(());

/// Where damage is told.
struct Report<'a> {
    found: &'a mut dyn FnMut(FsError) -> Flow,
}

impl Report<'_> {
    fn tell(&mut self, structure: &'static str, inode: Option<u64>, offset: u64, detail: impl Into<String>) -> Flow {
        (self.found)(FsError::Damaged { structure, inode, offset, detail: detail.into() })
    }

    fn pass(&mut self, error: FsError) -> Flow {
        (self.found)(error)
    }

    /// Gives out the value; tells the error.
    fn take<T>(&mut self, result: Result<T, FsError>) -> ControlFlow<(), Option<T>> {
        match result {
            Ok(value) => ControlFlow::Continue(Some(value)),
            Err(error) => self.pass(error).map_continue(|()| None),
        }
    }
}

/// Checks a volume until `found` wants no more.
pub(crate) fn check(volume: &Arc<Volume>, found: &mut dyn FnMut(FsError) -> Flow) {
    let _ = all(volume, &mut Report { found });
}

fn all(volume: &Arc<Volume>, report: &mut Report<'_>) -> Flow {
    superblocks::check(volume, report)?;
    groups::check(volume, report)?;
    let mut names = names::Names::default();
    inode::check(volume, report, &mut names)?;
    names.check(volume, report)?;
    claims::check(volume, report)
}
