//! A whole tree with all that is known of each name, as the kernel gives it and as this reader does.

use kanshiki_filesystem::{FileSystem, Node, NodeId, NodeType};
use kanshiki_image::Source;
use kanshiki_model::{FileTime, visible};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// All that is compared of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub inode: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub links: u64,
    pub size: u64,
    pub allocated: u64,
    pub device: Option<(u32, u32)>,
    pub accessed: (i64, u32),
    pub modified: (i64, u32),
    pub changed: (i64, u32),
    pub created: Option<(i64, u32)>,
    pub xattrs: Vec<(String, Vec<u8>)>,
    pub target: Option<String>,
    pub sha256: Option<String>,
}

const INLINE_DATA: u32 = 0x1000_0000;

/// Records by path, made visible.
pub type Tree = BTreeMap<String, Record>;

/// Files that are longer are not read through.
const LONGEST: u64 = 1 << 30;

/// The tree below a folder, as the kernel gives it.
pub fn of_kernel(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![(String::new(), root.to_path_buf())];
    while let Some((name, path)) = open.pop() {
        let data = std::fs::symlink_metadata(&path).unwrap();
        if data.is_dir()
            && let Ok(entries) = std::fs::read_dir(&path)
        {
            open.extend(entries.map(|entry| {
                let entry = entry.unwrap();
                (format!("{name}/{}", visible(entry.file_name().as_bytes())), entry.path())
            }));
        }
        tree.insert(name, kernel_record(&path, &data));
    }
    tree
}

fn kernel_record(path: &Path, data: &std::fs::Metadata) -> Record {
    let time = |seconds, nanoseconds: i64| (seconds, u32::try_from(nanoseconds).unwrap());
    let created = data.created().ok().map(|created| match created.duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => (i64::try_from(since.as_secs()).unwrap(), since.subsec_nanos()),
        Err(before) => (-i64::try_from(before.duration().as_secs()).unwrap(), before.duration().subsec_nanos()),
    });
    let device = data.rdev();
    let is_device = matches!(data.mode() & 0o170_000, 0o020_000 | 0o060_000);
    Record {
        inode: data.ino(),
        mode: data.mode(),
        uid: data.uid(),
        gid: data.gid(),
        links: data.nlink(),
        size: data.size(),
        allocated: data.blocks() * 512,
        device: is_device.then(|| (rustix::fs::major(device), rustix::fs::minor(device))),
        accessed: time(data.atime(), data.atime_nsec()),
        modified: time(data.mtime(), data.mtime_nsec()),
        changed: time(data.ctime(), data.ctime_nsec()),
        created: created.filter(|created| *created != (0, 0)),
        xattrs: kernel_xattrs(path),
        target: std::fs::read_link(path).ok().map(|target| visible(&target.into_os_string().into_vec())),
        sha256: (data.is_file() && data.size() <= LONGEST).then(|| kernel_digest(path)).flatten(),
    }
}

fn kernel_xattrs(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names = vec![0; 65_536];
    let length = rustix::fs::llistxattr(path, names.as_mut_slice()).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let mut found: Vec<_> = names
        .map(|name| {
            let mut value = vec![0; 65_536];
            let name = std::str::from_utf8(name).unwrap();
            let length = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).unwrap();
            value.truncate(length);
            (name.to_owned(), value)
        })
        .collect();
    found.sort();
    found
}

fn kernel_digest(path: &Path) -> Option<String> {
    // An encrypted file cannot be opened without its key.
    let mut file = std::fs::File::open(path).ok()?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).unwrap();
        if read == 0 {
            return Some(hex(&digest.finalize()));
        }
        digest.update(&buffer[..read]);
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The tree of a filesystem, as this reader gives it.
pub fn of_reader(filesystem: &dyn FileSystem) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![(String::new(), filesystem.root())];
    while let Some((name, inode)) = open.pop() {
        let node = filesystem.inode(inode).unwrap();
        if node.node_type == NodeType::Directory {
            for entry in filesystem.children(node.id).unwrap() {
                let entry = entry.unwrap();
                if entry.name != b"." && entry.name != b".." {
                    open.push((format!("{name}/{}", visible(&entry.name)), entry.inode));
                }
            }
        }
        tree.insert(name, reader_record(filesystem, &node));
    }
    tree
}

fn reader_record(filesystem: &dyn FileSystem, node: &Node) -> Record {
    let time = |time: Option<FileTime>| time.map(|time| (time.seconds(), time.nanoseconds().unwrap_or(0)));
    let inline = node.flags & INLINE_DATA != 0 && node.node_type == NodeType::File;
    let link = node.node_type == NodeType::Symlink && !node.encrypted;
    let file = node.node_type == NodeType::File && node.size <= LONGEST && !node.encrypted;
    Record {
        inode: node.id.inode,
        mode: node.mode.into(),
        uid: node.uid,
        gid: node.gid,
        links: node.links.into(),
        size: node.size,
        // For files with content in the inode the kernel makes up sectors (fs/ext4/inode.c, `ext4_file_getattr`).
        allocated: if inline { node.size.next_multiple_of(512) } else { node.allocated_bytes },
        device: node.device.map(|device| (device.major, device.minor)),
        accessed: time(node.times.accessed).unwrap(),
        modified: time(node.times.modified).unwrap(),
        changed: time(node.times.changed).unwrap(),
        created: time(node.times.created),
        xattrs: reader_xattrs(filesystem, node.id),
        target: link.then(|| visible(&filesystem.link_target(node.id).unwrap())),
        sha256: file.then(|| digest(&filesystem.content(node.id).unwrap())),
    }
}

fn reader_xattrs(filesystem: &dyn FileSystem, node: NodeId) -> Vec<(String, Vec<u8>)> {
    let all = filesystem.xattrs(node).unwrap().map(Result::unwrap);
    let named = all.map(|xattr| (String::from_utf8(xattr.name).unwrap(), xattr.value));
    // The kernel keeps the context of the encryption to itself.
    named.filter(|(name, _)| !name.starts_with("encryption.")).collect()
}

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a content.
pub fn digest(source: &Source) -> String {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    while at < source.len() {
        let read = source.read_at(at, &mut buffer).unwrap();
        assert!(read > 0);
        digest.update(&buffer[..read]);
        at += read as u64;
    }
    hex(&digest.finalize())
}

/// What differs between two trees, in words; at most the first 20 differences.
pub fn differences(kernel: &Tree, reader: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, record) in kernel {
        match reader.get(path) {
            None => found.push(format!("{path}: missing")),
            Some(other) if other != record => found.push(format!("{path}:\n  kernel {record:?}\n  reader {other:?}")),
            Some(_) => {}
        }
    }
    found.extend(reader.keys().filter(|path| !kernel.contains_key(*path)).map(|path| format!("{path}: too much")));
    found.truncate(20);
    found
}
