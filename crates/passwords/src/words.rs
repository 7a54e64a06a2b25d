//! The words that are tried.

use std::io::{self, BufRead, Read as _};

/// Bytes of a word that are kept; what is behind them on its line is passed over.
pub const WORD_BYTES: usize = 256;

/// The lines of a list of words, one after the other: never more than one in memory. Empty lines, and words with a zero byte, which
/// no password can have, are passed over.
pub fn words(mut list: impl BufRead) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    std::iter::from_fn(move || {
        loop {
            match line(&mut list) {
                Ok(None) => return None,
                Ok(Some(word)) if word.is_empty() || word.contains(&0) => {}
                Ok(Some(word)) => return Some(Ok(word)),
                Err(error) => return Some(Err(error)),
            }
        }
    })
}

fn line(list: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut word = Vec::new();
    let limit = u64::try_from(WORD_BYTES).unwrap_or(u64::MAX);
    if list.by_ref().take(limit).read_until(b'\n', &mut word)? == 0 {
        return Ok(None);
    }
    if word.pop_if(|last| *last == b'\n').is_none() {
        list.skip_until(b'\n')?;
    }
    word.pop_if(|last| *last == b'\r');
    Ok(Some(word))
}

/// What people make of the name of an account when a password is asked for; the name itself comes first. `year` is one of those
/// that are set behind it.
#[must_use]
pub fn of_name(name: &[u8], year: Option<i64>) -> Vec<Vec<u8>> {
    let mut capital = name.to_vec();
    if let Some(first) = capital.first_mut() {
        first.make_ascii_uppercase();
    }
    let mut words = vec![name.to_vec(), capital.clone()];
    for end in ["1", "123", "1234", "123!"] {
        words.push([name, end.as_bytes()].concat());
    }
    if let Some(year) = year {
        words.push([name, year.to_string().as_bytes()].concat());
        words.push([&capital, year.to_string().as_bytes()].concat());
    }
    words.retain(|word| !word.is_empty() && word.len() <= WORD_BYTES && !word.contains(&0));
    let mut seen = std::collections::HashSet::new();
    words.retain(|word| seen.insert(word.clone()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_what_can_be_no_password_is_passed_over() {
        let list = [b"one\r\n\nt\0o\n".as_slice(), &[b'x'; 1000], b"\nlast"].concat();
        let words: Vec<Vec<u8>> = words(list.as_slice()).map(Result::unwrap).collect();
        assert_eq!(words, [b"one".to_vec(), vec![b'x'; 256], b"last".to_vec()]);
    }

    #[test]
    fn names_are_varied_as_people_do() {
        let words: Vec<String> =
            of_name(b"migrate", Some(2024)).into_iter().map(|word| String::from_utf8(word).unwrap()).collect();
        let expected = ["migrate", "Migrate", "migrate1", "migrate123", "migrate1234", "migrate123!", "migrate2024"];
        assert_eq!(words[..7], expected);
        assert_eq!((words.len(), of_name(b"", None).len()), (8, 4));
    }
}
