use super::*;
use kanshiki_image::Memory;

const AUTH: &str = "Feb 29 23:59:58 host sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2\n";
const WEB: &str = "192.0.2.1 - - [29/Feb/2024:23:59:59 +0000] \"GET / HTTP/1.1\" 200 5\n";

fn told(path: &str, content: &[u8]) -> Option<&'static str> {
    let source = Memory(content.to_vec());
    recognise(path.as_bytes(), &Input::new(&source), &Host::unknown(), false).parser.map(|parser| parser.id())
}

#[test]
fn a_long_first_record_or_foreign_lines_before_the_first_do_not_hide_a_log() {
    let request = format!("192.0.2.1 - - [29/Feb/2024:23:59:59 +0000] \"GET /{} HTTP/1.1\" 200 5\n", "a".repeat(8000));
    assert_eq!(told("/var/log/x", (request + &WEB.repeat(9)).as_bytes()), Some("web-access"));
    let record = format!(
        "{{\"log\":\"{}\\n\",\"stream\":\"stdout\",\"time\":\"2024-02-29T23:59:59.1Z\"}}\n",
        "a".repeat(16_000)
    );
    assert_eq!(told("/var/x/a-json.log", record.repeat(3).as_bytes()), Some("container-log"));
    for lines in [12, 60, 5000] {
        let foreign = "    at com.example.Main.run(Main.java)\n".repeat(lines);
        assert_eq!(told("/var/log/x", (foreign.clone() + &AUTH.repeat(300)).as_bytes()), Some("syslog"), "{lines}");
        assert_eq!(told("/var/log/x", (foreign + &WEB.repeat(300)).as_bytes()), Some("web-access"), "{lines}");
    }
    let long = "x".repeat(4000) + "\n";
    assert_eq!(told("/var/log/x", (long + &AUTH.repeat(30)).as_bytes()), Some("syslog"));
    let statement = "2024-02-29T23:59:59.000000Z\t    3 Query\tselect 1,\n";
    let general = "further line of a statement,\n".repeat(100) + &statement.repeat(3);
    assert_eq!(told("/var/lib/mysql/x.log", general.as_bytes()), Some("mysql-general"));
}

#[test]
fn the_end_of_a_long_file_tells_it_too_and_a_name_needs_one_line() {
    let foreign = "x\n".repeat(3 << 19);
    assert_eq!(told("/var/log/x", (foreign.clone() + &AUTH.repeat(900)).as_bytes()), Some("syslog"));
    assert_eq!(told("/var/log/x", foreign.as_bytes()), None);
    let one = "no line of it\n".repeat(30) + AUTH + &"nor this\n".repeat(30);
    assert_eq!(told("/var/log/x", one.as_bytes()), None);
    assert_eq!(told("/var/log/auth.log.2", one.as_bytes()), Some("syslog"));
    assert_eq!(told("/var/log/auth.log", "no line of it\n".repeat(30).as_bytes()), None);
}

#[test]
fn zeroes_before_a_log_are_passed_over() {
    for zeroes in [4095, 4096, 900_000] {
        let content = [vec![0; zeroes], AUTH.repeat(3).into_bytes()].concat();
        assert_eq!(told("/var/log/auth.log", &content), Some("syslog"), "{zeroes}");
    }
    assert_eq!(told("/home/anna/.bash_history", &[vec![0; 5000], b"ls\nid\n".to_vec()].concat()), Some("history"));
    let source = Memory(vec![0; 100_000]);
    let found = recognise(b"/var/log/x", &Input::new(&source), &Host::unknown(), true);
    assert!(found.parser.is_none() && found.is_empty);
    let emptied = Memory(Vec::new());
    let found = recognise(b"/var/log/wtmp", &Input::new(&emptied), &Host::unknown(), true);
    assert!(found.parser.is_none() && found.is_empty);
}

#[test]
fn sections_are_bounded_and_leave_nothing_out() {
    let bytes = b"a\n".repeat(FURTHER_BYTES / 2);
    let sections: Vec<&[u8]> = Sections { rest: &bytes, given: 0 }.collect();
    assert!(sections.len() < 2 * SHORT_SECTIONS + 2, "{}", sections.len());
    assert_eq!(sections.concat(), bytes);
}

#[test]
fn what_an_installer_printed_is_no_log_and_lines_of_wget_are_no_syslog() {
    let wget = "2026-11-29 08:31:38 URL:http://deb.example/InRelease [151075/151075] -> \"/x\" [1]\n".repeat(11);
    let printed = wget.clone() + &"Unpacking adduser (3.134) ...\n".repeat(9);
    assert_eq!(told("/var/log/fetched", printed.as_bytes()), None);
    // Even where lines of syslog stand among them.
    let mixed = printed + &AUTH.repeat(30);
    for path in
        ["/var/log/bootstrap.log", "/var/log/bootstrap.log.1", "/var/log/installer/partman", "/var/log/Xorg.0.log"]
    {
        assert_eq!(told(path, mixed.as_bytes()), None, "{path}");
    }
    for path in ["/var/log/installer/syslog", "/var/log/my-bootstrap.log", "/srv/bootstrap.log", "/var/log/Xorg.sh"] {
        assert_eq!(told(path, mixed.as_bytes()), Some("syslog"), "{path}");
    }
}
