//! Names and modes that matter, and those that do not.

use super::{find, is_kernel_name, is_odd};
use crate::testing::{found_in, titles};
use kanshiki_filesystem::{MemoryFileSystem, NodeType, View, Volume};
use std::sync::Arc;

/// What is told of files with these modes.
fn told(files: &[(&str, u16)]) -> Vec<String> {
    let contents: Vec<(&str, &str)> = files.iter().map(|(path, _)| (*path, "x")).collect();
    let mut filesystem = MemoryFileSystem::of_paths(&contents);
    let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem.clone()) });
    for (path, mode) in files {
        let path = kanshiki_model::EvidencePath::from_bytes(path.as_bytes());
        let inode = view.lookup(&path, kanshiki_filesystem::Follow::All).unwrap().node.id.inode;
        filesystem.node_mut(inode).unwrap().node.mode = 0o100_000 | mode;
    }
    let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
    titles(&found_in(&view, &[], find))
}

const STATUS: (&str, u16) = ("/var/lib/dpkg/status", 0o644);

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
        ("/opt/app/run", 0o4755),
    ]);
    let expected = [
        "medium hidden.kernel-name: a program that is called like a part of the kernel: /opt/[kworker]",
        "medium files.temporary-program: a program in a folder for temporary files: /tmp/x",
        "medium files.setuid: setuid program that no package brought: /opt/app/run",
        "high files.setuid: setuid program that no package brought: /var/tmp/.a/b",
        "medium hidden.program: a program in a hidden folder: /usr/share/.x/run",
    ];
    let (mut found, mut expected) = (found, expected.map(str::to_owned).to_vec());
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_program_without_a_package_is_told_where_there_are_packages() {
    let status = "Package: base\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n";
    let list = "/.\n/usr\n/usr/bin\n/usr/bin/known\n";
    let files = [
        ("/var/lib/dpkg/status", status),
        ("/var/lib/dpkg/info/base.list", list),
        ("/usr/bin/known", "x"),
        ("/usr/bin/unknown", "x"),
        ("/usr/local/bin/own", "x"),
    ];
    let mut filesystem = MemoryFileSystem::of_paths(&files);
    for inode in 11..60 {
        if let Some(file) = filesystem.node_mut(inode).filter(|it| it.node.node_type == NodeType::File) {
            file.node.mode = 0o100_755;
        }
    }
    let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
    let found = titles(&found_in(&view, &[], find));
    assert_eq!(found, ["medium files.unowned-program: a program that no package brought: /usr/bin/unknown"]);
    assert_eq!(told(&[("/usr/bin/unknown", 0o755)]), [""; 0]);
    assert_eq!(told(&[STATUS]), [""; 0]);
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
