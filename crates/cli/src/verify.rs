//! `kanshiki verify`: from the copy back to the proof.

mod summary;

use crate::arguments::OutputArguments;
use crate::clock::SystemClock;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Reporter;
use kanshiki_acquire::verify::{Verdict, VerifyError, VerifyOptions};
use kanshiki_model::{Algorithm, ByteRange, Digest, DigestParseError, parse_size};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Everything is worked out anew and compared with the record: the digests, every MiB, the files of the
exhibit, the custody log. The verification is entered in the custody log of the case; of a case on a
read-only medium it is only said that it is not.

Exit codes: 0 what was asked for was compared and is intact: everything, or with --quick and --range
what these compare, and the rest is listed; 1 something differs; 3 what was compared is intact, but
something that was asked for could not be compared, or the verification cannot be entered in the
custody log; 4 no answer; 130 interrupted.

Examples:
  kanshiki verify cases/2026-014
  kanshiki verify cases/2026-014/exhibits/laptop-disk --quick
  kanshiki verify cases/2026-014/exhibits/laptop-disk --range 1G-2G
  kanshiki verify disk.raw --sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Compare a case, an exhibit or an image with its record
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct VerifyArguments {
    /// Case folder, exhibit's folder, or image; an image needs its manifest beside it, or --sha256
    #[arg(value_name = "TARGET")]
    target: PathBuf,
    /// Compare MiB by MiB on all cores, without the digests of the whole
    #[arg(long, conflicts_with = "sha256")]
    quick: bool,
    /// Compare only the image's bytes from A up to, not including, B; units as in 1G-1536MiB
    #[arg(long, value_name = "A-B", value_parser = range, conflicts_with = "sha256")]
    range: Option<ByteRange>,
    /// SHA-256 that the image should have, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    sha256: Option<Digest>,
    /// Leave the custody log as it is
    #[arg(long)]
    read_only: bool,
    /// Who verifies, for the custody log
    #[arg(long, value_name = "NAME")]
    examiner: Option<String>,
    /// How the work is told.
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Runs the verb.
pub(crate) fn run(arguments: VerifyArguments, console: &Console) -> Result<Exit, Failure> {
    let options = VerifyOptions {
        target: arguments.target,
        quick: arguments.quick,
        range: arguments.range,
        sha256: arguments.sha256,
        record: !arguments.read_only,
        who: arguments.examiner,
    };
    let reporter = Reporter::start(&arguments.output, console)?;
    let result = kanshiki_acquire::verify::verify(&options, &SystemClock, &reporter);
    drop(reporter);
    let report = result.map_err(|error| failure(&error))?;
    let exit = match report.verdict {
        Verdict::Intact if report.not_recorded.is_some() && !report.read_only_medium => Exit::Part,
        Verdict::Intact => Exit::Done,
        Verdict::Differs => Exit::No,
        Verdict::Partial => Exit::Part,
        Verdict::Impossible => Exit::NotDone,
    };
    summary::tell(&report, exit, &arguments.output, console)?;
    Ok(exit)
}

fn failure(error: &VerifyError) -> Failure {
    match error {
        VerifyError::Target { target, reason } => {
            Failure::new(format!("cannot verify `{target}`")).because(reason.as_str())
        }
        VerifyError::Interrupted => Failure::of(error).exit(Exit::Interrupted),
        _ => Failure::of(error),
    }
}

fn sha256(text: &str) -> Result<Digest, DigestParseError> {
    Digest::parse(Algorithm::Sha256, text)
}

fn range(text: &str) -> Result<ByteRange, String> {
    let (from, to) = text.split_once('-').ok_or("expected two sizes with a hyphen between them, such as 1G-2G")?;
    let from = parse_size(from).map_err(|error| error.to_string())?;
    let to = parse_size(to).map_err(|error| error.to_string())?;
    if to <= from {
        return Err(format!("the end, {to}, must lie above the start, {from}"));
    }
    Ok(ByteRange::new(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_take_units_on_both_sides() {
        assert_eq!(range("1M-2MiB"), Ok(ByteRange::new(1 << 20, 2 << 20)));
        assert_eq!(range("0-512"), Ok(ByteRange::new(0, 512)));
    }

    #[test]
    fn an_empty_range_is_refused_with_both_ends() {
        assert_eq!(range("2M-1M"), Err("the end, 1048576, must lie above the start, 2097152".to_owned()));
    }
}
