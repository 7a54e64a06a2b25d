//! An image without a manifest: compared with a digest that the user gives, or with leaves that lie beside it.

use super::target::shown;
use super::{ExhibitReport, Verdict, VerifyError, VerifyOptions};
use crate::reread::{Found, ImageFeed, Reread, RereadError};
use crate::stream::CHUNK_BYTES;
use kanshiki_custody::leaves::{self, Leaves};
use kanshiki_image::{OpenError, open_image};
use kanshiki_model::{Algorithm, ByteRange, ByteRanges, Progress};
use std::path::Path;
use std::sync::Arc;

/// Compares an image with what there is.
pub(super) fn verify(
    path: &Path,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<ExhibitReport, VerifyError> {
    let refused = |reason: String| VerifyError::Target { target: shown(path), reason };
    let leaves =
        path.parent().map(|folder| folder.join(leaves::FILE_NAME)).and_then(|leaves| Leaves::open(&leaves).ok());
    if options.sha256.is_none() && leaves.is_none() {
        let reason = "there is nothing to compare it with: give --sha256, or the exhibit's folder with its manifest";
        return Err(refused(reason.to_owned()));
    }
    if options.sha256.is_none() && !options.quick && options.range.is_none() {
        progress.issue(&kanshiki_model::Issue::new(shown(path), "compared with the leaves beside it alone"));
    }
    let opened = match open_image(path) {
        Ok(opened) => opened,
        Err(error @ OpenError::Damaged { .. }) => return Ok(damaged(path, &error)),
        Err(error) => return Err(refused(with_causes(&error))),
    };
    let image = Arc::new(ImageFeed::of_content(opened.source));
    // What the image should have counts, for it may be cut.
    let recorded = leaves.as_ref().map_or(image.bytes(), Leaves::image_bytes);
    let range = whole_chunks(options.range, recorded).ok_or_else(|| refused(outside(recorded)))?;
    let reread = Reread {
        image: Arc::clone(&image),
        algorithms: options.sha256.as_ref().map_or(&[], |_| &[Algorithm::Sha256]),
        files: false,
        unreadable: &ByteRanges::new(),
        range: range.intersect(ByteRange::new(0, image.bytes())),
        task: "verify",
    };
    let leaf = |index| leaves.as_ref().and_then(|leaves| leaves.leaf(index).ok());
    let mut found = reread.run(leaf, progress).map_err(|error| stopped(path, &error))?;
    if let Some(leaves) = leaves.filter(|leaves| leaves.image_bytes() != image.bytes()) {
        found.problems.push(format!("it has {} bytes, its leaves are of {}", image.bytes(), leaves.image_bytes()));
    }
    let mut report = report_of(shown(path), &mut found);
    report.compared_bytes = if options.sha256.is_some() { image.bytes() } else { found.compared_bytes };
    if let (Some(expected), Some(digest)) = (&options.sha256, found.digests.first())
        && expected != digest
    {
        report.problems.push(format!("its SHA-256 is {digest}, expected {expected}"));
    }
    report.verdict = verdict(&report, Verdict::Intact);
    Ok(report)
}

/// An exhibit's report with what reading the image has found.
pub(super) fn report_of(exhibit: String, found: &mut Found) -> ExhibitReport {
    let digests = found.digests.iter().map(|digest| (digest.algorithm().name().to_owned(), digest.to_hex())).collect();
    ExhibitReport {
        exhibit,
        verdict: Verdict::Intact,
        compared_bytes: found.compared_bytes,
        digests,
        manifest_sha256: None,
        differing: std::mem::take(&mut found.differing),
        unread: std::mem::take(&mut found.unread),
        unreadable: ByteRanges::new(),
        problems: std::mem::take(&mut found.problems),
        notes: Vec::new(),
        not_compared: Vec::new(),
        out_of_range: None,
    }
}

/// The answer that a report comes to, at least as bad as `least`.
pub(super) fn verdict(report: &ExhibitReport, least: Verdict) -> Verdict {
    let differs = !report.differing.is_empty() || !report.problems.is_empty();
    match (differs, report.unread.is_empty() && report.not_compared.is_empty()) {
        (true, _) => Verdict::Differs,
        (false, false) => least.max(Verdict::Partial),
        (false, true) => least,
    }
}

/// The whole chunks around a range; `None` if the range does not lie in the image.
pub(super) fn whole_chunks(range: Option<ByteRange>, bytes: u64) -> Option<ByteRange> {
    let Some(range) = range else { return Some(ByteRange::new(0, bytes)) };
    if range.is_empty() || range.start >= bytes || range.end > bytes {
        return None;
    }
    let start = range.start / CHUNK_BYTES * CHUNK_BYTES;
    Some(ByteRange::new(start, range.end.div_ceil(CHUNK_BYTES).saturating_mul(CHUNK_BYTES).min(bytes)))
}

pub(super) fn outside(bytes: u64) -> String {
    format!("the range does not lie in the image, which has {bytes} bytes")
}

pub(super) fn stopped(path: &Path, error: &RereadError) -> VerifyError {
    match error {
        RereadError::Stopped => VerifyError::Interrupted,
        RereadError::Failed(reason) => VerifyError::Target { target: shown(path), reason: reason.clone() },
    }
}

fn damaged(path: &Path, error: &OpenError) -> ExhibitReport {
    let mut report = report_of(shown(path), &mut Found::default());
    report.problems.push(error.to_string());
    report.verdict = Verdict::Differs;
    report
}

/// An error with the causes behind it, on one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
