//! The program itself.

use crate::device::sysfs_open;
use crate::hashers::hash_all;
use kanshiki_model::{Fact, Facts};
use serde_json::Value;
use std::path::Path;

/// Name, version, commit, SHA-256 of the running binary, command line and options.
#[must_use]
pub fn tool_facts(command_line: &[String], options: Value, commit: Option<&str>) -> Facts {
    let binary = match sysfs_open(Path::new("/proc/self/exe")).and_then(hash_all) {
        Ok((_, digest)) => Fact::probed(digest, "/proc/self/exe"),
        Err(error) => Fact::unknown(format!("cannot read /proc/self/exe: {error}")),
    };
    let commit = commit.map_or_else(
        || Fact::unknown("the program was not built from a repository"),
        |commit| Fact::probed(commit, "the build"),
    );
    Facts::from([
        ("name".to_owned(), Fact::probed("kanshiki", "the build")),
        ("version".to_owned(), Fact::probed(env!("CARGO_PKG_VERSION"), "the build")),
        ("commit".to_owned(), commit),
        ("binary_sha256".to_owned(), binary),
        ("command_line".to_owned(), Fact::probed(command_line.to_vec(), "the command line")),
        ("options".to_owned(), Fact::derived(options, "the command line and what it leaves to the program")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_running_binary_is_named_by_its_digest() {
        let facts = tool_facts(&["kanshiki".to_owned(), "acquire".to_owned()], json!({ "retries": 1 }), None);
        assert_eq!(facts["binary_sha256"].text().unwrap().len(), 64);
        assert_eq!(facts["command_line"].value, json!(["kanshiki", "acquire"]));
        assert!(facts["commit"].reason.is_some());
    }

    #[test]
    fn the_digest_of_a_file_is_that_of_sha256sum() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash_all(sysfs_open(file.path()).unwrap()).unwrap().1, expected);
    }
}
