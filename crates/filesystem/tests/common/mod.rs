//! What the tests of this crate share: images made by mke2fs, and trees as the kernel and as this reader see them.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(unreachable_pub, reason = "a module of tests")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is the failure of the test that called it")]
#![allow(clippy::disallowed_methods, reason = "tests make their own files")]

pub mod dirty;
pub mod image;
pub mod names;
pub mod populate;
pub mod stat;
pub mod tree;
