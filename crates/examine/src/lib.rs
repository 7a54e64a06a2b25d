//! Turns the logs and the file times of an image into events, and tells what the logs cover.
//!
//! ```text
//! View ─▶ tree: files, times, places of logs ─▶ logs, in the order of the disk ─▶ parser ─▶ events ─▶ store
//!     └─▶ host: zone, name, settings ───────────────────────────────────────────┘
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod again;
mod blind;
mod clock;
mod coverage;
mod database;
mod details;
mod host;
mod input;
mod json;
mod lines;
mod logs;
mod named;
mod output;
mod parser;
mod parsers;
mod places;
mod processor;
mod programs;
mod recognise;
mod record;
mod rotated;
mod rotation;
mod scan;
#[cfg(test)]
mod testing;
mod text;
mod tree;
mod trial;
mod window;
mod years;
mod zone;

pub use host::Host;
pub use input::Input;
pub use kanshiki_machine::Accounts;
pub use lines::{LINE_BYTES, Line, Lines};
pub use output::Output;
pub use parser::{Candidate, Context, Parser, ToldBy};
pub use parsers::PARSERS;
pub use trial::trial;
pub use years::{Witness, YearHint, Years};
pub use zone::{Civil, WallClock, Zone};

use kanshiki_filesystem::{Follow, LookupError, View};
use kanshiki_model::{EvidencePath, Issue, Progress};
use kanshiki_store::{StoreError, Writer};
use kanshiki_walk::contents::subject;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

/// Why an examination could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExamineError {
    /// The store does not do what it must.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The image has no tree.
    #[error("the image has no root directory")]
    NoRoot(#[source] Box<LookupError>),
    /// The patterns of places could not be put together.
    #[error("cannot put the places of logs together")]
    Places(#[from] regex::Error),
}

/// What is examined.
#[derive(Debug, Clone, Copy)]
pub struct Exhibit<'a> {
    /// Its name, as a person reads it.
    pub name: &'a str,
    /// What tells it from all others, with the way in which it is looked at.
    pub source: &'a str,
    /// Bytes of the image.
    pub size: u64,
    /// What was found when it was opened.
    pub issues: &'a [&'a Issue],
}

/// How an examination ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is in the store.
    Whole,
    /// It was asked to end; the next one goes on.
    Interrupted,
}

/// Examines an image into the store at `path`, going on where an earlier examination of it ended.
///
/// # Errors
///
/// [`ExamineError`].
pub fn examine(
    view: &View,
    exhibit: &Exhibit<'_>,
    path: &Path,
    progress: &dyn Progress,
) -> Result<Outcome, ExamineError> {
    let mut writer = Writer::create_or_open(path)?;
    let id = writer.exhibit(exhibit.name, exhibit.source, exhibit.size)?;
    writer.reopen(id)?;
    for issue in exhibit.issues {
        writer.issue_once(id, issue)?;
    }
    let volumes: Result<Vec<_>, StoreError> =
        view.volumes().iter().map(|volume| writer.volume(id, &volume.name)).collect();
    let volumes = volumes?;
    let host = Host::of(view);
    let named = named::paths(view);
    let places = places::Places::new(host.web.places().chain(named.iter().map(Vec::as_slice)))?;
    let doubts = host.doubts.iter().map(|doubt| Issue::new("the zone of the machine", doubt.as_str()));
    for issue in doubts.chain(places.issue()) {
        progress.issue(&issue);
        writer.issue_once(id, &issue)?;
    }
    let mut flow = ControlFlow::Continue(());
    if writer.has_tree(id)? {
        again::enter(view, id, &places, &mut writer)?;
    } else {
        progress.begin("files", None);
        let root = view.lookup(&EvidencePath::root(), Follow::All);
        let root = root.map_err(|error| ExamineError::NoRoot(Box::new(error)))?;
        let tree = tree::Tree { view, exhibit: id, volumes: &volumes, progress };
        flow = tree.enter(&root, &places, &mut writer)?;
    }
    if flow.is_continue() {
        progress.begin("logs", Some(writer.waiting_bytes(id)?));
        writer.zone(id, host.zone.name())?;
        blind::enter(view, id, &volumes, &mut writer)?;
        let logs = logs::Logs { view, exhibit: id, host: &host, places: &places, progress, shifts: &HashMap::new() };
        flow = logs.read(&mut writer)?;
        if flow.is_continue() {
            let shifts = rotation::years::shifts(&mut writer, id, progress)?;
            flow = logs::Logs { shifts: &shifts, ..logs }.read(&mut writer)?;
        }
    }
    if flow.is_continue() {
        rotation::enter(&mut writer, id)?;
    }
    // Damage that was noticed beside what was asked for, such as wrong checksums.
    for (volume, error) in view.noticed() {
        let issue = error.issue(&subject(view, volume));
        progress.issue(&issue);
        writer.issue_once(id, &issue)?;
    }
    writer.close()?;
    Ok(if flow.is_continue() { Outcome::Whole } else { Outcome::Interrupted })
}
