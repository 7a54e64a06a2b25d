//! How much order there is in bytes.

use kanshiki_image::ReadAt;
use kanshiki_image::bytes::{bounded, length};

/// Bytes below which entropy says nothing.
const FEWEST: u64 = 256;
/// Bytes of a sample, and how many are taken of a large part.
const SAMPLE: u64 = 16 << 10;
const SAMPLES: u64 = 4;

/// Counts each byte.
pub(crate) fn count(bytes: &[u8], counts: &mut [u64; 256]) {
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
}

/// Bits of information for each byte by Shannon's formula, 0 to 8; `None` for no bytes.
#[expect(clippy::as_conversions, reason = "counts below 2^52 are exact as fractions")]
pub(crate) fn entropy(counts: &[u64; 256]) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return None;
    }
    let share = |count: &u64| *count as f64 / total as f64;
    let bits = counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum::<f64>();
    Some(bits.max(0.0))
}

/// The entropy of a part of a file, by samples if it is large.
pub(super) fn of_part(source: &dyn ReadAt, offset: u64, size: u64) -> Option<f64> {
    let size = size.min(source.len().saturating_sub(offset));
    if size < FEWEST {
        return None;
    }
    let mut counts = [0; 256];
    let mut buffer = vec![0; bounded(size, bounded(SAMPLE.saturating_mul(SAMPLES), usize::MAX))];
    if size <= length(buffer.len()) {
        let read = source.read_at(offset, &mut buffer).ok()?;
        count(buffer.get(..read)?, &mut counts);
        return entropy(&counts);
    }
    buffer.truncate(bounded(SAMPLE, usize::MAX));
    let step = size.saturating_sub(SAMPLE).checked_div(SAMPLES.saturating_sub(1))?;
    for number in 0..SAMPLES {
        let read = source.read_at(offset.checked_add(step.checked_mul(number)?)?, &mut buffer).ok()?;
        count(buffer.get(..read)?, &mut counts);
    }
    entropy(&counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_image::Memory;

    #[test]
    fn bytes_of_one_kind_have_none_and_all_kinds_have_eight_bits() {
        let of = |bytes: Vec<u8>| of_part(&Memory(bytes), 0, u64::MAX);
        assert_eq!(of(vec![7; 1000]), Some(0.0));
        assert_eq!(of((0..=255).cycle().take(1024).collect()), Some(8.0));
        assert_eq!(of(b"ab".repeat(200)), Some(1.0));
        assert_eq!(of(vec![7; 255]), None);
    }

    #[test]
    fn a_large_part_is_measured_at_its_beginning_and_its_end() {
        let mut bytes = vec![0_u8; 1 << 20];
        bytes[(1 << 20) - 8192..].fill(1);
        // A quarter of the samples is half of ones: 1 of 8 bytes.
        let expected = -(0.125_f64 * 0.125_f64.log2() + 0.875 * 0.875_f64.log2());
        let found = of_part(&Memory(bytes), 0, 1 << 20).unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
}
