//! What the times of files tell: times that were set by hand, and changes of programs at which no package manager was at work.
//!
//! Archives, copies and package managers set times too. What they bring comes in numbers; a file that somebody puts into a
//! folder and then sets back lies there alone. So a file counts only if few others were born in its minute.

mod clusters;
#[cfg(test)]
mod tests;

use crate::found::{Building as _, Found, finding};
use crate::names::{is_foreign_tree, is_in_home, is_module, is_temporary};
use crate::time::{DAY, SECOND, utc};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Evidence, Finding, Question, Rule, Severity, from_visible};
use rusqlite::Row;
use std::collections::HashMap;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&SET_BACK, &COPIED_TIME, &SET_FORWARD, &clusters::UNPACKAGED_CHANGE];

static SET_BACK: Rule = Rule {
    id: "hidden.time-set-back",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1070.006",
    next: "Go by the birth and the last change of the inode, which cannot be set so easily: look at what happened then.",
};

static COPIED_TIME: Rule = Rule {
    id: "hidden.time-copied",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::High,
    technique: "T1070.006",
    next: "Go by the birth and the last change of the inode, which cannot be set so easily: look at what happened then.",
};

static SET_FORWARD: Rule = Rule {
    id: "hidden.time-set-forward",
    question: Question::Hidden,
    severity: Severity::Low,
    confidence: Confidence::Low,
    technique: "T1070.006",
    next: "Look for a clock that was wrong, or for who set the time.",
};

/// Files born within a minute that are a copy, an archive or an installation.
const MANY: u32 = 20;

/// Files that are looked at closer, of each kind.
const CANDIDATES: usize = 20_000;

/// Minutes in which files were born that are counted.
const MINUTES: usize = 1_000_000;

/// A file with its times, in ns since 1970.
#[derive(Debug, Clone)]
struct Times {
    volume: String,
    /// Visible text.
    path: String,
    inode: i64,
    modified: i64,
    accessed: i64,
    changed: i64,
    created: Option<i64>,
}

/// Looks at the times of all files that the store has.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut births: HashMap<i64, u32> = HashMap::new();
    let mut candidates = Vec::new();
    let mut programs = clusters::Programs::default();
    each(image, &mut |file, mode| {
        if let Some(created) = file.created {
            let minute = created.div_euclid(60 * SECOND);
            if births.len() < MINUTES || births.contains_key(&minute) {
                let count = births.entry(minute).or_default();
                *count = count.saturating_add(1);
            }
        }
        programs.take(&file, mode);
        if is_strange(&file) && is_place(&file.path) && candidates.len() < CANDIDATES {
            candidates.push(file);
        }
    })?;
    let around = |created: i64| {
        let minute = created.div_euclid(60 * SECOND);
        let near = [minute.saturating_sub(1), minute, minute.saturating_add(1)];
        near.iter().filter_map(|minute| births.get(minute)).fold(0_u32, |sum, count| sum.saturating_add(*count))
    };
    candidates.retain(|file| {
        let bytes = from_visible(&file.path).unwrap_or_default();
        around(file.created.unwrap_or(file.changed)) < MANY && !image.owned.of(&bytes).is_package()
    });
    let twins = twins(image, &candidates)?;
    for file in &candidates {
        found.add(tell(image, file, twins.get(&file.modified)));
    }
    programs.find(image, found)
}

/// Goes over all files with a name that are in use.
fn each(image: &Image<'_>, visit: &mut dyn FnMut(Times, u32)) -> Result<(), DetectError> {
    let sql = "SELECT v.name, f.path, f.inode, f.modified, f.accessed, f.changed, f.created, f.mode
        FROM main.files f JOIN main.volumes v ON v.id = f.volume
        WHERE v.exhibit = ? AND f.type = 'file' AND f.state = 'allocated' AND f.path IS NOT NULL
        AND f.modified IS NOT NULL AND f.accessed IS NOT NULL AND f.changed IS NOT NULL";
    let mut statement = image.db.prepare(sql)?;
    let mut rows = statement.query([image.exhibit])?;
    let mut count = 0_u32;
    while let Some(row) = rows.next()? {
        visit(times(row)?, row.get(7)?);
        count = count.wrapping_add(1);
        if count.trailing_zeros() >= 12 && image.progress.stop_requested() {
            break;
        }
    }
    Ok(())
}

fn times(row: &Row<'_>) -> rusqlite::Result<Times> {
    Ok(Times {
        volume: row.get(0)?,
        path: row.get(1)?,
        inode: row.get(2)?,
        modified: row.get(3)?,
        accessed: row.get(4)?,
        changed: row.get(5)?,
        created: row.get(6)?,
    })
}

/// Modified before it was born, or after its inode changed for the last time: neither comes from writing.
fn is_strange(file: &Times) -> bool {
    let is_before_birth = file.created.is_some_and(|created| file.modified < created.saturating_sub(DAY));
    is_before_birth || file.modified > file.changed.saturating_add(DAY)
}

/// Places in which hardly anybody unpacks a single old file: those of the system, of web sites and temporary ones.
fn is_place(path: &str) -> bool {
    let path = path.as_bytes();
    let (is_system, is_site) = (is_system(path), is_site(path));
    (is_system || is_site || is_temporary(path)) && !is_foreign_tree(path)
}

fn is_system(path: &[u8]) -> bool {
    let folders: [&[u8]; 8] = [b"/usr/", b"/bin/", b"/sbin/", b"/lib/", b"/lib64/", b"/boot/", b"/etc/", b"/dev/"];
    folders.iter().any(|folder| path.starts_with(folder))
        && !path.starts_with(b"/usr/src/")
        && !path.starts_with(b"/usr/local/share/")
}

fn is_site(path: &[u8]) -> bool {
    let parts: [&[u8]; 5] = [b"/www/", b"/public_html/", b"/htdocs/", b"/wwwroot/", b"/webroot/"];
    parts.iter().any(|part| memchr::memmem::find(path, part).is_some()) && !is_in_home(path)
}

/// Files that were modified at the very same nanosecond as one of these and are another file, born at another time.
fn twins(image: &Image<'_>, candidates: &[Times]) -> Result<HashMap<i64, String>, DetectError> {
    let mut wanted: HashMap<i64, Vec<&Times>> = HashMap::new();
    for file in candidates.iter().filter(|it| it.modified.rem_euclid(SECOND) != 0) {
        wanted.entry(file.modified).or_default().push(file);
    }
    let mut twins: HashMap<i64, String> = HashMap::new();
    if wanted.is_empty() {
        return Ok(twins);
    }
    each(image, &mut |file, _| {
        let is_other = |it: &&Times| it.inode != file.inode || it.volume != file.volume;
        let Some(own) = wanted.get(&file.modified).and_then(|all| all.iter().find(|it| is_other(it))) else { return };
        let apart = |created: i64| own.created.is_some_and(|it| it.saturating_sub(created) > DAY);
        if file.created.is_some_and(apart) {
            twins.entry(file.modified).or_insert(file.path);
        }
    })?;
    Ok(twins)
}

/// The finding about a file, with another one that has its time.
fn tell(image: &Image<'_>, file: &Times, twin: Option<&String>) -> Finding {
    let Times { path, modified, changed, .. } = file;
    let (born, when) = file.created.map_or(("changed for the last time", *changed), |created| ("born", created));
    let has_program_place = is_system(path.as_bytes()) || is_temporary(path.as_bytes());
    let made = if *modified > changed.saturating_add(DAY) {
        let text = format!(
            "It was modified at {}, says its inode, which changed for the last time at {}.",
            utc(*modified),
            utc(*changed)
        );
        finding(&SET_FORWARD, path, format!("the time of a file was set forward: {path}")).explained(text)
    } else if let Some(twin) = twin.filter(|twin| *twin != path) {
        let text = format!(
            "It was {born} at {}, and says that it was modified at {}, to the nanosecond as {twin}: `touch -r` does that, and a copy \
            that keeps times.",
            utc(when),
            utc(*modified)
        );
        let made = finding(&COPIED_TIME, path, format!("a file has the time of another: {path}")).explained(text);
        if has_program_place { made } else { made.weighed(Severity::Low, Confidence::Medium) }
    } else {
        let is_whole = |time: i64| time.rem_euclid(SECOND) == 0;
        let whole = if is_whole(*modified) && is_whole(file.accessed) && !is_whole(*changed) {
            " Both its times are whole seconds, as `touch -d` sets them."
        } else {
            ""
        };
        let text = format!(
            "It was {born} at {}, alone, and says that it was modified at {}: writing never gives that. A copy that keeps times does, as \
            does `touch`.{whole}",
            utc(when),
            utc(*modified)
        );
        let made = finding(&SET_BACK, path, format!("the time of a file was set back: {path}")).explained(text);
        match (has_program_place, whole.is_empty()) {
            (true, false) => made,
            (true, true) => made.weighed(Severity::Low, Confidence::Medium),
            (false, _) => made.weighed(Severity::Low, Confidence::Low),
        }
    };
    let changed = Some(*changed);
    made.between(file.created.or(changed), changed).evidence(evidence(image, file)).indicator("path", path)
}

fn evidence(image: &Image<'_>, file: &Times) -> Evidence {
    let volume = image.view.volumes().iter().position(|volume| volume.name == file.volume);
    let note = format!(
        "modified {}, accessed {}, changed {}, born {}",
        exact(file.modified),
        exact(file.accessed),
        exact(file.changed),
        file.created.map_or_else(|| "not told".to_owned(), exact)
    );
    let path = from_visible(&file.path).unwrap_or_else(|| file.path.clone().into_bytes());
    Evidence::File { volume, inode: u64::try_from(file.inode).ok(), path, span: None, note }
}

/// A time to the nanosecond.
fn exact(time: i64) -> String {
    kanshiki_model::Timestamp::from_nanoseconds(time).to_string()
}

/// Whether it is a program, a library or a module in a folder for these.
fn is_program(path: &[u8], mode: u32) -> bool {
    let folders: [&[u8]; 9] = [
        b"/usr/bin/",
        b"/usr/sbin/",
        b"/usr/lib/",
        b"/usr/lib64/",
        b"/usr/libexec/",
        b"/bin/",
        b"/sbin/",
        b"/lib/",
        b"/lib64/",
    ];
    folders.iter().any(|folder| path.starts_with(folder)) && (mode & 0o111 != 0 || is_module(path))
}
