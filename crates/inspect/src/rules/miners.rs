//! Programs, settings and commands that mine coins.

use super::{BINARY, CODE, ContentRule, Of, marks, near, rule};
use crate::traits::Traits;
use kanshiki_model::{Confidence, Question, Severity};

pub(crate) const RULES: &[&ContentRule] = &[&POOL_ADDRESS, &PROGRAM, &SETTINGS, &COMMAND, &POOL, &MONERO_WALLET];

const NEXT: &str = "Look what started it and since when (cron, units, processes at boot), as which account, and search the case \
    for its wallet and its pool.";

const fn miner(of: Of) -> ContentRule {
    rule(Question::Ran, NEXT, of)
}

static POOL_ADDRESS: ContentRule = miner(Of {
    id: "content.miner-protocol",
    weight: (Severity::High, Confidence::High),
    technique: "T1496",
    title: "An address in the protocol of miners",
    explanation: "Stratum is spoken between miners and pools alone.",
    triggers: &[near(
        CODE.and(BINARY).and(Traits::HTACCESS),
        &["stratum+", "stratum1+", "stratum2+"],
        r"(?i)\bstratum[12]?\+(?:tcp|ssl|tls|udp|http)://(?:[^\s:@/\x00]{1,80}@)?[a-z0-9][\w.-]{2,80}\.[\w.-]{2,30}(?::\d{2,5})?",
    )],
});

static PROGRAM: ContentRule = miner(Of {
    id: "content.miner-program",
    weight: (Severity::High, Confidence::High),
    technique: "T1496",
    title: "A program that mines coins",
    explanation: "It holds words of several parts of a miner: algorithms, messages of the protocol, options.",
    triggers: &[marks(
        BINARY.and(Traits::PYTHON).and(Traits::SCRIPT),
        3,
        &[
            "stratum+tcp",
            "stratum+ssl",
            "donate-level",
            "cryptonight",
            "randomx",
            "kawpow",
            "xmrig",
            "cpuminer",
            "minerd",
            "mining.subscribe",
            "mining.authorize",
            "mining.submit",
            "argon2/chukwa",
            "nicehash",
            "ethminer",
            "rx/wow",
            "cn/gpu",
            "ghostrider",
            "yespower",
            "scrypt:1024",
            "astrobwt",
            "verushash",
            "donate.v2.xmrig",
        ],
    )],
});

static SETTINGS: ContentRule = miner(Of {
    id: "content.miner-settings",
    weight: (Severity::High, Confidence::High),
    technique: "T1496",
    title: "Settings of a miner",
    explanation: "The file has the fields of the settings of XMRig and its relatives: pools, algorithm, share of donations.",
    triggers: &[marks(
        Traits::TEXT,
        4,
        &[
            "\"donate-level\"",
            "\"pools\"",
            "\"rig-id\"",
            "\"nicehash\"",
            "\"randomx\"",
            "\"cn/",
            "\"algo\"",
            "\"coin\"",
            "\"donate-over-proxy\"",
            "\"huge-pages\"",
            "\"wrmsr\"",
            "\"1gb-pages\"",
            "\"pass\"",
            "\"tls-fingerprint\"",
            "\"max-threads-hint\"",
            "\"pool_address\"",
            "\"wallet_address\"",
            "\"pool_password\"",
            "\"rig_id\"",
        ],
    )
    .but(Traits::DOCUMENT)],
});

static COMMAND: ContentRule = miner(Of {
    id: "content.miner-command",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1496",
    title: "A command that starts a miner",
    explanation: "Options that miners alone have, or the name of a miner with a pool.",
    triggers: &[near(
        CODE,
        &[
            "--donate-level",
            "xmrig",
            "minerd",
            "cpuminer",
            "ccminer",
            "nbminer",
            "lolminer",
            "phoenixminer",
            "rx/0",
            "randomx",
            "cryptonight",
            "kawpow",
            "ghostrider",
            "ethash",
            "xmr-stak",
        ],
        r"(?i)(?:--donate-level[= ]\d|\b(?:xmrig|minerd|cpuminer|ccminer|nbminer|lolminer|phoenixminer|xmr-stak)\b[^\n#]{0,200}\s(?:-o|--url|-u|--user|--pool)[= ]\S+|\s(?:-a|--algo)[= ](?:rx/\w|cn/\w|cryptonight|randomx|kawpow|ghostrider|ethash|yespower|verus))",
    )],
});

static POOL: ContentRule = miner(Of {
    id: "content.miner-pool",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1496",
    title: "The address of a pool of miners",
    explanation: "The name belongs to a known pool, with a port as miners write it.",
    triggers: &[near(
        CODE.and(BINARY).and(Traits::HTACCESS),
        &[
            "supportxmr.com",
            "minexmr.com",
            "nanopool.org",
            "moneroocean.stream",
            "hashvault.pro",
            "2miners.com",
            "f2pool.com",
            "nicehash.com",
            "herominers.com",
            "c3pool.",
            "xmrpool.eu",
            "unmineable.com",
            "minergate.com",
            "monerohash.com",
            "dwarfpool.com",
            "crypto-pool.fr",
            "ethermine.org",
            "flexpool.io",
            "antpool.com",
            "viabtc.",
            "zpool.ca",
            "miningpoolhub.com",
            "prohashing.com",
            "woolypooly.com",
            "skypool.org",
            "xmrpool.net",
            "kryptex.network",
        ],
        r"(?i)[a-z0-9][\w.-]{0,60}\.(?:com|org|stream|pro|eu|fr|io|net|ca|network|top|de):\d{2,5}\b",
    )],
});

/// Told by [`crate::wallet`].
pub(crate) static MONERO_WALLET: ContentRule = miner(Of {
    id: "content.monero-wallet",
    weight: (Severity::Medium, Confidence::High),
    technique: "T1496",
    title: "The address of a wallet of Monero",
    explanation: "Its checksum is right, so that it is no chance. Miners on servers of others are mostly paid in Monero.",
    triggers: &[],
});
