//! Files whose contents are to be read, in the order in which they lie on the disk, so that a spinning disk is not made
//! to seek.

use crate::parallel::{Piece, threads};
use crate::sweep::{Descend, Item, SweepOptions, Sweeper, sweep};
use kanshiki_filesystem::{Extent, ExtentState, FsError, Located, NodeType, Place, View};
use kanshiki_image::{ReadAt, RunState};
use kanshiki_model::{ByteRange, Issue, visible};
use std::io;
use std::ops::ControlFlow;

/// Bytes of paths and numbers that are kept at once; more files make further portions.
const PORTION_BYTES: usize = 32 << 20;

/// A file whose content is to be read.
#[derive(Debug, Clone, Copy)]
pub struct FileJob {
    path_end: usize,
    /// Its place.
    pub place: Place,
    /// Length of the content in bytes.
    pub size: u64,
    /// Number of names.
    pub links: u32,
    /// Where its first bytes lie in the volume; 0 if nowhere.
    pub first_byte: u64,
}

/// Files in the order in which the sweep came by them.
#[derive(Debug, Default)]
pub struct Portion {
    paths: Vec<u8>,
    jobs: Vec<FileJob>,
}

impl Portion {
    /// The files.
    #[must_use]
    pub fn jobs(&self) -> &[FileJob] {
        &self.jobs
    }

    /// The path of a file, by its number.
    #[must_use]
    pub fn path(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).and_then(|before| self.jobs.get(before)).map_or(0, |before| before.path_end);
        let end = self.jobs.get(number).map_or(start, |job| job.path_end);
        self.paths.get(start..end).unwrap_or_default()
    }

    /// The numbers of the files in the order in which they lie on the disk; names of the same file stand together.
    #[must_use]
    pub fn by_place(&self) -> Vec<u32> {
        let keys = (0_u32..).zip(&self.jobs);
        let keys = keys.map(|(number, job)| (job.place.volume, job.first_byte, job.place.node.inode, number));
        // The keys are brought together first: looked up for each comparison, they take longer than the sorting.
        let mut keys: Vec<(usize, u64, u64, u32)> = keys.collect();
        keys.sort_unstable();
        keys.into_iter().map(|(.., number)| number).collect()
    }

    /// Finds out where the files lie, on all cores, in the order of their inodes.
    fn locate(&mut self, view: &View) {
        let with_content = (0_usize..).zip(&self.jobs).filter(|(_, job)| job.size > 0);
        let mut order: Vec<(Place, usize)> = with_content.map(|(number, job)| (job.place, number)).collect();
        order.sort_unstable();
        let part = order.len().div_ceil(threads()).max(1);
        let found: Vec<Vec<u64>> = std::thread::scope(|scope| {
            let find = |places: &[(Place, usize)]| -> Vec<u64> {
                places.iter().map(|(place, _)| first_byte(view, *place)).collect()
            };
            let parts: Vec<_> = order.chunks(part).map(|places| scope.spawn(move || find(places))).collect();
            parts.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
        });
        for (places, found) in order.chunks(part).zip(found) {
            for ((_, number), first_byte) in places.iter().zip(found) {
                if let Some(job) = self.jobs.get_mut(*number) {
                    job.first_byte = first_byte;
                }
            }
        }
    }

    fn push(&mut self, path: &[u8], job: FileJob) {
        self.paths.extend_from_slice(path);
        self.jobs.push(FileJob { path_end: self.paths.len(), ..job });
    }

    fn weight(&self) -> usize {
        self.paths.len().saturating_add(self.jobs.len().saturating_mul(128))
    }
}

/// Which files of those that a sweep comes by are read. Only regular files are asked for.
pub type Select<'a> = &'a (dyn Fn(&Item<'_>) -> Result<bool, FsError> + Sync);

/// Comes by all files from the starts on, and hands on those selected in portions, each with the issues met meanwhile.
pub fn portions(
    view: &View,
    starts: &[Located],
    options: SweepOptions,
    select: Select<'_>,
    each: &mut dyn FnMut(Portion, Vec<Issue>) -> ControlFlow<()>,
) {
    let collector = Collector { view, select };
    let (mut portion, mut issues, mut is_over) = (Portion::default(), Vec::new(), false);
    sweep(view, starts, options, &collector, &mut |batch: Batch| {
        issues.extend(batch.issues);
        for number in 0..batch.files.jobs.len() {
            if let Some(job) = batch.files.jobs.get(number) {
                portion.push(batch.files.path(number), *job);
            }
        }
        if portion.weight() < PORTION_BYTES && issues.len() < 10_000 {
            return ControlFlow::Continue(());
        }
        let mut full = std::mem::take(&mut portion);
        full.locate(view);
        let flow = each(full, std::mem::take(&mut issues));
        is_over = flow.is_break();
        flow
    });
    if !is_over {
        portion.locate(view);
        let _ = each(portion, issues);
    }
}

#[derive(Default)]
struct Batch {
    files: Portion,
    issues: Vec<Issue>,
}

struct Collector<'a> {
    view: &'a View,
    select: Select<'a>,
}

impl Sweeper for Collector<'_> {
    type Batch = Batch;

    fn visit(&self, item: &Item<'_>, batch: &mut Batch) -> Descend {
        let (place, node) = match &item.found {
            Ok(found) => *found,
            Err(error) => {
                let volume = item.directory.map_or(0, |directory| directory.volume);
                batch.issues.push(issue(self.view, volume, item.path, error));
                return Descend::No;
            }
        };
        if node.node_type != NodeType::File {
            return Descend::Yes;
        }
        match (self.select)(item) {
            Ok(true) => {
                let job = FileJob { path_end: 0, place, size: node.size, links: node.links, first_byte: 0 };
                batch.files.push(item.path, job);
            }
            Ok(false) => {}
            Err(error) => batch.issues.push(issue(self.view, place.volume, item.path, &error)),
        }
        Descend::Yes
    }

    fn damage(&self, path: &[u8], volume: usize, error: &FsError, batch: &mut Batch) {
        batch.issues.push(issue(self.view, volume, path, error));
    }
}

/// Where the first bytes of a file lie in its volume, 0 if nowhere; damage is told when the file is read.
#[must_use]
pub fn first_byte(view: &View, place: Place) -> u64 {
    let extents = view.filesystem(place).and_then(|filesystem| filesystem.extents(place.node).ok());
    let stored = |extent: Extent| match extent.state {
        ExtentState::Stored(offset) | ExtentState::Inline(offset) => Some(offset),
        ExtentState::Unwritten(_) | ExtentState::Hole => None,
    };
    extents.and_then(|extents| extents.filter_map(Result::ok).take(64).find_map(stored)).unwrap_or(0)
}

/// An error of a volume as an issue of the file or directory at this path.
#[must_use]
pub fn issue(view: &View, volume: usize, path: &[u8], error: &FsError) -> Issue {
    error.issue(&format!("{}, {}", subject(view, volume), visible(path)))
}

/// What issues of a volume concern.
#[must_use]
pub fn subject(view: &View, volume: usize) -> String {
    let name = view.volumes().get(volume).map(|volume| volume.name.as_str()).filter(|name| !name.is_empty());
    name.map_or_else(|| "volume".to_owned(), |name| format!("volume {name}"))
}

/// The bytes of a range as a reader.
#[derive(Debug)]
pub struct RangeReader<'a> {
    source: &'a dyn ReadAt,
    range: ByteRange,
}

impl<'a> RangeReader<'a> {
    /// Reads this range of a source.
    #[must_use]
    pub fn new(source: &'a dyn ReadAt, range: ByteRange) -> Self {
        Self { source, range }
    }
}

impl io::Read for RangeReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.range.len()).unwrap_or(usize::MAX).min(buf.len());
        let wanted = buf.get_mut(..most).unwrap_or_default();
        let read = self.source.read_at(self.range.start, wanted).map_err(io::Error::other)?;
        self.range.start = self.range.start.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

/// The runs of a content that are stored, those that touch joined; holes of less than `hole_bytes` among them.
pub fn stored_runs(source: &dyn ReadAt, hole_bytes: u64) -> impl Iterator<Item = ByteRange> + Send + '_ {
    let mut runs = source.runs().peekable();
    let is_hole = move |(range, state): &(ByteRange, RunState)| *state == RunState::Hole && range.len() >= hole_bytes;
    std::iter::from_fn(move || {
        while runs.next_if(is_hole).is_some() {}
        let (mut range, _) = runs.next()?;
        while let Some((next, _)) = runs.next_if(|run| !is_hole(run)) {
            range.end = next.end;
        }
        Some(range)
    })
}

/// Turns a panic of a decoder on hostile bytes into an issue of the file.
pub fn guarded(path: &[u8], piece: &mut Piece, work: impl FnOnce(&mut Piece)) {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(piece)));
    if caught.is_err() {
        piece.issues.push(Issue::new(visible(path), "internal error while it was read; what came before is given"));
    }
}
