//! What programs say that change who one is: sudo, su, PAM, and the tools that keep accounts.
//!
//! | kind | program | message | fields |
//! | --- | --- | --- | --- |
//! | sudo.command | sudo | `USER : TTY=… ; PWD=… ; USER=TARGET ; COMMAND=…` (sudo 1.8 to 1.9, logging.c) | target, tty, directory, command |
//! | sudo.refused | sudo | the same with a reason before it, such as `3 incorrect password attempts` | and reason |
//! | su.session, su.failed | su | `(to TARGET) USER on TTY`, `FAILED SU (to TARGET) USER on TTY` (util-linux, su-common.c), `Successful su for TARGET by USER` (shadow) | target, tty |
//! | pam.session-opened, pam.session-closed | any | `pam_unix(SERVICE:session): session opened for user USER(uid=0) by LOGIN(uid=0)` | service, by, uid |
//! | pam.failed | any | `pam_unix(SERVICE:auth): authentication failure; logname=… uid=… euid=… tty=… ruser=… rhost=… user=…` | service, tty, remote_user |
//! | account.group-added … | useradd, usermod, groupadd, userdel, gpasswd, passwd, chage, chfn | as the table below | uid, gid, home, shell, from, group, by |

use crate::details::Details;
use crate::scan::{Scan, number};

/// Takes a message of sudo apart.
pub(crate) fn sudo<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if pam(message, details) {
        return;
    }
    details.kind = "sudo";
    let mut scan = Scan(message.trim_ascii_start());
    let Some(at) = memchr::memmem::find(scan.0, b" : ") else { return };
    let Some((user, rest)) = scan.0.split_at_checked(at) else { return };
    details.user = user;
    scan = Scan(rest.get(3..).unwrap_or_default());
    let mut reason = b"".as_slice();
    loop {
        // The command is the last, and may hold anything.
        if let Some(command) = scan.0.strip_prefix(b"COMMAND=") {
            details.kind = if reason.is_empty() { "sudo.command" } else { "sudo.refused" };
            details.text("command", command);
            return;
        }
        let (part, rest) = match memchr::memmem::find(scan.0, b" ; ") {
            Some(at) => (scan.0.get(..at).unwrap_or_default(), scan.0.get(at.saturating_add(3)..).unwrap_or_default()),
            None => (scan.0, b"".as_slice()),
        };
        match part.iter().position(|byte| *byte == b'=').and_then(|at| part.split_at_checked(at)) {
            Some((b"TTY", value)) => details.text("tty", value.get(1..).unwrap_or_default()),
            Some((b"PWD", value)) => details.text("directory", value.get(1..).unwrap_or_default()),
            Some((b"USER", value)) => details.text("target", value.get(1..).unwrap_or_default()),
            Some((b"GROUP", value)) => details.text("group", value.get(1..).unwrap_or_default()),
            Some((b"ENV", value)) => details.text("environment", value.get(1..).unwrap_or_default()),
            Some((b"TSID", value)) => details.text("session", value.get(1..).unwrap_or_default()),
            _ => {
                reason = part;
                details.text("reason", part);
            }
        }
        if rest.is_empty() {
            return;
        }
        scan = Scan(rest);
    }
}

/// Takes a message of su apart.
pub(crate) fn su<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if pam(message, details) {
        return;
    }
    details.kind = "su";
    let mut scan = Scan(message);
    if scan.text(b"Successful su for ").is_some() || scan.text(b"FAILED su for ").is_some() {
        details.kind = if message.starts_with(b"F") { "su.failed" } else { "su.session" };
        let Some(at) = memchr::memmem::rfind(scan.0, b" by ") else { return };
        details.text("target", scan.0.get(..at).unwrap_or_default());
        details.user = scan.0.get(at.saturating_add(4)..).unwrap_or_default();
        return;
    }
    let failed = scan.text(b"FAILED SU ").is_some();
    if scan.text(b"(to ").is_none() {
        return;
    }
    let Some(target) = scan.until(b')') else { return };
    details.kind = if failed { "su.failed" } else { "su.session" };
    details.text("target", target);
    let rest = scan.0.strip_prefix(b" ").unwrap_or(scan.0);
    match memchr::memmem::rfind(rest, b" on ") {
        Some(at) => {
            details.user = rest.get(..at).unwrap_or_default();
            details.text("tty", rest.get(at.saturating_add(4)..).unwrap_or_default());
        }
        None => details.user = rest,
    }
}

/// Takes a message of PAM apart, whatever program it stands in; false if it is none.
pub(crate) fn pam<'a>(message: &'a [u8], details: &mut Details<'a>) -> bool {
    let mut scan = Scan(message);
    if scan.text(b"pam_").is_none() {
        return false;
    }
    let Some(_module) = scan.until(b'(') else { return false };
    let Some(service) = scan.until(b')') else { return false };
    if scan.text(b": ").is_none() {
        return false;
    }
    details.kind = "pam";
    let name = service.split(|byte| *byte == b':').next().unwrap_or_default();
    details.text("service", name);
    if scan.text(b"session opened for user ").is_some() {
        details.kind = "pam.session-opened";
        session(scan.0, details);
    } else if scan.text(b"session closed for user ").is_some() {
        details.kind = "pam.session-closed";
        session(scan.0, details);
    } else if scan.text(b"authentication failure; ").is_some() {
        details.kind = "pam.failed";
        for pair in scan.0.split(|byte| *byte == b' ') {
            match pair.iter().position(|byte| *byte == b'=').and_then(|at| pair.split_at_checked(at)) {
                Some((b"user", value)) => details.user = value.get(1..).unwrap_or_default(),
                Some((b"rhost", value)) => details.address = value.get(1..).unwrap_or_default(),
                Some((b"tty", value)) => details.text("tty", value.get(1..).unwrap_or_default()),
                Some((b"ruser", value)) => details.text("remote_user", value.get(1..).unwrap_or_default()),
                _ => {}
            }
        }
    }
    true
}

/// `USER[(uid=NUMBER)][ by [LOGIN](uid=NUMBER)]`.
fn session<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let (user, by) = match memchr::memmem::rfind(text, b" by ") {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at.saturating_add(4)..)),
        None => (text, None),
    };
    let (user, uid) = with_uid(user);
    details.user = user;
    details.number("uid", uid);
    if let Some((login, uid)) = by.map(with_uid) {
        details.text("by", login);
        details.number("by_uid", uid);
    }
}

/// `NAME(uid=NUMBER)`.
fn with_uid(text: &[u8]) -> (&[u8], Option<i64>) {
    let Some(at) = memchr::memmem::rfind(text, b"(uid=") else { return (text, None) };
    let (name, rest) = text.split_at_checked(at).unwrap_or((text, b""));
    let inside = rest.get(5..).unwrap_or_default();
    (name, inside.strip_suffix(b")").and_then(number))
}

/// What the tools of shadow say, by the beginning of the message (shadow 4, useradd.c, usermod.c, groupadd.c, userdel.c).
const TOOLS: &[(&[u8], &str)] = &[
    (b"new user: ", "account.added"),
    (b"new group: ", "account.group-added"),
    (b"delete user ", "account.removed"),
    (b"removed group ", "account.group-removed"),
    (b"password changed for ", "account.password-changed"),
    (b"change user ", "account.changed"),
    (b"changed user ", "account.changed"),
    (b"add ", "account.group-joined"),
    (b"delete ", "account.group-left"),
    (b"changed password expiry for ", "account.changed"),
    (b"lock user ", "account.locked"),
    (b"unlock user ", "account.unlocked"),
];

/// Takes a message of the tools that keep accounts apart.
pub(crate) fn tool<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if pam(message, details) {
        // passwd says it through PAM: `pam_unix(passwd:chauthtok): password changed for anna`.
        if let Some(at) = memchr::memmem::find(message, b"password changed for ") {
            details.kind = "account.password-changed";
            details.user = message.get(at.saturating_add(21)..).unwrap_or_default();
        }
        return;
    }
    details.kind = "account";
    if message.starts_with(b"user ") {
        return member(message, details);
    }
    let Some((beginning, kind)) = TOOLS.iter().find(|(beginning, _)| message.starts_with(beginning)) else { return };
    details.kind = kind;
    let rest = message.get(beginning.len()..).unwrap_or_default();
    if !rest.starts_with(b"name=") {
        details.user = quoted(rest);
        let group = memchr::memmem::rfind(rest, b"group '").and_then(|at| rest.get(at.saturating_add(6)..));
        details.text("group", group.map_or(b"".as_slice(), quoted));
        return;
    }
    for pair in rest.split(|byte| *byte == b',') {
        let pair = pair.trim_ascii();
        let Some((name, value)) = pair.iter().position(|byte| *byte == b'=').and_then(|at| pair.split_at_checked(at))
        else {
            continue;
        };
        let value = value.get(1..).unwrap_or_default();
        match name {
            b"name" => details.user = value,
            b"UID" => details.number("uid", number(value)),
            b"GID" => details.number("gid", number(value)),
            b"home" => details.text("home", value),
            b"shell" => details.text("shell", value),
            b"from" => details.text("from", value),
            _ => {}
        }
    }
}

/// What gpasswd says: `user USER added by WHO to group GROUP`, `user USER removed by WHO from group GROUP`. No name of shadow's has
/// a blank.
fn member<'a>(message: &'a [u8], details: &mut Details<'a>) {
    let mut words = message.split(|byte| *byte == b' ').skip(1);
    let (user, verb, by) = (words.next(), words.next(), words.nth(1));
    let (Some(user), Some(by), Some(group)) = (user, by, words.nth(2)) else { return };
    details.kind = match verb {
        Some(b"added") => "account.group-joined",
        Some(b"removed") => "account.group-left",
        _ => return,
    };
    details.user = user;
    details.text("group", group);
    details.text("by", by);
}

/// The first word, without the quotes around it: `'anna' to group 'sudo'`.
fn quoted(text: &[u8]) -> &[u8] {
    match text.split_first() {
        Some((b'\'' | b'`', rest)) => rest.split(|byte| *byte == b'\'').next().unwrap_or_default(),
        _ => text.split(|byte| matches!(byte, b' ' | b',')).next().unwrap_or_default(),
    }
}
