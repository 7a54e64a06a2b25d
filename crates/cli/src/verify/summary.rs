//! What a verification found, for people and for programs.

use crate::arguments::OutputArguments;
use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use kanshiki_acquire::verify::{ExhibitReport, Verdict, VerifyReport};
use kanshiki_model::{ByteRange, Size};
use serde_json::Value;

/// Ranges and problems that are shown one by one; `--json` gives all.
const SHOWN: usize = 20;

/// Tells what was found.
pub(super) fn tell(
    report: &VerifyReport,
    exit: Exit,
    output: &OutputArguments,
    console: &Console,
) -> Result<(), Failure> {
    if let Some(reason) = &report.not_recorded {
        let text = format!("this verification is not in the custody log: {reason}");
        console.note(&format!("{}: {}\n", console.err().warning("warning"), harmless(&text)));
    }
    if output.json {
        let mut value =
            serde_json::to_value(report).map_err(|error| Failure::from_error("cannot make JSON", &error))?;
        if let Value::Object(fields) = &mut value {
            fields.insert("event".to_owned(), "result".into());
            fields.insert("exit_code".to_owned(), exit.code().into());
        }
        console.json(&value)
    } else if output.quiet {
        console.note(&reservations(report, console.err()));
        Ok(())
    } else {
        console.result(&text(report, exit, console.out()))
    }
}

fn text(report: &VerifyReport, exit: Exit, paint: Paint) -> String {
    let mut text = String::new();
    for exhibit in &report.exhibits {
        text.push_str(&of_exhibit(exhibit, paint));
    }
    if let Some(custody) = &report.custody {
        let word = answer(custody.verdict, paint);
        text.push_str(&format!("{word}  custody log, {} entries\n", custody.entries));
        if let Some(head) = &custody.head {
            text.push_str(&format!("  {:<12} {}\n", "head", harmless(head)));
        }
        push_list(&mut text, "!", custody.problems.iter().map(String::as_str));
        push_list(&mut text, "-", custody.notes.iter().map(String::as_str));
    }
    if !report.not_compared.is_empty() {
        text.push_str(&format!("{}\n", paint.strong("not compared:")));
        push_list(&mut text, "-", report.not_compared.iter().map(String::as_str));
    }
    let answer = match report.verdict {
        Verdict::Intact if exit == Exit::Part => {
            paint.warning("nothing differs, but this verification is not in the custody log (exit code 3)")
        }
        Verdict::Intact if report.not_compared.is_empty() => paint.good("everything was compared and nothing differs"),
        Verdict::Intact => paint.good("what was asked for was compared, and nothing differs"),
        Verdict::Partial => paint.warning("what was compared is intact, but not everything was compared (exit code 3)"),
        Verdict::Impossible => paint.bad("there is no answer: something could not be read (exit code 4)"),
        Verdict::Differs => paint.bad("SOMETHING DIFFERS, see above (exit code 1)"),
    };
    text.push_str(&format!("\n{}: {answer}\n", harmless(&report.target)));
    text
}

/// What speaks against an intact answer, one line each; nothing if nothing does.
fn reservations(report: &VerifyReport, paint: Paint) -> String {
    let (label, word) = match report.verdict {
        Verdict::Intact => return String::new(),
        Verdict::Partial => (paint.warning("warning"), "in part"),
        Verdict::Impossible => (paint.bad("error"), "no answer"),
        Verdict::Differs => (paint.bad("error"), "DIFFERS"),
    };
    let mut lines: Vec<String> = Vec::new();
    for exhibit in &report.exhibits {
        let name = &exhibit.exhibit;
        lines.extend(exhibit.differing.iter().map(|range| format!("{name}: {}", in_mebibytes(range))));
        lines.extend(exhibit.problems.iter().map(|problem| format!("{name}: {problem}")));
        lines.extend(exhibit.unread.iter().map(|range| format!("{name}: bytes {range} cannot be read")));
    }
    if let Some(custody) = &report.custody {
        let notes: &[String] = if report.verdict == Verdict::Impossible { &custody.notes } else { &[] };
        lines.extend(custody.problems.iter().chain(notes).map(|problem| format!("custody log: {problem}")));
    }
    if report.verdict != Verdict::Differs {
        for exhibit in &report.exhibits {
            let name = &exhibit.exhibit;
            lines.extend(exhibit.not_compared.iter().map(|what| format!("not compared: {name}: {what}")));
        }
        lines.extend(report.not_compared.iter().map(|what| format!("not compared: {what}")));
    }
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    let mut text = String::new();
    for line in lines {
        text.push_str(&format!("{label}: {}\n", harmless(&line)));
    }
    if more > 0 {
        text.push_str(&format!("{label}: and {more} more, see --json\n"));
    }
    text.push_str(&format!("{label}: {}: {word}\n", harmless(&report.target)));
    text
}

/// The answer in a word.
fn answer(verdict: Verdict, paint: Paint) -> String {
    match verdict {
        Verdict::Intact => paint.good("intact"),
        Verdict::Partial => paint.warning("in part"),
        Verdict::Impossible => paint.bad("no answer"),
        Verdict::Differs => paint.bad("DIFFERS"),
    }
}

fn of_exhibit(exhibit: &ExhibitReport, paint: Paint) -> String {
    let word = answer(exhibit.verdict, paint);
    let mut text = format!("{word}  {}\n", harmless(&exhibit.exhibit));
    let mut row = |name: &str, value: &str| text.push_str(&format!("  {name:<12} {value}\n"));
    row("compared", &Size(exhibit.compared_bytes).to_string());
    for (algorithm, digest) in &exhibit.digests {
        row(&harmless(algorithm), &harmless(digest));
    }
    if !exhibit.unreadable.is_empty() {
        row("unreadable", &format!("{} when the image was made", Size(exhibit.unreadable.total_bytes())));
    }
    if !exhibit.unread.is_empty() {
        let ranges: Vec<String> = exhibit.unread.iter().take(SHOWN).map(|range| range.to_string()).collect();
        row("not read", &format!("{}: bytes {}", Size(exhibit.unread.total_bytes()), ranges.join(", ")));
    }
    let differing: Vec<String> = exhibit.differing.iter().map(in_mebibytes).collect();
    push_list(&mut text, "!", differing.iter().map(String::as_str));
    push_list(&mut text, "!", exhibit.problems.iter().map(String::as_str));
    push_list(&mut text, "-", exhibit.notes.iter().map(String::as_str));
    let not_compared: Vec<String> = exhibit.not_compared.iter().map(|what| format!("not compared: {what}")).collect();
    push_list(&mut text, "-", not_compared.iter().map(String::as_str));
    text
}

/// The range with the numbers, from 0, of the MiB that it touches.
fn in_mebibytes(range: ByteRange) -> String {
    let (first, last) = (range.start >> 20, range.end.saturating_sub(1) >> 20);
    match last.saturating_sub(first) {
        0 => format!("MiB {first} differs (bytes {range})"),
        _ => format!("MiB {first} to {last} differ (bytes {range})"),
    }
}

fn push_list<'a>(text: &mut String, mark: &str, lines: impl ExactSizeIterator<Item = &'a str>) {
    let more = lines.len().saturating_sub(SHOWN);
    for line in lines.take(SHOWN) {
        text.push_str(&format!("  {mark} {}\n", harmless(line)));
    }
    if more > 0 {
        text.push_str(&format!("  {mark} and {more} more, see --json\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_named_to_the_mebibyte() {
        assert_eq!(in_mebibytes(ByteRange::new(7 << 20, 8 << 20)), "MiB 7 differs (bytes 7340032-8388608)");
        assert_eq!(in_mebibytes(ByteRange::new(0, 9 << 19)), "MiB 0 to 4 differ (bytes 0-4718592)");
    }
}
