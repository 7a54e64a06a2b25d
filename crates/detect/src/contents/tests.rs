//! Files with something in them, joined with packages and requests.

use super::find;
use crate::testing::{Told, found_in, titles, view};
use kanshiki_model::{Evidence, Value};

const SHELL: &str = "<?php\n@eval($_POST['x']);\n";

#[test]
fn a_web_shell_is_told_with_the_requests_that_used_it() {
    let request = |path: &'static str| Told {
        path: "/var/log/nginx/access.log",
        kind: "web.request",
        time: 1_700_000_000,
        address: "192.0.2.9".to_owned(),
        message: format!("POST {path} HTTP/1.1"),
        fields: vec![("path", Value::Text(path.as_bytes())), ("status", Value::Number(200))],
        ..Told::default()
    };
    let files = view(&[("/var/www/html/up/x.php", SHELL), ("/var/www/html/index.php", "<?php\necho 'hello';\n")]);
    let found = found_in(&files, &[request("/up/x.php"), request("/index.php")], find);
    let told: Vec<_> = found.findings.iter().filter(|it| it.rule.id == "content.web-shell").collect();
    assert_eq!(told.len(), 1, "{:?}", titles(&found));
    assert!(told[0].title.ends_with("/var/www/html/up/x.php"), "{}", told[0].title);
    let events = told[0].evidence.iter().filter(|it| matches!(it, Evidence::Event { .. })).count();
    assert_eq!(events, 1);
    assert!(told[0].indicators.iter().any(|it| it.kind == "ipv4" && it.value == "192.0.2.9"));
    assert!(told[0].indicators.iter().any(|it| it.kind == "sha256"));
    assert_eq!(found.inventory.len(), 1);
}

#[test]
fn what_a_package_brought_unchanged_is_not_read() {
    let status = "Package: wp\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n";
    let files = view(&[
        ("/var/lib/dpkg/status", status),
        ("/var/lib/dpkg/info/wp.list", "/.\n/var\n/var/www\n/var/www/html\n/var/www/html/x.php\n"),
        ("/var/www/html/x.php", SHELL),
    ]);
    assert_eq!(titles(&found_in(&files, &[], find)), [""; 0]);
}
