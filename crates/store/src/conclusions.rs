//! Findings, what they rest on, what the machine has, and what the analyst says.

use crate::rows::{ExhibitId, VolumeId};
use crate::writer::{Writer, saturated};
use crate::{Reader, Result, StoreError};
use kanshiki_model::{Algorithm, Evidence, Finding, Hasher, Span, visible};
use rusqlite::{OptionalExtension as _, params};

/// Something that the machine has, with where that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryRow {
    /// What it is: `account`, `exposure`, `persistence`.
    pub kind: &'static str,
    /// Its name, made visible.
    pub name: String,
    /// A JSON object.
    pub facts: String,
    /// Where it stands; always a file.
    pub evidence: Option<Evidence>,
}

/// What an analyst says of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The name of the finding.
    pub finding: String,
    /// `accepted`, `rejected` or `noted`.
    pub verdict: &'static str,
    /// Why.
    pub note: Option<String>,
    /// Who says it.
    pub who: String,
    /// When, in nanoseconds since 1970 in UTC.
    pub time: i64,
}

/// Hexadecimal digits of a finding's name.
const NAME_DIGITS: usize = 12;

/// The name of a finding: the beginning of the SHA-256 of the exhibit's source, the rule and the key.
fn name(source: &str, finding: &Finding) -> String {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for part in [source, finding.rule.id, &finding.key] {
        hasher.update(&saturated(u64::try_from(part.len()).unwrap_or(u64::MAX)).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finish();
    digest.to_hex().chars().take(NAME_DIGITS).collect()
}

/// The columns of a place in a file: volume, path, inode, offset, length, line.
type Place = (Option<i64>, String, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

fn place(volumes: &[VolumeId], volume: Option<usize>, inode: Option<u64>, path: &[u8], span: Option<Span>) -> Place {
    let volume = volume.and_then(|volume| volumes.get(volume)).map(|volume| volume.0);
    let line = span.and_then(|span| span.line).map(saturated);
    let (offset, length) = (span.map(|span| saturated(span.offset)), span.map(|span| saturated(span.length)));
    (volume, visible(path), inode.map(saturated), offset, length, line)
}

impl Writer {
    /// Enters what an examination concludes of an exhibit, in the place of what was there, as a part of its own. `volumes`
    /// stand in the order of the view.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn conclude(
        &mut self,
        exhibit: ExhibitId,
        volumes: &[VolumeId],
        findings: &[Finding],
        inventory: &[InventoryRow],
    ) -> Result<()> {
        self.begin_part()?;
        self.conclude_all(exhibit, volumes, findings, inventory).map_err(StoreError::sqlite("write"))?;
        self.end_part()
    }

    fn conclude_all(
        &self,
        exhibit: ExhibitId,
        volumes: &[VolumeId],
        findings: &[Finding],
        inventory: &[InventoryRow],
    ) -> rusqlite::Result<()> {
        let source: String =
            self.db.query_row("SELECT source FROM exhibits WHERE id = ?", [exhibit.0], |row| row.get(0))?;
        for sql in [
            "DELETE FROM evidence WHERE finding IN (SELECT id FROM findings WHERE exhibit = ?)",
            "DELETE FROM indicators WHERE finding IN (SELECT id FROM findings WHERE exhibit = ?)",
            "DELETE FROM findings WHERE exhibit = ?",
            "DELETE FROM inventory WHERE exhibit = ?",
        ] {
            self.db.execute(sql, [exhibit.0])?;
        }
        for finding in findings {
            let Some(id) = self.finding(exhibit, &source, finding)? else { continue };
            for evidence in &finding.evidence {
                self.evidence(id, volumes, evidence)?;
            }
            for indicator in &finding.indicators {
                let sql = "INSERT INTO indicators (finding, kind, value) VALUES (?, ?, ?)";
                self.db.prepare_cached(sql)?.execute(params![id, indicator.kind, indicator.value])?;
            }
        }
        inventory.iter().try_for_each(|row| self.inventory(exhibit, volumes, row))?;
        self.db.execute("UPDATE exhibits SET concluded = 1 WHERE id = ?", [exhibit.0]).map(drop)
    }

    /// Notes that events or files of an exhibit may change, so that its findings are not those of what is in by now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn reopen(&mut self, exhibit: ExhibitId) -> Result<()> {
        let sql = "UPDATE exhibits SET concluded = 0 WHERE id = ?";
        self.db.execute(sql, [exhibit.0]).map(drop).map_err(StoreError::sqlite("write"))
    }

    /// The number of a finding that was entered; `None` if it is there already.
    fn finding(&self, exhibit: ExhibitId, source: &str, finding: &Finding) -> rusqlite::Result<Option<i64>> {
        let sql =
            "INSERT INTO findings (exhibit, name, rule, severity, confidence, question, title, explanation, technique,
            next, first, last, more_evidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?)
            ON CONFLICT (name) DO NOTHING RETURNING id";
        let rule = finding.rule;
        let row = params![
            exhibit.0,
            name(source, finding),
            rule.id,
            finding.severity.name(),
            finding.confidence.name(),
            finding.question.name(),
            finding.title,
            finding.explanation,
            finding.technique,
            rule.next,
            finding.times.0,
            finding.times.1,
            saturated(finding.more_evidence),
        ];
        self.db.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()
    }

    fn evidence(&self, finding: i64, volumes: &[VolumeId], evidence: &Evidence) -> rusqlite::Result<()> {
        let (event, place, note) = match evidence {
            Evidence::Event { event, note } => (Some(*event), None, note),
            Evidence::File { volume, inode, path, span, note } => {
                (None, Some(place(volumes, *volume, *inode, path, *span)), note)
            }
        };
        let (volume, path, inode, offset, length, line) = match place {
            Some((volume, path, inode, offset, length, line)) => (volume, Some(path), inode, offset, length, line),
            None => (None, None, None, None, None, None),
        };
        let sql = "INSERT INTO evidence (finding, event, volume, path, inode, offset, length, line, note)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let row = params![finding, event, volume, path, inode, offset, length, line, note];
        self.db.prepare_cached(sql)?.execute(row).map(drop)
    }

    fn inventory(&self, exhibit: ExhibitId, volumes: &[VolumeId], row: &InventoryRow) -> rusqlite::Result<()> {
        let place = match &row.evidence {
            Some(Evidence::File { volume, inode, path, span, .. }) => {
                Some(place(volumes, *volume, *inode, path, *span))
            }
            _ => None,
        };
        let (volume, path, inode, offset, length, line) = match place {
            Some((volume, path, inode, offset, length, line)) => (volume, Some(path), inode, offset, length, line),
            None => (None, None, None, None, None, None),
        };
        let sql = "INSERT INTO inventory (exhibit, kind, name, facts, volume, path, inode, offset, length, line)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let row = params![exhibit.0, row.kind, row.name, row.facts, volume, path, inode, offset, length, line];
        self.db.prepare_cached(sql)?.execute(row).map(drop)
    }

    /// Enters what an analyst says of a finding; false if there is no such finding.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn verdict(&mut self, verdict: &Verdict) -> Result<bool> {
        let is_there = "SELECT EXISTS (SELECT 1 FROM findings WHERE name = ?)";
        let is_there = self.db.query_row(is_there, [&verdict.finding], |row| row.get(0));
        if !is_there.map_err(StoreError::sqlite("read"))? {
            return Ok(false);
        }
        let sql = "INSERT INTO verdicts (finding, verdict, note, who, time) VALUES (?, ?, ?, ?, ?)";
        let row = params![verdict.finding, verdict.verdict, verdict.note, verdict.who, verdict.time];
        self.db.execute(sql, row).map_err(StoreError::sqlite("write"))?;
        Ok(true)
    }
}

/// A finding as the store tells it; texts are visible text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the columns of the table, which schema.sql tells")]
pub struct StoredFinding {
    pub id: i64,
    pub name: String,
    pub exhibit: String,
    pub rule: String,
    pub severity: String,
    pub confidence: String,
    pub question: String,
    pub title: String,
    pub explanation: String,
    pub technique: Option<String>,
    pub next: String,
    pub first: Option<i64>,
    pub last: Option<i64>,
    pub more_evidence: i64,
    pub verdict: Option<StoredVerdict>,
}

/// The last verdict on a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the columns of the table, which schema.sql tells")]
pub struct StoredVerdict {
    pub verdict: String,
    pub note: Option<String>,
    pub who: String,
    pub time: i64,
}

/// What a finding rests on, as the store tells it; texts are visible text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the columns of the table, which schema.sql tells")]
pub struct StoredEvidence {
    pub event: Option<i64>,
    pub time: Option<i64>,
    pub volume: Option<String>,
    pub path: Option<String>,
    pub inode: Option<i64>,
    pub offset: Option<i64>,
    pub length: Option<i64>,
    pub line: Option<i64>,
    pub message: Option<String>,
    pub note: String,
}

/// What counts of what was said of each finding: the last that accepts or rejects, or notes alone, and the last note.
pub(crate) const SAID: &str = "(SELECT v.finding, v.verdict, v.who, v.time,
    (SELECT n.note FROM verdicts n WHERE n.finding = v.finding AND n.note IS NOT NULL ORDER BY n.id DESC LIMIT 1) AS note
    FROM verdicts v WHERE v.id = (
        SELECT w.id FROM verdicts w WHERE w.finding = v.finding ORDER BY w.verdict = 'noted', w.id DESC LIMIT 1))";

impl Reader {
    /// Whether the store knows of findings: one that an older program made does not.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn has_findings(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'conclusions')
            AND EXISTS (SELECT 1 FROM pragma_table_info('exhibits') WHERE name = 'concluded')";
        self.connection().query_row(sql, [], |row| row.get(0)).map_err(StoreError::sqlite("read"))
    }

    /// The exhibits whose findings are missing or older than their events, since an examination was broken off.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn without_findings(&self) -> Result<Vec<String>> {
        let sql = "SELECT name FROM exhibits WHERE concluded = 0 ORDER BY id";
        let mut statement = self.connection().prepare(sql).map_err(StoreError::sqlite("read"))?;
        let names = statement.query_map([], |row| row.get(0));
        names.and_then(Iterator::collect).map_err(StoreError::sqlite("read"))
    }

    /// All findings, by exhibit and in the order in which they were found.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn findings(&self) -> Result<Vec<StoredFinding>> {
        let sql = format!(
            "SELECT f.id, f.name, x.name, f.rule, f.severity, f.confidence, f.question, f.title, f.explanation,
            f.technique, f.next, f.first, f.last, f.more_evidence, v.verdict, v.note, v.who, v.time
            FROM findings f JOIN exhibits x ON x.id = f.exhibit LEFT JOIN {SAID} v ON v.finding = f.name ORDER BY f.id"
        );
        let mut statement = self.connection().prepare(&sql).map_err(StoreError::sqlite("read"))?;
        let rows = statement.query_map([], |row| {
            let verdict: Option<String> = row.get(14)?;
            let verdict = match verdict {
                Some(verdict) => {
                    Some(StoredVerdict { verdict, note: row.get(15)?, who: row.get(16)?, time: row.get(17)? })
                }
                None => None,
            };
            Ok(StoredFinding {
                id: row.get(0)?,
                name: row.get(1)?,
                exhibit: row.get(2)?,
                rule: row.get(3)?,
                severity: row.get(4)?,
                confidence: row.get(5)?,
                question: row.get(6)?,
                title: row.get(7)?,
                explanation: row.get(8)?,
                technique: row.get(9)?,
                next: row.get(10)?,
                first: row.get(11)?,
                last: row.get(12)?,
                more_evidence: row.get(13)?,
                verdict,
            })
        });
        rows.and_then(Iterator::collect).map_err(StoreError::sqlite("read"))
    }

    /// What a finding rests on, in the order in which it was given.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn evidence_of(&self, finding: i64) -> Result<Vec<StoredEvidence>> {
        let sql =
            "SELECT d.event, e.time, coalesce(v.name, w.name), coalesce(f.path, d.path), coalesce(f.inode, d.inode),
            coalesce(e.offset, d.offset), coalesce(e.length, d.length), coalesce(e.line, d.line), e.message, d.note
            FROM evidence d LEFT JOIN events e ON e.id = d.event LEFT JOIN files f ON f.id = e.file
            LEFT JOIN volumes v ON v.id = f.volume LEFT JOIN volumes w ON w.id = d.volume
            WHERE d.finding = ? ORDER BY d.rowid";
        let mut statement = self.connection().prepare_cached(sql).map_err(StoreError::sqlite("read"))?;
        let rows = statement.query_map([finding], |row| {
            Ok(StoredEvidence {
                event: row.get(0)?,
                time: row.get(1)?,
                volume: row.get(2)?,
                path: row.get(3)?,
                inode: row.get(4)?,
                offset: row.get(5)?,
                length: row.get(6)?,
                line: row.get(7)?,
                message: row.get(8)?,
                note: row.get(9)?,
            })
        });
        rows.and_then(Iterator::collect).map_err(StoreError::sqlite("read"))
    }

    /// The indicators of all findings that were not rejected, each once: kind, value, and the names of findings.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn indicators(&self) -> Result<Vec<(String, String, String)>> {
        let sql = format!(
            "SELECT i.kind, i.value, group_concat(DISTINCT f.name) FROM indicators i JOIN findings f ON f.id = i.finding
            LEFT JOIN {SAID} v ON v.finding = f.name
            WHERE v.verdict IS NOT 'rejected' GROUP BY i.kind, i.value ORDER BY i.kind, i.value"
        );
        let mut statement = self.connection().prepare(&sql).map_err(StoreError::sqlite("read"))?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.and_then(Iterator::collect).map_err(StoreError::sqlite("read"))
    }
}
