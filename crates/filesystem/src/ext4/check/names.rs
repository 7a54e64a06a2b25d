//! How many names lead to each inode, and whether each directory hangs in the tree.

use super::{Flow, GO_ON, Report};
use crate::ext4::features::flag;
use crate::ext4::tables::{self, Tables};
use crate::ext4::volume::Volume;
use crate::{NodeState, NodeType};
use std::collections::HashMap;

const ROOT: u64 = 2;

/// Inodes whose names are counted together.
const PAGE: u64 = 4096;

/// Such pages that are kept: 64 MiB.
const PAGES: usize = 8192;

/// Directories whose places are kept.
const DIRECTORIES: usize = 1 << 20;

/// What the directories say of inodes.
#[derive(Debug, Default)]
pub(super) struct Names {
    counts: HashMap<u64, Vec<u16>>,
    /// Directories, with the one that names them and the one that their `..` leads to.
    directories: HashMap<u64, (Option<u64>, Option<u64>)>,
    /// Whether there were more than are kept.
    incomplete: bool,
}

impl Names {
    /// Counts a name of an inode.
    pub(super) fn add(&mut self, inode: u64) {
        let page = inode / PAGE;
        if !self.counts.contains_key(&page) && self.counts.len() >= PAGES {
            self.incomplete = true;
            return;
        }
        let counts = self.counts.entry(page).or_insert_with(|| vec![0; usize::try_from(PAGE).unwrap_or(0)]);
        if let Some(count) = usize::try_from(inode % PAGE).ok().and_then(|at| counts.get_mut(at)) {
            *count = count.saturating_add(1);
        }
    }

    fn count(&self, inode: u64) -> u16 {
        let counts = self.counts.get(&(inode / PAGE));
        let count = counts.and_then(|counts| counts.get(usize::try_from(inode % PAGE).ok()?));
        count.copied().unwrap_or(0)
    }

    fn place(&mut self, directory: u64) -> Option<&mut (Option<u64>, Option<u64>)> {
        if !self.directories.contains_key(&directory) && self.directories.len() >= DIRECTORIES {
            self.incomplete = true;
            return None;
        }
        Some(self.directories.entry(directory).or_default())
    }

    /// Remembers where `..` of a directory leads.
    pub(super) fn dotdot(&mut self, directory: u64, parent: u64) {
        if let Some(place) = self.place(directory) {
            place.1 = Some(parent);
        }
    }

    /// Remembers that `parent` names a directory; `false` if another name of it is known.
    pub(super) fn child(&mut self, directory: u64, parent: u64) -> bool {
        let Some(place) = self.place(directory) else { return true };
        let new = place.0.is_none() && directory != ROOT;
        place.0 = Some(parent);
        new
    }

    /// Compares the names with what the inodes say.
    pub(super) fn check(&self, volume: &Volume, report: &mut Report<'_>) -> Flow {
        if self.incomplete {
            let detail = "more inodes or directories than are kept in memory: their links were not counted".to_owned();
            return report.pass(crate::FsError::Unsupported { inode: None, detail });
        }
        for found in Tables::new(volume) {
            let Ok((inode, allocated)) = found else { continue };
            let superblock = &volume.superblock;
            let own = superblock.is_reserved(inode.number)
                || inode.number == superblock.orphan_file
                || inode.number == u64::from(superblock.u32(620));
            if own || tables::state(volume, &inode, allocated) != NodeState::Allocated || inode.links == 0 {
                continue;
            }
            let (links, count) = (inode.links, self.count(inode.number));
            if inode.has(flag::EA_INODE) {
                if count == 0 {
                    let detail = "it holds the value of an attribute, and no attribute leads to it";
                    report.tell("inode", Some(inode.number), inode.offset, detail)?;
                }
                continue;
            }
            let directory = inode.node_type() == NodeType::Directory;
            // Of a directory with too many others in it, the links are no longer counted (dir_nlink).
            let uncounted = directory && (links == 1 || count == u16::MAX);
            if links != count && !uncounted {
                let detail = format!("{links} links, and {count} names lead to it");
                report.tell("inode", Some(inode.number), inode.offset, detail)?;
            }
            if directory {
                self.directory(report, inode.number, inode.offset)?;
            }
        }
        GO_ON
    }

    fn directory(&self, report: &mut Report<'_>, inode: u64, offset: u64) -> Flow {
        const STRUCTURE: &str = "directory";
        if inode == ROOT {
            return GO_ON;
        }
        let (parent, dotdot) = self.directories.get(&inode).copied().unwrap_or_default();
        let Some(parent) = parent else {
            return report.tell(STRUCTURE, Some(inode), offset, "no name leads to it");
        };
        if let Some(dotdot) = dotdot.filter(|dotdot| *dotdot != parent) {
            let detail = format!("`..` leads to inode {dotdot}, and it stands in the directory of inode {parent}");
            report.tell(STRUCTURE, Some(inode), offset, detail)?;
        }
        let mut above = parent;
        for _ in 0..self.directories.len() {
            if above == ROOT {
                return GO_ON;
            }
            if above == inode {
                return report.tell(STRUCTURE, Some(inode), offset, "it lies inside itself");
            }
            let Some((Some(next), _)) = self.directories.get(&above) else { return GO_ON };
            above = *next;
        }
        GO_ON
    }
}
