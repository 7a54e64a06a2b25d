//! The places from which things start, and how their lines are read.

use super::entry::ReadLine;

/// A kind of place.
#[derive(Debug)]
pub(super) struct Place {
    /// What it is, in a word.
    pub(super) what: &'static str,
    /// What that means, the beginning of a sentence.
    pub(super) means: &'static str,
    /// Its files, as patterns.
    pub(super) patterns: &'static [&'static str],
    /// How they are read.
    pub(super) reading: Reading,
    /// Whether what packages bring is in the table too.
    pub(super) is_always_told: bool,
}

/// How a file is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    /// As a script that is run.
    Script,
    /// Line by line.
    Lines(ReadLine),
}

impl Reading {
    pub(super) const fn is_script(self) -> bool {
        matches!(self, Self::Script)
    }
}

const fn place(what: &'static str, means: &'static str, patterns: &'static [&'static str], reading: Reading) -> Place {
    Place { what, means, patterns, reading, is_always_told: false }
}

/// All of them.
pub(super) const PLACES: &[Place] = &[
    // crontab(5), cron(8), anacrontab(5)
    place("cron", "cron runs it at set times", &["/etc/crontab", "/etc/cron.d/*"], Reading::Lines(system_crontab)),
    place(
        "crontab",
        "cron runs it at set times, as the owner of the table",
        &["/var/spool/cron/crontabs/*", "/var/spool/cron/*", "/var/spool/cron/tabs/*", "/etc/crontabs/*"],
        Reading::Lines(crontab),
    ),
    place("anacron", "anacron runs it once a day, a week or a month", &["/etc/anacrontab"], Reading::Lines(anacrontab)),
    place(
        "cron script",
        "cron runs it every hour, day, week or month",
        &["/etc/cron.hourly/*", "/etc/cron.daily/*", "/etc/cron.weekly/*", "/etc/cron.monthly/*", "/etc/periodic/*/*"],
        Reading::Script,
    ),
    place(
        "at",
        "at runs it once, when its time has come",
        &["/var/spool/cron/atjobs/*", "/var/spool/at/*"],
        Reading::Script,
    ),
    // systemd.unit(5), "unit file load path"; systemd.service(5), systemd.generator(7)
    place(
        "systemd unit",
        "systemd runs it",
        &[
            "/etc/systemd/system/*",
            "/etc/systemd/system/*/*",
            "/usr/lib/systemd/system/*",
            "/lib/systemd/system/*",
            "/usr/local/lib/systemd/system/*",
            "/usr/lib/systemd/system/*/*",
            "/run/systemd/system/*",
        ],
        Reading::Lines(unit),
    ),
    place(
        "systemd user unit",
        "systemd runs it when somebody logs in",
        &[
            "/etc/systemd/user/*",
            "/etc/systemd/user/*/*",
            "/usr/lib/systemd/user/*",
            "/home/*/.config/systemd/user/*",
            "/home/*/.config/systemd/user/*/*",
            "/root/.config/systemd/user/*",
            "/root/.config/systemd/user/*/*",
            "/home/*/.local/share/systemd/user/*",
            "/root/.local/share/systemd/user/*",
        ],
        Reading::Lines(unit),
    ),
    place(
        "systemd generator",
        "systemd runs it as root when the machine starts, before all else",
        &[
            "/etc/systemd/system-generators/*",
            "/usr/local/lib/systemd/system-generators/*",
            "/usr/lib/systemd/system-generators/*",
            "/lib/systemd/system-generators/*",
            "/etc/systemd/user-generators/*",
            "/usr/lib/systemd/user-generators/*",
            "/usr/lib/systemd/system-shutdown/*",
            "/usr/lib/systemd/system-sleep/*",
        ],
        Reading::Script,
    ),
    place(
        "init script",
        "init runs it when the machine starts",
        &[
            "/etc/init.d/*",
            "/etc/rc.d/init.d/*",
            "/etc/rc.local",
            "/etc/rc.d/rc.local",
            "/etc/boot.local",
            "/etc/local.d/*",
        ],
        Reading::Script,
    ),
    place("inittab", "init runs it", &["/etc/inittab"], Reading::Lines(inittab)),
    place("upstart", "upstart runs it", &["/etc/init/*.conf"], Reading::Lines(upstart)),
    // bash(1), "INVOCATION"; zsh(1), "STARTUP/SHUTDOWN FILES"; sshd(8), "SSHRC"
    place(
        "shell start",
        "a shell runs it when somebody logs in or opens one",
        &[
            "/etc/profile",
            "/etc/profile.d/*",
            "/etc/bash.bashrc",
            "/etc/bashrc",
            "/etc/zshrc",
            "/etc/zsh/*",
            "/etc/bash_completion.d/*",
            "/etc/skel/.bashrc",
            "/root/.bashrc",
            "/root/.profile",
            "/root/.bash_profile",
            "/root/.bash_login",
            "/root/.bash_logout",
            "/root/.zshrc",
            "/root/.ssh/rc",
            "/home/*/.bashrc",
            "/home/*/.profile",
            "/home/*/.bash_profile",
            "/home/*/.bash_login",
            "/home/*/.bash_logout",
            "/home/*/.zshrc",
            "/home/*/.ssh/rc",
            "/etc/ssh/sshrc",
            "/var/www/.bashrc",
            "/var/lib/*/.bashrc",
        ],
        Reading::Script,
    ),
    // ld.so(8)
    Place {
        what: "preload",
        means: "the dynamic linker loads it into every program",
        patterns: &["/etc/ld.so.preload"],
        reading: Reading::Lines(whole),
        is_always_told: true,
    },
    place(
        "linker path",
        "the dynamic linker looks there for libraries",
        &["/etc/ld.so.conf", "/etc/ld.so.conf.d/*"],
        Reading::Lines(linker),
    ),
    place(
        "environment",
        "every session has it in its environment",
        &["/etc/environment", "/etc/security/pam_env.conf", "/etc/environment.d/*"],
        Reading::Lines(environment),
    ),
    // pam.d(5), pam_exec(8)
    place("PAM", "PAM runs it when somebody logs in", &["/etc/pam.d/*", "/etc/pam.conf"], Reading::Lines(pam)),
    place(
        "udev rule",
        "udev runs it when a device comes or goes",
        &["/etc/udev/rules.d/*", "/usr/lib/udev/rules.d/*", "/lib/udev/rules.d/*", "/run/udev/rules.d/*"],
        Reading::Lines(udev),
    ),
    // modprobe.d(5): `install MODULE COMMAND`
    place(
        "modprobe",
        "it is run in the place of loading a module",
        &["/etc/modprobe.d/*", "/usr/lib/modprobe.d/*", "/lib/modprobe.d/*"],
        Reading::Lines(modprobe),
    ),
    place(
        "kernel module",
        "the kernel loads it when the machine starts",
        &["/etc/modules", "/etc/modules-load.d/*", "/usr/lib/modules-load.d/*"],
        Reading::Lines(whole),
    ),
    place("motd", "it is run as root whenever somebody logs in", &["/etc/update-motd.d/*"], Reading::Script),
    // apt.conf(5); dpkg(1), `--pre-invoke`; dnf.conf(5)
    place("apt hook", "apt runs it as root", &["/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*"], Reading::Lines(apt)),
    place("dpkg hook", "dpkg runs it as root", &["/etc/dpkg/dpkg.cfg", "/etc/dpkg/dpkg.cfg.d/*"], Reading::Lines(dpkg)),
    place(
        "package manager plugin",
        "yum or dnf runs it as root",
        &[
            "/usr/lib/yum-plugins/*.py",
            "/usr/lib/python*/site-packages/dnf-plugins/*.py",
            "/etc/dnf/plugins/post-transaction-actions.d/*",
        ],
        Reading::Script,
    ),
    place(
        "network script",
        "it is run as root when a network comes up or goes down",
        &[
            "/etc/NetworkManager/dispatcher.d/*",
            "/etc/NetworkManager/dispatcher.d/*/*",
            "/usr/lib/NetworkManager/dispatcher.d/*",
            "/etc/network/if-up.d/*",
            "/etc/network/if-down.d/*",
            "/etc/network/if-pre-up.d/*",
            "/etc/network/if-post-down.d/*",
            "/etc/networkd-dispatcher/*/*",
            "/etc/dhcp/dhclient-enter-hooks.d/*",
            "/etc/dhcp/dhclient-exit-hooks.d/*",
            "/etc/ppp/ip-up.d/*",
            "/etc/sysconfig/network-scripts/ifup-local",
            "/sbin/ifup-local",
        ],
        Reading::Script,
    ),
    place(
        "network interface",
        "it is run as root when a network comes up or goes down",
        &["/etc/network/interfaces", "/etc/network/interfaces.d/*"],
        Reading::Lines(interfaces),
    ),
    place(
        "autostart",
        "a desktop runs it when somebody logs in",
        &["/etc/xdg/autostart/*.desktop", "/home/*/.config/autostart/*.desktop", "/root/.config/autostart/*.desktop"],
        Reading::Lines(desktop),
    ),
    place(
        "PHP",
        "PHP runs it before or behind every page",
        &[
            "/etc/php.ini",
            "/etc/php.d/*.ini",
            "/etc/php/*/*/php.ini",
            "/etc/php/*/*/conf.d/*.ini",
            "/etc/php-fpm.d/*.conf",
            "/etc/php/*/fpm/pool.d/*.conf",
            "/var/www/*/.user.ini",
            "/var/www/html/.user.ini",
            "/var/www/*/*/.user.ini",
        ],
        Reading::Lines(php),
    ),
    place(
        "web server module",
        "the web server loads it",
        &[
            "/etc/apache2/mods-enabled/*.load",
            "/etc/httpd/conf.modules.d/*.conf",
            "/etc/httpd/conf/httpd.conf",
            "/etc/nginx/modules-enabled/*.conf",
            "/etc/nginx/nginx.conf",
        ],
        Reading::Lines(web_module),
    ),
    // aliases(5), local(8)
    place(
        "mail alias",
        "it is run when a mail arrives",
        &["/etc/aliases", "/etc/mail/aliases", "/root/.forward", "/home/*/.forward", "/home/*/.procmailrc"],
        Reading::Lines(pipe),
    ),
    place(
        "inetd",
        "inetd runs it for whoever connects",
        &["/etc/inetd.conf", "/etc/xinetd.d/*"],
        Reading::Lines(inetd),
    ),
    place("sshd command", "sshd runs it", &["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*"], Reading::Lines(sshd)),
    place(
        "MySQL plugin",
        "the database server loads it",
        &["/usr/lib/mysql/plugin/*.so", "/usr/lib64/mysql/plugin/*.so", "/usr/lib64/mariadb/plugin/*.so"],
        Reading::Script,
    ),
];

type Read = Option<(Vec<u8>, Option<Vec<u8>>)>;

/// What stands behind so many words.
fn behind_words(line: &[u8], count: usize) -> Option<(&[u8], &[u8])> {
    let mut rest = line;
    let mut last = b"".as_slice();
    for _ in 0..count {
        let end = rest.iter().position(u8::is_ascii_whitespace)?;
        let (word, behind) = rest.split_at_checked(end)?;
        (last, rest) = (word, behind.trim_ascii_start());
    }
    Some((last, rest))
}

/// `NAME=value` sets a variable in a crontab.
fn is_assignment(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(line.len());
    let rest = line.get(end..).unwrap_or_default().trim_ascii_start();
    end > 0 && rest.starts_with(b"=")
}

fn times(line: &[u8]) -> usize {
    if line.starts_with(b"@") { 1 } else { 5 }
}

/// `m h dom mon dow user command`.
fn system_crontab(line: &[u8], _: &[u8]) -> Read {
    if is_assignment(line) {
        return None;
    }
    let (user, command) = behind_words(line, times(line).saturating_add(1))?;
    Some((command.to_vec(), Some(user.to_vec())))
}

/// `m h dom mon dow command`, as whom the file is named.
fn crontab(line: &[u8], file: &[u8]) -> Read {
    if is_assignment(line) {
        return None;
    }
    let (_, command) = behind_words(line, times(line))?;
    Some((command.to_vec(), Some(file.to_vec())))
}

/// `period delay name command`.
fn anacrontab(line: &[u8], _: &[u8]) -> Read {
    if is_assignment(line) {
        return None;
    }
    Some((behind_words(line, 3)?.1.to_vec(), None))
}

/// The value of `NAME=` or `NAME =`, in any case.
fn value<'l>(line: &'l [u8], names: &[&str]) -> Option<&'l [u8]> {
    let at = memchr::memchr(b'=', line)?;
    let (name, rest) = line.split_at_checked(at)?;
    let name = name.trim_ascii();
    let is_one = names.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes()));
    is_one.then(|| rest.get(1..).unwrap_or_default().trim_ascii()).filter(|value| !value.is_empty())
}

fn unit(line: &[u8], _: &[u8]) -> Read {
    let names =
        ["ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "ExecReload", "ExecCondition"];
    Some((value(line, &names)?.to_vec(), None))
}

/// `id:runlevels:action:process`.
fn inittab(line: &[u8], _: &[u8]) -> Read {
    let process = line.splitn(4, |byte| *byte == b':').nth(3).filter(|process| !process.is_empty())?;
    Some((process.to_vec(), None))
}

fn upstart(line: &[u8], _: &[u8]) -> Read {
    let command = line.strip_prefix(b"exec ").or_else(|| line.strip_prefix(b"pre-start exec "))?;
    Some((command.trim_ascii().to_vec(), None))
}

fn whole(line: &[u8], _: &[u8]) -> Read {
    Some((line.to_vec(), None))
}

fn linker(line: &[u8], _: &[u8]) -> Read {
    (!line.starts_with(b"include ")).then(|| (line.to_vec(), None))
}

/// Variables that load libraries into programs, or have shells run something.
fn environment(line: &[u8], _: &[u8]) -> Read {
    let line = line.strip_prefix(b"export ").unwrap_or(line);
    let names = ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "PROMPT_COMMAND"];
    Some((value(line, &names)?.to_vec(), None))
}

/// Lines that run a program, or load a module from elsewhere.
fn pam(line: &[u8], _: &[u8]) -> Read {
    let is_told = memchr::memmem::find(line, b"pam_exec").is_some()
        || memchr::memmem::find(line, b"pam_script").is_some()
        || line.split(u8::is_ascii_whitespace).any(|word| word.starts_with(b"/") && word.ends_with(b".so"));
    is_told.then(|| (line.to_vec(), None))
}

/// `RUN+="command"`, `PROGRAM="command"`.
fn udev(line: &[u8], _: &[u8]) -> Read {
    let at = memchr::memmem::find(line, b"RUN").or_else(|| memchr::memmem::find(line, b"PROGRAM"))?;
    let rest = line.get(at..)?;
    let open = memchr::memchr(b'"', rest)?;
    let inside = rest.get(open.saturating_add(1)..)?;
    let end = memchr::memchr(b'"', inside).unwrap_or(inside.len());
    Some((inside.get(..end)?.to_vec(), None)).filter(|(command, _)| !command.is_empty())
}

fn modprobe(line: &[u8], _: &[u8]) -> Read {
    let rest = line.strip_prefix(b"install ").or_else(|| line.strip_prefix(b"remove "))?;
    Some((behind_words(rest.trim_ascii_start(), 1)?.1.to_vec(), None))
}

/// `DPkg::Post-Invoke {"command";};` and its like.
fn apt(line: &[u8], _: &[u8]) -> Read {
    let lower = line.to_ascii_lowercase();
    let hooks: [&[u8]; 4] = [b"-invoke", b"pre-install-pkgs", b"proxy-auto-detect", b"command"];
    let is_told = hooks.iter().any(|hook| memchr::memmem::find(&lower, hook).is_some());
    is_told.then(|| (line.to_vec(), None))
}

fn dpkg(line: &[u8], _: &[u8]) -> Read {
    let hooks: [&[u8]; 3] = [b"pre-invoke", b"post-invoke", b"status-logger"];
    let is_told = hooks.iter().any(|hook| line.starts_with(hook));
    is_told.then(|| (line.to_vec(), None))
}

fn interfaces(line: &[u8], _: &[u8]) -> Read {
    let words: [&[u8]; 6] = [b"up", b"pre-up", b"post-up", b"down", b"pre-down", b"post-down"];
    let (word, command) = behind_words(line, 1)?;
    words.contains(&word).then(|| (command.to_vec(), None))
}

fn desktop(line: &[u8], _: &[u8]) -> Read {
    Some((value(line, &["Exec", "TryExec"])?.to_vec(), None))
}

fn php(line: &[u8], _: &[u8]) -> Read {
    let names = [
        "auto_prepend_file",
        "auto_append_file",
        "php_value[auto_prepend_file]",
        "php_admin_value[auto_prepend_file]",
        "php_admin_value[auto_append_file]",
    ];
    let value = value(line, &names)?;
    let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    (!bare.is_empty() && bare != b"none").then(|| (bare.to_vec(), None))
}

/// `LoadModule NAME PATH`, `load_module PATH;`: only of modules from elsewhere than the server's own folders.
fn web_module(line: &[u8], _: &[u8]) -> Read {
    let (word, rest) = behind_words(line, 1)?;
    let path = if word.eq_ignore_ascii_case(b"LoadModule") {
        behind_words(rest, 1)?.1
    } else if word == b"load_module" {
        rest.strip_suffix(b";").unwrap_or(rest)
    } else {
        return None;
    };
    Some((path.trim_ascii().to_vec(), None))
}

/// What stands behind a `|`.
fn pipe(line: &[u8], _: &[u8]) -> Read {
    let at = memchr::memchr(b'|', line)?;
    let command = line.get(at.saturating_add(1)..)?.trim_ascii();
    Some((command.strip_suffix(b"\"").unwrap_or(command).to_vec(), None))
}

/// `service type protocol wait user program arguments`, or `server = PATH` of xinetd.
fn inetd(line: &[u8], _: &[u8]) -> Read {
    if let Some(server) = value(line, &["server"]) {
        return Some((server.to_vec(), None));
    }
    if memchr::memchr(b'=', line).is_some() {
        return None;
    }
    let (user, command) = behind_words(line, 5)?;
    Some((command.to_vec(), Some(user.to_vec())))
}

fn sshd(line: &[u8], _: &[u8]) -> Read {
    let words = ["ForceCommand", "AuthorizedKeysCommand", "AuthorizedPrincipalsCommand"];
    let (word, command) = behind_words(line, 1)?;
    let is_told = words.iter().any(|it| word.eq_ignore_ascii_case(it.as_bytes()));
    (is_told && !matches!(command, b"none" | b"internal-sftp")).then(|| (command.to_vec(), None))
}
