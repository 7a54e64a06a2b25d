//! Sources that cannot be copied, may not be copied, change, or go away.

use kanshiki_testkit::{
    BadDevice, Exhibit, LoopAccess, LoopDevice, Mount, Need, Ran, Running, TempDir, kanshiki_path, need, run,
    sample_image, sha256sum, sha256sum_check, tempdir, wait_until, write_file,
};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

const MIB: u64 = 1 << 20;

struct Ground {
    folder: TempDir,
    exhibit: Exhibit,
}

impl Ground {
    fn new() -> Self {
        let folder = tempdir();
        let exhibit = Exhibit::new(&folder.path().join("case"), "E1");
        Self { folder, exhibit }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sample(&self, bytes: u64) -> PathBuf {
        let path = self.path("source");
        sample_image(&path, bytes, 3);
        path
    }

    fn new_folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        path
    }

    /// The source is refused with this reason and this hint, and nothing is made.
    #[track_caller]
    fn refuses(&self, source: &Path, reason: &str, hint: &str) {
        self.refused(&run(&mut self.exhibit.acquire(source)).exits(4), source, reason, hint);
    }

    #[track_caller]
    fn refused(&self, ran: &Ran, source: &Path, reason: &str, hint: &str) {
        let verbs = ["cannot open", "cannot image"].map(|verb| format!("error: {verb} `{}`\n", source.display()));
        assert!(verbs.iter().any(|verb| ran.stderr.contains(verb)), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("because: {reason}\n")), "{}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
        assert!(!self.exhibit.case().exists(), "a case was made for nothing");
    }
}

#[test]
fn a_destination_given_twice_is_refused_before_anything_is_made() {
    let ground = Ground::new();
    let source = ground.sample(MIB);
    let case = ground.exhibit.case().display().to_string();
    for also in [case.clone(), format!("{case}/../case"), format!("{case}/.")] {
        let ran = run(ground.exhibit.acquire(&source).args(["--also", &also])).exits(4);
        assert!(ran.stderr.contains("because: it is given twice as a destination\n"), "{}", ran.stderr);
        assert!(!ground.exhibit.case().exists());
    }
}

#[test]
fn standard_input_that_is_a_folder_is_refused_before_anything_is_made() {
    let ground = Ground::new();
    let folder = fs::File::open(ground.new_folder("folder")).unwrap();
    let output = ground.exhibit.acquire(Path::new("-")).stdin(folder).output().unwrap();
    let ran = Ran::of(&output).exits(4);
    assert!(ran.stderr.contains("because: is a directory"), "{}", ran.stderr);
    assert!(!ground.exhibit.case().exists());
}

#[test]
fn a_file_under_a_mounted_loop_device_is_in_use() {
    if !need(&[Need::Root, Need::LoopDevices, Need::Mount, Need::Tool("mkfs.ext4")]) {
        return;
    }
    let ground = Ground::new();
    let source = ground.sample(16 * MIB);
    let _ = run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&source)).exits(0);
    let disk = LoopDevice::attach(&source, LoopAccess::ReadWrite, 512);
    let mount = Mount::device(disk.path(), &ground.new_folder("point"), "rw");
    let ran = run(&mut ground.exhibit.acquire(&source)).exits(4);
    assert!(ran.stderr.contains("because: a loop device is made of it, and loop"), "{}", ran.stderr);
    assert!(ran.stderr.contains(LIVE), "{}", ran.stderr);
    drop(mount);
}

/// Also for a source in use: it can be copied as it changes.
const LIVE: &str = "hint: unmount or release it, or add --live to copy it as it changes; that is recorded";

#[test]
fn a_source_that_is_not_there_is_told() {
    let ground = Ground::new();
    ground.refuses(&ground.path("missing"), "no such file or directory", "");
}

#[test]
fn a_directory_a_pipe_and_an_odd_device_are_no_sources() {
    let ground = Ground::new();
    ground.refuses(&ground.new_folder("folder"), "it is a directory", "hint: give a disk, a partition or a file");
    let pipe = ground.path("pipe");
    let _ = run(Command::new("mkfifo").arg(&pipe)).exits(0);
    ground.refuses(&pipe, "it is a pipe", "hint: send it to standard input and give `-` as the source");
    ground.refuses(Path::new("/dev/null"), "it is neither a block device nor a regular file", "");
}

#[test]
fn a_source_without_bytes_is_refused() {
    let ground = Ground::new();
    let empty = ground.path("empty");
    write_file(&empty, "");
    ground.refuses(&empty, "it has no bytes", "hint: is there a medium in the drive?");
}

#[test]
fn a_user_who_may_not_read_the_source_is_told_what_to_do() {
    if !need(&[Need::Root, Need::LoopDevices, Need::Tool("setpriv")]) {
        return;
    }
    let ground = Ground::new();
    fs::set_permissions(ground.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let source = ground.sample(MIB);
    let device = LoopDevice::attach(&source, LoopAccess::ReadWrite, 512);
    fs::set_permissions(&source, fs::Permissions::from_mode(0o600)).unwrap();
    // The folder in which the program was built may be closed to others.
    let program = ground.path("kanshiki");
    fs::copy(kanshiki_path(), &program).unwrap();
    for source in [&source, device.path()] {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        let ran = run(command.args(ground.exhibit.acquire(source).get_args())).exits(4);
        let hint = "hint: run as root, or let your group read it\n";
        ground.refused(&ran, source, "permission denied", hint);
    }
}

/// An ext4 on a loop device; with a partition table, it lies in the first partition.
fn disk(ground: &Ground, partitioned: bool) -> LoopDevice {
    let file = ground.path("disk");
    write_file(&file, vec![0; 8 << 20]);
    if partitioned {
        let made = format!("echo start=2048 | sfdisk --quiet {}", file.display());
        let _ = run(Command::new("sh").args(["-c", &made])).exits(0);
    }
    let device = LoopDevice::attach(&file, LoopAccess::ReadWrite, 512);
    if partitioned && !device.partition(1).exists() {
        let _ = run(Command::new("partx").arg("--add").arg(device.path())).exits(0);
    }
    let filesystem = if partitioned { device.partition(1) } else { device.path().to_owned() };
    let _ = run(Command::new("mkfs.ext4").arg("-q").arg(filesystem)).exits(0);
    device
}

fn name(device: &Path) -> String {
    device.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_mounted_disk_is_refused_and_copied_with_live_which_is_recorded() {
    if !need(&[Need::LoopDevices, Need::Mount, Need::Tool("mkfs.ext4")]) {
        return;
    }
    let ground = Ground::new();
    let device = disk(&ground, false);
    let mount = Mount::device(device.path(), &ground.new_folder("mount"), "rw");
    let reason = format!("{} is mounted for writing at {}", name(device.path()), mount.point().display());
    ground.refuses(device.path(), &reason, LIVE);

    let ran = run(ground.exhibit.acquire(device.path()).arg("--live"));

    // The filesystem may write meanwhile, which is said then.
    assert!(ran.code == 0 || ran.code == 3, "{}", ran.stderr);
    let manifest = ground.exhibit.manifest();
    assert_eq!(manifest["source"]["live"], true);
    assert!(manifest["run"]["state_before"].to_string().contains(&*mount.point().to_string_lossy()), "{manifest:#}");
    let _ = sha256sum_check(&ground.exhibit.folder()).exits(0);
    drop(mount);
    // Released, it is copied without; that is recorded as well.
    let later = Exhibit::new(ground.exhibit.case(), "E2");
    let _ = run(&mut later.acquire(device.path())).exits(0);
    assert_eq!(later.manifest()["source"]["live"], false);
}

#[test]
fn a_disk_with_a_mounted_partition_is_refused_as_a_whole_and_in_part() {
    let tools = [Need::Tool("mkfs.ext4"), Need::Tool("sfdisk"), Need::Tool("partx")];
    if !need(&[&[Need::LoopDevices, Need::Mount], &tools[..]].concat()) {
        return;
    }
    let ground = Ground::new();
    let device = disk(&ground, true);
    let partition = device.partition(1);
    let mount = Mount::device(&partition, &ground.new_folder("mount"), "ro");
    let reason = format!("{} is mounted read-only at {}", name(&partition), mount.point().display());
    ground.refuses(device.path(), &reason, LIVE);
    ground.refuses(&partition, &reason, LIVE);
    drop(mount);
    let _ = run(&mut ground.exhibit.acquire(&partition)).exits(0);
}

/// A swap area in use; released when the value is dropped.
struct Swap<'a>(&'a Path);

impl Drop for Swap<'_> {
    fn drop(&mut self) {
        let _ = run(Command::new("swapoff").arg(self.0));
    }
}

#[test]
fn a_swap_area_in_use_is_refused() {
    if !need(&[Need::LoopDevices, Need::Mount, Need::Tool("mkswap"), Need::Tool("swapon")]) {
        return;
    }
    let ground = Ground::new();
    let file = ground.path("disk");
    write_file(&file, vec![0; 4 << 20]);
    let device = LoopDevice::attach(&file, LoopAccess::ReadWrite, 512);
    let _ = run(Command::new("mkswap").arg(device.path())).exits(0);
    let _ = run(Command::new("swapon").arg(device.path())).exits(0);
    let swap = Swap(device.path());
    ground.refuses(device.path(), &format!("{} is in use as swap", name(device.path())), LIVE);
    drop(swap);
}

#[test]
fn a_disk_held_by_another_program_is_refused() {
    // open(2): on a block device O_EXCL, 0o200 on Linux, claims it.
    const O_EXCL: i32 = 0o200;
    if !need(&[Need::LoopDevices]) {
        return;
    }
    let ground = Ground::new();
    let device = LoopDevice::attach(&ground.sample(MIB), LoopAccess::ReadWrite, 512);
    let holder = fs::OpenOptions::new().read(true).custom_flags(O_EXCL).open(device.path()).unwrap();
    ground.refuses(device.path(), "it is held by another program or by the kernel", LIVE);
    drop(holder);
    let _ = run(&mut ground.exhibit.acquire(device.path())).exits(0);
}

/// Starts an acquisition whose first reads are slow, and waits until it has written something.
fn slow(exhibit: &Exhibit, source: &Path) -> Running {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null", "-e", "trace=pread64"]);
    // Counted in each thread: the first reads of each of them.
    strace.args(["-e", "inject=pread64:delay_enter=200000:when=1..4"]).arg(kanshiki_path());
    let running = Running::start(strace.args(exhibit.acquire(source).args(["--retries", "0"]).get_args()));
    let image = exhibit.partial().join("image.raw");
    wait_until("something is written", || fs::metadata(&image).is_ok_and(|image| image.len() > 0));
    running
}

#[test]
fn a_source_that_grows_while_it_is_read_is_said_to_have_grown() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let ground = Ground::new();
    let source = ground.sample(12 * MIB);
    let before = sha256sum(&source);
    let running = slow(&ground.exhibit, &source);
    fs::OpenOptions::new().write(true).open(&source).unwrap().set_len(12 * MIB + 700).unwrap();

    let ran = running.wait().exits(3);

    let said = "the source had 12582912 bytes, now 12583612";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    let manifest = ground.exhibit.manifest();
    assert_eq!(manifest["source"]["change"]["differences"][0], said);
    assert_eq!(manifest["image"]["bytes"], 12 * MIB);
    assert_eq!(sha256sum(&ground.exhibit.file("image.raw")), before);
}

#[test]
fn a_source_that_shrinks_while_it_is_read_is_said_to_have_shrunk() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let ground = Ground::new();
    let source = ground.sample(12 * MIB);
    let before = fs::read(&source).unwrap();
    let running = slow(&ground.exhibit, &source);
    let left = 11 * MIB + 5 * 512;
    fs::OpenOptions::new().write(true).open(&source).unwrap().set_len(left).unwrap();

    let ran = running.wait().exits(3);

    let said = format!("the source had 12582912 bytes, now {left}");
    assert!(ran.stdout.contains(&said), "{}", ran.stdout);
    let manifest = ground.exhibit.manifest();
    let differences: Vec<&str> =
        manifest["source"]["change"]["differences"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(differences.contains(&said.as_str()), "{differences:?}");
    // What was cut off is missing, and said to be; what is left is whole.
    assert_eq!(manifest["image"]["unreadable"], json!([{"start": left, "end": 12 * MIB}]));
    let image = ground.exhibit.image();
    assert_eq!(image.len(), before.len());
    let left = usize::try_from(left).unwrap();
    assert!(image[..left] == before[..left] && image[left..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_disk_that_vanishes_midway_ends_the_work_and_is_resumed_when_it_is_back() {
    if !need(BadDevice::NEEDS) {
        return;
    }
    let ground = Ground::new();
    let source = ground.sample(16 * MIB);
    let mut device = BadDevice::scripted(&source, 512, "sleep 0.01");
    let running = Running::start(&mut ground.exhibit.acquire(device.path()));
    let image = ground.exhibit.partial().join("image.raw");
    wait_until("something is written", || fs::metadata(&image).is_ok_and(|image| image.len() > 0));
    device.vanish();

    let ran = running.wait().exits(4);

    assert!(ran.stderr.contains("error: the source stopped at byte "), "{}", ran.stderr);
    assert!(ran.stderr.contains("what was read before cannot be read any more either"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("hint: when the source is back, the same command with --resume goes on"),
        "{}",
        ran.stderr
    );
    assert!(!ground.exhibit.folder().exists());
    drop(device);
    let back = BadDevice::new(&source, 512, &[]);
    let _ = run(ground.exhibit.acquire(back.path()).arg("--resume")).exits(0);
    assert_eq!(sha256sum(&ground.exhibit.file("image.raw")), sha256sum(&source));
    assert_eq!(ground.exhibit.manifest()["image"]["unreadable"], json!([]));
    let _ = sha256sum_check(&ground.exhibit.folder()).exits(0);
}

#[test]
fn a_case_given_again_through_a_link_and_a_file_as_a_second_destination_are_refused() {
    let ground = Ground::new();
    let source = ground.sample(MIB);
    let case = ground.exhibit.case();
    let link = case.with_file_name("link");
    fs::create_dir(case).unwrap();
    std::os::unix::fs::symlink(case, &link).unwrap();
    let ran = run(ground.exhibit.acquire(&source).arg("--also").arg(&link)).exits(4);
    assert!(ran.stderr.contains("because: it is given twice as a destination\n"), "{}", ran.stderr);
    let file = case.with_file_name("file");
    write_file(&file, "x");
    let ran = run(ground.exhibit.acquire(&source).arg("--also").arg(&file)).exits(4);
    assert!(ran.stderr.contains("because: not a directory\n"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(case).unwrap().count(), 0, "something was made for nothing");
}

#[test]
fn a_part_of_a_split_source_that_is_no_file_is_named() {
    let ground = Ground::new();
    let folder = ground.new_folder("parts");
    write_file(&folder.join("d.001"), vec![1; 4096]);
    write_file(&folder.join("d.002"), vec![2; 1024]);
    write_file(&folder.join("d.003"), vec![3; 100]);
    fs::create_dir(folder.join("d.004")).unwrap();
    let ran = run(&mut ground.exhibit.acquire(&folder.join("d.001"))).exits(4);
    assert!(ran.stderr.contains("d.004`\n") && ran.stderr.contains("is a directory"), "{}", ran.stderr);
    fs::remove_dir(folder.join("d.004")).unwrap();
    let _ = run(std::process::Command::new("mkfifo").arg(folder.join("d.004"))).exits(0);
    let ran = run(&mut ground.exhibit.acquire(&folder.join("d.001"))).exits(4);
    assert!(ran.stderr.contains("d.004`\n") && ran.stderr.contains("is a pipe"), "{}", ran.stderr);
    fs::remove_file(folder.join("d.004")).unwrap();
    // A part in the middle that is shorter than the first is copied, and told.
    let ran = run(&mut ground.exhibit.acquire(&folder.join("d.001"))).exits(3);
    assert!(ran.stdout.contains("d.002` has 1024 bytes, the first one 4096"), "{}", ran.stdout);
    assert!(ground.exhibit.manifest()["issues"].to_string().contains("has 1024 bytes"));
}

#[test]
fn parts_without_a_byte_are_an_error_of_the_command_line() {
    let ground = Ground::new();
    let source = ground.sample(MIB);
    let ran = run(ground.exhibit.acquire(&source).args(["--format", "split", "--split-size", "0"])).exits(2);
    assert!(ran.stderr.contains("a part has at least one byte"), "{}", ran.stderr);
}

#[test]
fn a_later_part_of_a_split_image_is_no_source() {
    let place = kanshiki_testkit::Workplace::new();
    for number in 1..=3 {
        kanshiki_testkit::write_file(&place.path(&format!("disk.00{number}")), vec![number; 5000]);
    }
    let ran = place.acquire(place.path("disk.002"), &[]).exits(4);
    assert!(ran.stderr.contains("it is a later part of a split image"), "{}", ran.stderr);
    assert!(ran.stderr.contains("give its first part, `") && ran.stderr.contains("disk.001`"), "{}", ran.stderr);
    assert!(!place.case().exists());
    let _ = place.acquire(place.path("disk.001"), &[]).exits(0);
}

/// Runs `kanshiki acquire -` with the first so many bytes of a file as standard input.
#[track_caller]
fn stream(place: &kanshiki_testkit::Workplace, bytes: &[u8], more: &[&str]) -> kanshiki_testkit::Ran {
    let input = place.path("input");
    write_file(&input, bytes);
    place.acquire_stdin(&input, more)
}

#[test]
fn a_stream_that_is_cut_short_or_goes_on_too_long_is_not_taken_for_the_source() {
    let place = kanshiki_testkit::Workplace::new();
    let bytes = kanshiki_testkit::noise(3, usize::try_from(5 * MIB).unwrap());
    let size = ["--size", "5M"];
    let ran = stream(&place, &bytes[..3_000_000], &size).exits(4);
    assert!(
        ran.stderr.contains("stopped at byte 3000000: standard input ended, and --size tells of"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("--resume"), "{}", ran.stderr);
    assert!(!place.exhibit().exists());
    let long = [bytes.as_slice(), b"more"].concat();
    let ran = stream(&place, &long, &["--size", "5M", "--resume"]).exits(4);
    assert!(ran.stderr.contains("standard input gives more than the 5242880 bytes"), "{}", ran.stderr);
    let ran = stream(&place, &bytes, &["--size", "5M", "--resume", "--quiet"]).exits(0);
    assert_eq!(ran.stderr, "");
    assert!(kanshiki_testkit::restored(&place.exhibit()) == bytes);
    assert_eq!(kanshiki_testkit::manifest(&place.exhibit())["issues"], json!([]));
    let other = kanshiki_testkit::Workplace::new();
    let ran = stream(&other, &bytes, &[]).exits(0);
    assert!(ran.stderr.contains("the end of standard input is taken for the end of the source"), "{}", ran.stderr);
    let issues = kanshiki_testkit::manifest(&other.exhibit())["issues"].to_string();
    assert!(issues.contains("is taken for the end of the source"), "{issues}");
}

#[test]
fn options_that_say_nothing_and_texts_that_are_too_long_are_errors_of_the_command_line() {
    let place = kanshiki_testkit::Workplace::new();
    let source = place.path("source");
    write_file(&source, b"kanshiki");
    let long = "x".repeat(70_000);
    for more in [["--size", "8"], ["--examiner", &long]] {
        let _ = place.acquire(&source, &more).exits(2);
    }
    let _ = place.acquire("-", &["--twice"]).exits(2);
    assert!(!place.case().exists());
    let options =
        ["--hash md5", "--format zstd", "--live", "--twice", "--retries 2", "--examiner x", "--no-verify", "--size 5"];
    for option in options {
        let ran = kanshiki_testkit::kanshiki(["acquire", "--list"].into_iter().chain(option.split(' '))).exits(2);
        assert!(ran.stderr.contains("--list"), "{}", ran.stderr);
    }
}

#[test]
fn a_link_to_a_case_that_is_not_there_yet_is_the_same_destination() {
    let place = kanshiki_testkit::Workplace::new();
    let source = place.path("source");
    write_file(&source, b"kanshiki");
    std::os::unix::fs::symlink("case", place.path("link")).unwrap();
    let link = place.path("link").display().to_string();
    let ran = place.acquire(&source, &["--also", &link]).exits(4);
    assert!(ran.stderr.contains("because: it is given twice as a destination\n"), "{}", ran.stderr);
    assert!(!place.case().exists());
}

#[test]
fn a_gap_in_a_split_image_is_told_with_what_helps() {
    let place = kanshiki_testkit::Workplace::new();
    for number in [1, 3] {
        write_file(&place.path(&format!("disk.00{number}")), vec![number; 5000]);
    }
    let ran = place.acquire(place.path("disk.001"), &[]).exits(4);
    assert!(ran.stderr.contains("hint: bring the missing part"), "{}", ran.stderr);
}
