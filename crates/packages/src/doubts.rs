//! Whether the databases are as their managers left them.
//!
//! | what is looked at | what it tells |
//! | --- | --- |
//! | files of dpkg's folder `info`, beside the list of the same package | dpkg unpacks them before it writes the list; those that were written, made or changed later were not by dpkg |
//! | the lists, beside `dpkg.log` | dpkg writes lists while it runs, and its runs are logged |
//! | headers of rpm | each has a digest of what the package was made with |
//!
//! Whoever knows of it can set times back, and write the digests anew; with package files nothing depends on that.

mod log;

use crate::file;
use crate::packages::Packages;
use kanshiki_filesystem::{Follow, Node, NodeType, View};
use kanshiki_model::{EvidencePath, Timestamp, visible};
use log::Runs;
use std::collections::BTreeMap;

/// Where dpkg keeps lists and scripts of packages.
const INFO: &[u8] = b"/var/lib/dpkg/info";

/// Seconds by which a file may have been written after the list: none by dpkg, which sets the time that the package has.
const WRITTEN_AFTER: i64 = 60;

/// Seconds by which a file may have been made, or its inode changed, after the list: they are unpacked together, and
/// copied together where a whole tree is.
const CHANGED_AFTER: i64 = 600;

/// Seconds between a run of dpkg and the list that it wrote: its log has local time of a zone that is not looked up, and a
/// run may take hours.
const NEAR_RUN: i64 = 26 * 3600;

/// Something in a database that its manager did not leave so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The package, made visible.
    pub package: String,
    /// The file of the database.
    pub path: Vec<u8>,
    /// What is doubtful, in plain words.
    pub text: String,
    /// When it was done, if that is known.
    pub time: Option<Timestamp>,
}

/// What is doubtful of the databases of an image, in the order of their files.
#[must_use]
pub fn doubts(view: &View, packages: &Packages) -> Vec<Doubt> {
    let mut doubts = packages.doubts().to_vec();
    let runs = Runs::read(view);
    for (package, files) in info(view) {
        let Some(list) = files.iter().find(|file| file.ending == b"list") else { continue };
        let others = files.iter().filter(|file| file.ending != b"list");
        doubts.extend(others.filter_map(|file| beside(list, file)).map(|found| found.of(&package)));
        doubts.extend(apart(list, &runs).map(|found| found.of(&package)));
    }
    doubts
}

/// A file of the folder `info`.
struct InfoFile {
    path: Vec<u8>,
    ending: Vec<u8>,
    node: Node,
}

/// What is doubtful of a file.
struct Found {
    path: Vec<u8>,
    text: String,
    time: Option<Timestamp>,
}

impl Found {
    fn of(self, package: &[u8]) -> Doubt {
        Doubt { package: visible(package), path: self.path, text: self.text, time: self.time }
    }
}

/// The files of the folder by package, in order.
fn info(view: &View) -> BTreeMap<Vec<u8>, Vec<InfoFile>> {
    let mut found: BTreeMap<Vec<u8>, Vec<InfoFile>> = BTreeMap::new();
    // What damaged directories lost is told when the database is read.
    for name in file::names(view, INFO, &|name| !name.starts_with(b".")).0 {
        let Some(dot) = memchr::memrchr(b'.', &name) else { continue };
        let path = [INFO, b"/", &name].concat();
        let Ok(located) = view.lookup(&EvidencePath::from_bytes(path.as_slice()), Follow::AllButLast) else { continue };
        if located.node.node_type == NodeType::File {
            let (package, ending) = (name.get(..dot), name.get(dot.saturating_add(1)..));
            let ending = ending.unwrap_or_default().to_vec();
            let file = InfoFile { path, ending, node: located.node };
            found.entry(package.unwrap_or_default().to_vec()).or_default().push(file);
        }
    }
    found
}

/// Whether a file was written, made or changed after the list beside it.
fn beside(list: &InfoFile, file: &InfoFile) -> Option<Found> {
    let (its, others) = (&file.node.times, &list.node.times);
    let checks = [
        ("was written", its.modified, others.modified, WRITTEN_AFTER),
        ("was made", its.created, others.created, CHANGED_AFTER),
        ("was changed", its.changed, others.changed, CHANGED_AFTER),
    ];
    checks.into_iter().find_map(|(what, later, earlier, most)| {
        let (later, earlier) = (later?, earlier?);
        let seconds = later.seconds().saturating_sub(earlier.seconds());
        let text =
            || format!("{what} at {later}, after the list of the package's files, which dpkg wrote last at {earlier}");
        (seconds > most).then(|| Found { path: file.path.clone(), text: text(), time: later.timestamp() })
    })
}

/// Whether a list was written when no run of dpkg was logged.
fn apart(list: &InfoFile, runs: &Runs) -> Option<Found> {
    let written = list.node.times.modified?;
    let (before, after) = runs.around(written.seconds())?;
    let is_near = |run: Option<i64>| run.is_some_and(|run| run.abs_diff(written.seconds()) <= NEAR_RUN.unsigned_abs());
    if is_near(Some(before)) || is_near(after) {
        return None;
    }
    let text = format!("was written at {written}, a day and more from every run of dpkg that its log has");
    Some(Found { path: list.path.clone(), text, time: written.timestamp() })
}

#[cfg(test)]
mod tests;
