//! From files of Sigma rules to those that can be used.

use super::{Said, Sigma};
use crate::files::{LoadError, RuleFile, RuleSet, collect};
use kanshiki_model::{Issue, visible_text};
use rsigma_eval::{CorrelationConfig, CorrelationEngine, compile_rule};
use rsigma_parser::{SigmaCollection, parse_sigma_yaml};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Characters of what is wrong with a rule, and of what it says of itself.
const TEXT: usize = 500;

pub(super) fn load(paths: &[PathBuf]) -> Result<(Sigma, Vec<Issue>), LoadError> {
    let mut issues = Vec::new();
    let (files, set) = collect(paths, &["yml", "yaml"], &mut issues)?;
    let mut loading = Loading::default();
    files.iter().for_each(|file| loading.file(file, &mut issues));
    let sigma = loading.end(set, &mut issues);
    if sigma.set.rules == 0 {
        let first = issues.first().map_or_else(|| "none holds rules".to_owned(), ToString::to_string);
        return Err(LoadError::NoRules { language: "Sigma", files: set.files, first });
    }
    Ok((sigma, issues))
}

#[derive(Default)]
struct Loading {
    rules: SigmaCollection,
    said: HashMap<String, Said>,
}

impl Loading {
    fn file(&mut self, file: &RuleFile, issues: &mut Vec<Issue>) {
        let mut tell = |what: &str| {
            let message: String = visible_text(what).chars().take(TEXT).collect();
            issues.push(Issue::new(format!("rules {}", file.name), format!("left out: {message}")));
        };
        let read = match parse_sigma_yaml(&file.text) {
            Ok(read) => read,
            Err(error) => return tell(&error.to_string()),
        };
        read.errors.iter().for_each(|error| tell(error));
        if !read.filters.is_empty() {
            tell("filters are not supported");
        }
        let text = |text: &Option<String>| -> String {
            visible_text(text.as_deref().unwrap_or_default().trim()).chars().take(TEXT).collect()
        };
        for mut rule in read.rules {
            // By this a correlation finds what fitted; a name stands for it where there is none.
            rule.id = rule.id.or_else(|| rule.name.clone()).or_else(|| Some(rule.title.clone()));
            if let Err(error) = compile_rule(&rule) {
                tell(&format!("{}: {error}", rule.title));
                continue;
            }
            let (description, author) = (text(&rule.description), text(&rule.author));
            self.said.insert(visible_text(&rule.title), Said { file: file.name.clone(), description, author });
            self.rules.rules.push(rule);
        }
        for rule in read.correlations {
            let (description, author) = (text(&rule.description), text(&rule.author));
            self.said.insert(visible_text(&rule.title), Said { file: file.name.clone(), description, author });
            self.rules.correlations.push(rule);
        }
    }

    /// What goes together: correlations of rules that are not there, and those that go round in a circle, are left out.
    fn end(mut self, set: RuleSet, issues: &mut Vec<Issue>) -> Sigma {
        let wanted = std::mem::take(&mut self.rules.correlations);
        let check = |rules: &SigmaCollection| {
            CorrelationEngine::new(CorrelationConfig::default())
                .add_collection(rules)
                .map_err(|error| error.to_string())
        };
        let whole = SigmaCollection { correlations: wanted.clone(), ..self.rules.clone() };
        if check(&whole).is_ok() {
            self.rules = whole;
        } else {
            // One after the other, those first that others may build on.
            let names = SigmaCollection { rules: self.rules.rules.clone(), ..SigmaCollection::default() };
            for correlation in wanted {
                let mut tried = SigmaCollection { correlations: self.rules.correlations.clone(), ..names.clone() };
                let title = visible_text(&correlation.title);
                tried.correlations.push(correlation);
                match check(&tried) {
                    Ok(()) => self.rules.correlations = tried.correlations,
                    Err(error) => {
                        let file = self.said.get(&title).map(|said| said.file.clone()).unwrap_or_default();
                        issues.push(Issue::new(
                            format!("rules {file}"),
                            format!("left out: {title}: {}", visible_text(&error)),
                        ));
                    }
                }
            }
        }
        let rules = self.rules.rules.len().saturating_add(self.rules.correlations.len());
        Sigma { rules: Arc::new(self.rules), said: Arc::new(self.said), set: RuleSet { rules, ..set } }
    }
}
