//! Events of the store by their kinds, without going through all of them.

use crate::time::SECOND;
use crate::{DetectError, Image};
use rusqlite::Row;

/// Seconds within which the installation of a package is a reason for what happens on the machine.
const INSTALLATION: i64 = 120 * SECOND;

/// The events of an exhibit that are of these kinds, as what stands behind `FROM` and behind `WHERE`; `e` is the event, `k` its
/// kind. The table `hours` tells which logs hold such kinds, so that no other is gone through.
pub(crate) fn of_kinds(image: &Image<'_>, kinds: &[&'static str]) -> (String, String) {
    let names = kinds.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ");
    let wanted = format!("SELECT id FROM main.kinds WHERE name IN ({names})");
    let from = format!(
        "(SELECT l.first_event AS first, l.last_event AS last FROM main.logs l JOIN main.files f ON f.id = l.file
            JOIN main.volumes v ON v.id = f.volume WHERE v.exhibit = {} AND l.first_event IS NOT NULL
            AND l.file IN (SELECT h.file FROM main.hours h WHERE h.kind IN ({wanted})) ORDER BY l.first_event) r
        CROSS JOIN main.events e ON e.id BETWEEN r.first AND r.last CROSS JOIN main.kinds k ON k.id = e.kind",
        image.exhibit
    );
    (from, format!("e.kind IN ({wanted})"))
}

/// Goes over events of these kinds: these columns, in this order of SQL, or as they were read if that is empty. Ends early when
/// the user asks for that.
pub(crate) fn each(
    image: &Image<'_>,
    kinds: &[&'static str],
    columns: &str,
    order: &str,
    visit: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), DetectError> {
    let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {order}") };
    let (from, of_kind) = of_kinds(image, kinds);
    let sql = format!("SELECT {columns} FROM {from} WHERE {of_kind}{order}");
    let mut statement = image.db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut count = 0_u32;
    while let Some(row) = rows.next()? {
        visit(row)?;
        count = count.wrapping_add(1);
        if count.trailing_zeros() >= 12 && image.progress.stop_requested() {
            break;
        }
    }
    Ok(())
}

/// A text of a row; an empty one if it has none.
pub(crate) fn text<'r>(row: &'r Row<'_>, column: usize) -> &'r str {
    row.get_ref(column).ok().and_then(|value| value.as_str().ok()).unwrap_or_default()
}

/// Whether a package was installed about that time.
pub(crate) fn is_installing(image: &Image<'_>, time: i64) -> Result<bool, DetectError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM main.hours h JOIN main.kinds k ON k.id = h.kind
        WHERE k.name IN ('package.installed', 'package.upgraded', 'package.configured', 'package.unpacked')
        AND h.hour BETWEEN ?1 AND ?2)";
    let hour = |time: i64| time.div_euclid(3600 * SECOND);
    let hours = (hour(time.saturating_sub(INSTALLATION)), hour(time.saturating_add(INSTALLATION)));
    Ok(image.db.prepare_cached(sql)?.query_row(hours, |row| row.get(0))?)
}
