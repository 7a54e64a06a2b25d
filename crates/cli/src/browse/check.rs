//! `kanshiki check`: everything that is damaged, and what another reader makes of it.

use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use std::ops::ControlFlow;

const AFTER_HELP: &str = "\
Looks at every structure of the filesystem: checksums, maps, directories, counts. Each piece of
damage is one line with the structure, the inode and the byte of the volume. Nothing is repaired.

Exit codes: 0 nothing is damaged; 3 something is damaged or unreadable; 4 no answer.

Examples:
  kanshiki check disk.raw
  kanshiki check disk.raw:p2 --jsonl";

/// List all damage of the filesystems, repairing nothing
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

/// Runs the verb.
pub(crate) fn run(arguments: &CheckArguments, _console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows)?;
    // What is found is the result, not a remark about it.
    output.issues_are_rows();
    evidence.tell(&mut output)?;
    show(&evidence, &mut output)?;
    output.finish()
}

pub(super) fn show(evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    for (index, volume) in evidence.view.volumes().iter().enumerate() {
        let mut told = Ok(());
        volume.filesystem.check(&mut |error| {
            told = output.issue(&evidence.issue(index, None, &error));
            if told.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        told?;
    }
    if output.issues() == 0 && !output.is_json() {
        output.line("nothing is damaged")?;
    }
    Ok(())
}
