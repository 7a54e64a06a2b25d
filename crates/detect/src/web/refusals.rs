//! Accounts that a web server itself lets in, by HTTP's own logins, behind refusals of the same address.

use super::{COUNTED, GUESSED, GUESSES, Request};
use crate::found::{Building as _, address_kind, finding};
use crate::time::{DAY, HOUR};
use kanshiki_model::{Confidence, Finding, Severity};
use std::collections::{BTreeMap, HashMap};

/// Refusals within an hour that nobody makes by hand.
const BY_PROGRAM: i64 = 100;

/// Findings that are kept.
const TOLD: usize = 1000;

/// Refusals of an address without a success between them.
#[derive(Debug)]
struct Refused {
    count: u64,
    first: i64,
    last: i64,
    event: i64,
}

/// Refusals of all addresses, and the logins behind them.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_address: HashMap<String, Refused>,
    told: BTreeMap<String, Finding>,
}

impl Refusals {
    pub(super) fn take(&mut self, request: &Request<'_>) {
        if request.status == 401 {
            return self.refused(request);
        }
        let is_let_in = matches!(request.status, 200..=399) && !matches!(request.user, "" | "-");
        if is_let_in && let Some(refused) = self.by_address.remove(request.address) {
            self.let_in(&refused, request);
        }
    }

    fn refused(&mut self, request: &Request<'_>) {
        if self.by_address.len() >= COUNTED && !self.by_address.contains_key(request.address) {
            return;
        }
        let Request { time, event, .. } = *request;
        let begin = Refused { count: 0, first: time, last: time, event };
        let refused = self.by_address.entry(request.address.to_owned()).or_insert(begin);
        if time.saturating_sub(refused.last) > DAY {
            *refused = Refused { count: 0, first: time, last: time, event };
        }
        refused.count = refused.count.saturating_add(1);
        refused.last = refused.last.max(time);
    }

    fn let_in(&mut self, refused: &Refused, request: &Request<'_>) {
        let after = request.time.saturating_sub(refused.last);
        if refused.count < GUESSES || !(0..=DAY).contains(&after) || self.told.len() >= TOLD {
            return;
        }
        let Request { address, user, .. } = *request;
        let page = request.path.split('?').next().unwrap_or_default();
        let key = format!("{address} {page} {user}");
        let title = format!("login to {page} as {user} from {address} after {} refusals", refused.count);
        let text = "The server refused the address again and again, without letting it in once, and then let it in with the \
            password of this account.";
        let hours = refused.last.saturating_sub(refused.first).div_euclid(HOUR).saturating_add(1);
        let is_fast =
            i64::try_from(refused.count).unwrap_or(i64::MAX).checked_div(hours).is_some_and(|each| each >= BY_PROGRAM);
        let made = finding(&GUESSED, &key, title)
            .explained(text)
            .between(Some(refused.first), Some(request.time))
            .event(refused.event, "the first refusal")
            .event(request.event, "the login")
            .indicator(address_kind(address), address)
            .indicator("account", user);
        let made = if is_fast { made.weighed(Severity::High, Confidence::Medium) } else { made };
        self.told.entry(key).or_insert(made);
    }

    pub(super) fn into_findings(self) -> impl Iterator<Item = Finding> {
        self.told.into_values()
    }
}
