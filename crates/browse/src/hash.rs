//! Digests of all files in one pass, in the order in which they lie on the disk, on all cores.

mod format;

pub use format::{FormatError, HashFormat, hashdeep_header, hashdeep_line, push_hex, sum_line, tagged_line};
pub use kanshiki_lists::KnownList;

use kanshiki_filesystem::View;
use kanshiki_model::{Algorithm, Digest, Issue, Progress};
use kanshiki_walk::contents::{FileJob, Portion, issue};
use kanshiki_walk::digest::digests;
use kanshiki_walk::parallel::threads;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes read at once: small enough to stay in the cache between reading and hashing.
const READ_BYTES: usize = 128 << 10;

/// Files with several names whose digests are kept for the portions to come.
const KEPT_LINKS: usize = 500_000;

/// Files that a thread takes at once.
const TAKEN: usize = 32;

/// Files from this size on are begun first, by one thread, so that no thread is left alone with one of them at the end.
const LARGE_BYTES: u64 = 16 << 20;

/// The digests of a file, in the order of the algorithms that were asked for; `None` if its content could not be read.
pub type Digests = Option<Vec<Digest>>;

/// Hashes files portion by portion; what has several names is read once.
#[derive(Debug)]
pub struct FileHasher<'a> {
    view: &'a View,
    algorithms: &'a [Algorithm],
    progress: &'a dyn Progress,
    links: HashMap<(usize, u64), Digests>,
}

impl<'a> FileHasher<'a> {
    /// A hasher for these algorithms.
    #[must_use]
    pub fn new(view: &'a View, algorithms: &'a [Algorithm], progress: &'a dyn Progress) -> Self {
        Self { view, algorithms, progress, links: HashMap::new() }
    }

    /// The digests of all files of a portion, by their number, and what could not be read, in the order of the files.
    /// `None` if the caller asked to stop.
    pub fn hash(&mut self, portion: &Portion) -> Option<(Vec<Digests>, Vec<Issue>)> {
        let is_large = |number: &u32| {
            let job = usize::try_from(*number).ok().and_then(|number| portion.jobs().get(number));
            job.is_some_and(|job| job.size >= LARGE_BYTES)
        };
        let (large, small): (Vec<u32>, Vec<u32>) = portion.by_place().into_iter().partition(is_large);
        let large = Groups { portion, order: &large, next: AtomicUsize::new(0), taken: 1 };
        let small = Groups { portion, order: &small, next: AtomicUsize::new(0), taken: TAKEN };
        let results = std::thread::scope(|scope| {
            let this = &*self;
            let others: Vec<_> = (1..threads()).map(|_| scope.spawn(|| this.run([&small, &large]))).collect();
            let mut results = vec![this.run([&large, &small])];
            results.extend(others.into_iter().filter_map(|thread| thread.join().ok()));
            results
        });
        if self.progress.stop_requested() {
            return None;
        }
        let mut digests: Vec<Digests> = vec![None; portion.jobs().len()];
        let mut issues = Vec::new();
        for result in results.into_iter().flatten() {
            let numbers = result.numbers(&large, &small);
            self.keep(portion, numbers, &result.digests);
            issues.extend(result.issue.map(|issue| (numbers.first().copied(), issue)));
            let mut put = |number: &u32, found: Digests| {
                let place = usize::try_from(*number).ok().and_then(|number| digests.get_mut(number));
                if let Some(place) = place {
                    *place = found;
                }
            };
            if let Some((last, others)) = numbers.split_last() {
                others.iter().for_each(|number| put(number, result.digests.clone()));
                put(last, result.digests);
            }
        }
        issues.sort_by_key(|(number, _)| *number);
        Some((digests, issues.into_iter().map(|(_, issue)| *issue).collect()))
    }

    /// Keeps the digests of a file of which further names may come later.
    fn keep(&mut self, portion: &Portion, numbers: &[u32], digests: &Digests) {
        let first = numbers.first().and_then(|number| portion.jobs().get(usize::try_from(*number).ok()?));
        let Some(job) = first else { return };
        let names = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        if job.links > names && self.links.len() < KEPT_LINKS {
            self.links.insert((job.place.volume, job.place.node.inode), digests.clone());
        }
    }

    fn run(&self, work: [&Groups<'_>; 2]) -> Vec<FileResult> {
        let (mut results, mut buffer) = (Vec::new(), vec![0; READ_BYTES]);
        work.into_iter().for_each(|work| self.run_one(work, &mut buffer, &mut results));
        results
    }

    fn run_one(&self, work: &Groups<'_>, buffer: &mut [u8], results: &mut Vec<FileResult>) {
        while let Some((mut start, numbers)) = work.take() {
            for group in numbers.chunk_by(|one, other| work.inode(*one) == work.inode(*other)) {
                let names = start..start.saturating_add(group.len());
                start = names.end;
                if self.progress.stop_requested() {
                    return;
                }
                let job = group.first().and_then(|first| work.job(*first));
                let (Some(job), Some(first)) = (job, group.first()) else { continue };
                let known = self.links.get(&(job.place.volume, job.place.node.inode)).filter(|_| job.links > 1);
                let (digests, issue) = match known {
                    Some(digests) => (digests.clone(), None),
                    None => self.file(job, work.path(*first), buffer),
                };
                let names = compact(&names);
                results.push(FileResult { is_large: work.taken == 1, names, digests, issue: issue.map(Box::new) });
            }
        }
    }

    fn file(&self, job: &FileJob, path: &[u8], buffer: &mut [u8]) -> (Digests, Option<Issue>) {
        let Some(filesystem) = self.view.filesystem(job.place) else { return (None, None) };
        let source = match filesystem.content(job.place.node) {
            Ok(source) => source,
            Err(error) => return (None, Some(issue(self.view, job.place.volume, path, &error))),
        };
        match digests(source.as_ref(), path, self.algorithms, buffer, self.progress) {
            Ok(digests) => (Some(digests), None),
            Err(issue) => (None, Some(issue)),
        }
    }
}

/// What became of a file, with the places of all its names among those of large or small files.
struct FileResult {
    is_large: bool,
    names: (u32, u32),
    digests: Digests,
    issue: Option<Box<Issue>>,
}

impl FileResult {
    /// The numbers of its names in the portion.
    fn numbers<'a>(&self, large: &Groups<'a>, small: &Groups<'a>) -> &'a [u32] {
        let groups = if self.is_large { large } else { small };
        let at = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
        groups.order.get(at(self.names.0)..at(self.names.1)).unwrap_or_default()
    }
}

fn compact(range: &Range<usize>) -> (u32, u32) {
    let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    (place(range.start), place(range.end))
}

/// The files of a portion in the order of their places, taken some at a time, never parting names of one file.
struct Groups<'a> {
    portion: &'a Portion,
    order: &'a [u32],
    next: AtomicUsize,
    /// How many are taken at once.
    taken: usize,
}

impl Groups<'_> {
    fn job(&self, number: u32) -> Option<&FileJob> {
        self.portion.jobs().get(usize::try_from(number).ok()?)
    }

    fn path(&self, number: u32) -> &[u8] {
        usize::try_from(number).map_or(&[], |number| self.portion.path(number))
    }

    fn inode(&self, number: u32) -> Option<(usize, u64)> {
        self.job(number).map(|job| (job.place.volume, job.place.node.inode))
    }

    /// The next files: from the first name of a file in this stretch to the last name of the last file in it.
    fn take(&self) -> Option<(usize, &[u32])> {
        let start = self.next.fetch_add(self.taken, Ordering::Relaxed);
        let (start, end) = (self.boundary(start)?, self.boundary(start.saturating_add(self.taken)));
        Some((start, self.order.get(start..end.unwrap_or(self.order.len()))?))
    }

    /// The first place from `at` on at which another file begins; `None` behind the end.
    fn boundary(&self, at: usize) -> Option<usize> {
        let mut at = at;
        let number = *self.order.get(at)?;
        let Some(before) = at.checked_sub(1).and_then(|before| self.order.get(before)) else { return Some(at) };
        let inode = self.inode(*before);
        if self.inode(number) != inode {
            return Some(at);
        }
        while self.order.get(at).is_some_and(|number| self.inode(*number) == inode) {
            at = at.saturating_add(1);
        }
        Some(at)
    }
}
