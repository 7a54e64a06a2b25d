//! The parsers, in the order in which they are asked.

use crate::parser::Parser;

mod atop;
mod audit;
mod binlog;
mod cloud_init;
mod container;
mod exim;
mod fail2ban;
mod ftp;
mod history;
mod journal;
mod lastlog;
mod logindb;
mod mail;
mod monolog;
pub(crate) mod mysql;
mod packagedb;
mod packages;
pub(crate) mod postgres;
mod syslog;
mod sysstat;
mod utmp;
pub(crate) mod web;

/// All parsers; the first that claims a file reads it.
pub const PARSERS: &[&dyn Parser] = &[
    // Binary ones, told by their first bytes.
    &journal::Journal,
    &binlog::Binlog,
    &utmp::Utmp,
    &lastlog::Lastlog,
    &logindb::LoginDatabase,
    &sysstat::Sysstat,
    &atop::Atop,
    &packagedb::PackageDatabase,
    // Forms of text, the strictest first.
    &cloud_init::CloudInit,
    &container::ContainerLog,
    &container::ContainerSettings,
    &audit::Audit,
    &ftp::VSFTPD,
    &ftp::XFERLOG,
    &ftp::ACCESS,
    &ftp::STATS,
    &ftp::W3C,
    &web::WebErrors,
    &web::WebAccess,
    &mysql::MysqlGeneral,
    &mysql::MysqlSlow,
    &mysql::MysqlErrors,
    &mysql::MysqlAudit,
    &postgres::PostgresCsv,
    &postgres::PostgresJson,
    &postgres::PostgresText,
    &history::History,
    &packages::Packages,
    &monolog::Monolog,
    &mail::Mail,
    &fail2ban::Fail2ban,
    &exim::Exim,
    &syslog::Syslog,
];

#[cfg(test)]
mod hub;
#[cfg(test)]
mod tests;
