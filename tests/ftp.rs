//! `kanshiki examine` on the logs of a vsftpd that runs for the test, with Python's ftplib as the other side.

use kanshiki_testkit::{Need, Running, ext_image, kanshiki_path, need, run, tempdir, wait_until, write_file};
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

const NEEDS: &[Need] =
    &[Need::Root, Need::Tool("vsftpd"), Need::Tool("python3"), Need::Tool("mkfs.ext4"), Need::File("/etc/localtime")];

/// Bytes that are sent and fetched.
const SENT: usize = 123_457;

/// What the client does: a wrong password, an anonymous login, and what changes files.
const CLIENT: &str = r"
import ftplib, io, sys
port, size = int(sys.argv[1]), int(sys.argv[2])
def connect():
    ftp = ftplib.FTP()
    ftp.connect('127.0.0.1', port, 20)
    return ftp
for number in range(2):
    ftp = connect()
    try:
        ftp.login('nobody-here', 'wrong')
    except ftplib.error_perm:
        pass
    ftp.close()
ftp = connect()
ftp.login('anonymous', 'guest@example.org')
ftp.cwd('incoming')
ftp.storbinary('STOR a b.txt', io.BytesIO(b'x' * size))
ftp.storbinary('STOR empty', io.BytesIO(b''))
fetched = io.BytesIO()
ftp.retrbinary('RETR a b.txt', fetched.write)
assert len(fetched.getvalue()) == size
try:
    ftp.retrbinary('RETR none', fetched.write)
except ftplib.error_perm:
    pass
ftp.mkd('d')
ftp.rename('a b.txt', 'c.txt')
ftp.delete('empty')
ftp.rmd('d')
ftp.quit()
";

fn config(place: &Path, port: u16) -> String {
    let place = place.display();
    format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\nlocal_enable=YES
write_enable=YES\nanon_upload_enable=YES\nanon_mkdir_write_enable=YES\nanon_other_write_enable=YES
anon_world_readable_only=NO\nanon_root={place}/root\nsecure_chroot_dir={place}/empty\nseccomp_sandbox=NO
xferlog_enable=YES\ndual_log_enable=YES\nlog_ftp_protocol=YES\nvsftpd_log_file={place}/vsftpd.log
xferlog_file={place}/xferlog\nuse_localtime=YES\nmax_login_fails=3\ndelay_failed_login=0\n"
    )
}

/// The rows of an answer.
fn query(case: &Path, sql: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", sql, "--case"]).arg(case)).exits(0).stdout;
    let rows = asked.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

#[test]
fn what_a_client_did_stands_in_the_store_with_its_numbers() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    for folder in ["root/incoming", "empty"] {
        std::fs::create_dir_all(place.join(folder)).unwrap();
    }
    let owned = run(Command::new("chown").arg("ftp").arg(place.join("root/incoming")));
    let _ = owned.exits(0);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    write_file(&place.join("vsftpd.conf"), config(place, port));
    let server = Running::start(Command::new("vsftpd").arg(place.join("vsftpd.conf")));
    wait_until("vsftpd", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let client = run(Command::new("/usr/bin/python3").args(["-c", CLIENT, &port.to_string(), &SENT.to_string()]));
    server.signal("-TERM");
    let _ = server.wait();
    let _ = client.exits(0);

    let image = place.join("disk.img");
    ext_image(&image, 16, &[], |root| {
        std::fs::create_dir_all(root.join("var/log")).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        let _ = std::fs::copy("/etc/localtime", root.join("etc/localtime")).unwrap();
        for log in ["vsftpd.log", "xferlog"] {
            let _ = std::fs::copy(place.join(log), root.join("var/log").join(log)).unwrap();
        }
    });
    let case = place.join("case");
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);

    let kinds = query(
        &case,
        "SELECT kind, count(*) AS n FROM timeline WHERE path = '/var/log/vsftpd.log' AND kind GLOB 'ftp.*' AND kind NOT IN ('ftp.command',
            'ftp.response', 'ftp.connect', 'ftp.debug') GROUP BY kind ORDER BY kind",
    );
    let kinds: Vec<(&str, i64)> =
        kinds.iter().map(|row| (row["kind"].as_str().unwrap(), row["n"].as_i64().unwrap())).collect();
    let expected = [
        ("ftp.delete", 1),
        ("ftp.download", 1),
        ("ftp.download-failed", 1),
        ("ftp.login", 1),
        ("ftp.login-failed", 2),
        ("ftp.mkdir", 1),
        ("ftp.rename", 1),
        ("ftp.rmdir", 1),
        ("ftp.upload", 2),
    ];
    assert_eq!(kinds, expected);

    let text = std::fs::read_to_string(place.join("vsftpd.log")).unwrap();
    let all =
        &query(&case, "SELECT count(*) AS n FROM timeline WHERE path = '/var/log/vsftpd.log' AND kind GLOB 'ftp*'")[0]
            ["n"];
    assert_eq!(all.as_u64().unwrap(), text.lines().count() as u64);

    // Both logs tell the same transfers, and the client's numbers.
    let sql = |path: &str| {
        format!(
            "SELECT kind, fields ->> 'bytes' AS bytes, address, abs(time / 1000000000 - unixepoch()) < 600 AS is_now
                FROM timeline WHERE path = '{path}' AND (kind GLOB '*load' OR kind GLOB '*load-failed') ORDER BY id"
        )
    };
    let transfers = query(&case, &sql("/var/log/vsftpd.log"));
    assert_eq!(transfers, query(&case, &sql("/var/log/xferlog")));
    let told: Vec<(&str, u64)> =
        transfers.iter().map(|row| (row["kind"].as_str().unwrap(), row["bytes"].as_u64().unwrap())).collect();
    let sent = SENT as u64;
    assert_eq!(told, [("ftp.upload", sent), ("ftp.upload", 0), ("ftp.download", sent), ("ftp.download-failed", 0)]);
    for row in &transfers {
        assert_eq!((&row["address"], &row["is_now"]), (&Value::from("127.0.0.1"), &Value::from(1)));
    }

    let failed = query(&case, "SELECT user, address FROM timeline WHERE kind = 'ftp.login-failed'");
    assert_eq!((&failed[0]["user"], &failed[0]["address"]), (&Value::from("nobody-here"), &Value::from("127.0.0.1")));
    let renamed = query(
        &case,
        "SELECT fields ->> 'file' AS file, fields ->> 'to' AS \"to\" FROM timeline WHERE kind = 'ftp.rename'",
    );
    assert_eq!(renamed[0]["file"], "/incoming/a b.txt");
    assert_eq!(renamed[0]["to"], "/incoming/c.txt");
}
