//! The events of a case on one line of time, in the forms that people and other tools read.

mod body;
mod histogram;
mod rows;
mod timesketch;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use histogram::Step;
use jiff::tz::TimeZone;
use kanshiki_browse::bounds::Times;

use kanshiki_model::{Issue, Note, visible};
use kanshiki_store::{Filter, Reader, StoredEvent};
use std::ops::ControlFlow;
use std::path::Path;

/// Which events of a case are wanted.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Events of a case")]
pub(crate) struct EventArguments {
    /// Only from this source, the first part of a kind, as ssh, web, file; may be given again
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Only of this kind, as ssh.login or '*.login-failed'; may be given again
    #[arg(long, value_name = "PATTERN")]
    kind: Vec<String>,
    /// Only from this exhibit, by the name or pattern of it as the events show it, as '*web.img'
    #[arg(long, value_name = "PATTERN")]
    exhibit: Option<String>,
    /// Only about this account
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only about this network address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Only with this text in the message or another text of the event, in small or capital letters
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only from files of this path, as /var/log/*
    #[arg(long, value_name = "PATTERN")]
    path: Option<String>,
    /// Step of the histogram: hour, day, month or year [default: the finest that fits]
    #[arg(long, value_enum, value_name = "STEP", hide_possible_values = true)]
    by: Option<Step>,
}

impl EventArguments {
    /// Whether anything was asked for.
    pub(crate) const fn is_used(&self) -> bool {
        let texts = self.user.is_some() || self.address.is_some() || self.text.is_some() || self.path.is_some();
        texts || self.exhibit.is_some() || self.by.is_some() || !self.source.is_empty() || !self.kind.is_empty()
    }
}

/// The form in which events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A line each, for people.
    Text,
    /// A table.
    Csv,
    /// For mactime.
    Body,
    /// JSON lines for Timesketch.
    Timesketch,
    /// A table for Timesketch.
    TimesketchCsv,
    /// How many there are in each span of time.
    Histogram,
}

/// When, and as which clock shows it.
#[derive(Debug)]
pub(crate) struct Span<'a> {
    /// The first time.
    pub(crate) from: Option<&'a str>,
    /// The last.
    pub(crate) to: Option<&'a str>,
    /// The zone for local times; `image` for that of the exhibit.
    pub(crate) zone: Option<&'a str>,
}

/// Lists the events of the case in this folder.
pub(crate) fn show(
    case: &Path,
    arguments: &EventArguments,
    span: &Span<'_>,
    form: Form,
    output: &mut Output,
) -> Result<(), Failure> {
    if arguments.by.is_some() && form != Form::Histogram {
        let failure = Failure::new("--by is the step of a histogram").exit(Exit::CommandLine);
        return Err(failure.hint("add --format histogram"));
    }
    let reader = Reader::open(&case.join(kanshiki_custody::case::EVENTS)).map_err(|error| Failure::of(&error))?;
    tell_if_unfinished(&reader, case, output)?;
    let zone = span.zone.map(|name| zone(&reader, name)).transpose()?;
    let times = Times::between(span.from, span.to, zone.as_ref().unwrap_or(&TimeZone::UTC));
    let (from, to) = times.map_err(|error| Failure::of(&error).exit(Exit::CommandLine))?.nanoseconds();
    let filter = Filter { from, to, ..filter(arguments) };
    if form == Form::Histogram {
        return histogram::show(&reader, &filter, zone, arguments.by, output);
    }
    if !output.is_json() {
        match form {
            Form::Csv => output.line(&rows::heading(zone.is_some()))?,
            Form::TimesketchCsv => output.line(timesketch::HEADING)?,
            _ => {}
        }
    }
    let has_several = reader.exhibits().map_err(|error| Failure::of(&error))?.len() > 1;
    let mut writing = Writing { form, zone, has_several, output, without_time: 0 };
    let mut written = Ok(());
    let read = reader.events(&filter, &mut |event| {
        written = writing.event(event);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written?;
    read.map_err(|error| Failure::of(&error))?;
    writing.end()
}

/// Tells that events are missing, because an examination is not at its end.
pub(crate) fn tell_if_unfinished(reader: &Reader, case: &Path, output: &mut Output) -> Result<(), Failure> {
    if reader.is_unfinished().map_err(|error| Failure::of(&error))? {
        let what =
            "an examination did not come to its end: events are missing; the same `kanshiki examine` again goes on";
        output.issue(&Issue::new(visible(case.as_os_str().as_encoded_bytes()), what))?;
    }
    Ok(())
}

struct Writing<'o> {
    form: Form,
    zone: Option<TimeZone>,
    /// Whether the case has several exhibits.
    has_several: bool,
    output: &'o mut Output,
    /// Events that the form has no place for.
    without_time: u64,
}

impl Writing<'_> {
    fn event(&mut self, event: &StoredEvent) -> Result<(), Failure> {
        let zone = self.zone.as_ref();
        if self.output.is_json() {
            return self.output.object("event", &rows::object(event, zone));
        }
        let line = match self.form {
            Form::Csv => Some(rows::csv(event, zone)),
            Form::Body => body::line(event),
            Form::Timesketch => timesketch::json(event)?,
            Form::TimesketchCsv => timesketch::csv(event),
            Form::Text | Form::Histogram => Some(rows::text(event, zone, self.has_several)),
        };
        match line {
            Some(line) => self.output.line(&line),
            None => {
                self.without_time = self.without_time.saturating_add(1);
                Ok(())
            }
        }
    }

    fn end(self) -> Result<(), Failure> {
        if self.without_time == 0 {
            return Ok(());
        }
        let message =
            format!("{} events without a time are left out: this form has no place for them", self.without_time);
        self.output.note(&Note { subject: "timeline".to_owned(), message })
    }
}

fn filter(arguments: &EventArguments) -> Filter {
    Filter {
        sources: arguments.source.clone(),
        kinds: arguments.kind.clone(),
        exhibit: arguments.exhibit.clone(),
        user: arguments.user.clone(),
        address: arguments.address.clone(),
        text: arguments.text.clone(),
        path: arguments.path.clone(),
        ..Filter::default()
    }
}

/// The zone of this name; `image` is that of the exhibits.
fn zone(reader: &Reader, name: &str) -> Result<TimeZone, Failure> {
    let of_exhibits;
    let name = if name == "image" {
        let zones = reader.zones().map_err(|error| Failure::of(&error))?;
        let [only] = zones.as_slice() else {
            let found = if zones.is_empty() { "none".to_owned() } else { zones.join(", ") };
            let failure = Failure::new(format!("the exhibits of the case do not name one zone, but {found}"));
            return Err(failure.hint("give the name of a zone, as --zone Asia/Tokyo"));
        };
        of_exhibits = only.clone();
        of_exhibits.as_str()
    } else {
        name
    };
    let found = TimeZone::get(name);
    found.map_err(|error| Failure::from_error(format!("there is no zone `{name}`"), &error).exit(Exit::CommandLine))
}
