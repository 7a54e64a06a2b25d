//! Ranges of bytes as they are typed.

use kanshiki_model::{ByteRange, parse_size};

/// Reads `A-B`, `A-` (to the end) or `-B` (from the start); units as in `1G-1536MiB`.
pub(crate) fn open_range(text: &str) -> Result<ByteRange, String> {
    let (from, to) = text.split_once('-').ok_or("expected A-B, A- or -B, such as 1G-1536MiB")?;
    let size = |text: &str, missing: u64| match text {
        "" => Ok(missing),
        text => parse_size(text).map_err(|error| error.to_string()),
    };
    let (from, to) = (size(from, 0)?, size(to, u64::MAX)?);
    if to <= from {
        return Err(format!("the end, {to}, must lie above the start, {from}"));
    }
    Ok(ByteRange::new(from, to))
}

/// Reads `N` or `A-B`, both ends meant.
pub(crate) fn blocks(text: &str) -> Result<std::ops::RangeInclusive<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number of a block"));
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (number(from)?, number(to)?);
    if to < from {
        return Err(format!("the last block, {to}, must not lie before the first, {from}"));
    }
    Ok(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_end_of_a_range_may_be_left_out() {
        assert_eq!(open_range("1K-2K"), Ok(ByteRange::new(1024, 2048)));
        assert_eq!(open_range("512-"), Ok(ByteRange::new(512, u64::MAX)));
        assert_eq!(open_range("-512"), Ok(ByteRange::new(0, 512)));
        assert!(open_range("5-5").is_err() && open_range("5").is_err() && open_range("x-5").is_err());
    }

    #[test]
    fn blocks_are_one_or_from_first_to_last() {
        assert_eq!(blocks("7"), Ok(7..=7));
        assert_eq!(blocks("7-9"), Ok(7..=9));
        assert!(blocks("9-7").is_err() && blocks("1K").is_err());
    }
}
