//! What settings say of what is logged.

use kanshiki_machine::config::{Config, Evidence, Line, Setting, Settings};
use kanshiki_model::visible;

/// Whether something is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Logged,
    Silent,
    /// The settings could not be judged.
    Unknown,
}

/// What settings say, and why.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) reason: String,
    pub(crate) evidence: Evidence,
}

impl Judged {
    /// With a further reason.
    pub(crate) fn and(mut self, reason: &str) -> Self {
        self.reason.push_str("; ");
        self.reason.push_str(reason);
        self
    }
}

/// What the settings of a program as a whole, or a line of them, say.
pub(crate) trait JudgeConfig {
    /// That nothing in the settings makes the program log something.
    fn absent(&self, reason: &str) -> Judged;

    /// That a line makes the program not log something.
    fn at(&self, line: &Line<'_>) -> Judged;

    /// A verdict, unless not all settings are known.
    fn judged(&self, verdict: Verdict, reason: String, evidence: Evidence) -> Judged;
}

impl JudgeConfig for Config {
    fn absent(&self, reason: &str) -> Judged {
        self.judged(Verdict::Silent, reason.to_owned(), self.evidence())
    }

    fn at(&self, line: &Line<'_>) -> Judged {
        self.judged(Verdict::Silent, set(line.text), line.evidence())
    }

    fn judged(&self, verdict: Verdict, reason: String, evidence: Evidence) -> Judged {
        match self.unknown() {
            Some(why) => Judged { verdict: Verdict::Unknown, reason: format!("{reason}; but {why}"), evidence },
            None => Judged { verdict, reason, evidence },
        }
    }
}

/// What single settings of a program say.
pub(crate) trait JudgeSettings {
    /// What the last setting of a name says, or its absence with the default.
    fn judge(&self, name: &str, default: &str, is_silent: fn(&[u8]) -> Option<bool>) -> Judged;

    /// What a setting says, or its absence with the default of the program.
    fn judge_one(
        &self,
        setting: Option<&Setting<'_>>,
        name_and_default: (&str, &str),
        is_silent: fn(&[u8]) -> Option<bool>,
    ) -> Judged;
}

impl JudgeSettings for Settings<'_> {
    fn judge(&self, name: &str, default: &str, is_silent: fn(&[u8]) -> Option<bool>) -> Judged {
        self.judge_one(self.last(name), (name, default), is_silent)
    }

    fn judge_one(
        &self,
        setting: Option<&Setting<'_>>,
        (name, default): (&str, &str),
        is_silent: fn(&[u8]) -> Option<bool>,
    ) -> Judged {
        let value = setting.map_or(default.as_bytes(), |setting| &setting.value);
        let verdict = match is_silent(value) {
            Some(true) => Verdict::Silent,
            Some(false) => Verdict::Logged,
            None => Verdict::Unknown,
        };
        match setting {
            Some(setting) => self.config().judged(verdict, set(setting.line.text), setting.line.evidence()),
            None => {
                let reason = if default.is_empty() {
                    format!("{name} is not set")
                } else {
                    format!("{name} is not set; its default is {default}")
                };
                self.config().judged(verdict, reason, self.config().evidence())
            }
        }
    }
}

/// A line as it was found.
fn set(line: &[u8]) -> String {
    format!("set: {}", visible(line))
}
