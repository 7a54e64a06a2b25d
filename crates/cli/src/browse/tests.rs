//! What the verbs show of a filesystem in memory.

use super::BrowseVerb;
use crate::arguments::{Arguments, Verb};
use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::output::Output;
use clap::Parser as _;
use kanshiki_filesystem::{Detail, MemoryFileSystem, NodeType, View, Volume, Xattr};
use kanshiki_model::is_hidden;
use proptest::prelude::*;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

mod search;

/// A writer whose bytes can be looked at afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

fn evidence(filesystem: MemoryFileSystem) -> Evidence {
    Evidence::of(View::of(Volume { name: "p1".to_owned(), filesystem: Arc::new(filesystem) }))
}

/// Runs a verb over evidence; gives what it writes to standard output and standard error, and its exit code.
fn run(evidence: &Evidence, words: &[&str]) -> (String, String, u8) {
    let (rows, notes) = (Shared::default(), Shared::default());
    let verb = Arguments::try_parse_from(["kanshiki"].iter().chain(words)).unwrap().verb;
    let Verb::Browse(verb) = verb else { unreachable!("no verb of these tests") };
    let mut output = Output::to(Box::new(rows.clone()), Box::new(notes.clone()), verb.wants_json());
    if matches!(verb, BrowseVerb::Check(_)) {
        output.issues_are_rows();
    }
    let result = evidence.tell(&mut output).and_then(|()| show(&verb, evidence, &mut output));
    let code = match result.and_then(|()| output.finish()) {
        Ok(exit) => exit.code(),
        Err(failure) => {
            let _ = notes.clone().write_all(failure.lines(str::to_owned).as_bytes());
            failure.exit_code().code()
        }
    };
    (rows.text(), notes.text(), code)
}

fn show(verb: &BrowseVerb, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    match verb {
        BrowseVerb::Ls(arguments) => super::ls::show(arguments, evidence, output),
        BrowseVerb::Tree(arguments) => super::tree::show(arguments, evidence, output),
        BrowseVerb::Stat(arguments) => super::stat::show(arguments, evidence, output),
        BrowseVerb::Hexdump(arguments) => super::hexdump::show(arguments, evidence, output),
        BrowseVerb::Blocks(arguments) => super::blocks::show(arguments, evidence, output),
        BrowseVerb::Find(arguments) => super::find::show(arguments, evidence, output),
        BrowseVerb::Grep(arguments) => {
            let console = crate::console::Console::new(crate::console::ColorChoice::Never, false);
            super::grep::show(arguments, evidence, console.out(), output)
        }
        BrowseVerb::Strings(arguments) => super::strings::show(arguments, evidence, output),
        BrowseVerb::Hash(arguments) => {
            super::hash::show(arguments, evidence, &kanshiki_model::Silent, output).map(|_| ())
        }
        BrowseVerb::Timeline(arguments) => super::timeline::show(arguments, evidence, output),
        BrowseVerb::Deleted(_) => super::deleted::show(evidence, output),
        BrowseVerb::Check(arguments) => super::check::show(arguments, evidence, output),
        _ => unreachable!("no verb of these tests"),
    }
}

fn sample() -> MemoryFileSystem {
    let mut filesystem = MemoryFileSystem::new();
    let etc = filesystem.add(2, b"etc", NodeType::Directory, b"");
    let passwd = filesystem.add(etc, b"passwd", NodeType::File, b"root:x:0:0:root:/root:/bin/sh\n");
    filesystem.add(2, b"link", NodeType::Symlink, b"/etc/\x1bpasswd");
    filesystem.add(2, b"bad\xff\n", NodeType::File, &[0; 5000]);
    filesystem.add(etc, b"old", NodeType::File, b"gone");
    filesystem.remove(etc, b"old");
    let node = filesystem.node_mut(passwd).unwrap();
    node.xattrs.push(Xattr { name: b"security.selinux".to_vec(), value: b"etc_t\0".to_vec(), offset: 9 });
    node.details.push(Detail { name: "version", value: "1".to_owned() });
    filesystem
}

#[track_caller]
fn shows(words: &[&str], expected: &str) {
    let (rows, notes, code) = run(&evidence(sample()), words);
    assert_eq!((rows.as_str(), notes.as_str(), code), (expected, "", 0));
}

#[test]
fn ls_shows_names_made_visible() {
    shows(&["ls", "IMAGE"], "bad\\xff\\u{a}\netc\nlink\n");
    shows(&["ls", "-a", "-i", "IMAGE", "/etc"], "      11 .\n       2 ..\n      12 passwd\n");
}

#[test]
fn ls_takes_names_as_they_are_and_as_it_shows_them() {
    shows(&["ls", "IMAGE", "/bad\\xff\\u{a}"], "/bad\\xff\\u{a}\n");
    shows(&["ls", "-d", "IMAGE", "link"], "/link\n");
}

#[test]
fn ls_long_shows_columns_and_where_links_lead() {
    shows(
        &["ls", "-l", "IMAGE"],
        "-rw-r--r--   1     0     0        5000 2023-11-14T22:13:20Z bad\\xff\\u{a}\n\
         drwxr-xr-x   2     0     0           0 2023-11-14T22:13:20Z etc\n\
         lrwxrwxrwx   1     0     0          12 2023-11-14T22:13:20Z link -> /etc/\\u{1b}passwd\n",
    );
}

#[test]
fn ls_recursive_shows_directories_one_after_the_other() {
    shows(
        &["ls", "-R", "--deleted", "IMAGE"],
        "/:\nbad\\xff\\u{a}\netc\nlink\n\n/etc:\nold (deleted, inode 15)\npasswd\n",
    );
}

#[test]
fn tree_draws_its_lines() {
    shows(
        &["tree", "IMAGE"],
        "/\n├── bad\\xff\\u{a}\n├── etc\n│   └── passwd\n└── link -> /etc/\\u{1b}passwd\n\n\
         1 directories, 3 other entries\n",
    );
}

#[test]
fn stat_shows_every_field() {
    shows(
        &["stat", "IMAGE", "/etc/passwd"],
        "path:       /etc/passwd\nvolume:     p1\ninode:      12, generation 1\ntype:       file, allocated\n\
         mode:       0644 (-rw-r--r--)\nowner:      uid 0, gid 0\nlinks:      1\nsize:       30 bytes\n\
         allocated:  1.0 KiB (1,024 bytes)\n\
         accessed:   2023-11-14T22:13:20.123456789Z\nmodified:   2023-11-14T22:13:20.123456789Z\n\
         changed:    2023-11-14T22:13:20.123456789Z\ncreated:    2023-11-14T22:13:20.123456789Z\ndeleted:    -\n\
         flags:      0x00000000\nlies at:    byte 3072 of the volume\ndetails:\n  version: 1\n\
         attributes:\n  security.selinux: etc_t\n\
         content:\n  bytes 0-1024: block 1026, byte 1050624 of the volume\n",
    );
}

#[test]
fn hexdump_looks_as_hexdump_does() {
    shows(
        &["hexdump", "IMAGE", "/bad\\xff\\u{a}", "--range", "4990-"],
        "0000137e  00 00 00 00 00 00 00 00  00 00                    |..........|\n00001388\n",
    );
    shows(
        &["hexdump", "IMAGE", "--inode", "14"],
        "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n\
         00001380  00 00 00 00 00 00 00 00                           |........|\n00001388\n",
    );
}

#[test]
fn what_is_encrypted_is_marked() {
    let mut filesystem = sample();
    filesystem.node_mut(12).unwrap().node.encrypted = true;
    let evidence = evidence(filesystem);
    for (words, expected) in [
        (&["ls", "-l", "IMAGE", "/etc"][..], "passwd (encrypted)\n"),
        (&["tree", "IMAGE", "/etc"], "└── passwd (encrypted)\n"),
    ] {
        let (shown, ..) = run(&evidence, words);
        assert!(shown.contains(expected), "{shown}");
    }
}

#[test]
fn blocks_lead_from_files_to_blocks_and_back() {
    shows(&["blocks", "IMAGE", "/etc/passwd"], "bytes 0-1024: block 1026, byte 1050624 of the volume\n");
    shows(
        &["blocks", "IMAGE", "--block", "1026"],
        "block 1026: byte 1050624 of the volume: in use\n\
         inode 12 (allocated, stored), from its byte 0: /etc/passwd\n",
    );
    shows(&["blocks", "IMAGE", "--offset", "4K"], "block 4: byte 4096 of the volume: in use, inode table\n");
}

#[test]
fn deleted_shows_names_and_inodes() {
    shows(
        &["deleted", "IMAGE"],
        "names:\n  /etc/old  (inode 15, file, 4 bytes, deleted 2023-11-14T22:15:00Z)\ninodes:\n  \
         inode 15 (deletion-time): -rw-r--r-- file, 4 bytes, deleted 2023-11-14T22:15:00Z, uid 0, gid 0, \
         modified 2023-11-14T22:13:20.123456789Z; content: 4 bytes in free blocks\n1 deleted names, 1 deleted inodes\n",
    );
}

#[test]
fn damage_is_told_and_what_lies_behind_it_is_listed() {
    let mut damaged = sample();
    damaged.node_mut(2).unwrap().damage = Some("cut short");
    damaged.link(2, b"nowhere", 99, NodeType::File);
    let (rows, notes, code) = run(&evidence(damaged.clone()), &["ls", "IMAGE"]);
    assert_eq!(rows, "bad\\xff\\u{a}\netc\nlink\nnowhere\n");
    assert_eq!(
        notes,
        "issue: volume p1, /, bytes 1048576-1048577: damaged directory of inode 2, byte 1048576: cut short\n\
         issue: volume p1, /nowhere: no inode 99: they go from 1 to 15\n"
    );
    assert_eq!(code, 3);
    let (rows, notes, code) = run(&evidence(damaged), &["check", "IMAGE"]);
    assert_eq!(
        (rows.as_str(), notes.as_str(), code),
        ("volume p1, bytes 1048576-1048577: damaged directory of inode 2, byte 1048576: cut short\n", "", 3)
    );
    shows(&["check", "IMAGE"], "nothing is damaged\n");
}

#[test]
fn json_lines_are_exact_and_end_with_the_exit_code() {
    let (rows, _, code) = run(&evidence(sample()), &["ls", "--jsonl", "IMAGE"]);
    let lines: Vec<serde_json::Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(code, 0);
    assert_eq!((&lines[0]["path"], &lines[0]["path_hex"]), (&"/bad\\xff\\u{a}".into(), &"2f626164ff0a".into()));
    assert_eq!(lines[2]["link_target"], "/etc/\u{1b}passwd");
    assert!(lines.iter().all(|line| line["schema"] == 1));
    assert_eq!(lines.last().unwrap()["type"], "end");
}

#[test]
fn a_path_that_is_not_there_is_told() {
    let (rows, notes, code) = run(&evidence(sample()), &["ls", "IMAGE", "/etc/x/y"]);
    assert_eq!(notes, "error: cannot open `/etc/x/y`\n  because: `/etc/x` does not exist\n");
    assert_eq!((rows.as_str(), code), ("", 4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_output_for_people_ever_holds_a_control_byte_but_newline_and_tab(
        names in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8), text in any::<String>(),
        target in prop::collection::vec(any::<u8>(), 0..40), value in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut filesystem = MemoryFileSystem::new();
        let directory = filesystem.add(2, text.as_bytes(), NodeType::Directory, b"");
        for (number, name) in names.iter().enumerate() {
            filesystem.add(if number % 2 == 0 { 2 } else { directory }, name, NodeType::File, &value);
        }
        filesystem.add(2, b"\x9b\x1b[2J", NodeType::Symlink, &target);
        filesystem.remove(2, &names[0]);
        filesystem.link(2, text.as_bytes(), 99, NodeType::File);
        let odd = filesystem.node_mut(12).unwrap();
        odd.xattrs.push(Xattr { name: names[0].clone(), value: value.clone(), offset: 0 });
        odd.xattrs.push(Xattr { name: b"user.text".to_vec(), value: text.clone().into_bytes(), offset: 0 });
        let evidence = evidence(filesystem);
        for words in [
            &["ls", "-laRi", "--deleted", "IMAGE"][..], &["tree", "-i", "--deleted", "IMAGE"],
            &["stat", "IMAGE", "--inode", "12", "--inode", "2", "--inode", "11"], &["hexdump", "IMAGE", "--inode", "12"],
            &["blocks", "IMAGE", "--block", "1026"], &["deleted", "IMAGE"], &["check", "IMAGE"],
            &["find", "IMAGE", "--all"], &["find", "IMAGE", "--all", "--long"], &["grep", "", "IMAGE"],
            &["grep", "-c", "(?s-u:.)", "IMAGE"], &["hash", "IMAGE"], &["timeline", "IMAGE"],
            &["strings", "-n1", "-eascii", "-eutf8", "-eutf16le", "-eutf16be", "IMAGE"],
            &["timeline", "IMAGE", "--format", "csv"], &["timeline", "IMAGE", "--format", "body"],
        ] {
            let (rows, notes, _) = run(&evidence, words);
            for output in [rows, notes] {
                let odd = output.chars().find(|c| is_hidden(*c) && *c != '\n' && *c != '\t');
                prop_assert_eq!(odd, None, "{:?}: {:?}", words, output);
            }
            if words[0] == "check" { continue; }
            let json: Vec<&str> = words.iter().chain(&["--jsonl"]).copied().collect();
            let (rows, _, _) = run(&evidence, &json);
            for line in rows.lines() {
                prop_assert!(!line.chars().any(is_hidden), "{}", line);
                let parsed: serde_json::Value = serde_json::from_str(line).unwrap();
                prop_assert_eq!(&parsed["schema"], 1);
            }
        }
    }
}
