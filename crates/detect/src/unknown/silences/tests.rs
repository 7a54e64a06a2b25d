//! Holes in logs, and silences that are none.
#![allow(clippy::single_range_in_vec_init, reason = "a list of one hole is meant, not all of its hours")]

use super::{find, series};
use crate::testing::{Told, found_in, titles, view};

const DAY: i64 = 86_400;
const BEGIN: i64 = 1_700_006_400;

/// Lines of a log every so many seconds over these days, without those of these hours.
fn log(path: &'static str, every: i64, days: i64, holes: &[std::ops::Range<i64>]) -> Vec<Told> {
    let times = (0..days * DAY / every).map(|number| number * every);
    let kept = times.filter(|time| !holes.iter().any(|hole| hole.contains(&(time / 3600))));
    kept.map(|time| Told { path, kind: "syslog.message", time: BEGIN + time, ..Told::default() }).collect()
}

fn told(logs: &[Vec<Told>]) -> Vec<String> {
    titles(&found_in(&view(&[]), &logs.concat(), find))
}

const AUTH: &str = "/var/log/auth.log";

#[test]
fn a_hole_in_a_dense_log_is_told_by_what_others_tell_of_that_time() {
    let hole = 30 * 24 + 5..33 * 24 + 6;
    let auth = || log(AUTH, 420, 60, std::slice::from_ref(&hole));
    let when = "between 2023-12-15T04:58:00Z and 2023-12-18T06:00:00Z";
    let title = format!("hidden.log-hole: {AUTH} tells nothing for 73 hours {when}");
    assert_eq!(told(&[auth(), log("/var/log/syslog", 1800, 60, &[])]), [format!("medium {title}")]);
    // Others tell little, and go on.
    assert_eq!(told(&[auth(), log("/var/log/kern.log", DAY / 2, 60, &[])]), [format!("medium {title}")]);
    // Nobody tells whether it was up.
    assert_eq!(told(&[auth()]), [format!("low {title}")]);
    assert_eq!(told(&[auth(), log("/var/log/remote/gate/syslog", 1800, 60, &[])]), [format!("low {title}")]);
    // All of them are silent, and it is started at the end.
    let boot = Told { path: "/var/log/wtmp", kind: "login.boot", time: BEGIN + hole.end * 3600, ..Told::default() };
    let usual = format!("info hidden.silence: {AUTH} is silent for a day and more");
    let syslog = log("/var/log/syslog", 1800, 60, std::slice::from_ref(&hole));
    let both = [usual.clone(), "info hidden.silence: /var/log/syslog is silent for a day and more".to_owned()];
    assert_eq!(told(&[auth(), syslog, vec![boot]]), both);
}

#[test]
fn nights_weekends_and_short_logs_are_no_holes() {
    let other = || log("/var/log/syslog", 600, 60, &[]);
    let weekends: Vec<_> = (0..8).map(|week| (week * 7 + 5) * 24..(week * 7 + 7) * 24 + 8).collect();
    let nights: Vec<_> = (0..60).map(|day| day * 24 + 20..day * 24 + 31).collect();
    let usual = format!("info hidden.silence: {AUTH} is silent for a day and more");
    assert_eq!(told(&[log(AUTH, 420, 60, &weekends), other()]), [usual.as_str()]);
    assert_eq!(told(&[log(AUTH, 420, 60, &nights), other()]), [""; 0]);
    assert_eq!(told(&[log(AUTH, 420, 6, &[2 * 24..4 * 24 + 1]), other()]), [usual.as_str()]);
    assert_eq!(told(&[log(AUTH, 420, 60, &[]), other()]), [""; 0]);
    // Nights are usual, and four days are not.
    let long = [nights.clone(), vec![30 * 24..34 * 24 + 1]].concat();
    let found = told(&[log(AUTH, 420, 60, &long), other()]);
    assert!(
        found.len() == 1 && found[0].starts_with("medium hidden.log-hole: /var/log/auth.log tells nothing for 1"),
        "{found:?}"
    );
}

#[test]
fn files_of_a_rotation_are_one_log() {
    let names = [
        ("/var/log/auth.log", "/var/log/auth.log"),
        ("/var/log/auth.log.12.gz", "/var/log/auth.log"),
        ("/var/log/messages-20240102.xz", "/var/log/messages"),
        ("/var/log/audit/audit.log.1", "/var/log/audit/audit.log"),
        ("/var/log/journal/0a/system@0-1-2.journal", "/var/log/journal/0a/system"),
        ("/var/log/journal/0a/system.journal", "/var/log/journal/0a/system"),
        ("/var/log/x-y", "/var/log/x-y"),
        (".1", ".1"),
    ];
    for (path, log) in names {
        assert_eq!(series(path), log, "{path}");
    }
    let mut parts = [
        log(AUTH, 420, 7, &[]),
        log("/var/log/auth.log.1", 420, 7, &[]),
        log("/var/log/auth.log.2.gz", 420, 7, &[3 * 24..6 * 24]),
        log("/var/log/auth.log.3.gz", 420, 7, &[]),
        log("/var/log/syslog", 1800, 28, &[]),
    ];
    for (part, weeks) in parts.iter_mut().zip([3, 2, 1, 0]) {
        part.iter_mut().for_each(|event| event.time += weeks * 7 * DAY);
    }
    let found = told(&parts);
    assert!(found.len() == 1 && found[0].starts_with("medium hidden.log-hole: /var/log/auth.log.2.gz"), "{found:?}");
}
