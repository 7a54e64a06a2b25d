//! Filesystems that the kernel was stopped in the middle of writing to.

use super::image::{Image, tool};
use super::populate::noise;
use super::tree;
use kanshiki_filesystem::{FileSystem, JournalState, JournalUse, OpenOptions};
use kanshiki_image::{RawFile, Source};
use kanshiki_testkit::{LoopAccess, LoopDevice, Mount, Need, run, tempdir};
use std::fs;
use std::path::Path;
use std::sync::Arc;

pub const NEEDS: &[Need] = &[Need::Root, Need::LoopDevices, Need::Mount, Need::Tool("mkfs.ext4"), Need::Tool("perl")];

/// Commit what is open, and write nothing more (EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_LOGFLUSH).
pub const FLUSH: u32 = 1;
/// Write nothing more (EXT4_GOING_FLAGS_NOLOGFLUSH).
pub const NO_FLUSH: u32 = 2;

/// Lets the kernel stop writing to a filesystem, as if the power went away.
pub fn shut_down(point: &Path, how: u32) {
    let program =
        format!("open(F, '<', $ARGV[0]) or die $!; my $how = pack('L', {how}); ioctl(F, 0x8004587d, $how) or die $!");
    let file = point.join("shutdown");
    fs::write(&file, "").unwrap();
    let _ = run(tool("perl").args(["-e", &program]).arg(&file)).exits(0);
}

pub fn sync(point: &Path) {
    rustix::fs::syncfs(fs::File::open(point).unwrap()).unwrap();
}

pub fn sync_file(path: &Path) {
    fs::File::open(path).unwrap().sync_all().unwrap();
}

/// A filesystem of 64 MiB made with `options`, mounted with `mount`, filled by `work` and then shut down.
pub fn dirty(options: &[&str], mount: &str, how: u32, work: impl FnOnce(&Path)) -> Image {
    let image = Image::make(64 << 20, options);
    image.fill(mount, |point| {
        work(point);
        shut_down(point, how);
    });
    image
}

pub fn source(path: &Path) -> Source {
    Arc::new(RawFile::open(path).unwrap())
}

pub fn open(path: &Path, journal: JournalUse) -> Arc<dyn FileSystem> {
    kanshiki_filesystem::open(source(path), &OpenOptions { journal }).unwrap()
}

pub fn of_kernel(path: &Path) -> tree::Tree {
    let point = tempdir();
    let device = LoopDevice::attach(path, LoopAccess::ReadOnly, 512);
    let mount = Mount::device(device.path(), point.path(), "ro,noload");
    tree::of_kernel(mount.point())
}

/// A filesystem with fast commits: `before` in whole transactions, `work` in fast ones, as the kernel counts them.
pub fn dirty_fast(options: &[&str], before: impl FnOnce(&Path), work: impl FnOnce(&Path)) -> Image {
    let mut all = vec!["-t", "ext4", "-O", "fast_commit", "-J", "size=8,fast_commit_size=1024"];
    all.extend(options);
    let image = dirty(&all, "rw", NO_FLUSH, |point| {
        fs::write(point.join("shutdown"), "").unwrap();
        before(point);
        sync(point);
        work(point);
    });
    let filesystem = open(&image.path, JournalUse::Replay);
    let JournalState::Replayed { fast_commits, .. } = filesystem.summary().journal else { panic!("no replay") };
    assert!(fast_commits > 0, "the kernel made no fast commits");
    let messages = filesystem.issues();
    assert!(messages.is_empty(), "{messages:?}");
    image
}

pub fn write_and_sync(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    sync_file(path);
}

pub fn twenty_files(point: &Path) {
    fs::create_dir(point.join("a")).unwrap();
    fs::create_dir(point.join("b")).unwrap();
    for number in 0..20 {
        fs::write(point.join(format!("a/{number}")), noise(number, 3000 * number as usize)).unwrap();
    }
}
