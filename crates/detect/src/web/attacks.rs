//! Forms of attacks on web servers.

use super::Request;
use aho_corasick::AhoCorasick;

/// A form of attack.
#[derive(Debug)]
pub(super) struct Attack {
    /// Its name, stable.
    pub(super) id: &'static str,
    /// What it is, before the address.
    pub(super) what: &'static str,
    /// What it means.
    pub(super) means: &'static str,
    /// Where its words are looked for.
    place: Place,
    /// Its words, in lower case, decoded.
    words: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the path and what stands behind `?`.
    Path,
    /// Anywhere: also in the headers that the log has.
    Anywhere,
    /// In the name of the program that asks.
    Agent,
}

/// All of them.
pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        id: "traversal",
        what: "requests that lead out of the site's folder",
        means: "The path climbs out of the folder of the web site to files of the system, such as /etc/passwd (CVE-2021-41773 and many others).",
        place: Place::Path,
        words: &[
            "../..",
            "..\\..",
            "/.%2e/",
            "/%2e./",
            ".%%32%65",
            "/etc/passwd",
            "/etc/shadow",
            "/proc/self/",
            "c:/windows",
            "win.ini",
            "boot.ini",
        ],
    },
    Attack {
        id: "log4shell",
        what: "requests that make a logger load code",
        means: "The request holds an expression that Log4j up to 2.14 loads code for (CVE-2021-44228).",
        place: Place::Anywhere,
        words: &["${jndi:", "${${", "${lower:", "${upper:", "${env:", "${::-"],
    },
    Attack {
        id: "sql-injection",
        what: "requests with SQL in them",
        means: "A part of a statement stands where a value belongs: a page that puts it into its own statement reads out or changes the database.",
        place: Place::Path,
        words: &[
            "union select",
            "union all select",
            "' or '1'='1",
            "' or 1=1",
            " or 1=1--",
            "' and sleep(",
            "sleep(5",
            "benchmark(",
            "information_schema",
            "xp_cmdshell",
            "waitfor delay",
            "extractvalue(",
            "updatexml(",
            "load_file(",
            "into outfile",
            "pg_sleep(",
            "group_concat(",
        ],
    },
    Attack {
        id: "command-injection",
        what: "requests with commands in them",
        means: "Commands of a shell stand where a value belongs: a page, or a device, that hands them on runs them.",
        place: Place::Anywhere,
        words: &[
            ";wget ",
            "|wget ",
            ";curl ",
            "|curl ",
            "&wget ",
            "`wget",
            "$(wget",
            "$(curl",
            ";cat /",
            "|cat /",
            "/bin/sh",
            "/bin/bash",
            "wget http",
            "wget+http",
            "curl http",
            "cd /tmp",
            "cd+/tmp",
            "chmod 777",
            "chmod+777",
            "|id|",
            ";id;",
            "invokefunction",
            "call_user_func_array",
        ],
    },
    Attack {
        id: "shellshock",
        what: "requests with a function for bash to run",
        means: "Programs that a web server hands its headers to by variables run what stands behind such a function, up to bash 4.3 (CVE-2014-6271).",
        place: Place::Anywhere,
        words: &["() { :", "() {:", "(){ :", "(){:", "() { _;"],
    },
    Attack {
        id: "command-parameter",
        what: "requests that hand a page a command",
        means: "A command stands where web shells, and pages with a hole, expect one.",
        place: Place::Path,
        words: &[
            "cmd=id",
            "cmd=whoami",
            "cmd=ls",
            "cmd=uname",
            "cmd=cat",
            "cmd=pwd",
            "cmd=wget",
            "cmd=curl",
            "cmd=ps",
            "cmd=nc",
            "cmd=ifconfig",
            "cmd=bash",
            "cmd=python",
            "exec=id",
            "exec=whoami",
            "exec=ls",
            "command=id",
            "command=whoami",
            "?c=id",
            "?c=whoami",
            "?c=ls",
            "?c=uname",
            "?0=id",
            "?0=whoami",
        ],
    },
    Attack {
        id: "file-inclusion",
        what: "requests that make a page load a file",
        means: "An address or a stream stands where the name of a file belongs: a page that includes it runs what it holds.",
        place: Place::Path,
        words: &[
            "php://input",
            "php://filter",
            "data://text",
            "expect://",
            "zip://",
            "phar://",
            "auto_prepend_file",
            "allow_url_include",
            ".txt??",
            "=http://cirt.net",
        ],
    },
    Attack {
        id: "scripts",
        what: "requests with scripts in them",
        means: "A script for the browsers of others stands where a value belongs.",
        place: Place::Path,
        words: &[
            "<script",
            "javascript:alert",
            "onerror=alert",
            "onload=alert",
            "document.cookie",
            "alert(1)",
            "alert(document",
        ],
    },
    Attack {
        id: "secret-files",
        what: "requests for files that hold secrets",
        means: "Files with passwords, keys, sources or copies of databases were asked for, which often lie in the folder of a site by mistake.",
        place: Place::Path,
        words: &[
            "/.env",
            "/.git/",
            "/.svn/",
            "/.htpasswd",
            "/.aws/",
            "/.ssh/",
            "/id_rsa",
            "wp-config.php",
            "/phpinfo",
            "/server-status",
            "/.ds_store",
            "/dump.sql",
            "/backup.sql",
            ".sql.gz",
            "/config.php.bak",
            "/web.config",
            "/.bash_history",
            "/config.json",
            "/.vscode/",
            "/credentials",
            "/backup.zip",
            "/backup.tar",
            "/.mysql_history",
            "/database.sql",
            "/.dockerenv",
            "/.npmrc",
        ],
    },
    Attack {
        id: "admin-pages",
        what: "requests for pages of administrators",
        means: "Programs for administration, known for their holes or for weak passwords, were looked for.",
        place: Place::Path,
        words: &[
            "/phpmyadmin",
            "/pma/",
            "/adminer",
            "/manager/html",
            "/solr/admin",
            "/actuator",
            "/cgi-bin/",
            "/boaform",
            "/hnap1",
            "/setup.cgi",
            "/vendor/phpunit",
            "/_ignition",
            "/geoserver",
            "/jenkins",
            "/autodiscover/",
            "/ecp/",
            "/remote/login",
            "/wp-admin/setup-config.php",
            "/administrator/",
            "/struts",
            "/jmx-console",
            "/console/login",
            "/telescope",
            "/owa/auth",
            "/myadmin",
            "/mysqladmin",
            "/dbadmin",
            "/admin.php",
            "/admin/config.php",
            "/invoker/",
            "/druid/",
            "/nacos/",
        ],
    },
    Attack {
        id: "wordpress-scan",
        what: "requests for parts of WordPress",
        means: "Extensions and designs of WordPress, or the names of its accounts, were looked for.",
        place: Place::Path,
        words: &[
            "/wp-content/plugins/",
            "/wp-content/themes/",
            "/wp-json/wp/v2/users",
            "?author=1",
            "/xmlrpc.php",
            "/wlwmanifest.xml",
        ],
    },
    Attack {
        id: "scanner",
        what: "requests of a program that looks for holes",
        means: "The program that asked calls itself a scanner, or asked what only scanners ask.",
        place: Place::Agent,
        words: &[
            "nikto",
            "sqlmap",
            "nmap scripting",
            "masscan",
            "zgrab",
            "gobuster",
            "dirbuster",
            "dirb",
            "wfuzz",
            "nuclei",
            "wpscan",
            "acunetix",
            "nessus",
            "openvas",
            "w3af",
            "havij",
            "zmeu",
            "morfeus",
            "jorgee",
            "feroxbuster",
            "ffuf",
            "fuzz faster",
            "hydra",
            "arachni",
            "whatweb",
            "skipfish",
            "netsparker",
            "joomscan",
            "vega/",
            "burp",
        ],
    },
    Attack {
        id: "w00tw00t",
        what: "requests of the scanner DFind or ZmEu",
        means: "Only scanners ask for such pages.",
        place: Place::Path,
        words: &["w00tw00t", "/muieblackcat"],
    },
    Attack {
        id: "open-proxy",
        what: "requests for other sites, as to a proxy,",
        means: "Somebody tried whether the server fetches pages of others for them.",
        place: Place::Anywhere,
        words: &["get http://", "get https://", "post http://", "head http://", "connect "],
    },
];

/// Looks for the words of all attacks at once.
pub(super) struct Searcher {
    words: Option<AhoCorasick>,
    /// The attack of each word.
    owners: Vec<usize>,
}

impl Searcher {
    pub(super) fn new() -> Self {
        let mut owners = Vec::new();
        let mut words = Vec::new();
        for (number, attack) in ATTACKS.iter().enumerate() {
            for word in attack.words {
                words.push(*word);
                owners.push(number);
            }
        }
        Self { words: AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok(), owners }
    }

    /// The attacks that a request is, by their numbers, each once.
    pub(super) fn attacks(&self, request: &Request<'_>) -> Vec<usize> {
        let mut found = Vec::new();
        let path =
            if request.query.is_empty() { request.path.to_owned() } else { [request.path, request.query].join("?") };
        self.look(&path, Place::Path, &mut found);
        self.look(request.line, Place::Anywhere, &mut found);
        self.look(request.referrer, Place::Anywhere, &mut found);
        self.look(request.agent, Place::Agent, &mut found);
        let decoded = decoded(&path);
        if decoded != path {
            self.look(&decoded, Place::Path, &mut found);
            let again = decoded_again(&decoded);
            if let Some(again) = again {
                self.look(&again, Place::Path, &mut found);
            }
        }
        let proxy = ATTACKS.iter().position(|attack| attack.id == "open-proxy");
        found.sort_unstable();
        found.dedup();
        // A request line begins with the method; what stands in the middle of another is none.
        found.retain(|number| {
            let starts = |words: &[&str]| words.iter().any(|word| starts_with(request.line, word));
            Some(*number) != proxy || ATTACKS.get(*number).is_some_and(|attack| starts(attack.words))
        });
        // A protocol that there is not is a scanner's too.
        let known = ["", "HTTP/0.9", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/2.0", "HTTP/3", "HTTP/3.0"];
        if !known.contains(&request.protocol) && request.protocol.starts_with("HTTP/") {
            found.extend(ATTACKS.iter().position(|attack| attack.id == "scanner").filter(|it| !found.contains(it)));
        }
        found
    }

    /// The attack that a line of Apache's error log tells by refusing a path: one that leads out of the site's folder, in whatever
    /// way its points are written. A percent sign alone in a path makes the same error.
    pub(super) fn refused_path(line: &str) -> Option<usize> {
        let refusals = ["AH10244: invalid URI path", "AH00126: Invalid URI in request"];
        refusals.iter().any(|refusal| line.starts_with(refusal)).then_some(())?;
        let decoded = decoded(line);
        let climbs = [line, &decoded, &self::decoded(&decoded)].iter().any(|text| text.contains("/.."));
        climbs.then(|| ATTACKS.iter().position(|attack| attack.id == "traversal"))?
    }

    fn look(&self, text: &str, place: Place, found: &mut Vec<usize>) {
        let Some(words) = &self.words else { return };
        for hit in words.find_overlapping_iter(text) {
            let Some(number) = self.owners.get(hit.pattern().as_usize()).copied() else { continue };
            let of = ATTACKS.get(number).map(|attack| attack.place);
            let is_wanted = match place {
                Place::Path => of == Some(Place::Path) || of == Some(Place::Anywhere),
                Place::Anywhere => of == Some(Place::Anywhere),
                Place::Agent => of == Some(Place::Agent) || of == Some(Place::Anywhere),
            };
            if is_wanted && !found.contains(&number) {
                found.push(number);
            }
        }
    }
}

fn starts_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn decoded_again(text: &str) -> Option<String> {
    let again = decoded(text);
    (again != text).then_some(again)
}

/// A text without percent signs and with blanks for `+` (RFC 3986, section 2.1).
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((byte, rest)) = bytes.split_first() {
        bytes = rest;
        let value = rest.get(..2).filter(|_| *byte == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok()).flatten()
        });
        match value {
            Some(value) => {
                out.push(value);
                bytes = rest.get(2..).unwrap_or_default();
            }
            None => out.push(if *byte == b'+' { b' ' } else { *byte }),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
