//! What is recorded beside the bytes: facts before the first read and after the last one, and the manifest made of
//! them.

use super::patient::patiently;
use super::watch::Counters;
use super::{Image, Origin, Session, State};
use crate::AcquireError;
use crate::device::guard;
use crate::host;
use crate::source::{self, edge_digests};
use kanshiki_custody::leaves::{LEAF_BYTES, Root};
use kanshiki_custody::manifest::{
    Change, Digests, ImageRecord, KIND, Manifest, Output, Run, SCHEMA, SourceRecord, Verification,
};
use kanshiki_model::{Algorithm, Clock, Digest, Fact, Facts, Issue, Progress, Size, Timestamp};
use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::state::{FileMark, SourceIdentity};

/// What was known before the first read of a session.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) started: Timestamp,
    pub(super) instant: Instant,
    pub(super) path: String,
    pub(super) identity: SourceIdentity,
    pub(super) disk_sequence: Option<u64>,
    /// What the kernel had counted of the disk; `None` for what is no block device.
    pub(super) counters: Option<Counters>,
    device: Facts,
    state: Facts,
    clock: Facts,
}

/// What was known after the last read.
#[derive(Debug)]
pub(super) struct After {
    pub(super) change: Change,
    pub(super) state: Facts,
    pub(super) protection: Facts,
    /// How long this session read.
    pub(super) reading: Duration,
}

impl Before {
    pub(super) fn of(
        origin: &Origin,
        patience: Duration,
        clock: &dyn Clock,
        progress: &dyn Progress,
    ) -> Result<Self, AcquireError> {
        let started = clock.now();
        let device = origin.device();
        // Before the first read, so that nothing that is read escapes the count.
        let counters = device.map(|device| Counters::of(device, started));
        let facts = origin.reader().map(|reader| source::facts(reader)).unwrap_or_default();
        let serial = ["serial", "wwid"].iter().find_map(|name| facts.get(*name).and_then(Fact::text));
        let reader = origin.reader();
        let edges = match reader {
            Some(reader) => patiently(patience, progress, reader, |reader| edge_digests(reader))?,
            None => Default::default(),
        };
        let files = reader.filter(|_| device.is_none()).map(|reader| reader.files().filter_map(mark).collect());
        let files: Vec<FileMark> = files.unwrap_or_default();
        let identity =
            SourceIdentity { kind: origin.kind(), bytes: reader.map(|reader| reader.bytes()), serial, edges, files };
        let state = device.map(|device| device.state()).unwrap_or_default();
        Ok(Self {
            started,
            instant: Instant::now(),
            path: reader.map_or_else(|| "-".to_owned(), |reader| reader.path().to_owned()),
            identity,
            disk_sequence: device.and_then(|device| device.disk_sequence()),
            counters,
            device: facts,
            state,
            clock: host::clock_facts(started),
        })
    }
}

/// By what an open file is known again.
pub(super) fn mark(file: &std::fs::File) -> Option<FileMark> {
    let metadata = file.metadata().ok()?;
    let (modified, changed) = (source::modified(&metadata), Some(source::changed(&metadata)));
    Some(FileMark { device: metadata.dev(), inode: metadata.ino(), modified, changed })
}

/// What differs between the manifests of one acquisition's destinations.
#[derive(Debug)]
pub(super) struct Copy<'a> {
    pub(super) case: &'a str,
    pub(super) folder: &'a Path,
    pub(super) digests: Vec<Digest>,
    pub(super) readable: Vec<Digest>,
    pub(super) root: Root,
    pub(super) outputs: Vec<Output>,
    pub(super) layout: Value,
    pub(super) verification: Verification,
}

impl Session<'_> {
    pub(super) fn manifest(&self, state: &State, image: &Image, after: &After, copy: Copy<'_>) -> Manifest {
        let options = self.options;
        let readable = (!copy.readable.is_empty()).then(|| digests(&copy.readable));
        Manifest {
            schema: SCHEMA,
            kind: KIND.to_owned(),
            exhibit: options.exhibit.clone(),
            case: copy.case.to_owned(),
            people: state.people.clone(),
            source: SourceRecord {
                kind: self.origin.kind(),
                path: self.before.path.clone(),
                bytes: image.bytes,
                sector_bytes: self.sector_bytes(),
                live: self.origin.reader().is_some_and(|reader| reader.is_live()),
                facts: self.before.device.clone(),
                layout: copy.layout,
                protection: after.protection.clone(),
                change: after.change.clone(),
            },
            image: ImageRecord {
                format: state.storage.format,
                bytes: image.bytes,
                digests: digests(&copy.digests),
                readable_digests: readable,
                unreadable: image.unreadable.clone(),
                unreadable_bytes: image.unreadable.total_bytes(),
                leaf_bytes: LEAF_BYTES,
                leaves: copy.root.leaves(),
                leaves_root: copy.root.digest().to_hex(),
            },
            outputs: copy.outputs,
            verification: copy.verification,
            tool: host::tool_facts(&state.command_line, self.told_options(state), options.commit.as_deref()),
            host: host::host_facts(),
            issues: self.all_issues(state, image, after),
            run: Run {
                started: state.started,
                ended: self.clock.now(),
                sessions: state.sessions.clone(),
                clock: self.before.clock.clone(),
                state_before: self.before.state.clone(),
                state_after: after.state.clone(),
                reading: self.reading(state, image, after),
                destination: destination(copy.folder),
            },
        }
    }

    fn sector_bytes(&self) -> u64 {
        self.origin.reader().map_or(crate::source::FILE_SECTOR_BYTES, |reader| reader.sector_bytes())
    }

    fn told_options(&self, state: &State) -> Value {
        let options = self.options;
        let algorithms: Vec<&str> = state.algorithms.iter().map(|algorithm| algorithm.name()).collect();
        json!({
            "format": state.storage.format,
            "split_bytes": state.storage.split_bytes,
            "zstd_level": state.storage.zstd_level,
            "digests": algorithms,
            "retries": options.retries,
            "live": options.live,
            "verify": options.verify,
            "twice": options.twice,
            "stream_bytes": options.stream_bytes,
            "check_room": options.check_room,
            "patience_seconds": options.patience.as_secs(),
            "also": options.also.iter().map(|path| super::places::shown(path)).collect::<Vec<_>>(),
        })
    }

    fn all_issues(&self, state: &State, image: &Image, after: &After) -> Vec<Issue> {
        let mut issues = self.issues.clone();
        issues.extend(state.issues.iter().cloned());
        let unreadable = image.unreadable.total_bytes();
        if unreadable > 0 {
            let message = format!("{} could not be read and are zero in the image", Size(unreadable));
            issues.push(Issue::new(self.before.path.clone(), message));
        }
        for difference in &after.change.differences {
            issues.push(Issue::new(self.before.path.clone(), difference.clone()));
        }
        issues
    }

    fn reading(&self, state: &State, image: &Image, after: &After) -> Facts {
        let reader = self.origin.reader();
        let how = match reader {
            Some(reader) if reader.is_direct() => "direct, past the page cache",
            Some(_) => "through the page cache",
            None => "in order, from standard input",
        };
        let milliseconds = u64::try_from(after.reading.as_millis()).unwrap_or(u64::MAX);
        let rate = u128::from(image.bytes).saturating_mul(1000).checked_div(after.reading.as_millis());
        let rate = rate.and_then(|rate| u64::try_from(rate).ok()).unwrap_or(image.bytes);
        let errors = reader.map_or(0, |reader| reader.errors());
        let mut facts = Facts::from([
            ("how".to_owned(), Fact::derived(how, "flags of the descriptor")),
            ("read_errors".to_owned(), Fact::derived(errors, "reads that failed, in this session")),
            ("retries".to_owned(), Fact::derived(image.retries, "sectors tried again, in this session")),
            ("milliseconds".to_owned(), Fact::derived(milliseconds, "monotonic clock, in this session")),
            ("bytes_per_second".to_owned(), Fact::derived(rate, "bytes of the image and milliseconds")),
            ("request_bytes".to_owned(), Fact::derived(crate::stream::CHUNK_BYTES, "the program")),
        ]);
        facts.extend(state.between_sessions().map(|fact| ("changed_between_sessions".to_owned(), fact)));
        facts
    }
}

/// The folder of the exhibit while it was made, and the filesystem that holds it.
fn destination(folder: &Path) -> Facts {
    let mut facts = guard::filesystem_facts(folder);
    facts.insert("path".to_owned(), Fact::told(super::places::shown(folder), "--case, --exhibit"));
    facts
}

fn digests(list: &[Digest]) -> Digests {
    list.iter()
        .map(|digest| (digest.algorithm(), digest.to_hex()))
        .collect::<std::collections::BTreeMap<Algorithm, _>>()
}
