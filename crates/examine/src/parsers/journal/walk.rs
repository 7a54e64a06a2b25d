//! Goes over all objects of a journal in the order of the file, whatever its lists and tables say, and behind damage on to the
//! next bytes that can be an object.

use super::data::{CONTENT_BYTES, Cache, Check, Loader, item};
use super::header::Header;
use super::links::Links;
use super::object::{ENTRY_BYTES, Entry, HEADER_BYTES, Kind, Layout, Object};
use super::pages::{Pages, Way};
use kanshiki_model::ByteRange;

/// Objects that an entry may name; journald takes 1024 fields (journal-importer.h, ENTRY_FIELD_COUNT_MAX).
const ITEMS: usize = 4096;

/// Bytes that are looked at to tell whether an object is one, as a multiple of the length of the file, and at least.
const CHECK_RATIO: u64 = 8;
const CHECK_BYTES: u64 = 64 << 20;

/// Takes what is found.
pub(super) trait Visitor {
    /// An entry; its objects can be read from `contents`.
    fn entry(&mut self, found: &Found<'_>, contents: &mut Contents<'_, '_>);
    /// Something that must be known of a place in the file.
    fn issue(&mut self, range: ByteRange, message: &str);
    /// Whether no more is wanted.
    fn is_stopped(&self) -> bool;
}

/// An entry.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) range: ByteRange,
    pub(super) entry: Entry,
    /// What it names: offsets of DATA objects, with their hashes in files that are not compact.
    pub(super) items: &'a [(u64, Option<u64>)],
    /// Objects that it names, but that lie where no object can be, or that are too many.
    pub(super) lost: u64,
    /// Whether the list of entries names it; `None` if that cannot be told.
    pub(super) is_linked: Option<bool>,
}

/// Where contents are read from.
pub(super) struct Contents<'c, 'a> {
    pub(super) pages: &'c mut Pages<'a>,
    pub(super) layout: Layout,
    pub(super) loader: &'c mut Loader,
    pub(super) cache: &'c mut Cache,
}

/// The way through a file.
pub(super) struct Walk<'a, 'v> {
    pages: Pages<'a>,
    layout: Layout,
    header: Header,
    links: Links,
    loader: Loader,
    cache: Cache,
    visitor: &'v mut dyn Visitor,
    items: Vec<(u64, Option<u64>)>,
    /// Bytes that may still be looked at to tell objects.
    checks: u64,
    entries: u64,
}

/// What begins at a place.
enum Begin {
    Object(Object),
    Zeroes,
    Unreadable,
    Other(String),
}

impl<'a, 'v> Walk<'a, 'v> {
    pub(super) fn new(mut pages: Pages<'a>, header: Header, visitor: &'v mut dyn Visitor) -> Self {
        let length = pages.length();
        let (layout, wrong) = header.layout(length);
        for why in wrong {
            visitor.issue(ByteRange::new(0, layout.start.min(length)), &why);
        }
        let links = match header.is_lost {
            true => Links::unknown(),
            false => Links::read(&mut pages, layout, header.first_array),
        };
        if let Some((at, why)) = &links.broken {
            visitor.issue(ByteRange::new(*at, *at), why);
        }
        let (loader, cache) = (Loader::new(layout), Cache::new(length));
        let checks = length.saturating_mul(CHECK_RATIO).saturating_add(CHECK_BYTES);
        Self { pages, layout, header, links, loader, cache, visitor, items: Vec::new(), checks, entries: 0 }
    }

    /// Goes through the file.
    pub(super) fn run(&mut self) {
        // Of what was overwritten with the header the issue of it tells.
        let mut at = if self.header.is_lost { self.next_object(self.layout.start) } else { self.layout.start };
        while at < self.layout.length && !self.visitor.is_stopped() {
            at = match self.begin(at) {
                Begin::Object(object) => self.object(&object),
                Begin::Zeroes => self.zeroes(at),
                Begin::Unreadable => self.damage(at, self.pages.behind_unreadable(at), "it cannot be read"),
                Begin::Other(why) => self.damage(at, at.saturating_add(8), &why),
            };
        }
        if self.loader.left == 0 {
            let why = "entries name more content than such a file can hold in earnest; some of it was not read";
            self.visitor.issue(ByteRange::new(0, self.layout.length), why);
        }
        if !self.visitor.is_stopped() {
            self.missed();
            self.compare();
        }
    }

    fn begin(&mut self, at: u64) -> Begin {
        let Some(head) = self.pages.chunk::<HEADER_BYTES>(Way::Ahead, at) else {
            let is_end = at.saturating_add(16) > self.layout.length;
            return if is_end { Begin::Other("the file ends within an object".to_owned()) } else { Begin::Unreadable };
        };
        if head == [0; HEADER_BYTES] {
            return Begin::Zeroes;
        }
        match Object::parse(head, at, self.layout) {
            Ok(object) => Begin::Object(object),
            Err(why) => Begin::Other(why),
        }
    }

    /// Files are made longer in advance, with zeroes.
    fn zeroes(&mut self, at: u64) -> u64 {
        let next = self.pages.behind_zeroes(at).max(at.saturating_add(8));
        if at <= self.header.tail_object && self.header.tail_object < self.layout.length {
            self.visitor.issue(ByteRange::new(at, next), "zeroes in the place of objects");
        }
        next
    }

    /// Tells of damage from `at` on, and goes on at the next object from `from` on.
    fn damage(&mut self, at: u64, from: u64, why: &str) -> u64 {
        let next = self.next_object(from);
        self.visitor.issue(ByteRange::new(at, next.max(at)), &format!("{why}; read on at byte {next}"));
        next
    }

    /// Takes an object, and tells where the next one begins.
    fn object(&mut self, object: &Object) -> u64 {
        let behind = object.at.saturating_add(8);
        match object.kind {
            Kind::Data | Kind::Field => match self.check_content(object) {
                Some(Check::Right) => object.end(),
                Some(Check::Unknown) => self.follow(object),
                Some(Check::Wrong(_)) => {
                    let why =
                        format!("{} object whose content does not have the hash that it tells", object.kind.name());
                    self.damage(object.at, behind, &why)
                }
                Some(Check::Broken) => {
                    self.damage(object.at, behind, "DATA object whose content cannot be decompressed to its end")
                }
                None => self.damage(object.at, behind, "DATA object that cannot be read"),
            },
            Kind::Entry => {
                let is_linked = self.links.take(object.at);
                match self.entry(object, Way::Ahead, is_linked) {
                    Ok(()) => object.end(),
                    Err(why) => self.damage(object.at, behind, why),
                }
            }
            Kind::DataTable | Kind::FieldTable | Kind::Array | Kind::Tag => self.follow(object),
        }
    }

    /// Where the object behind this one begins. If nothing there can be an object, this one may tell a wrong length: then what
    /// it seems to hold is looked through too.
    fn follow(&mut self, object: &Object) -> u64 {
        let end = object.end();
        let why = match self.begin(end) {
            Begin::Object(_) | Begin::Zeroes => return end,
            _ if end >= self.layout.length => return end,
            Begin::Unreadable => "it cannot be read".to_owned(),
            Begin::Other(why) => why,
        };
        let next = self.next_object(object.at.saturating_add(8));
        let (start, why) = match next < end {
            true => (object.at, format!("{} object that reaches over the one at byte {next}", object.kind.name())),
            false => (end, format!("{why}; read on at byte {next}")),
        };
        self.visitor.issue(ByteRange::new(start, next), &why);
        next
    }

    /// Reads and remembers a content, and compares it with its hash.
    fn check_content(&mut self, object: &Object) -> Option<Check> {
        let start = if object.kind == Kind::Field { 40 } else { self.layout.content() };
        let loaded = self.loader.load(&mut self.pages, Way::Ahead, object, start)?;
        if object.kind == Kind::Data {
            self.cache.put(object.at, &loaded);
        }
        Some(loaded.check)
    }

    /// Hands an entry on; why the bytes behind it must be looked through for objects, if they must.
    fn entry(&mut self, object: &Object, way: Way, is_linked: Option<bool>) -> Result<(), &'static str> {
        let Some(head) = self.pages.bytes(way, object.at, ENTRY_BYTES) else {
            return Err("ENTRY object that cannot be read");
        };
        let Some(entry) = Entry::parse(head) else { return Err("ENTRY object without number, time or boot") };
        let Some((wrong, more)) = self.read_items(object, way) else { return Err("ENTRY object that cannot be read") };
        if self.items.is_empty() {
            return Err("ENTRY object that names no DATA objects");
        }
        let range = ByteRange::new(object.at, object.at.saturating_add(object.size));
        let found = Found { range, entry, items: &self.items, lost: wrong.saturating_add(more), is_linked };
        let (pages, loader, cache) = (&mut self.pages, &mut self.loader, &mut self.cache);
        self.visitor.entry(&found, &mut Contents { pages, layout: self.layout, loader, cache });
        self.entries = self.entries.saturating_add(1);
        if wrong > 0 { Err("ENTRY object that names DATA objects where there can be none") } else { Ok(()) }
    }

    /// Reads what an entry names; the number of offsets at which no object can be, and of those that are not read.
    fn read_items(&mut self, object: &Object, way: Way) -> Option<(u64, u64)> {
        let step = self.layout.entry_item();
        let room = usize::try_from(object.size).unwrap_or(usize::MAX).saturating_sub(ENTRY_BYTES);
        let all = room.checked_div(step).unwrap_or(0);
        let taken = all.min(ITEMS);
        let bytes = self.pages.bytes(way, object.at.saturating_add(64), taken.saturating_mul(step))?;
        self.items.clear();
        let items = bytes.chunks_exact(step).filter_map(|bytes| item(bytes, self.layout));
        self.items.extend(items.filter(|(offset, _)| self.layout.may_begin(*offset)));
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Some((count(taken.saturating_sub(self.items.len())), count(all.saturating_sub(taken))))
    }

    /// The next place from `at` on at which there is an object beyond doubt; the end of the file if there is none.
    fn next_object(&mut self, at: u64) -> u64 {
        let mut at = at.checked_next_multiple_of(8).unwrap_or(u64::MAX);
        while at < self.layout.length {
            match self.begin(at) {
                Begin::Object(object) if self.is_beyond_doubt(&object) => return at,
                Begin::Zeroes => at = self.pages.behind_zeroes(at).max(at.saturating_add(8)),
                Begin::Unreadable => at = self.pages.behind_unreadable(at),
                Begin::Object(_) | Begin::Other(_) => at = at.saturating_add(8),
            }
        }
        self.layout.length
    }

    /// Whether more than its first bytes says that this is an object.
    fn is_beyond_doubt(&mut self, object: &Object) -> bool {
        let looked_at = object.size.min(u64::try_from(CONTENT_BYTES).unwrap_or(0));
        if self.checks == 0 {
            return false;
        }
        self.checks = self.checks.saturating_sub(looked_at.max(1));
        if self.checks == 0 {
            let why = "the file is so damaged that what follows is not looked through for objects";
            self.visitor.issue(ByteRange::new(object.at, self.layout.length), why);
            return false;
        }
        match object.kind {
            Kind::Data => {
                let start = self.layout.content();
                let loaded = self.loader.load(&mut self.pages, Way::Ahead, object, start);
                loaded.is_some_and(|loaded| loaded.check == Check::Right)
            }
            Kind::Field => {
                let loaded = self.loader.load(&mut self.pages, Way::Ahead, object, 40);
                loaded.is_some_and(|loaded| loaded.check == Check::Right)
            }
            Kind::Entry => {
                let head = self.pages.bytes(Way::Ahead, object.at, ENTRY_BYTES);
                let is_entry = head.is_some_and(|head| Entry::parse(head).is_some());
                is_entry && self.read_items(object, Way::Ahead) == Some((0, 0))
            }
            Kind::DataTable | Kind::FieldTable | Kind::Array | Kind::Tag => {
                (object.kind != Kind::Tag || object.size == 64)
                    && (object.end() >= self.layout.length
                        || matches!(self.begin_beside(object.end()), Begin::Object(_)))
            }
        }
    }

    /// As [`Self::begin`], elsewhere.
    fn begin_beside(&mut self, at: u64) -> Begin {
        match self.pages.chunk(Way::Beside, at).map(|head| Object::parse(head, at, self.layout)) {
            Some(Ok(object)) => Begin::Object(object),
            Some(Err(why)) => Begin::Other(why),
            None => Begin::Unreadable,
        }
    }

    /// Reads the entries that the list names and that were not met on the way, since an object before them tells a wrong length.
    fn missed(&mut self) {
        while let Some(start) = self.links.next_missing() {
            if self.visitor.is_stopped() {
                return;
            }
            let places = (0..8_u64).map(|step| start.saturating_add(step.saturating_mul(8)));
            let mut found = None;
            for at in places {
                match self.begin_beside(at) {
                    Begin::Object(object) if object.kind == Kind::Entry && self.layout.may_begin(at) => {
                        found = Some(object);
                        break;
                    }
                    _ => {}
                }
            }
            let why = match found {
                Some(object) => self.entry(&object, Way::Beside, Some(true)).err(),
                None => Some("the list of entries leads here, where there is no ENTRY object"),
            };
            if let Some(why) = why {
                let end = found.map_or(start.saturating_add(64), |object| object.end());
                self.visitor.issue(ByteRange::new(start, end), why);
            }
        }
    }

    /// Compares the number of entries with what the header says.
    fn compare(&mut self) {
        let whole = ByteRange::new(0, self.layout.length);
        if self.links.beyond > 0 {
            let why = format!("{} entries of the list lie behind the end of the file", self.links.beyond);
            self.visitor.issue(whole, &why);
        }
        if self.entries < self.header.entries {
            let why =
                format!("the header counts {} entries, of which {} were found", self.header.entries, self.entries);
            self.visitor.issue(whole, &why);
        }
        if let Some(range) = self.pages.take_unreadable() {
            self.visitor.issue(range, "here lie bytes that cannot be read");
        }
    }
}
