//! proftpd (mod_core, mod_tls) and pure-ftpd (pure-ftpd(8)).

use super::{Ftp, judge};
use crate::exposure::rules::ROOT_PASSWORD;
use crate::exposure::teller::{Hole, Reach, Teller, Value};
use kanshiki_machine::config::{Config, Dialect, Evidence, assignment, behind, words};
use kanshiki_machine::services::ftp::{PROFTPD, PROFTPD_MAIN, PURE_FTPD};
use kanshiki_machine::settings;
use kanshiki_model::Severity;

/// A part for those who come without a password.
struct Anonymous {
    place: Value,
    may_write: bool,
}

/// Each account of the machine is let in, and TLS is off, unless something else is set.
pub(super) fn proftpd(teller: &mut Teller<'_, '_>) {
    let Some(config) = teller.config(&PROFTPD_MAIN, PROFTPD) else { return };
    let units = ["proftpd.service", "proftpd-basic.service"];
    let service = teller.service("proftpd", &units, &["/usr/sbin/proftpd", "/usr/local/sbin/proftpd"]);
    let settings = config.settings(|line| assignment(line.text).filter(|_| !line.text.starts_with(b"<")));
    let of = |name: &str, default: &str| Value::last(&settings, name, default);
    let (engine, required) = (of("tlsengine", "off"), of("tlsrequired", "off"));
    let (address, port, root) = (of("defaultaddress", "*"), of("port", "21"), of("rootlogin", "off"));
    let by_inetd = of("servertype", "standalone").is("inetd");
    let reach = match (by_inetd, port.is("0")) {
        (true, _) if crate::exposure::inetd::starts(teller.image.view, "ftpd") => Reach::All,
        (true, _) | (false, true) => Reach::Nobody,
        (false, false) => Reach::of(&address.bytes),
    };
    let anonymous = anonymous(&config);
    teller.row(&service, "DefaultAddress", &address, reach.words());
    teller.row(&service, "TLSEngine", &engine, "whether what is sent can be encrypted");
    teller.row(&service, "TLSRequired", &required, "whether it must be");
    teller.row(&service, "DefaultRoot", &of("defaultroot", "/"), "where accounts are kept in");
    teller.row(
        &service,
        "RequireValidShell",
        &of("requirevalidshell", "on"),
        "whether accounts without a shell are refused",
    );
    teller.row(&service, "RootLogin", &root, "whether root is let in");
    if let Some(found) = &anonymous {
        let about = if found.may_write { "anybody may take and bring files" } else { "anybody may take files" };
        teller.row(&service, "Anonymous", &found.place, about);
    }
    let encrypted = engine.is_on(false) && !required.is("off");
    let of_plain: &[&Value] = if engine.is_on(false) { &[&required] } else { &[&engine] };
    let place: Vec<&Value> = anonymous.iter().map(|found| &found.place).collect();
    let ftp = Ftp {
        key: "proftpd".to_owned(),
        reach,
        anonymous: anonymous.as_ref().map(|found| (place.as_slice(), found.may_write)),
        plain: (!encrypted).then_some(of_plain),
    };
    judge(teller, &service, &ftp);
    if root.is_on(false) && reach.is_remote() {
        let title = "proftpd lets root in by its password".to_owned();
        let text = format!("Whoever guesses one password changes every file; {}.", reach.words());
        let hole = Hole { severity: Severity::Medium, key: "root", title, text, values: &[&root] };
        teller.hole(&ROOT_PASSWORD, &service, hole);
    }
}

/// `<Anonymous ~ftp>`; who comes may write unless `<Limit WRITE>` denies it, and where `<Limit STOR>` allows it again.
fn anonymous(config: &Config) -> Option<Anonymous> {
    let mut found: Option<Anonymous> = None;
    let (mut is_in, mut limit) = (false, Vec::new());
    for line in config.lines() {
        if behind(line.text, "<Anonymous").is_some() {
            is_in = true;
            let place = Value { bytes: line.text.to_vec(), is_set: true, place: line.evidence() };
            found = found.or(Some(Anonymous { place, may_write: true }));
        } else if line.text.to_ascii_lowercase().starts_with(b"</anonymous") {
            is_in = false;
        } else if let Some(commands) = behind(line.text, "<Limit") {
            limit = words(commands.strip_suffix(b">").unwrap_or(commands)).map(<[u8]>::to_ascii_uppercase).collect();
        } else if line.text.to_ascii_lowercase().starts_with(b"</limit") {
            limit.clear();
        }
        let is_for = |names: &[&[u8]]| limit.iter().any(|it| names.contains(&it.as_slice()));
        if let Some(found) = found.as_mut().filter(|_| is_in) {
            if behind(line.text, "DenyAll").is_some() && is_for(&[b"WRITE", b"ALL"]) {
                found.may_write = false;
            }
            if behind(line.text, "AllowAll").is_some() && is_for(&[b"STOR", b"WRITE", b"ALL"]) {
                found.may_write = true;
            }
        }
    }
    found
}

/// pure-ftpd: settings in one file, or, as Debian has them, each in a file of its name. Anonymous is let in if there is an account
/// `ftp` (pure-ftpd(8), `-E`).
pub(super) fn pure_ftpd(teller: &mut Teller<'_, '_>) {
    let single = teller.config(&PURE_FTPD, Dialect::PLAIN);
    let folder = teller.any_of(&["/etc/pure-ftpd/conf"]);
    let Some(file) = single.as_ref().map(Config::evidence).or(folder) else { return };
    let units = ["pure-ftpd.service", "pure-ftpd-mysql.service"];
    let service = teller.service("pure-ftpd", &units, &["/usr/sbin/pure-ftpd", "/usr/sbin/pure-ftpd-mysql"]);
    let mut of = |name: &str, default: &str| pure_value(teller, single.as_ref(), &file, name, default);
    let (no_anonymous, no_upload) = (of("NoAnonymous", "no"), of("AnonymousCantUpload", "no"));
    let (only, tls, bind) = (of("AnonymousOnly", "no"), of("TLS", "0"), of("Bind", "*"));
    let chroot = of("ChrootEveryone", "no");
    let passwd = settings::read(teller.image.view, b"/etc/passwd").unwrap_or_default();
    let has_account = passwd.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"ftp:"));
    let reach = Reach::of(bind.bytes.split(|byte| *byte == b',').next().unwrap_or_default());
    let is_anonymous = has_account && !no_anonymous.is_on(false);
    teller.row(&service, "Bind", &bind, reach.words());
    let about =
        if is_anonymous { "anybody is let in without a password" } else { "nobody is let in without a password" };
    teller.row(&service, "NoAnonymous", &no_anonymous, about);
    teller.row(&service, "AnonymousCantUpload", &no_upload, "whether they may bring files");
    teller.row(&service, "AnonymousOnly", &only, "whether accounts are refused");
    teller.row(
        &service,
        "TLS",
        &tls,
        "0: never encrypted, 1: as the client wants, 2: passwords must be, 3: all must be",
    );
    teller.row(&service, "ChrootEveryone", &chroot, "whether accounts are kept in their home directories");
    let of_plain: &[&Value] = &[&tls];
    let of_anonymous: &[&Value] = if no_upload.is_on(false) { &[&no_anonymous] } else { &[&no_anonymous, &no_upload] };
    let ftp = Ftp {
        key: "pure-ftpd".to_owned(),
        reach,
        anonymous: is_anonymous.then_some((of_anonymous, !no_upload.is_on(false))),
        plain: (!only.is_on(false) && (tls.is("0") || tls.is("1"))).then_some(of_plain),
    };
    judge(teller, &service, &ftp);
}

fn pure_value(
    teller: &mut Teller<'_, '_>,
    single: Option<&Config>,
    file: &Evidence,
    name: &str,
    default: &str,
) -> Value {
    let own = teller.config(&[&format!("/etc/pure-ftpd/conf/{name}")], Dialect::PLAIN);
    let own = own.and_then(|config| config.lines().next().map(|line| (line.text.to_vec(), line.evidence())));
    let lower = name.to_ascii_lowercase();
    let in_one = single.and_then(|config| {
        let settings = config.settings(|line| assignment(line.text));
        settings.last(&lower).map(|it| (it.value.clone(), it.line.evidence()))
    });
    Value::of(own.or(in_one), default, file.clone())
}
