//! The names of system calls by their numbers (Linux 6.17: arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl,
//! scripts/syscall.tbl for aarch64). A dash stands for a number that is none.

use std::sync::OnceLock;

/// An architecture: as AUDIT_ARCH_… of include/uapi/linux/audit.h, its name, its names of calls.
struct Architecture {
    code: &'static [u8],
    name: &'static str,
    text: &'static str,
    calls: OnceLock<Vec<&'static str>>,
}

static ARCHITECTURES: [Architecture; 3] = [
    Architecture {
        code: b"c000003e",
        name: "x86_64",
        text: include_str!("syscalls/x86_64.txt"),
        calls: OnceLock::new(),
    },
    Architecture { code: b"40000003", name: "i386", text: include_str!("syscalls/i386.txt"), calls: OnceLock::new() },
    Architecture {
        code: b"c00000b7",
        name: "aarch64",
        text: include_str!("syscalls/aarch64.txt"),
        calls: OnceLock::new(),
    },
];

/// Further codes that have a name here, and no table.
const OTHERS: &[(&[u8], &str)] = &[
    (b"40000028", "arm"),
    (b"c0000015", "ppc64le"),
    (b"80000015", "ppc64"),
    (b"80000016", "s390x"),
    (b"c00000f3", "riscv64"),
];

/// The name of an architecture; `None` if it is not known.
pub(super) fn architecture(code: &[u8]) -> Option<&'static str> {
    let listed = ARCHITECTURES.iter().find(|each| each.code == code).map(|each| each.name);
    listed.or_else(|| OTHERS.iter().find(|(other, _)| *other == code).map(|(_, name)| *name))
}

/// The name of a call; `None` if the architecture or the number is not known.
pub(super) fn name(code: &[u8], number: i64) -> Option<&'static str> {
    let architecture = ARCHITECTURES.iter().find(|each| each.code == code)?;
    let calls = architecture.calls.get_or_init(|| architecture.text.split_ascii_whitespace().collect());
    calls.get(usize::try_from(number).ok()?).copied().filter(|name| *name != "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_testkit::{Need, need};
    use std::process::Command;

    /// ausyscall has other names for some.
    const ALIASES: &[(&str, &str)] = &[
        ("pread64", "pread"),
        ("pwrite64", "pwrite"),
        ("kexec_load", "sys_kexec_load"),
        ("sched_rr_get_interval_time64", "sched_rr_get_interval64"),
        ("getdents64", "getdents"),
        ("fstat", "newfstat"),
    ];

    #[test]
    fn the_tables_are_those_of_ausyscall() {
        if !need(&[Need::Tool("ausyscall")]) {
            return;
        }
        for architecture in &ARCHITECTURES {
            let dump = Command::new("ausyscall").args([architecture.name, "--dump"]).output().unwrap();
            let dump = String::from_utf8(dump.stdout).unwrap();
            let calls = dump.lines().filter_map(|line| line.split_once('\t'));
            let mut compared = 0;
            for (number, theirs) in calls.filter_map(|(number, call)| Some((number.parse().ok()?, call))) {
                let ours = name(architecture.code, number).unwrap_or("none");
                let same = ours == theirs || ALIASES.contains(&(ours, theirs));
                assert!(same, "{} {number}: {ours} and {theirs}", architecture.name);
                compared += 1;
            }
            assert!(compared > 300, "{compared}");
        }
    }

    #[test]
    fn an_unknown_number_has_no_name() {
        assert_eq!(name(b"c000003e", 59), Some("execve"));
        assert_eq!(name(b"40000003", 11), Some("execve"));
        assert_eq!(name(b"c00000b7", 221), Some("execve"));
        assert_eq!([name(b"c000003e", 400), name(b"c000003e", 9999), name(b"c000003e", -1), name(b"0", 1)], [None; 4]);
    }
}
