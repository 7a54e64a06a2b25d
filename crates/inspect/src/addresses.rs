//! Addresses of machines and resources in programs and scripts: by these the same attacker is looked for elsewhere.

use crate::engine::{Segment, shown};
use crate::inspection::Strings;
use crate::traits::Traits;
use crate::wallet::Wallets;
use std::net::Ipv4Addr;

/// Texts of each kind that are kept for one file.
const KEPT: usize = 64;

/// Letters of an address of a resource that are kept.
const URL: usize = 300;

/// Letters of the name of a scheme.
const SCHEME: usize = 12;

/// The addresses of one file.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    is_on: bool,
    urls: Vec<String>,
    addresses: Vec<String>,
    is_cut: bool,
}

impl Addresses {
    pub(crate) fn new(traits: Traits) -> Self {
        let code = Traits::ELF.and(Traits::COMMANDS).and(Traits::PHP).and(Traits::PERL).and(Traits::PYTHON);
        let code = code.and(Traits::SCRIPT).and(Traits::JSP).and(Traits::ASP).and(Traits::HTACCESS);
        Self { is_on: traits.any(code), ..Self::default() }
    }

    pub(crate) fn look(&mut self, segment: Segment<'_>) {
        if !self.is_on {
            return;
        }
        if self.urls.len() < KEPT {
            for at in memchr::memmem::find_iter(segment.bytes, b"://") {
                self.url(segment, at);
            }
        }
        if self.addresses.len() < KEPT {
            // A dot between two digits; of an address of four numbers the first.
            for at in memchr::memchr_iter(b'.', segment.bytes) {
                self.address(segment, at);
            }
        }
    }

    fn url(&mut self, segment: Segment<'_>, at: usize) {
        let bytes = segment.bytes;
        let low = at.saturating_sub(SCHEME);
        let before = bytes.get(low..at).unwrap_or_default();
        let scheme = before.iter().rev().take_while(|it| it.is_ascii_alphanumeric() || **it == b'+').count();
        let start = at.saturating_sub(scheme);
        let rest = bytes.get(start..).unwrap_or_default();
        let letters = rest.iter().take(URL).take_while(|it| matches!(**it, b'!' | b'#'..=b'&' | b'*'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~'));
        let text = rest.get(..letters.count()).unwrap_or_default();
        // What ends a command or a sentence is no part of it.
        let end = text.iter().rposition(|byte| !b";,.:!".contains(byte)).map_or(0, |at| at.saturating_add(1));
        let text = text.get(..end).unwrap_or_default();
        let host = text.get(scheme.saturating_add(3)..).unwrap_or_default();
        // A format such as `http://%s` names nobody.
        if scheme < 2 || !host.first().is_some_and(u8::is_ascii_alphanumeric) || !is_own(segment, start) {
            return;
        }
        keep(&mut self.urls, text, &mut self.is_cut);
    }

    fn address(&mut self, segment: Segment<'_>, at: usize) {
        let bytes = segment.bytes;
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        if !digit(at.checked_sub(1)) || !digit(at.checked_add(1)) {
            return;
        }
        let before = bytes.get(at.saturating_sub(3)..at).unwrap_or_default();
        let start = at.saturating_sub(before.iter().rev().take_while(|it| it.is_ascii_digit()).count());
        let touches = |it: &u8| it.is_ascii_alphanumeric() || matches!(*it, b'.' | b'-' | b'_');
        if start.checked_sub(1).and_then(|it| bytes.get(it)).is_some_and(touches) || !is_own(segment, start) {
            return;
        }
        let rest = bytes.get(start..).unwrap_or_default();
        let count = rest.iter().take(16).take_while(|it| it.is_ascii_digit() || **it == b'.').count();
        if rest.get(count).is_some_and(touches) {
            return;
        }
        let text = rest.get(..count).unwrap_or_default();
        let parsed = std::str::from_utf8(text).ok().and_then(|it| it.parse::<Ipv4Addr>().ok());
        if parsed.is_some_and(is_public) {
            keep(&mut self.addresses, text, &mut self.is_cut);
        }
    }

    pub(crate) fn into_strings(self, wallets: Wallets) -> Strings {
        Strings {
            urls: self.urls,
            addresses: self.addresses,
            is_cut: self.is_cut || wallets.is_cut,
            wallets: wallets.found,
        }
    }
}

fn is_own(segment: Segment<'_>, start: usize) -> bool {
    start >= segment.own.0 && start < segment.own.1
}

/// Whether an address leads out: neither of a private network nor reserved (RFC 6890). Those that begin with a small number
/// are far more often numbers of versions.
fn is_public(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let reserved = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || first == 100 && (64..128).contains(&second);
    !reserved && (5..224).contains(&first)
}

fn keep(kept: &mut Vec<String>, text: &[u8], is_cut: &mut bool) {
    let text = shown(text);
    if kept.contains(&text) {
        return;
    }
    if kept.len() >= KEPT {
        *is_cut = true;
        return;
    }
    kept.push(text);
}

#[cfg(test)]
mod tests {
    use crate::testing::facts;

    #[test]
    fn addresses_that_lead_out_are_kept_once_and_versions_and_own_networks_are_not() {
        let text = "#!/bin/sh\ncurl http://93.184.216.34/a.sh; wget 'https://example.org/x?y=1'\nnc 8.8.8.8 53; nc 8.8.8.8 53\n\
            ping 10.0.0.1 192.168.1.1 127.0.0.1 1.2.3.4 300.1.1.1 v9.9.9.9 9.9.9.9-2 1.30.20.10.5\nwget http://$HOST/ http://%s\n";
        let strings = facts("/tmp/x", text.as_bytes()).strings;
        assert_eq!(strings.urls, ["http://93.184.216.34/a.sh", "https://example.org/x?y=1"]);
        assert_eq!(strings.addresses, ["93.184.216.34", "8.8.8.8"]);
        assert!(!strings.is_cut);
    }

    #[test]
    fn many_addresses_are_cut_and_that_is_said() {
        let text: String = (0..300).map(|it| format!("curl http://host{it}.example.org/\n")).collect();
        let strings = facts("/tmp/x.sh", text.as_bytes()).strings;
        assert!(strings.is_cut && strings.urls.len() == 64);
    }
}
