//! The bodyfile of The Sleuth Kit, which mactime and many others read.
//!
//! `MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime`, as `fls -m /` writes it. Source: The Sleuth Kit 4.11.1,
//! tools/timeline/mactime.base and tsk/fs/fs_name.c, `tsk_fs_name_print_mac`; its own "Body file" page.
//!
//! Differences: a name is made visible, and a `|` in it becomes `\x7c`, so that it stays one field. Times that are not
//! recorded are 0, as there: the form has no other way.

use crate::find::NameState;
use kanshiki_filesystem::{Node, NodeType, permissions};
use kanshiki_model::{FileTime, visible};
use kanshiki_walk::Item;

/// Adds the line of something that a sweep came by. `target` is that of a symbolic link.
pub fn body_line(out: &mut Vec<u8>, item: &Item<'_>, target: Option<&[u8]>) {
    out.extend_from_slice(b"0|");
    push_name(out, item.path);
    if let Some(target) = target {
        out.extend_from_slice(b" -> ");
        push_name(out, target);
    }
    out.extend_from_slice(match NameState::of(item) {
        NameState::Live | NameState::Unattached => b"",
        NameState::Deleted | NameState::Orphan => b" (deleted)",
        NameState::Reused => b" (deleted-realloc)",
    });
    out.push(b'|');
    let of_name = item.entry.map(|entry| entry.node_type.unwrap_or(NodeType::Unknown));
    match &item.found {
        Ok((_, node)) => push_node(out, of_name.unwrap_or(node.node_type), node),
        Err(_) => {
            push_number(out, item.entry.map_or(0, |entry| entry.inode));
            out.push(b'|');
            out.push(letter(of_name.unwrap_or(NodeType::Unknown)));
            out.extend_from_slice(b"/----------|0|0|0|0|0|0|0\n");
        }
    }
}

/// Adds the line of a deleted inode without a name, under the name that The Sleuth Kit gives it.
pub fn body_line_nameless(out: &mut Vec<u8>, node: &Node) {
    out.extend_from_slice(b"0|/$OrphanFiles/OrphanFile-");
    push_number(out, node.id.inode);
    out.extend_from_slice(b" (deleted)|");
    push_node(out, NodeType::Unknown, node);
}

fn push_node(out: &mut Vec<u8>, of_name: NodeType, node: &Node) {
    push_number(out, node.id.inode);
    out.push(b'|');
    out.push(letter(of_name));
    out.push(b'/');
    out.push(letter(node.node_type));
    out.extend_from_slice(&permissions(node.mode));
    for number in [u64::from(node.uid), u64::from(node.gid), node.size] {
        out.push(b'|');
        push_number(out, number);
    }
    // Most files have the same second in several of their times.
    let (mut before, mut written) = (None, 0..0);
    for time in [node.times.accessed, node.times.modified, node.times.changed, node.times.created] {
        out.push(b'|');
        let seconds = time.map_or(0, FileTime::seconds);
        if before == Some(seconds) {
            out.extend_from_within(written.clone());
            continue;
        }
        let start = out.len();
        push_seconds(out, seconds);
        (before, written) = (Some(seconds), start..out.len());
    }
    out.push(b'\n');
}

/// The letter of a type in The Sleuth Kit (tsk/fs/tsk_fs.h, `TSK_FS_META_TYPE_STR`).
const fn letter(node_type: NodeType) -> u8 {
    match node_type {
        NodeType::File => b'r',
        NodeType::Directory => b'd',
        NodeType::Symlink => b'l',
        NodeType::Fifo => b'p',
        NodeType::Socket => b's',
        NodeType::CharacterDevice => b'c',
        NodeType::BlockDevice => b'b',
        NodeType::Unknown => b'-',
    }
}

fn push_name(out: &mut Vec<u8>, name: &[u8]) {
    // Without a branch for each byte, so that many are looked at at once.
    let is_odd = |byte: &u8| !(byte.is_ascii_graphic() | (*byte == b' ')) | (*byte == b'|') | (*byte == b'\\');
    if !name.iter().fold(false, |odd, byte| odd | is_odd(byte)) {
        out.extend_from_slice(name);
    } else {
        out.extend_from_slice(visible(name).replace('|', "\\x7c").as_bytes());
    }
}

fn push_seconds(out: &mut Vec<u8>, seconds: i64) {
    if seconds < 0 {
        out.push(b'-');
    }
    push_number(out, seconds.unsigned_abs());
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_all_their_digits() {
        for (number, text) in [(0, "0"), (10, "10"), (u64::MAX, "18446744073709551615")] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(out, text.as_bytes());
        }
        let mut out = Vec::new();
        push_seconds(&mut out, i64::MIN);
        assert_eq!(out, b"-9223372036854775808");
    }

    #[test]
    fn a_field_never_holds_what_parts_fields_or_lines() {
        let mut out = Vec::new();
        push_name(&mut out, b"/a|b\nc\\|\xff");
        assert_eq!(out, b"/a\\x7cb\\u{a}c\\\\\\x7c\\xff");
    }
}
