//! Records read from the place where a superblock would lie.

use super::{Problem, Signature};
use crate::ReadAt;
use crate::bytes::{array, bounded, length, u16_le, u32_le, u64_le};
use kanshiki_model::{ByteRange, visible, visible_text};
use std::cell::RefCell;

/// What a parser returns.
pub(super) type Found = Result<Option<Signature>, Problem>;

/// A disk or a partition that is looked at.
#[derive(Debug)]
pub(super) struct Area<'a> {
    source: &'a dyn ReadAt,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Area<'a> {
    pub(super) fn new(source: &'a dyn ReadAt) -> Self {
        Self { source, problems: RefCell::default() }
    }

    /// Length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.source.len()
    }

    /// Keeps a problem which does not stop the parser.
    pub(super) fn note(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// The `bytes` bytes at `at`; `None` if the area ends before.
    pub(super) fn record(&self, structure: &'static str, at: u64, bytes: usize) -> Result<Option<Record>, Problem> {
        if at.checked_add(length(bytes)).is_none_or(|end| end > self.len()) {
            return Ok(None);
        }
        self.record_up_to(structure, at, bytes).map(Some)
    }

    /// At most `bytes` bytes at `at`, fewer at the end of the area.
    pub(super) fn record_up_to(&self, structure: &'static str, at: u64, bytes: usize) -> Result<Record, Problem> {
        let mut buffer = vec![0; bounded(self.len().saturating_sub(at), bytes)];
        let read = self.source.read_at(at, &mut buffer).map_err(Problem::Read)?;
        buffer.truncate(read);
        Ok(Record { structure, at, bytes: buffer })
    }
}

/// Bytes of a structure, with its name and its place for errors.
#[derive(Debug)]
pub(super) struct Record {
    structure: &'static str,
    at: u64,
    bytes: Vec<u8>,
}

impl Record {
    /// Where it lies, in bytes from the start of the area.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn as_mut_bytes(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Whether `magic` stands at `at`.
    pub(super) fn has(&self, at: usize, magic: &[u8]) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(magic))
    }

    /// The problem that the structure contradicts itself.
    pub(super) fn damaged(&self, detail: impl Into<String>) -> Problem {
        let range = ByteRange::new(self.at, self.at.saturating_add(length(self.bytes.len())));
        Problem::Damaged { structure: self.structure, range, detail: detail.into() }
    }

    fn ends(&self, at: usize) -> Problem {
        self.damaged(format!("no field at its byte {at}: it has {} bytes", self.bytes.len()))
    }

    pub(super) fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Problem> {
        array(&self.bytes, at).ok_or_else(|| self.ends(at))
    }

    pub(super) fn byte(&self, at: usize) -> Result<u8, Problem> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    pub(super) fn u16(&self, at: usize) -> Result<u16, Problem> {
        u16_le(&self.bytes, at).ok_or_else(|| self.ends(at))
    }

    pub(super) fn u32(&self, at: usize) -> Result<u32, Problem> {
        u32_le(&self.bytes, at).ok_or_else(|| self.ends(at))
    }

    pub(super) fn u64(&self, at: usize) -> Result<u64, Problem> {
        u64_le(&self.bytes, at).ok_or_else(|| self.ends(at))
    }

    pub(super) fn u16_be(&self, at: usize) -> Result<u16, Problem> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(super) fn u32_be(&self, at: usize) -> Result<u32, Problem> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(super) fn u64_be(&self, at: usize) -> Result<u64, Problem> {
        self.array(at).map(u64::from_be_bytes)
    }

    pub(super) fn slice(&self, at: usize, bytes: usize) -> Result<&[u8], Problem> {
        at.checked_add(bytes).and_then(|end| self.bytes.get(at..end)).ok_or_else(|| self.ends(at))
    }

    /// A text that ends at the first zero byte or after `bytes` bytes, without blanks at its end; `None` if empty.
    pub(super) fn text(&self, at: usize, bytes: usize) -> Result<Option<String>, Problem> {
        let text = self.slice(at, bytes)?;
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii_end();
        Ok((!text.is_empty()).then(|| visible(text)))
    }

    /// A UUID of 16 bytes; `None` if they are all zero.
    pub(super) fn uuid(&self, at: usize) -> Result<Option<String>, Problem> {
        self.array(at).map(uuid)
    }
}

/// A UUID as text; `None` if all its bytes are zero.
pub(super) fn uuid(bytes: [u8; 16]) -> Option<String> {
    let hex = |at: usize, count: usize| -> String {
        bytes.iter().skip(at).take(count).map(|byte| format!("{byte:02x}")).collect()
    };
    (bytes != [0; 16]).then(|| [hex(0, 4), hex(4, 2), hex(6, 2), hex(8, 2), hex(10, 6)].join("-"))
}

/// UTF-16, little-endian, up to the first zero; what is no text is made visible.
pub(crate) fn utf16_text(bytes: &[u8]) -> Option<String> {
    let units = bytes.chunks_exact(2).filter_map(|pair| u16_le(pair, 0)).take_while(|unit| *unit != 0);
    let text: String = char::decode_utf16(units)
        .map(|unit| match unit {
            Ok(character) => visible_text(character.encode_utf8(&mut [0; 4])),
            Err(error) => format!("\\u{{{:x}}}", error.unpaired_surrogate()),
        })
        .collect();
    (!text.is_empty()).then_some(text)
}
