//! `kanshiki check`: everything that is damaged, and what another reader makes of it.

#[cfg(feature = "second-reader")]
mod second;

use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use std::ops::ControlFlow;

const AFTER_HELP: &str = "\
Looks at every structure of the filesystem: checksums, maps, directories, counts. Each piece of
damage is one line with the structure, the inode and the byte of the volume. Nothing is repaired.

With --second-reader the whole tree is also read by ext4-view, a reader that shares no code
with this program: names, types, permissions, owners, sizes, times, targets of links, and every
byte of every file. It knows fewer features, and always replays the journal.

Exit codes: 0 nothing is damaged; 1 the readers differ; 3 something is damaged, unreadable or
was not compared; 4 no answer.

Examples:
  kanshiki check disk.raw
  kanshiki check disk.raw:p2 --jsonl
  kanshiki check disk.raw --second-reader";

/// List all damage of the filesystems, repairing nothing
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Read everything with an independent reader too, and tell every difference
    #[cfg(feature = "second-reader")]
    #[arg(long)]
    second_reader: bool,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

/// Runs the verb.
pub(crate) fn run(arguments: &CheckArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    // What is found is the result, not a remark about it.
    output.issues_are_rows();
    evidence.tell(&mut output)?;
    show(arguments, &evidence, &mut output)?;
    output.finish()
}

pub(super) fn show(arguments: &CheckArguments, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    for (index, volume) in evidence.view.volumes().iter().enumerate() {
        let mut told = Ok(());
        volume.filesystem.check(&mut |error| {
            told = output.issue(&evidence.issue(index, None, &error));
            if told.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        told?;
    }
    #[cfg(not(feature = "second-reader"))]
    let _ = arguments;
    #[cfg(feature = "second-reader")]
    if arguments.second_reader {
        second::compare_all(evidence, output)?;
    }
    if output.issues() == 0 && !output.is_json() {
        output.line("nothing is damaged")?;
    }
    Ok(())
}
