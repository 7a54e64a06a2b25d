//! Events within a bound of memory: the earliest of those that come after a given one.

use super::{EventFile, Kinds, TimeEvent};
use kanshiki_model::FileTime;
use std::cmp::Ordering;
use std::ops::Range;

/// What a file and an event are taken to weigh in bytes, beside the path.
const FILE_BYTES: usize = size_of::<Row>();
const EVENT_BYTES: usize = size_of::<Event>();

/// Bytes by which one batch may go over the bound before it is noticed.
const SLACK_BYTES: usize = 2 << 20;

/// A file with the place of its path: where it begins, and its length.
#[derive(Debug, Clone, Copy)]
struct Row {
    path: Option<(u32, u32)>,
    file: EventFile,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    time: FileTime,
    kinds: Kinds,
    row: u32,
}

/// An event in the order of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    time: (i64, u32),
    volume: usize,
    inode: u64,
    path: Option<Vec<u8>>,
    kinds: Kinds,
}

/// Events of some files.
#[derive(Debug, Default)]
pub(super) struct Batch {
    paths: Vec<u8>,
    rows: Vec<Row>,
    events: Vec<Event>,
}

impl Batch {
    /// Adds a file with the events that `events` hands on; nothing if there are none.
    pub(super) fn push(
        &mut self,
        path: Option<&[u8]>,
        file: EventFile,
        events: impl FnOnce(&mut dyn FnMut(FileTime, Kinds)),
    ) {
        let (before, row) = (self.events.len(), short(self.rows.len()));
        events(&mut |time, kinds| self.events.push(Event { time, kinds, row }));
        if self.events.len() == before {
            return;
        }
        self.add_row(path, file);
    }

    fn add_row(&mut self, path: Option<&[u8]>, file: EventFile) {
        let path = path.map(|path| {
            let start = self.paths.len();
            self.paths.extend_from_slice(path);
            (short(start), short(path.len()))
        });
        self.rows.push(Row { path, file });
    }

    fn view(&self, event: &Event) -> Option<TimeEvent<'_>> {
        let row = self.rows.get(long(event.row))?;
        let path = row.path.and_then(|path| self.paths.get(range(path)));
        Some(TimeEvent { time: event.time, kinds: event.kinds, path, file: &row.file })
    }

    fn compare(&self, one: &Event, other: &Event) -> Ordering {
        match one.time.cmp(&other.time) {
            Ordering::Equal => {}
            // Whole seconds and their first nanosecond are the same moment.
            ordering if moment(one.time) != moment(other.time) => return ordering,
            _ => {}
        }
        match (self.view(one), self.view(other)) {
            (Some(one), Some(other)) => compare(&one, &other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        }
    }

    fn weight(&self) -> usize {
        let rows = self.rows.len().saturating_mul(FILE_BYTES);
        self.paths.len().saturating_add(rows).saturating_add(self.events.len().saturating_mul(EVENT_BYTES))
    }

    fn append(&mut self, other: &Self, keep: impl Fn(&TimeEvent<'_>) -> bool) {
        let mut last_row = None;
        for event in &other.events {
            let Some(view) = other.view(event).filter(|view| keep(view)) else { continue };
            // Events of one file stand together.
            if last_row != Some(event.row) {
                last_row = Some(event.row);
                self.add_row(view.path, *view.file);
            }
            self.events.push(Event { row: short(self.rows.len().saturating_sub(1)), ..*event });
        }
    }

    /// Leaves out the events that `keep` does not want, and the files that have none left, without further memory.
    fn retain(&mut self, keep: impl Fn(&TimeEvent<'_>) -> bool) {
        let (mut events, mut rows, mut paths) = (0_usize, 0_usize, 0_usize);
        let mut next = 0;
        while let Some(first) = self.events.get(next).copied() {
            let start = next;
            let is_same = |event: &&Event| event.row == first.row;
            next = start.saturating_add(self.events.iter().skip(start).take_while(is_same).count());
            // Before the path moves.
            let before = events;
            for index in start..next {
                let Some(event) = self.events.get(index).copied() else { break };
                if self.view(&event).is_some_and(|view| keep(&view)) {
                    let event = Event { row: short(rows), ..event };
                    put(&mut self.events, events, event);
                    events = events.saturating_add(1);
                }
            }
            if events == before {
                continue;
            }
            let Some(mut row) = self.rows.get(long(first.row)).copied() else { continue };
            if let Some(path) = &mut row.path {
                self.paths.copy_within(range(*path), paths);
                path.0 = short(paths);
                paths = paths.saturating_add(long(path.1));
            }
            put(&mut self.rows, rows, row);
            rows = rows.saturating_add(1);
        }
        self.events.truncate(events);
        self.rows.truncate(rows);
        self.paths.truncate(paths);
    }

    /// A batch that never asks for more memory while it weighs at most so much: what is not used of it is never touched.
    fn with_room(memory: usize) -> Self {
        let memory = memory.saturating_add(SLACK_BYTES);
        Self {
            paths: Vec::with_capacity(memory),
            rows: Vec::with_capacity(memory / FILE_BYTES),
            events: Vec::with_capacity(memory / EVENT_BYTES),
        }
    }
}

fn put<T>(list: &mut [T], at: usize, value: T) {
    if let Some(place) = list.get_mut(at) {
        *place = value;
    }
}

/// A batch holds far less than 4 GiB.
fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn long(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn range((start, length): (u32, u32)) -> Range<usize> {
    long(start)..long(start).saturating_add(long(length))
}

fn moment(time: FileTime) -> (i64, u32) {
    (time.seconds(), time.nanoseconds().unwrap_or(0))
}

fn compare(one: &TimeEvent<'_>, other: &TimeEvent<'_>) -> Ordering {
    let place = |event: &TimeEvent<'_>| (moment(event.time), event.file.place.volume, event.file.place.node.inode);
    place(one).cmp(&place(other)).then_with(|| one.path.cmp(&other.path)).then_with(|| one.kinds.cmp(&other.kinds))
}

fn compare_key(event: &TimeEvent<'_>, key: &Key) -> Ordering {
    (moment(event.time), event.file.place.volume, event.file.place.node.inode)
        .cmp(&(key.time, key.volume, key.inode))
        .then_with(|| event.path.cmp(&key.path.as_deref()))
        .then_with(|| event.kinds.cmp(&key.kinds))
}

fn key(event: &TimeEvent<'_>) -> Key {
    Key {
        time: moment(event.time),
        volume: event.file.place.volume,
        inode: event.file.place.node.inode,
        path: event.path.map(<[u8]>::to_vec),
        kinds: event.kinds,
    }
}

/// The earliest events after a given one, as many as fit into the memory.
#[derive(Debug)]
pub(super) struct Gathered {
    memory: usize,
    after: Option<Key>,
    kept: Batch,
    /// Events after this one were left out.
    until: Option<Key>,
}

impl Gathered {
    pub(super) fn new(memory: usize, after: Option<Key>) -> Self {
        Self { memory, after, kept: Batch::with_room(memory), until: None }
    }

    /// Whether nothing was gathered before.
    pub(super) const fn is_first(&self) -> bool {
        self.after.is_none()
    }

    pub(super) fn merge(&mut self, batch: Batch) {
        let (after, until) = (self.after.as_ref(), self.until.as_ref());
        self.kept.append(&batch, |event| {
            after.is_none_or(|after| compare_key(event, after).is_gt())
                && until.is_none_or(|until| compare_key(event, until).is_le())
        });
        if self.kept.weight() > self.memory {
            self.halve();
        }
    }

    /// Leaves out the later half.
    fn halve(&mut self) {
        let kept = &self.kept;
        let mut order: Vec<u32> = (0..short(kept.events.len())).collect();
        let Some(middle) = order.len().checked_sub(1).map(|last| last / 2) else { return };
        let event = |number: u32| kept.events.get(long(number));
        let (_, middle, _) = order.select_nth_unstable_by(middle, |one, other| match (event(*one), event(*other)) {
            (Some(one), Some(other)) => kept.compare(one, other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        });
        let until = event(*middle).and_then(|event| kept.view(event)).map(|event| key(&event));
        let Some(until) = until else { return };
        self.kept.retain(|event| compare_key(event, &until).is_le());
        self.until = Some(until);
    }

    pub(super) fn sort(&mut self) {
        let mut events = std::mem::take(&mut self.kept.events);
        events.sort_unstable_by(|one, other| self.kept.compare(one, other));
        self.kept.events = events;
    }

    pub(super) fn events(&self) -> impl Iterator<Item = TimeEvent<'_>> {
        self.kept.events.iter().filter_map(|event| self.kept.view(event))
    }

    /// After which event to gather the next ones; `None` if all were given.
    pub(super) fn next_start(self) -> Option<Key> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::NameState;
    use kanshiki_filesystem::{NodeId, NodeType, Place};
    use proptest::prelude::*;

    fn batch(seconds: i64, inode: u64) -> Batch {
        let file = EventFile {
            place: Place { volume: 0, node: NodeId { inode, generation: 0 } },
            node_type: NodeType::File,
            state: NameState::Live,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            links: 1,
            size: 0,
        };
        let mut batch = Batch::default();
        batch.push(Some(format!("/{inode}").as_bytes()), file, |push| {
            push(FileTime::new(seconds, None), Kinds(1));
            push(FileTime::new(seconds.saturating_add(1), Some(5)), Kinds(2));
        });
        batch
    }

    proptest! {
        #[test]
        fn in_little_memory_all_events_come_once_and_in_order(
            times in prop::collection::vec(0..40_i64, 0..120),
            memory in 500..4000_usize,
        ) {
            let mut expected: Vec<(i64, u64, u8)> = Vec::new();
            for (inode, time) in (11..).zip(&times) {
                expected.extend([(*time, inode, 1), (time + 1, inode, 2)]);
            }
            let mut found = Vec::new();
            let mut after = None;
            for _ in 0..1000 {
                let mut gathered = Gathered::new(memory, after.take());
                for (inode, time) in (11..).zip(&times) {
                    gathered.merge(batch(*time, inode));
                }
                gathered.sort();
                found.extend(gathered.events().map(|event| (event.time.seconds(), event.file.place.node.inode, event.kinds.0)));
                after = gathered.next_start();
                if after.is_none() {
                    break;
                }
            }
            let moments: Vec<i64> = found.iter().map(|event| event.0).collect();
            prop_assert!(moments.is_sorted());
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
