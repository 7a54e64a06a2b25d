//! Entries of the files that start things.

use kanshiki_machine::settings::File;
use kanshiki_model::Span;

/// Something that starts by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// What is run, as it stands there; of a script its content.
    pub(super) command: Vec<u8>,
    /// As whom, if that is said.
    pub(super) user: Option<Vec<u8>>,
    /// Which bytes; `None` for the whole file.
    pub(super) span: Option<Span>,
    /// The line as it lies there, with all that hides in it; of a script its content.
    pub(super) raw: Vec<u8>,
    /// Whether it is a script as a whole.
    pub(super) is_script: bool,
}

/// What a line says: the command, and as whom; `None` if it starts nothing. `file` is the name of the file.
pub(super) type ReadLine = fn(line: &[u8], file: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)>;

/// Names in a file of another form, with the byte at which each stands.
pub(super) type ReadNames = fn(bytes: &[u8]) -> Vec<(usize, &[u8])>;

impl Entry {
    /// The program that is run: the first word that is a path from the root, behind assignments and `env`. Not of scripts.
    pub(super) fn program(&self) -> Option<&[u8]> {
        if self.is_script {
            return None;
        }
        let words = self.command.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words
            .map(|word| word.strip_prefix(b"\"").or_else(|| word.strip_prefix(b"'")).unwrap_or(word))
            .map(|word| word.strip_suffix(b"\"").or_else(|| word.strip_suffix(b"'")).unwrap_or(word))
            // systemd.service(5), "command lines": signs before the path change how it is run.
            .map(|word| {
                word.iter().position(|byte| !b"@-:+!|".contains(byte)).and_then(|at| word.get(at..)).unwrap_or_default()
            })
            .find(|word| word.starts_with(b"/") && word.len() > 1)
    }
}

/// A script as one entry.
pub(super) fn of_script(file: &File) -> Entry {
    let bytes = file.bytes.clone();
    Entry { command: bytes.clone(), user: None, span: None, raw: bytes, is_script: true }
}

/// The lines that start something. A backslash at the end of a line takes the next one in.
pub(super) fn of_lines(file: &File, read: ReadLine) -> Vec<Entry> {
    let name = file.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let (mut entries, mut offset) = (Vec::new(), 0_u64);
    let mut begun: Option<(u64, u64, Vec<u8>)> = None;
    for (number, line) in (1_u64..).zip(file.bytes.split(|byte| *byte == b'\n')) {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let (start, first, mut raw) = begun.take().unwrap_or((offset, number, Vec::new()));
        offset = offset.saturating_add(length).saturating_add(1);
        raw.extend_from_slice(line);
        if raw.ends_with(b"\\") && offset <= u64::try_from(file.bytes.len()).unwrap_or(u64::MAX) {
            raw.pop();
            begun = Some((start, first, raw));
            continue;
        }
        let text = raw.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") || text.starts_with(b";") {
            continue;
        }
        if let Some((command, user)) = read(text, name) {
            let length = offset.saturating_sub(1).saturating_sub(start);
            let span = Some(Span { offset: start, content_offset: None, length, line: Some(first) });
            entries.push(Entry { command, user, span, raw, is_script: false });
        }
    }
    entries
}

/// Names of programs or libraries in a file of another form.
pub(super) fn of_names(file: &File, read: ReadNames) -> Vec<Entry> {
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let entry = |(start, name): (usize, &[u8])| {
        let (offset, length) = (number(start), number(name.len()));
        let span = Some(Span { offset, content_offset: None, length, line: None });
        Entry { command: name.to_vec(), user: None, span, raw: name.to_vec(), is_script: false }
    };
    read(&file.bytes).into_iter().map(entry).collect()
}
