//! What a user types to name an image and a volume on it: `IMAGE`, `IMAGE:p2`, `IMAGE:vg/root`, `IMAGE:`.

use kanshiki_model::visible;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// An image, and perhaps a volume on it.
///
/// A path that exists is an image, whatever colons stand in it. Otherwise the longest part before a colon that exists is
/// the image, and what follows that colon is the volume, which may hold colons too. `./` in front, or a colon at the end,
/// keeps a path from being taken for something else: `disk:p2:` is the file `disk:p2`.
///
/// Without a volume the address means all volumes, put together as the host had them; an empty volume, as in `IMAGE:`,
/// means the image itself as one volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The image: a file, the first part of a split image, an exhibit's folder, or a device.
    pub image: PathBuf,
    /// The volume's name as [`VolumeSet::find`](super::VolumeSet::find) takes it.
    pub volume: Option<String>,
}

impl Address {
    /// Takes apart what was typed, by what exists. If nothing does, all of it is the image, so that the error which
    /// follows names what was typed.
    #[must_use]
    pub fn parse(typed: &OsStr) -> Self {
        Self::parse_with(typed, |path| path.symlink_metadata().is_ok())
    }

    /// The same with another notion of what exists.
    #[must_use]
    pub fn parse_with(typed: &OsStr, exists: impl Fn(&Path) -> bool) -> Self {
        let bytes = typed.as_bytes();
        let split = |at: usize| {
            let (image, volume) = bytes.split_at_checked(at)?;
            let image = Path::new(OsStr::from_bytes(image));
            (!image.as_os_str().is_empty() && exists(image))
                .then(|| Self { image: image.to_owned(), volume: volume.get(1..).map(visible) })
        };
        let whole = Self { image: PathBuf::from(typed), volume: None };
        if exists(&whole.image) {
            return whole;
        }
        let mut colons = bytes.iter().enumerate().rev().filter(|(_, byte)| **byte == b':');
        colons.find_map(|(at, _)| split(at)).unwrap_or(whole)
    }
}

/// As it can be typed again, made visible.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(self.image.as_os_str().as_bytes()))?;
        self.volume.as_ref().map_or(Ok(()), |volume| write!(f, ":{volume}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(typed: &str, there: &[&str]) -> (String, Option<String>) {
        let address = Address::parse_with(OsStr::new(typed), |path| there.iter().any(|name| Path::new(name) == path));
        (address.image.to_str().unwrap().to_owned(), address.volume)
    }

    fn both(image: &str, volume: &str) -> (String, Option<String>) {
        (image.to_owned(), Some(volume.to_owned()))
    }

    #[test]
    fn a_volume_follows_the_first_colon_after_the_image() {
        assert_eq!(parsed("d.raw", &["d.raw"]), ("d.raw".to_owned(), None));
        assert_eq!(parsed("d.raw:p2", &["d.raw"]), both("d.raw", "p2"));
        assert_eq!(parsed("d.raw:vg/root", &["d.raw"]), both("d.raw", "vg/root"));
        assert_eq!(parsed("d.raw:b:p2", &["d.raw"]), both("d.raw", "b:p2"));
        assert_eq!(parsed("d.raw:", &["d.raw"]), both("d.raw", ""));
    }

    #[test]
    fn a_file_with_a_colon_in_its_name_is_taken_as_a_whole() {
        let there = ["d", "d:p2"];
        assert_eq!(parsed("d:p2", &there), ("d:p2".to_owned(), None));
        assert_eq!(parsed("d:p2:p1", &there), both("d:p2", "p1"));
        assert_eq!(parsed("d:p2:", &there), both("d:p2", ""));
        assert_eq!(parsed("d:p1", &there), both("d", "p1"));
    }

    #[test]
    fn what_does_not_exist_is_kept_as_it_was_typed() {
        assert_eq!(parsed("no:p2", &[]), ("no:p2".to_owned(), None));
        assert_eq!(parsed(":p2", &[""]), (":p2".to_owned(), None));
    }

    #[test]
    fn an_address_is_shown_as_it_is_typed() {
        let address = Address { image: "d.raw".into(), volume: Some("vg/root".to_owned()) };
        assert_eq!(address.to_string(), "d.raw:vg/root");
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), there in any::<u64>()) {
            let exists = |path: &Path| there >> (path.as_os_str().len() % 64) & 1 == 1;
            let address = Address::parse_with(OsStr::from_bytes(&bytes), exists);
            prop_assert!(address.image.as_os_str().as_bytes().len() <= bytes.len());
        }
    }
}
