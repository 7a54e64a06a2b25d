//! The volumes of a host put together as the host had them: its root, and what its `/etc/fstab` hangs where.
//!
//! ```text
//! VolumeSet ─▶ open all that can be browsed ─▶ choose the root ─▶ /etc/fstab ─▶ which volume is which device ─▶ View
//! ```
//!
//! What the host had in its tree at boot and what is not there is an issue of the view, and so is a volume that is damaged.
//! Volumes that were never in the tree, or cannot be browsed, are notes. All can be asked for by the name of the volume.

mod builder;
mod device;
mod fstab;
mod identity;
mod line;
mod root;
#[cfg(test)]
mod tests;

pub use fstab::{FstabLine, parse as parse_fstab};

use crate::{FileSystem, FsError, View, Volume};
use builder::Builder;
use device::{Device, Disks};
use identity::{Identified, is_hidden};
use kanshiki_image::Source;
use kanshiki_image::volumes::{Refusal, Volume as Found, VolumeSet};
use kanshiki_model::{EvidencePath, visible};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The volume that a device of `/etc/fstab`, or of the kernel's command line, was: by UUID, label, the names of logical
/// volumes and arrays, and, for names such as `/dev/sdb1`, by the order of the images. The index of the volume in the set.
///
/// # Errors
///
/// The reason, in words, if there is no such volume or it cannot be told.
pub fn volume_of(device: &[u8], set: &VolumeSet) -> Result<usize, String> {
    Disks::default().resolve(&Device::parse(device), &Identified::of(set))
}

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
    /// Whether the tree lacks something that the host had in it at boot.
    pub is_gap: bool,
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
        /// How many of them could be opened.
        opened: usize,
    },
    /// Several volumes look like the root of a host, and nothing tells which is the one.
    #[error("several volumes look like the root of a host: {}", names(.roots))]
    ManyRoots {
        /// The volumes that look most like one.
        roots: Vec<String>,
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

fn names(roots: &[String]) -> String {
    let names: Vec<String> = roots.iter().map(|name| shown(name)).collect();
    names.join(", ")
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

/// The view of one volume.
///
/// # Errors
///
/// [`ViewError`].
pub fn volume_view(set: &VolumeSet, name: &str, open: Opener<'_>) -> Result<View, ViewError> {
    let Some(volume) = set.find(name) else {
        return Err(ViewError::NoVolume { name: visible(name.as_bytes()), volumes: Identified::of(set).contents() });
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
/// is taken, if no other looks like one just as much. A single volume that can be browsed is shown as it is, even if it is
/// no root.
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
    let mut volumes = Identified::of(set);
    for (index, volume) in set.volumes().iter().enumerate() {
        let Some(source) = volume.source.as_ref().filter(|_| is_worth_trying(volume) && !is_hidden(volume)) else {
            continue;
        };
        match open(source) {
            Ok(filesystem) => {
                volumes.add(index, filesystem.as_ref());
                candidates.push(Candidate { index, filesystem });
            }
            Err(FsError::Unsupported { inode: None, .. }) if volume.refusal.is_some() => {}
            Err(error) => {
                issues.insert(index, error.issue(&shown(&volume.name)));
            }
        }
    }
    let evidence: Vec<root::Evidence> = candidates.iter().map(|candidate| root::look(candidate, &volumes)).collect();
    let chosen = choose(&volumes, root, &candidates, &evidence)?;
    Ok(Builder::new(&volumes, &candidates, chosen, root.is_some(), issues).build(evidence))
}

/// The candidate to take as the root, as its index among them.
fn choose(
    volumes: &Identified<'_>,
    root: Option<&str>,
    candidates: &[Candidate],
    evidence: &[root::Evidence],
) -> Result<usize, ViewError> {
    let set = volumes.set;
    let none = || ViewError::NoRoot { volumes: volumes.contents(), opened: candidates.len() };
    if let Some(name) = root {
        let index = set.position(name).ok_or_else(none)?;
        return candidates.iter().position(|candidate| candidate.index == index).ok_or_else(none);
    }
    let Some(best) = evidence.iter().map(|evidence| evidence.score).max().filter(|score| *score > 0) else {
        return if candidates.len() == 1 { Ok(0) } else { Err(none()) };
    };
    let roots: Vec<usize> =
        (0..).zip(evidence).filter(|(_, evidence)| evidence.score == best).map(|(index, _)| index).collect();
    let name = |root: &usize| Some(set.volumes().get(candidates.get(*root)?.index)?.name.clone());
    match roots.as_slice() {
        [root] => Ok(*root),
        _ => Err(ViewError::ManyRoots { roots: roots.iter().filter_map(name).collect() }),
    }
}
