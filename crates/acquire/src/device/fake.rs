//! Made-up trees of sysfs and proc for tests, laid out as Linux 6.12 does.

use super::BlockDevice;
use super::sysfs::Roots;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

pub(super) struct Tree {
    _folder: TempDir,
    roots: Arc<Roots>,
}

impl Tree {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let roots = Roots { sys: base.join("sys"), proc: base.join("proc"), dev: base.join("dev") };
        for path in [
            roots.sys.join("block"),
            roots.sys.join("class/block"),
            roots.sys.join("dev/block"),
            roots.proc.join("self"),
            roots.dev.clone(),
        ] {
            fs::create_dir_all(path).unwrap();
        }
        let tree = Self { _folder: folder, roots: Arc::new(roots) };
        tree.mounts("");
        tree
    }

    pub(super) fn roots(&self) -> &Arc<Roots> {
        &self.roots
    }

    /// Writes a file below sys; folders are made, links are followed.
    #[expect(clippy::disallowed_methods, reason = "a file of a made-up tree in a temporary folder")]
    pub(super) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.roots.sys.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "a file of a made-up tree in a temporary folder")]
    pub(super) fn write_proc(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.roots.proc.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(super) fn mounts(&self, table: &str) {
        self.write_proc("self/mountinfo", table);
    }

    pub(super) fn swaps(&self, table: &str) {
        self.write_proc("swaps", table);
    }

    pub(super) fn link(&self, target: &Path, link: &str) {
        let link = self.roots.sys.join(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, link).unwrap();
    }

    /// A disk in the folder `parent` below sys, with its links.
    pub(super) fn disk(&self, name: &str, major: u32, minor: u32, parent: &str) {
        let folder = PathBuf::from(parent).join(name);
        self.device_folder(&folder, name, Some((major, minor)));
        self.link(&self.roots.sys.join(&folder), &format!("block/{name}"));
        let parent = self.roots.sys.join(parent).parent().unwrap().to_owned();
        if !folder.starts_with("devices/virtual") {
            symlink(parent, self.roots.sys.join(&folder).join("device")).unwrap();
        }
        let below = folder.to_str().unwrap();
        self.write(&format!("{below}/queue/logical_block_size"), "512\n");
        self.write(&format!("{below}/queue/physical_block_size"), "4096\n");
        self.write(&format!("{below}/queue/rotational"), "1\n");
        self.write(&format!("{below}/queue/zoned"), "none\n");
        self.write(&format!("{below}/removable"), "0\n");
        self.write(&format!("{below}/diskseq"), format!("{}\n", minor + 1));
    }

    /// A path of an NVMe disk, hidden and without a number.
    pub(super) fn hidden_disk(&self, name: &str, parent: &str, sectors_written: u64) {
        let folder = PathBuf::from(parent).join(name);
        self.device_folder(&folder, name, None);
        self.link(&self.roots.sys.join(&folder), &format!("block/{name}"));
        self.write(&format!("block/{name}/hidden"), "1\n");
        self.write(&format!("block/{name}/stat"), format!("1 0 8 0 5 6 {sectors_written} 0 0 0 0\n"));
    }

    pub(super) fn partition(&self, disk: &str, name: &str, index: u32, major: u32, minor: u32) {
        let folder = fs::canonicalize(self.roots.sys.join("block").join(disk)).unwrap().join(name);
        let folder = folder.strip_prefix(&self.roots.sys).unwrap().to_owned();
        self.device_folder(&folder, name, Some((major, minor)));
        self.write(&format!("class/block/{name}/partition"), format!("{index}\n"));
    }

    fn device_folder(&self, folder: &Path, name: &str, number: Option<(u32, u32)>) {
        let below = folder.to_str().unwrap();
        self.write(&format!("{below}/size"), "2048\n");
        self.write(&format!("{below}/ro"), "0\n");
        self.write(&format!("{below}/stat"), "    10 0 80 1 20 0 160 2 0 3 3 0 0 0 0 0 0\n");
        fs::create_dir_all(self.roots.sys.join(folder).join("holders")).unwrap();
        fs::create_dir_all(self.roots.sys.join(folder).join("slaves")).unwrap();
        if let Some((major, minor)) = number {
            self.write(&format!("{below}/dev"), format!("{major}:{minor}\n"));
            self.write(&format!("{below}/uevent"), format!("MAJOR={major}\nMINOR={minor}\nDEVNAME={name}\n"));
            self.link(&self.roots.sys.join(folder), &format!("dev/block/{major}:{minor}"));
            self.link(&self.roots.sys.join(folder), &format!("class/block/{name}"));
        }
    }

    /// Has `upper` be made of `lower`.
    pub(super) fn hold(&self, lower: &str, upper: &str) {
        self.link(&self.roots.sys.join("class/block").join(upper), &format!("class/block/{lower}/holders/{upper}"));
        self.link(&self.roots.sys.join("class/block").join(lower), &format!("class/block/{upper}/slaves/{lower}"));
    }

    pub(super) fn device(&self, name: &str) -> BlockDevice {
        BlockDevice::of_name(&self.roots, name).unwrap()
    }
}
