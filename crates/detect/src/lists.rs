//! What others know of files: lists of digests, known and bad.

use crate::found::{Building as _, Found, finding};
use crate::indicators::Indicated;
use crate::owned::Owned;
use crate::{DetectError, Options};
use kanshiki_filesystem::{Place, View};
use kanshiki_image::RunState;
use kanshiki_lists::{Index, ListError, labels};
use kanshiki_model::{Algorithm, Confidence, Digest, Evidence, Issue, Progress, Question, Rule, Severity, visible};
use kanshiki_walk::contents::{FileJob, issue};
use kanshiki_walk::digest::{HASHED_HOLES, digests};
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&BAD];

static BAD: Rule = Rule {
    id: "lists.bad",
    question: Question::Ran,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "",
    next: "Find out what the list knows of the file, when it came here and whether it ran: `kanshiki timeline --case DIR --path PATH`.",
};

/// Files of bad lists whose place in their list is looked up.
const BAD_FILES: usize = 1000;

/// Bytes read at once.
const WINDOW: usize = 1 << 20;

/// A file from this size on counts against the holes that are hashed.
const LARGE: u64 = 16 << 20;

/// Tells whether a list can be used, from its beginning.
pub(crate) fn check(path: &Path) -> Result<(), DetectError> {
    kanshiki_lists::check(path).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: ListError) -> DetectError {
    DetectError::List { path: visible(path.as_os_str().as_encoded_bytes()), source }
}

/// All lists of the user's, and indicators.
#[derive(Debug)]
pub(crate) struct Lists {
    known: Vec<List>,
    bad: Vec<List>,
    /// Indicators, digests of files among them.
    pub(crate) indicated: Indicated,
    /// Those that files are hashed with, SHA-256 among them.
    algorithms: Vec<Algorithm>,
    /// Bytes of holes in large files that were hashed for lists alone: a disk may have any number of files that are one hole.
    holes: AtomicU64,
}

#[derive(Debug)]
struct List {
    path: PathBuf,
    /// The name of its file, made visible.
    name: String,
    index: Index,
}

/// A file that stands in lists of bad files, or has a digest of the indicators'.
#[derive(Debug)]
pub(crate) struct Bad {
    pub(crate) path: Vec<u8>,
    place: Place,
    pub(crate) size: u64,
    pub(crate) digests: Vec<Digest>,
    /// The indicators, by their numbers.
    pub(crate) indicated: Vec<usize>,
    /// In which list it stands, by its number, in which line, and by which digest.
    hits: Vec<(usize, u64, Digest)>,
}

/// The files that stand in lists of bad files, the first of them.
#[derive(Debug, Default)]
pub(crate) struct BadFiles {
    kept: Vec<Bad>,
    all: usize,
    /// How many stand in each list.
    counts: BTreeMap<usize, usize>,
}

impl Bad {
    pub(crate) fn evidence(&self) -> Evidence {
        Evidence::File {
            volume: Some(self.place.volume),
            inode: Some(self.place.node.inode),
            path: self.path.clone(),
            span: None,
            note: String::new(),
        }
    }
}

impl BadFiles {
    pub(crate) fn push(&mut self, bad: Bad) {
        self.all = self.all.saturating_add(1);
        let mut lists: Vec<usize> = bad.hits.iter().map(|hit| hit.0).collect();
        lists.dedup();
        for list in lists {
            let count = self.counts.entry(list).or_default();
            *count = count.saturating_add(1);
        }
        if self.kept.len() < BAD_FILES {
            self.kept.push(bad);
        }
    }
}

/// What the lists say of a file.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) is_known: bool,
    pub(crate) bad: Option<Bad>,
}

impl Lists {
    /// Opens all lists; those that are large are converted first. `None` if the user wants to end.
    pub(crate) fn open(options: &Options, progress: &dyn Progress) -> Result<Option<Self>, DetectError> {
        let folder = options.index_folder.as_deref();
        let open = |path: &PathBuf| {
            let index = Index::open(path, folder, progress).map_err(|source| failed(path, source))?;
            let name = visible(path.file_name().unwrap_or(path.as_os_str()).as_encoded_bytes());
            Ok(List { path: path.clone(), name, index })
        };
        let all = |paths: &[PathBuf]| paths.iter().map(open).collect::<Result<Vec<_>, DetectError>>();
        let (known, bad) = match all(&options.known).and_then(|known| Ok((known, all(&options.bad)?))) {
            Ok(lists) => lists,
            Err(DetectError::List { source: ListError::Interrupted, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let indicated = Indicated::open(&options.indicators)?;
        let mut algorithms = vec![Algorithm::Sha256];
        algorithms.extend(indicated.algorithms());
        algorithms.extend(known.iter().chain(&bad).flat_map(|list| list.index.algorithms()));
        algorithms.sort_unstable();
        algorithms.dedup();
        Ok(Some(Self { known, bad, indicated, algorithms, holes: AtomicU64::new(0) }))
    }

    /// The algorithms by which files are looked up, SHA-256 among them.
    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Whether there is no list at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty() && !self.want_all()
    }

    /// Whether files are looked up whoever answers for them.
    pub(crate) fn want_all(&self) -> bool {
        !self.bad.is_empty() || self.indicated.algorithms().next().is_some()
    }

    /// The digests of a file that no rule looks at.
    pub(crate) fn digests(
        &self,
        view: &View,
        path: &[u8],
        job: &FileJob,
        progress: &dyn Progress,
    ) -> Result<Vec<Digest>, Issue> {
        let filesystem = view.filesystem(job.place);
        let filesystem = filesystem.ok_or_else(|| Issue::new(visible(path), "its volume is not there"))?;
        let source = filesystem.content(job.place.node);
        let source = source.map_err(|error| issue(view, job.place.volume, path, &error))?;
        if source.len() >= LARGE {
            let holes = source.runs().filter(|(_, state)| *state == RunState::Hole).map(|(range, _)| range.len());
            let holes = holes.fold(0_u64, u64::saturating_add);
            let fits = |sum: u64| sum.checked_add(holes).filter(|sum| *sum <= HASHED_HOLES);
            if self.holes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
                let text = format!(
                    "has {holes} bytes of holes; of all files {HASHED_HOLES} are hashed, so it is looked up in no list"
                );
                return Err(Issue::new(visible(path), text));
            }
        }
        let window = usize::try_from(source.len()).unwrap_or(WINDOW).clamp(1, WINDOW);
        digests(&*source, path, &self.algorithms, &mut vec![0; window], progress)
    }

    /// Asks all lists for a file.
    pub(crate) fn judge(&self, path: &[u8], job: &FileJob, digests: Vec<Digest>) -> io::Result<Verdict> {
        let mut verdict = Verdict::default();
        for digest in &digests {
            for list in &self.known {
                verdict.is_known |= list.index.look_up(digest)?.is_some();
            }
        }
        let mut hits = Vec::new();
        for (number, list) in self.bad.iter().enumerate() {
            for digest in &digests {
                hits.extend(list.index.look_up(digest)?.map(|line| (number, line, digest.clone())));
            }
        }
        let indicated: Vec<usize> = digests.iter().filter_map(|digest| self.indicated.of_digest(digest)).collect();
        if !hits.is_empty() || !indicated.is_empty() {
            verdict.bad = Some(Bad { path: path.to_vec(), place: job.place, size: job.size, digests, indicated, hits });
        }
        Ok(verdict)
    }

    /// A finding for each file that stands in bad lists, and a row for each list.
    pub(crate) fn tell(
        &self,
        bad: BadFiles,
        owned: &Owned,
        progress: &dyn Progress,
        found: &mut Found,
    ) -> Result<(), DetectError> {
        let BadFiles { kept: mut bad, all, counts } = bad;
        bad.sort_by(|one, other| one.path.cmp(&other.path));
        if all > bad.len() {
            let message = format!("{all} files have digests of lists and indicators, of which {BAD_FILES} are told");
            found.issues.push(Issue::new("findings of lists", message));
        }
        let mut said = Vec::new();
        for (number, list) in self.bad.iter().enumerate() {
            let lines = bad.iter().flat_map(|it| &it.hits).filter(|hit| hit.0 == number).map(|hit| hit.1);
            progress.begin(&format!("findings: lines of {}", list.name), None);
            said.push(labels(&list.path, lines, progress).map_err(|source| failed(&list.path, source))?);
        }
        for it in &bad {
            if !it.hits.is_empty() {
                found.add(self.finding(it, owned, &said));
            }
            self.indicated.tell_file(it, owned, found);
        }
        for (role, lists) in [("known", &self.known), ("bad", &self.bad)] {
            for (number, list) in lists.iter().enumerate() {
                let files = (role == "bad").then(|| counts.get(&number).copied().unwrap_or(0));
                let facts = vec![
                    ("role", json!(role)),
                    ("sha256", json!(list.index.digest().to_hex())),
                    ("digests", json!(list.index.len())),
                    ("files_found", json!(files)),
                ];
                found.row("list", list.path.as_os_str().as_encoded_bytes(), facts, None);
            }
        }
        Ok(())
    }

    fn finding(&self, bad: &Bad, owned: &Owned, said: &[BTreeMap<u64, String>]) -> kanshiki_model::Finding {
        let shown = visible(&bad.path);
        let mut names: Vec<&str> =
            bad.hits.iter().filter_map(|hit| self.bad.get(hit.0)).map(|list| list.name.as_str()).collect();
        names.dedup();
        let owner = owned.of(&bad.path).belongs();
        let mut explanation = format!("The file of {} bytes {owner}.", bad.size);
        for (number, line, digest) in &bad.hits {
            let (Some(list), Some(said)) = (self.bad.get(*number), said.get(*number)) else { continue };
            let text = said.get(line).map(String::as_str).unwrap_or_default();
            explanation.push_str(&format!(
                " Its {} {} stands in line {line} of {}: {text}",
                digest.algorithm(),
                digest.to_hex(),
                list.name
            ));
        }
        let made = finding(&BAD, &shown, format!("file of the list {}: {shown}", names.join(", ")));
        let made = made.explained(explanation).indicator("path", &shown).evidence(bad.evidence());
        bad.digests.iter().fold(made, |made, digest| made.indicator(digest.algorithm().name(), digest.to_hex()))
    }
}

#[cfg(test)]
mod tests;
