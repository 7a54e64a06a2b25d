//! What the administrator and packages have dpkg do: diversions, modes, and paths that are left out.

use super::FOLDER;
use super::lists::path;
use crate::file;
use crate::packages::Builder;
use kanshiki_filesystem::View;
use kanshiki_machine::settings::is_like;
use std::collections::HashMap;

/// Rules about paths that are kept.
const RULES: usize = 1000;

/// A path that is given to another package (dpkg-divert(1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion {
    /// The path.
    pub path: Vec<u8>,
    /// Where it lies for all packages but one.
    pub instead: Vec<u8>,
    /// The package whose file has the path; empty if it is the administrator's.
    pub package: Vec<u8>,
}

/// Mode and owner that a path is given (dpkg-statoverride(1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The owner, or `#` and its number.
    pub owner: Vec<u8>,
    /// The group, or `#` and its number.
    pub group: Vec<u8>,
    /// The permissions.
    pub mode: u16,
    /// The path.
    pub path: Vec<u8>,
}

/// The diversions of a file of three lines each (`ensure_diversions` of dpkg 1.21, lib/dpkg/db-fsys-divert.c).
#[must_use]
pub fn diversions(bytes: &[u8]) -> Vec<Diversion> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let found = lines.chunks_exact(3).filter_map(|lines| match lines {
        [from, to, package] => {
            let package = if *package == b":" { Vec::new() } else { package.to_vec() };
            Some(Diversion { path: path(from)?, instead: path(to)?, package })
        }
        _ => None,
    });
    found.collect()
}

/// The lines of `statoverride`: owner, group, mode in octal digits, path (`ensure_statoverrides` of dpkg 1.21,
/// lib/dpkg/db-fsys-override.c). Lines of no form are passed over.
#[must_use]
pub fn overrides(bytes: &[u8]) -> Vec<Override> {
    let found = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = line.splitn(4, |byte| *byte == b' ');
        let (owner, group) = (fields.next()?.to_vec(), fields.next()?.to_vec());
        let mode = std::str::from_utf8(fields.next()?).ok()?;
        let mode = u16::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777)?;
        Some(Override { owner, group, mode, path: path(fields.next()?)? })
    });
    found.collect()
}

/// Diversions and modes by path.
#[derive(Debug, Default)]
pub(super) struct Tables {
    diversions: HashMap<Vec<u8>, Diversion>,
    overrides: HashMap<Vec<u8>, Override>,
}

impl Tables {
    pub(super) fn read(view: &View, builder: &mut Builder) -> Self {
        let mut read = |name: &[u8]| match file::read(view, &[FOLDER, name].concat()) {
            Ok(file) => file.bytes,
            Err(error) => {
                error.issue().into_iter().for_each(|issue| builder.issue(issue));
                Vec::new()
            }
        };
        let diversions = diversions(&read(b"diversions"));
        let overrides = overrides(&read(b"statoverride"));
        Self {
            diversions: diversions.into_iter().map(|diversion| (diversion.path.clone(), diversion)).collect(),
            overrides: overrides.into_iter().map(|mode| (mode.path.clone(), mode)).collect(),
        }
    }

    /// Where a path of this package lies instead (`namenodetouse` of dpkg 1.21, src/main/help.c).
    pub(super) fn diversion(&self, path: &[u8], package: &[u8]) -> Option<&[u8]> {
        let diversion = self.diversions.get(path).filter(|diversion| diversion.package != package)?;
        Some(&diversion.instead)
    }

    /// Mode and owner that a path is given.
    pub(super) fn mode(&self, path: &[u8]) -> Option<&Override> {
        self.overrides.get(path)
    }
}

/// Which paths are left out when packages are unpacked.
#[derive(Debug, Default)]
pub(super) struct Excludes {
    /// Whether it takes paths in or leaves them out, and the form of the paths.
    rules: Vec<(bool, Vec<u8>)>,
}

impl Excludes {
    pub(super) fn read(view: &View) -> Self {
        let folder = b"/etc/dpkg/dpkg.cfg.d".as_slice();
        // Names as run-parts(8) has them (`load_config_files_dir` of dpkg 1.21, lib/dpkg/options-dirs.c).
        let is_settings =
            |name: &[u8]| name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let (names, _) = file::names(view, folder, &is_settings);
        let mut files: Vec<Vec<u8>> = names.iter().map(|name| [folder, b"/", name].concat()).collect();
        files.push(b"/etc/dpkg/dpkg.cfg".to_vec());
        let mut excludes = Self::default();
        for path in files {
            if let Ok(file) = file::read(view, &path) {
                excludes.add(&file.bytes);
            }
        }
        excludes
    }

    fn add(&mut self, settings: &[u8]) {
        for line in settings.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            let rule = |name: &[u8]| {
                let rest = line.strip_prefix(name)?;
                rest.starts_with(b"=").then(|| rest.get(1..)).flatten().or_else(|| rest.strip_prefix(b" "))
            };
            let rule = match (rule(b"path-exclude"), rule(b"path-include")) {
                (Some(form), _) => (false, form),
                (None, Some(form)) => (true, form),
                (None, None) => continue,
            };
            let form = rule.1.trim_ascii();
            let form = form.strip_prefix(b"\"").and_then(|form| form.strip_suffix(b"\"")).unwrap_or(form);
            if self.rules.len() < RULES && form.len() <= 1024 {
                self.rules.push((rule.0, form.to_vec()));
            }
        }
    }

    /// Whether a path is left out: the last rule that it fits counts (`filter_should_skip` of dpkg 1.21,
    /// src/main/filters.c).
    pub(super) fn leave_out(&self, path: &[u8]) -> bool {
        let last = self.rules.iter().rev().find(|(_, form)| is_like(path, form));
        last.is_some_and(|(takes_in, _)| !takes_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_diversion_is_for_all_packages_but_one() {
        let found = diversions(b"/bin/sh\n/bin/sh.distrib\ndash\n/usr/x\n/usr/x.orig\n:\n/short\n");
        let tables = Tables {
            diversions: found.into_iter().map(|found| (found.path.clone(), found)).collect(),
            ..Tables::default()
        };
        assert_eq!(tables.diversion(b"/bin/sh", b"bash"), Some(b"/bin/sh.distrib".as_slice()));
        assert_eq!(tables.diversion(b"/bin/sh", b"dash"), None);
        assert_eq!(tables.diversion(b"/usr/x", b"any"), Some(b"/usr/x.orig".as_slice()));
        assert_eq!(tables.diversion(b"/short", b"any"), None);
    }

    #[test]
    fn modes_are_octal_and_paths_may_have_blanks() {
        let found = overrides(b"root messagebus 4754 /usr/lib/a b\n#7 #8 0644 /x\nroot root 99 /y\nroot\n");
        let shown: Vec<_> = found.iter().map(|it| (it.owner.as_slice(), it.mode, it.path.as_slice())).collect();
        let expected: [(&[u8], u16, &[u8]); 2] = [(b"root", 0o4754, b"/usr/lib/a b"), (b"#7", 0o644, b"/x")];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_last_rule_about_a_path_counts() {
        let mut excludes = Excludes::default();
        excludes.add(b"# no documentation\npath-exclude=/usr/share/doc/*\n path-include \"/usr/share/doc/*/copyright\"\nno-debsig\n");
        let left_out = ["/usr/share/doc/bash/README", "/usr/share/doc/bash/copyright", "/usr/bin/bash"];
        assert_eq!(left_out.map(|path| excludes.leave_out(path.as_bytes())), [true, false, false]);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (diversions(&bytes), overrides(&bytes));
            let mut excludes = Excludes::default();
            excludes.add(&bytes);
            let _ = excludes.leave_out(&bytes);
        }
    }
}
