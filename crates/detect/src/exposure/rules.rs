//! What can be held against a service, whichever it is.

use kanshiki_model::{Confidence, Question, Rule, Severity};

/// All of them.
pub(crate) const RULES: &[&Rule] =
    &[&ANYBODY, &ROOT_PASSWORD, &PLAIN_TEXT, &SECRET, &OLD_RELEASE, &REACHABLE, &WEAKENED, &NO_FIREWALL];

/// Lets in whoever comes.
pub(super) static ANYBODY: Rule = Rule {
    id: "exposure.anybody",
    question: Question::Holes,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "T1133",
    next: "Take what can be reached this way for read and changed by strangers; look in the service's log, the logs of firewalls \
        and of the network for who came.",
};

/// Lets root in by a password.
pub(super) static ROOT_PASSWORD: Rule = Rule {
    id: "exposure.root-by-password",
    question: Question::Holes,
    severity: Severity::Medium,
    confidence: Confidence::High,
    technique: "T1110",
    next: "Look at the logins of root and at the failed ones before them: `kanshiki timeline --case DIR --user root`.",
};

/// Sends passwords over the network as they are.
pub(super) static PLAIN_TEXT: Rule = Rule {
    id: "exposure.plain-text",
    question: Question::Holes,
    severity: Severity::Medium,
    confidence: Confidence::High,
    technique: "T1040",
    next: "Take passwords that were used this way for known to whoever could listen; look where else they are in use.",
};

/// A secret that everybody on the machine may read.
pub(super) static SECRET: Rule = Rule {
    id: "exposure.secret-readable",
    question: Question::Holes,
    severity: Severity::Medium,
    confidence: Confidence::High,
    technique: "T1552.001",
    next: "Take the secret for known to whoever had an account, a web shell or FTP on the machine, and look where it opens a door.",
};

/// A release for which no more holes were closed.
pub(super) static OLD_RELEASE: Rule = Rule {
    id: "exposure.release-out-of-support",
    question: Question::Holes,
    severity: Severity::Medium,
    confidence: Confidence::High,
    technique: "T1190",
    next: "Look which holes became known after the last updates (`kanshiki packages` lists versions), and whether updates were \
        bought beyond the end of support.",
};

/// Listens to others though its like serve the machine itself.
pub(super) static REACHABLE: Rule = Rule {
    id: "exposure.reachable",
    question: Question::Holes,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1133",
    next: "Look whether a firewall before the machine kept others off, and in the service's log for addresses of others.",
};

/// A guard that is taken away.
pub(super) static WEAKENED: Rule = Rule {
    id: "exposure.weakened",
    question: Question::Holes,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "",
    next: "Look at who changed the setting, when, and whether it is needed.",
};

/// Nothing keeps others off.
pub(super) static NO_FIREWALL: Rule = Rule {
    id: "exposure.no-firewall",
    question: Question::Holes,
    severity: Severity::Info,
    confidence: Confidence::Medium,
    technique: "",
    next: "Look for a firewall before the machine; rules that were set by hand are lost with the machine's memory.",
};
