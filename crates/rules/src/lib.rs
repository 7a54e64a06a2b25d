//! Rules of the analyst, and a small set of own ones, as text that is read when the program runs.
//!
//! ```text
//! *.yar, *.yara ─▶ yara::Yara ─── bytes of a file ──▶ yara::Match
//! *.yml, *.yaml ─▶ sigma::Sigma ── records of logs ──▶ sigma::Hit
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod files;
pub mod sigma;
pub mod weight;
pub mod yara;

pub use files::{LoadError, RuleSet};
