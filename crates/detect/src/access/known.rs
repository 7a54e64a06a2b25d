//! Which names are accounts, for services whose logs do not tell.

use super::logins::Login;
use crate::accounts::read::lines;
use crate::{DetectError, Image};
use kanshiki_machine::settings::{self, Found};
use kanshiki_model::visible;
use std::collections::{HashMap, HashSet};

/// Services that say of a login only that it failed; all of them tell of each that succeeded.
const SILENT: &[&str] = &["ftp", "mail"];

/// Names of passwd, and addresses with the accounts that were logged in to from there, which are remembered.
const NAMES: usize = 100_000;
const OWNERS: i64 = 100_000;

/// The names that are accounts, as far as the image tells.
#[derive(Debug)]
pub(super) struct Known {
    /// Those of passwd and of the copy before it.
    accounts: HashSet<String>,
    /// Service and name of those that somebody logged in to, which may be kept elsewhere than in passwd.
    used: HashSet<(String, String)>,
    /// By address, service and name of those that were logged in to from there.
    owned: HashMap<String, Vec<(String, String)>>,
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
        let (mut used, mut owned) = (HashSet::new(), HashMap::<String, Vec<_>>::new());
        let mut statement = image.db.prepare("SELECT address, service, user FROM temp.owners LIMIT ?")?;
        let mut rows = statement.query([OWNERS])?;
        let mut count = 0_i64;
        while let Some(row) = rows.next()? {
            let login: (String, String) = (row.get(1)?, row.get(2)?);
            used.insert(login.clone());
            owned.entry(row.get(0)?).or_default().push(login);
            count = count.saturating_add(1);
        }
        let is_whole = !accounts.is_empty() && count < OWNERS;
        Ok(Self { accounts, used, owned, is_whole })
    }

    /// The accounts of a service that were logged in to from this address, at whatever time.
    pub(super) fn owned(&self, login: &Login<'_>) -> HashSet<String> {
        let all = self.owned.get(login.address).into_iter().flatten();
        all.filter(|(service, _)| service == login.service).map(|(_, user)| user.clone()).collect()
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
