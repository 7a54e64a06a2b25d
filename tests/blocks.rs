//! Blocks and whom they belong to: maps and attributes, compared with debugfs and the Sleuth Kit.

use kanshiki_testkit::{Need, TempDir, ext_image, kanshiki, need, run, tempdir, tool, write_file};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

// Superblocks of md that `mdadm --examine` accepts.
#[path = "../crates/image/tests/common/md.rs"]
mod md;

/// The lines of `kanshiki blocks --jsonl`, without the last.
#[track_caller]
fn lines(image: &Path, arguments: &[&str]) -> Vec<Value> {
    let image = image.to_str().unwrap();
    let ran = kanshiki([&["blocks", image, "--jsonl"], arguments].concat()).exits(0);
    let mut lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.pop().unwrap()["type"], "end");
    lines
}

#[track_caller]
fn debugfs(image: &Path, question: &str) -> String {
    run(tool("debugfs").args(["-R", question]).arg(image)).exits(0).stdout
}

/// The blocks of a map that `debugfs stat` names, such as `(IND):300` or `(ETB0):33`, by these marks.
fn map_of_debugfs(image: &Path, path: &str, marks: &[&str]) -> BTreeSet<u64> {
    let told = debugfs(image, &format!("stat {path}"));
    let words = told.split([' ', ',', '\n']);
    let numbers = words.filter_map(|word| {
        let (mark, number) = word.strip_prefix('(')?.split_once("):")?;
        marks.iter().any(|it| mark.starts_with(it)).then(|| number.parse().unwrap())
    });
    numbers.collect()
}

/// The inode that icheck of debugfs names for a block.
fn owner(image: &Path, block: u64) -> u64 {
    let told = debugfs(image, &format!("icheck {block}"));
    let line = told.lines().find_map(|line| line.strip_prefix(&format!("{block}\t")));
    line.unwrap_or_else(|| panic!("{told}")).parse().unwrap()
}

fn numbers(lines: &[Value], kind: &str, field: &str) -> Vec<u64> {
    lines.iter().filter(|line| line["type"] == kind).map(|line| line[field].as_u64().unwrap()).collect()
}

/// An image made with mke2fs of a folder that holds the one file `file`, with so many bytes at these places.
fn image_of(places: impl IntoIterator<Item = u64>, bytes: usize, options: &[&str]) -> (TempDir, PathBuf) {
    let folder = tempdir();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    let file = fs::File::create(source.join("file")).unwrap();
    for place in places {
        file.write_all_at(&vec![7; bytes], place).unwrap();
    }
    let image = folder.path().join("image");
    let _ = run(tool("mkfs.ext4").args(["-q"]).args(options).arg("-d").arg(&source).arg(&image).arg("32M")).exits(0);
    (folder, image)
}

/// The blocks of the map of `/file` are those of debugfs, and lead back to it.
#[track_caller]
fn same_map(image: &Path, marks: &[&str], purpose: &str) -> Vec<Value> {
    let found = lines(image, &["/file"]);
    let nodes: Vec<Value> = found.iter().filter(|line| line["type"] == "node-block").cloned().collect();
    let blocks = numbers(&found, "node-block", "block");
    let expected = map_of_debugfs(image, "/file", marks);
    assert_eq!(blocks.iter().copied().collect::<BTreeSet<u64>>(), expected);
    assert_eq!(blocks.len(), expected.len());
    let told = debugfs(image, "blocks /file");
    let all: BTreeSet<u64> = told.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert!(expected.is_subset(&all));
    for node in &nodes {
        assert_eq!(node["purpose"], purpose);
        let block = node["block"].as_u64().unwrap();
        let told = lines(image, &["--block", &block.to_string()]);
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[1]["inode"], owner(image, block));
        assert_eq!((&told[1]["role"], &told[1]["level"]), (&node["purpose"], &node["level"]));
        assert_eq!(told[1]["paths"][0]["path"], "/file");
        assert_eq!((&told[1]["file_offset"], &told[1]["extent_state"]), (&Value::Null, &Value::Null));
    }
    nodes
}

const NEEDS: &[Need] = &[Need::Tool("mkfs.ext4"), Need::Tool("debugfs")];

#[test]
fn blocks_of_a_map_with_triple_indirect_blocks_are_those_of_debugfs_and_lead_to_their_file() {
    if !need(NEEDS) {
        return;
    }
    for (kind, block) in [("ext2", 1024_u64), ("ext3", 1024), ("ext2", 2048)] {
        let numbers = block / 4;
        let places = [0, 12, 12 + numbers, 12 + numbers + numbers * numbers].map(|first| (first + 5) * block);
        let bytes = block.to_string();
        let (_folder, image) = image_of(places, 3, &["-t", kind, "-b", &bytes]);
        let nodes = same_map(&image, &["IND", "DIND", "TIND"], "indirect block");
        let levels: Vec<u64> = nodes.iter().map(|node| node["level"].as_u64().unwrap()).collect();
        assert_eq!(levels, [1, 2, 1, 3, 2, 1]);
        assert_eq!(nodes[3]["file_start"], (12 + numbers + numbers * numbers) * block);
        let text = kanshiki(["blocks", image.to_str().unwrap(), "/file"]).exits(0).stdout;
        let (at, triple) = (nodes[3]["volume_offset"].to_string(), nodes[3]["block"].to_string());
        let line = format!("triple indirect block: block {triple}, byte {at} of the volume\n");
        assert!(text.contains(&line), "{text}");
        let text = kanshiki(["blocks", image.to_str().unwrap(), "--block", &triple]).exits(0).stdout;
        assert!(text.ends_with("inode 12 (allocated), triple indirect block: /file\n"), "{text}");
    }
}

#[test]
fn nodes_of_a_deep_extent_tree_are_those_of_debugfs_and_lead_to_their_file() {
    if !need(NEEDS) {
        return;
    }
    // Records of 12 bytes: 84 in a node of 1 KiB, and four in the inode.
    let places = (0..1000).map(|piece| piece * 2048);
    let (_folder, image) = image_of(places, 10, &["-t", "ext4", "-b", "1024"]);
    let nodes = same_map(&image, &["ETB"], "extent tree");
    let levels: BTreeSet<u64> = nodes.iter().map(|node| node["level"].as_u64().unwrap()).collect();
    assert_eq!(levels, BTreeSet::from([1, 2]));
    assert!(nodes.len() >= 13, "{nodes:?}");
    let stat = kanshiki(["stat", image.to_str().unwrap(), "/file"]).exits(0).stdout;
    assert!(stat.contains("other blocks:\n  extent tree (index): block "), "{stat}");
}

#[test]
fn everyone_who_shares_a_block_of_attributes_is_named() {
    if !need(&[NEEDS, &[Need::Root, Need::LoopDevices, Need::Mount]].concat()) {
        return;
    }
    let folder = tempdir();
    let image = folder.path().join("image");
    ext_image(&image, 32, &["-t", "ext4", "-I", "128"], |root| {
        let mut paths: Vec<PathBuf> = (0..3).map(|number| root.join(format!("file{number}"))).collect();
        paths.iter().for_each(|path| fs::write(path, "x").unwrap());
        fs::create_dir(root.join("directory")).unwrap();
        paths.push(root.join("directory"));
        for path in paths {
            rustix::fs::setxattr(&path, "user.note", b"the same", rustix::fs::XattrFlags::empty()).unwrap();
        }
        fs::write(root.join("other"), "y").unwrap();
        rustix::fs::setxattr(root.join("other"), "user.note", b"another", rustix::fs::XattrFlags::empty()).unwrap();
    });
    let blocks: Vec<u64> = ["/file0", "/directory", "/other"]
        .into_iter()
        .map(|path| {
            let told = debugfs(&image, &format!("stat {path}"));
            let block = told.split("File ACL: ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
            let found = lines(&image, &[path]);
            let node = found.iter().find(|line| line["type"] == "node-block").unwrap();
            assert_eq!((&node["purpose"], node["block"].to_string()), (&"attributes".into(), block.to_owned()));
            block.parse().unwrap()
        })
        .collect();
    assert_eq!(blocks[0], blocks[1]);
    let told = lines(&image, &["--block", &blocks[0].to_string()]);
    let named: Vec<(&str, &str)> = told[1..]
        .iter()
        .map(|line| (line["paths"][0]["path"].as_str().unwrap(), line["role"].as_str().unwrap()))
        .collect();
    let expected = ["/directory", "/file0", "/file1", "/file2"].map(|path| (path, "attributes"));
    assert_eq!(named.into_iter().collect::<BTreeSet<_>>(), expected.into());
    assert!(numbers(&told, "owner", "inode").contains(&owner(&image, blocks[0])));
    let text = kanshiki(["blocks", image.to_str().unwrap(), "--block", &blocks[2].to_string()]).exits(0).stdout;
    assert!(text.ends_with("(allocated), attributes: /other\n"), "{text}");
}

#[test]
fn a_block_of_a_map_leads_to_its_file_also_where_it_cannot_be_read() {
    if !need(&[NEEDS, &[Need::Tool("ifind")]].concat()) {
        return;
    }
    let (_folder, image) = image_of([0, 20 * 1024], 3, &["-t", "ext2", "-b", "1024"]);
    let block = *map_of_debugfs(&image, "/file", &["IND"]).first().unwrap();
    let ifind = run(tool("ifind").args(["-d", &block.to_string()]).arg(&image)).exits(0).stdout;
    assert_eq!((owner(&image, block), ifind.trim()), (12, "12"));
    let file = fs::File::options().write(true).open(&image).unwrap();
    file.set_len(block * 1024).unwrap();
    let ran = kanshiki(["blocks", image.to_str().unwrap(), "--block", &block.to_string()]).exits(3);
    assert!(ran.stdout.ends_with("inode 12 (allocated), indirect block: /file\n"), "{}\n{}", ran.stdout, ran.stderr);
}

const MIB: usize = 1 << 20;

/// A filesystem of so many MiB with a file of a hundred blocks of 1 KiB, each with its number.
fn numbered(mib: usize) -> Vec<u8> {
    let folder = tempdir();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    let block = |number: usize| format!("block {number:>9} ").into_bytes().into_iter().cycle().take(1024);
    write_file(&source.join("file"), (0..100).flat_map(block).collect::<Vec<u8>>());
    let image = folder.path().join("image");
    let mut made = tool("mkfs.ext4");
    let made = made.args(["-q", "-b", "1024", "-d"]).arg(&source).arg(&image).arg(format!("{mib}M"));
    let _ = run(made).exits(0);
    fs::read(image).unwrap()
}

#[test]
fn bytes_of_members_lead_to_files_in_arrays_and_files_to_bytes_of_members() {
    if !need(NEEDS) {
        return;
    }
    let folder = tempdir();
    let filesystem = numbered(8);
    let paths = ["first", "second"].map(|name| folder.path().join(name));
    let [first, second] = paths.each_ref().map(|path| path.to_str().unwrap());
    // A mirror, of which the first member is read.
    for (place, path) in (0..).zip(&paths) {
        let mut disk = vec![0; 10 * MIB];
        disk[MIB..9 * MIB].copy_from_slice(&filesystem);
        md::Member::mirror("1.2", place, 8 << 20, 1 << 20).write(&mut disk);
        write_file(path, disk);
    }
    let with = ["--with", second];
    let found = lines(&paths[0], &[&["/file"][..], &with].concat());
    let at = found[0]["image_offset"].as_u64().unwrap();
    assert!(fs::read(first).unwrap()[at as usize..].starts_with(b"block         0 "));
    assert_eq!((&found[0]["image"], found[0]["image_bytes"].as_u64()), (&"first".into(), Some(100 << 10)));
    for (offset, note) in [(at.to_string(), false), (format!("b:{at}"), true)] {
        let told = lines(&paths[0], &[&["--image-offset", &offset][..], &with].concat());
        assert_eq!(told.iter().any(|line| line["type"] == "note"), note);
        let owner = told.iter().find(|line| line["type"] == "owner").unwrap();
        assert_eq!((&owner["volume"], &owner["paths"][0]["path"]), (&"md0".into(), &"/file".into()));
    }
    let text = kanshiki(["blocks", first, "--image-offset", "4100"]).exits(0).stdout;
    assert_eq!(text, "byte 4100 of first: member of the array md0 (raid1): superblock of md\n");

    // Members one after the other: the filesystem lies on both.
    let linear = |place| md::Member { level: -1, chunk: 4096, ..md::Member::mirror("1.2", place, 0, 1 << 20) };
    let halves = [found[0]["volume_offset"].as_u64().unwrap() as usize + (50 << 10), 8 * MIB];
    let parts = [&filesystem[..halves[0] & !0xfff], &filesystem[halves[0] & !0xfff..halves[1]]];
    for ((place, path), part) in (0..).zip(&paths).zip(parts) {
        let mut disk = vec![0; MIB];
        disk.extend(part);
        linear(place).write(&mut disk);
        write_file(path, disk);
    }
    let told = lines(&paths[0], &[&["/file"][..], &with].concat());
    let pieces: Vec<&Value> = told.iter().filter(|line| line["type"] == "piece").collect();
    assert_eq!(pieces.len(), 2, "{told:?}");
    assert_eq!(told[0]["image_bytes"], pieces[0]["bytes"]);
    let mut content = Vec::new();
    for piece in pieces {
        let bytes = fs::read(folder.path().join(piece["image"].as_str().unwrap())).unwrap();
        let at = piece["image_offset"].as_u64().unwrap() as usize;
        content.extend(&bytes[at..at + piece["bytes"].as_u64().unwrap() as usize]);
    }
    assert_eq!(content.len(), 100 << 10);
    assert!(
        content.chunks(1024).enumerate().all(|(at, block)| block.starts_with(format!("block {at:>9} ").as_bytes()))
    );
    let text = kanshiki(["blocks", first, "--with", second, "/file"]).exits(0).stdout;
    assert!(text.contains(" of the volume, in pieces\n  bytes "), "{text}");
    assert!(text.ends_with(": byte 1048576 of second\n"), "{text}");
}
