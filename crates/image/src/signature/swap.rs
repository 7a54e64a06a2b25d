//! Swap space: a magic at the end of the first page; from byte 1024 version, last page, bad pages, UUID, label.
//! A system that hibernated puts another magic there. Source: Linux 6.12, include/linux/swap.h, `union swap_header`,
//! kernel/power/swap.c.

use super::area::{Area, Found};
use super::{Signature, SignatureKind};

const PAGES: [u64; 5] = [4096, 8192, 16_384, 32_768, 65_536];
const MAGIC_BYTES: u64 = 10;

pub(super) fn probe(area: &Area<'_>) -> Found {
    for page in PAGES {
        let Some(end) = area.record("swap magic", page.saturating_sub(MAGIC_BYTES), 10)? else { break };
        let (state, suspended) = match end.as_bytes() {
            b"SWAPSPACE2" => ("", false),
            b"SWAP-SPACE" => ("old format", false),
            bytes
                if [&b"S1SUSPEND"[..], b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001"]
                    .iter()
                    .any(|m| bytes.starts_with(m)) =>
            {
                ("holds the memory of a hibernated system", true)
            }
            _ => continue,
        };
        let Some(header) = area.record("swap header", 1024, 44)? else { break };
        let mut signature =
            Signature::new(SignatureKind::Swap, 0).detail("page bytes", page.to_string()).detail("state", state);
        if (suspended || state.is_empty()) && header.u32(0)? == 1 {
            signature.bytes = u64::from(header.u32(4)?).checked_add(1).and_then(|pages| pages.checked_mul(page));
            signature.uuid = header.uuid(12)?;
            signature.label = header.text(28, 16)?;
        }
        return Ok(Some(signature));
    }
    Ok(None)
}
