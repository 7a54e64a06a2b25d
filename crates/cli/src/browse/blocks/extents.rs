//! Where the content of a node lies, and the blocks that it needs beside.

use super::block_bytes;
use super::lies::Lies;
use crate::browse::node;
use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::output::Output;
use kanshiki_filesystem::{Extent, ExtentState, Node, NodeBlock, Place, Purpose};
use kanshiki_model::{ByteRange, EvidencePath};
use serde::Serialize;

/// Whose extents to show, and how: the headings are those of the content and of the other blocks.
pub(in crate::browse) struct ExtentRows<'a> {
    pub(in crate::browse) path: Option<&'a EvidencePath>,
    pub(in crate::browse) place: Place,
    pub(in crate::browse) node: &'a Node,
    pub(in crate::browse) indent: &'a str,
    pub(in crate::browse) headings: Option<(&'a str, &'a str)>,
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
    #[serde(flatten)]
    lies: Lies,
}

#[derive(Serialize)]
struct NodeBlockLine<'a> {
    volume: &'a str,
    inode: u64,
    purpose: &'static str,
    level: Option<u32>,
    file_start: Option<u64>,
    volume_offset: u64,
    bytes: u64,
    block: u64,
    #[serde(flatten)]
    lies: Lies,
}

/// Shows where the content of a node lies.
pub(in crate::browse) fn extent_lines(
    evidence: &Evidence,
    rows: &ExtentRows<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (volume, id) = (rows.place.volume, rows.place.node);
    let Some(filesystem) = evidence.view.filesystem(rows.place) else { return Ok(()) };
    let block_bytes = block_bytes(evidence, volume);
    let mut heading = rows.headings.map(|(content, _)| content);
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
        row.lies.tell_pieces(evidence, volume, rows.indent, output)?;
    }
    node_block_lines(evidence, rows, block_bytes, output)
}

/// Shows the blocks of a node's map and attributes.
fn node_block_lines(
    evidence: &Evidence,
    rows: &ExtentRows<'_>,
    block_bytes: u64,
    output: &mut Output,
) -> Result<(), Failure> {
    let volume = rows.place.volume;
    let Some(filesystem) = evidence.view.filesystem(rows.place) else { return Ok(()) };
    let mut heading = rows.headings.map(|(_, others)| others);
    let blocks = match filesystem.node_blocks(rows.place.node) {
        Ok(blocks) => blocks,
        Err(error) => return output.issue(&evidence.issue(volume, rows.path, &error)),
    };
    for found in blocks {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                output.issue(&evidence.issue(volume, rows.path, &error))?;
                continue;
            }
        };
        let row = node_block_line(evidence, rows, found, block_bytes);
        if output.is_json() {
            output.object("node-block", &row)?;
        } else {
            if let Some(heading) = heading.take() {
                output.line(heading)?;
            }
            let (name, at) = (purpose_name(found.purpose, found.level), row.volume_offset);
            let image = row.lies.text();
            output.line(&format!("{}{name}: block {}, byte {at} of the volume{image}", rows.indent, row.block))?;
        }
        row.lies.tell_pieces(evidence, volume, rows.indent, output)?;
    }
    Ok(())
}

fn node_block_line<'a>(
    evidence: &'a Evidence,
    rows: &ExtentRows<'_>,
    found: NodeBlock,
    block_bytes: u64,
) -> NodeBlockLine<'a> {
    NodeBlockLine {
        volume: node::volume_name(&evidence.view, rows.place.volume),
        inode: rows.node.id.inode,
        purpose: found.purpose.name(),
        level: found.level,
        file_start: found.file_start,
        volume_offset: found.range.start,
        bytes: found.range.len(),
        block: found.range.start / block_bytes,
        lies: Lies::of(evidence, rows.place.volume, found.range),
    }
}

/// What a block is for, for people: which level of a map it is, too.
pub(super) fn purpose_name(purpose: Purpose, level: Option<u32>) -> String {
    match (purpose, level) {
        (Purpose::Indirect, Some(2)) => "double indirect block".to_owned(),
        (Purpose::Indirect, Some(3)) => "triple indirect block".to_owned(),
        (Purpose::ExtentTree, Some(1)) => "extent tree (leaf)".to_owned(),
        (Purpose::ExtentTree, Some(_)) => "extent tree (index)".to_owned(),
        _ => purpose.name().to_owned(),
    }
}

fn extent_line<'a>(evidence: &'a Evidence, rows: &ExtentRows<'_>, extent: Extent, block_bytes: u64) -> ExtentLine<'a> {
    let (state, at) = match extent.state {
        ExtentState::Stored(at) => ("stored", Some(at)),
        ExtentState::Unwritten(at) => ("unwritten", Some(at)),
        ExtentState::Inline(at) => ("inline", Some(at)),
        ExtentState::Hole => ("hole", None),
    };
    let stored = at.map_or(ByteRange::new(0, 0), |at| ByteRange::new(at, at.saturating_add(extent.range.len())));
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
        lies: Lies::of(evidence, rows.place.volume, stored),
    }
}

fn shown(row: &ExtentLine<'_>) -> String {
    let range = format!("bytes {}-{}", row.file_start, row.file_end);
    let (Some(at), Some(first), Some(last)) = (row.volume_offset, row.first_block, row.last_block) else {
        return format!("{range}: hole");
    };
    let blocks = if first == last { format!("block {first}") } else { format!("blocks {first}-{last}") };
    let state = if row.state == "stored" { String::new() } else { format!(" ({})", row.state) };
    let image = row.lies.text();
    format!("{range}: {blocks}, byte {at} of the volume{image}{state}")
}
