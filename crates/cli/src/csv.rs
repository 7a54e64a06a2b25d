//! Rows of CSV files (RFC 4180).

/// A row, with quotes where a field needs them.
pub(crate) fn row<T: AsRef<str>>(fields: &[T]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| quoted(field.as_ref())).collect();
    fields.join(",")
}

/// A row for a spreadsheet: what it would take for a formula gets an apostrophe before it.
#[cfg(feature = "examine")]
pub(crate) fn harmless_row<T: AsRef<str>>(fields: &[T]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|field| {
            let field = field.as_ref();
            let is_formula = field.starts_with(['=', '+', '-', '@']) && field.parse::<f64>().is_err();
            if is_formula { quoted(&format!("'{field}")) } else { quoted(field) }
        })
        .collect();
    fields.join(",")
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
