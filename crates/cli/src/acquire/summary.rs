//! What an acquisition came to, for people and for programs.

use crate::arguments::OutputArguments;
use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use crate::progress::duration;
use kanshiki_acquire::{FinishedCopy, Outcome};
use kanshiki_custody::manifest::{Format, Manifest, VerificationResult};
use kanshiki_model::{Algorithm, Size, Timestamp, shell_word, visible_path};
use serde_json::{Value, json};
use std::time::Duration;

/// Unreadable ranges that are shown one by one; the manifest and the map have all.
const RANGES_SHOWN: usize = 8;

/// Tells the outcome and says how the program ends.
pub(super) fn tell(outcome: &Outcome, output: &OutputArguments, console: &Console) -> Result<Exit, Failure> {
    let Some(first) = outcome.copies.first() else { return Err(Failure::new("internal error: no copy was made")) };
    let exit = if outcome.reservations.is_empty() { Exit::Done } else { Exit::Part };
    let told = if output.json {
        console.json(&json!({
            "schema": 1,
            "event": "result",
            "exit_code": exit.code(),
            "already_complete": outcome.already_complete(),
            "exhibits": outcome.copies.iter().map(|copy| visible_path(&copy.folder)).collect::<Vec<_>>(),
            "copies": outcome.copies.iter().map(json_of).collect::<Vec<_>>(),
            "manifest_sha256": first.manifest_sha256,
            "reservations": outcome.reservations,
            "manifest": first.manifest,
        }))
    } else if !output.quiet {
        console.result(&text(outcome, first, console.out()))
    } else {
        for reservation in &outcome.reservations {
            console.note(&format!("{}: {}\n", console.err().warning("warning"), harmless(reservation)));
        }
        Ok(())
    };
    told.map(|()| exit).map_err(|failure| untold(failure, outcome, console))
}

/// What is told where the result cannot be written: the work is done all the same.
fn untold(failure: Failure, outcome: &Outcome, console: &Console) -> Failure {
    for copy in &outcome.copies {
        let verified = copy.manifest.verification.result == VerificationResult::Verified;
        let end = if verified { "complete, read back and verified" } else { "complete" };
        let note = format!(
            "exhibit {} is {end} in {}: sha256 {}, manifest {}",
            copy.manifest.exhibit,
            visible_path(&copy.folder),
            sha256(copy),
            copy.manifest_sha256
        );
        console.note(&format!("{}\n", harmless(&note)));
    }
    for reservation in &outcome.reservations {
        console.note(&format!("{}: {}\n", console.err().warning("warning"), harmless(reservation)));
    }
    failure.exit(Exit::Part)
}

/// The manifest of the first copy stands beside the list; of the others it lies in their folders.
fn json_of(copy: &FinishedCopy) -> Value {
    let image = &copy.manifest.image;
    json!({
        "folder": visible_path(&copy.folder),
        "case": copy.manifest.case,
        "complete_before": copy.complete_before,
        "manifest_sha256": copy.manifest_sha256,
        "digests": image.digests,
        "leaves_root": image.leaves_root,
        "unreadable_bytes": image.unreadable_bytes,
        "verification": copy.manifest.verification,
    })
}

fn sha256(copy: &FinishedCopy) -> &str {
    copy.manifest.image.digests.get(&Algorithm::Sha256).map_or("not made", |digest| digest)
}

fn text(outcome: &Outcome, first: &FinishedCopy, paint: Paint) -> String {
    // What was made now is what the headline is about.
    let made = outcome.copies.iter().find(|copy| !copy.complete_before).unwrap_or(first);
    let verified = made.manifest.verification.result == VerificationResult::Verified;
    let end = if verified { "and the copy was read back and is the same" } else { "but the copy was not read back" };
    let before = outcome.copies.iter().filter(|copy| copy.complete_before).count();
    let what = if outcome.already_complete() {
        "complete before; nothing was copied or verified now, below is what its record says".to_owned()
    } else if before > 0 {
        format!("copied, {end}, beside {before} complete before")
    } else {
        format!("copied, {end}")
    };
    let headline = format!("exhibit {} of case {}: {what}", made.manifest.exhibit, made.manifest.case);
    let headline = harmless(&headline);
    let clean = verified && outcome.reservations.is_empty() && before == 0;
    let mut text = format!("{}\n", if clean { paint.good(&headline) } else { paint.strong(&headline) });
    for copy in &outcome.copies {
        text.push('\n');
        for (name, value) in rows(copy, before < outcome.copies.len()) {
            text.push_str(&format!("  {name:<12} {}\n", harmless(&value)));
        }
    }
    if !outcome.reservations.is_empty() {
        let title = "with reservations, therefore exit code 3:";
        text.push_str(&format!("\n{}\n", paint.bad(title)));
        for reservation in &outcome.reservations {
            text.push_str(&format!("  ! {}\n", harmless(reservation)));
        }
    }
    text.push_str(&format!(
        "\nnext: {}\n",
        paint.strong(&format!("kanshiki verify {}", shell_word(first.folder.as_os_str().as_encoded_bytes())))
    ));
    text
}

/// The rows of one copy; `mixed` if others were made now.
fn rows(copy: &FinishedCopy, mixed: bool) -> Vec<(String, String)> {
    let manifest = &copy.manifest;
    let image = &manifest.image;
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    let before = if copy.complete_before && mixed { ", complete before: not copied or verified now" } else { "" };
    row("folder", format!("{}{before}", visible_path(&copy.folder)));
    row("source", format!("{}, {}", manifest.source.path, Size(manifest.source.bytes)));
    row("stored", stored(manifest));
    for (algorithm, digest) in &image.digests {
        row(algorithm.name(), digest.clone());
    }
    row(
        "leaves root",
        format!("{} ({} leaves of {})", image.leaves_root, image.leaves, Size(image.leaf_bytes).short()),
    );
    row("manifest", format!("{} (sha256 of manifest.json)", copy.manifest_sha256));
    row("unreadable", unreadable(manifest));
    row("read back", read_back(manifest));
    row("took", took(manifest));
    rows
}

fn stored(manifest: &Manifest) -> String {
    let images: Vec<_> = manifest.outputs.iter().filter(|output| output.name.starts_with("image.raw")).collect();
    let bytes = Size(images.iter().map(|output| output.bytes).sum());
    match manifest.image.format {
        Format::Raw => "as it is".to_owned(),
        Format::Split => format!("as it is, in {} parts", images.len()),
        Format::Zstd => format!("compressed with zstd to {bytes}"),
    }
}

fn unreadable(manifest: &Manifest) -> String {
    let ranges = &manifest.image.unreadable;
    if ranges.is_empty() {
        return "nothing; every byte was read".to_owned();
    }
    let mut shown: Vec<String> = ranges.iter().take(RANGES_SHOWN).map(|range| range.to_string()).collect();
    if ranges.as_slice().len() > RANGES_SHOWN {
        shown.push(format!("and {} more, see image.map", ranges.as_slice().len() - RANGES_SHOWN));
    }
    format!("{}, filled with zeroes: bytes {}", Size(manifest.image.unreadable_bytes), shown.join(", "))
}

fn read_back(manifest: &Manifest) -> String {
    match (manifest.verification.result, manifest.verification.reading.as_str()) {
        (VerificationResult::Skipped, _) => "no, as asked".to_owned(),
        (VerificationResult::Verified, "direct") => "yes, past the page cache".to_owned(),
        (VerificationResult::Verified, "dropped") => "yes, after the page cache was emptied of it".to_owned(),
        (VerificationResult::Verified, "cached") => "yes; this medium cannot be read past the cache".to_owned(),
        (VerificationResult::Verified, reading) => format!("yes, {reading}"),
    }
}

/// The time and the rate; of several sessions only the time is told, as the pauses count in neither.
fn took(manifest: &Manifest) -> String {
    let worked: u64 = manifest
        .run
        .sessions
        .iter()
        .filter_map(|session| Some(nanoseconds_between(session.started, session.ended?)))
        .fold(0, u64::saturating_add);
    let worked = if worked == 0 { nanoseconds_between(manifest.run.started, manifest.run.ended) } else { worked };
    let time = duration(Duration::from_nanos(worked));
    match manifest.run.sessions.len() {
        0 | 1 => {
            let rate = u128::from(manifest.image.bytes) * 1_000_000_000 / u128::from(worked.max(1));
            let rate = u64::try_from(rate).unwrap_or(u64::MAX);
            format!("{time}, {}/s with all digests{}", Size(rate).short(), also_read_back(manifest))
        }
        sessions => format!("{time} in {sessions} sessions"),
    }
}

fn also_read_back(manifest: &Manifest) -> &'static str {
    match manifest.verification.result {
        VerificationResult::Verified => " and the reading back",
        VerificationResult::Skipped => "",
    }
}

fn nanoseconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_nanoseconds().saturating_sub(from.as_nanoseconds())).unwrap_or(0)
}
