//! Connections to sshd that ended before anybody was named, or were refused.

use super::{PROBING, REFUSED_CONNECTION};
use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::{DetectError, Image};
use kanshiki_model::Finding;
use std::collections::BTreeMap;

/// Connections from which on an address is told.
const CONNECTIONS: u64 = 6;

/// Addresses that are counted.
const ADDRESSES: usize = 100_000;

/// What came from an address without a login.
struct Met {
    finding: Finding,
    count: u64,
    refused: u64,
}

pub(super) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut told: BTreeMap<String, Met> = BTreeMap::new();
    let columns = "e.id, e.time, coalesce(e.address, ''), coalesce(e.message, ''), k.name";
    each(image, &["ssh.connection", "ssh.refused"], columns, "", &mut |row| {
        let (event, time): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let (address, message) = (text(row, 2), text(row, 3));
        // Every connection is told at the level VERBOSE.
        let is_plain = message.starts_with("Connection from ");
        if address.is_empty() || is_plain || told.len() >= ADDRESSES && !told.contains_key(address) {
            return Ok(());
        }
        let met = told.remove(address).unwrap_or_else(|| {
            let finding = finding(&PROBING, address, "").indicator(address_kind(address), address);
            Met { finding, count: 0, refused: 0 }
        });
        let met = Met {
            finding: met.finding.widened(time).event(event, ""),
            count: met.count.saturating_add(1),
            refused: met.refused.saturating_add(u64::from(text(row, 4) == "ssh.refused")),
        };
        told.insert(address.to_owned(), met);
        Ok(())
    })?;
    for (address, met) in told {
        let Met { mut finding, count, refused } = met;
        if count >= CONNECTIONS {
            finding.title = format!("{count} connections to ssh from {address} without a login");
            let why = "Programs that look which servers there are, and what they speak, connect so.";
            found.add(finding.explained(why));
        } else if refused > 0 {
            (finding.rule, finding.severity) = (&REFUSED_CONNECTION, REFUSED_CONNECTION.severity);
            finding.confidence = REFUSED_CONNECTION.confidence;
            finding.title = format!("ssh refused {address}, by its settings");
            let why = "A list of addresses or accounts (TCP wrappers, AllowUsers and the like) does not let it in.";
            found.add(finding.explained(why));
        }
    }
    Ok(())
}
