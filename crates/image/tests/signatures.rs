//! What the systems' own tools make is recognised, and label, UUID and type are those which blkid finds.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test makes its own files and fails by panicking"
)]

mod common;

use common::{Loop, blkid, has_tool, run, tool};
use kanshiki_image::RawFile;
use kanshiki_image::signature::{Signature, SignatureKind, probe};
use std::collections::BTreeMap;
use std::path::Path;

/// Makes an image of so many bytes with a tool, unless the tool or blkid is missing; gives what is found in it.
fn made(test: &str, package: &str, bytes: u64, command: &[&str]) -> Option<(Signature, BTreeMap<String, String>)> {
    if !has_tool(test, command[0], package) || !has_tool(test, "blkid", "util-linux") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    std::fs::File::create(&path).unwrap().set_len(bytes).unwrap();
    let path_text = path.to_str().unwrap();
    let arguments = command[1..].iter().map(|argument| if *argument == "IMAGE" { path_text } else { *argument });
    run(tool(command[0]).args(arguments));
    Some((only_signature(&path), blkid(&path)))
}

fn only_signature(path: &Path) -> Signature {
    let (mut found, issues) = probe(&RawFile::open(path).unwrap(), "image", 0);
    assert_eq!(issues, []);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// Checks kind, UUID and label against blkid.
fn agree(signature: &Signature, blkid: &BTreeMap<String, String>, kind: SignatureKind, blkid_type: &str) {
    assert_eq!(signature.kind, kind);
    assert_eq!(blkid.get("TYPE").map(String::as_str), Some(blkid_type));
    assert_eq!(signature.uuid.as_ref(), blkid.get("UUID"), "UUID");
    assert_eq!(signature.label.as_ref(), blkid.get("LABEL"), "label");
}

#[test]
fn ext2_ext3_and_ext4_are_as_blkid_says() {
    let test = "ext2_ext3_and_ext4_are_as_blkid_says";
    for (name, kind) in [("ext2", SignatureKind::Ext2), ("ext3", SignatureKind::Ext3), ("ext4", SignatureKind::Ext4)] {
        let tool = format!("mkfs.{name}");
        let Some((found, blkid)) = made(test, "e2fsprogs", 8 << 20, &[&tool, "-qFL", "evidence", "IMAGE"]) else {
            return;
        };
        agree(&found, &blkid, kind, name);
        assert_eq!(found.bytes, Some(8 << 20));
        assert_eq!(found.details["state"], "clean");
    }
}

#[test]
fn an_ext4_with_many_features_names_them_as_dumpe2fs_does() {
    let test = "an_ext4_with_many_features_names_them_as_dumpe2fs_does";
    if !has_tool(test, "mkfs.ext4", "e2fsprogs") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    std::fs::File::create(&path).unwrap().set_len(16 << 20).unwrap();
    let features = "inline_data,encrypt,verity,casefold,ea_inode,large_dir,project,quota,fast_commit,mmp";
    run(tool("mkfs.ext4").args(["-qF", "-O", features]).arg(&path));
    let output = String::from_utf8(run(tool("dumpe2fs").arg("-h").arg(&path)).stdout).unwrap();
    let line = output.lines().find_map(|line| line.strip_prefix("Filesystem features:")).unwrap();
    let mut expected: Vec<&str> = line.split_whitespace().collect();
    let found = only_signature(&path);
    let mut names: Vec<&str> = found.details["features"].split(' ').collect();
    expected.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn an_external_journal_is_told_apart() {
    let test = "an_external_journal_is_told_apart";
    let Some((found, blkid)) =
        made(test, "e2fsprogs", 8 << 20, &["mke2fs", "-qF", "-O", "journal_dev", "-L", "jo", "IMAGE"])
    else {
        return;
    };
    assert_eq!((found.kind, blkid["TYPE"].as_str()), (SignatureKind::ExtJournal, "jbd"));
}

#[test]
fn xfs_is_as_blkid_says() {
    let command = ["mkfs.xfs", "-q", "-L", "evidence", "IMAGE"];
    let Some((found, blkid)) = made("xfs_is_as_blkid_says", "xfsprogs", 320 << 20, &command) else { return };
    agree(&found, &blkid, SignatureKind::Xfs, "xfs");
    assert_eq!(found.bytes, Some(320 << 20));
}

#[test]
fn btrfs_is_as_blkid_says() {
    let command = ["mkfs.btrfs", "-q", "-L", "the evidence", "IMAGE"];
    let Some((found, blkid)) = made("btrfs_is_as_blkid_says", "btrfs-progs", 128 << 20, &command) else { return };
    agree(&found, &blkid, SignatureKind::Btrfs, "btrfs");
    assert_eq!(found.details.get("device UUID"), blkid.get("UUID_SUB"));
    assert_eq!(found.bytes, Some(128 << 20));
}

#[test]
fn swap_is_as_blkid_says() {
    let test = "swap_is_as_blkid_says";
    for page in ["4096", "16384", "65536"] {
        let command = ["mkswap", "-q", "-p", page, "-L", "swap-1", "IMAGE"];
        let Some((found, blkid)) = made(test, "util-linux", 1 << 20, &command) else { return };
        agree(&found, &blkid, SignatureKind::Swap, "swap");
        assert_eq!(found.bytes, Some(1 << 20));
        assert_eq!(found.details["page bytes"], page);
    }
}

#[test]
fn luks_is_as_blkid_says() {
    let test = "luks_is_as_blkid_says";
    for (version, kind) in [("luks1", SignatureKind::Luks1), ("luks2", SignatureKind::Luks2)] {
        let command = [
            "sh",
            "-c",
            "printf secret | cryptsetup -q luksFormat --type \"$1\" --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \"$0\" -",
            "IMAGE",
            version,
        ];
        if !has_tool(test, "cryptsetup", "cryptsetup-bin") {
            return;
        }
        let Some((found, blkid)) = made(test, "dash", 32 << 20, &command) else { return };
        agree(&found, &blkid, kind, "crypto_LUKS");
    }
}

#[test]
fn a_luks2_with_its_first_header_wiped_is_found_by_the_second() {
    let test = "a_luks2_with_its_first_header_wiped_is_found_by_the_second";
    if !has_tool(test, "cryptsetup", "cryptsetup-bin") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    std::fs::File::create(&path).unwrap().set_len(32 << 20).unwrap();
    let script = "printf secret | cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --label old \"$0\" -; \
                  dd if=/dev/zero of=\"$0\" bs=4096 count=1 conv=notrunc status=none";
    run(tool("sh").args(["-c", script]).arg(&path));
    let (found, issues) = probe(&RawFile::open(&path).unwrap(), "partition 2", 0);
    assert_eq!((found[0].kind, found[0].offset), (SignatureKind::Luks2, 16_384));
    assert_eq!(found[0].label.as_deref(), Some("old"));
    assert_eq!(
        issues[0].to_string(),
        "partition 2, bytes 16384-16896: damaged second LUKS2 header: the first LUKS2 header is gone, this second one is there"
    );
}

#[test]
fn ntfs_is_as_blkid_says() {
    let command = ["mkfs.ntfs", "-qF", "-L", "evidence 1", "IMAGE"];
    let Some((found, blkid)) = made("ntfs_is_as_blkid_says", "ntfs-3g", 8 << 20, &command) else { return };
    agree(&found, &blkid, SignatureKind::Ntfs, "ntfs");
}

#[test]
fn fat_of_all_widths_is_as_blkid_says() {
    let test = "fat_of_all_widths_is_as_blkid_says";
    for (width, kind, bytes) in [
        ("12", SignatureKind::Fat12, 4 << 20),
        ("16", SignatureKind::Fat16, 32 << 20),
        ("32", SignatureKind::Fat32, 64 << 20),
    ] {
        for label in [&["-n", "EVIDENCE 1"][..], &[]] {
            let command = [&["mkfs.vfat", "-F", width], label, &["IMAGE"]].concat();
            let Some((found, blkid)) = made(test, "dosfstools", bytes, &command) else { return };
            agree(&found, &blkid, kind, "vfat");
            assert_eq!(blkid["VERSION"], format!("FAT{width}"));
            assert_eq!(found.bytes, Some(bytes));
        }
    }
}

#[test]
fn exfat_is_as_blkid_says() {
    let command = ["mkfs.exfat", "-L", "evidence", "IMAGE"];
    let Some((found, blkid)) = made("exfat_is_as_blkid_says", "exfatprogs", 8 << 20, &command) else { return };
    agree(&found, &blkid, SignatureKind::ExFat, "exfat");
}

#[test]
fn iso_9660_is_as_blkid_says() {
    let command = ["sh", "-c", "mkdir \"$0.d\" && genisoimage -quiet -V EVIDENCE -o \"$0\" \"$0.d\"", "IMAGE"];
    if !has_tool("iso_9660_is_as_blkid_says", "genisoimage", "genisoimage") {
        return;
    }
    let Some((found, blkid)) = made("iso_9660_is_as_blkid_says", "dash", 0, &command) else { return };
    agree(&found, &blkid, SignatureKind::Iso9660, "iso9660");
}

#[test]
fn squashfs_is_as_blkid_says() {
    let command = ["sh", "-c", "mkdir \"$0.d\" && mksquashfs \"$0.d\" \"$0\" -quiet -noappend -comp xz", "IMAGE"];
    if !has_tool("squashfs_is_as_blkid_says", "mksquashfs", "squashfs-tools") {
        return;
    }
    let Some((found, blkid)) = made("squashfs_is_as_blkid_says", "dash", 0, &command) else { return };
    agree(&found, &blkid, SignatureKind::Squashfs, "squashfs");
    assert_eq!((found.details["version"].as_str(), found.details["compressor"].as_str()), ("4.0", "xz"));
}

#[test]
fn lvm_is_as_blkid_says_and_names_its_group() {
    let test = "lvm_is_as_blkid_says_and_names_its_group";
    if !has_tool(test, "pvcreate", "lvm2") || !has_tool(test, "blkid", "util-linux") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    std::fs::File::create(&path).unwrap().set_len(32 << 20).unwrap();
    let Some(device) = Loop::new(&path, 512) else {
        eprintln!("SKIPPED {test}: needs root and loop devices");
        return;
    };
    let config =
        format!("devices{{filter=[\"a|^{}$|\",\"r|.*|\"] use_devicesfile=0}} backup{{backup=0 archive=0}}", device.0);
    run(tool("pvcreate").args(["-q", "--config", &config, &device.0]));
    let group = tool("vgcreate").args(["-q", "--config", &config, "kanshiki-test", &device.0]).output().unwrap();
    run(tool("sync").arg(&path));
    let found = only_signature(&path);
    agree(&found, &blkid(&path), SignatureKind::LvmPv, "LVM2_member");
    assert_eq!(found.bytes, Some(32 << 20));
    if group.status.success() {
        assert_eq!(found.details["volume group"], "kanshiki-test");
    }
}

#[test]
fn md_of_all_versions_is_as_blkid_says() {
    let test = "md_of_all_versions_is_as_blkid_says";
    if !has_tool(test, "mdadm", "mdadm") {
        return;
    }
    for version in ["0.90", "1.0", "1.1", "1.2"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        std::fs::File::create(&path).unwrap().set_len(16 << 20).unwrap();
        let Some(device) = Loop::new(&path, 512) else {
            eprintln!("SKIPPED {test}: needs root and loop devices");
            return;
        };
        let array = "/dev/md/kanshiki-test";
        let made = tool("mdadm")
            .args(["--create", array, "--run", "--level=1", "--raid-devices=2", "--metadata", version])
            .args([&device.0, "missing"])
            .output()
            .unwrap();
        if !made.status.success() {
            eprintln!("SKIPPED {test}: needs md in the kernel");
            return;
        }
        run(tool("mdadm").args(["--stop", array]));
        let found = only_signature(&path);
        let blkid = blkid(&path);
        agree(&found, &blkid, SignatureKind::MdRaid, "linux_raid_member");
        assert_eq!((found.details["version"].as_str(), found.details["level"].as_str()), (version, "raid1"));
        assert_eq!(found.details.get("device UUID"), blkid.get("UUID_SUB"));
    }
}
