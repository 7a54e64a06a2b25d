//! How many events there are in each span of time, as bars.

use crate::failure::Failure;
use crate::output::Output;
use clap::ValueEnum;
use jiff::ToSpan as _;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use kanshiki_store::{Count, Filter, Grain, Reader};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Rows up to which the finest step is taken.
const ROWS: usize = 60;

/// Steps without events that are shown as rows of their own; more of them make one row.
const EMPTY_ROWS: usize = 2;

/// Columns of the longest bar.
const BAR: i64 = 60;

/// The step of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// A row, in JSON.
#[derive(Serialize)]
struct Row {
    start: String,
    step: &'static str,
    events: i64,
}

/// Shows the histogram of the events that meet a filter.
pub(super) fn show(
    reader: &Reader,
    filter: &Filter,
    zone: Option<TimeZone>,
    step: Option<Step>,
    output: &mut Output,
) -> Result<(), Failure> {
    let zone = zone.unwrap_or(TimeZone::UTC);
    let mut hours: BTreeMap<DateTime, i64> = BTreeMap::new();
    let read = reader.counts(filter, grain(&zone), &mut |Count { start, events }| {
        if let Ok(time) = jiff::Timestamp::from_second(start) {
            let shown = Step::Hour.floor(zone.to_datetime(time));
            let count = hours.entry(shown).or_insert(0);
            *count = count.saturating_add(events);
        }
        ControlFlow::Continue(())
    });
    read.map_err(|error| Failure::of(&error))?;
    let step = step.unwrap_or_else(|| fitting(&hours));
    let mut counts: BTreeMap<DateTime, i64> = BTreeMap::new();
    for (hour, events) in &hours {
        let count = counts.entry(step.floor(*hour)).or_insert(0);
        *count = count.saturating_add(*events);
    }
    if output.is_json() {
        for (start, events) in counts {
            output.object("histogram", &Row { start: start.to_string(), step: step.name(), events })?;
        }
        return Ok(());
    }
    bars(&counts, step, output)
}

/// The step in which events are counted, so that each falls into the hour that the clock of the zone showed.
fn grain(zone: &TimeZone) -> Grain {
    // In winter and in summer; the seconds since 1970 of 2024-01-01 and 2024-07-01.
    let whole = [1_704_067_200, 1_719_792_000].into_iter().all(|second| {
        let time = jiff::Timestamp::from_second(second);
        time.is_ok_and(|time| zone.to_offset(time).seconds() % 3600 == 0)
    });
    if whole { Grain::Hour } else { Grain::Quarter }
}

fn bars(counts: &BTreeMap<DateTime, i64>, step: Step, output: &mut Output) -> Result<(), Failure> {
    let most = counts.values().copied().max().unwrap_or(0).max(1);
    let digits = most.to_string().len();
    let mut expected: Option<DateTime> = None;
    for (start, events) in counts {
        if let Some(expected) = expected.filter(|expected| expected < start) {
            silence(expected, *start, step, digits, output)?;
        }
        // Whatever happened is seen, however little it was.
        let columns = events.saturating_mul(BAR).checked_div(most).unwrap_or(0).max(1);
        let bar = "█".repeat(usize::try_from(columns).unwrap_or(0));
        output.line(&format!("{}  {events:>digits$}  {bar}", step.shown(*start)))?;
        expected = step.next(*start);
    }
    Ok(())
}

/// Tells the steps without events.
fn silence(from: DateTime, until: DateTime, step: Step, digits: usize, output: &mut Output) -> Result<(), Failure> {
    let mut empty = 0_usize;
    let mut at = Some(from);
    let mut rows = Vec::new();
    while let Some(start) = at.filter(|start| *start < until) {
        if rows.len() <= EMPTY_ROWS {
            rows.push(format!("{}  {:>digits$}", step.shown(start), 0));
        }
        empty = empty.saturating_add(1);
        at = step.next(start);
    }
    if empty <= EMPTY_ROWS {
        return rows.iter().try_for_each(|row| output.line(row));
    }
    output.line(&format!("… {empty} {}s without events", step.name()))
}

/// The finest step with which the histogram stays on a screen or two.
fn fitting(hours: &BTreeMap<DateTime, i64>) -> Step {
    let rows = |step: Step| {
        let mut starts: Vec<DateTime> = hours.keys().map(|hour| step.floor(*hour)).collect();
        starts.dedup();
        starts.len()
    };
    [Step::Hour, Step::Day, Step::Month].into_iter().find(|step| rows(*step) <= ROWS).unwrap_or(Step::Year)
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    fn floor(self, time: DateTime) -> DateTime {
        let midnight = |month: i8, day: i8| jiff::civil::date(time.year(), month, day).at(0, 0, 0, 0);
        match self {
            Self::Hour => time.date().at(time.hour(), 0, 0, 0),
            Self::Day => midnight(time.month(), time.day()),
            Self::Month => midnight(time.month(), 1),
            Self::Year => midnight(1, 1),
        }
    }

    fn next(self, start: DateTime) -> Option<DateTime> {
        let step = match self {
            Self::Hour => 1.hour(),
            Self::Day => 1.day(),
            Self::Month => 1.month(),
            Self::Year => 1.year(),
        };
        start.checked_add(step).ok()
    }

    fn shown(self, start: DateTime) -> String {
        let form = match self {
            Self::Hour => "%Y-%m-%d %H:00",
            Self::Day => "%Y-%m-%d",
            Self::Month => "%Y-%m",
            Self::Year => "%Y",
        };
        start.strftime(form).to_string()
    }
}
