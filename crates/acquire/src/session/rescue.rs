//! The passes over what could not be read at first: ranges are halved down to single sectors, all large pieces before
//! all small ones, so that the healthy rest is safe before the medium is troubled further. At the end the bad sectors
//! are tried again, forwards and backwards in turn.

use super::patient::PatientReader;
use crate::AcquireError;
use crate::destination::{Destination, Lost};
use crate::error::with_causes;
use crate::source::SourceReader;
use crate::stream::{Buffer, CHUNK_BYTES, Fault};
use kanshiki_custody::map::{MapPhase, MapStatus, Mapfile};
use kanshiki_model::{ByteRange, ByteRanges, Progress, Size};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The passes over what could not be read at first.
#[derive(Debug)]
pub(crate) struct Rescue<'a> {
    source: &'a SourceReader,
    // A disk that hangs must not hold up the thread that listens to the operator and to the clock.
    reader: PatientReader,
    destinations: Vec<Destination>,
    lost: Vec<Lost>,
    pending: ByteRanges,
    // What earlier sessions have found to stay unreadable; it stays in every map.
    known: &'a ByteRanges,
    // The chunks whose place was kept.
    chunks: BTreeSet<u64>,
    retries_done: u64,
    progress: &'a dyn Progress,
    chunk: Buffer,
}

/// What the passes have come to.
#[derive(Debug)]
pub(crate) struct Rescued {
    /// The destinations that are well.
    pub(crate) destinations: Vec<Destination>,
    /// The destinations that are lost.
    pub(crate) lost: Vec<Lost>,
    /// The bytes that stay unreadable.
    pub(crate) unreadable: ByteRanges,
    /// Sectors that were tried again, each try counted.
    pub(crate) retries: u64,
    /// Why the passes ended early; `None` if they did not.
    pub(crate) stopped: Option<AcquireError>,
}

/// Why a pass ended early.
enum Halt {
    Stop,
    Gone(u64, io::Error),
    Silent(u64, AcquireError),
    NoDestination,
}

/// In which order a pass goes over the pieces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forwards,
    Backwards,
}

impl<'a> Rescue<'a> {
    /// Prepares the passes over `pending`, which is made of whole chunks.
    #[must_use]
    pub(crate) fn new(
        source: &'a Arc<SourceReader>,
        destinations: Vec<Destination>,
        pending: ByteRanges,
        known: &'a ByteRanges,
        patience: Duration,
        progress: &'a dyn Progress,
    ) -> Self {
        let chunks =
            pending.iter().flat_map(|range| range.start / CHUNK_BYTES..range.end.div_ceil(CHUNK_BYTES)).collect();
        let reader = PatientReader::start(source, patience);
        let (lost, chunk) = (Vec::new(), Buffer::new());
        Self { source, reader, destinations, lost, pending, known, chunks, retries_done: 0, progress, chunk }
    }

    /// Runs all passes; the bytes that stay unreadable are zero in the image, and in the mapfile.
    #[must_use]
    pub(crate) fn run(mut self, retries: u32) -> Rescued {
        let stopped = self.passes(retries).and_then(|()| self.settle()).err().map(|halt| self.explain(halt));
        if stopped.is_some() {
            let map = map_under_way(self.source.bytes(), self.source.bytes(), &self.pending, self.known);
            self.each_destination(|destination| destination.write_map(&map));
        }
        let Self { destinations, lost, pending, retries_done, .. } = self;
        Rescued { destinations, lost, unreadable: pending, retries: retries_done, stopped }
    }

    fn passes(&mut self, retries: u32) -> Result<(), Halt> {
        let sector = self.source.sector_bytes();
        let mut piece = CHUNK_BYTES / 2;
        while piece >= sector && !self.pending.is_empty() {
            self.pass(&format!("recover in pieces of {}", Size(piece).short()), piece, Direction::Forwards)?;
            piece /= 2;
        }
        for round in 0..retries {
            if self.pending.is_empty() {
                break;
            }
            let direction = if round % 2 == 0 { Direction::Forwards } else { Direction::Backwards };
            self.retries_done = self.retries_done.saturating_add(self.pending.total_bytes() / sector);
            self.pass(&format!("retry {} of {retries}", round.saturating_add(1)), sector, direction)?;
        }
        Ok(())
    }

    /// Tries all pending bytes once in pieces of this length.
    fn pass(&mut self, task: &str, piece_bytes: u64, direction: Direction) -> Result<(), Halt> {
        self.progress.begin(task, Some(self.pending.total_bytes()));
        let mut chunks: Vec<u64> = self.chunks.iter().copied().filter(|chunk| self.is_pending(*chunk)).collect();
        if direction == Direction::Backwards {
            chunks.reverse();
        }
        for chunk in chunks {
            self.pass_chunk(chunk, piece_bytes, direction)?;
        }
        Ok(())
    }

    fn is_pending(&self, chunk: u64) -> bool {
        self.pending.within(self.chunk_range(chunk)).next().is_some()
    }

    fn chunk_range(&self, chunk: u64) -> ByteRange {
        let start = chunk.saturating_mul(CHUNK_BYTES);
        ByteRange::new(start, start.saturating_add(CHUNK_BYTES).min(self.source.bytes()))
    }

    fn pass_chunk(&mut self, chunk: u64, piece_bytes: u64, direction: Direction) -> Result<(), Halt> {
        let window = self.chunk_range(chunk);
        let pending: Vec<ByteRange> = self.pending.within(window).collect();
        let mut pieces: Vec<ByteRange> = pending.iter().flat_map(|range| pieces(*range, piece_bytes)).collect();
        if direction == Direction::Backwards {
            pieces.reverse();
        }
        self.load(chunk)?;
        let (mut recovered, mut halt) = (Vec::new(), None);
        for piece in pieces {
            if self.progress.stop_requested() {
                halt = Some(Halt::Stop);
                break;
            }
            match self.try_piece(window.start, piece) {
                Ok(Ok(())) => recovered.push(piece),
                Ok(Err(Fault::Gone(error))) => {
                    halt = Some(Halt::Gone(piece.start, error));
                    break;
                }
                Ok(Err(_)) => {}
                Err(stopped) => {
                    halt = Some(stopped);
                    break;
                }
            }
            self.progress.advance(piece.len());
        }
        if !recovered.is_empty() {
            let bytes = std::mem::take(&mut self.chunk);
            self.each_destination(|destination| destination.rewrite(chunk, bytes.as_slice()));
            self.chunk = bytes;
            recovered.into_iter().for_each(|piece| self.pending.remove(piece));
            self.progress.unreadable(self.pending.total_bytes());
        }
        if self.destinations.is_empty() {
            return Err(Halt::NoDestination);
        }
        halt.map_or(Ok(()), Err)
    }

    /// Reads one piece of the chunk that begins at `start`.
    fn try_piece(&mut self, start: u64, piece: ByteRange) -> Result<Result<(), Fault>, Halt> {
        let read = self.reader.read(piece.start, piece.len(), self.progress).map_err(|error| match error {
            AcquireError::Interrupted { .. } => Halt::Stop,
            other => Halt::Silent(piece.start, other),
        })?;
        Ok(read.map(|bytes| {
            let from = usize::try_from(piece.start.saturating_sub(start)).unwrap_or(usize::MAX);
            let to = from.saturating_add(bytes.len());
            if let Some(place) = self.chunk.as_mut().get_mut(from..to) {
                place.copy_from_slice(bytes);
            }
        }))
    }

    /// Takes up a chunk as it is written so far.
    fn load(&mut self, chunk: u64) -> Result<(), Halt> {
        self.chunk.set_len(self.chunk_range(chunk).len());
        while let Some(destination) = self.destinations.first() {
            let error = match destination.read_chunk(chunk, self.chunk.as_mut()) {
                Ok(true) => return Ok(()),
                Ok(false) => io::Error::other(format!("chunk {chunk} cannot be read back")),
                Err(error) => error,
            };
            let destination = self.destinations.remove(0);
            self.lost.push(Lost { path: destination.path, error });
        }
        Err(Halt::NoDestination)
    }

    /// Writes down what stays unreadable, and after that declares the chunks done.
    fn settle(&mut self) -> Result<(), Halt> {
        let mut unreadable = self.pending.clone();
        self.known.iter().for_each(|range| unreadable.insert(range));
        let map = Mapfile::finished(self.source.bytes(), &unreadable);
        self.each_destination(|destination| destination.write_map(&map));
        for chunk in std::mem::take(&mut self.chunks) {
            self.load(chunk)?;
            let bytes = std::mem::take(&mut self.chunk);
            self.each_destination(|destination| destination.settle(chunk, bytes.as_slice()));
            self.chunk = bytes;
        }
        if self.destinations.is_empty() { Err(Halt::NoDestination) } else { Ok(()) }
    }

    /// Does something in every destination; one in which it fails is lost.
    fn each_destination(&mut self, mut act: impl FnMut(&mut Destination) -> io::Result<()>) {
        for mut destination in std::mem::take(&mut self.destinations) {
            match act(&mut destination) {
                Ok(()) => self.destinations.push(destination),
                Err(error) => self.lost.push(Lost { path: destination.path, error }),
            }
        }
    }

    fn explain(&self, halt: Halt) -> AcquireError {
        match halt {
            Halt::Stop => {
                let done_bytes = self.source.bytes().saturating_sub(self.pending.total_bytes());
                AcquireError::Interrupted { done_bytes, total_bytes: Some(self.source.bytes()) }
            }
            Halt::Gone(offset, error) => AcquireError::SourceLost { offset, reason: with_causes(&error) },
            Halt::Silent(offset, AcquireError::SourceLost { reason, .. }) => {
                AcquireError::SourceLost { offset, reason }
            }
            Halt::Silent(_, other) => other,
            Halt::NoDestination => AcquireError::Internal("no destination is left".to_owned()),
        }
    }
}

/// The map of an image of which the first `done` bytes were tried; `known` are the bytes that an earlier session has
/// given up.
pub(super) fn map_under_way(size: u64, done: u64, pending: &ByteRanges, known: &ByteRanges) -> Mapfile {
    let tried = ByteRanges::from_iter([ByteRange::new(0, done)]);
    let phase = if done < size { MapPhase::Copying } else { MapPhase::Trimming };
    let position = pending.iter().next().filter(|_| done >= size).map_or(done, |range| range.start);
    let sets = [(MapStatus::Finished, &tried), (MapStatus::NonTrimmed, pending), (MapStatus::BadSector, known)];
    Mapfile::under_way(size, position, phase, 1, &sets)
}

/// Cuts a range at multiples of `piece_bytes`.
fn pieces(range: ByteRange, piece_bytes: u64) -> impl Iterator<Item = ByteRange> {
    let first = range.start / piece_bytes;
    let end = range.end.div_ceil(piece_bytes);
    (first..end).map(move |index| {
        let start = index.saturating_mul(piece_bytes);
        ByteRange::new(start, start.saturating_add(piece_bytes)).intersect(range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_begin_and_end_at_multiples_of_their_length() {
        let cut: Vec<ByteRange> = pieces(ByteRange::new(3, 21), 8).collect();
        assert_eq!(cut, [ByteRange::new(3, 8), ByteRange::new(8, 16), ByteRange::new(16, 21)]);
    }
}
