//! Databases that are hostile, and those that SQLite left with files beside them.

use super::*;
use kanshiki_image::Memory;
use kanshiki_testkit::{tempdir, write_file};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// The bytes of a database that these statements make.
fn made(statements: &str) -> Vec<u8> {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(statements).unwrap();
    connection.serialize(MAIN_DB).unwrap().to_vec()
}

fn count(bytes: &[u8]) -> Result<i64, String> {
    let database = open(&mut &*bytes, None).map_err(|error| error.to_string())?;
    let count = database.connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
    count.map_err(|error| error.to_string())
}

#[test]
fn a_database_is_read_with_a_write_ahead_log_too_and_a_view_is_no_table() {
    let mut bytes = made("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)");
    assert_eq!(count(&bytes), Ok(2));
    bytes[18..20].fill(2);
    assert_eq!(count(&bytes), Ok(2));
    assert_eq!(open(&mut &*bytes, None).unwrap().notes.len(), 1);
    let view = made("CREATE TABLE s (a); CREATE VIEW t AS SELECT * FROM s");
    assert_eq!(count(&view), Err("access to view \"t\" prohibited".to_owned()));
}

#[test]
fn a_question_without_end_ends_and_nothing_is_written() {
    let database = open(&mut &*made("CREATE TABLE t (a)"), None).unwrap();
    let written = database.connection.execute("INSERT INTO t VALUES (1)", []);
    assert_eq!(written.unwrap_err().to_string(), "attempt to write a readonly database");
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let endless = database.connection.query_row(endless, [], |row| row.get::<_, i64>(0));
    assert_eq!(endless.unwrap_err().to_string(), "interrupted");
}

proptest! {
    #[test]
    fn any_bytes_never_panic(changes in prop::collection::vec((0_usize..8192, any::<u8>()), 0..40), cut in 0_usize..8193) {
        let mut bytes = made("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)");
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        bytes.truncate(cut);
        let _ = count(&bytes);
    }
}

/// A database with the files beside it.
#[derive(Debug, Clone, Default)]
struct Left {
    database: Vec<u8>,
    beside: HashMap<&'static str, Vec<u8>>,
}

impl Siblings for Left {
    fn open(&self, ending: &str) -> Option<Result<Source, String>> {
        let bytes = self.beside.get(ending)?;
        Some(Ok(Arc::new(Memory(bytes.clone()))))
    }
}

impl Left {
    /// What lies on the disk while the statements are done, and no more.
    fn by(statements: &str) -> Self {
        let place = tempdir();
        let path = place.path().join("t.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(statements).unwrap();
        let read = |ending: &str| std::fs::read(place.path().join(format!("t.db{ending}"))).ok();
        let beside = ["-wal", "-journal"].iter().filter_map(|ending| Some((*ending, read(ending)?))).collect();
        Self { database: read("").unwrap(), beside }
    }

    /// What we count, and what we note.
    fn ours(&self) -> (Result<(i64, i64), String>, Vec<String>) {
        match open(&mut &*self.database, Some(self)) {
            Ok(database) => (asked(&database.connection), database.notes),
            Err(error) => (Err(error.to_string()), Vec::new()),
        }
    }

    /// What SQLite counts that finds the same files.
    fn by_sqlite(&self) -> Result<(i64, i64), String> {
        let place = tempdir();
        let path = place.path().join("t.db");
        write_file(&path, &self.database);
        for (ending, bytes) in &self.beside {
            write_file(&place.path().join(format!("t.db{ending}")), bytes);
        }
        let connection = Connection::open(&path).map_err(|error| error.to_string())?;
        // Ours checks the cells too.
        let _ = connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA synchronous = OFF");
        asked(&connection)
    }

    fn with(&self, ending: &'static str, change: impl Fn(&mut Vec<u8>)) -> Self {
        let mut left = self.clone();
        change(left.beside.get_mut(ending).unwrap());
        left
    }
}

fn asked(connection: &Connection) -> Result<(i64, i64), String> {
    let row = connection.query_row("SELECT count(*), total(length(a)) FROM t", [], |row| {
        Ok((row.get(0)?, row.get::<_, f64>(1)? as i64))
    });
    row.map_err(|error| error.to_string())
}

const FILLED: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200)
    INSERT INTO t SELECT printf('%.*c', i, 'x') FROM n;";

/// Two commits in the log, of which the second takes pages away, and then frames of a transaction that did not end.
fn with_log(page_bytes: usize) -> Left {
    let sql = format!(
        "PRAGMA page_size = {page_bytes}; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA auto_vacuum = FULL;
        CREATE TABLE t (a); {FILLED} PRAGMA wal_checkpoint; {FILLED}{FILLED} DELETE FROM t WHERE rowid % 3 = 0;
        PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN; {FILLED}{FILLED}"
    );
    Left::by(&sql)
}

#[test]
fn what_a_write_ahead_log_committed_is_read_as_sqlite_reads_it() {
    for page_bytes in [512, 4096, 65_536] {
        let left = with_log(page_bytes);
        let (ours, notes) = left.ours();
        assert_eq!(ours, left.by_sqlite(), "{page_bytes}");
        assert_eq!(ours.clone().map(|(rows, _)| rows), Ok(400));
        let started = "the database has a file -wal beside it: its ";
        assert!(notes.len() == 1 && notes[0].starts_with(started), "{notes:?}");
        assert!(page_bytes > 512 || notes[0].contains("of no commit"), "{notes:?}");
        // Without the log it holds less.
        assert!(Left { beside: HashMap::new(), ..left }.ours().0 != ours);
    }
}

#[test]
fn checksums_of_a_write_ahead_log_have_either_order() {
    let left = with_log(512);
    let turned = left.with("-wal", |log| {
        log[..4].copy_from_slice(&0x377f_0683_u32.to_be_bytes());
        let mut sum = wal_sum([0, 0], &log[..24]);
        put(&mut log[24..32], sum);
        let ends = (32..log.len()).step_by(24 + 512);
        for at in ends.take_while(|at| at + 24 + 512 <= left.beside["-wal"].len()) {
            sum = wal_sum(sum, &log[at..at + 8]);
            sum = wal_sum(sum, &log[at + 24..at + 24 + 512]);
            put(&mut log[at + 16..at + 24], sum);
        }
    });
    assert_eq!(turned.ours().0, left.ours().0);
    assert_eq!(turned.by_sqlite(), left.by_sqlite());
}

fn wal_sum([mut first, mut second]: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    for pair in bytes.chunks(8) {
        first = first.wrapping_add(u32::from_be_bytes(pair[..4].try_into().unwrap())).wrapping_add(second);
        second = second.wrapping_add(u32::from_be_bytes(pair[4..].try_into().unwrap())).wrapping_add(first);
    }
    [first, second]
}

fn put(place: &mut [u8], [first, second]: [u32; 2]) {
    place[..4].copy_from_slice(&first.to_be_bytes());
    place[4..].copy_from_slice(&second.to_be_bytes());
}

#[test]
fn a_damaged_log_is_read_up_to_the_damage_and_told() {
    let left = with_log(512);
    let header = left.with("-wal", |log| log[25] ^= 1);
    let (ours, notes) = header.ours();
    assert_eq!(ours, header.by_sqlite());
    assert!(notes[0].ends_with("the checksum of its header, at byte 24, is wrong"), "{notes:?}");
    let frame = left.with("-wal", |log| log[32 + 24 + 5] ^= 1);
    let (ours, notes) = frame.ours();
    assert_eq!(ours, frame.by_sqlite());
    assert!(notes[0].contains("nothing in it is committed, and nothing is taken from it"), "{notes:?}");
    assert_eq!(left.with("-wal", Vec::clear).ours().1, [""; 0]);
}

/// A transaction that did not end, whose changes are in the database already.
fn with_journal() -> Left {
    let sql = format!(
        "PRAGMA page_size = 512; CREATE TABLE t (a); {FILLED} PRAGMA cache_size = 1; PRAGMA cache_spill = 1;
        BEGIN; DELETE FROM t WHERE rowid % 2 = 0; {FILLED} UPDATE t SET a = a || 'y';"
    );
    Left::by(&sql)
}

#[test]
fn an_open_transaction_is_taken_back_by_its_journal_as_sqlite_does() {
    let left = with_journal();
    let (ours, notes) = left.ours();
    assert_eq!(ours, Ok((200, 20_100)));
    assert_eq!(ours, left.by_sqlite());
    assert!(notes[0].contains("a transaction was open: its changes are taken back by"), "{notes:?}");
    assert!(Left { beside: HashMap::new(), ..left.clone() }.ours().0 != ours);
    // A header that was cleared, or a file that was cut off, ends a transaction.
    assert_eq!(left.with("-journal", |journal| journal[..28].fill(0)).ours().1, [""; 0]);
    assert_eq!(left.with("-journal", Vec::clear).ours().1, [""; 0]);
    // One that ends in the middle of a header, and one that names a journal of several databases.
    let in_header = left.with("-journal", |journal| {
        let header = (512..).step_by(512).find(|at| journal[*at..].starts_with(&journal[..8])).unwrap();
        journal.truncate(header + 8);
    });
    assert_eq!(in_header.ours().0, in_header.by_sqlite());
    let several = left.with("-journal", |journal| {
        let magic = journal[..8].to_vec();
        journal.extend([b"/x".as_slice(), &2_u32.to_be_bytes(), &(0x2f_u32 + 0x78).to_be_bytes(), &magic].concat());
    });
    assert!(several.ours().1[0].contains("a transaction over several databases"), "{:?}", several.ours().1);
    let nothing = left.with("-journal", |journal| journal[0] = 1);
    assert!(nothing.ours().1[0].contains("it is not read"), "{:?}", nothing.ours().1);
}

static LOG: LazyLock<Left> = LazyLock::new(|| with_log(512));
static JOURNAL: LazyLock<Left> = LazyLock::new(with_journal);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn damaged_files_beside_are_taken_as_sqlite_takes_them(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(), is_cut: bool) {
        for (left, ending) in [(&*LOG, "-wal"), (&*JOURNAL, "-journal")] {
            let changed = left.with(ending, |bytes| {
                let at = at.index(bytes.len());
                bytes[at] = byte;
                if is_cut {
                    bytes.truncate(cut.index(bytes.len()));
                }
            });
            let (ours, theirs) = (changed.ours().0, changed.by_sqlite());
            // Damage in a database is told in other words.
            if ours.is_ok() || theirs.is_ok() {
                prop_assert_eq!(ours, theirs, "{} at {} of {}, cut {:?}", ending, at.index(left.beside[ending].len()), left.beside[ending].len(), is_cut.then(|| cut.index(left.beside[ending].len())));
            }
        }
    }

    #[test]
    fn any_files_beside_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000), place in 0_usize..64) {
        for (left, ending) in [(&*LOG, "-wal"), (&*JOURNAL, "-journal")] {
            let _ = left.with(ending, |there| {
                let end = (place + bytes.len()).min(there.len());
                there[place..end].copy_from_slice(&bytes[..end - place]);
            }).ours();
        }
    }
}
