//! Why files of the system that are no package's may be there all the same.

use crate::file;
use crate::packages::Packages;
use crate::place::split;
use kanshiki_filesystem::{Follow, Node, NodeType, Place, View};
use kanshiki_machine::settings::is_like;
use kanshiki_model::EvidencePath;
use std::collections::HashSet;

/// Why a file that is no package's may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Explanation {
    /// A link of update-alternatives(1), which its database has.
    Alternative,
    /// A link to a file of a package, as `ldconfig` and `systemctl enable` make them.
    LinkToOwned,
    /// A link to `/dev/null`, with which units and settings are masked.
    Masked,
    /// Byte code of a file of a package, as Python keeps it beside it.
    ByteCode,
    /// Settings that ucf(1) keeps for a package.
    Ucf,
    /// What this program makes of files of packages. The content is not looked at.
    Generated(&'static str),
}

impl Explanation {
    /// The text in output.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Alternative => "update-alternatives".to_owned(),
            Self::LinkToOwned => "link to a package's file".to_owned(),
            Self::Masked => "link to /dev/null".to_owned(),
            Self::ByteCode => "byte code of a package's file".to_owned(),
            Self::Ucf => "ucf".to_owned(),
            Self::Generated(by) => format!("made by {by}"),
        }
    }
}

/// Forms of the paths that programs make, `*` standing for anything, with the programs.
const GENERATED: &[(&str, &str)] = &[
    ("/usr/lib/modules/*/modules.*", "depmod"),
    ("/lib/modules/*/modules.*", "depmod"),
    ("/etc/initramfs-tools/modules", "initramfs-tools"),
    ("/etc/security/opasswd", "pam"),
    ("/boot/initrd.img-*", "update-initramfs"),
    ("/boot/initramfs-*.img", "dracut"),
    ("/boot/grub/*", "grub"),
    ("/boot/grub2/*", "grub"),
    ("/boot/loader/*", "kernel-install"),
    ("/usr/lib/locale/locale-archive", "localedef"),
    ("/usr/lib/*/gconv/gconv-modules.cache", "iconvconfig"),
    ("/usr/lib64/gconv/gconv-modules.cache", "iconvconfig"),
    ("/usr/lib/*/gdk-pixbuf-2.0/*/loaders.cache", "gdk-pixbuf-query-loaders"),
    ("/usr/lib64/gdk-pixbuf-2.0/*/loaders*.cache", "gdk-pixbuf-query-loaders"),
    ("/usr/lib/*/gio/modules/giomodule.cache", "gio-querymodules"),
    ("/usr/lib64/gio/modules/giomodule.cache", "gio-querymodules"),
    ("/usr/lib/*/gtk-*/immodules.cache", "gtk-query-immodules"),
    ("/usr/lib/udev/hwdb.bin", "systemd-hwdb"),
    ("/etc/udev/hwdb.bin", "systemd-hwdb"),
    ("/usr/lib/fontconfig/cache/*", "fc-cache"),
    ("/usr/lib/sysimage/rpm/*", "rpm"),
    ("/usr/lib/sysimage/libdnf5/*", "dnf"),
    ("/usr/lib/jvm/*/classes*.jsa", "java"),
    ("/etc/ssh/ssh_host_*_key", "ssh-keygen"),
    ("/etc/ssh/ssh_host_*_key.pub", "ssh-keygen"),
    ("/etc/pam.d/common-account", "pam-auth-update"),
    ("/etc/pam.d/common-auth", "pam-auth-update"),
    ("/etc/pam.d/common-password", "pam-auth-update"),
    ("/etc/pam.d/common-session", "pam-auth-update"),
    ("/etc/pam.d/common-session-noninteractive", "pam-auth-update"),
];

/// Folders of update-alternatives, on Debian and elsewhere.
const ALTERNATIVES: [&[u8]; 2] = [b"/var/lib/dpkg/alternatives", b"/var/lib/alternatives"];

/// Paths that are kept of the databases of other programs.
const PATHS: usize = 100_000;

/// Bytes that are read of them.
const OTHER_BYTES: u64 = 64 << 20;

/// Tells why files may be there.
pub(super) struct Explainer<'a> {
    view: &'a View,
    packages: &'a Packages,
    /// Paths of links of update-alternatives.
    alternatives: HashSet<Vec<u8>>,
    /// Paths of settings of ucf.
    ucf: HashSet<Vec<u8>>,
}

impl<'a> Explainer<'a> {
    pub(super) fn read(view: &'a View, packages: &'a Packages) -> Self {
        let mut places = crate::place::Places::new(view);
        let (mut alternatives, mut budget) = (HashSet::new(), file::Budget::new(OTHER_BYTES));
        for folder in ALTERNATIVES {
            for name in file::names(view, folder, &|name| !name.starts_with(b".")).0 {
                let Ok(file) = budget.read(view, &[folder, b"/", &name].concat()) else { continue };
                for link in links(&file.bytes) {
                    if alternatives.len() < PATHS {
                        alternatives.insert(places.of(link));
                    }
                }
            }
        }
        let mut ucf = HashSet::new();
        if let Ok(file) = file::read(view, b"/var/lib/ucf/hashfile") {
            // A digest, two blanks, the path.
            let paths = file.bytes.split(|byte| *byte == b'\n').filter_map(|line| line.get(34..));
            ucf.extend(paths.take(PATHS).map(|path| places.of(path)));
        }
        Self { view, packages, alternatives, ucf }
    }

    pub(super) fn explain(&self, path: &[u8], place: Place, node: &Node) -> Option<Explanation> {
        if node.node_type == NodeType::Symlink {
            return self.link(path, place);
        }
        if node.node_type != NodeType::File {
            return None;
        }
        if self.ucf.contains(path) {
            return Some(Explanation::Ucf);
        }
        if source_of(path).is_some_and(|source| self.is_owned(&source)) {
            return Some(Explanation::ByteCode);
        }
        let made = GENERATED.iter().find(|(form, _)| is_like(path, form.as_bytes()));
        made.map(|(_, by)| Explanation::Generated(by))
    }

    fn link(&self, path: &[u8], place: Place) -> Option<Explanation> {
        let target = self.view.filesystem(place)?.link_target(place.node).ok()?;
        if target == b"/dev/null" {
            return Some(Explanation::Masked);
        }
        let found = self.view.lookup(&EvidencePath::from_bytes(path), Follow::All).ok()?;
        // An alternative that leads to no package's file explains nothing.
        let is_alternative = target.starts_with(b"/etc/alternatives/") && self.alternatives.contains(path);
        let explanation = if is_alternative { Explanation::Alternative } else { Explanation::LinkToOwned };
        self.is_owned(found.path.as_bytes()).then_some(explanation)
    }

    fn is_owned(&self, path: &[u8]) -> bool {
        self.packages.of(path).next().is_some()
    }
}

/// The links of a file of update-alternatives: how it is chosen, the link, then name and link of each that goes with it, up
/// to an empty line (update-alternatives of dpkg 1.21, utils/update-alternatives.c, `alternative_load`).
fn links(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n').skip(1);
    lines.take_while(|line| !line.is_empty()).step_by(2)
}

/// The file whose byte code lies at this path: `a/__pycache__/b.cpython-311.opt-1.pyc` is that of `a/b.py` (PEP 3147).
fn source_of(path: &[u8]) -> Option<Vec<u8>> {
    let name = path.strip_suffix(b".pyc")?;
    let (folder, name) = split(name);
    let folder = folder.strip_suffix(b"/__pycache__")?;
    let end = memchr::memchr(b'.', name)?;
    let module = memchr::memmem::rfind(name, b".cpython-").unwrap_or(end);
    Some([folder, b"/", name.get(..module)?, b".py"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn byte_code_is_that_of_the_module_beside() {
        let found = |path: &str| source_of(path.as_bytes()).map(|source| String::from_utf8(source).unwrap());
        assert_eq!(found("/a/__pycache__/b.cpython-311.pyc").as_deref(), Some("/a/b.py"));
        assert_eq!(found("/a/__pycache__/b.c.cpython-311.opt-1.pyc").as_deref(), Some("/a/b.c.py"));
        assert_eq!(
            [found("/a/b.pyc"), found("/a/__pycache__/b.so"), found("/a/__pycache__/b.pyc")],
            [const { None }; 3]
        );
    }

    #[test]
    fn links_stand_before_the_empty_line() {
        let bytes = b"auto\n/usr/bin/editor\neditor.1.gz\n/usr/share/man/man1/editor.1.gz\n\n/bin/nano\n40\n";
        let found: Vec<&[u8]> = links(bytes).collect();
        assert_eq!(found, [b"/usr/bin/editor".as_slice(), b"/usr/share/man/man1/editor.1.gz"]);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (links(&bytes).count(), source_of(&bytes));
        }
    }
}
