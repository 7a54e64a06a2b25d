//! The services of the machine and what they allow: each setting that matters a row of the table, holes as findings.
//!
//! What a program takes where nothing sets it counts as what is set. What packages brought and nobody changed is told, but
//! weighs little: every machine of the kind has it.

mod boot;
mod database;
mod firewall;
mod ftp;
mod inetd;
mod pam;
mod release;
mod remote;
mod rules;
mod secrets;
mod shares;
mod ssh;
mod teller;
#[cfg(test)]
mod tests;
mod web;

use crate::found::Found;
use crate::{DetectError, Image};
pub(crate) use rules::RULES;
use teller::Teller;

/// Those that look at services, in the order of the table.
const SERVICES: &[fn(&mut Teller<'_, '_>)] = &[
    ssh::find,
    pam::find,
    ftp::find,
    inetd::find,
    database::find,
    web::find,
    shares::find,
    remote::find,
    firewall::find,
    secrets::find,
];

/// Looks at all services.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut teller = Teller { image, found };
    release::find(&mut teller)?;
    for service in SERVICES {
        if image.progress.stop_requested() {
            break;
        }
        service(&mut teller);
    }
    Ok(())
}
