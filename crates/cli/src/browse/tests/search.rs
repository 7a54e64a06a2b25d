//! What the verbs that go through whole trees show of a filesystem in memory.

use super::{evidence, run};
use kanshiki_filesystem::{MemoryFileSystem, NodeType, Xattr};
use kanshiki_model::FileTime;
use proptest::prelude::*;

fn sample() -> MemoryFileSystem {
    let mut filesystem = MemoryFileSystem::new();
    let etc = filesystem.add(2, b"etc", NodeType::Directory, b"");
    filesystem.add(etc, b"passwd", NodeType::File, b"root:x:0:0::/:\nmori:x:1000:1000::/:\n");
    filesystem.add(etc, b"group", NodeType::File, b"root:x:0:\nmori:x:1000:\n");
    let tool = filesystem.add(2, b"tool\x1b", NodeType::File, b"\x7fELF ferry\x00quay\x01port\n");
    let node = filesystem.node_mut(tool).unwrap();
    node.node.mode = 0o104_755;
    node.node.uid = 1000;
    node.node.times.modified = Some(FileTime::new(1_709_596_801, Some(5)));
    node.xattrs.push(Xattr { name: b"security.capability".to_vec(), value: vec![1], offset: 0 });
    filesystem.link(etc, b"hard", tool, NodeType::File);
    filesystem.add(etc, b"old", NodeType::File, b"gone ferry");
    filesystem.remove(etc, b"old");
    filesystem
}

#[track_caller]
fn shows(words: &[&str], expected: &str) {
    let (rows, notes, code) = run(&evidence(sample()), words);
    assert_eq!((rows.as_str(), notes.as_str(), code), (expected, "", 0));
}

#[test]
fn find_narrows_by_each_condition() {
    shows(&["find", "IMAGE"], "/\n/etc\n/tool\\u{1b}\n/etc/group\n/etc/hard\n/etc/passwd\n");
    shows(&["find", "IMAGE", "--name", "*o*", "--type", "f"], "/tool\\u{1b}\n/etc/group\n");
    shows(&["find", "IMAGE", "/etc", "--suid"], "/etc/hard\n");
    shows(&["find", "IMAGE", "--owner", "mori", "--depth", "1"], "/tool\\u{1b}\n");
    shows(&["find", "IMAGE", "--modified", "2024-03-05", "--path", "/etc/**"], "/etc/hard\n");
    shows(&["find", "IMAGE", "--capability", "--links", "2", "--regex", "^/t"], "/tool\\u{1b}\n");
    shows(
        &["find", "IMAGE", "--xattr", "security.*=\u{1}", "--size", "1..30", "--mode", "/6000", "--iname", "HARD"],
        "/etc/hard\n",
    );
    shows(&["find", "IMAGE", "--deleted"], "/etc/old  (deleted)\n");
    // The only time of deletion is that of this file; no other option says that it is looked for.
    shows(&["find", "IMAGE", "--removed", "2023"], "/etc/old  (deleted)\n");
    shows(&["find", "IMAGE", "--removed", "2024"], "");
    shows(&["find", "IMAGE", "-0", "--name", "tool*"], "/tool\u{1b}\0");
}

#[test]
fn find_tells_owners_of_the_image_alone() {
    let (rows, ..) = run(&evidence(sample()), &["find", "IMAGE", "--long", "--name", "hard"]);
    assert!(rows.contains("-rwsr-xr-x    2     mori(1000)        root(0)"), "{rows}");
    let (_, notes, code) = run(&evidence(sample()), &["find", "IMAGE", "--owner", "daemon"]);
    assert!(notes.starts_with("error: the image knows no user `daemon`") && code == 4, "{notes}");
}

#[test]
fn a_pattern_that_is_none_is_a_wrong_command_line() {
    for words in
        [&["find", "IMAGE", "--name", "[z-a]"][..], &["find", "IMAGE", "--regex", "("], &["grep", "(", "IMAGE"]]
    {
        assert_eq!(run(&evidence(sample()), words).2, 2, "{words:?}");
    }
}

#[test]
fn grep_tells_line_and_byte_and_searches_a_file_of_two_names_once() {
    shows(&["grep", "ferry", "IMAGE"], "/tool\\u{1b}:1:5:\\u{7f}ELF ferry\\u{0}quay\\u{1}port\n");
    shows(&["grep", "-i", "^ROOT", "IMAGE", "/etc", "-c"], "/etc/passwd:1\n/etc/group:1\n");
    shows(&["grep", "-l", "-F", "::", "IMAGE"], "/etc/passwd\n");
    assert_eq!(run(&evidence(sample()), &["grep", "nowhere", "IMAGE"]), (String::new(), String::new(), 1));
    assert_eq!(run(&evidence(sample()), &["grep", "o", "IMAGE", "--include", "*.c"]).2, 1);
}

#[test]
fn strings_are_those_of_files_and_of_deleted_inodes() {
    shows(&["strings", "IMAGE", "/etc/hard"], "      1 ELF ferry\n     11 quay\n     16 port\n");
    shows(&["strings", "-t", "x", "-n", "5", "IMAGE", "--inode", "15"], "      0 gone ferry\n");
}

#[test]
fn hash_gives_the_forms_that_other_programs_check() {
    let digest = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c";
    let mut filesystem = MemoryFileSystem::new();
    filesystem.add(2, b"foo\n\\", NodeType::File, b"foo\n");
    filesystem.add(2, b"bar", NodeType::File, b"foo\n");
    let evidence = evidence(filesystem);
    let shown = |words: &[&str]| run(&evidence, words).0;
    assert_eq!(shown(&["hash", "IMAGE"]), format!("{digest}  /bar\n{digest}  /foo\\u{{a}}\\\\\n"));
    assert_eq!(
        shown(&["hash", "IMAGE", "--format", "sha256sum"]),
        format!("{digest}  ./bar\n\\{digest}  ./foo\\n\\\\\n")
    );
    let (rows, notes, code) = run(&evidence, &["hash", "IMAGE", "--hash", "md5", "--format", "hashdeep"]);
    assert!(rows.contains("4,d3b07384d113edec49eaa6238ad5ff00,./bar\n"), "{rows}");
    assert!(notes.contains("hashdeep has no form for a line break") && code == 3, "{notes}");
    assert_eq!(run(&evidence, &["hash", "IMAGE", "--hash", "sha512", "--format", "hashdeep"]).2, 2);
}

#[test]
fn known_files_are_marked_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("known");
    std::io::Write::write_all(
        &mut tempfile::NamedTempFile::new_in(folder.path()).unwrap().persist(&list).unwrap(),
        b"\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\"\n\"F1D2D2F924E986AC86FDF7B36C94BCDF32BEEC15\",\"D3B07384D113EDEC49EAA6238AD5FF00\",\"1\",\"foo\"\n",
    )
    .unwrap();
    let mut filesystem = MemoryFileSystem::new();
    filesystem.add(2, b"foo", NodeType::File, b"foo\n");
    filesystem.add(2, b"new", NodeType::File, b"new\n");
    let evidence = evidence(filesystem);
    let list = list.to_str().unwrap();
    let shown =
        |words: &[&str]| run(&evidence, &[&["hash", "IMAGE", "--hash", "md5", "--known", list], words].concat()).0;
    assert!(shown(&[]).starts_with("d3b07384d113edec49eaa6238ad5ff00  /foo  (known)\n"));
    assert_eq!(shown(&["--only", "known"]), "d3b07384d113edec49eaa6238ad5ff00  /foo\n");
    assert!(shown(&["--only", "unknown"]).ends_with("  /new\n"));
    let sha256 = run(&evidence, &["hash", "IMAGE", "--known", list, "--jsonl"]).0;
    assert!(sha256.contains("\"sha1\":\"f1d2d2f9") && sha256.contains("\"known\":true"), "{sha256}");
}

#[test]
fn a_list_of_blake3_that_does_not_say_so_marks_files_or_is_told_to_be_unsure() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("known");
    // The BLAKE3 digest of `foo` and a line feed.
    let digest = "49dc870df1de7fd60794cebce449f5ccdae575affaa67a24b62acb03e039db92";
    let file = &mut tempfile::NamedTempFile::new_in(folder.path()).unwrap().persist(&list).unwrap();
    std::io::Write::write_all(file, format!("{digest}  foo\n").as_bytes()).unwrap();
    let mut filesystem = MemoryFileSystem::new();
    filesystem.add(2, b"foo", NodeType::File, b"foo\n");
    let evidence = evidence(filesystem);
    let list = list.to_str().unwrap();
    let shown =
        |words: &[&str]| run(&evidence, &[&["hash", "IMAGE", "--known", list, "--only", "known"], words].concat());
    let sha256 = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c";
    let rows = format!("sha256  {sha256}  /foo\nblake3  {digest}  /foo\n");
    assert_eq!(shown(&["--hash", "blake3"]), (rows, String::new(), 0));
    let (rows, notes, code) = shown(&[]);
    assert_eq!((rows.as_str(), code), ("", 0));
    assert!(notes.contains("were taken for SHA-256, and it does not say whether they are"), "{notes}");
}

#[test]
fn paths_that_overlap_give_each_row_once() {
    let evidence = evidence(sample());
    for verb in
        [&["hash"][..], &["timeline"], &["timeline", "--format", "body"], &["find"], &["strings"], &["grep", "o"]]
    {
        let shown = |paths: &[&str]| run(&evidence, &[verb, &["IMAGE"], paths].concat()).0;
        let once = shown(&["/etc"]);
        assert!(once.contains("/etc/passwd"), "{verb:?}: {once}");
        for paths in [&["/etc/passwd", "/etc"][..], &["/etc", "/etc/hard", "/etc/../etc"], &["/etc/", "/etc"]] {
            assert_eq!(shown(paths), once, "{verb:?} {paths:?}");
        }
        assert_ne!(shown(&["/etc/passwd", "/etc/group"]), shown(&["/etc/passwd"]), "{verb:?}");
    }
    assert_eq!(run(&evidence, &["find", "IMAGE", "--depth", "0", "/etc/hard", "/etc"]).0, "/etc/hard\n/etc\n");
}

#[test]
fn a_path_in_an_error_leads_to_the_file() {
    let mut filesystem = MemoryFileSystem::new();
    filesystem.add(2, b"d\x1bir\xff", NodeType::Directory, b"");
    filesystem.add(2, b"d\\xff", NodeType::Directory, b"");
    let evidence = evidence(filesystem);
    let told = |path: &str| run(&evidence, &["hexdump", "IMAGE", path]).1;
    for (path, shown) in
        [("/d\\u{1b}ir\\xff", "/d\\u{1b}ir\\xff"), ("/d\\xff", "/d\\\\xff"), ("/d\\\\xff", "/d\\\\xff")]
    {
        assert!(told(path).starts_with(&format!("error: `{shown}` is a directory\n")), "{}", told(path));
        assert!(told(shown).starts_with(&format!("error: `{shown}` is a directory\n")), "{}", told(shown));
    }
    let missing = told("/d\\u{1b}ir\\xff/new\\u{a}line");
    assert_eq!(
        missing,
        "error: cannot open `/d\\u{1b}ir\\xff/new\\u{a}line`\n  \
         because: `/d\\u{1b}ir\\xff/new\\u{a}line` does not exist\n"
    );
    let several = run(&evidence, &["hexdump", "IMAGE", "/d\\u{1b}ir\\xff", "/d\\u{1b}ir\\xff"]).1;
    assert!(several.contains("/d\\u{1b}ir\\xff: `/d\\u{1b}ir\\xff` is a directory"), "{several}");
    let wrong = run(&evidence, &["grep", "\\d(", "IMAGE"]).1;
    assert!(wrong.starts_with("error: `\\d(` is no "), "{wrong}");
}

#[test]
fn a_timeline_is_in_order_and_names_local_time_beside_utc() {
    let (rows, _, code) =
        run(&evidence(sample()), &["timeline", "IMAGE", "--from", "2024-01-01", "--zone", "Asia/Tokyo"]);
    let lines: Vec<&str> = rows.lines().collect();
    assert_eq!(code, 0);
    assert_eq!(lines.len(), 2, "{rows}");
    assert!(lines[0].starts_with("2024-03-05T00:00:01.000000005Z 2024-03-05T09:00:01+09:00 m...."), "{rows}");
    let (rows, ..) = run(&evidence(sample()), &["timeline", "IMAGE", "--format", "csv", "--to", "2023-11-14"]);
    assert!(rows.starts_with("time,macbd,permissions,uid,user,gid,group,size,links,inode,volume,name_state,path\n"));
    assert!(rows.contains("2023-11-14T22:15:00Z,....d,") || rows.contains(",deleted,/etc/old"), "{rows}");
}

#[test]
fn a_bodyfile_names_deleted_files_as_fls_does() {
    let (rows, ..) = run(&evidence(sample()), &["timeline", "IMAGE", "/etc", "--format", "body"]);
    assert!(rows.contains("0|/etc/old (deleted)|15|r/rrw-r--r--|0|0|10|"), "{rows}");
    let (rows, ..) = run(&evidence(sample()), &["timeline", "IMAGE", "--format", "body", "--live"]);
    assert!(!rows.contains("old"), "{rows}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn forms_for_other_programs_keep_one_line_for_each_file_whatever_its_name(
        names in prop::collection::btree_set(prop::collection::vec(any::<u8>(), 1..40), 1..8),
    ) {
        let names: Vec<Vec<u8>> = names.into_iter().filter(|name| name != b"." && name != b"..").collect();
        let mut filesystem = MemoryFileSystem::new();
        for name in &names {
            filesystem.add(2, name, NodeType::File, b"foo\n");
        }
        let evidence = evidence(filesystem);
        let body = run(&evidence, &["timeline", "IMAGE", "--format", "body"]).0;
        prop_assert_eq!(body.lines().count(), names.len() + 1);
        prop_assert!(body.lines().all(|line| line.matches('|').count() == 10));
        let csv = run(&evidence, &["timeline", "IMAGE", "--format", "csv"]).0;
        prop_assert_eq!(csv.lines().count(), names.len() + 2);
        let deep = run(&evidence, &["hash", "IMAGE", "--hash", "md5", "--format", "hashdeep"]);
        prop_assert_eq!(deep.0.lines().count(), names.len() + 4);
        let mut json: Vec<Vec<u8>> = Vec::new();
        for line in run(&evidence, &["hash", "IMAGE", "--jsonl"]).0.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            if row["type"] == "hash" {
                let exact = row["path_hex"].as_str().map(|hex| {
                    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
                });
                json.push(exact.unwrap_or_else(|| row["path"].as_str().unwrap().as_bytes().to_vec()));
            }
        }
        json.sort();
        let expected: Vec<Vec<u8>> = names.iter().map(|name| [b"/".as_slice(), name].concat()).collect();
        prop_assert_eq!(json, expected);
    }
}
