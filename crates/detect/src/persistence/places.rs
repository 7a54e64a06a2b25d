//! The places from which things start, and how their lines are read.

use super::entry::{ReadLine, ReadNames};
use super::readers::{
    anacrontab, apache, apt, crontab, desktop, dpkg, environment, git, inetd, inittab, interfaces, libraries, linker,
    modprobe, mysql, pam, php, pipe, postfix, sshd, sysctl, system_crontab, tmpfiles, udev, unit, upstart, web_module,
    whole,
};

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

impl Place {
    /// Whether a file is one that machines have anyway: its name is told by the place, or is that of an account.
    pub(super) fn is_anybodys(&self, path: &[u8]) -> bool {
        let name = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
        self.what == "crontab" || self.patterns.iter().any(|pattern| name(pattern.as_bytes()) == name(path))
    }
}

/// How a file is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    /// As a script that is run.
    Script,
    /// Line by line.
    Lines(ReadLine),
    /// As bytes that hold names of what is run, with where they stand.
    Names(ReadNames),
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
    place(
        "shell start",
        "a shell or a desktop runs it when somebody logs in or opens one",
        &[
            "/root/.bash_aliases",
            "/root/.xprofile",
            "/root/.xinitrc",
            "/root/.xsession",
            "/home/*/.bash_aliases",
            "/home/*/.xprofile",
            "/home/*/.xinitrc",
            "/home/*/.xsession",
            "/etc/X11/Xsession.d/*",
            "/etc/X11/xinit/xinitrc.d/*",
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
        &[
            "/etc/environment",
            "/etc/security/pam_env.conf",
            "/etc/environment.d/*",
            "/root/.pam_environment",
            "/home/*/.pam_environment",
            "/root/.ssh/environment",
            "/home/*/.ssh/environment",
            "/home/*/.config/environment.d/*",
        ],
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
    // Apache: mod_log_config, "piped logs"; mod_env
    place(
        "web server command",
        "the web server runs or loads it as root when it starts",
        &[
            "/etc/apache2/*.conf",
            "/etc/apache2/conf-enabled/*.conf",
            "/etc/apache2/sites-enabled/*",
            "/etc/apache2/envvars",
            "/etc/httpd/conf/*.conf",
            "/etc/httpd/conf.d/*.conf",
        ],
        Reading::Lines(apache),
    ),
    place(
        "database setting",
        "the database server loads or runs it when it starts",
        &["/etc/my.cnf", "/etc/my.cnf.d/*.cnf", "/etc/mysql/*.cnf", "/etc/mysql/*/*.cnf"],
        Reading::Lines(mysql),
    ),
    // master(5), pipe(8)
    place("mail service", "the mail server runs it", &["/etc/postfix/master.cf"], Reading::Lines(postfix)),
    // core(5); Documentation/admin-guide/sysctl/kernel.rst
    place(
        "sysctl",
        "the kernel runs it as root",
        &["/etc/sysctl.conf", "/etc/sysctl.d/*.conf", "/usr/lib/sysctl.d/*.conf", "/usr/local/lib/sysctl.d/*.conf"],
        Reading::Lines(sysctl),
    ),
    // tmpfiles.d(5)
    place(
        "tmpfiles",
        "systemd writes it anew whenever the machine starts",
        &["/etc/tmpfiles.d/*.conf", "/usr/lib/tmpfiles.d/*.conf", "/usr/local/lib/tmpfiles.d/*.conf"],
        Reading::Lines(tmpfiles),
    ),
    place(
        "kernel hook",
        "it is run as root when a kernel is installed, or becomes part of what starts the machine",
        &[
            "/etc/kernel/*.d/*",
            "/etc/initramfs-tools/hooks/*",
            "/etc/initramfs-tools/scripts/*/*",
            "/etc/initramfs/post-update.d/*",
            "/etc/grub.d/*",
        ],
        Reading::Script,
    ),
    // git-config(1): `core.pager`, `core.editor`, `core.sshCommand`, `core.hooksPath`, `core.fsmonitor`, aliases behind `!`
    place(
        "git setting",
        "git runs it for whoever works with it",
        &["/etc/gitconfig", "/root/.gitconfig", "/home/*/.gitconfig"],
        Reading::Lines(git),
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
        &[
            "/usr/lib/mysql/plugin/*.so",
            "/usr/lib64/mysql/plugin/*.so",
            "/usr/lib64/mariadb/plugin/*.so",
            "/usr/lib/*/mariadb*/plugin/*.so",
            "/usr/lib/*/libmariadb*/plugin/*.so",
        ],
        Reading::Script,
    ),
    place(
        "MySQL function",
        "the database server loads it for whoever calls the function",
        &["/var/lib/mysql/mysql/func.MAD", "/var/lib/mysql/mysql/func.MYD", "/var/lib/mysql/mysql.ibd"],
        Reading::Names(libraries),
    ),
];
