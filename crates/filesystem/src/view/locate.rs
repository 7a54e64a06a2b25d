//! From a path to a node.

use super::{Place, View};
use crate::{FsError, Node, NodeType};
use kanshiki_model::EvidencePath;

/// Symbolic links followed for one path, as Linux does (`MAXSYMLINKS`, include/linux/namei.h).
const LINKS: u32 = 40;

/// Names walked through for one path, those out of links among them.
const NAMES: usize = 4096;

/// Which symbolic links of a path to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// All of them.
    All,
    /// All but one in the last place.
    AllButLast,
}

/// What a path leads to.
#[derive(Debug, Clone)]
pub struct Located {
    /// The path without links, `.` and `..`.
    pub path: EvidencePath,
    /// The node's place.
    pub place: Place,
    /// The node.
    pub node: Node,
}

/// Why a path leads to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// A directory on the way has no such entry.
    #[error("`{path}` does not exist")]
    NotFound {
        /// The path up to the name that is missing.
        path: EvidencePath,
    },
    /// Something on the way is no directory.
    #[error("`{path}` is no directory")]
    NotADirectory {
        /// The path up to what is no directory.
        path: EvidencePath,
    },
    /// The links lead round in a circle, or too far.
    #[error("`{path}` leads through more than {LINKS} symbolic links, or too many names")]
    TooManyLinks {
        /// The path that was asked for.
        path: EvidencePath,
    },
    /// The filesystem could not give something on the way.
    #[error("cannot go through `{path}`")]
    Filesystem {
        /// The path up to the trouble.
        path: EvidencePath,
        /// The trouble.
        #[source]
        source: FsError,
    },
}

impl View {
    /// What a path leads to, as a process on the host would have found it, permissions aside. Absolute links begin at the
    /// view's root, and `..` stops there.
    ///
    /// # Errors
    ///
    /// [`LookupError`].
    pub fn lookup(&self, path: &EvidencePath, follow: Follow) -> Result<Located, LookupError> {
        let mut trail = Trail::start(self)?;
        let mut rest: Vec<Vec<u8>> = path.names().map(<[u8]>::to_vec).collect();
        // The next name is the last of `rest`, so that the names of a link can be put before the others.
        rest.reverse();
        let (mut links, mut names) = (0_u32, 0_usize);
        while let Some(name) = rest.pop() {
            names = names.saturating_add(1);
            if names > NAMES {
                return Err(LookupError::TooManyLinks { path: path.clone() });
            }
            let Some(found) = trail.step(self, &name)? else { continue };
            if found.node.node_type != NodeType::Symlink || (rest.is_empty() && follow == Follow::AllButLast) {
                trail.push(found);
                continue;
            }
            links = links.saturating_add(1);
            if links > LINKS {
                return Err(LookupError::TooManyLinks { path: path.clone() });
            }
            let target = self.target(&found)?;
            if target.first() == Some(&b'/') {
                trail = Trail::start(self)?;
            }
            let target = EvidencePath::from_bytes(target);
            let before = rest.len();
            rest.extend(target.names().map(<[u8]>::to_vec));
            if let Some(new) = rest.get_mut(before..) {
                new.reverse();
            }
        }
        Ok(trail.end())
    }

    fn target(&self, link: &Located) -> Result<Vec<u8>, LookupError> {
        let wrap = |source| LookupError::Filesystem { path: link.path.clone(), source };
        self.volume(link.place.volume).and_then(|filesystem| filesystem.link_target(link.place.node)).map_err(wrap)
    }
}

/// The directories that were gone through, so that `..` needs no help from the disk.
struct Trail {
    root: Located,
    below: Vec<Located>,
}

impl Trail {
    fn start(view: &View) -> Result<Self, LookupError> {
        let path = EvidencePath::root();
        match view.root() {
            Ok((place, node)) => Ok(Self { root: Located { path, place, node }, below: Vec::new() }),
            Err(source) => Err(LookupError::Filesystem { path, source }),
        }
    }

    fn here(&self) -> &Located {
        self.below.last().unwrap_or(&self.root)
    }

    /// What `name` leads to; `None` if it only moves among the directories gone through.
    fn step(&mut self, view: &View, name: &[u8]) -> Result<Option<Located>, LookupError> {
        let here = self.here();
        if here.node.node_type != NodeType::Directory {
            return Err(LookupError::NotADirectory { path: here.path.clone() });
        }
        if name == b"." {
            return Ok(None);
        }
        if name == b".." {
            self.below.pop();
            return Ok(None);
        }
        let path = here.path.join(name);
        let wrap = |source| LookupError::Filesystem { path: path.clone(), source };
        let place = here.place;
        let filesystem = view.volume(place.volume).map_err(wrap)?;
        let entry = filesystem.lookup(place.node, name).map_err(wrap)?;
        let Some(entry) = entry else { return Err(LookupError::NotFound { path }) };
        let (place, node) = view.child(place.volume, &entry).map_err(wrap)?;
        Ok(Some(Located { path, place, node }))
    }

    fn push(&mut self, found: Located) {
        self.below.push(found);
    }

    fn end(mut self) -> Located {
        self.below.pop().unwrap_or(self.root)
    }
}
