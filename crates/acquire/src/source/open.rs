//! Opens a source, or says why not.

use super::{FILE_SECTOR_BYTES, Part, Pulse, SourceReader, Tail, beside, length};
use crate::AcquireError;
use crate::device::{BlockDevice, guard};
use kanshiki_custody::manifest::SourceKind;
use kanshiki_image::split;
use kanshiki_model::{ByteRange, ByteRanges, visible};
use rustix::fs::{FileType, Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

const READ_ONLY: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

const LIVE_HINT: &str = "unmount or release it, or add --live to copy it as it changes; that is recorded";

/// Opens the source at `path`: a block device, a regular file, or the first part of a raw image in parts. With `live`
/// a device in use is opened all the same.
///
/// # Errors
///
/// [`AcquireError::Source`] if the operating system refuses, [`AcquireError::Refused`] if the source is in use, empty
/// or none of these.
pub(crate) fn open(path: &Path, live: bool) -> Result<SourceReader, AcquireError> {
    let shown = visible(path.as_os_str().as_bytes());
    let failed = |source: io::Error| AcquireError::Source { path: shown.clone(), source };
    let refused = |reason: &str, hint: Option<&str>| AcquireError::Refused {
        path: shown.clone(),
        reason: reason.to_owned(),
        hint: hint.map(str::to_owned),
    };
    // O_EXCL claims a block device against mounting and is without meaning for a file. O_NONBLOCK keeps a pipe or a
    // drive without medium from holding us up.
    let claim = OFlags::EXCL | OFlags::NONBLOCK;
    let (file, claimed) = match rustix::fs::open(path, READ_ONLY | claim, Mode::empty()) {
        Ok(file) => (File::from(file), true),
        Err(rustix::io::Errno::BUSY) => {
            let file = rustix::fs::open(path, READ_ONLY | OFlags::NONBLOCK, Mode::empty());
            (File::from(file.map_err(|errno| failed(errno.into()))?), false)
        }
        Err(errno) => return Err(failed(errno.into())),
    };
    let stat = rustix::fs::fstat(&file).map_err(|errno| failed(errno.into()))?;
    let reader = match FileType::from_raw_mode(stat.st_mode) {
        FileType::BlockDevice => {
            let device = BlockDevice::of_file(&file).map_err(failed)?;
            let device = device.ok_or_else(|| refused("the kernel knows no such block device", None))?;
            open_device(shown.clone(), file, device, claimed, live)?
        }
        FileType::RegularFile => {
            let mut reader = open_files(&shown, path, file)?;
            let reasons: Vec<String> = reader.files().flat_map(guard::file_in_use).collect();
            if !reasons.is_empty() && !live {
                return Err(refused(&reasons.join("; "), Some(LIVE_HINT)));
            }
            reader.live = !reasons.is_empty();
            reader
        }
        FileType::Directory => return Err(refused("it is a directory", Some("give a disk, a partition or a file"))),
        FileType::Fifo | FileType::Socket => {
            return Err(refused("it is a pipe", Some("send it to standard input and give `-` as the source")));
        }
        _ => return Err(refused("it is neither a block device nor a regular file", None)),
    };
    if reader.bytes == 0 {
        return Err(refused("it has no bytes", Some("is there a medium in the drive?")));
    }
    Ok(reader)
}

fn open_device(
    path: String,
    file: File,
    device: BlockDevice,
    claimed: bool,
    live: bool,
) -> Result<SourceReader, AcquireError> {
    let failed = |source: io::Error| AcquireError::Source { path: path.clone(), source };
    let mut reasons = guard::in_use(&device);
    if reasons.is_empty() && !claimed {
        reasons.push("it is held by another program or by the kernel".to_owned());
    }
    if !reasons.is_empty() && !live {
        return Err(AcquireError::Refused { path, reason: reasons.join("; "), hint: Some(LIVE_HINT.to_owned()) });
    }
    let sector_bytes = device.logical_sector_bytes().map_err(failed)?.max(512);
    let bytes = length(&file).map_err(failed)?;
    // Direct reads lose one sector to a bad sector, not a page, and leave the page cache alone. Setting the flags
    // anew also takes O_NONBLOCK away.
    let direct = rustix::fs::fcntl_setfl(&file, OFlags::DIRECT).is_ok();
    if !direct {
        rustix::fs::fcntl_setfl(&file, OFlags::empty()).map_err(|errno| failed(errno.into()))?;
    }
    let rest = bytes.checked_rem(sector_bytes).unwrap_or(0);
    let tail = (direct && rest > 0).then(|| Tail {
        range: ByteRange::new(bytes.saturating_sub(rest), bytes),
        file: device.open_node().and_then(|node| {
            rustix::fs::fcntl_setfl(&node, OFlags::empty())?;
            Ok(node)
        }),
    });
    Ok(SourceReader {
        kind: SourceKind::Device,
        path,
        parts: vec![Part { range: ByteRange::new(0, bytes), file }],
        bytes,
        sector_bytes,
        direct,
        live: !reasons.is_empty(),
        device: Some(device),
        tail,
        answers: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        pulse: Pulse::default(),
        notes: Vec::new(),
        remarks: Vec::new(),
        recorded: ByteRanges::new(),
    })
}

fn open_files(shown: &str, path: &Path, first: File) -> Result<SourceReader, AcquireError> {
    let failed = |source: io::Error| AcquireError::Source { path: shown.to_owned(), source };
    let names = split::discover(path).map_err(failed)?.filter(|names| names.len() > 1).unwrap_or_default();
    if let Some(first) = split::first_part(path) {
        let hint = format!(
            "give its first part, `{}`: it is copied with all that follow",
            visible(first.as_os_str().as_bytes())
        );
        let reason = "it is a later part of a split image".to_owned();
        return Err(AcquireError::Refused { path: shown.to_owned(), reason, hint: Some(hint) });
    }
    let mut files = vec![first];
    for name in names.iter().skip(1) {
        let file = rustix::fs::open(name, READ_ONLY | OFlags::NONBLOCK, Mode::empty());
        let file = file
            .map_err(|errno| AcquireError::Source { path: visible(name.as_os_str().as_bytes()), source: errno.into() });
        let file = File::from(file?);
        check_part(name, &file)?;
        files.push(file);
    }
    let mut bytes: u64 = 0;
    let mut parts = Vec::with_capacity(files.len());
    for file in files {
        let end = bytes.saturating_add(length(&file).map_err(failed)?);
        parts.push(Part { range: ByteRange::new(bytes, end), file });
        bytes = end;
    }
    let beside = beside::look(path, bytes);
    let notes = odd_parts(&names, &parts).into_iter().chain(beside.notes).collect();
    Ok(SourceReader {
        kind: if parts.len() > 1 { SourceKind::Split } else { SourceKind::File },
        path: shown.to_owned(),
        parts,
        bytes,
        sector_bytes: FILE_SECTOR_BYTES,
        direct: false,
        live: false,
        device: None,
        tail: None,
        answers: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        pulse: Pulse::default(),
        notes,
        remarks: beside.remarks,
        recorded: beside.unreadable,
    })
}

/// Refuses what stands in the place of a part and is no file.
fn check_part(path: &Path, file: &File) -> Result<(), AcquireError> {
    let path = visible(path.as_os_str().as_bytes());
    let stat =
        rustix::fs::fstat(file).map_err(|errno| AcquireError::Source { path: path.clone(), source: errno.into() })?;
    let what = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a directory",
        FileType::Fifo | FileType::Socket => "a pipe",
        _ => "no regular file",
    };
    let reason = format!("it stands in the place of a part of the split image, and is {what}");
    let hint = Some("move it elsewhere, or give a copy of the image in one file".to_owned());
    Err(AcquireError::Refused { path, reason, hint })
}

/// The parts before the last that have not the length of the first.
fn odd_parts(paths: &[PathBuf], parts: &[Part]) -> Vec<String> {
    let Some(whole) = parts.first().map(|part| part.range.len()) else { return Vec::new() };
    let last = parts.len().saturating_sub(1);
    let is_odd = |number: usize, bytes: u64| if number < last { bytes != whole } else { bytes > whole };
    let pairs = paths.iter().zip(parts).enumerate().filter(|(number, (_, part))| is_odd(*number, part.range.len()));
    let mut notes: Vec<String> = pairs
        .take(20)
        .map(|(_, (path, part))| {
            let (name, bytes) = (visible(path.as_os_str().as_bytes()), part.range.len());
            format!("part `{name}` has {bytes} bytes, the first one {whole}: the image may lack bytes there")
        })
        .collect();
    notes.sort_unstable();
    notes
}
