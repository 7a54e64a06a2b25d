//! What starts by itself: a table of the places from which Linux runs things, each line or script of them a row.
//!
//! A row becomes a finding only if something about it is suspicious: what it runs lies where programs do not lie, it downloads
//! and runs, hides from who looks at the file, or loads a library into every program.

mod calls;
mod entry;
mod places;
mod readers;
mod shell;
#[cfg(test)]
mod tests;
pub(crate) mod traits;

use crate::found::{Building as _, Found, finding};
use crate::owned::Owner;
use crate::{DetectError, Image};
use entry::Entry;
use kanshiki_machine::settings::{self, File};
use kanshiki_model::{Confidence, Evidence, Question, Rule, Severity, Span, visible};
use places::{PLACES, Place, Reading};
use serde_json::json;
use std::collections::HashSet;
use traits::Suspicion;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&SUSPICIOUS, &PRELOAD, &CHANGED];

static SUSPICIOUS: Rule = Rule {
    id: "persistence.suspicious",
    question: Question::Persists,
    severity: Severity::High,
    confidence: Confidence::Medium,
    technique: "T1053",
    next: "Take out what it runs with `kanshiki suspects`; look at when the file was changed, and who was logged in then.",
};

static PRELOAD: Rule = Rule {
    id: "persistence.preload",
    question: Question::Persists,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "T1574.006",
    next: "Look at the functions that the library exports: it can hide files, processes and connections from every program of \
        the machine. Trust nothing that was listed there while it ran.",
};

static CHANGED: Rule = Rule {
    id: "persistence.changed",
    question: Question::Persists,
    severity: Severity::Low,
    confidence: Confidence::Low,
    technique: "T1037",
    next: "Compare the file with the package's original.",
};

/// Entries that are kept of one file.
const ENTRIES: usize = 2000;

/// Looks at all places.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut seen = HashSet::new();
    for place in PLACES {
        for path in place.patterns.iter().flat_map(|pattern| settings::paths(image.view, pattern.as_bytes())) {
            if image.progress.stop_requested() {
                return Ok(());
            }
            // Links make units start: the same file is told once.
            match settings::open(image.view, &path) {
                settings::Found::File(file) if seen.insert((place.what, file.volume, file.inode)) => {
                    look(image, place, &file, found);
                }
                settings::Found::Unreadable(why) => {
                    found.issues.push(kanshiki_model::Issue::new(visible(&path), why));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// One file of a place.
fn look(image: &Image<'_>, place: &'static Place, file: &File, found: &mut Found) {
    let owner = image.owned.of(&file.path);
    let mut entries = match place.reading {
        Reading::Script => vec![entry::of_script(file)],
        Reading::Lines(read) => entry::of_lines(file, read),
        Reading::Names(read) => entry::of_names(file, read),
    };
    if place.what.starts_with("systemd") {
        let user = readers::unit_user(&file.bytes);
        let takes_connections = readers::takes_connections(&file.bytes);
        for entry in &mut entries {
            entry.user.clone_from(&user);
            entry.takes_connections = takes_connections;
        }
    }
    if entries.len() > ENTRIES {
        let what = format!("{} entries, of which the first {ENTRIES} are looked at", entries.len());
        found.issues.push(kanshiki_model::Issue::new(visible(&file.path), what));
        entries.truncate(ENTRIES);
    }
    // A library is no script that could be read: what matters is whose it is.
    if place.what == "MySQL plugin" && owner == Owner::Nobody {
        let shown = visible(&file.path);
        let made = finding(&SUSPICIOUS, &shown, format!("the database server loads a library of no package: {shown}"))
            .explained(
                "Functions of such libraries run commands of the system as the server, for whoever may call them.",
            )
            .weighed(Severity::Medium, Confidence::Medium)
            .indicator("path", &shown);
        found.add(made.evidence(evidence(file, None, "the library")));
    }
    for entry in &entries {
        row(place, file, &owner, entry, image, found);
        judge(place, file, &owner, entry, image, found);
    }
    if let Owner::Changed(package) = &owner
        && place.reading.is_script()
    {
        let shown = visible(&file.path);
        let title = format!("{} of package {package} was changed: {shown}", place.what);
        let made =
            finding(&CHANGED, &shown, title).explained("It runs by itself, and is not what the package brought.");
        found.add(made.evidence(evidence(file, None, "the file")));
    }
}

fn row(place: &Place, file: &File, owner: &Owner, entry: &Entry, image: &Image<'_>, found: &mut Found) {
    // What packages bring unchanged are thousands of lines that nobody reads.
    if owner.is_package() && !place.is_always_told {
        return;
    }
    let real = |program: &[u8]| settings::real(image.view, program.to_vec());
    let programs = if entry.is_script { Vec::new() } else { entry.programs() };
    let program = programs.first().map(|program| (visible(program), image.owned.of(&real(program)).words()));
    let facts = vec![
        ("mechanism", json!(place.what)),
        ("command", json!(in_short(entry))),
        ("user", json!(entry.user.as_ref().map(|user| visible(user)))),
        ("file_of", json!(owner.words())),
        ("program", json!(program.as_ref().map(|it| &it.0))),
        ("program_of", json!(program.as_ref().map(|it| &it.1))),
    ];
    found.row("persistence", &file.path, facts, Some(evidence(file, entry.span, "")));
}

fn judge(place: &'static Place, file: &File, owner: &Owner, entry: &Entry, image: &Image<'_>, found: &mut Found) {
    let shown = visible(&file.path);
    let command = in_short(entry);
    let key = format!("{} {shown} {command}", place.what);
    if place.what == "preload" {
        if owner.is_package() {
            return;
        }
        let title = format!("{shown} loads a library into every program: {command}");
        let made = finding(&PRELOAD, key, title)
            .explained(
                "The dynamic linker loads what this file names before all other libraries, in every program that runs.",
            )
            .indicator("path", &command);
        return found.add(made.evidence(evidence(file, entry.span, &command)));
    }
    if owner.is_package() {
        return;
    }
    let suspicion = traits::of(entry, image, place).or_else(|| traits::of_changed(entry, image, owner));
    let Some(Suspicion { severity, why, program }) = suspicion else { return };
    let title = format!("{} runs something suspicious: {shown}", place.what);
    let text = format!("{}: {why}. What it runs: {command}", place.means);
    let made = finding(&SUSPICIOUS, key, title).explained(text).weighed(severity, Confidence::Medium);
    let made = match &program {
        Some(program) => made.indicator("path", visible(program)),
        None => made,
    };
    // What every machine has is no sign by which somebody is found elsewhere.
    let made = if place.is_anybodys(&file.path) { made } else { made.indicator("path", &shown) };
    found.add(made.evidence(evidence(file, entry.span, &command)));
}

/// What is run, of a length that can be read: of a script the lines that are no comments, one behind the other.
fn in_short(entry: &Entry) -> String {
    if !entry.is_script {
        return short(&entry.command);
    }
    if entry.command.contains(&0) {
        return "a binary file".to_owned();
    }
    let lines = entry.command.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).take(100).collect();
    short(&lines.join(b"; ".as_slice()))
}

/// A command of a length that can be read.
fn short(command: &[u8]) -> String {
    let shown = visible(command);
    match shown.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
        None => shown,
    }
}

fn evidence(file: &File, span: Option<Span>, note: &str) -> Evidence {
    Evidence::File {
        volume: Some(file.volume),
        inode: Some(file.inode),
        path: file.path.clone(),
        span,
        note: note.to_owned(),
    }
}
