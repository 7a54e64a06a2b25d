//! Files of the system that others than root may change.

use super::{Seen, is_foreign_tree, told};
use crate::found::{Building as _, Found};
use kanshiki_filesystem::{Node, NodeType};
use kanshiki_model::{Confidence, Question, Rule, Severity, visible};

pub(super) static WRITABLE: Rule = Rule {
    id: "files.writable-by-all",
    question: Question::Holes,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "T1222.002",
    next: "Whoever has any account, or a web server's, can become root by it: find out since when it is so, and who used it.",
};

pub(super) static FOREIGN_OWNER: Rule = Rule {
    id: "files.foreign-owner",
    question: Question::Holes,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1222.002",
    next: "The account can change what root runs: find out who gave it the file.",
};

/// Numbers of accounts of people begin here, on machines of the last ten years.
const PEOPLE: u32 = 1000;
/// The number of nobody.
const NOBODY: u32 = 65_534;

/// Folders of programs, libraries and settings.
const SYSTEM: [&[u8]; 9] =
    [b"/etc/", b"/usr/", b"/bin/", b"/sbin/", b"/lib/", b"/lib64/", b"/boot/", b"/root/", b"/var/spool/cron/"];

/// Folders of programs that root runs.
const PROGRAMS: [&[u8]; 12] = [
    b"/usr/bin/",
    b"/usr/sbin/",
    b"/bin/",
    b"/sbin/",
    b"/usr/lib/systemd/",
    b"/lib/systemd/",
    b"/etc/systemd/",
    b"/etc/init.d/",
    b"/etc/cron.d/",
    b"/etc/cron.daily/",
    b"/etc/cron.hourly/",
    b"/etc/profile.d/",
];

/// Whether it is looked at closer.
pub(super) fn may_matter(path: &[u8], node: &Node) -> bool {
    is_writable(path, node) || has_foreign_owner(path, node)
}

/// What everybody may write; of folders those from which others' files may be removed.
fn is_writable(path: &[u8], node: &Node) -> bool {
    let is_open = match node.node_type {
        NodeType::File => node.mode & 0o002 != 0,
        NodeType::Directory => node.mode & 0o1002 == 0o002,
        _ => false,
    };
    is_open && (is_in(path, &SYSTEM) || is_of_keys(path)) && !is_foreign_tree(path)
}

fn has_foreign_owner(path: &[u8], node: &Node) -> bool {
    let is_program = node.node_type == NodeType::File && (node.mode & 0o111 != 0 || path.starts_with(b"/etc/"));
    is_program && node.uid >= PEOPLE && node.uid != NOBODY && is_in(path, &PROGRAMS)
}

fn is_in(path: &[u8], folders: &[&[u8]]) -> bool {
    // The folder itself counts too.
    folders.iter().any(|folder| path.starts_with(folder) || folder.strip_suffix(b"/") == Some(path))
}

fn is_of_keys(path: &[u8]) -> bool {
    path.ends_with(b"/.ssh") || path.ends_with(b"/authorized_keys")
}

/// Tells of a file or a folder.
pub(super) fn look(seen: &Seen, found: &mut Found) {
    let (path, node) = (seen.path.as_slice(), &seen.node);
    let shown = visible(path);
    if is_writable(path, node) {
        let what = if node.node_type == NodeType::Directory { "put files into" } else { "write" };
        let title = format!("everybody may {what} {shown}");
        let why = "What root runs, or reads to let somebody in, is changed by whoever likes to.";
        let made = told(&WRITABLE, (seen.place, node), path, &title, why);
        // What nobody runs, and no setting, is a blemish.
        let is_grave = node.node_type == NodeType::Directory || node.mode & 0o111 != 0 || path.starts_with(b"/etc/");
        let is_share =
            path.starts_with(b"/usr/share/") || path.starts_with(b"/usr/src/") || path.starts_with(b"/usr/local/");
        return found.add(match (is_grave || is_of_keys(path), is_share) {
            (true, false) => made,
            (true, true) => made.weighed(Severity::Medium, Confidence::Medium),
            (false, _) => made.weighed(Severity::Low, Confidence::Medium),
        });
    }
    if has_foreign_owner(path, node) {
        let title = format!("the account of number {} owns what others run: {shown}", node.uid);
        found.add(told(&FOREIGN_OWNER, (seen.place, node), path, &title, "Whoever has that account can change it."));
    }
}
