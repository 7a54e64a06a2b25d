//! The address of a socket, as a SOCKADDR record has it: the bytes of `struct sockaddr` in hexadecimal digits.
//!
//! | family | bytes |
//! | --- | --- |
//! | 1, unix(7) | family (2), path up to a zero; an abstract one begins with a zero |
//! | 2, ip(7) | family (2), port (2, big-endian), address (4) |
//! | 10, ipv6(7) | family (2), port (2, big-endian), flow (4), address (16), scope (4) |
//! | 16, netlink(7) | family (2), padding (2), process (4) |

use super::record::hexadecimal;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a socket is bound or connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Socket {
    /// Address and port.
    Internet(IpAddr, u16),
    /// A path, or an abstract name behind `@`.
    Local(Vec<u8>),
    /// Of another family.
    Other(u16),
}

impl Socket {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let bytes = hexadecimal(text)?;
        let (family, rest) = bytes.split_first_chunk::<2>()?;
        // The family is in the order of the machine; all families have small numbers.
        let family = match u16::from_le_bytes(*family) {
            little if little < 0x100 => little,
            _ => u16::from_be_bytes(*family),
        };
        Some(match family {
            1 => Self::Local(local(rest)),
            2 => {
                let (port, rest) = rest.split_first_chunk::<2>()?;
                let address = rest.first_chunk::<4>()?;
                Self::Internet(IpAddr::V4(Ipv4Addr::from(*address)), u16::from_be_bytes(*port))
            }
            10 => {
                let (port, rest) = rest.split_first_chunk::<2>()?;
                let (_flow, rest) = rest.split_first_chunk::<4>()?;
                let address = Ipv6Addr::from(*rest.first_chunk::<16>()?);
                Self::Internet(address.to_canonical(), u16::from_be_bytes(*port))
            }
            other => Self::Other(other),
        })
    }
}

fn local(bytes: &[u8]) -> Vec<u8> {
    let (sign, name) = match bytes.strip_prefix(&[0]) {
        Some(name) => (b"@".as_slice(), name),
        None => (b"".as_slice(), bytes),
    };
    let end = memchr::memchr(0, name).unwrap_or(name.len());
    [sign, name.get(..end).unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_by_their_family() {
        let parse = |text: &str| Socket::parse(text.as_bytes());
        let internet = |address: &str, port| Some(Socket::Internet(address.parse().unwrap(), port));
        assert_eq!(parse("02000050A9FEA9FE0000000000000000"), internet("169.254.169.254", 80));
        assert_eq!(parse("0A00115C0000000020010DB800000000000000000000000100000000"), internet("2001:db8::1", 4444));
        assert_eq!(parse("0A0000160000000000000000000000000000FFFFC000020700000000"), internet("192.0.2.7", 22));
        assert_eq!(parse("01002F6465762F6C6F6700"), Some(Socket::Local(b"/dev/log".to_vec())));
        assert_eq!(parse("0100002F746D7000"), Some(Socket::Local(b"@/tmp".to_vec())));
        assert_eq!(parse("100000000000000000000000"), Some(Socket::Other(16)));
        assert_eq!([parse("0200"), parse("02"), parse("xyz"), parse("")], [None, None, None, None]);
    }
}
