//! Programs whose inodes changed while no package manager was at work.

use super::{CANDIDATES, Times, evidence, is_program};
use crate::events;
use crate::found::{Building as _, Found, finding};
use crate::time::{HOUR, SECOND, stretch};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Question, Rule, Severity, from_visible};

pub(super) static UNPACKAGED_CHANGE: Rule = Rule {
    id: "changed.without-package",
    question: Question::Changed,
    severity: Severity::Low,
    confidence: Confidence::Low,
    technique: "T1554",
    next: "Look at what else happened then: `kanshiki timeline --case DIR --from TIME --to TIME`; hold the files against the original \
        packages: `kanshiki packages --packages DIR`.",
};

/// Changes that are as close as this belong together.
const TOGETHER: i64 = 10 * 60 * SECOND;

/// How long before and behind a line of a package manager its changes lie.
const AT_WORK: i64 = HOUR;

/// More files than these were changed by a copy, a restored backup or an upgrade of the system.
const MANY: usize = 200;

/// Programs with the time at which their inode changed for the last time.
#[derive(Debug, Default)]
pub(super) struct Programs(Vec<Times>);

impl Programs {
    pub(super) fn take(&mut self, file: &Times, mode: u32) {
        if self.0.len() < CANDIDATES && is_program(file.path.as_bytes(), mode) {
            self.0.push(file.clone());
        }
    }

    /// Tells groups of changes for which the logs of package managers, which cover the time, have no reason.
    pub(super) fn find(mut self, image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
        let runs = runs(image)?;
        let Some(first) = runs.first().copied().filter(|_| image.owned.is_known()) else { return Ok(()) };
        self.0.sort_by(|one, other| (one.changed, &one.path).cmp(&(other.changed, &other.path)));
        let groups = self.0.chunk_by(|one, next| next.changed.saturating_sub(one.changed) <= TOGETHER);
        for group in groups {
            let (Some(begin), Some(end)) = (group.first(), group.last()) else { continue };
            // The first line of the log that is kept: what lies before it is covered by no log.
            let is_covered = begin.changed > first;
            if is_covered && group.len() <= MANY && !is_at_work(&runs, begin.changed, end.changed) {
                tell(image, group, found);
            }
        }
        Ok(())
    }
}

fn tell(image: &Image<'_>, group: &[Times], found: &mut Found) {
    let (Some(begin), Some(end)) = (group.first(), group.last()) else { return };
    let owned = |file: &&Times| from_visible(&file.path).is_some_and(|path| image.owned.of(&path).is_package());
    let whole = group.iter().filter(owned).count();
    let when = stretch(begin.changed, end.changed);
    let title = match group {
        [one] => format!("a program changed without a package manager: {}", one.path),
        _ => format!("{} programs changed {when} without a package manager", group.len()),
    };
    let text = format!(
        "The inodes changed {when}, and no log of a package manager tells of work within an hour of it. {whole} of {} are what their \
        package brought: of these the permissions, owners, links or times alone changed, or the content was put back.",
        group.len()
    );
    let made = finding(&UNPACKAGED_CHANGE, format!("{} {}", begin.path, begin.changed), title)
        .explained(text)
        .between(Some(begin.changed), Some(end.changed));
    found.add(group.iter().fold(made, |made, file| made.evidence(evidence(image, file))));
}

/// Whether a package manager wrote a line near this stretch of time; `runs` is sorted.
fn is_at_work(runs: &[i64], begin: i64, end: i64) -> bool {
    let from = runs.partition_point(|run| *run < begin.saturating_sub(AT_WORK));
    runs.get(from).is_some_and(|run| *run <= end.saturating_add(AT_WORK))
}

/// The minutes in which package managers wrote lines, sorted.
fn runs(image: &Image<'_>) -> Result<Vec<i64>, DetectError> {
    let kinds = [
        "package.run",
        "package.run-ended",
        "package.installed",
        "package.unpacked",
        "package.configured",
        "package.upgraded",
        "package.downgraded",
        "package.reinstalled",
        "package.removed",
        "package.purged",
        "package.replaced",
        "package.triggered",
    ];
    let mut runs: Vec<i64> = Vec::new();
    events::each(image, &kinds, "e.time", "e.time", &mut |row| {
        let Some(time) = row.get::<_, Option<i64>>(0)? else { return Ok(()) };
        if runs.last().is_none_or(|last| time.saturating_sub(*last) > 60 * SECOND) {
            runs.push(time);
        }
        Ok(())
    })?;
    Ok(runs)
}
