//! The tables of a benchmark, in Markdown.

use super::jobs::Group;
use super::measure::{Measured, spread};
use std::fmt::Write as _;

/// One table for each group that has jobs.
pub(crate) fn text(measured: &[Measured], bytes: u64) -> String {
    let mut text = String::new();
    for (group, heading) in Group::ALL {
        let jobs: Vec<&Measured> = measured.iter().filter(|it| it.job.group == group).collect();
        if jobs.is_empty() {
            continue;
        }
        let _ = writeln!(text, "### {heading}\n");
        text.push_str("| job | MB/s | MB per CPU-second | peak MiB | image MB | kanshiki is faster by |\n");
        text.push_str("| --- | --- | --- | --- | --- | --- |\n");
        for job in jobs {
            text.push_str(&row(job, measured, bytes));
        }
        text.push('\n');
    }
    text
}

fn row(it: &Measured, all: &[Measured], bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    let (rate, low, high) = spread(it.runs.iter().map(|run| megabytes / run.wall));
    let (each, _, _) = spread(it.runs.iter().map(|run| megabytes / run.processor.max(0.01)));
    let (peak, _, _) = spread(it.runs.iter().map(|run| run.peak as f64 / f64::from(1 << 20)));
    let image = it.runs.last().map_or(0, |run| run.image);
    let image = if image == 0 { String::new() } else { format!("{:.0}", image as f64 / 1e6) };
    let ratio = match all.iter().find(|other| other.job.name == it.job.against) {
        Some(ours) if ours.job.name != it.job.name => {
            // Round by round, so that what slowed the machine slowed both.
            let pairs = ours.runs.iter().zip(&it.runs).map(|(ours, theirs)| theirs.wall / ours.wall);
            let (ratio, low, high) = spread(pairs);
            format!("{ratio:.2} ({low:.2}-{high:.2})")
        }
        _ => String::new(),
    };
    format!("| {} | {rate:.0} ({low:.0}-{high:.0}) | {each:.0} | {peak:.0} | {image} | {ratio} |\n", it.job.name)
}
