//! Times that were set are told, and those of copies, archives and packages are not.

use super::find;
use crate::Options;
use crate::testing::{Aged, Told, found_beside, titles, view};

const DAY: f64 = 86_400.0;
const BORN: f64 = 1_700_000_000.25;

/// A machine whose files were installed long ago, many in a minute.
fn installed() -> Vec<(String, u32, f64, f64, f64)> {
    let at = BORN - 400.0 * DAY;
    (0..50).map(|number| (format!("/usr/bin/tool{number}"), 0o100_755, at - 30.0 * DAY, at, at)).collect()
}

fn told(files: &[Aged<'_>], events: &[Told]) -> Vec<String> {
    let installed = installed();
    let all: Vec<Aged<'_>> = installed
        .iter()
        .map(|(path, mode, m, c, b)| (path.as_str(), *mode, *m, *c, *b))
        .chain(files.to_vec())
        .collect();
    let status = "Package: tools\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n";
    let list: String = installed.iter().map(|(path, ..)| format!("{path}\n")).collect();
    let view = view(&[("/var/lib/dpkg/status", status), ("/var/lib/dpkg/info/tools.list", &list)]);
    titles(&found_beside(&view, events, &all, find, &Options::default()))
}

#[test]
fn times_that_were_set_are_told() {
    let whole = BORN.floor() - 900.0 * DAY;
    assert_eq!(
        told(&[("/usr/sbin/evil", 0o100_755, whole, BORN, BORN)], &[]),
        ["medium hidden.time-set-back: the time of a file was set back: /usr/sbin/evil"]
    );
    // The time of another, to the nanosecond.
    let twin = BORN - 430.0 * DAY;
    assert_eq!(
        told(&[("/usr/sbin/evil", 0o100_755, twin, BORN, BORN)], &[]),
        ["medium hidden.time-copied: a file has the time of another: /usr/sbin/evil"]
    );
    assert_eq!(
        told(&[("/var/www/html/x.php", 0o100_644, whole, BORN, BORN)], &[]),
        ["low hidden.time-set-back: the time of a file was set back: /var/www/html/x.php"]
    );
    assert_eq!(
        told(&[("/etc/motd", 0o100_644, BORN + 90.0 * DAY, BORN, BORN)], &[]),
        ["low hidden.time-set-forward: the time of a file was set forward: /etc/motd"]
    );
}

#[test]
fn times_of_writing_of_copies_and_of_archives_are_not() {
    let old = BORN - 900.0 * DAY;
    assert_eq!(told(&[("/usr/sbin/new", 0o100_755, BORN, BORN, BORN)], &[]), [""; 0]);
    assert_eq!(told(&[("/etc/conf", 0o100_644, BORN + 1.0, BORN + 1.0, BORN - DAY * 9.0)], &[]), [""; 0]);
    assert_eq!(told(&[("/home/anna/photo.jpg", 0o100_644, old, BORN, BORN)], &[]), [""; 0]);
    let archive: Vec<String> = (0..30).map(|number| format!("/usr/share/x/{number}")).collect();
    let archive: Vec<Aged<'_>> = archive.iter().map(|path| (path.as_str(), 0o100_644, old, BORN, BORN)).collect();
    assert_eq!(told(&archive, &[]), [""; 0]);
}

#[test]
fn programs_that_change_without_a_package_manager_are_told() {
    let run =
        |time: f64| Told { path: "/var/log/dpkg.log", kind: "package.installed", time: time as i64, ..Told::default() };
    let changed: [Aged<'_>; 2] =
        [("/usr/bin/ps", 0o100_755, BORN, BORN, BORN), ("/usr/bin/ls", 0o100_755, BORN + 9.0, BORN + 9.0, BORN + 9.0)];
    let early = run(BORN - 10.0 * DAY);
    assert_eq!(
        told(&changed, std::slice::from_ref(&early)),
        [
            "low changed.without-package: 2 programs changed between 2023-11-14T22:13:20Z and 2023-11-14T22:13:29Z without a package manager"
        ]
    );
    // At work, and before the log begins.
    assert_eq!(told(&changed, &[early, run(BORN - 60.0)]), [""; 0]);
    assert_eq!(told(&changed, &[run(BORN + DAY)]), [""; 0]);
    assert_eq!(told(&changed, &[]), [""; 0]);
}
