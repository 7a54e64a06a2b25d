//! PHP that takes a value from a request and runs it a few lines later.

use crate::engine::{Segment, shown};
use crate::inspection::Sign;
use crate::rules::REQUEST_TO_COMMAND;
use crate::traits::Traits;
use kanshiki_image::bytes::length;
use regex::bytes::{Regex, RegexBuilder};
use std::sync::LazyLock;

/// Bytes between the two: about a function.
const NEAR: u64 = 3000;
/// Names that are remembered.
const NAMES: usize = 64;
/// Signs that are kept for one file.
const SIGNS: u32 = 4;

/// A variable that gets what a request brings, or a function that runs what a variable holds.
static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let text = r#"(?i)\$(?P<taken>\w{1,40})\s*=\s*[^;=\n]{0,80}?\$(?:_(?:POST|GET|REQUEST|COOKIE)|HTTP_(?:POST|GET|COOKIE)_VARS)\s*\[|\b(?P<all>extract)\s*\(\s*\$(?:_(?:POST|GET|REQUEST|COOKIE)|HTTP_(?:POST|GET)_VARS)\b|(?:^|[^\w>:$])(?:system|passthru|shell_exec|exec|popen|proc_open|pcntl_exec|eval|assert)\s*\(\s*@?["']?\s*\$(?P<run>\w{1,40})\b"#;
    RegexBuilder::new(text).unicode(false).build().ok()
});

/// Functions after which a value can do no harm.
const MADE_SAFE: &[&[u8]] = &[b"intval", b"(int)", b"escapeshell", b"isset", b"empty", b"in_array", b"count("];

/// What one file takes from requests.
#[derive(Debug)]
pub(crate) struct Assigned {
    is_on: bool,
    taken: Vec<(Vec<u8>, u64)>,
    /// Whether a request may set any variable.
    is_all_taken: bool,
    signs: u32,
    end: u64,
}

impl Assigned {
    pub(crate) fn new(traits: Traits) -> Self {
        Self { is_on: traits.any(Traits::PHP), taken: Vec::new(), is_all_taken: false, signs: 0, end: 0 }
    }

    pub(crate) fn look(&mut self, segment: Segment<'_>, signs: &mut Vec<Sign>) {
        let Some(pattern) = PATTERN.as_ref().filter(|_| self.is_on) else { return };
        for found in pattern.captures_iter(segment.bytes) {
            let Some(whole) = found.get(0).filter(|it| it.start() >= segment.own.0 && it.start() < segment.own.1)
            else {
                continue;
            };
            let offset = segment.at.saturating_add(length(whole.start()));
            if offset < self.end || self.signs >= SIGNS {
                continue;
            }
            self.end = offset.saturating_add(length(whole.len()));
            if let Some(name) = found.name("taken") {
                let is_safe = MADE_SAFE.iter().any(|it| memchr::memmem::find(whole.as_bytes(), it).is_some());
                self.taken.retain(|(known, _)| known != name.as_bytes());
                if !is_safe && self.taken.len() < NAMES {
                    self.taken.push((name.as_bytes().to_vec(), offset));
                }
            } else if found.name("all").is_some() {
                self.is_all_taken = true;
            } else if let Some(name) = found.name("run") {
                let taken = self.taken.iter().find(|(known, _)| known == name.as_bytes());
                if self.is_all_taken || taken.is_some_and(|(_, from)| offset.saturating_sub(*from) <= NEAR) {
                    self.signs = self.signs.saturating_add(1);
                    let what = shown(whole.as_bytes());
                    signs.push(Sign { rule: &REQUEST_TO_COMMAND, offset, length: length(whole.len()), what });
                }
            }
        }
    }
}
