use super::*;
use kanshiki_model::{ByteRange, Fact};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// `testdata/manifest.json`: one of everything.
pub(crate) fn sample() -> Manifest {
    Manifest::parse(include_bytes!("../../testdata/manifest.json")).unwrap()
}

fn told(bytes: &[u8]) -> String {
    Manifest::parse(bytes).unwrap_err().to_string()
}

#[test]
fn a_manifest_is_read_and_written_back_byte_for_byte() {
    let bytes = include_bytes!("../../testdata/manifest.json");
    assert_eq!(String::from_utf8(sample().to_json()).unwrap(), String::from_utf8(bytes.to_vec()).unwrap());
}

#[test]
fn the_text_for_people_holds_all_sections() {
    assert_eq!(to_text(&sample()), include_str!("../../testdata/manifest.txt"));
}

#[test]
fn no_line_of_the_text_is_longer_than_80_characters_or_holds_a_hidden_character() {
    let mut manifest = sample();
    manifest.source.path = "/dev/\u{202e}".to_owned() + &"x".repeat(300);
    manifest.people.insert("a\u{1b}[2J".to_owned(), Fact::told("b\u{1b}[2J\n", "--\u{7}"));
    manifest.source.layout = json!({"a\u{1b}": ["\u{202e}", {"deep": [[[[[[[[[[1]]]]]]]]]]}]});
    let text = to_text(&manifest);
    assert!(text.lines().all(|line| line.chars().count() <= 80));
    assert!(text.chars().all(|character| character == '\n' || !character.is_control() && character != '\u{202e}'));
}

#[test]
fn of_many_unreadable_ranges_the_text_lists_a_thousand_and_tells_the_number() {
    let mut manifest = sample();
    manifest.image.unreadable = (0..1500).map(|number| ByteRange::new(number * 1024, number * 1024 + 512)).collect();
    let text = to_text(&manifest);
    assert!(text.contains("\n  1022976-1023488: 512 bytes, sector 1998\n"));
    assert!(!text.contains("\n  1024000-1024512:"));
    assert!(text.contains("\n  and 500 more ranges, all of which are in manifest.json\n"));
}

#[test]
fn a_newer_manifest_is_told_from_a_damaged_one() {
    let text = String::from_utf8(sample().to_json()).unwrap();
    let newer = text.replace("\"schema\": 1", "\"schema\": 7").replace("\"outputs\"", "\"files\"");
    assert_eq!(
        told(newer.as_bytes()),
        "kanshiki manifest of schema 7, made by a newer version of kanshiki: this one reads up to schema 1"
    );
    let damaged = text.replace("\"live\": false", "\"live\": maybe");
    assert_eq!(told(damaged.as_bytes()), "damaged kanshiki manifest: line 22, column 13 (byte 417): expected value");
    assert_eq!(told(&text.as_bytes()[..200]), "damaged kanshiki manifest: cut short at line 10, column 25 (byte 200)");
    assert_eq!(
        told(text.replace("\"outputs\"", "\"files\"").as_bytes()),
        format!(
            "damaged kanshiki manifest: line {}, column 1 (byte {}): missing field `outputs`",
            text.lines().count(),
            text.len() - 4
        )
    );
    assert_eq!(
        told(b"{\"schema\":1,\"kind\":\"kanshiki case\"}"),
        "not a kanshiki manifest: its kind is `kanshiki case`"
    );
    assert_eq!(
        told(&vec![b' '; LIMIT + 1]),
        "kanshiki manifest of 67108865 bytes: more than 67108864 bytes are not read"
    );
    assert_eq!(
        told(b"{\"schema\":1,\"schema\":1}"),
        "damaged kanshiki manifest: line 1, column 20 (byte 19): duplicate field `schema`"
    );
}

#[test]
fn a_good_manifest_agrees_with_itself() {
    assert_eq!(sample().check_consistency(), Vec::<String>::new());
}

#[test]
fn every_contradiction_is_named() {
    fn after(change: impl Fn(&mut Manifest)) -> Vec<String> {
        let mut manifest = sample();
        change(&mut manifest);
        manifest.check_consistency()
    }
    let hex = "0".repeat(63);
    assert_eq!(after(|m| m.kind = "x".to_owned()), ["kind is `x`, expected `kanshiki manifest`"]);
    assert_eq!(after(|m| m.schema = 0), ["schema is 0, expected 1"]);
    assert!(after(|m| m.exhibit = "../x".to_owned())[0].starts_with("exhibit: `../x` is not an exhibit identifier"));
    assert_eq!(after(|m| m.run.sessions.clear()), ["run.sessions is empty, expected at least one"]);
    assert_eq!(after(|m| m.image.unreadable_bytes = 1), ["image.unreadable_bytes is 1, expected 1024"]);
    assert_eq!(after(|m| m.image.leaf_bytes = 512), ["image.leaf_bytes is 512, expected 1048576"]);
    assert_eq!(after(|m| m.image.leaves = 3), ["image.leaves is 3, expected 2"]);
    assert_eq!(after(|m| m.source.bytes = 7), ["image.bytes is 2096640, expected 7"]);
    assert_eq!(
        after(|m| {
            m.image.unreadable = [ByteRange::new(2_096_640 - 512, 2_096_640 + 512)].into_iter().collect();
        }),
        ["image.unreadable holds 2096128-2097152, past the end of the image at 2096640"]
    );
    assert_eq!(
        after(|m| m.source.change.ranges = [ByteRange::new(1, u64::MAX)].into_iter().collect()),
        ["source.change.ranges holds 1-18446744073709551615, past the end of the image at 2096640"]
    );
    assert_eq!(
        after(|m| m.image.leaves_root.clone_from(&hex)),
        ["image.leaves_root: a sha256 digest has 64 hexadecimal digits, found 63"]
    );
    assert_eq!(
        after(|m| drop(m.image.digests.insert(Algorithm::Md5, "g".repeat(32)))),
        ["image.digests.md5: `g` at position 0 is not a hexadecimal digit",]
    );
    assert_eq!(
        after(|m| drop(m.image.digests.insert(Algorithm::Sha256, "A".repeat(64)))),
        ["image.digests.sha256: expected lower-case digits"]
    );
    assert_eq!(
        after(|m| {
            m.image.digests.remove(&Algorithm::Sha256);
            m.image.readable_digests = Some(m.image.digests.clone());
        }),
        ["image.digests has no sha256", "image.readable_digests has no sha256"]
    );
    assert_eq!(
        after(|m| m.image.readable_digests = None),
        ["image.readable_digests is missing, yet there are unreadable bytes"]
    );
    assert_eq!(
        after(|m| drop(m.image.readable_digests.as_mut().unwrap().remove(&Algorithm::Md5))),
        ["image.readable_digests has other algorithms than image.digests"]
    );
    assert_eq!(
        after(|m| {
            m.image.unreadable = ByteRanges::new();
            m.image.unreadable_bytes = 0;
        }),
        ["image.readable_digests is there, yet all bytes were readable"]
    );
    assert_eq!(
        after(|m| m.outputs[0].name = "../x".to_owned()),
        ["outputs: `../x` is not the name of a file in the exhibit's folder"]
    );
    assert_eq!(after(|m| m.outputs[1].name = m.outputs[0].name.clone()), ["outputs: `image.raw` is there twice"]);
    assert_eq!(
        after(|m| m.outputs[0].sha256.clone_from(&hex)),
        ["outputs: sha256 of `image.raw`: a sha256 digest has 64 hexadecimal digits, found 63"]
    );
    assert_eq!(after(|m| m.outputs.clear()), ["outputs is empty, expected the files of the image"]);
}

/// What Python's `jsonschema` says to documents: one answer for each. `None` if it is not installed.
fn validate(schema: &str, documents: &[Value]) -> Option<Vec<bool>> {
    const PROGRAM: &str = "import json, sys, jsonschema\n\
        schema, documents = json.load(sys.stdin)\n\
        jsonschema.Draft202012Validator.check_schema(schema)\n\
        validator = jsonschema.Draft202012Validator(schema)\n\
        print(json.dumps([validator.is_valid(document) for document in documents]))\n";
    if !Command::new("python3").args(["-c", "import jsonschema"]).output().is_ok_and(|output| output.status.success()) {
        println!("skipped: python3-jsonschema is not installed");
        return None;
    }
    let schema: Value = serde_json::from_str(schema).unwrap();
    let mut python =
        Command::new("python3").args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(json!([schema, documents]).to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// The document, and the document with each of the changes.
fn with_changes(document: &Value, changes: &[(&str, Value)]) -> Vec<Value> {
    let mut documents = vec![document.clone()];
    for (pointer, value) in changes {
        let mut changed = document.clone();
        *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value.clone();
        documents.push(changed);
    }
    documents
}

fn assert_only_the_first_is_valid(schema: &str, documents: &[Value]) {
    let Some(answers) = validate(schema, documents) else { return };
    let valid: Vec<usize> = answers.iter().enumerate().filter(|(_, valid)| **valid).map(|(index, _)| index).collect();
    assert_eq!((answers.len(), valid), (documents.len(), vec![0]));
}

#[test]
fn an_independent_validator_accepts_a_manifest_and_refuses_changed_ones() {
    let good: Value = serde_json::from_slice(&sample().to_json()).unwrap();
    let changes = [
        ("/schema", json!(2)),
        ("/kind", json!("x")),
        ("/exhibit", json!("../x")),
        ("/exhibit", json!("x.partial")),
        ("/source/kind", json!("tape")),
        ("/source/bytes", json!(-1)),
        ("/source/facts/model", json!({"value": "x"})),
        ("/source/facts/model", json!({"value": null})),
        ("/source/facts/model/origin", json!("guessed")),
        ("/image", json!(null)),
        ("/image/digests", json!({"md5": "0".repeat(32)})),
        ("/image/digests/md5", json!("0".repeat(31))),
        ("/image/unreadable/0", json!({"start": 1})),
        ("/image/leaves_root", json!("A".repeat(64))),
        ("/outputs", json!([])),
        ("/outputs/0/name", json!("a/b")),
        ("/outputs/0/synced", json!("yes")),
        ("/verification/result", json!("perhaps")),
        ("/issues/0", json!({"subject": "x"})),
        ("/run/started", json!("yesterday")),
        ("/run/sessions", json!([])),
        ("/run/clock", json!([])),
    ];
    assert_only_the_first_is_valid(crate::MANIFEST_SCHEMA, &with_changes(&good, &changes));
}

#[test]
fn an_independent_validator_accepts_what_a_case_holds_and_refuses_changed_ones() {
    let (_temporary, case) = crate::case::tests::new_case();
    let log = crate::CustodyLog::open(&case).unwrap();
    let subjects = vec![crate::Subject { name: "x".to_owned(), sha256: "0".repeat(64) }];
    let (who, what, tool) = ("a".to_owned(), "b".to_owned(), "c".to_owned());
    let act = crate::Act { kind: crate::ActKind::HandedOver, who, what, subjects, tool };
    log.append(act, &crate::case::tests::FixedClock).unwrap();
    let read = |name: &str| -> Value {
        serde_json::from_slice(&crate::read_small(&case.path().join(name), 1 << 20).unwrap()).unwrap()
    };
    let common = [("/schema", json!(2)), ("/kind", json!("x"))];
    let documents = |name: &str, changes: &[(&str, Value)]| with_changes(&read(name), &[&common, changes].concat());
    let case_changes = [("/name", json!("")), ("/created", json!(0))];
    assert_only_the_first_is_valid(crate::CASE_SCHEMA, &documents("case.json", &case_changes));
    let head_changes = [("/entries", json!(0)), ("/sha256", json!("0"))];
    assert_only_the_first_is_valid(crate::CUSTODY_HEAD_SCHEMA, &documents("custody/HEAD", &head_changes));
    let entry_changes = [
        ("/sequence", json!(-1)),
        ("/previous", json!("")),
        ("/act", json!("stolen")),
        ("/subjects/0", json!({"name": "x"})),
        ("/who", json!(null)),
        ("/time", json!("2023-11-14")),
    ];
    assert_only_the_first_is_valid(crate::CUSTODY_ENTRY_SCHEMA, &documents("custody/00000000.json", &entry_changes));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Manifest::parse(&bytes);
    }

    #[test]
    fn any_change_of_a_good_manifest_never_panics(
        at in any::<prop::sample::Index>(),
        new in prop::collection::vec(any::<u8>(), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = include_bytes!("../../testdata/manifest.json").to_vec();
        let at = at.index(bytes.len());
        let end = (at + new.len()).min(bytes.len());
        bytes.splice(at..end, new);
        if let Ok(manifest) = Manifest::parse(&bytes) {
            let _ = (manifest.check_consistency(), to_text(&manifest));
        }
        prop_assert!(Manifest::parse(&bytes[..cut.index(bytes.len() - 1)]).is_err());
    }

    #[test]
    fn any_digit_in_a_manifest_never_panics(at in any::<prop::sample::Index>(), digits in "[0-9]{1,20}") {
        let text = include_str!("../../testdata/manifest.json");
        let places: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
        let place = places[at.index(places.len())];
        let changed = format!("{}{digits}{}", &text[..place], &text[place + 1..]);
        if let Ok(manifest) = Manifest::parse(changed.as_bytes()) {
            let _ = (manifest.check_consistency(), to_text(&manifest));
        }
    }
}
