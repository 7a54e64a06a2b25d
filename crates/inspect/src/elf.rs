//! What programs, libraries, kernel modules and core dumps are made of.
//!
//! Tables are read by random access and with bounds; the crate `elf` takes them apart. What contradicts the file becomes a
//! sign with the structure and its offset, and the rest is read all the same. Source: System V ABI, chapters 4 and 5;
//! elf(5) of man-pages 6.03.

mod checks;
#[cfg(test)]
mod compared;
mod dynamic;
mod entropy;
mod notes;
mod tables;
#[cfg(test)]
mod tests;

use crate::inspection::Sign;
pub(crate) use entropy::{count, entropy};
use kanshiki_image::ReadAt;
use tables::Tables;
#[cfg(test)]
pub(crate) use tests::pairs;

/// What a file in the Executable and Linkable Format is made of. Texts are made visible.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ElfFacts {
    /// Bits of an address: 32 or 64; 0 if the header could not be read.
    pub bits: u8,
    /// Whether numbers begin with their highest byte.
    pub is_big_endian: bool,
    /// `e_type`: 1 object, 2 program, 3 library or program for any address, 4 core dump.
    pub file_type: u16,
    /// `e_machine`, such as 62 for x86-64.
    pub machine: u16,
    /// Where the program begins, as an address in memory.
    pub entry: u64,
    /// Whether it runs without any library.
    pub is_static: bool,
    /// Whether the table of symbols was taken away.
    pub is_stripped: bool,
    /// The loader that it asks for.
    pub interpreter: Option<String>,
    /// Libraries that it asks for, at most 256.
    pub needed: Vec<String>,
    /// The name by which a library is asked for.
    pub soname: Option<String>,
    /// Folders in which it looks for libraries before others.
    pub run_path: Option<String>,
    /// How many functions and variables it takes from elsewhere, and gives.
    pub imports: u32,
    /// How many functions and variables it gives to others.
    pub exports: u32,
    /// Those among the imports that attacks need, such as `ptrace`.
    pub imports_of_interest: Vec<String>,
    /// Those among the exports that stand in for functions of the system, such as `readdir`.
    pub exports_of_interest: Vec<String>,
    /// The linker's build identification, in hexadecimal.
    pub build_id: Option<String>,
    /// What Go wrote about itself.
    pub go: Option<GoFacts>,
    /// Whether the list of its Rust crates is in it, as `cargo auditable` writes it.
    pub has_rust_dependencies: bool,
    /// Compilers and linkers that say they made it, at most 16.
    pub compilers: Vec<String>,
    /// Its sections, at most 128.
    pub sections: Vec<Part>,
    /// Its segments, at most 128.
    pub segments: Vec<Part>,
    /// What a kernel module says of itself.
    pub module: Option<ModuleFacts>,
    /// Bytes behind the last of its parts.
    pub overlay: u64,
}

/// A section or a segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its name; for segments that of their type.
    pub name: String,
    /// Where it lies, in bytes from the start of the file.
    pub offset: u64,
    /// Bytes in the file.
    pub size: u64,
    /// Where it is loaded.
    pub address: u64,
    /// Bytes in memory.
    pub memory: u64,
    /// Whether it is read, written, executed.
    pub access: Access,
    /// Bits of information for each byte, 0 to 8; of parts above 64 KiB by four samples of 16 KiB. `None` for parts below
    /// 256 bytes and those that could not be read.
    pub entropy: Option<f64>,
}

/// What may be done with a part in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Access {
    /// Whether it is loaded, and so can be read.
    pub read: bool,
    /// Whether it can be written.
    pub write: bool,
    /// Whether it can be executed.
    pub execute: bool,
}

/// What Go wrote about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GoFacts {
    /// The build identification of `.note.go.buildid`.
    pub build_id: Option<String>,
    /// The version of the compiler.
    pub version: Option<String>,
    /// The path of the main package.
    pub path: Option<String>,
    /// The main module with its version.
    pub module: Option<String>,
}

/// What a kernel module says of itself in `.modinfo`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModuleFacts {
    /// Its name.
    pub name: Option<String>,
    /// Its author.
    pub author: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its licence.
    pub licence: Option<String>,
    /// The kernel that it was built for.
    pub vermagic: Option<String>,
    /// Whether a signature stands at its end. Whether it is right is not checked.
    pub is_signed: bool,
}

impl ElfFacts {
    /// The name of the processor, where it is one of the usual.
    #[must_use]
    pub const fn machine_name(&self) -> Option<&'static str> {
        Some(match self.machine {
            2 => "SPARC",
            3 => "x86",
            4 => "m68k",
            8 => "MIPS",
            20 => "PowerPC",
            21 => "PowerPC64",
            22 => "S/390",
            40 => "ARM",
            42 => "SuperH",
            43 => "SPARC V9",
            62 => "x86-64",
            93 => "ARC",
            183 => "AArch64",
            243 => "RISC-V",
            247 => "BPF",
            258 => "LoongArch",
            _ => return None,
        })
    }
}

/// Reads what a file is made of, and puts signs for what is odd.
pub(crate) fn facts(source: &dyn ReadAt, signs: &mut Vec<Sign>) -> ElfFacts {
    let mut damage = checks::Damage::default();
    let mut facts = ElfFacts::default();
    if let Some(tables) = Tables::read(source, &mut damage) {
        tables.describe(&mut facts);
        dynamic::describe(&tables, &mut facts, &mut damage);
        notes::describe(&tables, &mut facts);
        checks::check(&tables, &facts, &mut damage, signs);
    }
    damage.into_signs(signs);
    facts
}
