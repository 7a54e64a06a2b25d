//! The checksums of ext4: CRC-32C of metadata_csum, and CRC-16 of the older group descriptors.
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/checksums.rst and fs/ext4/super.c (`ext4_group_desc_csum`).

use crc::{Algorithm, Crc, Table};

/// CRC-32C without the inversion at the end, which ext4 leaves out so that parts can follow each other.
const CASTAGNOLI: Algorithm<u32> = Algorithm { xorout: 0, check: 0, residue: 0, ..crc::CRC_32_ISCSI };

static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CASTAGNOLI);

/// CRC-16 with all bits set at the start; the kernel's `crc16(~0, …)`.
const ANSI: Algorithm<u16> = Algorithm { init: u16::MAX, check: 0, residue: 0, ..crc::CRC_16_ARC };

static CRC16: Crc<u16> = Crc::<u16>::new(&ANSI);

/// CRC-32C that goes on from `seed`; the first seed is `u32::MAX`.
pub(crate) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    let mut digest = CRC32C.digest_with_initial(seed.reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

/// CRC-16 over several parts, one after the other.
pub(crate) fn crc16(parts: &[&[u8]]) -> u16 {
    let mut digest = CRC16.digest();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()
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
