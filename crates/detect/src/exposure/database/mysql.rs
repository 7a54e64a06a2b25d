//! MySQL and MariaDB (MySQL 8.0 Reference Manual, 5.1.8; MariaDB, "Server System Variables").

use crate::exposure::rules::{ANYBODY, REACHABLE, WEAKENED};
use crate::exposure::teller::{Hole, Reach, Service, Teller, Value, Version};
use kanshiki_machine::config::Settings;
use kanshiki_machine::services::mysql::{DIALECT, INCLUDED, MAIN, MARIADB, SIGNS, is_off, options};
use kanshiki_model::Severity;

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    if teller.any_of(SIGNS).is_none() {
        return;
    }
    let is_mariadb = teller.any_of(MARIADB).is_some();
    let Some(config) = teller.config(MAIN, DIALECT).or_else(|| teller.config(INCLUDED, DIALECT)) else { return };
    let name = if is_mariadb { "mariadb" } else { "mysql" };
    let units = ["mariadb.service", "mysql.service", "mysqld.service"];
    let service = teller.service(name, &units, SIGNS.split_last().map_or(SIGNS, |(_, programs)| programs));
    judge(teller, &service, &options(&config, is_mariadb), is_mariadb);
}

fn judge(teller: &mut Teller<'_, '_>, service: &Service, settings: &Settings<'_>, is_mariadb: bool) {
    let of = |name: &str, default: &str| Value::last(settings, name, default);
    let is_on = |value: &Value| is_off(&value.bytes) == Some(false);
    let name = &service.name;
    let address = of("bind_address", "*");
    let no_network = of("skip_networking", "0");
    let no_grants = of("skip_grant_tables", "0");
    // MySQL 8.0 does not listen on the network without its table of accounts (5.1.7, --skip-grant-tables).
    let is_old = teller.version(&["mysql-server", "mysql-community-server"]).is_some_and(|it| it < Version(8, 0));
    let closes = is_on(&no_grants) && !is_mariadb && !is_old;
    let reach = if is_on(&no_network) || closes {
        Reach::Nobody
    } else {
        Reach::furthest(address.bytes.split(|byte| *byte == b',')).unwrap_or(Reach::All)
    };
    let local_infile = of("local_infile", if is_mariadb { "ON" } else { "OFF" });
    let files = of("secure_file_priv", if is_mariadb { "" } else { "/var/lib/mysql-files" });
    let encrypted = of("require_secure_transport", "OFF");

    teller.row(service, "bind-address", &address, reach.words());
    teller.row(service, "skip-networking", &no_network, "whether it keeps off the network");
    teller.row(service, "port", &of("port", "3306"), "the port");
    let about =
        if is_on(&no_grants) { "anybody is let in, and may do all" } else { "accounts and passwords are asked for" };
    teller.row(service, "skip-grant-tables", &no_grants, about);
    teller.row(service, "local_infile", &local_infile, "whether clients send files of theirs into tables");
    let about = if files.bytes.is_empty() {
        "statements read and write files anywhere"
    } else {
        "where statements read and write files"
    };
    teller.row(service, "secure_file_priv", &files, about);
    teller.row(service, "require_secure_transport", &encrypted, "whether connections must be encrypted");
    for (name, default, about) in [
        ("user", "mysql", "the account that it runs as"),
        ("old_passwords", "0", "whether passwords are kept in a form that is guessed at once"),
        ("init_file", "", "statements that are run at each start"),
        ("plugin_load", "", "libraries that it loads"),
        ("plugin_load_add", "", "libraries that it loads"),
        ("sql_mode", "", "how strict it is"),
    ] {
        let value = of(name, default);
        if value.is_set {
            teller.row(service, name, &value, about);
        }
    }

    if is_on(&no_grants) {
        let severity = if reach.is_remote() { Severity::High } else { Severity::Medium };
        let title = format!("{name} lets anybody in without a password");
        let text = format!(
            "skip-grant-tables switches accounts and passwords off: whoever connects may read and change all; {}.",
            reach.words()
        );
        let values: &[&Value] = if reach.is_remote() { &[&no_grants, &address] } else { &[&no_grants] };
        // That it listens is by default; that nobody is asked for a password is never brought by a package.
        teller.hole(&ANYBODY, service, Hole { severity, key: "grants", title, text, values });
    } else if reach.is_remote() {
        let title = format!("{name} can be reached over the network");
        let text = format!("Passwords can be tried from elsewhere, and old holes used; {}.", reach.words());
        let hole = Hole { severity: Severity::Low, key: "network", title, text, values: &[&address] };
        teller.hole(&REACHABLE, service, hole);
    }
    let user = of("user", "mysql");
    if user.is("root") {
        let title = format!("{name} runs as root");
        let text = "Who may write files by statements writes them as root, and is root soon after.".to_owned();
        let hole = Hole { severity: Severity::Medium, key: "root", title, text, values: &[&user] };
        teller.hole(&WEAKENED, service, hole);
    }
    if local_infile.is_set && is_on(&local_infile) {
        let title = format!("{name} takes files of its clients into tables");
        let text =
            "LOAD DATA LOCAL: a server that was taken over reads files of the machines that connect to it.".to_owned();
        let hole = Hole { severity: Severity::Info, key: "infile", title, text, values: &[&local_infile] };
        teller.hole(&WEAKENED, service, hole);
    }
    if files.is_set && files.bytes.is_empty() {
        let title = format!("{name} lets statements read and write files anywhere");
        let text =
            "INTO OUTFILE writes web shells where secure_file_priv is empty, LOAD_FILE reads what the server may read."
                .to_owned();
        let hole = Hole { severity: Severity::Low, key: "files", title, text, values: &[&files] };
        teller.hole(&WEAKENED, service, hole);
    }
}
