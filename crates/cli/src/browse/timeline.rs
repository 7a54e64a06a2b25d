//! `kanshiki timeline`: the times of all inodes.

mod body;

use super::node::{self, PathFields};
use super::search::{self, Writer};
use crate::console::Console;
use crate::csv;
#[cfg(feature = "examine")]
use crate::events;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use clap::ValueEnum;
use jiff::tz::TimeZone;
use kanshiki_browse::Accounts;
use kanshiki_browse::bounds::Times;
use kanshiki_browse::timeline::{TimeEvent, TimelineOptions, Told, in_order};
use kanshiki_filesystem::Follow;
use kanshiki_model::{EvidencePath, FileTime, visible};
use serde::Serialize;
use std::ffi::OsString;
#[cfg(feature = "examine")]
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
An event is a time of an inode: m content changed, a read, c inode changed, b created, d deleted;
those of one inode that are the same are one event. Events come in order of time; at the same time
by volume, inode and path. Deleted names and inodes are among them unless --live. The form body is
the bodyfile that mactime reads, with the fields of `fls -m /`: it comes in the order of the tree,
with whole seconds, and 0 for times that are not recorded; a | in a name is written \\x7c. Times are
in UTC; --zone adds local time beside it, and reads --from and --to in that zone. `--zone image`
takes the zone of the image's own /etc/localtime.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done.

With --case and without an image it lists the events that `kanshiki examine` put into the case's
store: records of logs and times of files together, each with the place that it comes from. Behind
the time stand z, y or yz where the zone, the year or both are inferred, and ~ where the record has
no time of its own; events without any time come last. More forms: timesketch (JSON lines) and
timesketch-csv for Timesketch, and histogram, the number of events in each hour, day or month.

Examples:
  kanshiki timeline disk.raw --from 2024-03-05 --to 2024-03-07
  kanshiki timeline disk.raw --format body > body.txt; mactime -b body.txt -d -z UTC
  kanshiki timeline disk.raw /etc --zone image --format csv > etc.csv
  kanshiki timeline disk.raw --jsonl | gzip > timeline.jsonl.gz
  kanshiki timeline --case cases/2026-014 --source ssh --address 192.0.2.7
  kanshiki timeline --case cases/2026-014 --kind '*.login-failed' --format histogram
  kanshiki timeline --case cases/2026-014 --format timesketch > timesketch.jsonl";

/// List the times of all files in order, or with --case all events of a case; for people, mactime and Timesketch
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[cfg_attr(feature = "examine", command(group = clap::ArgGroup::new("what").args(["image", "case"]).required(true)))]
pub(crate) struct TimelineArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: Option<EvidenceArguments>,
    /// Directories or files in the image [default: /]
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// Case folder whose events are listed, in the place of an image
    #[cfg(feature = "examine")]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["live", "root", "journal", "with"])]
    case: Option<PathBuf>,
    /// Leave out what comes before this time, as 2024, 2024-03-05 or 2024-03-05T10:11
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Leave out what comes after this time; a year, a month, a day, a minute and a second mean all of it
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Zone for local times beside UTC, as Asia/Tokyo; `image` for that of the image
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Leave out deleted names and inodes
    #[arg(long)]
    live: bool,
    /// Form of the rows: text, body or csv; with --case also timesketch, timesketch-csv or histogram
    #[arg(long, value_enum, value_name = "FORM", hide_possible_values = true, default_value = "text")]
    format: Form,
    /// Which events of a case.
    #[cfg(feature = "examine")]
    #[command(flatten)]
    events: events::EventArguments,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Body,
    Csv,
    #[cfg(feature = "examine")]
    Timesketch,
    #[cfg(feature = "examine")]
    TimesketchCsv,
    #[cfg(feature = "examine")]
    Histogram,
}

impl Form {
    /// Whether another program sets the form, so that there is no other way to write it.
    const fn is_exact(self) -> bool {
        match self {
            Self::Body | Self::Csv => true,
            #[cfg(feature = "examine")]
            Self::Timesketch | Self::TimesketchCsv => true,
            _ => false,
        }
    }
}

/// An event, in JSON.
#[derive(Serialize)]
struct EventLine<'a> {
    time: FileTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_time: Option<String>,
    kinds: Vec<&'static str>,
    macbd: String,
    #[serde(flatten)]
    path: Option<PathFields<'a>>,
    name_state: &'static str,
    volume: &'a str,
    inode: u64,
    generation: u32,
    node_type: &'static str,
    mode: u16,
    uid: u32,
    user: Option<&'a str>,
    gid: u32,
    group: Option<&'a str>,
    links: u32,
    size: u64,
}

/// Runs the verb.
pub(crate) fn run(arguments: &TimelineArguments, console: &Console) -> Result<Exit, Failure> {
    if arguments.rows.jsonl && arguments.format.is_exact() {
        return Err(Failure::new("--jsonl is a form of its own, beside --format").exit(Exit::CommandLine));
    }
    #[cfg(feature = "examine")]
    if let Some(case) = &arguments.case {
        let mut output = Output::new(arguments.rows, console)?;
        of_case(case, arguments, &mut output)?;
        return output.finish();
    }
    let Some(chosen) = &arguments.evidence else {
        return Err(Failure::new("there is no image").exit(Exit::CommandLine));
    };
    let evidence = Evidence::open(chosen)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(arguments, &evidence, &mut output)?;
    output.finish()
}

/// Lists the events of a case.
#[cfg(feature = "examine")]
fn of_case(case: &Path, arguments: &TimelineArguments, output: &mut Output) -> Result<(), Failure> {
    let form = match arguments.format {
        Form::Text => events::Form::Text,
        Form::Body => events::Form::Body,
        Form::Csv => events::Form::Csv,
        Form::Timesketch => events::Form::Timesketch,
        Form::TimesketchCsv => events::Form::TimesketchCsv,
        Form::Histogram => events::Form::Histogram,
    };
    let span =
        events::Span { from: arguments.from.as_deref(), to: arguments.to.as_deref(), zone: arguments.zone.as_deref() };
    events::show(case, &arguments.events, &span, form, output)
}

/// Lists what was asked for.
pub(super) fn show(arguments: &TimelineArguments, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    let zone = arguments.zone.as_deref().map(|name| zone(evidence, name)).transpose()?;
    let read_in = zone.clone().unwrap_or(TimeZone::UTC);
    let times = Times::between(arguments.from.as_deref(), arguments.to.as_deref(), &read_in);
    let times = times.map_err(|error| Failure::of(&error).exit(Exit::CommandLine))?;
    let options = TimelineOptions { times, deleted: !arguments.live };
    let starts = search::starts(evidence, &arguments.paths)?;
    #[cfg(feature = "examine")]
    if arguments.events.is_used() || !matches!(arguments.format, Form::Text | Form::Body | Form::Csv) {
        let failure = Failure::new("this is for the events of a case, not for an image").exit(Exit::CommandLine);
        return Err(failure.hint("examine the image first, then ask with --case in the place of the image"));
    }
    let form = if output.is_json() { None } else { Some(arguments.format) };
    if form == Some(Form::Body) {
        return body::write(&evidence.view, &starts, options, output);
    }
    if form == Some(Form::Csv) {
        let local = if zone.is_some() { "local_time," } else { "" };
        output.line(&format!(
            "time,{local}macbd,permissions,uid,user,gid,group,size,links,inode,volume,name_state,path"
        ))?;
    }
    let rows = Rows { evidence, accounts: Accounts::read(&evidence.view), zone };
    let mut writer = Writer::new(output);
    let _ = in_order(&evidence.view, &starts, options, &mut |told| {
        let told = match told {
            Told::Issue(issue) => writer.output.issue(&issue),
            Told::Event(event) => match form {
                None => writer.output.object("event", &rows.object(&event)),
                Some(Form::Csv) => writer.output.line(&rows.csv(&event)),
                Some(_) => writer.output.line(&rows.text(&event)),
            },
        };
        writer.check(told)
    });
    writer.end().map(|_| ())
}

/// The zone of this name; `image` is that of the image's own `/etc/localtime`.
fn zone(evidence: &Evidence, name: &str) -> Result<TimeZone, Failure> {
    if name != "image" {
        let found = TimeZone::get(name);
        return found.map_err(|error| {
            Failure::from_error(format!("there is no zone `{name}`"), &error).exit(Exit::CommandLine)
        });
    }
    let cannot =
        |error: &(dyn std::error::Error + 'static)| Failure::from_error("cannot read the zone of the image", error);
    let found = evidence.view.lookup(&EvidencePath::from_bytes(&b"/etc/localtime"[..]), Follow::All);
    let found = found.map_err(|error| cannot(&error))?;
    let filesystem = evidence.view.filesystem(found.place).ok_or_else(|| Failure::new("there is no such volume"))?;
    let source = filesystem.content(found.place.node).map_err(|error| cannot(&error))?;
    let mut bytes = vec![0; 64 << 10];
    let read = source.read_at(0, &mut bytes).map_err(|error| cannot(&error))?;
    TimeZone::tzif("image", bytes.get(..read).unwrap_or_default()).map_err(|error| cannot(&error))
}

struct Rows<'a> {
    evidence: &'a Evidence,
    accounts: Accounts,
    zone: Option<TimeZone>,
}

impl Rows<'_> {
    fn object<'e>(&'e self, event: &TimeEvent<'e>) -> EventLine<'e> {
        let file = event.file;
        EventLine {
            time: event.time,
            local_time: self.local(event.time),
            kinds: event.kinds.iter().map(kanshiki_browse::find::TimeKind::name).collect(),
            macbd: event.kinds.letters(),
            path: event.path.map(PathFields::of_bytes),
            name_state: file.state.name(),
            volume: node::volume_name(&self.evidence.view, file.place.volume),
            inode: file.place.node.inode,
            generation: file.place.node.generation,
            node_type: file.node_type.name(),
            mode: file.mode,
            uid: file.uid,
            user: self.accounts.user(file.uid),
            gid: file.gid,
            group: self.accounts.group(file.gid),
            links: file.links,
            size: file.size,
        }
    }

    fn text(&self, event: &TimeEvent<'_>) -> String {
        let file = event.file;
        let local = self.local(event.time).map(|local| format!(" {local:<25}")).unwrap_or_default();
        let named = |number: u32, name: Option<&str>| {
            name.map_or_else(|| number.to_string(), |name| format!("{name}({number})"))
        };
        let state = if file.state == kanshiki_browse::find::NameState::Live {
            String::new()
        } else {
            format!("  ({})", file.state.name())
        };
        let path = event.path.map_or_else(|| "(no name)".to_owned(), visible);
        format!(
            "{:<30}{local} {} {} {:>12} {:>12} {:>12} {}{:<10} {path}{state}",
            event.time.to_string(),
            event.kinds.letters(),
            file.node_type.permissions(file.mode),
            named(file.uid, self.accounts.user(file.uid)),
            named(file.gid, self.accounts.group(file.gid)),
            file.size,
            self.volume(file.place.volume),
            file.place.node.inode,
        )
    }

    fn volume(&self, volume: usize) -> String {
        let name = node::volume_name(&self.evidence.view, volume);
        if name.is_empty() { String::new() } else { format!("{name}:") }
    }

    fn csv(&self, event: &TimeEvent<'_>) -> String {
        let file = event.file;
        let fields = [
            Some(event.time.to_string()),
            self.zone.as_ref().map(|_| self.local(event.time).unwrap_or_default()),
            Some(event.kinds.letters()),
            Some(file.node_type.permissions(file.mode)),
            Some(file.uid.to_string()),
            Some(self.accounts.user(file.uid).unwrap_or_default().to_owned()),
            Some(file.gid.to_string()),
            Some(self.accounts.group(file.gid).unwrap_or_default().to_owned()),
            Some(file.size.to_string()),
            Some(file.links.to_string()),
            Some(file.place.node.inode.to_string()),
            Some(node::volume_name(&self.evidence.view, file.place.volume).to_owned()),
            Some(file.state.name().to_owned()),
            Some(event.path.map(visible).unwrap_or_default()),
        ];
        let fields: Vec<String> = fields.into_iter().flatten().collect();
        csv::row(&fields)
    }

    /// The same time in the zone that was asked for, with its offset.
    fn local(&self, time: FileTime) -> Option<String> {
        let zone = self.zone.as_ref()?;
        let utc = jiff::Timestamp::from_second(time.seconds()).ok()?;
        Some(utc.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    }
}
