//! What vsftpd writes into its own log and to syslog (vsftpd 3.0.3, logging.c).
//!
//! ```text
//! [USER] OK|FAIL LOGIN|UPLOAD|DOWNLOAD|MKDIR|DELETE|RENAME|RMDIR|CHMOD: Client "ADDRESS"[, anon password "…"][, "FILE"][, N bytes][, RKbyte/sec]
//! CONNECT: Client "ADDRESS"[, "…"]
//! [USER] FTP command|FTP response|DEBUG: Client "ADDRESS", "…"
//! ```
//!
//! Names of users and files are not quoted: a name may look like a line. The first reading that fits counts, and where there is
//! a second one, `ambiguous` says so.

use super::{Action, remote, split_first, split_last};
use crate::details::Details;
use crate::programs::accounts::pam;
use crate::scan::{Scan, number};
use kanshiki_model::Value;

/// Ends of names that are tried.
const READINGS: usize = 16;

const ACTIONS: [(&[u8], Action); 8] = [
    (b"LOGIN", Action::Login),
    (b"UPLOAD", Action::Upload),
    (b"DOWNLOAD", Action::Download),
    (b"MKDIR", Action::Mkdir),
    (b"DELETE", Action::Delete),
    (b"RENAME", Action::Rename),
    (b"RMDIR", Action::Rmdir),
    (b"CHMOD", Action::Chmod),
];

/// What a line says behind the user.
#[derive(Clone, Copy)]
struct Said<'a> {
    what: What,
    client: &'a [u8],
    text: &'a [u8],
    password: &'a [u8],
    bytes: Option<i64>,
    rate: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Action(Action, bool),
    Connect,
    Command,
    Response,
    Debug,
}

/// Takes a message of vsftpd apart.
pub(crate) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if pam(message, details) {
        return;
    }
    details.kind = "ftp";
    let Some(said) = read(message, details) else { return };
    remote(said.client, details);
    details.kind = match said.what {
        What::Action(action, is_done) => action.kind(is_done),
        What::Connect => "ftp.connect",
        What::Command => "ftp.command",
        // Whom a list of users keeps out is told by this response alone.
        What::Response if said.text == b"530 Permission denied." => "ftp.login-failed",
        What::Response => "ftp.response",
        What::Debug => "ftp.debug",
    };
    details.text("anonymous_password", said.password);
    match said.what {
        What::Action(Action::Rename, _) => renamed(said.text, details),
        What::Action(Action::Chmod, _) => match split_last(said.text, b" ") {
            Some((file, mode)) => {
                details.text("file", file);
                details.text("mode", mode);
            }
            None => details.text("file", said.text),
        },
        What::Action(..) => details.text("file", said.text),
        What::Command => match split_first(said.text, b" ") {
            Some((command, argument)) => {
                details.text("command", command);
                details.text("argument", argument);
            }
            None => details.text("command", said.text),
        },
        What::Response => {
            let (code, text) = said.text.split_at_checked(3).unwrap_or((b"", said.text));
            details.number("code", number(code));
            details.text("response", text.trim_ascii_start());
        }
        What::Connect | What::Debug => details.text("reason", said.text),
    }
    let is_transfer = matches!(said.what, What::Action(Action::Upload | Action::Download, _));
    // A transfer of nothing has no number.
    details.number("bytes", said.bytes.or_else(|| is_transfer.then_some(0)));
    details.text("kbytes_per_second", said.rate);
}

/// Finds the end of the user's name, and what follows.
fn read<'a>(message: &'a [u8], details: &mut Details<'a>) -> Option<Said<'a>> {
    let Some(rest) = message.strip_prefix(b"[") else { return said(message, b"") };
    let mut found = None;
    for at in memchr::memmem::find_iter(rest, b"] ").take(READINGS) {
        let (user, behind) = rest.split_at_checked(at)?;
        let Some(said) = behind.get(2..).and_then(|behind| said(behind, user)) else { continue };
        if found.is_some() {
            details.add("ambiguous", Value::Flag(true));
            break;
        }
        details.user = user;
        found = Some(said);
    }
    found
}

fn said<'a>(text: &'a [u8], user: &[u8]) -> Option<Said<'a>> {
    let (what, rest) = what(text)?;
    let mut scan = Scan(rest);
    scan.text(b": Client \"")?;
    let client = scan.until(b'"')?;
    let mut said = Said { what, client, text: b"", password: b"", bytes: None, rate: b"" };
    let is_transfer = matches!(what, What::Action(Action::Upload | Action::Download, _));
    if is_transfer {
        let (before, rate) = split_last(scan.0.strip_suffix(b"Kbyte/sec")?, b", ")?;
        (scan.0, said.rate) = (before, rate);
    }
    if let Some((before, count)) = scan.0.strip_suffix(b" bytes").and_then(|rest| split_last(rest, b", ")) {
        said.bytes = Some(number(count)?);
        scan.0 = before;
    }
    if let Some(rest) = scan.0.strip_prefix(b", anon password \"") {
        let is_anonymous = matches!(user, b"ftp" | b"anonymous");
        said.password =
            rest.strip_suffix(b"\"").filter(|_| is_anonymous && what == What::Action(Action::Login, true))?;
        return Some(said);
    }
    if !scan.0.is_empty() {
        said.text = scan.0.strip_prefix(b", \"")?.strip_suffix(b"\"")?;
    }
    let is_login = matches!(what, What::Action(Action::Login, _));
    (!is_login || said.text.is_empty()).then_some(said)
}

fn what(text: &[u8]) -> Option<(What, &[u8])> {
    for (word, what) in [
        (&b"CONNECT"[..], What::Connect),
        (b"FTP command", What::Command),
        (b"FTP response", What::Response),
        (b"DEBUG", What::Debug),
    ] {
        if let Some(rest) = text.strip_prefix(word) {
            return Some((what, rest));
        }
    }
    let (is_done, rest) = match text.strip_prefix(b"OK ") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix(b"FAIL ")?),
    };
    ACTIONS.iter().find_map(|(word, action)| Some((What::Action(*action, is_done), rest.strip_prefix(*word)?)))
}

/// `FROM TO`: both begin with a slash, so that they can be told apart if only one name has one behind a blank.
fn renamed<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let mut places = memchr::memmem::find_iter(text, b" /");
    match (places.next(), places.next()) {
        (Some(at), None) => {
            details.text("file", text.get(..at).unwrap_or_default());
            details.text("to", text.get(at.saturating_add(1)..).unwrap_or_default());
        }
        _ => details.text("file", text),
    }
}
