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
const NEVER_RAISED: &[&str] = &[
    "bash",
    "sh",
    "dash",
    "zsh",
    "ksh",
    "fish",
    "ash",
    "busybox",
    "python",
    "python2",
    "python3",
    "perl",
    "ruby",
    "php",
    "lua",
    "node",
    "find",
    "vim",
    "vi",
    "nano",
    "less",
    "more",
    "cat",
    "cp",
    "mv",
    "dd",
    "tar",
    "zip",
    "awk",
    "gawk",
    "mawk",
    "sed",
    "env",
    "nmap",
    "gdb",
    "tee",
    "xxd",
    "base64",
    "curl",
    "wget",
    "nc",
    "socat",
    "rsync",
    "git",
    "systemctl",
    "docker",
    "strace",
];

/// Whether who runs this program as root can do all as root.
pub(crate) fn is_never_raised(name: &str) -> bool {
    NEVER_RAISED.contains(&name) || NEVER_RAISED.contains(&without_version(name))
}

/// `python3.11` is python.
fn without_version(name: &str) -> &str {
    name.trim_end_matches(|sign: char| sign.is_ascii_digit() || sign == '.')
}

/// Programs that packages of distributions make setuid root. The database of dpkg does not say which do: these are of the
/// packages of Debian 8 to 13 and Ubuntu 14.04 to 24.04.
const RAISED: &[&str] = &[
    "arping",
    "at",
    "auth_pam_tool",
    "chage",
    "chfn",
    "chrome-sandbox",
    "chsh",
    "cockpit-session",
    "courier-authdaemon",
    "dbus-daemon-launch-helper",
    "dma",
    "dma-mbox-create",
    "doas",
    "eject",
    "exim4",
    "exim",
    "expiry",
    "fping",
    "fping6",
    "fusermount",
    "fusermount3",
    "gpasswd",
    "kismet_cap_linux_wifi",
    "kppp",
    "ksu",
    "lxc-user-nic",
    "lppasswd",
    "mount",
    "mount.cifs",
    "mount.davfs",
    "mount.ecryptfs_private",
    "mount.nfs",
    "mtr",
    "mtr-packet",
    "newgidmap",
    "newgrp",
    "newuidmap",
    "ntfs-3g",
    "passwd",
    "ping",
    "ping6",
    "pkexec",
    "pmount",
    "polkit-agent-helper-1",
    "pppd",
    "procmail",
    "pt_chown",
    "pumount",
    "sendmail",
    "sg",
    "smbmnt",
    "snap-confine",
    "spice-client-glib-usb-acl-helper",
    "ssh-keysign",
    "su",
    "sudo",
    "sudoedit",
    "suexec",
    "suexec-custom",
    "suexec-pristine",
    "traceroute6",
    "ubuntu-core-launcher",
    "umount",
    "unix_chkpwd",
    "userhelper",
    "usernetctl",
    "vmware-user-suid-wrapper",
    "VBoxHeadless",
    "VBoxNetAdpCtl",
    "VBoxNetDHCP",
    "VBoxNetNAT",
    "VBoxSDL",
    "VBoxVolInfo",
    "VirtualBoxVM",
    "xorg.wrap",
    "Xorg.wrap",
    "Xorg",
];

/// Capabilities by which a process becomes root, or reads and writes what it likes (capabilities(7)).
const MIGHTY: &[&str] = &[
    "cap_setuid",
    "cap_setgid",
    "cap_setpcap",
    "cap_setfcap",
    "cap_chown",
    "cap_fowner",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_sys_admin",
    "cap_sys_module",
    "cap_sys_ptrace",
    "cap_sys_rawio",
    "cap_mknod",
    "cap_bpf",
];

/// Programs that distributions give some of these: to map numbers of accounts, and to confine.
const MIGHTY_ANYWAY: &[&str] = &["newuidmap", "newgidmap", "snap-confine", "kwin_wayland", "gnome-keyring-daemon"];

/// Looks at all files.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut others: BTreeMap<Vec<u8>, kanshiki_model::Finding> = BTreeMap::new();
    survey(image.view, image.owned.packages(), &mut |event| {
        match event {
            SurveyEvent::Privileged(file) => privileged(&file, image.owned.is_known(), found),
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

fn privileged(file: &Privileged, is_known: bool, found: &mut Found) {
    let path = file.path.as_bytes();
    if is_foreign_tree(path) {
        return;
    }
    let (mode, shown) = (file.node.mode, visible(path));
    let what = match (mode & 0o4000 != 0, mode & 0o2000 != 0, &file.capabilities) {
        (true, ..) => format!("setuid to number {}", file.node.uid),
        (_, true, _) => format!("setgid to number {}", file.node.gid),
        (_, _, Some(capabilities)) => format!("capabilities {capabilities}"),
        _ => return,
    };
    let Some((severity, why)) = weigh(file, is_known) else { return };
    let title = format!("a program with the rights of others ({what}): {shown}");
    found.add(told(&RIGHTS, (file.place, &file.node), path, &title, why).weighed(severity, Confidence::High));
}

/// How grave it is that a program has rights of others, and why.
fn weigh(file: &Privileged, is_known: bool) -> Option<(Severity, &'static str)> {
    let path = file.path.as_bytes();
    let name = String::from_utf8_lossy(name_of(path)).into_owned();
    let is_one_of = |names: &[&str]| names.contains(&name.as_str()) || names.contains(&without_version(&name));
    let is_root = file.node.mode & 0o4000 != 0 && file.node.uid == 0;
    let is_mighty = file.capabilities.is_some_and(|capabilities| {
        let text = capabilities.to_string();
        text.starts_with('=') || MIGHTY.iter().any(|name| text.contains(name))
    });
    let is_odd = is_temporary(path) || is_in_home(path) || is_in_hidden(path);
    // Without a database nothing is a package's.
    let standing = match file.standing {
        Standing::Unowned if !is_known && !is_odd => Standing::Unknown,
        other => other,
    };
    match standing {
        _ if (is_root || is_mighty) && is_never_raised(&name) => {
            Some((Severity::High, "No distribution gives this program such rights: whoever runs it can do all."))
        }
        Standing::Beyond => Some((Severity::High, "Its package gives it less.")),
        Standing::Unowned if is_odd => {
            Some((Severity::High, "No package brought it, and it lies where programs do not lie."))
        }
        Standing::Unowned => Some((Severity::Medium, "No package brought it.")),
        Standing::Unknown if is_root && !is_one_of(RAISED) || is_mighty && !is_one_of(MIGHTY_ANYWAY) => Some((
            Severity::Medium,
            "Its package's database does not say which rights it has, and it is none of those that distributions give such.",
        )),
        Standing::Given | Standing::Unknown => None,
    }
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
