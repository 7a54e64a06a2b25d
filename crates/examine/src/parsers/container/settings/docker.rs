//! The settings of a container of docker.

use super::facts::{Facts, list, or_of_file, text, time, words};
use crate::output::Output;
use crate::parser::Context;
use crate::parsers::container::of_path;
use kanshiki_model::{Span, TimeBasis};
use serde_json::Value;

/// `config.v2.json`: what it is, and what became of it.
pub(super) fn tell(value: &Value, span: Span, context: &Context<'_>, output: &mut Output<'_>) {
    let mut facts = Facts {
        engine: "docker",
        container: text(value, "/ID").as_bytes(),
        name: text(value, "/Name").trim_start_matches('/'),
        image: text(value, "/Config/Image"),
        image_id: text(value, "/Image"),
        command: [text(value, "/Path"), &words(value, "/Args")].join(" ").trim_end().to_owned(),
        ..Facts::default()
    };
    facts.text("hostname", text(value, "/Config/Hostname"));
    facts.text("run_as", text(value, "/Config/User"));
    facts.text("mounts", mounts(value));
    facts.text("ports", ports(value.pointer("/NetworkSettings/Ports")));
    let (networks, addresses) = networks(value);
    facts.text("networks", networks);
    facts.text("addresses", addresses);
    let number = |path: &str| value.pointer(path).and_then(Value::as_i64);
    let created = or_of_file(time(text(value, "/Created")), context);
    let restarts = [("restarts", number("/RestartCount"))];
    facts.tell("container.created", created, &restarts, span, &mut |event| output.event(event));
    let (began, ended) = (time(text(value, "/State/StartedAt")), time(text(value, "/State/FinishedAt")));
    let is_running = value.pointer("/State/Running").and_then(Value::as_bool) == Some(true);
    if began.is_some() {
        let process = [("process", number("/State/Pid").filter(|_| is_running))];
        facts.tell("container.started", (began, TimeBasis::Stated), &process, span, &mut |event| output.also(event));
    }
    if ended.is_some() {
        // While it runs, or runs again, the end is that of the run before, of which nothing else is kept.
        let began = began.filter(|_| !is_running);
        let length =
            began.zip(ended).map(|(began, ended)| ended.as_nanoseconds().saturating_sub(began.as_nanoseconds()));
        let seconds = length.filter(|length| *length >= 0).map(|length| length.div_euclid(1_000_000_000));
        let numbers = [("exit_code", number("/State/ExitCode").filter(|_| !is_running)), ("seconds", seconds)];
        facts.tell("container.finished", (ended, TimeBasis::Stated), &numbers, span, &mut |event| output.also(event));
    }
}

/// `hostconfig.json`: what it may do on the machine.
pub(super) fn tell_host(value: &Value, span: Span, context: &Context<'_>, output: &mut Output<'_>) {
    let driver = text(value, "/LogConfig/Type");
    if !matches!(driver, "" | "json-file" | "none" | "journald" | "syslog") {
        output.issue(span, &format!("the container logs by the driver {driver:?}, whose logs are not read"));
    }
    let mut facts = Facts { engine: "docker", container: of_path(context.path).0, ..Facts::default() };
    for (name, path) in [
        ("network_mode", "/NetworkMode"),
        ("pid_mode", "/PidMode"),
        ("ipc_mode", "/IpcMode"),
        ("user_namespace", "/UsernsMode"),
        ("restart_policy", "/RestartPolicy/Name"),
        ("log_driver", "/LogConfig/Type"),
        ("cgroup_parent", "/CgroupParent"),
    ] {
        facts.text(name, text(value, path));
    }
    for (name, path) in [
        ("capabilities_added", "/CapAdd"),
        ("capabilities_dropped", "/CapDrop"),
        ("security_options", "/SecurityOpt"),
        ("volumes_from", "/VolumesFrom"),
        ("extra_hosts", "/ExtraHosts"),
    ] {
        facts.text(name, words(value, path));
    }
    facts.text("mounts", host_mounts(value));
    facts.text("ports", ports(value.pointer("/PortBindings")));
    let devices = list(value, "/Devices").iter().map(|device| text(device, "/PathOnHost"));
    facts.text("devices", devices.collect::<Vec<_>>().join(" "));
    for (name, path) in
        [("privileged", "/Privileged"), ("auto_remove", "/AutoRemove"), ("read_only", "/ReadonlyRootfs")]
    {
        if let Some(flag) = value.pointer(path).and_then(Value::as_bool) {
            facts.flags.push((name, flag));
        }
    }
    facts.tell("container.settings", or_of_file(None, context), &[], span, &mut |event| output.event(event));
}

/// `/srv:/data:ro` for each, as docker's option has it.
fn mounts(value: &Value) -> String {
    let points = value.pointer("/MountPoints").and_then(Value::as_object);
    let points = points.into_iter().flatten().map(|(destination, point)| {
        let name = text(point, "/Name");
        let source = if name.is_empty() { text(point, "/Source") } else { name };
        let access = if point.pointer("/RW").and_then(Value::as_bool) == Some(false) { ":ro" } else { "" };
        format!("{source}:{destination}{access}")
    });
    points.collect::<Vec<_>>().join(" ")
}

/// Those of `-v` and those of `--mount`.
fn host_mounts(value: &Value) -> String {
    let asked = list(value, "/Mounts").iter().map(|mount| {
        let access = if mount.pointer("/ReadOnly").and_then(Value::as_bool) == Some(true) { ":ro" } else { "" };
        format!("{}:{}{access}", text(mount, "/Source"), text(mount, "/Target"))
    });
    let binds = list(value, "/Binds").iter().filter_map(Value::as_str).map(str::to_owned);
    binds.chain(asked).collect::<Vec<_>>().join(" ")
}

/// `0.0.0.0:8080->80/tcp` for each, as docker lists them; a port that is not bound stands alone.
fn ports(ports: Option<&Value>) -> String {
    let mut all = Vec::new();
    for (port, bound) in ports.and_then(Value::as_object).into_iter().flatten() {
        let bound = bound.as_array().map(Vec::as_slice).unwrap_or_default();
        if bound.is_empty() {
            all.push(port.clone());
        }
        all.extend(bound.iter().map(|at| match (text(at, "/HostIp"), text(at, "/HostPort")) {
            ("", outside) => format!("{outside}->{port}"),
            (address, outside) => format!("{address}:{outside}->{port}"),
        }));
    }
    all.join(" ")
}

/// The names of the networks, and the addresses in them.
fn networks(value: &Value) -> (String, String) {
    let networks = value.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
    let (mut names, mut addresses) = (Vec::new(), Vec::new());
    for (name, network) in networks.into_iter().flatten() {
        names.push(name.as_str());
        let both = [text(network, "/IPAddress"), text(network, "/GlobalIPv6Address")];
        addresses.extend(both.into_iter().filter(|address| !address.is_empty()));
    }
    (names.join(" "), addresses.join(" "))
}
