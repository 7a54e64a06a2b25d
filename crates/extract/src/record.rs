//! The records of the manifest, each one JSON object on a line.

use crate::SCHEMA;
use kanshiki_filesystem::{Extent, ExtentState, FileSystem, Node, NodeRecord, NodeType, Xattr};
use kanshiki_model::{ByteRange, EvidencePath, Exact, Issue, hex};
use serde::Serialize;

/// The most extents, and the most unreadable ranges, that one record lists.
const LISTED: usize = 100_000;

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// A file that was written whole, or a directory that was made.
    Extracted,
    /// A file that was written with zeroes for what could not be read, or whose digest is missing; the record says which.
    Partial,
    /// Another name of a file that was written before: `same_as` tells where.
    SameFile,
    /// By its nature no plain file: the record is all there is.
    Listed,
    /// Left out because of the limit on bytes.
    TooLarge,
    /// It could not be written; the record says why.
    Failed,
}

/// One thing that was asked for, or lies below it.
#[derive(Debug, Clone, Serialize)]
pub struct EntryRecord {
    pub(crate) schema: u32,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The path in the evidence; escaped if it is no UTF-8.
    pub path: String,
    /// The bytes of the path in hexadecimal, if they are no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// The volume's name.
    pub volume: String,
    /// What the inode says; `None` if it could not be read.
    #[serde(flatten)]
    pub node: Option<FullRecord>,
    /// What became of it.
    pub status: Status,
    /// Where it was written, from the output folder.
    pub output: Option<String>,
    /// Where the content was written under another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
    /// SHA-256 of the file as it was written, in hexadecimal.
    pub sha256: Option<String>,
    /// Bytes that were written, holes not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<u64>,
    /// What could not be read, and is zeroes in the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<ByteRange>,
    /// How many bytes could not be read.
    #[serde(skip_serializing_if = "is_zero")]
    pub unreadable_bytes: u64,
    /// Why it is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl EntryRecord {
    pub(crate) fn new(path: &EvidencePath, volume: &str, status: Status) -> Self {
        let (text, path_hex) = Exact::of(path.as_bytes()).into_owned();
        Self {
            schema: SCHEMA,
            kind: "entry",
            path: text,
            path_hex,
            volume: volume.to_owned(),
            node: None,
            status,
            output: None,
            same_as: None,
            sha256: None,
            written_bytes: None,
            unreadable: Vec::new(),
            unreadable_bytes: 0,
            reason: None,
        }
    }

    pub(crate) fn failed(mut self, reason: impl Into<String>) -> Self {
        self.status = Status::Failed;
        self.reason = Some(reason.into());
        self
    }
}

/// What an inode says, and what hangs on it.
#[derive(Debug, Clone, Serialize)]
pub struct FullRecord {
    #[serde(flatten)]
    node: NodeRecord,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    xattrs: Vec<XattrRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extents: Option<Vec<ExtentRecord>>,
    /// What of the above could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issues: Vec<Issue>,
}

#[derive(Debug, Clone, Serialize)]
struct XattrRecord {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    value_hex: String,
    value_offset: u64,
}

impl From<Xattr> for XattrRecord {
    fn from(xattr: Xattr) -> Self {
        let (name, name_hex) = Exact::of(&xattr.name).into_owned();
        Self { name, name_hex, value_hex: hex(&xattr.value), value_offset: xattr.offset }
    }
}

#[derive(Debug, Clone, Serialize)]
struct ExtentRecord {
    start: u64,
    end: u64,
    state: &'static str,
    /// Where it lies, in bytes from the start of the volume.
    at: Option<u64>,
}

impl From<Extent> for ExtentRecord {
    fn from(extent: Extent) -> Self {
        let (state, at) = match extent.state {
            ExtentState::Stored(at) => ("stored", Some(at)),
            ExtentState::Unwritten(at) => ("unwritten", Some(at)),
            ExtentState::Inline(at) => ("inline", Some(at)),
            ExtentState::Hole => ("hole", None),
        };
        Self { start: extent.range.start, end: extent.range.end, state, at }
    }
}

impl FullRecord {
    /// Reads all there is to a node but its content. `subject` is its path, made visible.
    pub(crate) fn read(filesystem: &dyn FileSystem, node: &Node, subject: &str, extents: bool) -> Self {
        let mut issues = Vec::new();
        let xattrs = match filesystem.xattrs(node.id) {
            Ok(xattrs) => good(xattrs, subject, &mut issues),
            Err(error) => {
                issues.push(error.issue(subject));
                Vec::new()
            }
        };
        let extents = extents.then(|| match filesystem.extents(node.id) {
            Ok(extents) => good(extents, subject, &mut issues),
            Err(error) => {
                issues.push(error.issue(subject));
                Vec::new()
            }
        });
        let target = (node.node_type == NodeType::Symlink)
            .then(|| filesystem.link_target(node.id).map_err(|error| issues.push(error.issue(subject))).ok())
            .flatten();
        Self { node: NodeRecord::of(node, target.as_deref()), xattrs, extents, issues }
    }

    pub(crate) fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

/// What of a stream could be read, at most [`LISTED`]; errors, and that there is more, become issues.
fn good<T, R: From<T>>(stream: kanshiki_filesystem::Stream<'_, T>, subject: &str, issues: &mut Vec<Issue>) -> Vec<R> {
    let mut good = Vec::new();
    for item in stream {
        if good.len().saturating_add(issues.len()) >= LISTED {
            issues
                .push(Issue::new(subject, format!("more than {LISTED} extents or attributes: the rest is not listed")));
            break;
        }
        match item {
            Ok(item) => good.push(R::from(item)),
            Err(error) => issues.push(error.issue(subject)),
        }
    }
    good
}

/// The ranges that a record lists; the number of bytes tells of the rest.
pub(crate) fn listed(ranges: &kanshiki_model::ByteRanges) -> Vec<ByteRange> {
    ranges.iter().take(LISTED).collect()
}

/// Something that must be known.
#[derive(Debug, Serialize)]
pub(crate) struct IssueRecord<'a> {
    pub(crate) schema: u32,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    pub(crate) issue: &'a Issue,
}

/// How it ended.
#[derive(Debug, Serialize)]
pub(crate) struct EndRecord {
    pub(crate) schema: u32,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Whether all that was asked for was gone through.
    pub(crate) complete: bool,
    pub(crate) time: kanshiki_model::Timestamp,
    pub(crate) entries: u64,
    pub(crate) files: u64,
    pub(crate) partial: u64,
    pub(crate) failed: u64,
    pub(crate) directories: u64,
    pub(crate) listed: u64,
    pub(crate) written_bytes: u64,
    pub(crate) issues: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}
