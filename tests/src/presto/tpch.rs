//! TPC-H on the servers' own data: through the gateway, with and without parts that the server answers, and in the server
//! itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, ensure};
use arrow::array::{Array, AsArray};
use serde_json::Value;

use super::tables::empty;
use super::{Test, fixture_with};
use crate::behaviour::fixture::Fixture;
use crate::behaviour::oracle::rows;
use crate::servers::Server;

pub(super) const ALL: &[(&str, Test)] =
    &[("tpch_answers_are_the_server_s_own", answers), ("tpch_is_pushed_whole", pushed)];

const SCHEMA: &str = "tiny";

fn queries() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/tpch");
    let mut queries: Vec<(String, String)> = std::fs::read_dir(folder)
        .expect("the cases")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("text"))
        })
        .collect();
    queries.sort();
    assert_eq!(queries.len(), 22);
    queries
}

/// An engine over the schema, everything classified as public.
fn open(server: &Server, pushdown: bool) -> Fixture {
    let sql =
        format!("SELECT table_name, column_name FROM tpch.information_schema.columns WHERE table_schema = '{SCHEMA}'");
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in server.rows(&sql) {
        let text = |at: usize| row[at].as_str().expect("a name").to_owned();
        columns.entry(format!("{SCHEMA}.{}", text(0))).or_default().push(text(1));
    }
    let table = |names: Vec<String>| empty(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let tables = columns.into_iter().map(|(name, names)| (name, table(names))).collect();
    fixture_with(&server.url, "tpch", serde_json::json!({"cache_seconds": 600}), tables, pushdown)
}

fn answers(server: &Server) -> anyhow::Result<()> {
    let (with, without) = (open(server, true), open(server, false));
    for (name, sql) in queries() {
        let there = server.rows(&sql.replace("SF.", &format!("tpch.{SCHEMA}.")));
        // Nothing that the specification asks for is empty at this size but these.
        ensure!(!there.is_empty(), "{name} is vacuous");
        for (how, fixture) in [("with", &with), ("without", &without)] {
            let asked = sql.replace("SF.", &format!("src.{SCHEMA}."));
            let answer = crate::runtime().block_on(fixture.query(&asked));
            let answer =
                answer.map_err(|error| anyhow::anyhow!("{name} {how} push-down: {error} [{}]", error.internal))?;
            let here = rows(&answer.schema, &answer.batches)?;
            same(&here, &there).with_context(|| format!("{name} {how} push-down"))?;
        }
    }
    Ok(())
}

/// Rows in the same order with the same values; sums of floating-point numbers depend on the order in which they are made.
fn same(here: &[Vec<Option<String>>], there: &[Vec<Value>]) -> anyhow::Result<()> {
    ensure!(here.len() == there.len(), "{} rows, the server has {}", here.len(), there.len());
    for (at, (here, there)) in here.iter().zip(there).enumerate() {
        for (here, there) in here.iter().zip(there) {
            let is_same = match (here, there) {
                (None, Value::Null) => true,
                (Some(here), Value::Number(there)) => {
                    let (here, there): (f64, f64) = (here.parse()?, there.as_f64().unwrap_or(f64::NAN));
                    here == there || ((here - there) / there).abs() < 1e-9
                }
                (Some(here), Value::String(there)) => here == there,
                _ => false,
            };
            ensure!(is_same, "row {at}: {here:?}, the server has {there}");
        }
    }
    Ok(())
}

fn pushed(server: &Server) -> anyhow::Result<()> {
    let fixture = open(server, true);
    let mut in_parts = Vec::new();
    for (name, sql) in queries() {
        let asked = sql.replace("SF.", &format!("src.{SCHEMA}."));
        let plan = crate::runtime().block_on(fixture.query(&format!("EXPLAIN {asked}")));
        let plan = plan.map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
        let mut sent = Vec::new();
        for batch in &plan.batches {
            let (kinds, texts) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            let is_sent = |row: &usize| kinds.value(*row).starts_with("sent to ");
            sent.extend((0..kinds.len()).filter(is_sent).map(|row| texts.value(row).to_owned()));
        }
        let is_whole = matches!(sent.as_slice(), [one] if above(one).is_none_or(|why| why.contains("put in order")));
        if !is_whole {
            let why: BTreeSet<&str> = sent.iter().filter_map(|sent| above(sent)).collect();
            println!("{name}: {} statements; {why:?}", sent.len());
            in_parts.push(name);
        }
    }
    ensure!(in_parts.is_empty(), "more than the last ordering of {in_parts:?} is done in the gateway");
    Ok(())
}

fn above(sent: &str) -> Option<&str> {
    sent.split_once("\nabove it: ").map(|(_, why)| why)
}
