//! The health of a disk as `smartctl` tells it, where that program is there.

use super::BlockDevice;
use kanshiki_model::Fact;
use serde_json::Value;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the program may take: a disk that hangs must not hang us.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes of its answer that are read.
const LIMIT: u64 = 1 << 20;

/// What `smartctl` says of a disk: health and the facts around it. `null` with the reason where it says nothing.
pub(super) fn fact(disk: &BlockDevice) -> Fact {
    if disk.is_made() {
        return Fact::unknown("the kernel makes this device of others, which have no SMART data");
    }
    let mut command = Command::new("smartctl");
    command.args(["--info", "--health", "--json=c", "--nocheck=standby"]).arg(disk.node());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    match child {
        Ok(child) => match read_answer(child) {
            Ok(answer) => parse(&answer),
            Err(reason) => Fact::unknown(format!("smartctl: {reason}")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Fact::unknown("smartctl is not installed"),
        Err(error) => Fact::unknown(format!("smartctl: {error}")),
    }
}

/// The program's answer, if it ends in time.
fn read_answer(mut child: Child) -> Result<Vec<u8>, String> {
    let pipe = child.stdout.take().ok_or("no output")?;
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.take(LIMIT).read_to_end(&mut bytes).map(|_| bytes)
    });
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if reader.is_finished() {
            let _ = child.kill();
            let _ = child.wait();
            let read = reader.join().map_err(|_| "its answer could not be read".to_owned())?;
            return read.map_err(|error| error.to_string());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // Where the disk holds the program in the kernel, it ends when the disk lets go of it; we do not wait for that.
    let _ = child.kill();
    Err(format!("no answer within {} seconds", PATIENCE.as_secs()))
}

fn parse(answer: &[u8]) -> Fact {
    let source = "smartctl --info --health";
    match serde_json::from_slice::<Value>(answer) {
        Ok(value) => {
            let passed = value.pointer("/smart_status/passed").and_then(Value::as_bool);
            match passed {
                Some(passed) => Fact::probed(if passed { "passed" } else { "FAILING" }, source),
                None => Fact::unknown("the disk tells smartctl nothing of its health"),
            }
        }
        Err(_) => Fact::unknown("smartctl: its answer is no JSON"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_told_in_one_word_and_its_absence_with_a_reason() {
        assert_eq!(parse(br#"{"smart_status":{"passed":true}}"#).text().unwrap(), "passed");
        assert_eq!(parse(br#"{"smart_status":{"passed":false}}"#).text().unwrap(), "FAILING");
        assert_eq!(parse(br#"{"device":{}}"#).text(), None);
        assert_eq!(parse(b"\xff").text(), None);
    }
}
