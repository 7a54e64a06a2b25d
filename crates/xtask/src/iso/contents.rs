//! `rescue/contents.toml`, what goes into the ISO, and `rescue/lock.toml`, exactly which packages it comes from.

use crate::command::write;
use anyhow::{Context as _, Result};
use kanshiki_testkit::workspace_root;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    /// The package that depends on the one with the kernel.
    pub(super) kernel: String,
    /// The packages with the modules of GRUB.
    pub(super) boot: Vec<String>,
    /// The packages from which libraries may be taken.
    pub(super) libraries: Vec<String>,
    /// Programs and the packages that bring them.
    #[serde(rename = "program")]
    pub(super) programs: Vec<Programs>,
    /// Modules of the kernel.
    pub(super) modules: Modules,
}

/// The programs of one package.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Programs {
    pub(super) package: String,
    pub(super) files: Vec<String>,
}

/// Which modules of the kernel are taken, by the beginnings of their paths.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Modules {
    pub(super) take: Vec<String>,
    pub(super) leave: Vec<String>,
}

impl Contents {
    pub(super) fn read() -> Result<Self> {
        read("contents.toml")
    }

    /// Every package but the kernel's.
    pub(super) fn packages(&self) -> Vec<&str> {
        let programs = self.programs.iter().map(|programs| &programs.package);
        programs.chain(&self.boot).chain(&self.libraries).map(String::as_str).collect()
    }
}

/// The packages that an ISO is made of, and the time that all its files bear.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    /// Seconds since 1970.
    pub(super) source_date_epoch: u32,
    /// The package with the kernel.
    pub(super) kernel: String,
    #[serde(rename = "package")]
    pub(super) packages: Vec<Package>,
}

/// One package of Debian, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Lock {
    pub(super) fn read() -> Result<Self> {
        read("lock.toml")
    }

    pub(super) fn write(&self) -> Result<PathBuf> {
        let path = folder().join("lock.toml");
        let text = toml::to_string(self).context("the lock as TOML")?;
        write(&path, format!("# Made by `cargo xtask iso --renew` from contents.toml. Not to be edited.\n\n{text}"))?;
        Ok(path)
    }

    pub(super) fn package(&self, name: &str) -> Result<&Package> {
        let package = self.packages.iter().find(|package| package.name == name);
        package.with_context(|| format!("`{name}` is not in rescue/lock.toml: run `cargo xtask iso --renew`"))
    }
}

/// The folder of the workspace that describes the ISO.
pub(crate) fn folder() -> PathBuf {
    workspace_root().join("rescue")
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Result<T> {
    let path = folder().join(name);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
}
