//! Reads files of settings out of the image.

use kanshiki_filesystem::{Follow, LookupError, NodeType, View};
use kanshiki_model::{ByteRange, EvidencePath};
use kanshiki_walk::contents::RangeReader;
use std::io::Read as _;

/// Bytes of a file of settings that are read.
const SETTINGS_BYTES: u64 = 1 << 20;

/// Names that one pattern may lead to.
const NAMES: usize = 1024;

/// A file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path, links followed.
    pub path: Vec<u8>,
    /// Its volume, as its index in the view.
    pub volume: usize,
    /// Its inode.
    pub inode: u64,
    /// The first MiB of its content.
    pub bytes: Vec<u8>,
    /// Whether that is all.
    pub is_whole: bool,
}

/// What a path leads to.
#[derive(Debug)]
pub enum Found {
    /// There is no such name.
    Nothing,
    /// A directory.
    Directory,
    /// A regular file.
    File(File),
    /// A device, a pipe or a socket.
    Other,
    /// It cannot be told, or cannot be read.
    Unreadable(String),
}

/// What a path leads to, with the content of a regular file.
pub fn open(view: &View, path: &[u8]) -> Found {
    let located = match view.lookup(&EvidencePath::from_bytes(path), Follow::All) {
        Ok(located) => located,
        Err(LookupError::NotFound { .. } | LookupError::NotADirectory { .. }) => return Found::Nothing,
        Err(error) => return Found::Unreadable(error.to_string()),
    };
    match located.node.node_type {
        NodeType::File => {}
        NodeType::Directory => return Found::Directory,
        _ => return Found::Other,
    }
    let Some(filesystem) = view.filesystem(located.place) else { return Found::Nothing };
    let source = match filesystem.content(located.place.node) {
        Ok(source) => source,
        Err(error) => return Found::Unreadable(error.to_string()),
    };
    let range = ByteRange::new(0, source.len().min(SETTINGS_BYTES));
    let mut bytes = Vec::new();
    if let Err(error) = RangeReader::new(&*source, range).read_to_end(&mut bytes) {
        return Found::Unreadable(error.to_string());
    }
    Found::File(File {
        path: located.path.as_bytes().to_vec(),
        volume: located.place.volume,
        inode: located.place.node.inode,
        bytes,
        is_whole: source.len() <= SETTINGS_BYTES,
    })
}

/// The first bytes of a regular file; `None` if there is none that can be read.
pub fn read(view: &View, path: &[u8]) -> Option<Vec<u8>> {
    match open(view, path) {
        Found::File(file) => Some(file.bytes),
        _ => None,
    }
}

/// The paths that a pattern leads to, in the order of their names: `*`, `?` and `[…]` stand for parts of one name. At most
/// 1024, and of directories whose entries are damaged those before the damage.
pub fn paths(view: &View, pattern: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = vec![Vec::new()];
    for name in pattern.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        let mut next = Vec::new();
        for directory in found {
            if next.len() >= NAMES {
                break;
            }
            if name.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
                names(view, &directory, name, &mut next);
            } else {
                next.push([&directory, b"/".as_slice(), name].concat());
            }
        }
        next.truncate(NAMES);
        found = next;
    }
    found
}

/// A path of a setting with `*` for what is put in when the file is opened: `%Y%m%d` of strftime(3),
/// `$host`, `${HOST}` and `$(function …)`.
pub fn pattern(path: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::new();
    let mut rest = path;
    while let Some((byte, behind)) = rest.split_first() {
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'{' | b'}');
        let end = match (byte, behind.first()) {
            (b'%', _) => 1,
            (b'$', Some(b'(')) => memchr::memchr(b')', behind).map_or(behind.len(), |end| end.saturating_add(1)),
            (b'$', _) => behind.iter().take_while(is_name).count(),
            _ => {
                pattern.push(*byte);
                rest = behind;
                continue;
            }
        };
        rest = behind.get(end..).unwrap_or_default();
        if !pattern.ends_with(b"*") {
            pattern.push(b'*');
        }
    }
    pattern
}

/// The path of a file, which need not be there, as it is without links in its directories, such as `/etc/httpd/logs` for
/// `/var/log/httpd`; of a pattern those before the first `*` are looked at.
pub fn real(view: &View, path: Vec<u8>) -> Vec<u8> {
    let star = memchr::memchr(b'*', &path).unwrap_or(path.len());
    let literal = path.get(..star).unwrap_or_default();
    let Some(slash) = literal.iter().rposition(|byte| *byte == b'/').filter(|slash| *slash > 0) else { return path };
    let (directory, name) = path.split_at_checked(slash).unwrap_or_default();
    match view.lookup(&EvidencePath::from_bytes(directory), Follow::All) {
        Ok(found) => [found.path.as_bytes(), name].concat(),
        Err(_) => path,
    }
}

/// Adds the paths of the entries of a directory that are of a form.
fn names(view: &View, directory: &[u8], form: &[u8], paths: &mut Vec<Vec<u8>>) {
    let path = if directory.is_empty() { b"/".as_slice() } else { directory };
    let Ok(found) = view.lookup(&EvidencePath::from_bytes(path), Follow::All) else { return };
    let Ok(entries) = view.children(found.place) else { return };
    let names = entries.map_while(Result::ok).map(|entry| entry.name);
    let names = names.filter(|name| !name.starts_with(b".") && is_like(name, form));
    let mut names: Vec<_> = names.take(NAMES).collect();
    names.sort_unstable();
    paths.extend(names.iter().map(|name| [directory, b"/".as_slice(), name].concat()));
}

/// Whether a name is of a form (glob(7)), in which `*` takes slashes too. Goes back to the last `*` alone, so that it takes no more than both lengths
/// multiplied.
pub fn is_like(name: &[u8], form: &[u8]) -> bool {
    let (mut name, mut form) = (name, form);
    let mut back: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match form.split_first() {
            Some((b'*', rest)) => {
                back = Some((name, rest));
                form = rest;
                continue;
            }
            Some((b'[', rest)) => name.split_first().and_then(|(byte, name)| Some((name, class(*byte, rest)?))),
            Some((sign, rest)) => {
                name.split_first().filter(|(byte, _)| *sign == b'?' || *sign == **byte).map(|(_, name)| (name, rest))
            }
            None if name.is_empty() => return true,
            None => None,
        };
        match (step, back) {
            (Some(next), _) => (name, form) = next,
            (None, Some((from, behind))) => {
                let Some((_, from)) = from.split_first() else { return false };
                (name, form, back) = (from, behind, Some((from, behind)));
            }
            (None, None) => return false,
        }
    }
}

/// What stands behind `[…]`, if the byte is one of it.
fn class(byte: u8, form: &[u8]) -> Option<&[u8]> {
    let end = form.iter().skip(1).position(|sign| *sign == b']')?.checked_add(1)?;
    let (signs, rest) = form.split_at_checked(end)?;
    let (signs, negated) = match signs.split_first() {
        Some((b'!' | b'^', signs)) => (signs, true),
        _ => (signs, false),
    };
    let is_range = |range: &[u8]| matches!(range, [first, b'-', last] if (first..=last).contains(&&byte));
    let within = signs.contains(&byte) || signs.windows(3).any(is_range);
    (within != negated).then(|| rest.get(1..)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_filesystem::{MemoryFileSystem, Volume};
    use std::sync::Arc;

    #[test]
    fn patterns_lead_to_the_names_that_are_there() {
        let files =
            [("/etc/a/1.conf", "x"), ("/etc/a/.hidden.conf", ""), ("/etc/a/2.conf", ""), ("/etc/b/3.conf~", "")];
        let filesystem = MemoryFileSystem::of_paths(&files);
        let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
        let found = |pattern: &str| {
            let paths = paths(&view, pattern.as_bytes());
            paths.into_iter().map(|path| String::from_utf8(path).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(found("/etc/*/*.conf"), ["/etc/a/1.conf", "/etc/a/2.conf"]);
        assert_eq!(found("/etc/no/*.conf"), [""; 0]);
        assert_eq!(found("/etc/x"), ["/etc/x"]);
        assert_eq!(read(&view, b"/etc/a/1.conf").as_deref(), Some(b"x".as_slice()));
    }

    #[test]
    fn forms_of_names_are_those_of_the_shell() {
        for (name, form, is) in [
            ("a.conf", "*.conf", true),
            ("a.conf.bak", "*.conf", false),
            ("aXbXc", "a*X?", true),
            ("a1", "a[0-9]", true),
            ("ab", "a[!0-9]", true),
            ("a]", "a[]]", true),
            ("a", "a*", true),
            ("", "?", false),
        ] {
            assert_eq!(is_like(name.as_bytes(), form.as_bytes()), is, "{name} {form}");
        }
    }
}
