use super::*;
use kanshiki_filesystem::{Follow, MemoryFileSystem, NodeState, NodeType, Volume};
use kanshiki_model::{EvidencePath, visible};
use std::sync::Arc as Shared;

struct Paths;

impl Sweeper for Paths {
    type Batch = Vec<String>;

    fn visit(&self, item: &Item<'_>, batch: &mut Vec<String>) -> Descend {
        let removed = if item.live { "" } else { " removed" };
        batch.push(format!("{}{removed}", visible(item.path)));
        if item.path.ends_with(b"closed") { Descend::No } else { Descend::Yes }
    }

    fn damage(&self, path: &[u8], _volume: usize, error: &FsError, batch: &mut Vec<String>) {
        batch.push(format!("{}: {error}", visible(path)));
    }
}

fn view(filesystem: MemoryFileSystem) -> View {
    View::of(Volume { name: String::new(), filesystem: Shared::new(filesystem) })
}

fn swept(view: &View, options: SweepOptions) -> Vec<String> {
    let root = view.lookup(&EvidencePath::root(), Follow::All).unwrap();
    let mut all = Vec::new();
    sweep(view, &[root], options, &Paths, &mut |batch| {
        all.extend(batch);
        ControlFlow::Continue(())
    });
    all
}

/// Directories in directories, with as many files in each as its number.
fn tree(directories: u64) -> MemoryFileSystem {
    let mut filesystem = MemoryFileSystem::new();
    let mut inodes = vec![2];
    for number in 0..directories {
        let parent = inodes[usize::try_from(number / 3).unwrap()];
        let directory = filesystem.add(parent, format!("d{number}").as_bytes(), NodeType::Directory, b"");
        inodes.push(directory);
        for file in 0..number % 7 {
            filesystem.add(directory, format!("f{file}").as_bytes(), NodeType::File, b"");
        }
    }
    filesystem
}

#[test]
fn a_directorys_own_entries_come_before_what_lies_in_them() {
    let mut filesystem = MemoryFileSystem::new();
    let b = filesystem.add(2, b"b", NodeType::Directory, b"");
    let a = filesystem.add(2, b"a", NodeType::Directory, b"");
    let closed = filesystem.add(2, b"closed", NodeType::Directory, b"");
    filesystem.add(closed, b"unseen", NodeType::File, b"");
    filesystem.add(b, b"2", NodeType::File, b"");
    filesystem.add(b, b"1", NodeType::File, b"");
    filesystem.add(a, b"3", NodeType::File, b"");
    let view = view(filesystem);
    assert_eq!(swept(&view, SweepOptions::default()), ["/", "/b", "/a", "/closed", "/b/2", "/b/1", "/a/3"]);
    let by_name = SweepOptions { order: Order::Name, ..SweepOptions::default() };
    assert_eq!(swept(&view, by_name), ["/", "/a", "/b", "/closed", "/a/3", "/b/1", "/b/2"]);
}

#[test]
fn the_order_is_the_same_however_many_threads_there_are() {
    let view = view(tree(600));
    let one = swept(&view, SweepOptions { threads: 1, ..SweepOptions::default() });
    assert_eq!(one.len(), 1 + 600 + (0..600).map(|number| number % 7).sum::<usize>());
    for threads in [2, 3, 8] {
        for _ in 0..5 {
            assert_eq!(swept(&view, SweepOptions { threads, ..SweepOptions::default() }), one);
        }
    }
}

#[test]
fn a_large_directory_keeps_the_order_of_its_entries() {
    let mut filesystem = MemoryFileSystem::new();
    let inodes: Vec<u64> =
        (0..9000).map(|number| filesystem.add(2, format!("f{number}").as_bytes(), NodeType::File, b"")).collect();
    let directory = filesystem.add(2, b"mixed", NodeType::Directory, b"");
    for place in 0..9000_usize {
        let number = place * 7919 % 9000;
        filesystem.link(directory, format!("m{number}").as_bytes(), inodes[number], NodeType::File);
    }
    let found = swept(&view(filesystem), SweepOptions::default());
    let mixed: Vec<&String> = found.iter().filter(|path| path.starts_with("/mixed/")).collect();
    let expected: Vec<String> = (0..9000_usize).map(|place| format!("/mixed/m{}", place * 7919 % 9000)).collect();
    assert_eq!(mixed, expected.iter().collect::<Vec<_>>());
    assert_eq!(found.len(), 18_002);
}

#[test]
fn a_directory_with_two_names_is_gone_into_once_and_told() {
    let mut filesystem = MemoryFileSystem::new();
    let first = filesystem.add(2, b"first", NodeType::Directory, b"");
    filesystem.add(first, b"file", NodeType::File, b"");
    filesystem.link(2, b"second", first, NodeType::Directory);
    filesystem.link(first, b"up", 2, NodeType::Directory);
    let found = swept(&view(filesystem), SweepOptions::default());
    assert_eq!(found.iter().filter(|path| path.ends_with("/file")).count(), 1);
    let damage: Vec<&String> = found.iter().filter(|path| path.contains("gone into once")).collect();
    assert!(damage[0].starts_with("/second: damaged directory tree of inode 11"), "{damage:?}");
    assert!(damage[1].starts_with("/first/up: damaged directory tree of inode 2"), "{damage:?}");
}

#[test]
fn removed_entries_are_come_by_where_asked_and_deleted_directories_are_gone_into() {
    let mut filesystem = MemoryFileSystem::new();
    let gone = filesystem.add(2, b"gone", NodeType::Directory, b"");
    filesystem.add(gone, b"file", NodeType::File, b"");
    filesystem.add(2, b"kept", NodeType::File, b"");
    filesystem.remove(2, b"gone");
    // What only a deleted directory names is in use, and counts as unattached, unless it is deleted too.
    filesystem.node_mut(12).unwrap().node.state = NodeState::Deleted;
    let view = view(filesystem);
    assert_eq!(swept(&view, SweepOptions::default()), ["/", "/kept"]);
    let options = SweepOptions { names: Names::WithRemoved, ..SweepOptions::default() };
    assert_eq!(swept(&view, options), ["/", "/kept", "/gone removed", "/gone/file removed"]);
}

#[test]
fn damage_in_a_directory_is_told_and_the_sweep_goes_on() {
    let mut filesystem = MemoryFileSystem::new();
    filesystem.add(2, b"file", NodeType::File, b"");
    filesystem.link(2, b"lost", 999, NodeType::File);
    filesystem.node_mut(2).unwrap().damage = Some("a bad entry");
    let found = swept(&view(filesystem), SweepOptions::default());
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[3].starts_with("/: damaged"), "{found:?}");
}

#[test]
fn inodes_in_use_that_no_name_leads_to_come_last_with_what_lies_in_them_also_where_they_lie_in_each_other() {
    let mut filesystem = MemoryFileSystem::new();
    filesystem.add(2, b"named", NodeType::File, b"");
    let lost = filesystem.add(2, b"lost", NodeType::Directory, b"");
    filesystem.add(lost, b"inside", NodeType::File, b"");
    let one = filesystem.add(2, b"one", NodeType::Directory, b"");
    let other = filesystem.add(one, b"other", NodeType::Directory, b"");
    filesystem.link(other, b"one", one, NodeType::Directory);
    filesystem.node_mut(2).unwrap().entries.retain(|entry| entry.name != b"lost" && entry.name != b"one");
    let view = view(filesystem);
    let found = swept(&view, SweepOptions::default());
    let path = |rest: &str| format!("/$OrphanFiles/OrphanFile-{rest}");
    let expected = ["/".to_owned(), "/named".to_owned(), path("12"), path("12/inside"), path("14"), path("14/other")];
    assert_eq!(found.get(..6), Some(&expected[..]), "{found:?}");
    assert!(found.iter().any(|line| line.contains("no name leads to: 2, the first of them inode 12")), "{found:?}");
    // Below a directory, nothing is said of the rest.
    let start = view.lookup(&EvidencePath::from_bytes(&b"/named"[..]), Follow::All).unwrap();
    let mut count = 0;
    sweep(&view, &[start], SweepOptions::default(), &Paths, &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(count, 1);
}

#[test]
fn nothing_more_is_handed_on_after_the_end_was_asked_for() {
    let view = view(tree(100));
    let root = view.lookup(&EvidencePath::root(), Follow::All).unwrap();
    let mut count = 0;
    sweep(&view, &[root], SweepOptions::default(), &Paths, &mut |_| {
        count += 1;
        if count == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(count, 3);
}
