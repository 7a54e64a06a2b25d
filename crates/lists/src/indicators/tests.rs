//! Indicators of all forms, and where they are found.

use super::*;
use kanshiki_testkit::{tempdir, write_file};
use proptest::prelude::*;

const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

const KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

/// Kinds and values of a list.
fn all(list: &str) -> Vec<String> {
    Indicators::of_bytes(list.as_bytes())
        .list
        .iter()
        .map(|it| format!("{} {}", it.what.kind(), it.what.value()))
        .collect()
}

/// What is not looked for.
fn refused(list: &str) -> Vec<String> {
    Indicators::of_bytes(list.as_bytes()).refused.into_iter().map(|it| it.why).collect()
}

#[test]
fn values_say_what_they_are() {
    for (value, expected) in [
        ("203.0.113.7", vec!["ipv4 203.0.113.7"]),
        ("203.0.113[.]7", vec!["ipv4 203.0.113.7"]),
        ("203.0.113.7:4444", vec!["ipv4 203.0.113.7"]),
        ("203.0.113.77/24", vec!["ipv4 203.0.113.0/24"]),
        ("2001:DB8::1", vec!["ipv6 2001:db8::1"]),
        ("[2001:db8::1]", vec!["ipv6 2001:db8::1"]),
        ("2001:db8:1::/48", vec!["ipv6 2001:db8:1::/48"]),
        ("::ffff:203.0.113.7", vec!["ipv4 203.0.113.7"]),
        ("Evil[.]Example", vec!["domain evil.example"]),
        ("*.evil.example.", vec!["domain evil.example"]),
        ("hxxps://Evil[.]example/A/b?c=d", vec!["url evil.example/A/b?c=d"]),
        ("hxxp[:]//evil(.)example/", vec!["url evil.example"]),
        ("evil.example/a", vec!["url evil.example/a"]),
        ("a.b[at]evil[.]example", vec!["mail a.b@evil.example"]),
        (MD5, vec!["md5 d41d8cd98f00b204e9800998ecf8427e"]),
        ("/tmp/.x/run", vec!["path /tmp/.x/run"]),
        ("xmrig", vec!["file-name xmrig"]),
        (KEY, vec![&format!("ssh-key {KEY}")]),
        // Either: sh is the end of a script's name and of domains.
        ("update.sh", vec!["domain update.sh", "file-name update.sh"]),
    ] {
        assert_eq!(all(&format!("{value}\n")), expected, "{value}");
    }
    for value in ["0.0.0.0/0", "::/0", "0.0.0.0", "C:\\x\\y", "a b c", "!!", "x/y"] {
        assert_eq!(all(&format!("{value}\n")), Vec::<String>::new(), "{value}");
        assert_eq!(refused(value).len(), 1, "{value}");
    }
}

#[test]
fn what_was_made_visible_before_stays_and_all_else_is_made_visible() {
    assert_eq!(all("/a\\u{1b}b\\\\\n"), ["path /a\\u{1b}b\\\\"]);
    // Found by fuzzing: two backslashes are an escape, and what stands beside them was taken as it is.
    assert_eq!(all("/\u{1b}c\\\\x\n"), ["path /\\u{1b}c\\\\\\\\x"]);
    assert_eq!(all("/a\\b\n"), ["path /a\\\\b"]);
}

#[test]
fn comments_are_labels_and_csv_names_its_columns() {
    let list = "# made by us\n; or them\n\n203.0.113.7  # the scanner\nevil.example ; second stage\n";
    let found = Indicators::of_bytes(list.as_bytes());
    let labels: Vec<_> = found.list.iter().map(|it| (it.number, it.label.as_str())).collect();
    assert_eq!(labels, [(4, "the scanner"), (5, "second stage")]);
    let own = format!(
        "kind,value,findings\naccount,root,a\ndomain,evil.example,b\nipv4,203.0.113.7,\"c,d\"\npath,\"/tmp/a,b\\\\\",e\nsha256,{SHA256},f\nwallet,'=notawalletbutlongenough,g\nunknown,x,h\n"
    );
    assert_eq!(
        all(&own),
        [
            "account root",
            "domain evil.example",
            "ipv4 203.0.113.7",
            "path /tmp/a,b\\\\",
            &format!("sha256 {SHA256}"),
            "wallet =notawalletbutlongenough"
        ]
    );
    assert_eq!(refused(&own), ["`unknown x`: of a kind that is not looked for"]);
    let misp = "uuid,event_id,category,type,value,comment,to_ids,date\n1,2,Network,ip-dst,203.0.113.7,\"C2, main\",1,3\n1,2,Network,domain,no.example,,0,3\n";
    let found = Indicators::of_bytes(misp.as_bytes());
    assert_eq!((found.list.len(), found.list[0].label.as_str()), (1, "C2, main"));
}

#[test]
fn patterns_of_stix_are_taken_as_far_as_they_can_be_looked_for() {
    let of = |pattern: &str| {
        let (found, refused) = pattern::patterns(pattern);
        (found.iter().map(|it| format!("{} {}", it.kind(), it.value())).collect::<Vec<_>>(), refused.len())
    };
    for (pattern, expected) in [
        ("[ipv4-addr:value = '203.0.113.7']", vec!["ipv4 203.0.113.7"]),
        ("[ipv4-addr:value ISSUBSET '203.0.113.0/24']", vec!["ipv4 203.0.113.0/24"]),
        (
            "[domain-name:value='a.example' OR url:value = 'http://b.example/x']",
            vec!["domain a.example", "url b.example/x"],
        ),
        ("[domain-name:value IN ('a.example', 'b.example')]", vec!["domain a.example", "domain b.example"]),
        (
            "([ipv6-addr:value = '2001:db8::1'] OR [email-addr:value = 'a@b.example'])",
            vec!["ipv6 2001:db8::1", "mail a@b.example"],
        ),
        (
            "[file:hashes.'SHA-256' = 'E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855']",
            vec!["sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
        ),
        (
            "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e' AND file:name = 'x']",
            vec!["md5 d41d8cd98f00b204e9800998ecf8427e"],
        ),
        ("[file:name = 'o\\'x\\\\\\\\' AND file:parent_directory_ref.path = '/tmp']", vec!["path /tmp/o'x\\\\"]),
        ("[file:name = 'x' AND file:parent_directory_ref.path = '/']", vec!["path /x"]),
        (
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '203.0.113.7']",
            vec!["ipv4 203.0.113.7"],
        ),
        (
            "[(file:name = 'abc' OR file:name = 'def') AND file:parent_directory_ref.path = '/t']",
            vec!["path /t/abc", "path /t/def"],
        ),
        ("[user-account:account_login = 'toor']", vec!["account toor"]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(of(pattern), (expected, 0), "{pattern}");
    }
    for pattern in [
        "[ipv4-addr:value != '203.0.113.7']",
        "[url:value LIKE 'http://%']",
        "[ipv4-addr:value = '203.0.113.7'] AND [domain-name:value = 'a.example']",
        "[ipv4-addr:value = '203.0.113.7'] REPEATS 5 TIMES",
        "[file:size = 5]",
        "[file:name = 'abc' AND file:size = '5']",
        "[mutex:name = 'x']",
        "[ipv4-addr:value = '203",
        "[file:hashes.'SSDEEP' = '3:abc']",
        "[",
        "",
        &"(".repeat(1000),
        &format!("[{}", "(".repeat(1000)),
    ] {
        assert_eq!(of(pattern), (vec![], 1), "{pattern}");
    }
    // Sets that would multiply are refused, and cost nothing.
    let factor = format!("({})", vec!["file:name = 'abc'"; 100].join(" OR "));
    assert_eq!(of(&format!("[{}]", vec![factor.as_str(); 20].join(" AND "))).1, 1);
}

#[test]
fn a_bundle_of_stix_and_events_of_misp_are_read() {
    let bundle = r#"{"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "identity", "name": "x"},
        {"type": "indicator", "name": "C2", "pattern": "[ipv4-addr:value = '203.0.113.7']", "pattern_type": "stix"},
        {"type": "indicator", "name": "gone", "pattern": "[ipv4-addr:value = '203.0.113.8']", "revoked": true},
        {"type": "indicator", "name": "rule", "pattern": "rule x {}", "pattern_type": "yara"}]}"#;
    let found = Indicators::of_bytes(bundle.as_bytes());
    assert_eq!(all(bundle), ["ipv4 203.0.113.7"]);
    assert_eq!((found.list[0].label.as_str(), found.list[0].number), ("C2", 2));
    assert_eq!(refused(bundle), ["rule: a pattern of yara"]);

    let event = r#"{"Event": {"info": "Campaign", "Attribute": [
        {"type": "ip-dst|port", "value": "203.0.113.7|443", "to_ids": true, "comment": "C2"},
        {"type": "ip-src", "value": "192.0.2.1", "to_ids": false},
        {"type": "domain|ip", "value": "evil.example|203.0.113.9", "to_ids": true, "deleted": false},
        {"type": "domain", "value": "old.example", "to_ids": true, "deleted": true},
        {"type": "regkey", "value": "HKLM", "to_ids": true}],
        "Object": [{"name": "file", "Attribute": [
        {"type": "filename|md5", "value": "a.exe|d41d8cd98f00b204e9800998ecf8427e", "to_ids": "1"},
        {"type": "size-in-bytes", "value": "7", "to_ids": false}]}]}}"#;
    let expected =
        ["ipv4 203.0.113.7", "domain evil.example", "ipv4 203.0.113.9", "md5 d41d8cd98f00b204e9800998ecf8427e"];
    for form in
        [event.to_owned(), format!("[{event}]"), format!("{{\"response\": [{event}]}}"), format!("\u{feff}{event}")]
    {
        assert_eq!(all(&form), expected, "{form}");
    }
    assert_eq!(Indicators::of_bytes(event.as_bytes()).list[0].label, "Campaign: C2");
    let answer = r#"{"response": {"Attribute": [{"type": "url", "value": "http://a.example/x"}]}}"#;
    assert_eq!(all(answer), ["url a.example/x"]);
}

#[test]
fn what_cannot_be_used_is_an_error() {
    let place = tempdir();
    let path = place.path().join("list");
    let error = |holds: &str| {
        write_file(&path, holds);
        Indicators::open(&path).unwrap_err()
    };
    assert!(matches!(error(""), IndicatorError::Empty));
    assert!(matches!(error("# nothing\n!!\n"), IndicatorError::Empty));
    assert!(matches!(error("{\"a\": 1}"), IndicatorError::Json(_)));
    assert!(matches!(error("{\"objects\": ["), IndicatorError::Json(_)));
    assert!(matches!(Indicators::open(place.path()).unwrap_err(), IndicatorError::NotAFile));
    assert!(matches!(Indicators::open(&place.path().join("absent")).unwrap_err(), IndicatorError::Read(_)));
}

/// The indicators, by their lines, that are in a text.
fn hits(list: &str, text: &str) -> Vec<usize> {
    let indicators = Indicators::of_bytes(list.as_bytes());
    let mut found = Vec::new();
    Matcher::new(&indicators.list).of_text(text, &mut |number| found.push(number));
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn texts_are_searched_for_whole_words() {
    for (indicator, is_in, is_not_in) in [
        ("203.0.113.7", "Failed password for root from 203.0.113.7 port 4", "from 203.0.113.77 port 4, 1.203.0.113.7"),
        ("203.0.113.0/24", "203.0.113.200:80", "203.0.114.1"),
        ("2001:db8::1", "from 2001:0DB8:0::1 port 22", "2001:db8::11"),
        ("evil.example", "curl http://www.EVIL.example:80/x", "notevil.example evil.example.org evil-example"),
        ("evil.example", "lookup evil.example.", "devil.example"),
        ("http://evil.example/a", "wget 'https://evil.example/a?b=c'", "http://evil.example/ab"),
        ("http://evil.example/a", "sent to evil.example/a.", "http://evil.example/"),
        ("a@evil.example", "to=<A@evil.example>", "ba@evil.example"),
        (MD5, "{\"md5\":\"D41D8CD98F00B204E9800998ECF8427E\"}", "0d41d8cd98f00b204e9800998ecf8427e"),
        ("/tmp/.x/run", "sh -c '/tmp/.x/run --quiet'", "/var/tmp/.x/run /tmp/.x/running"),
        ("/tmp/.x/run", "{\"path\":\"/tmp/.x/run\"}", "http://host/tmp/.x/run"),
        ("xmrig", "./xmrig -o pool", "taxmrig xmrig"),
        (
            KEY,
            &format!("Accepted publickey for a from ::1 port 1 ssh2: RSA {KEY}"),
            "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV",
        ),
    ] {
        assert_eq!(hits(indicator, is_in), [0], "{indicator} in {is_in}");
        assert_eq!(hits(indicator, is_not_in), [0_usize; 0], "{indicator} in {is_not_in}");
    }
}

#[test]
fn long_texts_that_are_made_to_cost_are_searched_in_little_time() {
    let list = "evil.example\nhttp://evil.example/a\na@evil.example\n2001:db8::1\n/tmp/x\n203.0.113.0/24\n";
    for text in [
        "evil.example/".repeat(80_000),
        "a.".repeat(500_000),
        "x".repeat(1_000_000) + "@evil.example",
        "@evil.example".repeat(80_000),
        ":".repeat(1_000_000),
        "/".repeat(1_000_000),
    ] {
        let begun = std::time::Instant::now();
        let _ = hits(list, &text);
        assert!(begun.elapsed().as_secs() < 5, "{} {:?}", &text[..20], begun.elapsed());
    }
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), text in ".{0,100}") {
        let found = Indicators::of_bytes(&bytes);
        Matcher::new(&found.list).of_text(&text, &mut |number| assert!(number < found.list.len()));
        prop_assert!(!found.list.iter().any(|it| it.label.chars().any(kanshiki_model::is_hidden)));
    }

    #[test]
    fn any_pattern_never_panics(text in "[\\[\\]()'=, :.a-dANDORI\\\\]{0,60}") {
        let _ = pattern::patterns(&text);
        let _ = Indicators::of_bytes(format!("{{\"objects\":[{{\"type\":\"indicator\",\"pattern\":{text:?}}}]}}").as_bytes());
    }

    #[test]
    fn any_text_never_panics(text in "[a-c./:@0-9 \\[\\]é-]{0,80}") {
        let found = Indicators::of_bytes(text.as_bytes());
        for indicator in &found.list {
            let value = indicator.what.value();
            Matcher::new([indicator]).of_text(&format!("x {value} y"), &mut |_| {});
        }
    }
}
