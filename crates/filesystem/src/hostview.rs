//! The volumes of a host put together as the host had them: its root, and what its `/etc/fstab` hangs where.
//!
//! ```text
//! VolumeSet ─▶ open all that can be browsed ─▶ choose the root ─▶ /etc/fstab ─▶ which volume is which device ─▶ View
//! ```
//!
//! What the table names and what is not there, and volumes that it does not name, become issues of the view; they can be
//! looked at by the name of the volume.

mod device;
#[cfg(test)]
mod fake;
mod fstab;
mod root;
#[cfg(test)]
mod tests;

pub use fstab::{FstabLine, parse as parse_fstab};

use crate::{FileSystem, FsError, View, Volume};
use device::{Device, Disks};
use kanshiki_image::Source;
use kanshiki_image::volumes::{Refusal, Volume as Found, VolumeSet};
use kanshiki_model::{EvidencePath, Issue, visible};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Opens the filesystem of a volume.
pub type Opener<'a> = &'a dyn Fn(&Source) -> Result<Arc<dyn FileSystem>, FsError>;

/// What became of a line of `/etc/fstab`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This volume hangs there.
    Mounted(String),
    /// Nothing of the images belongs there, for this reason: swap space, memory, the network.
    NotOnDisk(String),
    /// Something of the host belongs there, but is not shown, for this reason.
    Missing(String),
}

/// A line of `/etc/fstab` and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The line's number in the file, from 1.
    pub line: usize,
    /// The device as the line writes it, made visible.
    pub device: String,
    /// The directory.
    pub directory: EvidencePath,
    /// What became of it.
    pub outcome: Outcome,
}

/// The host's tree.
#[derive(Debug, Clone)]
pub struct HostView {
    /// The tree, and the volumes that could be opened but hang nowhere.
    pub view: View,
    /// The name of the root volume.
    pub root: String,
    /// The lines of its `/etc/fstab`.
    pub placements: Vec<Placement>,
}

/// Why there is no view.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// No volume looks like the root of a host, and there are several, or none, to choose from.
    #[error("no volume looks like the root of a host{}", listed(.volumes))]
    NoRoot {
        /// The volumes: name, and what it holds or why it cannot be browsed.
        volumes: Vec<(String, String)>,
    },
    /// There is no volume of this name.
    #[error("there is no volume `{name}`{}", listed(.volumes))]
    NoVolume {
        /// The name that was asked for.
        name: String,
        /// The volumes that there are, as in [`Self::NoRoot`].
        volumes: Vec<(String, String)>,
    },
    /// The volume cannot be browsed.
    #[error("{} cannot be browsed: {refusal}", shown(.name))]
    Refused {
        /// The volume.
        name: String,
        /// Why.
        refusal: Refusal,
    },
    /// The volume's filesystem cannot be opened.
    #[error("the filesystem of {} cannot be opened", shown(.name))]
    Filesystem {
        /// The volume.
        name: String,
        /// Why.
        #[source]
        source: FsError,
    },
}

fn shown(name: &str) -> String {
    if name.is_empty() { "the image itself".to_owned() } else { format!("volume `{name}`") }
}

fn listed(volumes: &[(String, String)]) -> String {
    let mut list: Vec<String> = volumes.iter().map(|(name, what)| format!("{} ({what})", shown(name))).collect();
    let more = list.len().saturating_sub(20);
    list.truncate(20);
    match (list.is_empty(), more) {
        (true, _) => "; the images hold no volume".to_owned(),
        (false, 0) => format!("; there are {}", list.join(", ")),
        (false, more) => format!("; there are {} and {more} more", list.join(", ")),
    }
}

/// Each volume with what it holds, or why it cannot be browsed.
fn contents(set: &VolumeSet) -> Vec<(String, String)> {
    let what = |volume: &Found| match (&volume.refusal, volume.filesystem()) {
        (Some(refusal), _) => refusal.to_string(),
        (None, Some(signature)) => signature.to_string(),
        (None, None) => "nothing known lies there".to_owned(),
    };
    set.volumes().iter().map(|volume| (volume.name.clone(), what(volume))).collect()
}

/// The view of one volume.
///
/// # Errors
///
/// [`ViewError`].
pub fn volume_view(set: &VolumeSet, name: &str, open: Opener<'_>) -> Result<View, ViewError> {
    let Some(volume) = set.find(name) else {
        return Err(ViewError::NoVolume { name: visible(name.as_bytes()), volumes: contents(set) });
    };
    let name = volume.name.clone();
    let refusal = volume.refusal.clone().unwrap_or(Refusal::Unknown);
    let Some(source) = volume.source.as_ref().filter(|_| is_worth_trying(volume)) else {
        return Err(ViewError::Refused { name, refusal });
    };
    match open(source) {
        Ok(filesystem) => Ok(View::of(Volume { name, filesystem })),
        Err(FsError::Unsupported { inode: None, .. }) if volume.refusal.is_some() => {
            Err(ViewError::Refused { name, refusal })
        }
        Err(source) => Err(ViewError::Filesystem { name, source }),
    }
}

/// Whether there may be a filesystem in the volume that can be read: one that is recognised, or one that has lost its
/// first superblock and is recognised by a copy.
fn is_worth_trying(volume: &Found) -> bool {
    matches!(volume.refusal, None | Some(Refusal::Unknown))
}

/// A volume that could be opened.
#[derive(Debug)]
struct Candidate {
    /// Its index in the set.
    index: usize,
    filesystem: Arc<dyn FileSystem>,
}

/// The tree of a host. `root` is the name of the volume to take as its root; without it the one that looks most like one
/// is taken. A single volume that can be browsed is shown as it is, even if it is no root.
///
/// # Errors
///
/// [`ViewError`].
pub fn host_view(set: &VolumeSet, root: Option<&str>, open: Opener<'_>) -> Result<HostView, ViewError> {
    if let Some(name) = root {
        // It is told why a volume that was asked for cannot be taken.
        let _ = volume_view(set, name, open)?;
    }
    let mut issues = BTreeMap::new();
    let mut candidates = Vec::new();
    for (index, volume) in set.volumes().iter().enumerate() {
        let Some(source) = volume.source.as_ref().filter(|_| is_worth_trying(volume) && !device::is_hidden(volume))
        else {
            continue;
        };
        match open(source) {
            Ok(filesystem) => candidates.push(Candidate { index, filesystem }),
            Err(FsError::Unsupported { inode: None, .. }) if volume.refusal.is_some() => {}
            Err(error) => {
                issues.insert(index, error.issue(&shown(&volume.name)));
            }
        }
    }
    let evidence: Vec<root::Evidence> = candidates.iter().map(|candidate| root::look(candidate, set)).collect();
    let Some(chosen) = choose(set, root, &candidates, &evidence) else {
        return Err(ViewError::NoRoot { volumes: contents(set) });
    };
    Ok(Builder::new(set, &candidates, chosen, issues).build(evidence))
}

/// The candidate to take as the root, as its index among them.
fn choose(set: &VolumeSet, root: Option<&str>, candidates: &[Candidate], evidence: &[root::Evidence]) -> Option<usize> {
    if let Some(name) = root {
        let index = set.position(name)?;
        return candidates.iter().position(|candidate| candidate.index == index);
    }
    let best = evidence.iter().map(|evidence| evidence.score).max().filter(|score| *score > 0);
    match best {
        Some(best) => evidence.iter().position(|evidence| evidence.score == best),
        None if candidates.len() == 1 => Some(0),
        None => None,
    }
}

/// Hangs the volumes up.
struct Builder<'a> {
    set: &'a VolumeSet,
    candidates: &'a [Candidate],
    root: usize,
    view: View,
    placements: Vec<Placement>,
    /// What there is to say of volumes, by their index in the set.
    issues: BTreeMap<usize, Issue>,
    /// The volumes that hang somewhere, by their index in the set.
    placed: HashMap<usize, EvidencePath>,
}

impl<'a> Builder<'a> {
    fn new(set: &'a VolumeSet, candidates: &'a [Candidate], root: usize, issues: BTreeMap<usize, Issue>) -> Self {
        let name = |index: usize| set.volumes().get(index).map(|volume| volume.name.clone()).unwrap_or_default();
        let volumes = candidates
            .iter()
            .map(|candidate| Volume { name: name(candidate.index), filesystem: Arc::clone(&candidate.filesystem) });
        let view = View::new(volumes.collect(), root);
        Self { set, candidates, root, view, placements: Vec::new(), issues, placed: HashMap::new() }
    }

    fn build(mut self, evidence: Vec<root::Evidence>) -> HostView {
        let roots: Vec<usize> = (0..evidence.len())
            .filter(|index| *index != self.root && evidence.get(*index).is_some_and(|other| other.score >= 5))
            .collect();
        let root = self.candidates.get(self.root).and_then(|candidate| self.set.volumes().get(candidate.index));
        if let (Some(candidate), true) = (self.candidates.get(self.root), root.is_some()) {
            self.placed.insert(candidate.index, EvidencePath::root());
        }
        if let Some(evidence) = evidence.into_iter().nth(self.root) {
            self.use_table(evidence, root);
        }
        self.tell_of_others(&roots);
        for placement in &self.placements {
            if let Outcome::Missing(reason) = &placement.outcome {
                let subject = format!("/etc/fstab line {}", placement.line);
                let message = format!("{} is not at {}: {reason}", placement.device, placement.directory);
                self.view.add_issue(Issue::new(subject, message));
            }
        }
        std::mem::take(&mut self.issues).into_values().for_each(|issue| self.view.add_issue(issue));
        let root = root.map(|volume| volume.name.clone()).unwrap_or_default();
        HostView { view: self.view, root, placements: self.placements }
    }

    fn use_table(&mut self, evidence: root::Evidence, root: Option<&Found>) {
        if let Some(trouble) = evidence.trouble {
            self.view
                .add_issue(Issue::new("/etc/fstab", format!("it cannot be read: {trouble}; volumes hang nowhere")));
        }
        let Some((mut lines, broken)) = evidence.table else { return };
        for number in broken {
            self.view.add_issue(Issue::new(
                format!("/etc/fstab line {number}"),
                "it has too few fields, or is too far down",
            ));
        }
        let mut disks = Disks::default();
        if let (Some(line), Some(root)) = (lines.iter().find(|line| line.directory == b"/"), root) {
            disks.learn(&Device::parse(&line.device), root);
        }
        // Directories before what lies in them; of lines for one directory the last hides the others.
        lines.sort_by_key(|line| EvidencePath::from_bytes(line.directory.clone()).names().count());
        for (at, line) in lines.iter().enumerate() {
            let path = EvidencePath::from_bytes(line.directory.clone());
            let is_same =
                |other: &&FstabLine| EvidencePath::from_bytes(other.directory.clone()).names().eq(path.names());
            let later =
                lines.iter().skip(at.saturating_add(1)).filter(|_| line.directory.starts_with(b"/")).find(is_same);
            let outcome = match later {
                Some(later) => Outcome::Missing(format!("line {} hides it", later.number)),
                None => self.place(line, &path, &disks),
            };
            let device = visible(&line.device);
            self.placements.push(Placement { line: line.number, device, directory: path, outcome });
        }
        self.placements.sort_by_key(|placement| placement.line);
    }

    /// Hangs up what a line names.
    fn place(&mut self, line: &FstabLine, path: &EvidencePath, disks: &Disks) -> Outcome {
        if let Some(reason) = not_on_disk(line) {
            return Outcome::NotOnDisk(reason.to_owned());
        }
        if let Some(reason) = not_followed(line) {
            return Outcome::Missing(reason);
        }
        let found = disks.resolve(&Device::parse(&line.device), self.set);
        if line.has("noauto") {
            if let Ok(index) = found
                && let Some(volume) = self.set.volumes().get(index)
            {
                let message = format!("the host mounts it at {path} only when asked (noauto)");
                self.issues.entry(index).or_insert_with(|| Issue::new(shown(&volume.name), message));
            }
            return Outcome::NotOnDisk("mounted only when asked (noauto)".to_owned());
        }
        let index = match found {
            Ok(index) => index,
            Err(reason) => return Outcome::Missing(reason),
        };
        let Some(volume) = self.set.volumes().get(index) else { return Outcome::Missing("no such volume".to_owned()) };
        let name = shown(&volume.name);
        let is_root = path.names().next().is_none();
        let candidate = self.candidates.iter().position(|candidate| candidate.index == index);
        let candidate = match (candidate, &volume.refusal) {
            (Some(candidate), _) => candidate,
            (None, Some(refusal)) => {
                self.placed.insert(index, path.clone());
                return Outcome::Missing(format!("{name} cannot be browsed: {refusal}"));
            }
            (None, None) => return Outcome::Missing(format!("{name} cannot be opened")),
        };
        if is_root && candidate == self.root {
            return Outcome::Mounted(volume.name.clone());
        }
        if is_root {
            return Outcome::Missing(format!("it is {name}, but another volume is taken as the root"));
        }
        if let Some(elsewhere) = self.placed.get(&index) {
            return Outcome::Missing(format!("{name} hangs at {elsewhere} already; a second place is not shown"));
        }
        match self.view.mount(path, candidate) {
            Ok(()) => {
                self.placed.insert(index, path.clone());
                Outcome::Mounted(volume.name.clone())
            }
            Err(error) => Outcome::Missing(format!("{name} cannot hang there: {error}")),
        }
    }

    /// Makes issues of volumes that hang nowhere; `roots` are the candidates that look like roots too.
    fn tell_of_others(&mut self, roots: &[usize]) {
        for (index, volume) in self.set.volumes().iter().enumerate() {
            if self.placed.contains_key(&index) || device::is_hidden(volume) {
                continue;
            }
            let candidate = self.candidates.iter().position(|candidate| candidate.index == index);
            let refusal = volume.refusal.as_ref().filter(|_| candidate.is_none());
            let message = match refusal {
                None if candidate.is_some_and(|candidate| roots.contains(&candidate)) => {
                    "it looks like the root of a host too; it is not in this tree, look at it by its name".to_owned()
                }
                None => "/etc/fstab does not say where it hangs; look at it by its name".to_owned(),
                Some(refusal) if is_content(refusal) => refusal.to_string(),
                Some(_) => continue,
            };
            self.issues.entry(index).or_insert_with(|| Issue::new(shown(&volume.name), message));
        }
    }
}

/// Whether there may be files in what cannot be browsed.
fn is_content(refusal: &Refusal) -> bool {
    use kanshiki_image::signature::SignatureKind::{ExtJournal, Swap};
    match refusal {
        Refusal::NotRead { kind, .. } => !matches!(kind, Swap | ExtJournal),
        Refusal::Holds { .. } | Refusal::Unknown => false,
        _ => true,
    }
}

/// Why nothing of a disk belongs to the line.
fn not_on_disk(line: &FstabLine) -> Option<&'static str> {
    const MEMORY: &[&str] = &[
        "tmpfs",
        "ramfs",
        "devtmpfs",
        "proc",
        "sysfs",
        "devpts",
        "cgroup",
        "cgroup2",
        "securityfs",
        "debugfs",
        "tracefs",
        "configfs",
        "mqueue",
        "hugetlbfs",
        "bpf",
        "binfmt_misc",
        "pstore",
        "efivarfs",
        "fusectl",
        "usbfs",
        "autofs",
    ];
    const NETWORK: &[&str] = &[
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ceph",
        "glusterfs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "sshfs",
        "davfs",
        "9p",
        "virtiofs",
        "afs",
        "lustre",
        "fuse.s3fs",
        "fuse.rclone",
        "beegfs",
        "ncpfs",
        "coda",
    ];
    let kind = std::str::from_utf8(&line.kind).unwrap_or_default();
    if kind == "swap" {
        Some("swap space")
    } else if MEMORY.contains(&kind) {
        Some("in the host's memory, not on a disk")
    } else if NETWORK.contains(&kind)
        || line.device.starts_with(b"//")
        || line.device.windows(2).any(|two| two == b":/")
    {
        Some("on the network, not part of the images")
    } else {
        None
    }
}

/// Why the line is not followed, although it names something of the host.
fn not_followed(line: &FstabLine) -> Option<String> {
    let device = visible(&line.device);
    if line.has("bind") || line.has("rbind") {
        return Some(format!("bind mounts are not followed; look at {device}"));
    }
    if line.kind == b"overlay" {
        return Some("overlays are not followed".to_owned());
    }
    if line.device.starts_with(b"/") && !line.device.starts_with(b"/dev/") {
        return Some(format!("{device} is a file with a filesystem in it, which is not followed"));
    }
    None
}
