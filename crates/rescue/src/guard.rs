//! Has the kernel refuse writes to every block device from the moment that it appears.
//!
//! The guard hears of a device when the kernel tells of it, which is after the kernel itself looked for partitions (it
//! only reads for that) and before any program does anything with the device: on the rescue medium there is no udev, and
//! nothing that mounts, assembles or swaps by itself. Drivers are loaded only after the guard listens. It sets the flag
//! of disk and partition, and again whenever a device changes; and it looks at all flags every second.
//!
//! Devices that are memory alone (ram, zram) are left out.

use crate::RescueError;
use crate::events::{Events, Heard};
use crate::state::{Act, ActKind, State};
use kanshiki_acquire::device::BlockDevice;
use kanshiki_model::Clock;
use rustix::event::Timespec;
use std::collections::{BTreeMap, BTreeSet};

/// How long the guard waits for messages before it looks at all flags itself.
const LOOK_AROUND: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Watches until the machine is off. `ready` is called once, when everything that is there is read-only and nothing
/// that comes can be missed; `told` with everything that was done.
///
/// # Errors
///
/// [`RescueError::Listen`] and [`RescueError::State`]. A device that cannot be set is told as an act, and tried again.
pub fn watch(
    state: &State,
    clock: &dyn Clock,
    ready: impl FnOnce() -> Result<(), RescueError>,
    told: &mut dyn FnMut(&Act),
) -> Result<(), RescueError> {
    let events = Events::listen().map_err(RescueError::Listen)?;
    let mut guard = Guard { state, clock, told, met: BTreeSet::new(), failed: BTreeMap::new() };
    guard.look_at_all(Care::Set)?;
    ready()?;
    loop {
        match events.next(LOOK_AROUND).map_err(RescueError::Listen)? {
            Heard::Block(number) => {
                // One that is gone again needs nothing.
                if let Ok(device) = BlockDevice::numbered(number) {
                    guard.look_at(&device, Care::Set)?;
                }
            }
            Heard::Lost => guard.look_at_all(Care::Set)?,
            Heard::Nothing => guard.look_at_all(Care::Check)?,
            Heard::Other => {}
        }
    }
}

/// How a device is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// Its flag is set, whatever it shows: the flag of a partition shows that of its disk.
    Set,
    /// Its flag is set if it does not show.
    Check,
}

struct Guard<'a> {
    state: &'a State,
    clock: &'a dyn Clock,
    told: &'a mut dyn FnMut(&Act),
    /// The disks that were told of, with their numbers among all that the kernel has seen.
    met: BTreeSet<(String, Option<u64>)>,
    /// Why devices could not be set, so that the same is told once.
    failed: BTreeMap<String, String>,
}

impl Guard<'_> {
    fn look_at_all(&mut self, care: Care) -> Result<(), RescueError> {
        BlockDevice::all().iter().try_for_each(|device| self.look_at(device, care))
    }

    fn look_at(&mut self, device: &BlockDevice, care: Care) -> Result<(), RescueError> {
        let name = device.name();
        let shown = device.is_read_only() == Some(true);
        if is_memory(&name) || (care == Care::Check && shown) || self.state.is_destination(device)? {
            return Ok(());
        }
        match device.set_read_only(true) {
            Ok(()) => {
                self.failed.remove(&name);
                // A partition shows the flag of its disk, and a disk that was met is told of only if it had lost its own.
                let is_new = !device.is_partition() && self.met.insert((name, device.disk_sequence()));
                if shown && !is_new {
                    return Ok(());
                }
                let note = shown.then(|| "it was read-only before".to_owned());
                self.tell(Act::upon(device, ActKind::ReadOnly, self.clock.now(), note))
            }
            Err(error) => {
                let reason = error.to_string();
                // A drive without a medium has nothing to protect, and tells of itself when it gets one.
                let is_empty = device.size_bytes().is_ok_and(|bytes| bytes == 0);
                if is_empty || self.failed.get(&name) == Some(&reason) {
                    return Ok(());
                }
                self.failed.insert(name, reason.clone());
                self.tell(Act::upon(device, ActKind::Failed, self.clock.now(), Some(reason)))
            }
        }
    }

    fn tell(&mut self, act: Act) -> Result<(), RescueError> {
        self.state.note(&act)?;
        (self.told)(&act);
        Ok(())
    }
}

/// Devices whose bytes are memory of this machine alone.
fn is_memory(name: &str) -> bool {
    ["ram", "zram"].iter().any(|prefix| {
        name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_no_disk_and_every_other_name_is() {
        assert!(is_memory("ram0") && is_memory("zram1"));
        for name in ["sda", "nvme0n1p2", "ramsan", "loop0", "md127", "dm-0"] {
            assert!(!is_memory(name), "{name}");
        }
    }
}
