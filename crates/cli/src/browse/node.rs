//! Nodes as rows: the fields that every verb gives of a node in JSON, and the columns that `ls -l` shows.

use crate::output::Exact;
use kanshiki_filesystem::{DeviceNumber, FileSystem, Node, NodeState, NodeType, Place, View};
use kanshiki_model::{EvidencePath, FileTime};
use serde::Serialize;
use std::borrow::Cow;

/// A path in JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PathFields<'a> {
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
}

impl<'a> PathFields<'a> {
    pub(crate) fn of(path: &'a EvidencePath) -> Self {
        Self::of_bytes(path.as_bytes())
    }

    pub(crate) fn of_bytes(path: &'a [u8]) -> Self {
        let Exact { text, hex } = Exact::of(path);
        Self { path: text, path_hex: hex }
    }
}

/// What an inode says, in JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NodeFields<'a> {
    volume: &'a str,
    inode: u64,
    generation: u32,
    node_type: &'static str,
    state: &'static str,
    mode: u16,
    permissions: String,
    uid: u32,
    gid: u32,
    project: Option<u32>,
    links: u32,
    size: u64,
    allocated_bytes: u64,
    accessed: Option<FileTime>,
    modified: Option<FileTime>,
    changed: Option<FileTime>,
    created: Option<FileTime>,
    deleted: Option<FileTime>,
    flags: u32,
    encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    inode_offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target_hex: Option<String>,
}

impl<'a> NodeFields<'a> {
    /// Of a node in a volume of this name; `target` is that of a symbolic link, where it is known.
    pub(crate) fn of(volume: &'a str, node: &Node, target: Option<&[u8]>) -> Self {
        let target = target.map(Exact::of);
        Self {
            volume,
            inode: node.id.inode,
            generation: node.id.generation,
            node_type: node.node_type.name(),
            state: state_name(node.state),
            mode: node.mode,
            permissions: permissions(node),
            uid: node.uid,
            gid: node.gid,
            project: node.project,
            links: node.links,
            size: node.size,
            allocated_bytes: node.allocated_bytes,
            accessed: node.times.accessed,
            modified: node.times.modified,
            changed: node.times.changed,
            created: node.times.created,
            deleted: node.times.deleted,
            flags: node.flags,
            encrypted: node.encrypted,
            device: node.device.map(device_text),
            inode_offset: node.offset,
            link_target: target.as_ref().map(|target| target.text.clone().into_owned()),
            link_target_hex: target.and_then(|target| target.hex),
        }
    }
}

/// A path and what it leads to, in JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NodeLine<'a> {
    #[serde(flatten)]
    pub(crate) path: PathFields<'a>,
    #[serde(flatten)]
    pub(crate) node: NodeFields<'a>,
}

/// The name of a node's state in output.
pub(crate) const fn state_name(state: NodeState) -> &'static str {
    match state {
        NodeState::Allocated => "allocated",
        NodeState::Orphan => "orphan",
        NodeState::Deleted => "deleted",
    }
}

/// The type's letter and the permissions, as `ls -l` shows them.
pub(crate) fn permissions(node: &Node) -> String {
    letters(node.node_type, node.mode)
}

/// The same of a type and a mode.
pub(crate) fn letters(node_type: NodeType, mode: u16) -> String {
    let bit = |bit: u16| mode & bit != 0;
    let execute = |execute: u16, special: u16, both: char, alone: char| match (bit(execute), bit(special)) {
        (true, true) => both,
        (false, true) => alone,
        (true, false) => 'x',
        (false, false) => '-',
    };
    let mut text = String::from(node_type.letter());
    let special = [(0o4000, 's', 'S'), (0o2000, 's', 'S'), (0o1000, 't', 'T')];
    for (shift, (flag, both, alone)) in [6, 3, 0].into_iter().zip(special) {
        text.push(if bit(0o4 << shift) { 'r' } else { '-' });
        text.push(if bit(0o2 << shift) { 'w' } else { '-' });
        text.push(execute(0o1 << shift, flag, both, alone));
    }
    text
}

/// Major and minor number of a device.
pub(crate) fn device_text(device: DeviceNumber) -> String {
    format!("{}:{}", device.major, device.minor)
}

/// A time to the second, as wide as all others; `-` where none is recorded.
pub(crate) fn short_time(time: Option<FileTime>) -> String {
    let text = time.map_or_else(|| "-".to_owned(), |time| FileTime::new(time.seconds(), None).to_string());
    format!("{text:<20}")
}

/// The target of a symbolic link; `None` for all other nodes, and where it cannot be read.
pub(crate) fn link_target(view: &View, place: Place, node: &Node) -> Option<Vec<u8>> {
    let is_link = node.node_type == NodeType::Symlink;
    let filesystem: &dyn FileSystem = view.filesystem(place).filter(|_| is_link)?.as_ref();
    filesystem.link_target(place.node).ok()
}

/// The name of a volume of a view.
pub(crate) fn volume_name(view: &View, volume: usize) -> &str {
    view.volumes().get(volume).map_or("", |volume| volume.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_filesystem::MemoryFileSystem;

    #[test]
    fn special_permissions_have_their_letters() {
        let mut node = MemoryFileSystem::new().inode(2).unwrap();
        let shown = [0o4755, 0o2654, 0o1777, 0o7000, 0o644].map(|mode| {
            node.mode = mode;
            permissions(&node)
        });
        assert_eq!(shown, ["drwsr-xr-x", "drw-r-sr--", "drwxrwxrwt", "d--S--S--T", "drw-r--r--"]);
    }
}
