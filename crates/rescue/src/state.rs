//! What the rescue system did, in files in memory: `/run/kanshiki-rescue`.

use crate::RescueError;
use kanshiki_acquire::device::BlockDevice;
use kanshiki_acquire::host::rescue::{ACTS, STATE};
use kanshiki_model::{Fact, Timestamp};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// The longest of these files that is read, in bytes.
const FILE_BYTES: u64 = 16 << 20;

/// The folder of the files.
#[derive(Debug, Clone)]
pub struct State {
    folder: PathBuf,
}

/// What was done with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActKind {
    /// The kernel refuses writes to it.
    ReadOnly,
    /// The kernel could not be made to refuse writes to it.
    Failed,
    /// The examiner made it a destination: the kernel accepts writes to it.
    Writable,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// When.
    pub time: Timestamp,
    /// What.
    pub act: ActKind,
    /// The kernel's name of the device, made visible.
    pub device: String,
    /// The kernel's number of the device.
    pub number: String,
    /// The number of the disk among all that the kernel has seen since it started.
    pub disk_sequence: Option<u64>,
    /// Its serial number, where it has one.
    pub serial: Option<String>,
    /// Its model, where it tells one.
    pub model: Option<String>,
    /// Its length in bytes.
    pub bytes: Option<u64>,
    /// Sectors of 512 bytes that were written to the disk until then.
    pub sectors_written: Option<u64>,
    /// What is to be said beside, such as why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

impl Act {
    /// An act upon a device, with what is known of the device now.
    #[must_use]
    pub fn upon(device: &BlockDevice, act: ActKind, time: Timestamp, note: Option<String>) -> Self {
        let facts = device.identity_facts();
        let text = |name: &str| facts.get(name).and_then(Fact::text);
        Self {
            time,
            act,
            device: device.name(),
            number: device.number().to_string(),
            disk_sequence: device.disk_sequence(),
            serial: text("serial"),
            model: text("model"),
            bytes: device.size_bytes().ok(),
            sectors_written: device.sectors_written().number(),
            note,
        }
    }

    /// Whether this act was upon the disk of the device, as it is there now.
    #[must_use]
    pub fn is_upon_disk_of(&self, device: &BlockDevice) -> bool {
        let disk = device.whole_disk();
        self.device == disk.name() && self.disk_sequence == disk.disk_sequence()
    }
}

impl State {
    /// That of the running system.
    #[must_use]
    pub fn system() -> Self {
        Self::at(&Path::new("/").join(STATE))
    }

    /// One in another folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Notes an act. One line is written with one call, so that lines of several programs do not mix.
    ///
    /// # Errors
    ///
    /// [`RescueError::State`].
    pub fn note(&self, act: &Act) -> Result<(), RescueError> {
        let path = self.folder.join(ACTS);
        let written = serde_json::to_string(act).map_err(io::Error::other).and_then(|line| {
            fs::create_dir_all(&self.folder)?;
            #[expect(clippy::disallowed_methods, reason = "a journal in memory, of the rescue system and no evidence")]
            let mut file = fs::OpenOptions::new().append(true).create(true).open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())
        });
        written.map_err(|source| RescueError::State { path, source })
    }

    /// All acts so far, the oldest first; none if nothing was done.
    ///
    /// # Errors
    ///
    /// [`RescueError::State`].
    pub fn acts(&self) -> Result<Vec<Act>, RescueError> {
        let path = self.folder.join(ACTS);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(RescueError::State { path, source }),
        };
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Whether the examiner made the disk of this device a destination.
    ///
    /// # Errors
    ///
    /// [`RescueError::State`].
    pub fn is_destination(&self, device: &BlockDevice) -> Result<bool, RescueError> {
        let acts = self.acts()?;
        Ok(acts.iter().any(|act| act.act == ActKind::Writable && act.is_upon_disk_of(device)))
    }

    /// Writes a file whole, so that nobody reads half of it.
    ///
    /// # Errors
    ///
    /// [`RescueError::State`].
    pub fn write(&self, name: &str, value: &impl Serialize) -> Result<(), RescueError> {
        let path = self.folder.join(name);
        let written = serde_json::to_string_pretty(value).map_err(io::Error::other).and_then(|text| {
            fs::create_dir_all(&self.folder)?;
            let half = path.with_extension("new");
            #[expect(clippy::disallowed_methods, reason = "a file in memory, of the rescue system and no evidence")]
            fs::write(&half, text + "\n")?;
            fs::rename(&half, &path)
        });
        written.map_err(|source| RescueError::State { path, source })
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(kind: ActKind) -> Act {
        Act {
            time: Timestamp::from_nanoseconds(0),
            act: kind,
            device: "sdb".to_owned(),
            number: "8:16".to_owned(),
            disk_sequence: Some(3),
            serial: Some("A1".to_owned()),
            model: None,
            bytes: Some(512),
            sectors_written: Some(0),
            note: None,
        }
    }

    #[test]
    fn acts_are_read_back_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(&folder.path().join("rescue"));
        assert_eq!(state.acts().unwrap(), []);
        state.note(&act(ActKind::ReadOnly)).unwrap();
        state.note(&act(ActKind::Writable)).unwrap();
        assert_eq!(state.acts().unwrap(), [act(ActKind::ReadOnly), act(ActKind::Writable)]);
    }

    #[test]
    fn a_line_that_is_not_whole_takes_nothing_else_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path());
        state.note(&act(ActKind::ReadOnly)).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a broken file in a temporary folder")]
        fs::OpenOptions::new().append(true).open(folder.path().join(ACTS)).unwrap().write_all(b"{\"act\n").unwrap();
        state.note(&act(ActKind::Failed)).unwrap();
        assert_eq!(state.acts().unwrap().len(), 2);
    }
}
