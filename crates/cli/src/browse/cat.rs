//! `kanshiki cat`: the content of files.

use super::range::{blocks, open_range};
use super::terminal::Harmless;
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use kanshiki_filesystem::{Follow, NodeType};
use kanshiki_image::{Piece, Source, Window, pieces};
use kanshiki_model::{ByteRange, Issue};
use std::ffi::OsString;
use std::io::{IsTerminal as _, stdout};
use std::ops::RangeInclusive;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Bytes go out as they are, holes as zeroes. On a terminal, control characters and bytes that are no
text are escaped; --raw keeps them as they are. What cannot be read is filled with zeroes, so that
all else keeps its place, and is told. Of several files, one that cannot be opened is told, and the
others are given. Of a deleted inode, what its map still leads to is given.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done.

Examples:
  kanshiki cat disk.raw /etc/fstab
  kanshiki cat disk.raw /var/log/wtmp > wtmp
  kanshiki cat disk.raw:p2 --inode 12 --range 1M-2M | sha256sum
  kanshiki cat disk.raw:p2 --block 8193-8194 | hexdump -C";

/// Write the content of files, inodes or blocks to standard output
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CatArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// What to give.
    #[command(flatten)]
    target: TargetArguments,
    /// Bytes as they are on a terminal too
    #[arg(long)]
    raw: bool,
}

/// Bytes in a volume: of files, inodes or blocks.
#[derive(Debug, clap::Args)]
pub(crate) struct TargetArguments {
    /// Files in the image
    #[arg(value_name = "PATH", required_unless_present_any = ["inode", "block"])]
    paths: Vec<OsString>,
    /// The inode with this number, in use or deleted
    #[arg(long, value_name = "NUMBER", conflicts_with = "paths")]
    inode: Option<u64>,
    /// Blocks of the volume, one or from A to B
    #[arg(long, value_name = "A-B", value_parser = blocks, conflicts_with_all = ["paths", "inode"])]
    block: Option<RangeInclusive<u64>>,
    /// Only the bytes from A up to, not including, B of each file; units as in 1K-2MiB, either end may be left out
    #[arg(long, value_name = "A-B", value_parser = open_range, allow_hyphen_values = true)]
    range: Option<ByteRange>,
}

/// Bytes to give.
pub(crate) struct Target {
    /// What they are, made visible.
    pub(crate) name: String,
    /// The bytes, from the start of the file or the volume.
    pub(crate) source: Source,
    /// Those of them that were asked for.
    pub(crate) range: ByteRange,
}

impl TargetArguments {
    /// Whether several files were asked for.
    pub(crate) const fn are_several(&self) -> bool {
        self.paths.len() > 1
    }

    /// Opens what was asked for and hands it on, one after the other. Of several files, those that cannot be opened are
    /// told, and the others are given.
    pub(crate) fn each(
        &self,
        evidence: &Evidence,
        output: &mut Output,
        mut give: impl FnMut(&Target, &mut Output) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let whole = self.range.unwrap_or(ByteRange::new(0, u64::MAX));
        if let Some(blocks) = &self.block {
            return give(&block_target(evidence, blocks, whole)?, output);
        }
        if let Some(inode) = self.inode {
            let (place, _) = evidence.inode(inode)?;
            return give(&content(evidence, place, format!("inode {inode}"), whole)?, output);
        }
        let open = |path: &OsString| {
            let located = evidence.locate(Some(path), Follow::All)?;
            if located.node.node_type == NodeType::Directory {
                return Err(Failure::new(format!("`{}` is a directory", evidence.shown(path)))
                    .hint("`kanshiki ls` lists it; with --inode its own bytes are given"));
            }
            content(evidence, located.place, located.path.to_string(), whole)
        };
        let (mut given, mut last) = (false, None);
        for path in &self.paths {
            match open(path) {
                Ok(target) => {
                    given = true;
                    give(&target, output)?;
                }
                Err(failure) if self.paths.len() == 1 => return Err(failure),
                Err(failure) => {
                    output.issue(&Issue::new(evidence.shown(path), failure.to_string()))?;
                    last = Some(failure);
                }
            }
        }
        last.filter(|_| !given).map_or(Ok(()), Err)
    }
}

fn content(
    evidence: &Evidence,
    place: kanshiki_filesystem::Place,
    name: String,
    range: ByteRange,
) -> Result<Target, Failure> {
    let filesystem = evidence.view.filesystem(place);
    let filesystem = filesystem.ok_or_else(|| Failure::new(format!("there is no volume {}", place.volume)))?;
    let source = filesystem.content(place.node);
    let source = source.map_err(|error| Failure::from_error(format!("cannot read `{name}`"), &error))?;
    let range = range.intersect(ByteRange::new(0, source.len()));
    Ok(Target { name, source, range })
}

fn block_target(evidence: &Evidence, blocks: &RangeInclusive<u64>, range: ByteRange) -> Result<Target, Failure> {
    let volume = evidence.only_volume("a block")?;
    let (_, node) = evidence.view.root_of(volume).map_err(|error| Failure::of(&error))?;
    let place = kanshiki_filesystem::Place { volume, node: node.id };
    let summary = evidence.view.filesystem(place).map(|filesystem| filesystem.summary());
    let (block_bytes, count) = summary.map_or((0, 0), |summary| (summary.block_bytes, summary.blocks));
    let source = evidence.volume_source(volume).filter(|_| block_bytes > 0 && *blocks.end() < count);
    let source = source.ok_or_else(|| {
        Failure::new(format!("the volume has no block {}", blocks.end()))
            .because(format!("it has {count} blocks of {block_bytes} bytes, counted from 0"))
    })?;
    let span = ByteRange::new(
        blocks.start().saturating_mul(block_bytes),
        blocks.end().saturating_add(1).saturating_mul(block_bytes),
    );
    let range = ByteRange::new(span.start.saturating_add(range.start), span.start.saturating_add(range.end));
    let name = format!("blocks {}-{}", blocks.start(), blocks.end());
    Ok(Target { name, source: Arc::clone(source), range: range.intersect(span) })
}

/// Runs the verb.
pub(crate) fn run(arguments: &CatArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(RowsArguments::default(), console)?;
    evidence.tell(&mut output)?;
    let mut escape = (!arguments.raw && stdout().is_terminal()).then(Harmless::default);
    arguments.target.each(&evidence, &mut output, |target, output| give(target, escape.as_mut(), output))?;
    if let Some(rest) = escape.map(|mut escape| escape.finish()) {
        output.bytes(rest.as_bytes())?;
    }
    output.finish()
}

fn give(target: &Target, mut escape: Option<&mut Harmless>, output: &mut Output) -> Result<(), Failure> {
    let mut put = |bytes: &[u8], output: &mut Output| match &mut escape {
        Some(escape) => output.bytes(escape.push(bytes).as_bytes()),
        None => output.bytes(bytes),
    };
    let window = Window::new(Arc::clone(&target.source), ByteRange::new(0, target.range.end));
    pieces(&window, target.range, &mut |piece| match piece {
        Piece::Bytes(bytes) => put(bytes, output),
        Piece::Unreadable { range, error } => {
            let failure = Failure::of(&error);
            output.issue(&Issue::at(&target.name, range, format!("{failure}; filled with zeroes")))?;
            let zeroes = [0; 1 << 16];
            let mut left = range.len();
            while left > 0 {
                let take = left.min(zeroes.len() as u64);
                put(&zeroes[..usize::try_from(take).unwrap_or(zeroes.len())], output)?;
                left -= take;
            }
            Ok(())
        }
    })
}
