//! What kind of file it is, told by its first bytes and, where these leave it open, by its name.

use std::fmt;

/// Bytes at the beginning of a file that its kind is told by.
pub(crate) const HEAD: usize = 4096;

/// What kind of file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// No byte at all.
    Empty,
    /// A program, library, object, kernel module or core dump in the Executable and Linkable Format.
    Elf,
    /// A script of a shell.
    Shell,
    /// PHP.
    Php,
    /// Perl.
    Perl,
    /// Python.
    Python,
    /// A page of Java.
    Jsp,
    /// A page of Microsoft's Active Server Pages, old or new.
    Asp,
    /// A script of another interpreter, whose path it is, made visible.
    Script(String),
    /// Files packed into one.
    Archive(ArchiveForm),
    /// One compressed stream, by the name of its format.
    Compressed(&'static str),
    /// The contents of a database.
    Dump(DumpForm),
    /// A picture, a sound or a film.
    Image,
    /// Text of another kind.
    Text,
    /// Another known format, by its name.
    Known(&'static str),
    /// Bytes of no known format.
    Other,
}

/// How files are packed into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArchiveForm {
    /// tar of POSIX or GNU.
    Tar,
    /// ZIP, and what is built on it.
    Zip,
    /// 7z.
    SevenZip,
    /// RAR, version 4 or before.
    Rar4,
    /// RAR 5.
    Rar5,
    /// ar, and with it packages of Debian.
    Ar,
    /// cpio.
    Cpio,
    /// A package of rpm.
    Rpm,
}

/// What wrote the contents of a database out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DumpForm {
    /// `mysqldump` or `mariadb-dump`.
    MySql,
    /// `pg_dump` or `pg_dumpall` as SQL.
    PostgresPlain,
    /// `pg_dump --format custom`.
    PostgresCustom,
    /// `.dump` of `sqlite3`.
    Sqlite,
    /// `mongodump --archive`.
    Mongo,
}

impl DumpForm {
    /// Whether it is text.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::MySql | Self::PostgresPlain | Self::Sqlite)
    }

    /// The program that writes it.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::MySql => "mysqldump",
            Self::PostgresPlain => "pg_dump",
            Self::PostgresCustom => "pg_dump --format custom",
            Self::Sqlite => "sqlite3 .dump",
            Self::Mongo => "mongodump --archive",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::Elf => f.write_str("ELF"),
            Self::Shell => f.write_str("shell script"),
            Self::Php => f.write_str("PHP"),
            Self::Perl => f.write_str("Perl"),
            Self::Python => f.write_str("Python"),
            Self::Jsp => f.write_str("JSP"),
            Self::Asp => f.write_str("ASP"),
            Self::Script(interpreter) => write!(f, "script of {interpreter}"),
            Self::Archive(form) => f.write_str(match form {
                ArchiveForm::Tar => "tar archive",
                ArchiveForm::Zip => "ZIP archive",
                ArchiveForm::SevenZip => "7z archive",
                ArchiveForm::Rar4 | ArchiveForm::Rar5 => "RAR archive",
                ArchiveForm::Ar => "ar archive",
                ArchiveForm::Cpio => "cpio archive",
                ArchiveForm::Rpm => "package of rpm",
            }),
            Self::Compressed(name) => write!(f, "compressed with {name}"),
            Self::Dump(form) => write!(f, "output of {}", form.program()),
            Self::Image => f.write_str("picture, sound or film"),
            Self::Text => f.write_str("text"),
            Self::Known(name) => f.write_str(name),
            Self::Other => f.write_str("data"),
        }
    }
}

/// First bytes and what they tell. Source: the formats' own specifications, as collected in magic(5) of file 5.44.
const MAGIC: &[(&[u8], Kind)] = &[
    (b"\x7fELF", Kind::Elf),
    (b"PK\x03\x04", Kind::Archive(ArchiveForm::Zip)),
    (b"PK\x05\x06", Kind::Archive(ArchiveForm::Zip)),
    (b"7z\xbc\xaf\x27\x1c", Kind::Archive(ArchiveForm::SevenZip)),
    (b"Rar!\x1a\x07\x00", Kind::Archive(ArchiveForm::Rar4)),
    (b"Rar!\x1a\x07\x01\x00", Kind::Archive(ArchiveForm::Rar5)),
    (b"!<arch>\n", Kind::Archive(ArchiveForm::Ar)),
    (b"!<thin>\n", Kind::Archive(ArchiveForm::Ar)),
    (b"070701", Kind::Archive(ArchiveForm::Cpio)),
    (b"070702", Kind::Archive(ArchiveForm::Cpio)),
    (b"070707", Kind::Archive(ArchiveForm::Cpio)),
    (b"\xed\xab\xee\xdb", Kind::Archive(ArchiveForm::Rpm)),
    (b"\x1f\x8b", Kind::Compressed("gzip")),
    (b"\xfd7zXZ\0", Kind::Compressed("xz")),
    (b"\x28\xb5\x2f\xfd", Kind::Compressed("Zstandard")),
    (b"BZh", Kind::Compressed("bzip2")),
    (b"\x04\x22\x4d\x18", Kind::Compressed("LZ4")),
    (b"\x5d\0\0", Kind::Compressed("LZMA")),
    (b"LZIP", Kind::Compressed("lzip")),
    (b"\x1f\x9d", Kind::Compressed("compress")),
    (b"\x89PNG\r\n", Kind::Image),
    (b"\xff\xd8\xff", Kind::Image),
    (b"GIF87a", Kind::Image),
    (b"GIF89a", Kind::Image),
    (b"RIFF", Kind::Image),
    (b"II*\0", Kind::Image),
    (b"MM\0*", Kind::Image),
    (b"\0\0\x01\0", Kind::Image),
    (b"OggS", Kind::Image),
    (b"ID3", Kind::Image),
    (b"fLaC", Kind::Image),
    (b"\x1aE\xdf\xa3", Kind::Image),
    (b"8BPS", Kind::Image),
    (b"PGDMP", Kind::Dump(DumpForm::PostgresCustom)),
    (b"\x6d\xe2\x99\x81", Kind::Dump(DumpForm::Mongo)),
    (b"SQLite format 3\0", Kind::Known("SQLite database")),
    (b"%PDF-", Kind::Known("PDF")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind::Known("OLE document")),
    (b"\xca\xfe\xba\xbe", Kind::Known("Java class")),
    (b"MZ", Kind::Known("Windows program")),
    (b"\0asm", Kind::Known("WebAssembly")),
    (b"wOF2", Kind::Known("font")),
    (b"wOFF", Kind::Known("font")),
    (b"OTTO", Kind::Known("font")),
    (b"\0\x01\0\0\0", Kind::Known("font")),
    (b"LPKSHHRH", Kind::Known("journal of systemd")),
    (b"\xde\x12\x04\x95", Kind::Known("message catalogue")),
    (b"GCOV", Kind::Known("compiler data")),
    (b"hsqs", Kind::Known("SquashFS")),
    (b"LUKS\xba\xbe", Kind::Known("LUKS")),
    (b"Salted__", Kind::Known("encrypted with OpenSSL")),
    (b"-----BEGIN PGP", Kind::Known("OpenPGP")),
    (b"\x85\x01", Kind::Known("OpenPGP")),
    (b"\xd4\xc3\xb2\xa1", Kind::Known("packet capture")),
    (b"\xa1\xb2\xc3\xd4", Kind::Known("packet capture")),
    (b"\x0a\x0d\x0d\x0a", Kind::Known("packet capture")),
];

/// The kind of a file by its path and its first [`HEAD`] bytes, which are all there are if `is_all`.
pub(crate) fn kind_of(path: &[u8], head: &[u8], is_all: bool) -> Kind {
    if head.is_empty() {
        return Kind::Empty;
    }
    // A file that begins like a picture is one, whatever it is called: it may be run all the same, and rules say so.
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return kind.clone();
    }
    if head.get(257..262) == Some(b"ustar") {
        return Kind::Archive(ArchiveForm::Tar);
    }
    if head.get(4..8) == Some(b"ftyp") {
        return Kind::Image;
    }
    if let Some(kind) = of_interpreter(head) {
        return kind;
    }
    let text = is_text(head, is_all);
    if let Some(kind) = of_code(path, head, text) {
        return kind;
    }
    match text {
        true => of_dump(head).map_or(Kind::Text, Kind::Dump),
        false => Kind::Other,
    }
}

/// Whether bytes are text: no control characters but those of texts, or UTF-16 with its mark.
fn is_text(head: &[u8], is_all: bool) -> bool {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return true;
    }
    let control = |byte: &&u8| matches!(**byte, 0..=6 | 14..=26 | 28..=31 | 127);
    if head.contains(&0) {
        return false;
    }
    let controls = head.iter().filter(control).count();
    if controls.saturating_mul(50) > head.len() {
        return false;
    }
    let high = head.iter().filter(|byte| **byte >= 128).count();
    // Most text of today is UTF-8; what is not is an older encoding of words, in which most bytes are ASCII all the same.
    let cut = if is_all { 0 } else { 3 };
    let valid = std::str::from_utf8(head).map_or_else(|error| error.valid_up_to(), str::len);
    valid.saturating_add(cut) >= head.len() || high.saturating_mul(3) < head.len() && controls == 0
}

fn of_interpreter(head: &[u8]) -> Option<Kind> {
    let line = head.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n' || *byte == 0).next().unwrap_or_default();
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r')).filter(|word| !word.is_empty());
    let mut program = words.next()?;
    let base = |word: &[u8]| word.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
    if base(program) == b"env" {
        program = words.find(|word| !word.starts_with(b"-") && !word.contains(&b'=')).unwrap_or(program);
    }
    let name = base(program);
    let is = |names: &[&[u8]]| names.iter().any(|it| name.starts_with(it));
    Some(match () {
        () if is(&[b"php"]) => Kind::Php,
        () if is(&[b"perl"]) => Kind::Perl,
        () if is(&[b"python", b"pypy"]) => Kind::Python,
        () if name.ends_with(b"sh") || is(&[b"busybox"]) => Kind::Shell,
        () => Kind::Script(kanshiki_model::visible(program.get(..64).unwrap_or(program))),
    })
}

/// The kinds that are told by a mark of the language in the text, or by the ending of the name.
fn of_code(path: &[u8], head: &[u8], text: bool) -> Option<Kind> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_ascii_lowercase();
    let ends = |endings: &[&[u8]]| endings.iter().any(|ending| name.ends_with(ending));
    let has = |part: &[u8]| memchr::memmem::find(head, part).is_some();
    let begins =
        |part: &[u8]| head.trim_ascii_start().get(..part.len()).is_some_and(|it| it.eq_ignore_ascii_case(part));
    let endings: &[&[u8]] = &[b".php", b".phtml", b".php3", b".php4", b".php5", b".php7", b".php8", b".phar", b".phps"];
    // Servers that run `shell.php.jpg` do so for an ending of PHP that stands before the last one.
    if ends(endings) || begins(b"<?php") {
        return Some(Kind::Php);
    }
    if ends(&[b".jsp", b".jspx", b".jspf"]) || text && has(b"<%@ page") {
        return Some(Kind::Jsp);
    }
    if ends(&[b".asp", b".aspx", b".ashx", b".asmx"]) || text && (has(b"<%@ Language") || has(b"<%@ Page")) {
        return Some(Kind::Asp);
    }
    if !text {
        return None;
    }
    if has(b"<?php")
        && !is_record(path, head)
        && !ends(&[b".md", b".rst", b".txt", b".xml", b".js", b".json", b".c", b".py", b".pl", b".pm", b".1"])
    {
        return Some(Kind::Php);
    }
    if ends(&[b".pl", b".pm", b".cgi"]) {
        return Some(Kind::Perl);
    }
    if ends(&[b".py", b".pyw"]) {
        return Some(Kind::Python);
    }
    ends(&[b".sh", b".bash"]).then_some(Kind::Shell)
}

/// Whether a text tells what was said or stored elsewhere, be it code or not: logs and contents of databases.
fn is_record(path: &[u8], head: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_ascii_lowercase();
    let endings = [&b".log"[..], b".err", b".sql", b".csv", b".jsonl"];
    // Rotated logs have a number or a date behind their ending.
    path.starts_with(b"/var/log/")
        || endings.iter().any(|ending| name.ends_with(ending))
        || memchr::memmem::find(&name, b".log.").is_some()
        || memchr::memmem::find(&name, b".log-").is_some()
        || of_dump(head).is_some()
}

/// Programs that write contents of databases out as SQL begin with their own name. Source: client/mysqldump.cc of MySQL 8.0,
/// client/mysqldump.cc of MariaDB 10.11, src/bin/pg_dump/pg_backup_archiver.c and pg_dumpall.c of PostgreSQL 15, shell.c of
/// SQLite 3.40.
fn of_dump(head: &[u8]) -> Option<DumpForm> {
    let first = head.get(..512).unwrap_or(head);
    let has = |part: &str| memchr::memmem::find(first, part.as_bytes()).is_some();
    match () {
        () if has("-- MySQL dump ") || has("-- MariaDB dump ") || has("-- phpMyAdmin SQL Dump") => {
            Some(DumpForm::MySql)
        }
        () if has("-- PostgreSQL database dump") || has("-- PostgreSQL database cluster dump") => {
            Some(DumpForm::PostgresPlain)
        }
        () if first.starts_with(b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;") => Some(DumpForm::Sqlite),
        () => None,
    }
}
