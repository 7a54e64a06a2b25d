//! `kanshiki demo`: the whole story on a small disk that the program carries with it.

mod folder;
mod steps;

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals;
use folder::Folder;
use kanshiki_model::visible_path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;
use steps::{Action, STEPS, Step};

const AFTER_HELP: &str = "\
Needs about 300 MiB of room, no disk and no rights. Every step is a command that can be typed as it
is shown.

Examples:
  kanshiki demo
  kanshiki demo --dir /tmp/demo";

/// Show the whole story on the small disk of a compromised server
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DemoArguments {
    /// Folder to work in, which must not exist yet; it stays [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Let the temporary folder stay
    #[arg(long)]
    keep: bool,
}

/// Runs the verb.
pub(crate) fn run(arguments: &DemoArguments, console: &Console) -> Result<Exit, Failure> {
    // Ctrl-C reaches the command that a step runs; this process lives on to clear its folder away.
    let stop = signals::stop_flag()?;
    let program = std::env::current_exe().map_err(|error| Failure::from_error("cannot find the program", &error))?;
    let folder = Folder::create(arguments.dir.as_deref(), arguments.keep)?;
    let paint = console.out();
    console.result(&format!(
        "{}\n\n\
         A booking server stands still; its plug was pulled. Its disk, {} here, is a GPT disk of 64 MiB\n\
         that the program carries with it. All of it is made up.\n\n\
         folder: {}\n\
         `kanshiki` below is {}\n",
        paint.strong("kanshiki demo: from a disk to a proved copy"),
        folder::DISK,
        visible_path(folder.path()),
        visible_path(&program),
    ))?;
    folder.unpack_disk()?;
    for (number, step) in (1..).zip(STEPS) {
        console.result(&format!("\n{}\n{}\n\n", paint.strong(&format!("{number}. {}", step.title)), step.story))?;
        let runner = Runner { program: &program, folder: &folder, console };
        let end = runner.step(step)?;
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::new("interrupted").exit(Exit::Interrupted));
        }
        if let Some(found) = end.filter(|found| *found != step.expected) {
            return Err(Failure::new(format!("step {number} of the demonstration failed"))
                .because(format!("exit code {found} where {} was expected", step.expected)));
        }
    }
    let stays = if folder.stays() {
        format!("Everything lies in {}.", visible_path(folder.path()))
    } else {
        "The folder is cleared away now; `kanshiki demo --dir DIR` keeps it.".to_owned()
    };
    console.result(&format!("\n{} {stays}\n", paint.good("Done: every step ended as it should.")))?;
    Ok(Exit::Done)
}

struct Runner<'a> {
    program: &'a std::path::Path,
    folder: &'a Folder,
    console: &'a Console,
}

impl Runner<'_> {
    /// Tells the command line and runs it; `None` if its program is not on this machine.
    fn step(&self, step: &Step) -> Result<Option<u8>, Failure> {
        match step.action {
            Action::Kanshiki(arguments) => {
                self.tell(&format!("kanshiki {}", steps::shell_words(arguments)))?;
                self.execute(Command::new(self.program).args(arguments).current_dir(self.folder.path()))
            }
            Action::Tool { folder, program, arguments } => {
                let command = format!("{program} {}", steps::shell_words(arguments));
                self.tell(&if folder == "." { command } else { format!("(cd {folder} && {command})") })?;
                self.execute(Command::new(program).args(arguments).current_dir(self.folder.path().join(folder)))
            }
            Action::Damage { copy, file, offset } => {
                self.tell(&format!("cp -r {} {copy}    # and one bit of byte {offset} is turned", steps::CASE))?;
                self.folder.damaged_copy(steps::CASE, copy, file, offset)?;
                Ok(Some(0))
            }
        }
    }

    fn tell(&self, command: &str) -> Result<(), Failure> {
        self.console.result(&format!("{}\n", self.console.out().strong(&format!("$ {command}"))))
    }

    fn execute(&self, command: &mut Command) -> Result<Option<u8>, Failure> {
        if !self.console.out().is_used() {
            command.env("NO_COLOR", "1");
        }
        match command.status() {
            // A command that a signal has ended has no exit code; 255 is nowhere expected.
            Ok(status) => Ok(Some(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.console.result("(this program is not on this machine; the step is left out)\n")?;
                Ok(None)
            }
            Err(error) => Err(Failure::from_error("cannot run the command", &error)),
        }
    }
}
