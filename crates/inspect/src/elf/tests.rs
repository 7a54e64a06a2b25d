//! Programs made by hand, byte by byte, and those of this machine.

/// A segment: type, flags, offset, address, bytes.
type Segment = (u32, u32, u64, u64, u64);

/// A program for x86-64 with these segments, its entry there, and `body` at byte 4096.
fn program(entry: u64, segments: &[Segment], section_table: Option<(u64, u16)>, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let (offset, count) = section_table.unwrap_or((0, 0));
    bytes.extend([2_u16, 62].iter().flat_map(|it| it.to_le_bytes()));
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend([entry, 64, offset].iter().flat_map(|it| it.to_le_bytes()));
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend([64, 56, segments.len() as u16, 64, count, 0].iter().flat_map(|it| it.to_le_bytes()));
    for (kind, flags, offset, address, size) in segments {
        bytes.extend([*kind, *flags].iter().flat_map(|it| it.to_le_bytes()));
        bytes.extend([*offset, *address, *address, *size, *size, 4096].iter().flat_map(|it| it.to_le_bytes()));
    }
    bytes.resize(4096, 0);
    bytes.extend(body);
    bytes
}

const LOAD: u32 = 1;
const STACK: u32 = 0x6474_e551;

fn random(bytes: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..bytes).map(next).collect()
}

/// Pairs for the table of rules: a rule, a program that it speaks of, and its twin.
pub(crate) fn pairs() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let code = |flags: u32| (LOAD, flags, 4096, 0x40_1000, 8192);
    let section = Some((4096, 1));
    let plain = program(0x40_1000, &[code(5)], section, &[0; 8192]);
    let core = |kind: u8| {
        let mut bytes = plain.clone();
        bytes[16] = kind;
        bytes
    };
    vec![
        (
            "program.packed",
            program(0x40_1000, &[code(5)], None, &random(8192)),
            program(0x40_1000, &[code(5)], None, &[0; 8192]),
        ),
        ("program.without-sections", program(0x40_1000, &[code(5)], None, &[0; 8192]), plain.clone()),
        ("program.writable-code", program(0x40_1000, &[code(7)], section, &[0; 8192]), plain.clone()),
        (
            "program.executable-stack",
            program(0x40_1000, &[code(5), (STACK, 7, 0, 0, 0)], section, &[0; 8192]),
            program(0x40_1000, &[code(5), (STACK, 6, 0, 0, 0)], section, &[0; 8192]),
        ),
        ("program.entry-elsewhere", program(0x50_0000, &[code(5)], section, &[0; 8192]), plain.clone()),
        ("program.damaged", program(0x40_1000, &[code(5)], Some((4096, 900)), &[0; 8192]), plain.clone()),
        ("program.core-dump", core(4), plain.clone()),
        ("program.hooks", hooks(b"readdir\0dlsym\0"), hooks(b"readfoo\0dlsym\0")),
        ("program.kernel-module", module(b".modinfo"), module(b".comment")),
    ]
}

/// A library that gives the first and takes the second of two names.
fn hooks(names: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (tag, value) in [(5_u64, 0x1100_u64), (6, 0x1200), (10, 64), (11, 24), (0, 0)] {
        body.extend([tag, value].iter().flat_map(|it| it.to_le_bytes()));
    }
    body.resize(0x100, 0);
    body.push(0);
    body.extend(names);
    body.resize(0x200, 0);
    let second = 1 + names.iter().position(|it| *it == 0).unwrap() as u32 + 1;
    for (name, info, section) in [(0_u32, 0_u8, 0_u16), (1, 0x12, 1), (second, 0x12, 0)] {
        body.extend(name.to_le_bytes());
        body.extend([info, 0]);
        body.extend(section.to_le_bytes());
        body.extend([0; 16]);
    }
    body.resize(8192, 0);
    let mut bytes = program(0, &[(LOAD, 5, 4096, 0x1000, 8192), (2, 6, 4096, 0x1000, 80)], None, &body);
    bytes[16] = 3;
    // The symbols begin behind the texts, so that their number is told by a section alone or by the end of the segment.
    bytes
}

/// An object with one section of this name.
fn module(name: &[u8]) -> Vec<u8> {
    let mut body = b"\0name=example\0author=Nobody\0vermagic=6.1.0 SMP\0".to_vec();
    body.resize(0x100, 0);
    body.extend([b"\0", name, b"\0"].concat());
    body.resize(0x200, 0);
    let section = |name: u32, kind: u32, offset: u64, size: u64| {
        let mut bytes = [name, kind].iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
        bytes.extend([0, 0, offset, size].iter().flat_map(|it: &u64| it.to_le_bytes()));
        bytes.extend([0; 24]);
        bytes
    };
    body.extend(section(0, 0, 0, 0));
    body.extend(section(1, 1, 4096, 0x100));
    body.extend(section(0, 3, 4096 + 0x100, 0x100));
    let mut bytes = program(0, &[], Some((4096 + 0x200, 3)), &body);
    bytes[16] = 1;
    bytes[62] = 2;
    bytes
}
