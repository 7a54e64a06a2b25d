//! What is copied: a block device, a regular file, a raw image in parts, or standard input. It is opened for reading
//! once, and from then on only the open descriptors count.

mod beside;
mod facts;
mod open;
mod stdin;

pub(crate) use facts::{changed, facts, modified};
pub(crate) use open::open;
pub(crate) use stdin::StdinSource;

use crate::device::BlockDevice;
use crate::error::with_causes;
use crate::stream::{Buffer, CHUNK_BYTES, Fault, Feed};
use kanshiki_custody::manifest::SourceKind;
use kanshiki_model::{ByteRange, ByteRanges};
use rustix::fs::SeekFrom;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The unit in which unreadable places of a regular file are told, in bytes.
pub(crate) const FILE_SECTOR_BYTES: u64 = 512;

/// Bytes at the beginning and at the end that are compared before and after the reading.
pub(crate) const EDGE_BYTES: u64 = 64 << 10;

/// Times to read the beginning and the end before they count as unreadable.
const EDGE_TRIES: u32 = 8;

/// How long they are tried again: a disk that is ill may take its time for each.
const EDGE_PATIENCE: Duration = Duration::from_secs(10);

/// Failed reads in a row after which a place that was read well before is read again.
const FAILURES_BEFORE_A_LOOK: u64 = 8;

/// An open source with a known length.
#[derive(Debug)]
pub(crate) struct SourceReader {
    kind: SourceKind,
    path: String,
    parts: Vec<Part>,
    bytes: u64,
    sector_bytes: u64,
    direct: bool,
    live: bool,
    device: Option<BlockDevice>,
    tail: Option<Tail>,
    answers: AtomicU64,
    errors: AtomicU64,
    pulse: Pulse,
    notes: Vec<String>,
    remarks: Vec<String>,
    recorded: ByteRanges,
}

/// Where the source was read well, and how often it failed since.
///
/// A disk that was pulled out, or whose cable is loose, may answer every read with the error of a bad sector. When
/// failures pile up, the places that were read well before tell the two apart.
#[derive(Debug)]
struct Pulse {
    first_good: AtomicU64,
    last_good: AtomicU64,
    failures_in_a_row: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        let nowhere = || AtomicU64::new(u64::MAX);
        Self { first_good: nowhere(), last_good: nowhere(), failures_in_a_row: AtomicU64::new(0) }
    }
}

impl Pulse {
    fn good(&self, offset: u64) {
        let _ = self.first_good.compare_exchange(u64::MAX, offset, Ordering::Relaxed, Ordering::Relaxed);
        self.last_good.store(offset, Ordering::Relaxed);
        self.failures_in_a_row.store(0, Ordering::Relaxed);
    }

    /// Notes a failed read; returns the places to look at, if it is time. The more failures, the rarer: seeking is hard
    /// on a disk that is ill.
    fn failed(&self) -> Option<[u64; 2]> {
        let failures = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let places = [self.last_good.load(Ordering::Relaxed), self.first_good.load(Ordering::Relaxed)];
        let due = failures >= FAILURES_BEFORE_A_LOOK && failures.is_power_of_two();
        Some(places).filter(|places| due && !places.contains(&u64::MAX))
    }
}

/// The end of a device that is no whole sector. Direct reads never get there, and the kernel may refuse others too.
#[derive(Debug)]
struct Tail {
    range: ByteRange,
    // A second descriptor of the same device, which reads through the page cache.
    file: io::Result<File>,
}

impl Tail {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        // Whatever the kernel calls it, these bytes alone cannot be had: the disk is there.
        let unreadable = || io::Error::from(rustix::io::Errno::IO);
        match self.file.as_ref().map(|file| file.read_at(buf, offset)) {
            Ok(Ok(read)) if read > 0 => Ok(read),
            _ => Err(unreadable()),
        }
    }
}

/// One descriptor and the place of its bytes in the source.
#[derive(Debug)]
struct Part {
    range: ByteRange,
    file: File,
}

impl SourceReader {
    /// What kind of thing it is.
    #[must_use]
    pub(crate) const fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The path as it was given, made visible.
    #[must_use]
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// What must be known of the source as it was found, in plain words.
    #[must_use]
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The length in bytes when the source was opened.
    #[must_use]
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The smallest unit that can be read alone, in bytes.
    #[must_use]
    pub(crate) const fn sector_bytes(&self) -> u64 {
        self.sector_bytes
    }

    /// Whether reads go past the page cache.
    #[must_use]
    pub(crate) const fn is_direct(&self) -> bool {
        self.direct
    }

    /// Whether the source was in use when it was opened.
    #[must_use]
    pub(crate) const fn is_live(&self) -> bool {
        self.live
    }

    /// The block device, if it is one.
    #[must_use]
    pub(crate) const fn device(&self) -> Option<&BlockDevice> {
        self.device.as_ref()
    }

    /// What must be known and does not speak against the copy, in plain words.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = String> + '_ {
        self.remarks.iter().cloned().chain(self.tail_note())
    }

    /// What must be known of a device that does not end at the end of a sector; `None` for all others.
    fn tail_note(&self) -> Option<String> {
        let tail = self.tail.as_ref()?.range;
        Some(format!(
            "the device has {} bytes, which is no multiple of its sector of {}: its last {} bytes are no whole sector, and \
             most kernels do not read them",
            self.bytes,
            self.sector_bytes,
            tail.len()
        ))
    }

    /// The descriptors, the first part's first.
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.parts.iter().map(|part| &part.file)
    }

    /// The number of reads that failed.
    #[must_use]
    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// The number of reads that were answered, by bytes or by an error.
    #[must_use]
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// The length in bytes now.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn bytes_now(&self) -> io::Result<u64> {
        self.parts.iter().try_fold(0_u64, |sum, part| Ok(sum.saturating_add(length(&part.file)?)))
    }

    /// The bytes that a copy may take at its destination: the holes of a sparse file take none.
    #[must_use]
    pub(crate) fn allocated_bytes(&self) -> u64 {
        use std::os::unix::fs::MetadataExt as _;
        if self.kind == SourceKind::Device {
            return self.bytes;
        }
        let allocated =
            |file: &File| file.metadata().map_or(u64::MAX, |metadata| metadata.blocks().saturating_mul(512));
        self.files().fold(0, |sum: u64, file| sum.saturating_add(allocated(file))).min(self.bytes)
    }

    /// The beginning and the end, [`EDGE_BYTES`] each; the two overlap in a small source.
    #[must_use]
    pub(crate) fn edges(&self) -> [ByteRange; 2] {
        // Direct reads begin and end at sectors.
        let end = self.tail.as_ref().map_or(self.bytes, |tail| tail.range.start);
        let last = end.saturating_sub(EDGE_BYTES) / self.sector_bytes * self.sector_bytes;
        [ByteRange::new(0, EDGE_BYTES.min(end)), ByteRange::new(last, end)]
    }

    /// Whether these bytes are a hole of a sparse file, which need not be read.
    fn is_hole(&self, offset: u64, bytes: u64) -> bool {
        let Some(part) = self.parts.iter().find(|part| part.range.contains(offset)) else { return false };
        if self.kind == SourceKind::Device || part.range.end < offset.saturating_add(bytes) {
            return false;
        }
        let within = offset.saturating_sub(part.range.start);
        match rustix::fs::seek(&part.file, SeekFrom::Data(within)) {
            Ok(data) => data >= within.saturating_add(bytes),
            // Nothing but a hole up to the end of the file, unless the file has become shorter.
            Err(rustix::io::Errno::NXIO) => {
                length(&part.file).is_ok_and(|length| length >= within.saturating_add(bytes))
            }
            Err(_) => false,
        }
    }

    /// Fills the whole of `buf` from byte `offset`. For direct reads `buf`, its length and `offset` are aligned.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the bytes could not all be read.
    pub(crate) fn read(&self, offset: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let read = self.read_whole(offset, buf);
        match read {
            Ok(()) => self.pulse.good(offset),
            Err(Fault::Unreadable(error)) => {
                if self.pulse.failed().is_some_and(|places| places.iter().all(|place| !self.is_readable(*place))) {
                    let reason =
                        format!("what was read before cannot be read any more either: {}", with_causes(&error));
                    return Err(Fault::Gone(io::Error::other(reason)));
                }
                return Err(Fault::Unreadable(error));
            }
            Err(_) => {}
        }
        read
    }

    /// Whether the sector at this place can be read.
    fn is_readable(&self, offset: u64) -> bool {
        let mut sector = Buffer::new();
        sector.set_len(self.sector_bytes.min(self.bytes.saturating_sub(offset)));
        self.read_whole(offset, sector.as_mut()).is_ok()
    }

    fn read_whole(&self, offset: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let range = ByteRange::new(offset, offset.saturating_add(buf.len() as u64));
        if self.recorded.within(range).next().is_some() {
            return Err(Fault::Unreadable(io::Error::other("recorded as unreadable when the image was made")));
        }
        let mut done: usize = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(done as u64);
            let Some(part) = self.parts.iter().find(|part| part.range.contains(at)) else {
                return Err(Fault::Ended(done));
            };
            let room = usize::try_from(part.range.end.saturating_sub(at)).unwrap_or(usize::MAX).min(rest.len());
            let whole = self.tail.as_ref().map_or(u64::MAX, |tail| tail.range.start.saturating_sub(at));
            let in_tail = self.tail.as_ref().filter(|_| whole == 0);
            let room = if in_tail.is_some() { room } else { room.min(usize::try_from(whole).unwrap_or(usize::MAX)) };
            let rest = rest.get_mut(..room).unwrap_or_default();
            if let Some(tail) = in_tail {
                let read = tail.read_at(rest, at).map_err(|error| self.failed(Fault::Unreadable(error)))?;
                done = done.saturating_add(read);
                continue;
            }
            let read = part.file.read_at(rest, at.saturating_sub(part.range.start));
            self.answers.fetch_add(1, Ordering::Relaxed);
            match read {
                Ok(0) => return Err(self.failed(Fault::Ended(done))),
                Ok(read) => done = done.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(self.classify(error))),
            }
        }
        Ok(())
    }

    fn failed(&self, fault: Fault) -> Fault {
        self.errors.fetch_add(1, Ordering::Relaxed);
        fault
    }

    /// Tells bad sectors from a source that is gone. Source: Linux 6.12, block/blk-core.c, `blk_errors`: a medium error
    /// is ENODATA, a target error EREMOTEIO, an integrity error EILSEQ, anything else about one request EIO.
    fn classify(&self, error: io::Error) -> Fault {
        use rustix::io::Errno;
        const OF_SECTORS: [Errno; 5] = [Errno::IO, Errno::NODATA, Errno::REMOTEIO, Errno::ILSEQ, Errno::TIMEDOUT];
        let of_sectors = Errno::from_io_error(&error).is_some_and(|errno| OF_SECTORS.contains(&errno));
        let gone = match (&self.device, self.parts.first()) {
            (Some(device), Some(part)) => device.is_gone(&part.file),
            _ => false,
        };
        if of_sectors && !gone { Fault::Unreadable(error) } else { Fault::Gone(error) }
    }
}

impl Feed for SourceReader {
    fn len(&self) -> Option<u64> {
        Some(self.bytes)
    }

    fn fill(&self, index: u64, buffer: &mut Buffer) -> Result<(), Fault> {
        let offset = index.saturating_mul(CHUNK_BYTES);
        let range = ByteRange::new(offset, offset.saturating_add(buffer.as_slice().len() as u64));
        let is_recorded = self.recorded.within(range).next().is_some();
        if !is_recorded && self.is_hole(offset, buffer.as_slice().len() as u64) {
            buffer.as_mut().fill(0);
            return Ok(());
        }
        self.read(offset, buffer.as_mut())
    }
}

/// Digests of the source's edges, SHA-256 in hexadecimal; `None` for one that cannot be read.
#[must_use]
pub(crate) fn edge_digests(source: &SourceReader) -> [Option<String>; 2] {
    source.edges().map(|range| {
        let mut buffer = Buffer::new();
        buffer.set_len(range.len());
        // A disk that fails now and then is no disk that has changed.
        let begun = Instant::now();
        let mut tries = (0..EDGE_TRIES).take_while(|first| *first == 0 || begun.elapsed() < EDGE_PATIENCE);
        tries.find(|_| source.read(range.start, buffer.as_mut()).is_ok())?;
        let mut hasher = kanshiki_model::Hasher::new(kanshiki_model::Algorithm::Sha256);
        hasher.update(buffer.as_slice());
        Some(hasher.finish().to_hex())
    })
}

/// The length of an open file or block device in bytes.
fn length(mut file: &File) -> io::Result<u64> {
    use std::io::Seek as _;
    file.seek(io::SeekFrom::End(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_pile_up_call_for_a_look_ever_more_rarely() {
        let pulse = Pulse::default();
        assert!((1..=16).all(|_| pulse.failed().is_none()), "nothing was read well yet");
        pulse.good(4096);
        pulse.good(8192);
        let looks: Vec<u64> = (1..=64).filter(|_| pulse.failed() == Some([8192, 4096])).collect();
        assert_eq!(looks, [8, 16, 32, 64]);
        pulse.good(512);
        assert!((1..8).all(|_| pulse.failed().is_none()));
        assert_eq!(pulse.failed(), Some([512, 4096]));
    }
}
