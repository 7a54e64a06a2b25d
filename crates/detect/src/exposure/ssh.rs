//! OpenSSH's server (sshd_config(5), servconf.c).
//!
//! Of a setting the first counts. A connection goes through the file once more for the blocks of `Match` that hold for it: the
//! first of those that set it goes before what is set for all.

use super::rules::{ANYBODY, ROOT_PASSWORD, WEAKENED};
use super::teller::{Hole, Reach, Service, Teller, Value, Version};
use crate::accounts::read::lines;
use kanshiki_machine::config::{Config, words};
use kanshiki_machine::services::ssh::{DIALECT, MAIN, Setting, settings};
use kanshiki_machine::settings::{self, is_like};
use kanshiki_model::{Severity, visible};

/// Settings of the table, in lower case as they are compared, with their default and what they are about.
const TABLE: &[(&str, &str, &str)] = &[
    ("PubkeyAuthentication", "yes", "whether keys let somebody in"),
    ("PermitEmptyPasswords", "no", "whether accounts without a password are let in"),
    ("HostbasedAuthentication", "no", "whether other machines answer for their users"),
    ("AuthorizedKeysFile", ".ssh/authorized_keys .ssh/authorized_keys2", "where keys that let somebody in are kept"),
    ("AuthorizedKeysCommand", "none", "a program that tells which keys let somebody in"),
    ("TrustedUserCAKeys", "none", "whose certificates let somebody in"),
    ("PermitUserEnvironment", "no", "whether users set variables of their environment, and with them load libraries"),
    ("GatewayPorts", "no", "whether forwarded ports can be reached by other machines"),
    ("AllowTcpForwarding", "yes", "whether connections are forwarded through the machine"),
    ("PermitTunnel", "no", "whether networks are joined through the machine"),
    ("StrictModes", "yes", "whether keys that others may write are refused"),
    ("ForceCommand", "none", "the only command that is run"),
];

/// Whether a block of `Match` holds for root, from wherever it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    /// It depends on the address or the like.
    Perhaps,
}

/// The settings of a server.
struct Ssh<'c> {
    config: &'c Config,
    settings: Vec<Setting<'c>>,
    /// The default of PermitRootLogin.
    root: &'static str,
}

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    let Some(config) = MAIN.iter().find_map(|main| teller.config(&[main], DIALECT)) else { return };
    let units = ["ssh.service", "sshd.service", "ssh.socket", "sshd.socket"];
    let service = teller.service("sshd", &units, &["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"]);
    let ssh = Ssh { config: &config, settings: settings(&config), root: root_default(teller) };
    let reach = ssh.reach();
    root(teller, &service, &ssh, reach);
    rows(teller, &service, &ssh, reach);
    weakened(teller, &service, &ssh, reach);
}

/// PermitRootLogin is `prohibit-password` since OpenSSH 7.0 and was `yes` before, as Red Hat 7 has it still.
fn root_default(teller: &Teller<'_, '_>) -> &'static str {
    let packages = teller.image.owned.packages();
    let server = packages.packages().find(|package| package.name == b"openssh-server");
    let is_red_hat_7 = server.is_some_and(|it| memchr::memmem::find(&it.version, b".el7").is_some());
    let is_old = server.and_then(|it| Version::of(&it.version)).is_some_and(|version| version < Version(7, 0));
    if is_red_hat_7 || is_old { "yes" } else { "prohibit-password" }
}

impl Ssh<'_> {
    fn named<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s Setting<'s>> + use<'s> {
        let lower = name.to_ascii_lowercase().into_bytes();
        let is_keyboard = lower == b"kbdinteractiveauthentication";
        self.settings.iter().filter(move |setting| {
            let is_alias =
                matches!(setting.name.as_slice(), b"challengeresponseauthentication" | b"skeyauthentication");
            setting.name == lower || (is_keyboard && is_alias)
        })
    }

    fn value(&self, found: Option<&Setting<'_>>, default: &str) -> Value {
        Value::of(found.map(|it| (it.value.clone(), it.line.evidence())), default, self.config.evidence())
    }

    /// What counts for root from wherever it comes; behind `condition` for those for whom that holds too.
    fn of_root(&self, name: &str, default: &str, condition: Option<&Setting<'_>>) -> Value {
        let block = self.named(name).find(|setting| {
            let is_block = condition.is_some_and(|it| is_same_block(it, setting));
            !setting.conditions.is_empty() && (is_block || holds_all(setting) == Holds::Yes)
        });
        self.value(block.or_else(|| self.named(name).find(|setting| setting.conditions.is_empty())), default)
    }

    /// Those who can reach it: every `ListenAddress` counts.
    fn reach(&self) -> Reach {
        let addresses: Vec<&[u8]> = self.named("ListenAddress").filter_map(|it| words(&it.value).next()).collect();
        Reach::furthest(addresses).unwrap_or(Reach::All)
    }

    /// What lets root in by a password, if it is let in; `bool` tells whether from some places alone.
    fn root_password(&self, condition: Option<&Setting<'_>>) -> Option<(Vec<Value>, bool)> {
        let permit = self.of_root("PermitRootLogin", self.root, condition);
        let password = self.of_root("PasswordAuthentication", "yes", condition);
        let keyboard = self.of_root("KbdInteractiveAuthentication", "yes", condition);
        let pam = self.of_root("UsePAM", "no", condition);
        let way = match (password.is_on(true), keyboard.is_on(true) && pam.is_on(false)) {
            (true, _) => password,
            (false, true) => keyboard,
            (false, false) => return None,
        };
        let methods = self.of_root("AuthenticationMethods", "any", condition);
        let is_password = |list: &[u8]| {
            list == b"any"
                || list.split(|it| *it == b',').all(|it| it.starts_with(b"password") || it.starts_with(b"keyboard"))
        };
        if !permit.is("yes") || !words(&methods.bytes).any(is_password) {
            return None;
        }
        let is_limited = self.is_allowed(condition)?;
        Some((vec![permit, way], is_limited))
    }

    /// Whether lists of users and groups let root in; `Some(true)` from some places alone.
    fn is_allowed(&self, condition: Option<&Setting<'_>>) -> Option<bool> {
        let of = |name: &str| -> Vec<Vec<u8>> {
            let is_in_force = |it: &&Setting<'_>| {
                holds_all(it) == Holds::Yes || condition.is_some_and(|condition| is_same_block(condition, it))
            };
            self.named(name).filter(is_in_force).flat_map(|it| words(&it.value).map(<[u8]>::to_vec)).collect()
        };
        // `user@host` holds for some hosts alone.
        let user = |pattern: &[u8]| match memchr::memchr(b'@', pattern).and_then(|at| pattern.split_at_checked(at)) {
            Some((user, host)) => (is_like(b"root", user), host != b"@*"),
            None => (is_like(b"root", pattern), false),
        };
        let is_denied = of("DenyUsers").iter().any(|it| matches!(user(it), (true, false)))
            || of("DenyGroups").iter().any(|it| is_like(b"root", it));
        let groups = of("AllowGroups");
        if is_denied || (!groups.is_empty() && !groups.iter().any(|it| is_like(b"root", it))) {
            return None;
        }
        let users = of("AllowUsers");
        let matching: Vec<bool> =
            users.iter().map(|it| user(it)).filter(|(is, _)| *is).map(|(_, limited)| limited).collect();
        if users.is_empty() { Some(false) } else { (!matching.is_empty()).then(|| matching.iter().all(|it| *it)) }
    }
}

/// Whether two settings stand behind the same `Match`.
fn is_same_block(one: &Setting<'_>, other: &Setting<'_>) -> bool {
    one.conditions.len() == other.conditions.len()
        && one.conditions.iter().zip(&other.conditions).all(|(one, other)| one.is_same(other))
}

fn holds_all(setting: &Setting<'_>) -> Holds {
    let mut all = Holds::Yes;
    for condition in &setting.conditions {
        match holds(condition.text) {
            Holds::Yes => {}
            Holds::No => return Holds::No,
            Holds::Perhaps => all = Holds::Perhaps,
        }
    }
    all
}

/// `Match User a,b Address 192.0.2.0/24` holds if each part does.
fn holds(line: &[u8]) -> Holds {
    let mut parts =
        line.split(|byte| byte.is_ascii_whitespace() || *byte == b'=').filter(|part| !part.is_empty()).skip(1);
    let mut all = Holds::Yes;
    while let Some(name) = parts.next() {
        let one = match name.to_ascii_lowercase().as_slice() {
            b"all" => Holds::Yes,
            b"invalid-user" => Holds::No,
            b"user" | b"group" => of_list(parts.next().unwrap_or_default()),
            _ => match parts.next() {
                Some(b"*" | b"0.0.0.0/0" | b"0.0.0.0/0,::/0" | b"*,::/0") => Holds::Yes,
                _ => Holds::Perhaps,
            },
        };
        match one {
            Holds::Yes => {}
            Holds::No => return Holds::No,
            Holds::Perhaps => all = Holds::Perhaps,
        }
    }
    all
}

/// A list of patterns, of which `!` before one leaves out (`match_pattern_list` of match.c).
fn of_list(list: &[u8]) -> Holds {
    let mut is_in = false;
    for pattern in list.split(|byte| *byte == b',') {
        match pattern.strip_prefix(b"!") {
            Some(pattern) if is_like(b"root", pattern) => return Holds::No,
            Some(_) => {}
            None => is_in |= is_like(b"root", pattern),
        }
    }
    if is_in { Holds::Yes } else { Holds::No }
}

fn root(teller: &mut Teller<'_, '_>, service: &Service, ssh: &Ssh<'_>, reach: Reach) {
    let permit = ssh.of_root("PermitRootLogin", ssh.root, None);
    let allowed = ssh.root_password(None);
    let allows =
        if allowed.is_some() { "root is let in by its password" } else { "root is not let in by its password" };
    teller.row(service, "PermitRootLogin", &permit, allows);
    for (name, default) in
        [("PasswordAuthentication", "yes"), ("KbdInteractiveAuthentication", "yes"), ("UsePAM", "no")]
    {
        teller.row(service, name, &ssh.of_root(name, default, None), "whether passwords let somebody in");
    }
    if !reach.is_remote() {
        return;
    }
    // A password that nobody has lets nobody in, until somebody sets one.
    let has_none = hash_of_root(teller).is_some_and(|hash| hash.starts_with(b"*") || hash.starts_with(b"!"));
    let now = if has_none { " root has no password now, so that nobody is let in before one is set." } else { "" };
    if let Some((values, is_limited)) = allowed {
        let severity = if is_limited || has_none { Severity::Low } else { Severity::Medium };
        let values: Vec<&Value> = values.iter().collect();
        let from = if is_limited { "from some places" } else { "from wherever it comes" };
        return teller.hole(
            &ROOT_PASSWORD,
            service,
            Hole {
                severity,
                key: "root",
                title: "sshd lets root in by its password".to_owned(),
                text: format!("Whoever guesses one password is root, {from}: {}.{now}", reach.words()),
                values: &values,
            },
        );
    }
    // Where it is so for some alone, the first block tells it.
    let mut blocks = ssh.settings.iter().filter(|it| holds_all(it) == Holds::Perhaps);
    let found = blocks.find_map(|block| Some((block, ssh.root_password(Some(block))?.0)));
    if let Some((block, values)) = found {
        let values: Vec<&Value> = values.iter().collect();
        let condition = shown_conditions(block);
        let text = format!("Whoever guesses one password is root, where this holds: {condition}.{now}");
        let title = format!("sshd lets root in by its password, but not everybody ({condition})");
        let hole = Hole { severity: Severity::Low, key: "root of some", title, text, values: &values };
        teller.hole(&ROOT_PASSWORD, service, hole);
    }
}

fn shown_conditions(setting: &Setting<'_>) -> String {
    setting.conditions.iter().map(|line| visible(line.text)).collect::<Vec<_>>().join(", ")
}

fn hash_of_root(teller: &Teller<'_, '_>) -> Option<Vec<u8>> {
    let settings::Found::File(file) = settings::open(teller.image.view, b"/etc/shadow") else { return None };
    let all = lines(&file);
    let root = all.iter().find(|(fields, _)| fields.first() == Some(&b"root".as_slice()));
    root.and_then(|(fields, _)| fields.get(1)).map(|hash| hash.to_vec())
}

fn rows(teller: &mut Teller<'_, '_>, service: &Service, ssh: &Ssh<'_>, reach: Reach) {
    let listen = ssh.value(ssh.named("ListenAddress").next(), "*");
    teller.row(service, "ListenAddress", &listen, reach.words());
    teller.row(service, "Port", &ssh.value(ssh.named("Port").next(), "22"), "the port");
    for (name, default, about) in TABLE {
        teller.row(service, name, &ssh.value(ssh.named(name).find(|it| it.conditions.is_empty()), default), about);
    }
    for name in ["AllowUsers", "DenyUsers", "AllowGroups", "DenyGroups", "AuthenticationMethods"] {
        for setting in ssh.named(name).filter(|it| it.conditions.is_empty()) {
            teller.row(service, name, &ssh.value(Some(setting), ""), "who is let in at all");
        }
    }
    for setting in ssh.settings.iter().filter(|it| !it.conditions.is_empty()).take(200) {
        let about = format!("for those for whom this holds: {}", shown_conditions(setting));
        teller.row(service, &visible(&setting.name), &ssh.value(Some(setting), ""), &about);
    }
}

/// Guards that are on by default.
fn weakened(teller: &mut Teller<'_, '_>, service: &Service, ssh: &Ssh<'_>, reach: Reach) {
    let of = |name: &str, default: &str| ssh.of_root(name, default, None);
    let empty = of("PermitEmptyPasswords", "no");
    if empty.is_on(false) && of("PasswordAuthentication", "yes").is_on(true) && reach.is_remote() {
        let without = without_password(teller);
        let severity = if without.is_empty() { Severity::Medium } else { Severity::High };
        let who = if without.is_empty() {
            "No account is without one now.".to_owned()
        } else {
            format!("Without one are: {}.", without.join(", "))
        };
        let hole = Hole {
            severity,
            key: "empty",
            title: "sshd lets accounts in that have no password".to_owned(),
            text: format!("An account whose password is empty is let in without being asked. {who}"),
            values: &[&empty],
        };
        teller.hole(&ANYBODY, service, hole);
    }
    for (name, default, text) in [
        ("GatewayPorts", "no", "Ports that users forward can be reached by other machines."),
        ("PermitUserEnvironment", "no", "Users get round restrictions by variables such as LD_PRELOAD."),
        ("PermitTunnel", "no", "Networks can be joined through the machine."),
        ("StrictModes", "yes", "Keys in files that others may write let somebody in."),
        ("HostbasedAuthentication", "no", "Other machines answer for who their users are."),
    ] {
        let value = of(name, default);
        if value.is_set && !value.is(default) {
            let title = format!("sshd has {name} {}", value.shown());
            let hole = Hole { severity: Severity::Low, key: name, title, text: text.to_owned(), values: &[&value] };
            teller.hole(&WEAKENED, service, hole);
        }
    }
}

/// Accounts whose hash is empty.
fn without_password(teller: &Teller<'_, '_>) -> Vec<String> {
    let settings::Found::File(file) = settings::open(teller.image.view, b"/etc/shadow") else { return Vec::new() };
    let all = lines(&file);
    let empty = all.iter().filter(|(fields, _)| fields.get(1).is_some_and(|hash| hash.is_empty()));
    empty.filter_map(|(fields, _)| fields.first()).take(20).map(|name| visible(name)).collect()
}
