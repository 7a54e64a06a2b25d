//! `kanshiki tree`: what lies below a directory, drawn as a tree.

use super::node::{self, NodeFields, NodeLine, PathFields};
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use kanshiki_browse::{ListEvent, ListOptions, ListOrder, ListRow, list};
use kanshiki_filesystem::{EntryState, Follow, NodeType};
use kanshiki_model::visible;
use serde::Serialize;
use std::ffi::OsString;

const AFTER_HELP: &str = "\
Each directory is followed by what lies in it, by name. A directory that has a second name, or lies
inside itself, is gone into once and told.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done.

Examples:
  kanshiki tree disk.raw /etc
  kanshiki tree disk.raw:p2 --depth 2
  kanshiki tree disk.raw --deleted /home --jsonl";

/// Draw what lies below a directory as a tree
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TreeArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Directory in the image [default: /]
    path: Option<OsString>,
    /// Directories inside each other to go into at most
    #[arg(long, short = 'L', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    depth: Option<u64>,
    /// Show the inode before each name
    #[arg(long, short)]
    inode: bool,
    /// Show removed entries too
    #[arg(long)]
    deleted: bool,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

#[derive(Serialize)]
struct TreeLine<'a> {
    depth: usize,
    #[serde(flatten)]
    line: NodeLine<'a>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &TreeArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(arguments, &evidence, &mut output)?;
    output.finish()
}

pub(super) fn show(arguments: &TreeArguments, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    let start = evidence.locate(arguments.path.as_deref(), Follow::All)?;
    let depth = arguments.depth.map(|depth| usize::try_from(depth).unwrap_or(usize::MAX));
    let options = ListOptions { order: ListOrder::Tree, dots: false, removed: arguments.deleted, depth };
    if !output.is_json() && start.node.node_type == NodeType::Directory {
        output.line(&start.path.to_string())?;
    }
    let mut drawing = Drawing { arguments, evidence, output, last: Vec::new(), directories: 0, others: 0 };
    list(&evidence.view, &start, options, &mut |event| drawing.event(event))?;
    let (directories, others) = (drawing.directories, drawing.others);
    if output.is_json() {
        return Ok(());
    }
    output.line("")?;
    output.line(&format!("{directories} directories, {others} other entries"))
}

struct Drawing<'a> {
    arguments: &'a TreeArguments,
    evidence: &'a Evidence,
    output: &'a mut Output,
    /// Whether the directory gone into at each depth was the last of its own.
    last: Vec<bool>,
    directories: u64,
    others: u64,
}

impl Drawing<'_> {
    fn event(&mut self, event: ListEvent<'_>) -> Result<(), Failure> {
        match event {
            ListEvent::Directory(_) => Ok(()),
            ListEvent::Damage { path, volume, error } => {
                self.output.issue(&self.evidence.issue(volume, Some(path), &error))
            }
            ListEvent::Entry(row) => self.row(&row),
        }
    }

    fn row(&mut self, row: &ListRow) -> Result<(), Failure> {
        self.last.truncate(row.depth.saturating_sub(1));
        match &row.found {
            Ok((_, node)) if node.node_type == NodeType::Directory => self.directories += 1,
            _ => self.others += 1,
        }
        if self.output.is_json() {
            self.json(row)?;
        } else {
            let (before, name, after) = self.line(row);
            let node = row.found.as_ref().ok().map(|(_, node)| node);
            self.output.painted_line((&before, &name, &after), |paint, name| node::painted(paint, name, node))?;
        }
        self.last.push(row.last);
        match &row.found {
            Err(error) if row.entry.as_ref().is_none_or(|entry| entry.state == EntryState::Live) => {
                self.output.issue(&self.evidence.issue(row.volume, Some(&row.path), error))
            }
            _ => Ok(()),
        }
    }

    fn json(&mut self, row: &ListRow) -> Result<(), Failure> {
        let view = &self.evidence.view;
        let Ok((place, node)) = &row.found else { return Ok(()) };
        let target = node::link_target(view, *place, node);
        let node = NodeFields::of(node::volume_name(view, place.volume), node, target.as_deref());
        let line = NodeLine { path: PathFields::of(&row.path), node };
        self.output.object("entry", &TreeLine { depth: row.depth, line })
    }

    /// What stands before the name, the name, and what stands behind it.
    fn line(&self, row: &ListRow) -> (String, String, String) {
        let mut line: String = self.last.iter().map(|last| if *last { "    " } else { "│   " }).collect();
        if row.depth > 0 {
            line.push_str(if row.last { "└── " } else { "├── " });
        }
        if self.arguments.inode {
            let inode = row.found.as_ref().map_or(0, |(place, _)| place.node.inode);
            line.push_str(&format!("[{inode}] "));
        }
        let name = row.entry.as_ref().map_or_else(|| row.path.to_string(), |entry| visible(&entry.name));
        let mut after = String::new();
        if let Ok((place, node)) = &row.found
            && let Some(target) = node::link_target(&self.evidence.view, *place, node)
        {
            after.push_str(&format!(" -> {}", visible(&target)));
        }
        if row.found.as_ref().is_ok_and(|(_, node)| node.encrypted) {
            after.push_str(" (encrypted)");
        }
        if row.entry.as_ref().is_some_and(|entry| entry.state == EntryState::Deleted) {
            after.push_str(" (deleted)");
        }
        (line, name, after)
    }
}
