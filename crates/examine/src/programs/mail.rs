//! What mail servers say of logins and of mails.
//!
//! | kind | program | message | fields |
//! | --- | --- | --- | --- |
//! | mail.login-failed | postfix/smtpd | `warning: HOST[ADDRESS]: SASL METHOD authentication failed: REASON[, sasl_username=USER]` (smtpd_sasl_glue.c) | remote_host, method, reason |
//! | mail.login | postfix/smtpd | `QUEUE: client=HOST[ADDRESS], sasl_method=METHOD, sasl_username=USER` | queue, remote_host, method |
//! | mail.connect, mail.disconnect | postfix/smtpd | `connect from HOST[ADDRESS]`, `disconnect from HOST[ADDRESS] …` | remote_host |
//! | mail.rejected | postfix/smtpd | `NOQUEUE: reject: RCPT from HOST[ADDRESS]: REASON; from=<…> to=<…>` | remote_host, from, to |
//! | mail.submitted | postfix/pickup | `QUEUE: uid=NUMBER from=<ACCOUNT>` | queue, uid |
//! | mail.queued | postfix/qmgr | `QUEUE: from=<ADDRESS>, size=BYTES, nrcpt=NUMBER` | queue, from, size |
//! | mail.delivered, mail.deferred, mail.bounced | postfix/smtp, local, … | `QUEUE: to=<ADDRESS>, relay=…, status=sent (…)` | queue, to, relay, status |
//! | mail.login, mail.login-failed | dovecot | `imap-login: Login: user=<USER>, method=…, rip=ADDRESS, lip=…`, `imap-login: Disconnected (auth failed, N attempts …): …`, `… Aborted login (auth failed …` (login-common/client-common.c) | service, method, attempts, local_address |
//! | mail.auth-failed | dovecot | `auth: …(USER,ADDRESS): …`: the same try, as the authentication tells it | |
//! | mail.session-closed | dovecot | `imap(USER)…: Disconnected…`, `Logged out` | service |
//! | mail.login-failed | exim | `METHOD authenticator failed for HOST [ADDRESS]: 535 … (set_id=USER)` | method, reason |
//! | mail.queued, mail.delivered, mail.deferred, mail.bounced | exim | `ID <= FROM H=… [ADDRESS] A=METHOD:USER`, `=>`, `->`, `>>`, `==`, `**` (Exim specification, chapter 53) | queue, from, to, method, size |
//! | mail.rejected | exim | `H=… [ADDRESS] … rejected …` | |

use crate::details::Details;
use crate::scan::{Scan, number};
use memchr::memmem;

/// Takes a message of a program of postfix apart.
pub(crate) fn postfix<'a>(message: &'a [u8], details: &mut Details<'a>) {
    details.kind = "mail";
    if let Some(rest) = message.strip_prefix(b"warning: ") {
        return sasl_failed(rest, details);
    }
    for (beginning, kind) in [(&b"connect from "[..], "mail.connect"), (b"disconnect from ", "mail.disconnect")] {
        if let Some(rest) = message.strip_prefix(beginning) {
            details.kind = kind;
            client(rest, details);
            return;
        }
    }
    let mut scan = Scan(message);
    let Some(queue) = scan.until(b':').filter(|queue| queue.iter().all(u8::is_ascii_alphanumeric)) else { return };
    let rest = scan.0.trim_ascii_start();
    if let Some(rest) = rest.strip_prefix(b"reject: ") {
        details.kind = "mail.rejected";
        if let Some(at) = memmem::find(rest, b" from ") {
            client(rest.get(at.saturating_add(6)..).unwrap_or_default(), details);
        }
        details.text("from", bracketed(rest, b" from=<"));
        details.text("to", bracketed(rest, b" to=<"));
        return;
    }
    details.text("queue", queue);
    if let Some(rest) = rest.strip_prefix(b"client=") {
        client(rest, details);
        let user = value(rest, b"sasl_username=");
        details.kind = if user.is_empty() { "mail.client" } else { "mail.login" };
        details.user = user;
        details.text("method", value(rest, b"sasl_method="));
    } else if let Some(rest) = rest.strip_prefix(b"uid=") {
        details.kind = "mail.submitted";
        details.number("uid", number(rest.split(|byte| *byte == b' ').next().unwrap_or_default()));
        details.user = bracketed(rest, b" from=<");
    } else if rest.starts_with(b"from=<") {
        details.kind = "mail.queued";
        details.text("from", bracketed(rest, b"from=<"));
        details.number("size", number(value(rest, b" size=")));
    } else if rest.starts_with(b"to=<") {
        let status = value(rest, b" status=").split(|byte| *byte == b' ').next().unwrap_or_default();
        details.kind = match status {
            b"sent" => "mail.delivered",
            b"deferred" => "mail.deferred",
            b"bounced" | b"expired" => "mail.bounced",
            _ => "mail",
        };
        details.text("to", bracketed(rest, b"to=<"));
        details.text("relay", value(rest, b" relay="));
        details.text("status", status);
    }
}

/// `HOST[ADDRESS]: SASL METHOD authentication failed: REASON[, sasl_username=USER]`.
fn sasl_failed<'a>(rest: &'a [u8], details: &mut Details<'a>) {
    let Some(at) = memmem::find(rest, b" authentication failed") else { return };
    let Some((before, behind)) = rest.split_at_checked(at) else { return };
    let Some(sasl) = memmem::rfind(before, b": SASL ") else { return };
    details.kind = "mail.login-failed";
    client(before, details);
    details.text("method", before.get(sasl.saturating_add(7)..).unwrap_or_default());
    details.user = value(behind, b"sasl_username=");
    let reason = behind.strip_prefix(b" authentication failed: ").unwrap_or_default();
    let end = memmem::find(reason, b", sasl_username=").unwrap_or(reason.len());
    details.text("reason", reason.get(..end).unwrap_or_default());
}

/// `HOST[ADDRESS]` and something behind it; with XCLIENT or as postscreen has it `[ADDRESS]:PORT` too.
fn client<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let mut scan = Scan(text);
    let Some(host) = scan.until(b'[') else { return };
    if let Some(address) = scan.until(b']') {
        details.address = address;
        details.text("remote_host", if host == b"unknown" { b"" } else { host });
    }
}

/// What stands behind a name up to the next comma, if any.
fn value<'a>(text: &'a [u8], name: &[u8]) -> &'a [u8] {
    let Some(at) = memmem::find(text, name) else { return b"" };
    let rest = text.get(at.saturating_add(name.len())..).unwrap_or_default();
    rest.split(|byte| *byte == b',').next().unwrap_or_default()
}

/// What stands behind a name that ends with `<`, up to `>`.
fn bracketed<'a>(text: &'a [u8], name: &[u8]) -> &'a [u8] {
    let Some(at) = memmem::find(text, name) else { return b"" };
    let rest = text.get(at.saturating_add(name.len())..).unwrap_or_default();
    rest.split(|byte| *byte == b'>').next().unwrap_or_default()
}

/// Takes a message of dovecot apart.
pub(crate) fn dovecot<'a>(message: &'a [u8], details: &mut Details<'a>) {
    details.kind = "mail";
    let Some(at) = memmem::find(message, b": ") else { return };
    let (process, rest) = message.split_at_checked(at).unwrap_or((message, b""));
    let rest = rest.get(2..).unwrap_or_default();
    if let Some(service) = process.strip_suffix(b"-login") {
        details.text("service", service);
        return dovecot_login(rest, details);
    }
    let mut scan = Scan(process);
    if let (Some(service), Some(user)) = (scan.until(b'('), scan.until(b')'))
        && matches!(service, b"imap" | b"pop3" | b"lmtp" | b"managesieve" | b"submission")
    {
        details.text("service", service);
        details.user = user;
        let is_end = rest.starts_with(b"Disconnected") || rest.starts_with(b"Logged out");
        details.kind = if is_end { "mail.session-closed" } else { "mail" };
        return;
    }
    if process.starts_with(b"auth") {
        // `pam(USER,ADDRESS[,…]): REASON`.
        let mut scan = Scan(rest);
        let Some(_) = scan.until(b'(') else { return };
        let Some(who) = scan.until(b')') else { return };
        let mut parts = who.split(|byte| *byte == b',');
        details.user = parts.next().unwrap_or_default();
        details.address = parts.next().unwrap_or_default();
        let reasons: [&[u8]; 5] = [b"failed", b"mismatch", b"unknown user", b"Password", b"disabled"];
        if reasons.iter().any(|reason| memmem::find(scan.0, reason).is_some()) {
            details.kind = "mail.auth-failed";
        }
    }
}

/// `Login: user=<USER>, method=PLAIN, rip=ADDRESS, lip=ADDRESS, …`, `Disconnected (auth failed, 3 attempts in 9 secs): user=…`.
fn dovecot_login<'a>(text: &'a [u8], details: &mut Details<'a>) {
    if text.starts_with(b"Login: ") {
        details.kind = "mail.login";
    } else if let Some(at) = memmem::find(text, b"(auth failed") {
        details.kind = "mail.login-failed";
        let attempts = text.get(at.saturating_add(12)..).unwrap_or_default().strip_prefix(b", ").unwrap_or_default();
        details.number("attempts", number(attempts.split(|byte| *byte == b' ').next().unwrap_or_default()));
    }
    details.user = bracketed(text, b"user=<");
    details.address = value(text, b" rip=");
    details.text("local_address", value(text, b" lip="));
    details.text("method", value(text, b" method="));
}

/// Takes a message of exim apart, without the time before it.
pub(crate) fn exim<'a>(message: &'a [u8], details: &mut Details<'a>) {
    details.kind = "mail";
    if let Some(at) = memmem::find(message, b" authenticator failed for ") {
        details.kind = "mail.login-failed";
        details.text("method", message.get(..at).unwrap_or_default());
        details.user = exim_set_id(message);
        exim_address(message.get(at..).unwrap_or_default(), details);
        let reason = memmem::rfind(message, b": ").and_then(|at| message.get(at.saturating_add(2)..));
        details.text("reason", reason.unwrap_or_default());
        return;
    }
    let mut scan = Scan(message);
    let queue = scan.until(b' ').filter(|word| is_exim_id(word));
    let Some(queue) = queue else {
        if memmem::find(message, b" rejected ").is_some() {
            details.kind = "mail.rejected";
            exim_address(message, details);
        }
        return;
    };
    details.text("queue", queue);
    let mark = scan.until(b' ').unwrap_or_default();
    let kind = match mark {
        b"<=" => "mail.queued",
        b"=>" | b"->" | b">>" | b"*>" => "mail.delivered",
        b"==" => "mail.deferred",
        b"**" => "mail.bounced",
        _ => return,
    };
    details.kind = kind;
    let whom = scan.0.split(|byte| *byte == b' ').next().unwrap_or_default();
    details.text(if kind == "mail.queued" { "from" } else { "to" }, whom);
    exim_address(scan.0, details);
    for word in scan.0.split(|byte| *byte == b' ') {
        if let Some(login) = word.strip_prefix(b"A=") {
            let mut parts = login.splitn(2, |byte| *byte == b':');
            details.text("method", parts.next().unwrap_or_default());
            details.user = parts.next().unwrap_or_default();
        } else if let Some(user) = word.strip_prefix(b"U=").filter(|_| details.user.is_empty()) {
            details.user = user;
        } else if let Some(size) = word.strip_prefix(b"S=") {
            details.number("size", number(size));
        }
    }
}

/// Six signs, six or eleven, two or four: `1rfXYZ-0001AB-2C`.
pub(crate) fn is_exim_id(word: &[u8]) -> bool {
    let mut lengths = [0_usize; 3];
    let mut parts = word.split(|byte| *byte == b'-');
    for (length, part) in lengths.iter_mut().zip(parts.by_ref()) {
        if !part.iter().all(u8::is_ascii_alphanumeric) {
            return false;
        }
        *length = part.len();
    }
    parts.next().is_none() && matches!(lengths, [6, 6, 2] | [6, 11, 4])
}

/// The first address in brackets: `H=host (helo) [192.0.2.7]:4711`.
fn exim_address<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let mut rest = text;
    while let Some(at) = memmem::find(rest, b"[") {
        rest = rest.get(at.saturating_add(1)..).unwrap_or_default();
        let inside = rest.split(|byte| *byte == b']').next().unwrap_or_default();
        let is_address = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
        if inside.len() >= 3 && inside.len() <= 45 && inside.iter().all(is_address) {
            details.address = inside;
            return;
        }
    }
}

fn exim_set_id(text: &[u8]) -> &[u8] {
    let Some(at) = memmem::rfind(text, b"(set_id=") else { return b"" };
    let rest = text.get(at.saturating_add(8)..).unwrap_or_default();
    rest.strip_suffix(b")").unwrap_or(rest)
}
