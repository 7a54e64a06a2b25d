//! Packages, and what managed them.

use kanshiki_model::{Timestamp, visible};
use std::fmt;

/// What keeps the database of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manager {
    /// Debian's and its descendants'.
    Dpkg,
    /// Red Hat's, SUSE's and their descendants'.
    Rpm,
}

impl Manager {
    /// The name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
        }
    }
}

/// What became of a package (dpkg(1), "Package states"). Of rpm's database all are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageState {
    /// Unpacked and set up.
    Installed,
    /// Waits for another package's trigger.
    TriggersAwaited,
    /// Its own trigger is to be run.
    TriggersPending,
    /// Setting it up began and did not end.
    HalfConfigured,
    /// Unpacked and not set up.
    Unpacked,
    /// Unpacking began and did not end.
    HalfInstalled,
    /// Removed but for its configuration.
    ConfigFiles,
    /// The database says something else.
    Unknown,
}

impl PackageState {
    /// The name, as dpkg writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::TriggersAwaited => "triggers-awaited",
            Self::TriggersPending => "triggers-pending",
            Self::HalfConfigured => "half-configured",
            Self::Unpacked => "unpacked",
            Self::HalfInstalled => "half-installed",
            Self::ConfigFiles => "config-files",
            Self::Unknown => "unknown",
        }
    }

    /// The state of this name; `None` for `not-installed`.
    pub(crate) fn of_name(name: &[u8]) -> Option<Self> {
        let all = [
            Self::Installed,
            Self::TriggersAwaited,
            Self::TriggersPending,
            Self::HalfConfigured,
            Self::Unpacked,
            Self::HalfInstalled,
            Self::ConfigFiles,
        ];
        if name == b"not-installed" {
            return None;
        }
        Some(all.into_iter().find(|state| state.name().as_bytes() == name).unwrap_or(Self::Unknown))
    }
}

/// A package of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// What keeps the database.
    pub manager: Manager,
    /// Its name.
    pub name: Vec<u8>,
    /// Its version as the manager writes it: `epoch:version-revision`, the epoch left out where there is none.
    pub version: Vec<u8>,
    /// The architecture, such as `amd64` or `x86_64`; empty where the database has none.
    pub architecture: Vec<u8>,
    /// What became of it.
    pub state: PackageState,
    /// When this version was installed: of rpm what the database says (`INSTALLTIME`), of dpkg when the list of its files was
    /// written, which dpkg does each time that it unpacks it.
    pub installed: Option<Timestamp>,
    /// Who says that they made it: dpkg's `Maintainer`, rpm's `VENDOR`; empty if nobody.
    pub vendor: Vec<u8>,
    /// Whether what is expected of its files was taken from the package file itself and not from the database of the image.
    pub from_original: bool,
}

impl fmt::Display for Package {
    /// The name with architecture and version, made visible: `bash 5.2.15-2+b8 amd64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", visible(&self.name), visible(&self.version))?;
        if self.architecture.is_empty() { Ok(()) } else { write!(f, " {}", visible(&self.architecture)) }
    }
}
