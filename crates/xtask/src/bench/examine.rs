//! `cargo xtask bench examine`: logs turned into events, and questions to the store, beside dissect.

mod dissect;
mod image;
mod logs;
mod table;

use super::measure::timed;
use super::{Folder, record};
use crate::command::{output, release_program};
use anyhow::{Context as _, Result, ensure};
use dissect::Dissect;
use image::{Form, Image};
use kanshiki_testkit::tool_path;
use logs::Log;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Options of `cargo xtask bench examine`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Number of events of the large image; 0 leaves it out
    #[arg(long, default_value_t = 10_000_000, value_name = "COUNT")]
    events: u64,
    /// Megabytes of each log for dissect, which is too slow for the whole
    #[arg(long, default_value_t = 8, value_name = "COUNT")]
    peer_megabytes: u64,
    /// How often everything is run
    #[arg(long, default_value_t = 3, value_name = "COUNT")]
    runs: usize,
    /// A folder on a tmpfs with room for 600 bytes for each event of the large image
    #[arg(long, default_value = "/dev/shm")]
    folder: PathBuf,
    /// Leave BENCHMARKS.md as it is
    #[arg(long)]
    dry_run: bool,
}

/// A whole rotation, in parts of a million.
const WHOLE: u64 = 1_000_000;

/// What one run of a job took.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Seconds by the clock.
    wall: f64,
    /// Seconds of the processors.
    processor: f64,
    /// Peak memory in bytes.
    peak: u64,
    /// Bytes of the store; 0 where there is none.
    store: u64,
}

/// A job with what each of its runs took.
#[derive(Debug)]
struct Measured {
    name: String,
    /// Events that come of it.
    events: u64,
    runs: Vec<Run>,
}

/// What both programs made of the small images.
#[derive(Debug)]
struct Compared {
    /// kanshiki's jobs, each with the logs of its image.
    ours: Vec<(Measured, &'static [Log])>,
    /// dissect's on each log, in the order of [`Log::ALL`]; empty where it is not to be had.
    theirs: Vec<Measured>,
}

/// The images of which kanshiki and dissect read the same logs: name and logs.
const SETS: [(&str, &[Log]); 4] =
    [("auth.log", &[Log::Auth]), ("syslog", &[Log::Syslog]), ("access.log", &[Log::Access]), ("all three", &Log::ALL)];

/// What is asked of the store of the large image: name, what is wanted in seconds, and the lines of shell.
const QUESTIONS: [(&str, f64, &str); 3] = [
    ("kanshiki query hours (count by hour and source)", 1.0, "$K query --case $CASE hours --format csv > $OUT/list"),
    (
        "kanshiki timeline --text, a rare word",
        1.0,
        "$K timeline --case $CASE --text $WORD > $OUT/list && grep -q $WORD $OUT/list",
    ),
    (
        "kanshiki timeline --text, a word that is not there",
        1.0,
        "$K timeline --case $CASE --text x$WORD > $OUT/list && ! grep -q $WORD $OUT/list",
    ),
];

/// Measures, prints the tables, and puts them into BENCHMARKS.md.
pub(crate) fn run(options: &Options) -> Result<()> {
    for (tool, package) in [("time", "time"), ("mke2fs", "e2fsprogs"), ("gzip", "gzip")] {
        ensure!(tool_path(tool).is_some(), "`{tool}` is missing (package {package})");
    }
    let program = release_program()?;
    let folder = Folder::make(&options.folder.join(format!("kanshiki-bench-{}", std::process::id())))?;
    let bench = Bench { program: &program, folder: &folder.0 };
    let dissect = Dissect::find_or_install();
    println!("making the images");
    let images = bench.images()?;
    let small = Log::ALL.map(|log| {
        let path = folder.0.join(format!("small-{log:?}.img"));
        Image::make(path, &[log], Form::Plain, 1, options.peer_megabytes * WHOLE / 67)
    });
    let small = small.into_iter().collect::<Result<Vec<_>>>()?;
    let content = format!(
        "The logs: auth.log of 66 MB, syslog of 67 MB and nginx's access.log of 67 MB, each in an ext4 image and all three, {} \
         records, in another; the same compressed by gzip. dissect gets the first {} MB of each log, plain. ",
        images.last().map_or(0, |it| it.image.records),
        options.peer_megabytes
    );
    println!("{content}\n");
    let compared = bench.small(&images, dissect.as_ref().ok(), &small, options.runs)?;
    let mut text = table::events(&compared, dissect.as_ref().err());
    if options.events > 0 {
        let whole = images.last().map_or(1, |it| it.image.records);
        let rotations = options.events.div_ceil(whole);
        let parts = options.events * WHOLE / (rotations * whole) + 1;
        println!("making the large image, {rotations} rotations");
        let large = Image::make(folder.0.join("large.img"), &Log::ALL, Form::Plain, rotations, parts)?;
        text.push_str(&table::large(&bench.large(&large, options.runs)?, &large, rotations));
    }
    let section = format!("{}\n{content}\n\n{text}", circumstances(&program, options, dissect.as_ref().ok())?);
    println!("\n{section}");
    if options.dry_run { Ok(()) } else { record::write(record::EXAMINE, &section) }
}

fn circumstances(program: &Path, options: &Options, dissect: Option<&Dissect>) -> Result<String> {
    let Options { events, peer_megabytes, runs, .. } = options;
    let mut versions = record::versions(program, &[("mke2fs", "-V"), ("gzip", "--version")]);
    versions.extend(dissect.map(Dissect::version));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(2).unwrap_or("unknown");
    Ok(format!(
        "Made on {} by `cargo xtask bench examine --events {events} --peer-megabytes {peer_megabytes} --runs {runs}`: each job once a \
         round, {runs} rounds, everything on a tmpfs, each case new, without findings, median (smallest-largest). The mean load of the last quarter of \
         an hour was {load} at the end; a load above two means that others used the machine too, and that the seconds \
         of the processors tell more than those of the clock. `times dissect` is the median of the rounds' ratios of events per CPU-second, \
         both on the same logs. Peak memory is that of the largest process.\n\n{}\nVersions: {}.\n",
        record::today()?,
        record::machine(),
        versions.join("; ")
    ))
}

/// An image that kanshiki examines, and the logs in it.
struct Subject {
    name: String,
    logs: &'static [Log],
    image: Image,
}

struct Bench<'a> {
    program: &'a Path,
    folder: &'a Path,
}

impl Bench<'_> {
    /// The images for kanshiki: each set of logs, plain and compressed; that of all logs is the last.
    fn images(&self) -> Result<Vec<Subject>> {
        let mut subjects = Vec::new();
        for (at, (name, logs)) in SETS.into_iter().enumerate() {
            for (form, form_name) in [(Form::Plain, "plain"), (Form::Gzip, "gz")] {
                let path = self.folder.join(format!("{at}-{form_name}.img"));
                let image = Image::make(path, logs, form, 1, WHOLE)?;
                subjects.push(Subject { name: format!("kanshiki examine, {name}, {form_name}"), logs, image });
            }
        }
        Ok(subjects)
    }

    /// kanshiki on each image and dissect on the small image of each log, every job once a round.
    fn small(&self, images: &[Subject], dissect: Option<&Dissect>, small: &[Image], rounds: usize) -> Result<Compared> {
        let new = |name: &str, events| Measured { name: name.to_owned(), events, runs: Vec::new() };
        let mut ours: Vec<_> = images.iter().map(|it| (new(&it.name, it.image.records), it.logs)).collect();
        let mut theirs = Vec::new();
        if let Some(dissect) = dissect {
            for (function, image) in dissect::FUNCTIONS.into_iter().zip(small) {
                let name = format!("dissect.target {function}, plain");
                let events = dissect.records(function, &image.path)?;
                ensure!(events == image.records, "{name} gives {events} records of {}", image.records);
                theirs.push(new(&name, events));
            }
        }
        for round in 1..=rounds {
            for ((measured, _), subject) in ours.iter_mut().zip(images) {
                measured.take(self.examine(&subject.image)?, round, rounds);
            }
            for ((measured, function), image) in theirs.iter_mut().zip(dissect::FUNCTIONS).zip(small) {
                let program = dissect.map_or(Path::new("target-query"), |dissect| &dissect.program);
                let script = format!("$T -q --no-cache -f {function} $SRC > /dev/null");
                let run = self.timed(&measured.name, &script, &[("T", program), ("SRC", &image.path)])?;
                measured.take(run, round, rounds);
            }
        }
        Ok(Compared { ours, theirs })
    }

    /// The large image examined, and the questions to its store.
    fn large(&self, image: &Image, rounds: usize) -> Result<Vec<Measured>> {
        let new = |name: &str, events| Measured { name: name.to_owned(), events, runs: Vec::new() };
        let mut measured = vec![new("kanshiki examine", image.records)];
        measured.extend(QUESTIONS.iter().map(|(name, _, _)| new(name, 0)));
        for round in 1..=rounds {
            for (at, it) in measured.iter_mut().enumerate() {
                let question = at.checked_sub(1).and_then(|at| QUESTIONS.get(at));
                let run = match question {
                    None => self.examine(image)?,
                    Some((name, _, script)) => {
                        let word = Path::new(logs::RARE);
                        self.timed(name, script, &[("K", self.program), ("CASE", &self.case()), ("WORD", word)])?
                    }
                };
                it.take(run, round, rounds);
            }
        }
        Ok(measured)
    }

    fn case(&self) -> PathBuf {
        self.folder.join("case")
    }

    /// Examines into a new case, and makes sure that every record is in it.
    fn examine(&self, image: &Image) -> Result<Run> {
        let case = self.case();
        let _ = std::fs::remove_dir_all(&case);
        // A record that is not understood is counted below, and shall not end the benchmark without its number.
        let script = "$K examine $SRC --case $CASE --no-findings --quiet || [ $? = 3 ]";
        let run =
            self.timed("kanshiki examine", script, &[("K", self.program), ("SRC", &image.path), ("CASE", &case)])?;
        let mut count = Command::new(self.program);
        count.args(["query", "--format", "csv", "SELECT sum(records) FROM logs", "--case"]).arg(&case);
        let said = output(&mut count)?;
        let records = said.lines().nth(1).unwrap_or_default();
        ensure!(records == image.records.to_string(), "{records} records of {}", image.records);
        let store = std::fs::metadata(case.join("events.sqlite")).context("the store")?.len();
        Ok(Run { store, ..run })
    }

    fn timed(&self, name: &str, script: &str, environment: &[(&str, &Path)]) -> Result<Run> {
        let out = self.folder.join("out");
        std::fs::create_dir_all(&out).context("cannot make a folder for the benchmark")?;
        let environment = [environment, &[("OUT", out.as_path())]].concat();
        let (wall, processor, peak) = timed(name, script, &environment, &self.folder.join("time"))?;
        Ok(Run { wall, processor, peak, store: 0 })
    }
}

impl Measured {
    fn take(&mut self, run: Run, round: usize, rounds: usize) {
        println!("{round}/{rounds} {:<52} {:7.3} s, {:7.3} s of the processors", self.name, run.wall, run.processor);
        self.runs.push(run);
    }
}
