//! `kanshiki hexdump`: bytes of files, inodes or blocks in hexadecimal.

use super::cat::{Target, TargetArguments};
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use kanshiki_image::{Piece, pieces};
use kanshiki_model::{ByteRange, Issue, hex};
use kanshiki_walk::contents::stored_runs;
use serde::Serialize;

/// Bytes in a row.
const ROW: usize = 16;

/// Bytes of a hole from which on its rows are left out.
const HOLE_BYTES: u64 = 1 << 20;

const AFTER_HELP: &str = "\
Rows are those of `hexdump -C`: offset, sixteen bytes, and what of them is ASCII. Rows that repeat
the one before are told as one `*`, and holes of 1 MiB and more with --jsonl as one line, unless
--all is given.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done.

Examples:
  kanshiki hexdump disk.raw /var/log/wtmp --range -1K
  kanshiki hexdump disk.raw:p2 --inode 12
  kanshiki hexdump disk.raw:p2 --block 1";

/// Show bytes of files, inodes or blocks in hexadecimal
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct HexdumpArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// What to give.
    #[command(flatten)]
    target: TargetArguments,
    /// Rows that repeat the one before, and those of large holes, too
    #[arg(long)]
    all: bool,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

#[derive(Serialize)]
struct BytesLine<'a> {
    name: &'a str,
    offset: u64,
    hex: String,
}

#[derive(Serialize)]
struct HoleLine<'a> {
    name: &'a str,
    offset: u64,
    bytes: u64,
}

/// Runs the verb.
pub(crate) fn run(arguments: &HexdumpArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(arguments, &evidence, &mut output)?;
    output.finish()
}

pub(super) fn show(arguments: &HexdumpArguments, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    let mut is_first = true;
    arguments.target.each(evidence, output, |target, output| {
        if arguments.target.are_several() && !output.is_json() {
            if !std::mem::take(&mut is_first) {
                output.line("")?;
            }
            output.line(&format!("{}:", target.name))?;
        }
        let mut dump =
            Dump { name: &target.name, all: arguments.all, at: target.range.start, row: Vec::new(), before: None };
        dump.all(target, output)?;
        dump.finish(output)
    })
}

/// Rows under way.
struct Dump<'a> {
    name: &'a str,
    all: bool,
    /// The offset behind the bytes in `row`.
    at: u64,
    row: Vec<u8>,
    /// The last full row, and whether rows like it have been left out.
    before: Option<(Vec<u8>, bool)>,
}

impl Dump<'_> {
    /// The bytes that were asked for.
    fn all(&mut self, target: &Target, output: &mut Output) -> Result<(), Failure> {
        let range = target.range.intersect(ByteRange::new(0, target.source.len()));
        if self.all {
            return self.read(target, range, output);
        }
        let mut at = range.start;
        let stored = stored_runs(target.source.as_ref(), HOLE_BYTES).map(|run| run.intersect(range));
        for stored in stored.filter(|run| !run.is_empty()) {
            self.hole(target, ByteRange::new(at, stored.start), output)?;
            self.read(target, stored, output)?;
            at = stored.end;
        }
        self.hole(target, ByteRange::new(at, range.end), output)
    }

    /// Bytes that are not stored: the first rows of zeroes, and the rest without its rows.
    fn hole(&mut self, target: &Target, range: ByteRange, output: &mut Output) -> Result<(), Failure> {
        // Up to the end of the row under way, then a row to tell, and one that repeats it.
        let told = ((ROW - self.row.len()) % ROW + 2 * ROW) as u64;
        let (told, rest) = split(range, told);
        self.read(target, told, output)?;
        let (skipped, rest) = split(rest, rest.len() - rest.len() % ROW as u64);
        if output.is_json() && !skipped.is_empty() {
            output.object("hole", &HoleLine { name: self.name, offset: skipped.start, bytes: skipped.len() })?;
        }
        self.at = rest.start;
        self.read(target, rest, output)
    }

    fn read(&mut self, target: &Target, range: ByteRange, output: &mut Output) -> Result<(), Failure> {
        pieces(target.source.as_ref(), range, &mut |piece| match piece {
            Piece::Bytes(bytes) => self.bytes(bytes, output),
            Piece::Unreadable { range, error } => {
                self.end_row(output)?;
                self.at = range.end;
                self.before = None;
                if !output.is_json() {
                    output.line(&format!("{:08x}  (unreadable up to {:08x})", range.start, range.end))?;
                }
                output.issue(&Issue::at(self.name, range, Failure::of(&error).to_string()))
            }
        })
    }

    fn bytes(&mut self, mut bytes: &[u8], output: &mut Output) -> Result<(), Failure> {
        while !bytes.is_empty() {
            // Rows begin at multiples of their length only if the first does, as in `hexdump -s`.
            let take = (ROW - self.row.len()).min(bytes.len());
            let (head, rest) = bytes.split_at(take);
            self.row.extend_from_slice(head);
            self.at = self.at.saturating_add(take as u64);
            bytes = rest;
            if self.row.len() == ROW {
                self.end_row(output)?;
            }
        }
        Ok(())
    }

    fn end_row(&mut self, output: &mut Output) -> Result<(), Failure> {
        if self.row.is_empty() {
            return Ok(());
        }
        let row = std::mem::take(&mut self.row);
        let offset = self.at.saturating_sub(row.len() as u64);
        if output.is_json() {
            return output.object("bytes", &BytesLine { name: self.name, offset, hex: hex(&row) });
        }
        if let Some((before, told)) = &mut self.before
            && *before == row
            && !self.all
        {
            if !std::mem::replace(told, true) {
                output.line("*")?;
            }
            return Ok(());
        }
        output.line(&format_row(offset, &row))?;
        self.before = (row.len() == ROW).then_some((row, false));
        Ok(())
    }

    fn finish(&mut self, output: &mut Output) -> Result<(), Failure> {
        self.end_row(output)?;
        if output.is_json() { Ok(()) } else { output.line(&format!("{:08x}", self.at)) }
    }
}

/// The first bytes of a range, and the rest.
fn split(range: ByteRange, bytes: u64) -> (ByteRange, ByteRange) {
    let middle = range.start.saturating_add(bytes).min(range.end);
    (ByteRange::new(range.start, middle), ByteRange::new(middle, range.end))
}

fn format_row(offset: u64, row: &[u8]) -> String {
    let half = |half: &[u8]| half.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let (left, right) = row.split_at(row.len().min(ROW / 2));
    let ascii: String =
        row.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect();
    format!("{offset:08x}  {:<23}  {:<23}  |{ascii}|", half(left), half(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_looks_as_that_of_hexdump() {
        assert_eq!(
            format_row(0x10, b"root:x:0:0:\x1b\n"),
            "00000010  72 6f 6f 74 3a 78 3a 30  3a 30 3a 1b 0a           |root:x:0:0:..|"
        );
    }
}
