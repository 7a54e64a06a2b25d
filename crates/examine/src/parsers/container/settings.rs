//! How containers were made, as docker and podman keep it.
//!
//! | file | source |
//! | --- | --- |
//! | docker's `config.v2.json` | moby, `container/container.go` and `state.go` |
//! | docker's `hostconfig.json` | moby, `api/types/container/hostconfig.go` |
//! | `config.json` of the runtime | OCI Runtime Specification, `config.md`; podman's and CRI-O's annotations |
//! | `containers.json` | containers/storage, `containers.go` |
//!
//! The two files of docker are written at different times, and each is an exhibit of its own: they share `container`.

mod docker;
mod facts;
mod podman;

use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser, ToldBy};
use kanshiki_model::Span;
use serde_json::Value;
use std::io::{self, Read as _};

/// The parser of the settings.
#[derive(Debug)]
pub(crate) struct ContainerSettings;

/// Bytes of a file that are read.
const FILE_BYTES: u64 = 8 << 20;

/// Bytes of the settings of one container that are understood: the tree of their values takes some times as many.
const OBJECT_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Docker,
    DockerHost,
    Runtime,
    Storage,
}

impl Kind {
    /// What a file is, by its first bytes.
    fn of(head: &[u8]) -> Option<Self> {
        let head = head.trim_ascii_start();
        let has = |name: &str| memchr::memmem::find(head, name.as_bytes()).is_some();
        match head.first()? {
            b'{' if has("\"StreamConfig\":") && has("\"State\":") => Some(Self::Docker),
            b'{' if has("\"Binds\":") && has("\"ContainerIDFile\":") => Some(Self::DockerHost),
            b'{' if has("\"ociVersion\":") => Some(Self::Runtime),
            b'[' if ["\"id\":", "\"image\":", "\"layer\":", "\"created\":"].into_iter().all(has) => Some(Self::Storage),
            _ => None,
        }
    }
}

impl Parser for ContainerSettings {
    fn id(&self) -> &'static str {
        "container-settings"
    }

    fn told_by(&self) -> ToldBy {
        ToldBy::Beginning
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        Kind::of(candidate.head).is_some()
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut bytes = Vec::new();
        let read = input.read()?.take(FILE_BYTES).read_to_end(&mut bytes);
        let kind = Kind::of(bytes.get(..bytes.len().min(4096)).unwrap_or_default());
        let is_compressed = input.compression().is_some();
        for (start, object) in (Objects { bytes: &bytes, at: 0 }) {
            let (start, length) = (u64::try_from(start).unwrap_or(0), u64::try_from(object.len()).unwrap_or(0));
            let span = match is_compressed {
                true => Span { content_offset: Some(start), length, ..Span::default() },
                false => Span { offset: start, length, ..Span::default() },
            };
            if object.len() > OBJECT_BYTES {
                output.issue(span, "settings of one container longer than 1 MiB; they are left out");
                continue;
            }
            match serde_json::from_slice::<Value>(object) {
                Ok(value) => tell(kind, &value, span, context, output),
                Err(error) => {
                    let shown = object.get(..object.len().min(4096)).unwrap_or_default();
                    output.other("container.other", span, shown, &format!("no settings of a container: {error}"));
                }
            }
            if output.is_stopped() {
                break;
            }
        }
        if u64::try_from(bytes.len()).is_ok_and(|length| length == FILE_BYTES) {
            output.trouble("the file is longer than 8 MiB; the rest of it is not read");
        }
        read.map(|_| ())
    }
}

fn tell(kind: Option<Kind>, value: &Value, span: Span, context: &Context<'_>, output: &mut Output<'_>) {
    match kind {
        Some(Kind::Docker) => docker::tell(value, span, context, output),
        Some(Kind::DockerHost) => docker::tell_host(value, span, context, output),
        Some(Kind::Runtime) => podman::tell_runtime(value, span, context, output),
        Some(Kind::Storage) => podman::tell_stored(value, span, context, output),
        None => {}
    }
}

/// The outermost objects of a JSON text, and those of an outermost array, with the place of each; the last one may be cut.
struct Objects<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Objects<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at.checked_add(memchr::memchr(b'{', self.bytes.get(self.at..)?)?)?;
        let rest = self.bytes.get(start..)?;
        let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
        let end = rest.iter().position(|byte| {
            if is_text {
                is_text = *byte != b'"' || is_escaped;
                is_escaped = *byte == b'\\' && !is_escaped;
                return false;
            }
            match byte {
                b'"' => is_text = true,
                b'{' => depth = depth.saturating_add(1),
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        });
        let length = end.map_or(rest.len(), |end| end.saturating_add(1));
        self.at = start.checked_add(length)?;
        Some((start, rest.get(..length)?))
    }
}

#[cfg(test)]
mod tests;
