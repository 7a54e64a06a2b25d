//! Tries words against the password hashes of crypt(5): offline, on all cores, and within bounds that no hash can lift.
//!
//! ```text
//! field of shadow ─▶ Hash::parse ─▶ Hash ─┐
//!                                         ├─▶ attack ─▶ the word of each, or none
//! lists of words ─▶ words ─▶ batches ─────┘
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod attack;
mod des;
mod encoding;
mod hash;
mod md5;
mod words;

pub use attack::{Attack, attack};
pub use hash::{Hash, Refusal};
pub use words::{WORD_BYTES, of_name, words};
