//! The state of a disk at one moment: who uses it, whether it may be written, how much was written.

use super::usage::Usage;
use super::{BlockDevice, shown, sysfs};
use kanshiki_model::{Fact, Facts, visible};
use serde_json::{Value, json};

impl BlockDevice {
    /// The state at this moment of the disk, its partitions and all that is made of them: mounts, holders, swap,
    /// read-only flags, sectors written, programs that have it open.
    #[must_use]
    pub fn state(&self) -> Facts {
        let disk = self.whole_disk();
        let usage = Usage::of(&disk);
        let mut flags = serde_json::Map::new();
        for device in std::iter::once(disk.clone()).chain(disk.partitions()) {
            let flag = sysfs::read_number(&device.folder().join("ro")).map_or(Value::Null, |flag| json!(flag != 0));
            flags.insert(device.name(), flag);
        }
        Facts::from([
            ("mounts".to_owned(), mounts_fact(&usage)),
            ("swap".to_owned(), known_or(&usage, json!(usage.swaps), "/proc/swaps")),
            ("holders".to_owned(), Fact::probed(holders(&usage), shown(&disk.folder().join("holders")))),
            ("read_only".to_owned(), Fact::probed(Value::Object(flags), "the attribute ro of the disk and partitions")),
            ("sectors_written".to_owned(), disk.sectors_written()),
            ("sectors_discarded".to_owned(), disk.sectors_discarded()),
            ("open_in_programs".to_owned(), super::openers::fact(&disk)),
        ])
    }
}

fn mounts_fact(usage: &Usage) -> Fact {
    let seen = usage.mounts.iter().map(|mounted| {
        json!({
            "device": mounted.device,
            "mount_point": visible(&mounted.mount.mount_point),
            "filesystem": visible(&mounted.mount.kind),
            "read_only": mounted.mount.is_read_only(),
        })
    });
    let unseen = usage
        .unseen
        .iter()
        .map(|(device, kind)| json!({ "device": device, "mount_point": null, "filesystem": kind, "read_only": null }));
    known_or(usage, seen.chain(unseen).collect(), "/proc/self/mountinfo and /sys/fs")
}

fn holders(usage: &Usage) -> Value {
    let list = usage.holders.iter().map(|holder| {
        json!({
            "device": holder.held,
            "held_by": holder.by,
            "kind": holder.description,
            "read_only": holder.read_only,
        })
    });
    list.collect()
}

fn known_or(usage: &Usage, value: Value, source: &str) -> Fact {
    if usage.unknown.is_empty() { Fact::probed(value, source) } else { Fact::unknown(usage.unknown.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn the_state_of_a_partition_is_that_of_its_disk() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        tree.partition("sda", "sda1", 1, 8, 1);
        tree.partition("sda", "sda2", 2, 8, 2);
        tree.write("class/block/sda2/ro", "1\n");
        tree.mounts("30 1 8:1 / /mnt rw - ext4 /dev/sda1 rw\n");
        let state = tree.device("sda2").state();
        assert_eq!(
            state["mounts"].value,
            json!([{ "device": "sda1", "mount_point": "/mnt", "filesystem": "ext4", "read_only": false }])
        );
        assert_eq!(state["read_only"].value, json!({ "sda": false, "sda1": false, "sda2": true }));
        assert_eq!(state["sectors_written"].number(), Some(160));
        assert_eq!(state["swap"].value, json!([]));
    }

    #[test]
    fn an_nvme_disk_counts_writes_on_its_hidden_paths() {
        let tree = Tree::new();
        tree.disk("nvme0n1", 259, 0, "devices/virtual/nvme-subsystem/nvme-subsys0");
        tree.hidden_disk("nvme0c0n1", "devices/pci0/0000:01:00.0/nvme/nvme0", 40);
        tree.hidden_disk("nvme0c1n1", "devices/pci0/0000:02:00.0/nvme/nvme1", 2);
        tree.hidden_disk("nvme0c0n2", "devices/pci0/0000:01:00.0/nvme/nvme0", 9);
        tree.hidden_disk("nvme1c0n1", "devices/pci0/0000:01:00.0/nvme/nvme0", 9);
        let fact = tree.device("nvme0n1").sectors_written();
        assert_eq!(fact.number(), Some(42));
        assert!(fact.source.unwrap().contains("nvme0c1n1/stat"));
    }

    #[test]
    fn a_counter_that_is_missing_is_null_and_not_zero() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        tree.write("class/block/sda/stat", "1 2 3\n");
        let fact = tree.device("sda").sectors_written();
        assert_eq!(fact.value, Value::Null);
        assert!(fact.reason.unwrap().ends_with("has no number 7"));
    }
}
