//! Every type of the two servers with its edge values: what comes out, as which Arrow type.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::ensure;
use arrow::array::{RecordBatch, new_empty_array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{Test, fixture};
use crate::servers::{Dialect, Server};

pub(super) const ALL: &[(&str, Test)] =
    &[("every_type_comes_out_exactly", every_type), ("what_has_no_exact_arrow_type_is_refused_by_name", refused)];

/// An expression of the server, the Arrow type, and the value as Arrow prints it.
type Case = (&'static str, &'static str, &'static str);

const BOTH: &[Case] = &[
    ("true", "Boolean", "true"),
    ("CAST(NULL AS boolean)", "Boolean", "null"),
    ("TINYINT '-128'", "Int8", "-128"),
    ("SMALLINT '32767'", "Int16", "32767"),
    ("INTEGER '-2147483648'", "Int32", "-2147483648"),
    ("BIGINT '-9223372036854775808'", "Int64", "-9223372036854775808"),
    ("BIGINT '9223372036854775807'", "Int64", "9223372036854775807"),
    ("REAL '3.4028235E38'", "Float32", "3.4028235e38"),
    ("REAL '1.4E-45'", "Float32", "1e-45"),
    ("REAL '0.1'", "Float32", "0.1"),
    ("CAST(nan() AS real)", "Float32", "NaN"),
    ("CAST(-infinity() AS real)", "Float32", "-inf"),
    ("DOUBLE '1.7976931348623157E308'", "Float64", "1.7976931348623157e308"),
    ("DOUBLE '4.9E-324'", "Float64", "5e-324"),
    ("DOUBLE '-0.0'", "Float64", "-0.0"),
    ("DOUBLE '1.0'", "Float64", "1.0"),
    ("nan()", "Float64", "NaN"),
    ("infinity()", "Float64", "inf"),
    ("-infinity()", "Float64", "-inf"),
    ("DECIMAL '99999999999999999999999999999999999999'", "Decimal128(38, 0)", "99999999999999999999999999999999999999"),
    ("CAST('-0.01' AS decimal(3, 2))", "Decimal128(3, 2)", "-0.01"),
    (
        "CAST('-0.99999999999999999999999999999999999999' AS decimal(38, 38))",
        "Decimal128(38, 38)",
        "-0.99999999999999999999999999999999999999",
    ),
    ("CAST(7 AS decimal(20, 4))", "Decimal128(20, 4)", "7.0000"),
    ("CAST('' AS varchar)", "Utf8", ""),
    ("'it''s \"ü\" \\ 日本 🚲'", "Utf8", "it's \"ü\" \\ 日本 🚲"),
    ("CAST('NULL' AS varchar(4))", "Utf8", "NULL"),
    ("CAST('ab' AS char(4))", "Utf8", "ab  "),
    ("X''", "Binary", ""),
    ("X'00FF10'", "Binary", "00ff10"),
    ("DATE '0001-01-01'", "Date32", "0001-01-01"),
    ("DATE '1582-10-10'", "Date32", "1582-10-10"),
    ("DATE '9999-12-31'", "Date32", "9999-12-31"),
    ("date_add('year', 10000, DATE '2024-02-29')", "Date32", "+12024-02-29"),
    ("date_add('year', -3000, DATE '2024-02-29')", "Date32", "-0976-02-29"),
    ("TIME '23:59:59.999'", "Time64(µs)", "23:59:59.999"),
    ("TIMESTAMP '1969-12-31 23:59:59.999'", "Timestamp(µs)", "1969-12-31T23:59:59.999"),
    ("TIMESTAMP '0001-01-01 00:00:00.000'", "Timestamp(µs)", "0001-01-01T00:00:00"),
    ("TIMESTAMP '2024-07-01 02:00:00.000 Europe/Paris'", "Timestamp(µs, \"UTC\")", "2024-07-01T00:00:00Z"),
    // The hour that Paris has twice: the server knows which one it is.
    ("from_unixtime(1729990800, 'Europe/Paris')", "Timestamp(µs, \"UTC\")", "2024-10-27T01:00:00Z"),
    ("from_unixtime(1729987200, 'Europe/Paris')", "Timestamp(µs, \"UTC\")", "2024-10-27T00:00:00Z"),
    ("TIMESTAMP '2024-07-01 02:00:00.000 +05:30'", "Timestamp(µs, \"UTC\")", "2024-06-30T20:30:00Z"),
    ("TIMESTAMP '2024-07-01 02:00:00.000 -11:00'", "Timestamp(µs, \"UTC\")", "2024-07-01T13:00:00Z"),
    ("INTERVAL '-13' MONTH", "Interval(YearMonth)", "-2 years 11 mons"),
    ("INTERVAL '3' DAY", "Duration(ms)", "PT259200S"),
    ("JSON '{\"a\": [1, null]}'", "Utf8", "{\"a\":[1,null]}"),
    ("UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'", "Utf8", "12151fd2-7586-11e9-8f9e-2a86e4085a59"),
    ("IPADDRESS '2001:db8::1'", "Utf8", "2001:db8::1"),
    ("ARRAY[BIGINT '1', NULL, BIGINT '3']", "List(Int64)", "[1, null, 3]"),
    ("CAST(ARRAY[] AS array(varchar))", "List(Utf8)", "[]"),
    ("CAST(NULL AS array(varchar))", "List(Utf8)", "null"),
    ("ARRAY[ARRAY['a\"b'], ARRAY[], NULL]", "List(List(Utf8))", "[[a\"b], [], null]"),
    ("ARRAY[DOUBLE '0.1', nan(), infinity()]", "List(Float64)", "[0.1, NaN, inf]"),
    ("ARRAY[DECIMAL '1.50']", "List(Decimal128(3, 2))", "[1.50]"),
    ("ARRAY[X'0AFF']", "List(Binary)", "[0aff]"),
    ("ARRAY[DATE '2024-02-29', NULL]", "List(Date32)", "[2024-02-29, null]"),
    ("MAP(ARRAY['k'], ARRAY[CAST(NULL AS bigint)])", "Map", "{k: null}"),
    ("MAP(ARRAY[BIGINT '7'], ARRAY[ARRAY['x']])", "Map", "{7: [x]}"),
    ("MAP(ARRAY[DATE '2024-02-29'], ARRAY[true])", "Map", "{2024-02-29: true}"),
    ("CAST(ROW(1, NULL) AS row(a bigint, b varchar))", "Struct", "{a: 1, b: null}"),
    ("CAST(NULL AS row(a bigint, b varchar))", "Struct", "null"),
    (
        "CAST(ROW(ROW('x', DOUBLE '-0.5'), ARRAY[1]) AS row(i row(t varchar, d double), l array(integer)))",
        "Struct",
        "{i: {t: x, d: -0.5}, l: [1]}",
    ),
    ("ARRAY[CAST(ROW('deep') AS row(t varchar))]", "List", "[{t: deep}]"),
];

const TRINO: &[Case] = &[
    ("TIMESTAMP '2024-01-01 00:00:00.123456'", "Timestamp(µs)", "2024-01-01T00:00:00.123456"),
    ("TIMESTAMP '2024-01-01 00:00:00.123456789'", "Timestamp(ns)", "2024-01-01T00:00:00.123456789"),
    ("TIMESTAMP '2024-01-01 00:00:00.123456789 UTC'", "Timestamp(ns, \"UTC\")", "2024-01-01T00:00:00.123456789Z"),
    ("TIMESTAMP '2024-01-01 00:00:00'", "Timestamp(µs)", "2024-01-01T00:00:00"),
    ("TIME '23:59:59.999999'", "Time64(µs)", "23:59:59.999999"),
    ("TIME '23:59:59.999999999'", "Time64(ns)", "23:59:59.999999999"),
    ("TIMESTAMP '+12024-01-01 00:00:00.000'", "Timestamp(µs)", "+12024-01-01T00:00:00"),
];

const PRESTO: &[Case] = &[("IPPREFIX '2001:db8::/48'", "Utf8", "2001:db8::/48")];

fn every_type(server: &Server) -> anyhow::Result<()> {
    every_type_as(server, serde_json::Value::Null)?;
    // Presto gives rows in one of two forms.
    every_type_as(server, serde_json::json!({"binary_results": false}))
        .map_err(|error| error.context("with `binary_results = false`"))
}

fn every_type_as(server: &Server, more: serde_json::Value) -> anyhow::Result<()> {
    let cases: Vec<&Case> = BOTH
        .iter()
        .chain(match server.dialect {
            Dialect::Trino => TRINO,
            Dialect::Presto => PRESTO,
        })
        .collect();
    let columns: Vec<String> = cases.iter().enumerate().map(|(at, (sql, ..))| format!("{sql} AS c{at}")).collect();
    let catalog = "types";
    server.run(&format!("CREATE SCHEMA IF NOT EXISTS {catalog}.suite"));
    server.run(&format!("DROP TABLE IF EXISTS {catalog}.suite.matrix"));
    server.run(&format!("CREATE TABLE {catalog}.suite.matrix AS SELECT {}", columns.join(", ")));
    // What is classified does not depend on types but for the fields of rows and maps, which have names of their own.
    let names = classified(&cases);
    let fields: Vec<Field> = names.iter().map(|name| Field::new(name, DataType::Boolean, true)).collect();
    let fixture = fixture(&server.url, catalog, more, tables("matrix", fields));
    let answer = crate::runtime().block_on(fixture.query("SELECT * FROM src.suite.matrix"));
    let answer = answer.map_err(|error| anyhow::anyhow!("{error} [{}]", error.internal))?;
    ensure!(answer.n_rows() == 1, "{} rows", answer.n_rows());
    let batch = answer.batches.iter().find(|batch| batch.num_rows() == 1).expect("a row");
    ensure!(
        batch.num_columns() == cases.len(),
        "{} columns of {}: {}",
        batch.num_columns(),
        cases.len(),
        answer.schema
    );
    let options = FormatOptions::default().with_null("null");
    let mut wrong = Vec::new();
    for ((sql, data_type, value), column) in cases.iter().zip(batch.columns()) {
        let found = ArrayFormatter::try_new(column.as_ref(), &options)?.value(0).to_string();
        let found_type = column.data_type().to_string();
        let is_type = found_type == *data_type
            || matches!(*data_type, "Map" | "Struct" | "List") && found_type.starts_with(data_type);
        if found != *value || !is_type {
            wrong.push(format!("{sql}: {found} of {found_type}, expected {value} of {data_type}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Paths of the columns as policy knows them.
fn classified(cases: &[&Case]) -> Vec<String> {
    let mut names = Vec::new();
    for (at, (sql, data_type, _)) in cases.iter().enumerate() {
        let parts: &[&str] = match *data_type {
            "Map" => &[".key", ".value"],
            "Struct" if sql.contains("row(i ") => &[".i.t", ".i.d", ".l"],
            "Struct" => &[".a", ".b"],
            "List" => &[".t"],
            _ => &[""],
        };
        names.extend(parts.iter().map(|part| format!("c{at}{part}")));
    }
    names
}

fn tables(name: &str, fields: Vec<Field>) -> BTreeMap<String, RecordBatch> {
    let arrays = fields.iter().map(|field| new_empty_array(field.data_type())).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("no rows");
    BTreeMap::from([(name.to_owned(), batch)])
}

fn refused(server: &Server) -> anyhow::Result<()> {
    let catalog = "types";
    server.run(&format!("CREATE SCHEMA IF NOT EXISTS {catalog}.suite"));
    server.run(&format!("DROP TABLE IF EXISTS {catalog}.suite.odd"));
    server.run(&format!(
        "CREATE TABLE {catalog}.suite.odd AS SELECT 1 AS one, approx_set(1) AS sketch, TIME '01:02:03.456 +02:00' AS clock, \
         MAP(ARRAY[ARRAY[1]], ARRAY[2]) AS by_list"
    ));
    let fields = ["one", "sketch", "clock", "by_list"].map(|name| Field::new(name, DataType::Boolean, true)).to_vec();
    let fixture = fixture(&server.url, catalog, serde_json::Value::Null, tables("odd", fields));
    crate::runtime().block_on(async {
        let running = fixture.start("SELECT * FROM src.suite.odd").await.map_err(|error| anyhow::anyhow!("{error}"))?;
        let told: Vec<String> = running.notices().iter().map(|notice| notice.text.clone()).collect();
        ensure!(running.schema().fields().len() == 1, "{}", running.schema());
        for (column, sql_type) in
            [("sketch", "HyperLogLog"), ("clock", "with time zone"), ("by_list", "map(array(integer)")]
        {
            ensure!(told.iter().any(|text| text.contains(column) && text.contains(sql_type)), "{column} in {told:?}");
            let error = fixture.start(&format!("SELECT {column} FROM src.suite.odd")).await.err();
            let error = error.ok_or_else(|| anyhow::anyhow!("{column} was read"))?;
            let text = format!("{error}");
            ensure!(text.contains(column) && text.contains(sql_type), "{text}");
        }
        Ok(())
    })
}
