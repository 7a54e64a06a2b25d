//! Reads numbers and texts off the front of an event.

/// What is left of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a>(pub(super) &'a [u8]);

impl<'a> Body<'a> {
    /// So many bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// A number of so many bytes, eight at most.
    pub(super) fn number(&mut self, count: usize) -> Option<u64> {
        let mut number = [0; 8];
        number.get_mut(..count)?.copy_from_slice(self.bytes(count)?);
        Some(u64::from_le_bytes(number))
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.number(2).and_then(|number| u16::try_from(number).ok())
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.number(4).and_then(|number| u32::try_from(number).ok())
    }

    /// A text behind its length of one byte.
    pub(super) fn short_text(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u8()?);
        self.bytes(length)
    }

    /// A number of one byte up to 250, or of two, three or eight behind 252, 253, 254.
    pub(super) fn packed(&mut self) -> Option<u64> {
        match self.u8()? {
            252 => self.number(2),
            253 => self.number(3),
            254 => self.number(8),
            255 | 251 => None,
            small => Some(u64::from(small)),
        }
    }

    /// A packed number as a length.
    pub(super) fn packed_length(&mut self) -> Option<usize> {
        self.packed().and_then(|number| usize::try_from(number).ok())
    }
}
