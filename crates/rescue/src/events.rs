//! The kernel's messages about devices.
//!
//! A message is texts, each ended by a zero byte: first `ACTION@/devices/…`, then `NAME=value`. It comes from the kernel
//! if it was sent by port 0; programs can send to the same group. Source: Linux 6.12, lib/kobject_uevent.c.

use kanshiki_acquire::device::DeviceNumber;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recvfrom, socket_with, sockopt};
use std::io;
use std::os::fd::OwnedFd;

/// The group to which the kernel itself sends; that of udev is 2.
const KERNEL_GROUP: u32 = 1;

/// The longest message that is taken; the kernel's own limit is 2 KiB of variables.
const MESSAGE_BYTES: usize = 16 << 10;

/// Room for messages that wait, in bytes: many thousands.
const ROOM_BYTES: usize = 16 << 20;

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A block device appeared or changed.
    Block(DeviceNumber),
    /// Something else.
    Other,
    /// Messages were lost: there were more than there was room for.
    Lost,
    /// Nothing, for as long as was waited.
    Nothing,
}

/// An ear for the kernel's messages.
#[derive(Debug)]
pub(crate) struct Events {
    socket: OwnedFd,
}

impl Events {
    /// From now on no message is missed.
    pub(crate) fn listen() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(KOBJECT_UEVENT))?;
        // Without the right to more room there is less: lost messages are told by the kernel, and made good.
        let _ = sockopt::set_socket_recv_buffer_size_force(&socket, ROOM_BYTES);
        bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Self { socket })
    }

    /// Waits for one message, for so long at most.
    pub(crate) fn next(&self, wait: Timespec) -> io::Result<Heard> {
        let mut descriptors = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut descriptors, Some(&wait)) {
            Ok(0) | Err(Errno::INTR) => return Ok(Heard::Nothing),
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        let mut buffer = [0_u8; MESSAGE_BYTES];
        match recvfrom(&self.socket, buffer.as_mut_slice(), RecvFlags::empty()) {
            Ok((length, _, sender)) => {
                let sender = sender.and_then(|address| SocketAddrNetlink::try_from(address).ok());
                let message = buffer.get(..length).unwrap_or_default();
                Ok(heard(message, sender.is_some_and(|sender| sender.pid() == 0)))
            }
            Err(Errno::NOBUFS) => Ok(Heard::Lost),
            Err(Errno::AGAIN | Errno::INTR) => Ok(Heard::Nothing),
            Err(errno) => Err(errno.into()),
        }
    }
}

fn heard(message: &[u8], from_kernel: bool) -> Heard {
    let number = from_kernel.then(|| block_device(message)).flatten();
    number.map_or(Heard::Other, Heard::Block)
}

/// The block device that appeared or changed.
fn block_device(message: &[u8]) -> Option<DeviceNumber> {
    let texts = || message.split(|byte| *byte == 0).filter_map(|text| std::str::from_utf8(text).ok());
    let value = |name: &str| texts().find_map(|text| text.strip_prefix(name)?.strip_prefix('='));
    if value("SUBSYSTEM")? != "block" || value("ACTION")? == "remove" {
        return None;
    }
    Some(DeviceNumber { major: value("MAJOR")?.parse().ok()?, minor: value("MINOR")?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ADDED: &[u8] = b"add@/devices/pci0/ata1/block/sda\0ACTION=add\0DEVPATH=/devices/pci0/ata1/block/sda\0\
        SUBSYSTEM=block\0MAJOR=8\0MINOR=0\0DEVNAME=sda\0DEVTYPE=disk\0DISKSEQ=1\0SEQNUM=900\0";

    #[test]
    fn a_disk_that_appears_is_told_by_its_number() {
        assert_eq!(heard(ADDED, true), Heard::Block(DeviceNumber { major: 8, minor: 0 }));
    }

    #[test]
    fn a_program_cannot_speak_for_the_kernel() {
        assert_eq!(heard(ADDED, false), Heard::Other);
    }

    #[test]
    fn what_goes_and_what_is_no_block_device_is_not_told() {
        let removed = String::from_utf8(ADDED.to_vec()).unwrap().replace("ACTION=add", "ACTION=remove");
        assert_eq!(heard(removed.as_bytes(), true), Heard::Other);
        let other = String::from_utf8(ADDED.to_vec()).unwrap().replace("SUBSYSTEM=block", "SUBSYSTEM=net");
        assert_eq!(heard(other.as_bytes(), true), Heard::Other);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = heard(&bytes, true);
        }
    }
}
