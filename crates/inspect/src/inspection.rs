//! One file, from its first byte to its last.

use crate::addresses::Addresses;
use crate::elf::{self, ElfFacts};
use crate::engine::{AHEAD, BEHIND, Engine, SEGMENT, Segment};
use crate::kind::{HEAD, Kind, kind_of};
use crate::php::Page;
use crate::rules::ContentRule;
use crate::traits::Traits;
use crate::wallet::Wallets;
use crate::{archive, lines, rules};
use kanshiki_image::ReadAt;
use kanshiki_image::bytes::{bounded, length};
use kanshiki_model::{ByteRange, Issue, visible};

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Where it lies: rules weigh some contents by their place.
    pub path: &'a [u8],
    /// Type and permissions, as `st_mode` of stat(2).
    pub mode: u16,
    /// Its content, for tables that stand anywhere in it.
    pub source: &'a dyn ReadAt,
}

/// Something that speaks for a suspicion, with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// The rule that it comes from.
    pub rule: &'static ContentRule,
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes it has; 0 if it concerns the file as a whole.
    pub length: u64,
    /// What was found, made visible, short.
    pub what: String,
}

/// Texts by which the same attacker can be looked for elsewhere, made visible, each once, in their order in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strings {
    /// Addresses of resources, from programs and scripts.
    pub urls: Vec<String>,
    /// Addresses of IPv4 that are neither private nor reserved, from programs and scripts.
    pub addresses: Vec<String>,
    /// Addresses of wallets whose checksum is right.
    pub wallets: Vec<String>,
    /// Whether there were more than are kept.
    pub is_cut: bool,
}

/// What a file was found to be and to hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What kind of file it is.
    pub kind: Kind,
    /// What a program is made of; `None` for other kinds.
    pub elf: Option<ElfFacts>,
    /// Signs, in the order of their offsets and rules.
    pub signs: Vec<Sign>,
    /// Texts of use.
    pub strings: Strings,
    /// Bits of information for each byte of the whole, 0 to 8; `None` for kinds that are text or packed by nature.
    pub entropy: Option<f64>,
    /// What could not be read or was not looked at.
    pub issues: Vec<Issue>,
}

/// The look at one file, under way.
#[derive(Debug)]
pub struct Inspection {
    subject: String,
    kind: Kind,
    traits: Traits,
    elf: Option<ElfFacts>,
    engine: Engine,
    wallets: Wallets,
    addresses: Addresses,
    page: Page,
    counts: Option<Box<[u64; 256]>>,
    /// Bytes that are not looked at yet, and those before them that patterns still see.
    buffer: Vec<u8>,
    /// Where the buffer begins in the file, and where in the buffer the next segment begins.
    at: u64,
    next: usize,
    issues: Vec<Issue>,
}

impl Inspection {
    /// Begins with the beginning and the tables of a file.
    #[must_use]
    pub fn begin(subject: &Subject<'_>) -> Self {
        let name = visible(subject.path);
        let mut issues = Vec::new();
        let mut head = vec![0; bounded(subject.source.len(), HEAD)];
        match subject.source.read_at(0, &mut head) {
            Ok(read) => head.truncate(read),
            Err(error) => {
                issues.push(Issue::at(&*name, ByteRange::new(0, length(head.len())), error.to_string()));
                head.clear();
            }
        }
        let kind = match head.is_empty() && !subject.source.is_empty() {
            true => Kind::Other,
            false => kind_of(subject.path, &head, length(head.len()) == subject.source.len()),
        };
        let traits = Traits::of(subject.path, &kind);
        let mut engine = Engine::new(traits);
        let elf = (kind == Kind::Elf).then(|| elf::facts(subject.source, &mut engine.signs));
        rules::by_place(subject, &kind, &mut engine.signs);
        if let Kind::Archive(form) = kind {
            archive::look(subject.source, form, &mut engine.signs, &name, &mut issues);
        }
        let counts = (kind == Kind::Other).then(|| Box::new([0; 256]));
        let wallets = Wallets::new(traits);
        let addresses = Addresses::new(traits);
        let page = Page::new(traits);
        let buffer = Vec::new();
        Self {
            subject: name,
            kind,
            traits,
            elf,
            engine,
            wallets,
            addresses,
            page,
            counts,
            buffer,
            at: 0,
            next: 0,
            issues,
        }
    }

    /// Looks at the bytes from `offset` on. Windows come in the order of the file and without gaps, in any size; what was
    /// left out between two is told as an issue.
    pub fn window(&mut self, offset: u64, bytes: &[u8]) {
        let expected = self.at.saturating_add(length(self.buffer.len()));
        let bytes = match expected.checked_sub(offset) {
            // What was looked at already is not looked at again.
            Some(known) => bytes.get(bounded(known, bytes.len())..).unwrap_or_default(),
            None => {
                let gap = ByteRange::new(expected, offset);
                self.issues.push(Issue::at(&*self.subject, gap, "these bytes were not looked at"));
                self.flush();
                self.buffer.clear();
                (self.at, self.next) = (offset, 0);
                bytes
            }
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let full = self.next.saturating_add(SEGMENT).saturating_add(AHEAD);
            let room = full.saturating_sub(self.buffer.len()).min(rest.len());
            let (now, later) = rest.split_at(room);
            self.buffer.extend_from_slice(now);
            rest = later;
            if self.buffer.len() >= full {
                self.segment(SEGMENT);
            }
        }
    }

    /// Ends.
    #[must_use]
    pub fn finish(mut self) -> Facts {
        self.flush();
        self.engine.finish();
        self.page.finish(&self.subject, &mut self.engine.signs, &mut self.issues);
        let entropy = self.counts.as_deref().and_then(elf::entropy);
        if let Some(entropy) = entropy {
            let total = self.counts.as_deref().map_or(0, |counts| counts.iter().sum());
            rules::by_entropy(entropy, total, &mut self.engine.signs);
        }
        for (rule, end) in &self.engine.given_up {
            let message =
                format!("too much in it looks like a beginning of {rule}: not looked for in the bytes from here");
            self.issues.push(Issue::at(&*self.subject, ByteRange::new(*end, u64::MAX), message));
        }
        let mut signs = self.engine.signs;
        signs.sort_by(|a, b| (a.offset, a.rule.rule.id, &a.what).cmp(&(b.offset, b.rule.rule.id, &b.what)));
        // One rule may have several triggers for the same bytes.
        signs.dedup_by(|later, first| {
            let end = first.offset.saturating_add(first.length.max(1));
            later.rule.rule.id == first.rule.rule.id && later.offset < end
        });
        let strings = self.addresses.into_strings(self.wallets);
        Facts { kind: self.kind, elf: self.elf, signs, strings, entropy, issues: self.issues }
    }

    /// Looks at all that is left.
    fn flush(&mut self) {
        while self.buffer.len() > self.next {
            self.segment(self.buffer.len().saturating_sub(self.next).min(SEGMENT));
        }
    }

    /// Looks at one segment, and drops what is not seen any more.
    fn segment(&mut self, bytes: usize) {
        let end = self.next.saturating_add(bytes);
        let segment = Segment { bytes: &self.buffer, at: self.at, own: (self.next, end) };
        self.engine.look(segment);
        self.wallets.look(segment, &mut self.engine.signs);
        self.addresses.look(segment);
        let own = self.buffer.get(self.next..end).unwrap_or_default();
        let offset = self.at.saturating_add(length(self.next));
        self.page.take(offset, own);
        if self.traits.any(Traits::TEXT) {
            lines::look(self.traits, offset, own, &mut self.engine.signs);
        }
        if let Some(counts) = &mut self.counts {
            elf::count(own, counts);
        }
        let gone = end.saturating_sub(BEHIND);
        self.buffer.drain(..gone.min(self.buffer.len()));
        self.at = self.at.saturating_add(length(gone));
        self.next = end.saturating_sub(gone);
    }
}
