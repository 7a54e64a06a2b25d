//! Completion of verbs, and of names inside the image.

use super::line::{ends_options, last_word, pipe, unquoted};
use super::verbs;
use crate::evidence::Evidence;
use kanshiki_filesystem::{Entry, EntryState, Follow, NodeType};
use kanshiki_model::visible;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use std::cell::RefCell;
use std::ffi::OsStr;
use std::rc::Rc;

/// Entries of a directory that are looked at, so that Tab answers in a directory of any size.
const LOOKED_AT: usize = 200_000;

/// Names that are offered.
const OFFERED: usize = 500;

/// Knows what may stand at the end of a line.
pub(super) struct Inside {
    evidence: Rc<RefCell<Evidence>>,
}

impl Inside {
    pub(super) const fn new(evidence: Rc<RefCell<Evidence>>) -> Self {
        Self { evidence }
    }

    fn names(&self, word: &str) -> Vec<Pair> {
        let evidence = self.evidence.borrow();
        let (above, begun) = word.rsplit_once('/').map_or(("", word), |(above, begun)| (above, begun));
        // What is before the slash, with it; for a name at the root that is the slash alone.
        let shown = word.get(..word.len() - begun.len()).unwrap_or_default();
        let directory = match (above, shown) {
            ("", "/") => Some("/"),
            ("", _) => None,
            (above, _) => Some(above),
        };
        let Ok(located) = evidence.locate(directory.map(OsStr::new), Follow::All) else { return Vec::new() };
        let Ok(entries) = evidence.view.children(located.place) else { return Vec::new() };
        let live = entries.take(LOOKED_AT).flatten().filter(|entry| entry.state == EntryState::Live);
        let mut pairs: Vec<Pair> = live
            .filter(|entry| entry.name != b"." && entry.name != b"..")
            .filter_map(|entry| {
                let name = visible(&entry.name);
                // Names with a dot in front are offered when one was typed.
                let offered = name.starts_with(begun) && (!name.starts_with('.') || begun.starts_with('.'));
                offered.then(|| {
                    let end = if is_directory(&evidence, located.place.volume, &entry) { "/" } else { "" };
                    let whole = format!("{shown}{name}{end}");
                    Pair { display: format!("{name}{end}"), replacement: shell_words::quote(&whole).into_owned() }
                })
            })
            .take(OFFERED)
            .collect();
        pairs.sort_by(|a, b| a.display.cmp(&b.display));
        pairs
    }
}

fn is_directory(evidence: &Evidence, volume: usize, entry: &Entry) -> bool {
    match entry.node_type {
        Some(node_type) => node_type == NodeType::Directory,
        None => evidence.view.child(volume, entry).is_ok_and(|(_, node)| node.node_type == NodeType::Directory),
    }
}

impl Completer for Inside {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _context: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..at).unwrap_or(line);
        let start = last_word(before);
        let word = unquoted(before.get(start..).unwrap_or_default());
        let front = before.get(..start).unwrap_or_default();
        if pipe(before).is_some() || (word.starts_with('-') && !ends_options(front)) {
            return Ok((at, Vec::new()));
        }
        if front.trim().is_empty() {
            let verbs = verbs::names().into_iter().filter(|verb| verb.starts_with(&word));
            let pair = |verb: String| Pair { replacement: format!("{verb} "), display: verb };
            return Ok((start, verbs.map(pair).collect()));
        }
        Ok((start, self.names(&word)))
    }
}

impl Hinter for Inside {
    type Hint = String;
}

impl Highlighter for Inside {}

impl Validator for Inside {}

impl Helper for Inside {}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_filesystem::{MemoryFileSystem, View, Volume};
    use rustyline::history::MemHistory;
    use std::sync::Arc;

    fn offered(line: &str) -> (usize, Vec<String>) {
        let mut filesystem = MemoryFileSystem::new();
        let etc = filesystem.add(2, b"etc", NodeType::Directory, b"");
        filesystem.add(2, b"evil\x1b", NodeType::File, b"");
        filesystem.add(2, b".hidden", NodeType::File, b"");
        filesystem.add(2, b"-rf", NodeType::File, b"");
        filesystem.add(etc, b"passwd", NodeType::File, b"");
        filesystem.add(etc, b"pass word", NodeType::File, b"");
        let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
        let inside = Inside::new(Rc::new(RefCell::new(Evidence::of(view))));
        let history = MemHistory::new();
        let (at, pairs) = inside.complete(line, line.len(), &Context::new(&history)).unwrap();
        (at, pairs.into_iter().map(|pair| pair.replacement).collect())
    }

    #[test]
    fn verbs_are_completed_first_and_names_behind_them() {
        let (at, verbs) = offered("st");
        assert!(at == 0 && verbs.contains(&"stat ".to_owned()), "{verbs:?}");
        assert_eq!(offered("cat e"), (4, vec!["etc/".to_owned(), "'evil\\u{1b}'".to_owned()]));
        assert_eq!(offered("cat -n etc/passw"), (7, vec!["etc/passwd".to_owned()]));
        assert_eq!(offered("cat /etc/pass"), (4, vec!["'/etc/pass word'".to_owned(), "/etc/passwd".to_owned()]));
        assert_eq!(offered("cat 'etc/pass w"), (4, vec!["'etc/pass word'".to_owned()]));
        assert_eq!(offered("ls .h"), (3, vec![".hidden".to_owned()]));
        assert_eq!(offered("cat -r").1, Vec::<String>::new());
        assert_eq!(offered("cat -- -r"), (7, vec!["-rf".to_owned()]));
        assert_eq!(offered("cat -n -- etc/passwd '-"), (21, vec!["-rf".to_owned()]));
        assert_eq!(offered("cat ' -- ' -r").1, Vec::<String>::new());
        assert_eq!(offered("cat etc/passwd | le").1, Vec::<String>::new());
    }
}
