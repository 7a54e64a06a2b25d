//! Looking into images: what the verbs show, compared with debugfs and the Sleuth Kit.

use kanshiki_testkit::{BadDevice, Exhibit, Need, Ran, TempDir, kanshiki_path, need, noise, run, tempdir, write_file};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What every test needs to make its image.
const NEEDS: &[Need] = &[Need::Tool("mkfs.ext4"), Need::Tool("debugfs")];

/// Names that try to harm whoever reads them.
const HOSTILE: &[&[u8]] = &[
    b"\x1b[2J\x1b[1;31mred",
    b"line\nbreak",
    b"tab\tand\rreturn",
    b"not \xff\xfe utf-8",
    b"c1 \xc2\x9b31m",
    "gpj\u{202e}exe".as_bytes(),
    "zero\u{200b}width\u{feff}".as_bytes(),
    b"back\\slash \\x1b \\u{1b}",
    b" leading and trailing ",
    b"-rf",
    b"..hidden",
    &[b'n'; 255],
    "\u{e0041}tags".as_bytes(),
    b"\x7fdelete",
];

/// A folder with the source of a filesystem, and the image made of it.
struct Ground {
    folder: TempDir,
    image: PathBuf,
}

impl Ground {
    /// Makes an image with what tests look for; `options` are those of mkfs.
    #[track_caller]
    fn new(options: &[&str]) -> Self {
        let folder = tempdir();
        let source = folder.path().join("source");
        fs::create_dir_all(source.join("etc/deep/deeper")).unwrap();
        fs::create_dir(source.join("hostile")).unwrap();
        write_file(&source.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
        write_file(&source.join("etc/deep/deeper/bottom"), noise(3, 10_000));
        write_file(&source.join("large"), noise(5, 3_000_000));
        write_file(&source.join("removed"), noise(7, 5000));
        write_file(&source.join("empty"), "");
        symlink("etc/passwd", source.join("link")).unwrap();
        symlink("etc/".repeat(40) + "passwd", source.join("long link")).unwrap();
        for (number, name) in HOSTILE.iter().enumerate() {
            write_file(&source.join("hostile").join(OsStr::from_bytes(name)), format!("{number}\n"));
        }
        let sparse = fs::File::create(source.join("sparse")).unwrap();
        sparse.write_all_at(b"start", 0).unwrap();
        sparse.write_all_at(b"end", 5_000_000).unwrap();
        let image = folder.path().join("image");
        let made = run(Command::new("mkfs.ext4")
            .args(["-q", "-F"])
            .args(options)
            .arg("-d")
            .arg(&source)
            .arg(&image)
            .arg("32M"));
        let _ = made.exits(0);
        Self { folder, image }
    }

    fn source(&self, name: &str) -> PathBuf {
        self.folder.path().join("source").join(name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command of debugfs that changes the image.
    #[track_caller]
    fn change(&self, commands: &[&str]) {
        let script = self.path("commands");
        write_file(&script, commands.join("\n"));
        let _ = run(Command::new("debugfs").arg("-w").arg("-f").arg(&script).arg(&self.image)).exits(0);
    }

    /// What debugfs answers.
    #[track_caller]
    fn debugfs(&self, question: &str) -> String {
        run(Command::new("debugfs").args(["-R", question]).arg(&self.image)).exits(0).stdout
    }

    #[track_caller]
    fn run(&self, verb: &str, arguments: &[&str]) -> Ran {
        run(Command::new(kanshiki_path()).arg(verb).arg(&self.image).args(arguments))
    }

    /// The lines of a verb in JSON, without the last.
    #[track_caller]
    fn lines(&self, verb: &str, arguments: &[&str]) -> Vec<Value> {
        let ran = self.run(verb, &[arguments, &["--jsonl"]].concat()).exits(0);
        let mut lines = json(&ran);
        let end = lines.pop().unwrap();
        assert_eq!((&end["type"], &end["exit_code"]), (&"end".into(), &0.into()));
        lines
    }
}

#[track_caller]
fn json(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// The bytes of a path or name in JSON.
fn exact(line: &Value, field: &str) -> Vec<u8> {
    match line[format!("{field}_hex")].as_str() {
        Some(hex) => (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect(),
        None => line[field].as_str().unwrap().as_bytes().to_vec(),
    }
}

/// All files and directories below a folder, itself without a name.
fn everything_below(folder: &Path, prefix: &[u8], found: &mut Vec<(Vec<u8>, PathBuf)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = [prefix, b"/", path.file_name().unwrap().as_bytes()].concat();
        found.push((name.clone(), path.clone()));
        if path.symlink_metadata().unwrap().is_dir() {
            everything_below(&path, &name, found);
        }
    }
}

#[test]
fn a_recursive_listing_has_every_name_exactly_with_what_stat_says() {
    if !need(NEEDS) {
        return;
    }
    for options in [&["-t", "ext4"][..], &["-t", "ext2", "-b", "1024"], &["-t", "ext4", "-b", "4096", "-I", "128"]] {
        let ground = Ground::new(options);
        let lines = ground.lines("ls", &["-R"]);
        let listed: BTreeSet<Vec<u8>> = lines.iter().map(|line| exact(line, "path")).collect();
        let mut expected = Vec::new();
        everything_below(&ground.source(""), b"", &mut expected);
        let names: BTreeSet<Vec<u8>> = expected.iter().map(|(name, _)| name.clone()).collect();
        let lost_and_found = b"/lost+found".to_vec();
        assert_eq!(listed, names.into_iter().chain([lost_and_found]).collect());
        for (name, path) in expected {
            let line = lines.iter().find(|line| exact(line, "path") == name).unwrap();
            let found = path.symlink_metadata().unwrap();
            assert_eq!(line["mode"], found.mode(), "{line}");
            assert_eq!((&line["uid"], &line["gid"]), (&found.uid().into(), &found.gid().into()));
            if !found.is_dir() {
                assert_eq!(line["size"], found.len(), "{line}");
            }
            if found.is_symlink() {
                assert_eq!(exact(line, "link_target"), fs::read_link(path).unwrap().as_os_str().as_bytes());
            }
        }
    }
}

#[test]
fn contents_are_exact_and_names_are_taken_as_they_are_shown() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&["-t", "ext4"]);
    for name in ["large", "sparse", "empty", "etc/deep/deeper/bottom"] {
        let output = Command::new(kanshiki_path()).arg("cat").arg(&ground.image).arg(name).output().unwrap();
        assert!(output.status.success());
        assert!(output.stdout == fs::read(ground.source(name)).unwrap(), "{name} differs");
    }
    let ran = ground.run("cat", &["large", "--range", "1000-1010"]).exits(0);
    assert_eq!(ran.stdout, String::from_utf8_lossy(&fs::read(ground.source("large")).unwrap()[1000..1010]));
    let shown = ground.run("ls", &["/hostile"]).exits(0).stdout;
    assert_eq!(shown.lines().count(), HOSTILE.len());
    for name in shown.lines() {
        let _ = ground.run("cat", &[&format!("/hostile/{name}")]).exits(0);
    }
}

#[test]
fn of_several_files_those_that_are_missing_are_told_and_the_others_given() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&[]);
    let ran = ground.run("cat", &["/etc/passwd", "/missing", "/link"]).exits(3);
    assert_eq!(ran.stdout, "root:x:0:0:root:/root:/bin/sh\n".repeat(2));
    assert!(ran.stderr.starts_with("issue: /missing: cannot open `/missing`"), "{}", ran.stderr);
    let ran = ground.run("hexdump", &["/missing", "/etc/passwd"]).exits(3);
    assert!(ran.stdout.starts_with("/etc/passwd:\n00000000"), "{}", ran.stdout);
    assert_eq!(ground.run("cat", &["/missing"]).exits(4).stdout, "");
    assert_eq!(ground.run("cat", &["/missing", "/missing2"]).exits(4).stdout, "");
}

#[test]
fn links_are_listed_as_gnu_ls_lists_them() {
    if !need(NEEDS) {
        return;
    }
    let folder = tempdir();
    let source = folder.path().join("source");
    fs::create_dir_all(source.join("d/inside")).unwrap();
    write_file(&source.join("f"), "");
    for (target, link) in [("d", "to-d"), ("f", "to-f"), ("nowhere", "dangling")] {
        symlink(target, source.join(link)).unwrap();
    }
    let image = folder.path().join("image");
    let _ = run(Command::new("mkfs.ext4").args(["-q", "-F", "-d"]).arg(&source).arg(&image).arg("8M")).exits(0);
    for path in ["to-d", "to-d/", "to-f", "dangling", "d", "f"] {
        for long in [false, true] {
            let options: &[&str] = if long { &["-l"] } else { &[] };
            let gnu = run(Command::new("ls").args(options).arg(path).current_dir(&source));
            let ours = run(Command::new(kanshiki_path()).arg("ls").args(options).arg(&image).arg(path)).exits(0);
            // Of a row, the kind of the node, and the name with what it points to.
            let shown = |text: &str, first: char| {
                let rows = text.lines().filter(|line| !line.starts_with("total"));
                let name = |line: &str| line.rsplit_once(first).map_or(line.to_owned(), |(_, name)| name.to_owned());
                rows.map(|line| (line.chars().next().filter(|_| long), name(&line.replace(" -> ", "->"))))
                    .collect::<Vec<_>>()
            };
            let ours = ours.stdout.replace(" /", " ");
            let ours = if long { ours } else { ours.trim_start_matches('/').to_owned() };
            assert_eq!(shown(&ours, ' '), shown(&gnu.stdout, ' '), "{path} {options:?}");
        }
    }
}

#[test]
fn names_have_colours_by_what_they_are_and_only_where_they_are_wanted() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&[]);
    for (verb, expected) in [
        ("ls", "\u{1b}[1;34metc\u{1b}[0m\n"),
        ("tree", "├── \u{1b}[1;34metc\u{1b}[0m\n"),
        ("find", "\u{1b}[1;34m/etc\u{1b}[0m\n"),
    ] {
        let ran = ground.run(verb, &["--color", "always"]).exits(0);
        assert!(ran.stdout.contains(expected) && ran.stdout.contains("\u{1b}[1;36m"), "{verb}: {}", ran.stdout);
        assert!(!ran.stdout.contains("\u{1b}[2J"), "{verb}: {}", ran.stdout);
        for quiet in [&[][..], &["--color", "never"], &["--color", "always", "--jsonl"]] {
            assert!(!ground.run(verb, quiet).exits(0).stdout.contains('\u{1b}'), "{verb} {quiet:?}");
        }
    }
    let ran = ground.run("blocks", &["--block", "99999999", "--color", "always"]).exits(4);
    assert!(ran.stderr.contains("the volume has no block 99999999"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\u{1b}[1;31merror\u{1b}[0m"), "{}", ran.stderr);
    assert!(ran.stderr.contains("it has 32768 blocks of 1024 bytes, counted from 0"), "{}", ran.stderr);
}

#[test]
fn no_output_for_people_holds_a_control_byte_but_newline_and_tab() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&["-t", "ext4"]);
    ground.change(&["rm /removed", "ln /etc/passwd \"/hostile/\u{7f}\u{9b}2J\""]);
    for (verb, arguments) in [
        ("ls", &["-laRi", "--deleted"][..]),
        ("tree", &["-i"]),
        ("stat", &["/hostile/line\nbreak", "/link", "/"]),
        ("hexdump", &["/large", "--range", "-2K"]),
        ("blocks", &["/large"]),
        ("deleted", &[]),
        ("check", &[]),
        ("cat", &["/no\u{1b}[2Jfile"]),
    ] {
        let output = Command::new(kanshiki_path()).arg(verb).arg(&ground.image).args(arguments).output().unwrap();
        for text in [output.stdout, output.stderr] {
            let text = String::from_utf8(text).expect("output is UTF-8");
            let odd = text.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t');
            assert_eq!(odd, None, "{verb}: {text}");
        }
    }
}

/// A time of debugfs, `0x6b058f94:00000000`, as seconds and nanoseconds (Linux 6.12, fs/ext4/ext4.h, `EXT4_EPOCH_BITS`).
fn debugfs_time(text: &str) -> (i64, u32) {
    let (seconds, extra) = text.trim_start_matches("0x").split_once(':').unwrap();
    let seconds = u32::from_str_radix(seconds, 16).unwrap().cast_signed();
    let extra = u32::from_str_radix(extra, 16).unwrap();
    (i64::from(seconds) + (i64::from(extra & 3) << 32), extra >> 2)
}

#[test]
fn stat_says_what_debugfs_says() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&["-t", "ext4"]);
    ground.change(&[
        "set_inode_field /etc/passwd crtime 0x65000001",
        "set_inode_field /etc/passwd crtime_extra 0x1dcd6502",
        "set_inode_field /etc/passwd atime 0x65000002",
        "set_inode_field /etc/passwd generation 77",
        "mknod pipe p",
        "mknod disk b 8 17",
    ]);
    for path in ["/etc/passwd", "/large", "/sparse", "/link", "/long\u{20}link", "/etc", "/pipe", "/disk"] {
        let line = &ground.lines("stat", &[path])[0];
        let text = ground.debugfs(&format!("stat \"{path}\""));
        let word = |name: &str| {
            let at = text.find(name).unwrap_or_else(|| panic!("{name} in {text}")) + name.len();
            text[at..].split_whitespace().next().unwrap().to_owned()
        };
        assert_eq!(line["inode"].to_string(), word("Inode:"));
        assert_eq!(line["generation"].to_string(), word("Generation:"));
        assert_eq!(format!("{:04o}", line["mode"].as_u64().unwrap() & 0o7777), word("Mode:"));
        assert_eq!(format!("{:#x}", line["flags"].as_u64().unwrap()), word("Flags:"));
        assert_eq!(line["uid"].to_string(), word("User:"));
        assert_eq!(line["gid"].to_string(), word("Group:"));
        assert_eq!(line["project"].as_u64().unwrap_or(0).to_string(), word("Project:"));
        assert_eq!(line["links"].to_string(), word("Links:"));
        assert_eq!(line["allocated_bytes"].as_u64().unwrap() / 512, word("Blockcount:").parse::<u64>().unwrap());
        for (field, name) in
            [("accessed", "atime:"), ("modified", "mtime:"), ("changed", " ctime:"), ("created", "crtime:")]
        {
            let (seconds, nanoseconds) = debugfs_time(&word(name));
            let date =
                run(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S"]).arg(format!("--date=@{seconds}"))).exits(0);
            assert_eq!(line[field], format!("{}.{nanoseconds:09}Z", date.stdout.trim()), "{path} {field}");
        }
    }
    assert_eq!(ground.lines("stat", &["/disk"])[0]["device"], "8:17");
}

#[test]
fn attributes_are_decoded() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&["-t", "ext4"]);
    let capability = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    write_file(&ground.path("capability"), capability);
    write_file(&ground.path("acl"), b"\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x04\0\xe8\x03\0\0\x04\0\x04\0\xff\xff\xff\xff\x10\0\x04\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff");
    ground.change(&[
        &format!("ea_set -f {} /etc/passwd security.capability", ground.path("capability").display()),
        &format!("ea_set -f {} /etc/passwd system.posix_acl_access", ground.path("acl").display()),
        "ea_set /etc/passwd security.selinux system_u:object_r:passwd_file_t:s0",
        "ea_set /etc/passwd user.note seen",
    ]);
    let text = ground.run("stat", &["/etc/passwd"]).exits(0).stdout;
    for expected in [
        "  security.capability: cap_net_raw=ep\n",
        "  security.selinux: system_u:object_r:passwd_file_t:s0\n",
        "  system.posix_acl_access: user::rw-,user:1000:r--,group::r--,mask::r--,other::---\n",
        "  user.note: seen\n",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn blocks_are_those_of_debugfs_both_ways() {
    if !need(NEEDS) {
        return;
    }
    for options in [&["-t", "ext4"][..], &["-t", "ext2", "-b", "1024"]] {
        let ground = Ground::new(options);
        for path in ["/large", "/sparse", "/etc/passwd", "/etc"] {
            let stored = |line: &Value| line["state"] == "stored";
            let blocks: Vec<u64> = ground
                .lines("blocks", &[path])
                .iter()
                .filter(|line| stored(line))
                .flat_map(|line| line["first_block"].as_u64().unwrap()..=line["last_block"].as_u64().unwrap())
                .collect();
            let told = ground.debugfs(&format!("blocks {path}"));
            let told: Vec<u64> = told.split_whitespace().map(|word| word.parse().unwrap()).collect();
            // debugfs lists the blocks of the map, too.
            let content: Vec<u64> = told.iter().copied().filter(|block| blocks.contains(block)).collect();
            assert_eq!(blocks, content, "{path}");
            assert!(told.len() - blocks.len() <= 20, "{path}: {told:?}");
            let lines = ground.lines("blocks", &["--block", &blocks[0].to_string()]);
            assert_eq!((&lines[0]["type"], &lines[0]["allocated"]), (&"block".into(), &true.into()));
            assert_eq!(lines[1]["paths"][0]["path"], path);
            let icheck = ground.debugfs(&format!("icheck {}", blocks[0]));
            assert!(icheck.lines().any(|line| line == format!("{}\t{}", blocks[0], lines[1]["inode"])), "{icheck}");
            let offset = lines[0]["image_offset"].to_string();
            assert_eq!(ground.lines("blocks", &["--image-offset", &offset]), lines);
        }
    }
}

#[test]
fn a_hexdump_is_that_of_hexdump() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&["-t", "ext4"]);
    for name in ["sparse", "etc/passwd", "large"] {
        let expected = Command::new("od").args(["-A", "x", "-t", "x1z", "-v"]).arg(ground.source(name)).output();
        let expected = String::from_utf8(expected.expect("od").stdout).unwrap();
        let expected: Vec<Vec<&str>> = expected.lines().map(|line| bytes_of(line, 7, '>')).collect();
        let shown = ground.run("hexdump", &["--all", name]).exits(0).stdout;
        let shown: Vec<Vec<&str>> = shown.lines().map(|line| bytes_of(line, 8, '|')).collect();
        assert!(shown == expected, "{name} differs");
    }
    // The rows of the hole are left out without being read; which rows there are depends on where the first begins.
    for (start, end) in [(0, 5_000_003), (5, 5_000_003), (17, 4_999_990), (3000, 2_000_000), (1_000_001, 3_500_000)] {
        let mut od = Command::new("od");
        od.args(["-A", "x", "-t", "x1z", "-j", &start.to_string(), "-N", &(end - start).to_string()]);
        let expected = String::from_utf8(od.arg(ground.source("sparse")).output().expect("od").stdout).unwrap();
        let shown = ground.run("hexdump", &["sparse", "--range", &format!("{start}-{end}")]).exits(0).stdout;
        let rows = |text: &str, digits: usize, mark: char| -> Vec<(u64, Vec<String>)> {
            let row = |line: &str| match line {
                "*" => (0, vec!["*".to_owned()]),
                _ => {
                    let offset = u64::from_str_radix(&line[..digits], 16).unwrap();
                    (offset, bytes_of(line, digits + 1, mark).into_iter().map(str::to_owned).collect())
                }
            };
            text.lines().map(row).collect()
        };
        assert_eq!(rows(&shown, 8, '|'), rows(&expected, 6, '>'), "bytes {start} to {end}");
    }
    let lines = ground.lines("hexdump", &["sparse"]);
    let holes: Vec<_> = lines.iter().filter(|line| line["type"] == "hole").collect();
    let bytes = |line: &Value| line["hex"].as_str().map_or(0, |hex| hex.len() as u64 / 2);
    assert_eq!(lines.iter().map(bytes).sum::<u64>() + holes[0]["bytes"].as_u64().unwrap(), 5_000_003);
}

/// The bytes in a row of a dump: what lies between the offset and the text.
fn bytes_of(line: &str, offset_digits: usize, mark: char) -> Vec<&str> {
    let rest = &line[offset_digits.min(line.len()).max(6)..];
    let end = rest.find(mark).unwrap_or(rest.len());
    rest[..end].split_whitespace().filter(|word| word.len() == 2).collect()
}

#[test]
fn what_was_deleted_is_listed_as_fls_lists_it_and_read_as_icat_reads_it() {
    let needs = [NEEDS, &[Need::Tool("fls"), Need::Tool("icat")]].concat();
    if !need(&needs) {
        return;
    }
    // In ext2 the map of a deleted inode stays.
    let ground = Ground::new(&["-t", "ext2", "-b", "1024"]);
    let inode = ground.lines("stat", &["/removed"])[0]["inode"].to_string();
    ground.change(&["rm /removed", "rm /etc/deep/deeper/bottom"]);
    let fls = run(Command::new("fls").args(["-r", "-d", "-p"]).arg(&ground.image)).exits(0).stdout;
    let names: Vec<String> = ground
        .lines("deleted", &[])
        .iter()
        .filter(|line| line["type"] == "deleted-name")
        .map(|line| line["path"].as_str().unwrap().to_owned())
        .collect();
    for line in fls.lines() {
        let name = line.split_once('\t').unwrap().1;
        assert!(names.contains(&format!("/{name}")), "{name} of {fls} in {names:?}");
    }
    assert!(names.contains(&"/removed".to_owned()) && names.contains(&"/etc/deep/deeper/bottom".to_owned()));
    let read = Command::new(kanshiki_path()).arg("cat").arg(&ground.image).args(["--inode", &inode]).output().unwrap();
    let icat = Command::new("icat").arg(&ground.image).arg(&inode).output().unwrap();
    assert!(read.stdout == icat.stdout && read.stdout == fs::read(ground.source("removed")).unwrap());
    let deleted = ground.lines("deleted", &[]);
    let number: u64 = inode.parse().unwrap();
    let found = deleted.iter().find(|line| line["type"] == "deleted-inode" && line["inode"] == number);
    assert_eq!((&found.unwrap()["remains_free"], &found.unwrap()["state"]), (&5000.into(), &"deleted".into()));
    let listed = ground.run("ls", &["--deleted"]).exits(0).stdout;
    assert!(listed.contains(&format!("removed (deleted, inode {inode})\n")), "{listed}");
}

#[test]
fn a_second_reader_finds_no_difference() {
    if !need(NEEDS) {
        return;
    }
    for options in [&["-t", "ext4"][..], &["-t", "ext3", "-b", "1024"], &["-t", "ext4", "-b", "4096", "-O", "64bit"]] {
        let ground = Ground::new(options);
        let ran = ground.run("check", &["--second-reader"]);
        assert!(ran.stdout.contains("read by both readers: 0 differences\n"), "{}", ran.stdout);
        // ext4-view does not go through holes of block maps, which ext3 has; all else is compared and undamaged.
        let others = ran.stdout.lines().filter(|line| !line.contains("read by both") && !line.contains("not compared"));
        let expected: &[&str] = if ran.code == 0 { &["nothing is damaged"] } else { &[] };
        assert_eq!(others.collect::<Vec<_>>(), expected, "{options:?}");
        assert_eq!(ran.code, if options.contains(&"ext3") { 3 } else { 0 }, "{}", ran.stdout);
    }
    // Valid, and beyond the second reader: that is no difference.
    let ground = Ground::new(&["-t", "ext4"]);
    ground.change(&["sif /empty mtime @-86400", "sif /large mtime 20240301"]);
    let ran = ground.run("check", &["--second-reader"]).exits(3);
    assert!(ran.stdout.contains("invalid timestamp") && ran.stdout.contains(": 0 differences\n"), "{}", ran.stdout);
    let ground = Ground::new(&["-t", "ext4", "-I", "128", "-O", "metadata_csum"]);
    let ran = ground.run("check", &["--second-reader"]).exits(3);
    let told = "it does not read inodes of 128 bytes that have checksums";
    assert!(ran.stdout.contains(told) && !ran.stdout.contains("difference"), "{}", ran.stdout);
    // Without checksums it reads them.
    let ground = Ground::new(&["-t", "ext4", "-I", "128", "-O", "^metadata_csum"]);
    let ran = ground.run("check", &["--second-reader"]);
    assert!(ran.stdout.contains("read by both readers: 0 differences\n"), "{}", ran.stdout);
}

#[test]
fn damage_is_told_with_its_place_and_the_rest_is_listed() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&["-t", "ext4", "-O", "metadata_csum", "-b", "1024"]);
    let entries = ground.lines("ls", &["/etc"]);
    let entry = entries.iter().find(|line| line["path"] == "/etc/passwd").unwrap();
    let image = fs::File::options().write(true).open(&ground.image).unwrap();
    image.write_all_at(&0xffff_fff0_u32.to_le_bytes(), entry["entry_offset"].as_u64().unwrap()).unwrap();
    let ran = ground.run("ls", &["-R"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("issue: volume, /etc/passwd: no inode 4294967280"), "{}", ran.stderr);
    assert!(ran.stdout.contains("\npasswd\n") && ran.stdout.contains("\nback\\\\slash"), "{}", ran.stdout);
    let check = ground.run("check", &[]).exits(3);
    assert!(check.stdout.contains("volume"), "{}", check.stdout);
    let json = json(&ground.run("check", &["--jsonl"]).exits(3));
    assert_eq!((&json[0]["type"], &json.last().unwrap()["exit_code"]), (&"issue".into(), &3.into()));
}

#[test]
fn unreadable_sectors_of_an_exhibit_are_filled_and_told_not_taken_for_zeroes() {
    if !need(&[NEEDS, BadDevice::NEEDS].concat()) {
        return;
    }
    let ground = Ground::new(&["-t", "ext4", "-b", "1024"]);
    let start = ground.lines("blocks", &["/large"])[0]["image_offset"].as_u64().unwrap();
    let bad = [start + 2048..start + 2560, start + 2560..start + 3072];
    let disk = BadDevice::new(&ground.image, 512, &bad);
    let exhibit = Exhibit::new(&ground.path("case"), "E1");
    let _ = run(&mut exhibit.acquire(disk.path())).exits(3);
    let output = Command::new(kanshiki_path()).arg("cat").arg(exhibit.folder()).arg("/large").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let mut expected = fs::read(ground.source("large")).unwrap();
    expected[2048..3072].fill(0);
    assert!(output.stdout == expected);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("issue: /large, bytes 2048-3072: "), "{told}");
}

#[test]
fn a_volume_is_chosen_by_name_and_a_wrong_one_is_told_with_the_others() {
    if !need(&[NEEDS, &[Need::Tool("sfdisk"), Need::Tool("mkswap")]].concat()) {
        return;
    }
    let ground = Ground::new(&["-t", "ext4"]);
    let disk = ground.path("disk");
    write_file(&disk, vec![0; 48 << 20]);
    let made = format!(
        "printf 'label: gpt\\nstart=2048,size=65536\\nstart=67584,size=8192\\n' | sfdisk -q {}",
        disk.display()
    );
    let _ = run(Command::new("sh").args(["-c", &made])).exits(0);
    let file = fs::File::options().write(true).open(&disk).unwrap();
    file.write_all_at(&fs::read(&ground.image).unwrap(), 2048 * 512).unwrap();
    let swap = ground.path("swap");
    write_file(&swap, vec![0; 4 << 20]);
    let _ = run(Command::new("mkswap").arg("-q").arg(&swap)).exits(0);
    file.write_all_at(&fs::read(&swap).unwrap(), 67_584 * 512).unwrap();
    let kanshiki = |arguments: &[&str], volume: &str| {
        let image = format!("{}{volume}", disk.display());
        run(Command::new(kanshiki_path()).args([arguments[0], &image]).args(&arguments[1..]))
    };
    assert_eq!(kanshiki(&["cat", "/etc/passwd"], "").exits(0).stdout, "root:x:0:0:root:/root:/bin/sh\n");
    assert_eq!(kanshiki(&["cat", "/etc/passwd"], ":p1").exits(0).stdout, "root:x:0:0:root:/root:/bin/sh\n");
    let ran = kanshiki(&["ls"], ":p2").exits(4);
    assert!(ran.stderr.contains("cannot browse") && ran.stderr.contains("swap"), "{}", ran.stderr);
    let ran = kanshiki(&["ls"], ":p9").exits(4);
    assert!(ran.stderr.contains("`p9`") && ran.stderr.contains("p1"), "{}", ran.stderr);
    let extent = &json(&kanshiki(&["blocks", "/large", "--jsonl"], ":p1").exits(0))[0];
    let (inside, outside) = (extent["volume_offset"].as_u64().unwrap(), extent["image_offset"].as_u64().unwrap());
    assert_eq!(outside, inside + 2048 * 512);
    let owner = &json(&kanshiki(&["blocks", "--image-offset", &outside.to_string(), "--jsonl"], ":p1").exits(0))[1];
    assert_eq!(owner["paths"][0]["path"], "/large");
}

#[test]
fn an_image_whose_only_volume_cannot_be_opened_says_why() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&["-t", "ext4"]);
    // A feature that nobody knows (Linux 6.12, Documentation/filesystems/ext4/super.rst, `s_feature_incompat`).
    let image = fs::File::options().read(true).write(true).open(&ground.image).unwrap();
    let mut features = [0; 4];
    image.read_exact_at(&mut features, 1024 + 0x60).unwrap();
    let features = u32::from_le_bytes(features) | 0x4000_0000;
    image.write_all_at(&features.to_le_bytes(), 1024 + 0x60).unwrap();
    let ran = ground.run("ls", &[]).exits(4);
    assert!(ran.stderr.contains("not supported"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("root of a host"), "{}", ran.stderr);
}

#[test]
fn a_reader_that_goes_away_ends_the_listing_quietly() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&["-t", "ext4"]);
    let mut child = Command::new(kanshiki_path())
        .arg("cat")
        .arg(&ground.image)
        .arg("/large")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
