//! What an image tells of its machine: files of settings with all that they include, accounts, small databases.
//!
//! All of it is read out of a [`View`](kanshiki_filesystem::View), in bounded memory, and nothing of it is trusted.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod accounts;
pub mod config;
mod endian;
pub mod services;
pub mod settings;
pub mod sqlite;

pub use accounts::Accounts;
pub use endian::Endian;
