//! Arrays of md: mirrors (RAID1), of which one member is enough, and members one after the other (linear). Others are
//! known by name.

mod superblock;

use super::mapped::part;
use super::mapping::{Mapping, Run, Spot};
use super::name::subject;
use super::{Area, Array, Refusal};
use crate::{Concat, Source};
use kanshiki_model::{ByteRange, Issue};
use std::collections::BTreeMap;
use std::sync::Arc;
use superblock::{Role, Superblock};

const RAID1: i32 = 1;
const LINEAR: i32 = -1;

/// A volume that is a member of an array.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its index among the volumes.
    index: usize,
    name: String,
    source: Source,
    /// The array's UUID as signatures have it.
    uuid: String,
    superblock: Superblock,
    /// Where the superblock lies.
    at: u64,
}

impl Member {
    /// What lies on it: the superblock, and what the array keeps.
    pub(super) fn areas(&self) -> Vec<Area> {
        let superblock = ByteRange::new(self.at, self.at.saturating_add(superblock::BYTES));
        vec![Area::of(superblock, "superblock of md"), Area::of(self.superblock.data, "data area of md")]
    }

    const fn data_start(&self) -> Spot {
        Spot { volume: self.index, offset: self.superblock.data.start }
    }

    /// Reads the superblock at byte `at` of a volume; `None` if it cannot be made out, which is told.
    pub(super) fn read(
        index: usize,
        name: &str,
        source: &Source,
        at: u64,
        uuid: &str,
        issues: &mut Vec<Issue>,
    ) -> Option<Self> {
        let superblock = match superblock::read(source.as_ref(), at) {
            Ok(superblock) => superblock?,
            Err(error) => {
                issues.push(Issue::new(subject(name), format!("the superblock of md cannot be read: {error}")));
                return None;
            }
        };
        if !superblock.holds {
            issues.push(Issue::new(subject(name), "the checksum of the superblock of md is wrong"));
        }
        Some(Self { index, name: name.to_owned(), source: Arc::clone(source), uuid: uuid.to_owned(), superblock, at })
    }

    /// How far its superblock is to be believed: one with a right checksum before others, then the newest.
    const fn rank(&self) -> (bool, u64) {
        (self.superblock.holds, self.superblock.events)
    }

    const fn place(&self) -> Option<u32> {
        match self.superblock.role {
            Role::Active(place) => Some(place),
            _ => None,
        }
    }
}

/// An array that was put together, or could not be.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) kind: Array,
    pub(super) lies_on: Vec<usize>,
    pub(super) bytes: u64,
    /// The bytes, or why there are none.
    pub(super) source: Result<Source, Refusal>,
    /// Where they lie.
    pub(super) mapping: Mapping,
    /// What there is to say of it.
    pub(super) remarks: Vec<String>,
}

/// Puts arrays together out of all members, in the order of their UUIDs.
pub(super) fn assemble(members: &[Member]) -> Vec<Made> {
    let mut arrays: BTreeMap<[u8; 16], Vec<&Member>> = BTreeMap::new();
    for member in members {
        arrays.entry(member.superblock.uuid).or_default().push(member);
    }
    arrays.into_values().filter_map(|members| make(&members)).collect()
}

fn make(members: &[&Member]) -> Option<Made> {
    // Of members that are equally new the first counts.
    let newest = members.iter().rev().max_by_key(|member| member.rank())?;
    let superblock = &newest.superblock;
    let short = superblock.short_name();
    let number = superblock.number.or_else(|| short.and_then(|name| name.parse().ok()));
    let name = match (number, short) {
        (Some(number), _) => format!("md{number}"),
        (None, Some(short)) => format!("md/{short}"),
        (None, None) => format!("md/{}", newest.uuid),
    };
    let kind = Array {
        number,
        name: short.map(str::to_owned),
        uuid: newest.uuid.clone(),
        level: superblock.level_name(),
        devices: superblock.devices,
        created: superblock.created,
        updated: members.iter().filter_map(|member| member.superblock.updated).max(),
    };
    let mut remarks = Vec::new();
    let mut mapping = Mapping::default();
    let (bytes, source) = match superblock.level {
        _ if superblock.is_reshaping => (0, Err(unsupported("an md array that was being reshaped is"))),
        RAID1 => mirror(members, &mut remarks, &mut mapping),
        LINEAR => linear(members, superblock, &mut remarks, &mut mapping),
        _ => (0, Err(unsupported(format!("an md array of the level {} is", kind.level)))),
    };
    let lies_on = members.iter().map(|member| member.index).collect();
    Some(Made { name, kind, lies_on, bytes, source, mapping, remarks })
}

fn unsupported(what: impl Into<String>) -> Refusal {
    Refusal::Unsupported { what: what.into(), detail: String::new() }
}

/// The newest member that holds all data; what differs from it is told.
fn mirror(members: &[&Member], remarks: &mut Vec<String>, mapping: &mut Mapping) -> (u64, Result<Source, Refusal>) {
    let is_whole = |member: &&&Member| member.place().is_some() && !member.superblock.is_recovering;
    let Some(best) = members.iter().filter(is_whole).rev().max_by_key(|member| member.rank()) else {
        let detail = "none of its members among the images holds all its data".to_owned();
        return (0, Err(Refusal::Incomplete { detail }));
    };
    let superblock = &best.superblock;
    for member in members.iter().filter(|member| member.index != best.index && member.place().is_some()) {
        let events = member.superblock.events;
        if member.superblock.is_recovering {
            remarks.push(format!("{} was being filled, and is not used", subject(&member.name)));
        } else if events != superblock.events {
            remarks.push(format!(
                "its members differ: {} has {events} events, {} has {} and is used",
                subject(&member.name),
                subject(&best.name),
                superblock.events
            ));
        }
    }
    let wholes = members.iter().filter(is_whole).count();
    if superblock.is_out_of_sync && wholes > 1 {
        remarks.push(format!("its members may differ, as they were not in step; {} is used", subject(&best.name)));
    }
    if superblock.used_bytes > superblock.data.len() {
        remarks.push("it is longer than the data of its member".to_owned());
    }
    mapping.runs.push(Run::linear(0, superblock.used_bytes, Some(best.data_start())));
    let others = members.iter().filter(|member| member.index != best.index && member.place().is_some());
    mapping.copies.extend(others.map(|member| (member.data_start(), member.superblock.used_bytes)));
    (superblock.used_bytes, Ok(data(best, superblock.used_bytes, remarks)))
}

/// So many bytes of a member's data.
fn data(member: &Member, bytes: u64, remarks: &mut Vec<String>) -> Source {
    let start = member.superblock.data.start;
    let past = format!("past the end of {}", subject(&member.name));
    if start.saturating_add(bytes) > member.source.len() {
        remarks.push(format!("some of its bytes lie {past}"));
    }
    part(&member.source, start, bytes, || format!("they lie {past}"))
}

/// The members in the order of their places, up to the first that is not there.
fn linear(
    members: &[&Member],
    newest: &Superblock,
    remarks: &mut Vec<String>,
    mapping: &mut Mapping,
) -> (u64, Result<Source, Refusal>) {
    let mut places: BTreeMap<u32, &Member> = BTreeMap::new();
    for member in members {
        let Some(place) = member.place() else { continue };
        let other = places.get(&place);
        if other.is_none_or(|other| other.rank() < member.rank()) {
            places.insert(place, member);
        }
    }
    let mut parts = Vec::new();
    let mut bytes = 0_u64;
    for (place, (own, member)) in (0_u32..).zip(places) {
        if own != place {
            break;
        }
        let length = member.superblock.linear_bytes();
        parts.push(data(member, length, remarks));
        mapping.runs.push(Run::linear(bytes, length, Some(member.data_start())));
        bytes = bytes.saturating_add(length);
    }
    let found = crate::bytes::length(parts.len());
    if found < u64::from(newest.devices) {
        let missing = format!("its member {} of {} is not among the images", found.saturating_add(1), newest.devices);
        if parts.is_empty() {
            return (0, Err(Refusal::Incomplete { detail: missing }));
        }
        remarks.push(format!("{missing}; what lies before it is read"));
    }
    (bytes, Ok(Arc::new(Concat::new(parts))))
}
