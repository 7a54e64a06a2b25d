//! What cron, systemd and the kernel say.
//!
//! | kind | program | message | fields |
//! | --- | --- | --- | --- |
//! | cron.command | CRON, cron, crond, anacron | `(USER) CMD (COMMAND)` (Vixie cron, do_command.c; cronie) | command |
//! | cron.changed | crontab | `(USER) REPLACE (TARGET)`, `LIST`, `DELETE`, `BEGIN EDIT`, `END EDIT` (crontab.c) | target, action |
//! | systemd.unit | systemd | `Started …`, `Starting …`, `Stopped …`, `Reached target …`, `NAME.service: Failed with result …` | unit, action |
//! | kernel.firewall | kernel | a line of netfilter's LOG target: `… IN=… OUT=… SRC=… DST=… PROTO=… SPT=… DPT=…` (nf_log_syslog.c), with ufw's `[UFW BLOCK]` or the prefix of the rule before it | prefix, action, destination, protocol, port, to_port, flags, icmp_type, interface, out_interface, bridge_port, uid, mark |
//! | logind.session-opened, logind.session-closed | systemd-logind | `New session ID of user USER.`, `Removed session ID.` (logind-session.c) | session |
//! | kernel.segfault | kernel | `NAME[PID]: segfault at …` (arch/x86/mm/fault.c) | process |
//! | kernel.oom | kernel | `Out of memory: Killed process PID (NAME)` (mm/oom_kill.c) | process |

use super::accounts::pam;
use crate::details::Details;
use crate::scan::{Scan, between, number};

/// Takes a message of cron apart.
pub(crate) fn cron<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if pam(message, details) {
        return;
    }
    details.kind = "cron";
    let mut scan = Scan(message);
    if scan.byte(b'(').is_none() {
        return;
    }
    let Some(user) = scan.until(b')') else { return };
    details.user = user;
    if scan.text(b" CMD (").is_some() {
        details.kind = "cron.command";
        // The command is what stands between the first and the last parenthesis, blanks before it included.
        details.text("command", scan.0.strip_suffix(b")").unwrap_or(scan.0).trim_ascii_start());
        return;
    }
    let actions: [&[u8]; 5] = [b" REPLACE (", b" LIST (", b" DELETE (", b" BEGIN EDIT (", b" END EDIT ("];
    for action in actions {
        if let Some(target) = scan.0.strip_prefix(action) {
            details.kind = if action == b" LIST (" { "cron" } else { "cron.changed" };
            details.text("action", action.strip_suffix(b" (").unwrap_or(action).trim_ascii());
            details.text("target", target.strip_suffix(b")").unwrap_or(target));
            return;
        }
    }
}

/// Beginnings of what systemd says of a unit.
const ACTIONS: [&[u8]; 9] = [
    b"Starting ",
    b"Started ",
    b"Stopping ",
    b"Stopped ",
    b"Finished ",
    b"Reloading ",
    b"Reloaded ",
    b"Failed to start ",
    b"Reached target ",
];

/// Takes a message of systemd apart.
pub(crate) fn systemd<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if pam(message, details) {
        return;
    }
    details.kind = "systemd";
    if let Some(action) = ACTIONS.iter().find(|action| message.starts_with(action)) {
        details.kind = "systemd.unit";
        details.text("action", action.trim_ascii_end());
        let unit = message.get(action.len()..).unwrap_or_default();
        let unit = unit.strip_suffix(b"...").or_else(|| unit.strip_suffix(b".")).unwrap_or(unit);
        // Since version 249 the unit stands before its description: `ssh.service - OpenBSD Secure Shell server`.
        let end = memchr::memmem::find(unit, b" - ").unwrap_or(unit.len());
        details.text("unit", unit.get(..end).unwrap_or_default());
        return;
    }
    let Some(at) = memchr::memmem::find(message, b": ") else { return };
    let Some((unit, rest)) = message.split_at_checked(at) else { return };
    let kinds: [&[u8]; 6] = [b".service", b".timer", b".socket", b".mount", b".scope", b".path"];
    if kinds.iter().any(|kind| unit.ends_with(kind)) {
        details.kind = "systemd.unit";
        details.text("unit", unit);
        details.text("action", rest.get(2..).unwrap_or_default());
    }
}

/// Takes a message of systemd-logind apart.
pub(crate) fn logind<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if pam(message, details) {
        return;
    }
    details.kind = "logind";
    let end = |text: &'a [u8]| text.strip_suffix(b".").unwrap_or(text);
    if let Some((session, user)) = between(message, b"New session ", b" of user ") {
        details.kind = "logind.session-opened";
        details.text("session", session.trim_ascii());
        // Since version 256 class and type stand behind the user: `anna with class 'user' and type 'tty'.`
        let user = user.get(..memchr::memmem::find(user, b" with ").unwrap_or(user.len())).unwrap_or_default();
        // It stands in quotes there.
        let user = end(user);
        details.user = user.strip_prefix(b"'").and_then(|user| user.strip_suffix(b"'")).unwrap_or(user);
    } else if let Some(session) = message.strip_prefix(b"Removed session ") {
        details.kind = "logind.session-closed";
        details.text("session", end(session));
    }
}

/// Takes a message of the kernel apart.
pub(crate) fn kernel<'a>(message: &'a [u8], details: &mut Details<'a>) {
    details.kind = "kernel";
    let text = uptime_off(message);
    if memchr::memmem::find(text, b" SRC=").is_some() && memchr::memmem::find(text, b"IN=").is_some() {
        return firewall(text, details);
    }
    if let Some(at) = memchr::memmem::find(text, b"]: segfault at ") {
        details.kind = "kernel.segfault";
        details.text("process", text.get(..at.saturating_add(1)).unwrap_or_default());
    } else if let Some(at) = memchr::memmem::find(text, b"Killed process ") {
        details.kind = "kernel.oom";
        details.text("process", text.get(at.saturating_add(15)..).unwrap_or_default());
    }
}

/// Takes `[ 1234.567890] ` off.
fn uptime_off(message: &[u8]) -> &[u8] {
    let Some(inside) = message.strip_prefix(b"[") else { return message };
    let Some(close) = inside.iter().take(24).position(|byte| *byte == b']') else { return message };
    let is_uptime = inside.iter().take(close).all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'.'));
    let behind = inside.get(close.saturating_add(1)..).unwrap_or_default();
    if is_uptime { behind.strip_prefix(b" ").unwrap_or(behind) } else { message }
}

/// A line of netfilter.
fn firewall<'a>(text: &'a [u8], details: &mut Details<'a>) {
    details.kind = "kernel.firewall";
    let start = memchr::memmem::find(text, b"IN=").unwrap_or(0);
    let prefix = text.get(..start).unwrap_or_default().trim_ascii();
    details.text("prefix", prefix);
    details.text("action", verdict(prefix));
    // What stands in brackets is a packet that an ICMP error quotes.
    let end = memchr::memchr(b'[', text.get(start..).unwrap_or_default()).map(|end| start.saturating_add(end));
    let fields = text.get(start..end.unwrap_or(text.len())).unwrap_or_default();
    if protocol_has_flags(fields) {
        details.text("flags", flags(fields));
    }
    for pair in fields.split(|byte| *byte == b' ') {
        let Some((name, value)) = pair.iter().position(|byte| *byte == b'=').and_then(|at| pair.split_at_checked(at))
        else {
            continue;
        };
        let value = value.get(1..).unwrap_or_default();
        match name {
            b"SRC" => details.set_kernel_address(value),
            b"DST" => details.text("destination", value),
            b"PROTO" => details.text("protocol", value),
            b"IN" => details.text("interface", value),
            b"OUT" => details.text("out_interface", value),
            b"PHYSIN" => details.text("bridge_port", value),
            b"SPT" => details.number("port", number(value)),
            b"DPT" => details.number("to_port", number(value)),
            b"TYPE" => details.number("icmp_type", number(value)),
            b"UID" => details.number("uid", number(value)),
            b"MARK" => details.text("mark", value),
            _ => {}
        }
    }
}

/// What the prefix of a rule says was done with the packet: that of ufw, or a word of the target's name.
fn verdict(prefix: &[u8]) -> &'static [u8] {
    let words: [(&[u8], &[u8]); 8] = [
        (b"BLOCK", b"block"),
        (b"DROP", b"block"),
        (b"REJECT", b"block"),
        (b"DENY", b"block"),
        (b"denied", b"block"),
        (b"ALLOW", b"allow"),
        (b"ACCEPT", b"allow"),
        (b"AUDIT", b"audit"),
    ];
    words.iter().find(|(word, _)| memchr::memmem::find(prefix, word).is_some()).map_or(b"", |(_, verdict)| verdict)
}

fn protocol_has_flags(fields: &[u8]) -> bool {
    memchr::memmem::find(fields, b" PROTO=TCP ").is_some()
}

/// The flags of TCP between `RES=0x00 ` and ` URGP=`: `SYN`, `ACK PSH`.
fn flags(fields: &[u8]) -> &[u8] {
    let Some(start) = memchr::memmem::find(fields, b" RES=") else { return b"" };
    let behind = fields.get(start.saturating_add(1)..).unwrap_or_default();
    let Some(blank) = memchr::memchr(b' ', behind) else { return b"" };
    let rest = behind.get(blank..).unwrap_or_default();
    let end = memchr::memmem::find(rest, b" URGP=").unwrap_or(0);
    rest.get(..end).unwrap_or_default().trim_ascii()
}
