//! The end-to-end tests of kanshiki, one file a subject. This crate itself holds nothing.
