//! Nodes (inodes), the entries that name them, and the extents that hold their bytes.

use kanshiki_model::{ByteRange, FileTime};
use std::fmt;

/// A node: its inode's number and generation. An inode that is used again has another generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// The inode's number, from 1.
    pub inode: u64,
    /// The generation that the inode had.
    pub generation: u32,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// None of these: the mode, or the type in an entry, holds an illegal value.
    Unknown,
}

impl NodeType {
    /// The type in a mode as `st_mode` holds it (POSIX, `sys/stat.h`; Linux, `include/uapi/linux/stat.h`).
    #[must_use]
    pub const fn from_mode(mode: u16) -> Self {
        match mode & 0o170_000 {
            0o100_000 => Self::File,
            0o040_000 => Self::Directory,
            0o120_000 => Self::Symlink,
            0o010_000 => Self::Fifo,
            0o140_000 => Self::Socket,
            0o020_000 => Self::CharacterDevice,
            0o060_000 => Self::BlockDevice,
            _ => Self::Unknown,
        }
    }

    /// The letter that `ls -l` shows; `?` for [`Self::Unknown`].
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::File => '-',
            Self::Directory => 'd',
            Self::Symlink => 'l',
            Self::Fifo => 'p',
            Self::Socket => 's',
            Self::CharacterDevice => 'c',
            Self::BlockDevice => 'b',
            Self::Unknown => '?',
        }
    }

    /// The name in output for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::CharacterDevice => "character-device",
            Self::BlockDevice => "block-device",
            Self::Unknown => "unknown",
        }
    }

    /// The letter and the permissions of `mode`, as `ls -l` shows them.
    #[must_use]
    pub fn permissions(self, mode: u16) -> String {
        let mut text = String::from(self.letter());
        text.extend(permissions(mode).map(char::from));
        text
    }
}

/// The nine letters in which `ls -l` shows the permissions of `mode`.
#[must_use]
pub fn permissions(mode: u16) -> [u8; 9] {
    let bit = |bit: u16, letter: u8| if mode & bit == 0 { b'-' } else { letter };
    let execute = |bit: u16, special: u16, both: u8, alone: u8| match (mode & bit != 0, mode & special != 0) {
        (true, true) => both,
        (false, true) => alone,
        (true, false) => b'x',
        (false, false) => b'-',
    };
    [
        bit(0o400, b'r'),
        bit(0o200, b'w'),
        execute(0o100, 0o4000, b's', b'S'),
        bit(0o040, b'r'),
        bit(0o020, b'w'),
        execute(0o010, 0o2000, b's', b'S'),
        bit(0o004, b'r'),
        bit(0o002, b'w'),
        execute(0o001, 0o1000, b't', b'T'),
    ]
}

impl fmt::Display for NodeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a node is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeState {
    /// In use, as the inode bitmap says.
    Allocated,
    /// In use without a name: deleted while still open, and listed for removal at the next mount.
    Orphan,
    /// Free in the inode bitmap, but the inode still holds what it held.
    Deleted,
}

impl NodeState {
    /// The name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allocated => "allocated",
            Self::Orphan => "orphan",
            Self::Deleted => "deleted",
        }
    }
}

/// The times of a node; `None` is "not recorded", never 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeTimes {
    /// Last read (atime).
    pub accessed: Option<FileTime>,
    /// Content last changed (mtime).
    pub modified: Option<FileTime>,
    /// Inode last changed (ctime).
    pub changed: Option<FileTime>,
    /// Created (crtime, birth).
    pub created: Option<FileTime>,
    /// Deleted (dtime). For an orphan this field of the disk is a link of the orphan list, and this is `None`.
    pub deleted: Option<FileTime>,
}

/// The number of a device as a device node holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceNumber {
    /// The driver.
    pub major: u32,
    /// The device among those of the driver.
    pub minor: u32,
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// What an inode says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its inode and generation.
    pub id: NodeId,
    /// What it is.
    pub node_type: NodeType,
    /// Whether it is in use.
    pub state: NodeState,
    /// Type and permissions as `st_mode` holds them.
    pub mode: u16,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The project's number, where the filesystem keeps one.
    pub project: Option<u32>,
    /// Number of names.
    pub links: u32,
    /// Length of the content in bytes.
    pub size: u64,
    /// Bytes of the volume that it takes, its own metadata blocks among them, as the inode tells.
    pub allocated_bytes: u64,
    /// The times.
    pub times: NodeTimes,
    /// The filesystem's own flags, as stored.
    pub flags: u32,
    /// Whether names (of a directory) or contents are encrypted.
    pub encrypted: bool,
    /// For device nodes, the device.
    pub device: Option<DeviceNumber>,
    /// Where the inode lies, in bytes from the start of the volume.
    pub offset: u64,
}

/// Whether an entry is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryState {
    /// A name in use.
    Live,
    /// Removed, but still lying in the unused space of the directory.
    Deleted,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, as stored. A hostile disk may put slashes, NULs or nothing in it.
    pub name: Vec<u8>,
    /// The inode that it names; 0 for a removed entry that has lost it.
    pub inode: u64,
    /// The type as the entry says it, where entries keep one.
    pub node_type: Option<NodeType>,
    /// Whether it is valid.
    pub state: EntryState,
    /// Where the entry lies, in bytes from the start of the volume.
    pub offset: u64,
}

/// What an extent of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtentState {
    /// Stored at this place, in bytes from the start of the volume.
    Stored(u64),
    /// Kept for the file at this place, but never written: reads as zeroes, whatever lies there.
    Unwritten(u64),
    /// Stored inside the inode (or its attributes), which lies at this place.
    Inline(u64),
    /// Nothing is stored: reads as zeroes.
    Hole,
}

/// A run of a file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The bytes of the file. Blocks that are kept for it behind its end (to come, or of fs-verity) are told too.
    pub range: ByteRange,
    /// Where they are.
    pub state: ExtentState,
}

/// What a block that belongs to a node, and holds none of its content, is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Numbers of blocks, as the maps of ext2 and ext3 have them.
    Indirect,
    /// A node of the tree of the file's extents.
    ExtentTree,
    /// Extended attributes. Several nodes may share the block.
    Attributes,
}

impl Purpose {
    /// The name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Indirect => "indirect block",
            Self::ExtentTree => "extent tree",
            Self::Attributes => "attributes",
        }
    }
}

/// A block that belongs to a node, and holds none of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeBlock {
    /// What it is for.
    pub purpose: Purpose,
    /// Where it lies, in bytes of the volume.
    pub range: ByteRange,
    /// Of a part of the map, how many steps lead from it to content: 1 where what it holds names blocks of content, 3 for
    /// triple indirect blocks.
    pub level: Option<u32>,
    /// Of a part of the map, the first byte of the file that it is for.
    pub file_start: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_permissions_have_their_letters() {
        let shown = [0o4755, 0o2654, 0o1777, 0o7000, 0o644].map(|mode| NodeType::Directory.permissions(mode));
        assert_eq!(shown, ["drwsr-xr-x", "drw-r-sr--", "drwxrwxrwt", "d--S--S--T", "drw-r--r--"]);
    }
}
