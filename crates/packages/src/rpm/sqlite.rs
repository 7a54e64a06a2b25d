//! `rpmdb.sqlite`: a table of numbers and headers.

use super::{Database, Records};
use crate::damage::Damage;
use kanshiki_machine::sqlite::{self, Beside, Bounds};
use kanshiki_model::ByteRange;
use kanshiki_walk::contents::RangeReader;

/// What a database may cost: of servers it has 50 to 100 MiB, and the header of a kernel several.
const BOUNDS: Bounds = Bounds { database_bytes: 160 << 20, value_bytes: 64 << 20 };

/// Hands on the headers of a database, in the order of their numbers, and what is damaged of it.
pub(super) fn records(database: &Database<'_>, records: &mut dyn Records) {
    let (length, source) = (database.source.len(), &*database.source);
    let mut content = RangeReader::new(source, ByteRange::new(0, length));
    let beside = Beside { view: database.view, path: &database.path };
    let opened = match sqlite::open_within(&mut content, Some(&beside), BOUNDS) {
        Ok(opened) => opened,
        Err(error) => return records.damage(Damage::new(0, length, error.to_string())),
    };
    for note in &opened.notes {
        records.damage(Damage::new(0, length, note.clone()));
    }
    // No more can be in rows than there is in the file: rows that share pages are damaged.
    let (mut left, mut is_cut) = (length.max(opened.bytes), false);
    let read = opened.each_row("SELECT hnum, blob FROM Packages ORDER BY hnum", &mut |row| {
        let bytes = u64::try_from(sqlite::bytes(row, 1).len()).unwrap_or(u64::MAX);
        is_cut = bytes > left;
        left = left.saturating_sub(bytes);
        if is_cut {
            return false;
        }
        let number = sqlite::number(row, 0).and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        records.record(number, sqlite::bytes(row, 1)).is_continue()
    });
    if let Err(error) = read {
        records.damage(Damage::new(0, length, format!("its table of packages cannot be read to its end: {error}")));
    }
    if is_cut {
        let text = "its headers have more bytes than the database: rows share pages; the rest is left out";
        records.damage(Damage::new(0, length, text));
    }
}
