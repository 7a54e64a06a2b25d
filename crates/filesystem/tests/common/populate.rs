//! Trees with one of everything.

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, lsetxattr, mknodat, utimensat};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;

/// Bytes without a pattern that a digest could miss, the same for the same seed.
pub fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// One of everything that every filesystem of the family can hold.
pub fn everything(root: &Path) {
    contents(root);
    names(root);
    special(root);
    times(root);
    owners(root);
    removed(root);
}

fn contents(root: &Path) {
    let folder = root.join("contents");
    fs::create_dir(&folder).unwrap();
    for size in [0, 1, 59, 60, 61, 100, 160, 1023, 1024, 4095, 4096, 4097, 70_000, 300_000, 3_000_000] {
        fs::write(folder.join(format!("{size} bytes")), noise(size, size as usize)).unwrap();
    }
    sparse(&folder.join("sparse"), 4096, 30, 100_000);
    let kept = fs::File::create(folder.join("kept")).unwrap();
    // ext2 and ext3 cannot keep blocks.
    let _ = rustix::fs::fallocate(&kept, rustix::fs::FallocateFlags::empty(), 0, 100_000);
    kept.write_all_at(&noise(1, 5000), 20_000).unwrap();
    kept.set_len(150_000).unwrap();
}

/// A file with `count` pieces of `piece` bytes, each `stride` bytes after the one before.
pub fn sparse(path: &Path, piece: usize, count: u64, stride: u64) {
    let file = fs::File::create(path).unwrap();
    for number in 0..count {
        file.write_all_at(&noise(number, piece), number * stride).unwrap();
    }
    file.set_len(count * stride).unwrap();
}

fn names(root: &Path) {
    let folder = root.join("names");
    fs::create_dir(&folder).unwrap();
    for number in 0..400 {
        fs::write(folder.join(format!("file number {number}")), format!("{number}")).unwrap();
    }
    let odd: [&[u8]; 5] = [b"\xff\xfe invalid", b"line\nbreak", b"\x1b[31mred", "\u{202e}gpj.exe".as_bytes(), b" "];
    for name in odd {
        fs::write(folder.join(OsStr::from_bytes(name)), name).unwrap();
    }
    fs::write(folder.join("n".repeat(255)), "long").unwrap();
    for count in 0..6_usize {
        let small = folder.join(format!("directory of {count}"));
        fs::create_dir(&small).unwrap();
        (0..count)
            .for_each(|number| fs::write(small.join(format!("entry {number} {}", "x".repeat(count * 5))), "").unwrap());
    }
    let mut deep = folder.join("deep");
    for number in 0..30 {
        fs::create_dir(&deep).unwrap();
        deep = deep.join(number.to_string());
    }
}

fn special(root: &Path) {
    let folder = root.join("special");
    fs::create_dir(&folder).unwrap();
    for length in [1, 59, 60, 61, 500, 1000] {
        std::os::unix::fs::symlink("t".repeat(length), folder.join(format!("link of {length}"))).unwrap();
    }
    let node = |name: &str, kind, device| mknodat(CWD, folder.join(name), kind, Mode::from(0o640), device).unwrap();
    node("fifo", FileType::Fifo, 0);
    node("socket", FileType::Socket, 0);
    node("null", FileType::CharacterDevice, rustix::fs::makedev(1, 3));
    node("far", FileType::BlockDevice, rustix::fs::makedev(259, 70_000));
    fs::write(folder.join("one"), "linked").unwrap();
    fs::hard_link(folder.join("one"), folder.join("two")).unwrap();
    fs::set_permissions(folder.join("one"), fs::Permissions::from_mode(0o6755)).unwrap();
}

fn times(root: &Path) {
    let folder = root.join("times");
    fs::create_dir(&folder).unwrap();
    let moments =
        [(-5, 7), (0, 1), (2_147_483_647, 999_999_999), (2_147_483_648, 3), (4_300_000_000, 0), (9_000_000_000, 5)];
    for (number, (seconds, nanoseconds)) in moments.into_iter().enumerate() {
        let path = folder.join(number.to_string());
        fs::write(&path, "").unwrap();
        let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

fn owners(root: &Path) {
    let folder = root.join("owners");
    fs::create_dir(&folder).unwrap();
    for owner in [0, 1000, 65_535, 65_536, 4_000_000_000_u32] {
        let path = folder.join(owner.to_string());
        fs::write(&path, "").unwrap();
        std::os::unix::fs::lchown(&path, Some(owner), Some(owner / 2)).unwrap();
    }
    let path = folder.join("attributes");
    fs::write(&path, "").unwrap();
    attributes(&path, 300);
    let path = folder.join("few attributes");
    fs::write(&path, "").unwrap();
    set(&path, "user.a", b"1");
}

/// Sets an attribute.
pub fn set(path: &Path, name: &str, value: &[u8]) {
    lsetxattr(path, name, value, XattrFlags::empty()).unwrap();
}

/// Sets attributes of every kind, one of them with a value of so many bytes.
pub fn attributes(path: &Path, longest: usize) {
    set(path, "user.long", &noise(9, longest));
    set(path, "user.empty", b"");
    set(path, "trusted.kanshiki", b"trusted");
    set(path, "security.capability", &[1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let none = [255; 4];
    let mut acl = vec![2, 0, 0, 0];
    for (tag, number) in [(1, none), (2, [0xe8, 3, 0, 0]), (4, none), (8, [0xe9, 3, 0, 0]), (0x10, none), (0x20, none)]
    {
        acl.extend_from_slice(&[tag, 0, 6, 0]);
        acl.extend_from_slice(&number);
    }
    set(path, "system.posix_acl_access", &acl);
}

fn removed(root: &Path) {
    let folder = root.join("removed");
    fs::create_dir(&folder).unwrap();
    for number in 0..100 {
        fs::write(folder.join(format!("removed {number}")), noise(number, 6000)).unwrap();
    }
    for number in (0..100).filter(|number| number % 3 != 0) {
        fs::remove_file(folder.join(format!("removed {number}"))).unwrap();
    }
}

/// A directory of so many names, some of which are removed again.
pub fn many(root: &Path, count: u32) {
    let folder = root.join("many");
    fs::create_dir(&folder).unwrap();
    let first = folder.join("name 0");
    fs::write(&first, "many").unwrap();
    for number in 1..count {
        // Hard links are quicker than files; an inode takes 65,000 of them.
        let name = folder.join(format!("name {number}"));
        if number % 1000 == 0 {
            fs::write(&name, "new").unwrap()
        } else {
            fs::hard_link(&first, &name).unwrap_or_else(|_| fs::write(&name, "").unwrap())
        }
    }
    for number in (1..count).filter(|number| number % 50 == 1) {
        fs::remove_file(folder.join(format!("name {number}"))).unwrap();
    }
}
