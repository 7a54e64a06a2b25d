//! Every kind of source into every format, checked with the standard tools.

use kanshiki_testkit::{
    LoopAccess, LoopDevice, Need, Workplace, custody_acts, image_files, kanshiki, lasting_manifest, manifest, need,
    restored, run, sample_image, sha256sum, sha256sum_check, tool_path, write_file,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

const FORMATS: [&[&str]; 3] =
    [&["--format", "raw"], &["--format", "split", "--split-size", "1000003"], &["--format", "zstd"]];

const MIB: u64 = 1 << 20;

/// A size of several MiB that is a multiple of nothing.
const ODD: u64 = 5 * MIB + 777;

#[track_caller]
fn assert_same_bytes(found: &[u8], expected: &[u8]) {
    assert_eq!(found.len(), expected.len(), "lengths differ");
    let at = found.iter().zip(expected).position(|(found, expected)| found != expected);
    assert_eq!(at, None, "bytes differ from this place on");
}

/// Checks an exhibit with everything but kanshiki.
#[track_caller]
fn check(exhibit: &Path, source: &Path) {
    let _ = sha256sum_check(exhibit).exits(0);
    assert_same_bytes(&restored(exhibit), &std::fs::read(source).unwrap());
    let manifest = manifest(exhibit);
    assert_eq!(manifest["image"]["digests"]["sha256"], json!(sha256sum(source)));
    assert_eq!(manifest["verification"]["result"], json!("verified"));
    for file in image_files(exhibit).iter().filter(|file| file.extension().is_some_and(|ending| ending == "zst")) {
        let _ = run(Command::new("zstd").args(["--test", "--quiet"]).arg(file)).exits(0);
    }
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(exhibit).unwrap().flatten() {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o7777, 0o444, "{:?}", entry.path());
        names.insert(entry.file_name().into_string().unwrap());
    }
    let listed = manifest["outputs"].as_array().unwrap().iter().map(|output| output["name"].as_str().unwrap());
    let own = ["manifest.json", "manifest.txt", "SHA256SUMS"];
    assert_eq!(names, listed.chain(own).map(str::to_owned).collect());
}

#[test]
fn a_file_of_any_size_is_restored_byte_for_byte_from_every_format() {
    if !need(&[Need::Tool("zstd")]) {
        return;
    }
    for bytes in [1, 511, 512, 513, MIB - 1, MIB, MIB + 1, ODD] {
        for format in FORMATS {
            let place = Workplace::new();
            let source = place.path("source");
            sample_image(&source, bytes, bytes);
            let _ = place.acquire(&source, format).exits(0);
            check(&place.exhibit(), &source);
            let _ = run(Command::new("sh").arg(place.case().join("verify.sh")).arg("--all")).exits(0);
            assert_eq!(custody_acts(&place.case()), ["opened", "acquired"]);
        }
    }
}

#[test]
fn a_loop_device_is_copied_whole_whatever_its_sectors() {
    if !need(&[Need::Root, Need::LoopDevices, Need::Tool("zstd")]) {
        return;
    }
    for (sector_bytes, sectors) in [(512_u32, 2 * 2048 + 7), (4096, 2 * 256 + 3)] {
        for format in FORMATS {
            let place = Workplace::new();
            let source = place.path("disk");
            sample_image(&source, u64::from(sector_bytes) * sectors, 5);
            let device = LoopDevice::attach(&source, LoopAccess::ReadOnly, sector_bytes);
            let _ = place.acquire(device.path(), format).exits(0);
            check(&place.exhibit(), &source);
            let manifest = manifest(&place.exhibit());
            assert_eq!(manifest["source"]["sector_bytes"], json!(sector_bytes));
            assert_eq!(manifest["source"]["kind"], json!("device"));
        }
    }
}

#[test]
fn a_split_set_is_copied_as_one_disk() {
    if !need(&[Need::Tool("zstd")]) {
        return;
    }
    for format in FORMATS {
        let place = Workplace::new();
        let whole = place.path("whole");
        sample_image(&whole, ODD, 9);
        let bytes = std::fs::read(&whole).unwrap();
        for (number, part) in bytes.chunks(1_300_001).enumerate() {
            write_file(&place.path(&format!("old.raw.{:03}", number + 1)), part);
        }
        let _ = place.acquire(place.path("old.raw.001"), format).exits(0);
        check(&place.exhibit(), &whole);
    }
}

#[test]
fn standard_input_is_copied_like_a_file() {
    if !need(&[Need::Tool("zstd")]) {
        return;
    }
    for format in FORMATS {
        for bytes in [1, MIB, ODD] {
            let place = Workplace::new();
            let source = place.path("source");
            sample_image(&source, bytes, 11);
            let _ = place.acquire_stdin(&source, format).exits(0);
            check(&place.exhibit(), &source);
            assert_eq!(manifest(&place.exhibit())["source"]["kind"], json!("stream"));
        }
    }
}

#[test]
fn digests_are_those_of_the_standard_tools() {
    let place = Workplace::new();
    let source = place.path("source");
    sample_image(&source, ODD, 3);
    let _ = place.acquire(&source, &["--hash", "md5,sha1,sha512,blake3"]).exits(0);
    let digests = manifest(&place.exhibit())["image"]["digests"].clone();
    let tools = [("md5", "md5sum"), ("sha1", "sha1sum"), ("sha256", "sha256sum"), ("sha512", "sha512sum")];
    let blake3 = tool_path("b3sum").map(|_| ("blake3", "b3sum"));
    for (name, tool) in tools.into_iter().chain(blake3) {
        let said = run(Command::new(tool).arg(&source)).exits(0).stdout;
        assert_eq!(digests[name].as_str(), said.split_whitespace().next(), "{name}");
    }
    assert_eq!(digests.as_object().unwrap().len(), 5);
}

#[test]
fn runs_of_zeroes_take_no_room_in_the_image() {
    for (format, limit) in [(FORMATS[0], 2 * MIB), (&["--format", "split", "--split-size", "10M"], 2 * MIB)] {
        let place = Workplace::new();
        let source = place.path("source");
        // Zeroes that the source does hold, and a hole behind them.
        let mut bytes = vec![0; 24 << 20];
        bytes[5_000_000..5_100_000].fill(7);
        write_file(&source, &bytes);
        std::fs::File::options().write(true).open(&source).unwrap().set_len(48 << 20).unwrap();
        let _ = place.acquire(&source, format).exits(0);
        check(&place.exhibit(), &source);
        let taken: u64 = image_files(&place.exhibit()).iter().map(|file| file.metadata().unwrap().blocks() * 512).sum();
        assert!(taken <= limit, "{format:?}: {taken} bytes");
    }
}

#[test]
fn parts_have_the_length_asked_for_and_the_last_one_the_rest() {
    let place = Workplace::new();
    let source = place.path("source");
    sample_image(&source, ODD, 2);
    let _ = place.acquire(&source, FORMATS[1]).exits(0);
    let lengths: Vec<u64> = image_files(&place.exhibit()).iter().map(|file| file.metadata().unwrap().len()).collect();
    assert_eq!(lengths, [1_000_003, 1_000_003, 1_000_003, 1_000_003, 1_000_003, 243_642]);
}

#[test]
fn manifests_are_valid_to_an_independent_validator() {
    if !need(&[Need::Tool("jsonschema")]) {
        return;
    }
    let validate = "import json, sys, jsonschema\n\
        schema = json.load(open(sys.argv[1]))\n\
        jsonschema.Draft202012Validator.check_schema(schema)\n\
        jsonschema.Draft202012Validator(schema).validate(json.load(open(sys.argv[2])))\n";
    for format in FORMATS {
        let place = Workplace::new();
        let (source, schema) = (place.path("source"), place.path("schema.json"));
        sample_image(&source, ODD, 2);
        write_file(&schema, kanshiki(["schema", "manifest"]).exits(0).stdout);
        let more = ["--twice", "--hash", "md5,blake3", "--examiner", "A. Mori"];
        let _ = place.acquire(&source, &[format, &more].concat()).exits(0);
        let mut python = Command::new("/usr/bin/python3");
        python.args(["-c", validate]).arg(&schema).arg(place.exhibit().join("manifest.json"));
        let _ = run(&mut python).exits(0);
    }
}

#[test]
fn two_destinations_get_the_same_exhibit_in_one_pass() {
    if !need(&[Need::Tool("zstd")]) {
        return;
    }
    for format in FORMATS {
        let place = Workplace::new();
        let (source, second) = (place.path("source"), place.path("second"));
        sample_image(&source, ODD, 4);
        let also = ["--also", second.to_str().unwrap(), "--twice"];
        let _ = place.acquire(&source, &[format, &also].concat()).exits(0);
        let other = second.join("exhibits/E1");
        check(&place.exhibit(), &source);
        check(&other, &source);
        for name in image_files(&place.exhibit()).iter().map(|file| file.file_name().unwrap().to_owned()) {
            assert_eq!(sha256sum(&place.exhibit().join(&name)), sha256sum(&other.join(&name)));
        }
        for name in ["image.leaves", "image.map"] {
            assert_eq!(sha256sum(&place.exhibit().join(name)), sha256sum(&other.join(name)));
        }
        let (mut first, mut second_manifest) = (lasting_manifest(&place.exhibit()), lasting_manifest(&other));
        assert_eq!((&first["case"], &second_manifest["case"]), (&json!("case"), &json!("second")));
        first["case"].take();
        second_manifest["case"].take();
        assert_eq!(first, second_manifest);
        let _ = run(Command::new("sh").arg(second.join("verify.sh")).arg("--all")).exits(0);
        assert_eq!(custody_acts(&second), ["opened", "acquired"]);
        assert!(first["source"]["change"]["compared"].as_array().unwrap().contains(&json!("every leaf")));
    }
}

#[test]
fn two_runs_over_one_source_differ_in_the_record_of_the_run_alone() {
    for format in FORMATS {
        let (first, second) = (Workplace::new(), Workplace::new());
        let source = first.path("source");
        sample_image(&source, ODD, 6);
        let _ = first.acquire(&source, format).exits(0);
        let _ = second.acquire(&source, format).exits(0);
        for entry in std::fs::read_dir(first.exhibit()).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with("image.") {
                assert_eq!(sha256sum(&entry.path()), sha256sum(&second.exhibit().join(&name)), "{name}");
            }
        }
        assert_eq!(lasting_manifest(&first.exhibit()), lasting_manifest(&second.exhibit()));
    }
}

#[test]
fn every_line_of_json_output_is_an_object_with_a_schema_and_the_last_is_the_result() {
    let place = Workplace::new();
    let source = place.path("source");
    sample_image(&source, ODD, 6);
    let acquired = place.acquire(&source, &["--json"]).exits(0).stdout;
    let verified = place.verify(&["--json"]).exits(0).stdout;
    let refused = place.acquire(&source, &["--json"]).exits(4).stdout;
    for (output, last) in [(acquired, "result"), (verified, "result"), (refused, "error")] {
        let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().all(|line| line["schema"].is_u64()), "{output}");
        assert_eq!(lines.last().unwrap()["event"], json!(last));
    }
}

#[test]
fn a_quiet_run_without_reservations_says_nothing() {
    let place = Workplace::new();
    let source = place.path("source");
    sample_image(&source, ODD, 6);
    let acquired = place.acquire(&source, &["--quiet"]).exits(0);
    let verified = place.verify(&["--quiet"]).exits(0);
    for ran in [acquired, verified] {
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    }
}
