//! Attributes of the kernel, read with bounds and made visible.

use kanshiki_model::{Fact, visible};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The longest attribute of sysfs that is read, in bytes; the kernel gives a page.
const ATTRIBUTE_BYTES: u64 = 64 << 10;

/// The longest table of /proc that is read, in bytes.
pub(crate) const TABLE_BYTES: u64 = 16 << 20;

/// Where the kernel shows its devices: `/sys`, `/proc` and `/dev`, or made-up trees in tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roots {
    pub(crate) sys: PathBuf,
    pub(crate) proc: PathBuf,
    pub(crate) dev: PathBuf,
}

impl Roots {
    /// Whether these are those of the running system.
    pub(crate) fn are_of_system(&self) -> bool {
        *self == Self::system()
    }

    /// Those of the running system.
    pub(crate) fn system() -> Self {
        Self { sys: PathBuf::from("/sys"), proc: PathBuf::from("/proc"), dev: PathBuf::from("/dev") }
    }
}

/// Opens for reading; never waits for a medium or for a writer, and never becomes the controlling terminal.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Reads at most `limit` bytes of a file; more is [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// Reads one attribute as it is.
pub(crate) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    read_limited(path, ATTRIBUTE_BYTES)
}

/// Reads one attribute as visible text without the blanks and zero bytes around it.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    Ok(visible(trim(&read_bytes(path)?)))
}

/// Reads one attribute that is a decimal number.
pub(crate) fn read_number(path: &Path) -> io::Result<u64> {
    let text = read_text(path)?;
    text.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("expected a number, found `{text}`")))
}

/// Bytes without the blanks and zero bytes with which devices pad their texts.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let padding = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let start = bytes.iter().position(|byte| !padding(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !padding(byte)).map_or(start, |last| last + 1);
    bytes.get(start..end).unwrap_or_default()
}

/// A path for people.
pub(crate) fn shown(path: &Path) -> String {
    visible(path.as_os_str().as_bytes())
}

/// Why an attribute has no value.
pub(crate) fn no_value(path: &Path, error: &io::Error) -> Fact {
    if error.kind() == io::ErrorKind::NotFound {
        Fact::unknown(format!("the kernel shows no {}", shown(path)))
    } else {
        Fact::unknown(format!("cannot read {}: {error}", shown(path)))
    }
}

/// An attribute as text; an empty one is no value.
pub(crate) fn text_fact(path: &Path) -> Fact {
    match read_text(path) {
        Ok(text) if text.is_empty() => Fact::unknown(format!("{} is empty", shown(path))),
        Ok(text) => Fact::probed(text, shown(path)),
        Err(error) => no_value(path, &error),
    }
}

/// An attribute as a number.
pub(crate) fn number_fact(path: &Path) -> Fact {
    match read_number(path) {
        Ok(number) => Fact::probed(number, shown(path)),
        Err(error) => no_value(path, &error),
    }
}

/// An attribute that is 0 or 1.
pub(crate) fn flag_fact(path: &Path) -> Fact {
    match read_number(path) {
        Ok(number) => Fact::probed(number != 0, shown(path)),
        Err(error) => no_value(path, &error),
    }
}

/// The first of several attributes that has a value; else the reason of the last.
pub(crate) fn first_text(paths: &[PathBuf]) -> Fact {
    let mut last = Fact::unknown("the kernel shows no such attribute");
    for path in paths {
        last = text_fact(path);
        if last.reason.is_none() {
            break;
        }
    }
    last
}

/// The names in a folder, sorted; none if it cannot be read. Names that are not UTF-8 are no devices.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_goes_and_inner_blanks_stay() {
        assert_eq!(trim(b"\0  WD My Book \n\0"), b"WD My Book");
        assert_eq!(trim(b" \0"), b"");
        assert_eq!(trim(b""), b"");
    }
}
