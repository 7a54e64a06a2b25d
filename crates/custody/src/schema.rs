//! JSON Schemas (draft 2020-12) of the records in a case folder, for programs that read them.

/// The schema of `manifest.json`.
pub const MANIFEST_SCHEMA: &str = include_str!("../schema/manifest.schema.json");

/// The schema of the entries of the custody log.
pub const CUSTODY_ENTRY_SCHEMA: &str = include_str!("../schema/custody-entry.schema.json");

/// The schema of `custody/HEAD`.
pub const CUSTODY_HEAD_SCHEMA: &str = include_str!("../schema/custody-head.schema.json");

/// The schema of `case.json`.
pub const CASE_SCHEMA: &str = include_str!("../schema/case.schema.json");
