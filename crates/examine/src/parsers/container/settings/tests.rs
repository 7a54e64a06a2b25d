use super::*;
use crate::host::Host;
use crate::testing::{Parsed, assert_has, parse};
use proptest::prelude::*;
use serde_json::json;

const ID: &str = "e7d0b7ea5ccf08366e2b0c8afa2318674e8aefe802315378125d2bb83fe3110c";

fn read(path: &str, settings: &str) -> Parsed {
    let candidate = Candidate { path: path.as_bytes(), head: settings.as_bytes(), host: &Host::unknown() };
    assert!(ContainerSettings.claims(&candidate), "{path}");
    parse(&ContainerSettings, path, "2024-03-04T12:00:00Z", settings.as_bytes())
}

/// As docker 25 writes it, in part.
const DOCKER: &str = r#"{"StreamConfig":{},"State":{"Running":false,"Paused":false,"OOMKilled":false,"Pid":0,"ExitCode":137,
"Error":"","StartedAt":"2024-03-02T10:00:01.5Z","FinishedAt":"2024-03-02T10:01:02.25Z","Health":null},"ID":"ab12",
"Created":"2024-03-02T10:00:00.123456789Z","Managed":false,"Path":"/docker-entrypoint.sh","Args":["nginx","-g","daemon off;"],
"Config":{"Hostname":"web","User":"101","Image":"nginx:1.25"},"Image":"sha256:9f","NetworkSettings":{"Networks":
{"bridge":{"IPAddress":"172.17.0.2","GlobalIPv6Address":""}},"Ports":{"443/tcp":null,"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"},
{"HostIp":"::","HostPort":"8080"}]}},"Name":"/shop","RestartCount":2,"MountPoints":{"/data":{"Source":"/srv","Destination":"/data",
"RW":false,"Name":"","Type":"bind"},"/v":{"Source":"/var/lib/docker/volumes/v1/_data","RW":true,"Name":"v1","Type":"volume"}}}"#;

#[test]
fn a_container_of_docker_is_created_started_and_finished() {
    let path = format!("/var/lib/docker/containers/{ID}/config.v2.json");
    let parsed = read(&path, DOCKER);
    let both = json!({"program": "docker", "container": "ab12", "name": "shop", "image": "nginx:1.25", "image_id": "sha256:9f",
        "command": "/docker-entrypoint.sh nginx -g daemon off;", "basis": "stated", "offset": 0, "length": DOCKER.len()});
    parsed.events.iter().for_each(|event| assert_has(event, &both));
    let expected = [
        json!({"kind": "container.created", "time": "2024-03-02T10:00:00.123456789Z", "hostname": "web", "run_as": "101",
            "mounts": "/srv:/data:ro v1:/v", "ports": "443/tcp 0.0.0.0:8080->80/tcp :::8080->80/tcp", "networks": "bridge",
            "addresses": "172.17.0.2", "restarts": 2, "message":
            "container shop: created, image nginx:1.25, command /docker-entrypoint.sh nginx -g daemon off;"}),
        json!({"kind": "container.started", "time": "2024-03-02T10:00:01.5Z", "mounts": null, "process": null}),
        json!({"kind": "container.finished", "time": "2024-03-02T10:01:02.25Z", "exit_code": 137, "seconds": 60}),
    ];
    assert_eq!((parsed.events.len(), parsed.row.records), (3, 1));
    parsed.events.iter().zip(&expected).for_each(|(event, expected)| assert_has(event, expected));
    let running = DOCKER.replace("\"Running\":false", "\"Running\":true").replace("\"Pid\":0", "\"Pid\":77");
    let running = running.replace("2024-03-02T10:01:02.25Z", "0001-01-01T00:00:00Z");
    let parsed = read(&path, &running);
    assert_eq!(parsed.all("kind"), ["container.created", "container.started"]);
    assert_eq!(parsed.all("process")[1], 77);
}

#[test]
fn what_a_container_may_do_is_told_with_the_time_of_the_file() {
    let settings = r#"{"Binds":["/:/host","/run/docker.sock:/s:ro"],"ContainerIDFile":"","LogConfig":{"Type":"local","Config":{}},
"NetworkMode":"host","PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},"RestartPolicy":{"Name":"always",
"MaximumRetryCount":0},"AutoRemove":false,"CapAdd":["SYS_ADMIN","NET_ADMIN"],"CapDrop":null,"PidMode":"host",
"Privileged":true,"SecurityOpt":["apparmor=unconfined"],"Devices":[{"PathOnHost":"/dev/sda"}],
"Mounts":[{"Type":"bind","Source":"/etc","Target":"/e","ReadOnly":true}]}"#;
    let parsed = read(&format!("/var/lib/docker/containers/{ID}/hostconfig.json"), settings);
    let expected = json!({"kind": "container.settings", "time": "2024-03-04T12:00:00Z", "basis": "neighbour", "container": ID,
        "network_mode": "host", "pid_mode": "host", "restart_policy": "always", "capabilities_added": "SYS_ADMIN NET_ADMIN",
        "capabilities_dropped": null, "security_options": "apparmor=unconfined", "devices": "/dev/sda", "privileged": true,
        "auto_remove": false, "mounts": "/:/host /run/docker.sock:/s:ro /etc:/e:ro", "ports": "8080->80/tcp"});
    assert_has(&parsed.events[0], &expected);
    assert!(parsed.issues[0].to_string().contains("driver \"local\""), "{}", parsed.issues[0]);
}

#[test]
fn a_container_of_podman_is_told_by_its_runtime_and_its_storage() {
    let settings = r#"{"ociVersion":"1.0.2-dev","process":{"user":{"uid":0,"gid":0},"args":["sh","-c","id"],
"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_ADMIN"]}},"root":{"path":"/var/lib/containers/storage/overlay/x/merged"},
"hostname":"h","mounts":[{"destination":"/proc","type":"proc","source":"proc"},{"destination":"/data","type":"bind","source":"/srv",
"options":["rbind","ro"]}],"annotations":{"io.container.manager":"libpod",
"io.kubernetes.cri-o.Created":"2024-03-02T11:00:00.5+01:00"},"linux":{"namespaces":[{"type":"pid"},{"type":"ipc","path":"/proc/7/ns/ipc"}]}}"#;
    let path = format!("/var/lib/containers/storage/overlay-containers/{ID}/userdata/config.json");
    let expected = json!({"kind": "container.created", "time": "2024-03-02T10:00:00.5Z", "basis": "stated", "program": "podman",
        "container": ID, "command": "sh -c id", "capabilities_added": "CAP_SYS_ADMIN", "mounts": "/srv:/data:ro",
        "network_mode": "host", "pid_mode": null, "ipc_mode": "/proc/7/ns/ipc", "uid": 0, "hostname": "h"});
    assert_has(&read(&path, settings).events[0], &expected);
    let without = settings.replace("cri-o.Created", "other");
    assert_has(&read(&path, &without).events[0], &json!({"time": "2024-03-04T12:00:00Z", "basis": "neighbour"}));

    let stored = r#"[{"id":"aa","names":["web"],"image":"9f","layer":"l1","metadata":"{\"image-name\":\"docker.io/library/nginx:latest\",\"name\":\"web\"}",
"created":"2024-03-02T10:00:00Z","flags":{"a":"}"}},{"id":"bb","image":"8e","layer":"l2","metadata":"no","created":"2024-03-03T10:00:00Z"},
{"id":"cc","names":["cu"#;
    let parsed = read("/var/lib/containers/storage/overlay-containers/containers.json", stored);
    assert_eq!(parsed.all("kind"), ["container.created", "container.created", "container.other"]);
    let first = json!({"container": "aa", "name": "web", "image": "docker.io/library/nginx:latest", "image_id": "9f", "layer": "l1"});
    assert_has(&parsed.events[0], &first);
    let start = stored.find("{\"id\":\"bb\"").unwrap();
    assert_has(
        &parsed.events[1],
        &json!({"offset": start, "time": "2024-03-03T10:00:00Z", "message": "container bb: created"}),
    );
    assert!(parsed.issues[0].to_string().contains("no settings of a container"), "{}", parsed.issues[0]);
}

/// Beginnings that lead into each kind.
const STARTS: [&str; 5] = [
    "",
    "{\"StreamConfig\":{},\"State\":{",
    "{\"Binds\":[],\"ContainerIDFile\":\"\",\"",
    "{\"ociVersion\":\"1\",\"",
    "[{\"id\":\"a\",\"image\":\"b\",\"layer\":\"c\",\"created\":\"d\"},",
];

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), start in 0..STARTS.len()) {
        let _ = parse(&ContainerSettings, "/x", "2024-03-01T12:00:00Z", &[STARTS[start].as_bytes(), &bytes].concat());
    }

    #[test]
    fn values_of_other_kinds_never_panic(at in 0..DOCKER.len(), other in "[0-9{}\\[\\]\",:a-z\\\\]{0,5}") {
        let mut settings = DOCKER.to_owned();
        settings.replace_range(at..at + 1, &other);
        let _ = parse(&ContainerSettings, "/x", "2024-03-01T12:00:00Z", settings.as_bytes());
    }
}

#[test]
fn arrays_within_each_other_end() {
    let deep = format!("{}{}", STARTS[3], "a\":".to_owned() + &"[".repeat(100_000));
    let parsed = parse(&ContainerSettings, "/x", "2024-03-01T12:00:00Z", deep.as_bytes());
    assert_eq!(parsed.all("kind"), ["container.other"]);
}
