use super::*;
use crate::testing::view;
use kanshiki_filesystem::MemoryFileSystem;
use kanshiki_model::FileTime;

const STATUS: &str = "Package: base\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n";

/// Times of files, in seconds: of the list, and of the sums when they were written, changed and made.
fn found(list: i64, [modified, changed, created]: [i64; 3], log: &str) -> Vec<String> {
    let mut filesystem = MemoryFileSystem::of_paths(&[
        ("/var/lib/dpkg/status", STATUS),
        ("/var/lib/dpkg/info/base.list", "/usr/bin/x\n"),
        ("/var/lib/dpkg/info/base.md5sums", ""),
        ("/var/log/dpkg.log", log),
    ]);
    let seen = view(filesystem.clone());
    for (name, times) in [("base.list", [list; 3]), ("base.md5sums", [modified, changed, created])] {
        let path = EvidencePath::from_bytes(format!("/var/lib/dpkg/info/{name}").as_bytes());
        let inode = seen.lookup(&path, Follow::All).unwrap().place.node.inode;
        let node = &mut filesystem.node_mut(inode).unwrap().node;
        let [modified, changed, created] = times.map(|seconds| Some(FileTime::new(seconds, None)));
        (node.times.modified, node.times.changed, node.times.created) = (modified, changed, created);
    }
    let view = view(filesystem);
    let doubts = doubts(&view, &Packages::read(&view));
    doubts.iter().map(|doubt| format!("{} {}: {}", doubt.package, visible(&doubt.path), doubt.text)).collect()
}

const T: i64 = 1_700_000_000;

#[test]
fn sums_as_dpkg_unpacks_them_are_not_doubted() {
    assert_eq!(found(T, [T - 9_000_000, T + 1, T + 1], ""), [""; 0]);
    assert_eq!(found(T, [T - 9_000_000, T + 1, T + 1], "2023-11-14 23:13:19 startup\n"), [""; 0]);
    // The log does not reach back to it.
    assert_eq!(found(T, [T, T, T], "2024-03-01 12:00:00 startup\n"), [""; 0]);
}

#[test]
fn sums_that_were_written_made_or_changed_later_are_doubted() {
    let path = "base /var/lib/dpkg/info/base.md5sums: ";
    let list = "after the list of the package's files, which dpkg wrote last at 2023-11-14T22:13:20Z";
    assert_eq!(found(T, [T + 100, T + 100, T], ""), [format!("{path}was written at 2023-11-14T22:15:00Z, {list}")]);
    assert_eq!(found(T, [T - 100, T + 700, T + 700], ""), [format!("{path}was made at 2023-11-14T22:25:00Z, {list}")]);
    assert_eq!(found(T, [T - 100, T + 700, T], ""), [format!("{path}was changed at 2023-11-14T22:25:00Z, {list}")]);
}

#[test]
fn a_list_that_was_written_when_dpkg_did_not_run_is_doubted() {
    let log = "2023-11-01 10:00:00 startup\n2023-12-01 10:00:00 startup\n";
    let text = "was written at 2023-11-14T22:13:20Z, a day and more from every run of dpkg that its log has";
    assert_eq!(found(T, [T; 3], log), [format!("base /var/lib/dpkg/info/base.list: {text}")]);
}
