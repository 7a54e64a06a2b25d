//! Names in use and removed ones, as fls (The Sleuth Kit) lists them and as this reader does.

use crate::common::image::tool;
use kanshiki_filesystem::{Entry, FileSystem, NodeId, NodeState, NodeType};
use kanshiki_testkit::run;
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

/// Paths without the first slash; bytes that a list by lines cannot hold are replaced.
#[derive(Debug, Default)]
pub struct Names {
    pub live: BTreeSet<String>,
    pub deleted: BTreeSet<String>,
}

/// As fls shows a name: control characters become `^` and a letter, and what is no UTF-8 cannot be compared.
fn comparable(name: &[u8]) -> String {
    let shown: Vec<u8> = name.iter().map(|byte| if byte.is_ascii_control() { b'^' } else { *byte }).collect();
    String::from_utf8_lossy(&shown).into_owned()
}

/// What `fls -r -p` lists.
pub fn of_fls(image: &Path) -> Names {
    let said = run(tool("fls").args(["-r", "-p"]).arg(image)).stdout;
    let mut names = Names::default();
    // Whether entries have types at all.
    let types = said.lines().any(|line| !line.starts_with("-/") && !line.starts_with("V/"));
    for line in said.lines() {
        let Some((head, path)) = line.split_once(":\t") else { continue };
        // fls takes numbers of a hash tree for names, and mostly finds no type that it knows.
        let of_hash_tree = (head.starts_with("-/") && types) || (head.contains('*') && path.contains('^'));
        if path.starts_with("$OrphanFiles") || of_hash_tree {
            continue;
        }
        let path = comparable(path.as_bytes());
        if head.split_whitespace().any(|word| word == "*") {
            names.deleted.insert(path)
        } else {
            names.live.insert(path)
        };
    }
    names
}

/// The same by this reader. Damage is passed over.
pub fn of_reader(filesystem: &dyn FileSystem) -> Names {
    let mut names = Names::default();
    let mut open = vec![(String::new(), filesystem.root(), false)];
    let mut seen = HashSet::new();
    while let Some((path, inode, deleted)) = open.pop() {
        let Ok(node) = filesystem.inode(inode) else { continue };
        if node.node_type != NodeType::Directory || !seen.insert(inode) {
            continue;
        }
        for (entry, removed) in entries(filesystem, node.id) {
            if entry.name == b"." || entry.name == b".." {
                continue;
            }
            let slash = if path.is_empty() { "" } else { "/" };
            let path = format!("{path}{slash}{}", comparable(&entry.name));
            let removed = removed || deleted;
            let follow = !removed || filesystem.inode(entry.inode).is_ok_and(|node| node.state == NodeState::Deleted);
            if follow {
                open.push((path.clone(), entry.inode, removed));
            }
            if removed {
                names.deleted.insert(path)
            } else {
                names.live.insert(path)
            };
        }
    }
    names
}

fn entries(filesystem: &dyn FileSystem, directory: NodeId) -> Vec<(Entry, bool)> {
    let live = filesystem.children(directory).unwrap().flatten().map(|entry| (entry, false));
    let removed = filesystem.removed_entries(directory).unwrap().flatten().map(|entry| (entry, true));
    live.chain(removed).collect()
}

/// The names that `debugfs` lists from the root on, as the directory's inode and the name; `None` if it cannot open the
/// image.
pub fn of_debugfs(image: &Path) -> Option<BTreeSet<(u64, String)>> {
    let mut names = BTreeSet::new();
    let mut seen = HashSet::from([2]);
    let mut level = vec![2];
    while !level.is_empty() {
        let folder = kanshiki_testkit::tempdir();
        let requests = folder.path().join("requests");
        std::fs::write(&requests, level.iter().map(|inode| format!("ls -p <{inode}>\n")).collect::<String>()).unwrap();
        let said = run(tool("debugfs").arg("-f").arg(&requests).arg(image));
        if said.stdout.contains("Filesystem not open") || said.stderr.contains("Filesystem not open") {
            return None;
        }
        level.clear();
        let mut directory = 0;
        for line in said.stdout.lines() {
            if let Some(rest) = line.strip_prefix("debugfs: ls -p <") {
                directory = rest.trim_end_matches('>').parse().unwrap();
            }
            // /inode/mode/uid/gid/name/size/
            let parts: Vec<&str> = line.split('/').collect();
            // A name may hold slashes where it is damaged.
            let [_, inode, mode, _, _, name @ .., _, _] = parts.as_slice() else { continue };
            let name = name.join("/");
            let Ok(inode) = inode.parse::<u64>() else { continue };
            if name == "." || name == ".." || name.is_empty() || inode == 0 {
                continue;
            }
            names.insert((directory, comparable(name.as_bytes())));
            if mode.starts_with("04") && seen.insert(inode) {
                level.push(inode);
            }
        }
    }
    Some(names)
}

/// The names in a directory by this reader, in use and removed.
pub fn in_directory(filesystem: &dyn FileSystem, inode: u64) -> BTreeSet<String> {
    let Ok(node) = filesystem.inode(inode) else { return BTreeSet::new() };
    if node.node_type != NodeType::Directory {
        return BTreeSet::new();
    }
    entries(filesystem, node.id).into_iter().map(|(entry, _)| comparable(&entry.name)).collect()
}
