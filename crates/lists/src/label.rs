//! What lists say of single digests: the line beside them.

use crate::{ListError, each};
use kanshiki_model::{Progress, visible};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// Lines between two looks at whether the user wants to end.
const STRIDE: u64 = 4096;

/// Bytes of a line that are told.
const LABEL_BYTES: usize = 200;

/// What the lines with these numbers say, made visible: of texts the line itself, of databases the name of the file. The list
/// is gone through once, until the last of them; if the user wants to end, what is not found by then stays empty.
///
/// # Errors
///
/// [`ListError`].
pub fn labels(
    path: &Path,
    numbers: impl IntoIterator<Item = u64>,
    progress: &dyn Progress,
) -> Result<BTreeMap<u64, String>, ListError> {
    let mut labels: BTreeMap<u64, String> = numbers.into_iter().map(|number| (number, String::new())).collect();
    let Some((last, _)) = labels.last_key_value() else { return Ok(labels) };
    let last = *last;
    each(path, &mut |entry| {
        if let Some(label) = labels.get_mut(&entry.number).filter(|label| label.is_empty()) {
            *label = visible(entry.text.get(..LABEL_BYTES).unwrap_or(entry.text));
        }
        let is_stopped = entry.number % STRIDE == 0 && progress.stop_requested();
        if entry.number < last && !is_stopped { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(labels)
}
