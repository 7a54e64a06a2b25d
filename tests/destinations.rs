//! Destinations that are full, missing, in the wrong place, or go away.

use kanshiki_testkit::{
    BadDevice, Exhibit, LoopAccess, LoopDevice, Mount, Need, Running, TempDir, Workplace, manifest, need, noise, run,
    sample_image, sha256sum, sha256sum_check, tempdir, wait_until, write_file,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MIB: u64 = 1 << 20;

/// A tmpfs holds files in pages of this many bytes.
const PAGE: u64 = 4096;

/// A folder with a source in it.
struct Ground {
    folder: TempDir,
    source: PathBuf,
}

impl Ground {
    fn new(bytes: u64) -> Self {
        let folder = tempdir();
        let source = folder.path().join("source");
        sample_image(&source, bytes, 5);
        Self { folder, source }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn new_folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        path
    }

    fn exhibit(&self, case: impl AsRef<Path>) -> Exhibit {
        Exhibit::new(&self.path("").join(case), "E1")
    }
}

/// The exhibit stands for the source, by tools that are not kanshiki's.
#[track_caller]
fn check(exhibit: &Exhibit, source: &Path) {
    let _ = sha256sum_check(&exhibit.folder()).exits(0);
    let restored = tempdir();
    let image = restored.path().join("image");
    write_file(&image, exhibit.image());
    assert_eq!(sha256sum(&image), sha256sum(source));
    let _ = run(Command::new("sh").arg(exhibit.case().join("verify.sh"))).exits(0);
}

fn remount(mount: &Mount, bytes: u64) {
    let _ = run(Command::new("mount").args(["-o", &format!("remount,size={bytes}")]).arg(mount.point())).exits(0);
}

/// What is told when room ends: what happened, and what to do.
#[track_caller]
fn says_that_the_room_ended(said: &str) {
    assert!(said.contains("no space left on device"), "{said}");
    assert!(said.contains("hint: make room, then the same command with --resume goes on"), "{said}");
}

/// A tmpfs with the exhibit of an undisturbed run, to compare with.
struct Reference {
    ground: Ground,
    mount: Mount,
    exhibit: Exhibit,
    format: &'static [&'static str],
    /// What the case takes on a tmpfs, in bytes.
    bytes: u64,
}

impl Reference {
    fn new(format: &'static [&'static str]) -> Self {
        let ground = Ground::new(2 * MIB + 512);
        let mount = Mount::tmpfs(&ground.new_folder("mount"), 64 * MIB);
        let exhibit = ground.exhibit("mount/case");
        let _ = run(exhibit.acquire(&ground.source).args(format)).exits(0);
        let taken = run(Command::new("du").args(["--summarize", "--block-size=1"]).arg(exhibit.case())).exits(0);
        let bytes = taken.stdout.split_whitespace().next().unwrap().parse().unwrap();
        let kept = ground.exhibit("reference");
        let _ = run(Command::new("cp").arg("-r").arg(exhibit.case()).arg(kept.case())).exits(0);
        fs::remove_dir_all(exhibit.case()).unwrap();
        Self { ground, mount, exhibit: kept, format, bytes }
    }

    /// Acquires with so much room, makes room after a failure and resumes. Returns how many runs failed at first.
    #[track_caller]
    fn ends_of_room(&self, sizes: impl Iterator<Item = u64>) -> usize {
        sizes.filter(|size| self.fails_at_first(*size)).count()
    }

    #[track_caller]
    fn fails_at_first(&self, room: u64) -> bool {
        let exhibit = self.ground.exhibit("mount/case");
        let acquire = || {
            let mut command = exhibit.acquire(&self.ground.source);
            command.args(self.format);
            command
        };
        remount(&self.mount, room);
        let ran = run(acquire().arg("--no-room-check"));
        let failed = ran.code != 0;
        remount(&self.mount, 64 * MIB);
        if failed {
            let ran = ran.exits(4);
            println!("with {room} bytes: {}", ran.stderr);
            says_that_the_room_ended(&ran.stderr);
            let _ = run(acquire().arg("--resume")).exits(0);
        }
        check(&exhibit, &self.ground.source);
        assert_eq!(exhibit.manifest()["image"], self.exhibit.manifest()["image"]);
        fs::remove_dir_all(exhibit.case()).unwrap();
        failed
    }
}

#[test]
fn room_that_ends_in_the_records_before_the_image_is_resumed() {
    if need(&[Need::Mount]) {
        let reference = Reference::new(&["--format", "raw"]);
        // A tmpfs of no bytes would have no bound.
        assert_eq!(reference.ends_of_room((1..24).map(|pages| pages * PAGE)), 23);
    }
}

#[test]
fn room_that_ends_in_the_records_behind_the_image_is_resumed() {
    if need(&[Need::Mount]) {
        let reference = Reference::new(&["--format", "raw"]);
        let failures = reference.ends_of_room((0..24).map(|pages| reference.bytes - 20 * PAGE + pages * PAGE));
        assert!((10..24).contains(&failures), "{failures} failures: the sizes must straddle what is needed");
    }
}

#[test]
fn room_that_ends_in_a_split_image_is_resumed() {
    if need(&[Need::Mount]) {
        let reference = Reference::new(&["--format", "split", "--split-size", "700K"]);
        let steps = (1..10).map(|step| reference.bytes * step / 10);
        assert_eq!(reference.ends_of_room(steps), 9);
    }
}

#[test]
fn room_that_ends_in_a_compressed_image_is_resumed() {
    if need(&[Need::Mount, Need::Tool("zstd")]) {
        let reference = Reference::new(&["--format", "zstd"]);
        let steps = (1..10).map(|step| reference.bytes * step / 10);
        assert_eq!(reference.ends_of_room(steps), 9);
    }
}

#[test]
fn too_little_room_is_refused_before_anything_is_written() {
    if !need(&[Need::Mount]) {
        return;
    }
    let ground = Ground::new(3 * MIB);
    let mount = Mount::tmpfs(&ground.new_folder("mount"), MIB);
    let exhibit = ground.exhibit("mount/case");
    let ran = run(&mut exhibit.acquire(&ground.source)).exits(4);
    assert!(ran.stderr.contains("because: too little room: 3.0 MiB (3,145,728 bytes) are needed, "), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: make room, take another folder, or try --format zstd"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(mount.point()).unwrap().count(), 0);
    // One of two destinations is enough to refuse.
    let other = ground.exhibit("other");
    let _ = run(other.acquire(&ground.source).arg("--also").arg(exhibit.case())).exits(4);
    assert!(!other.case().exists());
}

#[test]
fn a_read_only_destination_is_told_with_the_systems_reason() {
    if !need(&[Need::Mount]) {
        return;
    }
    let ground = Ground::new(MIB);
    let mount = Mount::tmpfs(&ground.new_folder("mount"), 8 * MIB);
    let _ = run(Command::new("mount").args(["-o", "remount,ro"]).arg(mount.point())).exits(0);
    let ran = run(&mut ground.exhibit("mount/case").acquire(&ground.source)).exits(4);
    assert!(ran.stderr.contains("because: read-only file system"), "{}", ran.stderr);
}

#[test]
fn a_destination_whose_parent_is_missing_is_told_and_not_made() {
    let ground = Ground::new(MIB);
    let ran = run(&mut ground.exhibit("missing/case").acquire(&ground.source)).exits(4);
    assert!(ran.stderr.contains("missing/case"), "{}", ran.stderr);
    assert!(ran.stderr.contains("because: no such file or directory"), "{}", ran.stderr);
    let missing = ground.path("missing");
    assert!(!missing.exists());
    let hint = format!("or make it with `mkdir -p {}`", missing.display());
    assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    // What the hint says is what helps.
    fs::create_dir_all(missing).unwrap();
    let _ = run(&mut ground.exhibit("missing/case").acquire(&ground.source)).exits(0);
}

#[test]
fn a_destination_that_is_a_file_or_holds_other_things_is_refused() {
    let ground = Ground::new(MIB);
    let before = sha256sum(&ground.source);
    let ran = run(&mut ground.exhibit("source").acquire(&ground.source)).exits(4);
    assert!(ran.stderr.contains("because: the destination is the source itself"), "{}", ran.stderr);
    assert_eq!(sha256sum(&ground.source), before);
    let ran = run(&mut ground.exhibit(".").acquire(&ground.source)).exits(4);
    assert!(ran.stderr.contains("is not a case folder and not empty (it holds `source`)"), "{}", ran.stderr);
    write_file(&ground.path("file"), "notes");
    let ran = run(&mut ground.exhibit("file").acquire(&ground.source)).exits(4);
    assert!(ran.stderr.contains("because: not a directory"), "{}", ran.stderr);
}

#[test]
fn an_existing_exhibit_is_never_replaced() {
    let ground = Ground::new(MIB);
    let exhibit = ground.exhibit("case");
    let _ = run(&mut exhibit.acquire(&ground.source)).exits(0);
    let before = fs::read(exhibit.file("manifest.json")).unwrap();
    let other = ground.path("other");
    sample_image(&other, MIB, 6);
    let ran = run(&mut exhibit.acquire(&other)).exits(4);
    assert!(ran.stderr.contains("exists in"), "{}", ran.stderr);
    assert!(ran.stderr.contains("is never replaced: choose another --exhibit"), "{}", ran.stderr);
    assert_eq!(fs::read(exhibit.file("manifest.json")).unwrap(), before);
    check(&exhibit, &ground.source);
    // Nor is it through the second destination; the first one is not begun then.
    let second = ground.exhibit("second");
    let _ = run(second.acquire(&other).arg("--also").arg(exhibit.case())).exits(4);
    assert!(!second.case().exists());
}

#[test]
fn a_destination_that_is_a_block_device_is_refused() {
    if !need(&[Need::LoopDevices]) {
        return;
    }
    let ground = Ground::new(MIB);
    let disk = ground.path("disk");
    write_file(&disk, vec![0; 4 << 20]);
    let device = LoopDevice::attach(&disk, LoopAccess::ReadWrite, 512);
    let before = sha256sum(&disk);
    let ran = run(&mut Exhibit::new(device.path(), "E1").acquire(&ground.source)).exits(4);
    assert!(ran.stderr.contains("because: the destination is a block device"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: give a folder on a mounted disk"), "{}", ran.stderr);
    assert_eq!(sha256sum(&disk), before);
}

#[test]
fn a_destination_in_a_filesystem_of_the_source_is_refused_even_with_live() {
    if !need(&[Need::LoopDevices, Need::Mount, Need::Tool("mkfs.ext4")]) {
        return;
    }
    let ground = Ground::new(MIB);
    let disk = ground.path("disk");
    write_file(&disk, vec![0; 8 << 20]);
    let device = LoopDevice::attach(&disk, LoopAccess::ReadWrite, 512);
    let _ = run(Command::new("mkfs.ext4").arg("-q").arg(device.path())).exits(0);
    let mount = Mount::device(device.path(), &ground.new_folder("mount"), "rw");
    let exhibit = ground.exhibit("mount/case");
    let ran = run(exhibit.acquire(device.path()).arg("--live")).exits(4);
    assert!(ran.stderr.contains("hint: choose a case folder on another disk"), "{}", ran.stderr);
    // The file below the loop is the same disk.
    let ran = run(exhibit.acquire(&disk).arg("--live")).exits(4);
    let reason = "because: the destination lies in a filesystem that is mounted from the source";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    // So it is through a second destination.
    let elsewhere = ground.exhibit("elsewhere");
    let _ = run(elsewhere.acquire(device.path()).args(["--live", "--also"]).arg(exhibit.case())).exits(4);
    assert!(!exhibit.case().exists() && !elsewhere.case().exists());
    drop(mount);
}

#[test]
fn a_destination_in_a_partition_of_the_source_is_refused_even_with_live() {
    let tools = [Need::Tool("mkfs.ext4"), Need::Tool("sfdisk"), Need::Tool("partx")];
    if !need(&[&[Need::LoopDevices, Need::Mount], &tools[..]].concat()) {
        return;
    }
    let ground = Ground::new(MIB);
    let disk = ground.path("disk");
    write_file(&disk, vec![0; 12 << 20]);
    let script = "label: dos\nstart=2048, size=16384\n";
    let made = format!("printf '{script}' | sfdisk --quiet {}", disk.display());
    let _ = run(Command::new("sh").args(["-c", &made])).exits(0);
    let device = LoopDevice::attach(&disk, LoopAccess::ReadWrite, 512);
    if !device.partition(1).exists() {
        let _ = run(Command::new("partx").arg("--add").arg(device.path())).exits(0);
    }
    let _ = run(Command::new("mkfs.ext4").arg("-q").arg(device.partition(1))).exits(0);
    let mount = Mount::device(&device.partition(1), &ground.new_folder("mount"), "rw");
    let exhibit = ground.exhibit("mount/case");
    for source in [device.path(), &device.partition(1)] {
        let ran = run(exhibit.acquire(source).arg("--live")).exits(4);
        assert!(ran.stderr.contains("hint: choose a case folder on another disk"), "{}", ran.stderr);
    }
    assert!(!exhibit.case().exists());
    drop(mount);
}

#[test]
fn of_two_destinations_the_full_one_is_lost_and_resumed_later() {
    if !need(&[Need::Mount]) {
        return;
    }
    let ground = Ground::new(3 * MIB + 1024);
    let mount = Mount::tmpfs(&ground.new_folder("mount"), MIB);
    let (first, second) = (ground.exhibit("first"), ground.exhibit("mount/second"));
    let both = |options: &[&str]| {
        let mut command = first.acquire(&ground.source);
        command.args(options).arg("--also").arg(second.case());
        command
    };

    let ran = run(&mut both(&["--no-room-check"])).exits(3);

    assert!(ran.stdout.contains("this destination is lost: no space left on device"), "{}", ran.stdout);
    check(&first, &ground.source);
    assert!(first.manifest()["issues"].to_string().contains("this destination is lost"));
    assert!(second.partial().exists() && !second.folder().exists());
    let before = fs::read(first.file("manifest.json")).unwrap();

    remount(&mount, 16 * MIB);
    let _ = run(&mut both(&["--resume"])).exits(0);

    check(&second, &ground.source);
    check(&first, &ground.source);
    assert_eq!(fs::read(first.file("manifest.json")).unwrap(), before);
    assert_eq!(first.manifest()["image"], second.manifest()["image"]);
}

#[test]
fn room_that_a_complete_copy_has_taken_is_not_asked_for_again() {
    if !need(&[Need::Mount]) {
        return;
    }
    let ground = Ground::new(3 * MIB + 1024);
    // Room for one copy and a half, and for a third of one.
    let _large = Mount::tmpfs(&ground.new_folder("large"), 5 * MIB);
    let small = Mount::tmpfs(&ground.new_folder("small"), MIB);
    let (first, second) = (ground.exhibit("large/first"), ground.exhibit("small/second"));
    let also = second.case().display().to_string();
    let _ = run(first.acquire(&ground.source).args(["--no-room-check", "--also", &also])).exits(3);
    // Room for what is missing, not for all of it once more.
    remount(&small, 4 * MIB);
    let _ = run(first.acquire(&ground.source).args(["--resume", "--also", &also])).exits(0);
    check(&second, &ground.source);
}

/// A new disk with an ext4 of 24 MiB in the file.
fn ext4(disk: &Path) -> LoopDevice {
    write_file(disk, "");
    let _ = run(Command::new("truncate").args(["--size=24M"]).arg(disk)).exits(0);
    let device = LoopDevice::attach(disk, LoopAccess::ReadWrite, 512);
    let lazy = ["-q", "-b", "4096", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"];
    let _ = run(Command::new("mkfs.ext4").args(lazy).arg(device.path())).exits(0);
    device
}

#[test]
fn a_destination_unmounted_midway_ends_the_work_and_is_resumed_when_it_is_back() {
    if !need(&[BadDevice::NEEDS, &[Need::Mount, Need::Tool("mkfs.ext4")]].concat()) {
        return;
    }
    let ground = Ground::new(4 * MIB);
    let source = BadDevice::scripted(&ground.source, 512, "sleep 0.03");
    let device = ext4(&ground.path("disk"));
    let point = ground.new_folder("mount");
    let mount = Mount::device(device.path(), &point, "rw");
    let exhibit = ground.exhibit("mount/case");
    let running = Running::start(&mut exhibit.acquire(source.path()));
    let image = exhibit.partial().join("image.raw");
    wait_until("something is written", || fs::metadata(&image).is_ok_and(|image| image.len() > 0));
    let _ = run(Command::new("umount").arg("--lazy").arg(&point)).exits(0);

    let said = running.wait().exits(4).stderr;

    assert!(said.contains("because: no such file or directory"), "{said}");
    assert!(said.contains("hint: when the destination can be written again, "), "{said}");
    assert_eq!(fs::read_dir(&point).unwrap().count(), 0);
    // What was unmounted is not to be unmounted again.
    std::mem::forget(mount);
    let mount = Mount::device(device.path(), &point, "rw");
    let _ = run(exhibit.acquire(source.path()).arg("--resume")).exits(0);
    check(&exhibit, &ground.source);
    drop(mount);
}

#[test]
fn a_medium_that_fails_under_the_destination_never_gets_a_manifest() {
    if !need(&[Need::LoopDevices, Need::Mount, Need::Tool("mkfs.ext4")]) {
        return;
    }
    let ground = Ground::new(8 * MIB);
    // The disk of the destination promises more than what it lies on can hold.
    let below = Mount::tmpfs(&ground.new_folder("below"), 64 * MIB);
    let device = ext4(&ground.path("below/disk"));
    let point = ground.new_folder("mount");
    let mount = Mount::device(device.path(), &point, "rw");
    let _ = run(&mut Command::new("sync")).exits(0);
    let taken = run(Command::new("du").args(["--block-size=1"]).arg(ground.path("below/disk"))).exits(0);
    let taken: u64 = taken.stdout.split_whitespace().next().unwrap().parse().unwrap();
    remount(&below, taken + MIB);
    let exhibit = ground.exhibit("mount/case");

    let ran = run(&mut exhibit.acquire(&ground.source)).exits(4);

    println!("{}", ran.stderr);
    assert!(ran.stderr.contains("because: "), "{}", ran.stderr);
    assert!(!exhibit.folder().exists());
    drop(mount);
    remount(&below, 64 * MIB);
    let mount = Mount::device(device.path(), &point, "rw");
    let _ = run(exhibit.acquire(&ground.source).arg("--resume")).exits(0);
    check(&exhibit, &ground.source);
    drop(mount);
}

#[test]
fn a_copy_that_reads_back_otherwise_gets_no_manifest_until_it_is_healed() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let place = Workplace::new();
    let source = place.path("source");
    write_file(&source, noise(11, usize::try_from(24 * MIB).unwrap()));
    let running = Running::start(&mut place.slow_acquire_command(&source, &[], 50));
    place.wait_for_image(8 * MIB);
    // As a medium that keeps other bytes than it was given.
    let copy = fs::File::options().write(true).open(place.partial().join("image.raw")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&copy, b"kanshiki", MIB + 5).unwrap();

    let ran = running.wait().exits(4);
    println!("{}", ran.stderr);
    assert!(ran.stderr.contains("--resume reads what differs from the source again"), "{}", ran.stderr);
    assert!(!place.exhibit().exists());

    let _ = place.acquire(&source, &["--resume"]).exits(0);
    assert_eq!(sha256sum(&place.exhibit().join("image.raw")), sha256sum(&source));
    let issues = manifest(&place.exhibit())["issues"].to_string();
    assert!(issues.contains("an earlier reading back failed"), "{issues}");
    let _ = place.verify(&[]).exits(0);
}

#[test]
fn two_destinations_on_one_filesystem_need_room_for_both() {
    if !need(&[Need::Root, Need::Mount]) {
        return;
    }
    let ground = Ground::new(MIB);
    let source = ground.path("noise");
    write_file(&source, noise(3, usize::try_from(6 * MIB).unwrap()));
    let mount = Mount::tmpfs(&ground.new_folder("mount"), 10 * MIB);
    let also = mount.point().join("d").display().to_string();
    let ran = run(ground.exhibit("mount/c").acquire(&source).args(["--also", &also])).exits(4);
    assert!(ran.stderr.contains("too little room") && ran.stderr.contains("for 2 destinations"), "{}", ran.stderr);
    assert!(!mount.point().join("c").exists());
    let _ = run(&mut ground.exhibit("mount/c").acquire(&source)).exits(0);
}
