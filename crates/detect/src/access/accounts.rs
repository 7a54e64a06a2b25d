//! Accounts that were made, or got rights that they did not have; rights that were refused.

use super::{ACCOUNT_MADE, ACCOUNT_RAISED, REFUSED};
use crate::events::{is_installing, of_kinds};
use crate::found::{Building as _, Found, finding};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Severity};
use std::collections::BTreeMap;

/// Groups whose members can become root, by what.
const MIGHTY: &[(&str, &str)] = &[
    ("root", "it is root's own"),
    ("sudo", "sudo lets its members do all"),
    ("wheel", "sudo and su let its members do all"),
    ("admin", "sudo lets its members do all"),
    ("docker", "its members can run anything as root in a container"),
    ("lxd", "its members can run anything as root in a container"),
    ("disk", "its members can read and write the disks"),
    ("shadow", "its members can read the hashes of passwords"),
];

pub(super) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    made(image, found)?;
    raised(image, found)?;
    refused(image, found)
}

/// `account.added`: of system accounts that came with a package nothing is told.
fn made(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let (from, of_kind) = of_kinds(image, &["account.added"]);
    let columns = "e.id, e.time, e.user, e.fields ->> 'uid', e.fields ->> 'home', e.fields ->> 'shell'";
    let sql = format!("SELECT {columns} FROM {from} WHERE {of_kind} AND e.user IS NOT NULL ORDER BY e.time, e.id");
    let mut statement = image.db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut by_name: BTreeMap<String, Finding> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (event, time, user): (i64, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let uid: Option<i64> = row.get(3)?;
        let shell: Option<String> = row.get(5)?;
        let is_service = uid.is_some_and(|uid| (1..1000).contains(&uid));
        if is_service && (time.is_some_and(|time| is_installing(image, time).unwrap_or(false))) {
            continue;
        }
        let begun = by_name.remove(&user).unwrap_or_else(|| {
            let title = format!("account {user} was made");
            let number = uid.map_or_else(String::new, |uid| format!(" with the number {uid}"));
            let shell = shell.map_or_else(String::new, |shell| format!(", its shell being {shell}"));
            let made = finding(&ACCOUNT_MADE, &user, title)
                .explained(format!("The account {user} was made{number}{shell}."))
                .indicator("account", &user);
            match uid {
                Some(0) => made.weighed(Severity::High, Confidence::High),
                _ => made,
            }
        });
        by_name.insert(user, begun.widened(time).event(event, "the account was made"));
    }
    by_name.into_values().for_each(|made| found.add(made));
    Ok(())
}

/// `account.group-joined`, of groups that give rights.
fn raised(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let (from, of_kind) = of_kinds(image, &["account.group-joined"]);
    let columns = "e.id, e.time, e.user, e.fields ->> 'group'";
    let sql = format!("SELECT {columns} FROM {from} WHERE {of_kind} AND e.user IS NOT NULL ORDER BY e.time, e.id");
    let mut statement = image.db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut by_name: BTreeMap<(String, String), Finding> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (event, time, user): (i64, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let group: Option<String> = row.get(3)?;
        let Some((group, why)) = MIGHTY.iter().find(|(name, _)| Some(*name) == group.as_deref()) else { continue };
        let key = (user.clone(), (*group).to_owned());
        let begun = by_name.remove(&key).unwrap_or_else(|| {
            finding(&ACCOUNT_RAISED, format!("{user} {group}"), format!("{user} became a member of the group {group}"))
                .explained(format!("Members of {group} can get the rights of root: {why}."))
                .indicator("account", &user)
        });
        by_name.insert(key, begun.widened(time).event(event, "became a member"));
    }
    by_name.into_values().for_each(|made| found.add(made));
    Ok(())
}

/// `sudo.refused` and `su.failed`, by who tried.
fn refused(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let (from, of_kind) = of_kinds(image, &["sudo.refused", "su.failed"]);
    let columns = "e.id, e.time, e.user, k.name, coalesce(e.message, '')";
    let sql = format!("SELECT {columns} FROM {from} WHERE {of_kind} AND e.user IS NOT NULL ORDER BY e.time, e.id");
    let mut statement = image.db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut by_user: BTreeMap<String, Finding> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (event, time, user): (i64, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (kind, message): (String, String) = (row.get(3)?, row.get(4)?);
        // There may be as many names as an attacker likes.
        if by_user.len() >= 1000 && !by_user.contains_key(&user) {
            continue;
        }
        let begun = by_user.remove(&user).unwrap_or_else(|| {
            finding(&REFUSED, &user, format!("{user} was refused the rights of another account")).explained(
                "sudo or su refused it: somebody tried a password that was wrong, or what the account may not do.",
            )
        });
        let what = if kind == "su.failed" { "su" } else { "sudo" };
        by_user.insert(user, begun.widened(time).event(event, format!("{what}: {message}")));
    }
    by_user.into_values().for_each(|made| found.add(made));
    Ok(())
}
