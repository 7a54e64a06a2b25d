//! Accounts that open a door, and those of every machine.

use super::find;
use crate::found::Found;
use crate::testing::{Told, found_in, titles, view};
use kanshiki_model::Value;
use kanshiki_testkit::{run, tempdir};
use std::process::Command;

fn found(files: &[(&str, &str)], events: &[Told]) -> Found {
    found_in(&view(files), events, find)
}

fn told(passwd: &str, shadow: &str) -> Vec<String> {
    titles(&found(&[("/etc/passwd", passwd), ("/etc/shadow", shadow)], &[]))
        .into_iter()
        .filter(|it| !it.contains("accounts.hashes-readable"))
        .collect()
}

#[test]
fn a_plain_machine_has_nothing_to_tell() {
    let passwd = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\npostgres:x:110:110::/var/lib/postgresql:/bin/bash
anna:x:1000:1000:Anna:/home/anna:/bin/bash\ntempest:x:1001:1001::/home/tempest:/bin/sh\n";
    let shadow = "root:$y$j9T$abc$def:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\npostgres:!:19000::::::
anna:$6$abc$def:19000:0:99999:7:::\ntempest:!$6$abcdefghi:19000::::::\n";
    assert_eq!(told(passwd, shadow), [""; 0]);
}

#[test]
fn twins_of_root_empty_weak_temporary_and_service_accounts_are_told() {
    let passwd = "root:x:0:0::/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\nnone:x:1001:1001::/home/none:/bin/sh
old:x:1002:1002::/home/o:/bin/sh\nmigrate2:x:1003:1003::/home/m:/bin/bash\ntmpadm:x:1004:1004::/home/t:/bin/sh\nkari:x:1005:1005:Kari:/home/k:/bin/sh\nwww-data:x:33:33::/var/www:/bin/bash\n";
    let shadow = "root:*:1::::::\ntoor:$6$a$b:1::::::\nnone::1::::::\nold:$1$a$b:1::::::\nmigrate2:$6$a$b:20100:0:99999:7:::\ntmpadm:$6$a$b:1::::::\nkari:$6$a$b:1::::::\nwww-data:$6$a$b:1::::::\n";
    let expected = [
        "high accounts.root-twin: toor is root by another name",
        "high accounts.empty-password: none has no password",
        "low accounts.weak-hash: the password of old is kept as md5crypt",
        "medium accounts.temporary: old is an account for a while, by its name, and is still there",
        "medium accounts.temporary: migrate2 is an account for a while, by its name, and is still there",
        "medium accounts.temporary: tmpadm is an account for a while, by its name, and is still there",
        "low accounts.temporary: kari is an account for a while, by its name, and is still there",
        "medium accounts.service-login: www-data is the account of a service, and can be logged in to by a password",
    ];
    assert_eq!(told(passwd, shadow), expected);
}

#[test]
fn backups_and_doubled_lines_are_compared() {
    let files = [
        ("/etc/passwd", "root:x:0:0::/root:/bin/bash\na:x:1000:1000::/:/bin/sh\nb:x:1000:1000::/:/bin/sh\n"),
        ("/etc/passwd-", "root:x:0:0::/root:/bin/bash\na:x:1000:1000::/:/bin/false\n"),
    ];
    let expected = [
        "medium accounts.doubled: the number 1000 stands in several lines of /etc/passwd",
        "info accounts.differs-from-backup: accounts differ from the backups of /etc/passwd and /etc/shadow",
    ];
    let found = found(&files, &[]);
    assert_eq!(titles(&found), expected);
    assert_eq!(found.findings[1].evidence.len(), 2);
}

#[test]
fn sudoers_is_read_with_aliases_and_what_it_includes() {
    let sudoers = "Defaults env_reset\nUser_Alias WEB = www-data, anna\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\nWEB ALL = (ALL) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n";
    let files = [
        ("/etc/passwd", "anna:x:1000:1000::/:/bin/sh\n"),
        ("/etc/sudoers", sudoers),
        ("/etc/sudoers.d/x", "bob ALL=(root) NOPASSWD: /usr/bin/rndc reload x\n"),
        ("/etc/sudoers.d/y.rpmsave", "eve ALL=(ALL) NOPASSWD: ALL\n"),
        ("/etc/sudoers.d/y~", "eve ALL=(ALL) NOPASSWD: ALL\n"),
        (
            "/etc/sudoers.d/z",
            "Defaults:carl env_reset, !authenticate\ncarl ALL=(ALL) ALL\nwww-data ALL=(ALL) NOPASSWD: /usr/bin/id, /bin/bash\n\
                dora ALL=(ALL) NOPASSWD: /usr/bin/vim.tiny /etc/hosts, /usr/bin/less /var/log/x\n",
        ),
    ];
    let found = found(&files, &[]);
    let expected = [
        "high accounts.sudo-without-password: www-data, anna may run all as root without a password",
        "low accounts.sudo-without-password: bob may run some commands as root without a password",
        "medium accounts.sudo-without-password: carl may run all as root without a password",
        "high accounts.sudo-without-password: www-data may run bash, and so all, as root without a password",
        "medium accounts.sudo-without-password: dora may run less, and so all, as root without a password",
    ];
    assert_eq!(titles(&found), expected);
    let facts: serde_json::Value = serde_json::from_str(&found.inventory[0].facts).unwrap();
    assert_eq!(facts["sudo"][0], "WEB ALL = (ALL) NOPASSWD: ALL");
}

#[test]
fn keys_lie_where_the_settings_of_sshd_say_too() {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJLVJkpLtyfSO7eW0Bx4bVLUnNnlhqJzfUp4n8bV4z8r m\n";
    let passwd = ("/etc/passwd", "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n");
    let sshd = (
        "/etc/ssh/sshd_config",
        "AuthorizedKeysFile \"/etc/ssh/keys/%u\" .ssh/authorized_keys\nMatch all\nAuthorizedKeysFile=%h/.k/%U\n",
    );
    let told = |files: &[(&str, &str)]| titles(&found(&[&[passwd, sshd], files].concat(), &[]));
    let of = |name: &str| [format!("info accounts.key: a key lets somebody in as {name}: ssh-ed25519 m")];
    assert_eq!(told(&[("/etc/ssh/keys/root", key)]), of("root"));
    assert_eq!(told(&[("/home/anna/.k/1000", key)]), of("anna"));
    assert_eq!(told(&[("/etc/ssh/keys/nobody", key)]), [""; 0]);
}

#[test]
fn fingerprints_are_those_of_ssh_keygen_and_lead_to_logins() {
    let place = tempdir();
    let key = place.path().join("key");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "anna@ferry", "-f"]).arg(&key));
    let public = std::fs::read_to_string(place.path().join("key.pub")).unwrap();
    let shown = run(Command::new("ssh-keygen").arg("-lf").arg(place.path().join("key.pub"))).stdout;
    let fingerprint = shown.split(' ').nth(1).unwrap().to_owned();
    let line = format!("from=\"192.0.2.*\" {public}");
    let files =
        [("/etc/passwd", "anna:x:1000:1000::/home/anna:/bin/sh\n"), ("/home/anna/.ssh/authorized_keys", line.as_str())];
    let login = Told {
        path: "/var/log/auth.log",
        kind: "ssh.login",
        time: 1_700_000_000,
        user: "anna".to_owned(),
        address: "192.0.2.7".to_owned(),
        fields: vec![("key", Value::Text(Box::leak(format!("ED25519 {fingerprint}").into_boxed_str()).as_bytes()))],
        ..Told::default()
    };
    let found = found(&files, &[login]);
    assert_eq!(titles(&found), ["info accounts.key: a key lets somebody in as anna: ssh-ed25519 anna@ferry"]);
    let finding = &found.findings[0];
    assert!(finding.explanation.contains(&fingerprint), "{}", finding.explanation);
    assert_eq!(finding.evidence.len(), 2);
}
