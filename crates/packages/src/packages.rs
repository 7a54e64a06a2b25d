//! The databases of an image put together: packages, and their files in the order of their places.

use crate::doubts::Doubt;
use crate::entry::{Entry, Expected, FileFlags, FileState, Owner, Verify};
use crate::names::Numbers;
use crate::package::Package;
use crate::place::{Places, split};
use crate::texts::{Span, Texts};
use kanshiki_filesystem::{NodeType, View};
use kanshiki_model::Issue;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Bytes of paths, names and digests that are kept.
const TEXT_BYTES: u32 = 256 << 20;

/// Files that are kept; the largest installations have less than a million.
const ENTRIES: usize = 1_500_000;

/// Packages that are kept.
const PACKAGES: usize = 200_000;

/// Issues that are kept.
const ISSUES: usize = 10_000;

/// Packages of an image with what they say of files.
#[derive(Debug)]
pub struct Packages {
    packages: Vec<Package>,
    records: Vec<Record>,
    texts: Texts,
    owners: Vec<(Span, Option<u32>)>,
    users: Numbers,
    groups: Numbers,
    issues: Vec<Issue>,
    doubts: Vec<Doubt>,
}

/// An entry as it is kept.
#[derive(Debug, Clone, Copy)]
struct Record {
    package: u32,
    path: Span,
    lies_at: Span,
    place: Span,
    digest: Span,
    link_target: Option<Span>,
    capabilities: Option<Span>,
    /// Numbers in the table of owners.
    owner: Option<u32>,
    group: Option<u32>,
    node_type: Option<NodeType>,
    mode: Option<u16>,
    device: Option<u16>,
    size: Option<u64>,
    modified: Option<i64>,
    flags: FileFlags,
    verify: Verify,
    state: FileState,
    is_shared: bool,
}

impl Packages {
    /// Reads the databases of dpkg and rpm of an image, whichever there are. What cannot be read is among the
    /// [issues](Self::issues); an image without packages gives none of either.
    #[must_use]
    pub fn read(view: &View) -> Self {
        let mut builder = Builder::new(view);
        crate::dpkg::read(view, &mut builder);
        crate::rpm::read(view, &mut builder);
        builder.finish(view)
    }

    /// What could not be read of the databases, or contradicts itself.
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// The packages, in the order of the databases.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = &Package> {
        self.packages.iter()
    }

    /// What is doubtful of the databases, as far as it was found while they were read.
    pub(crate) fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// What packages say of the file at this place: a path without links in its directories, as walks and
    /// [`View::lookup`] give it. Several may share it; none is "no package's".
    pub fn of<'p>(&'p self, place: &[u8]) -> impl Iterator<Item = Entry<'p>> + use<'p> {
        let start = self.records.partition_point(|record| order(self.texts.get(record.place), place).is_lt());
        let rest = self.records.get(start..).unwrap_or_default();
        let place = place.to_vec();
        rest.iter().take_while(move |record| self.texts.get(record.place) == place).map(|record| self.entry(record))
    }

    /// Everything that packages say of files, in the order of their places: directory by directory, by name in each.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.records.iter().map(|record| self.entry(record))
    }

    /// The number of the package of each entry, in the order of [`Self::entries`].
    pub(crate) fn package_numbers(&self) -> impl Iterator<Item = u32> {
        self.records.iter().map(|record| record.package)
    }

    /// The entry with this number, in the order of [`Self::entries`].
    pub(crate) fn entry_at(&self, place: usize) -> Option<Entry<'_>> {
        self.records.get(place).map(|record| self.entry(record))
    }

    /// The entries with these numbers, in the order of [`Self::entries`].
    pub(crate) fn range(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = Entry<'_>> {
        self.records.get(range).unwrap_or_default().iter().map(|record| self.entry(record))
    }

    /// The numbers of the entries of each directory, in their order, at most so many at once, but those of one place never
    /// parted.
    pub(crate) fn directories(&self, most: usize) -> impl Iterator<Item = std::ops::Range<usize>> + Send {
        let place = |record: &Record| self.texts.get(record.place);
        let mut start = 0;
        std::iter::from_fn(move || {
            let first = self.records.get(start)?;
            let (directory, name) = split(place(first));
            let mut last = name;
            let mut end = start;
            while let Some(record) = self.records.get(end) {
                let (other, name) = split(place(record));
                let is_much = end.saturating_sub(start) >= most;
                // The root stands in no directory, and alone.
                let is_root = last.is_empty() != name.is_empty();
                if other != directory || is_root || is_much && name != last {
                    break;
                }
                last = name;
                end = end.saturating_add(1);
            }
            let range = start..end;
            start = end;
            Some(range)
        })
    }

    fn entry(&self, record: &Record) -> Entry<'_> {
        let owner = |number: Option<u32>| {
            let (name, number) = self.owners.get(usize::try_from(number?).ok()?)?;
            Some(Owner { name: self.texts.get(*name), number: *number })
        };
        let expected = Expected {
            node_type: record.node_type,
            mode: record.mode,
            size: record.size,
            modified: record.modified,
            digest_bytes: self.texts.get(record.digest),
            link_target: record.link_target.map(|target| self.texts.get(target)),
            owner: owner(record.owner),
            group: owner(record.group),
            capabilities: record.capabilities.map(|capabilities| self.texts.get(capabilities)),
            device: record.device,
        };
        let package = usize::try_from(record.package).ok().and_then(|number| self.packages.get(number));
        Entry {
            package: package.unwrap_or(&NOBODY),
            path: self.texts.get(record.path),
            lies_at: self.texts.get(record.lies_at),
            place: self.texts.get(record.place),
            expected,
            flags: record.flags,
            verify: record.verify,
            state: record.state,
            is_shared: record.is_shared,
        }
    }
}

/// Stands for a package that is not in the table, which no entry has.
static NOBODY: Package = Package {
    manager: crate::Manager::Dpkg,
    name: Vec::new(),
    version: Vec::new(),
    architecture: Vec::new(),
    state: crate::PackageState::Unknown,
    installed: None,
    vendor: Vec::new(),
    from_original: false,
};

/// The order of places: directory by directory, by name in each.
fn order(one: &[u8], other: &[u8]) -> Ordering {
    split(one).cmp(&split(other))
}

/// A file of a package, to be added.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NewEntry<'a> {
    /// The path as the package has it.
    pub(crate) path: &'a [u8],
    /// The path that a diversion gave it.
    pub(crate) diverted: Option<&'a [u8]>,
    /// What is expected; the numbers of owners are looked up.
    pub(crate) expected: Expected<'a>,
    pub(crate) flags: FileFlags,
    pub(crate) verify: Verify,
    pub(crate) state: FileState,
}

/// Packages while they are read.
pub(crate) struct Builder {
    packages: Vec<Package>,
    records: Vec<Record>,
    texts: Texts,
    owners: Vec<(Span, Option<u32>)>,
    /// The numbers of owners and groups in the table, by whether they are groups and by name.
    owner_numbers: HashMap<(bool, Vec<u8>), u32>,
    users: Numbers,
    groups: Numbers,
    issues: Vec<Issue>,
    doubts: Vec<Doubt>,
    is_full: bool,
}

impl Builder {
    pub(crate) fn new(view: &View) -> Self {
        let numbers =
            |path: &[u8]| Numbers::of(&crate::file::read(view, path).map(|file| file.bytes).unwrap_or_default());
        Self {
            packages: Vec::new(),
            records: Vec::new(),
            texts: Texts::new(TEXT_BYTES),
            owners: Vec::new(),
            owner_numbers: HashMap::new(),
            users: numbers(b"/etc/passwd"),
            groups: numbers(b"/etc/group"),
            issues: Vec::new(),
            doubts: Vec::new(),
            is_full: false,
        }
    }

    /// Goes on with packages that were read, to change what is expected of their files.
    pub(crate) fn resume(packages: Packages) -> Self {
        let Packages { packages, mut records, texts, owners, users, groups, issues, doubts } = packages;
        // Where they lie is found out anew.
        records.iter_mut().for_each(|record| (record.place, record.is_shared) = (record.lies_at, false));
        let owner_numbers = HashMap::new();
        Self { packages, records, texts, owners, owner_numbers, users, groups, issues, doubts, is_full: false }
    }

    /// Notes that what is expected of a package's files comes from its package file.
    pub(crate) fn is_original(&mut self, package: u32) {
        if let Some(package) = usize::try_from(package).ok().and_then(|package| self.packages.get_mut(package)) {
            package.from_original = true;
        }
    }

    /// Whether the image has an owner, or a group, of this name.
    pub(crate) fn is_known(&self, is_group: bool, name: &[u8]) -> bool {
        let numbers = if is_group { &self.groups } else { &self.users };
        !name.is_empty() && numbers.number(name).is_some()
    }

    /// Puts something else in the place of what was expected of a file.
    pub(crate) fn replace(&mut self, place: usize, new: &NewEntry<'_>) {
        let Some(old) = self.records.get(place).copied() else { return };
        match self.record(old.package, &NewEntry { path: b"", diverted: None, ..*new }) {
            Some(record) => {
                let record = Record { path: old.path, lies_at: old.lies_at, place: old.place, ..record };
                if let Some(there) = self.records.get_mut(place) {
                    *there = record;
                }
            }
            None => self.full(),
        }
    }

    /// Takes away the files with these numbers, which are in order.
    pub(crate) fn remove(&mut self, places: &[usize]) {
        let mut place = 0_usize;
        self.records.retain(|_| {
            let is_removed = places.binary_search(&place).is_ok();
            place = place.saturating_add(1);
            !is_removed
        });
    }

    /// Adds a package and gives its number; `None` if there are too many.
    pub(crate) fn package(&mut self, package: Package) -> Option<u32> {
        if self.packages.len() >= PACKAGES {
            self.full();
            return None;
        }
        let number = u32::try_from(self.packages.len()).ok()?;
        self.packages.push(package);
        Some(number)
    }

    /// Adds a file of a package; whether there is room for more.
    pub(crate) fn entry(&mut self, package: u32, new: &NewEntry<'_>) -> bool {
        let added = if self.records.len() < ENTRIES { self.record(package, new) } else { None };
        match added {
            Some(record) => self.records.push(record),
            None => self.full(),
        }
        !self.is_full
    }

    fn record(&mut self, package: u32, new: &NewEntry<'_>) -> Option<Record> {
        let expected = &new.expected;
        let owner = expected.owner.map_or(Some(None), |owner| self.owner(false, owner.name).map(Some))?;
        let group = expected.group.map_or(Some(None), |group| self.owner(true, group.name).map(Some))?;
        let path = self.texts.add(new.path)?;
        let lies_at = match new.diverted {
            Some(diverted) => self.texts.add(diverted)?,
            None => path,
        };
        Some(Record {
            package,
            path,
            lies_at,
            place: lies_at,
            digest: self.texts.add(expected.digest_bytes)?,
            link_target: expected.link_target.map_or(Some(None), |target| self.texts.add(target).map(Some))?,
            capabilities: expected.capabilities.map_or(Some(None), |text| self.texts.add_known(text).map(Some))?,
            owner,
            group,
            node_type: expected.node_type,
            mode: expected.mode,
            device: expected.device,
            size: expected.size,
            modified: expected.modified,
            flags: new.flags,
            verify: new.verify,
            state: new.state,
            is_shared: false,
        })
    }

    fn owner(&mut self, is_group: bool, name: &[u8]) -> Option<u32> {
        let key = (is_group, name.to_vec());
        if let Some(number) = self.owner_numbers.get(&key) {
            return Some(*number);
        }
        let number = if is_group { self.groups.number(name) } else { self.users.number(name) };
        let place = u32::try_from(self.owners.len()).ok()?;
        self.owners.push((self.texts.add_known(name)?, number));
        self.owner_numbers.insert(key, place);
        Some(place)
    }

    pub(crate) fn issue(&mut self, issue: Issue) {
        if self.issues.len() < ISSUES {
            self.issues.push(issue);
        }
    }

    pub(crate) fn doubt(&mut self, doubt: Doubt) {
        if self.doubts.len() < ISSUES {
            self.doubts.push(doubt);
        }
    }

    /// A package as it is shown.
    pub(crate) fn shown(&self, package: u32) -> String {
        let package = usize::try_from(package).ok().and_then(|package| self.packages.get(package));
        package.map(ToString::to_string).unwrap_or_default()
    }

    fn full(&mut self) {
        if !std::mem::replace(&mut self.is_full, true) {
            let text =
                "there are more packages, files or bytes of paths in the databases than are read; the rest is left out";
            self.issues.push(Issue::new("packages", text));
        }
    }

    /// Finds out where the files lie, and puts them in order.
    pub(crate) fn finish(mut self, view: &View) -> Packages {
        let mut places = Places::new(view);
        for record in &mut self.records {
            let place = places.of(self.texts.get(record.place));
            if place == self.texts.get(record.place) {
                continue;
            }
            match self.texts.add(&place) {
                Some(place) => record.place = place,
                None => self.is_full = true,
            }
        }
        let texts = &self.texts;
        self.records.sort_by(|one, other| order(texts.get(one.place), texts.get(other.place)));
        for group in self.records.chunk_by_mut(|one, other| texts.get(one.place) == texts.get(other.place)) {
            let is_shared = group.len() > 1;
            group.iter_mut().for_each(|record| record.is_shared = is_shared);
        }
        let Self { packages, records, texts, owners, users, groups, issues, doubts, .. } = self;
        Packages { packages, records, texts, owners, users, groups, issues, doubts }
    }
}
