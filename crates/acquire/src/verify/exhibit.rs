//! An exhibit with its manifest: the small files, the leaves, and the image in one reading.

use super::bare::{outside, report_of, stopped, verdict, whole_chunks, with_causes};
use super::files::{Small, is_plain};
use super::{ExhibitReport, Verdict, VerifyError, VerifyOptions};
use crate::destination::MAP_NAME;
use crate::reread::{Found, ImageFeed, Reread};
use kanshiki_custody::leaves::{self, Leaves, LeavesError};
use kanshiki_custody::manifest::{Format, Manifest};
use kanshiki_image::{OpenError, ReadError};
use kanshiki_model::{Algorithm, ByteRange, ByteRanges, Progress, visible_text};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where an exhibit lies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// In a case, with what the custody log says of its manifest, if the log can be read.
    Case { recorded: Option<Result<&'a str, &'static str>> },
    /// In no case.
    Alone,
}

/// Compares an exhibit with its record.
pub(super) fn verify(
    folder: &Path,
    id: &str,
    place: Place<'_>,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<ExhibitReport, VerifyError> {
    let mut small = Small::read(folder, place);
    small.check_folder(folder);
    small.check_outputs(folder, &[leaves::FILE_NAME, MAP_NAME]);
    let mut found = Found::default();
    let mut least = Verdict::Intact;
    let mut problems = std::mem::take(&mut small.problems);
    if let Some(reason) = small.no_answer.take() {
        least = Verdict::Impossible;
        problems.push(reason);
    }
    let mut unreadable = ByteRanges::new();
    let mut notes = Vec::new();
    let mut out_of_range = None;
    if let Some(manifest) = &small.manifest {
        let range = whole_chunks(options.range, manifest.image.bytes);
        out_of_range = range.is_none().then(|| outside(manifest.image.bytes));
        let range = range.unwrap_or(ByteRange::new(0, 0));
        manifest.image.unreadable.within(range).for_each(|range| unreadable.insert(range));
        if manifest.exhibit != id {
            let other = format!("the manifest is of exhibit {}", visible_text(&manifest.exhibit));
            // Outside a case, a copy of an exhibit may have any name.
            let list = if matches!(place, Place::Alone) { &mut notes } else { &mut problems };
            list.push(other);
        }
        let check = ImageCheck { folder, manifest, bare: small.is_bare, options, range, progress };
        let opened = check.leaves(&mut problems).and_then(|leaves| Ok((check.open()?, leaves)));
        match opened {
            Ok(_) if out_of_range.is_some() => {}
            Ok((image, leaves)) => {
                found = check.read(image, leaves.as_ref())?;
                check.compare(&found, &mut problems);
                check.blame_leaves(&mut found, &mut problems);
            }
            Err(Opening::Told) => {}
            Err(Opening::Differs(reason)) => problems.push(reason),
            Err(Opening::NoAnswer(reason)) => {
                least = Verdict::Impossible;
                problems.push(reason);
            }
        }
    }
    let no_answers = usize::from(least == Verdict::Impossible);
    let differs = problems.len() > no_answers;
    let mut report = report_of(id.to_owned(), &mut found);
    report.notes = notes;
    report.not_compared = std::mem::take(&mut small.not_compared);
    report.not_compared.extend(out_of_range.clone());
    report.out_of_range = out_of_range;
    report.verdict = if differs { Verdict::Differs } else { verdict(&report, least) };
    report.problems.splice(0..0, problems);
    report.unreadable = unreadable;
    report.manifest_sha256 = small.manifest_sha256;
    Ok(report)
}

/// Why an image could not be opened.
enum Opening {
    /// It is missing, which is told already.
    Told,
    /// It is not what the manifest says.
    Differs(String),
    /// The medium does not give it.
    NoAnswer(String),
}

struct ImageCheck<'a> {
    folder: &'a Path,
    manifest: &'a Manifest,
    /// Whether only the manifest need lie beside the image.
    bare: bool,
    options: &'a VerifyOptions,
    /// The bytes to read.
    range: ByteRange,
    progress: &'a dyn Progress,
}

impl ImageCheck<'_> {
    /// The leaves, if they are those of the manifest.
    fn leaves(&self, problems: &mut Vec<String>) -> Result<Option<Leaves>, Opening> {
        let leaves = match Leaves::open(&self.folder.join(leaves::FILE_NAME)) {
            Ok(leaves) => leaves,
            Err(LeavesError::Version { .. }) if problems.is_empty() => {
                return Err(Opening::NoAnswer("image.leaves was made by a newer version of kanshiki".to_owned()));
            }
            Err(LeavesError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound && self.names_leaves() => {
                // That they are missing is told already.
                return match self.bare && !self.in_full() {
                    true => Err(Opening::NoAnswer(
                        "image.leaves is not there, and --quick and --range compare by it: verify in full".to_owned(),
                    )),
                    false => Ok(None),
                };
            }
            Err(error) => {
                problems.push(format!("image.leaves: {}", with_causes(&error)));
                return Ok(None);
            }
        };
        if let Err(error) = leaves.verify_root() {
            problems.push(format!("image.leaves: {}", with_causes(&error)));
        }
        let root = leaves.root();
        if root.digest().to_hex() != self.manifest.image.leaves_root || root.image_bytes != self.manifest.image.bytes {
            problems.push("image.leaves has not the root and the length that the manifest says".to_owned());
        }
        Ok(Some(leaves))
    }

    fn open(&self) -> Result<Arc<ImageFeed>, Opening> {
        let names: Vec<&str> = self.image_outputs().map(|output| output.name.as_str()).collect();
        if names.is_empty() {
            return Err(Opening::Differs("the manifest names no image file".to_owned()));
        }
        if let Some(name) = names.iter().find(|name| !is_plain(name.as_bytes())) {
            let name = visible_text(name);
            return Err(Opening::Differs(format!("the manifest names `{name}`, which is no file of the folder")));
        }
        let paths: Vec<PathBuf> = names.iter().map(|name| self.folder.join(name)).collect();
        if paths.iter().any(|path| path.symlink_metadata().is_err()) {
            return Err(Opening::Told);
        }
        let image = ImageFeed::open(self.manifest.image.format, &paths, true).map_err(|error| {
            let reason = format!("the image cannot be opened: {}", with_causes(&error));
            match error {
                OpenError::Read(ReadError::Io { source, .. }) if source.kind() != io::ErrorKind::InvalidInput => {
                    Opening::NoAnswer(reason)
                }
                _ => Opening::Differs(reason),
            }
        })?;
        Ok(Arc::new(image))
    }

    fn names_leaves(&self) -> bool {
        self.manifest.outputs.iter().any(|output| output.name == leaves::FILE_NAME)
    }

    fn image_outputs(&self) -> impl Iterator<Item = &kanshiki_custody::manifest::Output> {
        let beside = [leaves::FILE_NAME, MAP_NAME];
        self.manifest.outputs.iter().filter(move |output| !beside.contains(&output.name.as_str()))
    }

    fn in_full(&self) -> bool {
        !self.options.quick && self.options.range.is_none()
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        if self.in_full() { self.manifest.image.digests.keys().copied().collect() } else { Vec::new() }
    }

    /// Reads the image once.
    fn read(&self, image: Arc<ImageFeed>, leaves: Option<&Leaves>) -> Result<Found, VerifyError> {
        let bytes = image.bytes();
        // The manifest says what there should be to read; the image itself may be cut.
        let range = if self.in_full() { ByteRange::new(0, bytes) } else { self.range };
        let reread = Reread {
            image,
            algorithms: &self.algorithms(),
            files: self.in_full() && self.manifest.image.format != Format::Raw,
            unreadable: &self.manifest.image.unreadable,
            range: range.intersect(ByteRange::new(0, bytes)),
            task: "verify",
        };
        let leaf = |index| leaves.and_then(|leaves| leaves.leaf(index).ok());
        let mut found = reread.run(leaf, self.progress).map_err(|error| stopped(self.folder, &error))?;
        if leaves.is_none() && !found.digests.is_empty() {
            // Compared by the digests of the whole.
            found.compared_bytes = bytes;
        }
        if bytes != self.manifest.image.bytes {
            let expected = self.manifest.image.bytes;
            found.problems.push(format!("the image has {bytes} bytes, the manifest says {expected}"));
            let (low, high) = (bytes.min(expected), bytes.max(expected));
            found.differing.insert(ByteRange::new(low, high));
        }
        Ok(found)
    }

    /// Where the digests of the whole image are right, leaves that differ are themselves what was changed.
    fn blame_leaves(&self, found: &mut Found, problems: &mut Vec<String>) {
        let right = |digest: &kanshiki_model::Digest| {
            self.manifest.image.digests.get(&digest.algorithm()).is_some_and(|expected| *expected == digest.to_hex())
        };
        let whole = found.digests.iter().find(|digest| digest.algorithm() == Algorithm::Sha256).is_some_and(right);
        if !whole || found.missing_chunks > 0 || found.differing.is_empty() {
            return;
        }
        for range in std::mem::take(&mut found.differing).iter().take(20) {
            problems.push(format!("image.leaves: not the leaf of bytes {range}, while the image's SHA-256 is right"));
        }
    }

    /// Compares what was worked out with the manifest.
    fn compare(&self, found: &Found, problems: &mut Vec<String>) {
        let image = &self.manifest.image;
        for digest in &found.digests {
            let expected = image.digests.get(&digest.algorithm());
            if expected.is_none_or(|expected| *expected != digest.to_hex()) {
                problems.push(format!("the {} of the image is {digest}, not that of the manifest", digest.algorithm()));
            }
        }
        for digest in &found.readable {
            let expected = image.readable_digests.as_ref().and_then(|digests| digests.get(&digest.algorithm()));
            if expected.is_none_or(|expected| *expected != digest.to_hex()) {
                let algorithm = digest.algorithm();
                problems.push(format!("the {algorithm} of the readable bytes is {digest}, not that of the manifest"));
            }
        }
        if !self.in_full() {
            return;
        }
        let sha256 = found.digests.iter().find(|digest| digest.algorithm() == Algorithm::Sha256);
        if let (Some(expected), Some(digest)) = (&self.options.sha256, sha256)
            && expected != digest
        {
            problems.push(format!("the sha256 of the image is {digest}, expected {expected}"));
        }
        for output in self.image_outputs() {
            let sha256 = match image.format {
                Format::Raw => {
                    found.digests.iter().find(|digest| digest.algorithm() == Algorithm::Sha256).map(|d| d.to_hex())
                }
                _ => found.files.iter().find(|file| file.name == output.name).map(|file| file.sha256.clone()),
            };
            if sha256.is_some_and(|sha256| sha256 != output.sha256) {
                problems.push(format!("{} has another SHA-256 than the manifest says", output.name));
            }
        }
    }
}
