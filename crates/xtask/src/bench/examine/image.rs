//! Images of ext4 with the logs in them, made without a mount.

use super::logs::{self, Log};
use crate::command::{must, write as write_file};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::Command;

/// How the logs lie in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Gzip,
}

/// An image and the records in its logs.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) path: PathBuf,
    pub(super) records: u64,
    /// Bytes of the logs before compression.
    pub(super) bytes: u64,
}

impl Image {
    /// Makes it from so many rotations of some logs; each has so many parts of a million of its size.
    pub(super) fn make(path: PathBuf, logs: &[Log], form: Form, rotations: u64, parts: u64) -> Result<Self> {
        let tree = path.with_extension("tree");
        for folder in ["etc", "var/log/nginx", "usr/bin"] {
            std::fs::create_dir_all(tree.join(folder)).context("cannot make a folder for the image")?;
        }
        write_file(
            &tree.join("etc/os-release"),
            "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n",
        )?;
        write_file(&tree.join("etc/hostname"), "quay1\n")?;
        write_file(&tree.join("etc/timezone"), "Etc/UTC\n")?;
        let (mut records, mut bytes) = (0, 0);
        for rotation in 0..rotations {
            for log in logs {
                let suffix = match form {
                    Form::Plain if rotation == 0 => String::new(),
                    Form::Plain => format!(".{rotation}"),
                    Form::Gzip => format!(".{}", rotation + 1),
                };
                let file = tree.join(format!("{}{suffix}", log.path()));
                records += logs::write(&file, *log, log.megabytes() * parts, rotation)?;
                bytes += std::fs::metadata(&file)?.len();
                if form == Form::Gzip {
                    must(Command::new("gzip").arg(&file))?;
                }
            }
        }
        // A third more than the bytes, and room for the inodes and the journal.
        let mebibytes = (bytes >> 20) * 4 / 3 + 64;
        let mut command = Command::new("mke2fs");
        command.args(["-q", "-t", "ext4", "-F", "-d"]).arg(&tree).arg(&path).arg(format!("{mebibytes}M"));
        must(&mut command)?;
        std::fs::remove_dir_all(&tree).context("cannot remove what went into the image")?;
        Ok(Self { path, records, bytes })
    }
}
