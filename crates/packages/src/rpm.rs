//! The databases of rpm.
//!
//! | file | is | source |
//! | --- | --- | --- |
//! | `rpmdb.sqlite` | table `Packages` of `hnum` and `blob` | rpm 4.18, lib/backend/sqlite.c |
//! | `Packages.db` | see [`ndb`] | rpm 4.18, lib/backend/ndb |
//! | `Packages` | see [`bdb`] | rpm 4.18, lib/backend/bdb_ro.c |
//!
//! They lie in `/var/lib/rpm` or `/usr/lib/sysimage/rpm`. All hold the headers of the packages; see [`header`].

pub mod bdb;
pub(crate) mod files;
pub mod header;
pub mod ndb;
mod sqlite;
#[cfg(test)]
mod tests;

use crate::damage::Damage;
use crate::doubts::Doubt;
use crate::file;
use crate::package::{Manager, Package, PackageState};
use crate::packages::Builder;
use header::{Header, tag};
use kanshiki_filesystem::{Follow, View};
use kanshiki_image::Source;
use kanshiki_model::{Algorithm, EvidencePath, FileTime, Hasher, Issue, visible};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Folders in which the database lies, each with its links followed once (`_dbpath` of rpm, and of Fedora, SUSE and images
/// of ostree).
const FOLDERS: [&[u8]; 3] = [b"/var/lib/rpm", b"/usr/lib/sysimage/rpm", b"/usr/share/rpm"];

/// Takes in what a database holds.
pub trait Records {
    /// Takes in the header of a package with its number in the database; [`ControlFlow::Break`] if no more is wanted.
    fn record(&mut self, number: u32, header: &[u8]) -> ControlFlow<()>;

    /// Takes in damage.
    fn damage(&mut self, damage: Damage);
}

/// A kind of database, by its file, in the order in which they came after each other, the newest first.
struct Kind {
    name: &'static [u8],
    read: fn(&Database<'_>, &mut dyn Records),
}

const KINDS: [Kind; 3] = [
    Kind { name: b"rpmdb.sqlite", read: sqlite::records },
    Kind { name: b"Packages.db", read: |database, records| ndb::records(&*database.source, records) },
    Kind { name: b"Packages", read: |database, records| bdb::records(&*database.source, records) },
];

/// A file of a database.
pub(crate) struct Database<'v> {
    view: &'v View,
    path: Vec<u8>,
    source: Source,
}

/// Reads the databases into `builder`, if there are any.
pub(crate) fn read(view: &View, builder: &mut Builder) {
    let mut seen = HashSet::new();
    for folder in FOLDERS {
        let Ok(found) = view.lookup(&EvidencePath::from_bytes(folder), Follow::All) else { continue };
        if seen.insert(found.place) {
            folder_of(view, folder, builder);
        }
    }
}

/// Reads the newest database of a folder that holds packages.
fn folder_of(view: &View, folder: &[u8], builder: &mut Builder) {
    let mut read_from: Option<Vec<u8>> = None;
    for kind in &KINDS {
        let path = [folder, b"/", kind.name].concat();
        let source = match file::open(view, &path) {
            Ok((_, source)) => source,
            Err(error) => {
                error.issue().into_iter().for_each(|issue| builder.issue(issue));
                continue;
            }
        };
        if let Some(newer) = &read_from {
            let text = format!("is left beside {}, which is newer; it is not read", visible(newer));
            builder.issue(Issue::new(visible(&path), text));
            continue;
        }
        if database(kind, &Database { view, path: path.clone(), source }, builder) > 0 {
            read_from = Some(path);
        }
    }
}

/// Reads a database and tells how many packages it has.
fn database(kind: &Kind, database: &Database<'_>, builder: &mut Builder) -> usize {
    let mut filler = Filler { path: &database.path, builder, count: 0 };
    (kind.read)(database, &mut filler);
    filler.count
}

/// Puts what a database holds into a builder.
struct Filler<'f> {
    path: &'f [u8],
    builder: &'f mut Builder,
    count: usize,
}

impl Records for Filler<'_> {
    fn record(&mut self, number: u32, bytes: &[u8]) -> ControlFlow<()> {
        let header = match Header::parse(bytes) {
            Ok(header) => header,
            Err(damage) => {
                self.damage_of(number, &damage.text);
                return ControlFlow::Continue(());
            }
        };
        let name = header.text(tag::NAME);
        if name.is_empty() {
            self.damage_of(number, "its header has no name");
            return ControlFlow::Continue(());
        }
        let Some(package) = self.builder.package(package(&header)) else { return ControlFlow::Break(()) };
        self.count = self.count.saturating_add(1);
        if let Some(text) = changed(&header) {
            let package = self.builder.shown(package);
            self.builder.doubt(Doubt { package, path: self.path.to_vec(), text, time: None });
        }
        let name = name.to_vec();
        files::add(&header, package, self.builder, &mut |builder: &mut Builder, text| {
            let text = format!("package {number} ({}): {text}", visible(&name));
            builder.issue(Issue::new(visible(self.path), text));
        });
        ControlFlow::Continue(())
    }

    fn damage(&mut self, damage: Damage) {
        self.builder.issue(damage.of(self.path));
    }
}

impl Filler<'_> {
    fn damage_of(&mut self, number: u32, text: &str) {
        self.builder.issue(Issue::new(visible(self.path), format!("package {number}: {text}")));
    }
}

/// Whether a header is not what its own digest says.
fn changed(header: &Header<'_>) -> Option<String> {
    let digests = [(tag::SHA256HEADER, Algorithm::Sha256), (tag::SHA1HEADER, Algorithm::Sha1)];
    let (text, algorithm) =
        digests.into_iter().map(|(tag, algorithm)| (header.text(tag), algorithm)).find(|it| !it.0.is_empty())?;
    let mut hasher = Hasher::new(algorithm);
    hasher.update(&header.immutable()?);
    let found = hasher.finish().to_hex();
    let is_alike = found.as_bytes().eq_ignore_ascii_case(text);
    let shown = visible(text.get(..text.len().min(128)).unwrap_or_default());
    (!is_alike).then(|| format!("its header was changed: its own {algorithm} is {shown}, that of its content {found}"))
}

/// What a header says of its package.
pub(crate) fn package(header: &Header<'_>) -> Package {
    let text = |tag: u32| {
        let text = header.text(tag);
        text.get(..text.len().min(TEXT_BYTES)).unwrap_or_default()
    };
    let epoch = header.number(tag::EPOCH).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let installed = header.number(tag::INSTALLTIME).and_then(|seconds| i64::try_from(seconds).ok());
    Package {
        manager: Manager::Rpm,
        name: text(tag::NAME).to_vec(),
        version: [epoch.as_bytes(), text(tag::VERSION), b"-", text(tag::RELEASE)].concat(),
        architecture: text(tag::ARCH).to_vec(),
        state: PackageState::Installed,
        installed: installed.and_then(|seconds| FileTime::new(seconds, None).timestamp()),
        vendor: text(tag::VENDOR).to_vec(),
        from_original: false,
    }
}

/// Bytes of a name, a version or a vendor that are kept.
const TEXT_BYTES: usize = 1024;
