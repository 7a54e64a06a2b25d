//! Files of settings line by line, with all that they include, and what a setting in them says.

use crate::settings::{self, File, Found};
use kanshiki_filesystem::View;
use kanshiki_model::visible;

/// Files that one service's settings may have.
const FILES: usize = 256;

/// Lines of one service's settings.
const LINES: usize = 200_000;

/// Bytes of one service's settings.
const BYTES: usize = 16 << 20;

/// Lines of one service's settings that may include others.
const INCLUDES: usize = 512;

/// How deep files may include others.
const DEPTH: usize = 8;

/// How a program's settings are written.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The pattern of files that a line includes at its place; several with blanks between, where the program takes them.
    pub include: fn(&[u8]) -> Option<Vec<u8>>,
    /// Whether blanks part patterns.
    pub has_several: bool,
    /// Where relative patterns begin; in the folder of the file itself if it is `None`.
    pub folder: Option<&'static str>,
}

impl Dialect {
    /// Of files that include no others.
    pub const PLAIN: Self = Self { include: |_| None, has_several: false, folder: None };
}

/// Where a setting stands, or would stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Its path.
    pub path: Vec<u8>,
    /// The volume, as its index in the view, and the inode; `None` if there is no such file.
    pub place: Option<(usize, u64)>,
    /// Byte, number of bytes, and line from 1.
    pub span: Option<(u64, u64, u64)>,
}

/// The settings of a program.
#[derive(Debug, Default)]
pub struct Config {
    files: Vec<File>,
    /// Of each file the place of the one that includes it.
    parents: Vec<Option<usize>>,
    lines: Vec<Span>,
    bytes: usize,
    includes: usize,
    /// Why not all of them are known.
    unknown: Option<String>,
}

/// A line of a file.
#[derive(Debug, Clone, Copy)]
struct Span {
    file: usize,
    start: usize,
    end: usize,
    number: u64,
}

/// A line of settings, without blanks around it.
#[derive(Debug, Clone)]
pub struct Line<'c> {
    /// What stands there.
    pub text: &'c [u8],
    /// The place of the file among those that were read.
    pub place: usize,
    file: &'c File,
    start: usize,
    number: u64,
}

impl Line<'_> {
    /// Whether it is the same line.
    pub const fn is_same(&self, other: &Self) -> bool {
        self.place == other.place && self.number == other.number
    }

    /// Where it stands, in words.
    pub fn place_of(&self) -> String {
        format!("line {} of {}", self.number, visible(&self.file.path))
    }

    /// Its place.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let number = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
        Evidence {
            path: self.file.path.clone(),
            place: Some((self.file.volume, self.file.inode)),
            span: Some((number(self.start), number(self.text.len()), self.number)),
        }
    }
}

impl Config {
    /// Reads the files that patterns lead to, in their order, and those that they include, each at its place.
    pub fn gather(view: &View, starts: &[&str], dialect: Dialect) -> Option<Self> {
        let mut config = Self::default();
        for start in starts {
            for path in settings::paths(view, start.as_bytes()) {
                config.enter(view, &path, dialect, &mut Vec::new());
            }
        }
        (!config.files.is_empty() || config.unknown.is_some()).then_some(config)
    }

    /// `above` holds the inodes and the places of the files that include this one: each may be included several times, but
    /// not by itself.
    fn enter(&mut self, view: &View, path: &[u8], dialect: Dialect, above: &mut Vec<((usize, u64), usize)>) {
        let file = match settings::open(view, path) {
            Found::Nothing | Found::Other => return,
            Found::Directory => {
                if above.len() < DEPTH {
                    for path in settings::paths(view, &[path, b"/*"].concat()) {
                        if let Found::File(_) = settings::open(view, &path) {
                            self.enter(view, &path, dialect, above);
                        }
                    }
                }
                return;
            }
            Found::Unreadable(why) => return self.is_unknown(&format!("{} cannot be read: {why}", visible(path))),
            Found::File(file) => file,
        };
        let node = (file.volume, file.inode);
        if above.iter().any(|(included, _)| *included == node) {
            return self.is_unknown(&format!("{} includes itself", visible(path)));
        }
        self.bytes = self.bytes.saturating_add(file.bytes.len());
        if above.len() >= DEPTH || self.files.len() >= FILES || self.bytes > BYTES {
            return self.is_unknown("the settings include more files than are read");
        }
        if !file.is_whole {
            self.is_unknown(&format!("{} is longer than what is read of settings", visible(path)));
        }
        if file.bytes.contains(&0) {
            self.is_unknown(&format!("{} is no text", visible(path)));
        }
        let folder = dialect.folder.map_or_else(|| folder(&file.path).to_vec(), |folder| folder.as_bytes().to_vec());
        let lines = spans(&file.bytes, self.files.len());
        let place = self.files.len();
        self.files.push(file);
        self.parents.push(above.last().map(|(_, place)| *place));
        above.push((node, place));
        for line in lines {
            if self.lines.len() >= LINES {
                self.is_unknown("the settings have more lines than are read");
                break;
            }
            let text = self.files.get(place).and_then(|file| file.bytes.get(line.start..line.end)).unwrap_or_default();
            let included = (dialect.include)(text).unwrap_or_default();
            self.lines.push(line);
            let is_part = |byte: &u8| dialect.has_several && byte.is_ascii_whitespace();
            for pattern in included.split(is_part).map(unquoted).filter(|pattern| !pattern.is_empty()) {
                self.includes = self.includes.saturating_add(1);
                if self.includes > INCLUDES {
                    self.is_unknown("the settings include more files than are read");
                    break;
                }
                let is_whole = pattern.starts_with(b"/");
                let pattern = if is_whole { pattern.to_vec() } else { [&folder, b"/".as_slice(), pattern].concat() };
                for path in settings::paths(view, &pattern) {
                    self.enter(view, &path, dialect, above);
                }
            }
        }
        above.pop();
    }

    /// Notes why the settings are not all known.
    pub fn is_unknown(&mut self, why: &str) {
        self.unknown.get_or_insert_with(|| why.to_owned());
    }

    /// The lines that are not empty, in the order in which the program reads them.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines.iter().filter_map(|span| {
            let file = self.files.get(span.file)?;
            let text = file.bytes.get(span.start..span.end)?;
            (!text.is_empty()).then_some(Line { text, place: span.file, file, start: span.start, number: span.number })
        })
    }

    /// The place of the file that includes the one at this place; `None` for those that reading began with.
    #[must_use]
    pub fn parent(&self, place: usize) -> Option<usize> {
        self.parents.get(place).copied().flatten()
    }

    /// The first of the files.
    pub fn evidence(&self) -> Evidence {
        self.files.first().map_or_else(Evidence::default, |file| Evidence {
            path: file.path.clone(),
            place: Some((file.volume, file.inode)),
            span: None,
        })
    }

    /// The settings of lines that `split` takes apart into name and value.
    pub fn settings(&self, mut split: impl FnMut(&Line<'_>) -> Option<(Vec<u8>, Vec<u8>)>) -> Settings<'_> {
        let found = self.lines().filter_map(|line| {
            let (name, value) = split(&line)?;
            Some(Setting { name, value, line })
        });
        Settings { config: self, found: found.collect() }
    }

    /// Why not all settings are known, if they are not.
    #[must_use]
    pub fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }
}

/// The lines of a file, without blanks around them; a file may have no more than fit into its bytes.
fn spans(bytes: &[u8], file: usize) -> Vec<Span> {
    let mut start = 0_usize;
    let mut spans = Vec::new();
    for (number, line) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
        let blanks = line.len().saturating_sub(line.trim_ascii_start().len());
        let begin = start.saturating_add(blanks);
        let end = begin.saturating_add(line.trim_ascii().len());
        if begin < end {
            spans.push(Span { file, start: begin, end, number });
        }
        start = start.saturating_add(line.len()).saturating_add(1);
    }
    spans
}

fn folder(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').and_then(|slash| path.get(..slash)).unwrap_or_default()
}

/// A setting with its line.
#[derive(Debug, Clone)]
pub struct Setting<'c> {
    /// Its name, as the program's dialect gives it.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// Where it stands.
    pub line: Line<'c>,
}

/// The settings of a program, in the order in which it reads them.
#[derive(Debug)]
pub struct Settings<'c> {
    config: &'c Config,
    /// All of them.
    pub found: Vec<Setting<'c>>,
}

impl<'c> Settings<'c> {
    /// All that the program reads.
    #[must_use]
    pub const fn config(&self) -> &'c Config {
        self.config
    }

    /// The last setting of a name, which is the one that counts with most programs.
    pub fn last(&self, name: &str) -> Option<&Setting<'c>> {
        self.found.iter().rev().find(|setting| setting.name == name.as_bytes())
    }
}

/// `name = value` or `name value`, names in lower case, without what stands behind a comment sign or around it as quotes.
pub fn assignment(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if line.starts_with(b"#") || line.starts_with(b";") {
        return None;
    }
    let end = line.iter().position(|byte| *byte == b'=' || byte.is_ascii_whitespace()).unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(end)?;
    let rest = rest.trim_ascii_start();
    let value = rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii();
    (!name.is_empty()).then(|| (name.to_ascii_lowercase(), unquoted(value).to_vec()))
}

/// A value without quotes around it, and without a comment behind it.
pub fn unquoted(value: &[u8]) -> &[u8] {
    match value.split_first() {
        Some((quote @ (b'"' | b'\''), inside)) => {
            let end = memchr::memchr(*quote, inside).unwrap_or(inside.len());
            inside.get(..end).unwrap_or_default()
        }
        _ => {
            let comment = value.windows(2).position(|pair| matches!(pair, [b' ' | b'\t', b'#']));
            value.get(..comment.unwrap_or(value.len())).unwrap_or_default().trim_ascii_end()
        }
    }
}

/// Whether a switch is off: as `NO`, `off`, `false`, `0` in any case; `None` if it is neither on nor off.
pub fn is_off(value: &[u8]) -> Option<bool> {
    match value.to_ascii_lowercase().as_slice() {
        b"no" | b"off" | b"false" | b"0" => Some(true),
        b"yes" | b"on" | b"true" | b"1" => Some(false),
        _ => None,
    }
}

/// The words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Whether bytes hold a text.
pub fn holds(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

/// What stands behind a word that a line begins with, in any case and with blanks between.
pub fn behind<'l>(line: &'l [u8], word: &str) -> Option<&'l [u8]> {
    let (first, rest) = line.split_at_checked(word.len())?;
    let is_word = first.eq_ignore_ascii_case(word.as_bytes()) && rest.first().is_none_or(u8::is_ascii_whitespace);
    is_word.then(|| rest.trim_ascii())
}
