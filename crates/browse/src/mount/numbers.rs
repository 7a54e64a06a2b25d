//! The numbers by which the kernel knows the nodes of a view.
//!
//! | number | node |
//! | --- | --- |
//! | 1 | the root of the view |
//! | an inode, below 2^48 | that inode of volume 0 |
//! | `v` × 2^48 + an inode | that inode of volume `v` |
//! | 2^63 | inode 1 of volume 0, which no name leads to on a sound filesystem |

use fuser::INodeNo;

const VOLUME_SHIFT: u32 = 48;
const INODE_MASK: u64 = (1 << VOLUME_SHIFT) - 1;
const FIRST_INODE: u64 = 1 << 63;

/// Volumes that can be told apart.
pub(super) const VOLUMES: usize = 1 << 15;

/// Turns nodes into numbers and back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    root: (usize, u64),
}

impl Numbers {
    /// For a view whose root is this inode of this volume.
    pub(super) const fn new(volume: usize, inode: u64) -> Self {
        Self { root: (volume, inode) }
    }

    /// The number that programs see; `None` for an inode that has none.
    pub(super) fn shown(volume: usize, inode: u64) -> Option<u64> {
        let above = u64::try_from(volume).ok().filter(|_| volume < VOLUMES)?.checked_shl(VOLUME_SHIFT)?;
        (inode <= INODE_MASK).then_some(above | inode)
    }

    /// The number by which the kernel asks.
    pub(super) fn asked(self, volume: usize, inode: u64) -> Option<INodeNo> {
        if (volume, inode) == self.root {
            return Some(INodeNo::ROOT);
        }
        let number = Self::shown(volume, inode).filter(|number| *number != 0)?;
        Some(INodeNo(if number == 1 { FIRST_INODE } else { number }))
    }

    /// The volume and the inode that the kernel asks for.
    pub(super) fn meant(self, number: INodeNo) -> Option<(usize, u64)> {
        match u64::from(number) {
            1 => Some(self.root),
            FIRST_INODE => Some((0, 1)),
            number => Some((usize::try_from(number.checked_shr(VOLUME_SHIFT)?).ok()?, number & INODE_MASK)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn inodes_of_one_volume_keep_their_numbers() {
        let numbers = Numbers::new(0, 2);
        assert_eq!(numbers.asked(0, 12), Some(INodeNo(12)));
        assert_eq!(numbers.asked(0, 2), Some(INodeNo::ROOT));
        assert_eq!(numbers.asked(0, 0), None);
        assert_eq!(numbers.asked(1, 2), Some(INodeNo((1 << 48) + 2)));
    }

    proptest! {
        #[test]
        fn every_number_leads_back_to_its_node(volume in 0_usize..9, inode in prop_oneof![1_u64..5, 1_u64..1 << 48]) {
            let numbers = Numbers::new(1, 2);
            prop_assert_eq!(numbers.asked(volume, inode).and_then(|number| numbers.meant(number)), Some((volume, inode)));
        }
    }
}
