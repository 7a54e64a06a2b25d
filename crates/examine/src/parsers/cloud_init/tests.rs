use super::*;
use crate::host::Host;
use crate::testing::{Parsed, parse};
use proptest::prelude::*;
use serde_json::json;

fn read(path: &str, log: &str) -> Parsed {
    let candidate = Candidate { path: path.as_bytes(), head: log.as_bytes(), host: &Host::unknown() };
    assert!(CloudInit.claims(&candidate), "{path}");
    parse(&CloudInit, path, "2024-03-04T12:00:00Z", log.as_bytes())
}

#[test]
fn the_log_tells_stages_commands_files_and_accounts() {
    let log = "2024-03-02 10:00:00,123 - util.py[DEBUG]: Cloud-init v. 23.4.4-0ubuntu0~22.04.1 running 'init-local' at Sat, 02 Mar 2024 10:00:00 +0000. Up 5.12 seconds.
2024-03-02 10:00:01,000 - subp.py[DEBUG]: Running command ['useradd', 'anna', '-m'] with allowed return codes [0] (shell=False, capture=True)
2024-03-02 10:00:02,000 - util.py[DEBUG]: Writing to /var/lib/cloud/instances/i-1/scripts/part-001 - wb: [700] 1234 bytes
2024-03-02 10:00:03,000 - __init__.py[INFO]: Adding user anna
2024-03-02 10:00:04,000 - util.py[WARNING]: Failed running /var/lib/cloud/instance/scripts/part-001 [1]
Traceback (most recent call last):
2024-03-02 10:00:04,000 - not a record
";
    let parsed = read("/var/log/cloud-init.log", log);
    parsed.assert_events(&[
        json!({"kind": "cloud-init.stage-started", "time": "2024-03-02T10:00:00.123Z", "basis": "zone-inferred",
                "module": "util.py", "level": "DEBUG", "stage": "init-local", "version": "23.4.4-0ubuntu0~22.04.1"}),
        json!({"kind": "cloud-init.command", "command": "['useradd', 'anna', '-m']"}),
        json!({"kind": "cloud-init.write", "path": "/var/lib/cloud/instances/i-1/scripts/part-001", "bytes": 1234}),
        json!({"kind": "cloud-init.user-added", "user": "anna"}),
        json!({"kind": "cloud-init", "level": "WARNING", "line": 5,
                "message": "Failed running /var/lib/cloud/instance/scripts/part-001 [1]"}),
        json!({"kind": "cloud-init.output", "time": "2024-03-02T10:00:04Z", "basis": "neighbour"}),
        json!({"kind": "cloud-init.output", "message": "2024-03-02 10:00:04,000 - not a record"}),
    ]);
    assert_eq!(parsed.row.records, 5);
}

#[test]
fn the_output_has_the_time_of_the_stage_before() {
    let log = "Get:1 http://archive.ubuntu.com/ubuntu jammy InRelease
Cloud-init v. 23.4 running 'modules:final' at Sat, 02 Mar 2024 10:00:00 +0100. Up 5.12 seconds.
curl: (7) Failed to connect
Cloud-init v. 23.4 finished at Sat, 02 Mar 2024 10:00:30 +0100. Datasource DataSourceNoCloud [seed=/dev/sr0][dsmode=net].  Up 35.10 seconds
";
    let parsed = read("/var/log/cloud-init-output.log", log);
    parsed.assert_events(&[
            json!({"kind": "cloud-init.output", "time": null, "basis": "neighbour"}),
            json!({"kind": "cloud-init.stage-started", "time": "2024-03-02T09:00:00Z", "basis": "stated", "stage": "modules:final"}),
            json!({"kind": "cloud-init.output", "time": "2024-03-02T09:00:00Z", "message": "curl: (7) Failed to connect"}),
            json!({"kind": "cloud-init.finished", "time": "2024-03-02T09:00:30Z", "version": "23.4",
                "datasource": "DataSourceNoCloud [seed=/dev/sr0][dsmode=net]"}),
        ],
    );
}

#[test]
fn results_tell_stages_and_errors() {
    let status = r#"{"v1": {"datasource": "DataSourceNone", "init": {"errors": ["a", "b"], "finished": 1709373601.5, "start": 1709373600.25},
        "modules-final": {"errors": [], "finished": null, "start": 1709373602}, "stage": "modules-final"}}"#;
    read("/var/lib/cloud/data/status.json", status).assert_events(&[
        json!({"kind": "cloud-init.stage-started", "time": "2024-03-02T10:00:00.25Z", "stage": "init", "errors": null}),
        json!({"kind": "cloud-init.stage-finished", "time": "2024-03-02T10:00:01.5Z", "errors": "a; b"}),
        json!({"kind": "cloud-init.stage-started", "time": "2024-03-02T10:00:02Z", "datasource": "DataSourceNone"}),
    ]);
    let result = r#"{"v1": {"datasource": "DataSourceNone", "errors": ["no network"]}}"#;
    let expected = json!({"kind": "cloud-init.result", "time": "2024-03-04T12:00:00Z", "basis": "neighbour",
        "errors": "no network", "datasource": "DataSourceNone"});
    read("/var/lib/cloud/data/result.json", result).assert_events(&[expected]);
    let cut = read("/var/lib/cloud/data/result.json", &result[..40]);
    assert_eq!((cut.all("kind"), cut.issues.len()), (vec![json!("cloud-init.other")], 1));
}

#[test]
fn a_script_is_one_event_with_its_text() {
    let script = "#!/bin/sh\ncurl http://192.0.2.7/x | sh\n";
    for path in ["scripts/part-001", "user-data.txt", "vendor-data2.txt.i", "cloud-config.txt"] {
        let parsed = read(&format!("/var/lib/cloud/instances/i-1/{path}"), script);
        let expected = json!({"kind": "cloud-init.script", "time": "2024-03-04T12:00:00Z", "basis": "neighbour",
            "form": "#!/bin/sh", "bytes": script.len(), "length": script.len(), "message": script.replace('\n', "\\u{a}")});
        parsed.assert_events(&[expected]);
    }
    assert!(is_script(b"/var/lib/cloud/scripts/per-boot/a.sh"));
    for path in ["/var/lib/cloud/instances/i-1/obj.pkl", "/home/anna/scripts/x", "/var/lib/cloud/data/instance-id"] {
        assert!(!is_script(path.as_bytes()), "{path}");
    }
}

/// Paths, and beginnings that lead into each part of the parser.
const STARTS: [(&str, &str); 8] = [
    ("/x", ""),
    ("/x", "2024-03-02 10:00:00,123 - util.py[DEBUG]: "),
    ("/x", "2024-03-02 10:00:00,123 - util.py[DEBUG]: Writing to /x - "),
    ("/x", "Cloud-init v. 23.4 running 'init' at "),
    ("/x", "Cloud-init v. 23.4 finished at Sat, 02 Mar 2024 10:00:30 +0100. Datasource "),
    ("/x", "{\"v1\": {\"datasource\": \"a\", \"errors\": "),
    ("/x", "{\"v1\": {\"datasource\": \"a\", \"stage\": null, \"init\": {\"start\": "),
    ("/var/lib/cloud/instances/i-1/user-data.txt", "#"),
];

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), start in 0..STARTS.len()) {
        let (path, start) = STARTS[start];
        let _ = parse(&CloudInit, path, "2024-03-01T12:00:00Z", &[start.as_bytes(), &bytes].concat());
    }
}
