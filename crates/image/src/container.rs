//! The image formats, in the order in which they are tried.

use crate::bytes::{array, bounded, u32_le};
use crate::zstd::SeekableImage;
use crate::{Concat, OpenError, ReadAt, ReadError, Source, read_exact_at};
use std::fmt;
use std::sync::Arc;

/// What a probe sees of an image from each end, in bytes.
const PROBE_BYTES: usize = 64 * 1024;

/// The beginning and the end of an image.
#[derive(Clone, PartialEq, Eq)]
pub struct Probe {
    /// The first 64 KiB, or all there is.
    pub head: Vec<u8>,
    /// The last 64 KiB, or all there is.
    pub tail: Vec<u8>,
}

impl Probe {
    /// Reads both ends.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if they cannot be read.
    pub fn of(source: &dyn ReadAt) -> Result<Self, ReadError> {
        let mut head = vec![0; bounded(source.len(), PROBE_BYTES)];
        let mut tail = head.clone();
        read_exact_at(source, 0, &mut head)?;
        let tail_at = source.len().saturating_sub(crate::bytes::length(tail.len()));
        read_exact_at(source, tail_at, &mut tail)?;
        Ok(Self { head, tail })
    }

    /// Whether the image begins with `bytes` at byte `at`.
    fn has(&self, at: usize, bytes: &[u8]) -> bool {
        self.head.get(at..).is_some_and(|rest| rest.starts_with(bytes))
    }

    /// The last `N` bytes.
    fn last<const N: usize>(&self) -> Option<[u8; N]> {
        array(&self.tail, self.tail.len().checked_sub(N)?)
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("head", &self.head.len()).field("tail", &self.tail.len()).finish()
    }
}

/// How sure a probe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It is not this format.
    No,
    /// It may be.
    Weak,
    /// It is.
    Certain,
}

/// One image format.
pub trait Container: Sync + fmt::Debug {
    /// The name in lower case.
    fn name(&self) -> &'static str;

    /// Looks at both ends of the image.
    fn probe(&self, probe: &Probe) -> Confidence;

    /// Opens an image that lies in these files.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    fn open(&self, parts: Vec<Source>) -> Result<Source, OpenError>;
}

/// All image formats, those that cannot be read included, so that they are called by name. The last one takes all.
pub static CONTAINERS: &[&dyn Container] = &[
    &Zstd,
    &Known { name: "EWF (E01)", advice: EWF_ADVICE, test: |probe| probe.has(0, b"EVF\x09\x0d\x0a\xff\0") },
    &Known { name: "EWF logical (L01)", advice: EWF_ADVICE, test: |probe| probe.has(0, b"LVF\x09\x0d\x0a\xff\0") },
    &Known { name: "EWF 2 (Ex01)", advice: EWF_ADVICE, test: |probe| probe.has(0, b"EVF2\x0d\x0a\x81\0") },
    &Known { name: "EWF 2 logical (Lx01)", advice: EWF_ADVICE, test: |probe| probe.has(0, b"LEF2\x0d\x0a\x81\0") },
    &Known { name: "QCOW", advice: QEMU_ADVICE, test: |probe| is_qcow(probe) },
    &Known { name: "VMDK", advice: QEMU_ADVICE, test: |probe| is_vmdk(probe) },
    &Known { name: "VHDX", advice: QEMU_ADVICE, test: |probe| probe.has(0, b"vhdxfile") },
    &Known { name: "VHD", advice: QEMU_ADVICE, test: |probe| is_vhd(probe) },
    &Known { name: "VDI", advice: QEMU_ADVICE, test: |probe| probe.has(64, &[0x7f, 0x10, 0xda, 0xbe]) },
    &Known { name: "AFF", advice: "convert it with `affconvert -r`", test: |probe| probe.has(0, b"AFF10\r\n\0") },
    &Known { name: "AFF4", advice: "export it with an AFF4 tool to a raw image", test: |probe| is_aff4(probe) },
    &Raw,
];

const EWF_ADVICE: &str = "export it with `ewfexport -f raw`";
const QEMU_ADVICE: &str = "convert it with `qemu-img convert -O raw`";

/// The format that fits best; the first of those that fit equally well.
#[must_use]
pub fn best_container(probe: &Probe) -> &'static dyn Container {
    let mut best: (&'static dyn Container, Confidence) = (&Raw, Confidence::No);
    for container in CONTAINERS {
        let confidence = container.probe(probe);
        if confidence > best.1 {
            best = (*container, confidence);
        }
    }
    best.0
}

/// Bytes as they are.
#[derive(Debug)]
pub struct Raw;

impl Container for Raw {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn probe(&self, _probe: &Probe) -> Confidence {
        Confidence::Weak
    }

    fn open(&self, parts: Vec<Source>) -> Result<Source, OpenError> {
        Ok(joined(parts))
    }
}

/// Frames of Zstandard.
#[derive(Debug)]
pub struct Zstd;

impl Container for Zstd {
    fn name(&self) -> &'static str {
        "zstd"
    }

    fn probe(&self, probe: &Probe) -> Confidence {
        let magic = u32_le(&probe.head, 0).unwrap_or(0);
        let seekable = probe.last::<4>() == Some(0x8F92_EAB1_u32.to_le_bytes());
        match (magic, seekable) {
            (0xFD2F_B528, _) => Confidence::Certain,
            (0x184D_2A50..=0x184D_2A5F, true) => Confidence::Certain,
            _ => Confidence::No,
        }
    }

    fn open(&self, parts: Vec<Source>) -> Result<Source, OpenError> {
        Ok(Arc::new(SeekableImage::open(joined(parts))?))
    }
}

fn joined(mut parts: Vec<Source>) -> Source {
    match (parts.len(), parts.pop()) {
        (1, Some(part)) => part,
        (_, last) => {
            parts.extend(last);
            Arc::new(Concat::new(parts))
        }
    }
}

/// A format that is known by name only.
#[derive(Debug)]
struct Known {
    name: &'static str,
    advice: &'static str,
    test: fn(&Probe) -> bool,
}

impl Container for Known {
    fn name(&self) -> &'static str {
        self.name
    }

    fn probe(&self, probe: &Probe) -> Confidence {
        if (self.test)(probe) { Confidence::Certain } else { Confidence::No }
    }

    fn open(&self, _parts: Vec<Source>) -> Result<Source, OpenError> {
        Err(OpenError::Unsupported { format: self.name, detail: self.advice.to_owned() })
    }
}

fn is_qcow(probe: &Probe) -> bool {
    (1..=3).any(|version| probe.has(0, &[b'Q', b'F', b'I', 0xfb, 0, 0, 0, version]))
}

/// The sparse extent of hosted products, that of ESX servers, and the descriptor file.
fn is_vmdk(probe: &Probe) -> bool {
    probe.has(0, b"KDMV") || probe.has(0, b"COWD") || probe.has(0, b"# Disk DescriptorFile")
}

/// A footer of 512 bytes with the version 1.0; dynamic disks have a copy of it at the beginning.
fn is_vhd(probe: &Probe) -> bool {
    let has_footer = |bytes: &[u8]| bytes.starts_with(b"conectix") && array(bytes, 12) == Some([0, 1, 0, 0]);
    has_footer(&probe.head) || probe.last::<512>().is_some_and(|footer| has_footer(&footer))
}

/// A ZIP file whose comment, at its end, is the volume's name.
fn is_aff4(probe: &Probe) -> bool {
    probe.has(0, b"PK\x03\x04") && probe.tail.windows(7).any(|bytes| bytes == b"aff4://")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;
    use proptest::prelude::*;

    fn name_of(bytes: &[u8]) -> &'static str {
        best_container(&Probe::of(&Memory(bytes.to_vec())).unwrap()).name()
    }

    #[test]
    fn formats_are_told_by_their_magic() {
        let mut vhd = vec![0; 1024];
        vhd.extend(b"conectix\0\0\0\x02\0\x01\0\0");
        vhd.resize(1024 + 512, 0);
        let aff4 = b"PK\x03\x04 ... aff4://b282d5f4-333a-4f6a-b96f-0e5138bb18c8";
        let cases: [(&[u8], &str); 10] = [
            (b"", "raw"),
            (b"EVF\x09\x0d\x0a\xff\0 ", "EWF (E01)"),
            (b"EVF2\x0d\x0a\x81\0 ", "EWF 2 (Ex01)"),
            (b"QFI\xfb\0\0\0\x03 ", "QCOW"),
            (b"KDMV ", "VMDK"),
            (b"# Disk DescriptorFile\n", "VMDK"),
            (b"vhdxfile", "VHDX"),
            (&vhd, "VHD"),
            (aff4, "AFF4"),
            (b"\x28\xb5\x2f\xfd ", "zstd"),
        ];
        for (bytes, name) in cases {
            assert_eq!(name_of(bytes), name);
        }
    }

    #[test]
    fn the_order_of_the_table_ends_with_raw() {
        let names: Vec<_> = CONTAINERS.iter().map(|container| container.name()).collect();
        assert_eq!(names.first(), Some(&"zstd"));
        assert_eq!(names.last(), Some(&"raw"));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), at in 0..CONTAINERS.len()) {
            let probe = Probe::of(&Memory(bytes.clone())).unwrap();
            CONTAINERS[at].probe(&probe);
            let _ = best_container(&probe).open(vec![Arc::new(Memory(bytes))]);
        }
    }
}
