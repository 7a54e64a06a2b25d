//! What is written beside the events.

/// A number of a row.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),*) => {
        $($(#[$doc])* #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)] pub struct $name(pub(crate) i64);)*
    };
}

ids!(
    /// An exhibit.
    ExhibitId,
    /// A volume of an exhibit.
    VolumeId,
    /// A file of a volume.
    FileId
);

/// A file, as its inode and the name that was met tell it. Times are nanoseconds since 1970 in UTC.
#[derive(Debug, Clone, Copy)]
pub struct FileRow<'a> {
    /// The volume.
    pub volume: VolumeId,
    /// The path; `None` for an inode that no name leads to.
    pub path: Option<&'a [u8]>,
    /// The inode.
    pub inode: u64,
    /// Its generation.
    pub generation: Option<u32>,
    /// Whether it is in use.
    pub state: &'static str,
    /// What it is.
    pub file_type: &'static str,
    /// Bytes.
    pub size: u64,
    /// Permissions and the bits for setuid, setgid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Names.
    pub links: u32,
    /// When modified, accessed, changed, created and deleted.
    pub times: [Option<i64>; 5],
}

/// What a log covers.
#[derive(Debug, Clone, Default)]
pub struct LogRow {
    /// The parser with its edition.
    pub parser: String,
    /// `whole`, `cut`, `unreadable`, `unsupported` or `empty`.
    pub state: &'static str,
    /// How it is compressed.
    pub compression: Option<&'static str>,
    /// Records that were understood.
    pub records: u64,
    /// Records that were not.
    pub others: u64,
    /// Nanoseconds between two records that are usual for it.
    pub habit: Option<i64>,
    /// How years and zones were inferred.
    pub times: Option<String>,
}

/// A silence of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The last record before it, in nanoseconds since 1970 in UTC; `None` if there is none.
    pub start: Option<i64>,
    /// The first record behind it.
    pub end: Option<i64>,
    /// Why it is one.
    pub reason: String,
}

/// What would not have been logged, by the settings of an image.
#[derive(Debug, Clone, Copy)]
pub struct BlindSpot<'a> {
    /// The program or the part of the system, such as `sshd`.
    pub service: &'a str,
    /// What leaves no record.
    pub unlogged: &'a str,
    /// `unlogged`, or `unknown` if the settings could not be judged.
    pub state: &'static str,
    /// The setting that was found, or that it is absent, and the default of the program; made visible.
    pub reason: &'a str,
    /// The file that holds the setting or would hold it: its volume and inode; `None` if there is no such file.
    pub file: Option<(VolumeId, u64)>,
    /// Its path.
    pub path: &'a [u8],
    /// Where the setting stands: byte, number of bytes, and line from 1; `None` if it is absent.
    pub span: Option<(u64, u64, u64)>,
}

/// A file that may be a log and has not been read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingLog {
    /// Its place among those that wait.
    pub turn: i64,
    /// Its number.
    pub file: FileId,
    /// The name of its volume.
    pub volume: String,
    /// The path.
    pub path: Vec<u8>,
    /// The inode.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When modified, in nanoseconds since 1970 in UTC.
    pub modified: Option<i64>,
    /// When the inode was changed.
    pub changed: Option<i64>,
    /// When created.
    pub created: Option<i64>,
    /// Byte of the volume where it begins.
    pub place: u64,
}
