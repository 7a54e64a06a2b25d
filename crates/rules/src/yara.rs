//! YARA rules over the bytes of files.
//!
//! The dialect is that of YARA 4.5 as `boreal` has it, with the modules pe, elf, macho, dotnet, dex, hash, math, string, time
//! and console (which says nothing). `androguard`, `cuckoo` and `magic` are not there: what imports them is told and left out.

mod load;
mod own;
mod parts;
#[cfg(test)]
mod tests;

use crate::files::{LoadError, RuleSet, shown};
use crate::weight::{question_of, severity_of, technique_of};
use boreal::scanner::{EvaluatedRule, ScanError, ScanParams};
use boreal::{MetadataValue, Scanner};
use kanshiki_model::{Question, Severity};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a file that rules see. A file is scanned in one piece, since conditions reckon with offsets from its beginning.
pub const LOOKED_AT: usize = 64 << 20;

/// Time that all rules together may take for one file.
const TIME: Duration = Duration::from_secs(20);

/// Places of one string of a rule that are counted.
const PLACES: u32 = 1000;

/// Places of all strings of a rule that are listed.
const LISTED: usize = 20;

/// Rules that are told of one file.
const RULES: usize = 100;

/// Characters of a description that are kept.
const TEXT: usize = 500;

/// Compiled rules; cheap to clone, each clone for one thread.
#[derive(Clone)]
pub struct Yara {
    scanner: Scanner,
    set: RuleSet,
    /// For each namespace, which is a number, the file that it stands for.
    files: Arc<[String]>,
}

impl fmt::Debug for Yara {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Yara").field("set", &self.set).finish_non_exhaustive()
    }
}

/// What is known of a file beside its bytes: the variables that community rules expect of a scanner.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its path in the image: `filename`, `filepath` (the folder) and `extension` (with its dot) are made of it.
    pub path: &'a [u8],
    /// Number of the user whom it belongs to: `owner` is `root` for 0, or the number.
    pub owner: u32,
}

/// A rule that fits a file. All texts are visible text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The name of the rule.
    pub rule: String,
    /// The file that it stands in.
    pub file: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// What it says that it finds.
    pub description: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Where more is told.
    pub reference: Option<String>,
    /// How much it matters, by the words `severity`, `score`, `level` or `threat_level` of the rule.
    pub severity: Option<Severity>,
    /// The technique of MITRE ATT&CK, by its tags or descriptions.
    pub technique: Option<String>,
    /// The question that it answers, by its tags.
    pub question: Option<Question>,
    /// Where its strings are, by their places in the file.
    pub places: Vec<Place>,
    /// Places that are not listed.
    pub more_places: u64,
}

/// Where a string of a rule is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Byte of the file.
    pub offset: u64,
    /// Bytes of it.
    pub length: u64,
    /// The name of the string in the rule, with its `$`.
    pub string: String,
}

/// What was found in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scanned {
    /// Rules that fit.
    pub matches: Vec<Match>,
    /// Why these may not be all; `None` if they are.
    pub incomplete: Option<String>,
}

impl Yara {
    /// Compiles rules from files and folders; of folders, each file that ends in `.yar` or `.yara`, also in folders below.
    /// Rules that do not compile are left out and told, with file and line, the others are used.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if something that was named cannot be read, or no rule can be used.
    pub fn load(paths: &[std::path::PathBuf]) -> Result<(Self, Vec<kanshiki_model::Issue>), LoadError> {
        load::load(paths)
    }

    /// Compiles rules that are texts, each with the name of its file. What does not compile is told.
    #[must_use]
    pub fn of_texts(texts: &[(&str, &str)]) -> (Self, Vec<kanshiki_model::Issue>) {
        load::of_texts(texts)
    }

    /// What was compiled.
    #[must_use]
    pub const fn set(&self) -> RuleSet {
        self.set
    }

    /// Rules that are used.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.scanner.rules().map(|rule| shown(rule.name.as_bytes()))
    }

    /// The rules that fit a file with these bytes, of which the first [`LOOKED_AT`] are looked at.
    ///
    /// Time and memory are bounded: what was found until then is told, with the reason why that may not be all.
    pub fn scan(&mut self, subject: &Subject<'_>, bytes: &[u8]) -> Scanned {
        let seen = bytes.get(..LOOKED_AT).unwrap_or(bytes);
        self.define(subject, seen);
        let (result, timed_out) = match self.scanner.scan_mem(seen) {
            Ok(result) => (result, None),
            Err((ScanError::Timeout, result)) => {
                (result, Some(format!("rules took more than {} s and were broken off", TIME.as_secs())))
            }
            Err((error, result)) => (result, Some(error.to_string())),
        };
        let mut matches: Vec<Match> = result.rules.iter().map(|rule| self.told(rule)).collect();
        // A rule that is included by several files is loaded with each of them.
        let mut seen = std::collections::HashSet::new();
        matches.retain(|it| seen.insert((it.rule.clone(), it.places.clone())));
        let more = matches.len().saturating_sub(RULES);
        matches.truncate(RULES);
        let more = (more > 0).then(|| format!("{more} further rules fit and are left out"));
        Scanned { matches, incomplete: timed_out.or(more) }
    }

    fn define(&mut self, subject: &Subject<'_>, bytes: &[u8]) {
        let split = subject.path.iter().rposition(|byte| *byte == b'/');
        let (folder, name) = match split {
            Some(at) => (subject.path.get(..at), subject.path.get(at.saturating_add(1)..)),
            None => (None, Some(subject.path)),
        };
        let name = name.unwrap_or_default();
        let extension = name.iter().rposition(|byte| *byte == b'.').and_then(|at| name.get(at..));
        let owner = if subject.owner == 0 { "root".to_owned() } else { subject.owner.to_string() };
        let values: [(&str, &[u8]); 5] = [
            ("filename", name),
            ("filepath", folder.unwrap_or_default()),
            ("extension", extension.unwrap_or_default()),
            ("filetype", filetype(bytes)),
            ("owner", owner.as_bytes()),
        ];
        for (name, value) in values {
            // They were all defined as bytes when the rules were compiled.
            _ = self.scanner.define_symbol(name, value);
        }
    }

    /// What a rule that fits says.
    fn told(&self, rule: &EvaluatedRule<'_>) -> Match {
        let text = |bytes: &[u8]| -> String { shown(bytes).chars().take(TEXT).collect() };
        let tags: Vec<String> =
            rule.tags.iter().map(|tag| text(self.scanner.get_string_symbol(*tag).as_bytes())).collect();
        let described: Vec<(String, String)> = rule
            .metadatas
            .iter()
            .map(|it| {
                let name = self.scanner.get_string_symbol(it.name).to_ascii_lowercase();
                let value = match it.value {
                    MetadataValue::Bytes(bytes) => text(self.scanner.get_bytes_symbol(bytes)),
                    MetadataValue::Integer(number) => number.to_string(),
                    MetadataValue::Boolean(is_so) => is_so.to_string(),
                };
                (name, value)
            })
            .collect();
        let of = |names: &[&str]| {
            let named = names.iter().find_map(|name| described.iter().find(|(of, _)| of == name));
            named.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        let severity = ["severity", "score", "level", "threat_level"];
        let severity = severity.iter().find_map(|name| of(&[name]).and_then(|word| severity_of(&word)));
        let techniques = ["mitre_attack", "mitre", "technique", "attack", "mitre_technique"];
        let words = techniques.iter().filter_map(|name| of(&[name])).collect::<Vec<_>>().join(" ");
        let words = words.split(|sign: char| sign.is_whitespace() || matches!(sign, ',' | ';' | '/'));
        let (places, more_places) = places(rule);
        Match {
            rule: text(rule.name.as_bytes()),
            file: rule.namespace.parse().ok().and_then(|at: usize| self.files.get(at)).cloned().unwrap_or_default(),
            description: of(&["description", "desc", "info"]),
            author: of(&["author"]),
            reference: of(&["reference", "ref", "url", "link"]),
            severity,
            technique: tags.iter().map(String::as_str).chain(words).find_map(technique_of),
            question: tags.iter().find_map(|tag| question_of(tag)),
            tags,
            places,
            more_places,
        }
    }
}

/// Where the strings of a rule are, the first of each before further ones, and how many are not listed.
fn places(rule: &EvaluatedRule<'_>) -> (Vec<Place>, u64) {
    let number = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
    let mut ranked: Vec<(usize, Place)> = Vec::new();
    for string in &rule.matches {
        for (rank, it) in string.matches.iter().enumerate() {
            let name = format!("${}", shown(string.name.as_bytes()));
            ranked.push((rank, Place { offset: number(it.offset), length: number(it.length), string: name }));
        }
    }
    ranked.sort();
    let more = number(ranked.len().saturating_sub(LISTED));
    ranked.truncate(LISTED);
    let mut places: Vec<Place> = ranked.into_iter().map(|(_, place)| place).collect();
    places.sort();
    (places, more)
}

/// The kind of a file in the words that rules for scanners of whole disks compare with.
///
/// Source: LOKI's `signature-base/misc/file-type-signatures.txt`, the entries that rules use.
fn filetype(bytes: &[u8]) -> &'static [u8] {
    let kinds: [(&[u8], &[u8]); 9] = [
        (b"\x7fELF", b"ELF"),
        (b"MZ", b"EXE"),
        (b"PK\x03\x04", b"ZIP"),
        (b"%PDF", b"PDF"),
        (b"GIF8", b"GIF"),
        (b"\x89PNG", b"PNG"),
        (b"\xff\xd8\xff", b"JPEG"),
        (b"Rar!", b"RAR"),
        (b"\x1f\x8b", b"GZIP"),
    ];
    kinds.iter().find(|(begin, _)| bytes.starts_with(begin)).map_or(b"", |(_, kind)| kind)
}

/// How rules are asked.
fn scan_params() -> ScanParams {
    ScanParams::default()
        .compute_full_matches(true)
        .match_max_length(0)
        .string_max_nb_matches(PLACES)
        .timeout_duration(Some(TIME))
}
