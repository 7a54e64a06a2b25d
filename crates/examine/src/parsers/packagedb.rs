//! The histories of yum, dnf and dnf5, in SQLite.
//!
//! | file | tables | source |
//! | --- | --- | --- |
//! | `/var/lib/dnf/history.sqlite` | `trans` (dt_begin, dt_end, user_id, cmdline, state), `trans_item` (action, reason), `rpm`, `repo` | libdnf, `transaction/sql/create.sql` |
//! | `/usr/lib/sysimage/libdnf5/transaction_history.sqlite` | `trans`, `trans_item` (action_id, reason_id, state_id) with tables of their names, `rpm`, `pkg_name`, `arch`, `comps_group`, `repo` | libdnf5 5.4, `transaction/db/sql/create_tables.sql`, version 1.1 |
//! | `/var/lib/yum/history/history-DATE.sqlite`, that of dnf before version 3 | `trans_beg`, `trans_end`, `trans_cmdline`, `trans_data_pkgs`, `pkgtups` | yum, `history.py` |
//!
//! Times are in seconds since 1970. The account is the one that logged in (`loginuid`), also where sudo was used.

use crate::database;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser, ToldBy};
use kanshiki_machine::Accounts;
use kanshiki_machine::sqlite::{self, MAGIC};
use kanshiki_model::{Event, Span, TimeBasis, Timestamp};
use rusqlite::Row;
use std::io;

/// Stands for an account that is not known.
const UNSET: i64 = 4_294_967_295;

/// Runs: number, begin, end, account, command line, how it ended, comment. A run that was cut off has no end.
const DNF_RUNS: &str =
    "SELECT id, dt_begin, dt_end, user_id, cmdline, CASE state WHEN 1 THEN 'done' WHEN 2 THEN 'error' END,
    NULL FROM trans";
const DNF5_RUNS: &str = "SELECT t.id, t.dt_begin, t.dt_end, t.user_id, t.description,
        CASE s.name WHEN 'Ok' THEN 'done' WHEN 'Error' THEN 'error' END, t.comment
    FROM trans t LEFT JOIN trans_state s ON s.id = t.state_id";
const YUM_RUNS: &str = "SELECT b.tid, b.timestamp, e.timestamp, b.loginuid, c.cmdline,
        CASE e.return_code WHEN 0 THEN 'done' ELSE 'error' END, NULL
    FROM trans_beg b LEFT JOIN trans_end e ON e.tid = b.tid LEFT JOIN trans_cmdline c ON c.tid = b.tid";
/// yum before version 3.2.28 kept no command lines.
const YUM_RUNS_WITHOUT_COMMANDS: &str = "SELECT b.tid, b.timestamp, e.timestamp, b.loginuid, NULL,
        CASE e.return_code WHEN 0 THEN 'done' ELSE 'error' END, NULL
    FROM trans_beg b LEFT JOIN trans_end e ON e.tid = b.tid";

/// Packages: run, begin of the run, account, action, name, version, architecture, reason, repository, how it ended.
const DNF_PACKAGES: &str = "SELECT t.id, t.dt_begin, t.user_id, i.action, r.name,
        CASE WHEN r.epoch > 0 THEN r.epoch || ':' ELSE '' END || r.version || '-' || r.release, r.arch,
        CASE i.reason WHEN 1 THEN 'dependency' WHEN 2 THEN 'user' WHEN 3 THEN 'clean' WHEN 4 THEN 'weak-dependency'
            WHEN 5 THEN 'group' END, p.repoid, CASE i.state WHEN 1 THEN 'done' WHEN 2 THEN 'error' END
    FROM trans_item i JOIN rpm r ON r.item_id = i.item_id JOIN trans t ON t.id = i.trans_id
    LEFT JOIN repo p ON p.id = i.repo_id";
/// With groups as dnf writes them on its command line, which have no version.
const DNF5_PACKAGES: &str = "SELECT t.id, t.dt_begin, t.user_id, a.name, w.name, w.version, w.arch,
        CASE WHEN e.id > 0 THEN replace(lower(e.name), ' ', '-') END, p.repoid,
        CASE s.name WHEN 'Ok' THEN 'done' WHEN 'Error' THEN 'error' END
    FROM trans_item i JOIN trans t ON t.id = i.trans_id
    JOIN (SELECT r.item_id AS item_id, n.name AS name,
            CASE WHEN r.epoch > 0 THEN r.epoch || ':' ELSE '' END || r.version || '-' || r.release AS version, c.name AS arch
        FROM rpm r LEFT JOIN pkg_name n ON n.id = r.name_id LEFT JOIN arch c ON c.id = r.arch_id
        UNION ALL SELECT item_id, '@' || groupid, NULL, NULL FROM comps_group
        UNION ALL SELECT item_id, '@' || environmentid, NULL, NULL FROM comps_environment) w ON w.item_id = i.item_id
    LEFT JOIN trans_item_action a ON a.id = i.action_id LEFT JOIN trans_item_reason e ON e.id = i.reason_id
    LEFT JOIN trans_item_state s ON s.id = i.state_id LEFT JOIN repo p ON p.id = i.repo_id";
const YUM_PACKAGES: &str = "SELECT b.tid, b.timestamp, b.loginuid, d.state, p.name,
        CASE WHEN CAST(p.epoch AS INTEGER) > 0 THEN p.epoch || ':' ELSE '' END || p.version || '-' || p.release, p.arch,
        CASE d.state WHEN 'Dep-Install' THEN 'dependency' END, NULL, CASE d.done WHEN 'TRUE' THEN 'done' END
    FROM trans_data_pkgs d JOIN pkgtups p ON p.pkgtupid = d.pkgtupid JOIN trans_beg b ON b.tid = d.tid";

/// The kinds of dnf's actions by their numbers (libdnf, `transaction/Types.hpp`); 11 changes the reason alone.
const ACTIONS: [&str; 12] = [
    "package.changed",
    "package.installed",
    "package.downgraded",
    "package.replaced",
    "package.installed",
    "package.replaced",
    "package.upgraded",
    "package.replaced",
    "package.removed",
    "package.reinstalled",
    "package.replaced",
    "package.changed",
];

/// The kinds of yum's states and of dnf5's actions.
const STATES: &[(&[u8], &str)] = &[
    (b"Install", "package.installed"),
    (b"True-Install", "package.installed"),
    (b"Dep-Install", "package.installed"),
    (b"Obsoleting", "package.installed"),
    (b"Update", "package.upgraded"),
    (b"Updated", "package.replaced"),
    (b"Downgrade", "package.downgraded"),
    (b"Downgraded", "package.replaced"),
    (b"Obsoleted", "package.replaced"),
    (b"Reinstall", "package.reinstalled"),
    (b"Erase", "package.removed"),
    (b"Upgrade", "package.upgraded"),
    (b"Remove", "package.removed"),
    (b"Replaced", "package.replaced"),
];

/// The parser of the histories.
#[derive(Debug)]
pub(crate) struct PackageDatabase;

impl Parser for PackageDatabase {
    fn id(&self) -> &'static str {
        "packagedb"
    }

    fn told_by(&self) -> ToldBy {
        ToldBy::Bytes
    }

    fn edition(&self) -> u32 {
        3
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let name = candidate.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let has_table = |table: &[u8]| memchr::memmem::find(candidate.head, table).is_some();
        // The schema may lie behind the head; then the name has to tell.
        let is_named =
            (name.starts_with(b"history") || name.starts_with(b"transaction_history")) && name.ends_with(b".sqlite");
        candidate.head.starts_with(MAGIC) && (is_named || has_table(b"trans_item") || has_table(b"trans_data_pkgs"))
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let (database, span) = database::open_for(input, output)?;
        let (runs, packages, program) = if database.has_table("trans_item_action") {
            (DNF5_RUNS, DNF5_PACKAGES, "dnf5")
        } else if database.has_table("trans_item") {
            (DNF_RUNS, DNF_PACKAGES, "dnf")
        } else if database.has_table("trans_beg") {
            let with_commands = database.has_table("trans_cmdline");
            (if with_commands { YUM_RUNS } else { YUM_RUNS_WITHOUT_COMMANDS }, YUM_PACKAGES, "yum")
        } else {
            return Err(io::Error::other("the database has none of the tables that dnf and yum make"));
        };
        let history = History { accounts: &context.host.accounts, span, program };
        database.each_row(runs, &mut |row| history.run(row, output))?;
        database.each_row(packages, &mut |row| history.package(row, output))
    }
}

/// What is the same for all rows.
struct History<'a> {
    accounts: &'a Accounts,
    span: Span,
    program: &'static str,
}

impl History<'_> {
    /// A run and its end; whether more is wanted.
    fn run(&self, row: &Row<'_>, output: &mut Output<'_>) -> bool {
        let command = sqlite::bytes(row, 4);
        let result = sqlite::bytes(row, 5);
        let mut details = self.details("package.run", row, 3);
        details.text("command", command);
        details.text("comment", sqlite::bytes(row, 6));
        output.event(&self.event(&details, seconds(row, 1), command));
        if let Some(end) = seconds(row, 2) {
            let mut details = self.details("package.run-ended", row, 3);
            details.text("result", result);
            details.text("command", command);
            output.also(&self.event(&details, Some(end), result));
        }
        !output.is_stopped()
    }

    /// What was done to a package; whether more is wanted.
    fn package(&self, row: &Row<'_>, output: &mut Output<'_>) -> bool {
        let state = sqlite::bytes(row, 3);
        let of_number = sqlite::number(row, 3).and_then(|action| ACTIONS.get(usize::try_from(action).ok()?).copied());
        let of_name = STATES.iter().find(|(listed, _)| *listed == state).map(|(_, kind)| *kind);
        let mut details = self.details(of_number.or(of_name).unwrap_or("package.changed"), row, 2);
        let [name, version, architecture] = [4, 5, 6].map(|column| sqlite::bytes(row, column));
        details.text("package", name);
        details.text("version", version);
        details.text("architecture", architecture);
        details.text("state", state);
        details.text("reason", sqlite::bytes(row, 7));
        details.text("repository", sqlite::bytes(row, 8));
        details.text("result", sqlite::bytes(row, 9));
        let message = match version {
            b"" => name.to_vec(),
            _ => [name, b"-", version, b".", architecture].concat(),
        };
        output.event(&self.event(&details, seconds(row, 1), &message));
        !output.is_stopped()
    }

    fn details<'a>(&'a self, kind: &'static str, row: &Row<'_>, account: usize) -> Details<'a> {
        let mut details = Details::new(kind);
        let uid = sqlite::number(row, account).filter(|uid| (0..UNSET).contains(uid));
        details.user = uid.and_then(|uid| self.accounts.name(u32::try_from(uid).ok()?)).unwrap_or_default();
        details.number("uid", uid);
        details.number("transaction", sqlite::number(row, 0));
        details
    }

    fn event<'a>(&self, details: &'a Details<'a>, time: Option<Timestamp>, message: &'a [u8]) -> Event<'a> {
        Event {
            time,
            basis: TimeBasis::Stated,
            span: self.span,
            program: self.program.as_bytes(),
            message,
            ..details.event()
        }
    }
}

fn seconds(row: &Row<'_>, column: usize) -> Option<Timestamp> {
    let seconds = sqlite::number(row, column).filter(|seconds| *seconds != 0)?;
    seconds.checked_mul(1_000_000_000).map(Timestamp::from_nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::testing::{Parsed, parse_on};
    use proptest::prelude::*;
    use rusqlite::{Connection, MAIN_DB};
    use serde_json::json;

    fn made(sql: &str) -> Vec<u8> {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        connection.serialize(MAIN_DB).unwrap().to_vec()
    }

    fn read(bytes: &[u8]) -> Parsed {
        let host = Host { accounts: Accounts::of_passwd(b"anna:x:1000:1000::/home/anna:/bin/sh\n"), ..Host::unknown() };
        parse_on(&host, &PackageDatabase, "/var/lib/dnf/history.sqlite", "2024-03-01T12:00:00Z", bytes)
    }

    fn assert_events(parsed: &Parsed, expected: &[serde_json::Value]) {
        assert_eq!(parsed.error, None);
        parsed.assert_events(expected);
    }

    /// The tables of libdnf 0.70.
    const DNF: &str = "
        CREATE TABLE trans (id INTEGER PRIMARY KEY AUTOINCREMENT, dt_begin INTEGER NOT NULL, dt_end INTEGER,
            rpmdb_version_begin TEXT, rpmdb_version_end TEXT, releasever TEXT NOT NULL, user_id INTEGER NOT NULL,
            cmdline TEXT, state INTEGER NOT NULL, comment TEXT DEFAULT '');
        CREATE TABLE repo (id INTEGER PRIMARY KEY AUTOINCREMENT, repoid TEXT NOT NULL);
        CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, item_type INTEGER NOT NULL);
        CREATE TABLE trans_item (id INTEGER PRIMARY KEY AUTOINCREMENT, trans_id INTEGER REFERENCES trans(id),
            item_id INTEGER REFERENCES item(id), repo_id INTEGER REFERENCES repo(id), action INTEGER NOT NULL,
            reason INTEGER NOT NULL, state INTEGER NOT NULL);
        CREATE TABLE rpm (item_id INTEGER UNIQUE NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL,
            version TEXT NOT NULL, release TEXT NOT NULL, arch TEXT NOT NULL);
        INSERT INTO trans VALUES (1, 1700000000, 1700000009, '', '', '39', 1000, 'install nmap', 1, ''),
            (2, 1700000100, NULL, '', '', '39', 4294967295, 'remove nmap', 0, '');
        INSERT INTO repo VALUES (1, 'fedora');
        INSERT INTO item VALUES (1, 1);
        INSERT INTO rpm VALUES (1, 'nmap', 3, '7.93', '1.fc39', 'x86_64');
        INSERT INTO trans_item VALUES (1, 1, 1, 1, 1, 2, 1), (2, 2, 1, 1, 8, 2, 0);";

    #[test]
    fn runs_and_packages_of_dnf_tell_who_and_what() {
        let parsed = read(&made(DNF));
        let expected = [
            json!({"kind": "package.run", "time": "2023-11-14T22:13:20Z", "user": "anna", "uid": 1000,
                "message": "install nmap", "transaction": 1, "program": "dnf"}),
            json!({"kind": "package.run-ended", "time": "2023-11-14T22:13:29Z", "result": "done"}),
            json!({"kind": "package.run", "message": "remove nmap", "user": null, "uid": null}),
            json!({"kind": "package.installed", "package": "nmap", "version": "3:7.93-1.fc39", "architecture": "x86_64",
                "reason": "user", "repository": "fedora", "user": "anna", "message": "nmap-3:7.93-1.fc39.x86_64"}),
            json!({"kind": "package.removed", "time": "2023-11-14T22:15:00Z"}),
        ];
        assert_events(&parsed, &expected);
    }

    /// The tables of yum 3.4.3.
    const YUM: &str = "
        CREATE TABLE trans_beg (tid INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, rpmdb_version TEXT NOT NULL,
            loginuid INTEGER);
        CREATE TABLE trans_end (tid INTEGER PRIMARY KEY REFERENCES trans_beg, timestamp INTEGER NOT NULL,
            rpmdb_version TEXT NOT NULL, return_code INTEGER NOT NULL);
        CREATE TABLE pkgtups (pkgtupid INTEGER PRIMARY KEY, name TEXT NOT NULL, arch TEXT NOT NULL, epoch TEXT NOT NULL,
            version TEXT NOT NULL, release TEXT NOT NULL, checksum TEXT);
        CREATE TABLE trans_data_pkgs (tid INTEGER NOT NULL REFERENCES trans_beg, pkgtupid INTEGER NOT NULL REFERENCES
            pkgtups, done BOOL NOT NULL DEFAULT FALSE, state TEXT NOT NULL);
        INSERT INTO trans_beg VALUES (7, 1400000000, '', 1000);
        INSERT INTO trans_end VALUES (7, 1400000005, '', 1);
        INSERT INTO pkgtups VALUES (1, 'httpd', 'x86_64', '0', '2.4.6', '17.el7', '');
        INSERT INTO trans_data_pkgs VALUES (7, 1, 'TRUE', 'Dep-Install');";

    #[test]
    fn yum_tells_them_with_and_without_command_lines() {
        let mut expected = [
            json!({"kind": "package.run", "time": "2014-05-13T16:53:20Z", "user": "anna", "command": null}),
            json!({"kind": "package.run-ended", "result": "error"}),
            json!({"kind": "package.installed", "package": "httpd", "version": "2.4.6-17.el7", "state": "Dep-Install",
                "reason": "dependency", "program": "yum"}),
        ];
        assert_events(&read(&made(YUM)), &expected);
        expected[0]["command"] = json!("-y install php");
        let commands = "CREATE TABLE trans_cmdline (tid INTEGER NOT NULL PRIMARY KEY REFERENCES trans_beg, cmdline TEXT
            NOT NULL); INSERT INTO trans_cmdline VALUES (7, '-y install php');";
        assert_events(&read(&made(&format!("{YUM}{commands}"))), &expected);
    }

    /// The tables of libdnf5 5.4.
    const DNF5: &str = r#"
        CREATE TABLE "trans_state" ("id" INTEGER, "name" TEXT, PRIMARY KEY("id"));
        INSERT INTO "trans_state" VALUES (1, 'Started'), (2, 'Ok'), (3, 'Error');
        CREATE TABLE "trans" ("id" INTEGER, "dt_begin" INTEGER NOT NULL, "dt_end" INTEGER, "rpmdb_version_begin" TEXT,
            "rpmdb_version_end" TEXT, "releasever" TEXT NOT NULL, "user_id" INTEGER NOT NULL, "description" TEXT,
            "comment" TEXT, "state_id" INTEGER, PRIMARY KEY("id" AUTOINCREMENT));
        CREATE TABLE "repo" ("id" INTEGER, "repoid" TEXT NOT NULL, PRIMARY KEY("id"));
        CREATE TABLE "pkg_name" ("id" INTEGER, "name" TEXT NOT NULL UNIQUE, PRIMARY KEY("id"));
        CREATE TABLE "arch" ("id" INTEGER, "name" TEXT NOT NULL UNIQUE, PRIMARY KEY("id"));
        CREATE TABLE "item" ("id" INTEGER, PRIMARY KEY("id"));
        CREATE TABLE "trans_item_action" ("id" INTEGER, "name" TEXT, PRIMARY KEY("id"));
        INSERT INTO "trans_item_action" VALUES (1, 'Install'), (2, 'Upgrade'), (3, 'Downgrade'), (4, 'Reinstall'),
            (5, 'Remove'), (6, 'Replaced'), (7, 'Reason Change');
        CREATE TABLE "trans_item_reason" ("id" INTEGER, "name" TEXT, PRIMARY KEY("id"));
        INSERT INTO "trans_item_reason" VALUES (0, 'None'), (1, 'Dependency'), (2, 'User'), (3, 'Clean'),
            (4, 'Weak Dependency'), (5, 'Group'), (6, 'External User');
        CREATE TABLE "trans_item_state" ("id" INTEGER, "name" TEXT, PRIMARY KEY("id"));
        INSERT INTO "trans_item_state" VALUES (1, 'Started'), (2, 'Ok'), (3, 'Error');
        CREATE TABLE "trans_item" ("id" INTEGER, "trans_id" INTEGER, "item_id" INTEGER, "repo_id" INTEGER,
            "action_id" INTEGER NOT NULL, "reason_id" INTEGER NOT NULL, "state_id" INTEGER NOT NULL,
            PRIMARY KEY("id" AUTOINCREMENT));
        CREATE TABLE "rpm" ("item_id" INTEGER NOT NULL UNIQUE, "name_id" INTEGER NOT NULL, "epoch" INTEGER NOT NULL,
            "version" TEXT NOT NULL, "release" TEXT NOT NULL, "arch_id" INTEGER NOT NULL);
        CREATE TABLE "comps_group" ("item_id" INTEGER NOT NULL UNIQUE, "groupid" TEXT NOT NULL, "name" TEXT NOT NULL,
            "translated_name" TEXT NOT NULL, "pkg_types" INTEGER NOT NULL);
        CREATE TABLE "comps_environment" ("item_id" INTEGER NOT NULL UNIQUE, "environmentid" TEXT NOT NULL,
            "name" TEXT NOT NULL, "translated_name" TEXT NOT NULL, "pkg_types" INTEGER NOT NULL);
        INSERT INTO trans VALUES (1, 1700000000, 1700000009, '', '', '41', 1000, 'dnf5 install nmap', 'for a scan', 2),
            (2, 1700000100, NULL, '', '', '41', 4294967295, 'dnf5 remove nmap', '', 1);
        INSERT INTO repo VALUES (1, 'fedora');
        INSERT INTO pkg_name VALUES (1, 'nmap');
        INSERT INTO arch VALUES (1, 'x86_64');
        INSERT INTO rpm VALUES (1, 1, 3, '7.93', '1.fc41', 1);
        INSERT INTO comps_group VALUES (2, 'core', 'Core', '', 0);
        INSERT INTO trans_item VALUES (1, 1, 1, 1, 1, 4, 2), (2, 1, 2, NULL, 2, 6, 3), (3, 2, 1, 1, 5, 0, 1),
            (4, 2, 1, 1, 7, 2, 2);"#;

    #[test]
    fn dnf5_tells_runs_packages_and_groups() {
        let bytes = made(DNF5);
        let path = b"/usr/lib/sysimage/libdnf5/transaction_history.sqlite";
        assert!(PackageDatabase.claims(&Candidate { path, head: &bytes[..100], host: &Host::unknown() }));
        let expected = [
            json!({"kind": "package.run", "time": "2023-11-14T22:13:20Z", "user": "anna", "uid": 1000, "program": "dnf5",
                "message": "dnf5 install nmap", "comment": "for a scan", "transaction": 1}),
            json!({"kind": "package.run-ended", "time": "2023-11-14T22:13:29Z", "result": "done"}),
            json!({"kind": "package.run", "message": "dnf5 remove nmap", "user": null, "uid": null, "comment": null}),
            json!({"kind": "package.installed", "package": "nmap", "version": "3:7.93-1.fc41", "architecture": "x86_64",
                "reason": "weak-dependency", "repository": "fedora", "user": "anna", "state": "Install", "result": "done",
                "message": "nmap-3:7.93-1.fc41.x86_64"}),
            json!({"kind": "package.upgraded", "package": "@core", "version": null, "reason": "external-user",
                "result": "error", "message": "@core"}),
            json!({"kind": "package.removed", "time": "2023-11-14T22:15:00Z", "reason": null, "result": null}),
            json!({"kind": "package.changed", "state": "Reason Change", "reason": "user"}),
        ];
        assert_events(&read(&bytes), &expected);
    }

    #[test]
    fn another_database_is_said_to_be_one() {
        let parsed = read(&made("CREATE TABLE t (a)"));
        assert_eq!(parsed.error.as_deref(), Some("the database has none of the tables that dnf and yum make"));
        let parsed = read(&made("CREATE TABLE trans_item (a)"));
        assert!(parsed.error.unwrap().contains("no such table: trans"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_never_panic(place in 0..20_000_usize, bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            for sql in [DNF, DNF5, YUM] {
                let mut database = made(sql);
                for (at, byte) in (place..).zip(&bytes) {
                    if let Some(there) = database.get_mut(at) {
                        *there = *byte;
                    }
                }
                let _ = read(&database);
            }
        }
    }
}
