//! Lines of at most 80 characters, in which nothing is hidden.

use kanshiki_model::visible_text;
use serde_json::Value;

const WIDTH: usize = 80;
const LABEL: usize = 26;
/// Where values begin that do not fit beside their label; 64 digits of a digest fit behind it.
const INDENT: usize = 4;
/// How deep values in values are laid out; deeper ones follow in one line.
const DEPTH: usize = 8;

/// A text that grows line by line.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
}

impl Page {
    pub(super) const fn new() -> Self {
        Self { text: String::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn title(&mut self, title: &str) {
        self.line(title);
        self.line(&"=".repeat(WIDTH));
    }

    pub(super) fn heading(&mut self, title: &str) {
        self.blank();
        self.line(title);
        self.line(&"-".repeat(WIDTH));
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line as it is; the program's own text.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// A label and its value, made visible.
    pub(super) fn row(&mut self, label: &str, value: &str) {
        self.laid_out(&visible_text(label), &visible_text(value));
    }

    /// A label and a value that the record holds in visible form.
    pub(super) fn visible_row(&mut self, label: &str, value: &str) {
        self.laid_out(&visible_text(label), &clean(value));
    }

    /// A text, made visible.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.wrapped(2, 2, &visible_text(text));
    }

    /// A text that the record holds in visible form.
    pub(super) fn visible_paragraph(&mut self, text: &str) {
        self.wrapped(2, INDENT, &clean(text));
    }

    /// A value with all that it holds, one line for each.
    pub(super) fn tree(&mut self, value: &Value) {
        self.branch(INDENT, "", value, DEPTH);
    }

    fn branch(&mut self, indent: usize, label: &str, value: &Value, depth: usize) {
        let inner = if label.is_empty() { indent } else { indent.saturating_add(2) };
        match value {
            Value::Object(fields) if depth > 0 && !fields.is_empty() => {
                self.branch_label(indent, label);
                fields.iter().for_each(|(name, value)| {
                    self.branch(inner, &format!("{}:", visible_text(&name.replace('_', " "))), value, depth - 1);
                });
            }
            Value::Array(items) if depth > 0 && !items.is_empty() => {
                self.branch_label(indent, label);
                items.iter().for_each(|item| self.branch(inner, "-", item, depth - 1));
            }
            Value::String(text) => self.leaf(indent, label, &visible_text(text)),
            other => self.leaf(indent, label, &visible_text(&other.to_string())),
        }
    }

    fn branch_label(&mut self, indent: usize, label: &str) {
        if !label.is_empty() {
            self.wrapped(indent, indent.saturating_add(2), label);
        }
    }

    fn leaf(&mut self, indent: usize, label: &str, value: &str) {
        let text = if label.is_empty() { value.to_owned() } else { format!("{label} {value}") };
        self.wrapped(indent, indent.saturating_add(2), &text);
    }

    fn laid_out(&mut self, label: &str, value: &str) {
        let beside = label.chars().count() <= LABEL;
        let column = LABEL + 4;
        let fits = value.split(' ').all(|word| word.chars().count() <= WIDTH - column);
        if !beside || !fits {
            self.wrapped(2, 2, label);
            self.wrapped(INDENT, INDENT, value);
            return;
        }
        let mut lines = wrap(value, WIDTH - column).into_iter();
        self.line(&format!("  {label:<LABEL$}  {}", lines.next().unwrap_or_default()));
        lines.for_each(|line| self.line(&format!("{:column$}{line}", "")));
    }

    fn wrapped(&mut self, first: usize, rest: usize, text: &str) {
        let first = first.min(WIDTH / 2);
        let rest = rest.min(WIDTH / 2);
        for (index, line) in wrap(text, WIDTH - rest.max(first)).into_iter().enumerate() {
            let indent = if index == 0 { first } else { rest };
            self.line(&format!("{:indent$}{line}", ""));
        }
    }
}

/// Makes hidden characters visible and leaves backslashes as they are: for text that is in visible form, unless somebody
/// changed it.
pub(super) fn clean(text: &str) -> String {
    text.split('\\').map(visible_text).collect::<Vec<_>>().join("\\")
}

/// Breaks a text at blanks into lines of at most `width` characters. Longer words are broken into pieces of 64
/// characters where so many fit: half a SHA-512 in hexadecimal.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let piece = width.clamp(1, 64);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0_usize;
    for word in text.split(' ') {
        let length = word.chars().count();
        let needed = if line.is_empty() { length } else { length.saturating_add(1) };
        if used.saturating_add(needed) <= width {
            if used > 0 {
                line.push(' ');
            }
            line.push_str(word);
            used = used.saturating_add(needed);
            continue;
        }
        if used > 0 {
            lines.push(std::mem::take(&mut line));
        }
        used = 0;
        for character in word.chars() {
            if used == piece {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(character);
            used = used.saturating_add(1);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_digest_goes_below_its_label_in_one_piece() {
        let mut page = Page::new();
        page.row("sha256", &"ab".repeat(32));
        assert_eq!(page.into_text(), format!("  sha256\n    {}\n", "ab".repeat(32)));
    }

    #[test]
    fn a_long_value_goes_on_below_itself() {
        let mut page = Page::new();
        page.row("reason", "the disk of the server that was taken over on Tuesday night");
        assert_eq!(
            page.into_text(),
            "  reason                      the disk of the server that was taken over on\n                              Tuesday night\n"
        );
    }

    #[test]
    fn a_visible_text_is_not_escaped_twice_and_a_hidden_character_still_shows() {
        assert_eq!(clean("a\\x1b\u{1b}\\"), "a\\x1b\\u{1b}\\");
    }

    #[test]
    fn values_in_values_are_laid_out() {
        let mut page = Page::new();
        page.tree(&serde_json::json!({"partitions": [{"number": 1, "uuid": "x"}, {}], "table": null}));
        assert_eq!(
            page.into_text(),
            "    partitions:\n      -\n        number: 1\n        uuid: x\n      - {}\n    table: null\n"
        );
    }

    proptest! {
        #[test]
        fn no_line_is_longer_than_80_characters(label in ".{0,60}", value in ".{0,300}", indent in 0_usize..100) {
            let mut page = Page::new();
            page.row(&label, &value);
            page.branch(indent, &visible_text(&label), &Value::String(value.clone()), 3);
            prop_assert!(page.into_text().lines().all(|line| line.chars().count() <= 80));
        }
    }
}
