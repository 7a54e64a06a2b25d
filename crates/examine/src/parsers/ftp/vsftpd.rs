//! vsftpd's own log: a time of the machine's clock, the process, and what it would write to syslog.

use super::{Claim, Record, Time};
use crate::details::Details;
use crate::programs::ftp;
use crate::scan::{Scan, number};

/// `Thu Feb 29 23:59:59 2024 [pid 3] MESSAGE`.
pub(super) fn read(line: &[u8]) -> Option<Record<'_>> {
    let mut scan = Scan(line);
    let time = Time::Shown(scan.ctime()?, None);
    scan.text(b" [pid ")?;
    let pid = number(scan.until(b']')?)?;
    scan.byte(b' ')?;
    let mut details = Details::new("ftp");
    ftp::vsftpd(scan.0, &mut details);
    Some(Record { time, pid: Some(pid), program: b"vsftpd", message: scan.0, details, claim: Claim::None })
}
