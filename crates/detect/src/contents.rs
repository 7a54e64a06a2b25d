//! What files hold: those for which no package answers are read once, on both cores, in the order of the disk.

pub(crate) mod suspects;
#[cfg(test)]
mod tests;

use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::lists::{Bad, BadFiles, Lists, Verdict};
use crate::names::{is_foreign_tree, is_temporary};
use crate::owned::Owned;
use crate::rules::{Kept, Scanners, Whole, report};
use crate::{DetectError, Image};
use kanshiki_filesystem::{Follow, Place, View};
use kanshiki_image::ReadAt;
use kanshiki_inspect::{Facts, Inspection, Subject};
use kanshiki_model::{
    Algorithm, Confidence, Digest, Evidence, EvidencePath, Finding, Hasher, Issue, Progress, Rule, Severity, Span,
    visible,
};
use kanshiki_rules::yara::{Match, Subject as Scanned};
use kanshiki_walk::contents::{FileJob, Portion, issue, portions};
use kanshiki_walk::parallel::{Output, Weigh, ordered};
use kanshiki_walk::{Names, Order, SweepOptions};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The rules of this detector: those of what files hold.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    kanshiki_inspect::RULES.iter().flat_map(|group| group.iter().map(|it| &it.rule))
}

/// Bytes of a file that are looked at.
const LOOKED_AT: u64 = 256 << 20;

/// Bytes read at once.
const WINDOW: usize = 1 << 20;

/// Web shells whose requests are looked for.
const SHELLS: usize = 200;

/// What was found in one file.
#[derive(Debug)]
pub(crate) struct Inspected {
    pub(crate) path: Vec<u8>,
    place: Place,
    size: u64,
    /// Of the whole content; `None` if it is longer than is looked at.
    pub(crate) digest: Option<String>,
    /// What was seen in it; `None` of what a package answers for, which the rules of the analyst alone look at.
    facts: Option<Facts>,
    /// Rules that fit it.
    matches: Vec<Match>,
    issues: Vec<Issue>,
}

/// What one file is looked at for.
#[derive(Debug, Clone, Copy)]
struct Look<'a> {
    view: &'a View,
    owned: &'a Owned,
    lists: &'a Lists,
    scanners: &'a Scanners,
    progress: &'a dyn Progress,
}

impl Look<'_> {
    /// Whether rules about contents look at it: nobody answers for what it holds.
    fn is_for_rules(&self, path: &[u8]) -> bool {
        !is_index(path) && !is_foreign_tree(path) && !self.owned.of(path).is_package()
    }

    /// Whether files that somebody answers for are looked at too.
    fn want_all(&self) -> bool {
        self.lists.want_all() || self.scanners.want_all()
    }
}

#[derive(Debug, Default)]
struct Results {
    found: Vec<Inspected>,
    bad: Vec<Bad>,
    issues: Vec<Issue>,
}

impl Weigh for Results {
    fn weight(&self) -> usize {
        let found = self.found.len().saturating_add(self.bad.len()).saturating_mul(4096);
        found.saturating_add(self.issues.len().saturating_mul(256)).saturating_add(128)
    }
}

/// Looks at the contents of all files that are no package's, or are not as the package brought them; and at all files, if the
/// analyst has rules for them.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let Ok(root) = image.view.lookup(&EvidencePath::root(), Follow::All) else { return Ok(()) };
    let options = SweepOptions { order: Order::Disk, names: Names::Live, threads: 0 };
    let mut shells = Vec::new();
    let mut linked = HashSet::new();
    let mut bad = BadFiles::default();
    let (scanners, mut kept) = (Scanners::new(image.options), Kept::default());
    let look = Look {
        view: image.view,
        owned: image.owned,
        lists: image.lists,
        scanners: &scanners,
        progress: image.progress,
    };
    let select = |item: &kanshiki_walk::Item<'_>| {
        let has_content = item.found.is_ok_and(|(_, node)| node.size > 0);
        Ok(item.live && has_content && (look.want_all() || look.is_for_rules(item.path)))
    };
    portions(image.view, std::slice::from_ref(&root), options, &select, &mut |portion, _| {
        look_at(look, &portion, &mut linked, &mut |results| {
            found.issues.extend(results.issues);
            for inspected in &results.found {
                tell(inspected, look.owned, found, &mut shells);
                let matches = inspected.matches.iter().filter(|it| kept.keeps(it));
                matches.for_each(|it| found.add(report(it, inspected, look.owned)));
            }
            results.bad.into_iter().for_each(|it| bad.push(it));
        });
        if image.progress.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    kept.end(found);
    image.lists.tell(bad, image.owned, image.progress, found)?;
    requests(image, &mut shells)?;
    shells.into_iter().for_each(|(_, made)| found.add(made));
    Ok(())
}

/// Lists of what packages there are, which name every tool.
fn is_index(path: &[u8]) -> bool {
    let folders: [&[u8]; 6] = [
        b"/var/lib/apt/lists/",
        b"/var/cache/apt/",
        b"/var/cache/dnf/",
        b"/var/cache/yum/",
        b"/var/cache/zypp/",
        b"/var/lib/dpkg/",
    ];
    let endings: [&[u8]; 12] = [
        b"_Packages",
        b"_Sources",
        b"_InRelease",
        b"_Release",
        b"pkgcache.bin",
        b".xml",
        b".xml.gz",
        b".xml.zst",
        b".solv",
        b".solvx",
        b"status",
        b"available",
    ];
    let is_list =
        path.starts_with(b"/var/lib/apt/lists/") && memchr::memmem::find(path, b"_i18n_Translation").is_some();
    folders.iter().any(|folder| path.starts_with(folder))
        && (is_list || endings.iter().any(|ending| path.ends_with(ending)))
}

/// Web shells with the end of the path by which they are asked for.
type Shells = Vec<(String, Finding)>;

fn look_at(
    look: Look<'_>,
    portion: &Portion,
    linked: &mut HashSet<(usize, u64, bool)>,
    take: &mut (dyn FnMut(Results) + Send),
) {
    // What has several names is read once, or twice if a package answers for one of them alone.
    let numbers: Vec<usize> = portion
        .by_place()
        .into_iter()
        .filter_map(|number| usize::try_from(number).ok())
        .filter(|number| {
            let job = portion.jobs().get(*number);
            let key =
                |job: &FileJob| (job.place.volume, job.place.node.inode, look.is_for_rules(portion.path(*number)));
            job.is_some_and(|job| job.links < 2 || linked.insert(key(job)))
        })
        .collect();
    let work = |number: usize, output: &mut Output<'_, '_, Results>| {
        let Some(job) = portion.jobs().get(number) else { return };
        if look.progress.stop_requested() {
            return;
        }
        let path = portion.path(number);
        match catch_unwind(AssertUnwindSafe(|| judge(look, path, job, &mut output.piece))) {
            Ok(Ok(())) => {}
            Ok(Err(issue)) => output.piece.issues.push(issue),
            Err(_) => {
                let what = "internal error while its content was looked at; nothing of it is told";
                output.piece.issues.push(Issue::new(visible(path), what));
            }
        }
    };
    ordered(numbers.into_iter(), &work, &mut |results: Results| {
        take(results);
        ControlFlow::Continue(())
    });
}

/// Looks at one file, and asks the lists for it.
fn judge(look: Look<'_>, path: &[u8], job: &FileJob, results: &mut Results) -> Result<(), Issue> {
    let (inspected, digests) = if look.is_for_rules(path) || look.scanners.want_all() {
        let (inspected, digests) = inspect(look, path, job)?;
        (Some(inspected), digests)
    } else {
        (None, look.lists.digests(look.view, path, job, look.progress)?)
    };
    let verdict = look.lists.judge(path, job, digests).unwrap_or_else(|error| {
        results.issues.push(Issue::new(visible(path), format!("cannot be looked up in lists: {error}")));
        Verdict::default()
    });
    results.bad.extend(verdict.bad);
    if let Some(mut inspected) = inspected.filter(|_| !verdict.is_known) {
        results.issues.append(&mut inspected.issues);
        let has_signs = inspected.facts.as_ref().is_some_and(|facts| !facts.signs.is_empty());
        if has_signs || !inspected.matches.is_empty() {
            results.found.push(inspected);
        }
    }
    Ok(())
}

/// What rules find in a file, and its digests by which it stands in lists.
fn inspect(look: Look<'_>, path: &[u8], job: &FileJob) -> Result<(Inspected, Vec<Digest>), Issue> {
    let Look { view, progress, .. } = look;
    let failed = |error: &kanshiki_filesystem::FsError| issue(view, job.place.volume, path, error);
    let (_, node) = view.inode(job.place.volume, job.place.node.inode).map_err(|error| failed(&error))?;
    let filesystem = view.filesystem(job.place).ok_or_else(|| Issue::new(visible(path), "its volume is not there"))?;
    let source = filesystem.content(job.place.node).map_err(|error| failed(&error))?;
    let subject = Subject { path, mode: node.mode, source: &*source };
    let is_for_rules = look.is_for_rules(path);
    let mut inspection = is_for_rules.then(|| Inspection::begin(&subject));
    let mut whole = Whole::default();
    let end = source.len().min(LOOKED_AT);
    let is_whole = source.len() <= LOOKED_AT;
    let mut hashers: Vec<Hasher> = look.lists.algorithms().iter().map(|it| Hasher::new(*it)).collect();
    if !is_whole {
        hashers.clear();
    }
    windows(&*source, progress, &mut |at, bytes| {
        if let Some(inspection) = &mut inspection {
            inspection.window(at, bytes);
        }
        whole.add(bytes, end);
        hashers.iter_mut().for_each(|hasher| hasher.update(bytes));
    })
    .map_err(|error| Issue::new(visible(path), error))?;
    let digests: Vec<Digest> = hashers.into_iter().map(Hasher::finish).collect();
    let digest = digests.iter().find(|digest| digest.algorithm() == Algorithm::Sha256).map(Digest::to_hex);
    let mut facts = inspection.map(Inspection::finish);
    let mut issues = facts.as_mut().map(|facts| std::mem::take(&mut facts.issues)).unwrap_or_default();
    let about = Scanned { path, owner: node.uid };
    let matches = look.scanners.scan(&about, whole.bytes(), source.len(), is_for_rules, &mut issues);
    let mut inspected =
        Inspected { path: path.to_vec(), place: job.place, size: job.size, digest, facts, matches, issues };
    if is_whole || look.lists.is_empty() {
        return Ok((inspected, digests));
    }
    // A long file is read to its end for lists alone; if it cannot be, what the rules found stands all the same.
    match look.lists.digests(view, path, job, progress) {
        Ok(digests) => Ok((inspected, digests)),
        Err(issue) => {
            inspected.issues.push(issue);
            Ok((inspected, Vec::new()))
        }
    }
}

/// Hands on what is looked at of a content, window by window, until the user wants no more.
fn windows(source: &dyn ReadAt, progress: &dyn Progress, take: &mut dyn FnMut(u64, &[u8])) -> Result<(), String> {
    let end = source.len().min(LOOKED_AT);
    let mut buffer = vec![0; WINDOW.min(usize::try_from(end).unwrap_or(WINDOW)).max(1)];
    let mut at = 0;
    while at < end && !progress.stop_requested() {
        let read = source.read_at(at, &mut buffer).map_err(|error| error.to_string())?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        take(at, bytes);
        at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// A finding for each rule that a file shows signs of, and a row for the file.
fn tell(inspected: &Inspected, owned: &Owned, found: &mut Found, shells: &mut Shells) {
    let path = inspected.path.as_slice();
    found.row("suspect", path, row(inspected), Some(evidence(inspected, None, "")));
    let Some(facts) = &inspected.facts else { return };
    let shown = visible(path);
    let mut told: Vec<&'static str> = Vec::new();
    for sign in &facts.signs {
        let content = sign.rule;
        if told.contains(&content.rule.id) {
            continue;
        }
        told.push(content.rule.id);
        let title = format!("{}: {shown}", content.title);
        let owner = owned.of(path).belongs();
        let mut made = finding(&content.rule, &shown, title)
            .explained(format!("{} It is of kind {}, and {owner}.", content.explanation, facts.kind))
            .indicator("path", &shown);
        if is_prose(path) {
            made = made.weighed(Severity::Low, Confidence::Low);
        }
        if let Some(digest) = &inspected.digest {
            made = made.indicator("sha256", digest);
        }
        for other in facts.signs.iter().filter(|it| it.rule.rule.id == content.rule.id) {
            let span = Span { offset: other.offset, content_offset: None, length: other.length, line: None };
            made = made.evidence(evidence(inspected, Some(span), &other.what));
        }
        let strings = &facts.strings;
        made = strings.urls.iter().fold(made, |made, url| made.indicator("url", url));
        made = strings.addresses.iter().fold(made, |made, it| made.indicator(address_kind(it), it));
        made = strings.wallets.iter().fold(made, |made, it| made.indicator("wallet", it));
        let is_shell = content.rule.id.starts_with("content.web-shell") && shells.len() < SHELLS;
        let name = shown.rsplit('/').next().unwrap_or_default();
        if is_shell && !name.is_empty() { shells.push((format!("/{name}"), made)) } else { found.add(made) }
    }
}

/// Whether a file is read by people, by its ending, where nothing runs it: notes quote what attackers type.
fn is_prose(path: &[u8]) -> bool {
    let endings: [&[u8]; 8] = [b".txt", b".md", b".rst", b".adoc", b".org", b".tex", b".eml", b".mbox"];
    let is_served =
        ["/www/", "/html/", "/htdocs/"].iter().any(|part| memchr::memmem::find(path, part.as_bytes()).is_some());
    endings.iter().any(|ending| path.ends_with(ending)) && !is_temporary(path) && !is_served
}

fn row(inspected: &Inspected) -> Vec<(&'static str, Value)> {
    let Inspected { size, digest, facts, matches, .. } = inspected;
    let signs = facts.iter().flat_map(|facts| facts.signs.iter().map(|sign| sign.rule.rule.id));
    let mut rules: Vec<&str> = signs.chain(matches.iter().map(|it| it.rule.as_str())).collect();
    rules.sort_unstable();
    rules.dedup();
    let kind = facts.as_ref().map(|facts| facts.kind.to_string());
    let mut columns =
        vec![("kind", json!(kind)), ("bytes", json!(size)), ("sha256", json!(digest)), ("rules", json!(rules))];
    let Some(facts) = facts else { return columns };
    columns.extend([
        ("entropy", json!(facts.entropy)),
        ("urls", json!(facts.strings.urls)),
        ("addresses", json!(facts.strings.addresses)),
        ("wallets", json!(facts.strings.wallets)),
    ]);
    if let Some(elf) = &facts.elf {
        let go = elf.go.as_ref();
        let go = go.map(|go| json!({ "version": go.version, "path": go.path, "module": go.module }));
        columns.extend([
            ("machine", json!(elf.machine_name())),
            ("bits", json!(elf.bits)),
            ("static", json!(elf.is_static)),
            ("stripped", json!(elf.is_stripped)),
            ("interpreter", json!(elf.interpreter)),
            ("needed", json!(elf.needed)),
            ("imports_of_interest", json!(elf.imports_of_interest)),
            ("exports_of_interest", json!(elf.exports_of_interest)),
            ("build_id", json!(elf.build_id)),
            ("compilers", json!(elf.compilers)),
            ("go", json!(go)),
            ("rust", json!(elf.has_rust_dependencies)),
        ]);
    }
    columns
}

pub(crate) fn evidence(inspected: &Inspected, span: Option<Span>, note: &str) -> Evidence {
    Evidence::File {
        volume: Some(inspected.place.volume),
        inode: Some(inspected.place.node.inode),
        path: inspected.path.clone(),
        span,
        note: note.to_owned(),
    }
}

/// Joins web shells with the requests that used them.
fn requests(image: &Image<'_>, shells: &mut Shells) -> Result<(), DetectError> {
    if shells.is_empty() {
        return Ok(());
    }
    let columns =
        "e.id, e.time, coalesce(e.address, ''), coalesce(e.fields ->> 'path', ''), coalesce(e.fields ->> 'status', 0)";
    each(image, &["web.request"], columns, "e.time, e.id", &mut |row| {
        let path = text(row, 3).split('?').next().unwrap_or_default();
        let Some((_, made)) = shells.iter_mut().find(|(name, _)| path.ends_with(name.as_str())) else { return Ok(()) };
        let (event, time, status): (i64, Option<i64>, i64) = (row.get(0)?, row.get(1)?, row.get(4)?);
        let address = text(row, 2);
        let further = made
            .clone()
            .widened(time)
            .event(event, format!("asked for by {address}, answered with {status}"))
            .indicator(address_kind(address), address);
        *made = further;
        Ok(())
    })
}
