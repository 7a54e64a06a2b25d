//! `/etc/fstab`: a line for each filesystem, six fields between blanks: device, directory, kind, options, and two numbers
//! that do not matter here. A byte may be written as a backslash and three octal digits; `#` begins a comment line.
//! Source: fstab(5); util-linux 2.41, libmount/src/tab_parse.c, lib/mangle.c.

/// Lines that are looked at.
const MAX_LINES: usize = 4096;

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FstabLine {
    /// Its number in the file, from 1.
    pub number: usize,
    /// The device, or what stands for it.
    pub device: Vec<u8>,
    /// The directory; `none` for swap space.
    pub directory: Vec<u8>,
    /// The kind of filesystem, such as `ext4`.
    pub kind: Vec<u8>,
    /// The options.
    pub options: Vec<Vec<u8>>,
}

impl FstabLine {
    /// Whether this option is set.
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|set| set == option.as_bytes())
    }
}

/// The lines of the table, and the numbers of those that are none: with fewer than three fields. Lines past the 4096th
/// are left out, and the number of the first of them stands among the others.
#[must_use]
pub fn parse(text: &[u8]) -> (Vec<FstabLine>, Vec<usize>) {
    let (mut lines, mut broken) = (Vec::new(), Vec::new());
    for (number, line) in (1_usize..).zip(text.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        match (fields.next(), fields.next(), fields.next()) {
            _ if number > MAX_LINES => {
                broken.push(number);
                break;
            }
            (Some(device), Some(directory), Some(kind)) => {
                let options = fields.next().unwrap_or_default().split(|byte| *byte == b',');
                lines.push(FstabLine {
                    number,
                    device: unescaped(device),
                    directory: unescaped(directory),
                    kind: kind.to_vec(),
                    options: options.filter(|option| !option.is_empty()).map(unescaped).collect(),
                });
            }
            _ => broken.push(number),
        }
    }
    (lines, broken)
}

fn is_octal(digit: &u8) -> bool {
    (b'0'..=b'7').contains(digit)
}

/// Each backslash with three octal digits as the byte it stands for.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.first_chunk::<3>().filter(|digits| *first == b'\\' && digits.iter().all(is_octal));
        let value = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        out.push(value.unwrap_or(*first));
        rest = if value.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_split_at_blanks_and_escapes_are_undone() {
        let text = b"# <file system> <mount point>\n\n  UUID=12 \t/my\\040data\\134\text4 defaults,noauto 0 2\n/dev/sda1 /x ext4\n";
        let (lines, broken) = parse(text);
        assert_eq!(broken, Vec::<usize>::new());
        assert_eq!((lines[0].number, lines[1].number), (3, 4));
        assert_eq!(lines[0].directory, b"/my data\\");
        assert!(lines[0].has("noauto") && !lines[1].has("noauto"));
        assert_eq!(lines[1].options, Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_line_with_too_few_fields_is_told_and_others_are_kept() {
        let (lines, broken) = parse(b"/dev/sda1 /\n/dev/sda2 /home ext4 defaults\r\n");
        assert_eq!((lines.len(), broken), (1, vec![1]));
        assert_eq!(lines[0].options, [b"defaults".to_vec()]);
    }

    #[test]
    fn a_backslash_without_octal_digits_stays() {
        assert_eq!(unescaped(b"a\\04\\999\\+12b\\777\\101"), b"a\\04\\999\\+12b\\777A");
    }

    #[test]
    fn a_table_without_end_is_cut_off() {
        let (lines, broken) = parse(&b"a b c\n".repeat(5000));
        assert_eq!((lines.len(), broken), (4096, vec![4097]));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[ \t\n#\\\\0-9a,=]{0,200}") {
            let _ = (parse(&bytes), parse(text.as_bytes()));
        }
    }
}
