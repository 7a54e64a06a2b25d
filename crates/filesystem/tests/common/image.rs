//! Images made by mke2fs.

use kanshiki_filesystem::{FileSystem, JournalUse, OpenOptions};
use kanshiki_image::RawFile;
use kanshiki_testkit::{LoopAccess, LoopDevice, Mount, Ran, TempDir, run, tempdir, tool_path};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A command of the system.
pub fn tool(name: &str) -> Command {
    Command::new(tool_path(name).unwrap_or_else(|| panic!("{name} is not there")))
}

/// An image in a folder of its own.
#[derive(Debug)]
pub struct Image {
    folder: TempDir,
    pub path: PathBuf,
}

impl Image {
    /// A file of so many bytes, without a filesystem.
    pub fn empty(bytes: u64) -> Self {
        let folder = tempdir();
        let path = folder.path().join("image");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(bytes).unwrap();
        Self { folder, path }
    }

    /// A filesystem made by `mke2fs` with these options.
    pub fn make(bytes: u64, options: &[&str]) -> Self {
        let image = Self::empty(bytes);
        // Left to itself, mke2fs gives small filesystems blocks of 1 KiB. Of options given twice the last counts.
        let _ = run(tool("mke2fs").args(["-q", "-F", "-b", "4096"]).args(options).arg(&image.path)).exits(0);
        image
    }

    /// A path beside the image.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Mounts it for writing while `work` fills it.
    pub fn fill(&self, options: &str, work: impl FnOnce(&Path)) {
        let point = tempdir();
        let device = LoopDevice::attach(&self.path, LoopAccess::ReadWrite, 512);
        let mount = Mount::device(device.path(), point.path(), options);
        work(mount.point());
    }

    /// Mounts it read-only without replaying a journal while `work` looks at it.
    pub fn look<T>(&self, options: &str, work: impl FnOnce(&Path) -> T) -> T {
        let point = tempdir();
        let device = LoopDevice::attach(&self.path, LoopAccess::ReadOnly, 512);
        let mount = Mount::device(device.path(), point.path(), options);
        work(mount.point())
    }

    /// What `debugfs` answers to a request.
    pub fn debugfs(&self, request: &str) -> Ran {
        run(tool("debugfs").args(["-R", request]).arg(&self.path))
    }

    /// Lets `debugfs` change it.
    pub fn change(&self, request: &str) {
        let _ = run(tool("debugfs").args(["-w", "-R", request]).arg(&self.path)).exits(0);
    }

    /// Opened by this reader.
    pub fn open(&self) -> Arc<dyn FileSystem> {
        let source = RawFile::open(&self.path).unwrap();
        kanshiki_filesystem::open(Arc::new(source), &OpenOptions { journal: JournalUse::Ignore }).unwrap()
    }
}
