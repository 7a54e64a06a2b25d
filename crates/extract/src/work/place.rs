//! Where in the output things go: one folder for each directory of the evidence, under safe names.

use crate::ExtractError;
use crate::names::safe;
use crate::output::Folder;
use kanshiki_filesystem::Place;
use kanshiki_model::EvidencePath;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

/// The longest path of a directory from the output folder, in bytes; a file's path then stays below the 4,096 bytes that
/// the kernel takes (`PATH_MAX`, include/uapi/linux/limits.h).
const LONGEST: usize = 2_000;

/// The most folders inside each other.
const DEEPEST: usize = 100;

/// Folders that are held open.
const HELD: usize = 64;

const FILES: &[u8] = b"files";
const INODES: &[u8] = b"inodes";
const DEEP: &[u8] = b"deep";

/// Where a file is to be written.
#[derive(Debug)]
pub(crate) struct Spot {
    /// Its folder.
    pub(crate) folder: Rc<Folder>,
    /// Its name there.
    pub(crate) name: String,
    /// Its path from the output folder.
    pub(crate) output: String,
}

impl Spot {
    /// The name of a file while it is written; no safe name is like it.
    pub(crate) const TEMPORARY: &'static str = "%~writing";
}

/// The output folder with the directories that are being filled.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Rc<Folder>,
    /// Folders that several of the things asked for may share, by what they stand for; the output folder first.
    bases: Vec<Level>,
    known: HashMap<Vec<u8>, usize>,
    /// The base of what is copied now, and its name there.
    base: usize,
    start: Vec<u8>,
    /// The directories below the base, the innermost last.
    stack: Vec<Level>,
    deep: u64,
}

#[derive(Debug)]
struct Level {
    place: Option<Place>,
    relative: String,
    depth: usize,
    folder: Option<Rc<Folder>>,
    /// Digests of the names in lower case, so that none differs from another in case alone.
    names: HashSet<u64>,
    apart: u64,
}

impl Level {
    fn new(place: Option<Place>, relative: String, depth: usize, folder: Folder) -> Self {
        Self { place, relative, depth, folder: Some(Rc::new(folder)), names: HashSet::new(), apart: 1 }
    }

    /// Takes a free name for the evidence's `name`.
    fn take(&mut self, name: &[u8]) -> String {
        let mut form = safe(name, None);
        while !self.names.insert(digest(&form)) {
            self.apart = self.apart.saturating_add(1);
            form = safe(name, Some(self.apart));
        }
        form
    }

    fn join(&self, name: &str) -> String {
        if self.relative.is_empty() { name.to_owned() } else { format!("{}/{name}", self.relative) }
    }
}

fn digest(name: &str) -> u64 {
    // The keys of this hasher are fixed, so that two runs give the same names.
    let mut hasher = DefaultHasher::new();
    name.to_lowercase().hash(&mut hasher);
    hasher.finish()
}

impl Tree {
    pub(crate) fn new(root: Folder) -> Self {
        let root = Rc::new(root);
        let base = Level {
            place: None,
            relative: String::new(),
            depth: 0,
            folder: Some(Rc::clone(&root)),
            names: HashSet::new(),
            apart: 1,
        };
        Self { root, bases: vec![base], known: HashMap::new(), base: 0, start: Vec::new(), stack: Vec::new(), deep: 0 }
    }

    /// The output folder.
    pub(crate) fn root(&self) -> &Folder {
        &self.root
    }

    /// Makes the directories above a path that is copied next.
    pub(crate) fn begin_path(&mut self, path: &EvidencePath) -> Result<(), ExtractError> {
        self.stack.clear();
        (self.base, self.start) = (0, FILES.to_vec());
        let mut key = b"path".to_vec();
        for name in path.names() {
            let parent = std::mem::replace(&mut self.start, name.to_vec());
            key.push(b'/');
            key.extend_from_slice(&parent);
            self.base = self.shared(&key, self.base, &parent)?;
        }
        Ok(())
    }

    /// Makes the directory for what is asked for by inode.
    pub(crate) fn begin_inode(&mut self, name: &str) -> Result<(), ExtractError> {
        self.stack.clear();
        self.base = self.shared(INODES, 0, INODES)?;
        self.start = name.as_bytes().to_vec();
        Ok(())
    }

    /// The folder that stands for `key`, made as `name` in another base if it is not there yet.
    fn shared(&mut self, key: &[u8], parent: usize, name: &[u8]) -> Result<usize, ExtractError> {
        if let Some(known) = self.known.get(key) {
            return Ok(*known);
        }
        let found = self.bases.len();
        if let Some(level) = self.bases.get_mut(parent) {
            let folder = folder_of(&self.root, level)?;
            let form = level.take(name);
            let (relative, depth) = (level.join(&form), level.depth.saturating_add(1));
            let made = folder.create_folder(&form)?;
            self.bases.push(Level::new(None, relative, depth, made));
        }
        self.known.insert(key.to_vec(), found);
        Ok(found)
    }

    /// Leaves the directories below this one.
    pub(crate) fn back_to(&mut self, directory: Place) {
        while self.stack.last().is_some_and(|level| level.place != Some(directory)) {
            self.stack.pop();
        }
    }

    /// Makes a directory where the walk is, and goes into it; returns its path from the output folder. `name` is `None`
    /// for the start of the walk.
    pub(crate) fn make_directory(&mut self, name: Option<&[u8]>, place: Place) -> Result<String, ExtractError> {
        let Spot { mut folder, name: mut form, output: mut relative } = self.spot(name)?;
        let mut depth = self.top().map_or(0, |level| level.depth).saturating_add(1);
        if relative.len() > LONGEST || depth > DEEPEST {
            let deep = self.shared(DEEP, 0, DEEP)?;
            self.deep = self.deep.saturating_add(1);
            if let Some(level) = self.bases.get_mut(deep) {
                (folder, form) = (folder_of(&self.root, level)?, self.deep.to_string());
                (relative, depth) = (level.join(&form), 2);
            }
        }
        let made = folder.create_folder(&form)?;
        self.stack.push(Level::new(Some(place), relative.clone(), depth, made));
        let long_ago = self.stack.len().checked_sub(HELD).and_then(|index| self.stack.get_mut(index));
        if let Some(level) = long_ago {
            level.folder = None;
        }
        Ok(relative)
    }

    /// Where a file goes that the walk has come to.
    pub(crate) fn spot(&mut self, name: Option<&[u8]>) -> Result<Spot, ExtractError> {
        let start = self.start.clone();
        let root = Rc::clone(&self.root);
        let Some(level) = self.top() else {
            return Err(ExtractError::output("open", std::path::Path::new("."), rustix::io::Errno::NOENT));
        };
        let folder = folder_of(&root, level)?;
        let name = level.take(name.unwrap_or(&start));
        let output = level.join(&name);
        Ok(Spot { folder, name, output })
    }

    fn top(&mut self) -> Option<&mut Level> {
        let base = self.bases.get_mut(self.base);
        self.stack.last_mut().or(base)
    }
}

/// A level's folder, opened again if it was let go.
fn folder_of(root: &Folder, level: &mut Level) -> Result<Rc<Folder>, ExtractError> {
    if let Some(folder) = &level.folder {
        return Ok(Rc::clone(folder));
    }
    let folder = Rc::new(root.open_below(&level.relative)?);
    level.folder = Some(Rc::clone(&folder));
    Ok(folder)
}
