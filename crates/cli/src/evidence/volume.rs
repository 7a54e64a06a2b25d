//! The volumes in images, and the tree that they make.

use super::RecordedImage;
use crate::exit::Exit;
use crate::failure::Failure;
use kanshiki_filesystem::hostview::{self, ViewError};
use kanshiki_filesystem::{JournalUse, OpenOptions, OpenResult, View};
use kanshiki_image::Source;
use kanshiki_image::volumes::{Address, Image, ImagePlace, VolumeSet};
use kanshiki_model::visible_path;

/// Finds the volumes of the images.
pub(super) fn find(images: &[RecordedImage]) -> VolumeSet {
    let images = images.iter().map(|image| Image { source: image.source(), sector_bytes: image.sector_bytes() });
    VolumeSet::probe(images.collect())
}

/// Opens the chosen volume, or, if none is chosen, all of them as the host had them, with this root.
pub(super) fn open(
    set: &VolumeSet,
    address: &Address,
    root: Option<&str>,
    journal: JournalUse,
) -> Result<View, Failure> {
    let open = |source: &Source| kanshiki_filesystem::open(source.clone(), &OpenOptions { journal });
    let view = match &address.volume {
        Some(_) if root.is_some() => return Err(volume_and_root(address)),
        Some(name) => hostview::volume_view(set, name, &open),
        None => hostview::host_view(set, root, &open).map(|host| host.view),
    };
    view.map_err(|error| cannot_browse(address, &only_volume(set, address, &open).unwrap_or(error)))
}

/// A view of the innermost volume that holds a byte of an image and has a filesystem that opens; of none without one.
pub(super) fn open_holder(set: &VolumeSet, place: Option<ImagePlace>, journal: JournalUse) -> View {
    let open = |source: &Source| kanshiki_filesystem::open(source.clone(), &OpenOptions { journal });
    let holders = place.map(|place| set.holders(place.image, place.offset)).unwrap_or_default();
    let names = holders.innermost().filter_map(|holder| set.volumes().get(holder.volume));
    let mut views = names.filter_map(|volume| hostview::volume_view(set, &volume.name, &open).ok());
    views.next().unwrap_or_else(|| View::new(Vec::new(), 0))
}

/// A single volume has no other root.
pub(crate) fn volume_and_root(address: &Address) -> Failure {
    let failure = Failure::new(format!("`{address}` is one volume, and --root is for all of them"));
    failure.exit(Exit::CommandLine).hint("leave out the volume behind the colon, or --root")
}

/// Why the only volume that there is cannot be browsed: that says more than that there is no host to be seen.
fn only_volume(set: &VolumeSet, address: &Address, open: &dyn Fn(&Source) -> OpenResult) -> Option<ViewError> {
    let [only] = set.volumes() else { return None };
    let asked = address.volume.is_none();
    hostview::volume_view(set, &only.name, open).err().filter(|_| asked)
}

fn cannot_browse(address: &Address, error: &ViewError) -> Failure {
    let failure = Failure::from_error(format!("cannot browse `{address}`"), error);
    let image = visible_path(address.image.as_ref());
    match error {
        ViewError::NoRoot { volumes, .. } => {
            let named = volumes.iter().find(|(name, _)| !name.is_empty());
            failure.maybe_hint(named.map(|(name, _)| {
                format!("choose a volume behind a colon, as in {image}:{name}, or the host's root with --root {name}")
            }))
        }
        ViewError::ManyRoots { roots } => {
            let name = roots.first().map(String::as_str).unwrap_or_default();
            failure.hint(format!("choose one with --root {name}, or look at it alone as {image}:{name}"))
        }
        ViewError::NoVolume { .. } => failure.hint("`kanshiki info` tells more of them"),
        _ => failure,
    }
}
