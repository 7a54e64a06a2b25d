//! `kanshiki find`: files by name, type, size, owner, permissions, attributes, times.

mod arguments;

pub(crate) use arguments::FindArguments;

use super::node::{self, NodeFields, PathFields};
use super::search::{self, Writer, push_object};
use crate::console::{Console, Paint};
use crate::evidence::Evidence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use kanshiki_browse::Accounts;
use kanshiki_browse::find::{Criteria, NameState, States};
use kanshiki_filesystem::{FsError, Node, NodeType, Place, View};
use kanshiki_model::visible;
use kanshiki_walk::nameless::{self, Named, is_deleted};
use kanshiki_walk::parallel::Piece;
use kanshiki_walk::{Descend, Item, Names, Order, SweepOptions, Sweeper, sweep};
use serde::Serialize;
use std::cell::RefCell;
use std::io::{IsTerminal as _, stdout};

/// A file that was found, in JSON.
#[derive(Serialize)]
struct FoundLine<'a> {
    #[serde(flatten)]
    path: Option<PathFields<'a>>,
    name_state: &'static str,
    user: Option<&'a str>,
    group: Option<&'a str>,
    #[serde(flatten)]
    node: Option<NodeFields<'a>>,
}

/// How what is found is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The path.
    Path,
    /// The path as its bytes, with a NUL.
    Exact,
    /// With what `ls -l` shows.
    Long,
    /// JSON.
    Json,
}

/// Runs the verb.
pub(crate) fn run(arguments: &FindArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(arguments, &evidence, &mut output)?;
    output.finish()
}

/// Finds what was asked for.
pub(super) fn show(arguments: &FindArguments, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    let view = &evidence.view;
    let accounts = Accounts::read(view);
    let criteria = arguments.criteria(&accounts)?;
    let form = match (output.is_json(), arguments.print0, arguments.long) {
        (true, ..) => Form::Json,
        // Exact names may steer a terminal.
        (_, true, _) if !stdout().is_terminal() => Form::Exact,
        (_, _, true) => Form::Long,
        _ => Form::Path,
    };
    // How deep something lies, and which volume is gone into, hangs on where it begins.
    let depends_on_start = criteria.depth.is_some() || arguments.one_volume;
    let starts = if depends_on_start { search::all_starts } else { search::starts }(evidence, &arguments.paths)?;
    let wants_deleted = criteria.states != States::Live;
    let names = if wants_deleted { Names::WithRemoved } else { Names::Live };
    let options = SweepOptions { order: Order::Name, names, threads: 0 };
    let (one_volume, paint) = (arguments.one_volume, output.paint());
    let finder = Finder { view, criteria: &criteria, accounts: &accounts, form, one_volume, paint };
    let writer = RefCell::new(Writer::new(output));
    let by_name = || {
        let mut named = Named::default();
        sweep(view, &starts, options, &finder, &mut |batch: Batch| {
            batch.named.into_iter().for_each(|place| named.insert(place));
            writer.borrow_mut().write(&batch.piece)
        });
        writer.borrow().failure.is_none().then_some(named)
    };
    if wants_deleted && starts.iter().any(|start| start.path.file_name().is_none()) {
        let _ = nameless::beside(view, by_name, &mut |volume, deleted| {
            let mut piece = Piece::default();
            match deleted {
                Ok(deleted) => finder.nameless(Place { volume, node: deleted.node.id }, &deleted.node, &mut piece),
                Err(error) => piece.issues.push(evidence.issue(volume, None, &error)),
            }
            writer.borrow_mut().write(&piece)
        });
    } else {
        let _ = by_name();
    }
    let writer = writer.into_inner();
    writer.end().map(|_| ())
}

#[derive(Default)]
struct Batch {
    piece: Piece,
    named: Vec<Place>,
}

struct Finder<'a> {
    view: &'a View,
    criteria: &'a Criteria,
    accounts: &'a Accounts,
    form: Form,
    one_volume: bool,
    paint: Paint,
}

impl Sweeper for Finder<'_> {
    type Batch = Batch;

    fn visit(&self, item: &Item<'_>, batch: &mut Batch) -> Descend {
        let volume = item.directory.map_or(0, |directory| directory.volume);
        match &item.found {
            Ok((place, node)) if !item.live && is_deleted(node.state) => batch.named.push(*place),
            // A removed name that has lost its inode is no damage.
            Err(error) if item.live => batch.piece.issues.push(search::issue(self.view, volume, item.path, error)),
            _ => {}
        }
        match self.criteria.matches(self.view, item) {
            Ok(true) => self.row(item, &mut batch.piece),
            Ok(false) => {}
            Err(error) => batch.piece.issues.push(search::issue(self.view, volume, item.path, &error)),
        }
        let is_deep =
            self.criteria.depth.is_some_and(|depth| u64::try_from(item.depth).is_ok_and(|at| at >= depth.last));
        let is_other = item.found.as_ref().is_ok_and(|(place, _)| item.directory.is_some() && place.volume != volume);
        if is_deep || (self.one_volume && is_other) { Descend::No } else { Descend::Yes }
    }

    fn damage(&self, path: &[u8], volume: usize, error: &FsError, batch: &mut Batch) {
        batch.piece.issues.push(search::issue(self.view, volume, path, error));
    }
}

impl Finder<'_> {
    fn row(&self, item: &Item<'_>, piece: &mut Piece) {
        piece.found = piece.found.saturating_add(1);
        let found = item.found.as_ref().ok().map(|(place, node)| (*place, *node));
        match self.form {
            Form::Exact => {
                piece.bytes.extend_from_slice(item.path);
                piece.bytes.push(0);
            }
            Form::Json => self.object(Some(item.path), NameState::of(item), found, piece),
            Form::Path | Form::Long => {
                if self.form == Form::Long {
                    piece.bytes.extend_from_slice(self.columns(found.map(|(_, node)| node)).as_bytes());
                }
                let name = node::painted(self.paint, &visible(item.path), found.map(|(_, node)| node));
                piece.bytes.extend_from_slice(name.as_bytes());
                if self.form == Form::Long
                    && let Some(target) = found.and_then(|(place, node)| node::link_target(self.view, place, node))
                {
                    piece.bytes.extend_from_slice(format!(" -> {}", visible(&target)).as_bytes());
                }
                let state = NameState::of(item);
                if state != NameState::Live {
                    piece.bytes.extend_from_slice(format!("  ({})", state.name()).as_bytes());
                }
                piece.bytes.push(b'\n');
            }
        }
    }

    fn nameless(&self, place: Place, found: &Node, piece: &mut Piece) {
        match self.criteria.matches_nameless(self.view, place, found) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return piece.issues.push(search::issue(self.view, place.volume, b"", &error)),
        }
        piece.found = piece.found.saturating_add(1);
        let state = NameState::nameless(found);
        match self.form {
            // It has no path.
            Form::Exact => {}
            Form::Json => self.object(None, state, Some((place, found)), piece),
            Form::Path | Form::Long => {
                let columns = if self.form == Form::Long { self.columns(Some(found)) } else { String::new() };
                let volume = node::volume_name(self.view, place.volume);
                let volume = if volume.is_empty() { String::new() } else { format!("{volume} ") };
                let line = format!("{columns}{volume}inode {}  ({})\n", found.id.inode, state.name());
                piece.bytes.extend_from_slice(line.as_bytes());
            }
        }
    }

    fn object(&self, path: Option<&[u8]>, state: NameState, found: Option<(Place, &Node)>, piece: &mut Piece) {
        let target = found.and_then(|(place, node)| node::link_target(self.view, place, node));
        let line = FoundLine {
            path: path.map(PathFields::of_bytes),
            name_state: state.name(),
            user: found.and_then(|(_, node)| self.accounts.user(node.uid)),
            group: found.and_then(|(_, node)| self.accounts.group(node.gid)),
            node: found.map(|(place, node)| {
                NodeFields::of(node::volume_name(self.view, place.volume), node, target.as_deref())
            }),
        };
        push_object(piece, "found", &line);
    }

    /// What `ls -l` shows before the name, with the inode in front.
    fn columns(&self, node: Option<&Node>) -> String {
        let Some(node) = node else { return "? ".to_owned() };
        let named = |number: u32, name: Option<&str>| {
            name.map_or_else(|| number.to_string(), |name| format!("{name}({number})"))
        };
        let size = match (node.node_type, node.device) {
            (NodeType::CharacterDevice | NodeType::BlockDevice, Some(device)) => device.to_string(),
            _ => node.size.to_string(),
        };
        format!(
            "{:>10} {} {:>4} {:>14} {:>14} {size:>12} {} ",
            node.id.inode,
            node.node_type.permissions(node.mode),
            node.links,
            named(node.uid, self.accounts.user(node.uid)),
            named(node.gid, self.accounts.group(node.gid)),
            node::short_time(node.times.modified),
        )
    }
}
