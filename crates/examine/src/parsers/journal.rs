//! The journal of systemd, read in the order of its file and not by its lists, so that entries that no list names any more,
//! and all whose objects are whole in a truncated or damaged file, are found too.
//!
//! | file | what |
//! | --- | --- |
//! | `NAME.journal` | the one that is written |
//! | `NAME@IDENTIFIER-SEQNUM-TIME.journal` | archived |
//! | `NAME@TIME-NUMBER.journal~` | set aside, since it was found damaged or not closed |
//!
//! Source: <https://systemd.io/JOURNAL_FILE_FORMAT>; the layouts stand in the modules.

mod data;
mod decompress;
mod hash;
mod header;
mod links;
mod lost;
mod object;
mod pages;
mod record;
mod walk;

use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser, ToldBy};
use crate::rotated::without_compression;
use header::Header;
use kanshiki_image::{Memory, ReadAt};
use kanshiki_model::{Event, Span, TimeBasis, Value};
use pages::{Pages, Way};
use record::{Records, hexadecimal};
use std::io::{self, Read as _};
use walk::Walk;

/// Bytes of a compressed file that are decompressed; journald's own limit for a file is 128 MiB.
const COMPRESSED_BYTES: u64 = 128 << 20;

/// The parser of the journal.
#[derive(Debug)]
pub(crate) struct Journal;

impl Parser for Journal {
    fn id(&self) -> &'static str {
        "journal"
    }

    fn told_by(&self) -> ToldBy {
        ToldBy::Bytes
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        candidate.head.starts_with(header::SIGNATURE) || (is_named(candidate.path) && candidate.head.contains(&0))
    }

    fn edition(&self) -> u32 {
        4
    }

    fn parse(&self, input: &Input<'_>, _context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        if let Some(source) = input.plain() {
            return read(source, false, output);
        }
        // The objects point to each other: all of them must be at hand.
        let mut content = Vec::new();
        let result = input.read()?.take(COMPRESSED_BYTES.saturating_add(1)).read_to_end(&mut content);
        let length = usize::try_from(COMPRESSED_BYTES).unwrap_or(usize::MAX);
        if content.len() > length {
            content.truncate(length);
            let span = Span { content_offset: Some(COMPRESSED_BYTES), ..Span::default() };
            output.issue(span, "the compressed journal is longer than 128 MiB; the rest of it is left out");
        }
        read(&Memory(content), true, output)?;
        result.map(drop)
    }
}

/// Whether a file has the name of a journal, whatever it begins with.
fn is_named(path: &[u8]) -> bool {
    let name = without_compression(path);
    name.ends_with(b".journal") || name.ends_with(b".journal~")
}

/// Reads a journal.
///
/// # Errors
///
/// It has no header, and no objects.
fn read(source: &dyn ReadAt, is_compressed: bool, output: &mut Output<'_>) -> io::Result<()> {
    let mut pages = Pages::new(source);
    let length = pages.length();
    let most = usize::try_from(length).unwrap_or(usize::MAX).min(header::READ_BYTES);
    let first = pages.bytes(Way::Ahead, 0, most).unwrap_or_default();
    let (begins, header) = (first.starts_with(header::SIGNATURE), Header::parse(first));
    let span = Span { content_offset: is_compressed.then_some(0), length, ..Span::default() };
    let header = match header {
        Some(header) if !header.is_blank() => header,
        None if begins || length < header::LEAST_BYTES => {
            output.issue(span, "the file ends within the header of the journal, or it cannot be read");
            return Ok(());
        }
        _ => match lost::is_compact(&mut Pages::new(source)) {
            Some(is_compact) => Header::lost(is_compact),
            None => return Err(io::Error::other("the header of the journal is not there, and no object was found")),
        },
    };
    if header.is_lost {
        let why = "the header of the journal is not there; its objects are found by what they look like, and their \
            contents cannot be checked";
        output.issue(Span { length: header::LEAST_BYTES.min(length), ..span }, why);
    } else {
        tell(&header, span, output);
    }
    let machine = if header.is_lost { String::new() } else { hexadecimal(&header.machine) };
    let mut records = Records::new(output, machine, length, is_compressed);
    Walk::new(pages, header, &mut records).run();
    Ok(())
}

/// Gives what the header says as an event of its own.
fn tell(header: &Header, span: Span, output: &mut Output<'_>) {
    let [file, machine, boot, seqnum] =
        [header.file, header.machine, header.boot, header.seqnum].map(|identifier| hexadecimal(&identifier));
    let flags = header.flags();
    let mut fields = vec![
        ("state", Value::Text(header.state().as_bytes())),
        ("flags", Value::Text(flags.as_bytes())),
        ("sealed", Value::Flag(header.is_sealed())),
        ("file_id", Value::Text(file.as_bytes())),
        ("machine_id", Value::Text(machine.as_bytes())),
        ("boot_id", Value::Text(boot.as_bytes())),
        ("seqnum_id", Value::Text(seqnum.as_bytes())),
    ];
    fields.extend(i64::try_from(header.entries).ok().map(|entries| ("entries", Value::Number(entries))));
    let message = format!("journal file, {}, {} entries by its header", header.state(), header.entries);
    let (kind, message) = ("journal.file", message.as_bytes());
    output.also(&Event { kind, basis: TimeBasis::Neighbour, span, message, fields: &fields, ..Event::default() });
}

#[cfg(test)]
mod tests;
