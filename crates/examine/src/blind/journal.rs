//! What services say: the journal of systemd and the daemons of syslog.

use super::{Finder, missing, rsyslog};
use crate::blind::judged::{JudgeSettings, Judged, Verdict};
use kanshiki_machine::config::{Dialect, Settings, assignment};
use kanshiki_machine::settings;
use std::collections::BTreeMap;

const JOURNALD: &[&str] = &[
    "/usr/lib/systemd/systemd-journald",
    "/lib/systemd/systemd-journald",
    "/etc/systemd/journald.conf",
    "/usr/lib/systemd/journald.conf",
];

const RSYSLOG: &[&str] = &["/etc/rsyslog.conf"];

const SYSLOG: &[&str] = &[
    "/usr/sbin/rsyslogd",
    "/sbin/rsyslogd",
    "/usr/sbin/syslog-ng",
    "/sbin/syslog-ng",
    "/usr/sbin/syslogd",
    "/sbin/syslogd",
    "/sbin/klogd",
];

/// Folders of additions, of which a name in an earlier one hides the same in a later one.
const ADDITIONS: [&str; 3] =
    ["/etc/systemd/journald.conf.d", "/usr/local/lib/systemd/journald.conf.d", "/usr/lib/systemd/journald.conf.d"];

pub(super) fn find(finder: &mut Finder<'_>) {
    let is_kept = journal(finder);
    let has_syslog = finder.any_of(SYSLOG).is_some() || finder.any_of(RSYSLOG).is_some();
    if !has_syslog && !is_kept && finder.is_system() {
        let reason = "there is no daemon of syslog, and no journal on the disk";
        let unlogged = "messages of all services and of the kernel: logins, sudo, cron, errors";
        finder.tell_always("syslog", unlogged, reason, missing("/usr/sbin/rsyslogd"));
    }
    rsyslog::find(finder, is_kept);
}

/// `Storage=` is `auto` by default: the journal is on the disk if `/var/log/journal` is there, and in memory otherwise
/// (journald.conf(5)). Tells whether it is on the disk.
fn journal(finder: &mut Finder<'_>) -> bool {
    if finder.any_of(JOURNALD).is_none() {
        return false;
    }
    let config = finder.config(&files(finder).iter().map(String::as_str).collect::<Vec<_>>(), Dialect::PLAIN);
    let config = config.unwrap_or_default();
    let settings = config.settings(|line| assignment(line.text));
    let has_folder = finder.any_of(&["/var/log/journal"]).is_some();
    let mut judged = storage(&settings, has_folder);
    if judged.evidence.path.is_empty() {
        judged.evidence = missing("/etc/systemd/journald.conf");
    }
    let is_none = settings.last("storage").is_some_and(|it| it.value.eq_ignore_ascii_case(b"none"));
    let unlogged = if is_none {
        "the journal itself: what no daemon of syslog wrote to a file was dropped"
    } else {
        "the journal once the machine was shut down, since it was in memory: what no daemon of syslog wrote to a file is gone"
    };
    let is_kept = judged.verdict == Verdict::Logged;
    finder.tell("journal", unlogged, judged);
    is_kept
}

fn storage(settings: &Settings<'_>, has_folder: bool) -> Judged {
    let name = ("Storage", "auto");
    let setting = settings.last("storage");
    let judged = settings.judge_one(setting, name, |value| match value.to_ascii_lowercase().as_slice() {
        b"none" | b"volatile" => Some(true),
        b"persistent" => Some(false),
        _ => None,
    });
    let is_auto = setting.is_none_or(|it| it.value.eq_ignore_ascii_case(b"auto"));
    match (is_auto, has_folder) {
        (false, _) => judged,
        (true, true) => Judged { verdict: Verdict::Logged, ..judged },
        (true, false) => settings
            .judge_one(setting, name, |_| Some(true))
            .and("there is no /var/log/journal, so that auto keeps it in memory"),
    }
}

/// The files of journald's settings in the order in which it reads them: the main one, then additions by their names.
fn files(finder: &Finder<'_>) -> Vec<String> {
    let mains = ["/etc/systemd/journald.conf", "/usr/lib/systemd/journald.conf"];
    let main = mains.iter().find(|main| finder.any_of(&[main]).is_some());
    let mut additions: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for folder in ADDITIONS {
        for path in settings::paths(finder.view, format!("{folder}/*.conf").as_bytes()) {
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
            additions.entry(name).or_insert(path);
        }
    }
    let additions = additions.into_values().filter_map(|path| String::from_utf8(path).ok());
    main.map(|main| (*main).to_owned()).into_iter().chain(additions).collect()
}
