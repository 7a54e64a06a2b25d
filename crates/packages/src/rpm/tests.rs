use crate::Packages;
use crate::testing::{issues, shown, view, with_file};
use kanshiki_testkit::{Need, beside, need};

const FOLDER: &str = "shared/logs/go-rpmdb";

/// Reads a database of that folder, put where a machine would have it.
fn real(file: &str, place: &str) -> Packages {
    let bytes = std::fs::read(beside(FOLDER).unwrap().join(file)).unwrap();
    Packages::read(&view(with_file(place, &bytes)))
}

#[test]
fn a_database_of_berkeleydb_is_read() {
    if !need(&[Need::Beside(FOLDER)]) {
        return;
    }
    let packages = real("libuuid/Packages", "/var/lib/rpm/Packages");
    assert_eq!(issues(&packages), [""; 0]);
    assert_eq!(packages.doubts(), []);
    // rpm 4.18 --dbpath . -qa
    assert_eq!(shown(&packages), ["libuuid 2.32.1-42.el8_8 x86_64"]);
    // rpm 4.18 --dbpath . -qa --dump
    let entry = packages.of(b"/usr/lib64/libuuid.so.1.3.0").next().unwrap();
    assert_eq!(
        entry.expected.digest().unwrap().to_hex(),
        "3c8f59a0e39cce53501045859f5c9a86b82fedd558a2f4110ab1823047b43745"
    );
    assert_eq!((entry.expected.size, entry.expected.mode), (Some(33496), Some(0o100_755)));
}

#[test]
fn a_header_whose_digests_of_files_were_exchanged_is_doubted() {
    if !need(&[Need::Beside(FOLDER)]) {
        return;
    }
    let mut bytes = std::fs::read(beside(FOLDER).unwrap().join("libuuid/Packages")).unwrap();
    let digest = b"3c8f59a0e39cce53501045859f5c9a86b82fedd558a2f4110ab1823047b43745";
    let at = bytes.windows(64).position(|part| part == digest).unwrap();
    bytes[at] = b'4';
    let view = view(with_file("/var/lib/rpm/Packages", &bytes));
    let doubts = crate::doubts(&view, &Packages::read(&view));
    assert_eq!(doubts.len(), 1);
    assert_eq!(doubts[0].package, "libuuid 2.32.1-42.el8_8 x86_64");
    assert!(doubts[0].text.starts_with("its header was changed: its own sha256 is "), "{}", doubts[0].text);
}

#[test]
fn a_database_of_suse_is_read() {
    if !need(&[Need::Beside(FOLDER)]) {
        return;
    }
    let packages = real("sle15-bci/Packages.db", "/usr/lib/sysimage/rpm/Packages.db");
    assert_eq!(issues(&packages), [""; 0]);
    assert_eq!(packages.doubts(), []);
    let shown = shown(&packages);
    // `SLE15WithNDB` of go-rpmdb, pkg/rpmdb_testcase_test.go, made with rpm -qa.
    assert_eq!(shown.len(), 35);
    for name in ["system-user-root 20190513-3.3.1 noarch", "bash 4.4-19.6.1 x86_64", "rpm-ndb 4.14.3-40.1 x86_64"] {
        assert!(shown.iter().any(|package| package == name), "{name}");
    }
}

#[test]
fn a_database_in_sqlite_is_read() {
    if !need(&[Need::Beside(FOLDER)]) {
        return;
    }
    let packages = real("cbl-mariner-2.0/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite");
    assert_eq!(issues(&packages), [""; 0]);
    assert_eq!(packages.doubts(), []);
    let shown = shown(&packages);
    // rpm 4.18 --dbpath . -qa
    assert_eq!(shown.len(), 129);
    assert_eq!(
        (shown[0].as_str(), shown[128].as_str()),
        ("mariner-release 2.0-4.cm2 noarch", "sqlite 3.34.1-2.cm2 x86_64")
    );
    // rpm 4.18 --dbpath . -q --dump bash
    let entry = packages.of(b"/bin/bash").next().unwrap();
    let digest = "6767eef2f71a003adb56fe8731214832cfb4b852d58558408699bfb3aa13185f";
    assert_eq!(entry.expected.digest().unwrap().to_hex(), digest);
    assert_eq!(
        (entry.expected.modified, entry.expected.owner.unwrap().name),
        (Some(1_643_073_599), b"root".as_slice())
    );
    assert_eq!(packages.of(b"/bin/sh").next().unwrap().expected.link_target, Some(b"bash".as_slice()));
}
