//! What OpenSSH's SFTP server says at INFO and above (OpenSSH 9, sftp-server.c).
//!
//! ```text
//! session opened|closed for local user USER from [ADDRESS]
//! [forced ]close "FILE" bytes read N written N
//! remove name "FILE" · mkdir name "FILE" mode MODE · rmdir name "FILE" · [posix-]rename old "FILE" new "FILE"
//! ```
//!
//! Names are not quoted: the last part that fits counts. Who does it is told by the line that opens the session alone, of the same
//! process.

use crate::details::Details;
use crate::scan::{between, number};

/// Takes a message of the SFTP server apart.
pub(crate) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) {
    details.kind = "sftp";
    for (beginning, kind) in [
        (&b"session opened for local user "[..], "sftp.session-opened"),
        (b"session closed for local user ", "sftp.session-closed"),
    ] {
        let Some(rest) = message.strip_prefix(beginning) else { continue };
        let Some(at) = memchr::memmem::rfind(rest, b" from [") else { return };
        details.kind = kind;
        details.user = rest.get(..at).unwrap_or_default();
        let address = rest.get(at.saturating_add(7)..).unwrap_or_default();
        let address = address.strip_suffix(b"]").unwrap_or(address);
        // Without a connection the server says so here.
        details.address = if address == b"UNKNOWN" { b"" } else { address };
        return;
    }
    let message = message.strip_prefix(b"forced ").unwrap_or(message);
    if let Some(rest) = message.strip_prefix(b"close \"") {
        transfer(rest, details);
    } else if let Some(file) = message.strip_prefix(b"remove name \"") {
        details.kind = "sftp.delete";
        details.text("file", unended(file));
    } else if let Some(file) = message.strip_prefix(b"rmdir name \"") {
        details.kind = "sftp.rmdir";
        details.text("file", unended(file));
    } else if let Some(rest) = message.strip_prefix(b"mkdir name \"") {
        details.kind = "sftp.mkdir";
        let end = memchr::memmem::rfind(rest, b"\" mode ").unwrap_or(rest.len());
        details.text("file", rest.get(..end).unwrap_or_default());
    } else if let Some((old, new)) =
        between(message.strip_prefix(b"posix-").unwrap_or(message), b"rename old \"", b"\" new \"")
    {
        details.kind = "sftp.rename";
        details.text("file", old);
        details.text("to", unended(new));
    }
}

/// `FILE" bytes read N written N`.
fn transfer<'a>(rest: &'a [u8], details: &mut Details<'a>) {
    let Some(at) = memchr::memmem::rfind(rest, b"\" bytes read ") else { return };
    let (file, numbers) = (rest.get(..at).unwrap_or_default(), rest.get(at.saturating_add(13)..).unwrap_or_default());
    let Some((read, written)) = between(numbers, b"", b" written ") else { return };
    let (Some(read), Some(written)) = (number(read), number(written)) else { return };
    // Of a file that is open for both the larger part tells what it was opened for.
    let (kind, bytes) = if written > read { ("sftp.upload", written) } else { ("sftp.download", read) };
    details.kind = if bytes == 0 { "sftp.close" } else { kind };
    details.text("file", file);
    details.number("bytes", Some(bytes));
}

/// Without the quotation mark at the end.
fn unended(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\"").unwrap_or(text)
}
