//! Whether the source was written since the first session: what the kernel counts, and the times of files, kept from
//! session to session.
//!
//! A counter begins anew when the machine starts or the disk is attached again. Then it is not known what happened
//! meanwhile, and that is said; it is no difference.

use super::record::Before;
use super::state::{FileMark, State};
use crate::device::BlockDevice;
use crate::host;
use kanshiki_model::{Fact, Timestamp};
use serde::{Deserialize, Serialize};

/// What the kernel has counted of a disk at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// When it was asked.
    pub(crate) at: Timestamp,
    /// Which start of the machine it was.
    pub(crate) boot: Option<String>,
    /// The number of the disk among those that this start has seen.
    pub(crate) disk_sequence: Option<u64>,
    /// Sectors written since the kernel found the disk.
    pub(crate) sectors_written: Option<u64>,
    /// Sectors given up (discarded) since the kernel found the disk.
    #[serde(default)]
    pub(crate) sectors_discarded: Option<u64>,
}

/// What the sessions so far have found of changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watch {
    /// What the kernel had counted when it was last looked at; `None` for what is no block device.
    pub(crate) counters: Option<Counters>,
    /// What differed, in plain words.
    #[serde(default)]
    pub(crate) differences: Vec<String>,
    /// What is not known, in plain words.
    #[serde(default)]
    pub(crate) unknown: Vec<String>,
}

impl Counters {
    /// What the kernel has counted of a device's whole disk by now.
    #[must_use]
    pub(crate) fn of(device: &BlockDevice, at: Timestamp) -> Self {
        Self {
            at,
            boot: host::boot_id(),
            disk_sequence: device.disk_sequence(),
            sectors_written: device.sectors_written().number(),
            sectors_discarded: device.sectors_discarded().number(),
        }
    }

    /// What was done to the disk between then and `now`, within one count; `None` if nothing was.
    #[must_use]
    pub(crate) fn change(&self, now: &Self) -> Option<String> {
        let between = |before: Option<u64>, now: Option<u64>| before.zip(now).filter(|(before, now)| before != now);
        let words = |what: &str, (before, now): (u64, u64)| match now.checked_sub(before) {
            Some(sectors) => format!("{sectors} sectors were {what} on the disk"),
            None => format!("the kernel's count of sectors {what} fell from {before} to {now}"),
        };
        let written = between(self.sectors_written, now.sectors_written).map(|pair| words("WRITTEN", pair));
        let discarded = between(self.sectors_discarded, now.sectors_discarded).map(|pair| words("DISCARDED", pair));
        let all: Vec<String> = written.into_iter().chain(discarded).collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }

    /// Why the counts of `now` are no continuation of these; `None` if they are.
    #[must_use]
    pub(crate) fn broken_off(&self, now: &Self) -> Option<&'static str> {
        match (&self.boot, &now.boot) {
            (Some(before), Some(now)) if before == now => {}
            (Some(_), Some(_)) => return Some("the machine was started anew"),
            _ => return Some("the kernel does not tell whether the machine was started anew"),
        }
        match (self.disk_sequence, now.disk_sequence) {
            (Some(before), Some(now)) if before == now => {}
            (Some(_), Some(_)) => return Some("the disk was attached anew"),
            _ => return Some("the kernel does not tell whether the disk was attached anew"),
        }
        (self.sectors_written.is_none() || now.sectors_written.is_none())
            .then_some("the kernel does not count the sectors written")
    }
}

impl Watch {
    /// Compares with what an earlier session has left.
    pub(super) fn take_up(&mut self, files: &[FileMark], before: &Before) {
        match (&self.counters, &before.counters) {
            (Some(earlier), Some(now)) => {
                let broken_off = earlier.broken_off(now);
                let since = format!("since {}, when an earlier session had read it", earlier.at);
                if let Some(reason) = broken_off {
                    add(
                        &mut self.unknown,
                        format!("it is not known whether the disk was written {since}: {reason}; --twice compares all"),
                    );
                } else if let Some(change) = earlier.change(now) {
                    add(
                        &mut self.differences,
                        format!("{change} {since}: the copy may mix what was there before and after"),
                    );
                }
            }
            (None, Some(_)) => {
                let reason = "an earlier session has left no count of the sectors written: it is not known whether the \
                              disk was written since; --twice compares all";
                add(&mut self.unknown, reason.to_owned());
            }
            (_, None) => {}
        }
        self.counters.clone_from(&before.counters);
        let several = files.len() > 1;
        for (number, (earlier, now)) in files.iter().zip(&before.identity.files).enumerate() {
            let which = if several {
                format!("part {} of the source", number.saturating_add(1))
            } else {
                "the source".to_owned()
            };
            if let Some(change) = earlier.change(now) {
                add(
                    &mut self.differences,
                    format!(
                        "{which} {change}, after an earlier session had read it: the copy may mix what was there before and after"
                    ),
                );
            }
            if earlier.device != now.device {
                add(
                    &mut self.unknown,
                    format!("{which} lies on a filesystem of another number than when the copy was begun"),
                );
            }
        }
    }

    /// Compares with what the kernel has counted by now, in the session that goes on.
    pub(super) fn look(&mut self, now: Option<Counters>) {
        let (Some(earlier), Some(now)) = (&self.counters, now) else { return };
        let another = earlier.disk_sequence.zip(now.disk_sequence).is_some_and(|(before, now)| before != now);
        if another || now.sectors_written.is_none() {
            // The disk is gone or attached anew: the next session goes by the count that is known.
            return;
        }
        if let Some(change) = earlier.change(&now) {
            add(&mut self.differences, format!("{change} while it was read"));
        }
        self.counters = Some(now);
    }

    /// Takes over what the record of another destination has found.
    pub(super) fn join(&mut self, other: Self) {
        other.differences.into_iter().for_each(|difference| add(&mut self.differences, difference));
        other.unknown.into_iter().for_each(|unknown| add(&mut self.unknown, unknown));
    }
}

impl State {
    /// What is known of changes between the sessions; `None` if there was but one.
    pub(super) fn between_sessions(&self) -> Option<Fact> {
        let source = "the kernel's counters and the times of files, kept from session to session";
        match (self.sessions.len(), self.watch.unknown.as_slice()) {
            (0 | 1, []) => None,
            (_, []) => Some(Fact::derived(!self.watch.differences.is_empty(), source)),
            (_, unknown) => Some(Fact::unknown(unknown.join("; "))),
        }
    }
}

impl FileMark {
    /// What was done to the file between then and `now`; `None` if nothing was.
    #[must_use]
    pub(crate) fn change(&self, now: &Self) -> Option<String> {
        if self.modified != now.modified {
            return Some(format!("was last written at {} and then at {}", self.modified, now.modified));
        }
        let changed = self.changed.zip(now.changed).filter(|(before, now)| before != now);
        changed.map(|(before, now)| {
            format!("was changed, in content, name or rights, at {before} and then at {now}, with the time of writing as before")
        })
    }
}

/// Adds a text to a list that has it not yet.
pub(super) fn add(list: &mut Vec<String>, text: String) {
    if !list.contains(&text) {
        list.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(written: u64) -> Counters {
        Counters {
            at: Timestamp::from_nanoseconds(0),
            boot: Some("b".to_owned()),
            disk_sequence: Some(3),
            sectors_written: Some(written),
            sectors_discarded: Some(0),
        }
    }

    #[test]
    fn sectors_that_were_written_or_discarded_are_counted() {
        assert_eq!(counters(7).change(&counters(7)), None);
        assert_eq!(counters(7).change(&counters(9)).unwrap(), "2 sectors were WRITTEN on the disk");
        let discarded = Counters { sectors_discarded: Some(8), ..counters(7) };
        assert_eq!(counters(7).change(&discarded).unwrap(), "8 sectors were DISCARDED on the disk");
        let uncounted = Counters { sectors_discarded: None, ..counters(7) };
        assert_eq!(uncounted.change(&discarded), None);
    }

    #[test]
    fn a_count_that_begins_anew_is_no_continuation() {
        assert_eq!(counters(7).broken_off(&counters(9)), None);
        let other = Counters { boot: Some("c".to_owned()), ..counters(7) };
        assert_eq!(counters(7).broken_off(&other), Some("the machine was started anew"));
        let other = Counters { disk_sequence: Some(4), ..counters(7) };
        assert_eq!(counters(7).broken_off(&other), Some("the disk was attached anew"));
        let other = Counters { disk_sequence: None, ..counters(7) };
        assert_eq!(counters(7).broken_off(&other), Some("the kernel does not tell whether the disk was attached anew"));
        let other = Counters { sectors_written: None, ..counters(7) };
        assert_eq!(counters(7).broken_off(&other), Some("the kernel does not count the sectors written"));
    }

    #[test]
    fn what_one_session_has_seen_stays_and_is_told_once() {
        let mut watch = Watch { counters: Some(counters(7)), ..Watch::default() };
        watch.look(Some(counters(9)));
        watch.look(Some(counters(9)));
        watch.look(None);
        watch.look(Some(Counters { disk_sequence: Some(4), ..counters(0) }));
        watch.look(Some(Counters { sectors_written: None, ..counters(0) }));
        assert_eq!(watch.counters, Some(counters(9)));
        assert_eq!(watch.differences, ["2 sectors were WRITTEN on the disk while it was read"]);
        let mut other = Watch::default();
        other.join(watch.clone());
        other.join(watch);
        assert_eq!(other.differences.len(), 1);
    }

    #[test]
    fn a_file_whose_time_of_writing_was_put_back_was_changed_all_the_same() {
        let at = |second: i64| Timestamp::from_nanoseconds(second * 1_000_000_000);
        let mark = FileMark { device: 1, inode: 7, modified: at(1), changed: Some(at(1)) };
        assert_eq!(mark.change(&mark), None);
        let written = FileMark { modified: at(2), changed: Some(at(2)), ..mark.clone() };
        assert!(mark.change(&written).unwrap().starts_with("was last written at 1970-01-01T00:00:01Z"));
        let put_back = FileMark { changed: Some(at(2)), ..mark.clone() };
        assert!(mark.change(&put_back).unwrap().contains("with the time of writing as before"));
        let of_older_state = FileMark { changed: None, ..mark.clone() };
        assert_eq!(of_older_state.change(&put_back), None);
    }
}
