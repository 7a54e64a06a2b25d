//! Scripts that load, hide, open a way back, and wipe.

use super::{CODE, ContentRule, Of, marks, near, rule};
use crate::traits::Traits;
use kanshiki_model::{Confidence, Question, Severity};

pub(crate) const RULES: &[&ContentRule] = &[
    &DOWNLOAD_AND_RUN,
    &FETCH_AND_START,
    &SCHEDULED_DOWNLOAD,
    &DECODE_AND_RUN,
    &DECODE_AND_EVALUATE,
    &REVERSE_SHELL,
    &NETCAT_SHELL,
    &SOCKET_SHELL,
    &DROPPER,
    &IMMUTABLE,
    &CLEARS_TRACES,
    &HIDDEN_COMMAND,
];

const NEXT: &str = "Look who wrote the file and when, what started it (cron, units, web server, shell history), and \
    whether what it names is still on the disk.";

const fn script(of: Of) -> ContentRule {
    rule(Question::Ran, NEXT, of)
}

static DOWNLOAD_AND_RUN: ContentRule = script(Of {
    id: "content.download-and-run",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1105",
    title: "Loads a program from the network straight into a shell",
    explanation: "What is loaded leaves no file behind, and whoever holds the other side decides what runs here. Installers \
        of some products do the same.",
    triggers: &[near(
        CODE,
        &["curl", "wget", "fetch ", "lwp-download"],
        r#"(?:\b(?:curl|wget|fetch|lwp-download|lwp-request)\s[^\n|;#]{1,400}\|\s*(?:sudo\s+(?:-\w+\s+)*)?(?:nohup\s+)?(?:/(?:usr/)?bin/)?(?:env\s+)?(?:ba|da|z|k|a)?sh\b|\b(?:ba|da|z|k)?sh\s+(?:-c\s+["']?(?:\$\(|`)|<\(\s*|<<<\s*["']?\$\()\s*(?:curl|wget|fetch)\s|\beval\s+["']?(?:\$\(|`)\s*(?:curl|wget)\s|\b(?:curl|wget)\s[^\n|;#]{1,400}\|\s*(?:python[23]?|perl|php)\b(?:\s+-)?\s*(?:$|[\n;&"']))"#,
    )],
});

static FETCH_AND_START: ContentRule = script(Of {
    id: "content.fetch-and-start",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1105",
    title: "Loads a file from the network, makes it executable and starts it",
    explanation: "So do the first stages of miners and bots. Installers of some products do the same.",
    triggers: &[near(
        CODE,
        &["chmod"],
        r"\b(?:curl|wget|tftp|ftpget|fetch)\s[^\n]{4,300}(?:;|&&|\|\||\n)[^\n]{0,200}chmod\s+(?:[ugoa]*\+[rwx]*x[rwx]*|0?[0-7]{3})\s[^\n;&]{1,200}(?:;|&&|\|\||\n)\s*(?:nohup\s+|setsid\s+|\(|exec\s+)?(?:\./|/tmp/|/var/tmp/|/dev/shm/|/var/run/|/run/|sh\s+/tmp/)",
    )],
});

static SCHEDULED_DOWNLOAD: ContentRule = rule(
    Question::Persists,
    NEXT,
    Of {
        id: "content.scheduled-download",
        weight: (Severity::High, Confidence::High),
        technique: "T1053.003",
        title: "A line of cron loads a program from the network and runs it",
        explanation: "Whoever holds the other side can run what they like here, again and again, even after the rest was \
            removed.",
        triggers: &[near(
            CODE,
            &["curl", "wget"],
            r"(?:(?:[\d*/,-]{1,20}\s+){4}[\d*/,a-zA-Z-]{1,20}|@(?:reboot|hourly|daily|weekly))\s[^\n#]{0,160}\b(?:curl|wget)\s[^\n]{4,300}\|\s*(?:/(?:usr/)?bin/)?(?:ba|da)?sh\b",
        )],
    },
);

static DECODE_AND_RUN: ContentRule = script(Of {
    id: "content.decode-and-run",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1027",
    title: "Decodes text and runs what comes out",
    explanation: "Commands are written so that nobody reads them in passing.",
    triggers: &[
        near(
            CODE,
            &["base64 -d", "base64 --d", "base64 -i", "openssl base64", "openssl enc", "xxd -r", "base32 -d", "| rev"],
            r"(?:\bbase(?:64|32)\s+(?:-d|-i?d|-D|--decode|-di)\b|\bopenssl\s+(?:base64|enc)\s[^\n|]{0,80}-d|\bxxd\s+-r|\|\s*rev\b)[^\n|]{0,200}\|\s*(?:(?:gunzip|gzip|zcat|bunzip2|xz|base64)\b[^|\n]{0,40}\|\s*)?(?:sudo\s+)?(?:/(?:usr/)?bin/)?(?:env\s+)?(?:(?:ba|da|z|k)?sh|perl|python[23]?|php|source\s+/dev/stdin)\b",
        ),
        near(
            CODE,
            &["base64"],
            r#"(?:\beval\s+["']?|\b(?:ba|da)?sh\s+(?:-c\s+["']?|<<<\s*["']?))(?:\$\(|`)\s*(?:echo|printf|cat)\s[^\n]{1,1500}\|\s*base64\s+-"#,
        ),
    ],
});

static DECODE_AND_EVALUATE: ContentRule = script(Of {
    id: "content.decode-and-evaluate",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1027",
    title: "Decodes text and evaluates it as a program",
    explanation: "The program is written so that nobody reads it in passing.",
    triggers: &[
        near(
            Traits::PYTHON.and(Traits::COMMANDS).and(Traits::SCRIPT),
            &["b64decode", "fromhex", "unhexlify", "zlib", "b32decode", "b85decode", "Buffer.from", "decode64"],
            r#"\b(?:exec|eval)\s*\(\s*(?:compile\s*\(\s*)?(?:(?:__import__\(\s*['"]\w+['"]\s*\)|getattr\([^\n]{1,60}\)|base64|zlib|marshal|codecs|bytes|bytearray|binascii|lzma|Base64|Buffer)\s*\.?\s*(?:loads\s*\(|decompress\s*\()?\s*){1,4}\s*\.?\s*(?:b64decode|b32decode|b85decode|decompress|fromhex|unhexlify|from|decode64)\s*\("#,
        ),
        near(
            Traits::PERL.and(Traits::COMMANDS),
            &["decode_base64", "unpack"],
            r#"\beval\s*(?:\(\s*)?(?:decode_base64|unpack)\s*\(?\s*['"]"#,
        ),
    ],
});

static REVERSE_SHELL: ContentRule = script(Of {
    id: "content.reverse-shell",
    weight: (Severity::High, Confidence::High),
    technique: "T1059.004",
    title: "Opens a shell for somebody on the network",
    explanation: "The shell's own network files are joined to an interactive shell: who listens at the address types here.",
    triggers: &[near(
        CODE.and(Traits::JSP),
        &["/dev/tcp/", "/dev/udp/"],
        r#"(?:\b(?:ba|z|k|da)?sh\s+-i[^\n]{0,100}/dev/(?:tcp|udp)/[^\s/]{1,80}/|\bexec\s+["']?\d{1,3}<>\s*/dev/(?:tcp|udp)/[^\n]{3,100}[\n;][^\n]{0,200}(?:<&\d|sh\s+<|\bwhile\s+read|sh\s+-i)|\d+<&\d*-?;\s*exec\s+\d+<>/dev/(?:tcp|udp)/|(?:ba|z)?sh\s*<\s*/dev/(?:tcp|udp)/|/dev/(?:tcp|udp)/[^\s/]{1,80}/\S{1,12}\s*0?[<>&12 ]*\|\s*(?:ba|da)?sh\b)"#,
    )],
});

static NETCAT_SHELL: ContentRule = script(Of {
    id: "content.netcat-shell",
    weight: (Severity::High, Confidence::High),
    technique: "T1059.004",
    title: "Joins a shell to a connection",
    explanation: "netcat, socat, telnet or openssl carries a shell's input and output over the network.",
    triggers: &[
        near(
            CODE,
            &[
                " nc ",
                "|nc ",
                ";nc ",
                "\nnc ",
                "/nc ",
                "&nc ",
                "`nc ",
                "(nc ",
                "\tnc ",
                "\"nc ",
                "'nc ",
                "ncat",
                "netcat",
                "nc.traditional",
                "nc.openbsd",
            ],
            r#"\b(?:nc|ncat|netcat)(?:\.(?:traditional|openbsd))?\s[^\n|;#]{0,100}-[a-z]{0,6}[ec]\s+["']?(?:/(?:usr/)?bin/)?(?:ba|da|z)?sh\b"#,
        ),
        near(
            CODE,
            &["mkfifo", "mknod"],
            r"\b(?:mkfifo|mknod)\s+\S{1,80}[^\n]{0,120}\|\s*(?:/bin/)?(?:ba|da)?sh\s+-i[^\n]{0,80}\|\s*(?:nc|ncat|netcat|telnet|openssl|busybox\s+nc)\b",
        ),
        near(CODE, &["socat"], r#"\bsocat\s[^\n#]{0,200}(?i:exec|system):["']?(?:[\w./]{0,30}/)?(?:ba|da|z|k)?sh\b"#),
    ],
});

static SOCKET_SHELL: ContentRule = script(Of {
    id: "content.socket-shell",
    weight: (Severity::High, Confidence::High),
    technique: "T1059",
    title: "Joins a shell to a socket",
    explanation: "A few lines connect to an address and hand a shell's input and output over to it.",
    triggers: &[
        near(
            Traits::PYTHON.and(Traits::COMMANDS),
            &["os.dup2", "pty.spawn"],
            r#"(?s)socket\.socket\s*\(.{0,700}(?:os\.dup2\s*\(.{0,300}(?:/bin/(?:ba|da)?sh|pty\.spawn)|pty\.spawn\s*\(\s*["'][^"'\n]{0,30}sh\b)"#,
        ),
        near(
            Traits::PERL.and(Traits::COMMANDS),
            &["STDIN"],
            r#"(?s)(?:use\s+Socket|IO::Socket|sockaddr_in).{0,600}\bopen\s*\(\s*STDIN\s*,\s*["']\s*[<>+]{1,2}&.{0,300}\b(?:exec|system)\b[^\n]{0,60}sh\b"#,
        ),
        near(
            Traits::PHP.and(Traits::COMMANDS),
            &["fsockopen"],
            r#"(?s)\bfsockopen\s*\(.{0,500}\b(?:exec|shell_exec|system|proc_open|passthru|popen)\s*\(\s*["'][^\n"']{0,40}sh\b\s*-i"#,
        ),
        near(
            Traits::PHP,
            &["proc_open"],
            r"(?s)\bfsockopen\s*\(.{0,500}\bproc_open\s*\(\s*\$\w{1,40}\s*,\s*\$\w{1,40}\s*,\s*\$pipes",
        ),
        near(
            Traits::SCRIPT.and(Traits::COMMANDS),
            &["TCPSocket", "net.Socket", "require('net')"],
            r#"(?s)(?:TCPSocket\.(?:new|open)\s*\([^\n]{0,300}(?:\bexec\b|spawn|popen|sh\s+-i)|spawn\s*\(\s*["']/bin/(?:ba)?sh["'].{0,300}net\.Socket|net\.Socket.{0,300}spawn\s*\(\s*["']/bin/(?:ba)?sh)"#,
        ),
    ],
});

static DROPPER: ContentRule = script(Of {
    id: "content.dropper",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1562",
    title: "Clears the machine of rivals and guards before it installs something",
    explanation: "It does several of the things that only scripts of intruders do together: it ends other miners, takes \
        down the firewall and agents of the provider, makes its own files immutable, wipes histories.",
    triggers: &[marks(
        Traits::COMMANDS,
        4,
        &[
            "kinsing",
            "kdevtmpfsi",
            "xmrig",
            "minerd",
            "watchbog",
            "kthreaddi",
            "ddgs.",
            "cryptonight",
            "xmr-stak",
            "pkill -f",
            "killall -9",
            "crontab -r",
            "chattr -i",
            "chattr +i",
            "chattr -iau",
            "iptables -F",
            "ufw disable",
            "setenforce 0",
            "/etc/ld.so.preload",
            "history -c",
            "unset HISTFILE",
            "HISTSIZE=0",
            "ulimit -n 65535",
            "aliyun",
            "aegis",
            "cloudmonitor",
            "qcloud",
            "kill -9 $(",
            "xargs kill -9",
            "rm -rf /var/log",
            "/etc/hosts.deny",
            "nr_hugepages",
            "apparmor stop",
            "disable apparmor",
            "rm -rf /tmp/.",
        ],
    )],
});

static IMMUTABLE: ContentRule = script(Of {
    id: "content.makes-immutable",
    weight: (Severity::Low, Confidence::Medium),
    technique: "T1222.002",
    title: "Makes files unchangeable",
    explanation: "With the attribute `i` even root cannot change a file until it is taken away; intruders keep their files so.",
    triggers: &[near(Traits::COMMANDS, &["chattr"], r"\bchattr\s+(?:-\w+\s+)*\+[a-zA-Z]*i[a-zA-Z]*\s+[^\s]{1,200}")],
});

static CLEARS_TRACES: ContentRule = rule(
    Question::Hidden,
    NEXT,
    Of {
        id: "content.clears-traces",
        weight: (Severity::Medium, Confidence::Medium),
        technique: "T1070",
        title: "Wipes logs or the history of the shell",
        explanation: "It empties or removes the logs that tell of logins, or keeps the shell from recording commands.",
        triggers: &[near(
            Traits::COMMANDS,
            &[
                "HISTFILE",
                "history -c",
                "/wtmp",
                "/btmp",
                "/lastlog",
                "/utmp",
                "/log/auth.log",
                "/log/secure",
                "/log/messages",
                "/log/syslog",
            ],
            r"(?:\bunset\s+HISTFILE\b|\bHISTFILE=(?:/dev/null|\s|;)|\bhistory\s+-c\b|(?:>\s*|\brm\s+-[rf]{1,2}\s+|\btruncate\s+-s\s*0\s+|\bshred\s[^\n;]{0,40})/var/(?:log|run|adm)/(?:wtmp|btmp|lastlog|utmp|auth\.log|secure|messages|syslog)\b)",
        )],
    },
);

/// Told by [`crate::lines`].
pub(crate) static HIDDEN_COMMAND: ContentRule = rule(
    Question::Hidden,
    NEXT,
    Of {
        id: "content.hidden-command",
        weight: (Severity::High, Confidence::Medium),
        technique: "T1564",
        title: "A command is hidden from who looks at the file on a terminal",
        explanation: "Characters that move the cursor, or a long run of blanks, keep part of a line out of sight; the shell \
            reads it all the same.",
        triggers: &[],
    },
);
