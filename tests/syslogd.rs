//! `kanshiki examine` on the logs of an rsyslogd that runs for the test, in each of its forms: with what logger sends it, and
//! with a real sshd, su, sudo and useradd.

use kanshiki_testkit::{Need, Running, ext_image, kanshiki_path, need, run, tempdir, tool, wait_until, write_file};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

const ZONE: &str = "/usr/share/zoneinfo/Asia/Kolkata";

/// The forms, by the names of their files; the first has all that a record tells.
const FORMS: [&str; 4] = ["iso", "traditional", "rfc5424", "pri"];

/// Settings that write each record in all forms.
fn settings(socket: &Path, log: &Path, more: &str) -> String {
    let mut settings = format!(
        r#"global(workDirectory="{}" maxMessageSize="64k" localHostname="ferry")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{}" RateLimit.Interval="0")
template(name="pri" type="string" string="<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\n")
{more}
"#,
        log.display(),
        socket.display()
    );
    let templates = ["RSYSLOG_FileFormat", "RSYSLOG_TraditionalFileFormat", "RSYSLOG_SyslogProtocol23Format", "pri"];
    for (form, template) in FORMS.iter().zip(templates) {
        settings +=
            &format!("*.* action(type=\"omfile\" file=\"{}/{form}.log\" template=\"{template}\")\n", log.display());
    }
    settings
}

/// The logs of a folder as those of an image, examined. All lines are understood.
fn examined(place: &Path, log: &Path) -> PathBuf {
    let (image, case) = (place.join("disk.img"), place.join("case"));
    ext_image(&image, 16, &[], |root| {
        std::fs::create_dir_all(root.join("var/log")).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        let _ = std::fs::copy(ZONE, root.join("etc/localtime")).unwrap();
        for file in std::fs::read_dir(log).unwrap().flatten() {
            let _ = std::fs::copy(file.path(), root.join("var/log").join(file.file_name())).unwrap();
        }
    });
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);
    case
}

fn query(case: &Path, sql: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", sql, "--case"]).arg(case)).exits(0).stdout;
    let rows = asked.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

/// The records of one form, in the order of the lines.
fn records(case: &Path, form: &str) -> Vec<Value> {
    let records = query(
        case,
        &format!(
            "SELECT line, time, basis, kind, host, program, pid, user, address, message,
                json_remove(coalesce(fields, '{{}}'), '$.priority') AS facts, fields ->> 'priority' AS priority
                FROM timeline WHERE path = '/var/log/{form}.log' AND kind NOT GLOB 'file.*' ORDER BY line"
        ),
    );
    for (number, record) in records.iter().enumerate() {
        assert_eq!(record["line"], number + 1, "{form}: {record}");
    }
    records
}

/// Lines of a log that hold this, as grep counts them.
fn grep_count(log: &Path, form: &str, text: &str) -> usize {
    let counted = run(Command::new("grep").args(["-a", "-c", "-F", text]).arg(log.join(form).with_extension("log")));
    counted.stdout.trim().parse().unwrap()
}

/// That all forms tell the same; `is_other` picks records whose tag rsyslogd itself cuts up otherwise for RFC 5424.
fn assert_all_forms_are_equal(case: &Path, log: &Path, is_other: impl Fn(&Value) -> bool) -> Vec<Value> {
    let whole = records(case, "iso");
    let priorities: Vec<Value> = records(case, "pri").iter().map(|record| record["priority"].clone()).collect();
    for form in FORMS {
        let records = records(case, form);
        assert_eq!(records.len(), grep_count(log, form, ""), "{form}");
        assert_eq!(records.len(), whole.len(), "{form}");
        let is_rfc5424 = form == "rfc5424";
        for ((ours, iso), priority) in records.iter().zip(&whole).zip(&priorities) {
            let is_whole = matches!(form, "iso" | "rfc5424");
            assert_eq!(ours["basis"], if is_whole { "stated" } else { "year-and-zone-inferred" });
            let time = iso["time"].as_i64().unwrap();
            assert_eq!(ours["time"], if is_whole { time } else { time - time % 1_000_000_000 }, "{form}: {ours}");
            assert_eq!(&ours["priority"], if is_rfc5424 || form == "pri" { priority } else { &Value::Null }, "{ours}");
            if is_rfc5424 && is_other(iso) {
                continue;
            }
            for name in ["kind", "host", "program", "pid", "user", "address", "message", "facts"] {
                assert_eq!(ours[name], iso[name], "{form}, {name}: {ours}\n{iso}");
            }
        }
    }
    whole
}

/// What is sent to rsyslogd as it is, with its priority; and what becomes of it: program, process, message.
const SENT: &[(&[u8], &str, Option<i64>, &str)] = &[
    (b"<19>withpid[4711]: an error", "withpid", Some(4711), "an error"),
    ("<13>utf8: Gr\u{fc}\u{df}e \u{6771}\u{4eac}".as_bytes(), "utf8", None, "Gr\u{fc}\u{df}e \u{6771}\u{4eac}"),
    (b"<191>path/to/prog: slash", "path/to/prog", None, "slash"),
    (b"<13>two words: message", "", None, "two words: message"),
    (b"<13>just words of no tag", "", None, "just words of no tag"),
    (b"<13>colons: a: b: c [d]", "colons", None, "a: b: c [d]"),
    (b"<0>Nov 28 10:00:00 kernel: oops", "kernel", None, "oops"),
    (b"<30>prog: \xff\xfe no UTF-8", "prog", None, "\\xff\\xfe no UTF-8"),
    (b"<30>prog: line\nsecond\x00third\x1b[31m\ttab", "prog", None, "line#012second#000third#033[31m#011tab"),
    (b"<30>prog: DEL\x7f and \\ backslash", "prog", None, "DEL\\u{7f} and \\\\ backslash"),
    (b"<30>prog[12:34]: odd process", "prog", None, "odd process"),
    (b"<30>prog[99999999999999999999]: no number", "prog", None, "no number"),
    (b"<999>prog: priority of no kind", "prog", None, "priority of no kind"),
    (b"<30>1 2024-02-29T23:59:58Z h p 1 - - text", "", None, "1 2024-02-29T23:59:58Z h p 1 - - text"),
];

#[test]
fn what_was_sent_to_rsyslogd_is_read_alike_in_all_forms_that_it_writes() {
    const TOOLS: &[Need] = &[Need::Tool("rsyslogd"), Need::Tool("logger"), Need::Tool("mkfs.ext4"), Need::File(ZONE)];
    if !need(&[Need::Root, Need::LoopDevices, Need::Mount]) || !need(TOOLS) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    let (socket, log) = (place.join("socket"), place.join("log"));
    std::fs::create_dir(&log).unwrap();
    write_file(&place.join("rsyslog.conf"), settings(&socket, &log, "$RepeatedMsgReduction on"));
    let server = Running::start(
        tool("rsyslogd")
            .arg("-n")
            .arg("-f")
            .arg(place.join("rsyslog.conf"))
            .arg("-i")
            .arg(place.join("pid"))
            .env("TZ", "Asia/Kolkata"),
    );
    wait_until("the socket of rsyslogd", || UnixDatagram::unbound().unwrap().connect(&socket).is_ok());

    let client = UnixDatagram::unbound().unwrap();
    client.connect(&socket).unwrap();
    for (bytes, ..) in SENT {
        let _ = client.send(bytes).unwrap();
    }
    let long = "x".repeat(50_000);
    let logger = |options: &[&str], message: &str| {
        let _ = run(tool("logger").arg("--socket").arg(&socket).args(options).arg("--").arg(message)).exits(0);
    };
    logger(&["--tag", "long", "--size", "60000"], &long);
    for _ in 0..5 {
        logger(
            &["--tag", "sshd", "--id=77", "--priority", "auth.info"],
            "Failed password for root from 192.0.2.7 port 1 ssh2",
        );
    }
    logger(
        &["--tag", "sshd", "--id=78", "--priority", "auth.info"],
        "Accepted password for root from 192.0.2.7 port 1 ssh2",
    );
    server.signal("-TERM");
    let _ = server.wait().exits(0);

    let case = examined(place, &log);
    let is_other = |record: &Value| {
        let message = record["message"].as_str().unwrap();
        ["slash", "two words: ", "just words", "1 2024"].iter().any(|begin| message.starts_with(begin))
    };
    let whole = assert_all_forms_are_equal(&case, &log, is_other);
    assert_eq!(whole.len(), SENT.len() + 4);
    for ((_, program, pid, message), record) in SENT.iter().zip(&whole) {
        let program = if program.is_empty() { Value::Null } else { json!(program) };
        assert_eq!((&record["program"], &record["pid"]), (&program, &json!(pid)), "{record}");
        assert_eq!(record["message"], *message);
    }
    // Of a long text the store keeps what fits.
    assert_eq!((&whole[SENT.len()]["program"], &whole[SENT.len()]["kind"]), (&json!("long"), &json!("syslog")));
    // Five failures are a line and one that stands for four.
    let failures = query(&case, "failures");
    assert_eq!(failures.len(), 1);
    assert_eq!((&failures[0]["address"], &failures[0]["failures"]), (&json!("192.0.2.7"), &json!(5 * FORMS.len())));
    assert_eq!(query(&case, "logins").len(), FORMS.len());
}

/// Somebody who tries to get in.
struct Try {
    /// The last byte of the address.
    number: u32,
    user: &'static str,
    answer: &'static str,
    method: &'static str,
    /// How often a password is asked for.
    prompts: u32,
    key: &'static str,
    /// How the log writes the account; sshd writes bytes that are no ASCII in octal.
    shown: &'static str,
    is_let_in: bool,
    /// Failures that sshd logs: of keys that are refused it says nothing at its usual level.
    failures: usize,
}

const fn attempt(number: u32, user: &'static str, answer: &'static str, method: &'static str) -> Try {
    Try { number, user, answer, method, prompts: 1, key: "none", shown: user, is_let_in: false, failures: 1 }
}

const fn lets_in(attempt: Try) -> Try {
    Try { is_let_in: true, failures: 0, ..attempt }
}

const PASSWORD: &str = "password";
const KEYBOARD: &str = "keyboard-interactive";
const KEY: &str = "publickey";

const TRIES: &[Try] = &[
    lets_in(attempt(11, "anna", "right", PASSWORD)),
    lets_in(attempt(12, "anna", "right", KEYBOARD)),
    lets_in(Try { key: "ed25519", ..attempt(13, "anna", "", KEY) }),
    lets_in(Try { key: "rsa", ..attempt(14, "anna", "", KEY) }),
    Try { key: "ecdsa", failures: 0, ..attempt(15, "anna", "", KEY) },
    attempt(16, "anna", "wrong", PASSWORD),
    Try { prompts: 3, failures: 3, ..attempt(17, "anna", "wrong", KEYBOARD) },
    Try { prompts: 9, failures: 4, ..attempt(18, "anna", "wrong", PASSWORD) },
    attempt(19, "root", "wrong", PASSWORD),
    attempt(20, "bert", "right", PASSWORD),
    Try { prompts: 2, failures: 2, ..attempt(21, "nosuch", "wrong", KEYBOARD) },
    attempt(22, "a b from 192.0.2.1", "wrong", PASSWORD),
    Try { shown: r"\\303\\266", ..attempt(23, "\u{f6}", "wrong", PASSWORD) },
];

/// What the session did, a folder with `log` and `client` in it.
fn session(place: &Path, level: &str) {
    let log = place.join("log");
    std::fs::create_dir(&log).unwrap();
    let tries: String = TRIES
        .iter()
        .map(|one| format!("{}|{}|{}|{}|{}|{}\n", one.number, one.user, one.answer, one.method, one.prompts, one.key))
        .collect();
    write_file(&place.join("tries"), tries);
    write_file(&place.join("proxy.py"), include_str!("syslogd/proxy.py"));
    write_file(&place.join("session.sh"), include_str!("syslogd/session.sh"));
    write_file(&place.join("rsyslog.conf"), settings(Path::new("/dev/log"), &log, ""));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ran = run(Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "bash"])
        .arg(place.join("session.sh"))
        .arg(place)
        .args([&port.to_string(), level]));
    let _ = ran.exits(0);
}

/// The tries of one kind as the store has them: account, address, port, and the key's fingerprint.
fn told(case: &Path, kind: &str) -> Vec<(String, String, Option<i64>, String)> {
    let rows = query(
        case,
        &format!(
            "SELECT user, address, fields ->> 'port' AS port, coalesce(fields ->> 'key', '') AS key
                FROM timeline WHERE path = '/var/log/iso.log' AND kind = '{kind}' ORDER BY address, line"
        ),
    );
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows.iter()
        .map(|row| (text(&row["user"]), text(&row["address"]), row["port"].as_i64(), text(&row["key"])))
        .collect()
}

#[test]
fn who_got_in_and_who_did_not_is_what_the_clients_of_a_real_sshd_saw() {
    assert_all_saw_the_same("INFO");
}

#[test]
fn an_sshd_that_tells_more_tells_of_refused_keys_and_of_no_failure_twice() {
    assert_all_saw_the_same("VERBOSE");
}

fn assert_all_saw_the_same(level: &str) {
    const TOOLS: &[&str] = &[
        "rsyslogd",
        "sshd",
        "ssh",
        "ssh-keygen",
        "sudo",
        "useradd",
        "unshare",
        "setpriv",
        "python3",
        "lastb",
        "mkfs.ext4",
    ];
    let tools: Vec<Need> = TOOLS.iter().map(|name| Need::Tool(name)).collect();
    if !need(&[Need::Root, Need::LoopDevices, Need::Mount, Need::File(ZONE)]) || !need(&tools) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    session(place, level);
    let is_verbose = level == "VERBOSE";
    let (log, client) = (place.join("log"), place.join("client"));
    let case = examined(place, &log);
    let whole = assert_all_forms_are_equal(&case, &log, |_| false);
    assert!(whole.len() > 60, "{}", whole.len());

    let (mut logins, mut failures) = (Vec::new(), Vec::new());
    for one in TRIES {
        let read = |end: &str| std::fs::read_to_string(client.join(format!("{}.{end}", one.number))).unwrap();
        assert_eq!(read("out"), if one.is_let_in { "inside\n" } else { "" }, "{}", read("err"));
        let port: i64 = read("port").parse().unwrap();
        let address = format!("127.0.0.{}", one.number);
        if one.is_let_in {
            let key = if one.method == KEY {
                fingerprint(&client.join(one.key).with_extension("pub"))
            } else {
                String::new()
            };
            logins.push((one.user.to_owned(), address, Some(port), key));
        } else {
            // The line by which PAM tells a failure has no port.
            let is_by_pam = one.method == KEYBOARD && one.user != "nosuch";
            let failure = (one.shown.to_owned(), address, (!is_by_pam).then_some(port), String::new());
            failures.extend(std::iter::repeat_n(failure, one.failures));
            if is_verbose && one.method == KEY {
                let key = fingerprint(&client.join(one.key).with_extension("pub"));
                failures.push((one.shown.to_owned(), format!("127.0.0.{}", one.number), Some(port), key));
            }
        }
    }
    assert_eq!(told(&case, "ssh.login"), logins);
    assert_eq!(told(&case, "ssh.login-failed"), failures);
    // `Accepted key` says only that the key is one of the account's.
    let accepted = grep_count(&log, "iso", ": Accepted ") - grep_count(&log, "iso", ": Accepted key ");
    assert_eq!(logins.len(), accepted);
    let pam_told = grep_count(&log, "iso", "Failed keyboard-interactive/pam for anna");
    assert_eq!(told(&case, "ssh.auth-failed").len(), pam_told + grep_count(&log, "iso", " for illegal user "));
    assert_eq!(told(&case, "ssh.invalid-user").len(), grep_count(&log, "iso", ": Invalid user "));
    let addresses = |kind| told(&case, kind).into_iter().map(|one| one.1).collect::<Vec<_>>();
    assert_eq!(addresses("ssh.refused"), ["127.0.0.20"]);
    assert_eq!(addresses("ssh.too-many"), ["127.0.0.18"]);
    let mut connections = addresses("ssh.connection");
    if is_verbose {
        // Everybody is told when they come, and who spoke nonsense once more, by `banner exchange: Connection from …`.
        assert_eq!(connections.len(), grep_count(&log, "iso", ": Connection from "));
        assert!(connections.len() > TRIES.len());
        connections.dedup();
        connections.retain(|address| address == "127.0.0.200");
    }
    assert_eq!(connections, ["127.0.0.200"]);
    // sshd says at its usual level that somebody is gone who was not let in; of sessions that end it does not always.
    let gone = addresses("ssh.disconnect");
    for one in TRIES.iter().filter(|one| !one.is_let_in) {
        assert!(gone.contains(&format!("127.0.0.{}", one.number)), "{}: {gone:?}", one.number);
    }

    assert_failures_are_those_of_lastb(&case, &log);
    assert_commands_and_accounts_are_told(&case);
}

/// Type and fingerprint of a key, as sshd writes them.
fn fingerprint(key: &Path) -> String {
    let told = run(tool("ssh-keygen").arg("-lf").arg(key)).exits(0).stdout;
    let words: Vec<&str> = told.split_whitespace().collect();
    let kind = words.last().unwrap().trim_matches(['(', ')']);
    format!("{kind} {}", words[1])
}

/// sshd and su keep a record of each failure in btmp too.
fn assert_failures_are_those_of_lastb(case: &Path, log: &Path) {
    let listed = run(tool("lastb").args(["-w", "-i", "-f"]).arg(log.join("btmp"))).exits(0).stdout;
    let mut theirs: Vec<String> = listed
        .lines()
        .filter_map(|line| line.split_once(" ssh:notty "))
        .map(|(user, rest)| format!("{} {}", user.trim(), rest.split_whitespace().next().unwrap()))
        .collect();
    theirs.sort();
    let rows = query(
        case,
        "SELECT user || ' ' || address AS text FROM timeline WHERE path = '/var/log/btmp' AND kind = 'login.login-failed'
            AND fields ->> 'tty' = 'ssh:notty' ORDER BY 1",
    );
    let ours: Vec<&str> = rows.iter().map(|row| row["text"].as_str().unwrap()).collect();
    assert_eq!(ours, theirs);
    assert!(ours.len() > 10, "{ours:?}");
}

fn assert_commands_and_accounts_are_told(case: &Path) {
    let rows = query(
        case,
        "SELECT kind, user, fields ->> 'target' AS target, fields ->> 'command' AS command, fields ->> 'group' AS member
            FROM timeline WHERE path = '/var/log/iso.log' AND (kind GLOB 'su.*' OR kind GLOB 'sudo.*' OR kind GLOB 'account.*')
            ORDER BY line",
    );
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            let words = ["kind", "user", "target", "command", "member"].map(|name| row[name].as_str().unwrap_or("-"));
            words.join(" ")
        })
        .collect();
    let expected = [
        "account.group-added crew - - -",
        "account.added anna - - -",
        "account.added bert - - -",
        "account.password-changed anna - - -",
        "account.password-changed bert - - -",
        "account.group-joined bert - - adm",
        "account.group-joined bert - - adm",
        "su.session root anna - -",
        "su.failed anna bert - -",
        "su.session anna bert - -",
        "sudo.command root anna /usr/bin/true -",
        "sudo.command bert root /usr/bin/id -u -",
        "sudo.refused anna root /usr/bin/id ; 'a b' -",
        "account.group-left bert - - adm",
        "account.changed bert - - -",
        "account.removed bert - - -",
    ];
    assert_eq!(told, expected);
}
