//! From files of Sigma rules to those that can be used.

use super::{Said, Sigma};
use crate::files::{LoadError, RuleFile, RuleSet, collect};
use kanshiki_model::{Issue, visible_text};
use rsigma_eval::{CorrelationConfig, CorrelationEngine, compile_rule};
use rsigma_parser::{SigmaCollection, parse_sigma_yaml};
use std::collections::{HashMap, HashSet};
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

    /// What goes together: correlations that are wrong, of rules that are not there, or in a circle, are left out.
    fn end(mut self, set: RuleSet, issues: &mut Vec<Issue>) -> Sigma {
        let mut tell = |title: &str, why: &str| {
            let file = self.said.get(&visible_text(title)).map(|said| said.file.as_str()).unwrap_or_default();
            issues.push(Issue::new(
                format!("rules {file}"),
                format!("left out: {}: {}", visible_text(title), visible_text(why)),
            ));
        };
        let engine = || CorrelationEngine::new(CorrelationConfig::default());
        let mut correlations = std::mem::take(&mut self.rules.correlations);
        correlations
            .retain(|it| engine().add_correlation(it).map_err(|error| tell(&it.title, &error.to_string())).is_ok());
        // What builds on something that is left out goes with it, and so on.
        loop {
            let own = self.rules.rules.iter().flat_map(|rule| [&rule.id, &rule.name]);
            let known: HashSet<String> =
                own.chain(correlations.iter().flat_map(|it| [&it.id, &it.name])).flatten().cloned().collect();
            let before = correlations.len();
            correlations.retain(|it| match it.rules.iter().find(|name| !known.contains(*name)) {
                Some(name) => {
                    tell(&it.title, &format!("there is no rule {name}"));
                    false
                }
                None => true,
            });
            if correlations.len() == before {
                break;
            }
        }
        let whole = SigmaCollection { correlations, ..self.rules.clone() };
        match engine().add_collection(&whole) {
            Ok(()) => self.rules = whole,
            Err(error) => tell("all correlations", &error.to_string()),
        }
        let rules = self.rules.rules.len().saturating_add(self.rules.correlations.len());
        Sigma { rules: Arc::new(self.rules), said: Arc::new(self.said), set: RuleSet { rules, ..set } }
    }
}
