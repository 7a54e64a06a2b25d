//! What the ledger tells becomes findings.

use super::find;
use crate::testing::{Told, found_in, titles, view};

#[test]
fn zeroed_records_are_told_and_whole_ones_are_not() {
    let event = |kind: &'static str| Told { path: "/var/log/wtmp", kind, time: 1_700_000_000, ..Told::default() };
    let found = titles(&found_in(&view(&[]), &[event("login.zeroed"), event("login.boot")], find));
    assert_eq!(found, ["high hidden.records-zeroed: records of logins were overwritten with zeroes in /var/log/wtmp"]);
    assert_eq!(titles(&found_in(&view(&[]), &[event("login.boot")], find)), [""; 0]);
}
