//! `kanshiki blocks`: from files to the blocks that hold them, and from blocks to files.

mod extents;
mod lies;
mod place;

pub(super) use extents::{ExtentRows, extent_lines};

use super::node::{self, PathFields};
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use extents::purpose_name;
use kanshiki_browse::{Owner, Role, names_of, owners};
use kanshiki_filesystem::{BlockUse, ExtentState, Follow};
use kanshiki_model::{ByteRange, EvidencePath, Issue, parse_size};
use lies::Lies;
use place::ImageByte;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

/// The most owners of one block; what shares a block of attributes is 1024 at most (Linux 6.12, fs/ext4/xattr.h,
/// `EXT4_XATTR_REFCOUNT_MAX`), so that more can only be damage, or a filesystem made with shared blocks.
const OWNERS: usize = 65_536;

const USAGE: &str = "\
kanshiki blocks [OPTIONS] <IMAGE[:VOLUME]> <PATH>
       kanshiki blocks [OPTIONS] <IMAGE[:VOLUME]> --inode|--block <NUMBER>
       kanshiki blocks [OPTIONS] <IMAGE[:VOLUME]> --offset|--image-offset <BYTE>";

const AFTER_HELP: &str = "\
Given a file or an inode: where its content lies, in bytes and blocks of the volume and in bytes of
the image; then the blocks that its map (indirect blocks, extent tree) and its attributes take.
Given a block or a byte: what it is used for, and to which files, in use or deleted, it belongs, and
as what; for that all inodes are read. Blocks and bytes count from 0. A byte of the image is looked
for through partitions, logical volumes and arrays; where it lies in no filesystem, what lies there
is told.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done.

Examples:
  kanshiki blocks disk.raw /var/log/wtmp
  kanshiki blocks disk.raw:p2 --inode 12
  kanshiki blocks disk.raw:p2 --block 8193
  kanshiki blocks disk.raw --image-offset 33554432
  kanshiki blocks first.raw --with second.raw --image-offset b:1M";

/// Tell which blocks hold a file, or which file a block belongs to
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[command(group = clap::ArgGroup::new("what").required(true), override_usage = USAGE)]
pub(crate) struct BlocksArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// File in the image
    #[arg(group = "what")]
    path: Option<OsString>,
    /// The inode with this number, in use or deleted
    #[arg(long, value_name = "NUMBER", group = "what")]
    inode: Option<u64>,
    /// Block of the volume
    #[arg(long, value_name = "NUMBER", group = "what")]
    block: Option<u64>,
    /// Byte of the volume; units as in 1G
    #[arg(long, value_name = "BYTE", value_parser = parse_size, group = "what")]
    offset: Option<u64>,
    /// Byte of the image, as a search through the image tells it; units as in 1G. Of several images the first, or the one
    /// before a colon: `b:1G` is a byte of the second
    #[arg(long, value_name = "[IMAGE:]BYTE", value_parser = ImageByte::parse, group = "what")]
    image_offset: Option<ImageByte>,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

#[derive(Serialize)]
struct BlockLine<'a> {
    volume: &'a str,
    block: u64,
    volume_offset: u64,
    bytes: u64,
    #[serde(flatten)]
    lies: Lies,
    allocated: Option<bool>,
    metadata: Option<String>,
}

#[derive(Serialize)]
struct OwnerLine<'a> {
    volume: &'a str,
    inode: u64,
    generation: u32,
    node_state: &'static str,
    role: &'static str,
    level: Option<u32>,
    extent_state: Option<&'static str>,
    file_offset: Option<u64>,
    paths: Vec<PathFields<'a>>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &BlocksArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = match &arguments.image_offset {
        Some(byte) => Evidence::open_at(&arguments.evidence, |set| byte.place(set))?,
        None => Evidence::open(&arguments.evidence)?,
    };
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(arguments, &evidence, &mut output)?;
    output.finish()
}

pub(super) fn show(arguments: &BlocksArguments, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    if let Some(path) = &arguments.path {
        let located = evidence.locate(Some(path), Follow::AllButLast)?;
        let (path, place, node) = (Some(&located.path), located.place, &located.node);
        return extent_lines(evidence, &ExtentRows { path, place, node, indent: "", headings: None }, output);
    }
    if let Some(inode) = arguments.inode {
        let (place, node) = evidence.inode(inode)?;
        return extent_lines(
            evidence,
            &ExtentRows { path: None, place, node: &node, indent: "", headings: None },
            output,
        );
    }
    if let Some(byte) = &arguments.image_offset {
        return place::show(evidence, byte, output);
    }
    let (volume, offset) = match arguments.offset {
        Some(offset) => (evidence.only_volume("an offset")?, offset),
        None => {
            let volume = evidence.only_volume("a block")?;
            let block = arguments.block.unwrap_or(0);
            let offset = block_bytes(evidence, volume).checked_mul(block);
            (volume, offset.ok_or_else(|| Failure::new(format!("there is no block {block}")))?)
        }
    };
    block(evidence, volume, offset, output)
}

fn block_bytes(evidence: &Evidence, volume: usize) -> u64 {
    let found = evidence.view.volumes().get(volume);
    found.map_or(1, |volume| volume.filesystem.summary().block_bytes).max(1)
}

/// Shows what a block is used for, and by whom.
fn block(evidence: &Evidence, volume: usize, offset: u64, output: &mut Output) -> Result<(), Failure> {
    let Some(found) = evidence.view.volumes().get(volume) else { return Ok(()) };
    let filesystem = &found.filesystem;
    let block_bytes = block_bytes(evidence, volume);
    let number = offset / block_bytes;
    let start = number.saturating_mul(block_bytes);
    let count = filesystem.summary().blocks;
    if number >= count {
        return Err(Failure::new(format!("the volume has no block {number}"))
            .because(format!("it has {count} blocks of {block_bytes} bytes, counted from 0")));
    }
    let used = filesystem.block_use(offset);
    let used = used.map_err(|error| Failure::from_error(format!("cannot look at byte {offset}"), &error))?;
    let range = ByteRange::new(start, start.saturating_add(block_bytes));
    let line = BlockLine {
        volume: &found.name,
        block: number,
        volume_offset: start,
        bytes: block_bytes,
        lies: Lies::of(evidence, volume, range),
        allocated: used.allocated,
        metadata: used.metadata.clone(),
    };
    if output.is_json() {
        output.object("block", &line)?;
    } else {
        output.line(&block_text(&line, &used))?;
    }
    line.lies.tell_pieces(evidence, volume, "", output)?;
    let found = owners_of(evidence, volume, range, output)?;
    if found.is_empty() && used.metadata.is_none() && !output.is_json() {
        output.line("it belongs to no inode")?;
    }
    owner_lines(evidence, volume, &found, output)
}

/// Everyone to whom a block belongs.
fn owners_of(evidence: &Evidence, volume: usize, range: ByteRange, output: &mut Output) -> Result<Vec<Owner>, Failure> {
    let mut found: Vec<Owner> = Vec::new();
    let Some(filesystem) = evidence.view.volumes().get(volume).map(|volume| &volume.filesystem) else {
        return Ok(found);
    };
    let mut more = 0_u64;
    owners(filesystem.as_ref(), range, &mut |owner| match owner {
        Ok(owner) if found.len() < OWNERS => {
            found.push(owner);
            Ok(())
        }
        Ok(_) => {
            more = more.saturating_add(1);
            Ok(())
        }
        // Damage of inodes elsewhere; an owner may hide behind it.
        Err(error) => output.issue(&evidence.issue(volume, None, &error)),
    })?;
    if more > 0 {
        let message = format!("{more} owners more than the {OWNERS} that are told");
        output.issue(&Issue::at(evidence.volume_name(volume), range, message))?;
    }
    Ok(found)
}

/// Shows to whom a block belongs, with all their names.
fn owner_lines(evidence: &Evidence, volume: usize, found: &[Owner], output: &mut Output) -> Result<(), Failure> {
    let inodes: BTreeSet<u64> = found.iter().map(|owner| owner.node.id.inode).collect();
    let mut names: BTreeMap<u64, Vec<EvidencePath>> = BTreeMap::new();
    if !inodes.is_empty() {
        names_of(&evidence.view, volume, &inodes, &mut |inode, path| {
            names.entry(inode).or_default().push(path);
            Ok::<(), Failure>(())
        })?;
    }
    let no_names = Vec::new();
    for owner in found {
        let paths = names.get(&owner.node.id.inode).unwrap_or(&no_names);
        owner_line(evidence, volume, owner, paths, output)?;
    }
    Ok(())
}

fn block_text(line: &BlockLine<'_>, used: &BlockUse) -> String {
    let image = line.lies.text();
    let allocated = match used.allocated {
        Some(true) => "in use",
        Some(false) => "free",
        None => "in use or free: its bitmap cannot be read",
    };
    let metadata = used.metadata.as_ref().map(|metadata| format!(", {metadata}")).unwrap_or_default();
    format!("block {}: byte {} of the volume{image}: {allocated}{metadata}", line.block, line.volume_offset)
}

fn owner_line(
    evidence: &Evidence,
    volume: usize,
    owner: &Owner,
    paths: &[EvidencePath],
    output: &mut Output,
) -> Result<(), Failure> {
    let (inode, generation, node_state) = (owner.node.id.inode, owner.node.id.generation, owner.node.state.name());
    let (role, level, extent_state, file_offset) = match owner.role {
        Role::Content { extent, offset } => ("content", None, Some(state_name(extent.state)), Some(offset)),
        Role::NodeBlock(block) => (block.purpose.name(), block.level, None, None),
    };
    if output.is_json() {
        let volume = node::volume_name(&evidence.view, volume);
        let paths = paths.iter().map(PathFields::of).collect();
        let line = OwnerLine { volume, inode, generation, node_state, role, level, extent_state, file_offset, paths };
        return output.object("owner", &line);
    }
    let names: Vec<String> = paths.iter().map(ToString::to_string).collect();
    let names = if names.is_empty() { "without a name".to_owned() } else { names.join(", ") };
    let belongs = match owner.role {
        Role::Content { extent, offset } => format!(", {}), from its byte {offset}", state_name(extent.state)),
        Role::NodeBlock(block) => format!("), {}", purpose_name(block.purpose, block.level)),
    };
    output.line(&format!("inode {inode} ({node_state}{belongs}: {names}"))
}

const fn state_name(state: ExtentState) -> &'static str {
    match state {
        ExtentState::Stored(_) => "stored",
        ExtentState::Unwritten(_) => "unwritten",
        ExtentState::Inline(_) => "inline",
        ExtentState::Hole => "hole",
    }
}
