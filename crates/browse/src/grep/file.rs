//! Searches the content of one file, and what is compressed in it.

use super::{Hit, Matcher, Position};
use kanshiki_filesystem::{Place, View};
use kanshiki_image::{ReadAt, Source};
use kanshiki_model::{ByteRange, Issue, visible};
use kanshiki_walk::contents::{RangeReader, issue, stored_runs};
use kanshiki_walk::decompress::{Compression, Content};
use std::io::{self, Read as _};
use std::ops::ControlFlow;

/// Holes from this length on are passed over, and part lines.
const HOLE_BYTES: u64 = 1 << 20;

/// Bytes read at once where lines are counted.
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
    let mut search = Search { source: &source, path, matcher, buffer, take };
    match compression {
        Some(compression) => search.in_compressed(compression),
        None => search.as_stored(0),
    }
}

struct Search<'a> {
    source: &'a Source,
    path: &'a [u8],
    matcher: &'a Matcher,
    buffer: &'a mut Vec<u8>,
    take: &'a mut dyn FnMut(Option<Compression>, Hit<'_>) -> ControlFlow<()>,
}

impl Search<'_> {
    /// Searches the bytes from `start` on as they are stored.
    fn as_stored(&mut self, start: u64) -> Option<Issue> {
        let mut position = Position::default();
        let searched = self.runs(start, &mut position);
        let error = searched.err()?;
        Some(Issue::new(visible(self.path), format!("not searched from byte {} on: {error}", position.offset)))
    }

    fn runs(&mut self, start: u64, position: &mut Position) -> io::Result<()> {
        let Self { source, matcher, buffer, take, .. } = self;
        position.line = position.line.saturating_add(lines_before(source.as_ref(), start)?);
        for run in stored_runs(source.as_ref(), HOLE_BYTES) {
            let run = run.intersect(ByteRange::new(start, u64::MAX));
            if run.is_empty() {
                continue;
            }
            position.offset = run.start;
            let mut bytes = RangeReader::new(source.as_ref(), run);
            if matcher.search(&mut bytes, position, buffer, &mut |hit| take(None, hit))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Searches what is compressed, and what cannot be decompressed as it is stored: the first bytes alone do not make a
    /// file a compressed one.
    fn in_compressed(&mut self, compression: Compression) -> Option<Issue> {
        let Self { source, matcher, buffer, take, .. } = self;
        let mut position = Position::default();
        let (error, rest) = match Content::new(compression, source.as_ref()) {
            Ok(mut content) => {
                match matcher.search(&mut content, &mut position, buffer, &mut |hit| take(Some(compression), hit)) {
                    Ok(_) => return None,
                    Err(error) => (error, content.rest()),
                }
            }
            Err(error) => (error, 0),
        };
        let name = compression.name();
        let message = match (rest < source.len(), position.offset) {
            (false, at) => format!("{name} content not searched from byte {at} on: {error}"),
            (true, 0) => format!("no {name} content can be read, searched as it is stored: {error}"),
            (true, at) => format!(
                "{name} content not searched from byte {at} on, the file from byte {rest} on as it is stored: {error}"
            ),
        };
        let mut issue = Issue::new(visible(self.path), message);
        if rest < self.source.len()
            && let Some(further) = self.as_stored(rest)
        {
            issue.message = format!("{}; {}", issue.message, further.message);
        }
        Some(issue)
    }
}

/// Line ends before a place in a file.
fn lines_before(source: &dyn ReadAt, end: u64) -> io::Result<u64> {
    let mut lines = 0_u64;
    let mut buffer = vec![0; READ_BYTES];
    for run in stored_runs(source, HOLE_BYTES) {
        let mut reader = RangeReader::new(source, run.intersect(ByteRange::new(0, end)));
        loop {
            let read = reader.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            lines = lines.saturating_add(super::count_lines(buffer.get(..read).unwrap_or_default()));
        }
    }
    Ok(lines)
}
