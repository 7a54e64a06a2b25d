//! A manifest for people and paper, `manifest.txt`.

mod page;

use super::{Change, Digests, Format, ImageRecord, Manifest, Run, SourceKind, SourceRecord, VerificationResult};
use crate::hex_sha256;
use kanshiki_model::{Fact, Facts, Size};
use page::Page;
use serde_json::Value;

/// Unreadable ranges that are listed; of more only the number is told.
pub const RANGES_SHOWN: usize = 1000;

/// The manifest as text in lines of at most 80 characters. Every text of evidence or operators is made visible; the same
/// manifest always gives the same text.
#[must_use]
pub fn to_text(manifest: &Manifest) -> String {
    let mut page = Page::new();
    page.title("RECORD OF AN ACQUISITION");
    page.row("exhibit", &manifest.exhibit);
    page.row("case", &manifest.case);
    page.row("began", &manifest.run.started.to_string());
    page.row("complete", &manifest.run.ended.to_string());
    page.row("this record", "manifest.txt; manifest.json holds the same for programs");
    page.row("sha256 of manifest.json", &hex_sha256(&manifest.to_json()));
    facts(&mut page, "PEOPLE", &manifest.people);
    source(&mut page, &manifest.source);
    image(&mut page, manifest);
    unreadable(&mut page, &manifest.image, manifest.source.sector_bytes);
    outputs(&mut page, manifest);
    issues(&mut page, manifest);
    run(&mut page, &manifest.run);
    facts(&mut page, "PROGRAM", &manifest.tool);
    facts(&mut page, "MACHINE", &manifest.host);
    signatures(&mut page);
    page.into_text()
}

fn source(page: &mut Page, source: &SourceRecord) {
    page.heading("SOURCE");
    page.row(
        "kind",
        match source.kind {
            SourceKind::Device => "block device",
            SourceKind::File => "regular file",
            SourceKind::Split => "raw image in numbered parts",
            SourceKind::Stream => "standard input",
        },
    );
    page.visible_row("path", &source.path);
    page.row("size", &Size(source.bytes).to_string());
    page.row("sector", &Size(source.sector_bytes).to_string());
    page.row("in use while it was read", yes_or_no(source.live));
    fact_rows(page, &source.facts);
    facts(page, "PROTECTION OF THE SOURCE FROM WRITING", &source.protection);
    change(page, &source.change);
    page.heading("LAYOUT OF THE SOURCE");
    match &source.layout {
        Value::Null => page.paragraph("not read"),
        layout => page.tree(layout),
    }
}

fn change(page: &mut Page, change: &Change) {
    page.heading("DID THE SOURCE CHANGE WHILE IT WAS READ");
    match change.compared.is_empty() {
        true => page.row("compared", "nothing"),
        false => page.row("compared", &change.compared.join(", ")),
    }
    if change.differences.is_empty() {
        page.row("differences", "none found");
    }
    change.differences.iter().for_each(|difference| page.row("DIFFERENCE", difference));
    for range in change.ranges.iter().take(RANGES_SHOWN) {
        page.row("changed bytes", &range.to_string());
    }
    more(page, change.ranges.as_slice().len());
}

fn image(page: &mut Page, manifest: &Manifest) {
    let image = &manifest.image;
    page.heading("IMAGE");
    page.row(
        "stored as",
        match image.format {
            Format::Raw => "raw, runs of zeroes as holes",
            Format::Split => "raw in numbered parts",
            Format::Zstd => "Zstandard seekable format",
        },
    );
    page.row("size when opened", &Size(image.bytes).to_string());
    digests(page, "", &image.digests);
    if let Some(readable) = &image.readable_digests {
        page.paragraph("digests of the readable bytes alone, one after the other:");
        digests(page, "readable ", readable);
    }
    page.row("leaves", &format!("{} of {} each, BLAKE3", image.leaves, Size(image.leaf_bytes).short()));
    page.row("root of the leaves (RFC 6962)", &image.leaves_root);
    page.row(
        "read back and compared",
        match manifest.verification.result {
            VerificationResult::Verified => "yes, the copy is the same",
            VerificationResult::Skipped => "NO, by wish of the operator",
        },
    );
    page.row("how it was read back", &manifest.verification.reading);
}

fn digests(page: &mut Page, prefix: &str, digests: &Digests) {
    digests.iter().for_each(|(algorithm, hex)| page.row(&format!("{prefix}{algorithm}"), hex));
}

fn unreadable(page: &mut Page, image: &ImageRecord, sector_bytes: u64) {
    page.heading("UNREADABLE BYTES");
    if image.unreadable.is_empty() {
        page.paragraph("none: every byte of the source was read");
        return;
    }
    let ranges = image.unreadable.as_slice();
    page.row("in all", &format!("{} in {} ranges", Size(image.unreadable_bytes), ranges.len()));
    page.paragraph("The source did not give these bytes. The image has zeroes in their place; they are no evidence.");
    page.paragraph("first byte - byte after the last: number of bytes, first sector");
    for range in ranges.iter().take(RANGES_SHOWN) {
        let sector = range.start.checked_div(sector_bytes).map_or_else(|| "-".to_owned(), |sector| sector.to_string());
        page.paragraph(&format!("{range}: {} bytes, sector {sector}", range.len()));
    }
    more(page, ranges.len());
}

fn more(page: &mut Page, ranges: usize) {
    if let Some(rest) = ranges.checked_sub(RANGES_SHOWN).filter(|rest| *rest > 0) {
        page.paragraph(&format!("and {rest} more ranges, all of which are in manifest.json"));
    }
}

fn outputs(page: &mut Page, manifest: &Manifest) {
    page.heading("FILES");
    for output in &manifest.outputs {
        let synced = if output.synced { "" } else { ", NOT CONFIRMED BY THE MEDIUM" };
        page.row(&output.name, &format!("{}{synced}", Size(output.bytes)));
        page.row("  sha256", &output.sha256);
    }
}

fn issues(page: &mut Page, manifest: &Manifest) {
    page.heading("WHAT COULD NOT BE DONE OR MUST BE KNOWN");
    if manifest.issues.is_empty() {
        page.paragraph("nothing");
    }
    for issue in &manifest.issues {
        page.visible_paragraph(&format!("- {issue}"));
    }
}

fn run(page: &mut Page, run: &Run) {
    page.heading("COURSE");
    for (index, session) in run.sessions.iter().enumerate() {
        let ended = session.ended.map_or_else(|| "not recorded".to_owned(), |ended| ended.to_string());
        page.row(&format!("session {}", index.saturating_add(1)), &session.end);
        page.row("  from", &session.started.to_string());
        page.row("  to", &ended);
        page.row("  taken over", &Size(session.taken_over_bytes).to_string());
    }
    facts(page, "CLOCK", &run.clock);
    facts(page, "STATE OF THE SOURCE BEFORE THE FIRST READ", &run.state_before);
    facts(page, "STATE OF THE SOURCE AFTER THE LAST READ", &run.state_after);
    facts(page, "READING", &run.reading);
    facts(page, "DESTINATION", &run.destination);
}

fn facts(page: &mut Page, title: &str, facts: &Facts) {
    page.heading(title);
    if facts.is_empty() {
        page.paragraph("nothing recorded");
    }
    fact_rows(page, facts);
}

fn fact_rows(page: &mut Page, facts: &Facts) {
    for (name, fact) in facts {
        let label = name.replace('_', " ");
        match &fact.value {
            Value::Object(_) | Value::Array(_) => {
                page.row(&label, &origin(fact));
                page.tree(&fact.value);
            }
            value => page.row(&label, format!("{} {}", plain(name, value, fact), origin(fact)).trim_end()),
        }
    }
}

/// A value that holds no others. A number of bytes, told by the fact's name, is shown in both forms.
fn plain(name: &str, value: &Value, fact: &Fact) -> String {
    match value {
        Value::Null => format!("not known: {}", fact.reason.as_deref().unwrap_or("no reason recorded")),
        Value::Bool(answer) => yes_or_no(*answer).to_owned(),
        Value::String(text) => text.clone(),
        number => match number.as_u64().filter(|_| name.ends_with("_bytes")) {
            Some(bytes) => Size(bytes).to_string(),
            None => number.to_string(),
        },
    }
}

/// Where a fact comes from, in brackets; nothing where it is not recorded.
fn origin(fact: &Fact) -> String {
    let origin = match fact.origin {
        Some(kanshiki_model::Origin::Probed) => "asked",
        Some(kanshiki_model::Origin::Told) => "told",
        Some(kanshiki_model::Origin::Derived) => "derived",
        None => return String::new(),
    };
    match &fact.source {
        Some(source) => format!("[{origin}: {source}]"),
        None => format!("[{origin}]"),
    }
}

fn signatures(page: &mut Page) {
    page.heading("SIGNATURES");
    for who in ["examiner", "witness"] {
        page.blank();
        page.line(&format!("  {who:<10}{}  date {}", "_".repeat(40), "_".repeat(20)));
        page.line(&format!("  {:<10}name, signature", ""));
    }
}

const fn yes_or_no(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}
