//! The kernel's tables of mounts and swap areas.
//!
//! ```text
//! 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//! id parent major:minor root mount-point options fields* - type source super-options
//! ```
//!
//! Blank, tab, line feed and backslash are `\040` and so on in every field. Source: proc_pid_mountinfo(5).

use super::DeviceNumber;
use super::sysfs::{Roots, TABLE_BYTES, read_limited};
use std::io;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) id: u64,
    pub(crate) device: DeviceNumber,
    pub(crate) mount_point: Vec<u8>,
    pub(crate) options: String,
    pub(crate) kind: Vec<u8>,
    pub(crate) source: Vec<u8>,
    pub(crate) super_options: Vec<u8>,
}

impl Mount {
    /// Whether the filesystem itself writes nothing; a bind mount may be read-only while the filesystem is not.
    pub(crate) fn is_read_only(&self) -> bool {
        self.super_options.split(|byte| *byte == b',').any(|option| option == b"ro")
    }

    /// The value of an option of the filesystem such as `upperdir`.
    pub(crate) fn super_option(&self, name: &str) -> Option<&[u8]> {
        self.super_options
            .split(|byte| *byte == b',')
            .find_map(|option| option.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }
}

/// One swap area: a device or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Swap {
    pub(crate) path: Vec<u8>,
}

/// All mounts that this process sees.
pub(crate) fn read_mounts(roots: &Roots) -> io::Result<Vec<Mount>> {
    Ok(parse_mountinfo(&read_limited(&roots.proc.join("self/mountinfo"), TABLE_BYTES)?))
}

/// All swap areas.
pub(crate) fn read_swaps(roots: &Roots) -> io::Result<Vec<Swap>> {
    Ok(parse_swaps(&read_limited(&roots.proc.join("swaps"), TABLE_BYTES)?))
}

/// Reads the text of /proc/self/mountinfo; lines that are not understood are left out.
pub(crate) fn parse_mountinfo(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(parse_mount).collect()
}

/// The kind of the filesystem under `/`, from the text of /proc/self/mountinfo.
pub(crate) fn root_filesystem(text: &[u8]) -> Option<String> {
    let mounts = parse_mountinfo(text);
    let root = mounts.iter().rev().find(|mount| mount.mount_point == b"/")?;
    Some(kanshiki_model::visible(&root.kind))
}

fn parse_mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ').filter(|field| !field.is_empty());
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let device = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
    let mount_point = unescape(fields.nth(1)?);
    let options = String::from_utf8_lossy(fields.next()?).into_owned();
    fields.find(|field| *field == b"-")?;
    let kind = unescape(fields.next()?);
    let source = unescape(fields.next()?);
    let super_options = unescape(fields.next().unwrap_or_default());
    Some(Mount { id, device, mount_point, options, kind, source, super_options })
}

/// Reads the text of /proc/swaps, whose first line is a heading.
pub(crate) fn parse_swaps(text: &[u8]) -> Vec<Swap> {
    let lines = text.split(|byte| *byte == b'\n').skip(1);
    lines
        .filter_map(|line| line.split(|byte| matches!(byte, b' ' | b'\t')).next())
        .filter(|path| !path.is_empty())
        .map(|path| Swap { path: unescape(path) })
        .collect()
}

/// Replaces `\ooo` by the byte with that octal number.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        match (*first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                out.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: &[u8] = b"27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n\
        40 27 8:17 / /mnt/my\\040disk\\134x ro,nosuid shared:7 master:2 - vfat /dev/sdb1 rw,utf8\n\
        41 27 0:45 / /data rw - btrfs /dev/sdc ro,subvolid=5\n\
        42 27 0:46 / / rw - overlay overlay rw,lowerdir=/lower,upperdir=/cow/a\\040b,workdir=/cow/w\n";

    #[test]
    fn mounts_are_read_with_their_escapes() {
        let mounts = parse_mountinfo(TABLE);
        assert_eq!(mounts.len(), 4);
        assert_eq!(mounts[1].id, 40);
        assert_eq!(mounts[1].device, DeviceNumber { major: 8, minor: 17 });
        assert_eq!(mounts[1].mount_point, b"/mnt/my disk\\x");
        assert_eq!(mounts[1].source, b"/dev/sdb1");
        assert_eq!(mounts[1].kind, b"vfat");
        assert_eq!(mounts[1].options, "ro,nosuid");
    }

    #[test]
    fn a_read_only_mount_of_a_writable_filesystem_counts_as_writable() {
        let mounts = parse_mountinfo(TABLE);
        assert!(!mounts[1].is_read_only());
        assert!(mounts[2].is_read_only());
    }

    #[test]
    fn options_of_the_filesystem_are_found_by_name() {
        let mounts = parse_mountinfo(TABLE);
        assert_eq!(mounts[3].super_option("upperdir"), Some(b"/cow/a b".as_slice()));
        assert_eq!(mounts[3].super_option("upper"), None);
    }

    #[test]
    fn swaps_are_read_after_the_heading() {
        let text = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/sda2                partition\t999\t0\t-2\n/my\\040swap file\t1\t0\t-3\n";
        let paths: Vec<Vec<u8>> = parse_swaps(text).into_iter().map(|swap| swap.path).collect();
        assert_eq!(paths, [b"/dev/sda2".to_vec(), b"/my swap".to_vec()]);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse_mountinfo(&bytes);
            parse_swaps(&bytes);
        }

        #[test]
        fn any_mount_point_comes_back(point in proptest::collection::vec(1_u8.., 1..40)) {
            let escaped: Vec<u8> = point.iter().flat_map(|byte| match byte {
                b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
                other => vec![*other],
            }).collect();
            let line = [b"1 0 8:1 / ".as_slice(), &escaped, b" rw - ext4 /dev/sda1 rw\n"].concat();
            let mounts = parse_mountinfo(&line);
            prop_assert_eq!(&mounts[0].mount_point, &point);
        }
    }
}
