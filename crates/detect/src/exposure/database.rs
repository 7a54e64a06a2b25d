//! Databases and caches: who can reach them, and whether they ask for a password.

mod caches;
mod documents;
mod mysql;
mod postgres;

use super::teller::Teller;

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    mysql::find(teller);
    postgres::find(teller);
    caches::redis(teller);
    caches::memcached(teller);
    documents::mongodb(teller);
    documents::elasticsearch(teller);
}
