//! What is told of an address.

use super::{Address, BRUTE_FORCE_FAILURES, FAILURES_BEFORE, UNKNOWN_NAMES};
use crate::access::logins::Login;
use crate::access::tally::Counts;
use crate::access::{BRUTE_FORCE, SLOW_GUESSING, SPRAYING, SUCCESS_AFTER_FAILURES, UNKNOWN_ACCOUNTS};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::time::{stretch, utc};
use kanshiki_model::{Confidence, Finding, Rule, Severity};

impl Address {
    /// What is told of a login if something before it makes it suspicious.
    pub(super) fn suspicious(&self, login: &Login<'_>, is_first: bool, is_usual: bool) -> Option<Finding> {
        let failures = self.recent_classes.most();
        if failures >= FAILURES_BEFORE.1 {
            let made = self.after_failures(login, failures);
            // Who came from there before has a way in already, and mistypes, or forgot a script with an old password.
            let made = if is_usual { made.weighed(Severity::Medium, Confidence::Low) } else { made };
            return Some(made);
        }
        let doubtful = |made: Finding| Some(made.weighed(Severity::Medium, Confidence::Low));
        let names = self.unknown.before(login.time);
        if failures >= FAILURES_BEFORE.0 {
            doubtful(self.after_failures(login, failures))
        } else if names >= UNKNOWN_NAMES {
            let why = format!("In the day before, {names} names were tried from there that are no accounts.");
            doubtful(self.after(login, &format!("{names} names of accounts that do not exist"), &why))
        } else if is_first && self.before.is_slow_guessing() {
            let (failures, days) = (self.before.failures.most(), self.before.days);
            let why =
                format!("Until then {failures} logins from there had failed, on {days} days, and none succeeded.");
            doubtful(self.after(login, &format!("{failures} failures on {days} days"), &why))
        } else {
            None
        }
    }

    fn after_failures(&self, login: &Login<'_>, failures: u64) -> Finding {
        let Self { service, address, .. } = self;
        let user = login.user;
        let mut own = Counts::default();
        self.recent.iter().filter(|it| *it.user == *user).for_each(|it| own.add_times(it.class, it.times));
        let text = format!(
            "In the day before {} there were {failures} failed logins to {service} from {address}, {} of them for {user}; then one for {user} \
            succeeded. That is what a password looks like that was guessed, or found out.",
            utc(login.time),
            own.most(),
        );
        self.after(login, &format!("{failures} failures"), &text)
    }

    fn after(&self, login: &Login<'_>, what: &str, text: &str) -> Finding {
        let Self { service, address, .. } = self;
        let user = login.user;
        let begun = self.recent.front().map_or(self.first.unwrap_or(login.time), |it| it.time);
        let title = format!("login to {service} as {user} from {address} after {what}");
        let made = finding(&SUCCESS_AFTER_FAILURES, format!("{service} {address} {user}"), title)
            .explained(text)
            .between(Some(begun), Some(login.time))
            .indicator(address_kind(address), address)
            .indicator("account", user);
        let last = self.recent.back().map(|it| (it.event, "the last failure before it"));
        let first = self.recent.front().map(|it| (it.event, "the first failure of that day"));
        first.into_iter().chain(last).fold(made, |made, (event, note)| made.event(event, note))
    }

    pub(super) fn end(self, found: &mut Found) {
        let is_brute_force = self.peak >= BRUTE_FORCE_FAILURES;
        if is_brute_force {
            found.add(self.brute_force());
        }
        if self.is_sprayed() {
            found.add(self.spraying());
        } else if self.unknown.most() >= UNKNOWN_NAMES {
            found.add(self.unknown_accounts());
        }
        if !is_brute_force && !self.is_sprayed() && self.before.is_slow_guessing() {
            found.add(self.slow_guessing());
        }
        for finding in self.successes.into_values().chain(self.roots).chain(self.anonymous) {
            found.add(finding);
        }
    }

    /// A finding about all failures from here.
    fn told(&self, rule: &'static Rule, title: String, text: String) -> Finding {
        let Self { service, address, .. } = self;
        let made = finding(rule, format!("{service} {address}"), title)
            .explained(text)
            .between(self.first, self.last)
            .indicator(address_kind(address), address);
        self.sample.iter().fold(made, |made, (event, note)| made.event(*event, *note))
    }

    fn when(&self) -> String {
        stretch(self.first.unwrap_or(0), self.last.unwrap_or(0))
    }

    fn brute_force(&self) -> Finding {
        let Self { service, address, .. } = self;
        let failures = self.failures.most();
        let title = format!("brute force on {service} from {address}: {failures} failed logins");
        let (when, users) = (self.when(), self.users.words());
        let text = format!("{failures} logins to {service} from {address} failed {when}, for the accounts {users}.");
        self.told(&BRUTE_FORCE, title, text)
    }

    fn spraying(&self) -> Finding {
        let Self { service, address, .. } = self;
        let (accounts, failures) = (self.users.len(), self.failures.most());
        let title = format!("password spraying on {service} from {address}: {accounts} accounts");
        let (when, users) = (self.when(), self.users.words());
        let text = format!(
            "From {address} {accounts} accounts of {service} were tried {when}, {failures} failures in all: {users}."
        );
        self.told(&SPRAYING, title, text)
    }

    fn unknown_accounts(&self) -> Finding {
        let Self { service, address, .. } = self;
        let (names, when, words) = (self.unknown_names.len(), self.when(), self.unknown_names.words());
        let title = format!("{names} names of accounts that do not exist were tried on {service} from {address}");
        let basis = if self.is_inferred {
            "They are not in /etc/passwd, and nobody logged in with them."
        } else {
            "The log says that there are no such accounts."
        };
        let text = format!("Three and more within a day, {when}: {words}. {basis}");
        let made = self.told(&UNKNOWN_ACCOUNTS, title, text);
        if self.is_inferred { made.weighed(Severity::Low, Confidence::Low) } else { made }
    }

    fn slow_guessing(&self) -> Finding {
        let Self { service, address, before, .. } = self;
        let (failures, days) = (before.failures.most(), before.days);
        let title = format!("slow guessing on {service} from {address}: {failures} failed logins on {days} days");
        let (when, users) = (self.when(), self.users.words());
        let text = format!(
            "Few at a time, {failures} logins failed {when}, for the accounts {users}. None from there had succeeded until then."
        );
        self.told(&SLOW_GUESSING, title, text)
    }
}
