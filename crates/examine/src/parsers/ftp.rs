//! Logs of servers of FTP that are no syslog.
//!
//! | parser | form | of | source |
//! | --- | --- | --- | --- |
//! | `vsftpd` | `Thu Feb 29 23:59:59 2024 [pid 3] [anna] OK LOGIN: Client "192.0.2.7"` | vsftpd | vsftpd 3.0.3, logging.c |
//! | `xferlog` | `Thu Feb 29 23:59:59 2024 1 192.0.2.7 17 /file b _ o r anna ftp 0 * c` | wu-ftpd, vsftpd, proftpd, pure-ftpd | xferlog(5) |
//! | `ftp-access` | `192.0.2.7 UNKNOWN anna [29/Feb/2024:23:59:59 +0100] "RETR file" 226 17` | proftpd's ExtendedLog, pure-ftpd's CLF | proftpd's mod_log; pure-ftpd 1.0.50, altlog.c |
//! | `ftp-stats` | `1709247599 65e10b6f.1a2b anna 192.0.2.7 D 17 1 /file` | pure-ftpd's stats | altlog.c |
//! | `ftp-w3c` | `2024-02-29 22:59:59 192.0.2.7 []sent /file 226 anna 17`, in UTC | pure-ftpd's W3C | altlog.c |
//!
//! What these servers write to syslog, and proftpd's system log, which is a form of syslog, is read in [`crate::programs::ftp`].

mod access;
mod altlog;
mod vsftpd;
mod xferlog;

use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::text::{each_line, is_half};
use crate::zone::Civil;
use kanshiki_model::{Event, TimeBasis, Timestamp};
use std::collections::HashMap;
use std::io;

/// The parser of one form of lines.
#[derive(Debug)]
pub(crate) struct Form {
    id: &'static str,
    /// Takes a line apart; `None` if it is of another form.
    read: for<'l> fn(&'l [u8]) -> Option<Record<'l>>,
    /// What lines begin with that are no records.
    comment: Option<u8>,
}

/// vsftpd's own log.
pub(crate) const VSFTPD: Form = Form { id: "vsftpd", read: vsftpd::read, comment: None };
/// Transfers as wu-ftpd wrote them first.
pub(crate) const XFERLOG: Form = Form { id: "xferlog", read: xferlog::read, comment: None };
/// Commands in the common log format.
pub(crate) const ACCESS: Form = Form { id: "ftp-access", read: access::read, comment: None };
/// pure-ftpd's statistics.
pub(crate) const STATS: Form = Form { id: "ftp-stats", read: altlog::stats, comment: None };
/// pure-ftpd's transfers in the form of W3C.
pub(crate) const W3C: Form = Form { id: "ftp-w3c", read: altlog::w3c, comment: Some(b'#') };

/// A line, taken apart.
struct Record<'l> {
    time: Time,
    pid: Option<i64>,
    program: &'static [u8],
    message: &'l [u8],
    details: Details<'l>,
    claim: Claim<'l>,
}

/// Who somebody says to be before a password shows it, where that is a line of its own.
#[derive(Debug, Clone, Copy)]
enum Claim<'l> {
    /// Told nowhere, or by the line itself.
    None,
    /// From this host, as this user.
    Made(&'l [u8], &'l [u8]),
    /// From this host; the user is the one that was told last.
    Used(&'l [u8]),
}

/// Hosts whose last claim is remembered.
const HOSTS: usize = 4096;

/// Bytes of a host and of an account that are remembered.
const CLAIM_BYTES: usize = 256;

/// A time as a line tells it.
#[derive(Debug, Clone, Copy)]
enum Time {
    /// On the clock of the machine, or of one that was so many seconds ahead of UTC.
    Shown(Civil, Option<i64>),
    /// Seconds since 1970.
    Epoch(i64),
}

impl Parser for Form {
    fn id(&self) -> &'static str {
        self.id
    }

    fn edition(&self) -> u32 {
        2
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        is_half(candidate.head, &mut |line| self.is_comment(line) || (self.read)(line).is_some())
            && candidate.head.split(|byte| *byte == b'\n').any(|line| (self.read)(trim(line)).is_some())
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut clock = Clock::new(context);
        let mut claims: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        each_line(input, output, &mut |bytes, span, output| {
            let Some(mut record) = (self.read)(bytes) else {
                if !self.is_comment(bytes) {
                    output.other("ftp.other", span, bytes, "no line of the form that the log has");
                }
                return;
            };
            match record.claim {
                Claim::Made(host, user) if host.len() <= CLAIM_BYTES => {
                    if claims.len() >= HOSTS {
                        claims.clear();
                    }
                    claims.insert(host.to_vec(), user.get(..CLAIM_BYTES).unwrap_or(user).to_vec());
                }
                Claim::Used(host) if record.details.kind == "ftp.login-failed" && record.details.user.is_empty() => {
                    record.details.user = claims.get(host).map_or(&b""[..], Vec::as_slice);
                }
                Claim::Made(..) | Claim::Used(_) | Claim::None => {}
            }
            let (time, basis) = match record.time {
                Time::Shown(shown, ahead) => clock.at(shown, ahead),
                Time::Epoch(seconds) => {
                    (seconds.checked_mul(1_000_000_000).map(Timestamp::from_nanoseconds), TimeBasis::Stated)
                }
            };
            output.event(&Event {
                kind: record.details.kind,
                time,
                basis,
                span,
                program: record.program,
                pid: record.pid,
                user: record.details.user,
                address: record.details.address,
                message: record.message,
                fields: record.details.fields(),
                ..Event::default()
            });
        })?;
        clock.finish(output);
        Ok(())
    }
}

impl Form {
    fn is_comment(&self, line: &[u8]) -> bool {
        self.comment.is_some_and(|sign| line.first() == Some(&sign))
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests;
