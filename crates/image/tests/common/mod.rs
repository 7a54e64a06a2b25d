//! What the tests share: running the tools of other projects.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod md;

use kanshiki_image::volumes::{Holder, VolumeSet};
use kanshiki_image::{ReadAt, read_exact_at};
use kanshiki_model::ByteRange;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Whether a tool can be started; if not, says that the test is skipped and which package it needs.
pub(crate) fn has_tool(test: &str, tool: &str, package: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/sbin", "/usr/sbin"].map(Into::into))
        .any(|directory| directory.join(tool).is_file());
    if !found {
        eprintln!("SKIPPED {test}: needs {package}");
    }
    found
}

/// The pieces of a volume cover it, hold its bytes in the images, and lead back to it. Gives their number.
#[track_caller]
pub(crate) fn leads_both_ways(set: &VolumeSet, name: &str, images: &[&dyn ReadAt]) -> usize {
    let index = set.position(name).unwrap();
    let source = set.volumes()[index].source.as_deref().unwrap();
    let bytes = |source: &dyn ReadAt, start, length| {
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        read_exact_at(source, start, &mut bytes).unwrap();
        bytes
    };
    let (mut end, mut count) = (0, 0);
    for piece in set.pieces(index, ByteRange::new(0, source.len())) {
        assert_eq!(piece.range.start, end);
        (end, count) = (piece.range.end, count + 1);
        let place = piece.place.unwrap();
        let stored = bytes(images[place.image], place.offset, piece.range.len());
        assert!(bytes(source, piece.range.start, piece.range.len()) == stored, "{name}: {piece:?}");
        for inside in [0, piece.range.len() / 2, piece.range.len() - 1] {
            let (offset, byte) = (piece.range.start + inside, place.offset + inside);
            let holders = set.holders(place.image, byte);
            let is_it = |holder: &&Holder| (holder.volume, holder.offset, holder.is_read) == (index, offset, true);
            assert!(holders.innermost().any(|holder| is_it(&holder)), "{name}: {offset} and {byte}: {holders:?}");
        }
    }
    assert_eq!(end, source.len());
    count
}

/// What lies at a byte of an image, as the innermost volume there says, or the image.
pub(crate) fn what(set: &VolumeSet, image: usize, offset: u64) -> String {
    let holders = set.holders(image, offset);
    let mut innermost = holders.innermost();
    let what = innermost.next().map(|holder| set.what_lies_at(holder));
    assert_eq!(innermost.count(), 0);
    what.or_else(|| set.what_lies_in_image(image, offset)).unwrap()
}

/// Runs a command and gives its output; panics if it fails.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// A command, also looked for where Debian keeps the tools of the administrator.
pub(crate) fn tool(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C");
    command
}

/// A loop device, detached when dropped.
pub(crate) struct Loop(pub(crate) String);

impl Loop {
    /// `None` where there are no loop devices.
    pub(crate) fn new(path: &Path, sector_bytes: u32) -> Option<Self> {
        let output = tool("losetup").args(["-f", "--show", "-b", &sector_bytes.to_string()]).arg(path).output().ok()?;
        let device =
            output.status.success().then(|| Self(String::from_utf8(output.stdout).unwrap().trim().to_owned()))?;
        // The kernel keeps the read-only flag that an earlier user of the device has set.
        run(tool("blockdev").args(["--setrw", &device.0]));
        Some(device)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = tool("losetup").args(["-d", &self.0]).status();
    }
}

/// What blkid finds in a file or device by itself.
pub(crate) fn blkid(path: &Path) -> BTreeMap<String, String> {
    let output = run(tool("blkid").args(["-p", "-o", "export"]).arg(path)).stdout;
    let lines = String::from_utf8(output).unwrap();
    lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.into(), value.replace('\\', "")))
        .collect()
}
