//! passwd(5), shadow(5), group(5), and the backups beside them.

use kanshiki_filesystem::View;
use kanshiki_machine::config::Evidence;
use kanshiki_machine::settings::{self, File, Found};
use std::collections::BTreeMap;

/// Lines of a file that are read.
const LINES: usize = 20_000;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: Vec<u8>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) home: Vec<u8>,
    pub(super) shell: Vec<u8>,
    pub(super) hash: HashKind,
    /// Days since 1970 on which the password was changed last, and on which the account expires.
    pub(super) changed_days: Option<i64>,
    pub(super) expires_days: Option<i64>,
    /// The line of passwd.
    pub(super) place: Evidence,
}

/// How a password is kept (crypt(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HashKind {
    /// There is no line in shadow that tells it.
    Unknown,
    Empty,
    /// No password is right: `*`, `!`, `!!`, `x` without shadow.
    None,
    /// A hash with a `!` before it.
    Locked,
    Des,
    Md5,
    Sha256,
    Sha512,
    Bcrypt,
    Yescrypt,
    Scrypt,
    Other,
}

impl HashKind {
    pub(super) fn of(hash: &[u8]) -> Self {
        match hash {
            b"" => Self::Empty,
            [b'!', rest @ ..] if rest.len() > 8 => Self::Locked,
            [b'!' | b'*', ..] | b"x" => Self::None,
            _ => Self::of_text(hash),
        }
    }

    fn of_text(hash: &[u8]) -> Self {
        let starts: [(&[u8], Self); 9] = [
            (b"$1$", Self::Md5),
            (b"$5$", Self::Sha256),
            (b"$6$", Self::Sha512),
            (b"$2", Self::Bcrypt),
            (b"$y$", Self::Yescrypt),
            (b"$gy$", Self::Yescrypt),
            (b"$7$", Self::Scrypt),
            (b"$", Self::Other),
            (b"_", Self::Des),
        ];
        let found = starts.iter().find(|(start, _)| hash.starts_with(start)).map(|(_, kind)| *kind);
        // Traditional crypt: two letters of salt and eleven of hash. Anything else, as NP or LK, matches no password.
        found.unwrap_or(if hash.len() == 13 { Self::Des } else { Self::None })
    }

    /// Whether some password is right.
    pub(super) const fn is_usable(self) -> bool {
        !matches!(self, Self::Unknown | Self::Empty | Self::None | Self::Locked)
    }

    pub(super) const fn is_weak(self) -> bool {
        matches!(self, Self::Des | Self::Md5)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Empty => "empty",
            Self::None => "none",
            Self::Locked => "locked",
            Self::Des => "descrypt",
            Self::Md5 => "md5crypt",
            Self::Sha256 => "sha256crypt",
            Self::Sha512 => "sha512crypt",
            Self::Bcrypt => "bcrypt",
            Self::Yescrypt => "yescrypt",
            Self::Scrypt => "scrypt",
            Self::Other => "other",
        }
    }
}

impl Account {
    /// Whether its shell lets somebody type.
    pub(super) fn has_shell(&self) -> bool {
        let ends: [&[u8]; 6] = [b"/nologin", b"/false", b"/sync", b"/shutdown", b"/halt", b"/git-shell"];
        !ends.iter().any(|end| self.shell.ends_with(end))
    }
}

/// A group.
#[derive(Debug)]
struct Group {
    name: Vec<u8>,
    gid: Option<u32>,
    members: Vec<Vec<u8>>,
}

/// All accounts with their groups, and how they were.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) accounts: Vec<Account>,
    groups: Vec<Group>,
    before: BTreeMap<Vec<u8>, Account>,
    has_backup: bool,
}

impl Read {
    /// The groups of an account, its own first.
    pub(super) fn groups_of(&self, account: &Account) -> Vec<Vec<u8>> {
        let own = |gid: Option<u32>| gid.is_some() && gid == account.gid;
        let (mut groups, mut others) = (Vec::new(), Vec::new());
        for Group { name, gid, members } in &self.groups {
            if own(*gid) {
                groups.push(name.clone());
            } else if members.contains(&account.name) {
                others.push(name.clone());
            }
        }
        groups.extend(others);
        groups
    }

    /// Accounts that are not in the backups, or are otherwise there.
    pub(super) fn differences(&self) -> Vec<(&Account, String)> {
        if !self.has_backup {
            return Vec::new();
        }
        let differs = |account: &Account| match self.before.get(&account.name) {
            None => Some("not in the backup".to_owned()),
            Some(before) => {
                let mut what = Vec::new();
                if before.uid != account.uid {
                    what.push("its number");
                }
                if before.shell != account.shell {
                    what.push("its shell");
                }
                if before.home != account.home {
                    what.push("its home");
                }
                if before.hash != account.hash && before.hash != HashKind::Unknown
                    || before.changed_days != account.changed_days
                {
                    what.push("its password");
                }
                (!what.is_empty()).then(|| format!("{} was changed", what.join(", ")))
            }
        };
        self.accounts.iter().filter_map(|account| Some((account, differs(account)?))).collect()
    }
}

/// Reads the files of an image.
pub(super) fn of_view(view: &View) -> Read {
    let accounts = accounts(view, "/etc/passwd", "/etc/shadow");
    let before = accounts_before(view);
    let has_backup = !before.is_empty();
    let before = before.into_iter().map(|account| (account.name.clone(), account)).collect();
    let mut groups = Vec::new();
    if let Found::File(file) = settings::open(view, b"/etc/group") {
        for (fields, _) in lines(&file) {
            let members = fields.get(3).map(|members| members.split(|byte| *byte == b',')).into_iter().flatten();
            let members = members.filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
            let name = fields.first().copied().unwrap_or_default().to_vec();
            groups.push(Group { name, gid: number(fields.get(2)), members });
        }
    }
    Read { accounts, groups, before, has_backup }
}

fn accounts_before(view: &View) -> Vec<Account> {
    accounts(view, "/etc/passwd-", "/etc/shadow-")
}

fn accounts(view: &View, passwd: &str, shadow: &str) -> Vec<Account> {
    let Found::File(passwd) = settings::open(view, passwd.as_bytes()) else { return Vec::new() };
    let mut secrets: BTreeMap<Vec<u8>, (HashKind, Option<i64>, Option<i64>)> = BTreeMap::new();
    if let Found::File(shadow) = settings::open(view, shadow.as_bytes()) {
        for (fields, _) in lines(&shadow) {
            let hash = HashKind::of(fields.get(1).copied().unwrap_or_default());
            let day = |at: usize| fields.get(at).and_then(|days| std::str::from_utf8(days).ok()?.parse().ok());
            secrets.entry(fields.first().copied().unwrap_or_default().to_vec()).or_insert((hash, day(2), day(7)));
        }
    }
    let account = |(fields, place): (Vec<&[u8]>, Evidence)| {
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let name = field(0).to_vec();
        let secret = secrets.get(&name).copied();
        // `x` says that shadow has it; anything else is the hash itself.
        let (hash, changed_days, expires_days) = match (field(1), secret) {
            (b"x", Some(secret)) => secret,
            (b"x", None) => (HashKind::Unknown, None, None),
            (own, _) => (HashKind::of(own), None, None),
        };
        Account {
            name,
            uid: number(fields.get(2)),
            gid: number(fields.get(3)),
            home: field(5).to_vec(),
            shell: field(6).to_vec(),
            hash,
            changed_days,
            expires_days,
            place,
        }
    };
    // Lines of NIS begin with a sign, and are no accounts of the machine.
    let is_account = |(fields, _): &(Vec<&[u8]>, Evidence)| {
        fields.len() >= 4
            && !fields.first().is_some_and(|name| name.is_empty() || name.starts_with(b"+") || name.starts_with(b"-"))
    };
    lines(&passwd).into_iter().filter(is_account).map(account).collect()
}

fn number(field: Option<&&[u8]>) -> Option<u32> {
    std::str::from_utf8(field?).ok()?.parse().ok()
}

/// The fields of each line with its place.
pub(crate) fn lines(file: &File) -> Vec<(Vec<&[u8]>, Evidence)> {
    let mut offset = 0_u64;
    let mut found = Vec::new();
    for (number, line) in (1_u64..).zip(file.bytes.split(|byte| *byte == b'\n')).take(LINES) {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let start = offset;
        offset = offset.saturating_add(length).saturating_add(1);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let place = Evidence {
            path: file.path.clone(),
            place: Some((file.volume, file.inode)),
            span: Some((start, length, number)),
        };
        found.push((line.split(|byte| *byte == b':').collect(), place));
    }
    found
}
