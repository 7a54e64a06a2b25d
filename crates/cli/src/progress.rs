//! What long work tells while it runs: a line on the terminal, lines in a log, or events for programs.

mod line;
mod meter;

pub(crate) use line::duration;

use crate::arguments::OutputArguments;
use crate::console::Console;
use crate::failure::{Failure, harmless};
use crate::signals;
#[cfg(feature = "browse")]
use kanshiki_model::Note;
use kanshiki_model::{Issue, Progress};
use line::Snapshot;
use meter::Meter;
use serde_json::{Value, json};
use std::fmt;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Issues that are told one by one; the manifest or report holds them all.
const ISSUES_TOLD: usize = 40;

/// How progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// One line on the terminal, drawn again and again.
    Redrawn,
    /// A new line now and then.
    Lines,
    /// Events on standard output.
    Events,
    /// Nothing.
    Off,
}

impl Style {
    fn choose(output: &OutputArguments) -> Self {
        match output {
            OutputArguments { quiet: true, .. } => Self::Off,
            OutputArguments { json: true, .. } => Self::Events,
            OutputArguments { no_progress: false, .. } if io::stderr().is_terminal() => Self::Redrawn,
            _ => Self::Lines,
        }
    }

    const fn interval(self) -> Duration {
        match self {
            Self::Redrawn => Duration::from_millis(200),
            Self::Events => Duration::from_secs(1),
            Self::Lines | Self::Off => Duration::from_secs(10),
        }
    }
}

/// Tells the progress of the work; a thread of its own draws it, so that a disk that hangs is seen to hang.
#[derive(Debug)]
pub(crate) struct Reporter {
    shared: Arc<Shared>,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

struct Shared {
    style: Style,
    console: Console,
    stop: Arc<AtomicBool>,
    /// What is said at the first request to stop.
    stopping: &'static str,
    /// What is said when issues are no longer told one by one.
    more: &'static str,
    done: AtomicU64,
    unreadable: AtomicU64,
    state: Mutex<State>,
}

struct State {
    task: String,
    total: Option<u64>,
    started: Instant,
    meter: Meter,
    line_shown: bool,
    issues: usize,
    stop_told: bool,
}

impl Reporter {
    /// Starts to listen to signals and to tell progress as the options say.
    pub(crate) fn start(output: &OutputArguments, console: &Console) -> Result<Self, Failure> {
        let stopping = "stopping at the next place where the work can be taken up; once more ends at once\n";
        Self::start_saying(output, console, stopping, "there is more of this; the record has it all")
    }

    /// For work that leaves no record and is not taken up again.
    #[cfg(feature = "browse")]
    pub(crate) fn start_without_record(output: &OutputArguments, console: &Console) -> Result<Self, Failure> {
        let more = "there is more of this, not told here; `kanshiki check` lists all damage";
        Self::start_saying(output, console, "stopping; once more ends at once\n", more)
    }

    fn start_saying(
        output: &OutputArguments,
        console: &Console,
        stopping: &'static str,
        more: &'static str,
    ) -> Result<Self, Failure> {
        let style = Style::choose(output);
        let shared = Arc::new(Shared {
            style,
            console: *console,
            stop: signals::stop_flag()?,
            stopping,
            more,
            done: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            state: Mutex::new(State {
                task: String::new(),
                total: None,
                started: Instant::now(),
                meter: Meter::default(),
                line_shown: false,
                issues: 0,
                stop_told: false,
            }),
        });
        let (sender, receiver) = mpsc::channel::<()>();
        let ticking = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                let mut next = Instant::now() + style.interval();
                // Short waits, so that a request to stop is answered at once in every style.
                while receiver.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout) {
                    let due = Instant::now() >= next;
                    if due {
                        next = Instant::now() + style.interval();
                    }
                    ticking.tick(due);
                }
            })
            .map_err(|error| Failure::from_error("cannot start a thread", &error))?;
        Ok(Self { shared, ticker: Some((sender, thread)) })
    }
}

#[cfg(feature = "browse")]
impl Reporter {
    /// Tells something that is no issue.
    pub(crate) fn note(&self, note: &Note) {
        match self.shared.style {
            Style::Off => {}
            Style::Events => {
                let (subject, message) = (&note.subject, &note.message);
                let note = json!({ "subject": subject, "message": message });
                self.shared.event(&json!({ "schema": 1, "event": "note", "note": note }));
            }
            Style::Redrawn | Style::Lines => {
                self.shared.say(&mut self.shared.state(), &format!("note: {}\n", harmless(&note.to_string())));
            }
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.ticker.take() {
            drop(sender);
            let _ = thread.join();
        }
        self.shared.clear(&mut self.shared.state());
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self, due: bool) {
        let mut state = self.state();
        if self.style != Style::Off && self.stop.load(Ordering::Relaxed) && !state.stop_told {
            state.stop_told = true;
            self.say(&mut state, self.stopping);
        }
        if state.task.is_empty() {
            return;
        }
        let (time, done) = (state.started.elapsed(), self.done.load(Ordering::Relaxed));
        state.meter.sample(time, done);
        if due {
            self.show(&mut state, done);
        }
    }

    fn show(&self, state: &mut State, done: u64) {
        let unreadable = self.unreadable.load(Ordering::Relaxed);
        let rate = state.meter.rate();
        let snapshot = Snapshot { task: &state.task, done, total: state.total, rate, unreadable };
        match self.style {
            Style::Off => {}
            Style::Lines => self.console.note(&format!("{}\n", snapshot.line(usize::MAX))),
            Style::Redrawn => {
                self.console.note(&format!("\r\u{1b}[K{}", snapshot.line(terminal_columns() - 1)));
                state.line_shown = true;
            }
            Style::Events => self.event(&json!({
                "schema": 1,
                "event": "progress",
                "task": snapshot.task,
                "done_bytes": done,
                "total_bytes": snapshot.total,
                "bytes_per_second": rate,
                "seconds_left": snapshot.seconds_left(),
                "unreadable_bytes": unreadable,
            })),
        }
    }

    fn event(&self, value: &Value) {
        // The end of the work reports what is wrong with standard output; the work itself goes on.
        let _ = self.console.json(value);
    }

    fn clear(&self, state: &mut State) {
        if state.line_shown {
            self.console.note("\r\u{1b}[K");
            state.line_shown = false;
        }
    }

    fn say(&self, state: &mut State, text: &str) {
        self.clear(state);
        self.console.note(text);
    }
}

impl Progress for Reporter {
    fn begin(&self, task: &str, total_bytes: Option<u64>) {
        let mut state = self.shared.state();
        self.shared.done.store(0, Ordering::Relaxed);
        state.task = harmless(task);
        state.total = total_bytes;
        state.started = Instant::now();
        state.meter = Meter::default();
        state.meter.sample(Duration::ZERO, 0);
        match self.shared.style {
            Style::Events => self.shared.event(&json!({
                "schema": 1, "event": "begin", "task": task, "total_bytes": total_bytes,
            })),
            // A log gets a line when there is something to tell.
            Style::Lines => {}
            Style::Redrawn | Style::Off => self.shared.show(&mut state, 0),
        }
    }

    fn advance(&self, bytes: u64) {
        self.shared.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn unreadable(&self, bytes: u64) {
        self.shared.unreadable.store(bytes, Ordering::Relaxed);
    }

    fn issue(&self, issue: &Issue) {
        let mut state = self.shared.state();
        match self.shared.style {
            Style::Off => return,
            Style::Events => {
                return self.shared.event(&json!({ "schema": 1, "event": "issue", "issue": issue }));
            }
            Style::Redrawn | Style::Lines => {}
        }
        state.issues += 1;
        let label = self.shared.console.err().warning("warning");
        if state.issues <= ISSUES_TOLD {
            self.shared.say(&mut state, &format!("{label}: {}\n", harmless(&issue.to_string())));
        } else if state.issues == ISSUES_TOLD + 1 {
            self.shared.say(&mut state, &format!("{label}: {}\n", self.shared.more));
        }
    }

    fn stop_requested(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }
}

/// The width of the terminal on standard error in characters, at least 20.
fn terminal_columns() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col));
    if columns == 0 { 80 } else { columns.max(20) }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("style", &self.style).finish_non_exhaustive()
    }
}
