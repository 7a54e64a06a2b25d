//! The forms of access logs that Apache's settings tell (mod_log_config, Apache 2.4).

use super::format::{Field, Format, Number, Text};
use super::formats::{Gathered, Log, files};
use super::time::TimeForm;
use kanshiki_filesystem::View;
use kanshiki_machine::settings;
use std::collections::{HashMap, HashSet, VecDeque};

/// Where the settings of a package begin, with the folder that its relative paths start from.
const BEGINNINGS: &[(&str, &str)] = &[
    ("/etc/apache2/apache2.conf", "/etc/apache2"),
    ("/etc/httpd/conf/httpd.conf", "/etc/httpd"),
    ("/etc/apache2/httpd.conf", "/etc/apache2"),
    ("/etc/httpd/httpd.conf", "/etc/httpd"),
    ("/usr/local/apache2/conf/httpd.conf", "/usr/local/apache2"),
    ("/opt/bitnami/apache/conf/httpd.conf", "/opt/bitnami/apache"),
];

/// Sites that are switched off by now may have been on when the log was written.
const SITES: &str = "/etc/apache2/sites-available/*.conf";

/// Compiles a `LogFormat`.
pub(super) fn compile(text: &[u8]) -> Format {
    let mut format = Format::default();
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'%' => rest = directive(rest, &mut format),
            b'\\' => {
                let (escaped, behind) = rest.split_first().unwrap_or((&b'\\', b""));
                rest = behind;
                match escaped {
                    b'n' => format.literal(b"\n"),
                    b't' => format.literal(b"\t"),
                    b'"' | b'\\' => format.literal(&[*escaped]),
                    other => format.literal(&[b'\\', *other]),
                }
            }
            other => format.literal(&[*other]),
        }
    }
    format
}

/// Adds what stands behind a `%`, and gives the rest: `[!]NUMBERS`, `<`, `>`, `{argument}`, a letter, `^` and two letters.
fn directive<'t>(text: &'t [u8], format: &mut Format) -> &'t [u8] {
    let mut rest = text;
    let mut argument: &[u8] = b"";
    loop {
        let Some((sign, behind)) = rest.split_first() else { return rest };
        rest = behind;
        match sign {
            b'%' => format.literal(b"%"),
            b'!' | b'<' | b'>' | b',' | b'0'..=b'9' => continue,
            b'{' => {
                let end = memchr::memchr(b'}', rest).unwrap_or(rest.len());
                argument = rest.get(..end).unwrap_or_default();
                rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
                continue;
            }
            b'^' => {
                // Headers and trailers: `%^FB`, `%{…}^ti`.
                rest = rest.get(2..).unwrap_or_default();
                format.text(Text::Other);
            }
            b't' => time(argument, format),
            letter => format.field(field(*letter, argument)),
        }
        return rest;
    }
}

/// What a letter stands for.
fn field(letter: u8, argument: &[u8]) -> Field {
    let text = match letter {
        b's' => return Field::Number(Number::Status),
        b'b' | b'B' => return Field::Number(Number::Bytes),
        b'O' => return Field::Number(Number::Sent),
        b'I' => return Field::Number(Number::Received),
        b'p' => return Field::Number(Number::Port),
        b'P' if matches!(argument, b"" | b"pid") => return Field::Number(Number::Process),
        b'D' => return Field::Duration(1),
        b'T' => {
            return Field::Duration(match argument {
                b"us" => 1,
                b"ms" => 1_000,
                _ => 1_000_000,
            });
        }
        b'a' if argument == b"c" => Text::Other,
        b'a' | b'h' => Text::Address,
        b'l' => Text::Ident,
        b'u' => Text::User,
        b'v' | b'V' => Text::Vhost,
        b'r' => Text::Request,
        b'm' => Text::Method,
        b'U' => Text::Path,
        b'q' => Text::Query,
        b'H' => Text::Protocol,
        b'i' => header(argument),
        b'e' if argument == b"REMOTE_USER" => Text::User,
        b'e' if argument == b"REMOTE_ADDR" => Text::Address,
        _ => Text::Other,
    };
    Field::Text(text)
}

/// What a header of the request says, by its name in any case.
pub(super) fn header(name: &[u8]) -> Text {
    let names: [(&[u8], Text); 6] = [
        (b"referer", Text::Referrer),
        (b"user-agent", Text::Agent),
        (b"x-forwarded-for", Text::Forwarded),
        (b"x-real-ip", Text::Forwarded),
        (b"cf-connecting-ip", Text::Forwarded),
        (b"host", Text::Vhost),
    ];
    names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or(Text::Other, |(_, text)| *text)
}

/// `%t`, and `%{…}t` with a pattern of strftime(3) or a word, `begin:` or `end:` before it or not.
fn time(argument: &[u8], format: &mut Format) {
    let argument = argument.strip_prefix(b"begin:").or_else(|| argument.strip_prefix(b"end:")).unwrap_or(argument);
    let form = match argument {
        b"" => {
            format.literal(b"[");
            format.field(Field::Time(TimeForm::Common));
            return format.literal(b"]");
        }
        b"sec" => TimeForm::Epoch(1_000_000_000),
        b"msec" => TimeForm::Epoch(1_000_000),
        b"usec" => TimeForm::Epoch(1_000),
        b"msec_frac" => TimeForm::Fraction(3),
        b"usec_frac" => TimeForm::Fraction(6),
        pattern => match TimeForm::of_pattern(pattern) {
            Some(form) => form,
            None => return format.text(Text::Other),
        },
    };
    format.field(Field::Time(form));
}

/// Gathers the forms and the logs that the settings of Apache name.
pub(super) fn gather(view: &View, gathered: &mut Gathered) {
    for (beginning, root) in BEGINNINGS {
        let mut reader = Reader::new(view, root);
        reader.include(beginning.as_bytes());
        if !reader.waiting.is_empty() {
            reader.environment(root);
            reader.read(gathered);
        }
    }
}

struct Reader<'a> {
    view: &'a View,
    /// `ServerRoot`.
    root: Vec<u8>,
    variables: HashMap<Vec<u8>, Vec<u8>>,
    seen: HashSet<Vec<u8>>,
    waiting: VecDeque<Vec<u8>>,
    nicknames: HashMap<Vec<u8>, Vec<u8>>,
    /// The place of a log, and its form or the nickname of it.
    logs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The places of logs of errors, of what scripts put out and of mod_security.
    others: Vec<Vec<u8>>,
}

impl<'a> Reader<'a> {
    fn new(view: &'a View, root: &str) -> Self {
        Self {
            view,
            root: root.as_bytes().to_vec(),
            variables: HashMap::new(),
            seen: HashSet::new(),
            waiting: VecDeque::new(),
            nicknames: HashMap::new(),
            logs: Vec::new(),
            others: Vec::new(),
        }
    }

    /// `export NAME=value` of Debian's envvars.
    fn environment(&mut self, root: &str) {
        self.variables.insert(b"APACHE_LOG_DIR".to_vec(), b"/var/log/apache2".to_vec());
        let Some(bytes) = settings::read(self.view, format!("{root}/envvars").as_bytes()) else { return };
        for line in bytes.split(|byte| *byte == b'\n') {
            let Some(rest) = line.trim_ascii_start().strip_prefix(b"export ") else { continue };
            let Some(equals) = memchr::memchr(b'=', rest) else { continue };
            let (name, value) = rest.split_at_checked(equals).unwrap_or_default();
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            // `$SUFFIX` tells several servers apart, and is empty for the first.
            let value = value.strip_suffix(b"$SUFFIX").unwrap_or(value);
            self.variables.insert(name.to_vec(), value.to_vec());
        }
    }

    fn read(mut self, gathered: &mut Gathered) {
        let mut sites = Some(SITES.as_bytes());
        loop {
            while let Some(bytes) = self.waiting.pop_front() {
                self.file(&bytes);
            }
            let Some(pattern) = sites.take() else { break };
            self.include(pattern);
        }
        let resolve = |form: &[u8]| self.nicknames.get(form).cloned();
        let mut nicknames: Vec<_> = self.nicknames.iter().collect();
        nicknames.sort_unstable();
        for (_, form) in nicknames {
            let form = resolve(form).unwrap_or_else(|| form.clone());
            gathered.form(compile(&form));
        }
        for (path, form) in &self.logs {
            // A nickname that is not defined anywhere is taken as a form, as Apache does.
            let form = resolve(form).unwrap_or_else(|| form.clone());
            let form = resolve(&form).unwrap_or(form);
            gathered.log(self.view, Log { path: self.absolute(path) }, compile(&form));
        }
        self.others.iter().for_each(|path| gathered.other(self.view, &self.absolute(path)));
    }

    fn absolute(&self, path: &[u8]) -> Vec<u8> {
        if path.starts_with(b"/") { path.to_vec() } else { [&self.root, b"/".as_slice(), path].concat() }
    }

    fn file(&mut self, bytes: &[u8]) {
        let mut line = Vec::new();
        for part in bytes.split(|byte| *byte == b'\n') {
            let part = part.strip_suffix(b"\r").unwrap_or(part);
            if let Some(begun) = part.strip_suffix(b"\\") {
                line.extend_from_slice(begun);
                continue;
            }
            line.extend_from_slice(part);
            self.directive(&line);
            line.clear();
        }
    }

    fn directive(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"<") {
            return;
        }
        let words = words(line);
        let Some((name, arguments)) = words.split_first() else { return };
        let argument = |place: usize| arguments.get(place).map(|word| self.substituted(word));
        match name.to_ascii_lowercase().as_slice() {
            b"serverroot" => {
                if let Some(root) = argument(0) {
                    self.root = root;
                }
            }
            b"define" => {
                if let (Some(name), Some(value)) = (argument(0), argument(1)) {
                    self.variables.insert(name, value);
                }
            }
            b"include" | b"includeoptional" => {
                if let Some(pattern) = argument(0) {
                    self.include(&pattern);
                }
            }
            b"logformat" => {
                if let Some(form) = argument(0) {
                    // Without a nickname it is that of TransferLog.
                    let nickname = argument(1).unwrap_or_default();
                    self.nicknames.insert(nickname, form);
                }
            }
            b"customlog" | b"globallog" | b"transferlog" => {
                if let Some(path) = argument(0) {
                    let form = argument(1).filter(|form| !form.starts_with(b"env=")).unwrap_or_default();
                    self.logs.extend(target(&path).map(|path| (path.to_vec(), form)));
                }
            }
            b"errorlog" | b"scriptlog" | b"rewritelog" | b"secauditlog" | b"secdebuglog" => {
                let path = argument(0);
                self.others.extend(path.as_deref().and_then(target).map(<[u8]>::to_vec));
            }
            _ => {}
        }
    }

    fn include(&mut self, pattern: &[u8]) {
        let mut pattern = self.absolute(pattern);
        // A folder stands for all files in it.
        if pattern.ends_with(b"/") {
            pattern.push(b'*');
        }
        self.waiting.extend(files(self.view, &pattern, &mut self.seen));
    }

    /// A word with `${NAME}` replaced, once.
    fn substituted(&self, word: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = word;
        while let Some(at) = memchr::memmem::find(rest, b"${").filter(|_| out.len() <= VALUE_BYTES) {
            let (before, behind) = rest.split_at_checked(at).unwrap_or_default();
            out.extend_from_slice(before);
            let end = memchr::memchr(b'}', behind).unwrap_or(behind.len());
            let name = behind.get(2..end).unwrap_or_default();
            match self.variables.get(name) {
                Some(value) => out.extend_from_slice(value),
                None => out.extend_from_slice(behind.get(..end.saturating_add(1)).unwrap_or(behind)),
            }
            rest = behind.get(end.saturating_add(1)..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        // Values that are made of others grow with each step.
        out.truncate(VALUE_BYTES);
        out
    }
}

/// Bytes of a word of the settings.
const VALUE_BYTES: usize = 64 << 10;

/// The file that a log goes to: itself, or the last path among the arguments of a program that is given the lines.
fn target(path: &[u8]) -> Option<&[u8]> {
    match path.strip_prefix(b"|") {
        None => (!path.starts_with(b"syslog:")).then_some(path),
        Some(command) => command.split(u8::is_ascii_whitespace).skip(1).find(|word| word.starts_with(b"/")),
    }
}

/// The words of a line, quotes taken off and `\"` and `\\` in them resolved where they would end the quotes.
fn words(line: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while let Some(first) = rest.first() {
        let mut word = Vec::new();
        if matches!(first, b'"' | b'\'') {
            let mut inside = rest.get(1..).unwrap_or_default().iter();
            let mut taken = 1_usize;
            while let Some(byte) = inside.next() {
                taken = taken.saturating_add(1);
                if byte == first {
                    break;
                }
                match (byte, inside.as_slice().first()) {
                    (b'\\', Some(next)) if next == first || *next == b'\\' => {
                        word.push(*next);
                        inside.next();
                        taken = taken.saturating_add(1);
                    }
                    _ => word.push(*byte),
                }
            }
            rest = rest.get(taken..).unwrap_or_default();
        } else {
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            word.extend_from_slice(rest.get(..end).unwrap_or_default());
            rest = rest.get(end..).unwrap_or_default();
        }
        words.push(word);
        rest = rest.trim_ascii_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_line_are_taken_as_apache_takes_them() {
        let words = words(br#"LogFormat "%h \"%r\" \\ x\n" 'a b' c"#);
        let expected: [&[u8]; 4] = [b"LogFormat", br#"%h "%r" \ x\n"#, b"a b", b"c"];
        assert_eq!(words, expected);
    }
}
