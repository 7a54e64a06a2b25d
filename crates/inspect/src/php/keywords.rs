//! What keywords and calls by name do, and which variables a function has.

use super::calls;
use super::follow::{ARGUMENTS, Follower, NAME, Operand, Path, Scope, is_any, short};
use super::tokens::Token;
use super::values::{Request, Value};
use super::variables::all;
use crate::rules::REQUEST_INCLUDED;

impl Follower<'_> {
    /// A keyword, a constant or a function.
    pub(super) fn name(&mut self, name: &[u8], from: usize) -> Operand {
        let lower = String::from_utf8_lossy(name.get(..name.len().min(NAME)).unwrap_or_default()).to_ascii_lowercase();
        self.advance();
        match lower.as_str() {
            "function" => {
                self.function();
                return Operand::default();
            }
            "fn" => {
                self.pass("&");
                if self.pass("(") {
                    self.list(")");
                }
                return Operand::default();
            }
            "new" => {
                self.made(from);
                return Operand::default();
            }
            "include" | "include_once" | "require" | "require_once" => {
                let what = self.expression().value;
                let is_body = what.text().is_some_and(|text| text.starts_with(b"php://input"));
                if is_body || Value::request(&what).is_some_and(Request::is_free) {
                    self.tell(&REQUEST_INCLUDED, from);
                }
                return Operand::default();
            }
            "foreach" => {
                self.each();
                return Operand::default();
            }
            "isset" | "empty" => {
                let before = std::mem::replace(&mut self.is_asked, true);
                if self.pass("(") {
                    self.list(")");
                }
                self.is_asked = before;
                return Operand::default();
            }
            _ => {}
        }
        if !self.pass("(") {
            let is_text = name.first().is_some_and(u8::is_ascii_lowercase);
            let value = if is_text { Value::Text(name.to_vec()) } else { Value::Unknown };
            return if matches!(self.token, Token::Sign("::")) {
                self.behind(value.into(), from)
            } else {
                value.into()
            };
        }
        let list = self.list(")");
        match lower.as_str() {
            "array" | "list" => return self.literal(list, from),
            "extract" => {
                if list.first().and_then(|it| Value::request(&it.value)).is_some() {
                    self.assign(all(), Value::Request(Request { is_leading: true, ..Request::default() }));
                }
                return Operand::default();
            }
            "if" | "elseif" | "while" | "for" | "catch" | "declare" => return Operand::default(),
            _ => {}
        }
        if calls::is_listed(&lower) || calls::is_compared(&lower) {
            list.iter().for_each(|it| self.bound(it.path.as_ref(), calls::is_listed(&lower)));
        }
        let given: Vec<Value> = list.into_iter().map(|it| it.value).collect();
        let value = self.call(name, &given, from, true);
        if matches!(lower.as_str(), "switch" | "match") { Operand::default() } else { self.behind(value.into(), from) }
    }

    /// What `new` makes: an object of a class, which is called by another way than a function.
    pub(super) fn made(&mut self, from: usize) {
        let name = match self.token {
            Token::Name(name) => name,
            Token::Variable(_) => b"",
            _ => return,
        };
        self.advance();
        while matches!(self.token, Token::Sign("[" | "->" | "::")) {
            if self.pass("[") {
                self.list("]");
            } else {
                self.advance();
                self.advance();
            }
        }
        if self.pass("(") {
            let given: Vec<Value> = self.list(")").into_iter().map(|it| it.value).collect();
            self.call(name, &given, from, false);
        }
    }

    /// A function from its name on: its variables are its own.
    pub(super) fn function(&mut self) {
        self.pass("&");
        if matches!(self.token, Token::Name(_)) {
            self.advance();
        }
        let mut scope = Scope::new();
        if self.pass("(") {
            self.scopes.push(std::mem::take(&mut scope));
            self.list(")");
            scope = self.scopes.pop().unwrap_or_default();
        }
        if matches!(self.token, Token::Name(name) if is_any(name, &["use"])) {
            self.advance();
            self.pass("(");
            for path in self.list(")").into_iter().filter_map(|it| it.path) {
                let value = self.read(&path);
                scope.insert(path, value);
            }
        }
        // What stands here is the type of what it gives back.
        while !matches!(self.token, Token::End | Token::Sign("{" | ";" | ")" | "}" | ",")) {
            self.advance();
        }
        if self.pass("{") {
            self.scopes.push(scope);
            self.statements(true);
            self.scopes.pop();
        }
    }

    /// `foreach (LIST as KEY => VALUE)`, behind its name.
    pub(super) fn each(&mut self) {
        if !self.pass("(") {
            return;
        }
        let value = self.expression().value.at(&Value::Unknown);
        if matches!(self.token, Token::Name(name) if is_any(name, &["as"])) {
            self.advance();
        }
        for path in self.list_of_all(")") {
            self.assign(path, value.clone());
        }
    }

    /// The variables up to a sign.
    pub(super) fn list_of_all(&mut self, close: &str) -> Vec<Path> {
        let mut paths = Vec::new();
        while self.token != Token::End && !self.pass(close) {
            if let Token::Variable(name) = self.token
                && paths.len() < ARGUMENTS
            {
                paths.push((short(name), None));
            }
            self.advance();
        }
        paths
    }
}
