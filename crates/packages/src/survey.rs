//! What lies in the image and is no package's, and what gives rights beyond what packages give.

mod explained;

use crate::entry::Entry;
use crate::packages::Packages;
use explained::Explainer;
pub use explained::Explanation;
use kanshiki_filesystem::{Capabilities, FsError, Node, NodeType, Place, View};
use kanshiki_model::{EvidencePath, Issue};
use kanshiki_walk::contents::issue;
use kanshiki_walk::{Descend, Item, Order, SweepOptions, Sweeper, sweep};
use std::ops::ControlFlow;

/// Folders in which files are a package's, or need a reason. Each begins with a slash; `*` ends some.
const SYSTEM: &[&str] = &[
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/boot",
    "/usr/bin",
    "/usr/sbin",
    "/usr/games",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libx32",
    "/usr/libexec",
    "/usr/share/dbus-1",
    "/usr/share/initramfs-tools",
    "/usr/share/polkit-1",
    "/usr/share/xsessions",
    "/etc/NetworkManager/dispatcher.d",
    "/etc/X11/xinit",
    "/etc/X11/Xsession.d",
    "/etc/acpi",
    "/etc/apt/apt.conf.d",
    "/etc/cron*",
    "/etc/dhcp",
    "/etc/dpkg/dpkg.cfg.d",
    "/etc/init",
    "/etc/init.d",
    "/etc/initramfs-tools",
    "/etc/kernel",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/logrotate.d",
    "/etc/modprobe.d",
    "/etc/modules-load.d",
    "/etc/network/if-*",
    "/etc/pam.d",
    "/etc/profile.d",
    "/etc/rc*",
    "/etc/security",
    "/etc/ssh",
    "/etc/sudoers.d",
    "/etc/systemd",
    "/etc/udev",
    "/etc/update-motd.d",
    "/etc/xdg/autostart",
    "/etc/xinetd.d",
    "/etc/yum",
    "/etc/yum.repos.d",
];

/// Whether a path lies in a folder in which files are a package's, or need a reason.
#[must_use]
pub fn is_system(path: &[u8]) -> bool {
    SYSTEM.iter().any(|folder| match folder.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning.as_bytes()),
        None => path.strip_prefix(folder.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")),
    })
}

/// A file in a folder of the system that is no package's. Directories are not told.
#[derive(Debug, Clone)]
pub struct Unowned {
    /// Its path.
    pub path: EvidencePath,
    /// Where it lies.
    pub place: Place,
    /// Its node.
    pub node: Node,
    /// Why it may be there all the same, if that is known.
    pub explanation: Option<Explanation>,
}

/// How the rights that a file gives stand to those that packages give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A package, or the administrator through dpkg, gives them.
    Given,
    /// A package has the file with less.
    Beyond,
    /// A package has the file, and its database does not say with which rights: that of dpkg never does.
    Unknown,
    /// The file is no package's.
    Unowned,
}

impl Standing {
    /// The name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Beyond => "beyond",
            Self::Unknown => "unknown",
            Self::Unowned => "unowned",
        }
    }
}

/// A file that gives whoever runs it more rights: setuid, setgid, capabilities.
#[derive(Debug, Clone)]
pub struct Privileged {
    /// Its path.
    pub path: EvidencePath,
    /// Where it lies.
    pub place: Place,
    /// Its node.
    pub node: Node,
    /// Its capabilities, if it has some that can be read.
    pub capabilities: Option<Capabilities>,
    /// How that stands to what packages give.
    pub standing: Standing,
}

/// What a survey comes by.
#[derive(Debug)]
pub enum SurveyEvent {
    /// A file that is no package's.
    Unowned(Box<Unowned>),
    /// A file that gives rights.
    Privileged(Box<Privileged>),
    /// Something that could not be read.
    Damage(Issue),
}

/// Goes over the whole tree and hands on files of the system that are no package's, and all files that give rights, directory
/// by directory, by name in each.
pub fn survey(view: &View, packages: &Packages, emit: &mut dyn FnMut(SurveyEvent) -> ControlFlow<()>) {
    let (place, node) = match view.root() {
        Ok(root) => root,
        Err(error) => {
            let _ = emit(SurveyEvent::Damage(issue(view, 0, b"/", &error)));
            return;
        }
    };
    let surveyor = Surveyor { view, packages, explainer: Explainer::read(view, packages) };
    let root = kanshiki_filesystem::Located { path: EvidencePath::root(), place, node };
    let options = SweepOptions { order: Order::Name, ..SweepOptions::default() };
    sweep(view, &[root], options, &surveyor, &mut |events: Vec<SurveyEvent>| {
        events.into_iter().try_for_each(&mut *emit)
    });
}

struct Surveyor<'a> {
    view: &'a View,
    packages: &'a Packages,
    explainer: Explainer<'a>,
}

impl Sweeper for Surveyor<'_> {
    type Batch = Vec<SurveyEvent>;

    fn visit(&self, item: &Item<'_>, batch: &mut Self::Batch) -> Descend {
        let (place, node) = match &item.found {
            Ok(found) => *found,
            Err(error) => {
                let volume = item.directory.map_or(0, |directory| directory.volume);
                batch.push(SurveyEvent::Damage(issue(self.view, volume, item.path, error)));
                return Descend::No;
            }
        };
        if node.node_type == NodeType::Directory || !item.live {
            return Descend::Yes;
        }
        let mut entries = self.packages.of(item.path).peekable();
        if entries.peek().is_none() && is_system(item.path) {
            let explanation = self.explainer.explain(item.path, place, node);
            let path = EvidencePath::from_bytes(item.path);
            batch.push(SurveyEvent::Unowned(Box::new(Unowned { path, place, node: node.clone(), explanation })));
        }
        if node.node_type == NodeType::File {
            self.rights(item.path, place, node, entries, batch);
        }
        Descend::Yes
    }

    fn damage(&self, path: &[u8], volume: usize, error: &FsError, batch: &mut Self::Batch) {
        batch.push(SurveyEvent::Damage(issue(self.view, volume, path, error)));
    }
}

impl Surveyor<'_> {
    /// Looks at what rights a file gives.
    fn rights<'p>(
        &self,
        path: &[u8],
        place: Place,
        node: &Node,
        entries: impl Iterator<Item = Entry<'p>>,
        batch: &mut Vec<SurveyEvent>,
    ) {
        // Without a right to run it, capabilities give nothing.
        let value = if node.mode & 0o111 == 0 { None } else { self.capabilities(path, place, batch) };
        let bits = node.mode & 0o6000;
        if bits == 0 && value.is_none() {
            return;
        }
        let capabilities = value.as_deref().and_then(Capabilities::of_value);
        let standing = entries.map(|entry| standing(&entry, bits, value.is_some(), capabilities)).min();
        let standing = standing.unwrap_or(Standing::Unowned);
        let path = EvidencePath::from_bytes(path);
        let found = Privileged { path, place, node: node.clone(), capabilities, standing };
        batch.push(SurveyEvent::Privileged(Box::new(found)));
    }

    fn capabilities(&self, path: &[u8], place: Place, batch: &mut Vec<SurveyEvent>) -> Option<Vec<u8>> {
        let attributes = match self.view.filesystem(place)?.xattrs(place.node) {
            Ok(attributes) => attributes,
            Err(error) => {
                batch.push(SurveyEvent::Damage(issue(self.view, place.volume, path, &error)));
                return None;
            }
        };
        for attribute in attributes {
            match attribute {
                Ok(attribute) if attribute.name == b"security.capability" => return Some(attribute.value),
                Ok(_) => {}
                Err(error) => batch.push(SurveyEvent::Damage(issue(self.view, place.volume, path, &error))),
            }
        }
        None
    }
}

/// How rights stand to what one package says.
fn standing(entry: &Entry<'_>, bits: u16, has_value: bool, capabilities: Option<Capabilities>) -> Standing {
    let by_mode = match entry.expected.mode {
        _ if bits == 0 => Standing::Given,
        Some(mode) if mode & bits == bits => Standing::Given,
        Some(_) => Standing::Beyond,
        None => Standing::Unknown,
    };
    let by_capabilities = match entry.expected.capabilities {
        _ if !has_value => Standing::Given,
        Some(text) if !text.is_empty() && Capabilities::of_text(text) == capabilities => Standing::Given,
        Some(_) => Standing::Beyond,
        None => Standing::Unknown,
    };
    match (by_mode, by_capabilities) {
        (Standing::Beyond, _) | (_, Standing::Beyond) => Standing::Beyond,
        (Standing::Unknown, _) | (_, Standing::Unknown) => Standing::Unknown,
        _ => Standing::Given,
    }
}

#[cfg(test)]
mod tests;
