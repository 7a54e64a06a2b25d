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

/// Modules that ask for nothing that somebody knows: they neither let in nor keep off.
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
    "pam_warn",
    "pam_echo",
    "pam_exec",
    "pam_cap",
    "pam_selinux",
];

/// Modules that look at a circumstance, which may be as whoever comes wants it.
const CIRCUMSTANCES: &[&str] =
    &["pam_succeed_if", "pam_usertype", "pam_localuser", "pam_access", "pam_listfile", "pam_time", "pam_wheel"];

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

/// What a module says to somebody who knows nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Aside,
}

impl Step<'_> {
    fn answer(&self) -> Answer {
        let is_of = |names: &[&str]| names.iter().any(|name| self.module.starts_with(name));
        // One that is enough for itself lets in those whom its circumstance names, such as root.
        let is_enough = self.control == b"sufficient" || holds(&self.control, "success=done");
        match () {
            () if self.module.starts_with("pam_permit") => Answer::Yes,
            () if is_of(ASIDE) => Answer::Aside,
            () if is_of(CIRCUMSTANCES) && !is_enough => Answer::Yes,
            () => Answer::No,
        }
    }

    /// What follows from the answer: `ok`, `bad`, `die`, `done`, `ignore`, `reset`, or how many steps are left out.
    fn action(&self, answer: Answer) -> String {
        let known = match self.control.as_slice() {
            b"required" => "success=ok new_authtok_reqd=ok ignore=ignore default=bad",
            b"requisite" => "success=ok new_authtok_reqd=ok ignore=ignore default=die",
            b"sufficient" => "success=done new_authtok_reqd=done default=ignore",
            b"optional" => "success=ok new_authtok_reqd=ok default=ignore",
            // Another stack asks, and keeps off: it is looked at for itself.
            b"include" | b"substack" => "default=die",
            _ => "",
        };
        let text = String::from_utf8_lossy(&self.control);
        let text = if known.is_empty() { text.trim_start_matches('[').trim_end_matches(']') } else { known };
        let value = |name: &str| {
            text.split_ascii_whitespace()
                .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
        };
        let name = match answer {
            Answer::Yes => "success",
            Answer::No => "auth_err",
            Answer::Aside => "ignore",
        };
        value(name).or_else(|| value("default")).unwrap_or("bad").to_owned()
    }
}

/// The line that lets anybody in, if there is one: the stack is gone through as for somebody who knows nothing
/// (pam.conf(5), "The more complicated syntax").
fn permits<'s, 'c>(steps: &'s [Step<'c>]) -> Option<&'s Step<'c>> {
    let (mut opened, mut is_kept_off) = (None, false);
    let mut rest = steps.iter();
    while let Some(step) = rest.next() {
        let answer = step.answer();
        let is_permit = step.module.starts_with("pam_permit");
        match step.action(answer).as_str() {
            "ignore" => {}
            "reset" => (opened, is_kept_off) = (None, false),
            "done" if answer == Answer::Yes => {
                let opened = opened.or_else(|| is_permit.then_some(step));
                return opened.filter(|_| !is_kept_off);
            }
            "ok" if answer == Answer::Yes => opened = opened.or_else(|| is_permit.then_some(step)),
            // What is aside is passed by, whatever follows from it.
            _ if answer == Answer::Aside => {}
            "die" => return None,
            number => match number.parse::<usize>() {
                Ok(count) => drop(rest.by_ref().take(count).count()),
                Err(_) => is_kept_off = true,
            },
        }
    }
    opened.filter(|_| !is_kept_off)
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
