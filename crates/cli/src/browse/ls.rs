//! `kanshiki ls`: what lies in a directory.

use super::node::{self, NodeFields, PathFields};
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use kanshiki_browse::{ListEvent, ListOptions, ListOrder, ListRow, list};
use kanshiki_filesystem::{Entry, EntryState, Follow, Located, Node, NodeType, Place};
use kanshiki_model::visible;
use serde::Serialize;
use std::ffi::OsString;

const AFTER_HELP: &str = "\
Entries come by name, in the order of its bytes, one a line; names that begin with a dot are shown
always. With -R a directory's own entries come first, then each directory among them in the same
way. Names are escaped, as in a\\u{1b}b\\xff, so that no name steers the terminal; PATH is taken as it
is, or in this form. With --deleted, removed entries that still lie in the directories stand among
the others, marked `deleted`, with what their inodes hold now: that may be another file by now.

A symbolic link that is PATH is followed to a directory; it is listed itself with -l, and if it
leads to anything else.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done.

Examples:
  kanshiki ls disk.raw /etc
  kanshiki ls -l -a disk.raw:p2 /var/log
  kanshiki ls -R --deleted --jsonl cases/2026-014/exhibits/laptop-disk / > names.jsonl";

/// List a directory: names, inodes, owners, sizes, times; also what was deleted
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct LsArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Directory or file in the image [default: /]
    path: Option<OsString>,
    /// Permissions, links, owner, group, size, time of the last change of content, and name
    #[arg(long, short)]
    long: bool,
    /// List `.` and `..` too
    #[arg(long, short)]
    all: bool,
    /// List the directories below too, and what lies in them
    #[arg(long, short = 'R')]
    recursive: bool,
    /// Show the inode before each name
    #[arg(long, short)]
    inode: bool,
    /// List PATH itself, not what lies in it; a symbolic link is not followed
    #[arg(long, short)]
    directory: bool,
    /// List removed entries too
    #[arg(long)]
    deleted: bool,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

/// An entry in JSON.
#[derive(Serialize)]
struct EntryLine<'a> {
    #[serde(flatten)]
    path: PathFields<'a>,
    entry_state: Option<&'static str>,
    entry_inode: Option<u64>,
    entry_type: Option<&'static str>,
    entry_offset: Option<u64>,
    #[serde(flatten)]
    node: Option<NodeFields<'a>>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &LsArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(arguments, &evidence, &mut output)?;
    output.finish()
}

/// Lists what was asked for.
pub(super) fn show(arguments: &LsArguments, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    let (start, is_alone) = start(arguments, evidence)?;
    let mut lines = Lines { arguments, evidence, output, begun: false };
    if is_alone {
        let (path, volume) = (start.path, start.place.volume);
        let found = Ok((start.place, start.node));
        return lines.entry(&ListRow { path, entry: None, volume, found, depth: 0, last: true });
    }
    let order = if arguments.recursive { ListOrder::Groups } else { ListOrder::Flat };
    let options = ListOptions { order, dots: arguments.all, removed: arguments.deleted, depth: None };
    list(&evidence.view, &start, options, &mut |event| lines.event(event))
}

/// What to list, and whether it stands for itself: as in GNU ls, a symbolic link does with -l, and if it leads to no
/// directory.
fn start(arguments: &LsArguments, evidence: &Evidence) -> Result<(Located, bool), Failure> {
    let path = arguments.path.as_deref();
    let itself = evidence.locate(path, Follow::AllButLast)?;
    if arguments.directory {
        return Ok((itself, true));
    }
    let is_link = itself.node.node_type == NodeType::Symlink;
    let wants_target = path.is_some_and(|path| path.as_encoded_bytes().ends_with(b"/"));
    if is_link && wants_target {
        return evidence.locate(path, Follow::All).map(|target| (target, false));
    }
    if is_link && !arguments.long {
        let target = evidence.locate(path, Follow::All).ok();
        let directory = target.filter(|target| target.node.node_type == NodeType::Directory);
        return Ok(directory.map_or((itself, true), |target| (target, false)));
    }
    Ok((itself, is_link))
}

struct Lines<'a> {
    arguments: &'a LsArguments,
    evidence: &'a Evidence,
    output: &'a mut Output,
    begun: bool,
}

impl Lines<'_> {
    fn event(&mut self, event: ListEvent<'_>) -> Result<(), Failure> {
        match event {
            ListEvent::Directory(path) => {
                if self.arguments.recursive && !self.output.is_json() {
                    if self.begun {
                        self.output.line("")?;
                    }
                    self.output.line(&format!("{path}:"))?;
                }
                self.begun = true;
                Ok(())
            }
            ListEvent::Entry(row) => self.entry(&row),
            ListEvent::Damage { path, volume, error } => {
                self.output.issue(&self.evidence.issue(volume, Some(path), &error))
            }
        }
    }

    fn entry(&mut self, row: &ListRow) -> Result<(), Failure> {
        if self.output.is_json() {
            self.json(row)?;
        } else {
            let (before, name, after) = self.line(row);
            let node = row.found.as_ref().ok().map(|(_, node)| node);
            self.output.painted_line((&before, &name, &after), |paint, name| node::painted(paint, name, node))?;
        }
        match (&row.found, &row.entry) {
            // What a removed entry leads to may well be gone.
            (Err(error), Some(Entry { state: EntryState::Live, .. }) | None) => {
                self.output.issue(&self.evidence.issue(row.volume, Some(&row.path), error))
            }
            _ => Ok(()),
        }
    }

    fn json(&mut self, row: &ListRow) -> Result<(), Failure> {
        let view = &self.evidence.view;
        let found = row.found.as_ref().ok();
        let target = found.and_then(|(place, node)| node::link_target(view, *place, node));
        let name = |place: &Place| node::volume_name(view, place.volume);
        let entry = row.entry.as_ref();
        let line = EntryLine {
            path: PathFields::of(&row.path),
            entry_state: entry.map(|entry| entry_state(entry.state)),
            entry_inode: entry.map(|entry| entry.inode),
            entry_type: entry.and_then(|entry| entry.node_type).map(NodeType::name),
            entry_offset: entry.map(|entry| entry.offset),
            node: found.map(|(place, node)| NodeFields::of(name(place), node, target.as_deref())),
        };
        self.output.object("entry", &line)
    }

    /// What stands before the name, the name, and what stands behind it.
    fn line(&self, row: &ListRow) -> (String, String, String) {
        let mut line = String::new();
        let found = row.found.as_ref().ok();
        if self.arguments.inode {
            let inode = row.entry.as_ref().map(|entry| entry.inode).or(found.map(|(place, _)| place.node.inode));
            // Where another volume hangs over the directory, its root is what is listed.
            let inode = found
                .filter(|_| row.entry.as_ref().is_none_or(|entry| !is_dot(entry)))
                .map_or(inode, |(place, _)| Some(place.node.inode));
            line.push_str(&format!("{:>8} ", inode.unwrap_or(0)));
        }
        if self.arguments.long {
            line.push_str(&found.map_or_else(unknown_columns, |(_, node)| columns(node)));
        }
        let name = row.entry.as_ref().map_or_else(|| row.path.to_string(), |entry| visible(&entry.name));
        let mut after = String::new();
        if self.arguments.long
            && let Some(target) = found.and_then(|(place, node)| node::link_target(&self.evidence.view, *place, node))
        {
            after.push_str(&format!(" -> {}", visible(&target)));
        }
        if self.arguments.long && found.is_some_and(|(_, node)| node.encrypted) {
            after.push_str(" (encrypted)");
        }
        if row.entry.as_ref().is_some_and(|entry| entry.state == EntryState::Deleted) {
            after.push_str(&format!(" (deleted{})", what_it_holds(row)));
        }
        (line, name, after)
    }
}

fn is_dot(entry: &Entry) -> bool {
    entry.name == b"." || entry.name == b".."
}

/// What has become of the inode of a removed entry.
fn what_it_holds(row: &ListRow) -> String {
    match &row.found {
        _ if row.entry.as_ref().is_some_and(|entry| entry.inode == 0) => ", inode lost".to_owned(),
        Ok((place, node)) if node.state == kanshiki_filesystem::NodeState::Allocated => {
            format!(", inode {} in use", place.node.inode)
        }
        Ok((place, _)) => format!(", inode {}", place.node.inode),
        Err(_) => ", inode not readable".to_owned(),
    }
}

fn columns(node: &Node) -> String {
    let size = node.device.map_or_else(|| node.size.to_string(), |device| device.to_string());
    let time = node::short_time(node.times.modified);
    format!(
        "{} {:>3} {:>5} {:>5} {size:>11} {time} ",
        node.node_type.permissions(node.mode),
        node.links,
        node.uid,
        node.gid,
    )
}

fn unknown_columns() -> String {
    format!("?????????? {:>3} {:>5} {:>5} {:>11} {:<20} ", "?", "?", "?", "?", "?")
}

const fn entry_state(state: EntryState) -> &'static str {
    match state {
        EntryState::Live => "live",
        EntryState::Deleted => "deleted",
    }
}
