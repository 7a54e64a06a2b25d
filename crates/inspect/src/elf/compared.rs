//! Facts beside those that readelf of binutils tells, over programs of this machine and some made for it.

use super::ElfFacts;
use crate::testing::{facts, rules};
use kanshiki_testkit::{Need, need, run, tempdir, write_file};
use std::path::{Path, PathBuf};
use std::process::Command;

fn elf(path: &Path) -> Option<ElfFacts> {
    let bytes = std::fs::read(path).ok().filter(|bytes| bytes.starts_with(b"\x7fELF"))?;
    facts("/opt/x", &bytes).elf
}

/// Up to `count` programs and libraries of a folder, spread over it.
fn programs(folder: &str, count: usize) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.path()).collect();
    all.retain(|path| std::fs::symlink_metadata(path).is_ok_and(|it| it.is_file() && it.len() < 8 << 20));
    all.retain(|path| {
        std::fs::File::open(path).is_ok_and(|file| {
            let mut magic = [0; 4];
            std::io::Read::read(&mut { file }, &mut magic).is_ok() && &magic == b"\x7fELF"
        })
    });
    all.sort();
    let step = all.len().div_ceil(count).max(1);
    all.into_iter().step_by(step).collect()
}

/// What readelf says, in the words of [`ours`].
fn theirs(path: &Path) -> Vec<String> {
    let said = run(Command::new("readelf")
        .env("LC_ALL", "C")
        .args(["-W", "-h", "-l", "-S", "-d", "-n", "--dyn-syms"])
        .arg(path))
    .exits(0)
    .stdout;
    let mut facts = Vec::new();
    let (mut imports, mut is_symtab) = (0_u32, false);
    let field = |line: &str, name: &str| line.trim().strip_prefix(name).map(|rest| rest.trim().to_owned());
    let in_brackets =
        |line: &str| line.split_once('[').and_then(|(_, rest)| rest.rsplit_once(']')).map(|(it, _)| it.to_owned());
    for line in said.lines() {
        if let Some(class) = field(line, "Class:") {
            facts.push(format!("class {class}"));
        } else if let Some(entry) = field(line, "Entry point address:") {
            facts.push(format!("entry {entry}"));
        } else if let Some(count) = field(line, "Number of program headers:") {
            facts.push(format!("segments {count}"));
        } else if let Some(id) = line.split_once("Build ID: ").map(|(_, id)| id.trim()) {
            facts.push(format!("build id {id}"));
        } else if line.contains("Requesting program interpreter:") {
            let name =
                line.split_once("interpreter: ").and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or_default();
            facts.push(format!("interpreter {name}"));
        } else if line.contains("(NEEDED)") {
            facts.push(format!("needed {}", in_brackets(line).unwrap_or_default()));
        } else if line.contains("(SONAME)") {
            facts.push(format!("soname {}", in_brackets(line).unwrap_or_default()));
        } else if line.contains("(RUNPATH)") || line.contains("(RPATH)") {
            facts.push(format!("run path {}", in_brackets(line).unwrap_or_default()));
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.len() >= 7 && words[0].ends_with(':') && words[6] == "UND" && words[0] != "0:" {
            imports += 1;
        }
        let section = line.trim_start().strip_prefix('[').and_then(|it| it.split_once("] "));
        if let Some((_, rest)) = section.filter(|(number, _)| number.trim().parse::<u32>().is_ok_and(|it| it > 0)) {
            let words: Vec<&str> = rest.split_whitespace().collect();
            is_symtab |= words.get(1) == Some(&"SYMTAB");
            if let [name, _, address, offset, ..] = words.as_slice() {
                let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
                facts.push(format!("section {name} {:#x} {:#x}", number(address), number(offset)));
            }
        }
    }
    facts.push(format!("imports {imports}"));
    facts.push(format!("stripped {}", !is_symtab));
    facts.sort();
    facts.dedup();
    facts
}

fn ours(elf: &ElfFacts) -> Vec<String> {
    let one = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let mut facts = vec![
        format!("class ELF{}", elf.bits),
        format!("entry {:#x}", elf.entry),
        format!("segments {}", elf.segments.len()),
        format!("imports {}", elf.imports),
        format!("stripped {}", elf.is_stripped),
    ];
    facts.extend(elf.needed.iter().map(|it| format!("needed {it}")));
    facts.extend(one("build id", &elf.build_id));
    facts.extend(one("interpreter", &elf.interpreter));
    facts.extend(one("soname", &elf.soname));
    facts.extend(one("run path", &elf.run_path));
    facts.extend(elf.sections.iter().map(|it| format!("section {} {:#x} {:#x}", it.name, it.address, it.offset)));
    facts.sort();
    facts.dedup();
    facts
}

#[test]
fn facts_of_the_programs_of_this_machine_are_those_of_readelf() {
    if !need(&[Need::Tool("readelf")]) {
        return;
    }
    let mut compared = 0;
    for (folder, count) in [
        ("/usr/bin", 60),
        ("/usr/sbin", 20),
        ("/usr/lib/x86_64-linux-gnu", 60),
        ("/usr/lib/gcc/x86_64-linux-gnu/12", 20),
    ] {
        for path in programs(folder, count) {
            let Some(elf) = elf(&path) else { continue };
            assert_eq!(ours(&elf), theirs(&path), "{}", path.display());
            compared += 1;
        }
    }
    assert!(compared >= 20, "only {compared} programs were there to compare with");
}

/// Compiles a text in C.
fn compile(folder: &Path, name: &str, text: &str, options: &[&str]) -> Vec<u8> {
    let (source, program) = (folder.join(format!("{name}.c")), folder.join(name));
    write_file(&source, text);
    let _ = run(Command::new("gcc").args(options).arg("-o").arg(&program).arg(&source)).exits(0);
    std::fs::read(program).unwrap()
}

const HELLO: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

#[test]
fn programs_that_are_made_oddly_are_told_and_plain_ones_are_not() {
    if !need(&[Need::Tool("gcc")]) {
        return;
    }
    let folder = tempdir();
    let made = |name: &str, options: &[&str]| facts("/opt/x", &compile(folder.path(), name, HELLO, options));
    let plain = made("plain", &[]);
    assert_eq!(rules(&plain), Vec::<&str>::new());
    let plain = plain.elf.unwrap();
    assert!(!plain.is_static && !plain.is_stripped && plain.compilers[0].starts_with("GCC: "), "{:?}", plain.compilers);

    let fixed = made("static", &["-static", "-s"]);
    assert_eq!(rules(&fixed), Vec::<&str>::new());
    let fixed = fixed.elf.unwrap();
    assert!(fixed.is_static && fixed.is_stripped && fixed.interpreter.is_none());
    assert_eq!(rules(&made("pie", &["-static-pie"])), Vec::<&str>::new());

    assert_eq!(rules(&made("stack", &["-z", "execstack"])), ["program.executable-stack"]);
    let alone = "void _start(void) { for (;;); }\n";
    let writable = compile(folder.path(), "writable", alone, &["-nostdlib", "-static", "-Wl,-N"]);
    assert_eq!(rules(&facts("/opt/x", &writable)), ["program.entry-elsewhere", "program.writable-code"]);
    assert_eq!(rules(&made("entry", &["-static", "-Wl,-e,stdout"])), ["program.entry-elsewhere"]);

    let mut bytes = compile(folder.path(), "cut", HELLO, &["-s"]);
    // Without its table of sections, as packers and tools of attackers leave it: `e_shoff`, `e_shnum` and `e_shstrndx`.
    let mut bare = bytes.clone();
    bare[40..48].fill(0);
    bare[60..64].fill(0);
    assert_eq!(rules(&facts("/opt/x", &bare)), ["program.without-sections"]);
    bytes.truncate(bytes.len() / 2);
    let cut = facts("/opt/x", &bytes);
    assert_eq!(rules(&cut), ["program.damaged"]);
    assert!(cut.signs.iter().any(|sign| sign.what.starts_with("table of sections at byte ")), "{:?}", cut.signs);
}

#[test]
fn a_library_that_hides_names_is_told_from_one_that_only_lists_them() {
    if !need(&[Need::Tool("gcc")]) {
        return;
    }
    let folder = tempdir();
    let hook = "#define _GNU_SOURCE\n#include <dirent.h>\n#include <dlfcn.h>\n\
        struct dirent *readdir(DIR *d) { struct dirent *(*real)(DIR *) = dlsym(RTLD_NEXT, \"readdir\"); return real(d); }\n";
    let list = "#include <dirent.h>\nstruct dirent *next(DIR *d) { return readdir(d); }\n";
    let library =
        |name: &str, text: &str| facts("/opt/x.so", &compile(folder.path(), name, text, &["-shared", "-fPIC"]));
    let hooked = library("hook.so", hook);
    assert_eq!(rules(&hooked), ["program.hooks"]);
    assert_eq!(hooked.signs[0].what, "readdir");
    assert_eq!(rules(&library("list.so", list)), Vec::<&str>::new());
}
