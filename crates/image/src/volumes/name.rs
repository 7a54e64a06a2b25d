//! Names of volumes.

use std::collections::HashSet;

/// What stands before the names of an image's volumes: nothing for the first, `b:` for the second, after `z:` `aa:`.
pub(super) fn of_image(index: usize) -> String {
    if index == 0 {
        return String::new();
    }
    let mut letters = Vec::new();
    // Numbers in base 26 without a zero, from the end.
    let mut rest = index.saturating_add(1);
    while rest > 0 {
        let digit = rest.saturating_sub(1).checked_rem(26).unwrap_or(0);
        letters.push(char::from(b'a'.saturating_add(u8::try_from(digit).unwrap_or(0))));
        rest = rest.saturating_sub(1).checked_div(26).unwrap_or(0);
    }
    let letters: String = letters.into_iter().rev().collect();
    format!("{letters}:")
}

/// The name of a partition in a volume.
pub(super) fn of_partition(parent: &str, number: u32) -> String {
    if parent.is_empty() || parent.ends_with(':') {
        format!("{parent}p{number}")
    } else {
        format!("{parent}:p{number}")
    }
}

/// What issues call a volume of this name.
pub(super) fn subject(name: &str) -> String {
    if name.is_empty() { "image".to_owned() } else { format!("volume {name}") }
}

/// The names that are taken.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// The name itself if nobody has it, else with `~2`, `~3` … at its end.
    pub(super) fn take(&mut self, name: String) -> String {
        let numbered = (2..=u32::MAX).map(|number| format!("{name}~{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !self.0.contains(name)).unwrap_or(name);
        self.0.insert(free.clone());
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_lettered_like_the_disks_of_linux() {
        let names: Vec<_> = [0, 1, 2, 25, 26, 27, 701, 702].map(of_image).into_iter().collect();
        assert_eq!(names, ["", "b:", "c:", "z:", "aa:", "ab:", "zz:", "aaa:"]);
    }

    #[test]
    fn partitions_are_named_after_what_they_lie_in() {
        let names = ["", "b:", "md0", "vg/vm", "b:p2"].map(|parent| of_partition(parent, 1));
        assert_eq!(names, ["p1", "b:p1", "md0:p1", "vg/vm:p1", "b:p2:p1"]);
    }

    #[test]
    fn a_name_is_given_once() {
        let mut names = Names::default();
        let taken: Vec<_> = (0..3).map(|_| names.take("vg/root".to_owned())).collect();
        assert_eq!(taken, ["vg/root", "vg/root~2", "vg/root~3"]);
    }
}
