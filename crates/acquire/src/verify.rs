//! From the image back to the proof: everything that the record of an exhibit says is worked out anew and compared.

mod bare;
mod custody;
mod exhibit;
mod files;
mod report;
mod target;

pub use report::{CustodyReport, ExhibitReport, Verdict, VerifyOptions, VerifyReport};

use custody::Log;
use exhibit::Place;
use kanshiki_custody::{Act, ActKind, Case, CustodyLog, Subject};
use kanshiki_model::{Clock, Progress};
use target::Target;

/// The version of the report.
const SCHEMA: u32 = 1;

/// Why there is no answer at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The target is no case, exhibit or image, or cannot be compared with anything.
    #[error("cannot verify `{target}`: {reason}")]
    Target {
        /// The target, made visible.
        target: String,
        /// Why.
        reason: String,
    },
    /// The work was asked to stop.
    #[error("interrupted; nothing was compared in full")]
    Interrupted,
}

/// Compares an image, an exhibit or a whole case with its record.
///
/// # Errors
///
/// [`VerifyError`] if the target is none of these, or the work was interrupted.
pub fn verify(
    options: &VerifyOptions,
    clock: &dyn Clock,
    progress: &dyn Progress,
) -> Result<VerifyReport, VerifyError> {
    let target = Target::resolve(&options.target)?;
    let mut report = VerifyReport {
        schema: SCHEMA,
        target: target::shown(&options.target),
        verdict: Verdict::Intact,
        exhibits: Vec::new(),
        custody: None,
        not_compared: Vec::new(),
        not_recorded: None,
        read_only_medium: false,
    };
    match &target {
        Target::Image(path) => report.exhibits.push(bare::verify(path, options, progress)?),
        Target::Exhibit { folder, id, case } => {
            let log = case.as_ref().map(|(case, _)| Log::read(case));
            report.exhibits.push(exhibit::verify(folder, id, within(&log, id), options, progress)?);
            refuse_range(&report)?;
            match &log {
                Some(log) => report.custody = Some(log.report(None)),
                None => report.not_compared.push("the custody log: the exhibit lies in no case folder".to_owned()),
            }
            report.verdict = log.as_ref().map_or(Verdict::Intact, Log::verdict);
            doubt(case.as_ref().and_then(|(_, doubt)| doubt.as_deref()), options, &mut report);
        }
        Target::Case(..) if options.sha256.is_some() => {
            let reason = "--sha256 is the digest of one image: give the image or its exhibit".to_owned();
            return Err(VerifyError::Target { target: target::shown(&options.target), reason });
        }
        Target::Case(case, reason) => {
            verify_case(case, options, progress, &mut report)?;
            doubt(reason.as_deref(), options, &mut report);
        }
    }
    say_limits(options, &mut report);
    let worst = report.exhibits.iter().map(|exhibit| exhibit.verdict).max();
    report.verdict = report.verdict.max(worst.unwrap_or(Verdict::Intact));
    if let (true, Some(case)) = (options.record, target.case()) {
        record(case, options, clock, &mut report);
    }
    Ok(report)
}

fn verify_case(
    case: &Case,
    options: &VerifyOptions,
    progress: &dyn Progress,
    report: &mut VerifyReport,
) -> Result<(), VerifyError> {
    let failed = |error: kanshiki_custody::CustodyError| VerifyError::Target {
        target: target::shown(case.path()),
        reason: crate::error::with_causes(&error),
    };
    let log = Log::read(case);
    let present = case.exhibits().map_err(failed)?;
    for id in &present {
        let folder = case.exhibit_dir(id);
        let place = Place::Case { recorded: log.acquired(id) };
        report.exhibits.push(exhibit::verify(&folder, id, place, options, progress)?);
    }
    refuse_range(report)?;
    for id in case.partial_exhibits().map_err(failed)? {
        report.not_compared.push(format!("exhibit {id}: its acquisition is not finished"));
        report.verdict = Verdict::Partial;
    }
    if present.is_empty() && log.is_without_exhibits() {
        report.not_compared.push("exhibits: the case has none".to_owned());
    }
    let mut custody = log.report(Some(&present));
    custody.problems.extend(log.check_case(case, &present));
    if !custody.problems.is_empty() {
        custody.verdict = Verdict::Differs;
    }
    for name in custody::strangers(case) {
        report.not_compared.push(format!("{name}: it lies in the case folder and is not kanshiki's"));
    }
    if custody::has_store(case) {
        let name = kanshiki_custody::case::EVENTS;
        report.not_compared.push(format!("{name}: it was made of the exhibits, and can be made again"));
    }
    report.verdict = report.verdict.max(custody.verdict);
    report.custody = Some(custody);
    Ok(())
}

/// Where an exhibit lies.
fn within<'a>(log: &'a Option<Log>, id: &str) -> Place<'a> {
    log.as_ref().map_or(Place::Alone, |log| Place::Case { recorded: log.acquired(id) })
}

/// Says that the case's own record cannot be believed, if there is a reason.
fn doubt(reason: Option<&str>, options: &VerifyOptions, report: &mut VerifyReport) {
    let Some(reason) = reason else { return };
    let hint = "put it back from another copy of the case, or use the version of kanshiki that made it";
    report.not_compared.push(format!("the case's own record: {reason}; {hint}"));
    report.verdict = report.verdict.max(Verdict::Impossible);
    report.not_recorded = Some("the case's own record cannot be used".to_owned()).filter(|_| options.record);
}

/// Refuses a range that lies in none of the images.
fn refuse_range(report: &VerifyReport) -> Result<(), VerifyError> {
    let mut reasons = report.exhibits.iter().map(|exhibit| exhibit.out_of_range.as_ref());
    match reasons.next().flatten() {
        Some(reason) if reasons.all(|reason| reason.is_some()) => {
            Err(VerifyError::Target { target: report.target.clone(), reason: reason.clone() })
        }
        _ => Ok(()),
    }
}

/// Says what the options left out.
fn say_limits(options: &VerifyOptions, report: &mut VerifyReport) {
    if let Some(range) = options.range {
        report.not_compared.push(format!("bytes of the image outside {range}, as asked"));
    }
    if options.quick || options.range.is_some() {
        report.not_compared.push("digests of the whole image and of its files, as asked".to_owned());
    }
}

/// The answers of the exhibits, in brackets.
fn of_exhibits(exhibits: &[String]) -> String {
    if exhibits.is_empty() { " (no exhibit)".to_owned() } else { format!(" ({})", exhibits.join(", ")) }
}

/// Enters the verification in the custody log. That it cannot be entered changes nothing of its result.
fn record(case: &Case, options: &VerifyOptions, clock: &dyn Clock, report: &mut VerifyReport) {
    let mode = match (options.quick, options.range) {
        (_, Some(range)) => format!("bytes {range} by their leaves"),
        (true, None) => "by the leaves".to_owned(),
        (false, None) => "in full".to_owned(),
    };
    let result = match report.verdict {
        Verdict::Intact => "intact",
        Verdict::Partial => "intact as far as it could be compared",
        Verdict::Impossible => "no answer",
        Verdict::Differs => "DIFFERS",
    };
    let exhibits: Vec<String> = report
        .exhibits
        .iter()
        .take(50)
        .map(|exhibit| format!("{} {:?}", exhibit.exhibit, exhibit.verdict).to_lowercase())
        .collect();
    let subjects = report.exhibits.iter().take(50).filter_map(|exhibit| {
        let name = format!("exhibits/{}/manifest.json", exhibit.exhibit);
        exhibit.manifest_sha256.clone().map(|sha256| Subject { name, sha256 })
    });
    let act = Act {
        kind: ActKind::Verified,
        who: options.who.clone().unwrap_or_else(|| "not told".to_owned()),
        what: format!("verified {mode}: {result}{}", of_exhibits(&exhibits)),
        subjects: subjects.collect(),
        tool: crate::tool_name(),
    };
    if let Err(error) = CustodyLog::open(case).and_then(|log| log.append(act, clock)) {
        report.read_only_medium = error.is_io(std::io::ErrorKind::ReadOnlyFilesystem);
        report.not_recorded = Some(crate::error::with_causes(&error));
    }
}
