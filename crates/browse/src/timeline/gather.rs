//! Events within a bound of memory: the earliest of those that come after a given one.

use super::{EventFile, Kinds, TimeEvent};
use kanshiki_model::FileTime;
use std::cmp::Ordering;

/// What a file and an event are taken to weigh in bytes, beside the path.
const FILE_BYTES: usize = size_of::<Row>();
const EVENT_BYTES: usize = size_of::<Event>();

/// A file with the place of its path.
#[derive(Debug, Clone, Copy)]
struct Row {
    path: Option<(usize, usize)>,
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
        let (before, row) = (self.events.len(), u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
        events(&mut |time, kinds| self.events.push(Event { time, kinds, row }));
        if self.events.len() == before {
            return;
        }
        let path = path.map(|path| {
            let start = self.paths.len();
            self.paths.extend_from_slice(path);
            (start, self.paths.len())
        });
        self.rows.push(Row { path, file });
    }

    fn view(&self, event: &Event) -> Option<TimeEvent<'_>> {
        let row = self.rows.get(usize::try_from(event.row).ok()?)?;
        let path = row.path.and_then(|(start, end)| self.paths.get(start..end));
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
                let path = view.path.map(|path| {
                    let start = self.paths.len();
                    self.paths.extend_from_slice(path);
                    (start, self.paths.len())
                });
                self.rows.push(Row { path, file: *view.file });
            }
            let row = u32::try_from(self.rows.len().saturating_sub(1)).unwrap_or(u32::MAX);
            self.events.push(Event { row, ..*event });
        }
    }
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
        Self { memory, after, kept: Batch::default(), until: None }
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
        let all = std::mem::take(&mut self.kept);
        let mut order: Vec<&Event> = all.events.iter().collect();
        order.sort_unstable_by(|one, other| all.compare(one, other));
        let middle = order.len().saturating_sub(1) / 2;
        let until = order.get(middle).and_then(|event| all.view(event)).map(|event| key(&event));
        let Some(until) = until else { return };
        self.kept.append(&all, |event| compare_key(event, &until).is_le());
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
