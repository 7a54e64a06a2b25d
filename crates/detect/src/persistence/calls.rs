//! Which commands a script of another language than a shell's hands to the system.

/// Calls that run what stands in the text behind them.
const CALLS: &[&str] = &[
    "system",
    "popen",
    "Popen",
    "run",
    "call",
    "check_call",
    "check_output",
    "exec",
    "execl",
    "execv",
    "execlp",
    "execvp",
    "execve",
    "shell_exec",
    "passthru",
    "proc_open",
    "spawn",
    "execSync",
    "spawnSync",
];

/// Commands that are told.
const MANY: usize = 1000;

/// The texts that are handed to calls which run them, in order.
pub(super) fn commands(script: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    for call in CALLS {
        for at in memchr::memmem::find_iter(script, call) {
            let behind = script.get(at.saturating_add(call.len())..).unwrap_or_default();
            if found.len() < MANY
                && !is_in_word(script, at)
                && let Some(text) = first_text(behind)
            {
                found.push((at, text));
            }
        }
    }
    found.sort_unstable_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, text)| text).collect()
}

fn is_in_word(script: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| script.get(at));
    before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// The text that stands first within the brackets of a call, or behind its name.
fn first_text(behind: &[u8]) -> Option<&[u8]> {
    let open = behind.iter().position(|byte| !b" ([".contains(byte))?;
    let (quote, inside) = behind.get(open..)?.split_first()?;
    let is_call = open > 0 && matches!(quote, b'"' | b'\'' | b'`');
    let end = memchr::memchr2(*quote, b'\n', inside)?;
    is_call.then(|| inside.get(..end)).flatten()
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn what_is_handed_to_the_system_is_told_and_other_texts_are_not() {
        let script =
            b"import os\nos.system('/tmp/x')\nsubprocess.run([\"/tmp/y\", '-v'])\nopen('/tmp/z')\nmy_system('/a')\n";
        assert_eq!(commands(script), [b"/tmp/x", b"/tmp/y"]);
        assert_eq!(commands(b"system \"/tmp/x\";\nsystem($x);\n"), [b"/tmp/x"]);
    }
}
