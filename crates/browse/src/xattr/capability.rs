//! Capabilities of executable files.

use kanshiki_image::bytes::u32_le;

/// The names by their numbers (Linux 6.12, include/uapi/linux/capability.h).
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

const EFFECTIVE: u8 = 1;
const PERMITTED: u8 = 2;
const INHERITABLE: u8 = 4;

/// The capabilities as `getcap -n` writes them: `cap_net_raw=ep`, with `[rootid=…]` behind them where one is set.
pub(super) fn text(value: &[u8]) -> Option<String> {
    let magic = u32_le(value, 0)?;
    let (words, length) = match magic >> 24 {
        1 => (1, 12),
        2 => (2, 20),
        3 => (2, 24),
        _ => return None,
    };
    if value.len() != length {
        return None;
    }
    let word = |at: usize| u32_le(value, at).map(u64::from);
    let high = |at: usize| if words == 2 { word(at).map(|word| word << 32) } else { Some(0) };
    let permitted = word(4)? | high(12)?;
    let inheritable = word(8)? | high(16)?;
    // One flag makes all that are there effective (Linux 6.12, security/commoncap.c, `bprm_caps_from_vfs_caps`).
    let effective = if magic & 1 == 0 { 0 } else { permitted | inheritable };
    let sets = [(effective, EFFECTIVE), (permitted, PERMITTED), (inheritable, INHERITABLE)];
    let states: Vec<u8> = (0..64_u32)
        .map(|number| sets.iter().filter(move |(set, _)| set.checked_shr(number).is_some_and(|set| set & 1 == 1)))
        .map(|held| held.fold(0, |state, (_, bit)| state | bit))
        .collect();
    let mut text = in_words(&states);
    let root = if length == 24 { u32_le(value, 20)? } else { 0 };
    if root != 0 {
        text.push_str(&format!(" [rootid={root}]"));
    }
    Some(text)
}

/// The state that most capabilities are in, then the others with what they have more and less.
///
/// Source of the form: cap_from_text(3); libcap 2.66, `cap_to_text`.
fn in_words(states: &[u8]) -> String {
    let (named, unnamed) = states.split_at_checked(NAMES.len()).unwrap_or((states, &[]));
    let count = |state: u8| named.iter().filter(|other| **other == state).count();
    let usual = (0..8_u8).rev().max_by_key(|state| count(*state)).unwrap_or(0);
    let mut parts = Vec::new();
    if usual != 0 || count(0) == named.len() {
        parts.push(format!("={}", letters(usual)));
    }
    for state in (0..8_u8).rev().filter(|state| *state != usual && count(*state) > 0) {
        let held = NAMES.iter().zip(named).filter(|(_, other)| **other == state).map(|(name, _)| *name);
        let sign = if parts.is_empty() { "=" } else { "+" };
        let (more, less) = (letters(state & !usual), letters(usual & !state));
        let more = if more.is_empty() { more } else { format!("{sign}{more}") };
        let less = if less.is_empty() { less } else { format!("-{less}") };
        parts.push(format!("{}{more}{less}", held.collect::<Vec<_>>().join(",")));
    }
    for state in (1..8_u8).rev() {
        let numbers = (NAMES.len()..).zip(unnamed).filter(|(_, other)| **other == state);
        let numbers: Vec<String> = numbers.map(|(number, _)| number.to_string()).collect();
        if !numbers.is_empty() {
            parts.push(format!("{}+{}", numbers.join(","), letters(state)));
        }
    }
    parts.join(" ")
}

fn letters(state: u8) -> String {
    let letters = [(EFFECTIVE, 'e'), (INHERITABLE, 'i'), (PERMITTED, 'p')];
    letters.into_iter().filter_map(|(bit, letter)| (state & bit != 0).then_some(letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_two_and_three_are_read_with_both_words() {
        let two = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(text(two).as_deref(), Some("cap_net_bind_service=ep"));
        let three = b"\0\0\0\x03\x03\0\0\0\0\0\0\0\x80\0\0\0\0\x80\0\0\xe8\x03\0\0";
        assert_eq!(text(three).as_deref(), Some("cap_chown,cap_dac_override,cap_bpf=p 47+i [rootid=1000]"));
    }

    #[test]
    fn a_value_of_the_wrong_length_or_revision_is_not_decoded() {
        assert_eq!(text(b"\x01\0\0\x02\0\x04\0\0"), None);
        assert_eq!(text(&[9; 20]), None);
    }
}
