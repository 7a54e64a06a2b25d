//! What servers of FTP say: who came in, who was refused, what was fetched, sent, deleted and renamed.

mod proftpd;
mod pureftpd;
mod vsftpd;

pub(crate) use proftpd::describe as proftpd;
pub(crate) use pureftpd::describe as pureftpd;
pub(crate) use vsftpd::describe as vsftpd;

use crate::details::Details;
use std::net::IpAddr;

/// What was done with a file or a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Upload,
    Download,
    Delete,
    Mkdir,
    Rmdir,
    Rename,
    Chmod,
    Login,
}

impl Action {
    /// The kind of its event.
    pub(crate) const fn kind(self, is_done: bool) -> &'static str {
        match (self, is_done) {
            (Self::Upload, true) => "ftp.upload",
            (Self::Upload, false) => "ftp.upload-failed",
            (Self::Download, true) => "ftp.download",
            (Self::Download, false) => "ftp.download-failed",
            (Self::Delete, true) => "ftp.delete",
            (Self::Delete, false) => "ftp.delete-failed",
            (Self::Mkdir, true) => "ftp.mkdir",
            (Self::Mkdir, false) => "ftp.mkdir-failed",
            (Self::Rmdir, true) => "ftp.rmdir",
            (Self::Rmdir, false) => "ftp.rmdir-failed",
            (Self::Rename, true) => "ftp.rename",
            (Self::Rename, false) => "ftp.rename-failed",
            (Self::Chmod, true) => "ftp.chmod",
            (Self::Chmod, false) => "ftp.chmod-failed",
            (Self::Login, true) => "ftp.login",
            (Self::Login, false) => "ftp.login-failed",
        }
    }
}

/// Takes the remote host for its address, or for its name if it is none. IPv4 in the form of IPv6 becomes IPv4.
pub(crate) fn remote<'a>(host: &'a [u8], details: &mut Details<'a>) {
    let mapped = host.strip_prefix(b"::ffff:").or_else(|| host.strip_prefix(b"::FFFF:"));
    let host = mapped.filter(|rest| rest.contains(&b'.')).unwrap_or(host);
    if is_address(host) {
        details.address = host;
    } else if host != b"-" {
        details.text("remote_host", host);
    }
}

fn is_address(text: &[u8]) -> bool {
    text.len() <= 45 && std::str::from_utf8(text).is_ok_and(|text| text.parse::<IpAddr>().is_ok())
}

/// Splits off what stands behind the last such text.
pub(crate) fn split_last<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, rest) = text.split_at_checked(memchr::memmem::rfind(text, at)?)?;
    Some((before, rest.get(at.len()..)?))
}

/// Splits off what stands before the first such text.
pub(crate) fn split_first<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, rest) = text.split_at_checked(memchr::memmem::find(text, at)?)?;
    Some((before, rest.get(at.len()..)?))
}
