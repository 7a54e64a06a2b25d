//! Access logs of one JSON object per line: nginx with `escape=json`, Caddy, Traefik, and others with the same names.

use super::format::{Number, Taken, Text, duration_of};
use super::time::When;
use crate::json::{Token, Tokens};
use crate::scan::number;

/// What a name stands for.
enum Meaning {
    Time,
    Text(Text),
    Number(Number),
    /// In a unit of so many microseconds; 0 for nanoseconds.
    Duration(i64),
}

/// What an object says; `None` if it is no JSON, or does not say what was asked and answered.
pub(super) fn take(line: &[u8]) -> Option<Taken<'_>> {
    if !line.starts_with(b"{") {
        return None;
    }
    let mut taken = Taken::default();
    let mut has_time = false;
    let mut tokens = Tokens::new(line);
    while let Some(Token { name, value, .. }) = tokens.next_token()? {
        match meaning(name) {
            Some(Meaning::Time) if !has_time => {
                if let Some(when) = When::read(value) {
                    (taken.when, has_time) = (when, true);
                }
            }
            Some(Meaning::Text(kind)) if !value.is_empty() => {
                taken.set(kind, value);
            }
            Some(Meaning::Number(kind)) => {
                if let Some(number) = number(value) {
                    taken.set_number(kind, Some(number));
                }
            }
            Some(Meaning::Duration(unit)) => {
                taken.microseconds = taken.microseconds.or_else(|| duration_of(value, unit));
            }
            _ => {}
        }
    }
    let says = !taken.request.is_empty() || !taken.path.is_empty();
    (has_time && says && taken.status.is_some()).then_some(taken)
}

/// What the names of nginx's variables, of Caddy, Traefik and of the Elastic Common Schema stand for.
fn meaning(name: &[u8]) -> Option<Meaning> {
    let text = match name {
        b"time_iso8601" | b"time_local" | b"time" | b"timestamp" | b"@timestamp" | b"ts" | b"msec" | b"StartUTC"
        | b"date" | b"datetime" => return Some(Meaning::Time),
        b"status" | b"status_code" | b"response" | b"response_code" | b"DownstreamStatus" => {
            return Some(Meaning::Number(Number::Status));
        }
        b"body_bytes_sent" | b"bytes" | b"size" | b"response_size" | b"DownstreamContentSize" => {
            return Some(Meaning::Number(Number::Bytes));
        }
        b"bytes_sent" | b"bytes_out" => return Some(Meaning::Number(Number::Sent)),
        b"request_length" | b"bytes_in" | b"RequestContentSize" | b"bytes_read" => {
            return Some(Meaning::Number(Number::Received));
        }
        b"server_port" | b"port" => return Some(Meaning::Number(Number::Port)),
        b"request_time" | b"duration" => return Some(Meaning::Duration(1_000_000)),
        b"Duration" => return Some(Meaning::Duration(0)),
        b"remote_addr" | b"remote_ip" | b"client_ip" | b"clientip" | b"client" | b"ClientHost" | b"remote_host"
        | b"ip" => Text::Address,
        b"remote_user" | b"user" | b"user_id" | b"username" | b"ClientUsername" => Text::User,
        b"request" => Text::Request,
        b"request_method" | b"method" | b"RequestMethod" | b"http_method" => Text::Method,
        b"request_uri" | b"uri" | b"url" | b"path" | b"RequestPath" => Text::Path,
        b"args" | b"query_string" | b"query" => Text::Query,
        b"server_protocol" | b"protocol" | b"proto" | b"RequestProtocol" | b"http_version" => Text::Protocol,
        b"http_referer" | b"http_referrer" | b"referer" | b"referrer" | b"Referer" | b"request_Referer" => {
            Text::Referrer
        }
        b"http_user_agent" | b"user_agent" | b"useragent" | b"agent" | b"User-Agent" | b"request_User-Agent" => {
            Text::Agent
        }
        b"host" | b"http_host" | b"vhost" | b"server_name" | b"virtual_host" | b"RequestHost" => Text::Vhost,
        b"http_x_forwarded_for" | b"x_forwarded_for" | b"forwarded_for" | b"xff" | b"X-Forwarded-For" => {
            Text::Forwarded
        }
        _ => return None,
    };
    Some(Meaning::Text(text))
}
