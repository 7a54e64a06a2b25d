//! Finds the volumes, in rounds: what lies in partitions first, then what several of them make together.

use super::lvm::{self, PhysicalVolume, Texts};
use super::mapping::Mapping;
use super::md::{self, Member};
use super::name::{self, Names};
use super::{Area, Image, MAX_DEPTH, MAX_VOLUMES, Refusal, Volume, VolumeKind, VolumeSet, refusal};
use crate::layout::{self, Layout, Partition, Role, Scheme};
use crate::signature::{self, Signature, SignatureKind};
use crate::{Source, Window};
use kanshiki_model::{ByteRange, Issue};
use std::sync::Arc;

pub(super) fn probe(images: Vec<Image>) -> VolumeSet {
    let mut builder = Builder::default();
    for (index, image) in images.into_iter().enumerate() {
        builder.add_image(index, image);
    }
    // What several volumes make together may hold the like again. The depth ends this.
    while builder.assemble() {}
    builder.set
}

/// The volumes found so far.
#[derive(Debug, Default)]
struct Builder {
    set: VolumeSet,
    names: Names,
    is_full: bool,
    /// Members of arrays that wait to be put together with others.
    members: Vec<Member>,
    /// Physical volumes that wait to be put together with others.
    physical: Vec<PhysicalVolume>,
    texts: Texts,
}

/// What a new volume is, before it has its name for sure.
struct Found {
    name: String,
    kind: VolumeKind,
    image: usize,
    lies_on: Vec<usize>,
    bytes: u64,
    source: Option<Source>,
    mapping: Mapping,
    /// `None` if nobody has looked yet.
    signatures: Option<Vec<Signature>>,
}

impl Builder {
    fn add_image(&mut self, index: usize, image: Image) {
        let layout = layout::probe(image.source.as_ref(), image.sector_bytes);
        let name = name::of_image(index);
        let signatures = without_remains(&layout.signatures, Some(&layout), &name, &mut self.set.issues);
        let is_member = signatures.iter().any(|signature| signature.kind == SignatureKind::MdRaid);
        let has_partitions = layout.scheme != Scheme::None && !is_member;
        if !has_partitions || !signatures.is_empty() {
            let added = self.add(Found {
                name: name.clone(),
                kind: VolumeKind::Image,
                image: index,
                lies_on: Vec::new(),
                bytes: image.source.len(),
                source: Some(Arc::clone(&image.source)),
                mapping: Mapping::default(),
                signatures: Some(signatures),
            });
            if let Some(added) = added.filter(|_| !has_partitions) {
                self.look_into(added);
            }
        }
        if has_partitions {
            self.add_partitions(&name, &layout, index, &image.source, &[]);
        }
        self.set.layouts.push(layout);
    }

    fn add_partitions(&mut self, parent: &str, layout: &Layout, image: usize, source: &Source, lies_on: &[usize]) {
        for partition in layout.partitions.iter().filter(|partition| partition.role != Role::Extended) {
            let window = Window::new(Arc::clone(source), partition.range);
            let Some(index) = self.add(Found {
                name: name::of_partition(parent, partition.number),
                kind: VolumeKind::Partition(Box::new(Partition { signatures: Vec::new(), ..partition.clone() })),
                image,
                lies_on: lies_on.to_vec(),
                bytes: partition.range.len(),
                source: Some(Arc::new(window)),
                mapping: Mapping::default(),
                signatures: Some(partition.signatures.clone()),
            }) else {
                return;
            };
            self.look_into(index);
        }
    }

    /// Lists a volume; `None` if there are too many.
    fn add(&mut self, found: Found) -> Option<usize> {
        if self.set.volumes.len() >= MAX_VOLUMES {
            if !self.is_full {
                let message = format!("more than {MAX_VOLUMES} volumes: the rest is left out");
                self.set.issues.push(Issue::new("volumes", message));
            }
            self.is_full = true;
            return None;
        }
        let name = self.names.take(found.name.clone());
        if name != found.name {
            let message = format!("there is another volume of this name, so that this one is called `{name}`");
            self.set.issues.push(Issue::new(name::subject(&found.name), message));
        }
        let signatures = match (found.signatures, &found.source) {
            (Some(signatures), _) => signatures,
            (None, Some(source)) => {
                let (signatures, issues) = signature::probe(source.as_ref(), &name::subject(&name), 0);
                self.set.issues.extend(issues);
                signatures
            }
            (None, None) => Vec::new(),
        };
        let signatures = without_remains(&signatures, None, &name, &mut self.set.issues);
        let depths = found.lies_on.iter().filter_map(|index| self.set.volumes.get(*index));
        let depth = depths.map(|volume| volume.depth.saturating_add(1)).max().unwrap_or(0);
        let refusal = refusal::of(&signatures);
        let Found { kind, image, lies_on, bytes, source, mapping, .. } = found;
        let areas = Vec::new();
        let volume = Volume { name, kind, image, lies_on, bytes, source, signatures, refusal, depth, mapping, areas };
        self.set.volumes.push(volume);
        self.set.volumes.len().checked_sub(1)
    }

    /// Looks for other volumes in one: physical volumes, and partitions where nothing else is known to lie.
    fn look_into(&mut self, index: usize) {
        let Some(volume) = self.set.volumes.get(index) else { return };
        let Some(source) = volume.source.clone() else { return };
        let holds = match &volume.refusal {
            Some(Refusal::NotRead { kind, .. }) => Some(*kind),
            Some(Refusal::Unknown) => None,
            _ => return,
        };
        let (name, image, depth) = (volume.name.clone(), volume.image, volume.depth);
        let is_too_deep = depth.saturating_add(1) >= MAX_DEPTH;
        let subject = name::subject(&name);
        let too_deep =
            || Issue::new(&subject, format!("more than {MAX_DEPTH} volumes inside each other: not looked into"));
        match holds {
            Some(SignatureKind::LvmPv | SignatureKind::MdRaid) if is_too_deep => self.set.issues.push(too_deep()),
            Some(SignatureKind::MdRaid) => {
                let mut signatures = volume.signatures.iter().filter(|it| it.kind == SignatureKind::MdRaid);
                let found = signatures.next().map(|it| (it.offset, it.uuid.clone().unwrap_or_default()));
                let member =
                    found.and_then(|(at, uuid)| Member::read(index, &name, &source, at, &uuid, &mut self.set.issues));
                self.add_areas(index, member.iter().flat_map(Member::areas));
                self.members.extend(member);
            }
            Some(SignatureKind::LvmPv) => {
                let physical = PhysicalVolume::read(index, &name, &source, &mut self.texts, &mut self.set.issues);
                self.add_areas(index, physical.iter().flat_map(PhysicalVolume::areas).cloned());
                self.physical.extend(physical);
            }
            _ => {}
        }
        if holds.is_some() {
            return;
        }
        let layout = layout::probe(source.as_ref(), None);
        let is_inside = |partition: &Partition| partition.range.start < source.len();
        if layout.scheme == Scheme::None || layout.partitions.is_empty() || !layout.partitions.iter().all(is_inside) {
            return;
        }
        if is_too_deep {
            self.set.issues.push(too_deep());
            return;
        }
        let issues = layout
            .issues
            .iter()
            .map(|issue| Issue { subject: format!("{subject}, {}", issue.subject), ..issue.clone() });
        self.set.issues.extend(issues);
        self.refuse(index, Refusal::Holds { what: format!("it holds a partition table ({})", layout.scheme) });
        self.add_partitions(&name, &layout, image, &source, &[index]);
    }

    /// Puts together what lies on several volumes; `false` if there was nothing to put together. Arrays come first,
    /// because physical volumes may lie on them.
    fn assemble(&mut self) -> bool {
        let members = std::mem::take(&mut self.members);
        if !members.is_empty() {
            md::assemble(&members).into_iter().for_each(|made| self.add_array(made));
            return true;
        }
        let physical = std::mem::take(&mut self.physical);
        if physical.is_empty() {
            return false;
        }
        let assembled = lvm::assemble(&physical, &mut self.set.issues);
        for (index, holder) in assembled.holders {
            self.add_areas(index, holder.extents);
            let what = match holder.group {
                Some(group) => format!("physical volume of the group {group}"),
                None => "physical volume of no group that is known".to_owned(),
            };
            self.refuse(index, Refusal::Holds { what });
        }
        self.set.groups.extend(assembled.groups);
        for made in assembled.logical {
            self.add_logical(made);
        }
        true
    }

    fn add_array(&mut self, made: md::Made) {
        for index in &made.lies_on {
            let what = format!("member of the array {} ({})", made.name, made.kind.level);
            self.refuse(*index, Refusal::Holds { what });
        }
        let remarks = made.remarks.iter().map(|remark| Issue::new(name::subject(&made.name), remark.clone()));
        self.set.issues.extend(remarks);
        let Some(index) = self.add(Found {
            name: made.name,
            kind: VolumeKind::Array(Box::new(made.kind)),
            image: self.image_of(&made.lies_on),
            lies_on: made.lies_on,
            bytes: made.bytes,
            source: made.source.as_ref().ok().cloned(),
            mapping: made.mapping,
            signatures: None,
        }) else {
            return;
        };
        match made.source {
            Ok(_) => self.look_into(index),
            Err(refusal) => self.refuse(index, refusal),
        }
    }

    /// The image of the first of these volumes.
    fn image_of(&self, volumes: &[usize]) -> usize {
        let first = volumes.first().and_then(|index| self.set.volumes.get(*index));
        first.map_or(0, |volume| volume.image)
    }

    fn add_logical(&mut self, made: lvm::Made) {
        let name = format!("{}/{}", made.kind.group, made.kind.name);
        let image = self.image_of(&made.lies_on);
        if let Some(lacking) = made.lacking.as_ref().filter(|_| made.source.is_ok()) {
            self.set.issues.push(Issue::new(name::subject(&name), lacking.clone()));
        }
        let Some(index) = self.add(Found {
            name,
            kind: VolumeKind::LogicalVolume(Box::new(made.kind)),
            image,
            lies_on: made.lies_on,
            bytes: made.bytes,
            source: made.source.as_ref().ok().cloned(),
            mapping: made.mapping,
            signatures: None,
        }) else {
            return;
        };
        if let Some(refusal) = made.source.err().or(made.refusal) {
            self.refuse(index, refusal);
            return;
        }
        let refusal = self.set.volumes.get(index).and_then(|volume| volume.refusal.as_ref());
        if let (Some(detail), Some(Refusal::Unknown)) = (made.lacking, refusal) {
            self.refuse(index, Refusal::Incomplete { detail });
        }
        self.look_into(index);
    }

    /// Notes what lies where on a volume that holds others.
    fn add_areas(&mut self, index: usize, areas: impl IntoIterator<Item = Area>) {
        if let Some(volume) = self.set.volumes.get_mut(index) {
            volume.areas.extend(areas);
        }
    }

    fn refuse(&mut self, index: usize, refusal: Refusal) {
        if let Some(volume) = self.set.volumes.get_mut(index) {
            volume.refusal = Some(refusal);
        }
    }
}

/// The signatures without those md superblocks that an earlier use has left behind: one near the end that lies inside a
/// filesystem, or in a partition, whose own it then may be, protects nothing.
fn without_remains(
    signatures: &[Signature],
    layout: Option<&Layout>,
    name: &str,
    issues: &mut Vec<Issue>,
) -> Vec<Signature> {
    let in_table = |signature: &Signature| {
        let Some(layout) = layout else { return false };
        let tables = layout.table_ranges.iter().map(|table| table.range);
        let mut ranges = tables.chain(layout.partitions.iter().map(|partition| partition.range));
        ranges.any(|range| range.contains(signature.offset))
    };
    let others: Vec<u64> = signatures
        .iter()
        .filter(|signature| signature.kind != SignatureKind::MdRaid)
        .filter_map(|signature| signature.bytes)
        .collect();
    let mut kept = signatures.to_vec();
    kept.retain(|signature| {
        if signature.kind != SignatureKind::MdRaid || signature.offset <= 4096 {
            return true;
        }
        let is_covered = others.iter().any(|bytes| *bytes > signature.offset);
        if is_covered {
            let range = ByteRange::new(signature.offset, signature.offset.saturating_add(256));
            let message = "an md superblock lies inside the filesystem: it seems to be left from an earlier use";
            issues.push(Issue::at(name::subject(name), range, message));
        }
        !is_covered && !in_table(signature)
    });
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, read_exact_at};
    use proptest::prelude::*;

    /// An MBR with these entries: type, first sector, sectors.
    fn mbr(disk: &mut [u8], at: usize, entries: &[(u8, u32, u32)]) {
        for (number, (code, first, sectors)) in entries.iter().enumerate() {
            let entry = &mut disk[at + 446 + 16 * number..][..16];
            entry[4] = *code;
            entry[8..12].copy_from_slice(&first.to_le_bytes());
            entry[12..16].copy_from_slice(&sectors.to_le_bytes());
        }
        disk[at + 510..at + 512].copy_from_slice(&[0x55, 0xaa]);
    }

    fn set(disks: Vec<Vec<u8>>) -> VolumeSet {
        let image = |disk| Image { source: Arc::new(Memory(disk)) as Source, sector_bytes: Some(512) };
        VolumeSet::probe(disks.into_iter().map(image).collect())
    }

    fn names(set: &VolumeSet) -> Vec<&str> {
        set.volumes().iter().map(|volume| volume.name.as_str()).collect()
    }

    fn issues(set: &VolumeSet) -> Vec<String> {
        set.issues().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_disk_without_a_table_is_one_volume_without_a_name() {
        let set = set(vec![vec![0; 1 << 16], vec![0; 1 << 16]]);
        assert_eq!(names(&set), ["", "b:"]);
        assert_eq!(set.find("a:").unwrap().image, 0);
        assert_eq!(set.find("b").unwrap().image, 1);
        assert_eq!(set.volumes()[0].refusal, Some(Refusal::Unknown));
    }

    #[test]
    fn partitions_of_several_disks_are_told_apart_by_letter() {
        let mut disk = vec![0; 1 << 16];
        mbr(&mut disk, 0, &[(0x83, 8, 8), (0x05, 32, 64)]);
        mbr(&mut disk, 32 * 512, &[(0x83, 8, 8)]);
        disk[8 * 512] = 7;
        let set = set(vec![disk.clone(), disk]);
        assert_eq!(names(&set), ["p1", "p5", "b:p1", "b:p5"]);
        assert_eq!(set.find("a:p5").unwrap().name, "p5");
        assert!(set.find("a:b:p5").is_none() && set.find("p2").is_none());
        let volume = set.find("b:p1").unwrap();
        let mut byte = [0];
        read_exact_at(volume.source.as_deref().unwrap(), 0, &mut byte).unwrap();
        assert_eq!((byte, volume.bytes, volume.image), ([7], 4096, 1));
    }

    #[test]
    fn a_partition_past_the_end_of_the_disk_gives_what_there_is() {
        let mut disk = vec![0; 1 << 16];
        mbr(&mut disk, 0, &[(0x83, 64, 1000)]);
        let set = set(vec![disk]);
        let volume = set.find("p1").unwrap();
        assert_eq!((volume.bytes, volume.source.as_ref().unwrap().len()), (512_000, 32_768));
        assert_eq!(
            set.layouts()[0].issues[0].to_string(),
            "partition 1, bytes 32768-544768: it reaches past the end of the disk at byte 65536"
        );
    }

    #[test]
    fn a_disk_inside_a_partition_is_looked_into_up_to_a_depth() {
        let mut disk = vec![0; 1 << 16];
        for level in 0..20 {
            mbr(&mut disk, level * 512, &[(0x83, 1, 100 - level as u32)]);
        }
        let set = set(vec![disk]);
        assert_eq!(names(&set)[..3], ["p1", "p1:p1", "p1:p1:p1"]);
        assert_eq!(set.volumes().len(), MAX_DEPTH);
        assert_eq!(
            issues(&set),
            ["volume p1:p1:p1:p1:p1:p1:p1:p1: more than 8 volumes inside each other: not looked into"]
        );
        let refusal = set.volumes()[0].refusal.as_ref().unwrap().to_string();
        assert_eq!(refusal, "it holds a partition table (MBR)");
    }

    #[test]
    fn tables_that_list_each_other_without_end_are_cut_off() {
        let mut disk = vec![0; 1 << 16];
        // Every sector is a table that lists the sectors behind it four times.
        for level in 0..40 {
            mbr(&mut disk, level * 512, &[(0x83, 1, 80), (0x83, 2, 80), (0x83, 3, 80), (0x83, 4, 80)]);
        }
        let set = set(vec![disk]);
        assert_eq!(set.volumes().len(), MAX_VOLUMES);
        assert!(issues(&set).contains(&"volumes: more than 4096 volumes: the rest is left out".to_owned()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_never_panic(
            changes in prop::collection::vec((0_usize..16_384, any::<u8>()), 0..200),
            entries in prop::collection::vec((any::<u8>(), 0_u32..40, 0_u32..200), 0..4),
        ) {
            let mut disk = vec![0; 16_384];
            for (at, byte) in changes { disk[at] = byte; }
            mbr(&mut disk, 0, &entries);
            let set = set(vec![disk]);
            for (index, volume) in set.volumes().iter().enumerate() {
                let _ = volume.source.as_ref().map(|source| source.read_at(0, &mut [0; 512]));
                let piece = set.pieces(index, ByteRange::new(0, 512)).next().unwrap();
                let length = volume.source.as_ref().map_or(0, |source| source.len());
                prop_assert_eq!(piece.place.is_some(), length > 0, "{}", &volume.name);
                let Some(place) = piece.place else { continue };
                let holders = set.holders(place.image, place.offset);
                prop_assert!(holders.all.iter().any(|holder| (holder.volume, holder.offset) == (index, 0)));
                holders.innermost().for_each(|holder| assert!(!set.what_lies_at(holder).is_empty()));
            }
        }
    }
}
