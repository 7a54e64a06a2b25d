//! Names and modes that matter, and those that do not.

use super::{find, is_kernel_name, is_odd};
use crate::testing::{found_in, titles, with_modes};
use kanshiki_filesystem::{MemoryFileSystem, NodeType, View, Volume};
use std::sync::Arc;

/// What is told of files with these modes.
fn told(files: &[(&str, u16)]) -> Vec<String> {
    titles(&found_in(&with_modes(&[], files), &[], find))
}

#[test]
fn what_everybody_may_write_and_root_runs_is_told() {
    let modes = [
        ("/etc/passwd", 0o666),
        ("/etc/cron.daily/x", 0o777),
        ("/usr/share/doc/x", 0o666),
        ("/usr/bin/env", 0o755),
        ("/etc/fstab", 0o644),
        ("/tmp/x", 0o666),
        ("/srv/x", 0o777),
    ];
    let expected = [
        "high files.writable-by-all: everybody may write /etc/passwd",
        "high files.writable-by-all: everybody may write /etc/cron.daily/x",
        "low files.writable-by-all: everybody may write /usr/share/doc/x",
    ];
    assert_eq!(titles(&found_in(&with_modes(&[], &modes), &[], find)), expected);
}

#[test]
fn programs_in_places_that_are_none_for_programs_are_told() {
    let found = told(&[
        ("/tmp/x", 0o755),
        ("/tmp/notes", 0o644),
        ("/var/tmp/.a/b", 0o4755),
        ("/usr/share/.x/run", 0o755),
        ("/usr/share/.build-id/run", 0o755),
        ("/opt/[kworker]", 0o755),
        ("/home/anna/.cargo/bin/x", 0o755),
    ]);
    let expected = [
        "medium hidden.kernel-name: a program that is called like a part of the kernel: /opt/[kworker]",
        "medium files.temporary-program: a program in a folder for temporary files: /tmp/x",
        "medium files.temporary-program: a program in a folder for temporary files: /var/tmp/.a/b",
        "medium hidden.program: a program in a hidden folder: /usr/share/.x/run",
    ];
    let (mut found, mut expected) = (found, expected.map(str::to_owned).to_vec());
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn programs_that_pass_for_others_are_told() {
    let status = "Package: tools\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n";
    let list = "/usr/bin/ls\n/usr/bin/journalctl\n/usr/sbin/sshd\n/usr/bin/x11\n/usr/bin/xll\n";
    let dpkg = [("/var/lib/dpkg/status", status), ("/var/lib/dpkg/info/tools.list", list)];
    let programs = [
        "/usr/bin/ls",
        "/usr/bin/1s",
        "/usr/sbin/joumalctl",
        "/usr/local/bin/\u{455}shd",
        "/usr/bin/ss\u{4bb}d",
        "/opt/tool/\u{ff4c}s",
        "/usr/bin/jour\u{144}alctl",
        "/usr/bin/\u{433}\u{440}\u{430}",
        "/srv/\u{e9}tat",
        "/var/lib/app/sshd",
        "/etc/systemd-journald",
        "/usr/local/sbin/sshd",
        "/home/anna/bin/bash",
        "/usr/local/bin/own",
        "/usr/bin/x11",
    ];
    let modes: Vec<(&str, u16)> = programs.iter().map(|path| (*path, 0o755)).collect();
    let found = titles(&found_in(&with_modes(&dpkg, &modes), &[], find));
    let expected = [
        "medium hidden.stray-daemon: a program that is called like a service, where no service lies: /etc/systemd-journald",
        "medium hidden.look-alike: a program whose name looks like journalctl: /usr/sbin/joumalctl",
        "medium hidden.look-alike: a program whose name looks like ls: /usr/bin/1s",
        "medium hidden.look-alike: a program whose name looks like sshd: /usr/local/bin/ѕshd (U+0455)",
        "medium hidden.look-alike: a program whose name looks like sshd: /usr/bin/ssһd (U+04BB)",
        "medium hidden.look-alike: a program whose name looks like ls: /opt/tool/ｌs (U+FF4C)",
        "medium hidden.look-alike: a program whose name looks like journalctl: /usr/bin/jourńalctl (U+0144)",
        "medium hidden.stray-daemon: a program that is called like a service, where no service lies: /var/lib/app/sshd",
    ];
    let (mut found, mut expected) = (found, expected.map(str::to_owned).to_vec());
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn hidden_folders_are_told_where_no_program_keeps_one() {
    let status = "Package: tools\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n";
    let files = [
        ("/var/lib/dpkg/status", status),
        ("/var/lib/dpkg/info/tools.list", "/usr\n"),
        ("/usr/share/.x/.y/notes", "n"),
        ("/tmp/.X11-unix/x", "n"),
        ("/etc/.git/config", "n"),
        ("/home/anna/.app/config", "n"),
    ];
    let expected = [
        "low hidden.folder: a hidden folder in a place of the system: /usr/share/.x",
        "low hidden.folder: a hidden folder in a place of the system: /usr/share/.x/.y",
    ];
    assert_eq!(titles(&found_in(&with_modes(&files, &[]), &[], find)), expected);
}

#[test]
fn histories_that_are_thrown_away_are_told() {
    let mut filesystem = MemoryFileSystem::of_paths(&[("/root/x", "")]);
    filesystem.add(11, b".bash_history", NodeType::Symlink, b"/dev/null");
    filesystem.add(11, b".zsh_history", NodeType::Symlink, b"/srv/history");
    let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
    let found = titles(&found_in(&view, &[], find));
    assert_eq!(found, ["medium hidden.no-history: a history that is thrown away: /root/.bash_history"]);
}

#[test]
fn names_that_hide_are_known() {
    let odd = ["...", " ", ".. ", "a ", ". x", "a\u{200b}b", "\u{1b}[2K"];
    assert!(odd.iter().all(|name| is_odd(name.as_bytes())));
    let plain = ["..", "a", ".a", "a b", "Ã¤", "日本", "-"];
    assert!(plain.iter().all(|name| !is_odd(name.as_bytes())));
    assert!(["kworker", "[kworker/0:1]", "kswapd0", "ksoftirqd/0"].iter().all(|name| is_kernel_name(name.as_bytes())));
    assert!(["kworkers.sh", "jbd2.ko", "kthreaddoctor"].iter().all(|name| !is_kernel_name(name.as_bytes())));
}
