//! Volumes and the host's tree: disks made by sfdisk, lvm2 and mke2fs, told by `kanshiki info` and walked through.

use kanshiki_testkit::{LoopAccess, LoopDevice, Need, Ran, kanshiki, need, run, tempdir, tool_path, write_file};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MIB: usize = 1 << 20;

fn tool(name: &str) -> Command {
    let mut command = Command::new(tool_path(name).unwrap());
    command.env("LC_ALL", "C").env("TZ", "UTC");
    command
}

/// The object that `kanshiki info --json` prints.
fn info(arguments: &[&str], exit: i32) -> Value {
    let ran = kanshiki([&["info", "--json"], arguments].concat()).exits(exit);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// A filesystem of ext4 with these files, made without mounting.
fn ext4(folder: &Path, name: &str, mib: usize, options: &[&str], files: &[(&str, &str)]) -> PathBuf {
    let tree = folder.join(format!("{name}.tree"));
    std::fs::create_dir(&tree).unwrap();
    for (path, content) in files {
        let path = tree.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if path.to_str().unwrap().ends_with('/') {
            std::fs::create_dir_all(&path).unwrap();
        } else {
            write_file(&path, content);
        }
    }
    let image = folder.join(name);
    let mut command = tool("mkfs.ext4");
    command.args(["-q", "-L", name]).args(options).arg("-d").arg(&tree).arg(&image).arg(format!("{mib}M"));
    let _ = run(&mut command).exits(0);
    image
}

/// A disk with a GPT and these partitions, in MiB, the first from 1 MiB on.
fn disk(path: &Path, partitions: &[&Path]) {
    let mut disk = vec![0; MIB];
    let mut script = "label: gpt\nlabel-id: 11111111-2222-3333-4444-555555555555\n".to_owned();
    for (number, partition) in partitions.iter().enumerate() {
        let bytes = std::fs::read(partition).unwrap();
        let (start, size) = (disk.len() / 512, bytes.len() / 512);
        script += &format!("start={start}, size={size}, uuid=00000000-0000-0000-0000-0000000000a{number}\n");
        disk.extend(bytes);
    }
    disk.resize(disk.len() + MIB, 0);
    write_file(path, disk);
    let mut command = tool("sfdisk");
    command.args(["-q", "--no-reread", "--no-tell-kernel", "--wipe", "never"]).arg(path);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A physical volume of 32 MiB in the group `web-vg` with the volumes `root` and `home` of 8 MiB, holding these.
fn physical_volume(folder: &Path, root: &Path, home: &Path) -> PathBuf {
    let image = folder.join("pv");
    write_file(&image, vec![0; 32 * MIB]);
    let device = LoopDevice::attach(&image, LoopAccess::ReadWrite, 512);
    let path = device.path().to_str().unwrap().to_owned();
    let config = format!(
        "devices{{filter=[\"a|^{path}$|\",\"r|.*|\"] use_devicesfile=0}} backup{{backup=0 archive=0}} \
         activation{{udev_sync=0 udev_rules=0 monitoring=0}} global{{event_activation=0}}"
    );
    let lvm = |words: &[&str]| {
        let mut command = tool(words[0]);
        command.args(["--driverloaded", "n", "--config", &config]).args(&words[1..]);
        command.env("LVM_SYSTEM_DIR", folder.join("lvm")).env("LVM_SUPPRESS_FD_WARNINGS", "1");
        run(&mut command).exits(0).stdout
    };
    lvm(&["pvcreate", "-q", &path]);
    lvm(&["vgcreate", "-q", "-s", "1m", "web-vg", &path]);
    for name in ["root", "home"] {
        lvm(&["lvcreate", "-an", "--zero", "n", "--wipesignatures", "n", "-n", name, "-L", "8m", "web-vg"]);
    }
    drop(device);
    let mut bytes = std::fs::read(&image).unwrap();
    // Extents of 1 MiB begin at 1 MiB, and the volumes lie there one after the other.
    bytes[MIB..9 * MIB].copy_from_slice(&std::fs::read(root).unwrap());
    bytes[9 * MIB..17 * MIB].copy_from_slice(&std::fs::read(home).unwrap());
    write_file(&image, &bytes);
    image
}

fn names(info: &Value) -> Vec<&str> {
    info["volumes"].as_array().unwrap().iter().map(|volume| volume["name"].as_str().unwrap()).collect()
}

/// The paths that `kanshiki ls -R` lists.
fn listed(ran: &Ran) -> Vec<String> {
    let mut paths: Vec<String> =
        ran.stdout.lines().map(str::to_owned).filter(|line| !line.contains("lost+found")).collect();
    paths.sort();
    paths
}

#[test]
fn a_host_on_a_partition_and_logical_volumes_is_one_tree() {
    let needs = [Need::LoopDevices, Need::Tool("pvcreate"), Need::Tool("sfdisk"), Need::Tool("mkfs.ext4")];
    if !need(&needs) {
        return;
    }
    let folder = tempdir();
    let folder = folder.path();
    let fstab = "# made by the installer\n\
                 /dev/mapper/web--vg-root / ext4 errors=remount-ro 0 1\n\
                 PARTUUID=00000000-0000-0000-0000-0000000000A0 /boot ext4 defaults 0 2\n\
                 /dev/web-vg/home /home ext4 defaults 0 2\n\
                 UUID=deadbeef-0000-0000-0000-000000000000 /srv ext4 defaults 0 2\n\
                 tmpfs /tmp tmpfs defaults 0 0\n";
    let files = [
        ("etc/fstab", fstab),
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
        ("boot/", ""),
        ("home/", ""),
        ("usr/bin/", ""),
    ];
    let root = ext4(folder, "root", 8, &[], &files);
    let home = ext4(folder, "home", 8, &[], &[("alice/notes", "hello\n")]);
    let boot = ext4(folder, "boot", 4, &[], &[("vmlinuz", "kernel\n")]);
    let volume = physical_volume(folder, &root, &home);
    let image = folder.join("disk.raw");
    disk(&image, &[&boot, &volume]);
    let image = image.to_str().unwrap();

    let told = info(&[image], 3);
    assert_eq!(names(&told), ["p1", "p2", "web-vg/root", "web-vg/home"]);
    assert_eq!(told["volumes"][1]["reason"], "physical volume of the group web-vg");
    assert_eq!(told["volumes"][2]["lies_on"], json!(["p2"]));
    assert_eq!(told["volumes"][3]["filesystem"]["label"], "home");
    assert_eq!(told["volume_groups"][0]["physical_volumes"][0]["volume"], "p2");

    // What the table names and is not there is told, so that the program ends with 3.
    let ran = kanshiki(["cat", image, "/boot/vmlinuz"]).exits(3);
    assert_eq!(ran.stdout, "kernel\n");
    let line =
        "/etc/fstab line 5: UUID=deadbeef-0000-0000-0000-000000000000 is not at /srv: it is not among the images";
    assert!(ran.stderr.contains(line), "{}", ran.stderr);
    assert_eq!(kanshiki(["cat", image, "/home/alice/notes"]).exits(3).stdout, "hello\n");
    let alone = kanshiki(["ls", &format!("{image}:p1"), "/"]).exits(0);
    assert_eq!(listed(&alone), ["vmlinuz"]);
    assert_eq!(kanshiki(["cat", &format!("{image}:web-vg/home"), "/alice/notes"]).exits(0).stdout, "hello\n");
    let refused = kanshiki(["ls", &format!("{image}:p2"), "/"]).exits(4);
    assert!(
        refused.stderr.contains("volume `p2` cannot be browsed: physical volume of the group web-vg"),
        "{}",
        refused.stderr
    );
}

/// Where the image holds these bytes, which stand there once.
fn place_of(image: &str, marker: &str) -> u64 {
    let bytes = std::fs::read(image).unwrap();
    let places = bytes.windows(marker.len()).enumerate().filter(|(_, window)| *window == marker.as_bytes());
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    assert_eq!(places.len(), 1, "{marker}");
    places[0] as u64
}

/// The lines of `kanshiki blocks --jsonl` with these arguments, without the last.
#[track_caller]
fn blocks(arguments: &[&str]) -> Vec<Value> {
    let ran = kanshiki([&["blocks", "--jsonl"], arguments].concat()).exits(0);
    let mut lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.pop().unwrap()["type"], "end");
    lines.retain(|line| line["type"] != "note");
    lines
}

#[test]
fn bytes_of_the_image_lead_to_files_in_logical_volumes_and_files_to_bytes_of_the_image() {
    let needs = [Need::LoopDevices, Need::Tool("pvcreate"), Need::Tool("sfdisk"), Need::Tool("mkfs.ext4")];
    if !need(&needs) {
        return;
    }
    let folder = tempdir();
    let folder = folder.path();
    let fstab = "/dev/web-vg/root / ext4 defaults 0 1\n/dev/web-vg/home /home ext4 defaults 0 2\n";
    let root = ext4(folder, "root", 8, &[], &[("etc/fstab", fstab), ("usr/bin/", ""), ("home/", "")]);
    // A filesystem that ends before its volume.
    let home = ext4(folder, "home", 6, &[], &[("alice/notes", &"the marker of alice\n".repeat(1000))]);
    std::fs::File::options().write(true).open(&home).unwrap().set_len(8 << 20).unwrap();
    let boot = ext4(folder, "boot", 4, &[], &[("vmlinuz", "kernel\n")]);
    let volume = physical_volume(folder, &root, &home);
    let image = folder.join("disk.raw");
    disk(&image, &[&boot, &volume]);
    let image = image.to_str().unwrap();

    let lines = blocks(&[image, "/home/alice/notes"]);
    let at = lines[0]["image_offset"].as_u64().unwrap();
    let bytes = std::fs::read(image).unwrap();
    assert!(bytes[at as usize..].starts_with(b"the marker of alice\nthe marker"));
    assert_eq!((&lines[0]["image"], &lines[0]["image_bytes"]), (&json!("disk.raw"), &json!(20_480)));
    let expected = at - lines[0]["volume_offset"].as_u64().unwrap();
    // The second partition, the first extent, and the eight of the other volume.
    assert_eq!(expected as usize, 5 * MIB + MIB + 8 * MIB);
    let lines = blocks(&[image, "--image-offset", &(at + 5000).to_string()]);
    assert_eq!((&lines[0]["volume"], &lines[0]["image_offset"]), (&json!("web-vg/home"), &json!(at + 4096)));
    assert_eq!((&lines[1]["file_offset"], &lines[1]["paths"][0]["path"]), (&json!(4096), &json!("/home/alice/notes")));
    let ran = kanshiki(["stat", image, "/home/alice/notes", "--jsonl"]).exits(0);
    let stat = ran.stdout.lines().find(|line| line.contains("\"type\":\"node\"")).unwrap();
    let stat: Value = serde_json::from_str(stat).unwrap();
    let inode = stat["inode_image_offset"].as_u64().unwrap() as usize;
    assert_eq!(u32::from_le_bytes(bytes[inode + 4..inode + 8].try_into().unwrap()), 20_000);
    let kernel = place_of(image, "kernel\n");
    let lines = blocks(&[image, "--image-offset", &kernel.to_string()]);
    // What hangs nowhere in the tree has the names that it has itself.
    assert_eq!((&lines[0]["volume"], &lines[1]["paths"][0]["path"]), (&json!("p1"), &json!("/vmlinuz")));

    let what = |offset: usize| {
        let lines = blocks(&[image, "--image-offset", &offset.to_string()]);
        assert_eq!((lines.len(), &lines[0]["type"], &lines[0]["image_offset"]), (1, &json!("place"), &json!(offset)));
        let volumes = lines[0]["volumes"].as_array().unwrap().last().map(|last| last["volume"].clone());
        (volumes, lines[0]["what"].as_str().unwrap().to_owned())
    };
    let in_group = |what: &str| (Some(json!("p2")), format!("physical volume of the group web-vg: {what}"));
    assert_eq!(what(0), (None, "partition table: protective MBR".to_owned()));
    assert_eq!(what(40 << 10), (None, "in no partition".to_owned()));
    assert_eq!(what(5 * MIB + 600), in_group("label of LVM2"));
    assert_eq!(what(5 * MIB + 8000), in_group("metadata area of LVM2"));
    assert_eq!(what(5 * MIB + 20 * MIB), in_group("extent 19, which no logical volume uses"));
    let text = kanshiki(["blocks", image, "--image-offset", "25M"]).exits(0).stdout;
    let expected = "byte 26214400 of disk.raw, byte 20971520 of p2: physical volume of the group web-vg: extent 19, which \
                    no logical volume uses\n";
    assert_eq!(text, expected);
    let ran = kanshiki(["blocks", image, "--image-offset", "1G"]).exits(4);
    let expected = format!("error: there is no byte 1073741824 in disk.raw\n  because: it has {} bytes", bytes.len());
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    // A byte is looked for in all volumes, also if another was named.
    assert_eq!(blocks(&[&format!("{image}:p1"), "--image-offset", &at.to_string()])[0]["type"], "place");
    assert_eq!(blocks(&[&format!("{image}:p2"), "--image-offset", &at.to_string()])[0]["volume"], "web-vg/home");

    // Of several images another may be named.
    let first = folder.join("first.raw");
    write_file(&first, vec![0; MIB]);
    let first = first.to_str().unwrap();
    let there = format!("b:{at}");
    let lines = blocks(&[first, "--with", image, "--image-offset", &there]);
    assert_eq!((&lines[0]["image"], &lines[0]["volume"]), (&json!("disk.raw"), &json!("web-vg/home")));
    assert_eq!(blocks(&[first, "--with", image, "--image-offset", "4096"])[0]["what"], "nothing known lies there");
    let ran = kanshiki(["blocks", first, "--with", image, "--image-offset", "c:0"]).exits(4);
    assert!(ran.stderr.contains("error: there is no image `c`\n"), "{}", ran.stderr);

    // Without a filesystem anywhere there is an answer too.
    assert_eq!(blocks(&[first, "--image-offset", "4096"])[0]["what"], "nothing known lies there");
    let lines = blocks(&[image, "--image-offset", "21M"]);
    assert_eq!(lines[0]["volumes"][1], json!({ "volume": "web-vg/home", "volume_offset": 7 * MIB }));
    assert_eq!(lines[0]["what"], "behind the end of the filesystem (ext4)");
}

#[test]
fn disks_of_one_host_are_put_together_and_a_name_with_a_colon_is_no_volume() {
    if !need(&[Need::Tool("sfdisk"), Need::Tool("mkfs.ext4")]) {
        return;
    }
    let folder = tempdir();
    let folder = folder.path();
    let fstab = "/dev/vda1 / ext4 defaults 0 1\n/dev/vdb1 /var ext4 defaults 0 2\n";
    let root = ext4(folder, "root", 4, &[], &[("etc/fstab", fstab), ("usr/bin/", ""), ("var/", "")]);
    let var = ext4(folder, "var", 4, &[], &[("log/syslog", "line\n")]);
    let (first, second) = (folder.join("a:b.raw"), folder.join("second.raw"));
    disk(&first, &[&root]);
    disk(&second, &[&var]);
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    let ran = kanshiki(["cat", first, "--with", second, "/var/log/syslog"]).exits(0);
    assert_eq!(ran.stdout, "line\n");
    let told = info(&[first, "--with", second], 0);
    assert_eq!(names(&told), ["p1", "b:p1"]);
    assert_eq!(told["images"][1]["image"], second);
    assert_eq!(names(&info(&[&format!("{first}:b:p1"), "--with", second], 0)), ["b:p1"]);
    let ran = kanshiki(["info", &format!("{first}:p7")]).exits(4);
    assert_eq!(ran.stderr, format!("error: there is no volume `{first}:p7`\n  hint: there are p1\n"));
    // Without the second disk its place is empty, which is told.
    let ran = kanshiki(["ls", first, "/var"]).exits(3);
    assert!(ran.stderr.contains("which image the disk `vdb` is cannot be told"), "{}", ran.stderr);
}

#[test]
fn what_info_says_of_ext4_is_what_dumpe2fs_says() {
    if !need(&[Need::Mount, Need::LoopDevices, Need::Tool("mkfs.ext4")]) {
        return;
    }
    let folder = tempdir();
    let options = ["-O", "bigalloc,inline_data", "-C", "16384"];
    let image = ext4(folder.path(), "data", 64, &options, &[("a/b", "c")]);
    let point = folder.path().join("mounted here");
    std::fs::create_dir(&point).unwrap();
    let _ = run(tool("mount").arg("-oloop").arg(&image).arg(&point)).exits(0);
    write_file(&point.join("new"), "x");
    let _ = run(tool("umount").arg(&point)).exits(0);

    let told = info(&[image.to_str().unwrap()], 0);
    let told = &told["volumes"][0]["filesystem"];
    let text = run(tool("dumpe2fs").arg("-h").arg(&image)).exits(0).stdout;
    let line = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name}")).trim().to_owned()
    };
    // Seconds since 1970 through `date`, which reads what dumpe2fs prints.
    let time = |name: &str| {
        run(tool("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ", "-d", &line(name)])).exits(0).stdout.trim().to_owned()
    };
    let expected = json!({
        "kind": "ext4",
        "label": line("Filesystem volume name"),
        "uuid": line("Filesystem UUID"),
        "block_bytes": line("Block size").parse::<u64>().unwrap(),
        "blocks": line("Block count").parse::<u64>().unwrap(),
        "free_blocks": line("Free blocks").parse::<u64>().unwrap(),
        "inodes": line("Inode count").parse::<u64>().unwrap(),
        "free_inodes": line("Free inodes").parse::<u64>().unwrap(),
        "last_mounted_on": line("Last mounted on"),
        "created": time("Filesystem created"),
        "mounted": time("Last mount time"),
        "written": time("Last write time"),
        "state": line("Filesystem state"),
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&told[name], value, "{name}");
    }
    assert_eq!(told["last_mounted_on"], point.to_str().unwrap());
    let features: Vec<&str> = told["features"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let line = line("Filesystem features");
    let mut expected: Vec<&str> = line.split_whitespace().collect();
    let mut found = features.clone();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn volumes_with_broken_superblocks_hang_where_the_labels_and_uuids_of_their_copies_say() {
    if !need(&[Need::Tool("sfdisk"), Need::Tool("mkfs.ext4")]) {
        return;
    }
    let folder = tempdir();
    let folder = folder.path();
    const UUID: &str = "6b616e73-6869-6b69-8000-000000000001";
    // In blocks of 1 KiB the second group, with a copy of the superblock, begins at 8 MiB.
    let small = ["-b", "1024"];
    let fstab = format!("UUID={UUID} / ext4 defaults 0 1\nLABEL=home /home ext4 defaults 0 2\n");
    let files = [("etc/fstab", fstab.as_str()), ("usr/bin/", ""), ("home/", "")];
    let root = ext4(folder, "root", 10, &[&small[..], &["-U", UUID]].concat(), &files);
    let home = ext4(folder, "home", 10, &small, &[("alice/x", "")]);
    let image = folder.join("disk.raw");
    disk(&image, &[&root, &home]);
    let mut bytes = std::fs::read(&image).unwrap();
    for start in [MIB, 11 * MIB] {
        bytes[start + 1024..start + 2048].fill(0);
    }
    write_file(&image, bytes);
    let name = image.to_str().unwrap();
    let ran = kanshiki(["ls", name, "/home"]).exits(3);
    assert_eq!(listed(&ran), ["alice"]);
    let issues = ran.stderr.lines().filter(|line| !line.contains("the primary superblock is damaged")).count();
    assert_eq!((issues, ran.stderr.lines().count()), (0, 2), "{}", ran.stderr);
    let tree = &info(&[name], 3)["tree"];
    let told: Vec<_> =
        tree["fstab"].as_array().unwrap().iter().map(|line| (&line["outcome"], &line["volume"])).collect();
    assert_eq!(told, [(&json!("mounted"), &json!("p1")), (&json!("mounted"), &json!("p2"))], "{tree}");
}

/// Why a partition of the firmware cannot be browsed.
const FAT: &str = "FAT12: this filesystem is recognised, but not read";

/// A filesystem of 4 MiB that is not read, made by another program or by hand.
fn not_read(folder: &Path, name: &str, at: usize, magic: &[u8]) -> PathBuf {
    let mut bytes = vec![0; 4 * MIB];
    bytes[at..at + magic.len()].copy_from_slice(magic);
    if name == "fat" {
        // The sectors and clusters that a boot sector of FAT12 tells.
        bytes[..3].copy_from_slice(&[0xeb, 0x3c, 0x90]);
        bytes[11..24].copy_from_slice(&[0, 2, 4, 1, 0, 2, 0, 2, 0, 0x20, 0xf8, 8, 0]);
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    }
    let path = folder.join(name);
    write_file(&path, bytes);
    path
}

#[test]
fn what_was_never_to_be_browsed_is_noted_and_what_the_tree_lacks_ends_with_3() {
    if !need(&[Need::Tool("sfdisk"), Need::Tool("mkfs.ext4")]) {
        return;
    }
    let folder = tempdir();
    let folder = folder.path();
    let root = |name: &str, home: &str| {
        let fstab = format!("/dev/vda1 /boot/efi vfat umask=0077 0 1\n/dev/vda2 / ext4 defaults 0 1\n{home}");
        ext4(folder, name, 4, &[], &[("etc/fstab", &fstab), ("usr/bin/", ""), ("home/", ""), ("boot/efi/", "")])
    };
    let fat = not_read(folder, "fat", 54, b"FAT12   ");
    let luks = not_read(folder, "luks", 0, b"LUKS\xba\xbe\0\x02");
    let swap = not_read(folder, "swap", 4086, b"SWAPSPACE2");
    let nothing = not_read(folder, "nothing", 0, b"");
    let image = folder.join("disk.raw");
    let name = image.to_str().unwrap();

    disk(&image, &[&fat, &root("whole", "/dev/vda4 none swap sw 0 0\n"), &luks, &swap, &nothing]);
    let ran = kanshiki(["ls", name, "/"]).exits(0);
    assert_eq!(listed(&ran), ["boot", "etc", "home", "usr"]);
    let at_efi = format!("/etc/fstab line 1: /dev/vda1 is not at /boot/efi: volume `p1` cannot be browsed: {FAT}");
    let luks_told = "volume `p3`: LUKS2: encrypted; open it with its key elsewhere and give what comes out as an image";
    let expected = [
        at_efi.as_str(),
        luks_told,
        "volume `p4`: swap: no files lie in it",
        "volume `p5`: Linux filesystem: nothing known lies there",
    ];
    let told: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(told, expected.map(|note| format!("note: {note}")), "{}", ran.stderr);
    let ran = kanshiki(["ls", name, "/", "--jsonl"]).exits(0);
    let notes: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let luks_note = json!({
        "schema": 1,
        "type": "note",
        "subject": "volume `p3`",
        "message": "LUKS2: encrypted; open it with its key elsewhere and give what comes out as an image",
    });
    assert_eq!(notes[1], luks_note);
    assert_eq!(notes.last().unwrap(), &json!({ "schema": 1, "type": "end", "exit_code": 0, "issues": 0 }));
    let out = folder.join("out");
    let ran = kanshiki(["extract", name, "/etc", "--to", out.to_str().unwrap()]).exits(0);
    assert!(ran.stderr.contains(&format!("note: {luks_told}\n")), "{}", ran.stderr);
    let manifest = std::fs::read_to_string(out.join("manifest.jsonl")).unwrap();
    let begin: Value = serde_json::from_str(manifest.lines().next().unwrap()).unwrap();
    assert_eq!(begin["notes"][1]["subject"], "volume `p3`");
    for volume in ["p1", "p3", "p4", "p5"] {
        let _ = kanshiki(["ls", &format!("{name}:{volume}"), "/"]).exits(4);
    }

    // What the host had in its tree and what is not there makes the answer one in part.
    disk(&image, &[&fat, &root("lacking", "/dev/vda3 /home xfs defaults 0 2\n"), &luks]);
    let ran = kanshiki(["ls", name, "/"]).exits(3);
    assert!(
        ran.stderr.contains("issue: /etc/fstab line 3: /dev/vda3 is not at /home: volume `p3` cannot"),
        "{}",
        ran.stderr
    );
    let told = info(&[name], 3);
    assert_eq!(told["volume_issues"][0]["subject"], "/etc/fstab line 3", "{}", told["volume_issues"]);
    assert_eq!(told["exit_code"], 3);
    assert_eq!(info(&[&format!("{name}:p2")], 0)["volume_issues"], json!([]));
    disk(&image, &[&fat, &root("optional", "/dev/vda3 /home xfs defaults,nofail 0 2\n"), &luks]);
    let ran = kanshiki(["ls", name, "/"]).exits(0);
    assert!(
        ran.stderr.contains("note: /etc/fstab line 3: /dev/vda3 is not at /home: volume `p3` cannot"),
        "{}",
        ran.stderr
    );
    assert_eq!(info(&[name], 0)["volume_issues"], json!([]));

    // A filesystem that is read, but damaged, is no such thing.
    let damaged = folder.join("damaged");
    let mut bytes = std::fs::read(root("before", "")).unwrap();
    bytes[1024..2048].fill(0);
    bytes[1080..1082].copy_from_slice(&[0x53, 0xef]);
    write_file(&damaged, bytes);
    disk(&image, &[&fat, &root("beside", ""), &damaged]);
    let ran = kanshiki(["ls", name, "/"]).exits(3);
    assert!(ran.stderr.contains("issue: volume `p3`: "), "{}", ran.stderr);

    // Where nothing can be browsed, nothing is done.
    disk(&image, &[&fat, &luks]);
    let ran = kanshiki(["ls", name, "/"]).exits(4);
    assert!(ran.stderr.contains(&format!("volume `p1` ({FAT})")), "{}", ran.stderr);
}

#[test]
fn which_volume_hangs_where_is_told_and_the_root_can_be_chosen() {
    if !need(&[Need::Tool("sfdisk"), Need::Tool("mkfs.ext4")]) {
        return;
    }
    let folder = tempdir();
    let folder = folder.path();
    let root = |name: &str, line: &str| {
        let fstab =
            format!("{line}/dev/vda3 /home ext4 defaults 0 2\n/dev/vda4 /srv xfs defaults 0 2\ntmpfs /tmp tmpfs\n");
        let files = [("etc/fstab", fstab.as_str()), ("etc/hostname", name), ("usr/bin/", ""), ("home/", "")];
        ext4(folder, name, 4, &[], &files)
    };
    let (first, second) = (root("first", "/dev/vda1 / ext4\n"), root("second", "/dev/vda2 / ext4\n"));
    let home = ext4(folder, "home", 4, &[], &[("alice/notes", "hello\n")]);
    let luks = not_read(folder, "luks", 0, b"LUKS\xba\xbe\0\x02");
    let image = folder.join("disk.raw");
    let name = image.to_str().unwrap();
    disk(&image, &[&first, &second, &home, &luks]);

    // Each calls itself the root, and neither more than the other.
    let ran = kanshiki(["ls", name, "/"]).exits(4);
    let expected = format!(
        "error: cannot browse `{name}`\n  because: several volumes look like the root of a host: volume `p1`, volume \
         `p2`\n  hint: choose one with --root p1, or look at it alone as {name}:p1\n"
    );
    assert_eq!(ran.stderr, expected);
    let tree = &info(&[name], 0)["tree"];
    assert_eq!(tree["reason"], "several volumes look like the root of a host: volume `p1`, volume `p2`");
    for (root, host) in [("p1", "first"), ("p2", "second")] {
        assert_eq!(kanshiki(["cat", name, "--root", root, "/etc/hostname"]).exits(3).stdout, host);
        assert_eq!(kanshiki(["cat", name, "--root", root, "/home/alice/notes"]).exits(3).stdout, "hello\n");
    }
    assert_eq!(kanshiki(["stat", name, "--root", "p3", "/alice/notes"]).exits(0).stderr.matches("note: ").count(), 3);
    for verb in [&["ls"][..], &["tree"], &["find"], &["strings"], &["hash"], &["timeline"], &["deleted"], &["check"]] {
        let _ = kanshiki([verb, &[name, "--root", "p2"]].concat()).exits(3);
        let _ = kanshiki([verb, &[&format!("{name}:p1"), "--root", "p2"]].concat()).exits(2);
        let _ = kanshiki([verb, &[name, "--root", "p7"]].concat()).exits(4);
    }
    let shell = run(Command::new("sh").arg("-c").arg(format!(
        "echo 'cat /etc/hostname' | {} shell {name} --root p2",
        kanshiki_testkit::kanshiki_path().display()
    )));
    assert_eq!(shell.exits(3).stdout, "second");

    let tree = &info(&[name, "--root", "p2"], 3)["tree"];
    let line = |number: u64, device: &str, directory: &str, outcome: &str, rest: (Value, Value, bool)| {
        json!({
            "line": number, "device": device, "directory": directory, "outcome": outcome,
            "volume": rest.0, "reason": rest.1, "is_gap": rest.2,
        })
    };
    let refused = "volume `p4` cannot be browsed: LUKS2: encrypted; open it with its key elsewhere and give what comes out \
                   as an image";
    let expected = json!({
        "root": "p2",
        "reason": null,
        "fstab": [
            line(1, "/dev/vda2", "/", "mounted", (json!("p2"), Value::Null, false)),
            line(2, "/dev/vda3", "/home", "mounted", (json!("p3"), Value::Null, false)),
            line(3, "/dev/vda4", "/srv", "missing", (Value::Null, json!(refused), true)),
            line(4, "tmpfs", "/tmp", "not-on-disk", (Value::Null, json!("in the host's memory, not on a disk"), false)),
        ],
    });
    assert_eq!(tree, &expected);
    let ran = kanshiki(["info", name, "--root", "p2"]).exits(3);
    let expected = format!(
        "{:<20}  {:<20}  by\n\
         /                     p2                    /etc/fstab line 1: /dev/vda2\n\
         /home                 p3                    /etc/fstab line 2: /dev/vda3\n\
         /srv                  missing               /etc/fstab line 3: /dev/vda4: {refused}\n\
         /tmp                  -                     /etc/fstab line 4: tmpfs: in the host's memory, not on a disk\n",
        "the host's tree", "volume"
    );
    assert!(ran.stdout.contains(&expected), "{}", ran.stdout);
}
