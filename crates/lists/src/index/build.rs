//! From a list to its index: sorted runs in a bounded memory, which are merged.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that makes files: indexes, which are no evidence"
)]

use super::{BEGINNINGS, HEADER, MAGIC, NUMBER, partial, width};
use crate::{ListError, each, open};
use kanshiki_model::{Algorithm, Digest, Hasher, Progress, visible};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Cursor, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Bytes of records that are sorted at once.
const SORTED: usize = 64 << 20;

/// Runs that are merged at once.
const RUNS: usize = 64;

/// Lines between two looks at whether the user wants to stop.
const STRIDE: u64 = 4096;

/// Records of one algorithm: digest and number of the line.
trait Records: std::fmt::Debug {
    fn push(&mut self, digest: &[u8], number: u64);
    fn is_empty(&self) -> bool;
    /// Sorts, hands on each digest once, and is empty then.
    fn drain(&mut self, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>;
}

#[derive(Debug)]
struct Fixed<const WIDTH: usize>(Vec<[u8; WIDTH]>);

impl<const WIDTH: usize> Records for Fixed<WIDTH> {
    fn push(&mut self, digest: &[u8], number: u64) {
        let mut record = [0; WIDTH];
        for (byte, from) in record.iter_mut().zip(digest.iter().chain(&number.to_be_bytes())) {
            *byte = *from;
        }
        self.0.push(record);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn drain(&mut self, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.0.sort_unstable();
        self.0.dedup_by(|one, other| {
            one.split_last_chunk::<NUMBER>().map(|it| it.0) == other.split_last_chunk::<NUMBER>().map(|it| it.0)
        });
        self.0.iter().try_for_each(|record| take(record))?;
        self.0.clear();
        Ok(())
    }
}

fn records(algorithm: Algorithm) -> Box<dyn Records> {
    match algorithm {
        Algorithm::Md5 => Box::new(Fixed::<{ 16 + NUMBER }>(Vec::new())),
        Algorithm::Sha1 => Box::new(Fixed::<{ 20 + NUMBER }>(Vec::new())),
        Algorithm::Sha256 | Algorithm::Blake3 => Box::new(Fixed::<{ 32 + NUMBER }>(Vec::new())),
        Algorithm::Sha512 => Box::new(Fixed::<{ 64 + NUMBER }>(Vec::new())),
    }
}

/// A list on its way to an index.
#[derive(Debug)]
struct Sorter<'a> {
    /// Where runs are written that do not stay in memory; `None` if all stays there.
    folder: Option<&'a Path>,
    /// Bytes of records that are sorted at once.
    sorted: usize,
    /// Bytes of records that are not sorted yet.
    bytes: usize,
    sections: Vec<(Algorithm, Box<dyn Records>, Vec<File>)>,
}

impl Sorter<'_> {
    fn push(&mut self, algorithm: Algorithm, digest: &[u8], number: u64) -> io::Result<()> {
        if let Some((_, records, _)) = self.sections.iter_mut().find(|section| section.0 == algorithm) {
            records.push(digest, number);
            self.bytes = self.bytes.saturating_add(width(algorithm));
        }
        match self.folder {
            Some(folder) if self.bytes >= self.sorted => self.spill(folder),
            _ => Ok(()),
        }
    }

    /// Writes all records as sorted runs.
    fn spill(&mut self, folder: &Path) -> io::Result<()> {
        self.bytes = 0;
        for (algorithm, records, runs) in &mut self.sections {
            if records.is_empty() {
                continue;
            }
            let mut run = BufWriter::new(nameless(folder)?);
            records.drain(&mut |record| run.write_all(record))?;
            runs.push(run.into_inner()?);
            if runs.len() >= RUNS {
                let mut merged = BufWriter::new(nameless(folder)?);
                merge(std::mem::take(runs), width(*algorithm), &mut |record| merged.write_all(record))?;
                runs.push(merged.into_inner()?);
            }
        }
        Ok(())
    }

    /// Writes the index.
    fn finish(mut self, list: (u64, &Digest), output: &mut (impl Write + Seek)) -> io::Result<()> {
        if let Some(folder) = self.folder.filter(|_| self.sections.iter().any(|(_, _, runs)| !runs.is_empty())) {
            self.spill(folder)?;
        }
        output.write_all(&[0; HEADER])?;
        let mut counts = Vec::new();
        for (algorithm, mut records, runs) in self.sections {
            if runs.is_empty() && records.is_empty() {
                counts.push(0_u64);
                continue;
            }
            let start = output.stream_position()?;
            let mut table = vec![0_u64; BEGINNINGS.saturating_add(1)];
            write_table(&table, output)?;
            let mut take = |record: &[u8]| {
                if let [first, second, ..] = record
                    && let Some(count) =
                        table.get_mut((usize::from(*first) << 8 | usize::from(*second)).saturating_add(1))
                {
                    *count = count.saturating_add(1);
                }
                output.write_all(record)
            };
            records.drain(&mut take)?;
            merge(runs, width(algorithm), &mut take)?;
            let mut sum = 0_u64;
            for count in &mut table {
                sum = sum.saturating_add(*count);
                *count = sum;
            }
            output.seek(SeekFrom::Start(start))?;
            write_table(&table, output)?;
            output.seek(SeekFrom::End(0))?;
            counts.push(sum);
        }
        output.seek(SeekFrom::Start(0))?;
        output.write_all(MAGIC)?;
        output.write_all(&list.0.to_be_bytes())?;
        output.write_all(list.1.as_bytes())?;
        counts.iter().try_for_each(|count| output.write_all(&count.to_be_bytes()))?;
        output.flush()
    }
}

fn write_table(table: &[u64], output: &mut impl Write) -> io::Result<()> {
    let bytes: Vec<u8> = table.iter().flat_map(|number| number.to_be_bytes()).collect();
    output.write_all(&bytes)
}

/// Merges sorted runs; a digest that several have is handed on once, with the lowest number.
fn merge(runs: Vec<File>, width: usize, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut runs: Vec<_> = runs.into_iter().map(|run| BufReader::with_capacity(1 << 16, run)).collect();
    let mut heap = BinaryHeap::new();
    for (number, run) in runs.iter_mut().enumerate() {
        run.rewind()?;
        heap.extend(next(run, vec![0; width])?.map(|record| Reverse((record, number))));
    }
    let mut last: Vec<u8> = Vec::new();
    while let Some(Reverse((record, number))) = heap.pop() {
        let digest = record.get(..width.saturating_sub(NUMBER)).unwrap_or_default();
        if last != digest {
            last.clear();
            last.extend_from_slice(digest);
            take(&record)?;
        }
        if let Some(run) = runs.get_mut(number) {
            heap.extend(next(run, record)?.map(|record| Reverse((record, number))));
        }
    }
    Ok(())
}

/// The next record of a run, in the place of the one before.
fn next(run: &mut impl Read, mut record: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    match run.read_exact(&mut record) {
        Ok(()) => Ok(Some(record)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file that nobody else sees, and that is gone when the program is.
fn nameless(folder: &Path) -> io::Result<File> {
    let name = folder.join(format!("run-{}.partial", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&name)?;
    fs::remove_file(&name)?;
    Ok(file)
}

/// The index of a list, in memory.
pub(super) fn in_memory(list: &Path, progress: &dyn Progress) -> Result<Vec<u8>, ListError> {
    let mut bytes = Cursor::new(Vec::new());
    convert(list, None, SORTED, &mut bytes, progress)?;
    Ok(bytes.into_inner())
}

/// The index of a list, in a file of this name: under another name first, so that it is there whole or not at all. Two that
/// convert the same list wait for each other.
pub(super) fn into_file(list: &Path, folder: &Path, name: &Path, progress: &dyn Progress) -> Result<(), ListError> {
    fs::create_dir_all(folder).map_err(ListError::Write)?;
    let partial = partial(name);
    let file = loop {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&partial);
        let file = file.and_then(|file| file.lock().map(|()| file)).map_err(ListError::Write)?;
        if super::Index::kept(name).is_some() {
            // Another was first.
            let _ = fs::remove_file(&partial);
            return Ok(());
        }
        // Another may have failed and removed it while this one waited.
        let inode = |facts: fs::Metadata| (facts.dev(), facts.ino());
        if fs::metadata(&partial).ok().map(inode) == file.metadata().ok().map(inode) {
            break file;
        }
    };
    file.set_len(0).map_err(ListError::Write)?;
    let done = convert(list, Some(folder), SORTED, &mut BufWriter::with_capacity(1 << 18, &file), progress);
    let done = done.and_then(|()| {
        file.sync_all().and_then(|()| fs::rename(&partial, name)).map_err(ListError::Write)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(ListError::Write)
    });
    if done.is_err() {
        let _ = fs::remove_file(&partial);
    }
    done
}

pub(super) fn convert(
    list: &Path,
    folder: Option<&Path>,
    sorted: usize,
    output: &mut (impl Write + Seek),
    progress: &dyn Progress,
) -> Result<(), ListError> {
    let name = visible(list.as_os_str().as_encoded_bytes());
    let (size, digest) = digest(list, &name, progress)?;
    progress.begin(&format!("index of {name}"), None);
    let sections = Algorithm::ALL.into_iter().map(|algorithm| (algorithm, records(algorithm), Vec::new())).collect();
    let mut sorter = Sorter { folder, sorted, bytes: 0, sections };
    let mut failed = None;
    each(list, &mut |entry| {
        if entry.number % STRIDE == 0 && progress.stop_requested() {
            failed = Some(ListError::Interrupted);
            return ControlFlow::Break(());
        }
        let of = |found: &crate::Found| found.may_be.first().copied();
        let strongest = entry.digests.iter().filter_map(|found| Some((of(found)?, found.bytes()))).max();
        if let Some((algorithm, bytes)) = strongest
            && let Err(error) = sorter.push(algorithm, bytes, entry.number)
        {
            failed = Some(ListError::Write(error));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    match failed {
        Some(error) => Err(error),
        None => sorter.finish((size, &digest), output).map_err(ListError::Write),
    }
}

/// The size of a list and its SHA-256.
fn digest(list: &Path, name: &str, progress: &dyn Progress) -> Result<(u64, Digest), ListError> {
    let mut file = open(list)?;
    progress.begin(&format!("digest of {name}"), file.metadata().ok().map(|facts| facts.len()));
    let (mut hasher, mut buffer, mut size) = (Hasher::new(Algorithm::Sha256), vec![0; 1 << 20], 0_u64);
    loop {
        if progress.stop_requested() {
            return Err(ListError::Interrupted);
        }
        let read = file.read(&mut buffer).map_err(ListError::Read)?;
        if read == 0 {
            return Ok((size, hasher.finish()));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        let read = u64::try_from(read).unwrap_or(0);
        size = size.saturating_add(read);
        progress.advance(read);
    }
}
