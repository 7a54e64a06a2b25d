//! What is run: kanshiki and its peers, each as a line of shell.

use kanshiki_testkit::tool_path;
use std::path::Path;

/// A job and the lines of shell that do it.
///
/// In the lines `$SRC` is the source, `$OUT` an empty folder for what comes out, `$KEEP` a folder that stays from one job
/// to the next, `$K` kanshiki.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// The table in which it stands.
    pub(crate) group: Group,
    /// The job of kanshiki with which it is compared; its own name for those.
    pub(crate) against: &'static str,
    /// The programs without which it is left out.
    pub(crate) needs: &'static [&'static str],
    /// What is run once before everything, not measured.
    pub(crate) before: &'static str,
    /// What is measured.
    pub(crate) script: &'static str,
    /// The files in `$OUT`, by the beginning of their name, whose size is told; empty if it does not matter.
    pub(crate) image: &'static str,
}

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// A raw copy with SHA-256.
    Raw,
    /// A raw copy with SHA-256 and MD5.
    Md5,
    /// A compressed copy with SHA-256.
    Compressed,
    /// A copy compared with its record.
    Verify,
}

impl Group {
    /// The tables in their order, with their headings.
    pub(crate) const ALL: [(Self, &'static str); 4] = [
        (Self::Raw, "Raw copy, SHA-256"),
        (Self::Md5, "Raw copy, MD5 and SHA-256"),
        (Self::Compressed, "Compressed copy, SHA-256"),
        (Self::Verify, "Verification"),
    ];
}

/// What every job is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// kanshiki.
    pub(crate) program: &'a Path,
    /// The source.
    pub(crate) source: &'a Path,
    /// A folder in memory.
    pub(crate) folder: &'a Path,
}

const RAW: &str = "kanshiki raw";
const MD5: &str = "kanshiki raw --hash md5";
const ZSTD: &str = "kanshiki zstd";
const VERIFY: &str = "kanshiki verify raw";

const fn job(
    name: &'static str,
    group: Group,
    against: &'static str,
    needs: &'static [&'static str],
    script: &'static str,
) -> Job {
    Job { name, group, against, needs, before: "", script, image: "" }
}

const fn with_image(job: Job, image: &'static str) -> Job {
    Job { image, ..job }
}

const fn with_before(job: Job, before: &'static str) -> Job {
    Job { before, ..job }
}

const KEEP_RAW: &str = "[ -e $KEEP/raw ] || $K acquire $SRC --case $KEEP/raw --exhibit E1 --no-verify --quiet";
const KEEP_ZSTD: &str =
    "[ -e $KEEP/zstd ] || $K acquire $SRC --case $KEEP/zstd --exhibit E1 --format zstd --no-verify --quiet";

/// All jobs.
const JOBS: &[Job] = &[
    job(RAW, Group::Raw, RAW, &[], "$K acquire $SRC --case $OUT/case --exhibit E1 --no-verify --quiet"),
    job(
        "kanshiki raw, read back and compared",
        Group::Raw,
        RAW,
        &[],
        "$K acquire $SRC --case $OUT/case --exhibit E1 --quiet",
    ),
    job("dd (no digest)", Group::Raw, RAW, &["dd"], "dd if=$SRC of=$OUT/image bs=4M status=none"),
    job("ddrescue (no digest)", Group::Raw, RAW, &["ddrescue"], "ddrescue -q $SRC $OUT/image $OUT/map"),
    job("openssl sha256 (no copy)", Group::Raw, RAW, &["openssl"], "openssl dgst -sha256 $SRC > $OUT/sum"),
    job("sha256sum (no copy)", Group::Raw, RAW, &["sha256sum"], "sha256sum $SRC > $OUT/sum"),
    job(
        "dd, tee, openssl sha256",
        Group::Raw,
        RAW,
        &["dd", "tee", "openssl"],
        "dd if=$SRC bs=4M status=none | tee $OUT/image | openssl dgst -sha256 > $OUT/sum",
    ),
    job(
        "dc3dd sha256",
        Group::Raw,
        RAW,
        &["dc3dd"],
        "dc3dd if=$SRC of=$OUT/image hash=sha256 log=$OUT/log > /dev/null 2>&1",
    ),
    job(
        "dcfldd sha256",
        Group::Raw,
        RAW,
        &["dcfldd"],
        "dcfldd if=$SRC of=$OUT/image bs=4M hash=sha256 sha256log=$OUT/log statusinterval=100000 > /dev/null 2>&1",
    ),
    job(MD5, Group::Md5, MD5, &[], "$K acquire $SRC --case $OUT/case --exhibit E1 --hash md5 --no-verify --quiet"),
    job("openssl md5 (no copy)", Group::Md5, MD5, &["openssl"], "openssl dgst -md5 $SRC > $OUT/sum"),
    job(
        "dc3dd md5 and sha256",
        Group::Md5,
        MD5,
        &["dc3dd"],
        "dc3dd if=$SRC of=$OUT/image hash=md5 hash=sha256 log=$OUT/log > /dev/null 2>&1",
    ),
    job(
        "dcfldd md5 and sha256",
        Group::Md5,
        MD5,
        &["dcfldd"],
        "dcfldd if=$SRC of=$OUT/image bs=4M hash=md5,sha256 md5log=$OUT/md5 sha256log=$OUT/log statusinterval=100000 > /dev/null 2>&1",
    ),
    with_image(
        job(
            ZSTD,
            Group::Compressed,
            ZSTD,
            &[],
            "$K acquire $SRC --case $OUT/case --exhibit E1 --format zstd --no-verify --quiet",
        ),
        "case/exhibits/E1/image.raw.zst",
    ),
    with_image(
        job(
            "ewfacquire fast, sha256",
            Group::Compressed,
            ZSTD,
            &["ewfacquire"],
            "ewfacquire -u -q -t $OUT/image -f encase6 -c fast -d sha256 -S 1024GiB $SRC > /dev/null 2>&1",
        ),
        "image.E01",
    ),
    with_image(
        job(
            "zstd -1 -T2, openssl sha256 beside it",
            Group::Compressed,
            ZSTD,
            &["zstd", "openssl", "tee", "mkfifo"],
            "mkfifo $OUT/pipe; openssl dgst -sha256 < $OUT/pipe > $OUT/sum & \
             dd if=$SRC bs=4M status=none | tee $OUT/pipe | zstd -1 -T2 -q -o $OUT/image.zst; wait",
        ),
        "image.zst",
    ),
    with_image(
        job("zstd -1 -T2 (no digest)", Group::Compressed, ZSTD, &["zstd"], "zstd -1 -T2 -q $SRC -o $OUT/image.zst"),
        "image.zst",
    ),
    with_before(job(VERIFY, Group::Verify, VERIFY, &[], "$K verify $KEEP/raw --read-only > /dev/null"), KEEP_RAW),
    with_before(
        job(
            "kanshiki verify --quick raw",
            Group::Verify,
            VERIFY,
            &[],
            "$K verify $KEEP/raw --quick --read-only > /dev/null",
        ),
        KEEP_RAW,
    ),
    with_before(
        job("kanshiki verify zstd", Group::Verify, VERIFY, &[], "$K verify $KEEP/zstd --read-only > /dev/null"),
        KEEP_ZSTD,
    ),
    with_before(
        job(
            "kanshiki verify --quick zstd",
            Group::Verify,
            VERIFY,
            &[],
            "$K verify $KEEP/zstd --quick --read-only > /dev/null",
        ),
        KEEP_ZSTD,
    ),
    job("openssl sha256", Group::Verify, VERIFY, &["openssl"], "openssl dgst -sha256 $SRC > $OUT/sum"),
    with_before(
        job(
            "ewfverify",
            Group::Verify,
            VERIFY,
            &["ewfverify"],
            "ewfverify -q -d sha256 $KEEP/ewf.E01 > /dev/null 2>&1",
        ),
        "[ -e $KEEP/ewf.E01 ] || ewfacquire -u -q -t $KEEP/ewf -f encase6 -c fast -d sha256 -S 1024GiB $SRC > /dev/null 2>&1",
    ),
];

/// The jobs whose programs are there and whose name holds the text; those of kanshiki always.
pub(crate) fn there(only: Option<&str>) -> Vec<Job> {
    let mut there = Vec::new();
    for job in JOBS {
        let missing: Vec<&str> = job.needs.iter().copied().filter(|name| tool_path(name).is_none()).collect();
        if !missing.is_empty() {
            println!("left out: {} (needs {})", job.name, missing.join(", "));
        } else if only.is_none_or(|text| job.name.contains(text) || job.name.starts_with("kanshiki")) {
            there.push(*job);
        }
    }
    there
}
