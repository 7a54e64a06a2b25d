//! Looks at the content of one file and tells facts and signs: what kind of file it is, what a program is made of, and
//! what in it speaks of miners, shells on web servers, tools of attackers, or data about to be carried off.
//!
//! ```text
//! Subject ─▶ head and tables by random access ─▶ kind, facts of ELF, members of archives ─┐
//! windows ─▶ segments at fixed offsets ─▶ literals of all rules at once ─▶ patterns ──────┴─▶ Facts
//! ```
//!
//! Nothing here knows of packages, users or other files: whoever asks joins the signs with those.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod addresses;
mod archive;
pub mod elf;
mod engine;
mod inspection;
mod kind;
mod lines;
mod literals;
mod php;
mod rules;
#[cfg(test)]
mod testing;
mod traits;
#[cfg(test)]
mod trial;
mod wallet;

pub use inspection::{Facts, Inspection, Sign, Strings, Subject};
pub use kind::{ArchiveForm, DumpForm, Kind};
pub use rules::{ContentRule, RULES};
