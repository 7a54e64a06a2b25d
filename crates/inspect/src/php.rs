//! PHP that runs, includes or writes what a request brings, also where variables and parts of names stand between the two.
//!
//! The text is read once from its beginning, as PHP parts it. Of each variable it is remembered whether it holds what a request
//! brings, or a text that is known or put together; of branches each is taken, one after the other. What a function of the page
//! itself does with its parameters is not followed.

mod calls;
mod follow;
mod keywords;
#[cfg(test)]
mod tests;
mod tokens;
mod values;
mod variables;

use crate::engine::shown;
use crate::inspection::Sign;
use crate::traits::Traits;
use follow::Follower;
use kanshiki_image::bytes::{bounded, length};
use kanshiki_model::{ByteRange, Issue};

/// Bytes of a page that are read. What people write is shorter by far.
const READ: usize = 4 << 20;

/// The bytes of one page, until all are there.
#[derive(Debug)]
pub(crate) struct Page {
    is_php: bool,
    bytes: Vec<u8>,
    /// Where it went on behind what is read, if it did.
    cut: Option<u64>,
}

impl Page {
    pub(crate) const fn new(traits: Traits) -> Self {
        Self { is_php: traits.any(Traits::PHP), bytes: Vec::new(), cut: None }
    }

    /// Takes the bytes from `offset` on; what lies behind a gap is not read.
    pub(crate) fn take(&mut self, offset: u64, bytes: &[u8]) {
        if !self.is_php || self.cut.is_some() {
            return;
        }
        if offset != length(self.bytes.len()) {
            self.cut = Some(length(self.bytes.len()));
            return;
        }
        let room = bounded(length(bytes.len()), READ.saturating_sub(self.bytes.len()));
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
        if room < bytes.len() {
            self.cut = Some(length(self.bytes.len()));
        }
    }

    /// Reads it, and tells what it does with what a request brings.
    pub(crate) fn finish(self, subject: &str, signs: &mut Vec<Sign>, issues: &mut Vec<Issue>) {
        for told in Follower::new(&self.bytes).finish() {
            let what = shown(self.bytes.get(told.from..told.to).unwrap_or_default());
            let (offset, length) = (length(told.from), length(told.to.saturating_sub(told.from)));
            signs.push(Sign { rule: told.rule, offset, length, what });
        }
        if let Some(cut) = self.cut {
            let what = "what PHP does with requests was not followed in the bytes from here";
            issues.push(Issue::at(subject, ByteRange::new(cut, u64::MAX), what));
        }
    }
}
