//! The image: the same files, names, sizes and contents for the same number of files.

use anyhow::{Context as _, Result, ensure};
use kanshiki_testkit::{ext_image, noise};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// How many directories there are of how many files, over and over. The shares are those of the /usr, /var and source trees
/// of a Debian 12 machine of 275,000 entries: a quarter of all names in directories of more than 3000, the largest of which
/// has 18,000 (manual pages), a fifth in directories of ten and fewer.
const DIRECTORIES: [(u64, u64); 9] =
    [(1, 18_000), (2, 6_000), (2, 3_500), (12, 1_600), (24, 625), (78, 200), (225, 60), (900, 20), (6_300, 5)];

/// Directories in one directory above them, and of those in one above again.
const IN_ABOVE: u64 = 30;

/// Bytes of the one large file.
pub(super) const LARGE_BYTES: usize = 512 << 20;

/// Makes the image through a kernel mount, and says what it holds.
pub(super) fn make(path: &Path, files: u64) -> Result<String> {
    let mebibytes = files.saturating_mul(12) / 1024 + 1024;
    let inodes = (files + files / 10 + 20_000).to_string();
    let mut result = Ok(0);
    ext_image(
        path,
        u32::try_from(mebibytes).context("too many files")?,
        &["-N", &inodes, "-E", "lazy_itable_init=0"],
        |top| {
            result = fill(top, files);
        },
    );
    let bytes = result?;
    ensure!(bytes > 0, "the image is empty");
    Ok(format!(
        "The image: ext4 of {mebibytes} MiB, filled by the kernel: {files} files of {bytes} bytes together, in directories of \
         5 to 18,000, as many of each size as a Debian system has; sizes from 0 to 256 KiB, a half of them below 2 KiB; one more file of {LARGE_BYTES} bytes."
    ))
}

fn fill(top: &Path, files: u64) -> Result<u64> {
    let pool = noise(1, 2 << 20);
    let mut state = 0x6b61_6e73_6869_u64;
    let mut bytes = 0;
    let mut sizes = DIRECTORIES.into_iter().flat_map(|(count, size)| (0..count).map(move |_| size)).cycle();
    let (mut folder, mut directory, mut left) = (top.to_path_buf(), 0, 0);
    for number in 0..files {
        if left == 0 {
            left = sizes.next().context("no sizes of directories")?;
            let above = directory / IN_ABOVE;
            folder = top.join(format!("area-{:02}/section-{above:04}/place-{directory:06}", above / IN_ABOVE));
            std::fs::create_dir_all(&folder).context("cannot make a directory of the image")?;
            directory += 1;
        }
        left -= 1;
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (kind, random) = ((state >> 33) % 100, (state >> 40) % (1 << 20));
        let size = match kind {
            0..40 => random % 1024,
            40..80 => 1024 + random % 7168,
            80..98 => 8192 + random % 24_576,
            _ => 65_536 + random % 196_608,
        };
        let start = usize::try_from(random).unwrap_or(0);
        let content = pool.get(start..start + usize::try_from(size)?).context("the pool is too small")?;
        write(&folder.join(format!("file-{number:07}.{}", kind % 7)), |file| file.write_all(content))?;
        bytes += size;
    }
    write(&top.join("large"), |file| {
        (0..LARGE_BYTES >> 20).try_for_each(|_| file.write_all(pool.get(..1 << 20).unwrap_or_default()))
    })?;
    Ok(bytes)
}

fn write(path: &Path, content: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<()> {
    File::create_new(path)
        .and_then(|mut file| content(&mut file))
        .with_context(|| format!("cannot write {}", path.display()))
}
