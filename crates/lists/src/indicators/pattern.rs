//! Patterns of STIX (STIX 2.1, section 9): comparisons by `=`, `IN` and `ISSUBSET`, joined by `OR`, and by `AND` where they speak
//! of one file or one address. What else there is, is refused in words.

use super::What;
use super::classify::{digest, domain, file_name, mail, network, path, url};
use kanshiki_model::Algorithm;

/// Deepest parentheses.
const DEEPEST: u8 = 20;

/// Parts of a pattern that are looked at.
const PARTS: usize = 10_000;

/// A comparison: the path of the object and the values, one of which it has.
type Comparison = (String, Vec<String>);

/// What a pattern asks for, and the parts of it that are not looked for, with the reason.
pub(super) fn patterns(text: &str) -> (Vec<What>, Vec<String>) {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    let tokens = match tokens(text) {
        Ok(tokens) => tokens,
        Err(why) => return (found, vec![format!("{text}: {why}")]),
    };
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    match parser.observations() {
        Ok(all) => {
            for part in all {
                match joined(&part) {
                    Ok(what) => found.extend(what),
                    Err(why) => refused.push(format!("{text}: {why}")),
                }
            }
        }
        Err(why) => refused.push(format!("{text}: {why}")),
    }
    (found, refused)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word, an operator, or the path of an object.
    Word(String),
    Text(String),
    Sign(char),
}

fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        if tokens.len() >= PARTS {
            return Err("longer than is looked at");
        }
        match sign {
            ' ' | '\t' | '\n' | '\r' => {}
            '\'' => tokens.push(Token::Text(quoted(&mut signs)?)),
            '[' | ']' | '(' | ')' | ',' => tokens.push(Token::Sign(sign)),
            '=' | '!' | '<' | '>' => {
                let mut word = sign.to_string();
                word.extend(signs.next_if(|next| matches!(next, '=' | '>')));
                tokens.push(Token::Word(word));
            }
            _ => {
                let mut word = sign.to_string();
                // A path may hold texts in quotes: file:hashes.'SHA-256'.
                loop {
                    match signs.peek() {
                        Some('\'') => {
                            signs.next();
                            word.push_str(&quoted(&mut signs)?);
                        }
                        Some('[') if word.contains(':') => return Err("an index in a path is not looked at"),
                        Some(next) if !next.is_whitespace() && !"[](),=!<>".contains(*next) => {
                            word.extend(signs.next())
                        }
                        _ => break,
                    }
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

/// What stands between quotes, in which a backslash stands before quotes and backslashes.
fn quoted(signs: &mut impl Iterator<Item = char>) -> Result<String, &'static str> {
    let mut text = String::new();
    while let Some(sign) = signs.next() {
        match sign {
            '\'' => return Ok(text),
            '\\' => text.extend(signs.next()),
            _ => text.push(sign),
        }
    }
    Err("a quote is not closed")
}

#[derive(Debug)]
struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: u8,
}

/// Sets of comparisons that must all hold; one of the sets must.
type Sets = Vec<Vec<Comparison>>;

impl Parser<'_> {
    fn next(&mut self) -> Option<&Token> {
        let token = self.tokens.get(self.at);
        self.at = self.at.saturating_add(1);
        token
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is_it = self.tokens.get(self.at) == Some(token);
        self.at = self.at.saturating_add(usize::from(is_it));
        is_it
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(&Token::Word(word.to_owned()))
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, &'static str>) -> Result<T, &'static str> {
        if self.depth >= DEEPEST {
            return Err("parentheses are too deep");
        }
        self.depth = self.depth.saturating_add(1);
        let found = inner(self);
        self.depth = self.depth.saturating_sub(1);
        found
    }

    /// Observations joined by `OR`, to the end.
    fn observations(&mut self) -> Result<Sets, &'static str> {
        let all = self.either()?;
        match self.next() {
            None => Ok(all),
            Some(Token::Word(word)) if ["AND", "FOLLOWEDBY"].contains(&word.as_str()) => {
                Err("several observations that must all be made are not looked for")
            }
            Some(_) => Err("qualifiers of observations are not looked at"),
        }
    }

    fn either(&mut self) -> Result<Sets, &'static str> {
        let mut all = self.observation()?;
        while self.takes_word("OR") {
            all.extend(self.observation()?);
        }
        Ok(all)
    }

    fn observation(&mut self) -> Result<Sets, &'static str> {
        if self.takes(&Token::Sign('(')) {
            let all = self.deeper(Self::either)?;
            return if self.takes(&Token::Sign(')')) {
                Ok(all)
            } else {
                Err("a parenthesis is not closed, or not looked at")
            };
        }
        if !self.takes(&Token::Sign('[')) {
            return Err("no observation where one is expected");
        }
        let all = self.any()?;
        if self.takes(&Token::Sign(']')) { Ok(all) } else { Err("an observation is not closed") }
    }

    /// Comparisons joined by `OR`.
    fn any(&mut self) -> Result<Sets, &'static str> {
        let mut all = self.every()?;
        while self.takes_word("OR") {
            all.extend(self.every()?);
            if all.len() > PARTS {
                return Err("more parts than are looked at");
            }
        }
        Ok(all)
    }

    /// Comparisons joined by `AND`, which binds closer.
    fn every(&mut self) -> Result<Sets, &'static str> {
        let mut all = self.one()?;
        while self.takes_word("AND") {
            let other = self.one()?;
            if all.len().saturating_mul(other.len()) > PARTS {
                return Err("more parts than are looked at");
            }
            all = all.iter().flat_map(|left| other.iter().map(|right| [left.as_slice(), right].concat())).collect();
            if all.iter().map(Vec::len).sum::<usize>() > PARTS {
                return Err("more parts than are looked at");
            }
        }
        Ok(all)
    }

    fn one(&mut self) -> Result<Sets, &'static str> {
        if self.takes(&Token::Sign('(')) {
            let all = self.deeper(Self::any)?;
            return if self.takes(&Token::Sign(')')) { Ok(all) } else { Err("a parenthesis is not closed") };
        }
        let path = match self.next() {
            Some(Token::Word(path)) if path.contains(':') => path.clone(),
            _ => return Err("no comparison where one is expected"),
        };
        let Some(Token::Word(operator)) = self.next() else { return Err("no operator where one is expected") };
        match operator.as_str() {
            "=" | "==" | "ISSUBSET" => match self.next() {
                Some(Token::Text(value)) => Ok(vec![vec![(path, vec![value.clone()])]]),
                _ => Err("what is compared with is no text"),
            },
            "IN" => {
                let mut values = Vec::new();
                let mut is_open = self.takes(&Token::Sign('('));
                while is_open {
                    match self.next() {
                        Some(Token::Text(value)) => values.push(value.clone()),
                        _ => return Err("what is compared with is no text"),
                    }
                    is_open = self.takes(&Token::Sign(','));
                }
                if self.takes(&Token::Sign(')')) { Ok(vec![vec![(path, values)]]) } else { Err("a set is not closed") }
            }
            "NOT" | "!=" | "<>" => Err("what must not be is not looked for"),
            _ => Err("only =, IN and ISSUBSET are looked for"),
        }
    }
}

/// What comparisons ask for that must all hold of one object.
fn joined(all: &[Comparison]) -> Result<Vec<What>, &'static str> {
    if let [(path, values)] = all {
        return values.iter().map(|value| of_path(path, value)).collect();
    }
    let value = |wanted: &str| match all.iter().find(|(path, _)| path == wanted) {
        Some((_, values)) => match values.as_slice() {
            [value] => Some(value.as_str()),
            _ => None,
        },
        None => None,
    };
    if all.iter().all(|(path, _)| path.starts_with("file:")) {
        // A digest tells more than all that stands beside it; the strongest of them.
        let digests = all.iter().filter(|(path, _)| path.starts_with("file:hashes."));
        let mut digests: Vec<(Algorithm, Vec<What>)> = digests
            .filter_map(|(path, values)| {
                let all: Vec<What> = values.iter().map(|value| of_path(path, value)).collect::<Result<_, _>>().ok()?;
                match all.first() {
                    Some(What::Digest(digest)) => Some((digest.algorithm(), all)),
                    _ => None,
                }
            })
            .collect();
        digests.sort_by_key(|it| it.0);
        if let Some((_, digests)) = digests.pop() {
            return Ok(digests);
        }
        if let (Some(name), Some(folder), 2) = (value("file:name"), value("file:parent_directory_ref.path"), all.len())
        {
            let folder = folder.trim_end_matches('/');
            return path(&format!("{folder}/{name}")).map(|it| vec![it]).ok_or("no path");
        }
        return Err("properties of a file beside its digest or path are not looked at");
    }
    for end in ["src", "dst"] {
        let ends = |part: &str| format!("network-traffic:{end}_ref.{part}");
        if let (Some(_), Some(address), 2) = (value(&ends("type")), value(&ends("value")), all.len()) {
            return of_path(&ends("value"), address).map(|it| vec![it]);
        }
    }
    Err("several properties that must all hold are not looked for")
}

fn of_path(object: &str, value: &str) -> Result<What, &'static str> {
    const WRONG: &str = "the value is not what it is said to be";
    if let Some(algorithm) = object.strip_prefix("file:hashes.") {
        let algorithm = algorithm.trim_matches('"').replace('-', "").to_ascii_lowercase();
        let found = digest(value).ok_or("a digest of a kind that is not looked for")?;
        return if found.kind() == algorithm { Ok(found) } else { Err("a digest of a kind that is not looked for") };
    }
    match object {
        "ipv4-addr:value" | "ipv6-addr:value" => network(value)?.ok_or(WRONG),
        "network-traffic:src_ref.value" | "network-traffic:dst_ref.value" => {
            network(value)?.or_else(|| domain(value)).ok_or(WRONG)
        }
        "domain-name:value" => domain(value).ok_or(WRONG),
        "url:value" => url(value).ok_or(WRONG),
        "email-addr:value" | "email-message:from_ref.value" | "email-message:sender_ref.value" => {
            mail(value).ok_or(WRONG)
        }
        "file:name" => path(value).or_else(|| file_name(value)).ok_or(WRONG),
        "directory:path" => path(value).ok_or(WRONG),
        "user-account:account_login" | "user-account:user_id" if !value.is_empty() && value.len() <= 255 => {
            Ok(What::Account(value.to_owned()))
        }
        _ => Err("a property that is not looked for"),
    }
}
