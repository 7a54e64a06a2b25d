//! Work on all cores whose results come out in the order of the work.

use kanshiki_model::Issue;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of results that may wait for their turn.
const WAITING_BYTES: usize = 16 << 20;

/// Bytes that one piece of work gathers before it hands them on.
const PIECE_BYTES: usize = 256 << 10;

/// Pieces that may wait for a sink that works beside.
const QUEUE: usize = 8;

/// Threads that the machine can run at once.
#[must_use]
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Where results go, piece by piece, in order.
pub type Sink<'a, P = Piece> = &'a mut (dyn FnMut(P) -> ControlFlow<()> + Send);

/// Results that know how much memory they take.
pub trait Weigh: Default + Send {
    /// About so many bytes; never 0, as even nothing takes a place while it waits.
    fn weight(&self) -> usize;
}

/// Some results of one piece of work.
#[derive(Debug, Default)]
pub struct Piece {
    /// What is to be written.
    pub bytes: Vec<u8>,
    /// What could not be done, or must be known.
    pub issues: Vec<Issue>,
    /// How often what was looked for was found.
    pub found: u64,
}

impl Weigh for Piece {
    fn weight(&self) -> usize {
        self.bytes.len().saturating_add(self.issues.len().saturating_mul(256)).saturating_add(128)
    }
}

/// The results of one piece of work under way.
pub struct Output<'s, 'a, P = Piece> {
    shared: &'s Shared<'a, P>,
    number: u64,
    /// What was gathered and not handed on yet.
    pub piece: P,
}

impl<P> std::fmt::Debug for Output<'_, '_, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("number", &self.number).finish_non_exhaustive()
    }
}

impl<P: Weigh> Output<'_, '_, P> {
    /// Hands on what was gathered if it is much. Waits for its turn if too much waits already.
    ///
    /// [`ControlFlow::Break`] means that no more is wanted.
    pub fn flush_some(&mut self) -> ControlFlow<()> {
        if self.piece.weight() < PIECE_BYTES {
            return ControlFlow::Continue(());
        }
        self.shared.hand_on(self.number, std::mem::take(&mut self.piece))
    }

    /// Whether no more is wanted.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.lock().stopped
    }
}

struct State<'a, P> {
    sink: Sink<'a, P>,
    /// The piece of work whose turn it is.
    turn: u64,
    /// Results that came before their turn, and whether the work is through.
    early: BTreeMap<u64, (Vec<P>, bool)>,
    waiting_bytes: usize,
    stopped: bool,
}

struct Shared<'a, P> {
    state: Mutex<State<'a, P>>,
    changed: Condvar,
}

/// Does `work` for every job, on all cores; the results reach `sink` in the order of the jobs, whatever the threads do.
pub fn ordered<J: Send, P: Weigh>(
    jobs: impl Iterator<Item = J> + Send,
    work: &(dyn Fn(J, &mut Output<'_, '_, P>) + Sync),
    sink: Sink<'_, P>,
) {
    let state = State { sink, turn: 0, early: BTreeMap::new(), waiting_bytes: 0, stopped: false };
    let shared = Shared { state: Mutex::new(state), changed: Condvar::new() };
    let jobs = Mutex::new((0_u64, jobs));
    std::thread::scope(|scope| {
        for _ in 1..threads() {
            scope.spawn(|| shared.run(&jobs, work));
        }
        shared.run(&jobs, work);
    });
}

/// The same with `sink` on the thread of the caller, beside the work: for results that take as long to write as to make. A
/// few pieces at most wait for it, besides those that wait for their turn.
pub fn ordered_beside<J: Send, P: Weigh>(
    jobs: impl Iterator<Item = J> + Send,
    work: &(dyn Fn(J, &mut Output<'_, '_, P>) + Sync),
    sink: &mut dyn FnMut(P) -> ControlFlow<()>,
) {
    let (sender, receiver) = sync_channel::<P>(QUEUE);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            ordered(jobs, work, &mut |piece| match sender.send(piece) {
                Ok(()) => ControlFlow::Continue(()),
                // Nobody takes them any more.
                Err(_) => ControlFlow::Break(()),
            });
        });
        // Ends when the work does, or dies; ended early, it takes the receiver with it, so that nobody waits to send.
        for piece in receiver {
            if sink(piece).is_break() {
                break;
            }
        }
    });
}

impl<'a, P: Weigh> Shared<'a, P> {
    fn run<J>(&self, jobs: &Mutex<(u64, impl Iterator<Item = J>)>, work: &(dyn Fn(J, &mut Output<'_, '_, P>) + Sync)) {
        let _alarm = Alarm(self);
        loop {
            let next = {
                let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
                let number = jobs.0;
                jobs.0 = number.wrapping_add(1);
                jobs.1.next().map(|job| (number, job))
            };
            let Some((number, job)) = next else { return };
            let mut output = Output { shared: self, number, piece: P::default() };
            work(job, &mut output);
            let piece = std::mem::take(&mut output.piece);
            if self.finish(number, piece).is_break() {
                return;
            }
        }
    }

    /// Hands on a piece of work that goes on.
    fn hand_on(&self, number: u64, piece: P) -> ControlFlow<()> {
        let mut state = self.lock();
        while state.turn != number && state.waiting_bytes > WAITING_BYTES && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.put(number, piece, false);
        state.flow()
    }

    /// Hands on the last of a piece of work, and what waited behind it.
    fn finish(&self, number: u64, piece: P) -> ControlFlow<()> {
        let mut state = self.lock();
        state.put(number, piece, true);
        self.changed.notify_all();
        while state.waiting_bytes > WAITING_BYTES && state.turn <= number && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.flow()
    }

    fn lock(&self) -> MutexGuard<'_, State<'a, P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets nobody wait for the turn of a thread that has died.
struct Alarm<'s, 'a, P: Weigh>(&'s Shared<'a, P>);

impl<P: Weigh> Drop for Alarm<'_, '_, P> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().stopped = true;
            self.0.changed.notify_all();
        }
    }
}

impl<P: Weigh> State<'_, P> {
    fn flow(&self) -> ControlFlow<()> {
        if self.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn put(&mut self, number: u64, piece: P, is_last: bool) {
        if self.stopped {
            return;
        }
        if number != self.turn {
            self.waiting_bytes = self.waiting_bytes.saturating_add(piece.weight());
            let (pieces, done) = self.early.entry(number).or_default();
            pieces.push(piece);
            *done |= is_last;
            return;
        }
        self.write_early();
        self.write(piece);
        if is_last {
            self.turn = self.turn.wrapping_add(1);
            // Those behind it that are through, and what there is of the one whose turn it is now.
            while self.write_early() {
                self.turn = self.turn.wrapping_add(1);
            }
        }
    }

    /// Writes what came early of the piece of work whose turn it is; true if that is all of it.
    fn write_early(&mut self) -> bool {
        let Some((pieces, done)) = self.early.remove(&self.turn) else { return false };
        for piece in pieces {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(piece.weight());
            self.write(piece);
        }
        done
    }

    fn write(&mut self, piece: P) {
        if !self.stopped && (self.sink)(piece).is_break() {
            self.stopped = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs_though_the_early_jobs_take_longest() {
        let mut got = Vec::new();
        let work = |job: u64, output: &mut Output<'_, '_>| {
            std::thread::sleep(std::time::Duration::from_micros(200 * (20 - job)));
            output.piece.bytes.push(u8::try_from(job).unwrap());
        };
        ordered(0..20_u64, &work, &mut |piece: Piece| {
            got.extend(piece.bytes);
            ControlFlow::Continue(())
        });
        assert_eq!(got, (0..20).collect::<Vec<u8>>());
    }

    #[test]
    fn a_flood_of_results_waits_for_its_turn_and_stays_in_order() {
        let mut got = Vec::new();
        let work = |job: u8, output: &mut Output<'_, '_>| {
            for _ in 0..200 {
                output.piece.bytes.resize(PIECE_BYTES, job);
                let _ = output.flush_some();
            }
        };
        ordered(0..4_u8, &work, &mut |piece: Piece| {
            if let Some(job) = piece.bytes.first() {
                got.push(*job);
            }
            ControlFlow::Continue(())
        });
        assert!(got.is_sorted() && got.len() == 800);
    }

    #[test]
    fn a_sink_beside_the_work_gets_all_in_order_and_ends_it() {
        let work = |job: u8, output: &mut Output<'_, '_>| {
            for _ in 0..200 {
                output.piece.bytes.resize(PIECE_BYTES, job);
                let _ = output.flush_some();
            }
        };
        for wanted in [800, 300, 1] {
            let mut got: Vec<u8> = Vec::new();
            ordered_beside(0..4_u8, &work, &mut |piece: Piece| {
                got.extend(piece.bytes.first());
                if got.len() < wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            assert!(got.is_sorted() && got.len() == wanted, "{} of {wanted}", got.len());
        }
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn work_that_dies_lets_no_sink_wait() {
        let work = |job: u8, _: &mut Output<'_, '_>| assert!(job != 3, "the fourth job");
        ordered_beside(0..4_u8, &work, &mut |_: Piece| ControlFlow::Continue(()));
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_thread_that_dies_lets_nobody_wait() {
        assert!(threads() > 1, "without a second core: a scoped thread panicked");
        let work = |job: u8, output: &mut Output<'_, '_>| {
            assert!(std::thread::current().name().is_some() || job > 200, "the first job of the other thread");
            output.piece.bytes.resize(PIECE_BYTES, job);
            std::thread::sleep(std::time::Duration::from_micros(100));
        };
        ordered(0..200_u8, &work, &mut |_| ControlFlow::Continue(()));
    }

    #[test]
    fn nothing_is_written_after_the_sink_wants_no_more() {
        let mut count = 0;
        let work = |_: u32, output: &mut Output<'_, '_>| output.piece.bytes.push(1);
        ordered(0..1000_u32, &work, &mut |_| {
            count += 1;
            ControlFlow::Break(())
        });
        assert_eq!(count, 1);
    }
}
