//! What web servers gave out: answers far above what is usual, and dumps and archives that lay in their reach.

use super::{BACKUP_FETCHED, LARGE_ANSWER};
use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Severity};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Bytes of an answer from which on it can be far above the norm.
const LARGE: i64 = 4 << 20;

/// How many times what is usual that is.
const TIMES: i64 = 20;

/// Answers from which on a site has a norm, and addresses that get large ones from which on they are part of it.
const NORM: u64 = 200;
const VISITORS: usize = 10;

/// Pages, large answers and files that are remembered.
const PAGES: usize = 50_000;
const LARGE_ONES: usize = 100_000;
const FILES: usize = 2000;

/// What is seen of all answers.
#[derive(Debug, Default)]
struct Seen {
    /// Number, sum and largest of the answers of a page.
    pages: BTreeMap<String, (u64, i64)>,
    /// Answers of pages, by their size as a power of two.
    sizes: BTreeMap<u32, u64>,
    large: Vec<Answer>,
    /// Addresses that got large answers of pages.
    visitors: HashSet<String>,
    /// Files that were fetched, by their path.
    files: BTreeMap<String, Fetched>,
    /// How many different files were answered with just so many bytes: what a server says of all that is not there.
    alike: HashMap<i64, BTreeSet<String>>,
    starts: HashSet<i64>,
}

#[derive(Debug)]
struct Answer {
    event: i64,
    time: Option<i64>,
    address: String,
    page: String,
    line: String,
    bytes: i64,
}

/// A file that was fetched.
#[derive(Debug, Default)]
struct Fetched {
    events: Vec<(i64, String)>,
    addresses: BTreeSet<String>,
    times: u64,
    bytes: i64,
    between: (Option<i64>, Option<i64>),
}

/// Looks at all answers.
pub(super) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let columns = "e.id, e.time, coalesce(e.address, ''), coalesce(e.message, ''), coalesce(e.fields ->> 'path', ''),
        coalesce(e.fields ->> 'bytes', 0), coalesce(e.fields ->> 'status', 0), coalesce(e.fields ->> 'user_agent', '')";
    let mut seen = Seen::default();
    each(image, &["web.request"], columns, "", &mut |row| {
        let answer = Answer {
            event: row.get(0)?,
            time: row.get(1)?,
            address: text(row, 2).to_owned(),
            page: text(row, 4).split('?').next().unwrap_or_default().to_owned(),
            line: text(row, 3).chars().take(200).collect(),
            bytes: row.get(5)?,
        };
        seen.take(answer, row.get(6)?, text(row, 7));
        Ok(())
    })?;
    seen.tell_large(found);
    seen.tell_files(found);
    Ok(())
}

impl Seen {
    fn take(&mut self, answer: Answer, status: i64, agent: &str) {
        let Answer { bytes, .. } = answer;
        if matches!(answer.page.as_str(), "/" | "/index.html" | "/index.php") && self.starts.len() < PAGES {
            self.starts.insert(bytes);
        }
        // A form of log may leave the status out.
        let is_given = matches!(status, 0 | 200 | 206) && bytes > 0;
        if is_given && kind_of(&answer.page).is_some() {
            self.file(&answer, agent);
        }
        if is_static(&answer.page) {
            return;
        }
        if self.pages.len() < PAGES || self.pages.contains_key(&answer.page) {
            let (count, sum) = self.pages.entry(answer.page.clone()).or_default();
            *count = count.saturating_add(1);
            *sum = sum.saturating_add(bytes);
        }
        let count = self.sizes.entry(power(bytes)).or_default();
        *count = count.saturating_add(1);
        if bytes >= LARGE && self.large.len() < LARGE_ONES {
            if self.visitors.len() < LARGE_ONES {
                self.visitors.insert(answer.address.clone());
            }
            self.large.push(answer);
        }
    }

    fn file(&mut self, answer: &Answer, agent: &str) {
        if self.files.len() >= FILES && !self.files.contains_key(&answer.page) {
            return;
        }
        let alike = self.alike.entry(answer.bytes).or_default();
        if alike.len() < 4 {
            alike.insert(answer.page.clone());
        }
        let file = self.files.entry(answer.page.clone()).or_default();
        file.times = file.times.saturating_add(1);
        file.bytes = file.bytes.max(answer.bytes);
        if file.addresses.len() <= VISITORS {
            file.addresses.insert(answer.address.clone());
        }
        if file.events.len() < VISITORS {
            let agent: String = agent.chars().take(80).collect();
            file.events.push((answer.event, format!("{} bytes to {}, by {agent}", answer.bytes, answer.address)));
        }
        let (first, last) = file.between;
        file.between = (first.into_iter().chain(answer.time).min(), last.into_iter().chain(answer.time).max());
    }

    /// The size below which 95 of 100 answers of pages are; `None` if there are too few to say.
    fn usual(&self) -> Option<i64> {
        let all = self.sizes.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let wanted = all.saturating_mul(95).div_ceil(100);
        let mut sum = 0_u64;
        let mut sizes = self.sizes.iter().filter(|_| all >= NORM);
        let (power, _) = sizes.find(|(_, count)| {
            sum = sum.saturating_add(**count);
            sum >= wanted
        })?;
        1_i64.checked_shl(*power)
    }

    /// Answers that are far larger than others of the same page, or of the whole server where few get such.
    fn tell_large(&self, found: &mut Found) {
        let of_site = self.usual().filter(|_| self.visitors.len() < VISITORS);
        let mut told: BTreeMap<(&str, &str), (Finding, u64, i64)> = BTreeMap::new();
        for answer in &self.large {
            let Answer { event, time, address, page, line, bytes } = answer;
            let (count, sum) = self.pages.get(page).copied().unwrap_or_default();
            let others = i64::try_from(count).unwrap_or(i64::MAX).saturating_sub(1);
            let mean = sum.saturating_sub(*bytes).checked_div(others).unwrap_or(0);
            let is_above = |usual: i64| *bytes >= usual.saturating_mul(TIMES);
            let of_page = (others >= 5 && is_above(mean)).then_some(mean);
            let of_site = of_site.filter(|usual| is_above(*usual));
            let Some(usual) = of_page.or(of_site) else { continue };
            let (made, times, all) = told.remove(&(address.as_str(), page.as_str())).unwrap_or_else(|| {
                let title = format!("an answer of {bytes} bytes to {address}, where {usual} are usual: {page}");
                let text = if of_page.is_some() {
                    "The page answered with twenty times and more of what it gives otherwise."
                } else {
                    "The server answered with twenty times and more of what nearly all of its pages give, and few addresses got such answers."
                };
                let made = finding(&LARGE_ANSWER, format!("{address} {page}"), title).explained(text);
                let made = made.indicator(address_kind(address), address);
                (if of_site.is_some() { made.weighed(Severity::Medium, Confidence::Medium) } else { made }, 0, 0)
            });
            let first = made.times.0.into_iter().chain(*time).min();
            let last = made.times.1.into_iter().chain(*time).max();
            let made = made.between(first, last).event(*event, line.as_str());
            told.insert((address, page), (made, times.saturating_add(1), all.saturating_add(*bytes)));
        }
        for (made, times, all) in told.into_values() {
            let text = format!("{} It did so {times} times, with {all} bytes in all.", made.explanation);
            found.add(made.explained(text));
        }
    }

    /// Dumps and backups that were fetched.
    fn tell_files(&self, found: &mut Found) {
        for (page, file) in &self.files {
            let is_offered = file.addresses.len() >= VISITORS;
            // A server that answers everything with the same page has no such file.
            let is_answer_to_all =
                self.starts.contains(&file.bytes) || self.alike.get(&file.bytes).is_some_and(|alike| alike.len() >= 3);
            if is_answer_to_all || is_offered && kind_of(page) != Some(Kind::Dump) {
                continue;
            }
            let who: Vec<&str> = file.addresses.iter().map(String::as_str).take(3).collect();
            let more = file.addresses.len().saturating_sub(who.len());
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let title =
                format!("{page} was fetched from the web server by {}{more}, {} bytes", who.join(", "), file.bytes);
            let text = format!(
                "A dump, a backup or an archive lay where the web server gives files out, and was fetched {} times.",
                file.times
            );
            let made = finding(&BACKUP_FETCHED, page, title).explained(text).between(file.between.0, file.between.1);
            let made = file.events.iter().fold(made, |made, (event, note)| made.event(*event, note.as_str()));
            let addresses = file.addresses.iter().take(VISITORS);
            found.add(addresses.fold(made, |made, it| made.indicator(address_kind(it), it)));
        }
    }
}

/// The power of two that a size lies below.
fn power(bytes: i64) -> u32 {
    u64::try_from(bytes).unwrap_or(0).checked_ilog2().map_or(0, |log| log.saturating_add(1))
}

/// What a file is by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The contents of a database, or a copy that was put aside: nothing for visitors.
    Dump,
    /// An archive whose name or place says that it is one of the site.
    Backup,
}

fn kind_of(page: &str) -> Option<Kind> {
    let page = page.to_ascii_lowercase();
    let name = page.rsplit('/').next().unwrap_or_default();
    let packed = [".gz", ".bz2", ".xz", ".zst", ".zip", ".7z"];
    let bare = packed.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let dumps = [".sql", ".dump", ".dmp", ".sqlite", ".sqlite3", ".mdb", ".kdbx", ".bak", ".pgdump", ".rdb", ".backup"];
    if dumps.iter().any(|ending| bare.ends_with(ending)) {
        return Some(Kind::Dump);
    }
    let archives = [".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".zip", ".rar", ".7z", ".gz"];
    let stem = archives.iter().find_map(|ending| name.strip_suffix(ending))?;
    let words = [
        "backup",
        "back-up",
        "bkp",
        "dump",
        "database",
        "mysql",
        "db",
        "www",
        "wwwroot",
        "htdocs",
        "public_html",
        "html",
        "site",
        "website",
        "webroot",
        "var",
        "home",
        "etc",
        "customers",
        "customer",
        "users",
        "export",
        "old",
        "private",
        "secret",
    ];
    let is_word = stem.split(|it: char| !it.is_ascii_alphabetic() && it != '_').any(|part| words.contains(&part));
    is_word.then_some(Kind::Backup)
}

/// Whether it is a file that is as large at every time.
fn is_static(page: &str) -> bool {
    let endings = [
        ".zip", ".gz", ".iso", ".mp4", ".pdf", ".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".ico", ".exe",
        ".msi", ".dmg", ".apk", ".jar", ".deb", ".rpm", ".tar", ".tgz", ".webm", ".mp3", ".wav", ".flac", ".ogg",
        ".avi", ".mkv", ".mov", ".bin", ".img", ".xz", ".bz2", ".zst", ".7z", ".rar", ".js", ".css", ".map", ".woff",
        ".woff2", ".ttf", ".ova", ".qcow2", ".whl", ".crate", ".bak", ".sql", ".dump",
    ];
    let page = page.to_ascii_lowercase();
    endings.iter().any(|ending| page.ends_with(ending))
}
