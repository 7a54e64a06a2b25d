//! What came from each address: brute force, spraying, guessing that is slow or goes by names that do not exist, and a login
//! behind many failures.

mod tell;

use super::known::{Absence, Known};
use super::logins::{Login, each};
use super::tally::{Counts, Met, Within};
use super::{ANONYMOUS, ROOT_LOGIN};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::time::{DAY, HOUR, SECOND};
use crate::{DetectError, Image};
use kanshiki_model::Finding;
use std::collections::{BTreeMap, HashSet, VecDeque};

/// Failures within an hour from which on they are brute force.
const BRUTE_FORCE_FAILURES: u64 = 6;

/// Accounts that were tried within a day from which on it is spraying.
const SPRAYED_ACCOUNTS: usize = 6;

/// The same of mail, where an address has few accounts, within some minutes.
const SPRAYED_MAIL: (usize, i64) = (4, 5 * 60 * SECOND);

/// Names within a day that are no accounts, from which on they are guessed.
const UNKNOWN_NAMES: usize = 3;

/// Failures before any login, and the days on which they were, from which on it is slow guessing.
const SLOW: (u64, u32) = (10, 3);

/// Failures in the day before a login that make it suspicious, and those that nobody makes by mistyping.
const FAILURES_BEFORE: (u64, u64) = (5, 10);

/// Failures that are remembered of one address.
const REMEMBERED: usize = 20_000;

/// Goes over all logins, by service and address.
/// The services and addresses from which many accounts were tried are told to who looks at accounts.
pub(super) fn find(image: &Image<'_>, found: &mut Found) -> Result<Sprayers, DetectError> {
    let mut sprayers = Sprayers::new();
    let known = Known::of(image)?;
    let mut current: Option<Address> = None;
    each(image, "address, service, time, event", &mut |login| {
        let is_same = current.as_ref().is_some_and(|it| it.service == login.service && it.address == login.address);
        if !is_same {
            let next = Address::new(login, known.owned(login));
            if let Some(ended) = current.replace(next) {
                ended.close(&mut sprayers, found);
            }
        }
        if let Some(address) = current.as_mut() {
            address.take(login, &known);
        }
        Ok(())
    })?;
    if let Some(ended) = current {
        ended.close(&mut sprayers, found);
    }
    Ok(sprayers)
}

/// Services and addresses from which many accounts were tried.
pub(super) type Sprayers = HashSet<(String, String)>;

/// Those that are remembered.
const SPRAYERS: usize = 100_000;

/// A failure of the last day.
#[derive(Debug)]
struct Failure {
    event: i64,
    time: i64,
    class: i64,
    times: u64,
    user: Box<str>,
}

/// What came from one address to one service so far.
#[derive(Debug)]
struct Address {
    service: String,
    address: String,
    /// Accounts that are logged in to from here, now or later: to fail with them is to mistype.
    owned: HashSet<String>,
    /// Those that were logged in to until now.
    logged_in: HashSet<String>,
    failures: Counts,
    users: Met,
    /// Those of the last day, the earliest first, and how often each class is among them.
    recent: VecDeque<Failure>,
    recent_classes: Counts,
    /// The most within an hour.
    peak: u64,
    /// Accounts of others within a day, and of mail within some minutes.
    tried: Within,
    tried_at_once: Within,
    /// Names that are no accounts, in small letters: within a day, and all.
    unknown: Within,
    unknown_names: Met,
    is_inferred: bool,
    before: Before,
    first: Option<i64>,
    last: Option<i64>,
    sample: Vec<(i64, &'static str)>,
    /// By account: logins behind failures, of root, of nobody in particular.
    successes: BTreeMap<String, Finding>,
    roots: Option<Finding>,
    anonymous: Option<Finding>,
}

/// The failures before the first login.
#[derive(Debug, Default)]
struct Before {
    failures: Counts,
    days: u32,
    last_day: Option<i64>,
    is_over: bool,
}

impl Before {
    fn add(&mut self, login: &Login<'_>) {
        if self.is_over {
            return;
        }
        self.failures.add(login);
        let day = Some(login.time.div_euclid(DAY));
        if self.last_day != day {
            self.last_day = day;
            self.days = self.days.saturating_add(1);
        }
    }

    fn is_slow_guessing(&self) -> bool {
        self.failures.most() >= SLOW.0 && self.days >= SLOW.1
    }
}

impl Address {
    fn new(login: &Login<'_>, owned: HashSet<String>) -> Self {
        Self {
            service: login.service.to_owned(),
            address: login.address.to_owned(),
            owned,
            logged_in: HashSet::new(),
            failures: Counts::default(),
            users: Met::default(),
            recent: VecDeque::new(),
            recent_classes: Counts::default(),
            peak: 0,
            tried: Within::new(DAY),
            tried_at_once: Within::new(SPRAYED_MAIL.1),
            unknown: Within::new(DAY),
            unknown_names: Met::default(),
            is_inferred: false,
            before: Before::default(),
            first: None,
            last: None,
            sample: Vec::new(),
            successes: BTreeMap::new(),
            roots: None,
            anonymous: None,
        }
    }

    fn take(&mut self, login: &Login<'_>, known: &Known) {
        while self.recent.front().is_some_and(|it| login.time.saturating_sub(it.time) > DAY) {
            if let Some(old) = self.recent.pop_front() {
                self.recent_classes.take_off(old.class, old.times);
            }
        }
        if login.is_success {
            return self.success(login);
        }
        self.first.get_or_insert(login.time);
        self.last = Some(login.time);
        if let Some(absence) = known.absence(login) {
            // Who has an account and types its name in capital letters tries one name.
            let name = login.user.trim().to_lowercase();
            self.unknown.add(&name, login.time);
            self.unknown_names.add(&name, login.times);
            self.is_inferred |= absence == Absence::Inferred;
        }
        if self.sample.len() < 3 {
            self.sample.push((login.event, "one of the first failures"));
        }
        if !login.is_aside {
            self.failure(login);
        }
    }

    fn failure(&mut self, login: &Login<'_>) {
        self.failures.add(login);
        self.users.add(login.user, login.times);
        self.before.add(login);
        if !self.owned.contains(login.user) {
            self.tried.add(login.user, login.time);
            if self.service == "mail" {
                self.tried_at_once.add(login.user, login.time);
            }
        }
        if self.recent.len() < REMEMBERED {
            let Login { event, time, class, times, user, .. } = *login;
            self.recent_classes.add_times(class, times);
            self.recent.push_back(Failure { event, time, class, times, user: user.into() });
        }
        // Looked at while it may still rise: brute force of days is known for what it is after an hour.
        if self.peak < BRUTE_FORCE_FAILURES {
            self.peak = self.peak.max(self.within(login.time, HOUR));
        }
    }

    /// Failures within this time before another.
    fn within(&self, time: i64, length: i64) -> u64 {
        let mut counts = Counts::default();
        let recent = self.recent.iter().rev().take_while(|it| time.saturating_sub(it.time) <= length);
        recent.for_each(|it| counts.add_times(it.class, it.times));
        counts.most()
    }

    fn success(&mut self, login: &Login<'_>) {
        let is_anonymous = self.service == "ftp" && matches!(login.user, "anonymous" | "ftp");
        if is_anonymous {
            let title = format!("anonymous login to ftp from {}", self.address);
            let begun = self.anonymous.take().unwrap_or_else(|| {
                finding(&ANONYMOUS, &self.address, title).explained(
                    "Somebody without an account of the machine got in: whoever reaches the service can do so.",
                )
            });
            self.anonymous = Some(seen(begun, login));
            return;
        }
        if login.user == "root" && self.service == "ssh" {
            let title = format!("root logged in directly over ssh from {}", self.address);
            let begun = self.roots.take().unwrap_or_else(|| {
                finding(&ROOT_LOGIN, format!("ssh {}", self.address), title)
                    .explained("Who logs in as root directly leaves no trace of who they are.")
                    .indicator(address_kind(&self.address), &self.address)
            });
            self.roots = Some(seen(begun, login));
        }
        let is_usual = self.logged_in.contains(login.user);
        if !is_usual && self.logged_in.len() < REMEMBERED {
            self.logged_in.insert(login.user.to_owned());
        }
        let is_first = !std::mem::replace(&mut self.before.is_over, true);
        let begun = match self.successes.remove(login.user) {
            Some(begun) => begun,
            None => match self.suspicious(login, is_first, is_usual) {
                Some(begun) => begun,
                None => return,
            },
        };
        let finding = seen(begun, login);
        if self.successes.len() < REMEMBERED {
            self.successes.insert(login.user.to_owned(), finding);
        }
    }

    fn close(self, sprayers: &mut Sprayers, found: &mut Found) {
        if self.is_sprayed() && sprayers.len() < SPRAYERS {
            sprayers.insert((self.service.clone(), self.address.clone()));
        }
        self.end(found);
    }

    fn is_sprayed(&self) -> bool {
        self.tried.most() >= SPRAYED_ACCOUNTS || self.tried_at_once.most() >= SPRAYED_MAIL.0
    }
}

/// A further login of the same kind.
fn seen(made: Finding, login: &Login<'_>) -> Finding {
    let by = if login.method.is_empty() { String::new() } else { format!(" by {}", login.method) };
    made.widened(Some(login.time)).event(login.event, format!("the login{by}"))
}
