//! Events as lines for people, as a table, and as JSON lines.

use crate::csv;
use jiff::tz::TimeZone;
use kanshiki_model::Timestamp;
use kanshiki_store::StoredEvent;
use serde::Serialize;
use serde_json::{Map, Value};

/// An event, in JSON.
#[derive(Serialize)]
pub(super) struct EventLine<'a> {
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_time: Option<String>,
    time_basis: &'a str,
    kind: &'a str,
    exhibit: &'a str,
    volume: &'a str,
    path: Option<&'a str>,
    inode: i64,
    offset: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_offset: Option<i64>,
    length: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Map<String, Value>>,
}

pub(super) fn object<'a>(event: &'a StoredEvent, zone: Option<&TimeZone>) -> EventLine<'a> {
    EventLine {
        time: event.time.map(utc),
        local_time: local(event, zone),
        time_basis: &event.basis,
        kind: &event.kind,
        exhibit: &event.exhibit,
        volume: &event.volume,
        path: event.path.as_deref(),
        inode: event.inode,
        offset: event.offset,
        content_offset: event.content_offset,
        length: event.length,
        line: event.line,
        host: event.host.as_deref(),
        program: event.program.as_deref(),
        pid: event.pid,
        user: event.user.as_deref(),
        address: event.address.as_deref(),
        message: event.message.as_deref(),
        // A store from somebody else may hold anything.
        fields: event.fields.as_deref().and_then(|fields| serde_json::from_str(fields).ok()),
    }
}

/// A time in UTC (RFC 3339).
pub(super) fn utc(nanoseconds: i64) -> String {
    Timestamp::from_nanoseconds(nanoseconds).to_string()
}

/// The time of an event as a clock in the zone shows it, with its offset.
fn local(event: &StoredEvent, zone: Option<&TimeZone>) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(i128::from(event.time?)).ok()?;
    Some(time.to_zoned_datetime(zone?.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// A line for people: time, how it is known, kind, who, from where, what, and where it stands, with the exhibit if there are
/// several.
pub(super) fn text(event: &StoredEvent, zone: Option<&TimeZone>, has_several: bool) -> String {
    let time = event.time.map_or_else(|| "-".to_owned(), utc);
    let local = match zone {
        Some(_) => format!(" {:<25}", local(event, zone).unwrap_or_default()),
        None => String::new(),
    };
    let user = event.user.as_deref().unwrap_or("-");
    let address = event.address.as_deref().unwrap_or("-");
    let message = event.message.as_deref().unwrap_or_default();
    let basis = basis(&event.basis);
    let mut line = format!("{time:<30}{local} {basis:<2} {:<20} {user:<10} {address:<15} {message}", event.kind);
    let exhibit = if has_several { format!("{}:", event.exhibit) } else { String::new() };
    if event.kind.starts_with("file") {
        // The message of a time of a file is its path.
        let state = if event.state == "allocated" { String::new() } else { format!(", {}", event.state) };
        line.push_str(&format!("  ({exhibit}inode {}{state})", event.inode));
    } else {
        line.push_str(&format!("  ({exhibit}{})", place(event)));
    }
    line
}

/// How a time is known, in two letters: nothing where the record says it.
fn basis(name: &str) -> &str {
    match name {
        "stated" => "",
        "zone-inferred" => "z",
        "year-inferred" => "y",
        "year-and-zone-inferred" => "yz",
        _ => "~",
    }
}

/// Where the record of an event stands.
pub(super) fn place(event: &StoredEvent) -> String {
    let volume = if event.volume.is_empty() { String::new() } else { format!("{}:", event.volume) };
    let path = event.path.as_deref().map_or_else(|| format!("inode {}", event.inode), str::to_owned);
    match event.line {
        Some(line) => format!("{volume}{path}:{line}"),
        None => format!("{volume}{path}@{}", event.content_offset.unwrap_or(event.offset)),
    }
}

/// The first row of the table.
pub(super) fn heading(with_local: bool) -> String {
    let local = if with_local { "local_time," } else { "" };
    format!(
        "time,{local}time_basis,kind,user,address,host,program,pid,message,fields,exhibit,volume,path,inode,offset,content_offset,length,line"
    )
}

/// A row of the table.
pub(super) fn csv(event: &StoredEvent, zone: Option<&TimeZone>) -> String {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut fields = vec![event.time.map(utc).unwrap_or_default()];
    if zone.is_some() {
        fields.push(local(event, zone).unwrap_or_default());
    }
    fields.extend([
        event.basis.clone(),
        event.kind.clone(),
        text(&event.user),
        text(&event.address),
        text(&event.host),
        text(&event.program),
        number(event.pid),
        text(&event.message),
        text(&event.fields),
    ]);
    fields.extend(place_columns(event));
    csv::harmless_row(&fields)
}

/// The last columns of every table: where the record stands.
pub(super) fn place_columns(event: &StoredEvent) -> [String; 8] {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    [
        event.exhibit.clone(),
        event.volume.clone(),
        event.path.clone().unwrap_or_default(),
        event.inode.to_string(),
        event.offset.to_string(),
        number(event.content_offset),
        event.length.to_string(),
        number(event.line),
    ]
}
