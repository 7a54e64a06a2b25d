//! What came from each address: brute force, spraying, and a login behind many failures.

use super::logins::{Counts, Login, Met, each};
use super::{ANONYMOUS, BRUTE_FORCE, ROOT_LOGIN, SPRAYING, SUCCESS_AFTER_FAILURES};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::time::{DAY, HOUR, stretch, utc};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Severity};
use std::collections::{BTreeMap, VecDeque};

/// Failures within an hour from which on they are brute force.
const BRUTE_FORCE_FAILURES: u64 = 6;

/// Accounts that were tried within a day from which on it is spraying.
const SPRAYED_ACCOUNTS: u64 = 6;

/// Failures in the day before a login that make it suspicious, and those that nobody makes by mistyping.
const FAILURES_BEFORE: (u64, u64) = (5, 10);

/// Failures that are remembered of one address.
const REMEMBERED: usize = 20_000;

/// Goes over all logins, by service and address.
pub(super) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut current: Option<Address> = None;
    each(image, "service, address, time, event", &mut |login| {
        let is_same = current.as_ref().is_some_and(|it| it.service == login.service && it.address == login.address);
        if !is_same && let Some(ended) = current.replace(Address::new(&login)) {
            ended.end(found);
        }
        if let Some(address) = current.as_mut() {
            address.take(login);
        }
    })?;
    if let Some(ended) = current {
        ended.end(found);
    }
    Ok(())
}

/// What came from one address to one service so far.
struct Address {
    service: String,
    address: String,
    failures: Counts,
    users: Met,
    /// Those of the last day, the earliest first, and how often each class and each account is among them.
    recent: VecDeque<Login>,
    recent_classes: BTreeMap<String, u64>,
    recent_users: BTreeMap<String, u64>,
    /// The most within an hour, and the most accounts within a day.
    peak: u64,
    peak_users: u64,
    first: Option<i64>,
    last: Option<i64>,
    sample: Vec<(i64, String)>,
    /// By account: logins behind failures, of root, of nobody in particular.
    successes: BTreeMap<String, Finding>,
    roots: Option<Finding>,
    anonymous: Option<Finding>,
}

impl Address {
    fn new(login: &Login) -> Self {
        Self {
            service: login.service.clone(),
            address: login.address.clone(),
            failures: Counts::default(),
            users: Met::default(),
            recent: VecDeque::new(),
            recent_classes: BTreeMap::new(),
            recent_users: BTreeMap::new(),
            peak: 0,
            peak_users: 0,
            first: None,
            last: None,
            sample: Vec::new(),
            successes: BTreeMap::new(),
            roots: None,
            anonymous: None,
        }
    }

    fn take(&mut self, login: Login) {
        while self.recent.front().is_some_and(|it| login.time.saturating_sub(it.time) > DAY) {
            if let Some(old) = self.recent.pop_front() {
                take_off(&mut self.recent_classes, &old.class, old.times);
                take_off(&mut self.recent_users, &old.user, 1);
            }
        }
        if login.is_success {
            self.success(&login);
            return;
        }
        self.first.get_or_insert(login.time);
        self.last = Some(login.time);
        self.failures.add(&login);
        self.users.add(&login.user, login.times);
        if self.sample.len() < 3 {
            self.sample.push((login.event, "one of the first failures".to_owned()));
        }
        if self.recent.len() < REMEMBERED {
            add_to(&mut self.recent_classes, &login.class, login.times);
            add_to(&mut self.recent_users, &login.user, 1);
            self.recent.push_back(login.clone());
        }
        // Looked at while it may still rise: brute force of days is known for what it is after an hour.
        if self.peak < BRUTE_FORCE_FAILURES {
            self.peak = self.peak.max(self.within(login.time, HOUR));
        }
        self.peak_users = self.peak_users.max(u64::try_from(self.recent_users.len()).unwrap_or(u64::MAX));
    }

    /// Failures within this time before another.
    fn within(&self, time: i64, length: i64) -> u64 {
        let mut counts = Counts::default();
        let recent = self.recent.iter().rev().take_while(|it| time.saturating_sub(it.time) <= length);
        recent.for_each(|it| counts.add(it));
        counts.most()
    }

    fn success(&mut self, login: &Login) {
        let is_anonymous = self.service == "ftp" && matches!(login.user.as_str(), "anonymous" | "ftp");
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
        let failures = self.recent_classes.values().copied().max().unwrap_or(0);
        if failures < FAILURES_BEFORE.0 && !self.successes.contains_key(&login.user) {
            return;
        }
        let begun = self.successes.remove(&login.user).unwrap_or_else(|| self.after_failures(login, failures));
        let finding = seen(begun, login);
        if self.successes.len() < REMEMBERED {
            self.successes.insert(login.user.clone(), finding);
        }
    }

    fn after_failures(&self, login: &Login, failures: u64) -> Finding {
        let Self { service, address, .. } = self;
        let user = &login.user;
        let title = format!("login to {service} as {user} from {address} after {failures} failures");
        let mut own = Counts::default();
        self.recent.iter().filter(|it| it.user == *user).for_each(|it| own.add(it));
        let key = format!("{service} {address} {user}");
        let begun = self.recent.front().map_or(login.time, |it| it.time);
        let text = format!(
            "In the day before {} there were {failures} failed logins to {service} from {address}, {} of them for {user}; then one for {user} \
            succeeded. That is what a password looks like that was guessed, or found out.",
            utc(login.time),
            own.most(),
        );
        let made = finding(&SUCCESS_AFTER_FAILURES, key, title)
            .explained(text)
            .between(Some(begun), Some(login.time))
            .indicator(address_kind(address), address)
            .indicator("account", user);
        let made = if failures < FAILURES_BEFORE.1 { made.weighed(Severity::Medium, Confidence::Low) } else { made };
        let last = self.recent.back().map(|it| (it.event, "the last failure before it"));
        let first = self.recent.front().map(|it| (it.event, "the first failure of that day"));
        first.into_iter().chain(last).fold(made, |made, (event, note)| made.event(event, note))
    }

    fn end(self, found: &mut Found) {
        let Self { service, address, .. } = &self;
        let (first, last) = (self.first.unwrap_or(0), self.last.unwrap_or(0));
        let failures = self.failures.most();
        let told = |made: Finding| {
            let made = made.between(self.first, self.last).indicator(address_kind(address), address);
            self.sample.iter().fold(made, |made, (event, note)| made.event(*event, note.as_str()))
        };
        let key = format!("{service} {address}");
        if self.peak >= BRUTE_FORCE_FAILURES {
            let title = format!("brute force on {service} from {address}: {failures} failed logins");
            let text = format!(
                "{failures} logins to {service} from {address} failed {}, for the accounts {}.",
                stretch(first, last),
                self.users.words()
            );
            found.add(told(finding(&BRUTE_FORCE, &key, title).explained(text)));
        }
        if self.peak_users >= SPRAYED_ACCOUNTS {
            let accounts = self.users.len();
            let title = format!("password spraying on {service} from {address}: {accounts} accounts");
            let text = format!(
                "From {address} {accounts} accounts of {service} were tried {}, {failures} failures in all: {}.",
                stretch(first, last),
                self.users.words()
            );
            found.add(told(finding(&SPRAYING, &key, title).explained(text)));
        }
        for finding in self.successes.into_values().chain(self.roots).chain(self.anonymous) {
            found.add(finding);
        }
    }
}

/// Counts one more of a name.
fn add_to(counts: &mut BTreeMap<String, u64>, name: &str, times: u64) {
    match counts.get_mut(name) {
        Some(count) => *count = count.saturating_add(times),
        None => drop(counts.insert(name.to_owned(), times)),
    }
}

/// Counts fewer of a name, and forgets it when there is none left.
fn take_off(counts: &mut BTreeMap<String, u64>, name: &str, times: u64) {
    let is_gone = counts.get_mut(name).is_some_and(|count| {
        *count = count.saturating_sub(times);
        *count == 0
    });
    if is_gone {
        counts.remove(name);
    }
}

/// A further login of the same kind.
fn seen(made: Finding, login: &Login) -> Finding {
    let by = if login.method.is_empty() { String::new() } else { format!(" by {}", login.method) };
    made.widened(Some(login.time)).event(login.event, format!("the login{by}"))
}
