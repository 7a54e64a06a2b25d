//! `kanshiki shell`: a prompt inside an image.

mod completion;
mod line;
mod verbs;

use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use completion::Inside;
use kanshiki_filesystem::{Follow, NodeType};
use kanshiki_model::{EvidencePath, visible};
use line::Line;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor};
use std::cell::RefCell;
use std::ffi::OsStr;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The longest line of a script, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// Lines that `history` shows.
const REMEMBERED: usize = 1000;

const AFTER_HELP: &str = "\
At the prompt, all verbs that look into images are there without IMAGE: `ls -l`, `cat passwd`, `find
--name '*.sh'`. Paths begin in the directory that `cd` chose; Tab completes names. `cd`, `pwd`,
`history`, `help` and `exit` are the shell's own. Ctrl-C stops a verb, Ctrl-D ends the shell.

What stands behind the first | that is not quoted is run by `sh` on this machine, with the output of
the verb as its input: `cat syslog | less`. Nothing else of a line is run by anything but kanshiki.

Lines may also come from a file or a pipe; lines that begin with # are skipped, and the exit code is
then that of the last line that did not end with 0.

Examples:
  kanshiki shell disk.raw
  kanshiki shell disk.raw:p2 --journal ignore
  printf 'cd /etc\\ncat passwd | wc -l\\n' | kanshiki shell disk.raw";

/// Look around in an image from a prompt, with completion, history, and pipes into local programs
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ShellArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
}

/// Runs the verb.
pub(crate) fn run(arguments: &ShellArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    for note in evidence.notes() {
        console.note(&format!("note: {}\n", harmless(&note.to_string())));
    }
    for issue in evidence.issues().chain(evidence.view.issues()) {
        console.note(&format!("issue: {}\n", harmless(&issue.to_string())));
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted))
        .map_err(|error| Failure::from_error("cannot listen to signals", &error))?;
    let mut shell = Shell {
        arguments: &arguments.evidence,
        evidence: Rc::new(RefCell::new(evidence)),
        before: EvidencePath::root(),
        lines: Vec::new(),
        interrupted,
        console: *console,
    };
    if io::stdin().is_terminal() { shell.prompt() } else { shell.script() }
}

/// What is done after a line.
enum After {
    /// The next line is read; the last one ended with this code.
    Next(u8),
    /// The shell ends.
    End,
}

struct Shell<'a> {
    arguments: &'a EvidenceArguments,
    /// Shared with the completion of names.
    evidence: Rc<RefCell<Evidence>>,
    /// The directory before the last `cd`.
    before: EvidencePath,
    lines: Vec<String>,
    interrupted: Arc<AtomicBool>,
    console: Console,
}

impl Shell<'_> {
    /// Reads lines from the terminal.
    fn prompt(&mut self) -> Result<Exit, Failure> {
        let broken = |error: ReadlineError| Failure::from_error("cannot read from the terminal", &error);
        let config = Config::builder().auto_add_history(true).completion_type(CompletionType::List).build();
        let mut editor: Editor<Inside, DefaultHistory> = Editor::with_config(config).map_err(broken)?;
        editor.set_helper(Some(Inside::new(Rc::clone(&self.evidence))));
        self.console.note("`help` tells what there is; Ctrl-D ends\n");
        loop {
            let prompt = format!("kanshiki:{}> ", self.directory());
            match editor.readline(&prompt) {
                Ok(line) => {
                    if matches!(self.line(&line), After::End) {
                        return Ok(Exit::Done);
                    }
                    self.interrupted.store(false, Ordering::Relaxed);
                }
                Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => {}
                Err(ReadlineError::Eof) => return Ok(Exit::Done),
                Err(error) => return Err(broken(error)),
            }
        }
    }

    /// Reads lines from a pipe or a file.
    fn script(&mut self) -> Result<Exit, Failure> {
        let mut exit = 0;
        let mut input = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            let read = read.map_err(|error| Failure::from_error("cannot read from standard input", &error))?;
            if read == 0 {
                return Ok(verbs::exit(exit));
            }
            let Ok(line) = String::from_utf8(line) else {
                return Err(
                    Failure::new("a line is no UTF-8").hint("write such names in their escaped form, as a\\xff")
                );
            };
            match self.line(&line) {
                After::Next(0) => {}
                After::Next(code) => exit = code,
                After::End => return Ok(verbs::exit(exit)),
            }
            if self.interrupted.load(Ordering::Relaxed) {
                return Ok(Exit::Interrupted);
            }
        }
    }

    /// Does what a line says; a failure is told, and the shell goes on.
    fn line(&mut self, text: &str) -> After {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            return After::Next(0);
        }
        if self.lines.len() < REMEMBERED {
            self.lines.push(text.to_owned());
        }
        let done = Line::parse(text).and_then(|line| self.run(&line));
        done.unwrap_or_else(|failure| After::Next(self.console.failure(&failure).code()))
    }

    fn run(&mut self, line: &Line) -> Result<After, Failure> {
        let Some((verb, rest)) = line.words.split_first() else { return Ok(After::Next(0)) };
        let own = matches!(verb.as_str(), "cd" | "pwd" | "history" | "exit" | "quit");
        if own && line.program.is_some() {
            return Err(Failure::new(format!("`{verb}` has no output for a pipe")).exit(Exit::CommandLine));
        }
        match (verb.as_str(), rest) {
            ("exit" | "quit", []) => return Ok(After::End),
            ("cd", []) => self.change("/")?,
            ("cd", [path]) => self.change(path)?,
            ("pwd", []) => self.console.result(&format!("{}\n", self.directory()))?,
            ("history", []) => {
                let lines: String = self.lines.iter().map(|line| format!("{}\n", harmless(line))).collect();
                self.console.result(&lines)?;
            }
            _ if own => return Err(Failure::new(format!("too many words behind `{verb}`")).exit(Exit::CommandLine)),
            ("help", []) if line.program.is_none() => self.console.result(&verbs::help())?,
            _ => {
                let directory = self.evidence.borrow().directory().clone();
                let words = verbs::command(verb, rest, self.arguments, &directory)?;
                return verbs::run(&words, line.program.as_deref()).map(After::Next);
            }
        }
        Ok(After::Next(0))
    }

    fn change(&mut self, path: &str) -> Result<(), Failure> {
        let located = if path == "-" {
            let before = visible(self.before.as_bytes());
            self.evidence.borrow().locate(Some(OsStr::new(&before)), Follow::All)?
        } else {
            self.evidence.borrow().locate(Some(OsStr::new(path)), Follow::All)?
        };
        if located.node.node_type != NodeType::Directory {
            return Err(Failure::new(format!("`{}` is no directory", located.path)));
        }
        self.before = self.evidence.borrow_mut().change_directory(located.path);
        Ok(())
    }

    /// The directory in which paths begin, made visible.
    fn directory(&self) -> String {
        self.evidence.borrow().directory().to_string()
    }
}
