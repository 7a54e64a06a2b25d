//! What a newer program reads again: logs whose parser has a newer edition, files that no parser knew, and files in places
//! that were not known.

use crate::parsers::PARSERS;
use crate::places::Places;
use kanshiki_filesystem::View;
use kanshiki_store::{ExhibitId, FileId, StoreError, Writer};
use kanshiki_walk::contents::first_byte;

/// Raised when files are recognised that were not before.
const RECOGNITION: u32 = 3;

/// The parsers with their editions, and the places of logs: what decides which files are read, and by what.
pub(crate) fn readers(places: &Places) -> String {
    let parsers: Vec<String> = PARSERS.iter().map(|parser| format!("{} {}", parser.id(), parser.edition())).collect();
    format!("{}; recognised {RECOGNITION}; {}", parsers.join(", "), places.told())
}

/// Has those wait that are to be read again, and forgets what they gave; all of it in one part, or nothing.
pub(crate) fn enter(view: &View, exhibit: ExhibitId, places: &Places, writer: &mut Writer) -> Result<(), StoreError> {
    let readers = readers(places);
    let are_known = writer.readers(exhibit)?.is_some_and(|known| known == readers);
    let logs = writer.read_logs(exhibit)?;
    let outdated: Vec<FileId> =
        logs.iter().filter(|log| is_outdated(&log.parser, are_known)).map(|log| log.file).collect();
    if are_known && outdated.is_empty() {
        return Ok(());
    }
    writer.begin_part()?;
    writer.forget(&outdated)?;
    if !are_known {
        for (file, volume, inode) in writer.no_logs(exhibit, &|path| places.may_be_log(path))? {
            let volume = view.volumes().iter().position(|it| it.name == volume);
            let Some(Ok((place, _))) = volume.map(|volume| view.inode(volume, inode)) else { continue };
            writer.wait(file, first_byte(view, place))?;
        }
    }
    writer.note_readers(exhibit, &readers)
}

/// Whether a log was read by an older edition of its parser, or by none while the parsers were others. What a newer program
/// read stays.
fn is_outdated(parser: &str, are_known: bool) -> bool {
    let Some((id, edition)) = parser.rsplit_once(' ') else { return !are_known };
    let parser = PARSERS.iter().find(|parser| parser.id() == id);
    parser.is_some_and(|parser| edition.parse::<u32>().is_ok_and(|edition| edition < parser.edition()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_editions_are_read_again_and_newer_ones_are_not() {
        let places = Places::new(std::iter::empty()).unwrap();
        assert!(readers(&places).starts_with("journal "));
        let mut found = Vec::new();
        for parser in ["syslog 0", "syslog 4000000000", "of-the-future 1", ""] {
            for are_known in [true, false] {
                found.push((parser, are_known, is_outdated(parser, are_known)));
            }
        }
        let expected = [
            ("syslog 0", true, true),
            ("syslog 0", false, true),
            ("syslog 4000000000", true, false),
            ("syslog 4000000000", false, false),
            ("of-the-future 1", true, false),
            ("of-the-future 1", false, false),
            ("", true, false),
            ("", false, true),
        ];
        assert_eq!(found, expected);
    }
}
