//! Plain data of a forensic examination. Nothing here does I/O.
#![forbid(unsafe_code)]

mod digest;
mod display;
mod event;
mod exact;
mod fact;
mod file_time;
mod finding;
mod hasher;
mod issue;
mod note;
mod path;
mod progress;
mod range;
mod size;
mod timestamp;

pub use digest::{Algorithm, Digest, DigestParseError};
pub use display::{from_visible, is_hidden, is_plain, shell_word, visible, visible_path, visible_text};
pub use event::{Event, Span, TimeBasis, Value};
pub use exact::{Exact, hex};
pub use fact::{Fact, Facts, Origin};
pub use file_time::FileTime;
pub use finding::{Confidence, Evidence, Finding, Indicator, Question, Rule, Severity};
pub use hasher::Hasher;
pub use issue::Issue;
pub use note::Note;
pub use path::EvidencePath;
pub use progress::{Progress, Silent};
pub use range::{ByteRange, ByteRanges};
pub use size::{Size, SizeParseError, parse_size};
pub use timestamp::{Clock, Timestamp};
