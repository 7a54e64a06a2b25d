use super::*;
use kanshiki_testkit::{tempdir, write_file};
use proptest::prelude::{any, proptest};
use std::path::{Path, PathBuf};

const SUBJECT: Subject<'_> = Subject { path: b"/var/www/html/up.php", owner: 0 };

/// What rules find in a file, and what is wrong with them.
fn scan(rules: &str, bytes: &[u8]) -> (Vec<Match>, Vec<String>) {
    let (mut yara, issues) = Yara::of_texts(&[("a.yar", rules)]);
    (yara.scan(&SUBJECT, bytes).matches, issues.iter().map(ToString::to_string).collect())
}

fn put(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_file(&path, text);
    path
}

#[test]
fn a_match_tells_its_places_and_what_the_rule_says_of_itself() {
    let rule = "rule Mark : attack_persistence web { meta: description = \"a \\x1b mark\" author = \"A\" score = 80
        reference = \"https://example.org\" mitre = \"T1505.003\" strings: $a = \"mark\" $b = { 6b 65 [1] }
        condition: $a and $b }";
    let (matches, issues) = scan(rule, b"..mark..mark key");
    assert_eq!(issues, [""; 0]);
    let it = &matches[0];
    assert_eq!((it.rule.as_str(), it.file.as_str()), ("Mark", "a.yar"));
    assert_eq!(it.description.as_deref(), Some("a \\u{1b} mark"));
    assert_eq!((it.severity, it.question), (Some(Severity::High), Some(Question::Persists)));
    assert_eq!((it.technique.as_deref(), it.reference.as_deref()), (Some("T1505.003"), Some("https://example.org")));
    let places: Vec<_> = it.places.iter().map(|it| (it.offset, it.length, it.string.as_str())).collect();
    assert_eq!(places, [(2, 4, "$a"), (8, 4, "$a"), (13, 3, "$b")]);
}

#[test]
fn one_rule_that_does_not_compile_takes_no_other_along() {
    let rules = "rule A { condition: true }\n\nrule B {\n condition: $missing }\nimport \"cuckoo\"\nrule C { strings: $a = \"x\n condition: $a }\n\
        rule D { condition: A and true }";
    let (matches, issues) = scan(rules, b"x");
    assert_eq!(matches.iter().map(|it| it.rule.as_str()).collect::<Vec<_>>(), ["A", "D"]);
    assert_eq!(issues.len(), 3, "{issues:?}");
    assert!(issues[0].starts_with("rules a.yar, line 4: left out: "), "{issues:?}");
    assert!(issues[1].starts_with("rules a.yar, line 5: left out: unknown import cuckoo"), "{issues:?}");
    assert!(issues[2].starts_with("rules a.yar, line 6"), "{issues:?}");
}

#[test]
fn variables_and_modules_of_community_rules_are_there() {
    let rules = "import \"hash\" import \"elf\" import \"math\" import \"console\" import \"pe\"
        rule Variables { condition: filename == \"up.php\" and filepath == \"/var/www/html\" and extension == \".php\"
            and owner == \"root\" and filetype == \"ELF\" }
        rule Hash { condition: hash.md5(0, filesize) == \"3b5d5c3712955042212316173ccf37be\" }
        rule Modules { condition: console.log(\"x\") and math.entropy(0, filesize) >= 0 and not pe.is_pe
            and not defined elf.type and pe.imphash() == \"\" }
        rule Not { condition: filetype == \"EXE\" }";
    let (matches, issues) = scan(rules, b"\x7fELF");
    assert_eq!(issues, [""; 0]);
    assert_eq!(matches.iter().map(|it| it.rule.as_str()).collect::<Vec<_>>(), ["Variables"]);
    let (matches, _) = scan(rules, b"b\n");
    assert_eq!(matches.iter().map(|it| it.rule.as_str()).collect::<Vec<_>>(), ["Hash"]);
}

#[test]
fn folders_are_gone_into_and_nothing_outside_is_included() {
    let place = tempdir();
    let rules = place.path().join("rules");
    put(&rules, "web/a.yar", "include \"../b.yara\"\nrule A { condition: B }");
    put(&rules, "b.yara", "rule B { condition: true }");
    put(&rules, "index.yar", "include \"b.yara\"\n// all\ninclude \"web/a.yar\"");
    put(&rules, "c.yar", "include \"../secret\"\ninclude \"missing.yar\"\nrule C { condition: false }");
    put(&rules, "notes.txt", "rule N { condition: true }");
    put(&rules, ".git/d.yar", "rule N { condition: true }");
    put(&rules, "latin.yar", b"// caf\xe9\nrule L { condition: false }");
    put(place.path(), "secret", "root:x");
    std::os::unix::fs::symlink(&rules, rules.join("again")).unwrap();
    let (mut yara, issues) = Yara::load(&[rules.clone(), rules.join("b.yara")]).unwrap();
    let told: Vec<String> = issues.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("rules latin.yar, line 1: is not UTF-8"), "{told:?}");
    assert!(told[1].contains("c.yar, line 1: `../secret` is not included: it is outside"), "{told:?}");
    assert!(told[2].contains("c.yar, line 2: `missing.yar` is not included: No such file"), "{told:?}");
    assert_eq!((yara.set().files, yara.set().rules), (5, 5));
    let found: Vec<String> = yara.scan(&SUBJECT, b"x").matches.into_iter().map(|it| it.rule).collect();
    assert_eq!(found, ["B", "A"]);
}

#[test]
fn rules_that_are_missing_or_none_are_an_error() {
    let place = tempdir();
    let missing = Yara::load(&[place.path().join("missing")]).unwrap_err();
    assert!(matches!(missing, LoadError::Unreadable { .. }), "{missing}");
    let bad = put(place.path(), "bad.yar", "rule A { condition: nothing }");
    let none = Yara::load(&[bad]).unwrap_err().to_string();
    assert!(none.starts_with("no YARA rule can be used: 1 files, rules bad.yar, line 1: left out:"), "{none}");
}

#[test]
fn what_a_rule_finds_is_bounded() {
    let (matches, _) = scan(
        "rule A { strings: $a = \"a\" $b = \"b\" condition: any of them }",
        &[b"a".repeat(5000), b"b".to_vec()].concat(),
    );
    assert_eq!((matches[0].places.len(), matches[0].more_places), (20, 981));
    assert!(matches[0].places.iter().any(|it| it.string == "$b"));
    let many: String = (0..150).map(|it| format!("rule R{it} {{ condition: true }}\n")).collect();
    let (mut yara, _) = Yara::of_texts(&[("a.yar", &many)]);
    let scanned = yara.scan(&SUBJECT, b"");
    assert_eq!(scanned.matches.len(), 100);
    assert_eq!(scanned.incomplete.as_deref(), Some("50 further rules fit and are left out"));
}

#[test]
fn rules_that_take_too_long_are_broken_off_and_told() {
    let rules = "rule Slow { strings: $a = /a.{1,200}b.{1,200}c.{1,200}d/s condition: #a > 100000 }
        rule Loop { condition: for all i in (0..1000000000) : (uint8(i % 100) < 255) }";
    let (mut yara, issues) = Yara::of_texts(&[("a.yar", rules)]);
    assert_eq!(issues, []);
    yara.scanner.set_scan_params(scan_params().timeout_duration(Some(Duration::from_millis(200))));
    let start = std::time::Instant::now();
    let scanned = yara.scan(&SUBJECT, &b"ab".repeat(100_000));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(scanned.incomplete.is_some_and(|it| it.contains("broken off")));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(rules in any::<String>(), bytes in any::<Vec<u8>>()) {
        let rule = format!("import \"pe\" import \"elf\" import \"dotnet\" import \"macho\" import \"dex\"
            rule A {{ strings: $a = /[a-f]{{2,}}/ condition: any of them or elf.number_of_sections > 0 or pe.is_pe }} {rules}");
        for magic in ["", "\x7fELF\x02\x01\x01", "MZ", "dex\n035"] {
            scan(&rule, &[magic.as_bytes(), &bytes].concat());
        }
    }
}
