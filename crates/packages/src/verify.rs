//! All that packages have held against what lies in the image, on all cores, in the order of the places.
//!
//! A piece of work is a directory: its entries are read once, its files in the order in which they lie on the disk.

use crate::difference::{Difference, Missing, Observed, compare, is_told};
use crate::entry::{Entry, FileFlags, FileState, Verify};
use crate::package::Manager;
use crate::packages::Packages;
use crate::place::split;
use kanshiki_filesystem::{Entry as Name, Follow, FsError, Located, LookupError, Node, NodeType, Place, View};
use kanshiki_model::{Algorithm, Digest, EvidencePath, Issue, Progress};
use kanshiki_walk::ahead::Ahead;
use kanshiki_walk::contents::{first_byte, issue};
use kanshiki_walk::digest::digests;
use kanshiki_walk::parallel::{Output, Weigh, ordered};
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::{Mutex, PoisonError};

/// Bytes read at once.
const READ_BYTES: usize = 128 << 10;

/// Files with several names whose digests are kept for the other names.
const KEPT_LINKS: usize = 200_000;

/// Entries that one piece of work takes at most.
const PIECE: usize = 2048;

/// An entry that differs from what lies in the image.
#[derive(Debug, Clone)]
pub struct Checked<'p> {
    /// What its package says.
    pub entry: Entry<'p>,
    /// What differs.
    pub difference: Difference,
    /// The node that was found.
    pub node: Option<(Place, Node)>,
    /// The digest of the content that was found, by the algorithm of the entry.
    pub digest: Option<Digest>,
}

/// What verifying comes by.
#[derive(Debug)]
pub enum VerifyEvent<'p> {
    /// An entry that differs, or of which `rpm -V` writes a line.
    Checked(Box<Checked<'p>>),
    /// Something that could not be read.
    Damage(Issue),
}

/// How much was verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries that were held against the image.
    pub entries: u64,
    /// Whether all were; otherwise the caller wanted no more, or asked to stop.
    pub is_whole: bool,
}

/// Holds all entries against the image, and hands on those that differ in the order of their places, with damage where it
/// was met. Memory does not grow with their number.
pub fn verify<'p>(
    view: &View,
    packages: &'p Packages,
    progress: &dyn Progress,
    emit: &mut (dyn FnMut(VerifyEvent<'p>) -> ControlFlow<()> + Send),
) -> Verified {
    let verifier = Verifier { view, packages, progress, links: Mutex::default() };
    let mut verified = Verified { entries: 0, is_whole: true };
    let work = |range: Range<usize>, output: &mut Output<'_, '_, Batch<'p>>| {
        if progress.stop_requested() {
            output.piece.is_cut = true;
        } else {
            verifier.directory(range, &mut output.piece);
        }
    };
    ordered(packages.directories(PIECE), &work, &mut |batch: Batch<'p>| {
        verified.entries = verified.entries.saturating_add(batch.entries);
        verified.is_whole &= !batch.is_cut;
        let flow = batch.events.into_iter().try_for_each(&mut *emit);
        verified.is_whole &= flow.is_continue();
        flow
    });
    verified
}

/// What one piece of work found.
#[derive(Default)]
struct Batch<'p> {
    events: Vec<VerifyEvent<'p>>,
    entries: u64,
    is_cut: bool,
}

impl Weigh for Batch<'_> {
    fn weight(&self) -> usize {
        self.events.len().saturating_mul(512).saturating_add(128)
    }
}

/// A file with several names, and the algorithms of its digests.
type Link = (Place, Vec<Algorithm>);

struct Verifier<'v, 'p> {
    view: &'v View,
    packages: &'p Packages,
    progress: &'v dyn Progress,
    /// Digests of files with several names.
    links: Mutex<HashMap<Link, Vec<Digest>>>,
}

/// A name that is asked for, and what was found of it.
struct Wanted<'p> {
    entries: Vec<Entry<'p>>,
    found: Result<(Place, Node), Missing>,
    digests: Vec<Digest>,
    /// Where its content begins on the disk.
    first_byte: u64,
}

impl<'p> Verifier<'_, 'p> {
    /// Verifies the entries of one directory.
    fn directory(&self, range: Range<usize>, batch: &mut Batch<'p>) {
        let mut wanted = self.wanted(range, batch);
        let Some(first) = wanted.first().and_then(|wanted| wanted.entries.first()) else { return };
        let (directory, name) = split(first.place);
        self.look_up(directory, name.is_empty(), &mut wanted, &mut batch.events);
        self.read(&mut wanted, &mut batch.events);
        for wanted in &wanted {
            self.compare(wanted, &mut batch.events);
        }
    }

    /// The entries, those of one place together.
    fn wanted(&self, range: Range<usize>, batch: &mut Batch<'p>) -> Vec<Wanted<'p>> {
        let mut wanted: Vec<Wanted<'p>> = Vec::new();
        for entry in self.packages.range(range) {
            batch.entries = batch.entries.saturating_add(1);
            match wanted.last_mut().filter(|last| last.entries.last().is_some_and(|last| last.place == entry.place)) {
                Some(last) => last.entries.push(entry),
                None => {
                    let found = Err(Missing::NotThere);
                    wanted.push(Wanted { entries: vec![entry], found, digests: Vec::new(), first_byte: 0 });
                }
            }
        }
        wanted
    }

    /// Finds the nodes of the names.
    fn look_up(&self, directory: &[u8], is_root: bool, wanted: &mut [Wanted<'p>], events: &mut Vec<VerifyEvent<'p>>) {
        let path = if directory.is_empty() { b"/".as_slice() } else { directory };
        let found = self.view.lookup(&EvidencePath::from_bytes(path), Follow::All);
        let mut all = |missing: Missing| wanted.iter_mut().for_each(|wanted| wanted.found = Err(missing));
        let located = match found {
            Ok(located) if located.node.node_type == NodeType::Directory => located,
            Ok(_) | Err(LookupError::NotADirectory { .. }) => return all(Missing::NotADirectory),
            Err(LookupError::NotFound { .. }) => return all(Missing::NotThere),
            Err(LookupError::TooManyLinks { .. }) => return all(Missing::TooManyLinks),
            Err(error) => {
                all(Missing::Unreadable);
                let issue = Issue::new(kanshiki_model::visible(path), error.to_string());
                return events.push(VerifyEvent::Damage(issue));
            }
        };
        if is_root {
            // The root has no name in any directory; it stands first, and alone.
            if let Some(root) = wanted.first_mut() {
                root.found = Ok((located.place, located.node));
            }
            return;
        }
        self.names(&located, wanted, events);
    }

    /// Goes through a directory for the names.
    fn names(&self, directory: &Located, wanted: &mut [Wanted<'p>], events: &mut Vec<VerifyEvent<'p>>) {
        let (path, volume) = (directory.path.as_bytes(), directory.place.volume);
        let mut damage = |error: &FsError| events.push(VerifyEvent::Damage(issue(self.view, volume, path, error)));
        let mut is_whole = true;
        let place_of = |wanted: &[Wanted<'p>], name: &[u8]| {
            wanted.binary_search_by(|wanted| {
                wanted.entries.first().map_or(b"".as_slice(), |entry| split(entry.place).1).cmp(name)
            })
        };
        match self.view.children(directory.place) {
            Ok(entries) => {
                let named = entries.filter(|entry: &Result<Name, FsError>| {
                    entry.as_ref().map_or(true, |entry| place_of(wanted, &entry.name).is_ok())
                });
                let named: Vec<Result<Name, FsError>> = named.collect();
                for entry in Ahead::look_up(named.into_iter(), |entry| self.view.child(volume, entry)) {
                    match entry {
                        Ok((entry, found)) => {
                            let place = place_of(wanted, &entry.name).ok().and_then(|place| wanted.get_mut(place));
                            // Of two entries of one name the first counts, as it does for the kernel.
                            let Some(wanted) = place.filter(|wanted| wanted.found.is_err()) else { continue };
                            wanted.found = found.map_err(|error| {
                                damage(&error);
                                Missing::Unreadable
                            });
                        }
                        Err(error) => {
                            is_whole = false;
                            damage(&error);
                        }
                    }
                }
            }
            Err(error) => {
                is_whole = false;
                damage(&error);
            }
        }
        // What was not found may have stood in what cannot be read.
        let missing = wanted.iter_mut().filter(|wanted| !is_whole && wanted.found.is_err());
        missing.for_each(|wanted| wanted.found = Err(Missing::Unreadable));
    }

    /// Reads the contents that are to be compared, in the order in which they lie on the disk.
    fn read(&self, wanted: &mut [Wanted<'p>], events: &mut Vec<VerifyEvent<'p>>) {
        let mut to_read: Vec<(Place, u32, Vec<Algorithm>, &mut Wanted<'p>)> = Vec::new();
        for wanted in wanted {
            let algorithms = algorithms(&wanted.entries);
            let Ok((place, node)) = &wanted.found else { continue };
            let content = match node.node_type {
                _ if algorithms.is_empty() => None,
                NodeType::File => Some((*place, node.links)),
                // dpkg reads what the link leads to.
                NodeType::Symlink if !wanted.entries.iter().all(has_metadata) => self.target(&wanted.entries),
                _ => None,
            };
            if let Some((place, links)) = content {
                wanted.first_byte = first_byte(self.view, place);
                to_read.push((place, links, algorithms, wanted));
            }
        }
        to_read.sort_by_key(|(place, .., wanted)| (place.volume, wanted.first_byte));
        let mut buffer = vec![0; if to_read.is_empty() { 0 } else { READ_BYTES }];
        for (place, links, algorithms, wanted) in to_read {
            let path = wanted.entries.first().map_or(b"".as_slice(), |entry| entry.place);
            match self.digests(place, links, algorithms, path, &mut buffer) {
                Ok(digests) => wanted.digests = digests,
                Err(issue) => events.push(VerifyEvent::Damage(issue)),
            }
        }
    }

    /// The file that a link leads to.
    fn target(&self, entries: &[Entry<'p>]) -> Option<(Place, u32)> {
        let path = EvidencePath::from_bytes(entries.first()?.place);
        let found = self.view.lookup(&path, Follow::All).ok()?;
        // Any number of links may lead to it, as any number of names may.
        (found.node.node_type == NodeType::File).then_some((found.place, u32::MAX))
    }

    fn digests(
        &self,
        place: Place,
        links: u32,
        algorithms: Vec<Algorithm>,
        path: &[u8],
        buffer: &mut [u8],
    ) -> Result<Vec<Digest>, Issue> {
        let key = (place, algorithms);
        let known = || self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digests) = known().get(&key).filter(|_| links > 1) {
            return Ok(digests.clone());
        }
        let content = self.view.filesystem(place).map(|filesystem| filesystem.content(place.node)).transpose();
        let content = content.map_err(|error| issue(self.view, place.volume, path, &error))?;
        let Some(content) = content else { return Ok(Vec::new()) };
        let digests = digests(&*content, path, &key.1, buffer, self.progress)?;
        let mut known = known();
        if links > 1 && known.len() < KEPT_LINKS {
            known.insert(key, digests.clone());
        }
        Ok(digests)
    }

    /// Holds what was found at a place against all that packages say of it.
    fn compare(&self, wanted: &Wanted<'p>, events: &mut Vec<VerifyEvent<'p>>) {
        let more = wanted.found.as_ref().ok().map(|(place, node)| self.more(*place, node, wanted, events));
        for entry in &wanted.entries {
            let algorithm = entry.expected.algorithm();
            let digest = wanted.digests.iter().find(|digest| Some(digest.algorithm()) == algorithm);
            let observed = match (&wanted.found, &more) {
                (Ok((_, node)), Some(more)) => Ok(Observed {
                    node,
                    directory: more.directory.as_ref(),
                    digest,
                    link_target: more.link_target.as_deref(),
                    capabilities: more.capabilities.as_deref(),
                    has_access_list: more.has_access_list,
                }),
                (found, _) => Err(found.as_ref().err().copied().unwrap_or(Missing::NotThere)),
            };
            let difference = compare(entry, observed);
            if difference.is_none() && !is_told(entry, &difference) {
                continue;
            }
            let (node, digest) = (wanted.found.as_ref().ok().cloned(), digest.cloned());
            let checked = Checked { entry: *entry, difference, node, digest };
            events.push(VerifyEvent::Checked(Box::new(checked)));
        }
    }

    /// What is not in the node itself, as far as an entry asks for it.
    fn more(&self, place: Place, node: &Node, wanted: &Wanted<'p>, events: &mut Vec<VerifyEvent<'p>>) -> More {
        let mut more = More::default();
        let Some(filesystem) = self.view.filesystem(place) else { return more };
        let path = wanted.entries.first().map_or(b"".as_slice(), |entry| entry.place);
        let mut damage =
            |error: &FsError| events.push(VerifyEvent::Damage(issue(self.view, place.volume, path, error)));
        let needs = |what: Verify| {
            wanted.entries.iter().any(|entry| has_metadata(entry) && entry.verify.has(what) && is_compared(entry))
        };
        if node.node_type == NodeType::Symlink {
            if needs(Verify::LINK) {
                match filesystem.link_target(place.node) {
                    Ok(target) => more.link_target = Some(target),
                    Err(error) => damage(&error),
                }
            }
            let wants_directory = |entry: &Entry<'_>| entry.expected.node_type == Some(NodeType::Directory);
            if wanted.entries.iter().any(wants_directory) {
                let found = self.view.lookup(&EvidencePath::from_bytes(path), Follow::All).ok();
                more.directory = found.map(|found| found.node).filter(|node| node.node_type == NodeType::Directory);
            }
            return more;
        }
        if !needs(Verify::CAPABILITIES) && !needs(Verify::MODE) {
            return more;
        }
        match filesystem.xattrs(place.node) {
            Ok(attributes) => {
                for attribute in attributes {
                    match attribute {
                        Ok(attribute) if attribute.name == b"security.capability" => {
                            more.capabilities = Some(attribute.value);
                        }
                        // A header of 4 bytes, and more than the three entries of 8 bytes that the permissions are.
                        Ok(attribute) if attribute.name == b"system.posix_acl_access" => {
                            more.has_access_list = attribute.value.len() > 28;
                        }
                        Ok(_) => {}
                        Err(error) => damage(&error),
                    }
                }
            }
            Err(error) => damage(&error),
        }
        more
    }
}

/// What is not in a node itself.
#[derive(Default)]
struct More {
    directory: Option<Node>,
    link_target: Option<Vec<u8>>,
    capabilities: Option<Vec<u8>>,
    has_access_list: bool,
}

/// Whether more than the content is known of a file.
fn has_metadata(entry: &Entry<'_>) -> bool {
    entry.package.manager == Manager::Rpm || entry.package.from_original
}

/// Whether anything but its being there is compared.
const fn is_compared(entry: &Entry<'_>) -> bool {
    !matches!(entry.state, FileState::NotInstalled | FileState::NetShared | FileState::Replaced)
}

/// The algorithms by which a content is to be compared, each once.
fn algorithms(entries: &[Entry<'_>]) -> Vec<Algorithm> {
    let is_read = |entry: &&Entry<'_>| {
        let is_normal = is_compared(entry) && entry.state != FileState::WrongColor;
        is_normal && entry.verify.has(Verify::DIGEST) && !entry.flags.has(FileFlags::GHOST)
    };
    let mut algorithms: Vec<Algorithm> =
        entries.iter().filter(is_read).filter_map(|entry| entry.expected.algorithm()).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    algorithms
}
