use crate::blind::tests::told;

/// What is told of rules in a file that is read before the one that writes.
fn before(rules: &str) -> Vec<String> {
    let main = "include(file=\"/etc/rsyslog.d/*.conf\")\nauth,authpriv.* /var/log/auth.log\n*.*;auth,authpriv.none -/var/log/syslog\n";
    told(&[("/etc/rsyslog.conf", main), ("/etc/rsyslog.d/00.conf", rules)], "rsyslog")
}

#[test]
fn rules_that_throw_records_away_are_told_with_their_line() {
    for rules in [
        ":msg, contains, \"192.0.2.66\" stop",
        ":msg, contains, \"a \\\" b\" ~",
        "if $programname == 'sshd' and $msg contains 'evil then' then ~",
        "auth.* ~",
        "auth,authpriv.* stop",
        "if $programname == \"sshd\" then { stop }",
        "if ($syslogfacility-text == 'authpriv') then { action(type=\"omfile\" file=\"/dev/null\") stop }",
        "if $programname == 'sshd' then {\n action(type=\"omfwd\"\n target=\"192.0.2.1\")\n stop\n}",
        "if $msg contains 'x'\nthen\nstop",
        ":programname, isequal, \"sudo\" /dev/null\n& stop",
        ":programname, isequal, \"sudo\" @192.0.2.1\n& ~",
        "if $programname == 'a' then /var/log/a\nelse if $programname == 'b' then stop",
        "if $programname == 'a' then {\n if $msg contains 'b' then {\n  stop\n }\n /var/log/a\n}",
        "module(load=\"imtcp\" # x\n)\nauth.* \\\n  stop",
    ] {
        let found = before(rules);
        assert_eq!(found.len(), 1, "{rules}: {found:#?}");
        assert!(found[0].starts_with("/etc/rsyslog.d/00.conf:"), "{found:#?}");
    }
    assert_eq!(
        before("# x\n:programname, isequal, \"sudo\" /dev/null\n& stop\n"),
        ["/etc/rsyslog.d/00.conf:2 records that | set: :programname, isequal, \"sudo\" /dev/null; line 3 of \
          /etc/rsyslog.d/00.conf: & stop"]
    );
}

#[test]
fn rules_that_write_before_they_end_are_not_told() {
    for rules in [
        ":msg,contains,\"[UFW \" /var/log/ufw.log\n#& stop",
        ":syslogtag, isequal, \"[CLOUDINIT]\" /var/log/cloud-init.log\n& stop",
        "if $programname == 'a' then { action(type=\"omfile\" file=\"/var/log/a\") stop }",
        "if $programname == 'a' then {\n action(type=\"omfile\"\n file=\"/var/log/a\")\n stop\n}",
        "if $programname == 'a' then {\n /var/log/a\n if $msg contains 'b' then stop\n}",
        "auth.* /var/log/a\nauth.info ~",
        "*.* /var/log/all\nif $programname == 'a' then stop",
        "action(type=\"omfile\" file=\"/var/log/all\")\n:msg, contains, \"a\" stop",
        "#auth.* ~",
        "auth.* /dev/null",
    ] {
        assert_eq!(before(rules), [""; 0], "{rules}");
    }
    // Some records were written before, some not.
    let found = before("auth.err /var/log/a\nmail.* /var/log/mail\n:msg, contains, \"a\" stop");
    assert!(found[0].starts_with("unknown /etc/rsyslog.d/00.conf:3 records"), "{found:#?}");
    assert!(before("auth.err /var/log/a\nauth.* stop")[0].starts_with("/etc/rsyslog.d/00.conf:2 records"));
}

#[test]
fn what_goes_to_another_machine_alone_is_told() {
    let found = told(&[("/etc/rsyslog.conf", "*.* @192.0.2.1\n")], "rsyslog");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(
        found[1],
        "/etc/rsyslog.conf:1 jobs that | set: *.* @192.0.2.1; another machine gets them, and no file on this one"
    );
    assert_eq!(told(&[("/etc/rsyslog.conf", "*.* @192.0.2.1\n*.* /var/log/all\n")], "rsyslog"), [""; 0]);
}
