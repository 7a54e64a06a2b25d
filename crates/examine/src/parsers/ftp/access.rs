//! Commands and transfers in the common log format: proftpd's ExtendedLog in its own format, and pure-ftpd's CLF.
//!
//! `HOST IDENT USER [29/Feb/2024:23:59:59 +0100] "COMMAND ARGUMENT" CODE BYTES`
//!
//! A request of HTTP ends with its version there, and makes the line one of a web server.

use super::{Claim, Record, Time};
use crate::details::Details;
use crate::programs::ftp::{Action, remote, split_last};
use crate::scan::{Scan, number};

/// Takes a line apart.
pub(super) fn read(line: &[u8]) -> Option<Record<'_>> {
    let mut scan = Scan(line);
    let host = scan.until(b' ')?;
    let ident = scan.until(b' ')?;
    // A user may have blanks.
    let at = memchr::memmem::find(scan.0, b" [")?;
    let (user, rest) = scan.0.split_at_checked(at)?;
    scan.0 = rest.get(2..)?;
    let (shown, ahead) = scan.clf()?;
    scan.text(b"] ")?;
    let message = scan.0;
    scan.byte(b'"')?;
    let (rest, bytes) = split_last(scan.0, b" ")?;
    let (request, code) = split_last(rest, b"\" ")?;
    let code = number(code)?;
    let bytes = if bytes == b"-" { None } else { Some(number(bytes)?) };
    let (command, argument) = match request.iter().position(|byte| *byte == b' ') {
        Some(at) => (request.get(..at)?, request.get(at.saturating_add(1)..)?),
        None => (request, &b""[..]),
    };
    let is_web = request.windows(6).any(|part| part == b" HTTP/");
    if is_web || command.is_empty() || !command.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let is_pure = matches!(command, b"GET" | b"PUT");
    // Web servers write requests of HTTP 0.9 without a version, but never these codes and identities together.
    if is_pure && (code != 200 || ident != b"-" || !argument.starts_with(b"/")) {
        return None;
    }
    let is_done = (100..400).contains(&code);
    let (action, argument) = action(command, argument);
    let mut details = Details::new(match (action, command) {
        (_, b"PASS") if code == 331 || code == 332 => "ftp.command",
        (Some(action), _) => action.kind(is_done),
        (None, b"USER") if code == 530 => "ftp.login-failed",
        (None, b"QUIT") => "ftp.session-closed",
        (None, _) => "ftp.command",
    });
    remote(host, &mut details);
    if user != b"-" {
        details.user = user;
    }
    if command == b"USER" && details.user.is_empty() {
        details.user = argument;
    }
    let is_file = action.is_some_and(|action| action != Action::Login);
    details.text("command", command);
    let name = match action {
        Some(Action::Rename) => "to",
        _ if is_file => "file",
        _ => "argument",
    };
    details.text(name, argument);
    details.number("bytes", bytes);
    details.number("code", Some(code));
    let program: &[u8] = if is_pure { b"pure-ftpd" } else { b"proftpd" };
    let claim = if command == b"USER" { Claim::Made(host, argument) } else { Claim::Used(host) };
    Some(Record { time: Time::Shown(shown, ahead), pid: None, program, message, details, claim })
}

fn action<'a>(command: &[u8], argument: &'a [u8]) -> (Option<Action>, &'a [u8]) {
    let action = match command {
        b"STOR" | b"APPE" | b"STOU" | b"PUT" => Action::Upload,
        b"RETR" | b"GET" => Action::Download,
        b"DELE" => Action::Delete,
        b"MKD" | b"XMKD" => Action::Mkdir,
        b"RMD" | b"XRMD" => Action::Rmdir,
        b"RNTO" => Action::Rename,
        b"PASS" => Action::Login,
        b"SITE" => match argument.strip_prefix(b"CHMOD ") {
            Some(rest) => return (Some(Action::Chmod), rest),
            None => return (None, argument),
        },
        _ => return (None, argument),
    };
    (Some(action), argument)
}
