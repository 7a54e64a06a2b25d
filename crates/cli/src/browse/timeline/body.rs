//! The bodyfile, in the order of the tree.

use super::super::search::{self, Writer};
use crate::failure::Failure;
use crate::output::Output;
use kanshiki_browse::bounds::Times;
use kanshiki_browse::find::TimeKind;
use kanshiki_browse::timeline::{TimelineOptions, body_line, body_line_nameless, sweep_options};
use kanshiki_filesystem::{FsError, Located, Node, NodeType, Place, View};
use kanshiki_walk::nameless::{self, Named, is_deleted};
use kanshiki_walk::parallel::Piece;
use kanshiki_walk::{Descend, Item, Sweeper, sweep};
use std::cell::RefCell;

/// Writes a line for every name from the starts on, and for every deleted inode without one.
pub(super) fn write(
    view: &View,
    starts: &[Located],
    options: TimelineOptions,
    output: &mut Output,
) -> Result<(), Failure> {
    let lines = Lines { view, times: options.times };
    let writer = RefCell::new(Writer::new(output));
    let names = || {
        let mut named = Named::default();
        sweep(view, starts, sweep_options(options.deleted), &lines, &mut |batch: Batch| {
            batch.named.into_iter().for_each(|place| named.insert(place));
            writer.borrow_mut().write(&batch.piece)
        });
        writer.borrow().failure.is_none().then_some(named)
    };
    if options.deleted && starts.iter().any(|start| start.path.file_name().is_none()) {
        let _ = nameless::beside(view, names, &mut |volume, deleted| {
            let mut piece = Piece::default();
            match deleted {
                Ok(deleted) if lines.has(&deleted.node) => body_line_nameless(&mut piece.bytes, &deleted.node),
                Ok(_) => {}
                Err(error) => piece.issues.push(search::issue(view, volume, b"deleted inodes", &error)),
            }
            writer.borrow_mut().write(&piece)
        });
    } else {
        let _ = names();
    }
    let writer = writer.into_inner();
    writer.end().map(|_| ())
}

#[derive(Default)]
struct Batch {
    piece: Piece,
    named: Vec<Place>,
}

struct Lines<'a> {
    view: &'a View,
    times: Times,
}

impl Lines<'_> {
    /// Whether a node has a time in the range.
    fn has(&self, node: &Node) -> bool {
        self.times == Times::ALL
            || TimeKind::ALL.iter().any(|kind| kind.of(&node.times).is_some_and(|time| self.times.contains(time)))
    }
}

impl Sweeper for Lines<'_> {
    type Batch = Batch;

    fn visit(&self, item: &Item<'_>, batch: &mut Batch) -> Descend {
        let mut target = None;
        match &item.found {
            Ok((place, node)) => {
                if !item.live && is_deleted(node.state) {
                    batch.named.push(*place);
                }
                if !self.has(node) {
                    return Descend::Yes;
                }
                if node.node_type == NodeType::Symlink && item.live {
                    let filesystem = self.view.filesystem(*place);
                    target = filesystem.and_then(|filesystem| filesystem.link_target(place.node).ok());
                }
            }
            Err(error) if item.live => {
                let volume = item.directory.map_or(0, |directory| directory.volume);
                batch.piece.issues.push(search::issue(self.view, volume, item.path, error));
            }
            Err(_) => {}
        }
        body_line(&mut batch.piece.bytes, item, target.as_deref());
        Descend::Yes
    }

    fn damage(&self, path: &[u8], volume: usize, error: &FsError, batch: &mut Batch) {
        batch.piece.issues.push(search::issue(self.view, volume, path, error));
    }
}
