//! The verbs that look into images: each reads with the libraries and shows rows, readable or as JSON lines.

pub(crate) mod blocks;
pub(crate) mod cat;
pub(crate) mod check;
pub(crate) mod deleted;
pub(crate) mod find;
pub(crate) mod grep;
pub(crate) mod hash;
pub(crate) mod hexdump;
pub(crate) mod ls;
mod node;
mod range;
mod search;
pub(crate) mod stat;
pub(crate) mod strings;
mod terminal;
#[cfg(test)]
mod tests;
pub(crate) mod timeline;
pub(crate) mod tree;
