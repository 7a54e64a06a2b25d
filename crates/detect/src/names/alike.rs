//! Programs whose names pass for those of others.

use super::{is_foreign_tree, name_of};
use crate::owned::Owned;
use kanshiki_model::{Confidence, Question, Rule, Severity, visible};
use std::collections::{HashMap, HashSet};
use unicode_security::confusable_detection::skeleton;

pub(super) static LOOK_ALIKE: Rule = Rule {
    id: "hidden.look-alike",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1036.005",
    next: "Take it out and compare it with the program whose name it resembles; look for what calls it.",
};

pub(super) static STRAY_DAEMON: Rule = Rule {
    id: "hidden.stray-daemon",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1036.005",
    next: "In a list of processes it passes for the service: take it out and look at it, and at what starts it.",
};

/// Folders of programs that are found without a path.
const FOLDERS: [&[u8]; 6] = [b"/bin", b"/sbin", b"/usr/bin", b"/usr/sbin", b"/usr/local/bin", b"/usr/local/sbin"];

/// Services whose names are taken, since nobody wonders about them in a list of processes.
const DAEMONS: &[&[u8]] = &[
    b"sshd",
    b"cron",
    b"crond",
    b"atd",
    b"init",
    b"systemd",
    b"udevd",
    b"rsyslogd",
    b"syslogd",
    b"auditd",
    b"agetty",
    b"getty",
    b"dbus-daemon",
    b"polkitd",
    b"irqbalance",
    b"acpid",
    b"ntpd",
    b"chronyd",
    b"named",
    b"master",
    b"httpd",
    b"apache2",
    b"mysqld",
    b"mariadbd",
    b"inetd",
    b"xinetd",
    b"dhclient",
    b"NetworkManager",
    b"snapd",
    b"dockerd",
    b"containerd",
];

/// Names of the programs that packages brought.
#[derive(Debug, Default)]
pub(super) struct Names {
    all: HashSet<Vec<u8>>,
    /// By what they look like.
    by_look: HashMap<Vec<u8>, Vec<u8>>,
}

impl Names {
    pub(super) fn of(owned: &Owned) -> Self {
        let mut names = Self::default();
        for entry in owned.packages().entries() {
            let name = name_of(entry.place);
            let folder = entry.place.get(..entry.place.len().saturating_sub(name.len()).saturating_sub(1));
            if FOLDERS.contains(&folder.unwrap_or_default()) && !name.is_empty() {
                names.all.insert(name.to_vec());
                names.by_look.entry(look(name)).or_insert_with(|| name.to_vec());
            }
        }
        for name in DAEMONS {
            names.by_look.entry(look(name)).or_insert_with(|| name.to_vec());
        }
        names
    }

    /// Rule, title and reason for a program that no package brought, if its name passes for another.
    pub(super) fn judge(&self, path: &[u8]) -> Option<(&'static Rule, String, String)> {
        let (name, shown) = (name_of(path), visible(path));
        let folder = path.get(..path.len().saturating_sub(name.len()).saturating_sub(1)).unwrap_or_default();
        // A name with a foreign letter has no other reason, wherever it lies.
        let is_foreign = !name.is_ascii() && !is_foreign_tree(path);
        if FOLDERS.contains(&folder) || is_foreign {
            let other = self.by_look.get(&look(name)).filter(|other| *other != name && !self.all.contains(name))?;
            let letters = foreign(name);
            let title = format!("a program whose name looks like {}: {shown}{letters}", visible(other));
            let why = "Letters and digits that look alike stand for each other in it: whoever reads a list takes it for the other.";
            return Some((&LOOK_ALIKE, title, why.to_owned()));
        }
        let is_daemon = DAEMONS.contains(&name) || name.starts_with(b"systemd-") && !name.contains(&b'.');
        if is_daemon && is_stray(path) {
            let title = format!("a program that is called like a service, where no service lies: {shown}");
            let why = "No package brought it, and installations of their own have folders for programs.";
            return Some((&STRAY_DAEMON, title, why.to_owned()));
        }
        None
    }
}

/// Whether no installation puts programs there: not in a folder for programs, nor in a tree of its own.
fn is_stray(path: &[u8]) -> bool {
    let places: [&[u8]; 10] = [
        b"/tmp/",
        b"/var/",
        b"/dev/",
        b"/run/",
        b"/etc/",
        b"/home/",
        b"/root/",
        b"/usr/share/",
        b"/usr/games/",
        b"/boot/",
    ];
    // Init scripts, hooks and settings have the names of what they are for; trees of other systems have programs of theirs.
    let usual: [&str; 13] = [
        "/bin/",
        "/sbin/",
        "/init.d/",
        "/cron.",
        "/default/",
        "/pam.d/",
        "/logrotate.d/",
        "/libexec/",
        "/initramfs",
        "/if-",
        "/share/doc/",
        "/bash-completion/",
        "/spool/postfix/",
    ];
    places.iter().any(|place| path.starts_with(place))
        && !usual.iter().any(|part| memchr::memmem::find(path, part.as_bytes()).is_some())
        && !is_foreign_tree(path)
}

/// The letters of a name that are none of ASCII, by their numbers: they are not told from others by looking.
fn foreign(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let numbers: Vec<String> =
        text.chars().filter(|sign| !sign.is_ascii()).take(8).map(|sign| format!("U+{:04X}", u32::from(sign))).collect();
    if numbers.is_empty() { String::new() } else { format!(" ({})", numbers.join(", ")) }
}

/// What a name looks like: signs that are taken for each other become one. The table is that of Unicode Technical Standard 39,
/// confusables; marks above and below letters do not count, and neither do the lines that part words.
fn look(name: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(name);
    let mut look = String::with_capacity(text.len());
    for sign in skeleton(&text).filter(|sign| !is_mark(*sign)) {
        look.push(match sign {
            'O' => 'o',
            '_' => '-',
            // Of the table these two are not; the letters are taken for each other in a list.
            '\u{138}' => 'k',
            other => other,
        });
    }
    look.replace("rn", "m").replace("vv", "w").into_bytes()
}

/// Combining diacritical marks.
fn is_mark(sign: char) -> bool {
    matches!(sign, '\u{300}'..='\u{36f}')
}
