//! Which names are accounts, for services whose logs do not tell.

use super::logins::Login;
use crate::accounts::read::lines;
use crate::{DetectError, Image};
use kanshiki_machine::settings::{self, Found};
use kanshiki_model::visible;
use std::collections::HashSet;

/// Services that say of a login only that it failed; all of them tell of each that succeeded.
const SILENT: &[&str] = &["ftp", "mail"];

/// Names that are remembered.
const NAMES: usize = 100_000;

/// The names that are accounts, as far as the image tells.
#[derive(Debug)]
pub(super) struct Known {
    /// Those of passwd and of the copy before it.
    accounts: HashSet<String>,
    /// Service and name of those that somebody logged in to, which may be kept elsewhere than in passwd.
    used: HashSet<(String, String)>,
    is_whole: bool,
}

/// How it is known that there is no account of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// The log says so.
    Told,
    /// It is not in passwd, and nobody ever logged in with it.
    Inferred,
}

impl Known {
    pub(super) fn of(image: &Image<'_>) -> Result<Self, DetectError> {
        let mut accounts = HashSet::new();
        for path in ["/etc/passwd", "/etc/passwd-"] {
            if let Found::File(file) = settings::open(image.view, path.as_bytes()) {
                let names = lines(&file).into_iter().filter_map(|(fields, _)| fields.first().map(|name| visible(name)));
                accounts.extend(names.take(NAMES));
            }
        }
        let services = SILENT.iter().map(|service| format!("'{service}'")).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT DISTINCT service, user FROM temp.owners WHERE service IN ({services}) LIMIT {NAMES}");
        let mut statement = image.db.prepare(&sql)?;
        let used: HashSet<_> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let is_whole = !accounts.is_empty() && used.len() < NAMES;
        Ok(Self { accounts, used, is_whole })
    }

    /// Whether there is no account of the name that failed to log in, and how that is known.
    pub(super) fn absence(&self, login: &Login<'_>) -> Option<Absence> {
        let Login { service, user, is_unknown, .. } = *login;
        if user.is_empty() || service == "ftp" && matches!(user, "anonymous" | "ftp") {
            return None;
        }
        if is_unknown {
            return Some(Absence::Told);
        }
        let is_silent = self.is_whole && SILENT.contains(&service);
        let local = user.split('@').next().unwrap_or_default();
        let is_absent = is_silent
            && !self.accounts.contains(user)
            && !self.accounts.contains(local)
            && !self.used.contains(&(service.to_owned(), user.to_owned()));
        is_absent.then_some(Absence::Inferred)
    }
}
