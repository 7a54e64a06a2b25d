//! The tables of `cargo xtask bench examine`, in Markdown.

use super::image::Image;
use super::logs::Log;
use super::{Compared, Measured, QUESTIONS, Run};
use crate::bench::measure::spread;
use std::fmt::Write as _;

/// How many times dissect's events per CPU-second are wanted.
const TIMES: u64 = 60;

/// Events per second of kanshiki and of dissect, and kanshiki's rate beside dissect's on the same logs.
pub(super) fn events(compared: &Compared, no_dissect: Option<&anyhow::Error>) -> String {
    let mut text = String::from(
        "### Logs to events\n\n| job | events | events/s | events per CPU-second | peak MiB | store MB | times dissect | wanted |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (it, logs) in &compared.ours {
        row(&mut text, it, &compared.times(it, logs), &format!("{TIMES}, 512 MiB"));
    }
    for it in &compared.theirs {
        row(&mut text, it, "", "");
    }
    if let Some(error) = no_dissect {
        let _ = writeln!(text, "| dissect.target | not measured: {error:#} | | | | | | |");
    }
    text.push('\n');
    text
}

fn row(text: &mut String, it: &Measured, times: &str, wanted: &str) {
    let (rate, low, high) = spread(it.runs.iter().map(|run| it.events as f64 / run.wall));
    let each = spread(it.runs.iter().map(|run| it.per_processor(run))).0;
    let (name, events, peak, store) = (&it.name, it.events, it.peak(), it.store());
    let _ = writeln!(
        text,
        "| {name} | {events} | {rate:.0} ({low:.0}-{high:.0}) | {each:.0} | {peak:.0} | {store} | {times} | {wanted} |"
    );
}

impl Compared {
    /// kanshiki's events per CPU-second by dissect's on the same logs, round by round, so that what slowed the machine slowed
    /// both; empty without dissect.
    fn times(&self, own: &Measured, logs: &[Log]) -> String {
        let jobs: Vec<_> = logs.iter().filter_map(|log| self.theirs.get(*log as usize)).collect();
        if jobs.is_empty() {
            return String::new();
        }
        // The small logs have the same proportions as the logs in kanshiki's image.
        let events: u64 = jobs.iter().map(|job| job.events).sum();
        let pairs = own.runs.iter().enumerate().map(|(round, run)| {
            let seconds: f64 = jobs.iter().filter_map(|job| job.runs.get(round)).map(|run| run.processor).sum();
            own.per_processor(run) * seconds / events as f64
        });
        let (times, low, high) = spread(pairs);
        format!("{times:.1} ({low:.1}-{high:.1})")
    }
}

/// The large image: seconds of the examination and of each question.
pub(super) fn large(measured: &[Measured], image: &Image, rotations: u64) -> String {
    let mut text = format!(
        "### {:.1} million events\n\nThe same logs in {rotations} rotations, {:.0} MB, {} records.\n\n\
         | job | seconds | processor seconds | peak MiB | store MB | wanted |\n| --- | --- | --- | --- | --- | --- |\n",
        image.records as f64 / 1e6,
        image.bytes as f64 / 1e6,
        image.records
    );
    for (at, it) in measured.iter().enumerate() {
        let (wall, low, high) = spread(it.runs.iter().map(|run| run.wall));
        let processor = spread(it.runs.iter().map(|run| run.processor)).0;
        let wanted = match at.checked_sub(1).and_then(|at| QUESTIONS.get(at)) {
            None => "180 s, 512 MiB".to_owned(),
            Some((_, seconds, _)) => format!("{seconds} s"),
        };
        let (name, peak, store) = (&it.name, it.peak(), it.store());
        let _ = writeln!(
            text,
            "| {name} | {wall:.3} ({low:.3}-{high:.3}) | {processor:.3} | {peak:.0} | {store} | {wanted} |"
        );
    }
    text
}

impl Measured {
    fn per_processor(&self, run: &Run) -> f64 {
        self.events as f64 / run.processor.max(0.01)
    }

    /// In MiB.
    fn peak(&self) -> f64 {
        spread(self.runs.iter().map(|run| run.peak as f64 / f64::from(1 << 20))).0
    }

    /// In megabytes; empty where there is no store.
    fn store(&self) -> String {
        let bytes = self.runs.last().map_or(0, |run| run.store);
        if bytes == 0 { String::new() } else { format!("{:.0}", bytes as f64 / 1e6) }
    }
}
