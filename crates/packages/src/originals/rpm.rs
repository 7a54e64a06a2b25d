//! A `.rpm`: a lead of 96 bytes, a header of signatures padded to 8 bytes, and the header of the package. The payload behind
//! them is not needed: digests, modes and owners stand in the header (the RPM File Format, "Package File Format").

use super::{Gathered, Original, OriginalFile};
use crate::rpm::header::Header;
use crate::rpm::{files, package};
use kanshiki_image::bytes::u32_be;
use kanshiki_image::{ReadAt, Source, read_exact_at};
use std::ops::ControlFlow;

/// The longest header that is read, in bytes; rpm takes 256 MiB at most.
const HEADER_BYTES: u64 = 64 << 20;

/// What a header in a file begins with: a magic number and a version.
const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];

/// Reads a package.
pub(super) fn read(source: &Source) -> Result<Original, String> {
    read_from(&**source)
}

fn read_from(source: &dyn ReadAt) -> Result<Original, String> {
    let mut lead = [0; 96];
    read_exact_at(source, 0, &mut lead).map_err(|error| format!("its lead cannot be read: {error}"))?;
    if !lead.starts_with(&[0xed, 0xab, 0xee, 0xdb]) {
        let found = kanshiki_model::hex(lead.get(..4).unwrap_or_default());
        return Err(format!("a lead was expected, which begins with edabeedb, found {found}"));
    }
    let signatures = header(source, 96)?;
    let end = u64::try_from(signatures.len()).unwrap_or(u64::MAX).saturating_add(96 + 8);
    let bytes = header(source, end.next_multiple_of(8))?;
    let header = Header::parse(&bytes).map_err(|damage| format!("its header: {}", damage.text))?;
    let mut package = package(&header);
    if package.name.is_empty() {
        return Err("its header has no name".to_owned());
    }
    (package.installed, package.from_original) = (None, true);
    let (mut gathered, mut result) = (Gathered::default(), Ok(()));
    files::each(&header, &mut |new| {
        let expected = &new.expected;
        let file = OriginalFile {
            node_type: expected.node_type.unwrap_or(kanshiki_filesystem::NodeType::Unknown),
            mode: expected.mode.unwrap_or(0),
            size: expected.size,
            modified: expected.modified,
            digest: expected.digest_bytes.to_vec(),
            database_digest: expected.digest_bytes.to_vec(),
            link_target: expected.link_target.map(<[u8]>::to_vec),
            owner: expected.owner.map(|owner| owner.name.to_vec()).unwrap_or_default(),
            group: expected.group.map(|group| group.name.to_vec()).unwrap_or_default(),
            numbers: None,
            capabilities: expected.capabilities.map(<[u8]>::to_vec),
            device: expected.device,
            flags: new.flags,
            verify: new.verify,
        };
        result = gathered.add(new.path.to_vec(), file);
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    result.map(|()| Original { package, files: gathered.files })
}

/// The bytes of the header at an offset, without its magic number.
fn header(source: &dyn ReadAt, at: u64) -> Result<Vec<u8>, String> {
    let mut head = [0; 16];
    read_exact_at(source, at, &mut head).map_err(|error| format!("byte {at}: a header cannot be read: {error}"))?;
    if !head.starts_with(&MAGIC) {
        let found = kanshiki_model::hex(head.get(..4).unwrap_or_default());
        return Err(format!("byte {at}: a header was expected, which begins with 8eade801, found {found}"));
    }
    let (entries, data) = (u32_be(&head, 8).unwrap_or(0), u32_be(&head, 12).unwrap_or(0));
    let bytes = u64::from(entries).saturating_mul(16).saturating_add(u64::from(data)).saturating_add(8);
    if bytes > HEADER_BYTES || bytes > source.len() {
        return Err(format!("byte {at}: a header of {bytes} bytes, more than are read"));
    }
    let mut header = vec![0; usize::try_from(bytes).unwrap_or(0)];
    read_exact_at(source, at.saturating_add(8), &mut header)
        .map_err(|error| format!("byte {at}: a header cannot be read: {error}"))?;
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_image::Memory;
    use proptest::prelude::*;

    fn made() -> Vec<u8> {
        use crate::rpm::header::tag;
        use crate::rpm::header::tests::{Made, made};
        let signatures = made(&[(1000, Made::U32(vec![7]))]);
        let header = made(&[
            (tag::NAME, Made::Text("bash")),
            (tag::VERSION, Made::Text("5")),
            (tag::RELEASE, Made::Text("1")),
            (tag::BASENAMES, Made::Texts(vec!["bash"])),
            (tag::DIRNAMES, Made::Texts(vec!["/bin/"])),
            (tag::DIRINDEXES, Made::U32(vec![0])),
            (tag::FILEMODES, Made::U16(vec![0o100_755])),
            (tag::FILEDIGESTS, Made::Texts(vec!["d41d8cd98f00b204e9800998ecf8427e"])),
        ]);
        let mut file = [0xed, 0xab, 0xee, 0xdb].to_vec();
        file.resize(96, 0);
        for header in [signatures, header] {
            file.resize(file.len().next_multiple_of(8), 0);
            file.extend(MAGIC);
            file.extend([0; 4]);
            file.extend(header);
        }
        file
    }

    #[test]
    fn the_header_behind_lead_and_signatures_is_read() {
        let found = read_from(&Memory(made())).unwrap();
        assert_eq!((found.package.to_string().as_str(), found.package.from_original), ("bash 5-1", true));
        let file = &found.files[b"/bin/bash".as_slice()];
        assert_eq!((file.mode, file.digest.len()), (0o100_755, 16));
        assert!(read_from(&Memory(vec![1; 200])).unwrap_err().ends_with("found 01010101"));
        assert!(
            read_from(&Memory(made()[..100].to_vec())).unwrap_err().starts_with("byte 96: a header cannot be read")
        );
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(place in 0..600_usize, bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let mut file = made();
            for (there, byte) in file.iter_mut().skip(place).zip(&bytes) {
                *there = *byte;
            }
            let _ = read_from(&Memory(file));
        }
    }
}
