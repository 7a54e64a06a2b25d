//! What tests share: tools that may be missing, loop devices, mounts, disks with bad sectors, the built program.
//!
//! Only tests and xtask depend on this crate. A helper that cannot do its work fails the test that called it.
//!
//! A test that needs something of the machine asks for it first and ends early without it:
//!
//! ```
//! use kanshiki_testkit::{Need, need};
//!
//! if !need(&[Need::Root, Need::LoopDevices, Need::Tool("zstd")]) {
//!     return; // `SKIPPED name_of_the_test: needs root` was printed, and counted by `cargo xtask test`
//! }
//! ```
#![forbid(unsafe_code)]
#![expect(clippy::panic, clippy::expect_used, reason = "a helper that fails is the failure of the test that called it")]

mod bad_device;
mod devices;
mod exhibit;
mod ext_image;
mod need;
mod program;
mod sample;
mod tools;
mod torture;
mod workplace;

pub use bad_device::BadDevice;
pub use devices::{LoopAccess, LoopDevice, Mount};
pub use exhibit::Exhibit;
pub use ext_image::{debugfs_write, ext_image};
pub use need::{Need, SKIPPED_FILE, TOOLS, Tool, beside, need, tool_path};
pub use program::{Ran, Running, kanshiki, kanshiki_path, run, tool, wait_until};
pub use sample::{demo_disk, noise, sample_image};
pub use tools::{ddrescuelog_bad_bytes, sha256sum, sha256sum_check, zstd_decompress};
pub use torture::{Torture, TortureResult};
pub use workplace::{Workplace, custody_acts, image_files, lasting_manifest, manifest, restored};

pub use tempfile::TempDir;

/// A new empty folder, removed when the value is dropped.
#[must_use]
pub fn tempdir() -> TempDir {
    tempfile::Builder::new().prefix("kanshiki-test-").tempdir().expect("a folder for temporary files")
}

/// Writes a file in a test's own folder, replacing what was there.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a file in the test's own folder, no evidence")]
pub fn write_file(path: &std::path::Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).expect("a file in the test's own folder");
}

/// The root of the workspace.
#[must_use]
pub fn workspace_root() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the crate lies two folders below the root").to_path_buf()
}
