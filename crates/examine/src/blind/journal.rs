//! What services say: the journal of systemd and the daemons of syslog.

use super::config::{Config, Dialect, Judged, Settings, Verdict, assignment, behind, holds, unquoted};
use super::{Finder, missing};
use crate::settings;
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
    // What rsyslog leaves out is in the journal.
    if !is_kept {
        rsyslog(finder);
    }
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

/// Settings of rsyslog.
pub(crate) const RSYSLOG_DIALECT: Dialect = Dialect { include: included, has_several: false, folder: None };

fn included(line: &[u8]) -> Option<Vec<u8>> {
    if let Some(pattern) = behind(line, "$IncludeConfig") {
        return Some(pattern.to_vec());
    }
    let rest = line.strip_prefix(b"include(")?;
    let at = memchr::memmem::find(rest, b"file=")?;
    Some(unquoted(rest.get(at.saturating_add(5)..)?).to_vec())
}

/// What a selector of rsyslog sends nowhere (rsyslog.conf(5), "SELECTORS").
fn rsyslog(finder: &mut Finder<'_>) {
    let Some(config) = finder.config(RSYSLOG, RSYSLOG_DIALECT) else { return };
    for (facilities, unlogged) in [
        (
            &[b"auth".as_slice(), b"authpriv"][..],
            "logins, failed ones too, sudo, su and changes of accounts, in files of rsyslog",
        ),
        (&[b"cron".as_slice()][..], "jobs that cron ran, in files of rsyslog"),
    ] {
        let absent = facilities.iter().filter(|facility| !is_sent(&config, facility)).count();
        if absent == facilities.len() {
            let names = facilities.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join(" and ");
            let judged = config.absent(&format!("no selector sends {names} anywhere"));
            let judged = if is_program(&config) {
                let judged = judged.and("but there are rules of other forms, which are not judged");
                Judged { verdict: Verdict::Unknown, ..judged }
            } else {
                judged
            };
            finder.tell("rsyslog", unlogged, judged);
        }
    }
}

/// Whether there are rules that are no selectors: RainerScript, and filters by property.
fn is_program(config: &Config) -> bool {
    config.lines().any(|line| {
        let text = line.text;
        [b"if ".as_slice(), b"if(", b":", b"action(", b"ruleset(", b"call ", b"*.* call"].iter().any(|it| text.starts_with(it))
            // A selector over several lines.
            || text.ends_with(b"\\")
            || (holds(text, "action(") && !text.starts_with(b"#"))
    })
}

/// Whether a selector sends a facility anywhere.
fn is_sent(config: &Config, facility: &[u8]) -> bool {
    config.lines().any(|line| {
        let Some(end) = line.text.iter().position(u8::is_ascii_whitespace) else { return false };
        let (selector, action) = line.text.split_at_checked(end).unwrap_or_default();
        let is_selector = !line.text.starts_with(b"#") && selector.contains(&b'.') && !selector.starts_with(b"$");
        let action = action.trim_ascii();
        is_selector && !matches!(action, b"~" | b"stop") && selects(selector, facility)
    })
}

/// Whether `FACILITY[,FACILITY].PRIORITY[;…]` takes a facility; later parts change what earlier ones took.
fn selects(selector: &[u8], facility: &[u8]) -> bool {
    let mut takes = false;
    for part in selector.split(|byte| *byte == b';') {
        let Some(point) = part.iter().rposition(|byte| *byte == b'.') else { continue };
        let (names, priority) = part.split_at_checked(point).unwrap_or_default();
        let is_named = names.split(|byte| *byte == b',').any(|name| name == b"*" || name == facility);
        if is_named {
            takes = !matches!(priority, b".none" | b".!*");
        }
    }
    takes
}
