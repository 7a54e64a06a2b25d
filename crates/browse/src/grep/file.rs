//! Searches the content of one file, and what is compressed in it.

use super::{Hit, Matcher, Position};
use crate::contents::{RangeReader, issue, stored_runs};
use crate::decompress::{Compression, decompress};
use kanshiki_filesystem::{Place, View};
use kanshiki_image::Source;
use kanshiki_model::{ByteRange, Issue, visible};
use std::io::{self, BufReader};
use std::ops::ControlFlow;

/// Holes from this length on are passed over, and part lines.
const HOLE_BYTES: u64 = 1 << 20;

/// Compressed bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// Which bytes of a compressed file to search.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Contents {
    /// What it holds.
    #[default]
    Decompressed,
    /// The bytes as they are stored.
    AsStored,
}

/// Searches the content of a file; returns what could not be searched. Offsets of hits are those in what was searched.
pub fn search_file(
    view: &View,
    (place, path): (Place, &[u8]),
    matcher: &Matcher,
    contents: Contents,
    buffer: &mut Vec<u8>,
    take: &mut dyn FnMut(Option<Compression>, Hit<'_>) -> ControlFlow<()>,
) -> Option<Issue> {
    let source = match view.filesystem(place)?.content(place.node) {
        Ok(source) => source,
        Err(error) => return Some(issue(view, place.volume, path, &error)),
    };
    let mut head = [0; 10];
    let read = source.read_at(0, &mut head).unwrap_or(0);
    let compression = Compression::sniff(head.get(..read).unwrap_or_default());
    let compression = compression.filter(|_| contents == Contents::Decompressed);
    let mut position = Position::default();
    let mut hit = |hit: Hit<'_>| take(compression, hit);
    let searched = match compression {
        Some(compression) => in_compressed(&source, compression, matcher, &mut position, buffer, &mut hit),
        None => in_runs(&source, matcher, &mut position, buffer, &mut hit),
    };
    let error = searched.err()?;
    let what = compression.map_or_else(String::new, |compression| format!("{} content ", compression.name()));
    let at = position.offset;
    Some(Issue::new(visible(path), format!("{what}not searched from byte {at} on: {error}")))
}

fn in_runs(
    source: &Source,
    matcher: &Matcher,
    position: &mut Position,
    buffer: &mut Vec<u8>,
    hit: super::Take<'_>,
) -> io::Result<()> {
    for run in stored_runs(source.as_ref(), HOLE_BYTES) {
        position.offset = run.start;
        if matcher.search(&mut RangeReader::new(source.as_ref(), run), position, buffer, hit)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn in_compressed(
    source: &Source,
    compression: Compression,
    matcher: &Matcher,
    position: &mut Position,
    buffer: &mut Vec<u8>,
    hit: super::Take<'_>,
) -> io::Result<()> {
    let whole = RangeReader::new(source.as_ref(), ByteRange::new(0, source.len()));
    let mut content = decompress(compression, BufReader::with_capacity(READ_BYTES, whole), source.len())?;
    matcher.search(&mut content, position, buffer, hit).map(|_| ())
}
