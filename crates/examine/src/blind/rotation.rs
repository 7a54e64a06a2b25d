//! What rotation takes away: logs that are older than the files that are kept (logrotate(8)).

use super::Finder;
use super::judged::{JudgeConfig, Judged};
use kanshiki_filesystem::View;
use kanshiki_machine::config::{Config, Dialect, Line, behind, words};
use kanshiki_model::visible;

const DIALECT: Dialect = Dialect { include: |line| behind(line, "include").map(<[u8]>::to_vec), ..Dialect::PLAIN };

/// Blocks of which something is told.
const BLOCKS: usize = 256;

/// How one log, or every log, is rotated.
#[derive(Debug, Clone, Default)]
struct Rule {
    /// `rotate`: files that are kept; 0 by default, −1 for all.
    count: i64,
    /// `daily`, `weekly`, `monthly`, `yearly`, `hourly`, or by size.
    every: Option<String>,
    /// `maxage`, in days.
    days: Option<i64>,
}

impl Rule {
    fn set(&mut self, line: &[u8]) {
        let mut words = words(line);
        let (name, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let number = || std::str::from_utf8(value).ok()?.parse::<i64>().ok();
        match name {
            b"rotate" => self.count = number().unwrap_or(self.count),
            b"maxage" => self.days = number().or(self.days),
            b"hourly" | b"daily" | b"weekly" | b"monthly" | b"yearly" => self.every = Some(visible(name)),
            b"size" => self.every = Some(format!("after {}", visible(value))),
            _ => {}
        }
    }

    fn unlogged(&self, logs: &str) -> Option<String> {
        let every =
            self.every.as_deref().map_or_else(|| "rotated by size".to_owned(), |every| format!("rotated {every}"));
        let kept = match (self.count, self.days) {
            (..=-1, None) => return None,
            (..=-1, Some(days)) => format!("for {days} days"),
            (0, _) => "in no file but the current one".to_owned(),
            (1, None) => "in 1 older file".to_owned(),
            (count, None) => format!("in {count} older files"),
            (count, Some(days)) => format!("in {count} older files, for {days} days at most"),
        };
        Some(format!("what is older than the rotation of {logs} keeps: {kept}, {every}"))
    }
}

/// The patterns of logs that are rotated; `?` of the shell as `*`.
pub(crate) fn logs(view: &View) -> Vec<Vec<u8>> {
    let starts = ["/etc/logrotate.conf", "/etc/logrotate.d/*"];
    let Some(config) = Config::gather(view, &starts, DIALECT) else { return Vec::new() };
    let mut is_block = false;
    let mut logs = Vec::new();
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")) {
        let is_name = matches!(line.text.first(), Some(b'/' | b'"' | b'\''));
        if !is_block && is_name {
            let names = words(line.text).map(|word| word.strip_suffix(b"{").unwrap_or(word));
            logs.extend(names.filter(|name| name.len() > 1).map(|name| {
                let name = name.iter().filter(|byte| !matches!(byte, b'"' | b'\''));
                name.map(|byte| if *byte == b'?' { b'*' } else { *byte }).collect::<Vec<u8>>()
            }));
        }
        is_block = (is_block || line.text.ends_with(b"{")) && line.text != b"}";
    }
    logs
}

pub(super) fn find(finder: &mut Finder<'_>) {
    let Some(config) = finder.config(&["/etc/logrotate.conf"], DIALECT) else { return };
    let mut general = Rule::default();
    // The block that is open: its first line, what its names are, and its rule.
    let mut open: Option<(Line<'_>, String, Rule)> = None;
    let mut names: Vec<String> = Vec::new();
    let (mut is_script, mut blocks) = (false, 0_usize);
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")) {
        let first = words(line.text).next().unwrap_or_default();
        is_script = match first {
            b"prerotate" | b"postrotate" | b"firstaction" | b"lastaction" | b"preremove" => true,
            b"endscript" => false,
            _ => is_script,
        };
        if is_script || first == b"endscript" {
            continue;
        }
        let is_name = matches!(line.text.first(), Some(b'/' | b'"' | b'\'' | b'~'));
        if open.is_none() && is_name {
            let text = line.text.strip_suffix(b"{").unwrap_or(line.text);
            names.extend(words(text).filter(|word| *word != b"{").map(visible));
        }
        if open.is_none() && line.text.ends_with(b"{") {
            open = Some((line, std::mem::take(&mut names).join(" "), general.clone()));
        } else if line.text == b"}" {
            let Some((line, logs, rule)) = open.take() else { continue };
            blocks = blocks.saturating_add(1);
            if let (Some(unlogged), true) = (rule.unlogged(&logs), blocks <= BLOCKS) {
                let reason = format!(
                    "rotate {}{}",
                    rule.count,
                    rule.every.map(|every| format!(", {every}")).unwrap_or_default()
                );
                let judged = Judged { reason, ..config.at(&line) };
                finder.tell("logrotate", &unlogged, judged);
            }
        } else if let Some((_, _, rule)) = &mut open {
            rule.set(line.text);
        } else if !is_name {
            general.set(line.text);
        }
    }
}
