//! Files held against packages: programs that were changed, settings that were, modes, owners and capabilities beyond the
//! package's, and what is missing.

use crate::DetectError;
use crate::found::{Building as _, Found, finding};
use kanshiki_filesystem::{NodeType, View};
use kanshiki_model::{Confidence, Evidence, Finding, Progress, Question, Rule, Severity, visible};
use kanshiki_packages::{Checked, FileFlags, Packages, Verify, VerifyEvent, is_told, line, verify};
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] =
    &[&PROGRAM_CHANGED, &FILE_CHANGED, &CONFIGURATION_CHANGED, &RIGHTS_CHANGED, &MISSING];

static PROGRAM_CHANGED: Rule = Rule {
    id: "packages.program-changed",
    question: Question::Changed,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "T1554",
    next: "Take the file out with `kanshiki suspects` and compare it with the package's original; look at what ran it, and when \
        it was changed.",
};

static FILE_CHANGED: Rule = Rule {
    id: "packages.file-changed",
    question: Question::Changed,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1565.001",
    next: "Compare with the package's original.",
};

static CONFIGURATION_CHANGED: Rule = Rule {
    id: "packages.configuration-changed",
    question: Question::Changed,
    severity: Severity::Info,
    confidence: Confidence::High,
    technique: "",
    next: "Administrators change settings: look at those that open something, and at when they were changed.",
};

static RIGHTS_CHANGED: Rule = Rule {
    id: "packages.rights-changed",
    question: Question::Changed,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1222.002",
    next: "Look at who changed the mode, the owner or the capabilities, and why.",
};

static MISSING: Rule = Rule {
    id: "packages.missing",
    question: Question::Changed,
    severity: Severity::Info,
    confidence: Confidence::Medium,
    technique: "T1070.004",
    next: "Look whether the files are left out on purpose, as in small containers, or were removed.",
};

/// Files of one package that are listed with one finding.
const LISTED: usize = 20;

/// Holds all files against what packages say of them; the places of those whose content is another. `None` if it was asked to
/// end.
pub(crate) fn hold(
    view: &View,
    packages: &Packages,
    progress: &dyn Progress,
    found: &mut Found,
) -> Result<Option<HashSet<Vec<u8>>>, DetectError> {
    found.issues.extend(packages.issues().iter().cloned());
    let mut changed = HashSet::new();
    let mut by_package: BTreeMap<(&'static str, Vec<u8>), Finding> = BTreeMap::new();
    let verified = verify(view, packages, progress, &mut |event| {
        match event {
            VerifyEvent::Damage(issue) => found.issues.push(issue),
            VerifyEvent::Checked(checked) => {
                if checked.difference.failed.has(Verify::DIGEST) {
                    changed.insert(checked.entry.place.to_vec());
                }
                if is_told(&checked.entry, &checked.difference) {
                    tell(&checked, &mut by_package, found);
                }
            }
        }
        ControlFlow::Continue(())
    });
    by_package.into_values().for_each(|made| found.add(made));
    Ok(verified.is_whole.then_some(changed))
}

/// Whether a file is a program or a part of one: it can be run, or lies where programs and libraries lie.
fn is_program(checked: &Checked<'_>) -> bool {
    let place = checked.entry.place;
    let is_file = checked.node.as_ref().is_some_and(|(_, node)| node.node_type == NodeType::File);
    let can_run = checked.node.as_ref().is_some_and(|(_, node)| node.mode & 0o111 != 0);
    let is_in =
        ["/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"].iter().any(|folder| place.starts_with(folder.as_bytes()));
    let is_library =
        place.ends_with(b".so") || memchr::memmem::find(place, b".so.").is_some() || place.ends_with(b".ko");
    is_file && (can_run || is_in || is_library)
}

fn tell(checked: &Checked<'_>, by_package: &mut BTreeMap<(&'static str, Vec<u8>), Finding>, found: &mut Found) {
    let (entry, difference) = (&checked.entry, &checked.difference);
    let is_config = entry.flags.has(FileFlags::CONFIG);
    let is_changed = difference.failed.has(Verify::DIGEST) && !difference.unreadable.has(Verify::DIGEST);
    let (package, path) = (visible(&entry.package.name), visible(entry.place));
    let gains = checked.node.as_ref().is_some_and(|(_, node)| {
        let expected = entry.expected.mode.unwrap_or(node.mode);
        node.node_type == NodeType::File && node.mode & 0o6000 & !expected != 0
    });
    if is_changed && !is_config && is_program(checked) {
        let title = format!("{path} is not what package {package} brought");
        let made = finding(&PROGRAM_CHANGED, &path, title)
            .explained(format!(
                "The content of this program differs from the digest that the package's database holds: {}. Updates change \
                 both together; somebody who replaces a program changes one.",
                line(entry, difference).trim()
            ))
            .indicator("path", &path);
        let made = match &checked.digest {
            Some(digest) => made.indicator(digest.algorithm().name(), digest.to_hex()),
            None => made,
        };
        return found.add(made.evidence(evidence(checked, "what lies there")));
    }
    if gains || difference.failed.has(Verify::CAPABILITIES) {
        let title = format!("{path} has more rights than package {package} gave it");
        let made = finding(&RIGHTS_CHANGED, &path, title)
            .explained(format!(
                "Who runs it has another account's rights, or some of root's: {}.",
                line(entry, difference).trim()
            ))
            .weighed(Severity::High, Confidence::Medium)
            .indicator("path", &path);
        return found.add(made.evidence(evidence(checked, "what lies there")));
    }
    let (rule, what): (&'static Rule, _) = match (difference.missing.is_some(), is_changed, is_config) {
        (true, ..) => (&MISSING, "files of package {} are missing"),
        (_, true, true) => (&CONFIGURATION_CHANGED, "settings of package {} were changed"),
        (_, true, false) => (&FILE_CHANGED, "files of package {} were changed"),
        _ if difference.failed.has(Verify::MODE)
            || difference.failed.has(Verify::OWNER)
            || difference.failed.has(Verify::GROUP) =>
        {
            (&RIGHTS_CHANGED, "modes or owners of files of package {} were changed")
        }
        // Times and sizes alone, and what was not installed.
        _ => return,
    };
    let key = (rule.id, entry.package.name.clone());
    let made = by_package.remove(&key).unwrap_or_else(|| {
        finding(rule, &package, what.replace("{}", &package)).explained(
            "They differ from what the package's database says, as the letters of `rpm -V` and `dpkg --verify` tell.",
        )
    });
    let note = line(entry, difference).trim().to_owned();
    let listed = if made.evidence.len() < LISTED { made.evidence(evidence(checked, &note)) } else { more(made) };
    by_package.insert(key, listed);
}

fn more(mut made: Finding) -> Finding {
    made.more_evidence = made.more_evidence.saturating_add(1);
    made
}

fn evidence(checked: &Checked<'_>, note: &str) -> Evidence {
    Evidence::File {
        volume: checked.node.as_ref().map(|(place, _)| place.volume),
        inode: checked.node.as_ref().map(|(_, node)| node.id.inode),
        path: checked.entry.place.to_vec(),
        span: None,
        note: note.to_owned(),
    }
}
