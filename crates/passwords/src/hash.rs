//! One hash as a file of passwords holds it (crypt(5)).
//!
//! | begin | what follows | bound |
//! | --- | --- | --- |
//! | `$1$`, `$apr1$` | `salt$hash` | – |
//! | `$5$`, `$6$` | `[rounds=N$]salt$hash` | 200,000 rounds |
//! | `$2a$`, `$2b$`, `$2y$` | `cost$`, 22 letters of salt, 31 of hash | cost 14 |
//! | two letters | salt, then 11 letters of hash (DES) | – |
//! | `_` | 4 letters of count, 4 of salt, 11 of hash (DES, extended) | 200,000 times |
//! | `$y$` | `parameters$salt$hash` | 64 MiB, no parallelism and no additional time |

use crate::des::des_crypt;
use crate::encoding::{decode, encode};
use crate::md5::md5_crypt;
use std::str::FromStr as _;

/// Rounds of SHA-crypt that are tried: 40 times the usual.
const ROUNDS: u32 = 200_000;

/// The cost of bcrypt that is tried: 2^14 rounds, about a second.
const BCRYPT_COST: u32 = 14;

/// Times that the extended crypt of DES encrypts; the usual are 725.
const DES_TIMES: u32 = 200_000;

/// Bytes of memory for one try of yescrypt; the usual are 16 MiB.
const YESCRYPT_BYTES: u64 = 64 << 20;

/// Bytes of a field that are looked at; the longest of these kinds has about 130.
const FIELD: usize = 512;

/// A hash against which words can be tried.
#[derive(Debug, Clone)]
pub struct Hash {
    form: Form,
    expected: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Form {
    Md5 { magic: &'static [u8], salt: Vec<u8> },
    Sha256 { salt: Vec<u8>, rounds: u32 },
    Sha512 { salt: Vec<u8>, rounds: u32 },
    Des { salt: u32, count: u32, is_extended: bool },
    Bcrypt { cost: u32, text: String },
    Yescrypt { salt: Vec<u8>, params: yescrypt::Params, bytes: u64 },
}

/// Why no word is tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No password is right, or any: the field is empty, locked, or a place holder.
    #[error("there is no hash")]
    NoHash,
    /// The kind is not known here.
    #[error("hashes of this kind are not tried: {0}")]
    Unsupported(&'static str),
    /// One try would take too long or too much memory.
    #[error("a try costs too much: {what} {found}, where at most {limit} is tried")]
    Costly {
        /// What costs.
        what: &'static str,
        /// How much the hash asks for.
        found: u64,
        /// The bound.
        limit: u64,
    },
    /// The hash is not what its beginning says.
    #[error("the hash is damaged: {0}")]
    Damaged(&'static str),
}

impl Hash {
    /// Reads the second field of a line of shadow(5).
    ///
    /// # Errors
    ///
    /// [`Refusal`] tells why no word can be right, or why none is tried.
    pub fn parse(field: &[u8]) -> Result<Self, Refusal> {
        if field.len() > FIELD {
            return Err(Refusal::Damaged("it is too long"));
        }
        if matches!(field, [] | [b'!' | b'*', ..] | b"x") {
            return Err(Refusal::NoHash);
        }
        if let Some(rest) = field.strip_prefix(b"$1$") {
            return md5(b"$1$", rest);
        }
        if let Some(rest) = field.strip_prefix(b"$apr1$") {
            return md5(b"$apr1$", rest);
        }
        if let Some(rest) = field.strip_prefix(b"$5$") {
            return sha(rest, 43, |salt, rounds| Form::Sha256 { salt, rounds });
        }
        if let Some(rest) = field.strip_prefix(b"$6$") {
            return sha(rest, 86, |salt, rounds| Form::Sha512 { salt, rounds });
        }
        if [&b"$2a$"[..], b"$2b$", b"$2y$"].iter().any(|start| field.starts_with(start)) {
            return bcrypt(field);
        }
        if let Some(rest) = field.strip_prefix(b"$y$") {
            return yescrypt(rest);
        }
        Err(match field {
            [b'$', b'7', b'$', ..] => Refusal::Unsupported("scrypt"),
            [b'$', b'g', b'y', b'$', ..] => Refusal::Unsupported("gost-yescrypt"),
            [b'$', ..] => Refusal::Unsupported("of an unknown kind"),
            [b'_', rest @ ..] if field.len() == 20 => return des(rest),
            [first, second, hash @ ..] if hash.len() == 11 => return des_of_two(*first, *second, hash),
            _ => Refusal::NoHash,
        })
    }

    /// What one try costs, in units of about three milliseconds of one core.
    #[must_use]
    pub fn cost(&self) -> u64 {
        match &self.form {
            Form::Md5 { .. } => 1,
            Form::Des { count, .. } => u64::from(count.div_ceil(1000)),
            Form::Sha256 { rounds, .. } | Form::Sha512 { rounds, .. } => u64::from(rounds.div_ceil(5000)),
            Form::Bcrypt { cost, .. } => 1_u64.checked_shl(cost.saturating_sub(5)).unwrap_or(u64::MAX),
            Form::Yescrypt { bytes, .. } => bytes.div_ceil(1 << 20).max(1),
        }
    }

    /// Whether the word is the password.
    #[must_use]
    pub fn is(&self, word: &[u8]) -> bool {
        match &self.form {
            Form::Md5 { magic, salt } => md5_crypt(word, salt, magic) == self.expected,
            Form::Sha256 { salt, rounds } => sha_crypt::Params::new(*rounds).is_ok_and(|params| {
                encode(&permuted(&sha_crypt::sha256_crypt(word, salt, params), 10, false)) == self.expected
            }),
            Form::Sha512 { salt, rounds } => sha_crypt::Params::new(*rounds).is_ok_and(|params| {
                encode(&permuted(&sha_crypt::sha512_crypt(word, salt, params), 21, true)) == self.expected
            }),
            Form::Des { salt, count, is_extended } => des_crypt(word, *salt, *count, *is_extended) == self.expected,
            Form::Bcrypt { text, .. } => bcrypt::verify(word, text).unwrap_or(false),
            Form::Yescrypt { salt, params, .. } => {
                let mut out = [0; 32];
                yescrypt::yescrypt(word, salt, params, &mut out).is_ok() && encode(&out) == self.expected
            }
        }
    }
}

/// The text of a letter-coded hash, checked.
fn letters(text: &[u8], length: usize) -> Result<Vec<u8>, Refusal> {
    if text.len() != length || decode(text).is_none() {
        return Err(Refusal::Damaged("its last part has a wrong length or wrong letters"));
    }
    Ok(text.to_vec())
}

fn split(rest: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    let at = rest.iter().position(|byte| *byte == b'$').ok_or(Refusal::Damaged("a part is missing"))?;
    let (salt, hash) = rest.split_at(at);
    Ok((salt, hash.strip_prefix(b"$").unwrap_or_default()))
}

fn md5(magic: &'static [u8], rest: &[u8]) -> Result<Hash, Refusal> {
    let (salt, hash) = split(rest)?;
    let salt = salt.get(..8).unwrap_or(salt).to_vec();
    Ok(Hash { form: Form::Md5 { magic, salt }, expected: letters(hash, 22)? })
}

/// The value of letters of six bits each, the lowest first.
fn value(letters: &[u8]) -> Option<u32> {
    const BEGINS: [(u8, u8, u32); 3] = [(b'.', b'9', 0), (b'A', b'Z', 12), (b'a', b'z', 38)];
    letters.iter().rev().try_fold(0_u32, |value, letter| {
        let (begin, _, at) = BEGINS.into_iter().find(|(begin, end, _)| (begin..=end).contains(&letter))?;
        let six = u32::from(letter.checked_sub(begin)?).checked_add(at)?;
        value.checked_mul(64)?.checked_add(six)
    })
}

/// What stands in the place of a hash may have its length: no letter of one is `*`, for instance.
fn des_of_two(first: u8, second: u8, hash: &[u8]) -> Result<Hash, Refusal> {
    let salt = value(&[first, second]).filter(|_| decode(hash).is_some()).ok_or(Refusal::NoHash)?;
    Ok(Hash { form: Form::Des { salt, count: 25, is_extended: false }, expected: hash.to_vec() })
}

/// Four letters of count and four of salt, and the hash.
fn des(rest: &[u8]) -> Result<Hash, Refusal> {
    let damaged = Refusal::Damaged("it has a wrong length or wrong letters");
    let (numbers, hash) = rest.split_at_checked(8).ok_or(damaged.clone())?;
    let (count, salt) = numbers.split_at_checked(4).ok_or(damaged.clone())?;
    let (count, salt) = value(count).zip(value(salt)).ok_or(damaged.clone())?;
    if count > DES_TIMES {
        return Err(Refusal::Costly { what: "times", found: count.into(), limit: DES_TIMES.into() });
    }
    if count == 0 {
        return Err(damaged);
    }
    Ok(Hash { form: Form::Des { salt, count, is_extended: true }, expected: letters(hash, 11)? })
}

fn sha(rest: &[u8], length: usize, form: fn(Vec<u8>, u32) -> Form) -> Result<Hash, Refusal> {
    let (rounds, rest) = match rest.strip_prefix(b"rounds=") {
        None => (5000, rest),
        Some(rest) => {
            let (digits, rest) = split(rest)?;
            let rounds: Option<u32> = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            (rounds.ok_or(Refusal::Damaged("its rounds are no number"))?, rest)
        }
    };
    if rounds > ROUNDS {
        return Err(Refusal::Costly { what: "rounds", found: rounds.into(), limit: ROUNDS.into() });
    }
    if rounds < 1000 {
        return Err(Refusal::Damaged("its rounds are below 1000"));
    }
    let (salt, hash) = split(rest)?;
    let salt = salt.get(..16).unwrap_or(salt).to_vec();
    Ok(Hash { form: form(salt, rounds), expected: letters(hash, length)? })
}

fn bcrypt(field: &[u8]) -> Result<Hash, Refusal> {
    let damaged = Refusal::Damaged("it has a wrong length or wrong letters");
    let text = String::from_utf8(field.to_vec()).map_err(|_| damaged.clone())?;
    let cost = bcrypt::HashParts::from_str(&text).map_err(|_| damaged)?.get_cost();
    if cost > BCRYPT_COST {
        return Err(Refusal::Costly { what: "cost", found: cost.into(), limit: BCRYPT_COST.into() });
    }
    if cost < 4 {
        return Err(Refusal::Damaged("its cost is below 4"));
    }
    Ok(Hash { form: Form::Bcrypt { cost, text }, expected: Vec::new() })
}

fn yescrypt(rest: &[u8]) -> Result<Hash, Refusal> {
    let (text, rest) = split(rest)?;
    // Flavour, memory and block size; what may follow is parallelism and time, which no system sets by itself.
    if text.len() > 4 {
        return Err(Refusal::Unsupported("yescrypt with parallelism or time"));
    }
    let damaged = Refusal::Damaged("its parameters cannot be read");
    let text = std::str::from_utf8(text).map_err(|_| damaged.clone())?;
    let params = yescrypt::Params::from_str(text).map_err(|_| damaged)?;
    let bytes = params.n().checked_mul(u64::from(params.r())).and_then(|blocks| blocks.checked_mul(128));
    let bytes = bytes.unwrap_or(u64::MAX);
    if bytes > YESCRYPT_BYTES {
        return Err(Refusal::Costly { what: "bytes of memory", found: bytes, limit: YESCRYPT_BYTES });
    }
    let (salt, hash) = split(rest)?;
    let salt = decode(salt).filter(|salt| salt.len() <= 64).ok_or(Refusal::Damaged("its salt cannot be read"))?;
    Ok(Hash { form: Form::Yescrypt { salt, params, bytes }, expected: letters(hash, 43)? })
}

/// The bytes of a digest in the order in which SHA-crypt writes them: thirds of `third` bytes, one byte of each at a time,
/// beginning with another third each time; then the bytes that are left.
///
/// Source: U. Drepper, "Unix crypt using SHA-256 and SHA-512", step 22.
fn permuted(digest: &[u8], third: usize, is_forward: bool) -> Vec<u8> {
    let thirds = || digest.chunks(third).take(3);
    let mut bytes = Vec::with_capacity(digest.len());
    for index in 0..third {
        let mut group: Vec<u8> = thirds().filter_map(|part| part.get(index).copied()).collect();
        let turn = index.checked_rem(group.len()).unwrap_or(0);
        if is_forward {
            group.rotate_left(turn)
        } else {
            group.rotate_right(turn)
        }
        bytes.extend(group.iter().rev());
    }
    bytes.extend(digest.iter().skip(third.saturating_mul(3)));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_testkit::run;
    use proptest::prelude::*;
    use std::process::Command;

    /// What crypt(3) of the system makes of it, by perl; the kinds that it lacks are empty.
    fn crypt(word: &str, setting: &str) -> String {
        let script = "my $hash = crypt($ARGV[0], $ARGV[1]); print defined $hash && $hash !~ /^\\*/ ? $hash : ''";
        run(Command::new("perl").args(["-e", script, word, setting])).stdout
    }

    #[test]
    fn words_are_right_for_hashes_that_the_system_makes() {
        if !kanshiki_testkit::need(&[kanshiki_testkit::Need::Tool("perl")]) {
            return;
        }
        let settings = [
            "$1$saltsalt$",
            "$1$x$",
            "$5$saltstring$",
            "$6$saltstring$",
            "$5$rounds=1234$short$",
            "$6$rounds=10000$saltstringsaltst$",
            "$2b$05$abcdefghijklmnopqrstuu",
            "$2y$04$abcdefghijklmnopqrstuu",
            "$2a$04$abcdefghijklmnopqrstuu",
            "ab",
            "./",
            "zZ",
            "_J9..abcd",
            "_1...XYZ9",
            "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$",
            "$y$j75$abcdefgh$",
        ];
        let long = "a password that is longer than all of the digests are long, sixty-four and more bytes";
        for setting in settings {
            for word in ["Sommer2024", "", "x", long, "p\u{e4}ss"] {
                let made = crypt(word, setting);
                assert!(made.starts_with(setting.trim_end_matches('$')), "{setting} {made}");
                let hash = Hash::parse(made.as_bytes()).unwrap();
                assert!(hash.is(word.as_bytes()), "{made} {word}");
                assert!(!hash.is(b"Winter2025"), "{made} {word}");
            }
        }
    }

    #[test]
    fn words_are_right_for_hashes_of_openssl() {
        if !kanshiki_testkit::need(&[kanshiki_testkit::Need::Tool("openssl")]) {
            return;
        }
        for kind in ["-1", "-apr1", "-5", "-6"] {
            let output = run(Command::new("openssl").args(["passwd", kind, "-salt", "Zf3qL0aB", "migration1"]));
            let made = output.stdout;
            let hash = Hash::parse(made.trim_end().as_bytes()).unwrap();
            assert_eq!((hash.is(b"migration1"), hash.is(b"migration2")), (true, false), "{made}");
        }
    }

    #[test]
    fn what_costs_too_much_is_refused_before_any_try() {
        let hash = "a".repeat(86);
        let costly = [
            format!("$6$rounds=999999999$salt${hash}"),
            format!("$2b$31${}", ".".repeat(53)),
            format!("$y$jFT$abcdefgh${}", "a".repeat(43)),
            format!("$y$jjT$abcdefgh${}", "a".repeat(43)),
        ];
        for field in costly {
            assert!(matches!(Hash::parse(field.as_bytes()), Err(Refusal::Costly { .. })), "{field}");
        }
        let parallel = format!("$y$j95.0$abcdefgh${}", "a".repeat(43));
        assert!(matches!(Hash::parse(parallel.as_bytes()), Err(Refusal::Unsupported(_))));
    }

    #[test]
    fn what_is_no_hash_or_not_known_is_told() {
        for field in ["", "!", "*", "!!", "x", "!$6$salt$abc", "NP"] {
            assert_eq!(Hash::parse(field.as_bytes()).unwrap_err(), Refusal::NoHash, "{field}");
        }
        for field in ["not set here!", "disabled user"] {
            assert_eq!(Hash::parse(field.as_bytes()).unwrap_err(), Refusal::NoHash, "{field}");
        }
        assert!(matches!(Hash::parse(b"_zzzzabcdhhhhhhhhhhh"), Err(Refusal::Costly { .. })));
        assert_eq!(Hash::parse(b"$7$CU..../....abc$x").unwrap_err(), Refusal::Unsupported("scrypt"));
        assert!(matches!(Hash::parse(b"$6$salt$short"), Err(Refusal::Damaged(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(start in 0..10_usize, tail in proptest::collection::vec(any::<u8>(), 0..120)) {
            let starts = ["", "_J9..", "$1$", "$5$", "$6$", "$6$rounds=", "$2b$", "$y$", "$y$j9", "$y$j"];
            let _ = Hash::parse(&[starts[start].as_bytes(), &tail].concat());
        }

        #[test]
        fn any_letters_never_panic(tail in "[$./0-9A-Za-z]{0,8}[$][./0-9A-Za-z]{0,24}[$][./0-9A-Za-z]{43}") {
            if let Ok(hash) = Hash::parse(format!("$y${tail}").as_bytes()) {
                // Small ones only, so that the test ends.
                if hash.cost() <= 1 {
                    let _ = hash.is(b"word");
                }
            }
        }
    }
}
