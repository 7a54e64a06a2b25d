//! Opening an image whatever its format.

use crate::container::{Container as _, Probe, Raw, Zstd, best_container};
use crate::lazy::{FileIdentity, open_all};
use crate::zstd::SeekableImage;
use crate::{RawFile, ReadError, Source, split};
use kanshiki_model::visible;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why an image cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The image contradicts itself.
    #[error("damaged {structure} at byte {offset} of the image: {detail}")]
    Damaged {
        /// The structure that is damaged.
        structure: &'static str,
        /// Where it lies, in bytes from the start of the image file.
        offset: u64,
        /// What was expected and what was found.
        detail: String,
    },
    /// The image is valid as far as it goes, but beyond this reader.
    #[error("this {format} image is not supported: {detail}")]
    Unsupported {
        /// The format's name.
        format: &'static str,
        /// What is not supported, and what to do.
        detail: String,
    },
    /// The image file could not be read.
    #[error("cannot read the image")]
    Read(#[from] ReadError),
    /// A file of the image cannot be opened.
    #[error("cannot open `{path}`")]
    File {
        /// The file, made visible.
        path: String,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// The file is a part of a split image, but not its first.
    #[error("`{path}` is a later part of a split image: give its first part, `{first}`")]
    LaterPart {
        /// The file, made visible.
        path: String,
        /// The first part, made visible.
        first: String,
    },
}

/// What an image is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerFormat {
    /// One file, bytes as they are.
    Raw,
    /// Several files, bytes as they are.
    Split,
    /// Frames of Zstandard, in one file or several.
    Zstd,
    /// A block device.
    Device,
}

impl fmt::Display for ContainerFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Split => "split raw",
            Self::Zstd => "zstd",
            Self::Device => "device",
        })
    }
}

/// An open image.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its content.
    pub source: Source,
    /// What it is kept in.
    pub format: ContainerFormat,
    /// Its files in order.
    pub parts: Vec<PathBuf>,
}

/// Opens an image or a device by what it holds. Given the first part of a split image, takes all parts. A device is
/// always taken as it is, whatever its first bytes.
///
/// # Errors
///
/// [`OpenError`]; formats that are known but cannot be read are named.
pub fn open_image(path: &Path) -> Result<Opened, OpenError> {
    open(path, |sources| {
        let probe = Probe::of(Raw.open(sources.to_vec())?.as_ref())?;
        let container = best_container(&probe);
        Ok((container.open(sources.to_vec())?, container.name()))
    })
}

/// Opens a compressed image that is cut off or damaged as far as its frames are whole from the first on, and says why not
/// further.
///
/// # Errors
///
/// [`OpenError`], also for an image that is not compressed.
pub fn open_up_to_damage(path: &Path) -> Result<(Opened, Option<OpenError>), OpenError> {
    let end = std::cell::OnceCell::new();
    let opened = open(path, |sources| {
        let (image, why) = SeekableImage::open_up_to_damage(Raw.open(sources.to_vec())?)?;
        if let Some(why) = why {
            let _ = end.set(why.into_open_error());
        }
        Ok((Arc::new(image), Zstd.name()))
    })?;
    Ok((opened, end.into_inner()))
}

/// Opens an image or a device as plain bytes, whatever they hold.
///
/// # Errors
///
/// [`OpenError`].
pub fn open_raw(path: &Path) -> Result<Opened, OpenError> {
    open(path, |sources| Ok((Raw.open(sources.to_vec())?, Raw.name())))
}

fn open(
    path: &Path,
    container: impl Fn(&[Source]) -> Result<(Source, &'static str), OpenError>,
) -> Result<Opened, OpenError> {
    if let Some(first) = split::first_part(path) {
        return Err(OpenError::LaterPart { path: shown(path), first: shown(&first) });
    }
    let failed = |path: &Path| {
        let path = shown(path);
        move |source| OpenError::File { path, source }
    };
    let parts = split::discover(path).map_err(failed(path))?;
    let is_split = parts.is_some();
    let parts = parts.unwrap_or_else(|| vec![path.to_owned()]);
    let first = parts.first().map(|first| RawFile::open(first).map_err(failed(first))).transpose()?;
    let kind = first.map(|file| file.file().metadata()).transpose().map_err(failed(path))?;
    let is_device = kind.is_some_and(|kind| kind.file_type().is_block_device());
    let opener = |part: &Path| {
        let file = RawFile::open(part)?;
        let identity = FileIdentity::of(file.file())?;
        let source: Source = Arc::new(file);
        Ok((source, identity))
    };
    let sources = open_all(&parts, Box::new(opener)).map_err(|(part, source)| failed(&part)(source))?;
    if is_device {
        return Ok(Opened { source: Raw.open(sources)?, format: ContainerFormat::Device, parts });
    }
    let (source, name) = container(&sources)?;
    let format = match name {
        "zstd" => ContainerFormat::Zstd,
        _ if is_split => ContainerFormat::Split,
        _ => ContainerFormat::Raw,
    };
    Ok(Opened { source, format, parts })
}

fn shown(path: &Path) -> String {
    visible(path.as_os_str().as_bytes())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;

    fn write(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn a_split_image_is_opened_by_its_first_part() {
        let folder = tempfile::tempdir().unwrap();
        let first = write(&folder, "d.001", b"evi");
        let second = write(&folder, "d.002", b"dence");
        let opened = open_image(&first).unwrap();
        assert_eq!((opened.format, opened.source.len()), (ContainerFormat::Split, 8));
        assert_eq!(opened.parts, [first.clone(), second.clone()]);
        let error = open_image(&second).unwrap_err().to_string();
        let expected = format!(
            "`{}` is a later part of a split image: give its first part, `{}`",
            second.display(),
            first.display()
        );
        assert_eq!(error, expected);
    }

    #[test]
    fn a_known_format_is_refused_by_name_and_opened_as_raw_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, "d.E01", b"EVF\x09\x0d\x0a\xff\0 and more");
        let error = open_image(&path).unwrap_err().to_string();
        assert_eq!(error, "this EWF (E01) image is not supported: export it with `ewfexport -f raw`");
        assert_eq!(open_raw(&path).unwrap().format, ContainerFormat::Raw);
    }

    #[test]
    fn a_compressed_image_gives_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let mut frame = Vec::new();
        crate::zstd::FrameEncoder::new(1).unwrap().encode(b"evidence", &mut frame).unwrap();
        let opened = open_image(&write(&folder, "d.zst", &frame)).unwrap();
        assert_eq!((opened.format, opened.source.len()), (ContainerFormat::Zstd, 8));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = open_image(Path::new("/nonexistent/d.raw")).unwrap_err();
        assert_eq!(error.to_string(), "cannot open `/nonexistent/d.raw`");
    }
}
