//! How the records of an sa file lie in it, as its header tells.
//!
//! | part | bytes | formats |
//! | --- | --- | --- |
//! | `file_magic` | 76: 0xd596, the number of the format, the version, the length of the header | all |
//! | `file_header` | as told | 2171: sysstat 9.1.6 to 10.2.1; 2173: 10.3.1 to 11.6; 2175: from 11.7.1 |
//! | `file_activity` | 20 each; as told in 2175 | what is measured: its number, its version, how many items of which length |
//!
//! Source: sysstat 12.7, sa.h, sa_conv.h.

use kanshiki_machine::Endian;

/// Bytes of `file_magic`.
pub(super) const MAGIC_BYTES: usize = 76;

/// The most bytes of a header (`MAX_FILE_HEADER_SIZE`).
pub(super) const HEADER_BYTES: usize = 8192;

/// Activities of one file; there are some 45 kinds.
const ACTIVITIES: u32 = 256;

/// Bytes of `old_file_activity`.
pub(super) const OLD_ACTIVITY_BYTES: usize = 20;

/// The number of the activity that measures processors (`A_CPU`).
pub(super) const CPU: u32 = 1;

/// That which measures the load (`A_QUEUE`).
pub(super) const QUEUE: u32 = 9;

/// The first version of what an activity measures (`ACTIVITY_MAGIC_BASE`).
pub(super) const FIRST: u32 = 0x8a;

/// What stands at the beginning of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Magic {
    pub(super) endian: Endian,
    pub(super) format: u16,
    version: [u8; 4],
    header_bytes: usize,
}

impl Magic {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let endian = match bytes.first_chunk::<2>()? {
            [0x96, 0xd5] => Endian::Little,
            [0xd5, 0x96] => Endian::Big,
            _ => return None,
        };
        let format = endian.u16(bytes, 2)?;
        let version = *bytes.get(4..)?.first_chunk()?;
        let header_bytes = usize::try_from(endian.u32(bytes, 8)?).ok()?;
        // All formats so far.
        (0x2100..0x2200).contains(&format).then_some(Self { endian, format, version, header_bytes })
    }

    /// The version of sysstat that wrote the file.
    pub(super) fn version(self) -> String {
        let [major, minor, patch, _] = self.version;
        format!("{major}.{minor}.{patch}")
    }
}

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Activity {
    pub(super) id: u32,
    pub(super) version: u32,
    pub(super) items: u32,
    pub(super) parts: u32,
    /// Whether the number of items stands before them in each record.
    pub(super) is_counted: bool,
    pub(super) item_bytes: u32,
}

impl Activity {
    /// Bytes of so many items.
    pub(super) fn bytes(&self, items: u32) -> u64 {
        u64::from(items).saturating_mul(u64::from(self.parts)).saturating_mul(u64::from(self.item_bytes))
    }

    fn is_sound(&self) -> bool {
        self.items <= 1 << 17 && self.parts <= 1 << 12 && self.item_bytes <= 1024
    }

    /// One of a file older than sysstat 11.7.1.
    pub(super) fn old(endian: Endian, bytes: &[u8]) -> Option<Self> {
        let number = |at| endian.u32(bytes, at);
        let (id, version, items, parts, item_bytes) = (number(0)?, number(4)?, number(8)?, number(12)?, number(16)?);
        let activity = Self { id, version, items, parts, is_counted: false, item_bytes };
        activity.is_sound().then_some(activity)
    }

    fn new(endian: Endian, bytes: &[u8]) -> Option<Self> {
        let number = |at| endian.u32(bytes, at);
        let (id, version, items, parts) = (number(0)?, number(4)?, number(8)?, number(12)?);
        let activity = Self { id, version, items, parts, is_counted: number(16)? != 0, item_bytes: number(20)? };
        activity.is_sound().then_some(activity)
    }
}

/// How the records of a file lie in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) magic: Magic,
    /// The machine's name.
    pub(super) host: Vec<u8>,
    /// When the file was begun, in seconds since 1970.
    pub(super) begun: u64,
    pub(super) activities: Vec<Activity>,
    /// Activities behind a restart.
    pub(super) volatile: u32,
    /// Whether further structures stand behind the activities.
    pub(super) has_extra: bool,
    pub(super) record_bytes: usize,
    time_at: usize,
    is_long: bool,
    extra_at: Option<usize>,
    kind_at: usize,
    /// Bytes up to the end of the activities.
    pub(super) bytes: usize,
}

/// What stands before a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    /// 1 measures, 2 a restart, 4 a comment, 5 to 15 something else.
    pub(super) kind: u8,
    /// Seconds since 1970.
    pub(super) time: u64,
    pub(super) has_extra: bool,
    /// Whether it is a record wherever it is found.
    pub(super) is_certain: bool,
}

impl Layout {
    /// The layout of a file with these first bytes; `None` if its header contradicts itself.
    pub(super) fn parse(magic: Magic, bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(MAGIC_BYTES..MAGIC_BYTES.checked_add(magic.header_bytes)?)?;
        let rest = bytes.get(MAGIC_BYTES.checked_add(magic.header_bytes)?..)?;
        match magic.format {
            0x2171 | 0x2173 => Self::old(magic, header, rest),
            _ => Self::new(magic, header, rest),
        }
    }

    fn old(magic: Magic, header: &[u8], rest: &[u8]) -> Option<Self> {
        let endian = magic.endian;
        // The day stands behind the number of activities, which is that of volatile ones in 2173.
        let (count_at, day_at) = if magic.format == 0x2171 { (8, 12) } else { (12, 20) };
        let is_long = *header.get(day_at..)?.get(3)? == 8;
        let begun = if is_long { endian.u64(header, 0)? } else { endian.u32(header, 0)?.into() };
        let volatile = if magic.format == 0x2171 { 0 } else { endian.u32(header, 16)? };
        let count = endian.u32(header, count_at)?;
        let (activities, bytes) = activities(rest, count, OLD_ACTIVITY_BYTES, &|bytes| Activity::old(endian, bytes))?;
        Some(Self {
            magic,
            host: name(header, day_at.checked_add(4 + 65)?)?,
            begun,
            activities,
            volatile: volatile.min(ACTIVITIES),
            has_extra: false,
            record_bytes: 48,
            time_at: 32,
            is_long,
            extra_at: None,
            kind_at: 40,
            bytes: MAGIC_BYTES.checked_add(magic.header_bytes)?.checked_add(bytes)?,
        })
    }

    fn new(magic: Magic, header: &[u8], rest: &[u8]) -> Option<Self> {
        let endian = magic.endian;
        let number = |at| endian.u32(header, at);
        let size =
            |at| number(at).and_then(|size| usize::try_from(size).ok()).filter(|size| (16..=1024).contains(size));
        let (activity_bytes, record_bytes) = (size(52)?, size(56)?);
        let ints = usize::try_from(number(48)?).ok().filter(|ints| *ints <= 8)?;
        let longs = usize::try_from(number(40)?).ok().filter(|longs| (2..=4).contains(longs))?;
        // The day, the month and the size of a long stand before the names; 60 or, with `extra_next`, 64.
        let day_at = [60_usize, 64].into_iter().find(|at| {
            let day = header.get(*at..).unwrap_or_default();
            matches!(day, [1..=31, 0..=11, 4 | 8, name, ..] if name.is_ascii_graphic())
        })?;
        let kind_at = longs.checked_mul(8)?.checked_add(ints.checked_mul(4)?)?;
        let (activities, bytes) = activities(rest, number(20)?, activity_bytes, &|bytes| Activity::new(endian, bytes))?;
        Some(Self {
            magic,
            host: name(header, day_at.checked_add(3 + 65)?)?,
            begun: endian.u64(header, 0)?,
            activities,
            volatile: 0,
            has_extra: day_at == 64 && number(60)? != 0,
            record_bytes,
            time_at: 8,
            is_long: true,
            extra_at: (ints > 0).then_some(16),
            kind_at: (kind_at < record_bytes).then_some(kind_at)?,
            bytes: MAGIC_BYTES.checked_add(magic.header_bytes)?.checked_add(bytes)?,
        })
    }

    /// Takes apart what stands before a record; `None` if it cannot be that.
    pub(super) fn record(&self, bytes: &[u8]) -> Option<RecordHeader> {
        let endian = self.magic.endian;
        let time =
            if self.is_long { endian.u64(bytes, self.time_at)? } else { endian.u32(bytes, self.time_at)?.into() };
        let [kind, hour, minute, second] = *bytes.get(self.kind_at..)?.first_chunk()?;
        let has_extra = self.extra_at.is_some_and(|at| endian.u32(bytes, at).unwrap_or(0) != 0);
        let is_sound = (1..=15).contains(&kind)
            && hour < 24
            && minute < 60
            && second <= 60
            && (1_000_000_000..1 << 36).contains(&time);
        // The clock on the wall and the time differ by whole minutes, unless somebody wrote the file by hand.
        let is_certain = u64::from(second) == time % 60;
        is_sound.then_some(RecordHeader { kind, time, has_extra, is_certain })
    }
}

fn activities(
    bytes: &[u8],
    count: u32,
    size: usize,
    parse: &dyn Fn(&[u8]) -> Option<Activity>,
) -> Option<(Vec<Activity>, usize)> {
    let count = usize::try_from(count).ok().filter(|_| (1..=ACTIVITIES).contains(&count))?;
    let all = count.checked_mul(size)?;
    let activities: Option<Vec<_>> = bytes.get(..all)?.chunks_exact(size).map(parse).collect();
    Some((activities?, all))
}

/// A name of up to 65 bytes.
fn name(header: &[u8], at: usize) -> Option<Vec<u8>> {
    let name = header.get(at..at.checked_add(65)?)?;
    name.split(|byte| *byte == 0).next().map(<[u8]>::to_vec)
}
