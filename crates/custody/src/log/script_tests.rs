//! What the script `verify.sh` finds, beyond the chain.

use super::tests::{act, assert_script, log_of};
use super::*;
use crate::Subject;
use crate::case::tests::FixedClock;
use std::process::Command;

/// A case with the exhibit `E1`, whose files an entry names.
fn case_with_exhibit() -> (tempfile::TempDir, Case, CustodyLog) {
    let (temporary, case, log) = log_of(0);
    let opened = Act { subjects: case.own_files().unwrap(), ..act(ActKind::Opened, "begun") };
    log.append(opened, &FixedClock).unwrap();
    let (dir, guard) = case.begin_exhibit("E1").unwrap();
    let files: [(&str, &[u8]); 3] = [("manifest.json", b"{}"), ("image.raw", b"abc"), ("image.map", b"map")];
    let sums = files.map(|(name, bytes)| (name, hex_sha256(bytes)));
    files.iter().for_each(|(name, bytes)| dir.write_new(name, bytes).unwrap());
    dir.write_new("SHA256SUMS", crate::sums::to_text(&sums).as_bytes()).unwrap();
    case.finish_exhibit("E1", guard).unwrap();
    let subjects = sums.map(|(name, sha256)| Subject { name: format!("exhibits/E1/{name}"), sha256 }).to_vec();
    log.append(Act { subjects, ..act(ActKind::Acquired, "a {\"name\":\"exhibits/E2/x\"") }, &FixedClock).unwrap();
    assert_script(&case, &[], 0, "exhibits/E1/manifest.json: OK");
    assert_script(&case, &["--all"], 0, "exhibits/E1/image.raw: OK");
    (temporary, case, log)
}

#[test]
fn the_script_finds_a_removed_exhibit_a_changed_manifest_and_a_changed_case_json() {
    let (_temporary, case, _log) = case_with_exhibit();
    let exhibit = OutputDir::open(&case.exhibit_dir("E1")).unwrap();
    exhibit.replace("manifest.json", b"[]").unwrap();
    assert_script(&case, &[], 1, "exhibits/E1/manifest.json: FAILED");
    std::fs::remove_dir_all(case.exhibit_dir("E1")).unwrap();
    assert_script(&case, &[], 1, "differs: what FAILED above is missing");
    let (_temporary, case, _log) = case_with_exhibit();
    OutputDir::open(case.path()).unwrap().replace("case.json", b"{}").unwrap();
    assert_script(&case, &[], 1, "case.json: FAILED");
}

#[test]
fn the_script_finds_an_image_that_was_exchanged_together_with_the_list_of_digests() {
    let both: &[(&str, &[u8])] = &[("image.raw", b"abd"), ("manifest.json", b"{}")];
    for files in [both, &both[1..]] {
        let (_temporary, case, _log) = case_with_exhibit();
        let exhibit = OutputDir::open(&case.exhibit_dir("E1")).unwrap();
        exhibit.remove_own("image.raw").unwrap();
        files.iter().for_each(|(name, bytes)| exhibit.replace(name, bytes).unwrap());
        let sums: Vec<_> = files.iter().map(|(name, bytes)| (*name, hex_sha256(bytes))).collect();
        exhibit.replace("SHA256SUMS", crate::sums::to_text(&sums).as_bytes()).unwrap();
        assert_script(&case, &[], 0, "agree");
        assert_script(&case, &["--all"], 1, "differs: exhibits/E1");
        exhibit.remove_own("SHA256SUMS").unwrap();
        assert_script(&case, &["--all"], 1, "differs: exhibits/E1");
    }
}

#[test]
fn the_script_waits_for_no_pipe_follows_no_link_and_finds_what_is_hidden() {
    let (_temporary, case, _log) = case_with_exhibit();
    let names =
        ["case.json", "custody/HEAD", "custody/00000001.json", "exhibits/E1/image.raw", "exhibits/E1/SHA256SUMS"];
    for name in names {
        let (file, kept) = (case.path().join(name), case.path().join("kept"));
        let folder = OutputDir::open(file.parent().unwrap()).unwrap();
        std::fs::rename(&file, &kept).unwrap();
        assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
        assert_script(&case, &["--all"], 1, name);
        folder.remove_own(file.file_name().unwrap().to_str().unwrap()).unwrap();
        std::os::unix::fs::symlink(&kept, &file).unwrap();
        assert_script(&case, &["--all"], 1, name);
        folder.remove_own(file.file_name().unwrap().to_str().unwrap()).unwrap();
        std::fs::rename(&kept, &file).unwrap();
    }
    for name in ["custody/.hidden", "exhibits/.hidden", "exhibits/E1/.hidden"] {
        let (folder, name) = name.rsplit_once('/').unwrap();
        let folder = OutputDir::open(&case.path().join(folder)).unwrap();
        folder.replace(name, b"x").unwrap();
        assert_script(&case, &[], 1, name);
        folder.remove_own(name).unwrap();
    }
    assert_script(&case, &["--all"], 0, "agree");
}

#[test]
fn no_text_of_an_entry_is_taken_by_the_script_for_a_digest() {
    let texts = [
        r#"{"" "exhibits/E1/manifest.json{"" "exhibits/E1/image.raw{"#,
        r#"","subjects":[{"name":"exhibits/E1/manifest.json","sha256":""}],"tool":""#,
        r#"\","subjects":[{"name":"exhibits/E1/manifest.json","sha256":"00"},{"name":"exhibits/E1/image.raw""#,
        r#""}],"tool":"{"name":"exhibits/E1/image.raw","sha256":"00"}"#,
    ];
    for text in texts {
        for field in ["who", "what", "tool", "name"] {
            let (_temporary, case, log) = case_with_exhibit();
            let mut later = Act { subjects: Vec::new(), ..act(ActKind::Acquired, "another exhibit") };
            match field {
                "who" => later.who = text.to_owned(),
                "what" => later.what = text.to_owned(),
                "tool" => later.tool = text.to_owned(),
                _ => later.subjects.push(Subject { name: text.to_owned(), sha256: "0".repeat(64) }),
            }
            log.append(later, &FixedClock).unwrap();
            assert_script(&case, &["--all"], 0, "exhibits/E1/image.raw: OK");
            exchange(&case, &[("image.raw", b"abd"), ("manifest.json", b"[]"), ("image.map", b"map")]);
            assert_script(&case, &[], 1, "exhibits/E1/manifest.json: FAILED");
            assert_script(&case, &["--all"], 1, "exhibits/E1/image.raw: FAILED");
        }
    }
}

/// Exchanges files of the exhibit, and its list with them.
fn exchange(case: &Case, files: &[(&str, &[u8])]) {
    let exhibit = OutputDir::open(&case.exhibit_dir("E1")).unwrap();
    files.iter().for_each(|(name, bytes)| exhibit.replace(name, bytes).unwrap());
    let sums: Vec<_> = files.iter().map(|(name, bytes)| (*name, hex_sha256(bytes))).collect();
    exhibit.replace("SHA256SUMS", crate::sums::to_text(&sums).as_bytes()).unwrap();
}

#[test]
fn a_list_that_does_not_name_each_file_once_differs_for_the_script() {
    let (_temporary, case, _log) = case_with_exhibit();
    let exhibit = OutputDir::open(&case.exhibit_dir("E1")).unwrap();
    let written = String::from_utf8(exhibit.read_small("SHA256SUMS", 1 << 20).unwrap()).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    let lists = [
        written.replace("  image.map", " image.map"),
        written.replace("  image.map", " *image.map"),
        written.replace("image.map", "image.map\0"),
        written.replace("image.map\n", "image.map\r\n"),
        written.replace("image.map", "../E1/image.map"),
        format!("{}\n{}\n# {}\n", lines[0], lines[1], lines[2]),
        format!("{}\n{}\n", lines[0], lines[1]),
        format!("{written}{}\n", lines[0]),
        format!("{written}\n"),
        written.trim_end().to_owned(),
        written[..written.len() - 20].to_owned(),
        format!("{written}SHA256 (image.raw) = {}\n", &lines[1][..64]),
    ];
    for list in lists {
        exhibit.replace("SHA256SUMS", list.as_bytes()).unwrap();
        assert_script(
            &case,
            &["--all"],
            1,
            "differs: exhibits/E1/SHA256SUMS does not name each file of the folder once",
        );
    }
    exhibit.replace("SHA256SUMS", written.as_bytes()).unwrap();
    assert_script(&case, &["--all"], 0, "agree");
    exhibit.write_new("added", b"x").unwrap();
    assert_script(&case, &["--all"], 1, "differs: exhibits/E1/SHA256SUMS");
}

#[test]
fn no_name_of_a_file_steers_the_terminal_through_the_script() {
    let place = |folder: &str, name: &str| {
        let (temporary, case, _log) = case_with_exhibit();
        OutputDir::open(&case.path().join(folder)).unwrap().write_new(name, b"x").unwrap();
        (temporary, case)
    };
    let name = "a\u{1b}[2J\u{9b}\\033[2Jb";
    for (folder, name) in [
        ("custody", name.to_owned()),
        ("custody", "\u{1b}[2J123".to_owned() + ".json"),
        ("exhibits", name.to_owned()),
        ("exhibits/E1", name.to_owned()),
        ("exhibits/E1", format!(".{name}")),
    ] {
        let (_temporary, case) = place(folder, &name);
        for shell in [&["dash"][..], &["bash", "--posix"][..]] {
            let Some((code, text)) = super::tests::run_script(shell, &case, &["--all"]) else { continue };
            assert_eq!(code, 1, "{text}");
            assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{text:?}");
        }
    }
}

#[test]
fn a_lock_that_holds_something_differs_for_the_script() {
    let (_temporary, case, log) = case_with_exhibit();
    log.folder.replace(LOCK_NAME, b"x").unwrap();
    assert_script(&case, &[], 1, "differs: custody/lock is not empty");
}
