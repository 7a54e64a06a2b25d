//! Which programs a command line or a script of a shell runs.
//!
//! Not a shell: it reads what stands there, follows variables that are set to a plain text, `cd`, what is handed to `sh -c`,
//! `eval` and `alias`, and the programs that run other programs. What it does not understand, it passes over. Nothing that
//! is only named, such as the file behind `rm`, is a program that is run.
//!
//! Source: POSIX.1-2024, "Shell Command Language", sections 2.2 (quoting), 2.3 (tokens), 2.9 (commands).

#[cfg(test)]
mod tests;

use std::collections::HashMap;

/// Commands within commands that are followed.
const DEPTH: usize = 8;
/// A word is not longer than a path may be (`PATH_MAX`), however often a variable holds others.
const WORD: usize = 4096;
/// Variables that are followed, words of one command, and programs that are told.
const MANY: usize = 1000;
/// Bytes that are read of commands within commands: texts can hold themselves.
const BYTES: usize = 4 << 20;

/// The programs that are run, as paths from the root where they are told so, in order.
pub(super) fn programs(text: &[u8]) -> Vec<Vec<u8>> {
    let mut run = Run { bytes: BYTES, ..Run::default() };
    // What is no text holds no commands.
    if !text.contains(&0) {
        run.text(text, 0);
    }
    run.programs
}

/// Words in front of a command.
const KEYWORDS: &[&[u8]] = &[b"if", b"then", b"elif", b"else", b"while", b"until", b"do", b"!", b"{", b"}", b"time"];

/// A program that runs what stands behind it.
struct Runner {
    name: &'static str,
    /// Options behind which a value stands.
    with_value: &'static [&'static str],
    /// Words in front of the command that are no options.
    before: usize,
}

const fn runner(name: &'static str, with_value: &'static [&'static str], before: usize) -> Runner {
    Runner { name, with_value, before }
}

const RUNNERS: &[Runner] = &[
    runner("exec", &["-a"], 0),
    runner("nohup", &[], 0),
    runner("command", &[], 0),
    runner("builtin", &[], 0),
    runner("busybox", &[], 0),
    runner("setsid", &[], 0),
    runner("env", &["-u", "-C"], 0),
    runner("nice", &["-n"], 0),
    runner("ionice", &["-c", "-n"], 0),
    runner("stdbuf", &["-i", "-o", "-e"], 0),
    runner("timeout", &["-s", "-k"], 1),
    runner("taskset", &[], 1),
    runner("flock", &["-w", "-E"], 1),
    runner("chroot", &[], 1),
    runner("sudo", &["-u", "-g", "-C", "-h", "-p", "-D", "-T"], 0),
    runner("doas", &["-u", "-C"], 0),
    runner("runuser", &["-u", "-g", "-G", "-s"], 0),
    runner("setpriv", &[], 0),
    runner("chpst", &["-u", "-U", "-b", "-e"], 0),
    runner("unshare", &[], 0),
    runner("systemd-run", &["-u", "-p", "-E", "-M"], 0),
    runner("daemon", &[], 0),
    runner("tcpd", &[], 0),
    runner("xargs", &["-n", "-P", "-I", "-L", "-d", "-s"], 0),
];

const SHELLS: &[&[u8]] = &[b"sh", b"bash", b"dash", b"ash", b"zsh", b"ksh", b"mksh", b"fish", b"su"];
const INTERPRETERS: &[&str] = &["python", "perl", "php", "ruby", "node", "lua", "java", "insmod", "source"];
/// Variables that make programs load what they name, in a list: ld.so(8).
const LOADING: &[&[u8]] = &[b"LD_PRELOAD", b"LD_AUDIT", b"LD_LIBRARY_PATH"];
/// Variables that make shells run what they hold or name: bash(1).
const RUNNING: &[&[u8]] = &[b"BASH_ENV", b"ENV", b"PROMPT_COMMAND"];

/// What is known while a text is gone through.
#[derive(Default)]
struct Run {
    variables: HashMap<Vec<u8>, Vec<u8>>,
    /// The folder that `cd` led to; empty if it is not known.
    folder: Vec<u8>,
    programs: Vec<Vec<u8>>,
    /// How many bytes may still be read within others.
    bytes: usize,
}

/// The words of one command, and the one that is being read.
#[derive(Default)]
struct Words {
    done: Vec<Vec<u8>>,
    word: Option<Vec<u8>>,
    /// The next word is the name of a file.
    is_redirected: bool,
}

impl Words {
    fn push(&mut self, bytes: &[u8]) {
        let word = self.word.get_or_insert_default();
        word.extend(bytes.iter().take(WORD.saturating_sub(word.len())));
    }

    /// Whether a word has just begun a value, as `NAME=` does.
    fn is_value(&self) -> bool {
        self.word.as_ref().is_some_and(|word| word.ends_with(b"="))
    }

    /// Whether what follows are the patterns of a `case`.
    fn is_case(&self) -> bool {
        self.done.first().is_some_and(|first| first == b"case") && self.done.last().is_some_and(|last| last == b"in")
    }

    fn end(&mut self) {
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.is_redirected)
            && self.done.len() < MANY
        {
            self.done.push(word);
        }
    }

    fn redirect(&mut self) {
        // `2>` is no word.
        if self.word.as_ref().is_some_and(|word| word.iter().all(u8::is_ascii_digit)) {
            self.word = None;
        }
        self.end();
        self.is_redirected = true;
    }
}

impl Run {
    fn text(&mut self, text: &[u8], depth: usize) {
        let mut rest = text;
        while !rest.is_empty() {
            rest = self.list(rest, depth);
        }
    }

    /// Reads commands up to a bracket that was not opened, or the end; what is behind it.
    fn list<'t>(&mut self, mut text: &'t [u8], depth: usize) -> &'t [u8] {
        let mut words = Words::default();
        while let Some((first, rest)) = text.split_first() {
            text = rest;
            match first {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' => {
                    text = self.between(*first, text, &mut words, depth)
                }
                b'#' if words.word.is_none() => text = from(text, b'\n'),
                b'<' | b'>' => {
                    words.redirect();
                    let end = text.iter().position(|byte| !b"<>&-|".contains(byte)).unwrap_or(text.len());
                    text = text.get(end..).unwrap_or_default();
                }
                // A list of values is none of commands.
                b'(' if words.is_value() => (_, text) = split(text, b')'),
                b'(' => {
                    if !std::mem::take(&mut words.is_redirected) {
                        self.end(&mut words, depth);
                    }
                    text = self.inside(text, depth);
                }
                b')' => break,
                b'`' => {
                    let (inside, behind) = split(text, b'`');
                    self.deeper(inside, depth);
                    words.push(b"");
                    text = behind;
                }
                b'\'' => {
                    let (inside, behind) = split(text, b'\'');
                    words.push(inside);
                    text = behind;
                }
                b'"' => text = self.quoted(text, &mut words, depth),
                b'$' => text = self.dollar(text, &mut words, depth),
                b'\\' => text = escaped(text, &mut words),
                other => words.push(&[*other]),
            }
        }
        self.end(&mut words, depth);
        text
    }

    /// The end of a word or a command; what is behind it, and behind the pattern of a `case`.
    fn between<'t>(&mut self, sign: u8, text: &'t [u8], words: &mut Words, depth: usize) -> &'t [u8] {
        words.end();
        if words.is_case() {
            words.done.clear();
            return behind_pattern(text);
        }
        if !matches!(sign, b' ' | b'\t' | b'\r') {
            self.end(words, depth);
        }
        match text.strip_prefix(b";") {
            Some(rest) if sign == b';' => behind_pattern(rest),
            _ => text,
        }
    }

    /// Commands within brackets; what is behind them.
    fn inside<'t>(&mut self, text: &'t [u8], depth: usize) -> &'t [u8] {
        if depth >= DEPTH { from(text, b'\n') } else { self.list(text, depth.saturating_add(1)) }
    }

    fn deeper(&mut self, text: &[u8], depth: usize) {
        if let Some(left) = self.bytes.checked_sub(text.len())
            && depth < DEPTH
        {
            self.bytes = left;
            self.text(text, depth.saturating_add(1));
        }
    }

    /// What stands between double quotes; what is behind them.
    fn quoted<'t>(&mut self, mut text: &'t [u8], words: &mut Words, depth: usize) -> &'t [u8] {
        words.push(b"");
        while let Some((first, rest)) = text.split_first() {
            text = rest;
            match first {
                b'"' => break,
                b'\\' => text = escaped(text, words),
                b'$' => text = self.dollar(text, words, depth),
                b'`' => {
                    let (inside, behind) = split(text, b'`');
                    self.deeper(inside, depth);
                    text = behind;
                }
                other => words.push(&[*other]),
            }
        }
        text
    }

    /// What a `$` stands for; what is behind it.
    fn dollar<'t>(&mut self, text: &'t [u8], words: &mut Words, depth: usize) -> &'t [u8] {
        if let Some(rest) = text.strip_prefix(b"(") {
            words.push(b"");
            return self.inside(rest, depth);
        }
        let (name, behind) = match text.strip_prefix(b"{") {
            Some(rest) => split(rest, b'}'),
            None => {
                let end = text.iter().position(|byte| !is_of_name(*byte)).unwrap_or(text.len());
                text.split_at_checked(end).unwrap_or((text, b""))
            }
        };
        let (name, other) = match name.iter().position(|byte| !is_of_name(*byte)) {
            Some(at) => name.split_at_checked(at).unwrap_or((name, b"")),
            None => (name, b"".as_slice()),
        };
        match (self.variables.get(name), other.strip_prefix(b":-").or_else(|| other.strip_prefix(b"-"))) {
            (Some(value), _) => words.push(value),
            (None, Some(value)) => words.push(value),
            // A word that begins with what is not known is no path.
            (None, None) => words.push(b"$"),
        }
        behind
    }

    /// The end of a command.
    fn end(&mut self, words: &mut Words, depth: usize) {
        words.end();
        let done = std::mem::take(words).done;
        self.command(&done, depth);
    }

    /// Takes a command apart.
    fn command(&mut self, words: &[Vec<u8>], depth: usize) {
        let mut words = words;
        while let Some((first, rest)) = words.split_first() {
            if let Some((name, value)) = assignment(first) {
                self.set(name, value, depth);
            } else if !KEYWORDS.contains(&first.as_slice()) {
                break;
            }
            words = rest;
        }
        let Some((first, rest)) = words.split_first() else { return };
        let name = first.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        self.program(first);
        if SHELLS.contains(&name) {
            self.shell(rest, depth);
        } else if name == b"." || INTERPRETERS.iter().any(|it| is_version_of(name, it)) {
            if let Some(script) = rest.iter().find(|word| !word.starts_with(b"-")) {
                self.program(script);
            }
        } else if let Some(runner) = RUNNERS.iter().find(|it| it.name.as_bytes() == name) {
            self.behind(runner, rest, depth);
        } else {
            self.builtin(name, rest, depth);
        }
    }

    /// `NAME=VALUE` in front of a command or behind `export`.
    fn set(&mut self, name: &[u8], value: &[u8], depth: usize) {
        if LOADING.contains(&name) {
            value.split(|byte| b": ".contains(byte)).for_each(|library| self.program(library));
        }
        if RUNNING.contains(&name) {
            self.deeper(value, depth);
        }
        if self.variables.len() < MANY {
            self.variables.insert(name.to_vec(), value.to_vec());
        }
    }

    /// `sh -c TEXT`, `sh FILE`, `su USER -c TEXT`.
    fn shell(&mut self, words: &[Vec<u8>], depth: usize) {
        let is_command = |word: &Vec<u8>| word.starts_with(b"-") && !word.starts_with(b"--") && word.ends_with(b"c");
        match words.iter().position(is_command) {
            Some(at) => {
                if let Some(text) = words.get(at.saturating_add(1)) {
                    self.deeper(text, depth);
                }
            }
            None => {
                if let Some(script) = words.iter().find(|word| !word.starts_with(b"-") && !word.starts_with(b"+")) {
                    self.program(script);
                }
            }
        }
    }

    /// The command behind a program that runs it.
    fn behind(&mut self, runner: &Runner, mut words: &[Vec<u8>], depth: usize) {
        let mut before = runner.before;
        while let Some((first, rest)) = words.split_first() {
            let has_value = runner.with_value.iter().any(|it| it.as_bytes() == first);
            if first.starts_with(b"-") {
                words = if has_value { rest.get(1..).unwrap_or_default() } else { rest };
            } else if assignment(first).is_none() && before > 0 {
                (before, words) = (before.saturating_sub(1), rest);
            } else {
                break;
            }
        }
        if depth < DEPTH {
            self.command(words, depth.saturating_add(1));
        }
    }

    /// What is part of the shell, or names in an option what it runs.
    fn builtin(&mut self, name: &[u8], words: &[Vec<u8>], depth: usize) {
        match name {
            b"cd" | b"pushd" => {
                let folder = words.iter().find(|word| !word.starts_with(b"-"));
                self.folder = folder.map_or_else(Vec::new, |folder| self.path(folder));
            }
            b"eval" => self.deeper(&words.join(&b' '), depth),
            b"trap" => words.first().into_iter().for_each(|text| self.deeper(text, depth)),
            b"export" | b"declare" | b"readonly" | b"local" => {
                for (name, value) in words.iter().filter_map(|word| assignment(word)) {
                    self.set(name, value, depth);
                }
            }
            b"alias" => {
                let values = words.iter().filter_map(|word| word.splitn(2, |byte| *byte == b'=').nth(1));
                values.for_each(|value| self.deeper(value, depth));
            }
            b"start-stop-daemon" => {
                let options: [&[u8]; 4] = [b"-x", b"--exec", b"-a", b"--startas"];
                let is_option = |word: &Vec<u8>| options.contains(&word.as_slice());
                let behind = words.windows(2).filter(|pair| pair.first().is_some_and(is_option));
                behind.filter_map(|pair| pair.last()).for_each(|value| self.program(value));
                let values = words.iter().filter_map(|word| word.strip_prefix(b"--exec="));
                values.for_each(|value| self.program(value));
            }
            b"find" => {
                let options: [&[u8]; 4] = [b"-exec", b"-execdir", b"-ok", b"-okdir"];
                if let Some(at) = words.iter().position(|word| options.contains(&word.as_slice())) {
                    self.command_behind(words, at, depth);
                }
            }
            _ => {}
        }
    }

    fn command_behind(&mut self, words: &[Vec<u8>], at: usize, depth: usize) {
        if depth < DEPTH {
            self.command(words.get(at.saturating_add(1)..).unwrap_or_default(), depth.saturating_add(1));
        }
    }

    /// Tells a program, if it is known where it lies.
    fn program(&mut self, word: &[u8]) {
        // systemd.service(5), "command lines": signs in front of the path change how it is run.
        let at = word.iter().position(|byte| !b"@-:+!|".contains(byte)).unwrap_or_default();
        let word = word.get(at..).unwrap_or_default();
        if !word.contains(&b'/') || self.programs.len() >= MANY {
            return;
        }
        let path = self.path(word);
        if path.len() > 1 && !self.programs.contains(&path) {
            self.programs.push(path);
        }
    }

    /// A path from the root, without `.` and `..`; empty if it is not known from where.
    fn path(&self, word: &[u8]) -> Vec<u8> {
        let from_root = word.starts_with(b"/");
        if !from_root && (self.folder.is_empty() || word.starts_with(b"$") || word.starts_with(b"~")) {
            return Vec::new();
        }
        let mut parts: Vec<&[u8]> = Vec::new();
        let folder = if from_root { b"".as_slice() } else { self.folder.as_slice() };
        for part in folder.split(|byte| *byte == b'/').chain(word.split(|byte| *byte == b'/')) {
            match part {
                b"" | b"." => {}
                b".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        [b"/".as_slice(), &parts.join(&b'/')].concat()
    }
}

/// What stands from a byte on; nothing if it is not there.
fn from(text: &[u8], byte: u8) -> &[u8] {
    memchr::memchr(byte, text).and_then(|at| text.get(at..)).unwrap_or_default()
}

/// What stands before a byte, and behind it.
fn split(text: &[u8], byte: u8) -> (&[u8], &[u8]) {
    let end = memchr::memchr(byte, text).unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), text.get(end.saturating_add(1)..).unwrap_or_default())
}

/// The byte behind a backslash; what is behind it.
fn escaped<'t>(text: &'t [u8], words: &mut Words) -> &'t [u8] {
    match text.split_first() {
        Some((b'\n', rest)) => rest,
        Some((byte, rest)) => {
            words.push(&[*byte]);
            rest
        }
        None => text,
    }
}

/// What stands behind the pattern of a `case`, if there is another one.
fn behind_pattern(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_start();
    if text.starts_with(b"esac") { text } else { split(text, b')').1 }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// `python3.11` is python.
fn is_version_of(name: &[u8], interpreter: &str) -> bool {
    name.strip_prefix(interpreter.as_bytes())
        .is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

/// `NAME=VALUE`.
fn assignment(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'=', word)?;
    let (name, rest) = word.split_at_checked(at)?;
    let is_name = !name.is_empty() && name.iter().all(|byte| is_of_name(*byte)) && !name.starts_with(b"0");
    is_name.then(|| (name, rest.get(1..).unwrap_or_default()))
}
