//! The times of all inodes, in use or deleted: as they are come by, for other programs to sort, or in order of time.
//!
//! In order of time they are gathered up to a bound of memory; when there are more, the earliest are kept and given, and
//! the tree is walked through again for those that follow. No file is written for it.

mod body;
mod gather;

pub use body::{body_line, body_line_nameless};

use crate::bounds::Times;
use crate::find::{NameState, TimeKind};
use gather::{Gathered, Key};
use kanshiki_filesystem::{FsError, Located, Node, NodeType, Place, View};
use kanshiki_model::{FileTime, Issue};
use kanshiki_walk::contents::issue;
use kanshiki_walk::nameless::{self, Named};
use kanshiki_walk::{Descend, Item, Names, Order, SweepOptions, Sweeper, sweep};
use std::cell::RefCell;
use std::ops::ControlFlow;

/// Memory for events that are being put in order, in bytes.
const MEMORY: usize = 72 << 20;

/// What to tell.
#[derive(Debug, Clone, Copy)]
pub struct TimelineOptions {
    /// Times that are told.
    pub times: Times,
    /// Whether deleted names and inodes are told too.
    pub deleted: bool,
}

/// The times of an inode that are the same, as the letters `macbd` in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kinds(u8);

impl Kinds {
    fn of(kind: TimeKind) -> Self {
        Self(match kind {
            TimeKind::Modified => 1,
            TimeKind::Accessed => 2,
            TimeKind::Changed => 4,
            TimeKind::Created => 8,
            TimeKind::Deleted => 16,
        })
    }

    /// The kinds.
    pub fn iter(self) -> impl Iterator<Item = TimeKind> {
        TimeKind::ALL.into_iter().filter(move |kind| self.0 & Self::of(*kind).0 != 0)
    }

    /// Five letters, with points in the place of those that are not among them.
    #[must_use]
    pub fn letters(self) -> String {
        let letters = TimeKind::ALL.into_iter().zip("macbd".chars());
        letters.map(|(kind, letter)| if self.0 & Self::of(kind).0 == 0 { '.' } else { letter }).collect()
    }
}

/// What is told of the file of an event.
#[derive(Debug, Clone, Copy)]
pub struct EventFile {
    /// Its place.
    pub place: Place,
    /// What it is.
    pub node_type: NodeType,
    /// Whether its name is in use.
    pub state: NameState,
    /// Type and permissions as `st_mode` holds them.
    pub mode: u16,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Number of names.
    pub links: u32,
    /// Length of the content in bytes.
    pub size: u64,
}

/// An event: one or more times of an inode that are the same.
#[derive(Debug, Clone, Copy)]
pub struct TimeEvent<'a> {
    /// When.
    pub time: FileTime,
    /// Which times of the inode.
    pub kinds: Kinds,
    /// The path; `None` for a deleted inode without a name.
    pub path: Option<&'a [u8]>,
    /// The file.
    pub file: &'a EventFile,
}

/// What a timeline hands on.
#[derive(Debug)]
pub enum Told<'a> {
    /// An event.
    Event(TimeEvent<'a>),
    /// Something that could not be looked at.
    Issue(Issue),
}

/// Hands on all events from the starts on, in order of time; at the same time by volume, inode and path. Deleted inodes
/// without a name belong to it if a start is the root of their volume's tree. Issues come before the events.
pub fn in_order(
    view: &View,
    starts: &[Located],
    options: TimelineOptions,
    tell: &mut dyn FnMut(Told<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut after: Option<Key> = None;
    loop {
        let mut gathered = Gathered::new(MEMORY, after.take());
        gather_all(view, starts, options, &mut gathered, tell)?;
        gathered.sort();
        for event in gathered.events() {
            tell(Told::Event(event))?;
        }
        match gathered.next_start() {
            Some(next) => after = Some(next),
            None => return ControlFlow::Continue(()),
        }
    }
}

fn gather_all(
    view: &View,
    starts: &[Located],
    options: TimelineOptions,
    gathered: &mut Gathered,
    tell: &mut dyn FnMut(Told<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let is_first = gathered.is_first();
    let collector = Collector { view, times: options.times };
    let names = |gathered: &mut Gathered, tell: &mut dyn FnMut(Told<'_>) -> ControlFlow<()>| {
        let (mut named, mut flow) = (Named::default(), ControlFlow::Continue(()));
        sweep(view, starts, sweep_options(options.deleted), &collector, &mut |batch: Batch| {
            batch.named.iter().for_each(|place| named.insert(*place));
            gathered.merge(batch.events);
            if is_first {
                flow = batch.issues.into_iter().try_for_each(|issue| tell(Told::Issue(issue)));
            }
            flow
        });
        flow.is_continue().then_some(named)
    };
    if !options.deleted || !starts.iter().any(|start| start.path.file_name().is_none()) {
        return match names(gathered, tell) {
            Some(_) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        };
    }
    // Both parts add to the same events, one after the other.
    let shared = RefCell::new((gathered, tell));
    let first = || {
        let (gathered, tell) = &mut *shared.borrow_mut();
        names(gathered, *tell)
    };
    nameless::beside(view, first, &mut |volume, deleted| {
        let (gathered, tell) = &mut *shared.borrow_mut();
        match deleted {
            Ok(deleted) => {
                let place = Place { volume, node: deleted.node.id };
                let mut events = gather::Batch::default();
                events.push(None, event_file(place, &deleted.node, NameState::nameless(&deleted.node)), |push| {
                    each_event(&deleted.node, options.times, push);
                });
                gathered.merge(events);
            }
            Err(error) if is_first => tell(Told::Issue(issue(view, volume, b"deleted inodes", &error)))?,
            Err(_) => {}
        }
        ControlFlow::Continue(())
    })
}

/// How a timeline sweeps.
#[must_use]
pub fn sweep_options(deleted: bool) -> SweepOptions {
    let names = if deleted { Names::WithRemoved } else { Names::Live };
    SweepOptions { order: Order::Disk, names, threads: 0 }
}

fn event_file(place: Place, node: &Node, state: NameState) -> EventFile {
    EventFile {
        place,
        node_type: node.node_type,
        state,
        mode: node.mode,
        uid: node.uid,
        gid: node.gid,
        links: node.links,
        size: node.size,
    }
}

/// Hands on the times of a node that lie in the range, those that are the same together.
fn each_event(node: &Node, times: Times, push: &mut dyn FnMut(FileTime, Kinds)) {
    let all = TimeKind::ALL.map(|kind| kind.of(&node.times).filter(|time| times.contains(*time)));
    for (index, (kind, time)) in TimeKind::ALL.into_iter().zip(all).enumerate() {
        let Some(time) = time else { continue };
        if all.iter().take(index).any(|earlier| *earlier == Some(time)) {
            continue;
        }
        let same = TimeKind::ALL.into_iter().zip(all).filter(|(_, other)| *other == Some(time));
        let kinds = same.fold(Kinds::of(kind), |kinds, (other, _)| Kinds(kinds.0 | Kinds::of(other).0));
        push(time, kinds);
    }
}

#[derive(Default)]
struct Batch {
    events: gather::Batch,
    named: Vec<Place>,
    issues: Vec<Issue>,
}

struct Collector<'a> {
    view: &'a View,
    times: Times,
}

impl Sweeper for Collector<'_> {
    type Batch = Batch;

    fn visit(&self, item: &Item<'_>, batch: &mut Batch) -> Descend {
        match &item.found {
            Ok((place, node)) => {
                if !item.live && kanshiki_walk::nameless::is_deleted(node.state) {
                    batch.named.push(*place);
                }
                let file = event_file(*place, node, NameState::of(item));
                batch.events.push(Some(item.path), file, |push| each_event(node, self.times, push));
            }
            // A removed name that has lost its inode is no damage.
            Err(_) if !item.live => {}
            Err(error) => {
                let volume = item.directory.map_or(0, |directory| directory.volume);
                batch.issues.push(issue(self.view, volume, item.path, error));
            }
        }
        Descend::Yes
    }

    fn damage(&self, path: &[u8], volume: usize, error: &FsError, batch: &mut Batch) {
        batch.issues.push(issue(self.view, volume, path, error));
    }
}
