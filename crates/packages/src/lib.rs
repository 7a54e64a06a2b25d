//! Files held against what the package databases of the image say of them: those of dpkg and rpm.
//!
//! ```text
//! View ─▶ Packages (dpkg: status, lists, sums; rpm: headers of BerkeleyDB, ndb or SQLite) ─▶ Entry: what a package says of a path
//!                                                     Entry, Observed (node, digest, …) ─▶ compare ─▶ Difference: `S.5....T.`
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod damage;
mod difference;
mod doubts;
pub mod dpkg;
mod entry;
mod file;
mod names;
pub mod originals;
mod package;
mod packages;
mod place;
pub mod rpm;
mod survey;
#[cfg(test)]
mod testing;
mod texts;
mod verify;

pub use damage::Damage;
pub use difference::{Difference, Missing, Observed, compare, is_told, line};
pub use doubts::{Doubt, doubts};
pub use entry::{Entry, Expected, FileFlags, FileState, Owner, Verify};
pub use originals::{Contradicted, Contradiction, Originals};
pub use package::{Manager, Package, PackageState};
pub use packages::Packages;
pub use survey::{Explanation, Privileged, Standing, SurveyEvent, Unowned, is_system, survey};
pub use verify::{Checked, Verified, VerifyEvent, verify};
