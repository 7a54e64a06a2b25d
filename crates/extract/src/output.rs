//! The output folder. This is the one place of the crate where files are created: always relative to a directory held
//! open, never through a link, never in the place of something that is there.

use crate::ExtractError;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, ExtractError>;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const OWNER_ONLY: Mode = Mode::from_raw_mode(0o700);
const BEING_WRITTEN: Mode = Mode::from_raw_mode(0o600);
const FINISHED: Mode = Mode::from_raw_mode(0o400);

/// A directory of the output, held open.
#[derive(Debug)]
pub(crate) struct Folder {
    descriptor: OwnedFd,
    /// For messages alone.
    path: PathBuf,
}

impl Folder {
    /// Makes the output folder, or takes an empty one.
    pub(crate) fn create_root(path: &Path) -> Result<Self> {
        match rustix::fs::mkdir(path, OWNER_ONLY) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(ExtractError::output("create", path, error)),
        }
        let descriptor = rustix::fs::open(path, DIRECTORY, Mode::empty());
        let descriptor = descriptor.map_err(|error| ExtractError::output("open", path, error))?;
        let root = Self { descriptor, path: path.to_owned() };
        root.check_empty()?;
        Ok(root)
    }

    fn check_empty(&self) -> Result<()> {
        let failed = |error: Errno| ExtractError::output("list", &self.path, error);
        for entry in rustix::fs::Dir::read_from(&self.descriptor).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                return Err(ExtractError::NotEmpty { path: self.path.clone() });
            }
        }
        Ok(())
    }

    /// Makes a folder in this one. `name` is one step.
    pub(crate) fn create_folder(&self, name: &str) -> Result<Self> {
        let made = one_step(name).and_then(|()| rustix::fs::mkdirat(&self.descriptor, name, OWNER_ONLY));
        made.map_err(|error| self.error("create", name, error))?;
        self.open_folder(name)
    }

    /// Opens a folder in this one.
    pub(crate) fn open_folder(&self, name: &str) -> Result<Self> {
        let flags = DIRECTORY | OFlags::NOFOLLOW;
        let opened = one_step(name).and_then(|()| rustix::fs::openat(&self.descriptor, name, flags, Mode::empty()));
        let descriptor = opened.map_err(|error| self.error("open", name, error))?;
        Ok(Self { descriptor, path: self.path.join(name) })
    }

    /// Opens a folder below this one, step by step.
    pub(crate) fn open_below(&self, relative: &str) -> Result<Self> {
        let mut steps = relative.split('/');
        let mut folder = self.open_folder(steps.next().unwrap_or_default())?;
        for step in steps {
            folder = folder.open_folder(step)?;
        }
        Ok(folder)
    }

    /// Creates a file for writing; only its owner can read it.
    pub(crate) fn create_file(&self, name: &str) -> Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let created = one_step(name).and_then(|()| rustix::fs::openat(&self.descriptor, name, flags, BEING_WRITTEN));
        created.map(File::from).map_err(|error| self.error("create", name, error))
    }

    /// Makes a file read-only and gives it its name, which must be free.
    pub(crate) fn finish(&self, file: &File, temporary: &str, name: &str) -> Result<()> {
        match rustix::fs::fchmod(file, FINISHED) {
            Ok(()) | Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(self.error("make read-only", name, error)),
        }
        let renamed = one_step(temporary).and_then(|()| one_step(name)).and_then(|()| self.rename(temporary, name));
        renamed.map_err(|error| self.error("name", name, error))
    }

    fn rename(&self, from: &str, to: &str) -> rustix::io::Result<()> {
        let folder = self.descriptor();
        match rustix::fs::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
            // Filesystems without such a renaming; nobody else writes in this folder.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                match rustix::fs::statat(folder, to, AtFlags::SYMLINK_NOFOLLOW) {
                    Err(Errno::NOENT) => rustix::fs::renameat(folder, from, folder, to),
                    Ok(_) => Err(Errno::EXIST),
                    Err(error) => Err(error),
                }
            }
            other => other,
        }
    }

    /// Removes an own unfinished file.
    pub(crate) fn remove(&self, temporary: &str) {
        // It is listed nowhere, and its name says that it is unfinished.
        let _ = rustix::fs::unlinkat(&self.descriptor, temporary, AtFlags::empty());
    }

    /// Brings everything on the folder's filesystem to the medium.
    pub(crate) fn sync_all(&self) -> Result<()> {
        rustix::fs::syncfs(&self.descriptor).map_err(|error| ExtractError::output("sync", &self.path, error))
    }

    /// The path of something in this folder, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    fn error(&self, action: &'static str, name: &str, error: Errno) -> ExtractError {
        ExtractError::output(action, &self.path_of(name), error)
    }
}

/// A name is one step: it cannot lead out of its folder.
fn one_step(name: &str) -> rustix::io::Result<()> {
    let harmless = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
    if harmless { Ok(()) } else { Err(Errno::INVAL) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_testkit::{tempdir, write_file};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn an_output_folder_with_something_in_it_is_refused() {
        let place = tempdir();
        write_file(&place.path().join("x"), "");
        assert!(matches!(Folder::create_root(place.path()), Err(ExtractError::NotEmpty { .. })));
        assert!(Folder::create_root(&place.path().join("new")).is_ok());
        assert!(Folder::create_root(&place.path().join("new")).is_ok());
        assert!(Folder::create_root(&place.path().join("x")).is_err());
    }

    #[test]
    fn names_of_more_than_one_step_are_refused() {
        let place = tempdir();
        let root = Folder::create_root(&place.path().join("out")).unwrap();
        for name in ["", ".", "..", "../x", "a/b", "a\0b"] {
            assert!(root.create_file(name).is_err(), "{name:?}");
            assert!(root.create_folder(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn links_are_not_followed_and_files_are_not_replaced() {
        let place = tempdir();
        let root = Folder::create_root(&place.path().join("out")).unwrap();
        let outside = place.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, place.path().join("out/link")).unwrap();
        std::os::unix::fs::symlink(outside.join("new"), place.path().join("out/dangling")).unwrap();
        assert!(root.open_folder("link").is_err());
        assert!(root.create_folder("link").is_err());
        assert!(root.create_file("dangling").is_err());
        let file = root.create_file("temporary").unwrap();
        assert!(root.finish(&file, "temporary", "link").is_err());
        root.finish(&file, "temporary", "file").unwrap();
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        assert_eq!(place.path().join("out/file").metadata().unwrap().permissions().mode() & 0o7777, 0o400);
        assert_eq!(place.path().join("out").metadata().unwrap().permissions().mode() & 0o7777, 0o700);
    }
}
