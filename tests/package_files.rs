//! Files held against the databases of dpkg and rpm: the same as `dpkg --verify` and `rpm -Va` tell of the same trees.

use kanshiki_testkit::{Need, kanshiki_path, need, run, tempdir, tool, write_file};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder in which a script made `root`, and an image of that.
fn made(place: &Path, script: &str) -> PathBuf {
    write_file(&place.join("session.sh"), script);
    let _ = run(Command::new("sh").arg(place.join("session.sh")).arg(place)).exits(0);
    let image = place.join("disk.img");
    let _ = run(tool("mkfs.ext4").args(["-q", "-F", "-d"]).arg(place.join("root")).arg(&image).arg("32M")).exits(0);
    image
}

fn packages(image: &Path, options: &[&str]) -> Vec<String> {
    let ran = run(Command::new(kanshiki_path()).arg("packages").arg(image).args(options)).exits(0);
    ran.stdout.lines().map(str::to_owned).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Lines of another program, which ends with a failure if files differ.
fn theirs(command: &mut Command) -> Vec<String> {
    sorted(run(command).stdout.lines().map(str::to_owned).collect())
}

#[test]
fn what_differs_from_a_tree_of_dpkg_is_what_dpkg_tells() {
    if !need(&[Need::Root]) || !need(&["dpkg", "dpkg-deb", "mkfs.ext4"].map(Need::Tool)) {
        return;
    }
    let place = tempdir();
    let image = made(place.path(), include_str!("package_files/dpkg.sh"));
    let expected = theirs(Command::new("dpkg").arg("--verify").arg("--root").arg(place.path().join("root")));
    assert!(expected.len() >= 9, "{expected:#?}");
    assert_eq!(sorted(packages(&image, &["--verify"])), expected);
    let listed = packages(&image, &[]);
    assert!(listed[0].starts_with("gone   1.0-1  all  20") && listed[0].ends_with("(config-files)"), "{listed:#?}");
    assert!(listed[2].starts_with("tools  1.0-1  all  20"), "{listed:#?}");
    let owner = packages(&image, &["--owner", "/bin/tool1", "--owner", "/usr/bin/added", "--owner", "/usr/bin/tool2"]);
    assert!(owner[0].starts_with("tools 1.0-1 all: /bin/tool1 at /usr/bin/tool1, md5 "), "{owner:#?}");
    assert_eq!(owner[1], "/usr/bin/added: no package's");
    // It was taken away, and is the package's all the same.
    assert!(owner[2].starts_with("tools 1.0-1 all: /bin/tool2 at /usr/bin/tool2, md5 "), "{owner:#?}");
    let survey = packages(&image, &["--unowned", "--privileged", "--jsonl"]);
    let survey: Vec<Value> = survey.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown = |kind: &str, field: &str| -> Vec<String> {
        let lines = survey.iter().filter(|line| line["type"] == kind);
        lines
            .map(|line| format!("{} {}", line["path"].as_str().unwrap(), line[field].as_str().unwrap_or("-")))
            .collect()
    };
    assert_eq!(shown("unowned", "explanation"), ["/usr/bin/added -", "/usr/bin/tool6.real -"]);
    assert_eq!(shown("privileged", "standing"), ["/usr/bin/tool3 unknown", "/usr/bin/tool8 given"]);
}

#[test]
fn a_database_of_dpkg_that_was_rewritten_is_held_against_the_package_files() {
    if !need(&[Need::Root]) || !need(&["dpkg", "dpkg-deb", "mkfs.ext4"].map(Need::Tool)) {
        return;
    }
    let place = tempdir();
    let image =
        made(place.path(), &[include_str!("package_files/dpkg.sh"), include_str!("package_files/rewrite.sh")].concat());
    let database = packages(&image, &["--verify"]);
    assert!(!database.iter().any(|line| line.contains("/tool1") || line.contains("/tool3")), "{database:#?}");
    let doubts = packages(&image, &["--database"]);
    assert!(
        doubts.len() == 1 && doubts[0].starts_with("/var/lib/dpkg/info/tools.md5sums: was written at "),
        "{doubts:#?}"
    );
    let folder = place.path().to_str().unwrap();
    let originals = packages(&image, &["--verify", "--unowned", "--privileged", "--packages", folder]);
    let has = |line: &str| assert!(originals.iter().any(|there| there == line), "{line}: {originals:#?}");
    has("/bin/tool1: the database of the image has another digest for it than the package file (tools 1.0-1 all)");
    has("/usr/bin/added: the database of the image has it, the package file does not (tools 1.0-1 all)");
    has("/bin/tool3: the package file has it, the database of the image does not (tools 1.0-1 all)");
    assert!(!originals.iter().any(|line| line.starts_with("/usr/bin/gone:")), "{originals:#?}");
    // Content and time of one, permissions of the other; dpkg-statoverride gave those of the third, and they are right.
    has("..5??..T?   /bin/tool1");
    has(".M.??...?   /bin/tool3");
    has("given     -rwxr-sr-x  0:8  /usr/bin/tool8");
    has("beyond    -rwsr-xr-x  0:0  /usr/bin/tool3");
    assert!(
        originals.iter().any(|line| line.starts_with("-rw-r--r--") && line.ends_with("/usr/bin/added")),
        "{originals:#?}"
    );
    assert!(
        !originals.iter().any(|line| line.ends_with("   /bin/tool8") || line.ends_with("   /bin/tool5")),
        "{originals:#?}"
    );
}

#[test]
fn what_differs_from_a_tree_of_rpm_is_what_rpm_tells() {
    if !need(&[Need::Root]) || !need(&["rpm", "rpmbuild", "setcap", "setfacl", "mkfs.ext4"].map(Need::Tool)) {
        return;
    }
    let place = tempdir();
    let image = made(place.path(), include_str!("package_files/rpm.sh"));
    let root = place.path().join("root");
    let expected =
        theirs(Command::new("rpm").arg("--root").arg(root).args(["--dbpath", "/var/lib/rpm", "-Va", "--nodeps"]));
    assert!(expected.len() >= 27, "{expected:#?}");
    assert_eq!(sorted(packages(&image, &["--verify"])), expected);
    // The package files say the same as the database that was made of them.
    let files = place.path().join("top");
    assert_eq!(sorted(packages(&image, &["--verify", "--packages", files.to_str().unwrap()])), expected);
    let listed = packages(&image, &[]);
    assert!(listed[0].starts_with("tools  4:1.2-3  noarch  20"), "{listed:#?}");
    let lines = packages(&image, &["--verify", "--jsonl"]);
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let changed = lines.iter().find(|line| line["path"] == "/usr/bin/tool20").unwrap();
    assert_eq!((&changed["difference"], &changed["package"]), (&"..5......".into(), &"tools".into()));
    assert_eq!((&changed["expected"]["algorithm"], &changed["found"]["size"]), (&"sha256".into(), &11.into()));
    assert_ne!(changed["expected"]["digest"], changed["found_digest"]);
}
