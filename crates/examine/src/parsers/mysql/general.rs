//! The general log.

use super::{denied, digits, event, is_start, is_version, short_time};
use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::record::Record;
use crate::scan::{Scan, between};
use crate::text::{each_line_as_it_is, is_half};
use crate::zone::Civil;
use kanshiki_model::{Span, TimeBasis, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::io;

/// Connections whose accounts are remembered.
const CONNECTIONS: usize = 4096;

/// Bytes of a name that are remembered.
const NAME_BYTES: usize = 256;

/// The commands of the protocol, as the log names them (`command_name`, sql_parse.cc).
const COMMANDS: [&[u8]; 38] = [
    b"Query",
    b"Execute",
    b"Prepare",
    b"Connect",
    b"Quit",
    b"Init DB",
    b"Close stmt",
    b"Reset stmt",
    b"Field List",
    b"Statistics",
    b"Ping",
    b"Sleep",
    b"Create DB",
    b"Drop DB",
    b"Refresh",
    b"Shutdown",
    b"Processlist",
    b"Kill",
    b"Debug",
    b"Time",
    b"Delayed insert",
    b"Change user",
    b"Binlog Dump",
    b"Binlog Dump GTID",
    b"Table Dump",
    b"Connect Out",
    b"Register Slave",
    b"Register Replica",
    b"Long Data",
    b"Set option",
    b"Fetch",
    b"Daemon",
    b"Error",
    b"Reset Connection",
    b"Reset connection",
    b"clone",
    b"Bulk_execute",
    b"Unimpl get tid",
];

/// The parser of general logs.
#[derive(Debug)]
pub(crate) struct MysqlGeneral;

impl Parser for MysqlGeneral {
    fn id(&self) -> &'static str {
        "mysql-general"
    }

    fn edition(&self) -> u32 {
        2
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        // A statement may be longer than the head: its first record decides, behind the lines of a start.
        let mut lines =
            candidate.head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = lines.find(|line| !is_start(line) && !line.is_empty());
        let is_record = |line: &[u8]| Line::parse(line).is_some();
        // Rotated in the midst of a statement, the log begins with its further lines.
        let is_new = first.is_none() && candidate.head.split(|byte| *byte == b'\n').any(is_start);
        is_new || first.is_some_and(is_record) || is_half(candidate.head, &mut |line| is_record(line))
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut log =
            Log { clock: Clock::new(context), time: (None, TimeBasis::Neighbour), connections: Connections::default() };
        let mut record = Record::default();
        let read = each_line_as_it_is(input, output, &mut |bytes, span, output| {
            if Line::parse(bytes).is_none() && !is_version(bytes) {
                if !record.add(bytes, span) {
                    output.other("database.other", span, bytes, "no record of a general log");
                }
                return;
            }
            log.record(&record, output);
            record.begin(bytes, span);
        });
        log.record(&record, output);
        log.connections.settle_all(output);
        log.clock.finish(output);
        read
    }
}

/// The first line of a record.
struct Line<'a> {
    /// `None` if it is that of the record before.
    time: Option<(Civil, Option<i64>)>,
    connection: i64,
    command: &'a [u8],
    /// What follows the command, on this line.
    argument: &'a [u8],
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        let time = if line.starts_with(b"\t\t") {
            None
        } else {
            let mut iso = scan;
            match iso.iso() {
                Some(found) => {
                    scan = iso;
                    Some(found)
                }
                None => Some((short_time(&mut scan)?, None)),
            }
        };
        // A tab or two, or blanks in very old versions and in copies; then the number, padded to five places.
        matches!(scan.0.first()?, b'\t' | b' ').then_some(())?;
        scan.0 = scan.0.trim_ascii_start();
        let connection = digits(&mut scan)?;
        scan.byte(b' ')?;
        let command = COMMANDS.iter().find(|command| {
            let behind = scan.0.strip_prefix(**command).map(|rest| rest.first());
            matches!(behind, Some(None | Some(b'\t')))
                || scan.0.strip_prefix(**command).is_some_and(|rest| rest.starts_with(b"  "))
        })?;
        let rest = scan.0.get(command.len()..)?;
        let argument = rest.strip_prefix(b"\t").unwrap_or_else(|| rest.trim_ascii_start());
        Some(Self { time, connection, command, argument })
    }
}

struct Log<'a> {
    clock: Clock<'a>,
    time: (Option<Timestamp>, TimeBasis),
    connections: Connections,
}

impl Log<'_> {
    /// Takes a record that is whole.
    fn record(&mut self, record: &Record, output: &mut Output<'_>) {
        let Some((bytes, span)) = record.get() else { return };
        let first = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
        let Some(line) = Line::parse(bytes.get(..first).unwrap_or_default()) else {
            let details = Details::new("database.log-started");
            return output.event(&event(&details, (self.time.0, TimeBasis::Neighbour), span, bytes));
        };
        if let Some((civil, ahead)) = line.time {
            self.time = self.clock.at(civil, ahead);
        }
        // What follows the command, all lines of it.
        let argument = bytes.get(first.saturating_sub(line.argument.len())..).unwrap_or_default();
        match line.command {
            b"Connect" | b"Change user" => return self.connect(&line, argument, span, output),
            _ => self.connections.settle(line.connection, output),
        }
        if line.command == b"Init DB" {
            self.connections.database(line.connection, argument);
        }
        let mut details = Details::new(match line.command {
            b"Query" | b"Execute" | b"Prepare" => "database.query",
            b"Quit" => "database.logout",
            _ => "database.command",
        });
        details.text("command", line.command);
        details.number("connection", Some(line.connection));
        if let Some(account) = self.connections.known.get(&line.connection) {
            (details.user, details.address) = (&account.user, &account.address);
            details.text("database", &account.database);
        }
        output.event(&event(&details, self.time, span, argument));
        if line.command == b"Quit" {
            self.connections.known.remove(&line.connection);
        }
    }

    /// A connection that was made, or not.
    fn connect(&mut self, line: &Line<'_>, argument: &[u8], span: Span, output: &mut Output<'_>) {
        if let Some((user, address)) = denied(argument) {
            // The account that was tried stands in a record of its own before it, in MariaDB.
            self.connections.settle_as(line.connection, Some("database.login-attempt"), output);
            let mut details = Details::new("database.login-failed");
            (details.user, details.address) = (user, address);
            details.text("command", line.command);
            details.number("connection", Some(line.connection));
            return output.event(&event(&details, self.time, span, argument));
        }
        self.connections.settle(line.connection, output);
        let account = Account::of(argument);
        let is_change = line.command == b"Change user";
        let message = cut(argument, 4096);
        let waiting = Waiting { connection: line.connection, time: self.time, span, message, is_change };
        self.connections.add(account, waiting, output);
    }
}

/// Whose a connection is.
#[derive(Debug, Default)]
struct Account {
    user: Vec<u8>,
    address: Vec<u8>,
    database: Vec<u8>,
}

impl Account {
    /// Of `anna@localhost on shop using Socket`, `anna@192.0.2.7 on `; an account may hold ` on ` and `@`.
    fn of(argument: &[u8]) -> Self {
        let (account, rest) = between(argument, b"", b" on ").unwrap_or((argument, b""));
        let at = memchr::memrchr(b'@', account).unwrap_or(account.len());
        let (user, address) = account.split_at_checked(at).unwrap_or_default();
        // `anna@192.0.2.7 as anonymous`: an account that stands for another.
        let address = between(address, b"", b" as ").map_or(address, |(address, _)| address);
        let database = memchr::memmem::rfind(rest, b" using ").and_then(|at| rest.get(..at)).unwrap_or(rest);
        Self {
            user: cut(user, NAME_BYTES),
            address: cut(address.get(1..).unwrap_or_default(), NAME_BYTES),
            database: cut(database.trim_ascii(), NAME_BYTES),
        }
    }
}

fn cut(text: &[u8], most: usize) -> Vec<u8> {
    text.get(..most).unwrap_or(text).to_vec()
}

/// A connection of which it is not known yet whether it was let in.
#[derive(Debug)]
struct Waiting {
    connection: i64,
    time: (Option<Timestamp>, TimeBasis),
    span: Span,
    message: Vec<u8>,
    /// Whether it was there before, and goes on as another account.
    is_change: bool,
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Connections {
    known: HashMap<i64, Account>,
    /// In the order in which they were made, those that ended too.
    order: VecDeque<i64>,
    waiting: HashMap<i64, Waiting>,
}

impl Connections {
    fn add(&mut self, account: Account, waiting: Waiting, output: &mut Output<'_>) {
        let connection = waiting.connection;
        while self.known.len() >= CONNECTIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.settle(oldest, output);
            self.known.remove(&oldest);
        }
        if self.known.insert(connection, account).is_none() {
            self.order.push_back(connection);
        }
        // Those that ended are forgotten now and then.
        if self.order.len() >= CONNECTIONS.saturating_mul(2) {
            let known = &self.known;
            self.order.retain(|connection| known.contains_key(connection));
        }
        self.waiting.insert(connection, waiting);
    }

    fn database(&mut self, connection: i64, name: &[u8]) {
        if let Some(account) = self.known.get_mut(&connection) {
            account.database = cut(name, NAME_BYTES);
        }
    }

    /// Tells the connection, now that its next record says that it was let in.
    fn settle(&mut self, connection: i64, output: &mut Output<'_>) {
        self.settle_as(connection, None, output);
    }

    /// The same with another kind.
    fn settle_as(&mut self, connection: i64, kind: Option<&'static str>, output: &mut Output<'_>) {
        if self.waiting.is_empty() {
            return;
        }
        if let Some(waiting) = self.waiting.remove(&connection) {
            self.tell(&waiting, kind, output);
        }
    }

    /// Tells those that are left at the end.
    fn settle_all(&mut self, output: &mut Output<'_>) {
        let mut rest: Vec<Waiting> = std::mem::take(&mut self.waiting).into_values().collect();
        rest.sort_by_key(|waiting| waiting.span.line);
        for waiting in &rest {
            self.tell(waiting, None, output);
        }
    }

    fn tell(&self, waiting: &Waiting, kind: Option<&'static str>, output: &mut Output<'_>) {
        let (let_in, command): (_, &[u8]) = match waiting.is_change {
            true => ("database.user-changed", b"Change user"),
            false => ("database.login", b"Connect"),
        };
        let mut details = Details::new(kind.unwrap_or(let_in));
        details.text("command", command);
        details.number("connection", Some(waiting.connection));
        if let Some(account) = self.known.get(&waiting.connection) {
            (details.user, details.address) = (&account.user, &account.address);
            details.text("database", &account.database);
        }
        output.event(&event(&details, waiting.time, waiting.span, &waiting.message));
    }
}
