//! The NSRL's Reference Data Set, version 3: a database of SQLite.
//!
//! | set | table | columns of worth |
//! | --- | --- | --- |
//! | minimal | `FILE` | `sha256`, `sha1`, `md5`, `file_name`, `file_size`, `package_id` |
//! | full | `METADATA`; `FILE` is a view of it and of three more | `sha256`, `sha1`, `md5`, and more |
//!
//! Digests are texts of capital digits.
//!
//! Source: the schemas that come with RDSv3 (`RDS_…_schema.sql`); NIST, RDSv3 Publication.

use crate::text::parse;
use crate::{Entry, Found, ListError, Take};
use kanshiki_model::Algorithm;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The longest text of a row.
const VALUE_BYTES: i32 = 1 << 20;

/// Hands on every row that has digests.
pub(crate) fn each(path: &Path, take: Take<'_>) -> Result<(), ListError> {
    // A row takes some bytes; trees that lead into themselves have more rows than that.
    let most = std::fs::metadata(path).map_err(ListError::Read)?.len();
    let db = open(path)?;
    let (question, digests, name) = question(&db)?.ok_or(ListError::NoTable)?;
    let mut statement = db.prepare(&question)?;
    let mut rows = statement.query([])?;
    let (mut number, mut found) = (0_u64, Vec::<Found>::new());
    while let Some(row) = rows.next()? {
        number = number.saturating_add(1);
        if number > most {
            return Err(ListError::Endless);
        }
        found.clear();
        for (column, algorithm) in digests.iter().enumerate() {
            let text = row.get_ref(column)?.as_bytes_or_null().ok().flatten().unwrap_or_default();
            let digest = parse(text).filter(|it| it.may_be.contains(algorithm));
            found.extend(digest.map(|it| Found { may_be: only(*algorithm), ..it }));
        }
        let text = if name { row.get_ref(digests.len())?.as_bytes_or_null().ok().flatten() } else { None };
        if take(&Entry { number, digests: &found, text: text.unwrap_or_default() }).is_break() {
            break;
        }
    }
    Ok(())
}

/// Opens a database that may be built to harm whoever opens it (<https://www.sqlite.org/security.html>), without a trace
/// beside it.
fn open(path: &Path) -> Result<Connection, ListError> {
    let log = PathBuf::from([path.as_os_str(), "-wal".as_ref()].join("".as_ref()));
    if std::fs::metadata(log).is_ok_and(|facts| facts.len() > 0) {
        return Err(ListError::WriteAheadLog);
    }
    let absolute = std::path::absolute(path).map_err(ListError::Read)?;
    let mut name = String::from("file:");
    for byte in absolute.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => name.push(char::from(*byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(name, flags)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES)?;
    db.execute_batch("PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-8192; PRAGMA temp_store=FILE")?;
    Ok(db)
}

/// What is asked, of which algorithms its first columns are, and whether a name stands behind them.
fn question(db: &Connection) -> Result<Option<(String, Vec<Algorithm>, bool)>, ListError> {
    for table in ["FILE", "METADATA"] {
        let mut columns = db.prepare(
            "SELECT lower(c.name) FROM sqlite_schema s JOIN pragma_table_info(s.name) c
            WHERE s.type = 'table' AND upper(s.name) = ?",
        )?;
        let columns: Vec<String> =
            columns.query_map([table], |row| row.get(0))?.collect::<Result<_, rusqlite::Error>>()?;
        let has = |name: &str| columns.iter().any(|column| column == name);
        let digests: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(|it| has(it.name())).collect();
        if digests.is_empty() {
            continue;
        }
        let mut names: Vec<&str> = digests.iter().map(|it| it.name()).collect();
        let name = ["file_name", "filename"].into_iter().find(|name| has(name));
        names.extend(name);
        return Ok(Some((format!("SELECT {} FROM {table}", names.join(", ")), digests, name.is_some())));
    }
    Ok(None)
}

/// The algorithm alone, as a part of the list of all.
fn only(algorithm: Algorithm) -> &'static [Algorithm] {
    const EACH: &[Algorithm; 5] = &Algorithm::ALL;
    EACH.chunks(1).find(|one| one.contains(&algorithm)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Index, KnownList, labels};
    use kanshiki_model::{Digest, Silent};
    use kanshiki_testkit::tempdir;

    /// The schema of the minimal set, in that of its tables which is read.
    const MINIMAL: &str = "CREATE TABLE FILE (sha256 VARCHAR NOT NULL, sha1 VARCHAR NOT NULL, md5 VARCHAR NOT NULL,
        file_name VARCHAR NOT NULL, file_size INTEGER NOT NULL, package_id INTEGER NOT NULL,
        CONSTRAINT PK_FILE__FILE PRIMARY KEY (sha256, sha1, md5, file_name, file_size, package_id));
        CREATE VIEW DISTINCT_HASH AS SELECT DISTINCT sha256, sha1, md5 FROM FILE;";

    fn row(table: &str, letter: char, name: &str) -> String {
        let [sha256, sha1, md5] = [64, 40, 32].map(|length| letter.to_string().repeat(length));
        format!("INSERT INTO {table} VALUES ('{sha256}', '{sha1}', '{md5}', '{name}', 1, 1);")
    }

    #[test]
    fn both_sets_are_read_by_their_strongest_digests() {
        let place = tempdir();
        for (name, schema, table) in [
            ("minimal?.db", MINIMAL.to_owned(), "FILE"),
            (
                "full.db",
                format!("{};CREATE VIEW FILE AS SELECT * FROM METADATA", MINIMAL.split("CREATE VIEW").next().unwrap())
                    .replace("TABLE FILE", "TABLE METADATA"),
                "METADATA",
            ),
        ] {
            let path = place.path().join(name);
            let db = Connection::open(&path).unwrap();
            db.execute_batch(&format!("{schema};{}{}", row(table, 'B', "b.dll"), row(table, 'A', "a.exe"))).unwrap();
            drop(db);
            let index = Index::open(&path, None, &Silent).unwrap();
            assert_eq!((index.algorithms().collect::<Vec<_>>(), index.len()), (vec![Algorithm::Sha256], 2), "{name}");
            let number = |letter: &str| {
                let digest = Digest::parse(Algorithm::Sha256, &letter.repeat(64)).unwrap();
                index.look_up(&digest).unwrap()
            };
            let told = labels(&path, [number("a").unwrap()], &Silent).unwrap();
            assert_eq!(told.values().collect::<Vec<_>>(), ["a.exe"], "{name}");
            assert_eq!(number("c"), None);
            let known = KnownList::open(&path).unwrap();
            assert_eq!(known.algorithms(&[Algorithm::Md5]), [Algorithm::Md5]);
        }
    }

    #[test]
    fn a_database_of_something_else_is_refused() {
        let place = tempdir();
        let path = place.path().join("other.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE file (name TEXT)").unwrap();
        assert!(matches!(KnownList::open(&path), Err(ListError::NoTable)));
        kanshiki_testkit::write_file(&path, [b"SQLite format 3\0".as_slice(), &[7; 5000]].concat());
        assert!(matches!(KnownList::open(&path), Err(ListError::Sqlite(_))));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(60))]
        #[test]
        fn any_bytes_never_panic(
            changes in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0_u8..=255), 1..20),
        ) {
            let place = tempdir();
            let path = place.path().join("list.db");
            let db = Connection::open(&path).unwrap();
            db.execute_batch(&format!("PRAGMA page_size=512; {MINIMAL}")).unwrap();
            db.execute_batch(&"ABCDEF".chars().map(|letter| row("FILE", letter, "x")).collect::<String>()).unwrap();
            drop(db);
            let mut bytes = std::fs::read(&path).unwrap();
            for (at, byte) in changes {
                let at = at.index(bytes.len() - 16) + 16;
                bytes[at] = byte;
            }
            kanshiki_testkit::write_file(&path, bytes);
            let _ = Index::open(&path, None, &Silent);
        }
    }
}
