//! Nodes for JSON, the same wherever they are written.

use crate::{Node, NodeTimes};
use kanshiki_model::{Exact, FileTime};
use serde::Serialize;

/// What an inode says, in JSON: its fields in the order in which they are written. Sizes and offsets are in bytes, times as
/// RFC 3339 text, `null` where none is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeRecord {
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

impl NodeRecord {
    /// Of a node; `target` is that of a symbolic link, where it is known.
    #[must_use]
    pub fn of(node: &Node, target: Option<&[u8]>) -> Self {
        let NodeTimes { accessed, modified, changed, created, deleted } = node.times;
        let (link_target, link_target_hex) = target.map(|target| Exact::of(target).into_owned()).unzip();
        Self {
            inode: node.id.inode,
            generation: node.id.generation,
            node_type: node.node_type.name(),
            state: node.state.name(),
            mode: node.mode,
            permissions: node.node_type.permissions(node.mode),
            uid: node.uid,
            gid: node.gid,
            project: node.project,
            links: node.links,
            size: node.size,
            allocated_bytes: node.allocated_bytes,
            accessed,
            modified,
            changed,
            created,
            deleted,
            flags: node.flags,
            encrypted: node.encrypted,
            device: node.device.map(|device| device.to_string()),
            inode_offset: node.offset,
            link_target,
            link_target_hex: link_target_hex.flatten(),
        }
    }
}
