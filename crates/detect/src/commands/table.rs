//! The commands that are told.

use kanshiki_model::{Confidence, Question, Rule, Severity};

/// What a command looks like.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) rule: &'static Rule,
    /// What was done, behind the name of who did it.
    pub(super) what: &'static str,
    /// What it means.
    pub(super) means: &'static str,
    /// One of these stands in the command, as words of their own …
    pub(super) first: &'static [&'static str],
    /// … and behind it one of each of these, in any order.
    pub(super) then: &'static [&'static [&'static str]],
}

impl Pattern {
    /// Whether a command is of this kind.
    pub(super) fn fits(&self, command: &str) -> bool {
        self.first.iter().any(|word| {
            occurrences(command, word)
                .any(|rest| self.then.iter().all(|words| words.iter().any(|it| rest.contains(it))))
        })
    }
}

/// What stands behind each place of a text at which a word begins.
fn occurrences<'c>(command: &'c str, word: &'static str) -> impl Iterator<Item = &'c str> {
    command.match_indices(word).filter_map(move |(at, found)| {
        let (before, rest) = command.split_at_checked(at)?;
        let is_begin =
            before.chars().next_back().is_none_or(|sign| !sign.is_alphanumeric() && sign != '_' && sign != '-');
        is_begin.then(|| rest.get(found.len()..)).flatten()
    })
}

macro_rules! rules {
    ($($name:ident = $id:literal, $question:ident, $severity:ident, $confidence:ident, $technique:literal, $next:literal;)*) => {
        $(static $name: Rule = Rule {
            id: $id,
            question: Question::$question,
            severity: Severity::$severity,
            confidence: Confidence::$confidence,
            technique: $technique,
            next: $next,
        };)*
        pub(super) const RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules!(
    DOWNLOAD = "ran.download-and-run", Ran, High, Medium, "T1105",
        "Look for what was downloaded in deleted files and in the folder in which the command ran; look where else the address is named.";
    SHELL = "ran.reverse-shell", Ran, High, High, "T1059.004",
        "Whoever sat at the other end could do all that the account can: look at what ran and changed from then on.";
    MINER = "ran.miner", Ran, High, High, "T1496",
        "Look at the load of the processors (`kanshiki query --case DIR busy`), and at what starts the miner again.";
    TEMPORARY = "ran.from-temporary", Ran, Medium, Medium, "T1059.004",
        "Look for the file, deleted or not, and for who brought it.";
    DECODE = "ran.decoded", Ran, Medium, Medium, "T1140",
        "Decode the text by hand: `base64 -d`.";
    LOOK = "ran.looking-around", Ran, Low, Low, "T1082",
        "One such command is an administrator's; several within minutes behind a login are those of somebody who is new here.";
    SECRETS = "ran.secrets-read", Ran, Medium, Medium, "T1003.008",
        "Take all passwords and keys that stand in those files for known to others.";
    WIPED = "hidden.history-wiped", Hidden, High, Medium, "T1070.003",
        "What is missing in the history may be in process accounting, auditd, the journal, or in deleted files.";
    LOGS = "hidden.logs-wiped", Hidden, High, Medium, "T1070.002",
        "Compare with `kanshiki query --case DIR gaps`; look for the logs among deleted files, and on machines to which logs were sent.";
    DISABLED = "hidden.defence-disabled", Hidden, Medium, Medium, "T1562.001",
        "What happened while it was off is in no log of it: look at the others.";
    TIMES = "hidden.times-set", Hidden, Medium, Medium, "T1070.006",
        "Times of change (`ctime`) and of birth are not set that way: `kanshiki stat` shows them.";
    IMMUTABLE = "hidden.attributes", Hidden, Medium, Medium, "T1222.002",
        "Look at what was made immutable: it is what somebody did not want to be removed.";
    KEYS = "persists.key-added", Persists, Medium, Medium, "T1098.004",
        "Compare the keys with those of the people who should get in; logins by key name its fingerprint.";
    CRON = "persists.cron-changed", Persists, Low, Low, "T1053.003",
        "Look at the table of what starts by itself: `kanshiki query --case DIR persistence`.";
    ACCOUNT = "persists.account-by-command", Persists, Low, Medium, "T1136.001",
        "Find out for whom the account was made.";
    RAISED = "persists.rights-given", Persists, High, Medium, "T1548.001",
        "Look at the file and at its copies: whoever runs it has the rights of its owner (`kanshiki packages IMAGE --privileged`).";
    MODULE = "persists.module-loaded", Persists, Medium, Medium, "T1547.006",
        "Take the module out; what it hides is not seen on the running machine, but in the image.";
    DUMPED = "data.dumped", ReadOut, Medium, Low, "T1005",
        "Look whether it was the usual backup, where the file went, and how large it was.";
    SENT = "data.sent", ReadOut, Medium, Low, "T1048",
        "Find out what the file held and whose the other machine is; firewalls and flow records tell how much went over.";
    PACKED = "data.packed", ReadOut, Low, Low, "T1560.001",
        "Look for the archive, deleted or not, and whether it was fetched.";
    ONWARD = "onward.attack-tool", Onward, High, Medium, "T1595",
        "Find out which machines were the target, and tell those who run them.";
    SCAN = "onward.scan", Onward, Medium, Low, "T1046",
        "Find out which machines were the target, and whether it was an administrator.";
);

const SHELLS: &[&str] = &[
    "|sh",
    "| sh",
    "|bash",
    "| bash",
    "|python",
    "| python",
    "|perl",
    "| perl",
    "| sudo sh",
    "| sudo bash",
    "| /bin/sh",
    "|/bin/sh",
    "| /bin/bash",
    "|/bin/bash",
    "&& bash",
    "; bash",
    "; sh ",
    "&& sh ",
    "&& ./",
    "; ./",
];

/// All of them.
pub(super) const PATTERNS: &[Pattern] = &[
    Pattern {
        rule: &DOWNLOAD,
        what: "downloaded something and ran it",
        means: "What comes from the network is run at once, without anybody having looked at it.",
        first: &["curl ", "wget ", "fetch ", "lwp-download ", "tftp "],
        then: &[SHELLS],
    },
    Pattern {
        rule: &DOWNLOAD,
        what: "downloaded something and made it a program",
        means: "A file from the network is made executable in the same line.",
        first: &["curl ", "wget "],
        then: &[&["chmod +x", "chmod 7", "chmod u+x", "chmod a+x"]],
    },
    Pattern {
        rule: &SHELL,
        what: "gave a shell to another machine",
        means: "The input and output of a shell are connected with a connection over the network.",
        first: &["/dev/tcp/", "/dev/udp/"],
        then: &[],
    },
    Pattern {
        rule: &SHELL,
        what: "gave a shell to another machine by netcat",
        means: "The input and output of a shell are connected with a connection over the network.",
        first: &["nc ", "ncat ", "netcat ", "nc.traditional "],
        then: &[&["-e ", "-c "], &["/bin/", "sh", "cmd"]],
    },
    Pattern {
        rule: &SHELL,
        what: "gave a shell to another machine by a script",
        means: "The input and output of a shell are connected with a connection over the network.",
        first: &["python -c", "python3 -c", "python2 -c", "perl -e", "ruby -rsocket", "php -r", "socat "],
        then: &[&["socket", "fsockopen", "TCPSocket", "exec:", "EXEC:"], &["sh", "dup2", "pty"]],
    },
    Pattern {
        rule: &MINER,
        what: "ran a miner of cryptocurrency",
        means: "The command names a miner or the protocol that miners speak with their pools.",
        first: &[
            "xmrig",
            "stratum+tcp",
            "stratum+ssl",
            "stratum2+tcp",
            "minerd",
            "cpuminer",
            "ccminer",
            "xmr-stak",
            "kinsing",
            "kdevtmpfsi",
            "nbminer",
            "t-rex -a",
            "lolMiner",
        ],
        then: &[],
    },
    Pattern {
        rule: &TEMPORARY,
        what: "ran something in a folder for temporary files",
        means: "Programs lie elsewhere: what is run there was brought by somebody who could write nowhere else.",
        first: &[
            "chmod +x /tmp/",
            "chmod 777 /tmp/",
            "chmod 755 /tmp/",
            "chmod +x /dev/shm/",
            "chmod +x /var/tmp/",
            "nohup /tmp/",
            "nohup /dev/shm/",
            "nohup /var/tmp/",
            "sh /tmp/",
            "bash /tmp/",
            "sh /dev/shm/",
            "bash /dev/shm/",
            "cd /dev/shm",
        ],
        then: &[],
    },
    Pattern {
        rule: &DECODE,
        what: "decoded something and ran it",
        means: "A text that nobody can read is turned into commands.",
        first: &["base64 -d", "base64 --decode", "openssl enc -d", "xxd -r"],
        then: &[SHELLS],
    },
    Pattern {
        rule: &LOOK,
        what: "looked around for ways to more rights",
        means: "Such a search shows programs that run with other rights, and files that should not be readable.",
        first: &["find / "],
        then: &[&["-perm -4000", "-perm -u=s", "-perm /4000", "-perm -04000", "-writable", "id_rsa", "wp-config"]],
    },
    Pattern {
        rule: &LOOK,
        what: "ran a script that looks for ways to more rights",
        means: "These tools list every weakness of a machine.",
        first: &[
            "linpeas",
            "linenum",
            "LinEnum",
            "pspy",
            "linux-exploit-suggester",
            "les.sh",
            "unix-privesc-check",
            "lse.sh",
        ],
        then: &[],
    },
    Pattern {
        rule: &SECRETS,
        what: "read hashes of passwords or private keys",
        means: "With these somebody can get in again, here and elsewhere.",
        first: &["cat ", "less ", "more ", "head ", "tail ", "cp ", "scp ", "base64 ", "strings ", "xxd "],
        then: &[&[
            "/etc/shadow",
            "/id_rsa",
            "/id_ed25519",
            "/id_ecdsa",
            "/.pgpass",
            "/.my.cnf",
            "/.aws/credentials",
            "/etc/gshadow",
            "/.git-credentials",
        ]],
    },
    Pattern {
        rule: &WIPED,
        what: "wiped the history of a shell",
        means: "Who does so does not want it to be known what was typed.",
        first: &[
            "history -c",
            "unset HISTFILE",
            "HISTFILE=/dev/null",
            "HISTSIZE=0",
            "HISTFILESIZE=0",
            "set +o history",
            "export HISTFILE=",
        ],
        then: &[],
    },
    Pattern {
        rule: &WIPED,
        what: "removed the history of a shell",
        means: "Who does so does not want it to be known what was typed.",
        first: &["rm ", "shred ", "truncate ", "ln -s", "> ", ">", "cat /dev/null", "echo "],
        then: &[&[".bash_history", ".zsh_history", ".mysql_history", ".psql_history", ".ash_history"]],
    },
    Pattern {
        rule: &LOGS,
        what: "removed or emptied logs",
        means: "Logs are rotated by programs; who takes them away by hand takes traces away.",
        first: &[
            "rm ",
            "shred ",
            "truncate ",
            "unlink ",
            "wipe ",
            "cat /dev/null",
            "echo >",
            "echo \"\" >",
            "cp /dev/null",
            ": >",
        ],
        then: &[&[
            "/var/log/",
            "/var/run/utmp",
            "auth.log",
            "wtmp",
            "btmp",
            "lastlog",
            "access.log",
            "/run/log/journal",
        ]],
    },
    Pattern {
        rule: &LOGS,
        what: "took lines out of logs",
        means: "Lines are taken out of a log by hand.",
        first: &["sed -i", "utmpdump -r", "journalctl --vacuum", "journalctl --rotate", "logtamper", "wzap", "cloak2"],
        then: &[&["/var/log/", "wtmp", "btmp", "utmp", "--vacuum", "--rotate", "log"]],
    },
    Pattern {
        rule: &DISABLED,
        what: "switched a guard off",
        means: "A firewall, an audit or a protection of the kernel was switched off.",
        first: &[
            "setenforce 0",
            "ufw disable",
            "iptables -F",
            "iptables --flush",
            "nft flush ruleset",
            "auditctl -e 0",
            "auditctl -D",
            "apparmor_parser -R",
            "aa-teardown",
        ],
        then: &[],
    },
    Pattern {
        rule: &DISABLED,
        what: "stopped a service that watches or logs",
        means: "What watches or logs was stopped.",
        first: &[
            "systemctl stop",
            "systemctl disable",
            "systemctl mask",
            "service ",
            "pkill ",
            "killall ",
            "chkconfig ",
        ],
        then: &[&[
            "auditd",
            "rsyslog",
            "syslog",
            "fail2ban",
            "falcon",
            "wazuh",
            "ossec",
            "osquery",
            "clamav",
            "apparmor",
            "firewalld",
            "nftables",
        ]],
    },
    Pattern {
        rule: &TIMES,
        what: "set the times of a file",
        means: "A file was given the times of another, or of the past.",
        first: &["touch "],
        then: &[&[" -r ", "-r /", "-t 1", "-t 2", "-d ", "--reference", "--date"]],
    },
    Pattern {
        rule: &IMMUTABLE,
        what: "made a file immutable",
        means: "A file that not even root can remove at first try was made, as miners and rootkits do for what they leave.",
        first: &["chattr "],
        then: &[&["+i", "+ia", "+ai", "+a "]],
    },
    Pattern {
        rule: &KEYS,
        what: "wrote keys that let somebody in",
        means: "Who holds the private key gets in without a password.",
        first: &["echo ", "tee ", "cat ", "vi ", "vim ", "nano ", "cp ", "wget ", "curl ", "printf "],
        then: &[&["authorized_keys"]],
    },
    Pattern {
        rule: &CRON,
        what: "changed a table of cron",
        means: "What stands there is run at set times.",
        first: &[
            "crontab -e",
            "| crontab",
            "> /etc/cron",
            ">> /etc/cron",
            "tee /etc/cron",
            "tee -a /etc/cron",
            "> /var/spool/cron",
            ">> /var/spool/cron",
        ],
        then: &[],
    },
    Pattern {
        rule: &ACCOUNT,
        what: "made an account or gave it rights",
        means: "An account was made or changed by hand.",
        first: &["useradd ", "adduser ", "usermod "],
        then: &[&["-o", "-u 0", "-G ", "-aG", "-m", "-s ", "sudo", "wheel"]],
    },
    Pattern {
        rule: &RAISED,
        what: "gave a program the rights of its owner",
        means: "Whoever runs the program has the rights of its owner, mostly root.",
        first: &["chmod "],
        then: &[&["u+s", " +s", "ug+s", "4755", "4777", "4711", "6755", "4111", "4555"]],
    },
    Pattern {
        rule: &RAISED,
        what: "gave a program some rights of root",
        means: "With such capabilities a program does what only root may.",
        first: &["setcap "],
        then: &[&["cap_setuid", "cap_setgid", "cap_dac", "cap_sys", "cap_chown", "cap_fowner", "=ep", "all"]],
    },
    Pattern {
        rule: &MODULE,
        what: "loaded a module into the kernel by hand",
        means: "Administrators load modules by name; a file that is named is one that no package brought.",
        first: &["insmod "],
        then: &[&[".ko"]],
    },
    Pattern {
        rule: &DUMPED,
        what: "wrote the answer of a database to a file",
        means: "What was asked of a database was kept.",
        first: &["mysql ", "mariadb ", "psql "],
        then: &[&["select ", "SELECT ", "Select "], &["> ", ">>", ">/", "| gzip", "|gzip"]],
    },
    Pattern {
        rule: &DUMPED,
        what: "dumped a database",
        means: "All rows of a table or of a database were written out.",
        first: &["mysqldump ", "mariadb-dump ", "pg_dump ", "pg_dumpall", "mongodump", "redis-cli --rdb"],
        then: &[],
    },
    Pattern {
        rule: &DUMPED,
        what: "dumped a database in a file",
        means: "All rows of a table or of a database were written out.",
        first: &["sqlite3 "],
        then: &[&[".dump"]],
    },
    Pattern {
        rule: &SENT,
        what: "sent a file to another machine",
        means: "A file left the machine.",
        first: &["curl "],
        then: &[&["-T ", "--upload-file", "-F ", "--data-binary @", "-d @"]],
    },
    Pattern {
        rule: &SENT,
        what: "sent a file to another machine by wget",
        means: "A file left the machine.",
        first: &["wget "],
        then: &[&["--post-file", "--body-file"]],
    },
    Pattern {
        rule: &SENT,
        what: "sent an archive to another machine",
        means: "Files were packed and left the machine in one step.",
        first: &["tar ", "zip ", "dd ", "cat ", "gzip "],
        then: &[&["| ssh ", "|ssh ", "| nc ", "|nc ", "| ncat ", "| curl ", "|curl "]],
    },
    Pattern {
        rule: &SENT,
        what: "copied files to another machine",
        means: "Files left the machine, or came to it.",
        first: &[
            "scp ",
            "rsync ",
            "sftp ",
            "rclone copy",
            "rclone sync",
            "lftp ",
            "ftp-upload",
            "ncftpput ",
            "aws s3 cp",
            "gsutil cp",
        ],
        then: &[&["@", ":", "s3", "gs:", "remote"]],
    },
    Pattern {
        rule: &SENT,
        what: "served files to a client of scp or rsync",
        means: "This is what sshd runs on this machine when somebody fetches files from it.",
        first: &["scp -f ", "scp -r -f ", "scp -v -f ", "scp -p -f ", "scp -q -f ", "rsync --server --sender "],
        then: &[],
    },
    Pattern {
        rule: &SENT,
        what: "poured a file into a connection",
        means: "A file left the machine.",
        first: &["nc ", "ncat ", "netcat "],
        then: &[&["< /", "< ./", "<"]],
    },
    Pattern {
        rule: &PACKED,
        what: "packed data or programs of a web site",
        means: "Data that are to be carried off are often packed first.",
        first: &["tar ", "zip ", "7z a", "7za a", "rar a"],
        then: &[&[".sql", "/var/www", "/var/lib/mysql", "/etc/shadow", "/home/", "dump"]],
    },
    Pattern {
        rule: &ONWARD,
        what: "ran a tool that guesses passwords or attacks",
        means: "Such tools are run against other machines.",
        first: &[
            "hydra ",
            "medusa ",
            "ncrack ",
            "patator ",
            "crowbar ",
            "sqlmap",
            "nikto",
            "msfconsole",
            "msfvenom",
            "metasploit",
            "hping3 ",
            "slowloris",
            "pnscan ",
            "zgrab",
            "brutespray",
            "sshscan",
            "haiduc",
        ],
        then: &[],
    },
    Pattern {
        rule: &SCAN,
        what: "looked for other machines and their services",
        means: "A scan tells which machines answer, and what runs there.",
        first: &["nmap ", "masscan ", "zmap ", "fping ", "arp-scan", "nbtscan"],
        then: &[],
    },
];
