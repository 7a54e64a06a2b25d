//! Many files that one program of somebody who was logged in had removed at once, by auditd's records of what ran: what an
//! intruder's script does behind itself, and some scripts of administrators.

use crate::events::{each, is_installing, text};
use crate::found::{Building as _, Found, finding};
use crate::time::{SECOND, utc};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Question, Rule, Severity};
use std::collections::{BTreeMap, VecDeque};

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&REMOVALS];

static REMOVALS: Rule = Rule {
    id: "hidden.many-removals",
    question: Question::Hidden,
    severity: Severity::Info,
    confidence: Confidence::Low,
    technique: "T1070.004",
    next: "Look at what the parent process was and what else it ran; look for the files among deleted ones: `kanshiki deleted IMAGE`.",
};

/// Programs that remove files.
const PROGRAMS: &[&str] = &["/rm", "/unlink", "/shred", "/srm", "/wipe"];

/// So many by one process within such a time.
const MANY: (usize, i64) = (6, 5 * SECOND);

/// Processes that are followed at one time, and accounts of which something is told.
const PROCESSES: usize = 1000;
const ACCOUNTS: usize = 1000;

/// Looks at what ran.
pub(super) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut following = Following::default();
    // Services remove files all the time: who was logged in has a session.
    let columns = "e.id, e.time, coalesce(e.user, ''), e.fields ->> 'ppid', coalesce(e.fields ->> 'exe', ''),
        e.fields ->> 'session' IS NOT NULL AND e.fields ->> 'tty' IS NOT NULL";
    each(image, &["audit.exec"], columns, "e.time, e.id", &mut |row| {
        let (event, time, parent): (i64, Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let is_removal = PROGRAMS.iter().any(|program| text(row, 4).ends_with(program)) && row.get::<_, bool>(5)?;
        if let (true, Some(time), Some(parent)) = (is_removal, time, parent) {
            following.take(Removal { event, time }, parent, text(row, 2));
        }
        Ok(())
    })?;
    for (user, mut bursts) in following.bursts {
        // Packages clear up behind themselves.
        bursts.retain(|burst| !is_installing(image, burst.first).unwrap_or(false));
        if let Some(told) = tell(&user, &bursts) {
            found.add(told);
        }
    }
    Ok(())
}

/// A program that removes files ran.
#[derive(Debug, Clone, Copy)]
struct Removal {
    event: i64,
    time: i64,
}

/// Many of them by one process.
#[derive(Debug)]
struct Burst {
    parent: i64,
    first: i64,
    last: i64,
    events: Vec<i64>,
}

#[derive(Debug, Default)]
struct Following {
    /// The last removals, by the process that ran them.
    recent: BTreeMap<i64, VecDeque<Removal>>,
    /// By account.
    bursts: BTreeMap<String, Vec<Burst>>,
}

impl Following {
    fn take(&mut self, removal: Removal, parent: i64, user: &str) {
        let is_old = |earlier: &Removal| removal.time.saturating_sub(earlier.time) > MANY.1;
        if !self.recent.contains_key(&parent) {
            self.recent.retain(|_, removals| removals.back().is_some_and(|last| !is_old(last)));
            if self.recent.len() >= PROCESSES {
                return;
            }
        }
        let removals = self.recent.entry(parent).or_default();
        while removals.front().is_some_and(is_old) {
            removals.pop_front();
        }
        removals.push_back(removal);
        if removals.len() < MANY.0 {
            return;
        }
        let removals = std::mem::take(removals);
        let first = removals.front().map_or(removal.time, |it| it.time);
        let events = removals.iter().map(|it| it.event).collect();
        if self.bursts.len() < ACCOUNTS || self.bursts.contains_key(user) {
            let bursts = self.bursts.entry(user.to_owned()).or_default();
            if bursts.len() < ACCOUNTS {
                bursts.push(Burst { parent, first, last: removal.time, events });
            }
        }
    }
}

fn tell(user: &str, bursts: &[Burst]) -> Option<Finding> {
    let (first, last) = (bursts.first()?, bursts.last()?);
    let (times, parent, at) = (bursts.len(), first.parent, utc(first.first));
    let title = format!("{user} had many files removed at once, first by the process {parent} at {at}");
    let text = format!(
        "{times} times a process ran {} programs that remove files within seconds, and no package was installed then. \
        Scripts of intruders clear up so, and some of administrators.",
        MANY.0
    );
    let made = finding(&REMOVALS, user, title).explained(text).between(Some(first.first), Some(last.last));
    let events = bursts.iter().flat_map(|burst| burst.events.iter().map(|event| (*event, burst.parent)));
    Some(events.fold(made, |made, (event, parent)| made.event(event, format!("run by the process {parent}"))))
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::testing::{Told, found_in, titles, view};
    use kanshiki_model::Value;

    fn removal(time: i64, parent: i64, session: &'static str) -> Told {
        let mut fields = vec![("ppid", Value::Number(parent)), ("exe", Value::Text(b"/usr/bin/rm"))];
        if !session.is_empty() {
            fields.extend([("session", Value::Text(session.as_bytes())), ("tty", Value::Text(b"pts2"))]);
        }
        let (path, user) = ("/var/log/audit/audit.log", "anna".to_owned());
        Told { path, kind: "audit.exec", time, user, fields, ..Told::default() }
    }

    #[test]
    fn many_removals_at_once_are_told_and_others_are_not() {
        let told = |events: &[Told]| titles(&found_in(&view(&[]), events, find));
        let at = |every: i64, parent: i64, session: &'static str| -> Vec<Told> {
            (0..8).map(|number| removal(1_700_000_000 + number * every, 77 + number * parent, session)).collect()
        };
        let expected = "info hidden.many-removals: anna had many files removed at once, first by the process 77 at 2023-11-14T22:13:20Z";
        assert_eq!(told(&at(0, 0, "5")), [expected]);
        // One after the other, by several processes, by a service.
        assert_eq!(told(&at(3, 0, "5")), [""; 0]);
        assert_eq!(told(&at(0, 1, "5")), [""; 0]);
        assert_eq!(told(&at(0, 0, "")), [""; 0]);
        // While a package is installed.
        let mut events = at(0, 0, "5");
        let (path, time) = ("/var/log/dpkg.log", 1_700_000_000);
        events.push(Told { path, kind: "package.installed", time, ..Told::default() });
        assert_eq!(told(&events), [""; 0]);
    }
}
