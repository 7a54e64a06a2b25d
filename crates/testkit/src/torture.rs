//! Kills acquisitions at random points, resumes each to its end, and compares what came out with an undisturbed run.

use crate::{noise, run, sample_image, sha256sum, sha256sum_check};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The formats in turn, with their options.
const FORMATS: &[&[&str]] =
    &[&["--format", "raw"], &["--format", "split", "--split-size", "8M"], &["--format", "zstd"]];

/// An acquisition that was killed this often is left to end.
const KILLS_EACH: u64 = 12;

/// The exhibit's identifier.
const EXHIBIT: &str = "E1";

/// Kills acquisitions at random points until so many kills are done.
#[derive(Debug, Clone)]
pub struct Torture {
    /// The program.
    pub program: PathBuf,
    /// An empty folder to work in.
    pub folder: PathBuf,
    /// Of the source's content and of the points in time.
    pub seed: u64,
    /// How many times an acquisition is killed.
    pub kills: u64,
    /// Bytes of the source.
    pub bytes: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct TortureResult {
    /// How many times an acquisition was killed.
    pub kills: u64,
    /// How many acquisitions were taken to their end.
    pub acquisitions: u64,
    /// What was wrong, in plain words; empty if nothing was.
    pub wrong: Vec<String>,
}

impl fmt::Display for TortureResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for wrong in &self.wrong {
            writeln!(formatter, "{wrong}")?;
        }
        let Self { kills, acquisitions, wrong } = self;
        write!(formatter, "{kills} kills over {acquisitions} acquisitions, {} came out wrong", wrong.len())
    }
}

/// What an undisturbed run gave: how long it took, and its exhibit.
struct Reference {
    time: Duration,
    exhibit: BTreeMap<String, String>,
}

impl Torture {
    /// Does it, and reports every hundredth kill or so in a line. Ends early after ten acquisitions that came out wrong.
    pub fn run(&self, report: &mut dyn FnMut(&str)) -> TortureResult {
        let source = self.folder.join("source");
        sample_image(&source, self.bytes, self.seed);
        let references: Vec<Reference> = FORMATS.iter().map(|format| self.reference(&source, format)).collect();
        let mut random = Random { seed: self.seed, count: 0 };
        let mut result = TortureResult::default();
        let mut reported = 0;
        for (format, reference) in FORMATS.iter().zip(&references).cycle() {
            if result.kills >= self.kills || result.wrong.len() >= 10 {
                break;
            }
            if let Err(wrong) = self.one(&source, format, reference, &mut random, &mut result.kills) {
                let kept = self.folder.join(format!("wrong-{}", result.wrong.len()));
                let _ = std::fs::rename(self.case(), &kept);
                result.wrong.push(format!("{}: {wrong} (after {} kills)", format.join(" "), result.kills));
            }
            let _ = std::fs::remove_dir_all(self.case());
            result.acquisitions += 1;
            if result.kills / 100 > reported {
                reported = result.kills / 100;
                report(&result.to_string());
            }
        }
        result
    }

    fn case(&self) -> PathBuf {
        self.folder.join("case")
    }

    fn command(&self, source: &Path, format: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("acquire").arg(source).arg("--case").arg(self.case());
        command.args(["--exhibit", EXHIBIT, "--quiet"]).args(format);
        command
    }

    fn reference(&self, source: &Path, format: &[&str]) -> Reference {
        let begun = Instant::now();
        let _ = run(&mut self.command(source, format)).exits(0);
        let time = begun.elapsed();
        let exhibit = exhibit(&self.case());
        std::fs::remove_dir_all(self.case()).expect("the case of the undisturbed run");
        Reference { time, exhibit }
    }

    /// One acquisition, killed and resumed until it ends by itself.
    fn one(
        &self,
        source: &Path,
        format: &[&str],
        reference: &Reference,
        random: &mut Random,
        kills: &mut u64,
    ) -> Result<(), String> {
        let exhibits = self.case().join("exhibits");
        let before = *kills;
        loop {
            let mut command = self.command(source, format);
            if exhibits.join(format!("{EXHIBIT}.partial")).exists() || exhibits.join(EXHIBIT).exists() {
                command.arg("--resume");
            }
            let last = *kills >= self.kills || *kills - before >= KILLS_EACH;
            let delay = if last { Duration::MAX } else { reference.time.mul_f64(random.fraction() * 1.05) };
            match killed_after(&mut command, delay) {
                None => *kills += 1,
                Some((0, _)) => break,
                Some((code, said)) => return Err(format!("exit code {code}: {}", said.trim())),
            }
        }
        let found = exhibit(&self.case());
        if found != reference.exhibit {
            return Err(format!(
                "the exhibit differs from the undisturbed one: {}",
                difference(&reference.exhibit, &found)
            ));
        }
        // By independent tools: the files of the exhibit, and the chain of custody.
        let sums = sha256sum_check(&exhibits.join(EXHIBIT));
        if sums.code != 0 {
            return Err(format!("sha256sum -c exits with {}: {}{}", sums.code, sums.stdout, sums.stderr));
        }
        let chain = run(Command::new("sh").arg(self.case().join("verify.sh")));
        if chain.code == 0 { Ok(()) } else { Err(format!("verify.sh exits with {}: {}", chain.code, chain.stdout)) }
    }
}

/// Runs the command, and kills it after the delay; gives the exit code and standard error if it ended by itself.
fn killed_after(command: &mut Command, delay: Duration) -> Option<(i32, String)> {
    let begun = Instant::now();
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("kanshiki");
    while begun.elapsed() < delay {
        if child.try_wait().expect("the state of kanshiki").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_micros(300).min(delay.saturating_sub(begun.elapsed())));
    }
    let _ = child.kill();
    let output = child.wait_with_output().expect("the end of kanshiki");
    Some((output.status.code()?, String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Digests of the exhibit's files by name; of the manifest, what does not record the run itself. The files that repeat
/// the manifest's record of the run are left out.
fn exhibit(case: &Path) -> BTreeMap<String, String> {
    let folder = case.join("exhibits").join(EXHIBIT);
    let mut files = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(&folder) else { return files };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let content = match name.as_str() {
            "manifest.json" => lasting(&entry.path()),
            "manifest.txt" | "SHA256SUMS" => String::new(),
            _ => sha256sum(&entry.path()),
        };
        files.insert(name, content);
    }
    files
}

/// The manifest without what differs from run to run: the record of the run, and the command line with its `--resume`.
fn lasting(manifest: &Path) -> String {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("run");
    }
    if let Some(tool) = value.get_mut("tool").and_then(serde_json::Value::as_object_mut) {
        tool.retain(|name, _| !name.starts_with("command") && name != "resume");
    }
    value.to_string()
}

fn difference(expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> String {
    let names = expected.keys().chain(found.keys().filter(|name| !expected.contains_key(*name)));
    let differing = names.filter(|name| expected.get(*name) != found.get(*name));
    let shown = differing.map(|name| format!("{name}: expected {:?}, found {:?}", expected.get(name), found.get(name)));
    shown.collect::<Vec<_>>().join("; ")
}

struct Random {
    seed: u64,
    count: u64,
}

impl Random {
    /// The next number from 0 to 1.
    fn fraction(&mut self) -> f64 {
        self.count += 1;
        let bytes = noise(self.seed.wrapping_add(self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15)), 16);
        let high = bytes.get(8..12).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
        f64::from(high) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_killed_after_the_delay_and_left_alone_if_it_ends_before() {
        assert_eq!(killed_after(Command::new("sleep").arg("60"), Duration::from_millis(30)), None);
        assert_eq!(killed_after(&mut Command::new("false"), Duration::MAX), Some((1, String::new())));
    }

    #[test]
    fn points_in_time_are_spread_and_the_same_for_the_same_seed() {
        let mut random = Random { seed: 3, count: 0 };
        let points: Vec<f64> = (0..1000).map(|_| random.fraction()).collect();
        let early = points.iter().filter(|point| **point < 0.5).count();
        assert!((400..600).contains(&early), "{early}");
        let mut again = Random { seed: 3, count: 0 };
        assert_eq!(points, (0..1000).map(|_| again.fraction()).collect::<Vec<_>>());
    }
}
