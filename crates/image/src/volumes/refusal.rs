//! Why a volume cannot be browsed.

use crate::signature::{Signature, SignatureKind};

/// Why a volume cannot be browsed, in words that name what it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It holds other volumes, which can be looked at.
    #[error("{what}")]
    Holds {
        /// What it is, such as `physical volume of the group vg`.
        what: String,
    },
    /// What it holds is recognised, but not read.
    #[error("{}: {detail}", .kind.name())]
    NotRead {
        /// What it holds.
        kind: SignatureKind,
        /// What that means.
        detail: &'static str,
    },
    /// Nothing that is known lies there.
    #[error("nothing known lies there")]
    Unknown,
    /// It is put together in a way that is known by name only.
    #[error("{what} not supported{detail}")]
    Unsupported {
        /// The way, such as `thin logical volume`.
        what: String,
        /// What else there is to say, beginning with a punctuation mark, or nothing.
        detail: String,
    },
    /// It cannot be put together, because something is not among the images, or is damaged.
    #[error("{detail}")]
    Incomplete {
        /// What is missing.
        detail: String,
    },
}

/// What can be browsed, by its signature.
pub const BROWSABLE: &[SignatureKind] = &[SignatureKind::Ext2, SignatureKind::Ext3, SignatureKind::Ext4];

/// What other things lie in, the outermost first. A filesystem that is found beside one of these lies inside it, or is older: mke2fs wipes the
/// place where their superblocks lie (e2fsprogs 1.47, misc/mke2fs.c, `zap_sector`).
const WRAPPINGS: &[SignatureKind] =
    &[SignatureKind::MdRaid, SignatureKind::LvmPv, SignatureKind::Luks1, SignatureKind::Luks2];

/// Why a volume with these signatures cannot be browsed; `None` if it can.
pub(super) fn of(signatures: &[Signature]) -> Option<Refusal> {
    let wraps = WRAPPINGS.iter().find_map(|kind| signatures.iter().find(|signature| signature.kind == *kind));
    if wraps.is_none() && signatures.iter().any(|signature| BROWSABLE.contains(&signature.kind)) {
        return None;
    }
    let Some(signature) = wraps.or(signatures.first()) else { return Some(Refusal::Unknown) };
    Some(Refusal::NotRead { kind: signature.kind, detail: why(signature.kind) })
}

const fn why(kind: SignatureKind) -> &'static str {
    use SignatureKind as Kind;
    match kind {
        Kind::Luks1 | Kind::Luks2 => "encrypted; open it with its key elsewhere and give what comes out as an image",
        Kind::Swap => "no files lie in it",
        Kind::ExtJournal => "it belongs to a filesystem elsewhere, and no files lie in it",
        Kind::LvmPv => "its volume group could not be read",
        Kind::MdRaid => "its array could not be put together",
        Kind::Bcache => "what lies on a bcache device is not read",
        Kind::Zfs => "what lies in a ZFS pool is not read",
        _ => "this filesystem is recognised, but not read",
    }
}
