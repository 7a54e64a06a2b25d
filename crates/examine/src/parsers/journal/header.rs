//! The header of a journal.
//!
//! | byte | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | `LPKSHHRH` |
//! | 8 | 4 | flags that a reader may pass over: 1 sealed, 2 the boot is that of the last entry, 4 sealed without a gap |
//! | 12 | 4 | flags that it must know: 1 xz, 2 LZ4, 4 keyed hash, 8 Zstandard, 16 compact |
//! | 16 | 1 | 0 offline, 1 online, 2 archived |
//! | 24 | 16 | identifier of the file |
//! | 40 | 16 | identifier of the machine |
//! | 56 | 16 | boot of the last entry |
//! | 72 | 16 | identifier of the line of sequence numbers |
//! | 88 | 8 | length of the header |
//! | 96 | 8 | length of what follows it |
//! | 136 | 8 | offset of the last object |
//! | 144 | 8 | number of objects |
//! | 152 | 8 | number of entries |
//! | 160 | 16 | the last and the first sequence number |
//! | 176 | 8 | offset of the first array of entries |
//! | 184 | 16 | times of the first and the last entry |
//! | 224 | 8 | number of tags |
//!
//! Source: as in [`super::object`].

use super::object::{Layout, number, short};

/// What a journal begins with.
pub(super) const SIGNATURE: &[u8; 8] = b"LPKSHHRH";

/// The length of the header of systemd 38, the first with this signature.
pub(super) const LEAST_BYTES: u64 = 208;

/// What is read of the header.
pub(super) const READ_BYTES: usize = 232;

/// Flags that are known.
const KNOWN: u32 = 31;

/// What the header says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    compatible: u32,
    incompatible: u32,
    state: u8,
    pub(super) file: [u8; 16],
    pub(super) machine: [u8; 16],
    pub(super) boot: [u8; 16],
    pub(super) seqnum: [u8; 16],
    size: u64,
    arena: u64,
    pub(super) tail_object: u64,
    pub(super) entries: u64,
    pub(super) first_array: u64,
    /// Whether it stands in for a header that is not there.
    pub(super) is_lost: bool,
}

impl Header {
    /// Reads a header; `None` if it is none or too short.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(SIGNATURE) {
            return None;
        }
        let identifier = |at: usize| bytes.get(at..)?.first_chunk().copied();
        Some(Self {
            compatible: short(bytes, 8)?,
            incompatible: short(bytes, 12)?,
            state: *bytes.get(16)?,
            file: identifier(24)?,
            machine: identifier(40)?,
            boot: identifier(56)?,
            seqnum: identifier(72)?,
            size: number(bytes, 88)?,
            arena: number(bytes, 96)?,
            tail_object: number(bytes, 136)?,
            entries: number(bytes, 152)?,
            first_array: number(bytes, 176)?,
            is_lost: false,
        })
    }

    /// What stands in for a header that was overwritten.
    pub(super) const fn lost(is_compact: bool) -> Self {
        Self {
            compatible: 0,
            incompatible: if is_compact { 16 } else { 0 },
            state: u8::MAX,
            file: [0; 16],
            machine: [0; 16],
            boot: [0; 16],
            seqnum: [0; 16],
            size: LEAST_BYTES,
            arena: 0,
            tail_object: 0,
            entries: 0,
            first_array: 0,
            is_lost: true,
        }
    }

    /// Whether all but the signature is zeroes.
    pub(super) const fn is_blank(&self) -> bool {
        self.size == 0 && self.arena == 0 && self.entries == 0 && self.tail_object == 0
    }

    /// How the objects are laid out in a file of this length; and what of that does not fit together.
    pub(super) fn layout(&self, length: u64) -> (Layout, Vec<String>) {
        let mut wrong = Vec::new();
        let unknown = self.incompatible & !KNOWN;
        if unknown != 0 {
            wrong.push(format!(
                "the header has flags {unknown:#x} that are not known; its objects may be laid out otherwise"
            ));
        }
        let is_sound = self.size >= LEAST_BYTES && self.size <= length && self.size & 7 == 0;
        if !is_sound {
            wrong.push(format!(
                "the header says it has {} bytes; objects are looked for from byte {LEAST_BYTES} on",
                self.size
            ));
        }
        let start = if is_sound { self.size } else { LEAST_BYTES };
        let end = start.saturating_add(self.arena);
        if end > length {
            wrong.push(format!(
                "the header says that the file has {end} bytes, but it has {length}: its end is missing"
            ));
        }
        let key = (self.incompatible & 4 != 0).then_some(self.file);
        (Layout { is_compact: self.incompatible & 16 != 0, is_unchecked: self.is_lost, key, start, length }, wrong)
    }

    /// What the state of the file was when it was last written.
    pub(super) const fn state(&self) -> &'static str {
        match self.state {
            0 => "offline",
            1 => "online",
            2 => "archived",
            _ => "unknown",
        }
    }

    pub(super) const fn is_sealed(&self) -> bool {
        self.compatible & 1 != 0
    }

    /// The names of the flags that a reader must know, with blanks between them.
    pub(super) fn flags(&self) -> String {
        let names = [(1, "xz"), (2, "lz4"), (4, "keyed-hash"), (8, "zstd"), (16, "compact")];
        let set = names.iter().filter(|(bit, _)| self.incompatible & bit != 0).map(|(_, name)| *name);
        set.collect::<Vec<_>>().join(" ")
    }
}
