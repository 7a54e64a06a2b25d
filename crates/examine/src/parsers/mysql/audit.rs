//! Logs of audit plugins: MariaDB's server_audit, MySQL Enterprise Audit, Percona's audit_log.

use super::{account, digits, event};
use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::json::{Tokens, unescape};
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::record::Record;
use crate::scan::{Scan, number};
use crate::text::{each_line, is_half};
use crate::zone::Civil;
use kanshiki_model::{Event, Span};
use std::io;

/// The parser of logs of audit plugins.
#[derive(Debug)]
pub(crate) struct MysqlAudit;

impl Parser for MysqlAudit {
    fn id(&self) -> &'static str {
        "mysql-audit"
    }

    fn edition(&self) -> u32 {
        3
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        memchr::memmem::find(candidate.head, b"<AUDIT_RECORD").is_some()
            || is_half(candidate.head, &mut |line| Audited::line(line).is_some())
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut clock = Clock::new(context);
        let mut element = Record::default();
        let mut plain = Vec::new();
        let read = each_line(input, output, &mut |line, span, output| {
            let begins = line.trim_ascii_start().starts_with(b"<AUDIT_RECORD");
            if begins {
                close(&element, &mut clock, &mut plain, output);
                element.begin(line, span);
            } else if element.get().is_some() {
                element.add(line, span);
            }
            if element.get().is_some() {
                if ends_element(line, begins) {
                    close(&element, &mut clock, &mut plain, output);
                    element.end();
                }
            } else if let Some(mut audited) = Audited::line(line) {
                if audited.is_json {
                    plain.clear();
                    unescape(audited.object, &mut plain);
                    audited.object = &plain;
                }
                audited.tell(span, &mut clock, output);
            } else if !is_frame(line) {
                output.other("database.other", span, line, "no record of an audit plugin");
            }
        });
        close(&element, &mut clock, &mut plain, output);
        clock.finish(output);
        read
    }
}

/// What stands before and behind the records of XML and JSON.
fn is_frame(line: &[u8]) -> bool {
    matches!(line.trim_ascii(), b"[" | b"]" | b"," | b"<AUDIT>" | b"</AUDIT>") || line.starts_with(b"<?xml")
}

/// Whether an element of XML ends with a line: `/>` of one with attributes, or its end tag.
fn ends_element(line: &[u8], begins: bool) -> bool {
    let line = line.trim_ascii();
    line.ends_with(b"</AUDIT_RECORD>") || line == b"/>" || (begins && line.ends_with(b"/>"))
}

/// Tells an element of XML that is whole, or as far as it goes.
fn close(element: &Record, clock: &mut Clock<'_>, plain: &mut Vec<u8>, output: &mut Output<'_>) {
    let Some((bytes, span)) = element.get() else { return };
    match Audited::element(bytes) {
        Some(mut audited) => {
            // Entities stand for signs that XML keeps for itself.
            plain.clear();
            resolve(audited.object, plain);
            audited.object = plain;
            audited.tell(span, clock, output);
        }
        None => output.other("database.other", span, bytes, "no record of an audit plugin"),
    }
}

/// What a record says.
#[derive(Debug, Clone, Copy, Default)]
struct Audited<'a> {
    time: Option<(Civil, Option<i64>)>,
    host: &'a [u8],
    user: &'a [u8],
    address: &'a [u8],
    connection: Option<i64>,
    /// What was done, as the plugin names it.
    operation: &'a [u8],
    /// Such as `drop_table`.
    class: &'a [u8],
    database: &'a [u8],
    /// The statement, or what else it was done to.
    object: &'a [u8],
    /// The table, where a record is of one.
    table: &'a [u8],
    status: Option<i64>,
    /// Whether the statement has the escapes of JSON.
    is_json: bool,
}

impl<'a> Audited<'a> {
    /// A record of one line.
    fn line(line: &'a [u8]) -> Option<Self> {
        match line.first()? {
            b'0'..=b'9' => Self::server_audit(line),
            b'"' => Self::quoted(line),
            b'{' | b'[' | b' ' => Self::json(line),
            _ => None,
        }
    }

    /// `20240302 10:00:00,HOST,USER,FROM,CONNECTION,QUERY,OPERATION,DATABASE,OBJECT,CODE`.
    fn server_audit(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        let year = i32::try_from(scan.digits(4)?).ok()?;
        let (month, day) = (scan.two()?, scan.two()?);
        scan.byte(b' ')?;
        let (hour, minute, second) = scan.clock()?;
        scan.byte(b',')?;
        let civil = Civil { year, month, day, hour, minute, second, nanosecond: 0 };
        let host = scan.until(b',')?;
        let user = scan.until(b',')?;
        let address = scan.until(b',')?;
        let connection = number(scan.until(b',')?);
        let _query = number(scan.until(b',')?)?;
        let operation =
            scan.until(b',').filter(|name| name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_'))?;
        let database = scan.until(b',')?;
        // The statement may hold commas; the code of what became of it does not.
        let comma = memchr::memrchr(b',', scan.0)?;
        let (object, status) = scan.0.split_at_checked(comma)?;
        let object = object.strip_prefix(b"'").and_then(|object| object.strip_suffix(b"'")).unwrap_or(object);
        let status = number(status.get(1..)?);
        let time = Some((civil, None));
        Some(Self {
            time,
            host,
            user,
            address,
            connection,
            operation,
            class: b"",
            database,
            object,
            table: if is_of_table(operation) { object } else { b"" },
            status,
            is_json: false,
        })
    }

    /// `"Query","RECORD","2014-08-27T10:47:23 UTC","show_databases","37",0,"show databases","root[root] @ localhost []",…`
    /// of Percona.
    fn quoted(line: &'a [u8]) -> Option<Self> {
        let mut parts = [b"".as_slice(); 12];
        let mut rest = line;
        let mut used = 0_usize;
        for part in &mut parts {
            used = used.saturating_add(1);
            rest = match rest.strip_prefix(b"\"") {
                Some(inside) => {
                    // A quote inside stands doubled or behind a backslash; one that ends is followed by a comma.
                    let end = quote_at(inside).unwrap_or(inside.len().saturating_sub(1));
                    *part = inside.get(..end)?;
                    inside.get(end.saturating_add(1)..).unwrap_or_default()
                }
                None => {
                    let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
                    *part = rest.get(..end)?;
                    rest.get(end..)?
                }
            };
            match rest.strip_prefix(b",") {
                Some(behind) => rest = behind,
                None => break,
            }
        }
        let [name, _record, time, class, connection, status, statement, user, host, _system, ip, database] = parts;
        let time = Some(utc(time)?);
        (used >= 8).then_some(())?;
        let (user, from) = account(user);
        let address = if ip.is_empty() { if from.is_empty() { host } else { from } } else { ip };
        Some(Self {
            time,
            host: b"",
            user,
            address,
            connection: number(connection),
            operation: name,
            class,
            database,
            object: statement,
            table: b"",
            status: number(status),
            is_json: false,
        })
    }

    /// An object of MySQL Enterprise Audit or of Percona, of an array or not.
    fn json(line: &'a [u8]) -> Option<Self> {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"[").unwrap_or(line).trim_ascii();
        let line = line.strip_suffix(b"]").unwrap_or(line).trim_ascii();
        let line = line.strip_suffix(b",").unwrap_or(line);
        line.starts_with(b"{").then_some(())?;
        let mut found = Self { is_json: true, ..Self::default() };
        let (mut is_audit, mut event, mut command, mut ip) = (false, b"".as_slice(), b"".as_slice(), b"".as_slice());
        let mut tokens = Tokens::new(line);
        while let Some(token) = tokens.next_token()? {
            let value = token.value;
            // Below are attributes that a client names as it likes, and arguments of the server.
            if token.depth > 2 {
                continue;
            }
            match token.name {
                b"timestamp" => found.time = utc(value),
                b"record" | b"class" | b"account" => is_audit = true,
                b"name" if token.depth == 2 => found.operation = value,
                b"event" => event = value,
                b"command" => command = value,
                b"connection_id" => found.connection = number(value),
                b"status" => found.status = number(value),
                b"user" => {
                    let (user, from) = account(value);
                    if found.user.is_empty() {
                        found.user = user;
                    }
                    if !from.is_empty() {
                        found.address = from;
                    }
                }
                b"host" if found.address.is_empty() => found.address = value,
                b"ip" => ip = value,
                b"db" => found.database = value,
                b"command_class" | b"sql_command" => found.class = value,
                b"sqltext" | b"query" => found.object = value,
                b"table" => found.table = value,
                _ => {}
            }
        }
        if found.operation.is_empty() {
            found.operation = if command.is_empty() { event } else { command };
        }
        if !ip.is_empty() {
            found.address = ip;
        }
        (is_audit && found.time.is_some() && !found.operation.is_empty()).then_some(found)
    }

    /// An element of XML; what it says stands in attributes (old form) or in elements (new form).
    fn element(bytes: &'a [u8]) -> Option<Self> {
        // A statement in an element may hold what looks like an attribute.
        let has_elements = bytes.trim_ascii_start().starts_with(b"<AUDIT_RECORD>");
        let value = |name: &[u8]| {
            let value =
                if has_elements { inside(bytes, &[b"<", name, b">"].concat(), b"</") } else { attribute(bytes, name) };
            value.unwrap_or_default()
        };
        let operation = value(b"NAME");
        if operation.is_empty() {
            return None;
        }
        let (user, from) = account(value(b"USER"));
        let (ip, host) = (value(b"IP"), value(b"HOST"));
        Some(Self {
            time: utc(value(b"TIMESTAMP")),
            host: b"",
            user,
            address: [ip, from, host].into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
            connection: number(value(b"CONNECTION_ID")),
            operation,
            class: value(b"COMMAND_CLASS"),
            database: value(b"DB"),
            object: value(b"SQLTEXT"),
            table: value(b"TABLE"),
            status: number(value(b"STATUS")),
            is_json: false,
        })
    }

    fn tell(&self, span: Span, clock: &mut Clock<'_>, output: &mut Output<'_>) {
        let time = match self.time {
            Some((civil, ahead)) => clock.at(civil, ahead),
            None => (None, kanshiki_model::TimeBasis::Neighbour),
        };
        let is_failed = self.status.is_some_and(|status| status != 0);
        let mut details = Details::new(match self.operation {
            b"CONNECT" | b"Connect" | b"connect" | b"CHANGEUSER" | b"Change user" if !is_failed => "database.login",
            b"FAILED_CONNECT" | b"CONNECT" | b"Connect" | b"connect" | b"CHANGEUSER" | b"Change user" => {
                "database.login-failed"
            }
            b"DISCONNECT" | b"Quit" | b"disconnect" => "database.logout",
            b"Query" | b"Execute" | b"Prepare" | b"query" | b"Statement" => "database.query",
            name if name.starts_with(b"QUERY") => "database.query",
            name if is_of_table(name) => "database.table",
            _ => "database.command",
        });
        (details.user, details.address) = (self.user, self.address);
        details.text("command", self.operation);
        details.text("class", self.class);
        details.number("connection", self.connection);
        details.text("database", self.database);
        if details.kind == "database.table" {
            details.text("table", self.table);
        }
        details.number("error", self.status.filter(|_| is_failed));
        let message = [self.object, self.table, self.operation].into_iter().find(|text| !text.is_empty());
        let message = message.unwrap_or_default();
        output.event(&Event { host: self.host, ..event(&details, time, span, message) });
    }
}

/// Whether an operation is one on a table: of MariaDB's plugin, of XML, of JSON.
fn is_of_table(operation: &[u8]) -> bool {
    const OPERATIONS: [&[u8]; 14] = [
        b"READ",
        b"WRITE",
        b"CREATE",
        b"ALTER",
        b"RENAME",
        b"DROP",
        b"TableRead",
        b"TableInsert",
        b"TableUpdate",
        b"TableDelete",
        b"read",
        b"insert",
        b"update",
        b"delete",
    ];
    OPERATIONS.contains(&operation)
}

/// Where the quote stands that ends a value: one inside stands doubled or behind a backslash.
fn quote_at(inside: &[u8]) -> Option<usize> {
    let mut from = 0_usize;
    loop {
        let rest = inside.get(from..)?;
        let at = memchr::memchr2(b'"', b'\\', rest)?;
        let place = from.checked_add(at)?;
        match (rest.get(at)?, rest.get(at.checked_add(1)?)) {
            (b'\\', _) | (b'"', Some(b'"')) => from = place.checked_add(2)?,
            _ => return Some(place),
        }
    }
}

/// `2019-10-03T14:06:33 UTC`, `2019-10-03 14:06:33`: of UTC where no zone stands.
fn utc(text: &[u8]) -> Option<(Civil, Option<i64>)> {
    let mut scan = Scan(text);
    digits(&mut scan.clone())?;
    let (civil, ahead) = scan.iso()?;
    Some((civil, ahead.or(Some(0))))
}

/// What stands between two texts.
fn inside<'a>(bytes: &'a [u8], before: &[u8], behind: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(bytes, before)?.checked_add(before.len())?;
    let rest = bytes.get(at..)?;
    rest.get(..memchr::memmem::find(rest, behind)?)
}

/// The value of an attribute; that of `OS_USER` is none of `USER`.
fn attribute<'a>(bytes: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let start = [name, b"=\""].concat();
    let at = memchr::memmem::find_iter(bytes, &start)
        .find(|at| at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(u8::is_ascii_whitespace))?;
    let rest = bytes.get(at.checked_add(start.len())?..)?;
    rest.get(..memchr::memchr(b'"', rest)?)
}

/// Adds a text with the entities of XML resolved; what is none stays.
fn resolve(text: &[u8], out: &mut Vec<u8>) {
    const ENTITIES: [(&[u8], u8); 9] = [
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&amp;", b'&'),
        (b"&quot;", b'"'),
        (b"&apos;", b'\''),
        (b"&#9;", b'\t'),
        (b"&#10;", b'\n'),
        (b"&#13;", b'\r'),
        (b"&#39;", b'\''),
    ];
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest) {
        let (before, behind) = rest.split_at_checked(at).unwrap_or_default();
        out.extend_from_slice(before);
        let entity = ENTITIES.iter().find_map(|(entity, sign)| Some((behind.strip_prefix(*entity)?, *sign)));
        let (after, sign) = entity.unwrap_or((behind.get(1..).unwrap_or_default(), b'&'));
        out.push(sign);
        rest = after;
    }
    out.extend_from_slice(rest);
}
