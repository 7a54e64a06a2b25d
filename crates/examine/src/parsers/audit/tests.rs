use super::*;
use crate::host::Host;
use crate::testing::{assert_has, parse, parse_on};
use kanshiki_machine::Accounts;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn records_of_one_event_among_those_of_others_are_one_event() {
    let log = b"type=SYSCALL msg=audit(1700000000.100:7): arch=c000003e syscall=59 success=yes exit=0 a0=1 items=2 ppid=10 pid=11 auid=1000 uid=0 gid=0 euid=0 tty=pts0 ses=3 comm=\"sh\" exe=\"/usr/bin/dash\" subj=unconfined key=726F6F7401657865\x1dARCH=x86_64 SYSCALL=execve AUID=\"anna\" UID=\"root\" EUID=\"root\"
type=SYSCALL msg=audit(1700000000.100:8): arch=c000003e syscall=257 success=no exit=-13 a0=1 items=1 ppid=10 pid=12 auid=4294967295 uid=33 euid=33 tty=(none) ses=4294967295 comm=\"cat\" exe=\"/usr/bin/cat\" key=(null)
type=EXECVE msg=audit(1700000000.100:7): argc=3 a0=\"sh\" a1=\"-c\" a2=6563686F20612062
type=CWD msg=audit(1700000000.100:7): cwd=\"/tmp\"
type=PATH msg=audit(1700000000.100:8): item=0 name=\"/etc/shadow\" inode=99 dev=08:01 mode=0100640 ouid=0 ogid=42 rdev=00:00 nametype=NORMAL cap_fp=0
type=PATH msg=audit(1700000000.100:7): item=0 name=\"/bin/sh\" inode=5 mode=0100755 nametype=NORMAL
type=PROCTITLE msg=audit(1700000000.100:8): proctitle=636174002F6574632F736861646F77
type=PROCTITLE msg=audit(1700000000.100:7): proctitle=7368002D63
type=EOE msg=audit(1700000000.100:7):\x20
";
    let parsed = parse(&Audit, "/var/log/audit/audit.log", "2024-03-01T12:00:00Z", log);
    assert_eq!((parsed.events.len(), parsed.row.others), (2, 0));
    let exec = json!({"kind": "audit.exec", "message": "sh -c 'echo a b'", "time": "2023-11-14T22:13:20.1Z",
        "basis": "stated", "records": 5, "serial": 7, "syscall": "execve", "architecture": "x86_64", "success": true,
        "user": "root", "uid": 0, "auid": 1000, "login_user": "anna", "became_other": true, "session": 3, "pid": 11,
        "ppid": 10, "tty": "pts0", "program": "sh", "exe": "/usr/bin/dash", "key": "root,exe", "directory": "/tmp",
        "path": "/bin/sh", "offset": 0, "line": 1, "types": "SYSCALL EXECVE CWD PATH PROCTITLE", "arguments": 3});
    assert_has(&parsed.events[0], &exec);
    let file = json!({"kind": "audit.file", "message": "openat /etc/shadow", "success": false, "exit": -13, "user": "33",
        "command": "cat /etc/shadow", "path": "/etc/shadow", "inode": 99, "records": 3, "line": 2, "auid": null,
        "became_other": null});
    assert_has(&parsed.events[1], &file);
}

#[test]
fn logins_and_their_failures_are_told_once_for_each_try() {
    let log = b"type=USER_AUTH msg=audit(1492896301.800:1): pid=9 uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:authentication acct=\"root\" exe=\"/usr/sbin/sshd\" hostname=192.0.2.7 addr=192.0.2.7 terminal=ssh res=failed'
type=USER_LOGIN msg=audit(1492896301.818:2): pid=9 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct=28696E76616C6964207573657229 exe=\"/usr/sbin/sshd\" hostname=? addr=179.38.151.221 terminal=sshd res=failed'
type=USER_AUTH msg=audit(1492896302.000:3): pid=9 uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:authentication acct=\"anna\" exe=\"/usr/sbin/vsftpd\" hostname=::ffff:192.0.2.8 addr=::ffff:192.0.2.8 terminal=ftp res=failed'
type=USER_LOGIN msg=audit(1492810797.778:4): pid=8 uid=0 auid=1001 ses=36 msg='op=login id=1001 exe=\"/usr/sbin/sshd\" hostname=72.83.230.100 addr=72.83.230.100 terminal=/dev/pts/1 res=success'\x1dUID=\"root\" AUID=\"berta\" ID=\"berta\"
node=quay1 type=USER_START msg=audit(1170021601.344:297): user pid=13015 uid=0 auid=0 subj=system_u:system_r:crond_t:s0-s0:c0.c1023 msg='PAM: session open acct=root : exe=\"/usr/sbin/crond\" (hostname=?, addr=?, terminal=cron res=success)'
type=USER_CMD msg=audit(1488862769.030:19469538): user pid=3027 uid=497 auid=700 ses=11988 msg='cwd=\"/\" cmd=2F62696E2F6964202D75 terminal=? res=success'
type=LOGIN msg=audit(1170021601.343:296): login pid=13015 uid=0 old auid=4294967295 new auid=500 old ses=4294967295 new ses=12
type=ADD_USER msg=audit(1481076992.488:389): pid=1264 uid=0 auid=1000 ses=1 msg='op=add-user id=1005 exe=\"/usr/sbin/useradd\" hostname=? addr=? terminal=pts/0 res=success'
type=USER_TTY msg=audit(1491922681.082:1065050): pid=28058 uid=0 auid=1000 ses=762 data=7375202D20616E6E61
";
    let parsed = parse(&Audit, "/x", "2024-03-01T12:00:00Z", log);
    let expected = [
        json!({"kind": "audit.auth-failed", "user": "root", "address": "192.0.2.7", "result": "failed"}),
        json!({"kind": "audit.login-failed", "user": "(invalid user)", "address": "179.38.151.221", "hostname": null}),
        json!({"kind": "audit.login-failed", "user": "anna", "address": "192.0.2.8", "program": "vsftpd"}),
        json!({"kind": "audit.login", "user": "berta", "address": "72.83.230.100", "tty": "/dev/pts/1", "auid": 1001}),
        json!({"kind": "audit.session-opened", "user": "root", "host": "quay1", "tty": "cron", "result": "success"}),
        json!({"kind": "audit.command", "message": "/bin/id -u", "user": "497", "auid": 700, "directory": "/"}),
        json!({"kind": "audit.auid-set", "user": "500", "session": 12}),
        json!({"kind": "audit.account", "user": "1005", "operation": "add-user", "tty": "pts/0"}),
        json!({"kind": "audit.tty", "message": "su - anna", "user": "0"}),
    ];
    parsed.assert_events(&expected);
}

#[test]
fn other_records_keep_their_text_and_their_addresses() {
    let log = b"type=AVC msg=audit(1524662933.080:61207): apparmor=\"DENIED\" operation=\"open\" profile=\"docker-default\" name=\"/proc/1/mem\" pid=5571 comm=\"metricbeat\" requested_mask=\"r\"
type=AVC msg=audit(1170021493.977:293): avc:  denied  { read } for  pid=13010 comm=\"pickup\" name=\"maildrop\" dev=hda7 ino=14911367 tclass=dir
type=SYSCALL msg=audit(1170021493.977:293): arch=40000003 syscall=5 success=no exit=-13 pid=13010 uid=890 comm=\"pickup\" exe=\"/usr/libexec/postfix/pickup\"
type=SYSCALL msg=audit(1492037289.295:49): arch=c00000b7 syscall=203 success=no exit=-115 items=0 ppid=1 pid=1172 auid=4294967295 uid=0 euid=0 comm=\"curl\" exe=\"/usr/bin/curl\" key=(null)
type=SOCKADDR msg=audit(1492037289.295:49): saddr=02000050A9FEA9FE0000000000000000\x1dSADDR={ saddr_fam=inet laddr=169.254.169.254 lport=80 }
type=ANOM_ABEND msg=audit(1492037290.295:50): auid=1000 uid=1000 gid=1000 ses=2 pid=77 comm=\"x\" exe=\"/tmp/x\" sig=11 res=1
type=CONFIG_CHANGE msg=audit(1481077231.371:478): auid=1000 ses=3 op=\"remove_rule\" key=(null) list=4 res=1
type=SYSCALL msg=audit(1481077231.371:479): arch=c000003e syscall=999 success=yes exit=0 pid=1 uid=0
type=FANCY_NEW msg=audit(1481077231.371:480):
";
    let parsed = parse(&Audit, "/x", "2024-03-01T12:00:00Z", log);
    let expected = [
        json!({"kind": "audit.avc", "operation": "open", "path": "/proc/1/mem", "program": "metricbeat", "pid": 5571}),
        json!({"kind": "audit.avc", "path": "maildrop", "syscall": "open", "architecture": "i386", "records": 2,
            "message": "AVC avc:  denied  { read } for  pid=13010 comm=\"pickup\" name=\"maildrop\" dev=hda7 ino=14911367 tclass=dir"}),
        json!({"kind": "audit.network", "address": "169.254.169.254", "port": 80, "message": "connect 169.254.169.254"}),
        json!({"kind": "audit.anomaly", "signal": 11, "exe": "/tmp/x", "result": "1"}),
        json!({"kind": "audit.config", "operation": "remove_rule", "auid": 1000}),
        json!({"kind": "audit", "syscall": "999"}),
        json!({"kind": "audit", "message": "FANCY_NEW"}),
    ];
    parsed.assert_events(&expected);
}

#[test]
fn accounts_without_a_name_have_that_of_the_image() {
    let accounts = Accounts::of_passwd(b"root:x:0:0::/:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n");
    let host = Host { accounts, ..Host::unknown() };
    let log = b"type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 auid=1000 uid=0 euid=5
type=USER_LOGIN msg=audit(2.000:2): pid=8 uid=0 auid=1000 ses=36 msg='op=login id=1000 exe=\"/usr/sbin/sshd\" res=success'
type=SYSCALL msg=audit(3.000:3): arch=c000003e syscall=59 auid=4294967295 uid=33\x1dUID=\"http\"
";
    let parsed = parse_on(&host, &Audit, "/x", "2024-03-01T12:00:00Z", log);
    assert_eq!(parsed.all("user"), ["root", "anna", "http"]);
    assert_eq!(parsed.all("login_user"), [json!("anna"), json!("anna"), json!(null)]);
    assert_eq!(parsed.all("euid"), [json!(5), json!(null), json!(null)]);
}

#[test]
fn a_long_argument_is_put_together_from_its_parts() {
    let log = b"type=EXECVE msg=audit(1.000:1): argc=3 a0=\"echo\" a1_len=12 a1[0]=\"abcdef\"
type=EXECVE msg=audit(1.000:1): a1[1]=\"ghijkl\" a2=\"\"
";
    let parsed = parse(&Audit, "/x", "2024-03-01T12:00:00Z", log);
    assert_eq!(parsed.all("message"), ["echo abcdefghijkl ''"]);
}

#[test]
fn lines_of_no_form_are_told_and_the_rest_goes_on() {
    let log = b"type=A msg=audit(1337845201): no milliseconds
type=B msg=audit(): empty
type= msg=audit(1337845333.174:94984): no type
msg=audit(1337845201.174:94984): no type at all
type=C msg=audit(99999999999999999999.174:94984): no time
type=D msg=audit(99999999999.174:1): far
type=E msg=audit(1337845201.0:0): check rounding
type=F msg=audit(1337845201.0:1): msg='op=\"
type=DAEMON_CONFIG msg=audit(1490239800.477:34) config changed, auid=0 pid=1512 res=success
";
    let parsed = parse(&Audit, "/x", "2024-03-01T12:00:00Z", log);
    assert_eq!((parsed.row.records, parsed.row.others, parsed.issues.len()), (3, 6, 6));
    assert_eq!(parsed.issues[0].to_string(), "/x, bytes 0-46: no record of the audit system");
}

#[test]
fn an_event_without_an_end_is_given_when_time_has_gone_on_or_too_many_are_open() {
    let mut log = String::new();
    for number in 0..1000 {
        log += &format!("type=SYSCALL msg=audit(5.000:{number}): arch=c000003e syscall=0\n");
    }
    log += "type=CWD msg=audit(5.000:999): cwd=\"/\"\ntype=CWD msg=audit(5.000:0): cwd=\"/\"\n";
    log += "type=CWD msg=audit(7.000:5000): cwd=\"/\"\ntype=CWD msg=audit(5.000:999): cwd=\"/\"\n";
    let parsed = parse(&Audit, "/x", "2024-03-01T12:00:00Z", log.as_bytes());
    let records = parsed.all("records");
    // The late record of 0 and the second one of 999 are events of their own, for want of those that they belong to.
    assert_eq!((parsed.events.len(), &records[999], &records[0]), (1003, &json!(2), &json!(1)));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0..STARTS.len()) {
        let _ = parse(&Audit, "/x", "2024-03-01T12:00:00Z", &[STARTS[start], &bytes].concat());
    }

    #[test]
    fn any_fields_never_panic(fields in "([a-zA-Z0-9_\\[\\]=\"' (){}\\x1d\n]{0,12}){0,20}", start in 0..STARTS.len()) {
        let _ = parse(&Audit, "/x", "2024-03-01T12:00:00Z", &[STARTS[start], fields.as_bytes()].concat());
    }
}

/// Beginnings of lines that lead into each part of the parser.
const STARTS: [&[u8]; 8] = [
    b"",
    b"type=X msg=audit(",
    b"node=a type=USER_LOGIN msg=audit(1.0:1): msg='",
    b"type=EXECVE msg=audit(1.0:1): argc=1 a0=",
    b"type=SOCKADDR msg=audit(1.0:1): saddr=0A00",
    b"type=PATH msg=audit(1.0:1): name=",
    b"type=PROCTITLE msg=audit(1.0:1): proctitle=",
    b"type=SYSCALL msg=audit(1.0:1): arch=c000003e syscall=59 \x1d",
];
