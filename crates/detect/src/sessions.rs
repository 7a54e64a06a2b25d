//! Who was logged in, from when to when: sessions put together from wtmp, sshd, PAM, logind and FTP servers, in text and in the
//! journal; and sessions that one log tells and another should tell too.

#[cfg(test)]
mod tests;
mod together;

use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::time::{stretch, utc};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Issue, Question, Rule, Severity};
use rusqlite::Row;
use serde_json::json;
use together::{Saying, Session, Teller, Together};

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&ONE_SIDED];

static ONE_SIDED: Rule = Rule {
    id: "sessions.one-sided",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1070.002",
    next: "Look into the log of sshd around that time, and into what lies unallocated: lines may have been taken out.",
};

const KINDS: &[&str] = &[
    "ssh.login",
    "ssh.disconnect",
    "pam.session-opened",
    "pam.session-closed",
    "logind.session-opened",
    "logind.session-closed",
    "login.session-opened",
    "login.session-closed",
    "login.boot",
    "login.shutdown",
    "ftp.login",
    "ftp.session-closed",
];

/// Services whose sessions of PAM are no login of a person.
const NO_LOGIN: &[&str] =
    &["cron", "crond", "atd", "sudo", "sudo-i", "systemd-user", "runuser", "runuser-l", "polkit-1"];

/// Puts the sessions together.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let columns = "e.id, e.time, k.name, coalesce(e.user, ''), coalesce(e.address, ''), e.pid, e.fields,
        (SELECT path FROM main.files WHERE id = e.file) GLOB '*.journal*'";
    let mut together = Together::default();
    each(image, KINDS, columns, "e.time, e.id", &mut |row| take(row, &mut together))?;
    if together.dropped() > 0 {
        let message = format!("the oldest {} sessions are left out", together.dropped());
        found.issues.push(Issue::new("the table of sessions", message));
    }
    together.sessions().for_each(|session| tell(session, found));
    one_sided(image, &together, found)
}

/// Takes an event. Those without a time are of no use here.
fn take(row: &Row<'_>, together: &mut Together) -> rusqlite::Result<()> {
    let Some(time) = row.get::<_, Option<i64>>(1)? else { return Ok(()) };
    let fields: serde_json::Value = serde_json::from_str(text(row, 6)).unwrap_or_default();
    let field = |name: &str| fields.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let kind = text(row, 2);
    let (teller, service) = match kind.split('.').next().unwrap_or_default() {
        "ssh" => (Teller::Sshd, "ssh"),
        "pam" => (Teller::Pam, service(field("service"))),
        "logind" => (Teller::Logind, ""),
        "ftp" => (Teller::Ftp, "ftp"),
        _ => (Teller::Wtmp, service_of_tty(field("tty"))),
    };
    let saying = Saying {
        event: row.get(0)?,
        time,
        teller,
        is_journal: row.get::<_, Option<bool>>(7)?.unwrap_or(false),
        user: text(row, 3),
        address: Some(text(row, 4)).filter(|it| !matches!(*it, "0.0.0.0" | "::")).unwrap_or_default(),
        // The process that tells of the end of a connection is another than that which told of the login.
        process: row.get::<_, Option<i64>>(5)?.filter(|_| kind != "ssh.disconnect"),
        tty: field("tty"),
        service,
        method: field("method"),
        key: field("key"),
        port: fields.get("port").and_then(serde_json::Value::as_i64),
        session: field("session"),
    };
    match kind {
        "login.boot" => together.boot(time),
        "login.shutdown" => together.shut_down(time),
        _ if kind.ends_with("-closed") || kind == "ssh.disconnect" => together.closed(&saying),
        _ if saying.user.is_empty() || NO_LOGIN.contains(&service) => {}
        _ => together.opened(&saying),
    }
    Ok(())
}

/// The service by the name that PAM has for it.
fn service(name: &str) -> &str {
    match name {
        "sshd" => "ssh",
        "su-l" => "su",
        "vsftpd" | "proftpd" | "pure-ftpd" => "ftp",
        other => other,
    }
}

/// The service that writes such a terminal into wtmp; empty for one of which several do.
fn service_of_tty(tty: &str) -> &'static str {
    if tty.starts_with("ftp") {
        "ftp"
    } else if tty.starts_with("tty") || tty == "console" {
        "login"
    } else {
        ""
    }
}

/// A row of the table.
fn tell(session: &Session, found: &mut Found) {
    let seconds = session.closed.map(|closed| closed.saturating_sub(session.opened).div_euclid(1_000_000_000));
    // Only terminals that sshd or telnet made have such names.
    let service = if session.service.is_empty() { "terminal" } else { session.service.as_str() };
    let facts = vec![
        ("service", json!(service)),
        ("address", json!(session.address)),
        ("tty", json!(session.tty)),
        ("opened", json!(session.opened)),
        ("closed", json!(session.closed)),
        ("seconds", json!(seconds)),
        ("end", json!(session.end.name())),
        ("method", json!(session.method)),
        ("key", json!(session.key)),
        ("told_by", json!(session.tellers().join(", "))),
        ("events", json!(session.events)),
    ];
    found.row("session", session.user.as_bytes(), facts, None);
}

/// Sessions of sshd in wtmp or by PAM for which sshd's own log, which covers the time, has no line.
fn one_sided(image: &Image<'_>, together: &Together, found: &mut Found) -> Result<(), DetectError> {
    let covered = covered(image)?;
    let is_covered = |time: i64| covered.iter().any(|(first, last)| (*first..=*last).contains(&time));
    let remote: Vec<&Session> =
        together.sessions().filter(|it| is_of_sshd(it)).filter(|it| is_covered(it.opened)).collect();
    let alone: Vec<&&Session> = remote.iter().filter(|it| !it.is_told_by(Teller::Sshd)).collect();
    // Where hardly any meets, the clocks or zones of the logs differ, or sshd was told to be quiet.
    if alone.len().saturating_mul(2) > remote.len() {
        return Ok(());
    }
    for session in alone {
        found.add(lacking(session));
    }
    Ok(())
}

/// Whether a session is one that sshd writes a line about: it has a terminal for somebody elsewhere, or PAM says so.
fn is_of_sshd(session: &Session) -> bool {
    let is_remote = session.is_told_by(Teller::Wtmp) && session.tty.starts_with("pts/") && is_address(&session.address);
    session.service == "ssh" || session.service.is_empty() && is_remote
}

fn lacking(session: &Session) -> Finding {
    let Session { user, address, opened, .. } = session;
    let at = utc(*opened);
    let from = if address.is_empty() { String::new() } else { format!(" from {address}") };
    let tellers = session.tellers().join(" and ");
    let title =
        format!("the session of {user}{from} at {at} stands in what {tellers} wrote, but not in the log of sshd");
    let until =
        session.closed.map_or_else(String::new, |closed| format!(", which was open {}", stretch(*opened, closed)));
    let text = format!(
        "{tellers} tell of a session of {user}{from}{until}. The log of sshd covers that time, and has the lines of other sessions, \
        but none that lets this one in: that line may have been taken out."
    );
    let made = finding(&ONE_SIDED, format!("{user} {address} {at}"), title)
        .explained(text)
        .between(Some(*opened), session.closed)
        .indicator("account", user);
    let made = if address.is_empty() { made } else { made.indicator(address_kind(address), address) };
    session.events.iter().fold(made, |made, event| made.event(*event, "what the other log says"))
}

fn is_address(address: &str) -> bool {
    address.parse::<std::net::IpAddr>().is_ok()
}

/// From when to when each log goes that tells logins by sshd.
fn covered(image: &Image<'_>) -> Result<Vec<(i64, i64)>, DetectError> {
    let sql = "SELECT l.earliest, l.latest FROM main.logs l JOIN main.files f ON f.id = l.file JOIN main.volumes v ON v.id = f.volume
        WHERE v.exhibit = ? AND l.earliest IS NOT NULL AND l.latest IS NOT NULL AND l.file IN
            (SELECT h.file FROM main.hours h WHERE h.kind = (SELECT id FROM main.kinds WHERE name = 'ssh.login'))";
    let mut statement = image.db.prepare(sql)?;
    let rows = statement.query_map([image.exhibit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
