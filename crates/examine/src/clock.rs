//! The times of the records of one file, and how they are known.

use crate::output::Output;
use crate::parser::Context;
use crate::years::Years;
use crate::zone::{Civil, WallClock, Zone};
use kanshiki_model::{TimeBasis, Timestamp};

/// Turns what the records of one file tell of their times into points in time, and remembers what had to be inferred.
#[derive(Debug)]
pub(crate) struct Clock<'a> {
    wall: WallClock<'a>,
    zone: &'a Zone,
    years: Years,
    infers_years: bool,
    infers_zone: bool,
    /// Times that are on no calendar and no clock, as 31 February or 25:00, or too far away for nanoseconds since 1970.
    impossible: u64,
}

impl<'a> Clock<'a> {
    /// For the records of a file.
    pub(crate) fn new(context: &Context<'a>) -> Self {
        Self::in_zone(context, &context.host.zone)
    }

    /// For the records of a file whose writer has a zone of its own.
    pub(crate) fn in_zone(context: &Context<'a>, zone: &'a Zone) -> Self {
        let years = Years::new(context);
        Self { wall: zone.wall(), zone, years, infers_years: false, infers_zone: false, impossible: 0 }
    }

    /// A time whose seconds ahead of UTC follow from the zone and what the record says of it.
    pub(crate) fn ahead(&mut self, shown: Civil, ahead: i64) -> (Option<Timestamp>, TimeBasis) {
        self.infers_zone = true;
        (self.counted(shown.at_offset(ahead)), TimeBasis::ZoneInferred)
    }

    /// A time whose record tells its zone, in seconds ahead of UTC, or not.
    pub(crate) fn at(&mut self, shown: Civil, ahead: Option<i64>) -> (Option<Timestamp>, TimeBasis) {
        self.years.neighbour(&shown);
        match ahead {
            Some(ahead) => (self.counted(shown.at_offset(ahead)), TimeBasis::Stated),
            None => {
                self.infers_zone = true;
                let time = self.wall.at(&shown);
                (self.counted(time), TimeBasis::ZoneInferred)
            }
        }
    }

    fn counted(&mut self, time: Option<Timestamp>) -> Option<Timestamp> {
        self.impossible = self.impossible.saturating_add(u64::from(time.is_none()));
        time
    }

    /// A time whose record tells neither year nor zone.
    pub(crate) fn yearless(&mut self, shown: Civil) -> (Option<Timestamp>, TimeBasis) {
        (self.infers_zone, self.infers_years) = (true, true);
        let time = self.years.complete(shown).and_then(|shown| self.wall.at(&shown));
        (self.counted(time), TimeBasis::YearAndZoneInferred)
    }

    /// At the end of the file: tells how the times are known, and has it read again where the years were not as expected.
    pub(crate) fn finish(self, output: &mut Output<'_>) {
        if let Some(hint) = self.years.hint().filter(|_| !output.is_stopped()) {
            output.read_again(hint);
            return;
        }
        if self.impossible > 0 {
            let count = self.impossible;
            output.trouble(&format!(
                "times that are on no calendar, or before 1678 or after 2261: {count}; their events have no time"
            ));
        }
        let years = self.infers_years.then(|| self.years.reason());
        let zone = self.infers_zone.then(|| self.zone.reason().to_owned());
        let reasons: Vec<String> = [years, zone].into_iter().flatten().collect();
        if !reasons.is_empty() {
            output.times(reasons.join("; "));
        }
    }
}
