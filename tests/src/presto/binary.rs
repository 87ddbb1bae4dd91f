//! Rows in the form in which Presto's own servers exchange them, against the same rows as JSON. Trino gives JSON both times.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::ensure;
use arrow::array::{RecordBatch, new_empty_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::proxy::{Fault, Proxy};
use super::{Test, fixture};
use crate::servers::{Dialect, Server};

pub(super) const ALL: &[(&str, Test)] = &[
    ("binary_rows_are_those_of_json", same),
    ("only_presto_is_asked_for_binary_rows_and_only_if_the_operator_wants_it", asked),
];

/// Columns: name, what gives a value for row `x`, and what stands in the classification behind the name.
const COLUMNS: &[(&str, &str, &[&str])] = &[
    ("id", "x", &[""]),
    ("tiny", "CAST(x % 256 - 128 AS tinyint)", &[""]),
    ("small", "CAST(x * 7 % 65536 - 32768 AS smallint)", &[""]),
    ("big", "x * 900719925474099", &[""]),
    ("single", "CAST(x / 7e0 - 1e3 AS real)", &[""]),
    ("double", "1e0 / (x - 4000)", &[""]),
    ("truth", "x % 2 = 0", &[""]),
    ("short", "CAST(x * -1234.567 AS decimal(18, 3))", &[""]),
    ("long", "CAST('-12345678901234567890123456789012345.678' AS decimal(38, 3)) + x", &[""]),
    ("longer", "CAST('99999999999999999999999999999999990000' AS decimal(38, 0)) - x", &[""]),
    ("text", "concat('zürich 日本 🚲 ', CAST(x AS varchar))", &[""]),
    ("mixed", "IF(x % 5 = 0, '', rpad('', x % 700, 'ü'))", &[""]),
    ("padded", "CAST(CAST(x % 1000 AS varchar) AS char(5))", &[""]),
    ("bytes", "sha256(to_utf8(CAST(x AS varchar)))", &[""]),
    ("day", "date_add('day', x - 20000, DATE '1970-01-01')", &[""]),
    ("stamp", "date_add('second', x * 86399, TIMESTAMP '1931-04-05 06:07:08.999')", &[""]),
    ("instant", "from_unixtime(x * 86399, 'Europe/Paris')", &[""]),
    ("clock", "CAST(date_add('millisecond', x * 1234, TIMESTAMP '2000-01-01 00:00:00.001') AS time)", &[""]),
    ("months", "(x - 3000) * INTERVAL '1' MONTH", &[""]),
    ("span", "(x - 3000) * INTERVAL '7' MINUTE", &[""]),
    ("doc", "CAST(MAP(ARRAY['k'], ARRAY[x]) AS json)", &[""]),
    ("key", "CAST(concat('12151fd2-7586-11e9-8f9e-2a86e', lpad(CAST(x AS varchar), 7, '0')) AS uuid)", &[""]),
    (
        "host",
        "CAST(IF(x % 3 = 1, concat('10.0.', CAST(x % 256 AS varchar), '.1'), \
         concat('2001:db8:0:', CAST(x % 2 AS varchar), '::', CAST(x % 9999 AS varchar))) AS ipaddress)",
        &[""],
    ),
    ("items", "IF(x % 5 = 0, ARRAY[], ARRAY[x, NULL, x * 2])", &[""]),
    ("texts", "IF(x % 4 = 0, ARRAY[ARRAY['a', NULL], ARRAY[], NULL], ARRAY[ARRAY[CAST(x AS varchar)]])", &[""]),
    ("pairs", "MAP(ARRAY[CAST(x AS varchar)], ARRAY[NULLIF(x % 5, 0)])", &[".key", ".value"]),
    (
        "row",
        "CAST(ROW(x, NULLIF(x % 5, 1), ARRAY[IF(x % 4 = 0, NULL, CAST(ROW(x, 'in') AS row(p bigint, q varchar)))]) \
         AS row(a bigint, b bigint, c array(row(p bigint, q varchar))))",
        &[".a", ".b", ".c.p", ".c.q"],
    ),
    ("long_row", "CAST(ROW('once', DECIMAL '7.50') AS row(t varchar, d decimal(20, 2)))", &[".t", ".d"]),
];

/// Rows of the table: several pages, whose answer is more than one.
const N_ROWS: usize = 10_000;

/// Queries of it: everything, with nulls and without; few columns; what repeats; nothing.
const QUERIES: &[&str] = &[
    "SELECT * FROM src.suite.many",
    "SELECT * FROM src.suite.sparse",
    "SELECT id, text FROM src.suite.sparse WHERE id % 1000 < 3",
    "SELECT id, mixed, row FROM src.suite.sparse",
    "SELECT * FROM src.suite.repeated",
    "SELECT * FROM src.suite.nothing",
    "SELECT id FROM src.suite.many WHERE id < 0",
];

fn prepare(server: &Server, catalog: &str) {
    server.run(&format!("CREATE SCHEMA IF NOT EXISTS {catalog}.suite"));
    let select = |value: &dyn Fn(&str) -> String| {
        let columns: Vec<String> = COLUMNS
            .iter()
            .map(|(name, sql, _)| format!("{} AS {name}", if *name == "id" { (*sql).to_owned() } else { value(sql) }))
            .collect();
        columns.join(", ")
    };
    let rows = format!("FROM (SELECT CAST(n AS bigint) AS x FROM UNNEST(sequence(1, {N_ROWS})) AS t (n))");
    for (table, sql) in [
        ("many", format!("SELECT {} {rows}", select(&|sql| sql.to_owned()))),
        ("sparse", format!("SELECT {} {rows}", select(&|sql| format!("IF(x % 3 = 0, NULL, {sql})")))),
        ("nothing", format!("SELECT {} {rows}", select(&|sql| format!("IF(x > 0, NULL, {sql})")))),
    ] {
        server.run(&format!("DROP TABLE IF EXISTS {catalog}.suite.{table}"));
        server.run(&format!("CREATE TABLE {catalog}.suite.{table} AS {sql}"));
    }
    // A view gives rows as the server's operators make them, which repeat a value without copying it.
    server.run(&format!(
        "CREATE OR REPLACE VIEW {catalog}.suite.repeated AS SELECT 'once' AS once, CAST(NULL AS varchar) AS never, s.x AS s, \
         n.n_name AS name, n.n_comment AS comment FROM tpch.tiny.nation n CROSS JOIN UNNEST(sequence(1, 300)) AS s (x)"
    ));
}

fn tables() -> BTreeMap<String, RecordBatch> {
    let named = |names: Vec<String>| {
        let fields: Vec<Field> = names.iter().map(|name| Field::new(name, DataType::Boolean, true)).collect();
        let arrays = fields.iter().map(|field| new_empty_array(field.data_type())).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("no rows")
    };
    let all =
        || COLUMNS.iter().flat_map(|(name, _, parts)| parts.iter().map(move |part| format!("{name}{part}"))).collect();
    let repeated = ["once", "never", "s", "name", "comment"].map(str::to_owned).to_vec();
    BTreeMap::from([
        ("many".to_owned(), named(all())),
        ("sparse".to_owned(), named(all())),
        ("nothing".to_owned(), named(all())),
        ("repeated".to_owned(), named(repeated)),
    ])
}

/// Rows as texts, in an order of their own: pages come as they are ready.
fn rows(url: &str, catalog: &str, binary: bool, sql: &str) -> anyhow::Result<(SchemaRef, Vec<String>)> {
    let fixture = fixture(url, catalog, serde_json::json!({"binary_results": binary}), tables());
    let answer = crate::runtime().block_on(fixture.query(sql));
    let answer = answer.map_err(|error| anyhow::anyhow!("{sql}: {error} [{}]", error.internal))?;
    let options = FormatOptions::default().with_null("null");
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for at in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(at).to_string()).collect();
            rows.push(values.join("|"));
        }
    }
    rows.sort_unstable();
    Ok((answer.schema, rows))
}

fn same(server: &Server) -> anyhow::Result<()> {
    let catalog = "types";
    if server.dialect == Dialect::Trino {
        return Ok(());
    }
    prepare(server, catalog);
    for sql in QUERIES {
        let binary = rows(&server.url, catalog, true, sql)?;
        let json = rows(&server.url, catalog, false, sql)?;
        ensure!(binary.0 == json.0, "{sql}: {} and {}", binary.0, json.0);
        ensure!(binary.1.len() == json.1.len(), "{sql}: {} and {} rows", binary.1.len(), json.1.len());
        if let Some((one, other)) = binary.1.iter().zip(&json.1).find(|(one, other)| one != other) {
            anyhow::bail!("{sql}:\n{one}\n{other}");
        }
    }
    Ok(())
}

/// What was posted.
fn asked(server: &Server) -> anyhow::Result<()> {
    for (binary, expected) in [(true, server.dialect == Dialect::Presto), (false, false)] {
        let proxy = crate::runtime().block_on(Proxy::start(server, Fault::Html));
        let batch = super::tables::empty(&["r_name"]);
        let tables = BTreeMap::from([("tiny.region".to_owned(), batch)]);
        let fixture = fixture(&proxy.url, "tpch", serde_json::json!({"binary_results": binary}), tables);
        let answer = crate::runtime().block_on(fixture.query("SELECT r_name FROM src.tiny.region"));
        let answer = answer.map_err(|error| anyhow::anyhow!("{error} [{}]", error.internal))?;
        ensure!(answer.n_rows() == 5, "{} rows", answer.n_rows());
        let posted = proxy.posted();
        ensure!(!posted.is_empty(), "nothing went through the proxy");
        // Counts of rows are few, and asked for as JSON.
        ensure!(posted.iter().any(|path| path.contains("binaryResults=true")) == expected, "{posted:?}");
    }
    Ok(())
}
