//! The table of logins and failures, and its rows.

use crate::events::{self, text};
use crate::{DetectError, Image};
use rusqlite::Row;

/// Kinds of events that tell a login or a failure, with the service; without one it is that which PAM or the terminal names.
const KINDS: &[(&str, bool, &str)] = &[
    ("ssh.login", true, "ssh"),
    ("ftp.login", true, "ftp"),
    ("database.login", true, "database"),
    ("mail.login", true, "mail"),
    ("web.login", true, "web"),
    ("audit.login", true, ""),
    ("login.session-opened", true, ""),
    ("ssh.login-failed", false, "ssh"),
    ("ssh.invalid-user", false, "ssh"),
    // What sshd says once more of a try at some levels, or alone where only its lines are kept: a class of its own.
    ("ssh.auth-failed", false, "ssh"),
    ("ftp.login-failed", false, "ftp"),
    ("database.login-failed", false, "database"),
    ("mail.login-failed", false, "mail"),
    ("web.login-failed", false, "web"),
    ("audit.login-failed", false, ""),
    ("login.login-failed", false, ""),
    ("pam.failed", false, ""),
    (UNKNOWN_TO_DOVECOT, false, "mail"),
];

/// What dovecot's authentication says once more, once or several times a try. It alone tells that there is no such account.
const UNKNOWN_TO_DOVECOT: &str = "mail.auth-failed";

/// Stands for the address where a database does not log it; the words are no address, and no indicator.
const UNTOLD: &str = "an address that is not logged";

/// Makes the tables: `logins`, one row a login or failure of the exhibit whose time and address are known, and `owners`, from
/// which addresses accounts were logged in to.
pub(super) fn gather(image: &Image<'_>) -> Result<(), DetectError> {
    let tables = "DROP TABLE IF EXISTS temp.login_kinds; DROP TABLE IF EXISTS temp.logins; DROP TABLE IF EXISTS temp.owners;
        CREATE TEMP TABLE login_kinds (kind INTEGER PRIMARY KEY, success INTEGER, service TEXT, name TEXT);
        CREATE TEMP TABLE logins (event INTEGER, time INTEGER, success INTEGER, service TEXT, user TEXT, address TEXT,
            times INTEGER, class INTEGER, method TEXT, is_unknown INTEGER, is_aside INTEGER);
        CREATE TEMP TABLE owners (service TEXT, address TEXT, user TEXT, PRIMARY KEY (service, address, user)) WITHOUT ROWID;";
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
            e.user, coalesce(nullif(e.address, ''), '{UNTOLD}'), max(1, coalesce(e.fields ->> 'repeated', 1)),
            2 * k.id + (e.file IN (SELECT f.id FROM main.logs l JOIN main.files f ON f.id = l.file WHERE f.path GLOB '*.journal*')),
            CASE WHEN lk.success THEN coalesce(e.fields ->> 'method', '') ELSE '' END,
            CASE
                WHEN lk.success THEN 0
                WHEN k.name IN ('ssh.invalid-user', '{UNKNOWN_TO_DOVECOT}') THEN 1
                WHEN k.name IN ('ssh.login-failed', 'ftp.login-failed') THEN coalesce(e.fields ->> 'invalid', 0)
                WHEN k.name = 'web.login-failed' THEN coalesce(e.fields ->> 'reason', '') = 'no such user'
                WHEN k.name = 'database.login-failed' THEN coalesce(e.fields ->> 'detail', '') GLOB 'Role \"*\" does not exist*'
                    OR coalesce(e.message, '') GLOB 'role \"*\" does not exist'
                ELSE 0 END,
            k.name = '{UNKNOWN_TO_DOVECOT}'
        FROM {from} CROSS JOIN temp.login_kinds lk ON lk.kind = e.kind
        WHERE {of_kind} AND e.time IS NOT NULL AND coalesce(e.address, CASE WHEN lk.service = 'database' THEN '-' ELSE '' END) NOT IN ('', '0.0.0.0')
            AND (k.name <> '{UNKNOWN_TO_DOVECOT}' OR e.message LIKE '%unknown user%')"
    );
    image.db.execute(&sql, [])?;
    let owners =
        "INSERT OR IGNORE INTO temp.owners SELECT service, address, user FROM temp.logins WHERE success AND user <> ''";
    image.db.execute(owners, [])?;
    Ok(())
}

/// A login or a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'r> {
    pub(super) event: i64,
    pub(super) time: i64,
    pub(super) is_success: bool,
    pub(super) service: &'r str,
    pub(super) user: &'r str,
    pub(super) address: &'r str,
    pub(super) times: u64,
    /// Which log told it, as a number.
    pub(super) class: i64,
    pub(super) method: &'r str,
    /// The log says that there is no such account.
    pub(super) is_unknown: bool,
    /// It tells more of a try that another row tells, and does not count.
    pub(super) is_aside: bool,
}

/// Goes over all, in this order of SQL: what differs most comes first, so that few comparisons look further. Ends early when
/// the user asks for that.
pub(super) fn each(
    image: &Image<'_>,
    order: &str,
    visit: &mut dyn FnMut(&Login<'_>) -> Result<(), DetectError>,
) -> Result<(), DetectError> {
    let columns = "event, time, success, service, user, address, times, class, method, is_unknown, is_aside";
    let mut statement = image.db.prepare(&format!("SELECT {columns} FROM temp.logins ORDER BY {order}"))?;
    let mut rows = statement.query([])?;
    let mut count = 0_u32;
    while let Some(row) = rows.next()? {
        visit(&login(row)?)?;
        count = count.wrapping_add(1);
        if count.trailing_zeros() >= 12 && image.progress.stop_requested() {
            break;
        }
    }
    Ok(())
}

fn login<'r>(row: &'r Row<'_>) -> rusqlite::Result<Login<'r>> {
    let times: i64 = row.get(6)?;
    Ok(Login {
        event: row.get(0)?,
        time: row.get(1)?,
        is_success: row.get(2)?,
        service: text(row, 3),
        user: text(row, 4),
        address: text(row, 5),
        times: u64::try_from(times).unwrap_or(1),
        class: row.get(7)?,
        method: text(row, 8),
        is_unknown: row.get(9)?,
        is_aside: row.get(10)?,
    })
}
