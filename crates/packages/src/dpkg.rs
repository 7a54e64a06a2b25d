//! The database of dpkg.
//!
//! | file | holds | source |
//! | --- | --- | --- |
//! | `/var/lib/dpkg/status`, `updates/*` | a paragraph for each package, with its conffiles and their MD5 | dpkg 1.21, deb-control(5), lib/dpkg/dbmodify.c |
//! | `/var/lib/dpkg/status.d/*` | the same, one package in each, with `NAME.md5sums` beside it: images without dpkg | distroless |
//! | `/var/lib/dpkg/info/NAME.list` | the paths of a package; `NAME:ARCHITECTURE.list` of one that may be there for several | dpkg(1), lib/dpkg/db-fsys-files.c |
//! | `/var/lib/dpkg/info/NAME.md5sums` | MD5 and path of its files, conffiles left out | deb-md5sums(5), lib/dpkg/db-fsys-digest.c |
//! | `/var/lib/dpkg/diversions` | three lines each: path, where it lies instead, the package that has the path now | dpkg-divert(1) |
//! | `/var/lib/dpkg/statoverride` | owner, group, mode and path | dpkg-statoverride(1) |
//! | `/etc/dpkg/dpkg.cfg`, `dpkg.cfg.d/*` | `path-exclude` and `path-include` | dpkg.cfg(5) |
//!
//! Nothing of it says what a file's mode, owner or type is: dpkg compares the MD5 alone, and so is done here.

mod lists;
mod status;
mod tables;
#[cfg(test)]
mod tests;

pub use lists::{Sum, list, sums};
pub use status::{Conffile, Paragraph, paragraphs};
pub use tables::{Diversion, Override, diversions, overrides};

use crate::entry::{Expected, FileFlags, FileState, Owner, Verify};
use crate::file::{self, Budget, File, NoFile};
use crate::package::{Manager, Package, PackageState};
use crate::packages::{Builder, NewEntry};
use kanshiki_filesystem::{NodeType, View};
use kanshiki_model::{Issue, Timestamp, visible};
use std::collections::{BTreeMap, HashMap, HashSet};
use tables::{Excludes, Tables};

/// Bytes of lists that are read; on the largest installations they have some 200 MiB.
const LIST_BYTES: u64 = 1 << 30;

/// Where the database lies.
const FOLDER: &[u8] = b"/var/lib/dpkg/";

/// Reads the database into `builder`, if there is one.
pub(crate) fn read(view: &View, builder: &mut Builder) {
    let tables = Tables::read(view, builder);
    let excludes = Excludes::read(view);
    let mut reader = Reader { view, tables: &tables, excludes: &excludes, budget: Budget::new(LIST_BYTES) };
    for paragraph in installed(view, builder) {
        reader.package(&paragraph, Lists::Info, builder);
    }
    let folder = [FOLDER, b"status.d"].concat();
    let (names, issues) = file::names(view, &folder, &|name| !name.ends_with(b".md5sums") && !name.starts_with(b"."));
    issues.into_iter().for_each(|issue| builder.issue(issue));
    for name in names {
        let path = [&folder, b"/".as_slice(), &name].concat();
        match reader.budget.read(view, &path) {
            Ok(file) => {
                for paragraph in paragraphs(&file.bytes) {
                    reader.package(&paragraph, Lists::Beside(&file, &path), builder);
                }
            }
            Err(error) => error.issue().into_iter().for_each(|issue| builder.issue(issue)),
        }
    }
}

/// The paragraphs of packages that are there: those of `status`, with those of `updates` in their place, in the order of
/// `status`.
fn installed(view: &View, builder: &mut Builder) -> Vec<Paragraph> {
    let mut files = vec![[FOLDER, b"status"].concat()];
    let folder = [FOLDER, b"updates"].concat();
    // dpkg reads names of digits alone (`cleanupdates` of lib/dpkg/dbmodify.c).
    let is_update = |name: &[u8]| !name.is_empty() && name.iter().all(u8::is_ascii_digit);
    let (names, issues) = file::names(view, &folder, &is_update);
    issues.into_iter().for_each(|issue| builder.issue(issue));
    files.extend(names.iter().map(|name| [&folder, b"/".as_slice(), name].concat()));
    let mut budget = Budget::new(LIST_BYTES);
    let mut found: Vec<Paragraph> = Vec::new();
    let mut places: HashMap<(Vec<u8>, Vec<u8>), usize> = HashMap::new();
    for path in files {
        let file = match budget.read(view, &path) {
            Ok(file) => file,
            Err(error) => {
                error.issue().into_iter().for_each(|issue| builder.issue(issue));
                continue;
            }
        };
        for paragraph in paragraphs(&file.bytes) {
            let key = (paragraph.name.clone(), paragraph.architecture.clone());
            match places.get(&key).and_then(|place| found.get_mut(*place)) {
                Some(earlier) => *earlier = paragraph,
                None => {
                    places.insert(key, found.len());
                    found.push(paragraph);
                }
            }
        }
    }
    found
}

/// Where the lists of a package are.
#[derive(Clone, Copy)]
enum Lists<'a> {
    /// In the folder `info`.
    Info,
    /// Beside its paragraph, which lies in this file at this path.
    Beside(&'a File, &'a [u8]),
}

/// A list of a package, with the path that it was found at.
type Listed = Option<(Vec<u8>, File)>;

struct Reader<'a> {
    view: &'a View,
    tables: &'a Tables,
    excludes: &'a Excludes,
    budget: Budget,
}

impl Reader<'_> {
    fn package(&mut self, paragraph: &Paragraph, lists: Lists<'_>, builder: &mut Builder) {
        let Some(state) = paragraph.state else { return };
        let (list, sums) = match lists {
            Lists::Info => (self.info(paragraph, "list", builder), self.info(paragraph, "md5sums", builder)),
            Lists::Beside(_, path) => (None, self.file([path, b".md5sums"].concat(), builder)),
        };
        let written = match lists {
            Lists::Info => list.as_ref().map(|(_, file)| file),
            Lists::Beside(file, _) => Some(file),
        };
        let package = Package {
            manager: Manager::Dpkg,
            name: paragraph.name.clone(),
            version: paragraph.version.clone(),
            architecture: paragraph.architecture.clone(),
            state,
            installed: written.and_then(modified),
            vendor: paragraph.maintainer.clone(),
            from_original: false,
        };
        if list.is_none() && matches!(lists, Lists::Info) && state != PackageState::ConfigFiles {
            let text = format!("the list of the files of the package {} is missing", visible(&paragraph.name));
            builder.issue(Issue::new(visible(&info_path(paragraph, "list", false)), text));
        }
        let Some(number) = builder.package(package) else { return };
        let found = Found { paragraph, number, list: list.as_ref(), sums: sums.as_ref() };
        self.files(&found, builder);
    }

    /// A list of the folder `info`; of packages that may be there for several architectures with the architecture in its name
    /// (`pkg_infodb_get_file` of dpkg 1.21, lib/dpkg/db-ctrl-access.c).
    fn info(&mut self, paragraph: &Paragraph, kind: &str, builder: &mut Builder) -> Listed {
        let found = self.file(info_path(paragraph, kind, paragraph.is_multiarch_same), builder);
        found.or_else(|| self.file(info_path(paragraph, kind, !paragraph.is_multiarch_same), builder))
    }

    fn file(&mut self, path: Vec<u8>, builder: &mut Builder) -> Listed {
        match self.budget.read(self.view, &path) {
            Ok(file) => Some((path, file)),
            Err(NoFile::Missing) => None,
            Err(NoFile::Issue(issue)) => {
                builder.issue(issue);
                None
            }
        }
    }

    /// Adds the files of a package.
    fn files(&self, found: &Found<'_>, builder: &mut Builder) {
        let digests = found.digests(builder);
        let paths: Vec<Vec<u8>> = match found.list {
            Some((path, file)) => list(&file.bytes, &mut |issue| builder.issue(issue.of(path))),
            // Images without dpkg have no lists, and what is in the sums is what is there.
            None => digests.keys().cloned().collect(),
        };
        let directories: HashSet<&[u8]> = paths.iter().map(|path| crate::place::split(path).0).collect();
        let conffiles: HashMap<&[u8], &Conffile> =
            found.paragraph.conffiles.iter().map(|conffile| (conffile.path.as_slice(), conffile)).collect();
        for path in &paths {
            let conffile = conffiles.get(path.as_slice()).copied();
            let sum = digests.get(path).map(|digest| digest.as_slice());
            // What the list of sums says goes before what the paragraph does (`verify_file` of src/main/verify.c).
            let digest =
                sum.or_else(|| conffile.and_then(|conffile| conffile.digest.as_ref().map(|digest| digest.as_slice())));
            let node_type = match digest {
                Some(_) => Some(NodeType::File),
                None => directories.contains(path.as_slice()).then_some(NodeType::Directory),
            };
            let expected = Expected { node_type, digest_bytes: digest.unwrap_or_default(), ..Expected::default() };
            let mut new = NewEntry {
                path,
                diverted: self.tables.diversion(path, &found.paragraph.name),
                expected,
                flags: conffile.map(Conffile::flags).unwrap_or_default(),
                verify: Verify::DIGEST.with(Verify::MODE),
                state: FileState::Normal,
            };
            self.mark(&mut new);
            if !builder.entry(found.number, &new) {
                return;
            }
        }
    }

    /// Adds what the settings of the machine say of a file.
    fn mark<'n>(&'n self, new: &mut NewEntry<'n>) {
        if new.diverted.is_some() {
            new.flags = new.flags.with(FileFlags::DIVERTED);
        }
        if self.excludes.leave_out(new.path) {
            new.flags = new.flags.with(FileFlags::LEFT_OUT);
        }
        if let Some(wanted) = self.tables.mode(new.path) {
            new.flags = new.flags.with(FileFlags::OVERRIDDEN);
            new.verify = new.verify.with(Verify::OWNER).with(Verify::GROUP);
            new.expected.mode = Some(wanted.mode);
            new.expected.owner = Some(Owner { name: &wanted.owner, number: None });
            new.expected.group = Some(Owner { name: &wanted.group, number: None });
        }
    }
}

/// A package with what was found of it.
struct Found<'a> {
    paragraph: &'a Paragraph,
    number: u32,
    list: Option<&'a (Vec<u8>, File)>,
    sums: Option<&'a (Vec<u8>, File)>,
}

impl Found<'_> {
    /// The digests of the list of sums, by path.
    fn digests(&self, builder: &mut Builder) -> BTreeMap<Vec<u8>, [u8; 16]> {
        let Some((path, file)) = self.sums else { return BTreeMap::new() };
        let sums = sums(&file.bytes, &mut |issue| builder.issue(issue.of(path)));
        sums.into_iter().map(|sum| (sum.path, sum.digest)).collect()
    }
}

fn info_path(paragraph: &Paragraph, kind: &str, with_architecture: bool) -> Vec<u8> {
    let mut path = [FOLDER, b"info/", &paragraph.name].concat();
    if with_architecture {
        path.push(b':');
        path.extend_from_slice(&paragraph.architecture);
    }
    path.push(b'.');
    path.extend_from_slice(kind.as_bytes());
    path
}

/// A path of an archive as lists have it, but for the root, which is `/` here.
pub(crate) fn plain_path(path: &[u8]) -> Vec<u8> {
    lists::path(path).filter(|path| path != b"/.").unwrap_or_else(|| b"/".to_vec())
}

fn modified(file: &File) -> Option<Timestamp> {
    file.located.node.times.modified?.timestamp()
}
