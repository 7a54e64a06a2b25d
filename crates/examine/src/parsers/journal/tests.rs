mod real;
mod writer;

use super::object::Layout;
use super::walk::{Contents, Found, Visitor};
use super::*;
use crate::testing::{Parsed, parse};
use kanshiki_model::ByteRange;
use object::{HEADER_BYTES, Object};
use proptest::prelude::*;
use serde_json::json;
use writer::{Writer, sample};

fn journal(bytes: &[u8]) -> Parsed {
    parse(&Journal, "/var/log/journal/0/system.journal", "2024-03-01T12:00:00Z", bytes)
}

/// An entry with all that it says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Whole {
    seqnum: u64,
    times: (u64, u64),
    boot: String,
    /// Where it lies, and the objects that it names.
    ranges: Vec<ByteRange>,
    /// All fields with their values, in the order of their bytes.
    fields: Vec<Vec<u8>>,
    is_linked: Option<bool>,
}

/// Collects the entries with all fields.
#[derive(Default)]
struct Collector {
    entries: Vec<Whole>,
    issues: Vec<(ByteRange, String)>,
}

impl Visitor for Collector {
    fn entry(&mut self, found: &Found<'_>, contents: &mut Contents<'_, '_>) {
        let (mut ranges, mut fields) = (vec![found.range], Vec::new());
        for (at, _) in found.items {
            let Some(head) = contents.pages.chunk::<HEADER_BYTES>(Way::Beside, *at) else { continue };
            let Ok(object) = Object::parse(head, *at, contents.layout) else { continue };
            ranges.push(ByteRange::new(*at, at + object.size));
            let start = contents.layout.content();
            if let Some(loaded) = contents.loader.load(contents.pages, Way::Beside, &object, start) {
                fields.push(loaded.content.to_vec());
            }
        }
        fields.sort();
        let entry = found.entry;
        let (times, boot) = ((entry.realtime, entry.monotonic), hexadecimal(&entry.boot));
        let is_linked = found.is_linked;
        self.entries.push(Whole { seqnum: entry.seqnum, times, boot, ranges, fields, is_linked });
    }

    fn issue(&mut self, range: ByteRange, message: &str) {
        self.issues.push((range, message.to_owned()));
    }

    fn is_stopped(&self) -> bool {
        false
    }
}

fn collect(bytes: &[u8]) -> Collector {
    let source = Memory(bytes.to_vec());
    let mut pages = Pages::new(&source);
    let most = bytes.len().min(header::READ_BYTES);
    let header = pages.bytes(Way::Ahead, 0, most).and_then(Header::parse).unwrap();
    let mut collector = Collector::default();
    Walk::new(pages, header, &mut collector).run();
    collector
}

const FORMS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

#[test]
fn entries_of_every_form_become_events() {
    for (is_compact, is_keyed) in FORMS {
        let parsed = journal(&sample(is_compact, is_keyed));
        assert_eq!(parsed.issues, [], "{is_compact} {is_keyed}");
        assert_eq!((parsed.row.records, parsed.row.others, parsed.events.len()), (5, 0, 6));
        assert_eq!(parsed.events[0]["kind"], "journal.file");
        for (name, value) in [
            ("kind", json!("ssh.login-failed")),
            ("time", json!("2024-02-29T23:59:58.000003Z")),
            ("basis", json!("stated")),
            ("host", json!("ferry")),
            ("program", json!("sshd")),
            ("pid", json!(42)),
            ("user", json!("u2")),
            ("address", json!("192.0.2.7")),
            ("unit", json!("ssh.service")),
            ("priority", json!(6)),
            ("seqnum", json!(3)),
            ("monotonic", json!(3000)),
            ("boot_id", json!("cd".repeat(16))),
            ("unlinked", json!(null)),
        ] {
            assert_eq!(parsed.all(name)[3], value, "{name}");
        }
    }
}

#[test]
fn entries_behind_a_lost_header_are_found_by_what_they_look_like() {
    for (is_compact, is_keyed) in FORMS {
        let mut bytes = sample(is_compact, is_keyed);
        let header = usize::try_from(u64::from_le_bytes(*bytes[88..].first_chunk().unwrap())).unwrap();
        let whole = journal(&bytes);
        for kept in [0, 8] {
            bytes[kept..header].fill(0);
            bytes[..kept].copy_from_slice(&header::SIGNATURE[..kept]);
            let candidate = Candidate { path: b"/x/system.journal", head: &bytes, host: &crate::host::Host::unknown() };
            assert!(Journal.claims(&candidate));
            let parsed = journal(&bytes);
            assert_eq!((parsed.row.records, parsed.row.others), (5, 0), "{is_compact} {is_keyed} {:?}", parsed.issues);
            for name in ["time", "kind", "message", "user", "unlinked"] {
                assert_eq!(parsed.all(name), whole.all(name)[1..], "{name}");
            }
            assert!(parsed.issues[0].message.contains("header"), "{:?}", parsed.issues);
        }
    }
    let parsed = journal(&[vec![0; 4096], vec![0xa5; 9000]].concat());
    assert!(parsed.error.is_some_and(|error| error.contains("no object")));
}

#[test]
fn an_entry_that_no_list_names_is_found_and_says_so() {
    for (is_compact, is_keyed) in FORMS {
        let mut writer = Writer::new(is_compact, is_keyed);
        for number in 1..=4 {
            writer.entry(number, &[b"MESSAGE=a", format!("N={number}").as_bytes()]);
        }
        writer.entries.remove(2);
        let parsed = journal(&writer.finish());
        assert_eq!(parsed.issues, []);
        assert_eq!(parsed.all("seqnum")[1..], [1, 2, 3, 4]);
        assert_eq!(parsed.all("unlinked")[1..], [json!(null), json!(null), json!(true), json!(null)]);
    }
}

#[test]
fn damage_of_any_byte_takes_no_entry_away_whose_bytes_are_whole() {
    for (is_compact, is_keyed) in FORMS {
        let bytes = sample(is_compact, is_keyed);
        let whole = collect(&bytes).entries;
        for at in 272..bytes.len() - 4096 {
            for change in [1, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                let found = collect(&damaged);
                expect_untouched(&whole, &found, &|range| !range.contains(at as u64));
            }
        }
    }
}

/// That every entry is there, with the same fields, whose bytes are all untouched.
fn expect_untouched(whole: &[Whole], found: &Collector, is_untouched: &dyn Fn(&ByteRange) -> bool) {
    for entry in whole.iter().filter(|entry| entry.ranges.iter().all(is_untouched)) {
        let same = found.entries.iter().find(|other| other.ranges[0] == entry.ranges[0]);
        let same =
            same.unwrap_or_else(|| panic!("entry {} at {} is lost: {:?}", entry.seqnum, entry.ranges[0], found.issues));
        assert_eq!((&same.fields, same.times, &same.boot), (&entry.fields, entry.times, &entry.boot));
    }
}

#[test]
fn damage_is_told_with_the_type_of_the_object_and_its_place() {
    let bytes = sample(false, true);
    let whole = collect(&bytes).entries;
    let mut damaged = bytes.clone();
    let (first, message) = (whole[0].ranges[0], whole[2].ranges[1]);
    // The number of the first entry, and one sign of the message of the third.
    damaged[usize::try_from(first.start).unwrap() + 16] = 0;
    damaged[usize::try_from(message.start).unwrap() + 80] ^= 1;
    let parsed = journal(&damaged);
    let issues: Vec<String> = parsed.issues.iter().map(ToString::to_string).collect();
    let path = "/var/log/journal/0/system.journal";
    let expected = [
        format!(
            "{path}, bytes {}-{}: ENTRY object without number, time or boot; read on at byte {}",
            first.start, first.end, first.end
        ),
        format!(
            "{path}, bytes {}-{}: DATA object whose content does not have the hash that it tells; read on at byte {}",
            message.start, whole[2].ranges[0].start, whole[2].ranges[0].start
        ),
        format!("{path}, bytes {}: ENTRY object: 1 of the objects that it names are damaged", whole[2].ranges[0]),
        format!("{path}, bytes 0-{}: the header counts 5 entries, of which 4 were found", bytes.len()),
    ];
    assert_eq!(issues, expected);
    assert_eq!(parsed.all("seqnum")[1..], [2, 3, 4, 5]);
    // The message is given nevertheless, and the event says that something of it is wrong.
    assert_eq!(parsed.all("damaged")[1..], [json!(null), json!(1), json!(null), json!(null)]);
    assert_eq!(parsed.all("user")[2], "u2");
}

#[test]
fn a_journal_that_is_cut_off_gives_the_entries_before_the_cut() {
    for (is_compact, is_keyed) in FORMS {
        let bytes = sample(is_compact, is_keyed);
        let whole = collect(&bytes).entries;
        for cut in 0..bytes.len() - 4096 {
            let parsed = journal(&bytes[..cut]);
            let expected = whole.iter().filter(|entry| entry.ranges[0].end <= cut as u64).count() as u64;
            assert_eq!(parsed.row.records, expected, "{cut}");
            assert!(!parsed.issues.is_empty(), "{cut}");
        }
    }
}

#[test]
fn a_bomb_of_a_million_to_one_is_cut_at_a_mebibyte() {
    let mut writer = Writer::new(false, true);
    let content = [b"MESSAGE=".to_vec(), vec![b'a'; 64 << 20]].concat();
    let mut packed = vec![0; 1 << 20];
    let length = zstd_safe::compress(&mut packed[..], &content, 3).unwrap();
    let at = writer.data(&content, 4, &packed[..length]);
    writer.entry_of(1, &[(at, hash::hash(Some(&[7; 16]), &content))]);
    writer.entry(2, &[b"MESSAGE=behind"]);
    let parsed = journal(&writer.finish());
    assert_eq!(parsed.all("message")[2], "behind");
    assert_eq!(parsed.all("message")[1].as_str().unwrap().len(), (1 << 20) - 8);
    assert_eq!(parsed.issues[0].message, "ENTRY object: a value is too long; the rest of it is left out");
    assert_eq!(parsed.issues.len(), 1);
}

#[test]
fn no_message_of_an_entry_hides_another() {
    let mut writer = Writer::new(false, true);
    let failed = b"MESSAGE=Failed password for root from 192.0.2.7 port 22 ssh2";
    writer.entry(1, &[b"SYSLOG_IDENTIFIER=sshd", b"MESSAGE=dup", failed]);
    let parsed = journal(&writer.finish());
    assert_eq!(parsed.all("kind")[1..], ["ssh", "ssh.login-failed"]);
    assert_eq!(parsed.all("address")[2], "192.0.2.7");
    assert_eq!(parsed.row.records, 1);
}

#[test]
fn a_long_content_that_entries_name_again_and_again_is_read_no_more_than_the_file_is_long() {
    let mut writer = Writer::new(false, true);
    let content = [b"MESSAGE=".to_vec(), vec![b'a'; 1 << 20]].concat();
    let at = writer.data(&content, 0, &content);
    let named = (at, hash::hash(Some(&[7; 16]), &content));
    for number in 0..100 {
        writer.entry_of(number + 1, &[named; 200]);
    }
    let parsed = journal(&writer.finish());
    assert_eq!(parsed.row.records, 100);
    let told = "entries name more content than such a file can hold in earnest; some of it was not read";
    assert!(parsed.issues.iter().any(|issue| issue.message == told), "{:?}", parsed.issues);
}

#[test]
fn a_thousand_bombs_are_no_more_work_than_the_file_is_long() {
    let mut writer = Writer::new(false, true);
    let content = [b"MESSAGE=".to_vec(), vec![b'a'; 1 << 20]].concat();
    let mut packed = vec![0; 1 << 20];
    let length = zstd_safe::compress(&mut packed[..], &content, 3).unwrap();
    for number in 0..1000 {
        let at = writer.data(&content, 4, &packed[..length]);
        writer.entry_of(number + 1, &[(at, hash::hash(Some(&[7; 16]), &content))]);
    }
    let parsed = journal(&writer.finish());
    assert_eq!(parsed.row.records, 1000);
    let told = "entries name more content than such a file can hold in earnest; some of it was not read";
    assert!(parsed.issues.iter().any(|issue| issue.message == told), "{:?}", parsed.issues);
    let given: usize = parsed.all("message").iter().map(|text| text.as_str().map_or(0, str::len)).sum();
    assert!(given < 100 << 20, "{given}");
}

#[test]
fn a_compressed_journal_is_read_as_the_plain_one() {
    use std::io::Write as _;
    let bytes = sample(true, true);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&bytes).unwrap();
    let parsed = journal(&encoder.finish().unwrap());
    assert_eq!(parsed.all("message"), journal(&bytes).all("message"));
    assert_eq!((parsed.issues.len(), parsed.all("offset")[5].clone()), (0, json!(0)));
}

#[test]
fn the_layout_is_that_of_the_flags() {
    let layout = Layout { is_compact: true, is_unchecked: false, key: None, start: 272, length: 1000 };
    assert_eq!((layout.content(), layout.entry_item(), layout.array_item()), (72, 4, 4));
    assert_eq!([264, 272, 276, 1000].map(|at| layout.may_begin(at)), [false, true, false, false]);
}

proptest! {
    #[test]
    fn any_bytes_never_panic(
        form in 0_usize..4,
        changes in prop::collection::vec((0_usize..4096, any::<u8>()), 0..20),
        numbers in prop::collection::vec((0_usize..512, any::<u64>()), 0..4),
        cut in 0_usize..8192,
    ) {
        let (is_compact, is_keyed) = FORMS[form];
        let mut bytes = sample(is_compact, is_keyed);
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        for (at, number) in numbers {
            // Lengths and offsets stand at multiples of 8.
            if let Some(place) = bytes.get_mut(at * 8..at * 8 + 8) {
                place.copy_from_slice(&(number >> (number & 63)).to_le_bytes());
            }
        }
        bytes.truncate(cut.max(8));
        bytes[..8].copy_from_slice(header::SIGNATURE);
        let _ = journal(&bytes);
    }
}
