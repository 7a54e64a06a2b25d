//! What the kernel counted of writes to each disk.
//!
//! The kernel counts from when it finds a disk, so that a disk that was there at the start and shows zero was not written
//! since the machine started. NVMe disks are counted on their hidden path devices.

use crate::RescueError;
use crate::state::{ActKind, State};
use kanshiki_acquire::device::BlockDevice;
use kanshiki_model::Fact;
use serde::Serialize;

/// The counters of one disk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counted {
    /// The kernel's name, made visible.
    pub device: String,
    /// Its serial number, where it has one.
    pub serial: Option<String>,
    /// Whether the kernel refuses writes to it.
    pub read_only: Option<bool>,
    /// Whether the examiner made it a destination.
    pub destination: bool,
    /// Sectors of 512 bytes written when the guard first set it read-only; `null` if the guard never did.
    pub written_at_start: Option<u64>,
    /// Sectors of 512 bytes written until now.
    pub written: Fact,
    /// Sectors of 512 bytes discarded until now.
    pub discarded: Fact,
}

impl Counted {
    /// Whether a disk that is no destination was written, or may have been.
    #[must_use]
    pub fn is_alarming(&self) -> bool {
        let is_zero = |fact: &Fact| fact.number() == Some(0);
        // Kernels before 4.18 do not count what is discarded.
        let may_be_discarded = self.discarded.number().is_some_and(|sectors| sectors > 0);
        !self.destination && (!is_zero(&self.written) || may_be_discarded)
    }
}

/// The counters of every disk with a medium that is no memory of the machine, in the order of their names.
///
/// # Errors
///
/// [`RescueError::State`].
pub fn counters(state: &State) -> Result<Vec<Counted>, RescueError> {
    let acts = state.acts()?;
    let counted = BlockDevice::all_disks().into_iter().map(|disk| {
        let first = |kind: ActKind| acts.iter().find(|act| act.act == kind && act.is_upon_disk_of(&disk));
        Counted {
            device: disk.name(),
            serial: disk.identity_facts().get("serial").and_then(Fact::text),
            read_only: disk.is_read_only(),
            destination: first(ActKind::Writable).is_some(),
            written_at_start: first(ActKind::ReadOnly).and_then(|act| act.sectors_written),
            written: disk.sectors_written(),
            discarded: disk.sectors_discarded(),
        }
    });
    Ok(counted.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(written: Fact, destination: bool) -> Counted {
        Counted {
            device: "sda".to_owned(),
            serial: None,
            read_only: Some(true),
            destination,
            written_at_start: Some(0),
            written,
            discarded: Fact::unknown("not counted"),
        }
    }

    #[test]
    fn writes_to_a_disk_that_is_no_destination_alarm() {
        assert!(counted(Fact::probed(8, "stat"), false).is_alarming());
        assert!(counted(Fact::unknown("no stat"), false).is_alarming());
        assert!(!counted(Fact::probed(0, "stat"), false).is_alarming());
        assert!(!counted(Fact::probed(8, "stat"), true).is_alarming());
    }
}
