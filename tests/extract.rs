//! `kanshiki extract`, with the kernel's own reading of the same image beside it.

use kanshiki_testkit::{
    LoopAccess, LoopDevice, Mount, Need, Ran, Running, Workplace, custody_acts, debugfs_write, ext_image, kanshiki,
    kanshiki_path, need, noise, run, sha256sum, sha256sum_check, wait_until, workspace_root, write_file,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const NEEDS: &[Need] = &[Need::Root, Need::LoopDevices, Need::Mount, Need::Tool("mkfs.ext4"), Need::Tool("debugfs")];

/// Runs `kanshiki extract IMAGE … --to OUT`.
fn extract(image: &Path, more: &[&str], out: &Path) -> Ran {
    run(Command::new(kanshiki_path()).arg("extract").arg(image).args(more).arg("--to").arg(out))
}

/// The entries of a manifest by the bytes of their paths.
fn entries(out: &Path) -> BTreeMap<Vec<u8>, Value> {
    let text = std::fs::read_to_string(out.join("manifest.jsonl")).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let path = |record: &Value| match record["path_hex"].as_str() {
        Some(hex) => hex
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect(),
        None => record["path"].as_str().unwrap().as_bytes().to_vec(),
    };
    records.filter(|record| record["type"] == "entry").map(|record| (path(&record), record)).collect()
}

fn end(out: &Path) -> Value {
    let text = std::fs::read_to_string(out.join("manifest.jsonl")).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// All below a folder, itself not.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(below(&entry.path()));
        }
        found.push(entry.path());
    }
    found
}

fn fill(root: &Path) {
    std::fs::create_dir_all(root.join("etc/ssh")).unwrap();
    for size in [0, 1, 60, 4095, 4096, 4097, 300_000, 3_000_000] {
        write_file(&root.join(format!("etc/{size}")), noise(size, size as usize));
    }
    let sparse = std::fs::File::create(root.join("sparse")).unwrap();
    sparse.write_all_at(b"end", 30 << 20).unwrap();
    for name in [
        b"\xff\xfe".as_slice(),
        b"new\nline",
        b"\x1b[2J",
        "\u{202e}gpj.exe".as_bytes(),
        b"-rf",
        b"README",
        b"readme",
        &[b'n'; 255],
    ] {
        write_file(&root.join(OsStr::from_bytes(name)), name);
    }
    write_file(&root.join("suid"), "#!/bin/sh");
    std::fs::set_permissions(root.join("suid"), std::fs::Permissions::from_mode(0o6755)).unwrap();
    std::fs::hard_link(root.join("suid"), root.join("second name")).unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    symlink("../../../../../../tmp", root.join("up")).unwrap();
    let device = rustix::fs::makedev(1, 3);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("null"),
        rustix::fs::FileType::CharacterDevice,
        0o666.into(),
        device,
    )
    .unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    rustix::fs::setxattr(root.join("etc/1"), "user.note", b"\x01\xfe", rustix::fs::XattrFlags::empty()).unwrap();
}

fn time(seconds: i64, nanoseconds: i64) -> String {
    let said = run(Command::new("date").args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%S"])).exits(0);
    format!("{}.{nanoseconds:09}Z", said.stdout.trim())
}

#[test]
fn everything_that_the_kernel_shows_comes_out_with_its_bytes_and_metadata() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let (image, out, point) = (place.path("image"), place.path("out"), place.path("mount"));
    ext_image(&image, 64, &[], fill);
    let _ = extract(&image, &["--extents"], &out).exits(0);
    let _ = sha256sum_check(&out).exits(0);
    std::fs::create_dir(&point).unwrap();
    let device = LoopDevice::attach(&image, LoopAccess::ReadOnly, 512);
    let mount = Mount::device(device.path(), &point, "ro,noload");
    let entries = entries(&out);
    let expected = below(mount.point());
    // The root is an entry too.
    assert_eq!(entries.len(), expected.len() + 1);
    let mut files = 0;
    for path in expected {
        let inside = [b"/", path.strip_prefix(mount.point()).unwrap().as_os_str().as_bytes()].concat();
        let (entry, metadata) = (&entries[&inside], path.symlink_metadata().unwrap());
        assert_eq!(entry["inode"], json!(metadata.ino()), "{}", path.display());
        assert_eq!(entry["mode"], json!(metadata.mode()));
        assert_eq!((&entry["uid"], &entry["gid"]), (&json!(metadata.uid()), &json!(metadata.gid())));
        assert_eq!((&entry["size"], &entry["links"]), (&json!(metadata.size()), &json!(metadata.nlink())));
        assert_eq!(entry["modified"], time(metadata.mtime(), metadata.mtime_nsec()));
        assert_eq!(entry["changed"], time(metadata.ctime(), metadata.ctime_nsec()));
        if metadata.is_symlink() {
            assert_eq!(entry["link_target"], std::fs::read_link(&path).unwrap().to_str().unwrap());
        }
        let output = entry["output"].as_str().or(entry["same_as"].as_str()).map(|output| out.join(output));
        assert_eq!(output.is_some(), metadata.is_file() || metadata.is_dir(), "{}", path.display());
        let Some(output) = output.filter(|_| metadata.is_file()) else { continue };
        files += 1;
        assert_eq!(sha256sum(&output), sha256sum(&path), "{}", path.display());
        assert!(entry["status"] == "same-file" || entry["sha256"] == sha256sum(&path));
        assert_eq!(output.metadata().unwrap().mode() & 0o7777, 0o400);
    }
    assert_eq!(files, 19);
    assert_eq!(entries[b"/etc/1".as_slice()]["xattrs"][0]["value_hex"], "01fe");
    assert!(out.join("files/sparse").metadata().unwrap().blocks() < 100);
    assert!(below(&out).iter().all(|path| path.is_file() || path.is_dir()));
    assert!(below(&out).iter().all(|path| path.symlink_metadata().unwrap().nlink() == 1 || path.is_dir()));
}

/// An image whose entries `escape_a` and so on were written over with names that no kernel writes.
fn hostile_image(image: &Path) {
    ext_image(image, 16, &["-O", "^metadata_csum,^dir_index", "-I", "256"], |root| {
        std::fs::create_dir(root.join("escape_d")).unwrap();
        write_file(&root.join("escape_d/inside"), "inside");
        for name in ["escape_a", "escape_b", "escape_c"] {
            write_file(&root.join(name), name);
        }
    });
    let mut bytes = std::fs::read(image).unwrap();
    for (old, new) in [
        (b"escape_a", b"../../aa"),
        (b"escape_b", b"/tmp/bbb"),
        (b"escape_c", b"a\0c\x1b[2J\n"),
        (b"escape_d", b"../../dd"),
    ] {
        let mut patched = 0;
        while let Some(at) = bytes.windows(8).position(|window| window == old) {
            bytes[at..at + 8].copy_from_slice(new);
            patched += 1;
        }
        assert!(patched >= 1);
    }
    write_file(image, bytes);
}

#[test]
fn names_that_lead_elsewhere_in_the_image_lead_nowhere_in_the_output() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let (image, out) = (place.path("image"), place.path("a/b/out"));
    hostile_image(&image);
    std::fs::create_dir_all(place.path("a/b")).unwrap();
    let ran = extract(&image, &[], &out);
    assert!(ran.code == 0 || ran.code == 3, "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stdout.contains('\u{1b}'));
    assert_eq!(std::fs::read_dir(place.path("a/b")).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(place.path("a")).unwrap().count(), 1);
    assert!(!place.path("aa").exists() && !Path::new("/tmp/bbb").exists());
    assert_eq!(std::fs::read_to_string(out.join("files/..%2F..%2Fdd/inside")).unwrap(), "inside");
    assert!(out.join("files/..%2F..%2Faa").is_file() && out.join("files/%2Ftmp%2Fbbb").is_file());
    let _ = sha256sum_check(&out).exits(0);
}

#[test]
fn what_is_damaged_is_told_and_the_rest_comes_out() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let (image, out) = (place.path("image"), place.path("out"));
    ext_image(&image, 16, &["-O", "extent,^metadata_csum"], |root| {
        write_file(&root.join("damaged"), noise(1, 50_000));
        write_file(&root.join("good"), noise(2, 50_000));
    });
    debugfs_write(&image, "sif /damaged block[0] 0");
    let ran = extract(&image, &[], &out).exits(3);
    assert!(ran.stderr.contains("/damaged"), "{}", ran.stderr);
    let entries = entries(&out);
    assert_eq!(entries[b"/good".as_slice()]["status"], "extracted");
    assert!(["failed", "partial"].contains(&entries[b"/damaged".as_slice()]["status"].as_str().unwrap()));
    assert_eq!(end(&out)["complete"], true);
    let _ = sha256sum_check(&out).exits(0);
}

#[test]
fn a_deleted_file_comes_out_by_its_inode() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let (image, out) = (place.path("image"), place.path("out"));
    let mut inode = 0;
    ext_image(&image, 16, &["-O", "^extent,^64bit,^has_journal,^metadata_csum"], |root| {
        write_file(&root.join("gone"), noise(5, 70_000));
        inode = root.join("gone").metadata().unwrap().ino();
    });
    debugfs_write(&image, "rm /gone");
    let _ = extract(&image, &["--inode", &inode.to_string()], &out).exits(0);
    assert_eq!(std::fs::read(out.join(format!("inodes/inode-{inode}"))).unwrap(), noise(5, 70_000));
    assert_eq!(entries(&out)[format!("/$inode-{inode}").as_bytes()]["state"], "deleted");
}

#[test]
fn a_sparse_file_of_10_tib_fills_no_disk_and_takes_no_hours() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let (image, out) = (place.path("image"), place.path("out"));
    ext_image(&image, 64, &["-b", "4096"], |root| {
        let sparse = std::fs::File::create(root.join("sparse")).unwrap();
        sparse.write_all_at(b"end", (10 << 40) - 3).unwrap();
    });
    let begun = std::time::Instant::now();
    let _ = extract(&image, &["/sparse"], &out).exits(3);
    assert!(begun.elapsed().as_secs() < 10);
    let copy = std::fs::File::open(out.join("files/sparse")).unwrap();
    assert_eq!(copy.metadata().unwrap().len(), 10 << 40);
    assert!(copy.metadata().unwrap().blocks() < 100);
    let mut last = [0; 4];
    copy.read_exact_at(&mut last, (10 << 40) - 4).unwrap();
    assert_eq!(&last, b"\0end");
}

#[test]
fn an_extraction_from_an_exhibit_is_entered_in_the_custody_log() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let (image, out) = (place.path("image"), place.path("out"));
    ext_image(&image, 16, &[], |root| write_file(&root.join("evidence"), "evidence"));
    let _ = place.acquire(&image, &["--format", "zstd"]).exits(0);
    let case = place.case();
    let to_case = ["--case", case.to_str().unwrap(), "--examiner", "A. Mori"];
    let _ = extract(&place.exhibit(), &to_case, &out).exits(0);
    assert_eq!(std::fs::read_to_string(out.join("files/evidence")).unwrap(), "evidence");
    assert_eq!(custody_acts(&case), ["opened", "acquired", "copied"]);
    let act: Value = serde_json::from_slice(&std::fs::read(case.join("custody/00000002.json")).unwrap()).unwrap();
    assert_eq!(act["subjects"][0]["sha256"], sha256sum(&out.join("manifest.jsonl")));
    assert_eq!(act["who"], "A. Mori");
    let _ = run(Command::new("sh").arg(case.join("verify.sh"))).exits(0);
    let _ = place.verify(&[]).exits(0);
    let begin = std::fs::read_to_string(out.join("manifest.jsonl")).unwrap();
    let begin: Value = serde_json::from_str(begin.lines().next().unwrap()).unwrap();
    assert_eq!(begin["images"][0]["exhibit"], "E1");
    assert_eq!(begin["images"][0]["digests"]["sha256"], sha256sum(&image));
    let refused = extract(&place.exhibit(), &to_case, &case.join("out")).exits(4);
    assert!(refused.stderr.contains("inside the case folder"), "{}", refused.stderr);
}

#[test]
fn a_folder_that_is_not_empty_and_a_path_that_is_not_there_are_refused() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let (image, out) = (place.path("image"), place.path("out"));
    ext_image(&image, 16, &[], |root| write_file(&root.join("a"), "a"));
    let refused = extract(&image, &["/no/such"], &out).exits(4);
    assert!(refused.stderr.contains("`/no` does not exist"), "{}", refused.stderr);
    assert!(!out.exists());
    let _ = extract(&image, &["/a"], &out).exits(0);
    let refused = extract(&image, &["/a"], &out).exits(4);
    assert!(refused.stderr.contains("is not empty"), "{}", refused.stderr);
    let _ = kanshiki(["extract", image.to_str().unwrap()]).exits(2);
}

#[test]
fn an_interrupted_extraction_says_so_and_a_killed_one_has_no_finished_manifest() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let image = place.path("image");
    const SIZE: u64 = 30_000;
    ext_image(&image, 256, &[], |root| {
        for number in 0..5000 {
            write_file(&root.join(number.to_string()), noise(number, SIZE as usize));
        }
    });
    for (signal, code) in [("-INT", 130), ("-TERM", 130), ("-KILL", 128 + 9)] {
        let out = place.path(signal);
        let mut command = Command::new(kanshiki_path());
        let running = Running::start(command.arg("extract").arg(&image).arg("--to").arg(&out));
        wait_until("some files are there", || {
            std::fs::read_dir(out.join("files")).is_ok_and(|files| files.count() > 100)
        });
        running.signal(signal);
        let ran = running.wait();
        assert_eq!(ran.code, code, "{}", ran.stderr);
        for file in below(&out.join("files")).iter().filter(|path| path.is_file()) {
            let whole = file.metadata().unwrap().len() == SIZE;
            assert!(whole || file.file_name().unwrap() == "%~writing", "{}", file.display());
        }
        if signal == "-KILL" {
            assert!(!out.join("manifest.jsonl").exists() && out.join("manifest.jsonl.partial").exists());
        } else {
            assert_eq!((&end(&out)["complete"], &end(&out)["reason"]), (&json!(false), &json!("interrupted")));
            let _ = sha256sum_check(&out).exits(0);
        }
    }
}

#[test]
fn damaged_filesystems_are_extracted_from_as_far_as_they_go() {
    let folder = workspace_root().join("../shared/ext-damaged");
    let Ok(images) = std::fs::read_dir(&folder) else {
        eprintln!("the images of ext-damaged are not beside the checkout: nothing was tried");
        return;
    };
    // These hold tens of thousands of good files, which says nothing new and takes long.
    let large = |name: &str| name.starts_with("f_h_") || name.starts_with("f_many_subdirs");
    let images = images.flatten().filter(|entry| !large(&entry.file_name().to_string_lossy()));
    for packed in images.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "gz")) {
        let place = Workplace::new();
        let (image, out) = (place.path("image"), place.path("out"));
        let unpack = format!("gzip -dc '{}' > '{}'", packed.display(), image.display());
        let _ = run(Command::new("sh").args(["-c", &unpack])).exits(0);
        let ran = extract(&image, &["--max-bytes", "64M"], &out);
        assert!([0, 3, 4].contains(&ran.code), "{}: {}\n{}", packed.display(), ran.code, ran.stderr);
        if ran.code != 4 {
            let _ = sha256sum_check(&out).exits(0);
            assert!(below(&out).iter().all(|path| !path.is_symlink()));
        }
    }
}
