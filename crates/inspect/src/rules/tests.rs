//! Each rule with a file that it speaks of, and a twin that it must not speak of.

mod scripts;

use super::RULES;
use crate::testing::{facts, rules};
use std::collections::{BTreeMap, BTreeSet};

/// A rule, and the path and content of a file that it speaks of, and of its twin.
struct Pair(&'static str, (&'static str, Vec<u8>), (&'static str, Vec<u8>));

fn pair(rule: &'static str, fires: (&'static str, &str), silent: (&'static str, &str)) -> Pair {
    Pair(rule, (fires.0, fires.1.as_bytes().to_vec()), (silent.0, silent.1.as_bytes().to_vec()))
}

fn shells() -> Vec<Pair> {
    vec![
        pair(
            "content.web-shell",
            ("/var/www/html/x.php", "<?php @system($_GET['cmd']); ?>"),
            ("/var/www/html/x.php", "<?php echo htmlspecialchars($_GET['cmd']); $db->exec($_POST['id']); ?>"),
        ),
        pair(
            "content.web-shell",
            ("/var/www/html/x.php", "<?php eval(base64_decode($_POST['p']));"),
            ("/var/www/html/x.php", "<?php $x = base64_decode($_POST['p']); system('ls');"),
        ),
        pair(
            "content.web-shell",
            ("/var/www/html/x.php", "<?= `$_GET[c]` ?>"),
            ("/var/www/html/x.php", "<?php mysql_query('select `id` from t where a=' . (int)$_GET['c']);"),
        ),
        pair(
            "content.web-shell-call",
            ("/var/www/html/x.php", "<?php $_GET['f']($_GET['a']);"),
            ("/var/www/html/x.php", "<?php if (isset($_GET['f']) && is_string($_GET['a'])) show($_GET['f'], (1));"),
        ),
        pair(
            "content.web-shell-call",
            ("/var/www/html/x.php", "<?php array_filter(array('id'), $_REQUEST['f']);"),
            ("/var/www/html/x.php", "<?php $a = array_filter($_POST, 'is_string');"),
        ),
        pair(
            "content.web-shell-variable",
            ("/var/www/html/x.php", "<?php\nextract($_POST);\npassthru($c);\n"),
            ("/var/www/html/x.php", "<?php\nextract($defaults);\npassthru($c);\n"),
        ),
        pair(
            "content.web-shell-variable",
            ("/var/www/html/x.php", "<?php\n$c = trim($_REQUEST['c']);\necho '<pre>';\nsystem($c);\n"),
            (
                "/var/www/html/x.php",
                "<?php\n$c = intval($_REQUEST['c']);\n$d = $_GET['d'];\nsystem($c);\nexec(escapeshellarg($d));\n",
            ),
        ),
        pair(
            "content.web-shell",
            ("/var/log/x.php", "\n<?php system($_GET['c']); ?>"),
            (
                "/var/log/mysql/mysql.log",
                "/usr/sbin/mariadbd, Version: 10.11\n 4 Query\tSELECT '<?php system($_GET[\"c\"]); ?>' INTO DUMPFILE '/x.php'\n",
            ),
        ),
        pair(
            "content.web-shell",
            ("/srv/site/page", "<html>\n<?php system($_GET['c']); ?>"),
            ("/srv/dump", "-- MariaDB dump 10.19\nINSERT INTO `log` VALUES ('<?php system($_GET[1]); ?>');\n"),
        ),
        pair(
            "content.web-shell-include",
            ("/var/www/html/x.php", "<?php include($_GET['p']);"),
            ("/var/www/html/x.php", "<?php include 'pages/' . basename($_GET['p']) . '.php';"),
        ),
        pair(
            "content.web-shell-writes",
            ("/var/www/html/x.php", "<?php file_put_contents($_GET['n'], file_get_contents($_GET['u']));"),
            ("/var/www/html/x.php", "<?php file_put_contents('cache/' . md5($_GET['u']), file_get_contents($url));"),
        ),
        pair(
            "content.web-shell-upload",
            ("/var/www/html/x.php", "<?php move_uploaded_file($_FILES['f']['tmp_name'], $_FILES['f']['name']);"),
            (
                "/var/www/html/x.php",
                "<?php if (getimagesize($_FILES['f']['tmp_name'])) \
                    move_uploaded_file($_FILES['f']['tmp_name'], $_FILES['f']['name']);",
            ),
        ),
        pair(
            "content.obfuscated-php",
            ("/var/www/html/x.php", "<?php eval(gzinflate(base64_decode('80jNyclXKM8vyklRBAA=')));"),
            (
                "/var/www/html/x.php",
                "<?php $a = gzinflate(base64_decode('80jNyclXKM8vyklRBAA=')); $o->eval(strrev($a));",
            ),
        ),
        pair(
            "content.replace-evaluates",
            ("/var/www/html/x.php", "<?php preg_replace('/.*/e', $_POST['c'], '');"),
            ("/var/www/html/x.php", "<?php preg_replace('/[^a-e]/i', '', $_POST['c']);"),
        ),
        pair(
            "content.hidden-names",
            ("/var/www/html/x.php", "<?php ${\"\\x47\\x4c\\x4f\\x42\\x41\\x4c\\x53\"}['a']='b';"),
            ("/var/www/html/x.php", "<?php ${'name'} = \"\\x47\\x4c\"; echo \"${x}\";"),
        ),
        pair(
            "content.character-chain",
            ("/var/www/html/x.php", &format!("<?php $f={}'';", "chr(115).".repeat(16))),
            ("/var/www/html/x.php", &format!("<?php $bom={}'';", "chr(239).".repeat(3))),
        ),
        pair(
            "content.known-web-shell",
            ("/var/www/html/x.php", "<?php $default_action = 'FilesMan';"),
            ("/var/www/html/x.php", "<?php class FileManager {}"),
        ),
        pair(
            "content.known-web-shell",
            ("/var/www/html/x.php", "<?php\n$k=\"9f1a2b3c\";$kh=\"5d41402abc4b\";$kf=\"2a76b9719d91\";"),
            ("/var/www/html/x.php", "<?php\n$k=\"9f1a2b3c\";$kh=\"height\";"),
        ),
        pair(
            "content.code-in-image",
            ("/var/www/html/uploads/a.gif", "GIF89a\x01\x01<?php eval($_POST['x']); ?>"),
            ("/var/www/html/uploads/a.gif", "GIF89a\x01\x01<?xpacket begin='' ?><?=\x02\x03 eval"),
        ),
        pair(
            "content.page-among-uploads",
            (
                "/var/www/html/wp-content/uploads/2024/05/a.php",
                "<?php // a page that is longer than one that only keeps a folder from being listed, by far",
            ),
            ("/var/www/html/wp-content/uploads/index.php", "<?php\n// Silence is golden.\n"),
        ),
        pair(
            "content.runs-pictures",
            ("/var/www/html/uploads/.htaccess", "AddType application/x-httpd-php .jpg\n"),
            ("/var/www/html/.htaccess", "AddType application/x-httpd-php .php .phtml\nAddType image/jpeg .jpg\n"),
        ),
        pair(
            "content.web-shell-jsp",
            ("/opt/app/x.jsp", "<% Runtime.getRuntime().exec(request.getParameter(\"c\")); %>"),
            ("/opt/app/x.jsp", "<% out.print(request.getParameter(\"c\")); %>"),
        ),
        pair(
            "content.web-shell-asp",
            ("/srv/x.asp", "<%eval request(\"c\")%>"),
            ("/srv/x.asp", "<%Response.Write Server.HTMLEncode(request(\"c\"))%>"),
        ),
        pair(
            "content.web-shell-cgi",
            ("/usr/lib/cgi-bin/x.pl", "#!/usr/bin/perl\nuse CGI;\nsystem($q->param('c'));\n"),
            ("/usr/lib/cgi-bin/x.pl", "#!/usr/bin/perl\nuse CGI;\nprint $q->param('c');\n"),
        ),
    ]
}

/// The address for donations to the project of Monero, from its README.
const DONATIONS: &str =
    "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H";

fn miners() -> Vec<Pair> {
    vec![
        pair(
            "content.miner-protocol",
            ("/etc/systemd/system/x.service", "ExecStart=/tmp/x -o stratum+tcp://pool.example.org:3333\n"),
            ("/usr/share/doc/x/README", "Stratum is written as stratum+tcp://host:port.\n"),
        ),
        pair(
            "content.miner-program",
            ("/tmp/x", "\x01\x02\x03stratum+tcp\0donate-level\0cryptonight\0"),
            ("/tmp/x", "\x01\x02\x03randomx\0cryptonight\0"),
        ),
        pair(
            "content.miner-settings",
            (
                "/tmp/config.json",
                "{\"donate-level\": 1, \"pools\": [{\"algo\": null, \"coin\": \"monero\", \"pass\": \"x\"}]}",
            ),
            ("/tmp/config.json", "{\"pools\": [{\"algo\": \"round-robin\", \"pass\": \"x\"}]}"),
        ),
        pair(
            "content.miner-command",
            ("/etc/cron.d/x", "@reboot root /tmp/kworker -a rx/0 --donate-level 1\n"),
            ("/etc/cron.d/x", "@reboot root /usr/bin/rsync -a /rx/0 /srv\n"),
        ),
        pair(
            "content.miner-pool",
            ("/tmp/run.sh", "#!/bin/sh\n./x -o pool.supportxmr.com:3333\n"),
            ("/etc/hosts.block", "0.0.0.0 pool.supportxmr.com\n"),
        ),
        pair(
            "content.monero-wallet",
            ("/tmp/run.sh", &format!("#!/bin/sh\n./x -u {DONATIONS}\n")),
            ("/tmp/run.sh", &format!("#!/bin/sh\n./x -u {}\n", DONATIONS.replace("PN6J", "PN7J"))),
        ),
    ]
}

fn tools() -> Vec<Pair> {
    let addresses = |count: u32| (0..count).map(|it| format!("192.0.2.{it}\n")).collect::<String>();
    let accounts = |between: &str| (0..150).map(|it| format!("root{between}secret{it}\n")).collect::<String>();
    vec![
        pair(
            "content.attack-tool",
            ("/root/run", "masscan -p22 --banners # masscan/1.3 (https://github.com/robertdavidgraham/masscan)\n"),
            (
                "/var/log/apache2/access.log",
                "192.0.2.7 - \"GET /\" 200 \"masscan/1.3 (https://github.com/robertdavidgraham/masscan)\"\n",
            ),
        ),
        pair(
            "content.attack-tool",
            ("/tmp/x.py", "#!/usr/bin/env python3\n# The LaZagne project\n"),
            ("/tmp/x.py", "#!/usr/bin/env python3\n# lasagne, a recipe\n"),
        ),
        pair(
            "content.tunnel",
            ("/tmp/x", "\x01\x02\x03github.com/jpillora/chisel/client\0"),
            ("/tmp/x", "\x01\x02\x03github.com/jpillora/backoff\0"),
        ),
        pair(
            "content.exploit",
            ("/tmp/x.c", "int f(void) { return open(\"GCONV_PATH=./pwnkit\", 0); }"),
            ("/tmp/x.c", "int f(void) { return madvise(p, n, MADV_DONTNEED); }"),
        ),
        pair(
            "content.irc-bot",
            ("/tmp/x.pl", "#!/usr/bin/perl\n# ShellBOT\nsendraw(\"PRIVMSG $printl :udpflood\");\n"),
            ("/tmp/x.pl", "#!/usr/bin/perl\nsend(\"PRIVMSG #help :hello\");\n"),
        ),
        pair(
            "content.bot",
            ("/tmp/x", "\x01\x02\x03/dev/misc/watchdog\0listening tun0\0xc3511\0"),
            ("/tmp/x", "\x01\x02\x03/dev/watchdog\0/dev/misc/watchdog\0"),
        ),
        pair(
            "content.rootkit",
            ("/lib/modules/x.ko", "\x01\x02\x03diamorphine_init\0hacked_kill\0"),
            ("/lib/modules/x.ko", "\x01\x02\x03diamond_init\0give_root\0"),
        ),
        pair(
            "content.password-list",
            ("/tmp/p.txt", "123456\npassword\nqwerty\ndragon\nmonkey\nletmein\n"),
            ("/tmp/p.txt", "apple\npassword\npear\ndragon\nmonkey\nmaster\n"),
        ),
        pair("content.account-list", ("/tmp/v", &accounts(":")), ("/tmp/v", &accounts(" = "))),
        pair("content.address-list", ("/tmp/ip", &addresses(150)), ("/tmp/ip", &addresses(50))),
    ]
}

fn data() -> Vec<Pair> {
    let dump = "-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\n--\nCREATE TABLE t (a int);\n";
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv\n";
    let mails =
        |count: u32| (0..count).map(|it| format!("{it};customer{it}@example.org;Example Street\n")).collect::<String>();
    let cards = |first: u64, step: u64| {
        (0..40).map(|it| format!("{it},{}\n", with_check(first + it * step))).collect::<String>()
    };
    let random = |bytes: usize| {
        let mut state = 1_u64;
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        (0..bytes).map(next).collect::<Vec<u8>>()
    };
    vec![
        pair(
            "content.database-dump",
            ("/var/backups/a.sql", dump),
            ("/var/backups/a.sql", "CREATE TABLE t (a int);\n"),
        ),
        pair("content.database-dump-in-open-place", ("/var/www/html/a.txt", dump), ("/var/backups/a.txt", dump)),
        pair(
            "content.select-into-file",
            ("/root/.mysql_history", "select * from customers into outfile '/var/www/html/c.txt';\n"),
            ("/root/.mysql_history", "select * from customers; load data infile '/tmp/c';\n"),
        ),
        pair(
            "content.card-numbers",
            ("/tmp/c.csv", &cards(411_111_111_111_111, 7)),
            ("/tmp/c.csv", &cards(911_111_111_111_111, 7)),
        ),
        pair("content.mail-addresses", ("/tmp/c.csv", &mails(600)), ("/tmp/c.csv", &mails(60))),
        Pair(
            "content.archive-of-secrets",
            ("/tmp/a.tar", tar(&["etc/passwd", "etc/shadow"])),
            ("/tmp/a.tar", tar(&["etc/passwd", "share/icons/shadow"])),
        ),
        pair("content.private-key", ("/root/k", key), ("/etc/ssl/private/k.key", key)),
        pair("content.private-key-in-open-place", ("/var/www/html/k.txt", key), ("/root/k", key)),
        pair(
            "content.shadow-copy",
            ("/tmp/s", "root:$6$abcdefgh$0123456789abcdef:19000:0:99999:7:::\n"),
            ("/etc/shadow", "root:$6$abcdefgh$0123456789abcdef:19000:0:99999:7:::\n"),
        ),
        Pair("content.random-bytes", ("/tmp/r", random(128 << 10)), ("/tmp/r", random(8 << 10))),
    ]
}

/// The number with its check digit by Luhn.
fn with_check(number: u64) -> u64 {
    let sum: u64 = number
        .to_string()
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u64::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    number * 10 + (10 - sum % 10) % 10
}

fn tar(names: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names {
        let mut block = [0_u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(b"00000000001");
        block[156] = b'0';
        block[257..262].copy_from_slice(b"ustar");
        bytes.extend_from_slice(&block);
        bytes.extend_from_slice(&[b'x'; 512]);
    }
    bytes
}

fn pairs() -> Vec<Pair> {
    [
        scripts::pairs(),
        shells(),
        miners(),
        tools(),
        data(),
        crate::elf::pairs()
            .into_iter()
            .map(|(rule, fires, silent)| Pair(rule, ("/tmp/x", fires), ("/tmp/x", silent)))
            .collect(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_rule_speaks_of_its_file_and_is_silent_about_the_twin() {
    let mut wrong = Vec::new();
    for Pair(rule, fires, silent) in pairs() {
        let (of_file, of_twin) = (rules(&facts(fires.0, &fires.1)), rules(&facts(silent.0, &silent.1)));
        if !of_file.contains(&rule) || of_twin.contains(&rule) {
            wrong.push(format!("{rule}: {of_file:?} of its file, {of_twin:?} of the twin"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_rule_has_a_pair() {
    let with_pair: BTreeSet<&str> = pairs().iter().map(|pair| pair.0).collect();
    let all: BTreeSet<&str> = RULES.iter().copied().flatten().map(|rule| rule.rule.id).collect();
    assert_eq!(all, with_pair);
}

#[test]
fn the_table_can_be_compiled_and_names_each_rule_once() {
    assert!(crate::engine::is_compiled());
    let mut counts = BTreeMap::new();
    for rule in RULES.iter().copied().flatten() {
        *counts.entry(rule.rule.id).or_insert(0) += 1;
        assert!(
            rule.triggers.iter().all(|it| it.literals.len() <= 64 && it.literals.iter().all(|it| it.len() >= 4)),
            "{}",
            rule.rule.id
        );
    }
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}
