//! From files of YARA rules to what can be asked.

use super::parts::{Kind, Part, parts};
use super::{Yara, scan_params};
use crate::files::{LoadError, RuleFile, RuleSet, collect, read, text};
use boreal::Compiler;
use boreal::compiler::{CompilerBuilder, CompilerParams};
use boreal::module::Console;
use kanshiki_model::{Issue, visible_path, visible_text};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// How far includes go into each other.
const DEPTH: usize = 16;

/// Bytes of a file that is included.
const INCLUDED: u64 = 16 << 20;

/// Characters of what is wrong with a rule.
const MESSAGE: usize = 300;

pub(super) fn load(paths: &[PathBuf]) -> Result<(Yara, Vec<Issue>), LoadError> {
    let mut issues = Vec::new();
    let (files, set) = collect(paths, &["yar", "yara"], &mut issues)?;
    let known: HashSet<&Path> = files.iter().map(|file| file.path.as_path()).collect();
    let mut loading = Loading::new(issues);
    for file in &files {
        // What includes files alone that are read anyway adds nothing to them.
        let all = parts(&file.text);
        let is_index = !all.is_empty()
            && all.iter().all(|part| match part.kind {
                Kind::Include(path) => target(file, &file.path, path).is_ok_and(|it| known.contains(it.as_path())),
                Kind::Import | Kind::Rule => false,
            });
        if !is_index {
            loading.file(file, &all);
        }
    }
    let (yara, issues) = loading.end(set);
    if yara.set.rules == 0 {
        let first = issues.first().map_or_else(|| "none holds rules".to_owned(), ToString::to_string);
        return Err(LoadError::NoRules { language: "YARA", files: set.files, first });
    }
    Ok((yara, issues))
}

pub(super) fn of_texts(texts: &[(&str, &str)]) -> (Yara, Vec<Issue>) {
    let mut loading = Loading::new(Vec::new());
    for (name, text) in texts {
        let file =
            RuleFile { path: PathBuf::new(), name: (*name).to_owned(), root: PathBuf::new(), text: (*text).to_owned() };
        loading.file(&file, &parts(text));
    }
    loading.end(RuleSet { files: texts.len(), ..RuleSet::default() })
}

/// Rules on their way into the compiler.
struct Loading {
    compiler: Compiler,
    /// The files by the numbers that are their namespaces.
    names: Vec<String>,
    issues: Vec<Issue>,
}

impl Loading {
    fn new(issues: Vec<Issue>) -> Self {
        let mut compiler = CompilerBuilder::new().add_module(Console::with_callback(|_| {})).build();
        compiler.set_params(CompilerParams::default().disable_includes(true));
        for name in ["filename", "filepath", "extension", "filetype", "owner"] {
            compiler.define_symbol(name, "");
        }
        Self { compiler, names: Vec::new(), issues }
    }

    /// Adds the rules of a file, each file with names of its own.
    fn file(&mut self, file: &RuleFile, all: &[Part<'_>]) {
        let namespace = self.names.len().to_string();
        self.names.push(file.name.clone());
        let mut included = HashSet::from([file.path.clone()]);
        self.parts(file, (&file.path, &file.name), all, &namespace, &mut included, DEPTH);
    }

    fn parts(
        &mut self,
        file: &RuleFile,
        (path, name): (&Path, &str),
        all: &[Part<'_>],
        namespace: &str,
        included: &mut HashSet<PathBuf>,
        depth: usize,
    ) {
        for part in all {
            match part.kind {
                Kind::Include(include) => {
                    if let Err(message) = self.include(file, path, include, namespace, included, depth) {
                        let message = format!("`{}` is not included: {message}", visible_text(include));
                        let line = part.line.saturating_add(part.text.matches('\n').count());
                        self.issues.push(Issue::new(format!("rules {name}, line {line}"), message));
                    }
                }
                Kind::Import | Kind::Rule => self.add(part, name, namespace),
            }
        }
    }

    fn include(
        &mut self,
        file: &RuleFile,
        from: &Path,
        include: &str,
        namespace: &str,
        included: &mut HashSet<PathBuf>,
        depth: usize,
    ) -> Result<(), String> {
        let path = target(file, from, include)?;
        if !included.insert(path.clone()) {
            return Ok(());
        }
        let depth = depth.checked_sub(1).ok_or("files include each other too deep")?;
        let bytes = read(&path, INCLUDED).map_err(|error| error.to_string())?;
        let name = visible_path(path.strip_prefix(&file.root).unwrap_or(&path));
        let text = text(bytes, &name, &mut self.issues);
        self.parts(file, (&path, &name), &parts(&text), namespace, included, depth);
        Ok(())
    }

    fn add(&mut self, part: &Part<'_>, name: &str, namespace: &str) {
        let Err(error) = self.compiler.add_rules_str_in_namespace(part.text, namespace) else { return };
        let diagnostic = error.to_diagnostic();
        let at = diagnostic.labels.first().map_or(0, |label| label.range.start);
        let before = part.text.get(..at).unwrap_or_default();
        let line = part.line.saturating_add(before.matches('\n').count());
        let notes = diagnostic.labels.iter().map(|label| label.message.as_str()).filter(|it| !it.is_empty());
        let message = std::iter::once(diagnostic.message.as_str()).chain(notes).collect::<Vec<_>>().join(": ");
        let message: String = visible_text(&message).chars().take(MESSAGE).collect();
        self.issues.push(Issue::new(format!("rules {name}, line {line}"), format!("left out: {message}")));
    }

    fn end(self, set: RuleSet) -> (Yara, Vec<Issue>) {
        let mut scanner = self.compiler.finalize();
        scanner.set_scan_params(scan_params());
        let rules = scanner.rules().filter(|rule| !rule.is_private).count();
        (Yara { scanner, set: RuleSet { rules, ..set }, files: self.names.into() }, self.issues)
    }
}

/// The file that is included: beside the one that includes it, and nowhere outside of the folder that was named.
fn target(file: &RuleFile, from: &Path, include: &str) -> Result<PathBuf, String> {
    let folder = from.parent().unwrap_or(&file.root);
    let path = folder.join(include).canonicalize().map_err(|error| error.to_string())?;
    if file.root.as_os_str().is_empty() || !path.starts_with(&file.root) {
        return Err("it is outside of the folder of the rules".to_owned());
    }
    Ok(path)
}
