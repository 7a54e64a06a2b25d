//! Where bytes of volumes lie in the images, and what lies at a byte of an image, through everything in between.

use super::mapping::Spot;
use super::{Refusal, Volume, VolumeKind, VolumeSet, name};
use crate::layout::{self, Layout, Role, Scheme};
use kanshiki_model::ByteRange;

/// Places that one byte of an image may have in volumes; more can only be built to harm.
const MAX_PLACES: usize = 4096;

/// Pieces that are put together to one before it is given out, however many more would fit.
const JOINED: usize = 4096;

/// A byte of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImagePlace {
    /// The image, counted from 0.
    pub image: usize,
    /// The byte of it.
    pub offset: u64,
}

/// A run of a volume's bytes that lie in an image in one piece, or in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The bytes of the volume.
    pub range: ByteRange,
    /// Where the first of them lies; `None` if they lie in no image: zeroes that are stored nowhere, or what lies on
    /// something that is not there.
    pub place: Option<ImagePlace>,
}

/// A volume that holds a byte of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The volume, as its index in [`VolumeSet::volumes`].
    pub volume: usize,
    /// The byte of the volume.
    pub offset: u64,
    /// Whether the volume is read from that byte of the image; of a mirror, one copy is.
    pub is_read: bool,
    /// The holder that this one lies on, as its index in [`Holders::all`]; `None` if it lies on the image.
    pub lies_on: Option<usize>,
}

/// The volumes that hold a byte of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// The holders, each behind what it lies on.
    pub all: Vec<Holder>,
    /// Whether there were too many, and some were left out.
    pub is_cut: bool,
}

impl Holders {
    /// Those on which no other lies.
    pub fn innermost(&self) -> impl Iterator<Item = &Holder> {
        let is_below = |index: usize| self.all.iter().any(|holder| holder.lies_on == Some(index));
        self.all.iter().enumerate().filter(move |(index, _)| !is_below(*index)).map(|(_, holder)| holder)
    }

    /// A holder with all that it lies on, from the outermost to itself.
    #[must_use]
    pub fn chain(&self, of: &Holder) -> Vec<Holder> {
        let mut chain = vec![*of];
        // Each lies on one before it, so that this ends.
        while let Some(below) = chain.last().and_then(|last| self.all.get(last.lies_on?)) {
            chain.push(*below);
        }
        chain.reverse();
        chain
    }
}

/// The pieces of a range of a volume, in order.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    set: &'a VolumeSet,
    volume: usize,
    rest: ByteRange,
}

impl Pieces<'_> {
    fn next_part(&mut self) -> Option<Piece> {
        if self.rest.is_empty() {
            return None;
        }
        let start = self.rest.start;
        let (place, bytes) = self.set.down(self.volume, start);
        let end = start.saturating_add(bytes.max(1)).min(self.rest.end);
        self.rest.start = end;
        Some(Piece { range: ByteRange::new(start, end), place })
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let mut piece = self.next_part()?;
        for _ in 0..JOINED {
            let before = self.rest;
            let Some(next) = self.next_part() else { break };
            let follows = match (piece.place, next.place) {
                (Some(one), Some(other)) => {
                    one.image == other.image && one.offset.checked_add(piece.range.len()) == Some(other.offset)
                }
                (None, None) => true,
                _ => false,
            };
            if !follows {
                self.rest = before;
                break;
            }
            piece.range.end = next.range.end;
        }
        Some(piece)
    }
}

impl VolumeSet {
    /// Where a range of a volume lies in the images: through partitions inside each other, logical volumes and arrays; of
    /// a mirror, on the member that is read.
    #[must_use]
    pub const fn pieces(&self, volume: usize, range: ByteRange) -> Pieces<'_> {
        Pieces { set: self, volume, rest: range }
    }

    /// The image of this name, `a`, `b` … as in the names of volumes, counted from 0.
    #[must_use]
    pub fn image_named(&self, name: &str) -> Option<usize> {
        let of = |index| if index == 0 { "a:".to_owned() } else { name::of_image(index) };
        (0..self.layouts.len()).find(|index| of(*index).strip_suffix(':') == Some(name))
    }

    /// Where a byte of a volume lies, and how many bytes from it on lie there in one piece, or nowhere.
    fn down(&self, volume: usize, offset: u64) -> (Option<ImagePlace>, u64) {
        let (mut spot, mut bytes) = (Spot { volume, offset }, u64::MAX);
        loop {
            let Some(volume) = self.volumes.get(spot.volume) else { return (None, bytes) };
            let length = volume.source.as_ref().map_or(0, |source| source.len());
            let Some(left) = length.checked_sub(spot.offset).filter(|left| *left > 0) else { return (None, bytes) };
            bytes = bytes.min(left);
            let here = ImagePlace { image: volume.image, offset: spot.offset };
            let next = match &volume.kind {
                VolumeKind::Image => return (Some(here), bytes),
                VolumeKind::Partition(partition) => {
                    let Some(offset) = spot.offset.checked_add(partition.range.start) else { return (None, bytes) };
                    match volume.lies_on.first() {
                        Some(parent) => Some(Spot { volume: *parent, offset }),
                        None => return (Some(ImagePlace { offset, ..here }), bytes),
                    }
                }
                _ => {
                    let (next, in_piece) = volume.mapping.down(spot.offset);
                    bytes = bytes.min(in_piece);
                    next
                }
            };
            // What a volume lies on comes before it in the list, so that this ends.
            match next.filter(|next| next.volume < spot.volume) {
                Some(next) => spot = next,
                None => return (None, bytes),
            }
        }
    }

    /// The volumes that hold a byte of an image, those that lie on others among them.
    #[must_use]
    pub fn holders(&self, image: usize, offset: u64) -> Holders {
        let mut holders = Holders::default();
        for (index, volume) in self.volumes.iter().enumerate() {
            let on_image = match &volume.kind {
                _ if volume.image != image || !volume.lies_on.is_empty() => None,
                VolumeKind::Image => Some(offset),
                VolumeKind::Partition(partition) => offset.checked_sub(partition.range.start),
                _ => None,
            };
            hold(&mut holders, index, volume, on_image.map(|inside| (inside, true)), None);
            for below in 0..holders.all.len() {
                let Some(holder) = holders.all.get(below).copied() else { break };
                let spot = Spot { volume: holder.volume, offset: holder.offset };
                let Some(partition) = volume.partition() else {
                    hold(&mut holders, index, volume, volume.mapping.up(spot), Some(below));
                    continue;
                };
                let inside = spot.offset.checked_sub(partition.range.start);
                let inside = inside.filter(|_| volume.lies_on.contains(&holder.volume)).map(|inside| (inside, true));
                hold(&mut holders, index, volume, inside, Some(below));
            }
        }
        holders
    }

    /// What lies at a byte of a volume in which no other volume holds it, in words: a metadata area, an extent that no
    /// logical volume uses, a gap between partitions, or what the volume holds.
    #[must_use]
    pub fn what_lies_at(&self, holder: &Holder) -> String {
        let Some(volume) = self.volumes.get(holder.volume) else { return "nothing known".to_owned() };
        let is_inside = |range: ByteRange| range.contains(holder.offset);
        if let Some(area) = volume.areas.iter().find(|area| is_inside(area.range)) {
            let number = |each: u64| holder.offset.saturating_sub(area.range.start).checked_div(each);
            return match area.each.and_then(number) {
                Some(number) => format!("{} {number}, which no logical volume uses", area.name),
                None => area.name.to_owned(),
            };
        }
        let of_disk = self.layouts.get(volume.image).filter(|_| volume.kind == VolumeKind::Image);
        if let Some(told) = of_disk.and_then(|layout| in_layout(layout, holder.offset)) {
            return told;
        }
        match (&volume.refusal, volume.filesystem(), &volume.source) {
            (Some(Refusal::Holds { .. }), _, Some(source)) if volume.areas.is_empty() => {
                let layout = layout::probe(source.as_ref(), None);
                in_layout(&layout, holder.offset).unwrap_or_else(|| "nothing known".to_owned())
            }
            (Some(Refusal::Holds { .. }), ..) => "in none of its areas".to_owned(),
            (_, Some(signature), _) => signature.kind.name().to_owned(),
            (Some(refusal), ..) => refusal.to_string(),
            (None, None, _) => "nothing known".to_owned(),
        }
    }

    /// What lies at a byte of an image that no volume holds, in words; `None` past the end of the image.
    #[must_use]
    pub fn what_lies_in_image(&self, image: usize, offset: u64) -> Option<String> {
        let layout = self.layouts.get(image).filter(|layout| offset < layout.disk_bytes)?;
        Some(in_layout(layout, offset).unwrap_or_else(|| "nothing known".to_owned()))
    }
}

/// Notes the bytes of a volume that lie on a holder.
fn hold(
    holders: &mut Holders,
    index: usize,
    volume: &Volume,
    bytes: impl IntoIterator<Item = (u64, bool)>,
    lies_on: Option<usize>,
) {
    // Of what cannot be put together it is known how long it is.
    let length = volume.source.as_ref().map_or(volume.bytes, |source| source.len());
    let read_below = lies_on.and_then(|below| holders.all.get(below)).is_none_or(|below| below.is_read);
    for (offset, is_read) in bytes.into_iter().filter(|(offset, _)| *offset < length) {
        if holders.all.len() >= MAX_PLACES {
            holders.is_cut = true;
            return;
        }
        holders.all.push(Holder { volume: index, offset, is_read: is_read && read_below, lies_on });
    }
}

/// What lies at a byte of a disk, of which no partition is listed as a volume.
fn in_layout(layout: &Layout, offset: u64) -> Option<String> {
    if layout.scheme == Scheme::None {
        return None;
    }
    if let Some(table) = layout.table_ranges.iter().find(|table| table.range.contains(offset)) {
        return Some(format!("partition table: {}", table.name));
    }
    let holds = |role: Role| {
        let mut all = layout.partitions.iter();
        all.find(|it| (it.role == Role::Extended) == (role == Role::Extended) && it.range.contains(offset))
    };
    match (holds(Role::Primary), holds(Role::Extended)) {
        (Some(partition), _) => Some(format!("partition {}", partition.number)),
        (None, Some(extended)) => Some(format!("extended partition {}, in no logical one", extended.number)),
        (None, None) => Some("in no partition".to_owned()),
    }
}
