//! What a volume is known by: label and UUID.

use crate::{FileSystem, Summary};
use kanshiki_image::volumes::{Volume, VolumeSet};
use std::collections::HashMap;

/// The volumes of the images with what each is known by. What a filesystem that could be opened says of itself decides:
/// that may come from a copy of a superblock that is broken, or out of the journal. Of the others their signatures tell.
#[derive(Debug)]
pub(super) struct Identified<'a> {
    pub(super) set: &'a VolumeSet,
    /// By the index of the volume.
    opened: HashMap<usize, Opened>,
}

#[derive(Debug)]
struct Opened {
    kind: &'static str,
    label: String,
    uuid: Option<String>,
}

impl<'a> Identified<'a> {
    /// The volumes, none of them opened.
    pub(super) fn of(set: &'a VolumeSet) -> Self {
        Self { set, opened: HashMap::new() }
    }

    /// Takes note of a filesystem that was opened.
    pub(super) fn add(&mut self, index: usize, filesystem: &dyn FileSystem) {
        let Summary { kind, label, uuid, .. } = filesystem.summary();
        self.opened.insert(index, Opened { kind, label, uuid });
    }

    /// The volume whose filesystem has this label.
    pub(super) fn labelled(&self, label: &str) -> Option<usize> {
        self.choose(&|index, volume| match self.opened.get(&index) {
            Some(opened) => opened.label == label,
            None => volume.signatures.iter().any(|it| it.label.as_deref() == Some(label)),
        })
    }

    /// The volume whose filesystem has this UUID, in capitals or not.
    pub(super) fn with_uuid(&self, uuid: &str) -> Option<usize> {
        self.choose(&|index, volume| match self.opened.get(&index) {
            Some(opened) => same(opened.uuid.as_deref(), uuid),
            None => volume.signatures.iter().any(|it| same(it.uuid.as_deref(), uuid)),
        })
    }

    /// The volume that fits: one that the host showed before its parts, one that can be browsed before others, one whose
    /// superblock is whole, the first of those that are alike.
    pub(super) fn choose(&self, fits: &dyn Fn(usize, &Volume) -> bool) -> Option<usize> {
        let fitting = self.set.volumes().iter().enumerate().filter(|(index, volume)| fits(*index, volume));
        let rank = |index: usize, volume: &Volume| {
            let is_refused = volume.refusal.is_some();
            (is_hidden(volume), is_refused && !self.opened.contains_key(&index), is_refused)
        };
        fitting.min_by_key(|(index, volume)| rank(*index, volume)).map(|(index, _)| index)
    }

    /// Each volume with what it holds, or why it cannot be browsed.
    pub(super) fn contents(&self) -> Vec<(String, String)> {
        let what = |index: usize, volume: &Volume| match (self.opened.get(&index), &volume.refusal) {
            (Some(opened), Some(_)) => opened.shown(),
            (None, Some(refusal)) => refusal.to_string(),
            (_, None) => volume.filesystem().map_or_else(|| "nothing known lies there".to_owned(), ToString::to_string),
        };
        let volumes = self.set.volumes().iter().enumerate();
        volumes.map(|(index, volume)| (volume.name.clone(), what(index, volume))).collect()
    }
}

impl Opened {
    /// As a signature is shown.
    fn shown(&self) -> String {
        let label = if self.label.is_empty() { String::new() } else { format!(" \"{}\"", self.label) };
        let uuid = self.uuid.as_ref().map(|uuid| format!(" {uuid}")).unwrap_or_default();
        format!("{}{label}{uuid}", self.kind)
    }
}

/// Whether two UUIDs are the same.
pub(super) fn same(uuid: Option<&str>, wanted: &str) -> bool {
    uuid.is_some_and(|uuid| uuid.eq_ignore_ascii_case(wanted))
}

/// Whether the host showed this volume to nobody.
pub(super) fn is_hidden(volume: &Volume) -> bool {
    volume.logical_volume().is_some_and(|logical| logical.is_hidden)
}
