use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::dialect::BoundedDialect;
use super::{MAX_CHAIN, Mode, Parsed, parse};

/// The code, `run`, `explain`, `analyze`, `show` or `describe`.
fn check(sql: &str, expect: &str) {
    let got = match parse(sql) {
        Err(error) => error.code().name(),
        Ok(Parsed::Query { mode: Mode::Run, .. }) => "run",
        Ok(Parsed::Query { mode: Mode::Explain, .. }) => "explain",
        Ok(Parsed::Query { mode: Mode::Analyze, .. }) => "analyze",
        Ok(Parsed::ShowTables) => "show",
        Ok(Parsed::Describe(_)) => "describe",
    };
    assert_eq!(got, expect, "{sql}");
}

#[test]
fn only_one_reading_statement_is_accepted() {
    for sql in [
        "SELECT 1",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "VALUES (1), (2)",
        "SELECT 1 UNION ALL SELECT 2",
        "SELECT 1;",
        "/* c */ SELECT 1 -- d",
    ] {
        check(sql, "run");
    }
    check("EXPLAIN SELECT 1", "explain");
    check("EXPLAIN ANALYZE SELECT 1", "analyze");
    check("SHOW TABLES", "show");
    check("DESCRIBE a.b.c", "describe");
    check("SHOW COLUMNS FROM a.b.c", "describe");
}

#[test]
fn everything_else_is_refused_by_name() {
    for sql in [
        "CREATE EXTERNAL TABLE leak STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE TABLE x AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE FUNCTION f(x INT) RETURNS INT RETURN x",
        "DROP TABLE x",
        "INSERT INTO a.b.c VALUES (1)",
        "UPDATE a.b.c SET x = 1",
        "DELETE FROM a.b.c",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "COPY a.b.c TO '/tmp/x.csv'",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "SHOW ALL",
        "SHOW CREATE TABLE a.b.c",
        "PREPARE p AS SELECT 1",
        "EXECUTE p(1)",
        "DEALLOCATE p",
        "BEGIN",
        "COMMIT",
        "EXPLAIN COPY a.b.c TO 'x'",
        "EXPLAIN INSERT INTO a.b.c VALUES (1)",
        "EXPLAIN EXPLAIN SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE x",
        "ANALYZE TABLE a.b.c COMPUTE STATISTICS",
        "SHOW FUNCTIONS",
    ] {
        check(sql, "UNSUPPORTED_STATEMENT");
    }
    for sql in [
        "EXPLAIN VERBOSE SELECT 1",
        "EXPLAIN FORMAT TREE SELECT 1",
        "SELECT * FROM generate_series(1, 10)",
        "SELECT * FROM a.b.c TABLESAMPLE (50 PERCENT)",
        "SELECT * FROM (SELECT 1 AS x FROM a.b.c TABLESAMPLE (1 ROWS)) y",
        "SELECT * INTO x FROM a.b.c",
        "SELECT * FROM a.b.c FOR UPDATE",
        "SELECT 1 WHERE 1 IN (SELECT x FROM generate_series(1, 2))",
        "WITH w AS (SELECT * FROM a.b.c FOR UPDATE) SELECT * FROM w",
    ] {
        check(sql, "UNSUPPORTED_FEATURE");
    }
    for sql in ["", "   ", "-- nothing", "SELEC 1", "SELECT (", "SELECT 'x"] {
        check(sql, "SQL_SYNTAX");
    }
}

#[test]
fn syntax_errors_give_line_and_column() {
    let error = parse("SELECT 1\n  FROM )").unwrap_err();
    assert_eq!((error.problem.line, error.problem.column), (Some(2), Some(8)), "{error:?}");
}

#[test]
fn long_lists_are_fine_and_long_chains_are_refused() {
    let list = format!("SELECT 1 WHERE 1 IN ({})", vec!["1"; 50_000].join(", "));
    check(&list, "run");
    for glue in [" OR ", " AND ", "+", " || ", " - - "] {
        let chain = format!("SELECT {}", vec!["1 = 1"; MAX_CHAIN + 1].join(glue));
        check(&chain, "SQL_SYNTAX");
    }
    check(&format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000)), "SQL_SYNTAX");
    check(&vec!["SELECT 1"; MAX_CHAIN].join(" UNION "), "SQL_SYNTAX");
}

#[test]
fn wildcards_are_seen_at_any_depth() {
    let is_wild = |sql: &str| matches!(parse(sql), Ok(Parsed::Query { wildcard: true, .. }));
    assert!(is_wild("SELECT * FROM a.b.c"));
    assert!(is_wild("SELECT x FROM (SELECT t.* FROM a.b.c t) y"));
    assert!(is_wild("SELECT (SELECT max(x) FROM (SELECT * FROM a.b.c) z)"));
    assert!(!is_wild("SELECT count(*) FROM a.b.c"));
}

/// Red would mean: never ends.
#[test]
fn an_error_deep_inside_is_met_once_and_not_once_for_each_reading_of_each_word_around_it() {
    for piece in [
        "CAST(",
        "TRY_CAST(",
        "upper(CAST(",
        "EXTRACT(",
        "CEIL(",
        "POSITION(",
        "SUBSTRING(",
        "TRIM(",
        "OVERLAY(",
        "CONVERT(",
        "EXISTS (",
        "ARRAY[",
        "MAP {",
        "STRUCT(",
        "CASE WHEN ",
        "INTERVAL ",
        "NOT ",
        "NOT EXISTS (",
        "BINARY ",
        "PRIOR ",
        "GROUPING SETS (",
        "(SELECT ",
        "(SELECT CAST(",
        "MATCH (",
        "{fn ",
        "(a, ",
        "x -> CAST(",
        "LATERAL (SELECT ",
        "CASE CAST(",
        "COLLATE(",
        "DATE(CAST(",
    ] {
        for end in ["", ")", "1 AS )", "'x' FROM )"] {
            let sql = format!("SELECT {}{end}", piece.repeat(48));
            let parsed = parse(&sql);
            // `NOT` and its like may also be names.
            if piece.contains('(') {
                assert!(matches!(parsed, Err(error) if error.code().name() == "SQL_SYNTAX"), "{sql}");
            }
        }
        drop(parse(&format!("SELECT 1 FROM {}1", piece.repeat(48))));
        drop(parse(&format!("SELECT 1 FROM t WHERE {}1", piece.repeat(48))));
    }
}

#[test]
fn statements_read_as_in_the_generic_dialect() {
    for sql in [
        "SELECT `a`, \"b\", @x, #y, a$b FROM t",
        "SELECT U&'\\0061', E'\\n', q'[x]', X'00', N'x'",
        "SELECT {'a': 1}, MAP {'a': 1}, STRUCT(1 AS a), [1, 2], ARRAY[1]",
        "SELECT a,, b FROM t",
        "SELECT a, b, FROM t",
        "SELECT FROM t",
        "FROM t SELECT a",
        "FROM t",
        "SELECT * EXCEPT (a) FROM t",
        "SELECT * EXCLUDE (a) FROM t",
        "SELECT * REPLACE (1 AS a) FROM t",
        "SELECT * RENAME (a AS b) FROM t",
        "SELECT * ILIKE 'a%' FROM t",
        "SELECT a FROM t |> WHERE a > 1",
        "SELECT a FROM t LIMIT 1, 2",
        "SELECT a FROM t LIMIT 1 BY a",
        "SELECT a FROM t SETTINGS x = 1",
        "SELECT a FROM t FORMAT JSON",
        "SELECT a FROM t PREWHERE a > 1",
        "SELECT a FROM t ORDER BY a WITH FILL",
        "SELECT a FROM t GROUP BY ROLLUP (a), CUBE (b), GROUPING SETS ((a), ())",
        "SELECT a FROM t GROUP BY a WITH ROLLUP",
        "SELECT a FROM t START WITH a = 1 CONNECT BY PRIOR a = b",
        "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (a) DEFINE a AS true)",
        "SELECT count(*) FILTER (WHERE a > 1), first_value(a IGNORE NULLS), lag(a) IGNORE NULLS OVER w FROM t WINDOW w AS (ORDER BY a), v AS w",
        "SELECT f(a := 1), f(a => 1), TRY_CONVERT(INT, a)",
        "SELECT 1 << 2, 1 >> 2, 1 & 2, a::INT, a->'b', a ~ 'b'",
        "SELECT EXTRACT('year' FROM a), EXTRACT(custom FROM a), TRIM(a, b), INTERVAL '1' DAY, INTERVAL '1 day' YEAR TO MONTH",
        "SELECT MATCH (a) AGAINST ('b')",
        "SELECT /*+ HINT */ a /* /* */ */ FROM t",
        "WITH a (SELECT 1) SELECT * FROM a",
        "SELECT * FROM VALUES (1), (2)",
        "SELECT * FROM (t), ((SELECT 1) a JOIN b ON true)",
        "SELECT * FROM a JOIN b JOIN c ON true ON true",
        "SELECT a FROM t ARRAY JOIN b",
        "SELECT CAST(a AS INT UNSIGNED), CAST(a AS INT[])",
        "EXPLAIN (ANALYZE, VERBOSE) SELECT 1",
        "SET (a, b) = (1, 2)",
        "SET NAMES 'utf8'",
        "OPTIMIZE TABLE t",
        "INSTALL x",
        "LOAD x",
        "DETACH x",
        "COMMENT ON TABLE t IS 'x'",
        "CREATE VIEW v COMMENT = 'x' AS SELECT 1",
        "BEGIN IMMEDIATE TRANSACTION",
        "SELECT a AS (b, c) FROM t",
        "SELECT xmlelement(NAME a)",
        "SELECT 1 +",
        "SELECT a FROM t WHERE a LIKE 'x' ESCAPE '!'",
    ] {
        let (generic, bounded) = (GenericDialect {}, BoundedDialect::new(0));
        assert_eq!(Parser::parse_sql(&bounded, sql), Parser::parse_sql(&generic, sql), "{sql}");
    }
}
