//! What a system from a rescue medium does so that the disks of the machine stay as they are.
//!
//! [`guard`] has the kernel refuse writes to every block device from the moment that it appears. [`destination`] takes
//! one disk out of that, by its serial number. [`counters`] shows what the kernel counted of writes. [`medium`] finds the
//! medium and works out its digest. What was done stands in [`state`], and from there in the manifest of each
//! acquisition.
#![forbid(unsafe_code)]

pub mod counters;
pub mod destination;
mod error;
mod events;
pub mod guard;
pub mod medium;
pub mod state;

pub use error::RescueError;
