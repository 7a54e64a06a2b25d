use super::*;
use crate::{Expected, Owner, Package, PackageState};
use kanshiki_filesystem::{FileSystem, MemoryFileSystem};
use kanshiki_model::Algorithm;

const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn package(manager: Manager) -> Package {
    Package {
        manager,
        name: b"x".to_vec(),
        version: Vec::new(),
        architecture: Vec::new(),
        state: PackageState::Installed,
        installed: None,
        vendor: Vec::new(),
        from_original: false,
    }
}

fn md5(text: &str) -> Digest {
    Digest::parse(Algorithm::Md5, text).unwrap()
}

/// A node of this type, of mode 644 or as it is for its type, of root, of 1700000000 seconds.
fn node(node_type: NodeType, content: &[u8]) -> Node {
    let mut filesystem = MemoryFileSystem::new();
    let inode = filesystem.add(2, b"x", node_type, content);
    filesystem.inode(inode).unwrap()
}

fn observed<'a>(node: &'a Node, digest: Option<&'a Digest>) -> Observed<'a> {
    Observed { node, directory: None, digest, link_target: None, capabilities: None, has_access_list: false }
}

fn entry<'a>(package: &'a Package, expected: Expected<'a>) -> Entry<'a> {
    Entry {
        package,
        path: b"/etc/x",
        lies_at: b"/etc/x",
        place: b"/etc/x",
        expected,
        flags: FileFlags::default(),
        verify: Verify::ALL,
        state: FileState::Normal,
        is_shared: false,
    }
}

const ROOT: Option<Owner<'static>> = Some(Owner { name: b"root", number: Some(0) });

fn file<'a>(digest: &'a Digest) -> Expected<'a> {
    Expected {
        node_type: Some(NodeType::File),
        mode: Some(0o100_644),
        size: Some(0),
        modified: Some(1_700_000_000),
        digest_bytes: digest.as_bytes(),
        owner: ROOT,
        group: ROOT,
        capabilities: Some(b""),
        ..Expected::default()
    }
}

#[test]
fn a_file_as_its_package_has_it_differs_in_nothing() {
    let (package, digest, node) = (package(Manager::Rpm), md5(EMPTY), node(NodeType::File, b""));
    let entry = entry(&package, file(&digest));
    let difference = compare(&entry, Ok(observed(&node, Some(&digest))));
    assert!(difference.is_none() && !is_told(&entry, &difference));
    assert_eq!(difference.to_string(), ".........");
}

#[test]
fn each_letter_of_rpm_is_shown_in_its_place() {
    let (package, digest) = (package(Manager::Rpm), md5(EMPTY));
    let mut node = node(NodeType::File, b"longer");
    (node.mode, node.uid, node.gid) = (0o104_755, 7, 8);
    node.times.modified = Some(kanshiki_model::FileTime::new(1, None));
    let other = md5(&EMPTY.replace('d', "e"));
    let value = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0".as_slice();
    let found = Observed { capabilities: Some(value), ..observed(&node, Some(&other)) };
    let mut entry = entry(&package, file(&digest));
    entry.flags = FileFlags::CONFIG.with(FileFlags::NO_REPLACE);
    let difference = compare(&entry, Ok(found));
    assert_eq!(line(&entry, &difference), "SM5..UGTP  c /etc/x");
    // What the package does not want to be compared is not.
    entry.verify = Verify::ALL.without(Verify::DIGEST).without(Verify::SIZE).without(Verify::TIME);
    assert_eq!(line(&entry, &compare(&entry, Ok(found))), ".M...UG.P  c /etc/x");
    // Of a path of several packages, the time is not.
    (entry.verify, entry.is_shared) = (Verify::TIME.with(Verify::SIZE), true);
    assert_eq!(line(&entry, &compare(&entry, Ok(found))), "S........  c /etc/x");
    (entry.is_shared, entry.flags) = (false, FileFlags::GHOST);
    assert!(compare(&entry, Ok(found)).is_none());
    // What cannot be read is told.
    (entry.verify, entry.flags) = (Verify::DIGEST, FileFlags::default());
    assert_eq!(line(&entry, &compare(&entry, Ok(observed(&node, None)))), "..?......    /etc/x");
}

#[test]
fn capabilities_are_compared_by_what_they_mean() {
    let (package, digest, node) = (package(Manager::Rpm), md5(EMPTY), node(NodeType::File, b""));
    let value = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0".as_slice();
    let with = |text: &'static [u8], value: Option<&[u8]>| {
        let entry = entry(&package, Expected { capabilities: Some(text), ..file(&digest) });
        let found = Observed { capabilities: value, ..observed(&node, Some(&digest)) };
        compare(&entry, Ok(found)).to_string()
    };
    assert_eq!(with(b"= cap_net_raw+ep", Some(value)), ".........");
    assert_eq!(with(b"cap_net_raw=p", Some(value)), "........P");
    assert_eq!(with(b"cap_net_raw=ep", None), "........P");
    assert_eq!(with(b"", Some(b"short")), "........P");
}

#[test]
fn a_link_to_a_directory_is_as_good_as_the_directory_if_it_is_roots() {
    let package = package(Manager::Rpm);
    let (mut link, directory) = (node(NodeType::Symlink, b"usr/bin"), node(NodeType::Directory, b""));
    let expected =
        Expected { node_type: Some(NodeType::Directory), mode: Some(0o040_755), owner: ROOT, ..Expected::default() };
    let entry = entry(&package, expected);
    let with =
        |link: &Node| compare(&entry, Ok(Observed { directory: Some(&directory), ..observed(link, None) })).to_string();
    assert_eq!(with(&link), ".........");
    link.uid = 5;
    // It is then a link that leads elsewhere than the package's, which has none.
    assert_eq!(with(&link), "....?U...");
}

#[test]
fn devices_and_links_have_letters_of_their_own() {
    let package = package(Manager::Rpm);
    let mut device = node(NodeType::CharacterDevice, b"");
    device.device = Some(kanshiki_filesystem::DeviceNumber { major: 1, minor: 3 });
    let null = Expected {
        node_type: Some(NodeType::CharacterDevice),
        mode: Some(0o020_644),
        device: Some(0x103),
        ..Expected::default()
    };
    assert!(compare(&entry(&package, null), Ok(observed(&device, None))).is_none());
    let other = Expected { device: Some(0x105), ..null };
    assert_eq!(compare(&entry(&package, other), Ok(observed(&device, None))).to_string(), "...D.....");
    let link = node(NodeType::Symlink, b"bash");
    let expected = Expected { node_type: Some(NodeType::Symlink), link_target: Some(b"dash"), ..Expected::default() };
    let found = Observed { link_target: Some(b"bash"), ..observed(&link, None) };
    assert_eq!(compare(&entry(&package, expected), Ok(found)).to_string(), "....L....");
    // A file in the place of a link, as rpm 4.18 has it.
    let file = node(NodeType::File, b"bash");
    assert_eq!(compare(&entry(&package, expected), Ok(observed(&file, None))).to_string(), "S.5......");
}

#[test]
fn rights_of_accounts_that_are_not_there_are_not_expected() {
    let (package, digest) = (package(Manager::Rpm), md5(EMPTY));
    let mut node = node(NodeType::File, b"");
    node.mode = 0o100_755;
    let nobody = Some(Owner { name: b"gone".as_slice(), number: None });
    let expected = Expected { mode: Some(0o106_755), owner: nobody, group: nobody, ..file(&digest) };
    assert!(compare(&entry(&package, expected), Ok(observed(&node, Some(&digest)))).is_none());
    let expected = Expected { owner: ROOT, ..expected };
    assert_eq!(compare(&entry(&package, expected), Ok(observed(&node, Some(&digest)))).to_string(), ".M.......");
}

#[test]
fn states_of_files_decide_what_is_told() {
    let (package, digest, node) = (package(Manager::Rpm), md5(EMPTY), node(NodeType::File, b"other"));
    let mut entry = entry(&package, file(&digest));
    let missing = || Err(Missing::NotThere);
    entry.state = FileState::NotInstalled;
    assert!(compare(&entry, missing()).is_none());
    entry.state = FileState::Replaced;
    let difference = compare(&entry, Ok(observed(&node, None)));
    assert!(is_told(&entry, &difference));
    assert_eq!(line(&entry, &difference), ".........    /etc/x (replaced)");
    assert_eq!(line(&entry, &compare(&entry, missing())), "missing     /etc/x (replaced)");
    entry.state = FileState::WrongColor;
    assert!(compare(&entry, Ok(observed(&node, None))).is_none());
    (entry.state, entry.flags) = (FileState::Normal, FileFlags::GHOST);
    let difference = compare(&entry, missing());
    assert!(!difference.is_none() && !is_told(&entry, &difference));
    entry.flags = FileFlags::CONFIG;
    let difference = compare(&entry, Err(Missing::NotADirectory));
    assert_eq!(line(&entry, &difference), "missing   c /etc/x (Not a directory)");
}

#[test]
fn dpkg_tells_of_type_and_content_alone_and_of_what_the_administrator_asked_for() {
    let (package, digest) = (package(Manager::Dpkg), md5(EMPTY));
    let mut file = node(NodeType::File, b"");
    let expected = Expected { digest_bytes: digest.as_bytes(), ..Expected::default() };
    let mut entry = entry(&package, expected);
    entry.verify = Verify::DIGEST.with(Verify::MODE);
    let other = md5(&EMPTY.replace('d', "e"));
    assert!(compare(&entry, Ok(observed(&file, Some(&digest)))).is_none());
    assert_eq!(line(&entry, &compare(&entry, Ok(observed(&file, Some(&other))))), "??5??????   /etc/x");
    let link = node(NodeType::Symlink, b"/bin/x");
    assert_eq!(compare(&entry, Ok(observed(&link, Some(&digest)))).to_string(), "?M.??????");
    assert_eq!(compare(&entry, Ok(observed(&link, None))).to_string(), "?M???????");
    entry.flags = FileFlags::CONFIG;
    assert_eq!(line(&entry, &compare(&entry, Err(Missing::NotThere))), "missing   c /etc/x");
    entry.flags = FileFlags::OVERRIDDEN;
    entry.verify = entry.verify.with(Verify::OWNER).with(Verify::GROUP);
    entry.expected = Expected { mode: Some(0o4754), owner: ROOT, group: ROOT, ..expected };
    (file.mode, file.gid) = (0o100_755, 4);
    assert_eq!(compare(&entry, Ok(observed(&file, Some(&digest)))).to_string(), "?M.??.G??");
}
