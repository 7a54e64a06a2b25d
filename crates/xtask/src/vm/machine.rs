//! A virtual machine and its serial line.

use super::disks::{Attached, Source};
use anyhow::{Context as _, Result, bail, ensure};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What the shell of the rescue system writes when it waits for a command.
const PROMPT: &str = "rescue# ";

/// How a machine starts.
#[derive(Debug)]
pub(super) enum Start {
    /// By BIOS, from a CD.
    BiosCd(PathBuf),
    /// By UEFI, from a USB stick; with the folder for the firmware's variables.
    UefiStick(PathBuf, PathBuf),
    /// A kernel and an archive at once, without a medium.
    Kernel(PathBuf, PathBuf),
}

/// Where Debian's ovmf has the firmware, and the variables that it begins with.
const FIRMWARE: [&str; 2] = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"];

/// A machine that runs. It ends with the value.
#[derive(Debug)]
pub(super) struct Machine {
    child: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    /// Everything that came over the serial line.
    said: String,
    /// Up to where it was looked at.
    seen: usize,
    ends: Instant,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Machine {
    /// Starts a machine that may run for so long.
    pub(super) fn start(start: &Start, sources: &[Source], destination: &Path, limit: Duration) -> Result<Self> {
        let mut command = Command::new("qemu-system-x86_64");
        command.args(["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "1024", "-smp", "2"]);
        command.args(["-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none", "-no-reboot"]);
        command.args(["-device", "qemu-xhci"]);
        medium(&mut command, start)?;
        for source in sources {
            drive(&mut command, source.name, &source.path, "");
            match source.attached {
                Attached::Ahci => device(
                    &mut command,
                    &format!(
                        "ide-hd,drive={},bus=ide.0,serial={},model={},wwn=0x{}",
                        source.name, source.serial, source.model, source.wwn
                    ),
                ),
                Attached::Nvme => {
                    device(&mut command, &format!("nvme,id=controller,serial={}", source.serial));
                    device(
                        &mut command,
                        &format!("nvme-ns,drive={},bus=controller,eui64=0x{}", source.name, source.wwn),
                    );
                }
                Attached::Virtio => {
                    device(&mut command, &format!("virtio-blk-pci,drive={},serial={}", source.name, source.serial));
                }
                Attached::Usb => {
                    device(&mut command, &format!("usb-storage,drive={},serial={}", source.name, source.serial));
                }
            }
        }
        drive(&mut command, "destination", destination, "");
        device(&mut command, &format!("virtio-blk-pci,drive=destination,serial={}", super::disks::DESTINATION));
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().context("cannot run qemu-system-x86_64 (package qemu-system-x86)")?;
        let input = child.stdin.take().context("no way to speak to the machine")?;
        let mut line = child.stdout.take().context("no way to hear the machine")?;
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = line.read(&mut buffer) {
                if sender.send(buffer.get(..count).unwrap_or_default().to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, output, said: String::new(), seen: 0, ends: Instant::now() + limit })
    }

    /// Waits for the first prompt.
    pub(super) fn prompt(&mut self) -> Result<()> {
        self.wait_for(PROMPT).map(|_| ())
    }

    /// Runs a command, and gives its exit code and what it wrote.
    pub(super) fn run(&mut self, command: &str) -> Result<(i32, String)> {
        // The two halves of the mark are put together by the shell: its echo of the command is no answer.
        writeln!(self.input, "{command}; echo \"@@\"\"END $?@@\"").context("cannot speak to the machine")?;
        self.input.flush()?;
        let said = self.wait_for("@@END ")?;
        let code = self.wait_for("@@")?;
        let code = code.trim_end_matches("@@").trim();
        let code = code.parse().with_context(|| format!("`{command}` ended with `{code}`"))?;
        Ok((code, said))
    }

    /// Runs a command that must end so.
    pub(super) fn exits(&mut self, code: i32, command: &str) -> Result<String> {
        let (ended, said) = self.run(command)?;
        ensure!(ended == code, "`{command}` ended with {ended}, expected {code}; it wrote:\n{said}");
        Ok(said)
    }

    /// Has the machine power off, and waits until it has.
    pub(super) fn off(mut self) -> Result<()> {
        writeln!(self.input, "rescue-off").context("cannot speak to the machine")?;
        self.input.flush()?;
        while Instant::now() < self.ends {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "QEMU ended with {status}");
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("the machine does not power off; it said last:\n{}", self.last())
    }

    /// What comes until this text, with the text.
    fn wait_for(&mut self, text: &str) -> Result<String> {
        loop {
            let new = self.said.get(self.seen..).unwrap_or_default();
            if let Some(at) = new.find(text) {
                let end = at.saturating_add(text.len());
                let found = new.get(..end).unwrap_or_default().to_owned();
                self.seen = self.seen.saturating_add(end);
                return Ok(found);
            }
            match self.output.recv_timeout(self.ends.saturating_duration_since(Instant::now())) {
                Ok(bytes) => {
                    self.said.extend(bytes.iter().filter(|byte| byte.is_ascii()).map(|byte| char::from(*byte)))
                }
                Err(RecvTimeoutError::Timeout) => bail!("waited too long for `{text}`; last came:\n{}", self.last()),
                Err(RecvTimeoutError::Disconnected) => bail!("the machine ended; last came:\n{}", self.last()),
            }
        }
    }

    fn last(&self) -> &str {
        self.said.get(self.said.len().saturating_sub(3000)..).unwrap_or_default()
    }
}

fn medium(command: &mut Command, start: &Start) -> Result<()> {
    match start {
        Start::BiosCd(iso) => {
            drive(command, "medium", iso, ",media=cdrom,readonly=on");
            device(command, "ide-cd,drive=medium,bus=ide.2,bootindex=0");
        }
        Start::UefiStick(iso, folder) => {
            let variables = folder.join("variables.fd");
            std::fs::copy(FIRMWARE[1], &variables).context("cannot copy the firmware's variables (package ovmf)")?;
            let flash = |unit: u8, file: &Path, more: &str| {
                format!("if=pflash,unit={unit},format=raw,file={}{more}", file.display())
            };
            command.arg("-drive").arg(flash(0, Path::new(FIRMWARE[0]), ",readonly=on"));
            command.arg("-drive").arg(flash(1, &variables, ""));
            drive(command, "medium", iso, ",readonly=on");
            device(command, "usb-storage,drive=medium,serial=STICK,bootindex=0");
        }
        Start::Kernel(kernel, archive) => {
            command.arg("-kernel").arg(kernel).arg("-initrd").arg(archive);
            command.args(["-append", "console=tty0 console=ttyS0,115200 kanshiki.rescue noresume loglevel=3"]);
        }
    }
    Ok(())
}

fn drive(command: &mut Command, id: &str, file: &Path, more: &str) {
    command.arg("-drive").arg(format!("if=none,id={id},format=raw,file={}{more}", file.display()));
}

fn device(command: &mut Command, words: &str) {
    command.args(["-device", words]);
}
