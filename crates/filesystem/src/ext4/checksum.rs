//! The checksums of ext4: CRC-32C of metadata_csum, and CRC-16 of the older group descriptors.
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/checksums.rst and fs/ext4/super.c (`ext4_group_desc_csum`).

/// CRC-32C that goes on from `seed`; the first seed is `u32::MAX`. The inversion at the end, which ext4 leaves out so that
/// parts can follow each other, is undone.
pub(crate) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// CRC-16 over several parts, one after the other, with all bits set at the start; the kernel's `crc16(~0, …)`.
///
/// Source: Linux 6.12, lib/crc16.c: the polynomial 0x8005, lowest bit first.
pub(crate) fn crc16(parts: &[&[u8]]) -> u16 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(u16::MAX, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xa001 } else { sum >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_the_catalogue_come_out_in_one_part_and_in_two() {
        // CRC-32/ISCSI has 0xe3069283 after its last inversion; CRC-16/MODBUS is CRC-16 that starts with all bits set.
        assert_eq!(!crc32c(u32::MAX, b"123456789"), 0xe306_9283);
        assert_eq!(!crc32c(crc32c(u32::MAX, b"1234"), b"56789"), 0xe306_9283);
        assert_eq!(crc16(&[b"1234", b"56789"]), 0x4b37);
    }
}
