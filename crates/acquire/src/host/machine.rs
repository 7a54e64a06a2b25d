//! The machine on which the work is done.

use crate::device::{read_limited, shown, text_fact};
use kanshiki_model::{Fact, Facts, visible};
use rustix::system::uname;
use std::path::Path;

/// The longest file of /proc and /etc that is read here, in bytes.
const FILE_BYTES: u64 = 1 << 20;

/// Words on the kernel's command line with which live systems start, and whose they are.
const LIVE_MARKERS: [(&str, &str); 10] = [
    ("kanshiki.rescue", "kanshiki's rescue medium"),
    ("boot=live", "Debian live"),
    ("boot=casper", "Ubuntu live"),
    ("archisobasedir=", "Arch Linux medium"),
    ("archisolabel=", "Arch Linux medium"),
    ("findiso=", "image on a stick"),
    ("rd.live.image", "Fedora live"),
    ("root=live:", "dracut live"),
    ("nix.live", "NixOS medium"),
    ("isoloop=", "SystemRescue from an image"),
];

/// Filesystems under `/` that only systems from a medium or from memory have.
const LIVE_ROOTS: [&str; 6] = ["overlay", "aufs", "tmpfs", "ramfs", "rootfs", "squashfs"];

/// Name, firmware's words (DMI), kernel, start, memory, and whether it was started from a rescue medium.
#[must_use]
pub fn host_facts() -> Facts {
    facts_below(Path::new("/"))
}

/// Which start of the machine this is: a number that the kernel draws anew each time.
pub(crate) fn boot_id() -> Option<String> {
    text_fact(Path::new("/proc/sys/kernel/random/boot_id")).text()
}

fn facts_below(root: &Path) -> Facts {
    let system = uname();
    let told = |bytes: &[u8]| Fact::probed(visible(bytes), "uname");
    let mut facts = Facts::from([
        ("hostname".to_owned(), told(system.nodename().to_bytes())),
        ("kernel".to_owned(), told(system.release().to_bytes())),
        ("kernel_build".to_owned(), told(system.version().to_bytes())),
        ("architecture".to_owned(), told(system.machine().to_bytes())),
        ("boot_id".to_owned(), text_fact(&root.join("proc/sys/kernel/random/boot_id"))),
        ("machine_id".to_owned(), text_fact(&root.join("etc/machine-id"))),
        ("memory_bytes".to_owned(), memory(&root.join("proc/meminfo"))),
        ("operating_system".to_owned(), operating_system(root)),
        ("rescue_medium".to_owned(), rescue_medium(root)),
    ]);
    for (name, attribute) in [
        ("dmi_vendor", "sys_vendor"),
        ("dmi_product", "product_name"),
        ("dmi_version", "product_version"),
        ("dmi_serial", "product_serial"),
        ("dmi_uuid", "product_uuid"),
        ("dmi_board_serial", "board_serial"),
        ("bios_version", "bios_version"),
    ] {
        facts.insert(name.to_owned(), text_fact(&root.join("sys/class/dmi/id").join(attribute)));
    }
    facts.extend(super::rescue::facts(root));
    facts
}

/// `MemTotal:       16314480 kB`
fn memory(path: &Path) -> Fact {
    let bytes = read_limited(path, FILE_BYTES).ok().and_then(|text| {
        let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"MemTotal:"))?;
        let number = std::str::from_utf8(line).ok()?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
        number.checked_mul(1024)
    });
    bytes.map_or_else(
        || Fact::unknown(format!("{} tells no MemTotal", shown(path))),
        |bytes| Fact::probed(bytes, format!("MemTotal of {}", shown(path))),
    )
}

/// Source: os-release(5).
fn operating_system(root: &Path) -> Fact {
    for path in ["etc/os-release", "usr/lib/os-release"] {
        let path = root.join(path);
        let Ok(text) = read_limited(&path, FILE_BYTES) else { continue };
        let name = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"PRETTY_NAME="));
        if let Some(name) = name {
            let name = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
            return Fact::probed(visible(name), shown(&path));
        }
    }
    Fact::unknown("neither /etc/os-release nor /usr/lib/os-release tells a name")
}

/// What speaks for a system that was started from a rescue medium.
fn rescue_medium(root: &Path) -> Fact {
    let command_line = root.join("proc/cmdline");
    let words = read_limited(&command_line, FILE_BYTES).unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    let marker = words.split_whitespace().find_map(|word| {
        let found = LIVE_MARKERS.iter().find(|(marker, _)| word.starts_with(marker));
        found.map(|(_, whose)| (*whose, visible(word.as_bytes())))
    });
    if let Some((whose, word)) = marker {
        return Fact::derived(format!("{whose} ({word})"), shown(&command_line));
    }
    let table = root.join("proc/self/mountinfo");
    let mounts = read_limited(&table, 16 << 20).map(|text| crate::device::root_filesystem(&text));
    match mounts {
        Ok(Some(kind)) if LIVE_ROOTS.contains(&kind.as_str()) => {
            Fact::derived(format!("the root filesystem is {kind}: a medium, memory or a container"), shown(&table))
        }
        Ok(Some(kind)) => Fact::unknown(format!(
            "no sign of one: the root filesystem is {kind}, and {} has no word of a live system",
            shown(&command_line)
        )),
        Ok(None) => Fact::unknown(format!("{} shows no root filesystem", shown(&table))),
        Err(error) => Fact::unknown(format!("cannot read {}: {error}", shown(&table))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a file of a made-up tree in a temporary folder")]
    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_live_system_is_known_by_its_command_line() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "proc/cmdline", "BOOT_IMAGE=/live/vmlinuz boot=live components quiet\n");
        let facts = facts_below(folder.path());
        assert_eq!(facts["rescue_medium"].text().as_deref(), Some("Debian live (boot=live)"));
    }

    #[test]
    fn a_system_on_a_disk_is_no_rescue_medium() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "proc/cmdline", "root=/dev/vda ro\n");
        write(folder.path(), "proc/self/mountinfo", "27 1 254:0 / / rw - ext4 /dev/vda rw\n");
        let fact = rescue_medium(folder.path());
        assert!(fact.value.is_null());
        assert!(fact.reason.unwrap().contains("the root filesystem is ext4"));
    }

    #[test]
    fn an_overlay_under_everything_is_said() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "proc/self/mountinfo", "27 1 0:20 / / rw - overlay overlay rw\n");
        assert!(rescue_medium(folder.path()).text().unwrap().contains("overlay"));
    }

    #[test]
    fn memory_and_names_are_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "proc/meminfo", "MemTotal:       16314480 kB\nMemFree: 1 kB\n");
        write(folder.path(), "etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
        write(folder.path(), "sys/class/dmi/id/product_serial", "ABC\x1b123   \n");
        let facts = facts_below(folder.path());
        assert_eq!(facts["memory_bytes"].number(), Some(16_706_027_520));
        assert_eq!(facts["operating_system"].text().as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(facts["dmi_serial"].text().as_deref(), Some("ABC\\u{1b}123"));
        assert!(facts["dmi_uuid"].reason.is_some());
    }
}
