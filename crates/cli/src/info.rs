//! `kanshiki info`: what images are, how their disks are divided, and what the volumes on them hold.

mod tree;
mod volumes;

use crate::console::{Console, Paint};
use crate::evidence::{RecordedImage, volume_and_root};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use kanshiki_custody::manifest::Manifest;
use kanshiki_image::Opened;
use kanshiki_image::layout::Layout;
use kanshiki_image::volumes::{Address, Image, VolumeSet};
use kanshiki_model::{Issue, Size, visible};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use tree::Tree;
use volumes::Volumes;

const AFTER_HELP: &str = "\
Tells the format, the size, the partition table, the gaps between partitions, logical volumes and
arrays, and what each volume holds: label, UUID, size, times, state, features. What cannot be
browsed says why. Of a host's volumes it tells which hangs where in its tree, and by which line of
/etc/fstab. With the manifest beside the image its digests are told, and unreadable bytes are
not taken for zeroes. It lists no files and compares no digest: that is what `kanshiki ls` and
`kanshiki verify` do.

Exit codes: 0 done; 3 done, but something is damaged, unreadable, contradicts itself or is
missing from the host's tree; 4 not done.

Examples:
  kanshiki info cases/2026-014/exhibits/laptop-disk
  kanshiki info disk.raw:p2
  kanshiki info first.raw --with second.raw --root b:p1
  kanshiki info /dev/sdb --json";

/// Tell what an image is, how its disk is divided, and what the volumes on it hold
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct InfoArguments {
    /// Image, first part of a split image, exhibit's folder, or disk; opened read-only. Behind a colon, the one volume
    /// to tell of, as in disk.raw:p2 or disk.raw:vg/root
    #[arg(value_name = "IMAGE[:VOLUME]")]
    image: OsString,
    /// Further image of the same host; may be given again
    #[arg(long = "with", value_name = "IMAGE")]
    with: Vec<PathBuf>,
    /// Volume to take as the root of the host's tree, as in --root p2; without it, the one that looks like one
    #[arg(long, value_name = "VOLUME")]
    root: Option<String>,
    /// One JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is told of an image.
struct Info {
    path: PathBuf,
    opened: Opened,
    manifest: Option<Manifest>,
    layout: Layout,
    issues: Vec<Issue>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &InfoArguments, console: &Console) -> Result<Exit, Failure> {
    let address = Address::parse(&arguments.image);
    let mut images = vec![RecordedImage::open(&address.image)?];
    for further in &arguments.with {
        images.push(RecordedImage::open(further)?);
    }
    let sources = images.iter().map(|image| Image { source: image.source(), sector_bytes: image.sector_bytes() });
    let mut volumes = Volumes::open(VolumeSet::probe(sources.collect()));
    let which = match &address.volume {
        Some(name) => {
            let index = volumes.set.position(name).ok_or_else(|| no_volume(&address, &volumes.set))?;
            volumes.retain(index)
        }
        None => (0..volumes.set.volumes().len()).collect(),
    };
    let tree = match &address.volume {
        Some(_) if arguments.root.is_some() => return Err(volume_and_root(&address)),
        Some(_) => None,
        None => Some(Tree::of(&volumes.set, arguments.root.as_deref())?),
    };
    let infos: Vec<Info> =
        images.into_iter().zip(volumes.set.layouts()).map(|(image, layout)| Info::new(image, layout.clone())).collect();
    let is_clean = infos.iter().all(|info| info.issues.is_empty() && info.layout.issues.is_empty());
    let told = volumes.set.issues().iter().chain(&volumes.issues);
    let told: HashSet<String> = told.map(|issue| issue.message.clone()).collect();
    let missing = tree.as_ref().map(Tree::issues).unwrap_or_default();
    volumes.issues.extend(missing.iter().filter(|issue| !told.contains(&issue.message)).cloned());
    let is_clean = is_clean && volumes.issues.is_empty() && volumes.set.issues().is_empty();
    let exit = if is_clean { Exit::Done } else { Exit::Part };
    if arguments.json {
        console.json(&all_json(&infos, &volumes, &which, tree.as_ref(), exit))?;
    } else {
        console.result(&text(&infos, &volumes, &which, tree.as_ref(), console.out()))?;
    }
    Ok(exit)
}

fn no_volume(address: &Address, set: &VolumeSet) -> Failure {
    let names: Vec<&str> =
        set.volumes().iter().map(|volume| volume.name.as_str()).filter(|name| !name.is_empty()).take(20).collect();
    let failure = Failure::new(format!("there is no volume `{address}`"));
    failure.maybe_hint((!names.is_empty()).then(|| format!("there are {}", names.join(", "))))
}

/// The first image as it always was, and beside it the volumes and, if there are several, all images.
fn all_json(infos: &[Info], volumes: &Volumes, which: &[usize], tree: Option<&Tree>, exit: Exit) -> Value {
    let mut object = infos.first().map_or_else(|| json!({}), Info::json);
    object["schema"] = json!(1);
    object["exit_code"] = json!(exit.code());
    object["volumes"] = volumes.json(which);
    object["volume_groups"] = volumes.groups_json();
    object["tree"] = tree.map_or(Value::Null, Tree::json);
    object["volume_issues"] = json!(volumes.set.issues().iter().chain(&volumes.issues).collect::<Vec<_>>());
    if infos.len() > 1 {
        object["images"] = infos.iter().map(Info::json).collect();
    }
    object
}

fn text(infos: &[Info], volumes: &Volumes, which: &[usize], tree: Option<&Tree>, paint: Paint) -> String {
    let mut text: String = infos.iter().map(|info| format!("{}\n", info.text(paint))).collect();
    text.push_str(&volumes.text(which, paint));
    if let Some(tree) = tree {
        text.push_str(&tree.text(paint));
    }
    for issue in volumes.set.issues().iter().chain(&volumes.issues) {
        text.push_str(&format!("issue: {}\n", harmless(&issue.to_string())));
    }
    text.push_str("\nfiles are not listed, and no digest was compared; `kanshiki verify` compares\n");
    text
}

impl Info {
    fn new(image: RecordedImage, layout: Layout) -> Self {
        let RecordedImage { path, opened, manifest, issues } = image;
        Self { path, opened, manifest, layout, issues }
    }

    fn json(&self) -> Value {
        json!({
            "image": visible(self.path.as_os_str().as_encoded_bytes()),
            "format": self.opened.format.to_string(),
            "parts": self.opened.parts.iter().map(|part| visible(part.as_os_str().as_encoded_bytes())).collect::<Vec<_>>(),
            "bytes": self.opened.source.len(),
            "manifest": self.manifest.as_ref().map(|manifest| json!({
                "case": manifest.case,
                "exhibit": manifest.exhibit,
                "digests": manifest.image.digests,
                "leaves_root": manifest.image.leaves_root,
                "unreadable": manifest.image.unreadable,
            })),
            "layout": self.layout,
            "issues": self.issues,
        })
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
        text
    }
}
