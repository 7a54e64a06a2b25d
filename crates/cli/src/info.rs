//! `kanshiki info`: what an image is, and how the disk in it is divided.

use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use kanshiki_custody::manifest::{self, Manifest};
use kanshiki_custody::read_small;
use kanshiki_image::layout::{self, Layout};
use kanshiki_image::{Gaps, OpenError, Opened, ReadAt, open_image};
use kanshiki_model::{Issue, Size, visible};
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const AFTER_HELP: &str = "\
Tells the format, the size, the partition table, what each partition holds, and the gaps between
partitions. With the manifest beside the image its digests are told, and unreadable bytes are not
taken for zeroes. It lists no files and compares no digest: that is what `kanshiki verify` does.

Exit codes: 0 done; 3 done, but something is damaged, unreadable or contradicts itself; 4 not done.

Examples:
  kanshiki info cases/2026-014/exhibits/laptop-disk
  kanshiki info disk.raw
  kanshiki info /dev/sdb --json";

/// Tell what an image is, how its disk is divided, and what lies in the partitions
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct InfoArguments {
    /// Image, first part of a split image, exhibit's folder, or disk; opened read-only
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    /// One JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is told.
struct Info {
    path: PathBuf,
    opened: Opened,
    manifest: Option<Manifest>,
    layout: Layout,
    issues: Vec<Issue>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &InfoArguments, console: &Console) -> Result<Exit, Failure> {
    let info = Info::read(&arguments.image)?;
    let clean = info.issues.is_empty() && info.layout.issues.is_empty();
    let exit = if clean { Exit::Done } else { Exit::Part };
    if arguments.json {
        let manifest = info.manifest.as_ref();
        console.json(&json!({
            "schema": 1,
            "exit_code": exit.code(),
            "image": visible(info.path.as_os_str().as_encoded_bytes()),
            "format": info.opened.format.to_string(),
            "parts": info.opened.parts.iter().map(|part| visible(part.as_os_str().as_encoded_bytes())).collect::<Vec<_>>(),
            "bytes": info.opened.source.len(),
            "manifest": manifest.map(|manifest| json!({
                "case": manifest.case,
                "exhibit": manifest.exhibit,
                "digests": manifest.image.digests,
                "leaves_root": manifest.image.leaves_root,
                "unreadable": manifest.image.unreadable,
            })),
            "layout": info.layout,
            "issues": info.issues,
        }))?;
    } else {
        console.result(&info.text(console.out()))?;
    }
    Ok(exit)
}

impl Info {
    fn read(asked: &Path) -> Result<Self, Failure> {
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
        let found =
            found.filter(|manifest| names(manifest).any(|name| path.file_name().is_some_and(|own| own == name)));
        let opened = open_image(&path).map_err(|error| cannot_open(&path, &error))?;
        let sector_bytes = found.as_ref().map(|manifest| manifest.source.sector_bytes);
        let layout = match &found {
            Some(manifest) => {
                issues.extend(length_issue(manifest, opened.source.as_ref()));
                layout::probe(&Gaps::new(Arc::clone(&opened.source), manifest.image.unreadable.clone()), sector_bytes)
            }
            None => layout::probe(opened.source.as_ref(), None),
        };
        Ok(Self { path, opened, manifest: found, layout, issues })
    }

    fn text(&self, paint: Paint) -> String {
        let path = harmless(&visible(self.path.as_os_str().as_encoded_bytes()));
        let mut text = format!("{}\n", paint.strong(&path));
        let parts = self.opened.parts.len();
        let parts = if parts > 1 { format!(", {parts} parts") } else { String::new() };
        text.push_str(&format!("format: {}{parts}\n", self.opened.format));
        if let Some(manifest) = &self.manifest {
            text.push_str(&harmless(&format!("recorded as: exhibit {} of case {}", manifest.exhibit, manifest.case)));
            text.push('\n');
            for (algorithm, digest) in &manifest.image.digests {
                text.push_str(&format!("recorded {algorithm}: {}\n", harmless(digest)));
            }
            if manifest.image.unreadable_bytes > 0 {
                let size = Size(manifest.image.unreadable_bytes);
                text.push_str(&format!("{}: {size}\n", paint.warning("unreadable when it was made")));
            }
        }
        for line in self.layout.to_string().lines() {
            text.push_str(&format!("{}\n", harmless(line)));
        }
        for issue in &self.issues {
            text.push_str(&format!("issue: {}\n", harmless(&issue.to_string())));
        }
        text.push_str("\nfiles are not listed, and no digest was compared; `kanshiki verify` compares\n");
        text
    }
}

/// The manifest of a folder; `None` if there is none.
fn read_manifest(path: &Path) -> Result<Option<Manifest>, Failure> {
    let bytes = match read_small(path, manifest::LIMIT as u64) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| Failure::from_error(format!("cannot read `{}`", path.display()), &error))?,
    };
    let parsed = Manifest::parse(&bytes);
    parsed.map(Some).map_err(|error| Failure::from_error(format!("cannot use `{}`", path.display()), &error))
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
        Failure::new(format!("`{}` is a folder without the manifest of an image", folder.display()))
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

fn cannot_open(path: &Path, error: &OpenError) -> Failure {
    match error {
        OpenError::File { .. } => Failure::of(error),
        _ => Failure::from_error(format!("cannot open `{}`", path.display()), error),
    }
}
