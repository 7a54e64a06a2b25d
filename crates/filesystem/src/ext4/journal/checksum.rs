//! The two checksums of journals, in the kernel's form: seeded by the caller and not inverted at the end.

pub(super) use crate::ext4::checksum::crc32c;

use crc::{Algorithm, Crc, Table};

static BIG_ENDIAN: Crc<u32, Table<16>> =
    Crc::<u32, Table<16>>::new(&Algorithm { xorout: 0, check: 0, residue: 0, ..crc::CRC_32_BZIP2 });

/// CRC-32 with the highest bit first, going on from `seed` (Linux, `crc32_be`).
pub(super) fn crc32_be(seed: u32, bytes: &[u8]) -> u32 {
    let mut digest = BIG_ENDIAN.digest_with_initial(seed);
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_the_standards_come_out_in_one_part_and_in_two() {
        // CRC-32/ISCSI and CRC-32/BZIP2 of "123456789" are 0xe3069283 and 0xfc891918, both inverted at the end.
        assert_eq!(!crc32c(crc32c(u32::MAX, b"1234"), b"56789"), 0xe306_9283);
        assert_eq!(!crc32_be(crc32_be(u32::MAX, b"1234"), b"56789"), 0xfc89_1918);
    }
}
