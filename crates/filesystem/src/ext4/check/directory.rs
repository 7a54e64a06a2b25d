//! Directories: every entry, and the checksums at the ends of blocks.

use super::hash_tree;
use super::names::Names;
use super::targets::Targets;
use super::{Flow, GO_ON, Report};
use crate::NodeType;
use crate::ext4::directory::{Block, Blocks, Form, Raw, Scan, node_type};
use crate::ext4::entry_names::{illegal, repeated};
use crate::ext4::features::flag;
use crate::ext4::hash_tree::Node;
use crate::ext4::inode::Inode;
use crate::ext4::sums;
use crate::ext4::volume::Volume;
use kanshiki_image::bytes::length;
use kanshiki_model::visible;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

const STRUCTURE: &str = "directory entry";

/// Names of a directory that are remembered, to find those that stand in it twice.
const REMEMBERED: usize = 1 << 21;

struct Directory<'a> {
    volume: &'a Volume,
    inode: &'a Inode,
    names: &'a mut Names,
    targets: Targets,
    hasher: RandomState,
    seen: HashSet<u64>,
    dots: (bool, bool),
    /// The blocks to which records of the hash tree lead.
    leads: HashSet<u64>,
}

pub(super) fn check(volume: &Volume, report: &mut Report<'_>, inode: &Inode, names: &mut Names) -> Flow {
    let inline = inode.has(flag::INLINE_DATA);
    let mut directory = Directory {
        volume,
        inode,
        names,
        targets: Targets::of(volume, inode),
        hasher: RandomState::new(),
        seen: HashSet::new(),
        dots: (inline, inline),
        leads: HashSet::new(),
    };
    if inline {
        let parent = inode.u32(40).into();
        [inode.number, parent].into_iter().for_each(|inode| directory.names.add(inode));
        directory.names.dotdot(inode.number, parent);
    }
    for block in Blocks::new(volume, inode) {
        match report.take(block)? {
            Some(block) if block.live => directory.block(report, block, inline)?,
            _ => {}
        }
    }
    let (dot, dotdot) = directory.dots;
    if !dot || !dotdot {
        let what = if dot { "`..`" } else { "`.`" };
        report.tell("directory", Some(inode.number), inode.offset, format!("it has no {what}"))?;
    }
    GO_ON
}

impl Directory<'_> {
    fn block(&mut self, report: &mut Report<'_>, block: Block, inline: bool) -> Flow {
        if !inline {
            self.checksum(report, &block)?;
        }
        let (start, first) = (block.offset, block.number == 0);
        let mut scan = Scan::new(block, Form::of(self.volume), self.inode.number);
        let mut place = 0_u32;
        while let Some(found) = scan.next() {
            let Some(raw) = report.take(found)? else { return GO_ON };
            if raw.inode != 0 {
                let place = if first && !inline { place } else { 2 };
                let offset = start.saturating_add(length(raw.at));
                let name = scan.name(raw).unwrap_or_default();
                for wrong in self.entry(raw, name, place) {
                    report.tell(STRUCTURE, Some(self.inode.number), offset, wrong)?;
                }
            }
            place = place.saturating_add(1);
        }
        GO_ON
    }

    /// What is wrong with an entry. `place` is 0 and 1 where `.` and `..` belong.
    fn entry(&mut self, raw: Raw, name: &[u8], place: u32) -> Vec<String> {
        let (target, shown) = (u64::from(raw.inode), || visible(name));
        let mut wrong = Vec::new();
        match name {
            b"." if place == 0 => {
                self.dots.0 = true;
                if target != self.inode.number {
                    wrong.push(format!("`.` leads to inode {target}"));
                }
            }
            b".." if place == 1 => {
                self.dots.1 = true;
                self.names.dotdot(self.inode.number, target);
            }
            _ => wrong.extend(self.name(name)),
        }
        if target > self.volume.superblock.inodes {
            wrong.push(format!("`{}` leads to inode {target}, which there is not", shown()));
            return wrong;
        }
        if self.volume.superblock.is_reserved(target) {
            wrong.push(format!("`{}` leads to inode {target}, which belongs to the filesystem itself", shown()));
        }
        let found = self.targets.get(self.volume, raw.inode);
        if found.allocated == Some(false) {
            wrong.push(format!("`{}` leads to inode {target}, which is free", shown()));
            return wrong;
        }
        self.names.add(target);
        let is_dot = place < 2 && matches!(name, b"." | b"..");
        if let Some(real) = found.node_type {
            let stored = raw.file_type.filter(|stored| *stored != 0).map(node_type);
            if let Some(stored) = stored.filter(|stored| *stored != real) {
                wrong.push(format!("`{}` is a {stored} here, and inode {target} is a {real}", shown()));
            }
            if real == NodeType::Directory && !is_dot && !self.names.child(target, self.inode.number) {
                wrong.push(format!("`{}` is another name of the directory of inode {target}", shown()));
            }
        }
        wrong
    }

    /// What is wrong with a name.
    fn name(&mut self, name: &[u8]) -> Option<String> {
        illegal(name, self.inode.has(flag::ENCRYPT)).or_else(|| {
            let new = self.seen.len() >= REMEMBERED || self.seen.insert(self.hasher.hash_one(name));
            (!new).then(|| repeated(name))
        })
    }

    /// The checksum of a block, and the records of one that is a node of a hash tree.
    fn checksum(&mut self, report: &mut Report<'_>, block: &Block) -> Flow {
        let (superblock, block_length) = (&self.volume.superblock, self.volume.block_length());
        if let Some(node) = Node::of(block_length, self.inode, block) {
            hash_tree::check(self.volume, report, self.inode, block, node, &mut self.leads)?;
        }
        match sums::directory_block(superblock, block_length, self.inode, block) {
            Some((structure, wrong)) => report.tell(structure, Some(self.inode.number), block.offset, wrong),
            None => GO_ON,
        }
    }
}
