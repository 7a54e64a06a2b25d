//! Capabilities of executable files.

use kanshiki_image::bytes::u32_le;
use std::fmt;

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

/// A bit for each of the names.
const ALL: u64 = u64::MAX >> (64 - NAMES.len());

const EFFECTIVE: u8 = 1;
const PERMITTED: u8 = 2;
const INHERITABLE: u8 = 4;

/// What a file gives to the process that runs it: a bit for each capability, by its number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Those that are in force at once.
    pub effective: u64,
    /// Those that the process may have.
    pub permitted: u64,
    /// Those that are kept over the next program.
    pub inheritable: u64,
    /// The account that is root of the user namespace in which they count; 0 for that of the machine.
    pub root: u32,
}

impl Capabilities {
    /// The capabilities of the value of `security.capability`; `None` if it has another form.
    ///
    /// Source: Linux 6.12, include/uapi/linux/capability.h, `vfs_ns_cap_data`.
    #[must_use]
    pub fn of_value(value: &[u8]) -> Option<Self> {
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
        // One flag makes all that are there effective (security/commoncap.c, `bprm_caps_from_vfs_caps`).
        let effective = if magic & 1 == 0 { 0 } else { permitted | inheritable };
        let root = if length == 24 { u32_le(value, 20)? } else { 0 };
        Some(Self { effective, permitted, inheritable, root })
    }

    /// The capabilities of a text such as `cap_net_raw,cap_net_admin=ep` or `=ep cap_sys_boot-e`; `None` if it has another
    /// form. An empty text stands for none.
    ///
    /// Source: cap_text_formats(7).
    #[must_use]
    pub fn of_text(text: &[u8]) -> Option<Self> {
        let mut states = Self::default();
        for clause in text.split(u8::is_ascii_whitespace).filter(|clause| !clause.is_empty()) {
            let signs = clause.iter().position(|byte| is_sign(*byte))?;
            let (list, mut actions) = clause.split_at_checked(signs)?;
            let named = named(list)?;
            // Without names there is nothing that could be added to or taken from.
            if list.is_empty() && actions.first() != Some(&b'=') {
                return None;
            }
            while let Some((sign, rest)) = actions.split_first() {
                let end = rest.iter().position(|byte| is_sign(*byte)).unwrap_or(rest.len());
                let (flags, behind) = rest.split_at_checked(end)?;
                states.act(named, *sign, flags)?;
                actions = behind;
            }
        }
        Some(states)
    }

    fn act(&mut self, named: u64, sign: u8, flags: &[u8]) -> Option<()> {
        if sign == b'=' {
            for set in [&mut self.effective, &mut self.permitted, &mut self.inheritable] {
                *set &= !named;
            }
        }
        for flag in flags {
            let set = match flag {
                b'e' => &mut self.effective,
                b'p' => &mut self.permitted,
                b'i' => &mut self.inheritable,
                _ => return None,
            };
            *set = if sign == b'-' { *set & !named } else { *set | named };
        }
        Some(())
    }

    /// Whether it gives none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.effective | self.permitted | self.inheritable == 0
    }
}

const fn is_sign(byte: u8) -> bool {
    matches!(byte, b'=' | b'+' | b'-')
}

/// The bits of a list of names; all for `all` and for nothing.
fn named(list: &[u8]) -> Option<u64> {
    if list.is_empty() || list.eq_ignore_ascii_case(b"all") {
        return Some(ALL);
    }
    list.split(|byte| *byte == b',').try_fold(0_u64, |bits, name| {
        let number = NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name));
        let number = number.or_else(|| std::str::from_utf8(name).ok()?.parse().ok())?;
        Some(bits | 1_u64.checked_shl(u32::try_from(number).ok()?)?)
    })
}

impl fmt::Display for Capabilities {
    /// As `getcap -n` writes them: `cap_net_raw=ep`, with `[rootid=…]` behind them where one is set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets = [(self.effective, EFFECTIVE), (self.permitted, PERMITTED), (self.inheritable, INHERITABLE)];
        let states: Vec<u8> = (0..64_u32)
            .map(|number| sets.iter().filter(move |(set, _)| set.checked_shr(number).is_some_and(|set| set & 1 == 1)))
            .map(|held| held.fold(0, |state, (_, bit)| state | bit))
            .collect();
        f.write_str(&in_words(&states))?;
        if self.root == 0 { Ok(()) } else { write!(f, " [rootid={}]", self.root) }
    }
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

    fn text(value: &[u8]) -> Option<String> {
        Capabilities::of_value(value).map(|capabilities| capabilities.to_string())
    }

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

    #[test]
    fn texts_are_read_as_they_are_written() {
        // Made with capsh and setcap of libcap 2.66.
        for (text, shown) in [
            ("cap_net_raw=ep", "cap_net_raw=ep"),
            ("= cap_net_raw+ep", "cap_net_raw=ep"),
            ("cap_setuid,CAP_SETGID=p cap_setuid+e", "cap_setuid=ep cap_setgid+p"),
            ("=ep cap_sys_boot-e", "=ep cap_sys_boot-e"),
            ("", "="),
            ("all=p all-p", "="),
            ("cap_chown=e+p-e", "cap_chown=p"),
        ] {
            assert_eq!(Capabilities::of_text(text.as_bytes()).map(|found| found.to_string()).as_deref(), Some(shown));
        }
        let wrong = ["+ep", "cap_nothing=p", "cap_chown", "cap_chown=x", "99=p", "cap_chown,=p"];
        assert_eq!(wrong.map(|text| Capabilities::of_text(text.as_bytes())), [None; 6]);
    }
}
