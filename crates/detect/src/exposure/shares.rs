//! Folders that others reach over the network: NFS (exports(5)), Samba (smb.conf(5)), rsync (rsyncd.conf(5)).

use super::rules::{ANYBODY, WEAKENED};
use super::teller::{Hole, Reach, Service, Teller, Value};
use kanshiki_machine::config::{Dialect, Line, is_off, words};
use kanshiki_machine::services::samba::{DIALECT, parameter};
use kanshiki_model::{Severity, visible};
use std::collections::BTreeMap;

/// Folders that are told of one service.
const FOLDERS: usize = 500;

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    nfs(teller);
    samba(teller);
    rsync(teller);
}

/// `folder host(options) host(options)`; a host that is missing or `*` is anybody. Without `rw` nobody writes, and root of
/// others is nobody unless `no_root_squash` says otherwise.
fn nfs(teller: &mut Teller<'_, '_>) {
    let Some(config) = teller.config(&["/etc/exports", "/etc/exports.d/*.exports"], Dialect::PLAIN) else { return };
    let units = ["nfs-server.service", "nfs-kernel-server.service"];
    let service = teller.service("nfs", &units, &["/usr/sbin/exportfs", "/sbin/exportfs"]);
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")).take(FOLDERS) {
        let (folder, hosts) = match line.text.strip_prefix(b"\"") {
            Some(rest) => rest.split_at_checked(memchr::memchr(b'"', rest).unwrap_or(rest.len())).unwrap_or_default(),
            None => {
                let end = line.text.iter().position(u8::is_ascii_whitespace).unwrap_or(line.text.len());
                line.text.split_at_checked(end).unwrap_or_default()
            }
        };
        let mut common: &[u8] = b"";
        let hosts: Vec<&[u8]> = words(hosts.strip_prefix(b"\"").unwrap_or(hosts)).filter(|it| *it != b"\\").collect();
        let hosts = if hosts.is_empty() { vec![b"*".as_slice()] } else { hosts };
        for host in hosts {
            if let Some(options) = host.strip_prefix(b"-") {
                common = options;
                continue;
            }
            let at = memchr::memchr(b'(', host).unwrap_or(host.len());
            let (host, own) = host.split_at_checked(at).unwrap_or_default();
            let own = own.strip_prefix(b"(").unwrap_or(own).strip_suffix(b")").unwrap_or_default();
            let options: Vec<&[u8]> = common.split(|it| *it == b',').chain(own.split(|it| *it == b',')).collect();
            export(teller, &service, &line, (folder, host), &options);
        }
    }
}

fn export(
    teller: &mut Teller<'_, '_>,
    service: &Service,
    line: &Line<'_>,
    (folder, host): (&[u8], &[u8]),
    options: &[&[u8]],
) {
    let has = |name: &str| options.contains(&name.as_bytes());
    let is_any = matches!(host, b"" | b"*" | b"*.*" | b"0.0.0.0/0" | b"::/0" | b"0.0.0.0/0.0.0.0");
    let is_root = has("no_root_squash");
    let is_written = has("rw") && !has("ro");
    let asks = options.iter().any(|it| it.starts_with(b"sec=") && !it.windows(3).any(|it| it == b"sys"));
    let value = Value { bytes: line.text.to_vec(), is_set: true, place: line.evidence() };
    let may = match (is_written, is_root) {
        (true, true) => "may change files as root",
        (true, false) => "may change files, as whichever user but root",
        (false, _) => "may read files",
    };
    let who = if is_any { "anybody".to_owned() } else { visible(host) };
    teller.row(service, &visible(folder), &value, &format!("{who} {may}"));
    let is_wide = matches!(folder, b"/" | b"/etc" | b"/root" | b"/home" | b"/var" | b"/usr");
    let (rule, severity) = match (is_any && !asks, is_written, is_root) {
        (true, true, true) => (&ANYBODY, Severity::High),
        (true, true, false) => (&ANYBODY, if is_wide { Severity::High } else { Severity::Medium }),
        (true, false, _) => (&ANYBODY, if is_wide { Severity::Medium } else { Severity::Low }),
        (false, true, true) => (&WEAKENED, Severity::Low),
        _ => return,
    };
    let title = format!("nfs: {who} {may} in {}", visible(folder));
    let text = "NFS asks for no password: the other machine's word tells who its user is.".to_owned();
    let key = format!("{} {}", visible(folder), visible(host));
    teller.hole(rule, service, Hole { severity, key: &key, title, text, values: &[&value] });
}

/// A section with its settings, the last of a name counting.
struct Section<'c> {
    name: String,
    head: Option<Line<'c>>,
    settings: BTreeMap<Vec<u8>, (Vec<u8>, Line<'c>)>,
}

impl Section<'_> {
    /// The value of the first of several names for one thing, or what the general part sets.
    fn value(&self, general: &Self, names: &[&str], default: &str) -> Value {
        let of = |section: &Self| {
            names
                .iter()
                .find_map(|name| section.settings.get(name.as_bytes()))
                .map(|(value, line)| (value.clone(), line.evidence()))
        };
        let place = self.head.as_ref().map(Line::evidence).unwrap_or_default();
        Value::of(of(self).or_else(|| of(general)), default, place)
    }
}

/// The sections of a file of the form of Windows' INI; what stands before the first one belongs to none.
fn sections<'c>(lines: impl Iterator<Item = Line<'c>>) -> Vec<Section<'c>> {
    let mut found = vec![Section { name: String::new(), head: None, settings: BTreeMap::new() }];
    for line in lines {
        if let Some(name) = line.text.strip_prefix(b"[").and_then(|it| it.split(|byte| *byte == b']').next()) {
            if found.len() > FOLDERS {
                break;
            }
            let name = visible(name.trim_ascii());
            found.push(Section { name, head: Some(line), settings: BTreeMap::new() });
        } else if let (Some(section), Some((name, value))) = (found.last_mut(), parameter(line.text)) {
            section.settings.insert(name, (value, line));
        }
    }
    found
}

/// Who comes without a password is a guest, where `guest ok` lets it; shares are not written to by default.
fn samba(teller: &mut Teller<'_, '_>) {
    let Some(config) = teller.config(&["/etc/samba/smb.conf"], DIALECT) else { return };
    let service = teller.service("samba", &["smbd.service", "smb.service", "samba.service"], &["/usr/sbin/smbd"]);
    let sections = sections(config.lines());
    let empty = Section { name: String::new(), head: None, settings: BTreeMap::new() };
    let general = sections.iter().find(|it| it.name.eq_ignore_ascii_case("global")).unwrap_or(&empty);
    let of = |name: &str, default: &str| {
        let value = general.value(general, &[name], default);
        if value.is_set { value } else { Value::of(None, default, config.evidence()) }
    };
    let (interfaces, only) = (of("interfaces", ""), of("bindinterfacesonly", "no"));
    let is_local = only.is_on(false)
        && words(&interfaces.bytes).all(|it| it == b"lo" || Reach::of_network(it) == Reach::Local)
        && !interfaces.bytes.is_empty();
    let reach = if is_local { Reach::Local } else { Reach::All };
    teller.row(&service, "interfaces", &interfaces, reach.words());
    for (name, shown, default, about) in [
        ("maptoguest", "map to guest", "Never", "which failed logins become those of a guest"),
        ("guestaccount", "guest account", "nobody", "the account that guests are"),
        ("hostsallow", "hosts allow", "", "the addresses that may come, if any are named"),
        ("serverminprotocol", "server min protocol", "SMB2_02", "the oldest protocol that is spoken"),
        ("serversigning", "server signing", "default", "whether what is sent is protected against changes"),
    ] {
        teller.row(&service, shown, &of(name, default), about);
    }
    for share in sections.iter().filter(|it| it.head.is_some() && !it.name.eq_ignore_ascii_case("global")) {
        samba_share(teller, &service, share, general, reach);
    }
}

fn samba_share(
    teller: &mut Teller<'_, '_>,
    service: &Service,
    share: &Section<'_>,
    general: &Section<'_>,
    reach: Reach,
) {
    let guest = share.value(general, &["guestok", "public"], "no");
    let writable = share.value(general, &["writeable", "writable", "writeok"], "no");
    let read_only = share.value(general, &["readonly"], if writable.is_on(false) { "no" } else { "yes" });
    let may_write = !read_only.is_on(true);
    let is_there = share.value(general, &["available"], "yes").is_on(true);
    let users = share.value(general, &["validusers"], "");
    let hosts = share.value(general, &["hostsallow", "allowhosts"], "");
    let path = share.value(general, &["path", "directory"], "");
    let is_guest = guest.is_on(false) && is_there && users.bytes.is_empty();
    let who = if is_guest { "anybody" } else { "accounts" };
    let may = if may_write { "may read and write" } else { "may read" };
    teller.row(service, &format!("[{}]", share.name), &path, &format!("{who} {may}"));
    let is_printer = share.value(general, &["printable", "printok"], "no").is_on(false);
    if !is_guest || is_printer || !reach.is_remote() {
        return;
    }
    let severity = if may_write && hosts.bytes.is_empty() { Severity::Medium } else { Severity::Low };
    let title = format!("samba: anybody {may} in the share {}", share.name);
    let text = "The share takes guests, who are asked for no password.".to_owned();
    let written = if writable.is_set { &writable } else { &read_only };
    let values: &[&Value] = if may_write { &[&guest, written] } else { &[&guest] };
    teller.hole(&ANYBODY, service, Hole { severity, key: &share.name, title, text, values });
}

/// A module is read only unless it says otherwise, and asks for no password without `auth users`.
fn rsync(teller: &mut Teller<'_, '_>) {
    let Some(config) = teller.config(&["/etc/rsyncd.conf", "/etc/rsyncd/rsyncd.conf"], Dialect::PLAIN) else { return };
    let units = ["rsync.service", "rsyncd.service", "rsyncd.socket", "rsync.socket"];
    let service = teller.service("rsync", &units, &["/usr/bin/rsync"]);
    // Blanks within a name mean nothing, as for Samba.
    let sections = sections(config.lines());
    let Some((general, modules)) = sections.split_first() else { return };
    let address = general.value(general, &["address"], "*");
    let reach = Reach::of(&address.bytes);
    for module in modules {
        let read_only = module.value(general, &["readonly"], "yes");
        let users = module.value(general, &["authusers"], "");
        let hosts = module.value(general, &["hostsallow"], "");
        let path = module.value(general, &["path"], "");
        let may_write = is_off(&read_only.bytes) == Some(true);
        let is_open = users.bytes.is_empty();
        let who = if is_open { "anybody" } else { "who knows a password" };
        let may = if may_write { "may read and write" } else { "may read" };
        teller.row(&service, &format!("[{}]", module.name), &path, &format!("{who} {may}"));
        if !is_open || !reach.is_remote() {
            continue;
        }
        let is_wide =
            matches!(path.bytes.as_slice(), b"/" | b"/etc" | b"/etc/" | b"/root" | b"/home" | b"/home/" | b"/var");
        let severity = match (hosts.bytes.is_empty(), may_write) {
            (true, true) => Severity::High,
            (true, false) if is_wide => Severity::Medium,
            _ => Severity::Low,
        };
        let title = format!("rsync: {who} {may} in {}", path.shown());
        let text = "The module asks for no password (auth users).".to_owned();
        let values: &[&Value] = if may_write { &[&path, &read_only] } else { &[&path] };
        teller.hole(&ANYBODY, &service, Hole { severity, key: &module.name, title, text, values });
    }
}
