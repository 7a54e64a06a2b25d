//! The other reader: the crate `ext4-view`, kept from harming this program.

use ext4_view::{Ext4, Ext4Error, Ext4Read, File, FileType, Metadata, Path};
use kanshiki_filesystem::NodeType;
use kanshiki_image::bytes::{u16_le, u32_le};
use kanshiki_image::{ReadError, Source, read_exact_at};
use kanshiki_model::{EvidencePath, visible_text};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The longest target of a symbolic link that Linux takes (`PATH_MAX`, include/uapi/linux/limits.h).
const TARGET: u64 = 4096;

/// Why the other reader does not give something.
#[derive(Debug)]
pub(super) enum OtherError {
    /// It says why.
    Said(Ext4Error),
    /// It broke its own rules.
    Broke,
    /// It is not asked, for this reason.
    NotAsked(&'static str),
}

impl OtherError {
    /// Whether it says nothing of the volume, but of the reader: something valid that it does not do.
    pub(super) fn is_limit(&self) -> bool {
        match self {
            Self::Said(error) => {
                matches!(
                    error,
                    Ext4Error::Incompatible(_)
                        | Ext4Error::Encrypted
                        | Ext4Error::PathTooLong
                        | Ext4Error::MalformedPath
                        | Ext4Error::FileTooLarge
                ) || refuses_what_linux_takes(error)
            }
            Self::Broke | Self::NotAsked(_) => true,
        }
    }

    /// What it says, made visible.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Said(error) => visible_text(&error.to_string()),
            Self::Broke => "it broke its own rules".to_owned(),
            Self::NotAsked(reason) => (*reason).to_owned(),
        }
    }
}

/// Whether it refuses what Linux takes: times before 1970, and targets of links of which a part is longer than a name.
/// Both are kinds of [`Ext4Error::Corrupt`] that only their words tell apart.
fn refuses_what_linux_takes(error: &Ext4Error) -> bool {
    let Ext4Error::Corrupt(corrupt) = error else { return false };
    let said = corrupt.to_string();
    said.contains("has invalid timestamp") || said.contains("has an invalid symlink path")
}

/// What a reader says of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OtherNode {
    pub(super) node_type: NodeType,
    pub(super) permissions: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size: u64,
    pub(super) accessed: Option<(i64, u32)>,
    pub(super) modified: Option<(i64, u32)>,
    pub(super) created: Option<(i64, u32)>,
}

impl OtherNode {
    /// What it says, by name, made visible.
    pub(super) fn fields(&self) -> [(&'static str, String); 8] {
        let time = |time: Option<(i64, u32)>| time.map_or("not recorded".to_owned(), |(s, ns)| format!("{s}.{ns:09}"));
        [
            ("type", self.node_type.to_string()),
            ("permissions", format!("{:04o}", self.permissions)),
            ("uid", self.uid.to_string()),
            ("gid", self.gid.to_string()),
            ("size", self.size.to_string()),
            ("accessed", time(self.accessed)),
            ("modified", time(self.modified)),
            ("created", time(self.created)),
        ]
    }
}

/// A name with what it leads to.
#[derive(Debug)]
pub(super) struct OtherEntry {
    pub(super) name: Box<[u8]>,
    pub(super) metadata: Result<OtherNode, OtherError>,
}

/// The other reader with a volume.
#[derive(Debug)]
pub(super) struct OtherReader(Ext4);

/// A file that it has open.
pub(super) struct OtherFile(File);

/// Its way to the bytes.
struct Reader(Source);

impl Ext4Read for Reader {
    fn read(&mut self, start_byte: u64, dst: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let end = start_byte.checked_add(kanshiki_image::bytes::length(dst.len()));
        if end.is_none_or(|end| end > self.0.len()) {
            let source = std::io::ErrorKind::UnexpectedEof.into();
            return Err(Box::new(ReadError::Io { offset: start_byte, source }));
        }
        Ok(read_exact_at(self.0.as_ref(), start_byte, dst)?)
    }
}

/// Asks, and takes a panic for an answer: what it reads may be built to harm.
fn ask<T>(question: impl FnOnce() -> Result<T, Ext4Error>) -> Result<T, OtherError> {
    match catch_unwind(AssertUnwindSafe(question)) {
        Ok(answer) => answer.map_err(OtherError::Said),
        Err(_) => Err(OtherError::Broke),
    }
}

fn as_path(path: &EvidencePath) -> Result<Path<'_>, OtherError> {
    Path::try_from(path.as_bytes()).map_err(|_| OtherError::Said(Ext4Error::MalformedPath))
}

impl OtherReader {
    pub(super) fn open(source: Source) -> Result<Self, OtherError> {
        if is_too_short(&source) {
            return Err(OtherError::NotAsked("it does not read inodes of 128 bytes that have checksums"));
        }
        ask(|| Ext4::load(Box::new(Reader(source)))).map(Self)
    }

    pub(super) fn metadata(&self, path: &EvidencePath) -> Result<OtherNode, OtherError> {
        let path = as_path(path)?;
        ask(|| self.0.symlink_metadata(path)).map(|found| node(&found))
    }

    /// The entries of a directory in the order of their names, and the damage at which they end.
    pub(super) fn entries(&self, path: &EvidencePath) -> Result<(Vec<OtherEntry>, Option<OtherError>), OtherError> {
        let path = as_path(path)?;
        let mut stream = ask(|| self.0.read_dir(path))?;
        let mut entries = Vec::new();
        let damage = loop {
            match ask(|| stream.next().transpose()) {
                Ok(None) => break None,
                Ok(Some(entry)) => {
                    let metadata = ask(|| entry.metadata()).map(|found| node(&found));
                    entries.push(OtherEntry { name: entry.file_name().as_ref().into(), metadata });
                }
                Err(error) => break Some(error),
            }
        };
        entries.sort_by(|left, right| left.name.cmp(&right.name));
        Ok((entries, damage))
    }

    /// The target of a symbolic link that is so long.
    pub(super) fn link_target(&self, path: &EvidencePath, size: u64) -> Result<Vec<u8>, OtherError> {
        if size > TARGET {
            return Err(OtherError::NotAsked("no target is as long"));
        }
        let path = as_path(path)?;
        ask(|| self.0.read_link(path)).map(|target| target.as_path().as_ref().to_vec())
    }

    pub(super) fn open_file(&self, path: &EvidencePath) -> Result<OtherFile, OtherError> {
        let path = as_path(path)?;
        ask(|| self.0.open(path)).map(OtherFile)
    }
}

impl OtherFile {
    /// The next bytes: as many as fit, less only at the end.
    pub(super) fn read<'a>(&mut self, buffer: &'a mut [u8]) -> Result<&'a [u8], OtherError> {
        let mut done = 0_usize;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match ask(|| self.0.read_bytes(rest))? {
                0 => break,
                read => done = done.saturating_add(read),
            }
        }
        Ok(buffer.get(..done).unwrap_or_default())
    }
}

/// Whether inodes are valid and the other reader takes them for cut off: it wants all of a checksum, of which the upper half
/// lies behind the first 128 bytes, and Linux makes do with the lower one where they have no more.
///
/// Source: Linux 6.12, fs/ext4/inode.c (`ext4_inode_csum_verify`).
fn is_too_short(source: &Source) -> bool {
    const REVISION: usize = 0x4c;
    const INODE_BYTES: usize = 0x58;
    const READ_ONLY_COMPATIBLE: usize = 0x64;
    const METADATA_CSUM: u32 = 0x400;
    let mut superblock = [0; 1024];
    if read_exact_at(source.as_ref(), 1024, &mut superblock).is_err() {
        return false;
    }
    let features = u32_le(&superblock, READ_ONLY_COMPATIBLE).unwrap_or(0);
    let is_short = u32_le(&superblock, REVISION) == Some(0) || u16_le(&superblock, INODE_BYTES) == Some(128);
    is_short && features & METADATA_CSUM != 0
}

fn node(found: &Metadata) -> OtherNode {
    let time = |time: ext4_view::Timestamp| (time.seconds(), time.nanoseconds());
    OtherNode {
        node_type: match found.file_type() {
            FileType::Regular => NodeType::File,
            FileType::Directory => NodeType::Directory,
            FileType::Symlink => NodeType::Symlink,
            FileType::Fifo => NodeType::Fifo,
            FileType::Socket => NodeType::Socket,
            FileType::CharacterDevice => NodeType::CharacterDevice,
            FileType::BlockDevice => NodeType::BlockDevice,
        },
        permissions: found.mode(),
        uid: found.uid(),
        gid: found.gid(),
        size: found.len(),
        accessed: Some(time(found.accessed())),
        modified: Some(time(found.modified())),
        created: found.created().map(time),
    }
}
