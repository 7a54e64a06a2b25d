//! Runs a parser on bytes that may be anything.

use crate::host::Host;
use crate::input::Input;
use crate::output::{Found, Output};
use crate::parser::{Context, Parser};
use kanshiki_image::Memory;
use kanshiki_model::Timestamp;
use std::ops::ControlFlow;

/// Parses bytes as the file of this path, on a machine of which nothing is known, and gives the number of records that were
/// understood and of those that were not. For fuzz targets.
#[must_use]
pub fn trial(parser: &dyn Parser, path: &[u8], bytes: &[u8]) -> (u64, u64) {
    let source = Memory(bytes.to_vec());
    let host = Host::unknown();
    // Read at most twice: the years that the first time tells are taken the second time.
    let mut years = None;
    loop {
        let mut hand_on = |_: Found| ControlFlow::Continue(());
        let context =
            Context { path, modified: Some(Timestamp::from_nanoseconds(0)), owner: None, host: &host, years, shift: 0 };
        let mut output = Output::new(path, &mut hand_on);
        // What could not be read to its end has given what comes before.
        let _ = parser.parse(&Input::new(&source), &context, &mut output);
        match output.wants_again() {
            Some(hint) => years = Some(hint),
            None => {
                let (row, _) = output.finish();
                return (row.records, row.others);
            }
        }
    }
}
