//! `kanshiki demo` from its first step to its last.
#![cfg(feature = "demo")]
#![expect(clippy::expect_used, reason = "the helpers of a test fail like the test itself")]

use std::path::Path;
use std::process::{Command, Output};

fn demo(temporary: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kanshiki"));
    command.arg("demo").args(arguments).env("TMPDIR", temporary).output().expect("the program starts")
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("the folder is there").count()
}

#[test]
fn every_step_ends_as_it_should_and_the_folder_is_cleared_away() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let output = demo(temporary.path(), &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // The digest of the disk in testdata/demo/SHA256SUMS.
    assert!(text.contains("5180a8385a7831a40f0ffa3eb65d719d1381c708823313979b18f5d34ca6f298  ferry.img"), "{text}");
    assert!(text.contains("ext4 \"quay1-root\""), "{text}");
    assert!(text.contains("└── kworkerd"), "{text}");
    assert!(text.contains("# Stands in for the script that the intruder ran and removed."), "{text}");
    assert!(text.contains("Subsystem sftp /usr/lib/openssh/sftp-server; no -l is given"), "{text}");
    assert!(text.contains("examined exhibit quay1-disk"), "{text}");
    assert!(text.contains("MiB 23 differs"), "{text}");
    assert_eq!(entries(temporary.path()), 0);
}

#[test]
fn a_folder_that_was_asked_for_stays_and_is_never_used_again() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = temporary.path().join("shown");
    let asked = ["--dir", folder.to_str().expect("the path is UTF-8")];
    assert_eq!(demo(temporary.path(), &asked).status.code(), Some(0));
    assert!(folder.join("northsound/exhibits/quay1-disk/manifest.json").is_file());

    let again = demo(temporary.path(), &asked);
    assert_eq!(again.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&again.stderr).contains("because: file exists"));
}
