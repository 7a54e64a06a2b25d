//! What a test needs of the machine, and what happens without it.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The variable that names a file to which each skipped test appends its line.
pub const SKIPPED_FILE: &str = "KANSHIKI_SKIPPED";

/// A program that is not part of every Debian, with the reason why tests use it.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// The program's name, or that of the thing which [`Tool::is_there`] looks for.
    pub name: &'static str,
    /// The Debian package that brings it.
    pub package: &'static str,
    /// What tests do with it.
    pub why: &'static str,
}

const fn tool(name: &'static str, package: &'static str, why: &'static str) -> Tool {
    Tool { name, package, why }
}

/// The Python module that is looked for in Debian's own Python; the rest of the table are programs.
const JSONSCHEMA: &str = "jsonschema";

/// Every program that tests use and that a plain Debian may lack.
pub const TOOLS: &[Tool] = &[
    tool("zstd", "zstd", "restores compressed images without kanshiki"),
    tool("bzip2", "bzip2", "unpacks damaged images"),
    tool("ddrescue", "gddrescue", "goes on from the mapfile of an exhibit"),
    tool("ddrescuelog", "gddrescue", "reads the mapfile of an exhibit"),
    tool("nbdkit", "nbdkit", "gives read errors on chosen sectors"),
    tool("nbdfuse", "libnbd-bin", "makes nbdkit's disk a file that a loop device can stand on"),
    tool("fusermount3", "fuse3", "lets nbdfuse and ordinary users mount, and takes mounts away again"),
    tool("strace", "strace", "proves that the source is never opened for writing"),
    tool(JSONSCHEMA, "python3-jsonschema", "validates manifests against the shipped schema"),
    tool("sfdisk", "fdisk", "makes partition tables to compare with"),
    tool("partx", "util-linux", "tells a kernel without a reader of partition tables of the partitions"),
    tool("mkswap", "util-linux", "makes swap areas"),
    tool("setpriv", "util-linux", "runs kanshiki as a user without rights"),
    tool("swapon", "mount", "takes a swap area into use"),
    tool("sgdisk", "gdisk", "reads GUID partition tables to compare with"),
    tool("mkfs.ext4", "e2fsprogs", "makes filesystems to recognise"),
    tool("debugfs", "e2fsprogs", "reads ext4 to compare with"),
    tool("mkfs.vfat", "dosfstools", "makes filesystems to recognise"),
    tool("mkfs.xfs", "xfsprogs", "makes filesystems to recognise"),
    tool("mkfs.btrfs", "btrfs-progs", "makes filesystems to recognise"),
    tool("mkfs.ntfs", "ntfs-3g", "makes filesystems to recognise"),
    tool("mksquashfs", "squashfs-tools", "makes filesystems to recognise"),
    tool("genisoimage", "genisoimage", "makes filesystems to recognise"),
    tool("cryptsetup", "cryptsetup-bin", "makes LUKS headers to recognise"),
    tool("pvcreate", "lvm2", "makes LVM labels to recognise"),
    tool("mdadm", "mdadm", "makes RAID superblocks to recognise"),
    tool("blkid", "util-linux", "reads signatures to compare with"),
    tool("mmls", "sleuthkit", "reads partition tables to compare with"),
    tool("fls", "sleuthkit", "lists names, removed ones too, to compare with"),
    tool("mactime", "sleuthkit", "puts bodyfiles in order of time to compare with"),
    tool("7zz", "7zip", "opens archives with a password"),
    tool("hashdeep", "hashdeep", "audits lists of digests"),
    tool("strings", "binutils", "looks for texts to compare with"),
    tool("readelf", "binutils", "tells what programs are made of to compare with"),
    tool("gcc", "gcc", "makes odd programs to look at"),
    tool("zgrep", "gzip", "searches compressed files to compare with"),
    tool("xzgrep", "xz-utils", "searches compressed files to compare with"),
    tool("zstdgrep", "zstd", "searches compressed files to compare with"),
    tool("bzgrep", "bzip2", "searches compressed files to compare with"),
    tool("icat", "sleuthkit", "reads deleted files to compare with"),
    tool("ifind", "sleuthkit", "names the inodes of blocks to compare with"),
    tool("getcap", "libcap2-bin", "reads capabilities of files to compare with"),
    tool("setcap", "libcap2-bin", "gives capabilities to files"),
    tool("getfacl", "acl", "reads access control lists to compare with"),
    tool("setfacl", "acl", "gives access control lists to files"),
    tool("openssl", "openssl", "works out digests to compare with"),
    tool("sqlite3", "sqlite3", "opens the store of a case"),
    tool("taskset", "util-linux", "runs the program on one core"),
    tool("ausyscall", "auditd", "names system calls to compare with"),
    tool("ausearch", "auditd", "puts the events of audit logs together to compare with"),
    tool("aureport", "auditd", "counts the events of audit logs to compare with"),
    tool("apache2", "apache2-bin", "writes logs to read"),
    tool("nginx", "nginx-light", "writes logs to read"),
    tool("mariadbd", "mariadb-server", "writes logs to read"),
    tool("mariadb-install-db", "mariadb-server", "makes a server that writes logs"),
    tool("mariadb", "mariadb-client", "has a server write logs"),
    tool("mariadb-binlog", "mariadb-client", "reads binary logs to compare with"),
    tool("postgres", "postgresql-15", "writes logs to read"),
    tool("psql", "postgresql-client-15", "has a server write logs"),
    tool("utmpdump", "util-linux", "reads records of logins to compare with"),
    tool("last", "util-linux", "reads records of logins to compare with"),
    tool("lastb", "util-linux", "reads records of failed logins to compare with"),
    tool("vsftpd", "vsftpd", "writes logs of transfers"),
    tool("python3", "python3", "speaks FTP"),
    tool("apt-get", "apt", "writes logs of packages"),
    tool("dpkg-deb", "dpkg", "makes packages to install"),
    tool("dpkg", "dpkg", "writes logs of packages"),
    tool("rpmbuild", "rpm", "makes packages to install"),
    tool("rpm", "rpm", "installs packages, and verifies them to compare with"),
    tool("fail2ban-server", "fail2ban", "writes logs of bans"),
    tool("fail2ban-client", "fail2ban", "has fail2ban ban and end"),
    tool("cloud-init", "cloud-init", "writes logs of the making of an instance"),
    tool("rsyslogd", "rsyslog", "writes logs to read"),
    tool("logger", "bsdutils", "has rsyslogd write logs"),
    tool("sshd", "openssh-server", "writes logs of logins"),
    tool("ssh", "openssh-client", "logs in, or fails to"),
    tool("ssh-keygen", "openssh-client", "makes keys and tells their fingerprints to compare with"),
    tool("sudo", "sudo", "writes logs of commands"),
    tool("useradd", "passwd", "writes logs of accounts"),
    tool("unshare", "util-linux", "gives daemons a folder for accounts, logs and devices of their own"),
    tool("sadf", "sysstat", "shows how busy the processor was to compare with"),
    tool("atop", "atop", "shows which processes were busy to compare with"),
    tool("systemd-journal-remote", "systemd-journal-remote", "makes journals to read"),
    tool("systemd-journald", "systemd", "writes journals to read"),
    tool("journalctl", "systemd", "reads journals to compare with"),
    tool("xz", "xz-utils", "compresses contents of journals"),
    tool("lz4", "lz4", "compresses contents of journals"),
    tool("cpio", "cpio", "unpacks what a rescue medium starts from to compare with"),
    tool("perl", "perl", "writes the logs of the demonstration's disk"),
];

impl Tool {
    /// Whether the machine has it.
    #[must_use]
    pub fn is_there(&self) -> bool {
        if self.name != JSONSCHEMA {
            return tool_path(self.name).is_some();
        }
        let import = Command::new("/usr/bin/python3")
            .args(["-c", "import jsonschema"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        import.is_ok_and(|status| status.success())
    }
}

/// Something that a test needs of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The rights of root.
    Root,
    /// Loop devices that can be attached.
    LoopDevices,
    /// Mounting filesystems, a tmpfs among them.
    Mount,
    /// Filesystems in user space.
    Fuse,
    /// A program of [`TOOLS`], by its name.
    Tool(&'static str),
    /// A file of the system, such as one in which the kernel tells what it can do.
    File(&'static str),
    /// A folder beside the checkout, or beside one of the folders around it.
    Beside(&'static str),
}

impl Need {
    /// Whether the machine has it.
    #[must_use]
    pub fn is_there(self) -> bool {
        match self {
            Self::Root => is_root(),
            Self::LoopDevices => is_root() && Path::new("/dev/loop-control").exists(),
            Self::Mount => is_root() && may_mount(),
            Self::Fuse => Path::new("/dev/fuse").exists(),
            Self::File(path) => Path::new(path).exists(),
            Self::Beside(path) => beside(path).is_some(),
            Self::Tool(name) => {
                let listed = TOOLS.iter().find(|tool| tool.name == name);
                listed.unwrap_or_else(|| panic!("`{name}` is not in the table of tools")).is_there()
            }
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => formatter.write_str("root"),
            Self::LoopDevices => formatter.write_str("loop devices"),
            Self::Mount => formatter.write_str("the right to mount"),
            Self::Fuse => formatter.write_str("/dev/fuse"),
            Self::Tool(name) => write!(formatter, "`{name}`"),
            Self::File(path) => write!(formatter, "`{path}`"),
            Self::Beside(path) => write!(formatter, "`{path}` beside the checkout"),
        }
    }
}

/// Whether the machine has all of these; says so if not, as `SKIPPED test: needs …`.
#[must_use]
pub fn need(needs: &[Need]) -> bool {
    let missing: Vec<String> = needs.iter().filter(|need| !need.is_there()).map(ToString::to_string).collect();
    if missing.is_empty() {
        return true;
    }
    skipped(&format!("SKIPPED {}: needs {}", test_name(), missing.join(", ")));
    false
}

#[expect(clippy::print_stderr, reason = "the line is for whoever runs the test alone")]
#[expect(clippy::disallowed_methods, reason = "a line appended to a file of the test run, no evidence")]
fn skipped(line: &str) {
    eprintln!("{line}");
    let Some(path) = std::env::var_os(SKIPPED_FILE) else { return };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    // One write, so that tests which run at the same time do not mix their lines.
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())).expect("the list of skipped tests");
}

/// nextest runs each test in a process of its own and names it there, with its binary; libtest names the thread.
fn test_name() -> String {
    let variable = |name| std::env::var(name).ok();
    if let Some(test) = variable("NEXTEST_TEST_NAME") {
        return variable("NEXTEST_BINARY_ID").map_or(test.clone(), |binary| format!("{binary} {test}"));
    }
    std::thread::current().name().unwrap_or("a test").to_owned()
}

/// Where a folder lies that [`Need::Beside`] names.
#[must_use]
pub fn beside(path: &str) -> Option<PathBuf> {
    crate::workspace_root().ancestors().map(|folder| folder.join(path)).find(|folder| folder.is_dir())
}

/// Where a program lies, in `PATH` or among the system's own and those that systemd starts.
#[must_use]
pub fn tool_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/lib/systemd"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    effective == Some("0")
}

fn may_mount() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());
    // CAP_SYS_ADMIN is number 21 (capabilities(7)).
    bits.is_some_and(|bits| bits >> 21 & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_named_once_and_says_why() {
        for (index, tool) in TOOLS.iter().enumerate() {
            assert!(TOOLS.iter().skip(index + 1).all(|other| other.name != tool.name), "{} twice", tool.name);
            assert!(!tool.why.is_empty() && !tool.package.is_empty());
        }
    }

    #[test]
    fn a_program_that_nobody_has_is_not_there() {
        assert_eq!(tool_path("no-such-program-anywhere"), None);
        assert!(tool_path("sh").is_some());
    }
}
