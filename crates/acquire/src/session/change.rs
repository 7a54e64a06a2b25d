//! Whether a source is still what it was: before a session goes on, and after the last read.

use super::record::{Before, mark};
use super::watch::{Counters, Watch};
use crate::AcquireError;
use crate::destination::{Destination, Stored};
use crate::source::SourceReader;
use crate::stream::{Buffer, CHUNK_BYTES, ChunkStream, Feed, StreamError, Work};
use kanshiki_custody::leaves::{Leaves, leaf_count, leaf_digest};
use kanshiki_custody::manifest::Change;
use kanshiki_model::{ByteRange, ByteRanges, Progress, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// The most chunks that are compared before a session goes on.
const SAMPLES: u64 = 16;

/// A chunk of the source that is not what an earlier session has read; `None` if none of the samples differs.
pub(super) fn sample_differs(source: &SourceReader, stored: &Stored, unreadable: &ByteRanges) -> Option<ByteRange> {
    let count = stored.leaves().min(leaf_count(source.bytes()));
    find_sample(source, count, unreadable, |index, bytes| stored.contradicts(index, bytes))
}

/// A chunk of the source that is not what a complete exhibit was made from; `None` if none of the samples differs.
pub(super) fn complete_differs(source: &SourceReader, leaves: &Leaves, unreadable: &ByteRanges) -> Option<ByteRange> {
    let count = leaves.count().min(leaf_count(source.bytes()));
    let differs = |index, bytes: &[u8]| leaves.leaf(index).is_ok_and(|leaf| leaf != leaf_digest(bytes));
    find_sample(source, count, unreadable, differs)
}

/// The first of some chunks of the source, spread over the first `count`, of which `differs` says so.
fn find_sample(
    source: &SourceReader,
    count: u64,
    unreadable: &ByteRanges,
    differs: impl Fn(u64, &[u8]) -> bool,
) -> Option<ByteRange> {
    let step = (count / SAMPLES).max(1);
    let mut buffer = Buffer::new();
    (0..count).step_by(usize::try_from(step).unwrap_or(usize::MAX)).find_map(|index| {
        let range = chunk_range(index, source.bytes());
        // A sector that could not be read then may give its bytes now.
        if unreadable.within(range).next().is_some() {
            return None;
        }
        buffer.set_len(range.len());
        source.fill(index, &mut buffer).ok()?;
        differs(index, buffer.as_slice()).then_some(range)
    })
}

/// Compares the source with what it was before the first read; `watch` holds what earlier sessions have found, and
/// takes up what the kernel has counted since.
pub(super) fn detect(
    source: &SourceReader,
    edges: &[Option<String>; 2],
    before: &Before,
    watch: &mut Watch,
    now: Timestamp,
) -> Change {
    let mut change = Change::default();
    let mut compare = |name: &str, differs: Option<String>| {
        change.compared.push(name.to_owned());
        change.differences.extend(differs);
    };
    compare("size", size_difference(source));
    let names = ["first", "last"];
    let edges = names.iter().zip(before.identity.edges.iter().zip(edges)).filter_map(|(name, edges)| match edges {
        (Some(before), Some(now)) if before != now => Some(format!("the {name} sectors are not what they were")),
        (Some(_), None) => Some(format!("the {name} sectors can no longer be read")),
        _ => None,
    });
    let edges: Vec<String> = edges.collect();
    compare("first and last sectors", (!edges.is_empty()).then(|| edges.join("; ")));
    if let Some(device) = source.device() {
        let gone = source.files().next().is_some_and(|file| device.is_gone(file));
        compare("identity", gone.then(|| "the device is gone".to_owned()));
        let sequence = (before.disk_sequence, device.disk_sequence());
        if let (Some(before), Some(now)) = sequence {
            let differs = before != now;
            compare(
                "disk sequence number",
                differs.then(|| format!("the disk sequence number was {before}, now {now}")),
            );
        }
        let counters = Counters::of(device, now);
        let counts = [("sectors written", counters.sectors_written), ("sectors discarded", counters.sectors_discarded)];
        counts.iter().filter(|(_, count)| count.is_some()).for_each(|(name, _)| compare(name, None));
        watch.look(Some(counters));
    } else {
        let several = source.files().count() > 1;
        let marks = before.identity.files.iter().zip(source.files()).enumerate();
        let changes = marks.filter_map(|(number, (before, file))| {
            let change = before.change(&mark(file)?)?;
            let part = if several { format!("part {} of ", number.saturating_add(1)) } else { String::new() };
            Some(format!("{part}the source {change}, while it was read"))
        });
        let changes: Vec<String> = changes.take(20).collect();
        compare("times of the files", (!changes.is_empty()).then(|| changes.join("; ")));
    }
    change.differences.splice(0..0, watch.differences.iter().cloned());
    change
}

fn size_difference(source: &SourceReader) -> Option<String> {
    match source.bytes_now() {
        Ok(now) if now == source.bytes() => None,
        Ok(now) => Some(format!("the source had {} bytes, now {now}", source.bytes())),
        Err(error) => Some(format!("the source can no longer be asked for its size: {error}")),
    }
}

/// Reads the source a second time and compares every leaf.
pub(super) fn compare_twice(
    source: &Arc<SourceReader>,
    destination: &Destination,
    unreadable: &ByteRanges,
    patience: Duration,
    progress: &dyn Progress,
    change: &mut Change,
) -> Result<(), AcquireError> {
    let failed = |error: StreamError| match error {
        StreamError::Stopped => {
            AcquireError::Interrupted { done_bytes: source.bytes(), total_bytes: Some(source.bytes()) }
        }
        other => AcquireError::SourceLost { offset: 0, reason: other.to_string() },
    };
    let feed = Arc::clone(source) as Arc<dyn Feed>;
    let mut stream = ChunkStream::start(feed, Work::default(), 0, u64::MAX).map_err(failed)?;
    progress.begin("read the source again", Some(source.bytes()));
    while let Some(item) = stream.next(patience, &|| progress.stop_requested()).map_err(failed)? {
        let range = chunk_range(item.index, source.bytes());
        progress.advance(range.len());
        if unreadable.within(range).next().is_some() {
            continue;
        }
        let leaf = destination.leaf(item.index);
        let leaf = leaf.map_err(|source| AcquireError::Destination { path: destination.path.clone(), source })?;
        match item.outcome {
            Ok(chunk) if leaf == Some(*chunk.leaf()) => {}
            Ok(_) | Err(_) => change.ranges.insert(range),
        }
    }
    change.compared.push("every leaf".to_owned());
    if !change.ranges.is_empty() {
        let ranges: Vec<String> = change.ranges.iter().take(20).map(|range| range.to_string()).collect();
        let bytes = change.ranges.total_bytes();
        change
            .differences
            .push(format!("{bytes} bytes gave other leaves at the second reading: {}", ranges.join(", ")));
    }
    Ok(())
}

fn chunk_range(index: u64, bytes: u64) -> ByteRange {
    let start = index.saturating_mul(CHUNK_BYTES);
    ByteRange::new(start, start.saturating_add(CHUNK_BYTES).min(bytes))
}
