//! The volumes of the images, for people and for programs.

use crate::console::Paint;
use crate::failure::harmless;
use kanshiki_filesystem::{JournalUse, OpenOptions, Summary};
use kanshiki_image::volumes::{Refusal, Volume, VolumeGroup, VolumeKind, VolumeSet};
use kanshiki_model::{FileTime, Issue, Size};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The volumes, with what their filesystems say of themselves.
pub(super) struct Volumes {
    pub(super) set: VolumeSet,
    /// By the index of the volume. The journal is not replayed for this.
    summaries: BTreeMap<usize, Summary>,
    /// What was found when filesystems were opened.
    pub(super) issues: Vec<Issue>,
}

impl Volumes {
    /// Opens the filesystems of all volumes.
    pub(super) fn open(set: VolumeSet) -> Self {
        let mut volumes = Self { set, summaries: BTreeMap::new(), issues: Vec::new() };
        let options = OpenOptions { journal: JournalUse::Ignore };
        for (index, volume) in volumes.set.volumes().iter().enumerate() {
            // A filesystem that has lost its first superblock shows no signature, and opens all the same.
            let is_worth_trying = matches!(volume.refusal, None | Some(Refusal::Unknown));
            let Some(source) = volume.source.as_ref().filter(|_| is_worth_trying) else { continue };
            match kanshiki_filesystem::open(source.clone(), &options) {
                Ok(filesystem) => {
                    volumes.issues.extend(filesystem.issues().iter().map(|issue| of_volume(volume, issue)));
                    volumes.summaries.insert(index, filesystem.summary());
                }
                Err(_) if volume.refusal.is_some() => {}
                Err(error) => volumes.issues.push(error.issue(&subject(volume))),
            }
        }
        volumes
    }

    /// Leaves one volume alone.
    pub(super) fn retain(&mut self, index: usize) -> Vec<usize> {
        self.summaries.retain(|other, _| *other == index);
        vec![index]
    }

    /// All volumes, or those of `which`, as lines.
    pub(super) fn text(&self, which: &[usize], paint: Paint) -> String {
        let mut text = String::new();
        for group in self.set.groups() {
            text.push_str(&harmless(&group_line(group)));
            text.push('\n');
        }
        if which.is_empty() {
            return text;
        }
        text.push_str(&format!("{:<20}  {:>10}  holds\n", "volume", "size"));
        for index in which {
            let Some(volume) = self.set.volumes().get(*index) else { continue };
            let lines = self.lines(*index, volume);
            let name = if volume.name.is_empty() { "(whole image)" } else { &volume.name };
            let size = Size(volume.bytes).short();
            for (at, line) in lines.iter().enumerate() {
                let (name, size) = if at == 0 { (name, size.as_str()) } else { ("", "") };
                let name = harmless(&format!("{name:<20}"));
                let name = if at == 0 { paint.strong(&name) } else { name };
                text.push_str(&format!("{name}  {size:>10}  {}\n", harmless(line)));
            }
        }
        text
    }

    fn lines(&self, index: usize, volume: &Volume) -> Vec<String> {
        let mut lines = Vec::new();
        match (self.summaries.get(&index), &volume.refusal) {
            (Some(summary), _) => lines.extend(summary_lines(summary)),
            (None, Some(refusal @ Refusal::Holds { .. })) => lines.push(refusal.to_string()),
            (None, Some(refusal)) => {
                lines.push(format!("cannot be browsed: {refusal}"));
                lines.extend(volume.signatures.iter().map(ToString::to_string));
            }
            (None, None) => lines.extend(volume.signatures.iter().map(|it| format!("{it}: cannot be opened"))),
        }
        match &volume.kind {
            VolumeKind::LogicalVolume(logical) => {
                let hidden = if logical.is_hidden { ", hidden" } else { "" };
                let made = said("made", logical.created, logical.created_on.as_ref().map(|host| format!("by {host}")));
                lines.push(format!("logical volume {}, {}{hidden}{made}", logical.uuid, logical.layout));
            }
            VolumeKind::Array(array) => {
                let made = said("made", array.created, None);
                let written = said("superblock written", array.updated, None);
                let (uuid, level, count) = (&array.uuid, &array.level, volume.lies_on.len());
                let devices = array.devices;
                lines.push(format!("array {uuid}, {level}, {count} of {devices} members here{made}{written}"));
            }
            _ => {}
        }
        if volume.source.as_ref().is_some_and(|source| source.len() < volume.bytes) {
            let there = volume.source.as_ref().map_or(0, |source| source.len());
            lines.push(format!("only {} of it are there", Size(there)));
        }
        lines
    }

    /// The volumes for programs.
    pub(super) fn json(&self, which: &[usize]) -> Value {
        let one = |index: &usize| Some(self.volume_json(*index, self.set.volumes().get(*index)?));
        which.iter().filter_map(one).collect()
    }

    fn volume_json(&self, index: usize, volume: &Volume) -> Value {
        let name = |index: &usize| self.set.volumes().get(*index).map(|volume| volume.name.as_str());
        let refusal = volume.refusal.as_ref().filter(|_| !self.summaries.contains_key(&index));
        let mut object = json!({
            "name": volume.name,
            "kind": kind(&volume.kind),
            "image": volume.image,
            "lies_on": volume.lies_on.iter().filter_map(name).collect::<Vec<_>>(),
            "bytes": volume.bytes,
            "bytes_there": volume.source.as_ref().map(|source| source.len()),
            "browsable": self.summaries.contains_key(&index),
            "reason": refusal.map(ToString::to_string),
            "signatures": volume.signatures,
            "filesystem": self.summaries.get(&index).map(summary_json),
        });
        match &volume.kind {
            VolumeKind::Partition(partition) => object["partition"] = json!(partition),
            VolumeKind::LogicalVolume(logical) => {
                object["logical_volume"] = json!({
                    "group": logical.group,
                    "name": logical.name,
                    "uuid": logical.uuid,
                    "layout": logical.layout,
                    "hidden": logical.is_hidden,
                    "created": logical.created,
                    "created_on": logical.created_on,
                });
            }
            VolumeKind::Array(array) => {
                object["array"] = json!({
                    "number": array.number,
                    "name": array.name,
                    "uuid": array.uuid,
                    "level": array.level,
                    "devices": array.devices,
                    "created": array.created,
                    "updated": array.updated,
                });
            }
            _ => {}
        }
        object
    }

    /// The volume groups for programs.
    pub(super) fn groups_json(&self) -> Value {
        let name = |index: usize| self.set.volumes().get(index).map(|volume| volume.name.as_str());
        let physical = |group: &VolumeGroup| -> Value {
            let one = |it: &(String, Option<String>, Option<usize>)| json!({ "uuid": it.0, "device": it.1, "volume": it.2.and_then(name) });
            group.physical.iter().map(one).collect()
        };
        let one = |group: &VolumeGroup| {
            json!({
                "name": group.name, "uuid": group.uuid, "sequence": group.sequence, "physical_volumes": physical(group),
            })
        };
        self.set.groups().iter().map(one).collect()
    }
}

fn subject(volume: &Volume) -> String {
    if volume.name.is_empty() { "image".to_owned() } else { format!("volume {}", volume.name) }
}

fn of_volume(volume: &Volume, issue: &Issue) -> Issue {
    Issue { subject: format!("{}, {}", subject(volume), issue.subject), ..issue.clone() }
}

const fn kind(kind: &VolumeKind) -> &'static str {
    match kind {
        VolumeKind::Image => "image",
        VolumeKind::Partition(_) => "partition",
        VolumeKind::LogicalVolume(_) => "logical-volume",
        VolumeKind::Array(_) => "array",
        _ => "other",
    }
}

fn group_line(group: &VolumeGroup) -> String {
    let here = group.physical.iter().filter(|(_, _, volume)| volume.is_some()).count();
    let (name, uuid, all) = (&group.name, &group.uuid, group.physical.len());
    format!("volume group: {name} {uuid}, change {}, {here} of {all} physical volumes here", group.sequence)
}

/// `, made 2026-… by web`; nothing if neither is known.
fn said(what: &str, time: Option<FileTime>, more: Option<String>) -> String {
    if time.is_none() && more.is_none() {
        return String::new();
    }
    let time = time.map(|time| format!(" {time}")).unwrap_or_default();
    let more = more.map(|more| format!(" {more}")).unwrap_or_default();
    format!(", {what}{time}{more}")
}

fn summary_lines(summary: &Summary) -> Vec<String> {
    let label = if summary.label.is_empty() { String::new() } else { format!(" \"{}\"", summary.label) };
    let uuid = summary.uuid.as_ref().map(|uuid| format!(" {uuid}")).unwrap_or_default();
    let size = Size(summary.blocks.saturating_mul(summary.block_bytes)).short();
    let free = Size(summary.free_blocks.saturating_mul(summary.block_bytes)).short();
    let used = summary.inodes.saturating_sub(summary.free_inodes);
    let place = summary.last_mounted_on.as_ref().map(|place| format!("on {place}"));
    let times = [
        said("created", summary.created, None),
        said("last mounted", summary.mounted, place),
        said("last written", summary.written, None),
    ];
    let before = if summary.counts_before_replay() { ", before the journal is replayed" } else { "" };
    let mut lines = vec![
        format!("{}{label}{uuid}, {size}, {free} free, {used} inodes in use{before}", summary.kind),
        format!("{}{}", summary.state, times.concat()),
    ];
    if !summary.features.is_empty() {
        lines.push(format!("features: {}", summary.features.join(" ")));
    }
    lines
}

fn summary_json(summary: &Summary) -> Value {
    let details: serde_json::Map<String, Value> =
        summary.details.iter().map(|detail| (detail.name.to_owned(), detail.value.clone().into())).collect();
    json!({
        "kind": summary.kind,
        "label": summary.label,
        "uuid": summary.uuid,
        "block_bytes": summary.block_bytes,
        "blocks": summary.blocks,
        "free_blocks": summary.free_blocks,
        "inodes": summary.inodes,
        "free_inodes": summary.free_inodes,
        "last_mounted_on": summary.last_mounted_on,
        "created": summary.created,
        "mounted": summary.mounted,
        "written": summary.written,
        "state": summary.state,
        "features": summary.features,
        "before_replay": summary.counts_before_replay(),
        "details": details,
    })
}
