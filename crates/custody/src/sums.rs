//! `SHA256SUMS`, as GNU coreutils' `sha256sum` writes and checks it.
//!
//! Each line is 64 hexadecimal digits, a blank, a blank or `*`, and the name. If the name holds a backslash, a newline
//! or a carriage return, the line begins with a backslash and they are written `\\`, `\n` and `\r`. Source: GNU
//! coreutils 9.1 manual, section "md5sum invocation".

use kanshiki_model::{Algorithm, Digest, visible};
use std::fmt::Write as _;

/// The name of the file in an exhibit's folder.
pub const FILE_NAME: &str = "SHA256SUMS";

/// Why bytes are no list of SHA-256 digests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SumsError {
    /// A line has another form.
    #[error("damaged SHA256SUMS: line {line}: {reason}, found `{found}`")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What was expected.
        reason: &'static str,
        /// The line found, made visible, its first 100 bytes.
        found: String,
    },
    /// The last line has no newline at its end.
    #[error("damaged SHA256SUMS: cut short in line {line}")]
    Cut {
        /// The line, counted from 1.
        line: usize,
    },
}

/// The text of a list of names, each with its SHA-256 in hexadecimal.
#[must_use]
pub fn to_text<N: AsRef<str>, D: AsRef<str>>(sums: &[(N, D)]) -> String {
    let mut text = String::new();
    for (name, digest) in sums {
        let name = name.as_ref();
        let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let mark = if escaped == name { "" } else { "\\" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mark}{}  {escaped}", digest.as_ref());
    }
    text
}

/// Reads a list: names as bytes with their digests, in the order of the file.
///
/// # Errors
///
/// [`SumsError`] with the line.
///
/// # Example
///
/// ```
/// use kanshiki_custody::sums;
/// let text = sums::to_text(&[("image.raw", "ab".repeat(32))]);
/// let list = sums::parse(text.as_bytes())?;
/// assert_eq!(list[0].0, b"image.raw");
/// # Ok::<(), sums::SumsError>(())
/// ```
pub fn parse(bytes: &[u8]) -> Result<Vec<(Vec<u8>, Digest)>, SumsError> {
    let mut sums = Vec::new();
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = index.saturating_add(1);
        let content = line.strip_suffix(b"\n").ok_or(SumsError::Cut { line: number })?;
        let found = || visible(content.get(..100).unwrap_or(content));
        sums.push(parse_line(content).map_err(|reason| SumsError::Line { line: number, reason, found: found() })?);
    }
    Ok(sums)
}

fn parse_line(line: &[u8]) -> Result<(Vec<u8>, Digest), &'static str> {
    let (escaped, rest) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (digits, rest) = rest.split_at_checked(64).ok_or("expected 64 hexadecimal digits")?;
    let digest = str::from_utf8(digits).ok().and_then(|digits| Digest::parse(Algorithm::Sha256, digits).ok());
    let digest = digest.ok_or("expected 64 hexadecimal digits")?;
    let name = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *")).ok_or("expected two blanks and a name")?;
    if name.is_empty() {
        return Err("expected a name");
    }
    let name = if escaped { unescape(name).ok_or("expected \\\\, \\n or \\r")? } else { name.to_vec() };
    Ok((name, digest))
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut out = Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            other => *other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OutputDir;
    use proptest::prelude::*;
    use std::process::Command;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn sha256sum_accepts_the_list_also_with_unusual_names() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = OutputDir::open(temporary.path()).unwrap();
        let names = ["image.raw", "a b", "back\\slash", "new\nline", "return\r", " blank", "*star", "証拠"];
        names.iter().for_each(|name| dir.write_new(name, b"abc").unwrap());
        dir.write_new("SHA256SUMS", to_text(&names.map(|name| (name, ABC))).as_bytes()).unwrap();
        let run = || {
            let mut command = Command::new("sha256sum");
            command.args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(temporary.path());
            command.output().unwrap().status.success()
        };
        assert!(run());
        dir.replace("new\nline", b"abd").unwrap();
        assert!(!run());
    }

    #[test]
    fn a_list_of_sha256sum_is_read() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = OutputDir::open(temporary.path()).unwrap();
        dir.write_new("a\\b\n", b"abc").unwrap();
        let output = Command::new("sha256sum").args(["-b", "a\\b\n"]).current_dir(temporary.path()).output().unwrap();
        let sums = parse(&output.stdout).unwrap();
        assert_eq!(sums, [(b"a\\b\n".to_vec(), Digest::parse(Algorithm::Sha256, ABC).unwrap())]);
    }

    #[test]
    fn damage_is_named_with_its_line() {
        let told = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(told(&format!("{ABC}  a")), "damaged SHA256SUMS: cut short in line 1");
        assert_eq!(
            told(&format!("{ABC}  a\nabc  b\n")),
            "damaged SHA256SUMS: line 2: expected 64 hexadecimal digits, found `abc  b`"
        );
        assert!(told(&format!("{ABC} a\n")).contains("expected two blanks and a name"));
        assert!(told(&format!("{ABC}  \n")).contains("expected a name"));
        assert!(told(&format!("\\{ABC}  a\\x\n")).contains("expected \\\\, \\n or \\r"));
        assert_eq!(parse(b""), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn a_list_is_read_back(names in prop::collection::vec("[a\\\\\n\r *]{1,8}", 0..5)) {
            let sums: Vec<_> = names.iter().map(|name| (name.as_str(), ABC)).collect();
            let read = parse(to_text(&sums).as_bytes()).unwrap();
            let read: Vec<_> = read.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect();
            prop_assert_eq!(read, names);
        }

        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), digits in "[\\\\]?[0-9a-f]{60,66}[ *]{0,3}") {
            let _ = parse(&bytes);
            let _ = parse(&[digits.as_bytes(), &bytes, b"\n"].concat());
        }
    }
}
