//! What is odd about a program.

use super::ElfFacts;
use super::tables::Tables;
use crate::inspection::Sign;
use crate::rules::{
    CORE_DUMP, ContentRule, DAMAGED, ENTRY_ELSEWHERE, EXECUTABLE_STACK, HOOKS, KERNEL_MODULE, NO_SECTIONS, PACKED,
    WRITABLE_CODE,
};
use ::elf::abi;
use kanshiki_image::bytes::{bounded, length};

/// Damage that is told of for one file.
const DAMAGES: usize = 4;
/// Bits a byte above which code is packed: that of compilers has 5.5 to 6.8.
const PACKED_FROM: f64 = 7.4;
/// Bytes of code below which its entropy says little.
const CODE: u64 = 4096;
/// Bytes at the beginning and at the end in which packers leave their marks.
const MARKS: u64 = 4096;

/// What contradicts the file.
#[derive(Debug, Default)]
pub(super) struct Damage {
    found: Vec<(u64, u64, String)>,
}

impl Damage {
    pub(super) fn put(&mut self, structure: &str, offset: u64, length: u64, message: String) {
        if self.found.len() < DAMAGES && !self.found.iter().any(|(there, ..)| *there == offset) {
            self.found.push((offset, length, format!("{structure} at byte {offset}: {message}")));
        }
    }

    pub(super) fn into_signs(self, signs: &mut Vec<Sign>) {
        signs.extend(self.found.into_iter().map(|(offset, length, what)| Sign {
            rule: &DAMAGED,
            offset,
            length,
            what,
        }));
    }
}

/// Puts signs for what is odd.
pub(super) fn check(tables: &Tables<'_>, facts: &ElfFacts, damage: &mut Damage, signs: &mut Vec<Sign>) {
    let mut put =
        |rule: &'static ContentRule, offset, length, what: String| signs.push(Sign { rule, offset, length, what });
    if tables.header.e_type == abi::ET_CORE {
        put(&CORE_DUMP, 0, 0, format!("{} segments", tables.segments.len()));
        return;
    }
    if let Some(module) = &facts.module {
        let name = module.name.as_deref().unwrap_or("without a name");
        let version = module.vermagic.as_deref().unwrap_or("no kernel");
        let signed = if module.is_signed { "signed" } else { "not signed" };
        put(&KERNEL_MODULE, 0, 0, format!("{name} for {version}, {signed}"));
    }
    outside(tables, damage);
    let is_program = matches!(tables.header.e_type, abi::ET_EXEC | abi::ET_DYN) && tables.has(abi::PT_LOAD);
    if !is_program || tables.is_debug() {
        return;
    }
    if tables.header.e_shoff == 0 {
        put(&NO_SECTIONS, 0, 0, format!("{} segments, no section", tables.segments.len()));
    }
    for it in &tables.segments {
        if it.p_type == abi::PT_LOAD && it.p_flags & abi::PF_W != 0 && it.p_flags & abi::PF_X != 0 && it.p_memsz > 0 {
            put(
                &WRITABLE_CODE,
                it.p_offset,
                it.p_filesz,
                format!("segment at {:#x} of {} bytes", it.p_vaddr, it.p_memsz),
            );
        }
        if it.p_type == abi::PT_GNU_STACK && it.p_flags & abi::PF_X != 0 {
            put(&EXECUTABLE_STACK, 0, 0, "GNU_STACK is executable".to_owned());
        }
    }
    if let Some((offset, what)) = entry(tables) {
        put(&ENTRY_ELSEWHERE, offset, 0, what);
    }
    if let Some((offset, size, what)) = packed(tables, facts) {
        put(&PACKED, offset, size, what);
    }
    if let Some(what) = hooks(facts) {
        put(&HOOKS, 0, 0, what);
    }
}

/// Parts that the file has no bytes for.
fn outside(tables: &Tables<'_>, damage: &mut Damage) {
    let there = tables.source.len();
    if tables.is_debug() {
        return;
    }
    for it in tables.segments.iter().filter(|it| it.p_type == abi::PT_LOAD) {
        if it.p_offset.checked_add(it.p_filesz).is_none_or(|end| end > there) {
            let what = format!("it has {} bytes and would end behind the file, at {there}", it.p_filesz);
            damage.put("segment", it.p_offset, there.saturating_sub(it.p_offset), what);
        }
    }
    for (it, name) in tables.sections.iter().filter(|(it, _)| !matches!(it.sh_type, abi::SHT_NOBITS | abi::SHT_NULL)) {
        if it.sh_offset.checked_add(it.sh_size).is_none_or(|end| end > there) {
            let name = kanshiki_model::visible(name.get(..64).unwrap_or(name));
            let what = format!("it has {} bytes and would end behind the file, at {there}", it.sh_size);
            damage.put(&format!("section `{name}`"), it.sh_offset, there.saturating_sub(it.sh_offset), what);
        }
    }
}

/// Why the entry point is not where code is.
fn entry(tables: &Tables<'_>) -> Option<(u64, String)> {
    let entry = tables.header.e_entry;
    // A library has none, though some linkers write one.
    if entry == 0 || !tables.has(abi::PT_INTERP) && tables.header.e_type == abi::ET_DYN {
        return None;
    }
    let holds = |start: u64, size: u64| entry.checked_sub(start).is_some_and(|into| into < size);
    let offset = tables.in_file(entry).map_or(0, |(offset, _)| offset);
    let loaded = |it: &&::elf::segment::ProgramHeader| it.p_type == abi::PT_LOAD && holds(it.p_vaddr, it.p_memsz);
    let Some(segment) = tables.segments.iter().find(loaded) else {
        return Some((0, format!("{entry:#x} lies in no segment")));
    };
    // On these the entry point leads to a descriptor, which is data.
    let descriptors = matches!(tables.header.e_machine, abi::EM_PPC64 | abi::EM_PARISC | abi::EM_IA_64);
    if segment.p_flags & abi::PF_X == 0 && descriptors {
        return None;
    }
    if segment.p_flags & abi::PF_X == 0 {
        return Some((offset, format!("{entry:#x} lies in a segment that is not executable")));
    }
    if segment.p_flags & abi::PF_W != 0 {
        return Some((offset, format!("{entry:#x} lies in a segment that can be written")));
    }
    let alloc = |it: &::elf::section::SectionHeader| {
        it.sh_flags & u64::from(abi::SHF_ALLOC) != 0 && holds(it.sh_addr, it.sh_size)
    };
    match tables.sections.iter().find(|(it, _)| alloc(it)) {
        Some((it, _)) if it.sh_flags & u64::from(abi::SHF_EXECINSTR) != 0 => None,
        Some((_, name)) => {
            let name = kanshiki_model::visible(name.get(..64).unwrap_or(name));
            Some((offset, format!("{entry:#x} lies in section `{name}`")))
        }
        None if tables.section(".text").is_some() => Some((offset, format!("{entry:#x} lies in no section"))),
        None => None,
    }
}

/// By what a program is known to be packed.
fn packed(tables: &Tables<'_>, facts: &ElfFacts) -> Option<(u64, u64, String)> {
    let there = tables.source.len();
    let start = tables.at(0, MARKS, bounded(MARKS, usize::MAX));
    let end_at = there.saturating_sub(MARKS).max(length(start.len()));
    let end = tables.at(end_at, MARKS, bounded(MARKS, usize::MAX));
    // The header of a packed program, 8 to 12 bytes behind the tables, and the same mark before the last bytes. Source:
    // UPX 4.2, src/stub/src/include/linux.h, struct l_info.
    for (at, bytes) in [(0, &start), (end_at, &end)] {
        if let Some(found) = memchr::memmem::find(bytes, b"UPX!").filter(|_| tables.sections.is_empty()) {
            return Some((at.saturating_add(length(found)), 4, "the mark of UPX".to_owned()));
        }
    }
    let of_code = facts.sections.iter().filter(|it| it.access.execute && it.size >= CODE);
    let of_segments = facts.segments.iter().filter(|it| it.name == "LOAD" && it.access.execute && it.size >= CODE);
    let code: Vec<_> = if tables.sections.is_empty() { of_segments.collect() } else { of_code.collect() };
    let found = code.into_iter().find(|it| it.entropy.is_some_and(|bits| bits > PACKED_FROM))?;
    let bits = found.entropy.unwrap_or_default();
    Some((found.offset, found.size, format!("code in `{}` with {bits:.2} bits a byte", found.name)))
}

/// Functions of one purpose, of which a library that hides or listens has at least one.
const TELLING: &[&str] = &[
    "readdir",
    "readdir64",
    "readdir_r",
    "readdir64_r",
    "getdents",
    "getdents64",
    "scandir",
    "accept",
    "accept4",
    "pam_authenticate",
    "pam_get_item",
    "pam_vprompt",
    "getspnam",
    "unlinkat",
    "pcap_loop",
    "pam_acct_mgmt",
    "SSL_write",
    "login",
];

/// Whether a library stands in for functions of the system and looks the real ones up.
fn hooks(facts: &ElfFacts) -> Option<String> {
    let hooked = &facts.exports_of_interest;
    let looks_up = facts.imports_of_interest.iter().any(|it| it == "dlsym") || hooked.iter().any(|it| it == "dlsym");
    // The system's own libraries give these functions under a name of their own.
    let is_own = facts.soname.as_deref().is_some_and(|it| {
        ["libc.", "libpam.", "libpthread.", "libpcap.", "libssl.", "libcrypt.", "ld-", "libdl."]
            .iter()
            .any(|own| it.starts_with(own))
    });
    let is_telling = hooked.iter().any(|it| TELLING.contains(&it.as_str()));
    (looks_up && is_telling && !is_own && facts.interpreter.is_none()).then(|| hooked.join(", "))
}
