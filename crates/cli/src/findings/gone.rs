//! What an examination concluded before, and does not any more.

use kanshiki_model::Note;
use kanshiki_store::Reader;
use std::collections::BTreeMap;
use std::path::Path;

/// The findings of a store at a moment: the rule of each, by name.
#[derive(Debug, Default)]
pub(crate) struct Findings(BTreeMap<String, String>);

impl Findings {
    /// Those that a store has; none if it has none yet.
    pub(crate) fn of(store: &Path) -> Self {
        let findings = Reader::open(store).and_then(|reader| reader.findings()).unwrap_or_default();
        Self(findings.into_iter().map(|finding| (finding.name, finding.rule)).collect())
    }

    /// How many of each rule are not there any more, for who looks at the case again.
    pub(crate) fn gone(&self, now: &Self) -> Option<Note> {
        let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, rule) in self.0.iter().filter(|(name, _)| !now.0.contains_key(*name)) {
            let count = rules.entry(rule).or_default();
            *count = count.saturating_add(1);
        }
        if rules.is_empty() {
            return None;
        }
        let rules: Vec<String> = rules.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
        let message = format!(
            "not found any more: {}. Lists of words and digests, indicators and rules are not remembered: what they found is \
             found again when they are given again",
            rules.join(", ")
        );
        Some(Note { subject: "findings of the run before".to_owned(), message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(pairs: &[(&str, &str)]) -> Findings {
        Findings(pairs.iter().map(|(name, rule)| ((*name).to_owned(), (*rule).to_owned())).collect())
    }

    #[test]
    fn what_is_gone_is_counted_by_rule_and_what_is_new_is_no_matter() {
        let before = findings(&[("a", "x.y"), ("b", "x.y"), ("c", "z.z")]);
        assert!(before.gone(&findings(&[("a", "x.y"), ("b", "x.y"), ("c", "z.z"), ("d", "z.z")])).is_none());
        let note = before.gone(&findings(&[("d", "z.z")])).unwrap();
        assert!(note.message.starts_with("not found any more: x.y 2, z.z 1. "), "{}", note.message);
    }
}
