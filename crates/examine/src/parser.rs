//! What a parser is: it turns one kind of file into events.

use crate::host::Host;
use crate::input::Input;
use crate::output::Output;
use crate::rotated::COMPRESSED;
use crate::years::YearHint;
use kanshiki_model::Timestamp;
use std::fmt;
use std::io;

/// Turns one kind of file into events. Keeps no state between files.
///
/// Whatever the bytes are, a parser does not panic, ends, and keeps its memory within bounds. What it does not understand it
/// tells by [`Output::other`], and goes on behind it.
pub trait Parser: Send + Sync + fmt::Debug {
    /// The name, stable, such as `syslog`.
    fn id(&self) -> &'static str;

    /// Raised whenever the same file gives other events than before, so that it is read again.
    fn edition(&self) -> u32 {
        1
    }

    /// What it tells its files by, for those that do not begin as they should.
    fn told_by(&self) -> ToldBy {
        ToldBy::Lines
    }

    /// Whether the file is of this kind, by its name and the first bytes of its content.
    fn claims(&self, candidate: &Candidate<'_>) -> bool;

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// The content could not be read to its end; the events before the error are given.
    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()>;
}

/// What a parser tells its files by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToldBy {
    /// The first bytes: it is no text.
    Bytes,
    /// The first line, or the name: lines from further in say nothing.
    Beginning,
    /// Lines, wherever they stand.
    Lines,
}

/// A file that may be a log.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its path.
    pub path: &'a [u8],
    /// The first bytes of its content, decompressed: up to 4 KiB.
    pub head: &'a [u8],
    /// What is known of the machine: the forms of logs that its settings tell.
    pub host: &'a Host,
}

impl<'a> Candidate<'a> {
    /// The name of the file without what rotation and compression add: `auth.log` of `/var/log/auth.log-20240229.gz`.
    #[must_use]
    pub fn stem(&self) -> &'a [u8] {
        stem(self.path)
    }
}

/// The name of a file without what rotation and compression add.
pub(crate) fn stem(path: &[u8]) -> &[u8] {
    let mut stem = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    while let Some((before, last)) = split_last(stem) {
        let is_compression = COMPRESSED.iter().any(|(ending, _)| *ending == last);
        let is_rotation = matches!(last, b".old" | b".1") || is_number(last.get(1..).unwrap_or_default());
        if !is_compression && !is_rotation {
            break;
        }
        stem = before;
    }
    stem
}

/// Splits off what begins with the last point or dash, if something stands before it.
fn split_last(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = name.iter().rposition(|byte| matches!(byte, b'.' | b'-')).filter(|at| *at > 0)?;
    name.split_at_checked(at)
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.len() <= 14 && text.iter().all(u8::is_ascii_digit)
}

/// What a record does not say itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The path of the file.
    pub path: &'a [u8],
    /// When the file was last written.
    pub modified: Option<Timestamp>,
    /// The number of the account that owns the file.
    pub owner: Option<u32>,
    /// What is known of the machine.
    pub host: &'a Host,
    /// How the years lie in the file, if it was read before and they were not as expected.
    pub years: Option<YearHint>,
    /// Years by which the other files of the rotation tell that the file's last change is too late.
    pub shift: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rotation_and_compression_add_is_no_part_of_the_stem() {
        let host = Host::unknown();
        for (path, stem) in [
            ("/var/log/auth.log", "auth.log"),
            ("/var/log/auth.log.1", "auth.log"),
            ("/var/log/auth.log.2.gz", "auth.log"),
            ("/var/log/messages-20240229.xz", "messages"),
            ("/var/log/messages-20240229", "messages"),
            ("/root/.bash_history", ".bash_history"),
            ("/var/log/apache2/access.log.old.zst", "access.log"),
            ("/var/log/20240229", "20240229"),
            ("", ""),
        ] {
            let candidate = Candidate { path: path.as_bytes(), head: b"", host: &host };
            assert_eq!(candidate.stem(), stem.as_bytes(), "{path}");
        }
    }
}
