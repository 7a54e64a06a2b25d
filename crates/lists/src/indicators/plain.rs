//! Indicators as text: one on a line, or as CSV.

use super::classify::classify;
use super::kinds::of_kind;
use super::{Indicators, What};
use std::io::{self, BufRead, BufReader, Read};

/// A line longer than this is cut there.
const LINE_BYTES: u64 = 64 << 10;

/// Which columns of a CSV are read.
#[derive(Debug)]
struct Columns {
    value: usize,
    kind: Option<usize>,
    is_wanted: Option<usize>,
    label: Option<usize>,
}

/// Reads all lines.
pub(super) fn read(list: impl Read) -> io::Result<Indicators> {
    let mut list = BufReader::with_capacity(1 << 16, list);
    let (mut found, mut line, mut number, mut columns) = (Indicators::default(), Vec::new(), 0_u64, None);
    let (mut is_first, mut begins) = (true, true);
    loop {
        line.clear();
        if list.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        // What is behind the end of a line that was cut is no line.
        let is_rest = !begins;
        begins = line.ends_with(b"\n");
        if is_rest {
            continue;
        }
        number = number.saturating_add(1);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || [";", "//"].iter().any(|sign| text.starts_with(sign)) {
            continue;
        }
        if let Some(rest) = text.strip_prefix('#') {
            // Some name their columns in a comment.
            columns = columns.or_else(|| if is_first { header(rest) } else { None });
            continue;
        }
        if is_first {
            is_first = false;
            columns = columns.or_else(|| header(text));
            if columns.is_some() && header(text).is_some() {
                continue;
            }
        }
        match &columns {
            Some(columns) => row(text, columns, number, &mut found),
            None => value(text, number, &mut found),
        }
    }
}

/// A line with a value, and a comment behind it.
fn value(text: &str, number: u64, found: &mut Indicators) {
    let comment = [" #", "\t#", " ;", " // "].iter().filter_map(|sign| text.find(sign)).min();
    let (value, label) = text.split_at_checked(comment.unwrap_or(text.len())).unwrap_or((text, ""));
    let label = label.trim().trim_start_matches(['#', ';', '/']);
    put(classify(value.trim()), value, label, number, found);
}

fn put(classified: Result<Vec<What>, &'static str>, value: &str, label: &str, number: u64, found: &mut Indicators) {
    match classified {
        Ok(all) => all.into_iter().for_each(|what| found.push(what, label, number)),
        Err(why) => found.refuse(number, &format!("`{}`: {why}", value.chars().take(80).collect::<String>())),
    }
}

/// The columns, if a line names that of the value and others.
fn header(text: &str) -> Option<Columns> {
    let names: Vec<String> = fields(text).iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let of = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
    let value = of(&["value", "indicator", "ioc", "indicator_value", "ioc_value"])?;
    let kind = of(&["kind", "type", "indicator_type", "ioc_type"]);
    let label = of(&["comment", "description", "label", "note", "malware", "threat", "findings"]);
    (names.len() > 1).then_some(Columns { value, kind, is_wanted: of(&["to_ids"]), label })
}

fn row(text: &str, columns: &Columns, number: u64, found: &mut Indicators) {
    let fields = fields(text);
    let field = |column: Option<usize>| column.and_then(|column| fields.get(column)).map_or("", String::as_str).trim();
    if matches!(field(columns.is_wanted), "0" | "false" | "False") {
        return;
    }
    // What a spreadsheet would take for a formula has a sign before it.
    let value = field(Some(columns.value));
    let value = value.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@'])).unwrap_or(value);
    if value.is_empty() {
        return;
    }
    let kind = field(columns.kind);
    let classified = if kind.is_empty() { classify(value) } else { of_kind(kind, value) };
    put(classified, &format!("{kind} {value}"), field(columns.label), number, found);
}

/// The fields of a row (RFC 4180); one that goes on in the next line ends with this one.
fn fields(text: &str) -> Vec<String> {
    let (mut fields, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if is_quoted && signs.peek() == Some(&'"') => {
                field.push('"');
                signs.next();
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(sign),
        }
    }
    fields.push(field);
    fields
}
