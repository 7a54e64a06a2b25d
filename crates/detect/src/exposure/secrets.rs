//! Keys and passwords in files that everybody on the machine may read, and whose folders everybody may enter.

use super::boot::Boot;
use super::rules::SECRET;
use super::teller::{Hole, Service, Teller, Value};
use kanshiki_filesystem::{Follow, NodeType, View};
use kanshiki_machine::config::{Evidence, holds};
use kanshiki_machine::settings;
use kanshiki_model::{EvidencePath, Severity, visible};
use std::collections::HashSet;

/// Files that are looked at, of each pattern.
const FILES: usize = 500;

/// What tells that a file holds a secret; any of the words if there are several.
type Kind = (&'static str, Severity, &'static [&'static str], &'static [&'static str]);

const KINDS: &[Kind] = &[
    (
        "a private key",
        Severity::Medium,
        &["PRIVATE KEY-----"],
        &[
            "/etc/ssh/ssh_host_*_key",
            "/root/.ssh/*",
            "/home/*/.ssh/*",
            "/etc/ssl/private/*",
            "/etc/ssl/*.key",
            "/etc/ssl/*/*.key",
            "/etc/ssl/*/*.pem",
            "/etc/pki/tls/private/*",
            "/etc/letsencrypt/archive/*/privkey*.pem",
            "/etc/nginx/*.key",
            "/etc/nginx/*/*.key",
            "/etc/apache2/*.key",
            "/etc/apache2/*/*.key",
            "/etc/httpd/*/*.key",
            "/etc/openvpn/*.key",
            "/etc/openvpn/*/*.key",
            "/etc/mysql/*.pem",
            "/etc/postfix/*.key",
            "/etc/postfix/*.pem",
            "/etc/dovecot/private/*",
            "/etc/ipsec.d/private/*",
            "/root/*.pem",
            "/home/*/*.pem",
            "/opt/*/*.key",
        ],
    ),
    ("a private key", Severity::Medium, &["PrivateKey"], &["/etc/wireguard/*.conf"]),
    (
        "a password of a database",
        Severity::Medium,
        &["password"],
        &[
            "/root/.my.cnf",
            "/home/*/.my.cnf",
            "/var/lib/*/.my.cnf",
            "/etc/mysql/debian.cnf",
            "/etc/my.cnf.d/*.cnf",
            "/root/.mylogin.cnf",
        ],
    ),
    ("a password of a database", Severity::Medium, &[":"], &["/root/.pgpass", "/home/*/.pgpass", "/var/lib/*/.pgpass"]),
    (
        "a password",
        Severity::Medium,
        &["password", "://", "auth", "aws_secret_access_key"],
        &[
            "/root/.netrc",
            "/home/*/.netrc",
            "/root/.git-credentials",
            "/home/*/.git-credentials",
            "/root/.aws/credentials",
            "/home/*/.aws/credentials",
            "/root/.docker/config.json",
            "/home/*/.docker/config.json",
            "/etc/ppp/chap-secrets",
            "/root/.smbcredentials",
            "/home/*/.smbcredentials",
            "/etc/samba/*credentials*",
            "/etc/fstab.credentials",
        ],
    ),
    // Web servers read these as another account, so that many of them are made so.
    (
        "a password of a web application",
        Severity::Low,
        &["DB_PASSWORD", "PASSWORD=", "SECRET", "password", "$wgDBpassword"],
        &[
            "/var/www/wp-config.php",
            "/var/www/*/wp-config.php",
            "/var/www/*/*/wp-config.php",
            "/srv/www/*/wp-config.php",
            "/home/*/public_html/wp-config.php",
            "/usr/share/nginx/html/wp-config.php",
            "/var/www/.env",
            "/var/www/*/.env",
            "/var/www/*/*/.env",
            "/srv/*/.env",
            "/srv/*/*/.env",
            "/opt/*/.env",
            "/home/*/.env",
            "/home/*/*/.env",
            "/var/www/*/configuration.php",
            "/var/www/*/LocalSettings.php",
            "/var/www/*/config.inc.php",
            "/var/www/*/sites/default/settings.php",
            "/etc/phpmyadmin/config-db.php",
        ],
    ),
    (
        "hashes of passwords",
        Severity::Low,
        &[":$", ":{SHA}"],
        &["/var/www/.htpasswd", "/var/www/*/.htpasswd", "/var/www/*/*/.htpasswd", "/srv/*/.htpasswd"],
    ),
];

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    let service = Service { name: "files".to_owned(), boot: Boot::Unknown };
    let mut seen = HashSet::new();
    for (what, severity, signs, patterns) in KINDS {
        let view = teller.image.view;
        let paths =
            patterns.iter().flat_map(|pattern| settings::paths(view, pattern.as_bytes()).into_iter().take(FILES));
        for path in paths.filter(|path| !path.ends_with(b".pub")) {
            let Some((place, mode)) = readable(view, &path) else { continue };
            let Some(bytes) = settings::read(view, &path) else { continue };
            if !seen.insert(place.place) || !signs.iter().any(|sign| holds(&bytes, sign)) {
                continue;
            }
            let shown = visible(&place.path);
            let value = Value { bytes: format!("{:04o}", mode & 0o7777).into_bytes(), is_set: true, place };
            teller.row(&service, &shown, &value, &format!("everybody on the machine may read {what}"));
            let is_locked = *what == "a private key" && is_encrypted(&bytes);
            let severity = if is_locked { Severity::Low } else { *severity };
            let note = if is_locked { " The key itself is encrypted by a password." } else { "" };
            let title = format!("everybody may read {what} in {shown}");
            let text = format!("Its mode is {}, and all folders above it may be entered.{note}", value.shown());
            teller.hole(&SECRET, &service, Hole { severity, key: &shown, title, text, values: &[&value] });
        }
    }
}

/// The place and mode of a regular file that everybody may read, folders above it considered.
fn readable(view: &View, path: &[u8]) -> Option<(Evidence, u16)> {
    let located = view.lookup(&EvidencePath::from_bytes(path), Follow::All).ok()?;
    let is_open = located.node.node_type == NodeType::File && located.node.mode & 0o004 != 0 && located.node.size > 0;
    if !is_open {
        return None;
    }
    let real = located.path.as_bytes();
    let mut folder = real;
    while let Some(end) = memchr::memrchr(b'/', folder) {
        folder = folder.get(..end)?;
        let above = if folder.is_empty() { b"/".as_slice() } else { folder };
        let node = view.lookup(&EvidencePath::from_bytes(above), Follow::All).ok()?.node;
        if node.mode & 0o001 == 0 {
            return None;
        }
    }
    let place = Some((located.place.volume, located.place.node.inode));
    Some((Evidence { path: real.to_vec(), place, span: None }, located.node.mode))
}

/// Whether a password is asked for a key: PEM says so (RFC 1421, RFC 5958), OpenSSH's form names a cipher (PROTOCOL.key).
fn is_encrypted(bytes: &[u8]) -> bool {
    // "openssh-key-v1", a zero, and the cipher "none" in base64.
    let is_open_ssh = holds(bytes, "OPENSSH PRIVATE KEY");
    holds(bytes, "ENCRYPTED") || (is_open_ssh && !holds(bytes, "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"))
}
