//! The small files of an exhibit: list of digests, manifest in both forms, map, and what lies in the folder.

use super::exhibit::Place;
use crate::hashers::hash_all;
use kanshiki_custody::manifest::{self, Manifest};
use kanshiki_custody::{
    MapStatus, Mapfile, RecordError, hex_sha256, is_temporary_name, leaves, open_regular, read_small, sums,
};
use kanshiki_model::visible;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The most bytes that a list of digests or a mapfile may have.
const LIMIT: u64 = 1 << 30;

/// Files of an exhibit that are named in no list.
const KNOWN: [&str; 3] = [manifest::FILE_NAME, manifest::TEXT_FILE_NAME, sums::FILE_NAME];

/// Files of an exhibit that its manifest names and that are not its image.
const BESIDE: [&str; 2] = [leaves::FILE_NAME, crate::destination::MAP_NAME];

/// What was found out about the small files.
#[derive(Debug, Default)]
pub(super) struct Small {
    pub(super) manifest: Option<Manifest>,
    pub(super) manifest_sha256: Option<String>,
    /// The manifest was made by a newer version of the program, or cannot be read.
    pub(super) no_answer: Option<String>,
    pub(super) problems: Vec<String>,
    /// What could not be compared, and is no difference.
    pub(super) not_compared: Vec<String>,
    /// The folder is that of no case and has no list of digests: it is an image with its manifest, and what else an
    /// exhibit has need not be there.
    pub(super) is_bare: bool,
}

impl Small {
    /// Reads the small files of an exhibit's folder.
    pub(super) fn read(folder: &Path, place: Place<'_>) -> Self {
        let is_bare = matches!(place, Place::Alone) && is_missing(&folder.join(sums::FILE_NAME));
        let mut small = Self { is_bare, ..Self::default() };
        let recorded = match place {
            Place::Case { recorded } => recorded,
            Place::Alone => None,
        };
        let bytes = match read_small(&folder.join(manifest::FILE_NAME), manifest::LIMIT as u64) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                small.problem("manifest.json is missing");
                return small;
            }
            Err(error) => {
                small.no_answer = Some(format!("manifest.json cannot be read: {error}"));
                return small;
            }
        };
        let sha256 = hex_sha256(&bytes);
        match recorded {
            Some(Ok(expected)) if expected != sha256 => {
                small.problem(format!("manifest.json is not the one of the acquisition: its SHA-256 is {sha256}, the custody log says {expected}"));
            }
            Some(Err(reason)) => small.problem(reason),
            _ => {}
        }
        match Manifest::parse(&bytes) {
            Ok(manifest) => {
                small.problems.extend(
                    manifest.check_consistency().into_iter().map(|problem| format!("manifest.json: {problem}")),
                );
                small.manifest = Some(manifest);
            }
            Err(error @ RecordError::Newer { .. }) => small.no_answer = Some(error.to_string()),
            Err(error) => small.problem(error.to_string()),
        }
        small.check_sums(folder, &sha256);
        small.manifest_sha256 = Some(sha256);
        small
    }

    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// Compares the list of digests with the manifest, and the manifest's two forms with one another.
    fn check_sums(&mut self, folder: &Path, manifest_sha256: &str) {
        let text = read_small(&folder.join(manifest::TEXT_FILE_NAME), manifest::LIMIT as u64);
        let list = read_small(&folder.join(sums::FILE_NAME), LIMIT);
        for (name, error) in [(manifest::TEXT_FILE_NAME, text.as_ref().err()), (sums::FILE_NAME, list.as_ref().err())] {
            // That a file is missing is told with the folder, if the manifest can be read.
            let told = error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
            if let Some(error) = error.filter(|_| !told || self.manifest.is_none() && !self.is_bare) {
                self.problem(format!("{name} cannot be read: {error}"));
            }
        }
        if let (Some(manifest), Ok(text)) = (&self.manifest, &text)
            && manifest::to_text(manifest).as_bytes() != text.as_slice()
            && !self.listed(&list, manifest::TEXT_FILE_NAME, &hex_sha256(text))
        {
            self.problem("manifest.txt does not say what manifest.json says");
        }
        let Ok(list) = list else { return };
        let named = match sums::parse(&list) {
            Ok(named) => named,
            Err(error) => return self.problem(error.to_string()),
        };
        let named: BTreeMap<Vec<u8>, String> =
            named.into_iter().map(|(name, digest)| (name, digest.to_hex())).collect();
        let mut expected = BTreeMap::from([(manifest::FILE_NAME.as_bytes().to_vec(), manifest_sha256.to_owned())]);
        if let Ok(text) = &text {
            expected.insert(manifest::TEXT_FILE_NAME.as_bytes().to_vec(), hex_sha256(text));
        }
        let Some(manifest) = &self.manifest else {
            if named.get(manifest::FILE_NAME.as_bytes()).is_some_and(|sha256| sha256 != manifest_sha256) {
                self.problem("manifest.json has another SHA-256 than SHA256SUMS says");
            }
            return;
        };
        expected.extend(manifest.outputs.iter().map(|output| (output.name.as_bytes().to_vec(), output.sha256.clone())));
        let names: BTreeSet<&Vec<u8>> = named.keys().chain(expected.keys()).collect();
        let mut problems = Vec::new();
        for name in names {
            let shown = visible(name);
            match (named.get(name), expected.get(name)) {
                (Some(listed), Some(expected)) if listed == expected => {}
                (Some(_), Some(_)) => problems.push(format!("{shown} has another SHA-256 than SHA256SUMS says")),
                (Some(_), None) => problems.push(format!("SHA256SUMS names {shown}, which the manifest does not")),
                _ => problems.push(format!("SHA256SUMS does not name {shown}")),
            }
        }
        if problems.is_empty() && !is_as_written(&list, manifest, &expected) {
            problems.push("SHA256SUMS is not as it was written".to_owned());
        }
        self.problems.extend(problems);
    }

    /// Whether the list of digests names a file with this digest.
    fn listed(&self, list: &io::Result<Vec<u8>>, name: &str, sha256: &str) -> bool {
        // An older version of the program may have worded the text differently.
        let older =
            self.manifest.as_ref().and_then(|manifest| manifest.tool.get("version").and_then(|fact| fact.text()));
        let other_version = older.is_some_and(|version| version != env!("CARGO_PKG_VERSION"));
        let Ok(list) = list else { return false };
        let named = sums::parse(list).unwrap_or_default();
        other_version && named.iter().any(|(listed, digest)| listed == name.as_bytes() && digest.to_hex() == sha256)
    }

    /// Compares the folder's files with those that the manifest names.
    pub(super) fn check_folder(&mut self, folder: &Path) {
        let Some(manifest) = &self.manifest else { return };
        let mut expected: BTreeSet<&[u8]> = KNOWN.iter().map(|name| name.as_bytes()).collect();
        expected.extend(manifest.outputs.iter().map(|output| output.name.as_bytes()));
        let (mut problems, mut absent) = (Vec::new(), Vec::new());
        for name in &expected {
            let path = folder.join(std::ffi::OsStr::from_bytes(name));
            if is_plain(name) && path.symlink_metadata().is_err() {
                let beside = KNOWN.iter().chain(&BESIDE).any(|known| known.as_bytes() == *name);
                match self.is_bare && beside {
                    true => absent.push(visible(name)),
                    false => problems.push(format!("{} is missing", visible(name))),
                }
            }
            problems.extend(link_problem(&path, &visible(name)));
        }
        if !absent.is_empty() {
            self.not_compared.push(format!("{}: not beside the manifest", absent.join(", ")));
        }
        match std::fs::read_dir(folder) {
            // What else lies there does not belong to the image.
            Ok(_) if self.is_bare => {}
            Ok(entries) => {
                let names = entries.flatten().map(|entry| entry.file_name());
                let mut added: Vec<String> = names
                    .filter(|name| !expected.contains(name.as_bytes()) && !is_left_over(folder, name))
                    .map(|name| format!("{} was added", visible(name.as_bytes())))
                    .collect();
                added.sort_unstable();
                problems.extend(added);
            }
            Err(error) => problems.push(format!("the folder cannot be listed: {error}")),
        }
        self.problems.extend(problems);
    }

    /// Compares the leaves' and the map's files with their digests, and the map with the manifest.
    pub(super) fn check_outputs(&mut self, folder: &Path, names: &[&str]) {
        let Some(manifest) = &self.manifest else { return };
        let mut problems = Vec::new();
        for output in manifest.outputs.iter().filter(|output| names.contains(&output.name.as_str())) {
            match open_regular(&folder.join(&output.name)).and_then(hash_all) {
                Ok((_, sha256)) if sha256 == output.sha256 => {}
                Ok((bytes, _)) if bytes != output.bytes => {
                    problems.push(format!("{} has {bytes} bytes, the manifest says {}", output.name, output.bytes));
                }
                Ok(_) => problems.push(format!("{} has another SHA-256 than the manifest says", output.name)),
                // That it is missing is told already.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => problems.push(format!("{} cannot be read: {error}", output.name)),
            }
        }
        if let Ok(bytes) = read_small(&folder.join(crate::destination::MAP_NAME), LIMIT) {
            match Mapfile::parse(&bytes) {
                Ok(map)
                    if map.end() != manifest.image.bytes
                        || map.ranges(MapStatus::BadSector) != manifest.image.unreadable =>
                {
                    problems.push("image.map does not say what the manifest says of unreadable bytes".to_owned());
                }
                Ok(_) => {}
                Err(error) => problems.push(error.to_string()),
            }
        }
        self.problems.extend(problems);
    }
}

/// Whether the list is byte for byte what the program writes.
fn is_as_written(list: &[u8], manifest: &Manifest, digests: &BTreeMap<Vec<u8>, String>) -> bool {
    let names = manifest.outputs.iter().map(|output| output.name.as_str());
    let names = names.chain([manifest::FILE_NAME, manifest::TEXT_FILE_NAME]);
    let lines: Vec<(&str, &str)> =
        names.map(|name| (name, digests.get(name.as_bytes()).map_or("", |sha256| sha256))).collect();
    sums::to_text(&lines).as_bytes() == list
}

/// What is wrong if a symbolic link lies in the place of a file.
pub(super) fn link_problem(path: &Path, name: &str) -> Option<String> {
    let target = path.read_link().ok()?;
    Some(format!("{name} is a symbolic link to `{}`, and no file of its own", visible(target.as_os_str().as_bytes())))
}

fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Whether a name from a manifest is that of a file in the folder itself.
pub(super) fn is_plain(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/') && !name.contains(&0)
}

/// What a kill at the very end of an acquisition can leave: an empty lock, a state, an unfinished file.
fn is_left_over(folder: &Path, name: &std::ffi::OsStr) -> bool {
    let empty = || folder.join(name).symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0);
    let name = name.to_string_lossy();
    is_temporary_name(&name) || name == kanshiki_custody::case::LOCK_NAME && empty()
}
