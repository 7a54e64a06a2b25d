//! Hangs the volumes of a host up where its `/etc/fstab` says.

use super::device::{Device, Disks};
use super::fstab::FstabLine;
use super::identity::{Identified, is_hidden};
use super::{Candidate, HostView, Outcome, Placement, line, root, shown};
use crate::{View, Volume};
use kanshiki_image::volumes::{Refusal, Volume as Found};
use kanshiki_model::{EvidencePath, Issue, Note, visible};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Hangs the volumes up.
pub(super) struct Builder<'a> {
    volumes: &'a Identified<'a>,
    candidates: &'a [Candidate],
    root: usize,
    /// Whether this root was asked for.
    root_is_asked_for: bool,
    view: View,
    placements: Vec<Placement>,
    /// What is wrong with volumes, by their index in the set.
    issues: BTreeMap<usize, Issue>,
    /// What else there is to say of volumes, by their index in the set.
    notes: BTreeMap<usize, Note>,
    /// The volumes that hang somewhere, by their index in the set.
    placed: HashMap<usize, EvidencePath>,
    /// The volumes that a line names and that do not hang where it says, which is told of the line.
    named: HashSet<usize>,
    /// Where the host mounts a volume only when asked, by its index in the set.
    asked_for: BTreeMap<usize, EvidencePath>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        volumes: &'a Identified<'a>,
        candidates: &'a [Candidate],
        root: usize,
        root_is_asked_for: bool,
        issues: BTreeMap<usize, Issue>,
    ) -> Self {
        let name =
            |index: usize| volumes.set.volumes().get(index).map(|volume| volume.name.clone()).unwrap_or_default();
        let opened = candidates
            .iter()
            .map(|candidate| Volume { name: name(candidate.index), filesystem: Arc::clone(&candidate.filesystem) });
        let view = View::new(opened.collect(), root);
        Self {
            volumes,
            candidates,
            root,
            root_is_asked_for,
            view,
            placements: Vec::new(),
            issues,
            notes: BTreeMap::new(),
            placed: HashMap::new(),
            named: HashSet::new(),
            asked_for: BTreeMap::new(),
        }
    }

    pub(super) fn build(mut self, evidence: Vec<root::Evidence>) -> HostView {
        let roots: Vec<usize> = (0..evidence.len())
            .filter(|index| *index != self.root && evidence.get(*index).is_some_and(|other| other.score >= 5))
            .collect();
        let root = self.candidates.get(self.root).and_then(|candidate| self.volumes.set.volumes().get(candidate.index));
        if let (Some(candidate), true) = (self.candidates.get(self.root), root.is_some()) {
            self.placed.insert(candidate.index, EvidencePath::root());
        }
        let evidence = evidence.into_iter().nth(self.root).unwrap_or_default();
        let has_table = evidence.table.is_some();
        self.use_table(evidence, root);
        self.tell_of_those_asked_for();
        self.tell_of_others(&roots, has_table);
        self.tell_of_lines();
        std::mem::take(&mut self.issues).into_values().for_each(|issue| self.view.add_issue(issue));
        std::mem::take(&mut self.notes).into_values().for_each(|note| self.view.add_note(note));
        let root = root.map(|volume| volume.name.clone()).unwrap_or_default();
        HostView { view: self.view, root, placements: self.placements }
    }

    fn use_table(&mut self, evidence: root::Evidence, root: Option<&Found>) {
        if let Some(trouble) = evidence.trouble {
            self.view
                .add_issue(Issue::new("/etc/fstab", format!("it cannot be read: {trouble}; volumes hang nowhere")));
        }
        let Some((mut lines, broken)) = evidence.table else { return };
        for number in broken {
            self.view.add_issue(Issue::new(
                format!("/etc/fstab line {number}"),
                "it has too few fields, or is too far down",
            ));
        }
        let mut disks = Disks::default();
        if let (Some(line), Some(root)) = (lines.iter().find(|line| line.directory == b"/"), root) {
            disks.learn(&Device::parse(&line.device), root);
        }
        // Directories before what lies in them; of lines for one directory the last hides the others.
        lines.sort_by_key(|line| EvidencePath::from_bytes(line.directory.clone()).names().count());
        for (at, line) in lines.iter().enumerate() {
            let path = EvidencePath::from_bytes(line.directory.clone());
            let is_same =
                |other: &&FstabLine| EvidencePath::from_bytes(other.directory.clone()).names().eq(path.names());
            let later =
                lines.iter().skip(at.saturating_add(1)).filter(|_| line.directory.starts_with(b"/")).find(is_same);
            let outcome = match later {
                Some(later) => {
                    self.name_hidden(line, &disks);
                    Outcome::Missing(format!("line {} hides it", later.number))
                }
                None => self.place(line, &path, &disks),
            };
            let is_missing = later.is_none() && matches!(outcome, Outcome::Missing(_));
            let is_gap = is_missing && self.is_needed(line, &path, &disks);
            let device = visible(&line.device);
            self.placements.push(Placement { line: line.number, device, directory: path, outcome, is_gap });
        }
        self.placements.sort_by_key(|placement| placement.line);
    }

    /// Whether the tree is not whole without what a line names. A root is there always; that it was another one matters
    /// if nobody has asked for this one.
    fn is_needed(&self, line: &FstabLine, path: &EvidencePath, disks: &Disks) -> bool {
        let is_root = path.names().next().is_none();
        let is_another =
            || disks.resolve(&Device::parse(&line.device), self.volumes).is_ok() && !self.root_is_asked_for;
        line::is_needed(line) && (!is_root || is_another())
    }

    /// Takes note of the volume of a line that a later one hides. Why a volume cannot be browsed no line has told then.
    fn name_hidden(&mut self, line: &FstabLine, disks: &Disks) {
        let named = disks.resolve(&Device::parse(&line.device), self.volumes);
        let is_open = |index: &usize| self.candidates.iter().any(|candidate| candidate.index == *index);
        self.named.extend(named.ok().filter(is_open));
    }

    /// Hangs up what a line names.
    fn place(&mut self, line: &FstabLine, path: &EvidencePath, disks: &Disks) -> Outcome {
        if let Some(reason) = line::not_on_disk(line) {
            return Outcome::NotOnDisk(reason.to_owned());
        }
        if let Some(reason) = line::not_followed(line) {
            return Outcome::Missing(reason);
        }
        let found = disks.resolve(&Device::parse(&line.device), self.volumes);
        if line.has("noauto") {
            if let Ok(index) = found {
                self.asked_for.entry(index).or_insert_with(|| path.clone());
            }
            return Outcome::NotOnDisk("mounted only when asked (noauto)".to_owned());
        }
        let index = match found {
            Ok(index) => index,
            Err(reason) => return Outcome::Missing(reason),
        };
        let Some(volume) = self.volumes.set.volumes().get(index) else {
            return Outcome::Missing("no such volume".to_owned());
        };
        let name = shown(&volume.name);
        let is_root = path.names().next().is_none();
        let candidate = self.candidates.iter().position(|candidate| candidate.index == index);
        let candidate = match (candidate, &volume.refusal) {
            (Some(candidate), _) => candidate,
            (None, Some(refusal)) => {
                self.named.insert(index);
                return Outcome::Missing(format!("{name} cannot be browsed: {refusal}"));
            }
            (None, None) => return Outcome::Missing(format!("{name} cannot be opened")),
        };
        if is_root && candidate == self.root {
            return Outcome::Mounted(volume.name.clone());
        }
        if is_root {
            return Outcome::Missing(format!("it is {name}, but another volume is taken as the root"));
        }
        if let Some(elsewhere) = self.placed.get(&index) {
            return Outcome::Missing(format!("{name} hangs at {elsewhere} already; a second place is not shown"));
        }
        match self.view.mount(path, candidate) {
            Ok(()) => {
                self.placed.insert(index, path.clone());
                Outcome::Mounted(volume.name.clone())
            }
            Err(error) => {
                self.named.insert(index);
                Outcome::Missing(format!("{name} cannot hang there: {error}"))
            }
        }
    }

    /// Tells of volumes that lines hang up only when the host is asked to, and that no other line hangs up.
    fn tell_of_those_asked_for(&mut self) {
        for (index, path) in std::mem::take(&mut self.asked_for) {
            if let (false, Some(volume)) = (self.placed.contains_key(&index), self.volumes.set.volumes().get(index)) {
                self.note(index, volume, format!("the host mounts it at {path} only when asked (noauto)"));
            }
        }
    }

    /// Tells of lines whose volumes are not there.
    fn tell_of_lines(&mut self) {
        for placement in &self.placements {
            let Outcome::Missing(reason) = &placement.outcome else { continue };
            let subject = format!("/etc/fstab line {}", placement.line);
            let message = format!("{} is not at {}: {reason}", placement.device, placement.directory);
            if placement.is_gap {
                self.view.add_issue(Issue::new(subject, message));
            } else {
                self.view.add_note(Note { subject, message });
            }
        }
    }

    fn note(&mut self, index: usize, volume: &Found, message: String) {
        self.notes.entry(index).or_insert_with(|| Note { subject: shown(&volume.name), message });
    }

    /// Tells of volumes that hang nowhere; `roots` are the candidates that look like roots too.
    fn tell_of_others(&mut self, roots: &[usize], has_table: bool) {
        for (index, volume) in self.volumes.set.volumes().iter().enumerate() {
            if self.placed.contains_key(&index) || is_hidden(volume) || self.issues.contains_key(&index) {
                continue;
            }
            let candidate = self.candidates.iter().position(|candidate| candidate.index == index);
            match &volume.refusal {
                _ if candidate.is_some_and(|candidate| roots.contains(&candidate)) => {
                    let message =
                        "it looks like the root of a host too; it is not in this tree, look at it by its name";
                    self.note(index, volume, message.to_owned());
                }
                _ if self.named.contains(&index) => {}
                _ if candidate.is_some() && has_table => {
                    let message = "/etc/fstab does not say where it hangs; look at it by its name";
                    self.note(index, volume, message.to_owned());
                }
                _ if candidate.is_some() => {
                    let message = "there is no /etc/fstab that says where it hangs; look at it by its name";
                    self.issues.insert(index, Issue::new(shown(&volume.name), message));
                }
                // What it holds stands among the volumes.
                None | Some(Refusal::Holds { .. }) => {}
                Some(refusal @ Refusal::Incomplete { .. }) => {
                    self.issues.insert(index, Issue::new(shown(&volume.name), refusal.to_string()));
                }
                Some(refusal @ Refusal::Unknown) => {
                    let purpose = volume.partition().and_then(|partition| partition.partition_type.name.as_ref());
                    let purpose = purpose.map(|purpose| format!("{purpose}: ")).unwrap_or_default();
                    self.note(index, volume, format!("{purpose}{refusal}"));
                }
                Some(refusal) => self.note(index, volume, refusal.to_string()),
            }
        }
    }
}
