//! What an independent reader makes of the same volumes.

use crate::browse::node::PathFields;
use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::output::Output;
use kanshiki_browse::second_reader::{Compared, Tally, compare};
use kanshiki_filesystem::JournalState;
use kanshiki_model::{Issue, Size};
use serde::Serialize;

#[derive(Serialize)]
struct DifferenceLine<'a> {
    volume: &'a str,
    #[serde(flatten)]
    path: PathFields<'a>,
    what: &'static str,
    this_reader: &'a str,
    second_reader: &'a str,
}

#[derive(Serialize)]
struct TallyLine<'a> {
    volume: &'a str,
    entries: u64,
    bytes: u64,
    differences: u64,
}

/// Compares all volumes of the view.
pub(super) fn compare_all(evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    (0..evidence.view.volumes().len()).try_for_each(|volume| compare_one(evidence, volume, output))
}

fn compare_one(evidence: &Evidence, index: usize, output: &mut Output) -> Result<(), Failure> {
    let (volume, source) = (evidence.view.volumes().get(index), evidence.volume_source(index));
    let (Some(volume), Some(source)) = (volume, source) else { return Ok(()) };
    let subject = evidence.volume_name(index);
    if volume.filesystem.summary().journal == JournalState::Ignored {
        let message = "its journal was ignored here, but the second reader replays it: differences may come of that";
        output.issue(&Issue::new(&subject, message))?;
    }
    let mut differences = 0_u64;
    let compared = compare(volume.filesystem.as_ref(), source.clone(), &mut |compared| match compared {
        Compared::NotCompared { path, reason } => {
            output.issue(&Issue::new(format!("{subject}, {path}"), format!("not compared: {reason}")))
        }
        Compared::Difference { path, what, this, other } => {
            differences = differences.saturating_add(1);
            if output.is_json() {
                let (path, volume) = (PathFields::of(&path), volume.name.as_str());
                let line = DifferenceLine { volume, path, what, this_reader: &this, second_reader: &other };
                return output.object("difference", &line);
            }
            output.line(&format!("difference: {subject}, {path}: {what}: {this}; by the second reader: {other}"))
        }
    })?;
    if differences > 0 {
        output.answer_no();
    }
    match compared {
        Err(error) => output.issue(&Issue::new(subject, error.to_string())),
        Ok(Tally { entries, bytes }) if output.is_json() => {
            output.object("compared", &TallyLine { volume: &volume.name, entries, bytes, differences })
        }
        Ok(Tally { entries, bytes }) => output.line(&format!(
            "{subject}: {entries} names and {} of content read by both readers: {differences} differences",
            Size(bytes)
        )),
    }
}
