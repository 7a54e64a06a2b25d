//! What debugfs and dumpe2fs (e2fsprogs) tell of inodes and blocks, as plain values.

use crate::common::image::tool;
use kanshiki_filesystem::{Node, NodeState};
use kanshiki_model::FileTime;
use kanshiki_testkit::run;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Fields of an inode.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    pub mode: u16,
    pub flags: u32,
    pub generation: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub links: u32,
    pub sectors: u64,
    pub accessed: (i64, u32),
    pub modified: (i64, u32),
    pub changed: (i64, u32),
    pub created: Option<(i64, u32)>,
    pub deleted: Option<i64>,
}

pub fn of_node(node: &Node) -> Fields {
    let time = |time: Option<FileTime>| time.map(|time| (time.seconds(), time.nanoseconds().unwrap_or(0)));
    // An orphan's field is a link of the list, which debugfs shows as a time.
    let deleted = node.times.deleted.map(FileTime::seconds).filter(|_| node.state != NodeState::Orphan);
    Fields {
        mode: node.mode & 0o7777,
        flags: node.flags,
        generation: node.id.generation,
        uid: node.uid,
        gid: node.gid,
        size: node.size,
        links: node.links,
        sectors: node.allocated_bytes / 512,
        accessed: time(node.times.accessed).unwrap(),
        modified: time(node.times.modified).unwrap(),
        changed: time(node.times.changed).unwrap(),
        created: time(node.times.created),
        deleted,
    }
}

/// What `debugfs` tells of inodes with `stat`.
pub fn of_debugfs(image: &Path, inodes: impl Iterator<Item = u64>) -> BTreeMap<u64, Fields> {
    let folder = kanshiki_testkit::tempdir();
    let requests = folder.path().join("requests");
    let text: String = inodes.map(|inode| format!("stat <{inode}>\n")).collect();
    std::fs::write(&requests, text).unwrap();
    let said = run(tool("debugfs").arg("-f").arg(&requests).arg(image)).stdout;
    let mut found = BTreeMap::new();
    let mut inode = 0;
    for line in said.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.first() == Some(&"Inode:") {
            inode = words[1].parse().unwrap();
        }
        take(found.entry(inode).or_default(), &words);
    }
    found
}

fn take(fields: &mut Fields, words: &[&str]) {
    let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
    let number = |text: &str| text.parse::<u64>().unwrap();
    let hex = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
    match words.first().copied().unwrap_or_default() {
        "Inode:" => {
            fields.mode = u16::from_str_radix(after("Mode:").unwrap(), 8).unwrap();
            fields.flags = hex(after("Flags:").unwrap());
        }
        "Generation:" => fields.generation = u32::try_from(number(words[1])).unwrap(),
        "User:" => {
            // debugfs shows numbers from 2^31 on as negative ones.
            let owner = |text: &str| text.parse::<i64>().unwrap() as u32;
            fields.uid = owner(after("User:").unwrap());
            fields.gid = owner(after("Group:").unwrap());
            fields.size = after("Size:").map_or(fields.size, number);
        }
        "Size:" => fields.size = number(words[1]),
        "Links:" => {
            fields.links = u32::try_from(number(words[1])).unwrap();
            fields.sectors = number(after("Blockcount:").unwrap());
        }
        "ctime:" => fields.changed = time(words[1]),
        "atime:" => fields.accessed = time(words[1]),
        "mtime:" => fields.modified = time(words[1]),
        "crtime:" => fields.created = Some(time(words[1])).filter(|time| *time != (0, 0)),
        "dtime:" => fields.deleted = Some(i64::from(hex(words[1].split(':').next().unwrap()))),
        _ => {}
    }
}

/// `0x6553f100:12345678`: seconds, and nanoseconds with the epoch in the lowest two bits.
fn time(text: &str) -> (i64, u32) {
    let mut parts = text.trim_start_matches("0x").split(':').map(|part| u32::from_str_radix(part, 16).unwrap());
    let seconds = i64::from(parts.next().unwrap().cast_signed());
    let extra = parts.next().unwrap_or(0);
    (seconds + (i64::from(extra & 3) << 32), extra >> 2)
}

/// The free blocks that `dumpe2fs` lists group by group; of a last cluster it names the first block alone.
pub fn free_blocks_of_dumpe2fs(said: &str, blocks_of_a_cluster: u64) -> Vec<Range<u64>> {
    let lines = said.lines().filter_map(|line| line.trim().strip_prefix("Free blocks: "));
    let parts =
        lines.flat_map(|line| line.split(", ").filter(|part| part.starts_with(|first: char| first.is_ascii_digit())));
    parts.map(range).map(|range| range.start..range.end + blocks_of_a_cluster - 1).collect()
}

fn range(text: &str) -> Range<u64> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    first.trim().parse().unwrap()..last.trim().parse::<u64>().unwrap() + 1
}

/// Ranges that touch put together.
pub fn joined(ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

/// The metadata that `dumpe2fs` lists: the first block of each, and what this reader calls it.
pub fn metadata_of_dumpe2fs(said: &str) -> Vec<(u64, String)> {
    let mut group = String::new();
    let mut found = Vec::new();
    for line in said.lines() {
        if let Some(rest) = line.strip_prefix("Group ") {
            group = rest.split(':').next().unwrap().to_owned();
        }
        for part in line.trim().split(", ") {
            let named = [
                ("Primary superblock at ", "superblock of group"),
                ("Backup superblock at ", "superblock of group"),
                ("Group descriptors at ", "group descriptors in group"),
                ("Group descriptor at ", "group descriptors in group"),
                ("Reserved GDT blocks at ", "room for group descriptors in group"),
                ("Block bitmap at ", "block bitmap of group"),
                ("Inode bitmap at ", "inode bitmap of group"),
                ("Inode table at ", "inode table of group"),
            ];
            for (theirs, ours) in named {
                if let Some(place) = part.strip_prefix(theirs) {
                    let digits: String = place.chars().take_while(char::is_ascii_digit).collect();
                    found.push((digits.parse().unwrap(), format!("{ours} {group}")));
                }
            }
        }
    }
    found
}
