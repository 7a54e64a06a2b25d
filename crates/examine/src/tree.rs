//! The tree of an exhibit: every file enters the store with its times as events, and those that may be logs are noted.

use crate::again::readers;
use crate::places::Places;
use kanshiki_filesystem::{DeletedNode, FsError, Located, Node, NodeState, NodeTimes, NodeType, Place, View};
use kanshiki_model::{Event, FileTime, Issue, Progress, Span, Timestamp};
use kanshiki_store::{EventBatch, ExhibitId, FileId, FileRow, Files, StoreError, VolumeId, Writer};
use kanshiki_walk::contents::{first_byte, issue, subject};
use kanshiki_walk::nameless::{self, Named, is_deleted};
use kanshiki_walk::{Descend, Item, Names, Order, SweepOptions, Sweeper, sweep, unattached_path};
use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Bytes of an inode's record that every filesystem has; the events point to them, in the volume. The time of birth and
/// parts of seconds lie behind them.
const INODE_BYTES: u64 = 128;

/// What is to be entered of one directory.
#[derive(Debug, Default)]
struct Batch {
    paths: Vec<u8>,
    files: Vec<FoundFile>,
    issues: Vec<Issue>,
    named: Vec<Place>,
}

#[derive(Debug)]
struct FoundFile {
    path_end: usize,
    volume: usize,
    node: Node,
    state: &'static str,
    /// Where it begins, if it may be a log.
    log: Option<u64>,
}

struct Collector<'a> {
    view: &'a View,
    places: &'a Places,
}

impl Sweeper for Collector<'_> {
    type Batch = Batch;

    fn visit(&self, item: &Item<'_>, batch: &mut Batch) -> Descend {
        let (place, node) = match &item.found {
            Ok(found) => *found,
            Err(error) => {
                let volume = item.directory.map_or(0, |directory| directory.volume);
                self.damage(item.path, volume, error, batch);
                return Descend::No;
            }
        };
        if !item.live {
            // A removed name whose inode is another's by now says nothing of the inode that is there.
            if !is_deleted(node.state) {
                return Descend::No;
            }
            batch.named.push(place);
        }
        // That a log is empty says something; and what was removed while it was open is told by its content.
        let may_be_log = if node.state == NodeState::Orphan {
            node.size > 0
        } else {
            let is_told = node.size > 0 || self.places.is_of_logs(item.path);
            item.live && is_told && self.places.may_be_log(item.path)
        };
        let is_log = node.node_type == NodeType::File && may_be_log;
        let log = is_log.then(|| first_byte(self.view, place));
        let state = if item.live { node.state.name() } else { NodeState::Deleted.name() };
        batch.paths.extend_from_slice(item.path);
        batch.files.push(FoundFile {
            path_end: batch.paths.len(),
            volume: place.volume,
            node: node.clone(),
            state,
            log,
        });
        Descend::Yes
    }

    fn damage(&self, path: &[u8], volume: usize, error: &FsError, batch: &mut Batch) {
        batch.issues.push(issue(self.view, volume, path, error));
    }
}

/// Enters the files of a tree and their times.
pub(crate) struct Tree<'a> {
    pub(crate) view: &'a View,
    pub(crate) exhibit: ExhibitId,
    pub(crate) volumes: &'a [VolumeId],
    pub(crate) progress: &'a dyn Progress,
}

/// Events on their way, and the files that they belong to.
#[derive(Default)]
struct Waiting {
    events: EventBatch,
    files: Vec<FileId>,
    /// Logs with several names, which are read once.
    linked: HashSet<(usize, u64)>,
}

/// The writing, shared by the two that find files, of which one at a time is at work.
struct Entering<'w> {
    writer: &'w mut Writer,
    waiting: Waiting,
    result: Result<(), StoreError>,
}

impl Entering<'_> {
    /// Writes on, unless that failed before or the end is asked for.
    fn then(
        &mut self,
        tree: &Tree<'_>,
        write: impl FnOnce(&mut Writer, &mut Waiting) -> Result<(), StoreError>,
    ) -> ControlFlow<()> {
        if self.result.is_ok() {
            self.result = write(self.writer, &mut self.waiting);
        }
        let ends = self.result.is_err() || tree.progress.stop_requested();
        if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Tree<'_> {
    /// Enters all. Breaks off, with nothing entered, if that is asked for.
    pub(crate) fn enter(
        &self,
        root: &Located,
        places: &Places,
        writer: &mut Writer,
    ) -> Result<ControlFlow<()>, StoreError> {
        writer.begin_part()?;
        let entering = RefCell::new(Entering { writer, waiting: Waiting::default(), result: Ok(()) });
        let collector = Collector { view: self.view, places };
        let options = SweepOptions { order: Order::Disk, names: Names::WithRemoved, threads: 0 };
        let by_name = || {
            let mut named = Named::default();
            sweep(self.view, std::slice::from_ref(root), options, &collector, &mut |batch: Batch| {
                batch.named.iter().for_each(|place| named.insert(*place));
                entering.borrow_mut().then(self, |writer, waiting| self.put(writer, &batch, waiting))
            });
            let is_whole = entering.borrow().result.is_ok() && !self.progress.stop_requested();
            is_whole.then_some(named)
        };
        let flow = nameless::beside(self.view, by_name, &mut |volume, deleted| {
            entering.borrow_mut().then(self, |writer, waiting| self.put_nameless(writer, volume, &deleted, waiting))
        });
        let Entering { writer, mut waiting, result } = entering.into_inner();
        result?;
        if flow.is_break() {
            writer.take_out_part()?;
            return Ok(ControlFlow::Break(()));
        }
        self.flush(writer, &mut waiting)?;
        writer.end_tree(self.exhibit, &readers(places))?;
        Ok(ControlFlow::Continue(()))
    }

    fn put_nameless(
        &self,
        writer: &mut Writer,
        volume: usize,
        deleted: &Result<DeletedNode, FsError>,
        waiting: &mut Waiting,
    ) -> Result<(), StoreError> {
        match deleted {
            Ok(deleted) => {
                let node = &deleted.node;
                // What was removed while it was open has its content yet, and may be a log.
                let is_whole = node.state == NodeState::Orphan && node.node_type == NodeType::File && node.size > 0;
                let path = is_whole.then(|| unattached_path(node.id.inode));
                let path = path.as_deref().map(str::as_bytes);
                let id = self.put_file(writer, volume, path, node, node.state.name(), waiting)?;
                match id.filter(|_| is_whole) {
                    Some(id) => writer.wait(id, first_byte(self.view, Place { volume, node: node.id })),
                    None => Ok(()),
                }
            }
            Err(error) => self.put_issue(writer, &error.issue(&subject(self.view, volume))),
        }
    }

    fn put_issue(&self, writer: &mut Writer, issue: &Issue) -> Result<(), StoreError> {
        self.progress.issue(issue);
        writer.issue(self.exhibit, None, issue)
    }

    fn put(&self, writer: &mut Writer, batch: &Batch, waiting: &mut Waiting) -> Result<(), StoreError> {
        for issue in &batch.issues {
            self.put_issue(writer, issue)?;
        }
        let mut start = 0;
        for file in &batch.files {
            let path = batch.paths.get(start..file.path_end).unwrap_or_default();
            start = file.path_end;
            let id = self.put_file(writer, file.volume, Some(path), &file.node, file.state, waiting)?;
            let is_new =
                file.log.is_none() || file.node.links < 2 || waiting.linked.insert((file.volume, file.node.id.inode));
            if let (Some(id), Some(place), true) = (id, file.log, is_new) {
                writer.wait(id, place)?;
            }
        }
        Ok(())
    }

    fn put_file(
        &self,
        writer: &mut Writer,
        volume: usize,
        path: Option<&[u8]>,
        node: &Node,
        state: &'static str,
        waiting: &mut Waiting,
    ) -> Result<Option<FileId>, StoreError> {
        let Some(volume) = self.volumes.get(volume).copied() else { return Ok(None) };
        let times = times(&node.times);
        let row = FileRow {
            volume,
            path,
            inode: node.id.inode,
            generation: Some(node.id.generation),
            state,
            file_type: node.node_type.name(),
            size: node.size,
            mode: u32::from(node.mode),
            uid: node.uid,
            gid: node.gid,
            links: node.links,
            times: times.map(|time| time.and_then(FileTime::timestamp).map(Timestamp::as_nanoseconds)),
        };
        let id = writer.file(&row)?;
        for (place, time) in times.iter().enumerate() {
            let Some(time) = time else { continue };
            // Times that are the same make one event, at the first of them.
            if times.get(..place).unwrap_or_default().contains(&Some(*time)) {
                continue;
            }
            let which = (0_u8..).zip(&times).filter(|(_, it)| **it == Some(*time));
            let letters = which.fold(0_u8, |letters, (bit, _)| letters | 1_u8.checked_shl(u32::from(bit)).unwrap_or(0));
            let span = Span { offset: node.offset, content_offset: None, length: INODE_BYTES, line: None };
            let kind = KINDS.get(usize::from(letters)).copied().unwrap_or("file");
            let message = path.unwrap_or_default();
            waiting.events.push(&Event { kind, time: time.timestamp(), span, message, ..Event::default() });
            waiting.files.push(id);
            if waiting.events.is_full() {
                self.flush(writer, waiting)?;
            }
        }
        Ok(Some(id))
    }

    fn flush(&self, writer: &mut Writer, waiting: &mut Waiting) -> Result<(), StoreError> {
        let (events, files) = (std::mem::take(&mut waiting.events), std::mem::take(&mut waiting.files));
        writer.put(Files::Each(&files), events)
    }
}

/// Kinds of events of files, by the bits of what the time is: modified 1, accessed 2, changed 4, born 8, deleted 16.
const KINDS: [&str; 32] = [
    "file",
    "file.m....",
    "file..a...",
    "file.ma...",
    "file...c..",
    "file.m.c..",
    "file..ac..",
    "file.mac..",
    "file....b.",
    "file.m..b.",
    "file..a.b.",
    "file.ma.b.",
    "file...cb.",
    "file.m.cb.",
    "file..acb.",
    "file.macb.",
    "file.....d",
    "file.m...d",
    "file..a..d",
    "file.ma..d",
    "file...c.d",
    "file.m.c.d",
    "file..ac.d",
    "file.mac.d",
    "file....bd",
    "file.m..bd",
    "file..a.bd",
    "file.ma.bd",
    "file...cbd",
    "file.m.cbd",
    "file..acbd",
    "file.macbd",
];

/// Modified, accessed, changed, born and deleted.
fn times(times: &NodeTimes) -> [Option<FileTime>; 5] {
    [times.modified, times.accessed, times.changed, times.created, times.deleted]
}
