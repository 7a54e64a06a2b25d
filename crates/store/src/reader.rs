//! Reading: events that meet conditions in the order of time, and what an analyst asks in SQL.

use crate::trigrams::may_hold;
use crate::{Result, StoreError, schema};
use kanshiki_model::visible_text;
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::ops::ControlFlow;
use std::path::Path;

/// The longest text or blob that a question may make, in bytes.
const VALUE_BYTES: i32 = 64 << 20;

/// The one that reads a store. It cannot write, whatever it is asked.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
}

/// Which events are wanted: those that meet all conditions.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// From this time on, in nanoseconds since 1970 in UTC. With `from` or `to`, events without a time are left out.
    pub from: Option<i64>,
    /// Before this time.
    pub to: Option<i64>,
    /// Sources, the first parts of kinds, one of which it is; all if there is none.
    pub sources: Vec<String>,
    /// Kinds, as patterns with `*` and `?`, one of which fits; all kinds if there is none.
    pub kinds: Vec<String>,
    /// The exhibit that the events come from, as a pattern with `*` and `?`.
    pub exhibit: Option<String>,
    /// The account.
    pub user: Option<String>,
    /// The address.
    pub address: Option<String>,
    /// A text that stands in any text of the event; small and capital letters of ASCII are the same.
    pub text: Option<String>,
    /// Paths of the files that the events come from, as a pattern with `*` and `?`.
    pub path: Option<String>,
}

/// An event with the file that it comes from. Texts are visible text; see [`kanshiki_model::visible`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number.
    pub id: i64,
    /// Nanoseconds since 1970 in UTC.
    pub time: Option<i64>,
    /// How the time is known.
    pub basis: String,
    /// Its kind.
    pub kind: String,
    /// The exhibit.
    pub exhibit: String,
    /// The volume.
    pub volume: String,
    /// The path; `None` for an inode without a name.
    pub path: Option<String>,
    /// The inode.
    pub inode: i64,
    /// Whether the file is in use: `allocated`, `deleted`, …
    pub state: String,
    /// What the file is.
    pub file_type: String,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub uid: i64,
    /// Its group.
    pub gid: i64,
    /// Its bytes.
    pub size: i64,
    /// Byte of the file.
    pub offset: i64,
    /// Byte after decompression.
    pub content_offset: Option<i64>,
    /// Bytes.
    pub length: i64,
    /// Line.
    pub line: Option<i64>,
    /// The machine that the record names.
    pub host: Option<String>,
    /// The program.
    pub program: Option<String>,
    /// Its process.
    pub pid: Option<i64>,
    /// The account.
    pub user: Option<String>,
    /// The address.
    pub address: Option<String>,
    /// What it says.
    pub message: Option<String>,
    /// A JSON object.
    pub fields: Option<String>,
}

const SELECT: &str = "SELECT e.id, e.time, b.name, k.name, x.name, v.name, f.path, f.inode, f.state, f.type,
    f.mode, f.uid, f.gid, f.size, e.offset, e.content_offset, e.length, e.line, e.host, e.program, e.pid, e.user, e.address, e.message, e.fields
    FROM temp.hits h CROSS JOIN main.events e ON e.id = h.event CROSS JOIN main.kinds k ON k.id = e.kind
    CROSS JOIN main.bases b ON b.id = e.basis CROSS JOIN main.files f ON f.id = e.file
    CROSS JOIN main.volumes v ON v.id = f.volume CROSS JOIN main.exhibits x ON x.id = v.exhibit ORDER BY h.rowid";

impl Reader {
    /// Opens a store.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn open(path: &Path) -> Result<Self> {
        let db = schema::open(path)?;
        // Without this, ATTACH and VACUUM INTO could make files.
        db.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(StoreError::sqlite("open"))?;
        // No question makes values that take more memory than this.
        db.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES).map_err(StoreError::sqlite("open"))?;
        Ok(Self { db })
    }

    /// Hands on the events that meet a filter, in the order of time, those without a time last.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn events(&self, filter: &Filter, each: &mut dyn FnMut(&StoredEvent) -> ControlFlow<()>) -> Result<()> {
        self.find(filter)?;
        let mut statement = self.db.prepare(SELECT).map_err(read_error)?;
        let mut rows = statement.query([]).map_err(read_error)?;
        while let Some(row) = rows.next().map_err(read_error)? {
            if each(&stored(row).map_err(read_error)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Number of events that meet a filter.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn count(&self, filter: &Filter) -> Result<i64> {
        self.find(filter)?;
        self.db.query_row("SELECT count(*) FROM temp.hits", [], |row| row.get(0)).map_err(read_error)
    }

    /// Puts the numbers of the events that are wanted into the table `hits`, in the order of time.
    pub(crate) fn find(&self, filter: &Filter) -> Result<()> {
        let blocks = self.blocks(filter)?;
        let tables = "DROP TABLE IF EXISTS temp.wanted; DROP TABLE IF EXISTS temp.hits;
            CREATE TEMP TABLE wanted (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
            CREATE TEMP TABLE hits (event INTEGER NOT NULL);";
        self.db.execute_batch(tables).map_err(read_error)?;
        let mut insert = self.db.prepare("INSERT INTO temp.wanted VALUES (?, ?)").map_err(read_error)?;
        self.db.execute_batch("BEGIN").map_err(read_error)?;
        for (first, last) in blocks {
            insert.execute([first, last]).map_err(read_error)?;
        }
        let (conditions, values) = conditions(filter);
        let sql = format!(
            "INSERT INTO temp.hits SELECT e.id FROM temp.wanted w CROSS JOIN main.events e ON e.id BETWEEN w.first AND w.last
            WHERE {conditions} ORDER BY e.time IS NULL, e.time, e.id"
        );
        let done = self.db.execute(&sql, params_from_iter(values)).map_err(read_error);
        self.db.execute_batch("COMMIT").map_err(read_error)?;
        done.map(drop)
    }

    /// The runs of events that may meet a filter, those that touch joined.
    fn blocks(&self, filter: &Filter) -> Result<Vec<(i64, i64)>> {
        let texts: Vec<String> = [&filter.text, &filter.user, &filter.address]
            .into_iter()
            .flatten()
            .map(|text| visible_text(text))
            .collect();
        let (mut conditions, mut values) = (vec!["1"], Vec::new());
        if let Some(from) = filter.from {
            conditions.push("latest >= ?");
            values.push(from);
        }
        if let Some(to) = filter.to {
            conditions.push("earliest < ?");
            values.push(to);
        }
        let bitmap = if texts.is_empty() { "NULL" } else { "trigrams" };
        let sql = format!("SELECT first, last, {bitmap} FROM blocks WHERE {} ORDER BY first", conditions.join(" AND "));
        let mut statement = self.db.prepare(&sql).map_err(read_error)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(read_error)?;
        let mut found: Vec<(i64, i64)> = Vec::new();
        while let Some(row) = rows.next().map_err(read_error)? {
            let (first, last): (i64, i64) = (row.get(0).map_err(read_error)?, row.get(1).map_err(read_error)?);
            let bitmap = row.get_ref(2).map_err(read_error)?.as_blob().unwrap_or_default();
            if !texts.iter().all(|text| may_hold(bitmap, text.as_bytes())) {
                continue;
            }
            match found.last_mut() {
                Some(before) if before.1.checked_add(1) == Some(first) => before.1 = last,
                _ => found.push((first, last)),
            }
        }
        Ok(found)
    }

    /// Whether an examination did not come to its end, so that events are missing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn is_unfinished(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM logs WHERE state = 'waiting') OR EXISTS (SELECT 1 FROM exhibits WHERE has_tree = 0)";
        self.db.query_row(sql, [], |row| row.get(0)).map_err(read_error)
    }

    /// The connection, for questions in SQL.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.db
    }
}

pub(crate) fn read_error(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { action: "read", source }
}

/// A filter as a condition of SQL with its values.
fn conditions(filter: &Filter) -> (String, Vec<Value>) {
    let (mut conditions, mut values) = (vec!["1".to_owned()], Vec::new());
    let mut add = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            conditions.push(condition.to_owned());
            values.push(value);
        }
    };
    let text = |text: &Option<String>| text.as_ref().map(|text| Value::Text(visible_text(text)));
    add("e.time >= ?", filter.from.map(Value::Integer));
    add("e.time < ?", filter.to.map(Value::Integer));
    add("e.user = ?", text(&filter.user));
    add("e.address = ?", text(&filter.address));
    let texts = "concat_ws(char(10), e.message, e.user, e.address, e.program, e.host, e.fields) LIKE ? ESCAPE '!'";
    add(texts, filter.text.as_ref().map(|text| Value::Text(like(&visible_text(text)))));
    // As it is, or as this program shows it.
    if let Some(path) = &filter.path {
        conditions.push("e.file IN (SELECT id FROM main.files WHERE path GLOB ? OR path GLOB ?)".to_owned());
        values.extend([Value::Text(visible_text(path)), Value::Text(path.clone())]);
    }
    if let Some(exhibit) = &filter.exhibit {
        let files = "SELECT f.id FROM main.exhibits x JOIN main.volumes v ON v.exhibit = x.id JOIN main.files f ON f.volume = v.id";
        conditions.push(format!("e.file IN ({files} WHERE x.name GLOB ? OR x.name GLOB ?)"));
        values.extend([Value::Text(visible_text(exhibit)), Value::Text(exhibit.clone())]);
    }
    let (kinds, names) = kinds(filter);
    if !names.is_empty() {
        conditions.push(format!("e.kind IN (SELECT id FROM main.kinds k WHERE {kinds})"));
        values.extend(names);
    }
    (conditions.join(" AND "), values)
}

/// That a kind `k` is of one of the sources and fits one of the patterns, with the values; without values if all are wanted.
pub(crate) fn kinds(filter: &Filter) -> (String, Vec<Value>) {
    let one_of = |condition: &str, count: usize| match count {
        0 => "1".to_owned(),
        count => format!("({})", vec![condition; count].join(" OR ")),
    };
    let source = "substr(k.name, 1, instr(k.name || '.', '.') - 1) = ?";
    let condition = [one_of(source, filter.sources.len()), one_of("k.name GLOB ?", filter.kinds.len())].join(" AND ");
    (condition, filter.sources.iter().chain(&filter.kinds).cloned().map(Value::Text).collect())
}

/// A text as a pattern of LIKE that finds it anywhere.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent {
        id: row.get(0)?,
        time: row.get(1)?,
        basis: row.get(2)?,
        kind: row.get(3)?,
        exhibit: row.get(4)?,
        volume: row.get(5)?,
        path: row.get(6)?,
        inode: row.get(7)?,
        state: row.get(8)?,
        file_type: row.get(9)?,
        mode: row.get(10)?,
        uid: row.get(11)?,
        gid: row.get(12)?,
        size: row.get(13)?,
        offset: row.get(14)?,
        content_offset: row.get(15)?,
        length: row.get(16)?,
        line: row.get(17)?,
        host: row.get(18)?,
        program: row.get(19)?,
        pid: row.get(20)?,
        user: row.get(21)?,
        address: row.get(22)?,
        message: row.get(23)?,
        fields: row.get(24)?,
    })
}
