//! Questions that are asked again and again, ready-made.

/// A question with a name.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// Its name.
    pub name: &'static str,
    /// What it answers.
    pub answers: &'static str,
    /// The question. It may name the parameters `:from` and `:to` (nanoseconds since 1970) and `:text`.
    pub sql: &'static str,
}

/// All ready-made questions.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "logins",
        answers: "who got in, from where, how",
        sql: "SELECT utc, kind, user, address, program, message, exhibit, path, line FROM timeline
            WHERE (kind GLOB '*.login' OR kind IN ('login.session-opened', 'database.user-changed')) AND (:from IS NULL OR time >= :from) AND (:to IS NULL OR time < :to) ORDER BY time, id",
    },
    Question {
        name: "failures",
        answers: "failed logins by address and account, with the first and the last",
        sql: "SELECT address, user, kind, sum(coalesce(nullif(fields, '') ->> 'repeated', 1)) AS failures, min(utc) AS first, max(utc) AS last, exhibit FROM timeline
            WHERE kind GLOB '*.login-failed' AND (:from IS NULL OR time >= :from) AND (:to IS NULL OR time < :to)
            GROUP BY exhibit, address, user, kind ORDER BY failures DESC, address, user",
    },
    Question {
        name: "session-events",
        answers: "each record of a session that was opened or closed",
        sql: "SELECT utc, kind, user, address, program, pid, message, exhibit FROM timeline WHERE kind GLOB '*.session*'
            AND (:from IS NULL OR time >= :from) AND (:to IS NULL OR time < :to) ORDER BY time, id",
    },
    Question {
        name: "root-commands",
        answers: "commands that were run as root",
        sql: "SELECT utc, kind, user, message, exhibit, path, line FROM timeline WHERE (kind IN ('sudo.command', 'audit.command')
                OR (user IN ('root', '0') AND kind IN ('cron.command', 'shell.command', 'audit.exec')))
            AND (:from IS NULL OR time >= :from) AND (:to IS NULL OR time < :to) ORDER BY time, id",
    },
    Question {
        name: "changed-files",
        answers: "files changed, born or deleted between --from and --to",
        sql: "SELECT utc, kind, exhibit, volume, inode, path FROM timeline WHERE kind GLOB 'file.*' AND kind NOT IN ('file..a...')
            AND (:from IS NULL OR time >= :from) AND (:to IS NULL OR time < :to) ORDER BY time, id",
    },
    Question {
        name: "transfers",
        answers: "files that were fetched or sent, whole or in part",
        sql: "SELECT utc, kind, user, address, message, fields, exhibit FROM timeline
            WHERE (kind GLOB '*.upload*' OR kind GLOB '*.download*')
            AND (:from IS NULL OR time >= :from) AND (:to IS NULL OR time < :to) ORDER BY time, id",
    },
    Question {
        name: "table-queries",
        answers: "queries on the table that --text names",
        sql: "SELECT utc, user, address, message, exhibit, path, offset FROM timeline WHERE (kind GLOB 'database.query*' OR kind = 'shell.sql')
            AND instr(lower(message), lower(coalesce(:text, ''))) > 0
            AND (:from IS NULL OR time >= :from) AND (:to IS NULL OR time < :to) ORDER BY time, id",
    },
    Question {
        name: "busy",
        answers: "intervals in which the processor was busy for 90 % or more, and the processes that were",
        sql: "SELECT utc, kind, user, program, pid, message, exhibit FROM timeline
            WHERE ((kind IN ('sysstat.cpu', 'atop.cpu') AND fields ->> 'busy' >= 9000) OR kind = 'atop.process')
            AND (:from IS NULL OR time >= :from) AND (:to IS NULL OR time < :to) ORDER BY time, id",
    },
    Question {
        name: "hours",
        answers: "events by hour and source",
        sql: "SELECT strftime('%Y-%m-%dT%H:00Z', h.hour * 3600, 'unixepoch') AS hour, k.name AS kind, sum(h.events) AS events
            FROM hours h JOIN kinds k ON k.id = h.kind
            WHERE (:from IS NULL OR (h.hour + 1) * 3600000000000 > :from) AND (:to IS NULL OR h.hour * 3600000000000 < :to)
            GROUP BY h.hour, h.kind ORDER BY h.hour, k.name",
    },
    Question {
        name: "coverage",
        answers: "what each log covers, and what was not understood",
        sql: "SELECT f.path, l.parser, l.state, l.records, l.others,
            strftime('%Y-%m-%dT%H:%M:%SZ', l.earliest / 1000000000, 'unixepoch') AS first,
            strftime('%Y-%m-%dT%H:%M:%SZ', l.latest / 1000000000, 'unixepoch') AS last, l.times, x.name AS exhibit
            FROM logs l JOIN files f ON f.id = l.file JOIN volumes v ON v.id = f.volume JOIN exhibits x ON x.id = v.exhibit
            ORDER BY v.exhibit, f.path",
    },
    Question {
        name: "gaps",
        answers: "silences of logs that are longer than their habit, and holes in their rotation",
        sql: "SELECT f.path, strftime('%Y-%m-%dT%H:%M:%SZ', g.start / 1000000000, 'unixepoch') AS start,
            strftime('%Y-%m-%dT%H:%M:%SZ', g.\"end\" / 1000000000, 'unixepoch') AS \"end\", g.reason, x.name AS exhibit
            FROM gaps g JOIN files f ON f.id = g.file JOIN volumes v ON v.id = f.volume JOIN exhibits x ON x.id = v.exhibit
            ORDER BY g.start, v.exhibit, f.path",
    },
    Question {
        name: "blind-spots",
        answers: "what would not have been logged, by the settings of the image",
        sql: "SELECT b.service, b.state, b.unlogged, b.reason, b.path, b.line, x.name AS exhibit
            FROM blind_spots b JOIN exhibits x ON x.id = b.exhibit ORDER BY b.exhibit, b.service, b.rowid",
    },
    Question {
        name: "accounts",
        answers: "accounts with password, groups, rights of sudo, keys, last login",
        sql: "SELECT name, uid, shell, password, password_changed, groups, sudo, keys, last_login, exhibit FROM accounts ORDER BY exhibit, uid, name",
    },
    Question {
        name: "sessions",
        answers: "who was logged in from when to when, as wtmp, sshd, PAM, logind and FTP servers tell together",
        sql: "SELECT user, service, address, tty, opened, closed, seconds, \"end\", method, told_by, exhibit
            FROM sessions WHERE (:from IS NULL OR coalesce(closed_time, opened_time) >= :from) AND (:to IS NULL OR opened_time < :to)
            ORDER BY opened_time, user, tty, exhibit",
    },
    Question {
        name: "persistence",
        answers: "what starts by itself and is no unchanged part of a package",
        sql: "SELECT mechanism, path, line, user, replace(substr(command, 1, 200), char(10), ' ') AS command, file_of, program_of, exhibit
            FROM persistence ORDER BY exhibit, mechanism, path, line",
    },
    Question {
        name: "exposure",
        answers: "services and what their settings allow, set or by default",
        sql: "SELECT service, setting, value, origin, boot, allows, path, line, exhibit FROM exposure
            ORDER BY exhibit, service, path, setting, line",
    },
    Question {
        name: "issues",
        answers: "what could not be read or understood",
        sql: "SELECT subject, \"offset\", length, message FROM issues ORDER BY subject, \"offset\"",
    },
];
