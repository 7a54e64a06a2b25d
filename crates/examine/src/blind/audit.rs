//! Commands that were run: the audit daemon and process accounting.

use super::{Finder, missing};
use crate::blind::judged::{JudgeConfig, JudgeSettings};
use kanshiki_machine::config::{Dialect, assignment, holds, is_off, words};

const DAEMON: &[&str] = &["/usr/sbin/auditd", "/sbin/auditd", "/etc/audit/auditd.conf"];

/// What is loaded when the daemon starts: one file, which augenrules(8) makes of the others.
const RULES: &[&str] = &["/etc/audit.rules", "/etc/audit/audit.rules", "/etc/audit/rules.d/*.rules"];

/// What tells of process accounting: its program (accton(8)), or its file.
const ACCOUNTING: &[&str] = &["/usr/sbin/accton", "/sbin/accton", "/var/log/account/pacct", "/var/account/pacct"];

const COMMANDS: &str = "programs that were run, by whom and with which arguments";

pub(super) fn find(finder: &mut Finder<'_>) {
    if finder.any_of(DAEMON).is_some() {
        rules(finder);
        daemon(finder);
    } else if finder.is_system() {
        finder.tell_always("audit", COMMANDS, "there is no audit daemon", missing("/usr/sbin/auditd"));
    }
    if finder.is_system() && finder.any_of(ACCOUNTING).is_none() {
        let unlogged = "processes that ended: which ran, of which account, for how long";
        finder.tell_always(
            "accounting",
            unlogged,
            "there is no process accounting (accton)",
            missing("/usr/sbin/accton"),
        );
    }
}

/// The kernel tells of system calls that a rule names alone, and of none without rules (auditctl(8)).
fn rules(finder: &mut Finder<'_>) {
    let Some(config) = finder.config(RULES, Dialect::PLAIN) else {
        let reason = "there is an audit daemon, and no rules for it";
        return finder.tell_always("audit", COMMANDS, reason, missing("/etc/audit/audit.rules"));
    };
    let rules = || config.lines().filter(|line| line.text.starts_with(b"-"));
    if let Some(line) = rules().filter(|line| line.text.starts_with(b"-e")).last()
        && words(line.text).nth(1) == Some(b"0")
    {
        return finder.tell("audit", "everything that the kernel tells of system calls", config.at(&line));
    }
    let is_task_never = |rule: &[u8]| words(rule).any(|word| matches!(word, b"task,never" | b"never,task"));
    if let Some(line) = rules().find(|line| is_task_never(line.text)) {
        return finder.tell("audit", COMMANDS, config.at(&line));
    }
    let names_execution = |rule: &[u8]| {
        // 59 on x86-64, 11 on i386, 221 on aarch64.
        let numbers = [b"59".as_slice(), b"11", b"221", b"all"];
        holds(rule, "execve")
            || words(rule).zip(words(rule).skip(1)).any(|(option, value)| {
                option == b"-S" && value.split(|byte| *byte == b',').any(|call| numbers.contains(&call))
            })
    };
    let is_rule = |rule: &[u8]| words(rule).next().is_some_and(|word| matches!(word, b"-a" | b"-A" | b"-w"));
    let count = rules().filter(|line| is_rule(line.text)).count();
    if count == 0 {
        finder.tell("audit", COMMANDS, config.absent("there are no rules"));
    } else if !rules().any(|line| names_execution(line.text)) {
        let reason = format!("none of the {count} rules names execve; what they name alone is logged");
        finder.tell("audit", COMMANDS, config.absent(&reason));
    }
}

/// auditd.conf(5): `write_logs` is yes by default, and `log_format = NOLOG` is its older form.
fn daemon(finder: &mut Finder<'_>) {
    let Some(config) = finder.config(&["/etc/audit/auditd.conf"], Dialect::PLAIN) else { return };
    let settings = config.settings(|line| assignment(line.text));
    let unlogged = "all records of the audit system, on the disk";
    finder.tell("audit", unlogged, settings.judge("write_logs", "yes", is_off));
    let old = settings.judge("log_format", "ENRICHED", |value| Some(value.eq_ignore_ascii_case(b"NOLOG")));
    finder.tell("audit", unlogged, old);
}
