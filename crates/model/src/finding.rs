//! What an examination concludes, and from what.

use crate::Span;
use std::borrow::Cow;

/// Names of a kind of thing, each stable.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$of])* $variant),* }

        impl $name {
            /// All of them, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name, stable.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The one of this name.
            #[must_use]
            pub fn of_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }
        }
    };
}

named!(
    /// How much a finding matters if it is true.
    Severity {
        /// A fact that helps to read the others.
        Info = "info",
        /// Worth a look.
        Low = "low",
        /// A weakness that was open, or a trace that has harmless explanations too.
        Medium = "medium",
        /// A trace of somebody who got in, of what they left, or of data that were read out.
        High = "high",
    }
);

named!(
    /// How likely a finding is what it seems to be.
    Confidence {
        /// Harmless explanations are as likely.
        Low = "low",
        /// Harmless explanations are possible.
        Medium = "medium",
        /// Harmless explanations are far-fetched.
        High = "high",
    }
);

named!(
    /// The question of the investigator that a finding answers, in the order in which they are asked.
    Question {
        /// Who got in, from where, when, as whom.
        Entry = "entry",
        /// What ran.
        Ran = "ran",
        /// What persists.
        Persists = "persists",
        /// What was changed.
        Changed = "changed",
        /// What was hidden or wiped.
        Hidden = "hidden",
        /// Whether data were read out.
        ReadOut = "read-out",
        /// Whether others were attacked from here.
        Onward = "onward",
        /// Which other holes stand open.
        Holes = "holes",
        /// What cannot be known.
        Unknown = "unknown",
    }
);

impl Question {
    /// The question in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Entry => "Who got in, from where, when, and as whom?",
            Self::Ran => "What ran?",
            Self::Persists => "What persists?",
            Self::Changed => "What was changed?",
            Self::Hidden => "What was hidden or wiped?",
            Self::ReadOut => "Was data read out?",
            Self::Onward => "Was anybody attacked from here?",
            Self::Holes => "Which other holes stand open?",
            Self::Unknown => "What cannot be known?",
        }
    }
}

/// What all findings of one kind have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name, stable, such as `access.brute-force`.
    pub id: &'static str,
    /// What it answers.
    pub question: Question,
    /// How much it matters.
    pub severity: Severity,
    /// How likely it is what it seems to be.
    pub confidence: Confidence,
    /// A technique of MITRE ATT&CK for Linux, such as `T1110.001`; empty where none fits.
    pub technique: &'static str,
    /// What to look at next.
    pub next: &'static str,
}

/// Bytes that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// An event of the store, by its number, with what it shows.
    Event {
        /// The number.
        event: i64,
        /// What it shows, made visible.
        note: String,
    },
    /// A file, or bytes of it.
    File {
        /// The volume, as its index in the view; `None` if the file is not there.
        volume: Option<usize>,
        /// The inode.
        inode: Option<u64>,
        /// The path.
        path: Vec<u8>,
        /// Which bytes; `None` for all of it.
        span: Option<Span>,
        /// What it shows, made visible.
        note: String,
    },
}

/// Something by which the same attacker can be looked for elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Indicator {
    /// What it is, such as `ipv4`, `domain`, `url`, `sha256`, `path`, `wallet`, `account`.
    pub kind: &'static str,
    /// Its value, made visible.
    pub value: String,
}

/// What an examination concludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static Rule,
    /// How much it matters, if the rule's own answer does not fit.
    pub severity: Severity,
    /// How likely it is what it seems to be.
    pub confidence: Confidence,
    /// What it answers, if that is not what the rule says.
    pub question: Question,
    /// A technique of MITRE ATT&CK, if that is not the rule's; empty where none fits.
    pub technique: Cow<'static, str>,
    /// What tells it from others of its rule, made visible: the same whenever the same image is examined.
    pub key: String,
    /// What was found, in a line, made visible.
    pub title: String,
    /// What it means, in plain words, made visible.
    pub explanation: String,
    /// The first and the last time that it concerns, in nanoseconds since 1970 in UTC.
    pub times: (Option<i64>, Option<i64>),
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// How much evidence there is that is not listed.
    pub more_evidence: u64,
    /// By what else the same can be found.
    pub indicators: Vec<Indicator>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_what_they_name() {
        assert!(Severity::ALL.iter().all(|it| Severity::of_name(it.name()) == Some(*it)));
        assert!(Question::ALL.iter().all(|it| Question::of_name(it.name()) == Some(*it)));
        assert!(Severity::High > Severity::Medium && Confidence::of_name("none").is_none());
    }
}
