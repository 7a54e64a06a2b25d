//! What kanshiki's own rescue medium leaves in memory about itself, for the record of each acquisition.
//!
//! | file | written by | holds |
//! | --- | --- | --- |
//! | `etc/kanshiki-rescue/contents.json` | the build of the medium | every file and package that went in |
//! | `run/kanshiki-rescue/medium.json` | `kanshiki rescue medium` | the ISO as it was read from the disk or CD |
//! | `run/kanshiki-rescue/acts.jsonl` | the guard and the examiner's commands | what was set read-only, what writable |
//!
//! A running system cannot prove what it was started from: its kernel and its files are what the boot program put into
//! memory. What it can tell is the digest of the medium that carries the same list of contents.

use crate::device::{read_limited, shown};
use crate::hashers::hash_all;
use kanshiki_model::{Fact, Facts};
use serde_json::Value;
use std::path::Path;

/// The list of what went into the medium, below the root.
pub const CONTENTS: &str = "etc/kanshiki-rescue/contents.json";

/// The folder in memory for what the rescue system does, below the root.
pub const STATE: &str = "run/kanshiki-rescue";

/// The file in [`STATE`] that tells of the medium.
pub const MEDIUM: &str = "medium.json";

/// The file in [`STATE`] with one act a line.
pub const ACTS: &str = "acts.jsonl";

/// The longest of these files that is read, in bytes.
const FILE_BYTES: u64 = 16 << 20;

const CANNOT_PROVE: &str = "the running kernel and its files are what the boot program loaded, which cannot be proved \
    from inside";

/// Facts of a machine that was started from kanshiki's rescue medium; none on any other.
pub(super) fn facts(root: &Path) -> Facts {
    let contents = root.join(CONTENTS);
    let Ok(bytes) = read_limited(&contents, FILE_BYTES) else { return Facts::new() };
    let digest = hash_all(bytes.as_slice()).map(|(_, digest)| digest);
    let contents_sha256 = digest.map_or_else(
        |error| Fact::unknown(format!("cannot read {}: {error}", shown(&contents))),
        |digest| Fact::probed(digest, format!("{}; {CANNOT_PROVE}", shown(&contents))),
    );
    let state = root.join(STATE);
    let acts = acts(&state.join(ACTS));
    Facts::from([
        ("rescue_contents_sha256".to_owned(), contents_sha256),
        ("rescue_iso_sha256".to_owned(), iso(&state.join(MEDIUM))),
        ("rescue_read_only".to_owned(), told(&acts, "read-only", &state)),
        ("rescue_destinations".to_owned(), told(&acts, "writable", &state)),
        ("rescue_not_protected".to_owned(), told(&acts, "failed", &state)),
    ])
}

/// The digest of the ISO, with where it was read from.
fn iso(file: &Path) -> Fact {
    let Ok(bytes) = read_limited(file, FILE_BYTES) else {
        return Fact::unknown(format!("{} is not there: the medium was not looked for", shown(file)));
    };
    let medium: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let text = |name: &str| medium.get(name).and_then(Value::as_str);
    match (text("sha256"), text("device"), text("reason")) {
        (Some(digest), Some(device), _) => Fact::probed(
            digest,
            format!("the ISO on {device}, whose list of contents is that of the running system; {CANNOT_PROVE}"),
        ),
        (_, _, Some(reason)) => Fact::unknown(reason),
        _ => Fact::unknown(format!("{} is not what `kanshiki rescue medium` writes", shown(file))),
    }
}

fn acts(file: &Path) -> Vec<Value> {
    let bytes = read_limited(file, FILE_BYTES).unwrap_or_default();
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// The acts of one kind.
fn told(acts: &[Value], kind: &str, state: &Path) -> Fact {
    let of_kind = acts.iter().filter(|act| act.get("act").and_then(Value::as_str) == Some(kind));
    Fact::probed(of_kind.cloned().collect::<Vec<_>>(), shown(&state.join(ACTS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(clippy::disallowed_methods, reason = "a file of a made-up tree in a temporary folder")]
    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn the_digest_of_the_medium_is_recorded_with_where_it_was_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), CONTENTS, "");
        write(folder.path(), "run/kanshiki-rescue/medium.json", r#"{"device":"/dev/sr0","sha256":"ab"}"#);
        write(
            folder.path(),
            "run/kanshiki-rescue/acts.jsonl",
            "{\"act\":\"read-only\",\"device\":\"sda\"}\nnonsense\n",
        );
        let facts = facts(folder.path());
        assert_eq!(facts["rescue_iso_sha256"].text().as_deref(), Some("ab"));
        assert!(facts["rescue_iso_sha256"].source.as_deref().unwrap().starts_with("the ISO on /dev/sr0"));
        assert_eq!(facts["rescue_read_only"].value, json!([{ "act": "read-only", "device": "sda" }]));
        assert_eq!(facts["rescue_destinations"].value, json!([]));
        assert!(facts["rescue_contents_sha256"].text().unwrap().starts_with("e3b0c442"));
    }

    #[test]
    fn another_system_has_no_facts_of_a_rescue_medium() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "run/kanshiki-rescue/medium.json", r#"{"device":"/dev/sr0","sha256":"ab"}"#);
        assert!(facts(folder.path()).is_empty());
    }

    #[test]
    fn a_medium_that_is_gone_is_said() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), CONTENTS, "");
        assert!(facts(folder.path())["rescue_iso_sha256"].reason.as_deref().unwrap().contains("was not looked for"));
        write(folder.path(), "run/kanshiki-rescue/medium.json", r#"{"reason":"no disk carries it"}"#);
        assert_eq!(facts(folder.path())["rescue_iso_sha256"].reason.as_deref(), Some("no disk carries it"));
    }
}
