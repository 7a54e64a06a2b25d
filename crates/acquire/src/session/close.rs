//! The end of an acquisition: image and leaves to their medium, the copy read back, the manifest, the final name, the
//! custody log. Until the folder has its final name, everything can be done again.

use super::patient::patiently;
use super::record::{After, Copy};
use super::{Image, Session, State, change, places, state, who};
use crate::destination::{Destination, Lost, MAP_NAME};
use crate::error::with_causes;
use crate::hashers::hash_all;
use crate::reread::{FileDigest, Found, ImageFeed, Reread, RereadError};
use crate::source::edge_digests;
use crate::{AcquireError, FinishedCopy, Outcome};
use kanshiki_custody::case::EXHIBITS;
use kanshiki_custody::leaves::{self, Leaves, Root};
use kanshiki_custody::manifest::{self, Format, Manifest, Output, Verification, VerificationResult};
use kanshiki_custody::{Act, ActKind, CustodyLog, Subject};
use kanshiki_custody::{Case, Mapfile, OutputDir, hex_sha256, sums};
use kanshiki_image::{Gaps, layout};
use kanshiki_model::{Algorithm, ByteRange, ByteRanges, Digest, Fact, Issue};
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the list of digests.
pub(super) const SUMS_NAME: &str = "SHA256SUMS";

/// The most bytes of one piece of a partition table whose digest is recorded.
const TABLE_LIMIT: usize = 1 << 20;

/// What reading a finished copy gave.
struct Closed {
    digests: Vec<Digest>,
    readable: Vec<Digest>,
    files: Vec<FileDigest>,
    verification: Verification,
}

impl Session<'_> {
    /// Ends the acquisition in all destinations.
    pub(super) fn finish(
        &mut self,
        mut state: State,
        image: &Image,
        mut destinations: Vec<Destination>,
        complete: Vec<(Case, Manifest)>,
    ) -> Result<Outcome, AcquireError> {
        let after = match self.after(&mut state, image, destinations.first(), &complete) {
            Ok(after) => after,
            Err(error) => {
                self.record_end(&mut state, &mut destinations, self.clock.now(), &super::end_of(&error));
                return Err(error);
            }
        };
        self.keep_differences(&mut state, &after, &destinations);
        let (mut finished, mut failures) = (Vec::new(), Vec::new());
        for mut destination in destinations {
            let path = destination.path.clone();
            let closed = self.finish_one(&mut state, image, &after, &mut destination);
            if let Err(error) = &closed {
                if matches!(error, AcquireError::ReadBack { .. }) {
                    state
                        .issues
                        .push(Issue::new(places::shown(&path), format!("an earlier reading back failed: {error}")));
                }
                let end = super::end_of(error);
                self.record_end(&mut state, std::slice::from_mut(&mut destination), self.clock.now(), &end);
            }
            let closed = closed.and_then(|manifest| {
                // What came while the work went on.
                places::refuse_strangers(&destination, manifest.image.format)?;
                Ok(manifest)
            });
            match closed.and_then(|manifest| self.publish(destination, manifest)) {
                Ok(done) => finished.push(done),
                Err(stopped @ AcquireError::Interrupted { .. }) => return Err(stopped),
                Err(error) => failures.push((path, error)),
            }
        }
        for (case, manifest) in complete {
            finished.push(self.mend(&case, manifest)?);
        }
        if finished.is_empty() {
            let first = failures.into_iter().next().map(|(_, error)| error);
            return Err(first.unwrap_or_else(|| AcquireError::Internal("no destination is left".to_owned())));
        }
        for (path, error) in failures {
            self.note_lost(&finished, &path, &error)?;
            self.tell_lost(&Lost { path, error: io::Error::other(error) });
        }
        self.reserve(image, &after);
        self.outcome(finished)
    }

    /// What is told of the finished exhibits, in the order in which their cases were given.
    pub(super) fn outcome(&mut self, mut finished: Vec<FinishedCopy>) -> Result<Outcome, AcquireError> {
        let places: Vec<&PathBuf> = self.options.places().collect();
        finished.sort_by_key(|done| places.iter().position(|place| done.folder.starts_with(place.join(EXHIBITS))));
        let root = |done: &FinishedCopy| done.manifest.image.leaves_root.clone();
        if finished.iter().any(|done| finished.first().is_some_and(|first| root(first) != root(done))) {
            let note = "the copies ARE NOT THE SAME: each folder has the digest that stands below it";
            self.reservations.insert(0, note.to_owned());
        }
        let mut said = std::collections::BTreeSet::new();
        self.reservations.retain(|reservation| said.insert(reservation.clone()));
        if finished.is_empty() {
            return Err(AcquireError::Internal("no destination is left".to_owned()));
        }
        Ok(Outcome { copies: finished, reservations: std::mem::take(&mut self.reservations) })
    }

    /// Enters in the custody logs of the finished copies that another one was lost after their manifests were written.
    fn note_lost(&self, finished: &[FinishedCopy], path: &Path, error: &AcquireError) -> Result<(), AcquireError> {
        for done in finished {
            let Some(case) = done.folder.parent().and_then(Path::parent) else { continue };
            let what = format!(
                "exhibit {}: the copy in {} was lost: {}",
                done.manifest.exhibit,
                places::shown(path),
                with_causes(error)
            );
            let what: String = what.chars().take(1000).collect();
            let (who, tool) = (who(&done.manifest.people), crate::tool_name());
            let act = Act { kind: ActKind::Note, who, what, subjects: Vec::new(), tool };
            CustodyLog::open(&Case::open(case)?)?.append(act, self.clock)?;
        }
        Ok(())
    }

    /// Writes down what differed before the copies are read back: a later session that only ends them must know it.
    fn keep_differences(&self, state: &mut State, after: &After, destinations: &[Destination]) {
        if after.change.differences.is_empty() {
            return;
        }
        state.watch.differences.clone_from(&after.change.differences);
        // A destination that cannot be written fails when it is finished.
        destinations.iter().for_each(|destination| drop(destination.dir.replace(state::FILE_NAME, &state.to_json())));
    }

    /// Looks at the source after the last read, and lets it go.
    fn after(
        &mut self,
        state: &mut State,
        image: &Image,
        destination: Option<&Destination>,
        complete: &[(Case, Manifest)],
    ) -> Result<After, AcquireError> {
        let reading = self.before.instant.elapsed();
        let mut change = kanshiki_custody::manifest::Change::default();
        if let Some(destination) = destination {
            self.compare_with_complete(destination, &image.unreadable, image.bytes, complete, &mut change);
        }
        if let Some(reader) = self.origin.reader() {
            if let (true, Some(destination)) = (self.options.twice, destination) {
                let patience = self.options.patience;
                change::compare_twice(reader, destination, &image.unreadable, patience, self.progress, &mut change)?;
                // Every leaf was compared with the source as it is now.
                state.watch.unknown.clear();
            }
            let edges = patiently(self.options.patience, self.progress, reader, |reader| edge_digests(reader))?;
            let found = change::detect(reader, &edges, &self.before, &mut state.watch, self.clock.now());
            change.compared.extend(found.compared);
            change.differences.extend(found.differences);
            let mut said = std::collections::BTreeSet::new();
            change.differences.retain(|difference| said.insert(difference.clone()));
            change.compared.sort_unstable();
        }
        let state_after = self.origin.device().map(|device| device.state()).unwrap_or_default();
        let restored = self.protection.as_mut().map(crate::device::WriteProtection::restore);
        let mut protection = self.protection.as_ref().map(|protection| protection.facts()).unwrap_or_default();
        protection.extend(restored.map(|fact| ("read_only_after".to_owned(), fact)));
        if self.protection.is_none() {
            let statement = "the source is no block device: it was opened for reading only";
            protection.insert("statement".to_owned(), Fact::derived(statement, "the kind of the source"));
        }
        Ok(After { change, state: state_after, protection, reading })
    }

    fn reserve(&mut self, image: &Image, after: &After) {
        self.reservations.extend(unreadable_reservation(&image.unreadable));
        self.reservations.extend(after.change.differences.iter().cloned());
    }

    /// Ends image, leaves and map, reads the copy back and makes the manifest.
    fn finish_one(
        &self,
        state: &mut State,
        image: &Image,
        after: &After,
        destination: &mut Destination,
    ) -> Result<Manifest, AcquireError> {
        let path = destination.path.clone();
        let failed = |source: io::Error| AcquireError::Destination { path: path.clone(), source };
        destination.write_map(&Mapfile::finished(image.bytes, &image.unreadable)).map_err(failed)?;
        let (names, root) = destination.finish(image.bytes).map_err(failed)?;
        let closed = self.read_back(state, image, destination, &names, root)?;
        let content = ImageFeed::open(state.storage.format, &paths(&path, &names), false);
        let content = content.map_err(|error| failed(io::Error::other(error)))?;
        let mut outputs: Vec<Output> = closed.files.iter().map(output).collect();
        for name in [leaves::FILE_NAME, MAP_NAME] {
            outputs.push(output(&hash_file(&destination.dir, name).map_err(failed)?));
        }
        if let Some(session) = state.sessions.last_mut() {
            session.ended = Some(self.clock.now());
            "complete".clone_into(&mut session.end);
        }
        let copy = Copy {
            case: destination.case.name(),
            folder: &path,
            digests: closed.digests,
            readable: closed.readable,
            root,
            outputs,
            layout: layout_of(&content, &image.unreadable, self.sector_bytes_told()),
            verification: closed.verification,
        };
        Ok(self.manifest(state, image, after, copy))
    }

    /// The sector size, where the source is a device that has one.
    fn sector_bytes_told(&self) -> Option<u64> {
        self.origin.device().and_then(|device| device.logical_sector_bytes().ok())
    }

    /// Reads the finished copy where that is asked for, or digests are still missing.
    fn read_back(
        &self,
        state: &State,
        image: &Image,
        destination: &Destination,
        names: &[String],
        root: Root,
    ) -> Result<Closed, AcquireError> {
        let folder = &destination.path;
        let skipped = Verification { result: VerificationResult::Skipped, reading: "none".to_owned() };
        let verified = |reading: String| Verification { result: VerificationResult::Verified, reading };
        let format = state.storage.format;
        if let (Some(digests), false, true) = (&image.digests, self.options.verify, image.unreadable.is_empty()) {
            // All that is missing are the digests of files that are not the image as it is.
            let file = |name: &String| match format {
                Format::Raw => Ok(raw_file(name, image.bytes, digests)),
                _ => hash_file(&destination.dir, name),
            };
            let files = names.iter().map(file).collect::<io::Result<_>>();
            let files = files.map_err(|source| AcquireError::Destination { path: folder.clone(), source })?;
            return Ok(Closed { digests: digests.clone(), readable: Vec::new(), files, verification: skipped });
        }
        let differs = |detail: String| AcquireError::ReadBack {
            path: folder.join(names.first().map_or("", |name| name)),
            detail,
        };
        let feed = ImageFeed::open(format, &paths(folder, names), self.options.verify);
        // Not to be read at all is not the same as differing: the medium may have gone away.
        let unread = |error| AcquireError::Destination { path: folder.to_owned(), source: io::Error::other(error) };
        let feed = Arc::new(feed.map_err(unread)?);
        if feed.bytes() != image.bytes {
            return Err(differs(format!("it has {} bytes, the source gave {}", feed.bytes(), image.bytes)));
        }
        let leaves = Leaves::open(&folder.join(leaves::FILE_NAME)).and_then(|leaves| {
            let found = leaves.verify_root()?;
            Ok((leaves, found))
        });
        let (leaves, found_root) = leaves.map_err(|error| differs(with_causes(&error)))?;
        if found_root != root {
            return Err(differs("the leaves are not those that were written".to_owned()));
        }
        let task = if self.options.verify { "verify" } else { "digests of the files" };
        let reread = Reread {
            image: Arc::clone(&feed),
            algorithms: &state.algorithms,
            files: format != Format::Raw,
            unreadable: &image.unreadable,
            range: ByteRange::new(0, image.bytes),
            task,
        };
        let found = reread.run(|index| leaves.leaf(index).ok(), self.progress).map_err(|error| match error {
            RereadError::Stopped => {
                AcquireError::Interrupted { done_bytes: image.bytes, total_bytes: Some(image.bytes) }
            }
            RereadError::Failed(detail) => differs(detail),
        })?;
        check(&found, image, state.algorithms.len()).map_err(differs)?;
        let verification = if self.options.verify { verified(feed.reading().name().to_owned()) } else { skipped };
        let files = if format == Format::Raw {
            names.iter().map(|name| raw_file(name, image.bytes, &found.digests)).collect()
        } else {
            found.files
        };
        Ok(Closed { digests: found.digests, readable: found.readable, files, verification })
    }

    /// Writes the manifest, gives the folder its final name and enters the act in the custody log.
    fn publish(&self, destination: Destination, manifest: Manifest) -> Result<FinishedCopy, AcquireError> {
        let Destination { case, dir, lock, .. } = destination;
        let json = manifest.to_json();
        dir.write_new(manifest::FILE_NAME, &json)?;
        let text = manifest::to_text(&manifest).into_bytes();
        dir.write_new(manifest::TEXT_FILE_NAME, &text)?;
        let mut list: Vec<(String, String)> =
            manifest.outputs.iter().map(|output| (output.name.clone(), output.sha256.clone())).collect();
        list.push((manifest::FILE_NAME.to_owned(), hex_sha256(&json)));
        list.push((manifest::TEXT_FILE_NAME.to_owned(), hex_sha256(&text)));
        dir.write_new(SUMS_NAME, sums::to_text(&list).as_bytes())?;
        case.finish_exhibit(&self.options.exhibit, lock)?;
        Ok(FinishedCopy { complete_before: false, ..self.mend(&case, manifest)? })
    }

    /// Does what comes after the final name, as far as it is not done yet.
    pub(super) fn mend(&self, case: &Case, manifest: Manifest) -> Result<FinishedCopy, AcquireError> {
        let folder = case.exhibit_dir(&self.options.exhibit);
        let dir = OutputDir::open(&folder)?;
        for name in [state::FILE_NAME, kanshiki_custody::case::LOCK_NAME] {
            if crate::writers::exists(&dir, name) {
                dir.remove_own(name)?;
            }
        }
        let outputs = manifest.outputs.iter().map(|output| output.name.as_str());
        for name in outputs.chain([manifest::FILE_NAME, manifest::TEXT_FILE_NAME, SUMS_NAME]) {
            dir.make_read_only(name)?;
        }
        dir.sync()?;
        let manifest_sha256 = hex_sha256(&manifest.to_json());
        self.log_acquired(case, &manifest, &manifest_sha256)?;
        Ok(FinishedCopy { folder, manifest, manifest_sha256, complete_before: true })
    }

    fn log_acquired(&self, case: &Case, manifest: &Manifest, manifest_sha256: &str) -> Result<(), AcquireError> {
        let log = CustodyLog::open(case)?;
        let name = format!("exhibits/{}/{}", manifest.exhibit, manifest::FILE_NAME);
        let logged = log.entries()?.into_iter().any(|(_, entry)| {
            entry.is_ok_and(|entry| {
                entry.act == ActKind::Acquired && entry.subjects.iter().any(|subject| subject.sha256 == manifest_sha256)
            })
        });
        if logged {
            return Ok(());
        }
        let what =
            format!("exhibit {} acquired from {}: {}", manifest.exhibit, manifest.source.path, in_words(manifest));
        let mut subjects = vec![Subject { name, sha256: manifest_sha256.to_owned() }];
        for output in &manifest.outputs {
            let name = format!("exhibits/{}/{}", manifest.exhibit, output.name);
            subjects.push(Subject { name, sha256: output.sha256.clone() });
        }
        // A split image of thousands of parts stands in the manifest; the entry stays small.
        subjects.truncate(100);
        let tool = crate::tool_name();
        log.append(Act { kind: ActKind::Acquired, who: who(&manifest.people), what, subjects, tool }, self.clock)?;
        Ok(())
    }
}

fn in_words(manifest: &Manifest) -> String {
    let verified = match manifest.verification.result {
        VerificationResult::Verified => "read back and verified",
        VerificationResult::Skipped => "not read back",
    };
    let digest = manifest.image.digests.get(&Algorithm::Sha256).map_or("", |digest| digest);
    format!(
        "{} bytes, {} unreadable, SHA-256 {digest}, {verified}",
        manifest.image.bytes, manifest.image.unreadable_bytes
    )
}

pub(super) fn unreadable_reservation(unreadable: &ByteRanges) -> Option<String> {
    let bytes = unreadable.total_bytes();
    (bytes > 0).then(|| {
        let ranges = unreadable.as_slice().len();
        format!(
            "{bytes} bytes in {ranges} places could not be read; they are zero in the image and listed in the manifest"
        )
    })
}

/// Whether the copy that was read back is what was read from the source.
fn check(found: &Found, image: &Image, algorithms: usize) -> Result<(), String> {
    if let Some(problem) = found.problems.first() {
        let more = found.problems.len().saturating_sub(1);
        return Err(if more > 0 { format!("{problem}, and {more} more") } else { problem.clone() });
    }
    if let Some(range) = found.differing.iter().next() {
        let bytes = found.differing.total_bytes();
        return Err(format!("{bytes} bytes differ, the first of them in bytes {range}"));
    }
    if let Some(reason) = &found.unread_reason {
        return Err(reason.clone());
    }
    if found.compared_bytes != image.bytes || found.digests.len() != algorithms {
        return Err(format!("only {} of {} bytes could be compared", found.compared_bytes, image.bytes));
    }
    match &image.digests {
        Some(digests) if *digests != found.digests => Err("its digests are not those of the acquisition".to_owned()),
        _ => Ok(()),
    }
}

fn paths(folder: &Path, names: &[String]) -> Vec<PathBuf> {
    names.iter().map(|name| folder.join(name)).collect()
}

fn output(file: &FileDigest) -> Output {
    Output { name: file.name.clone(), bytes: file.bytes, sha256: file.sha256.clone(), synced: true }
}

/// The one file of a raw image has the image's digest.
fn raw_file(name: &str, bytes: u64, digests: &[Digest]) -> FileDigest {
    let digest = digests.iter().find(|digest| digest.algorithm() == Algorithm::Sha256);
    FileDigest { name: name.to_owned(), bytes, sha256: digest.map(Digest::to_hex).unwrap_or_default() }
}

fn hash_file(dir: &OutputDir, name: &str) -> io::Result<FileDigest> {
    let (bytes, sha256) = hash_all(dir.open_file(name).map_err(io::Error::other)?)?;
    Ok(FileDigest { name: name.to_owned(), bytes, sha256 })
}

/// Partitions and signatures in the image, and the digests of the sectors that hold the partition tables.
fn layout_of(content: &ImageFeed, unreadable: &ByteRanges, sector_bytes: Option<u64>) -> Value {
    let gaps = Gaps::new(content.content(), unreadable.clone());
    let layout = layout::probe(&gaps, sector_bytes);
    let tables = layout.table_ranges.iter().filter_map(|table| {
        let length = usize::try_from(table.range.len()).ok().filter(|length| *length <= TABLE_LIMIT)?;
        let mut bytes = vec![0; length];
        kanshiki_image::read_exact_at(&gaps, table.range.start, &mut bytes).ok()?;
        Some(serde_json::json!({ "range": table.range, "sha256": hex_sha256(&bytes) }))
    });
    let tables: Vec<Value> = tables.collect();
    let mut value = serde_json::to_value(&layout).unwrap_or(Value::Null);
    if let Some(map) = value.as_object_mut() {
        map.insert("table_digests".to_owned(), Value::Array(tables));
    }
    value
}
