//! What a file must be to be found. All conditions must hold; of the values of one condition, one is enough.

use crate::bounds::{Numbers, Times};
use crate::pattern::Pattern;
use kanshiki_filesystem::{FsError, Node, NodeState, NodeTimes, NodeType, Place, View};
use kanshiki_model::FileTime;
use kanshiki_walk::Item;
use regex::bytes::Regex;

/// The attribute that holds capabilities (capabilities(7), "File capabilities").
const CAPABILITY: &[u8] = b"security.capability";

/// A condition on the permissions, as find(1) has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeTest {
    /// Exactly these bits.
    Exactly(u16),
    /// All of these bits: `-4000`.
    All(u16),
    /// Any of these bits: `/6000`.
    Any(u16),
}

impl ModeTest {
    /// Whether a mode meets it; the bits of the type do not count.
    #[must_use]
    pub const fn matches(self, mode: u16) -> bool {
        let mode = mode & 0o7777;
        match self {
            Self::Exactly(bits) => mode == bits,
            Self::All(bits) => mode & bits == bits,
            Self::Any(bits) => mode & bits != 0,
        }
    }
}

/// The text is no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no mode: expected octal digits up to 7777, alone, behind - (all of these) or / (any of these)")]
pub struct ModeError {
    found: String,
}

impl std::str::FromStr for ModeTest {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        let wrong = || ModeError { found: text.to_owned() };
        let bits = |digits: &str| u16::from_str_radix(digits, 8).ok().filter(|bits| *bits <= 0o7777).ok_or_else(wrong);
        match text.split_at_checked(1) {
            Some(("-", digits)) => bits(digits).map(Self::All),
            Some(("/", digits)) => bits(digits).map(Self::Any),
            _ => bits(text).map(Self::Exactly),
        }
    }
}

/// A time of an inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeKind {
    /// Content last changed.
    Modified,
    /// Last read.
    Accessed,
    /// Inode last changed.
    Changed,
    /// Created.
    Created,
    /// Deleted.
    Deleted,
}

impl TimeKind {
    /// All of them, in the order of their letters `macbd`.
    pub const ALL: [Self; 5] = [Self::Modified, Self::Accessed, Self::Changed, Self::Created, Self::Deleted];

    /// This time of an inode.
    #[must_use]
    pub const fn of(self, times: &NodeTimes) -> Option<FileTime> {
        match self {
            Self::Modified => times.modified,
            Self::Accessed => times.accessed,
            Self::Changed => times.changed,
            Self::Created => times.created,
            Self::Deleted => times.deleted,
        }
    }

    /// The name in output for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::Accessed => "accessed",
            Self::Changed => "changed",
            Self::Created => "created",
            Self::Deleted => "deleted",
        }
    }
}

/// A condition on the extended attributes: one whose name matches, and, where a value is asked for, its value too.
#[derive(Debug, Clone)]
pub struct XattrTest {
    /// What the name must match.
    pub name: Pattern,
    /// What the value must match.
    pub value: Option<Pattern>,
}

/// Which inodes count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum States {
    /// Those in use.
    #[default]
    Live,
    /// Deleted ones alone: removed names, and inodes without a name.
    Deleted,
    /// All, those in use that no name leads to among them.
    All,
}

/// What a file must be. An empty list, or none, is no condition.
#[derive(Debug, Clone, Default)]
pub struct Criteria {
    /// Patterns for the name.
    pub names: Vec<Pattern>,
    /// Patterns for the whole path.
    pub paths: Vec<Pattern>,
    /// Expressions that match somewhere in the path.
    pub regexes: Vec<Regex>,
    /// Types.
    pub types: Vec<NodeType>,
    /// Length of the content in bytes.
    pub size: Option<Numbers>,
    /// Number of names.
    pub links: Option<Numbers>,
    /// Number of the inode.
    pub inode: Option<Numbers>,
    /// Owners; `Some` of an empty list is met by none.
    pub users: Option<Vec<u32>>,
    /// Groups; `Some` of an empty list is met by none.
    pub groups: Option<Vec<u32>>,
    /// Permissions; all must be met.
    pub modes: Vec<ModeTest>,
    /// Whether it must have capabilities.
    pub capability: bool,
    /// Extended attributes; all must be met.
    pub xattrs: Vec<XattrTest>,
    /// Times; all must be met. A time that is not recorded meets none.
    pub times: Vec<(TimeKind, Times)>,
    /// In use, or deleted.
    pub states: States,
    /// Names between the start and what is found.
    pub depth: Option<Numbers>,
}

impl Criteria {
    /// Whether anything here needs the node, and not only its name.
    fn needs_node(&self) -> bool {
        !self.types.is_empty()
            || self.size.is_some()
            || self.links.is_some()
            || self.inode.is_some()
            || self.users.is_some()
            || self.groups.is_some()
            || !self.modes.is_empty()
            || self.capability
            || !self.xattrs.is_empty()
            || !self.times.is_empty()
    }

    /// Whether something that a sweep came by is to be told.
    ///
    /// # Errors
    ///
    /// [`FsError`] if that depends on attributes that cannot be read.
    pub fn matches(&self, view: &View, item: &Item<'_>) -> Result<bool, FsError> {
        let is_plain = item.live && item.attached;
        if self.states == States::Live && !is_plain || self.states == States::Deleted && item.live {
            return Ok(false);
        }
        if self.depth.is_some_and(|depth| !depth.contains(u64::try_from(item.depth).unwrap_or(u64::MAX))) {
            return Ok(false);
        }
        if !self.matches_path(item.path) {
            return Ok(false);
        }
        match &item.found {
            Ok((place, node)) => self.matches_node(view, *place, node),
            Err(_) => Ok(!self.needs_node()),
        }
    }

    /// Whether a deleted inode that has no name is to be told.
    ///
    /// # Errors
    ///
    /// As [`Self::matches`].
    pub fn matches_nameless(&self, view: &View, place: Place, node: &Node) -> Result<bool, FsError> {
        let needs_name = !(self.names.is_empty() && self.paths.is_empty() && self.regexes.is_empty());
        if self.states == States::Live || needs_name || self.depth.is_some() {
            return Ok(false);
        }
        self.matches_node(view, place, node)
    }

    fn matches_path(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        let name = if name.is_empty() { path } else { name };
        (self.names.is_empty() || self.names.iter().any(|pattern| pattern.matches(name)))
            && (self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.matches(path)))
            && (self.regexes.is_empty() || self.regexes.iter().any(|regex| regex.is_match(path)))
    }

    fn matches_node(&self, view: &View, place: Place, node: &Node) -> Result<bool, FsError> {
        let holds = (self.types.is_empty() || self.types.contains(&node.node_type))
            && self.size.is_none_or(|range| range.contains(node.size))
            && self.links.is_none_or(|range| range.contains(u64::from(node.links)))
            && self.inode.is_none_or(|range| range.contains(node.id.inode))
            && self.users.as_ref().is_none_or(|users| users.contains(&node.uid))
            && self.groups.as_ref().is_none_or(|groups| groups.contains(&node.gid))
            && self.modes.iter().all(|test| test.matches(node.mode))
            && self.times.iter().all(|(kind, times)| kind.of(&node.times).is_some_and(|time| times.contains(time)));
        if !holds || !self.capability && self.xattrs.is_empty() {
            return Ok(holds);
        }
        self.matches_xattrs(view, place)
    }

    fn matches_xattrs(&self, view: &View, place: Place) -> Result<bool, FsError> {
        let Some(filesystem) = view.filesystem(place) else { return Ok(false) };
        let mut met = vec![false; self.xattrs.len()];
        let (mut capability, mut damage) = (!self.capability, None);
        for xattr in filesystem.xattrs(place.node)? {
            let xattr = match xattr {
                Ok(xattr) => xattr,
                Err(error) => {
                    damage = damage.or(Some(error));
                    continue;
                }
            };
            capability |= xattr.name == CAPABILITY;
            for (test, met) in self.xattrs.iter().zip(&mut met) {
                *met |= test.name.matches(&xattr.name)
                    && test.value.as_ref().is_none_or(|value| value.matches(&xattr.value));
            }
        }
        match damage {
            // What cannot be read may be what is looked for.
            Some(error) if !(capability && met.iter().all(|met| *met)) => Err(error),
            _ => Ok(capability && met.iter().all(|met| *met)),
        }
    }
}

/// What is known of a name's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameState {
    /// In use.
    Live,
    /// Removed, or without a name; the inode is free.
    Deleted,
    /// Removed; the inode is in use again, by another file.
    Reused,
    /// Deleted while still open; there is no name.
    Orphan,
    /// In use, and no name leads there from the root.
    Unattached,
}

impl NameState {
    /// The state of what a sweep came by.
    #[must_use]
    pub fn of(item: &Item<'_>) -> Self {
        match &item.found {
            _ if item.live && !item.attached => Self::Unattached,
            _ if item.live => Self::Live,
            Ok((_, node)) if node.state == NodeState::Allocated => Self::Reused,
            Ok((_, node)) if node.state == NodeState::Orphan => Self::Orphan,
            _ => Self::Deleted,
        }
    }

    /// The state of an inode that has no name.
    #[must_use]
    pub const fn nameless(node: &Node) -> Self {
        match node.state {
            NodeState::Orphan => Self::Orphan,
            NodeState::Allocated | NodeState::Deleted => Self::Deleted,
        }
    }

    /// The name in output for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Deleted => "deleted",
            Self::Reused => "reused",
            Self::Orphan => "orphan",
            Self::Unattached => "unattached",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_find() {
        let test = |text: &str, mode| text.parse::<ModeTest>().unwrap().matches(mode);
        assert!(test("4755", 0o104_755) && !test("4755", 0o100_755));
        assert!(test("-4000", 0o104_755) && test("/6000", 0o102_755) && !test("/6000", 0o100_755));
        assert!("8".parse::<ModeTest>().is_err() && "10000".parse::<ModeTest>().is_err());
        assert!("é".parse::<ModeTest>().is_err() && "".parse::<ModeTest>().is_err());
    }
}
