//! What a statement of SQL reads.

/// A way of reading a table whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read {
    /// As a program for dumps does it.
    Dump { table: String, by: &'static str },
    /// Into a file of the server.
    Outfile { what: String },
    /// Without a condition or a limit.
    Whole { table: String },
}

/// What a statement reads whole, if it does.
pub(super) fn read(statement: &str) -> Option<Read> {
    let statement = statement.trim().trim_end_matches(';').trim();
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

fn short(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
