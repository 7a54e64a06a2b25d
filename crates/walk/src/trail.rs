//! Paths of directories that are under way, each kept as its name and the one above it.

use std::sync::Arc;

/// The path of a directory: a name, and the directory that it stands in. Deep trees would take memory by the square of
/// their depth if every directory kept its whole path.
#[derive(Debug)]
pub(crate) struct Trail {
    above: Option<Arc<Trail>>,
    name: Box<[u8]>,
    depth: usize,
}

impl Trail {
    /// Begins with a whole path, at depth 0.
    pub(crate) fn start(path: &[u8]) -> Arc<Self> {
        Arc::new(Self { above: None, name: path.into(), depth: 0 })
    }

    /// A directory in this one.
    pub(crate) fn join(self: &Arc<Self>, name: &[u8]) -> Arc<Self> {
        let depth = self.depth.saturating_add(1);
        Arc::new(Self { above: Some(Arc::clone(self)), name: name.into(), depth })
    }

    /// Directories between the start and this one.
    pub(crate) const fn depth(&self) -> usize {
        self.depth
    }

    /// The path, ending without a slash unless it is `/`.
    pub(crate) fn path(&self) -> Vec<u8> {
        let mut names: Vec<&[u8]> = Vec::with_capacity(self.depth.saturating_add(1));
        let mut next = Some(self);
        while let Some(trail) = next {
            names.push(&trail.name);
            next = trail.above.as_deref();
        }
        let mut path = Vec::new();
        for name in names.into_iter().rev() {
            push_name(&mut path, name);
        }
        path
    }
}

/// Adds a name to a path, with a slash between them.
pub(crate) fn push_name(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() && path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_to_the_path_that_an_evidence_path_has() {
        let trail = Trail::start(b"/").join(b"etc").join(b"a\n/");
        assert_eq!(trail.path(), b"/etc/a\n/");
        assert_eq!(trail.depth(), 2);
        assert_eq!(Trail::start(b"/").path(), b"/");
    }
}
