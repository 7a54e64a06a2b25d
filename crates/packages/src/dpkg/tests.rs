use crate::testing::{issues, shown, view};
use crate::{Entry, FileFlags, PackageState, Packages};
use kanshiki_filesystem::{MemoryFileSystem, NodeType};

const STATUS: &str = "\
Package: base
Status: install ok installed
Architecture: all
Version: 1
Conffiles:
 /etc/base.conf d41d8cd98f00b204e9800998ecf8427e
 /etc/gone.conf d41d8cd98f00b204e9800998ecf8427e obsolete

Package: libx
Status: install ok installed
Multi-Arch: same
Architecture: i386
Version: 2

Package: old
Status: deinstall ok config-files
Architecture: all
Version: 0.9

Package: never
Status: install ok not-installed
Architecture: all

Package: lost
Status: install ok half-installed
Architecture: all
Version: 3
";

const FILES: &[(&str, &str)] = &[
    ("/var/lib/dpkg/status", STATUS),
    (
        "/var/lib/dpkg/updates/0001",
        "Package: base\nStatus: install ok unpacked\nArchitecture: all\nVersion: 1.1\nConffiles:\n /etc/base.conf d41d8cd98f00b204e9800998ecf8427e\n /etc/gone.conf d41d8cd98f00b204e9800998ecf8427e obsolete\n",
    ),
    ("/var/lib/dpkg/updates/tmp.i", "Package: never read\n"),
    (
        "/var/lib/dpkg/info/base.list",
        "/.\n/bin\n/bin/tool\n/bin/sh\n/etc\n/etc/base.conf\n/etc/gone.conf\n/usr\n/usr/share/doc/base/x\n",
    ),
    (
        "/var/lib/dpkg/info/base.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  bin/tool\nd41d8cd98f00b204e9800998ecf8427e  bin/sh\nbad\n",
    ),
    ("/var/lib/dpkg/info/libx:i386.list", "/usr/lib/libx.so\n/bin/sh\n"),
    ("/var/lib/dpkg/info/old.list", "/etc/old.conf\n"),
    ("/var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\nlibx\n/bin/sh.other\n/x\n:\n"),
    ("/var/lib/dpkg/statoverride", "root mail 4755 /bin/tool\n"),
    ("/etc/group", "mail:x:8:\n"),
    ("/etc/dpkg/dpkg.cfg.d/docker", "path-exclude /usr/share/doc/*\n"),
    ("/usr/bin/tool", ""),
];

fn read(files: &[(&str, &str)]) -> Packages {
    let mut filesystem = MemoryFileSystem::of_paths(files);
    filesystem.add(2, b"bin", NodeType::Symlink, b"usr/bin");
    Packages::read(&view(filesystem))
}

fn one<'p>(packages: &'p Packages, place: &str) -> Entry<'p> {
    let found: Vec<_> = packages.of(place.as_bytes()).collect();
    assert_eq!(found.len(), 1, "{place}");
    found[0]
}

#[test]
fn packages_are_those_of_the_status_with_what_updates_changed() {
    let packages = read(FILES);
    assert_eq!(shown(&packages), ["base 1.1 all", "libx 2 i386", "old 0.9 all", "lost 3 all"]);
    let states: Vec<_> = packages.packages().map(|package| package.state).collect();
    let expected =
        [PackageState::Unpacked, PackageState::Installed, PackageState::ConfigFiles, PackageState::HalfInstalled];
    assert_eq!(states, expected);
    let times: Vec<_> = packages.packages().map(|package| package.installed.map(|time| time.to_string())).collect();
    assert_eq!((times[0].as_deref(), &times[3]), (Some("2023-11-14T22:13:20.123456789Z"), &None));
    assert_eq!(
        issues(&packages),
        [
            "/var/lib/dpkg/info/base.md5sums, bytes 84-87: 32 hexadecimal digits, two blanks and a path were expected, found `bad`",
            "/var/lib/dpkg/info/lost.list: the list of the files of the package lost is missing",
        ]
    );
}

#[test]
fn files_lie_where_links_and_diversions_lead_them() {
    let packages = read(FILES);
    let tool = one(&packages, "/usr/bin/tool");
    assert_eq!((tool.path, tool.flags.has(FileFlags::OVERRIDDEN)), (b"/bin/tool".as_slice(), true));
    assert_eq!((tool.expected.mode, tool.expected.group.unwrap().number), (Some(0o4755), Some(8)));
    assert_eq!(tool.expected.digest().unwrap().to_hex(), "d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(packages.of(b"/bin/tool").count(), 0);
    let diverted = one(&packages, "/usr/bin/sh.distrib");
    assert_eq!((diverted.path, diverted.package.name.as_slice()), (b"/bin/sh".as_slice(), b"base".as_slice()));
    assert!(diverted.flags.has(FileFlags::DIVERTED));
    assert_eq!(one(&packages, "/usr/bin/sh").package.name, b"libx");
    assert_eq!(one(&packages, "/etc/base.conf").flags, FileFlags::CONFIG);
    assert_eq!(one(&packages, "/etc/gone.conf").flags, FileFlags::CONFIG.with(FileFlags::OBSOLETE));
    assert_eq!(one(&packages, "/etc/old.conf").package.name, b"old");
    assert!(one(&packages, "/usr/share/doc/base/x").flags.has(FileFlags::LEFT_OUT));
    assert_eq!(one(&packages, "/bin").expected.node_type, Some(NodeType::Directory));
    assert_eq!(one(&packages, "/").path, b"/.");
    let places: Vec<_> = packages.entries().map(|entry| String::from_utf8_lossy(entry.place).into_owned()).collect();
    assert_eq!(places[..4], ["/", "/bin", "/etc", "/usr"]);
    assert_eq!(places.len(), 12);
}

#[test]
fn images_without_dpkg_keep_a_paragraph_and_sums_for_each_package() {
    let packages = read(&[
        ("/var/lib/dpkg/status.d/libssl3", "Package: libssl3\nVersion: 3.0.17\nArchitecture: amd64\n"),
        ("/var/lib/dpkg/status.d/libssl3.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/lib/libssl.so.3\n"),
    ]);
    assert_eq!((shown(&packages), issues(&packages)), (vec!["libssl3 3.0.17 amd64".to_owned()], Vec::new()));
    assert_eq!(one(&packages, "/usr/lib/libssl.so.3").expected.node_type, Some(NodeType::File));
}

#[test]
fn an_image_without_packages_gives_nothing_and_no_issue() {
    let packages = read(&[("/etc/passwd", "")]);
    assert_eq!((packages.packages().len(), packages.entries().len(), packages.issues().len()), (0, 0, 0));
}
