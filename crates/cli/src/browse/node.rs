//! Nodes as rows: the fields that every verb gives of a node in JSON, and the columns that `ls -l` shows.

use crate::console::Paint;
use kanshiki_filesystem::{FileSystem, Node, NodeRecord, NodeType, Place, View};
use kanshiki_model::{EvidencePath, Exact, FileTime};
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

/// What an inode says, in JSON, and where it is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NodeFields<'a> {
    volume: &'a str,
    #[serde(flatten)]
    node: NodeRecord,
}

impl<'a> NodeFields<'a> {
    /// Of a node in a volume of this name; `target` is that of a symbolic link, where it is known.
    pub(crate) fn of(volume: &'a str, node: &Node, target: Option<&[u8]>) -> Self {
        Self { volume, node: NodeRecord::of(node, target) }
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

/// A node's name in the colours of GNU ls, by what the node is.
pub(crate) fn painted(paint: Paint, name: &str, node: Option<&Node>) -> String {
    let code = match node.map(|node| (node.node_type, node.mode)) {
        Some((NodeType::Directory, _)) => "1;34",
        Some((NodeType::Symlink, _)) => "1;36",
        Some((NodeType::Fifo, _)) => "33",
        Some((NodeType::Socket, _)) => "1;35",
        Some((NodeType::CharacterDevice | NodeType::BlockDevice, _)) => "1;33",
        Some((NodeType::File, mode)) if mode & 0o4000 != 0 => "37;41",
        Some((NodeType::File, mode)) if mode & 0o111 != 0 => "1;32",
        _ => return name.to_owned(),
    };
    paint.around(code, name)
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
