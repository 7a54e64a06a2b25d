//! What package files say, put in the place of what the databases of the image say.

use super::{Contradicted, Contradiction, Original, OriginalFile, Originals, read_folder};
use crate::entry::{Entry, Expected, FileFlags, FileState, Owner};
use crate::package::{Manager, Package, PackageState};
use crate::packages::{Builder, NewEntry, Packages};
use crate::place::Places;
use kanshiki_filesystem::View;
use kanshiki_model::Progress;
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// Contradictions that are kept; more say no more.
const CONTRADICTED: usize = 100_000;

/// The marks that the settings of the machine give, and no package.
const OF_THE_MACHINE: FileFlags =
    FileFlags::OBSOLETE.with(FileFlags::LEFT_OUT).with(FileFlags::DIVERTED).with(FileFlags::OVERRIDDEN);

impl Packages {
    /// Takes what is expected of files from the `.deb` and `.rpm` files of a folder, where they are of the name, version and
    /// architecture of packages of the image, and tells where the databases of the image say otherwise. Files that a database
    /// has and the package file does not are no package's from then on.
    ///
    /// # Errors
    ///
    /// The folder cannot be listed; package files that cannot be read are among the issues.
    pub fn use_originals(self, view: &View, folder: &Path, progress: &dyn Progress) -> io::Result<(Self, Originals)> {
        let mut changes = Changes::of(&self, view);
        let mut originals = read_folder(folder, progress, &mut |original| changes.take(original))?;
        let Changes { used, unused, replaced, mut removed, added, contradicted, .. } = changes;
        (originals.used, originals.unused, originals.contradicted) = (used.len(), unused, contradicted);
        let mut builder = Builder::resume(self);
        used.iter().for_each(|package| builder.is_original(*package));
        for (place, kept, file) in &replaced {
            let mut names = Names::of(file, &builder);
            if let Some((owner, group)) = &kept.owners {
                names = Names { owner: owner.clone(), group: group.clone() };
            }
            builder.replace(*place, &new_entry(b"", file, &names, kept));
        }
        removed.sort_unstable();
        builder.remove(&removed);
        for (package, path, file) in &added {
            let names = Names::of(file, &builder);
            let _ = builder.entry(*package, &new_entry(path, file, &names, &Kept::default()));
        }
        Ok((builder.finish(view), originals))
    }
}

/// What an entry has of the machine, which is kept.
#[derive(Default)]
struct Kept {
    flags: FileFlags,
    state: FileState,
    mode: Option<u16>,
    /// Owner and group that the administrator asked for.
    owners: Option<(Vec<u8>, Vec<u8>)>,
}

impl Kept {
    fn of(entry: &Entry<'_>) -> Self {
        let expected = &entry.expected;
        let owners = expected.owner.zip(expected.group).filter(|_| entry.flags.has(FileFlags::OVERRIDDEN));
        let owners = owners.map(|(owner, group)| (owner.name.to_vec(), group.name.to_vec()));
        Self { flags: entry.flags, state: entry.state, mode: expected.mode, owners }
    }
}

/// What a package is known by: manager, name, version and architecture.
type Key<'p> = (Manager, &'p [u8], &'p [u8], &'p [u8]);

/// What is to be changed.
struct Changes<'p> {
    packages: &'p Packages,
    places: Places<'p>,
    /// The numbers of packages by manager, name, version and architecture.
    by_name: HashMap<Key<'p>, u32>,
    /// The numbers of the entries of each package.
    entries: Vec<Vec<u32>>,
    used: Vec<u32>,
    unused: usize,
    replaced: Vec<(usize, Kept, OriginalFile)>,
    removed: Vec<usize>,
    added: Vec<(u32, Vec<u8>, OriginalFile)>,
    contradicted: Vec<Contradicted>,
}

impl<'p> Changes<'p> {
    fn of(packages: &'p Packages, view: &'p View) -> Self {
        let named = |(number, package): (u32, &'p Package)| {
            (
                (package.manager, package.name.as_slice(), package.version.as_slice(), package.architecture.as_slice()),
                number,
            )
        };
        let by_name = (0_u32..).zip(packages.packages()).map(named).collect();
        let mut entries = vec![Vec::new(); packages.packages().len()];
        for (place, package) in (0_u32..).zip(packages.package_numbers()) {
            if let Some(entries) = usize::try_from(package).ok().and_then(|package| entries.get_mut(package)) {
                entries.push(place);
            }
        }
        Self {
            packages,
            places: Places::new(view),
            by_name,
            entries,
            used: Vec::new(),
            unused: 0,
            replaced: Vec::new(),
            removed: Vec::new(),
            added: Vec::new(),
            contradicted: Vec::new(),
        }
    }

    /// Takes in a package file.
    fn take(&mut self, mut original: Original) {
        let package = &original.package;
        let key =
            (package.manager, package.name.as_slice(), package.version.as_slice(), package.architecture.as_slice());
        let Some(number) = self.by_name.get(&key).copied().filter(|number| !self.used.contains(number)) else {
            self.unused = self.unused.saturating_add(1);
            return;
        };
        self.used.push(number);
        let entries =
            usize::try_from(number).ok().and_then(|number| self.entries.get(number)).cloned().unwrap_or_default();
        for place in entries.iter().filter_map(|place| usize::try_from(*place).ok()) {
            let Some(entry) = self.packages.entry_at(place) else { continue };
            let path = if entry.path == b"/." { b"/" } else { entry.path };
            match original.files.remove(path) {
                Some(file) => {
                    if let Some(what) = contradiction(&entry, &file) {
                        self.contradict(&original.package, entry.path, what);
                    }
                    self.replaced.push((place, Kept::of(&entry), file));
                }
                // What an older version had and the administrator kept stands in the list still.
                None if entry.flags.has(FileFlags::OBSOLETE) => {}
                None => {
                    self.contradict(&original.package, entry.path, Contradiction::NotInPackage);
                    self.removed.push(place);
                }
            }
        }
        // Of a package that was removed, or not wholly unpacked, not all files are there.
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let state = self.packages.packages().nth(index).map(|package| package.state);
        if matches!(state, Some(PackageState::ConfigFiles | PackageState::HalfInstalled) | None) {
            return;
        }
        for (path, file) in std::mem::take(&mut original.files) {
            // Another package may have taken the file over, and then the list does not have it any more.
            let place = self.places.of(&path);
            if self.packages.of(&place).next().is_none() {
                self.contradict(&original.package, &path, Contradiction::NotInDatabase);
                self.added.push((number, path, file));
            }
        }
    }

    fn contradict(&mut self, package: &Package, path: &[u8], what: Contradiction) {
        if self.contradicted.len() < CONTRADICTED {
            self.contradicted.push(Contradicted { package: package.to_string(), path: path.to_vec(), what });
        }
    }
}

/// How a database contradicts a package file about one of its files.
fn contradiction(entry: &Entry<'_>, file: &OriginalFile) -> Option<Contradiction> {
    let (expected, is_dpkg) = (&entry.expected, entry.package.manager == Manager::Dpkg);
    let are_digests = !expected.digest_bytes.is_empty() && expected.digest_bytes.len() == file.database_digest.len();
    // Of a conffile dpkg keeps the digest that it had when it was last asked about.
    if are_digests && expected.digest_bytes != file.database_digest && !(is_dpkg && entry.flags.has(FileFlags::CONFIG))
    {
        return Some(Contradiction::Digest);
    }
    if is_dpkg {
        return None;
    }
    let name = |owner: Option<Owner<'_>>| owner.map(|owner| owner.name.to_vec()).unwrap_or_default();
    let is_alike = expected.mode == Some(file.mode)
        && expected.size == file.size
        && expected.modified == file.modified
        && expected.link_target == file.link_target.as_deref()
        && expected.capabilities == file.capabilities.as_deref()
        && name(expected.owner) == file.owner
        && name(expected.group) == file.group
        && entry.flags == file.flags
        && entry.verify == file.verify;
    (!is_alike).then_some(Contradiction::Metadata)
}

/// Names of owner and group that mean something in the image.
struct Names {
    owner: Vec<u8>,
    group: Vec<u8>,
}

impl Names {
    /// Those of a file; of a `.deb`, the numbers where the image does not have the names, as dpkg takes them.
    fn of(file: &OriginalFile, builder: &Builder) -> Self {
        let name = |is_group: bool, name: &[u8], number: Option<u32>| match number {
            Some(number) if !builder.is_known(is_group, name) => format!("#{number}").into_bytes(),
            _ => name.to_vec(),
        };
        Self {
            owner: name(false, &file.owner, file.numbers.map(|numbers| numbers.0)),
            group: name(true, &file.group, file.numbers.map(|numbers| numbers.1)),
        }
    }
}

/// What a package file expects of a file.
fn new_entry<'a>(path: &'a [u8], file: &'a OriginalFile, names: &'a Names, kept: &Kept) -> NewEntry<'a> {
    let owner = |name: &'a Vec<u8>| Some(Owner { name, number: None }).filter(|_| !name.is_empty());
    let expected = Expected {
        node_type: Some(file.node_type),
        mode: Some(match kept.mode {
            // The administrator's word goes before the package's.
            Some(mode) if kept.flags.has(FileFlags::OVERRIDDEN) => file.mode & 0o170_000 | mode & 0o7777,
            _ => file.mode,
        }),
        size: file.size,
        modified: file.modified,
        digest_bytes: &file.digest,
        link_target: file.link_target.as_deref(),
        owner: owner(&names.owner),
        group: owner(&names.group),
        capabilities: file.capabilities.as_deref(),
        device: file.device,
    };
    let flags = file.flags.with(kept.flags.among(OF_THE_MACHINE));
    NewEntry { path, diverted: None, expected, flags, verify: file.verify, state: kept.state }
}
