//! Puts what several logs tell of one session together.
//!
//! | log | tells | is joined by |
//! | --- | --- | --- |
//! | sshd | `Accepted …`, disconnect | process, port; its process is that of PAM too |
//! | PAM | session opened, closed | process |
//! | logind | session opened, removed | account and time, then the number of the session |
//! | wtmp | record of a terminal, opened and ended | account, address and time, then the terminal |
//! | FTP | login, end | process |

use crate::time::SECOND;
use std::collections::{HashMap, VecDeque};

/// How far apart logs tell the beginning of one session: some of them have times to the second, and a terminal is asked for
/// behind the login.
const NEAR: i64 = 10 * SECOND;

/// Sessions that are kept: the newest ones.
const KEPT: usize = 20_000;

/// Sessions of one account that are held against an event.
const CANDIDATES: usize = 16;

/// Events of a session that are listed.
const EVENTS: usize = 12;

/// What tells of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Teller {
    Sshd,
    Pam,
    Logind,
    Wtmp,
    Ftp,
}

impl Teller {
    pub(super) const ALL: [Self; 5] = [Self::Sshd, Self::Pam, Self::Logind, Self::Wtmp, Self::Ftp];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sshd => "sshd",
            Self::Pam => "PAM",
            Self::Logind => "logind",
            Self::Wtmp => "wtmp",
            Self::Ftp => "FTP server",
        }
    }

    /// Whether its lines hold the number of the process that both sshd and PAM write for.
    const fn has_process(self) -> bool {
        matches!(self, Self::Sshd | Self::Pam | Self::Ftp)
    }
}

/// What an event says of a session.
#[derive(Debug, Clone)]
pub(super) struct Saying<'r> {
    pub(super) event: i64,
    pub(super) time: i64,
    pub(super) teller: Teller,
    pub(super) is_journal: bool,
    pub(super) user: &'r str,
    pub(super) address: &'r str,
    pub(super) process: Option<i64>,
    pub(super) tty: &'r str,
    /// `ssh`, `login`, `su`, `ftp`; empty if the log does not say.
    pub(super) service: &'r str,
    pub(super) method: &'r str,
    pub(super) key: &'r str,
    pub(super) port: Option<i64>,
    /// The number that logind gave it.
    pub(super) session: &'r str,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    NotTold,
    Logout,
    Shutdown,
    /// The machine began anew, and no log tells that it was shut down.
    Boot,
}

impl End {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NotTold => "not told",
            Self::Logout => "logout",
            Self::Shutdown => "shutdown",
            Self::Boot => "boot without shutdown",
        }
    }
}

/// A session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) user: String,
    pub(super) address: String,
    pub(super) service: String,
    pub(super) tty: String,
    pub(super) method: String,
    pub(super) key: String,
    pub(super) opened: i64,
    pub(super) closed: Option<i64>,
    pub(super) end: End,
    pub(super) events: Vec<i64>,
    process: Option<i64>,
    /// Each log that told its beginning, as teller and whether in the journal.
    told: Vec<(Teller, bool)>,
}

impl Session {
    fn new(saying: &Saying<'_>) -> Self {
        Self {
            user: saying.user.to_owned(),
            address: String::new(),
            service: String::new(),
            tty: String::new(),
            method: String::new(),
            key: String::new(),
            opened: saying.time,
            closed: None,
            end: End::NotTold,
            events: Vec::new(),
            process: None,
            told: Vec::new(),
        }
    }

    /// Whether a log tells of its beginning.
    pub(super) fn is_told_by(&self, teller: Teller) -> bool {
        self.told.iter().any(|(told, _)| *told == teller)
    }

    /// The logs that tell of its beginning.
    pub(super) fn tellers(&self) -> Vec<&'static str> {
        Teller::ALL.into_iter().filter(|teller| self.is_told_by(*teller)).map(Teller::name).collect()
    }

    /// Whether this can be the beginning of this session, told by another log.
    fn fits(&self, saying: &Saying<'_>) -> bool {
        let is_near = saying.time.saturating_sub(self.opened) <= NEAR;
        let is_same = |one: &str, other: &str| one.is_empty() || other.is_empty() || one == other;
        // Neither gets a terminal of its own from sshd, nor a session of logind.
        let is_apart = |service: &str| matches!(service, "su" | "ftp");
        let has_told = self.told.contains(&(saying.teller, saying.is_journal));
        let same_process = match (self.process, saying.process) {
            (Some(one), Some(other)) if saying.teller.has_process() => one == other,
            _ => true,
        };
        is_near
            && same_process
            && !has_told
            && is_same(&self.service, saying.service)
            && is_apart(&self.service) == is_apart(saying.service)
            && is_same(&self.address, saying.address)
    }

    /// Whether this says again what is known: another copy of the same log.
    fn is_again(&self, saying: &Saying<'_>) -> bool {
        self.opened == saying.time
            && self.told.contains(&(saying.teller, saying.is_journal))
            && (saying.process.is_none() || !saying.teller.has_process() || self.process == saying.process)
            && (saying.tty.is_empty() || self.tty == saying.tty)
            && self.address == saying.address
    }

    fn take(&mut self, saying: &Saying<'_>) {
        for (own, said) in [
            (&mut self.address, saying.address),
            (&mut self.service, saying.service),
            (&mut self.tty, saying.tty),
            (&mut self.method, saying.method),
            (&mut self.key, saying.key),
        ] {
            if own.is_empty() {
                said.clone_into(own);
            }
        }
        if saying.teller.has_process() {
            self.process = self.process.or(saying.process);
        }
        self.told.push((saying.teller, saying.is_journal));
        self.event(saying.event);
    }

    fn event(&mut self, event: i64) {
        if self.events.len() < EVENTS {
            self.events.push(event);
        }
    }
}

/// By what the end of a session is joined with its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Handle {
    Process(i64),
    Tty(String),
    Logind(String),
    Port(String, i64),
}

/// The sessions so far. Events come in the order of their times.
#[derive(Debug, Default)]
pub(super) struct Together {
    sessions: VecDeque<Session>,
    /// Sessions that were dropped at the front: the number of the first that is kept.
    dropped: u64,
    by_user: HashMap<String, VecDeque<u64>>,
    by_handle: HashMap<Handle, u64>,
    shutdown: Option<i64>,
    booted: Option<i64>,
}

impl Together {
    /// How many of the oldest are not kept.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter()
    }

    fn get(&mut self, number: u64) -> Option<&mut Session> {
        self.sessions.get_mut(usize::try_from(number.checked_sub(self.dropped)?).ok()?)
    }

    /// A session begins.
    pub(super) fn opened(&mut self, saying: &Saying<'_>) {
        let candidates: Vec<u64> =
            self.by_user.get(saying.user).into_iter().flatten().rev().take(CANDIDATES).copied().collect();
        let mut fitting = None;
        for number in candidates {
            let Some(session) = self.get(number) else { continue };
            if session.is_again(saying) {
                return;
            }
            // That of the same process goes before others, and then the one that began last: the logs follow each other closely.
            if session.fits(saying) {
                if saying.teller.has_process() && session.process.is_some() && session.process == saying.process {
                    fitting = Some(number);
                    break;
                }
                fitting = fitting.or(Some(number));
            }
        }
        let number = fitting.unwrap_or_else(|| self.begin(saying));
        if let Some(session) = self.get(number) {
            session.take(saying);
        }
        for handle in handles(saying) {
            self.by_handle.insert(handle, number);
        }
    }

    fn begin(&mut self, saying: &Saying<'_>) -> u64 {
        if self.sessions.len() >= KEPT && self.sessions.pop_front().is_some() {
            self.dropped = self.dropped.saturating_add(1);
        }
        let first = self.dropped;
        if self.by_handle.len() > KEPT.saturating_mul(4) {
            self.by_handle.retain(|_, number| *number >= first);
        }
        if self.by_user.len() > KEPT {
            self.by_user.retain(|_, numbers| numbers.back().is_some_and(|number| *number >= first));
        }
        let number = first.saturating_add(u64::try_from(self.sessions.len()).unwrap_or(u64::MAX));
        self.sessions.push_back(Session::new(saying));
        let own = self.by_user.entry(saying.user.to_owned()).or_default();
        own.push_back(number);
        if own.len() > CANDIDATES {
            own.pop_front();
        }
        number
    }

    /// A session ends.
    pub(super) fn closed(&mut self, saying: &Saying<'_>) {
        let number = handles(saying).into_iter().find_map(|handle| self.by_handle.remove(&handle));
        let Some(session) = number.and_then(|number| self.get(number)) else { return };
        // Each log tells the end, one a little behind the other; what comes later is of another session of that number.
        let is_end = session.end == End::NotTold
            || session.end == End::Logout && session.closed.is_some_and(|at| saying.time.saturating_sub(at) <= NEAR);
        if saying.time >= session.opened && is_end {
            session.closed = Some(saying.time);
            session.end = End::Logout;
            session.event(saying.event);
        }
    }

    /// The machine is shut down.
    pub(super) fn shut_down(&mut self, time: i64) {
        self.shutdown = Some(time);
        self.end_all(time, End::Shutdown);
    }

    /// The machine begins.
    pub(super) fn boot(&mut self, time: i64) {
        let was_shut_down = self.shutdown.is_some_and(|at| self.booted.is_none_or(|booted| at >= booted));
        self.end_all(time, if was_shut_down { End::Shutdown } else { End::Boot });
        self.booted = Some(time);
    }

    /// All that are open end; those of which an end is told are none. Numbers of processes and terminals begin anew.
    fn end_all(&mut self, time: i64, end: End) {
        let open = self.sessions.iter_mut().rev().take_while(|it| it.end != End::Boot && it.end != End::Shutdown);
        for session in open.filter(|it| it.end == End::NotTold) {
            (session.closed, session.end) = (Some(time), end);
        }
        self.by_handle.clear();
    }
}

fn handles(saying: &Saying<'_>) -> Vec<Handle> {
    let process = saying.process.filter(|_| saying.teller.has_process()).map(Handle::Process);
    let tty = (!saying.tty.is_empty() && saying.teller == Teller::Wtmp).then(|| Handle::Tty(saying.tty.to_owned()));
    let logind = (!saying.session.is_empty()).then(|| Handle::Logind(saying.session.to_owned()));
    let port = saying.port.filter(|_| !saying.address.is_empty());
    let port = port.map(|port| Handle::Port(saying.address.to_owned(), port));
    process.into_iter().chain(tty).chain(logind).chain(port).collect()
}
