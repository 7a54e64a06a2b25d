//! Names of users and groups, out of the image's own `/etc/passwd` and `/etc/group`.

use kanshiki_filesystem::{Follow, NodeType, View};
use kanshiki_model::{EvidencePath, visible};
use std::collections::HashMap;

/// Bytes of each file that are read; what lies behind them is left out.
const READ_BYTES: usize = 4 << 20;

/// Names of users and groups as the imaged machine had them; never those of the machine that this runs on.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Accounts {
    /// Reads both files of a view; where one is missing or damaged there are fewer names.
    #[must_use]
    pub fn read(view: &View) -> Self {
        let names = |path: &[u8]| content(view, path).map(|text| parse(&text)).unwrap_or_default();
        Self { users: names(b"/etc/passwd"), groups: names(b"/etc/group") }
    }

    /// The name of a user, made visible.
    #[must_use]
    pub fn user(&self, uid: u32) -> Option<&str> {
        self.users.get(&uid).map(String::as_str)
    }

    /// The name of a group, made visible.
    #[must_use]
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(String::as_str)
    }

    /// The numbers that a text of the command line means: a number, or the name of a user.
    #[must_use]
    pub fn users_named(&self, text: &str) -> Vec<u32> {
        named(&self.users, text)
    }

    /// The numbers that a text of the command line means: a number, or the name of a group.
    #[must_use]
    pub fn groups_named(&self, text: &str) -> Vec<u32> {
        named(&self.groups, text)
    }
}

/// More than one number may have the same name.
fn named(names: &HashMap<u32, String>, text: &str) -> Vec<u32> {
    if let Ok(number) = text.parse() {
        return vec![number];
    }
    let mut numbers: Vec<u32> = names.iter().filter(|(_, name)| *name == text).map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    numbers
}

fn content(view: &View, path: &[u8]) -> Option<Vec<u8>> {
    let found = view.lookup(&EvidencePath::from_bytes(path), Follow::All).ok()?;
    if found.node.node_type != NodeType::File {
        return None;
    }
    let source = view.filesystem(found.place)?.content(found.place.node).ok()?;
    let mut bytes = vec![0; usize::try_from(source.len()).unwrap_or(READ_BYTES).min(READ_BYTES)];
    let read = source.read_at(0, &mut bytes).ok()?;
    bytes.truncate(read);
    Some(bytes)
}

/// Lines of `name:password:number:…` (passwd(5), group(5)). The first name of a number counts, as for the C library.
fn parse(text: &[u8]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b':');
        let (Some(name), Some(_), Some(number)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
        if let (Some(number), false) = (number, name.is_empty() || name.starts_with(b"#")) {
            names.entry(number).or_insert_with(|| visible(name));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_number_counts_and_broken_lines_are_left_out() {
        let names =
            parse(b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0\n#x:x:5\nbroken\nb\x1bd:x:7:7\nhuge:x:4294967296:1\n");
        assert_eq!(names.get(&0).map(String::as_str), Some("root"));
        assert_eq!(names.get(&7).map(String::as_str), Some("b\\u{1b}d"));
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn a_number_means_itself_and_a_name_all_its_numbers() {
        let accounts = Accounts { users: parse(b"a:x:3\nb:x:1\na:x:2\n"), groups: HashMap::new() };
        assert_eq!(accounts.users_named("a"), [2, 3]);
        assert_eq!(accounts.users_named("77"), [77]);
        assert!(accounts.users_named("c").is_empty());
    }
}
