//! The extraction itself.

mod log;
mod place;

use crate::copy::{Budget, Copied, CopyEnd, HASHED_HOLES, copy};
use crate::manifest::Lines;
use crate::output::Folder;
use crate::record::{EndRecord, EntryRecord, FullRecord, IssueRecord, Status, listed};
use crate::{ExtractError, Extraction, Heading, MANIFEST_NAME, Options, SCHEMA, Wanted};
use kanshiki_custody::sums;
use kanshiki_filesystem::{Follow, Located, Node, NodeType, Place, View, Visit};
use kanshiki_model::{Clock, EvidencePath, Issue, Progress, visible_text};
use place::{Spot, Tree};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Issues that the result holds; the manifest has them all.
const FIRST_ISSUES: usize = 100;

/// Errors of the output that no other file would be spared.
const FATAL: [rustix::io::Errno; 5] = [
    rustix::io::Errno::NOSPC,
    rustix::io::Errno::DQUOT,
    rustix::io::Errno::ROFS,
    rustix::io::Errno::IO,
    rustix::io::Errno::NODEV,
];

/// Copies what is wanted into a new or an empty folder; see the [crate] for what lies there afterwards.
///
/// # Errors
///
/// [`ExtractError`]. If it ends early, what was written stays, and the manifest says that it is not complete.
pub fn extract(
    view: &View,
    destination: &Path,
    heading: Heading,
    options: &Options,
    clock: &dyn Clock,
    progress: &dyn Progress,
) -> Result<Extraction, ExtractError> {
    let starts = starts(view, options)?;
    let log = options.custody.as_ref().map(|custody| log::open(custody, destination)).transpose()?;
    let root = Folder::create_root(destination)?;
    let mut manifest = Lines::begin(&root, MANIFEST_NAME)?;
    manifest.record(&root, &begin(view, heading, clock))?;
    let sums = Lines::begin(&root, sums::FILE_NAME)?;
    let budget = Budget { bytes: options.max_bytes.unwrap_or_else(|| twice_the_volumes(view)), holes: HASHED_HOLES };
    let mut work = Work {
        view,
        progress,
        extents: options.extents,
        tree: Tree::new(root),
        manifest,
        sums,
        budget,
        buffer: Vec::new(),
        written: HashMap::new(),
        result: Extraction::default(),
    };
    progress.begin("extract", None);
    let ran = work.run(starts);
    let mut result = work.finish(&ran, clock)?;
    let entered = options.custody.as_ref().zip(log).map(|(custody, log)| {
        let end = log::end(&result, ran.as_ref().err());
        log::enter(custody, &log, destination, (&result, &end), clock)
    });
    ran?;
    result.custody_entry = entered.transpose()?;
    Ok(result)
}

/// Where to begin, in what way it is told, and below which folder of the output.
struct Start {
    located: Located,
    by_inode: bool,
}

/// Everything that is wanted, found before anything is written; what lies inside something else is left out.
fn starts(view: &View, options: &Options) -> Result<Vec<Start>, ExtractError> {
    let mut paths = Vec::new();
    let mut inodes = Vec::new();
    for wanted in &options.wanted {
        match wanted {
            Wanted::Path(path) => paths.push(view.lookup(path, Follow::AllButLast)?),
            Wanted::Inode { volume, inode } => {
                let found = view.inode(*volume, *inode);
                let (place, node) = found.map_err(|source| ExtractError::Inode { inode: *inode, source })?;
                let path = EvidencePath::root().join(format!("$inode-{inode}").as_bytes());
                inodes.push(Start { located: Located { path, place, node }, by_inode: true });
            }
        }
    }
    paths.sort_by(|a, b| a.path.cmp(&b.path));
    let mut starts: Vec<Start> = Vec::new();
    let mut chosen: HashSet<Vec<Vec<u8>>> = HashSet::new();
    for located in paths {
        let names: Vec<Vec<u8>> = located.path.names().map(<[u8]>::to_vec).collect();
        let is_inside = (0..=names.len()).any(|length| chosen.contains(names.get(..length).unwrap_or_default()));
        if !is_inside {
            chosen.insert(names);
            starts.push(Start { located, by_inode: false });
        }
    }
    inodes.sort_by_key(|start| start.located.place);
    inodes.dedup_by_key(|start| start.located.place);
    starts.extend(inodes);
    Ok(starts)
}

fn begin(view: &View, mut heading: Heading, clock: &dyn Clock) -> Heading {
    let volumes = view.volumes().iter().map(|volume| {
        let summary = volume.filesystem.summary();
        json!({ "name": volume.name, "filesystem": summary.kind, "uuid": summary.uuid, "label": summary.label })
    });
    let volumes: Vec<_> = volumes.collect();
    for (name, value) in [
        ("schema", json!(SCHEMA)),
        ("type", json!("begin")),
        ("kind", json!("kanshiki extraction")),
        ("time", json!(clock.now())),
        ("volumes", json!(volumes)),
    ] {
        heading.insert(name.to_owned(), value);
    }
    heading
}

fn twice_the_volumes(view: &View) -> u64 {
    let bytes = view.volumes().iter().map(|volume| {
        let summary = volume.filesystem.summary();
        summary.blocks.saturating_mul(summary.block_bytes)
    });
    bytes.fold(0_u64, u64::saturating_add).saturating_mul(2)
}

struct Work<'a> {
    view: &'a View,
    progress: &'a dyn Progress,
    extents: bool,
    tree: Tree,
    manifest: Lines,
    sums: Lines,
    budget: Budget,
    buffer: Vec<u8>,
    /// Where files with several names were written.
    written: HashMap<(usize, u64), String>,
    result: Extraction,
}

impl Work<'_> {
    fn run(&mut self, starts: Vec<Start>) -> Result<(), ExtractError> {
        let view = self.view;
        for issue in view.issues() {
            self.note(issue)?;
        }
        for start in starts {
            if !self.walk(start)? {
                self.result.interrupted = true;
                break;
            }
        }
        for (volume, error) in view.noticed() {
            let name = self.volume_name(volume);
            let subject = if name.is_empty() { "volume".to_owned() } else { format!("volume {name}") };
            self.note(&error.issue(&subject))?;
        }
        Ok(())
    }

    /// Copies one thing that was asked for, with all below it; whether it came to its end.
    fn walk(&mut self, start: Start) -> Result<bool, ExtractError> {
        if start.by_inode {
            let volume = self.volume_name(start.located.place.volume);
            let name =
                format!("{volume}{}inode-{}", if volume.is_empty() { "" } else { "-" }, start.located.place.node.inode);
            self.tree.begin_inode(&name)?;
        } else {
            self.tree.begin_path(&start.located.path)?;
        }
        let view = self.view;
        let mut walk = view.walk(start.located);
        while let Some(item) = walk.next() {
            if self.progress.stop_requested() {
                return Ok(false);
            }
            match item {
                Err((path, error)) => self.note(&error.issue(&path.to_string()))?,
                Ok(visit) => match self.visit(&visit)? {
                    After::GoOn => {}
                    After::Skip => walk.skip_directory(),
                    After::Stop => return Ok(false),
                },
            }
        }
        Ok(true)
    }

    fn visit(&mut self, visit: &Visit) -> Result<After, ExtractError> {
        if let Some(directory) = visit.directory {
            self.tree.back_to(directory);
        }
        let (place, node) = match &visit.found {
            Ok((place, node)) => (*place, node),
            Err(error) => {
                let volume = visit.directory.map_or(0, |directory| directory.volume);
                let record = EntryRecord::new(&visit.path, &self.volume_name(volume), Status::Failed);
                self.enter(record.failed(told(error)))?;
                return Ok(After::GoOn);
            }
        };
        let mut record = EntryRecord::new(&visit.path, &self.volume_name(place.volume), Status::Listed);
        if let Some(filesystem) = self.view.filesystem(place) {
            let read = FullRecord::read(filesystem.as_ref(), node, &visit.path.to_string(), self.extents);
            for issue in read.issues() {
                self.note(issue)?;
            }
            record.node = Some(read);
        }
        let name = visit.entry.as_ref().map(|entry| entry.name.as_slice());
        match node.node_type {
            NodeType::Directory => self.directory(record, place, name),
            NodeType::File => self.file(record, place, node, name),
            _ => self.enter(record).map(|()| After::GoOn),
        }
    }

    fn directory(&mut self, mut record: EntryRecord, place: Place, name: Option<&[u8]>) -> Result<After, ExtractError> {
        match self.tree.make_directory(name, place) {
            Ok(output) => {
                record.status = Status::Extracted;
                record.output = Some(output);
                self.enter(record)?;
                Ok(After::GoOn)
            }
            Err(error) => {
                self.give_up_if_fatal(&error)?;
                // What is below has no place to go to.
                let reason = format!("{}; nothing below it was extracted", told(&error));
                self.enter(record.failed(reason))?;
                Ok(After::Skip)
            }
        }
    }

    fn file(
        &mut self,
        mut record: EntryRecord,
        place: Place,
        node: &Node,
        name: Option<&[u8]>,
    ) -> Result<After, ExtractError> {
        let key = (place.volume, place.node.inode);
        if let Some(output) = self.written.get(&key) {
            record.status = Status::SameFile;
            record.same_as = Some(output.clone());
            self.enter(record)?;
            return Ok(After::GoOn);
        }
        let content = match self.view.filesystem(place).map(|filesystem| filesystem.content(place.node)) {
            Some(Ok(content)) => content,
            Some(Err(error)) => {
                self.enter(record.failed(told(&error)))?;
                return Ok(After::GoOn);
            }
            None => return Ok(After::GoOn),
        };
        let copied = self
            .tree
            .spot(name)
            .and_then(|spot| self.copy_to(&spot, content.as_ref()).map(|copied| (spot.output, copied)));
        match copied {
            Ok((output, Ok(copied))) => {
                if node.links > 1 {
                    self.written.insert(key, output.clone());
                }
                self.written(record, output, copied)?;
                Ok(After::GoOn)
            }
            Ok((_, Err(CopyEnd::Stopped))) => Ok(After::Stop),
            Ok((_, Err(CopyEnd::TooLarge(bytes)))) => {
                record.status = Status::TooLarge;
                let left = self.budget.bytes;
                record.reason = Some(format!("{bytes} bytes or more, of {left} that the limit leaves"));
                self.enter(record)?;
                Ok(After::GoOn)
            }
            Ok((output, Err(CopyEnd::Output(error)))) => {
                let error = ExtractError::output("write", Path::new(&output), error);
                self.give_up_if_fatal(&error)?;
                self.enter(record.failed(told(&error)))?;
                Ok(After::GoOn)
            }
            Err(error) => {
                self.give_up_if_fatal(&error)?;
                self.enter(record.failed(told(&error)))?;
                Ok(After::GoOn)
            }
        }
    }

    /// Writes a content under a temporary name, and gives it its name if it was written.
    fn copy_to(
        &mut self,
        spot: &Spot,
        content: &dyn kanshiki_image::ReadAt,
    ) -> Result<Result<Copied, CopyEnd>, ExtractError> {
        let file = spot.folder.create_file(Spot::TEMPORARY)?;
        let copied = copy(content, &file, &mut self.budget, &mut self.buffer, self.progress);
        let finished = match &copied {
            Ok(_) => spot.folder.finish(&file, Spot::TEMPORARY, &spot.name),
            Err(_) => Ok(()),
        };
        if copied.is_err() || finished.is_err() {
            spot.folder.remove(Spot::TEMPORARY);
        }
        finished.map(|()| copied)
    }

    fn written(&mut self, mut record: EntryRecord, output: String, copied: Copied) -> Result<(), ExtractError> {
        let lost = copied.unreadable.total_bytes();
        record.status = if lost == 0 && copied.sha256.is_some() { Status::Extracted } else { Status::Partial };
        record.written_bytes = Some(copied.written);
        record.unreadable_bytes = lost;
        record.unreadable = listed(&copied.unreadable);
        record.reason = match (copied.reason, &copied.sha256) {
            (Some(reason), _) => Some(format!("{lost} bytes could not be read and are zeroes: {reason}")),
            (None, None) => Some("its holes are too large to be hashed; the content is whole".to_owned()),
            (None, Some(_)) => None,
        };
        record.sha256 = copied.sha256.as_ref().map(ToString::to_string);
        self.result.bytes = self.result.bytes.saturating_add(copied.written);
        if let Some(sha256) = &record.sha256 {
            let line = sums::to_text(&[(output.as_str(), sha256.as_str())]);
            self.sums.add(self.tree.root(), line.as_bytes())?;
        }
        record.output = Some(output);
        if record.status == Status::Extracted {
            self.result.files = self.result.files.saturating_add(1);
        }
        self.enter(record)
    }

    /// Adds an entry to the manifest, and what is wrong with it to the issues.
    fn enter(&mut self, record: EntryRecord) -> Result<(), ExtractError> {
        let result = &mut self.result;
        result.entries = result.entries.saturating_add(1);
        let count = match record.status {
            Status::Partial => &mut result.partial,
            Status::Failed | Status::TooLarge => &mut result.failed,
            Status::Listed | Status::SameFile => &mut result.listed,
            Status::Extracted if record.sha256.is_none() => &mut result.directories,
            // Files are counted where they are written.
            Status::Extracted => &mut 0,
        };
        *count = count.saturating_add(1);
        self.manifest.record(self.tree.root(), &record)?;
        match &record.reason {
            Some(reason) => self.tell(&Issue::new(visible_path(&record), reason.as_str())),
            None => Ok(()),
        }
    }

    /// Adds an issue that belongs to no entry to the manifest.
    fn note(&mut self, issue: &Issue) -> Result<(), ExtractError> {
        self.manifest.record(self.tree.root(), &IssueRecord { schema: SCHEMA, kind: "issue", issue })?;
        self.tell(issue)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of those that can fail")]
    fn tell(&mut self, issue: &Issue) -> Result<(), ExtractError> {
        self.result.issues = self.result.issues.saturating_add(1);
        if self.result.first_issues.len() < FIRST_ISSUES {
            self.result.first_issues.push(issue.clone());
        }
        self.progress.issue(issue);
        Ok(())
    }

    /// Brings everything to the medium and names the two lists.
    fn finish(mut self, ran: &Result<(), ExtractError>, clock: &dyn Clock) -> Result<Extraction, ExtractError> {
        let root = self.tree.root();
        let result = &self.result;
        let reason = match ran {
            Err(error) => Some(told(error)),
            Ok(()) if result.interrupted => Some("interrupted".to_owned()),
            Ok(()) => None,
        };
        let end = EndRecord {
            schema: SCHEMA,
            kind: "end",
            complete: reason.is_none(),
            time: clock.now(),
            entries: result.entries,
            files: result.files,
            partial: result.partial,
            failed: result.failed,
            directories: result.directories,
            listed: result.listed,
            written_bytes: result.bytes,
            issues: result.issues,
            reason,
        };
        self.manifest.record(root, &end)?;
        root.sync_all()?;
        self.result.manifest_sha256 = self.manifest.finish(root)?;
        let line = sums::to_text(&[(MANIFEST_NAME, self.result.manifest_sha256.as_str())]);
        self.sums.add(root, line.as_bytes())?;
        self.sums.finish(root)?;
        root.sync_all()?;
        Ok(self.result)
    }

    fn volume_name(&self, volume: usize) -> String {
        self.view.volumes().get(volume).map(|volume| volume.name.clone()).unwrap_or_default()
    }

    /// An output that is full or broken ends the work: no other file would be spared.
    #[expect(clippy::unused_self, reason = "reads as a step of the work")]
    fn give_up_if_fatal(&self, error: &ExtractError) -> Result<(), ExtractError> {
        if let ExtractError::Output { action, path, source } = error
            && let Some(number) = source.raw_os_error()
            && FATAL.iter().any(|fatal| fatal.raw_os_error() == number)
        {
            return Err(ExtractError::output(action, path, std::io::Error::from_raw_os_error(number)));
        }
        Ok(())
    }
}

/// What follows a visit.
enum After {
    GoOn,
    /// Do not go into the directory that was visited.
    Skip,
    Stop,
}

/// The path of a record for messages.
fn visible_path(record: &EntryRecord) -> String {
    if record.path_hex.is_some() { record.path.clone() } else { visible_text(&record.path) }
}

/// An error with its causes, on one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
