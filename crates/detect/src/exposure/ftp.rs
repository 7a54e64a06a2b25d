//! FTP servers: vsftpd, proftpd, pure-ftpd.

mod others;

use super::rules::{ANYBODY, PLAIN_TEXT, WEAKENED};
use super::teller::{Hole, Reach, Service, Teller, Value};
use kanshiki_machine::config::{Dialect, Settings, assignment};
use kanshiki_machine::services::ftp::VSFTPD;
use kanshiki_machine::settings;
use kanshiki_model::{Severity, visible};
use kanshiki_packages::Manager;

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    vsftpd(teller);
    others::proftpd(teller);
    others::pure_ftpd(teller);
}

/// What is asked of any FTP server.
pub(super) struct Ftp<'v> {
    /// What tells it from others.
    pub(super) key: String,
    pub(super) reach: Reach,
    /// Who is let in without a password, and whether they may write.
    pub(super) anonymous: Option<(&'v [&'v Value], bool)>,
    /// What lets accounts in whose passwords go over the network as they are.
    pub(super) plain: Option<&'v [&'v Value]>,
}

/// Judges an FTP server.
pub(super) fn judge(teller: &mut Teller<'_, '_>, service: &Service, ftp: &Ftp<'_>) {
    if !ftp.reach.is_remote() {
        return;
    }
    let (name, reach) = (&service.name, ftp.reach.words());
    if let Some((values, may_write)) = ftp.anonymous {
        let (severity, what) = if may_write { (Severity::High, "and bring files") } else { (Severity::Medium, "") };
        let title = format!("{name} lets anybody in without a password {what}").trim_end().to_owned();
        let text = format!("Anonymous FTP: whoever comes may list and take files {what}; {reach}.").replace(" ;", ";");
        let key = format!("anonymous {}", ftp.key);
        teller.hole(&ANYBODY, service, Hole { severity, key: &key, title, text, values });
    }
    if let Some(values) = ftp.plain {
        let hole = Hole {
            severity: Severity::Medium,
            key: &ftp.key,
            title: format!("{name} takes passwords of accounts in plain text"),
            text: format!(
                "Names, passwords and files go over the network as they are, for whoever can listen to read; {reach}."
            ),
            values,
        };
        teller.hole(&PLAIN_TEXT, service, hole);
    }
}

/// vsftpd.conf(5); `anonymous_enable` is YES upstream, and NO as Debian builds it. `listen` and `listen_ipv6` are NO, which
/// means that inetd starts it.
fn vsftpd(teller: &mut Teller<'_, '_>) {
    let paths: Vec<Vec<u8>> =
        VSFTPD.iter().flat_map(|pattern| settings::paths(teller.image.view, pattern.as_bytes())).collect();
    for path in paths {
        let start = String::from_utf8_lossy(&path).into_owned();
        let Some(config) = teller.config(&[&start], Dialect::PLAIN) else { continue };
        let settings = config.settings(|line| assignment(line.text));
        let service = teller.service("vsftpd", &["vsftpd.service", "vsftpd.target"], &["/usr/sbin/vsftpd"]);
        vsftpd_server(teller, &service, &settings, &visible(&path));
    }
}

fn vsftpd_server(teller: &mut Teller<'_, '_>, service: &Service, settings: &Settings<'_>, path: &str) {
    let of = |name: &str, default: &str| Value::last(settings, name, default);
    let is_debian =
        teller.image.owned.packages().packages().any(|it| it.name == b"vsftpd" && it.manager == Manager::Dpkg);
    let anonymous = of("anonymous_enable", if is_debian { "NO" } else { "YES" });
    let local = of("local_enable", "NO");
    let write = of("write_enable", "NO");
    let uploads =
        ["anon_upload_enable", "anon_mkdir_write_enable", "anon_other_write_enable"].map(|name| of(name, "NO"));
    let tls = of("ssl_enable", "NO");
    let forced = of("force_local_logins_ssl", "YES");
    let listen = of("listen", "NO");
    let listen_6 = of("listen_ipv6", "NO");
    let address = match (listen.is_on(false), listen_6.is_on(false)) {
        (_, true) => Some(of("listen_address6", "::")),
        (true, false) => Some(of("listen_address", "0.0.0.0")),
        (false, false) => None,
    };
    let by_inetd = super::inetd::starts(teller.image.view, "ftpd");
    let reach = match &address {
        Some(address) => Reach::of(&address.bytes),
        None if by_inetd => Reach::All,
        None => Reach::Nobody,
    };
    let may_write = write.is_on(false) && uploads.iter().any(|it| it.is_on(false));
    let upload = uploads.iter().find(|it| it.is_on(false)).unwrap_or(&write);

    let listening = if address.is_some() { reach.words() } else { "it listens where inetd starts it alone" };
    teller.row(service, "listen", if listen_6.is_on(false) { &listen_6 } else { &listen }, listening);
    let lets =
        |is: bool| if is { "anybody is let in without a password" } else { "nobody is let in without a password" };
    teller.row(service, "anonymous_enable", &anonymous, lets(anonymous.is_on(true)));
    teller.row(
        service,
        "anon_upload_enable",
        upload,
        if may_write { "anybody may write" } else { "accounts alone may write" },
    );
    teller.row(service, "local_enable", &local, "whether accounts of the machine are let in");
    teller.row(service, "write_enable", &write, "whether files may be brought and changed");
    teller.row(service, "ssl_enable", &tls, "whether what is sent can be encrypted");
    for (name, default, about) in [
        ("force_local_logins_ssl", "YES", "whether passwords must be encrypted"),
        ("chroot_local_user", "NO", "whether accounts are kept in their home directories"),
        ("userlist_enable", "NO", "whether a list names who is let in"),
        ("userlist_deny", "YES", "whether that list names who is not"),
        ("userlist_file", "/etc/vsftpd.user_list", "the list"),
        ("tcp_wrappers", "NO", "whether hosts.allow and hosts.deny are asked"),
        ("guest_enable", "NO", "whether all accounts become one"),
        ("allow_writeable_chroot", "NO", "whether the root of those that are kept in may be written to"),
        ("no_anon_password", "NO", "whether anonymous logins are asked for a password"),
    ] {
        teller.row(service, name, &of(name, default), about);
    }

    let encrypted = tls.is_on(false) && forced.is_on(true);
    let of_plain: &[&Value] = if tls.is_on(false) { &[&local, &forced] } else { &[&local, &tls] };
    let of_anonymous: &[&Value] = if may_write { &[&anonymous, &write, upload] } else { &[&anonymous] };
    let ftp = Ftp {
        key: path.to_owned(),
        reach,
        anonymous: anonymous.is_on(true).then_some((of_anonymous, may_write)),
        plain: (local.is_on(false) && !encrypted).then_some(of_plain),
    };
    judge(teller, service, &ftp);
    let chroot = of("allow_writeable_chroot", "NO");
    if chroot.is_on(false) && reach.is_remote() {
        let text = "Accounts that are kept in their home directory may change files there on which the server relies.";
        let title = "vsftpd keeps accounts in folders that they may write to".to_owned();
        let key = format!("chroot {path}");
        let hole = Hole { severity: Severity::Info, key: &key, title, text: text.to_owned(), values: &[&chroot] };
        teller.hole(&WEAKENED, service, hole);
    }
}
