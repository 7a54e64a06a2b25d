//! Words that are right for the hashes of passwords: what is made of the account's own name, and the lists that the user gave.

use crate::accounts::read::lines;
use crate::found::{Building as _, Found, finding};
use crate::time::{DAY, utc};
use crate::{DetectError, Image};
use kanshiki_machine::config::Evidence;
use kanshiki_machine::settings;
use kanshiki_model::{Confidence, Issue, Question, Rule, Severity, visible};
use kanshiki_passwords::{Hash, Refusal, attack, of_name, words};
use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&GUESSED, &IS_NAME];

static GUESSED: Rule = Rule {
    id: "accounts.password-guessed",
    question: Question::Holes,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "T1110.002",
    next: "Look at the logins of the account, and at who else knew the word: `kanshiki timeline --case DIR --user NAME`.",
};

static IS_NAME: Rule = Rule {
    id: "accounts.password-is-name",
    question: Question::Holes,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "T1110.001",
    next: "Such passwords are tried first by whoever guesses: look at the logins of the account, and who asked for it.",
};

/// Where hashes are kept, and whether they are in force; which field has them, and whether that has several.
const FILES: [(&str, bool, usize); 5] = [
    ("/etc/shadow", true, 1),
    ("/etc/passwd", true, 1),
    ("/etc/shadow-", false, 1),
    ("/etc/passwd-", false, 1),
    // pam_unix(8): `name:uid:count:hash,hash`.
    ("/etc/security/opasswd", false, 3),
];

/// Hashes that are tried.
const TARGETS: usize = 1000;

/// What the variants of names may cost together, in the units of [`Hash::cost`]: about ten seconds of two cores.
const NAMES_COST: u64 = 6000;

/// A hash and whose it is.
#[derive(Debug)]
struct Target {
    account: Vec<u8>,
    hash: Hash,
    is_current: bool,
    /// The year in which the password was set.
    year: Option<i64>,
    place: Evidence,
}

/// Tries names and words.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut targets = gather(image, found);
    try_names(image, &mut targets, found);
    for list in &image.options.wordlists {
        if targets.is_empty() || image.progress.stop_requested() {
            break;
        }
        try_list(image, list, &mut targets, found);
    }
    Ok(())
}

/// The hashes of all files, each once. Those that cannot be tried are told if words were given to try.
fn gather(image: &Image<'_>, found: &mut Found) -> Vec<Target> {
    let (mut targets, mut seen, mut left_out) = (Vec::new(), HashSet::new(), 0_u64);
    for (path, is_current, field) in FILES {
        let settings::Found::File(file) = settings::open(image.view, path.as_bytes()) else { continue };
        for (fields, place) in lines(&file) {
            let account = fields.first().copied().unwrap_or_default();
            let year = fields.get(2).filter(|_| path.contains("shadow")).and_then(|days| year_of(days));
            for text in fields.get(field).copied().unwrap_or_default().split(|byte| *byte == b',') {
                let key = (account.to_vec(), text.to_vec());
                let hash = match Hash::parse(text) {
                    Ok(_) if seen.contains(&key) => continue,
                    Ok(hash) => hash,
                    Err(Refusal::NoHash) => continue,
                    Err(refusal) => {
                        if !image.options.wordlists.is_empty() {
                            found.issues.push(untried(account, &place, &refusal));
                        }
                        continue;
                    }
                };
                if targets.len() >= TARGETS {
                    left_out = left_out.saturating_add(1);
                    continue;
                }
                seen.insert(key);
                targets.push(Target { account: account.to_vec(), hash, is_current, year, place: place.clone() });
            }
        }
    }
    if left_out > 0 {
        let message = format!("{left_out} hashes behind the first {TARGETS} are not tried");
        found.issues.push(Issue::new("hashes of passwords", message));
    }
    targets
}

fn untried(account: &[u8], place: &Evidence, refusal: &Refusal) -> Issue {
    let (byte, _, line) = place.span.unwrap_or_default();
    let message = format!("line {line} at byte {byte}, the password of {}: {refusal}", visible(account));
    Issue::new(visible(&place.path), message)
}

/// The year of a day that is counted from 1970.
fn year_of(days: &[u8]) -> Option<i64> {
    let days: i64 = std::str::from_utf8(days).ok()?.parse().ok()?;
    utc(days.checked_mul(DAY).filter(|time| *time > 0)?).get(..4)?.parse().ok()
}

/// Tries what people make of the name; guessed hashes leave the targets.
fn try_names(image: &Image<'_>, targets: &mut Vec<Target>, found: &mut Found) {
    let mut cost = 0_u64;
    let mut left_out = 0_u64;
    targets.retain(|target| {
        let words = of_name(&target.account, target.year);
        let own = u64::try_from(words.len()).unwrap_or(u64::MAX).saturating_mul(target.hash.cost());
        let total = cost.saturating_add(own);
        if total > NAMES_COST {
            left_out = left_out.saturating_add(1);
            return true;
        }
        cost = total;
        let hash = std::slice::from_ref(&target.hash);
        let done = attack(hash, words.into_iter(), &|| image.progress.stop_requested(), &mut |_| ());
        let Some(Some(word)) = done.words.first() else { return true };
        tell(target, word, &IS_NAME, "It is the account's own name or a simple variant of it.", found);
        false
    });
    if left_out > 0 {
        let message =
            format!("the names of {left_out} accounts are not tried as passwords: their hashes cost too much");
        found.issues.push(Issue::new("hashes of passwords", message));
    }
}

/// Tries the words of a list, line by line; guessed hashes leave the targets.
fn try_list(image: &Image<'_>, list: &Path, targets: &mut Vec<Target>, found: &mut Found) {
    let name = visible(list.as_os_str().as_bytes());
    let file = match File::open(list) {
        Ok(file) => file,
        Err(error) => return found.issues.push(Issue::new(name, format!("no word of it was tried: {error}"))),
    };
    let size = file.metadata().ok().map(|facts| facts.len());
    image.progress.begin(&format!("findings: {} hashes against {name}", targets.len()), size);
    let mut broken = None;
    let words = words(BufReader::new(file)).map_while(|word| word.map_err(|error| broken = Some(error)).ok());
    let hashes: Vec<Hash> = targets.iter().map(|target| target.hash.clone()).collect();
    let done = attack(&hashes, words, &|| image.progress.stop_requested(), &mut |batch| {
        let bytes = batch.iter().fold(0_usize, |sum, word| sum.saturating_add(word.len()).saturating_add(1));
        image.progress.advance(u64::try_from(bytes).unwrap_or(u64::MAX));
    });
    if let Some(error) = broken {
        found.issues.push(Issue::new(name.as_str(), format!("only words before the error were tried: {error}")));
    }
    image.progress.begin(&format!("findings: {} tries of passwords, {} a second", done.tries, done.speed()), None);
    let mut words = done.words.into_iter();
    targets.retain(|target| {
        let Some(word) = words.next().flatten() else { return true };
        tell(target, &word, &GUESSED, &format!("It stands in the list {name}."), found);
        false
    });
}

fn tell(target: &Target, word: &[u8], rule: &'static Rule, why: &str, found: &mut Found) {
    let (name, word) = (visible(&target.account), visible(word));
    let line = target.place.span.map_or(0, |(_, _, line)| line);
    let key = format!("{name} {}:{line}", visible(&target.place.path));
    let made = if target.is_current {
        finding(rule, key, format!("the password of {name} is “{word}”")).explained(why)
    } else {
        let text = format!("{why} The hash lies in a file of older ones; the account may have another password now.");
        finding(rule, key, format!("a former password of {name} was “{word}”"))
            .explained(text)
            .weighed(Severity::Medium, Confidence::High)
    };
    found.add(made.setting(&target.place, "").indicator("account", &name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::testing::{found_with, titles, view};

    // openssl passwd -6 -salt saltsalt (OpenSSL 3.0)
    const MIGRATE2024: &str =
        "$6$saltsalt$oiF2favr8mUL2L9ncIwc2BJlIZqOl3X.7CtwUSmsdl6Wy5E0HelalagoYfFHE9ThLI6mE/h8abtd1kKVB5enP1";
    const TRUSTNO1: &str =
        "$6$saltsalt$wwNLS3xP6VFIOiYUnNecE82tbqc/b.Uz4XxXkXgV8XLc/4KPJPdRZY6LaFIWnQuPPDu/4UbT5pzHOdUWL6Mwz1";

    fn shadow() -> String {
        format!(
            "migrate:{MIGRATE2024}:19800::::::\nanna:{TRUSTNO1}:19800::::::\nbob:!{TRUSTNO1}:1::::::\nc:*:1::::::\n"
        )
    }

    #[test]
    fn a_password_made_of_the_name_is_told_without_a_list_and_others_are_not() {
        let view = view(&[("/etc/shadow", &shadow())]);
        let found = found_with(&view, &[], find, &Options::default());
        assert_eq!(titles(&found), ["high accounts.password-is-name: the password of migrate is “migrate2024”"]);
        assert_eq!(found.issues[..], []);
    }

    #[test]
    fn words_of_lists_are_tried_also_against_former_passwords() {
        let place = kanshiki_testkit::tempdir();
        let list = place.path().join("words");
        kanshiki_testkit::write_file(&list, "nothing\nTrustno1\n");
        let opasswd = format!("carl:1002:2:$2b$31$no,{TRUSTNO1}\n");
        let view =
            view(&[("/etc/shadow", &shadow()), ("/etc/shadow-", &shadow()), ("/etc/security/opasswd", &opasswd)]);
        let options = Options { wordlists: vec![list, place.path().join("missing")], ..Options::default() };
        let found = found_with(&view, &[], find, &options);
        let expected = [
            "high accounts.password-is-name: the password of migrate is “migrate2024”",
            "high accounts.password-guessed: the password of anna is “Trustno1”",
            "medium accounts.password-guessed: a former password of carl was “Trustno1”",
        ];
        assert_eq!(titles(&found), expected);
        let issue = &found.issues[0];
        assert_eq!((issue.subject.as_str(), found.issues.len()), ("/etc/security/opasswd", 1));
        assert!(issue.message.starts_with("line 1 at byte 0, the password of carl: the hash is damaged"), "{issue:?}");
    }
}
