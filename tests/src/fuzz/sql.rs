//! Statements that nobody would write, through the real engine: parsed, bound, governed, planned and run.

use std::sync::{Arc, OnceLock};

use futures::StreamExt;
use libtest_mimic::{Failed, Trial};
use lockgate_engine::{Error, Session};
use lockgate_wire::{ErrorCode, QueryRequest};
use proptest::prelude::*;
use proptest::sample::select;

use super::edits::{Edit, edited, edits};
use super::fuzz;
use crate::cases::attacks::attacks;
use crate::noninterference::canary::Canaries;
use crate::runtime;
use crate::worlds::data::base;
use crate::worlds::open::{World, policies, session};
use crate::worlds::people::PEOPLE;

/// How long one statement may take; a longer one has been planned well.
const TIME_MS: u64 = 1_500;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("fuzz::statements_of_random_words_never_break_the_gateway", words),
        Trial::test("fuzz::changed_statements_never_break_the_gateway", changed),
        Trial::test("fuzz::deep_statements_never_break_the_gateway", deep),
    ]
}

/// Words that mean something to the parser, the planner or the world.
const WORDS: &[&str] = &[
    "SELECT",
    "SELECT",
    "SELECT",
    "FROM",
    "FROM",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "UNION ALL",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "WITH",
    "WITH RECURSIVE",
    "AS",
    "JOIN",
    "LEFT JOIN",
    "FULL JOIN",
    "CROSS JOIN",
    "NATURAL JOIN",
    "LEFT SEMI JOIN",
    "ON",
    "USING",
    "LATERAL",
    "UNNEST",
    "VALUES",
    "DISTINCT",
    "DISTINCT ON",
    "ALL",
    "ANY",
    "EXISTS",
    "NOT",
    "IN",
    "BETWEEN",
    "AND",
    "OR",
    "IS NULL",
    "IS DISTINCT FROM",
    "LIKE",
    "ILIKE",
    "SIMILAR TO",
    "ESCAPE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "TRY_CAST",
    "OVER",
    "PARTITION BY",
    "WINDOW",
    "ROWS BETWEEN",
    "UNBOUNDED PRECEDING",
    "CURRENT ROW",
    "RANGE",
    "GROUPS",
    "FILTER",
    "WITHIN GROUP",
    "QUALIFY",
    "GROUPING SETS",
    "CUBE",
    "ROLLUP",
    "INTERVAL",
    "DATE",
    "TIMESTAMP",
    "ARRAY",
    "MAP",
    "STRUCT",
    "EXTRACT",
    "AT TIME ZONE",
    "NULLS FIRST",
    "DESC",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "DESCRIBE",
    "SHOW TABLES",
    "SET",
    "INSERT INTO",
    "CREATE TABLE",
    "COPY",
    "EXCLUDE",
    "REPLACE",
    "TABLE",
    "PIVOT",
    "FOR UPDATE",
    "->",
    "=>",
    "|>",
    "::",
    "||",
    "~",
    "@>",
    "(",
    "(",
    "(",
    ")",
    ")",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ",",
    ",",
    ".",
    ";",
    "*",
    "*",
    "+",
    "-",
    "/",
    "%",
    "=",
    "<",
    ">=",
    "<>",
    "!",
    "?",
    "$1",
    ":a",
    "@b",
    "#",
    "1",
    "0",
    "-1",
    "2.5",
    "1e400",
    "9223372036854775807",
    "99999999999999999999999999999999999999999999",
    "'x'",
    "''",
    "'1'",
    "'2020-01-01'",
    "'1 month'",
    "'k9z.riders.email.3'",
    "\"x\"",
    "\"\"",
    "`x`",
    "$$x$$",
    "X'00'",
    "E'\\x'",
    "NULL",
    "TRUE",
    "hive.rides.trips",
    "vertica.crm.riders",
    "presto.finance.payments",
    "hdfs.raw.events",
    "hive.rides.watchlist",
    "no.such.thing",
    "r",
    "t",
    "r.*",
    "t.rider_id",
    "rider_id",
    "email",
    "phone",
    "birth_date",
    "home_country",
    "city_id",
    "fare",
    "payload",
    "payload['tip']",
    "stops",
    "vehicle",
    "vip_note",
    "amount",
    "count(*)",
    "sum",
    "min",
    "array_agg",
    "string_agg",
    "first_value",
    "rank()",
    "lag",
    "row_number()",
    "coalesce",
    "substr",
    "regexp_replace",
    "to_char",
    "date_trunc",
    "date_bin",
    "arrow_cast",
    "unnest",
    "make_array",
    "named_struct",
    "get_field",
    "map",
    "array_sort",
    "repeat",
    "now()",
    "random()",
    "generate_series",
    "approx_percentile_cont",
    "INT",
    "VARCHAR",
    "DOUBLE",
    "DECIMAL(38, 10)",
    "BOOLEAN",
    "--",
    "/*",
    "*/",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "\u{430}",
    "\n",
    "\u{1f980}",
];

/// Opening, closing, and what stands innermost, for statements that are as deep as they are long.
const NESTS: &[(&str, &str, &str)] = &[
    ("SELECT ", "(", "1"),
    ("SELECT ", "NOT ", "true"),
    ("SELECT ", "- ", "1"),
    ("SELECT 1", " + 1", ""),
    ("SELECT 'x'", " || email", " FROM vertica.crm.riders"),
    ("SELECT true", " AND email IS NULL", " FROM vertica.crm.riders"),
    ("SELECT 1", " UNION ALL SELECT 1", ""),
    ("SELECT 1", " UNION SELECT 1", ""),
    ("SELECT 1", " INTERSECT SELECT 1", ""),
    ("SELECT * FROM ", "(SELECT * FROM ", "vertica.crm.riders"),
    ("SELECT ", "(SELECT ", "1"),
    ("SELECT 1 WHERE ", "EXISTS (SELECT 1 WHERE ", "true"),
    ("SELECT ", "CASE WHEN true THEN ", "1"),
    ("SELECT ", "upper(", "email"),
    ("SELECT ", "coalesce(", "NULL"),
    ("SELECT ", "CAST(", "1"),
    ("SELECT ", "make_array(", "1"),
    ("SELECT ", "named_struct('a', ", "1"),
    ("SELECT ", "[", "1"),
    ("SELECT x", "[1]", " FROM (SELECT make_array(1) AS x)"),
    ("SELECT x", "['a']", " FROM (SELECT named_struct('a', 1) AS x)"),
    ("SELECT '1'", "::INT::VARCHAR", ""),
    ("SELECT * FROM vertica.crm.riders", " NATURAL JOIN vertica.crm.riders", ""),
    ("SELECT 1 FROM vertica.crm.riders a", " CROSS JOIN (SELECT 1)", " LIMIT 1"),
    ("WITH a AS (SELECT 1)", ", b AS (SELECT * FROM a)", " SELECT 1"),
    ("", "WITH a AS (", "SELECT 1"),
    ("SELECT ", "(1, ", "1"),
    ("SELECT 1 IN ", "(1 IN ", "(1)"),
    ("SELECT CAST(NULL AS ", "ARRAY<", "INT"),
    ("SELECT sum(1) OVER (ORDER BY ", "(", "1"),
    ("SELECT 1 FROM ", "(", "vertica.crm.riders"),
    ("", "EXPLAIN ", "SELECT 1"),
    ("SELECT INTERVAL ", "INTERVAL ", "'1 day'"),
    ("SELECT 1", " BETWEEN 0 AND 1", ""),
    ("SELECT 1", " IS NULL", ""),
    ("SELECT email FROM vertica.crm.riders ORDER BY ", "email, ", "email"),
    ("SELECT ", "count(*), ", "count(*) FROM vertica.crm.riders"),
    ("SELECT a", ".a", " FROM (SELECT 1 AS a)"),
    ("SELECT count(*) FROM vertica.crm.riders GROUP BY CUBE (", "home_country, ", "home_country)"),
];

struct Stage {
    world: World,
    askers: Vec<(Session, Canaries)>,
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let data = base(7);
        let world = runtime().block_on(World::open(&data, policies()));
        Stage { world, askers: PEOPLE.iter().map(|person| (session(person), Canaries::of(&data, person))).collect() }
    })
}

/// Runs a statement to its end.
fn run(session: &Session, sql: &str) -> Result<(), Error> {
    let request = QueryRequest { timeout_ms: Some(TIME_MS), max_rows: Some(1_000), ..QueryRequest::new(sql) };
    runtime().block_on(async {
        let mut running = stage().world.engine.query(session, request).await?;
        while let Some(batch) = running.next().await {
            batch?;
        }
        Ok(())
    })
}

/// Whatever is asked, by whomever: rows, or a refusal that is no fault of the gateway and tells nothing.
fn check(who: usize, sql: &str) -> Result<(), TestCaseError> {
    let (session, _) = &stage().askers[who % stage().askers.len()];
    let answer = run(session, sql);
    stage().world.ledger.take();
    let Err(error) = answer else { return Ok(()) };
    prop_assert_ne!(error.code(), ErrorCode::Internal, "{} {}\n{}", error.problem.detail, error.internal, sql);
    let told = serde_json::to_vec(&error.problem).expect("a problem is JSON");
    let told = [told, error.internal.into_bytes()].concat();
    let leaks = Canaries::none().leaked(&told, sql);
    prop_assert!(leaks.is_empty(), "{leaks:?}: {}", String::from_utf8_lossy(&told));
    Ok(())
}

fn words() -> Result<(), Failed> {
    let word = (select(WORDS), select(&[" ", " ", " ", " ", "", "\n"][..]));
    let words = prop::collection::vec(word, 1..40).prop_map(|words| {
        let words: Vec<String> = words.into_iter().map(|(word, blank)| format!("{word}{blank}")).collect();
        words.concat()
    });
    // Without a first word that begins a statement, most would end at the parser.
    let starts = select(
        &[
            "",
            "SELECT ",
            "SELECT email FROM vertica.crm.riders r WHERE ",
            "SELECT * FROM hive.rides.trips t ",
            "SELECT rider_id, ",
        ][..],
    );
    fuzz(400, &(0..PEOPLE.len(), starts, words), |(who, start, words)| check(who, &format!("{start}{words}")))
}

fn changed() -> Result<(), Failed> {
    let statements: Arc<[String]> = attacks().into_iter().map(|case| case.sql).collect();
    let statement = any::<prop::sample::Index>().prop_map(move |at| statements[at.index(statements.len())].clone());
    let inputs = (0..PEOPLE.len(), statement, edits(WORDS));
    fuzz(400, &inputs, |(who, sql, edits): (usize, String, Vec<Edit>)| {
        check(who, &String::from_utf8_lossy(&edited(sql.as_bytes(), &edits)))
    })
}

fn deep() -> Result<(), Failed> {
    let times = prop_oneof![1..60_usize, 60..600_usize, 5_000..30_000_usize];
    fuzz(80, &(select(NESTS), times, any::<bool>()), |((before, piece, after), times, closed)| {
        let close = match piece {
            _ if !closed => "",
            piece if piece.contains("CASE") => " END",
            piece if piece.contains("CAST(") => " AS INT)",
            piece if piece.contains('(') => ")",
            piece if piece.contains("[\'") || piece.contains("[1]") => "",
            piece if piece.contains('[') => "]",
            piece if piece.contains('<') => ">",
            _ => "",
        };
        check(0, &format!("{before}{}{after}{}", piece.repeat(times), close.repeat(times)))
    })
}
