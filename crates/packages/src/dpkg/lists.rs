//! The lists of a package's files and of their MD5.

use crate::damage::Damage;
use kanshiki_image::bytes::length;
use kanshiki_model::visible;

/// Lines of a list that are told as damaged; more are only counted.
const TOLD: u64 = 8;

/// Bytes of a path that are kept (`PATH_MAX` of Linux, include/uapi/linux/limits.h).
const PATH_BYTES: usize = 4096;

/// A line of a list of sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The path, with a slash in front.
    pub path: Vec<u8>,
    /// The MD5 of its content.
    pub digest: [u8; 16],
}

/// The paths of a list, as dpkg reads them (`ensure_packagefiles_available` of dpkg 1.21, lib/dpkg/db-fsys-files.c).
pub fn list(bytes: &[u8], damaged: &mut dyn FnMut(Damage)) -> Vec<Vec<u8>> {
    let mut told = Told::new(damaged);
    let mut paths = Vec::new();
    for (offset, line) in lines(bytes) {
        match path(line) {
            Some(path) => paths.push(path),
            None => told.line(offset, line, "the path of a file was expected"),
        }
    }
    told.end(bytes);
    paths
}

/// The paths and digests of a list of sums, as dpkg reads them (`parse_filehash_buffer` of dpkg 1.21,
/// lib/dpkg/db-fsys-digest.c).
pub fn sums(bytes: &[u8], damaged: &mut dyn FnMut(Damage)) -> Vec<Sum> {
    let mut told = Told::new(damaged);
    let mut sums = Vec::new();
    for (offset, line) in lines(bytes) {
        let parts =
            line.split_at_checked(32).and_then(|(digits, rest)| Some((digest(digits)?, rest.strip_prefix(b"  ")?)));
        match parts.and_then(|(digest, rest)| Some(Sum { path: path(rest)?, digest })) {
            Some(sum) => sums.push(sum),
            None => told.line(offset, line, "32 hexadecimal digits, two blanks and a path were expected"),
        }
    }
    told.end(bytes);
    sums
}

/// An MD5 of 32 hexadecimal digits.
pub(super) fn digest(digits: &[u8]) -> Option<[u8; 16]> {
    let digits = std::str::from_utf8(digits).ok()?;
    let digest = kanshiki_model::Digest::parse(kanshiki_model::Algorithm::Md5, digits).ok()?;
    digest.as_bytes().try_into().ok()
}

/// A path of a list with one slash in front and none at the end (`fsys_hash_find_node` leaves out what stands before).
pub(super) fn path(line: &[u8]) -> Option<Vec<u8>> {
    let mut rest = line.strip_suffix(b"/").unwrap_or(line);
    while let Some(behind) = rest.strip_prefix(b"/").or_else(|| rest.strip_prefix(b"./")) {
        rest = behind;
    }
    let is_path = !line.is_empty() && line.len() <= PATH_BYTES && !rest.contains(&0);
    is_path.then(|| [b"/", rest].concat())
}

/// The lines, each with its offset; the last may have no end.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut offset = 0_u64;
    let lines = bytes.split(|byte| *byte == b'\n').map(move |line| {
        let start = offset;
        offset = offset.saturating_add(length(line.len())).saturating_add(1);
        (start, line)
    });
    // Behind the last line break stands no line.
    lines.filter(move |(start, line)| !line.is_empty() || *start < length(bytes.len()))
}

/// Tells the first damaged lines, and how many there are.
struct Told<'d> {
    damaged: &'d mut dyn FnMut(Damage),
    count: u64,
}

impl<'d> Told<'d> {
    fn new(damaged: &'d mut dyn FnMut(Damage)) -> Self {
        Self { damaged, count: 0 }
    }

    fn line(&mut self, offset: u64, line: &[u8], expected: &str) {
        self.count = self.count.saturating_add(1);
        if self.count <= TOLD {
            let shown = visible(line.get(..line.len().min(60)).unwrap_or_default());
            (self.damaged)(Damage::new(offset, length(line.len()), format!("{expected}, found `{shown}`")));
        }
    }

    fn end(self, bytes: &[u8]) {
        let more = self.count.saturating_sub(TOLD);
        if more > 0 {
            let text = format!("{more} more lines are damaged");
            (self.damaged)(Damage::new(0, length(bytes.len()), text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_are_read_as_dpkg_reads_them_and_damaged_lines_are_told() {
        let mut damage = Vec::new();
        let paths = list(b"/.\n/usr\n//usr/./bin/\n./etc/x\n\n/last line", &mut |found| damage.push(found));
        assert_eq!(paths, ["/.", "/usr", "/usr/./bin", "/etc/x", "/last line"].map(|path| path.as_bytes().to_vec()));
        assert_eq!(damage, [Damage::new(29, 0, "the path of a file was expected, found ``")]);
    }

    #[test]
    fn sums_are_read_as_dpkg_reads_them_and_damaged_lines_are_told() {
        let mut damage = Vec::new();
        let bytes = b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/a b\nd41d8cd98f00b204e9800998ecf8427e usr/x\nzz  y\n";
        let found = sums(bytes, &mut |found| damage.push(found.range.start));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_slice(), found[0].digest[0]), (b"/usr/bin/a b".as_slice(), 0xd4));
        assert_eq!(damage, [46, 85]);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let limit = u64::try_from(bytes.len()).unwrap();
            list(&bytes, &mut |damage| assert!(damage.range.end <= limit));
            sums(&bytes, &mut |damage| assert!(damage.range.end <= limit));
        }
    }
}
