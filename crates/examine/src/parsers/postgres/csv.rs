//! Logs of comma-separated values.

use super::entry::{Entry, Teller};
use super::time;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::record::Record;
use crate::scan::{Scan, number};
use crate::text::each_line;
use kanshiki_model::Span;
use std::io;

/// Values of a record from version 9.0 on; later versions add some behind them.
const VALUES: usize = 23;

/// The parser of logs of comma-separated values.
#[derive(Debug)]
pub(crate) struct PostgresCsv;

impl Parser for PostgresCsv {
    fn id(&self) -> &'static str {
        "postgres-csv"
    }

    fn edition(&self) -> u32 {
        3
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        // A record may be longer than the head, and the rest of one may stand first.
        candidate.head.split(|byte| *byte == b'\n').filter(|line| begins(line)).take(20).count() > 0
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut teller = Teller::new(context);
        let mut record = Record::default();
        let mut texts: Vec<Vec<u8>> = vec![Vec::new(); VALUES];
        let mut is_open = false;
        let read = each_line(input, output, &mut |line, span, output| {
            let quotes = memchr::memchr_iter(b'"', line).count();
            if !is_open {
                tell(&record, &mut texts, &mut teller, output);
                record.begin(line, span);
                is_open = quotes.rem_euclid(2) == 1;
                return;
            }
            // A new record within quotes: those before it were cut off.
            if begins(line) && quotes.rem_euclid(2) == 0 && values(line, &mut texts) {
                tell(&record, &mut texts, &mut teller, output);
                record.begin(line, span);
                is_open = false;
                return;
            }
            record.add(line, span);
            is_open = quotes.rem_euclid(2) == 0;
        });
        tell(&record, &mut texts, &mut teller, output);
        teller.finish(output);
        read
    }
}

/// Whether a line begins a record: a time, user and database in quotes or nothing, a process.
fn begins(line: &[u8]) -> bool {
    let mut scan = Scan(line);
    let mut is_record = || {
        time(&mut scan)?;
        scan.byte(b',')?;
        for _ in 0..2 {
            // A quote within a name is doubled: `"no""bo,dy"`.
            while scan.byte(b'"').is_some() {
                scan.until(b'"')?;
            }
            scan.byte(b',')?;
        }
        number(scan.until(b',')?)
    };
    is_record().is_some()
}

/// The values of a record, quotes taken off and those doubled within resolved; false if there are too few.
fn values(record: &[u8], texts: &mut [Vec<u8>]) -> bool {
    let mut rest = record;
    let mut used = 0_usize;
    for text in texts.iter_mut() {
        text.clear();
        used = used.saturating_add(1);
        if let Some(mut inside) = rest.strip_prefix(b"\"") {
            loop {
                let Some(quote) = memchr::memchr(b'"', inside) else { return false };
                text.extend_from_slice(inside.get(..quote).unwrap_or_default());
                inside = inside.get(quote.saturating_add(1)..).unwrap_or_default();
                match inside.strip_prefix(b"\"") {
                    Some(behind) => {
                        text.push(b'"');
                        inside = behind;
                    }
                    None => break,
                }
            }
            rest = inside;
        } else {
            let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
            text.extend_from_slice(rest.get(..end).unwrap_or_default());
            rest = rest.get(end..).unwrap_or_default();
        }
        match rest.strip_prefix(b",") {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    used == texts.len()
}

fn tell(record: &Record, texts: &mut [Vec<u8>], teller: &mut Teller<'_>, output: &mut Output<'_>) {
    let Some((bytes, span)) = record.get() else { return };
    let is_record = begins(bytes) && values(bytes, texts);
    match texts {
        [
            at,
            user,
            database,
            process,
            client,
            ..,
            level,
            sqlstate,
            message,
            detail,
            hint,
            _,
            _,
            context,
            query,
            _,
            _,
            application,
        ] if is_record => {
            let (host, port) = host(client);
            let entry = Entry {
                shown: time(&mut Scan(at)),
                epoch: None,
                user,
                database,
                application,
                host,
                port,
                process: number(process),
                sqlstate,
                level,
                message,
                detail,
                hint,
                context,
                statement: query,
            };
            teller.tell(&entry, span, output);
        }
        _ => other(bytes, span, output),
    }
}

fn other(bytes: &[u8], span: Span, output: &mut Output<'_>) {
    output.other("database.other", span, bytes, "no record of a log of PostgreSQL");
}

/// `192.0.2.7:5432`, `2001:db8::1:5432`, `[local]`.
fn host(client: &[u8]) -> (&[u8], Option<i64>) {
    let Some(colon) = memchr::memrchr(b':', client) else { return (client, None) };
    let (host, port) = client.split_at_checked(colon).unwrap_or_default();
    (host, number(port.get(1..).unwrap_or_default()))
}
