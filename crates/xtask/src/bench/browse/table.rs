//! The table of `cargo xtask bench browse`, in Markdown.

use super::Measured;
use super::jobs::Group;
use crate::bench::measure::spread;
use std::fmt::Write as _;

/// One table for each group that has jobs.
pub(super) fn text(measured: &[Measured]) -> String {
    let mut text = String::new();
    for (group, heading) in Group::ALL {
        let jobs: Vec<&Measured> = measured.iter().filter(|it| it.job.group == group).collect();
        let Some(ours) = jobs.first() else { continue };
        let _ = writeln!(text, "### {heading}\n");
        text.push_str("| job | seconds | processor seconds | peak MiB | kanshiki is faster by | wanted |\n");
        text.push_str("| --- | --- | --- | --- | --- | --- |\n");
        for job in &jobs {
            text.push_str(&row(job, ours));
        }
        text.push('\n');
    }
    text
}

fn row(it: &Measured, ours: &Measured) -> String {
    let (wall, low, high) = spread(it.runs.iter().map(|run| run.0));
    let (processor, _, _) = spread(it.runs.iter().map(|run| run.1));
    let (peak, _, _) = spread(it.runs.iter().map(|run| run.2 as f64 / f64::from(1 << 20)));
    let ratio = if it.job.name.contains("kanshiki") {
        String::new()
    } else {
        // Round by round, so that what slowed the machine slowed both.
        let (ratio, low, high) = spread(ours.runs.iter().zip(&it.runs).map(|(ours, theirs)| theirs.0 / ours.0));
        format!("{ratio:.2} ({low:.2}-{high:.2})")
    };
    let goal = it.job.goal.map(|goal| goal.to_string()).unwrap_or_default();
    let name = it.job.name;
    format!("| {name} | {wall:.3} ({low:.3}-{high:.3}) | {processor:.3} | {peak:.0} | {ratio} | {goal} |\n")
}
