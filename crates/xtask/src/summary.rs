//! How many tests passed, failed and were skipped, from what the test runners say.

use std::collections::BTreeSet;
use std::fmt;

/// How many tests passed, failed and were skipped.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Tests that ran to a good end, those without what they need among them.
    pub(crate) passed: u64,
    /// Tests that failed, or did not end in time.
    pub(crate) failed: u64,
    /// Tests that the runner left out.
    pub(crate) ignored: u64,
    /// The lines of the tests that were without what they need.
    pub(crate) without: BTreeSet<String>,
}

impl Totals {
    /// Adds what nextest says in its last line, as in
    /// `Summary [   0.3s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 3 skipped`.
    pub(crate) fn add_nextest(&mut self, said: &str) {
        let Some(line) = said.lines().rev().find(|line| line.trim_start().starts_with("Summary [")) else { return };
        let count = |word: &str| number_before(line, word);
        self.passed += count(" passed");
        self.failed += count(" failed") + count(" timed out");
        self.ignored += count(" skipped");
    }

    /// Adds what `cargo test` says for each binary, as in `test result: ok. 8 passed; 0 failed; 1 ignored; …`.
    pub(crate) fn add_libtest(&mut self, said: &str) {
        for line in said.lines().filter(|line| line.starts_with("test result: ")) {
            self.passed += number_before(line, " passed");
            self.failed += number_before(line, " failed");
            self.ignored += number_before(line, " ignored");
        }
    }

    /// Adds the lines that tests without what they need have left.
    pub(crate) fn add_without(&mut self, lines: &str) {
        self.without.extend(lines.lines().filter(|line| line.starts_with("SKIPPED ")).map(str::to_owned));
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.without {
            writeln!(formatter, "{line}")?;
        }
        let without = self.without.len() as u64;
        let passed = self.passed.saturating_sub(without);
        write!(formatter, "{passed} passed, {} failed, {} skipped", self.failed, self.ignored + without)
    }
}

/// The number directly before the first `word` that has one; 0 without.
fn number_before(line: &str, word: &str) -> u64 {
    let ends = line.match_indices(word).filter_map(|(end, _)| line.get(..end));
    let mut numbers = ends.filter_map(|before| before.rsplit(|sign: char| !sign.is_ascii_digit()).next()?.parse().ok());
    numbers.next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nextest_says_is_counted() {
        let mut totals = Totals::default();
        totals.add_nextest(
            "  Summary [   0.3s] 9 tests run: 7 passed (1 slow, 1 flaky), 1 failed, 1 timed out, 3 skipped\n  FAIL x\n",
        );
        assert_eq!(totals, Totals { passed: 7, failed: 2, ignored: 3, ..Totals::default() });
    }

    #[test]
    fn what_each_binary_of_cargo_test_says_is_added() {
        let mut totals = Totals::default();
        totals.add_libtest("test result: ok. 8 passed; 0 failed; 1 ignored; 0 measured\nx\ntest result: FAILED. 2 passed; 3 failed; 0 ignored\n");
        assert_eq!(totals, Totals { passed: 10, failed: 3, ignored: 1, ..Totals::default() });
    }

    #[test]
    fn a_test_without_what_it_needs_is_skipped_and_not_passed() {
        let mut totals = Totals { passed: 5, failed: 0, ignored: 1, ..Totals::default() };
        totals.add_without("SKIPPED a::b: needs root\nSKIPPED a::b: needs root\nSKIPPED c: needs `zstd`\n");
        assert_eq!(
            totals.to_string(),
            "SKIPPED a::b: needs root\nSKIPPED c: needs `zstd`\n3 passed, 0 failed, 3 skipped"
        );
    }
}
