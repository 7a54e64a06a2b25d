//! What sshd says of logins (OpenSSH's auth.c, auth2.c, session.c, packet.c; versions 5 to 10).
//!
//! | kind | message | fields |
//! | --- | --- | --- |
//! | ssh.login | `Accepted METHOD for USER from ADDRESS port PORT ssh2[: KEYTYPE FINGERPRINT]` | method, port, key |
//! | ssh.login-failed | `Failed METHOD for [invalid user ]USER from ADDRESS port PORT` | method, port, invalid |
//! | ssh.invalid-user | `Invalid user USER from ADDRESS[ port PORT]` | port |
//! | ssh.disconnect | `Received disconnect from ADDRESS…`, `Disconnected from …`, `Connection closed by …` | port |
//! | ssh.too-many | `error: maximum authentication attempts exceeded for …` | port |

use super::accounts::pam;
use crate::details::Details;
use crate::scan::{Scan, between, number};
use kanshiki_model::Value;

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
    } else if let Some(rest) = disconnected(message) {
        details.kind = "ssh.disconnect";
        closed(rest, details);
    }
}

/// `METHOD for [invalid user ]USER from ADDRESS port PORT ssh2[: KEY]`.
fn login<'a>(mut scan: Scan<'a>, kind: &'static str, details: &mut Details<'a>) {
    let Some(method) = scan.until(b' ') else { return };
    if scan.text(b"for ").is_none() {
        return;
    }
    details.kind = kind;
    details.text("method", method);
    user_from(scan.0, details);
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

/// What stands behind the words with which a connection ends.
fn disconnected(message: &[u8]) -> Option<&[u8]> {
    let beginnings: [&[u8]; 5] = [
        b"Received disconnect from ",
        b"Disconnected from ",
        b"Connection closed by ",
        b"Connection reset by ",
        b"Disconnecting ",
    ];
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
