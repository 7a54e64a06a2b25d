//! Files that hold rules: found in folders, read within bounds, and told by their digests.

use kanshiki_model::{Issue, visible, visible_path};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Folders below a folder of rules that are gone into.
const DEPTH: usize = 32;

/// Files of rules that are read.
const FILES: usize = 50_000;

/// Bytes of a file of rules.
const FILE_BYTES: u64 = 16 << 20;

/// Bytes of all files of rules.
const ALL_BYTES: u64 = 512 << 20;

/// Why there are no rules.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file or folder that was named cannot be read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// Which, as a person reads it.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Nothing of what was named holds a rule that can be used.
    #[error("no {language} rule can be used: {files} files, {first}")]
    NoRules {
        /// YARA or Sigma.
        language: &'static str,
        /// Files that were read.
        files: usize,
        /// What was wrong with the first.
        first: String,
    },
}

/// What was read as rules, for the custody log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleSet {
    /// Files that were read.
    pub files: usize,
    /// Rules in them that are used.
    pub rules: usize,
    /// SHA-256 over the SHA-256 of each file in the order of their names: the same for the same contents in the same order.
    pub digest: [u8; 32],
}

/// A file of rules.
#[derive(Debug)]
pub(crate) struct RuleFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its place below the folder that was named, as a person reads it.
    pub(crate) name: String,
    /// The folder that was named, or that of the file that was named, without links: nothing outside is included.
    pub(crate) root: PathBuf,
    /// What it holds.
    pub(crate) text: String,
}

/// The files of rules in these files and folders, in the order of their names, and what they are as a set.
///
/// Of a folder those count that end in one of `endings`; a file that is named counts whatever its name is.
pub(crate) fn collect(
    paths: &[PathBuf],
    endings: &[&str],
    issues: &mut Vec<Issue>,
) -> Result<(Vec<RuleFile>, RuleSet), LoadError> {
    let mut named = Vec::new();
    for path in paths {
        let unreadable = |source| LoadError::Unreadable { path: visible_path(path), source };
        let real = path.canonicalize().map_err(unreadable)?;
        if real.is_dir() {
            std::fs::read_dir(&real).map_err(unreadable)?;
            let mut below = BTreeSet::new();
            go_into(&real, endings, DEPTH, &mut below, issues);
            named.extend(below.into_iter().map(|file| (file, real.clone())));
        } else {
            std::fs::File::open(&real).map_err(unreadable)?;
            let root = real.parent().unwrap_or(&real).to_path_buf();
            named.push((real, root));
        }
    }
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    let mut left = ALL_BYTES;
    let mut all = Sha256::new();
    for (path, root) in named.into_iter().filter(|(path, _)| seen.insert(path.clone())) {
        let name = visible_path(path.strip_prefix(&root).unwrap_or(&path));
        match read(&path, FILE_BYTES.min(left)) {
            Ok(bytes) => {
                left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                all.update(Sha256::digest(&bytes));
                let text = text(bytes, &name, issues);
                files.push(RuleFile { path, name, root, text });
            }
            Err(error) => issues.push(Issue::new(format!("rules {name}"), error.to_string())),
        }
    }
    let set = RuleSet { files: files.len(), rules: 0, digest: all.finalize().into() };
    Ok((files, set))
}

/// Adds the files of a folder and of those below it. Links are followed to files alone, so that nothing goes round.
fn go_into(folder: &Path, endings: &[&str], depth: usize, files: &mut BTreeSet<PathBuf>, issues: &mut Vec<Issue>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return issues.push(Issue::new(format!("rules {}", visible_path(folder)), error.to_string())),
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        if is_folder && !is_hidden {
            match depth.checked_sub(1) {
                Some(depth) => go_into(&path, endings, depth, files, issues),
                None => issues.push(Issue::new(format!("rules {}", visible_path(&path)), "folders are too deep")),
            }
        } else if endings.contains(&ending.as_str()) && path.is_file() {
            if files.len() >= FILES {
                let message = format!("more than {FILES} files of rules; the others are left out");
                return issues.push(Issue::new(format!("rules {}", visible_path(folder)), message));
            }
            files.insert(path);
        }
    }
}

/// What a file holds, if that is not longer than it may be.
pub(crate) fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        return Err(std::io::Error::other(format!("longer than the {most} bytes that rules may have")));
    }
    Ok(bytes)
}

/// A file of rules as text. A letter that is not UTF-8 is taken for one of Latin-1, as old rules have it in comments.
pub(crate) fn text(bytes: Vec<u8>, name: &str, issues: &mut Vec<Issue>) -> String {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned),
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len());
    let mut first = None;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            first.get_or_insert_with(|| text.matches('\n').count().saturating_add(1));
        }
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    let message = "is not UTF-8: letters are taken for Latin-1, and are looked for in UTF-8";
    issues.push(Issue::new(format!("rules {name}, line {}", first.unwrap_or(1)), message));
    text
}

/// A name from a file of rules, as a person reads it.
pub(crate) fn shown(bytes: &[u8]) -> String {
    visible(bytes)
}
