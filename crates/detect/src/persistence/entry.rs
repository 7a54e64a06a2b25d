//! Entries of the files that start things.

use super::{calls, shell};
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
    /// Whether its input is a connection (systemd.exec(5), `StandardInput=socket`).
    pub(super) takes_connections: bool,
}

/// What a line says: the command, and as whom; `None` if it starts nothing. `file` is the name of the file.
pub(super) type ReadLine = fn(line: &[u8], file: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)>;

/// Names in a file of another form, with the byte at which each stands.
pub(super) type ReadNames = fn(bytes: &[u8]) -> Vec<(usize, &[u8])>;

impl Entry {
    /// The programs that are run, as far as it is told where they lie.
    pub(super) fn programs(&self) -> Vec<Vec<u8>> {
        if self.is_script && is_of_other_language(&self.command) {
            calls::commands(&self.command).into_iter().flat_map(shell::programs).collect()
        } else {
            shell::programs(&self.command)
        }
    }
}

/// Whether the first line of a script names an interpreter that is no shell.
fn is_of_other_language(script: &[u8]) -> bool {
    let line = script.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"#!")
        && !line.trim_ascii_end().split(|byte| !byte.is_ascii_alphabetic()).any(|word| word.ends_with(b"sh"))
}

/// A script as one entry.
pub(super) fn of_script(file: &File) -> Entry {
    let bytes = file.bytes.clone();
    Entry { command: bytes.clone(), user: None, span: None, raw: bytes, is_script: true, takes_connections: false }
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
            entries.push(Entry { command, user, span, raw, is_script: false, takes_connections: false });
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
        Entry {
            command: name.to_vec(),
            user: None,
            span,
            raw: name.to_vec(),
            is_script: false,
            takes_connections: false,
        }
    };
    read(&file.bytes).into_iter().map(entry).collect()
}
