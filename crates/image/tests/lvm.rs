//! Groups made by the tools of lvm2 are read as `lvs` and `vgs` list them. The kernel needs no device mapper for that:
//! `--driverloaded n` keeps the tools from asking it.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test makes its own files and fails by panicking"
)]

mod common;

use common::md::Member;
use common::{leads_both_ways, tool, what};
use kanshiki_image::volumes::{Image, Refusal, VolumeSet};
use kanshiki_image::{Memory, RawFile, ReadAt, RunState, read_exact_at};
use kanshiki_testkit::{LoopAccess, LoopDevice, Need, need, run, tempdir, write_file};
use std::path::PathBuf;
use std::sync::Arc;

const DISK_BYTES: usize = 32 << 20;
const EXTENT_BYTES: usize = 1 << 20;

/// Disks on which the tools of lvm2 work.
struct Disks {
    folder: tempfile::TempDir,
    images: Vec<PathBuf>,
    devices: Vec<LoopDevice>,
}

impl Disks {
    /// `None` on a machine that cannot do this. Every sector of the disks is like no other.
    fn new(count: usize) -> Option<Self> {
        need(&[Need::LoopDevices, Need::Tool("pvcreate")]).then_some(())?;
        let folder = tempdir();
        let images: Vec<PathBuf> = (0..count).map(|disk| folder.path().join(format!("disk{disk}"))).collect();
        for (disk, image) in images.iter().enumerate() {
            let sectors = (0..DISK_BYTES / 512).map(|sector| sector_bytes(disk, sector));
            write_file(image, sectors.collect::<Vec<_>>().concat());
        }
        let devices = images.iter().map(|image| LoopDevice::attach(image, LoopAccess::ReadWrite, 512)).collect();
        Some(Self { folder, images, devices })
    }

    fn device(&self, disk: usize) -> &str {
        self.devices[disk].path().to_str().unwrap()
    }

    /// Runs a tool of lvm2 on these disks alone.
    fn lvm(&self, words: &[&str]) -> String {
        let accepted: Vec<String> = self.devices.iter().map(|it| format!("\"a|^{}$|\"", it.path().display())).collect();
        let config = format!(
            "devices{{filter=[{},\"r|.*|\"] use_devicesfile=0}} backup{{backup=0 archive=0}} \
             activation{{udev_sync=0 udev_rules=0 monitoring=0}} global{{event_activation=0}}",
            accepted.join(",")
        );
        let mut command = tool(words[0]);
        command.args(["--driverloaded", "n", "--config", &config]).args(&words[1..]);
        command.env("LVM_SYSTEM_DIR", self.folder.path().join("lvm")).env("LVM_SUPPRESS_FD_WARNINGS", "1");
        run(&mut command).exits(0).stdout
    }

    /// The group `kanshiki-vg` over all disks.
    fn group(&self, more: &[&str]) {
        let devices: Vec<&str> = (0..self.devices.len()).map(|disk| self.device(disk)).collect();
        self.lvm(&[&["pvcreate", "-q"], more, &devices].concat());
        self.lvm(&[&["vgcreate", "-q", "-s", "1m", "kanshiki-vg"], &devices[..]].concat());
    }

    fn create(&self, name: &str, size: &str, more: &[&str]) {
        let how = ["lvcreate", "-an", "--zero", "n", "--wipesignatures", "n", "-n", name, "-L", size];
        self.lvm(&[&how, more, &["kanshiki-vg"]].concat());
    }

    /// The rows of `lvs` with these columns.
    fn lvs(&self, columns: &str) -> Vec<Vec<String>> {
        let text = self.lvm(&[
            "lvs",
            "-a",
            "--noheadings",
            "--units",
            "b",
            "--nosuffix",
            "--separator",
            "|",
            "-o",
            columns,
            "--segments",
        ]);
        text.lines().map(|row| row.trim().split('|').map(str::to_owned).collect()).collect()
    }

    /// The devices are given back, and the images read.
    fn probe(mut self, which: &[usize]) -> (VolumeSet, tempfile::TempDir) {
        self.devices.clear();
        let image =
            |disk: &usize| Image { source: Arc::new(RawFile::open(&self.images[*disk]).unwrap()), sector_bytes: None };
        (VolumeSet::probe(which.iter().map(image).collect()), self.folder)
    }
}

fn sector_bytes(disk: usize, sector: usize) -> Vec<u8> {
    format!("disk {disk} sector {sector:>12}\n").into_bytes().into_iter().cycle().take(512).collect()
}

/// The bytes of a disk's extents as they were before anything was put on it; extents begin at 1 MiB.
fn extents(disk: usize, first: usize, count: usize) -> Vec<u8> {
    let start = (1 + first) * EXTENT_BYTES / 512;
    (start..start + count * EXTENT_BYTES / 512).flat_map(|sector| sector_bytes(disk, sector)).collect()
}

/// The bytes of a segment, from the row of `lvs`: size, number and size of stripes, devices with their extents.
fn expected(disks: &Disks, row: &[String]) -> Vec<u8> {
    let number = |at: usize| row[at].parse::<usize>().unwrap();
    let (size, count, stripe) = (number(2), number(3), number(4));
    let each = size / count / EXTENT_BYTES;
    let stripes = row[5].split(',').map(|place| {
        let (device, extent) = place.trim_end_matches(')').split_once('(').unwrap();
        let disk = (0..disks.devices.len()).find(|disk| disks.device(*disk) == device).unwrap();
        extents(disk, extent.parse().unwrap(), each)
    });
    let stripes: Vec<Vec<u8>> = stripes.collect();
    if count == 1 {
        return stripes[0].clone();
    }
    let chunks = (0..size / stripe).map(|chunk| &stripes[chunk % count][chunk / count * stripe..][..stripe]);
    chunks.collect::<Vec<_>>().concat()
}

fn content(source: &dyn ReadAt) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(source.len()).unwrap()];
    read_exact_at(source, 0, &mut bytes).unwrap();
    bytes
}

fn issues(set: &VolumeSet) -> Vec<String> {
    set.issues().iter().map(ToString::to_string).collect()
}

const COLUMNS: &str = "lv_name,seg_start,seg_size,stripes,stripe_size,devices,lv_uuid";

#[test]
fn linear_and_striped_volumes_hold_the_bytes_that_lvs_names() {
    let Some(disks) = Disks::new(3) else { return };
    disks.group(&[]);
    disks.create("linear", "5m", &[]);
    disks.create("two", "8m", &["-i", "2", "-I", "16k"]);
    disks.create("three-ways", "6m", &["-i", "3", "-I", "4k"]);
    disks.lvm(&["lvextend", "-L", "+3m", "kanshiki-vg/linear", disks.device(1)]);
    disks.lvm(&["lvextend", "-i", "3", "-I", "64k", "-L", "+3m", "kanshiki-vg/two"]);
    let rows = disks.lvs(COLUMNS);
    let expected: Vec<(String, String, Vec<u8>)> = ["linear", "three-ways", "two"]
        .into_iter()
        .map(|name| {
            let rows: Vec<_> = rows.iter().filter(|row| row[0] == name).collect();
            let bytes = rows.iter().flat_map(|row| expected(&disks, row)).collect();
            (format!("kanshiki-vg/{name}"), rows[0][6].clone(), bytes)
        })
        .collect();
    assert_eq!(rows.len(), 5);
    let uuids = disks.lvm(&["pvs", "--noheadings", "-o", "pv_uuid"]);
    let (set, folder) = disks.probe(&[0, 1, 2]);
    assert_eq!(issues(&set), Vec::<String>::new());
    let images = [0, 1, 2].map(|disk| RawFile::open(&folder.path().join(format!("disk{disk}"))).unwrap());
    let images = images.each_ref().map(|image| image as &dyn ReadAt);
    let pieces = expected.iter().map(|(name, ..)| leads_both_ways(&set, name, &images));
    // Chunks of 4 KiB over three disks, and of 16 and 64 KiB over two and three.
    assert_eq!(pieces.collect::<Vec<_>>(), [2, (6 << 20) / 4096, (8 << 20) / 16_384 + (3 << 20) / 65_536]);
    assert_eq!(what(&set, 0, 512), "label of LVM2");
    assert_eq!(what(&set, 2, 4096 + 700), "metadata area of LVM2");
    assert_eq!(what(&set, 1, 20), "in none of its areas");
    assert_eq!(what(&set, 1, (31 << 20) - 1), "extent 29, which no logical volume uses");
    for (name, uuid, bytes) in expected {
        let volume = set.find(&name).unwrap();
        assert_eq!((volume.logical_volume().unwrap().uuid.as_str(), volume.bytes), (uuid.as_str(), bytes.len() as u64));
        assert!(content(volume.source.as_deref().unwrap()) == bytes, "{name}");
    }
    let layouts = ["linear", "three-ways", "two"]
        .map(|name| &set.find(&format!("kanshiki-vg/{name}")).unwrap().logical_volume().unwrap().layout);
    assert_eq!(layouts, ["linear", "striped over 3", "striped over 2, striped over 3"]);
    let physical: Vec<_> = set.groups()[0].physical.iter().map(|(uuid, ..)| uuid.as_str()).collect();
    assert_eq!(physical, uuids.split_whitespace().collect::<Vec<_>>());
    let refusal = set.find("b:").unwrap().refusal.as_ref().unwrap().to_string();
    assert_eq!(refusal, "physical volume of the group kanshiki-vg");
}

#[test]
fn a_text_that_went_round_its_ring_many_times_is_the_newest() {
    let Some(disks) = Disks::new(2) else { return };
    disks.group(&["--metadatasize", "32k", "--dataalignment", "4k", "--pvmetadatacopies", "2"]);
    disks.create("root", "4m", &[]);
    let ring = disks.lvm(&["pvs", "--noheadings", "--units", "b", "--nosuffix", "-o", "pv_mda_size", disks.device(0)]);
    // No text of the 40 that follow is shorter than 1 KiB.
    assert!(ring.trim().parse::<u64>().unwrap() < 40 * 1024, "{ring}");
    for change in 0..40 {
        disks.lvm(&[
            "lvchange",
            "--addtag",
            &format!("change-{change}-{}", "x".repeat(change % 7)),
            "kanshiki-vg/root",
        ]);
        if change % 3 == 2 {
            disks.lvm(&[
                "lvchange",
                "--deltag",
                &format!("change-{}-{}", change - 1, "x".repeat((change - 1) % 7)),
                "kanshiki-vg/root",
            ]);
        }
        let sequence = disks.lvm(&["vgs", "--noheadings", "-o", "vg_seqno", "kanshiki-vg"]);
        let sync = run(tool("sync").args(&disks.images));
        assert_eq!(sync.code, 0);
        let image = |disk: &PathBuf| Image { source: Arc::new(RawFile::open(disk).unwrap()), sector_bytes: None };
        let set = VolumeSet::probe(disks.images.iter().map(image).collect());
        assert_eq!((issues(&set), set.groups()[0].sequence.to_string()), (Vec::new(), sequence.trim().to_owned()));
    }
}

#[test]
fn a_copy_that_is_damaged_gives_way_to_another_and_is_told() {
    let Some(disks) = Disks::new(1) else { return };
    disks.group(&["--pvmetadatacopies", "2"]);
    disks.create("root", "4m", &[]);
    let image = disks.images[0].clone();
    let (_, folder) = disks.probe(&[0]);
    let mut bytes = std::fs::read(&image).unwrap();
    let first = bytes.windows(16).position(|window| window == b"kanshiki-vg {\nid").unwrap();
    for at in (first..first + 4096).rev() {
        if bytes[at..].starts_with(b"seqno = 2") {
            bytes[at + 8] = b'9';
        }
    }
    write_file(&image, &bytes);
    let set = VolumeSet::probe(vec![Image { source: Arc::new(RawFile::open(&image).unwrap()), sector_bytes: None }]);
    drop(folder);
    let told = issues(&set);
    assert!(
        told.iter().any(|issue| issue.ends_with("metadata area of LVM2: the checksum of the text is wrong")),
        "{told:?}"
    );
    assert_eq!(set.groups()[0].sequence, 2);
    assert_eq!(set.find("kanshiki-vg/root").unwrap().bytes, 4 << 20);
}

#[test]
fn without_a_disk_the_rest_is_read_and_what_is_lacking_is_told() {
    let Some(disks) = Disks::new(2) else { return };
    disks.group(&[]);
    disks.create("here", "4m", &[]);
    disks.create("half", "2m", &[]);
    disks.lvm(&["lvextend", "-L", "+2m", "kanshiki-vg/half", disks.device(1)]);
    disks.create("stripes", "2m", &["-i", "2", "-I", "64k"]);
    let device = disks.device(1).to_owned();
    disks.lvm(&["lvcreate", "-an", "--zero", "n", "-Wn", "-n", "gone", "-L", "2m", "kanshiki-vg", &device]);
    let gone = disks.lvm(&["pvs", "--noheadings", "-o", "pv_uuid", &device]).trim().to_owned();
    let rows = disks.lvs(COLUMNS);
    let start = rows.iter().find(|row| row[0] == "half" && row[1] == "0").map(|row| expected(&disks, row)).unwrap();
    let (set, _folder) = disks.probe(&[0]);
    let lies = format!("some of its bytes lie on the physical volume {gone}, which is not among the images");
    let told = issues(&set).into_iter().filter(|issue| !issue.ends_with("what lies there cannot be told"));
    let expected = [
        format!("volume group kanshiki-vg: its physical volume {gone} (once {device}) is not among the images"),
        format!("volume kanshiki-vg/half: {lies}"),
        format!("volume kanshiki-vg/stripes: {lies}"),
        format!("volume kanshiki-vg/gone: {lies}"),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert!(content(set.find("kanshiki-vg/here").unwrap().source.as_deref().unwrap()) == extents(0, 0, 4));
    let half = set.find("kanshiki-vg/half").unwrap();
    assert_eq!(half.refusal, Some(Refusal::Incomplete { detail: lies }));
    let source = half.source.as_deref().unwrap();
    let mut bytes = vec![0; start.len()];
    read_exact_at(source, 0, &mut bytes).unwrap();
    assert!(bytes == start);
    let error = source.read_at(start.len() as u64, &mut [0]).unwrap_err().to_string();
    assert!(error.contains(&format!("are not there: they lie on the physical volume {gone}")), "{error}");
    let stripes = set.find("kanshiki-vg/stripes").unwrap().source.as_deref().unwrap();
    let states: Vec<_> = stripes.runs().take(4).map(|(range, state)| (range.len(), state)).collect();
    let (data, not) = (RunState::Data, RunState::Unreadable);
    assert_eq!(states, [(65_536, data), (65_536, not), (65_536, data), (65_536, not)]);
}

#[test]
fn snapshots_and_mirrors_are_named_and_their_parts_are_not_taken_for_volumes() {
    let Some(disks) = Disks::new(2) else { return };
    disks.group(&[]);
    disks.create("root", "8m", &[]);
    let path = disks.folder.path().join("text");
    let path = path.to_str().unwrap();
    disks.lvm(&["vgcfgbackup", "-f", path, "kanshiki-vg"]);
    let text = std::fs::read_to_string(path).unwrap();
    let mut more = String::new();
    let mut add = |name: &str, status: &str, extents: u32, kind: &str| {
        let uuid = format!("aaaaaa-bbbb-cccc-dddd-eeee-ffff-{:06}", more.len());
        more += &format!(
            "{name} {{\nid = \"{uuid}\"\nstatus = [\"READ\", \"WRITE\"{status}]\nflags = []\nsegment_count = 1\n\
             segment1 {{\nstart_extent = 0\nextent_count = {extents}\n{kind}\n}}\n}}\n"
        );
    };
    let on =
        |disk: u32, extent: u32| format!("type = \"striped\"\nstripe_count = 1\nstripes = [ \"pv{disk}\", {extent} ]");
    add("snap", ", \"VISIBLE\"", 2, &on(0, 20));
    add("snapshot0", "", 8, "type = \"snapshot\"\nchunk_size = 8\norigin = \"root\"\ncow_store = \"snap\"");
    let raids = "type = \"raid1\"\ndevice_count = 2\nregion_size = 1024\nraids = [\"mir_rmeta_0\", \"mir_rimage_0\", \
                 \"mir_rmeta_1\", \"mir_rimage_1\"]";
    add("mir", ", \"VISIBLE\"", 2, raids);
    for copy in 0..2 {
        add(&format!("mir_rmeta_{copy}"), "", 1, &on(copy, 24));
        add(&format!("mir_rimage_{copy}"), "", 2, &on(copy, 25));
    }
    let end = text.rfind("\t}\n\n}").unwrap();
    write_file(path.as_ref(), format!("{}{more}{}", &text[..end], &text[end..]));
    disks.lvm(&["vgcfgrestore", "-f", path, "kanshiki-vg"]);
    // What lvs itself makes of it.
    let roles = disks.lvs("lv_name,lv_role");
    assert!(roles.contains(&vec!["snap".to_owned(), "public,snapshot,thicksnapshot".to_owned()]), "{roles:?}");
    let hidden: Vec<String> = roles
        .iter()
        .filter(|row| row[0].starts_with('['))
        .map(|row| row[0].trim_matches(['[', ']']).to_owned())
        .collect();

    let (set, _folder) = disks.probe(&[0, 1]);
    assert_eq!(issues(&set), Vec::<String>::new());
    let refusal = |name: &str| set.find(name).unwrap().refusal.as_ref().unwrap().to_string();
    assert_eq!(
        refusal("kanshiki-vg/snap"),
        "a snapshot of `kanshiki-vg/root` is not supported; what it was taken of can be looked at as it is now"
    );
    assert_eq!(
        refusal("kanshiki-vg/mir"),
        "a logical volume of the type raid1 is not supported; its first copy can be looked at as `kanshiki-vg/mir_rimage_0`"
    );
    assert_eq!(refusal("kanshiki-vg/mir_rmeta_1"), "part of the logical volume `kanshiki-vg/mir` (raid1)");
    assert!(set.find("kanshiki-vg/snapshot0").is_none());
    assert!(content(set.find("kanshiki-vg/mir_rimage_1").unwrap().source.as_deref().unwrap()) == extents(1, 25, 2));
    let logical = set.volumes().iter().filter_map(|volume| volume.logical_volume()).filter(|logical| logical.is_hidden);
    let mut found: Vec<String> = logical.map(|logical| logical.name.clone()).collect();
    found.sort();
    assert_eq!(found, hidden);
}

#[test]
fn a_group_on_a_mirror_on_partitions_is_found() {
    let Some(disks) = Disks::new(1) else { return };
    disks.group(&[]);
    disks.create("root", "4m", &[]);
    let image = disks.images[0].clone();
    let (_, _folder) = disks.probe(&[0]);
    let volume = std::fs::read(&image).unwrap();
    // Two disks with one partition at 1 MiB, which is a member of a mirror whose data begins 1 MiB further.
    let disk = |place: u16| {
        let mut member = vec![0; DISK_BYTES + (1 << 20)];
        member[1 << 20..].copy_from_slice(&volume);
        Member::mirror("1.2", place, DISK_BYTES as u64, 1 << 20).write(&mut member);
        let mut disk = vec![0; 1 << 20];
        disk[446 + 4] = 0xfd;
        disk[446 + 8..446 + 12].copy_from_slice(&2048_u32.to_le_bytes());
        disk[446 + 12..446 + 16].copy_from_slice(&(member.len() as u32 / 512).to_le_bytes());
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        disk.extend(member);
        Image { source: Arc::new(Memory(disk)), sector_bytes: None }
    };
    let set = VolumeSet::probe(vec![disk(0), disk(1)]);
    let names: Vec<_> = set.volumes().iter().map(|volume| volume.name.as_str()).collect();
    assert_eq!((names, issues(&set)), (vec!["p1", "b:p1", "md0", "kanshiki-vg/root"], Vec::new()));
    assert!(content(set.find("kanshiki-vg/root").unwrap().source.as_deref().unwrap()) == extents(0, 0, 4));
    assert_eq!(
        set.find("md0").unwrap().refusal.as_ref().unwrap().to_string(),
        "physical volume of the group kanshiki-vg"
    );
}
