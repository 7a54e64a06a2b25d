//! Stacks of PAM that let anybody in (pam.conf(5), pam_permit(8)).

use super::boot::Boot;
use super::rules::ANYBODY;
use super::teller::{Hole, Service, Teller, Value};
use kanshiki_machine::config::{Config, Dialect, Line, holds, words};
use kanshiki_machine::settings;
use kanshiki_model::{Severity, visible};

/// The stacks by which somebody gets in or becomes another.
const STACKS: &[&str] = &[
    "common-auth",
    "system-auth",
    "password-auth",
    "system-auth-ac",
    "password-auth-ac",
    "system-login",
    "sshd",
    "login",
    "remote",
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "vsftpd",
    "proftpd",
    "pure-ftpd",
    "dovecot",
    "smtp",
    "other",
];

/// Modules that ask for nothing that somebody knows: with these alone nobody is kept off.
const ASIDE: &[&str] = &[
    "pam_env",
    "pam_nologin",
    "pam_faildelay",
    "pam_faillock",
    "pam_tally2",
    "pam_group",
    "pam_keyinit",
    "pam_shells",
    "pam_securetty",
    "pam_permit",
    "pam_warn",
    "pam_echo",
    "pam_exec",
    "pam_cap",
    "pam_selinux",
    "pam_rootok",
];

/// A line of the kind `auth`.
struct Step<'c> {
    line: Line<'c>,
    control: Vec<u8>,
    module: String,
}

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    for name in STACKS {
        let path = format!("/etc/pam.d/{name}");
        let Some(config) = teller.config(&[&path], Dialect::PLAIN) else { continue };
        let service = Service { name: format!("pam {name}"), boot: Boot::Unknown };
        let steps: Vec<Step<'_>> = config.lines().filter_map(step).take(500).collect();
        rows(teller, &service, &steps);
        if let Some(step) = permits(&steps) {
            let value = Value { bytes: step.line.text.to_vec(), is_set: true, place: step.line.evidence() };
            let title = format!("pam lets anybody in with any password: {name}");
            let text = "pam_permit says yes to whatever is typed, and here nothing before it can say no.".to_owned();
            let hole = Hole { severity: Severity::High, key: name, title, text, values: &[&value] };
            teller.hole(&ANYBODY, &service, hole);
        }
    }
    faillock(teller);
}

/// `auth control module`, with the control in brackets or a word; `@include` and `include` lead to another stack.
fn step<'c>(line: Line<'c>) -> Option<Step<'c>> {
    if let Some(name) = line.text.strip_prefix(b"@include") {
        let module = visible(name.trim_ascii());
        // What it includes may be of another kind.
        return module.contains("auth").then_some(Step { line, control: b"include".to_vec(), module });
    }
    let text = line.text.strip_prefix(b"-").unwrap_or(line.text);
    let (kind, rest) = text.split_at_checked(text.iter().position(u8::is_ascii_whitespace)?)?;
    if !kind.eq_ignore_ascii_case(b"auth") {
        return None;
    }
    let rest = rest.trim_ascii();
    let end = match rest.first() {
        Some(b'[') => memchr::memchr(b']', rest)?.checked_add(1)?,
        _ => rest.iter().position(u8::is_ascii_whitespace)?,
    };
    let (control, module) = rest.split_at_checked(end)?;
    let module = words(module).next()?.rsplit(|byte| *byte == b'/').next()?;
    let (control, module) = (control.to_ascii_lowercase(), visible(module));
    Some(Step { line, control, module })
}

/// The line that lets anybody in, if there is one.
fn permits<'s, 'c>(steps: &'s [Step<'c>]) -> Option<&'s Step<'c>> {
    let is_aside = |step: &Step<'_>| ASIDE.iter().any(|name| step.module.starts_with(name));
    for step in steps {
        let is_permit = step.module.starts_with("pam_permit");
        let ends = step.control == b"sufficient" || holds(&step.control, "success=done");
        if is_permit && ends {
            return Some(step);
        }
        // What must be right before it, or jumps over what follows, is more than is judged here.
        let is_guard = !is_aside(step) && step.control != b"sufficient" && step.control != b"optional";
        if is_guard {
            return None;
        }
    }
    let is_permit = |step: &&Step<'_>| step.module.starts_with("pam_permit") && step.control.starts_with(b"req");
    steps.iter().all(is_aside).then(|| steps.iter().find(is_permit)).flatten()
}

fn rows(teller: &mut Teller<'_, '_>, service: &Service, steps: &[Step<'_>]) {
    for step in steps {
        let about = match step.module.as_str() {
            "pam_unix.so" if holds(step.line.text, "nullok") => {
                "the password of an account; accounts without one are let in"
            }
            "pam_unix.so" => "the password of an account",
            "pam_permit.so" => "yes to anybody",
            "pam_deny.so" => "no to anybody",
            "pam_exec.so" | "pam_script.so" => "runs a program, which may be given the password",
            "pam_faillock.so" | "pam_tally2.so" => "keeps off who fails too often",
            _ => "another module or stack",
        };
        let value = Value { bytes: step.line.text.to_vec(), is_set: true, place: step.line.evidence() };
        teller.row(service, "auth", &value, about);
    }
}

/// Whether anything keeps off who fails too often.
fn faillock(teller: &mut Teller<'_, '_>) {
    let patterns = ["/etc/pam.d/*"];
    let paths: Vec<Vec<u8>> =
        patterns.iter().flat_map(|it| settings::paths(teller.image.view, it.as_bytes())).collect();
    if paths.is_empty() {
        return;
    }
    let has = paths.iter().find_map(|path| {
        let config = Config::gather(teller.image.view, &[&String::from_utf8_lossy(path)], Dialect::PLAIN)?;
        let is = |line: &Line<'_>| {
            !line.text.starts_with(b"#") && ["pam_faillock", "pam_tally"].iter().any(|it| holds(line.text, it))
        };
        config.lines().find(is).map(|line| (line.text.to_vec(), line.evidence()))
    });
    let Some(place) = teller.any_of(&["/etc/pam.d"]) else { return };
    let service = Service { name: "pam".to_owned(), boot: Boot::Unknown };
    let about = if has.is_some() { "who fails too often is kept off" } else { "passwords may be tried without end" };
    teller.row(&service, "pam_faillock", &Value::of(has, "none", place), about);
}
