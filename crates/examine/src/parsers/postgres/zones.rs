//! The zones in which servers write the times of their logs: `log_timezone` of each cluster (PostgreSQL 17, 19.8.3).

use super::Shown;
use crate::clock::Clock;
use crate::output::Output;
use crate::parser::{Candidate, Context};
use crate::zone::{Civil, Zone};
use jiff::tz::TimeZone;
use kanshiki_filesystem::View;
use kanshiki_machine::services::postgres::{clusters, setting};
use kanshiki_model::{Span, TimeBasis, Timestamp, visible};

/// The zones of the clusters of an image.
#[derive(Debug, Default)]
pub(crate) struct Zones(Vec<Cluster>);

#[derive(Debug)]
struct Cluster {
    /// Where its logs are: the folder of its data, and that of `log_directory`.
    folders: Vec<Vec<u8>>,
    /// What Debian calls its log: `postgresql-15-main.log`.
    name: Vec<u8>,
    /// `None` if its name is not known.
    zone: Option<Zone>,
}

impl Zones {
    /// Those of the settings in the image, of the files that they include, and of what ALTER SYSTEM wrote.
    pub(crate) fn of(view: &View) -> Self {
        let mut zones = Vec::new();
        for cluster in clusters(view) {
            let settings = cluster.config.settings(|line| setting(line.text));
            let last = settings.last("log_timezone");
            let (name, place) = match last {
                Some(it) => (it.value.clone(), format!("log_timezone, {}", it.line.place_of())),
                None => (b"GMT".to_vec(), format!("PostgreSQL, as log_timezone is not set in {}", cluster.folder)),
            };
            let directory = settings.last("log_directory").map_or(b"log".as_slice(), |it| it.value.as_slice());
            let mut folders = vec![cluster.data.as_bytes().to_vec()];
            if directory.starts_with(b"/") {
                folders.push(directory.to_vec());
            }
            let debian = cluster.folder.strip_prefix("/etc/").unwrap_or_default().replace('/', "-");
            let zone = std::str::from_utf8(&name).ok().and_then(zone);
            let zone = zone.map(|zone| Zone::new(zone, format!("zone {} of {place}", visible(&name))));
            zones.push(Cluster { folders, name: [debian.as_bytes(), b".log"].concat(), zone });
        }
        Self(zones)
    }

    /// The zone of a log: of the cluster that it is of, as far as its place or its name tell, or of all of them, if they have
    /// one; `None` if that is not known.
    pub(super) fn choose(&self, context: &Context<'_>) -> Option<&Zone> {
        let candidate = Candidate { path: context.path, head: b"", host: context.host };
        let stem = candidate.stem();
        if let Some(cluster) = self.0.iter().find(|it| it.name == stem) {
            return cluster.zone.as_ref();
        }
        let is_in =
            |folder: &Vec<u8>| context.path.strip_prefix(folder.as_slice()).is_some_and(|it| it.starts_with(b"/"));
        let mut inside = self.0.iter().filter(|cluster| cluster.folders.iter().any(is_in)).peekable();
        let all = self.0.iter();
        if inside.peek().is_some() { one(inside) } else { one(all) }
    }
}

/// The zone that all of some clusters have.
fn one<'a>(mut clusters: impl Iterator<Item = &'a Cluster>) -> Option<&'a Zone> {
    let first = clusters.next()?.zone.as_ref()?;
    clusters.all(|it| it.zone.as_ref().is_some_and(|zone| zone.is_same(first))).then_some(first)
}

/// A zone by its name, or by the rules of POSIX, as `CET-1CEST`; without a name in the bundled data it is not known.
fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).or_else(|_| TimeZone::posix(name)).ok()
}

/// What short names of zones mean in one log.
#[derive(Debug)]
pub(super) struct Names<'a> {
    zone: &'a Zone,
    /// Whether the settings of the server tell it; it is that of the machine otherwise.
    is_told: bool,
    /// The quarter of an hour and the name that were asked for last, with the seconds ahead of UTC, if the name fits.
    last: Option<(Civil, Vec<u8>, Option<i64>)>,
    /// Names that do not fit, and were told.
    told: Vec<Vec<u8>>,
}

/// Names that do not fit which are told of one log.
const TOLD: usize = 16;

impl<'a> Names<'a> {
    pub(super) const fn new(zone: &'a Zone, is_told: bool) -> Self {
        Self { zone, is_told, last: None, told: Vec::new() }
    }

    /// When it was. A name that the zone has at that time is that of the zone: `CST` is another in Shanghai than in Chicago, and
    /// `IST` is no name that PostgreSQL takes by itself.
    pub(super) fn at(
        &mut self,
        shown: &Shown<'_>,
        clock: &mut Clock<'_>,
        span: Span,
        output: &mut Output<'_>,
    ) -> (Option<Timestamp>, TimeBasis) {
        if shown.name.is_empty() {
            return clock.at(shown.civil, shown.ahead);
        }
        match self.ahead(shown) {
            Some(ahead) if shown.ahead == Some(ahead) => clock.at(shown.civil, shown.ahead),
            Some(ahead) => clock.ahead(shown.civil, ahead),
            None => {
                self.unfit(shown, span, output);
                clock.at(shown.civil, shown.ahead)
            }
        }
    }

    fn ahead(&mut self, shown: &Shown<'_>) -> Option<i64> {
        let civil = Civil { minute: shown.civil.minute.div_euclid(15), second: 0, nanosecond: 0, ..shown.civil };
        if let Some((last, name, ahead)) = &self.last
            && *last == civil
            && name == shown.name
        {
            return *ahead;
        }
        let ahead = self.zone.ahead_by_name(&shown.civil, shown.name);
        self.last = Some((civil, shown.name.to_vec(), ahead));
        ahead
    }

    fn unfit(&mut self, shown: &Shown<'_>, span: Span, output: &mut Output<'_>) {
        // What a server of another zone than the machine's wrote is nothing odd, and a time that there never was has no zone.
        if (shown.ahead.is_some() && !self.is_told) || shown.civil.seconds().is_none() {
            return;
        }
        if self.told.len() >= TOLD || self.told.iter().any(|name| name == shown.name) {
            return;
        }
        self.told.push(shown.name.to_vec());
        let taken = if shown.ahead.is_some() {
            "it is taken for the one that is usually called so"
        } else {
            "it is passed over"
        };
        let (name, reason) = (visible(shown.name), self.zone.reason());
        output
            .issue(span, &format!("{name} is no name of the zone that was expected at that time ({reason}); {taken}"));
    }
}
