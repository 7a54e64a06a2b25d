//! LVM2: groups of physical volumes, and the logical volumes that lie on them.

mod group;
mod label;
mod text;

use super::mapped::{Absent, Striped, Zeroes, part};
use super::mapping::{Mapping, Run, Spot};
use super::name::subject;
use super::{Area, LogicalVolume, Refusal};
use crate::{Concat, ReadAt, Source};
use group::{Group, Logical, Segment, SegmentKind};
use kanshiki_model::Issue;
use label::Label;
pub(super) use label::Texts;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A volume group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeGroup {
    /// Its name, made visible.
    pub name: String,
    /// Its UUID as LVM writes it.
    pub uuid: String,
    /// The number of its last change.
    pub sequence: u64,
    /// Its physical volumes: the UUID, the device that it was, and the volume, as its index in
    /// [`VolumeSet::volumes`](super::VolumeSet::volumes), if it is among the images.
    pub physical: Vec<(String, Option<String>, Option<usize>)>,
}

/// A physical volume that was found.
#[derive(Debug, Clone)]
pub(super) struct PhysicalVolume {
    /// Its index among the volumes.
    index: usize,
    name: String,
    source: Source,
    label: Label,
}

/// What the group says of a physical volume that was found.
#[derive(Debug, Default)]
pub(super) struct Holder {
    /// The group's name; `None` if it belongs to none.
    pub(super) group: Option<String>,
    /// The bytes that the group divides into extents.
    pub(super) extents: Option<Area>,
}

impl PhysicalVolume {
    /// What lies on it beside the extents.
    pub(super) fn areas(&self) -> &[Area] {
        &self.label.areas
    }

    /// Reads the label of a volume; `None` without one.
    pub(super) fn read(
        index: usize,
        name: &str,
        source: &Source,
        known: &mut Texts,
        issues: &mut Vec<Issue>,
    ) -> Option<Self> {
        let label = label::read(source.as_ref(), &subject(name), known, issues)?;
        Some(Self { index, name: name.to_owned(), source: Arc::clone(source), label })
    }
}

/// A logical volume that was put together, or could not be.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) kind: LogicalVolume,
    pub(super) lies_on: Vec<usize>,
    pub(super) bytes: u64,
    /// The bytes, or why there are none.
    pub(super) source: Result<Source, Refusal>,
    /// Where they lie, also of those that cannot be given.
    pub(super) mapping: Mapping,
    /// Why it cannot be browsed, although there are bytes.
    pub(super) refusal: Option<Refusal>,
    /// Why some of its bytes are not there.
    pub(super) lacking: Option<String>,
}

/// What the physical volumes make together.
#[derive(Debug, Default)]
pub(super) struct Assembled {
    pub(super) groups: Vec<VolumeGroup>,
    pub(super) logical: Vec<Made>,
    /// What each physical volume is to its group, by its index.
    pub(super) holders: BTreeMap<usize, Holder>,
}

/// Puts groups together out of all physical volumes.
pub(super) fn assemble(volumes: &[PhysicalVolume], issues: &mut Vec<Issue>) -> Assembled {
    let mut by_identifier: HashMap<&str, &PhysicalVolume> = HashMap::new();
    for volume in volumes {
        if let Some(first) = by_identifier.get(volume.label.identifier.as_str()) {
            let message = format!("the same physical volume of LVM2 as in {}, which is used", subject(&first.name));
            issues.push(Issue::new(subject(&volume.name), message));
        } else {
            by_identifier.insert(&volume.label.identifier, volume);
        }
    }
    let holders = volumes.iter().map(|volume| (volume.index, Holder::default())).collect();
    let mut assembled = Assembled { holders, ..Assembled::default() };
    for group in groups(volumes, issues) {
        let found = |identifier: &str| by_identifier.get(identifier).copied();
        let physical = group.physical.iter().map(|it| {
            let volume = found(&it.identifier()).map(|volume| volume.index);
            (it.uuid.clone(), it.device.clone(), volume)
        });
        let physical: Vec<_> = physical.collect();
        for ((uuid, device, volume), known) in physical.iter().zip(&group.physical) {
            match volume {
                Some(index) => {
                    let holder = assembled.holders.entry(*index).or_default();
                    if holder.group.is_none() {
                        holder.group = Some(group.name.clone());
                        holder.extents = known.extents().map(|range| Area::extents(range, group.extent_bytes));
                    }
                }
                None => {
                    let device = device.as_ref().map(|device| format!(" (once {device})")).unwrap_or_default();
                    let message = format!("its physical volume {uuid}{device} is not among the images");
                    issues.push(Issue::new(format!("volume group {}", group.name), message));
                }
            }
        }
        let maker = Maker::new(&group, &found);
        assembled.logical.extend(group.logical.iter().filter_map(|logical| maker.make(logical)));
        let (name, uuid) = (group.name.clone(), group.uuid.clone());
        assembled.groups.push(VolumeGroup { name, uuid, sequence: group.sequence, physical });
    }
    assembled
}

/// What a text says, and what is wrong with it.
struct Parsed {
    group: Option<Arc<Group>>,
    trouble: Option<String>,
}

impl Parsed {
    fn of(text: &[u8]) -> Self {
        let (group, trouble) = Group::parse(text);
        Self { group: group.map(Arc::new), trouble }
    }
}

/// A copy of a group's metadata on a physical volume.
struct TextCopy<'a> {
    volume: &'a PhysicalVolume,
    offset: u64,
    /// Whether its checksum is right and all of it makes sense.
    is_whole: bool,
    group: Arc<Group>,
}

/// The newest copy of each group's metadata: one with a right checksum before others, of those the one with the highest
/// number. Copies that differ are told.
fn groups(volumes: &[PhysicalVolume], issues: &mut Vec<Issue>) -> Vec<Arc<Group>> {
    let mut parsed: HashMap<&[u8], Parsed> = HashMap::new();
    let mut by_uuid: BTreeMap<String, Vec<TextCopy<'_>>> = BTreeMap::new();
    for volume in volumes {
        for text in &volume.label.texts {
            let Parsed { group, trouble } = parsed.entry(&text.bytes).or_insert_with(|| Parsed::of(&text.bytes));
            if let Some(trouble) = trouble {
                let message = format!("metadata of LVM2 at byte {}: {trouble}", text.offset);
                issues.push(Issue::new(subject(&volume.name), message));
            }
            let Some(group) = group.clone() else { continue };
            let copy = TextCopy { volume, offset: text.offset, is_whole: text.holds && trouble.is_none(), group };
            by_uuid.entry(copy.group.uuid.clone()).or_default().push(copy);
        }
    }
    let mut groups = Vec::new();
    for copies in by_uuid.into_values() {
        let Some(newest) = copies.iter().rev().max_by_key(|copy| (copy.is_whole, copy.group.sequence)) else {
            continue;
        };
        let sequence = newest.group.sequence;
        for copy in copies.iter().filter(|copy| copy.is_whole && copy.group.sequence != sequence) {
            let (offset, own, name) = (copy.offset, copy.group.sequence, &copy.group.name);
            let message = format!(
                "metadata of LVM2 at byte {offset}: change {own} of the group {name}, of which there is {sequence}"
            );
            issues.push(Issue::new(subject(&copy.volume.name), message));
        }
        groups.push(Arc::clone(&newest.group));
    }
    groups.sort_by(|a, b| (&a.name, &a.uuid).cmp(&(&b.name, &b.uuid)));
    groups
}

/// Puts the logical volumes of a group together.
struct Maker<'a> {
    group: &'a Group,
    /// The physical volumes by the name that segments use: what was found, and what to say if nothing was.
    physical: HashMap<&'a str, (Option<&'a PhysicalVolume>, Arc<str>)>,
    /// Which logical volumes keep the changes since a snapshot, and of what.
    stores: HashMap<&'a str, &'a str>,
    /// Which logical volume others are parts of, and its type.
    wholes: HashMap<&'a str, (&'a str, &'a str)>,
}

impl<'a> Maker<'a> {
    fn new(group: &'a Group, found: &dyn Fn(&str) -> Option<&'a PhysicalVolume>) -> Self {
        let mut maker = Self { group, physical: HashMap::new(), stores: HashMap::new(), wholes: HashMap::new() };
        for it in &group.physical {
            let reason = format!("they lie on the physical volume {}, which is not among the images", it.uuid);
            maker.physical.insert(&it.key, (found(&it.identifier()), reason.into()));
        }
        for logical in &group.logical {
            let kind = logical.segments.first().map_or("", |segment| type_name(&segment.kind));
            for segment in &logical.segments {
                if let SegmentKind::Snapshot { origin, store } = &segment.kind {
                    maker.stores.insert(store, origin);
                }
            }
            if kind != "snapshot" {
                maker.wholes.extend(logical.parts.iter().map(|part| (part.as_str(), (logical.name.as_str(), kind))));
            }
        }
        maker
    }

    /// `None` for what is no volume of its own but a note about others.
    fn make(&self, logical: &'a Logical) -> Option<Made> {
        let is_note = |segment: &Segment| matches!(segment.kind, SegmentKind::Snapshot { .. });
        if !logical.segments.is_empty() && logical.segments.iter().all(is_note) {
            return None;
        }
        let end = logical.segments.iter().map(|segment| segment.start.saturating_add(segment.bytes)).max();
        let mut lies_on = BTreeSet::new();
        let mut lacking = logical.damage.clone();
        let source = match self.unsupported(logical) {
            Some(refusal) => Err(refusal),
            None => Ok(self.join(logical, &mut lies_on, &mut lacking)),
        };
        let mapping = self.mapping(logical);
        let layouts: BTreeSet<String> = logical.segments.iter().map(|segment| layout(&segment.kind)).collect();
        Some(Made {
            kind: LogicalVolume {
                group: self.group.name.clone(),
                name: logical.name.clone(),
                uuid: logical.uuid.clone(),
                is_hidden: !logical.is_visible && !self.stores.contains_key(logical.name.as_str()),
                created: logical.created,
                created_on: logical.created_on.clone(),
                layout: layouts.into_iter().collect::<Vec<_>>().join(", "),
            },
            lies_on: lies_on.into_iter().collect(),
            bytes: end.unwrap_or(0),
            source,
            mapping,
            refusal: self.part_of(logical),
            lacking,
        })
    }

    /// Why a volume is not put together, if it is of a kind that is known by name only.
    fn unsupported(&self, logical: &Logical) -> Option<Refusal> {
        let of = |name: &str| format!("{}/{name}", self.group.name);
        if let Some(origin) = self.stores.get(logical.name.as_str()) {
            let what = format!("a snapshot of `{}` is", of(origin));
            let detail = "; what it was taken of can be looked at as it is now".to_owned();
            return Some(Refusal::Unsupported { what, detail });
        }
        let kind = logical.segments.iter().find_map(|segment| match &segment.kind {
            SegmentKind::Other(kind) => Some(kind.as_str()),
            _ => None,
        })?;
        let copy = logical.parts.iter().find(|part| part.contains("_rimage_") || part.contains("_mimage_"));
        let copy = copy.filter(|_| matches!(kind, "raid1" | "mirror"));
        let detail =
            copy.map(|copy| format!("; its first copy can be looked at as `{}`", of(copy))).unwrap_or_default();
        Some(Refusal::Unsupported { what: format!("a logical volume of the type {kind} is"), detail })
    }

    /// Why a volume that is a part of another is not looked at by itself; whole copies are.
    fn part_of(&self, logical: &Logical) -> Option<Refusal> {
        let (whole, kind) = self.wholes.get(logical.name.as_str())?;
        let is_copy = matches!(*kind, "raid1" | "mirror") && logical.name.contains("image_");
        (!logical.is_visible && !is_copy).then(|| Refusal::Holds {
            what: format!("part of the logical volume `{}/{whole}` ({kind})", self.group.name),
        })
    }

    /// The bytes of the segments, one after the other.
    fn join(&self, logical: &Logical, lies_on: &mut BTreeSet<usize>, lacking: &mut Option<String>) -> Source {
        let mut parts: Vec<Source> = Vec::new();
        let mut at = 0_u64;
        for segment in &logical.segments {
            if segment.start > at {
                let reason = lacking.get_or_insert_with(|| format!("no segment holds its bytes from {at} on"));
                let bytes = segment.start.saturating_sub(at);
                parts.push(Arc::new(Absent { bytes, reason: reason.as_str().into() }));
            } else if segment.start < at {
                lacking.get_or_insert_with(|| format!("two segments hold its bytes from {} on", segment.start));
                continue;
            }
            parts.push(self.segment(segment, lies_on, lacking));
            at = segment.start.saturating_add(segment.bytes);
        }
        Arc::new(Concat::new(parts))
    }

    /// Where the bytes of the segments lie.
    fn mapping(&self, logical: &Logical) -> Mapping {
        let mut at = 0_u64;
        let mut runs = Vec::new();
        for segment in logical.segments.iter().filter(|segment| segment.bytes > 0) {
            // The second of two segments that hold the same bytes is not read.
            if segment.start < at {
                continue;
            }
            at = segment.start.saturating_add(segment.bytes);
            let (start, bytes) = (segment.start, segment.bytes);
            runs.push(match &segment.kind {
                SegmentKind::Striped { chunk_bytes, stripes } => {
                    let spot = |(key, offset): &(String, u64)| {
                        let volume = self.physical.get(key.as_str()).and_then(|(volume, _)| *volume)?;
                        Some(Spot { volume: volume.index, offset: *offset })
                    };
                    Run { start, bytes, chunk_bytes: *chunk_bytes, stripes: stripes.iter().map(spot).collect() }
                }
                _ => Run::linear(start, bytes, None),
            });
        }
        Mapping { runs, copies: Vec::new() }
    }

    fn segment(&self, segment: &Segment, lies_on: &mut BTreeSet<usize>, lacking: &mut Option<String>) -> Source {
        let bytes = segment.bytes;
        let (chunk_bytes, stripes) = match &segment.kind {
            SegmentKind::Striped { chunk_bytes, stripes } => (*chunk_bytes, stripes),
            SegmentKind::Zero => return Arc::new(Zeroes(bytes)),
            _ => return Arc::new(Absent { bytes, reason: "the host kept them from being read".into() }),
        };
        let each = bytes.checked_div(crate::bytes::length(stripes.len())).unwrap_or(0);
        let sources = stripes.iter().map(|(key, start)| self.stripe(key, *start, each, lies_on, lacking));
        let mut sources: Vec<Source> = sources.collect();
        match (sources.len(), sources.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                sources.extend(last);
                let striped = Striped::new(sources, chunk_bytes).filter(|striped| striped.len() == bytes);
                match striped {
                    Some(striped) => Arc::new(striped),
                    None => Arc::new(Absent { bytes, reason: "their stripes do not fit together".into() }),
                }
            }
        }
    }

    /// The bytes of a segment on one physical volume.
    fn stripe(
        &self,
        key: &str,
        start: u64,
        bytes: u64,
        lies_on: &mut BTreeSet<usize>,
        lacking: &mut Option<String>,
    ) -> Source {
        let (found, reason) = match self.physical.get(key) {
            Some((found, reason)) => (*found, Arc::clone(reason)),
            None => (None, format!("they lie on a physical volume `{key}` that the group does not list").into()),
        };
        let Some(volume) = found else {
            lacking.get_or_insert_with(|| reason.replacen("they lie", "some of its bytes lie", 1));
            return Arc::new(Absent { bytes, reason });
        };
        lies_on.insert(volume.index);
        if start.saturating_add(bytes) > volume.source.len() {
            lacking.get_or_insert_with(|| format!("some of its bytes lie past the end of {}", subject(&volume.name)));
        }
        part(&volume.source, start, bytes, || format!("they lie past the end of {}", subject(&volume.name)))
    }
}

fn type_name(kind: &SegmentKind) -> &str {
    match kind {
        SegmentKind::Striped { stripes, .. } if stripes.len() > 1 => "striped",
        SegmentKind::Striped { .. } => "linear",
        SegmentKind::Zero => "zero",
        SegmentKind::Error => "error",
        SegmentKind::Snapshot { .. } => "snapshot",
        SegmentKind::Other(name) => name,
    }
}

fn layout(kind: &SegmentKind) -> String {
    match kind {
        SegmentKind::Striped { stripes, .. } if stripes.len() > 1 => format!("striped over {}", stripes.len()),
        other => type_name(other).to_owned(),
    }
}
