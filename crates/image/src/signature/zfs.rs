//! ZFS: the first label holds at byte 16384 a list of names and values in XDR, and from byte 131072 a ring of
//! uberblocks of 1 KiB or more, each with the magic 0x00BAB10C in the byte order of its machine.
//! Source: OpenZFS, include/sys/vdev_impl.h, include/sys/uberblock_impl.h, module/nvpair/nvpair.c.

use super::area::{Area, Found, Record};
use super::{Problem, Signature, SignatureKind};

const PAIRS_AT: u64 = 16_384;
const PAIRS_BYTES: usize = 112 * 1024;
const RING_AT: u64 = 131_072;
const RING_BYTES: usize = 131_072;
const MAGIC: u64 = 0x00ba_b10c;
const TYPE_NUMBER: u32 = 8;
const TYPE_TEXT: u32 = 9;

pub(super) fn probe(area: &Area<'_>) -> Found {
    let Some(head) = area.record("ZFS label", PAIRS_AT, 12)? else { return Ok(None) };
    // XDR, either byte order, version 0, names unique.
    let [encoding, _, reserved @ .., a, b, c, d, e, f, g, h]: [u8; 12] = head.array(0)?;
    if encoding != 1 || reserved != [0; 2] || [a, b, c, d, e, f, g, h] != [0, 0, 0, 0, 0, 0, 0, 1] {
        return Ok(None);
    }
    let Some(ring) = area.record("ZFS uberblocks", RING_AT, RING_BYTES)? else { return Ok(None) };
    let is_magic = |bytes: &[u8]| bytes.starts_with(&MAGIC.to_le_bytes()) || bytes.starts_with(&MAGIC.to_be_bytes());
    if !ring.as_bytes().chunks(1024).any(is_magic) {
        return Ok(None);
    }
    let mut signature = Signature::new(SignatureKind::Zfs, PAIRS_AT);
    let pairs = area.record_up_to("ZFS label", PAIRS_AT, PAIRS_BYTES)?;
    if let Err(problem) = read_pairs(&pairs, &mut signature) {
        area.note(problem);
    }
    Ok(Some(signature))
}

/// Each pair: its length here, its length in memory, length of the name, the name padded to four bytes, type, number of
/// values, the value. A length of zero ends the list.
fn read_pairs(pairs: &Record, signature: &mut Signature) -> Result<(), Problem> {
    let mut at = 12_usize;
    loop {
        let length = usize::try_from(pairs.u32_be(at)?).unwrap_or(usize::MAX);
        if length == 0 {
            return Ok(());
        }
        let name_bytes = usize::try_from(pairs.u32_be(at.saturating_add(8))?).unwrap_or(usize::MAX);
        let name = pairs.slice(at.saturating_add(12), name_bytes)?;
        let value = at.saturating_add(12).saturating_add(name_bytes.div_ceil(4).saturating_mul(4));
        match (name, pairs.u32_be(value)?) {
            (b"name", TYPE_TEXT) => {
                let bytes = usize::try_from(pairs.u32_be(value.saturating_add(8))?).unwrap_or(usize::MAX);
                signature.label = pairs.text(value.saturating_add(12), bytes)?;
            }
            (b"pool_guid", TYPE_NUMBER) => {
                signature.uuid = Some(pairs.u64_be(value.saturating_add(8))?.to_string());
            }
            _ => {}
        }
        if length < 20 {
            return Err(pairs.damaged(format!("pair of {length} bytes")));
        }
        at = at.saturating_add(length);
    }
}
