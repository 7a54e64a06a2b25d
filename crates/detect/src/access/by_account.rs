//! What happened to each account: tried from many addresses, logged in to from new ones, or at an hour that is not its own.

use super::by_address::Sprayers;
use super::logins::{Login, each};
use super::tally::{Counts, Met};
use super::{MANY_ADDRESSES, NEW_ADDRESS, ODD_HOUR, SUCCESS_ELSEWHERE};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::time::{DAY, stretch, utc};
use crate::{DetectError, Image};
use jiff::tz::TimeZone;
use kanshiki_model::{Confidence, Finding, Severity};
use std::collections::BTreeMap;

/// Addresses from which an account was tried that make it a target.
const TARGET_ADDRESSES: u64 = 10;

/// Failures behind which a login from a new address is suspicious.
const GUESSES: u64 = 20;

/// How long behind the last failure it is.
const AFTERWARDS: i64 = 7 * DAY;

/// Logins and days of them from which on an account has habits.
const HABIT: (u32, i64) = (20, 7 * DAY);

/// Goes over all logins, by service and account.
pub(super) fn find(image: &Image<'_>, sprayers: &Sprayers, found: &mut Found) -> Result<(), DetectError> {
    let zone = image.zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let mut current: Option<Account<'_>> = None;
    each(image, "user, service, time, event", &mut |login| {
        let is_same = current.as_ref().is_some_and(|it| it.service == login.service && it.user == login.user);
        if !is_same && let Some(ended) = current.replace(Account::new(login, &zone)) {
            ended.end(found);
        }
        if let Some(account) = current.as_mut() {
            account.take(login, sprayers);
        }
        Ok(())
    })?;
    if let Some(ended) = current {
        ended.end(found);
    }
    Ok(())
}

/// What happened to one account of one service so far.
struct Account<'z> {
    zone: &'z TimeZone,
    service: String,
    user: String,
    /// Addresses from which it was tried in vain, with how often.
    tried: Met,
    failures: Counts,
    first_failure: Option<(i64, i64)>,
    last_failure: Option<(i64, i64)>,
    /// The last one from where many accounts were tried.
    last_sprayed: Option<(i64, i64)>,
    /// Addresses from which it was logged in to.
    used: Met,
    /// Times of the first login and of the last, and how many.
    logins: Option<(i64, i64, u32)>,
    /// Logins by the hour of the day.
    hours: [u32; 24],
    unusual: BTreeMap<String, Finding>,
}

/// Addresses that are told of one account.
const TOLD: usize = 1000;

impl<'z> Account<'z> {
    fn new(login: &Login<'_>, zone: &'z TimeZone) -> Self {
        Self {
            zone,
            service: login.service.to_owned(),
            user: login.user.to_owned(),
            tried: Met::default(),
            failures: Counts::default(),
            first_failure: None,
            last_failure: None,
            last_sprayed: None,
            used: Met::default(),
            logins: None,
            hours: [0; 24],
            unusual: BTreeMap::new(),
        }
    }

    fn take(&mut self, login: &Login<'_>, sprayers: &Sprayers) {
        if self.user.is_empty() || login.is_aside {
            return;
        }
        if !login.is_success {
            self.tried.add(login.address, login.times);
            self.failures.add(login);
            self.first_failure.get_or_insert((login.time, login.event));
            self.last_failure = Some((login.time, login.event));
            if sprayers.contains(&(login.service.to_owned(), login.address.to_owned())) {
                self.last_sprayed = self.last_failure;
            }
            return;
        }
        let is_new = !self.used.has(login.address);
        let has_habits =
            self.logins.is_some_and(|(first, last, count)| count >= HABIT.0 && last.saturating_sub(first) >= HABIT.1);
        if is_new && !self.tried.has(login.address) {
            self.elsewhere(login, has_habits);
        }
        let hour = self.hour(login.time);
        if has_habits && self.is_odd(hour) {
            self.odd(login, hour);
        }
        self.used.add(login.address, 1);
        if let Some(count) = self.hours.get_mut(hour) {
            *count = count.saturating_add(1);
        }
        let (first, _, count) = self.logins.unwrap_or((login.time, login.time, 0));
        self.logins = Some((first, login.time, count.saturating_add(1)));
    }

    /// The hour of the day on the clock of the machine.
    fn hour(&self, time: i64) -> usize {
        let time = jiff::Timestamp::from_nanosecond(i128::from(time));
        time.map_or(0, |time| usize::try_from(self.zone.to_datetime(time).hour()).unwrap_or(0))
    }

    /// Whether there was no login in this hour, nor in those beside it.
    fn is_odd(&self, hour: usize) -> bool {
        let beside = [hour.saturating_add(23), hour, hour.saturating_add(1)];
        beside.iter().all(|hour| self.hours.get(hour.checked_rem(24).unwrap_or(0)).is_none_or(|count| *count == 0))
    }

    fn elsewhere(&mut self, login: &Login<'_>, has_habits: bool) {
        let Self { service, user, .. } = &*self;
        let guessed = self.last_failure.filter(|(last, _)| login.time.saturating_sub(*last) <= AFTERWARDS);
        let failures = self.failures.most();
        let key = format!("{service} {user} {}", login.address);
        let made = match guessed.filter(|_| failures >= GUESSES) {
            Some((last, event)) => {
                let title = format!(
                    "login to {service} as {user} from {}, after {failures} failures from elsewhere",
                    login.address
                );
                let text = format!(
                    "Until {} somebody had tried {user} of {service} {failures} times in vain, from {}. Then the account was logged in to \
                    from {}, which had not been seen before.",
                    utc(last),
                    self.tried.words(),
                    login.address
                );
                finding(&SUCCESS_ELSEWHERE, &key, title)
                    .explained(text)
                    .between(self.first_failure.map(|it| it.0), Some(login.time))
                    .event(event, "the last failure before it")
            }
            None if self.last_sprayed.is_some_and(|(last, _)| login.time.saturating_sub(last) <= AFTERWARDS) => {
                let title = format!(
                    "login to {service} as {user} from {}, after others had tried many accounts",
                    login.address
                );
                let text = format!(
                    "The account {user} was among those that were tried from {} in vain. Then it was logged in to from {}, which had not \
                    been seen before. Who finds a password out may use it from elsewhere.",
                    self.tried.words(),
                    login.address
                );
                let sprayed = self.last_sprayed.map(|(_, event)| event);
                let made = finding(&SUCCESS_ELSEWHERE, &key, title)
                    .explained(text)
                    .weighed(Severity::Low, Confidence::Low)
                    .between(self.first_failure.map(|it| it.0), Some(login.time));
                sprayed.into_iter().fold(made, |made, event| made.event(event, "the last of those tries"))
            }
            None if has_habits => {
                let title = format!("first login to {service} as {user} from {}", login.address);
                let text = format!("The account had been used from {} until then.", self.used.words());
                finding(&NEW_ADDRESS, &key, title).explained(text).between(Some(login.time), Some(login.time))
            }
            None => return,
        };
        let made = made
            .event(login.event, "the login")
            .indicator(address_kind(login.address), login.address)
            .indicator("account", user);
        if self.unusual.len() < TOLD {
            self.unusual.insert(key, made);
        }
    }

    fn odd(&mut self, login: &Login<'_>, hour: usize) {
        let Self { service, user, .. } = &*self;
        let day = login.time.div_euclid(DAY);
        let key = format!("{service} {user} odd hour {day}");
        let title = format!("login to {service} as {user} at an hour that is not its own: {}", utc(login.time));
        let text = format!(
            "On the clock of the machine it was between {hour} and {} o'clock, when this account had not been logged in to before.",
            hour.saturating_add(1)
        );
        let made = finding(&ODD_HOUR, &key, title)
            .explained(text)
            .between(Some(login.time), Some(login.time))
            .event(login.event, "the login");
        if self.unusual.len() < TOLD {
            self.unusual.entry(key).or_insert(made);
        }
    }

    fn end(self, found: &mut Found) {
        // Who travels mistypes here and there, and then gets in.
        let addresses = self.tried.len_without(&self.used);
        if let (true, Some((first, event)), Some((last, _))) =
            (addresses >= TARGET_ADDRESSES, self.first_failure, self.last_failure)
        {
            let Self { service, user, .. } = &self;
            let title = format!("{user} of {service} was tried from {addresses} addresses");
            let text = format!(
                "{} logins failed {}, from {}.",
                self.failures.most(),
                stretch(first, last),
                self.tried.words()
            );
            let made = finding(&MANY_ADDRESSES, format!("{service} {user}"), title);
            found.add(made.explained(text).between(Some(first), Some(last)).event(event, "the first failure"));
        }
        self.unusual.into_values().for_each(|made| found.add(made));
    }
}
