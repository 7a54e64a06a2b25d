//! Runs the jobs in turn and measures them.

use super::jobs::{Context, Job};
use anyhow::{Context as _, Result, bail, ensure};
use kanshiki_testkit::tool_path;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What one run of a job took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    /// Seconds by the clock.
    pub(crate) wall: f64,
    /// Seconds of the processors, user and system, of all processes together.
    pub(crate) processor: f64,
    /// The largest resident set of any one process, in bytes.
    pub(crate) peak: u64,
    /// Bytes of the image that came out; 0 where it does not matter.
    pub(crate) image: u64,
}

/// A job with what each of its runs took.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// The job.
    pub(crate) job: Job,
    /// One for each round.
    pub(crate) runs: Vec<Measure>,
}

/// Runs every job once a round, so that what disturbs the machine disturbs all.
pub(crate) fn rounds(context: &Context<'_>, jobs: &[Job], rounds: usize) -> Result<Vec<Measured>> {
    let keep = context.folder.join("keep");
    std::fs::create_dir(&keep).context("cannot make a folder for the benchmark")?;
    let mut measured: Vec<Measured> = jobs.iter().map(|job| Measured { job: *job, runs: Vec::new() }).collect();
    for round in 1..=rounds {
        for it in &mut measured {
            let measure = once(context, &it.job, &keep)?;
            println!(
                "{round}/{rounds} {:<42} {:7.3} s, {:7.3} s of the processors",
                it.job.name, measure.wall, measure.processor
            );
            it.runs.push(measure);
        }
    }
    Ok(measured)
}

fn once(context: &Context<'_>, job: &Job, keep: &Path) -> Result<Measure> {
    let out = context.folder.join("out");
    std::fs::create_dir(&out).context("cannot make a folder for the benchmark")?;
    let with = |command: &mut Command| {
        command.env("SRC", context.source).env("OUT", &out).env("KEEP", keep).env("K", context.program);
        command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {}", job.name))
    };
    if !job.before.is_empty() {
        ensure!(with(Command::new("sh").args(["-c", job.before]))?.success(), "what goes before {} failed", job.name);
    }
    // Memory that nobody has touched for a while may have been put aside; no job shall pay for the one before.
    let mut source = std::fs::File::open(context.source).context("cannot open the source")?;
    std::io::copy(&mut source, &mut std::io::sink()).context("cannot read the source")?;
    let environment = [("SRC", context.source), ("OUT", &out), ("KEEP", keep), ("K", context.program)];
    let (wall, processor, peak) = timed(job.name, job.script, &environment, &context.folder.join("time"))?;
    let image = if job.image.is_empty() { 0 } else { std::fs::metadata(out.join(job.image))?.len() };
    std::fs::remove_dir_all(&out).context("cannot remove what came out")?;
    Ok(Measure { wall, processor, peak, image })
}

/// Runs lines of shell; gives seconds by the clock, seconds of the processors, and the peak memory in bytes. `record` is
/// a file for what `time` writes.
pub(crate) fn timed(name: &str, script: &str, environment: &[(&str, &Path)], record: &Path) -> Result<(f64, f64, u64)> {
    let time = tool_path("time").context("`time` is missing (package time)")?;
    let mut command = Command::new(time);
    command.args(["-f", "%U %S %M", "-o"]).arg(record).args(["sh", "-c", script]).stdin(Stdio::null());
    command.envs(environment.iter().copied());
    let begun = Instant::now();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    let wall = begun.elapsed().as_secs_f64();
    ensure!(status.success(), "{name} ended with {status}");
    let (processor, peak) = parse(&std::fs::read_to_string(record)?)?;
    Ok((wall, processor, peak))
}

/// Reads `user system peak`, in seconds and KiB.
fn parse(record: &str) -> Result<(f64, u64)> {
    let last = record.lines().last().unwrap_or_default();
    let fields: Vec<&str> = last.split_whitespace().collect();
    let [user, system, peak] = fields.as_slice() else { bail!("`time` wrote `{last}`") };
    Ok((user.parse::<f64>()? + system.parse::<f64>()?, peak.parse::<u64>()? << 10))
}

/// The middle of the numbers, the smallest, and the largest; zeroes without any.
pub(crate) fn spread(numbers: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let at = |index: usize| numbers.get(index).copied().unwrap_or_default();
    let (half, last) = (numbers.len() / 2, numbers.len().saturating_sub(1));
    let middle = if numbers.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.saturating_sub(1)), at(half)) };
    (middle, at(0), at(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(spread([4.0, 1.0, 2.0, 9.0].into_iter()), (3.0, 1.0, 9.0));
        assert_eq!(spread([5.0, 1.0, 2.0].into_iter()), (2.0, 1.0, 5.0));
        assert_eq!(spread(std::iter::empty()), (0.0, 0.0, 0.0));
    }

    #[test]
    fn the_record_of_time_is_read_after_what_it_says_before() {
        assert_eq!(parse("Command exited with non-zero status 1\n1.50 0.25 2048\n").unwrap(), (1.75, 2_097_152));
    }
}
