//! Programs without a package, and with the rights of others.

use super::find;
use crate::testing::{found_in, titles, with_modes};

/// Packages with one program.
const DPKG: [(&str, &str); 2] = [
    ("/var/lib/dpkg/status", "Package: base\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"),
    (
        "/var/lib/dpkg/info/base.list",
        "/.\n/usr\n/usr/bin\n/usr/bin/known\n/usr/bin/bash\n/usr/bin/passwd\n/usr/bin/perl\n/usr/bin/ping\n/usr/bin/newuidmap\n",
    ),
];

fn told(files: &[(&str, u16)]) -> Vec<String> {
    titles(&found_in(&with_modes(&DPKG, files), &[], find))
}

#[test]
fn a_program_without_a_package_is_told() {
    let files = [
        ("/usr/bin/known", 0o755),
        ("/usr/bin/unknown", 0o755),
        ("/usr/local/bin/own", 0o755),
        ("/usr/bin/notes", 0o644),
    ];
    let expected = [
        "medium files.unowned-program: a program that no package brought: /usr/bin/unknown",
        "info files.unowned: files that no package brought in /usr/bin",
    ];
    assert_eq!(told(&files), expected);
    assert_eq!(
        told(&[("/usr/lib/x86_64-linux-gnu/security/pam_x.so", 0o644)])[0].split(':').next(),
        Some("high files.unowned-program")
    );
}

#[test]
fn rights_beyond_the_packages_are_told() {
    let files = [
        ("/usr/bin/known", 0o4755),
        ("/usr/bin/passwd", 0o4755),
        ("/usr/bin/bash", 0o4755),
        ("/opt/app/run", 0o4755),
        ("/var/tmp/x", 0o4755),
        ("/opt/app/plain", 0o755),
    ];
    let mut found = told(&files);
    found.sort();
    let expected = [
        "high files.rights: a program with the rights of others (setuid to number 0): /usr/bin/bash",
        "high files.rights: a program with the rights of others (setuid to number 0): /var/tmp/x",
        "medium files.rights: a program with the rights of others (setuid to number 0): /opt/app/run",
        "medium files.rights: a program with the rights of others (setuid to number 0): /usr/bin/known",
    ];
    assert_eq!(found, expected);
}
