use super::*;
use crate::host::Host;
use crate::testing::parse_on;
use kanshiki_image::{ReadAt, ReadError, RunState};
use kanshiki_machine::Accounts;
use kanshiki_model::ByteRange;
use proptest::prelude::*;
use serde_json::json;

const SECONDS: u32 = 1_709_251_198;

fn made(is_wide: bool, is_big: bool, seconds: u32, host: &[u8]) -> Vec<u8> {
    let mut record = if is_wide { u64::from(seconds).to_le_bytes().to_vec() } else { seconds.to_le_bytes().to_vec() };
    if is_big {
        record.reverse();
    }
    let at = record.len();
    record.resize(at + 288, 0);
    record[at..at + 5].copy_from_slice(b"pts/0");
    record[at + 32..at + 32 + host.len()].copy_from_slice(host);
    record
}

fn host() -> Host {
    Host {
        accounts: Accounts::of_passwd(b"root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n"),
        ..Host::unknown()
    }
}

#[test]
fn each_layout_gives_the_same_logins() {
    for (is_wide, is_big) in [(false, false), (true, false), (false, true), (true, true)] {
        let record = |host: &[u8]| made(is_wide, is_big, SECONDS, host);
        let size = record(b"").len();
        let mut bytes = record(b"192.0.2.7");
        bytes.resize(size * 1000, 0);
        bytes.extend(record(b"quay.example"));
        bytes.extend(record(b"")[..100].iter());
        let parsed = parse_on(&host(), &Lastlog, "/var/log/lastlog", "2024-03-01T00:00:00Z", &bytes);
        assert_eq!(parsed.all("time")[..2], [json!("2024-02-29T23:59:58Z"), json!("2024-02-29T23:59:58Z")]);
        assert_eq!(parsed.all("user")[..2], [json!("root"), json!("anna")]);
        assert_eq!(parsed.all("uid")[..2], [json!(0), json!(1000)]);
        assert_eq!(parsed.all("address")[..2], [json!("192.0.2.7"), json!(null)]);
        assert_eq!(parsed.events[1]["message"], "last login of anna on pts/0 from quay.example");
        assert_eq!(parsed.events[1]["offset"], size * 1000);
        assert_eq!((parsed.row.records, parsed.row.others, parsed.issues.len()), (2, 1, 1));
    }
}

/// A file of 1 TiB of which only the place of one record is stored.
#[derive(Debug)]
struct Sparse {
    at: u64,
    record: Vec<u8>,
}

impl ReadAt for Sparse {
    fn len(&self) -> u64 {
        1 << 40
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        for (place, byte) in (offset..self.len()).zip(buf.iter_mut()) {
            let at = place.checked_sub(self.at).and_then(|at| self.record.get(usize::try_from(at).ok()?));
            *byte = at.copied().unwrap_or(0);
        }
        Ok(buf.len().min(usize::try_from(self.len() - offset).unwrap()))
    }

    fn runs(&self) -> Box<dyn Iterator<Item = (ByteRange, RunState)> + Send + '_> {
        let (start, end) = (self.at / 4096 * 4096, (self.at / 4096 + 2) * 4096);
        Box::new(
            [
                (ByteRange::new(0, start), RunState::Hole),
                (ByteRange::new(start, end), RunState::Data),
                (ByteRange::new(end, self.len()), RunState::Hole),
            ]
            .into_iter(),
        )
    }
}

#[test]
fn a_file_of_a_tebibyte_with_one_login_is_read_at_once() {
    for (is_wide, size) in [(false, 292), (true, 296)] {
        let uid = 3_000_000_000;
        let sparse = Sparse { at: uid * size, record: made(is_wide, false, SECONDS, b"") };
        let input = Input::new(&sparse);
        let mut found = Vec::new();
        let mut hand_on = |one: crate::output::Found| {
            found.push(one);
            std::ops::ControlFlow::Continue(())
        };
        let host = host();
        let context =
            Context { path: b"/var/log/lastlog", modified: None, owner: None, host: &host, years: None, shift: 0 };
        let mut output = Output::new(b"/var/log/lastlog", &mut hand_on);
        Lastlog.parse(&input, &context, &mut output).unwrap();
        let (row, _) = output.finish();
        assert_eq!((row.records, row.others), (1, 0));
        let crate::output::Found::Events(batch) = &found[0] else { panic!("{found:?}") };
        assert_eq!(batch.events().next().unwrap().fields, r#"{"uid":3000000000,"tty":"pts/0"}"#);
    }
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..1500), is_wide: bool, is_big: bool) {
        let whole = [made(is_wide, is_big, SECONDS, b"x"), bytes].concat();
        let _ = parse_on(&host(), &Lastlog, "/var/log/lastlog", "2024-03-01T00:00:00Z", &whole);
    }
}
