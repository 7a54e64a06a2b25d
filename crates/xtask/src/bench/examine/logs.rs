//! The logs of a server: the same bytes for the same sizes, and no two lines alike.

use crate::bench::source::Random;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// The time of the last record of all, in seconds since 1970: 2024-03-31, 23:00 UTC.
const LAST: u64 = 1_711_926_000;

/// How long a rotation of a log lasts: a week.
const ROTATION: u64 = 7 * 86_400;

/// A word that stands in one record of the newest syslog and nowhere else.
pub(super) const RARE: &str = "quetzalcoatl";

/// A log of one of the three kinds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Log {
    Auth,
    Syslog,
    Access,
}

impl Log {
    pub(super) const ALL: [Self; 3] = [Self::Auth, Self::Syslog, Self::Access];

    /// The megabytes of one rotation.
    pub(super) const fn megabytes(self) -> u64 {
        match self {
            Self::Auth => 66,
            Self::Syslog | Self::Access => 67,
        }
    }

    /// Where it lies below the root.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Auth => "var/log/auth.log",
            Self::Syslog => "var/log/syslog",
            Self::Access => "var/log/nginx/access.log",
        }
    }

    const fn seed(self) -> u64 {
        match self {
            Self::Auth => 0x6175_7468,
            Self::Syslog => 0x7379_736c,
            Self::Access => 0x6163_6365,
        }
    }

    fn line(self, line: &mut String, moment: &Moment, random: &mut Random) {
        match self {
            Self::Auth => auth(line, moment, random),
            Self::Syslog => syslog(line, moment, random),
            Self::Access => access(line, moment, random),
        }
    }
}

/// Writes at least as many bytes as are asked for of the log's rotation (0 is the newest), and gives the number of records.
/// The file gets the time of its last record, which is what tells the year.
pub(super) fn write(path: &Path, log: Log, bytes: u64, rotation: u64) -> Result<u64> {
    let mut random = Random(log.seed() + rotation);
    let file = File::create_new(path).with_context(|| format!("cannot make {}", path.display()))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let end = LAST - rotation * ROTATION;
    let (mut records, mut written, mut line) = (0, 0, String::new());
    let mut moment = Moment::default();
    let mut is_rare_due = rotation == 0 && matches!(log, Log::Syslog);
    while written < bytes {
        // Records are spread evenly over the rotation, whatever its size.
        moment.set(end - ROTATION + ROTATION * written / bytes)?;
        line.clear();
        if is_rare_due && written > bytes / 2 {
            is_rare_due = false;
            let _ = write!(line, "{} quay1 backup[4711]: volume {RARE} is full", moment.syslog);
        } else {
            log.line(&mut line, &moment, &mut random);
        }
        line.push('\n');
        file.write_all(line.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        written += line.len() as u64;
        records += 1;
    }
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.set_modified(UNIX_EPOCH + Duration::from_secs(end)).context("cannot set the time of a log")?;
    Ok(records)
}

/// A second in the forms of the logs.
#[derive(Debug, Default)]
struct Moment {
    second: u64,
    syslog: String,
    web: String,
}

impl Moment {
    fn set(&mut self, second: u64) -> Result<()> {
        if self.second != second {
            let time = jiff::Timestamp::from_second(i64::try_from(second)?)?;
            self.second = second;
            self.syslog = time.strftime("%b %e %H:%M:%S").to_string();
            self.web = time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        }
        Ok(())
    }
}

fn pick<'a>(random: &mut Random, of: &[&'a str]) -> &'a str {
    usize::try_from(random.below(of.len() as u64)).ok().and_then(|at| of.get(at)).copied().unwrap_or_default()
}

/// One of 131,072 addresses; a few of them come again and again.
fn address(random: &mut Random) -> String {
    if random.below(3) == 0 {
        return format!("203.0.113.{}", random.below(24));
    }
    let (high, low) = (random.below(256), random.below(256));
    format!("198.{}.{high}.{low}", 18 + random.below(2))
}

const USERS: [&str; 10] =
    ["root", "admin", "oracle", "postgres", "test", "ubuntu", "git", "www-data", "anna", "deploy"];

fn auth(line: &mut String, moment: &Moment, random: &mut Random) {
    let (pid, port, kind) = (300 + random.below(32_000), 1024 + random.below(64_000), random.below(100));
    let (user, from) = (pick(random, &USERS), address(random));
    let at = &moment.syslog;
    let _ = match kind {
        0..30 => write!(
            line,
            "{at} quay1 sshd[{pid}]: Failed password for invalid user {user}{} from {from} port {port} ssh2",
            random.below(500)
        ),
        30..45 => write!(line, "{at} quay1 sshd[{pid}]: Failed password for {user} from {from} port {port} ssh2"),
        45..58 => {
            write!(line, "{at} quay1 sshd[{pid}]: Invalid user {user}{} from {from} port {port}", random.below(500))
        }
        58..70 => write!(
            line,
            "{at} quay1 sshd[{pid}]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={from}  user={user}"
        ),
        70..80 => write!(
            line,
            "{at} quay1 sshd[{pid}]: Connection closed by authenticating user {user} {from} port {port} [preauth]"
        ),
        80..86 => {
            write!(line, "{at} quay1 sshd[{pid}]: Received disconnect from {from} port {port}:11: Bye Bye [preauth]")
        }
        86..89 => write!(
            line,
            "{at} quay1 sshd[{pid}]: Accepted publickey for {user} from {from} port {port} ssh2: ED25519 SHA256:{:016x}{:016x}{:011x}",
            random.next(),
            random.next(),
            random.next() >> 20
        ),
        89..92 => write!(
            line,
            "{at} quay1 sshd[{pid}]: pam_unix(sshd:session): session opened for user {user}(uid={}) by (uid=0)",
            random.below(2000)
        ),
        92..94 => write!(line, "{at} quay1 sshd[{pid}]: pam_unix(sshd:session): session closed for user {user}"),
        94..96 => write!(
            line,
            "{at} quay1 sudo:     {user} : TTY=pts/{} ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/systemctl restart job-{}.service",
            random.below(9),
            random.below(900)
        ),
        _ => write!(
            line,
            "{at} quay1 CRON[{pid}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"
        ),
    };
}

fn syslog(line: &mut String, moment: &Moment, random: &mut Random) {
    let (pid, kind, number) = (300 + random.below(32_000), random.below(100), random.below(100_000));
    let at = &moment.syslog;
    let unit =
        pick(random, &["apt-daily", "logrotate", "php8.2-fpm", "nginx", "mariadb", "fstrim", "man-db", "backup"]);
    let _ = match kind {
        0..15 => write!(line, "{at} quay1 systemd[1]: Starting {unit}.service - job {number}..."),
        15..28 => write!(line, "{at} quay1 systemd[1]: {unit}.service: Deactivated successfully."),
        28..38 => {
            write!(line, "{at} quay1 CRON[{pid}]: (root) CMD (   cd / && run-parts --report /etc/cron.d/job-{number})")
        }
        38..58 => {
            let from = address(random);
            write!(
                line,
                "{at} quay1 kernel: [{number:>7}.{pid:06}] [UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:12:34:56:52:54:00:65:43:21:08:00 SRC={from} DST=192.0.2.10 LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID={pid} DF PROTO=TCP SPT={} DPT={} WINDOW=64240 RES=0x00 SYN URGP=0",
                1024 + random.below(60_000),
                random.below(1024)
            )
        }
        58..68 => write!(
            line,
            "{at} quay1 named[{pid}]: client @0x{:012x} {}#{number} (host-{number}.example.org): query (cache) 'host-{number}.example.org/A/IN' denied",
            random.next() >> 16,
            address(random)
        ),
        68..78 => write!(line, "{at} quay1 dhclient[{pid}]: bound to 192.0.2.10 -- renewal in {number} seconds."),
        78..90 => {
            write!(line, "{at} quay1 postfix/smtpd[{pid}]: connect from host-{number}.example.net[{}]", address(random))
        }
        _ => write!(
            line,
            "{at} quay1 shop[{pid}]: order {number} of customer {} took {} ms in the queue {unit}",
            random.below(90_000),
            random.below(3000)
        ),
    };
}

fn access(line: &mut String, moment: &Moment, random: &mut Random) {
    let (from, number) = (address(random), random.below(200_000));
    let (path, status) = match random.below(20) {
        0..8 => (format!("/book.php?id={number}"), "200"),
        8..12 => (format!("/static/cover-{number}.jpg"), pick(random, &["200", "304"])),
        12..15 => (format!("/search?q=title+{number}&page={}", random.below(40)), "200"),
        15..17 => ("/wp-login.php".to_owned(), "404"),
        17 => {
            (format!("/book.php?id={number}%27%20UNION%20SELECT%201,2,{number}--%20-"), pick(random, &["200", "500"]))
        }
        _ => (format!("/api/v1/orders/{number}"), pick(random, &["200", "401", "403"])),
    };
    let method = pick(random, &["GET", "GET", "GET", "POST"]);
    let agent = pick(
        random,
        &[
            "Mozilla/5.0 (X11; Linux x86_64; rv:123.0) Gecko/20100101 Firefox/123.0",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
            "curl/7.88.1",
            "python-requests/2.31.0",
        ],
    );
    let _ = write!(
        line,
        "{from} - - [{}] \"{method} {path} HTTP/1.1\" {status} {} \"https://shop.example.org/list/{}\" \"{agent}\"",
        moment.web,
        random.below(90_000),
        random.below(4000)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_the_same_each_time_and_has_the_rare_word_once() {
        let folder = kanshiki_testkit::tempdir();
        let paths = [folder.path().join("one"), folder.path().join("two")];
        let records = paths.each_ref().map(|path| write(path, Log::Syslog, 100_000, 0).unwrap());
        let texts = paths.map(|path| std::fs::read_to_string(path).unwrap());
        assert_eq!(texts[0], texts[1]);
        assert_eq!(texts[0].lines().count() as u64, records[0]);
        assert_eq!(texts[0].matches(RARE).count(), 1);
    }
}
