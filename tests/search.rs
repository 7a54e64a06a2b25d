//! Going through whole images: what find, grep, strings, hash and timeline tell, compared with the tools of the field.

use kanshiki_testkit::{Mount, Need, Ran, TempDir, kanshiki_path, need, noise, run, tempdir, write_file};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What every test needs to make its image.
const NEEDS: &[Need] = &[Need::Tool("mkfs.ext4"), Need::Tool("debugfs")];

/// Names that try to harm whoever reads them; no line breaks, of which hashdeep knows nothing.
const HOSTILE: &[&[u8]] = &[
    b"\x1b[2J\x1b[1;31mred",
    b"tab\tand\rreturn",
    b"not \xff\xfe utf-8",
    "gpj\u{202e}exe".as_bytes(),
    b"back\\slash \\x1b \\u{1b}",
    b" leading and trailing ",
    b"-rf",
    b"com,ma \"quote\" 'tick'",
    b"%s%n",
    &[b'n'; 255],
];

/// A folder with the source of a filesystem, and the image made of it.
struct Ground {
    folder: TempDir,
    image: PathBuf,
}

impl Ground {
    #[track_caller]
    fn new(more_names: &[&[u8]]) -> Self {
        let folder = tempdir();
        let source = folder.path().join("source");
        fs::create_dir_all(source.join("etc/deep/deeper")).unwrap();
        fs::create_dir_all(source.join("var/log")).unwrap();
        fs::create_dir(source.join("hostile")).unwrap();
        write_file(&source.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nmori:x:1000:1000::/:\n");
        write_file(&source.join("etc/deep/deeper/bottom"), noise(3, 10_000));
        write_file(&source.join("large"), noise(5, 3_000_000));
        write_file(&source.join("removed"), noise(7, 5000));
        write_file(&source.join("empty"), "");
        write_file(&source.join("tool"), fs::read("/proc/self/exe").unwrap().get(..400_000).unwrap());
        fs::set_permissions(source.join("tool"), fs::Permissions::from_mode(0o4755)).unwrap();
        fs::hard_link(source.join("tool"), source.join("etc/tool2")).unwrap();
        symlink("etc/passwd", source.join("link")).unwrap();
        let lines: String = (0..20_000).map(|number| format!("{number} ferry {}\n", number * 7919 % 1000)).collect();
        write_file(&source.join("var/log/plain"), &lines);
        for (number, name) in HOSTILE.iter().chain(more_names).enumerate() {
            write_file(&source.join("hostile").join(OsStr::from_bytes(name)), format!("{number}\n"));
        }
        for (tool, suffix) in [("gzip", "gz"), ("xz", "xz"), ("zstd", "zst"), ("bzip2", "bz2")] {
            if kanshiki_testkit::tool_path(tool).is_some() {
                let packed = piped(Command::new(tool).arg("-c"), lines.as_bytes());
                write_file(&source.join(format!("var/log/old.{suffix}")), packed);
            }
        }
        let image = folder.path().join("image");
        let options = ["-q", "-F", "-I", "256", "-d"];
        let _ = run(Command::new("mkfs.ext4").args(options).arg(&source).arg(&image).arg("64M")).exits(0);
        let _ = run(Command::new("debugfs").args(["-w", "-R", "rm removed"]).arg(&image)).exits(0);
        Self { folder, image }
    }

    fn source(&self, name: &str) -> PathBuf {
        self.folder.path().join("source").join(name)
    }

    /// The image mounted by the kernel.
    #[track_caller]
    fn mounted(&self) -> Mount {
        let point = self.folder.path().join("mount");
        fs::create_dir_all(&point).unwrap();
        Mount::device(&self.image, &point, "ro,noload,loop")
    }

    #[track_caller]
    fn kanshiki(&self, words: &[&str]) -> Ran {
        let (verb, rest) = words.split_first().unwrap();
        let (before, rest) = if *verb == "grep" { rest.split_at(1) } else { rest.split_at(0) };
        run(Command::new(kanshiki_path()).arg(verb).args(before).arg(&self.image).args(rest))
    }

    /// What kanshiki writes to standard output, as it is.
    #[track_caller]
    fn bytes(&self, words: &[&str]) -> Vec<u8> {
        let (verb, rest) = words.split_first().unwrap();
        let command = &mut Command::new(kanshiki_path());
        let output = command.arg(verb).arg(&self.image).args(rest).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

/// What a program makes of its standard input.
#[track_caller]
fn piped(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

fn set(text: &str) -> BTreeSet<&str> {
    text.lines().collect()
}

fn nul_separated(bytes: &[u8]) -> BTreeSet<&[u8]> {
    bytes.split(|byte| *byte == 0).filter(|path| !path.is_empty()).collect()
}

#[test]
fn a_bodyfile_gives_mactime_the_same_events_as_that_of_fls() {
    if !need(&[NEEDS, &[Need::Tool("fls"), Need::Tool("mactime")]].concat()) {
        return;
    }
    let ground = Ground::new(&[]);
    let fls = run(Command::new("fls").args(["-r", "-p", "-m", "/"]).arg(&ground.image)).exits(0);
    let ours = ground.kanshiki(&["timeline", "--format", "body"]).exits(0);
    // fls puts ^ in the place of control characters, and has a folder for orphans; we have the root.
    let events = |body: &str| {
        let plain: Vec<&str> = body
            .lines()
            .filter(|line| {
                !line.contains("|/hostile/") && !line.contains("/$OrphanFiles|") && !line.starts_with("0|/|")
            })
            .collect();
        let file = ground.folder.path().join("body");
        write_file(&file, plain.join("\n"));
        let ran = run(Command::new("mactime").args(["-d", "-z", "UTC", "-b"]).arg(&file)).exits(0);
        ran.stdout.lines().map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let (expected, found) = (events(&fls.stdout), events(&ours.stdout));
    assert!(expected.len() > 15 && expected.iter().any(|line| line.contains("removed (deleted)")), "{expected:?}");
    assert_eq!(found, expected);
}

#[test]
fn find_tells_what_gnu_find_tells_of_a_kernel_mount() {
    if !need(&[NEEDS, &[Need::Mount, Need::LoopDevices]].concat()) {
        return;
    }
    let ground = Ground::new(&[b"line\nbreak"]);
    let mount = ground.mounted();
    let format = "%P\\t%i\\t%s\\t%m\\t%U\\t%G\\t%n\\t%T@\\t%C@\\0";
    let gnu = Command::new("find").arg(mount.point()).args(["-mindepth", "1", "-printf", format]).output().unwrap();
    let expected: BTreeSet<Vec<u8>> = nul_separated(&gnu.stdout).into_iter().map(<[u8]>::to_vec).collect();
    let mut found = BTreeSet::new();
    for line in ground.kanshiki(&["find", "--jsonl", "--depth", "1.."]).exits(0).stdout.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        if row["type"] != "found" {
            continue;
        }
        let hex = row["path_hex"].as_str();
        let mut text: Vec<u8> = hex.map_or_else(|| row["path"].as_str().unwrap().as_bytes().to_vec(), unhex);
        text.remove(0);
        let fields = [
            row["inode"].to_string(),
            row["size"].to_string(),
            format!("{:o}", row["mode"].as_u64().unwrap() & 0o7777),
            row["uid"].to_string(),
            row["gid"].to_string(),
            row["links"].to_string(),
            seconds(row["modified"].as_str().unwrap()),
            seconds(row["changed"].as_str().unwrap()),
        ];
        text.extend(fields.iter().flat_map(|field| format!("\t{field}").into_bytes()));
        found.insert(text);
    }
    assert!(expected.len() > 25);
    assert_eq!(found, expected);
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// Seconds since 1970 with ten digits behind the point, as `find -printf %T@` writes them; by GNU date.
fn seconds(time: &str) -> String {
    let ran = run(Command::new("date").args(["-u", "+%s.%N0", "-d", time])).exits(0);
    ran.stdout.trim().to_owned()
}

#[test]
fn each_condition_of_find_finds_what_that_of_gnu_find_finds() {
    if !need(&[NEEDS, &[Need::Mount, Need::LoopDevices]].concat()) {
        return;
    }
    let ground = Ground::new(&[b"line\nbreak"]);
    let mount = ground.mounted();
    let pairs: &[(&[&str], &[&str])] = &[
        (&["--type", "f", "--name", "*e*"], &["-type", "f", "-name", "*e*"]),
        (&["--type", "d,l"], &["(", "-type", "d", "-o", "-type", "l", ")"]),
        (&["--iname", "[DP]*"], &["-iname", "[DP]*"]),
        (&["--name", "?????"], &["-name", "?????"]),
        (&["--mode", "-4000"], &["-perm", "-4000"]),
        (&["--mode", "/022"], &["-perm", "/022"]),
        (&["--mode", "644"], &["-perm", "644"]),
        (&["--size", "1001.."], &["-size", "+1000c"]),
        (&["--size", "0", "--type", "f"], &["-empty", "-type", "f"]),
        (&["--links", "2", "--type", "f"], &["-links", "2", "-type", "f"]),
        (&["--owner", "root", "--group", "0"], &["-uid", "0", "-gid", "0"]),
        (&["--modified", "2000-01-01.."], &["-newermt", "2000-01-01 00:00 UTC"]),
        (&["--depth", "2..3"], &["-mindepth", "2", "-maxdepth", "3"]),
    ];
    for (ours, gnu) in pairs {
        let mut command = Command::new("find");
        // The patterns of GNU find are those of the locale.
        command.env("LC_ALL", "C.UTF-8").current_dir(mount.point()).arg(".");
        let (depths, tests): (Vec<&str>, Vec<&str>) =
            if gnu[0].ends_with("depth") { (gnu.to_vec(), vec![]) } else { (vec![], gnu.to_vec()) };
        let output = command.args(depths).args(tests).args(["-printf", "/%P\\0"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = ground.bytes(&[&["find", "-0"], *ours].concat());
        assert_eq!(nul_separated(&found), nul_separated(&output.stdout), "{ours:?}");
        assert!(!found.is_empty(), "{ours:?}");
    }
}

#[test]
fn sha256sum_accepts_the_list_of_all_files_whatever_their_names() {
    if !need(&[NEEDS, &[Need::Mount, Need::LoopDevices]].concat()) {
        return;
    }
    let ground = Ground::new(&[b"line\nbreak"]);
    let mount = ground.mounted();
    let list = ground.folder.path().join("list");
    for words in [&["hash", "--format", "sha256sum"][..], &["hash", "--format", "sha256sum", "--hash", "sha256,sha256"]]
    {
        write_file(&list, ground.bytes(words));
        let check = run(Command::new("sha256sum").args(["--check", "--strict"]).arg(&list).current_dir(mount.point()));
        let files = Command::new("find").arg(mount.point()).args(["-type", "f", "-printf", "x"]).output().unwrap();
        let check = check.exits(0);
        assert_eq!(check.stdout.lines().filter(|line| line.ends_with(": OK")).count(), files.stdout.len());
    }
    write_file(&list, ground.bytes(&["hash", "--format", "sha256sum", "--hash", "md5,sha512"]));
    let checks = [("md5sum", "MD5"), ("sha512sum", "SHA512")];
    let all = fs::read(&list).unwrap();
    for (tool, tag) in checks {
        let lines: Vec<&[u8]> = all
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| line.starts_with(tag.as_bytes()) || line.starts_with(format!("\\{tag}").as_bytes()))
            .collect();
        write_file(&list, lines.concat());
        let _ = run(Command::new(tool).args(["--check", "--strict"]).arg(&list).current_dir(mount.point())).exits(0);
    }
}

#[test]
fn an_audit_of_hashdeep_passes_and_names_the_file_that_was_changed() {
    if !need(&[NEEDS, &[Need::Mount, Need::LoopDevices, Need::Tool("hashdeep")]].concat()) {
        return;
    }
    let ground = Ground::new(&[]);
    let mount = ground.mounted();
    let list = ground.folder.path().join("list");
    let rows = ground.bytes(&["hash", "--format", "hashdeep", "--hash", "md5,sha256"]);
    write_file(&list, &rows);
    let audit = || {
        run(Command::new("hashdeep")
            .args(["-r", "-l", "-o", "f", "-a", "-vv", "-k"])
            .arg(&list)
            .arg(".")
            .current_dir(mount.point()))
    };
    let passed = audit();
    assert!(passed.code == 0 && passed.stdout.contains("Audit passed"), "{}{}", passed.stdout, passed.stderr);
    let changed = String::from_utf8_lossy(&rows).replace("./etc/passwd", "./etc/shadow");
    write_file(&list, changed);
    assert!(audit().stdout.contains("etc/passwd: Moved from"), "{}", audit().stdout);
}

#[test]
fn a_list_of_hashdeep_and_one_of_sha256sum_mark_known_files() {
    if !need(&[NEEDS, &[Need::Tool("hashdeep")]].concat()) {
        return;
    }
    let ground = Ground::new(&[]);
    let list = ground.folder.path().join("list");
    for (tool, options) in [("hashdeep", vec!["-l"]), ("sha256sum", vec![])] {
        let made =
            run(Command::new(tool).args(options).arg(ground.source("tool")).arg(ground.source("large"))).exits(0);
        write_file(&list, made.stdout);
        let known = ground.kanshiki(&["hash", "--known", list.to_str().unwrap(), "--only", "known"]).exits(0);
        let paths: BTreeSet<&str> = known.stdout.lines().filter_map(|line| line.rsplit("  ").next()).collect();
        assert_eq!(paths, BTreeSet::from(["/etc/tool2", "/large", "/tool"]), "{tool}");
    }
}

#[test]
fn grep_finds_the_lines_that_its_kin_find_in_plain_and_compressed_files() {
    let kin = [("zgrep", "gz"), ("xzgrep", "xz"), ("zstdgrep", "zst"), ("bzgrep", "bz2")];
    let needs: Vec<Need> = kin.iter().map(|(tool, _)| Need::Tool(tool)).collect();
    if !need(&[NEEDS, &needs].concat()) {
        return;
    }
    let ground = Ground::new(&[]);
    for expression in ["ferry 77$", "^1[0-9]*5 ", "[89]99 f"] {
        let gnu =
            run(Command::new("grep").args(["-n", "-b", "-E", expression]).arg(ground.source("var/log/plain"))).exits(0);
        let ours = ground.kanshiki(&["grep", expression, "/var/log/plain"]).exits(0);
        let lines = |text: &str| {
            text.lines()
                .filter_map(|line| Some((line.split(':').next()?.to_owned(), line.rsplit(':').next()?.to_owned())))
                .collect::<Vec<_>>()
        };
        let stripped: String =
            ours.stdout.lines().map(|line| format!("{}\n", line.trim_start_matches("/var/log/plain:"))).collect();
        assert_eq!(lines(&stripped), lines(&gnu.stdout), "{expression}");
        for (tool, suffix) in kin {
            let name = format!("var/log/old.{suffix}");
            let count = run(Command::new(tool).args(["-c", "-E", expression]).arg(ground.source(&name)));
            let ours = ground.kanshiki(&["grep", expression, "-c", &format!("/{name}")]).exits(0);
            let found = ours.stdout.trim().rsplit(':').next().unwrap().to_owned();
            assert_eq!(found, count.stdout.trim().rsplit(':').next().unwrap(), "{tool} {expression}");
        }
    }
    let only = run(Command::new("grep").args(["-o", "-b", "-a", "GLIBC"]).arg(ground.source("tool")));
    if let Some(first) = only.stdout.lines().next() {
        let ours = ground.kanshiki(&["grep", "GLIBC", "-m", "1", "/tool"]).exits(0);
        let offset = ours.stdout.split(':').nth(2).unwrap().to_owned();
        assert_eq!(Some(offset.as_str()), first.split(':').next());
    }
}

#[test]
fn damaged_compressed_files_are_searched_as_far_as_they_go_and_the_rest_as_it_is_stored() {
    let tools = [Need::Tool("zgrep"), Need::Tool("xzgrep"), Need::Tool("zstdgrep"), Need::Tool("bzgrep")];
    if !need(&[NEEDS, &tools].concat()) {
        return;
    }
    let folder = tempdir();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    let lines: String = (0..60_000_u64).map(|number| format!("needle {}\n", number * 7919 % 100_003)).collect();
    let mut expected = Vec::new();
    for tool in ["gzip", "xz", "zstd"] {
        let whole = piped(Command::new(tool).arg("-c"), lines.as_bytes());
        let cut = whole.get(..whole.len() / 3).unwrap();
        write_file(&source.join(format!("cut.{tool}")), cut);
        let given = piped(Command::new(tool).arg("-dc").stderr(Stdio::null()), cut);
        let given = piped(Command::new("grep").args(["-c", "needle"]), &given);
        expected.push((tool, String::from_utf8(given).unwrap().trim().parse::<u64>().unwrap()));
    }
    write_file(&source.join("fake.xz"), b"\xfd7zXZ\0 needle\n");
    write_file(&source.join("fake.zst"), b"\x28\xb5\x2f\xfd needle\n");
    write_file(&source.join("fake.gz"), b"\x1f\x8b\x08\x00 needle\n");
    for tool in ["gzip", "xz", "zstd", "bzip2"] {
        let tail = [piped(Command::new(tool).arg("-c"), b"needle one\n"), b"needle two\n".to_vec()].concat();
        write_file(&source.join(format!("tail.{tool}")), tail);
    }
    let image = folder.path().join("image");
    let _ = run(Command::new("mkfs.ext4").args(["-q", "-F", "-d"]).arg(&source).arg(&image).arg("16M")).exits(0);
    let ran = run(Command::new(kanshiki_path()).args(["grep", "-c", "needle"]).arg(&image)).exits(3);
    let count = |name: &str| {
        let line = ran.stdout.lines().find_map(|line| line.strip_prefix(&format!("/{name}:"))).unwrap_or("0");
        line.parse::<u64>().unwrap()
    };
    for (tool, there) in expected {
        // The last 20 bytes of xz wait for more: they hold 1000 bytes of this content at most.
        let least = if tool == "xz" { there - 80 } else { there };
        let found = count(&format!("cut.{tool}"));
        assert!(there > 1000 && (least..=there + 1).contains(&found), "{tool}: {found} of {there}");
    }
    for name in ["fake.xz", "fake.zst", "fake.gz"] {
        assert_eq!(count(name), 1, "{name}");
    }
    for tool in ["gzip", "xz", "zstd", "bzip2"] {
        assert_eq!(count(&format!("tail.{tool}")), 2, "{tool}: {}", ran.stderr);
    }
    for name in ["cut.gzip", "cut.xz", "cut.zstd", "fake.xz", "fake.zst", "fake.gz", "tail.gzip", "tail.xz"] {
        assert!(ran.stderr.contains(&format!("issue: /{name}: ")), "{name}: {}", ran.stderr);
    }
}

/// An image of which /large lacks the bytes 8192 to 9216, because a block of it lies behind the end of the filesystem, and
/// /last ends within a block, because the image is cut off.
fn with_unreadable_blocks() -> (TempDir, PathBuf, Vec<u8>) {
    let folder = tempdir();
    let (source, image) = (folder.path().join("source"), folder.path().join("image"));
    fs::create_dir(&source).unwrap();
    let mut large: Vec<u8> = noise(5, 3_000_000).into_iter().map(|byte| byte & 0x7f).collect();
    for at in [100, 51_210, 2_000_000] {
        large[at..at + 10].copy_from_slice(b"\nneedle!!\n");
    }
    write_file(&source.join("large"), &large);
    let options = ["-q", "-F", "-t", "ext2", "-b", "1024", "-d"];
    let _ = run(Command::new("mkfs.ext4").args(options).arg(&source).arg(&image).arg("16M")).exits(0);
    write_file(&folder.path().join("last"), vec![b'z'; 30_000]);
    let debugfs = |request: &str| run(Command::new("debugfs").args(["-w", "-R", request]).arg(&image)).exits(0);
    let _ = debugfs(&format!("write {} last", folder.path().join("last").display()));
    let blocks = debugfs("blocks last").stdout;
    let of_last = blocks.split_whitespace().filter_map(|block| block.parse::<u64>().ok()).max().unwrap();
    let _ = debugfs("sif large block[8] 90000000");
    fs::File::options().write(true).open(&image).unwrap().set_len(of_last * 1024 + 100).unwrap();
    large[8192..9216].fill(0);
    (folder, image, large)
}

#[test]
fn what_can_be_read_around_unreadable_blocks_is_searched_and_copied_to_the_byte() {
    if !need(NEEDS) {
        return;
    }
    let (folder, image, large) = with_unreadable_blocks();
    let kanshiki = |words: &[&str], behind: &[&str]| {
        Command::new(kanshiki_path()).args(words).arg(&image).args(behind).output().unwrap()
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let grep = kanshiki(&["grep", "needle"], &["/large", "--jsonl"]);
    let rows = text(&grep.stdout);
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let offsets: Vec<u64> = rows.iter().filter_map(|row| row["offset"].as_u64()).collect();
    assert_eq!((offsets, grep.status.code()), (vec![101, 51_211, 2_000_001], Some(3)));
    let told: Vec<&Value> = rows.iter().filter(|row| row["subject"] == "/large").map(|row| &row["range"]).collect();
    assert_eq!(told, [&serde_json::json!({"start": 8192, "end": 9216})]);
    let strings = kanshiki(&["strings", "-n", "8"], &["/large"]);
    assert!(text(&strings.stdout).contains("2000001 needle!!"), "needle is no text");
    assert!(
        text(&strings.stderr).contains("/large, bytes 8192-9216: not looked through: "),
        "{}",
        text(&strings.stderr)
    );
    let hash = kanshiki(&["hash"], &["/large"]);
    assert!(hash.stdout.is_empty() && hash.status.code() == Some(3));
    assert!(
        text(&hash.stderr).contains("/large, bytes 8192-9216: cannot be read, no digest"),
        "{}",
        text(&hash.stderr)
    );
    let to = folder.path().join("out");
    assert_eq!(kanshiki(&["extract", "--quiet", "--to", to.to_str().unwrap()], &[]).status.code(), Some(3));
    for name in ["large", "last"] {
        let cat = kanshiki(&["cat"], &[&format!("/{name}")]);
        assert_eq!(cat.status.code(), Some(3));
        assert!(fs::read(to.join("files").join(name)).unwrap() == cat.stdout, "{name}");
        if name == "large" {
            assert!(cat.stdout == large);
        } else {
            // The last byte that is there: 100 bytes of the block that holds the end.
            let there = cat.stdout.iter().rposition(|byte| *byte == b'z').unwrap() + 1;
            assert_eq!((there, cat.stdout.len()), (29 * 1024 + 100, 30_000));
            assert!(text(&cat.stderr).contains("bytes 29796-30000: "), "{}", text(&cat.stderr));
        }
    }
}

/// Where the block with this number of a file begins in the image.
fn byte_of_block(image: &Path, file: &str, number: usize) -> u64 {
    let ran = run(Command::new("debugfs").args(["-R", &format!("blocks {file}")]).arg(image)).exits(0);
    let blocks: Vec<u64> = ran.stdout.split_whitespace().filter_map(|block| block.parse().ok()).collect();
    blocks[number] * 1024
}

#[test]
fn a_wrong_checksum_is_told_by_every_verb_that_reads_the_structure_and_its_content_is_given() {
    if !need(NEEDS) {
        return;
    }
    let folder = tempdir();
    let (source, image) = (folder.path().join("source"), folder.path().join("image"));
    fs::create_dir_all(source.join("d/many")).unwrap();
    write_file(&source.join("keep"), "kept\n");
    for number in 0..300 {
        write_file(&source.join(format!("d/many/a rather long name of a file {number}")), "");
    }
    let options = ["-q", "-F", "-b", "1024", "-I", "256", "-O", "metadata_csum,^has_journal", "-d"];
    let _ = run(Command::new("mkfs.ext4").args(options).arg(&source).arg(&image).arg("16M")).exits(0);
    let whole = fs::read(&image).unwrap();
    let told = |words: &[&str]| {
        let (verb, rest) = words.split_first().unwrap();
        let output = Command::new(kanshiki_path()).arg(verb).arg(&image).args(rest).output().unwrap();
        let notes = String::from_utf8(output.stderr).unwrap();
        let issues = notes.lines().filter(|line| line.contains("checksum 0x")).count();
        (output.status.code(), issues, String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let damage = |at: u64, bytes: &[u8]| {
        let mut damaged = whole.clone();
        damaged[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
        fs::write(&image, damaged).unwrap();
    };
    for verb in ["find", "hash", "timeline"] {
        assert_eq!(told(&[verb]).1, 0, "{verb} of a sound image");
    }
    // The owner in the inode of /keep.
    let stat = run(Command::new("debugfs").args(["-R", "imap keep"]).arg(&image)).exits(0).stdout;
    let part = |behind: &str| {
        let rest = stat.split(behind).nth(1).unwrap();
        rest.split(|sign: char| sign == ',' || sign.is_whitespace()).next().unwrap().to_owned()
    };
    let inode = part("at block ").parse::<u64>().unwrap() * 1024;
    let inode = inode + u64::from_str_radix(part("offset ").trim_start_matches("0x"), 16).unwrap();
    damage(inode + 2, &[1, 2]);
    for words in [&["stat", "/keep"][..], &["cat", "/keep"], &["hash", "/keep"], &["ls", "-l", "/keep"], &["find"]] {
        let (code, issues, rows) = told(words);
        assert_eq!((code, issues), (Some(3), 1), "{words:?}");
        assert!(!rows.is_empty(), "{words:?}");
    }
    assert_eq!(told(&["cat", "/keep"]).2, "kept\n");
    let to = folder.path().join("out");
    let (code, issues, _) = told(&["extract", "/keep", "--to", to.to_str().unwrap()]);
    assert_eq!((code, issues), (Some(3), 1));
    assert_eq!(fs::read(to.join("files/keep")).unwrap(), b"kept\n");
    // A letter of a name in a directory.
    let block = byte_of_block(&image, "/d", 0);
    let name = whole[block as usize..][..1024].windows(4).position(|bytes| bytes == b"many").unwrap() as u64;
    damage(block + name, b"M");
    let (code, issues, rows) = told(&["ls", "/d"]);
    assert_eq!((code, issues, rows.as_str()), (Some(3), 1, "Many\n"));
    assert_eq!(told(&["cat", "/keep"]).1, 0, "nothing reads /d");
}

#[test]
fn an_inode_in_use_whose_only_name_was_wiped_is_told_and_read() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&[]);
    assert!(ground.kanshiki(&["find", "--all"]).exits(0).stderr.is_empty());
    let inode = |path: &str| ground.kanshiki(&["stat", path, "--jsonl"]).exits(0).stdout;
    let number = |text: &str| serde_json::from_str::<Value>(text.lines().next().unwrap()).unwrap()["inode"].clone();
    let (plain, deep) = (number(&inode("/var/log/plain")), number(&inode("/etc/deep")));
    for name in ["var/log/plain", "etc/deep"] {
        let _ = run(Command::new("debugfs").args(["-w", "-R", &format!("unlink {name}")]).arg(&ground.image)).exits(0);
    }
    let ran = ground.kanshiki(&["find"]).exits(3);
    assert!(ran.stderr.contains("inodes in use that no name leads to: 2") && !ran.stdout.contains("Orphan"));
    let ran = ground.kanshiki(&["find", "--all"]).exits(3);
    for row in [
        format!("/$OrphanFiles/OrphanFile-{plain}  (unattached)"),
        format!("/$OrphanFiles/OrphanFile-{deep}  (unattached)"),
        format!("/$OrphanFiles/OrphanFile-{deep}/deeper/bottom  (unattached)"),
    ] {
        assert!(ran.stdout.lines().any(|line| line == row), "{row} in {}", ran.stdout);
    }
    assert_eq!(ran.stdout.matches("OrphanFile-").count(), 4);
    assert!(ground.kanshiki(&["timeline"]).exits(3).stdout.contains("  (unattached)"));
    let found = ground.kanshiki(&["grep", "^19999 ferry"]).exits(3).stdout;
    assert!(found.contains(&format!("/$OrphanFiles/OrphanFile-{plain}:20000:")), "{found}");
    let path = format!("OrphanFile-{deep}/deeper/bottom");
    let sum = piped(Command::new("sha256sum").arg(ground.source("etc/deep/deeper/bottom")), b"");
    let digest = String::from_utf8(sum).unwrap()[..64].to_owned();
    let hashes = ground.kanshiki(&["hash"]).exits(3).stdout;
    assert!(hashes.lines().any(|line| line.starts_with(&digest) && line.ends_with(&path)), "{hashes}");
    assert!(ground.kanshiki(&["deleted"]).exits(3).stderr.contains("no name leads to: 2"));
}

#[test]
fn a_link_named_outright_is_read_as_sha256sum_and_grep_read_it() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&[]);
    let digest = run(Command::new("sha256sum").arg(ground.source("link"))).exits(0).stdout;
    let ours = ground.kanshiki(&["hash", "/link"]).exits(0).stdout;
    assert_eq!(ours.split(' ').next(), digest.split(' ').next());
    assert_eq!(ground.kanshiki(&["grep", "mori", "/link"]).exits(0).stdout.lines().count(), 1);
}

#[test]
fn a_file_of_huge_holes_gets_no_digest_and_is_told_while_the_others_are_hashed() {
    if !need(NEEDS) {
        return;
    }
    let folder = tempdir();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::File::create(source.join("huge")).unwrap().set_len(10 << 40).unwrap();
    write_file(&source.join("small"), "small\n");
    let image = folder.path().join("image");
    let _ = run(Command::new("mkfs.ext4").args(["-q", "-F", "-d"]).arg(&source).arg(&image).arg("16M")).exits(0);
    let ran = run(Command::new(kanshiki_path()).arg("hash").arg(&image)).exits(3);
    assert!(ran.stdout.lines().count() == 1 && ran.stdout.contains("  /small"), "{}", ran.stdout);
    let told = "issue: /huge: has 10995116277760 bytes of holes, more than the 68719476736 that are hashed; no digest is given\n";
    assert_eq!(ran.stderr, told);
}

#[test]
fn what_is_wrong_with_an_expression_is_told_on_one_line() {
    if !need(NEEDS) {
        return;
    }
    let ground = Ground::new(&[]);
    let expected = "error: `(` is no regular expression\n  because: unclosed group\n";
    assert_eq!(ground.kanshiki(&["grep", "("]).exits(2).stderr, expected);
    let expected = "error: `(` is no expression\n  because: unclosed group\n";
    assert_eq!(ground.kanshiki(&["find", "--regex", "("]).exits(2).stderr, expected);
}

#[test]
fn strings_finds_the_texts_that_gnu_strings_finds() {
    if !need(&[NEEDS, &[Need::Tool("strings")]].concat()) {
        return;
    }
    let ground = Ground::new(&[]);
    let gnu = |options: &[&str], file: &Path| {
        let output = Command::new("strings").args(["-a", "-t", "d"]).args(options).arg(file).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let expected = gnu(&["-n", "6"], &ground.source("tool"));
    assert_eq!(ground.kanshiki(&["strings", "-n", "6", "/tool"]).exits(0).stdout, expected);
    let (expected, found) = (gnu(&[], &ground.image), ground.kanshiki(&["strings", "--volume"]).exits(0).stdout);
    assert!(set(&expected).len() > 10_000);
    assert_eq!(set(&found).symmetric_difference(&set(&expected)).collect::<Vec<_>>(), Vec::<&&str>::new());
}
