//! From images to volumes: partitions, logical volumes of LVM2 and arrays of md, over one image or several, also inside
//! each other.
//!
//! # Names
//!
//! | name | volume |
//! | --- | --- |
//! | (empty) | the first image itself, where it has no partition table |
//! | `p2` | partition 2 of the first image |
//! | `b:`, `b:p2` | the second image itself, and its partition 2; `c:` for the third, after `z:` comes `aa:` |
//! | `vg/root` | the logical volume `root` of the group `vg`, wherever its physical volumes lie |
//! | `md0`, `md/data` | an array by its number or name |
//! | `md0:p1`, `vg/vm:p1`, `p2:p1` | a partition inside another volume |
//!
//! `a:` and `a:p2` are understood too, for the first image. A name that is taken already gets `~2`, `~3` … at its end.
//!
//! ```
//! use kanshiki_image::volumes::{Image, VolumeSet};
//! let disk = std::sync::Arc::new(kanshiki_image::Memory(vec![0; 1 << 20]));
//! let set = VolumeSet::probe(vec![Image { source: disk, sector_bytes: None }]);
//! let names: Vec<&str> = set.volumes().iter().map(|volume| volume.name.as_str()).collect();
//! assert_eq!(names, [""]);
//! ```

mod address;
mod build;
mod lvm;
mod mapped;
mod mapping;
mod md;
mod name;
mod places;
mod refusal;

pub use address::Address;
pub use lvm::VolumeGroup;
pub use places::{Holder, Holders, ImagePlace, Piece, Pieces};
pub use refusal::{BROWSABLE, Refusal};

use crate::Source;
use crate::layout::{Layout, Partition};
use crate::signature::Signature;
use kanshiki_model::{ByteRange, FileTime, Issue};
use mapping::Mapping;

/// Volumes that are looked into inside each other, one in the next.
pub const MAX_DEPTH: usize = 8;

/// Volumes that are listed; a table that lists more is damaged or built to harm.
pub const MAX_VOLUMES: usize = 4096;

/// An image in which volumes are looked for.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its content; unreadable bytes should read as such (see [`Gaps`](crate::Gaps)).
    pub source: Source,
    /// The size of a logical sector of the disk, if it is known.
    pub sector_bytes: Option<u64>,
}

/// What a volume is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VolumeKind {
    /// An image as a whole.
    Image,
    /// A partition of an image or of another volume.
    Partition(Box<Partition>),
    /// A logical volume of LVM2.
    LogicalVolume(Box<LogicalVolume>),
    /// An array of md.
    Array(Box<Array>),
}

/// What LVM2 says of a logical volume. All texts are made visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogicalVolume {
    /// The volume group.
    pub group: String,
    /// The name inside the group.
    pub name: String,
    /// The UUID as LVM writes it.
    pub uuid: String,
    /// Whether it is a part that other logical volumes are made of, which the host showed to nobody.
    pub is_hidden: bool,
    /// When it was made, if that is recorded.
    pub created: Option<FileTime>,
    /// The host that made it, if that is recorded.
    pub created_on: Option<String>,
    /// How its bytes are laid out, such as `linear` or `striped over 2`.
    pub layout: String,
}

/// What the superblocks of its members say of an array. All texts are made visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// The number in `/dev/mdN`, where the superblock or the name says it.
    pub number: Option<u32>,
    /// The name without the host in front, if it has one.
    pub name: Option<String>,
    /// The UUID as [`Signature::uuid`] has it.
    pub uuid: String,
    /// The level, such as `raid1` or `linear`.
    pub level: String,
    /// How many members it has when it is whole.
    pub devices: u32,
    /// When it was made, if that is recorded.
    pub created: Option<FileTime>,
    /// When a superblock was last written, if that is recorded.
    pub updated: Option<FileTime>,
}

/// A volume.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Its name; empty for the first image itself. See [the table](self#names).
    pub name: String,
    /// What it is.
    pub kind: VolumeKind,
    /// The image that it lies on, or the first of them, counted from 0.
    pub image: usize,
    /// The volumes that it lies on, as indices of [`VolumeSet::volumes`]; empty if it lies on the image directly.
    pub lies_on: Vec<usize>,
    /// Its length in bytes as its table or metadata says; the source may be shorter.
    pub bytes: u64,
    /// Its bytes, as far as there are any; `None` if it cannot be put together.
    pub source: Option<Source>,
    /// What lies in it.
    pub signatures: Vec<Signature>,
    /// Why it cannot be browsed; `None` if it holds a filesystem that can.
    pub refusal: Option<Refusal>,
    /// How many volumes it lies inside.
    depth: usize,
    /// Where its bytes lie, if it is put together of others.
    mapping: Mapping,
    /// What lies where on it, if it holds others.
    areas: Vec<Area>,
}

/// What lies at some bytes of a volume that is a physical volume or a member.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Area {
    range: ByteRange,
    name: &'static str,
    /// The length of one, of extents that are counted.
    each: Option<u64>,
}

impl Area {
    const fn of(range: ByteRange, name: &'static str) -> Self {
        Self { range, name, each: None }
    }

    const fn extents(range: ByteRange, each: u64) -> Self {
        Self { range, name: "extent", each: Some(each) }
    }
}

impl Volume {
    /// The number, UUID and name of its entry, if it is a partition.
    #[must_use]
    pub fn partition(&self) -> Option<&Partition> {
        match &self.kind {
            VolumeKind::Partition(partition) => Some(partition),
            _ => None,
        }
    }

    /// What LVM2 says of it, if it is a logical volume.
    #[must_use]
    pub fn logical_volume(&self) -> Option<&LogicalVolume> {
        match &self.kind {
            VolumeKind::LogicalVolume(logical) => Some(logical),
            _ => None,
        }
    }

    /// What its superblocks say of it, if it is an array.
    #[must_use]
    pub fn array(&self) -> Option<&Array> {
        match &self.kind {
            VolumeKind::Array(array) => Some(array),
            _ => None,
        }
    }

    /// The signature of the filesystem for which it can be browsed.
    #[must_use]
    pub fn filesystem(&self) -> Option<&Signature> {
        let mut signatures = self.signatures.iter();
        signatures.find(|signature| self.refusal.is_none() && BROWSABLE.contains(&signature.kind))
    }
}

/// The volumes of one or several images.
#[derive(Debug, Clone, Default)]
pub struct VolumeSet {
    layouts: Vec<Layout>,
    volumes: Vec<Volume>,
    groups: Vec<VolumeGroup>,
    issues: Vec<Issue>,
}

impl VolumeSet {
    /// Looks for volumes. What is damaged, missing or contradicts itself becomes an issue; nothing stops the rest.
    #[must_use]
    pub fn probe(images: Vec<Image>) -> Self {
        build::probe(images)
    }

    /// How each image is divided, in the order of the images.
    #[must_use]
    pub fn layouts(&self) -> &[Layout] {
        &self.layouts
    }

    /// The volumes: each after those that it lies on.
    #[must_use]
    pub fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    /// The volume groups of LVM2, by name.
    #[must_use]
    pub fn groups(&self) -> &[VolumeGroup] {
        &self.groups
    }

    /// What is damaged, missing or contradicts itself, beside the issues of [`Self::layouts`].
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// The volume of this name; see [the table](self#names).
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Volume> {
        self.position(name).and_then(|index| self.volumes.get(index))
    }

    /// The index of the volume of this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        let position = |name: &str| self.volumes.iter().position(|volume| volume.name == name);
        let is_of_first = |index: &usize| self.volumes.get(*index).is_some_and(|volume| volume.image == 0);
        let of_first = || position(name.strip_prefix("a:")?).filter(is_of_first);
        let whole_image = || position(&format!("{name}:")).filter(|_| !name.contains(['/', ':']));
        position(name).or_else(of_first).or_else(whole_image)
    }
}
