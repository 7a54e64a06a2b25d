//! What sshd says of logins (OpenSSH's auth.c, auth2.c, session.c, packet.c; versions 5 to 10).
//!
//! | kind | message | fields |
//! | --- | --- | --- |
//! | ssh.login | `Accepted METHOD for USER from ADDRESS port PORT ssh2[: KEYTYPE FINGERPRINT]` | method, port, key |
//! | ssh.login-failed | `Failed METHOD for [invalid user ]USER from ADDRESS port PORT` | method, port, invalid |
//! | ssh.login-failed | `error: PAM: REASON for USER from ADDRESS` (auth-pam.c) | method, reason |
//! | ssh.auth-failed | what tells such a try once more: the same of an `illegal user`, for whom there is always a `Failed` line; `Failed keyboard-interactive/pam` of an account, which there is at some levels and counts alone | as above |
//! | ssh.refused | `User USER from ADDRESS not allowed because REASON`, `refused connect from NAME (ADDRESS)` | reason |
//! | ssh.connection | `Connection from ADDRESS port PORT`, and what ended one before anybody was named | port |
//! | ssh.invalid-user | `Invalid user USER from ADDRESS[ port PORT]` | port |
//! | ssh.disconnect | `Received disconnect from ADDRESS…`, `Disconnected from …`, `Connection closed by …` | port |
//! | ssh.too-many | `error: maximum authentication attempts exceeded for …` | port |

use super::accounts::pam;
use super::ftp;
use crate::details::Details;
use crate::scan::{Scan, between, number};
use kanshiki_model::Value;

/// The method by which PAM asks for a password.
const BY_PAM: &[u8] = b"keyboard-interactive/pam";

/// Takes a message of sshd apart.
pub(crate) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if pam(message, details) {
        return;
    }
    details.kind = "ssh";
    let mut scan = Scan(message);
    if scan.text(b"Accepted ").is_some() {
        login(scan, "ssh.login", details);
    } else if scan.text(b"Failed ").is_some() {
        login(scan, "ssh.login-failed", details);
    } else if scan.text(b"Invalid user ").is_some() || scan.text(b"Illegal user ").is_some() {
        details.kind = "ssh.invalid-user";
        if let Some((user, address)) = between(scan.0, b"", b" from ") {
            details.user = user;
            from(address, details);
        }
    } else if scan.text(b"error: maximum authentication attempts exceeded for ").is_some() {
        details.kind = "ssh.too-many";
        user_from(scan.0, details);
    } else if scan.text(b"error: PAM: ").is_some() {
        by_pam(scan.0, details);
    } else if scan.text(b"User ").is_some() {
        refused(scan.0, details);
    } else if scan.text(b"refused connect from ").is_some() {
        details.kind = "ssh.refused";
        if let Some((_name, address)) = between(scan.0, b"", b" (") {
            // libwrap has IPv4 in the form of IPv6 where sshd listens to both.
            ftp::remote(address.strip_suffix(b")").unwrap_or(address), details);
        }
    } else if let Some(rest) = after(message, DISCONNECTED) {
        details.kind = "ssh.disconnect";
        closed(rest, details);
    } else if let Some(rest) = after(message, CONNECTED) {
        details.kind = "ssh.connection";
        from(rest, details);
    }
}

/// `REASON for [illegal user ]USER from ADDRESS`, the only line at the usual level for a wrong password of an account that
/// PAM asked for.
fn by_pam<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let Some(at) = memchr::memmem::find(text, b" for ") else { return };
    let Some((reason, rest)) = text.split_at_checked(at) else { return };
    let rest = rest.get(5..).unwrap_or_default();
    details.kind = if is_invalid(rest) { "ssh.auth-failed" } else { "ssh.login-failed" };
    details.text("method", BY_PAM);
    details.text("reason", reason);
    user_from(rest, details);
}

/// `USER from ADDRESS not allowed because REASON`.
fn refused<'a>(text: &'a [u8], details: &mut Details<'a>) {
    const BECAUSE: &[u8] = b" not allowed because ";
    let Some(at) = memchr::memmem::rfind(text, BECAUSE) else { return };
    details.kind = "ssh.refused";
    user_from(text.get(..at).unwrap_or_default(), details);
    details.text("reason", text.get(at.saturating_add(BECAUSE.len())..).unwrap_or_default());
}

/// `METHOD for [invalid user ]USER from ADDRESS port PORT ssh2[: KEY]`.
fn login<'a>(mut scan: Scan<'a>, kind: &'static str, details: &mut Details<'a>) {
    let Some(method) = scan.until(b' ') else { return };
    if scan.text(b"for ").is_none() {
        return;
    }
    details.text("method", method);
    let is_told_by_pam = kind == "ssh.login-failed" && method == BY_PAM && !is_invalid(scan.0);
    details.kind = if is_told_by_pam { "ssh.auth-failed" } else { kind };
    user_from(scan.0, details);
}

/// Whether there is no such account; `illegal` up to OpenSSH 3.8, and in what PAM says to this day.
fn is_invalid(text: &[u8]) -> bool {
    text.starts_with(b"invalid user ") || text.starts_with(b"illegal user ")
}

/// `[invalid user ]USER from ADDRESS port PORT ssh2[: KEY]`. A user may be called anything, ` from ` too: the last one counts.
fn user_from<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let Some((user, address)) = between(text, b"", b" from ") else { return };
    let known = user.strip_prefix(b"invalid user ").or_else(|| user.strip_prefix(b"illegal user "));
    if known.is_some() {
        details.add("invalid", Value::Flag(true));
    }
    details.user = known.unwrap_or(user);
    from(address, details);
}

/// `ADDRESS[ port PORT][ ssh2[: KEY]]`.
fn from<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let mut scan = Scan(text);
    let Some(address) = scan.until(b' ') else {
        details.address = text.strip_suffix(b":").unwrap_or(text);
        return;
    };
    if scan.text(b"port ").is_none() {
        // `192.0.2.7: 11: disconnected by user`, up to OpenSSH 7.1.
        details.address = address.strip_suffix(b":").unwrap_or(address);
        return;
    }
    details.address = address;
    let digits = scan.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let Some((port, rest)) = scan.0.split_at_checked(digits) else { return };
    details.number("port", number(port));
    if let Some(key) = rest.strip_prefix(b" ssh2: ") {
        details.text("key", key);
    }
}

/// The words with which a connection ends.
const DISCONNECTED: &[&[u8]] = &[
    b"Received disconnect from ",
    b"Disconnected from ",
    b"Connection closed by ",
    b"Connection reset by ",
    b"Disconnecting ",
];

/// The words for a connection of which no account is known.
const CONNECTED: &[&[u8]] = &[
    b"Connection from ",
    b"banner exchange: Connection from ",
    b"ssh_dispatch_run_fatal: Connection from ",
    b"Did not receive identification string from ",
    b"Unable to negotiate with ",
    b"fatal: Timeout before authentication for connection from ",
    b"fatal: Timeout before authentication for ",
];

/// What stands behind the first of these that the message begins with.
fn after<'a>(message: &'a [u8], beginnings: &[&[u8]]) -> Option<&'a [u8]> {
    beginnings.iter().find_map(|beginning| message.strip_prefix(*beginning))
}

/// `[authenticating |invalid ][user USER ]ADDRESS port PORT…`.
fn closed<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let mut scan = Scan(text);
    if scan.text(b"authenticating ").is_none() && scan.text(b"invalid ").is_some() {
        details.add("invalid", Value::Flag(true));
    }
    if scan.text(b"user ").is_none() {
        return from(scan.0, details);
    }
    // `USER ADDRESS port PORT`: the address is the last word before the port.
    let Some(at) = memchr::memmem::rfind(scan.0, b" port ") else { return };
    let Some((before, _)) = scan.0.split_at_checked(at) else { return };
    let Some(blank) = memchr::memrchr(b' ', before) else { return };
    details.user = scan.0.get(..blank).unwrap_or_default();
    from(scan.0.get(blank.saturating_add(1)..).unwrap_or_default(), details);
}
