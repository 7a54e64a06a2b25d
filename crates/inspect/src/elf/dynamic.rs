//! What a program asks the loader for, and what it gives.

use super::ElfFacts;
use super::checks::Damage;
use super::tables::{Tables, text_at};
use ::elf::abi;
use ::elf::dynamic::Dyn;
use ::elf::symbol::Symbol;
use kanshiki_model::visible;

/// Bytes of the table itself, of its texts, and of its symbols that are read.
const DYNAMIC: usize = 64 << 10;
const TEXTS: usize = 8 << 20;
const SYMBOLS: usize = 8 << 20;
/// Libraries that are told of.
const NEEDED: usize = 256;
/// Letters of a name that are kept.
const NAME: usize = 256;

/// Functions that attacks need.
const IMPORTS: &[&str] = &[
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "memfd_create",
    "fexecve",
    "execve",
    "execl",
    "execvp",
    "system",
    "popen",
    "dlsym",
    "dlopen",
    "init_module",
    "finit_module",
    "bpf",
    "prctl",
    "setuid",
    "setgid",
    "setreuid",
    "setresuid",
    "getspnam",
    "crypt",
    "pam_get_item",
    "pam_get_authtok",
    "pam_get_password",
    "forkpty",
    "openpty",
    "dup2",
    "kill",
    "inotify_add_watch",
    "pcap_open_live",
    "personality",
    "unshare",
    "setns",
    "mprotect",
    "utmpname",
    "pututline",
    "updwtmp",
];

/// Functions of the system that rootkits stand in for.
pub(super) const HOOKED: &[&str] = &[
    "readdir",
    "readdir64",
    "readdir_r",
    "readdir64_r",
    "getdents",
    "getdents64",
    "scandir",
    "opendir",
    "fdopendir",
    "unlinkat",
    "lstat",
    "lstat64",
    "__lxstat",
    "__lxstat64",
    "stat",
    "stat64",
    "__xstat",
    "__xstat64",
    "statx",
    "fopen",
    "fopen64",
    "open",
    "open64",
    "openat",
    "access",
    "accept",
    "accept4",
    "write",
    "read",
    "pam_authenticate",
    "pam_open_session",
    "pam_acct_mgmt",
    "pam_get_item",
    "pam_sm_authenticate",
    "getpwnam",
    "getpwuid",
    "getspnam",
    "getspent",
    "execve",
    "pcap_loop",
    "fgets",
    "kill",
    "recvmsg",
    "dlsym",
    "login",
    "syslog",
    "crypt",
    "SSL_write",
    "pam_vprompt",
];

/// Tells of them.
pub(super) fn describe(tables: &Tables<'_>, facts: &mut ElfFacts, damage: &mut Damage) {
    let interpreter = tables.segments.iter().find(|it| it.p_type == abi::PT_INTERP);
    facts.interpreter = interpreter.map(|it| {
        let bytes = tables.at(it.p_offset, it.p_filesz, 4096);
        visible(text_at(&bytes, 0))
    });
    let is_program = matches!(tables.header.e_type, abi::ET_EXEC | abi::ET_DYN) && tables.has(abi::PT_LOAD);
    let Some(segment) = tables.segments.iter().find(|it| it.p_type == abi::PT_DYNAMIC) else {
        facts.is_static = is_program && facts.interpreter.is_none();
        return;
    };
    let entries: Vec<Dyn> = tables.parse(&tables.at(segment.p_offset, segment.p_filesz, DYNAMIC));
    let end = entries.iter().position(|it| it.d_tag == abi::DT_NULL).unwrap_or(entries.len());
    let entries = entries.get(..end).unwrap_or_default();
    let one = |tag: i64| entries.iter().find(|it| it.d_tag == tag).map(Dyn::d_val);
    let texts = match one(abi::DT_STRTAB).map(|address| (address, tables.in_file(address))) {
        Some((_, Some((offset, there)))) => tables.at(offset, one(abi::DT_STRSZ).unwrap_or(there).min(there), TEXTS),
        Some((address, None)) => {
            // Files that hold debugging information alone keep the table but not what it leads to.
            if segment.p_filesz > 0 && !tables.is_debug() {
                let what = format!("the table of texts is said to be at {address:#x}, which no segment holds");
                damage.put("dynamic section", segment.p_offset, segment.p_filesz, what);
            }
            Vec::new()
        }
        None => Vec::new(),
    };
    let text = |offset: u64| {
        let text = text_at(&texts, offset);
        visible(text.get(..NAME).unwrap_or(text))
    };
    let all = |tag: i64| entries.iter().filter(move |it| it.d_tag == tag).map(Dyn::d_val);
    facts.needed = all(abi::DT_NEEDED).take(NEEDED).map(text).collect();
    facts.soname = one(abi::DT_SONAME).map(text);
    facts.run_path = one(abi::DT_RUNPATH).or(one(abi::DT_RPATH)).map(text);
    facts.is_static = is_program && facts.interpreter.is_none() && facts.needed.is_empty();
    if let Some(address) = one(abi::DT_SYMTAB) {
        symbols(tables, address, one(abi::DT_STRTAB), &texts, facts);
    }
}

impl Tables<'_> {
    /// Whether it holds what debuggers need and nothing that could run, as `objcopy --only-keep-debug` makes it.
    pub(super) fn is_debug(&self) -> bool {
        self.section(".text").is_some_and(|it| it.sh_type == abi::SHT_NOBITS)
            || self.section(".dynamic").is_some_and(|it| it.sh_type == abi::SHT_NOBITS)
    }
}

fn symbols(tables: &Tables<'_>, address: u64, texts_at: Option<u64>, texts: &[u8], facts: &mut ElfFacts) {
    let Some((offset, there)) = tables.in_file(address) else { return };
    // The loader does not need their number; linkers put the texts behind them.
    let section = tables.sections.iter().find(|(it, _)| it.sh_type == abi::SHT_DYNSYM && it.sh_addr == address);
    let size = match section {
        Some((section, _)) => section.sh_size,
        None => texts_at.and_then(|texts| texts.checked_sub(address)).unwrap_or(there),
    };
    let bytes = tables.at(offset, size.min(there), SYMBOLS);
    for symbol in tables.parse::<Symbol>(&bytes).iter().skip(1) {
        let name = text_at(texts, u64::from(symbol.st_name));
        let of = |names: &[&str]| names.iter().find(|it| it.as_bytes() == name).map(|it| (*it).to_owned());
        if symbol.is_undefined() {
            facts.imports = facts.imports.saturating_add(1);
            keep(&mut facts.imports_of_interest, of(IMPORTS));
        } else if matches!(symbol.st_bind(), abi::STB_GLOBAL | abi::STB_WEAK) {
            facts.exports = facts.exports.saturating_add(1);
            if symbol.st_symtype() == abi::STT_FUNC {
                keep(&mut facts.exports_of_interest, of(HOOKED));
            }
        }
    }
}

fn keep(names: &mut Vec<String>, name: Option<String>) {
    names.extend(name.filter(|it| !names.contains(it)));
}
