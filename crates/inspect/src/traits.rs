//! What a rule can ask of a file before it looks at its content.

use crate::kind::Kind;

/// Properties of a file, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Traits(pub(crate) u32);

impl Traits {
    pub(crate) const ELF: Self = Self(1);
    /// Text of any kind.
    pub(crate) const TEXT: Self = Self(1 << 1);
    /// A script of a shell, or a text at a place where a shell or a daemon finds what to run.
    pub(crate) const RUN: Self = Self(1 << 17);
    /// Text in which a shell or a daemon may find commands: scripts of shells, units, tables of cron, histories.
    pub(crate) const COMMANDS: Self = Self(1 << 2);
    pub(crate) const PHP: Self = Self(1 << 3);
    pub(crate) const PERL: Self = Self(1 << 4);
    pub(crate) const PYTHON: Self = Self(1 << 5);
    pub(crate) const JSP: Self = Self(1 << 6);
    pub(crate) const ASP: Self = Self(1 << 7);
    pub(crate) const IMAGE: Self = Self(1 << 8);
    /// Bytes of no known kind.
    pub(crate) const OTHER: Self = Self(1 << 9);
    /// Text that is written to be read: manuals, pages, read-me files.
    pub(crate) const DOCUMENT: Self = Self(1 << 10);
    /// Settings of Apache for one folder.
    pub(crate) const HTACCESS: Self = Self(1 << 11);
    /// A place that any local user writes or the web server hands out.
    pub(crate) const OPEN_PLACE: Self = Self(1 << 12);
    /// A place where private keys belong.
    pub(crate) const KEY_PLACE: Self = Self(1 << 13);
    /// The files of hashed passwords themselves and the copies that the system makes.
    pub(crate) const SHADOW_PLACE: Self = Self(1 << 14);
    /// Ruby, JavaScript and other interpreted languages.
    pub(crate) const SCRIPT: Self = Self(1 << 15);
    /// Source text that a compiler reads.
    pub(crate) const SOURCE: Self = Self(1 << 16);

    /// All of either.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of `other` is among these.
    pub(crate) const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The properties of a file of a kind at a path.
    pub(crate) fn of(path: &[u8], kind: &Kind) -> Self {
        let mut traits = match kind {
            Kind::Elf => Self::ELF,
            Kind::Php => Self::TEXT.and(Self::PHP),
            Kind::Perl => Self::TEXT.and(Self::PERL),
            Kind::Python => Self::TEXT.and(Self::PYTHON),
            Kind::Jsp => Self::TEXT.and(Self::JSP),
            Kind::Asp => Self::TEXT.and(Self::ASP),
            Kind::Shell => Self::TEXT.and(Self::COMMANDS).and(Self::RUN),
            Kind::Text if is_run(path) => of_text(path).and(Self::RUN),
            Kind::Script(_) => Self::TEXT.and(Self::SCRIPT),
            Kind::Image => Self::IMAGE,
            Kind::Text => of_text(path),
            Kind::Dump(form) if form.is_text() => Self::TEXT,
            Kind::Other => Self::OTHER,
            _ => Self::default(),
        };
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if name.starts_with(b".htaccess") || name == b".user.ini" {
            traits = traits.and(Self::HTACCESS);
        }
        for (bit, is_there) in [
            (Self::OPEN_PLACE, is_open_place(path)),
            (Self::KEY_PLACE, is_key_place(path)),
            (Self::SHADOW_PLACE, is_shadow_place(path)),
        ] {
            if is_there {
                traits = traits.and(bit);
            }
        }
        traits
    }
}

/// Endings of texts that are read by people, or hold data alone.
const DOCUMENTS: &[&[u8]] = &[
    b"md",
    b"rst",
    b"html",
    b"htm",
    b"xhtml",
    b"tex",
    b"texi",
    b"info",
    b"po",
    b"pot",
    b"pod",
    b"adoc",
    b"css",
    b"svg",
    b"xml",
    b"xsd",
    b"xsl",
    b"ps",
    b"eps",
    b"ipynb",
    b"markdown",
    b"changelog",
    b"man",
    b"dtd",
    b"docbook",
    b"sgml",
    b"1",
    b"2",
    b"3",
    b"5",
    b"7",
    b"8",
    b"yar",
    b"yara",
    b"rules",
    b"mo",
    b"ts",
    b"desktop",
    b"appdata",
    b"symbols",
    b"ent",
    b"nse",
    b"vim",
    b"el",
    b"d",
    b"rmeta",
    b"cve",
    b"pem",
    b"crt",
    b"map",
];

/// Endings of source texts and of data for programs.
const SOURCES: &[&[u8]] = &[
    b"c", b"h", b"cc", b"cpp", b"hpp", b"cxx", b"hh", b"go", b"rs", b"java", b"cs", b"s", b"asm", b"js", b"mjs",
    b"cjs", b"lua", b"rb", b"tcl", b"pl6", b"m4", b"inl", b"hs", b"ml", b"swift", b"kt", b"scala", b"zig", b"vue",
    b"tsx", b"jsx", b"f", b"f90", b"cmake", b"sql", b"pyi", b"def", b"inc", b"am", b"ac", b"in", b"ll",
];

/// Endings of data in which no program finds what to do.
const DATA: &[&[u8]] = &[b"toml", b"lock", b"csv", b"tsv", b"geojson", b"dic", b"aff"];

fn of_text(path: &[u8]) -> Traits {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let ending = name.rsplit_once_byte(b'.');
    let about =
        [&b"/share/doc/"[..], b"/share/man/", b"/share/info/", b"/share/help/", b"/share/licenses/", b"/locale/"];
    let names = [&b"readme"[..], b"license", b"copying", b"copyright", b"changelog", b"news", b"authors", b"changes"];
    let is_about = about.iter().any(|part| memchr::memmem::find(&lower, part).is_some());
    if is_about || names.iter().any(|it| name.starts_with(it)) || ending.is_some_and(|it| DOCUMENTS.contains(&it)) {
        return Traits::TEXT.and(Traits::DOCUMENT);
    }
    if is_log(&lower, ending) {
        return Traits::TEXT;
    }
    // What builds software elsewhere does not run here.
    if has(&lower, "/.github/") || has(name, "dockerfile") {
        return Traits::TEXT.and(Traits::SOURCE);
    }
    match ending {
        Some(ending) if DATA.contains(&ending) => Traits::TEXT,
        Some(ending) if SOURCES.contains(&ending) => Traits::TEXT.and(Traits::SOURCE),
        _ => Traits::TEXT.and(Traits::COMMANDS),
    }
}

/// Whether it is a log: what stands there was said, and is not run.
fn is_log(path: &[u8], ending: Option<&[u8]>) -> bool {
    begins(path, &["/var/log/"]) || ending == Some(b"log") || has(path, ".log.")
}

/// Whether a shell or a daemon finds what to run in a text at this path.
fn is_run(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let names = [
        &b".profile"[..],
        b".login",
        b".xinitrc",
        b".xsession",
        b".xprofile",
        b".cshrc",
        b".tcshrc",
        b".kshrc",
        b".zshrc",
        b".zprofile",
        b".zshenv",
        b".zlogin",
        b".bashrc",
        b"rc.local",
        b".forward",
        b".ssh/rc",
    ];
    begins(
        path,
        &["/etc/", "/var/spool/cron/", "/var/spool/at/", "/lib/systemd/", "/usr/lib/systemd/", "/run/systemd/"],
    ) || has(path, "/.config/systemd/")
        || has(path, "/.config/autostart/")
        || names.contains(&name)
        || name.starts_with(b".bash_")
}

trait SplitOnce {
    fn rsplit_once_byte(&self, byte: u8) -> Option<&[u8]>;
}

impl SplitOnce for [u8] {
    fn rsplit_once_byte(&self, byte: u8) -> Option<&[u8]> {
        let at = memchr::memrchr(byte, self).filter(|at| *at > 0)?;
        self.get(at.checked_add(1)?..)
    }
}

fn has(path: &[u8], part: &str) -> bool {
    memchr::memmem::find(path, part.as_bytes()).is_some()
}

fn begins(path: &[u8], places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place.as_bytes()))
}

fn is_open_place(path: &[u8]) -> bool {
    begins(path, &["/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/var/www/", "/srv/www/", "/srv/http/", "/srv/ftp/"])
        || has(path, "/public_html/")
        || has(path, "/htdocs/")
        || has(path, "/wp-content/")
}

fn is_key_place(path: &[u8]) -> bool {
    let places =
        ["/etc/ssl/", "/etc/ssh/", "/etc/letsencrypt/", "/etc/pki/", "/etc/ipsec.d/", "/etc/openvpn/", "/var/lib/"];
    begins(path, &places) || has(path, "/.ssh/") || has(path, "/etc/postfix/") || has(path, "/.gnupg/")
}

fn is_shadow_place(path: &[u8]) -> bool {
    ["/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/var/backups/shadow.bak", "/var/backups/shadow"]
        .iter()
        .any(|place| path == place.as_bytes())
}
