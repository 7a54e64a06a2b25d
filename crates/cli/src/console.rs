//! Standard output and standard error, with and without colour.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::json_text;
use clap::ValueEnum;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On terminals, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorChoice {
    fn for_stream(self, terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                terminal
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
            }
        }
    }
}

/// Puts colour around words, or leaves them as they are. No colour carries a meaning that the words do not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Paint(bool);

impl Paint {
    /// The colour of this SGR code (ECMA-48, 8.3.117).
    pub(crate) fn around(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Whether there is any colour.
    #[cfg(feature = "demo")]
    pub(crate) const fn is_used(self) -> bool {
        self.0
    }

    /// Bold.
    pub(crate) fn strong(self, text: &str) -> String {
        self.around("1", text)
    }

    /// Bold green.
    pub(crate) fn good(self, text: &str) -> String {
        self.around("1;32", text)
    }

    /// Bold yellow.
    pub(crate) fn warning(self, text: &str) -> String {
        self.around("1;33", text)
    }

    /// Bold red.
    pub(crate) fn bad(self, text: &str) -> String {
        self.around("1;31", text)
    }
}

/// Standard output and standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    out: Paint,
    err: Paint,
    json: bool,
}

impl Console {
    /// `json` says whether failures are told as events too.
    pub(crate) fn new(color: ColorChoice, json: bool) -> Self {
        let out = Paint(color.for_stream(io::stdout().is_terminal()));
        let err = Paint(color.for_stream(io::stderr().is_terminal()));
        Self { out, err, json }
    }

    /// The colours of standard output.
    pub(crate) const fn out(&self) -> Paint {
        self.out
    }

    /// The colours of standard error.
    pub(crate) const fn err(&self) -> Paint {
        self.err
    }

    /// Writes a result to standard output. A reader that has gone away does not make the work fail.
    pub(crate) fn result(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::from_error("cannot write to standard output", &error))
            }
            _ => Ok(()),
        }
    }

    /// Writes one JSON object on one line to standard output.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let mut line = json_text(value)?;
        line.push('\n');
        self.result(&line)
    }

    /// Writes lines to standard error; there is nobody to tell if that fails.
    pub(crate) fn note(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Tells a failure and returns how the program ends.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        if failure.exit_code() == Exit::Done {
            return Exit::Done;
        }
        self.note(&failure.lines(|label| match label {
            "error" => self.err.bad(label),
            _ => self.err.strong(label),
        }));
        if self.json {
            let _ = self.json(&failure.event());
        }
        failure.exit_code()
    }
}
