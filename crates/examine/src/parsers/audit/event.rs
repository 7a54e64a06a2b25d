//! From what records say to an event.

use super::facts::{Facts, Text};
use super::gather::Gathered;
use super::record::as_written;
use super::socket::Socket;
use super::syscalls;
use crate::details::Details;
use crate::output::Output;
use crate::scan::number;
use kanshiki_machine::Accounts;
use kanshiki_model::{Event, TimeBasis, Value};
use std::borrow::Cow;
use std::net::IpAddr;

/// Gives the event that some records make.
pub(super) fn give(gathered: &Gathered, accounts: &Accounts, output: &mut Output<'_>) {
    let mut facts = Facts::of(gathered);
    facts.name_accounts(accounts);
    let command_line = facts.arguments.take();
    let command_line: &[u8] = if command_line.is_empty() { &facts.title } else { &command_line };
    let kind = kind(&facts);
    let address = address(&facts);
    let paths = more_paths(&facts);
    let message = message(kind, &facts, command_line, address.as_deref().unwrap_or_default());
    let mut details = Details::new(kind);
    details.user = user(kind, &facts);
    details.text("types", &facts.types);
    details.add("records", Value::Number(gathered.count));
    details.number("serial", gathered.id().and_then(|id| i64::try_from(id.serial).ok()));
    call(&facts, &mut details);
    identity(&facts, &mut details);
    process(&facts, &mut details);
    if !matches!(kind, "audit.exec" | "audit.exec-failed") {
        details.text("command", if facts.command.is_empty() { command_line } else { &facts.command });
    }
    details.number("arguments", facts.arguments.count);
    details.text("operation", &facts.operation);
    details.text("result", facts.result);
    details.text("hostname", &facts.hostname);
    details.text("unit", &facts.unit);
    details.number("signal", facts.signal);
    details.number("target_pid", facts.target_pid);
    match &facts.socket {
        Some(Socket::Internet(_, port)) => details.add("port", Value::Number(i64::from(*port))),
        Some(Socket::Local(path)) => details.text("socket", path),
        Some(Socket::Other(family)) => details.add("family", Value::Number(i64::from(*family))),
        None => {}
    }
    if let Some(path) = facts.main_path() {
        details.text("path", &path.name);
        details.text("path_role", path.role);
        details.number("inode", path.inode);
        details.text("mode", path.mode);
    }
    details.text("paths", &paths);
    if gathered.is_cut() || facts.arguments.is_cut {
        details.add("cut", Value::Flag(true));
    }
    output.event(&Event {
        kind,
        time: gathered.id().and_then(super::record::Id::time),
        basis: TimeBasis::Stated,
        span: gathered.span,
        host: gathered.node(),
        program: program(&facts),
        pid: facts.pid,
        user: details.user,
        address: address.as_deref().unwrap_or_default(),
        message: &message,
        fields: details.fields(),
    });
}

fn kind(facts: &Facts<'_>) -> &'static str {
    if let Some(kind) = facts.lead_kind {
        return kind;
    }
    match facts.call() {
        b"execve" | b"execveat" if facts.success == b"no" => "audit.exec-failed",
        b"execve" | b"execveat" => "audit.exec",
        _ if facts.arguments.count.is_some() => "audit.exec",
        _ if facts.main_path().is_some() => "audit.file",
        _ if matches!(facts.socket, Some(Socket::Internet(..))) => "audit.network",
        _ => "audit",
    }
}

/// The account that an event is about: the one that a program names, or the one that did it.
fn user<'f>(kind: &str, facts: &'f Facts<'_>) -> &'f [u8] {
    let acted: &[u8] = if facts.user.is_empty() { facts.uid } else { &facts.user };
    let named: &[u8] = if facts.account.is_empty() { &facts.id_user } else { &facts.account };
    let named = if named.is_empty() { facts.id } else { named };
    // Of LOGIN the account that was set.
    let set: &[u8] = if facts.login_user.is_empty() { facts.auid } else { &facts.login_user };
    match kind {
        "audit.auid-set" if !set.is_empty() => set,
        "audit.command" | "audit.tty" => acted,
        _ if !named.is_empty() => named,
        _ => acted,
    }
}

fn call<'f>(facts: &'f Facts<'_>, details: &mut Details<'f>) {
    if facts.architecture.is_empty() {
        return;
    }
    let architecture = syscalls::architecture(facts.architecture).map_or(facts.architecture, str::as_bytes);
    details.text("architecture", architecture);
    details.text("syscall", facts.call());
    if !facts.success.is_empty() {
        details.add("success", Value::Flag(facts.success == b"yes"));
    }
    details.number("exit", signed(facts.exit));
}

fn identity<'f>(facts: &'f Facts<'_>, details: &mut Details<'f>) {
    let (uid, auid) = (number(facts.uid), facts.login_id());
    details.number("uid", uid);
    details.number("auid", auid);
    details.text("login_user", &facts.login_user);
    if facts.euid != facts.uid {
        details.number("euid", number(facts.euid));
        details.text("effective_user", &facts.effective_user);
    }
    // A daemon that lets somebody in has the uid of root; what a program does under another account than the one that
    // logged in is told by system calls alone.
    if !facts.syscall.is_empty()
        && let (Some(uid), Some(auid)) = (uid, auid)
        && uid != auid
    {
        details.add("became_other", Value::Flag(true));
    }
    details.number("session", facts.session);
}

fn process<'f>(facts: &'f Facts<'_>, details: &mut Details<'f>) {
    details.number("ppid", facts.ppid);
    details.text("tty", &facts.terminal);
    details.text("exe", &facts.exe);
    details.text("key", &facts.key);
    details.text("directory", &facts.directory);
}

/// The name of the process, or of the program's file.
fn program<'f>(facts: &'f Facts<'_>) -> &'f [u8] {
    match facts.comm.is_empty() {
        true => facts.exe.rsplit(|byte| *byte == b'/').next().unwrap_or_default(),
        false => &facts.comm,
    }
}

fn address<'f>(facts: &'f Facts<'_>) -> Option<Cow<'f, [u8]>> {
    if let Some(Socket::Internet(address, _)) = &facts.socket {
        return Some(Cow::Owned(address.to_string().into_bytes()));
    }
    if let Some(mapped) = facts.address.strip_prefix(b"::ffff:") {
        return Some(Cow::Borrowed(mapped));
    }
    // Programs that know no name put the address in its place.
    let is_address = |text: &Text<'_>| std::str::from_utf8(text).is_ok_and(|text| text.parse::<IpAddr>().is_ok());
    match facts.address.is_empty() {
        true if is_address(&facts.hostname) => Some(Cow::Borrowed(&facts.hostname)),
        true => None,
        false => Some(Cow::Borrowed(&facts.address)),
    }
}

/// The names of all files, if there is more than one.
fn more_paths(facts: &Facts<'_>) -> Vec<u8> {
    let names: Vec<&[u8]> =
        facts.paths.iter().map(|path| path.name.as_ref()).filter(|name: &&[u8]| !name.is_empty()).collect();
    if names.len() > 1 { names.join(b", ".as_slice()) } else { Vec::new() }
}

fn message<'f>(kind: &str, facts: &'f Facts<'_>, command_line: &'f [u8], address: &[u8]) -> Cow<'f, [u8]> {
    let call = facts.call();
    let path = facts.main_path().map_or(b"".as_slice(), |path| &path.name);
    match kind {
        "audit.exec" | "audit.exec-failed" if !command_line.is_empty() => Cow::Borrowed(command_line),
        "audit.exec" | "audit.exec-failed" if !path.is_empty() => Cow::Borrowed(path),
        "audit.exec" | "audit.exec-failed" if !facts.exe.is_empty() => Cow::Borrowed(&facts.exe),
        "audit.command" if !facts.command.is_empty() => Cow::Borrowed(&facts.command),
        "audit.tty" if !facts.data.is_empty() => Cow::Borrowed(&facts.data),
        "audit.file" if !call.is_empty() => Cow::Owned([call, b" ", path].concat()),
        "audit.network" if !call.is_empty() => Cow::Owned([call, b" ", address].concat()),
        _ => {
            let (kind, body) = facts.lead;
            let body = as_written(body);
            Cow::Owned(if body.is_empty() { kind.to_vec() } else { [kind, b" ", body].concat() })
        }
    }
}

/// A number that may be negative.
fn signed(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(digits) => number(digits)?.checked_neg(),
        None => number(text),
    }
}
