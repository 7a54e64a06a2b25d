//! The rules about what files hold, as a table.

mod data;
mod miners;
mod programs;
mod scripts;
mod shells;
#[cfg(test)]
mod tests;
mod tools;

use crate::inspection::{Sign, Subject};
use crate::kind::Kind;
use crate::traits::Traits;
use kanshiki_model::{Confidence, Question, Rule, Severity};

pub(crate) use data::{ARCHIVE, CARDS, MAIL_ADDRESSES};
pub(crate) use miners::MONERO_WALLET;
pub(crate) use programs::{
    CORE_DUMP, DAMAGED, ENTRY_ELSEWHERE, EXECUTABLE_STACK, HOOKS, KERNEL_MODULE, NO_SECTIONS, PACKED, WRITABLE_CODE,
};
pub(crate) use scripts::HIDDEN_COMMAND;
pub(crate) use shells::{REQUEST_CALLED, REQUEST_INCLUDED, REQUEST_RUN, REQUEST_TO_COMMAND, REQUEST_WRITTEN, UPLOADER};
pub(crate) use tools::{ADDRESS_LIST, COMBINATIONS, PASSWORD_LIST};

/// A rule about what files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRule {
    /// What it has in common with rules of other kinds.
    pub rule: Rule,
    /// What it has found, in a line.
    pub title: &'static str,
    /// What that means, in plain words.
    pub explanation: &'static str,
    /// Whether it says nothing about a file that a package brought and that is unchanged since.
    pub is_silenced_by_package: bool,
    pub(crate) triggers: &'static [Trigger],
}

/// All rules, in groups.
pub const RULES: &[&[&ContentRule]] =
    &[scripts::RULES, shells::RULES, miners::RULES, tools::RULES, data::RULES, programs::RULES];

/// What a rule looks for in the bytes. Rules without one are told by the facts of programs, lines and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trigger {
    pub(crate) scope: Scope,
    /// Without difference of case, in ASCII.
    pub(crate) literals: &'static [&'static str],
    /// How many of the literals there must be, wherever they stand; at most 64. For rules without a pattern.
    pub(crate) need: u32,
    /// What must stand around one of the literals; empty if they are enough. Without Unicode.
    pub(crate) pattern: &'static str,
}

/// Of which files a rule speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    any: Traits,
    all: Traits,
    none: Traits,
}

impl Scope {
    pub(crate) const fn of(any: Traits) -> Self {
        Self { any, all: Traits(0), none: Traits(0) }
    }

    pub(crate) const fn but(self, none: Traits) -> Self {
        Self { none, ..self }
    }

    pub(crate) const fn within(self, all: Traits) -> Self {
        Self { all, ..self }
    }

    pub(crate) const fn holds(self, traits: Traits) -> bool {
        traits.any(self.any) && traits.0 & self.all.0 == self.all.0 && !traits.any(self.none)
    }
}

/// A trigger that looks for a pattern around literals.
const fn near(any: Traits, literals: &'static [&'static str], pattern: &'static str) -> Trigger {
    Trigger { scope: Scope::of(any), literals, need: 1, pattern }
}

/// A trigger that wants some of the literals.
const fn marks(any: Traits, need: u32, literals: &'static [&'static str]) -> Trigger {
    Trigger { scope: Scope::of(any), literals, need, pattern: "" }
}

impl Trigger {
    const fn but(self, none: Traits) -> Self {
        Self { scope: self.scope.but(none), ..self }
    }

    const fn within(self, all: Traits) -> Self {
        Self { scope: self.scope.within(all), ..self }
    }
}

/// Text in which a program finds what it does: commands and scripts of all languages.
const CODE: Traits = Traits::COMMANDS.and(Traits::PHP).and(Traits::PERL).and(Traits::PYTHON).and(Traits::SCRIPT);

/// Programs and what may be one.
const BINARY: Traits = Traits::ELF.and(Traits::OTHER);

/// The parts of a rule that differ from others of its group.
struct Of {
    id: &'static str,
    weight: (Severity, Confidence),
    technique: &'static str,
    title: &'static str,
    explanation: &'static str,
    triggers: &'static [Trigger],
}

const fn rule(question: Question, next: &'static str, of: Of) -> ContentRule {
    let Of { id, weight: (severity, confidence), technique, title, explanation, triggers } = of;
    let rule = Rule { id, question, severity, confidence, technique, next };
    ContentRule { rule, title, explanation, is_silenced_by_package: true, triggers }
}

/// Signs that the place of a file and its kind are enough for.
pub(crate) fn by_place(subject: &Subject<'_>, kind: &Kind, signs: &mut Vec<Sign>) {
    let mut put = |rule, what: String| signs.push(Sign { rule, offset: 0, length: 0, what });
    if *kind == Kind::Php && shells::is_upload(subject.path) && subject.source.len() > shells::SILENCE {
        put(&shells::UPLOADED, kind.to_string());
    }
    if let Kind::Dump(form) = kind {
        let traits = Traits::of(subject.path, kind);
        let rule = if traits.any(Traits::OPEN_PLACE) { &data::DUMP_IN_OPEN_PLACE } else { &data::DUMP };
        put(rule, form.program().to_owned());
    }
}

/// Bytes from which on entropy says something.
const ENOUGH: u64 = 64 << 10;

/// Signs that the entropy of a file of no known format is enough for.
pub(crate) fn by_entropy(entropy: f64, bytes: u64, signs: &mut Vec<Sign>) {
    if bytes >= ENOUGH && entropy > 7.99 {
        let what = format!("{entropy:.4} bits a byte");
        signs.push(Sign { rule: &data::RANDOM, offset: 0, length: 0, what });
    }
}
