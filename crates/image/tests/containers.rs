//! Images made by other tools are called by their names, and raw ones read the same.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test makes its own files and fails by panicking"
)]

mod common;

use common::{Loop, has_tool, run, tool};
use kanshiki_image::{ContainerFormat, OpenError, ReadAt as _, open_image};
use std::path::Path;

fn refused_as(path: &Path) -> &'static str {
    match open_image(path) {
        Err(OpenError::Unsupported { format, .. }) => format,
        other => panic!("{}: {other:?}", path.display()),
    }
}

#[test]
fn images_made_by_qemu_are_called_by_name() {
    if !has_tool("images_made_by_qemu_are_called_by_name", "qemu-img", "qemu-utils") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk");
    for (options, name) in [
        (&["-f", "qcow2"][..], "QCOW"),
        (&["-f", "qcow2", "-o", "compat=0.10"], "QCOW"),
        (&["-f", "vmdk"], "VMDK"),
        (&["-f", "vmdk", "-o", "subformat=monolithicFlat"], "VMDK"),
        (&["-f", "vmdk", "-o", "subformat=streamOptimized"], "VMDK"),
        (&["-f", "vpc"], "VHD"),
        (&["-f", "vpc", "-o", "subformat=fixed"], "VHD"),
        (&["-f", "vhdx"], "VHDX"),
        (&["-f", "vdi"], "VDI"),
    ] {
        run(tool("qemu-img").args(["create", "-q"]).args(options).arg(&path).arg("1M"));
        assert_eq!(refused_as(&path), name, "{options:?}");
    }
    run(tool("qemu-img").args(["create", "-q", "-f", "raw"]).arg(&path).arg("1M"));
    assert_eq!(open_image(&path).unwrap().source.len(), 1 << 20);
}

#[test]
fn an_image_made_by_ewfacquire_is_called_by_name() {
    let test = "an_image_made_by_ewfacquire_is_called_by_name";
    if !has_tool(test, "ewfacquirestream", "ewf-tools") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("disk");
    run(tool("sh").args(["-c", "head -c 100000 /dev/zero | ewfacquirestream -q -t \"$0\""]).arg(&target));
    assert_eq!(refused_as(&folder.path().join("disk.E01")), "EWF (E01)");
}

#[test]
fn parts_made_by_split_are_one_image() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let whole = folder.path().join("whole");
    std::fs::write(&whole, &content).unwrap();
    for (options, first) in [
        (&["-d", "-a", "3", "--numeric-suffixes=1"][..], "d.001"),
        (&["-d", "-a", "3"], "e.000"),
        (&["-a", "2"], "f.aa"),
    ] {
        let prefix = folder.path().join(&first[..2]);
        run(tool("split").args(["-b", "70000"]).args(options).arg(&whole).arg(prefix));
        let opened = open_image(&folder.path().join(first)).unwrap();
        assert_eq!((opened.format, opened.parts.len()), (ContainerFormat::Split, 6));
        let mut read = vec![0; content.len()];
        assert_eq!(opened.source.read_at(0, &mut read).unwrap(), content.len());
        assert_eq!(read, content);
    }
}

#[test]
fn a_block_device_is_read_to_its_end_also_directly() {
    let test = "a_block_device_is_read_to_its_end_also_directly";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk");
    // An odd number of sectors: the last page is not whole.
    let content: Vec<u8> = (0..(1 << 20) + 512_u32).map(|at| (at ^ (at >> 9)) as u8).collect();
    std::fs::write(&path, &content).unwrap();
    let Some(device) = Loop::new(&path, 512) else {
        eprintln!("SKIPPED {test}: needs root and loop devices");
        return;
    };
    let opened = open_image(Path::new(&device.0)).unwrap();
    let mut read = vec![0; content.len() + 1];
    assert_eq!(opened.format, ContainerFormat::Device);
    assert_eq!(opened.source.read_at(0, &mut read).unwrap(), content.len());
    assert_eq!(read[..content.len()], content);
    let direct = kanshiki_image::open_direct(Path::new(&device.0)).unwrap();
    read.fill(0);
    assert_eq!(direct.read_at(0, &mut read).unwrap(), content.len());
    assert_eq!(read[..content.len()], content);
    assert_eq!(direct.read_at(content.len() as u64 - 700, &mut read).unwrap(), 700);
}
