//! Files of the system that are no package's, and files that give whoever runs them more rights than packages give.

#[cfg(test)]
mod tests;

use crate::found::{Building as _, Found, finding};
use crate::names::{is_foreign_tree, is_in_hidden, is_in_home, is_module, is_temporary, name_of, told};
use crate::{DetectError, Image};
use kanshiki_filesystem::NodeType;
use kanshiki_model::{Confidence, Question, Rule, Severity, visible};
use kanshiki_packages::{Privileged, Standing, SurveyEvent, Unowned, survey};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&RIGHTS, &UNOWNED_PROGRAM, &UNOWNED_FILES];

static RIGHTS: Rule = Rule {
    id: "files.rights",
    question: Question::Persists,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1548.001",
    next: "Find out what the program does, who put it there and when: whoever runs it has the rights of its owner.",
};

static UNOWNED_PROGRAM: Rule = Rule {
    id: "files.unowned-program",
    question: Question::Changed,
    severity: Severity::Medium,
    confidence: Confidence::Low,
    technique: "T1036.005",
    next: "Find out who installed it without a package; compare its times with those of logins.",
};

static UNOWNED_FILES: Rule = Rule {
    id: "files.unowned",
    question: Question::Changed,
    severity: Severity::Info,
    confidence: Confidence::Low,
    technique: "",
    next: "Administrators make such files too: look at those whose times lie near those of what else was found.",
};

/// Programs that no distribution gives the rights of root: with them, whoever runs them is root.
const NEVER_RAISED: &[&[u8]] = &[
    b"bash",
    b"sh",
    b"dash",
    b"zsh",
    b"ksh",
    b"fish",
    b"ash",
    b"busybox",
    b"python",
    b"python2",
    b"python3",
    b"perl",
    b"ruby",
    b"php",
    b"lua",
    b"node",
    b"find",
    b"vim",
    b"vi",
    b"nano",
    b"less",
    b"more",
    b"cat",
    b"cp",
    b"mv",
    b"dd",
    b"tar",
    b"zip",
    b"awk",
    b"gawk",
    b"mawk",
    b"sed",
    b"env",
    b"nmap",
    b"gdb",
    b"tee",
    b"xxd",
    b"base64",
    b"curl",
    b"wget",
    b"nc",
    b"socat",
    b"rsync",
    b"git",
    b"systemctl",
    b"docker",
    b"strace",
];

/// Looks at all files.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut others: BTreeMap<Vec<u8>, kanshiki_model::Finding> = BTreeMap::new();
    survey(image.view, image.owned.packages(), &mut |event| {
        match event {
            SurveyEvent::Privileged(file) => privileged(&file, found),
            SurveyEvent::Unowned(file) if image.owned.is_known() && file.explanation.is_none() => {
                unowned(&file, &mut others, found);
            }
            // Damage of the tree was told when the files were entered.
            SurveyEvent::Unowned(_) | SurveyEvent::Damage(_) => {}
        }
        if image.progress.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    others.into_values().for_each(|made| found.add(made));
    Ok(())
}

fn privileged(file: &Privileged, found: &mut Found) {
    let path = file.path.as_bytes();
    if is_foreign_tree(path) {
        return;
    }
    let (mode, shown) = (file.node.mode, visible(path));
    let name = name_of(path);
    let bare =
        name.iter().position(u8::is_ascii_digit).filter(|at| *at > 2).and_then(|at| name.get(..at)).unwrap_or(name);
    let is_shell = mode & 0o4000 != 0 && file.node.uid == 0 && NEVER_RAISED.iter().any(|it| *it == name || *it == bare);
    let what = match (mode & 0o4000 != 0, mode & 0o2000 != 0, &file.capabilities) {
        (true, ..) => format!("setuid to number {}", file.node.uid),
        (_, true, _) => format!("setgid to number {}", file.node.gid),
        (_, _, Some(capabilities)) => format!("capabilities {capabilities}"),
        _ => return,
    };
    let is_odd = is_temporary(path) || is_in_home(path) || is_in_hidden(path);
    let (severity, why) = match file.standing {
        _ if is_shell => {
            (Severity::High, "No distribution gives this program such rights: whoever runs it can do all.")
        }
        Standing::Beyond => (Severity::High, "Its package gives it less."),
        Standing::Unowned if is_odd => {
            (Severity::High, "No package brought it, and it lies where programs do not lie.")
        }
        Standing::Unowned => (Severity::Medium, "No package brought it."),
        Standing::Given | Standing::Unknown => return,
    };
    let title = format!("a program with the rights of others ({what}): {shown}");
    found.add(told(&RIGHTS, (file.place, &file.node), path, &title, why).weighed(severity, Confidence::High));
}

fn unowned(file: &Unowned, others: &mut BTreeMap<Vec<u8>, kanshiki_model::Finding>, found: &mut Found) {
    let path = file.path.as_bytes();
    let is_program = file.node.node_type == NodeType::File && (file.node.mode & 0o111 != 0 || is_module(path));
    let is_in_etc = path.starts_with(b"/etc/");
    if is_program && !is_in_etc {
        let title = format!("a program that no package brought: {}", visible(path));
        let why = "It lies where packages put theirs, and none of those that are installed has it.";
        let made = told(&UNOWNED_PROGRAM, (file.place, &file.node), path, &title, why);
        let has = |part: &str| memchr::memmem::find(path, part.as_bytes()).is_some();
        return found.add(match (has("/security/pam_"), has("/updates/") || has("/dkms/")) {
            (true, _) => made.weighed(Severity::High, Confidence::Medium),
            (_, true) => made.weighed(Severity::Low, Confidence::Low),
            _ => made,
        });
    }
    // What no program looks at closer is listed by folder.
    let end = memchr::memrchr(b'/', path).unwrap_or(0);
    let folder = path.get(..end).unwrap_or_default();
    let shown = visible(folder);
    let made = others.remove(folder).unwrap_or_else(|| {
        finding(&UNOWNED_FILES, &shown, format!("files that no package brought in {shown}")).explained(
            "They lie in a folder of the system, and no program that is known to make files there made them.",
        )
    });
    let one = told(&UNOWNED_FILES, (file.place, &file.node), path, "", "");
    let made = one.evidence.into_iter().fold(made, |made, evidence| made.evidence(evidence));
    others.insert(folder.to_vec(), made);
}
