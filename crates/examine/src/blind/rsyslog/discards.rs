//! Rules of rsyslog that throw records away before a rule writes them: `stop`, and `~` in its old form, behind a selector, a
//! filter by property, or in a block of RainerScript.

use super::{Target, end, selects, target};
use crate::blind::Finder;
use crate::blind::judged::{JudgeConfig, Judged, Verdict};
use kanshiki_machine::config::{Config, Line, behind};
use kanshiki_model::visible;

/// The facilities that programs log to (syslog(3)).
const FACILITIES: [&[u8]; 20] = [
    b"auth",
    b"authpriv",
    b"cron",
    b"daemon",
    b"ftp",
    b"kern",
    b"lpr",
    b"mail",
    b"news",
    b"syslog",
    b"user",
    b"uucp",
    b"local0",
    b"local1",
    b"local2",
    b"local3",
    b"local4",
    b"local5",
    b"local6",
    b"local7",
];

/// Bytes and lines of a rule, and blocks within each other, and rules on one line.
const RULE_BYTES: usize = 16 << 10;
const RULE_LINES: usize = 64;
const DEPTH: usize = 32;

/// What a rule takes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    Selector(Vec<u8>),
    /// By what a record says.
    Condition,
    /// Records of inputs that are bound to it.
    Ruleset,
    /// Everything.
    None,
}

/// A rule with what it did so far.
#[derive(Debug, Clone)]
struct Rule<'c> {
    line: Line<'c>,
    filter: Filter,
    is_written: bool,
}

/// The rules as they are read.
struct Reader<'f, 'v, 'c> {
    finder: &'f mut Finder<'v>,
    config: &'c Config,
    has_journal: bool,
    /// The facilities whose records a rule before wrote in any case.
    written: [bool; FACILITIES.len()],
    /// The blocks that are open, each with its rule.
    blocks: Vec<Rule<'c>>,
    /// The rule of the last line, which `&` and `else` go on with.
    rule: Option<Rule<'c>>,
    /// Rules on this line so far.
    on_line: usize,
}

pub(super) fn find(finder: &mut Finder<'_>, config: &Config, has_journal: bool) {
    let written = [false; FACILITIES.len()];
    let mut reader = Reader { finder, config, has_journal, written, blocks: Vec::new(), rule: None, on_line: 0 };
    let mut rule: Option<(Line<'_>, Vec<u8>, usize)> = None;
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")) {
        let (first, mut text, lines) = rule.take().unwrap_or_else(|| (line.clone(), Vec::new(), 0));
        let part = line.text.strip_suffix(b"\\");
        text.extend(part.unwrap_or(line.text).iter().take(RULE_BYTES));
        text.push(b' ');
        if text.len() < RULE_BYTES && lines < RULE_LINES && (part.is_some() || is_open(&text)) {
            rule = Some((first, text, lines.saturating_add(1)));
        } else {
            reader.on_line = 0;
            reader.line(&first, &text);
        }
    }
    if let Some((first, text, _)) = rule {
        reader.on_line = 0;
        reader.line(&first, &text);
    }
}

/// Whether a bracket is open, or a condition has no `then` yet.
fn is_open(text: &[u8]) -> bool {
    let mut depth = 0_i64;
    let mut quote = None;
    for byte in text {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'(') => depth = depth.saturating_add(1),
            (None, b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth > 0 || (is_condition(text) && then(text).is_none())
}

fn is_condition(text: &[u8]) -> bool {
    text.starts_with(b"if ") || text.starts_with(b"if(")
}

/// What stands behind the first `then` that is in no quotes.
fn then(text: &[u8]) -> Option<&[u8]> {
    let mut quote = None;
    for (at, byte) in text.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b't') => {
                let before = at.checked_sub(1).and_then(|before| text.get(before));
                let is_word = before.is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b')');
                let rest = text.get(at..).and_then(|text| text.strip_prefix(b"then"));
                if let Some(rest) =
                    rest.filter(|rest| is_word && rest.first().is_none_or(|it| !it.is_ascii_alphanumeric()))
                {
                    return Some(rest);
                }
            }
            _ => {}
        }
    }
    None
}

impl<'c> Reader<'_, '_, 'c> {
    /// Reads a line with those that it goes on in.
    fn line(&mut self, line: &Line<'c>, text: &[u8]) {
        self.on_line = self.on_line.saturating_add(1);
        if self.on_line > DEPTH {
            return;
        }
        let mut rest = text.trim_ascii();
        // An `else` goes on with what its `if` was told of.
        while let Some(behind) = rest.strip_prefix(b"}") {
            self.rule = self.blocks.pop();
            rest = behind.trim_ascii_start();
        }
        if rest.is_empty() || rest.starts_with(b"$") {
            return;
        }
        if let Some(behind) = behind(rest, "else") {
            rest = behind;
            let Some(rule) = &mut self.rule else { return };
            rule.is_written = false;
        } else if let Some(behind) = rest.strip_prefix(b"&") {
            return self.actions(behind.trim_ascii_start(), line);
        }
        let (filter, actions) = filter(rest);
        self.rule = Some(Rule { line: line.clone(), filter, is_written: false });
        self.actions(actions, line);
    }

    /// Reads what is done with the records that the rule takes.
    fn actions(&mut self, text: &[u8], line: &Line<'c>) {
        let mut rest = text;
        loop {
            rest = rest.trim_ascii_start();
            let Some(first) = rest.first() else { return };
            match first {
                b'#' => return,
                b'{' => {
                    let Some(rule) = self.rule.clone().filter(|_| self.blocks.len() < DEPTH) else { return };
                    self.blocks.push(rule);
                    rest = rest.get(1..).unwrap_or_default();
                    continue;
                }
                b'}' => return self.line(line, rest),
                _ => {}
            }
            if rest.starts_with(b"action(") {
                let end = closing(rest);
                let (action, behind) = rest.split_at_checked(end).unwrap_or((rest, b""));
                self.act(target(action));
                rest = behind;
            } else if is_word(rest, b"stop") || is_word(rest, b"~") {
                self.discard(line);
                let length = if rest.starts_with(b"~") { 1 } else { 4 };
                rest = rest.get(length..).unwrap_or_default();
            } else if is_condition(rest) {
                return self.line(line, rest);
            } else {
                return self.act(target(rest));
            }
        }
    }

    /// Something is done with the records of the rule.
    fn act(&mut self, target: Target) {
        if target == Target::Nothing || target == Target::Away {
            return;
        }
        if let Some(rule) = &mut self.rule {
            rule.is_written = true;
        }
        let [] = self.blocks.as_slice() else {
            if let Some(block) = self.blocks.last_mut() {
                // A rule without a filter within a block is an action of the block itself.
                block.is_written |=
                    self.rule.as_ref().is_none_or(|rule| rule.filter == Filter::None || rule.line.is_same(&block.line));
            }
            return;
        };
        match self.rule.as_ref().map(|rule| &rule.filter) {
            Some(Filter::None) => self.written = [true; FACILITIES.len()],
            Some(Filter::Selector(selector)) => {
                for (written, facility) in self.written.iter_mut().zip(FACILITIES) {
                    *written |= takes_all(selector, facility);
                }
            }
            _ => {}
        }
    }

    /// The records of the rule are thrown away.
    fn discard(&mut self, line: &Line<'c>) {
        let Some(rule) = &self.rule else { return };
        if rule.is_written || self.blocks.iter().any(|block| block.is_written) {
            return;
        }
        // The conditions around it are told by the innermost, the rule that the line is of.
        let rule = if rule.filter == Filter::None { self.blocks.last().unwrap_or(rule) } else { rule };
        let is_taken = |facility: &[u8]| match &rule.filter {
            Filter::Selector(selector) => selects(selector, facility),
            _ => true,
        };
        let taken = FACILITIES.iter().zip(self.written).filter(|(facility, _)| is_taken(facility));
        let written: Vec<bool> = taken.map(|(_, written)| written).collect();
        if written.iter().all(|written| *written) {
            return;
        }
        let mut judged = self.config.at(&rule.line);
        if !line.is_same(&rule.line) {
            judged = judged.and(&format!("{}: {}", line.place_of(), visible(line.text)));
        }
        if self.has_journal {
            judged = judged.and("the journal may hold them");
        }
        let is_unsure = written.contains(&true) && rule.filter == Filter::Condition;
        if is_unsure || self.blocks.iter().any(|block| block.filter == Filter::Ruleset) {
            let reason =
                if is_unsure { "rules before it write some of them" } else { "it is in a set of rules of its own" };
            judged = Judged { verdict: Verdict::Unknown, ..judged.and(reason) };
        }
        self.finder.tell("rsyslog", "records that this rule throws away before one writes them to a file", judged);
    }
}

/// What a rule takes, and what stands behind that.
fn filter(text: &[u8]) -> (Filter, &[u8]) {
    if is_condition(text) {
        return (Filter::Condition, then(text).unwrap_or_default());
    }
    if text.starts_with(b":") && !text.starts_with(b":om") {
        // `:PROPERTY, [!]OPERATION, "VALUE" ACTION`, or without a value.
        let quote = memchr::memchr(b'"', text);
        let action = match quote.and_then(|quote| text.get(quote.saturating_add(1)..)) {
            Some(inside) => inside.get(end_of_value(inside)..).unwrap_or_default(),
            None => text.rsplit(|byte| *byte == b',').next().unwrap_or_default().trim_ascii(),
        };
        return (Filter::Condition, action);
    }
    if let Some(rest) = text.strip_prefix(b"ruleset(") {
        return (Filter::Ruleset, rest.get(closing(rest)..).unwrap_or_default());
    }
    if ["module(", "input(", "template(", "global(", "main_queue(", "include("]
        .iter()
        .any(|it| text.starts_with(it.as_bytes()))
    {
        return (Filter::Ruleset, b"");
    }
    match super::selector(text) {
        Some((selector, action)) if !text.starts_with(b"action(") => (Filter::Selector(selector.to_vec()), action),
        _ => (Filter::None, text),
    }
}

/// Behind the quote that ends a value; `\` stands before one that does not.
fn end_of_value(inside: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = inside.iter().position(|byte| {
        let was_escaped = std::mem::take(&mut is_escaped);
        is_escaped = *byte == b'\\' && !was_escaped;
        *byte == b'"' && !was_escaped
    });
    end.map_or(inside.len(), |end| end.saturating_add(1))
}

/// Behind the bracket that closes the first one, or the one before the text.
fn closing(text: &[u8]) -> usize {
    end(text).saturating_add(1).min(text.len())
}

fn is_word(text: &[u8], word: &[u8]) -> bool {
    let rest = text.strip_prefix(word);
    rest.is_some_and(|rest| rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_'))
}

/// Whether a selector takes all records of a facility, whatever their priority is.
fn takes_all(selector: &[u8], facility: &[u8]) -> bool {
    let parts = selector.split(|byte| *byte == b';');
    selects(selector, facility) && parts.clone().any(|part| part.ends_with(b".*") || part.ends_with(b".debug"))
}
