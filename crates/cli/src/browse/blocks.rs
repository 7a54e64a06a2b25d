//! `kanshiki blocks`: from files to the blocks that hold them, and from blocks to files.

use super::node::{self, PathFields};
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use kanshiki_browse::{Owner, names_of, owners};
use kanshiki_filesystem::{BlockUse, Extent, ExtentState, Follow, Node, Place};
use kanshiki_model::{ByteRange, EvidencePath, parse_size};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

/// The most owners of one block whose names are looked for; more can only be damage.
const OWNERS: usize = 1000;

const USAGE: &str = "\
kanshiki blocks [OPTIONS] <IMAGE[:VOLUME]> <PATH>
       kanshiki blocks [OPTIONS] <IMAGE[:VOLUME]> --inode|--block <NUMBER>
       kanshiki blocks [OPTIONS] <IMAGE[:VOLUME]> --offset|--image-offset <BYTE>";

const AFTER_HELP: &str = "\
Given a file or an inode: where its content lies, in bytes and blocks of the volume and in bytes of
the image. Given a block or a byte: what it is used for, and which files, in use or deleted, have
their content there; for that all inodes are read. Blocks and bytes count from 0.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done.

Examples:
  kanshiki blocks disk.raw /var/log/wtmp
  kanshiki blocks disk.raw:p2 --inode 12
  kanshiki blocks disk.raw:p2 --block 8193
  kanshiki blocks disk.raw --image-offset 33554432";

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
    /// Byte of the image, as a search through the image tells it; units as in 1G
    #[arg(long, value_name = "BYTE", value_parser = parse_size, group = "what")]
    image_offset: Option<u64>,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

/// Whose extents to show, and how.
pub(super) struct ExtentRows<'a> {
    pub(super) path: Option<&'a EvidencePath>,
    pub(super) place: Place,
    pub(super) node: &'a Node,
    pub(super) indent: &'a str,
    pub(super) heading: Option<&'a str>,
}

#[derive(Serialize)]
struct ExtentLine<'a> {
    volume: &'a str,
    inode: u64,
    file_start: u64,
    file_end: u64,
    state: &'static str,
    volume_offset: Option<u64>,
    first_block: Option<u64>,
    last_block: Option<u64>,
    image: Option<String>,
    image_offset: Option<u64>,
}

#[derive(Serialize)]
struct BlockLine<'a> {
    volume: &'a str,
    block: u64,
    volume_offset: u64,
    bytes: u64,
    image: Option<String>,
    image_offset: Option<u64>,
    allocated: Option<bool>,
    metadata: Option<String>,
}

#[derive(Serialize)]
struct OwnerLine<'a> {
    volume: &'a str,
    inode: u64,
    generation: u32,
    node_state: &'static str,
    extent_state: &'static str,
    file_offset: u64,
    paths: Vec<PathFields<'a>>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &BlocksArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(arguments, &evidence, &mut output)?;
    output.finish()
}

pub(super) fn show(arguments: &BlocksArguments, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    if let Some(path) = &arguments.path {
        let located = evidence.locate(Some(path), Follow::AllButLast)?;
        let (path, place, node) = (Some(&located.path), located.place, &located.node);
        return extent_lines(evidence, &ExtentRows { path, place, node, indent: "", heading: None }, output);
    }
    if let Some(inode) = arguments.inode {
        let (place, node) = evidence.inode(inode)?;
        return extent_lines(
            evidence,
            &ExtentRows { path: None, place, node: &node, indent: "", heading: None },
            output,
        );
    }
    let (volume, offset) = match (arguments.image_offset, arguments.offset) {
        (Some(offset), _) => evidence.volume_place(0, offset).ok_or_else(|| {
            Failure::new(format!("byte {offset} of the image lies in no volume that is open"))
                .hint("`kanshiki info` tells what lies there")
        })?,
        (None, Some(offset)) => (evidence.only_volume("an offset")?, offset),
        (None, None) => {
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

/// Shows where the content of a node lies.
pub(super) fn extent_lines(evidence: &Evidence, rows: &ExtentRows<'_>, output: &mut Output) -> Result<(), Failure> {
    let (volume, id) = (rows.place.volume, rows.place.node);
    let Some(filesystem) = evidence.view.filesystem(rows.place) else { return Ok(()) };
    let block_bytes = block_bytes(evidence, volume);
    let mut heading = rows.heading;
    let extents = match filesystem.extents(id) {
        Ok(extents) => extents,
        Err(error) => return output.issue(&evidence.issue(volume, rows.path, &error)),
    };
    for extent in extents {
        let extent = match extent {
            Ok(extent) => extent,
            Err(error) => {
                output.issue(&evidence.issue(volume, rows.path, &error))?;
                continue;
            }
        };
        let row = extent_line(evidence, rows, extent, block_bytes);
        if output.is_json() {
            output.object("extent", &row)?;
        } else {
            if let Some(heading) = heading.take() {
                output.line(heading)?;
            }
            output.line(&format!("{}{}", rows.indent, shown(&row)))?;
        }
    }
    Ok(())
}

fn extent_line<'a>(evidence: &'a Evidence, rows: &ExtentRows<'_>, extent: Extent, block_bytes: u64) -> ExtentLine<'a> {
    let (state, at) = match extent.state {
        ExtentState::Stored(at) => ("stored", Some(at)),
        ExtentState::Unwritten(at) => ("unwritten", Some(at)),
        ExtentState::Inline(at) => ("inline", Some(at)),
        ExtentState::Hole => ("hole", None),
    };
    let place = at.and_then(|at| evidence.image_place(rows.place.volume, at));
    let last = at.map(|at| at.saturating_add(extent.range.len().saturating_sub(1)));
    ExtentLine {
        volume: node::volume_name(&evidence.view, rows.place.volume),
        inode: rows.node.id.inode,
        file_start: extent.range.start,
        file_end: extent.range.end,
        state,
        volume_offset: at,
        first_block: at.map(|at| at / block_bytes),
        last_block: last.map(|last| last / block_bytes),
        image: place.and_then(|place| evidence.image_name(place.image)),
        image_offset: place.map(|place| place.offset),
    }
}

fn shown(row: &ExtentLine<'_>) -> String {
    let range = format!("bytes {}-{}", row.file_start, row.file_end);
    let (Some(at), Some(first), Some(last)) = (row.volume_offset, row.first_block, row.last_block) else {
        return format!("{range}: hole");
    };
    let blocks = if first == last { format!("block {first}") } else { format!("blocks {first}-{last}") };
    let state = if row.state == "stored" { String::new() } else { format!(" ({})", row.state) };
    let image = match (&row.image, row.image_offset) {
        (Some(image), Some(offset)) if offset != at => format!(", byte {offset} of {image}"),
        _ => String::new(),
    };
    format!("{range}: {blocks}, byte {at} of the volume{image}{state}")
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
    let line = BlockLine {
        volume: &found.name,
        block: number,
        volume_offset: start,
        bytes: block_bytes,
        image: evidence.image_place(volume, start).and_then(|place| evidence.image_name(place.image)),
        image_offset: evidence.image_place(volume, start).map(|place| place.offset),
        allocated: used.allocated,
        metadata: used.metadata.clone(),
    };
    if output.is_json() {
        output.object("block", &line)?;
    } else {
        output.line(&block_text(&line, &used))?;
    }
    let range = ByteRange::new(start, start.saturating_add(block_bytes));
    let mut found: Vec<Owner> = Vec::new();
    owners(filesystem.as_ref(), range, &mut |owner| match owner {
        Ok(owner) if found.len() < OWNERS => {
            found.push(owner);
            Ok(())
        }
        Ok(_) => Ok(()),
        // Damage of inodes elsewhere; an owner may hide behind it.
        Err(error) => output.issue(&evidence.issue(volume, None, &error)),
    })?;
    let inodes: BTreeSet<u64> = found.iter().map(|owner| owner.node.id.inode).collect();
    let mut names: BTreeMap<u64, Vec<EvidencePath>> = BTreeMap::new();
    if !inodes.is_empty() {
        names_of(&evidence.view, volume, &inodes, &mut |inode, path| {
            names.entry(inode).or_default().push(path);
            Ok::<(), Failure>(())
        })?;
    }
    let no_names = Vec::new();
    for owner in &found {
        let paths = names.get(&owner.node.id.inode).unwrap_or(&no_names);
        owner_line(evidence, volume, owner, paths, output)?;
    }
    if found.is_empty() && used.metadata.is_none() && !output.is_json() {
        output.line("no inode has content there")?;
    }
    Ok(())
}

fn block_text(line: &BlockLine<'_>, used: &BlockUse) -> String {
    let image = match (&line.image, line.image_offset) {
        (Some(image), Some(offset)) if offset != line.volume_offset => format!(", byte {offset} of {image}"),
        _ => String::new(),
    };
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
    let extent_state = match owner.extent.state {
        ExtentState::Stored(_) => "stored",
        ExtentState::Unwritten(_) => "unwritten",
        ExtentState::Inline(_) => "inline",
        ExtentState::Hole => "hole",
    };
    let (inode, generation) = (owner.node.id.inode, owner.node.id.generation);
    let (node_state, file_offset) = (owner.node.state.name(), owner.content_offset);
    if output.is_json() {
        let volume = node::volume_name(&evidence.view, volume);
        let paths = paths.iter().map(PathFields::of).collect();
        let line = OwnerLine { volume, inode, generation, node_state, extent_state, file_offset, paths };
        return output.object("owner", &line);
    }
    let names: Vec<String> = paths.iter().map(ToString::to_string).collect();
    let names = if names.is_empty() { "without a name".to_owned() } else { names.join(", ") };
    output.line(&format!("inode {inode} ({node_state}, {extent_state}), from its byte {file_offset}: {names}"))
}
