//! What a statement of SQL reads.

/// Letters of a statement that are looked at.
const LOOKED_AT: usize = 200_000;

/// A way of reading a table whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// As a program for dumps does it.
    Dump { table: String, by: &'static str },
    /// Into a file of the server.
    Outfile { what: String },
    /// Without a condition or a limit.
    Whole { table: String },
}

/// What a statement reads whole, if it does.
pub(crate) fn read(statement: &str) -> Option<Read> {
    let statement = on_one_line(statement);
    let statement = statement.trim_end_matches(';').trim();
    let lower = statement.to_ascii_lowercase();
    if !matches!(lower.get(..4), Some("sele" | "copy" | "tabl" | "with" | "(sel")) {
        return None;
    }
    if let Some(at) = lower.find(" into outfile ").or_else(|| lower.find(" into dumpfile ")) {
        let what = statement.get(at..).unwrap_or_default().trim();
        return Some(Read::Outfile { what: short(what) });
    }
    if let Some(rest) = lower.strip_prefix("copy ") {
        return copied(statement.get(5..).unwrap_or_default(), rest);
    }
    // mysqldump 5 to 8 and mariadb-dump ask so (client/mysqldump.c, `dump_table`).
    if lower.starts_with("select /*!40001 sql_no_cache */") {
        let table = behind_from(statement, &lower)?.0;
        return Some(Read::Dump { table, by: "mysqldump" });
    }
    let columns = lower.strip_prefix("select ")?.trim_start();
    let is_all = columns.starts_with("* from") || columns.starts_with("*from") || columns.starts_with("all * from");
    let (table, rest) = behind_from(statement, &lower)?;
    let is_bounded = ["where", "limit", "fetch", "group by", "having", "join", "top", "offset", "for update"]
        .iter()
        .any(|word| rest.contains(word));
    (is_all && !is_bounded && !is_of_the_server(&table)).then_some(Read::Whole { table })
}

/// A statement without its line ends and further blanks, which the store holds in their visible form; of what is very long
/// the beginning.
pub(crate) fn on_one_line(statement: &str) -> String {
    let end = statement.char_indices().nth(LOOKED_AT).map_or(statement.len(), |(end, _)| end);
    let statement = statement.get(..end).unwrap_or_default();
    let blanks = ["\\u{a}", "\\u{9}", "\\u{d}"];
    let statement = blanks.iter().fold(statement.to_owned(), |text, blank| match text.contains(blank) {
        true => text.replace(blank, " "),
        false => text,
    });
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tables that a statement reads, as it names them.
pub(crate) fn tables(statement: &str) -> String {
    let statement = on_one_line(statement);
    let lower = statement.to_ascii_lowercase();
    let mut tables: Vec<String> = Vec::new();
    for (at, word) in lower.match_indices(" from ").chain(lower.match_indices(" join ")) {
        let rest = statement.get(at.saturating_add(word.len())..).unwrap_or_default();
        let end =
            rest.find(|sign: char| sign.is_whitespace() || matches!(sign, ',' | ')' | ';' | '(')).unwrap_or(rest.len());
        let name: String = rest.get(..end).unwrap_or_default().chars().filter(|it| !matches!(it, '`' | '"')).collect();
        if !name.is_empty() && !tables.contains(&name) && tables.len() < 8 {
            tables.push(name);
        }
    }
    short(&tables.join(", "))
}

/// Where a statement makes the server write code to: a page or a library, by its `INTO OUTFILE`, `INTO DUMPFILE` or as the
/// log of the server; `None` if it writes no such thing.
pub(crate) fn code(statement: &str) -> Option<String> {
    let statement = on_one_line(statement);
    let lower = statement.to_ascii_lowercase();
    let written =
        [" into outfile ", " into dumpfile "].iter().find_map(|word| lower.find(word).map(|at| (at, word.len())));
    let log = || {
        let is_set = lower.starts_with("set ");
        ["general_log_file", "slow_query_log_file"]
            .iter()
            .find_map(|name| lower.find(name).map(|at| (at, name.len())))
            .filter(|_| is_set)
    };
    let (at, length) = written.or_else(log)?;
    let behind = statement.get(at.saturating_add(length)..)?;
    let target = behind.split(['\'', '"']).nth(1)?;
    let name = target.to_ascii_lowercase();
    let is_code = [
        ".php",
        ".phtml",
        ".php3",
        ".php5",
        ".php7",
        ".phar",
        ".jsp",
        ".jspx",
        ".asp",
        ".aspx",
        ".cgi",
        ".htaccess",
        ".so",
    ]
    .iter()
    .any(|ending| name.ends_with(ending))
        || ["/cron", "/.ssh/", "/etc/", "/profile.d/"].iter().any(|place| name.contains(place));
    // What is written may stand there by the numbers of its letters.
    let marks = ["<?", "<%", "3c3f706870", "3c3f3d", "0x7f454c46", "#!/"];
    let brings = marks.iter().any(|mark| lower.get(..at).is_some_and(|begin| begin.contains(mark)));
    (is_code || brings).then(|| short(target))
}

/// `COPY table [(columns)] TO STDOUT`, as pg_dump asks, `COPY (query) TO …`, `COPY … TO 'file'`.
fn copied(statement: &str, lower: &str) -> Option<Read> {
    let at = lower.find(" to ")?;
    let target = lower.get(at..)?.trim_start_matches(" to ").trim_start();
    if !target.starts_with("stdout") {
        return Some(Read::Outfile { what: short(statement) });
    }
    let table = statement.get(..at)?.split('(').next().unwrap_or_default().trim();
    let table = if table.is_empty() { "of a query" } else { table };
    Some(Read::Dump { table: short(table), by: "pg_dump, or of COPY by hand" })
}

/// The table behind the first ` from `, and what follows it in lower case.
fn behind_from(statement: &str, lower: &str) -> Option<(String, String)> {
    let at = lower.find(" from ")?.checked_add(6)?;
    let rest = statement.get(at..)?.trim_start();
    let end = rest.find(|sign: char| sign.is_whitespace() || sign == ',' || sign == ')').unwrap_or(rest.len());
    let table: String = rest.get(..end)?.chars().filter(|sign| !matches!(sign, '`' | '"' | '[' | ']')).collect();
    let behind = rest.get(end..).unwrap_or_default().to_ascii_lowercase();
    (!table.is_empty() && !table.starts_with('(')).then(|| (short(&table), behind))
}

/// Tables in which a server tells of itself.
fn is_of_the_server(table: &str) -> bool {
    let lower = table.to_ascii_lowercase();
    let starts = ["information_schema", "performance_schema", "mysql.", "sys.", "pg_", "sqlite_", "dual"];
    starts.iter().any(|start| lower.starts_with(start))
}

pub(crate) fn short(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_write_code_are_known_by_what_and_where() {
        for (statement, target) in [
            ("SELECT '<?php system($_GET[1]); ?>' INTO DUMPFILE '/var/www/html/x.php'", "/var/www/html/x.php"),
            ("select 1,0x3c3f70687020 from a\ninto\toutfile \"/srv/www/a.phtml\"", "/srv/www/a.phtml"),
            ("SELECT '<? eval($_POST[1]) ?>' INTO OUTFILE '/var/www/html/x.txt'", "/var/www/html/x.txt"),
            ("SELECT unhex('7f45') INTO DUMPFILE '/usr/lib/mysql/plugin/udf.so'", "/usr/lib/mysql/plugin/udf.so"),
            ("SET GLOBAL general_log_file = '/var/www/html/log.php'", "/var/www/html/log.php"),
        ] {
            assert_eq!(code(statement).as_deref(), Some(target), "{statement}");
        }
        for harmless in [
            "SELECT * FROM customers INTO OUTFILE '/var/lib/mysql-files/c.csv'",
            "SET GLOBAL general_log_file = '/var/log/mysql/mysql.log'",
            "INSERT INTO posts VALUES ('into outfile is a word', '<?php echo 1; ?>')",
            "SELECT 'x.php'",
            "SELECT 1 INTO OUTFILE",
        ] {
            assert_eq!(code(harmless), None, "{harmless}");
        }
        assert!(matches!(read("select *\\u{a}\\u{9}from c\\u{a}into outfile '/tmp/x'"), Some(Read::Outfile { .. })));
        assert_eq!(tables("select a from `x`.`t` join u on 1, (select 2 from t2)"), "x.t, t2, u");
    }

    #[test]
    fn statements_that_read_all_are_known_by_their_form() {
        let table = |table: &str, by| Some(Read::Dump { table: table.to_owned(), by });
        assert_eq!(read("SELECT /*!40001 SQL_NO_CACHE */ * FROM `customers`"), table("customers", "mysqldump"));
        assert_eq!(read("SELECT /*!40001 SQL_NO_CACHE */ `id`, `name` FROM `c`"), table("c", "mysqldump"));
        assert_eq!(
            read("COPY public.customers (id, name) TO stdout;"),
            table("public.customers", "pg_dump, or of COPY by hand")
        );
        assert!(matches!(read("select * from c into outfile '/tmp/x'"), Some(Read::Outfile { .. })));
        assert!(matches!(read("COPY c TO '/tmp/x'"), Some(Read::Outfile { .. })));
        assert_eq!(
            read("select * from booking.customers;"),
            Some(Read::Whole { table: "booking.customers".to_owned() })
        );
        for harmless in [
            "SELECT * FROM customers WHERE id = 7",
            "select * from c limit 10",
            "SELECT count(*) FROM customers",
            "INSERT INTO a SELECT * FROM b",
            "SELECT * FROM information_schema.tables",
            "COPY c FROM stdin",
            "SELECT 1",
            "",
            "select * from",
        ] {
            assert_eq!(read(harmless), None, "{harmless}");
        }
    }
}
