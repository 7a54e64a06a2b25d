//! The manifest while it is written: under a name that says that it is not finished, until everything is on the medium.

use crate::output::Folder;
use crate::{ExtractError, MANIFEST_NAME};
use kanshiki_model::{Algorithm, Hasher, is_hidden};
use serde::Serialize;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};

/// Lines after which what was written is handed to the operating system, so that a killed run leaves them.
const HANDED_OVER: u64 = 64;

/// A file of lines that gets its name at the end.
#[derive(Debug)]
pub(crate) struct Lines {
    name: &'static str,
    temporary: String,
    file: BufWriter<File>,
    hasher: Hasher,
    lines: u64,
}

impl Lines {
    /// Begins the file under the name followed by `.partial`.
    pub(crate) fn begin(folder: &Folder, name: &'static str) -> Result<Self, ExtractError> {
        let temporary = format!("{name}.partial");
        let file = BufWriter::new(folder.create_file(&temporary)?);
        Ok(Self { name, temporary, file, hasher: Hasher::new(Algorithm::Sha256), lines: 0 })
    }

    /// Adds a record as one line of JSON.
    pub(crate) fn record(&mut self, folder: &Folder, record: &impl Serialize) -> Result<(), ExtractError> {
        // Records hold text and numbers alone, so this cannot fail.
        let mut line = harmless(serde_json::to_string(record).unwrap_or_default());
        line.push('\n');
        self.add(folder, line.as_bytes())
    }

    /// Adds whole lines.
    pub(crate) fn add(&mut self, folder: &Folder, lines: &[u8]) -> Result<(), ExtractError> {
        self.hasher.update(lines);
        self.lines = self.lines.saturating_add(1);
        let written = self.file.write_all(lines);
        let written =
            written.and_then(|()| if self.lines.is_multiple_of(HANDED_OVER) { self.file.flush() } else { Ok(()) });
        written.map_err(|error| ExtractError::output("write", &folder.path_of(MANIFEST_NAME), error))
    }

    /// Brings the file to the medium and gives it its name; returns its SHA-256 in hexadecimal.
    pub(crate) fn finish(mut self, folder: &Folder) -> Result<String, ExtractError> {
        let failed = |error| ExtractError::output("write", &folder.path_of(self.name), error);
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(failed)?;
        folder.finish(self.file.get_ref(), &self.temporary, self.name)?;
        Ok(self.hasher.finish().to_hex())
    }
}

/// The same JSON with characters that are not seen, or that steer a terminal, as escapes; they stand in strings alone.
fn harmless(json: String) -> String {
    if json.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read_back_from_json_that_steers_nothing(text in any::<String>()) {
            let json = harmless(serde_json::to_string(&text).unwrap());
            prop_assert!(!json.chars().any(is_hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
