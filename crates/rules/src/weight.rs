//! What rules say of themselves: how much a match matters, which question it answers, which technique it is of.

use kanshiki_model::{Question, Severity};

/// How much a match matters, by the word or number that the rule has for it; `None` if that is neither.
///
/// Words are those of Sigma's levels, and of descriptions of YARA rules; numbers are the scores of 0 to 100 that these have.
///
/// Source: Sigma Specification 2.1, `level`; signature-base and Elastic's protections-artifacts, `score` and `severity`.
#[must_use]
pub fn severity_of(word: &str) -> Option<Severity> {
    let word = word.trim().to_ascii_lowercase();
    match word.as_str() {
        "critical" | "high" => Some(Severity::High),
        "medium" | "moderate" => Some(Severity::Medium),
        "low" => Some(Severity::Low),
        "informational" | "info" | "none" => Some(Severity::Info),
        _ => match word.parse::<u32>().ok()? {
            75.. => Some(Severity::High),
            50..=74 => Some(Severity::Medium),
            25..=49 => Some(Severity::Low),
            _ => Some(Severity::Info),
        },
    }
}

/// The technique of MITRE ATT&CK in a tag such as `attack.t1059.004`, `t1059` or `attack_T1059_004`, as `T1059.004`.
#[must_use]
pub fn technique_of(tag: &str) -> Option<String> {
    let tag = tag.trim().to_ascii_lowercase().replace('_', ".");
    let digits = tag.strip_prefix("attack.").unwrap_or(&tag).strip_prefix('t')?;
    let (technique, part) = digits.split_once('.').map_or((digits, None), |(technique, part)| (technique, Some(part)));
    let are_digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = are_digits(technique, 4) && part.is_none_or(|part| are_digits(part, 3));
    fits.then(|| format!("T{digits}"))
}

/// The question that a tactic of MITRE ATT&CK answers, by a tag such as `attack.persistence` or `attack_initial_access`, which is how
/// YARA can write it.
#[must_use]
pub fn question_of(tag: &str) -> Option<Question> {
    let tag = tag.trim().to_ascii_lowercase().replace('_', "-");
    match tag.strip_prefix("attack")?.strip_prefix(['.', '-'])? {
        "initial-access" | "credential-access" | "reconnaissance" => Some(Question::Entry),
        "execution" | "command-and-control" | "discovery" | "impact" | "resource-development" => Some(Question::Ran),
        "persistence" | "privilege-escalation" => Some(Question::Persists),
        "defense-evasion" | "defense-impairment" | "stealth" => Some(Question::Hidden),
        "collection" | "exfiltration" => Some(Question::ReadOut),
        "lateral-movement" => Some(Question::Onward),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_words_and_as_scores() {
        let all = ["critical", "High", "medium", "low", "informational", "100", "75", "60", "40", "3"].map(severity_of);
        use Severity::{High, Info, Low, Medium};
        let expected = [High, High, Medium, Low, Info, High, High, Medium, Low, Info];
        assert_eq!(all, expected.map(Some));
        assert_eq!(severity_of("loud"), None);
    }

    #[test]
    fn techniques_and_questions_are_read_from_tags() {
        let of = ["attack.t1059", "attack.t1059.004", "T1105", "attack_t1059_001"].map(technique_of);
        assert_eq!(of, ["T1059", "T1059.004", "T1105", "T1059.001"].map(|it| Some(it.to_owned())));
        let none = ["attack.t10590", "attack.execution", "attack.t1059.4", "t", "", "tétê"].map(technique_of);
        assert_eq!(none, [const { None }; 6]);
        assert_eq!(question_of("attack.initial_access"), Some(Question::Entry));
        assert_eq!(question_of("attack_persistence"), Some(Question::Persists));
        assert_eq!(question_of("cve.2021-44228"), None);
    }
}
