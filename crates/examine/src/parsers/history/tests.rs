use super::*;
use crate::host::Host;
use crate::testing::{Parsed, parse, parse_on};
use kanshiki_machine::Accounts;
use proptest::prelude::*;
use serde_json::{Value, json};

fn read_file(path: &str, bytes: &[u8]) -> Parsed {
    parse(&History, path, "2024-03-01T12:00:00Z", bytes)
}

fn is_claimed(path: &str, head: &[u8]) -> bool {
    History.claims(&Candidate { path: path.as_bytes(), head, host: &Host::unknown() })
}

#[test]
fn commands_of_bash_have_their_times_and_all_their_lines() {
    let history = b"ls -la
#1380630977
/usr/lib/plaso
#1623364236
binary argument1 \"--params=\\
param1=foo,
param2=bar
\" argument2
whoami
#1623364300
exit
#1623364301
";
    let parsed = read_file("/root/.bash_history", history);
    let messages = [
        "ls -la",
        "/usr/lib/plaso",
        "binary argument1 \"--params=\\\nparam1=foo,\nparam2=bar\n\" argument2",
        "whoami",
        "exit",
    ];
    let messages = messages.map(|message| message.replace('\\', "\\\\").replace('\n', "\\u{a}"));
    assert_eq!(parsed.all("message"), messages);
    let times = [
        json!(null),
        json!("2013-10-01T12:36:17Z"),
        json!("2021-06-10T22:30:36Z"),
        json!(null),
        json!("2021-06-10T22:31:40Z"),
    ];
    assert_eq!(parsed.all("time"), times);
    assert_eq!(parsed.all("basis"), ["neighbour", "stated", "stated", "neighbour", "stated"]);
    let none = Value::Null;
    assert_eq!(parsed.all("not_before"), [none.clone(), none.clone(), none.clone(), times[2].clone(), none.clone()]);
    assert_eq!(parsed.all("not_after"), [times[1].clone(), none.clone(), none.clone(), times[4].clone(), none.clone()]);
    assert_eq!(parsed.all("lines")[2], 4);
    assert_eq!((parsed.all("line")[2].clone(), parsed.all("length")[2].clone()), (json!(5), json!(64)));
    assert!(parsed.all("user").iter().all(|user| user == "root"));
    assert_eq!(parsed.row.others, 0);
}

#[test]
fn without_times_every_line_is_a_command() {
    let parsed = read_file("/home/anna/.bash_history", b"for x in a; do\necho 1\ndone\n#comment\n");
    assert_eq!(parsed.all("message"), ["for x in a; do", "echo 1", "done", "#comment"]);
    assert_eq!((parsed.all("user")[0].clone(), parsed.all("program")[0].clone()), (json!("anna"), json!("bash")));
}

#[test]
fn zsh_has_times_and_bytes_of_its_own() {
    let history =
        b": 1700000000:3;echo a\\\nb\n: 1700000010:0;echo \xc3\x83\xa4\xe2\x82\x83\x8c\nplain\n:  1700000020:0;x\\ \n";
    let parsed = read_file("/home/anna/.zsh_history", history);
    // 0x83 0xa4 stands for 0x84, 0x83 0x8c for 0xac.
    assert_eq!(parsed.all("message"), ["echo a\\u{a}b", "echo \u{c4}\u{20ac}", "plain", "x\\\\"]);
    assert_eq!(parsed.all("seconds"), [json!(3), json!(0), json!(null), json!(0)]);
    assert_eq!(parsed.all("time")[1], "2023-11-14T22:13:30Z");
    assert_eq!(
        (parsed.all("not_before")[2].clone(), parsed.all("not_after")[2].clone()),
        (json!("2023-11-14T22:13:30Z"), json!("2023-11-14T22:13:40Z"))
    );
}

#[test]
fn an_empty_line_within_an_entry_is_part_of_it() {
    let zsh = read_file("/root/.zsh_history", b": 1700000000:0;echo a\\\n\n: 1700000005:0;rm x\n\n");
    assert_eq!(zsh.all("message"), ["echo a\\u{a}", "rm x"]);
    assert_eq!(zsh.all("time")[1], "2023-11-14T22:13:25Z");
    let bash = read_file("/root/.bash_history", b"#1700000000\ncat <<E\na\n\nb\nE\n\nid\n");
    assert_eq!(bash.all("message"), ["cat <<E\\u{a}a\\u{a}\\u{a}b\\u{a}E", "id"]);
}

#[test]
fn times_of_tcsh_have_a_sign_before_them() {
    let parsed = read_file("/root/.history", b"#+1700000000\nls\n#+1700000005\nrm x\n");
    assert_eq!(parsed.all("message"), ["ls", "rm x"]);
    assert_eq!(parsed.all("time"), ["2023-11-14T22:13:20Z", "2023-11-14T22:13:25Z"]);
}

#[test]
fn what_editline_wrote_for_an_unknown_program_is_none_of_mysql() {
    let parsed = read_file("/root/.gnuplot_history", b"_HiStOrY_V2_\nplot\\040x\n");
    assert_eq!((&parsed.all("kind")[0], &parsed.all("message")[0]), (&json!("shell.input"), &json!("plot x")));
}

#[test]
fn fish_and_editline_are_unescaped() {
    let fish = b"- cmd: for x in a\\n  echo \\\\$x\\nend\n  when: 1700000000\n- cmd: cat /etc/shadow\n  when: 1700000001\n  paths:\n    - /etc/shadow\n";
    let parsed = read_file("/root/.local/share/fish/fish_history", fish);
    assert_eq!(parsed.all("message"), ["for x in a\\u{a}  echo \\\\$x\\u{a}end", "cat /etc/shadow"]);
    assert_eq!(parsed.all("paths"), [json!(null), json!("/etc/shadow")]);
    assert_eq!(parsed.all("length"), [55, 69]);
    assert_eq!(parsed.row.others, 0);

    let mysql = b"_HiStOrY_V2_\nselect\\040*\\040from\\040customers;\nselect\\0401\\012\\\\G\\^A\\M-d\n";
    let parsed = read_file("/root/.mysql_history", mysql);
    assert_eq!(parsed.all("message"), ["select * from customers;", "select 1\\u{a}\\\\G\\u{1}\\xe4"]);
    assert_eq!((parsed.all("kind")[0].clone(), parsed.all("program")[0].clone()), (json!("shell.sql"), json!("mysql")));
}

#[test]
fn psql_python_and_unknown_programs_have_one_line_for_each_entry() {
    let parsed = read_file("/var/lib/postgresql/.psql_history", b"select 1\x01from x;\n\\d\n");
    assert_eq!(parsed.all("message"), ["select 1\\u{a}from x;", "\\\\d"]);
    assert_eq!(read_file("/root/.python_history", b"import os\n").all("kind"), ["shell.input"]);
    assert_eq!(read_file("/root/.clickhouse_history", b"a\n").all("program"), [json!(null)]);
}

#[test]
fn vim_tells_commands_searches_and_files_with_their_times() {
    let viminfo = b"# This viminfo file was generated by Vim 9.0.
|1,4
*encoding=utf-8
~MSle0~/ignore
# Command Line History (newest to oldest):
:wq
|2,0,1700000005,,\"wq\"
:e TEST
# Search String History (newest to oldest):
?/password
|2,1,1700000001,47,\"password\"
# Registers:
\"1\tLINE\t0
\troot:x:0:0
\tanna:x
|3,1,1,1,2,0,1700000002,\"root:x:0:0\",\"anna:x\"
# File marks:
'0  12  3  /etc/shadow
|4,48,12,3,1700000004,\"/etc/shadow\"
# Jumplist (newest first):
-'  7  0  ~/notes
# History of marks within files (newest to oldest):

> /etc/passwd
\t*\t1700000003\t0
\t\"\t36\t5
\t.\t36\t4
";
    let parsed = read_file("/root/.viminfo", viminfo);
    let found: Vec<(Value, Value, Value)> = parsed
        .events
        .iter()
        .map(|event| (event["kind"].clone(), event["message"].clone(), event.get("time").cloned().unwrap_or_default()))
        .collect();
    let expected = [
        ("shell.vim-command", "wq", Some("2023-11-14T22:13:25Z")),
        ("shell.vim-command", "e TEST", None),
        ("shell.vim-search", "password", Some("2023-11-14T22:13:21Z")),
        ("shell.vim-register", "root:x:0:0\\u{a}anna:x", Some("2023-11-14T22:13:22Z")),
        ("shell.vim-file", "/etc/shadow", Some("2023-11-14T22:13:24Z")),
        ("shell.vim-file", "~/notes", None),
        ("shell.vim-file", "/etc/passwd", Some("2023-11-14T22:13:23Z")),
    ];
    let expected = expected
        .map(|(kind, message, time)| (json!(kind), json!(message), time.map_or(Value::Null, |time| json!(time))));
    assert_eq!(found, expected);
    assert_eq!(
        (parsed.all("mark")[4].clone(), parsed.all("at_line")[4].clone(), parsed.all("at_line")[6].clone()),
        (json!("0"), json!(12), json!(36))
    );
}

#[test]
fn less_and_wget_tell_what_was_looked_for_and_where_from() {
    let parsed = read_file(
        "/root/.lesshst",
        b".less-history-file:\n.search\n\"passw\n.shell\n\"id\n.mark\nm a 1 1234 /var/log/a b\nx\n",
    );
    assert_eq!(parsed.all("message"), ["passw", "id", "/var/log/a b", "x"]);
    assert_eq!(parsed.all("kind"), ["shell.less-search", "shell.less-command", "shell.less-mark", "shell.other"]);
    let wget = b"# HSTS 1.0 Known Hosts database for GNU Wget.\n# Edit at your own risk.\n# <hostname>\t<port>\t<incl. subdomains>\t<created>\t<max-age>\nraw.example.org\t0\t1\t1700000000\t31536000\nbad\n";
    let parsed = read_file("/root/.wget-hsts", wget);
    assert_eq!(
        (parsed.all("message")[0].clone(), parsed.all("time")[0].clone()),
        (json!("raw.example.org"), json!("2023-11-14T22:13:20Z"))
    );
    assert_eq!((parsed.row.records, parsed.row.others), (1, 1));
}

#[test]
fn histories_are_known_by_content_or_name_and_other_files_are_none() {
    for (path, head) in [
        ("/root/.bash_history.1", &b"ls\n"[..]),
        ("/srv/copy", b"#1700000000\nls\n"),
        ("/srv/copy", b": 1700000000:0;ls\n"),
        ("/srv/copy", b".less-history-file:\n"),
        ("/root/.sqlite_history", b"select 1;\n"),
    ] {
        assert!(is_claimed(path, head), "{path}");
    }
    for (path, head) in [
        ("/root/.bash_history", &b""[..]),
        ("/root/.bashrc", b"# ~/.bashrc\nls\n"),
        ("/root/.lesshst", b"no history"),
        ("/var/log/apt/history.log", b"Start-Date: 2019-07-10  16:38:08\n"),
        ("/root/.x_history", b"SQLite format 3\0"),
        ("/root/.x_history", b"\0\0\0\0a"),
        ("/srv/numbers", b"#1700000000\n#1700000001\n"),
    ] {
        assert!(!is_claimed(path, head), "{path}");
    }
}

#[test]
fn the_owner_is_that_of_the_home() {
    let host = Host { accounts: Accounts::of_passwd(b"www-data:x:33:33::/var/www:/bin/sh\n"), ..Host::unknown() };
    let parsed = parse_on(&host, &History, "/var/www/.bash_history", "2024-03-01T12:00:00Z", b"id\n");
    assert_eq!(parsed.all("user"), ["www-data"]);
    // The owner of files in tests is 0.
    let host = Host { accounts: Accounts::of_passwd(b"toor:x:0:0::/:/bin/sh\n"), ..Host::unknown() };
    let parsed = parse_on(&host, &History, "/srv/.bash_history", "2024-03-01T12:00:00Z", b"id\n");
    assert_eq!(parsed.all("user"), ["toor"]);
    assert_eq!(read_file("/srv/.bash_history", b"id\n").all("user"), [json!(null)]);
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0..STARTS.len()) {
        let _ = read_file(STARTS[start].0, &[STARTS[start].1, &bytes].concat());
    }

    #[test]
    fn any_signs_never_panic(text in "[a-z0-9#:;|,'\"\\\\\\-> \t\n\u{16}<(){}]{0,200}", start in 0..STARTS.len()) {
        let _ = read_file(STARTS[start].0, &[STARTS[start].1, text.as_bytes()].concat());
    }
}

/// Beginnings of files that lead into each form.
const STARTS: [(&str, &[u8]); 9] = [
    ("/x", b""),
    ("/root/.bash_history", b"#1700000000\n"),
    ("/root/.zsh_history", b": 1700000000:0;"),
    ("/root/.local/share/fish/fish_history", b"- cmd: a\n  when: 1\n"),
    ("/root/.mysql_history", b"_HiStOrY_V2_\n\\"),
    ("/root/.viminfo", b"# This viminfo file was generated by Vim 9.0.\n:a\n|2,0,"),
    ("/root/.viminfo", b"# This viminfo file was generated by Vim 9.0.\n'"),
    ("/root/.lesshst", b".less-history-file:\n.mark\nm "),
    ("/root/.wget-hsts", b"# HSTS 1.0 Known Hosts database for GNU Wget.\na\t1\t1\t"),
];
