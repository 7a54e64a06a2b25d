//! What Apache Guacamole says of logins, in whatever log it stands (guacamole-client, `AuthenticationService.java`).
//!
//! | kind | message | fields |
//! | --- | --- | --- |
//! | web.login-failed | `Authentication attempt from ADDRESS for user "USER" failed.` | forwarded_for |
//! | web.login | `User "USER" successfully authenticated from ADDRESS.` | forwarded_for |
//!
//! Behind a proxy ADDRESS is `[CLIENT, PROXY, …]`.

use crate::details::Details;
use crate::scan::{Scan, between};

/// What stands before each message: the end of the name of the class, however short the name is made.
const LOGGER: &[u8] = b"AuthenticationService - ";

/// Takes a message apart; `None` if it is of another program.
pub(crate) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) -> Option<()> {
    let at = memchr::memmem::find(message, LOGGER)?.checked_add(LOGGER.len())?;
    let mut scan = Scan(message.get(at..)?.trim_ascii_end());
    if scan.text(b"Authentication attempt from ").is_some() {
        // A user may be called anything: the address stands before the name.
        let (address, rest) = from(scan.0, b" for user \"")?;
        details.user = rest.strip_suffix(b"\" failed.")?;
        details.kind = "web.login-failed";
        client(address, details);
    } else if scan.text(b"User \"").is_some() {
        let (user, address) = between(scan.0, b"", b"\" successfully authenticated from ")?;
        details.user = user;
        details.kind = "web.login";
        client(address.strip_suffix(b".").unwrap_or(address), details);
    }
    Some(())
}

/// What stands before the first such text, and behind it.
fn from<'a>(text: &'a [u8], until: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, rest) = text.split_at_checked(memchr::memmem::find(text, until)?)?;
    Some((before, rest.get(until.len()..)?))
}

fn client<'a>(address: &'a [u8], details: &mut Details<'a>) {
    match address.strip_prefix(b"[").and_then(|list| list.strip_suffix(b"]")) {
        Some(list) => {
            details.address = list.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
            details.text("forwarded_for", list);
        }
        None => details.address = address,
    }
}
