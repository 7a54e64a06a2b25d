//! Blind spots: what would not have been logged on the machine, by the settings that lie in the image.
//!
//! Each service that is installed is asked by a module of its own, which tells what leaves no record, and the setting that
//! is the evidence: as it was found, or absent, with the default of the program. Settings that cannot be read or understood
//! are told as such. What was switched while a program ran, or on its command line, is in no file of settings.

mod access;
mod audit;
pub(crate) mod database;
mod file_transfer;
mod journal;
pub(crate) mod judged;
mod network;
pub(crate) mod rotation;
pub(crate) mod rsyslog;
mod shares;
mod shell;
mod ssh;
mod system;
#[cfg(test)]
mod tests;
mod web;

use judged::{Judged, Verdict};
use kanshiki_filesystem::{Follow, View};
use kanshiki_machine::config::{Config, Dialect, Evidence};
use kanshiki_machine::settings;
use kanshiki_model::{EvidencePath, visible};
use kanshiki_store::{BlindSpot, ExhibitId, StoreError, VolumeId, Writer};

/// Those that are asked, in the order of their names.
const SERVICES: &[fn(&mut Finder<'_>)] = &[
    access::find,
    audit::find,
    database::find,
    file_transfer::find,
    journal::find,
    network::find,
    rotation::find,
    shares::find,
    shell::find,
    ssh::find,
    system::find,
    web::find,
];

/// Blind spots that one image may have.
const SPOTS: usize = 4096;

/// Bytes of a reason, made visible, that are kept.
const REASON_BYTES: usize = 1024;

/// Finds the blind spots of an image and enters them, in the place of those that were found before.
pub(crate) fn enter(
    view: &View,
    exhibit: ExhibitId,
    volumes: &[VolumeId],
    writer: &mut Writer,
) -> Result<(), StoreError> {
    let found = find(view);
    let rows: Vec<BlindSpot<'_>> = found.iter().map(|spot| spot.row(volumes)).collect();
    writer.blind_spots(exhibit, &rows)
}

/// The blind spots of an image.
fn find(view: &View) -> Vec<Spot> {
    let mut finder = Finder { view, spots: Vec::new() };
    for service in SERVICES {
        service(&mut finder);
    }
    finder.spots
}

/// Something that leaves no record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spot {
    service: String,
    unlogged: String,
    is_known: bool,
    reason: String,
    evidence: Evidence,
}

impl Spot {
    fn row(&self, volumes: &[VolumeId]) -> BlindSpot<'_> {
        let Evidence { path, place, span } = &self.evidence;
        BlindSpot {
            service: &self.service,
            unlogged: &self.unlogged,
            state: if self.is_known { "unlogged" } else { "unknown" },
            reason: &self.reason,
            file: place.and_then(|(volume, inode)| Some((*volumes.get(volume)?, inode))),
            path,
            span: *span,
        }
    }
}

/// Looks into an image, and keeps what is found.
struct Finder<'a> {
    view: &'a View,
    spots: Vec<Spot>,
}

impl Finder<'_> {
    /// The first of some paths that is there, whatever it is; a path may be a pattern.
    fn any_of(&self, paths: &[&str]) -> Option<Evidence> {
        paths.iter().flat_map(|path| settings::paths(self.view, path.as_bytes())).find_map(|path| {
            let located = self.view.lookup(&EvidencePath::from_bytes(path), Follow::All).ok()?;
            let place = Some((located.place.volume, located.place.node.inode));
            Some(Evidence { path: located.path.as_bytes().to_vec(), place, span: None })
        })
    }

    /// Whether the image has the system's own part of a Linux machine, so that what is missing in it means something.
    fn is_system(&self) -> bool {
        self.any_of(&["/etc/passwd"]).is_some()
            && self.any_of(&["/usr/bin/sh", "/bin/sh", "/usr/bin/bash", "/bin/bash"]).is_some()
    }

    /// Keeps what leaves no record.
    fn tell(&mut self, service: &str, unlogged: &str, judged: Judged) {
        let Judged { verdict, mut reason, evidence } = judged;
        if verdict == Verdict::Logged || self.spots.len() >= SPOTS {
            return;
        }
        if reason.len() > REASON_BYTES {
            reason = reason.chars().take(REASON_BYTES).collect();
            reason.push('…');
        }
        let service = visible(service.as_bytes());
        let is_known = verdict == Verdict::Silent;
        let spot = Spot { service, unlogged: unlogged.to_owned(), is_known, reason, evidence };
        // A file may be come by under several patterns, or names.
        if !self.spots.contains(&spot) {
            self.spots.push(spot);
        }
    }

    /// Keeps what leaves no record whatever the settings are, or because something is missing.
    fn tell_always(&mut self, service: &str, unlogged: &str, reason: &str, evidence: Evidence) {
        self.tell(service, unlogged, Judged { verdict: Verdict::Silent, reason: reason.to_owned(), evidence });
    }

    /// Reads settings with all that they include; `None` if none of the files is there.
    fn config(&self, starts: &[&str], dialect: Dialect) -> Option<Config> {
        Config::gather(self.view, starts, dialect)
    }
}

/// The path of something that is not there.
fn missing(path: &str) -> Evidence {
    Evidence { path: path.as_bytes().to_vec(), ..Evidence::default() }
}
