//! Pages that run, brought into the folder of a web site by a server of files.

use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Question, Rule, Severity};
use std::collections::BTreeMap;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&PAGE];

static PAGE: Rule = Rule {
    id: "web.page-uploaded",
    question: Question::Persists,
    severity: Severity::Low,
    confidence: Confidence::Low,
    technique: "T1505.003",
    next: "Who keeps the site brings pages so too: ask them for these, and look whether they were asked for afterwards.",
};

/// Who brought pages, of whom something is told.
const TOLD: usize = 1000;

/// Looks at all files that were brought.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let columns = "e.id, e.time, coalesce(e.user, ''), coalesce(e.address, ''), coalesce(e.fields ->> 'file', '')";
    let mut told: BTreeMap<(String, String), Finding> = BTreeMap::new();
    each(image, &["ftp.upload", "sftp.upload"], columns, "e.time, e.id", &mut |row| {
        let (user, address, file) = (text(row, 2), text(row, 3), text(row, 4));
        let key = (user.to_owned(), address.to_owned());
        if !is_page(file) || told.len() >= TOLD && !told.contains_key(&key) {
            return Ok(());
        }
        let (event, time): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let made = told.remove(&key).unwrap_or_else(|| begin(user, address, file));
        told.insert(key, made.widened(time).event(event, file));
        Ok(())
    })?;
    told.into_values().for_each(|made| found.add(made));
    Ok(())
}

fn begin(user: &str, address: &str, file: &str) -> Finding {
    let from = if address.is_empty() { String::new() } else { format!(" from {address}") };
    let title = format!("{user} brought pages that run into the folder of a web site{from}: {file}");
    let made = finding(&PAGE, format!("{user} {address}"), title)
        .explained("Whoever asks the web server for such a page has it run.");
    if address.is_empty() { made } else { made.indicator(address_kind(address), address) }
}

/// Whether a web server runs what lies there.
fn is_page(file: &str) -> bool {
    let lower = file.to_ascii_lowercase();
    let folders = ["/www/", "/html/", "/htdocs/", "/public_html/", "/webroot/", "/wwwroot/", "/httpdocs/"];
    let endings =
        [".php", ".phtml", ".php3", ".php5", ".php7", ".phar", ".jsp", ".jspx", ".asp", ".aspx", ".cgi", ".pl"];
    folders.iter().any(|folder| lower.contains(folder)) && endings.iter().any(|ending| lower.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::testing::{Told, found_in, titles, view};
    use kanshiki_model::Value;

    #[test]
    fn pages_that_run_are_told_and_pictures_are_not() {
        let upload = |file: &'static str| Told {
            path: "/var/log/xferlog",
            kind: "ftp.upload",
            time: 1_700_000_000,
            user: "bob".to_owned(),
            address: "192.0.2.7".to_owned(),
            fields: vec![("file", Value::Text(file.as_bytes()))],
            ..Told::default()
        };
        let told = |file| titles(&found_in(&view(&[]), &[upload(file)], find));
        assert_eq!(
            told("/var/www/html/sh.php"),
            [
                "low web.page-uploaded: bob brought pages that run into the folder of a web site from 192.0.2.7: /var/www/html/sh.php"
            ]
        );
        assert_eq!(told("/var/www/html/a.jpg"), [""; 0]);
        assert_eq!(told("/home/bob/x.php"), [""; 0]);
    }
}
