//! What lies at a byte of an image: a block of a filesystem, or something that is in none.

use super::{block, block_bytes};
use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::output::Output;
use kanshiki_image::volumes::{Holder, Holders, ImagePlace, Refusal, VolumeKind, VolumeSet};
use kanshiki_model::{Issue, Note, parse_size};
use serde::Serialize;

/// A byte of an image as the user names it: of the first image, or of the one of this letter.
#[derive(Debug, Clone)]
pub(crate) struct ImageByte {
    image: Option<String>,
    offset: u64,
}

impl ImageByte {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (image, offset) = text.split_once(':').map_or((None, text), |(image, offset)| (Some(image), offset));
        let offset = parse_size(offset).map_err(|error| error.to_string())?;
        Ok(Self { image: image.map(str::to_owned), offset })
    }

    /// The place that it means; `None` if there is no such image.
    pub(super) fn place(&self, set: &VolumeSet) -> Option<ImagePlace> {
        let image = self.image.as_deref().map_or(Some(0), |name| set.image_named(name))?;
        Some(ImagePlace { image, offset: self.offset })
    }
}

#[derive(Serialize)]
struct PlaceLine<'a> {
    image: String,
    image_offset: u64,
    volumes: Vec<Step<'a>>,
    what: String,
}

/// A volume in which the byte lies.
#[derive(Serialize)]
struct Step<'a> {
    volume: &'a str,
    volume_offset: u64,
}

/// Shows what lies at a byte of an image.
pub(super) fn show(evidence: &Evidence, byte: &ImageByte, output: &mut Output) -> Result<(), Failure> {
    let set = &evidence.set;
    let place = byte.place(set).ok_or_else(|| {
        let name = byte.image.as_deref().unwrap_or_default();
        Failure::new(format!("there is no image `{name}`")).hint("images are named a, b, c in the order given")
    })?;
    let Some(on_image) = set.what_lies_in_image(place.image, place.offset) else {
        let name = evidence.image_name(place.image).unwrap_or_default();
        let bytes = set.layouts().get(place.image).map_or(0, |layout| layout.disk_bytes);
        let failure = Failure::new(format!("there is no byte {} in {name}", place.offset));
        return Err(failure.because(format!("it has {bytes} bytes, counted from 0")));
    };
    let holders = set.holders(place.image, place.offset);
    if holders.is_cut {
        let message = format!("byte {} lies in more volumes than are told", place.offset);
        output.issue(&Issue::new("volumes", message))?;
    }
    let (mut is_told, mut others) = (false, Vec::new());
    for holder in holders.innermost() {
        match open_volume(evidence, holder) {
            Some(volume) => {
                is_told = true;
                not_read(evidence, holder, output)?;
                block(evidence, volume, holder.offset, output)?;
            }
            None => others.push(holder),
        }
    }
    if !is_told && others.is_empty() {
        return tell(evidence, place, Vec::new(), on_image, output);
    }
    // What lies on a whole disk beside its partitions is of an earlier use.
    let is_disk = |holder: &Holder| set.volumes().get(holder.volume).is_some_and(|it| it.kind == VolumeKind::Image);
    for holder in others.into_iter().filter(|holder| !is_told || !is_disk(holder)) {
        let chain = steps(set, &holders, holder);
        tell(evidence, place, chain, what(evidence, holder), output)?;
    }
    Ok(())
}

/// The index in the view of a holder whose filesystem reaches so far.
fn open_volume(evidence: &Evidence, holder: &Holder) -> Option<usize> {
    let volume = in_view(evidence, holder)?;
    let blocks = evidence.view.volumes().get(volume)?.filesystem.summary().blocks;
    (holder.offset / block_bytes(evidence, volume) < blocks).then_some(volume)
}

fn in_view(evidence: &Evidence, holder: &Holder) -> Option<usize> {
    let name = &evidence.set.volumes().get(holder.volume)?.name;
    evidence.view.volumes().iter().position(|volume| volume.name == *name)
}

/// Notes that a mirror is read from elsewhere: the copy that was asked about may differ.
fn not_read(evidence: &Evidence, holder: &Holder, output: &mut Output) -> Result<(), Failure> {
    let Some(volume) = evidence.set.volumes().get(holder.volume).filter(|_| !holder.is_read) else { return Ok(()) };
    let message = "the byte lies on a copy of a mirror that is not read; what is told comes from the copy that is";
    output.note(&Note { subject: format!("volume {}", volume.name), message: message.to_owned() })
}

/// The volumes in which a byte lies, from the outermost on.
fn steps<'a>(set: &'a VolumeSet, holders: &Holders, holder: &Holder) -> Vec<Step<'a>> {
    let chain = holders.chain(holder);
    let steps = chain.iter().filter_map(|step| {
        let volume = set.volumes().get(step.volume)?;
        Some(Step { volume: &volume.name, volume_offset: step.offset })
    });
    steps.collect()
}

/// What lies at a byte of a volume that no other lies on.
fn what(evidence: &Evidence, holder: &Holder) -> String {
    let volume = evidence.set.volumes().get(holder.volume);
    let what = evidence.set.what_lies_at(holder);
    match volume {
        Some(_) if in_view(evidence, holder).is_some() => format!("behind the end of the filesystem ({what})"),
        Some(volume) if volume.refusal.is_none() => format!("a filesystem that is not looked at ({what})"),
        Some(volume) => match &volume.refusal {
            Some(refusal @ Refusal::Holds { .. }) => format!("{refusal}: {what}"),
            _ => what,
        },
        None => what,
    }
}

fn tell(
    evidence: &Evidence,
    place: ImagePlace,
    volumes: Vec<Step<'_>>,
    what: String,
    output: &mut Output,
) -> Result<(), Failure> {
    let image = evidence.image_name(place.image).unwrap_or_default();
    if output.is_json() {
        return output.object("place", &PlaceLine { image, image_offset: place.offset, volumes, what });
    }
    let mut line = format!("byte {} of {image}", place.offset);
    for step in volumes.iter().filter(|step| !step.volume.is_empty()) {
        line.push_str(&format!(", byte {} of {}", step.volume_offset, step.volume));
    }
    output.line(&format!("{line}: {what}"))
}
