//! Mounting, and a clean end.

use super::raw::{Files, RawFile};
use super::tree::Tree;
use fuser::{Config, Filesystem, MountOption, Session, SessionACL, SessionUnmounter};
use kanshiki_filesystem::{FsError, View};
use kanshiki_model::Progress;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long to wait between two looks at whether it is time to end.
const LOOK: Duration = Duration::from_millis(50);

/// How long a mount that nobody uses may take to end.
const SOON: Duration = Duration::from_secs(2);

/// How to mount.
#[derive(Debug, Clone)]
pub struct MountOptions {
    /// What the list of mounts shows as the source, such as the path of the image.
    pub source: String,
    /// Whether other users may look at the mount. For an ordinary user, `/etc/fuse.conf` must allow it.
    pub other_users: bool,
    /// How many questions are answered at once.
    pub threads: usize,
}

/// Why a mount could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// The view has no root.
    #[error("cannot read the root directory")]
    Root(#[source] FsError),
    /// The kernel or `fusermount3` refused.
    #[error("cannot mount on `{}`", path.display())]
    Mount {
        /// The folder.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// How a mount ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was unmounted from outside: by `umount` or `fusermount3 -u`.
    Unmounted,
    /// It was asked to end, and unmounted.
    Asked,
    /// It was asked to end while it was in use: the folder is free, and whoever still holds a file of it gets errors.
    AskedWhileInUse,
}

/// A mount; it ends when the value is dropped.
#[derive(Debug)]
pub struct Mounted {
    unmounter: SessionUnmounter,
    session: Option<JoinHandle<io::Result<()>>>,
    path: PathBuf,
}

/// Mounts a view on an empty folder.
///
/// # Errors
///
/// [`MountError`].
pub fn mount_view(
    view: View,
    path: &Path,
    options: &MountOptions,
    progress: Arc<dyn Progress>,
) -> Result<Mounted, MountError> {
    mount(Tree::new(view, progress).map_err(MountError::Root)?, path, options)
}

/// Mounts sources as files of one folder.
///
/// # Errors
///
/// [`MountError`].
pub fn mount_files(
    files: Vec<RawFile>,
    path: &Path,
    options: &MountOptions,
    progress: Arc<dyn Progress>,
) -> Result<Mounted, MountError> {
    mount(Files::new(files, progress), path, options)
}

fn mount(filesystem: impl Filesystem, path: &Path, options: &MountOptions) -> Result<Mounted, MountError> {
    let failed = |source| MountError::Mount { path: path.to_owned(), source };
    let mut config = Config::default();
    // A comma would begin another option.
    let source: String = options.source.chars().map(|c| if c == ',' || c.is_control() { '_' } else { c }).collect();
    config.mount_options = vec![
        MountOption::RO,
        MountOption::NoSuid,
        MountOption::NoDev,
        MountOption::NoExec,
        MountOption::NoAtime,
        MountOption::FSName(source),
        MountOption::Subtype("kanshiki".to_owned()),
    ];
    config.acl = if options.other_users { SessionACL::All } else { SessionACL::Owner };
    config.n_threads = Some(options.threads.max(1));
    config.clone_fd = true;
    let full = path.canonicalize().map_err(failed)?;
    // The kernel mounts over a file too, and nobody can then look into it.
    if !full.is_dir() {
        return Err(failed(io::Error::from_raw_os_error(rustix::io::Errno::NOTDIR.raw_os_error())));
    }
    let mut session = Session::new(filesystem, &full, &config).map_err(failed)?;
    let unmounter = session.unmount_callable();
    let thread = std::thread::Builder::new().name("mount".to_owned()).spawn(move || session.run()).map_err(failed)?;
    Ok(Mounted { unmounter, session: Some(thread), path: full })
}

impl Mounted {
    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answers the kernel until the mount is unmounted from outside, or `stop` says that it shall end.
    ///
    /// # Errors
    ///
    /// [`MountError::Mount`] if the kernel's questions could not be read, or it could not be unmounted.
    pub fn wait(mut self, stop: impl Fn() -> bool) -> Result<Ended, MountError> {
        while !self.is_over() {
            if stop() {
                return self.end();
            }
            std::thread::sleep(LOOK);
        }
        self.join().map(|()| Ended::Unmounted)
    }

    fn is_over(&self) -> bool {
        self.session.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn is_over_soon(&self) -> bool {
        let begun = std::time::Instant::now();
        while !self.is_over() && begun.elapsed() < SOON {
            std::thread::sleep(LOOK);
        }
        self.is_over()
    }

    fn end(&mut self) -> Result<Ended, MountError> {
        match self.unmounter.unmount() {
            Ok(()) if self.is_over_soon() => self.join().map(|()| Ended::Asked),
            // `fusermount3` frees the folder even of a mount that is in use.
            Ok(()) => {
                self.session = None;
                Ok(Ended::AskedWhileInUse)
            }
            // Somebody has a file open, or works in the folder.
            Err(_) => self.detach().map(|()| Ended::AskedWhileInUse),
        }
    }

    /// Frees the folder; the kernel keeps the rest until the last file is closed, or this process ends.
    fn detach(&mut self) -> Result<(), MountError> {
        let detached = rustix::mount::unmount(&self.path, rustix::mount::UnmountFlags::DETACH);
        self.session = None;
        detached.map_err(|error| self.failed(error.into()))
    }

    fn join(&mut self) -> Result<(), MountError> {
        let Some(session) = self.session.take() else { return Ok(()) };
        let ended = session.join().unwrap_or_else(|_| Err(io::Error::other("a thread of the mount broke down")));
        ended.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> MountError {
        MountError::Mount { path: self.path.clone(), source }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.session.is_some() {
            // There is nobody to tell; the kernel ends the mount with the process.
            let _ = self.end();
        }
    }
}
