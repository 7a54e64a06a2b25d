//! `cargo xtask iso`: a medium to start a machine from, that copies its disks and leaves them as they are.
//!
//! Everything comes from packages of Debian in exactly the versions of `rescue/lock.toml`, from the folder `rescue`, and
//! from this workspace. All times are that of the lock, all files are root's, all names are sorted: two builds give the
//! same bytes.

mod boot;
mod contents;
mod digest;
mod modules;
mod packages;
mod programs;
mod tree;

use crate::command::{target_folder, write};
use crate::static_build;
use anyhow::{Context as _, Result, ensure};
use boot::Medium;
pub(crate) use contents::folder;
use contents::{Contents, Lock};
pub(crate) use digest::sha256;
use packages::Store;
use programs::Unpacked;
use serde_json::json;
use std::path::{Path, PathBuf};
pub(crate) use tree::Tree;
use tree::{Entry, read};

/// The level at which the archive is compressed: the higher ones take long and save little.
const ZSTD_LEVEL: i32 = 12;

/// The largest ISO that is still called small.
const LARGEST_BYTES: u64 = 100 << 20;

/// The unit of an ISO, in bytes.
const BLOCK_BYTES: u64 = 2048;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where to write the ISO; its list of contents and its digest are written beside it
    #[arg(long, value_name = "FILE", required_unless_present = "renew")]
    out: Option<PathBuf>,
    /// Take packages from this folder in place of the mirror; they must be those of rescue/lock.toml
    #[arg(long, value_name = "DIRECTORY")]
    packages: Option<PathBuf>,
    /// Write rescue/lock.toml anew, with the versions that this machine's apt would install
    #[arg(long)]
    renew: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.renew {
        packages::renew(&Contents::read()?)?;
    }
    let Some(out) = &options.out else { return Ok(()) };
    let built = build(options.packages.clone(), out)?;
    println!("{}: {} bytes, SHA-256 {}", out.display(), built.bytes, built.sha256);
    Ok(())
}

/// An ISO that was built, and what a virtual machine can start without it.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Where packages are kept, and what is made on the way.
pub(crate) fn work_folder() -> Result<PathBuf> {
    Ok(target_folder()?.join("rescue-medium"))
}

/// Builds the ISO.
pub(crate) fn build(packages: Option<PathBuf>, out: &Path) -> Result<Built> {
    boot::tools()?;
    let (contents, lock) = (Contents::read()?, Lock::read()?);
    let work = work_folder()?;
    let store = Store::new(work.join("packages"), packages);
    let mut unpacked = Unpacked::new();
    for package in &lock.packages {
        unpacked.insert(package.name.clone(), store.unpacked(package)?);
    }
    for name in contents.packages() {
        lock.package(name)?;
    }
    let kernel = unpacked.get(&lock.kernel).with_context(|| format!("rescue/lock.toml lacks {}", lock.kernel))?;
    let release = lock.kernel.trim_start_matches("linux-image-").to_owned();
    let image = read(&kernel.join("boot").join(format!("vmlinuz-{release}")))?;

    let mut tree = system(&contents, &unpacked)?;
    modules::put(&mut tree, kernel, &release, &contents.modules)?;
    tree.put_file("bin/kanshiki", read(&static_build::build(&["rescue"])?)?);
    let list = list(&lock, &release, &image, &tree)?;
    tree.put_file("etc/kanshiki-rescue/contents.json", list.clone().into_bytes());
    let contents_sha256 = sha256(list.as_bytes());

    let files = work.join("medium");
    if files.exists() {
        std::fs::remove_dir_all(&files).with_context(|| format!("cannot clear {}", files.display()))?;
    }
    std::fs::create_dir_all(files.join("boot/grub")).with_context(|| format!("cannot make {}", files.display()))?;
    write(&files.join("contents.json"), &list)?;
    write(&files.join("boot/vmlinuz"), &image)?;
    write(&files.join("boot/initramfs"), compressed(&tree.archive(lock.source_date_epoch)?)?)?;
    write(&files.join("boot/grub/grub.cfg"), read(&contents::folder().join("grub.cfg"))?)?;
    let medium = Medium {
        files,
        work: &work,
        unpacked: &unpacked,
        contents_sha256: &contents_sha256,
        epoch: lock.source_date_epoch,
    };
    medium.write(out)?;
    finished(out, &list)
}

/// The rescue system without the kernel's modules and without kanshiki.
fn system(contents: &Contents, unpacked: &Unpacked) -> Result<Tree> {
    let mut tree = Tree::default();
    for folder in ["dev", "mnt", "proc", "root", "run", "sys", "tmp", "var"] {
        tree.put(folder, Entry::Folder);
    }
    // Where the first program speaks before /dev is mounted.
    tree.put("dev/console", Entry::Device(5, 1));
    tree.put_folder(&contents::folder().join("root"), "")?;
    programs::put(&mut tree, contents, unpacked)?;
    Ok(tree)
}

/// What went in, with digests.
fn list(lock: &Lock, release: &str, kernel: &[u8], tree: &Tree) -> Result<String> {
    let list = json!({
        "schema": 1,
        "kind": "kanshiki rescue contents",
        "kanshiki": env!("CARGO_PKG_VERSION"),
        "source_date_epoch": lock.source_date_epoch,
        "packages": lock.packages,
        "kernel": { "release": release, "bytes": kernel.len(), "sha256": sha256(kernel) },
        "initramfs": tree.listed(),
    });
    Ok(serde_json::to_string_pretty(&list)? + "\n")
}

fn compressed(archive: &[u8]) -> Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(zstd_safe::compress_bound(archive.len()));
    let failed = |code| anyhow::anyhow!("zstd: {}", zstd_safe::get_error_name(code));
    let mut context = zstd_safe::CCtx::create();
    context.compress(&mut buffer, archive, ZSTD_LEVEL).map_err(failed)?;
    Ok(buffer)
}

/// Checks the ISO, and writes its list of contents and its digest beside it.
fn finished(iso: &Path, list: &str) -> Result<Built> {
    let bytes = read(iso)?;
    let length = u64::try_from(bytes.len())?;
    ensure!(length < LARGEST_BYTES, "the ISO has {length} bytes, more than {LARGEST_BYTES}");
    // The started system hashes as much of the medium as the ISO says that it is long.
    let told = bytes.get(32_848..32_852).and_then(|field| field.first_chunk::<4>()).copied().map(u32::from_le_bytes);
    let told = told.map(|blocks| u64::from(blocks).saturating_mul(BLOCK_BYTES));
    ensure!(told == Some(length), "the ISO has {length} bytes and says that it has {told:?}");
    let name = iso.file_name().context("no name of a file")?.to_string_lossy().into_owned();
    let digest = sha256(&bytes);
    write(&iso.with_file_name(format!("{name}.contents.json")), list)?;
    write(&iso.with_file_name(format!("{name}.sha256")), format!("{digest}  {name}\n"))?;
    Ok(Built { bytes: length, sha256: digest })
}
