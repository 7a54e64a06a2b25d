//! A case folder on filesystems that lack what Linux's own have: modes, links, a renaming that replaces nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use kanshiki_custody::{Act, ActKind, Case, CustodyError, CustodyLog, LogVerdict, OutputDir};
use kanshiki_model::{Clock, Timestamp};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanoseconds(1_700_000_000_000_000_000)
    }
}

/// A filesystem in a file, mounted until this is dropped.
struct Mounted {
    _folder: tempfile::TempDir,
    point: PathBuf,
}

impl Mounted {
    fn new(make: &[&str], mount: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (image, point) = (folder.path().join("image"), folder.path().join("point"));
        let file = OutputDir::open(folder.path()).unwrap().create_new("image").unwrap();
        file.set_len(64 << 20).unwrap();
        std::fs::create_dir(&point).unwrap();
        run(Command::new(make[0]).args(&make[1..]).arg(&image));
        run(Command::new(mount[0]).args(&mount[1..]).arg(&image).arg(&point));
        Self { _folder: folder, point }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run(Command::new("umount").arg(&self.point));
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn a_case_lives_here(top: &Path) {
    let case = Case::create_or_open(&top.join("case"), &FixedClock).unwrap();
    let log = CustodyLog::open(&case).unwrap();
    let act = |kind: ActKind, what: String| {
        let (who, tool) = ("Jane Doe".to_owned(), "test".to_owned());
        log.append(Act { kind, who, what, subjects: vec![], tool }, &FixedClock).unwrap()
    };
    act(ActKind::Opened, "begin".to_owned());
    let (exhibit, guard) = case.begin_exhibit("E1").unwrap();
    assert!(matches!(case.begin_exhibit("E1"), Err(CustodyError::Locked { .. })));
    exhibit.create_new("image.raw").unwrap().write_all(b"abc").unwrap();
    assert!(exhibit.write_new("image.raw", b"x").unwrap_err().is_io(ErrorKind::AlreadyExists));
    exhibit.replace("state.json", b"{}").unwrap();
    exhibit.replace("state.json", b"{}\n").unwrap();
    exhibit.remove_own("state.json").unwrap();
    let sums = kanshiki_custody::sums::to_text(&[("image.raw", kanshiki_custody::hex_sha256(b"abc"))]);
    exhibit.write_new("SHA256SUMS", sums.as_bytes()).unwrap();
    exhibit.make_read_only("image.raw").unwrap();
    assert!(exhibit.create_new("image.raw").unwrap_err().is_io(ErrorKind::AlreadyExists));
    case.finish_exhibit("E1", guard).unwrap();
    assert!(matches!(case.begin_exhibit("E1"), Err(CustodyError::ExhibitExists { .. })));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let act = &act;
            scope.spawn(move || (0..5).for_each(|number| drop(act(ActKind::Note, format!("{thread}/{number}")))));
        }
    });
    let check = log.check().unwrap();
    assert_eq!((check.verdict(), check.entries, check.notes), (LogVerdict::Intact, 41, vec![]));
    run(Command::new("sh").arg(case.path().join("verify.sh")).arg("--all"));
    assert_eq!(OutputDir::open(&case.exhibit_dir("E1")).unwrap().names().unwrap(), ["SHA256SUMS", "image.raw"]);
}

#[test]
#[ignore = "needs root"]
fn a_case_lives_on_vfat() {
    if !std::fs::read_to_string("/proc/filesystems").unwrap().lines().any(|line| line.trim_end().ends_with("vfat")) {
        println!("skipped: this kernel does not know vfat");
        return;
    }
    let mounted = Mounted::new(&["mkfs.vfat"], &["mount", "-o", "loop"]);
    a_case_lives_here(&mounted.point);
}

#[test]
#[ignore = "needs root"]
fn a_case_lives_on_ntfs_in_user_space() {
    let mounted = Mounted::new(&["mkfs.ntfs", "-q", "-F", "-f"], &["ntfs-3g"]);
    a_case_lives_here(&mounted.point);
}

#[test]
#[ignore = "needs root"]
fn a_full_filesystem_leaves_the_log_intact() {
    let mounted = Mounted::new(&["mkfs.ext4", "-q"], &["mount", "-o", "loop"]);
    let case = Case::create_or_open(&mounted.point.join("case"), &FixedClock).unwrap();
    let log = CustodyLog::open(&case).unwrap();
    let act = |length: usize| Act {
        kind: ActKind::Note,
        who: "Jane Doe".to_owned(),
        what: "x".repeat(length),
        subjects: vec![],
        tool: "test".to_owned(),
    };
    let mut entries = 0;
    let error = loop {
        match log.append(act(60_000), &FixedClock) {
            Ok(_) => entries += 1,
            Err(error) => break error,
        }
        if entries == 3 {
            let mut filler = OutputDir::open(&mounted.point).unwrap().create_new("filler").unwrap();
            while filler.write_all(&[1; 65536]).is_ok() {}
        }
    };
    assert!(error.is_io(ErrorKind::StorageFull), "{error:?}");
    let check = log.check().unwrap();
    assert_eq!((check.verdict(), check.problems), (LogVerdict::Intact, vec![]));
    OutputDir::open(&mounted.point).unwrap().remove_own("filler").unwrap();
    log.append(act(1), &FixedClock).unwrap();
    let check = log.check().unwrap();
    assert_eq!((check.verdict(), check.notes), (LogVerdict::Intact, vec![]));
}
