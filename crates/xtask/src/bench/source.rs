//! A disk image with what disks hold: text, programs, data that does not compress, and zeroes.

use anyhow::{Context as _, Result};
use kanshiki_testkit::noise;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

const PIECE: usize = 1 << 20;

/// Shares in hundredths, in the order of [`Kind`]: those of a server's disk that is half full.
const SHARES: [(Kind, u64); 4] = [(Kind::Zero, 45), (Kind::Noise, 13), (Kind::Text, 20), (Kind::Programs, 22)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Zero,
    Noise,
    Text,
    Programs,
}

/// Writes the image, the same for the same programs in `/usr/bin`, and says what it holds.
///
/// The zeroes are written, not left as holes: a disk has none, and no tool shall gain by them.
pub(crate) fn make(path: &Path, bytes: u64) -> Result<String> {
    let mut programs = Programs::new();
    let mut random = Random(0x6b61_6e73_6869_6b69);
    let file = File::create_new(path).with_context(|| format!("cannot make {}", path.display()))?;
    let mut file = BufWriter::with_capacity(PIECE, file);
    let mut counts = [0_u64; 4];
    let (mut left, mut run, mut kind) = (bytes, 0, Kind::Zero);
    while left > 0 {
        if run == 0 {
            kind = random.kind();
            run = 1 + random.below(24);
        }
        run -= 1;
        let piece = match kind {
            Kind::Zero => vec![0; PIECE],
            Kind::Noise => noise(random.next(), PIECE),
            Kind::Text => text(&mut random),
            Kind::Programs => programs.piece(&mut random),
        };
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
        file.write_all(piece.get(..take).unwrap_or_default())
            .with_context(|| format!("cannot write {}", path.display()))?;
        if let Some(count) = SHARES.iter().position(|(share, _)| *share == kind).and_then(|at| counts.get_mut(at)) {
            *count += 1;
        }
        left -= take as u64;
    }
    file.flush().with_context(|| format!("cannot write {}", path.display()))?;
    let total = counts.iter().sum::<u64>().max(1);
    let share = |count: u64| count * 100 / total;
    let [zero, noise, text, programs] = counts.map(share);
    Ok(format!(
        "The source: {bytes} bytes, in runs of 1 to 24 MiB {zero} % zeroes (written, no holes), {noise} % data that does not \
         compress, {text} % log lines, {programs} % programs of /usr/bin."
    ))
}

fn text(random: &mut Random) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "session opened for user",
        "session closed for user",
        "Failed password for",
        "Accepted publickey for",
        "GET /book.php",
        "connection reset by peer",
        "started",
        "stopped",
        "queue empty",
        "retrying in",
        "cache miss",
        "upstream timed out",
    ];
    let mut text = Vec::with_capacity(PIECE + 256);
    let mut second = random.below(80_000_000);
    while text.len() < PIECE {
        second += random.below(4);
        let word = WORDS.get(random.below(12) as usize).copied().unwrap_or_default();
        let (pid, host, port) = (random.below(30_000), random.below(250), random.below(60_000));
        let line = format!(
            "{} quay1 daemon[{pid}]: {word} 198.51.100.{host} port {port} id {:x}\n",
            1_700_000_000 + second,
            random.next()
        );
        text.extend_from_slice(line.as_bytes());
    }
    text
}

/// The programs of the machine, in the order of their names, without end.
struct Programs {
    files: Vec<PathBuf>,
    next: usize,
    rest: Vec<u8>,
}

impl Programs {
    fn new() -> Self {
        let entries = std::fs::read_dir("/usr/bin").into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| path.is_file() && !path.is_symlink()).collect();
        files.sort();
        Self { files, next: 0, rest: Vec::new() }
    }

    fn piece(&mut self, random: &mut Random) -> Vec<u8> {
        let mut tries = 0;
        while self.rest.len() < PIECE {
            match self.files.get(self.next).map(std::fs::read) {
                Some(Ok(bytes)) => self.rest.extend_from_slice(&bytes),
                _ => tries += 1,
            }
            self.next = if self.next + 1 < self.files.len() { self.next + 1 } else { 0 };
            if tries > 100 {
                return text(random);
            }
        }
        let rest = self.rest.split_off(PIECE);
        std::mem::replace(&mut self.rest, rest)
    }
}

/// xorshift64*.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 32) % end
    }

    fn kind(&mut self) -> Kind {
        let mut point = self.below(100);
        for (kind, share) in SHARES {
            if point < share {
                return kind;
            }
            point -= share;
        }
        Kind::Zero
    }
}
