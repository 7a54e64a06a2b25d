//! A part of a source as a source of its own: a partition, a volume, a file that lies in one piece.

use crate::bytes::bounded;
use crate::{ReadAt, ReadError, Runs, Source};
use kanshiki_model::ByteRange;
use std::io;

/// A part of a source.
#[derive(Debug, Clone)]
pub struct Window {
    source: Source,
    range: ByteRange,
}

impl Window {
    /// The bytes `range` of `source`, as far as there are any.
    #[must_use]
    pub fn new(source: Source, range: ByteRange) -> Self {
        let range = View::new(source.as_ref(), range).range;
        Self { source, range }
    }

    /// The window's place in the source, in bytes.
    #[must_use]
    pub fn range(&self) -> ByteRange {
        self.range
    }
}

/// A part of a borrowed source, for looking at it in passing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    source: &'a dyn ReadAt,
    range: ByteRange,
}

impl<'a> View<'a> {
    pub(crate) fn new(source: &'a dyn ReadAt, range: ByteRange) -> Self {
        Self { source, range: range.intersect(ByteRange::new(0, source.len())) }
    }
}

impl ReadAt for View<'_> {
    fn len(&self) -> u64 {
        self.range.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.range.len().saturating_sub(offset), buf.len());
        let Some(at) = self.range.start.checked_add(offset).filter(|_| wanted > 0) else { return Ok(0) };
        let part = buf.get_mut(..wanted).unwrap_or_default();
        let read = self.source.read_at(at, part).map_err(|error| error.moved_down(self.range))?;
        if read < wanted {
            let source = io::ErrorKind::UnexpectedEof.into();
            return Err(ReadError::Io { offset, source });
        }
        Ok(read)
    }

    fn runs(&self) -> Runs<'_> {
        part_runs(self.source, self.range)
    }
}

impl ReadAt for Window {
    fn len(&self) -> u64 {
        self.range.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        View { source: self.source.as_ref(), range: self.range }.read_at(offset, buf)
    }

    fn runs(&self) -> Runs<'_> {
        part_runs(self.source.as_ref(), self.range)
    }
}

/// The runs of a part, counted from its start.
fn part_runs(source: &dyn ReadAt, range: ByteRange) -> Runs<'_> {
    let inside = source
        .runs()
        .skip_while(move |(run, _)| run.end <= range.start)
        .take_while(move |(run, _)| run.start < range.end)
        .map(move |(run, state)| {
            let run = run.intersect(range);
            (ByteRange::new(run.start.saturating_sub(range.start), run.end.saturating_sub(range.start)), state)
        })
        .filter(|(run, _)| !run.is_empty());
    Box::new(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gaps, Memory, RunState};
    use kanshiki_model::ByteRanges;
    use std::sync::Arc;

    #[test]
    fn a_window_counts_from_its_start_and_ends_at_its_end() {
        let window = Window::new(Arc::new(Memory((0..100).collect())), ByteRange::new(10, 20));
        let mut buf = [0; 30];
        assert_eq!(window.read_at(2, &mut buf).unwrap(), 8);
        assert_eq!(buf[..8], [12, 13, 14, 15, 16, 17, 18, 19]);
        assert_eq!(window.read_at(10, &mut buf).unwrap(), 0);
        assert_eq!(window.read_at(u64::MAX, &mut buf).unwrap(), 0);
    }

    #[test]
    fn a_window_past_the_end_holds_what_there_is() {
        let source: Source = Arc::new(Memory(vec![7; 100]));
        assert_eq!(Window::new(Arc::clone(&source), ByteRange::new(90, 200)).len(), 10);
        assert_eq!(Window::new(source, ByteRange::new(300, 400)).len(), 0);
    }

    #[test]
    fn unreadable_bytes_are_told_from_the_windows_start() {
        let gaps: ByteRanges = [ByteRange::new(5, 15), ByteRange::new(18, 19)].into_iter().collect();
        let source = Gaps::new(Arc::new(Memory(vec![7; 100])), gaps);
        let window = Window::new(Arc::new(source), ByteRange::new(10, 20));
        let error = window.read_at(0, &mut [0; 3]).unwrap_err();
        assert_eq!(error.to_string(), "bytes 0-5 were unreadable when the image was made");
        let runs: Vec<_> = window.runs().collect();
        assert_eq!(
            runs,
            [
                (ByteRange::new(0, 5), RunState::Unreadable),
                (ByteRange::new(5, 8), RunState::Data),
                (ByteRange::new(8, 9), RunState::Unreadable),
                (ByteRange::new(9, 10), RunState::Data),
            ]
        );
    }
}
