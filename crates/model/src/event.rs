//! What happened, as a record in the evidence tells it.

use crate::Timestamp;

/// Where the bytes of a record lie in its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Byte of the file. In a compressed file, the byte at which the compressed member begins that holds the record.
    pub offset: u64,
    /// Byte of the content after decompression; `None` if the file is not compressed.
    pub content_offset: Option<u64>,
    /// Length in bytes, of the content.
    pub length: u64,
    /// Number of the line, the first being 1; `None` in files that have none.
    pub line: Option<u64>,
}

/// How the time of an event is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeBasis {
    /// The record says it, with its zone.
    #[default]
    Stated,
    /// The record says it without a zone; the zone is inferred.
    ZoneInferred,
    /// The record says it without a year; the year is inferred.
    YearInferred,
    /// The record says it without year and zone.
    YearAndZoneInferred,
    /// The record has no time; it is that of something beside it, such as the file's modification.
    Neighbour,
}

impl TimeBasis {
    /// All of them, each at the place of its number.
    pub const ALL: [Self; 5] =
        [Self::Stated, Self::ZoneInferred, Self::YearInferred, Self::YearAndZoneInferred, Self::Neighbour];

    /// The name, stable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::ZoneInferred => "zone-inferred",
            Self::YearInferred => "year-inferred",
            Self::YearAndZoneInferred => "year-and-zone-inferred",
            Self::Neighbour => "neighbour",
        }
    }

    /// The number, stable: the place in [`Self::ALL`].
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Stated => 0,
            Self::ZoneInferred => 1,
            Self::YearInferred => 2,
            Self::YearAndZoneInferred => 3,
            Self::Neighbour => 4,
        }
    }
}

/// The value of a field that only some kinds of events have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Bytes of the record, of any kind.
    Text(&'a [u8]),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

/// One event. All texts are bytes of the evidence as they are; an empty one stands for none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Event<'a> {
    /// What kind of event, such as `ssh.login-failed`; stable, in lower case, the source before the point.
    pub kind: &'static str,
    /// When; `None` if it cannot be told.
    pub time: Option<Timestamp>,
    /// How the time is known.
    pub basis: TimeBasis,
    /// Where the record lies.
    pub span: Span,
    /// The machine that the record names.
    pub host: &'a [u8],
    /// The program that wrote it.
    pub program: &'a [u8],
    /// Its process.
    pub pid: Option<i64>,
    /// The account that it is about.
    pub user: &'a [u8],
    /// The network address that it is about, without port.
    pub address: &'a [u8],
    /// What it says.
    pub message: &'a [u8],
    /// Further fields, each name once, in a fixed order for the kind.
    pub fields: &'a [(&'static str, Value<'a>)],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_basis_stands_at_the_place_of_its_number() {
        for (place, basis) in TimeBasis::ALL.iter().enumerate() {
            assert_eq!(basis.number(), i64::try_from(place).unwrap());
        }
    }
}
