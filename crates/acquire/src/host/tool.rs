//! The program itself.

use crate::device::sysfs_open;
use kanshiki_model::{Fact, Facts};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read as _};
use std::path::Path;

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Name, version, commit, SHA-256 of the running binary, command line and options.
#[must_use]
pub fn tool_facts(command_line: &[String], options: Value, commit: Option<&str>) -> Facts {
    let binary = match sha256_of(Path::new("/proc/self/exe")) {
        Ok(digest) => Fact::probed(digest, "/proc/self/exe"),
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

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = sysfs_open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let digest = hasher.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
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
        assert_eq!(sha256_of(file.path()).unwrap(), expected);
    }
}
