//! Counts the rows of an event, for which the columns of the table must be known.

use super::body::Body;

/// Columns that a table may have (MAX_FIELDS, sql_const.h).
const COLUMNS: usize = 4096;

/// A table as the last event that maps it tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) database: Vec<u8>,
    pub(super) name: Vec<u8>,
    columns: Vec<Column>,
}

/// The kind of a column with what the table says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    kind: u8,
    meta: [u8; 2],
}

impl Table {
    /// Of the data of an event that maps a table: names, kinds of columns, what is said of them.
    pub(super) fn parse(mut body: Body<'_>) -> Option<Self> {
        let database = body.short_text()?.to_vec();
        body.u8()?;
        let name = body.short_text()?.to_vec();
        body.u8()?;
        let mut table = Self { database, name, columns: Vec::new() };
        // Without its columns it still names the table.
        if let Some(columns) = columns(body) {
            table.columns = columns;
        }
        Some(table)
    }

    /// The number of rows; `None` if the columns cannot be made out. `images` is 2 where each is told before and after.
    pub(super) fn count(&self, mut body: Body<'_>, images: usize) -> Option<i64> {
        let width = body.packed_length()?;
        (width == self.columns.len() && width > 0).then_some(())?;
        let mut present = Vec::with_capacity(images);
        for _ in 0..images {
            let bitmap = body.bytes(width.div_ceil(8))?;
            let columns = self.columns.iter().enumerate().filter(|(place, _)| is_set(bitmap, *place));
            present.push(columns.map(|(_, column)| *column).collect::<Vec<_>>());
        }
        let mut rows = 0_i64;
        while !body.0.is_empty() {
            for columns in &present {
                // An image without columns has no bytes, and would be read without end.
                (!columns.is_empty()).then_some(())?;
                pass_image(&mut body, columns)?;
            }
            rows = rows.checked_add(1)?;
        }
        Some(rows)
    }
}

fn is_set(bitmap: &[u8], place: usize) -> bool {
    bitmap.get(place.div_euclid(8)).is_some_and(|byte| byte >> place.rem_euclid(8) & 1 == 1)
}

/// Passes over one image of a row: bits of what is null, and the values of the columns that it tells.
fn pass_image(body: &mut Body<'_>, columns: &[Column]) -> Option<()> {
    let nulls = body.bytes(columns.len().div_ceil(8))?;
    for (place, column) in columns.iter().enumerate() {
        if !is_set(nulls, place) {
            column.pass(body)?;
        }
    }
    Some(())
}

/// The kinds of columns, and for each what stands behind all kinds of it.
fn columns(mut body: Body<'_>) -> Option<Vec<Column>> {
    let count = body.packed_length()?;
    (count <= COLUMNS).then_some(())?;
    let kinds = body.bytes(count)?;
    let length = body.packed_length()?;
    let mut metas = Body(body.bytes(length)?);
    let mut columns = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let meta = match kind {
            4 | 5 | 17..=19 | 140 | 242 | 245 | 249..=252 | 255 => [metas.u8()?, 0],
            15 | 16 | 141 | 246..=248 | 253 | 254 => [metas.u8()?, metas.u8()?],
            _ => [0, 0],
        };
        columns.push(Column { kind: *kind, meta });
    }
    Some(columns)
}

impl Column {
    /// Passes over a value (`calc_field_size`, libbinlogevents/src/binary_log_funcs.cpp).
    fn pass(self, body: &mut Body<'_>) -> Option<()> {
        let [first, second] = self.meta;
        let fraction = usize::from(first).div_ceil(2);
        let size = match self.kind {
            // TINY, SHORT, INT24, LONG, LONGLONG, FLOAT, DOUBLE, NULL, YEAR.
            1 | 13 => 1,
            2 => 2,
            3 | 4 => 4,
            9 => 3,
            8 | 5 => 8,
            6 => 0,
            // TIMESTAMP, DATE, TIME, DATETIME, NEWDATE, and those with a fraction.
            7 => 4,
            10 | 11 | 14 => 3,
            12 => 8,
            17 => fraction.checked_add(4)?,
            18 => fraction.checked_add(5)?,
            19 => fraction.checked_add(3)?,
            // BIT: bits beyond whole bytes, and bytes.
            16 => usize::from(second).checked_add(usize::from(first > 0))?,
            246 => decimal(first, second)?,
            247 | 248 => usize::from(second),
            // VARCHAR, with MariaDB's compressed one.
            15 | 141 => prefixed(usize::from(u16::from_le_bytes(self.meta)), body)?,
            // STRING, which may be ENUM or SET: the upper bits of its length stand in the kind.
            253 | 254 => {
                let (kind, length) = match first {
                    _ if first & 0x30 != 0x30 => {
                        (first | 0x30, usize::from(second) | usize::from((first & 0x30) ^ 0x30) << 4)
                    }
                    _ => (first, usize::from(second)),
                };
                match kind {
                    247 | 248 => length,
                    _ => prefixed(length, body)?,
                }
            }
            // BLOB in all sizes, GEOMETRY, JSON, VECTOR, MariaDB's compressed ones.
            140 | 242 | 245 | 249..=252 | 255 => usize::try_from(body.number(usize::from(first))?).ok()?,
            _ => return None,
        };
        body.bytes(size).map(|_| ())
    }
}

/// The length of a text, which stands before it in one byte or, if it may be longer than 255 bytes, in two.
fn prefixed(most: usize, body: &mut Body<'_>) -> Option<usize> {
    if most < 256 { body.u8().map(usize::from) } else { body.u16().map(usize::from) }
}

/// Bytes of a decimal number of so many digits in all and behind the point: four for nine digits, fewer for the rest.
fn decimal(precision: u8, scale: u8) -> Option<usize> {
    const BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
    let (scale, whole) = (usize::from(scale), usize::from(precision.checked_sub(scale)?));
    let part = |digits: usize| {
        let rest = BYTES.get(digits.rem_euclid(9))?;
        digits.div_euclid(9).checked_mul(4)?.checked_add(*rest)
    };
    part(whole)?.checked_add(part(scale)?)
}
