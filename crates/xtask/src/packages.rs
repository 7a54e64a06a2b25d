//! The Debian packages that tests need.

use kanshiki_testkit::{Need, TOOLS, Tool, tool_path};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// Says which tools are missing, and installs their packages where that is allowed and possible.
pub(crate) fn prepare(install: bool) {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !tool.is_there()).collect();
    for tool in &missing {
        println!("`{}` is missing (package {}): {}", tool.name, tool.package, tool.why);
    }
    let packages: BTreeSet<&str> = missing.iter().map(|tool| tool.package).collect();
    if packages.is_empty() {
        println!("every tool is there");
    } else if !install || !Need::Root.is_there() || tool_path("apt-get").is_none() {
        println!("nothing is installed: that needs root and apt-get; tests that want these tools are skipped");
    } else {
        get(&packages);
    }
}

fn get(packages: &BTreeSet<&str>) {
    println!("installing {}", packages.iter().copied().collect::<Vec<_>>().join(", "));
    if !apt(["update", "--quiet=2"], &[]) {
        println!("the list of packages could not be brought up to date");
    }
    let all: Vec<&str> = packages.iter().copied().collect();
    if apt(INSTALL, &all) {
        return;
    }
    // One package that this release does not have must not keep the others away.
    for package in all {
        if !apt(INSTALL, &[package]) {
            println!("{package} could not be installed; tests that want it are skipped");
        }
    }
}

const INSTALL: [&str; 4] = ["install", "--yes", "--quiet=2", "--no-install-recommends"];

fn apt<const N: usize>(arguments: [&str; N], packages: &[&str]) -> bool {
    let status = Command::new("apt-get")
        .args(arguments)
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
