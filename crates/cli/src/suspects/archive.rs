//! Suspicious files in an archive with a password, so that neither a scanner nor a double click touches them.
//!
//! The form is ZIP with AES-256 (WinZip's AE-2), which 7-Zip and its kin open; names of files are not encrypted in it.

use crate::failure::Failure;
use crate::files::create_new;
use kanshiki_model::{Algorithm, Hasher, Progress, visible_path};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{AesMode, CompressionMethod, ZipWriter};

/// Bytes of files, holes counted, that are packed: a file that is one hole of many TiB takes days.
const PACKED: u64 = 64 << 30;

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// An archive that is not there yet: the folder beside it in which files are gathered, and its name before it is whole. Both
/// are gone when this is.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    /// Where the files are gathered.
    pub(super) folder: PathBuf,
    partial: PathBuf,
}

impl Archive {
    /// Begins an archive of this name, which must not be there.
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let with = |ending: &str| PathBuf::from([path.as_os_str(), ending.as_ref()].join("".as_ref()));
        let new = [path.to_owned(), with(".files"), with(".partial")];
        for path in &new {
            if path.symlink_metadata().is_ok() {
                let failure = Failure::new(format!("`{}` exists already", visible_path(path)));
                return Err(failure.hint("nothing that exists is replaced"));
            }
        }
        let [path, folder, partial] = new;
        Ok(Self { path, folder, partial })
    }

    /// Packs what was gathered; the SHA-256 of the archive, or `None` if the user wants to end.
    pub(super) fn pack(&self, password: &str, progress: &dyn Progress) -> Result<Option<String>, Failure> {
        let failed =
            |error: io::Error| Failure::from_error(format!("cannot write `{}`", visible_path(&self.path)), &error);
        let files = files(&self.folder).map_err(failed)?;
        let bytes = files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.1));
        if bytes > PACKED {
            let message = format!("{bytes} bytes of files with their holes, of which an archive takes {PACKED}");
            return Err(Failure::new(message).hint("take them out into a folder with --out"));
        }
        progress.begin("pack", Some(bytes));
        if !self.write(&files, password, progress).map_err(failed)? {
            return Ok(None);
        }
        if self.path.symlink_metadata().is_ok() {
            return Err(Failure::new(format!("`{}` exists by now", visible_path(&self.path))));
        }
        let digest = digest(&self.partial).map_err(failed)?;
        std::fs::rename(&self.partial, &self.path).map_err(failed)?;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
        Ok(Some(digest))
    }

    fn write(&self, files: &[(PathBuf, u64)], password: &str, progress: &dyn Progress) -> io::Result<bool> {
        let mut archive = ZipWriter::new(BufWriter::new(create_new(&self.partial)?));
        let mut buffer = vec![0; READ_BYTES];
        for (path, size) in files {
            let name = path.strip_prefix(&self.folder).unwrap_or(path);
            let name = name.to_str().ok_or_else(|| io::Error::other("a name is no UTF-8"))?;
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .unix_permissions(0o400)
                .large_file(*size >= u64::from(u32::MAX))
                .with_aes_encryption(AesMode::Aes256, password);
            archive.start_file(name, options)?;
            let mut file = File::open(path)?;
            loop {
                if progress.stop_requested() {
                    return Ok(false);
                }
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                archive.write_all(buffer.get(..read).unwrap_or_default())?;
                progress.advance(u64::try_from(read).unwrap_or(0));
            }
        }
        let file = archive.finish()?.into_inner()?;
        file.sync_all()?;
        Ok(true)
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        if self.partial.symlink_metadata().is_ok() {
            crate::files::remove_own(&self.partial);
        }
    }
}

/// All files of a folder with their sizes, in the order of their paths.
fn files(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let facts = entry.metadata()?;
            if facts.is_dir() {
                folders.push(entry.path());
            } else if facts.is_file() {
                found.push((entry.path(), facts.len()));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn digest(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher, mut buffer) = (File::open(path)?, Hasher::new(Algorithm::Sha256), vec![0; READ_BYTES]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finish().to_hex());
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}
