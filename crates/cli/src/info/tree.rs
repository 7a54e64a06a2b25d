//! How the host's tree is put together, for people and for programs.

use crate::console::Paint;
use crate::failure::{Failure, harmless};
use kanshiki_filesystem::hostview::{self, HostView, Outcome, Placement, ViewError};
use kanshiki_filesystem::{JournalUse, OpenOptions};
use kanshiki_image::Source;
use kanshiki_image::volumes::VolumeSet;
use kanshiki_model::{Exact, Issue};
use serde_json::{Value, json};

/// The tree, or why there is none.
pub(super) enum Tree {
    Host(Box<HostView>),
    /// It cannot be told which volume is the root.
    Unknown(String),
    /// Nothing can be browsed.
    Nothing,
}

impl Tree {
    /// Puts the tree together as all verbs do that look into images.
    ///
    /// A root that was asked for and cannot be taken is a failure.
    pub(super) fn of(set: &VolumeSet, root: Option<&str>) -> Result<Self, Failure> {
        let options = OpenOptions { journal: JournalUse::Replay };
        let open = |source: &Source| kanshiki_filesystem::open(source.clone(), &options);
        match hostview::host_view(set, root, &open) {
            Ok(host) => Ok(Self::Host(Box::new(host))),
            Err(error) if root.is_some() => Err(Failure::from_error("cannot put the host's tree together", &error)),
            Err(error @ ViewError::ManyRoots { .. }) => Ok(Self::Unknown(error.to_string())),
            Err(ViewError::NoRoot { opened, .. })
                if opened > 0 || set.volumes().iter().any(|volume| volume.refusal.is_none()) =>
            {
                Ok(Self::Unknown("no volume looks like the root of a host".to_owned()))
            }
            Err(_) => Ok(Self::Nothing),
        }
    }

    /// What is missing from the tree or wrong with it; some of it is told of the volumes too.
    pub(super) fn issues(&self) -> &[Issue] {
        match self {
            Self::Host(host) => host.view.tree_issues(),
            Self::Unknown(_) | Self::Nothing => &[],
        }
    }

    /// A line for each volume that hangs somewhere, and for each line of the table.
    pub(super) fn text(&self, paint: Paint) -> String {
        let host = match self {
            Self::Host(host) if !host.root.is_empty() || !host.placements.is_empty() => host,
            Self::Host(_) | Self::Nothing => return String::new(),
            Self::Unknown(why) => return format!("\nthe host's tree: {}; --root VOLUME chooses\n", harmless(why)),
        };
        let mut text = format!("\n{:<20}  {:<20}  by\n", "the host's tree", "volume");
        let mut row = |directory: &str, volume: &str, by: &str| {
            let directory = paint.strong(&harmless(&format!("{directory:<20}")));
            text.push_str(&format!("{directory}  {}\n", harmless(&format!("{volume:<20}  {by}"))));
        };
        let root = if host.root.is_empty() { "(whole image)" } else { &host.root };
        if !host.placements.iter().any(|placement| placement.outcome == Outcome::Mounted(host.root.clone())) {
            row("/", root, "it is taken as the root; no line of /etc/fstab leads to it");
        }
        for placement in &host.placements {
            let by = format!("/etc/fstab line {}: {}", placement.line, placement.device);
            let directory = placement.directory.to_string();
            match &placement.outcome {
                Outcome::Mounted(volume) if volume.is_empty() => row(&directory, "(whole image)", &by),
                Outcome::Mounted(volume) => row(&directory, volume, &by),
                Outcome::NotOnDisk(reason) => row(&directory, "-", &format!("{by}: {reason}")),
                Outcome::Missing(reason) => {
                    row(&directory, if placement.is_gap { "missing" } else { "-" }, &format!("{by}: {reason}"));
                }
            }
        }
        text
    }

    /// The root, and the lines of its table.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Host(host) => {
                let lines = host.placements.iter().map(placement_json);
                json!({ "root": host.root, "reason": null, "fstab": lines.collect::<Vec<_>>() })
            }
            Self::Unknown(why) => json!({ "root": null, "reason": why, "fstab": [] }),
            Self::Nothing => json!({ "root": null, "reason": "nothing can be browsed", "fstab": [] }),
        }
    }
}

fn placement_json(placement: &Placement) -> Value {
    let (outcome, volume, reason) = match &placement.outcome {
        Outcome::Mounted(volume) => ("mounted", Some(volume), None),
        Outcome::NotOnDisk(reason) => ("not-on-disk", None, Some(reason)),
        Outcome::Missing(reason) => ("missing", None, Some(reason)),
    };
    let (directory, directory_hex) = Exact::of(placement.directory.as_bytes()).into_owned();
    let mut object = json!({
        "line": placement.line,
        "device": placement.device,
        "directory": directory,
        "outcome": outcome,
        "volume": volume,
        "reason": reason,
        "is_gap": placement.is_gap,
    });
    if let Some(hex) = directory_hex {
        object["directory_hex"] = json!(hex);
    }
    object
}
