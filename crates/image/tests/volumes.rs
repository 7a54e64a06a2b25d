//! Volumes of disks that sfdisk divided, compared with `mmls`, and read back.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test makes its own files and fails by panicking"
)]

mod common;

use common::{has_tool, leads_both_ways, run, tool, what};
use kanshiki_image::signature::SignatureKind;
use kanshiki_image::volumes::{Image, Refusal, VolumeSet};
use kanshiki_image::{RawFile, read_exact_at};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

fn probe(paths: &[&Path]) -> VolumeSet {
    let image = |path: &&Path| Image { source: Arc::new(RawFile::open(path).unwrap()), sector_bytes: None };
    VolumeSet::probe(paths.iter().map(image).collect())
}

fn divide(disk: &Path, script: &str) {
    let options = ["-q", "--no-reread", "--no-tell-kernel"];
    let mut child = tool("sfdisk").args(options).arg(disk).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// The partitions as `mmls` lists them: first and last byte.
fn mmls(path: &Path) -> Vec<(u64, u64)> {
    let text = String::from_utf8(run(tool("mmls").args(["-aM"]).arg(path)).stdout).unwrap();
    let rows = text.lines().filter(|line| line.split_whitespace().next().is_some_and(|word| word.ends_with(':')));
    let number = |word: &str| word.parse::<u64>().unwrap() * 512;
    let ranges = rows.map(|row| row.split_whitespace().collect::<Vec<_>>());
    ranges.map(|words| (number(words[2]), number(words[3]) + 512)).collect()
}

#[test]
fn volumes_of_an_mbr_and_a_gpt_are_where_mmls_says() {
    let test = "volumes_of_an_mbr_and_a_gpt_are_where_mmls_says";
    if !has_tool(test, "sfdisk", "fdisk") || !has_tool(test, "mmls", "sleuthkit") {
        return;
    }
    let scripts = [
        "label: dos\nsize=2MiB, type=83\nsize=2MiB, type=82\nsize=20MiB, type=5\nsize=3MiB, type=83\nsize=4MiB, type=8e\n",
        "label: gpt\nsize=2MiB, type=U\nsize=3MiB, type=L, name=\"root\"\nstart=12MiB, size=1MiB, type=S\n",
    ];
    for script in scripts {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        std::fs::File::create(&path).unwrap().set_len(32 << 20).unwrap();
        divide(&path, script);
        let set = probe(&[&path]);
        let ranges = set.volumes().iter().map(|volume| volume.partition().unwrap().range);
        assert_eq!(ranges.map(|range| (range.start, range.end)).collect::<Vec<_>>(), mmls(&path), "{script}");
    }
}

#[test]
fn what_lies_in_a_volume_is_read_through_it_and_what_cannot_be_browsed_is_named() {
    let test = "what_lies_in_a_volume_is_read_through_it_and_what_cannot_be_browsed_is_named";
    for (program, package) in [("sfdisk", "fdisk"), ("mkfs.ext4", "e2fsprogs"), ("mkswap", "util-linux")] {
        if !has_tool(test, program, package) {
            return;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk");
    std::fs::File::create(&path).unwrap().set_len(32 << 20).unwrap();
    divide(&path, "label: gpt\nstart=1MiB, size=16MiB\nstart=17MiB, size=8MiB\nstart=26MiB, size=1MiB\n");
    let offset = format!("offset={}", 1 << 20);
    run(tool("mkfs.ext4").args(["-q", "-L", "root", "-E", &offset]).arg(&path).arg("16M"));
    let swap = folder.path().join("swap");
    std::fs::File::create(&swap).unwrap().set_len(8 << 20).unwrap();
    run(tool("mkswap").arg(&swap));
    let copy = format!("dd if={} of={} bs=1M seek=17 conv=notrunc status=none", swap.display(), path.display());
    run(tool("sh").args(["-c", &copy]));

    let set = probe(&[&path]);
    let found: Vec<_> = set
        .volumes()
        .iter()
        .map(|volume| (volume.name.as_str(), volume.refusal.as_ref().map(Refusal::to_string)))
        .collect();
    let expected = [
        ("p1", None),
        ("p2", Some("swap: no files lie in it".to_owned())),
        ("p3", Some("nothing known lies there".to_owned())),
    ];
    assert_eq!(found, expected);
    let root = set.find("p1").unwrap();
    let filesystem = root.filesystem().unwrap();
    assert_eq!((filesystem.kind, filesystem.label.as_deref()), (SignatureKind::Ext4, Some("root")));
    let mut magic = [0; 2];
    read_exact_at(root.source.as_deref().unwrap(), 1080, &mut magic).unwrap();
    assert_eq!(magic, [0x53, 0xef]);
    let image = RawFile::open(&path).unwrap();
    for name in ["p1", "p2", "p3"] {
        assert_eq!(leads_both_ways(&set, name, &[&image]), 1);
    }
    let told = [0, 512, 40 << 10, 1 << 20, 17 << 20, 25 << 20, 26 << 20, (32 << 20) - 1].map(|at| what(&set, 0, at));
    let expected = [
        "partition table: protective MBR",
        "partition table: primary GPT header",
        "in no partition",
        "ext4",
        "swap: no files lie in it",
        "in no partition",
        "nothing known lies there",
        "partition table: backup GPT header",
    ];
    assert_eq!(told, expected);
    assert_eq!(set.what_lies_in_image(0, 32 << 20), None);
}
