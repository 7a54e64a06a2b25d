//! What tests of this crate share.

use crate::rpm::Records;
use crate::{Damage, Packages};
use kanshiki_filesystem::{MemoryFileSystem, NodeType, View, Volume};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The view of a filesystem.
pub(crate) fn view(filesystem: MemoryFileSystem) -> View {
    View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) })
}

/// A filesystem with one file of these bytes, at a path.
pub(crate) fn with_file(path: &str, bytes: &[u8]) -> MemoryFileSystem {
    let (folder, name) = path.rsplit_once('/').unwrap();
    let mut filesystem = MemoryFileSystem::of_paths(&[(&format!("{folder}/"), "")]);
    let found = view(filesystem.clone());
    let folder = found
        .lookup(&kanshiki_model::EvidencePath::from_bytes(folder.as_bytes()), kanshiki_filesystem::Follow::All)
        .unwrap();
    filesystem.add(folder.place.node.inode, name.as_bytes(), NodeType::File, bytes);
    filesystem
}

/// Names and versions of packages.
pub(crate) fn shown(packages: &Packages) -> Vec<String> {
    packages.packages().map(ToString::to_string).collect()
}

/// The issues, as they are shown.
pub(crate) fn issues(packages: &Packages) -> Vec<String> {
    packages.issues().iter().map(ToString::to_string).collect()
}

/// Keeps what a database holds.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) records: Vec<(u32, Vec<u8>)>,
    pub(crate) damage: Vec<Damage>,
}

impl Records for Kept {
    fn record(&mut self, number: u32, header: &[u8]) -> ControlFlow<()> {
        self.records.push((number, header.to_vec()));
        ControlFlow::Continue(())
    }

    fn damage(&mut self, damage: Damage) {
        self.damage.push(damage);
    }
}

impl Kept {
    /// The texts of the damage.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.damage.iter().map(|damage| damage.text.as_str()).collect()
    }
}
