//! What stands at the beginning of every object, and of each type of object.
//!
//! | byte | bytes | what |
//! | --- | --- | --- |
//! | 0 | 1 | type |
//! | 1 | 1 | flags: how the content of DATA is compressed |
//! | 2 | 6 | zeroes |
//! | 8 | 8 | length of the object with this, without the zeroes that fill it up to a multiple of 8 |
//!
//! | type | from byte 16 on | compact |
//! | --- | --- | --- |
//! | 1 DATA | hash, next in the hash table, next of the field, first entry, array of entries, number of entries; content at 64 | at 64 last array and its entries in 4 bytes each; content at 72 |
//! | 2 FIELD | hash, next in the hash table, first DATA; name at 40 | |
//! | 3 ENTRY | number, realtime, monotonic, boot (16 bytes), xor of the hashes; at 64 for each DATA its offset and hash | at 64 for each DATA its offset in 4 bytes |
//! | 4, 5 hash tables | for each place the first and the last offset | |
//! | 6 array of entries | next array; at 24 offsets of entries | offsets in 4 bytes |
//! | 7 TAG | number, epoch, 32 bytes of HMAC | |
//!
//! Source: <https://systemd.io/JOURNAL_FILE_FORMAT>; systemd 257, src/libsystemd/sd-journal/journal-def.h.

use super::decompress::Method;

/// Length of what every object begins with.
pub(super) const HEADER_BYTES: usize = 16;

/// Where the offsets of an ENTRY begin; its length without them.
pub(super) const ENTRY_BYTES: usize = 64;

/// Where the offsets of an array begin.
pub(super) const ARRAY_BYTES: u64 = 24;

/// Times of journald are microseconds, less than this (journal-file.c, VALID_REALTIME).
const REALTIME_END: u64 = 1 << 55;

/// The type of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Field,
    Entry,
    DataTable,
    FieldTable,
    Array,
    Tag,
}

impl Kind {
    const fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Data,
            2 => Self::Field,
            3 => Self::Entry,
            4 => Self::DataTable,
            5 => Self::FieldTable,
            6 => Self::Array,
            7 => Self::Tag,
            _ => return None,
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Data => "DATA",
            Self::Field => "FIELD",
            Self::Entry => "ENTRY",
            Self::DataTable => "DATA_HASH_TABLE",
            Self::FieldTable => "FIELD_HASH_TABLE",
            Self::Array => "ENTRY_ARRAY",
            Self::Tag => "TAG",
        }
    }

    /// The least length of such an object. DATA and FIELD have a byte of content, ENTRY has an offset.
    const fn least(self, layout: Layout) -> u64 {
        match (self, layout.is_compact) {
            (Self::Data, false) => 65,
            (Self::Data, true) => 73,
            (Self::Field, _) => 41,
            (Self::Entry, false) => 80,
            (Self::Entry, true) => 68,
            (Self::DataTable | Self::FieldTable, _) => 32,
            (Self::Array, _) => ARRAY_BYTES,
            (Self::Tag, _) => 64,
        }
    }
}

/// How the objects of a file are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) is_compact: bool,
    /// Whether the key of the hashes is lost, so that contents cannot be checked by them.
    pub(super) is_unchecked: bool,
    /// What the hashes are keyed with.
    pub(super) key: Option<[u8; 16]>,
    /// Where the first object may lie.
    pub(super) start: u64,
    /// Length of the file.
    pub(super) length: u64,
}

impl Layout {
    /// Where the content of a DATA object begins.
    pub(super) const fn content(&self) -> u64 {
        if self.is_compact { 72 } else { 64 }
    }

    /// Bytes of an offset in an array.
    pub(super) const fn array_item(&self) -> usize {
        if self.is_compact { 4 } else { 8 }
    }

    /// Bytes of an offset in an ENTRY, with the hash behind it.
    pub(super) const fn entry_item(&self) -> usize {
        if self.is_compact { 4 } else { 16 }
    }

    /// Whether an object may begin there.
    pub(super) const fn may_begin(&self, offset: u64) -> bool {
        offset & 7 == 0 && offset >= self.start && offset < self.length
    }
}

/// An object whose beginning makes sense.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) method: Option<Method>,
    pub(super) at: u64,
    /// Its length, without the zeroes that fill it up.
    pub(super) size: u64,
}

impl Object {
    /// The object at a place; why there is none, if its first bytes do not make sense.
    pub(super) fn parse(head: [u8; HEADER_BYTES], at: u64, layout: Layout) -> Result<Self, String> {
        let [kind, flags, reserved @ .., _, _, _, _, _, _, _, _] = head;
        let size = number(&head, 8).unwrap_or(0);
        let Some(kind) = Kind::of(kind) else { return Err(format!("there is no type {kind} of objects")) };
        let method = match flags {
            0 => None,
            1 => Some(Method::Xz),
            2 => Some(Method::Lz4),
            4 => Some(Method::Zstandard),
            _ => return Err(format!("{} object with unknown flags {flags:#04x}", kind.name())),
        };
        if reserved != [0; 6] || (method.is_some() && kind != Kind::Data) {
            return Err(format!("{} object with bytes set that must be zero", kind.name()));
        }
        if size < kind.least(layout) {
            return Err(format!("{} object of {size} bytes, which is too short", kind.name()));
        }
        if at.checked_add(size).is_none_or(|end| end > layout.length) {
            return Err(format!("{} object of {size} bytes, which reaches beyond the end of the file", kind.name()));
        }
        Ok(Self { kind, method, at, size })
    }

    /// Where the next object begins.
    pub(super) fn end(&self) -> u64 {
        self.at.saturating_add(self.size).checked_next_multiple_of(8).unwrap_or(u64::MAX)
    }
}

/// What an ENTRY says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) seqnum: u64,
    /// Microseconds since 1970.
    pub(super) realtime: u64,
    /// Microseconds since the machine was started.
    pub(super) monotonic: u64,
    pub(super) boot: [u8; 16],
}

impl Entry {
    /// Reads the first [`ENTRY_BYTES`]; `None` if they cannot be those of an entry.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let boot = bytes.get(40..56)?.first_chunk().copied()?;
        let entry =
            Self { seqnum: number(bytes, 16)?, realtime: number(bytes, 24)?, monotonic: number(bytes, 32)?, boot };
        let is_sound = entry.seqnum > 0 && entry.realtime > 0 && entry.realtime < REALTIME_END;
        (is_sound && entry.monotonic < REALTIME_END && boot != [0; 16]).then_some(entry)
    }
}

/// Eight bytes, the lowest first.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Four bytes, the lowest first.
pub(super) fn short(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
