//! Lists of digests in the forms of other programs.

use kanshiki_model::{Algorithm, Digest, visible};

/// A form of lists of digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashFormat {
    /// That of `sha256sum`; with several algorithms its form with tags.
    Sums,
    /// That of `hashdeep`.
    Hashdeep,
}

/// Why a list cannot be written in a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// hashdeep has no such algorithm.
    #[error("hashdeep knows no {algorithm}: it has md5, sha1 and sha256")]
    Algorithm {
        /// The algorithm.
        algorithm: Algorithm,
    },
}

/// Adds a line of `sha256sum` and its kin: the digest, two spaces, the name; with an escaped name, a backslash before.
///
/// Source: GNU coreutils 9.1, src/digest.c, `output_file` and `print_filename`.
pub fn sum_line(out: &mut Vec<u8>, digest: &Digest, name: &[u8]) {
    let escaped = escape(name);
    if escaped.is_some() {
        out.push(b'\\');
    }
    push_hex(out, digest.as_bytes());
    out.extend_from_slice(b"  ");
    out.extend_from_slice(escaped.as_deref().unwrap_or(name));
    out.push(b'\n');
}

/// Adds a line in the form with tags: `SHA256 (name) = digest`; with an escaped name, a backslash before. `b3sum` has
/// the same form.
///
/// Source: as [`sum_line`].
pub fn tagged_line(out: &mut Vec<u8>, digest: &Digest, name: &[u8]) {
    let escaped = escape(name);
    if escaped.is_some() {
        out.push(b'\\');
    }
    out.extend_from_slice(digest.algorithm().name().to_ascii_uppercase().as_bytes());
    out.extend_from_slice(b" (");
    out.extend_from_slice(escaped.as_deref().unwrap_or(name));
    out.extend_from_slice(b") = ");
    push_hex(out, digest.as_bytes());
    out.push(b'\n');
}

fn escape(name: &[u8]) -> Option<Vec<u8>> {
    if !name.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\r')) {
        return None;
    }
    let mut escaped = Vec::with_capacity(name.len().saturating_add(8));
    for byte in name {
        match byte {
            b'\\' => escaped.extend_from_slice(b"\\\\"),
            b'\n' => escaped.extend_from_slice(b"\\n"),
            b'\r' => escaped.extend_from_slice(b"\\r"),
            _ => escaped.push(*byte),
        }
    }
    Some(escaped)
}

/// The algorithms in the order in which hashdeep has its columns.
///
/// # Errors
///
/// [`FormatError::Algorithm`].
pub fn hashdeep_header(algorithms: &[Algorithm], comment: &str) -> Result<Vec<u8>, FormatError> {
    let unknown = algorithms.iter().find(|it| !matches!(it, Algorithm::Md5 | Algorithm::Sha1 | Algorithm::Sha256));
    if let Some(algorithm) = unknown {
        return Err(FormatError::Algorithm { algorithm: *algorithm });
    }
    let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let columns = names.join(",");
    Ok(format!("%%%% HASHDEEP-1.0\n%%%% size,{columns},filename\n## {comment}\n## \n").into_bytes())
}

/// Adds a line of hashdeep: size, digests, name. Returns false if the name holds a line break, which that form has no way
/// to write: the name is made visible then, and hashdeep will take the file for one that was renamed.
///
/// Source: hashdeep 4.4, src/display.cc, `display_hash_regular`.
pub fn hashdeep_line(out: &mut Vec<u8>, size: u64, digests: &[Digest], name: &[u8]) -> bool {
    out.extend_from_slice(size.to_string().as_bytes());
    for digest in digests {
        out.push(b',');
        push_hex(out, digest.as_bytes());
    }
    out.push(b',');
    let is_exact = !name.contains(&b'\n') && name.last() != Some(&b'\r');
    if is_exact {
        out.extend_from_slice(name);
    } else {
        out.extend_from_slice(visible(name).as_bytes());
    }
    out.push(b'\n');
    is_exact
}

/// Adds bytes in lower-case hexadecimal.
pub fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |nibble: u8| nibble.wrapping_add(if nibble < 10 { b'0' } else { b'a' - 10 });
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(algorithm: Algorithm) -> Digest {
        kanshiki_model::Hasher::new(algorithm).finish()
    }

    fn line(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn odd_names_are_escaped_as_sha256sum_does() {
        let digest = empty(Algorithm::Md5);
        assert_eq!(line(|out| sum_line(out, &digest, b"./a b")), "d41d8cd98f00b204e9800998ecf8427e  ./a b\n");
        assert_eq!(
            line(|out| sum_line(out, &digest, b"./a\nb\\c\rd")),
            "\\d41d8cd98f00b204e9800998ecf8427e  ./a\\nb\\\\c\\rd\n"
        );
        assert_eq!(
            line(|out| tagged_line(out, &digest, b"./a\n")),
            "\\MD5 (./a\\n) = d41d8cd98f00b204e9800998ecf8427e\n"
        );
    }

    #[test]
    fn hashdeep_has_no_form_for_line_breaks_and_no_sha512() {
        let digests = [empty(Algorithm::Md5)];
        let exact = line(|out| assert!(hashdeep_line(out, 7, &digests, b"a,\"b\x1b")));
        assert_eq!(exact, "7,d41d8cd98f00b204e9800998ecf8427e,a,\"b\x1b\n");
        let escaped = line(|out| assert!(!hashdeep_line(out, 7, &digests, b"a\n0,x,y")));
        assert_eq!(escaped, "7,d41d8cd98f00b204e9800998ecf8427e,a\\u{a}0,x,y\n");
        assert!(hashdeep_header(&[Algorithm::Sha512], "").is_err());
    }
}
