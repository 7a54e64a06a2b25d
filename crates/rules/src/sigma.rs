//! Sigma rules over records of logs, with their correlations, as `rsigma` reads them (Sigma Specification 2.1).
//!
//! Filters, and processing pipelines, which bring fields of one product to names of another, are not read.

mod load;
#[cfg(test)]
mod tests;

use crate::files::{LoadError, RuleSet};
use crate::weight::{question_of, severity_of, technique_of};
use kanshiki_model::{Question, Severity, visible_text};
use rsigma_eval::{CorrelationConfig, CorrelationEngine, EvaluationResult, Event, MapEvent};
use rsigma_parser::{LogSource, SigmaCollection};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Groups of records that correlations keep at a time; the oldest are forgotten.
const GROUPS: usize = 100_000;

/// Rules that can be used; cheap to clone.
#[derive(Clone)]
pub struct Sigma {
    rules: Arc<SigmaCollection>,
    /// By the title of a rule what it says of itself.
    said: Arc<HashMap<String, Said>>,
    set: RuleSet,
}

impl fmt::Debug for Sigma {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sigma").field("set", &self.set).finish_non_exhaustive()
    }
}

/// What a rule says of itself. All texts are visible text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The file that it stands in.
    pub file: String,
    /// What it finds.
    pub description: String,
    /// Who wrote it.
    pub author: String,
}

/// Where a record comes from, in the words of Sigma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Such as `linux`.
    pub product: &'static str,
    /// Such as `process_creation`; empty if it has none.
    pub category: &'static str,
    /// Such as `sshd`; empty if it has none.
    pub service: &'static str,
}

impl Origin {
    fn source(&self) -> LogSource {
        let named = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        LogSource {
            category: named(self.category),
            product: named(self.product),
            service: named(self.service),
            ..LogSource::default()
        }
    }

    /// Whether a rule for this source of logs is asked for records from here.
    fn fits(&self, source: &LogSource) -> bool {
        let is = |wanted: &Option<String>, own: &str| wanted.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(own));
        is(&source.product, self.product) && is(&source.category, self.category) && is(&source.service, self.service)
    }
}

/// A rule that fits a record, or a correlation that does with it. All texts are visible text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its title.
    pub title: String,
    /// Its identifier, or its title.
    pub id: String,
    /// How much it matters, by its level.
    pub severity: Option<Severity>,
    /// The technique of MITRE ATT&CK, by its tags.
    pub technique: Option<String>,
    /// The question that it answers, by its tags.
    pub question: Option<Question>,
    /// Of a correlation, the fields by which records are grouped, with what they hold.
    pub group: Vec<(String, String)>,
    /// Whether it is a correlation.
    pub is_correlation: bool,
}

/// Rules at work on one image. Records come in the order of their times.
pub struct Watch {
    engine: CorrelationEngine,
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Sigma {
    /// Reads rules from files and folders; of folders, each file that ends in `.yml` or `.yaml`, also in folders below. Rules
    /// that cannot be used are left out and told with their file, the others are used.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if something that was named cannot be read, or no rule can be used.
    pub fn load(paths: &[PathBuf]) -> Result<(Self, Vec<kanshiki_model::Issue>), LoadError> {
        load::load(paths)
    }

    /// What was read.
    #[must_use]
    pub const fn set(&self) -> RuleSet {
        self.set
    }

    /// How many rules ask for records from one of these places.
    #[must_use]
    pub fn fitting(&self, origins: &[Origin]) -> usize {
        self.rules.rules.iter().filter(|rule| origins.iter().any(|origin| origin.fits(&rule.logsource))).count()
    }

    /// How many rules there are beside correlations.
    #[must_use]
    pub fn detections(&self) -> usize {
        self.rules.rules.len()
    }

    /// Whether records must come in the order of their times.
    #[must_use]
    pub fn has_correlations(&self) -> bool {
        !self.rules.correlations.is_empty()
    }

    /// What the rule with this title says of itself.
    #[must_use]
    pub fn said(&self, title: &str) -> Option<&Said> {
        self.said.get(title)
    }

    /// Begins with an image.
    ///
    /// # Errors
    ///
    /// Why the rules do not go together, as visible text; it was found when they were read.
    pub fn begin(&self) -> Result<Watch, String> {
        // What a rule finds for a correlation alone is told by that.
        let config =
            CorrelationConfig { max_state_entries: GROUPS, emit_detections: false, ..CorrelationConfig::default() };
        let mut engine = CorrelationEngine::new(config);
        engine.add_collection(&self.rules).map_err(|error| visible_text(&error.to_string()))?;
        Ok(Watch { engine })
    }
}

impl Watch {
    /// The rules that fit an event, given by the fields of each of its records, and at what second since 1970 it was made. A rule
    /// that fits several of the records counts once.
    pub fn see(&mut self, origins: &[Origin], records: &[HashMap<String, String>], seconds: Option<i64>) -> Vec<Hit> {
        let mut fitting: Vec<EvaluationResult> = Vec::new();
        let mut fields = None;
        for record in records {
            let event = MapEvent::new(record.clone());
            for origin in origins {
                for result in self.engine.engine().evaluate_with_logsource(&event, &origin.source()) {
                    let key = |it: &EvaluationResult| (it.header.rule_title.clone(), it.header.rule_id.clone());
                    if !fitting.iter().any(|other| key(other) == key(&result)) {
                        fitting.push(result);
                        fields.get_or_insert_with(|| event.clone());
                    }
                }
            }
        }
        let results = match (seconds, fields) {
            (Some(seconds), Some(fields)) => self.correlate(&fields, fitting, seconds),
            _ => fitting,
        };
        results.into_iter().map(hit).collect()
    }

    fn correlate(&mut self, event: &impl Event, fitting: Vec<EvaluationResult>, seconds: i64) -> Vec<EvaluationResult> {
        self.engine.process_with_detections(event, fitting, seconds)
    }
}

fn hit(result: EvaluationResult) -> Hit {
    let header = &result.header;
    let title = visible_text(&header.rule_title);
    let group = result.as_correlation().map(|body| body.group_key.clone()).unwrap_or_default();
    Hit {
        id: header.rule_id.as_deref().map_or_else(|| title.clone(), visible_text),
        severity: header.level.and_then(|level| severity_of(level.as_str())),
        technique: header.tags.iter().find_map(|tag| technique_of(tag)),
        question: header.tags.iter().find_map(|tag| question_of(tag)),
        group: group.iter().map(|(name, value)| (visible_text(name), visible_text(value))).collect(),
        is_correlation: result.is_correlation(),
        title,
    }
}
