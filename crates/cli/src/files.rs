//! The few files that this program makes itself: manual pages, the list of suspects, the demonstration's disk. Evidence is made by the
//! libraries alone.
#![expect(clippy::disallowed_methods, reason = "the one place of this crate that opens files for writing")]

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a file that is not there yet.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Removes a file that this program made and did not end.
#[cfg(feature = "examine")]
pub(crate) fn remove_own(path: &Path) {
    let _ = std::fs::remove_file(path);
}

/// Opens a file of the demonstration to damage it.
#[cfg(feature = "demo")]
pub(crate) fn open_to_damage(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}
