//! Times of access: which files were read (mount(8), `relatime` and `noatime`).

use super::Finder;
use crate::blind::judged::JudgeConfig;
use kanshiki_machine::config::{Dialect, words};
use kanshiki_model::visible;

/// Filesystems that keep a time of access.
const KEEPING: [&[u8]; 5] = [b"ext2", b"ext3", b"ext4", b"xfs", b"btrfs"];

pub(super) fn find(finder: &mut Finder<'_>) {
    let Some(config) = finder.config(&["/etc/fstab"], Dialect::PLAIN) else { return };
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")) {
        let mut fields = words(line.text).skip(1);
        let (Some(folder), Some(kind), options) = (fields.next(), fields.next(), fields.next().unwrap_or_default())
        else {
            continue;
        };
        if !KEEPING.contains(&kind) {
            continue;
        }
        let has = |option: &[u8]| options.split(|byte| *byte == b',').any(|it| it == option);
        let folder = visible(folder);
        if has(b"noatime") || has(b"ro") {
            let unlogged = format!("when files below {folder} were read: no time of access is kept");
            finder.tell("filesystem", &unlogged, config.at(&line));
        } else if !has(b"strictatime") && !has(b"atime") {
            let unlogged = format!(
                "when files below {folder} were read again: a time of access is renewed after a change, or after a day"
            );
            let judged = config.at(&line).and("strictatime is not set; the default of Linux is relatime");
            finder.tell("filesystem", &unlogged, judged);
        }
    }
}
