//! What differs between a file and what its package says of it, in the letters of `rpm -V` and `dpkg --verify`.
//!
//! | letter | differs |
//! | --- | --- |
//! | `S` | size |
//! | `M` | type or permissions |
//! | `5` | content, by its digest |
//! | `D` | number of the device |
//! | `L` | target of the link |
//! | `U` | owner |
//! | `G` | group |
//! | `T` | time of the last change |
//! | `P` | capabilities |
//!
//! Source: rpm 4.18, lib/verify.c, `rpmfilesVerify`; dpkg 1.21, src/main/verify.c.

use crate::entry::{Entry, FileFlags, FileState, Verify};
use crate::package::Manager;
use kanshiki_filesystem::{Capabilities, Node, NodeType};
use kanshiki_model::{Digest, visible};
use std::fmt;

/// The letters in their order.
const LETTERS: [(Verify, char); 9] = [
    (Verify::SIZE, 'S'),
    (Verify::MODE, 'M'),
    (Verify::DIGEST, '5'),
    (Verify::DEVICE, 'D'),
    (Verify::LINK, 'L'),
    (Verify::OWNER, 'U'),
    (Verify::GROUP, 'G'),
    (Verify::TIME, 'T'),
    (Verify::CAPABILITIES, 'P'),
];

/// The bits of `st_mode` that are no type.
const PERMISSIONS: u16 = 0o7777;

/// A file as it lies in the image.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The node of the name itself, links not followed.
    pub node: &'a Node,
    /// Of a symbolic link that leads to a directory, that directory.
    pub directory: Option<&'a Node>,
    /// The digest of the content by the algorithm of the entry, of a symbolic link that of the file that it leads to; `None` if
    /// it cannot be read, or was not asked for.
    pub digest: Option<&'a Digest>,
    /// Where a symbolic link leads to; `None` if that cannot be read, or it is none.
    pub link_target: Option<&'a [u8]>,
    /// The value of `security.capability`, if there is one.
    pub capabilities: Option<&'a [u8]>,
    /// Whether an access control list gives more than the permissions say.
    pub has_access_list: bool,
}

/// Why nothing lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// There is no such name.
    NotThere,
    /// Something on the way is no directory.
    NotADirectory,
    /// Links on the way lead in a circle.
    TooManyLinks,
    /// It cannot be told, since something on the way is damaged or unreadable.
    Unreadable,
}

impl Missing {
    /// What both programs write behind the path, as they have it of the kernel (strerror(3)).
    const fn text(self) -> &'static str {
        match self {
            Self::NotThere => "",
            Self::NotADirectory => " (Not a directory)",
            Self::TooManyLinks => " (Too many levels of symbolic links)",
            Self::Unreadable => " (Input/output error)",
        }
    }
}

/// What differs. Shown as nine letters, `.` for what is alike and `?` for what cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Why nothing was found, if that is so.
    pub missing: Option<Missing>,
    /// What differs, or could not be read.
    pub failed: Verify,
    /// What of it could not be read.
    pub unreadable: Verify,
    /// What was compared.
    pub compared: Verify,
    manager: Manager,
}

impl Difference {
    /// Whether nothing differs.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.missing.is_none() && self.failed.0 == 0
    }

    fn new(manager: Manager) -> Self {
        let none = Verify::default();
        Self { missing: None, failed: none, unreadable: none, compared: none, manager }
    }

    fn check(&mut self, what: Verify, is_alike: bool) {
        self.compared = self.compared.with(what);
        if !is_alike {
            self.failed = self.failed.with(what);
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.missing.is_some() {
            return f.write_str("missing  ");
        }
        LETTERS.into_iter().try_for_each(|(what, letter)| {
            let unknown = self.manager == Manager::Dpkg && !self.compared.has(what);
            let shown = match (self.failed.has(what), self.unreadable.has(what) || unknown) {
                (_, true) => '?',
                (true, _) => letter,
                (false, _) => '.',
            };
            write!(f, "{shown}")
        })
    }
}

/// Whether `rpm -V` or `dpkg --verify` writes a line for this.
#[must_use]
pub fn is_told(entry: &Entry<'_>, difference: &Difference) -> bool {
    if difference.missing.is_some() {
        let is_optional = entry.flags.has(FileFlags::MISSING_OK) || entry.flags.has(FileFlags::GHOST);
        return !is_optional;
    }
    difference.failed.0 != 0 || entry.package.manager == Manager::Rpm && !state(entry.state).is_empty()
}

/// The line that `rpm -V` or `dpkg --verify` writes for this, the path made visible.
#[must_use]
pub fn line(entry: &Entry<'_>, difference: &Difference) -> String {
    let (letter, missing) = (entry.flags.letter(), difference.missing.map(Missing::text));
    // dpkg writes the path where its package's file lies after diversions, rpm as the package has it.
    match (entry.package.manager, missing) {
        (Manager::Rpm, Some(why)) => format!("missing   {letter} {}{why}{}", visible(entry.path), state(entry.state)),
        (Manager::Rpm, None) => format!("{difference}  {letter} {}{}", visible(entry.path), state(entry.state)),
        (Manager::Dpkg, why) => format!("{difference} {letter} {}{}", visible(entry.lies_at), why.unwrap_or_default()),
    }
}

/// What rpm writes behind a path (`stateStr` of lib/verify.c).
const fn state(state: FileState) -> &'static str {
    match state {
        FileState::Normal | FileState::NotInstalled | FileState::NetShared | FileState::WrongColor => "",
        FileState::Replaced => " (replaced)",
        FileState::None => " (no state)",
        FileState::Unknown => " (unknown state)",
    }
}

/// Holds a file against what a package says of it.
#[must_use]
pub fn compare(entry: &Entry<'_>, found: Result<Observed<'_>, Missing>) -> Difference {
    let mut difference = Difference::new(entry.package.manager);
    let verify = match entry.state {
        FileState::NotInstalled | FileState::NetShared => return difference,
        FileState::Replaced => Verify::default(),
        FileState::WrongColor => {
            entry.verify.without(Verify::DIGEST).without(Verify::SIZE).without(Verify::TIME).without(Verify::DEVICE)
        }
        // A directory of several packages is as the first one made it; dpkg leaves it so.
        _ if entry.package.manager == Manager::Dpkg
            && entry.is_shared
            && entry.expected.node_type == Some(NodeType::Directory) =>
        {
            Verify::default()
        }
        FileState::Normal | FileState::None | FileState::Unknown => entry.verify,
    };
    match found {
        Err(missing) => difference.missing = Some(missing),
        Ok(observed) => match entry.package.manager {
            Manager::Dpkg if !entry.package.from_original => as_dpkg(entry, &observed, &mut difference),
            _ => as_rpm(entry, verify, &observed, &mut difference),
        },
    }
    difference
}

/// What the database of dpkg can tell: whether it is a file with this content, and what the administrator asked for.
fn as_dpkg(entry: &Entry<'_>, observed: &Observed<'_>, difference: &mut Difference) {
    let expected = &entry.expected;
    if let Some(digest) = expected.digest() {
        if observed.node.node_type != NodeType::File {
            difference.check(Verify::MODE, false);
        }
        digests(&digest, observed, difference);
    }
    if entry.flags.has(FileFlags::OVERRIDDEN) && observed.node.node_type != NodeType::Symlink {
        let node = observed.node;
        if let Some(mode) = expected.mode {
            let is_alike = mode & PERMISSIONS == node.mode & PERMISSIONS && !difference.failed.has(Verify::MODE);
            difference.check(Verify::MODE, is_alike);
        }
        owners(entry, node, entry.verify, difference);
    }
}

fn digests(digest: &Digest, observed: &Observed<'_>, difference: &mut Difference) {
    difference.check(Verify::DIGEST, observed.digest == Some(digest));
    if observed.digest.is_none() {
        difference.unreadable = difference.unreadable.with(Verify::DIGEST);
    }
}

/// Owner and group; one whose name the image does not have counts as root, which is whom rpm gives its files.
fn owners(entry: &Entry<'_>, node: &Node, verify: Verify, difference: &mut Difference) {
    for (what, owner, found) in
        [(Verify::OWNER, entry.expected.owner, node.uid), (Verify::GROUP, entry.expected.group, node.gid)]
    {
        if let Some(owner) = owner.filter(|_| verify.has(what)) {
            difference.check(what, owner.number.unwrap_or(0) == found);
        }
    }
}

/// What the database of rpm, or a package file, can tell.
fn as_rpm(entry: &Entry<'_>, verify: Verify, observed: &Observed<'_>, difference: &mut Difference) {
    let expected = &entry.expected;
    // A link to a directory in its place is as good, if it is root's or that of the directory's owner.
    let node = match observed.directory {
        Some(directory)
            if expected.node_type == Some(NodeType::Directory)
                && (observed.node.uid == 0 || observed.node.uid == directory.uid) =>
        {
            directory
        }
        _ => observed.node,
    };
    let is_ghost = entry.flags.has(FileFlags::GHOST);
    let is_file = node.node_type == NodeType::File;
    let has = |what: Verify| verify.has(what);
    if has(Verify::DIGEST) && is_file && !is_ghost {
        match (expected.digest(), expected.node_type) {
            (Some(digest), _) => digests(&digest, observed, difference),
            // Where the package has no file, a file has other content than it.
            (None, Some(other)) if other != NodeType::File => difference.check(Verify::DIGEST, false),
            (None, _) => {}
        }
    }
    if has(Verify::LINK) && node.node_type == NodeType::Symlink && !is_ghost {
        let target = observed.link_target;
        difference.check(Verify::LINK, target.is_some() && target == expected.link_target);
        if target.is_none() {
            difference.unreadable = difference.unreadable.with(Verify::LINK);
        }
    }
    // What is neither file nor link has no size in a package.
    let size = expected.size.or(expected.node_type.map(|_| 0));
    if let Some(size) = size.filter(|_| has(Verify::SIZE) && is_file && !is_ghost) {
        difference.check(Verify::SIZE, size == node.size);
    }
    if has(Verify::MODE) && node.node_type != NodeType::Symlink {
        mode(entry, node, observed.has_access_list, difference);
    }
    if has(Verify::DEVICE) {
        device(entry, node, difference);
    }
    if let Some(text) = expected.capabilities.filter(|_| has(Verify::CAPABILITIES) && is_file) {
        let wanted = if text.is_empty() { None } else { Capabilities::of_text(text) };
        difference.check(Verify::CAPABILITIES, wanted == observed.capabilities.map(found_capabilities));
    }
    // Of a path that several packages have, one alone can have set the time.
    if let Some(time) = expected.modified.filter(|_| has(Verify::TIME) && is_file && !is_ghost && !entry.is_shared) {
        difference.check(Verify::TIME, node.times.modified.is_some_and(|modified| modified.seconds() == time));
    }
    owners(entry, node, verify, difference);
}

/// Capabilities of a file; those that cannot be read are all that there are, so that they are like none that a package gives.
fn found_capabilities(value: &[u8]) -> Capabilities {
    let all = Capabilities { effective: u64::MAX, permitted: u64::MAX, inheritable: u64::MAX, root: u32::MAX };
    Capabilities::of_value(value).unwrap_or(all)
}

fn mode(entry: &Entry<'_>, node: &Node, has_access_list: bool, difference: &mut Difference) {
    let Some(mut wanted) = entry.expected.mode else { return };
    // rpm gives the rights of no account that is not there.
    let is_unknown = |owner: Option<crate::Owner<'_>>| owner.is_some_and(|owner| owner.number.is_none());
    if is_unknown(entry.expected.owner) {
        wanted &= !0o4000;
    }
    if is_unknown(entry.expected.group) {
        wanted &= !0o2000;
    }
    let bits = if entry.flags.has(FileFlags::GHOST) { PERMISSIONS } else { u16::MAX };
    difference.check(Verify::MODE, wanted & bits == node.mode & bits && !has_access_list);
}

fn device(entry: &Entry<'_>, node: &Node, difference: &mut Difference) {
    let is_device = |node_type: NodeType| matches!(node_type, NodeType::CharacterDevice | NodeType::BlockDevice);
    let Some(wanted) = entry.expected.node_type else { return };
    if !is_device(wanted) && !is_device(node.node_type) {
        return;
    }
    // The 16 bits that rpm keeps: 8 of the driver's number, 8 of the device's.
    let found = node.device.map(|device| (device.major & 0xff) << 8 | device.minor & 0xff);
    let is_alike = wanted == node.node_type && entry.expected.device.map(u32::from) == found;
    difference.check(Verify::DEVICE, is_alike);
}

#[cfg(test)]
mod tests;
