//! Which volume was the host's root.

use super::Candidate;
use super::device::{Device, Disks};
use super::fstab::{self, FstabLine};
use super::identity::Identified;
use crate::{Follow, Located, NodeType, View, Volume};
use kanshiki_image::read_exact_at;
use kanshiki_model::EvidencePath;

/// The most bytes of `/etc/fstab` that are read.
const MAX_FSTAB_BYTES: u64 = 1 << 20;

/// What a volume shows of being a root.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// How much speaks for it; 0 if it is none.
    pub(super) score: u32,
    /// Its table of filesystems, if it has one: lines, numbers of broken lines.
    pub(super) table: Option<(Vec<FstabLine>, Vec<usize>)>,
    /// Why its table could not be read, although it has one.
    pub(super) trouble: Option<String>,
}

/// Looks at a volume as if it were the root.
pub(super) fn look(candidate: &Candidate, volumes: &Identified<'_>) -> Evidence {
    let view = View::of(Volume { name: String::new(), filesystem: std::sync::Arc::clone(&candidate.filesystem) });
    let is = |path: &str, node_type: NodeType| find(&view, path).is_some_and(|found| found.node.node_type == node_type);
    let is_directory = |path: &str| is(path, NodeType::Directory);
    let mut evidence = Evidence::default();
    let fstab = find(&view, "/etc/fstab").filter(|found| found.node.node_type == NodeType::File);
    let has_programs = is_directory("/usr") || is_directory("/bin");
    if fstab.is_none() && !(is_directory("/etc") && has_programs) {
        return evidence;
    }
    evidence.score = 1;
    let mut add = |holds: bool, points: u32| {
        evidence.score = evidence.score.saturating_add(if holds { points } else { 0 });
    };
    add(fstab.is_some(), 4);
    add(has_programs, 2);
    add(is("/etc/passwd", NodeType::File), 2);
    add(is("/etc/os-release", NodeType::File) || is("/usr/lib/os-release", NodeType::File), 1);
    add(candidate.filesystem.summary().last_mounted_on.as_deref() == Some("/"), 2);
    match fstab.map(|found| read(&view, &found)) {
        Some(Ok(text)) => {
            let table = fstab::parse(&text);
            let own = table.0.iter().filter(|line| line.directory == b"/").any(|line| {
                let device = Device::parse(&line.device);
                Disks::default().resolve(&device, volumes) == Ok(candidate.index)
            });
            add(own, 8);
            evidence.table = Some(table);
        }
        Some(Err(trouble)) => evidence.trouble = Some(trouble),
        None => {}
    }
    evidence
}

fn find(view: &View, path: &str) -> Option<Located> {
    view.lookup(&EvidencePath::from_bytes(path), Follow::All).ok()
}

/// The whole of a small file.
fn read(view: &View, file: &Located) -> Result<Vec<u8>, String> {
    let filesystem = view.filesystem(file.place).ok_or("there is no such volume")?;
    let content = filesystem.content(file.place.node).map_err(|error| error.to_string())?;
    if content.len() > MAX_FSTAB_BYTES {
        return Err(format!("it has {} bytes, more than {MAX_FSTAB_BYTES}", content.len()));
    }
    let mut text = vec![0; usize::try_from(content.len()).unwrap_or(0)];
    read_exact_at(content.as_ref(), 0, &mut text).map_err(|error| error.to_string())?;
    Ok(text)
}
