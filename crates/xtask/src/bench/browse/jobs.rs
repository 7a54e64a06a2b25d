//! What is run on the image. In the lines of shell `$SRC` is the image, `$MNT` its kernel mount, `$FUSE` its mount by
//! kanshiki, `$OUT` an empty folder, `$KEEP` a folder that stays, `$K` kanshiki.

use kanshiki_testkit::tool_path;

/// A job and the lines of shell that do it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// The table in which it stands.
    pub(super) group: Group,
    /// The programs without which it is left out.
    needs: &'static [&'static str],
    /// By how much kanshiki is to be faster, where that was set.
    pub(super) goal: Option<f64>,
    /// What is run before, not measured.
    pub(super) before: &'static str,
    /// What is measured.
    pub(super) script: &'static str,
}

/// A table; its first job is that of kanshiki with which the others are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Walk,
    Hash,
    Content,
    Mount,
}

impl Group {
    /// The tables in their order, with their headings.
    pub(super) const ALL: [(Self, &'static str); 4] = [
        (Self::Walk, "All names with all metadata"),
        (Self::Hash, "SHA-256 of every file"),
        (Self::Content, "Content of a file of 512 MiB"),
        (Self::Mount, "tar of a mount"),
    ];
}

const fn job(name: &'static str, group: Group, needs: &'static [&'static str], script: &'static str) -> Job {
    Job { name, group, needs, goal: None, before: "", script }
}

const fn peer(goal: f64, job: Job) -> Job {
    Job { goal: Some(goal), ..job }
}

/// Both halves of all contents, for two hashers that have nothing else to do.
const HALVES: &str = "[ -e $KEEP/half-ab ] || { find $MNT -type f -print0 | xargs -0 cat > $KEEP/all && \
                      split -n 2 $KEEP/all $KEEP/half- && rm $KEEP/all; }";

const JOBS: &[Job] = &[
    job("kanshiki timeline --format body", Group::Walk, &[], "$K timeline $SRC --format body > $OUT/list"),
    peer(6.0, job("fls -r -p -m /", Group::Walk, &["fls"], "fls -r -p -m / $SRC > $OUT/list")),
    peer(
        3.0,
        job(
            "find -printf, kernel mount",
            Group::Walk,
            &["find"],
            "find $MNT -printf '0|%p|%i|%M|%U|%G|%s|%A@|%T@|%C@|%B@\\n' > $OUT/list",
        ),
    ),
    job("kanshiki timeline (in order of time)", Group::Walk, &[], "$K timeline $SRC > $OUT/list"),
    job("kanshiki find --jsonl", Group::Walk, &[], "$K find $SRC --jsonl > $OUT/list"),
    job("kanshiki hash", Group::Hash, &[], "$K hash $SRC --no-progress > $OUT/sums"),
    peer(
        8.0,
        job(
            "find -type f -exec sha256sum {} +, kernel mount",
            Group::Hash,
            &["sha256sum"],
            "find $MNT -type f -exec sha256sum {} + > $OUT/sums",
        ),
    ),
    Job {
        goal: Some(0.5),
        before: HALVES,
        ..job(
            "openssl sha256 of the same bytes in two files, two at once",
            Group::Hash,
            &["openssl"],
            "openssl dgst -sha256 $KEEP/half-aa > $OUT/a & openssl dgst -sha256 $KEEP/half-ab > $OUT/b; wait",
        )
    },
    job("kanshiki cat", Group::Content, &[], "$K cat $SRC /large > /dev/null"),
    Job {
        goal: Some(0.8),
        before: "[ -e $KEEP/large ] || cat $MNT/large > $KEEP/large",
        ..job("cat of a file of the same size", Group::Content, &[], "cat $KEEP/large > /dev/null")
    },
    job("tar of kanshiki mount", Group::Mount, &["tar"], "tar -c -f - -C $FUSE . | cat > /dev/null"),
    peer(0.5, job("tar of a kernel mount", Group::Mount, &["tar"], "tar -c -f - -C $MNT . | cat > /dev/null")),
];

/// The jobs whose programs are there and whose name holds the text; those of kanshiki always.
pub(super) fn there(only: Option<&str>, has_fuse: bool) -> Vec<Job> {
    let there = JOBS.iter().filter(|job| has_fuse || job.group != Group::Mount);
    let there = there.filter(|job| only.is_none_or(|text| job.name.contains(text) || job.name.contains("kanshiki")));
    there
        .filter(|job| {
            let missing: Vec<&str> = job.needs.iter().copied().filter(|name| tool_path(name).is_none()).collect();
            if !missing.is_empty() {
                println!("left out: {} (needs {})", job.name, missing.join(", "));
            }
            missing.is_empty()
        })
        .copied()
        .collect()
}
