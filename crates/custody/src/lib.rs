//! The case folder: exhibits with their manifests and leaves, the custody log, and the checks of all of them.
#![forbid(unsafe_code)]

mod error;
mod input;
pub mod leaves;
pub mod manifest;
pub mod merkle;

pub use error::CustodyError;
pub use input::{open_regular, read_small};
