//! The paragraphs of `status` (deb-control(5); dpkg 1.21, lib/dpkg/parse.c and fields.c).

use super::lists::{digest, path};
use crate::entry::FileFlags;
use crate::package::PackageState;

/// Bytes of a name, a version or an architecture that are kept.
const VALUE_BYTES: usize = 1024;

/// A conffile as a paragraph has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conffile {
    /// Its path.
    pub path: Vec<u8>,
    /// The MD5 of the content that the package brought; `None` if the paragraph has none (`newconffile`).
    pub digest: Option<[u8; 16]>,
    /// Whether the installed version no longer has it.
    pub is_obsolete: bool,
}

impl Conffile {
    pub(super) fn flags(&self) -> FileFlags {
        let obsolete = if self.is_obsolete { FileFlags::OBSOLETE } else { FileFlags::default() };
        FileFlags::CONFIG.with(obsolete)
    }
}

/// What a paragraph says of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paragraph {
    /// `Package`.
    pub name: Vec<u8>,
    /// `Version`.
    pub version: Vec<u8>,
    /// `Architecture`.
    pub architecture: Vec<u8>,
    /// `Maintainer`.
    pub maintainer: Vec<u8>,
    /// The last word of `Status`: `None` if the package is not installed.
    pub state: Option<PackageState>,
    /// Whether it may be installed for several architectures (`Multi-Arch: same`).
    pub is_multiarch_same: bool,
    /// `Conffiles`.
    pub conffiles: Vec<Conffile>,
}

/// The paragraphs with a name. Lines of no form are passed over.
pub fn paragraphs(bytes: &[u8]) -> impl Iterator<Item = Paragraph> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    std::iter::from_fn(move || {
        loop {
            let mut reading = Reading::default();
            let is_end = loop {
                match lines.next() {
                    None => break true,
                    Some(line) if line.iter().all(u8::is_ascii_whitespace) => break false,
                    Some(line) => reading.line(line),
                }
            };
            if !reading.paragraph.name.is_empty() {
                return Some(reading.end());
            }
            if is_end {
                return None;
            }
        }
    })
}

/// A paragraph under way.
#[derive(Default)]
struct Reading {
    paragraph: Paragraph,
    has_status: bool,
    in_conffiles: bool,
}

impl Reading {
    fn line(&mut self, line: &[u8]) {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if self.in_conffiles {
                self.paragraph.conffiles.extend(conffile(line.trim_ascii()));
            }
            return;
        }
        let Some(colon) = memchr::memchr(b':', line) else { return };
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let short = value.get(..value.len().min(VALUE_BYTES)).unwrap_or_default();
        self.in_conffiles = name.eq_ignore_ascii_case(b"conffiles");
        let paragraph = &mut self.paragraph;
        match name.to_ascii_lowercase().as_slice() {
            b"package" => paragraph.name = short.to_vec(),
            b"version" => paragraph.version = short.to_vec(),
            b"architecture" => paragraph.architecture = short.to_vec(),
            b"maintainer" => paragraph.maintainer = short.to_vec(),
            b"multi-arch" => paragraph.is_multiarch_same = value == b"same",
            b"status" => {
                self.has_status = true;
                paragraph.state = PackageState::of_name(words(value).nth(2).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn end(mut self) -> Paragraph {
        // A name leads into the folders of the database.
        self.paragraph.name.retain(|byte| *byte != b'/' && *byte != 0);
        self.paragraph.architecture.retain(|byte| *byte != b'/' && *byte != 0);
        if !self.has_status {
            // Paragraphs of `status.d` and of package files have none.
            self.paragraph.state = Some(PackageState::Installed);
        }
        self.paragraph
    }
}

fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

/// A line of `Conffiles`: the path, which may have blanks, the digest, and marks (`f_conffiles` of lib/dpkg/fields.c).
fn conffile(line: &[u8]) -> Option<Conffile> {
    let (mut rest, mut is_obsolete) = (line, false);
    loop {
        if let Some(before) = rest.strip_suffix(b" obsolete") {
            (rest, is_obsolete) = (before, true);
        } else if let Some(before) = rest.strip_suffix(b" remove-on-upgrade") {
            rest = before;
        } else {
            break;
        }
    }
    let blank = memchr::memrchr(b' ', rest)?;
    let (name, sum) = rest.split_at_checked(blank)?;
    Some(Conffile { path: path(name.trim_ascii())?, digest: digest(sum.trim_ascii()), is_obsolete })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATUS: &[u8] = b"\
Package: apache2
Status: install ok installed
Architecture: amd64
Maintainer: Debian <x@y>
Version: 2.4.62-1
Conffiles:
 /etc/apache2/a b.conf d41d8cd98f00b204e9800998ecf8427e
 /etc/old d41d8cd98f00b204e9800998ecf8427e remove-on-upgrade obsolete
 /etc/new newconffile
Description: a server
 of pages

Package: gone
Status: deinstall ok not-installed


Package: libc6
status: hold ok half-configured
multi-arch: same
Architecture: i386

no field
";

    #[test]
    fn paragraphs_tell_state_and_conffiles() {
        let found: Vec<Paragraph> = paragraphs(STATUS).collect();
        assert_eq!(found.len(), 3);
        let apache = &found[0];
        assert_eq!(
            (apache.name.as_slice(), apache.version.as_slice()),
            (b"apache2".as_slice(), b"2.4.62-1".as_slice())
        );
        assert_eq!(apache.state, Some(PackageState::Installed));
        let conffiles: Vec<_> =
            apache.conffiles.iter().map(|it| (it.path.as_slice(), it.digest.is_some(), it.is_obsolete)).collect();
        let expected: [(&[u8], bool, bool); 3] =
            [(b"/etc/apache2/a b.conf", true, false), (b"/etc/old", true, true), (b"/etc/new", false, false)];
        assert_eq!(conffiles, expected);
        assert_eq!(found[1].state, None);
        assert_eq!((found[2].state, found[2].is_multiarch_same), (Some(PackageState::HalfConfigured), true));
    }

    #[test]
    fn a_name_leads_out_of_no_folder() {
        let found: Vec<Paragraph> = paragraphs(b"Package: ../../etc/x\n").collect();
        assert_eq!(found[0].name, b"....etcx");
        assert_eq!(found[0].state, Some(PackageState::Installed));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut status = STATUS.to_vec();
            status.splice(40..60, bytes.iter().copied());
            let _ = paragraphs(&status).count() + paragraphs(&bytes).count();
        }
    }
}
