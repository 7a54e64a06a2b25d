//! What names, modes and places of files tell, of all files in one sweep.

mod alike;
mod loose;
#[cfg(test)]
mod tests;

use crate::found::{Building as _, Found, finding};
use crate::owned::Owner;
use crate::{DetectError, Image};
use kanshiki_filesystem::{Follow, FsError, Node, NodeType, Place};
use kanshiki_model::{
    Confidence, Evidence, EvidencePath, FileTime, Finding, Question, Rule, Severity, Timestamp, is_hidden, visible,
};
use kanshiki_walk::{Descend, Item, Names, Order, SweepOptions, Sweeper, sweep};
use std::ops::ControlFlow;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[
    &loose::WRITABLE,
    &loose::FOREIGN_OWNER,
    &TEMPORARY_PROGRAM,
    &HIDDEN_PROGRAM,
    &HIDDEN_FOLDER,
    &ODD_NAME,
    &KERNEL_NAME,
    &alike::LOOK_ALIKE,
    &alike::STRAY_DAEMON,
    &DEVICE,
    &FILE_IN_DEV,
    &NO_HISTORY,
];

static TEMPORARY_PROGRAM: Rule = Rule {
    id: "files.temporary-program",
    question: Question::Ran,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1059.004",
    next: "Take it out with `kanshiki suspects`; look in the logs about the time at which it was made for who brought it.",
};

static HIDDEN_PROGRAM: Rule = Rule {
    id: "hidden.program",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1564.001",
    next: "Look at all that lies in that folder, and at what starts it.",
};

static HIDDEN_FOLDER: Rule = Rule {
    id: "hidden.folder",
    question: Question::Hidden,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1564.001",
    next: "Look at all that lies in it: `kanshiki tree`, `kanshiki ls -l`.",
};

static ODD_NAME: Rule = Rule {
    id: "hidden.odd-name",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1564.001",
    next: "Look at what lies behind the name: `kanshiki ls -l` shows it with its bytes made visible.",
};

static KERNEL_NAME: Rule = Rule {
    id: "hidden.kernel-name",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1036.004",
    next: "In a list of processes it passes for a part of the kernel, which lies in no file: take it out and look at it.",
};

static DEVICE: Rule = Rule {
    id: "hidden.device",
    question: Question::Hidden,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1564",
    next: "A device outside of /dev gives access to a disk or to memory past the permissions of files: find out who made it.",
};

static FILE_IN_DEV: Rule = Rule {
    id: "hidden.file-in-dev",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1564.001",
    next: "Look at the content: /dev is a place for devices, in which nobody looks for files.",
};

static NO_HISTORY: Rule = Rule {
    id: "hidden.no-history",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1070.003",
    next: "What the account typed is in no history: look at process accounting, auditd and the journal for it.",
};

/// Something that one of the rules may be about.
#[derive(Debug)]
struct Seen {
    path: Vec<u8>,
    place: Place,
    node: Node,
}

#[derive(Debug, Default)]
struct Batch(Vec<Seen>);

struct Collector;

impl Sweeper for Collector {
    type Batch = Batch;

    fn visit(&self, item: &Item<'_>, batch: &mut Batch) -> Descend {
        if let (true, Ok((place, node))) = (item.live, item.found)
            && (may_matter(item.path, node) || loose::may_matter(item.path, node))
        {
            batch.0.push(Seen { path: item.path.to_vec(), place, node: node.clone() });
        }
        Descend::Yes
    }

    // Damage of the tree was told when the files were entered.
    fn damage(&self, _: &[u8], _: usize, _: &FsError, _: &mut Batch) {}
}

/// What is looked at closer: what can be run, what is no file, what has an odd name, histories.
fn may_matter(path: &[u8], node: &Node) -> bool {
    let name = name_of(path);
    match node.node_type {
        NodeType::File => {
            node.mode & 0o111 != 0 || is_odd(name) || path.starts_with(b"/dev/") || is_module(path) || is_history(name)
        }
        NodeType::CharacterDevice | NodeType::BlockDevice => true,
        NodeType::Symlink => is_history(name) || is_odd(name),
        NodeType::Directory => is_odd(name) || is_hidden_folder(path),
        _ => is_odd(name),
    }
}

/// Looks at all files.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let Ok(root) = image.view.lookup(&EvidencePath::root(), Follow::All) else { return Ok(()) };
    let options = SweepOptions { order: Order::Name, names: Names::Live, threads: 0 };
    let names = alike::Names::of(image.owned);
    sweep(image.view, std::slice::from_ref(&root), options, &Collector, &mut |batch: Batch| {
        batch.0.iter().for_each(|seen| look(image, &names, seen, found));
        if image.progress.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    Ok(())
}

fn look(image: &Image<'_>, names: &alike::Names, seen: &Seen, found: &mut Found) {
    let (path, name) = (seen.path.as_slice(), name_of(&seen.path));
    loose::look(seen, found);
    match seen.node.node_type {
        NodeType::CharacterDevice | NodeType::BlockDevice => device(seen, found),
        NodeType::Symlink => history_link(image, seen, found),
        NodeType::File => {
            let owner = image.owned.of(path);
            if !is_foreign_tree(path) && !owner.is_package() {
                program(seen, names, found);
            }
            if path.starts_with(b"/dev/") && !path.starts_with(b"/dev/shm/") && seen.node.size > 0 {
                let title = format!("a file in /dev: {}", visible(path));
                found.add(told(
                    &FILE_IN_DEV,
                    (seen.place, &seen.node),
                    &seen.path,
                    &title,
                    "A regular file with a content lies among the devices.",
                ));
            }
        }
        NodeType::Directory if is_hidden_folder(path) && image.owned.of(path) == Owner::Nobody => {
            let title = format!("a hidden folder in a place of the system: {}", visible(path));
            let why = "Its name begins with a point, so that lists leave it out, and no package made it.";
            found.add(told(&HIDDEN_FOLDER, (seen.place, &seen.node), path, &title, why));
        }
        _ => {}
    }
    if is_odd(name) {
        let title = format!("a name that hides: {}", visible(path));
        found.add(told(&ODD_NAME, (seen.place, &seen.node), &seen.path, &title,
            "The name is made of points and blanks, ends with a blank, or holds characters that are not seen: in a list it is \
             overlooked, or taken for another.",
        ));
    }
}

/// What is told of a file that can be run and that no package answers for; the gravest of it alone.
fn program(seen: &Seen, names: &alike::Names, found: &mut Found) {
    let (path, node) = (seen.path.as_slice(), &seen.node);
    let (name, shown) = (name_of(path), visible(path));
    let can_run = node.mode & 0o111 != 0;
    if can_run && is_kernel_name(name) {
        let title = format!("a program that is called like a part of the kernel: {shown}");
        return found.add(told(
            &KERNEL_NAME,
            (seen.place, &seen.node),
            &seen.path,
            &title,
            "Threads of the kernel have such names; a program has no reason to.",
        ));
    }
    if can_run && let Some((rule, title, why)) = names.judge(path) {
        return found.add(told(rule, (seen.place, &seen.node), path, &title, &why));
    }
    if can_run && is_temporary(path) {
        let title = format!("a program in a folder for temporary files: {shown}");
        return found.add(told(
            &TEMPORARY_PROGRAM,
            (seen.place, &seen.node),
            &seen.path,
            &title,
            "Everybody can write there, and installers clear it away: what \
            can be run and stays there was often brought by somebody who had no better place.",
        ));
    }
    if can_run && is_in_hidden(path) && !is_in_home(path) {
        let title = format!("a program in a hidden folder: {shown}");
        found.add(told(
            &HIDDEN_PROGRAM,
            (seen.place, &seen.node),
            &seen.path,
            &title,
            "The name of the folder begins with a point, so that lists leave it out.",
        ));
    }
}

fn device(seen: &Seen, found: &mut Found) {
    let is_in_dev = seen.path.starts_with(b"/dev/") || memchr::memmem::find(&seen.path, b"/dev/").is_some();
    // Overlays mark what was removed with a device of the numbers 0, 0.
    if !is_in_dev && !is_foreign_tree(&seen.path) {
        let title = format!("a device outside of /dev: {}", visible(&seen.path));
        found.add(told(
            &DEVICE,
            (seen.place, &seen.node),
            &seen.path,
            &title,
            "Devices are made in /dev by the system itself.",
        ));
    }
}

/// A history that leads to `/dev/null`.
fn history_link(image: &Image<'_>, seen: &Seen, found: &mut Found) {
    let target = image.view.filesystem(seen.place).and_then(|filesystem| filesystem.link_target(seen.place.node).ok());
    if is_history(name_of(&seen.path)) && target.as_deref() == Some(b"/dev/null") {
        let title = format!("a history that is thrown away: {}", visible(&seen.path));
        found.add(told(
            &NO_HISTORY,
            (seen.place, &seen.node),
            &seen.path,
            &title,
            "It is a link to /dev/null: what is typed is kept nowhere.",
        ));
    }
}

/// A finding about a file, with the times of its birth and its last change.
pub(crate) fn told(
    rule: &'static Rule,
    (place, node): (Place, &Node),
    path: &[u8],
    title: &str,
    text: &str,
) -> Finding {
    let shown = visible(path);
    let time = |time: Option<FileTime>| time.and_then(FileTime::timestamp).map(Timestamp::as_nanoseconds);
    let (made, changed) = (time(node.times.created), time(node.times.changed));
    let note = format!("{} bytes, mode {:04o}, owner {}:{}", node.size, node.mode & 0o7777, node.uid, node.gid);
    let evidence = Evidence::File {
        volume: Some(place.volume),
        inode: Some(node.id.inode),
        path: path.to_vec(),
        span: None,
        note,
    };
    let times = (made.or(changed), changed.or(made));
    finding(rule, &shown, title).explained(text).between(times.0, times.1).evidence(evidence).indicator("path", &shown)
}

pub(crate) fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Folders that everybody can write to.
pub(crate) fn is_temporary(path: &[u8]) -> bool {
    let folders: [&[u8]; 5] = [b"/tmp/", b"/var/tmp/", b"/dev/shm/", b"/run/shm/", b"/run/lock/"];
    folders.iter().any(|folder| path.starts_with(folder))
}

pub(crate) fn is_in_home(path: &[u8]) -> bool {
    path.starts_with(b"/home/") || path.starts_with(b"/root/")
}

/// Whether a folder on the way has a name that begins with a point. Those of programs that keep their own there do not count.
pub(crate) fn is_in_hidden(path: &[u8]) -> bool {
    let mut names = path.split(|byte| *byte == b'/');
    let _ = names.next_back();
    let usual: [&[u8]; 9] = [b".git", b".svn", b".hg", b".build-id", b".bin", b".npm", b".cache", b".local", b".venv"];
    names.any(|name| name.starts_with(b".") && !usual.contains(&name))
}

/// A folder whose name begins with a point, in a place where programs keep none.
fn is_hidden_folder(path: &[u8]) -> bool {
    let folders: [&[u8]; 10] =
        [b"/bin/", b"/boot/", b"/dev/", b"/etc/", b"/lib/", b"/lib64/", b"/sbin/", b"/usr/", b"/var/", b"/tmp/"];
    // X(7), Xserver; git keeps the history of /etc for etckeeper; what is built and restored is kept apart so.
    let usual: [&[u8]; 20] = [
        b".X11-unix",
        b".ICE-unix",
        b".font-unix",
        b".XIM-unix",
        b".Test-unix",
        b".git",
        b".svn",
        b".hg",
        b".bzr",
        b".build-id",
        b".java",
        b".cache",
        b".config",
        b".local",
        b".npm",
        b".bin",
        b".well-known",
        b".github",
        b".snapshots",
        b".gnupg",
    ];
    let name = name_of(path);
    name.len() > 1
        && name.starts_with(b".")
        && folders.iter().any(|folder| path.starts_with(folder))
        && !usual.contains(&name)
        && !is_foreign_tree(path)
        && !path.starts_with(b"/etc/skel/")
        && !path.starts_with(b"/var/lib/")
        && !path.starts_with(b"/var/www/")
}

/// Modules of the kernel and of PAM, which need no permission to be run.
pub(crate) fn is_module(path: &[u8]) -> bool {
    let is_of_kernel =
        [b".ko".as_slice(), b".ko.xz", b".ko.gz", b".ko.zst"].iter().any(|ending| path.ends_with(ending));
    is_of_kernel || memchr::memmem::find(path, b"/security/pam_").is_some()
}

/// Trees of containers and chroots, in which another system lies.
pub(crate) fn is_foreign_tree(path: &[u8]) -> bool {
    let folders: [&[u8]; 7] = [
        b"/var/lib/docker/",
        b"/var/lib/containers/",
        b"/var/lib/containerd/",
        b"/var/lib/lxc/",
        b"/var/lib/lxd/",
        b"/snap/",
        b"/var/lib/machines/",
    ];
    folders.iter().any(|folder| path.starts_with(folder))
        || memchr::memmem::find(path, b"/.local/share/containers/").is_some()
}

/// Files in which shells and clients of databases keep what is typed.
fn is_history(name: &[u8]) -> bool {
    let names: [&[u8]; 9] = [
        b".bash_history",
        b".zsh_history",
        b".sh_history",
        b".ash_history",
        b".history",
        b".mysql_history",
        b".psql_history",
        b".python_history",
        b".local_history",
    ];
    names.contains(&name)
}

/// Whether a name is made to be overlooked: of points and blanks alone, with a blank at an end, or with what is not seen.
fn is_odd(name: &[u8]) -> bool {
    if name.len() < 2 || matches!(name, b"..") {
        return name == b" ";
    }
    let is_of_points = name.iter().all(|byte| matches!(byte, b'.' | b' '));
    let is_blank_at_end =
        name.ends_with(b" ") || name.starts_with(b" ") || name.starts_with(b". ") || name.starts_with(b".. ");
    let is_unseen = std::str::from_utf8(name).is_ok_and(|name| name.chars().any(is_hidden));
    is_of_points || is_blank_at_end || is_unseen
}

/// Whether a name is that of a thread of the kernel (`ps` shows those of Linux 2.6 to 6).
fn is_kernel_name(name: &[u8]) -> bool {
    let starts: [&[u8]; 14] = [
        b"kworker",
        b"kthreadd",
        b"ksoftirqd",
        b"kswapd",
        b"kdevtmpfs",
        b"khungtaskd",
        b"khugepaged",
        b"kblockd",
        b"kintegrityd",
        b"rcu_sched",
        b"kcompactd",
        b"jbd2",
        b"kauditd",
        b"watchdogd",
    ];
    let inner = name.strip_prefix(b"[").unwrap_or(name);
    starts.iter().any(|start| {
        inner
            .strip_prefix(*start)
            .is_some_and(|rest| rest.first().is_none_or(|byte| !byte.is_ascii_alphabetic() && *byte != b'.'))
    })
}
