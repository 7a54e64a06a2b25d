//! Each rule fires on what it is for, and is silent on its harmless twin.

use super::find;
use crate::testing::{Told, found_in, titles, view};
use kanshiki_model::Value;

const NOON: i64 = 1_700_000_000;

fn at(kind: &'static str, time: i64, user: &str, address: &str) -> Told {
    Told {
        path: "/var/log/auth.log",
        kind,
        time,
        user: user.to_owned(),
        address: address.to_owned(),
        ..Told::default()
    }
}

/// So many failures, one every so many seconds, the last one second before noon.
fn failures(kind: &'static str, count: i64, every: i64, user: &str, address: &str) -> Vec<Told> {
    (0..count).map(|number| at(kind, NOON - 1 - number * every, user, address)).collect()
}

fn told(events: &[Told]) -> Vec<String> {
    titles(&found_in(&view(&[]), events, find))
}

#[test]
fn a_login_behind_brute_force_is_high_and_one_behind_a_typing_error_is_nothing() {
    let mut events = failures("ftp.login-failed", 300, 2, "migration", "198.51.100.7");
    events.push(at("ftp.login", NOON, "migration", "198.51.100.7"));
    let expected = [
        "low access.brute-force: brute force on ftp from 198.51.100.7: 300 failed logins",
        "high access.success-after-failures: login to ftp as migration from 198.51.100.7 after 300 failures",
    ];
    assert_eq!(told(&events), expected);
    let mut events = failures("ssh.login-failed", 3, 5, "anna", "192.0.2.1");
    events.push(at("ssh.login", NOON, "anna", "192.0.2.1"));
    assert_eq!(told(&events), [""; 0]);
    // Five in a row may be a forgotten password.
    let mut events = failures("ssh.login-failed", 6, 5, "anna", "192.0.2.1");
    events.push(at("ssh.login", NOON, "anna", "192.0.2.1"));
    let expected = "medium access.success-after-failures: login to ssh as anna from 192.0.2.1 after 6 failures";
    assert_eq!(told(&events)[1..], [expected]);
    // The day before is long past.
    let mut events = failures("ssh.login-failed", 9, 86_400, "anna", "192.0.2.1");
    events.push(at("ssh.login", NOON, "anna", "192.0.2.1"));
    assert_eq!(told(&events), [""; 0]);
}

#[test]
fn tries_that_one_kind_of_line_alone_tells_and_those_without_an_address_count() {
    let mut events = failures("ssh.auth-failed", 50, 5, "carol", "192.0.2.1");
    events.push(at("ssh.login", NOON, "carol", "192.0.2.1"));
    let expected = [
        "low access.brute-force: brute force on ssh from 192.0.2.1: 50 failed logins",
        "high access.success-after-failures: login to ssh as carol from 192.0.2.1 after 50 failures",
    ];
    assert_eq!(told(&events), expected);
    let mut events = failures("database.login-failed", 40, 5, "postgres", "");
    events.push(at("database.login", NOON, "postgres", ""));
    let found = found_in(&view(&[]), &events, find);
    let expected = [
        "low access.brute-force: brute force on database from an address that is not logged: 40 failed logins",
        "high access.success-after-failures: login to database as postgres from an address that is not logged after 40 failures",
    ];
    assert_eq!(titles(&found), expected);
    assert!(found.findings.iter().all(|it| it.indicators.iter().all(|it| it.kind == "account")));
    // Local programs that fail by PAM have no address, and are no guesses.
    assert_eq!(told(&failures("pam.failed", 40, 5, "anna", "")), [""; 0]);
}

#[test]
fn who_mistypes_where_the_account_is_at_home_is_no_intruder_for_sure() {
    let mut events = failures("ssh.login-failed", 12, 5, "anna", "192.0.2.1");
    events.push(at("ssh.login", NOON - 90_000, "anna", "192.0.2.1"));
    events.push(at("ssh.login", NOON, "anna", "192.0.2.1"));
    let expected = "medium access.success-after-failures: login to ssh as anna from 192.0.2.1 after 12 failures";
    assert_eq!(told(&events)[1..], [expected]);
}

#[test]
fn a_login_from_elsewhere_behind_spraying_is_told() {
    let spray = |from: &str| -> Vec<Told> {
        (0..8).map(|number| at("ssh.login-failed", NOON - 70_000 + number, &format!("user{number}"), from)).collect()
    };
    let mut events = spray("192.0.2.6");
    events.push(at("ssh.login", NOON, "user3", "198.51.100.9"));
    let expected = "low access.success-from-elsewhere: login to ssh as user3 from 198.51.100.9, after others had tried many accounts";
    assert!(told(&events).contains(&expected.to_owned()), "{:?}", told(&events));
    let mut events = spray("192.0.2.6");
    events.push(at("ssh.login", NOON, "anna", "198.51.100.9"));
    assert_eq!(told(&events).len(), 2);
}

#[test]
fn what_two_logs_tell_of_one_try_is_counted_once() {
    let mut events = failures("ssh.login-failed", 12, 5, "root", "192.0.2.1");
    let mut journal = events.clone();
    journal.iter_mut().for_each(|event| event.path = "/var/log/journal/x/system.journal");
    let mut pam = failures("pam.failed", 12, 5, "root", "192.0.2.1");
    pam.iter_mut().for_each(|event| event.fields = vec![("service", Value::Text(b"sshd"))]);
    events.extend(journal);
    events.extend(pam);
    assert_eq!(told(&events), ["low access.brute-force: brute force on ssh from 192.0.2.1: 12 failed logins"]);
    let mut repeated = at("ssh.login-failed", NOON, "root", "192.0.2.1");
    repeated.fields = vec![("repeated", Value::Number(40))];
    assert_eq!(told(&[repeated]), ["low access.brute-force: brute force on ssh from 192.0.2.1: 40 failed logins"]);
}

#[test]
fn many_accounts_from_one_address_are_spraying_and_a_few_are_not() {
    let spray = |count: i64| -> Vec<Told> {
        (0..count)
            .map(|number| at("ssh.login-failed", NOON + number * 600, &format!("user{number}"), "192.0.2.9"))
            .collect()
    };
    assert_eq!(told(&spray(9))[1..], ["low access.spraying: password spraying on ssh from 192.0.2.9: 9 accounts"]);
    assert_eq!(told(&spray(4)), [""; 0]);
    // Behind one address there may be many people, who mistype and then get in.
    let mut office = spray(9);
    office
        .extend((0..9).map(|number| at("ssh.login", NOON + number * 600 + 20, &format!("user{number}"), "192.0.2.9")));
    let found = told(&office);
    assert!(!found.iter().any(|it| it.contains("access.spraying")), "{found:#?}");
}

#[test]
fn names_that_do_not_exist_are_told_from_the_third_on() {
    let tries = |names: &[&str], every: i64| -> Vec<Told> {
        let names = (0..).zip(names);
        names.map(|(number, name)| at("ssh.invalid-user", NOON + number * every, name, "192.0.2.9")).collect()
    };
    let expected =
        "low access.unknown-accounts: 3 names of accounts that do not exist were tried on ssh from 192.0.2.9";
    assert_eq!(told(&tries(&["admin", "test", "guest"], 3600)), [expected]);
    // Two, one in several spellings, and one a day.
    assert_eq!(told(&tries(&["admin", "test"], 3600)), [""; 0]);
    assert_eq!(told(&tries(&["anna", "Anna", "ANNA", "anan"], 60)), [""; 0]);
    assert_eq!(told(&tries(&["admin", "test", "guest"], 86_401)), [""; 0]);
    // A login behind them is one to look at.
    let mut events = tries(&["admin", "test", "guest"], 60);
    events.push(at("ssh.login", NOON + 400, "deploy", "192.0.2.9"));
    let login = "medium access.success-after-failures: login to ssh as deploy from 192.0.2.9 after 3 names of accounts that do not exist";
    assert_eq!(told(&events), [expected, login]);
}

#[test]
fn what_a_log_does_not_say_of_accounts_the_image_and_other_logins_do() {
    let passwd = view(&[("/etc/passwd", "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n")]);
    let told = |events: &[Told]| titles(&found_in(&passwd, events, find));
    let tries = |kind: &'static str, names: &[&str]| -> Vec<Told> {
        let names = (0..).zip(names);
        names.map(|(number, name)| at(kind, NOON + number * 3600, name, "192.0.2.9")).collect()
    };
    let expected =
        "low access.unknown-accounts: 3 names of accounts that do not exist were tried on ftp from 192.0.2.9";
    assert_eq!(told(&tries("ftp.login-failed", &["admin", "www", "backup"])), [expected]);
    assert_eq!(told(&tries("ftp.login-failed", &["anna", "root", "backup", "anonymous"])), [""; 0]);
    // An account that FTP or mail has of its own.
    let mut events =
        tries("mail.login-failed", &["info@example.org", "sales@example.org", "anna@example.org", "x@example.org"]);
    assert_eq!(told(&events), [expected.replace("ftp", "mail")]);
    events.push(at("mail.login", NOON + 86_400, "sales@example.org", "192.0.2.200"));
    assert_eq!(told(&events), [""; 0]);
    // Without passwd nothing can be inferred, but what logs say counts.
    assert_eq!(super::tests::told(&tries("ftp.login-failed", &["admin", "www", "backup"])), [""; 0]);
    let said = |kind: &'static str, field: &'static str, value: Value<'static>| -> Vec<Told> {
        let mut events = tries(kind, &["admin", "www", "backup"]);
        events.iter_mut().for_each(|event| event.fields = vec![(field, value)]);
        events
    };
    for events in [
        said("web.login-failed", "reason", Value::Text(b"no such user")),
        said("ftp.login-failed", "invalid", Value::Flag(true)),
        said("database.login-failed", "detail", Value::Text(b"Role \"admin\" does not exist.")),
    ] {
        assert_eq!(super::tests::told(&events).len(), 1, "{}", events[0].kind);
    }
    let wrong = said("web.login-failed", "reason", Value::Text(b"wrong password"));
    assert_eq!(super::tests::told(&wrong), [""; 0]);
}

#[test]
fn what_dovecot_says_twice_of_a_try_counts_once() {
    let mut events = failures("mail.login-failed", 3, 60, "anna", "192.0.2.1");
    for name in ["a", "b", "c"] {
        let mut twice = failures("mail.auth-failed", 3, 60, name, "192.0.2.1");
        twice.iter_mut().for_each(|event| event.message = "auth: passwd-file(a,192.0.2.1): unknown user".to_owned());
        events.extend(twice);
    }
    assert_eq!(
        told(&events),
        ["low access.unknown-accounts: 3 names of accounts that do not exist were tried on mail from 192.0.2.1"]
    );
    events.iter_mut().for_each(|event| event.message = "auth: passwd-file(a,192.0.2.1): Password mismatch".to_owned());
    assert_eq!(told(&events), [""; 0]);
}

#[test]
fn several_mailboxes_within_minutes_are_sprayed_and_those_of_one_owner_are_not() {
    let tries = |count: i64, every: i64| -> Vec<Told> {
        let name = |number: i64| format!("box{number}@example.org");
        (0..count).map(|number| at("mail.login-failed", NOON + number * every, &name(number), "192.0.2.9")).collect()
    };
    let mut events = tries(4, 5);
    assert_eq!(told(&events), ["low access.spraying: password spraying on mail from 192.0.2.9: 4 accounts"]);
    assert_eq!(told(&tries(3, 5)), [""; 0]);
    assert_eq!(told(&tries(5, 200)), [""; 0]);
    // A program with the old passwords of a family, which gets in an hour later.
    events.extend((0..4).map(|number| at("mail.login", NOON + 3600, &format!("box{number}@example.org"), "192.0.2.9")));
    assert_eq!(told(&events), [""; 0]);
}

#[test]
fn slow_guessing_is_told_and_an_owner_who_mistypes_now_and_then_is_not() {
    let mut events = failures("ssh.login-failed", 24, 6 * 3600, "root", "192.0.2.9");
    assert_eq!(
        told(&events),
        ["low access.slow-guessing: slow guessing on ssh from 192.0.2.9: 24 failed logins on 6 days"]
    );
    events.push(at("ssh.login", NOON + 30 * 3600, "root", "192.0.2.9"));
    let found = told(&events);
    let expected =
        "medium access.success-after-failures: login to ssh as root from 192.0.2.9 after 24 failures on 6 days";
    assert!(found.contains(&expected.to_owned()), "{found:#?}");
    let mut owner = failures("ssh.login-failed", 24, 86_400, "anna", "192.0.2.1");
    owner.extend((0..24).map(|day| at("ssh.login", NOON + 9 - day * 86_400, "anna", "192.0.2.1")));
    assert_eq!(told(&owner), [""; 0]);
    assert_eq!(told(&failures("ssh.login-failed", 5, 86_400, "anna", "192.0.2.1")), [""; 0]);
}

#[test]
fn an_account_that_is_tried_from_many_addresses_is_told_unless_its_owner_travels() {
    let from = |number: i64| format!("198.51.100.{number}");
    let mut events: Vec<Told> =
        (0..12).map(|number| at("ssh.login-failed", NOON + number * 86_400, "anna", &from(number))).collect();
    assert_eq!(told(&events), ["low access.many-addresses: anna of ssh was tried from 12 addresses"]);
    events.extend((0..12).map(|number| at("ssh.login", NOON + number * 86_400 + 9, "anna", &from(number))));
    assert_eq!(told(&events), [""; 0]);
}

#[test]
fn connections_that_sshd_refuses_are_told_as_information() {
    let mut event = at("ssh.refused", NOON, "", "192.0.2.9");
    event.message = "refused connect from example.com (192.0.2.9)".to_owned();
    assert_eq!(told(&[event.clone()]), ["info access.refused-connection: ssh refused 192.0.2.9, by its settings"]);
    assert_eq!(
        told(&vec![event.clone(); 6]),
        ["low access.ssh-probing: 6 connections to ssh from 192.0.2.9 without a login"]
    );
    event.kind = "ssh.connection";
    event.message = "Did not receive identification string from 192.0.2.9 port 4".to_owned();
    assert_eq!(told(&[event]), [""; 0]);
}

#[test]
fn a_login_from_a_new_address_is_suspicious_behind_guesses_from_elsewhere() {
    let mut events = failures("ssh.login-failed", 25, 60, "oracle", "198.51.100.7");
    events.push(at("ssh.login", NOON + 3600, "oracle", "203.0.113.5"));
    let found = told(&events);
    let expected = "medium access.success-from-elsewhere: login to ssh as oracle from 203.0.113.5, after 25 failures from elsewhere";
    assert!(found.contains(&expected.to_owned()), "{found:#?}");
    // A month later nobody thinks of it.
    events.last_mut().unwrap().time = NOON + 30 * 86_400;
    assert_eq!(told(&events).len(), 1);
}

#[test]
fn habits_are_known_before_they_are_broken() {
    let usual = |days: i64| -> Vec<Told> {
        (0..days).map(|day| at("ssh.login", NOON + day * 86_400, "anna", "192.0.2.1")).collect()
    };
    let mut events = usual(30);
    events.push(at("ssh.login", NOON + 30 * 86_400, "anna", "192.0.2.2"));
    events.push(at("ssh.login", NOON + 31 * 86_400 + 5 * 3600, "anna", "192.0.2.1"));
    let expected = [
        "low access.new-address: first login to ssh as anna from 192.0.2.2",
        "low access.odd-hour: login to ssh as anna at an hour that is not its own: 2023-12-16T03:13:20Z",
    ];
    assert_eq!(told(&events), expected);
    let mut events = usual(5);
    events.push(at("ssh.login", NOON + 6 * 86_400 + 5 * 3600, "anna", "192.0.2.2"));
    assert_eq!(told(&events), [""; 0]);
}

#[test]
fn root_nobody_and_new_accounts_are_told() {
    let mut root = at("ssh.login", NOON, "root", "192.0.2.1");
    root.fields = vec![("method", Value::Text(b"password"))];
    let mut twin = at("account.added", NOON, "toor", "");
    twin.fields = vec![("uid", Value::Number(0)), ("shell", Value::Text(b"/bin/bash"))];
    let mut joined = at("account.group-joined", NOON, "anna", "");
    joined.fields = vec![("group", Value::Text(b"docker"))];
    let mut harmless = joined.clone();
    harmless.fields = vec![("group", Value::Text(b"audio"))];
    let events = [
        root,
        at("ftp.login", NOON, "anonymous", "192.0.2.1"),
        twin,
        joined,
        harmless,
        at("sudo.refused", NOON, "anna", ""),
    ];
    let expected = [
        "low access.anonymous: anonymous login to ftp from 192.0.2.1",
        "low access.root-login: root logged in directly over ssh from 192.0.2.1",
        "high access.account-made: account toor was made",
        "medium access.account-raised: anna became a member of the group docker",
        "low access.privileges-refused: anna was refused the rights of another account",
    ];
    assert_eq!(told(&events), expected);
    // A system account that a package brought.
    let mut service = at("account.added", NOON, "mysql", "");
    service.fields = vec![("uid", Value::Number(110))];
    let mut package = at("package.installed", NOON - 5, "", "");
    package.path = "/var/log/dpkg.log";
    assert_eq!(told(&[service, package]), [""; 0]);
}

#[test]
fn connections_without_a_login_are_told_if_there_are_many() {
    let mut event = at("ssh.connection", NOON, "", "192.0.2.9");
    event.message = "Unable to negotiate with 192.0.2.9 port 4: no matching cipher found".to_owned();
    let expected = "low access.ssh-probing: 6 connections to ssh from 192.0.2.9 without a login";
    assert_eq!(told(&vec![event.clone(); 6]), [expected]);
    assert_eq!(told(&vec![event.clone(); 5]), [""; 0]);
    event.message = "Connection from 192.0.2.9 port 4 on 192.0.2.1 port 22".to_owned();
    assert_eq!(told(&vec![event; 50]), [""; 0]);
}

#[test]
fn a_flood_of_failures_and_logins_is_gone_through_once() {
    let mut events = failures("ssh.login-failed", 60_000, 1, "root", "192.0.2.1");
    events.extend((0..30_000).map(|second| at("ssh.login", NOON + second, "root", "192.0.2.1")));
    let found = told(&events);
    assert!(found.iter().any(|it| it.contains("60000 failed logins")), "{found:#?}");
    assert!(found.iter().any(|it| it.starts_with("high access.success-after-failures")), "{found:#?}");
}
