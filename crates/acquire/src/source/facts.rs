//! What is known of a source that is no block device.

use super::SourceReader;
use kanshiki_model::{Fact, Facts, Timestamp, visible};
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt;

/// Facts of the source: those of its device, or of its first file.
pub(crate) fn facts(source: &SourceReader) -> Facts {
    match (source.device(), source.files().next()) {
        (Some(device), _) => device.facts(),
        (None, Some(file)) => file_facts(source, file),
        (None, None) => Facts::new(),
    }
}

fn file_facts(source: &SourceReader, file: &File) -> Facts {
    let parts = source.parts.len();
    let mut facts = Facts::from([("parts".to_owned(), Fact::derived(parts, "the names of the files"))]);
    let mut put = |name: &str, fact: Fact| facts.insert(name.to_owned(), fact);
    let unknown = |error: &io::Error| Fact::unknown(error.to_string());
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    put(
        "resolved_path",
        match std::fs::read_link(&link) {
            Ok(path) => Fact::probed(visible(path.as_os_str().as_bytes()), "/proc/self/fd"),
            Err(error) => unknown(&error),
        },
    );
    match file.metadata() {
        Ok(metadata) => {
            put("modified", Fact::probed(modified(&metadata).to_string(), "fstat"));
            put("changed", Fact::probed(changed(&metadata).to_string(), "fstat"));
            put("inode", Fact::probed(metadata.ino(), "fstat"));
            put("mode", Fact::probed(format!("{:04o}", metadata.mode() & 0o7777), "fstat"));
            put("owner", Fact::probed(metadata.uid(), "fstat"));
            put("allocated_bytes", Fact::probed(metadata.blocks().saturating_mul(512), "fstat"));
        }
        Err(error) => {
            put("modified", unknown(&error));
        }
    }
    if parts > 1 {
        let list = source.parts.iter().map(|part| part_facts(&part.file, part.range.len()));
        facts.insert("part_files".to_owned(), Fact::probed(Value::Array(list.collect()), "fstat and /proc/self/fd"));
    }
    facts
}

/// What is known of one part of several; `null` for what the system does not tell.
fn part_facts(file: &File, bytes: u64) -> Value {
    let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let metadata = file.metadata().ok();
    json!({
        "path": path.ok().map(|path| visible(path.as_os_str().as_bytes())),
        "bytes": bytes,
        "inode": metadata.as_ref().map(MetadataExt::ino),
        "mode": metadata.as_ref().map(|metadata| format!("{:04o}", metadata.mode() & 0o7777)),
        "owner": metadata.as_ref().map(MetadataExt::uid),
        "modified": metadata.as_ref().map(|metadata| modified(metadata).to_string()),
        "changed": metadata.as_ref().map(|metadata| changed(metadata).to_string()),
    })
}

/// When a file's inode was last changed.
pub(crate) fn changed(metadata: &std::fs::Metadata) -> Timestamp {
    let nanoseconds = metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec());
    Timestamp::from_nanoseconds(nanoseconds)
}

/// When a file was last written.
pub(crate) fn modified(metadata: &std::fs::Metadata) -> Timestamp {
    let nanoseconds = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    Timestamp::from_nanoseconds(nanoseconds)
}
