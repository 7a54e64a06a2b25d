//! One session of an acquisition: from the open source to finished exhibits, or to a place where it can be taken up
//! again.
//!
//! ```text
//! source ─▶ copy ─▶ rescue (what could not be read) ─▶ image, leaves, map ─▶ read back ─▶ manifest ─▶ rename ─▶ custody
//! ```

mod change;
mod close;
mod complete;
mod copy;
mod patient;
mod places;
mod record;
mod rescue;
mod state;
mod watch;

use crate::destination::{Destination, Lost, Stored};
use crate::device::WriteProtection;
use crate::error::with_causes;
use crate::source::{self, SourceReader, StdinSource};
use crate::stream::{Feed, Work};
use crate::writers::Storage;
use crate::{AcquireError, AcquireOptions, Outcome, SourcePath};
use copy::{Copy, SourceFeed};
use kanshiki_custody::manifest::{Format, Manifest, Session as SessionRecord, SourceKind};
use kanshiki_custody::{Act, ActKind, CustodyLog, leaves};
use kanshiki_custody::{Case, check_exhibit_id};
use kanshiki_model::{Algorithm, ByteRanges, Clock, Digest, Facts, Issue, Progress, Timestamp};
use patient::patiently;
use places::Place;
use record::Before;
use rescue::Rescue;
use state::{SourceIdentity, State};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Copies a source into one or more case folders.
///
/// # Errors
///
/// [`AcquireError`] if no exhibit was finished. What was done is kept, and `resume` goes on with it.
pub fn acquire(options: &AcquireOptions, clock: &dyn Clock, progress: &dyn Progress) -> Result<Outcome, AcquireError> {
    check_exhibit_id(&options.exhibit)?;
    places::refuse_same(options)?;
    let origin = Origin::open(options)?;
    let mut issues = Vec::new();
    for place in options.places() {
        let notes = places::check(place, origin.reader().map(AsRef::as_ref), options)?;
        issues.extend(notes.into_iter().map(|note| Issue::new(places::shown(place), note)));
    }
    places::refuse_existing(options)?;
    let mut reservations = Vec::new();
    for note in origin.reader().into_iter().flat_map(|reader| reader.notes()) {
        issues.push(Issue::new(origin.reader().map_or("-", |reader| reader.path()), note.clone()));
        reservations.push(note.clone());
    }
    if origin.reader().is_none() && options.stream_bytes.is_none() {
        let note =
            "the end of standard input is taken for the end of the source: --size tells how many bytes there must be";
        let issue = Issue::new("-", note);
        progress.issue(&issue);
        issues.push(issue);
    }
    if let Some(reader) = origin.reader() {
        issues.extend(reader.remarks().map(|note| Issue::new(reader.path(), note)));
    }
    let protection = origin.device().map(|device| WriteProtection::set(device, options.live));
    let before = Before::of(&origin, options.patience, clock, progress)?;
    let mut session = Session { options, clock, progress, origin, protection, before, issues, reservations };
    session.run()
}

/// The open source.
#[derive(Debug)]
enum Origin {
    Reader(Arc<SourceReader>),
    Stream(Arc<StdinSource>),
}

impl Origin {
    fn open(options: &AcquireOptions) -> Result<Self, AcquireError> {
        match &options.source {
            SourcePath::Path(path) => Ok(Self::Reader(Arc::new(source::open(path, options.live)?))),
            SourcePath::Stdin if options.twice => Err(AcquireError::Refused {
                path: "-".to_owned(),
                reason: "standard input cannot be read twice".to_owned(),
                hint: Some("leave out --twice".to_owned()),
            }),
            SourcePath::Stdin => {
                let stdin = StdinSource::open();
                let stdin = stdin.map_err(|source| AcquireError::Source { path: "-".to_owned(), source })?;
                Ok(Self::Stream(Arc::new(stdin)))
            }
        }
    }

    const fn reader(&self) -> Option<&Arc<SourceReader>> {
        match self {
            Self::Reader(reader) => Some(reader),
            Self::Stream(_) => None,
        }
    }

    fn device(&self) -> Option<&crate::device::BlockDevice> {
        self.reader().and_then(|reader| reader.device())
    }

    fn kind(&self) -> SourceKind {
        self.reader().map_or(SourceKind::Stream, |reader| reader.kind())
    }

    fn feed(&self) -> Arc<dyn Feed> {
        match self {
            Self::Reader(reader) => Arc::clone(reader) as Arc<dyn Feed>,
            Self::Stream(stream) => Arc::clone(stream) as Arc<dyn Feed>,
        }
    }
}

/// One session of an acquisition.
#[derive(Debug)]
struct Session<'a> {
    options: &'a AcquireOptions,
    clock: &'a dyn Clock,
    progress: &'a dyn Progress,
    origin: Origin,
    protection: Option<WriteProtection>,
    before: Before,
    issues: Vec<Issue>,
    reservations: Vec<String>,
}

/// An image that is complete in its destinations, and what is known of it.
#[derive(Debug)]
struct Image {
    bytes: u64,
    unreadable: ByteRanges,
    // In the order of the algorithms; `None` if they must be worked out from the finished image.
    digests: Option<Vec<Digest>>,
    retries: u64,
}

impl Session<'_> {
    fn run(&mut self) -> Result<Outcome, AcquireError> {
        let identity = self.before.identity.clone();
        let (mut state, destinations, complete) = self.enter(&identity)?;
        let Some(destinations) = destinations else {
            return self.already_complete(complete);
        };
        let work = self.work(&mut state, destinations);
        let (image, destinations) = match work {
            Ok(done) => done,
            Err((error, mut destinations)) => {
                self.record_end(&mut state, &mut destinations, self.clock.now(), &end_of(&error));
                return Err(error);
            }
        };
        self.finish(state, &image, destinations, complete)
    }

    /// Enters the exhibit's folder in every case. The second value is `None` if all of them are complete.
    #[expect(
        clippy::type_complexity,
        reason = "the destinations with the state they share, and those that need no work"
    )]
    fn enter(
        &mut self,
        identity: &SourceIdentity,
    ) -> Result<(State, Option<Vec<Destination>>, Vec<(Case, Manifest)>), AcquireError> {
        let options = self.options;
        let (mut open, mut complete, mut found) = (Vec::new(), Vec::new(), None::<State>);
        let mut since = Vec::new();
        for place in options.places() {
            match places::enter(place, &options.exhibit, options.resume, self.clock)? {
                Place::Complete(case, manifest) => {
                    since.extend(self.check_complete(&case, &manifest)?);
                    complete.push((case, *manifest));
                }
                Place::Open { case, dir, lock, path, state } => {
                    CustodyLog::open(&case)?.check_appendable(ActKind::Acquired)?;
                    if let Some(mut state) = state {
                        self.check_same(&state, identity, found.as_ref())?;
                        let files = std::mem::replace(&mut state.source.files, identity.files.clone());
                        state.watch.take_up(&files, &self.before);
                        if let Some(other) = found {
                            state.watch.join(other.watch);
                        }
                        found = Some(*state);
                    }
                    open.push((case, dir, lock, path));
                }
            }
        }
        let resumed = found.is_some();
        let left_over = open.iter().any(|(_, dir, ..)| crate::writers::exists(dir, leaves::FILE_NAME));
        self.tell_resumed(found.as_ref(), !complete.is_empty(), left_over);
        let mut state = found.unwrap_or_else(|| self.new_state(identity));
        self.tell_changed_since(&mut state, since, open.is_empty());
        if !resumed && left_over {
            let reason = "there was no state.json beside what an earlier session has left: it is not known whether the \
                          source was written since; --twice compares all";
            state.watch.unknown.push(reason.to_owned());
        }
        self.begin_session(&mut state, resumed);
        if open.is_empty() {
            return Ok((state, None, complete));
        }
        let mut destinations = Vec::with_capacity(open.len());
        for (number, (case, dir, lock, path)) in open.into_iter().enumerate() {
            dir.replace(state::FILE_NAME, &state.to_json())?;
            if !resumed {
                self.log(&case, ActKind::Opened, &state)?;
            }
            let destination = places::open(case, dir, lock, path, state.storage, number)?;
            places::refuse_strangers(&destination, state.storage.format)?;
            destinations.push(destination);
        }
        Ok((state, Some(destinations), complete))
    }

    /// Tells, before anything is copied beside a complete exhibit, that the source was changed since that one was made.
    fn tell_changed_since(&mut self, state: &mut State, since: Vec<String>, all_complete: bool) {
        for change in since {
            if all_complete {
                self.reservations.push(change);
            } else {
                self.progress.issue(&Issue::new(self.before.path.clone(), change.clone()));
                // What is copied now must say it too.
                watch::add(&mut state.watch.differences, change);
            }
        }
    }

    /// Says what going on means where it is not what was asked for.
    fn tell_resumed(&mut self, found: Option<&State>, complete: bool, left_over: bool) {
        let mut notes = Vec::new();
        if let Some(state) = found {
            notes.extend(state.watch.differences.iter().chain(&state.watch.unknown).cloned());
            if state.storage.format != self.options.format {
                let format = format!("{:?}", state.storage.format).to_lowercase();
                notes.push(format!("going on in the format in which the exhibit was begun: {format}"));
            }
            let asked = &self.options.algorithms;
            if asked.iter().any(|algorithm| !state.algorithms.contains(algorithm)) {
                let names = |list: &[Algorithm]| list.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
                let note = format!(
                    "going on with the digests with which the exhibit was begun, {}: --hash {} is not made",
                    names(&state.algorithms),
                    names(asked)
                );
                self.issues.push(Issue::new(self.options.exhibit.clone(), note.clone()));
                notes.push(note);
            }
        } else if self.options.resume && !complete {
            notes.push(if left_over {
                "there was no state.json: begun anew, with what fits its leaves taken over".to_owned()
            } else {
                "there was nothing to resume: begun anew".to_owned()
            });
        }
        for note in notes {
            self.progress.issue(&Issue::new(self.options.exhibit.clone(), note));
        }
    }

    fn new_state(&self, identity: &SourceIdentity) -> State {
        let options = self.options;
        let storage =
            Storage { format: options.format, split_bytes: options.split_bytes, zstd_level: options.zstd_level };
        let mut algorithms: Vec<Algorithm> = options.algorithms.clone();
        algorithms.push(Algorithm::Sha256);
        algorithms.sort_unstable();
        algorithms.dedup();
        let mut state = State::new(self.before.started, storage, algorithms, identity.clone());
        state.watch.counters.clone_from(&self.before.counters);
        state
    }

    fn begin_session(&mut self, state: &mut State, resumed: bool) {
        if let Some(protection) = &mut self.protection {
            if resumed {
                protection.take_over(&state.protection);
            } else {
                state.protection = protection.facts();
            }
        }
        if !resumed {
            state.command_line.clone_from(&self.options.command_line);
        }
        for (name, fact) in &self.options.people {
            if fact.text().is_some() || !state.people.contains_key(name) {
                state.people.insert(name.clone(), fact.clone());
            }
        }
        for session in state.sessions.iter_mut().filter(|session| session.ended.is_none()) {
            "cut off".clone_into(&mut session.end);
        }
        state.sessions.push(SessionRecord {
            started: self.before.started,
            ended: None,
            end: "under way".to_owned(),
            taken_over_bytes: 0,
        });
    }

    /// Refuses to go on with what was read from another source, or differs between destinations.
    fn check_same(&self, state: &State, identity: &SourceIdentity, other: Option<&State>) -> Result<(), AcquireError> {
        let path = self.before.path.clone();
        let refused = |reason: String, hint: &str| AcquireError::Refused {
            path: path.clone(),
            reason,
            hint: Some(hint.to_owned()),
        };
        if let Some(difference) = state.source.difference(identity) {
            let reason = format!("the exhibit under way is of another source: {difference}");
            return Err(refused(reason, "take the source with which it was begun, or another --exhibit"));
        }
        if other.is_some_and(|other| other.storage != state.storage || other.algorithms != state.algorithms) {
            let reason = "the destinations were begun with different formats or digests".to_owned();
            return Err(refused(reason, "resume them one by one"));
        }
        Ok(())
    }

    /// Copies the source and recovers what could not be read at first.
    fn work(
        &mut self,
        state: &mut State,
        mut destinations: Vec<Destination>,
    ) -> Result<(Image, Vec<Destination>), (AcquireError, Vec<Destination>)> {
        let copy = match self.prepare(state, &mut destinations) {
            Ok(copy) => copy,
            Err(error) => return Err((error, destinations)),
        };
        let copied = copy.run(destinations, self.progress).map_err(|error| (error, Vec::new()))?;
        if let Some(session) = state.sessions.last_mut() {
            session.taken_over_bytes = copy.feed.taken_over();
        }
        let mut image =
            Image { bytes: copied.bytes, unreadable: copied.unreadable, digests: copied.digests, retries: 0 };
        let destinations =
            self.keep(copied.destinations, copied.lost, copied.stopped).map_err(|(error, destinations)| {
                let size = self.origin.reader().map_or(copied.bytes, |reader| reader.bytes());
                let map = rescue::map_under_way(size, copied.bytes, &copied.pending, &copy.known_unreadable);
                // The error is what is told; without the map the next session tries again.
                destinations.iter().for_each(|destination| drop(destination.write_map(&map)));
                (error, destinations)
            })?;
        if image.bytes == 0 {
            let reason = "standard input gave no bytes".to_owned();
            let hint = Some("look at what feeds it, then the same command with --resume goes on".to_owned());
            return Err((AcquireError::Refused { path: self.before.path.clone(), reason, hint }, destinations));
        }
        let (Some(reader), false) = (self.origin.reader().cloned(), copied.pending.is_empty()) else {
            return Ok((image, destinations));
        };
        let rescued =
            Rescue::new(&reader, destinations, copied.pending, &image.unreadable, self.options.patience, self.progress)
                .run(self.options.retries);
        let destinations = self.keep(rescued.destinations, rescued.lost, rescued.stopped)?;
        rescued.unreadable.iter().for_each(|range| image.unreadable.insert(range));
        image.retries = rescued.retries;
        Ok((image, destinations))
    }

    fn prepare(&self, state: &State, destinations: &mut [Destination]) -> Result<Copy, AcquireError> {
        let mut stored = Vec::new();
        let mut known_unreadable = ByteRanges::new();
        for (number, destination) in destinations.iter_mut().enumerate() {
            let path = destination.path.clone();
            let failed = |source| AcquireError::Destination { path, source };
            if let Some(left) = destination.stored().map_err(failed)? {
                stored.push((number, left));
                places::known_unreadable(destination)?.iter().for_each(|range| known_unreadable.insert(range));
            }
        }
        let left = destinations.iter().map(Destination::left_bytes).max().unwrap_or(0);
        let stored = self.check_samples(stored, &known_unreadable).map_err(|error| match error {
            AcquireError::Interrupted { .. } => {
                let total_bytes = self.origin.reader().map(|reader| reader.bytes());
                AcquireError::Interrupted { done_bytes: left.min(total_bytes.unwrap_or(left)), total_bytes }
            }
            other => other,
        })?;
        if state.sessions.len() > 1 {
            // Only now is it known to be the same source, as far as that can be known before all of it is read.
            destinations.iter().try_for_each(|destination| self.log(&destination.case, ActKind::Resumed, state))?;
        }
        let all = destinations.iter().enumerate().fold(0, |bits: u64, (number, _)| bits | 1 << number);
        let work = Work {
            compress: (state.storage.format == Format::Zstd).then_some(state.storage.zstd_level),
            stored: if stored.is_empty() { 0 } else { all },
        };
        let feed = SourceFeed::new(self.origin.feed(), self.origin.kind(), stored);
        Ok(Copy {
            feed: Arc::new(feed),
            algorithms: state.algorithms.clone(),
            work,
            patience: self.options.patience,
            stream_bytes: self.options.stream_bytes,
            known_unreadable,
        })
    }

    /// Reads some of the chunks that earlier sessions have left from the source again: another disk of the same model
    /// and size may begin and end alike.
    fn check_samples(
        &self,
        stored: Vec<(usize, Stored)>,
        unreadable: &ByteRanges,
    ) -> Result<Vec<(usize, Stored)>, AcquireError> {
        let Some(reader) = self.origin.reader().cloned() else { return Ok(stored) };
        let unreadable = unreadable.clone();
        let (stored, differs) = patiently(self.options.patience, self.progress, &reader, move |reader| {
            let differs = stored.iter().find_map(|(_, stored)| change::sample_differs(reader, stored, &unreadable));
            (stored, differs)
        })?;
        match differs {
            Some(range) => {
                let path = self.before.path.clone();
                let reason = format!(
                    "the exhibit under way is of another source, or the source has changed: bytes {range} differ"
                );
                let hint =
                    Some("take the source with which it was begun, or begin anew as another --exhibit".to_owned());
                Err(AcquireError::Refused { path, reason, hint })
            }
            None => Ok(stored),
        }
    }

    /// Notes lost destinations, and passes on why the work stopped; it also stops when no destination is left.
    fn keep(
        &mut self,
        destinations: Vec<Destination>,
        lost: Vec<Lost>,
        stopped: Option<AcquireError>,
    ) -> Result<Vec<Destination>, (AcquireError, Vec<Destination>)> {
        if destinations.is_empty() {
            let first = lost.into_iter().next();
            let (path, source) = first.map_or_else(
                || (PathBuf::new(), io::Error::other("no destination is left")),
                |lost| (lost.path, lost.error),
            );
            return Err((AcquireError::Destination { path, source }, destinations));
        }
        lost.iter().for_each(|lost| self.tell_lost(lost));
        match stopped {
            Some(stopped) => Err((stopped, destinations)),
            None => Ok(destinations),
        }
    }

    fn tell_lost(&mut self, lost: &Lost) {
        let reason = with_causes(&lost.error);
        let message = format!("this destination is lost: {reason}; the same command with --resume completes it");
        let issue = Issue::new(places::shown(&lost.path), message.clone());
        self.progress.issue(&issue);
        self.issues.push(issue);
        self.reservations.push(format!("{}: {message}", places::shown(&lost.path)));
    }

    /// Writes down how the session ended, as far as the destinations can still be written.
    fn record_end(&self, state: &mut State, destinations: &mut [Destination], now: Timestamp, end: &str) {
        state.watch.look(self.origin.device().map(|device| watch::Counters::of(device, now)));
        if let Some(session) = state.sessions.last_mut() {
            session.ended = Some(now);
            end.clone_into(&mut session.end);
        }
        for destination in destinations {
            // The error that ended the session is what is told; what is not on the medium is read again.
            let _ = destination.sync();
            let _ = destination.dir.replace(state::FILE_NAME, &state.to_json());
        }
    }

    fn log(&self, case: &Case, kind: ActKind, state: &State) -> Result<(), AcquireError> {
        let what = match kind {
            ActKind::Resumed => {
                format!("acquisition of {} as exhibit {} taken up again", self.before.path, self.options.exhibit)
            }
            _ => format!("acquisition of {} as exhibit {} began", self.before.path, self.options.exhibit),
        };
        let log = CustodyLog::open(case)?;
        let subjects = Vec::new();
        log.append(Act { kind, who: who(&state.people), what, subjects, tool: crate::tool_name() }, self.clock)?;
        Ok(())
    }
}

/// How a session ended, in the words of the manifest.
fn end_of(error: &AcquireError) -> String {
    match error {
        AcquireError::Interrupted { .. } => "interrupted".to_owned(),
        other => format!("failed: {other}"),
    }
}

/// The examiner, as the custody log names who acts.
fn who(people: &Facts) -> String {
    people.get("examiner").and_then(kanshiki_model::Fact::text).unwrap_or_else(|| "not told".to_owned())
}

impl AcquireOptions {
    /// All case folders.
    fn places(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.case).chain(&self.also)
    }
}
