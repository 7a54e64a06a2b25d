//! What the records of one event say together.

use super::gather::Gathered;
use super::kinds::{Told, of_type};
use super::record::{Field, Fields, as_written};
use super::socket::Socket;
use super::syscalls;
use crate::scan::number;
use kanshiki_machine::Accounts;
use std::borrow::Cow;

/// Bytes of a command line that are given.
const COMMAND_BYTES: usize = 32 << 10;

/// Names of files that are given of one event.
const PATHS: usize = 16;

/// The number that the kernel has for "no account" and "no session".
const UNSET: i64 = 4_294_967_295;

pub(super) type Text<'a> = Cow<'a, [u8]>;

/// A file that a system call was about.
#[derive(Debug, Default)]
pub(super) struct Path<'a> {
    pub(super) name: Text<'a>,
    /// NORMAL, PARENT, CREATE, DELETE, UNKNOWN; `objtype` in older kernels.
    pub(super) role: &'a [u8],
    pub(super) inode: Option<i64>,
    pub(super) mode: &'a [u8],
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    /// The record that says what kind of event it is, or the first.
    pub(super) lead: (&'a [u8], &'a [u8]),
    pub(super) lead_kind: Option<&'static str>,
    pub(super) types: Vec<u8>,
    pub(super) architecture: &'a [u8],
    pub(super) syscall: &'a [u8],
    pub(super) success: &'a [u8],
    pub(super) exit: &'a [u8],
    pub(super) pid: Option<i64>,
    pub(super) ppid: Option<i64>,
    pub(super) uid: &'a [u8],
    pub(super) euid: &'a [u8],
    pub(super) auid: &'a [u8],
    pub(super) old_auid: &'a [u8],
    pub(super) id: &'a [u8],
    /// The names that auditd put behind the record.
    pub(super) user: Text<'a>,
    pub(super) effective_user: Text<'a>,
    pub(super) login_user: Text<'a>,
    pub(super) id_user: Text<'a>,
    pub(super) session: Option<i64>,
    pub(super) terminal: Text<'a>,
    pub(super) comm: Text<'a>,
    pub(super) exe: Text<'a>,
    pub(super) key: Text<'a>,
    pub(super) directory: Text<'a>,
    pub(super) account: Text<'a>,
    pub(super) operation: Text<'a>,
    pub(super) result: &'a [u8],
    pub(super) hostname: Text<'a>,
    pub(super) address: Text<'a>,
    pub(super) command: Text<'a>,
    pub(super) data: Text<'a>,
    pub(super) unit: Text<'a>,
    pub(super) signal: Option<i64>,
    pub(super) target_pid: Option<i64>,
    pub(super) title: Text<'a>,
    pub(super) socket: Option<Socket>,
    pub(super) paths: Vec<Path<'a>>,
    pub(super) arguments: Arguments,
}

impl<'a> Facts<'a> {
    pub(super) fn of(event: &'a Gathered) -> Self {
        let mut facts = Self::default();
        for (kind, body) in event.records() {
            facts.add_type(kind);
            if facts.lead.0.is_empty() {
                facts.lead = (kind, body);
            }
            match kind {
                b"EXECVE" => facts.arguments.add(as_written(body)),
                b"PATH" => facts.path(body),
                b"PROCTITLE" => facts.title = one(body, b"proctitle"),
                b"SOCKADDR" => facts.socket = facts.socket.take().or_else(|| socket(body)),
                _ => Fields(body).for_each(|field| facts.field(&field)),
            }
        }
        facts.title = match std::mem::take(&mut facts.title) {
            Cow::Owned(title) => {
                Cow::Owned(title.into_iter().map(|byte| if byte == 0 { b' ' } else { byte }).collect())
            }
            title => title,
        };
        facts.find_lead(event);
        facts
    }

    /// Several records of a type behind each other are told once.
    fn add_type(&mut self, kind: &[u8]) {
        let last = self.types.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        if last != kind {
            if !self.types.is_empty() {
                self.types.push(b' ');
            }
            self.types.extend_from_slice(kind);
        }
    }

    /// The first record of a type that makes a kind of its own.
    fn find_lead(&mut self, event: &'a Gathered) {
        let exe = self.exe.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let told = Told { failed: self.has_failed(), program: exe };
        let found = event.records().find_map(|record| of_type(record.0, told).map(|kind| (record, kind)));
        if let Some((record, kind)) = found {
            (self.lead, self.lead_kind) = (record, Some(kind));
        }
    }

    /// Whether a program says so; of system calls `success` does.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.result, b"failed" | b"no" | b"0")
    }

    /// Takes the names that the image has for the numbers, where the record has none.
    pub(super) fn name_accounts(&mut self, accounts: &'a Accounts) {
        let named = [
            (&mut self.user, self.uid),
            (&mut self.effective_user, self.euid),
            (&mut self.login_user, self.auid),
            (&mut self.id_user, self.id),
        ];
        for (name, uid) in named {
            let uid = || number(uid).and_then(|uid| u32::try_from(uid).ok());
            if name.is_empty()
                && let Some(known) = uid().and_then(|uid| accounts.name(uid))
            {
                *name = Cow::Borrowed(known);
            }
        }
    }

    fn field(&mut self, field: &Field<'a>) {
        let value = field.plain();
        match field.name {
            b"arch" => first(&mut self.architecture, value),
            b"syscall" => first(&mut self.syscall, value),
            b"success" => first(&mut self.success, value),
            b"exit" => first(&mut self.exit, value),
            b"pid" => self.pid = self.pid.or_else(|| number(value)),
            b"ppid" => self.ppid = self.ppid.or_else(|| number(value)),
            b"uid" => first(&mut self.uid, value),
            b"euid" => first(&mut self.euid, value),
            b"auid" if field.before == b"old" => first(&mut self.old_auid, value),
            b"auid" => first(&mut self.auid, value),
            b"old-auid" => first(&mut self.old_auid, value),
            b"ses" if field.before != b"old" => self.session = self.session.or_else(|| session(value)),
            b"sig" => self.signal = self.signal.or_else(|| number(value)),
            b"opid" => self.target_pid = self.target_pid.or_else(|| number(value)),
            b"res" | b"result" => first(&mut self.result, value),
            b"id" => first(&mut self.id, value),
            b"UID" => name(&mut self.user, field),
            b"EUID" => name(&mut self.effective_user, field),
            b"AUID" => name(&mut self.login_user, field),
            b"ID" => name(&mut self.id_user, field),
            b"tty" | b"terminal" => text(&mut self.terminal, field),
            b"comm" => text(&mut self.comm, field),
            b"exe" => text(&mut self.exe, field),
            b"key" => self.key(field),
            b"cwd" => text(&mut self.directory, field),
            b"acct" => text(&mut self.account, field),
            b"op" | b"operation" => text(&mut self.operation, field),
            b"hostname" => text(&mut self.hostname, field),
            b"addr" => text(&mut self.address, field),
            b"cmd" => text(&mut self.command, field),
            b"data" => text(&mut self.data, field),
            b"unit" => text(&mut self.unit, field),
            // AppArmor and SELinux tell the file in their own record; Linux's watches by name too.
            b"path" | b"name" => self.named(field),
            _ => {}
        }
    }

    /// Several keys of one rule are parted by the byte 1.
    fn key(&mut self, field: &Field<'a>) {
        if self.key.is_empty() {
            self.key = match field.text() {
                Cow::Owned(key) => {
                    Cow::Owned(key.into_iter().map(|byte| if byte == 1 { b',' } else { byte }).collect())
                }
                key => key,
            };
        }
    }

    fn named(&mut self, field: &Field<'a>) {
        if self.paths.is_empty() && !field.value.is_empty() {
            self.paths.push(Path { name: field.text(), ..Path::default() });
        }
    }

    fn path(&mut self, body: &'a [u8]) {
        if self.paths.len() >= PATHS {
            return;
        }
        let mut path = Path::default();
        for field in Fields(body) {
            match field.name {
                b"name" => path.name = field.text(),
                b"inode" => path.inode = number(field.value),
                b"mode" => path.mode = field.value,
                b"nametype" | b"objtype" => path.role = field.value,
                _ => {}
            }
        }
        self.paths.push(path);
    }

    /// The file that the call was about: what it made or removed, or the first that is no directory around it.
    pub(super) fn main_path(&self) -> Option<&Path<'a>> {
        let named = || self.paths.iter().filter(|path| !path.name.is_empty());
        let changed = named().rev().find(|path| matches!(path.role, b"CREATE" | b"DELETE"));
        changed.or_else(|| named().find(|path| path.role != b"PARENT")).or_else(|| named().next())
    }

    /// The name of the system call, or its number.
    pub(super) fn call(&self) -> &'a [u8] {
        let named = number(self.syscall).and_then(|number| syscalls::name(self.architecture, number));
        named.map_or(self.syscall, str::as_bytes)
    }

    /// The number of the account under which one logged in; `None` if it is not set.
    pub(super) fn login_id(&self) -> Option<i64> {
        number(self.auid).filter(|auid| *auid != UNSET)
    }
}

fn first<'a>(place: &mut &'a [u8], value: &'a [u8]) {
    if place.is_empty() {
        *place = value;
    }
}

fn text<'a>(place: &mut Text<'a>, field: &Field<'a>) {
    if place.is_empty() {
        *place = field.text();
    }
}

/// Names that auditd puts behind a record are in quotes; `unset` stands for none.
fn name<'a>(place: &mut Text<'a>, field: &Field<'a>) {
    if place.is_empty() && field.value != b"unset" {
        *place = Cow::Borrowed(field.plain());
    }
}

fn session(value: &[u8]) -> Option<i64> {
    number(value).filter(|session| *session != UNSET)
}

fn one<'a>(body: &'a [u8], name: &[u8]) -> Text<'a> {
    Fields(body).find(|field| field.name == name).map_or(Cow::Borrowed(b"".as_slice()), |field| field.text())
}

fn socket(body: &[u8]) -> Option<Socket> {
    Fields(body).find(|field| field.name == b"saddr").and_then(|field| Socket::parse(field.value))
}

/// The arguments of a command, from one EXECVE record or several (audit_log_execve_info in kernel/auditsc.c): `a0="ls"`, one
/// that is long as `a1_len=9000 a1[0]=… a1[1]=…`.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    line: Vec<u8>,
    /// The name of the argument that was added last, and its bytes before it is known to be whole.
    name: Vec<u8>,
    part: Vec<u8>,
    pub(super) count: Option<i64>,
    pub(super) is_cut: bool,
}

impl Arguments {
    fn add(&mut self, body: &[u8]) {
        for field in Fields(body) {
            if field.name == b"argc" {
                self.count = self.count.or_else(|| number(field.value));
                continue;
            }
            let name = field.name.split(|byte| *byte == b'[').next().unwrap_or_default();
            if !is_argument(name) {
                continue;
            }
            if name != self.name {
                self.end();
                self.name = name.to_vec();
            }
            self.is_cut |= self.line.len().saturating_add(self.part.len()) > COMMAND_BYTES;
            if !self.is_cut {
                self.part.extend_from_slice(&field.text());
            }
        }
    }

    fn end(&mut self) {
        if self.name.is_empty() {
            return;
        }
        if !self.line.is_empty() {
            self.line.push(b' ');
        }
        // So that what was one argument is seen to be one.
        let is_plain = |byte: &u8| !byte.is_ascii_whitespace() && !matches!(byte, b'\'' | b'"');
        if !self.part.is_empty() && self.part.iter().all(is_plain) {
            self.line.append(&mut self.part);
        } else {
            self.line.push(b'\'');
            self.line.append(&mut self.part);
            self.line.push(b'\'');
        }
        self.name.clear();
    }

    /// The command line; empty if there was none.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.end();
        self.is_cut |= self.line.len() > COMMAND_BYTES;
        self.line.truncate(COMMAND_BYTES);
        std::mem::take(&mut self.line)
    }
}

/// `a` and a number.
fn is_argument(name: &[u8]) -> bool {
    name.strip_prefix(b"a").and_then(number).is_some()
}
