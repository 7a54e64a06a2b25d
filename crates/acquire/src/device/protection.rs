//! Keeping the kernel from writing to a disk.
//!
//! Measured on Linux 6.1 and 6.18 with a dirty ext4: with the flag set, mounting is refused or writes nothing, and
//! writes of programs get `EPERM`, also on descriptors that were open before. A filesystem that is already mounted for
//! writing, and a writable mapping on top of the disk, go on writing.

use super::usage::Usage;
use super::{BlockDevice, shown};
use crate::ioctl;
use kanshiki_model::{Fact, Facts};
use std::fs::File;
use std::io;

const PROTECTS: &str = "the kernel refuses writes by programs to the disk and to its partitions, also through \
    descriptors that were open before, and refuses to mount their filesystems for writing or to replay their journals";
/// What the kernel's read-only flag of a disk does not stop.
pub const PROTECTS_NOT: &str = "it does not stop filesystems that were mounted for writing before, writable devices made \
    on top of the disk, a swap area that is put into use, commands passed straight to the disk, the disk's own \
    firmware, or another machine that reaches the disk; whether the disk was written shows in its count of sectors written";
const NOTHING_PROTECTS: &str = "the source was opened for reading only, but nothing kept other programs from writing \
    to the disk; whether it was written shows in its count of sectors written";

/// The kernel's read-only flag of a whole disk, set for the time of an acquisition. When it is dropped, the flag is put
/// back to what it was.
#[derive(Debug)]
pub struct WriteProtection {
    disk: BlockDevice,
    /// The open disk; absent where the flag was not set, or is restored.
    descriptor: Option<File>,
    before: Result<bool, String>,
    set: Result<(), String>,
    restored: Option<Fact>,
}

impl WriteProtection {
    /// Sets the whole disk of the device read-only, unless something may write to the disk now, whose work would be
    /// lost: that can only be if the operator allowed a source in use (`live`), or if another partition of the disk is
    /// in use.
    #[must_use]
    pub fn set(device: &BlockDevice, live: bool) -> Self {
        let disk = device.whole_disk();
        let mut protection = Self {
            descriptor: None,
            before: Err("the disk was not asked".to_owned()),
            set: Err("the disk was not asked".to_owned()),
            restored: None,
            disk,
        };
        match protection.disk.open_node() {
            Ok(file) => protection.set_through(file, live),
            Err(error) => {
                let reason = format!("cannot open {}: {error}", shown(&protection.disk.node()));
                protection.before = Err(reason.clone());
                protection.set = Err(reason);
            }
        }
        protection
    }

    fn set_through(&mut self, file: File, live: bool) {
        self.before = ioctl::is_read_only(&file).map_err(|error| format!("BLKROGET: {error}"));
        if Usage::of(&self.disk).may_write() {
            let who = if live { "as the operator allows" } else { "through another partition" };
            self.set = Err(format!("the disk {} is in use for writing, {who}", self.disk.name()));
            return;
        }
        // A flag that is there already is left alone: it may be the driver's own, and a second one would outlive it.
        if self.before != Ok(true) {
            self.set = set_and_check(&file, true).map_err(|error| format!("BLKROSET: {error}"));
        } else {
            self.set = Err("the disk was read-only before".to_owned());
        }
        if self.set.is_ok() || self.before == Ok(true) {
            self.descriptor = Some(file);
        }
    }

    /// Takes over what an earlier session recorded before it was cut off: if that session found the same disk writable
    /// and set it read-only, the flag that is found now is its own, and will be taken back at the end.
    pub fn take_over(&mut self, earlier: &Facts) {
        let flag = |name: &str| earlier.get(name).and_then(|fact| fact.value.as_bool());
        let sequence = earlier.get("disk_sequence").and_then(Fact::number);
        let same_disk = sequence.is_some() && sequence == self.disk.disk_sequence();
        if same_disk && flag("read_only_before") == Some(false) && flag("read_only_set") == Some(true) {
            self.before = Ok(false);
            if self.is_set() {
                self.set = Ok(());
            }
        }
    }

    /// Puts the flag back to what it was, and says what it is then. A second call changes nothing.
    pub fn restore(&mut self) -> Fact {
        if let Some(fact) = &self.restored {
            return fact.clone();
        }
        let fact = match (self.descriptor.take(), &self.before) {
            (Some(file), Ok(false)) => match set_and_check(&file, false) {
                Ok(()) => Fact::probed(false, "BLKROSET, BLKROGET"),
                Err(error) => Fact::unknown(format!("the flag could not be restored: {error}")),
            },
            (Some(file), Ok(true)) => match ioctl::is_read_only(&file) {
                Ok(flag) => Fact::probed(flag, "BLKROGET"),
                Err(error) => Fact::unknown(format!("BLKROGET: {error}")),
            },
            (Some(_), Err(reason)) => Fact::unknown(format!("the flag stays set: what it was is not known: {reason}")),
            (None, _) => Fact::unknown("the flag was not set"),
        };
        self.restored = Some(fact.clone());
        fact
    }

    /// Whether the kernel refuses writes to the disk by this flag, set now or found set.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.descriptor.is_some()
    }

    /// What was done, and what it does and does not protect from.
    ///
    /// A program that is killed leaves the flag set; the next run finds these facts in the record of the session and
    /// gives them to [`WriteProtection::take_over`].
    #[must_use]
    pub fn facts(&self) -> Facts {
        let name = self.disk.name();
        let before = match &self.before {
            Ok(flag) => Fact::probed(*flag, "BLKROGET"),
            Err(reason) => Fact::unknown(reason.clone()),
        };
        let (set, statement) = match &self.set {
            Ok(()) => (Fact::probed(true, "BLKROSET, BLKROGET"), format!("{PROTECTS}; {PROTECTS_NOT}")),
            Err(reason) if self.before == Ok(true) => {
                (Fact::unknown(reason.clone()), format!("the disk was read-only before: {PROTECTS}; {PROTECTS_NOT}"))
            }
            Err(reason) => (Fact::unknown(reason.clone()), NOTHING_PROTECTS.to_owned()),
        };
        let sequence = self.disk.disk_sequence();
        let sequence = sequence.map_or_else(
            || Fact::unknown("the kernel numbers disks only from Linux 5.15"),
            |number| Fact::probed(number, shown(&self.disk.folder().join("diskseq"))),
        );
        let mut facts = Facts::from([
            ("disk".to_owned(), Fact::probed(name, shown(self.disk.folder()))),
            ("disk_sequence".to_owned(), sequence),
            ("read_only_before".to_owned(), before),
            ("read_only_set".to_owned(), set),
            ("statement".to_owned(), Fact::derived(statement, "measured on Linux 6.1 and 6.18")),
        ]);
        if let Some(restored) = &self.restored {
            facts.insert("read_only_after".to_owned(), restored.clone());
        }
        facts
    }
}

impl BlockDevice {
    /// Has the kernel refuse writes to this device, or accept them again, and makes sure that it does so. The flag of a
    /// disk covers its partitions; that of a partition covers it alone.
    ///
    /// # Errors
    ///
    /// The operating system's, or that the flag is not what it was set to.
    pub fn set_read_only(&self, read_only: bool) -> io::Result<()> {
        set_and_check(&self.open_node()?, read_only)
    }
}

impl Drop for WriteProtection {
    fn drop(&mut self) {
        self.restore();
    }
}

fn set_and_check(file: &File, read_only: bool) -> io::Result<()> {
    ioctl::set_read_only(file, read_only)?;
    if ioctl::is_read_only(file)? == read_only {
        Ok(())
    } else if read_only {
        Err(io::Error::other("the kernel took the flag and does not show it"))
    } else {
        // The driver holds the disk read-only of itself.
        Err(io::Error::other("the disk stays read-only"))
    }
}
