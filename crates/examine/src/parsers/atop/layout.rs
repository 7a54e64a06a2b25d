//! The structures of a raw log, by the version that wrote it.

use kanshiki_machine::Endian;

/// Bytes of `rawheader`, in all versions that are read.
pub(super) const HEADER_BYTES: usize = 480;

/// Bytes of `rawrecord`.
pub(super) const RECORD_BYTES: usize = 96;

/// Bytes of the compressed parts of one interval.
const PART_BYTES: usize = 64 << 20;

/// Tasks of one interval; the kernel numbers no more.
const TASKS: u32 = 1 << 22;

/// Where the numbers of a process lie in `tstat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessLayout {
    pub(super) bytes: usize,
    ticks_at: usize,
}

/// The first version with it, as it stands in the header, the length of `tstat`, and the byte of `cpu.utime`.
const PROCESSES: [(u16, usize, usize); 7] = [
    (0x201, 776, 376),
    (0x202, 784, 384),
    (0x204, 840, 384),
    (0x208, 968, 448),
    (0x20a, 992, 456),
    (0x20b, 968, 408),
    (0x20d, 992, 432),
];

/// The first version that is known, and the last.
const VERSIONS: std::ops::RangeInclusive<u16> = 0x201..=0x20d;

/// What stands at the beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) endian: Endian,
    /// Major times 256 plus minor.
    version: u16,
    pub(super) bytes: usize,
    pub(super) record_bytes: usize,
    /// Ticks in a second.
    pub(super) hertz: u16,
    pub(super) host: Vec<u8>,
    pub(super) process: Option<ProcessLayout>,
}

/// What stands before an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    /// Seconds since 1970.
    pub(super) time: i64,
    pub(super) seconds: i64,
    /// Whether it counts from the start of the machine: the first one of a file.
    pub(super) is_since_boot: bool,
    pub(super) system_bytes: usize,
    pub(super) process_bytes: usize,
    other_bytes: usize,
    pub(super) tasks: u32,
    pub(super) processes: u32,
    pub(super) zombies: u32,
    pub(super) exited: u32,
}

impl Record {
    /// Bytes of the compressed parts.
    pub(super) const fn bytes(&self) -> usize {
        self.system_bytes.saturating_add(self.process_bytes).saturating_add(self.other_bytes)
    }
}

impl Header {
    pub(super) fn is_magic(bytes: &[u8]) -> bool {
        matches!(bytes.first_chunk::<4>(), Some([0xef, 0xbe, 0xed, 0xfe] | [0xfe, 0xed, 0xbe, 0xef]))
    }

    /// The header; or why the file is not read.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let endian = if bytes.first() == Some(&0xfe) { Endian::Big } else { Endian::Little };
        let number = |at| endian.u16(bytes, at).unwrap_or(0);
        // The highest bit says that there is a version.
        let version = number(4) & 0x7fff;
        let name = format!("atop {}.{}", version >> 8, version & 0xff);
        if !VERSIONS.contains(&version) {
            return Err(format!("written by {name}, which is not read"));
        }
        let (header_bytes, record_bytes) = (usize::from(number(10)), usize::from(number(12)));
        if header_bytes != HEADER_BYTES || record_bytes != RECORD_BYTES {
            return Err(format!(
                "written by {name} with a header of {header_bytes} bytes and {record_bytes} for each interval; only those of \
                 machines of 64 bits are read, with {HEADER_BYTES} and {RECORD_BYTES}"
            ));
        }
        let host = bytes.get(36 + 65..36 + 130).unwrap_or_default();
        let host = host.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        let size = endian.u32(bytes, 32).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let known = PROCESSES.iter().rev().find(|(first, ..)| version >= *first);
        let process = known.filter(|(_, bytes, _)| *bytes == size);
        let process = process.map(|(_, bytes, ticks_at)| ProcessLayout { bytes: *bytes, ticks_at: *ticks_at });
        let Some(process) = process else {
            return Err(format!("written by {name} with {size} bytes for each process, which is not read"));
        };
        let hertz = number(14).max(1);
        Ok(Self { endian, version, bytes: header_bytes, record_bytes, hertz, host, process: Some(process) })
    }

    /// Takes apart what stands before an interval; `None` if it cannot be that.
    pub(super) fn record(&self, bytes: &[u8]) -> Option<Record> {
        let number = |at| self.endian.u32(bytes, at);
        let part = |at| number(at).and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= PART_BYTES);
        // Control groups came with 2.11; the bytes were unused before.
        let other_bytes = if self.version >= 0x20b { part(72)?.checked_add(part(84)?)? } else { 0 };
        let flags = self.endian.u16(bytes, 8)?;
        let record = Record {
            time: i64::try_from(self.endian.u64(bytes, 0)?).ok()?,
            seconds: number(24)?.into(),
            is_since_boot: flags & 1 != 0,
            system_bytes: part(16)?,
            process_bytes: part(20)?,
            other_bytes,
            tasks: number(28)?,
            processes: number(40)?,
            zombies: number(56)?,
            exited: number(60)?,
        };
        let is_sound = (1_000_000_000..1 << 36).contains(&record.time)
            && record.system_bytes > 0
            && record.tasks <= TASKS
            && record.seconds < 1 << 31;
        is_sound.then_some(record)
    }
}

/// A process in an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    /// Not a thread of one.
    pub(super) is_process: bool,
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) uid: u32,
    pub(super) name: Vec<u8>,
    pub(super) command: Vec<u8>,
    /// Ticks that it ran, in the kernel and outside.
    pub(super) ticks: u64,
}

impl ProcessLayout {
    pub(super) fn parse(&self, endian: Endian, bytes: &[u8]) -> Option<Process> {
        let text = |at: usize, size: usize| {
            let field = bytes.get(at..at.checked_add(size)?)?;
            field.split(|byte| *byte == 0).next().map(<[u8]>::to_vec)
        };
        let ticks = endian.u64(bytes, self.ticks_at)?;
        let ticks = ticks.saturating_add(endian.u64(bytes, self.ticks_at.checked_add(8)?)?);
        Some(Process {
            is_process: *bytes.get(64)? != 0,
            pid: endian.u32(bytes, 4)?,
            parent: endian.u32(bytes, 8)?,
            uid: endian.u32(bytes, 12)?,
            name: text(48, 16)?,
            command: text(88, 256)?,
            ticks,
        })
    }
}

impl Process {
    /// Hundredths of a percent of one processor that it used.
    pub(super) fn share(&self, seconds: i64, hertz: u16) -> i64 {
        let all = seconds.max(1).saturating_mul(hertz.into());
        let ticks = i64::try_from(self.ticks).unwrap_or(i64::MAX);
        ticks.saturating_mul(10_000).checked_div(all).unwrap_or(0)
    }
}
