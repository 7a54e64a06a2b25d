//! The accounts of a machine, as its `/etc/passwd` names them (passwd(5)): `name:password:uid:gid:…`.

use std::collections::BTreeMap;

/// Bytes of a name that are kept; the longest that `useradd` gives has 32.
const NAME_BYTES: usize = 256;

/// Bytes of a home directory that are kept.
const HOME_BYTES: usize = 4096;

/// The names of accounts by their numbers and by their home directories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    names: BTreeMap<u32, Vec<u8>>,
    homes: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Accounts {
    /// The accounts of a file of this form. Lines that are none are passed over; of two names for a number the first counts, as
    /// it does for `getpwuid`. The memory is bounded by the length of the file.
    #[must_use]
    pub fn of_passwd(passwd: &[u8]) -> Self {
        let mut accounts = Self::default();
        for line in passwd.split(|byte| *byte == b'\n') {
            let mut fields = line.split(|byte| *byte == b':');
            let (Some(name), Some(_), Some(number)) = (fields.next(), fields.next(), fields.next()) else { continue };
            let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
            let is_name = !name.is_empty() && name.len() <= NAME_BYTES && !name.starts_with(b"#");
            if let Some(number) = number.filter(|_| is_name) {
                accounts.names.entry(number).or_insert_with(|| name.to_vec());
                // Behind group and full name.
                if let Some(home) = fields.nth(2).and_then(home_of_its_own) {
                    accounts.homes.entry(home.to_vec()).or_insert_with(|| name.to_vec());
                }
            }
        }
        accounts
    }

    /// The name of the account with this number; `None` if the image names none.
    #[must_use]
    pub fn name(&self, uid: u32) -> Option<&[u8]> {
        self.names.get(&uid).map(Vec::as_slice)
    }

    /// The name of the account in whose home directory this path lies, the innermost if homes lie in each other; `None` if it
    /// lies in none.
    #[must_use]
    pub fn owner_of(&self, path: &[u8]) -> Option<&[u8]> {
        let mut folder = path;
        while let Some(end) = memchr::memrchr(b'/', folder) {
            folder = folder.get(..end)?;
            if let Some(name) = self.homes.get(folder) {
                return Some(name);
            }
        }
        None
    }
}

/// A home directory, without a slash at its end, if it can be that of one account: services have `/` or none.
fn home_of_its_own(home: &[u8]) -> Option<&[u8]> {
    let home = home.strip_suffix(b"/").unwrap_or(home);
    let is_shared =
        matches!(home, b"" | b"/nonexistent" | b"/dev/null" | b"/bin" | b"/usr/bin" | b"/usr/sbin" | b"/sbin");
    (home.starts_with(b"/") && !is_shared && home.len() <= HOME_BYTES).then_some(home)
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

    #[test]
    fn what_lies_in_a_home_belongs_to_its_account() {
        let passwd =
            b"root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\nnobody:x:65534:1::/nonexistent:/bin/false
www-data:x:33:33::/var/www:/bin/sh\nanna:x:1000:1000::/srv/people/anna/:/bin/bash\nd:x:1:1::/:/bin/sh\nshort:x:7:7";
        let accounts = Accounts::of_passwd(passwd);
        let paths =
            ["/root/.bash_history", "/var/www/.x", "/srv/people/anna/a/b", "/srv/people/.x", "/x", "/var/www2/x"];
        let owners = paths.map(|path| accounts.owner_of(path.as_bytes()));
        assert_eq!(owners, [Some(&b"root"[..]), Some(b"www-data"), Some(b"anna"), None, None, None]);
    }
}
