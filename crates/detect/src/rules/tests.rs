//! Rules over the files of an image.

use crate::Options;
use crate::contents::find;
use crate::testing::{found_with, titles, view};
use kanshiki_model::{Evidence, Question, Severity};
use kanshiki_rules::yara::Yara;

const STATUS: &str = "Package: base\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n";

fn with(rules: &str) -> Options {
    let (yara, issues) = Yara::of_texts(&[("a.yar", rules)]);
    assert_eq!(issues, []);
    Options { yara: Some(yara), ..Options::default() }
}

#[test]
fn rules_of_the_analyst_look_at_all_files_and_tell_bytes_severity_question_and_technique() {
    let files = view(&[
        ("/var/lib/dpkg/status", STATUS),
        ("/var/lib/dpkg/info/base.list", "/.\n/usr\n/usr/bin\n/usr/bin/tool\n"),
        ("/usr/bin/tool", "a marked tool"),
        ("/home/anna/notes", "nothing"),
    ]);
    let options = with(
        "rule Marked : attack_persistence attack_t1543_002 { meta: description = \"A mark\" severity = \"low\"
        author = \"Anna\" strings: $a = \"marked\" condition: $a and filepath == \"/usr/bin\" }",
    );
    let found = found_with(&files, &[], find, &options);
    assert_eq!(titles(&found), ["low rules.yara: A mark (Marked): /usr/bin/tool"]);
    let it = &found.findings[0];
    assert_eq!((it.question, it.technique.as_ref(), it.severity), (Question::Persists, "T1543.002", Severity::Low));
    assert_eq!(
        it.explanation,
        "Rule `Marked` of `a.yar`, by Anna, tagged attack_persistence attack_t1543_002. The file belongs to base."
    );
    let Evidence::File { span: Some(span), note, path, .. } = &it.evidence[0] else { panic!("{:?}", it.evidence) };
    assert_eq!((span.offset, span.length, note.as_str(), path.as_slice()), (2, 6, "$a", &b"/usr/bin/tool"[..]));
    assert!(it.indicators.iter().any(|it| it.kind == "sha256"));
    assert_eq!(found.inventory.len(), 1);
}

#[test]
fn own_rules_look_at_what_no_package_answers_for_and_can_be_left_out() {
    let note = "Your files have been encrypted. Pay 1 bitcoin.";
    let files = view(&[
        ("/var/lib/dpkg/status", STATUS),
        ("/var/lib/dpkg/info/base.list", "/.\n/usr\n/usr/share\n/usr/share/note\n"),
        ("/usr/share/note", note),
        ("/root/README", note),
    ]);
    let found = found_with(&files, &[], find, &Options::default());
    let expected = "high rules.yara: A note that asks for money for files that were encrypted or taken away (Ransom_Note): /root/README";
    assert_eq!(titles(&found), [expected]);
    let none = Options { no_own_rules: true, ..Options::default() };
    assert_eq!(titles(&found_with(&files, &[], find, &none)), [""; 0]);
}

#[test]
fn a_rule_that_fits_everything_is_cut_and_leaves_room_for_others() {
    let paths: Vec<String> = (0..250).map(|number| format!("/home/anna/{number}")).collect();
    let mut all: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "x")).collect();
    all.push(("/home/anna/y", "y"));
    let options = with("rule All { condition: true } rule One { strings: $a = \"y\" condition: $a }");
    let found = found_with(&view(&all), &[], find, &options);
    let of_one = found.findings.iter().filter(|it| it.title.contains("(One)")).count();
    assert_eq!((found.findings.len(), of_one), (201, 1));
    let told: Vec<String> = found.issues.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["rule All of a.yar: it fits 251 files, of which the first 200 are told"]);
}

#[test]
fn what_lies_behind_the_bytes_that_rules_see_is_told() {
    let long = "x".repeat((64 << 20) + 1);
    let files = view(&[("/srv/long", long.as_str()), ("/srv/short", "xx")]);
    let options = with("rule Whole { condition: filesize == 67108864 } rule Two { condition: filesize == 2 }");
    let found = found_with(&files, &[], find, &options);
    assert_eq!(found.findings.len(), 2, "{:?}", titles(&found));
    let told: Vec<String> = found.issues.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["/srv/long: rules have seen the first 67108864 of its 67108865 bytes"]);
}
