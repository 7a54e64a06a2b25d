//! How many events meet a filter in each hour.

use crate::reader::{kinds, read_error};
use crate::{Filter, Reader, Result};
use rusqlite::params_from_iter;
use rusqlite::types::Value;
use std::ops::ControlFlow;

const HOUR: i64 = 3_600_000_000_000;

const SECOND: i64 = 1_000_000_000;

/// The step of counting, in nanoseconds: clocks of zones differ from UTC by whole quarters of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// An hour.
    Hour,
    /// A quarter of an hour.
    Quarter,
}

impl Grain {
    const fn nanoseconds(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Quarter => HOUR / 4,
        }
    }
}

/// The events of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Its first second, since 1970 in UTC.
    pub start: i64,
    /// Number of events.
    pub events: i64,
}

impl Reader {
    /// Hands on the steps in which events meet a filter, in the order of time; events without a time are left out.
    ///
    /// # Errors
    ///
    /// [`crate::StoreError::Sqlite`].
    pub fn counts(&self, filter: &Filter, grain: Grain, each: &mut dyn FnMut(Count) -> ControlFlow<()>) -> Result<()> {
        let (sql, values) = if grain == Grain::Hour && is_of_whole_hours(filter) {
            rolled_up(filter)
        } else {
            self.find(filter)?;
            let step = grain.nanoseconds();
            let number = format!("e.time / {step} - (e.time % {step} < 0)");
            let sql = format!(
                "SELECT {number}, count(*) FROM temp.hits h CROSS JOIN main.events e ON e.id = h.event
                WHERE e.time IS NOT NULL GROUP BY 1 ORDER BY 1"
            );
            (sql, Vec::new())
        };
        let mut statement = self.connection().prepare(&sql).map_err(read_error)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(read_error)?;
        while let Some(row) = rows.next().map_err(read_error)? {
            let (number, events): (i64, i64) = (row.get(0).map_err(read_error)?, row.get(1).map_err(read_error)?);
            if each(Count { start: number.saturating_mul(grain.nanoseconds() / SECOND), events }).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Whether the table of hours can answer, which knows kinds and hours alone.
fn is_of_whole_hours(filter: &Filter) -> bool {
    let is_whole = |time: Option<i64>| time.is_none_or(|time| time.rem_euclid(HOUR) == 0);
    let others = [&filter.user, &filter.address, &filter.text, &filter.path, &filter.exhibit];
    is_whole(filter.from) && is_whole(filter.to) && others.iter().all(|condition| condition.is_none())
}

fn rolled_up(filter: &Filter) -> (String, Vec<Value>) {
    let (kinds, mut values) = kinds(filter);
    let hour = |time: Option<i64>, without: i64| Value::Integer(time.map_or(without, |time| time.div_euclid(HOUR)));
    values.push(hour(filter.from, i64::MIN));
    values.push(hour(filter.to, i64::MAX));
    let sql = format!(
        "SELECT h.hour, sum(h.events) FROM main.hours h JOIN main.kinds k ON k.id = h.kind
        WHERE {kinds} AND h.hour >= ? AND h.hour < ? GROUP BY h.hour ORDER BY h.hour"
    );
    (sql, values)
}
