//! Where bytes of a volume lie in the images, as fields and lines.

use crate::browse::node;
use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::output::Output;
use kanshiki_model::ByteRange;
use serde::Serialize;

/// Pieces that are shown to people; a program gets all.
const SHOWN: usize = 16;

/// The fields of a line that tell where bytes of a volume lie: the image of the first of them, the byte there, and how many
/// bytes from it on lie there in one piece.
#[derive(Serialize)]
pub(super) struct Lies {
    image: Option<String>,
    image_offset: Option<u64>,
    image_bytes: Option<u64>,
    /// The bytes of the volume.
    #[serde(skip)]
    range: ByteRange,
    #[serde(skip)]
    is_whole: bool,
    /// Whether the first of them lies in no image.
    #[serde(skip)]
    is_nowhere: bool,
}

#[derive(Serialize)]
struct PieceLine<'a> {
    volume: &'a str,
    volume_offset: u64,
    bytes: u64,
    image: Option<String>,
    image_offset: Option<u64>,
}

impl Lies {
    /// Of bytes of a volume of the view; an empty range lies nowhere.
    pub(super) fn of(evidence: &Evidence, volume: usize, range: ByteRange) -> Self {
        let first = evidence.image_pieces(volume, range).next();
        let place = first.and_then(|first| first.place);
        Self {
            image: place.and_then(|place| evidence.image_name(place.image)),
            image_offset: place.map(|place| place.offset),
            image_bytes: first.filter(|first| first.place.is_some()).map(|first| first.range.len()),
            range,
            is_whole: first.is_none_or(|first| first.range == range),
            is_nowhere: first.is_some_and(|first| first.place.is_none()),
        }
    }

    /// What follows the place in the volume, for people.
    pub(super) fn text(&self) -> String {
        match (&self.image, self.image_offset) {
            _ if !self.is_whole => ", in pieces".to_owned(),
            _ if self.is_nowhere => ", in no image".to_owned(),
            (Some(image), Some(offset)) if offset != self.range.start => format!(", byte {offset} of {image}"),
            _ => String::new(),
        }
    }

    /// Tells the pieces, if it is more than one.
    pub(super) fn tell_pieces(
        &self,
        evidence: &Evidence,
        volume: usize,
        indent: &str,
        output: &mut Output,
    ) -> Result<(), Failure> {
        if self.is_whole {
            return Ok(());
        }
        for (number, piece) in evidence.image_pieces(volume, self.range).enumerate() {
            let image = piece.place.and_then(|place| evidence.image_name(place.image));
            let image_offset = piece.place.map(|place| place.offset);
            if output.is_json() {
                let volume = node::volume_name(&evidence.view, volume);
                let (volume_offset, bytes) = (piece.range.start, piece.range.len());
                output.object("piece", &PieceLine { volume, volume_offset, bytes, image, image_offset })?;
                continue;
            }
            if number == SHOWN {
                return output.line(&format!("{indent}  and further pieces; --jsonl tells them all"));
            }
            let place = match (image, image_offset) {
                (Some(image), Some(offset)) => format!("byte {offset} of {image}"),
                _ => "in no image".to_owned(),
            };
            output.line(&format!("{indent}  bytes {} of the volume: {place}", piece.range))?;
        }
        Ok(())
    }
}
