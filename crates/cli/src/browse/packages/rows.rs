//! Rows about packages and their files.

use crate::browse::node::{self, NodeFields, PathFields};
use crate::evidence::Evidence;
use kanshiki_model::{Exact, FileTime, Timestamp, visible};
use kanshiki_packages::{
    Checked, Contradicted, Contradiction, Doubt, Entry, FileFlags, Missing, Owner, Package, Privileged, Unowned, Verify,
};
use serde::Serialize;
use std::borrow::Cow;

/// A package, in JSON.
#[derive(Serialize)]
pub(super) struct PackageLine<'a> {
    manager: &'static str,
    package: Cow<'a, str>,
    version: Cow<'a, str>,
    architecture: Cow<'a, str>,
    package_state: &'static str,
    installed: Option<Timestamp>,
    vendor: Cow<'a, str>,
    from_original: bool,
}

impl<'a> PackageLine<'a> {
    pub(super) fn of(package: &'a Package) -> Self {
        Self {
            manager: package.manager.name(),
            package: Exact::of(&package.name).text,
            version: Exact::of(&package.version).text,
            architecture: Exact::of(&package.architecture).text,
            package_state: package.state.name(),
            installed: package.installed,
            vendor: Exact::of(&package.vendor).text,
            from_original: package.from_original,
        }
    }
}

/// A package as a line for people, in columns of these widths.
pub(super) fn package(package: &Package, [name, version, architecture]: [usize; 3]) -> String {
    let installed = package.installed.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let state = match package.state {
        kanshiki_packages::PackageState::Installed => String::new(),
        state => format!("  ({})", state.name()),
    };
    let columns = [&package.name, &package.version, &package.architecture].map(|text| visible(text));
    let [name_text, version_text, architecture_text] = columns;
    format!("{name_text:name$}  {version_text:version$}  {architecture_text:architecture$}  {installed}{state}")
}

/// What a package says of a file, in JSON.
#[derive(Serialize)]
struct ExpectedFields<'a> {
    node_type: Option<&'static str>,
    mode: Option<u16>,
    size: Option<u64>,
    modified: Option<String>,
    algorithm: Option<&'static str>,
    digest: Option<String>,
    link_target: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target_hex: Option<String>,
    owner: Option<Cow<'a, str>>,
    group: Option<Cow<'a, str>>,
    capabilities: Option<Cow<'a, str>>,
}

impl<'a> ExpectedFields<'a> {
    fn of(entry: &Entry<'a>) -> Self {
        let expected = &entry.expected;
        let name = |owner: Option<Owner<'a>>| owner.map(|owner| Exact::of(owner.name).text);
        let link = expected.link_target.map(Exact::of);
        Self {
            node_type: expected.node_type.map(kanshiki_filesystem::NodeType::name),
            mode: expected.mode,
            size: expected.size,
            modified: expected.modified.map(|seconds| FileTime::new(seconds, None).to_string()),
            algorithm: expected.algorithm().map(kanshiki_model::Algorithm::name),
            digest: expected.digest().map(|digest| digest.to_hex()),
            link_target: link.as_ref().map(|link| link.text.clone()),
            link_target_hex: link.and_then(|link| link.hex),
            owner: name(expected.owner),
            group: name(expected.group),
            capabilities: expected.capabilities.map(|text| Exact::of(text).text),
        }
    }
}

/// A file of a package, in JSON.
#[derive(Serialize)]
pub(super) struct OwnerLine<'a> {
    #[serde(flatten)]
    path: PathFields<'a>,
    place: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place_hex: Option<String>,
    #[serde(flatten)]
    package: PackageLine<'a>,
    marks: Vec<&'static str>,
    expected: ExpectedFields<'a>,
}

impl<'a> OwnerLine<'a> {
    pub(super) fn of(entry: &Entry<'a>) -> Self {
        let Exact { text: place, hex: place_hex } = Exact::of(entry.place);
        Self {
            path: PathFields::of_bytes(entry.path),
            place,
            place_hex,
            package: PackageLine::of(entry.package),
            marks: marks(entry.flags),
            expected: ExpectedFields::of(entry),
        }
    }
}

fn marks(flags: FileFlags) -> Vec<&'static str> {
    let names = [
        (FileFlags::CONFIG, "config"),
        (FileFlags::DOC, "doc"),
        (FileFlags::MISSING_OK, "missing-ok"),
        (FileFlags::NO_REPLACE, "no-replace"),
        (FileFlags::GHOST, "ghost"),
        (FileFlags::LICENSE, "license"),
        (FileFlags::README, "readme"),
        (FileFlags::ARTIFACT, "artifact"),
        (FileFlags::OBSOLETE, "obsolete"),
        (FileFlags::LEFT_OUT, "left-out"),
        (FileFlags::DIVERTED, "diverted"),
        (FileFlags::OVERRIDDEN, "overridden"),
    ];
    names.into_iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, name)| name).collect()
}

/// A file of a package as a line for people.
pub(super) fn owner(entry: &Entry<'_>) -> String {
    let elsewhere = if entry.place == entry.path { String::new() } else { format!(" at {}", visible(entry.place)) };
    let digest = entry.expected.digest().map(|digest| format!(", {} {digest}", digest.algorithm())).unwrap_or_default();
    let mode = entry.expected.mode.map(|mode| format!(", mode {mode:04o}")).unwrap_or_default();
    format!("{}: {}{elsewhere}{mode}{digest}", entry.package, visible(entry.path))
}

/// A file that differs, in JSON.
#[derive(Serialize)]
pub(super) struct DifferenceLine<'a> {
    #[serde(flatten)]
    owner: OwnerLine<'a>,
    difference: String,
    differs: Vec<&'static str>,
    unreadable: Vec<&'static str>,
    missing: Option<&'static str>,
    found: Option<NodeFields<'a>>,
    found_digest: Option<String>,
}

impl<'a> DifferenceLine<'a> {
    pub(super) fn of(checked: &'a Checked<'a>, evidence: &'a Evidence) -> Self {
        let found = checked.node.as_ref().map(|(place, found)| {
            let target = node::link_target(&evidence.view, *place, found);
            NodeFields::of(node::volume_name(&evidence.view, place.volume), found, target.as_deref())
        });
        Self {
            owner: OwnerLine::of(&checked.entry),
            difference: checked.difference.to_string().trim_end().to_owned(),
            differs: names(checked.difference.failed),
            unreadable: names(checked.difference.unreadable),
            missing: checked.difference.missing.map(missing),
            found,
            found_digest: checked.digest.as_ref().map(|digest| digest.to_hex()),
        }
    }
}

fn names(what: Verify) -> Vec<&'static str> {
    let names = [
        (Verify::SIZE, "size"),
        (Verify::MODE, "mode"),
        (Verify::DIGEST, "content"),
        (Verify::DEVICE, "device"),
        (Verify::LINK, "link"),
        (Verify::OWNER, "owner"),
        (Verify::GROUP, "group"),
        (Verify::TIME, "time"),
        (Verify::CAPABILITIES, "capabilities"),
    ];
    names.into_iter().filter(|(bit, _)| what.has(*bit)).map(|(_, name)| name).collect()
}

const fn missing(missing: Missing) -> &'static str {
    match missing {
        Missing::NotThere => "not-there",
        Missing::NotADirectory => "not-a-directory",
        Missing::TooManyLinks => "too-many-links",
        Missing::Unreadable => "unreadable",
    }
}

/// What a database says otherwise than a package file, in JSON.
#[derive(Serialize)]
pub(super) struct ContradictionLine<'a> {
    #[serde(flatten)]
    path: PathFields<'a>,
    package: &'a str,
    contradiction: &'static str,
    message: &'static str,
}

impl<'a> ContradictionLine<'a> {
    pub(super) fn of(found: &'a Contradicted) -> Self {
        Self {
            path: PathFields::of_bytes(&found.path),
            package: &found.package,
            contradiction: match found.what {
                Contradiction::Digest => "digest",
                Contradiction::Metadata => "metadata",
                Contradiction::NotInDatabase => "not-in-database",
                Contradiction::NotInPackage => "not-in-package",
            },
            message: found.what.text(),
        }
    }
}

/// Something doubtful of a database, in JSON.
#[derive(Serialize)]
pub(super) struct DoubtLine<'a> {
    #[serde(flatten)]
    path: PathFields<'a>,
    package: &'a str,
    message: &'a str,
    time: Option<Timestamp>,
}

impl<'a> DoubtLine<'a> {
    pub(super) fn of(doubt: &'a Doubt) -> Self {
        let path = PathFields::of_bytes(&doubt.path);
        Self { path, package: &doubt.package, message: &doubt.text, time: doubt.time }
    }
}

/// A file that is no package's, in JSON.
#[derive(Serialize)]
pub(super) struct UnownedLine<'a> {
    #[serde(flatten)]
    path: PathFields<'a>,
    #[serde(flatten)]
    node: NodeFields<'a>,
    explanation: Option<String>,
}

impl<'a> UnownedLine<'a> {
    pub(super) fn of(found: &'a Unowned, volume: &'a str) -> Self {
        Self {
            path: PathFields::of(&found.path),
            node: NodeFields::of(volume, &found.node, None),
            explanation: found.explanation.map(kanshiki_packages::Explanation::text),
        }
    }
}

/// A file that is no package's, as a line for people.
pub(super) fn unowned(found: &Unowned) -> String {
    let node = &found.node;
    let why = found.explanation.map(|why| format!("  ({})", why.text())).unwrap_or_default();
    let permissions = node.node_type.permissions(node.mode);
    format!("{permissions}  {}  {}{why}", node::short_time(node.times.modified), found.path)
}

/// A file that gives rights, in JSON.
#[derive(Serialize)]
pub(super) struct PrivilegedLine<'a> {
    #[serde(flatten)]
    path: PathFields<'a>,
    #[serde(flatten)]
    node: NodeFields<'a>,
    capabilities: Option<String>,
    standing: &'static str,
}

impl<'a> PrivilegedLine<'a> {
    pub(super) fn of(found: &'a Privileged, volume: &'a str) -> Self {
        Self {
            path: PathFields::of(&found.path),
            node: NodeFields::of(volume, &found.node, None),
            capabilities: found.capabilities.map(|capabilities| capabilities.to_string()),
            standing: found.standing.name(),
        }
    }
}

/// A file that gives rights, as a line for people.
pub(super) fn privileged(found: &Privileged) -> String {
    let node = &found.node;
    let permissions = node.node_type.permissions(node.mode);
    let capabilities = found.capabilities.map(|capabilities| format!("  {capabilities}")).unwrap_or_default();
    format!("{:8}  {permissions}  {}:{}  {}{capabilities}", found.standing.name(), node.uid, node.gid, found.path)
}
