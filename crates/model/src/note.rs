//! What is worth knowing and no [`Issue`](crate::Issue).

use std::fmt;

/// Something that is worth knowing and takes nothing away from the answer; what does is an [`Issue`](crate::Issue).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it concerns, made visible.
    pub subject: String,
    /// What there is to know, in plain words.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}
