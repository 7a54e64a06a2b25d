//! What an acquisition left, as a test looks at it.

use crate::{kanshiki_path, run, tempdir, zstd_decompress};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An exhibit in a case folder.
#[derive(Debug, Clone)]
pub struct Exhibit {
    case: PathBuf,
    id: String,
}

impl Exhibit {
    /// The exhibit `id` of a case; neither needs to be there yet.
    #[must_use]
    pub fn new(case: &Path, id: &str) -> Self {
        Self { case: case.to_path_buf(), id: id.to_owned() }
    }

    /// The case folder.
    #[must_use]
    pub fn case(&self) -> &Path {
        &self.case
    }

    /// `kanshiki acquire SOURCE --case … --exhibit …`, to which more arguments may be added.
    #[must_use]
    pub fn acquire(&self, source: &Path) -> Command {
        let mut command = Command::new(kanshiki_path());
        command.arg("acquire").arg(source).arg("--case").arg(&self.case).args(["--exhibit", &self.id]);
        command
    }

    /// The folder of the finished exhibit.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.case.join("exhibits").join(&self.id)
    }

    /// The folder of the exhibit while it is under way.
    #[must_use]
    pub fn partial(&self) -> PathBuf {
        self.case.join("exhibits").join(format!("{}.partial", self.id))
    }

    /// The path of a file of the finished exhibit.
    #[must_use]
    pub fn file(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.folder().join(Path::new(name.as_ref()))
    }

    /// The manifest.
    #[track_caller]
    #[must_use]
    pub fn manifest(&self) -> serde_json::Value {
        let text = std::fs::read(self.file("manifest.json")).expect("the manifest");
        serde_json::from_slice(&text).expect("JSON in the manifest")
    }

    /// The bytes of the image, put together by plain reading, or by `zstd -d`.
    #[track_caller]
    #[must_use]
    pub fn image(&self) -> Vec<u8> {
        let folder = tempdir();
        let compressed = self.file("image.raw.zst");
        if compressed.exists() {
            let restored = folder.path().join("image");
            let _ = run(Command::new("zstd").args(["--quiet", "--test"]).arg(&compressed)).exits(0);
            zstd_decompress(&compressed, &restored);
            return std::fs::read(restored).expect("the restored image");
        }
        let whole = self.file("image.raw");
        let mut files = if whole.exists() { vec![whole] } else { Vec::new() };
        files.extend((1..1000).map(|part| self.file(format!("image.raw.{part:03}"))).take_while(|part| part.exists()));
        assert!(!files.is_empty(), "no image in {}", self.folder().display());
        files.iter().flat_map(|file| std::fs::read(file).expect("the image")).collect()
    }
}
