//! One record of `struct utmp`, in each of its layouts (glibc 2.36, `bits/utmp.h`, `__WORDSIZE_TIME64_COMPAT32`).
//!
//! | field | bytes | 384 bytes: x86, 32-bit ARM, POWER, s390 | 400 bytes: 64-bit ARM |
//! | --- | --- | --- | --- |
//! | `ut_type` | 2, and 2 of padding | 0 | 0 |
//! | `ut_pid` | 4 | 4 | 4 |
//! | `ut_line` | 32 | 8 | 8 |
//! | `ut_id` | 4 | 40 | 40 |
//! | `ut_user` | 32 | 44 | 44 |
//! | `ut_host` | 256 | 76 | 76 |
//! | `ut_exit`: termination, exit | 2, 2 | 332 | 332 |
//! | `ut_session` | 4 or 8 | 336 | 336 |
//! | `ut_tv`: seconds, microseconds | 4, 4 or 8, 8 | 340, 344 | 344, 352 |
//! | `ut_addr_v6` | 16 | 348 | 360 |
//!
//! Either may have its numbers with the most significant byte first. Seconds of four bytes count up to 2106: glibc 2.40 takes
//! them for unsigned (bug 31858), and there are no logins before 1970.

use kanshiki_machine::Endian;
use kanshiki_model::Timestamp;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of the longest record.
pub(super) const MOST_BYTES: usize = 400;

/// Seconds of 1990, before which there was no such record.
const SECONDS_1990: i64 = 631_152_000;

/// How records lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Whether session and time have eight bytes each.
    is_wide: bool,
    endian: Endian,
}

impl Layout {
    /// All of them, the usual one first.
    pub(super) const ALL: [Self; 4] = [
        Self { is_wide: false, endian: Endian::Little },
        Self { is_wide: true, endian: Endian::Little },
        Self { is_wide: false, endian: Endian::Big },
        Self { is_wide: true, endian: Endian::Big },
    ];

    /// Bytes of a record.
    pub(super) const fn bytes(self) -> usize {
        if self.is_wide { MOST_BYTES } else { 384 }
    }

    /// What it is called.
    pub(super) const fn name(self) -> &'static str {
        match (self.is_wide, self.endian) {
            (false, Endian::Little) => "384 bytes, little-endian",
            (true, Endian::Little) => "400 bytes, little-endian",
            (false, Endian::Big) => "384 bytes, big-endian",
            (true, Endian::Big) => "400 bytes, big-endian",
        }
    }

    /// Takes a record apart; `None` if it cannot be one.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Record<'_>> {
        let kind = self.short(bytes, 0)?;
        if !(0..=9).contains(&kind) || bytes.get(2..4)? != [0, 0] {
            return None;
        }
        let line = Text::of(bytes.get(8..40)?);
        let (id, user, host) = (bytes.get(40..44)?, Text::of(bytes.get(44..76)?), Text::of(bytes.get(76..332)?));
        let (session, seconds, microseconds, address) = if self.is_wide {
            let high = self.long(bytes, 336)?;
            (i64::from(i32::try_from(high).ok()?), self.long(bytes, 344)?, self.long(bytes, 352)?, bytes.get(360..376)?)
        } else {
            let number = |at| self.endian.u32(bytes, at);
            (i64::from(number(336)?.cast_signed()), number(340)?.into(), number(344)?.into(), bytes.get(348..364)?)
        };
        // Names of accounts may be any bytes that somebody typed, names of lines are made by the system.
        let is_tidy = line.is_clean && user.is_clean && host.is_clean;
        let is_sound = (kind > 0 || is_tidy)
            && line.text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
            && (0..1_000_000).contains(&microseconds)
            && (0..1 << 40).contains(&seconds);
        let time = seconds.checked_mul(1_000_000_000)?.checked_add(microseconds.checked_mul(1000)?)?;
        let record = Record {
            kind,
            pid: self.endian.u32(bytes, 4)?.cast_signed(),
            line: line.text,
            id: id.split(|byte| *byte == 0).next()?,
            user: user.text,
            host: host.text,
            termination: self.short(bytes, 332)?,
            exit: self.short(bytes, 334)?,
            session,
            time: (time > 0).then_some(Timestamp::from_nanoseconds(time)),
            address: ip(address),
            is_clean: kind > 0 && is_tidy && seconds >= SECONDS_1990,
        };
        is_sound.then_some(record)
    }

    fn short(self, bytes: &[u8], at: usize) -> Option<i16> {
        self.endian.u16(bytes, at).map(u16::cast_signed)
    }

    fn long(self, bytes: &[u8], at: usize) -> Option<i64> {
        self.endian.u64(bytes, at).map(u64::cast_signed)
    }

    /// The layout of which most records are found in some bytes, and how many these are; the bytes may begin within a record.
    pub(super) fn of(bytes: &[u8]) -> Option<(Self, usize)> {
        let found = Self::ALL.map(|layout| (layout, layout.count(bytes)));
        // The first of those that have most.
        let best = found.into_iter().rev().max_by_key(|(_, count)| *count)?;
        (best.1 > 0).then_some(best)
    }

    /// Records in some bytes that are certainly of this layout.
    fn count(self, bytes: &[u8]) -> usize {
        let (mut at, mut count) = (0_usize, 0_usize);
        while let Some(record) = bytes.get(at..).filter(|rest| rest.len() >= self.bytes()) {
            let is_record = self.decode(record).is_some_and(|record| record.is_clean);
            count = count.saturating_add(usize::from(is_record));
            at = at.saturating_add(if is_record { self.bytes() } else { 1 });
        }
        count
    }
}

/// A record, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    /// `ut_type`, 0 to 9.
    pub(super) kind: i16,
    pub(super) pid: i32,
    pub(super) line: &'a [u8],
    pub(super) id: &'a [u8],
    pub(super) user: &'a [u8],
    pub(super) host: &'a [u8],
    pub(super) termination: i16,
    pub(super) exit: i16,
    pub(super) session: i64,
    /// `None` for 0.
    pub(super) time: Option<Timestamp>,
    pub(super) address: Option<IpAddr>,
    /// Whether it is so well formed that it is a record wherever it is found.
    pub(super) is_clean: bool,
}

/// A text that ends with a zero or fills its field.
struct Text<'a> {
    text: &'a [u8],
    /// Whether nothing stands behind its end.
    is_clean: bool,
}

impl<'a> Text<'a> {
    fn of(field: &'a [u8]) -> Self {
        let end = memchr::memchr(0, field).unwrap_or(field.len());
        let (text, rest) = field.split_at_checked(end).unwrap_or((field, &[]));
        Self { text, is_clean: rest.iter().all(|byte| *byte == 0) }
    }
}

/// The address of 16 bytes in the order of the network: that of IPv4 in the first four, the others being 0.
fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let bytes = *bytes.first_chunk::<16>()?;
    let [a, b, c, d, rest @ ..] = bytes;
    if bytes == [0; 16] {
        None
    } else if rest == [0; 12] {
        Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
    } else {
        Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical())
    }
}
