//! The files of a header: lists of equal length, in which each place is a file.

use super::header::{Header, Numbers, tag};
use crate::entry::{Expected, FileFlags, FileState, Owner, Verify};
use crate::packages::{Builder, NewEntry};
use kanshiki_filesystem::NodeType;
use kanshiki_model::Algorithm;
use std::ops::ControlFlow;

/// Bytes of a path that are kept (`PATH_MAX` of Linux, include/uapi/linux/limits.h).
const PATH_BYTES: usize = 4096;

/// Lists of numbers and texts of which the tag must have as many as there are files.
const LISTS: [(u32, &str); 15] = [
    (tag::FILEMODES, "FILEMODES"),
    (tag::FILEFLAGS, "FILEFLAGS"),
    (tag::FILEVERIFYFLAGS, "FILEVERIFYFLAGS"),
    (tag::FILESIZES, "FILESIZES"),
    (tag::LONGFILESIZES, "LONGFILESIZES"),
    (tag::FILESTATES, "FILESTATES"),
    (tag::FILEMTIMES, "FILEMTIMES"),
    (tag::FILERDEVS, "FILERDEVS"),
    (tag::FILEDIGESTS, "FILEDIGESTS"),
    (tag::FILELINKTOS, "FILELINKTOS"),
    (tag::FILEUSERNAME, "FILEUSERNAME"),
    (tag::FILEGROUPNAME, "FILEGROUPNAME"),
    (tag::FILECAPS, "FILECAPS"),
    (tag::DIRINDEXES, "DIRINDEXES"),
    (tag::BASENAMES, "BASENAMES"),
];

/// Adds the files of a header to a package; `damaged` takes in what is wrong.
pub(crate) fn add(
    header: &Header<'_>,
    package: u32,
    builder: &mut Builder,
    damaged: &mut dyn FnMut(&mut Builder, String),
) {
    let count = count(header);
    for (tag, name) in LISTS {
        let Some((said, offset)) = header.count(tag).filter(|(said, _)| usize::try_from(*said) != Ok(count)) else {
            continue;
        };
        damaged(builder, format!("byte {offset} of its header: {name} has {said} values for {count} files"));
    }
    let mut files = Files::of(header);
    if let Err(algorithm) = files.algorithm {
        let text =
            format!("its digests are of algorithm {algorithm}, which is not supported; contents are not compared");
        damaged(builder, text);
    }
    for (place, path) in paths(header).enumerate() {
        if !builder.entry(package, &files.next(place, &path)) {
            break;
        }
    }
}

/// Hands on the files of a header, until no more is wanted.
pub(crate) fn each(header: &Header<'_>, take: &mut dyn FnMut(&NewEntry<'_>) -> ControlFlow<()>) {
    let mut files = Files::of(header);
    for (place, path) in paths(header).enumerate() {
        if take(&files.next(place, &path)).is_break() {
            break;
        }
    }
}

/// The number of files.
fn count(header: &Header<'_>) -> usize {
    match header.texts(tag::BASENAMES).count() {
        0 => header.texts(tag::OLDFILENAMES).count(),
        new => new,
    }
}

/// The paths, in the order of the header (`rpmfnInit` of rpm 4.18, lib/rpmfi.c). Those of packages from before rpm 4 stand in one
/// list. They are made one by one: a few bytes of a hostile header may stand for long ones.
fn paths<'h>(header: &Header<'h>) -> impl Iterator<Item = Vec<u8>> + use<'h> {
    let old = header.texts(tag::OLDFILENAMES).map(bounded);
    let folders: Vec<&[u8]> = header.texts(tag::DIRNAMES).collect();
    let numbers = header.numbers(tag::DIRINDEXES);
    let new = header.texts(tag::BASENAMES).enumerate().map(move |(place, name)| {
        let folder = numbers.narrow::<usize>(place).and_then(|number| folders.get(number)).copied().unwrap_or(b"/");
        let folder = folder.get(..folder.len().min(PATH_BYTES)).unwrap_or_default();
        bounded(&[folder, name.get(..name.len().min(PATH_BYTES)).unwrap_or_default()].concat())
    });
    let has_new = header.count(tag::BASENAMES).is_some();
    new.chain(old.filter(move |_| !has_new))
}

/// A path with a slash in front.
fn bounded(path: &[u8]) -> Vec<u8> {
    let path = path.get(..path.len().min(PATH_BYTES)).unwrap_or_default();
    if path.starts_with(b"/") { path.to_vec() } else { [b"/", path].concat() }
}

/// Lists of texts, gone through file by file.
type Texts<'h> = Box<dyn Iterator<Item = &'h [u8]> + 'h>;

/// The lists of a header, gone through file by file.
struct Files<'h> {
    /// The algorithm of the digests, or its number if it is none that is known here.
    algorithm: Result<Algorithm, u64>,
    digest: Vec<u8>,
    digests: Texts<'h>,
    links: Texts<'h>,
    owners: Texts<'h>,
    groups: Texts<'h>,
    capabilities: Texts<'h>,
    has_capabilities: bool,
    modes: Numbers<'h>,
    sizes: Numbers<'h>,
    long_sizes: Numbers<'h>,
    times: Numbers<'h>,
    devices: Numbers<'h>,
    flags: Numbers<'h>,
    verify: Numbers<'h>,
    states: Numbers<'h>,
}

impl<'h> Files<'h> {
    fn of(header: &Header<'h>) -> Self {
        let texts = |tag: u32| -> Texts<'h> { Box::new(header.texts(tag)) };
        Self {
            algorithm: algorithm(header.number(tag::FILEDIGESTALGO)),
            digest: Vec::new(),
            digests: texts(tag::FILEDIGESTS),
            links: texts(tag::FILELINKTOS),
            owners: texts(tag::FILEUSERNAME),
            groups: texts(tag::FILEGROUPNAME),
            capabilities: texts(tag::FILECAPS),
            has_capabilities: header.count(tag::FILECAPS).is_some(),
            modes: header.numbers(tag::FILEMODES),
            sizes: header.numbers(tag::FILESIZES),
            long_sizes: header.numbers(tag::LONGFILESIZES),
            times: header.numbers(tag::FILEMTIMES),
            devices: header.numbers(tag::FILERDEVS),
            flags: header.numbers(tag::FILEFLAGS),
            verify: header.numbers(tag::FILEVERIFYFLAGS),
            states: header.numbers(tag::FILESTATES),
        }
    }

    /// The next file, which stands at this place of all lists.
    fn next<'a>(&'a mut self, place: usize, path: &'a [u8]) -> NewEntry<'a> {
        self.digest.clear();
        if let (Some(text), Ok(algorithm)) = (self.digests.next(), self.algorithm) {
            let digest =
                std::str::from_utf8(text).ok().and_then(|text| kanshiki_model::Digest::parse(algorithm, text).ok());
            self.digest.extend_from_slice(digest.as_ref().map(kanshiki_model::Digest::as_bytes).unwrap_or_default());
        }
        let mode: Option<u16> = self.modes.narrow(place);
        let node_type = mode.map(NodeType::from_mode);
        let is_sized = matches!(node_type, Some(NodeType::File | NodeType::Symlink));
        let is_device = matches!(node_type, Some(NodeType::CharacterDevice | NodeType::BlockDevice));
        let named =
            |name: Option<&'a [u8]>| name.filter(|name| !name.is_empty()).map(|name| Owner { name, number: None });
        let state = self.states.narrow(place).map_or(FileState::None, FileState::of_number);
        // Without a list of capabilities none are expected, as rpm sees it.
        let capabilities = self.capabilities.next();
        let expected = Expected {
            node_type,
            mode,
            size: self.sizes.get(place).or_else(|| self.long_sizes.get(place)).filter(|_| is_sized),
            modified: self.times.narrow(place),
            digest_bytes: &self.digest,
            link_target: self.links.next().filter(|_| node_type == Some(NodeType::Symlink)),
            owner: named(self.owners.next()),
            group: named(self.groups.next()),
            capabilities: if self.has_capabilities { capabilities } else { Some(b"") },
            device: self.devices.narrow(place).filter(|_| is_device),
        };
        NewEntry {
            path,
            diverted: None,
            expected,
            flags: FileFlags(self.flags.narrow(place).unwrap_or(0)),
            verify: Verify(self.verify.narrow(place).unwrap_or(0)),
            state,
        }
    }
}

/// The algorithm of this number (RFC 9580, section 9.5); MD5 where there is none.
fn algorithm(number: Option<u64>) -> Result<Algorithm, u64> {
    match number {
        None | Some(1) => Ok(Algorithm::Md5),
        Some(2) => Ok(Algorithm::Sha1),
        Some(8) => Ok(Algorithm::Sha256),
        Some(10) => Ok(Algorithm::Sha512),
        Some(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::header::tests::{Made, made};
    use kanshiki_filesystem::{MemoryFileSystem, View, Volume};
    use std::sync::Arc;

    fn added(bytes: &[u8]) -> (crate::Packages, Vec<String>) {
        let filesystem = MemoryFileSystem::of_paths(&[("/etc/passwd", "root:x:0:0\nmail:x:8:8\n")]);
        let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
        let mut builder = Builder::new(&view);
        let header = Header::parse(bytes).unwrap();
        let package = builder.package(crate::rpm::package(&header)).unwrap();
        let mut damage = Vec::new();
        add(&header, package, &mut builder, &mut |_, text| damage.push(text));
        (builder.finish(&view), damage)
    }

    #[test]
    fn each_place_of_the_lists_is_a_file() {
        let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let bytes = made(&[
            (tag::NAME, Made::Text("post")),
            (tag::VERSION, Made::Text("1")),
            (tag::RELEASE, Made::Text("2")),
            (tag::EPOCH, Made::U32(vec![3])),
            (tag::INSTALLTIME, Made::U32(vec![1_700_000_000])),
            (tag::BASENAMES, Made::Texts(vec!["b", "etc", "link"])),
            (tag::DIRNAMES, Made::Texts(vec!["/", "/usr/bin/"])),
            (tag::DIRINDEXES, Made::U32(vec![1, 0, 1])),
            (tag::FILEMODES, Made::U16(vec![0o104_755, 0o040_755, 0o120_777])),
            (tag::FILESIZES, Made::U32(vec![7, 4096, 3])),
            (tag::FILEMTIMES, Made::U32(vec![5, 6, 7])),
            (tag::FILEDIGESTS, Made::Texts(vec![sum, "", ""])),
            (tag::FILEDIGESTALGO, Made::U32(vec![8])),
            (tag::FILELINKTOS, Made::Texts(vec!["", "", "b"])),
            (tag::FILEFLAGS, Made::U32(vec![17, 0, 0])),
            (tag::FILEVERIFYFLAGS, Made::U32(vec![u32::MAX, 0, 1])),
            (tag::FILEUSERNAME, Made::Texts(vec!["mail", "root", "ghost"])),
            (tag::FILEGROUPNAME, Made::Texts(vec!["root", "root", "root"])),
            (tag::FILESTATES, Made::U8(vec![0, 1, 9])),
            (tag::FILECAPS, Made::Texts(vec!["cap_net_raw=ep", "", ""])),
        ]);
        let (packages, damage) = added(&bytes);
        assert_eq!(damage, [""; 0]);
        let package = packages.packages().next().unwrap();
        assert_eq!(package.to_string(), "post 3:1-2");
        assert_eq!(package.installed.unwrap().to_string(), "2023-11-14T22:13:20Z");
        let entries: Vec<_> = packages.entries().collect();
        let places: Vec<&[u8]> = entries.iter().map(|entry| entry.place).collect();
        assert_eq!(places, [b"/etc".as_slice(), b"/usr/bin/b", b"/usr/bin/link"]);
        let file = &entries[1];
        assert_eq!(file.expected.digest().unwrap().to_hex(), sum);
        assert_eq!(
            (file.expected.size, file.expected.modified, file.expected.mode),
            (Some(7), Some(5), Some(0o104_755))
        );
        assert_eq!(file.expected.owner.unwrap(), Owner { name: b"mail", number: Some(8) });
        assert_eq!(file.expected.capabilities, Some(b"cap_net_raw=ep".as_slice()));
        assert_eq!(file.flags.letter(), 'c');
        assert_eq!((entries[0].expected.size, entries[0].state), (None, FileState::Replaced));
        let link = &entries[2];
        assert_eq!((link.expected.link_target, link.state), (Some(b"b".as_slice()), FileState::Unknown));
        assert_eq!(link.expected.owner.unwrap().number, None);
        assert_eq!(packages.of(b"/usr/bin/b").count(), 1);
        assert_eq!(packages.of(b"/usr/bin").count(), 0);
    }

    #[test]
    fn lists_of_other_lengths_are_told_and_old_names_are_read() {
        let bytes = made(&[
            (tag::NAME, Made::Text("old")),
            (tag::OLDFILENAMES, Made::Texts(vec!["/bin/a", "relative"])),
            (tag::FILEMODES, Made::U16(vec![0o100_644])),
            (tag::FILEDIGESTALGO, Made::U32(vec![11])),
        ]);
        let (packages, damage) = added(&bytes);
        let offset = 8 + 4 * 16 + 4 + 16;
        assert_eq!(damage[0], format!("byte {offset} of its header: FILEMODES has 1 values for 2 files"));
        assert!(damage[1].contains("algorithm 11"));
        assert_eq!(packages.entries().map(|entry| entry.expected.mode).collect::<Vec<_>>(), [None, Some(0o100_644)]);
    }
}
