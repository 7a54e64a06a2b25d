//! Package files as the originals: `.deb` and `.rpm`. They give digests, modes and owners that nobody could change who wrote to
//! the disk, and so they go before what the databases on the disk say.

mod apply;
pub mod ar;
mod deb;
mod rpm;
pub mod tar;

use crate::entry::{FileFlags, Verify};
use crate::package::Package;
use kanshiki_filesystem::NodeType;
use kanshiki_image::{RawFile, Source};
use kanshiki_model::{Issue, Progress, visible_path};
use kanshiki_walk::parallel::{Output, Weigh, ordered};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of one package that are read.
const FILES: usize = 500_000;

/// Bytes of the paths of one package that are read.
const PATH_BYTES: usize = 64 << 20;

/// Package files of a folder that are read.
const PACKAGES: usize = 100_000;

/// Folders inside the folder that are gone into.
const DEPTH: usize = 16;

/// What a package file says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OriginalFile {
    pub(crate) node_type: NodeType,
    /// Type and permissions.
    pub(crate) mode: u16,
    pub(crate) size: Option<u64>,
    pub(crate) modified: Option<i64>,
    /// The digest that the image is held against, of whichever algorithm.
    pub(crate) digest: Vec<u8>,
    /// The digest by the algorithm of the image's database; of `.deb` MD5, of `.rpm` the same.
    pub(crate) database_digest: Vec<u8>,
    pub(crate) link_target: Option<Vec<u8>>,
    pub(crate) owner: Vec<u8>,
    pub(crate) group: Vec<u8>,
    /// Numbers of owner and group, for where the image does not have the names.
    pub(crate) numbers: Option<(u32, u32)>,
    pub(crate) capabilities: Option<Vec<u8>>,
    pub(crate) device: Option<u16>,
    pub(crate) flags: FileFlags,
    pub(crate) verify: Verify,
}

/// A package file.
#[derive(Debug)]
pub(crate) struct Original {
    pub(crate) package: Package,
    /// Its files by their paths, which begin with a slash.
    pub(crate) files: BTreeMap<Vec<u8>, OriginalFile>,
}

/// The files of a package while they are read.
#[derive(Default)]
struct Gathered {
    files: BTreeMap<Vec<u8>, OriginalFile>,
    path_bytes: usize,
}

impl Gathered {
    /// Adds a file.
    ///
    /// # Errors
    ///
    /// There are more than are read.
    fn add(&mut self, path: Vec<u8>, file: OriginalFile) -> Result<(), String> {
        self.path_bytes = self.path_bytes.saturating_add(path.len());
        self.files.insert(path, file);
        if self.files.len() > FILES || self.path_bytes > PATH_BYTES {
            return Err(format!(
                "more than the {FILES} files, or {PATH_BYTES} bytes of paths, that are read of a package"
            ));
        }
        Ok(())
    }
}

/// How the database of the image and a package file contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contradiction {
    /// The database has another digest for the file.
    Digest,
    /// The database has other permissions, owner, size, time, target or capabilities for the file.
    Metadata,
    /// The database does not have the file.
    NotInDatabase,
    /// The package does not have the file, and it counts as no package's.
    NotInPackage,
}

impl Contradiction {
    /// The text in output.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Digest => "the database of the image has another digest for it than the package file",
            Self::Metadata => "the database of the image says other things of it than the package file",
            Self::NotInDatabase => "the package file has it, the database of the image does not",
            Self::NotInPackage => "the database of the image has it, the package file does not",
        }
    }
}

/// A path of which the database of the image says something else than the package file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradicted {
    /// The package, made visible.
    pub package: String,
    /// The path, as the package has it.
    pub path: Vec<u8>,
    /// How they contradict each other.
    pub what: Contradiction,
}

/// What came of a folder of package files.
#[derive(Debug, Default)]
pub struct Originals {
    /// Package files that were read.
    pub read: usize,
    /// Packages of the image that are held against their package files now.
    pub used: usize,
    /// Package files of which the image has no package of that name, version and architecture.
    pub unused: usize,
    /// What the database of the image says otherwise.
    pub contradicted: Vec<Contradicted>,
    /// What could not be read.
    pub issues: Vec<Issue>,
}

/// Reads all package files of a folder and what lies in it, on all cores, in the order of their paths.
pub(crate) fn read_folder(
    folder: &Path,
    progress: &dyn Progress,
    each: &mut (dyn FnMut(Original) + Send),
) -> io::Result<Originals> {
    let mut found = Originals::default();
    let mut files = Vec::new();
    gather(folder, 0, &mut files)?;
    files.sort();
    let work = |path: PathBuf, output: &mut Output<'_, '_, Batch>| {
        if !progress.stop_requested() {
            output.piece.0.push(read(&path));
        }
    };
    ordered(files.into_iter(), &work, &mut |batch: Batch| {
        for original in batch.0 {
            match original {
                Ok(original) => {
                    found.read = found.read.saturating_add(1);
                    each(original);
                }
                Err(issue) => found.issues.push(issue),
            }
        }
        ControlFlow::Continue(())
    });
    Ok(found)
}

/// Package files, or why one cannot be read.
#[derive(Default)]
struct Batch(Vec<Result<Original, Issue>>);

impl Weigh for Batch {
    fn weight(&self) -> usize {
        let files = self.0.iter().flatten().map(|original| original.files.len()).sum::<usize>();
        files.saturating_mul(512).saturating_add(512)
    }
}

/// The package files in a folder; links are not followed.
fn gather(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() && depth < DEPTH {
            gather(&path, depth.saturating_add(1), files)?;
        } else if kind.is_file() && kind_of(&path).is_some() && files.len() < PACKAGES {
            files.push(path);
        }
    }
    Ok(())
}

/// How a kind of package file is read.
type Reader = fn(&Source) -> Result<Original, String>;

fn kind_of(path: &Path) -> Option<Reader> {
    match path.extension().and_then(OsStr::to_str) {
        Some("deb" | "udeb") => Some(deb::read),
        Some("rpm") => Some(rpm::read),
        _ => None,
    }
}

fn read(path: &Path) -> Result<Original, Issue> {
    let issue = |text: String| Issue::new(visible_path(path), text);
    let file = RawFile::open(path).map_err(|error| issue(format!("cannot be read: {error}")))?;
    let file: Source = Arc::new(file);
    let reader = kind_of(path).ok_or_else(|| issue("is no package file".to_owned()))?;
    // A decoder that fails on hostile bytes takes no more with it than its file.
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reader(&file)));
    read.unwrap_or_else(|_| Err("internal error while it was read".to_owned())).map_err(issue)
}
