//! Databases: MySQL and MariaDB.

mod mysql;

use super::teller::Teller;

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    mysql::find(teller);
}
