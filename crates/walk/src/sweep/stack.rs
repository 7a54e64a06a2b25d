//! Hands directories to threads and what they make of them to the caller, in the order of the tree.

pub(super) use super::directory::Task;
use super::directory::{Run, Step, Work};
use super::{Children, DEPTH, Sweeper};
use crate::inode_set::InodeSet;
use crate::trail::Trail;
use kanshiki_filesystem::{FsError, Place};
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of batches that may wait for their turn; beyond it only the directory whose turn it is goes on.
const WAITING_BYTES: usize = 24 << 20;

/// Directories under way at once.
const UNDER_WAY: usize = 128;

/// Directories that a thread takes at once. Most are small, and each time a thread takes some all others wait.
const TAKEN: usize = 16;

/// How often a thread without work looks whether there is some before it sleeps: some 20 microseconds, since most
/// directories take less than it takes to fall asleep and be woken.
const LOOKS: u32 = 500;

/// Directories with their numbers among those under way.
type Runs<'a, S> = VecDeque<(u64, Piece<'a, S>)>;

/// A directory to go on with.
enum Piece<'a, S> {
    /// Nobody has begun with it: its name in the directory above it, and where it is.
    Fresh(Arc<Trail>, Box<[u8]>, Place, bool),
    /// It was begun.
    Begun(Box<Run<'a, S>>),
}

impl<'a, S: Sweeper> Piece<'a, S> {
    fn run(self, work: &Work<'a, S>) -> Box<Run<'a, S>> {
        match self {
            Self::Fresh(above, name, place, live) => {
                Box::new(Run::new(*work, Task { trail: above.join(&name), place, live }))
            }
            Self::Begun(run) => run,
        }
    }
}

/// A directory that was gone through in one step.
struct Through<B> {
    id: u64,
    batch: B,
    weight: usize,
    trail: Arc<Trail>,
    children: Children,
}

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
    Put(Piece<'a, S>),
    /// It is through; these were found in it.
    Done(Arc<Trail>, Children),
}

struct State<'a, S: Sweeper> {
    groups: Vec<Group>,
    slots: BTreeMap<u64, Slot<'a, S>>,
    /// Slots that anybody may go on with.
    put: usize,
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
    /// Counts what the threads tell each other.
    told: AtomicU64,
}

impl<'a, S: Sweeper> Shared<'a, S> {
    pub(super) fn new() -> Self {
        let state = State {
            groups: Vec::new(),
            slots: BTreeMap::new(),
            put: 0,
            next_slot: 0,
            weight: 0,
            waiting: 0,
            stopped: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), told: AtomicU64::new(0) }
    }

    /// Ends all threads that help.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.told.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Works on directories until all is done.
    pub(super) fn help(&self, work: &Work<'a, S>) {
        let _alarm = Alarm(self);
        let mut state = self.lock();
        while !state.stopped {
            match state.take() {
                Some(runs) => state = self.advance(work, state, runs, false),
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
            let batches = state.ready();
            if !batches.is_empty() {
                if state.has_room() {
                    self.tell(&state);
                }
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
            } else if let Some(runs) = state.take() {
                state = self.advance(work, state, runs, true);
            } else {
                state = self.wait(state);
            }
        }
    }

    /// Goes through directories that are through in one step, and then goes on with one that is not.
    fn advance<'s>(
        &'s self,
        work: &Work<'a, S>,
        state: MutexGuard<'s, State<'a, S>>,
        mut runs: Runs<'a, S>,
        leads: bool,
    ) -> MutexGuard<'s, State<'a, S>> {
        drop(state);
        let (mut through, mut unfinished) = (Vec::with_capacity(runs.len()), None);
        while let Some((id, piece)) = runs.pop_front() {
            let mut run = piece.run(work);
            let step = run.step();
            if !step.done {
                unfinished = Some((id, run, step));
                break;
            }
            let (trail, children) = (Arc::clone(run.trail()), std::mem::take(&mut run.children));
            through.push(Through { id, batch: step.batch, weight: step.weight, trail, children });
        }
        let mut state = self.lock();
        let is_front = state.front().is_some_and(|front| through.iter().any(|it| it.id == front));
        through.into_iter().for_each(|it| state.finish(it));
        // Others may go on with those that nobody has begun.
        runs.into_iter().for_each(|(id, piece)| state.put(id, piece));
        if is_front {
            self.tell(&state);
        }
        match unfinished {
            Some((id, run, step)) => self.go_on(state, id, run, step, leads),
            None => state,
        }
    }

    /// Goes on with a directory until it is through or something more urgent is to be done.
    fn go_on<'s>(
        &'s self,
        mut state: MutexGuard<'s, State<'a, S>>,
        id: u64,
        mut run: Box<Run<'a, S>>,
        mut step: Step<S::Batch>,
        leads: bool,
    ) -> MutexGuard<'s, State<'a, S>> {
        loop {
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
                slot.state = SlotState::Put(Piece::Begun(run));
                state.put = state.put.saturating_add(1);
                return state;
            }
            if is_front {
                self.tell(&state);
            }
            if step.done {
                return state;
            }
            drop(state);
            step = run.step();
            state = self.lock();
        }
    }

    fn tell(&self, state: &State<'a, S>) {
        self.told.fetch_add(1, Ordering::Relaxed);
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    /// Waits until something was told.
    fn wait<'s>(&'s self, state: MutexGuard<'s, State<'a, S>>) -> MutexGuard<'s, State<'a, S>> {
        let before = self.told.load(Ordering::Relaxed);
        drop(state);
        for _ in 0..LOOKS {
            if self.told.load(Ordering::Relaxed) != before {
                return self.lock();
            }
            std::hint::spin_loop();
        }
        let mut state = self.lock();
        // Who tells something holds the lock.
        if self.told.load(Ordering::Relaxed) != before {
            return state;
        }
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
        let piece = Piece::Begun(Box::new(Run::new(*work, task)));
        self.slots.insert(id, Slot { batches: VecDeque::new(), state: SlotState::Put(piece) });
        self.put = self.put.saturating_add(1);
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

    /// Whether so much was handed on that it is worth while to wake others.
    fn has_room(&self) -> bool {
        self.weight <= WAITING_BYTES / 2 && self.slots.len() <= UNDER_WAY / 2
    }

    /// Takes the batches of the directory whose turn it is, and of those behind it as far as they are through and hold no
    /// directories; empty if there are none.
    fn ready(&mut self) -> Vec<S::Batch> {
        let mut ready = Vec::new();
        while let Some(front) = self.front() {
            let Some(slot) = self.slots.get_mut(&front) else { break };
            for (batch, weight) in std::mem::take(&mut slot.batches) {
                self.weight = self.weight.saturating_sub(weight);
                ready.push(batch);
            }
            if !matches!(&slot.state, SlotState::Done(_, children) if children.list.is_empty()) {
                break;
            }
            self.slots.remove(&front);
            if let Some(group) = self.groups.last_mut() {
                group.begun.pop_front();
            }
        }
        ready
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

    /// Notes that a directory is through.
    fn finish(&mut self, through: Through<S::Batch>) {
        let Some(slot) = self.slots.get_mut(&through.id) else { return };
        self.weight = self.weight.saturating_add(through.weight);
        slot.batches.push_back((through.batch, through.weight));
        slot.state = SlotState::Done(through.trail, through.children);
    }

    /// Puts a directory down for others.
    fn put(&mut self, id: u64, piece: Piece<'a, S>) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.state = SlotState::Put(piece);
            self.put = self.put.saturating_add(1);
        }
    }

    /// The next pieces of work, the nearest to their turn first: one that was put down, or some that nobody has begun.
    fn take(&mut self) -> Option<Runs<'a, S>> {
        let is_full = self.weight > WAITING_BYTES;
        for index in (0..self.groups.len()).rev() {
            let is_top = index.saturating_add(1) == self.groups.len();
            let group = self.groups.get_mut(index)?;
            let allowed = match (is_full, self.put) {
                (true, _) => usize::from(is_top),
                (false, 0) => 0,
                (false, _) => usize::MAX,
            };
            for id in group.begun.iter().take(allowed) {
                let Some(slot) = self.slots.get_mut(id) else { continue };
                if matches!(slot.state, SlotState::Put(_))
                    && let SlotState::Put(piece) = std::mem::replace(&mut slot.state, SlotState::Running)
                {
                    self.put = self.put.saturating_sub(1);
                    return Some(VecDeque::from([(*id, piece)]));
                }
            }
            if is_full && group.begun.len() > allowed {
                return None;
            }
            let is_front = is_top && group.begun.is_empty();
            if (is_full || self.slots.len() >= UNDER_WAY) && !is_front {
                if is_full {
                    return None;
                }
                continue;
            }
            let mut runs = VecDeque::new();
            // Less towards the end, so that nobody waits long for the last.
            let left = group.children.list.len().saturating_sub(group.next);
            let taken = (left / 4).clamp(1, TAKEN);
            while runs.len() < taken && (runs.is_empty() || self.slots.len() < UNDER_WAY) {
                let Some((name, child)) = group.children.get(group.next) else { break };
                let piece = Piece::Fresh(Arc::clone(&group.above), name.into(), child.place, child.live);
                group.next = group.next.saturating_add(1);
                let id = self.next_slot;
                self.next_slot = id.wrapping_add(1);
                group.begun.push_back(id);
                self.slots.insert(id, Slot { batches: VecDeque::new(), state: SlotState::Running });
                runs.push_back((id, piece));
            }
            if !runs.is_empty() {
                return Some(runs);
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
            work.leave_out();
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
