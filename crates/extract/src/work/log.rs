//! The extraction in the custody log of a case.

use crate::{Custody, ExtractError, Extraction, MANIFEST_NAME};
use kanshiki_custody::{Act, ActKind, Case, CustodyLog, Subject};
use kanshiki_model::{Clock, visible};
use std::error::Error as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Opens the log before the work, so that a closed or damaged one is told at once.
pub(crate) fn open(custody: &Custody, destination: &Path) -> Result<CustodyLog, ExtractError> {
    let case = Case::open(&custody.case)?;
    let parent = destination.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let (Ok(case), Ok(parent)) = (custody.case.canonicalize(), parent.canonicalize())
        && (parent.starts_with(&case) || destination.canonicalize().is_ok_and(|own| own.starts_with(&case)))
    {
        return Err(ExtractError::InsideCase { path: destination.to_owned() });
    }
    let log = CustodyLog::open(&case)?;
    log.check_appendable(ActKind::Copied)?;
    Ok(log)
}

/// The longest reason that an entry tells, in signs.
const REASON: usize = 1000;

/// How the extraction ended, behind what it gave.
pub(crate) fn end(result: &Extraction, error: Option<&ExtractError>) -> String {
    match (error, result) {
        (Some(error), _) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("; broken off: {error}{cause}").chars().take(REASON).collect()
        }
        (None, Extraction { interrupted: true, .. }) => "; interrupted before its end".to_owned(),
        (None, result) if result.is_complete() => String::new(),
        _ => "; not everything could be read, the manifest tells what".to_owned(),
    }
}

/// Enters what was extracted.
pub(crate) fn enter(
    custody: &Custody,
    log: &CustodyLog,
    destination: &Path,
    (result, end): (&Extraction, &str),
    clock: &dyn Clock,
) -> Result<u64, ExtractError> {
    let full = match &custody.to {
        Some(to) => std::path::absolute(to).unwrap_or_else(|_| to.clone()),
        None => destination.canonicalize().unwrap_or_else(|_| destination.to_owned()),
    };
    let to = visible(full.as_os_str().as_bytes());
    let what = format!(
        "extracted {} files ({} bytes) and {} directories from {} to {to}{end}",
        result.files.saturating_add(result.partial),
        result.bytes,
        result.directories,
        custody.from,
    );
    let subjects = vec![Subject { name: format!("{to}/{MANIFEST_NAME}"), sha256: result.manifest_sha256.clone() }];
    let act = Act { kind: ActKind::Copied, who: custody.who.clone(), what, subjects, tool: custody.tool.clone() };
    Ok(log.append(act, clock)?.sequence)
}
