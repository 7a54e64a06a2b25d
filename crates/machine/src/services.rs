//! Where programs keep their settings, and how these are written: for all who ask what a service does.

use crate::config::{Config, Dialect, assignment, behind, holds, unquoted};
use crate::settings;
use kanshiki_filesystem::View;

/// OpenSSH's server (sshd_config(5)).
pub mod ssh {
    use super::{Config, Dialect, assignment, behind};
    use crate::config::Line;
    use std::collections::HashMap;

    /// The settings; the second is where distributions with an empty `/etc` keep theirs.
    pub const MAIN: [&str; 2] = ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];

    /// `Include` takes several patterns; relative ones begin in `/etc/ssh`.
    pub const DIALECT: Dialect = Dialect {
        include: |line| behind(line, "Include").map(<[u8]>::to_vec),
        has_several: true,
        folder: Some("/etc/ssh"),
    };

    /// A setting with the conditions under which it counts.
    #[derive(Debug, Clone)]
    pub struct Setting<'c> {
        /// Its name in lower case.
        pub name: Vec<u8>,
        /// Its value.
        pub value: Vec<u8>,
        /// Where it stands.
        pub line: Line<'c>,
        /// The lines `Match` that it stands behind, all of which must hold; none if it counts for all.
        pub conditions: Vec<Line<'c>>,
    }

    /// All settings, in their order, without those that include others. A `Match` goes on to the next one or to the end of its
    /// file; it holds for what is included behind it, and for no file that includes its own (`sInclude` of servconf.c).
    #[must_use]
    pub fn settings(config: &Config) -> Vec<Setting<'_>> {
        let mut conditions: HashMap<usize, Vec<Line<'_>>> = HashMap::new();
        let mut found = Vec::new();
        for line in config.lines() {
            let above = config.parent(line.place).and_then(|above| conditions.get(&above)).cloned().unwrap_or_default();
            if behind(line.text, "Match").is_some() {
                let of_file = above.into_iter().chain([line.clone()]).collect();
                conditions.insert(line.place, of_file);
                continue;
            }
            let of_line = conditions.entry(line.place).or_insert(above).clone();
            if let Some((name, value)) = assignment(line.text)
                && name != b"include"
            {
                found.push(Setting { name, value, line, conditions: of_line });
            }
        }
        found
    }
}

/// FTP servers.
pub mod ftp {
    use super::{Dialect, behind};

    /// The settings of vsftpd, each of a server of its own (vsftpd.conf(5)).
    pub const VSFTPD: [&str; 2] = ["/etc/vsftpd.conf", "/etc/vsftpd/*.conf"];

    /// The settings of proftpd.
    pub const PROFTPD_MAIN: [&str; 3] =
        ["/etc/proftpd/proftpd.conf", "/etc/proftpd.conf", "/usr/local/etc/proftpd.conf"];

    /// Settings of proftpd.
    pub const PROFTPD: Dialect =
        Dialect { include: |line| behind(line, "Include").map(<[u8]>::to_vec), ..Dialect::PLAIN };

    /// The settings of pure-ftpd in one file; Debian keeps each option in a file below `/etc/pure-ftpd/conf`.
    pub const PURE_FTPD: [&str; 2] = ["/etc/pure-ftpd.conf", "/etc/pure-ftpd/pure-ftpd.conf"];
}

/// MySQL and MariaDB: option files (MySQL 8.0 Reference Manual, 4.2.2.2; MariaDB, "Configuring MariaDB with Option Files").
pub mod mysql {
    use super::{Dialect, behind, unquoted};

    /// What tells that a server is installed, not a client alone.
    pub const SIGNS: &[&str] = &[
        "/usr/sbin/mariadbd",
        "/usr/sbin/mysqld",
        "/usr/libexec/mariadbd",
        "/usr/libexec/mysqld",
        "/usr/bin/mysqld",
        "/usr/bin/mariadbd",
        "/usr/local/mysql/bin/mysqld",
        "/opt/bitnami/mysql/bin/mysqld",
        "/opt/bitnami/mariadb/sbin/mysqld",
        "/var/lib/mysql",
    ];

    /// What MariaDB alone has.
    pub const MARIADB: &[&str] = &[
        "/usr/sbin/mariadbd",
        "/usr/libexec/mariadbd",
        "/usr/bin/mariadbd",
        "/opt/bitnami/mariadb",
        "/etc/mysql/mariadb.conf.d",
        "/var/lib/mysql/aria_log_control",
        "/var/lib/mysql/mariadb_upgrade_info",
    ];

    /// The files that a server reads first, in their order.
    pub const MAIN: &[&str] = &[
        "/etc/my.cnf",
        "/etc/mysql/my.cnf",
        "/usr/etc/my.cnf",
        "/usr/local/mysql/etc/my.cnf",
        "/opt/bitnami/*/conf/my.cnf",
    ];

    /// The folders that packages have them include.
    pub const INCLUDED: &[&str] = &[
        "/etc/my.cnf.d/*.cnf",
        "/etc/mysql/conf.d/*.cnf",
        "/etc/mysql/mysql.conf.d/*.cnf",
        "/etc/mysql/mariadb.conf.d/*.cnf",
    ];

    /// `!includedir` and `!include`.
    pub const DIALECT: Dialect = Dialect { include, ..Dialect::PLAIN };

    fn include(line: &[u8]) -> Option<Vec<u8>> {
        if let Some(folder) = behind(line, "!includedir") {
            return Some([folder, b"/*.cnf".as_slice()].concat());
        }
        behind(line, "!include").map(<[u8]>::to_vec)
    }

    /// The value of an option that `skip-` stands before.
    pub const SKIPPED: &[u8] = b"skipped";

    /// Options that are looked at, and may have a prefix.
    const SWITCHES: [&[u8]; 5] = [b"general_log", b"slow_query_log", b"log_bin", b"log_warnings", b"local_infile"];

    /// `name[ = value]`, dashes as underscores; `skip-`, `disable-`, `enable-` and `loose-` before a name have a meaning of
    /// their own (MySQL 8.0 Reference Manual, 4.2.2.4).
    #[must_use]
    pub fn option(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        if line.starts_with(b"#") || line.starts_with(b";") || line.starts_with(b"!") {
            return None;
        }
        let end = memchr::memchr(b'=', line).unwrap_or(line.len());
        let (name, value) = line.split_at_checked(end)?;
        let name = unquoted(name.trim_ascii()).to_ascii_lowercase();
        let name: Vec<u8> = name.iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect();
        let name = name.strip_prefix(b"loose_").unwrap_or(&name);
        let value = value.strip_prefix(b"=").map_or(b"1".as_slice(), |value| unquoted(value.trim_ascii()));
        for (prefix, switch) in [("skip_", SKIPPED), ("disable_", SKIPPED), ("enable_", b"1")] {
            if let Some(name) = name.strip_prefix(prefix.as_bytes()).filter(|name| SWITCHES.contains(name)) {
                return Some((name.to_vec(), switch.to_vec()));
            }
        }
        Some((name.to_vec(), value.to_vec()))
    }

    /// Whether a switch is off (`get_bool_argument` of my_getopt.c).
    #[must_use]
    pub fn is_off(value: &[u8]) -> Option<bool> {
        match value.to_ascii_lowercase().as_slice() {
            b"off" | b"false" | b"0" | SKIPPED => Some(true),
            b"on" | b"true" | b"1" => Some(false),
            _ => None,
        }
    }

    /// The options of groups that the server reads. A group goes on to the end of its file; files that it includes begin
    /// without.
    pub fn options(config: &super::Config, is_mariadb: bool) -> crate::config::Settings<'_> {
        let mut groups: std::collections::HashMap<usize, Vec<u8>> = std::collections::HashMap::new();
        config.settings(|line| {
            if let Some(group) = line.text.strip_prefix(b"[") {
                let end = memchr::memchr(b']', group).unwrap_or(group.len());
                groups.insert(line.place, group.get(..end).unwrap_or_default().to_vec());
                return None;
            }
            let (name, value) = option(line.text)?;
            match groups.get(&line.place).map(Vec::as_slice)? {
                b"mysqld" | b"server" => Some((name, value)),
                b"mariadb" | b"mariadbd" if is_mariadb => Some((name, value)),
                // Read by one version alone, which the settings do not tell: no value that can be judged.
                group if group.starts_with(b"mysqld-") || (is_mariadb && group.starts_with(b"mariadb-")) => {
                    Some((name, b"of one version".to_vec()))
                }
                _ => None,
            }
        })
    }
}

/// PostgreSQL: `postgresql.conf` of each cluster and what ALTER SYSTEM wrote (PostgreSQL 17, 19.1).
pub mod postgres {
    use super::{Config, Dialect, View, assignment, holds, settings};

    /// The settings of clusters: of Debian's packages, of Red Hat's, of the container image.
    const CLUSTERS: &[&str] = &[
        "/etc/postgresql/*/*/postgresql.conf",
        "/var/lib/pgsql/data/postgresql.conf",
        "/var/lib/pgsql/*/data/postgresql.conf",
        "/var/lib/postgresql/data/postgresql.conf",
        "/var/lib/postgres/data/postgresql.conf",
        "/usr/local/pgsql/data/postgresql.conf",
    ];

    /// Clusters of one image that are looked at.
    const CLUSTERS_READ: usize = 64;

    const DIALECT: Dialect = Dialect { include, ..Dialect::PLAIN };

    fn include(line: &[u8]) -> Option<Vec<u8>> {
        let (name, value) = setting(line)?;
        match name.as_slice() {
            b"include" | b"include_if_exists" => Some(value),
            b"include_dir" => Some([&value, b"/*.conf".as_slice()].concat()),
            _ => None,
        }
    }

    /// `name = value` or `name value`.
    #[must_use]
    pub fn setting(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let (name, value) = assignment(line)?;
        // A comment needs no blank before it where the value has no quotes.
        let end = if holds(line, "'") { value.len() } else { memchr::memchr(b'#', &value).unwrap_or(value.len()) };
        Some((name, value.get(..end).unwrap_or_default().trim_ascii().to_vec()))
    }

    /// A cluster with its settings.
    #[derive(Debug)]
    pub struct Cluster {
        /// The folder of its settings.
        pub folder: String,
        /// That of its data.
        pub data: String,
        /// Its settings.
        pub config: Config,
    }

    /// The clusters of an image; 64 at most.
    #[must_use]
    pub fn clusters(view: &View) -> Vec<Cluster> {
        let mut clusters = Vec::new();
        let paths = CLUSTERS.iter().flat_map(|pattern| settings::paths(view, pattern.as_bytes()));
        for path in paths.take(CLUSTERS_READ) {
            let folder =
                String::from_utf8_lossy(path.strip_suffix(b"/postgresql.conf").unwrap_or_default()).into_owned();
            let path = format!("{folder}/postgresql.conf");
            let Some(first) = Config::gather(view, &[&path], DIALECT) else { continue };
            let data = first.settings(|line| setting(line.text)).last("data_directory").map(|it| it.value.clone());
            let data = data.map_or_else(
                || folder.replacen("/etc/", "/var/lib/", 1),
                |data| String::from_utf8_lossy(&data).into_owned(),
            );
            // What ALTER SYSTEM wrote is read last.
            let both = [path, format!("{data}/postgresql.auto.conf")];
            let Some(config) = Config::gather(view, &both.each_ref().map(String::as_str), DIALECT) else { continue };
            clusters.push(Cluster { folder, data, config });
        }
        clusters
    }
}

/// Web servers.
pub mod web {
    use super::{Dialect, behind, unquoted};

    /// Apache's settings, by packages, with the folder in which relative names begin (`ServerRoot`).
    pub const APACHE: &[(&[&str], &str)] = &[
        (&["/etc/apache2/apache2.conf", "/etc/apache2/httpd.conf"], "/etc/apache2"),
        (&["/etc/httpd/conf/httpd.conf", "/etc/httpd/httpd.conf"], "/etc/httpd"),
        (&["/usr/local/apache2/conf/httpd.conf"], "/usr/local/apache2"),
        (&["/opt/bitnami/apache/conf/httpd.conf", "/opt/bitnami/apache2/conf/httpd.conf"], "/opt/bitnami/apache"),
    ];

    /// How Apache's settings are written that begin in this folder.
    #[must_use]
    pub const fn apache(folder: &'static str) -> Dialect {
        Dialect { include: apache_include, folder: Some(folder), ..Dialect::PLAIN }
    }

    fn apache_include(line: &[u8]) -> Option<Vec<u8>> {
        let pattern = behind(line, "IncludeOptional").or_else(|| behind(line, "Include"))?;
        Some(unquoted(pattern).to_vec())
    }

    /// nginx's settings, by packages, with the folder in which relative names begin.
    pub const NGINX: &[(&str, &str)] = &[
        ("/etc/nginx/nginx.conf", "/etc/nginx"),
        ("/usr/local/nginx/conf/nginx.conf", "/usr/local/nginx/conf"),
        ("/usr/local/openresty/nginx/conf/nginx.conf", "/usr/local/openresty/nginx/conf"),
        ("/opt/bitnami/nginx/conf/nginx.conf", "/opt/bitnami/nginx/conf"),
    ];

    /// How nginx's settings are written that begin in this folder.
    #[must_use]
    pub const fn nginx(folder: &'static str) -> Dialect {
        Dialect { include: nginx_include, folder: Some(folder), ..Dialect::PLAIN }
    }

    fn nginx_include(line: &[u8]) -> Option<Vec<u8>> {
        let pattern = behind(line, "include")?;
        Some(unquoted(pattern.split(|byte| *byte == b';').next()?.trim_ascii()).to_vec())
    }
}

/// Samba (smb.conf(5)).
pub mod samba {
    use super::Dialect;

    /// `include = FILE`, but what depends on the client.
    pub const DIALECT: Dialect = Dialect { include, ..Dialect::PLAIN };

    fn include(line: &[u8]) -> Option<Vec<u8>> {
        let (name, value) = parameter(line)?;
        // With a part that depends on the client it is no file that can be known.
        (name == b"include" && !value.contains(&b'%')).then_some(value)
    }

    /// `name = value`; blanks within a name mean nothing, as in `vfs objects`.
    #[must_use]
    pub fn parameter(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        if line.starts_with(b"#") || line.starts_with(b";") {
            return None;
        }
        let at = memchr::memchr(b'=', line)?;
        let (name, value) = line.split_at_checked(at)?;
        let name = name.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect();
        Some((name, value.get(1..)?.trim_ascii().to_vec()))
    }
}

/// Firewalls.
pub mod firewall {
    /// Rules that nftables.service sets, of Debian and of Red Hat.
    pub const NFTABLES: &[&str] = &["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];

    /// What iptables-save wrote, set at the start by iptables-persistent or iptables.service.
    pub const IPTABLES: &[&str] = &[
        "/etc/iptables/rules.v4",
        "/etc/iptables/rules.v6",
        "/etc/iptables/iptables.rules",
        "/etc/sysconfig/iptables",
        "/etc/sysconfig/ip6tables",
    ];
}
