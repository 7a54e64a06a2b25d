//! Files that findings speak against.

use crate::conclusions::SAID;
use crate::{Reader, Result, StoreError};
use kanshiki_model::from_visible;
use rusqlite::OptionalExtension as _;

/// A file that findings speak against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// The name of its volume.
    pub volume: String,
    /// The path.
    pub path: Vec<u8>,
    /// The inode.
    pub inode: u64,
    /// The findings: name, severity, rule, title.
    pub reasons: Vec<[String; 4]>,
    /// What is known of its content: a JSON object.
    pub facts: Option<String>,
}

/// Rules whose evidence are files that were brought or changed, as patterns.
const RULES: &str = "(f.rule GLOB 'content.*' OR f.rule GLOB 'files.*' OR f.rule GLOB 'persistence.*' OR f.rule GLOB 'lists.*'
    OR f.rule IN ('packages.program-changed', 'packages.rights-changed', 'hidden.program', 'hidden.kernel-name', 'hidden.file-in-dev', 'hidden.odd-name'))";

impl Reader {
    /// The files of the exhibit with this source that findings of severity medium and high speak against, but for those that
    /// were rejected, in the order of their paths; `None` if it was not examined.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn suspects_of(&self, source: &str) -> Result<Option<Vec<Suspect>>> {
        let db = self.connection();
        let exhibit = "SELECT id FROM exhibits WHERE source = ?";
        let exhibit: Option<i64> =
            db.query_row(exhibit, [source], |row| row.get(0)).optional().map_err(StoreError::sqlite("read"))?;
        let Some(exhibit) = exhibit else { return Ok(None) };
        let sql = format!(
            "SELECT DISTINCT coalesce(v.name, ''), e.path, e.inode, f.name, f.severity, f.rule, f.title, i.facts
            FROM findings f JOIN evidence e ON e.finding = f.id LEFT JOIN volumes v ON v.id = e.volume
            LEFT JOIN inventory i ON i.kind = 'suspect' AND i.exhibit = f.exhibit AND i.volume IS e.volume AND i.inode = e.inode
            WHERE f.exhibit = ? AND e.event IS NULL AND e.inode IS NOT NULL AND f.severity IN ('medium', 'high') AND {RULES}
            AND NOT EXISTS (SELECT 1 FROM {SAID} s WHERE s.finding = f.name AND s.verdict = 'rejected')
            ORDER BY e.path, e.inode, f.id"
        );
        let all = || -> rusqlite::Result<Vec<Suspect>> {
            let mut statement = db.prepare(&sql)?;
            let mut rows = statement.query([exhibit])?;
            let mut found: Vec<Suspect> = Vec::new();
            while let Some(row) = rows.next()? {
                let (volume, path, inode): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                // A text that cannot be turned back is none of this store's own.
                let path = from_visible(&path).unwrap_or_default();
                let inode = u64::try_from(inode).unwrap_or(0);
                let reason = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
                match found.last_mut().filter(|last| last.inode == inode && last.volume == volume && last.path == path)
                {
                    Some(last) => last.reasons.push(reason),
                    None => found.push(Suspect { volume, path, inode, reasons: vec![reason], facts: row.get(7)? }),
                }
            }
            Ok(found)
        };
        all().map(Some).map_err(StoreError::sqlite("read"))
    }
}
