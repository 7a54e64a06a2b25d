//! Why the program did not do what it was asked, in the words that the user reads.

use crate::exit::Exit;
use kanshiki_model::visible_text;
use serde::Serialize;
use std::error::Error;
use std::fmt;
use std::io;

/// Why the program did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    what: String,
    because: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// A failure without a deeper cause.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { exit: Exit::NotDone, what: what.into(), because: Vec::new(), hint: None }
    }

    /// What the user was doing, with the error and all its causes below it.
    pub(crate) fn from_error(doing: impl Into<String>, error: &(dyn Error + 'static)) -> Self {
        Self { because: chain(error), ..Self::new(doing) }
    }

    /// An error that says itself what was tried, with its causes below it.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut because = chain(error);
        let what = because.remove(0);
        Self { because, ..Self::new(what) }
    }

    /// Whoever read the output has gone away: the program ends quietly, and well.
    #[cfg(feature = "browse")]
    pub(crate) fn quiet_end() -> Self {
        Self::new("nobody reads the output").exit(Exit::Done)
    }

    /// Adds a cause below those that are there.
    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.because.push(cause.into());
        self
    }

    /// Sets what would help.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        self.maybe_hint(Some(hint.into()))
    }

    /// Sets what would help, if anything would.
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Sets how the program ends.
    pub(crate) const fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// How the program ends.
    pub(crate) const fn exit_code(&self) -> Exit {
        self.exit
    }

    /// The lines for standard error; `label` paints the words `error`, `because` and `hint`.
    pub(crate) fn lines(&self, label: impl Fn(&str) -> String) -> String {
        let mut lines = format!("{}: {}\n", label("error"), harmless(&self.what));
        for cause in &self.because {
            lines.push_str(&format!("  {}: {}\n", label("because"), harmless(cause)));
        }
        if let Some(hint) = &self.hint {
            lines.push_str(&format!("  {}: {}\n", label("hint"), harmless(hint)));
        }
        lines
    }

    /// The same as an event for programs.
    pub(crate) fn event(&self) -> impl Serialize + '_ {
        ErrorEvent {
            schema: 1,
            kind: "error",
            event: "error",
            error: &self.what,
            because: &self.because,
            hint: self.hint.as_deref(),
            exit_code: self.exit.code(),
        }
    }
}

/// On one line: `cannot read x: permission denied`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.because.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

#[derive(Serialize)]
struct ErrorEvent<'a> {
    schema: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    event: &'static str,
    error: &'a str,
    because: &'a [String],
    hint: Option<&'a str>,
    exit_code: u8,
}

/// The error and its causes, the outermost first; never empty.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes = vec![said(error)];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = said(cause);
        // A transparent error repeats the text of its cause.
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

/// The error's text; that of the operating system in the form of all others: lower case, without its number.
fn said(error: &(dyn Error + 'static)) -> String {
    let text = error.to_string();
    // Programs that were run say it with the end of a line.
    let text = text.trim_end().to_owned();
    let Some(number) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) else {
        return text;
    };
    let text = text.trim_end_matches(&format!(" (os error {number})"));
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if !letters.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Keeps what comes from evidence from steering the terminal; what is already escaped stays as it is.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive('\\') {
        let (plain, backslash) = part.strip_suffix('\\').map_or((part, ""), |plain| (plain, "\\"));
        out.push_str(&visible_text(plain));
        out.push_str(backslash);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_three_steps() {
        let denied = io::Error::from_raw_os_error(13);
        let failure = Failure::from_error("cannot image `/dev/sdb`", &denied)
            .hint("run as root, or let your group read the device");
        assert_eq!(
            failure.lines(str::to_owned),
            "error: cannot image `/dev/sdb`\n  because: permission denied\n  \
             hint: run as root, or let your group read the device\n"
        );
    }

    #[test]
    fn abbreviations_keep_their_capitals() {
        let failure = Failure::from_error("x", &io::Error::other("EIO at 7"));
        assert_eq!(failure.lines(str::to_owned), "error: x\n  because: EIO at 7\n");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal_and_escapes_are_not_doubled() {
        assert_eq!(harmless("a\u{1b}[2Jb\\xff\\"), "a\\u{1b}[2Jb\\xff\\");
    }
}
