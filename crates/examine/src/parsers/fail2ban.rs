//! The logs of fail2ban and firewalld.
//!
//! | form | source |
//! | --- | --- |
//! | `2024-02-29 23:59:58,123 fail2ban.actions [PID]: NOTICE  [JAIL] Ban ADDRESS` | fail2ban's server.py (`logtarget`), actions.py, filter.py |
//! | `2013-02-28 23:59:58,123 fail2ban.actions: WARNING [JAIL] Ban ADDRESS` | version 0.8 |
//! | `2024-02-29 23:59:58 ERROR: TEXT` | firewalld's core/logger.py |

use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::scan::{Scan, number};
use crate::text::{each_line, is_half};
use crate::zone::Civil;
use kanshiki_model::{Event, Span};
use std::io;

/// The parser of both logs.
#[derive(Debug)]
pub(crate) struct Fail2ban;

/// A line.
#[derive(Debug)]
struct Line<'a> {
    time: Civil,
    ahead: Option<i64>,
    /// `fail2ban.actions`; empty in the log of firewalld.
    component: &'a [u8],
    pid: Option<i64>,
    level: &'a [u8],
    text: &'a [u8],
}

/// Levels of firewalld, whose numbers of debugging stand behind the last.
const FIREWALLD: &[&[u8]] = &[b"FATAL", b"ERROR", b"WARNING", b"INFO", b"DEBUG"];

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        let (time, ahead) = scan.iso()?;
        scan.byte(b' ')?;
        if !scan.0.starts_with(b"fail2ban") {
            let level = scan.until(b':')?;
            let name = level.split(u8::is_ascii_digit).next().unwrap_or_default();
            scan.byte(b' ')?;
            // It writes whole seconds, without a zone.
            let is_level = FIREWALLD.contains(&name) && time.nanosecond == 0 && ahead.is_none();
            return is_level.then_some(Self { time, ahead, component: b"", pid: None, level, text: scan.0 });
        }
        let head = scan.until(b':')?;
        let mut parts = head.split(|byte| *byte == b'[');
        let component = parts.next()?.trim_ascii();
        let pid = parts.next().and_then(|pid| number(pid.trim_ascii().strip_suffix(b"]")?));
        let rest = scan.0.trim_ascii_start();
        let end = rest.iter().position(|byte| *byte == b' ')?;
        let (level, text) = rest.split_at_checked(end)?;
        Some(Self { time, ahead, component, pid, level, text: text.trim_ascii_start() })
    }
}

/// Beginnings of what is said of an address behind the jail.
const ACTIONS: &[(&[u8], &str)] = &[
    (b"Found ", "fail2ban.found"),
    (b"Ban ", "fail2ban.ban"),
    (b"Restore Ban ", "fail2ban.ban-restored"),
    (b"Increase Ban ", "fail2ban.ban-increased"),
    (b"Unban ", "fail2ban.unban"),
    (b"Ignore ", "fail2ban.ignored"),
];

/// `[JAIL] ACTION ADDRESS[ …]`, `[JAIL] ADDRESS already banned`.
fn describe<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let mut scan = Scan(text);
    if scan.byte(b'[').is_none() {
        return;
    }
    let Some(jail) = scan.until(b']') else { return };
    details.text("jail", jail);
    let rest = scan.0.trim_ascii_start();
    let word = |text: &'a [u8]| text.split(|byte| *byte == b' ').next().unwrap_or_default();
    if let Some((action, kind)) = ACTIONS.iter().find(|(action, _)| rest.starts_with(action)) {
        details.kind = kind;
        let rest = rest.get(action.len()..).unwrap_or_default();
        // A whole network is told with the length of its mask.
        details.address = word(rest);
        // `Found ADDRESS - 2024-02-29 23:59:57`: when it was, as the log says that was looked through.
        if let Some(at) = memchr::memmem::find(rest, b" - ") {
            details.text("seen", rest.get(at.saturating_add(3)..).unwrap_or_default());
        }
    } else if rest.ends_with(b" already banned") {
        details.kind = "fail2ban.already-banned";
        details.address = word(rest);
    }
}

impl Parser for Fail2ban {
    fn id(&self) -> &'static str {
        "fail2ban"
    }

    fn edition(&self) -> u32 {
        2
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        // Lines like those of firewalld have many.
        let is_firewalld = candidate.stem() == b"firewalld";
        is_half(candidate.head, &mut |line| {
            Line::parse(line).is_some_and(|line| is_firewalld || !line.component.is_empty())
        })
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut clock = Clock::new(context);
        let read = each_line(input, output, &mut |bytes, span, output| record(bytes, span, &mut clock, output));
        // What was inferred is told for the records before an error too.
        clock.finish(output);
        read
    }
}

fn record(bytes: &[u8], span: Span, clock: &mut Clock<'_>, output: &mut Output<'_>) {
    let Some(line) = Line::parse(bytes) else {
        return output.other("fail2ban.other", span, bytes, "no line of fail2ban or firewalld");
    };
    let is_firewalld = line.component.is_empty();
    let mut details = Details::new(if is_firewalld { "firewalld" } else { "fail2ban" });
    details.text("level", line.level);
    if !is_firewalld {
        describe(line.text, &mut details);
    }
    let (time, basis) = clock.at(line.time, line.ahead);
    output.event(&Event {
        time,
        basis,
        span,
        program: if is_firewalld { b"firewalld" } else { line.component },
        pid: line.pid,
        message: line.text,
        ..details.event()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::parse;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn bans_have_their_jail_and_their_address() {
        let log = b"2024-02-29 23:59:58,123 fail2ban.filter         [870]: INFO    [sshd] Found 192.0.2.7 - 2024-02-29 23:59:57
2024-02-29 23:59:58,500 fail2ban.actions        [870]: NOTICE  [sshd] Ban 2001:db8::7
2024-03-01 00:09:58,500 fail2ban.actions        [870]: NOTICE  [sshd] Unban 192.0.2.7
2024-03-01 00:09:59,500 fail2ban.actions        [870]: WARNING [sshd] 192.0.2.9 already banned
2013-02-28 10:00:00,001 fail2ban.actions: WARNING [ssh] Ban 192.0.2.8
2024-03-01 00:10:00,000 fail2ban.server         [870]: INFO    Starting Fail2ban v1.0.2
2024-03-01 00:10:00,000 fail2ban.actions        [870]: NOTICE  [sshd] Restore Ban 192.0.2.7
no line
";
        let parsed = parse(&Fail2ban, "/var/log/fail2ban.log", "2024-03-01T12:00:00Z", log);
        let kinds = ["found", "ban", "unban", "already-banned", "ban", "", "ban-restored", "other"];
        let kinds = kinds.map(|kind| format!("fail2ban.{kind}").trim_end_matches('.').to_owned());
        assert_eq!(parsed.all("kind"), kinds);
        let addresses = ["192.0.2.7", "2001:db8::7", "192.0.2.7", "192.0.2.9", "192.0.2.8"];
        assert_eq!(parsed.all("address")[..5], addresses);
        assert_eq!(parsed.all("jail")[4], "ssh");
        let expected =
            (json!("2024-02-29T23:59:58.123Z"), json!(870), json!("2024-02-29 23:59:57"), json!("fail2ban.filter"));
        let first = &parsed.events[0];
        assert_eq!(
            (first["time"].clone(), first["pid"].clone(), first["seen"].clone(), first["program"].clone()),
            expected
        );
    }

    #[test]
    fn firewalld_has_a_level() {
        let log = b"2024-02-29 23:59:58 ERROR: NOT_ENABLED: https\n2024-02-29 23:59:59 DEBUG1: x\n";
        let parsed = parse(&Fail2ban, "/var/log/firewalld", "2024-03-01T12:00:00Z", log);
        assert_eq!(parsed.all("message"), ["NOT_ENABLED: https", "x"]);
        assert_eq!(parsed.all("level"), ["ERROR", "DEBUG1"]);
        let claims = |path: &[u8]| Fail2ban.claims(&Candidate { path, head: log, host: &crate::host::Host::unknown() });
        assert!(claims(b"/var/log/firewalld.1") && !claims(b"/srv/app.log"));
        assert!(Line::parse(b"2024-02-29 23:59:58,123 ERROR: x").is_none());
        assert!(Line::parse(b"2024-02-29 23:59:58 host sshd[1]: ERROR: x").is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), start in 0..STARTS.len()) {
            let _ = parse(&Fail2ban, "/x", "2024-03-01T12:00:00Z", &[STARTS[start], &bytes].concat());
        }
    }

    /// Beginnings of lines that lead into each part of the parser.
    const STARTS: [&[u8]; 4] = [
        b"",
        b"2024-02-29 23:59:58 ",
        b"2024-02-29 23:59:58,123 fail2ban.actions [1]: NOTICE [",
        b"2024-02-29 23:59:58,123 fail2ban.actions [1]: NOTICE [x] Found ",
    ];
}
