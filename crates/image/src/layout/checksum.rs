//! The cyclic redundancy check of GPT.

/// CRC-32 of IEEE 802.3, as UEFI 2.10, section 5.3.2, wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc32(u32);

impl Crc32 {
    pub(super) const fn new() -> Self {
        Self(u32::MAX)
    }

    /// Takes in more bytes. Bit by bit: partition tables are small.
    pub(super) fn update(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 ^= u32::from(*byte);
            for _ in 0..8 {
                let polynomial = if self.0 & 1 == 1 { 0xedb8_8320 } else { 0 };
                self.0 = (self.0 >> 1) ^ polynomial;
            }
        }
        self
    }

    pub(super) const fn finish(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_standard_comes_out() {
        assert_eq!(Crc32::new().update(b"1234").update(b"56789").finish(), 0xcbf4_3926);
    }
}
