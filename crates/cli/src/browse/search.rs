//! What the verbs share that go through whole trees.

use crate::evidence::Evidence;
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use crate::output::Output;
use kanshiki_filesystem::{Follow, FsError, Located, NodeType, View};
use kanshiki_model::Issue;
use kanshiki_walk::parallel::Piece;
use std::collections::HashSet;
use std::ffi::OsString;
use std::ops::ControlFlow;

/// Where to begin: the paths of the command line, or the root without any. What lies in one of them is left out, so that
/// nothing is gone through twice.
pub(super) fn starts(evidence: &Evidence, paths: &[OsString]) -> Result<Vec<Located>, Failure> {
    Ok(apart(all_starts(evidence, paths)?))
}

/// Where to begin: as [`starts`], with those among them that lie in others.
pub(super) fn all_starts(evidence: &Evidence, paths: &[OsString]) -> Result<Vec<Located>, Failure> {
    located(evidence, paths, Follow::AllButLast)
}

/// Where to begin reading contents: as [`starts`], but a symbolic link that is named outright stands for what it leads to.
pub(super) fn contents_starts(evidence: &Evidence, paths: &[OsString]) -> Result<Vec<Located>, Failure> {
    Ok(apart(located(evidence, paths, Follow::All)?))
}

fn located(evidence: &Evidence, paths: &[OsString], follow: Follow) -> Result<Vec<Located>, Failure> {
    if paths.is_empty() {
        return Ok(vec![evidence.locate(None, Follow::All)?]);
    }
    paths.iter().map(|path| evidence.locate(Some(path), follow)).collect()
}

/// Leaves out what lies in another, and what was there before.
fn apart(starts: Vec<Located>) -> Vec<Located> {
    // Without the slash at its end the path of the root is empty, and that of all above a path ends before a slash.
    let plain = |start: &Located| start.path.as_bytes().strip_suffix(b"/").unwrap_or(start.path.as_bytes()).to_vec();
    let paths: Vec<Vec<u8>> = starts.iter().map(plain).collect();
    let all: HashSet<&[u8]> = paths.iter().map(Vec::as_slice).collect();
    let is_inside = |path: &[u8]| path.iter().enumerate().any(|(at, byte)| *byte == b'/' && all.contains(&path[..at]));
    let mut taken = HashSet::new();
    let kept = starts.into_iter().zip(&paths).filter(|(_, path)| !is_inside(path) && taken.insert(*path));
    kept.map(|(start, _)| start).collect()
}

/// Whether the paths lead to one file alone, so that its name need not be told with every row.
pub(super) fn is_one_file(starts: &[Located]) -> bool {
    matches!(starts, [only] if only.node.node_type == NodeType::File)
}

/// An error of a volume as an issue of what lies at this path.
pub(super) fn issue(view: &View, volume: usize, path: &[u8], error: &FsError) -> Issue {
    kanshiki_walk::contents::issue(view, volume, path, error)
}

/// What is wrong with an expression of the command line. The message has several lines that draw the expression; the last
/// says what is wrong.
pub(super) fn wrong_expression(what: &str, text: &str, error: &regex::Error) -> Failure {
    let message = error.to_string();
    let last = message.lines().last().unwrap_or_default();
    let reason = last.strip_prefix("error: ").unwrap_or(last);
    Failure::new(format!("`{}` is no {what}", harmless(text))).because(reason).exit(Exit::CommandLine)
}

/// Writes results until that fails, and keeps the failure.
pub(super) struct Writer<'a> {
    pub(super) output: &'a mut Output,
    pub(super) failure: Option<Failure>,
    /// How often what was looked for was found.
    pub(super) found: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(output: &'a mut Output) -> Self {
        Self { output, failure: None, found: 0 }
    }

    /// Writes rows that are ready, and tells issues.
    pub(super) fn write(&mut self, piece: &Piece) -> ControlFlow<()> {
        self.found = self.found.saturating_add(piece.found);
        let issues = piece.issues.iter().try_for_each(|issue| self.output.issue(issue));
        self.check(issues)?;
        let written = self.output.bytes(&piece.bytes);
        self.check(written)
    }

    /// Goes on unless something failed.
    pub(super) fn check(&mut self, result: Result<(), Failure>) -> ControlFlow<()> {
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    /// The failure, if there was one; else how often something was found.
    pub(super) fn end(self) -> Result<u64, Failure> {
        self.failure.map_or(Ok(self.found), Err)
    }
}

/// Adds a row in JSON. That it cannot be made is an issue.
pub(super) fn push_object(piece: &mut Piece, kind: &'static str, body: &impl serde::Serialize) {
    match crate::output::object_line(kind, body) {
        Ok(line) => piece.bytes.extend_from_slice(line.as_bytes()),
        Err(failure) => piece.issues.push(Issue::new("output", failure.to_string())),
    }
}
