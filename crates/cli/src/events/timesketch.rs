//! Events in the two forms that Timesketch imports: JSON lines and CSV.
//!
//! Each has `message`, `datetime` (ISO 8601), `timestamp` (microseconds since 1970) and `timestamp_desc`; all else is kept as
//! fields. Those of the record are texts in JSON, since OpenSearch refuses a document whose field is of another type than in
//! the first one; a name that stands for something of every event has `record_` before it. Source: Timesketch, "Create timeline
//! from JSON/JSONL/CSV file". OpenSearch refuses a document with a word of more than 32,766 bytes in a field of exact words
//! (Lucene, `IndexWriter.MAX_TERM_LENGTH`): longer texts are cut there.

use super::rows;
use crate::csv;
use crate::failure::Failure;
use crate::json::json_text;
use kanshiki_store::StoredEvent;
use serde_json::{Map, Value, json};

/// Bytes of a text that OpenSearch takes.
const MOST_BYTES: usize = 32_766;

/// What stands at the end of a text that is cut.
const CUT: &str = "… [cut]";

/// The first row of the table.
pub(super) const HEADING: &str = "message,timestamp,datetime,timestamp_desc,time_basis,kind,user,address,host,program,pid,fields,exhibit,volume,path,inode,offset,content_offset,length,line";

/// An event as a line of JSON; `None` if it has no time.
pub(super) fn json(event: &StoredEvent) -> Result<Option<String>, Failure> {
    let Some(time) = event.time else { return Ok(None) };
    let mut object = Map::new();
    if let Some(Ok(Value::Object(fields))) = event.fields.as_deref().map(serde_json::from_str) {
        object.extend(fields.into_iter().map(|(name, value)| (field_name(name), text_value(value))));
    }
    let mut add = |name: &str, value: Value| object.insert(name.to_owned(), cut_value(value));
    add("message", message(event).into());
    add("datetime", datetime(time).into());
    add("timestamp", time.div_euclid(1000).into());
    add("timestamp_desc", description(event).into());
    add("time_basis", event.basis.clone().into());
    add("kind", event.kind.clone().into());
    let texts = [
        ("user", &event.user),
        ("address", &event.address),
        ("host", &event.host),
        ("program", &event.program),
        ("path", &event.path),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            add(name, text.clone().into());
        }
    }
    add("exhibit", event.exhibit.clone().into());
    add("volume", event.volume.clone().into());
    add("inode", event.inode.into());
    add("offset", event.offset.into());
    add("length", event.length.into());
    for (name, number) in [("pid", event.pid), ("content_offset", event.content_offset), ("line", event.line)] {
        if let Some(number) = number {
            add(name, json!(number));
        }
    }
    json_text(&Value::Object(object)).map(Some)
}

/// An event as a row of the table; `None` if it has no time.
pub(super) fn csv(event: &StoredEvent) -> Option<String> {
    let time = event.time?;
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| cut(text.clone().unwrap_or_default());
    let mut fields = vec![
        cut(message(event)),
        time.div_euclid(1000).to_string(),
        datetime(time),
        description(event),
        event.basis.clone(),
        event.kind.clone(),
        text(&event.user),
        text(&event.address),
        text(&event.host),
        text(&event.program),
        number(event.pid),
        text(&event.fields),
    ];
    fields.extend(rows::place_columns(event));
    Some(csv::row(&fields))
}

/// The name of a field of a record, which takes the place of none that stands for all events.
fn field_name(name: String) -> String {
    if HEADING.split(',').any(|column| column == name) { format!("record_{name}") } else { name }
}

/// A value of a record as text, lists as texts.
fn text_value(value: Value) -> Value {
    match value {
        Value::Null | Value::String(_) => cut_value(value),
        Value::Array(values) => Value::Array(values.into_iter().map(text_value).collect()),
        other => Value::String(cut(other.to_string())),
    }
}

/// Timesketch takes no event without a message.
fn message(event: &StoredEvent) -> String {
    let message = event.message.as_ref().or(event.path.as_ref()).cloned();
    message.unwrap_or_else(|| format!("{} (inode {})", event.kind, event.inode))
}

/// The time in UTC, with the offset in numbers as Timesketch's own examples have it.
fn datetime(time: i64) -> String {
    let utc = rows::utc(time);
    utc.strip_suffix('Z').map_or_else(|| utc.clone(), |time| format!("{time}+00:00"))
}

/// What the time is, in the words of plaso.
fn description(event: &StoredEvent) -> String {
    let Some(letters) = event.kind.strip_prefix("file.") else { return "Event Recorded".to_owned() };
    let words = [
        ('m', "Content Modification Time"),
        ('a', "Last Access Time"),
        ('c', "Metadata Modification Time"),
        ('b', "Creation Time"),
        ('d', "Deletion Time"),
    ];
    let words: Vec<&str> =
        words.iter().filter(|(letter, _)| letters.contains(*letter)).map(|(_, word)| *word).collect();
    words.join("; ")
}

fn cut_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut(text)),
        value => value,
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MOST_BYTES {
        let mut end = MOST_BYTES.saturating_sub(CUT.len());
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        text.truncate(end);
        text.push_str(CUT);
    }
    text
}
