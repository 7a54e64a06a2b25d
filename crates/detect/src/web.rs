//! What was asked of web servers: attacks by their forms, guessing of passwords, probing, and requests to shells.
//!
//! Requests are looked at in the order in which they were read; what counts is gathered by address and hour.

mod attacks;
mod refusals;
#[cfg(test)]
mod tests;

use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::time::{HOUR, stretch};
use crate::{DetectError, Image};
use attacks::{ATTACKS, Searcher};
use kanshiki_model::{Confidence, Finding, Question, Rule, Severity};
use refusals::Refusals;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&ATTACK, &PROBING, &GUESSING, &GUESSED, &AGENTS, &FLOOD];

static ATTACK: Rule = Rule {
    id: "web.attack",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1190",
    next: "Look at the answers: those of status 200 and of unusual length may be successes. Look for what the account of the web \
        server did at that time.",
};

static PROBING: Rule = Rule {
    id: "web.probing",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1595.003",
    next: "Look at what was found: requests of the same address with status 200.",
};

static GUESSING: Rule = Rule {
    id: "web.brute-force",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1110.001",
    next: "Look whether a request of this address to the same page was answered in another way than the others.",
};

static GUESSED: Rule = Rule {
    id: "web.success-after-failures",
    question: Question::Entry,
    severity: Severity::Medium,
    confidence: Confidence::Low,
    technique: "T1078",
    next: "Look at what the address asked for from then on, and ask the owner of the account.",
};

static AGENTS: Rule = Rule {
    id: "web.many-agents",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Low,
    technique: "T1595",
    next: "Programs that hide what they are change the name of their browser: look at what was asked.",
};

static FLOOD: Rule = Rule {
    id: "web.flood",
    question: Question::Entry,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1499.002",
    next: "Look at what was asked: a flood, or the guessing of passwords, or a program gone wrong.",
};

/// Within an hour: pages that are not there, wrong logins, and names of browsers, from which on something is told.
const PROBES: usize = 10;
const GUESSES: u64 = 6;
const BROWSERS: usize = 10;

/// Addresses and hours that are counted.
const COUNTED: usize = 200_000;

/// Findings of attacks that are kept.
const TOLD: usize = 5000;

const COLUMNS: &str = "e.id, e.time, e.address, coalesce(e.message, ''), coalesce(e.fields ->> 'path', ''),
    coalesce(e.fields ->> 'status', 0), coalesce(e.fields ->> 'user_agent', ''), coalesce(e.fields ->> 'method', ''),
    coalesce(e.fields ->> 'query', ''), coalesce(e.fields ->> 'protocol', ''), coalesce(e.fields ->> 'referrer', ''),
    coalesce(e.user, '')";

/// Looks at all requests.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut looking = Looking {
        searcher: Searcher::new(),
        counted: HashMap::new(),
        attacks: BTreeMap::new(),
        refusals: Refusals::default(),
    };
    each(image, &["web.request"], COLUMNS, "", &mut |row| {
        let time: Option<i64> = row.get(1)?;
        let request = Request {
            event: row.get(0)?,
            time: time.unwrap_or(0),
            address: text(row, 2),
            line: text(row, 3),
            path: text(row, 4),
            status: row.get(5)?,
            agent: text(row, 6),
            method: text(row, 7),
            query: text(row, 8),
            protocol: text(row, 9),
            referrer: text(row, 10),
            user: text(row, 11),
        };
        looking.take(&request);
        Ok(())
    })?;
    // What a server refused to answer is in its error log alone.
    each(image, &["web.error"], "e.id, e.time, coalesce(e.address, ''), coalesce(e.message, '')", "", &mut |row| {
        let time: Option<i64> = row.get(1)?;
        let (address, line) = (text(row, 2), text(row, 3));
        if !address.is_empty() {
            looking.refused(&Request {
                event: row.get(0)?,
                time: time.unwrap_or(0),
                address,
                line,
                path: line,
                ..Request::default()
            });
        }
        Ok(())
    })?;
    looking.end(found);
    Ok(())
}

/// A request with its answer.
#[derive(Debug, Clone, Copy, Default)]
struct Request<'r> {
    event: i64,
    time: i64,
    address: &'r str,
    line: &'r str,
    path: &'r str,
    status: i64,
    agent: &'r str,
    method: &'r str,
    query: &'r str,
    protocol: &'r str,
    referrer: &'r str,
    /// The account that it gave to the server itself, by HTTP.
    user: &'r str,
}

/// What an address asked for in an hour.
#[derive(Debug, Default)]
struct Counted {
    missing: HashSet<u64>,
    agents: HashSet<u64>,
    /// Wrong logins, and the first and last time of any of this.
    failures: u64,
    /// Requests that the server put off since there were too many.
    limited: u64,
    first: i64,
    last: i64,
    sample: Vec<(i64, String)>,
    success: Option<(i64, i64, String)>,
}

impl Counted {
    /// Keeps a request as an example.
    fn note(&mut self, request: &Request<'_>) {
        if self.sample.len() < 3 {
            let line: String = request.line.chars().take(200).collect();
            let answer =
                if request.status == 0 { String::new() } else { format!("answered with {}: ", request.status) };
            self.sample.push((request.event, format!("{answer}{line}")));
        }
    }
}

struct Looking {
    searcher: Searcher,
    counted: HashMap<(String, i64), Counted>,
    attacks: BTreeMap<(usize, String), Finding>,
    refusals: Refusals,
}

impl Looking {
    fn take(&mut self, request: &Request<'_>) {
        for number in self.searcher.attacks(request) {
            self.attack(number, request);
        }
        self.count(request);
        self.refusals.take(request);
    }

    /// A line of an error log.
    fn refused(&mut self, request: &Request<'_>) {
        let attacks = self.searcher.attacks(request);
        let refused = Searcher::refused_path(request.line).filter(|number| !attacks.contains(number));
        for number in attacks.into_iter().chain(refused) {
            self.attack(number, request);
        }
        let limits = ["limiting requests", "limiting connections"];
        if limits.iter().any(|limit| request.line.starts_with(limit))
            && let Some(counted) = self.counted(request)
        {
            counted.limited = counted.limited.saturating_add(1);
            counted.note(request);
        }
    }

    /// The counters of an address in an hour; `None` if there are too many.
    fn counted(&mut self, request: &Request<'_>) -> Option<&mut Counted> {
        let key = (request.address.to_owned(), request.time.div_euclid(HOUR));
        if self.counted.len() >= COUNTED && !self.counted.contains_key(&key) {
            return None;
        }
        let counted = self.counted.entry(key).or_default();
        if counted.first == 0 {
            counted.first = request.time;
        }
        counted.last = counted.last.max(request.time);
        Some(counted)
    }

    fn attack(&mut self, number: usize, request: &Request<'_>) {
        let Some(attack) = ATTACKS.get(number) else { return };
        let key = (number, request.address.to_owned());
        if self.attacks.len() >= TOLD && !self.attacks.contains_key(&key) {
            return;
        }
        let made = self.attacks.remove(&key).unwrap_or_else(|| {
            let title = format!("{} from {}", attack.what, request.address);
            finding(&ATTACK, format!("{} {}", attack.id, request.address), title)
                .explained(attack.means)
                .indicator(address_kind(request.address), request.address)
        });
        let line: String = request.line.chars().take(200).collect();
        let note = if request.status == 0 { line } else { format!("answered with {}: {line}", request.status) };
        self.attacks.insert(key, made.widened(Some(request.time)).event(request.event, note));
    }

    fn count(&mut self, request: &Request<'_>) {
        let is_login = is_login(request);
        let is_failure = request.status == 401 || is_login && matches!(request.status, 200 | 403 | 400);
        let is_success = is_login && matches!(request.status, 301..=303);
        let is_missing = matches!(request.status, 403 | 404);
        let Some(counted) = self.counted(request) else { return };
        if counted.agents.len() < BROWSERS && !request.agent.is_empty() {
            counted.agents.insert(hash(request.agent));
        }
        if is_missing && counted.missing.len() < PROBES {
            counted.missing.insert(hash(request.path));
        }
        if is_failure {
            counted.failures = counted.failures.saturating_add(1);
        }
        if is_success && counted.failures >= GUESSES && counted.success.is_none() {
            counted.success = Some((request.event, request.time, request.path.to_owned()));
        }
        if is_missing || is_failure {
            counted.note(request);
        }
    }

    fn end(self, found: &mut Found) {
        for made in self.attacks.into_values().chain(self.refusals.into_findings()) {
            found.add(made);
        }
        let mut by_address: BTreeMap<String, Vec<(i64, Counted)>> = BTreeMap::new();
        for ((address, hour), counted) in self.counted {
            let matters = counted.missing.len() >= PROBES
                || counted.failures >= GUESSES
                || counted.agents.len() >= BROWSERS
                || counted.limited >= GUESSES;
            if matters {
                by_address.entry(address).or_default().push((hour, counted));
            }
        }
        for (address, mut hours) in by_address {
            hours.sort_by_key(|(hour, _)| *hour);
            let hours: Vec<Counted> = hours.into_iter().map(|(_, counted)| counted).collect();
            tell(&address, &hours, found);
        }
    }
}

/// What is told of the hours of an address in which something counted.
fn tell(address: &str, hours: &[Counted], found: &mut Found) {
    let mut told =
        |rule: &'static Rule, what: &str, matters: &dyn Fn(&Counted) -> bool, text: &dyn Fn(&[&Counted]) -> String| {
            let which: Vec<&Counted> = hours.iter().filter(|it| matters(it)).collect();
            let (Some(first), Some(last)) = (which.first(), which.last()) else { return };
            let when = stretch(first.first, last.last);
            let made = finding(rule, address, format!("{what} {address}"))
                .explained(format!("{} {when}.", text(&which)))
                .between(Some(first.first), Some(last.last))
                .indicator(address_kind(address), address);
            let samples = which.iter().flat_map(|it| it.sample.iter()).take(5);
            found.add(samples.fold(made, |made, (event, note)| made.event(*event, note.as_str())));
        };
    told(&PROBING, "probing of a web server from", &|it| it.missing.len() >= PROBES, &|hours| {
        format!(
            "Ten and more pages that are not there, or not for everybody, were asked for within an hour, in {} hours,",
            hours.len()
        )
    });
    told(&GUESSING, "brute force on a web server from", &|it| it.failures >= GUESSES, &|hours| {
        let failures = hours.iter().fold(0_u64, |sum, it| sum.saturating_add(it.failures));
        format!("{failures} logins were refused, or led back to the form,")
    });
    told(&AGENTS, "many names of browsers from", &|it| it.agents.len() >= BROWSERS, &|_| {
        "Ten and more programs or browsers asked from one address within an hour,".to_owned()
    });
    told(&FLOOD, "more requests than the web server allows from", &|it| it.limited >= GUESSES, &|hours| {
        let limited = hours.iter().fold(0_u64, |sum, it| sum.saturating_add(it.limited));
        format!("{limited} requests were put off or refused, since there were too many,")
    });
    let success = hours.iter().find_map(|it| it.success.as_ref().map(|success| (it, success)));
    if let Some((hour, (event, time, path))) = success {
        let title = format!("login to {path} from {address} after {} failures", hour.failures);
        let text = "A login that was answered with another page followed many that were not.";
        let made = finding(&GUESSED, format!("{address} {path}"), title).explained(text);
        let made = made.between(Some(hour.first), Some(*time)).event(*event, "the login");
        found.add(made.indicator(address_kind(address), address));
    }
}

/// Whether a request is a login: something sent to a page for logins.
fn is_login(request: &Request<'_>) -> bool {
    let pages = [
        "wp-login.php",
        "xmlrpc.php",
        "/login",
        "/signin",
        "/j_security_check",
        "/api/tokens",
        "/user/login",
        "/administrator/index.php",
        "/admin/index.php",
        "/auth",
        "/session",
        "/loginPost",
        "/admin",
        "/index.php?route=",
        "/phpmyadmin/index.php",
    ];
    let path = request.path.split('?').next().unwrap_or_default().trim_end_matches('/').to_ascii_lowercase();
    request.method == "POST" && pages.iter().any(|page| path.ends_with(&page.to_ascii_lowercase()))
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
