//! How the program ends.

use std::process::ExitCode;

/// How the program ends; the same numbers for every verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, complete, nothing against it.
    Done,
    /// Done, and the answer is no.
    No,
    /// The command line is wrong.
    CommandLine,
    /// Done in part; the list is in the output.
    Part,
    /// Not done.
    NotDone,
    /// Interrupted; what was written is complete up to a stated point.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::CommandLine => 2,
            Self::Part => 3,
            Self::NotDone => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
