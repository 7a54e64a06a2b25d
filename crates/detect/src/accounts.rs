//! The accounts of the machine: who may get in, how, and with which rights; keys, joined with the logins that used them.

mod keys;
pub(crate) mod read;
mod sudo;
mod temporary;
#[cfg(test)]
mod tests;

use crate::events::{each, text};
use crate::found::{Building as _, Found, finding, of_setting};
use crate::time::{DAY, utc};
use crate::{DetectError, Image};
use kanshiki_machine::settings;
use kanshiki_model::{Confidence, Finding, Question, Rule, Severity, visible};
use read::{Account, HashKind, of_view};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[
    &ROOT_TWIN,
    &EMPTY_PASSWORD,
    &WEAK_HASH,
    &TEMPORARY,
    &SERVICE_LOGIN,
    &DOUBLED,
    &DIFFERS,
    &NO_PASSWORD_ASKED,
    &KEY,
    &WORLD_READABLE,
];

static ROOT_TWIN: Rule = Rule {
    id: "accounts.root-twin",
    question: Question::Persists,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "T1136.001",
    next: "Whoever logs in with this name is root: look at its logins, and at when the line was added to /etc/passwd.",
};

static EMPTY_PASSWORD: Rule = Rule {
    id: "accounts.empty-password",
    question: Question::Holes,
    severity: Severity::High,
    confidence: Confidence::Medium,
    technique: "T1078.003",
    next: "Look whether a service lets the account in without a password: PAM's nullok, sshd's PermitEmptyPasswords, FTP.",
};

static WEAK_HASH: Rule = Rule {
    id: "accounts.weak-hash",
    question: Question::Holes,
    severity: Severity::Low,
    confidence: Confidence::High,
    technique: "T1110.002",
    next: "Take the password for known to whoever read the file with the hashes.",
};

static TEMPORARY: Rule = Rule {
    id: "accounts.temporary",
    question: Question::Holes,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1078.003",
    next: "Find out what it was made for and who knows its password; look at its logins: `kanshiki timeline --case DIR --user NAME`.",
};

static SERVICE_LOGIN: Rule = Rule {
    id: "accounts.service-login",
    question: Question::Holes,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1078.003",
    next: "Find out who gave the account of a service a password or a key, and whether it was used.",
};

static DOUBLED: Rule = Rule {
    id: "accounts.doubled",
    question: Question::Holes,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1136.001",
    next: "Of two lines with one name or number, programs take the first: find out who added the other.",
};

static DIFFERS: Rule = Rule {
    id: "accounts.differs-from-backup",
    question: Question::Changed,
    severity: Severity::Info,
    confidence: Confidence::Medium,
    technique: "T1098",
    next: "The backup is how the file was before its last change by the tools of the system: look who made that change.",
};

static NO_PASSWORD_ASKED: Rule = Rule {
    id: "accounts.sudo-without-password",
    question: Question::Holes,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1548.003",
    next: "Whoever gets into the account is root at once: find out whether that is meant so.",
};

static KEY: Rule = Rule {
    id: "accounts.key",
    question: Question::Persists,
    severity: Severity::Info,
    confidence: Confidence::High,
    technique: "T1098.004",
    next: "Ask the owner of the account whether the key is theirs; `ssh-keygen -lf` shows the same fingerprint.",
};

static WORLD_READABLE: Rule = Rule {
    id: "accounts.hashes-readable",
    question: Question::Holes,
    severity: Severity::Medium,
    confidence: Confidence::High,
    technique: "T1003.008",
    next: "Take all passwords in it for known to whoever had an account, a web shell or FTP on the machine.",
};

/// Looks at all accounts.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let read = of_view(image.view);
    let keys = keys::of_view(image, &read.accounts, found);
    let rights = sudo::of_view(image.view);
    let logins = last_logins(image)?;
    for account in &read.accounts {
        judge(account, &keys, found);
        row(account, &read, &keys, &rights, &logins, found);
    }
    doubled(&read.accounts, found);
    differs(&read, found);
    for right in &rights {
        right.judge(found);
    }
    keys::join(image, keys, found)?;
    readable(image, found);
    Ok(())
}

fn judge(account: &Account, keys: &[keys::Key], found: &mut Found) {
    let name = visible(&account.name);
    let begin = |rule: &'static Rule, title: String, text: String| {
        finding(rule, name.as_str(), title).explained(text).setting(&account.place, "").indicator("account", &name)
    };
    let has_key = keys.iter().any(|key| key.account == account.name);
    let has_shell = account.has_shell();
    let can_login = account.hash.is_usable() || account.hash == HashKind::Empty || has_key;
    if account.uid == Some(0) && account.name != b"root" {
        let title = format!("{name} is root by another name");
        let state = if can_login { "It can be logged in to." } else { "It has neither a password nor a key now." };
        let made =
            begin(&ROOT_TWIN, title, format!("The account has the number 0, which is all that root is. {state}"));
        found.add(if can_login { made } else { made.weighed(Severity::Medium, Confidence::High) });
    }
    if account.hash == HashKind::Empty && has_shell {
        let title = format!("{name} has no password");
        found.add(begin(
            &EMPTY_PASSWORD,
            title,
            "The place of the hash is empty: any password, or none, is right.".to_owned(),
        ));
    }
    if account.hash.is_weak() {
        let title = format!("the password of {name} is kept as {}", account.hash.name());
        let text = "Hashes of this kind are tried by the millions a second.".to_owned();
        found.add(begin(&WEAK_HASH, title, text));
    }
    if can_login && let Some(sure) = temporary::by_name(&account.name) {
        let title = format!("{name} is an account for a while, by its name, and is still there");
        let changed = account.changed_days.and_then(|days| days.checked_mul(DAY)).map(utc);
        let since = changed.map_or_else(String::new, |time| {
            format!(" Its password was last changed on {}.", time.get(..10).unwrap_or_default())
        });
        let never = if account.expires_days.is_none() { " It never expires." } else { "" };
        let text = format!("Such accounts have simple passwords that several people know.{since}{never}");
        let made = begin(&TEMPORARY, title, text);
        found.add(match sure {
            temporary::Sure::Yes => made,
            temporary::Sure::Perhaps => made.weighed(Severity::Low, Confidence::Low),
        });
    }
    let is_service = account.uid.is_some_and(|uid| uid > 0 && uid < 1000);
    if is_service && has_shell && can_login {
        let by = if has_key { "a key" } else { "a password" };
        let title = format!("{name} is the account of a service, and can be logged in to by {by}");
        found.add(begin(&SERVICE_LOGIN, title, "Services run as accounts that nobody logs in to.".to_owned()));
    }
}

fn row(
    account: &Account,
    read: &read::Read,
    keys: &[keys::Key],
    rights: &[sudo::Right],
    logins: &HashMap<String, i64>,
    found: &mut Found,
) {
    let groups: Vec<String> = read.groups_of(account).iter().map(|group| visible(group)).collect();
    let of_sudo: Vec<String> =
        rights.iter().filter(|right| right.is_for(account, &groups)).map(|right| right.words()).collect();
    let day = |days: Option<i64>| {
        days.and_then(|days| days.checked_mul(DAY)).map(|time| utc(time).chars().take(10).collect::<String>())
    };
    let fingerprints: Vec<&str> =
        keys.iter().filter(|key| key.account == account.name).map(|key| key.fingerprint.as_str()).collect();
    let facts = vec![
        ("uid", json!(account.uid)),
        ("gid", json!(account.gid)),
        ("home", json!(visible(&account.home))),
        ("shell", json!(visible(&account.shell))),
        ("password", json!(account.hash.name())),
        ("password_changed", json!(day(account.changed_days))),
        ("expires", json!(day(account.expires_days))),
        ("groups", json!(groups)),
        ("sudo", json!(of_sudo)),
        ("keys", json!(fingerprints)),
        ("last_login", json!(logins.get(&visible(&account.name)).map(|time| utc(*time)))),
        ("temporary_by_name", json!(temporary::by_name(&account.name).is_some())),
    ];
    found.row("account", &account.name, facts, Some(of_setting(&account.place, "")));
}

/// The last login of each account, by all logs.
fn last_logins(image: &Image<'_>) -> Result<HashMap<String, i64>, DetectError> {
    let kinds = ["ssh.login", "ftp.login", "login.session-opened", "login.last", "audit.login", "pam.session-opened"];
    let mut logins: HashMap<String, i64> = HashMap::new();
    each(image, &kinds, "e.user, e.time", "", &mut |row| {
        let time: Option<i64> = row.get(1)?;
        if let Some(time) = time
            && (logins.len() < 100_000 || logins.contains_key(text(row, 0)))
        {
            let last = logins.entry(text(row, 0).to_owned()).or_insert(time);
            *last = (*last).max(time);
        }
        Ok(())
    })?;
    Ok(logins)
}

/// Names and numbers that several lines have.
fn doubled(accounts: &[Account], found: &mut Found) {
    let mut names: BTreeMap<&[u8], Vec<&Account>> = BTreeMap::new();
    let mut numbers: BTreeMap<u32, Vec<&Account>> = BTreeMap::new();
    for account in accounts {
        names.entry(&account.name).or_default().push(account);
        // Of root's twins more is told.
        if let Some(uid) = account.uid.filter(|uid| *uid != 0) {
            numbers.entry(uid).or_default().push(account);
        }
    }
    let mut tell = |what: String, of: &[&Account]| {
        let made = finding(&DOUBLED, &what, format!("{what} stands in several lines of /etc/passwd"));
        let made = made.explained("The lines name one account twice, or two accounts that are one.");
        found.add(of.iter().fold(made, |made, account| made.setting(&account.place, visible(&account.name))));
    };
    names.iter().filter(|(_, of)| of.len() > 1).for_each(|(name, of)| tell(format!("the name {}", visible(name)), of));
    numbers.iter().filter(|(_, of)| of.len() > 1).for_each(|(uid, of)| tell(format!("the number {uid}"), of));
}

/// What the backups of passwd and shadow have otherwise.
fn differs(read: &read::Read, found: &mut Found) {
    let mut made: Option<Finding> = None;
    for (account, what) in read.differences() {
        let begun = made.take().unwrap_or_else(|| {
            finding(&DIFFERS, "passwd", "accounts differ from the backups of /etc/passwd and /etc/shadow")
                .explained("passwd- and shadow- hold what stood there before the last change.")
        });
        made = Some(begun.setting(&account.place, format!("{}: {what}", visible(&account.name))));
    }
    made.into_iter().for_each(|made| found.add(made));
}

/// Files with hashes that everybody may read.
fn readable(image: &Image<'_>, found: &mut Found) {
    for pattern in [
        "/etc/shadow",
        "/etc/shadow-",
        "/etc/gshadow",
        "/etc/gshadow-",
        "/etc/shadow.*",
        "/etc/security/opasswd",
        "/var/backups/shadow*",
    ] {
        for path in settings::paths(image.view, pattern.as_bytes()) {
            let located = kanshiki_model::EvidencePath::from_bytes(path.as_slice());
            let Ok(located) = image.view.lookup(&located, kanshiki_filesystem::Follow::All) else { continue };
            if located.node.mode & 0o004 == 0 || located.node.size == 0 {
                continue;
            }
            let title = format!("everybody may read the hashes of passwords in {}", visible(&path));
            let text = "Who has any account or shell on the machine can take the hashes away and try passwords.";
            found.add(crate::names::told(&WORLD_READABLE, (located.place, &located.node), &path, &title, text));
        }
    }
}
