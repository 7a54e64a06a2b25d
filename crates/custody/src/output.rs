//! Folders in which files are created. This is the one place of the crate where that happens, and nothing is replaced
//! except state that says so.

use crate::CustodyError;
use kanshiki_model::visible;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

type Result<T> = std::result::Result<T, CustodyError>;

/// Evidence while it is written: nobody else reads it in part.
const OWNER_ONLY: Mode = Mode::from_raw_mode(0o600);
/// State and locks: as the umask says.
const SHARED: Mode = Mode::from_raw_mode(0o666);
const FOLDER: Mode = Mode::from_raw_mode(0o755);
const READ_ONLY: Mode = Mode::from_raw_mode(0o444);
const TEMPORARY: &str = ".kanshiki-tmp";

/// A folder, held open: what happens to its path afterwards does not matter.
#[derive(Debug)]
pub struct OutputDir {
    descriptor: OwnedFd,
    path: PathBuf,
}

/// A lock on a folder, held until this is dropped or the process ends.
#[derive(Debug)]
pub struct LockGuard {
    _file: File,
}

/// Whether to wait for a lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Yes,
    No,
}

/// Whether a name is that of an unfinished file which an [`OutputDir`] left when its process was killed.
#[must_use]
pub fn is_temporary_name(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(TEMPORARY)
}

impl OutputDir {
    /// Opens an existing folder.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::open(path, flags, Mode::empty());
        let descriptor = descriptor.map_err(|error| CustodyError::io("open", path, error))?;
        Ok(Self { descriptor, path: path.to_owned() })
    }

    /// Creates a folder and opens it.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`]; of kind [`io::ErrorKind::AlreadyExists`] if there is anything of this name.
    pub fn create(path: &Path) -> Result<Self> {
        rustix::fs::mkdir(path, FOLDER).map_err(|error| CustodyError::io("create", path, error))?;
        let created = Self::open(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::open(parent)?.sync()?;
        Ok(created)
    }

    /// Creates a folder in this one and opens it.
    ///
    /// # Errors
    ///
    /// As [`OutputDir::create`].
    pub fn create_subdir(&self, name: &str) -> Result<Self> {
        self.check_name(name)?;
        rustix::fs::mkdirat(&self.descriptor, name, FOLDER).map_err(|error| self.error("create", name, error))?;
        self.sync()?;
        self.subdir(name)
    }

    /// Opens a folder in this one; a symbolic link is refused.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn subdir(&self, name: &str) -> Result<Self> {
        self.check_name(name)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let descriptor = rustix::fs::openat(&self.descriptor, name, flags, Mode::empty());
        let descriptor = descriptor.map_err(|error| self.error("open", name, error))?;
        Ok(Self { descriptor, path: self.path.join(name) })
    }

    /// The path by which the folder was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates a file and opens it for reading and writing.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`]; of kind [`io::ErrorKind::AlreadyExists`] if there is anything of this name.
    pub fn create_new(&self, name: &str) -> Result<File> {
        self.check_name(name)?;
        self.open_at("create", name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, OWNER_ONLY)
    }

    /// Opens an existing regular file for reading and writing; a symbolic link is refused.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn reopen(&self, name: &str) -> Result<File> {
        self.open_existing(name, OFlags::RDWR)
    }

    /// Opens an existing regular file for reading; a symbolic link is refused.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn open_file(&self, name: &str) -> Result<File> {
        self.open_existing(name, OFlags::RDONLY)
    }

    /// Reads a whole small file; one larger than `limit` bytes is refused with [`io::ErrorKind::FileTooLarge`].
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn read_small(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let file = self.open_file(name)?;
        let mut bytes = Vec::new();
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| self.error("read", name, error))?;
        if bytes.len() as u64 > limit {
            let error = io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes"));
            return Err(self.error("read", name, error));
        }
        Ok(bytes)
    }

    /// Writes a whole file, read-only from the start, under a name that is free. The file is on the medium when this returns; until then there is
    /// no file of this name, so nobody sees it in part.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`]; of kind [`io::ErrorKind::AlreadyExists`] if there is anything of this name.
    pub fn write_new(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.check_name(name)?;
        self.with_temporary(name, bytes, READ_ONLY, |temporary| self.rename_without_replacing(temporary, name))
    }

    /// Writes a whole file in the place of an older one of the same name, or under a free name, in one step. For state
    /// that changes while work goes on, never for evidence.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.check_name(name)?;
        self.with_temporary(name, bytes, SHARED, |temporary| {
            rustix::fs::renameat(&self.descriptor, temporary, &self.descriptor, name)
        })
    }

    /// Removes a file that this program made for itself: state and locks. A missing file is no error.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn remove_own(&self, name: &str) -> Result<()> {
        self.check_name(name)?;
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.error("remove", name, error)),
        }
    }

    /// Removes what [`OutputDir::write_new`] and [`OutputDir::replace`] left when a process was killed in them. The
    /// caller holds the folder's lock.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn remove_temporaries(&self) -> Result<()> {
        self.names()?.iter().filter(|name| is_temporary_name(name)).try_for_each(|name| self.remove_own(name))
    }

    /// The names in the folder, made visible and sorted. Those of our own files are as they are.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn names(&self) -> Result<Vec<String>> {
        let failed = |error: Errno| CustodyError::io("list", &self.path, error);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.descriptor).map_err(failed)? {
            let name = visible(entry.map_err(failed)?.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Brings the folder's list of names to the medium, where its filesystem knows how.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn sync(&self) -> Result<()> {
        match rustix::fs::fsync(&self.descriptor) {
            // Some filesystems in user space have no fsync for folders.
            Ok(()) | Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::BADF) => Ok(()),
            Err(error) => Err(CustodyError::io("sync", &self.path, error)),
        }
    }

    /// Takes the right to write a file away from everybody (mode 0444). `false` where the filesystem keeps no modes.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn make_read_only(&self, name: &str) -> Result<bool> {
        let file = self.open_existing(name, OFlags::RDONLY)?;
        match rustix::fs::fchmod(&file, READ_ONLY) {
            Ok(()) => Ok(true),
            Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
            Err(error) => Err(self.error("make read-only", name, error)),
        }
    }

    /// Takes the folder's lock, kept in a file of this name, and waits for others to give it back.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn lock(&self, name: &str) -> Result<LockGuard> {
        self.take_lock(name, Wait::Yes)
    }

    /// Takes the folder's lock, kept in a file of this name, if it is free.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Locked`] if another holds it, [`CustodyError::Io`].
    pub fn try_lock(&self, name: &str) -> Result<LockGuard> {
        self.take_lock(name, Wait::No)
    }

    /// Renames a file or a folder in this folder to a free name.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`]; of kind [`io::ErrorKind::AlreadyExists`] if there is anything of the new name.
    pub(crate) fn rename_own(&self, from: &str, to: &str) -> Result<()> {
        self.check_name(from)?;
        self.check_name(to)?;
        self.rename_without_replacing(from, to).map_err(|error| self.error("create", to, error))?;
        self.sync()
    }

    /// Whether this is still the folder called `name` in `parent`.
    pub(crate) fn is_at(&self, parent: &Self, name: &str) -> bool {
        let there = rustix::fs::statat(&parent.descriptor, name, AtFlags::SYMLINK_NOFOLLOW);
        let here = rustix::fs::fstat(&self.descriptor);
        matches!((here, there), (Ok(here), Ok(there)) if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino))
    }

    fn take_lock(&self, name: &str, wait: Wait) -> Result<LockGuard> {
        self.check_name(name)?;
        let file = self.open_at("create", name, OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK, SHARED)?;
        let operation = match wait {
            Wait::Yes => FlockOperation::LockExclusive,
            Wait::No => FlockOperation::NonBlockingLockExclusive,
        };
        loop {
            match rustix::fs::flock(&file, operation) {
                Ok(()) => return Ok(LockGuard { _file: file }),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return Err(CustodyError::Locked { path: self.path.clone() }),
                Err(error) => return Err(self.error("lock", name, error)),
            }
        }
    }

    /// Writes a file under a temporary name, brings it to the medium, and gives it its name by `place`.
    fn with_temporary(
        &self,
        name: &str,
        bytes: &[u8],
        mode: Mode,
        place: impl Fn(&str) -> rustix::io::Result<()>,
    ) -> Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let temporary = format!(".{}-{number}{TEMPORARY}", std::process::id());
        let placed = self
            .write_synced(&temporary, name, bytes, mode)
            .and_then(|()| place(&temporary).map_err(|error| self.error("create", name, error)));
        if placed.is_err() {
            // The first error is the one to tell.
            let _ = self.remove_own(&temporary);
        }
        placed?;
        self.sync()
    }

    fn write_synced(&self, temporary: &str, name: &str, bytes: &[u8], mode: Mode) -> Result<()> {
        // A process with the same number may have died here before a reboot.
        self.remove_own(temporary)?;
        let mut file = self.open_at("create", temporary, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode)?;
        file.write_all(bytes).map_err(|error| self.error("write", name, error))?;
        file.sync_all().map_err(|error| self.error("sync", name, error))
    }

    fn rename_without_replacing(&self, from: &str, to: &str) -> rustix::io::Result<()> {
        let folder = &self.descriptor;
        match rustix::fs::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.rename_by_steps(from, to),
            other => other,
        }
    }

    /// For filesystems without `RENAME_NOREPLACE` (NFS, several in user space): a link takes a free name only; where
    /// there are no links, the name is taken by an empty file first.
    fn rename_by_steps(&self, from: &str, to: &str) -> rustix::io::Result<()> {
        let folder = &self.descriptor;
        let kind = rustix::fs::statat(folder, from, AtFlags::SYMLINK_NOFOLLOW)?;
        if rustix::fs::FileType::from_raw_mode(kind.st_mode) == rustix::fs::FileType::Directory {
            // A folder that comes between these two steps is replaced only if it is empty: nothing is lost.
            return match rustix::fs::statat(folder, to, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Err(Errno::EXIST),
                Err(Errno::NOENT) => rustix::fs::renameat(folder, from, folder, to),
                Err(error) => Err(error),
            };
        }
        match rustix::fs::linkat(folder, from, folder, to, AtFlags::empty()) {
            Ok(()) => rustix::fs::unlinkat(folder, from, AtFlags::empty()),
            Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP | Errno::MLINK) => self.take_name_and_rename(from, to),
            Err(error) => Err(error),
        }
    }

    fn take_name_and_rename(&self, from: &str, to: &str) -> rustix::io::Result<()> {
        let folder = &self.descriptor;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        drop(rustix::fs::openat(folder, to, flags, OWNER_ONLY)?);
        rustix::fs::renameat(folder, from, folder, to)
    }

    fn open_existing(&self, name: &str, access: OFlags) -> Result<File> {
        self.check_name(name)?;
        let file = self.open_at("open", name, access | OFlags::NONBLOCK | OFlags::NOCTTY, Mode::empty())?;
        let metadata = file.metadata().map_err(|error| self.error("open", name, error))?;
        if !metadata.is_file() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
            return Err(self.error("open", name, error));
        }
        Ok(file)
    }

    fn open_at(&self, action: &'static str, name: &str, flags: OFlags, mode: Mode) -> Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.descriptor, name, flags, mode);
        opened.map(File::from).map_err(|error| self.error(action, name, error))
    }

    /// A name is one step: it cannot lead out of the folder.
    fn check_name(&self, name: &str) -> Result<()> {
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "not a name of a file");
            return Err(self.error("use", name, error));
        }
        Ok(())
    }

    fn error(&self, action: &'static str, name: &str, error: impl Into<io::Error>) -> CustodyError {
        CustodyError::io(action, &self.path.join(name), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn folder() -> (tempfile::TempDir, OutputDir) {
        let temporary = tempfile::tempdir().unwrap();
        let dir = OutputDir::open(temporary.path()).unwrap();
        (temporary, dir)
    }

    fn read(dir: &OutputDir, name: &str) -> Vec<u8> {
        dir.read_small(name, 1000).unwrap()
    }

    #[test]
    fn an_existing_file_is_never_replaced() {
        let (_temporary, dir) = folder();
        dir.write_new("a", b"first").unwrap();
        let created = dir.create_new("a").unwrap_err();
        let written = dir.write_new("a", b"second").unwrap_err();
        assert!(created.is_io(io::ErrorKind::AlreadyExists));
        assert!(written.is_io(io::ErrorKind::AlreadyExists));
        assert_eq!(read(&dir, "a"), b"first");
        assert_eq!(dir.names().unwrap(), ["a"]);
    }

    #[test]
    fn a_dangling_link_is_neither_followed_nor_replaced() {
        let (temporary, dir) = folder();
        std::os::unix::fs::symlink(temporary.path().join("elsewhere"), temporary.path().join("link")).unwrap();
        assert!(dir.create_new("link").is_err());
        assert!(dir.write_new("link", b"x").is_err());
        assert!(dir.reopen("link").is_err());
        assert!(dir.lock("link").is_err());
        assert_eq!(dir.names().unwrap(), ["link"]);
    }

    #[test]
    fn a_name_with_a_slash_is_refused() {
        let (_temporary, dir) = folder();
        for name in ["../x", "a/b", "", ".", "..", "a\0"] {
            assert!(dir.create_new(name).unwrap_err().is_io(io::ErrorKind::InvalidInput));
            assert!(dir.write_new(name, b"").is_err());
            assert!(dir.remove_own(name).is_err());
        }
    }

    #[test]
    fn state_is_replaced_in_one_step_and_leaves_no_other_file() {
        let (_temporary, dir) = folder();
        dir.replace("state", b"one").unwrap();
        dir.replace("state", b"two").unwrap();
        assert_eq!(read(&dir, "state"), b"two");
        assert_eq!(dir.names().unwrap(), ["state"]);
    }

    #[test]
    fn without_noreplace_renaming_a_file_still_takes_a_free_name_only() {
        for rename in [OutputDir::rename_by_steps, OutputDir::take_name_and_rename] {
            let (_temporary, dir) = folder();
            dir.write_new("from", b"new").unwrap();
            dir.write_new("taken", b"old").unwrap();
            assert_eq!(rename(&dir, "from", "taken"), Err(Errno::EXIST));
            rename(&dir, "from", "free").unwrap();
            assert_eq!(dir.names().unwrap(), ["free", "taken"]);
            assert_eq!((read(&dir, "free"), read(&dir, "taken")), (b"new".to_vec(), b"old".to_vec()));
        }
    }

    #[test]
    fn without_noreplace_renaming_a_folder_still_takes_a_free_name_only() {
        let (_temporary, dir) = folder();
        dir.create_subdir("from").unwrap().write_new("a", b"").unwrap();
        dir.create_subdir("taken").unwrap();
        assert_eq!(dir.rename_by_steps("from", "taken"), Err(Errno::EXIST));
        dir.rename_by_steps("from", "free").unwrap();
        assert_eq!(dir.subdir("free").unwrap().names().unwrap(), ["a"]);
    }

    #[test]
    fn a_lock_held_by_another_is_told() {
        let (temporary, dir) = folder();
        let guard = dir.try_lock("lock").unwrap();
        let error = dir.try_lock("lock").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{}` is in use by another run: wait until it ends, then try again", temporary.path().display())
        );
        drop(guard);
        dir.try_lock("lock").unwrap();
    }

    #[test]
    fn left_over_temporary_files_are_removed_and_others_stay() {
        let (temporary, dir) = folder();
        dir.write_new("kept", b"").unwrap();
        drop(dir.create_new(".1-2.kanshiki-tmp").unwrap());
        dir.remove_temporaries().unwrap();
        assert_eq!(dir.names().unwrap(), ["kept"]);
        drop(temporary);
    }

    #[test]
    fn a_finished_file_has_mode_0444() {
        let (temporary, dir) = folder();
        let mode = |name: &str| temporary.path().join(name).metadata().unwrap().permissions().mode() & 0o7777;
        dir.write_new("whole", b"").unwrap();
        drop(dir.create_new("image").unwrap());
        assert_eq!((mode("whole"), mode("image")), (0o444, 0o600));
        assert!(dir.make_read_only("image").unwrap());
        assert_eq!(mode("image"), 0o444);
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
        let (temporary, dir) = folder();
        let pipe = temporary.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, OWNER_ONLY, 0).unwrap();
        assert!(dir.open_file("pipe").unwrap_err().is_io(io::ErrorKind::InvalidInput));
        assert!(dir.reopen("pipe").is_err());
    }

    #[test]
    fn a_new_folder_is_refused_where_one_exists() {
        let (temporary, dir) = folder();
        dir.create_subdir("sub").unwrap().write_new("a", b"").unwrap();
        assert!(dir.create_subdir("sub").unwrap_err().is_io(io::ErrorKind::AlreadyExists));
        assert!(OutputDir::create(&temporary.path().join("sub")).unwrap_err().is_io(io::ErrorKind::AlreadyExists));
        assert_eq!(dir.subdir("sub").unwrap().names().unwrap(), ["a"]);
    }
}
