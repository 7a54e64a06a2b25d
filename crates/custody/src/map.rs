//! GNU ddrescue's mapfile: which parts of a source were read, and which were not.
//!
//! | line | holds |
//! | --- | --- |
//! | `# …` | a comment |
//! | the first other | position, phase (one character), pass (may be missing) |
//! | the rest | position, size, status (one character), without gap or overlap |
//!
//! Numbers are in bytes; decimal, octal with `0` or hexadecimal with `0x`. Source: GNU ddrescue manual 1.27, chapter
//! "Mapfile structure".

use kanshiki_model::{ByteRange, ByteRanges, visible};
use std::fmt::Write as _;

/// The name of the file in an exhibit's folder.
pub const FILE_NAME: &str = "image.map";

/// ddrescue keeps positions in signed 64-bit numbers.
const LAST_POSITION: u64 = i64::MAX.unsigned_abs();

/// What is known of some bytes of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapStatus {
    /// `?`: not tried yet.
    NonTried,
    /// `*`: a read failed here; its edges were not looked for yet.
    NonTrimmed,
    /// `/`: a read failed here; its inside was not read sector by sector yet.
    NonScraped,
    /// `-`: sectors that cannot be read.
    BadSector,
    /// `+`: read.
    Finished,
}

impl MapStatus {
    const ALL: [Self; 5] = [Self::NonTried, Self::NonTrimmed, Self::NonScraped, Self::BadSector, Self::Finished];

    /// The character in the file.
    #[must_use]
    pub const fn symbol(self) -> char {
        match self {
            Self::NonTried => '?',
            Self::NonTrimmed => '*',
            Self::NonScraped => '/',
            Self::BadSector => '-',
            Self::Finished => '+',
        }
    }
}

/// What the program was doing when the map was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapPhase {
    /// `?`: copying what was not tried.
    Copying,
    /// `*`: looking for the edges of bad places.
    Trimming,
    /// `/`: reading bad places sector by sector.
    Scraping,
    /// `-`: trying bad sectors again.
    Retrying,
    /// `F`: filling chosen blocks of the output.
    Filling,
    /// `G`: making a map from an output.
    Generating,
    /// `+`: nothing left to do.
    Finished,
}

impl MapPhase {
    const ALL: [Self; 7] = [
        Self::Copying,
        Self::Trimming,
        Self::Scraping,
        Self::Retrying,
        Self::Filling,
        Self::Generating,
        Self::Finished,
    ];

    /// The character in the file.
    #[must_use]
    pub const fn symbol(self) -> char {
        match self {
            Self::Copying => '?',
            Self::Trimming => '*',
            Self::Scraping => '/',
            Self::Retrying => '-',
            Self::Filling => 'F',
            Self::Generating => 'G',
            Self::Finished => '+',
        }
    }
}

/// A mapfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapfile {
    /// Where in the source the program was, in bytes.
    pub position: u64,
    /// What it was doing.
    pub phase: MapPhase,
    /// Which time it was doing it, counted from 1.
    pub pass: u32,
    /// Parts of the source with what is known of them, ascending, without gap or overlap.
    pub blocks: Vec<(ByteRange, MapStatus)>,
}

/// Why bytes are no mapfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// There is no line that says what the program was doing.
    #[error("damaged mapfile: no status line in {lines} lines")]
    NoStatus {
        /// The number of lines.
        lines: usize,
    },
    /// A line has not the form of its kind.
    #[error("damaged mapfile: line {line}: expected {expected}, found `{found}`")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// The form expected.
        expected: &'static str,
        /// The line found, made visible, its first 80 characters.
        found: String,
    },
    /// A block does not begin where the one before ends.
    #[error("damaged mapfile: line {line}: expected a block at byte {expected}, found one at byte {found}")]
    Gap {
        /// The line, counted from 1.
        line: usize,
        /// The end of the block before.
        expected: u64,
        /// Where the block begins.
        found: u64,
    },
}

impl Mapfile {
    /// The map of a finished image of `size` bytes: all were read but the unreadable ones.
    #[must_use]
    pub fn finished(size: u64, unreadable: &ByteRanges) -> Self {
        let all = ByteRanges::from_iter([ByteRange::new(0, size)]);
        let sets = [(MapStatus::Finished, &all), (MapStatus::BadSector, unreadable)];
        Self { position: 0, phase: MapPhase::Finished, pass: 1, blocks: blocks(size, &sets) }
    }

    /// The map of an image of `size` bytes under way. Bytes in none of the sets were not tried; where sets overlap, the
    /// later one counts.
    #[must_use]
    pub fn under_way(size: u64, position: u64, phase: MapPhase, pass: u32, sets: &[(MapStatus, &ByteRanges)]) -> Self {
        Self { position: position.min(size), phase, pass, blocks: blocks(size, sets) }
    }

    /// Reads a mapfile.
    ///
    /// # Errors
    ///
    /// [`MapError`] with the line.
    ///
    /// # Example
    ///
    /// ```
    /// use kanshiki_custody::{MapStatus, Mapfile};
    /// let map = Mapfile::parse(b"# comment\n0x0 + 1\n0 0x200 +\n0x200 512 -\n")?;
    /// assert_eq!(map.ranges(MapStatus::BadSector).total_bytes(), 512);
    /// # Ok::<(), kanshiki_custody::MapError>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self, MapError> {
        let mut map: Option<Self> = None;
        let mut lines = 0;
        for (index, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
            lines = index.saturating_add(1);
            let content = text.trim_ascii();
            if content.is_empty() || content.starts_with(b"#") {
                continue;
            }
            let bad = |expected| MapError::Line { line: lines, expected, found: shown(content) };
            let fields: Vec<&str> = str::from_utf8(content).unwrap_or_default().split_ascii_whitespace().collect();
            match &mut map {
                None => map = Some(status_line(&fields).ok_or_else(|| bad("position, phase and pass"))?),
                Some(map) => {
                    let (range, status) = block_line(&fields).ok_or_else(|| bad("position, size and status"))?;
                    map.push(lines, range, status)?;
                }
            }
        }
        map.ok_or(MapError::NoStatus { lines })
    }

    /// The file's text; the same map always gives the same text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::from("# Mapfile of GNU ddrescue's format, written by kanshiki\n");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# current_pos  current_status  current_pass");
        let _ = writeln!(text, "0x{:08X}     {}               {}", self.position, self.phase.symbol(), self.pass);
        let _ = writeln!(text, "#      pos        size  status");
        for (range, status) in &self.blocks {
            let _ = writeln!(text, "0x{:08X}  0x{:08X}  {}", range.start, range.len(), status.symbol());
        }
        text
    }

    /// The bytes of which this is known.
    #[must_use]
    pub fn ranges(&self, status: MapStatus) -> ByteRanges {
        self.blocks.iter().filter(|(_, found)| *found == status).map(|(range, _)| *range).collect()
    }

    /// The end of the last block: the size of the source, in bytes.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.blocks.last().map_or(0, |(range, _)| range.end)
    }

    fn push(&mut self, line: usize, range: ByteRange, status: MapStatus) -> Result<(), MapError> {
        let expected = self.blocks.last().map_or(range.start, |(last, _)| last.end);
        if range.start != expected {
            return Err(MapError::Gap { line, expected, found: range.start });
        }
        self.blocks.push((range, status));
        Ok(())
    }
}

fn status_line(fields: &[&str]) -> Option<Mapfile> {
    let (position, phase, pass) = match *fields {
        // Versions of ddrescue before 1.20 wrote no pass.
        [position, phase] => (position, phase, 1),
        [position, phase, pass] => (position, phase, u32::try_from(number(pass)?).ok()?),
        _ => return None,
    };
    let phase = symbol_of(phase, &MapPhase::ALL, MapPhase::symbol)?;
    Some(Mapfile { position: number(position)?, phase, pass, blocks: Vec::new() })
}

fn block_line(fields: &[&str]) -> Option<(ByteRange, MapStatus)> {
    let [start, size, status] = *fields else { return None };
    let (start, size) = (number(start)?, number(size)?);
    let end = start.checked_add(size).filter(|end| *end <= LAST_POSITION && size > 0)?;
    Some((ByteRange::new(start, end), symbol_of(status, &MapStatus::ALL, MapStatus::symbol)?))
}

fn symbol_of<T: Copy>(text: &str, all: &[T], symbol: impl Fn(T) -> char) -> Option<T> {
    let mut characters = text.chars();
    let only = characters.next().filter(|_| characters.as_str().is_empty())?;
    all.iter().copied().find(|value| symbol(*value) == only)
}

fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hexadecimal) => (hexadecimal, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // `from_str_radix` would take a sign.
    digits.starts_with(|c: char| c.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, radix).ok())?
}

fn shown(line: &[u8]) -> String {
    visible(line.get(..80).unwrap_or(line))
}

/// Cuts the image where any set begins or ends; each piece has the status of the last set that holds it.
fn blocks(size: u64, sets: &[(MapStatus, &ByteRanges)]) -> Vec<(ByteRange, MapStatus)> {
    let whole = ByteRange::new(0, size);
    let mut cuts: Vec<u64> =
        sets.iter().flat_map(|(_, set)| set.within(whole)).flat_map(|range| [range.start, range.end]).collect();
    cuts.extend([0, size]);
    cuts.sort_unstable();
    cuts.dedup();
    let mut walks: Vec<_> = sets.iter().map(|(status, set)| (*status, set.within(whole).peekable())).collect();
    let mut blocks: Vec<(ByteRange, MapStatus)> = Vec::new();
    for (start, end) in cuts.iter().zip(cuts.iter().skip(1)) {
        let mut status = MapStatus::NonTried;
        for (candidate, ranges) in &mut walks {
            while ranges.next_if(|range| range.end <= *start).is_some() {}
            if ranges.peek().is_some_and(|range| range.contains(*start)) {
                status = *candidate;
            }
        }
        match blocks.last_mut() {
            Some((last, same)) if *same == status => last.end = *end,
            _ => blocks.push((ByteRange::new(*start, *end), status)),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn ranges(pairs: &[(u64, u64)]) -> ByteRanges {
        pairs.iter().map(|(start, end)| ByteRange::new(*start, *end)).collect()
    }

    #[test]
    fn a_finished_map_holds_every_bad_run_also_at_the_end() {
        let map = Mapfile::finished(0x3000, &ranges(&[(0, 0x200), (0x2e00, 0x3000)]));
        assert_eq!(
            map.to_text(),
            "# Mapfile of GNU ddrescue's format, written by kanshiki\n\
             # current_pos  current_status  current_pass\n\
             0x00000000     +               1\n\
             #      pos        size  status\n\
             0x00000000  0x00000200  -\n\
             0x00000200  0x00002C00  +\n\
             0x00002E00  0x00000200  -\n"
        );
    }

    #[test]
    fn bytes_in_no_set_were_not_tried_and_later_sets_count() {
        let (done, bad) = (ranges(&[(0, 100)]), ranges(&[(50, 60), (150, 400)]));
        let sets = [(MapStatus::Finished, &done), (MapStatus::NonTrimmed, &bad)];
        let map = Mapfile::under_way(300, 100, MapPhase::Copying, 1, &sets);
        let symbols: Vec<_> = map.blocks.iter().map(|(range, status)| (range.end, status.symbol())).collect();
        assert_eq!(symbols, [(50, '+'), (60, '*'), (100, '+'), (150, '?'), (300, '*')]);
    }

    #[test]
    fn an_empty_source_has_a_map_without_blocks() {
        let map = Mapfile::finished(0, &ByteRanges::new());
        assert_eq!(map.blocks, []);
        assert_eq!(Mapfile::parse(map.to_text().as_bytes()), Ok(map));
    }

    #[test]
    fn a_map_of_ddrescue_is_read() {
        let text = b"# Mapfile. Created by GNU ddrescue version 1.27\n# Command line: ddrescue a b c\n\
                     0x00010000     F               2\n#      pos        size  status\n\
                     0x00000000  0x00010000  +\n0x00010000  0x00001000  /\n";
        let map = Mapfile::parse(text).unwrap();
        assert_eq!((map.position, map.phase, map.pass, map.end()), (0x10000, MapPhase::Filling, 2, 0x11000));
        assert_eq!(map.ranges(MapStatus::NonScraped), ranges(&[(0x10000, 0x11000)]));
    }

    #[test]
    fn damage_is_named_with_its_line() {
        let told = |text: &str| Mapfile::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(told("# x\n"), "damaged mapfile: no status line in 2 lines");
        assert_eq!(
            told("0 + 1\n0 512 +\n0 512 +\n"),
            "damaged mapfile: line 3: expected a block at byte 512, found one at byte 0"
        );
        for line in ["0 512 !", "0 0 +", "0 512", "0 512 + +", "-1 512 +", "0 0x8000000000000000 +", "0 08 +", "0 + 1"]
        {
            assert_eq!(
                told(&format!("0 + 1\n{line}\n")),
                format!("damaged mapfile: line 2: expected position, size and status, found `{line}`")
            );
        }
        assert_eq!(
            told("0 X\u{1b}\n"),
            "damaged mapfile: line 1: expected position, phase and pass, found `0 X\\u{1b}`"
        );
    }

    #[test]
    fn ddrescuelog_accepts_our_maps_and_counts_the_same_bytes() {
        if Command::new("ddrescuelog").arg("--version").output().is_err() {
            println!("skipped: ddrescuelog (package gddrescue) is not installed");
            return;
        }
        let temporary = tempfile::tempdir().unwrap();
        let dir = crate::OutputDir::open(temporary.path()).unwrap();
        let map = Mapfile::finished(1 << 41, &ranges(&[(512, 1024), ((1 << 41) - 4096, 1 << 41)]));
        dir.write_new("image.map", map.to_text().as_bytes()).unwrap();
        let run = |arguments: &[&str]| {
            let output = Command::new("ddrescuelog").args(arguments).current_dir(temporary.path()).output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(
            run(&["-b512", "-l-", "image.map"]).1.lines().collect::<Vec<_>>(),
            [
                "1",
                "4294967288",
                "4294967289",
                "4294967290",
                "4294967291",
                "4294967292",
                "4294967293",
                "4294967294",
                "4294967295"
            ]
        );
        let (code, shown) = run(&["-t", "image.map"]);
        assert_eq!(code, Some(0));
        assert!(shown.contains("4608 B"), "{shown}");
        let done = Mapfile::finished(512, &ByteRanges::new());
        dir.write_new("done.map", done.to_text().as_bytes()).unwrap();
        assert_eq!(run(&["--done-status", "done.map"]).0, Some(0));
        assert_eq!(run(&["--done-status", "image.map"]).0, Some(1));
    }

    proptest! {
        #[test]
        fn a_map_is_read_back(
            size in 0_u64..5000,
            done in prop::collection::vec((0_u64..5000, 1_u64..500), 0..8),
            bad in prop::collection::vec((0_u64..5000, 1_u64..500), 0..8),
        ) {
            let set = |pairs: Vec<(u64, u64)>| -> ByteRanges {
                pairs.into_iter().map(|(start, length)| ByteRange::new(start, start + length)).collect()
            };
            let (done, bad) = (set(done), set(bad));
            let sets = [(MapStatus::Finished, &done), (MapStatus::BadSector, &bad)];
            let map = Mapfile::under_way(size, 7, MapPhase::Retrying, 3, &sets);
            prop_assert_eq!(map.end(), size);
            prop_assert_eq!(map.ranges(MapStatus::BadSector), bad.within(ByteRange::new(0, size)).collect());
            prop_assert_eq!(Mapfile::parse(map.to_text().as_bytes()), Ok(map));
        }

        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Mapfile::parse(&bytes);
        }

        #[test]
        fn any_text_like_a_map_never_panics(text in "([0-9x]{0,20} [?*/+!-]? ?[0-9x]{0,20} ?[+-]?\n){0,10}") {
            let _ = Mapfile::parse(text.as_bytes());
        }
    }
}
