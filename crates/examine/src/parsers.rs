//! The parsers, in the order in which they are asked.

use crate::parser::Parser;

mod audit;
mod history;
mod syslog;

/// All parsers; the first that claims a file reads it.
pub const PARSERS: &[&dyn Parser] = &[&audit::Audit, &history::History, &syslog::Syslog];
