//! What `verify` finds: every change, and nothing where there is none.

use kanshiki_testkit::{
    BadDevice, LoopAccess, LoopDevice, Mount, Need, Ran, Workplace, custody_acts, image_files, kanshiki_path, need,
    noise, restored, run, sample_image, sha256sum, sha256sum_check, write_file,
};
use serde_json::{Value, json};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const FORMATS: [&[&str]; 3] =
    [&["--format", "raw"], &["--format", "split", "--split-size", "1000003"], &["--format", "zstd"]];

const MIB: u64 = 1 << 20;
const BYTES: u64 = 3 * MIB + 777;

/// `kanshiki verify --read-only --json` with a limit of time: the answer, and the report if there is one.
#[track_caller]
fn verify(target: &Path, more: &[&str]) -> (Ran, Value) {
    let mut command = Command::new("timeout");
    command.arg("30").arg(kanshiki_path()).arg("verify").arg(target).args(["--read-only", "--json"]).args(more);
    let ran = run(&mut command);
    assert_ne!(ran.code, 124, "no answer within 30 s");
    let last = ran.stdout.lines().last().map_or(Value::Null, |line| serde_json::from_str(line).unwrap());
    (ran, last)
}

#[track_caller]
fn answers(target: &Path, code: i32, words: &[&str]) -> Value {
    let (ran, report) = verify(target, &[]);
    let ran = ran.exits(code);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(said.contains(word), "`{word}` is not in\n{said}");
    }
    report
}

/// A case with one exhibit of a source of noise; its files may be written.
fn acquired(format: &[&str]) -> Workplace {
    let place = Workplace::new();
    let source = place.path("source");
    write_file(&source, noise(5, usize::try_from(BYTES).unwrap()));
    let _ = place.acquire(&source, &[format, &["--quiet"]].concat()).exits(0);
    unlock(&place.case());
    let _ = answers(&place.case(), 0, &[]);
    place
}

fn unlock(folder: &Path) {
    let _ = run(Command::new("chmod").args(["-R", "u+w"]).arg(folder)).exits(0);
}

fn copy(from: &Path, to: &Path) {
    let _ = run(Command::new("cp").arg("-a").arg(from).arg(to)).exits(0);
}

fn flip(file: &Path, at: u64, bits: u8) {
    let file = File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ bits], at).unwrap();
}

fn length(file: &Path) -> u64 {
    file.metadata().unwrap().len()
}

/// The files of the exhibit and of the custody log that hold something.
fn record(place: &Workplace) -> Vec<PathBuf> {
    let folders = [place.exhibit(), place.case().join("custody")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap().flatten());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).filter(|file| length(file) > 0).collect();
    files.sort();
    files
}

/// The number of the MiB to which a byte of the image's files belongs; `None` for what belongs to none.
fn mib_of(exhibit: &Path, file: &Path, at: u64) -> Option<u64> {
    let files = image_files(exhibit);
    let number = files.iter().position(|other| other == file)?;
    if file.extension().is_none_or(|extension| extension != "zst") {
        let before: u64 = files[..number].iter().map(|file| length(file)).sum();
        return Some((before + at) / MIB);
    }
    // The seek table ends the file: entries of compressed and decompressed length, then number, descriptor, magic.
    // Source: zstd 1.5, contrib/seekable_format/zstd_seekable_compression_format.md.
    let bytes = std::fs::read(file).unwrap();
    let footer = bytes.len() - 9;
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let entry_bytes = if bytes[footer + 4] & 0x80 == 0 { 8 } else { 12 };
    let entries = footer - entry_bytes * usize::try_from(word(footer)).unwrap();
    let mut end = 0;
    (entries..footer).step_by(entry_bytes).zip(0..).find_map(|(entry, frame)| {
        end += u64::from(word(entry));
        (at < end).then_some(frame)
    })
}

#[test]
fn a_changed_byte_anywhere_is_found_and_in_the_image_its_mib_is_named() {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let numbers = noise(seed, 1 << 14);
    let mut numbers = numbers.chunks(8).map(|eight| u64::from_le_bytes(eight.try_into().unwrap()));
    let mut below = |limit: u64| numbers.next().unwrap() % limit;
    for format in FORMATS {
        let place = acquired(format);
        let files = record(&place);
        for round in 0..3 * files.len() {
            let file = &files[round % files.len()];
            let (at, bits) = (below(length(file)), 1 << below(8));
            let what = format!("{} byte {at} bits {bits:#x}, seed {seed}", file.display());
            flip(file, at, bits);
            let (ran, report) = verify(&place.case(), &[]);
            assert!([1, 4].contains(&ran.code), "{what}: {} {}{}", ran.code, ran.stdout, ran.stderr);
            let (quick, _) = verify(&place.case(), &["--quick"]);
            flip(file, at, bits);
            let Some(mib) = mib_of(&place.exhibit(), file, at) else { continue };
            assert_eq!(ran.code, 1, "{what}");
            let range = json!([{"start": mib * MIB, "end": BYTES.min((mib + 1) * MIB)}]);
            let differing = &report["exhibits"][0]["differing"];
            // A bit of a compressed frame may be one on which nothing depends.
            let compressed = format == FORMATS[2];
            assert!(*differing == range || compressed && *differing == json!([]), "{what}: {differing}");
            assert!(quick.code == 1 || compressed, "{what}: quick {}", quick.code);
        }
        let _ = answers(&place.case(), 0, &[]);
    }
}

#[test]
fn a_file_that_was_cut_lengthened_or_removed_is_found() {
    for format in FORMATS {
        let place = acquired(format);
        for file in record(&place) {
            let bytes = std::fs::read(&file).unwrap();
            let shorter = [&[], &bytes[..bytes.len() - 1], &bytes[..bytes.len() / 2]];
            let longer = [[bytes.as_slice(), b"\0"].concat(), [bytes.as_slice(), b"\n"].concat()];
            for changed in shorter.into_iter().chain(longer.iter().map(Vec::as_slice)) {
                write_file(&file, changed);
                let (ran, _) = verify(&place.case(), &[]);
                let what = format!("{} with {} of {} bytes", file.display(), changed.len(), bytes.len());
                assert!([1, 4].contains(&ran.code), "{what}: {} {}{}", ran.code, ran.stdout, ran.stderr);
            }
            std::fs::remove_file(&file).unwrap();
            let (ran, _) = verify(&place.case(), &[]);
            assert!([1, 4].contains(&ran.code), "{} removed: {} {}", file.display(), ran.code, ran.stdout);
            write_file(&file, bytes);
        }
        let _ = answers(&place.case(), 0, &[]);
    }
}

#[test]
fn files_that_were_added_are_named() {
    let place = acquired(FORMATS[0]);
    for (folder, name) in [(place.exhibit(), "added.txt"), (place.case().join("custody"), "added.json")] {
        write_file(&folder.join(name), "x");
        let _ = answers(&place.case(), 1, &[name]);
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    std::fs::create_dir(place.exhibit().join("folder")).unwrap();
    let _ = answers(&place.case(), 1, &["folder"]);
}

#[test]
fn a_changed_or_missing_file_of_the_case_itself_is_named() {
    let place = acquired(FORMATS[0]);
    for name in ["verify.sh", "case.json"] {
        let file = place.case().join(name);
        let before = std::fs::read(&file).unwrap();
        flip(&file, length(&file) - 3, 1);
        let (ran, _) = verify(&place.case(), &[]);
        assert!(matches!(ran.code, 1 | 4), "{name}: {}", ran.stdout);
        std::fs::remove_file(&file).unwrap();
        write_file(&file, [before.as_slice(), b"\n"].concat());
        let _ = answers(&place.case(), 1, &[&format!("{name} is not what it was when the case was begun")]);
        std::fs::remove_file(&file).unwrap();
        write_file(&file, &before);
        let _ = answers(&place.case(), 0, &[]);
    }
    std::fs::remove_file(place.case().join("verify.sh")).unwrap();
    let _ = answers(&place.case(), 1, &["verify.sh cannot be read"]);
}

#[test]
fn what_was_put_among_the_exhibits_is_a_change_and_what_lies_beside_them_is_told() {
    let place = acquired(FORMATS[0]);
    write_file(&place.case().join("notes.txt"), "of the examiner");
    let report = answers(&place.case(), 0, &["notes.txt"]);
    assert_eq!(report["not_compared"].as_array().unwrap().len(), 1);
    for name in [".hidden", "link"] {
        let added = place.case().join("exhibits").join(name);
        std::os::unix::fs::symlink("/etc", &added).unwrap();
        let _ = answers(&place.case(), 1, &[&format!("exhibits/{name} was added")]);
        std::fs::remove_file(&added).unwrap();
    }
}

#[test]
fn a_link_in_the_place_of_a_file_differs_even_if_it_leads_to_the_same_bytes() {
    for format in FORMATS {
        let place = acquired(format);
        let own = ["case.json", "verify.sh"].map(|name| place.case().join(name));
        let exhibit = record(&place).into_iter().filter(|file| file.starts_with(place.exhibit()));
        for file in exhibit.chain(own) {
            let kept = place.path("kept");
            std::fs::rename(&file, &kept).unwrap();
            std::os::unix::fs::symlink(&kept, &file).unwrap();
            let name = file.file_name().unwrap().to_str().unwrap();
            let report = answers(&place.case(), 1, &[&format!("{name} is a symbolic link to `{}`", kept.display())]);
            assert_eq!(report["exhibits"][0]["compared_bytes"], json!(BYTES), "{name}");
            std::fs::remove_file(&file).unwrap();
            std::fs::rename(&kept, &file).unwrap();
        }
        let _ = answers(&place.case(), 0, &[]);
    }
}

#[test]
fn a_digest_given_for_an_exhibit_is_compared_and_for_a_whole_case_refused() {
    let place = acquired(FORMATS[2]);
    let right = sha256sum(&place.path("source"));
    let wrong = "0".repeat(64);
    let image = image_files(&place.exhibit()).remove(0);
    for target in [&place.exhibit(), &image] {
        let _ = verify(target, &["--sha256", &right]).0.exits(0);
        let ran = verify(target, &["--sha256", &wrong]).0.exits(1);
        assert!(ran.stdout.contains(&wrong), "{}", ran.stdout);
    }
    let _ = verify(&place.case(), &["--sha256", &right]).0.exits(4);
    // A file beside the image stands for its exhibit.
    let _ = verify(&place.exhibit().join("image.leaves"), &[]).0.exits(0);
}

#[test]
fn exchanged_images_and_exchanged_exhibits_are_found() {
    let place = acquired(FORMATS[0]);
    let other = place.path("other");
    sample_image(&other, BYTES, 8);
    let mut command = Command::new(kanshiki_path());
    command.arg("acquire").arg(&other).arg("--case").arg(place.case()).args(["--exhibit", "E2", "--quiet"]);
    let _ = run(&mut command).exits(0);
    unlock(&place.case());
    let second = place.case().join("exhibits/E2");
    let exchange = |first: &Path, second: &Path| {
        let aside = place.path("aside");
        std::fs::rename(first, &aside).unwrap();
        std::fs::rename(second, first).unwrap();
        std::fs::rename(&aside, second).unwrap();
    };
    exchange(&place.exhibit().join("image.raw"), &second.join("image.raw"));
    let report = answers(&place.case(), 1, &[]);
    assert_eq!([&report["exhibits"][0]["verdict"], &report["exhibits"][1]["verdict"]], ["differs", "differs"]);
    exchange(&place.exhibit().join("image.raw"), &second.join("image.raw"));
    exchange(&place.exhibit(), &second);
    let report = answers(&place.case(), 1, &[]);
    assert_eq!([&report["exhibits"][0]["verdict"], &report["exhibits"][1]["verdict"]], ["differs", "differs"]);
    exchange(&place.exhibit(), &second);
    let _ = answers(&place.case(), 0, &[]);
    std::fs::rename(&second, place.path("away")).unwrap();
    let _ = answers(&place.case(), 1, &["E2", "missing"]);
}

fn head_of(custody: &Path, entries: usize) -> String {
    let last = sha256sum(&custody.join(format!("{:08}.json", entries - 1)));
    format!("{{\"schema\":1,\"kind\":\"kanshiki custody head\",\"entries\":{entries},\"sha256\":\"{last}\"}}\n")
}

#[test]
fn a_custody_log_that_was_cut_is_found_even_with_a_head_that_fits() {
    let place = acquired(FORMATS[0]);
    let custody = place.case().join("custody");
    assert_eq!(std::fs::read_to_string(custody.join("HEAD")).unwrap(), head_of(&custody, 2));
    copy(&custody, &place.path("kept"));
    let again = || {
        std::fs::remove_dir_all(&custody).unwrap();
        copy(&place.path("kept"), &custody);
    };
    std::fs::remove_file(custody.join("HEAD")).unwrap();
    let _ = answers(&place.case(), 1, &["HEAD"]);
    again();
    std::fs::remove_file(custody.join("00000001.json")).unwrap();
    let _ = answers(&place.case(), 1, &[]);
    write_file(&custody.join("HEAD"), head_of(&custody, 1));
    let _ = answers(&place.case(), 1, &["E1", "no entry that it was acquired"]);
    again();
    std::fs::remove_file(custody.join("00000000.json")).unwrap();
    let _ = answers(&place.case(), 1, &["entry 0 is missing"]);
    std::fs::remove_dir_all(&custody).unwrap();
    let _ = answers(&place.case(), 1, &[]);
}

#[test]
fn a_record_of_a_newer_version_gives_no_answer_and_says_so() {
    let place = acquired(FORMATS[0]);
    let exhibit = place.path("E1");
    copy(&place.exhibit(), &exhibit);
    edit_manifest(&exhibit, "\"schema\": 1", "\"schema\": 9");
    let _ = answers(&exhibit, 4, &["newer version"]);

    let custody = place.case().join("custody");
    let entry = std::fs::read_to_string(custody.join("00000001.json")).unwrap();
    let newer = entry.replacen("\"schema\":1", "\"schema\":9", 1).replacen("\"sequence\":1", "\"sequence\":2", 1);
    write_file(&custody.join("00000002.json"), newer);
    write_file(&custody.join("HEAD"), head_of(&custody, 3));
    let _ = answers(&place.case(), 4, &["newer version"]);
}

/// Changes the manifest of an exhibit that lies in no case, and the list of digests with it.
fn edit_manifest(exhibit: &Path, from: &str, to: &str) {
    let manifest = exhibit.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(from), "{text}");
    write_file(&manifest, text.replacen(from, to, 1));
    let mut sums = Command::new("sh");
    sums.args(["-c", "names=$(cut -c 67- SHA256SUMS); sha256sum $names >sums; mv sums SHA256SUMS"]);
    let _ = run(sums.current_dir(exhibit)).exits(0);
    let _ = sha256sum_check(exhibit).exits(0);
}

#[test]
fn a_manifest_that_names_files_elsewhere_is_refused() {
    let place = acquired(FORMATS[0]);
    for name in ["../../../../../../etc/passwd", "/etc/passwd", "..", "sub/image.raw", ""] {
        let exhibit = place.path("E1");
        copy(&place.exhibit(), &exhibit);
        edit_manifest(&exhibit, "\"name\": \"image.raw\"", &format!("\"name\": \"{name}\""));
        let (ran, _) = verify(&exhibit, &[]);
        assert!([1, 4].contains(&ran.code), "`{name}`: {} {}", ran.code, ran.stdout);
        assert!(!ran.stdout.contains(&sha256sum(Path::new("/etc/passwd"))), "{}", ran.stdout);
        std::fs::remove_dir_all(&exhibit).unwrap();
    }
}

#[test]
fn an_endless_device_or_a_pipe_in_the_place_of_a_file_is_found_and_stops_nothing() {
    let place = acquired(FORMATS[0]);
    for file in record(&place) {
        let kept = place.path("kept");
        std::fs::rename(&file, &kept).unwrap();
        for make in [["ln", "-s", "/dev/zero"].as_slice(), &["ln", "-s", "/proc/self/mem"], &["mkfifo"], &["mkdir"]] {
            let _ = run(Command::new(make[0]).args(&make[1..]).arg(&file)).exits(0);
            let (ran, _) = verify(&place.case(), &[]);
            assert!([1, 4].contains(&ran.code), "{} {make:?}: {} {}", file.display(), ran.code, ran.stdout);
            let _ = run(Command::new("rm").arg("-r").arg(&file)).exits(0);
        }
        std::fs::rename(&kept, &file).unwrap();
    }
    let _ = answers(&place.case(), 0, &[]);
}

#[test]
fn a_part_is_proved_alone_whatever_the_rest_is_like() {
    for format in FORMATS {
        let place = acquired(format);
        let files = image_files(&place.exhibit());
        flip(&files[0], 500_000, 0x10);
        for target in [place.case(), place.exhibit()] {
            let (ran, report) = verify(&target, &["--range", "1M-2M"]);
            assert_eq!((ran.code, &report["exhibits"][0]["compared_bytes"]), (0, &json!(MIB)), "{}", ran.stdout);
            let (ran, report) = verify(&target, &["--range", "1048000-1048577"]);
            let differing = json!([{"start": 0, "end": MIB}]);
            assert_eq!((ran.code, &report["exhibits"][0]["differing"]), (1, &differing));
            let end = format!("3M-{BYTES}");
            let _ = verify(&target, &["--range", &end]).0.exits(0);
            let beyond = format!("3M-{}", BYTES + 1);
            let _ = verify(&target, &["--range", &beyond]).0.exits(4);
            let _ = verify(&target, &["--quick"]).0.exits(1);
        }
    }
}

#[test]
fn a_range_that_a_cut_image_has_lost_differs() {
    for format in FORMATS {
        let place = acquired(format);
        let files = image_files(&place.exhibit());
        let last = files.last().unwrap();
        for bytes in [length(last) - 1, 0] {
            File::options().write(true).open(last).unwrap().set_len(bytes).unwrap();
            for range in ["3M-3146000", "0-3146505"] {
                let (ran, report) = verify(&place.case(), &["--range", range]);
                assert_eq!(
                    (ran.code, &report["verdict"]),
                    (1, &json!("differs")),
                    "{format:?} {range}: {}",
                    ran.stdout
                );
                let _ = verify(&place.exhibit(), &["--range", range]).0.exits(1);
            }
            // That there never was such a byte is told by the manifest.
            let _ = verify(&place.case(), &["--range", "3M-3146506"]).0.exits(4);
        }
    }
}

#[test]
fn a_range_that_a_cut_image_has_lost_differs_from_the_leaves_beside_it() {
    let place = acquired(FORMATS[0]);
    let alone = place.path("alone");
    std::fs::create_dir(&alone).unwrap();
    for name in ["image.raw", "image.leaves"] {
        copy(&place.exhibit().join(name), &alone);
    }
    let image = alone.join("image.raw");
    let _ = verify(&image, &["--range", "2M-3M"]).0.exits(0);
    File::options().write(true).open(&image).unwrap().set_len(MIB).unwrap();
    let _ = verify(&image, &["--range", "0-1M"]).0.exits(1);
    let ran = verify(&image, &["--range", "2M-3M"]).0.exits(1);
    assert!(ran.stdout.contains("it has 1048576 bytes, its leaves are of 3146505"), "{}", ran.stdout);
}

#[test]
fn a_range_is_compared_in_the_exhibits_that_have_it_and_the_others_are_named() {
    let place = acquired(FORMATS[0]);
    let other = place.path("other");
    sample_image(&other, MIB, 8);
    let mut command = Command::new(kanshiki_path());
    command.arg("acquire").arg(&other).arg("--case").arg(place.case()).args(["--exhibit", "E2", "--quiet"]);
    let _ = run(&mut command).exits(0);
    let (ran, report) = verify(&place.case(), &["--range", "1M-2M"]);
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    let exhibits = report["exhibits"].as_array().unwrap();
    assert_eq!([&exhibits[0]["verdict"], &exhibits[1]["verdict"]], ["intact", "partial"]);
    assert_eq!(exhibits[0]["compared_bytes"], json!(MIB));
    let reason = "the range does not lie in the image, which has 1048576 bytes";
    assert_eq!(exhibits[1]["not_compared"], json!([reason]));
    let _ = verify(&place.case(), &["--range", "0-1M"]).0.exits(0);
    let _ = verify(&place.case(), &["--range", "8M-9M"]).0.exits(4);
}

#[test]
fn of_a_range_only_its_own_unreadable_bytes_are_told() {
    if !need(BadDevice::NEEDS) {
        return;
    }
    let place = Workplace::new();
    let source = place.path("source");
    write_file(&source, noise(6, 3 << 20));
    let bad = BadDevice::new(&source, 512, std::slice::from_ref(&(512..1024)));
    let _ = place.acquire(bad.path(), &["--quiet"]).exits(3);
    for (range, unreadable) in [("0-1M", json!([{"start": 512, "end": 1024}])), ("2M-3M", json!([]))] {
        let (ran, report) = verify(&place.case(), &["--range", range]);
        assert_eq!((ran.code, &report["exhibits"][0]["unreadable"]), (0, &unreadable));
    }
}

#[test]
fn a_copy_of_an_exhibit_outside_a_case_may_have_any_name_and_in_a_case_it_may_not() {
    let place = acquired(FORMATS[0]);
    let out = place.path("out");
    copy(&place.exhibit(), &out);
    let report = answers(&out, 0, &["the manifest is of exhibit E1"]);
    assert_eq!(report["exhibits"][0]["problems"], json!([]));
    std::fs::remove_file(out.join("image.leaves")).unwrap();
    let _ = answers(&out, 1, &["image.leaves is missing"]);
    let inside = place.case().join("exhibits/E2");
    copy(&place.exhibit(), &inside);
    for target in [&inside, &place.case()] {
        let _ = answers(target, 1, &["the manifest is of exhibit E1"]);
    }
    // A case whose own record is damaged stays a case.
    write_file(&place.case().join("case.json"), "{");
    let report = answers(&inside, 1, &["the case's own record", "put it back"]);
    assert!(report["exhibits"][0]["problems"].to_string().contains("the manifest is of exhibit E1"), "{report}");
}

#[test]
fn an_image_with_its_manifest_alone_is_compared_in_part_and_what_is_missing_is_named() {
    for format in FORMATS {
        let place = acquired(format);
        let alone = place.path("alone");
        std::fs::create_dir(&alone).unwrap();
        let files = image_files(&place.exhibit());
        for file in files.iter().chain([&place.exhibit().join("manifest.json")]) {
            copy(file, &alone);
        }
        write_file(&alone.join("letter.txt"), "of somebody else");
        let image = image_files(&alone).remove(0);
        for target in [&alone, &image] {
            let report =
                answers(target, 3, &["SHA256SUMS, image.leaves, image.map, manifest.txt: not beside the manifest"]);
            let exhibit = &report["exhibits"][0];
            assert_eq!((&exhibit["problems"], &exhibit["compared_bytes"]), (&json!([]), &json!(BYTES)));
            for how in [&["--quick"] as &[&str], &["--range", "0-1M"]] {
                let ran = verify(target, how).0.exits(4);
                assert!(ran.stdout.contains("image.leaves is not there"), "{}", ran.stdout);
            }
        }
        flip(&image, 700_000, 1);
        let _ = answers(&alone, 1, &["has another SHA-256 than the manifest says"]);
        std::fs::remove_file(&image).unwrap();
        let _ = answers(&alone, 1, &["is missing"]);
    }
}

#[test]
fn an_image_without_manifest_is_compared_with_a_digest() {
    if !need(&[Need::Tool("zstd")]) {
        return;
    }
    for format in FORMATS {
        let place = acquired(format);
        let alone = place.path("alone");
        std::fs::create_dir(&alone).unwrap();
        for file in image_files(&place.exhibit()) {
            copy(&file, &alone);
        }
        assert_eq!(restored(&alone).len() as u64, BYTES);
        let first = image_files(&alone).remove(0);
        let digest = sha256sum(&place.path("source"));
        let _ = verify(&first, &["--sha256", &digest]).0.exits(0);
        let _ = verify(&first, &["--sha256", &digest.to_uppercase()]).0.exits(0);
        let _ = verify(&first, &["--sha256", &"0".repeat(64)]).0.exits(1);
        // There is nothing to compare it with.
        assert!(verify(&first, &[]).0.exits(4).stdout.contains("--sha256"));
        flip(&first, 700_000, 1);
        let _ = verify(&first, &["--sha256", &digest]).0.exits(1);
    }
}

#[test]
fn every_verification_is_an_act_unless_it_is_read_only() {
    let place = acquired(FORMATS[0]);
    let _ = place.verify(&["--read-only"]).exits(0);
    assert_eq!(custody_acts(&place.case()), ["opened", "acquired"]);
    let _ = place.verify(&["--examiner", "A. Mori"]).exits(0);
    let _ = place.verify(&["--quick"]).exits(0);
    flip(&place.exhibit().join("image.raw"), 5, 1);
    let _ = place.verify(&["--range", "0-1M"]).exits(1);
    assert_eq!(custody_acts(&place.case()), ["opened", "acquired", "verified", "verified", "verified"]);
    let said = |number: usize| std::fs::read_to_string(place.case().join(format!("custody/{number:08}.json"))).unwrap();
    assert!(said(2).contains("A. Mori") && said(2).contains("in full: intact"), "{}", said(2));
    assert!(said(4).contains("DIFFERS"), "{}", said(4));
    let _ = run(Command::new("sh").arg(place.case().join("verify.sh"))).exits(0);
}

#[test]
fn an_exhibit_that_is_not_finished_makes_the_answer_partial() {
    let place = acquired(FORMATS[0]);
    std::fs::create_dir(place.case().join("exhibits/E2.partial")).unwrap();
    let report = answers(&place.case(), 3, &["E2", "not finished"]);
    assert_eq!(report["verdict"], json!("partial"));
    let _ = answers(&place.case().join("exhibits/E2.partial"), 4, &["--resume"]);
}

#[test]
fn a_medium_that_does_not_give_a_sector_is_told_apart_from_a_change() {
    if !need(BadDevice::NEEDS) || !need(&[Need::Mount, Need::Tool("mkfs.ext4")]) {
        return;
    }
    let place = Workplace::new();
    let (disk, point, source) = (place.path("disk"), place.path("point"), place.path("source"));
    let bytes = noise(6, usize::try_from(BYTES).unwrap());
    write_file(&source, &bytes);
    File::create(&disk).unwrap().set_len(24 * MIB).unwrap();
    std::fs::create_dir(&point).unwrap();
    let _ = run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk)).exits(0);
    {
        let device = LoopDevice::attach(&disk, LoopAccess::ReadWrite, 512);
        let mount = Mount::device(device.path(), &point, "rw");
        let mut command = Command::new(kanshiki_path());
        command.arg("acquire").arg(&source).arg("--case").arg(mount.point().join("case"));
        let _ = run(command.args(["--exhibit", "E1", "--quiet"])).exits(0);
    }
    // Where the image's second MiB lies on the disk is seen from its noise.
    let sought = &bytes[1_600_000 / 1024 * 1024..][..1024];
    let on_disk = std::fs::read(&disk).unwrap();
    let at = on_disk.chunks(1024).position(|block| block == sought).unwrap() as u64 * 1024;
    let bad = BadDevice::new(&disk, 512, std::slice::from_ref(&(at..at + 512)));
    let _mount = Mount::device(bad.path(), &point, "ro,noload");

    let report = answers(&point.join("case"), 3, &[]);

    let exhibit = &report["exhibits"][0];
    assert_eq!((&exhibit["unread"], &exhibit["differing"]), (&json!([{"start": MIB, "end": 2 * MIB}]), &json!([])));
    let _ = verify(&point.join("case"), &["--range", "2M-3M"]).0.exits(0);
}

#[test]
fn a_quiet_verification_says_what_differs_and_nothing_when_nothing_does() {
    let place = acquired(FORMATS[0]);
    let ran = place.verify(&["--quiet", "--read-only"]).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    flip(&place.exhibit().join("image.raw"), MIB, 1);
    let ran = place.verify(&["--quiet", "--read-only"]).exits(1);
    assert!(ran.stderr.contains("error: E1: MiB 1 differs"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    flip(&place.exhibit().join("image.raw"), MIB, 1);
    std::fs::create_dir(place.case().join("exhibits/E2.partial")).unwrap();
    let ran = place.verify(&["--quiet", "--read-only"]).exits(3);
    assert!(ran.stderr.contains("exhibit E2: its acquisition is not finished"), "{}", ran.stderr);
}

#[test]
fn a_verification_that_cannot_be_entered_in_the_log_says_so_however_quiet() {
    let place = acquired(FORMATS[0]);
    // No file may grow: that stops every entry, for root too.
    let verify = |more: &[&str]| {
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]).arg(kanshiki_path());
        run(shell.arg("verify").arg(place.case()).args(more))
    };
    for how in [&["--quiet"] as &[&str], &["--json"], &[]] {
        let ran = verify(how).exits(3);
        assert!(ran.stderr.contains("this verification is not in the custody log: "), "{}", ran.stderr);
    }
    let _ = place.verify(&["--read-only"]).exits(0);
    flip(&place.exhibit().join("image.raw"), MIB, 1);
    let _ = verify(&[]).exits(1);
}

#[test]
fn a_case_on_a_read_only_medium_is_verified_with_a_warning_and_exit_code_0() {
    if !need(&[Need::Mount]) {
        return;
    }
    let place = acquired(FORMATS[0]);
    let point = place.path("point");
    std::fs::create_dir(&point).unwrap();
    let mount = Mount::device(&place.case(), &point, "bind,ro");
    let mut command = Command::new(kanshiki_path());
    let ran = run(command.arg("verify").arg(mount.point()).arg("--json")).exits(0);
    assert!(ran.stderr.contains("this verification is not in the custody log: "), "{}", ran.stderr);
    let report: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&report["verdict"], &report["read_only_medium"]), (&json!("intact"), &json!(true)));
}

#[test]
fn a_changed_leaf_is_blamed_on_the_leaves_when_the_whole_image_is_right() {
    let place = acquired(FORMATS[0]);
    flip(&place.exhibit().join("image.leaves"), 96 + 32, 1);
    let report = answers(&place.case(), 1, &["image.leaves: not the leaf of bytes 1048576-2097152"]);
    assert_eq!(report["exhibits"][0]["differing"], json!([]));
}

#[test]
fn a_case_whose_record_cannot_be_believed_is_compared_all_the_same() {
    let place = acquired(FORMATS[0]);
    let file = place.case().join("case.json");
    let before = std::fs::read_to_string(&file).unwrap();
    let newer = before.replace("\"schema\": 1", "\"schema\": 7");
    for (content, word) in [(newer.as_str(), "made by a newer version"), (&before[..20], "cut short")] {
        std::fs::remove_file(&file).unwrap();
        write_file(&file, content);
        let report =
            answers(&place.case(), 1, &[word, "case.json is not what it was", "put it back from another copy"]);
        assert_eq!(report["exhibits"][0]["verdict"], "intact");
    }
    std::fs::remove_file(&file).unwrap();
    let _ = run(Command::new("mkfifo").arg(&file)).exits(0);
    let _ = answers(&place.case(), 1, &["not a regular file", "put it back from another copy"]);
}
