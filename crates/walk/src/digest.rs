//! Digests of whole contents.

use kanshiki_image::{ReadAt, RunState, first_unreadable};
use kanshiki_model::{Algorithm, ByteRange, Digest, Hasher, Issue, Progress, visible};

/// Bytes of holes in one file that are hashed; hashing the holes of a file of many TiB takes days. `extract` hashes as
/// many in all.
pub const HASHED_HOLES: u64 = 64 << 30;

/// The digests of a content in the order of the algorithms, read through `buffer`.
///
/// `path` is what issues are of, and `progress` is told of what was read; once it asks to stop, the digests are of no worth.
///
/// # Errors
///
/// What cannot be read, with its place in the content.
pub fn digests(
    source: &dyn ReadAt,
    path: &[u8],
    algorithms: &[Algorithm],
    buffer: &mut [u8],
    progress: &dyn Progress,
) -> Result<Vec<Digest>, Issue> {
    if let Some(holes) = too_many_holes(source) {
        let text =
            format!("has {holes} bytes of holes, more than the {HASHED_HOLES} that are hashed; no digest is given");
        return Err(Issue::new(visible(path), text));
    }
    let mut hashers: Vec<Hasher> = algorithms.iter().map(|algorithm| Hasher::new(*algorithm)).collect();
    let (mut at, length) = (0_u64, source.len());
    while at < length && !progress.stop_requested() {
        let read = match source.read_at(at, buffer) {
            Ok(read) => read,
            Err(error) => {
                let rest = ByteRange::new(at, length);
                let (range, error) = first_unreadable(source, rest).unwrap_or((rest, error));
                return Err(Issue::at(visible(path), range, format!("cannot be read, no digest is given: {error}")));
            }
        };
        if read == 0 {
            return Err(Issue::new(visible(path), format!("ends after {at} of {length} bytes, no digest is given")));
        }
        for hasher in &mut hashers {
            hasher.update(buffer.get(..read).unwrap_or_default());
        }
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        at = at.saturating_add(read);
        progress.advance(read);
    }
    Ok(hashers.into_iter().map(Hasher::finish).collect())
}

/// The bytes of a content's holes, if they are more than are hashed.
fn too_many_holes(source: &dyn ReadAt) -> Option<u64> {
    if source.len() <= HASHED_HOLES {
        return None;
    }
    let holes = source.runs().filter(|(_, state)| *state == RunState::Hole).map(|(range, _)| range.len());
    Some(holes.fold(0_u64, u64::saturating_add)).filter(|holes| *holes > HASHED_HOLES)
}
