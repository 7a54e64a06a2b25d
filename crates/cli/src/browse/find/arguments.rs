//! What `kanshiki find` is asked.

use crate::browse::search::wrong_expression;
use crate::evidence::EvidenceArguments;
use crate::failure::Failure;
use crate::output::RowsArguments;
use kanshiki_browse::Accounts;
use kanshiki_browse::bounds::{Numbers, Times};
use kanshiki_browse::find::{Criteria, ModeTest, States, TimeKind, XattrTest};
use kanshiki_browse::pattern::{Case, Pattern};
use kanshiki_filesystem::NodeType;
use kanshiki_model::parse_size;
use regex::bytes::{Regex, RegexBuilder};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

const AFTER_HELP: &str = "\
All conditions must hold; where one is given several times, one of its values is enough, but for
--mode, --xattr and the times. In patterns, * is any bytes but /, ** any bytes, ? one character,
[a-z] and [!a-z] classes, \\ takes the next sign as it is. RANGE is N, A..B, A.. or ..B, both ends
counted. TIMES is the same with times in UTC, as 2024, 2024-03, 2024-03-05 or 2024-03-05T10:11Z,
each meaning all of it. Owners are looked up in the image's own /etc/passwd and /etc/group.
What is found comes directory by directory, by name in each.

Exit codes: 0 done, whether or not something was found; 3 done, but something is damaged or
unreadable; 4 not done.

Examples:
  kanshiki find disk.raw /etc --name '*.conf' --modified 2024-03-01..
  kanshiki find disk.raw --mode -4000 --type f --long
  kanshiki find disk.raw --capability --jsonl
  kanshiki find disk.raw:p2 --deleted --size 1M..
  kanshiki find disk.raw --name '*.php' --print0 | xargs -0 -n1 echo";

/// Find files by name, type, size, owner, permissions, attributes and times, in use or deleted
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct FindArguments {
    /// What to look at.
    #[command(flatten)]
    pub(super) evidence: EvidenceArguments,
    /// Directories or files in the image [default: /]
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<OsString>,
    /// Pattern for the name
    #[arg(long, value_name = "PATTERN")]
    name: Vec<OsString>,
    /// Pattern for the name, upper and lower case alike
    #[arg(long, value_name = "PATTERN")]
    iname: Vec<OsString>,
    /// Pattern for the whole path
    #[arg(long, value_name = "PATTERN")]
    path: Vec<OsString>,
    /// Regular expression that matches somewhere in the path
    #[arg(long, value_name = "EXPRESSION")]
    regex: Vec<String>,
    /// Type: f file, d directory, l symbolic link, p fifo, s socket, c or b device; several as in f,l
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = node_type)]
    r#type: Vec<NodeType>,
    /// Size of the content in bytes; units as in 10M..
    #[arg(long, value_name = "RANGE", value_parser = sizes)]
    size: Option<Numbers>,
    /// Owner, by number or by name
    #[arg(long, value_name = "USER")]
    owner: Vec<String>,
    /// Group, by number or by name
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// Permissions: 4755 exactly, -4000 all of these bits, /6000 any of them
    #[arg(long, value_name = "MODE", allow_hyphen_values = true)]
    mode: Vec<ModeTest>,
    /// With the set-user-ID bit; as --mode -4000
    #[arg(long)]
    suid: bool,
    /// With the set-group-ID bit; as --mode -2000
    #[arg(long)]
    sgid: bool,
    /// With capabilities
    #[arg(long)]
    capability: bool,
    /// With an extended attribute; NAME and VALUE are patterns
    #[arg(long, value_name = "NAME[=VALUE]")]
    xattr: Vec<OsString>,
    /// Number of names
    #[arg(long, value_name = "RANGE")]
    links: Option<Numbers>,
    /// Number of the inode
    #[arg(long, value_name = "RANGE")]
    inode: Option<Numbers>,
    /// Content last changed (mtime)
    #[arg(long, value_name = "TIMES")]
    modified: Option<Times>,
    /// Last read (atime)
    #[arg(long, value_name = "TIMES")]
    accessed: Option<Times>,
    /// Inode last changed (ctime)
    #[arg(long, value_name = "TIMES")]
    changed: Option<Times>,
    /// Created (crtime)
    #[arg(long, value_name = "TIMES")]
    created: Option<Times>,
    /// Deleted (dtime); looks at deleted files alone, unless --all is given
    #[arg(long, value_name = "TIMES")]
    removed: Option<Times>,
    /// Deleted files alone: removed names, and deleted inodes without a name
    #[arg(long, conflicts_with = "all")]
    deleted: bool,
    /// Deleted files too, and files in use that no name leads to
    #[arg(long)]
    all: bool,
    /// Names between PATH and what is found; PATH itself is 0
    #[arg(long, value_name = "RANGE")]
    depth: Option<Numbers>,
    /// Stay in the volume of PATH
    #[arg(long)]
    pub(super) one_volume: bool,
    /// Inode, permissions, links, owner, group, size and time of the last change before each path
    #[arg(long, short)]
    pub(super) long: bool,
    /// Paths as their bytes, each with a NUL at its end; on a terminal as without this
    #[arg(long, short = '0', conflicts_with_all = ["long", "jsonl"])]
    pub(super) print0: bool,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

impl FindArguments {
    /// The conditions; owners are looked up among the accounts of the image.
    pub(super) fn criteria(&self, accounts: &Accounts) -> Result<Criteria, Failure> {
        let mut names = patterns(&self.name, Case::Exact)?;
        names.extend(patterns(&self.iname, Case::Ignored)?);
        let mut modes = self.mode.clone();
        modes.extend(self.suid.then_some(ModeTest::All(0o4000)));
        modes.extend(self.sgid.then_some(ModeTest::All(0o2000)));
        let times = [
            (TimeKind::Modified, self.modified),
            (TimeKind::Accessed, self.accessed),
            (TimeKind::Changed, self.changed),
            (TimeKind::Created, self.created),
            (TimeKind::Deleted, self.removed),
        ];
        Ok(Criteria {
            names,
            paths: patterns(&self.path, Case::Exact)?,
            regexes: self.regex.iter().map(|text| regex(text)).collect::<Result<_, _>>()?,
            types: self.r#type.clone(),
            size: self.size,
            links: self.links,
            inode: self.inode,
            users: numbers(&self.owner, |text| accounts.users_named(text), "user")?,
            groups: numbers(&self.group, |text| accounts.groups_named(text), "group")?,
            modes,
            capability: self.capability,
            xattrs: self.xattr.iter().map(|text| xattr(text)).collect::<Result<_, _>>()?,
            times: times.into_iter().filter_map(|(kind, times)| Some((kind, times?))).collect(),
            states: match (self.deleted, self.all) {
                (true, _) => States::Deleted,
                (false, true) => States::All,
                // Nothing that is in use has a time of deletion.
                (false, false) if self.removed.is_some() => States::Deleted,
                (false, false) => States::Live,
            },
            depth: self.depth,
        })
    }
}

fn patterns(texts: &[OsString], case: Case) -> Result<Vec<Pattern>, Failure> {
    texts.iter().map(|text| pattern(text, case)).collect()
}

fn pattern(text: &OsStr, case: Case) -> Result<Pattern, Failure> {
    Pattern::new(text.as_bytes(), case).map_err(|error| wrong_expression("pattern", &text.to_string_lossy(), &error))
}

fn regex(text: &str) -> Result<Regex, Failure> {
    RegexBuilder::new(text).size_limit(32 << 20).build().map_err(|error| wrong_expression("expression", text, &error))
}

fn xattr(text: &OsStr) -> Result<XattrTest, Failure> {
    let bytes = text.as_bytes();
    let (name, value) = match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..)),
        None => (bytes, None),
    };
    let value = value.map(|value| pattern(OsStr::from_bytes(value), Case::Exact)).transpose()?;
    Ok(XattrTest { name: pattern(OsStr::from_bytes(name), Case::Exact)?, value })
}

/// The numbers of all owners that were named; a name that the image does not know cannot be found.
fn numbers(texts: &[String], look_up: impl Fn(&str) -> Vec<u32>, what: &str) -> Result<Option<Vec<u32>>, Failure> {
    let mut all = Vec::new();
    for text in texts {
        let found = look_up(text);
        if found.is_empty() {
            return Err(Failure::new(format!("the image knows no {what} `{text}`"))
                .hint("numbers are taken as they are; names come from the image's own /etc/passwd and /etc/group"));
        }
        all.extend(found);
    }
    Ok((!texts.is_empty()).then_some(all))
}

fn node_type(text: &str) -> Result<NodeType, String> {
    Ok(match text {
        "f" | "file" => NodeType::File,
        "d" | "directory" => NodeType::Directory,
        "l" | "symlink" => NodeType::Symlink,
        "p" | "fifo" => NodeType::Fifo,
        "s" | "socket" => NodeType::Socket,
        "c" | "character-device" => NodeType::CharacterDevice,
        "b" | "block-device" => NodeType::BlockDevice,
        _ => return Err("expected f, d, l, p, s, c or b".to_owned()),
    })
}

fn sizes(text: &str) -> Result<Numbers, kanshiki_browse::bounds::BoundsError> {
    Numbers::parse(text, |part| parse_size(part).ok())
}
