//! `kanshiki mount`, with a mount of the kernel's beside it.

use kanshiki_testkit::{
    LoopAccess, LoopDevice, Mount, Need, Ran, Running, Workplace, ext_image, kanshiki, kanshiki_path, need, noise, run,
    sha256sum, tool_path, wait_until, write_file,
};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const NEEDS: &[Need] = &[Need::Root, Need::LoopDevices, Need::Mount, Need::Fuse, Need::Tool("mkfs.ext4")];

/// A mount by kanshiki that is under way.
struct Shown {
    running: Option<Running>,
    point: PathBuf,
}

impl Shown {
    /// Mounts an image on a new folder of the workplace.
    #[track_caller]
    fn of(place: &Workplace, image: impl AsRef<OsStr>, more: &[&str]) -> Self {
        let point = place.path("shown");
        std::fs::create_dir(&point).unwrap();
        let mut command = Command::new(kanshiki_path());
        command.arg("mount").arg(image).arg(&point).args(more);
        Self::start(&mut command, point)
    }

    #[track_caller]
    fn start(command: &mut Command, point: PathBuf) -> Self {
        let running = Running::start(command);
        wait_until("the mount is there", || is_mounted(&point));
        Self { running: Some(running), point }
    }

    #[track_caller]
    fn end(mut self, signal: &str) -> Ran {
        let running = self.running.take().unwrap();
        running.signal(signal);
        running.wait()
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.running.is_some() {
            let _ = run(Command::new("umount").arg("--lazy").arg(&self.point));
        }
    }
}

fn is_mounted(point: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().any(|line| line.split(' ').nth(4) == point.to_str())
}

/// All below a folder, itself too, in the order of the bytes of their paths.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    let mut at = 0;
    while let Some(inside) = found.get(at).cloned() {
        at += 1;
        if folder.join(&inside).symlink_metadata().unwrap().is_dir() {
            found.extend(
                std::fs::read_dir(folder.join(&inside)).unwrap().map(|entry| inside.join(entry.unwrap().file_name())),
            );
        }
    }
    found.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    found
}

fn xattrs(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut names = vec![0; 65_536];
    let length = rustix::fs::llistxattr(path, names.as_mut_slice()).unwrap();
    let mut found: Vec<_> = names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0; 65_536];
            let length = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), value.as_mut_slice()).unwrap();
            (name.to_vec(), value[..length].to_vec())
        })
        .collect();
    found.sort();
    found
}

fn fill(root: &Path) {
    std::fs::create_dir_all(root.join("etc/deep/deeper")).unwrap();
    for size in [0, 1, 60, 4095, 4096, 4097, 300_000, 5_000_000] {
        write_file(&root.join(format!("etc/deep/{size}")), noise(size, size as usize));
    }
    let sparse = std::fs::File::create(root.join("sparse")).unwrap();
    sparse.write_all_at(b"middle", 5_000_000).unwrap();
    sparse.set_len(9_000_001).unwrap();
    for name in [b"\xff\xfe".as_slice(), b"new\nline", b"\x1b[2J", &[b'n'; 255]] {
        write_file(&root.join(OsStr::from_bytes(name)), name);
    }
    write_file(&root.join("secret"), "of its owner alone");
    std::fs::set_permissions(root.join("secret"), std::fs::Permissions::from_mode(0o4600)).unwrap();
    std::os::unix::fs::lchown(root.join("secret"), Some(4_000_000_000), Some(70_000)).unwrap();
    std::fs::hard_link(root.join("secret"), root.join("etc/second name")).unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    symlink("t".repeat(1000), root.join("long link")).unwrap();
    let node = |name: &str, kind, device| {
        rustix::fs::mknodat(rustix::fs::CWD, root.join(name), kind, 0o640.into(), device).unwrap();
    };
    node("null", rustix::fs::FileType::CharacterDevice, rustix::fs::makedev(1, 3));
    node("far", rustix::fs::FileType::BlockDevice, rustix::fs::makedev(259, 70_000));
    node("pipe", rustix::fs::FileType::Fifo, 0);
    node("socket", rustix::fs::FileType::Socket, 0);
    let set = |name: &str, value: &[u8]| {
        rustix::fs::setxattr(root.join("etc"), name, value, rustix::fs::XattrFlags::empty()).unwrap();
    };
    set("user.note", b"\x01\xfe");
    set("user.long", &noise(3, 700));
    set("trusted.kanshiki", b"trusted");
    let none = [255; 4];
    let mut acl = vec![2, 0, 0, 0];
    for (tag, number) in [(1, none), (2, [0xe8, 3, 0, 0]), (4, none), (0x10, none), (0x20, none)] {
        acl.extend_from_slice(&[tag, 0, 6, 0]);
        acl.extend_from_slice(&number);
    }
    set("system.posix_acl_access", &acl);
    for (number, (seconds, nanoseconds)) in [(-5, 7), (0, 1), (4_300_000_000, 999_999_999)].into_iter().enumerate() {
        let path = root.join(format!("time {number}"));
        write_file(&path, "");
        let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(rustix::fs::CWD, &path, &times, rustix::fs::AtFlags::empty()).unwrap();
    }
}

#[test]
fn the_mount_shows_what_the_kernel_shows() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let (image, point) = (place.path("image"), place.path("mount"));
    ext_image(&image, 64, &[], fill);
    std::fs::create_dir(&point).unwrap();
    let device = LoopDevice::attach(&image, LoopAccess::ReadOnly, 512);
    let kernel = Mount::device(device.path(), &point, "ro,noload,noatime");
    let shown = Shown::of(&place, &image, &[]);
    let paths = below(kernel.point());
    assert_eq!(below(&shown.point), paths);
    assert!(paths.len() > 25);
    for inside in paths {
        let (theirs, ours) = (kernel.point().join(&inside), shown.point.join(&inside));
        let facts = |path: &Path| {
            let m = path.symlink_metadata().unwrap();
            let times = [m.atime(), m.atime_nsec(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec()];
            (m.ino(), m.mode(), m.uid(), m.gid(), m.size(), m.nlink(), m.rdev(), m.blocks(), times)
        };
        assert_eq!(facts(&ours), facts(&theirs), "{}", inside.display());
        assert_eq!(xattrs(&ours), xattrs(&theirs), "{}", inside.display());
        let metadata = theirs.symlink_metadata().unwrap();
        if metadata.is_file() {
            assert_eq!(std::fs::read(&ours).unwrap(), std::fs::read(&theirs).unwrap(), "{}", inside.display());
        } else if metadata.is_symlink() {
            assert_eq!(std::fs::read_link(&ours).unwrap(), std::fs::read_link(&theirs).unwrap());
        }
    }
    let hole = |point: &Path| {
        let file = std::fs::File::open(point.join("sparse")).unwrap();
        rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(0)).unwrap()
    };
    assert_eq!(hole(&shown.point), hole(kernel.point()));
    assert_eq!(shown.end("-INT").code, 0);
}

#[test]
fn nothing_can_be_written_or_run_and_devices_do_not_work() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let image = place.path("image");
    ext_image(&image, 16, &[], |root| {
        fill_program(root);
        let device = rustix::fs::makedev(1, 3);
        let kind = rustix::fs::FileType::CharacterDevice;
        rustix::fs::mknodat(rustix::fs::CWD, root.join("null"), kind, 0o666.into(), device).unwrap();
    });
    let before = sha256sum(&image);
    let shown = Shown::of(&place, &image, &[]);
    let denied = |result: std::io::Result<()>| result.unwrap_err().raw_os_error();
    let (read_only, no_access) = (Some(30), Some(13));
    assert_eq!(denied(std::fs::write(shown.point.join("new"), "")), read_only);
    assert_eq!(denied(std::fs::remove_file(shown.point.join("program"))), read_only);
    assert_eq!(denied(std::fs::create_dir(shown.point.join("new"))), read_only);
    assert_eq!(denied(Command::new(shown.point.join("program")).status().map(drop)), no_access);
    assert_eq!(denied(std::fs::read(shown.point.join("null")).map(drop)), no_access);
    let options = run(Command::new("findmnt").args(["-n", "-o", "OPTIONS"]).arg(&shown.point)).exits(0).stdout;
    for option in ["ro", "nosuid", "nodev", "noexec", "noatime"] {
        assert!(options.trim().split(',').any(|found| found == option), "{options}");
    }
    assert_eq!(shown.end("-TERM").code, 0);
    assert_eq!(sha256sum(&image), before);
}

fn fill_program(root: &Path) {
    write_file(&root.join("program"), "#!/bin/sh\n");
    std::fs::set_permissions(root.join("program"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_large_directory_is_listed_whole_and_many_read_at_once() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let image = place.path("image");
    ext_image(&image, 128, &["-N", "40000"], |root| {
        for number in 0..30_000 {
            write_file(&root.join(format!("a name of some length {number}")), "");
        }
        for number in 0..40 {
            write_file(&root.join(format!("file {number}")), noise(number, 600_000));
        }
    });
    let shown = Shown::of(&place, &image, &["--threads", "8"]);
    let names: std::collections::BTreeSet<_> =
        std::fs::read_dir(&shown.point).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 30_041);
    std::thread::scope(|scope| {
        for reader in 0..8 {
            let point = &shown.point;
            scope.spawn(move || {
                for number in (0..40).map(|number| (number + reader * 5) % 40) {
                    let bytes = std::fs::read(point.join(format!("file {number}"))).unwrap();
                    assert!(bytes == noise(number, 600_000), "file {number}");
                }
                assert_eq!(std::fs::read_dir(point).unwrap().count(), 30_041);
            });
        }
    });
    assert_eq!(shown.end("-INT").code, 0);
}

#[test]
fn a_mount_ends_by_signals_and_by_fusermount_and_frees_its_folder_also_while_in_use() {
    if !need(NEEDS) || !need(&[Need::Tool("fusermount3")]) {
        return;
    }
    let place = Workplace::new();
    let image = place.path("image");
    ext_image(&image, 16, &[], |root| write_file(&root.join("a"), "a"));
    for signal in ["-INT", "-TERM", "-HUP"] {
        let shown = Shown::of(&place, &image, &[]);
        let point = shown.point.clone();
        let ran = shown.end(signal);
        assert_eq!((ran.code, is_mounted(&point)), (0, false), "{}", ran.stderr);
        std::fs::remove_dir(&point).unwrap();
    }
    let mut shown = Shown::of(&place, &image, &[]);
    let _ = run(Command::new(tool_path("fusermount3").unwrap()).arg("-u").arg(&shown.point)).exits(0);
    let ran = shown.running.take().unwrap().wait();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    std::fs::remove_dir(&shown.point).unwrap();
    let shown = Shown::of(&place, &image, &[]);
    let (point, held) = (shown.point.clone(), std::fs::File::open(shown.point.join("a")).unwrap());
    let ran = shown.end("-INT");
    assert_eq!((ran.code, is_mounted(&point)), (0, false), "{}", ran.stderr);
    assert!(ran.stderr.contains("in use"), "{}", ran.stderr);
    drop(held);
}

#[test]
fn disks_and_volumes_are_shown_as_raw_files() {
    if !need(NEEDS) || !need(&[Need::Tool("sfdisk"), Need::Tool("zstd")]) {
        return;
    }
    let place = Workplace::new();
    let (disk, volume) = (place.path("disk"), place.path("volume"));
    ext_image(&volume, 16, &[], |root| write_file(&root.join("a"), "a"));
    let script = "label: gpt\nfirst-lba: 2048\nsize=16MiB\nsize=16MiB\n";
    let file = std::fs::File::create(&disk).unwrap();
    file.set_len(40 << 20).unwrap();
    let table = place.path("table");
    write_file(&table, script);
    let _ = run(Command::new("sh").arg("-c").arg(format!("sfdisk -q '{}' < '{}'", disk.display(), table.display())))
        .exits(0);
    file.write_all_at(&std::fs::read(&volume).unwrap(), 17 << 20).unwrap();
    let _ = place.acquire(&disk, &["--format", "zstd"]).exits(0);
    let shown = Shown::of(&place, place.exhibit(), &["--raw"]);
    let names: Vec<_> = below(&shown.point).into_iter().skip(1).collect();
    assert_eq!(names, ["disk", "p1", "p2"].map(PathBuf::from));
    assert_eq!(sha256sum(&shown.point.join("disk")), sha256sum(&disk));
    assert_eq!(sha256sum(&shown.point.join("p2")), sha256sum(&volume));
    let again = kanshiki([OsStr::new("ls"), shown.point.join("p2").as_os_str()]).exits(0);
    assert!(again.stdout.contains('a'));
    assert_eq!(shown.end("-INT").code, 0);
    std::fs::remove_dir(place.path("shown")).unwrap();
    let mut second = place.exhibit().into_os_string();
    second.push(":p2");
    let shown = Shown::of(&place, second, &[]);
    assert_eq!(std::fs::read_to_string(shown.point.join("a")).unwrap(), "a");
    assert_eq!(shown.end("-INT").code, 0);
}

#[test]
fn impossible_names_are_shown_in_hexadecimal_and_damage_is_an_error() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let image = place.path("image");
    ext_image(&image, 16, &["-O", "^metadata_csum,^dir_index"], |root| {
        write_file(&root.join("escape_a"), "escaped");
        write_file(&root.join("damaged"), noise(1, 50_000));
    });
    let mut bytes = std::fs::read(&image).unwrap();
    while let Some(at) = bytes.windows(8).position(|window| window == b"escape_a") {
        bytes[at..at + 8].copy_from_slice(b"../../aa");
    }
    write_file(&image, bytes);
    kanshiki_testkit::debugfs_write(&image, "sif /damaged mode 0");
    let shown = Shown::of(&place, &image, &[]);
    let escaped = shown.point.join("kanshiki-name-2e2e2f2e2e2f6161");
    assert_eq!(std::fs::read_to_string(&escaped).unwrap(), "escaped");
    assert!(std::fs::read_dir(&shown.point).unwrap().any(|entry| entry.unwrap().path() == escaped));
    let error = shown.point.join("damaged").symlink_metadata().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(117));
    let ran = shown.end("-INT");
    assert!(ran.code == 0 && ran.stderr.contains("the mode 0000000 holds no type"), "{}", ran.stderr);
}

#[test]
fn a_file_of_a_cut_image_is_read_to_the_last_byte_that_is_there_and_then_an_error_comes() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let image = place.path("image");
    ext_image(&image, 16, &["-O", "^has_journal"], |root| write_file(&root.join("last"), vec![b'z'; 30_000]));
    let bytes = std::fs::read(&image).unwrap();
    let end = bytes.windows(64).rposition(|window| window == [b'z'; 64]).unwrap() + 64;
    std::fs::File::options().write(true).open(&image).unwrap().set_len(end as u64 - 3001).unwrap();
    let shown = Shown::of(&place, &image, &[]);
    let mut file = std::fs::File::open(shown.point.join("last")).unwrap();
    let mut read = Vec::new();
    let error = std::io::Read::read_to_end(&mut file, &mut read).unwrap_err();
    assert_eq!((read.len(), error.raw_os_error()), (26_999, Some(5)));
    assert!(read.iter().all(|byte| *byte == b'z'));
    assert_eq!(file.metadata().unwrap().len(), 30_000);
    drop(file);
    let ran = shown.end("-INT");
    assert!(ran.stderr.contains("bytes 26999-30000 are not there"), "{}", ran.stderr);
}

#[test]
fn an_ordinary_user_mounts_with_the_help_of_fusermount() {
    if !need(NEEDS) || !need(&[Need::Tool("fusermount3"), Need::Tool("setpriv")]) {
        return;
    }
    let place = Workplace::new();
    let (image, point) = (place.path("image"), place.path("shown"));
    ext_image(&image, 16, &[], |root| write_file(&root.join("secret"), "secret"));
    let program = place.path("kanshiki");
    std::fs::copy(kanshiki_path(), &program).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&image, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(place.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(&point).unwrap();
    std::os::unix::fs::chown(&point, Some(65_534), Some(65_534)).unwrap();
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let mut command = Command::new(tool_path("setpriv").unwrap());
    command.args(user).arg(&program).arg("mount").arg(&image).arg(&point);
    let shown = Shown::start(&mut command, point.clone());
    let read =
        run(Command::new(tool_path("setpriv").unwrap()).args(user).arg("cat").arg(point.join("secret"))).exits(0);
    assert_eq!(read.stdout, "secret");
    let ran = shown.end("-INT");
    assert_eq!((ran.code, is_mounted(&point)), (0, false), "{}", ran.stderr);
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let image = place.path("image");
    ext_image(&image, 16, &[], |_| {});
    let (image, point) = (image.to_str().unwrap(), place.path("no-such"));
    let refused = kanshiki(["mount", image, point.to_str().unwrap()]).exits(4);
    assert!(refused.stderr.contains("DIR must exist"), "{}", refused.stderr);
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let (image, point) = (place.path("image"), place.path("file"));
    ext_image(&image, 16, &[], |_| {});
    write_file(&point, "mine\n");
    let refused = kanshiki(["mount", image.to_str().unwrap(), point.to_str().unwrap()]).exits(4);
    let told = format!("error: cannot mount on `{}`\n  because: not a directory\n", point.display());
    assert!(refused.stderr.starts_with(&told), "{}", refused.stderr);
    assert!(!is_mounted(&point));
    assert_eq!(std::fs::read_to_string(&point).unwrap(), "mine\n");
}
