//! What programs say in their messages, whether these came by syslog or lie in the journal.

mod accounts;
pub(crate) mod ftp;
pub(crate) mod guacamole;
pub(crate) mod mail;
mod sftp;
mod ssh;
mod system;

use crate::details::Details;
use crate::parsers::{mysql, postgres, web};

/// Takes a message apart as this program writes it.
pub(crate) fn describe<'a>(program: &[u8], message: &'a [u8], details: &mut Details<'a>) {
    match program {
        b"sshd" | b"sshd-session" | b"sshd-auth" => ssh::describe(message, details),
        b"sftp-server" | b"internal-sftp" => sftp::describe(message, details),
        b"sudo" => accounts::sudo(message, details),
        b"su" | b"su-l" => accounts::su(message, details),
        b"useradd" | b"usermod" | b"userdel" | b"groupadd" | b"groupmod" | b"groupdel" | b"passwd" | b"chpasswd"
        | b"gpasswd" | b"chage" | b"chsh" | b"chfn" => accounts::tool(message, details),
        b"CRON" | b"cron" | b"CROND" | b"crond" | b"crontab" | b"/usr/sbin/cron" => system::cron(message, details),
        b"systemd" => system::systemd(message, details),
        b"vsftpd" => ftp::vsftpd(message, details),
        b"proftpd" => ftp::proftpd(message, details),
        b"pure-ftpd" => ftp::pureftpd(message, details),
        b"systemd-logind" => system::logind(message, details),
        b"kernel" => system::kernel(message, details),
        b"nginx" | b"apache2" | b"httpd" => web::describe(message, details),
        b"mysqld" | b"mariadbd" | b"mysql" | b"mysqld_safe" => mysql::describe(message, details),
        b"postgres" | b"postgresql" => postgres::describe(message, details),
        b"tomcat" | b"tomcat8" | b"tomcat9" | b"tomcat10" | b"guacamole" => {
            let _ = guacamole::describe(message, details);
        }
        b"dovecot" => mail::dovecot(message, details),
        b"exim" | b"exim4" => mail::exim(message, details),
        _ if program.starts_with(b"postfix/") || program.starts_with(b"postfix-") => mail::postfix(message, details),
        _ => {
            let _ = accounts::pam(message, details);
        }
    }
}
