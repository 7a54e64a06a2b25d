//! `kanshiki stat`: everything that the filesystem says of a node.

use super::blocks::{ExtentRows, extent_lines};
use super::node::{self, NodeFields, NodeLine, PathFields};
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use kanshiki_browse::{decoded, undecoded};
use kanshiki_filesystem::{Detail, FileSystem, Follow, Node, NodeType, Place, Xattr};
use kanshiki_model::{EvidencePath, Exact, FileTime, Size, hex, visible};
use serde::Serialize;
use std::ffi::OsString;

const AFTER_HELP: &str = "\
Shows every field of the inode, with times in UTC to the nanosecond where they are recorded, the
attributes with access lists, capabilities and labels decoded, where the content lies, and the
blocks of its map and attributes. As JSON, each node is a line of type `node`, followed by one of
type `extent` for each extent and one of type `node-block` for each of the other blocks.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done.

Examples:
  kanshiki stat disk.raw /etc/shadow
  kanshiki stat disk.raw:p2 --inode 12
  kanshiki stat disk.raw /usr/bin/passwd /usr/bin/sudo --jsonl";

/// Show everything that the filesystem says of files or inodes
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct StatArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Files in the image
    #[arg(value_name = "PATH", required_unless_present = "inode")]
    paths: Vec<OsString>,
    /// The inode with this number, in use or deleted; may be given again
    #[arg(long, value_name = "NUMBER", conflicts_with = "paths")]
    inode: Vec<u64>,
    /// Follow a symbolic link in the last place of PATH
    #[arg(long, short = 'L')]
    follow: bool,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

#[derive(Serialize)]
struct StatLine<'a> {
    #[serde(flatten)]
    line: MaybePath<'a>,
    image: Option<String>,
    inode_image_offset: Option<u64>,
    xattrs: Vec<XattrFields>,
    details: Vec<DetailFields<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum MaybePath<'a> {
    Path(NodeLine<'a>),
    Inode(NodeFields<'a>),
}

#[derive(Serialize)]
struct DetailFields<'a> {
    name: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
struct XattrFields {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    value_hex: String,
    value_offset: u64,
    decoded: Option<String>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &StatArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(arguments, &evidence, &mut output)?;
    output.finish()
}

pub(super) fn show(arguments: &StatArguments, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    let mut first = true;
    let mut each = |path: Option<&EvidencePath>, place: Place, node: &Node, output: &mut Output| {
        if !std::mem::take(&mut first) && !output.is_json() {
            output.line("")?;
        }
        one(evidence, path, place, node, output)
    };
    for inode in &arguments.inode {
        let (place, node) = evidence.inode(*inode)?;
        each(None, place, &node, output)?;
    }
    for path in &arguments.paths {
        let follow = if arguments.follow { Follow::All } else { Follow::AllButLast };
        let located = evidence.locate(Some(path), follow)?;
        each(Some(&located.path), located.place, &located.node, output)?;
    }
    Ok(())
}

fn one(
    evidence: &Evidence,
    path: Option<&EvidencePath>,
    place: Place,
    node: &Node,
    output: &mut Output,
) -> Result<(), Failure> {
    let Some(filesystem) = evidence.view.filesystem(place) else { return Ok(()) };
    let filesystem: &dyn FileSystem = filesystem.as_ref();
    let tell = |error| evidence.issue(place.volume, path, &error);
    let mut issues = Vec::new();
    let target = match node.node_type {
        NodeType::Symlink => filesystem.link_target(place.node).map_err(|error| issues.push(tell(error))).ok(),
        _ => None,
    };
    let mut xattrs = Vec::new();
    match filesystem.xattrs(place.node) {
        Ok(stream) => stream.for_each(|xattr| match xattr {
            Ok(xattr) => xattrs.push(xattr),
            Err(error) => issues.push(tell(error)),
        }),
        Err(error) => issues.push(tell(error)),
    }
    let details = filesystem.details(place.node).unwrap_or_else(|error| {
        issues.push(tell(error));
        Vec::new()
    });
    let found = Found { evidence, path, place, node, target, xattrs, details };
    if output.is_json() {
        output.object("node", &found.json())?;
    } else {
        found.lines().iter().try_for_each(|line| output.line(line))?;
    }
    extent_lines(
        evidence,
        &ExtentRows { path, place, node, indent: "  ", headings: Some(("content:", "other blocks:")) },
        output,
    )?;
    issues.iter().try_for_each(|issue| output.issue(issue))
}

struct Found<'a> {
    evidence: &'a Evidence,
    path: Option<&'a EvidencePath>,
    place: Place,
    node: &'a Node,
    target: Option<Vec<u8>>,
    xattrs: Vec<Xattr>,
    details: Vec<Detail>,
}

impl Found<'_> {
    fn json(&self) -> impl Serialize + '_ {
        let volume = node::volume_name(&self.evidence.view, self.place.volume);
        let node = NodeFields::of(volume, self.node, self.target.as_deref());
        let line = match self.path {
            Some(path) => MaybePath::Path(NodeLine { path: PathFields::of(path), node }),
            None => MaybePath::Inode(node),
        };
        let place = self.evidence.image_place(self.place.volume, self.node.offset);
        StatLine {
            line,
            image: place.and_then(|place| self.evidence.image_name(place.image)),
            inode_image_offset: place.map(|place| place.offset),
            xattrs: self.xattrs.iter().map(xattr_fields).collect(),
            details: self.details.iter().map(detail_fields).collect(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let node = self.node;
        let mut lines = Vec::new();
        let mut line = |name: &str, value: String| lines.push(format!("{:<12}{value}", format!("{name}:")));
        if let Some(path) = self.path {
            line("path", path.to_string());
        }
        let volume = node::volume_name(&self.evidence.view, self.place.volume);
        if !volume.is_empty() {
            line("volume", volume.to_owned());
        }
        line("inode", format!("{}, generation {}", node.id.inode, node.id.generation));
        let encrypted = if node.encrypted { ", encrypted" } else { "" };
        line("type", format!("{}, {}{encrypted}", node.node_type, node.state.name()));
        line("mode", format!("{:04o} ({})", node.mode & 0o7777, node.node_type.permissions(node.mode)));
        let project = node.project.map(|project| format!(", project {project}")).unwrap_or_default();
        line("owner", format!("uid {}, gid {}{project}", node.uid, node.gid));
        line("links", node.links.to_string());
        line("size", Size(node.size).to_string());
        line("allocated", Size(node.allocated_bytes).to_string());
        if let Some(device) = node.device {
            line("device", device.to_string());
        }
        if let Some(target) = &self.target {
            line("target", visible(target));
        }
        for (name, time) in [
            ("accessed", node.times.accessed),
            ("modified", node.times.modified),
            ("changed", node.times.changed),
            ("created", node.times.created),
            ("deleted", node.times.deleted),
        ] {
            line(name, time_or_dash(time));
        }
        line("flags", format!("{:#010x}", node.flags));
        let image = self.evidence.image_place(self.place.volume, node.offset).map(|place| {
            let name = self.evidence.image_name(place.image).unwrap_or_default();
            format!(", byte {} of {name}", place.offset)
        });
        line("lies at", format!("byte {} of the volume{}", node.offset, image.unwrap_or_default()));
        if !self.details.is_empty() {
            lines.push("details:".to_owned());
            lines.extend(self.details.iter().map(|detail| format!("  {}: {}", detail.name, detail.value)));
        }
        if !self.xattrs.is_empty() {
            lines.push("attributes:".to_owned());
            lines.extend(self.xattrs.iter().map(xattr_line));
        }
        lines
    }
}

fn time_or_dash(time: Option<FileTime>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.to_string())
}

fn xattr_line(xattr: &Xattr) -> String {
    let value = decoded(&xattr.name, &xattr.value).unwrap_or_else(|| undecoded(&xattr.value));
    format!("  {}: {value}", visible(&xattr.name))
}

fn detail_fields(detail: &Detail) -> DetailFields<'_> {
    DetailFields { name: detail.name, value: &detail.value }
}

fn xattr_fields(xattr: &Xattr) -> XattrFields {
    let (name, name_hex) = Exact::of(&xattr.name).into_owned();
    XattrFields {
        name,
        name_hex,
        value_hex: hex(&xattr.value),
        value_offset: xattr.offset,
        decoded: decoded(&xattr.name, &xattr.value),
    }
}
