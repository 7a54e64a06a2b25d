//! What podman, CRI-O and others keep of a container.

use super::facts::{Facts, list, or_of_file, text, time, words};
use crate::output::Output;
use crate::parser::Context;
use crate::parsers::container::of_path;
use kanshiki_model::Span;
use serde_json::Value;

/// What docker gives a container without being asked (moby, `oci/caps/defaults.go`); podman gives some of them.
const USUAL: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

/// What every container has mounted, by the kind of its filesystem.
const USUAL_MOUNTS: [&str; 7] = ["proc", "tmpfs", "devpts", "mqueue", "sysfs", "cgroup", "cgroup2"];

/// `config.json` of the runtime: what the container was started with.
pub(super) fn tell_runtime(value: &Value, span: Span, context: &Context<'_>, output: &mut Output<'_>) {
    let is_podman = text(value, "/annotations/io.container.manager") == "libpod";
    let mut facts = Facts {
        engine: if is_podman { "podman" } else { "" },
        container: of_path(context.path).0,
        // Annotations of CRI-O (its `annotations.go`), some of which podman writes too.
        name: text(value, "/annotations/io.kubernetes.cri-o.Name"),
        image: text(value, "/annotations/io.kubernetes.cri-o.ImageName"),
        command: words(value, "/process/args"),
        ..Facts::default()
    };
    facts.text("hostname", text(value, "/hostname"));
    facts.text("root", text(value, "/root/path"));
    let mounts = list(value, "/mounts").iter().filter(|mount| !USUAL_MOUNTS.contains(&text(mount, "/type")));
    let mounts = mounts.map(|mount| {
        let is_read_only = list(mount, "/options").iter().any(|option| option.as_str() == Some("ro"));
        let access = if is_read_only { ":ro" } else { "" };
        format!("{}:{}{access}", text(mount, "/source"), text(mount, "/destination"))
    });
    facts.text("mounts", mounts.collect::<Vec<_>>().join(" "));
    let capabilities = list(value, "/process/capabilities/bounding").iter().filter_map(Value::as_str);
    facts.text("capabilities_added", capabilities.filter(|name| !USUAL.contains(name)).collect::<Vec<_>>().join(" "));
    let devices = list(value, "/linux/devices").iter().map(|device| text(device, "/path"));
    facts.text("devices", devices.collect::<Vec<_>>().join(" "));
    // A namespace that is not asked for is that of the machine; one with a path is shared with another container.
    let namespaces = list(value, "/linux/namespaces");
    for (name, namespace) in [("network_mode", "network"), ("pid_mode", "pid"), ("ipc_mode", "ipc")] {
        let own = namespaces.iter().find(|own| text(own, "/type") == namespace);
        facts.text(name, own.map_or("host", |own| text(own, "/path")));
    }
    let number = |path: &str| value.pointer(path).and_then(Value::as_i64);
    let account = [("uid", number("/process/user/uid")), ("gid", number("/process/user/gid"))];
    let created = or_of_file(time(text(value, "/annotations/io.kubernetes.cri-o.Created")), context);
    facts.tell("container.created", created, &account, span, &mut |event| output.event(event));
}

/// An object of `containers.json`: a container in the storage.
pub(super) fn tell_stored(value: &Value, span: Span, context: &Context<'_>, output: &mut Output<'_>) {
    // What the engine keeps in the storage is itself JSON, in a text.
    let metadata: Value = serde_json::from_str(text(value, "/metadata")).unwrap_or_default();
    let names = words(value, "/names");
    let mut facts = Facts {
        container: text(value, "/id").as_bytes(),
        name: &names,
        image: text(&metadata, "/image-name"),
        image_id: text(value, "/image"),
        ..Facts::default()
    };
    facts.text("layer", text(value, "/layer"));
    facts.text("pod", text(&metadata, "/pod-name"));
    let created = or_of_file(time(text(value, "/created")), context);
    facts.tell("container.created", created, &[], span, &mut |event| output.event(event));
}
