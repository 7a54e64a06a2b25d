//! All rules over the bytes of one file at once: one automaton finds the literals, patterns look around those alone.
//!
//! Bytes are looked at in segments at fixed offsets, each with bytes before and behind it; a match belongs to the segment
//! in which it begins. So the result does not depend on how the bytes were handed in, and memory stays at one segment.

use crate::inspection::Sign;
use crate::literals::Literals;
use crate::rules::{ContentRule, RULES, Trigger};
use crate::traits::Traits;
use kanshiki_image::bytes::length;
use kanshiki_model::visible;
use regex::bytes::{Regex, RegexBuilder};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Bytes before a segment that patterns see.
pub(crate) const BEHIND: usize = 1024;
/// Bytes of a segment.
pub(crate) const SEGMENT: usize = 256 << 10;
/// Bytes after a segment that patterns see; the longest match.
pub(crate) const AHEAD: usize = 4096;

/// Bytes around a literal that its pattern looks at.
const BEFORE: usize = 512;
const AFTER: usize = 2048;

/// Signs of one rule that are kept for one file; a file that has more is no more suspicious.
const SIGNS: u32 = 4;

/// Bytes that the pattern of one trigger may look at in one file. A file full of bait costs a bounded time, and says so.
const LOOKED_AT: u64 = 64 << 20;

/// Bytes of a match that are shown.
const SHOWN: usize = 160;

struct Compiled {
    literals: Literals,
    /// For each literal the triggers that wait for it, each with the number of the literal in the trigger.
    waiting: Vec<Vec<(usize, u32)>>,
    triggers: Vec<Active>,
}

struct Active {
    rule: &'static ContentRule,
    trigger: &'static Trigger,
    pattern: Option<Regex>,
}

/// Compiled once; `None` if the table is wrong, which a test excludes.
static COMPILED: LazyLock<Option<Compiled>> = LazyLock::new(compile);

fn compile() -> Option<Compiled> {
    let mut literals: BTreeMap<String, Vec<(usize, u32)>> = BTreeMap::new();
    let mut triggers = Vec::new();
    for rule in RULES.iter().copied().flatten() {
        for trigger in rule.triggers {
            let number = triggers.len();
            for (place, literal) in (0..).zip(trigger.literals) {
                literals.entry(literal.to_ascii_lowercase()).or_default().push((number, place));
            }
            let pattern = match trigger.pattern {
                "" => None,
                text => Some(
                    RegexBuilder::new(text)
                        .unicode(false)
                        .size_limit(32 << 20)
                        .dfa_size_limit(16 << 20)
                        .build()
                        .ok()?,
                ),
            };
            triggers.push(Active { rule, trigger, pattern });
        }
    }
    let (names, waiting): (Vec<_>, Vec<_>) = literals.into_iter().unzip();
    let literals = Literals::new(&names)?;
    Some(Compiled { literals, waiting, triggers })
}

/// Whether the table of rules could be compiled.
#[cfg(test)]
pub(crate) fn is_compiled() -> bool {
    COMPILED.is_some()
}

/// What is known of one trigger in one file.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Not of this kind of file, or enough found.
    is_done: bool,
    /// Signs that were kept.
    signs: u32,
    /// Where the last match ended.
    end: u64,
    /// Bytes that its pattern has looked at.
    looked_at: u64,
    /// The literals that were seen, as bits, and where the first of them stands.
    seen: u64,
    first: Option<(u64, u64)>,
    /// The bytes of the segment that are still to be looked at.
    from: usize,
    to: usize,
}

/// One segment with what stands around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    /// The bytes before, of it, and behind.
    pub(crate) bytes: &'a [u8],
    /// Where `bytes` begins in the file.
    pub(crate) at: u64,
    /// Where the segment itself begins in `bytes`, and where it ends.
    pub(crate) own: (usize, usize),
}

/// All rules over one file.
#[derive(Debug)]
pub(crate) struct Engine {
    progress: Vec<Progress>,
    pub(crate) signs: Vec<Sign>,
    /// The rules whose patterns did not look at all there is, with where they stopped.
    pub(crate) given_up: Vec<(&'static str, u64)>,
}

impl Engine {
    /// The rules that are for files of such properties.
    pub(crate) fn new(traits: Traits) -> Self {
        let all = COMPILED.as_ref().map(|it| it.triggers.as_slice()).unwrap_or_default();
        let begin = |it: &Active| Progress { is_done: !it.trigger.scope.holds(traits), ..Progress::default() };
        Self { progress: all.iter().map(begin).collect(), signs: Vec::new(), given_up: Vec::new() }
    }

    /// Looks at one segment.
    pub(crate) fn look(&mut self, segment: Segment<'_>) {
        let Some(compiled) = COMPILED.as_ref() else { return };
        if self.progress.iter().all(|it| it.is_done) {
            return;
        }
        compiled.literals.find(segment.bytes, |literal, start, end| {
            for (number, place) in compiled.waiting.get(literal).into_iter().flatten() {
                let Some((active, progress)) = compiled.triggers.get(*number).zip(self.progress.get_mut(*number))
                else {
                    continue;
                };
                if progress.is_done {
                    continue;
                }
                let Some(pattern) = &active.pattern else {
                    let at = segment.at.saturating_add(length(start));
                    progress.seen |= 1_u64.checked_shl(*place).unwrap_or(0);
                    let here = (at, length(end.saturating_sub(start)));
                    progress.first = Some(progress.first.map_or(here, |first| first.min(here)));
                    continue;
                };
                let from = start.saturating_sub(BEFORE);
                let to = end.saturating_add(AFTER).min(segment.bytes.len());
                if from > progress.to && progress.to > 0 {
                    search(active.rule, pattern, progress, segment, &mut self.signs);
                    progress.from = from;
                    progress.to = 0;
                } else if progress.to == 0 {
                    progress.from = from;
                }
                progress.from = progress.from.min(from);
                progress.to = progress.to.max(to);
            }
        });
        for (active, progress) in compiled.triggers.iter().zip(&mut self.progress) {
            if let (Some(pattern), true) = (&active.pattern, progress.to > 0 && !progress.is_done) {
                search(active.rule, pattern, progress, segment, &mut self.signs);
                if progress.looked_at > LOOKED_AT && !progress.is_done {
                    progress.is_done = true;
                    let end = segment.at.saturating_add(length(segment.own.1));
                    self.given_up.push((active.rule.rule.id, end));
                }
            }
            (progress.from, progress.to) = (0, 0);
        }
    }

    /// Ends with the rules that want several marks.
    pub(crate) fn finish(&mut self) {
        let Some(compiled) = COMPILED.as_ref() else { return };
        for (active, progress) in compiled.triggers.iter().zip(&self.progress) {
            let Some((offset, length)) = progress.first.filter(|_| progress.seen.count_ones() >= active.trigger.need)
            else {
                continue;
            };
            let literals = (0..).zip(active.trigger.literals);
            let seen = literals.filter(|(place, _)| progress.seen & 1_u64.checked_shl(*place).unwrap_or(0) != 0);
            let names: Vec<&str> = seen.map(|(_, literal)| *literal).collect();
            let what = shown(names.join(", ").as_bytes());
            self.signs.push(Sign { rule: active.rule, offset, length, what });
        }
    }
}

/// Looks for the pattern in the bytes that are due.
fn search(
    rule: &'static ContentRule,
    pattern: &Regex,
    progress: &mut Progress,
    segment: Segment<'_>,
    signs: &mut Vec<Sign>,
) {
    let due = segment.bytes.get(progress.from..progress.to).unwrap_or_default();
    progress.looked_at = progress.looked_at.saturating_add(length(due.len()));
    for found in pattern.find_iter(due) {
        let start = progress.from.saturating_add(found.start());
        let offset = segment.at.saturating_add(length(start));
        if start < segment.own.0 || start >= segment.own.1 || offset < progress.end {
            continue;
        }
        progress.end = offset.saturating_add(length(found.len()));
        progress.signs = progress.signs.saturating_add(1);
        signs.push(Sign { rule, offset, length: length(found.len()), what: shown(found.as_bytes()) });
        if progress.signs >= SIGNS {
            progress.is_done = true;
            return;
        }
    }
}

/// Bytes of a match, visible and short.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let bytes = bytes.trim_ascii();
    match bytes.get(..SHOWN) {
        Some(begin) if bytes.len() > SHOWN => format!("{}…", visible(begin)),
        _ => visible(bytes),
    }
}
