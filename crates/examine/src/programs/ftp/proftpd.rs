//! What proftpd writes to its system log and to syslog (proftpd 1.3.8, modules/mod_auth.c, src/main.c).
//!
//! ```text
//! SERVER (NAME[ADDRESS]): USER anna: Login successful.
//! SERVER (NAME[ADDRESS]): USER anna (Login failed): Incorrect password
//! SERVER (NAME[ADDRESS]): USER anna: no such user found from NAME [ADDRESS] to SERVER:21
//! SERVER (NAME[ADDRESS]): FTP session opened.
//! ```

use super::{remote, split_first, split_last};
use crate::details::Details;
use crate::programs::accounts::pam;
use kanshiki_model::Value;

/// Takes a message of proftpd apart.
pub(crate) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if pam(message, details) {
        return;
    }
    details.kind = "ftp";
    let text = peer(message, details).unwrap_or(message);
    let text = text.strip_prefix(b"- ").unwrap_or(text);
    if let Some(rest) = text.strip_prefix(b"USER ").or_else(|| text.strip_prefix(b"ANON ")) {
        if text.starts_with(b"ANON ") {
            details.add("anonymous", Value::Flag(true));
        }
        user(rest, details);
    } else if text.starts_with(b"SECURITY VIOLATION: Root login attempted") {
        (details.kind, details.user) = ("ftp.login-failed", b"root");
        details.text("reason", text);
    } else if text.starts_with(b"Maximum login attempts") {
        details.kind = "ftp.too-many";
    } else if let Some(protocol) = text.trim_ascii_end().strip_suffix(b" session opened.") {
        details.kind = "ftp.session-opened";
        details.text("protocol", protocol);
    } else if let Some(protocol) = text.trim_ascii_end().strip_suffix(b" session closed.") {
        details.kind = "ftp.session-closed";
        details.text("protocol", protocol);
    } else if text.starts_with(b"connection refused") || text.starts_with(b"Connection from ") {
        details.kind = "ftp.connect-refused";
    }
}

/// `SERVER (NAME[ADDRESS]): `, and what stands behind it. The name of the peer is what its DNS says, and holds no blank.
fn peer<'a>(message: &'a [u8], details: &mut Details<'a>) -> Option<&'a [u8]> {
    let (server, rest) = split_first(message, b" (")?;
    let (peer, text) = split_first(rest, b"])")?;
    let (name, address) = split_first(peer, b"[")?;
    if server.contains(&b' ') || peer.contains(&b' ') {
        return None;
    }
    details.text("server", server);
    remote(address, details);
    if name != address {
        details.text("remote_host", name);
    }
    Some(text.strip_prefix(b":").or_else(|| text.strip_prefix(b" -")).unwrap_or(text).trim_ascii_start())
}

/// What is said of a login. A user may be called anything: what the program says itself is looked for from the end.
fn user<'a>(rest: &'a [u8], details: &mut Details<'a>) {
    let said = rest.strip_suffix(b".").unwrap_or(rest);
    if let Some(user) = said.strip_suffix(b": Login successful") {
        (details.kind, details.user) = ("ftp.login", user);
    } else if let Some((user, reason)) = split_last(rest, b" (Login failed): ") {
        (details.kind, details.user) = ("ftp.login-failed", user);
        details.text("reason", reason);
        if reason.starts_with(b"No such user") {
            details.add("invalid", Value::Flag(true));
        }
    } else if let Some((user, _)) = split_last(rest, b": no such user found from ") {
        (details.kind, details.user) = ("ftp.login-failed", user);
        details.text("reason", b"no such user found");
        details.add("invalid", Value::Flag(true));
    } else if let Some((user, reason)) = split_last(rest, b": ") {
        details.user = user;
        details.text("reason", reason);
    }
}
