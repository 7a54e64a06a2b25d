//! Reads a page from its beginning, with what each variable holds at that place.

use super::calls::{self, call};
use super::tokens::{Lexer, Token};
use super::values::Value;
use crate::rules::{ContentRule, REQUEST_CALLED, REQUEST_RUN, REQUEST_TO_COMMAND, UPLOADER};
use std::collections::HashMap;

/// Expressions in expressions that are read; what stands deeper is passed over.
const DEPTH: usize = 64;
/// Variables of a page, arguments of a call, and bytes of a name that are remembered.
pub(super) const VARIABLES: usize = 4096;
pub(super) const ARGUMENTS: usize = 64;
pub(super) const NAME: usize = 80;
/// What is told of one page by one rule.
const TOLD: usize = 4;

/// What a page does, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) rule: &'static ContentRule,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A variable, or what stands in it under a name.
pub(super) type Path = (Vec<u8>, Option<Vec<u8>>);

/// What was read of an expression; its path if it is a variable and nothing else.
#[derive(Debug, Default)]
pub(super) struct Operand {
    pub(super) value: Value,
    pub(super) path: Option<Path>,
}

impl From<Value> for Operand {
    fn from(value: Value) -> Self {
        Self { value, path: None }
    }
}

/// How what comes next belongs to what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    None,
    Behind,
    Or,
    Mixed,
}

/// The variables of a function, or of a page outside of all.
pub(super) type Scope = HashMap<Path, Value>;

pub(super) struct Follower<'a> {
    lexer: Lexer<'a>,
    pub(super) token: Token<'a>,
    /// Where the word begins that is next, and where the one before it ends.
    at: usize,
    end: usize,
    depth: usize,
    pub(super) scopes: Vec<Scope>,
    /// Within `isset`, where a name that is looked up in a table is among what is allowed.
    pub(super) is_asked: bool,
    /// Files that are sent are looked at, or who sends them.
    pub(super) is_guarded: bool,
    uploads: Vec<Told>,
    told: Vec<Told>,
}

impl<'a> Follower<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let lexer = Lexer::new(bytes);
        let scopes = vec![Scope::new()];
        let mut it = Self {
            lexer,
            token: Token::End,
            at: 0,
            end: 0,
            depth: 0,
            scopes,
            is_asked: false,
            is_guarded: false,
            uploads: Vec::new(),
            told: Vec::new(),
        };
        it.advance();
        it
    }

    /// Reads to the end.
    pub(super) fn finish(mut self) -> Vec<Told> {
        self.statements(false);
        if !self.is_guarded {
            self.told.append(&mut self.uploads);
        }
        self.told
    }

    pub(super) fn advance(&mut self) {
        self.end = self.lexer.at;
        (self.at, self.token) = self.lexer.next();
    }

    /// Passes over a sign if it is next.
    pub(super) fn pass(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.token, Token::Sign(it) if it == sign);
        if is_next {
            self.advance();
        }
        is_next
    }

    pub(super) fn tell(&mut self, rule: &'static ContentRule, from: usize) {
        if self.told.iter().filter(|told| told.rule.rule.id == rule.rule.id).count() < TOLD {
            self.told.push(Told { rule, from, to: self.end });
        }
    }

    /// Statements up to the end of the page, or of the function.
    pub(super) fn statements(&mut self, is_function: bool) {
        let mut open = 0_usize;
        loop {
            let before = self.at;
            match self.token {
                Token::End => return,
                Token::Sign("{") => open = open.saturating_add(1),
                Token::Sign("}") if open == 0 && is_function => {
                    self.advance();
                    return;
                }
                Token::Sign("}") => open = open.saturating_sub(1),
                _ => drop(self.expression()),
            }
            if self.at == before {
                self.advance();
            }
        }
    }

    /// An expression up to what ends it, which is left; operators are taken from left to right.
    pub(super) fn expression(&mut self) -> Operand {
        if self.depth >= DEPTH {
            self.pass_over();
            return Operand::default();
        }
        self.depth = self.depth.saturating_add(1);
        let read = self.operands();
        self.depth = self.depth.saturating_sub(1);
        read
    }

    /// An operand that stands behind a cast; `@` may stand between.
    fn one(&mut self) -> Operand {
        while self.pass("@") {}
        if self.depth >= DEPTH || matches!(self.token, Token::Cast(_)) {
            return Operand::default();
        }
        self.depth = self.depth.saturating_add(1);
        let read = self.operand();
        self.depth = self.depth.saturating_sub(1);
        read
    }

    fn operands(&mut self) -> Operand {
        let mut whole = Operand::default();
        let (mut operator, mut choices, mut is_number) = (Operator::None, 0_usize, false);
        loop {
            match self.token {
                Token::End | Token::Sign("," | ")" | "]" | "}" | "{" | ";" | "=>") => break,
                Token::Name(name) if is_any(name, &["as", "and", "or", "xor"]) => break,
                Token::Sign(":") if choices == 0 => break,
                Token::Sign(":") => {
                    choices = choices.saturating_sub(1);
                    (operator, is_number) = (Operator::Or, false);
                    self.advance();
                }
                Token::Sign("?") => {
                    self.advance();
                    if self.pass(":") {
                        operator = Operator::Or;
                    } else {
                        choices = choices.saturating_add(1);
                        (whole, operator, is_number) = (Operand::default(), Operator::None, false);
                    }
                }
                Token::Sign("??") => (operator, _) = (Operator::Or, self.advance()),
                Token::Sign(".") => (operator, _) = (Operator::Behind, self.advance()),
                Token::Sign("^") => (operator, _) = (Operator::Mixed, self.advance()),
                Token::Sign("@" | "&" | "..." | "~") => self.advance(),
                Token::Sign("==" | "===" | "!=" | "!==") => {
                    self.advance();
                    if matches!(&self.token, Token::Text(text, _) if !text.is_empty()) {
                        self.bound(whole.path.as_ref(), false);
                    }
                    is_number = true;
                }
                Token::Sign(sign) if !matches!(sign, "(" | "[" | "$") => {
                    self.advance();
                    is_number = true;
                }
                _ => {
                    let next = self.operand();
                    whole = match operator {
                        Operator::None => next,
                        Operator::Behind => whole.value.joined(next.value).into(),
                        Operator::Or => whole.value.or(next.value).into(),
                        Operator::Mixed if whole.value.is_own() && next.value.is_own() => Value::Assembled.into(),
                        Operator::Mixed => whole.value.or(next.value).into(),
                    };
                    operator = Operator::None;
                }
            }
        }
        if is_number { Operand::default() } else { whole }
    }

    /// Goes to the end of an expression without reading it.
    fn pass_over(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.token {
                Token::End => return,
                Token::Sign("(" | "[" | "{") => open = open.saturating_add(1),
                Token::Sign(")" | "]" | "}" | "," | ";") if open == 0 => return,
                Token::Sign(")" | "]" | "}") => open = open.saturating_sub(1),
                _ => {}
            }
            self.advance();
        }
    }

    /// Expressions up to the sign that closes them, which is taken too.
    pub(super) fn list(&mut self, close: &str) -> Vec<Operand> {
        let mut list = Vec::new();
        let mut is_key = false;
        loop {
            if self.token == Token::End || self.pass(close) {
                return list;
            }
            let before = self.at;
            let read = self.expression();
            if is_key {
                list.pop();
            }
            is_key = self.pass("=>");
            if before != self.at && list.len() < ARGUMENTS {
                list.push(read);
            }
            let is_closed = matches!(self.token, Token::Sign(it) if it == close);
            if !is_key && !is_closed && self.token != Token::End {
                self.advance();
            }
        }
    }

    fn operand(&mut self) -> Operand {
        let from = self.at;
        match self.token.clone() {
            Token::Variable(name) => {
                self.advance();
                let path = (short(name), None);
                let operand = Operand { value: self.read(&path), path: Some(path) };
                self.behind(operand, from)
            }
            Token::Sign("$") => {
                while self.pass("$") {}
                let mut name = Operand::default();
                if self.pass("{") {
                    name = self.expression();
                    self.pass("}");
                } else if let Token::Variable(variable) = self.token {
                    self.advance();
                    name = self.read(&(short(variable), None)).into();
                }
                let path = name.value.text().map(|name| (short(name), None));
                let value = path.as_ref().map(|path| self.read(path)).unwrap_or_default();
                self.behind(Operand { value, path }, from)
            }
            Token::Text(text, has_variables) => {
                self.advance();
                let value = if has_variables { self.put_in(&text) } else { Value::Text(text.into_owned()) };
                self.behind(value.into(), from)
            }
            Token::Number(number) => {
                self.advance();
                Value::Text(number.to_vec()).into()
            }
            Token::Command(text) => {
                self.advance();
                if let Value::Request(request) = self.put_in(text)
                    && !request.is_listed
                {
                    let rule = if request.is_direct { &REQUEST_RUN } else { &REQUEST_TO_COMMAND };
                    self.tell(rule, from);
                }
                Operand::default()
            }
            Token::Cast(_) => {
                let mut is_text = true;
                while let Token::Cast(kind) = self.token {
                    is_text &= is_any(kind, &["array", "string", "binary", "object"]);
                    self.advance();
                }
                let read = self.one();
                if is_text { read.value.into() } else { Operand::default() }
            }
            Token::Sign("(") => {
                self.advance();
                let mut list = self.list(")");
                let one = if list.len() == 1 { list.pop() } else { None };
                self.behind(one.unwrap_or_default(), from)
            }
            Token::Sign("[") => {
                self.advance();
                let list = self.list("]");
                self.literal(list, from)
            }
            Token::Name(name) => self.name(name, from),
            _ => {
                self.advance();
                Operand::default()
            }
        }
    }

    /// A list that is written out, or variables that take apart what is assigned to them.
    pub(super) fn literal(&mut self, list: Vec<Operand>, from: usize) -> Operand {
        if self.pass("=") {
            let value = self.expression().value.at(&Value::Unknown);
            list.into_iter().filter_map(|it| it.path).for_each(|path| self.assign(path, value.clone()));
            return Operand::default();
        }
        self.behind(Value::list(list.into_iter().map(|it| it.value)).into(), from)
    }

    /// What stands behind an operand: places in it, calls, members, and what is assigned to it.
    pub(super) fn behind(&mut self, mut operand: Operand, from: usize) -> Operand {
        loop {
            match self.token {
                Token::Sign("[") => {
                    self.advance();
                    let key = if self.pass("]") { Operand::default() } else { self.expression() };
                    self.pass("]");
                    operand = self.place(&operand, &key);
                }
                Token::Sign("(") => {
                    self.advance();
                    let given: Vec<Value> = self.list(")").into_iter().map(|it| it.value).collect();
                    operand = self.call_value(&operand.value, &given, from).into();
                }
                Token::Sign("->" | "?->" | "::") => {
                    self.member();
                    operand = Operand::default();
                }
                Token::Sign("++" | "--") => self.advance(),
                Token::Sign("=") => {
                    self.advance();
                    let value = self.expression().value;
                    return self.assigned(operand.path, value);
                }
                Token::Sign(".=") => {
                    self.advance();
                    let value = operand.value.joined(self.expression().value);
                    return self.assigned(operand.path, value);
                }
                Token::Sign("??=") => {
                    self.advance();
                    let value = operand.value.or(self.expression().value);
                    return self.assigned(operand.path, value);
                }
                Token::Sign("+=" | "-=" | "*=" | "/=" | "%=" | "**=" | "&=" | "|=") => {
                    self.advance();
                    self.expression();
                    return self.assigned(operand.path, Value::Unknown);
                }
                _ => return operand,
            }
        }
    }

    fn assigned(&mut self, path: Option<Path>, value: Value) -> Operand {
        if let Some(path) = path {
            self.assign(path, value.clone());
        }
        value.into()
    }

    /// What stands at a place of an operand.
    fn place(&mut self, operand: &Operand, key: &Operand) -> Operand {
        if self.is_asked {
            self.bound(key.path.as_ref(), true);
        }
        let of = operand.path.as_ref().filter(|(_, place)| place.is_none());
        let path = of.zip(key.value.text()).map(|((name, _), key)| (name.clone(), Some(short(key))));
        let known = path.as_ref().map(|path| self.read(path)).filter(|value| *value != Value::Unknown);
        let value = known.unwrap_or_else(|| operand.value.at(&key.value));
        if key.value.text() == Some(b"type") && Value::request(&value).is_some_and(|it| it.is_file) {
            self.is_guarded = true;
        }
        Operand { value, path }
    }

    /// A member of an object, with what it is called with: methods are not those of PHP.
    fn member(&mut self) {
        self.advance();
        if self.pass("{") {
            self.expression();
            self.pass("}");
        } else if matches!(self.token, Token::Name(_) | Token::Variable(_)) {
            self.advance();
        }
        if self.pass("(") {
            self.list(")");
        }
    }

    /// A call of what a value names.
    fn call_value(&mut self, callee: &Value, given: &[Value], from: usize) -> Value {
        let brings = given.iter().any(|value| Value::request(value).is_some_and(|it| !it.is_listed));
        if let Value::Text(name) = callee {
            return self.call(name, given, from, false);
        }
        if calls::calls(callee, brings) {
            self.tell(&REQUEST_CALLED, from);
        }
        Value::Unknown
    }

    pub(super) fn call(&mut self, name: &[u8], given: &[Value], from: usize, is_plain: bool) -> Value {
        let name = String::from_utf8_lossy(name.get(..name.len().min(NAME)).unwrap_or_default()).to_ascii_lowercase();
        let name = name.strip_prefix('\\').unwrap_or(&name);
        self.is_guarded |= calls::is_guard(name);
        let made = call(name, given, is_plain);
        if let Some(rule) = made.told {
            self.tell(rule, from);
        }
        if made.is_upload && self.uploads.len() < TOLD {
            self.uploads.push(Told { rule: &UPLOADER, from, to: self.end });
        }
        made.value
    }
}

pub(super) fn short(name: &[u8]) -> Vec<u8> {
    name.get(..name.len().min(NAME)).unwrap_or_default().to_vec()
}

/// Whether a name is one of these, without difference of case.
pub(super) fn is_any(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|it| it.as_bytes().eq_ignore_ascii_case(name))
}
