//! Events as lines of a bodyfile, so that mactime puts them beside those of others.
//!
//! `MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime`; source: The Sleuth Kit's "Body file" page. A time of a file
//! stands where its letter says; the time of a record stands as the modification, and its name is the kind and the message.

use kanshiki_store::StoredEvent;

/// The line of an event; `None` if it has no time that the form can hold.
pub(super) fn line(event: &StoredEvent) -> Option<String> {
    let time = event.time?.div_euclid(1_000_000_000);
    // The letters of `file.macbd`.
    let letters = event.kind.strip_prefix("file.");
    let is = |letter: char| letters.is_some_and(|letters| letters.contains(letter));
    let name = match letters {
        Some(_) => event.path.clone().unwrap_or_else(|| format!("inode {}", event.inode)),
        None => {
            format!("[{}] {} ({})", event.kind, event.message.as_deref().unwrap_or_default(), super::rows::place(event))
        }
    };
    let deleted = if letters.is_some() && event.state != "allocated" { " (deleted)" } else { "" };
    let at = |is: bool| if is { time } else { 0 };
    // mactime knows no time of deletion; such an event is shown as the change of the inode that it is.
    let changed = is('c') || (is('d') && !is('m') && !is('a') && !is('b'));
    Some(format!(
        "0|{}{deleted}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
        name.replace('|', "\\x7c"),
        event.inode,
        mode(event),
        event.uid,
        event.gid,
        event.size,
        at(is('a')),
        at(letters.is_none() || is('m')),
        at(changed),
        at(is('b'))
    ))
}

/// Type and permissions as The Sleuth Kit shows them.
fn mode(event: &StoredEvent) -> String {
    let letter = match event.file_type.as_str() {
        "file" => 'r',
        "directory" => 'd',
        "symlink" => 'l',
        "fifo" => 'p',
        "socket" => 's',
        "character-device" => 'c',
        "block-device" => 'b',
        _ => '-',
    };
    let permissions = kanshiki_filesystem::permissions(u16::try_from(event.mode & 0o7777).unwrap_or(0));
    format!("{letter}/{letter}{}", String::from_utf8_lossy(&permissions))
}
