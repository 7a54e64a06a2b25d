//! An image with the record that lies beside it.

use crate::failure::Failure;
use kanshiki_custody::manifest::{self, Manifest};
use kanshiki_custody::read_small;
use kanshiki_image::{Gaps, OpenError, Opened, ReadAt, Source, open_image, open_up_to_damage, split};
use kanshiki_model::{Issue, visible, visible_path};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open image, with its manifest if it lies beside it.
#[derive(Debug)]
pub(crate) struct RecordedImage {
    /// The image's file, the first of several, or the device.
    pub(crate) path: PathBuf,
    /// The image as it lies, zeroes in the place of what the medium did not give.
    pub(crate) opened: Opened,
    /// The manifest that names this image.
    pub(crate) manifest: Option<Manifest>,
    /// What is odd about image and manifest.
    pub(crate) issues: Vec<Issue>,
}

impl RecordedImage {
    /// Opens an image, or the image in the folder of an exhibit.
    pub(crate) fn open(asked: &Path) -> Result<Self, Failure> {
        let is_folder = asked.is_dir();
        let folder = if is_folder { asked } else { asked.parent().unwrap_or(Path::new("")) };
        let mut issues = Vec::new();
        let found = match read_manifest(&folder.join(manifest::FILE_NAME)) {
            Ok(found) => found,
            Err(failure) if is_folder => return Err(failure),
            Err(failure) => {
                issues.push(Issue::new(manifest::FILE_NAME, failure.to_string()));
                None
            }
        };
        let path = if is_folder { image_in(asked, found.as_ref())? } else { asked.to_owned() };
        // A manifest that lies beside by chance says nothing about this image.
        let manifest =
            found.filter(|manifest| names(manifest).any(|name| path.file_name().is_some_and(|own| own == name)));
        let opened = open_as_far_as_it_is_whole(&path, &mut issues)?;
        issues.extend(uneven_parts(&opened));
        issues.extend(manifest.as_ref().and_then(|manifest| length_issue(manifest, opened.source.as_ref())));
        Ok(Self { path, opened, manifest, issues })
    }

    /// The image's content; what the medium did not give is an error to read and no zeroes.
    pub(crate) fn source(&self) -> Source {
        let source = Arc::clone(&self.opened.source);
        match &self.manifest {
            Some(manifest) if !manifest.image.unreadable.is_empty() => {
                Arc::new(Gaps::new(source, manifest.image.unreadable.clone()))
            }
            _ => source,
        }
    }

    /// The size of a sector as the record says it.
    pub(crate) fn sector_bytes(&self) -> Option<u64> {
        self.manifest.as_ref().map(|manifest| manifest.source.sector_bytes)
    }
}

/// The manifest of a folder; `None` if there is none.
fn read_manifest(path: &Path) -> Result<Option<Manifest>, Failure> {
    let bytes = match read_small(path, manifest::LIMIT as u64) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| Failure::from_error(format!("cannot read `{}`", visible_path(path)), &error))?,
    };
    let parsed = Manifest::parse(&bytes);
    parsed.map(Some).map_err(|error| Failure::from_error(format!("cannot use `{}`", visible_path(path)), &error))
}

/// The names of the files that hold the image.
fn names(manifest: &Manifest) -> impl Iterator<Item = &str> {
    manifest.outputs.iter().map(|output| output.name.as_str()).filter(|name| name.starts_with("image.raw"))
}

/// The image in an exhibit's folder.
fn image_in(folder: &Path, manifest: Option<&Manifest>) -> Result<PathBuf, Failure> {
    // A name with a slash would lead out of the folder.
    let name = manifest.and_then(|manifest| names(manifest).find(|name| !name.contains('/')));
    name.map(|name| folder.join(name)).ok_or_else(|| {
        Failure::new(format!("`{}` is a folder without the manifest of an image", visible_path(folder)))
            .hint("give the image, or the folder of one exhibit: CASE/exhibits/ID")
    })
}

/// An image that has not the length of its record is not the one that was recorded.
fn length_issue(manifest: &Manifest, source: &dyn ReadAt) -> Option<Issue> {
    let (recorded, found) = (manifest.image.bytes, source.len());
    (recorded != found).then(|| {
        Issue::new("image", format!("the manifest says {recorded} bytes, found {found}; run `kanshiki verify`"))
    })
}

/// Opens an image; of a compressed one that is cut off or damaged, what is whole from its beginning on.
fn open_as_far_as_it_is_whole(path: &Path, issues: &mut Vec<Issue>) -> Result<Opened, Failure> {
    let damage = match open_image(path) {
        Err(damage @ OpenError::Damaged { .. }) => damage,
        opened => return opened.map_err(|error| cannot_open(path, &error)),
    };
    match open_up_to_damage(path) {
        Ok((opened, end)) if !opened.source.is_empty() => {
            let (why, bytes) = (end.as_ref().unwrap_or(&damage), opened.source.len());
            let told = format!("{why}; it is read up to byte {bytes} of its content, and what came behind is missing");
            issues.push(Issue::new("image", told));
            Ok(opened)
        }
        _ => Err(cannot_open(path, &damage)),
    }
}

/// Parts of a split image that are told by name.
const TOLD_PARTS: usize = 20;

/// Parts of a split image that are not as long as the others, so that what lies behind them is in the wrong place.
fn uneven_parts(opened: &Opened) -> Vec<Issue> {
    // A part that is gone by now is told when it is read.
    let lengths = opened.parts.iter().map(|part| std::fs::metadata(part).map_or(0, |part| part.len()));
    let lengths: Vec<u64> = if opened.parts.len() > 1 { lengths.collect() } else { Vec::new() };
    let (usual, uneven) = split::uneven(&lengths);
    let told = uneven.iter().take(TOLD_PARTS).filter_map(|number| {
        let (part, length) = (opened.parts.get(*number)?, lengths.get(*number)?);
        let name = visible(part.file_name()?.as_bytes());
        let told = format!(
            "part `{name}` has {length} bytes, and the others {usual}: what lies behind may be in the wrong place"
        );
        Some(Issue::new("image", told))
    });
    let rest = uneven.len().saturating_sub(TOLD_PARTS);
    let rest = (rest > 0).then(|| Issue::new("image", format!("{rest} more parts have not {usual} bytes")));
    told.chain(rest).collect()
}

fn cannot_open(path: &Path, error: &OpenError) -> Failure {
    match error {
        OpenError::File { .. } => Failure::of(error),
        _ => Failure::from_error(format!("cannot open `{}`", visible_path(path)), error),
    }
}
