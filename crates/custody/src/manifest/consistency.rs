//! Whether a manifest agrees with itself.

use super::{Digests, KIND, Manifest, SCHEMA};
use crate::check_exhibit_id;
use crate::leaves::{LEAF_BYTES, leaf_count};
use kanshiki_model::{Algorithm, ByteRanges, Digest, visible_text};
use std::collections::BTreeSet;

impl Manifest {
    /// What in the manifest contradicts itself, in plain words; empty if nothing does.
    #[must_use]
    pub fn check_consistency(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.kind != KIND {
            problems.push(format!("kind is `{}`, expected `{KIND}`", shown(&self.kind)));
        }
        if self.schema != SCHEMA {
            problems.push(format!("schema is {}, expected {SCHEMA}", self.schema));
        }
        if let Err(error) = check_exhibit_id(&self.exhibit) {
            problems.push(format!("exhibit: {error}"));
        }
        if self.run.sessions.is_empty() {
            problems.push("run.sessions is empty, expected at least one".to_owned());
        }
        self.check_image(&mut problems);
        self.check_outputs(&mut problems);
        problems
    }

    fn check_image(&self, problems: &mut Vec<String>) {
        let image = &self.image;
        let mut expect = |field: &str, found: u64, expected: u64| {
            if found != expected {
                problems.push(format!("{field} is {found}, expected {expected}"));
            }
        };
        expect("image.unreadable_bytes", image.unreadable_bytes, image.unreadable.total_bytes());
        expect("image.leaf_bytes", image.leaf_bytes, LEAF_BYTES);
        expect("image.leaves", image.leaves, leaf_count(image.bytes));
        if self.source.change.differences.is_empty() {
            expect("image.bytes", image.bytes, self.source.bytes);
        }
        check_inside("image.unreadable", &image.unreadable, image.bytes, problems);
        check_inside("source.change.ranges", &self.source.change.ranges, image.bytes, problems);
        check_hex("image.leaves_root", Algorithm::Sha256, &image.leaves_root, problems);
        check_digests("image.digests", &image.digests, problems);
        match &image.readable_digests {
            Some(digests) => {
                check_digests("image.readable_digests", digests, problems);
                if image.unreadable.is_empty() {
                    problems.push("image.readable_digests is there, yet all bytes were readable".to_owned());
                }
                if !digests.keys().eq(image.digests.keys()) {
                    problems.push("image.readable_digests has other algorithms than image.digests".to_owned());
                }
            }
            None if !image.unreadable.is_empty() => {
                problems.push("image.readable_digests is missing, yet there are unreadable bytes".to_owned());
            }
            None => {}
        }
    }

    fn check_outputs(&self, problems: &mut Vec<String>) {
        let mut names = BTreeSet::new();
        for output in &self.outputs {
            let name = shown(&output.name);
            if output.name.is_empty() || output.name.starts_with('.') || output.name.contains(['/', '\0']) {
                problems.push(format!("outputs: `{name}` is not the name of a file in the exhibit's folder"));
            }
            if !names.insert(&output.name) {
                problems.push(format!("outputs: `{name}` is there twice"));
            }
            check_hex(&format!("outputs: sha256 of `{name}`"), Algorithm::Sha256, &output.sha256, problems);
        }
        if self.outputs.is_empty() {
            problems.push("outputs is empty, expected the files of the image".to_owned());
        }
    }
}

fn check_inside(field: &str, ranges: &ByteRanges, bytes: u64, problems: &mut Vec<String>) {
    if let Some(range) = ranges.iter().next_back().filter(|range| range.end > bytes) {
        problems.push(format!("{field} holds {range}, past the end of the image at {bytes}"));
    }
}

fn check_digests(field: &str, digests: &Digests, problems: &mut Vec<String>) {
    if !digests.contains_key(&Algorithm::Sha256) {
        problems.push(format!("{field} has no sha256"));
    }
    for (algorithm, hex) in digests {
        check_hex(&format!("{field}.{algorithm}"), *algorithm, hex, problems);
    }
}

fn check_hex(field: &str, algorithm: Algorithm, hex: &str, problems: &mut Vec<String>) {
    match Digest::parse(algorithm, hex) {
        Err(error) => problems.push(format!("{field}: {}", visible_text(&error.to_string()))),
        Ok(digest) if digest.to_hex() != hex => problems.push(format!("{field}: expected lower-case digits")),
        Ok(_) => {}
    }
}

/// A text made visible, shortened for a message.
fn shown(text: &str) -> String {
    visible_text(text).chars().take(100).collect()
}
