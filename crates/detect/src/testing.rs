//! Stores with events for tests, and what is found in them.

use crate::found::Found;
use crate::{Detector, Image, Options};
use kanshiki_filesystem::{MemoryFileSystem, View, Volume};
use kanshiki_model::{Event, Timestamp, Value};
use kanshiki_store::{EventBatch, FileRow, Files, Gap, LogRow, Reader, Writer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An event of a log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) path: &'static str,
    pub(crate) kind: &'static str,
    /// Seconds since 1970.
    pub(crate) time: i64,
    pub(crate) user: String,
    pub(crate) address: String,
    pub(crate) pid: Option<i64>,
    pub(crate) message: String,
    pub(crate) fields: Vec<(&'static str, Value<'static>)>,
}

/// A view of files in memory.
pub(crate) fn view(files: &[(&str, &str)]) -> View {
    View::of(Volume { name: String::new(), filesystem: Arc::new(MemoryFileSystem::of_paths(files)) })
}

/// What a detector finds in files and events.
pub(crate) fn found_in(view: &View, events: &[Told], detector: Detector) -> Found {
    found_with(view, events, detector, &Options::default())
}

/// The same, with what the user wants beyond that.
pub(crate) fn found_with(view: &View, events: &[Told], detector: Detector, options: &Options) -> Found {
    found_beside(view, events, &[], detector, options)
}

/// Path and mode of a file, and in seconds since 1970, with fractions, when it was modified, changed and created.
pub(crate) type Aged<'a> = (&'a str, u32, f64, f64, f64);

/// The same, with files in the store.
pub(crate) fn found_beside(
    view: &View,
    events: &[Told],
    files: &[Aged<'_>],
    detector: Detector,
    options: &Options,
) -> Found {
    let place = kanshiki_testkit::tempdir();
    let store = place.path().join("events.sqlite");
    let mut writer = Writer::create_or_open(&store).unwrap();
    let exhibit = writer.exhibit("disk", "test", 1).unwrap();
    let volume = writer.volume(exhibit, "").unwrap();
    enter(&mut writer, volume, files);
    let mut by_path: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    events.iter().for_each(|event| by_path.entry(event.path).or_default().push(event));
    for (path, events) in by_path {
        writer.begin_part().unwrap();
        let times = [None; 5];
        let row = FileRow {
            volume,
            path: Some(path.as_bytes()),
            inode: 12,
            generation: None,
            state: "allocated",
            file_type: "file",
            size: 1,
            mode: 0o640,
            uid: 0,
            gid: 0,
            links: 1,
            times,
        };
        let file = writer.file(&row).unwrap();
        writer.wait(file, 0).unwrap();
        let mut batch = EventBatch::default();
        for event in &events {
            batch.push(&Event {
                kind: event.kind,
                time: Some(Timestamp::from_nanoseconds(event.time * 1_000_000_000)),
                user: event.user.as_bytes(),
                address: event.address.as_bytes(),
                pid: event.pid,
                message: event.message.as_bytes(),
                fields: &event.fields,
                ..Event::default()
            });
        }
        writer.put(Files::Log(file), batch).unwrap();
        writer.end_log(file, &LogRow { state: "whole", ..LogRow::default() }, &gaps(&events)).unwrap();
    }
    writer.close().unwrap();
    let reader = Reader::open(&store).unwrap();
    let mut found = Found::default();
    let owned = crate::owned::Owned::new(kanshiki_packages::Packages::read(view), std::collections::HashSet::new());
    let progress = &kanshiki_model::Silent;
    let lists = &crate::lists::Lists::open(options, progress).unwrap().unwrap();
    let image =
        Image { view, owned: &owned, options, lists, progress, db: reader.connection(), exhibit: 1, zone: None };
    detector(&image, &mut found).unwrap();
    found
}

/// Silences of some hours, as the examination finds them in logs that are not silent by habit.
fn gaps(events: &[&Told]) -> Vec<Gap> {
    let nanoseconds = |event: &Told| Some(event.time * 1_000_000_000);
    let pairs = events.iter().zip(events.iter().skip(1)).filter(|(one, next)| next.time - one.time >= 4 * 3600);
    let gap =
        |(one, next): (&&Told, &&Told)| Gap { start: nanoseconds(one), end: nanoseconds(next), reason: String::new() };
    if events.len() < 100 { Vec::new() } else { pairs.map(gap).collect() }
}

fn enter(writer: &mut Writer, volume: kanshiki_store::VolumeId, files: &[Aged<'_>]) {
    for (number, (path, mode, modified, changed, created)) in (100..).zip(files) {
        let time = |seconds: f64| Some((seconds * 1e3).round() as i64 * 1_000_000);
        let row = FileRow {
            volume,
            path: Some(path.as_bytes()),
            inode: number,
            generation: None,
            state: "allocated",
            file_type: "file",
            size: 1,
            mode: *mode,
            uid: 0,
            gid: 0,
            links: 1,
            times: [time(*modified), time(*modified), time(*changed), time(*created), None],
        };
        writer.file(&row).unwrap();
    }
}

/// The findings in words: `severity rule: title`.
pub(crate) fn titles(found: &Found) -> Vec<String> {
    found.findings.iter().map(|it| format!("{} {}: {}", it.severity.name(), it.rule.id, it.title)).collect()
}

/// A view of files with a content, and of others that hold one letter and have these modes.
pub(crate) fn with_modes(files: &[(&str, &str)], modes: &[(&str, u16)]) -> View {
    let all: Vec<(&str, &str)> = files.iter().copied().chain(modes.iter().map(|(path, _)| (*path, "x"))).collect();
    let mut filesystem = MemoryFileSystem::of_paths(&all);
    let of = |filesystem: &MemoryFileSystem| {
        View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem.clone()) })
    };
    let view = of(&filesystem);
    for (path, mode) in modes {
        let path = kanshiki_model::EvidencePath::from_bytes(path.as_bytes());
        let inode = view.lookup(&path, kanshiki_filesystem::Follow::All).unwrap().node.id.inode;
        let node = &mut filesystem.node_mut(inode).unwrap().node;
        (node.mode, node.uid, node.gid) = (0o100_000 | mode, 0, 0);
    }
    of(&filesystem)
}
