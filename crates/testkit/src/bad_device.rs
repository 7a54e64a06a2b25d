//! A disk on which chosen sectors cannot be read.

use crate::{LoopAccess, LoopDevice, Need, TempDir, run, tempdir, write_file};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A read-only block device that gives EIO on chosen bytes: nbdkit's `ddrescue` filter takes the places from a mapfile,
/// nbdfuse makes the disk a file, and a loop device stands on the file.
#[derive(Debug)]
pub struct BadDevice {
    // Dropped in this order: the device, then the mount below it, then the folder.
    device: Option<LoopDevice>,
    server: Child,
    folder: TempDir,
}

impl BadDevice {
    /// What a test must ask for with `need` before it makes one.
    pub const NEEDS: &'static [Need] = &[
        Need::Root,
        Need::LoopDevices,
        Need::Fuse,
        Need::Tool("nbdkit"),
        Need::Tool("nbdfuse"),
        Need::Tool("fusermount3"),
    ];

    /// Makes the file a disk with sectors of so many bytes; reading any byte of these ranges fails.
    ///
    /// The ranges are in bytes, ascending, apart from each other, multiples of the sector, and inside the file.
    #[track_caller]
    #[must_use]
    pub fn new(file: &Path, sector_bytes: u32, bad: &[Range<u64>]) -> Self {
        let folder = tempdir();
        let map = folder.path().join("bad.map");
        write_file(&map, mapfile(length(file), bad));
        let served = ["--filter=ddrescue".into(), "file".into(), file.as_os_str().to_owned()];
        let map = format!("ddrescue-mapfile={}", map.display());
        Self::serve(folder, file, sector_bytes, served.into_iter().chain([map.into()]))
    }

    /// Makes the file a disk that runs a piece of shell before each read.
    ///
    /// The script finds `offset`, `count` and `end` of the read in bytes; calling `fail` makes the read fail with EIO.
    /// Anything that it keeps must lie in files, as each read runs a shell of its own. Reads come one after the other.
    #[track_caller]
    #[must_use]
    pub fn scripted(file: &Path, sector_bytes: u32, script: &str) -> Self {
        let read = format!(
            "pread=count=$3 offset=$4 end=$(($3 + $4))\n\
             fail() {{ echo EIO >&2; exit 1; }}\n\
             {script}\n\
             dd if={} bs=1048576 iflag=skip_bytes,count_bytes skip=$offset count=$count status=none",
            file.display()
        );
        let size = format!("get_size=echo {}", length(file));
        Self::serve(tempdir(), file, sector_bytes, ["eval".into(), size.into(), read.into()])
    }

    /// Lets a loop device stand on what nbdkit serves with these arguments.
    #[track_caller]
    fn serve(folder: TempDir, file: &Path, sector_bytes: u32, served: impl IntoIterator<Item = OsString>) -> Self {
        let bytes = length(file);
        let mount = folder.path().join("disk");
        write_file(&mount, "");
        let server = Command::new("nbdfuse")
            .arg("-r")
            .arg(&mount)
            .args(["[", "nbdkit", "--readonly", "--exit-with-parent"])
            .args(served)
            .arg("]")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nbdfuse");
        let mut disk = Self { device: None, server, folder };
        let begun = Instant::now();
        while std::fs::metadata(&mount).map_or(0, |found| found.len()) != bytes {
            assert!(begun.elapsed() < Duration::from_secs(20), "nbdfuse did not give the disk within 20 s");
            std::thread::sleep(Duration::from_millis(20));
        }
        disk.device = Some(LoopDevice::attach(&mount, LoopAccess::ReadOnly, sector_bytes));
        disk
    }

    /// Takes away what the device stands on: from now on every read fails.
    pub fn vanish(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// The device's path, as `/dev/loop7`.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.device.as_ref().expect("attached when it was made").path()
    }
}

impl Drop for BadDevice {
    fn drop(&mut self) {
        drop(self.device.take());
        let _ = run(Command::new("fusermount3").args(["-u", "-z"]).arg(self.folder.path().join("disk")));
        // nbdfuse ends with its mount; the signal is for a mount that could not be taken away.
        for _ in 0..100 {
            if matches!(self.server.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).expect("the file of the disk").len()
}

/// A mapfile of GNU ddrescue (its manual, chapter "Mapfile structure") in which the ranges are bad and the rest is good.
fn mapfile(bytes: u64, bad: &[Range<u64>]) -> String {
    let mut map = String::from("0x0 + 1\n");
    let mut line = |range: Range<u64>, status: char| {
        if !range.is_empty() {
            let _ = writeln!(map, "{:#x} {:#x} {status}", range.start, range.end - range.start);
        }
    };
    let mut done = 0;
    for range in bad {
        assert!(done <= range.start && range.start < range.end && range.end <= bytes, "bad range {range:?}");
        line(done..range.start, '+');
        line(range.clone(), '-');
        done = range.end;
    }
    line(done..bytes, '+');
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::need;
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn the_map_covers_the_whole_disk() {
        assert_eq!(
            mapfile(4096, &[0..512, 1024..2048]),
            "0x0 + 1\n0x0 0x200 -\n0x200 0x200 +\n0x400 0x400 -\n0x800 0x800 +\n"
        );
        assert_eq!(mapfile(2048, &[0..512, 1536..2048]), "0x0 + 1\n0x0 0x200 -\n0x200 0x400 +\n0x600 0x200 -\n");
    }

    #[test]
    fn bytes_outside_the_bad_ranges_are_read_and_those_inside_are_not() {
        if !need(BadDevice::NEEDS) {
            return;
        }
        let folder = tempdir();
        let file = folder.path().join("disk");
        write_file(&file, "kanshiki".repeat(1 << 17));
        let disk = BadDevice::new(&file, 512, &[65_536..66_048, 1_048_064..1_048_576]);
        let device = std::fs::File::open(disk.path()).unwrap();
        let mut page = [0; 4096];
        device.read_exact_at(&mut page, 4096).unwrap();
        assert!(page.starts_with(b"kanshiki"));
        assert!(device.read_exact_at(&mut page, 65_536).is_err());
    }

    #[test]
    fn a_script_decides_which_reads_fail_and_after_vanishing_all_do() {
        if !need(BadDevice::NEEDS) {
            return;
        }
        let folder = tempdir();
        let file = folder.path().join("disk");
        write_file(&file, "kanshiki".repeat(1 << 17));
        let mut disk = BadDevice::scripted(&file, 512, "[ $offset -ge 65536 ] && fail");
        let device = std::fs::File::open(disk.path()).unwrap();
        let mut sector = [0; 512];
        device.read_exact_at(&mut sector, 4096).unwrap();
        assert!(sector.starts_with(b"kanshiki"));
        assert!(device.read_exact_at(&mut sector, 524_288).is_err());
        disk.vanish();
        let device = std::fs::File::open(disk.path()).unwrap();
        assert!(device.read_exact_at(&mut sector, 12_288).is_err());
    }
}
