//! Every dependency has a licence that goes with this project's, and stands once in the tree.

use crate::command::{cargo, output};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Licences (SPDX) whose terms a binary under MIT or Apache-2.0 can meet.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    // That of bzip2, which is permissive: https://spdx.org/licenses/bzip2-1.0.6.html.
    "bzip2-1.0.6",
];

/// Crates that may stand in the tree in more than one version, each with the reason.
const TWICE: &[(&str, &str)] = &[
    ("syn", "macros of fuser's dependencies, at build time alone, are between two versions"),
    ("base64", RSIGMA),
    ("getrandom", RSIGMA),
    ("object", RSIGMA),
    ("block-buffer", BOREAL),
    ("const-oid", BOREAL),
    ("cpufeatures", BOREAL),
    ("crypto-common", BOREAL),
    ("digest", BOREAL),
    ("md-5", BOREAL),
    ("sha1", BOREAL),
    ("sha2", BOREAL),
];

/// Why what Sigma rules are read with brings a second version of some crates.
const RSIGMA: &str = "the newest rsigma that goes with the oldest compiler of this project is a version behind";

/// Why digests stand in the tree twice.
const BOREAL: &str = "the digests that YARA rules ask for are those of boreal, which is a version behind";

/// Checks the licence of every dependency, and that none is there in two versions.
pub(crate) fn check() -> Result<()> {
    let said = output(&mut cargo([
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        "x86_64-unknown-linux-gnu",
    ]))?;
    let metadata: Value = serde_json::from_str(&said).context("what cargo metadata said")?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("no packages in cargo metadata")?;
    let text = |package: &Value, field: &str| package.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut wrong = Vec::new();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages {
        let (name, version, licence) = (text(package, "name"), text(package, "version"), text(package, "license"));
        if !allowed(&licence) {
            wrong.push(format!("{name} {version} has the licence `{licence}`"));
        }
        versions.entry(name).or_default().insert(version);
    }
    for (name, versions) in &versions {
        if versions.len() > 1 && TWICE.iter().all(|(twice, _)| twice != name) {
            wrong.push(format!("{name} is there in the versions {versions:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} packages, each with a licence that is allowed, none in two versions", packages.len());
    Ok(())
}

/// Whether an SPDX expression can be met by the allowed licences alone.
///
/// The grammar: alternatives joined by `OR` (or `/`, as crates wrote once), each of terms joined by `AND`, each a licence,
/// `WITH` its exception, or an expression in brackets. What does not follow the grammar is not allowed.
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    either(&mut words) == Some(true) && words.next().is_none()
}

type Words<'a, 'b> = &'b mut std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: Words<'_, '_>) -> Option<bool> {
    let mut result = both(words)?;
    while words.next_if_eq(&"OR").is_some() {
        result |= both(words)?;
    }
    Some(result)
}

fn both(words: Words<'_, '_>) -> Option<bool> {
    let mut result = term(words)?;
    while words.next_if_eq(&"AND").is_some() {
        result &= term(words)?;
    }
    Some(result)
}

fn term(words: Words<'_, '_>) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let result = either(words)?;
        return words.next_if_eq(&")").map(|_| result);
    }
    let mut licence = word.to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        licence = format!("{licence} WITH {}", words.next()?);
    }
    Some(ALLOWED.contains(&licence.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_good_alternative_is_enough_and_every_joined_term_must_be_good() {
        assert!(allowed("MIT OR GPL-3.0-only"));
        assert!(allowed("MIT/Apache-2.0"));
        assert!(allowed("(MIT OR GPL-2.0-only) AND Unicode-3.0"));
        assert!(allowed("Apache-2.0 WITH LLVM-exception"));
        assert!(!allowed("MIT AND GPL-3.0-only"));
        assert!(!allowed("GPL-2.0-only WITH Classpath-exception-2.0"));
    }

    #[test]
    fn what_is_no_licence_expression_is_not_allowed() {
        for expression in ["", "MIT OR", "(MIT", "MIT MIT", "MIT)"] {
            assert!(!allowed(expression), "{expression}");
        }
    }
}
