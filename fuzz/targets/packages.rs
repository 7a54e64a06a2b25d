//! Databases of packages: those of rpm with their headers, and the files of dpkg; and what differs from them.
#![no_main]

use kanshiki_filesystem::{Capabilities, MemoryFileSystem, NodeType, View, Volume};
use kanshiki_image::Memory;
use kanshiki_model::Silent;
use kanshiki_packages::originals::{ar, tar};
use kanshiki_packages::rpm::header::{Header, tag};
use kanshiki_packages::{Packages, VerifyEvent, doubts, dpkg, is_told, line, survey, verify};
use libfuzzer_sys::fuzz_target;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A filesystem in which these bytes are each file of the databases.
fn made(bytes: &[u8]) -> View {
    let mut filesystem = MemoryFileSystem::new();
    let mut folder =
        |path: &[&[u8]]| path.iter().fold(2, |parent, name| filesystem.add(parent, name, NodeType::Directory, b""));
    let (dpkg, rpm, etc) =
        (folder(&[b"var", b"lib", b"dpkg"]), folder(&[b"usr", b"lib", b"sysimage", b"rpm"]), folder(&[b"etc"]));
    let info = filesystem.add(dpkg, b"info", NodeType::Directory, b"");
    let status: &[u8] = b"Package: a\nStatus: install ok installed\nArchitecture: all\n\n";
    filesystem.add(dpkg, b"status", NodeType::File, &[status, bytes].concat());
    for name in [b"diversions".as_slice(), b"statoverride"] {
        filesystem.add(dpkg, name, NodeType::File, bytes);
    }
    for name in [b"a.list".as_slice(), b"a.md5sums"] {
        filesystem.add(info, name, NodeType::File, bytes);
    }
    for name in [b"Packages".as_slice(), b"Packages.db", b"rpmdb.sqlite"] {
        filesystem.add(rpm, name, NodeType::File, bytes);
    }
    for name in [b"passwd".as_slice(), b"group"] {
        filesystem.add(etc, name, NodeType::File, bytes);
    }
    View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) })
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = Header::parse(bytes) {
        assert!(header.bytes() <= bytes.len() as u64);
        assert!(header.immutable().is_none_or(|region| region.len() <= bytes.len() + 16));
        for tag in tag::NAME..=tag::FILEVERIFYFLAGS {
            let _ = (header.texts(tag).count(), header.numbers(tag).len());
        }
    }
    let _ = dpkg::paragraphs(bytes).count();
    for member in ar::members(&Memory(bytes.to_vec())).unwrap_or_default() {
        assert!(member.range.end <= bytes.len() as u64);
    }
    let _ = tar::members(&mut { bytes }, &mut |member, content| {
        let read = std::io::copy(content, &mut std::io::sink())?;
        assert!(read <= member.size && member.mode <= 0o7777);
        Ok(true)
    });
    if let Some(capabilities) = Capabilities::of_text(bytes) {
        assert_eq!(Capabilities::of_text(capabilities.to_string().as_bytes()), Some(capabilities));
    }
    let view = made(bytes);
    let packages = Packages::read(&view);
    let entries = packages.entries().len() as u64;
    for entry in packages.entries().take(50) {
        assert!(packages.of(entry.place).any(|other| other.path == entry.path));
    }
    let verified = verify(&view, &packages, &Silent, &mut |event| {
        if let VerifyEvent::Checked(checked) = event {
            let _ = is_told(&checked.entry, &checked.difference);
            assert!(!line(&checked.entry, &checked.difference).chars().any(char::is_control));
        }
        ControlFlow::Continue(())
    });
    assert!(verified.is_whole && verified.entries == entries);
    let _ = doubts(&view, &packages);
    survey(&view, &packages, &mut |_| ControlFlow::Continue(()));
});
