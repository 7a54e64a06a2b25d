//! What compilers, linkers and builders wrote about themselves.

use super::tables::Tables;
use super::{ElfFacts, GoFacts, ModuleFacts};
use ::elf::abi;
use ::elf::note::{Note, NoteIterator};
use kanshiki_image::bytes::bounded;
use kanshiki_model::visible;
use std::fmt::Write as _;

/// Bytes of each of them that are read.
const NOTES: usize = 64 << 10;
const GO: usize = 256 << 10;
/// Letters of a text that are kept.
const TEXT: usize = 256;
/// Compilers that are told of.
const COMPILERS: usize = 16;

/// What stands at the end of a signed module. Source: Linux 6.1, include/linux/module_signature.h.
const SIGNED: &[u8] = b"~Module signature appended~\n";
/// What Go's own information begins with. Source: Go 1.21, src/debug/buildinfo/buildinfo.go.
const GO_MAGIC: &[u8] = b"\xff Go buildinf:";

/// Tells of them.
pub(super) fn describe(tables: &Tables<'_>, facts: &mut ElfFacts) {
    let of_segments = tables.segments.iter().filter(|it| it.p_type == abi::PT_NOTE);
    let of_segments = of_segments.map(|it| (it.p_offset, it.p_filesz, it.p_align));
    let of_sections = tables.sections.iter().filter(|(it, _)| it.sh_type == abi::SHT_NOTE);
    let of_sections = of_sections.map(|(it, _)| (it.sh_offset, it.sh_size, it.sh_addralign));
    if tables.header.e_type != abi::ET_CORE {
        for (offset, size, align) in of_segments.chain(of_sections).take(64) {
            notes(tables, &tables.at(offset, size, NOTES), align, facts);
        }
    }
    if let Some(section) = tables.section(".comment") {
        let bytes = tables.bytes(section, NOTES);
        for text in bytes.split(|byte| *byte == 0).filter(|text| !text.is_empty()) {
            let text = short(text);
            if facts.compilers.len() < COMPILERS && !facts.compilers.contains(&text) {
                facts.compilers.push(text);
            }
        }
    }
    facts.has_rust_dependencies = tables.section(".dep-v0").is_some();
    go(tables, facts);
    if let Some(section) = tables.section(".modinfo").filter(|_| tables.header.e_type == abi::ET_REL) {
        facts.module = Some(module(tables, &tables.bytes(section, NOTES)));
    }
}

fn short(text: &[u8]) -> String {
    visible(text.get(..TEXT).unwrap_or(text))
}

fn notes(tables: &Tables<'_>, bytes: &[u8], align: u64, facts: &mut ElfFacts) {
    let align = if align == 8 { 8 } else { 4 };
    for note in NoteIterator::new(tables.header.endianness, tables.header.class, align, bytes).take(64) {
        match note {
            Note::GnuBuildId(id) if facts.build_id.is_none() => {
                let mut text = String::new();
                for byte in id.0.iter().take(64) {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "{byte:02x}");
                }
                facts.build_id = Some(text);
            }
            Note::Unknown(any) if any.n_type == 4 && any.name.starts_with(b"Go") => {
                facts.go.get_or_insert_default().build_id = Some(short(any.desc));
            }
            _ => {}
        }
    }
}

/// The version and the modules, as Go since 1.18 writes them: two texts, each behind its length.
fn go(tables: &Tables<'_>, facts: &mut ElfFacts) {
    let section = tables.section(".go.buildinfo").map(|it| (it.sh_offset, it.sh_size.max(64)));
    // Without sections it stands at the beginning of the first segment that can be written.
    let first = || {
        let writable = |it: &&::elf::segment::ProgramHeader| it.p_type == abi::PT_LOAD && it.p_flags & abi::PF_W != 0;
        tables.segments.iter().find(writable).map(|it| (it.p_offset, it.p_filesz))
    };
    let Some((offset, size)) = section.or_else(first) else { return };
    let bytes = tables.at(offset, size, GO);
    let is_there = bytes.starts_with(GO_MAGIC);
    if !is_there {
        return;
    }
    let facts = facts.go.get_or_insert_with(GoFacts::default);
    // Bit 1 of the flags: the texts stand here, and not behind pointers.
    if bytes.get(15).is_none_or(|flags| flags & 2 == 0) {
        return;
    }
    let mut rest = bytes.get(32..).unwrap_or_default();
    facts.version = go_text(&mut rest).map(short).filter(|it| !it.is_empty());
    let Some(modules) = go_text(&mut rest) else { return };
    for line in modules.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b'\t');
        // Sixteen bytes of no meaning stand before the first line.
        let key = fields.next().unwrap_or_default();
        let value = fields.next().map(short);
        if key.ends_with(b"path") && facts.path.is_none() {
            facts.path = value;
        } else if key == b"mod" {
            facts.module = value.map(|it| format!("{it} {}", fields.next().map(short).unwrap_or_default()));
        }
    }
}

fn go_text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut size = 0_u64;
    for place in 0..9_u32 {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        size |= u64::from(byte & 0x7f).checked_shl(place.checked_mul(7)?)?;
        if byte & 0x80 == 0 {
            let (text, behind) = rest.split_at_checked(bounded(size, usize::MAX))?;
            *rest = behind;
            return Some(text);
        }
    }
    None
}

fn module(tables: &Tables<'_>, information: &[u8]) -> ModuleFacts {
    let field = |name: &str| {
        let mut fields = information.split(|byte| *byte == 0);
        fields.find_map(|it| it.strip_prefix(name.as_bytes())?.strip_prefix(b"=")).map(short)
    };
    let end = tables.source.len().saturating_sub(28);
    ModuleFacts {
        name: field("name"),
        author: field("author"),
        description: field("description"),
        licence: field("license"),
        vermagic: field("vermagic"),
        is_signed: tables.at(end, 28, 28) == SIGNED,
    }
}
