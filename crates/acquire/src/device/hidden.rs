//! Areas that an ATA disk hides from the host: the host protected area (HPA) and what its device configuration overlay
//! (DCO) takes away. Asked with commands of our own that only ask, and believed only if the answer's form is right:
//! adapters and USB bridges answer anything.
//!
//! | word of IDENTIFY DEVICE | meaning |
//! | --- | --- |
//! | 82, bit 10 | host protected area is known to the disk |
//! | 83, bit 10 | 48-bit addresses |
//! | 83, bit 11 | device configuration overlay is known to the disk |
//! | 100-103 | sectors that can be addressed |
//!
//! Sources: ATA/ATAPI-7 sections 6.17, 6.20 and 6.30 (T13 1532D volume 1); SCSI/ATA Translation 3 section 12.2 (ATA
//! PASS-THROUGH) and table 187 (ATA status return descriptor).

use super::BlockDevice;
use super::transport::Transport;
use crate::ioctl::{PassedThrough, pass_through};
use kanshiki_model::{Fact, Facts};
use std::fs::File;

const IDENTIFY: u8 = 0xec;
const READ_NATIVE_MAX_EXT: u8 = 0x27;
const CONFIGURATION: u8 = 0xb1;
const CONFIGURATION_IDENTIFY: u8 = 0xc2;
const SECTOR: usize = 512;

/// The size that the disk shows, the size that it has behind its host protected area, and the size that its
/// configuration overlay allows, in sectors.
pub(super) fn facts(disk: &BlockDevice) -> Facts {
    let names = ["ata_visible_sectors", "ata_native_sectors", "ata_overlay_sectors"];
    let all = |reason: &str| names.map(|name| (name.to_owned(), Fact::unknown(reason))).into_iter().collect();
    match Transport::of(disk) {
        Transport::Ata | Transport::Usb | Transport::Sas | Transport::Scsi => {}
        _ => return all("only ATA disks can have these areas"),
    }
    let file = match disk.open_node() {
        Ok(file) => file,
        Err(error) => return all(&format!("the disk cannot be opened: {error}")),
    };
    match identify(&file) {
        Ok(words) => {
            let facts = [Ok(visible(&words)), native(&file, &words), overlay(&file, &words)];
            let facts = facts.map(|fact| fact.unwrap_or_else(Fact::unknown));
            names.map(str::to_owned).into_iter().zip(facts).collect()
        }
        Err(reason) => all(&reason),
    }
}

/// The words of an answer of 512 bytes.
struct Words([u8; SECTOR]);

impl Words {
    fn get(&self, word: usize) -> u16 {
        let bytes = self.0.get(word.saturating_mul(2)..).and_then(|bytes| bytes.first_chunk::<2>());
        bytes.map_or(0, |bytes| u16::from_le_bytes(*bytes))
    }

    fn bit(&self, word: usize, bit: u32) -> bool {
        self.get(word) >> bit & 1 == 1
    }

    /// A number of four words.
    fn number(&self, word: usize) -> u64 {
        (0..4).rev().fold(0, |number, index| number << 16 | u64::from(self.get(word.saturating_add(index))))
    }
}

fn identify(file: &File) -> Result<Words, String> {
    let words = ask_data(file, IDENTIFY, 0, "IDENTIFY DEVICE")?;
    // Bit 15 of word 0 is clear in every ATA disk's answer; words of blanks or zeroes are an adapter's invention.
    if words.bit(0, 15) || words.0.iter().all(|byte| *byte == words.0[0]) {
        return Err("IDENTIFY DEVICE: the answer is not that of an ATA disk".to_owned());
    }
    Ok(words)
}

fn visible(words: &Words) -> Fact {
    Fact::probed(words.number(100), "IDENTIFY DEVICE, words 100-103")
}

fn native(file: &File, words: &Words) -> Result<Fact, String> {
    if !words.bit(82, 10) || !words.bit(83, 10) {
        return Err("the disk does not know a host protected area (IDENTIFY DEVICE, words 82 and 83)".to_owned());
    }
    let command = command(3 << 1 | 1, 0x20, 0, 0, READ_NATIVE_MAX_EXT);
    let answer = pass_through(file, &command, &mut []);
    let answer = answer.map_err(|error| format!("READ NATIVE MAX ADDRESS EXT: {error}"))?;
    let last = native_address(&answer).ok_or("READ NATIVE MAX ADDRESS EXT: no answer of the right form")?;
    Ok(Fact::probed(last.saturating_add(1), "READ NATIVE MAX ADDRESS EXT"))
}

fn overlay(file: &File, words: &Words) -> Result<Fact, String> {
    if !words.bit(83, 11) {
        return Err("the disk does not know a configuration overlay (IDENTIFY DEVICE, word 83)".to_owned());
    }
    let answer = ask_data(file, CONFIGURATION, CONFIGURATION_IDENTIFY, "DEVICE CONFIGURATION IDENTIFY")?;
    // The signature in the last word's low byte, and a sum of zero over all bytes.
    let sum = answer.0.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if answer.get(255) & 0xff != 0xa5 || sum != 0 {
        return Err("DEVICE CONFIGURATION IDENTIFY: the answer's signature or sum is wrong".to_owned());
    }
    Ok(Fact::probed(answer.number(3).saturating_add(1), "DEVICE CONFIGURATION IDENTIFY, words 3-6"))
}

fn ask_data(file: &File, code: u8, features: u8, name: &str) -> Result<Words, String> {
    let mut data = [0; SECTOR];
    let answer = pass_through(file, &command(4 << 1, 0x0e, features, 1, code), &mut data);
    let answer = answer.map_err(|error| format!("{name}: {error}"))?;
    if answer.status != 0 || answer.host_status != 0 {
        return Err(format!("{name}: the disk or its adapter refuses (status {})", answer.status));
    }
    Ok(Words(data))
}

/// ATA PASS-THROUGH (16).
fn command(protocol: u8, flags: u8, features: u8, count: u8, code: u8) -> [u8; 16] {
    let mut command = [0; 16];
    command[0] = 0x85;
    command[1] = protocol;
    command[2] = flags;
    command[4] = features;
    command[6] = count;
    command[13] = 0x40;
    command[14] = code;
    command
}

/// The address in the ATA status return descriptor of descriptor-format sense data.
fn native_address(answer: &PassedThrough) -> Option<u64> {
    let sense = &answer.sense;
    if answer.host_status != 0 || sense.first()? & 0x7f != 0x72 {
        return None;
    }
    let mut at = 8;
    loop {
        let descriptor = sense.get(at..)?;
        let length = usize::from(*descriptor.get(1)?).saturating_add(2);
        if *descriptor.first()? == 0x09 {
            let fields = descriptor.first_chunk::<14>()?;
            let failed = fields[3] != 0 || fields[13] & 1 == 1;
            let bytes = [fields[7], fields[9], fields[11], fields[6], fields[8], fields[10], 0, 0];
            return (!failed).then(|| u64::from_le_bytes(bytes)).filter(|last| *last > 0);
        }
        at = at.saturating_add(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(sense: &[u8]) -> PassedThrough {
        PassedThrough { status: 2, host_status: 0, sense: sense.to_vec() }
    }

    #[test]
    fn the_address_is_put_together_from_its_six_bytes() {
        let sense =
            [0x72, 1, 0, 0x1d, 0, 0, 0, 14, 0x09, 12, 1, 0, 0, 0, 0x44, 0x11, 0x55, 0x22, 0x66, 0x33, 0x40, 0x50];
        assert_eq!(native_address(&answer(&sense)), Some(0x6655_4433_2211));
    }

    #[test]
    fn an_error_of_the_disk_or_another_form_of_sense_is_no_address() {
        let mut sense = [0x72, 1, 0, 0x1d, 0, 0, 0, 14, 0x09, 12, 1, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0x40, 0x51];
        assert_eq!(native_address(&answer(&sense)), None);
        sense[0] = 0x70;
        assert_eq!(native_address(&answer(&sense)), None);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(sense in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = native_address(&answer(&sense));
        }
    }
}
