//! Names in archives: what is packed to be carried off often says so.

use crate::engine::shown;
use crate::inspection::Sign;
use crate::kind::ArchiveForm;
use crate::rules::ARCHIVE;
use kanshiki_image::ReadAt;
use kanshiki_image::bytes::{array, bounded, length, u16_le, u32_le, u64_le};
use kanshiki_model::{ByteRange, Issue};

/// Members that are looked at in one archive.
const MEMBERS: u32 = 200_000;
/// Bytes of the list of a ZIP archive, and of the names of a 7z archive.
const LIST: usize = 8 << 20;
/// Signs that are kept for one archive.
const SIGNS: usize = 4;

/// Looks at the names of the members.
pub(crate) fn look(source: &dyn ReadAt, form: ArchiveForm, signs: &mut Vec<Sign>, name: &str, issues: &mut Vec<Issue>) {
    let mut secrets = Vec::new();
    let mut put = |offset: u64, long: u64, member: &[u8]| {
        if secrets.len() < SIGNS && is_secret(member) {
            secrets.push(Sign { rule: &ARCHIVE, offset, length: long, what: shown(member) });
        }
    };
    let end = match form {
        ArchiveForm::Tar => tar(source, &mut put),
        ArchiveForm::Zip => zip(source, &mut put),
        ArchiveForm::SevenZip => seven_zip(source, &mut put),
        ArchiveForm::Rar4 => rar4(source, &mut put),
        ArchiveForm::Rar5 => rar5(source, &mut put),
        ArchiveForm::Ar | ArchiveForm::Cpio | ArchiveForm::Rpm => Ok(()),
    };
    if let Err((offset, message)) = end {
        issues.push(Issue::at(name, ByteRange::new(offset, source.len().max(offset)), message));
    }
    signs.append(&mut secrets);
}

/// Where and why the names could not be read to their end.
type End = Result<(), (u64, &'static str)>;

/// Whether a member is one that intruders pack: hashed passwords, keys, settings with passwords, contents of databases.
fn is_secret(member: &[u8]) -> bool {
    let member = member.to_ascii_lowercase();
    let base = member.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    let names = [
        &b"shadow"[..],
        b"shadow-",
        b"id_rsa",
        b"id_ed25519",
        b"id_ecdsa",
        b"wp-config.php",
        b".my.cnf",
        b".pgpass",
        b".htpasswd",
    ];
    let is_etc =
        !matches!(base, b"shadow" | b"shadow-") || member.ends_with(b"etc/shadow") || member.ends_with(b"etc/shadow-");
    names.contains(&base) && is_etc
        || [&b".sql"[..], b".sql.gz", b".dump", b".bson", b".ibd", b".kdbx", b".mdf"]
            .iter()
            .any(|ending| base.ends_with(ending))
}

fn read(source: &dyn ReadAt, offset: u64, size: usize) -> Result<Vec<u8>, (u64, &'static str)> {
    let mut bytes = vec![0; size];
    let read =
        source.read_at(offset, &mut bytes).map_err(|_| (offset, "the list of members cannot be read from here"))?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Source: tar(5) of libarchive 3.6: a block of 512 bytes for each member, then its content in whole blocks.
fn tar(source: &dyn ReadAt, put: &mut dyn FnMut(u64, u64, &[u8])) -> End {
    let mut at = 0_u64;
    let mut long_name: Option<Vec<u8>> = None;
    for _ in 0..MEMBERS {
        let block = read(source, at, 512)?;
        if block.len() < 512 || block.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        if block.get(257..262) != Some(b"ustar") {
            return Err((at, "no header of tar where one is due"));
        }
        let text = |start: usize, end: usize| {
            let field = block.get(start..end).unwrap_or_default();
            field.split(|byte| *byte == 0).next().unwrap_or_default()
        };
        let size =
            tar_number(block.get(124..136).unwrap_or_default()).ok_or((at, "the size of a member is no number"))?;
        let content = at.saturating_add(512);
        match block.get(156) {
            Some(b'L') => long_name = Some(read(source, content, bounded(size, 4096))?),
            Some(b'x') => long_name = pax_path(&read(source, content, bounded(size, 64 << 10))?).or(long_name),
            Some(b'g' | b'K') => {}
            _ => {
                // Where GNU tar writes its own form, other things stand in the place of the first part of the name.
                let folder = if block.get(262) == Some(&0) { text(345, 500) } else { b"" };
                let between: &[u8] = if folder.is_empty() { b"" } else { b"/" };
                let name = long_name.take().unwrap_or_else(|| [folder, between, text(0, 100)].concat());
                put(at, 512, name.trim_ascii_end().strip_suffix(b"\0").unwrap_or(&name));
            }
        }
        let blocks = size.div_ceil(512).saturating_mul(512);
        at = content.checked_add(blocks).ok_or((at, "the size of a member is larger than any file"))?;
    }
    Err((at, "more members than are looked at"))
}

/// The name in an extended header: lines of a length, a key and a value. Source: POSIX.1-2024, pax, "Extended Header".
fn pax_path(header: &[u8]) -> Option<Vec<u8>> {
    let mut rest = header;
    while let Some(space) = memchr::memchr(b' ', rest) {
        let size: usize = std::str::from_utf8(rest.get(..space)?).ok()?.parse().ok()?;
        let record = rest.get(space.checked_add(1)?..size)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            return Some(path.strip_suffix(b"\n")?.to_vec());
        }
        rest = rest.get(size..)?;
    }
    None
}

fn tar_number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        return array::<8>(field, 4).map(u64::from_be_bytes);
    }
    let mut digits = field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| byte.is_ascii_digit());
    digits.try_fold(0_u64, |sum, digit| sum.checked_mul(8)?.checked_add(u64::from(digit.checked_sub(b'0')?)))
}

/// Source: PKWARE APPNOTE 6.3.10, sections 4.3.12 and 4.3.16.
fn zip(source: &dyn ReadAt, put: &mut dyn FnMut(u64, u64, &[u8])) -> End {
    let tail_at = source.len().saturating_sub(65_557);
    let tail = read(source, tail_at, 65_557.min(bounded(source.len(), 65_557)))?;
    let lost = (tail_at, "no list of members at the end of the ZIP archive");
    let end = memchr::memmem::rfind(&tail, b"PK\x05\x06").ok_or(lost)?;
    let (size, mut at) =
        u32_le(&tail, end.saturating_add(12)).zip(u32_le(&tail, end.saturating_add(16))).ok_or(lost)?;
    if size == u32::MAX || at == u32::MAX {
        return Err((tail_at, "the list of members of a large ZIP archive is not read"));
    }
    let list = read(source, u64::from(at), bounded(u64::from(size), LIST))?;
    let mut rest = list.as_slice();
    for _ in 0..MEMBERS {
        if rest.is_empty() {
            return Ok(());
        }
        let bad = (u64::from(at), "no entry of a list of members where one is due");
        if !rest.starts_with(b"PK\x01\x02") {
            return Err(bad);
        }
        let field = |place: usize| u16_le(rest, place).map(usize::from).ok_or(bad);
        let (name, extra, comment) = (field(28)?, field(30)?, field(32)?);
        let text = rest.get(46..46_usize.saturating_add(name)).ok_or(bad)?;
        put(u64::from(at).saturating_add(46), length(text.len()), text);
        let whole = 46_usize.saturating_add(name).saturating_add(extra).saturating_add(comment);
        rest = rest.get(whole..).unwrap_or_default();
        at = at.saturating_add(u32::try_from(whole).unwrap_or(u32::MAX));
    }
    Err((u64::from(at), "more members than are looked at"))
}

/// Names in UTF-16 in the header at the end, which most writers compress. Source: 7zFormat.txt of 7-Zip 22.01.
fn seven_zip(source: &dyn ReadAt, put: &mut dyn FnMut(u64, u64, &[u8])) -> End {
    let start = read(source, 0, 32)?;
    let (Some(offset), Some(size)) = (u64_le(&start, 12), u64_le(&start, 20)) else {
        return Err((0, "the header of the 7z archive is cut short"));
    };
    let at = offset.saturating_add(32);
    let header = read(source, at, bounded(size, LIST))?;
    match header.first() {
        None => Err((at, "the list of members lies behind the end of the file")),
        Some(0x17) => Err((at, "the list of members is compressed or encrypted and is not read")),
        _ => {
            let mut name = Vec::new();
            let pairs = memchr::memmem::find(&header, b"\x11").unwrap_or(0);
            // Names follow the number 0x11, their size and a zero; letters outside ASCII are of no matter here.
            for pair in header.get(pairs..).unwrap_or_default().windows(2).filter(|pair| pair.get(1) == Some(&0)) {
                match pair.first() {
                    Some(0) | None => {
                        put(at, size, &name);
                        name.clear();
                    }
                    Some(letter) => name.push(*letter),
                }
            }
            Ok(())
        }
    }
}

/// Source: technote.txt of RAR 4.20: blocks with their size, and for files the size of what is packed.
fn rar4(source: &dyn ReadAt, put: &mut dyn FnMut(u64, u64, &[u8])) -> End {
    let mut at = 7_u64;
    for _ in 0..MEMBERS {
        let head = read(source, at, 1100)?;
        let (Some(kind), Some(flags), Some(size)) = (head.get(2), u16_le(&head, 3), u16_le(&head, 5)) else {
            return Ok(());
        };
        let bad = (at, "no block of RAR where one is due");
        if size < 7 {
            return Err(bad);
        }
        let mut whole = u64::from(size);
        if *kind == 0x73 && flags & 0x80 != 0 {
            return Err((at, "the names of the RAR archive are encrypted"));
        }
        if flags & 0x8000 != 0 || *kind == 0x74 {
            whole = whole.saturating_add(u64::from(u32_le(&head, 7).ok_or(bad)?));
        }
        if *kind == 0x74 {
            let long = usize::from(u16_le(&head, 26).ok_or(bad)?);
            let start = if flags & 0x100 != 0 { 40_usize } else { 32 };
            put(at, u64::from(size), head.get(start..start.saturating_add(long)).unwrap_or_default());
        }
        at = at.saturating_add(whole);
    }
    Err((at, "more members than are looked at"))
}

/// Source: "RAR 5.0 archive format", rarlab.com: blocks with numbers of seven bits a byte.
fn rar5(source: &dyn ReadAt, put: &mut dyn FnMut(u64, u64, &[u8])) -> End {
    let mut at = 8_u64;
    for _ in 0..MEMBERS {
        let head = read(source, at, 4096)?;
        let Some(mut rest) = head.get(4..).filter(|rest| !rest.is_empty()) else { return Ok(()) };
        let bad = (at, "no block of RAR where one is due");
        let before = rest.len();
        let size = number(&mut rest).ok_or(bad)?;
        let prefix = length(before.saturating_sub(rest.len()));
        let (kind, flags) = number(&mut rest).zip(number(&mut rest)).ok_or(bad)?;
        if kind == 4 {
            return Err((at, "the names of the RAR archive are encrypted"));
        }
        if flags & 1 != 0 {
            number(&mut rest).ok_or(bad)?;
        }
        let packed = if flags & 2 != 0 { number(&mut rest).ok_or(bad)? } else { 0 };
        if kind == 2 {
            let name = rar5_name(&mut rest).ok_or(bad)?;
            put(at, size, name);
        }
        if kind == 5 {
            return Ok(());
        }
        at = at.saturating_add(4).saturating_add(prefix).saturating_add(size).saturating_add(packed);
    }
    Err((at, "more members than are looked at"))
}

fn rar5_name<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let flags = number(rest)?;
    number(rest)?;
    number(rest)?;
    let skipped = if flags & 2 != 0 { 4_usize } else { 0 };
    let skipped = skipped.saturating_add(if flags & 4 != 0 { 4 } else { 0 });
    *rest = rest.get(skipped..)?;
    number(rest)?;
    number(rest)?;
    let long = bounded(number(rest)?, 4096);
    rest.get(..long)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..9_u32 {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f).checked_shl(place.checked_mul(7)?)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::testing::facts;
    use kanshiki_testkit::{Need, need, run, tempdir, write_file};
    use std::process::Command;

    fn found(bytes: &[u8]) -> Vec<String> {
        let facts = facts("/tmp/a", bytes);
        let of_archives = facts.signs.into_iter().filter(|sign| sign.rule.rule.id == "content.archive-of-secrets");
        of_archives.map(|sign| sign.what).collect()
    }

    #[test]
    fn members_of_archives_of_tar_are_found_behind_long_names_and_large_ones() {
        let folder = tempdir();
        let long = "d".repeat(180);
        std::fs::create_dir_all(folder.path().join("a/etc")).unwrap();
        write_file(&folder.path().join(format!("a/{long}.sql")), "x");
        write_file(&folder.path().join("a/big"), vec![0; 700_000]);
        write_file(&folder.path().join("a/etc/shadow"), "x");
        write_file(&folder.path().join("a/shadow.png"), "x");
        for format in ["gnu", "pax"] {
            let archive = folder.path().join(format!("{format}.tar"));
            let mut command = Command::new("tar");
            command
                .arg(format!("--format={format}"))
                .arg("-cf")
                .arg(&archive)
                .args(["--sort=name", "-C"])
                .arg(folder.path());
            let members = ["a/etc", "a/big", "a/shadow.png"];
            let _ = run(command.args(members).arg(format!("a/{long}.sql"))).exits(0);
            let expected = ["a/etc/shadow".to_owned(), format!("a/{}…", &long[..158])];
            assert_eq!(found(&std::fs::read(archive).unwrap()), expected, "{format}");
        }
    }

    #[test]
    fn members_of_zip_archives_are_found() {
        if !need(&[Need::File("/usr/bin/python3")]) {
            return;
        }
        let folder = tempdir();
        let archive = folder.path().join("a.zip");
        let program = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w') as z:\n    for n in sys.argv[2:]: z.writestr(n, 'x')\n";
        let names = ["readme.txt", "backup/customers.sql", "etc/shadow", "icons/shadow"];
        let _ = run(Command::new("/usr/bin/python3").args(["-c", program]).arg(&archive).args(names)).exits(0);
        assert_eq!(found(&std::fs::read(archive).unwrap()), ["backup/customers.sql", "etc/shadow"]);
    }

    /// A number of RAR 5 with seven bits a byte.
    fn block(body: &[u8]) -> Vec<u8> {
        [&[0; 4][..], &[u8::try_from(body.len()).unwrap()], body].concat()
    }

    #[test]
    fn members_of_rar_archives_are_found() {
        // By the description of the format: main header, then a file of three bytes with its name, then the end.
        let file = |name: &[u8]| {
            let fields = [&[2, 2, 3, 0, 3, 0, 0, 1][..], &[u8::try_from(name.len()).unwrap()], name].concat();
            [block(&fields), b"abc".to_vec()].concat()
        };
        let five = [
            &b"Rar!\x1a\x07\x01\x00"[..],
            &block(&[1, 0, 0]),
            &file(b"a.txt"),
            &file(b"db/dump.sql"),
            &block(&[5, 0, 0]),
        ]
        .concat();
        assert_eq!(found(&five), ["db/dump.sql"]);
        let file = |name: &[u8]| {
            let size = u16::try_from(32 + name.len()).unwrap().to_le_bytes();
            let mut head = [&[0, 0, 0x74, 0, 0x80][..], &size, &[3, 0, 0, 0], &[0; 15]].concat();
            head.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            head.resize(32, 0);
            [head.as_slice(), name, b"abc"].concat()
        };
        let main = [0, 0, 0x73, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0];
        let four = [&b"Rar!\x1a\x07\x00"[..], &main, &file(b"a.txt"), &file(b"db\\dump.sql")].concat();
        assert_eq!(found(&four), ["db\\\\dump.sql"]);
    }
}
