//! The verbs of the program, run from the shell with its image and directory.
//!
//! Each runs as a process of its own, made from the same program: Ctrl-C ends it and not the shell, and its output goes
//! into a pipe like that of any other.

use crate::arguments::Arguments;
use crate::evidence::{EvidenceArguments, JournalChoice};
use crate::exit::Exit;
use crate::failure::Failure;
use clap::{Command, CommandFactory as _};
use kanshiki_model::EvidencePath;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};

/// What the shell does itself, with what it is.
const OWN: [(&str, &str); 5] = [
    ("cd", "Choose the directory in which paths begin; `cd -` goes back to the one before"),
    ("pwd", "Show that directory"),
    ("history", "Show the lines of this session"),
    ("help", "Show this, or with a verb what it can do"),
    ("exit", "End the shell, as Ctrl-D does"),
];

/// Whether a verb looks into an image.
fn looks_into_images(verb: &Command) -> bool {
    verb.get_name() != "shell" && verb.get_arguments().any(|argument| argument.get_id() == "image")
}

/// All that a line may begin with, sorted.
pub(super) fn names() -> Vec<String> {
    let command = Arguments::command();
    let verbs = command.get_subcommands().filter(|verb| looks_into_images(verb)).map(|verb| verb.get_name().to_owned());
    let mut names: Vec<String> = verbs.chain(OWN.iter().map(|(name, _)| (*name).to_owned())).collect();
    names.sort_unstable();
    names
}

/// What there is.
pub(super) fn help() -> String {
    let mut text = String::new();
    for verb in Arguments::command().get_subcommands().filter(|verb| looks_into_images(verb)) {
        let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("  {:<10} {about}\n", verb.get_name()));
    }
    text.push('\n');
    OWN.iter().for_each(|(name, about)| text.push_str(&format!("  {name:<10} {about}\n")));
    text.push_str("\nVERB … | PROGRAM … runs PROGRAM on this machine, with what VERB says as its input\n");
    text
}

/// The words of the command line that does in a process of its own what a line of the shell says.
pub(super) fn command(
    verb: &str,
    rest: &[String],
    evidence: &EvidenceArguments,
    directory: &EvidencePath,
) -> Result<Vec<OsString>, Failure> {
    let own = |words: &[String]| words.iter().map(OsString::from).collect::<Vec<_>>();
    if verb == "help" {
        return Ok([vec!["help".into()], own(rest)].concat());
    }
    let command = Arguments::command();
    let Some(known) = command.find_subcommand(verb).filter(|verb| looks_into_images(verb)) else {
        return Err(Failure::new(format!("there is no verb `{verb}` here"))
            .exit(Exit::CommandLine)
            .hint("`help` lists them; `VERB … | PROGRAM …` runs a program of this machine"));
    };
    let takes = |id: &str| known.get_arguments().any(|argument| argument.get_id() == id);
    let mut words = vec![OsString::from(known.get_name())];
    if takes("begin_in") {
        words.push(joined("--begin-in=", OsStr::from_bytes(directory.as_bytes())));
    }
    if let Some(root) = evidence.root.as_ref().filter(|_| takes("root")) {
        words.push(joined("--root=", OsStr::new(root)));
    }
    if takes("journal") && evidence.journal == JournalChoice::Ignore {
        words.push("--journal=ignore".into());
    }
    if takes("with") {
        words.extend(evidence.with.iter().map(|image| joined("--with=", image.as_os_str())));
    }
    // The image stands where the verb wants it: behind the expression of `grep`, and first in most.
    let first = words.len();
    words.extend(own(rest));
    let place = (first..=words.len()).find(|place| is_image_at(&command, &words, *place, &evidence.image));
    words.insert(place.unwrap_or(first), evidence.image.clone());
    Ok(words)
}

/// Whether a word put there is taken for the image.
fn is_image_at(command: &Command, words: &[OsString], place: usize, image: &OsString) -> bool {
    let mut words = words.to_vec();
    words.insert(place, image.clone());
    let parsed = command.clone().try_get_matches_from([vec!["kanshiki".into()], words].concat());
    let Ok(parsed) = parsed else { return false };
    parsed.subcommand().is_some_and(|(_, verb)| {
        let here = verb.indices_of("image").is_some();
        here && verb.get_one::<OsString>("image") == Some(image)
    })
}

fn joined(option: &str, value: &OsStr) -> OsString {
    OsString::from_vec([option.as_bytes(), value.as_bytes()].concat())
}

/// Runs a command line of the program, with its output into a program of this machine if one is named; returns how it
/// ended.
pub(super) fn run(words: &[OsString], program: Option<&str>) -> Result<u8, Failure> {
    let failed = |error: std::io::Error| Failure::from_error("cannot run", &error);
    let own = std::env::current_exe().map_err(failed)?;
    let mut verb = std::process::Command::new(own);
    verb.args(words).stdin(Stdio::null());
    let Some(program) = program else { return verb.status().map(code).map_err(failed) };
    let mut verb = verb.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(program).stdin(verb.stdout.take().map_or_else(Stdio::null, Stdio::from));
    let ended = shell.status().map_err(failed);
    // The shell's end of the pipe is closed by now, so the verb ends too.
    drop(shell);
    let first = code(verb.wait().map_err(failed)?);
    let second = code(ended?);
    Ok(if first == 0 { second } else { first })
}

/// The exit code; 128 and the signal's number if a signal ended the process.
fn code(status: ExitStatus) -> u8 {
    let signal = || status.signal().and_then(|signal| u8::try_from(signal).ok()).map_or(255, |signal| 128 | signal);
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or_else(signal)
}

/// How the shell ends after a line that ended with this code.
pub(super) fn exit(code: u8) -> Exit {
    let all = [Exit::Done, Exit::No, Exit::CommandLine, Exit::Part, Exit::Interrupted];
    all.into_iter().find(|exit| exit.code() == code).unwrap_or(Exit::NotDone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::EvidenceArguments;

    fn words(line: &[&str]) -> Vec<String> {
        let evidence =
            EvidenceArguments { image: "disk.raw".into(), with: vec!["b.raw".into()], ..EvidenceArguments::default() };
        let rest: Vec<String> = line[1..].iter().map(|word| (*word).to_owned()).collect();
        let directory = EvidencePath::from_bytes(b"/etc".as_slice());
        let words = command(line[0], &rest, &evidence, &directory).unwrap();
        words.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn the_image_is_put_where_the_verb_wants_it() {
        assert_eq!(words(&["ls", "-l", "ssh"]), ["ls", "--begin-in=/etc", "--with=b.raw", "disk.raw", "-l", "ssh"]);
        assert_eq!(
            words(&["extract", "--to", "out", "ssh"]),
            ["extract", "--begin-in=/etc", "--with=b.raw", "disk.raw", "--to", "out", "ssh"]
        );
        assert_eq!(words(&["info"]), ["info", "--with=b.raw", "disk.raw"]);
        assert_eq!(words(&["help", "ls"]), ["help", "ls"]);
        let names = names();
        if names.contains(&"grep".to_owned()) {
            assert_eq!(
                words(&["grep", "-i", "root", "passwd"]),
                ["grep", "--begin-in=/etc", "--with=b.raw", "-i", "root", "disk.raw", "passwd"]
            );
        }
    }

    #[test]
    fn the_root_that_the_shell_has_is_that_of_its_verbs() {
        let evidence =
            EvidenceArguments { image: "disk.raw".into(), root: Some("p2".into()), ..EvidenceArguments::default() };
        for verb in ["ls", "info"] {
            let words = command(verb, &[], &evidence, &EvidencePath::root()).unwrap();
            assert!(words.contains(&OsString::from("--root=p2")), "{words:?}");
        }
    }

    #[test]
    fn verbs_that_do_not_look_into_images_are_not_there() {
        let names = names();
        for verb in ["acquire", "verify", "custody", "shell"] {
            assert!(!names.contains(&verb.to_owned()), "{verb}");
        }
        for verb in ["ls", "cat", "cd", "extract", "info", "exit"] {
            assert!(names.contains(&verb.to_owned()), "{verb}");
        }
    }
}
