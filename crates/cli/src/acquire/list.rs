//! `kanshiki acquire --list`: the disks to choose from.

use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use kanshiki_acquire::list::{ListedDisk, list_disks};
use kanshiki_model::Size;
use serde_json::json;

/// Lists the disks.
pub(super) fn run(json: bool, console: &Console) -> Result<Exit, Failure> {
    let disks = list_disks();
    if json {
        console.json(&json!({ "schema": 1, "event": "disks", "disks": disks }))?;
    } else if disks.is_empty() {
        console.result("no disk with a medium was found\n")?;
    } else {
        let texts: Vec<String> = disks.iter().map(|disk| text(disk, console.out())).collect();
        console.result(&texts.join("\n"))?;
    }
    Ok(Exit::Done)
}

fn text(disk: &ListedDisk, paint: Paint) -> String {
    let mut text = format!("{}  {}\n", paint.strong(&harmless(&disk.node)), Size(disk.bytes));
    let mut row = |name: &str, value: &str| text.push_str(&format!("  {name:<12} {}\n", harmless(value)));
    row("model", disk.model.as_deref().unwrap_or("not known"));
    row("serial", disk.serial.as_deref().unwrap_or("not known"));
    let mut kind: Vec<String> = disk.transport.iter().cloned().collect();
    kind.extend(disk.logical_sector_bytes.map(|bytes| format!("sectors of {bytes} bytes")));
    kind.extend(disk.removable.filter(|removable| *removable).map(|_| "removable".to_owned()));
    kind.extend(disk.read_only.filter(|read_only| *read_only).map(|_| "read-only".to_owned()));
    row("attached as", &kind.join(", "));
    if !disk.signatures.is_empty() {
        row("holds", &disk.signatures.join(", "));
    }
    for partition in &disk.partitions {
        let held =
            if partition.signatures.is_empty() { "nothing known".to_owned() } else { partition.signatures.join(", ") };
        let size = Size(partition.bytes).short();
        row(&format!("partition {}", partition.number), &format!("{size}, {}: {held}", partition.kind));
    }
    if let Some(reason) = &disk.unread {
        row("not read", reason);
    }
    let in_use: Vec<String> = disk.in_use.iter().map(|reason| harmless(reason)).collect();
    if in_use.is_empty() {
        text.push_str(&format!("  {}\n", paint.good("not in use: can be copied as it stands")));
    } else {
        text.push_str(&format!("  {}: {}\n", paint.warning("IN USE, only with --live"), in_use.join("; ")));
    }
    text
}
