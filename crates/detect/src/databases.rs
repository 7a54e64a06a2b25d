//! Whether the databases of packages are as their managers left them: who replaces a program and knows of the database writes
//! the digest anew, or adds the program to a package's list.

use crate::found::{Building as _, Found, finding};
use crate::{DetectError, Image};
use kanshiki_filesystem::{Follow, NodeType};
use kanshiki_machine::settings;
use kanshiki_model::{Confidence, Evidence, EvidencePath, Question, Rule, Severity, Timestamp, visible};
use kanshiki_packages::{Entry, FileFlags, Manager, doubts};
use std::collections::BTreeMap;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&WRITTEN, &WITHOUT_DIGEST, &NONE];

static WRITTEN: Rule = Rule {
    id: "packages.database-written",
    question: Question::Changed,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1565.001",
    next: "The database is no witness for this package any more: hold its files against the original with `kanshiki packages \
        --packages DIR`.",
};

static WITHOUT_DIGEST: Rule = Rule {
    id: "packages.listed-without-digest",
    question: Question::Changed,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1036.005",
    next: "Look whether the package's original has the file: `kanshiki packages --packages DIR`.",
};

static NONE: Rule = Rule {
    id: "unknown.no-packages",
    question: Question::Unknown,
    severity: Severity::Info,
    confidence: Confidence::High,
    technique: "",
    next: "Hold the files against the packages of the distribution: `kanshiki hash --known` with a list of their digests.",
};

/// Of a package that leaves out digests more often than this, nothing follows from one that is missing.
const LEFT_OUT: usize = 3;

/// Looks at both.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    if !image.owned.is_known() {
        none(image, found);
    }
    written(image, found);
    without_digest(image, found);
    Ok(())
}

/// Tells that there is no database. A distribution of packages without one is told graver: somebody took it away.
fn none(image: &Image<'_>, found: &mut Found) {
    let release = ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|path| settings::read(image.view, path.as_bytes()).map(|text| (path, text)));
    let Some((path, text)) = release else { return };
    let value = |name: &str| {
        let mut lines = text.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(name.as_bytes()));
        lines.next().map(|value| visible(value).trim_matches('"').to_lowercase()).unwrap_or_default()
    };
    let names = format!("{} {}", value("ID="), value("ID_LIKE="));
    let of_packages = ["debian", "ubuntu", "rhel", "fedora", "centos", "rocky", "almalinux", "suse", "amzn", "ol "];
    let title = "no database of packages was found: programs could not be held against their packages";
    let made = finding(&NONE, "packages", title)
        .explained("Whether programs of the system were replaced, added or given more rights is not known.");
    let made = match of_packages.iter().any(|name| names.contains(name)) {
        true => made.weighed(Severity::Medium, Confidence::Medium).explained(format!(
            "{path} says that this is a distribution of packages ({}), which keeps a database of them: it was taken away, or lies \
             on a volume that is not here. Whether programs were replaced, added or given more rights is not known.",
            names.trim()
        )),
        false => made,
    };
    found.add(made.evidence(Evidence::File {
        volume: None,
        inode: None,
        path: path.as_bytes().to_vec(),
        span: None,
        note: "the distribution".to_owned(),
    }));
}

/// Files of the databases that were not written when a package was installed.
fn written(image: &Image<'_>, found: &mut Found) {
    for doubt in doubts(image.view, image.owned.packages()) {
        let (path, package) = (visible(&doubt.path), &doubt.package);
        let place = image.view.lookup(&EvidencePath::from_bytes(doubt.path.as_slice()), Follow::AllButLast).ok();
        let title = format!("the database of packages was written for {package}: {path}");
        let made = finding(&WRITTEN, format!("{package} {path} {}", doubt.text), title).explained(format!(
            "{path} {}. Digests that were written anew hide that files of the package were replaced.",
            doubt.text
        ));
        let time = doubt.time.map(Timestamp::as_nanoseconds);
        // With the digests goes the proof for every file of the package.
        let made = match path.ends_with(".md5sums") {
            true => made.weighed(Severity::High, Confidence::Medium),
            false => made,
        };
        found.add(made.between(time, time).evidence(Evidence::File {
            volume: place.as_ref().map(|it| it.place.volume),
            inode: place.as_ref().map(|it| it.place.node.inode),
            path: doubt.path,
            span: None,
            note: "the file of the database".to_owned(),
        }));
    }
}

/// Programs that a package of dpkg lists and has no digest of, while it has those of its others.
fn without_digest(image: &Image<'_>, found: &mut Found) {
    let mut by_package: BTreeMap<&[u8], (usize, Vec<Entry<'_>>)> = BTreeMap::new();
    for entry in image.owned.packages().entries().filter(|entry| entry.package.manager == Manager::Dpkg) {
        let (with, without) = by_package.entry(&entry.package.name).or_default();
        if entry.expected.digest().is_some() {
            *with = with.saturating_add(1);
        } else if without.len() <= LEFT_OUT && !entry.flags.has(FileFlags::CONFIG) && is_program(image, &entry) {
            without.push(entry);
        }
    }
    for (package, (with, without)) in by_package {
        if with == 0 || without.len() > LEFT_OUT {
            continue;
        }
        for entry in without {
            let (path, package) = (visible(entry.place), visible(package));
            let title = format!("{path} stands in the list of package {package}, but has no digest there");
            let made = finding(&WITHOUT_DIGEST, format!("{package} {path}"), title).explained(format!(
                "The package has digests of {with} other files. Who adds a line to the list makes a program look like a \
                 package's."
            ));
            let located = image.view.lookup(&EvidencePath::from_bytes(entry.place), Follow::AllButLast).ok();
            found.add(made.evidence(Evidence::File {
                volume: located.as_ref().map(|it| it.place.volume),
                inode: located.as_ref().map(|it| it.place.node.inode),
                path: entry.place.to_vec(),
                span: None,
                note: "what lies there".to_owned(),
            }));
        }
    }
}

/// Whether a file that can run, or a library, lies there.
fn is_program(image: &Image<'_>, entry: &Entry<'_>) -> bool {
    let located = image.view.lookup(&EvidencePath::from_bytes(entry.place), Follow::AllButLast);
    located.is_ok_and(|it| {
        let is_library = entry.place.ends_with(b".so") || memchr::memmem::find(entry.place, b".so.").is_some();
        it.node.node_type == NodeType::File && (it.node.mode & 0o111 != 0 || is_library)
    })
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::testing::{found_in, titles, with_modes};

    const STATUS: (&str, &str) = (
        "/var/lib/dpkg/status",
        "Package: cron\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nConffiles:\n /etc/init.d/cron 0123456789abcdef0123456789abcdef\n\n",
    );

    #[test]
    fn a_distribution_of_packages_without_their_database_is_told() {
        let told = |release: &str| titles(&found_in(&with_modes(&[("/etc/os-release", release)], &[]), &[], find));
        let title =
            "unknown.no-packages: no database of packages was found: programs could not be held against their packages";
        assert_eq!(told("NAME=x\nID=debian\n"), [format!("medium {title}")]);
        assert_eq!(told("NAME=x\nID=buildroot\n"), [format!("info {title}")]);
        assert_eq!(titles(&found_in(&with_modes(&[STATUS], &[]), &[], find)), [""; 0]);
    }

    #[test]
    fn a_program_that_was_added_to_the_list_of_a_package_is_told() {
        let list = "/.\n/usr\n/usr/sbin\n/usr/sbin/cron\n/etc/init.d/cron\n";
        let sums = ("/var/lib/dpkg/info/cron.md5sums", "9dd4e461268c8034f5c8564e155c67a6  usr/sbin/cron\n");
        let modes = [("/usr/sbin/cron", 0o755), ("/usr/sbin/logd", 0o755), ("/etc/init.d/cron", 0o755)];
        let told = |list: &str| {
            let files = [STATUS, ("/var/lib/dpkg/info/cron.list", list), sums];
            titles(&found_in(&with_modes(&files, &modes), &[], find))
        };
        assert_eq!(
            told(&format!("{list}/usr/sbin/logd\n")),
            [
                "medium packages.listed-without-digest: /usr/sbin/logd stands in the list of package cron, but has no digest there"
            ]
        );
        assert_eq!(told(list), [""; 0]);
    }
}
