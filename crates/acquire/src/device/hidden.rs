//! Areas that an ATA disk hides from the host: the host protected area (HPA) and what its device configuration overlay
//! (DCO) takes away. Asked with commands of our own that only ask, and believed only if the answer's form is right:
//! adapters and USB bridges answer anything.
//!
//! | word of IDENTIFY DEVICE | meaning |
//! | --- | --- |
//! | 60-61 | sectors that can be addressed with 28 bits |
//! | 82, bit 10 | host protected area is known to the disk |
//! | 83, bit 10 | 48-bit addresses |
//! | 83, bit 11 | device configuration overlay is known to the disk |
//! | 100-103 | sectors that can be addressed with 48 bits |
//! | 119, bit 8 | the largest address can be set and asked (in the place of the host protected area, from ACS-3 on) |
//! | 255 | 0xa5 in the low byte: the sum of all bytes is 0 |
//!
//! Words 82 and 83 count only if bits 15 and 14 of word 83 are 01; word 119 likewise.
//!
//! Sources: ATA/ATAPI-7 sections 6.17, 6.20 and 6.30 (T13 1532D volume 1); SCSI/ATA Translation 3 section 12.2 (ATA
//! PASS-THROUGH) and table 187 (ATA status return descriptor); ACS-3, the Accessible Max Address Configuration feature set (T13 2161D).

use super::BlockDevice;
use super::transport::Transport;
use crate::ioctl::{PassedThrough, pass_through};
use kanshiki_model::{Fact, Facts};
use std::fs::File;

const IDENTIFY: u8 = 0xec;
const READ_NATIVE_MAX_EXT: u8 = 0x27;
const GET_NATIVE_MAX_EXT: u8 = 0x78;
const CONFIGURATION: u8 = 0xb1;
const CONFIGURATION_IDENTIFY: u8 = 0xc2;
const SECTOR: usize = 512;

/// Bits of the ATA status: the command failed, the disk failed.
const STATUS_ERROR: u8 = 0x01;
const STATUS_FAULT: u8 = 0x20;

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
            let facts = [visible(&words), native(&file, &words), overlay(&file, &words)];
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

    /// A bit of word 82 or 83, where these count.
    fn knows(&self, word: usize, bit: u32) -> bool {
        self.get(83) >> 14 == 1 && self.bit(word, bit)
    }

    /// The sum of all bytes, 0 where the last byte is chosen to make it so.
    fn sum(&self) -> u8 {
        self.0.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
    }

    /// A number of four words.
    fn number(&self, word: usize) -> u64 {
        (0..4).rev().fold(0, |number, index| number << 16 | u64::from(self.get(word.saturating_add(index))))
    }
}

fn identify(file: &File) -> Result<Words, String> {
    let words = ask_data(file, IDENTIFY, 0, "IDENTIFY DEVICE")?;
    if !is_identity(&words) {
        return Err("IDENTIFY DEVICE: the answer is not that of an ATA disk".to_owned());
    }
    Ok(words)
}

/// Whether an answer can be that of an ATA disk. Bit 15 of word 0 is clear in every one; words of blanks or zeroes are
/// an adapter's invention; a sum that is announced must be right.
fn is_identity(words: &Words) -> bool {
    let first = words.0.first().copied().unwrap_or_default();
    let invented = words.0.iter().all(|byte| *byte == first);
    let summed = words.get(255) & 0xff == 0xa5;
    !words.bit(0, 15) && !invented && (!summed || words.sum() == 0)
}

/// The sectors that can be addressed, and where the disk says it.
fn visible(words: &Words) -> Result<Fact, String> {
    let short = u64::from(words.get(60)) | u64::from(words.get(61)) << 16;
    let (sectors, source) = match words.number(100) {
        long if words.knows(83, 10) && long > 0 => (long, "IDENTIFY DEVICE, words 100-103"),
        _ => (short, "IDENTIFY DEVICE, words 60-61"),
    };
    if sectors == 0 {
        return Err("IDENTIFY DEVICE: the disk tells no number of sectors".to_owned());
    }
    Ok(Fact::probed(sectors, source))
}

fn native(file: &File, words: &Words) -> Result<Fact, String> {
    let (code, name) = if words.knows(82, 10) && words.knows(83, 10) {
        (READ_NATIVE_MAX_EXT, "READ NATIVE MAX ADDRESS EXT")
    } else if words.bit(119, 8) && words.get(119) >> 14 == 1 {
        (GET_NATIVE_MAX_EXT, "GET NATIVE MAX ADDRESS EXT")
    } else {
        return Err("the disk does not know a host protected area (IDENTIFY DEVICE, words 82, 83 and 119)".to_owned());
    };
    let answer = pass_through(file, &command(3 << 1 | 1, 0x20, 0, 0, code), &mut []);
    let answer = answer.map_err(|error| format!("{name}: {error}"))?;
    let last = native_address(&answer).ok_or_else(|| format!("{name}: no answer of the right form"))?;
    Ok(Fact::probed(last.saturating_add(1), name))
}

fn overlay(file: &File, words: &Words) -> Result<Fact, String> {
    if !words.knows(83, 11) {
        return Err("the disk does not know a configuration overlay (IDENTIFY DEVICE, word 83)".to_owned());
    }
    let answer = ask_data(file, CONFIGURATION, CONFIGURATION_IDENTIFY, "DEVICE CONFIGURATION IDENTIFY")?;
    // The signature in the last word's low byte, and a sum of zero over all bytes.
    if answer.get(255) & 0xff != 0xa5 || answer.sum() != 0 {
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
            let failed = fields[3] != 0 || fields[13] & (STATUS_ERROR | STATUS_FAULT) != 0;
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

    fn words(values: &[(usize, u16)]) -> Words {
        let mut bytes = [0; SECTOR];
        for (word, value) in values {
            bytes[word * 2..word * 2 + 2].copy_from_slice(&value.to_le_bytes());
        }
        Words(bytes)
    }

    #[test]
    fn a_fault_of_the_disk_is_no_address() {
        let sense = [0x72, 1, 0, 0x1d, 0, 0, 0, 14, 0x09, 12, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x40, 0x70];
        assert_eq!(native_address(&answer(&sense)), None);
    }

    #[test]
    fn a_disk_of_28_bits_tells_its_sectors_in_words_60_and_61() {
        let fact = visible(&words(&[(60, 0x1234), (61, 0x0001), (83, 0x4000)])).unwrap();
        assert_eq!(fact.number(), Some(0x1_1234));
        assert_eq!(fact.source.as_deref(), Some("IDENTIFY DEVICE, words 60-61"));
        let fact = visible(&words(&[(60, 0xffff), (61, 0x0fff), (83, 0x4400), (100, 7), (102, 1)])).unwrap();
        assert_eq!(fact.number(), Some(0x1_0000_0007));
        assert!(visible(&words(&[(83, 0x4400)])).is_err(), "no number is not zero");
    }

    #[test]
    fn an_invented_answer_is_no_identity() {
        assert!(!is_identity(&Words([0; SECTOR])));
        assert!(!is_identity(&Words([b' '; SECTOR])));
        assert!(!is_identity(&words(&[(0, 0x8580)])), "an optical drive");
        assert!(is_identity(&words(&[(0, 0x0040)])));
        assert!(!is_identity(&words(&[(0, 0x0040), (255, 0x00a5)])), "a wrong sum");
        assert!(is_identity(&words(&[(0, 0x0040), (255, 0x1ba5)])));
    }

    #[test]
    fn words_that_do_not_count_say_nothing() {
        assert!(words(&[(82, 1 << 10), (83, 0x4400)]).knows(82, 10));
        assert!(!words(&[(82, 1 << 10), (83, 0x0400)]).knows(82, 10));
        assert!(!words(&[(82, 1 << 10), (83, 0xc400)]).knows(82, 10));
    }

    proptest! {
        #[test]
        fn any_identity_never_panics(bytes in prop::collection::vec(any::<u8>(), SECTOR)) {
            let words = Words(bytes.try_into().unwrap());
            let _ = (is_identity(&words), visible(&words).is_ok());
        }

        #[test]
        fn any_bytes_never_panic(sense in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = native_address(&answer(&sense));
        }
    }
}
