//! Where the settings in an image have logs written to, so that logs in places of their own are read too. Those of web servers
//! are told with their forms (`parsers/web`).
//!
//! What is named is not judged: a log that is switched off by now may have been written before.

mod databases;
mod files;
mod syslog;

use kanshiki_filesystem::View;
use kanshiki_machine::config::{Config, Dialect};
use kanshiki_machine::settings;
use std::collections::HashSet;

/// Places that are kept of one image.
const PLACES: usize = 4096;

/// Paths that are looked up for one image, those that are named again too.
const LOOKED_UP: usize = 16 << 10;

/// Gathers the places.
#[derive(Debug)]
struct Named<'a> {
    view: &'a View,
    paths: Vec<Vec<u8>>,
    seen: HashSet<Vec<u8>>,
    looked_up: usize,
}

/// The paths of logs that the settings name, with `*` for what is put in when they are opened.
pub(crate) fn paths(view: &View) -> Vec<Vec<u8>> {
    let mut named = Named { view, paths: Vec::new(), seen: HashSet::new(), looked_up: 0 };
    databases::find(&mut named);
    syslog::find(&mut named);
    files::find(&mut named);
    named.paths
}

impl<'a> Named<'a> {
    fn config(&self, starts: &[&str], dialect: Dialect) -> Option<Config> {
        Config::gather(self.view, starts, dialect)
    }

    /// Keeps a path as a setting has it, with what its program puts in; one that is relative is not kept.
    fn add(&mut self, path: &[u8]) {
        self.add_pattern(settings::pattern(path));
    }

    /// Keeps a path relative to a folder.
    fn add_below(&mut self, folder: &[u8], path: &[u8]) {
        if path.starts_with(b"/") { self.add(path) } else { self.add(&[folder, b"/", path].concat()) }
    }

    /// Keeps a path with `*` for anything.
    fn add_pattern(&mut self, pattern: Vec<u8>) {
        let is_device = pattern.starts_with(b"/dev/") || pattern.starts_with(b"/proc/");
        if !pattern.starts_with(b"/") || is_device || self.paths.len() >= PLACES || self.looked_up >= LOOKED_UP {
            return;
        }
        self.looked_up = self.looked_up.saturating_add(1);
        let path = settings::real(self.view, without_empty_names(&pattern));
        if self.seen.insert(path.clone()) {
            self.paths.push(path);
        }
    }
}

/// A path without names that lead nowhere else: `/srv//log/./a/` is `/srv/log/a`.
fn without_empty_names(path: &[u8]) -> Vec<u8> {
    let names = path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    names.flat_map(|name| [b"/".as_slice(), name]).flatten().copied().collect()
}

#[cfg(test)]
mod tests;
