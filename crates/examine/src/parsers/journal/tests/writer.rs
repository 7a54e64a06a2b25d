//! Writes small journals, so that tests know every byte of them.

use super::super::hash::hash;
use std::collections::BTreeMap;

const FILE_ID: [u8; 16] = [7; 16];

pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    is_compact: bool,
    is_keyed: bool,
    data: BTreeMap<Vec<u8>, usize>,
    /// Entries that the list is to name.
    pub(super) entries: Vec<usize>,
}

impl Writer {
    pub(super) fn new(is_compact: bool, is_keyed: bool) -> Self {
        let mut bytes = vec![0; 272];
        bytes[..8].copy_from_slice(b"LPKSHHRH");
        bytes[12] = if is_compact { 16 } else { 0 } | if is_keyed { 4 } else { 0 };
        bytes[24..40].copy_from_slice(&FILE_ID);
        bytes[40..56].copy_from_slice(&[0xab; 16]);
        bytes[88..96].copy_from_slice(&272_u64.to_le_bytes());
        Self { bytes, is_compact, is_keyed, data: BTreeMap::new(), entries: Vec::new() }
    }

    fn key(&self) -> Option<[u8; 16]> {
        self.is_keyed.then_some(FILE_ID)
    }

    pub(super) fn object(&mut self, kind: u8, flags: u8, body: &[u8]) -> usize {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[kind, flags, 0, 0, 0, 0, 0, 0]);
        self.bytes.extend_from_slice(&(body.len() as u64 + 16).to_le_bytes());
        self.bytes.extend_from_slice(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        at
    }

    /// A DATA object of this content, stored as these bytes.
    pub(super) fn data(&mut self, content: &[u8], flags: u8, stored: &[u8]) -> usize {
        let mut body = hash(self.key().as_ref(), content).to_le_bytes().to_vec();
        body.resize(if self.is_compact { 56 } else { 48 }, 0);
        body.extend_from_slice(stored);
        self.object(1, flags, &body)
    }

    pub(super) fn entry(&mut self, seqnum: u64, fields: &[&[u8]]) -> usize {
        let mut items = Vec::new();
        for field in fields {
            let at = match self.data.get(*field) {
                Some(at) => *at,
                None => self.data(field, 0, field),
            };
            self.data.insert(field.to_vec(), at);
            items.push((at, hash(self.key().as_ref(), field)));
        }
        self.entry_of(seqnum, &items)
    }

    pub(super) fn entry_of(&mut self, seqnum: u64, items: &[(usize, u64)]) -> usize {
        let mut body = seqnum.to_le_bytes().to_vec();
        body.extend_from_slice(&(1_709_251_198_000_000 + seqnum).to_le_bytes());
        body.extend_from_slice(&(seqnum * 1000).to_le_bytes());
        body.extend_from_slice(&[0xcd; 16]);
        body.extend_from_slice(&[0; 8]);
        for (at, hash) in items {
            match self.is_compact {
                true => body.extend_from_slice(&(*at as u32).to_le_bytes()),
                false => body.extend([*at as u64, *hash].iter().flat_map(|number| number.to_le_bytes())),
            }
        }
        let at = self.object(3, 0, &body);
        self.entries.push(at);
        at
    }

    /// Writes the list of entries, in two arrays, and what the header says of all.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let entries = std::mem::take(&mut self.entries);
        let (first, second) = entries.split_at(entries.len() / 2);
        let mut array = |entries: &[usize]| {
            let mut body = vec![0; 8];
            for at in entries {
                match self.is_compact {
                    true => body.extend_from_slice(&(*at as u32).to_le_bytes()),
                    false => body.extend_from_slice(&(*at as u64).to_le_bytes()),
                }
            }
            self.object(6, 0, &body)
        };
        let (first, second) = (array(first), array(second));
        let length = self.bytes.len() as u64;
        let mut put = |at: usize, number: u64| self.bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        put(first + 16, second as u64);
        put(96, length - 272);
        put(136, second as u64);
        put(152, entries.len() as u64);
        put(176, first as u64);
        // Files are made longer in advance.
        self.bytes.resize(self.bytes.len() + 4096, 0);
        let arena = self.bytes.len() as u64 - 272;
        self.bytes[96..104].copy_from_slice(&arena.to_le_bytes());
        self.bytes
    }
}

/// Five entries that share objects.
pub(super) fn sample(is_compact: bool, is_keyed: bool) -> Vec<u8> {
    let mut writer = Writer::new(is_compact, is_keyed);
    for number in 0..5_u64 {
        let message = format!("MESSAGE=Failed password for invalid user u{number} from 192.0.2.7 port {number} ssh2");
        let fields: [&[u8]; 6] = [
            message.as_bytes(),
            b"_HOSTNAME=ferry",
            b"SYSLOG_IDENTIFIER=sshd",
            b"_PID=42",
            b"_SYSTEMD_UNIT=ssh.service",
            b"PRIORITY=6",
        ];
        writer.entry(number + 1, &fields);
    }
    writer.finish()
}
