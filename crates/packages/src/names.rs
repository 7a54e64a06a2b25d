//! The numbers of owners and groups, as the image's `/etc/passwd` and `/etc/group` give them: `name:password:number:…`
//! (passwd(5), group(5)).

use std::collections::HashMap;

/// Lines of which the names are kept.
const LINES: usize = 1_000_000;

/// Numbers by their names.
#[derive(Debug, Default)]
pub(crate) struct Numbers(HashMap<Vec<u8>, u32>);

impl Numbers {
    /// The names of a file of this form; of two numbers for a name the first counts, as it does for `getpwnam`.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut numbers = HashMap::new();
        for line in bytes.split(|byte| *byte == b'\n').take(LINES) {
            let mut fields = line.split(|byte| *byte == b':');
            let (Some(name), Some(_), Some(number)) = (fields.next(), fields.next(), fields.next()) else { continue };
            let Some(number) = decimal(number) else { continue };
            if !name.is_empty() && !name.starts_with(b"#") {
                numbers.entry(name.to_vec()).or_insert(number);
            }
        }
        Self(numbers)
    }

    /// The number of a name. `root` is 0 whatever the file says, as it is for rpm; a name of digits that the file does not
    /// have is a number itself, with or without the `#` of dpkg-statoverride(1).
    pub(crate) fn number(&self, name: &[u8]) -> Option<u32> {
        if name == b"root" {
            return Some(0);
        }
        self.0.get(name).copied().or_else(|| decimal(name.strip_prefix(b"#").unwrap_or(name)))
    }
}

fn decimal(digits: &[u8]) -> Option<u32> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_of_a_name_counts_and_root_is_always_zero() {
        let numbers = Numbers::of(b"root:x:7:7::/:\nmail:x:8:8::/:\nmail:x:9:9::/:\nbad:x:-1:\n#off:x:3:\nshort:x\n");
        let found = [b"root".as_slice(), b"mail", b"bad", b"#off", b"short", b"#42", b"43", b""];
        let expected = [Some(0), Some(8), None, None, None, Some(42), Some(43), None];
        assert_eq!(found.map(|name| numbers.number(name)), expected);
    }
}
