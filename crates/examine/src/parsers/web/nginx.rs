//! The forms of access logs that nginx's settings tell (ngx_http_log_module).

use super::apache::header;
use super::format::{Field, Format, Number, Text};
use super::formats::{Gathered, Log, files};
use super::time::TimeForm;
use kanshiki_filesystem::View;
use std::collections::{HashMap, HashSet, VecDeque};

/// Where the settings of a package begin, and the prefixes for which it may have been built (`--prefix`): relative names of logs
/// start from there (`ngx_conf_full_name` with the prefix of the cycle), those of settings from the folder of the settings.
/// Debian and Fedora build for /usr/share/nginx, nginx's own packages and Arch for /etc/nginx, Alpine for /var/lib/nginx, and
/// openresty for its own folder.
const BEGINNINGS: &[(&str, &[&str])] = &[
    ("/etc/nginx/nginx.conf", &["/usr/share/nginx", "/etc/nginx", "/var/lib/nginx", "/usr/local/nginx"]),
    ("/usr/local/nginx/conf/nginx.conf", &["/usr/local/nginx"]),
    ("/usr/local/openresty/nginx/conf/nginx.conf", &["/usr/local/openresty/nginx"]),
    ("/etc/openresty/nginx.conf", &["/etc/openresty", "/usr/local/openresty/nginx"]),
    ("/opt/nginx/conf/nginx.conf", &["/opt/nginx"]),
];

/// Sites that are switched off by now may have been on when the log was written.
const SITES: &[&str] = &["/etc/nginx/sites-available/*", "/etc/nginx/conf.d/*.conf"];

/// The form that is built in (`ngx_http_combined_fmt`).
const COMBINED: &[u8] =
    br#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

/// Compiles a `log_format`, its strings put together.
pub(super) fn compile(text: &[u8]) -> Format {
    let mut format = Format::default();
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'$', rest) {
        let (before, behind) = rest.split_at_checked(at).unwrap_or_default();
        format.literal(before);
        let behind = behind.get(1..).unwrap_or_default();
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
        let (name, after) = match behind.strip_prefix(b"{") {
            Some(inside) => {
                let end = memchr::memchr(b'}', inside).unwrap_or(inside.len());
                (inside.get(..end), inside.get(end.saturating_add(1)..))
            }
            None => {
                let end = behind.iter().take_while(is_name).count();
                (behind.get(..end), behind.get(end..))
            }
        };
        format.field(field(name.unwrap_or_default()));
        rest = after.unwrap_or_default();
    }
    format.literal(rest);
    format
}

/// What a variable says.
fn field(name: &[u8]) -> Field {
    let text = match name {
        b"time_local" => return Field::Time(TimeForm::Common),
        b"time_iso8601" => return Field::Time(TimeForm::Iso),
        b"msec" => return Field::Time(TimeForm::Epoch(1_000_000_000)),
        b"status" => return Field::Number(Number::Status),
        b"body_bytes_sent" => return Field::Number(Number::Bytes),
        b"bytes_sent" => return Field::Number(Number::Sent),
        b"request_length" => return Field::Number(Number::Received),
        b"server_port" => return Field::Number(Number::Port),
        b"pid" => return Field::Number(Number::Process),
        b"request_time" => return Field::Duration(1_000_000),
        b"remote_addr" => Text::Address,
        b"remote_user" => Text::User,
        b"host" | b"server_name" | b"http_host" => Text::Vhost,
        b"request" => Text::Request,
        b"request_method" => Text::Method,
        b"request_uri" | b"uri" | b"document_uri" => Text::Path,
        b"args" | b"query_string" | b"is_args" => Text::Query,
        b"server_protocol" => Text::Protocol,
        b"proxy_add_x_forwarded_for" | b"proxy_protocol_addr" => Text::Forwarded,
        _ => match name.strip_prefix(b"http_") {
            Some(name) => {
                let dashed: Vec<u8> = name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
                header(&dashed)
            }
            None => Text::Other,
        },
    };
    Field::Text(text)
}

/// Gathers the forms and the logs that the settings of nginx name.
pub(super) fn gather(view: &View, gathered: &mut Gathered) {
    for (beginning, prefixes) in BEGINNINGS {
        let mut reader = Reader::default();
        let folder = beginning.rsplit_once('/').map_or("", |(folder, _)| folder);
        reader.waiting.extend(files(view, beginning.as_bytes(), &mut reader.seen));
        if reader.waiting.is_empty() {
            continue;
        }
        let mut sites = SITES.iter();
        loop {
            while let Some(bytes) = reader.waiting.pop_front() {
                reader.file(view, folder, &bytes);
            }
            let Some(pattern) = sites.next() else { break };
            reader.waiting.extend(files(view, pattern.as_bytes(), &mut reader.seen));
        }
        reader.give(view, prefixes, gathered);
    }
}

#[derive(Default)]
struct Reader {
    seen: HashSet<Vec<u8>>,
    waiting: VecDeque<Vec<u8>>,
    forms: HashMap<Vec<u8>, Vec<u8>>,
    /// The place of a log, and the name of its form.
    logs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The places of logs of errors.
    errors: Vec<Vec<u8>>,
}

impl Reader {
    fn file(&mut self, view: &View, folder: &str, bytes: &[u8]) {
        for words in directives(bytes) {
            let Some((name, arguments)) = words.split_first() else { continue };
            match (name.as_slice(), arguments) {
                (b"log_format", [name, strings @ ..]) => {
                    let strings = strings.iter().filter(|word| !word.starts_with(b"escape="));
                    self.forms.insert(name.clone(), strings.flatten().copied().collect());
                }
                (b"access_log", [path, more @ ..]) if path != b"off" && !path.starts_with(b"syslog:") => {
                    // Behind the form stand settings, as `name=value` or a word.
                    let form = more.first().filter(|word| !word.contains(&b'='));
                    let form = form.cloned().unwrap_or_else(|| b"combined".to_vec());
                    self.logs.push((path.clone(), form));
                }
                (b"error_log", [path, ..]) if path != b"stderr" && !path.contains(&b':') => {
                    self.errors.push(path.clone())
                }
                (b"include", [pattern]) => {
                    self.waiting.extend(files(view, &absolute(folder, pattern), &mut self.seen));
                }
                _ => {}
            }
        }
    }

    fn give(self, view: &View, prefixes: &[&str], gathered: &mut Gathered) {
        let mut names: Vec<_> = self.forms.iter().collect();
        names.sort_unstable();
        for (_, form) in names {
            gathered.form(compile(form));
        }
        // Logs that are not named lie below the prefix, or where packages have them.
        let default = [b"logs/access.log".as_slice(), b"/var/log/nginx/access.log"];
        let default = default.map(|path| (path.to_vec(), b"combined".to_vec()));
        for (path, name) in self.logs.into_iter().chain(default) {
            let form = self.forms.get(&name).map_or(COMBINED, Vec::as_slice);
            for path in below(prefixes, &path) {
                gathered.log(view, Log { path }, compile(form));
            }
        }
        for path in self.errors.iter().map(Vec::as_slice).chain([b"logs/error.log".as_slice()]) {
            below(prefixes, path).iter().for_each(|path| gathered.other(view, path));
        }
    }
}

/// A path, or where it may lie if it is relative.
fn below(prefixes: &[&str], path: &[u8]) -> Vec<Vec<u8>> {
    if path.starts_with(b"/") {
        return vec![path.to_vec()];
    }
    prefixes.iter().map(|prefix| absolute(prefix, path)).collect()
}

fn absolute(folder: &str, path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") { path.to_vec() } else { [folder.as_bytes(), b"/", path].concat() }
}

/// The directives of a file, whatever block they stand in, each as its words.
fn directives(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut rest = bytes;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b';' | b'{' | b'}' => all.push(std::mem::take(&mut words)),
            b'#' => rest = memchr::memchr(b'\n', rest).and_then(|end| rest.get(end..)).unwrap_or_default(),
            b'"' | b'\'' => {
                let (word, behind) = quoted(rest, *byte);
                words.push(word);
                rest = behind;
            }
            byte if byte.is_ascii_whitespace() => {}
            byte => {
                let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b';' | b'{');
                let mut end = 0_usize;
                let mut word = vec![*byte];
                let mut within = *byte == b'$';
                // `${name}` is part of a word.
                while let Some(next) = rest.get(end).filter(|next| !is_end(next) || (within && **next == b'{')) {
                    within = *next == b'$';
                    word.push(*next);
                    end = end.saturating_add(1);
                }
                words.push(word);
                rest = rest.get(end..).unwrap_or_default();
            }
        }
    }
    all
}

/// A word in quotes, with its escapes resolved, and what stands behind it.
fn quoted(text: &[u8], quote: u8) -> (Vec<u8>, &[u8]) {
    let mut word = Vec::new();
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte == quote {
            break;
        }
        let escaped = match (byte, rest.first()) {
            (b'\\', Some(escaped @ (b'"' | b'\'' | b'\\'))) => *escaped,
            (b'\\', Some(b't')) => b'\t',
            (b'\\', Some(b'n')) => b'\n',
            (b'\\', Some(b'r')) => b'\r',
            _ => {
                word.push(*byte);
                continue;
            }
        };
        word.push(escaped);
        rest = rest.get(1..).unwrap_or_default();
    }
    (word, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_taken_as_nginx_takes_them() {
        let text = b"http { # x;\n log_format a escape=json '{\"a\":\"$host\",'\n  \"\\\"b\\\":1}\"; access_log /x/${host}.log a buffer=1k; }";
        let all = directives(text);
        let expected: [&[&[u8]]; 4] = [
            &[b"http"],
            &[b"log_format", b"a", b"escape=json", b"{\"a\":\"$host\",", b"\"b\":1}"],
            &[b"access_log", b"/x/${host}.log", b"a", b"buffer=1k"],
            &[],
        ];
        assert_eq!(all, expected);
    }
}
