//! Hands directories to threads and what they make of them to the caller, in the order of the tree.

pub(super) use super::directory::Task;
use super::directory::{Run, Work};
use super::{Children, DEPTH, Sweeper};
use crate::inode_set::InodeSet;
use crate::trail::Trail;
use kanshiki_filesystem::FsError;
use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of batches that may wait for their turn; beyond it only the directory whose turn it is goes on.
const WAITING_BYTES: usize = 24 << 20;

/// Directories under way at once.
const UNDER_WAY: usize = 96;

/// Directories of one directory that are still to do; the first of them were begun.
struct Group {
    above: Arc<Trail>,
    children: Children,
    /// The next that nobody has begun.
    next: usize,
    /// Those begun and not handed on yet, in order.
    begun: VecDeque<u64>,
}

/// A directory under way.
struct Slot<'a, S: Sweeper> {
    batches: VecDeque<(S::Batch, usize)>,
    state: SlotState<'a, S>,
}

enum SlotState<'a, S: Sweeper> {
    /// Somebody is at it.
    Running,
    /// Anybody may go on with it.
    Put(Box<Run<'a, S>>),
    /// It is through; these were found in it.
    Done(Arc<Trail>, Children),
}

struct State<'a, S: Sweeper> {
    groups: Vec<Group>,
    slots: HashMap<u64, Slot<'a, S>>,
    next_slot: u64,
    /// Bytes in the batches of all slots.
    weight: usize,
    /// Threads that wait.
    waiting: usize,
    stopped: bool,
}

/// What the threads of a sweep share.
pub(super) struct Shared<'a, S: Sweeper> {
    state: Mutex<State<'a, S>>,
    changed: Condvar,
}

impl<'a, S: Sweeper> Shared<'a, S> {
    pub(super) fn new() -> Self {
        let state =
            State { groups: Vec::new(), slots: HashMap::new(), next_slot: 0, weight: 0, waiting: 0, stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Ends all threads that help.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Works on directories until all is done.
    pub(super) fn help(&self, work: &Work<'a, S>) {
        let _alarm = Alarm(self);
        let mut state = self.lock();
        while !state.stopped {
            match state.take(work) {
                Some((id, run)) => state = self.advance(state, id, run, false),
                None => state = self.wait(state),
            }
        }
    }

    /// Works on directories and hands on what all threads have made, in order, until all is done.
    pub(super) fn lead(
        &self,
        work: &Work<'a, S>,
        start: Task,
        seen: &mut InodeSet,
        emit: &mut dyn FnMut(S::Batch) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut state = self.lock();
        state.start(work, start);
        loop {
            state.drop_finished();
            if state.stopped {
                return ControlFlow::Break(());
            }
            if state.groups.is_empty() {
                return ControlFlow::Continue(());
            }
            if let Some(batches) = state.ready() {
                self.tell(&state);
                drop(state);
                for batch in batches {
                    emit(batch)?;
                }
                state = self.lock();
            } else if let Some((trail, children)) = state.finished() {
                drop(state);
                if !children.list.is_empty() {
                    let mut damage = S::Batch::default();
                    let (kept, refused) = admit(work, &trail, children, seen, &mut damage);
                    if refused {
                        emit(damage)?;
                    }
                    state = self.lock();
                    state.groups.push(Group { above: trail, children: kept, next: 0, begun: VecDeque::new() });
                    self.tell(&state);
                } else {
                    state = self.lock();
                }
            } else if let Some((id, run)) = state.take(work) {
                state = self.advance(state, id, run, true);
            } else {
                state = self.wait(state);
            }
        }
    }

    /// Goes on with a directory until it is through or something more urgent is to be done.
    fn advance<'s>(
        &'s self,
        state: MutexGuard<'s, State<'a, S>>,
        id: u64,
        mut run: Box<Run<'a, S>>,
        leads: bool,
    ) -> MutexGuard<'s, State<'a, S>> {
        drop(state);
        loop {
            let step = run.step();
            let mut state = self.lock();
            state.weight = state.weight.saturating_add(step.weight);
            let is_front = state.front() == Some(id);
            let is_urgent =
                (state.weight > WAITING_BYTES && !is_front) || (leads && state.has_ready()) || state.stopped;
            let Some(slot) = state.slots.get_mut(&id) else { return state };
            slot.batches.push_back((step.batch, step.weight));
            if step.done {
                let trail = Arc::clone(run.trail());
                slot.state = SlotState::Done(trail, std::mem::take(&mut run.children));
            } else if is_urgent || (leads && is_front) {
                slot.state = SlotState::Put(run);
                return state;
            }
            if is_front {
                self.tell(&state);
            }
            if step.done {
                return state;
            }
        }
    }

    fn tell(&self, state: &State<'a, S>) {
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    fn wait<'s>(&self, mut state: MutexGuard<'s, State<'a, S>>) -> MutexGuard<'s, State<'a, S>> {
        state.waiting = state.waiting.saturating_add(1);
        let mut state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiting = state.waiting.saturating_sub(1);
        state
    }

    fn lock(&self) -> MutexGuard<'_, State<'a, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the sweep when a thread that helps dies: nobody else would finish its directory.
struct Alarm<'s, 'a, S: Sweeper>(&'s Shared<'a, S>);

impl<S: Sweeper> Drop for Alarm<'_, '_, S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

impl<'a, S: Sweeper> State<'a, S> {
    fn start(&mut self, work: &Work<'a, S>, task: Task) {
        let above = Arc::clone(&task.trail);
        let id = self.next_slot;
        self.next_slot = id.wrapping_add(1);
        let run = Box::new(Run::new(*work, task));
        self.slots.insert(id, Slot { batches: VecDeque::new(), state: SlotState::Put(run) });
        self.groups.push(Group { above, children: Children::default(), next: 0, begun: VecDeque::from([id]) });
    }

    /// The directory whose turn it is, if it was begun.
    fn front(&self) -> Option<u64> {
        self.groups.last()?.begun.front().copied()
    }

    fn has_ready(&self) -> bool {
        let slot = self.front().and_then(|front| self.slots.get(&front));
        slot.is_some_and(|slot| !slot.batches.is_empty() || matches!(slot.state, SlotState::Done(..)))
    }

    /// Takes the batches of the directory whose turn it is.
    fn ready(&mut self) -> Option<Vec<S::Batch>> {
        let slot = self.front().and_then(|front| self.slots.get_mut(&front))?;
        if slot.batches.is_empty() {
            return None;
        }
        let batches = std::mem::take(&mut slot.batches);
        let weight = batches.iter().fold(0_usize, |sum, (_, weight)| sum.saturating_add(*weight));
        self.weight = self.weight.saturating_sub(weight);
        Some(batches.into_iter().map(|(batch, _)| batch).collect())
    }

    /// Takes away the directory whose turn it is, if it is through and handed on.
    fn finished(&mut self) -> Option<(Arc<Trail>, Children)> {
        let front = self.front()?;
        if !matches!(self.slots.get(&front)?.state, SlotState::Done(..)) {
            return None;
        }
        self.groups.last_mut()?.begun.pop_front();
        match self.slots.remove(&front)?.state {
            SlotState::Done(trail, children) => Some((trail, children)),
            SlotState::Running | SlotState::Put(_) => None,
        }
    }

    fn drop_finished(&mut self) {
        while self.groups.last().is_some_and(|group| group.begun.is_empty() && group.next >= group.children.list.len())
        {
            self.groups.pop();
        }
    }

    /// The next piece of work, the nearest to its turn first.
    fn take(&mut self, work: &Work<'a, S>) -> Option<(u64, Box<Run<'a, S>>)> {
        let is_full = self.weight > WAITING_BYTES;
        for index in (0..self.groups.len()).rev() {
            let is_top = index.saturating_add(1) == self.groups.len();
            let group = self.groups.get_mut(index)?;
            for (position, id) in group.begun.iter().enumerate() {
                let Some(slot) = self.slots.get_mut(id) else { continue };
                if is_full && !(is_top && position == 0) {
                    return None;
                }
                if matches!(slot.state, SlotState::Put(_))
                    && let SlotState::Put(run) = std::mem::replace(&mut slot.state, SlotState::Running)
                {
                    return Some((*id, run));
                }
            }
            let is_front = is_top && group.begun.is_empty();
            if (is_full || self.slots.len() >= UNDER_WAY) && !is_front {
                if is_full {
                    return None;
                }
                continue;
            }
            if let Some(task) = group.children.task(group.next, &group.above) {
                group.next = group.next.saturating_add(1);
                let id = self.next_slot;
                self.next_slot = id.wrapping_add(1);
                group.begun.push_back(id);
                self.slots.insert(id, Slot { batches: VecDeque::new(), state: SlotState::Running });
                return Some((id, Box::new(Run::new(*work, task))));
            }
        }
        None
    }
}

/// Leaves out directories that were gone into before, or that lie too deep, and tells them.
fn admit<S: Sweeper>(
    work: &Work<'_, S>,
    trail: &Arc<Trail>,
    children: Children,
    seen: &mut InodeSet,
    damage: &mut S::Batch,
) -> (Children, bool) {
    let (mut kept, mut refused) = (Children::default(), false);
    for number in 0..children.list.len() {
        let Some((name, child)) = children.get(number) else { break };
        let inode = child.place.node.inode;
        let error = if trail.depth() >= DEPTH {
            let detail = format!("more than {DEPTH} directories inside each other; not gone into");
            FsError::Unsupported { inode: Some(inode), detail }
        } else if seen.insert(child.place.volume, inode) {
            kept.push(name, child.place, child.live);
            continue;
        } else {
            let offset = work.view.inode(child.place.volume, inode).map_or(0, |(_, node)| node.offset);
            let detail = "it has a second name, or lies inside itself; it is gone into once".to_owned();
            FsError::Damaged { structure: "directory tree", inode: Some(inode), offset, detail }
        };
        refused = true;
        work.sweeper.damage(&trail.join(name).path(), child.place.volume, &error, damage);
    }
    (kept, refused)
}
