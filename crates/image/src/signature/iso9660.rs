//! ISO 9660: the primary volume descriptor is at byte 32768: type 1, `CD001`, volume identifier at 40, blocks at 80,
//! block size at 128, times of creation and change at 813 and 830. Source: ECMA-119, section 8.4.

use super::area::{Area, Found, Record};
use super::{Problem, Signature, SignatureKind};

const AT: u64 = 32_768;

pub(super) fn probe(area: &Area<'_>) -> Found {
    let Some(block) = area.record("ISO 9660 volume descriptor", AT, 2048)? else { return Ok(None) };
    if !block.has(0, b"\x01CD001") {
        return Ok(None);
    }
    let mut signature = Signature::new(SignatureKind::Iso9660, AT)
        .detail("system", block.text(8, 32)?.unwrap_or_default())
        .detail("publisher", block.text(318, 128)?.unwrap_or_default())
        .detail("application", block.text(574, 128)?.unwrap_or_default());
    signature.bytes = Some(u64::from(block.u32(80)?).saturating_mul(u64::from(block.u16(128)?)));
    signature.label = block.text(40, 32)?;
    signature.uuid = time(&block, 830)?.map_or_else(|| time(&block, 813), |time| Ok(Some(time)))?;
    Ok(Some(signature))
}

/// Sixteen digits from year to hundredths of a second; `None` if they are not set.
fn time(block: &Record, at: usize) -> Result<Option<String>, Problem> {
    let digits = block.slice(at, 16)?;
    let is_set = digits.iter().all(u8::is_ascii_digit) && digits.iter().any(|digit| *digit != b'0');
    let text = std::str::from_utf8(digits).ok().filter(|_| is_set);
    let groups = [(0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14), (14, 16)];
    Ok(text.map(|text| groups.into_iter().filter_map(|(from, to)| text.get(from..to)).collect::<Vec<_>>().join("-")))
}
