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

/// The capabilities as `getcap` writes them: `cap_net_raw=ep`, with `[rootid=…]` behind them where one is set.
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
    let effective = magic & 1 != 0;
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for number in 0..64_u32 {
        let has = |set: u64| set.checked_shr(number).is_some_and(|shifted| shifted & 1 == 1);
        let (permitted, inheritable) = (has(permitted), has(inheritable));
        if !permitted && !inheritable {
            continue;
        }
        let letters: String = [(effective, 'e'), (inheritable, 'i'), (permitted, 'p')]
            .into_iter()
            .filter_map(|(set, letter)| set.then_some(letter))
            .collect();
        let name = usize::try_from(number).ok().and_then(|number| NAMES.get(number).copied());
        let name = name.map_or_else(|| number.to_string(), str::to_owned);
        match groups.iter_mut().find(|(known, _)| *known == letters) {
            Some((_, names)) => names.push(name),
            None => groups.push((letters, vec![name])),
        }
    }
    let mut parts: Vec<String> =
        groups.into_iter().map(|(letters, names)| format!("{}={letters}", names.join(","))).collect();
    if parts.is_empty() {
        parts.push(if effective { "=e" } else { "=" }.to_owned());
    }
    if words == 2 && length == 24 {
        parts.push(format!("[rootid={}]", u32_le(value, 20)?));
    }
    Some(parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_two_and_three_are_read_with_both_words() {
        let two = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(text(two).as_deref(), Some("cap_net_bind_service=ep"));
        let three = b"\0\0\0\x03\x03\0\0\0\0\0\0\0\x80\0\0\0\0\x80\0\0\xe8\x03\0\0";
        assert_eq!(text(three).as_deref(), Some("cap_chown,cap_dac_override,cap_bpf=p 47=i [rootid=1000]"));
    }

    #[test]
    fn a_value_of_the_wrong_length_or_revision_is_not_decoded() {
        assert_eq!(text(b"\x01\0\0\x02\0\x04\0\0"), None);
        assert_eq!(text(&[9; 20]), None);
    }
}
