//! Real loop devices, partitions and mounts: what is seen of them, what is refused, what the read-only flag does.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

use kanshiki_acquire::device::{BlockDevice, WriteProtection, guard};
use kanshiki_testkit::{LoopAccess, LoopDevice, Mount, Need, TempDir, need, run, tempdir, tool_path};
use rustix::fs::{Mode, OFlags};
use serde_json::json;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MIB: u64 = 1 << 20;

fn tool(name: &str) -> Command {
    Command::new(tool_path(name).unwrap_or_else(|| name.into()))
}

fn sparse(path: &Path, bytes: u64) {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).unwrap()).set_len(bytes).unwrap();
}

/// Opens for writing; only the tests' own devices.
fn open_writable(path: &Path) -> File {
    File::from(rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap())
}

fn device_of(path: &Path) -> BlockDevice {
    BlockDevice::of_file(&File::open(path).unwrap()).unwrap().unwrap()
}

/// A disk with two partitions of 24 MiB.
struct Disk {
    folder: TempDir,
    disk: LoopDevice,
}

impl Disk {
    fn new() -> Self {
        let folder = tempdir();
        let image = folder.path().join("disk.img");
        sparse(&image, 64 * MIB);
        let parts = ["--new=1:0:+24M", "--new=2:0:+24M"];
        let _ = run(tool("sgdisk").args(parts).arg(&image)).exits(0);
        let disk = LoopDevice::attach(&image, LoopAccess::ReadWrite, 512);
        // A kernel without a reader of GPT is told of the partitions; any other knows them already.
        if !disk.partition(1).exists() {
            let _ = run(tool("partx").arg("--add").arg(disk.path())).exits(0);
        }
        Self { folder, disk }
    }

    fn format(&self, number: u32) -> PathBuf {
        let node = self.disk.partition(number);
        let _ = run(tool("mkfs.ext4").arg("-q").arg(&node)).exits(0);
        node
    }

    fn point(&self, name: &str) -> PathBuf {
        let point = self.folder.path().join(name);
        fs::create_dir(&point).unwrap();
        point
    }
}

const DISK: [Need; 6] =
    [Need::Tool("partx"), Need::Root, Need::LoopDevices, Need::Mount, Need::Tool("sgdisk"), Need::Tool("mkfs.ext4")];

#[test]
fn what_is_no_block_device_is_none() {
    assert!(BlockDevice::of_file(&File::open("/dev/null").unwrap()).unwrap().is_none());
    assert!(BlockDevice::of_file(&File::open("/proc/self/exe").unwrap()).unwrap().is_none());
    assert!(!guard::is_block_device(Path::new("/dev/null")));
}

#[test]
fn the_read_only_flag_stops_writers_and_is_put_back() {
    if !need(&DISK) {
        return;
    }
    let disk = Disk::new();
    let before = open_writable(disk.disk.path());
    let device = device_of(disk.disk.path());
    let partition = device_of(&disk.disk.partition(1));
    let mut protection = WriteProtection::set(&partition, false);
    assert!(protection.is_set(), "{:?}", protection.facts());
    assert_eq!(protection.facts()["read_only_before"].value, json!(false));
    assert_eq!(protection.facts()["read_only_set"].value, json!(true));
    assert_eq!(device.state()["read_only"].value[device.name()], json!(true));
    let refused = before.write_at(&[7; 512], 0).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);

    assert_eq!(protection.restore().value, json!(false));
    assert_eq!(device.state()["read_only"].value[device.name()], json!(false));
    before.write_at(&[0; 512], 63 * MIB).unwrap();
    assert_eq!(protection.restore().value, json!(false), "a second call changes nothing");
}

#[test]
fn the_flag_is_put_back_when_the_protection_is_dropped() {
    if !need(&DISK) {
        return;
    }
    let disk = Disk::new();
    let device = device_of(disk.disk.path());
    drop(WriteProtection::set(&device, false));
    assert_eq!(device.state()["read_only"].value[device.name()], json!(false));
}

#[test]
fn a_disk_that_was_read_only_stays_so() {
    if !need(&DISK) {
        return;
    }
    let folder = tempdir();
    let image = folder.path().join("disk.img");
    sparse(&image, MIB);
    let disk = LoopDevice::attach(&image, LoopAccess::ReadOnly, 512);
    let device = device_of(disk.path());
    let mut protection = WriteProtection::set(&device, false);
    assert_eq!(protection.facts()["read_only_before"].value, json!(true));
    assert_eq!(protection.restore().value, json!(true));
    assert_eq!(device.state()["read_only"].value[device.name()], json!(true));
}

#[test]
fn the_flag_of_a_session_that_was_cut_off_is_taken_back_by_the_next() {
    if !need(&DISK) {
        return;
    }
    let disk = Disk::new();
    let device = device_of(disk.disk.path());
    let cut_off = WriteProtection::set(&device, false);
    let recorded = cut_off.facts();
    std::mem::forget(cut_off);

    let mut next = WriteProtection::set(&device, false);
    assert_eq!(next.facts()["read_only_before"].value, json!(true));
    next.take_over(&recorded);
    assert_eq!(next.facts()["read_only_before"].value, json!(false));
    assert_eq!(next.facts()["read_only_set"].value, json!(true));
    assert!(next.facts()["statement"].text().unwrap().contains("the kernel refuses writes"));
    assert_eq!(next.restore().value, json!(false));
}

#[test]
fn a_disk_with_a_mounted_partition_is_in_use_and_not_set_read_only() {
    if !need(&DISK) {
        return;
    }
    let disk = Disk::new();
    let node = disk.format(1);
    let point = disk.point("my disk");
    let mount = Mount::device(&node, &point, "rw");
    let device = device_of(disk.disk.path());
    let reasons = guard::in_use(&device);
    assert_eq!(reasons, [format!("{}p1 is mounted for writing at {}", device.name(), point.display())]);
    assert_eq!(guard::in_use(&device_of(&node)).len(), 1);
    assert!(guard::in_use(&device_of(&disk.disk.partition(2))).is_empty());

    let protection = WriteProtection::set(&device, true);
    assert!(!protection.is_set());
    assert!(protection.facts()["read_only_set"].reason.as_ref().unwrap().contains("in use for writing"));
    let written = device.sectors_written().number().unwrap();
    kanshiki_testkit::write_file(&point.join("file"), [1; 4096]);
    // A copy of the mount in another namespace would keep the bytes from the disk when this one goes.
    File::open(point.join("file")).unwrap().sync_all().unwrap();
    drop(mount);
    assert!(device.sectors_written().number().unwrap() > written);
    let released = (0..50).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        guard::in_use(&device).is_empty()
    });
    assert!(released);
}

#[test]
fn a_mount_in_another_namespace_is_seen() {
    if !need(&DISK) {
        return;
    }
    let disk = Disk::new();
    let node = disk.format(1);
    let point = disk.point("hidden");
    let script = "mount \"$1\" \"$2\" && echo mounted && read line";
    let mut elsewhere = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"])
        .args([&node, &point])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(elsewhere.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let reasons = guard::in_use(&device_of(disk.disk.path()));
    drop(elsewhere.stdin.take());
    let _ = elsewhere.wait().unwrap();
    assert_eq!(line, "mounted\n");
    let name = device_of(&node).name();
    assert_eq!(reasons, [format!("{name} is mounted (ext4) where this process does not see it")]);
}

#[test]
fn a_destination_on_the_source_is_found_through_a_loop_whose_file_was_renamed() {
    if !need(&DISK) {
        return;
    }
    let disk = Disk::new();
    let node = disk.format(1);
    let outer = Mount::device(&node, &disk.point("outer"), "rw");
    let file = outer.point().join("inner.img");
    sparse(&file, 8 * MIB);
    let _ = run(tool("mkfs.ext4").arg("-q").arg(&file)).exits(0);
    let inner_disk = LoopDevice::attach(&file, LoopAccess::ReadWrite, 512);
    let renamed = outer.point().join("renamed.img");
    fs::rename(&file, &renamed).unwrap();
    let inner = Mount::device(inner_disk.path(), &disk.point("inner"), "rw");
    let destination = inner.point().join("case/that/is/new");

    let whole = device_of(disk.disk.path());
    let second = device_of(&disk.disk.partition(2));
    let reason = guard::lies_on(&destination, &whole).unwrap().unwrap();
    assert_eq!(reason, format!("the destination lies on {}p1, a partition of the source", whole.name()));
    assert!(guard::lies_on(&destination, &device_of(&node)).unwrap().is_some());
    assert!(guard::lies_on(&destination, &device_of(inner_disk.path())).unwrap().is_some());
    assert_eq!(guard::lies_on(&destination, &second).unwrap(), None);
    assert!(guard::shares_disk_with(&destination, &second).unwrap().is_some());
    assert_eq!(guard::lies_on(disk.folder.path(), &whole).unwrap(), None);
    assert!(guard::is_block_device(&node));

    assert!(guard::file_lies_on(&destination, &File::open(&renamed).unwrap()).unwrap().is_some());
    let image = File::open(disk.folder.path().join("disk.img")).unwrap();
    assert!(guard::file_lies_on(&destination, &image).unwrap().is_some());
    assert_eq!(guard::file_lies_on(disk.folder.path(), &image).unwrap(), None);
    let facts = guard::filesystem_facts(&destination);
    assert_eq!(facts["filesystem_type"].text().as_deref(), Some("ext4"));
    assert_eq!(facts["device"].text().unwrap(), inner_disk.path().to_str().unwrap());
}

#[test]
fn a_destination_on_an_overlay_lies_where_its_upper_folder_lies() {
    if !need(&DISK) {
        return;
    }
    let disk = Disk::new();
    let outer = Mount::device(&disk.format(1), &disk.point("outer"), "rw");
    let [upper, work] = ["upper", "work"].map(|name| outer.point().join(name));
    fs::create_dir(&upper).unwrap();
    fs::create_dir(&work).unwrap();
    let merged = disk.point("merged");
    let lower = disk.point("lower");
    let layers = format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let _ = run(tool("mount").args(["-t", "overlay", "-o", &layers, "overlay"]).arg(&merged)).exits(0);
    let reason = guard::lies_on(&merged.join("case"), &device_of(disk.disk.path()));
    let _ = run(tool("umount").arg(&merged)).exits(0);
    assert!(reason.unwrap().is_some());
}

#[test]
fn every_disk_of_a_mounted_btrfs_is_in_use_and_holds_what_is_written_to_it() {
    if !need(&[Need::Root, Need::LoopDevices, Need::Mount, Need::Tool("mkfs.btrfs")]) {
        return;
    }
    let folder = tempdir();
    let disks = ["a", "b"].map(|name| {
        let image = folder.path().join(name);
        sparse(&image, 160 * MIB);
        LoopDevice::attach(&image, LoopAccess::ReadWrite, 512)
    });
    let _ =
        run(tool("mkfs.btrfs").args(["-q", "-d", "raid1", "-m", "raid1"]).args(disks.each_ref().map(LoopDevice::path)))
            .exits(0);
    let point = folder.path().join("pool");
    fs::create_dir(&point).unwrap();
    let _ = run(tool("btrfs").args(["device", "scan"]).args(disks.each_ref().map(LoopDevice::path)));
    let _mount = Mount::device(disks[0].path(), &point, "rw");
    for disk in &disks {
        let device = device_of(disk.path());
        assert_eq!(
            guard::in_use(&device),
            [format!("{} is mounted for writing at {}", device.name(), point.display())]
        );
        assert!(guard::lies_on(&point.join("case"), &device).unwrap().is_some());
    }
}

#[test]
fn a_swap_area_is_in_use() {
    if !need(&DISK) || tool_path("mkswap").is_none() || tool_path("swapon").is_none() {
        return;
    }
    let disk = Disk::new();
    let node = disk.disk.partition(2);
    let _ = run(tool("mkswap").arg(&node)).exits(0);
    if run(tool("swapon").arg(&node)).code != 0 {
        return;
    }
    let device = device_of(disk.disk.path());
    let reasons = guard::in_use(&device);
    let swap = device.state()["swap"].clone();
    let _ = run(tool("swapoff").arg(&node)).exits(0);
    assert_eq!(reasons, [format!("{}p2 is in use as swap", device.name())]);
    assert_eq!(swap.value, json!([format!("{}p2", device.name())]));
}

#[test]
fn another_disk_in_the_same_place_is_not_the_one_that_was_there() {
    if !need(&DISK) {
        return;
    }
    let disk = Disk::new();
    let path = disk.disk.path().to_owned();
    let first = File::open(&path).unwrap();
    let device = BlockDevice::of_file(&first).unwrap().unwrap();
    assert!(!device.is_gone(&first));
    drop(first);
    let other = disk.folder.path().join("other.img");
    sparse(&other, 2 * MIB);
    drop(disk.disk);
    let second = run(tool("losetup").arg(&path).arg(&other));
    if second.code != 0 {
        return; // another test took the number
    }
    let gone = device.is_gone(&File::open(&path).unwrap());
    let protected = WriteProtection::set(&device, false).is_set();
    let _ = run(tool("losetup").arg("--detach").arg(&path)).exits(0);
    assert!(gone);
    assert!(!protected, "a flag was set on a disk that is not the source");
}

#[test]
fn facts_of_a_loop_name_its_file_and_its_sizes() {
    if !need(&DISK) {
        return;
    }
    let folder = tempdir();
    let image = folder.path().join("disk.img");
    sparse(&image, 4 * MIB);
    let disk = LoopDevice::attach(&image, LoopAccess::ReadOnly, 4096);
    let device = device_of(disk.path());
    let facts = device.facts();
    assert_eq!(facts["size_bytes"].number(), Some(4 * MIB));
    assert_eq!(facts["logical_sector_bytes"].number(), Some(4096));
    assert_eq!(facts["backing_file"].text().unwrap(), image.to_str().unwrap());
    assert_eq!(facts["node"].text().unwrap(), disk.path().to_str().unwrap());
    assert_eq!(device.size_bytes().unwrap(), 4 * MIB);
    assert_eq!(device.logical_sector_bytes().unwrap(), 4096);
    assert!(device.disk_sequence().is_some());
    let held = File::open(disk.path()).unwrap();
    assert_eq!(device.state()["open_in_programs"].value, json!([]), "its own descriptors do not count");
    drop(held);
}
