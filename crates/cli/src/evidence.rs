//! The evidence that a browsing verb looks at: images, the volumes in them, their filesystems, and the tree that these
//! make together.

mod image;
mod volume;

pub(crate) use image::RecordedImage;
pub(crate) use volume::volume_and_root;

use crate::failure::Failure;
use crate::output::Output;
use clap::ValueEnum;
use kanshiki_filesystem::{Follow, FsError, JournalState, JournalUse, Located, LookupError, Node, Place, View};
use kanshiki_image::Source;
use kanshiki_image::volumes::{Address, ImagePlace, Piece, VolumeSet};
use kanshiki_model::{ByteRange, EvidencePath, Issue, Note, from_visible, visible};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What to look at, and how.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct EvidenceArguments {
    /// Image, first part of a split image, exhibit's folder, or disk; opened read-only. A volume of it is chosen behind
    /// a colon, as in disk.raw:p2 or disk.raw:vg/root
    #[arg(value_name = "IMAGE[:VOLUME]")]
    pub(crate) image: OsString,
    /// Further image of the same host; may be given again
    #[arg(long = "with", value_name = "IMAGE")]
    pub(crate) with: Vec<PathBuf>,
    /// Volume to take as the root of the host's tree, as in --root p2; without it, the one that looks like one
    #[arg(long, value_name = "VOLUME")]
    pub(crate) root: Option<String>,
    /// What to do with a journal that the host did not write back: replay it in memory, or ignore it
    #[arg(long, value_enum, default_value_t, value_name = "HOW", hide_possible_values = true)]
    pub(crate) journal: JournalChoice,
    /// Directory in the image in which paths begin that do not begin with a slash
    // For the shell, which has one; whoever writes a command writes the whole path.
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    pub(crate) begin_in: OsString,
}

/// What to do with a journal that the host did not write back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum JournalChoice {
    /// Replay it in memory, as the next mount would have.
    #[default]
    Replay,
    /// Show the disk as it lies.
    Ignore,
}

impl From<JournalChoice> for JournalUse {
    fn from(choice: JournalChoice) -> Self {
        match choice {
            JournalChoice::Replay => Self::Replay,
            JournalChoice::Ignore => Self::Ignore,
        }
    }
}

/// Open evidence.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The tree.
    pub(crate) view: View,
    /// The images, the first one first.
    pub(crate) images: Vec<RecordedImage>,
    /// The volumes in the images.
    pub(crate) set: VolumeSet,
    issues: Vec<Issue>,
    directory: EvidencePath,
}

impl Evidence {
    /// Opens the images, finds the volumes in them, and puts the chosen ones together.
    pub(crate) fn open(arguments: &EvidenceArguments) -> Result<Self, Failure> {
        let (address, images, set) = Self::find(arguments)?;
        let view = volume::open(&set, &address, arguments.root.as_deref(), arguments.journal.into())?;
        Ok(Self::with(arguments, images, set, view))
    }

    /// The same for a question about a byte of an image, which has an answer also where there is no tree: then the volume
    /// that holds the byte is opened, if there is a filesystem in it.
    ///
    /// # Errors
    ///
    /// What [`Self::open`] returns where the images cannot be opened, or what was asked for beside is not there.
    pub(crate) fn open_at(
        arguments: &EvidenceArguments,
        place: impl FnOnce(&VolumeSet) -> Option<ImagePlace>,
    ) -> Result<Self, Failure> {
        let (address, images, set) = Self::find(arguments)?;
        let journal = arguments.journal.into();
        let view = match volume::open(&set, &address, arguments.root.as_deref(), journal) {
            Err(failure)
                if arguments.root.is_some() || address.volume.is_some_and(|name| set.find(&name).is_none()) =>
            {
                return Err(failure);
            }
            Err(_) => volume::open_holder(&set, place(&set), journal),
            Ok(view) => view,
        };
        Ok(Self::with(arguments, images, set, view))
    }

    fn with(arguments: &EvidenceArguments, images: Vec<RecordedImage>, set: VolumeSet, view: View) -> Self {
        let layouts = set.layouts().iter().flat_map(|layout| &layout.issues);
        let issues =
            images.iter().flat_map(|image| &image.issues).chain(layouts).chain(set.issues()).cloned().collect();
        let directory = EvidencePath::root().under(arguments.begin_in.as_bytes());
        Self { view, images, set, issues, directory }
    }

    /// Opens the images and finds the volumes in them, whatever they hold.
    pub(crate) fn find(arguments: &EvidenceArguments) -> Result<(Address, Vec<RecordedImage>, VolumeSet), Failure> {
        let address = Address::parse(&arguments.image);
        let mut images = vec![RecordedImage::open(&address.image)?];
        for further in &arguments.with {
            images.push(RecordedImage::open(further)?);
        }
        let set = volume::find(&images);
        Ok((address, images, set))
    }

    /// What was found when the images were opened; the view has its own.
    pub(crate) fn issues(&self) -> impl Iterator<Item = &Issue> {
        self.issues.iter()
    }

    /// Evidence that is a view alone.
    #[cfg(test)]
    pub(crate) fn of(view: View) -> Self {
        Self {
            view,
            images: Vec::new(),
            set: VolumeSet::default(),
            issues: Vec::new(),
            directory: EvidencePath::root(),
        }
    }

    /// What is worth knowing and no issue: journals that were replayed, and volumes that are not in the tree.
    pub(crate) fn notes(&self) -> Vec<Note> {
        let journals = (0..self.view.volumes().len()).filter_map(|volume| self.journal_note(volume));
        journals.chain(self.view.notes().iter().cloned()).collect()
    }

    /// Tells what was found when the evidence was opened, and at the end what was noticed while it was looked at.
    pub(crate) fn tell(&self, output: &mut Output) -> Result<(), Failure> {
        let view = self.view.clone();
        output.tell_at_end(move || {
            let noticed = view.noticed();
            noticed.map(|(volume, error)| error.issue(&kanshiki_walk::contents::subject(&view, volume))).collect()
        });
        self.notes().iter().try_for_each(|note| output.note(note))?;
        self.issues.iter().chain(self.view.issues()).try_for_each(|issue| output.issue(issue))
    }

    /// The directory in which paths begin that do not begin with a slash.
    #[cfg(feature = "shell")]
    pub(crate) const fn directory(&self) -> &EvidencePath {
        &self.directory
    }

    /// Chooses that directory; returns the one before.
    #[cfg(feature = "shell")]
    pub(crate) fn change_directory(&mut self, directory: EvidencePath) -> EvidencePath {
        std::mem::replace(&mut self.directory, directory)
    }

    /// What a path of the command line leads to; `None` is the directory in which paths begin, the root if none was
    /// chosen. The path is taken as it stands, or, if nothing has that name, in the form in which this program shows it.
    pub(crate) fn locate(&self, path: Option<&OsStr>, follow: Follow) -> Result<Located, Failure> {
        let bytes = path.map_or(b"".as_slice(), OsStrExt::as_bytes);
        let (meant, found) = self.look_up(bytes, follow);
        found.map_err(|error| Failure::from_error(format!("cannot open `{}`", visible(&meant)), &error))
    }

    /// A path of the command line as [`Self::locate`] takes it, in the form in which this program shows it.
    pub(crate) fn shown(&self, path: &OsStr) -> String {
        visible(&self.look_up(path.as_bytes(), Follow::AllButLast).0)
    }

    /// The path that is meant, and what it leads to.
    fn look_up<'a>(&self, path: &'a [u8], follow: Follow) -> (Cow<'a, [u8]>, Result<Located, LookupError>) {
        let found = self.view.lookup(&self.directory.under(path), follow);
        let escaped = std::str::from_utf8(path).ok().filter(|text| text.contains('\\')).and_then(from_visible);
        match (found, escaped) {
            (Err(LookupError::NotFound { .. }), Some(meant)) => {
                let found = self.view.lookup(&self.directory.under(&meant), follow);
                (Cow::Owned(meant), found)
            }
            (found, _) => (Cow::Borrowed(path), found),
        }
    }

    /// The node of an inode. Where several volumes make the tree, the number alone says nothing.
    pub(crate) fn inode(&self, inode: u64) -> Result<(Place, Node), Failure> {
        let volume = self.only_volume("an inode")?;
        let found = self.view.inode(volume, inode);
        found.map_err(|error| Failure::from_error(format!("cannot open inode {inode}"), &error))
    }

    /// The index of the one volume of the view; `what` is that which is counted in each volume for itself.
    pub(crate) fn only_volume(&self, what: &str) -> Result<usize, Failure> {
        if self.view.volumes().len() == 1 {
            return Ok(0);
        }
        let names: Vec<&str> = self.view.volumes().iter().map(|volume| volume.name.as_str()).collect();
        Err(Failure::new(format!("{what} belongs to one volume, and this tree has {}", names.len())).hint(format!(
            "choose one behind the image, as in IMAGE:{}; there are {}",
            names[0],
            names.join(", ")
        )))
    }

    /// The bytes of a volume of the view.
    pub(crate) fn volume_source(&self, volume: usize) -> Option<&Source> {
        self.set.find(&self.view.volumes().get(volume)?.name)?.source.as_ref()
    }

    /// Where bytes of a volume of the view lie in the images.
    pub(crate) fn image_pieces(&self, volume: usize, range: ByteRange) -> impl Iterator<Item = Piece> + '_ {
        let found = self.view.volumes().get(volume).and_then(|volume| self.set.position(&volume.name));
        found.into_iter().flat_map(move |volume| self.set.pieces(volume, range))
    }

    /// Where a byte of a volume lies in an image; `None` if it lies in none.
    pub(crate) fn image_place(&self, volume: usize, offset: u64) -> Option<ImagePlace> {
        self.image_pieces(volume, ByteRange::new(offset, offset.saturating_add(1))).next()?.place
    }

    /// The name of an image's file, made visible.
    pub(crate) fn image_name(&self, image: usize) -> Option<String> {
        let path = &self.images.get(image)?.path;
        Some(visible(path.file_name().unwrap_or(path.as_os_str()).as_bytes()))
    }

    /// The name of a volume for issues: `p2`, or `volume` where the image is the volume.
    pub(crate) fn volume_name(&self, volume: usize) -> String {
        let name = self.view.volumes().get(volume).map(|volume| volume.name.as_str()).filter(|name| !name.is_empty());
        name.map_or_else(|| "volume".to_owned(), |name| format!("volume {name}"))
    }

    /// An error of a volume as an issue; with the path that was being looked at, where there is one.
    pub(crate) fn issue(&self, volume: usize, path: Option<&EvidencePath>, error: &FsError) -> Issue {
        let name = self.volume_name(volume);
        let subject = path.map_or_else(|| name.clone(), |path| format!("{name}, {path}"));
        error.issue(&subject)
    }

    /// What became of a volume's journal, if the user must know.
    fn journal_note(&self, volume: usize) -> Option<Note> {
        let message = match self.view.volumes().get(volume)?.filesystem.summary().journal {
            JournalState::Replayed { transactions, blocks, fast_commits } => {
                let count = transactions.end.saturating_sub(transactions.start);
                let fast = if fast_commits > 0 { format!(", {fast_commits} fast commits") } else { String::new() };
                format!(
                    "the journal was replayed in memory: {count} transactions{fast}, {blocks} blocks; --journal ignore \
                     shows the disk as it lies"
                )
            }
            JournalState::Ignored => "the journal holds transactions that are ignored".to_owned(),
            _ => return None,
        };
        Some(Note { subject: self.volume_name(volume), message })
    }
}
