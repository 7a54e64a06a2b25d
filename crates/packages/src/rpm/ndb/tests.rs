use super::*;
use crate::testing::Kept;
use kanshiki_image::Memory;
use proptest::prelude::*;

/// A database of these packages.
fn made(packages: &[(u32, &[u8])]) -> Vec<u8> {
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let mut file = [b"RpmP".to_vec(), numbers(&[0, 5, 1, 9, 0, 0, 0])].concat();
    let mut blobs: Vec<u8> = Vec::new();
    for (number, content) in packages {
        let size = (HEAD + content.len() + TAIL).next_multiple_of(16);
        let mut blob =
            [b"BlbS".to_vec(), numbers(&[*number, 5, u32::try_from(content.len()).unwrap()]), content.to_vec()]
                .concat();
        blob.resize(size - TAIL, 0);
        let sum = adler32(&blob);
        blob.extend(numbers(&[sum, u32::try_from(content.len()).unwrap()]));
        blob.extend(b"BlbE");
        let block = u32::try_from((PAGE + blobs.len()) / 16).unwrap();
        file.extend([b"Slot".to_vec(), numbers(&[*number, block, u32::try_from(size / 16).unwrap()])].concat());
        blobs.extend(blob);
    }
    while file.len() < PAGE {
        file.extend([b"Slot".to_vec(), numbers(&[0, 0, 0])].concat());
    }
    [file, blobs].concat()
}

fn read(bytes: &[u8]) -> Kept {
    let mut kept = Kept::default();
    records(&Memory(bytes.to_vec()), &mut kept);
    kept
}

#[test]
fn the_blobs_of_slots_in_use_are_read() {
    let kept = read(&made(&[(3, b"one"), (4, &[7; 100])]));
    assert_eq!(kept.damage, []);
    assert_eq!(kept.records, [(3, b"one".to_vec()), (4, vec![7; 100])]);
}

#[test]
fn the_checksum_is_that_of_zlib() {
    // Python 3.11, zlib.adler32.
    assert_eq!((adler32(b"Wikipedia"), adler32(&[255; 10_000])), (0x11e6_0398, 0xb623_eb2b));
}

#[test]
fn a_blob_that_was_changed_is_told_and_one_that_is_none_is_left_out() {
    let mut bytes = made(&[(3, b"one"), (4, b"two")]);
    bytes[PAGE + HEAD] = b'O';
    bytes[PAGE + 32] = b'X';
    let kept = read(&bytes);
    assert_eq!(kept.records, [(3, b"One".to_vec())]);
    assert_eq!(kept.damage[0], Damage::new(4096, 32, "package 3: the checksum of its blob is wrong"));
    assert!(kept.texts()[1].starts_with("package 4: no blob of the package lies at byte 4128: found 586c6253"));
}

#[test]
fn slots_that_share_a_blob_cannot_make_it_be_read_without_end() {
    let mut bytes = made(&[(3, &[1; 3000])]);
    for slot in 3..256 {
        bytes.copy_within(32..48, slot * 16);
    }
    let kept = read(&bytes);
    assert_eq!(kept.records.len(), 2);
    assert!(kept.texts().iter().all(|text| text.contains("more than are read")));
}

#[test]
fn other_files_are_said_to_be_no_database() {
    assert_eq!(read(&[0; 40]).texts(), ["`RpmP` was expected, found 00000000"]);
    assert!(read(b"RpmP").texts()[0].starts_with("the header cannot be read"));
    assert!(read(&[b"RpmP".as_slice(), &[1; 40]].concat()).texts()[0].starts_with("version 0 was expected"));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(place in 0..4200_usize, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut database = made(&[(3, b"one"), (4, b"two")]);
        for (there, byte) in database.iter_mut().skip(place).zip(&bytes) {
            *there = *byte;
        }
        let kept = read(&database);
        prop_assert!(kept.records.len() <= 2);
        let _ = read(&bytes);
    }
}
