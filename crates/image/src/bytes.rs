//! Integers out of bytes that come from a disk: a field past the end is `None`, never zero.

/// The `N` bytes at `at`.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// The little-endian 16-bit number at `at`.
pub(crate) fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// The little-endian 32-bit number at `at`.
pub(crate) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// The little-endian 64-bit number at `at`.
pub(crate) fn u64_le(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// A length in memory as a number of bytes on disk.
pub(crate) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// A number of bytes on disk as a length in memory, at most `limit`.
pub(crate) fn bounded(bytes: u64, limit: usize) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX).min(limit)
}

/// Copies as many bytes as both slices hold to the beginning of `to`; returns how many.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let shared = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..shared), to.get_mut(..shared)) {
        to.copy_from_slice(from);
    }
    shared
}
