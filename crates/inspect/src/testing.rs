//! What the tests of this crate share.

use crate::{Facts, Inspection, Subject};
use kanshiki_image::Memory;

/// A file of these bytes, handed in by windows of this size.
pub(crate) fn by_windows(path: &str, bytes: &[u8], window: usize) -> Facts {
    let source = Memory(bytes.to_vec());
    let mut inspection = Inspection::begin(&Subject { path: path.as_bytes(), mode: 0o100_644, source: &source });
    for (number, part) in bytes.chunks(window.max(1)).enumerate() {
        inspection.window((number * window.max(1)) as u64, part);
    }
    inspection.finish()
}

/// A file of these bytes.
pub(crate) fn facts(path: &str, bytes: &[u8]) -> Facts {
    by_windows(path, bytes, bytes.len())
}

/// The rules that speak of a file, each once.
pub(crate) fn rules(facts: &Facts) -> Vec<&'static str> {
    let mut rules: Vec<_> = facts.signs.iter().map(|sign| sign.rule.rule.id).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}
