//! Who may do what by sudo (sudoers(5)).

use super::NO_PASSWORD_ASKED;
use super::read::Account;
use crate::found::{Building as _, Found, finding};
use kanshiki_filesystem::View;
use kanshiki_machine::config::{Config, Dialect, Evidence, behind};
use kanshiki_model::{Confidence, Severity, visible};
use std::collections::BTreeMap;

/// `@include`, `#include`, `@includedir`, `#includedir`.
const DIALECT: Dialect = Dialect {
    include: |line| {
        let words = ["@includedir", "#includedir", "@include", "#include"];
        words.iter().find_map(|word| behind(line, word)).map(<[u8]>::to_vec)
    },
    ..Dialect::PLAIN
};

/// Lines that are looked at for each account.
const RIGHTS: usize = 2000;

/// A line that gives rights.
#[derive(Debug, Clone)]
pub(super) struct Right {
    /// Names of accounts, `%group`, `#number`, `ALL`, with aliases put in.
    who: Vec<Vec<u8>>,
    line: Vec<u8>,
    is_without_password: bool,
    is_all: bool,
    place: Evidence,
}

/// All lines that give rights.
pub(super) fn of_view(view: &View) -> Vec<Right> {
    let Some(config) = Config::gather(view, &["/etc/sudoers", "/usr/etc/sudoers"], DIALECT) else { return Vec::new() };
    let mut aliases: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    for line in config.lines() {
        let Some(rest) = behind(line.text, "User_Alias") else { continue };
        for alias in rest.split(|byte| *byte == b':') {
            let mut parts = alias.splitn(2, |byte| *byte == b'=');
            let (Some(name), Some(members)) = (parts.next(), parts.next()) else { continue };
            aliases.insert(name.trim_ascii().to_vec(), list(members));
        }
    }
    config.lines().filter_map(|line| right(line.text, line.evidence(), &aliases)).take(RIGHTS).collect()
}

fn list(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|byte| *byte == b',').map(|name| name.trim_ascii().to_vec()).filter(|name| !name.is_empty()).collect()
}

/// `WHO HOSTS = (AS) [TAGS] COMMANDS`.
fn right(line: &[u8], place: Evidence, aliases: &BTreeMap<Vec<u8>, Vec<Vec<u8>>>) -> Option<Right> {
    let is_other = line.starts_with(b"#") && !line.get(1).is_some_and(u8::is_ascii_digit)
        || line.starts_with(b"@")
        || line.starts_with(b"Defaults");
    let words = [b"User_Alias".as_slice(), b"Runas_Alias", b"Host_Alias", b"Cmnd_Alias", b"Cmd_Alias"];
    if is_other || words.iter().any(|word| line.starts_with(word)) {
        return None;
    }
    let equals = memchr::memchr(b'=', line)?;
    let (head, commands) = line.split_at_checked(equals)?;
    // Blanks may stand behind commas; the host is the last word.
    let head = head.trim_ascii();
    let host = head.iter().rposition(u8::is_ascii_whitespace)?;
    let names = list(head.get(..host)?);
    let who = names.into_iter().flat_map(|name| aliases.get(&name).cloned().unwrap_or_else(|| vec![name])).collect();
    let has = |word: &str| memchr::memmem::find(commands, word.as_bytes()).is_some();
    Some(Right {
        who,
        line: line.to_vec(),
        is_without_password: has("NOPASSWD"),
        is_all: commands.trim_ascii_end().ends_with(b"ALL"),
        place,
    })
}

impl Right {
    /// Whether it is for an account that is in these groups.
    pub(super) fn is_for(&self, account: &Account, groups: &[String]) -> bool {
        self.who.iter().any(|who| match who.as_slice() {
            b"ALL" => true,
            [b'%', group @ ..] => groups.iter().any(|it| *it == visible(group)),
            [b'#', uid @ ..] => account.uid.is_some_and(|it| it.to_string().as_bytes() == uid),
            name => account.name == name,
        })
    }

    pub(super) fn words(&self) -> String {
        visible(&self.line)
    }

    /// Tells that all is allowed without a password.
    pub(super) fn judge(&self, found: &mut Found) {
        if !self.is_without_password {
            return;
        }
        let who: Vec<String> = self.who.iter().map(|who| visible(who)).collect();
        let what = if self.is_all { "all" } else { "some commands" };
        let title = format!("{} may run {what} as root without a password", who.join(", "));
        let made = finding(&NO_PASSWORD_ASKED, visible(&self.line), title)
            .explained(format!("The line says: {}.", visible(&self.line)))
            .setting(&self.place, "the line");
        let is_everybody = self.is_all
            && self.who.iter().any(|who| {
                who == b"ALL" || who == b"www-data" || who == b"apache" || who == b"nginx" || who == b"nobody"
            });
        // Images for clouds come with such a line for their first account.
        let is_usual = !self.is_all || self.place.path.ends_with(b"90-cloud-init-users");
        found.add(match (is_everybody, is_usual) {
            (true, _) => made.weighed(Severity::High, Confidence::High),
            (_, true) => made,
            _ => made.weighed(Severity::Medium, Confidence::Medium),
        });
    }
}
