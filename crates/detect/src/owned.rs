//! Whose a file is: a package's, changed or not, or nobody's.

use kanshiki_model::visible;
use kanshiki_packages::{FileFlags, Packages};
use std::collections::HashSet;

/// What the package databases say of the files of an image.
#[derive(Debug)]
pub(crate) struct Owned {
    packages: Packages,
    /// The places of files whose content is not what their package says.
    changed: HashSet<Vec<u8>>,
}

/// Whose a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The image has no package database that could be read.
    NotKnown,
    /// No package has it.
    Nobody,
    /// A package has it, and its content is what the package says, or the package says nothing of it.
    Package(String),
    /// A package has it, but its content is another.
    Changed(String),
}

impl Owner {
    /// Whether a package answers for the content.
    pub(crate) const fn is_package(&self) -> bool {
        matches!(self, Self::Package(_))
    }

    /// In words, behind `it`.
    pub(crate) fn belongs(&self) -> String {
        match self {
            Self::NotKnown => "belongs to nobody knows whom, as no database of packages was read".to_owned(),
            other => format!("belongs to {}", other.words()),
        }
    }

    /// In words, for a table.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::NotKnown => "not known".to_owned(),
            Self::Nobody => "no package".to_owned(),
            Self::Package(name) => name.clone(),
            Self::Changed(name) => format!("{name}, changed"),
        }
    }
}

impl Owned {
    pub(crate) const fn new(packages: Packages, changed: HashSet<Vec<u8>>) -> Self {
        Self { packages, changed }
    }

    /// What the databases say.
    pub(crate) const fn packages(&self) -> &Packages {
        &self.packages
    }

    /// Whether packages are known at all.
    pub(crate) fn is_known(&self) -> bool {
        self.packages.packages().next().is_some()
    }

    /// Whose the file at this place is, a path without links in its directories.
    pub(crate) fn of(&self, place: &[u8]) -> Owner {
        if !self.is_known() {
            return Owner::NotKnown;
        }
        // What a package creates at its first run, but does not bring, it does not answer for.
        let entry = self.packages.of(place).find(|entry| !entry.flags.has(FileFlags::GHOST));
        match entry {
            None => Owner::Nobody,
            Some(entry) => {
                let name = visible(&entry.package.name);
                if self.changed.contains(place) { Owner::Changed(name) } else { Owner::Package(name) }
            }
        }
    }
}
