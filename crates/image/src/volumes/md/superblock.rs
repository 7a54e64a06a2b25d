//! Superblocks of md, which say of which array a volume is a member, and which.
//!
//! Version 1, little-endian, of 256 bytes and two for each device:
//!
//! | field | at |
//! | --- | --- |
//! | magic 0xA92B4EFC, version, features in use | 0, 4, 8 |
//! | array's UUID and name, time made (40 bits of seconds), level | 16, 32, 64, 72 |
//! | sectors used of each member, chunk in sectors, devices | 80, 88, 92 |
//! | first sector of data, sectors of data, own sector | 128, 136, 144 |
//! | sectors recovered, own number, own UUID | 152, 160, 168 |
//! | time written, events, sectors in sync, checksum, length of the list of roles | 192, 200, 208, 216, 220 |
//! | role of each number: place in the array, 0xFFFF spare, 0xFFFE faulty, 0xFFFD journal | 256 |
//!
//! Version 0.90, of 1024 words in the byte order of its machine: magic, major, minor version 0, 1, 2; UUID 5, 13, 14, 15;
//! time made 6, level 7, KiB used of each member 8, devices 10, number of the array 11; time written 32, checksum 38,
//! events 39 and 40 (the low word first on little-endian machines), bytes of a chunk 65; own number, place and state 992,
//! 995, 996. Source: Linux 6.12, include/uapi/linux/raid/md_p.h, drivers/md/md.c (`calc_sb_csum`, `calc_sb_1_csum`,
//! `super_1_validate`).

use crate::bytes::{array, bounded, u16_le, u32_be, u32_le, u64_le};
use crate::{ReadAt, ReadError, read_exact_at};
use kanshiki_model::{ByteRange, FileTime, visible};

const MAGIC: u32 = 0xa92b_4efc;
const BLOCK: usize = 4096;
/// Bytes that a superblock takes at most: 256 and two for each of the devices, or 1024 words.
pub(super) const BYTES: u64 = 4096;
const SECTOR_BYTES: u64 = 512;
/// Features: a member that is being rebuilt; an array that is being reshaped.
const RECOVERING: u32 = 0x2;
const RESHAPING: u32 = 0x4;
/// Minor version 0.91: an array of version 0.90 that is being reshaped.
const MINOR_RESHAPING: u32 = 91;
/// Bits of the state of a member of version 0.90: faulty, active, in sync.
const FAULTY: u32 = 1;
const IN_SYNC: u32 = 1 << 2;

/// What a superblock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Superblock {
    /// The array's UUID as bytes.
    pub(super) uuid: [u8; 16],
    /// The array's name, made visible; version 0.90 has none.
    pub(super) name: Option<String>,
    /// The array's number; only version 0.90 has one.
    pub(super) number: Option<u32>,
    pub(super) level: i32,
    /// How many members make the array.
    pub(super) devices: u32,
    /// The member's place, or what it is instead.
    pub(super) role: Role,
    /// How often the array's superblocks were written.
    pub(super) events: u64,
    /// Bytes of each member that the array uses, for levels in which all are alike.
    pub(super) used_bytes: u64,
    /// The member's data, as a range of the volume.
    pub(super) data: ByteRange,
    /// Bytes of a chunk; 0 where the level has none.
    pub(super) chunk_bytes: u64,
    pub(super) is_recovering: bool,
    pub(super) is_reshaping: bool,
    /// Whether parts of the array were known to be out of step.
    pub(super) is_out_of_sync: bool,
    pub(super) created: Option<FileTime>,
    pub(super) updated: Option<FileTime>,
    /// Whether the checksum is right.
    pub(super) holds: bool,
}

/// What a member is to its array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// In this place.
    Active(u32),
    Spare,
    Faulty,
    Journal,
    /// Its number has no role.
    Unknown,
}

/// Reads the superblock at byte `at`, where its signature was found. `None` if there is none that can be made out.
///
/// # Errors
///
/// [`ReadError`] if it cannot be read.
pub(super) fn read(source: &dyn ReadAt, at: u64) -> Result<Option<Superblock>, ReadError> {
    let mut block = vec![0; bounded(source.len().saturating_sub(at), BLOCK)];
    read_exact_at(source, at, &mut block)?;
    Ok(parse(&block, at))
}

/// Takes a superblock apart that lies at byte `at` of the volume.
pub(super) fn parse(block: &[u8], at: u64) -> Option<Superblock> {
    match (u32_le(block, 0)?, u32_be(block, 0)?, u32_le(block, 4)?) {
        (MAGIC, _, 1) => version_1(block),
        (MAGIC, _, 0) => version_0(block, at, u32_le),
        (_, MAGIC, _) if u32_be(block, 4)? == 0 => version_0(block, at, u32_be),
        _ => None,
    }
}

fn version_1(block: &[u8]) -> Option<Superblock> {
    let bytes = |sectors: u64| sectors.saturating_mul(SECTOR_BYTES);
    let features = u32_le(block, 8)?;
    let number = usize::try_from(u32_le(block, 160)?).ok()?;
    let roles = usize::try_from(u32_le(block, 220)?).ok()?;
    let role = match u16_le(block, number.checked_mul(2)?.checked_add(256)?).filter(|_| number < roles) {
        Some(0xffff) => Role::Spare,
        Some(0xfffe) => Role::Faulty,
        Some(0xfffd) => Role::Journal,
        Some(place) => Role::Active(place.into()),
        None => Role::Unknown,
    };
    let name = block.get(32..64)?.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii_end();
    let data = bytes(u64_le(block, 128)?);
    Some(Superblock {
        uuid: array(block, 16)?,
        name: (!name.is_empty()).then(|| visible(name)),
        number: None,
        level: i32::from_le_bytes(array(block, 72)?),
        devices: u32_le(block, 92)?,
        role,
        events: u64_le(block, 200)?,
        used_bytes: bytes(u64_le(block, 80)?),
        data: ByteRange::new(data, data.saturating_add(bytes(u64_le(block, 136)?))),
        chunk_bytes: bytes(u32_le(block, 88)?.into()),
        is_recovering: features & RECOVERING != 0,
        is_reshaping: features & RESHAPING != 0,
        is_out_of_sync: u64_le(block, 208)? != u64::MAX,
        created: time(u64_le(block, 64)? & 0xff_ffff_ffff),
        updated: time(u64_le(block, 192)? & 0xff_ffff_ffff),
        holds: checksum_1(block, roles) == u32_le(block, 216),
    })
}

/// The sum of all words but the checksum itself, with what runs over added again.
fn checksum_1(block: &[u8], roles: usize) -> Option<u32> {
    let covered = block.get(..roles.checked_mul(2)?.checked_add(256)?)?;
    let words = covered.chunks(4).map(|word| match (u32_le(word, 0), u16_le(word, 0)) {
        (Some(word), _) => u64::from(word),
        (None, half) => half.unwrap_or(0).into(),
    });
    let sum = words.fold(0_u64, u64::wrapping_add).wrapping_sub(u32_le(block, 216)?.into());
    Some(folded(sum))
}

fn folded(sum: u64) -> u32 {
    let low = u32::try_from(sum & 0xffff_ffff).unwrap_or(0);
    low.wrapping_add(u32::try_from(sum >> 32).unwrap_or(0))
}

fn version_0(block: &[u8], at: u64, word_at: fn(&[u8], usize) -> Option<u32>) -> Option<Superblock> {
    let word = |index: usize| word_at(block, index.checked_mul(4)?);
    let mut uuid = [0; 16];
    for (bytes, index) in uuid.chunks_exact_mut(4).zip([5, 13, 14, 15]) {
        bytes.copy_from_slice(&word(index)?.to_be_bytes());
    }
    let state = word(996)?;
    let place = word(995)?;
    let devices = word(10)?;
    let role = match state {
        _ if state & FAULTY != 0 => Role::Faulty,
        _ if state & IN_SYNC != 0 && place < devices => Role::Active(place),
        _ => Role::Spare,
    };
    // The high word comes first on big-endian machines.
    let is_big = u32_be(block, 0) == Some(MAGIC);
    let (low, high) = if is_big { (word(40)?, word(39)?) } else { (word(39)?, word(40)?) };
    let sum = (0..1024).filter_map(word).map(u64::from).fold(0_u64, u64::wrapping_add).wrapping_sub(word(38)?.into());
    Some(Superblock {
        uuid,
        name: None,
        number: Some(word(11)?),
        level: i32::from_le_bytes(word(7)?.to_le_bytes()),
        devices,
        role,
        events: u64::from(high) << 32 | u64::from(low),
        used_bytes: u64::from(word(8)?).saturating_mul(1024),
        data: ByteRange::new(0, at),
        chunk_bytes: word(65)?.into(),
        is_recovering: false,
        is_reshaping: word(2)? == MINOR_RESHAPING,
        // Bit 0 of the state of the array: it was shut down cleanly.
        is_out_of_sync: word(33)? & 1 == 0,
        created: time(word(6)?.into()),
        updated: time(word(32)?.into()),
        holds: block.len() == BLOCK && word(38) == Some(folded(sum)),
    })
}

fn time(seconds: u64) -> Option<FileTime> {
    let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Some(FileTime::new(seconds, None))
}

impl Superblock {
    /// The level's name.
    pub(super) fn level_name(&self) -> String {
        match self.level {
            -1 => "linear".to_owned(),
            -4 => "multipath".to_owned(),
            -5 => "faulty".to_owned(),
            level => format!("raid{level}"),
        }
    }

    /// The name without the host in front of it, as `/dev/md/` shows it.
    pub(super) fn short_name(&self) -> Option<&str> {
        let name = self.name.as_deref()?;
        Some(name.split_once(':').map_or(name, |(_, short)| short)).filter(|name| !name.is_empty())
    }

    /// The member's contribution to a linear array.
    pub(super) fn linear_bytes(&self) -> u64 {
        let bytes = self.data.len();
        bytes.saturating_sub(bytes.checked_rem(self.chunk_bytes).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A superblock of version 1 with the second place of two.
    fn block() -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC.to_le_bytes());
        put(4, &1_u32.to_le_bytes());
        put(16, &[7; 16]);
        put(32, b"host:data");
        put(72, &1_u32.to_le_bytes());
        put(80, &100_u64.to_le_bytes());
        put(92, &2_u32.to_le_bytes());
        put(128, &8_u64.to_le_bytes());
        put(136, &200_u64.to_le_bytes());
        put(160, &1_u32.to_le_bytes());
        put(200, &42_u64.to_le_bytes());
        put(208, &[0xff; 8]);
        put(220, &2_u32.to_le_bytes());
        put(256, &[0, 0, 1, 0]);
        let sum = checksum_1(&block, 2).unwrap();
        block[216..220].copy_from_slice(&sum.to_le_bytes());
        block
    }

    #[test]
    fn version_1_gives_place_name_and_data() {
        let found = parse(&block(), 4096).unwrap();
        assert_eq!((found.role, found.events, found.holds, found.is_out_of_sync), (Role::Active(1), 42, true, false));
        assert_eq!((found.short_name(), found.level_name().as_str()), (Some("data"), "raid1"));
        assert_eq!((found.data, found.used_bytes), (ByteRange::new(4096, 4096 + 102_400), 51_200));
    }

    #[test]
    fn a_changed_bit_breaks_the_checksum_and_a_number_without_role_has_none() {
        let mut block = block();
        block[160] = 2;
        let found = parse(&block, 4096).unwrap();
        assert_eq!((found.role, found.holds), (Role::Unknown, false));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(
            changes in prop::collection::vec((0_usize..300, any::<u8>()), 0..20), length in 0_usize..4097, version in 0_u8..2,
            tail in prop::collection::vec((3900_usize..4096, any::<u8>()), 0..20),
        ) {
            let mut block = block();
            for (at, byte) in changes.into_iter().chain(tail) { block[at] = byte; }
            block[..4].copy_from_slice(&MAGIC.to_le_bytes());
            block[4..8].copy_from_slice(&[version, 0, 0, 0]);
            if let Some(found) = parse(&block[..length], 0) {
                let _ = (found.short_name(), found.level_name(), found.linear_bytes());
            }
            block[..4].copy_from_slice(&MAGIC.to_be_bytes());
            let _ = parse(&block[..length], u64::MAX);
        }
    }
}
