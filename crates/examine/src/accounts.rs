//! The accounts of a machine, as its `/etc/passwd` names them (passwd(5)): `name:password:uid:gid:…`.

use std::collections::BTreeMap;

/// Bytes of a name that are kept; the longest that `useradd` gives has 32.
const NAME_BYTES: usize = 256;

/// The names of accounts by their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts(BTreeMap<u32, Vec<u8>>);

impl Accounts {
    /// The accounts of a file of this form. Lines that are none are passed over; of two names for a number the first counts, as
    /// it does for `getpwuid`. The memory is bounded by the length of the file.
    #[must_use]
    pub fn of_passwd(passwd: &[u8]) -> Self {
        let mut accounts = BTreeMap::new();
        for line in passwd.split(|byte| *byte == b'\n') {
            let mut fields = line.split(|byte| *byte == b':');
            let (Some(name), Some(_), Some(number)) = (fields.next(), fields.next(), fields.next()) else { continue };
            let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
            let is_name = !name.is_empty() && name.len() <= NAME_BYTES && !name.starts_with(b"#");
            if let Some(number) = number.filter(|_| is_name) {
                accounts.entry(number).or_insert_with(|| name.to_vec());
            }
        }
        Self(accounts)
    }

    /// The name of the account with this number; `None` if the image names none.
    #[must_use]
    pub fn name(&self, uid: u32) -> Option<&[u8]> {
        self.0.get(&uid).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_number_counts_and_lines_of_no_form_are_passed_over() {
        let passwd =
            b"root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\n#off:x:7:7::/:\n+@netgroup\n:x:8:8::/:
anna:x:1000:1000:Anna,,,:/home/anna:/bin/bash\nminus:x:-1:0::/:\nfar:x:4294967296:0::/:\nlast:x:4294967294:1";
        let accounts = Accounts::of_passwd(passwd);
        let names = [0, 7, 8, 1000, 4_294_967_294].map(|uid| accounts.name(uid));
        assert_eq!(names, [Some(&b"root"[..]), None, None, Some(b"anna"), Some(b"last")]);
    }
}
