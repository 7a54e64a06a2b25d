//! Numbers of bytes as people write and read them.

use std::fmt;

/// A number of bytes, shown as `1.5 GiB (1,610,612,736 bytes)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

impl Size {
    /// The size in the largest binary unit that it fills, with one decimal: `1.5 GiB`; below 1 KiB `17 bytes`.
    #[must_use]
    pub fn short(self) -> String {
        let mut unit = None;
        let mut tenths = u128::from(self.0) * 10;
        for name in UNITS {
            if tenths < 10240 {
                break;
            }
            tenths = (tenths + 512) / 1024;
            unit = Some(name);
        }
        match unit {
            Some(unit) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
            None => format!("{} bytes", self.0),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} bytes", self.0);
        }
        let digits = self.0.to_string();
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        write!(f, "{} ({grouped} bytes)", self.short())
    }
}

/// Why a text is no number of bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a size: expected a number with an optional unit such as 512, 64K, 100MiB, 2GB or 1T")]
pub struct SizeParseError {
    found: String,
}

/// Reads a number of bytes: `512`, `64K`, `64KiB` (both 65,536) or `64KB` (64,000), up to `E`.
///
/// # Errors
///
/// [`SizeParseError`] if the text is no such number, or it does not fit in 64 bits.
pub fn parse_size(text: &str) -> Result<u64, SizeParseError> {
    let error = || SizeParseError { found: text.to_owned() };
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let number: u64 = number.parse().map_err(|_| error())?;
    let unit = unit.trim_start().to_ascii_uppercase();
    let power = match unit.chars().next() {
        None | Some('B') => 0,
        Some(letter) => "KMGTPE".find(letter).and_then(|index| u32::try_from(index + 1).ok()).ok_or_else(error)?,
    };
    let base: u64 = match unit.get(1..).unwrap_or_default() {
        "" | "IB" => 1024,
        "B" if power > 0 => 1000,
        _ => return Err(error()),
    };
    base.checked_pow(power).and_then(|unit| number.checked_mul(unit)).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_both_forms() {
        assert_eq!(Size(1_610_612_736).to_string(), "1.5 GiB (1,610,612,736 bytes)");
        assert_eq!(Size(513).to_string(), "513 bytes");
        assert_eq!(Size(1_048_575).short(), "1.0 MiB");
    }

    #[test]
    fn binary_and_decimal_units_differ() {
        assert_eq!(parse_size("64K"), Ok(65_536));
        assert_eq!(parse_size("64 KiB"), Ok(65_536));
        assert_eq!(parse_size("64KB"), Ok(64_000));
        assert_eq!(parse_size("512B"), Ok(512));
        assert!(parse_size("16777216T").is_err());
        assert!(parse_size("x").is_err());
        assert!(parse_size("5BB").is_err());
    }
}
