use super::*;
use crate::host::Host;
use crate::testing::{assert_has, parse, parse_on};
use kanshiki_filesystem::{MemoryFileSystem, View, Volume};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

fn host(files: &[(&str, &str)]) -> Host {
    let filesystem = MemoryFileSystem::of_paths(files);
    Host::of(&View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) }))
}

fn claims(host: &Host, path: &str, head: &str) -> bool {
    WebAccess.claims(&Candidate { path: path.as_bytes(), head: head.as_bytes(), host })
}

#[test]
fn common_forms_are_known_without_settings() {
    let log = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326
127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326 "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"
www.example.com:443 2001:db8::1 - a b [x [10/Oct/2000:13:55:36 -0700] "GET /a b?c HTTP/1.1" 304 - "-" "say \"hi\" \\"
www.example.com 192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "\x16\x03\x01\"" 400 0 "-" "-"
192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "POST /x HTTP/2.0" 200 1 "-" "curl" "198.51.100.1, 192.0.2.9"
192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /y" 200 1 "-" "curl" 0.003 more
what is this
"#;
    let parsed = parse(&WebAccess, "/x", "2024-03-01T00:00:00Z", log.as_bytes());
    assert!(claims(&Host::unknown(), "/x", log));
    let expected = [
        json!({"time": "2000-10-10T20:55:36Z", "basis": "stated", "kind": "web.request", "address": "127.0.0.1",
            "user": "frank", "message": "GET /apache_pb.gif HTTP/1.0", "method": "GET", "path": "/apache_pb.gif",
            "protocol": "HTTP/1.0", "status": 200, "bytes": 2326, "referrer": null, "line": 1}),
        json!({"referrer": "http://www.example.com/start.html", "user_agent": "Mozilla/4.08 [en] (Win98; I ;Nav)"}),
        json!({"vhost": "www.example.com", "port": 443, "address": "2001:db8::1", "user": "a b [x", "path": "/a b?c",
            "bytes": null, "status": 304, "user_agent": r#"say \\"hi\\" \\\\"#}),
        json!({"vhost": "www.example.com", "address": "192.0.2.7", "user": null, "message": r#"\\x16\\x03\\x01\\""#,
            "method": null, "status": 400}),
        json!({"forwarded_for": "198.51.100.1, 192.0.2.9", "address": "192.0.2.7", "protocol": "HTTP/2.0"}),
        json!({"method": "GET", "path": "/y", "protocol": null, "user_agent": "curl"}),
        json!({"kind": "web.other", "message": "what is this"}),
    ];
    parsed.assert_events(&expected);
    assert_eq!((parsed.row.records, parsed.row.others, parsed.row.times), (6, 1, None));
}

const APACHE: &[(&str, &str)] = &[
    (
        "/etc/apache2/apache2.conf",
        "LogFormat \"%v:%p %h %l %u %t \\\"%r\\\" %>s %O \\\"%{Referer}i\\\" \\\"%{User-Agent}i\\\"\" vhost_combined\n\
        IncludeOptional sites-enabled/*.conf # all\nInclude mods/\n",
    ),
    ("/etc/apache2/envvars", "export APACHE_LOG_DIR=/srv/log$SUFFIX\n"),
    (
        "/etc/apache2/sites-enabled/shop.conf",
        "<VirtualHost *:80>\n CustomLog ${APACHE_LOG_DIR}/shop.log own env=!x\n\
        CustomLog \"|/usr/bin/rotatelogs -l /srv/log/rotated.%Y%m%d 86400\" \\\n \"%{%Y-%m-%d %H:%M:%S}t.%{msec_frac}t %{%z}t|%a|%>s|%m|%U|%q|%H|%D|%I|%O\"\n\
        LogFormat \"%h %U\" weak\nCustomLog /srv/log/weak weak\n",
    ),
    (
        "/etc/apache2/mods/log.conf",
        "LogFormat \"%{X-Forwarded-For}i %u %{usec}t %{ms}T \\\"%r\\\" %s %{Host}i %P\" own\n",
    ),
];

#[test]
fn forms_of_apache_are_those_of_its_settings() {
    let host = host(APACHE);
    let own = "203.0.113.5, 192.0.2.1 anna 1709251198000042 17 \"GET / HTTP/1.1\" 200 shop.example 4711\n";
    let rotated = "2024-03-01 00:59:58.250 +0100|192.0.2.7|404|POST|/a b|?c=d|HTTP/1.1|1234|500|700\n";
    let event = |path: &str, line: &str| {
        assert!(claims(&host, path, line), "{path}");
        parse_on(&host, &WebAccess, path, "2024-03-01T00:00:00Z", line.as_bytes()).events.remove(0)
    };
    assert_has(
        &event("/srv/log/shop.log.1", own),
        &json!({"time": "2024-02-29T23:59:58.000042Z", "address": "203.0.113.5", "user": "anna", "pid": 4711,
            "microseconds": 17000, "vhost": "shop.example", "forwarded_for": "203.0.113.5, 192.0.2.1"}),
    );
    assert_has(
        &event("/srv/log/rotated.20240301", rotated),
        &json!({"time": "2024-02-29T23:59:58.25Z", "basis": "stated", "message": "POST /a b?c=d HTTP/1.1", "status": 404,
            "query": "?c=d", "microseconds": 1234, "received": 500, "bytes": 700}),
    );
    // By its content where the settings do not name the file, but not by a form that says little.
    assert_has(&event("/home/x", rotated), &json!({"method": "POST"}));
    assert_has(
        &event("/srv/log/weak.2.gz", "192.0.2.7 /a\n"),
        &json!({"path": "/a", "time": null, "basis": "neighbour"}),
    );
    assert!(!claims(&host, "/srv/log/other", "192.0.2.7 /a\n"));
    let vhost = "a:80 192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 5 \"-\" \"-\"\n";
    assert_has(&event("/y", vhost), &json!({"vhost": "a", "bytes": 5}));
}

#[test]
fn a_path_with_its_query_right_behind_it_is_read_whatever_follows() {
    let settings = "LogFormat \"%t %a %u \\\"%m %U%q %H\\\" %>s %b\" uq\nCustomLog /srv/m uq\n\
        CustomLog /srv/first \"%{%Y-%m-%d %H:%M:%S}t %a %u %m %U%q %>s %b\"\n\
        CustomLog /srv/bars \"%{%Y-%m-%d %H:%M:%S}t|%a|%u|%m|%U%q|%>s|%b\"\nCustomLog /srv/odd \"%t %a %v%u %m %>s\"\n";
    let nginx =
        "log_format n '$remote_addr [$time_local] $request_method $uri$is_args$args $status'; access_log /srv/n n;";
    let host = host(&[("/etc/apache2/apache2.conf", settings), ("/etc/nginx/nginx.conf", nginx)]);
    let one = |path: &str, line: &str| {
        let named: Vec<&str> = crate::parsers::PARSERS
            .iter()
            .filter(|parser| parser.claims(&Candidate { path: path.as_bytes(), head: line.as_bytes(), host: &host }))
            .map(|parser| parser.id())
            .collect();
        assert_eq!(named.first(), Some(&"web-access"), "{path} {named:?}");
        parse_on(&host, &WebAccess, path, "2026-12-01T00:00:00Z", line.as_bytes()).events.remove(0)
    };
    // As Apache 2.4 writes it: the path decoded.
    let line = "[28/Nov/2026:19:39:11 +0000] 127.0.0.1 - \"GET /a b?x=1&y= HTTP/1.1\" 404 236\n";
    assert_has(
        &one("/srv/m", line),
        &json!({"time": "2026-11-28T19:39:11Z", "address": "127.0.0.1", "method": "GET", "path": "/a b", "query": "?x=1&y=",
            "protocol": "HTTP/1.1", "status": 404, "bytes": 236}),
    );
    assert_has(
        &one("/srv/m", "[28/Nov/2026:19:39:11 +0000] 127.0.0.1 - \"GET / HTTP/1.1\" 404 236\n"),
        &json!({"path": "/", "query": null, "message": "GET / HTTP/1.1"}),
    );
    let expected = json!({"address": "192.0.2.1", "path": "/x", "query": "?q", "status": 200, "bytes": 5});
    assert_has(&one("/srv/first", "2026-11-28 19:39:11 192.0.2.1 - GET /x?q 200 5\n"), &expected);
    assert_has(&one("/srv/bars", "2026-11-28 19:39:11|192.0.2.1|-|GET|/x?q|200|5\n"), &expected);
    assert_has(
        &one("/srv/n", "192.0.2.1 [28/Nov/2026:19:39:11 +0000] GET /x?q 200\n"),
        &json!({"path": "/x", "query": "?q", "status": 200}),
    );
    // Where a host ends and an account begins is not told.
    assert_has(
        &one("/srv/odd", "[28/Nov/2026:19:39:11 +0000] 192.0.2.1 shop.exampleanna GET 200\n"),
        &json!({"vhost": null, "user": null, "method": "GET"}),
    );
}

#[test]
fn forms_of_nginx_are_those_of_its_settings() {
    let settings = r#"http { log_format j escape=json '{ "t": "$time_iso8601", "who": "$remote_addr",'
            '"what": "$request_method $request_uri", "s": $status, "ua":"$http_user_agent", "took":$request_time }';
        log_format main '$remote_addr - $remote_user [$time_local] $msec "$request" '
            '$status ${body_bytes_sent}b "$http_referer" "$http_user_agent"';
        include conf.d/*.conf; access_log off; }"#;
    let host = host(&[
        ("/etc/nginx/nginx.conf", settings),
        ("/etc/nginx/conf.d/a.conf", "server { access_log /srv/$host.access j; access_log /srv/main.log main; }"),
    ]);
    let json_line = r#"{ "t": "2024-02-29T23:59:58+00:00", "who": "192.0.2.7","what": "GET /a\"b", "s": 200, "ua":"x\\", "took":0.012 }"#;
    let main = r#"192.0.2.7 - - [29/Feb/2024:23:59:58 +0000] 1709251198.123 "GET /\x22 HTTP/1.1" 200 12b "-" "curl""#;
    let one = |path: &str, line: &str| {
        assert!(claims(&host, path, line), "{path}");
        parse_on(&host, &WebAccess, path, "2024-03-01T00:00:00Z", line.as_bytes()).events.remove(0)
    };
    assert_has(
        &one("/srv/www.example.access", json_line),
        &json!({"time": "2024-02-29T23:59:58Z", "address": "192.0.2.7", "method": "GET", "path": r#"/a\\"b"#,
            "status": 200, "user_agent": r"x\\\\", "microseconds": 12000}),
    );
    assert_has(
        &one("/srv/main.log", main),
        &json!({"time": "2024-02-29T23:59:58.123Z", "bytes": 12, "path": r"/\\x22"}),
    );
}

#[test]
fn relative_logs_lie_below_the_prefix_of_nginx_and_the_root_of_apache() {
    let sites =
        "http { include conf.d/*.conf; error_log logs/trouble warn; access_log off; error_log syslog:server=x; }";
    let host = host(&[
        ("/etc/nginx/nginx.conf", sites),
        ("/etc/nginx/conf.d/a.conf", "server { access_log hits/$host; }"),
        (
            "/etc/httpd/conf/httpd.conf",
            "ServerRoot /srv/httpd\nErrorLog \"|/bin/rotatelogs /srv/wrong.%Y 86400\"\nSecAuditLog audit\n",
        ),
    ]);
    let places: Vec<&[u8]> = host.web.places().collect();
    for path in [
        "/usr/share/nginx/hits/*",
        "/etc/nginx/hits/*",
        "/usr/share/nginx/logs/trouble",
        "/srv/wrong.*",
        "/srv/httpd/audit",
    ] {
        assert!(places.contains(&path.as_bytes()), "{path}");
    }
    assert!(!places.iter().any(|path| path.ends_with(b"off") || path.starts_with(b"/usr/share/nginx/syslog")));
}

#[test]
fn objects_of_json_are_known_by_their_names() {
    let log = r#"{"time_iso8601":"2024-02-29T23:59:58+00:00","remote_addr":"192.0.2.7","remote_user":"","request":"GET / HTTP/1.1","status":"200","body_bytes_sent":"612","request_time":"0.004","http_user_agent":"curl"}
{"level":"info","ts":1646861401.5241024,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"127.0.0.1","remote_port":"41342","client_ip":"127.0.0.1","proto":"HTTP/2.0","method":"GET","host":"localhost","uri":"/x?y","headers":{"User-Agent":["curl/7.82.0"],"Accept":["*/*"]}},"bytes_read":0,"user_id":"","duration":0.000929675,"size":10900,"status":200}
{"ClientHost":"192.0.2.7","ClientUsername":"-","DownstreamContentSize":5,"DownstreamStatus":404,"Duration":1500000,"RequestHost":"a.example","RequestMethod":"GET","RequestPath":"/z","RequestProtocol":"HTTP/1.1","StartUTC":"2024-02-29T23:59:58.5Z","request_User-Agent":"x"}
{"status":200}
"#;
    assert!(claims(&Host::unknown(), "/x", log));
    let parsed = parse(&WebAccess, "/x", "2024-03-01T00:00:00Z", log.as_bytes());
    let expected = [
        json!({"time": "2024-02-29T23:59:58Z", "user": null, "status": 200, "bytes": 612, "microseconds": 4000,
            "path": "/", "user_agent": "curl"}),
        json!({"time": "2022-03-09T21:30:01.5241024Z", "address": "127.0.0.1", "message": "GET /x?y HTTP/2.0",
            "vhost": "localhost", "user_agent": "curl/7.82.0", "microseconds": 929, "bytes": 10900}),
        json!({"time": "2024-02-29T23:59:58.5Z", "microseconds": 1500, "status": 404, "path": "/z", "bytes": 5,
            "vhost": "a.example", "user_agent": "x"}),
        json!({"kind": "web.other"}),
    ];
    parsed.assert_events(&expected);
}

#[test]
fn errors_tell_client_and_account() {
    let log = r#"[Sat Mar 02 10:00:00.123456 2024] [core:error] [pid 1:tid 2] [client 192.0.2.7:1234] AH00124: Request exceeded the limit, referer: http://a/
[Sat Mar  2 10:00:00 2024] [error] [client 2001:db8::1] user anna not found: /secret
[Sat Mar 02 10:00:00.1 2024] [auth_basic:error] [pid 7] [client 2001:db8::1:55] AH01617: user a: b: authentication failure for "/": Password Mismatch
[Sat Mar 02 10:00:00.1 2024] [auth_digest:error] [pid 7:tid 8] [client 192.0.2.7:1] AH01790: user `anna' in realm `my place' not found: /
[Sat Mar 02 10:00:00.1 2024] [core:crit] [pid 7] (13)Permission denied: [client 192.0.2.7:1] AH00529: /a/.htaccess pcfg_openfile
sh: 1: wget: not found
2024/03/02 10:00:00 [error] 7#8: *1 open() "/x" failed (2: No such file or directory), client: 192.0.2.7, server: a.example, request: "GET /x, host: y HTTP/1.1", host: "b.example", referrer: "http://c/"
2024/03/02 10:00:00 [error] 7#8: *1 user "foo": password mismatch, client: 192.0.2.7, server: _, request: "GET / HTTP/1.1", host: "localhost"
2022/04/02 13:39:51 [info] 8#8: *6631 client login failed: "AUTH not supported" while in http auth state, client: 192.0.2.7, server: 0.0.0.0:25, login: "a@example.com"
2022/04/02 13:39:52 [info] 8#8: *6632 client logged in, client: 192.0.2.7, server: 0.0.0.0:25, login: "b@example.com"
2024/03/02 10:00:00 [notice] 1#1: using the "epoll" event method
"#;
    let parsed = parse(&WebErrors, "/x", "2024-03-01T00:00:00Z", log.as_bytes());
    let host = Host::unknown();
    assert!(WebErrors.claims(&Candidate { path: b"/x", head: log.as_bytes(), host: &host }));
    let expected = [
        json!({"kind": "web.error", "time": "2024-03-02T10:00:00.123456Z", "basis": "zone-inferred", "program": "apache",
            "pid": 1, "address": "192.0.2.7", "port": 1234, "level": "error", "module": "core", "code": "AH00124",
            "referrer": "http://a/"}),
        json!({"kind": "web.login-failed", "address": "2001:db8::1", "user": "anna", "reason": "no such user", "port": null}),
        json!({"kind": "web.login-failed", "address": "2001:db8::1", "port": 55, "user": "a: b", "reason": "wrong password"}),
        json!({"kind": "web.login-failed", "user": "anna", "realm": "my place"}),
        json!({"kind": "web.error", "address": "192.0.2.7", "code": "AH00529", "level": "crit"}),
        json!({"kind": "web.error-output", "time": "2024-03-02T10:00:00.1Z", "basis": "neighbour",
            "message": "sh: 1: wget: not found"}),
        json!({"kind": "web.error", "program": "nginx", "address": "192.0.2.7", "server": "a.example", "vhost": "b.example",
            "referrer": "http://c/"}),
        json!({"kind": "web.login-failed", "user": "foo", "reason": "wrong password", "request": "GET / HTTP/1.1"}),
        json!({"kind": "mail.login-failed", "user": "a@example.com", "address": "192.0.2.7"}),
        json!({"kind": "mail.login", "user": "b@example.com", "address": "192.0.2.7"}),
        json!({"kind": "web.error", "level": "notice", "address": null}),
    ];
    parsed.assert_events(&expected);
}

#[test]
fn errors_among_requests_are_errors() {
    // The first two lines are of CrowdSec's hub.
    let log = "[Fri Oct 08 17:08:41.203277 2021] [core:error] [pid 7005:tid 140667133085440] [client 88.168.206.87:14532] AH00126: Invalid URI in request GET /cgi-bin/.%2E/etc/passwd HTTP/1.1 
172.17.0.1 - - [11/Oct/2021:06:40:52 +0000] \"POST /cgi-bin/.%2e/bin/sh HTTP/1.1\" 200 7
192.0.2.7 - - [11/Oct/2021:06:40:53 +0000] \"GET / HTTP/1.1\" 200 7
sh: 1: wget: not found
";
    let parsed = parse(&WebAccess, "/var/log/apache2/access.log", "2021-11-01T00:00:00Z", log.as_bytes());
    assert_eq!(parsed.all("kind"), ["web.error", "web.request", "web.request", "web.other"]);
    assert_eq!((&parsed.events[0]["address"], &parsed.events[0]["code"]), (&json!("88.168.206.87"), &json!("AH00126")));
}

/// Beginnings of lines that lead into each part of the parsers.
const STARTS: [&[u8]; 10] = [
    b"",
    b"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET /",
    b"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 5 \"",
    b"a:80 192.0.2.7 - - [",
    b"{\"time_iso8601\":\"2024-02-29T23:59:58+00:00\",\"request\":\"GET /\",\"status\":200,\"",
    b"[Sat Mar 02 10:00:00.123456 2024] [",
    b"[Sat Mar 02 10:00:00.123456 2024] [core:error] [pid 1] (2)x: [client ",
    b"[Sat Mar 02 10:00:00 2024] [error] [client 1.2.3.4] user ",
    b"2024/03/02 10:00:00 [error] 7#8: *1 user \"",
    b"2024/03/02 10:00:00 [error] 7#8: *1 a, client: ",
];

#[test]
fn what_a_client_sends_is_not_taken_for_its_address() {
    let log = br#"2024/03/02 10:00:00 [error] 7#8: *1 open() "/missing" failed (2: No such file or directory), client: 192.0.2.7, server: a, request: "GET /missing HTTP/1.1", host: "a", referrer: "x, client: 198.51.100.6, server: y"
2024/03/02 10:00:00 [error] 7#8: *1 open() "/m, client: 198.51.100.6, server: y" failed (2: No such file or directory), client: 192.0.2.7, server: a, request: "GET /m HTTP/1.1", host: "a"
2024/03/02 10:00:00 [error] 7#8: *1 a, client: 192.0.2.7, server: a, request: "GET / HTTP/1.1", host: "a"
"#;
    let parsed = parse(&WebErrors, "/var/log/nginx/error.log", "2024-03-03T12:00:00Z", log);
    assert_eq!(parsed.all("address"), ["192.0.2.7"; 3]);
    assert_eq!(parsed.all("ambiguous"), [json!(true), json!(true), json!(null)]);
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0..STARTS.len()) {
        let log = [STARTS[start], &bytes].concat();
        let _ = parse(&WebAccess, "/x", "2024-03-01T12:00:00Z", &log);
        let _ = parse(&WebErrors, "/x", "2024-03-01T12:00:00Z", &log);
    }

    #[test]
    fn any_settings_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let own = host(&[("/etc/apache2/apache2.conf", &format!("LogFormat \"{text}")), ("/etc/nginx/nginx.conf", &text)]);
        let _ = parse_on(&own, &WebAccess, "/x", "2024-03-01T12:00:00Z", &bytes);
        let _ = apache::compile(&bytes).take(&bytes);
        let _ = nginx::compile(&bytes).take(&bytes);
    }
}
