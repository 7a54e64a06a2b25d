//! Programs that have a disk open.

use super::{BlockDevice, DeviceNumber, shown, sysfs};
use kanshiki_model::Fact;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

/// The other programs that have the disk or a partition of it open, as far as this process may look.
pub(super) fn fact(disk: &BlockDevice) -> Fact {
    let roots = disk.roots();
    let mut numbers = vec![disk.number()];
    numbers.extend(disk.partitions().iter().map(BlockDevice::number));
    let own = std::process::id();
    let mut openers = Vec::new();
    let mut hidden = 0_u64;
    for name in sysfs::names(&roots.proc) {
        let Ok(process) = name.parse::<u32>() else { continue };
        if process == own {
            continue;
        }
        let folder = roots.proc.join(&name);
        match open_count(&folder.join("fd"), &roots.dev, &numbers) {
            Some(0) => {}
            Some(count) => {
                let program = sysfs::read_text(&folder.join("comm")).unwrap_or_default();
                openers.push(json!({ "process": process, "program": program, "descriptors": count }));
            }
            None => hidden += 1,
        }
    }
    let source = match hidden {
        0 => format!("{}/*/fd", shown(&roots.proc)),
        count => format!("{}/*/fd; {count} processes could not be looked into", shown(&roots.proc)),
    };
    Fact::probed(openers, source)
}

/// How many descriptors of a process lead to one of the devices; `None` if they cannot be listed.
fn open_count(descriptors: &Path, dev: &Path, numbers: &[DeviceNumber]) -> Option<u64> {
    let mut count = 0;
    for entry in fs::read_dir(descriptors).ok()?.flatten() {
        // Only what lies below /dev is asked for its status: a file on a network filesystem may never answer.
        let below_dev = fs::read_link(entry.path()).is_ok_and(|target| target.starts_with(dev));
        let status = below_dev.then(|| fs::metadata(entry.path()).ok()).flatten();
        let device = status.filter(|status| status.file_type().is_block_device());
        count += u64::from(device.is_some_and(|status| numbers.contains(&DeviceNumber::from_raw(status.rdev()))));
    }
    Some(count)
}
