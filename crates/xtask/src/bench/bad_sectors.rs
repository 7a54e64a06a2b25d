//! kanshiki and its peers on a disk of which some sectors cannot be read.

use anyhow::{Context as _, Result};
use kanshiki_testkit::{
    BadDevice, ddrescuelog_bad_bytes, need, run as run_command, sample_image, sha256sum, tempdir, tool_path,
};
use std::fmt::Write as _;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

const SECTOR: u64 = 512;
const BYTES: u64 = 64 << 20;

/// One page, a run of 64 KiB, a single sector, and the last page of the disk.
const BAD: [Range<u64>; 4] = [
    1_052_672..1_056_768,
    20_971_520..21_037_056,
    40_000_000 / SECTOR * SECTOR..40_000_000 / SECTOR * SECTOR + SECTOR,
    BYTES - 4096..BYTES,
];

/// How long a tool may work on 64 MiB.
const SECONDS: &str = "60";

/// A tool: its name, the program without which it is left out, its lines of shell, its image, its map of bad sectors.
struct Tool {
    name: &'static str,
    program: &'static str,
    script: &'static str,
    image: &'static str,
    map: Option<&'static str>,
}

const fn tool(name: &'static str, program: &'static str, script: &'static str, image: &'static str) -> Tool {
    Tool { name, program, script, image, map: None }
}

const TOOLS: &[Tool] = &[
    Tool {
        map: Some("case/exhibits/E1/image.map"),
        ..tool("kanshiki", "sh", "$K acquire $SRC --case $OUT/case --exhibit E1 --quiet", "case/exhibits/E1/image.raw")
    },
    tool("dd bs=4M conv=noerror,sync", "dd", "dd if=$SRC of=$OUT/image bs=4M conv=noerror,sync", "image"),
    tool("dc3dd", "dc3dd", "dc3dd if=$SRC of=$OUT/image hash=sha256 log=$OUT/log", "image"),
    tool(
        "dcfldd bs=4k conv=noerror,sync",
        "dcfldd",
        "dcfldd if=$SRC of=$OUT/image bs=4k conv=noerror,sync hash=sha256 sha256log=$OUT/log",
        "image",
    ),
    Tool { map: Some("map"), ..tool("ddrescue", "ddrescue", "ddrescue -q -r1 $SRC $OUT/image $OUT/map", "image") },
    Tool {
        map: Some("map"),
        ..tool("ddrescue --idirect", "ddrescue", "ddrescue -q -d -r1 $SRC $OUT/image $OUT/map", "image")
    },
    tool(
        "ewfacquire",
        "ewfacquire",
        "ewfacquire -u -q -t $OUT/image -f encase6 -c fast -d sha256 $SRC; code=$?; \
         ewfexport -u -q -f raw -t $OUT/raw $OUT/image.E01 > /dev/null 2>&1; exit $code",
        "raw.raw",
    ),
];

/// The table, or the reason why there is none.
pub(crate) fn table(program: &Path) -> Result<String> {
    let mut text = String::from("### A disk with bad sectors\n\n");
    if !need(BadDevice::NEEDS) {
        text.push_str("Left out: this machine lacks what makes such a disk.\n");
        return Ok(text);
    }
    let folder = tempdir();
    let source = folder.path().join("source.img");
    sample_image(&source, BYTES, 11);
    let disk = BadDevice::new(&source, 512, &BAD);
    let bad: u64 = BAD.iter().map(|range| (range.end - range.start) / SECTOR).sum();
    let _ = writeln!(
        text,
        "A disk of {BYTES} bytes of which {bad} sectors of 512 bytes give EIO: a page, a run of 64 KiB, one sector, and the last page.\n"
    );
    text.push_str("| tool | good sectors lost | bytes too few or too many | map of the bad sectors | digest beside it is that of its image | exit code |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for tool in TOOLS.iter().filter(|tool| tool_path(tool.program).is_some()) {
        println!("bad sectors: {}", tool.name);
        text.push_str(&row(tool, program, disk.path(), &source)?);
    }
    text.push('\n');
    Ok(text)
}

fn row(tool: &Tool, program: &Path, device: &Path, source: &Path) -> Result<String> {
    let out = tempdir();
    let ran = run_command(
        Command::new("timeout")
            .args(["--signal=KILL", SECONDS, "sh", "-c", tool.script])
            .env("SRC", device)
            .env("OUT", out.path())
            .env("K", program),
    );
    let image = out.path().join(tool.image);
    let bytes = std::fs::metadata(&image).map_or(0, |found| found.len());
    let lost = if bytes == 0 { "all".to_owned() } else { lost(source, &image)?.to_string() };
    let length = i128::from(bytes) - i128::from(BYTES);
    let map = match tool.map.map(|map| out.path().join(map)) {
        Some(map) if tool_path("ddrescuelog").is_some() && map.exists() => {
            if ddrescuelog_bad_bytes(&map, SECTOR) == BAD { "right" } else { "wrong" }
        }
        _ => "none",
    };
    // 128 and the number of the signal KILL, which `timeout` passes on.
    let code = if ran.code == 137 { format!("none within {SECONDS} s") } else { ran.code.to_string() };
    Ok(format!("| {} | {lost} | {length:+} | {map} | {} | {code} |\n", tool.name, digest(out.path(), &image)))
}

/// Good sectors that are not in the image as they are on the disk.
fn lost(source: &Path, image: &Path) -> Result<u64> {
    let (source, image) = (File::open(source)?, File::open(image)?);
    let (mut expected, mut found) = ([0; SECTOR as usize], [0; SECTOR as usize]);
    let mut lost = 0;
    for offset in (0..BYTES).step_by(SECTOR as usize) {
        if BAD.iter().any(|range| range.contains(&offset)) {
            continue;
        }
        source.read_exact_at(&mut expected, offset).context("the source")?;
        if image.read_exact_at(&mut found, offset).is_err() || expected != found {
            lost += 1;
        }
    }
    Ok(lost)
}

/// Whether a digest that the tool wrote down is that of the image it made.
fn digest(out: &Path, image: &Path) -> &'static str {
    let mut said = String::new();
    for record in ["case/exhibits/E1/manifest.json", "log"] {
        said.push_str(&std::fs::read_to_string(out.join(record)).unwrap_or_default());
    }
    if said.is_empty() || !image.exists() {
        return "-";
    }
    if said.to_lowercase().contains(&sha256sum(image)) { "yes" } else { "no" }
}
