//! The forms of access logs that may be met on a machine: those of its settings, and those that are widely used.

use super::format::{Format, Taken};
use super::{apache, nginx};
use crate::parser::Candidate;
use crate::text::HEAD_LINES;
use kanshiki_filesystem::View;
use kanshiki_machine::settings::{self, is_like};
use std::cmp::Reverse;

/// Forms of the settings that are kept.
const FORMS: usize = 64;

/// Logs of the settings that are kept.
const LOGS: usize = 1024;

/// Forms that programs bring along, the strictest first: Apache's `combined` and `common`, nginx's `combined` and the `main`
/// of its packages, the same with the site before it (Debian's `vhost_combined`), of nginx-proxy-manager, and with anything
/// behind it.
const KNOWN: &[&str] = &[
    r#"%h - %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%h - %u %t "%r" %>s %b"#,
    r#"%h - %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" "%{X-Forwarded-For}i""#,
    r#"%v:%p %h - %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%v %h - %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%v:%p %h - %u %t "%r" %>s %b"#,
    r#"%v %h - %u %t "%r" %>s %b"#,
    r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%h %l %u %t "%r" %>s %b"#,
    r#"[%{%d/%b/%Y:%H:%M:%S %z}t] %{x}n %{x}n %>s - %m %{x}n %v "%U" [Client %h] [Length %b] %{x}n "%{User-Agent}i" "%{Referer}i""#,
    r#"[%{%d/%b/%Y:%H:%M:%S %z}t] %>s - %m %{x}n %v "%U" [Client %h] [Length %b] %{x}n "%{User-Agent}i" "%{Referer}i""#,
    r#"%h - %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{rest}n"#,
    r#"%v:%p %h - %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{rest}n"#,
    r#"%v %h - %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{rest}n"#,
    r#"%h - %u %t "%r" %>s %b %{rest}n"#,
    r#"%v:%p %h - %u %t "%r" %>s %b %{rest}n"#,
    r#"%v %h - %u %t "%r" %>s %b %{rest}n"#,
];

/// A log that the settings name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Log {
    /// Its path; what a program puts in for `%Y` or `$host` stands as `*`.
    pub(super) path: Vec<u8>,
}

/// What settings tell, as they are read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    forms: Vec<Format>,
    logs: Vec<(Log, usize)>,
    others: Vec<Vec<u8>>,
}

impl Gathered {
    /// Takes a form, and gives its place; `None` if it is empty or there are too many.
    pub(super) fn form(&mut self, form: Format) -> Option<usize> {
        if let Some(place) = self.forms.iter().position(|known| *known == form) {
            return Some(place);
        }
        (form != Format::default() && self.forms.len() < FORMS).then(|| {
            self.forms.push(form);
            self.forms.len().saturating_sub(1)
        })
    }

    /// Takes a log with its form.
    pub(super) fn log(&mut self, view: &View, log: Log, form: Format) {
        if let Some(place) = self.form(form).filter(|_| self.logs.len() < LOGS) {
            let path = settings::real(view, settings::pattern(&log.path));
            self.logs.push((Log { path }, place));
        }
    }

    /// Takes the path of a log that is none of accesses.
    pub(super) fn other(&mut self, view: &View, path: &[u8]) {
        if self.others.len() < LOGS {
            self.others.push(settings::real(view, settings::pattern(path)));
        }
    }
}

/// The forms that may be met on a machine.
#[derive(Debug)]
pub(crate) struct Formats {
    forms: Vec<Format>,
    /// Those of [`Self::forms`] that the settings tell; those that are widely used follow.
    told: usize,
    logs: Vec<(Log, usize)>,
    /// Places of other logs.
    others: Vec<Vec<u8>>,
}

impl Formats {
    /// Those that are widely used alone.
    pub(crate) fn known() -> Self {
        Self::with(Gathered::default())
    }

    /// With those of the settings in the image.
    pub(crate) fn of(view: &View) -> Self {
        let mut gathered = Gathered::default();
        apache::gather(view, &mut gathered);
        nginx::gather(view, &mut gathered);
        Self::with(gathered)
    }

    fn with(gathered: Gathered) -> Self {
        let Gathered { mut forms, logs, others } = gathered;
        let told = forms.len();
        forms.extend(KNOWN.iter().map(|form| apache::compile(form.as_bytes())));
        Self { forms, told, logs, others }
    }

    /// What a line says by the first form that it has.
    pub(super) fn take<'l>(&self, line: &'l [u8]) -> Option<Taken<'l>> {
        self.forms.iter().find_map(|form| form.take(line))
    }

    /// Where the settings have logs written to, with `*` for what is put in then.
    pub(crate) fn places(&self) -> impl Iterator<Item = &[u8]> {
        self.logs.iter().map(|(log, _)| log.path.as_slice()).chain(self.others.iter().map(Vec::as_slice))
    }

    /// The forms that lines of a file may have: those that the settings name for its path, then those of the settings and
    /// those widely used; the one that fits most of its first lines before all.
    pub(super) fn choose(&self, candidate: &Candidate<'_>) -> Chosen<'_> {
        let stem = candidate.stem();
        let name = candidate.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let directory = candidate.path.strip_suffix(name).unwrap_or_default();
        let path = [directory, stem].concat();
        let is_named = |place: usize| {
            let mut logs = self.logs.iter().filter(|(_, of)| *of == place);
            logs.any(|(log, _)| is_like(&path, &log.path) || is_like(candidate.path, &log.path))
        };
        let mut order: Vec<(bool, &Format)> = Vec::new();
        for (place, form) in self.forms.iter().enumerate() {
            let named = place < self.told && is_named(place);
            if named || form.is_telling() {
                order.push((named, form));
            }
        }
        let lines = candidate.head.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines: Vec<&[u8]> = lines.take(HEAD_LINES).map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
        order.sort_by_cached_key(|(named, form)| {
            // Open forms fit all that stricter ones fit, and stand from the stricter to the looser already.
            let is_open = form.is_open() && !named;
            let fitting = lines.iter().filter(|line| !is_open && form.take(line).is_some()).count();
            (is_open, Reverse((fitting, *named)))
        });
        Chosen(order.into_iter().map(|(_, form)| form).collect())
    }
}

/// The forms that lines of one file may have.
#[derive(Debug)]
pub(super) struct Chosen<'a>(Vec<&'a Format>);

impl Chosen<'_> {
    /// What a line says by the first form that it has.
    pub(super) fn take<'l>(&self, line: &'l [u8]) -> Option<Taken<'l>> {
        self.0.iter().find_map(|form| form.take(line))
    }
}

/// The bytes of files that a pattern leads to, each file once.
pub(super) fn files(view: &View, pattern: &[u8], seen: &mut std::collections::HashSet<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for path in settings::paths(view, pattern) {
        if seen.len() < FILES
            && seen.insert(path.clone())
            && let Some(bytes) = settings::read(view, &path)
        {
            files.push(bytes);
        }
    }
    files
}

/// Files of settings that are read at most.
const FILES: usize = 512;
