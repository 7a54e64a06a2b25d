//! Cases that were built to mislead who checks them.

use kanshiki_testkit::{Ran, Workplace, kanshiki_path, noise, run, sha256sum, write_file};
use serde_json::Value;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

const BYTES: usize = 1_500_000;

/// A case with one exhibit; its files may be written.
fn acquired() -> Workplace {
    let place = Workplace::new();
    let source = place.path("source");
    write_file(&source, noise(5, BYTES));
    let _ = place.acquire(&source, &["--quiet"]).exits(0);
    let _ = run(Command::new("chmod").args(["-R", "u+w"]).arg(place.case())).exits(0);
    place
}

fn script(place: &Workplace) -> Ran {
    run(Command::new("sh").arg(place.case().join("verify.sh")).arg("--all"))
}

#[test]
fn the_name_of_a_source_does_not_blind_the_script() {
    let place = acquired();
    let _ = script(&place).exits(0);
    let folder = place.path("{\"\" \"exhibits");
    std::fs::create_dir_all(folder.join("E1")).unwrap();
    // As an entry's text, this is what a careless reader takes for the digests of E1.
    let hostile = folder.join("E1/manifest.json{\"\" \"exhibits");
    std::fs::create_dir_all(hostile.join("E1")).unwrap();
    let hostile = hostile.join("E1/image.raw{");
    write_file(&hostile, noise(6, BYTES));
    let mut acquire = Command::new(kanshiki_path());
    let acquire = acquire.arg("acquire").arg(hostile.strip_prefix(place.path("")).unwrap());
    let acquire = acquire.args(["--exhibit", "E2", "--case"]).arg(place.case()).current_dir(place.path(""));
    let _ = run(acquire).exits(0);
    let _ = script(&place).exits(0);
    let exhibit = place.exhibit();
    write_file(&exhibit.join("image.raw"), noise(7, BYTES));
    let manifest = std::fs::read_to_string(exhibit.join("manifest.json")).unwrap();
    write_file(&exhibit.join("manifest.json"), manifest.replace("E1", "E9"));
    let names = ["image.raw", "image.leaves", "image.map", "manifest.json", "manifest.txt"];
    let list: String = names.iter().map(|name| format!("{}  {name}\n", sha256sum(&exhibit.join(name)))).collect();
    write_file(&exhibit.join("SHA256SUMS"), list);
    let ran = script(&place).exits(1);
    for words in ["exhibits/E1/manifest.json: FAILED", "exhibits/E1/image.raw: FAILED", "differs: exhibits/E1"] {
        assert!(ran.stdout.contains(words), "`{words}` is not in\n{}", ran.stdout);
    }
}

/// `kanshiki verify --read-only` of the case: what it says of the custody log, and the same as JSON.
#[track_caller]
fn verified(place: &Workplace, code: i32) -> (String, Value) {
    let verify = |more: &[&str]| place.verify(&[&["--read-only"], more].concat()).exits(code);
    (verify(&[]).stdout, serde_json::from_str(verify(&["--json"]).stdout.lines().last().unwrap()).unwrap())
}

#[test]
fn a_custody_log_that_cannot_be_read_is_never_called_intact() {
    let place = acquired();
    let custody = place.case().join("custody");
    let (said, report) = verified(&place, 0);
    assert!(said.contains("intact  custody log") && report["custody"]["verdict"] == "intact", "{said}");

    let kept = place.path("kept");
    std::fs::rename(&custody, &kept).unwrap();
    std::os::unix::fs::symlink(&kept, &custody).unwrap();
    let (said, report) = verified(&place, 1);
    assert!(!said.contains("intact  custody log"), "{said}");
    assert!(said.contains("DIFFERS  custody log") && said.contains("custody is a symbolic link to"), "{said}");
    assert_eq!(report["custody"]["verdict"], "differs");
    std::fs::remove_file(&custody).unwrap();
    write_file(&custody, "");
    let (said, _) = verified(&place, 1);
    assert!(said.contains("DIFFERS  custody log") && said.contains("custody is no folder"), "{said}");
    std::fs::remove_file(&custody).unwrap();
    std::fs::rename(&kept, &custody).unwrap();
    let _ = verified(&place, 0);
}

#[test]
fn a_pipe_a_link_or_a_folder_in_the_place_of_a_file_of_the_log_differs() {
    let place = acquired();
    for name in ["HEAD", "lock", "00000001.json"] {
        let file = place.case().join("custody").join(name);
        let kept = place.path("kept");
        std::fs::rename(&file, &kept).unwrap();
        let assert_differs = |what: &str| {
            let (said, report) = verified(&place, 1);
            assert!(said.contains("DIFFERS  custody log"), "{name}, {what}: {said}");
            assert!(report["custody"]["problems"].to_string().contains(&format!("custody/{name}")), "{what}: {report}");
        };
        let _ = run(Command::new("mkfifo").arg(&file)).exits(0);
        assert_differs("pipe");
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&kept, &file).unwrap();
        assert_differs("link");
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert_differs("folder");
        std::fs::remove_dir(&file).unwrap();
        std::fs::rename(&kept, &file).unwrap();
        let _ = verified(&place, 0);
    }
    write_file(&place.case().join("custody/lock"), "x");
    let (said, _) = verified(&place, 1);
    assert!(said.contains("custody/lock was exchanged: it is not empty"), "{said}");
}

#[test]
fn no_byte_of_a_path_is_lost_in_a_message() {
    let place = acquired();
    let case = place.path("").join(OsStr::from_bytes(b"n\xff\x1b[2J"));
    std::fs::rename(place.case(), &case).unwrap();
    let acquire = |exhibit: &str| {
        let mut acquire = Command::new(kanshiki_path());
        acquire.arg("acquire").arg(place.path("source")).arg("--case").arg(&case).args(["--exhibit", exhibit]);
        run(&mut acquire)
    };
    let ran = acquire("E1").exits(4);
    assert!(ran.stderr.contains("/n\\xff\\u{1b}[2J` and is never replaced"), "{}", ran.stderr);
    for (folder, added) in [("custody", b"a\xfeb".as_slice()), ("exhibits", b"c\xfd")] {
        let added = case.join(folder).join(OsStr::from_bytes(added));
        write_file(&added, "");
    }
    let mut verify = Command::new(kanshiki_path());
    let ran = run(verify.arg("verify").arg(&case).arg("--read-only")).exits(1);
    for words in ["custody/a\\xfeb was added", "exhibits/c\\xfd was added"] {
        assert!(ran.stdout.contains(words), "`{words}` is not in\n{}", ran.stdout);
    }
    // A folder that is no case, with a name that is no text.
    let other = place.path("").join(OsStr::from_bytes(b"o\xfc"));
    std::fs::create_dir(&other).unwrap();
    write_file(&other.join(OsStr::from_bytes(b"p\xfb")), "");
    let mut acquire = Command::new(kanshiki_path());
    let acquire = acquire.arg("acquire").arg(place.path("source")).arg("--case").arg(&other).args(["--exhibit", "E1"]);
    let ran = run(acquire).exits(4);
    assert!(ran.stderr.contains("o\\xfc` is not a case folder") && ran.stderr.contains("`p\\xfb`"), "{}", ran.stderr);
}
