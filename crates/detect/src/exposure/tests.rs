//! Settings that open a door, and those of every machine.

mod network;

use super::find;
use crate::found::Found;
use crate::testing::{Told, found_in, titles, view};
use kanshiki_testkit::{Need, need, run, tempdir, tool, write_file};
use std::path::Path;

fn found(files: &[(&str, &str)]) -> Found {
    found_in(&view(files), &[], find)
}

/// What is told of low severity and above.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    titles(&found(files)).into_iter().filter(|it| !it.starts_with("info")).collect()
}

fn none() -> Vec<String> {
    Vec::new()
}

/// What the table says of a setting.
fn allows(found: &Found, service: &str, setting: &str) -> String {
    let rows = found.inventory.iter().filter(|row| row.name == service);
    let facts = rows.map(|row| serde_json::from_str::<serde_json::Value>(&row.facts).unwrap());
    let row = facts.into_iter().find(|facts| facts["setting"] == setting).unwrap();
    format!(
        "{} {}: {}",
        row["value"].as_str().unwrap(),
        row["origin"].as_str().unwrap(),
        row["allows"].as_str().unwrap()
    )
}

const SSH: &str = "/etc/ssh/sshd_config";

const ROOT: &str = "medium exposure.root-by-password: sshd lets root in by its password";

#[test]
fn root_by_a_password_is_told_as_sshd_reads_its_settings() {
    assert_eq!(told(&[(SSH, "PermitRootLogin yes\n")]), [ROOT]);
    // The first counts, in what is included too.
    let both = [
        (SSH, "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin no\n"),
        ("/etc/ssh/sshd_config.d/1.conf", "permitrootlogin=yes\n"),
    ];
    assert_eq!(told(&both), [ROOT]);
    for silent in [
        "Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\nSubsystem sftp /x\n",
        "PermitRootLogin no\nPermitRootLogin yes\n",
        "PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
        "PermitRootLogin yes\nAuthenticationMethods publickey publickey,password\n",
        "PermitRootLogin yes\nListenAddress 127.0.0.1\n",
        "PermitRootLogin yes\nAllowUsers anna bob@192.0.2.*\n",
        "PermitRootLogin yes\nAllowGroups ssh-users\n",
        "PermitRootLogin yes\nDenyUsers root\n",
        "PermitRootLogin yes\nMatch User root\nPasswordAuthentication no\n",
        "Match User anna\nPermitRootLogin yes\n",
        "PermitRootLogin prohibit-password\nMatch Group sftp\nPermitRootLogin yes\n",
    ] {
        assert_eq!(told(&[(SSH, silent)]), none(), "{silent}");
    }
    let keyboard = "PermitRootLogin yes\nPasswordAuthentication no\nUsePAM yes\n";
    assert_eq!(told(&[(SSH, keyboard)]), [ROOT]);
    let some = "PermitRootLogin no\nMatch Address 192.0.2.0/24\nPermitRootLogin yes\n";
    let of_some = "low exposure.root-by-password: sshd lets root in by its password, but not everybody (Match Address 192.0.2.0/24)";
    assert_eq!(told(&[(SSH, some)]), [of_some]);
    let locked = [(SSH, "PermitRootLogin yes\n"), ("/etc/shadow", "root:*:1::::::\n")];
    assert_eq!(told(&locked), ["low exposure.root-by-password: sshd lets root in by its password"]);
    let from = "PermitRootLogin yes\nAllowUsers root@192.0.2.7\n";
    assert_eq!(told(&[(SSH, from)]), ["low exposure.root-by-password: sshd lets root in by its password"]);
}

#[test]
fn empty_passwords_and_guards_that_are_off_are_told_of_sshd() {
    let shadow = ("/etc/shadow", "root:*:1::::::\nguest::1::::::\n");
    assert_eq!(
        told(&[(SSH, "PermitEmptyPasswords yes\nGatewayPorts yes\n"), shadow]),
        [
            "high exposure.anybody: sshd lets accounts in that have no password",
            "low exposure.weakened: sshd has GatewayPorts yes"
        ]
    );
    let one = [(SSH, "PermitEmptyPasswords yes\n"), ("/etc/shadow", "root:*:1::::::\n")];
    assert_eq!(told(&one), ["medium exposure.anybody: sshd lets accounts in that have no password"]);
    assert_eq!(told(&[(SSH, "PermitEmptyPasswords no\nGatewayPorts no\nStrictModes yes\n"), shadow]), none());
}

#[test]
fn ftp_for_anybody_and_in_plain_text_is_told() {
    let path = "/etc/vsftpd.conf";
    let writing = "listen=YES\nanonymous_enable=YES\nwrite_enable=YES\nanon_upload_enable=YES\n";
    assert_eq!(
        told(&[(path, writing)]),
        ["high exposure.anybody: vsftpd lets anybody in without a password and bring files"]
    );
    let reading = "listen=YES\nanonymous_enable=YES\n";
    assert_eq!(told(&[(path, reading)]), ["medium exposure.anybody: vsftpd lets anybody in without a password"]);
    // Anonymous is let in by default, but where Debian builds it.
    assert_eq!(told(&[(path, "listen=YES\n")]), ["medium exposure.anybody: vsftpd lets anybody in without a password"]);
    let status = "Package: vsftpd\nStatus: install ok installed\nVersion: 3.0.3-13+b2\nArchitecture: amd64\n\n";
    assert_eq!(told(&[(path, "listen=YES\n"), ("/var/lib/dpkg/status", status)]), none());
    let local = "listen_ipv6=YES\nanonymous_enable=NO\nlocal_enable=YES\nssl_enable=NO\n";
    assert_eq!(
        told(&[(path, local)]),
        ["medium exposure.plain-text: vsftpd takes passwords of accounts in plain text"]
    );
    for silent in [
        "listen=YES\nanonymous_enable=NO\nlocal_enable=YES\nssl_enable=YES\n",
        "listen=YES\nlisten_address=127.0.0.1\nanonymous_enable=YES\nlocal_enable=YES\n",
        "anonymous_enable=YES\nlocal_enable=YES\n",
        "listen=YES\nanonymous_enable=NO\nlocal_enable=NO\n",
    ] {
        assert_eq!(told(&[(path, silent)]), none(), "{silent}");
    }
    let optional = "listen=YES\nanonymous_enable=NO\nlocal_enable=YES\nssl_enable=YES\nforce_local_logins_ssl=NO\n";
    assert_eq!(told(&[(path, optional)]).len(), 1);
    // Nothing starts it.
    let off = [(path, writing), ("/usr/lib/systemd/system/vsftpd.service", "[Service]\n")];
    assert_eq!(told(&off), ["medium exposure.anybody: vsftpd lets anybody in without a password and bring files"]);
    // Started by inetd.
    let inetd =
        [(path, "anonymous_enable=YES\n"), ("/etc/inetd.conf", "ftp stream tcp nowait root /usr/sbin/vsftpd vsftpd\n")];
    assert_eq!(told(&inetd), ["medium exposure.anybody: vsftpd lets anybody in without a password"]);
    assert_eq!(
        allows(&found(&[(path, reading)]), "vsftpd", "anonymous_enable"),
        "YES set: anybody is let in without a password"
    );
}

#[test]
fn what_inetd_starts_is_told() {
    let inetd = "#telnet stream tcp nowait root /usr/sbin/tcpd in.telnetd\ntelnet stream tcp nowait root /usr/sbin/tcpd /usr/sbin/in.telnetd\n";
    assert_eq!(
        told(&[("/etc/inetd.conf", inetd)]),
        ["high exposure.plain-text: inetd starts telnet for whoever comes"]
    );
    let xinetd = "service shell\n{\n  socket_type = stream\n  server = /usr/sbin/in.rshd\n  disable = no\n}\n";
    assert_eq!(
        told(&[("/etc/xinetd.d/rsh", xinetd)]),
        ["high exposure.anybody: xinetd starts shell for whoever comes"]
    );
    assert_eq!(told(&[("/etc/xinetd.d/rsh", &xinetd.replace("= no", "= yes"))]), none());
    let local = "#off\n127.0.0.1:telnet stream tcp nowait root /usr/sbin/in.telnetd\nident stream tcp wait identd /usr/sbin/identd identd\n";
    assert_eq!(told(&[("/etc/inetd.conf", local)]), none());
    let socket = ("/usr/lib/systemd/system/telnet.socket", "[Socket]\nListenStream=23\n");
    assert_eq!(told(&[socket]), none());
    let wanted = ("/etc/systemd/system/sockets.target.wants/telnet.socket", "");
    assert_eq!(told(&[socket, wanted]), ["high exposure.plain-text: telnet.socket is started for whoever comes"]);
}

#[test]
fn databases_that_let_anybody_in_are_told() {
    let (path, program) = ("/etc/mysql/my.cnf", ("/usr/sbin/mariadbd", ""));
    let open = "[mysqld]\nskip-grant-tables\nbind-address = 0.0.0.0\n";
    assert_eq!(told(&[(path, open), program]), ["high exposure.anybody: mariadb lets anybody in without a password"]);
    // MySQL 8.0 then keeps off the network.
    assert_eq!(
        told(&[(path, open), ("/usr/sbin/mysqld", "")]),
        ["medium exposure.anybody: mysql lets anybody in without a password"]
    );
    let local = "[mysqld]\nskip-grant-tables\nskip-networking\n";
    assert_eq!(
        told(&[(path, local), program]),
        ["medium exposure.anybody: mariadb lets anybody in without a password"]
    );
    assert_eq!(
        told(&[(path, "[mysqld]\nuser=root\nsecure-file-priv=\n[client]\nbind-address=127.0.0.1\n"), program]),
        [
            "low exposure.reachable: mariadb can be reached over the network",
            "medium exposure.weakened: mariadb runs as root",
            "low exposure.weakened: mariadb lets statements read and write files anywhere"
        ]
    );
    assert_eq!(told(&[(path, "[mysqld]\nbind-address = 127.0.0.1\nuser = mysql\n"), program]), none());
    // A client alone.
    assert_eq!(told(&[(path, open)]), none());
}

#[test]
fn a_release_is_held_against_the_time_at_which_the_machine_ran_last() {
    let at = |seconds: i64, release: &str| {
        let event = Told { path: "/var/log/syslog", kind: "syslog", time: seconds, ..Told::default() };
        let found = found_in(&view(&[("/etc/os-release", release)]), &[event], find);
        titles(&found).into_iter().filter(|it| it.contains("release")).collect::<Vec<_>>()
    };
    let debian = "PRETTY_NAME=\"Debian GNU/Linux 10 (buster)\"\nID=debian\nVERSION_ID=\"10\"\n";
    let old = "medium exposure.release-out-of-support: Debian GNU/Linux 10 (buster) was out of support";
    // 2024-06-01 and 2024-08-01.
    assert_eq!(at(1_717_200_000, debian), none());
    assert_eq!(at(1_722_470_400, debian), [old]);
    assert_eq!(at(1_722_470_400, "ID=centos\nNAME=\"CentOS Stream\"\nVERSION_ID=\"9\"\n"), none());
    assert_eq!(at(1_722_470_400, "ID=centos\nNAME=\"CentOS Linux\"\nVERSION_ID=\"8\"\n").len(), 1);
    assert_eq!(at(1_722_470_400, "ID=debian\nVERSION_ID=\"1\"\n"), none());
    assert_eq!(at(1_722_470_400, "ID=new\nVERSION_ID=\"1\"\nSUPPORT_END=2024-07-01\n").len(), 1);
    // No log, and a filesystem that does not tell.
    assert_eq!(told(&[("/etc/os-release", debian)]), none());
    let found = found_in(
        &view(&[("/etc/centos-release", "CentOS release 6.10 (Final)\n")]),
        &[Told { path: "/var/log/messages", kind: "syslog", time: 1_722_470_400, ..Told::default() }],
        find,
    );
    assert!(titles(&found).contains(
        &"medium exposure.release-out-of-support: CentOS release 6.10 (Final) was out of support".to_owned()
    ));
}

#[test]
fn a_firewall_that_is_missing_is_told() {
    let missing =
        |files: &[(&str, &str)]| titles(&found(files)) == ["info exposure.no-firewall: no firewall was found"];
    assert!(missing(&[]));
    let nft = "table inet filter {\n  chain input {\n    type filter hook input priority 0;\n  }\n  chain forward {\n type filter hook forward priority 0; policy drop;\n }\n}\n";
    assert!(missing(&[("/etc/nftables.conf", nft)]));
    assert!(!missing(&[(
        "/etc/nftables.conf",
        &nft.replace("priority 0;\n  }", "priority 0; policy drop;\n tcp dport 22 accept\n  }")
    )]));
    assert!(!missing(&[(
        "/etc/iptables/rules.v4",
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n"
    )]));
    assert!(!missing(&[(
        "/etc/sysconfig/iptables",
        "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\n"
    )]));
    assert!(missing(&[(
        "/etc/iptables/rules.v4",
        "*nat\n:INPUT DROP [0:0]\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 192.0.2.1 -j DROP\n"
    )]));
    assert!(missing(&[("/etc/ufw/ufw.conf", "ENABLED=no\n")]));
    assert!(!missing(&[
        ("/etc/ufw/ufw.conf", "ENABLED=yes\n"),
        ("/etc/default/ufw", "DEFAULT_INPUT_POLICY=\"DROP\"\n")
    ]));
    assert!(!missing(&[("/etc/firewalld/firewalld.conf", "DefaultZone=public\n")]));
    let zone = ("/etc/firewalld/zones/trusted.xml", "<zone target=\"ACCEPT\">\n</zone>\n");
    assert!(missing(&[("/etc/firewalld/firewalld.conf", "DefaultZone=trusted\n"), zone]));
    // Rules that nothing sets.
    let off = ("/usr/lib/systemd/system/nftables.service", "");
    assert!(missing(&[("/etc/nftables.conf", &nft.replace("priority 0;\n  }", "priority 0; policy drop;\n  }")), off]));
}

/// What root is told by `sshd -T`, from this address.
fn asked_of_sshd(place: &Path, address: &str) -> bool {
    let told = run(tool("sshd")
        .args(["-T", "-C"])
        .arg(format!("user=root,host=h,addr={address},laddr=192.0.2.99,lport=22"))
        .arg("-f")
        .arg(place.join("sshd_config"))
        .arg("-h")
        .arg(place.join("key")));
    assert_eq!(told.code, 0, "{}", told.stderr);
    let is = |line: &str| told.stdout.lines().any(|it| it == line);
    let by_password = is("passwordauthentication yes") || (is("kbdinteractiveauthentication yes") && is("usepam yes"));
    is("permitrootlogin yes") && by_password
}

#[test]
fn blocks_of_match_count_as_sshd_itself_takes_them() {
    if !need(&[Need::Root, Need::Tool("sshd"), Need::Tool("ssh-keygen")]) {
        return;
    }
    // It wants this folder even if it is asked for its settings alone.
    std::fs::create_dir_all("/run/sshd").unwrap();
    let place = tempdir();
    let place = place.path();
    let _ = run(tool("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(place.join("key"))).exits(0);
    let (main, first, second) = (place.join("sshd_config"), place.join("1.conf"), place.join("2.conf"));
    let include = format!("Include {0}/1.conf\nInclude {0}/2.conf\n", place.display());
    for (main_text, first_text, second_text) in [
        ("PermitRootLogin yes\n", "", ""),
        ("INCLUDE\nPermitRootLogin yes\n", "PermitRootLogin no\n", ""),
        // The end of a file ends its Match.
        ("INCLUDE\nPermitRootLogin no\n", "Match User anna\nPermitRootLogin no\n", "PermitRootLogin yes\n"),
        ("INCLUDE\n", "Match User root\nPermitRootLogin yes\n", "Match all\nPermitRootLogin no\n"),
        ("Match User anna\nINCLUDE\n", "PermitRootLogin yes\n", ""),
        ("Match User root\nINCLUDE\nMatch all\nPermitRootLogin no\n", "PermitRootLogin yes\n", ""),
        (
            "PermitRootLogin yes\nMatch User *,!root\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            "",
            "",
        ),
        ("PermitRootLogin yes\nPasswordAuthentication no\nMatch User r??t\nPasswordAuthentication yes\n", "", ""),
        ("PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication yes\nUsePAM yes\n", "", ""),
        ("PermitRootLogin yes\nPasswordAuthentication no\nChallengeResponseAuthentication no\nUsePAM yes\n", "", ""),
        ("PermitRootLogin without-password\nMatch Group nobody\nPermitRootLogin yes\n", "", ""),
        ("PermitRootLogin=yes # always\nPasswordAuthentication \"yes\"\n", "", ""),
    ] {
        let text = main_text.replace("INCLUDE\n", &include);
        for (path, text) in [(&main, text.as_str()), (&first, first_text), (&second, second_text)] {
            write_file(path, text);
        }
        let expected = asked_of_sshd(place, "203.0.113.7");
        let paths = [&first, &second].map(|path| path.to_str().unwrap().to_owned());
        let files = [(SSH, text.as_str()), (&paths[0], first_text), (&paths[1], second_text)];
        assert_eq!(told(&files) == [ROOT], expected, "{text} {first_text} {second_text}");
    }
}
