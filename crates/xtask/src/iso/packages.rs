//! Packages of Debian: which there are, had in exactly one version, checked, and unpacked without being installed.

use super::contents::{Contents, Lock, Package};
use super::digest::sha256;
use crate::command::{must, output, remove};
use anyhow::{Context as _, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes the lock anew, with the versions that this machine's apt would install.
pub(super) fn renew(contents: &Contents) -> Result<()> {
    let kernel = kernel_package(&contents.kernel)?;
    let mut names = contents.packages();
    names.push(&kernel);
    names.sort_unstable();
    names.dedup();
    let said = output(Command::new("apt-get").args(["download", "--print-uris"]).args(&names))?;
    let mut packages =
        said.lines().filter(|line| line.starts_with('\'')).map(told).collect::<Result<Vec<Package>>>()?;
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    for name in names {
        ensure!(packages.iter().any(|package| package.name == name), "apt knows no package `{name}`");
    }
    let now = jiff::Timestamp::now().as_second();
    let lock = Lock { source_date_epoch: u32::try_from(now).context("the clock")?, kernel, packages };
    println!("{}: {} packages", lock.write()?.display(), lock.packages.len());
    Ok(())
}

/// The package that the one for "the newest kernel" depends on.
fn kernel_package(newest: &str) -> Result<String> {
    let said = output(Command::new("apt-cache").args(["depends", "--important", newest]))?;
    let kernel = said.lines().find_map(|line| line.trim().strip_prefix("Depends: linux-image-"));
    Ok(format!("linux-image-{}", kernel.with_context(|| format!("`{newest}` depends on no kernel:\n{said}"))?))
}

/// One line of `apt-get download --print-uris`: `'URI' NAME_VERSION_ARCH.deb BYTES SHA256:DIGEST`.
fn told(line: &str) -> Result<Package> {
    let unclear = || format!("apt-get said what is not understood: {line}");
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, file, bytes, digest] = words.as_slice() else { bail!(unclear()) };
    let mut parts = file.split('_');
    let (name, version) = parts.next().zip(parts.next()).with_context(unclear)?;
    Ok(Package {
        name: name.to_owned(),
        version: version.replace("%3a", ":"),
        bytes: bytes.parse().with_context(unclear)?,
        sha256: digest.strip_prefix("SHA256:").with_context(unclear)?.to_owned(),
    })
}

/// Where packages are kept and unpacked.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// Where the user has packages that need not be fetched.
    given: Option<PathBuf>,
}

impl Store {
    pub(super) fn new(folder: PathBuf, given: Option<PathBuf>) -> Self {
        Self { folder, given }
    }

    /// Unpacks a package, and gives the folder.
    pub(super) fn unpacked(&self, package: &Package) -> Result<PathBuf> {
        let file = self.file(package)?;
        let root = self.folder.join("unpacked").join(&package.name);
        if root.exists() {
            std::fs::remove_dir_all(&root).with_context(|| format!("cannot clear {}", root.display()))?;
        }
        std::fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        must(Command::new("dpkg-deb").arg("--extract").arg(&file).arg(&root))?;
        Ok(root)
    }

    /// The package's file, fetched if it is not there; it is what the lock says.
    fn file(&self, package: &Package) -> Result<PathBuf> {
        if let Some(given) = &self.given {
            let file = found_in(given, package);
            let file = file.with_context(|| format!("{} holds no {}", given.display(), file_name(package)))?;
            check(&file, package)?;
            return Ok(file);
        }
        if let Some(file) = found_in(&self.folder, package) {
            if check(&file, package).is_ok() {
                return Ok(file);
            }
            remove(&file)?;
        }
        self.fetch(package)?;
        let file =
            found_in(&self.folder, package).with_context(|| format!("apt-get left no {}", file_name(package)))?;
        check(&file, package)?;
        Ok(file)
    }

    fn fetch(&self, package: &Package) -> Result<()> {
        std::fs::create_dir_all(&self.folder).with_context(|| format!("cannot make {}", self.folder.display()))?;
        let wanted = format!("{}={}", package.name, package.version);
        let fetched =
            output(Command::new("apt-get").args(["download", "--quiet=2"]).arg(&wanted).current_dir(&self.folder));
        fetched.map(|_| ()).with_context(|| {
            format!(
                "{wanted} cannot be had; if the mirror has only newer ones, run `apt-get update` and then \
                 `cargo xtask iso --renew`, or give a folder that holds it with --packages"
            )
        })
    }
}

/// apt and pools write the colon of a version in several ways, or leave its epoch out.
fn found_in(folder: &Path, package: &Package) -> Option<PathBuf> {
    let plain = package.version.split_once(':').map_or(package.version.as_str(), |(_, rest)| rest);
    let versions = [package.version.replace(':', "%3a"), package.version.clone(), plain.to_owned()];
    let names = versions.iter().flat_map(|version| {
        ["amd64", "all"].map(|architecture| folder.join(format!("{}_{version}_{architecture}.deb", package.name)))
    });
    names.into_iter().find(|path| path.is_file())
}

fn file_name(package: &Package) -> String {
    format!("{}_{}_amd64.deb", package.name, package.version.replace(':', "%3a"))
}

fn check(file: &Path, package: &Package) -> Result<()> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let found = sha256(&bytes);
    ensure!(
        found == package.sha256,
        "{} is not the package of rescue/lock.toml: expected SHA-256 {}, found {found}",
        file.display(),
        package.sha256
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_apt_tells_name_version_size_and_digest() {
        let line = "'http://mirror/b/busybox_1.35_amd64.deb' busybox-static_1%3a1.35.0-4_amd64.deb 928188 SHA256:3d3f";
        let package = told(line).unwrap();
        let expected = Package {
            name: "busybox-static".to_owned(),
            version: "1:1.35.0-4".to_owned(),
            bytes: 928_188,
            sha256: "3d3f".to_owned(),
        };
        assert_eq!(package, expected);
        assert!(told("'http://mirror/x.deb' x.deb 5 MD5Sum:00").is_err());
    }

    #[test]
    fn a_package_of_another_digest_is_refused() {
        let folder = kanshiki_testkit::tempdir();
        let file = folder.path().join("hdparm_9.65_amd64.deb");
        kanshiki_testkit::write_file(&file, "not a package");
        let package = Package { name: "hdparm".into(), version: "9.65".into(), bytes: 1, sha256: "00".into() };
        let store = Store::new(folder.path().join("cache"), Some(folder.path().to_owned()));
        assert!(store.unpacked(&package).unwrap_err().to_string().contains("is not the package of rescue/lock.toml"));
    }
}
