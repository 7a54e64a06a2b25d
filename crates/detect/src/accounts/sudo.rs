//! Who may do what by sudo (sudoers(5)).

use super::NO_PASSWORD_ASKED;
use super::read::Account;
use crate::found::{Building as _, Found, finding};
use crate::rights::is_never_raised;
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
    reach: Reach,
    place: Evidence,
}

/// What the commands of a line lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    /// All commands.
    All,
    /// A program from which all others are run, such as a shell or an editor.
    Through(String),
    /// Some commands.
    Some,
}

/// All lines that give rights.
pub(super) fn of_view(view: &View) -> Vec<Right> {
    let Some(config) = Config::gather(view, &["/etc/sudoers", "/usr/etc/sudoers"], DIALECT) else { return Vec::new() };
    let mut aliases: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    let lines = || config.lines().filter(|line| is_read(&line.evidence().path));
    for line in lines() {
        let Some(rest) = behind(line.text, "User_Alias") else { continue };
        for alias in rest.split(|byte| *byte == b':') {
            let mut parts = alias.splitn(2, |byte| *byte == b'=');
            let (Some(name), Some(members)) = (parts.next(), parts.next()) else { continue };
            aliases.insert(name.trim_ascii().to_vec(), list(members));
        }
    }
    let mut rights: Vec<Right> =
        lines().filter_map(|line| right(line.text, line.evidence(), &aliases)).take(RIGHTS).collect();
    for who in lines().filter_map(|line| not_asked(line.text)) {
        let is_meant = |right: &Right| who.is_empty() || right.who.iter().any(|it| who.contains(it));
        rights.iter_mut().filter(|right| is_meant(right)).for_each(|right| right.is_without_password = true);
    }
    rights
}

/// Whether sudo reads a file of a folder that is included: names with a dot or `~` at the end it passes over.
fn is_read(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    memchr::memmem::find(path, b"/sudoers.d/").is_none() || !(name.contains(&b'.') || name.ends_with(b"~"))
}

/// Those who are not asked for a password by `Defaults !authenticate`, `Defaults:NAME !authenticate`; none for everybody.
fn not_asked(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let rest = line.strip_prefix(b"Defaults")?;
    let end = rest.iter().position(u8::is_ascii_whitespace)?;
    let (whom, options) = rest.split_at_checked(end)?;
    if !list(options).iter().any(|option| option.split(|byte| *byte == b'!').next_back() == Some(b"authenticate")) {
        return None;
    }
    match whom.split_first() {
        None => Some(Vec::new()),
        Some((b':', names)) => Some(list(names)),
        // For some hosts, commands or targets alone.
        Some(_) => None,
    }
}

/// What the commands behind the `=` lead to.
fn reach(commands: &[u8]) -> Reach {
    let commands =
        memchr::memchr(b')', commands).and_then(|at| commands.get(at.saturating_add(1)..)).unwrap_or(commands);
    let mut through = None;
    for command in list(commands) {
        // Tags such as `NOPASSWD:` stand in front.
        let command = command.rsplit(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
        if command == b"ALL" {
            return Reach::All;
        }
        let program = command.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let name = visible(program.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
        if is_never_raised(&name) && !command.starts_with(b"!") {
            through.get_or_insert(name);
        }
    }
    through.map_or(Reach::Some, Reach::Through)
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
        reach: reach(commands.get(1..).unwrap_or_default()),
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
        let what = match &self.reach {
            Reach::All => "all".to_owned(),
            Reach::Through(name) => format!("{name}, and so all,"),
            Reach::Some => "some commands".to_owned(),
        };
        let title = format!("{} may run {what} as root without a password", who.join(", "));
        let made = finding(&NO_PASSWORD_ASKED, visible(&self.line), title)
            .explained(format!("The line says: {}.", visible(&self.line)))
            .setting(&self.place, "the line");
        let services: [&[u8]; 8] = [b"ALL", b"www-data", b"apache", b"nginx", b"nobody", b"mysql", b"postgres", b"ftp"];
        let is_everybody = self.who.iter().any(|who| services.contains(&who.as_slice()));
        // Images for clouds come with such a line for their first account.
        let is_usual = self.reach == Reach::Some || self.place.path.ends_with(b"90-cloud-init-users");
        found.add(match (is_usual, is_everybody) {
            (true, _) => made,
            (_, true) => made.weighed(Severity::High, Confidence::High),
            _ => made.weighed(Severity::Medium, Confidence::Medium),
        });
    }
}
