use super::*;
use crate::testing::{Parsed, assert_has, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

const FIRST: &[u8] = include_bytes!("../../../../../testdata/binlog/mariadb-10.11.000001");
const SECOND: &[u8] = include_bytes!("../../../../../testdata/binlog/mariadb-10.11.000002");

fn read(bytes: &[u8]) -> Parsed {
    parse(&Binlog, "/var/lib/mysql/host-bin.000001", "2024-03-01T00:00:00Z", bytes)
}

fn check(events: &[&Value], expected: &[Value]) {
    assert_eq!(events.len(), expected.len(), "{events:#?}");
    events.iter().zip(expected).for_each(|(event, expected)| assert_has(event, expected));
}

#[test]
fn events_are_those_of_mariadb_binlog() {
    let parsed = read(FIRST);
    assert_eq!((parsed.row.records, parsed.row.others, parsed.issues.len(), parsed.error), (34, 0, 0, None));
    let commands: Vec<&str> = parsed.events.iter().map(|event| event["command"].as_str().unwrap()).collect();
    // As `mariadb-binlog` names them, but for `GTID`, `Start` and rows.
    let expected = "Format_desc Gtid_list Binlog_checkpoint Gtid Query Gtid Query \
        Gtid Annotate_rows Table_map insert Xid Gtid Annotate_rows Table_map update Xid \
        Gtid Annotate_rows Table_map delete Xid Gtid Query Gtid Query Gtid Query_compressed \
        Gtid Annotate_rows Table_map insert Xid Rotate";
    let expected: Vec<&str> = expected.split(' ').filter(|name| !name.is_empty()).collect();
    assert_eq!(commands, expected);
}

#[test]
fn changes_tell_table_and_rows_and_queries_their_statements() {
    let parsed = read(FIRST);
    let of = |kind: &str| -> Vec<&Value> { parsed.events.iter().filter(|event| event["kind"] == kind).collect() };
    check(
        &of("database.change"),
        &[
            json!({"database": "shop", "table": "t", "rows": 2, "command": "insert", "message": "insert 2 rows into shop.t",
                "time": "2026-11-28T11:17:31Z", "basis": "stated", "offset": 801, "length": 60, "server": 7}),
            json!({"rows": 1, "command": "update", "table": "t"}),
            json!({"rows": 1, "command": "delete", "message": "delete 1 rows from shop.t"}),
            json!({"rows": 1, "command": "insert", "table": "u"}),
        ],
    );
    let queries = of("database.query");
    check(
        &queries,
        &[
            json!({"message": "create database shop", "connection": 4, "database": "shop", "time": "2026-11-28T11:17:31Z"}),
            json!({"message": "create table t(id int primary key, v varchar(50), d datetime)", "offset": 498}),
            json!({"message": "insert into t values(1,'a',now()),(2,'b\\\\n''c',now())", "command": "Annotate_rows"}),
            json!({"message": "update t set v='x' where id=1"}),
            json!({"message": "delete from t where id=2"}),
            json!({"message": "create user anna@localhost identified by 'p'"}),
            json!({"message": "grant all on shop.* to anna@localhost"}),
            json!({"message": "create table u(id int, v text)", "command": "Query_compressed", "database": "shop"}),
            json!({"message": "insert into u values(1, repeat('a',1000))"}),
        ],
    );
    assert_eq!(of("database.log-rotated")[0]["message"], "host-bin.000002");
    assert_eq!(of("database.transaction")[0]["gtid"], "0-7-1");
}

#[test]
fn damage_is_told_with_its_place_and_the_events_behind_it_are_read() {
    // Within the statement at 369.
    let mut changed = FIRST.to_vec();
    changed[445] ^= 1;
    let parsed = read(&changed);
    assert_eq!(parsed.row.records, read(FIRST).row.records);
    assert_eq!(
        parsed.issues[0].to_string(),
        "/var/lib/mysql/host-bin.000001, bytes 369-456: the checksum of the event is wrong"
    );

    // The head at 369: its event is lost, the next one begins at 456.
    let mut changed = FIRST.to_vec();
    changed[369..388].fill(0);
    let parsed = read(&changed);
    assert_eq!(parsed.row.records, read(FIRST).row.records - 1);
    let told =
        "/var/lib/mysql/host-bin.000001, bytes 369-456: these bytes are no event of the log; it goes on behind them";
    assert_eq!(parsed.issues[0].to_string(), told);

    // A size that leads into the midst of another event.
    let mut changed = FIRST.to_vec();
    changed[369 + 9] += 40;
    let parsed = read(&changed);
    assert_eq!(parsed.row.records, read(FIRST).row.records - 1);
    assert_eq!(parsed.issues[0].to_string(), told);

    let parsed = read(&FIRST[..440]);
    assert_eq!(
        parsed.issues[0].to_string(),
        "/var/lib/mysql/host-bin.000001, bytes 369-456: the log ends within an event"
    );
}

/// An event without a checksum.
fn event(kind: u8, at: usize, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(19 + body.len()).unwrap();
    let end = u32::try_from(at).unwrap() + size;
    let head = [
        &1_709_251_198_u32.to_le_bytes()[..],
        &[kind],
        &1_u32.to_le_bytes(),
        &size.to_le_bytes(),
        &end.to_le_bytes(),
        &[0, 0],
    ];
    [head.concat(), body.to_vec()].concat()
}

/// A log of MySQL 8 of these events, without checksums.
fn mysql(events: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut log = b"\xfebin".to_vec();
    let mut heads = vec![0_u8; 42];
    for (kind, length) in [(2, 13), (19, 8), (30, 10), (31, 10), (32, 10), (40, 0)] {
        heads[kind - 1] = length;
    }
    let mut version = b"8.0.30".to_vec();
    version.resize(50, 0);
    let format = [&[4, 0][..], &version, &[0; 4], &[19], &heads, &[0; 5]].concat();
    for (kind, body) in [(15, format)].iter().chain(events) {
        log.extend(event(*kind, log.len(), body));
    }
    log
}

/// A table `d.t` of an int, a varchar(300), a char(4), an enum, a decimal(10,2), a bit(9), a timestamp(3) and a blob.
const TABLE: &[u8] = b"\x05\0\0\0\0\0\x01\0\x01d\0\x01t\0\x08\x03\x0f\xfe\xfe\xf6\x10\x11\xfc\x0c\x2c\x01\xfe\x04\xf7\x01\x0a\x02\x01\x01\x03\x02\xff";

fn row() -> Vec<u8> {
    [&b"\x00\x01\0\0\0"[..], b"\x02\x00ab", b"\x01x", b"\x01", &[0x80; 5], &[1, 1], &[0; 6], b"\x03\x00xyz"].concat()
}

#[test]
fn rows_are_counted_by_the_columns_of_their_table() {
    let insert = [&b"\x05\0\0\0\0\0\x01\0\x02\0\x08\xff"[..], &row(), &row(), b"\xff"].concat();
    let update =
        [&b"\x05\0\0\0\0\0\x01\0\x02\0\x08\xff\x01"[..], &row(), b"\x00\x05\0\0\0", &row(), b"\x00\x05\0\0\0"].concat();
    let log = mysql(&[(19, TABLE.to_vec()), (30, insert.clone()), (31, update), (32, insert[..40].to_vec())]);
    let parsed = read(&log);
    let changes: Vec<&Value> = parsed.events.iter().filter(|event| event["kind"] == "database.change").collect();
    check(
        &changes,
        &[
            json!({"rows": 3, "table": "t", "database": "d", "time": "2024-02-29T23:59:58Z"}),
            json!({"rows": 2, "command": "update"}),
            json!({"rows": null, "command": "delete", "message": "delete rows from d.t"}),
        ],
    );
}

#[test]
fn a_transaction_that_mysql_compressed_is_read() {
    let query = b"\x07\0\0\0\0\0\0\0\x01\0\0\x0d\0\x0b\x04anna\x05there\xc8d\0drop table t";
    let inner = event(2, 0, query);
    let length = u8::try_from(inner.len()).unwrap();
    // A frame of Zstandard of one block that is not compressed (RFC 8878).
    let block = (u32::from(length) << 3 | 1).to_le_bytes();
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, length][..], &block[..3], &inner].concat();
    let fields = [1, 1, u8::try_from(frame.len()).unwrap(), 2, 1, 0, 3, 1, length, 0];
    let gtid = [&[1][..], &[0xab; 16], &42_u64.to_le_bytes(), &[0; 17]].concat();
    let log = mysql(&[(33, gtid), (40, [&fields[..], &frame].concat())]);
    let parsed = read(&log);
    check(
        &parsed.events.iter().skip(1).collect::<Vec<_>>(),
        &[
            json!({"kind": "database.transaction", "gtid": "abababab-abab-abab-abab-abababababab:42"}),
            json!({"kind": "database.binlog", "command": "Transaction_payload"}),
            json!({"kind": "database.query", "message": "drop table t", "user": "anna", "address": "there", "database": "d",
                "connection": 7}),
        ],
    );
    assert_eq!(parsed.issues, []);
}

#[test]
fn a_relay_log_tells_the_ends_of_another_log() {
    let mut log = mysql(&[]);
    for number in 0..3_usize {
        let mut relayed = event(2, 1_000_000 + number, b"\x07\0\0\0\0\0\0\0\x01\0\0\0\0d\0drop table t");
        relayed[5] = 9;
        log.extend(relayed);
    }
    let parsed = read(&log);
    assert_eq!((parsed.row.records, parsed.issues), (4, vec![]));
}

#[test]
fn what_is_encrypted_is_told() {
    let parsed = read(b"\xfdbin\x01\x02\x03");
    assert_eq!(parsed.issues.len(), 1);
    assert!(Binlog.claims(&Candidate { path: b"/x", head: b"\xfdbin", host: &crate::host::Host::unknown() }));
    let log = mysql(&[(164, vec![1; 17]), (2, vec![0; 40])]);
    let parsed = read(&log);
    assert!(parsed.issues[0].to_string().contains("from here on the log is encrypted"), "{:?}", parsed.issues);
    assert_eq!(parsed.events.last().unwrap()["command"], "Start_encryption");
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..=255) {
        let _ = read(&[b"\xfebin", &bytes[..]].concat());
        let _ = read(&mysql(&[(19, TABLE.to_vec()), (kind, bytes.clone()), (19, bytes.clone()), (30, bytes)]));
    }

    #[test]
    fn damage_anywhere_never_panics(changes in prop::collection::vec((0_usize..2102, any::<u8>()), 1..8), cut in 0_usize..2102) {
        for whole in [FIRST, SECOND] {
            let mut changed = whole.to_vec();
            for (at, byte) in &changes {
                if let Some(old) = changed.get_mut(*at) {
                    *old = *byte;
                }
            }
            let _ = read(&changed);
            let _ = read(changed.get(cut..).unwrap_or_default());
        }
    }
}
