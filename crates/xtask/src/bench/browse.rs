//! `cargo xtask bench browse`: an image of many files, walked, hashed, read and mounted, beside the tools of the field.

mod image;
mod jobs;
mod table;

use super::measure::timed;
use super::{Folder, record};
use crate::command::release_program;
use anyhow::{Context as _, Result, bail, ensure};
use jobs::Job;
use kanshiki_testkit::{Mount, Need, need, tool_path};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Options of `cargo xtask bench browse`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Number of files
    #[arg(long, default_value_t = 150_000, value_name = "COUNT")]
    files: u64,
    /// How often everything is run
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    runs: usize,
    /// A folder on a tmpfs with room for four times the image, which has 12 KiB for each file and 512 MiB more
    #[arg(long, default_value = "/dev/shm")]
    folder: PathBuf,
    /// Only jobs whose name holds this text, and those of kanshiki
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Leave BENCHMARKS.md as it is
    #[arg(long)]
    dry_run: bool,
}

/// A job with what each of its runs took.
#[derive(Debug)]
pub(super) struct Measured {
    job: Job,
    /// Seconds by the clock, seconds of the processors, peak memory in bytes.
    runs: Vec<(f64, f64, u64)>,
}

/// Measures, prints the table, and puts it into BENCHMARKS.md.
pub(super) fn run(options: &Options) -> Result<()> {
    ensure!(tool_path("time").is_some(), "`time` is missing (package time): it measures processor time and memory");
    ensure!(need(&[Need::Mount, Need::LoopDevices]), "making and mounting the image needs root and loop devices");
    let program = release_program()?;
    let folder = Folder::make(&options.folder.join(format!("kanshiki-bench-{}", std::process::id())))?;
    let (image, point, keep) = (folder.0.join("image"), folder.0.join("mount"), folder.0.join("keep"));
    for path in [&point, &keep, &folder.0.join("fuse")] {
        std::fs::create_dir(path).with_context(|| format!("cannot make {}", path.display()))?;
    }
    println!("making the image, {} files", options.files);
    let content = image::make(&image, options.files)?;
    println!("{content}\n");
    let mount = Mount::device(&image, &point, "ro,noload,loop");
    let fuse = FuseMount::start(&program, &image, &folder.0.join("fuse"))?;
    let bench =
        Bench { program: &program, image: &image, mount: mount.point(), fuse: fuse.as_ref(), folder: &folder.0 };
    let measured = bench.rounds(&jobs::there(options.only.as_deref(), fuse.is_some()), options.runs)?;
    drop(fuse);
    drop(mount);
    let text = table::text(&measured);
    let section = format!("{}\n{content}\n\n{text}", circumstances(&program, options)?);
    println!("\n{section}");
    if options.dry_run { Ok(()) } else { record::write(record::BROWSE, &section) }
}

fn circumstances(program: &Path, options: &Options) -> Result<String> {
    let (files, runs) = (options.files, options.runs);
    let tools = [
        ("fls", "-V"),
        ("find", "--version"),
        ("sha256sum", "--version"),
        ("openssl", "version"),
        ("tar", "--version"),
    ];
    Ok(format!(
        "Made on {} by `cargo xtask bench browse --files {files} --runs {runs}`: each job once a round, {runs} rounds, everything on a \
         tmpfs and read before, median (smallest-largest); `faster by` is the median of the rounds' ratios, by the clock. Peak memory is \
         that of the largest process.\n\n{}\nVersions: {}.\n",
        record::today()?,
        record::machine(),
        record::versions(program, &tools).join("; ")
    ))
}

struct Bench<'a> {
    program: &'a Path,
    image: &'a Path,
    mount: &'a Path,
    fuse: Option<&'a FuseMount>,
    folder: &'a Path,
}

impl Bench<'_> {
    /// Runs every job once a round, so that what disturbs the machine disturbs all; one round goes before, unmeasured.
    fn rounds(&self, jobs: &[Job], rounds: usize) -> Result<Vec<Measured>> {
        let mut measured: Vec<Measured> = jobs.iter().map(|job| Measured { job: *job, runs: Vec::new() }).collect();
        for round in 0..=rounds {
            for it in &mut measured {
                let run = self.once(&it.job)?;
                println!("{round}/{rounds} {:<52} {:7.3} s, {:7.3} s of the processors", it.job.name, run.0, run.1);
                if round > 0 {
                    it.runs.push(run);
                }
            }
        }
        Ok(measured)
    }

    fn once(&self, job: &Job) -> Result<(f64, f64, u64)> {
        let (out, keep) = (self.folder.join("out"), self.folder.join("keep"));
        std::fs::create_dir(&out).context("cannot make a folder for the benchmark")?;
        let nowhere = Path::new("/nonexistent");
        let environment = [
            ("SRC", self.image),
            ("MNT", self.mount),
            ("FUSE", self.fuse.map_or(nowhere, |fuse| fuse.point.as_path())),
            ("OUT", out.as_path()),
            ("KEEP", keep.as_path()),
            ("K", self.program),
        ];
        let record = self.folder.join("time");
        if !job.before.is_empty() {
            timed(job.name, job.before, &environment, &record)?;
        }
        let run = timed(job.name, job.script, &environment, &record)?;
        std::fs::remove_dir_all(&out).context("cannot remove what came out")?;
        Ok(run)
    }
}

/// The image mounted by kanshiki, until the value is dropped.
struct FuseMount {
    point: PathBuf,
    child: Child,
}

impl FuseMount {
    /// Mounts; `None` where the machine has no FUSE.
    fn start(program: &Path, image: &Path, point: &Path) -> Result<Option<Self>> {
        if !Need::Fuse.is_there() {
            println!("left out: the mount (needs /dev/fuse)");
            return Ok(None);
        }
        let mut command = Command::new(program);
        command.arg("mount").arg(image).arg(point).stdin(Stdio::null()).stdout(Stdio::null());
        let mut this = Self { point: point.to_path_buf(), child: command.spawn().context("cannot mount the image")? };
        let begun = Instant::now();
        while std::fs::read_dir(point).is_ok_and(|mut entries| entries.next().is_none()) {
            if let Some(status) = this.child.try_wait()? {
                bail!("kanshiki mount ended with {status}");
            }
            ensure!(begun.elapsed() < Duration::from_secs(30), "kanshiki mount shows nothing after 30 seconds");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Some(this))
    }
}

impl Drop for FuseMount {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}
