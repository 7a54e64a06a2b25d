use super::*;
use crate::host::Host;
use crate::testing::{Parsed, parse};
use kanshiki_testkit::{Need, beside, need};
use proptest::prelude::*;
use serde_json::json;

const ID: &str = "e7d0b7ea5ccf08366e2b0c8afa2318674e8aefe802315378125d2bb83fe3110c";

const PLASO: &str = "shared/logs/plaso/test_data";

fn read(path: &str, log: &[u8]) -> Parsed {
    let candidate = Candidate { path: path.as_bytes(), head: log, host: &Host::unknown() };
    assert!(ContainerLog.claims(&candidate), "{path}");
    parse(&ContainerLog, path, "2024-03-01T12:00:00Z", log)
}

#[test]
fn logins_to_guacamole_have_their_account_and_the_client_before_the_proxy() {
    // The first line is of CrowdSec's hub.
    let log = br#"{"log":"2023-04-06T09:13:34,820Z [http-nio-8080-exec-5] WARN  o.a.g.r.auth.AuthenticationService - Authentication attempt from [127.0.0.1, 172.18.0.2] for user \"test\" failed.\n","stream":"stdout","time":"2023-04-06T09:13:34.82Z"}
{"log":"09:13:35.820 [x] WARN  o.a.g.r.auth.AuthenticationService - Authentication attempt from 192.0.2.7 for user \"a\" for user \"b\" failed.\r\n","stream":"stdout","time":"2023-04-06T09:13:35.82Z"}
{"log":"09:13:36.820 [x] INFO  o.a.g.r.auth.AuthenticationService - User \"anna\" successfully authenticated from 192.0.2.7.\n","stream":"stdout","time":"2023-04-06T09:13:36.82Z"}
{"log":"09:13:36.820 [x] INFO  o.a.g.t.h.RestrictedGuacamoleHTTPTunnelServlet - Authentication attempt from 192.0.2.7 for user \"a\" failed.\n","stream":"stdout","time":"2023-04-06T09:13:36.82Z"}
"#;
    let parsed = read(&format!("/var/lib/docker/containers/{ID}/{ID}-json.log"), log);
    assert_eq!(parsed.all("kind"), ["web.login-failed", "web.login-failed", "web.login", "container.log"]);
    assert_eq!(parsed.all("user"), [json!("test"), json!("a\" for user \"b"), json!("anna"), json!(null)]);
    assert_eq!(parsed.all("address"), [json!("127.0.0.1"), json!("192.0.2.7"), json!("192.0.2.7"), json!(null)]);
    assert_eq!(parsed.events[0]["forwarded_for"], "127.0.0.1, 172.18.0.2");
    assert_eq!(parsed.events[0]["container"], ID);
}

#[test]
fn records_of_the_driver_json_file_have_their_stream_and_their_text() {
    let log = br#"{"log":"a \u003cb\u003e \"c\"\r\n","stream":"stdout","time":"2024-03-02T10:00:00.123456789Z"}
{"log":"a long","stream":"stderr","attrs":{"tag":"web/1","x":"y"},"time":"2024-03-02T10:00:01Z"}
{"log":"{\"log\":\"inner\"}\n","stream":"stdout","time":"2024-03-02T10:00:02+02:00"}
{"log":"a path C:\\n","stream":"stdout","time":"2024-03-02T10:00:02+02:00"}
{"log":"cut by a cra
{"log":"no time\n","stream":"stdout"}
"#;
    let parsed = read(&format!("/var/lib/docker/containers/{ID}/{ID}-json.log.1"), log);
    let end = log.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let first = json!({"kind": "container.log", "time": "2024-03-02T10:00:00.123456789Z", "basis": "stated", "offset": 0,
        "length": end, "line": 1, "message": "a <b> \"c\"", "container": ID, "stream": "stdout"});
    assert_eq!(parsed.events[0], first);
    assert_eq!(parsed.all("tag")[1], "web/1");
    assert_eq!(parsed.all("partial"), [json!(null), json!(true), json!(null), json!(true), json!(null), json!(null)]);
    assert_eq!(parsed.all("message")[1..3], [json!("a long"), json!("{\"log\":\"inner\"}")]);
    assert_eq!(parsed.all("time")[2], "2024-03-02T08:00:02Z");
    assert_eq!(parsed.all("kind")[4..], ["container.other", "container.other"]);
    assert_eq!((parsed.row.records, parsed.row.others, parsed.issues.len()), (4, 2, 2));
}

#[test]
fn records_of_podman_and_of_pods_have_their_stream_and_their_text() {
    let log = b"2024-03-02T10:00:00.123456789+00:00 stdout F message
2024-03-02T12:00:00.5+02:00 stderr P a long
2024-03-02T10:00:01Z stderr F:x  line
2024-03-02T10:00:02Z stdout F
2024-03-02T10:00:02Z stdout X no tag
2024-03-02T10:00:02Z stdin F no stream
";
    let parsed = read(&format!("/var/lib/containers/storage/overlay-containers/{ID}/userdata/ctr.log"), log);
    assert_eq!(parsed.all("message")[..3], ["message", "a long", " line"]);
    assert_eq!(parsed.events[1]["time"], "2024-03-02T10:00:00.5Z");
    assert_eq!(parsed.all("partial")[..3], [json!(null), json!(true), json!(null)]);
    assert_eq!(parsed.all("container")[0], ID);
    assert_eq!((parsed.row.records, parsed.row.others), (4, 2));
    let parsed = read("/var/log/pods/default_web-0_1234/nginx/0.log", log);
    assert_eq!(
        (&parsed.events[0]["container"], &parsed.events[0]["pod"]),
        (&json!("nginx"), &json!("default_web-0_1234"))
    );
}

#[test]
fn a_log_of_the_driver_local_is_told_to_be_unsupported() {
    let log = b"\0\0\0\x20\x0a\x06stdout\x10\x80\x80\x80\x80";
    let parsed = read("/var/lib/docker/containers/x/local-logs/container.log", log);
    assert!(parsed.events.is_empty());
    assert!(parsed.error.unwrap().contains("driver \"local\", which is not supported"));
}

/// A log of docker with times of all lengths (plaso's test data).
#[test]
fn a_real_log_of_docker_is_read_to_its_end() {
    if !need(&[Need::Beside(PLASO)]) {
        return;
    }
    let log = beside(PLASO).unwrap().join(format!("docker/containers/{ID}/container-json.log"));
    let log = std::fs::read(log).unwrap();
    let parsed = read(&format!("/var/lib/docker/containers/{ID}/{ID}-json.log"), &log);
    let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    assert_eq!((parsed.events.len(), parsed.row.others), (lines, 0));
    assert!(parsed.all("time").iter().all(|time| time.as_str().unwrap().starts_with("2016-01-07T16:49:")));
}

/// Beginnings of lines that lead into each part of the parser.
const STARTS: [&[u8]; 6] = [
    b"",
    b"{\"log\":\"",
    b"{\"log\":\"x\\n\",\"stream\":\"stdout\",\"time\":\"2024-03-02T10:00:00.1Z\",\"",
    b"2024-03-02T10:00:00.1Z stdout ",
    b"2024-03-02T10:00:00.1Z stdout F ",
    b"\0\0\0\x20\x0a\x06stdout",
];

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), start in 0..STARTS.len()) {
        let _ = parse(&ContainerLog, "/x", "2024-03-01T12:00:00Z", &[STARTS[start], &bytes].concat());
    }
}
