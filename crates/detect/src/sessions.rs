//! Who was logged in, from when to when: sessions put together from wtmp, sshd, PAM, logind and FTP servers, in text and in the
//! journal; and sessions that one log tells and another should tell too.

#[cfg(test)]
mod tests;
mod together;

use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::time::{stretch, utc};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Evidence, Issue, Question, Rule, Severity};
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

/// Sessions of remote terminals in wtmp for which the log of sshd, which covers the time, has no line.
fn one_sided(image: &Image<'_>, together: &Together, found: &mut Found) -> Result<(), DetectError> {
    let covered = covered(image)?;
    let is_covered = |time: i64| covered.iter().any(|(first, last)| (*first..=*last).contains(&time));
    let remote: Vec<&Session> = together
        .sessions()
        .filter(|it| it.is_told_by(Teller::Wtmp) && it.tty.starts_with("pts/") && is_address(&it.address))
        .filter(|it| is_covered(it.opened))
        .collect();
    let alone: Vec<&&Session> = remote.iter().filter(|it| it.tellers().len() == 1).collect();
    // Where hardly any meets, the clocks or zones of the logs differ, or another service opened them.
    if alone.len().saturating_mul(2) > remote.len() {
        return Ok(());
    }
    for session in alone {
        let Session { user, address, opened, .. } = session;
        let at = utc(*opened);
        let title = format!("the session of {user} from {address} at {at} stands in wtmp, but not in the log of sshd");
        let until =
            session.closed.map_or_else(String::new, |closed| format!(" It is told {}.", stretch(*opened, closed)));
        let text = format!(
            "wtmp tells of {user} on {} from {address}.{until} A log of sshd covers that time, and tells other sessions that wtmp has, \
            but not this one.",
            session.tty
        );
        let made = finding(&ONE_SIDED, format!("{user} {address} {at}"), title)
            .explained(text)
            .between(Some(*opened), session.closed)
            .indicator(address_kind(address), address)
            .indicator("account", user);
        let note = "what wtmp says";
        found.add(
            session
                .events
                .iter()
                .fold(made, |made, event| made.evidence(Evidence::Event { event: *event, note: note.to_owned() })),
        );
    }
    Ok(())
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
