//! `kanshiki info`: what an image is, and how the disk in it is divided.

use crate::console::{Console, Paint};
use crate::evidence::RecordedImage;
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use kanshiki_custody::manifest::Manifest;
use kanshiki_image::Opened;
use kanshiki_image::layout::{self, Layout};
use kanshiki_model::{Issue, Size, visible};
use serde_json::json;
use std::path::{Path, PathBuf};

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
        let image = RecordedImage::open(asked)?;
        let layout = layout::probe(image.source().as_ref(), image.sector_bytes());
        let RecordedImage { path, opened, manifest, issues } = image;
        Ok(Self { path, opened, manifest, layout, issues })
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
