//! A node in the form in which the kernel wants it.

use fuser::{FileAttr, FileType, INodeNo};
use kanshiki_filesystem::{DeviceNumber, Node, NodeType};
use kanshiki_model::FileTime;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The unit of `st_blocks` (POSIX, `sys/stat.h` on Linux).
const UNIT: u64 = 512;

/// What `stat` shows; `None` for a node of no known type. `number` is the one that programs see.
pub(super) fn attributes(node: &Node, number: u64) -> Option<FileAttr> {
    let times = &node.times;
    Some(FileAttr {
        ino: INodeNo(number),
        size: node.size,
        blocks: node.allocated_bytes.div_ceil(UNIT),
        atime: time(times.accessed),
        mtime: time(times.modified),
        ctime: time(times.changed),
        crtime: time(times.created),
        kind: kind(node.node_type)?,
        perm: node.mode & 0o7777,
        nlink: node.links,
        uid: node.uid,
        gid: node.gid,
        rdev: node.device.map_or(0, device),
        blksize: 4096,
        flags: 0,
    })
}

/// The type; `None` for [`NodeType::Unknown`].
pub(super) const fn kind(node_type: NodeType) -> Option<FileType> {
    Some(match node_type {
        NodeType::File => FileType::RegularFile,
        NodeType::Directory => FileType::Directory,
        NodeType::Symlink => FileType::Symlink,
        NodeType::Fifo => FileType::NamedPipe,
        NodeType::Socket => FileType::Socket,
        NodeType::CharacterDevice => FileType::CharDevice,
        NodeType::BlockDevice => FileType::BlockDevice,
        NodeType::Unknown => return None,
    })
}

/// A number of a device in 32 bits (`new_encode_dev`, include/linux/kdev_t.h).
const fn device(device: DeviceNumber) -> u32 {
    (device.minor & 0xff) | (device.major << 8) | ((device.minor & !0xff) << 12)
}

/// A time for the kernel; 1970 where none is recorded. Nanoseconds that no clock gives are cut to the last that one does.
fn time(time: Option<FileTime>) -> SystemTime {
    let Some(time) = time else { return UNIX_EPOCH };
    let seconds = Duration::from_secs(time.seconds().unsigned_abs());
    let whole = if time.seconds() < 0 { UNIX_EPOCH.checked_sub(seconds) } else { UNIX_EPOCH.checked_add(seconds) };
    let nanoseconds = Duration::from_nanos(u64::from(time.nanoseconds().unwrap_or(0).min(999_999_999)));
    whole.and_then(|whole| whole.checked_add(nanoseconds)).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_and_impossible_nanoseconds_have_a_place() {
        let shown = |seconds, nanoseconds| time(Some(FileTime::new(seconds, nanoseconds)));
        assert_eq!(shown(-1, Some(500_000_000)), UNIX_EPOCH - Duration::from_millis(500));
        assert_eq!(shown(7, Some(u32::MAX)), UNIX_EPOCH + Duration::new(7, 999_999_999));
        assert_eq!(shown(i64::MIN, None), UNIX_EPOCH.checked_sub(Duration::from_secs(1 << 63)).unwrap_or(UNIX_EPOCH));
        assert_eq!(time(None), UNIX_EPOCH);
    }

    #[test]
    fn devices_have_the_number_that_the_kernel_gives_them() {
        assert_eq!(device(DeviceNumber { major: 8, minor: 1 }), 0x801);
        assert_eq!(device(DeviceNumber { major: 259, minor: 0x1_02 }), 0x0011_0302);
    }
}
