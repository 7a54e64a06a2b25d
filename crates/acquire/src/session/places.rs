//! The destinations of an acquisition: refused, begun, taken up again, or found complete.

use super::state::{self, State};
use crate::destination::{Destination, MAP_NAME};
use crate::device::guard;
use crate::source::SourceReader;
use crate::writers::{self, Storage};
use crate::{AcquireError, AcquireOptions};
use kanshiki_custody::leaves::LeavesError;
use kanshiki_custody::manifest::{Format, Manifest};
use kanshiki_custody::map::MapStatus;
use kanshiki_custody::{ActKind, Case, CustodyError, CustodyLog, LockGuard, Mapfile, OutputDir, manifest, read_small};
use kanshiki_model::{ByteRanges, Clock, Size, visible};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most destinations: each has a bit in what is known of a chunk.
const MAX_DESTINATIONS: usize = 63;

/// The most bytes that a mapfile may have.
const MAP_LIMIT: u64 = 1 << 30;

/// Files that are made at the end; a broken-off end has left them.
const END_FILES: [&str; 3] = [manifest::FILE_NAME, manifest::TEXT_FILE_NAME, super::close::SUMS_NAME];

/// The folder of one exhibit, as it was found.
#[derive(Debug)]
pub(super) enum Place {
    /// The exhibit is complete.
    Complete(Case, Box<Manifest>),
    /// A folder to work in; with the state of an earlier session, if there is one.
    Open { case: Case, dir: Arc<OutputDir>, lock: LockGuard, path: PathBuf, state: Option<Box<State>> },
}

/// Refuses a destination that must not be written, or cannot hold the image; returns what is to be known of it.
pub(super) fn check(
    path: &Path,
    source: Option<&SourceReader>,
    options: &AcquireOptions,
) -> Result<Vec<String>, AcquireError> {
    let refused = |reason: String, hint: Option<&str>| AcquireError::Refused {
        path: shown(path),
        reason,
        hint: hint.map(str::to_owned),
    };
    if guard::is_block_device(path) {
        let hint = "give a folder on a mounted disk: kanshiki never writes to a device";
        return Err(refused("the destination is a block device".to_owned(), Some(hint)));
    }
    let refuse_file = || {
        let hint = "give a new or an empty folder, or a case";
        let found = std::fs::metadata(path).is_ok_and(|found| !found.is_dir());
        if found { Err(refused("not a directory".to_owned(), Some(hint))) } else { Ok(()) }
    };
    let failed = |error: io::Error| {
        let reason = format!("it cannot be told on which disk the destination lies: {error}");
        refused(reason, Some("is /proc mounted?").filter(|_| error.kind() == io::ErrorKind::NotFound))
    };
    let mut notes = Vec::new();
    let Some(source) = source else {
        refuse_file()?;
        return Ok(notes);
    };
    let hint = "choose a case folder on another disk";
    if let Some(device) = source.device() {
        if let Some(reason) = guard::lies_on(path, device).map_err(failed)? {
            return Err(refused(reason, Some(hint)));
        }
        notes.extend(guard::shares_disk_with(path, device).map_err(failed)?);
    }
    for file in source.files().filter(|_| source.device().is_none()) {
        if let Some(reason) = guard::file_lies_on(path, file).map_err(failed)? {
            return Err(refused(reason, Some(hint)));
        }
    }
    refuse_file()?;
    check_room(path, source, options, &refused)?;
    Ok(notes)
}

fn check_room(
    path: &Path,
    source: &SourceReader,
    options: &AcquireOptions,
    refused: &dyn Fn(String, Option<&str>) -> AcquireError,
) -> Result<(), AcquireError> {
    let largest = match options.format {
        Format::Raw | Format::Zstd => source.bytes(),
        Format::Split => options.split_bytes.min(source.bytes()),
    };
    if let Some(limit) = guard::largest_file_bytes(path).filter(|limit| largest > *limit) {
        let reason = format!("its filesystem holds no file above {}", Size(limit));
        return Err(refused(reason, Some("add --format split --split-size 2G, or use another filesystem")));
    }
    let parts = source.bytes().div_ceil(options.split_bytes.max(1));
    if options.format == Format::Split && parts > writers::MAX_PARTS {
        let reason = format!("the image would have {parts} parts, at most {} are made", writers::MAX_PARTS);
        return Err(refused(reason, Some("choose a larger --split-size")));
    }
    // What zstd will need is not known before; it is stopped, resumable, when the room ends.
    if !options.check_room || options.format == Format::Zstd {
        return Ok(());
    }
    // Destinations on one filesystem share its room.
    let filesystem = guard::filesystem_number(path);
    let shares = |other: &&PathBuf| {
        other.as_path() == path || (filesystem.is_some() && guard::filesystem_number(other) == filesystem)
    };
    let sharing: Vec<&PathBuf> = options.places().filter(shares).collect();
    let needed = sharing.iter().fold(0_u64, |sum, place| sum.saturating_add(missing_bytes(place, source, options)));
    let free = guard::free_bytes(path);
    let free = free.map_err(|source| AcquireError::Destination { path: path.to_owned(), source })?;
    if free < needed {
        let several = if sharing.len() > 1 { format!(" for {} destinations", sharing.len()) } else { String::new() };
        let reason = format!("too little room: {} are needed{several}, {} are free", Size(needed), Size(free));
        return Err(refused(reason, Some("make room, take another folder, or try --format zstd")));
    }
    Ok(())
}

/// Bytes that are still to be written in a case: what an unfinished exhibit holds, in room taken or in length reached,
/// need not be written again, and a complete one needs nothing.
fn missing_bytes(case: &Path, source: &SourceReader, options: &AcquireOptions) -> u64 {
    let exhibits = case.join(kanshiki_custody::case::EXHIBITS);
    if options.resume && exhibits.join(&options.exhibit).join(manifest::FILE_NAME).exists() {
        return 0;
    }
    let folder = exhibits.join(format!("{}.partial", options.exhibit));
    let files = || std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let taken = files().filter_map(|file| file.metadata().ok()).map(|metadata| metadata.blocks().saturating_mul(512));
    let images = files().filter(|file| file.file_name().as_bytes().starts_with(b"image.raw"));
    let reached = images.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len());
    let by_room = source.allocated_bytes().saturating_sub(taken.fold(0, u64::saturating_add));
    by_room.min(source.bytes().saturating_sub(reached.fold(0, u64::saturating_add)))
}

/// Refuses case folders that are one and the same, and more of them than are kept apart.
pub(super) fn refuse_same(options: &AcquireOptions) -> Result<(), AcquireError> {
    let refused = |path: &Path, reason: String| AcquireError::Refused { path: shown(path), reason, hint: None };
    let mut known = Vec::new();
    for path in options.places() {
        let place = guard::resolved(path);
        let place = place.map_err(|source| AcquireError::Destination { path: path.clone(), source })?;
        // The same folder may have two paths: links, and mounts of a folder elsewhere.
        let folder = std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        let same = |(other, id): &(PathBuf, Option<(u64, u64)>)| *other == place || (id.is_some() && *id == folder);
        if known.iter().any(same) {
            return Err(refused(path, "it is given twice as a destination".to_owned()));
        }
        known.push((place, folder));
    }
    if known.len() > MAX_DESTINATIONS {
        let reason = format!("{} destinations are asked for, at most {MAX_DESTINATIONS} are written", known.len());
        return Err(refused(&options.case, reason));
    }
    Ok(())
}

/// Refuses, before anything is made anywhere, an exhibit that one of the cases has already, and a case whose custody
/// log takes no acquisition.
pub(super) fn refuse_existing(options: &AcquireOptions) -> Result<(), AcquireError> {
    for case in options.places().filter_map(|path| Case::open(path).ok()) {
        CustodyLog::open(&case)?.check_appendable(ActKind::Acquired)?;
    }
    if options.resume {
        return Ok(());
    }
    for path in options.places() {
        let Ok(case) = Case::open(path) else { continue };
        let (id, case_path) = (options.exhibit.clone(), path.clone());
        if case.exhibits()?.contains(&id) {
            return Err(CustodyError::ExhibitExists { id, case: case_path }.into());
        }
        // Entering it tells whether it is left over or under way.
        if case.partial_exhibits()?.contains(&id) {
            case.begin_exhibit(&id)?;
        }
    }
    Ok(())
}

/// Enters the exhibit's folder in a case: makes it, or with `resume` takes up the one that is there.
pub(super) fn enter(case: &Path, exhibit: &str, resume: bool, clock: &dyn Clock) -> Result<Place, AcquireError> {
    let case = Case::create_or_open(case, clock)?;
    let path = case.partial_dir(exhibit);
    if !resume {
        let (dir, lock) = case.begin_exhibit(exhibit)?;
        return Ok(Place::Open { case, dir: Arc::new(dir), lock, path, state: None });
    }
    match case.resume_exhibit(exhibit) {
        Ok((dir, lock)) => {
            let state = read_state(&dir)?;
            for name in END_FILES.into_iter().filter(|name| writers::exists(&dir, name)) {
                dir.remove_own(name)?;
            }
            Ok(Place::Open { case, dir: Arc::new(dir), lock, path, state: state.map(Box::new) })
        }
        Err(CustodyError::NoPartial { .. }) => {
            let (dir, lock) = case.begin_exhibit(exhibit)?;
            Ok(Place::Open { case, dir: Arc::new(dir), lock, path, state: None })
        }
        Err(CustodyError::ExhibitExists { .. }) => {
            let bytes = read_small(&case.exhibit_dir(exhibit).join(manifest::FILE_NAME), manifest::LIMIT as u64);
            let bytes =
                bytes.map_err(|source| AcquireError::Destination { path: case.exhibit_dir(exhibit), source })?;
            let manifest = Manifest::parse(&bytes).map_err(|error| refused_state(&path, error.to_string()))?;
            Ok(Place::Complete(case, Box::new(manifest)))
        }
        Err(error) => Err(error.into()),
    }
}

fn refused_state(path: &Path, reason: String) -> AcquireError {
    let hint = Some("set the folder aside and begin anew, or use the version of kanshiki that began it".to_owned());
    AcquireError::Refused { path: shown(path), reason, hint }
}

/// The state of an earlier session; `None` if it died before it could write one.
fn read_state(dir: &OutputDir) -> Result<Option<State>, AcquireError> {
    if !writers::exists(dir, state::FILE_NAME) {
        return Ok(None);
    }
    let bytes = dir.read_small(state::FILE_NAME, state::LIMIT)?;
    State::parse(&bytes).map(Some).map_err(|error| refused_state(dir.path(), error.to_string()))
}

/// The bytes that an earlier session has found to stay unreadable. They count for chunks whose leaf that session has
/// written, which it does only after this map.
pub(super) fn known_unreadable(destination: &Destination) -> Result<ByteRanges, AcquireError> {
    if !writers::exists(&destination.dir, MAP_NAME) {
        return Ok(ByteRanges::new());
    }
    let bytes = destination.dir.read_small(MAP_NAME, MAP_LIMIT)?;
    let map = Mapfile::parse(&bytes).map_err(|error| refused_state(&destination.path, error.to_string()))?;
    Ok(map.ranges(MapStatus::BadSector))
}

/// Opens image and leaves in the folder; a folder in which an earlier session left no state is begun anew.
pub(super) fn open(
    case: Case,
    dir: Arc<OutputDir>,
    lock: LockGuard,
    path: PathBuf,
    storage: Storage,
    number: usize,
) -> Result<Destination, AcquireError> {
    let failed = |source: io::Error| {
        let newer = source.get_ref().and_then(|inner| inner.downcast_ref::<LeavesError>());
        match newer {
            Some(newer @ LeavesError::Version { .. }) => refused_state(&path, newer.to_string()),
            _ => AcquireError::Destination { path: path.clone(), source },
        }
    };
    Destination::open(case, dir, lock, path.clone(), storage, true, number).map_err(failed)
}

/// Refuses a folder that holds what is no part of the exhibit: a later verification would have to call it added.
pub(super) fn refuse_strangers(destination: &Destination, format: Format) -> Result<(), AcquireError> {
    let known = [state::FILE_NAME, kanshiki_custody::case::LOCK_NAME, kanshiki_custody::leaves::FILE_NAME, MAP_NAME];
    let is_known = |name: &String| {
        known.contains(&name.as_str())
            || END_FILES.contains(&name.as_str())
            || kanshiki_custody::is_temporary_name(name)
            || writers::is_image_file(format, name)
    };
    let names = destination.dir.names()?;
    let strangers: Vec<String> = names.iter().filter(|name| !is_known(name)).take(5).cloned().collect();
    if strangers.is_empty() {
        return Ok(());
    }
    let reason = format!("its folder holds what is no part of the exhibit: {}", strangers.join(", "));
    let hint = Some("move it elsewhere, then the same command with --resume goes on".to_owned());
    Err(AcquireError::Refused { path: shown(&destination.path), reason, hint })
}

pub(super) fn shown(path: &Path) -> String {
    visible(path.as_os_str().as_bytes())
}
