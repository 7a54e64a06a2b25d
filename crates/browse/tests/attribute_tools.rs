//! Attributes in words, compared with what `getcap` and `getfacl` say of the same files.
#![expect(clippy::expect_used, reason = "a helper that fails is the failure of the test that called it")]

use kanshiki_browse::decoded;
use kanshiki_testkit::{Need, TempDir, need, run, tool_path, write_file};
use std::path::{Path, PathBuf};
use std::process::Command;

fn command(name: &str) -> Command {
    Command::new(tool_path(name).expect("a program that was asked for"))
}

/// A file in a folder of its own.
fn file() -> (TempDir, PathBuf) {
    let folder = kanshiki_testkit::tempdir();
    let path = folder.path().join("file");
    write_file(&path, "");
    (folder, path)
}

fn attribute(path: &Path, name: &str) -> Vec<u8> {
    let mut value = vec![0; 65_536];
    let length = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).expect("the attribute");
    value.truncate(length);
    value
}

#[test]
fn capabilities_are_told_as_getcap_tells_them() {
    if !need(&[Need::Root, Need::Tool("setcap"), Need::Tool("getcap")]) {
        return;
    }
    for capabilities in [
        "cap_net_raw=ep",
        "cap_net_raw=eip",
        "cap_chown=i cap_kill=p",
        "cap_net_raw,cap_sys_admin=ep cap_chown=eip",
        "cap_checkpoint_restore,cap_bpf,cap_perfmon=p",
        "all=ep",
        "all=eip",
        "all=p cap_chown-p",
        "all=eip cap_chown-ip",
        "all=p cap_chown+i cap_setuid-p",
        "=",
    ] {
        for root in ["0", "1000"] {
            let (_folder, file) = file();
            let mut setcap = command("setcap");
            if root != "0" {
                setcap.args(["-n", root]);
            }
            let ran = run(setcap.arg(capabilities).arg(&file));
            assert_eq!(ran.code, 0, "{capabilities}: {ran:?}");
            let told = run(command("getcap").arg("-n").arg(&file)).exits(0).stdout;
            let told =
                told.trim_end().strip_prefix(&format!("{} ", file.display())).expect("the file's name").to_owned();
            let value = attribute(&file, "security.capability");
            assert_eq!(decoded(b"security.capability", &value), Some(told), "{capabilities} {root}");
        }
    }
}

/// What `getfacl` says: the entries of the file itself, and the default ones without their mark.
fn getfacl(path: &Path) -> (String, String) {
    let told =
        run(command("getfacl").args(["--omit-header", "--numeric", "--absolute-names"]).arg(path)).exits(0).stdout;
    let entries = told.lines().filter_map(|line| line.split('\t').next()).filter(|line| !line.is_empty());
    let (default, own): (Vec<&str>, Vec<&str>) = entries.partition(|line| line.starts_with("default:"));
    let default: Vec<&str> = default.iter().filter_map(|line| line.strip_prefix("default:")).collect();
    (own.join(","), default.join(","))
}

#[test]
fn access_control_lists_are_told_as_getfacl_tells_them() {
    if !need(&[Need::Tool("setfacl"), Need::Tool("getfacl")]) {
        return;
    }
    for list in ["u:1000:rw", "u:1000:rw,u:0:r,g:5:rx,g:1234:x,m::r", "u:4294967294:-,g:0:rwx,o::x"] {
        let (folder, file) = file();
        let _ = run(command("setfacl").args(["-m", list]).arg(&file)).exits(0);
        let value = attribute(&file, "system.posix_acl_access");
        assert_eq!(decoded(b"system.posix_acl_access", &value), Some(getfacl(&file).0));
        let _ = run(command("setfacl").args(["-d", "-m", list]).arg(folder.path())).exits(0);
        let value = attribute(folder.path(), "system.posix_acl_default");
        assert_eq!(decoded(b"system.posix_acl_default", &value), Some(getfacl(folder.path()).1));
    }
}
