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
    for line in said.lines() {
        let Some((head, path)) = line.split_once(":\t") else { continue };
        // fls takes numbers of a hash tree for removed names, and then finds no type that it knows.
        let of_hash_tree = head.starts_with("-/") && head.contains('*');
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
