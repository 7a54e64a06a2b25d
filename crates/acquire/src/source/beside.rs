//! The record that lies beside an image of an exhibit: what that acquisition could not read is zeroes in the image, and
//! must not become zeroes that were read when the image is copied again.

use kanshiki_custody::manifest::{self, Format, Manifest};
use kanshiki_custody::read_small;
use kanshiki_model::{ByteRange, ByteRanges, Size, visible_text};
use std::io;
use std::path::Path;

/// What the record beside an image tells.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// The bytes of the source that are no evidence.
    pub(super) unreadable: ByteRanges,
    /// What speaks against the copy, in plain words.
    pub(super) notes: Vec<String>,
    /// What must be known, in plain words.
    pub(super) remarks: Vec<String>,
}

/// Looks for the manifest of the exhibit of which the file is the image, or its first part; `bytes` is the length of the
/// source.
pub(super) fn look(path: &Path, bytes: u64) -> Beside {
    let Ok(path) = path.canonicalize() else { return Beside::default() };
    let name = path.file_name().and_then(|name| name.to_str()).filter(|name| name.starts_with("image.raw"));
    let (Some(name), Some(folder)) = (name, path.parent()) else { return Beside::default() };
    let read = match read_small(&folder.join(manifest::FILE_NAME), manifest::LIMIT as u64) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Beside::default(),
        read => read.map_err(|error| error.to_string()),
    };
    match read.and_then(|read| Manifest::parse(&read).map_err(|error| error.to_string())) {
        Ok(manifest) if manifest.outputs.iter().any(|output| output.name == name) => of_manifest(&manifest, bytes),
        Ok(_) => Beside::default(),
        Err(reason) => Beside {
            notes: vec![format!(
                "the manifest beside it cannot be read ({reason}): it is not known which zeroes of the image stand for \
                 unreadable bytes"
            )],
            ..Beside::default()
        },
    }
}

fn of_manifest(manifest: &Manifest, bytes: u64) -> Beside {
    let exhibit = visible_text(&manifest.exhibit);
    let (lost, mut beside) = (manifest.image.unreadable.total_bytes(), Beside::default());
    if manifest.image.format == Format::Zstd {
        beside.remarks.push(format!(
            "it is the compressed image of exhibit {exhibit}: the file is copied as it is, and is still compressed"
        ));
        if lost > 0 {
            beside.notes.push(format!(
                "{lost} bytes of what it holds could not be read when exhibit {exhibit} was made; only the manifest beside \
                 it says which, and it is not copied with it"
            ));
        }
        return beside;
    }
    if manifest.image.bytes != bytes {
        beside.notes.push(format!(
            "the manifest beside it, of exhibit {exhibit}, tells of an image of {} bytes, and it has {bytes}",
            manifest.image.bytes
        ));
    }
    let unreadable = &manifest.image.unreadable;
    unreadable.within(ByteRange::new(0, bytes)).for_each(|range| beside.unreadable.insert(range));
    if lost > 0 {
        beside.remarks.push(format!(
            "{} could not be read when exhibit {exhibit} was made, says the manifest beside it: they are taken for \
             unreadable here too",
            Size(lost)
        ));
    }
    beside
}
