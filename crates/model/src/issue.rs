//! What could not be read, parsed or decided.

use crate::ByteRange;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that could not be read, parsed or decided; the work went on with the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// What it concerns: a structure, a file or a device, already made visible.
    pub subject: String,
    /// The bytes of the subject that are concerned, where they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<ByteRange>,
    /// What was found, in plain words.
    pub message: String,
}

impl Issue {
    /// An issue that concerns the subject as a whole.
    #[must_use]
    pub fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), range: None, message: message.into() }
    }

    /// An issue at a range of the subject's bytes.
    #[must_use]
    pub fn at(subject: impl Into<String>, range: ByteRange, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), range: Some(range), message: message.into() }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.range {
            Some(range) => write!(f, "{}, bytes {range}: {}", self.subject, self.message),
            None => write!(f, "{}: {}", self.subject, self.message),
        }
    }
}
