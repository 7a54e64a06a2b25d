//! How the lines of each place are read.

type Read = Option<(Vec<u8>, Option<Vec<u8>>)>;

/// What stands behind so many words.
fn behind_words(line: &[u8], count: usize) -> Option<(&[u8], &[u8])> {
    let mut rest = line;
    let mut last = b"".as_slice();
    for _ in 0..count {
        let end = rest.iter().position(u8::is_ascii_whitespace)?;
        let (word, behind) = rest.split_at_checked(end)?;
        (last, rest) = (word, behind.trim_ascii_start());
    }
    Some((last, rest))
}

/// `NAME=value` sets a variable in a crontab.
fn is_assignment(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(line.len());
    let rest = line.get(end..).unwrap_or_default().trim_ascii_start();
    end > 0 && rest.starts_with(b"=")
}

/// The shell that runs all commands of a crontab, and what their environment loads.
fn set(line: &[u8]) -> Read {
    match value(line, &["SHELL"]) {
        Some(b"/bin/sh" | b"/bin/bash" | b"/bin/dash" | b"/usr/bin/sh" | b"/usr/bin/bash") => None,
        Some(shell) => Some((shell.to_vec(), None)),
        None => environment(line, b""),
    }
}

fn times(line: &[u8]) -> usize {
    if line.starts_with(b"@") { 1 } else { 5 }
}

/// `m h dom mon dow user command`.
pub(super) fn system_crontab(line: &[u8], _: &[u8]) -> Read {
    if is_assignment(line) {
        return set(line);
    }
    let (user, command) = behind_words(line, times(line).saturating_add(1))?;
    Some((command.to_vec(), Some(user.to_vec())))
}

/// `m h dom mon dow command`, as whom the file is named.
pub(super) fn crontab(line: &[u8], file: &[u8]) -> Read {
    if is_assignment(line) {
        return set(line);
    }
    let (_, command) = behind_words(line, times(line))?;
    Some((command.to_vec(), Some(file.to_vec())))
}

/// `period delay name command`.
pub(super) fn anacrontab(line: &[u8], _: &[u8]) -> Read {
    if is_assignment(line) {
        return None;
    }
    Some((behind_words(line, 3)?.1.to_vec(), None))
}

/// The value of `NAME=` or `NAME =`, in any case.
fn value<'l>(line: &'l [u8], names: &[&str]) -> Option<&'l [u8]> {
    let at = memchr::memchr(b'=', line)?;
    let (name, rest) = line.split_at_checked(at)?;
    let name = name.trim_ascii();
    let is_one = names.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes()));
    is_one.then(|| rest.get(1..).unwrap_or_default().trim_ascii()).filter(|value| !value.is_empty())
}

pub(super) fn unit(line: &[u8], _: &[u8]) -> Read {
    let names =
        ["ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "ExecReload", "ExecCondition"];
    if let Some(command) = value(line, &names) {
        return Some((command.to_vec(), None));
    }
    // systemd.exec(5): what loads libraries into the program.
    let set = value(line, &["Environment"])?;
    let is_told = LOADING.iter().any(|name| memchr::memmem::find(set, name.as_bytes()).is_some());
    is_told.then(|| (set.to_vec(), None))
}

/// Who a unit of systemd runs as (systemd.exec(5)): the last line that says so.
pub(super) fn unit_user(unit: &[u8]) -> Option<Vec<u8>> {
    unit.split(|byte| *byte == b'\n')
        .filter_map(|line| value(line.trim_ascii(), &["User"]))
        .next_back()
        .map(<[u8]>::to_vec)
}

/// Whether what a unit runs has a connection as its input.
pub(super) fn takes_connections(unit: &[u8]) -> bool {
    let mut inputs = unit.split(|byte| *byte == b'\n').filter_map(|line| value(line.trim_ascii(), &["StandardInput"]));
    inputs.any(|input| input == b"socket")
}

/// `id:runlevels:action:process`.
pub(super) fn inittab(line: &[u8], _: &[u8]) -> Read {
    let process = line.splitn(4, |byte| *byte == b':').nth(3).filter(|process| !process.is_empty())?;
    Some((process.to_vec(), None))
}

pub(super) fn upstart(line: &[u8], _: &[u8]) -> Read {
    let command = line.strip_prefix(b"exec ").or_else(|| line.strip_prefix(b"pre-start exec "))?;
    Some((command.trim_ascii().to_vec(), None))
}

pub(super) fn whole(line: &[u8], _: &[u8]) -> Read {
    Some((line.to_vec(), None))
}

pub(super) fn linker(line: &[u8], _: &[u8]) -> Read {
    (!line.starts_with(b"include ")).then(|| (line.to_vec(), None))
}

/// Variables that load libraries into programs, or have shells run something.
const LOADING: [&str; 6] = ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "PROMPT_COMMAND"];

/// `NAME=VALUE`, or `NAME DEFAULT=VALUE OVERRIDE=VALUE` (pam_env.conf(5)).
pub(super) fn environment(line: &[u8], _: &[u8]) -> Read {
    let line = line.strip_prefix(b"export ").unwrap_or(line);
    let is_told = |name: &[u8]| LOADING.iter().any(|it| it.as_bytes() == name);
    let end = line.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'=')?;
    let (name, rest) = line.split_at_checked(end).filter(|(name, _)| is_told(name))?;
    let values =
        |word: &str| memchr::memmem::find(rest, word.as_bytes()).and_then(|at| rest.get(at..)?.get(word.len()..));
    let value = values("OVERRIDE=").or_else(|| values("DEFAULT=")).or_else(|| value(line, &LOADING))?;
    Some(([name, value.trim_ascii()].join(&b'='), None))
}

/// Lines that run a program, or load a module from elsewhere: from the path on.
pub(super) fn pam(line: &[u8], _: &[u8]) -> Read {
    let starts =
        line.iter().zip(line.iter().skip(1)).position(|(last, byte)| last.is_ascii_whitespace() && *byte == b'/');
    let path = starts.and_then(|at| line.get(at.saturating_add(1)..));
    let is_run = |name: &str| memchr::memmem::find(line, name.as_bytes()).is_some();
    if is_run("pam_exec") || is_run("pam_script") {
        return Some((path.unwrap_or(line).to_vec(), None));
    }
    let module = path?.split(u8::is_ascii_whitespace).next()?;
    module.ends_with(b".so").then(|| (path.unwrap_or(line).to_vec(), None))
}

/// `RUN+="command"`, `PROGRAM="command"`.
pub(super) fn udev(line: &[u8], _: &[u8]) -> Read {
    let at = memchr::memmem::find(line, b"RUN").or_else(|| memchr::memmem::find(line, b"PROGRAM"))?;
    let rest = line.get(at..)?;
    let open = memchr::memchr(b'"', rest)?;
    let inside = rest.get(open.saturating_add(1)..)?;
    let end = memchr::memchr(b'"', inside).unwrap_or(inside.len());
    Some((inside.get(..end)?.to_vec(), None)).filter(|(command, _)| !command.is_empty())
}

pub(super) fn modprobe(line: &[u8], _: &[u8]) -> Read {
    let rest = line.strip_prefix(b"install ").or_else(|| line.strip_prefix(b"remove "))?;
    Some((behind_words(rest.trim_ascii_start(), 1)?.1.to_vec(), None))
}

/// `DPkg::Post-Invoke {"command";};` and its like.
pub(super) fn apt(line: &[u8], _: &[u8]) -> Read {
    let lower = line.to_ascii_lowercase();
    let hooks: [&[u8]; 4] = [b"-invoke", b"pre-install-pkgs", b"proxy-auto-detect", b"command"];
    let is_told = hooks.iter().any(|hook| memchr::memmem::find(&lower, hook).is_some());
    is_told.then(|| (in_quotes(line), None))
}

/// `post-invoke="command"`.
pub(super) fn dpkg(line: &[u8], _: &[u8]) -> Read {
    let hooks: [&[u8]; 3] = [b"pre-invoke", b"post-invoke", b"status-logger"];
    let is_told = hooks.iter().any(|hook| line.starts_with(hook));
    is_told.then(|| (in_quotes(line), None))
}

/// What stands between double quotes, as commands one behind the other; all, if there are none.
fn in_quotes(line: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = line.split(|byte| *byte == b'"').skip(1).step_by(2).collect();
    if parts.is_empty() { line.to_vec() } else { parts.join(b"; ".as_slice()) }
}

pub(super) fn interfaces(line: &[u8], _: &[u8]) -> Read {
    let words: [&[u8]; 6] = [b"up", b"pre-up", b"post-up", b"down", b"pre-down", b"post-down"];
    let (word, command) = behind_words(line, 1)?;
    words.contains(&word).then(|| (command.to_vec(), None))
}

pub(super) fn desktop(line: &[u8], _: &[u8]) -> Read {
    Some((value(line, &["Exec", "TryExec"])?.to_vec(), None))
}

pub(super) fn php(line: &[u8], _: &[u8]) -> Read {
    let names = [
        "auto_prepend_file",
        "auto_append_file",
        "php_value[auto_prepend_file]",
        "php_admin_value[auto_prepend_file]",
        "php_admin_value[auto_append_file]",
    ];
    let value = match value(line, &names) {
        Some(value) => value,
        // Names without a folder lead to that of PHP's own extensions.
        None => value(line, &["extension", "zend_extension"]).filter(|value| value.contains(&b'/'))?,
    };
    let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    (!bare.is_empty() && bare != b"none").then(|| (bare.to_vec(), None))
}

/// `LoadModule NAME PATH`, `load_module PATH;`: only of modules from elsewhere than the server's own folders.
pub(super) fn web_module(line: &[u8], _: &[u8]) -> Read {
    let (word, rest) = behind_words(line, 1)?;
    let path = if word.eq_ignore_ascii_case(b"LoadModule") {
        behind_words(rest, 1)?.1
    } else if word == b"load_module" {
        rest.strip_suffix(b";").unwrap_or(rest)
    } else {
        return None;
    };
    Some((path.trim_ascii().to_vec(), None))
}

/// `CustomLog "|COMMAND" FORMAT` and its like, `SetEnv LD_PRELOAD LIBRARY`, variables of `envvars`.
pub(super) fn apache(line: &[u8], file: &[u8]) -> Read {
    let (word, rest) = behind_words(line, 1)?;
    let is_one = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
    if is_one(&["ErrorLog", "CustomLog", "TransferLog", "GlobalLog", "ForensicLog", "RewriteMap"]) {
        let at = memchr::memchr(b'|', rest)
            .or_else(|| memchr::memmem::find(rest, b"prg:").map(|at| at.saturating_add(3)))?;
        let command = rest.get(at.saturating_add(1)..)?;
        // `||` and `|$` say whether a shell runs it.
        let command = command.strip_prefix(b"|").or_else(|| command.strip_prefix(b"$")).unwrap_or(command);
        let end = memchr::memchr(b'"', command).unwrap_or(command.len());
        return Some((command.get(..end)?.to_vec(), None));
    }
    if is_one(&["SetEnv", "LoadFile"]) {
        let (name, value) = behind_words(rest, 1).unwrap_or((rest, rest));
        return if is_one(&["LoadFile"]) {
            Some((rest.to_vec(), None))
        } else {
            environment(&[name, value].join(&b'='), file)
        };
    }
    environment(line, file)
}

/// What MySQL and MariaDB load or run by their settings: a path alone is told.
pub(super) fn mysql(line: &[u8], _: &[u8]) -> Read {
    let bare: Vec<u8> = line.iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect();
    let at = memchr::memchr(b'=', line)?;
    let name = bare.get(..at)?.trim_ascii();
    let names: [&[u8]; 6] =
        [b"init_file", b"plugin_load", b"plugin_load_add", b"plugin_dir", b"malloc_lib", b"basedir"];
    let value = line.get(at.saturating_add(1)..)?.trim_ascii();
    let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    let path = memchr::memchr(b'/', value).and_then(|at| value.get(at..))?;
    names.contains(&name).then(|| (path.to_vec(), None))
}

/// `argv=COMMAND` of a service that pipes mails, with `user=`.
pub(super) fn postfix(line: &[u8], _: &[u8]) -> Read {
    let at = memchr::memmem::find(line, b"argv=")?;
    let user = line.split(u8::is_ascii_whitespace).find_map(|word| word.strip_prefix(b"user="));
    Some((line.get(at.saturating_add(5)..)?.to_vec(), user.map(<[u8]>::to_vec)))
}

/// What the kernel runs: for programs that crash (behind a `|`), for modules, hotplug and power off.
pub(super) fn sysctl(line: &[u8], _: &[u8]) -> Read {
    let line = line.strip_prefix(b"-").unwrap_or(line);
    let names =
        ["kernel.core_pattern", "kernel.modprobe", "kernel.hotplug", "kernel.poweroff_cmd", "kernel/core_pattern"];
    let value = value(line, &names)?;
    let command = value.strip_prefix(b"|").unwrap_or(value);
    command.starts_with(b"/").then(|| (command.to_vec(), None))
}

/// Lines that write, copy or link something where it lets somebody in or runs.
pub(super) fn tmpfiles(line: &[u8], _: &[u8]) -> Read {
    let (kind, rest) = behind_words(line, 1)?;
    let path = rest.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let places = [
        "authorized_keys",
        "/etc/cron",
        "/etc/sudoers",
        "ld.so.preload",
        "/etc/passwd",
        "/etc/shadow",
        "/etc/pam.d",
        "/etc/systemd",
        "/etc/rc",
    ];
    let is_place = places.iter().any(|place| memchr::memmem::find(path, place.as_bytes()).is_some());
    (matches!(kind.first(), Some(b'f' | b'F' | b'w' | b'C' | b'L')) && is_place).then(|| (line.to_vec(), None))
}

pub(super) fn git(line: &[u8], _: &[u8]) -> Read {
    let names = ["pager", "editor", "sshCommand", "hooksPath", "fsmonitor", "askpass", "helper", "program", "textconv"];
    if let Some(value) = value(line, &names) {
        return Some((value.strip_prefix(b"!").unwrap_or(value).to_vec(), None));
    }
    let at = memchr::memmem::find(line, b"= !")?;
    Some((line.get(at.saturating_add(3)..)?.to_vec(), None))
}

/// What stands behind a `|`.
pub(super) fn pipe(line: &[u8], _: &[u8]) -> Read {
    let at = memchr::memchr(b'|', line)?;
    let command = line.get(at.saturating_add(1)..)?.trim_ascii();
    Some((command.strip_suffix(b"\"").unwrap_or(command).to_vec(), None))
}

/// `service type protocol wait user program arguments`, or `server = PATH` of xinetd.
pub(super) fn inetd(line: &[u8], _: &[u8]) -> Read {
    if let Some(server) = value(line, &["server"]) {
        return Some((server.to_vec(), None));
    }
    if memchr::memchr(b'=', line).is_some() {
        return None;
    }
    let (user, command) = behind_words(line, 5)?;
    Some((command.to_vec(), Some(user.to_vec())))
}

pub(super) fn sshd(line: &[u8], _: &[u8]) -> Read {
    let words = ["ForceCommand", "AuthorizedKeysCommand", "AuthorizedPrincipalsCommand"];
    let (word, command) = behind_words(line, 1)?;
    let is_told = words.iter().any(|it| word.eq_ignore_ascii_case(it.as_bytes()));
    (is_told && !matches!(command, b"none" | b"internal-sftp")).then(|| (command.to_vec(), None))
}

/// Libraries that are named in the table of functions of MySQL, whatever its format (`mysql.func`, column `dl`).
pub(super) fn libraries(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let mut found = Vec::new();
    for end in memchr::memmem::find_iter(bytes, b".so").map(|at| at.saturating_add(3)) {
        let before = bytes.get(..end).unwrap_or_default();
        let length = before.iter().rev().take(64).take_while(|byte| is_of_name(byte)).count();
        let start = end.saturating_sub(length);
        if length > 3 && found.len() < 1000 {
            found.push((start, bytes.get(start..end).unwrap_or_default()));
        }
    }
    found
}
