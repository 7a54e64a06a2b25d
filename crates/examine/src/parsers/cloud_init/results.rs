//! What cloud-init keeps of its last run.
//!
//! `status.json`: `{"v1": {"datasource": …, "stage": …, "init": {"start": SECONDS, "finished": SECONDS, "errors": […]}, …}}`;
//! `result.json`: `{"v1": {"datasource": …, "errors": […]}}`.

use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::Context;
use crate::scan::{Scan, number};
use kanshiki_model::{Event, Span, TimeBasis, Timestamp};
use serde_json::Value;
use std::io::{self, Read as _};

/// Bytes of a file that are understood.
const FILE_BYTES: u64 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Results {
    Status,
    Result,
}

impl Results {
    /// What a file is, by its first bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let head = head.trim_ascii_start();
        let has = |name: &str| memchr::memmem::find(head, name.as_bytes()).is_some();
        if !head.starts_with(b"{") || !has("\"v1\"") || !has("\"datasource\"") {
            return None;
        }
        Some(if has("\"stage\"") || has("\"init-local\"") { Self::Status } else { Self::Result })
    }

    pub(super) fn parse(self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut bytes = Vec::new();
        let read = input.read()?.take(FILE_BYTES).read_to_end(&mut bytes);
        let length = u64::try_from(bytes.len()).unwrap_or(0);
        let span = Span { content_offset: input.compression().map(|_| 0), length, ..Span::default() };
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) if self == Self::Status => stages(&value, span, output),
            Ok(value) => {
                let mut details = Details::new("cloud-init.result");
                let errors = texts(value.pointer("/v1/errors"));
                details.text("datasource", datasource(&value));
                details.text("errors", errors.as_bytes());
                let message: &[u8] = if errors.is_empty() { b"without errors" } else { errors.as_bytes() };
                let when = (context.modified, TimeBasis::Neighbour);
                output.event(&event(&details, when, message, span));
            }
            Err(error) => {
                let shown = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
                output.other("cloud-init.other", span, shown, &format!("no results of cloud-init: {error}"));
            }
        }
        read.map(|_| ())
    }
}

/// The beginning and the end of every stage.
fn stages(value: &Value, span: Span, output: &mut Output<'_>) {
    for (name, stage) in value.pointer("/v1").and_then(Value::as_object).into_iter().flatten() {
        if output.is_stopped() {
            return;
        }
        let errors = texts(stage.get("errors"));
        for (kind, at, what) in
            [("cloud-init.stage-started", "start", "started"), ("cloud-init.stage-finished", "finished", "finished")]
        {
            let Some(time) = stage.get(at).and_then(seconds) else { continue };
            let mut details = Details::new(kind);
            details.text("stage", name.as_bytes());
            details.text("datasource", datasource(value));
            if at == "finished" {
                details.text("errors", errors.as_bytes());
            }
            let message = format!("stage {name} {what}");
            output.event(&event(&details, (Some(time), TimeBasis::Stated), message.as_bytes(), span));
        }
    }
}

fn event<'a>(
    details: &'a Details<'a>,
    (time, basis): (Option<Timestamp>, TimeBasis),
    message: &'a [u8],
    span: Span,
) -> Event<'a> {
    let (kind, fields) = (details.kind, details.fields());
    Event { kind, time, basis, span, program: b"cloud-init", message, fields, ..Event::default() }
}

/// Bytes of the name of a datasource that are given.
const DATASOURCE_BYTES: usize = 256;

fn datasource(value: &Value) -> &[u8] {
    let named = value.pointer("/v1/datasource").and_then(Value::as_str).unwrap_or_default().as_bytes();
    // It stands beside every stage.
    named.get(..named.len().min(DATASOURCE_BYTES)).unwrap_or_default()
}

fn texts(value: Option<&Value>) -> String {
    let texts = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

/// Seconds since 1970 with their fraction; `None` where a stage has not come so far.
fn seconds(value: &Value) -> Option<Timestamp> {
    let text = value.as_number()?.to_string();
    let whole = text.split('.').next()?;
    let nanosecond = text.as_bytes().get(whole.len()..).map_or(0, |rest| Scan(rest).fraction());
    let seconds = number(whole.as_bytes()).filter(|seconds| *seconds > 0)?;
    let nanoseconds = seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(nanosecond))?;
    Some(Timestamp::from_nanoseconds(nanoseconds))
}
