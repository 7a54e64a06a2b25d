//! The years of logs that tell none.

use kanshiki_testkit::{Need, ext_image, kanshiki_path, need, run, tempdir, write_file};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NEEDS: &[Need] = &[Need::Tool("mkfs.ext4"), Need::Tool("zgrep")];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The noon of 28 November of a year.
fn november(year: u64) -> SystemTime {
    let days = 365 * (year - 1970) + (year - 1969) / 4 + 331;
    UNIX_EPOCH + Duration::from_secs(86_400 * days + 43_200)
}

/// A record each day of a month, but for the last ones.
fn month(number: usize) -> String {
    let mut log = String::new();
    for day in 1..28 {
        let _ =
            writeln!(log, "{} {day:>2} 10:00:00 ferry sshd[7]: Invalid user x from 192.0.2.1 port 22", MONTHS[number]);
    }
    log
}

fn write(root: &Path, name: &str, text: String, modified: SystemTime) {
    let path = root.join("var/log").join(name);
    write_file(&path, text);
    File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

/// The exit code, the month in which each log begins and ends, how its times are known, and what was told.
fn examine(place: &Path, fill: impl FnOnce(&Path)) -> (i32, BTreeMap<String, [String; 3]>, Vec<String>) {
    let image = place.join("disk.img");
    ext_image(&image, 64, &[], |root| {
        std::fs::create_dir_all(root.join("var/log")).unwrap();
        fill(root);
    });
    let case = place.join("case");
    let query = |question: &str| -> Vec<Value> {
        let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", question, "--case"]).arg(&case));
        let asked = asked.exits(0).stdout;
        let rows = asked.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.filter(|row| row["type"] == "row").collect()
    };
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("none").to_owned();
    let logs = || {
        let rows = query(
            "SELECT f.path, strftime('%Y-%m', l.earliest / 1000000000, 'unixepoch') AS first,
            strftime('%Y-%m', l.latest / 1000000000, 'unixepoch') AS last, l.times FROM logs l JOIN files f ON f.id = l.file",
        );
        let of = |row: &Value| (text(row, "path"), ["first", "last", "times"].map(|key| text(row, key)));
        rows.iter().map(of).collect::<BTreeMap<_, _>>()
    };
    let examined = || run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).code;
    let code = examined();
    let found = logs();
    // Examined again, nothing changes.
    assert_eq!((examined(), logs()), (code, found.clone()));
    let issues = query("SELECT message FROM issues").iter().map(|row| text(row, "message")).collect();
    (code, found, issues)
}

#[test]
fn files_of_a_rotation_that_were_copied_lie_in_years_before_the_newer_ones() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let (code, found, issues) = examine(place.path(), |root| {
        for back in 0..24 {
            let name = if back == 0 { "auth.log".to_owned() } else { format!("auth.log.{back}") };
            write(root, &name, month((34 - back) % 12), november(2026));
            if back % 3 == 2 {
                assert!(Command::new("gzip").arg(root.join("var/log").join(name)).status().unwrap().success());
            }
        }
    });
    assert_eq!((code, issues), (0, Vec::new()));
    assert_eq!(found.len(), 24);
    for back in 0..24 {
        let zipped = if back % 3 == 2 { ".gz" } else { "" };
        let path = if back == 0 { "/var/log/auth.log".to_owned() } else { format!("/var/log/auth.log.{back}{zipped}") };
        let months = 2026 * 12 + 10 - back;
        let expected = format!("{}-{:02}", months / 12, months % 12 + 1);
        assert_eq!(found[&path][..2], [expected.clone(), expected], "{path}");
    }
    let why = "years counted back from the file's last change on 2026-11-28 and 1 further back, since the newer file of the \
               rotation begins before that";
    assert!(found["/var/log/auth.log.12"][2].starts_with(why), "{found:?}");
}

#[test]
fn a_change_that_was_set_back_is_told() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let (code, found, issues) = examine(place.path(), |root| {
        write(root, "auth.log", month(10), november(2019));
        write(root, "auth.log.1", month(9), november(2026));
    });
    assert_eq!(found["/var/log/auth.log.1"][0], "2026-10");
    let why = "its last change lies before that of /var/log/auth.log.1, which is older by its name: the years of its records \
               may be wrong";
    assert_eq!((code, issues), (3, vec![why.to_owned()]));
}

#[test]
fn a_record_with_a_year_and_the_date_in_a_name_tell_those_of_the_others() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let (code, found, _) = examine(place.path(), |root| {
        let iso = "2016-01-01T00:00:00Z ferry sshd[7]: Server listening on 0.0.0.0 port 22.\n";
        write(root, "auth.log", month(11) + iso + &month(0), november(2026));
        write(root, "messages-2021-05-31", month(4), november(2026));
    });
    assert_eq!(code, 0);
    assert_eq!(found["/var/log/auth.log"][..2], ["2015-12", "2016-01"]);
    assert_eq!(found["/var/log/messages-2021-05-31"][..2], ["2021-05", "2021-05"]);
}
