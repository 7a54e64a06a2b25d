//! Searches the content of one file, and what is compressed in it, around what cannot be read.

use super::{Hit, Matcher, Position};
use kanshiki_filesystem::{Place, View};
use kanshiki_image::{Around, Next, ReadAt, ReadError, Source};
use kanshiki_model::{ByteRange, Issue, visible};
use kanshiki_walk::contents::{issue, stored_runs};
use kanshiki_walk::decompress::{Compression, Content};
use std::io;
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

/// Ranges of a file that are told one by one where they cannot be read; of further ones their number is told.
const TOLD_RANGES: usize = 1000;

/// Searches the content of a file; returns what could not be searched. Offsets of hits are those in what was searched.
pub fn search_file(
    view: &View,
    (place, path): (Place, &[u8]),
    matcher: &Matcher,
    contents: Contents,
    buffer: &mut Vec<u8>,
    take: &mut dyn FnMut(Option<Compression>, Hit<'_>) -> ControlFlow<()>,
) -> Vec<Issue> {
    let Some(filesystem) = view.filesystem(place) else { return Vec::new() };
    let source = match filesystem.content(place.node) {
        Ok(source) => source,
        Err(error) => return vec![issue(view, place.volume, path, &error)],
    };
    let mut head = [0; 10];
    let read = Around::new(source.as_ref(), ByteRange::new(0, u64::MAX)).next(&mut head);
    let read = if let Next::Bytes(read) = read { read } else { 0 };
    let compression = Compression::sniff(head.get(..read).unwrap_or_default());
    let compression = compression.filter(|_| contents == Contents::Decompressed);
    let mut search = Search { source: &source, path, matcher, buffer, take, issues: Vec::new() };
    match compression {
        Some(compression) => search.in_compressed(compression),
        None => search.as_stored(0),
    }
    search.issues
}

struct Search<'a> {
    source: &'a Source,
    path: &'a [u8],
    matcher: &'a Matcher,
    buffer: &'a mut Vec<u8>,
    take: &'a mut dyn FnMut(Option<Compression>, Hit<'_>) -> ControlFlow<()>,
    issues: Vec<Issue>,
}

impl Search<'_> {
    /// Searches the bytes from `start` on as they are stored.
    fn as_stored(&mut self, start: u64) {
        let mut position = Position::default();
        position.line = position.line.saturating_add(lines_before(self.source.as_ref(), start));
        let mut unread = Unread::default();
        if let Err(error) = self.runs(start, &mut position, &mut unread) {
            let text = format!("not searched from byte {} on: {error}", position.offset);
            self.issues.push(Issue::new(visible(self.path), text));
        }
        let path = visible(self.path);
        let told = unread.ranges.into_iter();
        self.issues
            .extend(told.map(|(range, error)| Issue::at(path.as_str(), range, format!("not searched: {error}"))));
        if unread.further > 0 {
            let text = format!("not searched: {} further ranges that cannot be read", unread.further);
            self.issues.push(Issue::new(path, text));
        }
    }

    fn runs(&mut self, start: u64, position: &mut Position, unread: &mut Unread) -> io::Result<()> {
        let Self { source, matcher, buffer, take, .. } = self;
        for run in stored_runs(source.as_ref(), HOLE_BYTES) {
            let run = run.intersect(ByteRange::new(start, u64::MAX));
            if run.is_empty() {
                continue;
            }
            let mut bytes = Readable { around: Around::new(source.as_ref(), run), unread, is_stopped: false };
            while !bytes.around.rest().is_empty() {
                // Behind what cannot be read, or a hole, begins another part of the same line.
                bytes.is_stopped = false;
                position.offset = bytes.around.rest().start;
                if matcher.search(&mut bytes, position, buffer, &mut |hit| take(None, hit))?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Searches what is compressed, and what cannot be decompressed as it is stored: the first bytes alone do not make a
    /// file a compressed one.
    fn in_compressed(&mut self, compression: Compression) {
        let Self { source, matcher, buffer, take, .. } = self;
        let mut position = Position::default();
        let (error, rest) = match Content::new(compression, source.as_ref()) {
            Ok(mut content) => {
                match matcher.search(&mut content, &mut position, buffer, &mut |hit| take(Some(compression), hit)) {
                    Ok(_) => return,
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
        self.issues.push(Issue::new(visible(self.path), message));
        if rest < self.source.len() {
            self.as_stored(rest);
        }
    }
}

/// Ranges of a file that cannot be read.
#[derive(Default)]
struct Unread {
    ranges: Vec<(ByteRange, ReadError)>,
    /// How many more there are.
    further: u64,
}

impl Unread {
    fn push(&mut self, range: ByteRange, error: ReadError) {
        let has_room = self.ranges.len() < TOLD_RANGES;
        match self.ranges.last_mut() {
            Some((last, _)) if last.end == range.start => last.end = range.end,
            _ if has_room => self.ranges.push((range, error)),
            _ => self.further = self.further.saturating_add(1),
        }
    }
}

/// The bytes of a file up to the next that cannot be read; then those behind it.
struct Readable<'a, 'u> {
    around: Around<'a>,
    unread: &'u mut Unread,
    is_stopped: bool,
}

impl io::Read for Readable<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.is_stopped {
            return Ok(0);
        }
        Ok(match self.around.next(buf) {
            Next::Bytes(read) => read,
            Next::Unreadable(range, error) => {
                self.unread.push(range, error);
                self.is_stopped = true;
                0
            }
        })
    }
}

/// Line ends before a place in a file, as far as it can be read.
fn lines_before(source: &dyn ReadAt, end: u64) -> u64 {
    let mut lines = 0_u64;
    let mut buffer = vec![0; READ_BYTES];
    for run in stored_runs(source, HOLE_BYTES) {
        let mut around = Around::new(source, run.intersect(ByteRange::new(0, end)));
        while !around.rest().is_empty() {
            if let Next::Bytes(read) = around.next(&mut buffer) {
                lines = lines.saturating_add(super::count_lines(buffer.get(..read).unwrap_or_default()));
            }
        }
    }
    lines
}
