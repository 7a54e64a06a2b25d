//! Web servers, Apache (mod_autoindex, mod_status, mod_proxy, mod_dav) and nginx, and PHP (php.ini).

use super::rules::{ANYBODY, WEAKENED};
use super::teller::{Hole, Reach, Service, Teller, Value};
use kanshiki_machine::config::{Config, Dialect, Line, assignment, behind, holds, words};
use kanshiki_machine::services::web::{APACHE, NGINX, apache, nginx};
use kanshiki_machine::settings;
use kanshiki_model::{Severity, visible};

/// Lines of one server's settings that are told.
const ROWS: usize = 300;

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    for (starts, folder) in APACHE {
        if let Some(config) = teller.config(starts, apache(folder)) {
            let programs = [
                "/usr/sbin/apache2",
                "/usr/sbin/httpd",
                "/usr/local/apache2/bin/httpd",
                "/opt/bitnami/apache/bin/httpd",
            ];
            let service = teller.service("apache", &["apache2.service", "httpd.service"], &programs);
            of_apache(teller, &service, &config);
        }
    }
    for (start, folder) in NGINX {
        if let Some(config) = teller.config(&[start], nginx(folder)) {
            let programs = ["/usr/sbin/nginx", "/usr/local/nginx/sbin/nginx", "/opt/bitnami/nginx/sbin/nginx"];
            let service = teller.service("nginx", &["nginx.service", "openresty.service"], &programs);
            of_nginx(teller, &service, &config);
        }
    }
    php(teller);
}

/// What stands between `<Directory …>` or `<Location …>` and its end.
#[derive(Default)]
struct Section<'c> {
    head: Vec<u8>,
    lines: Vec<Line<'c>>,
}

impl Section<'_> {
    fn has(&self, name: &str, value: &str) -> bool {
        let is = |line: &Line<'_>| {
            behind(line.text, name).is_some_and(|it| it.to_ascii_lowercase().starts_with(value.as_bytes()))
        };
        self.lines.iter().any(is)
    }

    /// Whether something in it keeps others off.
    fn is_guarded(&self) -> bool {
        let is_guard = |line: &Line<'_>| {
            let is_required = behind(line.text, "Require").is_some_and(|it| !it.eq_ignore_ascii_case(b"all granted"));
            is_required || behind(line.text, "Deny").is_some()
        };
        self.lines.iter().any(is_guard)
    }
}

fn of_apache(teller: &mut Teller<'_, '_>, service: &Service, config: &Config) {
    let told = [
        "Listen",
        "SSLEngine",
        "ServerTokens",
        "Options",
        "ProxyRequests",
        "Dav",
        "ScriptAlias",
        "UserDir",
        "AddHandler",
    ];
    for line in
        config.lines().take(200_000).filter(|line| told.iter().any(|it| behind(line.text, it).is_some())).take(ROWS)
    {
        let name = words(line.text).next().unwrap_or_default();
        let value = Value {
            bytes: line.text.get(name.len()..).unwrap_or_default().trim_ascii().to_vec(),
            is_set: true,
            place: line.evidence(),
        };
        let about = match visible(name).to_ascii_lowercase().as_str() {
            "listen" => Reach::of(words(&value.bytes).next().map_or(b"".as_slice(), of_port)).words(),
            "sslengine" => "whether this server or site is encrypted",
            "options" if lists(&value.bytes) => "folders without an index are listed",
            "proxyrequests" => "whether it fetches whatever it is asked for",
            "dav" => "whether files are changed over the web",
            _ => "what is served, and how",
        };
        teller.row(service, &visible(name), &value, about);
    }
    let has_listing = config
        .lines()
        .any(|line| behind(line.text, "LoadModule").is_some_and(|it| it.starts_with(b"autoindex_module")));
    let mut section: Option<Section<'_>> = None;
    for line in config.lines() {
        let is_head = ["<Directory", "<DirectoryMatch", "<Location", "<LocationMatch"]
            .iter()
            .any(|it| behind(line.text, it).is_some());
        let is_end = line.text.to_ascii_lowercase().starts_with(b"</directory")
            || line.text.to_ascii_lowercase().starts_with(b"</location");
        if is_head {
            section = Some(Section { head: line.text.to_vec(), lines: Vec::new() });
        } else if is_end {
            if let Some(section) = section.take() {
                of_section(teller, service, &section, has_listing);
            }
        } else if let Some(section) = section.as_mut() {
            section.lines.push(line);
        } else if behind(line.text, "ProxyRequests").is_some_and(|it| it.eq_ignore_ascii_case(b"on")) {
            let value = Value { bytes: line.text.to_vec(), is_set: true, place: line.evidence() };
            let guard = ["<Proxy \"*\">", "<Proxy *>"]
                .iter()
                .any(|head| config.lines().any(|line| line.text.eq_ignore_ascii_case(head.as_bytes())));
            let severity = if guard { Severity::Low } else { Severity::Medium };
            let title = "apache fetches whatever it is asked for".to_owned();
            let text =
                "A proxy for whoever comes hides where they come from, and leads into the network behind the machine."
                    .to_owned();
            teller.hole(&ANYBODY, service, Hole { severity, key: "proxy", title, text, values: &[&value] });
        }
    }
}

/// `443` of `443 https` is a port alone, which means every address.
fn of_port(address: &[u8]) -> &[u8] {
    if address.iter().all(u8::is_ascii_digit) { b"" } else { address }
}

/// Whether `Options` lets folders be listed: `All` does not leave it out.
fn lists(options: &[u8]) -> bool {
    words(options)
        .any(|it| [b"indexes".as_slice(), b"+indexes", b"all", b"+all"].contains(&it.to_ascii_lowercase().as_slice()))
}

fn of_section(teller: &mut Teller<'_, '_>, service: &Service, section: &Section<'_>, has_listing: bool) {
    let head = visible(&section.head);
    let value = |line: &Line<'_>| Value { bytes: line.text.to_vec(), is_set: true, place: line.evidence() };
    let find = |name: &str| section.lines.iter().find(|line| behind(line.text, name).is_some());
    let is_of_package = ["icons", "/usr/share", "/usr/lib"].iter().any(|it| head.contains(it));
    let is_refused = section.has("Require", "all denied");
    if let Some(options) =
        find("Options").filter(|line| has_listing && !is_of_package && !is_refused && lists(line.text))
    {
        let title = format!("apache lists folders without an index: {head}");
        let text = "Whoever comes sees the names of all files there, of backups and dumps too.".to_owned();
        let hole = Hole { severity: Severity::Low, key: &head, title, text, values: &[&value(options)] };
        teller.hole(&WEAKENED, service, hole);
    }
    let handler = find("SetHandler")
        .filter(|_| section.has("SetHandler", "server-status") || section.has("SetHandler", "server-info"));
    if let Some(handler) = handler.filter(|_| !section.is_guarded()) {
        let title = format!("apache tells strangers what it is doing: {head}");
        let text = "The page shows addresses of clients and what they ask for, with what stands in it.".to_owned();
        let hole = Hole { severity: Severity::Low, key: &head, title, text, values: &[&value(handler)] };
        teller.hole(&WEAKENED, service, hole);
    }
    if let Some(dav) = find("Dav").filter(|_| !section.has("Dav", "off") && !section.is_guarded()) {
        let title = format!("apache lets anybody change files over the web: {head}");
        let text = "WebDAV without a password: whoever comes brings files, and programs where they are run.".to_owned();
        let hole = Hole { severity: Severity::Medium, key: &head, title, text, values: &[&value(dav)] };
        teller.hole(&ANYBODY, service, hole);
    }
}

/// Statements may stand several on a line, as in `location /x { autoindex on; }`.
fn of_nginx(teller: &mut Teller<'_, '_>, service: &Service, config: &Config) {
    let mut rows = 0_usize;
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")) {
        let statements = line.text.split(|byte| matches!(byte, b';' | b'{' | b'}')).map(<[u8]>::trim_ascii);
        for statement in statements.take_while(|it| !it.starts_with(b"#")) {
            let mut fields = words(statement);
            let name = visible(fields.next().unwrap_or_default());
            let argument = fields.next().unwrap_or_default();
            let about = match name.as_str() {
                "listen" => Reach::of(of_port(argument)).words(),
                "autoindex" => "whether folders without an index are listed",
                "ssl_certificate" => "this server or site is encrypted",
                "dav_methods" => "whether files are changed over the web",
                "stub_status" => "tells how much it does",
                "fastcgi_pass" | "proxy_pass" | "uwsgi_pass" => "who answers",
                _ => continue,
            };
            let value = Value { bytes: statement.to_vec(), is_set: true, place: line.evidence() };
            rows = rows.saturating_add(1);
            if rows <= ROWS {
                teller.row(service, &name, &value, about);
            }
            let shown = line.place_of();
            let (title, text, severity) = match name.as_str() {
                "autoindex" if argument.eq_ignore_ascii_case(b"on") => (
                    format!("nginx lists folders without an index: {shown}"),
                    "Whoever comes sees the names of all files there, of backups and dumps too.",
                    Severity::Low,
                ),
                "dav_methods" if !argument.eq_ignore_ascii_case(b"off") => (
                    format!("nginx lets files be changed over the web: {shown}"),
                    "PUT and DELETE, unless something there asks for a password.",
                    Severity::Low,
                ),
                _ => continue,
            };
            let text = text.to_owned();
            teller.hole(&WEAKENED, service, Hole { severity, key: &shown, title, text, values: &[&value] });
        }
    }
}

/// Settings of PHP with default, what they are about, and whether they say something if they are on.
const PHP: &[(&str, &str, &str)] = &[
    ("allow_url_include", "0", "whether scripts run what lies on other machines"),
    ("allow_url_fopen", "1", "whether scripts fetch from other machines as if from files"),
    ("disable_functions", "", "functions that scripts cannot call, such as those that run programs"),
    ("open_basedir", "", "the folders in which scripts are kept"),
    ("display_errors", "1", "whether errors are shown to who asks"),
    ("expose_php", "1", "whether its version is told"),
    ("enable_dl", "1", "whether scripts load libraries"),
    ("file_uploads", "1", "whether files are taken"),
    ("auto_prepend_file", "", "a file that runs before each script"),
    ("register_globals", "0", "whether requests set variables of scripts"),
];

/// php.ini with what lies beside it; that of the command line does not answer requests.
fn php(teller: &mut Teller<'_, '_>) {
    let view = teller.image.view;
    let mains = [
        "/etc/php/*/*/php.ini",
        "/etc/php5/*/php.ini",
        "/etc/php.ini",
        "/usr/local/etc/php/php.ini",
        "/opt/bitnami/php/etc/php.ini",
    ];
    let paths: Vec<Vec<u8>> = mains.iter().flat_map(|it| settings::paths(view, it.as_bytes())).collect();
    for path in paths.iter().filter(|path| !holds(path, "/cli/")).take(50) {
        let main = String::from_utf8_lossy(path).into_owned();
        let folder = main.strip_suffix("php.ini").unwrap_or_default().to_owned();
        let Some(config) =
            teller.config(&[&main, &format!("{folder}conf.d/*.ini"), &format!("{folder}php.d/*.ini")], Dialect::PLAIN)
        else {
            continue;
        };
        let settings = config.settings(|line| assignment(line.text));
        let service = teller.service("php", &[], &[]);
        for (name, default, about) in PHP {
            teller.row(&service, name, &Value::last(&settings, name, default), about);
        }
        for (name, text) in [
            (
                "allow_url_include",
                "A script that includes what a request names runs what lies on the attacker's machine.",
            ),
            ("register_globals", "Requests set variables on which scripts rely."),
        ] {
            let value = Value::last(&settings, name, "0");
            if value.is_on(false) {
                let title = format!("php has {name} on: {}", visible(path));
                let key = format!("{name} {}", visible(path));
                let hole =
                    Hole { severity: Severity::Medium, key: &key, title, text: text.to_owned(), values: &[&value] };
                teller.hole(&WEAKENED, &service, hole);
            }
        }
    }
}
