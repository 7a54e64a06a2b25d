//! A volume group, out of the text of its metadata. Source: lvm2 2.03, lib/format_text/import_vsn1.c,
//! lib/striped/striped.c, lib/snapshot/snapshot.c.

use super::text::{self, Section, Value};
use kanshiki_model::{ByteRange, FileTime};
use std::collections::{HashMap, HashSet};

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) uuid: String,
    /// Grows with every change.
    pub(super) sequence: u64,
    pub(super) extent_bytes: u64,
    pub(super) physical: Vec<Physical>,
    pub(super) logical: Vec<Logical>,
}

/// A physical volume as the group knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Physical {
    /// What segments call it.
    pub(super) key: String,
    pub(super) uuid: String,
    /// The device that it was, as the host called it.
    pub(super) device: Option<String>,
    /// Where its first extent begins, in bytes.
    pub(super) start: u64,
    /// Bytes of all its extents, if the group says it.
    pub(super) bytes: Option<u64>,
}

impl Physical {
    /// The UUID without dashes, as the label has it.
    pub(super) fn identifier(&self) -> String {
        self.uuid.chars().filter(|c| *c != '-').collect()
    }

    /// The bytes that are divided into extents.
    pub(super) fn extents(&self) -> Option<ByteRange> {
        Some(ByteRange::new(self.start, self.start.checked_add(self.bytes?)?))
    }
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logical {
    pub(super) name: String,
    pub(super) uuid: String,
    pub(super) is_visible: bool,
    pub(super) created: Option<FileTime>,
    pub(super) created_on: Option<String>,
    /// In ascending order.
    pub(super) segments: Vec<Segment>,
    /// The other logical volumes that its segments name.
    pub(super) parts: Vec<String>,
    /// What is missing from its description.
    pub(super) damage: Option<String>,
}

/// A run of a logical volume, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) start: u64,
    pub(super) bytes: u64,
    pub(super) kind: SegmentKind,
}

/// How a segment is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SegmentKind {
    /// On one or several stripes: physical volume, and the byte in it. One stripe is linear.
    Striped { chunk_bytes: u64, stripes: Vec<(String, u64)> },
    /// Reads as zeroes.
    Zero,
    /// Reading it is an error.
    Error,
    /// Keeps what has changed since a snapshot of `origin` in the volume `store`.
    Snapshot { origin: String, store: String },
    /// Another type, by its name.
    Other(String),
}

impl Group {
    /// Reads a text; what is wrong with it is the second result. `None` if there is no group in it.
    pub(super) fn parse(bytes: &[u8]) -> (Option<Self>, Option<String>) {
        let (root, trouble) = text::parse(bytes);
        let group = root.sections().find_map(|(name, section)| Self::of(name, section));
        let missing = group.is_none().then(|| "no group in the text".to_owned());
        (group, trouble.or(missing))
    }

    fn of(name: &str, section: &Section) -> Option<Self> {
        let extent_bytes = section.number("extent_size")?.checked_mul(512).filter(|bytes| *bytes > 0)?;
        let uuid = section.text("id")?.to_owned();
        let mut group =
            Self { name: name.to_owned(), uuid, sequence: section.number("seqno")?, extent_bytes, ..Self::default() };
        let physical = section.section("physical_volumes").map(Section::sections).into_iter().flatten();
        group.physical.extend(physical.filter_map(|(key, section)| physical_volume(key, section, extent_bytes)));
        let starts: HashMap<&str, u64> = group.physical.iter().map(|it| (it.key.as_str(), it.start)).collect();
        let sections = section.section("logical_volumes");
        let names: HashSet<&str> =
            sections.map(Section::sections).into_iter().flatten().map(|(name, _)| name).collect();
        let reader = Reader { extent_bytes, starts, names };
        let logical = sections.map(Section::sections).into_iter().flatten();
        group.logical = logical.map(|(name, section)| reader.logical_volume(name, section)).collect();
        Some(group)
    }
}

fn physical_volume(key: &str, section: &Section, extent_bytes: u64) -> Option<Physical> {
    Some(Physical {
        key: key.to_owned(),
        uuid: section.text("id")?.to_owned(),
        device: section.text("device").map(str::to_owned),
        start: section.number("pe_start")?.checked_mul(512)?,
        bytes: section.number("pe_count").and_then(|count| count.checked_mul(extent_bytes)),
    })
}

/// What is needed to read logical volumes.
struct Reader<'a> {
    extent_bytes: u64,
    /// Where the first extent of each physical volume begins.
    starts: HashMap<&'a str, u64>,
    /// The names of all logical volumes.
    names: HashSet<&'a str>,
}

impl Reader<'_> {
    fn logical_volume(&self, name: &str, section: &Section) -> Logical {
        let time = section.number("creation_time").and_then(|seconds| i64::try_from(seconds).ok());
        let mut logical = Logical {
            name: name.to_owned(),
            uuid: section.text("id").unwrap_or_default().to_owned(),
            is_visible: section.lists("status", "VISIBLE"),
            created: time.filter(|seconds| *seconds > 0).map(|seconds| FileTime::new(seconds, None)),
            created_on: section.text("creation_host").map(str::to_owned),
            segments: Vec::new(),
            parts: Vec::new(),
            damage: None,
        };
        let mut found = 0_u64;
        for (key, segment) in section.sections().filter(|(key, _)| key.starts_with("segment")) {
            found = found.saturating_add(1);
            logical.parts.extend(self.parts(segment));
            match self.segment(segment) {
                Some(segment) => logical.segments.push(segment),
                None => logical.damage = Some(format!("its {key} cannot be made out")),
            }
        }
        if section.number("segment_count").is_some_and(|count| count != found) {
            logical.damage.get_or_insert("some of its segments are missing".to_owned());
        }
        logical.segments.sort_by_key(|segment| segment.start);
        logical
    }

    /// The logical volumes that a segment names.
    fn parts(&self, segment: &Section) -> Vec<String> {
        const KEYS: &[&str] = &[
            "raids",
            "raid0_lvs",
            "mirrors",
            "mirror_log",
            "pool",
            "data",
            "metadata",
            "thin_pool",
            "origin",
            "cache_pool",
            "cow_store",
            "merging_store",
            "writecache",
            "vdo_pool",
            "external_origin",
        ];
        let values = KEYS.iter().flat_map(|key| segment.list(key));
        let names = values.filter_map(|value| match value {
            Value::Text(name) if self.names.contains(name.as_str()) => Some(name.clone()),
            _ => None,
        });
        names.collect()
    }

    fn segment(&self, section: &Section) -> Option<Segment> {
        let start = section.number("start_extent")?.checked_mul(self.extent_bytes)?;
        let bytes = section.number("extent_count")?.checked_mul(self.extent_bytes)?;
        start.checked_add(bytes)?;
        let kind = match section.text("type")? {
            "striped" | "linear" => self.striped(section, bytes)?,
            "zero" => SegmentKind::Zero,
            "error" => SegmentKind::Error,
            "snapshot" => {
                let store = section.text("cow_store").or(section.text("merging_store"))?.to_owned();
                SegmentKind::Snapshot { origin: section.text("origin")?.to_owned(), store }
            }
            // Flags of a type follow its name after a plus sign.
            other => SegmentKind::Other(other.split('+').next().unwrap_or(other).to_owned()),
        };
        Some(Segment { start, bytes, kind })
    }

    fn striped(&self, section: &Section, bytes: u64) -> Option<SegmentKind> {
        let stripes = section.list("stripes").chunks(2).map(|pair| match pair {
            [Value::Text(key), Value::Number(extent)] => {
                let extent = u64::try_from(*extent).ok()?.checked_mul(self.extent_bytes)?;
                // Of a physical volume that the group does not list nothing is there, wherever it begins.
                let start = self.starts.get(key.as_str()).copied().unwrap_or(0);
                Some((key.clone(), start.checked_add(extent)?))
            }
            _ => None,
        });
        let stripes: Vec<(String, u64)> = stripes.collect::<Option<_>>()?;
        let count = crate::bytes::length(stripes.len());
        let each = bytes.checked_div(count)?;
        let chunk_bytes = if count == 1 { each } else { section.number("stripe_size")?.checked_mul(512)? };
        let is_whole = count == 1 || (bytes.checked_rem(count)? == 0 && each.checked_rem(chunk_bytes)? == 0);
        let counts_agree = section.number("stripe_count").is_none_or(|told| told == count);
        (is_whole && counts_agree).then_some(SegmentKind::Striped { chunk_bytes, stripes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = r#"
vg {
id = "ZZZZZZ-1111"
seqno = 7
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
extent_size = 8
physical_volumes {
pv0 {
id = "abc-def"
device = "/dev/sda2"
status = ["ALLOCATABLE"]
pe_start = 2048
pe_count = 100
}
}
logical_volumes {
root {
id = "LV-1"
status = ["READ", "WRITE", "VISIBLE"]
creation_time = 1700000000
creation_host = "web"
segment_count = 2
segment2 {
start_extent = 10
extent_count = 4
type = "striped"
stripe_count = 2
stripe_size = 8
stripes = ["pv0", 20, "pv1", 0]
}
segment1 {
start_extent = 0
extent_count = 10
type = "striped"
stripe_count = 1
stripes = ["pv0", 5]
}
}
thin {
id = "LV-2"
status = ["READ", "VISIBLE"]
segment_count = 2
segment1 {
start_extent = 0
extent_count = 1
type = "thin"
thin_pool = "root"
}
}
}
}
"#;

    #[test]
    fn segments_become_bytes_in_order() {
        let (group, trouble) = Group::parse(TEXT.as_bytes());
        let group = group.unwrap();
        assert_eq!((group.name.as_str(), group.sequence, trouble), ("vg", 7, None));
        assert_eq!(group.physical[0].identifier(), "abcdef");
        assert_eq!(group.physical[0].extents(), Some(ByteRange::new(1_048_576, 1_048_576 + 100 * 4096)));
        let root = &group.logical[0];
        assert_eq!((root.is_visible, root.created_on.as_deref()), (true, Some("web")));
        let one = SegmentKind::Striped { chunk_bytes: 40_960, stripes: vec![("pv0".to_owned(), 1_048_576 + 20_480)] };
        let stripes = vec![("pv0".to_owned(), 1_048_576 + 81_920), ("pv1".to_owned(), 0)];
        let two = SegmentKind::Striped { chunk_bytes: 4096, stripes };
        let expected =
            [Segment { start: 0, bytes: 40_960, kind: one }, Segment { start: 40_960, bytes: 16_384, kind: two }];
        assert_eq!((&root.segments[..], &root.damage), (&expected[..], &None));
        let thin = &group.logical[1];
        assert_eq!(thin.segments[0].kind, SegmentKind::Other("thin".to_owned()));
        assert_eq!(
            (&thin.parts[..], thin.damage.as_deref()),
            (&["root".to_owned()][..], Some("some of its segments are missing"))
        );
    }

    #[test]
    fn a_text_without_a_group_says_so() {
        assert_eq!(Group::parse(b"x = 1"), (None, Some("no group in the text".to_owned())));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(cut in 0..TEXT.len(), changes in prop::collection::vec((0..TEXT.len(), any::<u8>()), 0..8)) {
            let mut text = TEXT.as_bytes().to_vec();
            for (at, byte) in changes { text[at] = byte; }
            let _ = Group::parse(&text[..cut]);
            let numbers = TEXT.replace("extent_count = 4", "extent_count = 9223372036854775807");
            let _ = Group::parse(numbers.as_bytes());
        }
    }
}
