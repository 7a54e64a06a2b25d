//! The two checksums of journals, in the kernel's form: seeded by the caller and not inverted at the end.

pub(super) use crate::ext4::checksum::crc32c;

/// What a byte at the top of the sum becomes, by the polynomial 0x04c11db7.
static BIG_ENDIAN: [u32; 256] = big_endian();

const fn big_endian() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u32;
    let mut rest: &mut [u32] = &mut table;
    while let Some((entry, behind)) = rest.split_first_mut() {
        let (mut sum, mut bit) = (byte << 24, 0_u8);
        while bit < 8 {
            sum = if sum >> 31 == 1 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 };
            bit = bit.wrapping_add(1);
        }
        *entry = sum;
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    table
}

/// CRC-32 with the highest bit first, going on from `seed` (Linux, `crc32_be`).
pub(super) fn crc32_be(seed: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(seed, |sum, byte| {
        let [top, ..] = sum.to_be_bytes();
        sum << 8 ^ BIG_ENDIAN.get(usize::from(top ^ byte)).copied().unwrap_or(0)
    })
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
