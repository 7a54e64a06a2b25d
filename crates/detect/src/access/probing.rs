//! Connections to sshd that ended before anybody was named, or were refused.

use super::PROBING;
use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::{DetectError, Image};
use kanshiki_model::Finding;
use std::collections::BTreeMap;

/// Connections from which on an address is told.
const CONNECTIONS: u64 = 6;

/// Addresses that are counted.
const ADDRESSES: usize = 100_000;

pub(super) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut told: BTreeMap<String, (Finding, u64)> = BTreeMap::new();
    let columns = "e.id, e.time, coalesce(e.address, ''), coalesce(e.message, ''), k.name";
    each(image, &["ssh.connection", "ssh.refused"], columns, "", &mut |row| {
        let (event, time): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let (address, message) = (text(row, 2), text(row, 3));
        // Every connection is told at the level VERBOSE.
        let is_plain = message.starts_with("Connection from ");
        if address.is_empty() || is_plain || told.len() >= ADDRESSES && !told.contains_key(address) {
            return Ok(());
        }
        let (made, count) = told.remove(address).unwrap_or_else(|| {
            let made = finding(&PROBING, address, "").indicator(address_kind(address), address);
            (made.explained("Programs that look which servers there are, and what they speak, connect so."), 0)
        });
        let made = made.widened(time).event(event, "");
        told.insert(address.to_owned(), (made, count.saturating_add(1)));
        Ok(())
    })?;
    for (address, (mut made, count)) in told {
        if count >= CONNECTIONS {
            made.title = format!("{count} connections to ssh from {address} without a login");
            found.add(made);
        }
    }
    Ok(())
}
