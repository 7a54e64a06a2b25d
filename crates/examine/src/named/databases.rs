//! Logs of MySQL and MariaDB (MySQL 8.0 Reference Manual, 7.1.8 and 7.4; MariaDB, "Server System Variables", "MariaDB Audit
//! Plugin") and of PostgreSQL (PostgreSQL 17, 19.8.1).

use super::Named;
use crate::blind::database::mysql::persisted;
use kanshiki_machine::services::{mysql, postgres};

/// Options of a server that name a log, relative to the folder of its data. `log` and `log_slow_queries` are of versions before
/// 5.6; `log_slow_query_file` is MariaDB's newer name.
const MYSQL: [&[u8]; 12] = [
    b"general_log_file",
    b"log",
    b"slow_query_log_file",
    b"log_slow_query_file",
    b"log_slow_queries",
    b"log_error",
    b"log_bin",
    b"log_basename",
    b"relay_log",
    b"server_audit_file_path",
    b"audit_log_file",
    b"log_update",
];

/// What a server calls its logs in the folder of its data if it is told nothing: `HOST.log` and `HOST-slow.log` have a name that
/// makes them known wherever they are.
const MYSQL_DEFAULT: [&[u8]; 5] = [b"*.err", b"*-bin.0", b"*-relay-bin.0", b"binlog.0", b"server_audit"];

/// Folders of data that one image may have.
const FOLDERS: usize = 16;

pub(super) fn find(named: &mut Named<'_>) {
    mysql(named);
    postgres(named);
}

/// Whatever group an option stands in: of one version, of `mysqld_safe`, of one of several servers.
fn mysql(named: &mut Named<'_>) {
    let starts: Vec<&str> = mysql::MAIN.iter().chain(mysql::INCLUDED).copied().collect();
    let mut options = Vec::new();
    if let Some(config) = named.config(&starts, mysql::DIALECT) {
        options.extend(config.lines().filter_map(|line| mysql::option(line.text)));
    }
    let mut folders = vec![b"/var/lib/mysql".to_vec()];
    for (_, folder) in options.iter().filter(|(name, value)| name == b"datadir" && value.starts_with(b"/")) {
        if folders.len() < FOLDERS && !folders.contains(folder) {
            folders.push(folder.clone());
        }
    }
    for (name, path) in &options {
        // Switches have no path.
        let is_path = !matches!(path.to_ascii_lowercase().as_slice(), b"" | b"0" | b"1" | b"on" | b"off" | b"stderr");
        if is_path && MYSQL.contains(&name.as_slice()) {
            folders.iter().for_each(|folder| named.add_below(folder, path));
        }
    }
    // The first is known.
    for folder in folders.iter().skip(1) {
        MYSQL_DEFAULT.iter().for_each(|name| named.add_below(folder, name));
    }
    for folder in &folders {
        for name in MYSQL.iter().filter_map(|name| std::str::from_utf8(name).ok()) {
            if let Some((path, _)) = persisted(named.view, folder, name).filter(|(path, _)| path.len() > 3) {
                named.add_below(folder, path.as_bytes());
            }
        }
    }
}

/// The collector writes `log_filename` (strftime(3)) in `log_directory` below the folder of the data; for the forms `csvlog` and
/// `jsonlog` another ending takes the place of `.log`.
fn postgres(named: &mut Named<'_>) {
    for cluster in postgres::clusters(named.view) {
        let settings = cluster.config.settings(|line| postgres::setting(line.text));
        let all = |wanted: &[u8], default: &[u8]| {
            let values = settings.found.iter().filter(|it| it.name == wanted).map(|it| it.value.clone());
            values.chain([default.to_vec()]).take(FOLDERS).collect::<Vec<_>>()
        };
        let (folders, names) = (all(b"log_directory", b"log"), all(b"log_filename", b"postgresql-%Y"));
        for folder in folders {
            for name in &names {
                let name = name.strip_suffix(b".log").unwrap_or(name);
                named.add_below(cluster.data.as_bytes(), &[&folder, b"/".as_slice(), name].concat());
            }
        }
    }
}
