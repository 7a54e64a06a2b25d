//! A `.deb`: `debian-binary`, `control.tar` and `data.tar`, the latter two compressed (deb(5)).

use super::ar::{Member, members};
use super::{Gathered, Original, OriginalFile, tar};
use crate::dpkg;
use crate::entry::{FileFlags, Verify};
use crate::package::{Manager, Package, PackageState};
use kanshiki_filesystem::NodeType;
use kanshiki_image::{ReadAt as _, Source, Window};
use kanshiki_model::{Algorithm, ByteRange, Hasher};
use kanshiki_walk::contents::RangeReader;
use kanshiki_walk::decompress::{Compression, Content};
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes of a file of `control.tar` that are read.
const CONTROL_BYTES: u64 = 16 << 20;

/// Reads a package.
pub(super) fn read(source: &Source) -> Result<Original, String> {
    let members = members(&**source).map_err(|damage| format!("byte {}: {}", damage.range.start, damage.text))?;
    let control = control(source, part(&members, b"control.tar")?)?;
    let paragraph = dpkg::paragraphs(&control.control).next().ok_or("its `control` names no package")?;
    let package = Package {
        manager: Manager::Dpkg,
        name: paragraph.name,
        version: paragraph.version,
        architecture: paragraph.architecture,
        state: PackageState::Installed,
        installed: None,
        vendor: paragraph.maintainer,
        from_original: true,
    };
    let files = files(source, part(&members, b"data.tar")?, &control.conffiles)?;
    Ok(Original { package, files })
}

fn part<'m>(members: &'m [Member], name: &[u8]) -> Result<&'m Member, String> {
    let found = members.iter().find(|member| {
        let ending = member.name.strip_prefix(name);
        ending.is_some_and(|ending| ending.is_empty() || ending.starts_with(b"."))
    });
    found.ok_or_else(|| format!("has no {}", kanshiki_model::visible(name)))
}

/// Goes through an archive, compressed or not.
fn archive(
    source: &Source,
    member: &Member,
    each: &mut dyn FnMut(tar::Member, &mut dyn Read) -> io::Result<bool>,
) -> Result<(), String> {
    let name = kanshiki_model::visible(&member.name);
    let window = Window::new(Arc::clone(source), member.range);
    let mut head = [0; 16];
    let read = window.read_at(0, &mut head).map_err(|error| format!("{name}: {error}"))?;
    let result = match Compression::sniff(head.get(..read).unwrap_or_default()) {
        Some(compression) => {
            Content::new(compression, &window).and_then(|mut content| tar::members(&mut content, each))
        }
        None => {
            let mut plain = RangeReader::new(&window, ByteRange::new(0, window.len()));
            tar::members(&mut plain, each)
        }
    };
    result.map_err(|error| format!("{name}: {error}"))
}

/// What is taken out of `control.tar`.
#[derive(Default)]
struct Control {
    control: Vec<u8>,
    conffiles: HashSet<Vec<u8>>,
}

fn control(source: &Source, member: &Member) -> Result<Control, String> {
    let mut found = Control::default();
    archive(source, member, &mut |member, content| {
        let name = path(&member.path);
        if name != b"/control" && name != b"/conffiles" {
            return Ok(true);
        }
        let mut bytes = Vec::new();
        content.take(CONTROL_BYTES).read_to_end(&mut bytes)?;
        match name.as_slice() {
            b"/control" => found.control = bytes,
            // Some lines say what is to become of the conffile, and the path behind it (deb-conffiles(5)).
            _ => found
                .conffiles
                .extend(bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"/")).map(path)),
        }
        Ok(true)
    })?;
    Ok(found)
}

fn files(
    source: &Source,
    member: &Member,
    conffiles: &HashSet<Vec<u8>>,
) -> Result<BTreeMap<Vec<u8>, OriginalFile>, String> {
    let mut gathered = Gathered::default();
    let mut buffer = vec![0; 64 << 10];
    archive(source, member, &mut |member, content| {
        let name = path(&member.path);
        let further = member.is_hard_link.then(|| gathered.files.get(&path(&member.target)).cloned()).flatten();
        let mut file = match further {
            Some(first) => first,
            None => file(&member, content, &mut buffer)?,
        };
        file.flags = if conffiles.contains(&name) { FileFlags::CONFIG } else { FileFlags::default() };
        gathered.add(name, file).map_err(io::Error::other)?;
        Ok(true)
    })?;
    Ok(gathered.files)
}

fn file(member: &tar::Member, content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<OriginalFile> {
    let is_file = member.node_type == NodeType::File;
    let (digest, database_digest) = if is_file { digests(content, buffer)? } else { Default::default() };
    let is_link = member.node_type == NodeType::Symlink;
    let is_device = matches!(member.node_type, NodeType::CharacterDevice | NodeType::BlockDevice);
    let (major, minor) = member.device;
    Ok(OriginalFile {
        node_type: member.node_type,
        mode: type_bits(member.node_type) | member.mode,
        size: is_file.then_some(member.size),
        modified: is_file.then_some(member.modified),
        digest,
        database_digest,
        link_target: is_link.then(|| member.target.clone()),
        owner: member.owner.clone(),
        group: member.group.clone(),
        numbers: Some((member.uid, member.gid)),
        // dpkg has no capabilities in its packages; scripts of packages may give them.
        capabilities: None,
        device: is_device.then(|| u16::try_from((major & 0xff) << 8 | minor & 0xff).ok()).flatten(),
        flags: FileFlags::default(),
        verify: Verify::ALL,
    })
}

/// SHA-256 to hold the image against, and MD5 to hold its database against.
fn digests(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut strong, mut database) = (Hasher::new(Algorithm::Sha256), Hasher::new(Algorithm::Md5));
    loop {
        let read = content.read(buffer)?;
        if read == 0 {
            return Ok((strong.finish().as_bytes().to_vec(), database.finish().as_bytes().to_vec()));
        }
        let part = buffer.get(..read).unwrap_or_default();
        strong.update(part);
        database.update(part);
    }
}

/// The type in a mode (Linux, include/uapi/linux/stat.h).
const fn type_bits(node_type: NodeType) -> u16 {
    match node_type {
        NodeType::File => 0o100_000,
        NodeType::Directory => 0o040_000,
        NodeType::Symlink => 0o120_000,
        NodeType::CharacterDevice => 0o020_000,
        NodeType::BlockDevice => 0o060_000,
        NodeType::Fifo => 0o010_000,
        NodeType::Socket => 0o140_000,
        NodeType::Unknown => 0,
    }
}

/// A path of an archive with one slash in front and none at the end; `./` is the root, which dpkg's lists have as `/.`.
fn path(path: &[u8]) -> Vec<u8> {
    dpkg::plain_path(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::originals::tar::tests::{block, header};
    use kanshiki_image::Memory;
    use proptest::prelude::*;

    const CONTROL: &str = "Package: p\nVersion: 1-2\nArchitecture: all\nMaintainer: A\n";

    fn made() -> Vec<u8> {
        let tar = |members: &[Vec<u8>]| [members.concat(), vec![0; 1024]].concat();
        let control = tar(&[
            header("./control", b'0', CONTROL.len(), ""),
            block(CONTROL),
            header("./conffiles", b'0', 7, ""),
            block("/etc/x\n"),
        ]);
        let data = tar(&[
            header("./", b'5', 0, ""),
            header("./etc/x", b'0', 0, ""),
            header("./etc/y", b'1', 0, "./etc/x"),
            header("./etc/z", b'2', 0, "x"),
        ]);
        let member = |name: &str, content: &[u8]| {
            [format!("{name:16}{:12}{:6}{:6}{:8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).as_bytes(), content]
                .concat()
        };
        [
            b"!<arch>\n".as_slice(),
            &member("debian-binary", b"2.0\n"),
            &member("control.tar", &control),
            &member("data.tar", &data),
        ]
        .concat()
    }

    fn read(bytes: Vec<u8>) -> Result<Original, String> {
        super::read(&(Arc::new(Memory(bytes)) as Source))
    }

    #[test]
    fn files_are_given_with_digests_and_further_names_with_those_of_the_first() {
        let found = read(made()).unwrap();
        assert_eq!(found.package.to_string(), "p 1-2 all");
        let paths: Vec<&[u8]> = found.files.keys().map(Vec::as_slice).collect();
        assert_eq!(paths, [b"/".as_slice(), b"/etc/x", b"/etc/y", b"/etc/z"]);
        let (x, y) = (&found.files[b"/etc/x".as_slice()], &found.files[b"/etc/y".as_slice()]);
        assert_eq!((x.flags, y.flags), (FileFlags::CONFIG, FileFlags::default()));
        assert_eq!(
            (x.mode, &x.digest, kanshiki_model::hex(&x.database_digest)),
            (0o104_755, &y.digest, "d41d8cd98f00b204e9800998ecf8427e".to_owned())
        );
        assert_eq!(found.files[b"/etc/z".as_slice()].link_target.as_deref(), Some(b"x".as_slice()));
    }

    #[test]
    fn a_package_that_is_cut_off_says_where() {
        let bytes = made();
        assert!(read(bytes[..bytes.len() - 700].to_vec()).unwrap_err().contains("reaches past the end of the archive"));
        assert_eq!(read(bytes[..72].to_vec()).unwrap_err(), "has no control.tar");
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(place in 0..7000_usize, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut package = made();
            for (there, byte) in package.iter_mut().skip(place).zip(&bytes) {
                *there = *byte;
            }
            let _ = read(package);
        }
    }
}
