//! Digests by which files are known elsewhere, and archives.

use super::*;
use kanshiki_image::Memory;
use kanshiki_model::Silent;
use std::io::Read as _;

/// The expected are those of py-tlsh 5.0.0, `tlsh.hash(…)`.
#[test]
fn tlsh_is_that_of_the_tool() {
    let text: String = (0..2000_u64).map(|n| format!("{n} {} {}\n", n * n, n * n * n)).collect();
    let expected = "T1AC13F9ECE4CC90D64F0DF6C2BA861EB7C2173677AE964C49035CB9941EC716A8F0AC44";
    assert_eq!(tlsh(&Memory(text.into_bytes())).as_deref(), Some(expected));
    let bytes = (0..10_000_u64).map(|n| u8::try_from((n * n * 7 + n / 3) % 251).unwrap()).collect();
    let expected = "T19C22217E7637D374FA7531A571D35AB208A81914ECDC92E420E285E4F922BEAB144B2C";
    assert_eq!(tlsh(&Memory(bytes)).as_deref(), Some(expected));
    for bytes in [vec![], b"short".to_vec(), vec![b'a'; 1000]] {
        assert_eq!(tlsh(&Memory(bytes)), None);
    }
}

#[test]
fn an_archive_opens_with_its_password_alone_and_leaves_nothing_beside_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.zip");
    let archive = Archive::begin(&path).unwrap();
    std::fs::create_dir_all(archive.folder.join("files/tmp")).unwrap();
    for (name, holds) in [("manifest.jsonl", "{}\n"), ("files/tmp/run", "#!/bin/sh\n")] {
        create_new(&archive.folder.join(name)).unwrap().write_all(holds.as_bytes()).unwrap();
    }
    let sha256 = archive.pack("in'fected", &Silent).unwrap().unwrap();
    drop(archive);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    let bytes = std::fs::read(&path).unwrap();
    let mut hasher = kanshiki_model::Hasher::new(Algorithm::Sha256);
    hasher.update(&bytes);
    assert_eq!(hasher.finish().to_hex(), sha256);
    assert!(!bytes.windows(9).any(|window| window == b"#!/bin/sh"));
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let names: Vec<_> = zip.file_names().map(str::to_owned).collect();
    assert_eq!(names, ["files/tmp/run", "manifest.jsonl"]);
    assert!(zip.by_index(0).is_err() && zip.by_index_decrypt(0, b"infected").is_err());
    let mut file = zip.by_index_decrypt(0, b"in'fected").unwrap();
    assert_eq!(file.unix_mode().unwrap() & 0o777, 0o400);
    let mut holds = String::new();
    file.read_to_string(&mut holds).unwrap();
    assert_eq!(holds, "#!/bin/sh\n");
}

#[test]
fn what_exists_is_not_replaced_and_not_removed() {
    let place = tempfile::tempdir().unwrap();
    for name in ["a.zip", "b.zip.files", "c.zip.partial"] {
        let path = place.path().join(name);
        create_new(&path).unwrap();
        let archive = place.path().join(&name[..5]);
        assert!(Archive::begin(&archive).is_err());
        assert!(path.exists());
    }
}
