//! Integers out of bytes that come from a disk: a field past the end is `None`, never zero.

/// The `N` bytes at `at`.
#[must_use]
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// The little-endian 16-bit number at `at`.
#[must_use]
pub fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// The little-endian 32-bit number at `at`.
#[must_use]
pub fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// The little-endian 64-bit number at `at`.
#[must_use]
pub fn u64_le(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// The big-endian 16-bit number at `at`.
#[must_use]
pub fn u16_be(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// The big-endian 32-bit number at `at`.
#[must_use]
pub fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// A length in memory as a number of bytes on disk.
#[must_use]
pub fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// A number of bytes on disk as a length in memory, at most `limit`.
#[must_use]
pub fn bounded(bytes: u64, limit: usize) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX).min(limit)
}

/// Bytes of a page of memory. Direct I/O wants memory that begins with one, and the kernel copies faster into it.
pub const PAGE: usize = 4096;

/// Where the first page in some memory begins; 0 where that cannot be told, so that memory with [`PAGE`] bytes to spare
/// always has room behind it.
#[must_use]
pub fn page_start(memory: &[u8]) -> usize {
    Some(memory.as_ptr().align_offset(PAGE)).filter(|start| *start < PAGE).unwrap_or(0)
}

/// Copies as many bytes as both slices hold to the beginning of `to`; returns how many.
pub fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let shared = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..shared), to.get_mut(..shared)) {
        to.copy_from_slice(from);
    }
    shared
}
