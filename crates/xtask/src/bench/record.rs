//! On what a benchmark ran, and its place in BENCHMARKS.md.

use crate::command::{output, write as write_file};
use anyhow::{Context as _, Result};
use kanshiki_testkit::{tool_path, workspace_root};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// A section of BENCHMARKS.md that a task makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    heading: &'static str,
    begin: &'static str,
    end: &'static str,
}

/// The section of `cargo xtask bench acquire`.
pub(crate) const ACQUIRE: Section = Section {
    heading: "## Acquire and verify",
    begin: "<!-- acquire: made by `cargo xtask bench acquire` from here -->",
    end: "<!-- acquire: to here -->",
};

/// The section of `cargo xtask bench browse`.
pub(crate) const BROWSE: Section = Section {
    heading: "## Browse",
    begin: "<!-- browse: made by `cargo xtask bench browse` from here -->",
    end: "<!-- browse: to here -->",
};

/// The section of `cargo xtask bench examine`.
pub(crate) const EXAMINE: Section = Section {
    heading: "## Examine",
    begin: "<!-- examine: made by `cargo xtask bench examine` from here -->",
    end: "<!-- examine: to here -->",
};

/// The day, as 2024-03-05.
pub(crate) fn today() -> Result<String> {
    Ok(output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?.trim().to_owned())
}

/// The line about the machine.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("unknown", |it| it.1);
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let sha = if cpu.contains(" sha_ni") { "with" } else { "without" };
    let memory = read("/proc/meminfo");
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default().trim().to_owned();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("Machine: {model}, {cores} cores, {sha} SHA instructions, {memory}; Linux {}.", kernel.trim())
}

/// Machine, kernel, versions, date, and how it was made.
pub(crate) fn circumstances(program: &Path, bytes: u64, runs: usize) -> Result<String> {
    let mut text = format!(
        "Made on {} by `cargo xtask bench acquire --size {bytes} --runs {runs}`: each job once a round, {runs} rounds, source and \
         destination on a tmpfs, the source read once before each job, median (smallest-largest); `faster by` is the median of the rounds' ratios, by the clock. \
         kanshiki does not read its copy back unless the row says so, as the others do not. Peak memory is that of the largest \
         process.\n\n",
        today()?
    );
    let _ = writeln!(text, "{}", machine());
    let tools = [
        ("dd", "--version"),
        ("openssl", "version"),
        ("dc3dd", "--version"),
        ("dcfldd", "--version"),
        ("ddrescue", "--version"),
        ("ewfacquire", "-V"),
        ("zstd", "--version"),
    ];
    let _ = writeln!(text, "Versions: {}.", versions(program, &tools).join("; "));
    Ok(text)
}

/// The versions of kanshiki, of these tools with the option that tells it, and of the compiler.
pub(crate) fn versions(program: &Path, tools: &[(&str, &str)]) -> Vec<String> {
    let mut versions = vec![first_line(Command::new(program).arg("--version"))];
    versions
        .extend(tools.iter().filter_map(|(name, option)| Some(first_line(Command::new(tool_path(name)?).arg(option)))));
    versions.push(first_line(Command::new("rustc").arg("--version")));
    versions
}

/// The first line that is not empty, whichever stream it came on.
fn first_line(command: &mut Command) -> String {
    let Ok(output) = command.output() else { return "unknown".to_owned() };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unknown").to_owned()
}

/// Puts the section into BENCHMARKS.md, in the place of the last one.
pub(crate) fn write(place: Section, section: &str) -> Result<()> {
    let path = workspace_root().join("BENCHMARKS.md");
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    write_file(&path, replaced(place, &there, section)).context("the tables were printed, but not kept")
}

fn replaced(place: Section, there: &str, section: &str) -> String {
    let Section { heading, begin, end } = place;
    let section = format!("{begin}\n\n{}\n\n{end}", section.trim());
    let split = there.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    match split {
        Some((before, after)) => format!("{before}{section}{after}"),
        None if there.is_empty() => format!("# Benchmarks\n\n{heading}\n\n{section}\n"),
        None => format!("{}\n\n{heading}\n\n{section}\n", there.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_last_one_and_leaves_the_rest() {
        let first = replaced(ACQUIRE, "", "one");
        let text = replaced(ACQUIRE, &format!("{first}\n## Other\n"), "two");
        assert!(text.starts_with("# Benchmarks\n\n## Acquire and verify\n\n<!-- acquire"));
        let both = replaced(BROWSE, &text, "three");
        assert!(both.contains("two") && both.contains("\n\n## Browse\n\n<!-- browse") && both.contains("three"));
        assert!(text.contains("two") && !text.contains("one") && text.ends_with("\n## Other\n"));
    }
}
