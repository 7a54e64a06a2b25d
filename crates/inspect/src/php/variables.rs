//! What variables hold.

use super::calls::source;
use super::follow::{Follower, NAME, Path, Scope, VARIABLES, short};
use super::tokens::is_word;
use super::values::{Request, Value};

impl Follower<'_> {
    pub(super) fn scope(&self) -> Option<&Scope> {
        self.scopes.last()
    }

    pub(super) fn read(&self, path: &Path) -> Value {
        let (name, key) = path;
        let known = self.scope().and_then(|scope| scope.get(path));
        let brought = || source(name, key.as_deref()).map(Value::Request);
        let any = || self.scope().and_then(|scope| scope.get(&all())).filter(|_| key.is_none() && name != b"this");
        known.cloned().or_else(brought).or_else(|| any().cloned()).unwrap_or_default()
    }

    pub(super) fn assign(&mut self, path: Path, value: Value) {
        let Some(scope) = self.scopes.last_mut() else { return };
        let value = match value {
            Value::Request(request) => Value::Request(Request { is_direct: false, ..request }),
            other => other,
        };
        if scope.len() < VARIABLES || scope.contains_key(&path) {
            scope.insert(path, value);
        }
    }

    /// What a variable holds was looked up among what is allowed, or compared.
    pub(super) fn bound(&mut self, path: Option<&Path>, is_listed: bool) {
        let Some(path) = path else { return };
        if let Value::Request(request) = self.read(path)
            && let Some(scope) = self.scopes.last_mut()
            && (scope.len() < VARIABLES || scope.contains_key(path))
        {
            self.is_guarded |= request.is_file;
            let is_listed = request.is_listed || is_listed;
            scope.insert(path.clone(), Value::Request(Request { is_listed, is_bounded: true, ..request }));
        }
    }

    /// A text with the variables that are put in.
    pub(super) fn put_in(&self, text: &[u8]) -> Value {
        let mut value = Value::Text(Vec::new());
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'$', rest) {
            let (before, behind) = rest.split_at(at);
            let is_escaped = before.last() == Some(&b'\\');
            let before = before.strip_suffix(b"{").unwrap_or(before);
            let behind = behind.get(1..).unwrap_or_default();
            let behind = behind.strip_prefix(b"{").unwrap_or(behind);
            let end = behind.iter().take_while(|byte| is_word(**byte)).count();
            let (name, mut behind) = behind.split_at(end);
            value = value.joined(Value::Text(before.to_vec()));
            if !name.is_empty() && !is_escaped {
                let mut path = (short(name), None);
                let mut found = self.read(&path);
                if let Some(key) = behind.strip_prefix(b"[") {
                    let end = key.iter().take(NAME).position(|byte| *byte == b']').unwrap_or(0);
                    let (key, rest) = key.split_at(end);
                    let is_quote = |byte: &u8| matches!(byte, b'\'' | b'"');
                    path.1 = Some(key.iter().copied().filter(|byte| !is_quote(byte)).collect());
                    let known = self.read(&path);
                    found = if known == Value::Unknown { found.at(&Value::Unknown) } else { known };
                    behind = rest.strip_prefix(b"]").unwrap_or(rest);
                }
                value = value.joined(found);
            }
            rest = behind.strip_prefix(b"}").unwrap_or(behind);
        }
        value.joined(Value::Text(rest.to_vec()))
    }
}

/// The name under which it is remembered that a request may set any variable.
pub(super) fn all() -> Path {
    (Vec::new(), None)
}
