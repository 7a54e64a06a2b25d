//! From a volume to its journal, and to the volume as it is after the journal was replayed.

use super::fast::{self, Applied};
use super::{Log, LogPlace, LogRun, Overlay, Replay};
use crate::ext4::cache::Bytes;
use crate::ext4::features::{compatible, flag, incompatible};
use crate::ext4::inode::{Inode, MAP_AT, MAP_BYTES};
use crate::ext4::map::{Pieces, Spot};
use crate::ext4::summary;
use crate::ext4::superblock::Superblock;
use crate::ext4::volume::{SUBJECT, Volume};
use crate::{JournalState, JournalUse, NodeType};
use kanshiki_image::Source;
use kanshiki_image::bytes::{array, u16_le, u32_le};
use kanshiki_model::Issue;
use std::sync::Arc;

/// Runs of the journal's file that are kept.
const MAX_RUNS: usize = 1 << 20;

/// What became of the journal of a volume.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) state: JournalState,
    /// The journal, where it can be read.
    pub(crate) log: Option<Log>,
    /// The volume with the journal laid over it, where that differs from the disk.
    pub(crate) volume: Option<Volume>,
    /// What is to be told.
    pub(crate) issues: Vec<Issue>,
}

impl Attached {
    fn only(state: JournalState) -> Self {
        Self { state, log: None, volume: None, issues: Vec::new() }
    }

    fn tell(mut self, message: String) -> Self {
        self.issues.push(Issue::new(SUBJECT, message));
        self
    }

    /// The journal cannot be used. Where the filesystem does not need it, that is only told.
    fn unusable(needed: bool, reason: String) -> Self {
        if needed {
            let told = format!("the journal cannot be replayed, and the disk is shown as it lies: {reason}");
            return Self::only(JournalState::Unusable(reason)).tell(told);
        }
        Self::only(JournalState::Clean)
            .tell(format!("the journal cannot be used, and does not need to be replayed: {reason}"))
    }
}

/// Finds the journal of a volume and replays it in memory, if it is to be used.
pub(crate) fn attach(volume: &Volume, usage: JournalUse) -> Attached {
    let superblock = &volume.superblock;
    let needed = superblock.has_incompatible(incompatible::RECOVER);
    if !superblock.has_compatible(compatible::HAS_JOURNAL) {
        if needed {
            return Attached::unusable(
                true,
                "the superblock says that there is none, and that it needs replay".to_owned(),
            );
        }
        return Attached::only(JournalState::None);
    }
    if let Some(elsewhere) = elsewhere(superblock) {
        if needed {
            return Attached::unusable(true, format!("not supported: it lies on another device, {elsewhere}"));
        }
        return Attached::only(JournalState::Clean);
    }
    let log = place(volume).and_then(|(place, told)| {
        let log = Log::open(Arc::clone(&volume.source), place).map_err(|error| error.to_string())?;
        Ok((log, told))
    });
    let (log, told) = match log {
        Ok(found) => found,
        Err(reason) => return Attached::unusable(needed, reason),
    };
    let mut attached = use_log(volume, log.clone(), usage, needed);
    attached.log = Some(log);
    match told {
        Some(told) => attached.tell(told),
        None => attached,
    }
}

fn use_log(volume: &Volume, log: Log, usage: JournalUse, needed: bool) -> Attached {
    if log.superblock.start.is_none() {
        return Attached::only(JournalState::Clean);
    }
    if !needed {
        let reason = "the superblock does not ask for a replay: a mount would drop its transactions".to_owned();
        return Attached::unusable(true, reason);
    }
    let replay = match log.replay() {
        Ok(replay) => replay,
        Err(error) => return Attached::unusable(true, error.to_string()),
    };
    let inode_bytes = usize::try_from(volume.superblock.inode_bytes).unwrap_or(0);
    let commits = fast::scan(&log, replay.end, inode_bytes);
    if replay.transactions.is_empty() && replay.problem_count == 0 && commits.commits == 0 && commits.cut.is_none() {
        return Attached::only(JournalState::Clean);
    }
    if usage == JournalUse::Ignore {
        return Attached::only(JournalState::Ignored);
    }
    lay_over(&log, &replay, commits)
}

fn lay_over(log: &Log, replay: &Replay, commits: fast::FastCommits) -> Attached {
    let (count, cut) = (commits.commits, commits.cut.clone());
    let mut overlay = Overlay::new(log, replay);
    let mut applied = Applied::default();
    if !commits.changes.is_empty() {
        let under: Source = Arc::new(overlay.clone());
        match Volume::open(under) {
            Ok(under) => applied = fast::apply(&under, commits),
            Err(error) => return Attached::unusable(true, format!("what it holds is no filesystem: {error}")),
        }
        overlay = overlay.with_edited(std::mem::take(&mut applied.blocks));
    }
    let blocks = overlay.blocks();
    let volume = match Volume::open(Arc::new(overlay)) {
        Ok(volume) => volume,
        Err(error) => return Attached::unusable(true, format!("what it holds is no filesystem: {error}")),
    };
    let state = JournalState::Replayed { transactions: replay.transactions.clone(), blocks, fast_commits: count };
    let mut attached = Attached { volume: Some(volume), ..Attached::only(state) };
    for problem in &replay.problems {
        attached = attached.tell(format!("journal: {problem}"));
    }
    let untold = replay.problem_count.saturating_sub(u64::try_from(replay.problems.len()).unwrap_or(0));
    if untold > 0 {
        attached = attached.tell(format!("journal: {untold} more copies were left out"));
    }
    if let Some(cut) = cut {
        attached = attached.tell(format!("journal: the fast commits end with one that is not whole: {cut}"));
    }
    for trouble in applied.trouble {
        attached = attached.tell(format!("journal: a fast commit was applied in part only: {trouble}"));
    }
    attached
}

/// Where the journal is, if it is on another device.
fn elsewhere(superblock: &Superblock) -> Option<String> {
    let uuid: [u8; 16] = array(&superblock.raw, 208).unwrap_or_default();
    let device = superblock.u32(228);
    match summary::uuid(&uuid) {
        Some(uuid) => Some(format!("with the UUID {uuid}")),
        None if superblock.journal_inode == 0 && device != 0 => {
            Some(format!("number {}:{}", device >> 8 & 0xfff, device & 0xff))
        }
        None => None,
    }
}

/// Where the file of the journal lies, and what is to be told about that.
fn place(volume: &Volume) -> Result<(LogPlace, Option<String>), String> {
    let number = volume.superblock.journal_inode;
    let inode = volume.inode(number).map_err(|error| error.to_string());
    let place = inode.and_then(|inode| place_of(volume, &inode));
    let reason = match place {
        Ok(place) => return Ok((place, None)),
        Err(reason) => reason,
    };
    let copy = backup(volume).ok_or_else(|| reason.clone())?;
    let place = place_of(volume, &copy).map_err(|_| reason.clone())?;
    Ok((place, Some(format!("the journal's inode is damaged ({reason}); the copy of it in the superblock is used"))))
}

fn place_of(volume: &Volume, inode: &Inode) -> Result<LogPlace, String> {
    let block_bytes = u32::try_from(volume.superblock.block_bytes).unwrap_or(0);
    if inode.node_type() != NodeType::File || inode.links == 0 {
        return Err(format!("inode {} is no file in use", inode.number));
    }
    let blocks = inode.size.checked_div(volume.superblock.block_bytes).unwrap_or(0);
    let mut runs: Vec<LogRun> = Vec::new();
    let mut damage = None;
    for piece in Pieces::new(volume, inode, 0) {
        match piece.spot {
            Ok(Spot::Stored(place)) => runs.push(LogRun { first: piece.start, place, count: piece.blocks }),
            Ok(_) => {}
            Err(error) => damage = damage.or(Some(error.to_string())),
        }
        if runs.len() > MAX_RUNS || piece.start > u64::from(u32::MAX) {
            return Err(format!("inode {} is in more than {MAX_RUNS} pieces", inode.number));
        }
    }
    if runs.first().is_none_or(|run| run.first != 0) {
        return Err(damage.unwrap_or_else(|| format!("inode {} has no first block", inode.number)));
    }
    Ok(LogPlace { block_bytes, blocks, runs })
}

/// The copy of the journal's inode that the superblock keeps: its map, and its size.
///
/// Source: e2fsprogs 1.47.4, `e2fsck/journal.c`, `e2fsck_get_journal`.
fn backup(volume: &Volume) -> Option<Inode> {
    const KIND: usize = 253;
    const COPY: usize = 268;
    let superblock = &volume.superblock;
    let raw = &superblock.raw;
    let copy = raw.get(COPY..COPY.saturating_add(MAP_BYTES)).filter(|_| raw.get(KIND) == Some(&1))?;
    let extents = if u16_le(copy, 0) == Some(0xf30a) { flag::EXTENTS } else { 0 };
    let (high, low) = (u32_le(raw, COPY.saturating_add(60))?, u32_le(raw, COPY.saturating_add(64))?);
    let mut bytes = vec![0; usize::try_from(superblock.inode_bytes).ok()?];
    let fields = [(4, low), (24, 1 << 16), (32, extents), (108, high)];
    for (at, field) in fields {
        fast::put(&mut bytes, at, &field.to_le_bytes());
    }
    fast::put(&mut bytes, 0, &0o100_600_u16.to_le_bytes());
    fast::put(&mut bytes, MAP_AT, copy);
    Inode::parse(superblock, superblock.journal_inode, superblock.offset, Bytes::new(bytes))
}
