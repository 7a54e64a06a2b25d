//! Lines that stand for others that were left out.
//!
//! | line | of |
//! | --- | --- |
//! | `… PROGRAM[PID]: message repeated N times: [ MESSAGE]` | rsyslog's `$RepeatedMsgReduction` |
//! | `… last message repeated N times` | syslogd: the line before it in the same file |

use super::header::Header;
use crate::scan::{Scan, number};

/// Bytes of a message that are kept for a line that says that it came again.
const KEPT: usize = 4 << 10;

/// What the line before said.
#[derive(Debug, Default)]
pub(super) struct Last {
    host: Vec<u8>,
    program: Vec<u8>,
    message: Vec<u8>,
}

/// What a line says, or those that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) program: &'a [u8],
    pub(super) message: &'a [u8],
    /// How many lines it stands for; `None` if it is a message itself.
    pub(super) times: Option<i64>,
}

impl Last {
    /// What this line says, whoever said it.
    pub(super) fn said<'a>(&'a self, header: &Header<'a>) -> Said<'a> {
        if let Some((times, message)) = of_rsyslog(header.message) {
            return Said { program: header.program, message, times: Some(times) };
        }
        match of_syslogd(header.message).filter(|_| header.program.is_empty() && header.host == self.host) {
            Some(times) => Said { program: &self.program, message: &self.message, times: Some(times) },
            None => Said { program: header.program, message: header.message, times: None },
        }
    }

    pub(super) fn keep(&mut self, header: &Header<'_>) {
        let parts =
            [(&mut self.host, header.host), (&mut self.program, header.program), (&mut self.message, header.message)];
        for (kept, part) in parts {
            kept.clear();
            kept.extend_from_slice(part.get(..part.len().min(KEPT)).unwrap_or_default());
        }
    }
}

fn of_rsyslog(message: &[u8]) -> Option<(i64, &[u8])> {
    let mut scan = Scan(message.trim_ascii_start());
    scan.text(b"message repeated ")?;
    let times = number(scan.until(b' ')?)?;
    scan.text(b"times: [")?;
    let inside = scan.0.strip_prefix(b" ").unwrap_or(scan.0);
    Some((times, inside.trim_ascii_end().strip_suffix(b"]")?))
}

fn of_syslogd(message: &[u8]) -> Option<i64> {
    let mut scan = Scan(message);
    scan.text(b"last message repeated ")?;
    let times = number(scan.until(b' ')?)?;
    scan.0.starts_with(b"time").then_some(times)
}
