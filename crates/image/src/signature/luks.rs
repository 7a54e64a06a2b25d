//! LUKS: a header in clear text before the encrypted bytes, big-endian; version 2 keeps a second one.
//!
//! | field | version 1 | version 2 |
//! | --- | --- | --- |
//! | magic `LUKS` BA BE, version | 0, 6 | 0, 6 (second header: `SKUL` BA BE) |
//! | cipher, mode, hash | 8, 40, 72 | in JSON after the header |
//! | label, subsystem | – | 24, 208 |
//! | UUID | 168 | 168 |
//! | own place | – | 256 |
//!
//! Source: LUKS1 On-Disk Format 1.2.3; LUKS2 On-Disk Format 1.1.0.

use super::area::{Area, Found, Record};
use super::{Problem, Signature, SignatureKind};

/// Where a second header may lie (LUKS2 On-Disk Format, table 1).
const SECOND: [u64; 9] = [0x4000, 0x8000, 0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000, 0x20_0000, 0x40_0000];

pub(super) fn probe(area: &Area<'_>) -> Found {
    let first = area.record("LUKS header", 0, 512);
    if let Ok(Some(header)) = &first
        && header.has(0, b"LUKS\xba\xbe")
    {
        return match header.u16_be(6)? {
            1 => version_1(header).map(Some),
            2 => version_2(header).map(Some),
            version => Err(header.damaged(format!("version {version}: expected 1 or 2"))),
        };
    }
    for at in SECOND {
        let Some(header) = area.record("second LUKS2 header", at, 512)? else { break };
        if header.has(0, b"SKUL\xba\xbe") && header.u64_be(256)? == at {
            area.note(header.damaged("the first LUKS2 header is gone, this second one is there"));
            return version_2(&header).map(Some);
        }
    }
    first.map(|_| None)
}

fn version_1(header: &Record) -> Result<Signature, Problem> {
    let cipher = [header.text(8, 32)?, header.text(40, 32)?].into_iter().flatten().collect::<Vec<_>>().join("-");
    let payload = u64::from(header.u32_be(104)?).saturating_mul(512);
    let mut signature = Signature::new(SignatureKind::Luks1, header.at())
        .detail("cipher", cipher)
        .detail("hash", header.text(72, 32)?.unwrap_or_default())
        .detail("key bits", header.u32_be(108)?.saturating_mul(8).to_string())
        .detail("encrypted bytes begin at", payload.to_string());
    signature.uuid = header.text(168, 40)?;
    Ok(signature)
}

fn version_2(header: &Record) -> Result<Signature, Problem> {
    let mut signature = Signature::new(SignatureKind::Luks2, header.at())
        .detail("subsystem", header.text(208, 48)?.unwrap_or_default())
        .detail("sequence", header.u64_be(16)?.to_string());
    signature.label = header.text(24, 48)?;
    signature.uuid = header.text(168, 40)?;
    Ok(signature)
}
