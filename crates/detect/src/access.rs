//! Who got in: brute force, spraying, slow guessing, and the logins that followed; logins that are not as usual; accounts that were made.
//!
//! Logins and failures of all services stand in a temporary table, `logins`, which is read twice: by address and by account. One
//! login may be told by several logs, as by sshd's own line in `auth.log` and in the journal: each such `class` is counted for
//! itself, and the highest count is taken.

mod accounts;
mod by_account;
mod by_address;
mod known;
mod logins;
mod probing;
mod tally;
#[cfg(test)]
mod tests;

use crate::found::Found;
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Question, Rule, Severity};

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[
    &BRUTE_FORCE,
    &SPRAYING,
    &UNKNOWN_ACCOUNTS,
    &SLOW_GUESSING,
    &SUCCESS_AFTER_FAILURES,
    &SUCCESS_ELSEWHERE,
    &MANY_ADDRESSES,
    &NEW_ADDRESS,
    &ODD_HOUR,
    &ROOT_LOGIN,
    &ANONYMOUS,
    &REFUSED,
    &PROBING,
    &REFUSED_CONNECTION,
    &ACCOUNT_MADE,
    &ACCOUNT_RAISED,
];

static BRUTE_FORCE: Rule = Rule {
    id: "access.brute-force",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::High,
    technique: "T1110.001",
    next: "Look whether any login from this address succeeded, and who else used the account that was tried most.",
};

static SPRAYING: Rule = Rule {
    id: "access.spraying",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1110.003",
    next: "Look whether one of the accounts that were tried was logged in to later, from whatever address.",
};

static UNKNOWN_ACCOUNTS: Rule = Rule {
    id: "access.unknown-accounts",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1110.001",
    next: "Look whether an account that exists was tried from there too, and whether that succeeded.",
};

static SLOW_GUESSING: Rule = Rule {
    id: "access.slow-guessing",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1110.001",
    next: "A program of the owner's with an old password looks the same: ask the owner of the account whose address that is.",
};

static SUCCESS_AFTER_FAILURES: Rule = Rule {
    id: "access.success-after-failures",
    question: Question::Entry,
    severity: Severity::High,
    confidence: Confidence::Medium,
    technique: "T1078",
    next: "Ask the owner of the account whether this was they; look at all that the account did from then on: \
        `kanshiki timeline --case DIR --user ACCOUNT --from TIME`.",
};

static SUCCESS_ELSEWHERE: Rule = Rule {
    id: "access.success-from-elsewhere",
    question: Question::Entry,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1078",
    next: "Guessed passwords are often used from another address than the one that guessed: compare what was done there with \
        what the owner of the account remembers.",
};

static MANY_ADDRESSES: Rule = Rule {
    id: "access.many-addresses",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1110.001",
    next: "Look whether a login to this account succeeded from an address that it was never used from before.",
};

static NEW_ADDRESS: Rule = Rule {
    id: "access.new-address",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Low,
    technique: "T1078",
    next: "Ask the owner of the account where they were at that time.",
};

static ODD_HOUR: Rule = Rule {
    id: "access.odd-hour",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Low,
    technique: "T1078",
    next: "Compare with the working hours and the duties of the owner of the account.",
};

static ROOT_LOGIN: Rule = Rule {
    id: "access.root-login",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1078.003",
    next: "Find out who knows the password or holds the key of root, and whether each login was one of them.",
};

static ANONYMOUS: Rule = Rule {
    id: "access.anonymous",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::High,
    technique: "T1078.001",
    next: "Look at what was fetched and left there: `kanshiki query --case DIR transfers`.",
};

static REFUSED: Rule = Rule {
    id: "access.privileges-refused",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1548.003",
    next: "Look at what else the account did in that session.",
};

static PROBING: Rule = Rule {
    id: "access.ssh-probing",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1595",
    next: "Look whether a login from this address was tried, or succeeded.",
};

static REFUSED_CONNECTION: Rule = Rule {
    id: "access.refused-connection",
    question: Question::Entry,
    severity: Severity::Info,
    confidence: Confidence::High,
    technique: "T1595",
    next: "Look whether the address got in before the rule that refuses it was there, or by another service.",
};

static ACCOUNT_MADE: Rule = Rule {
    id: "access.account-made",
    question: Question::Persists,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1136.001",
    next: "Find out who made the account and for whom; look at what ran just before.",
};

static ACCOUNT_RAISED: Rule = Rule {
    id: "access.account-raised",
    question: Question::Persists,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1098",
    next: "Find out who gave the account these rights, and what it did with them.",
};

/// Looks at all logins and failures.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    logins::gather(image)?;
    let sprayers = by_address::find(image, found)?;
    by_account::find(image, &sprayers, found)?;
    accounts::find(image, found)?;
    probing::find(image, found)?;
    image.db.execute_batch("DROP TABLE temp.logins; DROP TABLE temp.owners")?;
    Ok(())
}
