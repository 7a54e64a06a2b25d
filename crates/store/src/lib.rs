//! The tables of a case: files, events, coverage and issues in one SQLite file, which every analyst can open.
//!
//! `schema.sql` tells the tables. Events are appended in the order in which they are read, without any index: [`Reader`]
//! finds its way by the table `blocks`, which says of every run of 1024 events between which times they lie and which
//! texts they may hold.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod again;
mod ask;
mod batch;
mod conclusions;
mod error;
mod exhibits;
mod histogram;
mod hours;
mod insert;
mod ledger;
mod questions;
mod reader;
mod rows;
mod schema;
mod suspects;
mod totals;
mod trigrams;
mod waiting;
mod writer;

pub use again::ReadLog;
pub use ask::{Answer, Parameters, Part};
pub use batch::{BATCH_BYTES, BATCH_EVENTS, EventBatch, PackedEvent};
pub use conclusions::{InventoryRow, StoredEvidence, StoredFinding, StoredVerdict, Verdict};
pub use error::StoreError;
pub use exhibits::LogPlace;
pub use histogram::{Count, Grain};
pub use ledger::LedgerFile;
pub use questions::{QUESTIONS, Question};
pub use reader::{Filter, Reader, StoredEvent};
pub use rows::{BlindSpot, ExhibitId, FileId, FileRow, Gap, LogRow, VolumeId, WaitingLog};
pub use schema::SCHEMA;
pub use suspects::Suspect;
pub use totals::Totals;
pub use writer::{Files, Writer};

/// What the store gives, or why it does not.
pub type Result<T> = std::result::Result<T, StoreError>;

#[cfg(test)]
mod tests;
