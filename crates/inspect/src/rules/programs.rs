//! How programs are made: packed, cut, patched, or built to stand between others and the system.

use super::{ContentRule, Of, rule};
use kanshiki_model::{Confidence, Question, Severity};

pub(crate) const RULES: &[&ContentRule] = &[
    &PACKED,
    &NO_SECTIONS,
    &WRITABLE_CODE,
    &EXECUTABLE_STACK,
    &ENTRY_ELSEWHERE,
    &DAMAGED,
    &HOOKS,
    &KERNEL_MODULE,
    &CORE_DUMP,
];

const NEXT: &str = "Look who brought it and when, compare its digest with known files, and what starts or loads it.";

const fn program(of: Of) -> ContentRule {
    rule(Question::Ran, NEXT, of)
}

pub(crate) static PACKED: ContentRule = program(Of {
    id: "program.packed",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1027.002",
    title: "A packed program",
    explanation: "Its code is compressed or encrypted and comes to light in memory alone. Few programs of distributions are packed.",
    triggers: &[],
});

pub(crate) static NO_SECTIONS: ContentRule = program(Of {
    id: "program.without-sections",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1027.008",
    title: "A program without a table of sections",
    explanation: "Linkers write one; it is taken away to make analysis harder, or was never there in code made by a tool of attackers.",
    triggers: &[],
});

pub(crate) static WRITABLE_CODE: ContentRule = program(Of {
    id: "program.writable-code",
    weight: (Severity::Low, Confidence::Medium),
    technique: "T1027.002",
    title: "A program whose code can be written while it runs",
    explanation: "A segment is both writable and executable: packers and implants need that, compilers do not make it.",
    triggers: &[],
});

pub(crate) static EXECUTABLE_STACK: ContentRule = program(Of {
    id: "program.executable-stack",
    weight: (Severity::Info, Confidence::High),
    technique: "",
    title: "A program that asks for an executable stack",
    explanation: "Overflows of buffers are easier to use in it. Some old code in assembler asks for it by mistake.",
    triggers: &[],
});

pub(crate) static ENTRY_ELSEWHERE: ContentRule = program(Of {
    id: "program.entry-elsewhere",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1554",
    title: "A program that begins outside its code",
    explanation: "The entry point lies outside the sections of code, or in a segment that can be written: so do files that a virus \
        was added to, and packed ones.",
    triggers: &[],
});

pub(crate) static DAMAGED: ContentRule = program(Of {
    id: "program.damaged",
    weight: (Severity::Low, Confidence::Medium),
    technique: "T1027",
    title: "A program whose tables contradict the file",
    explanation: "It was cut short, or its tables were changed so that analysis fails while the kernel still runs it.",
    triggers: &[],
});

pub(crate) static HOOKS: ContentRule = rule(
    Question::Hidden,
    "Look whether /etc/ld.so.preload, a unit or a profile names it, and when it was written.",
    Of {
        id: "program.hooks",
        weight: (Severity::High, Confidence::Medium),
        technique: "T1574.006",
        title: "A library that stands between programs and the system",
        explanation: "It brings its own versions of functions that list files, read accounts or check passwords, and looks up the \
            real ones: so it can hide files and processes or take passwords from every program that loads it.",
        triggers: &[],
    },
);

pub(crate) static KERNEL_MODULE: ContentRule = rule(
    Question::Persists,
    "Look what loads it (modules-load.d, modprobe.d, units), and compare its vermagic with the kernels there are.",
    Of {
        id: "program.kernel-module",
        weight: (Severity::Low, Confidence::Medium),
        technique: "T1547.006",
        title: "A module for the kernel",
        explanation: "It runs with all rights. Drivers that are built on the machine look the same.",
        triggers: &[],
    },
);

pub(crate) static CORE_DUMP: ContentRule = rule(
    Question::ReadOut,
    "Look which program it is of: its memory may hold keys, passwords and requests.",
    Of {
        id: "program.core-dump",
        weight: (Severity::Low, Confidence::High),
        technique: "T1003",
        title: "The memory of a process, written out",
        explanation: "A program crashed, or somebody wrote its memory out to read secrets from it.",
        triggers: &[],
    },
);
