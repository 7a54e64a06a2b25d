//! The tables of `cargo xtask bench examine`, in Markdown.

use super::image::Image;
use super::{Measured, QUESTIONS, Run};
use crate::bench::measure::spread;
use std::fmt::Write as _;

/// How many times dissect's events per CPU-second are wanted.
const TIMES: u64 = 60;

/// Events per second of kanshiki and of dissect; the first job is the one with which dissect is compared.
pub(super) fn events(measured: &[Measured], no_dissect: Option<&anyhow::Error>) -> String {
    let mut text = String::from(
        "### Logs to events\n\n| job | events | events/s | events per CPU-second | peak MiB | store MB | times dissect | wanted |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let Some(ours) = measured.first() else { return text };
    for it in measured {
        let (rate, low, high) = spread(it.runs.iter().map(|run| it.events as f64 / run.wall));
        let each = spread(it.runs.iter().map(|run| it.per_processor(run))).0;
        let (times, wanted) = if it.name.starts_with("kanshiki") {
            (String::new(), "512 MiB".to_owned())
        } else {
            // Round by round, so that what slowed the machine slowed both.
            let pairs = ours.runs.iter().zip(&it.runs);
            let (times, low, high) =
                spread(pairs.map(|(own, other)| ours.per_processor(own) / it.per_processor(other)));
            (format!("{times:.1} ({low:.1}-{high:.1})"), TIMES.to_string())
        };
        let (name, events, peak, store) = (&it.name, it.events, it.peak(), it.store());
        let _ = writeln!(
            text,
            "| {name} | {events} | {rate:.0} ({low:.0}-{high:.0}) | {each:.0} | {peak:.0} | {store} | {times} | {wanted} |"
        );
    }
    if let Some(error) = no_dissect {
        let _ = writeln!(text, "| dissect.target | not measured: {error:#} | | | | | | {TIMES} |");
    }
    text.push('\n');
    text
}

/// The large image: seconds of the examination and of each question.
pub(super) fn large(measured: &[Measured], image: &Image, rotations: u64) -> String {
    let mut text = format!(
        "### {:.1} million events\n\nThe same logs in {rotations} rotations, {:.0} MB, {} records.\n\n\
         | job | seconds | processor seconds | peak MiB | store MB | wanted |\n| --- | --- | --- | --- | --- | --- |\n",
        image.all_records() as f64 / 1e6,
        image.bytes as f64 / 1e6,
        image.all_records()
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
