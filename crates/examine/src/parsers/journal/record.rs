//! What entries say, as events.

use super::data::{Check, Slot};
use super::object::{HEADER_BYTES, Kind, Object};
use super::pages::Way;
use super::walk::{Contents, Found, Visitor};
use crate::details::Details;
use crate::output::Output;
use crate::programs::describe;
use crate::scan::number;
use kanshiki_model::{ByteRange, Event, Span, Timestamp, Value};
use std::ops::Range;

/// The place of a field that is not given.
pub(super) const UNWANTED: usize = usize::MAX;

/// The longest name of a field, with the sign behind it (systemd.journal-fields(7): 64 bytes).
const NAME_BYTES: usize = 65;

/// Fields that are given, each at its place (systemd.journal-fields(7); journald of Docker and Podman for the last four).
const FIELDS: [&[u8]; 33] = [
    b"MESSAGE",
    b"_HOSTNAME",
    b"SYSLOG_IDENTIFIER",
    b"_COMM",
    b"_PID",
    b"SYSLOG_PID",
    b"UNIT",
    b"USER_UNIT",
    b"_SYSTEMD_UNIT",
    b"_SYSTEMD_USER_UNIT",
    b"PRIORITY",
    b"SYSLOG_FACILITY",
    b"_TRANSPORT",
    b"_UID",
    b"_GID",
    b"_AUDIT_LOGINUID",
    b"_AUDIT_SESSION",
    b"_SYSTEMD_SESSION",
    b"_EXE",
    b"_CMDLINE",
    b"MESSAGE_ID",
    b"_SOURCE_REALTIME_TIMESTAMP",
    b"_KERNEL_DEVICE",
    b"_AUDIT_TYPE_NAME",
    b"_MACHINE_ID",
    b"SESSION_ID",
    b"USER_ID",
    b"LEADER",
    b"COREDUMP_EXE",
    b"CONTAINER_NAME",
    b"CONTAINER_ID_FULL",
    b"CONTAINER_ID",
    b"IMAGE_NAME",
];

const MESSAGE: usize = 0;
const HOSTNAME: usize = 1;
const IDENTIFIER: usize = 2;
const COMM: usize = 3;
const PID: usize = 4;
const SYSLOG_PID: usize = 5;
/// The unit that a message of systemd is about, or else the one that wrote it.
const UNITS: Range<usize> = 6..10;
const MACHINE: usize = 24;
const USER: usize = 26;

/// Fields that are given as text, under these names.
const TEXTS: [(&str, usize); 14] = [
    ("transport", 12),
    ("login_session", 17),
    ("exe", 18),
    ("cmdline", 19),
    ("message_id", 20),
    ("device", 22),
    ("audit_type", 23),
    ("logind_session", 25),
    ("coredump_exe", 28),
    ("container", 29),
    ("container_id", 30),
    ("container_id", 31),
    ("image", 32),
    ("comm", COMM),
];

/// Fields that are given as numbers, or as text if they are none.
const NUMBERS: [(&str, usize); 8] = [
    ("priority", 10),
    ("facility", 11),
    ("process_uid", 13),
    ("process_gid", 14),
    ("login_uid", 15),
    ("audit_session", 16),
    ("source_time", 21),
    ("leader", 27),
];

/// The place of the field that a content is of, and its value.
pub(super) fn field_of(content: &[u8]) -> (usize, &[u8]) {
    let name = content.get(..NAME_BYTES.min(content.len())).unwrap_or_default();
    let Some(end) = memchr::memchr(b'=', name) else { return (UNWANTED, b"") };
    let name = name.get(..end).unwrap_or_default();
    let value = content.get(end.saturating_add(1)..).unwrap_or_default();
    (FIELDS.iter().position(|field| *field == name).unwrap_or(UNWANTED), value)
}

/// Bytes of values that are given, all together, as a multiple of the length of the file, and at least. Real journals reach 4.
const GIVEN_RATIO: u64 = 64;
const GIVEN_BYTES: u64 = 256 << 20;

/// Bytes of a value that are given of each field but the message.
const VALUE_BYTES: usize = 64 << 10;

/// Bytes of a value that are given when too many were.
const LEAST_BYTES: usize = 256;

/// Messages of one entry that are given beside the first.
const MESSAGES: usize = 8;

/// The values of one entry.
#[derive(Debug)]
struct Values {
    bytes: Vec<u8>,
    /// Where each begins and ends.
    places: [Option<(usize, usize)>; FIELDS.len()],
    /// The same of further messages.
    messages: Vec<(usize, usize)>,
    /// Objects that could not be read, or are not what the entry says of them.
    damaged: u64,
    is_cut: bool,
}

impl Values {
    const fn new() -> Self {
        Self { bytes: Vec::new(), places: [None; FIELDS.len()], messages: Vec::new(), damaged: 0, is_cut: false }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.places = [None; FIELDS.len()];
        self.messages.clear();
        (self.damaged, self.is_cut) = (0, false);
    }

    fn get(&self, field: usize) -> &[u8] {
        let place = self.places.get(field).copied().flatten();
        place.and_then(|(start, end)| self.bytes.get(start..end)).unwrap_or_default()
    }

    /// The first of several fields that there is.
    fn first(&self, mut fields: Range<usize>) -> &[u8] {
        fields.find_map(|field| Some(self.get(field)).filter(|value| !value.is_empty())).unwrap_or_default()
    }

    /// The messages behind the first.
    fn further_messages(&self) -> impl Iterator<Item = &[u8]> {
        self.messages.iter().filter_map(|(start, end)| self.bytes.get(*start..*end))
    }

    /// Takes a value; of several of one field the first, and of messages some more.
    fn put(&mut self, field: usize, value: &[u8], most: usize, is_cut: bool) {
        let Some(place) = self.places.get_mut(field) else { return };
        if place.is_some() && (field != MESSAGE || self.messages.len() >= MESSAGES) {
            return;
        }
        let most = if field == MESSAGE { most } else { most.min(VALUE_BYTES) };
        let given = value.get(..most.min(value.len())).unwrap_or_default();
        self.is_cut |= is_cut || given.len() < value.len();
        let start = self.bytes.len();
        self.bytes.extend_from_slice(given);
        match place {
            Some(_) => self.messages.push((start, self.bytes.len())),
            None => *place = Some((start, self.bytes.len())),
        }
    }
}

/// Whether a content is the one that an entry means.
#[derive(PartialEq, Eq)]
enum Trust {
    Whole,
    /// It is, with damage.
    Damaged,
    /// It is another.
    No,
}

/// By the hash that the entry tells, if it does, and the one that the object tells.
fn trust(named: Option<u64>, stored: u64, check: Check) -> Trust {
    match (named, check) {
        (None, Check::Right | Check::Unknown) => Trust::Whole,
        (Some(named), Check::Right | Check::Unknown) if named == stored => Trust::Whole,
        (Some(named), Check::Wrong(found)) if named == found => Trust::Whole,
        (None, Check::Wrong(_) | Check::Broken) => Trust::Damaged,
        (Some(named), Check::Wrong(_) | Check::Broken) if named == stored => Trust::Damaged,
        _ => Trust::No,
    }
}

/// Makes events of entries.
pub(super) struct Records<'r, 'o> {
    output: &'r mut Output<'o>,
    values: Values,
    /// The machine of the header; entries of another say so.
    machine: String,
    /// The boot of the entry before, as it is given.
    boot: ([u8; 16], String),
    /// Whether places are those of a decompressed content.
    is_compressed: bool,
    /// Bytes that may still be given.
    left: u64,
}

impl<'r, 'o> Records<'r, 'o> {
    pub(super) fn new(output: &'r mut Output<'o>, machine: String, length: u64, is_compressed: bool) -> Self {
        let left = length.saturating_mul(GIVEN_RATIO).saturating_add(GIVEN_BYTES);
        Self { output, values: Values::new(), machine, boot: ([0; 16], String::new()), is_compressed, left }
    }

    /// Where a range of the content lies.
    fn span(&self, range: ByteRange) -> Span {
        match self.is_compressed {
            false => Span { offset: range.start, length: range.len(), ..Span::default() },
            true => Span { offset: 0, content_offset: Some(range.start), length: range.len(), line: None },
        }
    }

    /// Reads the values of an entry.
    fn read(&mut self, found: &Found<'_>, contents: &mut Contents<'_, '_>) {
        self.values.clear();
        self.values.damaged = found.lost;
        for (at, named) in found.items {
            if self.take_remembered(*at, *named, contents).is_none() && self.take(*at, *named, contents).is_none() {
                self.values.damaged = self.values.damaged.saturating_add(1);
            }
        }
        self.left = self.left.saturating_sub(u64::try_from(self.values.bytes.len()).unwrap_or(u64::MAX));
    }

    fn most(&self) -> usize {
        if self.left > 0 { usize::MAX } else { LEAST_BYTES }
    }

    /// Takes a value that is remembered; `None` if it is not.
    fn take_remembered(&mut self, at: u64, named: Option<u64>, contents: &Contents<'_, '_>) -> Option<()> {
        let slot: &Slot = contents.cache.get(at)?;
        let value = slot.content()?;
        let most = self.most();
        match trust(named, slot.hash, slot.check) {
            Trust::No => self.values.damaged = self.values.damaged.saturating_add(1),
            trust => {
                self.values.damaged = self.values.damaged.saturating_add(u64::from(trust == Trust::Damaged));
                self.values.put(slot.field, value, most, slot.is_cut);
            }
        }
        Some(())
    }

    /// Reads a value; `None` if there is none.
    fn take(&mut self, at: u64, named: Option<u64>, contents: &mut Contents<'_, '_>) -> Option<()> {
        let head = contents.pages.chunk::<HEADER_BYTES>(Way::Beside, at)?;
        let object = Object::parse(head, at, contents.layout).ok().filter(|object| object.kind == Kind::Data)?;
        let start = contents.layout.content();
        let loaded = contents.loader.load(contents.pages, Way::Beside, &object, start)?;
        contents.cache.put(at, &loaded);
        let (field, value) = field_of(loaded.content);
        let most = self.most();
        match trust(named, loaded.hash, loaded.check) {
            Trust::No => return None,
            Trust::Damaged => self.values.damaged = self.values.damaged.saturating_add(1),
            Trust::Whole => {}
        }
        self.values.put(field, value, most, loaded.is_cut);
        Some(())
    }
}

impl Visitor for Records<'_, '_> {
    fn entry(&mut self, found: &Found<'_>, contents: &mut Contents<'_, '_>) {
        self.read(found, contents);
        let span = self.span(found.range);
        if self.boot.0 != found.entry.boot {
            self.boot = (found.entry.boot, hexadecimal(&found.entry.boot));
        }
        let (values, entry) = (&self.values, &found.entry);
        let program = values.first(IDENTIFIER..PID);
        let mut details = Details::new("journal");
        describe(program, values.get(MESSAGE), &mut details);
        if details.user.is_empty() {
            details.user = values.get(USER);
        }
        details.new_text("unit", values.first(UNITS));
        for (name, field) in NUMBERS {
            match number(values.get(field)) {
                Some(number) => details.new_field(name, Value::Number(number)),
                None => details.new_text(name, values.get(field)),
            }
        }
        for (name, field) in TEXTS {
            if field != COMM || values.get(COMM) != program {
                details.new_text(name, values.get(field));
            }
        }
        if values.get(MACHINE) != self.machine.as_bytes() {
            details.new_text("machine_id", values.get(MACHINE));
        }
        details.new_text("boot_id", self.boot.1.as_bytes());
        details.number("seqnum", i64::try_from(entry.seqnum).ok());
        details.number("monotonic", i64::try_from(entry.monotonic).ok());
        if found.is_linked == Some(false) {
            details.add("unlinked", Value::Flag(true));
        }
        if values.damaged > 0 {
            details.number("damaged", i64::try_from(values.damaged).ok());
        }
        let time = i64::try_from(entry.realtime).ok().and_then(|time| time.checked_mul(1000));
        self.output.event(&Event {
            time: time.map(Timestamp::from_nanoseconds),
            span,
            host: values.get(HOSTNAME),
            program,
            pid: number(values.get(PID)).or_else(|| number(values.get(SYSLOG_PID))),
            message: values.get(MESSAGE),
            ..details.event()
        });
        // An entry may have the field several times; each is taken apart, so that none hides another.
        for message in values.further_messages() {
            let mut details = Details::new("journal");
            describe(program, message, &mut details);
            details.number("seqnum", i64::try_from(entry.seqnum).ok());
            let (time, host) = (time.map(Timestamp::from_nanoseconds), values.get(HOSTNAME));
            self.output.also(&Event { time, span, host, program, message, ..details.event() });
        }
        if values.damaged > 0 {
            self.output
                .issue(span, &format!("ENTRY object: {} of the objects that it names are damaged", values.damaged));
        }
        if values.is_cut {
            self.output.issue(span, "ENTRY object: a value is too long; the rest of it is left out");
        }
    }

    fn issue(&mut self, range: ByteRange, message: &str) {
        self.output.issue(self.span(range), message);
    }

    fn is_stopped(&self) -> bool {
        self.output.is_stopped()
    }
}

/// An identifier as journalctl shows it.
pub(super) fn hexadecimal(identifier: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*identifier))
}
