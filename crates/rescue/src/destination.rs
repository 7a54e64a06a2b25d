//! Makes one disk writable, by the examiner's own act.

use crate::RescueError;
use crate::state::{Act, ActKind, State};
use kanshiki_acquire::device::{BlockDevice, guard};
use kanshiki_model::{Clock, Fact, visible_path};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::path::Path;

/// A disk that may become a destination.
#[derive(Debug)]
pub struct Candidate {
    disk: BlockDevice,
    /// The disk, opened for this process alone: nobody mounts it, and no acquisition reads it, until this is dropped.
    _alone: File,
    /// What the examiner has to give.
    token: Token,
}

/// By what the examiner shows that this disk is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// The serial number that the disk tells.
    Serial(String),
    /// The length in bytes of a disk that tells no serial number.
    Bytes(u64),
}

impl Token {
    fn matches(&self, given: &str) -> bool {
        match self {
            Self::Serial(serial) => serial == given.trim(),
            Self::Bytes(bytes) => given.trim().parse() == Ok(*bytes),
        }
    }

    fn reason(&self, given: &str) -> String {
        let given = kanshiki_model::visible_text(given.trim());
        match self {
            Self::Serial(serial) => format!("its serial number is `{serial}`, not `{given}`"),
            Self::Bytes(bytes) => {
                format!("it tells no serial number; its length, {bytes} bytes, is asked for instead, not `{given}`")
            }
        }
    }
}

impl Candidate {
    /// The disk of the device at this path, if nothing uses it.
    ///
    /// # Errors
    ///
    /// [`RescueError::Refused`] if it is in use or no block device, [`RescueError::Device`] if it cannot be asked.
    pub fn at(path: &Path) -> Result<Self, RescueError> {
        let shown = visible_path(path);
        let failed = |source: io::Error| RescueError::Device { doing: "open", device: shown.clone(), source };
        let refused = |reason: String| RescueError::Refused { device: shown.clone(), reason };
        let device = BlockDevice::of_file(&open(path, OFlags::empty()).map_err(failed)?).map_err(failed)?;
        let disk = device.ok_or_else(|| refused("it is no block device".to_owned()))?.whole_disk();
        let in_use = guard::in_use(&disk);
        if !in_use.is_empty() {
            return Err(refused(in_use.join("; ")));
        }
        let alone = match open(&disk.node(), OFlags::EXCL) {
            Ok(file) => file,
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::BUSY.raw_os_error()) => {
                return Err(refused("it is held by another program, such as an acquisition, or by the kernel".into()));
            }
            Err(error) => return Err(failed(error)),
        };
        let serial = disk.identity_facts().get("serial").and_then(Fact::text);
        let token = match serial {
            Some(serial) => Token::Serial(serial),
            None => Token::Bytes(disk.size_bytes().map_err(failed)?),
        };
        Ok(Self { disk, _alone: alone, token })
    }

    /// What has to be given.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// Makes disk and partitions writable if the right serial number is given, and notes it.
    ///
    /// # Errors
    ///
    /// [`RescueError::Refused`] if it is another, [`RescueError::State`] if the act cannot be noted,
    /// [`RescueError::Device`] if the kernel does not do it.
    pub fn make_writable(self, given: &str, state: &State, clock: &dyn Clock) -> Result<Act, RescueError> {
        if !self.token.matches(given) {
            return Err(RescueError::Refused { device: self.disk.name(), reason: self.token.reason(given) });
        }
        let act = Act::upon(&self.disk, ActKind::Writable, clock.now(), None);
        // Noted first: the guard would set the flag again.
        state.note(&act)?;
        for device in std::iter::once(&self.disk).chain(&self.disk.partitions()) {
            device.set_read_only(false).map_err(|source| RescueError::Device {
                doing: "make writable",
                device: device.name(),
                source,
            })?;
        }
        Ok(act)
    }
}

fn open(path: &Path, more: OFlags) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | more;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_serial_number_opens_a_disk() {
        let token = Token::Serial("WD-WCC4N1".to_owned());
        assert!(token.matches("WD-WCC4N1") && token.matches(" WD-WCC4N1\n"));
        for given in ["", "WD", "wd-wcc4n1", "WD-WCC4N12"] {
            assert!(!token.matches(given), "{given}");
        }
        assert_eq!(token.reason("WD\u{1b}"), "its serial number is `WD-WCC4N1`, not `WD\\u{1b}`");
    }

    #[test]
    fn a_disk_without_a_serial_number_is_known_by_its_length() {
        let token = Token::Bytes(512);
        assert!(token.matches("512"));
        assert!(!token.matches("") && !token.matches("51") && !token.matches("none"));
    }

    #[test]
    fn a_file_is_no_destination() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Candidate::at(file.path()).unwrap_err().to_string().contains("it is no block device"));
    }
}
