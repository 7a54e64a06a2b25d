//! What makes an entry suspicious.

use super::entry::Entry;
use super::places::Place;
use crate::Image;
use crate::owned::Owner;
use kanshiki_machine::settings;
use kanshiki_model::{Severity, visible};
use memchr::memmem;

/// Why an entry is suspicious, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspicion {
    pub(super) severity: Severity,
    pub(super) why: String,
    /// The program that it is about.
    pub(super) program: Option<Vec<u8>>,
}

/// Blanks behind which a command is hidden from who looks at the file.
const BLANKS: usize = 60;

/// The gravest of what is suspicious about an entry that no package brought.
pub(super) fn of(entry: &Entry, image: &Image<'_>, place: &Place) -> Option<Suspicion> {
    let high = |why: String| Some(Suspicion { severity: Severity::High, why, program: None });
    if let Some(why) = hidden(&entry.raw, entry.is_script) {
        return high(why.to_owned());
    }
    let text = without_comments(&entry.command);
    if let Some(why) = dangerous(&text) {
        return high(why.to_owned());
    }
    if place.what == "MySQL function" {
        return function(&visible(&entry.command), image);
    }
    if place.what == "kernel module" && ROOTKITS.iter().any(|name| text.trim_ascii() == name.as_bytes()) {
        return high("a rootkit is known by this name".to_owned());
    }
    if place.what == "tmpfiles" {
        return high("it writes what lets somebody in, or runs".to_owned());
    }
    if gives_a_shell(entry, place) {
        return high("it gives a shell to whoever connects".to_owned());
    }
    let all = entry.programs().into_iter().filter_map(|program| of_program(program, image, place));
    // The first of the gravest: the reader finds it first, too.
    all.fold(None, |worst: Option<Suspicion>, next| match worst {
        Some(worst) if worst.severity >= next.severity => Some(worst),
        _ => Some(next),
    })
}

/// Whether a service that takes connections is a shell.
fn gives_a_shell(entry: &Entry, place: &Place) -> bool {
    let takes_connections = place.what == "inetd" || entry.takes_connections;
    let is_shell = |program: &Vec<u8>| {
        let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        matches!(name, b"sh" | b"bash" | b"dash" | b"zsh" | b"ksh" | b"ash" | b"python3" | b"perl")
    };
    takes_connections && entry.programs().first().is_some_and(is_shell)
}

/// What is suspicious about where a program lies, and whose it is.
fn of_program(program: Vec<u8>, image: &Image<'_>, place: &Place) -> Option<Suspicion> {
    let shown = visible(&program);
    let real = settings::real(image.view, program.clone());
    let told = |severity, why: String| Some(Suspicion { severity, why, program: Some(program.clone()) });
    let folders: [&[u8]; 5] = [b"/tmp/", b"/var/tmp/", b"/dev/shm/", b"/run/shm/", b"/dev/"];
    let is_device = matches!(&*program, b"/dev/null" | b"/dev/stdout" | b"/dev/stdin" | b"/dev/console" | b"/dev/tty");
    if !is_device && folders.iter().any(|folder| program.starts_with(folder) || real.starts_with(folder)) {
        return told(Severity::High, format!("{shown} lies where everybody can write, or no program belongs"));
    }
    if is_hidden(&program) {
        return told(Severity::High, format!("{shown} lies in a folder, or has a name, that lists leave out"));
    }
    // What is not there any more cannot be a package's; what administrators install has places of its own.
    if place.what == "environment" && image.owned.of(&real) == Owner::Nobody {
        return told(Severity::High, format!("every program loads or runs {shown}, which no package brought"));
    }
    let own: [&[u8]; 5] = [b"/usr/local/", b"/opt/", b"/home/", b"/srv/", b"/root/"];
    let is_loaded = matches!(place.what, "PAM" | "web server module");
    match image.owned.of(&real) {
        Owner::Nobody
            if is_loaded || !own.iter().any(|folder| program.starts_with(folder)) && is_file(image, &program) =>
        {
            told(Severity::Medium, format!("no package brought {shown}"))
        }
        // Settings may be changed, and what starts by itself is looked at for itself.
        Owner::Changed(package) if !program.starts_with(b"/etc/") => {
            told(Severity::High, format!("{shown} is not what package {package} brought"))
        }
        _ => None,
    }
}

/// Modules of kernels that hide processes, files and connections, by their usual names.
const ROOTKITS: &[&str] = &[
    "adore",
    "adore-ng",
    "beurk",
    "caraxes",
    "diamorphine",
    "drovorub",
    "kbeast",
    "kmatryoshka",
    "knark",
    "kovid",
    "kopycat",
    "lilyofthevalley",
    "moonwalk",
    "nuk3gh0st",
    "puma",
    "pumakit",
    "reptile",
    "reptile_module",
    "rkduck",
    "singularity",
    "sutekh",
    "suterusu",
    "syslogk",
    "umbra",
    "vlany",
];

/// What a package brought and somebody changed so that it runs something of no package.
pub(super) fn of_changed(entry: &Entry, image: &Image<'_>, owner: &Owner) -> Option<Suspicion> {
    let Owner::Changed(package) = owner else { return None };
    if entry.is_script {
        return None;
    }
    let is_of_nobody =
        |program: &Vec<u8>| image.owned.of(&settings::real(image.view, program.clone())) == Owner::Nobody;
    let program = entry.programs().into_iter().find(|program| is_of_nobody(program) && is_file(image, program))?;
    let why = format!(
        "it was changed since package {package} brought it, and runs {}, which no package brought",
        visible(&program)
    );
    Some(Suspicion { severity: Severity::Medium, why, program: Some(program) })
}

/// Whether a part of a path begins with a dot, other than those that programs and shells use.
fn is_hidden(program: &[u8]) -> bool {
    let usual = [
        "/.local/",
        "/.config/",
        "/.cargo/",
        "/.nvm/",
        "/.rbenv/",
        "/.pyenv/",
        "/.rvm/",
        "/.asdf/",
        "/.sdkman/",
        "/.acme.sh/",
        "/.oh-my-zsh/",
        "/.fzf",
        "/.bash",
        "/.profile",
        "/.zsh",
    ];
    program.split(|byte| *byte == b'/').any(|name| name.starts_with(b".") && name.len() > 1)
        && !usual.iter().any(|part| memmem::find(program, part.as_bytes()).is_some())
}

/// Where servers of MySQL look for the libraries of functions.
const PLUGINS: [&str; 4] = [
    "/usr/lib/mysql/plugin",
    "/usr/lib64/mysql/plugin",
    "/usr/lib64/mariadb/plugin",
    "/usr/lib/x86_64-linux-gnu/mariadb19/plugin",
];

/// Whether a package brought the library of this name to where servers of MySQL look for it.
pub(crate) fn is_library_of_package(library: &str, image: &Image<'_>) -> bool {
    let ending = if library.ends_with(".so") { "" } else { ".so" };
    let is_of_package = |folder: &&str| {
        let path = format!("{folder}/{library}{ending}").into_bytes();
        image.owned.of(&settings::real(image.view, path)).is_package()
    };
    !library.contains('/') && PLUGINS.iter().any(is_of_package)
}

/// A function of a library that no package brought runs whatever its maker wants as the server.
fn function(library: &str, image: &Image<'_>) -> Option<Suspicion> {
    let why = || format!("no package brought {library}, which such functions run commands of the system with");
    let suspicion = || Suspicion { severity: Severity::High, why: why(), program: None };
    (!is_library_of_package(library, image)).then(suspicion)
}

fn is_file(image: &Image<'_>, path: &[u8]) -> bool {
    let path = kanshiki_model::EvidencePath::from_bytes(path);
    image.view.lookup(&path, kanshiki_filesystem::Follow::All).is_ok()
}

/// What hides in a line from who looks at it with `cat` or an editor.
fn hidden(raw: &[u8], is_script: bool) -> Option<&'static str> {
    let inner = raw.strip_suffix(b"\r").unwrap_or(raw);
    // In a script each line may end with one, as editors of other systems write it.
    if !is_script && inner.contains(&b'\r') {
        return Some("a carriage return in it lets `cat` write over what stands before");
    }
    if inner.contains(&0x1b) && !is_script {
        return Some("an escape sequence in it hides a part from who looks at it on a terminal");
    }
    let blanks = inner.split(|byte| *byte == b'\n').any(|line| {
        let text = line.trim_ascii();
        text.split(|byte| !matches!(byte, b' ' | b'\t')).any(|run| run.len() >= BLANKS)
    });
    (blanks && !is_script).then_some("so many blanks stand in it that an editor does not show what is behind them")
}

/// The lines that are no comments.
fn without_comments(script: &[u8]) -> Vec<u8> {
    let lines = script.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii_start().starts_with(b"#"));
    lines.collect::<Vec<_>>().join(&b'\n')
}

/// What commands do that hardly anybody has run by itself.
fn dangerous(text: &[u8]) -> Option<&'static str> {
    let has = |part: &str| memmem::find(text, part.as_bytes()).is_some();
    let lines = || text.split(|byte| *byte == b'\n');
    let in_line = |first: &[&str], then: &[&str]| {
        lines().any(|line| {
            let at = first.iter().filter_map(|part| memmem::find(line, part.as_bytes())).min();
            at.is_some_and(|at| {
                let rest = line.get(at..).unwrap_or_default();
                then.iter().any(|part| memmem::find(rest, part.as_bytes()).is_some())
            })
        })
    };
    let shells = [
        "|sh",
        "| sh",
        "|bash",
        "| bash",
        "|python",
        "| python",
        "|perl",
        "| perl",
        "| sudo sh",
        "| sudo bash",
        "|/bin/sh",
        "| /bin/sh",
        "|/bin/bash",
        "| /bin/bash",
    ];
    if in_line(&["curl ", "wget ", "fetch ", "lwp-download "], &shells) {
        return Some("it downloads something and runs it");
    }
    if in_line(&["base64 -d", "base64 --decode", "openssl enc -d", "xxd -r"], &shells) || has("eval \"$(base64") {
        return Some("it decodes something and runs it");
    }
    if has("/dev/tcp/") || has("/dev/udp/") || in_line(&["nc ", "ncat ", "netcat "], &[" -e ", " -c "]) {
        return Some("it gives a shell to another machine");
    }
    if in_line(&["chmod "], &[" 4755", " 4777", " 6755", " 04755", " u+s", " +s", " ug+s"]) {
        return Some("it gives a program the rights of its owner to whoever runs it");
    }
    if in_line(&["setcap "], &["cap_setuid", "cap_dac_override", "cap_sys_admin", "=ep", "all+ep"]) {
        return Some("it gives a program rights of root");
    }
    if in_line(&["socat "], &["exec:", "EXEC:", "system:", "SYSTEM:"]) || has("0<&196") || has("pty.spawn") {
        return Some("it gives a shell to another machine");
    }
    if has("stratum+tcp://") || has("stratum+ssl://") || has("xmrig") || has("--donate-level") {
        return Some("it mines a cryptocurrency");
    }
    if in_line(
        &["curl ", "wget "],
        &["-O /tmp/", "-o /tmp/", "-O /dev/shm/", "-o /dev/shm/", "-O /var/tmp/", "-o /var/tmp/"],
    ) && (in_line(&["chmod"], &["+x", "7"]) || in_line(&["sh /tmp/"], &[""]))
    {
        return Some("it downloads a program into a folder for temporary files and runs it");
    }
    None
}
