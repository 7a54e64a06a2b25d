//! `kanshiki mount`: an image as a folder.

use crate::arguments::OutputArguments;
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use crate::progress::Reporter;
use kanshiki_browse::mount::{Ended, MountError, MountOptions, RawFile, mount_files, mount_view};
use kanshiki_image::volumes::VolumeKind;
use kanshiki_model::{Progress, visible};
use std::path::PathBuf;
use std::sync::Arc;

const AFTER_HELP: &str = "\
The mount is read-only, and programs, special permissions and devices in it have no effect. It
stays until Ctrl-C, SIGTERM, `umount DIR` or `fusermount3 -u DIR`; the program runs in the
foreground until then, and tells damage that it comes by. Whoever mounts may read every file,
whatever its mode says. Times and attributes are those of the image, and so are inodes where one
volume is shown. Where several make one tree, all are shown as one device, and 2^48 times the number
of the volume, counted from 0, is added to each inode. An ordinary user needs `fusermount3`
(package fuse3) and a DIR of their own; root needs nothing. What no program can name, as a name
with a slash in it, is shown as kanshiki-name- and its bytes in hexadecimal.

With --raw, DIR holds each disk and each volume as one file, such as disk and p2, for programs that
want a partition: also out of compressed and split images.

Exit codes: 0 unmounted; 4 not done.

Examples:
  kanshiki mount disk.raw /mnt/evidence
  kanshiki mount disk.raw:p2 /mnt/evidence --other-users
  kanshiki mount image.raw.zst /mnt/evidence --raw";

/// Show an image as a read-only folder, for every program
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct MountArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Existing folder on which to mount
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Show disks and volumes as files in place of what lies in them
    #[arg(long)]
    raw: bool,
    /// Let other users look at the mount too
    #[arg(long)]
    other_users: bool,
    /// Run in the foreground until the end; always so, the option is taken for those who write it
    #[arg(long, short = 'f')]
    foreground: bool,
    /// Questions of the kernel to answer at once [default: twice the number of processors]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the verb.
pub(crate) fn run(arguments: &MountArguments, console: &Console) -> Result<Exit, Failure> {
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let options = MountOptions {
        source: visible(arguments.evidence.image.as_encoded_bytes()),
        other_users: arguments.other_users,
        threads: arguments.threads.map_or(processors * 2, usize::from),
    };
    let output = OutputArguments { quiet: arguments.quiet, no_progress: true, ..OutputArguments::default() };
    let folder = &arguments.folder;
    let (mounted, reporter) = if arguments.raw {
        let files = files(&arguments.evidence)?;
        let reporter = Arc::new(Reporter::start_without_record(&output, console)?);
        let progress: Arc<dyn Progress> = Arc::clone(&reporter) as Arc<dyn Progress>;
        (mount_files(files, folder, &options, progress), reporter)
    } else {
        let evidence = Evidence::open(&arguments.evidence)?;
        let reporter = Arc::new(Reporter::start_without_record(&output, console)?);
        evidence.notes().iter().for_each(|note| reporter.note(note));
        evidence.issues().chain(evidence.view.issues()).for_each(|issue| reporter.issue(issue));
        let progress: Arc<dyn Progress> = Arc::clone(&reporter) as Arc<dyn Progress>;
        (mount_view(evidence.view, folder, &options, progress), reporter)
    };
    let mounted = mounted.map_err(|error| failure(&error))?;
    if !arguments.quiet {
        let folder = harmless(&visible(mounted.path().as_os_str().as_encoded_bytes()));
        console.note(&format!("mounted on {folder}; Ctrl-C or `fusermount3 -u` ends it\n"));
    }
    let ended = mounted.wait(|| reporter.stop_requested()).map_err(|error| failure(&error))?;
    if !arguments.quiet {
        console.note(match ended {
            Ended::Unmounted | Ended::Asked => "unmounted\n",
            Ended::AskedWhileInUse => "unmounted while in use: programs that still had files of it open get errors\n",
        });
    }
    Ok(Exit::Done)
}

/// The disks and the volumes, or the one volume that was chosen.
fn files(arguments: &EvidenceArguments) -> Result<Vec<RawFile>, Failure> {
    let (address, images, set) = Evidence::find(arguments)?;
    let disks = images.iter().enumerate().map(|(index, image)| {
        let name = if index == 0 { "disk".to_owned() } else { format!("disk{}", index + 1) };
        RawFile { name, source: image.source() }
    });
    if let Some(chosen) = &address.volume {
        let source = set.find(chosen).and_then(|volume| volume.source.clone());
        let file = source.map(|source| vec![RawFile { name: chosen.clone(), source }]);
        return file.ok_or_else(|| {
            Failure::new(format!("there is no volume `{chosen}` that can be read"))
                .hint("`kanshiki info` lists the volumes of an image")
        });
    }
    let inside = set.volumes().iter().filter(|volume| !matches!(volume.kind, VolumeKind::Image));
    let volumes =
        inside.filter_map(|volume| Some(RawFile { name: volume.name.clone(), source: volume.source.clone()? }));
    Ok(disks.chain(volumes).collect())
}

fn failure(error: &MountError) -> Failure {
    let failure = Failure::of(error);
    let kind = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    match kind.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::NotFound) if !std::path::Path::new("/dev/fuse").exists() => {
            failure.hint("this machine has no /dev/fuse: load the module `fuse`")
        }
        Some(std::io::ErrorKind::NotFound) => {
            failure.hint("DIR must exist; an ordinary user needs `fusermount3` of the package fuse3 too")
        }
        Some(std::io::ErrorKind::PermissionDenied) => {
            failure.hint("for --other-users, /etc/fuse.conf must say `user_allow_other`; DIR must be your own")
        }
        _ => failure,
    }
}
