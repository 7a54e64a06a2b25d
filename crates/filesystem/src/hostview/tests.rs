//! Hosts out of filesystems in memory on disks that hold nothing but partition tables and superblocks.

use super::*;
use crate::{Follow, MemoryFileSystem};
use kanshiki_image::volumes::Image;
use kanshiki_image::{Memory, read_exact_at};

const SECTORS: u32 = 64;

/// A disk with an MBR and a partition for each mark: an ext2 superblock whose UUID and label repeat the mark, or, for a
/// capital letter, the magic of XFS.
fn disk(identifier: u32, marks: &[u8]) -> Vec<u8> {
    let mut disk = vec![0; 512 * SECTORS as usize * (marks.len() + 1)];
    disk[440..444].copy_from_slice(&identifier.to_le_bytes());
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    for (number, mark) in marks.iter().enumerate() {
        let first = SECTORS * (number as u32 + 1);
        let entry = &mut disk[446 + 16 * number..][..16];
        entry[4] = 0x83;
        entry[8..12].copy_from_slice(&first.to_le_bytes());
        entry[12..16].copy_from_slice(&SECTORS.to_le_bytes());
        superblock(&mut disk[first as usize * 512..], *mark);
    }
    disk
}

fn superblock(volume: &mut [u8], mark: u8) {
    if mark.is_ascii_uppercase() {
        volume[..4].copy_from_slice(b"XFSB");
        volume[4..8].copy_from_slice(&4096_u32.to_be_bytes());
        volume[32..48].fill(mark);
    } else {
        volume[1080..1082].copy_from_slice(&[0x53, 0xef]);
        volume[1128..1144].fill(mark);
        volume[1144..1148].fill(mark);
    }
}

fn set(disks: Vec<Vec<u8>>) -> VolumeSet {
    let image = |disk| Image { source: Arc::new(Memory(disk)) as Source, sector_bytes: Some(512) };
    VolumeSet::probe(disks.into_iter().map(image).collect())
}

/// Opens a volume by its mark, which its UUID and label repeat.
fn opener<'a>(
    trees: &'a [(u8, &'a [(&'a str, &'a str)])],
) -> impl Fn(&Source) -> Result<Arc<dyn FileSystem>, FsError> + 'a {
    |source| {
        let mut mark = [0];
        read_exact_at(source.as_ref(), 1128, &mut mark).unwrap();
        match trees.iter().find(|(other, _)| [*other] == mark) {
            Some((mark, files)) => {
                let label = String::from_utf8(vec![*mark; 4]).unwrap();
                let two = format!("{mark:02x}{mark:02x}");
                let uuid = format!("{two}{two}-{two}-{two}-{two}-{two}{two}{two}");
                Ok(Arc::new(MemoryFileSystem::of_paths(files).known_as(&label, &uuid)))
            }
            None => Err(FsError::Unsupported { inode: None, detail: "the feature x".to_owned() }),
        }
    }
}

fn mounts(host: &HostView) -> Vec<(String, String)> {
    let volumes = host.view.volumes();
    host.view.mounts().iter().map(|mount| (mount.path.to_string(), volumes[mount.volume].name.clone())).collect()
}

fn issues(view: &View) -> Vec<String> {
    view.issues().map(ToString::to_string).collect()
}

fn notes(view: &View) -> Vec<String> {
    view.notes().iter().map(ToString::to_string).collect()
}

fn pair(path: &str, volume: &str) -> (String, String) {
    (path.to_owned(), volume.to_owned())
}

#[test]
fn the_table_of_the_root_hangs_the_volumes_in_order_of_depth() {
    let fstab = "UUID=61616161-6161-6161-6161-616161616161 / ext4 defaults 0 1\n\
                 PARTUUID=cafe0001-03 /var/log ext4 defaults 0 2\n\
                 LABEL=bbbb /var ext4 defaults 0 2\n\
                 /dev/sdb1 /srv\\040x ext4 defaults 0 2\n\
                 /dev/sda5 none swap sw 0 0\n\
                 tmpfs /tmp tmpfs size=1G 0 0\n\
                 nas:/export /mnt nfs defaults 0 0\n";
    let trees: &[(u8, &[(&str, &str)])] = &[
        (b'a', &[("etc/fstab", fstab), ("usr/bin/", ""), ("var/", ""), ("srv x/", ""), ("tmp/", "")]),
        (b'b', &[("log/", ""), ("lib/x", "")]),
        (b'c', &[("syslog", "hello")]),
        (b'd', &[("data", "")]),
    ];
    let set = set(vec![disk(0xcafe_0001, b"bac"), disk(0xcafe_0002, b"d")]);
    let host = host_view(&set, None, &opener(trees)).unwrap();
    let expected = [pair("/", "p2"), pair("/var", "p1"), pair("/srv x", "b:p1"), pair("/var/log", "p3")];
    assert_eq!((host.root.as_str(), mounts(&host)), ("p2", expected.to_vec()));
    assert_eq!((issues(&host.view), notes(&host.view)), (Vec::new(), Vec::new()));
    let found = host.view.lookup(&EvidencePath::from_bytes("/var/log/syslog"), Follow::All).unwrap();
    assert_eq!(host.view.volumes()[found.place.volume].name, "p3");
    let outcomes: Vec<_> = host.placements.iter().map(|placement| &placement.outcome).collect();
    assert_eq!(outcomes[1], &Outcome::Mounted("p3".to_owned()));
    assert_eq!(outcomes[4], &Outcome::NotOnDisk("swap space".to_owned()));
    assert_eq!(outcomes[6], &Outcome::NotOnDisk("on the network, not part of the images".to_owned()));
}

#[test]
fn a_volume_that_shows_no_signature_is_known_by_what_its_filesystem_says_when_it_is_opened() {
    let fstab = "UUID=61616161-6161-6161-6161-616161616161 / ext4 defaults 0 1\n\
                 LABEL=bbbb /home ext4 defaults 0 2\n\
                 UUID=63636363-6363-6363-6363-636363636363 /var ext4 defaults 0 2\n";
    let files = [("etc/fstab", fstab), ("usr/", ""), ("home/", ""), ("var/", "")];
    let trees: &[(u8, &[(&str, &str)])] = &[(b'a', &files), (b'b', &[("x", "")]), (b'c', &[("y", "")])];
    let mut disk = disk(1, b"abc");
    for number in 1..=3 {
        disk[512 * SECTORS as usize * number + 1080..][..2].fill(0);
    }
    let set = set(vec![disk]);
    assert!(set.volumes().iter().all(|volume| volume.signatures.is_empty()));
    let host = host_view(&set, None, &opener(trees)).unwrap();
    assert_eq!(mounts(&host), [pair("/", "p1"), pair("/home", "p2"), pair("/var", "p3")]);
    assert_eq!((issues(&host.view), notes(&host.view)), (Vec::new(), Vec::new()));
    assert_eq!(host.placements[0].outcome, Outcome::Mounted("p1".to_owned()));
    let alone: &[(u8, &[(&str, &str)])] = &[(b'b', &[("x", "")]), (b'c', &[("y", "")])];
    let error = host_view(&set, None, &opener(alone)).unwrap_err().to_string();
    assert_eq!(
        error,
        "no volume looks like the root of a host; there are volume `p1` (nothing known lies there), \
         volume `p2` (memory \"bbbb\" 62626262-6262-6262-6262-626262626262), \
         volume `p3` (memory \"cccc\" 63636363-6363-6363-6363-636363636363)"
    );
}

#[test]
fn an_opened_filesystem_is_known_by_what_it_says_and_not_by_its_signature() {
    let fstab =
        "LABEL=aaaa / ext4 defaults 0 1\nLABEL=bbbb /home ext4 defaults 0 2\nLABEL=old /old ext4 defaults 0 2\n";
    let files = [("etc/fstab", fstab), ("usr/", ""), ("home/", ""), ("old/", "")];
    let trees: &[(u8, &[(&str, &str)])] = &[(b'a', &files), (b'b', &[("x", "")])];
    let mut disk = disk(1, b"ab");
    disk[512 * SECTORS as usize * 2 + 1144..][..4].copy_from_slice(b"old\0");
    let host = host_view(&set(vec![disk]), None, &opener(trees)).unwrap();
    assert_eq!(mounts(&host), [pair("/", "p1"), pair("/home", "p2")]);
    assert_eq!(issues(&host.view), ["/etc/fstab line 3: LABEL=old is not at /old: it is not among the images"]);
}

#[test]
fn what_could_not_be_placed_is_told_and_reachable_by_its_name() {
    let fstab = "/dev/vda1 / ext4 defaults 0 1\n\
                 UUID=00000000-0000-0000-0000-000000000001 /gone ext4 defaults 0 2\n\
                 /dev/vda2 /xfs xfs defaults 0 2\n\
                 /dev/vda3 /nowhere ext4 defaults 0 2\n\
                 /dev/vda4 /later ext4 noauto 0 2\n\
                 /srv /home none bind 0 0\n\
                 /disk.img /loop ext4 loop 0 0\n\
                 LABEL=xxxx\n\
                 /dev/vdc1 /third ext4 defaults 0 2\n";
    let trees: &[(u8, &[(&str, &str)])] =
        &[(b'a', &[("etc/fstab", fstab), ("usr/", ""), ("xfs/", "")]), (b'c', &[("x", "")]), (b'e', &[("y", "")])];
    let set = set(vec![disk(1, b"aZce"), disk(2, b"eb")]);
    let host = host_view(&set, None, &opener(trees)).unwrap();
    assert_eq!(mounts(&host), [pair("/", "p1")]);
    let expected = [
        "/etc/fstab line 8: it has too few fields, or is too far down",
        "/etc/fstab line 2: UUID=00000000-0000-0000-0000-000000000001 is not at /gone: it is not among the images",
        "/etc/fstab line 3: /dev/vda2 is not at /xfs: volume `p2` cannot be browsed: XFS: this filesystem is recognised, \
         but not read",
        "/etc/fstab line 4: /dev/vda3 is not at /nowhere: volume `p3` cannot hang there: `/nowhere` does not exist",
        "/etc/fstab line 6: /srv is not at /home: bind mounts are not followed; look at /srv",
        "/etc/fstab line 7: /disk.img is not at /loop: /disk.img is a file with a filesystem in it, which is not followed",
        "/etc/fstab line 9: /dev/vdc1 is not at /third: which image the disk `vdc` is cannot be told",
        "volume `b:p2`: not supported: the feature x",
    ];
    assert_eq!(issues(&host.view), expected);
    let expected = [
        "volume `p4`: the host mounts it at /later only when asked (noauto)",
        "volume `b:p1`: /etc/fstab does not say where it hangs; look at it by its name",
    ];
    assert_eq!(notes(&host.view), expected);
    assert_eq!(volume_view(&set, "p3", &opener(trees)).unwrap().volumes()[0].name, "p3");
}

#[test]
fn the_root_s_own_line_shows_which_disk_is_which() {
    let fstab = "/dev/sdb1 / ext4 defaults 0 1\n/dev/sda1 /data ext4 defaults 0 2\n";
    let trees: &[(u8, &[(&str, &str)])] = &[(b'a', &[("etc/fstab", fstab), ("data/", "")]), (b'd', &[("x", "")])];
    // Only by the order of the images, sdb would be the second.
    let host = host_view(&set(vec![disk(1, b"a")]), None, &opener(trees)).unwrap();
    assert_eq!(mounts(&host), [pair("/", "p1")]);
    assert_eq!(
        issues(&host.view),
        ["/etc/fstab line 2: /dev/sda1 is not at /data: which image the disk `sda` is cannot be told"]
    );
    let host = host_view(&set(vec![disk(2, b"d"), disk(1, b"a")]), None, &opener(trees)).unwrap();
    assert_eq!(mounts(&host), [pair("/", "b:p1"), pair("/data", "p1")]);
}

#[test]
fn of_several_roots_the_likeliest_is_taken_or_the_one_that_is_asked_for() {
    let fstab = "UUID=62626262-6262-6262-6262-626262626262 / ext4 defaults 0 1\n";
    let tree: &[(&str, &str)] = &[("etc/fstab", fstab), ("etc/passwd", ""), ("usr/", "")];
    let trees: &[(u8, &[(&str, &str)])] = &[(b'a', tree), (b'b', tree)];
    let set = set(vec![disk(1, b"ab")]);
    let host = host_view(&set, None, &opener(trees)).unwrap();
    assert_eq!(host.root, "p2");
    assert_eq!(
        notes(&host.view),
        ["volume `p1`: it looks like the root of a host too; it is not in this tree, look at it by its name"]
    );
    let host = host_view(&set, Some("p1"), &opener(trees)).unwrap();
    assert_eq!((host.root.as_str(), mounts(&host)), ("p1", vec![pair("/", "p1")]));
    // A name that shows no disk says as much for each.
    let fstab = "/dev/mapper/opened / ext4 defaults 0 1\n";
    let tree: &[(&str, &str)] = &[("etc/fstab", fstab), ("etc/passwd", ""), ("usr/", "")];
    let alike: &[(u8, &[(&str, &str)])] = &[(b'a', tree), (b'b', tree)];
    let error = host_view(&set, None, &opener(alike)).unwrap_err().to_string();
    assert_eq!(error, "several volumes look like the root of a host: volume `p1`, volume `p2`");
    assert_eq!(host_view(&set, Some("p2"), &opener(alike)).unwrap().root, "p2");
    let error = host_view(&set, Some("p7"), &opener(trees)).unwrap_err().to_string();
    assert!(error.starts_with("there is no volume `p7`; there are volume `p1` (ext2 \"aaaa\""), "{error}");
}

#[test]
fn without_a_root_a_single_volume_is_shown_and_several_are_told() {
    let trees: &[(u8, &[(&str, &str)])] = &[(b'a', &[("x", "")]), (b'b', &[("y", "")])];
    let host = host_view(&set(vec![disk(1, b"aZ")]), None, &opener(trees)).unwrap();
    assert_eq!((host.root.as_str(), host.placements.len()), ("p1", 0));
    assert_eq!(issues(&host.view), Vec::<String>::new());
    assert_eq!(notes(&host.view), ["volume `p2`: XFS: this filesystem is recognised, but not read"]);
    let error = host_view(&set(vec![disk(1, b"ab")]), None, &opener(trees)).unwrap_err().to_string();
    assert_eq!(
        error,
        "no volume looks like the root of a host; there are \
         volume `p1` (ext2 \"aaaa\" 61616161-6161-6161-6161-616161616161, 0 bytes), \
         volume `p2` (ext2 \"bbbb\" 62626262-6262-6262-6262-626262626262, 0 bytes)"
    );
    let error = host_view(&set(vec![vec![0; 4096]]), None, &opener(trees)).unwrap_err().to_string();
    assert_eq!(error, "no volume looks like the root of a host; there are the image itself (nothing known lies there)");
    let refused = volume_view(&set(vec![disk(1, b"Z")]), "p1", &opener(trees)).unwrap_err().to_string();
    assert_eq!(refused, "volume `p1` cannot be browsed: XFS: this filesystem is recognised, but not read");
}

#[test]
fn what_the_host_does_without_is_a_note_and_what_it_does_not_is_an_issue() {
    let fstab = "/dev/mapper/opened / ext4 defaults 0 1\n\
                 /dev/vda2 /boot/efi/ vfat umask=0077 0 1\n\
                 /dev/vda3 /home xfs nofail,x-systemd.device-timeout=5 0 2\n\
                 /dev/vda3 /srv xfs noauto 0 2\n\
                 /dev/vdb1 /data xfs defaults 0 2\n\
                 /dev/vdc1 /tape ext4 defaults,nofail 0 2\n\
                 /dev/vdb2 /over ext4 defaults 0 2\n\
                 /dev/vdb1 /over xfs defaults 0 2\n";
    let files = [("etc/fstab", fstab), ("usr/", ""), ("home/", ""), ("data/", ""), ("boot/efi/", ""), ("over/", "")];
    let trees: &[(u8, &[(&str, &str)])] = &[(b'a', &files)];
    let mut first = disk(1, b"aZY");
    // Nothing that is known, in a partition with a type.
    first[446 + 16 * 2 + 4] = 0xef;
    first[64 * 3 * 512..][..4].fill(0);
    let set = set(vec![first, disk(2, b"XW")]);
    let host = host_view(&set, None, &opener(trees)).unwrap();
    let expected = [
        "/etc/fstab line 5: /dev/vdb1 is not at /data: volume `b:p1` cannot be browsed: XFS: this filesystem is \
         recognised, but not read",
        "/etc/fstab line 8: /dev/vdb1 is not at /over: volume `b:p1` cannot be browsed: XFS: this filesystem is \
         recognised, but not read",
    ];
    assert_eq!(issues(&host.view), expected);
    let expected = [
        "/etc/fstab line 1: /dev/mapper/opened is not at /: it is none of the devices that can be told from the images",
        "/etc/fstab line 2: /dev/vda2 is not at /boot/efi/: volume `p2` cannot be browsed: XFS: this filesystem is \
         recognised, but not read",
        "/etc/fstab line 3: /dev/vda3 is not at /home: volume `p3` cannot be browsed: nothing known lies there",
        "/etc/fstab line 6: /dev/vdc1 is not at /tape: which image the disk `vdc` is cannot be told",
        "/etc/fstab line 7: /dev/vdb2 is not at /over: line 8 hides it",
        "volume `p3`: the host mounts it at /srv only when asked (noauto)",
        "volume `b:p2`: XFS: this filesystem is recognised, but not read",
    ];
    assert_eq!(notes(&host.view), expected);
    let gaps: Vec<usize> =
        host.placements.iter().filter(|placement| placement.is_gap).map(|placement| placement.line).collect();
    assert_eq!(gaps, [5, 8]);
}

#[test]
fn a_volume_that_a_line_names_is_not_said_to_be_in_no_line() {
    let fstab = "UUID=61616161-6161-6161-6161-616161616161 / ext4 defaults 0 1\n\
                 LABEL=bbbb /mnt ext4 noauto 0 0\n\
                 LABEL=bbbb /opt ext4 defaults 0 0\n\
                 LABEL=cccc /nowhere ext4 defaults 0 0\n\
                 LABEL=dddd /opt/ ext4 noauto 0 0\n\
                 LABEL=eeee /over ext4 defaults 0 0\n\
                 tmpfs /over tmpfs defaults 0 0\n";
    let files = [("etc/fstab", fstab), ("usr/", ""), ("mnt/", ""), ("opt/", ""), ("over/", "")];
    let trees: &[(u8, &[(&str, &str)])] =
        &[(b'a', &files), (b'b', &[("x", "")]), (b'c', &[("x", "")]), (b'd', &[("x", "")]), (b'e', &[("x", "")])];
    let fstab_set = set(vec![disk(1, b"abc"), disk(2, b"de")]);
    let host = host_view(&fstab_set, None, &opener(trees)).unwrap();
    let expected =
        ["/etc/fstab line 4: LABEL=cccc is not at /nowhere: volume `p3` cannot hang there: `/nowhere` does not exist"];
    assert_eq!(issues(&host.view), expected);
    let expected = [
        "/etc/fstab line 3: LABEL=bbbb is not at /opt: line 5 hides it",
        "/etc/fstab line 6: LABEL=eeee is not at /over: line 7 hides it",
        "volume `p2`: the host mounts it at /mnt only when asked (noauto)",
        "volume `b:p1`: the host mounts it at /opt/ only when asked (noauto)",
    ];
    assert_eq!(notes(&host.view), expected);
}

#[test]
fn without_a_table_it_is_not_known_where_a_volume_hung() {
    let trees: &[(u8, &[(&str, &str)])] = &[(b'a', &[("etc/passwd", ""), ("usr/", "")]), (b'b', &[("x", "")])];
    let host = host_view(&set(vec![disk(1, b"abZ")]), None, &opener(trees)).unwrap();
    let expected = ["volume `p2`: there is no /etc/fstab that says where it hangs; look at it by its name"];
    assert_eq!(issues(&host.view), expected);
    assert_eq!(notes(&host.view), ["volume `p3`: XFS: this filesystem is recognised, but not read"]);
}

#[test]
fn a_root_that_was_asked_for_is_no_gap_where_the_table_names_another() {
    let fstab = "UUID=62626262-6262-6262-6262-626262626262 / ext4 defaults 0 1\n";
    let trees: &[(u8, &[(&str, &str)])] = &[(b'a', &[("etc/fstab", fstab), ("usr/", "")]), (b'b', &[("x", "")])];
    let set = set(vec![disk(1, b"ab")]);
    let another = "/etc/fstab line 1: UUID=62626262-6262-6262-6262-626262626262 is not at /: it is volume `p2`, but another \
                   volume is taken as the root";
    let host = host_view(&set, None, &opener(trees)).unwrap();
    assert_eq!(issues(&host.view), [another]);
    let host = host_view(&set, Some("p1"), &opener(trees)).unwrap();
    assert_eq!((issues(&host.view).len(), notes(&host.view)[0].as_str()), (0, another));
}
