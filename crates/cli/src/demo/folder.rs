//! The folder in which the demonstration works.

use crate::failure::Failure;
use crate::files;
use kanshiki_model::visible_path;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use zstd_safe::{DCtx, InBuffer, OutBuffer};

/// The name of the unpacked disk.
pub(super) const DISK: &str = "ferry.img";

/// The disk, compressed; its origin and digest stand in testdata/README.md.
static PACKED_DISK: &[u8] = include_bytes!("../../../../testdata/demo/ferry.img.zst");

/// A folder that is cleared away at the end, unless it shall stay.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    stays: bool,
}

impl Folder {
    /// Creates the folder, which must not be there yet: the one that was asked for, or a temporary one.
    pub(super) fn create(asked: Option<&Path>, keep: bool) -> Result<Self, Failure> {
        let path = match asked {
            Some(path) => path.to_owned(),
            None => std::env::temp_dir().join(format!("kanshiki-demo-{}", std::process::id())),
        };
        let created = match asked {
            Some(path) => fs::create_dir(path),
            None => create_private(&path),
        };
        created.map_err(|error| {
            Failure::from_error(format!("cannot create the folder `{}`", visible_path(&path)), &error)
                .hint("--dir takes a folder that does not exist yet")
        })?;
        let path = path.canonicalize().unwrap_or(path);
        Ok(Self { path, stays: keep || asked.is_some() })
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it stays when the demonstration is over.
    pub(super) const fn stays(&self) -> bool {
        self.stays
    }

    /// Unpacks the disk into the folder.
    pub(super) fn unpack_disk(&self) -> Result<(), Failure> {
        let path = self.path.join(DISK);
        files::create_new(&path)
            .and_then(|mut file| unpack(PACKED_DISK, &mut file))
            .map_err(|error| Failure::from_error(format!("cannot write `{}`", visible_path(&path)), &error))
    }

    /// Copies a folder and turns one bit of one file in the copy.
    pub(super) fn damaged_copy(&self, from: &str, to: &str, file: &str, offset: u64) -> Result<(), Failure> {
        let copy = self.path.join(to);
        copy_folder(&self.path.join(from), &copy)
            .and_then(|()| turn_bit(&copy.join(file), offset))
            .map_err(|error| Failure::from_error(format!("cannot make `{}`", visible_path(&copy)), &error))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.stays {
            // Nothing can be done about what cannot be removed, and the name says what it is.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Writes what the frame holds.
fn unpack(packed: &[u8], out: &mut impl Write) -> io::Result<()> {
    let mut context = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
    let mut buffer = vec![0_u8; 1 << 20];
    let mut input = InBuffer::around(packed);
    loop {
        let mut output = OutBuffer::around(buffer.as_mut_slice());
        let left = context
            .decompress_stream(&mut output, &mut input)
            .map_err(|code| io::Error::new(io::ErrorKind::InvalidData, zstd_safe::get_error_name(code)))?;
        out.write_all(output.as_slice())?;
        if left == 0 {
            return Ok(());
        }
        if output.as_slice().is_empty() && input.pos() == packed.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn turn_bit(path: &Path, offset: u64) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))?;
    let file = files::open_to_damage(path)?;
    let mut byte = [0_u8];
    file.read_exact_at(&mut byte, offset)?;
    byte[0] ^= 1;
    file.write_all_at(&byte, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_unpacks_to_its_64_mib() {
        let mut disk = Vec::new();
        unpack(PACKED_DISK, &mut disk).unwrap();
        assert_eq!(disk.len(), 64 << 20);
        assert_eq!(&disk[512..520], b"EFI PART");
    }

    #[test]
    fn a_disk_cut_short_is_an_error() {
        let error = unpack(&PACKED_DISK[..5000], &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
