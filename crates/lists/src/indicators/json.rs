//! Indicators as JSON: bundles of STIX, events of MISP.
//!
//! Sources: STIX 2.1, sections 4.7 (indicators) and 8 (bundles); MISP core format (draft-dulaunoy-misp-core-format).

use super::kinds::of_kind;
use super::pattern::patterns;
use super::{Indicators, What};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde_json::Value;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::marker::PhantomData;

/// The first byte that is no blank, if it comes early.
pub(super) fn first_sign(file: impl Read) -> io::Result<Option<u8>> {
    let mut begin = Vec::new();
    file.take(4096).read_to_end(&mut begin)?;
    let begin = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&begin);
    Ok(begin.trim_ascii_start().first().copied())
}

/// One, or several in an array; without a copy of either.
#[derive(Debug)]
struct Many<T>(Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Of<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Of<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object, or an array of objects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::new();
                while let Some(one) = all.next_element()? {
                    found.push(one);
                }
                Ok(Many(found))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|one| Many(vec![one]))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Many(Vec::new()))
            }
        }
        from.deserialize_any(Of(PhantomData))
    }
}

/// What the outermost object may be: a bundle, an indicator alone, an event, an answer of MISP.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(rename = "type")]
    kind: Option<String>,
    objects: Many<Object>,
    pattern: Option<String>,
    pattern_type: Option<String>,
    name: Option<String>,
    #[serde(rename = "Event")]
    event: Many<Event>,
    response: Many<Answer>,
    #[serde(rename = "Attribute")]
    attributes: Many<Attribute>,
    #[serde(rename = "Object")]
    groups: Many<Group>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    pattern: Option<String>,
    pattern_type: Option<String>,
    revoked: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(rename = "Event")]
    event: Many<Event>,
    #[serde(rename = "Attribute")]
    attributes: Many<Attribute>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    info: Option<String>,
    #[serde(rename = "Attribute")]
    attributes: Many<Attribute>,
    #[serde(rename = "Object")]
    groups: Many<Group>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Group {
    #[serde(rename = "Attribute")]
    attributes: Many<Attribute>,
    deleted: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attribute {
    #[serde(rename = "type")]
    kind: String,
    value: String,
    comment: Option<String>,
    to_ids: Value,
    deleted: Value,
}

/// Reads a document, or an array of them.
pub(super) fn read(list: impl Read) -> serde_json::Result<Indicators> {
    let mut list = BufReader::with_capacity(1 << 16, list);
    let mut begin = [0; 3];
    // The mark of the order of bytes, which JSON does not have.
    let count = list.by_ref().take(3).read(&mut begin).map_err(serde_json::Error::io)?;
    let begin = begin.get(..count).unwrap_or_default();
    let begin = if begin == b"\xef\xbb\xbf" { &[] } else { begin };
    let documents: Many<Document> = serde_json::from_reader(begin.chain(list))?;
    let mut reading = Reading::default();
    let mut is_known = documents.0.is_empty();
    for document in documents.0 {
        is_known |= reading.document(document);
    }
    if is_known { Ok(reading.found) } else { Err(Error::custom("no `objects`, `Event`, `Attribute` or `response`")) }
}

#[derive(Debug, Default)]
struct Reading {
    found: Indicators,
    /// Objects or attributes so far.
    number: u64,
}

impl Reading {
    /// Whether it is of a form that is known.
    fn document(&mut self, document: Document) -> bool {
        let Document { kind, objects, pattern, pattern_type, name, event, response, attributes, groups } = document;
        let is_stix = kind.as_deref() == Some("bundle") || pattern.is_some() || !objects.0.is_empty();
        let is_misp = !(event.0.is_empty() && response.0.is_empty() && attributes.0.is_empty() && groups.0.is_empty());
        objects.0.into_iter().for_each(|object| self.object(object));
        if pattern.is_some() {
            let kind = kind.unwrap_or_default();
            self.object(Object { kind, name, pattern, pattern_type, revoked: false });
        }
        event.0.into_iter().for_each(|event| self.event(event));
        for answer in response.0 {
            answer.event.0.into_iter().for_each(|event| self.event(event));
            answer.attributes.0.into_iter().for_each(|attribute| self.attribute(&attribute, ""));
        }
        self.event(Event { info: None, attributes, groups });
        is_stix || is_misp
    }

    fn object(&mut self, object: Object) {
        self.number = self.number.saturating_add(1);
        if object.kind != "indicator" || object.revoked {
            return;
        }
        let name = object.name.unwrap_or_default();
        let kind = object.pattern_type.unwrap_or_else(|| "stix".to_owned());
        let Some(pattern) = object.pattern.filter(|_| kind == "stix") else {
            return self.found.refuse(self.number, &format!("{name}: a pattern of {kind}"));
        };
        let (all, refused) = patterns(&pattern);
        all.into_iter().for_each(|what| self.found.push(what, &name, self.number));
        for part in refused {
            self.found.refuse(self.number, &format!("{name}: {part}"));
        }
    }

    fn event(&mut self, event: Event) {
        let info = event.info.unwrap_or_default();
        event.attributes.0.into_iter().for_each(|attribute| self.attribute(&attribute, &info));
        for group in event.groups.0.into_iter().filter(|group| !is_true(&group.deleted)) {
            group.attributes.0.into_iter().for_each(|attribute| self.attribute(&attribute, &info));
        }
    }

    /// Takes an attribute, unless it is said to be no indicator.
    fn attribute(&mut self, attribute: &Attribute, info: &str) {
        self.number = self.number.saturating_add(1);
        let is_wanted = attribute.to_ids.is_null() || is_true(&attribute.to_ids);
        if !is_wanted || is_true(&attribute.deleted) {
            return;
        }
        let comment = attribute.comment.as_deref().unwrap_or_default();
        let parts = [info, comment].into_iter().filter(|part| !part.is_empty());
        let label = parts.collect::<Vec<_>>().join(": ");
        match of_kind(&attribute.kind, &attribute.value) {
            Ok(all) => all.into_iter().for_each(|what: What| self.found.push(what, &label, self.number)),
            Err(why) => {
                let value: String = attribute.value.chars().take(80).collect();
                self.found.refuse(self.number, &format!("{} `{value}`: {why}", attribute.kind));
            }
        }
    }
}

/// MISP writes true, 1 or "1".
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Number(value) => value.as_i64() == Some(1),
        Value::String(value) => value == "1" || value.eq_ignore_ascii_case("true"),
        _ => false,
    }
}
