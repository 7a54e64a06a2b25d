//! `cargo xtask vm`: starts the rescue ISO in virtual machines, copies disks there, powers off, and looks from outside
//! whether the disks are what they were.
//!
//! Everything is done over the serial line, as a person would: also what must not succeed, such as mounting a disk with
//! a dirty journal. A negative twin starts the same system without its guard and does the same: there the disks must
//! have changed, or the test could not fail. Software emulation, one machine at a time.

mod checks;
mod disks;
mod machine;

use crate::command::{output, remove, write};
use crate::iso;
use anyhow::{Context as _, Result, bail, ensure};
use disks::Source;
use kanshiki_testkit::{Need, tempdir, tool_path};
use machine::{Machine, Start};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The longest that one machine may run.
const LIMIT: Duration = Duration::from_secs(420);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Start this ISO instead of building one; its `.sha256` file must lie beside it
    #[arg(long, value_name = "FILE")]
    iso: Option<PathBuf>,
    /// Only runs whose name contains this text: bios, uefi, unguarded
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

/// A run: its name, and what it does with its folder and the ISO.
type Run = (&'static str, fn(&Path, &Medium) -> Result<()>);

const RUNS: [Run; 3] = [
    ("bios, from a CD", |folder, medium| guarded(folder, medium, &Start::BiosCd(medium.iso.clone()))),
    ("uefi, from a USB stick", |folder, medium| {
        guarded(folder, medium, &Start::UefiStick(medium.iso.clone(), folder.to_owned()))
    }),
    ("unguarded, the negative twin", unguarded),
];

/// The ISO that is tried.
#[derive(Debug)]
struct Medium {
    iso: PathBuf,
    sha256: String,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    needs()?;
    let medium = medium(options)?;
    let mut failed = 0_u32;
    let runs: Vec<&Run> = RUNS.iter().filter(|(name, _)| name.contains(&options.only)).collect();
    ensure!(!runs.is_empty(), "no run is called `{}`", options.only);
    for (name, run) in runs {
        let began = Instant::now();
        let folder = tempdir();
        println!("{name}");
        match run(folder.path(), &medium) {
            Ok(()) => println!("  ok, {} s", began.elapsed().as_secs()),
            Err(error) => {
                println!("  FAILED, {} s: {error:#}", began.elapsed().as_secs());
                failed = failed.saturating_add(1);
            }
        }
    }
    ensure!(failed == 0, "{failed} failed");
    Ok(())
}

fn needs() -> Result<()> {
    ensure!(Need::Root.is_there() && Need::LoopDevices.is_there(), "the disks are made as root, with loop devices");
    let wanted = ["qemu-system-x86_64", "xorriso", "mkfs.ext4", "debugfs", "dumpe2fs", "pvcreate", "mkswap", "sfdisk"];
    let missing: Vec<&str> = wanted.into_iter().filter(|name| tool_path(name).is_none()).collect();
    ensure!(missing.is_empty(), "missing: {}", missing.join(", "));
    Ok(())
}

fn medium(options: &Options) -> Result<Medium> {
    let iso = match &options.iso {
        Some(iso) => iso.clone(),
        None => {
            let iso = iso::work_folder()?.join("kanshiki-rescue.iso");
            iso::build(None, &iso)?;
            iso
        }
    };
    let beside = PathBuf::from(format!("{}.sha256", iso.display()));
    let told = std::fs::read_to_string(&beside).with_context(|| format!("cannot read {}", beside.display()))?;
    let sha256 = told.split_whitespace().next().unwrap_or_default().to_owned();
    ensure!(disks::digest(&iso)? == sha256, "{} is not what {} says", iso.display(), beside.display());
    Ok(Medium { iso, sha256 })
}

/// Starts, copies every disk, tries to write to them, powers off; nothing may have changed.
fn guarded(folder: &Path, medium: &Medium, start: &Start) -> Result<()> {
    let sources = disks::sources(folder)?;
    let destination = disks::destination(folder)?;
    let mut machine = started(start, &sources, &destination)?;
    let names = names(&mut machine, &sources)?;
    // The destination is a disk as any other, until its serial number is given.
    let to = name(&mut machine, disks::DESTINATION)?;
    machine.exits(1, &format!("dd if=/dev/zero of=/dev/{to} bs=512 count=1 conv=notrunc,fsync 2>&1"))?;
    let said = machine.exits(4, &format!("kanshiki rescue destination /dev/{to} --serial AHCI-4711"))?;
    ensure!(said.contains("stays read-only"), "another serial number was not refused:\n{said}");
    machine.exits(0, &format!("kanshiki rescue destination /dev/{to} --serial {}", disks::DESTINATION))?;
    machine.exits(0, &format!("mount -t ext4 /dev/{to} /mnt"))?;
    let said = machine.exits(4, &format!("kanshiki rescue destination /dev/{to} --serial {}", disks::DESTINATION))?;
    ensure!(said.contains("is mounted"), "a mounted disk was not refused:\n{said}");
    for (source, name) in sources.iter().zip(&names) {
        let exhibit = source.name;
        machine.exits(0, &format!("kanshiki acquire /dev/{name} --case /mnt/case --exhibit {exhibit} --quiet"))?;
    }
    for name in &names {
        // A flag that is taken away is set again; partitions that are read anew are set as the first ones were.
        machine.exits(0, &format!("blockdev --setrw /dev/{name}; sleep 3"))?;
        machine.exits(0, &format!("blockdev --rereadpt /dev/{name}; sleep 1"))?;
        let done = assault(&mut machine, name)?;
        ensure!(done.is_empty(), "this was possible with the guard: {}", done.join("; "));
    }
    let said = machine.exits(0, "kanshiki --color never rescue counters")?;
    println!("  {}", said.lines().filter(|line| line.contains("sectors written:")).collect::<Vec<_>>().join("\n  "));
    machine.off()?;
    for source in &sources {
        checks::unchanged(source)?;
        checks::copied(source, &destination, folder, &medium.sha256)?;
    }
    Ok(())
}

/// The same assault on a system whose guard was taken out must change every disk.
fn unguarded(folder: &Path, medium: &Medium) -> Result<()> {
    let sources = disks::sources(folder)?;
    let destination = disks::destination(folder)?;
    let start = without_guard(folder, &medium.iso)?;
    let mut machine = started(&start, &sources, &destination)?;
    for name in names(&mut machine, &sources)? {
        ensure!(!assault(&mut machine, &name)?.is_empty(), "nothing could be done to /dev/{name} without the guard");
    }
    machine.exits(1, "kanshiki rescue counters")?;
    machine.off()?;
    for source in &sources {
        ensure!(checks::unchanged(source).is_err(), "{} was not changed: the test cannot fail", source.name);
    }
    Ok(())
}

/// Kernel and archive of the ISO, with a first program that leaves the guard out laid over the real one.
fn without_guard(folder: &Path, iso: &Path) -> Result<Start> {
    let (kernel, archive) = (folder.join("vmlinuz"), folder.join("initramfs"));
    let mut command = Command::new("xorriso");
    command.args(["-osirrox", "on", "-indev"]).arg(iso);
    command.args(["-extract", "/boot/vmlinuz"]).arg(&kernel).args(["-extract", "/boot/initramfs"]).arg(&archive);
    output(&mut command)?;
    let script = std::fs::read_to_string(iso::folder().join("root/etc/rescue/start"))?;
    let changed = script
        .replace("\nguard < /dev/null &\n", "\nmkdir -p /run/kanshiki-rescue\n: > /run/kanshiki-rescue/guard.json\n");
    ensure!(changed != script, "the guard is not where it was in rescue/root/etc/rescue/start");
    let mut bytes = std::fs::read(&archive)?;
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let mut over = iso::Tree::default();
    over.put_file("etc/rescue/start", changed.into_bytes());
    bytes.extend(over.archive(0)?);
    remove(&archive)?;
    write(&archive, bytes)?;
    Ok(Start::Kernel(kernel, archive))
}

fn started(start: &Start, sources: &[Source], destination: &Path) -> Result<Machine> {
    let began = Instant::now();
    let mut machine = Machine::start(start, sources, destination, LIMIT)?;
    machine.prompt()?;
    println!("  at the prompt after {} s", began.elapsed().as_secs());
    Ok(machine)
}

fn names(machine: &mut Machine, sources: &[Source]) -> Result<Vec<String>> {
    sources.iter().map(|source| name(machine, source.serial)).collect()
}

/// The kernel's name of the disk with this serial number; disks may come late.
fn name(machine: &mut Machine, serial: &str) -> Result<String> {
    for _ in 0..20 {
        let (_, said) =
            machine.run(&format!("kanshiki rescue counters | awk '$2 == \"{serial}\" {{ print \"=\" $1 \"=\" }}'"))?;
        let found = said.lines().find_map(|line| line.trim().strip_prefix('=')?.strip_suffix('='));
        if let Some(found) = found {
            return Ok(found.to_owned());
        }
        machine.run("sleep 1")?;
    }
    bail!("no disk has the serial number {serial}")
}

/// Does to a disk what must not change it: what systems do by themselves, and what people do by mistake. Gives those
/// attempts that succeeded.
fn assault(machine: &mut Machine, name: &str) -> Result<Vec<String>> {
    let partition = |number: u32| {
        let between = if name.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
        format!("/dev/{name}{between}{number}")
    };
    let attempts = [
        // Replays the journal, although it says read-only.
        format!("mkdir -p /tmp/a && mount -t ext4 -o ro {} /tmp/a && umount /tmp/a", partition(1)),
        format!("mkswap {}", partition(3)),
        format!("dd if=/dev/zero of={} bs=512 count=1 conv=notrunc,fsync", partition(2)),
        format!("dd if=/dev/zero of=/dev/{name} bs=512 seek=40000 count=8 conv=notrunc,fsync"),
    ];
    let mut succeeded = Vec::new();
    for attempt in attempts {
        let (code, said) = machine.run(&format!("({attempt}) 2>&1"))?;
        if code == 0 {
            succeeded.push(format!("`{attempt}`, which wrote: {}", said.trim()));
        }
    }
    Ok(succeeded)
}
