//! Names that no directory may hold, and names that stand in one twice, are told with their place by every listing.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test makes its own files and fails by panicking")]

mod common;

use common::image::{Image, tool};
use kanshiki_filesystem::{FileSystem, FsError};
use kanshiki_testkit::{Need, need, run, tempdir, write_file};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

const NEEDS: &[Need] = &[Need::Tool("mkfs.ext4"), Need::Tool("debugfs")];

/// The damage of names: where it lies, and what is told.
fn told(error: FsError) -> Option<(u64, String)> {
    match error {
        FsError::Damaged { structure: "directory entry", inode: Some(_), offset, detail } => Some((offset, detail)),
        _ => None,
    }
}

/// Overwrites names in the image by others of the same length.
fn rename(image: &Image, names: &[(&[u8], &[u8])]) {
    let mut bytes = std::fs::read(&image.path).unwrap();
    for (old, new) in names {
        assert_eq!(old.len(), new.len());
        let at = bytes.windows(old.len()).position(|window| window == *old).unwrap();
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    std::fs::write(&image.path, bytes).unwrap();
}

/// The names of a directory by where they lie.
type NamesByPlace = BTreeMap<u64, Vec<u8>>;

fn all_names(filesystem: &dyn FileSystem) -> (NamesByPlace, Vec<(u64, String)>) {
    let (mut names, mut damage) = (BTreeMap::new(), Vec::new());
    let folder = filesystem.lookup(filesystem.inode(2).unwrap().id, b"folder").unwrap().unwrap();
    for entry in filesystem.children(filesystem.inode(folder.inode).unwrap().id).unwrap() {
        match entry {
            Ok(entry) => drop(names.insert(entry.offset, entry.name)),
            Err(error) => damage.push(told(error).unwrap()),
        }
    }
    (names, damage)
}

#[test]
fn illegal_and_repeated_names_are_told_with_their_place_and_in_the_words_of_the_check() {
    if !need(NEEDS) {
        return;
    }
    for options in
        [&["-t", "ext2"][..], &["-t", "ext2", "-b", "1024"], &["-t", "ext4", "-O", "^metadata_csum,inline_data"]]
    {
        let source = tempdir();
        let folder = source.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        let count = if options.contains(&"ext4") { 0 } else { 300 };
        let others = (0..count).map(|number| format!("a file with the number {number}"));
        for name in others.chain(["qqone", "qqtwo", "qqsix", "up-and-up", "zero-name", "wow"].map(str::to_owned)) {
            write_file(&folder.join(name), b"x");
        }
        let image = Image::make(20 << 20, &[options, &["-d", source.path().to_str().unwrap()]].concat());
        let (sound, damage) = all_names(image.open().as_ref());
        assert_eq!((sound.len(), damage), (count + 8, Vec::new()), "{options:?}");
        let renamed: [(&[u8], &[u8]); 5] = [
            (b"qqtwo", b"qqone"),
            (b"qqsix", b"qqone"),
            (b"up-and-up", b"../../etc"),
            (b"zero-name", b"zero\0name"),
            (b"wow", b"a/b"),
        ];
        rename(&image, &renamed);
        let e2fsck = run(tool("e2fsck").arg("-fn").arg(&image.path));
        assert_ne!(e2fsck.code, 0, "{options:?}: {}", e2fsck.stdout);
        let filesystem = image.open();
        let (names, mut damage) = all_names(filesystem.as_ref());
        assert_eq!(names.len(), count + 8, "{options:?}: every entry is still given");
        damage.sort();
        let mut details: Vec<&str> = damage.iter().map(|(_, detail)| detail.as_str()).collect();
        details.sort_unstable();
        let slash = |name: &str| format!("`{name}` holds a slash or a NUL");
        let twice = "`qqone` stands there twice";
        let expected = [&slash("../../etc"), &slash("a/b"), twice, twice, &slash("zero\\u{0}name")];
        assert_eq!(details, expected, "{options:?}");
        for (offset, detail) in &damage {
            let name = kanshiki_model::visible(&names[offset]);
            assert!(detail.starts_with(&format!("`{name}` ")), "{options:?}: {detail} at the place of {name}");
        }
        let mut checked = Vec::new();
        filesystem.check(&mut |error| {
            checked.extend(told(error));
            ControlFlow::Continue(())
        });
        checked.sort();
        assert_eq!(checked, damage, "{options:?}: the check tells the same, once");
        let folder = filesystem.lookup(filesystem.inode(2).unwrap().id, b"folder").unwrap().unwrap();
        let folder = filesystem.inode(folder.inode).unwrap().id;
        assert_eq!(filesystem.lookup(folder, b"not there").unwrap(), None, "{options:?}");
        assert!(filesystem.lookup(folder, b"a/b").unwrap().is_some(), "{options:?}");
    }
}
