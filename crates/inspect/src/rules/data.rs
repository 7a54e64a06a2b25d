//! Data that was gathered to be carried off, and secrets away from their places.

use super::{ContentRule, Of, near, rule};
use crate::traits::Traits;
use kanshiki_model::{Confidence, Question, Severity};

pub(crate) const RULES: &[&ContentRule] = &[
    &DUMP,
    &DUMP_IN_OPEN_PLACE,
    &OUTFILE,
    &CARDS,
    &MAIL_ADDRESSES,
    &ARCHIVE,
    &PRIVATE_KEY,
    &PRIVATE_KEY_IN_OPEN_PLACE,
    &SHADOW_COPY,
    &RANDOM,
];

const NEXT: &str = "Look who wrote it and when, and whether it was fetched: requests for its name in the logs of the web server \
    and of FTP, sizes of responses, commands in histories.";

const fn data(of: Of) -> ContentRule {
    rule(Question::ReadOut, NEXT, of)
}

pub(super) static DUMP: ContentRule = data(Of {
    id: "content.database-dump",
    weight: (Severity::Low, Confidence::Medium),
    technique: "T1005",
    title: "The contents of a database, written out",
    explanation: "Backups look the same; its place, owner and time tell.",
    triggers: &[],
});

pub(super) static DUMP_IN_OPEN_PLACE: ContentRule = data(Of {
    id: "content.database-dump-in-open-place",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1074.001",
    title: "The contents of a database, written out where others fetch them",
    explanation: "It lies in a folder that any user may write or that a web server hands out.",
    triggers: &[],
});

static OUTFILE: ContentRule = data(Of {
    id: "content.select-into-file",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1005",
    title: "A query that writes what it reads, or a program, into a file",
    explanation: "`INTO OUTFILE` writes a table out, `INTO DUMPFILE` drops libraries and pages on the server of the database.",
    triggers: &[near(
        Traits::TEXT,
        &["outfile", "dumpfile"],
        r#"(?i)\bselect\b[^\n;]{1,400}\binto\s+(?:out|dump)file\s*\\?["'][\w./~\\][^"'\n]{0,200}"#,
    )
    .but(Traits::DOCUMENT)],
});

/// Told by [`crate::lines`].
pub(crate) static CARDS: ContentRule = data(Of {
    id: "content.card-numbers",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1005",
    title: "Numbers of payment cards in masses",
    explanation: "Many different numbers have the length, the beginning and the check digit of cards.",
    triggers: &[],
});

/// Told by [`crate::lines`].
pub(crate) static MAIL_ADDRESSES: ContentRule = data(Of {
    id: "content.mail-addresses",
    weight: (Severity::Low, Confidence::Medium),
    technique: "T1005",
    title: "Mail addresses in masses",
    explanation: "Most lines hold a mail address: an export of customers, a list for sending, or what a tool gathered.",
    triggers: &[],
});

/// Told by [`crate::archive`].
pub(crate) static ARCHIVE: ContentRule = data(Of {
    id: "content.archive-of-secrets",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1560.001",
    title: "An archive that holds secrets or contents of databases",
    explanation: "Among its members are files of passwords, private keys, or dumps. Backups look the same.",
    triggers: &[],
});

const KEY: &str = r"-----BEGIN (?:RSA |DSA |EC |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\r?\n[A-Za-z0-9+/=\s:,-]{60}";

static PRIVATE_KEY: ContentRule = data(Of {
    id: "content.private-key",
    weight: (Severity::Low, Confidence::Medium),
    technique: "T1552.004",
    title: "A private key away from where keys belong",
    explanation: "Whoever reads it can pass for its owner. Keys of tests and examples look the same.",
    triggers: &[near(Traits::COMMANDS, &["PRIVATE KEY-----"], KEY).but(Traits::KEY_PLACE.and(Traits::OPEN_PLACE))],
});

static PRIVATE_KEY_IN_OPEN_PLACE: ContentRule = data(Of {
    id: "content.private-key-in-open-place",
    weight: (Severity::Medium, Confidence::High),
    technique: "T1552.004",
    title: "A private key where others fetch it",
    explanation: "It lies in a folder that any user may write or that a web server hands out.",
    triggers: &[near(Traits::TEXT, &["PRIVATE KEY-----"], KEY).within(Traits::OPEN_PLACE)],
});

static SHADOW_COPY: ContentRule = data(Of {
    id: "content.shadow-copy",
    weight: (Severity::High, Confidence::High),
    technique: "T1003.008",
    title: "A copy of the file of hashed passwords",
    explanation: "Hashes are taken away to be guessed elsewhere.",
    triggers: &[near(
        Traits::TEXT,
        &["root:$"],
        r"(?m)^(?:[\w.-]+:[^:\n]*:)?root:\$[0-9a-z]{1,3}\$[^\s:]{10,200}:(?:\d{1,6}:\d*:\d*:\d*:|0:0:)",
    )
    .but(Traits::SHADOW_PLACE.and(Traits::DOCUMENT).and(Traits::SOURCE))],
});

pub(super) static RANDOM: ContentRule = data(Of {
    id: "content.random-bytes",
    weight: (Severity::Info, Confidence::Low),
    technique: "T1027",
    title: "Bytes without any order, in no known format",
    explanation: "So look encrypted containers, encrypted archives and wiped files.",
    triggers: &[],
});
