//! `kanshiki packages`: the packages of an image, and its files held against them.

mod rows;

use super::node;
use super::search::Writer;
use crate::arguments::OutputArguments;
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use crate::progress::Reporter;
use kanshiki_filesystem::Follow;
use kanshiki_model::{Note, Progress, visible, visible_path};
use kanshiki_packages::{
    Checked, FileFlags, Packages, SurveyEvent, VerifyEvent, doubts, is_told, line, survey, verify,
};
use rows::{ContradictionLine, DifferenceLine, DoubtLine, OwnerLine, PackageLine, PrivilegedLine, UnownedLine};
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
The databases of dpkg and rpm are read as they lie in the image. Without an option the packages are
listed: name, version, architecture, and when this version was installed; of dpkg that is when it
wrote the list of the package's files.
--verify writes the lines of `dpkg --verify` and `rpm -Va`, directory by directory: S size, M mode,
5 content, D device, L link, U owner, G group, T time, P capabilities; `.` is alike, `?` cannot be
told. Of dpkg's files the content is compared, and mode and owner where dpkg-statoverride gave them;
files that were diverted are compared too. Files that dpkg was told to leave out (path-exclude) do
not count as missing.
A database that lies on the disk can be rewritten by whoever wrote to the disk. --database tells of
traces of that: lists and scripts of dpkg written after the list of the same package, or when dpkg
did not run, and headers of rpm that their own digest contradicts. --packages takes
digests, modes and owners from the package files themselves, where the folder has them in the same
version, and tells where the database says otherwise; files that it names and the package does not
have are then no package's.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done; 130 interrupted.

Examples:
  kanshiki packages disk.raw
  kanshiki packages disk.raw --verify
  kanshiki packages disk.raw --verify --packages /mnt/mirror/pool
  kanshiki packages disk.raw --owner /usr/bin/ssh
  kanshiki packages disk.raw --unowned --privileged --jsonl";

/// List packages, and hold files against what the databases of dpkg and rpm say of them
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PackagesArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Hold all files of packages against the databases
    #[arg(long)]
    verify: bool,
    /// Tell which packages a file belongs to; may be given again
    #[arg(long, value_name = "PATH")]
    owner: Vec<OsString>,
    /// List files in folders of the system that are no package's
    #[arg(long)]
    unowned: bool,
    /// List files that give rights: setuid, setgid, capabilities, and whether packages give them
    #[arg(long)]
    privileged: bool,
    /// Check the databases themselves: files of dpkg that were written after the installation, headers of rpm that were changed
    #[arg(long)]
    database: bool,
    /// Folder of .deb and .rpm files to take as the originals, in the place of what the databases say
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
    /// Tell no progress
    #[arg(long)]
    no_progress: bool,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

/// Runs the verb.
pub(crate) fn run(arguments: &PackagesArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    let telling = OutputArguments { json: false, quiet: arguments.no_progress, no_progress: false };
    let reporter = Reporter::start_without_record(&telling, console)?;
    show(arguments, &evidence, &reporter, &mut output)?;
    let is_stopped = reporter.stop_requested();
    drop(reporter);
    let exit = output.finish()?;
    Ok(if is_stopped { Exit::Interrupted } else { exit })
}

/// Shows what was asked for.
pub(super) fn show(
    arguments: &PackagesArguments,
    evidence: &Evidence,
    progress: &dyn Progress,
    output: &mut Output,
) -> Result<(), Failure> {
    progress.begin("packages", None);
    let mut packages = Packages::read(&evidence.view);
    packages.issues().iter().try_for_each(|issue| output.issue(issue))?;
    if let Some(folder) = &arguments.packages {
        packages = originals(packages, folder, evidence, progress, output)?;
    }
    if packages.packages().len() == 0 {
        let message = "no database of dpkg or rpm was found, or it has no packages".to_owned();
        output.note(&Note { subject: "packages".to_owned(), message })?;
    }
    let is_survey = arguments.unowned || arguments.privileged;
    if !arguments.verify && !arguments.database && arguments.owner.is_empty() && !is_survey {
        return list(&packages, output);
    }
    if arguments.database {
        doubts(&evidence.view, &packages).iter().try_for_each(|doubt| match output.is_json() {
            true => output.object("package-doubt", &DoubtLine::of(doubt)),
            false => output.line(&format!("{}: {} ({})", visible(&doubt.path), doubt.text, doubt.package)),
        })?;
    }
    arguments.owner.iter().try_for_each(|path| owners(&packages, evidence, path, output))?;
    if arguments.verify {
        differences(&packages, evidence, progress, output)?;
    }
    if is_survey {
        surveyed(arguments, &packages, evidence, progress, output)?;
    }
    Ok(())
}

/// Takes what is expected of files from package files, and tells where the databases say otherwise.
fn originals(
    packages: Packages,
    folder: &Path,
    evidence: &Evidence,
    progress: &dyn Progress,
    output: &mut Output,
) -> Result<Packages, Failure> {
    progress.begin("package files", None);
    let all = packages.packages().len();
    let (packages, originals) = packages
        .use_originals(&evidence.view, folder, progress)
        .map_err(|error| Failure::from_error(format!("cannot list `{}`", visible_path(folder)), &error))?;
    originals.issues.iter().try_for_each(|issue| output.issue(issue))?;
    let message = format!(
        "{} of {all} packages are held against their package files; {} of the {} package files are of no package of the image",
        originals.used, originals.unused, originals.read
    );
    output.note(&Note { subject: visible_path(folder), message })?;
    originals.contradicted.iter().try_for_each(|found| {
        if output.is_json() {
            return output.object("package-contradiction", &ContradictionLine::of(found));
        }
        output.line(&format!("{}: {} ({})", visible(&found.path), found.what.text(), found.package))
    })?;
    Ok(packages)
}

/// Lists the packages.
fn list(packages: &Packages, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return packages.packages().try_for_each(|package| output.object("package", &PackageLine::of(package)));
    }
    let width = |text: fn(&kanshiki_packages::Package) -> &[u8]| {
        packages.packages().map(|package| visible(text(package)).chars().count()).max().unwrap_or(0).min(60)
    };
    let widths =
        [width(|package| &package.name), width(|package| &package.version), width(|package| &package.architecture)];
    packages.packages().try_for_each(|package| output.line(&rows::package(package, widths)))
}

/// Tells which packages have a path.
fn owners(packages: &Packages, evidence: &Evidence, path: &OsStr, output: &mut Output) -> Result<(), Failure> {
    // A file that is missing may still be a package's.
    let located = evidence.locate(Some(path), Follow::AllButLast);
    let place = located.map_or_else(|_| path.as_bytes().to_vec(), |located| located.path.as_bytes().to_vec());
    let entries: Vec<_> = packages.of(&place).collect();
    if output.is_json() {
        return entries.iter().try_for_each(|entry| output.object("package-file", &OwnerLine::of(entry)));
    }
    if entries.is_empty() {
        return output.line(&format!("{}: no package's", visible(&place)));
    }
    entries.iter().try_for_each(|entry| output.line(&rows::owner(entry)))
}

/// Verifies all files.
fn differences(
    packages: &Packages,
    evidence: &Evidence,
    progress: &dyn Progress,
    output: &mut Output,
) -> Result<(), Failure> {
    progress.begin("verify", None);
    let (mut writer, mut left_out) = (Writer::new(output), 0_u64);
    verify(&evidence.view, packages, progress, &mut |event| {
        let written = match event {
            VerifyEvent::Damage(issue) => writer.output.issue(&issue),
            VerifyEvent::Checked(checked) if is_left_out(&checked) => {
                left_out = left_out.saturating_add(1);
                Ok(())
            }
            VerifyEvent::Checked(checked) => difference(&checked, evidence, writer.output),
        };
        writer.check(written)
    });
    writer.end()?;
    if left_out == 0 {
        return Ok(());
    }
    let message = format!("{left_out} files that dpkg was told to leave out are not there");
    output.note(&Note { subject: "packages".to_owned(), message })
}

/// Whether it is missing since dpkg was told to leave it out.
fn is_left_out(checked: &Checked<'_>) -> bool {
    checked.difference.missing.is_some() && checked.entry.flags.has(FileFlags::LEFT_OUT)
}

fn difference(checked: &Checked<'_>, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    if !is_told(&checked.entry, &checked.difference) {
        return Ok(());
    }
    if output.is_json() {
        return output.object("package-difference", &DifferenceLine::of(checked, evidence));
    }
    output.line(&line(&checked.entry, &checked.difference))
}

/// Goes over the tree for files that are no package's, and for files that give rights.
fn surveyed(
    arguments: &PackagesArguments,
    packages: &Packages,
    evidence: &Evidence,
    progress: &dyn Progress,
    output: &mut Output,
) -> Result<(), Failure> {
    progress.begin("survey", None);
    let mut writer = Writer::new(output);
    survey(&evidence.view, packages, &mut |event| {
        if progress.stop_requested() {
            return ControlFlow::Break(());
        }
        let output = &mut *writer.output;
        let written = match event {
            SurveyEvent::Damage(issue) => output.issue(&issue),
            SurveyEvent::Unowned(found) if arguments.unowned => {
                let volume = node::volume_name(&evidence.view, found.place.volume);
                match output.is_json() {
                    true => output.object("unowned", &UnownedLine::of(&found, volume)),
                    false => output.line(&rows::unowned(&found)),
                }
            }
            SurveyEvent::Privileged(found) if arguments.privileged => {
                let volume = node::volume_name(&evidence.view, found.place.volume);
                match output.is_json() {
                    true => output.object("privileged", &PrivilegedLine::of(&found, volume)),
                    false => output.line(&rows::privileged(&found)),
                }
            }
            SurveyEvent::Unowned(_) | SurveyEvent::Privileged(_) => Ok(()),
        };
        writer.check(written)
    });
    writer.end().map(|_| ())
}
