//! The table of logins and failures, and its rows.

use crate::{DetectError, Image, events};
use rusqlite::Row;
use std::collections::BTreeMap;

/// Kinds of events that tell a login or a failure, with the service; without one it is that which PAM or the terminal names.
const KINDS: &[(&str, bool, &str)] = &[
    ("ssh.login", true, "ssh"),
    ("ftp.login", true, "ftp"),
    ("database.login", true, "database"),
    ("mail.login", true, "mail"),
    ("audit.login", true, ""),
    ("login.session-opened", true, ""),
    ("ssh.login-failed", false, "ssh"),
    ("ssh.invalid-user", false, "ssh"),
    ("ftp.login-failed", false, "ftp"),
    ("database.login-failed", false, "database"),
    ("mail.login-failed", false, "mail"),
    ("web.login-failed", false, "web"),
    ("audit.login-failed", false, ""),
    ("login.login-failed", false, ""),
    ("pam.failed", false, ""),
];

/// Makes the table: one row a login or failure of the exhibit whose time and address are known.
pub(super) fn gather(image: &Image<'_>) -> Result<(), DetectError> {
    let tables = "DROP TABLE IF EXISTS temp.login_kinds; DROP TABLE IF EXISTS temp.logins;
        CREATE TEMP TABLE login_kinds (kind INTEGER PRIMARY KEY, success INTEGER, service TEXT, name TEXT);
        CREATE TEMP TABLE logins (event INTEGER, time INTEGER, success INTEGER, service TEXT, user TEXT, address TEXT,
            times INTEGER, class TEXT, method TEXT);";
    image.db.execute_batch(tables)?;
    let mut insert =
        image.db.prepare("INSERT INTO temp.login_kinds SELECT id, ?2, ?3, name FROM main.kinds WHERE name = ?1")?;
    for (name, success, service) in KINDS {
        insert.execute((name, success, service))?;
    }
    let kinds: Vec<&'static str> = KINDS.iter().map(|(name, ..)| *name).collect();
    let (from, of_kind) = events::of_kinds(image, &kinds);
    // What PAM says of su, sudo and the console has no address, or that of nobody.
    let sql = format!(
        "INSERT INTO temp.logins
        SELECT e.id, e.time, lk.success, CASE
            WHEN lk.service <> '' THEN lk.service
            WHEN coalesce(e.fields ->> 'service', '') IN ('sshd', 'ssh') OR coalesce(e.program, '') GLOB '*sshd*'
                OR coalesce(e.fields ->> 'tty', '') IN ('ssh', 'ssh:notty') OR coalesce(e.fields ->> 'tty', '') GLOB 'pts/*' THEN 'ssh'
            WHEN coalesce(e.fields ->> 'service', '') GLOB '*ftp*' OR coalesce(e.fields ->> 'tty', '') GLOB 'ftp*' THEN 'ftp'
            ELSE coalesce(nullif(e.fields ->> 'service', ''), 'login') END,
            e.user, e.address, max(1, coalesce(e.fields ->> 'repeated', 1)),
            k.name || CASE WHEN (SELECT path FROM main.files WHERE id = e.file) GLOB '*.journal*' THEN ' in the journal' ELSE '' END,
            coalesce(e.fields ->> 'method', '')
        FROM {from} CROSS JOIN temp.login_kinds lk ON lk.kind = e.kind
        WHERE {of_kind} AND e.time IS NOT NULL AND coalesce(e.address, '') NOT IN ('', '0.0.0.0')"
    );
    image.db.execute(&sql, [])?;
    Ok(())
}

/// A login or a failure.
#[derive(Debug, Clone)]
pub(super) struct Login {
    pub(super) event: i64,
    pub(super) time: i64,
    pub(super) is_success: bool,
    pub(super) service: String,
    pub(super) user: String,
    pub(super) address: String,
    pub(super) times: u64,
    pub(super) class: String,
    pub(super) method: String,
}

/// Goes over all, in this order of SQL.
pub(super) fn each(image: &Image<'_>, order: &str, visit: &mut dyn FnMut(Login)) -> Result<(), DetectError> {
    let sql = format!(
        "SELECT event, time, success, service, coalesce(user, ''), address, times, class, method FROM temp.logins ORDER BY {order}"
    );
    let mut statement = image.db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(login(row)?);
    }
    Ok(())
}

fn login(row: &Row<'_>) -> rusqlite::Result<Login> {
    let times: i64 = row.get(6)?;
    Ok(Login {
        event: row.get(0)?,
        time: row.get(1)?,
        is_success: row.get(2)?,
        service: row.get(3)?,
        user: row.get(4)?,
        address: row.get(5)?,
        times: u64::try_from(times).unwrap_or(1),
        class: row.get(7)?,
        method: row.get(8)?,
    })
}

/// Numbers by the class of log that told them.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(BTreeMap<String, u64>);

impl Counts {
    pub(super) fn add(&mut self, login: &Login) {
        // There are about as many classes as kinds, twice.
        match self.0.get_mut(&login.class) {
            Some(count) => *count = count.saturating_add(login.times),
            None => drop(self.0.insert(login.class.clone(), login.times)),
        }
    }

    /// The highest: what one class tells is told once.
    pub(super) fn most(&self) -> u64 {
        self.0.values().copied().max().unwrap_or(0)
    }
}

/// The accounts or addresses that were met, with how often; of many those that were met first.
#[derive(Debug, Default)]
pub(super) struct Met {
    counts: BTreeMap<String, u64>,
    others: u64,
}

/// Names that are remembered.
const NAMES: usize = 10_000;

impl Met {
    pub(super) fn add(&mut self, name: &str, times: u64) {
        if let Some(count) = self.counts.get_mut(name) {
            *count = count.saturating_add(times);
        } else if self.counts.len() < NAMES {
            self.counts.insert(name.to_owned(), times);
        } else {
            self.others = self.others.saturating_add(1);
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.counts.contains_key(name)
    }

    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.counts.len()).unwrap_or(u64::MAX).saturating_add(self.others)
    }

    /// Those that were met most, in words: `root (12), admin (3) and 40 more`.
    pub(super) fn words(&self) -> String {
        let mut names: Vec<(&String, &u64)> = self.counts.iter().collect();
        names.sort_by(|(one, a), (other, b)| b.cmp(a).then(one.cmp(other)));
        let first: Vec<String> = names
            .iter()
            .take(5)
            .map(|(name, count)| format!("{} ({count})", if name.is_empty() { "no name" } else { name }))
            .collect();
        let more = self.len().saturating_sub(u64::try_from(first.len()).unwrap_or(0));
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{more}", first.join(", "))
    }
}
