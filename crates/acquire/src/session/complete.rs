//! Exhibits that are complete already when an acquisition is taken up: whether the source is still what they were made
//! from, and whether a copy that is made beside them is the same.

use super::close::unreadable_reservation;
use super::patient::patiently;
use super::record::Before;
use super::state::FileMark;
use super::watch::Counters;
use super::{Session, change, places};
use crate::destination::Destination;
use crate::error::with_causes;
use crate::source::SourceReader;
use crate::{AcquireError, Outcome};
use kanshiki_custody::Case;
use kanshiki_custody::leaves::{self, LEAF_BYTES, Leaves, LeavesError, leaf_range};
use kanshiki_custody::manifest::{Change, Manifest};
use kanshiki_model::{ByteRange, ByteRanges, Fact, Facts, Issue};
use serde_json::Value;
use std::sync::Arc;

/// Ranges that are named in one message; the manifest has all.
const NAMED: usize = 20;

impl Session<'_> {
    /// What is to be done when `resume` finds all exhibits complete: only what a cut-off end has left.
    pub(super) fn already_complete(&mut self, complete: Vec<(Case, Manifest)>) -> Result<Outcome, AcquireError> {
        let mut finished = Vec::with_capacity(complete.len());
        for (case, manifest) in complete {
            finished.push(self.mend(&case, manifest)?);
        }
        let note = "the exhibit was complete before; nothing was copied or verified now".to_owned();
        self.progress.issue(&Issue::new(self.options.exhibit.clone(), note));
        let mut before = Vec::new();
        for manifest in finished.iter().map(|finished| &finished.manifest) {
            before.extend(manifest.source.change.differences.clone());
            before.extend(unreadable_reservation(&manifest.image.unreadable));
        }
        self.reservations.splice(0..0, before);
        self.outcome(finished)
    }

    /// Refuses a complete exhibit that was made from another source, as far as some of its chunks tell; returns what
    /// tells that the source was changed since.
    pub(super) fn check_complete(&self, case: &Case, manifest: &Manifest) -> Result<Vec<String>, AcquireError> {
        let (path, exhibit) = (self.before.path.clone(), self.options.exhibit.clone());
        let refused = |difference: String| AcquireError::Refused {
            path: path.clone(),
            reason: format!("exhibit {exhibit} is complete, and of another source: {difference}"),
            hint: Some("take another --exhibit".to_owned()),
        };
        if let Some(difference) = other_source(manifest, &self.before) {
            return Err(refused(difference));
        }
        let since = changed_since(manifest, &self.before);
        let Some(reader) = self.origin.reader() else { return Ok(since) };
        let leaves = case.exhibit_dir(&self.options.exhibit).join(leaves::FILE_NAME);
        // Leaves that cannot be read are for `verify` to tell.
        let Ok(leaves) = Leaves::open(&leaves) else { return Ok(since) };
        let unreadable = manifest.image.unreadable.clone();
        let look = move |reader: &Arc<SourceReader>| change::complete_differs(reader, &leaves, &unreadable);
        match patiently(self.options.patience, self.progress, reader, look)? {
            Some(range) => Err(refused(format!("bytes {range} differ"))),
            None => Ok(since),
        }
    }

    /// Compares what was copied now with the complete exhibits beside it, leaf by leaf.
    pub(super) fn compare_with_complete(
        &self,
        destination: &Destination,
        unreadable: &ByteRanges,
        bytes: u64,
        complete: &[(Case, Manifest)],
        change: &mut Change,
    ) {
        for (case, manifest) in complete {
            let folder = case.exhibit_dir(&self.options.exhibit);
            let shown = places::shown(&folder);
            if manifest.image.bytes != bytes {
                let before = manifest.image.bytes;
                change.differences.push(format!("the exhibit in {shown} has {before} bytes, the source now {bytes}"));
                continue;
            }
            match differing_leaves(destination, &folder.join(leaves::FILE_NAME), manifest) {
                Ok(differing) => {
                    change.compared.push(format!("every leaf of the exhibit in {shown}"));
                    let (unread, changed) = differing.into_iter().partition::<Vec<_>, _>(|range| {
                        [unreadable, &manifest.image.unreadable].iter().any(|list| list.within(*range).next().is_some())
                    });
                    change.differences.extend(tell_changed(&shown, &changed));
                    change.differences.extend(tell_unread(&shown, &unread));
                    changed.into_iter().for_each(|range| change.ranges.insert(range));
                }
                Err(reason) => change.differences.push(format!(
                    "it is not known whether the source is what it was when the exhibit in {shown} was made: {reason}"
                )),
            }
        }
    }
}

/// The chunks whose leaves are others in a complete exhibit; or why they cannot be compared.
fn differing_leaves(
    destination: &Destination,
    path: &std::path::Path,
    manifest: &Manifest,
) -> Result<Vec<ByteRange>, String> {
    let failed = |error: LeavesError| format!("image.leaves: {}", with_causes(&error));
    let leaves = Leaves::open(path).map_err(failed)?;
    if leaves.verify_root().map_err(failed)?.digest().to_hex() != manifest.image.leaves_root {
        return Err("image.leaves is not the one that its manifest names".to_owned());
    }
    let mut differing = Vec::new();
    for index in 0..leaves.count() {
        let now = destination.leaf(index).map_err(|error| with_causes(&error))?;
        if now != Some(leaves.leaf(index).map_err(failed)?) {
            differing.push(leaf_range(index, manifest.image.bytes));
        }
    }
    Ok(differing)
}

fn tell_changed(folder: &str, differing: &[ByteRange]) -> Option<String> {
    (!differing.is_empty()).then(|| {
        format!(
            "the source HAS CHANGED since the exhibit in {folder} was made, and this copy is not the same: {}",
            mebibytes(differing)
        )
    })
}

fn tell_unread(folder: &str, differing: &[ByteRange]) -> Option<String> {
    (!differing.is_empty()).then(|| {
        format!(
            "sectors could be read either now or when the exhibit in {folder} was made, and not both times, so that this \
             copy is not the same: {}",
            mebibytes(differing)
        )
    })
}

/// `MiB 1 (bytes 1048576-2097152), MiB 7 to 9 (bytes 7340032-10485760)`
fn mebibytes(ranges: &[ByteRange]) -> String {
    let joined = ByteRanges::from_iter(ranges.iter().copied());
    let tell = |range: ByteRange| {
        let (first, last) = (range.start / LEAF_BYTES, range.end.saturating_sub(1) / LEAF_BYTES);
        let numbers = if first == last { format!("MiB {first}") } else { format!("MiB {first} to {last}") };
        format!("{numbers} (bytes {range})")
    };
    let mut told: Vec<String> = joined.iter().take(NAMED).map(tell).collect();
    let more = joined.as_slice().len().saturating_sub(NAMED);
    told.extend((more > 0).then(|| format!("and {more} more places")));
    told.join(", ")
}

/// By what the source now is another one than that of a complete exhibit.
fn other_source(manifest: &Manifest, before: &Before) -> Option<String> {
    let (source, now) = (&manifest.source, &before.identity);
    if source.kind != now.kind {
        return Some(format!("it was a {:?}, now a {:?}", source.kind, now.kind).to_lowercase());
    }
    if let Some(bytes) = now.bytes.filter(|bytes| *bytes != source.bytes) {
        return Some(format!("it had {} bytes, now {bytes}", source.bytes));
    }
    let inode = source.facts.get("inode").and_then(Fact::number);
    if let (Some(before), Some(mark)) = (inode, now.files.first())
        && before != mark.inode
    {
        return Some(format!("it was the file with inode {before}, now that with inode {}", mark.inode));
    }
    let other = |part: &Value, mark: &FileMark| {
        part.get("inode").and_then(Value::as_u64).is_some_and(|inode| inode != mark.inode)
    };
    let number = parts(manifest).zip(&now.files).position(|(part, mark)| other(part, mark))?;
    Some(format!("its part {} is another file", number.saturating_add(1)))
}

fn parts(manifest: &Manifest) -> impl Iterator<Item = &Value> {
    let parts = manifest.source.facts.get("part_files").and_then(|fact| fact.value.as_array());
    parts.into_iter().flatten()
}

/// What tells that the source was changed since a complete exhibit was made of it: the times of its files, or what the
/// kernel has counted of its disk meanwhile. Nothing where the counts began anew.
fn changed_since(manifest: &Manifest, before: &Before) -> Vec<String> {
    let facts = &manifest.source.facts;
    let mut since = Vec::new();
    if let Some(mark) = before.identity.files.first() {
        let text = |name: &str| facts.get(name).and_then(Fact::text);
        since.extend(file_change("the source", text("modified"), text("changed"), mark));
    }
    for (number, (part, mark)) in parts(manifest).zip(&before.identity.files).enumerate().skip(1) {
        let text = |name: &str| part.get(name).and_then(Value::as_str).map(str::to_owned);
        let which = format!("part {} of the source", number.saturating_add(1));
        since.extend(file_change(&which, text("modified"), text("changed"), mark));
    }
    let recorded = Counters {
        at: manifest.run.ended,
        boot: manifest.host.get("boot_id").and_then(Fact::text),
        disk_sequence: facts.get("disk_sequence").and_then(Fact::number),
        sectors_written: number(&manifest.run.state_after, "sectors_written"),
        sectors_discarded: number(&manifest.run.state_after, "sectors_discarded"),
    };
    if let Some(now) = before.counters.as_ref().filter(|now| recorded.broken_off(now).is_none())
        && let Some(change) = recorded.change(now)
    {
        since.push(format!("{change} since {}, when the complete exhibit was made", recorded.at));
    }
    since
}

fn number(facts: &Facts, name: &str) -> Option<u64> {
    facts.get(name).and_then(Fact::number)
}

fn file_change(which: &str, modified: Option<String>, changed: Option<String>, now: &FileMark) -> Option<String> {
    if let Some(before) = modified.filter(|before| *before != now.modified.to_string()) {
        return Some(format!("{which} was last written at {before} when it was copied, now at {}", now.modified));
    }
    let (before, now) = (changed?, now.changed?.to_string());
    (before != now).then(|| {
        format!(
            "{which} was changed, in content, name or rights, at {before} when it was copied, now at {now}, with the time \
             of writing as before"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_touch_are_named_as_one() {
        let mib = |number: u64| ByteRange::new(number << 20, (number + 1) << 20);
        assert_eq!(
            mebibytes(&[mib(1), mib(7), mib(8)]),
            "MiB 1 (bytes 1048576-2097152), MiB 7 to 8 (bytes 7340032-9437184)"
        );
        let many: Vec<ByteRange> = (0..50).map(|number| mib(2 * number)).collect();
        assert!(mebibytes(&many).ends_with("and 30 more places"));
    }
}
