//! What lists say of single digests: the line beside them.

use crate::{ListError, each};
use kanshiki_model::visible;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// Bytes of a line that are told.
const LABEL_BYTES: usize = 200;

/// What the lines with these numbers say, made visible: of texts the line itself, of databases the name of the file. The list
/// is gone through once, until the last of them.
///
/// # Errors
///
/// [`ListError`].
pub fn labels(path: &Path, numbers: impl IntoIterator<Item = u64>) -> Result<BTreeMap<u64, String>, ListError> {
    let mut labels: BTreeMap<u64, String> = numbers.into_iter().map(|number| (number, String::new())).collect();
    let Some((last, _)) = labels.last_key_value() else { return Ok(labels) };
    let last = *last;
    each(path, &mut |entry| {
        if let Some(label) = labels.get_mut(&entry.number).filter(|label| label.is_empty()) {
            *label = visible(entry.text.get(..LABEL_BYTES).unwrap_or(entry.text));
        }
        if entry.number < last { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(labels)
}
