//! What packages say of files.

use crate::package::Package;
use kanshiki_filesystem::NodeType;
use kanshiki_model::{Algorithm, Digest};

/// Marks of a file, with the bits of rpm (`rpmfileAttrs` of rpm 4.18, include/rpm/rpmfiles.h); those of dpkg above them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileFlags(pub u32);

impl FileFlags {
    /// Configuration: `%config`, and dpkg's conffiles.
    pub const CONFIG: Self = Self(1 << 0);
    /// Documentation: `%doc`.
    pub const DOC: Self = Self(1 << 1);
    /// May be missing: `%config(missingok)`.
    pub const MISSING_OK: Self = Self(1 << 3);
    /// Is not replaced by an update if it was changed: `%config(noreplace)`.
    pub const NO_REPLACE: Self = Self(1 << 4);
    /// The build instructions of a source package.
    pub const SPEC_FILE: Self = Self(1 << 5);
    /// Belongs to the package and is not in it: `%ghost`.
    pub const GHOST: Self = Self(1 << 6);
    /// A licence: `%license`.
    pub const LICENSE: Self = Self(1 << 7);
    /// A readme: `%readme`.
    pub const README: Self = Self(1 << 8);
    /// A by-product of building: `%artifact`.
    pub const ARTIFACT: Self = Self(1 << 12);
    /// dpkg: a conffile that the installed version no longer has.
    pub const OBSOLETE: Self = Self(1 << 24);
    /// dpkg: the machine's settings leave it out when packages are unpacked (`path-exclude`, dpkg(1)).
    pub const LEFT_OUT: Self = Self(1 << 25);
    /// dpkg: lies elsewhere than its package says, since another package or the administrator diverted it
    /// (dpkg-divert(1)).
    pub const DIVERTED: Self = Self(1 << 26);
    /// dpkg: mode and owner are those that the administrator or a package asked for (dpkg-statoverride(1)).
    pub const OVERRIDDEN: Self = Self(1 << 27);

    /// Whether all of these are among them.
    #[must_use]
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Both.
    #[must_use]
    pub const fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }

    /// Those that are among others.
    #[must_use]
    pub const fn among(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// The letter that `rpm -V` and `dpkg --verify` show before a path; a blank for none (`rpmFFlagsString` of rpm 4.18,
    /// lib/verify.c, of which the first letter is shown).
    #[must_use]
    pub fn letter(self) -> char {
        let letters = [
            (Self::DOC, 'd'),
            (Self::CONFIG, 'c'),
            (Self::SPEC_FILE, 's'),
            (Self::MISSING_OK, 'm'),
            (Self::NO_REPLACE, 'n'),
            (Self::GHOST, 'g'),
            (Self::LICENSE, 'l'),
            (Self::README, 'r'),
            (Self::ARTIFACT, 'a'),
        ];
        letters.into_iter().find(|(flag, _)| self.has(*flag)).map_or(' ', |(_, letter)| letter)
    }
}

/// Whether a file of an rpm was installed (`rpmfileState` of rpm 4.18, include/rpm/rpmfiles.h).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FileState {
    /// It was.
    #[default]
    Normal,
    /// A file of another package took its place.
    Replaced,
    /// It was left out: documentation, languages.
    NotInstalled,
    /// It lies on a filesystem of the network that is not written.
    NetShared,
    /// The file of another architecture took its place.
    WrongColor,
    /// The database does not say.
    None,
    /// The database says something else.
    Unknown,
}

impl FileState {
    /// The state of this number.
    pub(crate) const fn of_number(number: u8) -> Self {
        match number {
            0 => Self::Normal,
            1 => Self::Replaced,
            2 => Self::NotInstalled,
            3 => Self::NetShared,
            4 => Self::WrongColor,
            _ => Self::Unknown,
        }
    }
}

/// What of a file is held against the database, with the bits of rpm (`rpmVerifyAttrs` of rpm 4.18, include/rpm/rpmfiles.h).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verify(pub u32);

impl Verify {
    /// The digest of the content.
    pub const DIGEST: Self = Self(1 << 0);
    /// The size.
    pub const SIZE: Self = Self(1 << 1);
    /// The target of a symbolic link.
    pub const LINK: Self = Self(1 << 2);
    /// The owner.
    pub const OWNER: Self = Self(1 << 3);
    /// The group.
    pub const GROUP: Self = Self(1 << 4);
    /// The time of the last change.
    pub const TIME: Self = Self(1 << 5);
    /// Type and permissions.
    pub const MODE: Self = Self(1 << 6);
    /// The number of a device.
    pub const DEVICE: Self = Self(1 << 7);
    /// The capabilities.
    pub const CAPABILITIES: Self = Self(1 << 8);
    /// Everything.
    pub const ALL: Self = Self(u32::MAX);

    /// Whether all of these are among them.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The first without the second.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// An owner or a group: its name, or its number where only that is known, and the number that the image gives the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'p> {
    /// The name, as the database has it.
    pub name: &'p [u8],
    /// The number that the image's `/etc/passwd` or `/etc/group` gives to it; `None` if it has no such name.
    pub number: Option<u32>,
}

/// What a package says of a file. `None` is "not said".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected<'p> {
    /// What it is.
    pub node_type: Option<NodeType>,
    /// Type and permissions as `st_mode` holds them; the type bits may be 0 where only permissions are known.
    pub mode: Option<u16>,
    /// Length of the content in bytes.
    pub size: Option<u64>,
    /// When it was last changed, in seconds since 1970.
    pub modified: Option<i64>,
    /// Bytes of the digest of the content; see [`Expected::digest`].
    pub digest_bytes: &'p [u8],
    /// Where a symbolic link leads to.
    pub link_target: Option<&'p [u8]>,
    /// The owner.
    pub owner: Option<Owner<'p>>,
    /// The group.
    pub group: Option<Owner<'p>>,
    /// The capabilities in the form of cap_text_formats(7); empty for "none at all".
    pub capabilities: Option<&'p [u8]>,
    /// The number of a device, the 16 bits of it that rpm keeps.
    pub device: Option<u16>,
}

impl Expected<'_> {
    /// The algorithm of the digest, which its length tells; `None` if no digest is known.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        let of_packages = [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];
        of_packages.into_iter().find(|algorithm| algorithm.digest_bytes() == self.digest_bytes.len())
    }

    /// The digest of the content.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        Digest::new(self.algorithm()?, self.digest_bytes)
    }
}

/// What one package says of one path.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'p> {
    /// The package.
    pub package: &'p Package,
    /// The path as the package has it, such as `/bin/ls`.
    pub path: &'p [u8],
    /// The path at which it lies: that of a diversion, or the same.
    pub lies_at: &'p [u8],
    /// The same with the links of directories in the image followed, such as `/usr/bin/ls`.
    pub place: &'p [u8],
    /// What is expected.
    pub expected: Expected<'p>,
    /// Its marks.
    pub flags: FileFlags,
    /// What is to be held against it.
    pub verify: Verify,
    /// Whether it was installed.
    pub state: FileState,
    /// Whether further packages have the same place.
    pub is_shared: bool,
}
