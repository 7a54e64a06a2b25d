//! What pure-ftpd writes to syslog (pure-ftpd 1.0.50, src/ftpd.c, src/messages_en.h).
//!
//! ```text
//! (?@ADDRESS) [INFO] New connection from ADDRESS
//! (?@ADDRESS) [WARNING] Authentication failed for user [anna]
//! (?@ADDRESS) [INFO] anna is now logged in
//! (anna@ADDRESS) [NOTICE] /home/anna//file uploaded  (17 bytes, 3.14KB/sec)
//! (anna@ADDRESS) [NOTICE] Deleted /home/anna//file
//! (anna@ADDRESS) [INFO] Logout.
//! ```

use super::{Action, remote, split_first, split_last};
use crate::details::Details;
use crate::programs::accounts::pam;
use crate::scan::number;

/// Takes a message of pure-ftpd apart.
pub(crate) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if pam(message, details) {
        return;
    }
    details.kind = "ftp";
    let Some((who, rest)) = message.strip_prefix(b"(").and_then(|rest| split_first(rest, b") [")) else { return };
    let Some((user, host)) = split_last(who, b"@") else { return };
    let Some((level, text)) = split_first(rest, b"] ") else { return };
    remote(host, details);
    if user != b"?" {
        details.user = user;
    }
    details.text("level", level);
    if let Some(rest) = text.strip_prefix(b"Authentication failed for user [") {
        details.kind = "ftp.login-failed";
        details.user = rest.strip_suffix(b"]").unwrap_or(rest);
    } else if let Some(user) = text.strip_suffix(b" is now logged in") {
        (details.kind, details.user) = ("ftp.login", user);
    } else if text.starts_with(b"Anonymous user logged in") {
        (details.kind, details.user) = ("ftp.login", b"anonymous");
    } else if text.starts_with(b"New connection from ") {
        details.kind = "ftp.connect";
    } else if text == b"Logout." {
        details.kind = "ftp.session-closed";
    } else if let Some(file) = text.strip_prefix(b"Deleted ") {
        details.kind = "ftp.delete";
        details.text("file", file);
    } else if let Some(rest) = text.strip_prefix(b"File successfully renamed or moved: [") {
        details.kind = "ftp.rename";
        let names = rest.strip_suffix(b"]").unwrap_or(rest);
        let (file, to) = split_first(names, b"]->[").unwrap_or((names, b""));
        details.text("file", file);
        details.text("to", to);
    } else {
        transfer(text, details);
    }
}

/// `FILE uploaded  (17 bytes, 3.14KB/sec)`.
fn transfer<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let Some((said, numbers)) = text.strip_suffix(b"KB/sec)").and_then(|rest| split_last(rest, b" (")) else { return };
    let Some((bytes, rate)) = split_first(numbers, b" bytes, ") else { return };
    let said = said.trim_ascii_end();
    let (action, file) = if let Some(file) = said.strip_suffix(b" uploaded") {
        (Action::Upload, file)
    } else if let Some(file) = said.strip_suffix(b" downloaded") {
        (Action::Download, file)
    } else {
        return;
    };
    details.kind = action.kind(true);
    details.text("file", file);
    details.number("bytes", number(bytes));
    details.text("kbytes_per_second", rate);
}
