//! Names of accounts that are made for a while: for a move to another machine, a trial, somebody from outside.

/// How sure a name says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    /// The word is also a name of people or of programs, and stands alone.
    Perhaps,
    Yes,
}

/// Words that say it, without accents, in lower case.
const WORDS: &[&str] = &[
    // English.
    "tmp",
    "temp",
    "temporary",
    "test",
    "tests",
    "tester",
    "testing",
    "demo",
    "guest",
    "trial",
    "dummy",
    "sample",
    "poc",
    "sandbox",
    "throwaway",
    "interim",
    "provisional",
    "transition",
    "transitional",
    "migrate",
    "migration",
    "migrator",
    "cutover",
    "handover",
    "relocation",
    "transfer",
    "import",
    "setup",
    "install",
    "staging",
    "old",
    "new",
    "delete",
    "deleteme",
    "todelete",
    "remove",
    "removeme",
    "changeme",
    "vendor",
    "external",
    "consultant",
    "contractor",
    "freelancer",
    "intern",
    "trainee",
    // German; umlauts are written out.
    "umzug",
    "uebergang",
    "ubergang",
    "uebergabe",
    "umstellung",
    "versuch",
    "gast",
    "vorlaeufig",
    "vorubergehend",
    "voruebergehend",
    "temporaer",
    "temporar",
    "befristet",
    "aushilfe",
    "praktikant",
    "loeschen",
    "loeschmich",
    "einrichtung",
    "extern",
    "dienstleister",
    "fremdfirma",
    // French.
    "temporaire",
    "provisoire",
    "stagiaire",
    "demenagement",
    "bascule",
    "supprimer",
    "asupprimer",
    "prestataire",
    "externe",
    "interimaire",
    "remplacant",
    "essais",
    // Spanish, Portuguese, Italian.
    "prueba",
    "pruebas",
    "temporario",
    "mudanza",
    "migracion",
    "traslado",
    "traspaso",
    "transicion",
    "invitado",
    "borrar",
    "eliminar",
    "becario",
    "externo",
    "teste",
    "testes",
    "mudanca",
    "migracao",
    "convidado",
    "provisorio",
    "temporaneo",
    "provvisorio",
    "ospite",
    "trasloco",
    "migrazione",
    "tirocinante",
    // Japanese in Latin letters: for the time being, special, move, trial, guest, provisional.
    "rinji",
    "ikou",
    "ikouyou",
    "ichiji",
    "hikkoshi",
    "iten",
    "shiken",
    "tesuto",
    "gesuto",
    "zantei",
    "taiken",
];

/// Words that are also names of people or of programs.
const PERHAPS: &[&str] = &["kari", "temporal", "invite", "essai", "prova", "probe"];

/// What stands before or behind such a word without a sign between.
const COMPANIONS: &[&str] = &[
    "acc",
    "access",
    "account",
    "acct",
    "adm",
    "admin",
    "administrator",
    "app",
    "backup",
    "client",
    "customer",
    "data",
    "db",
    "dba",
    "dev",
    "ftp",
    "ftpuser",
    "host",
    "id",
    "it",
    "login",
    "mail",
    "mysql",
    "op",
    "operator",
    "ops",
    "power",
    "remote",
    "root",
    "server",
    "service",
    "sftp",
    "shell",
    "shop",
    "sql",
    "srv",
    "ssh",
    "staff",
    "sudo",
    "support",
    "svc",
    "sys",
    "sysadmin",
    "system",
    "team",
    "upload",
    "user",
    "users",
    "usr",
    "vpn",
    "web",
    "webadmin",
    "work",
    "worker",
    "benutzer",
    "konto",
    "kunde",
    "nutzer",
    "zugang",
    "compte",
    "utilisateur",
    "acces",
    "cuenta",
    "usuario",
    "utente",
    "conta",
    "kanri",
    "kanrisha",
    "riyou",
    "riyousha",
    "yuza",
    "yuuza",
];

/// Whether a name says that its account is for a while.
///
/// Words are told between signs and digits (`transfer_tmp`, `demo1`), and joined with another such word or a companion
/// (`tempuser`, `admtmp`); within other words they say nothing (`temple`, `contest`).
pub(super) fn by_name(name: &[u8]) -> Option<Sure> {
    // Debian's policy, section 9.2.1: accounts of packages begin with `_`.
    if name.starts_with(b"_") || name.starts_with(b"systemd-") {
        return None;
    }
    let plain = plain(name);
    let parts: Vec<&str> =
        plain.split(|sign: char| !sign.is_ascii_alphabetic()).filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| WORDS.contains(part) || is_joined(part)) {
        return Some(Sure::Yes);
    }
    let is_alone = parts.len() == 1 && parts.first().is_some_and(|part| part.len() == plain.len());
    parts.iter().any(|part| PERHAPS.contains(part)).then_some(if is_alone { Sure::Perhaps } else { Sure::Yes })
}

/// Whether a part is made of two words, of which one says it.
fn is_joined(part: &str) -> bool {
    let says = |word: &str| WORDS.contains(&word) || PERHAPS.contains(&word);
    (2..part.len()).filter_map(|at| part.split_at_checked(at)).any(|(one, other)| {
        (says(one) && (says(other) || COMPANIONS.contains(&other))) || (COMPANIONS.contains(&one) && says(other))
    })
}

/// A name in lower case without accents.
fn plain(name: &[u8]) -> String {
    let mut plain = String::new();
    for sign in String::from_utf8_lossy(name).chars().flat_map(char::to_lowercase) {
        match sign {
            'ä' => plain.push_str("ae"),
            'ö' => plain.push_str("oe"),
            'ü' => plain.push_str("ue"),
            'à' | 'á' | 'â' | 'ã' => plain.push('a'),
            'ç' => plain.push('c'),
            'è' | 'é' | 'ê' => plain.push('e'),
            'í' | 'î' => plain.push('i'),
            'ó' | 'ô' | 'õ' => plain.push('o'),
            'ú' | 'û' => plain.push('u'),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_several_languages_say_that_an_account_is_for_a_while() {
        for name in [
            "tempuser",
            "tmpadm",
            "testuser",
            "demo1",
            "umzug",
            "uebergang",
            "übergang",
            "transfer_tmp",
            "migration-tmp",
            "admtmp",
            "TempAdmin",
            "kari01",
            "kariuser",
            "rinji",
            "ikou",
            "ikou2",
            "provisoire",
            "invite2",
            "prueba",
            "testuser2",
            "oldroot",
            "migracion",
            "webtest",
            "tmp",
            "vendor.acme",
            "gastzugang",
            "stagiaire1",
            "tmptest",
        ] {
            assert_eq!(by_name(name.as_bytes()), Some(Sure::Yes), "{name}");
        }
        for name in ["kari", "temporal", "probe"] {
            assert_eq!(by_name(name.as_bytes()), Some(Sure::Perhaps), "{name}");
        }
    }

    #[test]
    fn words_within_others_say_nothing() {
        for name in [
            "temple",
            "tempest",
            "testa",
            "contemp",
            "contest",
            "protest",
            "attempt",
            "newman",
            "oldham",
            "karin",
            "karina",
            "gastro",
            "internet",
            "democrat",
            "guesthouse",
            "temptation",
            "_test",
            "systemd-test",
            "root",
            "anna",
            "www-data",
            "",
            "templates",
            "tempo",
            "installer2d",
            "\u{fffd}",
            "importance",
            "vendorse",
            "backupuser",
            "webadmin",
        ] {
            assert_eq!(by_name(name.as_bytes()), None, "{name}");
        }
    }
}
