//! The header and the tables of sections and segments.

use super::checks::Damage;
use super::{Access, ElfFacts, Part, entropy};
use ::elf::abi;
use ::elf::endian::{AnyEndian, EndianParse as _};
use ::elf::file::{Class, FileHeader, parse_ident};
use ::elf::parse::{ParseAt, ParsingIterator};
use ::elf::section::SectionHeader;
use ::elf::segment::ProgramHeader;
use kanshiki_image::ReadAt;
use kanshiki_image::bytes::{bounded, length};
use kanshiki_model::visible;

/// Entries of a table that are read: a hostile count costs no more.
const ENTRIES: u64 = 4096;
/// Parts that are told of.
const PARTS: usize = 128;
/// Bytes of the table of names.
const NAMES: usize = 1 << 20;
/// Bytes of parts that are measured for one file.
const MEASURED: u64 = 4 << 20;

/// The header and the tables of a file.
#[derive(Debug)]
pub(super) struct Tables<'a> {
    pub(super) source: &'a dyn ReadAt,
    pub(super) header: FileHeader<AnyEndian>,
    pub(super) segments: Vec<ProgramHeader>,
    pub(super) sections: Vec<(SectionHeader, Vec<u8>)>,
}

impl<'a> Tables<'a> {
    /// Reads them; `None` if there is no whole header.
    pub(super) fn read(source: &'a dyn ReadAt, damage: &mut Damage) -> Option<Self> {
        let mut head = [0; 64];
        let read = source.read_at(0, &mut head).unwrap_or(0);
        let head = head.get(..read)?;
        let Some(header) = header(head) else {
            damage.put(
                "header",
                0,
                length(read),
                "it is cut short, or of an unknown class, order of bytes or version".to_owned(),
            );
            return None;
        };
        let mut tables = Self { source, header, segments: Vec::new(), sections: Vec::new() };
        // From 0xffff entries on, and for sections at 0, the count stands in the first section (elf(5)).
        let first = tables.table::<SectionHeader>("table of sections", header.e_shoff, header.e_shentsize, 1, damage);
        let first = first.first().copied();
        let mut sections = u64::from(header.e_shnum);
        if sections == 0 && header.e_shoff != 0 {
            sections = first.map_or(0, |it| it.sh_size);
        }
        let mut segments = u64::from(header.e_phnum);
        if segments == 0xffff {
            segments = first.map_or(0, |it| u64::from(it.sh_info));
        }
        tables.segments = tables.table("table of segments", header.e_phoff, header.e_phentsize, segments, damage);
        if sections > 0 {
            let all = tables.table("table of sections", header.e_shoff, header.e_shentsize, sections, damage);
            let index = match header.e_shstrndx {
                abi::SHN_XINDEX => first.map_or(0, |it| u64::from(it.sh_link)),
                index => u64::from(index),
            };
            let names = all
                .get(bounded(index, usize::MAX))
                .map(|it: &SectionHeader| tables.bytes(it, NAMES))
                .unwrap_or_default();
            tables.sections = all.into_iter().map(|it| (it, text_at(&names, u64::from(it.sh_name)).to_vec())).collect();
        }
        Some(tables)
    }

    /// The entries of a table, as far as they lie in the file.
    fn table<T: ParseAt>(&self, name: &'static str, offset: u64, size: u16, count: u64, damage: &mut Damage) -> Vec<T> {
        if offset == 0 || count == 0 {
            return Vec::new();
        }
        let expected = T::size_for(self.header.class);
        if usize::from(size) != expected {
            damage.put(name, offset, 0, format!("entries of {size} bytes, expected {expected}"));
            return Vec::new();
        }
        let whole = count.saturating_mul(length(expected));
        let there = self.source.len().saturating_sub(offset);
        if whole > there {
            let message = format!("{count} entries need {whole} bytes, the file has {there} from there on");
            damage.put(name, offset, there.min(whole), message);
        }
        if count > ENTRIES {
            damage.put(name, offset, whole, format!("{count} entries, of which the first {ENTRIES} are read"));
        }
        let wanted = count.min(ENTRIES).saturating_mul(length(expected));
        self.parse(&self.at(offset, wanted, usize::MAX))
    }

    /// What `bytes` hold, one after the other, up to the first that is not whole.
    pub(super) fn parse<T: ParseAt>(&self, bytes: &[u8]) -> Vec<T> {
        ParsingIterator::new(self.header.endianness, self.header.class, bytes).collect()
    }

    /// At most `limit` bytes of the file; what cannot be read is left out.
    pub(super) fn at(&self, offset: u64, size: u64, limit: usize) -> Vec<u8> {
        let mut bytes = vec![0; bounded(size.min(self.source.len().saturating_sub(offset)), limit)];
        let read = self.source.read_at(offset, &mut bytes).unwrap_or(0);
        bytes.truncate(read);
        bytes
    }

    /// At most `limit` bytes of a section.
    pub(super) fn bytes(&self, section: &SectionHeader, limit: usize) -> Vec<u8> {
        match section.sh_type {
            abi::SHT_NOBITS => Vec::new(),
            _ => self.at(section.sh_offset, section.sh_size, limit),
        }
    }

    /// The section of a name.
    pub(super) fn section(&self, name: &str) -> Option<&SectionHeader> {
        self.sections.iter().find(|(_, it)| it == name.as_bytes()).map(|(section, _)| section)
    }

    /// Where an address in memory lies in the file, and how many bytes of the file follow in the same segment.
    pub(super) fn in_file(&self, address: u64) -> Option<(u64, u64)> {
        let loaded = self.segments.iter().filter(|it| it.p_type == abi::PT_LOAD);
        loaded.into_iter().find_map(|it| {
            let into = address.checked_sub(it.p_vaddr).filter(|into| *into < it.p_filesz)?;
            Some((it.p_offset.checked_add(into)?, it.p_filesz.checked_sub(into)?))
        })
    }

    pub(super) fn has(&self, segment: u32) -> bool {
        self.segments.iter().any(|it| it.p_type == segment)
    }

    /// Tells of the header and the parts.
    pub(super) fn describe(&self, facts: &mut ElfFacts) {
        let header = &self.header;
        facts.bits = if header.class == Class::ELF64 { 64 } else { 32 };
        facts.is_big_endian = header.endianness.is_big();
        (facts.file_type, facts.machine, facts.entry) = (header.e_type, header.e_machine, header.e_entry);
        facts.is_stripped = !self.sections.iter().any(|(it, _)| it.sh_type == abi::SHT_SYMTAB);
        let mut measured = 0;
        facts.segments = self.segments.iter().take(PARTS).map(|it| self.segment(it, &mut measured)).collect();
        facts.sections =
            self.sections.iter().skip(1).take(PARTS).map(|(it, name)| self.part(it, name, &mut measured)).collect();
        facts.overlay = self.source.len().saturating_sub(self.end());
    }

    /// Where the last part ends.
    fn end(&self) -> u64 {
        let header = &self.header;
        let table =
            |offset: u64, size: u16, count: usize| offset.saturating_add(u64::from(size).saturating_mul(length(count)));
        let segments = self.segments.iter().map(|it| it.p_offset.saturating_add(it.p_filesz));
        let sections = self.sections.iter().filter(|(it, _)| it.sh_type != abi::SHT_NOBITS);
        let sections = sections.map(|(it, _)| it.sh_offset.saturating_add(it.sh_size));
        let tables = [
            u64::from(header.e_ehsize),
            table(header.e_phoff, header.e_phentsize, self.segments.len()),
            table(header.e_shoff, header.e_shentsize, self.sections.len()),
        ];
        segments.chain(sections).chain(tables).max().unwrap_or(0)
    }

    fn segment(&self, it: &ProgramHeader, measured: &mut u64) -> Part {
        let flag = |bit: u32| it.p_flags & bit != 0;
        let access = Access { read: flag(abi::PF_R), write: flag(abi::PF_W), execute: flag(abi::PF_X) };
        let name = match it.p_type {
            abi::PT_LOAD => "LOAD".to_owned(),
            abi::PT_DYNAMIC => "DYNAMIC".to_owned(),
            abi::PT_INTERP => "INTERP".to_owned(),
            abi::PT_NOTE => "NOTE".to_owned(),
            abi::PT_PHDR => "PHDR".to_owned(),
            abi::PT_TLS => "TLS".to_owned(),
            abi::PT_GNU_EH_FRAME => "GNU_EH_FRAME".to_owned(),
            abi::PT_GNU_STACK => "GNU_STACK".to_owned(),
            abi::PT_GNU_RELRO => "GNU_RELRO".to_owned(),
            abi::PT_GNU_PROPERTY => "GNU_PROPERTY".to_owned(),
            other => format!("{other:#x}"),
        };
        let is_loaded = it.p_type == abi::PT_LOAD && self.header.e_type != abi::ET_CORE;
        let entropy = is_loaded.then(|| self.measure(it.p_offset, it.p_filesz, measured)).flatten();
        Part { name, offset: it.p_offset, size: it.p_filesz, address: it.p_vaddr, memory: it.p_memsz, access, entropy }
    }

    fn part(&self, it: &SectionHeader, name: &[u8], measured: &mut u64) -> Part {
        let flag = |bit: u32| it.sh_flags & u64::from(bit) != 0;
        let access =
            Access { read: flag(abi::SHF_ALLOC), write: flag(abi::SHF_WRITE), execute: flag(abi::SHF_EXECINSTR) };
        let size = if it.sh_type == abi::SHT_NOBITS { 0 } else { it.sh_size };
        let entropy = match it.sh_type {
            abi::SHT_PROGBITS => self.measure(it.sh_offset, size, measured),
            _ => None,
        };
        let name = visible(name.get(..64).unwrap_or(name));
        Part { name, offset: it.sh_offset, size, address: it.sh_addr, memory: it.sh_size, access, entropy }
    }

    fn measure(&self, offset: u64, size: u64, measured: &mut u64) -> Option<f64> {
        *measured = measured.saturating_add(size.min(64 << 10));
        (*measured <= MEASURED).then(|| entropy::of_part(self.source, offset, size)).flatten()
    }
}

fn header(head: &[u8]) -> Option<FileHeader<AnyEndian>> {
    let ident = parse_ident::<AnyEndian>(head.get(..16)?).ok()?;
    let tail = if ident.1 == Class::ELF64 { 64 } else { 52 };
    FileHeader::parse_tail(ident, head.get(16..tail)?).ok()
}

/// The text that begins at `offset` in a table of texts, up to its end; empty if there is none.
pub(super) fn text_at(table: &[u8], offset: u64) -> &[u8] {
    let rest = table.get(bounded(offset, usize::MAX)..).unwrap_or_default();
    rest.split(|byte| *byte == 0).next().unwrap_or_default()
}
