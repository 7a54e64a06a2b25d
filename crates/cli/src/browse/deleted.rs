//! `kanshiki deleted`: what was deleted, and how much of it is still there.

use super::node::{self, NodeFields, PathFields};
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use kanshiki_browse::{DeletedEvent, DeletedName, deleted};
use kanshiki_filesystem::{DeletedNode, Node, NodeState, WhyDeleted};
use kanshiki_model::Size;
use serde::Serialize;

const AFTER_HELP: &str = "\
First come the names that still lie in directories, in use or deleted, with what their inodes hold
now: a name says `in use` if its inode belongs to another file by now. Then come the deleted inodes,
with how much of their content still has a place: in blocks that are free, in blocks that are in use
again, and nowhere. `kanshiki cat --inode NUMBER` reads what can be read.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done.

Examples:
  kanshiki deleted disk.raw
  kanshiki deleted disk.raw:p2 --jsonl
  kanshiki cat disk.raw:p2 --inode 12 > remains";

/// List deleted names and inodes, with sizes, times, and whether their blocks are free
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DeletedArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

#[derive(Serialize)]
struct NameLine<'a> {
    name_volume: &'a str,
    #[serde(flatten)]
    path: PathFields<'a>,
    entry_inode: u64,
    entry_type: Option<&'static str>,
    entry_offset: u64,
    #[serde(flatten)]
    node: Option<NodeFields<'a>>,
}

#[derive(Serialize)]
struct InodeLine<'a> {
    why: &'static str,
    remains_free: u64,
    remains_in_use: u64,
    remains_unmapped: u64,
    #[serde(flatten)]
    node: NodeFields<'a>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &DeletedArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(&evidence, &mut output)?;
    output.finish()
}

pub(super) fn show(evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    let mut heading = Headings::default();
    let (mut names, mut inodes) = (0_u64, 0_u64);
    deleted(&evidence.view, &mut |event| match event {
        DeletedEvent::Name(name) => {
            names += 1;
            if output.is_json() {
                return json_name(evidence, &name, output);
            }
            heading.names(output)?;
            output.line(&name_line(evidence, &name))
        }
        DeletedEvent::Node { volume, deleted } => {
            inodes += 1;
            if output.is_json() {
                return json_inode(evidence, volume, &deleted, output);
            }
            heading.inodes(output)?;
            output.line(&inode_line(evidence, volume, &deleted))
        }
        DeletedEvent::Damage(issue) => output.issue(&issue),
    })?;
    if output.is_json() {
        return Ok(());
    }
    output.line(&format!("{names} deleted names, {inodes} deleted inodes"))
}

/// The headings of the two parts, each told before its first line.
#[derive(Default)]
struct Headings {
    names: bool,
    inodes: bool,
}

impl Headings {
    fn names(&mut self, output: &mut Output) -> Result<(), Failure> {
        if std::mem::replace(&mut self.names, true) || self.inodes {
            return Ok(());
        }
        output.line("names:")
    }

    fn inodes(&mut self, output: &mut Output) -> Result<(), Failure> {
        if std::mem::replace(&mut self.inodes, true) {
            return Ok(());
        }
        output.line("inodes:")
    }
}

fn json_name(evidence: &Evidence, name: &DeletedName, output: &mut Output) -> Result<(), Failure> {
    let volume = node::volume_name(&evidence.view, name.volume);
    let found = name.node.as_ref().and_then(|node| node.as_ref().ok());
    let line = NameLine {
        name_volume: volume,
        path: PathFields::of(&name.path),
        entry_inode: name.entry.inode,
        entry_type: name.entry.node_type.map(kanshiki_filesystem::NodeType::name),
        entry_offset: name.entry.offset,
        node: found.map(|node| NodeFields::of(volume, node, None)),
    };
    output.object("deleted-name", &line)
}

fn json_inode(evidence: &Evidence, volume: usize, deleted: &DeletedNode, output: &mut Output) -> Result<(), Failure> {
    let volume = node::volume_name(&evidence.view, volume);
    let line = InodeLine {
        why: why(deleted.why),
        remains_free: deleted.remains.free,
        remains_in_use: deleted.remains.in_use,
        remains_unmapped: deleted.remains.unmapped,
        node: NodeFields::of(volume, &deleted.node, None),
    };
    output.object("deleted-inode", &line)
}

fn name_line(evidence: &Evidence, name: &DeletedName) -> String {
    let holds = match &name.node {
        None => "inode lost".to_owned(),
        Some(Err(_)) => format!("inode {}, not readable", name.entry.inode),
        Some(Ok(node)) if node.state == NodeState::Allocated => {
            format!("inode {}, in use by another file or under another name", node.id.inode)
        }
        Some(Ok(node)) => format!("inode {}, {}", node.id.inode, sized(node)),
    };
    let volume = node::volume_name(&evidence.view, name.volume);
    // One volume needs no name.
    let volume = if evidence.view.volumes().len() > 1 { format!("{volume} ") } else { String::new() };
    format!("  {volume}{}  ({holds})", name.path)
}

fn sized(node: &Node) -> String {
    let time = node.times.deleted.map(|time| format!(", deleted {time}")).unwrap_or_default();
    format!("{}, {}{time}", node.node_type, Size(node.size))
}

fn inode_line(evidence: &Evidence, volume: usize, deleted: &DeletedNode) -> String {
    let node = &deleted.node;
    let name = node::volume_name(&evidence.view, volume);
    let volume = if evidence.view.volumes().len() > 1 { format!("{name} ") } else { String::new() };
    let modified = node.times.modified.map(|time| format!(", modified {time}")).unwrap_or_default();
    let remains = &deleted.remains;
    let parts = [(remains.free, "in free blocks"), (remains.in_use, "in blocks in use"), (remains.unmapped, "nowhere")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(bytes, _)| *bytes > 0)
        .map(|(bytes, place)| format!("{} {place}", Size(bytes).short()))
        .collect();
    let parts = if parts.is_empty() { String::new() } else { format!("; content: {}", parts.join(", ")) };
    format!(
        "  {volume}inode {} ({}): {} {}, uid {}, gid {}{modified}{parts}",
        node.id.inode,
        why(deleted.why),
        node.node_type.permissions(node.mode),
        sized(node),
        node.uid,
        node.gid
    )
}

const fn why(why: WhyDeleted) -> &'static str {
    match why {
        WhyDeleted::DeletionTime => "deletion-time",
        WhyDeleted::FreeInode => "free-inode",
        WhyDeleted::OrphanList => "orphan-list",
        WhyDeleted::OrphanFile => "orphan-file",
        WhyDeleted::NoLinks => "no-links",
    }
}
