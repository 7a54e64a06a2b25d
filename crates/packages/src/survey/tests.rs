use super::*;
use crate::testing::view;
use kanshiki_filesystem::{MemoryFileSystem, Xattr};

const FILES: &[(&str, &str)] = &[
    ("/var/lib/dpkg/status", "Package: base\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n"),
    ("/var/lib/dpkg/info/base.list", "/usr/bin/su\n/usr/bin/ping\n/usr/bin/vi.tiny\n/usr/lib/python3/a.py\n"),
    ("/var/lib/dpkg/statoverride", "root root 4755 /usr/bin/ping\n"),
    ("/var/lib/dpkg/alternatives/vi", "auto\n/usr/bin/vi\nview\n/usr/bin/view\n\n/usr/bin/vi.tiny\n10\n"),
    ("/var/lib/ucf/hashfile", "d41d8cd98f00b204e9800998ecf8427e  /etc/ssh/sshd_config\n"),
    ("/usr/bin/su", ""),
    ("/usr/bin/ping", ""),
    ("/usr/bin/vi.tiny", ""),
    ("/usr/bin/.evil", ""),
    ("/usr/lib/python3/a.py", ""),
    ("/usr/lib/python3/__pycache__/a.cpython-311.pyc", ""),
    ("/usr/lib/python3/__pycache__/b.cpython-311.pyc", ""),
    ("/usr/lib/modules/6.1/modules.dep", ""),
    ("/usr/lib/modules/6.1/root.ko", ""),
    ("/etc/cron.d/job", ""),
    ("/etc/ssh/sshd_config", ""),
    ("/etc/hosts", ""),
    ("/usr/local/bin/own", ""),
    ("/etc/alternatives/", ""),
    ("/home/x/.sh", ""),
];

fn made() -> MemoryFileSystem {
    let mut filesystem = MemoryFileSystem::of_paths(FILES);
    let found = view(filesystem.clone());
    let inode = |path: &str| {
        let path = EvidencePath::from_bytes(path.as_bytes());
        found.lookup(&path, kanshiki_filesystem::Follow::All).unwrap().place.node.inode
    };
    for (folder, name, target) in [
        ("/usr/bin", "vi", "/etc/alternatives/vi"),
        ("/usr/bin", "tool", "/etc/alternatives/vi"),
        ("/usr/lib", "libsu.so", "../bin/su"),
        ("/usr/lib", "masked", "/dev/null"),
        ("/etc/alternatives", "vi", "/usr/bin/vi.tiny"),
        ("/usr/bin", "view", "/etc/alternatives/view"),
        ("/etc/alternatives", "view", "/home/x/.sh"),
    ] {
        filesystem.add(inode(folder), name.as_bytes(), NodeType::Symlink, target.as_bytes());
    }
    for (path, mode) in [("/usr/bin/su", 0o104_755), ("/usr/bin/ping", 0o104_755), ("/home/x/.sh", 0o106_755)] {
        filesystem.node_mut(inode(path)).unwrap().node.mode = mode;
    }
    let node = filesystem.node_mut(inode("/usr/bin/vi.tiny")).unwrap();
    node.node.mode = 0o100_755;
    let value = b"\x01\0\0\x02\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    node.xattrs.push(Xattr { name: b"security.capability".to_vec(), value, offset: 0 });
    filesystem
}

/// A path and its explanation.
type ShownUnowned = (String, Option<String>);

/// A path, its standing, its capabilities.
type ShownPrivileged = (String, &'static str, Option<String>);

fn found() -> (Vec<ShownUnowned>, Vec<ShownPrivileged>) {
    let view = view(made());
    let packages = Packages::read(&view);
    let (mut unowned, mut privileged) = (Vec::new(), Vec::new());
    survey(&view, &packages, &mut |event| {
        match event {
            SurveyEvent::Unowned(it) => unowned.push((it.path.to_string(), it.explanation.map(Explanation::text))),
            SurveyEvent::Privileged(it) => {
                let capabilities = it.capabilities.map(|capabilities| capabilities.to_string());
                privileged.push((it.path.to_string(), it.standing.name(), capabilities));
            }
            SurveyEvent::Damage(issue) => panic!("{issue}"),
        }
        ControlFlow::Continue(())
    });
    (unowned, privileged)
}

#[test]
fn files_of_the_system_that_are_no_packages_are_told_with_what_explains_them() {
    let (unowned, _) = found();
    let shown: Vec<_> = unowned.iter().map(|(path, why)| (path.as_str(), why.as_deref())).collect();
    assert_eq!(
        shown,
        [
            ("/etc/cron.d/job", None),
            ("/etc/ssh/sshd_config", Some("ucf")),
            ("/usr/bin/.evil", None),
            ("/usr/bin/tool", Some("link to a package's file")),
            ("/usr/bin/vi", Some("update-alternatives")),
            ("/usr/bin/view", None),
            ("/usr/lib/libsu.so", Some("link to a package's file")),
            ("/usr/lib/masked", Some("link to /dev/null")),
            ("/usr/lib/modules/6.1/modules.dep", Some("made by depmod")),
            ("/usr/lib/modules/6.1/root.ko", None),
            ("/usr/lib/python3/__pycache__/a.cpython-311.pyc", Some("byte code of a package's file")),
            ("/usr/lib/python3/__pycache__/b.cpython-311.pyc", None),
        ]
    );
}

#[test]
fn rights_are_told_with_how_they_stand_to_the_packages() {
    let (_, privileged) = found();
    let shown: Vec<_> =
        privileged.iter().map(|(path, standing, caps)| (path.as_str(), *standing, caps.as_deref())).collect();
    assert_eq!(
        shown,
        [
            ("/home/x/.sh", "unowned", None),
            ("/usr/bin/ping", "given", None),
            ("/usr/bin/su", "unknown", None),
            ("/usr/bin/vi.tiny", "unknown", Some("cap_setuid=ep")),
        ]
    );
}

#[test]
fn folders_of_the_system_end_at_a_slash() {
    let paths =
        ["/usr/bin/x", "/usr/binx/x", "/usr/local/bin/x", "/etc/cron.daily/x", "/etc/ld.so.preload", "/etc/crontab"];
    assert_eq!(paths.map(|path| is_system(path.as_bytes())), [true, false, false, true, true, true]);
}
