//! What functions of PHP do with what they are given. Names are in lower case, as PHP makes no difference.

use super::values::{Request, Value};
use crate::rules::{ContentRule, REQUEST_CALLED, REQUEST_RUN, REQUEST_TO_COMMAND, REQUEST_WRITTEN};

/// Run a program, or a text as PHP.
const COMMANDS: &[&str] = &[
    "system",
    "passthru",
    "shell_exec",
    "exec",
    "popen",
    "proc_open",
    "pcntl_exec",
    "eval",
    "assert",
    "create_function",
];

/// Call what is at this place of what they are given; the last one if it says so.
const CALLERS: &[(&str, usize)] = &[
    ("array_map", 0),
    ("array_filter", 1),
    ("array_walk", 1),
    ("array_walk_recursive", 1),
    ("array_reduce", 1),
    ("array_udiff", LAST),
    ("array_udiff_assoc", LAST),
    ("array_uintersect", LAST),
    ("array_diff_ukey", LAST),
    ("array_diff_uassoc", LAST),
    ("array_intersect_ukey", LAST),
    ("array_intersect_uassoc", LAST),
    ("usort", 1),
    ("uasort", 1),
    ("uksort", 1),
    ("call_user_func", 0),
    ("call_user_func_array", 0),
    ("forward_static_call", 0),
    ("forward_static_call_array", 0),
    ("register_shutdown_function", 0),
    ("register_tick_function", 0),
    ("header_register_callback", 0),
    ("ob_start", 0),
    ("iterator_apply", 1),
    ("preg_replace_callback", 1),
    ("mb_ereg_replace_callback", 1),
    ("filter_var", 2),
    ("reflectionfunction", 0),
];
const LAST: usize = usize::MAX;

/// Give back what they were given, perhaps unpacked.
const PASS: &[&str] = &[
    "base64_decode",
    "stripslashes",
    "stripcslashes",
    "addslashes",
    "trim",
    "ltrim",
    "rtrim",
    "chop",
    "urldecode",
    "rawurldecode",
    "gzinflate",
    "gzuncompress",
    "gzdecode",
    "str_rot13",
    "strrev",
    "hex2bin",
    "pack",
    "convert_uudecode",
    "implode",
    "join",
    "explode",
    "str_split",
    "end",
    "current",
    "reset",
    "next",
    "key",
    "each",
    "pos",
    "array_pop",
    "array_shift",
    "array_values",
    "array_keys",
    "array_merge",
    "array_filter",
    "array_slice",
    "array_flip",
    "unserialize",
    "json_decode",
    "strval",
    "html_entity_decode",
    "htmlspecialchars_decode",
    "file_get_contents",
    "file",
    "fopen",
    "fread",
    "fgets",
    "stream_get_contents",
    "mb_convert_encoding",
    "iconv",
    "utf8_decode",
    "openssl_decrypt",
    "mcrypt_decrypt",
    "strtolower",
    "ucfirst",
    "lcfirst",
    "compact",
    "array",
    "max",
    "min",
];

/// The same, but less is left of it.
const CUT: &[&str] = &["basename", "substr", "mb_substr", "str_replace", "str_ireplace", "strtr", "strtok", "strstr"];

/// Put texts together in ways that hide them.
const ASSEMBLE: &[&str] = &[
    "base64_decode",
    "str_rot13",
    "strrev",
    "hex2bin",
    "pack",
    "chr",
    "gzinflate",
    "gzuncompress",
    "gzdecode",
    "convert_uudecode",
    "urldecode",
    "rawurldecode",
    "strtr",
    "str_replace",
    "str_ireplace",
    "implode",
    "join",
    "substr",
    "sprintf",
    "file_get_contents",
    "openssl_decrypt",
    "html_entity_decode",
    "preg_replace",
    "ucfirst",
    "trim",
];

/// Look whether something is among what is allowed; those of texts alone leave much to say.
const LISTED: &[&str] =
    &["in_array", "array_key_exists", "is_numeric", "ctype_digit", "ctype_alnum", "ctype_alpha", "array_search"];
const COMPARED: &[&str] = &["preg_match", "strcmp", "strpos", "str_starts_with", "switch", "match"];

/// Look at a file that was sent, or at who sends it.
const GUARDS: &[&str] = &[
    "pathinfo",
    "getimagesize",
    "exif_imagetype",
    "finfo_open",
    "finfo_file",
    "finfo",
    "mime_content_type",
    "in_array",
    "preg_match",
    "preg_replace",
    "strrchr",
    "imagecreatefromjpeg",
    "imagecreatefrompng",
    "imagecreatefromstring",
    "session_start",
    "current_user_can",
    "wp_verify_nonce",
    "check_admin_referer",
    "is_admin",
    "password_verify",
    "md5",
    "sha1",
    "uniqid",
    "array_search",
    "require_login",
    "is_logged_in",
];

/// Whether a function runs a program or a text.
pub(super) fn is_command(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"\\").unwrap_or(name);
    COMMANDS.iter().any(|it| it.as_bytes().eq_ignore_ascii_case(name))
}

pub(super) fn is_listed(name: &str) -> bool {
    LISTED.contains(&name)
}

pub(super) fn is_compared(name: &str) -> bool {
    COMPARED.contains(&name)
}

pub(super) fn is_guard(name: &str) -> bool {
    GUARDS.contains(&name)
}

/// What a variable that PHP itself fills has from the request: all of it, or what stands there under a name.
pub(super) fn source(name: &[u8], key: Option<&[u8]>) -> Option<Request> {
    let request = Request { is_direct: true, is_leading: true, ..Request::default() };
    match name {
        b"_GET"
        | b"_POST"
        | b"_REQUEST"
        | b"_COOKIE"
        | b"HTTP_GET_VARS"
        | b"HTTP_POST_VARS"
        | b"HTTP_COOKIE_VARS"
        | b"HTTP_RAW_POST_DATA" => Some(request),
        b"_FILES" | b"HTTP_POST_FILES" => Some(Request { is_file: true, ..request }),
        b"_SERVER" => key.is_some_and(is_header).then_some(request),
        b"GLOBALS" => source(key.filter(|key| *key != b"GLOBALS" && *key != b"_SERVER")?, None),
        _ => None,
    }
}

/// Whether a client chooses what stands under this name; the name of the site, which programs use too, is left out.
fn is_header(key: &[u8]) -> bool {
    key.starts_with(b"HTTP_") && key != b"HTTP_HOST"
        || matches!(key, b"QUERY_STRING" | b"PHP_AUTH_USER" | b"PHP_AUTH_PW")
}

/// What a call does that matters.
pub(super) struct Call {
    pub(super) told: Option<&'static ContentRule>,
    /// It takes a file that was sent under the name that the client gave.
    pub(super) is_upload: bool,
    pub(super) value: Value,
}

/// A function with what it is given; whether its name stands in the page as that of a call.
pub(super) fn call(name: &str, given: &[Value], is_plain: bool) -> Call {
    let nothing = Call { told: None, is_upload: false, value: Value::Unknown };
    let request = |place: usize| given.get(place).and_then(Value::request);
    let told = |told| Call { told: Some(told), ..Call { told: None, is_upload: false, value: Value::Unknown } };
    if COMMANDS.contains(&name) {
        let is_any = matches!(name, "create_function" | "pcntl_exec");
        let places = if is_any { given.len() } else { 1 };
        let brought = given.iter().take(places).filter_map(Value::request).find(|it| !it.is_listed);
        return match brought {
            None => nothing,
            Some(_) if !is_plain => told(&REQUEST_CALLED),
            Some(it) if it.is_direct && it.is_free() => told(&REQUEST_RUN),
            Some(_) => told(&REQUEST_TO_COMMAND),
        };
    }
    if let Some((_, place)) = CALLERS.iter().find(|(caller, _)| *caller == name) {
        let place = if *place == LAST { given.len().saturating_sub(1) } else { *place };
        let brings = (0..).zip(given).any(|(number, value)| number != place && brings(value));
        if given.get(place).is_some_and(|callee| calls(callee, brings)) {
            return told(&REQUEST_CALLED);
        }
    }
    match name {
        "move_uploaded_file" | "copy" => {
            let is_upload = request(0).is_some_and(|it| it.is_file) && request(1).is_some_and(|it| !it.is_listed);
            if is_upload {
                return Call { is_upload, ..nothing };
            }
            let is_copied = name == "copy" && request(0).is_some() && request(1).is_some_and(is_open);
            return if is_copied { told(&REQUEST_WRITTEN) } else { nothing };
        }
        "file_put_contents" | "fwrite" | "fputs" => {
            let is_written = request(0).is_some_and(is_open) && request(1).is_some();
            return if is_written { told(&REQUEST_WRITTEN) } else { nothing };
        }
        _ => {}
    }
    Call { value: result(name, given), ..nothing }
}

/// Whether a name may be nearly anything.
const fn is_open(request: Request) -> bool {
    !request.is_listed && !request.is_bounded
}

/// Whether what a request brings is among it, as it came.
fn brings(value: &Value) -> bool {
    Value::request(value).is_some_and(|it| !it.is_listed)
}

/// Whether a call of `callee` is one that a page does not make: of what a request names, or of what runs something or has a
/// hidden name, with what a request brings.
pub(super) fn calls(callee: &Value, brings: bool) -> bool {
    match callee {
        Value::Request(request) => request.is_free(),
        Value::Text(name) => brings && is_command(name),
        Value::List(names) => brings && names.iter().any(|name| is_command(name)),
        Value::Assembled => brings,
        Value::Unknown => false,
    }
}

/// What a function gives back.
fn result(name: &str, given: &[Value]) -> Value {
    let request = given.iter().find_map(Value::request);
    let has_text =
        |part: &[u8]| given.first().and_then(Value::text).is_some_and(|it| memchr::memmem::find(it, part).is_some());
    let direct = Request { is_direct: true, is_leading: true, ..Request::default() };
    match (name, request) {
        ("getallheaders" | "apache_request_headers", _) => return Value::Request(direct),
        ("file_get_contents" | "fopen" | "file", _) if has_text(b"php://input") => return Value::Request(direct),
        ("getenv", _) if has_text(b"HTTP_") => return Value::Request(direct),
        // With a third argument it is a filter that says what is let through.
        ("filter_input", _) if given.len() < 3 => return Value::Request(direct),
        ("chr", None) => {
            let number =
                given.first().and_then(Value::text).and_then(|text| std::str::from_utf8(text).ok()?.parse::<u8>().ok());
            return number.map_or(Value::Unknown, |number| Value::Text(vec![number]));
        }
        // Everything but what is named is taken out.
        ("preg_replace", Some(_)) if has_text(b"[^") => return Value::Unknown,
        ("sprintf", Some(request)) => return Value::Request(Request { is_leading: false, ..request }),
        ("preg_replace", Some(request)) => return Value::Request(Request { is_bounded: true, ..request }),
        (name, Some(request)) if PASS.contains(&name) => return Value::Request(request),
        (name, Some(request)) if CUT.contains(&name) => return Value::Request(Request { is_bounded: true, ..request }),
        _ => {}
    }
    let is_own = !given.is_empty() && given.iter().all(Value::is_own);
    if is_own && ASSEMBLE.contains(&name) { Value::Assembled } else { Value::Unknown }
}
