//! Tools of attackers, bots, rootkits, and the lists that they use.

use super::{BINARY, ContentRule, Of, marks, rule};
use crate::traits::Traits;
use kanshiki_model::{Confidence, Question, Severity};

pub(crate) const RULES: &[&ContentRule] =
    &[&ATTACK_TOOL, &TUNNEL, &EXPLOIT, &IRC_BOT, &BOT, &ROOTKIT, &PASSWORD_LIST, &COMBINATIONS, &ADDRESS_LIST];

const NEXT: &str = "Look who brought it and when, whether it was run (histories, process accounting), and what was written \
    beside it at the time.";

/// Programs, and scripts that are programs.
const PROGRAMS: Traits =
    BINARY.and(Traits::COMMANDS).and(Traits::PERL).and(Traits::PYTHON).and(Traits::SCRIPT).and(Traits::PHP);

const fn onward(of: Of) -> ContentRule {
    rule(Question::Onward, NEXT, of)
}

static ATTACK_TOOL: ContentRule = onward(Of {
    id: "content.attack-tool",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1588.002",
    title: "A tool to find or attack others, or to gather secrets",
    explanation: "It bears the name of a tool that scans networks, tries passwords, looks for weaknesses of the machine, or \
        collects secrets. Administrators and testers use them, too.",
    triggers: &[marks(
        PROGRAMS,
        1,
        &[
            "van Hauser/THC",
            "masscan/1.",
            "robertdavidgraham/masscan",
            "Medusa v2.",
            "www.foofus.net",
            "sqlmapproject",
            "linpeas.sh",
            "peass-ng",
            "linPEAS",
            "pspy - version",
            "dominicbreuker/pspy",
            "LaZagne",
            "mimipenguin",
            "nikto.pl",
            "zmap/zgrab",
            "zmap/zmap",
            "nmap.org/ncrack",
            "linux-exploit-suggester",
            "rebootuser/LinEnum",
            "les.sh -",
            "metasploit-framework",
            "meterpreter",
            "lanjelot/patator",
            "crackmapexec",
            "secretsdump",
            "hashcat (v",
            "openwall.com/john",
            "gobuster",
            "ffuf/ffuf",
            "projectdiscovery/nuclei",
            "shadow1ng/fscan",
            "sliver/implant",
        ],
    )],
});

static TUNNEL: ContentRule = onward(Of {
    id: "content.tunnel",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1572",
    title: "A tool that carries connections past firewalls",
    explanation: "It bears the name of a tunnel or relay that lets others reach machines behind this one, or this one itself. \
        Administrators use them, too.",
    triggers: &[marks(
        BINARY,
        1,
        &[
            "jpillora/chisel",
            "fatedier/frp",
            "ginuerzh/gost",
            "go-gost/gost",
            "ehang-io/nps",
            "nicocha30/ligolo",
            "Fahrj/reverse-ssh",
            "esrrhs/pingtunnel",
            "inlets/inlets",
            "hackerschoice/gsocket",
            "gs-netcat",
            "earthworm_",
        ],
    )],
});

static EXPLOIT: ContentRule = rule(
    Question::Entry,
    NEXT,
    Of {
        id: "content.exploit",
        weight: (Severity::High, Confidence::Medium),
        technique: "T1068",
        title: "A program that uses a weakness to become root",
        explanation: "It has the marks of an exploit that is passed around: whoever ran it on an unpatched system was root.",
        triggers: &[
            marks(ALL, 2, &["madviseThread", "procselfmemThread", "dirtyc0w", "dirtycow", "MADV_DONTNEED"]),
            marks(ALL, 2, &["GCONV_PATH=.", "pwnkit", "lol/gconv-modules", "CVE-2021-4034", "cve_2021_4034"]),
            marks(ALL, 2, &["PIPE_BUF_FLAG_CAN_MERGE", "prepare_pipe", "dirtypipe", "dirty pipe", "CVE-2022-0847"]),
            marks(ALL, 2, &["CVE-2021-3156", "sudoedit -s", "X/P0P_SH3LLZ_", "P0P_SH3LLZ", "baron samedit"]),
            marks(ALL, 2, &["CVE-2016-5195", "/proc/self/mem", "madviseThread", "dirtyc0w"]),
            marks(
                ALL,
                3,
                &[
                    "unshare(CLONE_NEWUSER",
                    "commit_creds",
                    "prepare_kernel_cred",
                    "modprobe_path",
                    "pop rdi",
                    "kernel_base",
                    "[+] got root",
                    "spawning root shell",
                    "winning the race",
                ],
            ),
            marks(
                ALL,
                2,
                &[
                    "[+] got root",
                    "[*] got root",
                    "spawning root shell",
                    "[+] leaked kernel",
                    "[*] exploit",
                    "[+] exploit",
                    "popping shell",
                    "pop shell",
                ],
            ),
        ],
    },
);

const ALL: Traits = BINARY.and(Traits::COMMANDS).and(Traits::SOURCE).and(Traits::PYTHON).and(Traits::PERL);

static IRC_BOT: ContentRule = onward(Of {
    id: "content.irc-bot",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1071",
    title: "A bot that takes orders over IRC",
    explanation: "It speaks IRC and knows how to flood or scan others.",
    triggers: &[marks(
        PROGRAMS.and(Traits::SOURCE),
        3,
        &[
            "PRIVMSG",
            "udpflood",
            "tcpflood",
            "httpflood",
            "synflood",
            "tsunami",
            "kaiten",
            "shellbot",
            "perlbot",
            "@portscan",
            "GETSPOOFS",
            "NOTICE %s :PAN",
            "!u @udp",
            "pscan",
            "conback",
            "NOTICE %s :SPOOFS",
        ],
    )],
});

static BOT: ContentRule = onward(Of {
    id: "content.bot",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1498",
    title: "A bot of the families of Mirai and Gafgyt",
    explanation: "It has several of their marks: passwords of cameras and routers, orders to flood, the watchdog that is kept quiet.",
    triggers: &[marks(
        PROGRAMS.and(Traits::SOURCE),
        3,
        &[
            "/dev/misc/watchdog",
            "/dev/FTWDT101_watchdog",
            "listening tun0",
            "/bin/busybox MIRAI",
            "applet not found",
            "GETLOCALIP",
            "LOLNOGTFO",
            "HOLD FLOOD",
            "UDP Flooding",
            "BOTKILL",
            "xc3511",
            "7ujMko0admin",
            "juantech",
            "vizxv",
            "zlxx.",
            "GET /bins/",
            "/bin/busybox wget",
            "TSource Engine Query",
            "REPORT %s:%s:%s",
            "gosh that chinese family",
            "tcp flood %s",
            "udp flood %s",
            "telnet scanner",
            "HUAWEIUPNP",
            "KILLATTK",
        ],
    )],
});

static ROOTKIT: ContentRule = rule(
    Question::Hidden,
    NEXT,
    Of {
        id: "content.rootkit",
        weight: (Severity::High, Confidence::High),
        technique: "T1014",
        title: "A rootkit",
        explanation: "It has the marks of a known rootkit, which hides files, processes and connections from who looks on the \
            running machine. Only the image tells the truth.",
        triggers: &[
            marks(
                ALL,
                2,
                &[
                    "diamorphine_init",
                    "hacked_kill",
                    "hacked_getdents",
                    "hacked_getdents64",
                    "module_hide",
                    "diamorphine_secret",
                    "give_root",
                ],
            ),
            marks(
                ALL,
                2,
                &[
                    "reptile_init",
                    "khook_init",
                    "khook_",
                    "reptile_shell",
                    "reptile_cmd",
                    "hide_content",
                    "is_content_hidden",
                ],
            ),
            marks(
                ALL,
                3,
                &[
                    "azazel",
                    "owned_by",
                    "is_owner",
                    "SHELL_PASSWD",
                    "HIDE_TERM",
                    "is_invisible",
                    "clean_utmp",
                    "clean_wtmp",
                    "drop_shell",
                    "drop_suid_shell",
                ],
            ),
            marks(
                ALL,
                2,
                &["jynx", "xochi", "forge_proc_net_tcp", "MAGIC_GID", "reality.so", "LOW_PORT", "MAGIC_STRING"],
            ),
            marks(
                ALL,
                2,
                &["bdvl", "bdvinst", "HIDDEN_XATTR", "bd_readdir", "INTERESTING_DIR", "hide_self", "MAGICGID"],
            ),
            marks(ALL, 2, &["process_to_filter", "get_process_name", "DECLARE_READDIR", "libprocesshider"]),
            marks(
                ALL,
                2,
                &["lpe_drop_shell", "gnu_get_libc_release_hook", "falsify_tcp", "forge_tcp4", "father.so", "rk_init"],
            ),
            marks(ALL, 2, &["vlany", "symbiote", "umbreon", "ncom_", "__pam_log", "hide_ports", "execve_pw"]),
            marks(
                ALL,
                2,
                &[
                    "suterusu",
                    "adore-ng",
                    "knark",
                    "kbeast",
                    "singularity_init",
                    "nuk3gh0st",
                    "hook_getdents64",
                    "hook_kill_magic",
                ],
            ),
        ],
    },
);

/// Told by [`crate::lines`].
pub(crate) static PASSWORD_LIST: ContentRule = onward(Of {
    id: "content.password-list",
    weight: (Severity::Low, Confidence::Medium),
    technique: "T1110.001",
    title: "A list of passwords to try",
    explanation: "Several of the passwords that are used most stand in it, each on a line of its own.",
    triggers: &[],
});

/// Told by [`crate::lines`].
pub(crate) static COMBINATIONS: ContentRule = onward(Of {
    id: "content.account-list",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1110.004",
    title: "A list of accounts with passwords",
    explanation: "Most lines are an account or a mail address with a password, some with the address of a machine: what tools \
        that try passwords read, and what they write when they succeed.",
    triggers: &[],
});

/// Told by [`crate::lines`].
pub(crate) static ADDRESS_LIST: ContentRule = onward(Of {
    id: "content.address-list",
    weight: (Severity::Low, Confidence::Low),
    technique: "T1595.001",
    title: "A list of addresses",
    explanation: "Nearly every line is an address of a machine: targets of a scanner or its result, or a list of a firewall.",
    triggers: &[],
});
