//! LVM2: a label in one of the first four sectors, `LABELONE`, its sector at 8, offset of the volume's header at 20,
//! `LVM2 001` at 24. The header: identifier of 32 characters, size, then pairs of offset and size: data areas up to a
//! zero pair, metadata areas up to another. A metadata area's header has its magic at 4, and at 40 the place of the
//! text, which begins with the group's name. Source: lvm2, lib/format_text/layout.h and lib/label/label.h.

use super::area::{Area, Found, Record};
use super::{Problem, Signature, SignatureKind};

/// More areas than any tool makes.
const MAX_AREAS: usize = 16;

pub(super) fn probe(area: &Area<'_>) -> Found {
    for sector in 0..4_u64 {
        let Some(label) = area.record("LVM2 label", sector.saturating_mul(512), 512)? else { break };
        if !label.has(0, b"LABELONE") || !label.has(24, b"LVM2 001") || label.u64(8)? != sector {
            continue;
        }
        let start = usize::try_from(label.u32(20)?).unwrap_or(usize::MAX);
        let identifier = label.slice(start, 32)?;
        let mut signature = Signature::new(SignatureKind::LvmPv, label.at());
        signature.uuid = dashed(identifier);
        signature.bytes = Some(label.u64(start.saturating_add(32))?);
        let group = group_name(area, &label, start.saturating_add(40)).unwrap_or_else(|problem| {
            area.note(problem);
            None
        });
        return Ok(Some(signature.detail("volume group", group.unwrap_or_default())));
    }
    Ok(None)
}

/// Groups of 6, 4, 4, 4, 4, 4 and 6 characters.
fn dashed(identifier: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(identifier).ok().filter(|text| text.bytes().all(|c| c.is_ascii_alphanumeric()))?;
    let groups = [(0, 6), (6, 10), (10, 14), (14, 18), (18, 22), (22, 26), (26, 32)];
    Some(groups.into_iter().filter_map(|(from, to)| text.get(from..to)).collect::<Vec<_>>().join("-"))
}

fn group_name(area: &Area<'_>, label: &Record, areas: usize) -> Result<Option<String>, Problem> {
    let mut lists_ended = 0_u32;
    for pair in 0..MAX_AREAS {
        let at = areas.saturating_add(pair.saturating_mul(16));
        let (offset, size) = (label.u64(at)?, label.u64(at.saturating_add(8))?);
        if offset == 0 && size == 0 {
            lists_ended = lists_ended.saturating_add(1);
            if lists_ended == 2 {
                break;
            }
        } else if lists_ended == 1 {
            return in_metadata_area(area, offset);
        }
    }
    Ok(None)
}

fn in_metadata_area(area: &Area<'_>, at: u64) -> Result<Option<String>, Problem> {
    let Some(header) = area.record("LVM2 metadata header", at, 512)? else { return Ok(None) };
    if !header.has(4, b" LVM2 x[5A%r0N*>") {
        return Err(header.damaged("its magic is missing"));
    }
    let (offset, size) = (header.u64(40)?, header.u64(48)?);
    if size == 0 {
        return Ok(None);
    }
    let text = area.record_up_to("LVM2 metadata", at.saturating_add(offset), 128)?;
    let name = text.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"+_.-".contains(byte);
    let name = std::str::from_utf8(name).ok().filter(|name| name.bytes().all(|byte| is_name(&byte)));
    name.map(|name| Some(name.to_owned())).ok_or_else(|| text.damaged("it does not begin with the group's name"))
}
