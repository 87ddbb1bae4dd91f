//! Governed scans against plain DataFusion on the same Parquet file and query, in one run, as ratios.
//!
//! Each row runs governed and plain in turn and prints the median of the pairs' ratios. `LOCKGATE_BENCH_ROWS` sets the
//! size of the table (default 4,000,000), `LOCKGATE_BENCH_RUNS` the number of pairs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use lockgate_connector_files::FilesConnector;
use lockgate_contract::{Connector, Options};
use lockgate_engine::{Engine, EngineConfig, Session, Standing};
use lockgate_policies::{Asker, Env, KeyRing, PolicyStore, Principal};
use lockgate_server::ledger::{FileLedger, LedgerOptions};
use lockgate_wire::QueryRequest;

const MODEL: &str = include_str!("../../samples/policy/model.conf");

/// Column, type in the policy, treatment, limit of the ratio that is asked for.
const COLUMNS: &[(&str, &str)] = &[
    ("id", "clear"),
    ("city", "clear"),
    ("fare", "clear"),
    ("lat", "geo_1km"),
    ("lng", "geo_10km"),
    ("born", "year"),
    ("joined", "month"),
    ("email", "email_domain"),
    ("phone", "last4"),
    ("amount", "round_100"),
    ("name", "null"),
    ("note", "redact"),
    ("rider", "hash"),
    ("rider_no", "hash"),
];

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn write_table(root: &Path, rows: usize) {
    std::fs::create_dir_all(root.join("b")).unwrap();
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let float = |name: &str| Field::new(name, DataType::Float64, true);
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        text("city"),
        float("fare"),
        float("lat"),
        float("lng"),
        Field::new("born", DataType::Date32, true),
        Field::new("joined", DataType::Date32, true),
        text("email"),
        text("phone"),
        Field::new("amount", DataType::Int64, true),
        text("name"),
        text("note"),
        text("rider"),
        Field::new("rider_no", DataType::Int64, true),
    ]));
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(250_000)).build();
    let file = std::fs::File::create(root.join("b/t.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).unwrap();
    for start in (0..rows).step_by(50_000) {
        let ids: Vec<i64> = (start..rows.min(start + 50_000)).map(|row| i64::try_from(row).unwrap()).collect();
        let texts = |make: &dyn Fn(i64) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(ids.iter().map(|id| make(*id))))
        };
        let floats = |make: &dyn Fn(i64) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(ids.iter().map(|id| make(*id))))
        };
        let days = |span: i64| -> ArrayRef {
            Arc::new(Date32Array::from_iter_values(ids.iter().map(|id| i32::try_from(id * 7 % span).unwrap())))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(ids.iter().copied())),
            texts(&|id| format!("city{}", id % 50)),
            floats(&|id| (id % 9_973) as f64 / 100.0),
            floats(&|id| 52.0 + (id % 10_007) as f64 / 10_007.0),
            floats(&|id| 4.0 + (id % 10_009) as f64 / 10_009.0),
            days(18_000),
            days(9_000),
            texts(&|id| format!("user{}@example{}.com", id % 100_003, id % 7)),
            texts(&|id| format!("+316{:08}", id % 100_000_007)),
            Arc::new(Int64Array::from_iter_values(ids.iter().map(|id| id * 37 % 100_000))),
            texts(&|id| format!("Name {}", id % 5_003)),
            texts(&|id| format!("note {}", id % 997)),
            texts(&|id| format!("r{:09}", id * 7_919 % 1_000_000_007)),
            Arc::new(Int64Array::from_iter_values(ids.iter().map(|id| id * 7_919 % 1_000_000_007))),
        ];
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()).unwrap();
    }
    writer.close().unwrap();
}

fn write_policy(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("model.conf"), MODEL).unwrap();
    let mut rules = String::new();
    let mut classes = String::from(
        "version: bench.1\ntreatments:\n  clear: {article: none}\n  last4: {}\n  email_domain: {}\n  geo_1km: {}\n  geo_10km: {}\n  month: {}\n  year: {}\n  round_100: {}\n  hash: {}\n  redact: {}\n  \"null\": {}\nrow_filters:\n  all: {tables: any, sql: \"true\"}\n  most: {tables: [a.b.t], sql: \"fare < 70.0\"}\nconditions: [always]\npurposes:\n  scan: {ropa: R-1, basis: none, owner: bench, retention_days: 1}\n  most: {ropa: R-2, basis: none, owner: bench, retention_days: 1}\ntables:\n  a.b.t:\n    rows: rows.t\n    columns:\n",
    );
    for (index, (column, treatment)) in COLUMNS.iter().enumerate() {
        rules
            .push_str(&format!("p, R-{index:02}, role:all, purpose:any, tag:c.{column}, {treatment}, always, allow\n"));
        classes.push_str(&format!("      {column}: [c.{column}]\n"));
    }
    rules.push_str("p, RW-1, role:all, purpose:scan, tag:rows.t, rows:all, always, allow\n");
    rules.push_str("p, RW-2, role:all, purpose:most, tag:rows.t, rows:most, always, allow\n");
    rules.push_str("g, user:bench, role:all\ng3, purpose:scan, purpose:any\ng3, purpose:most, purpose:any\n");
    std::fs::write(dir.join("policy.csv"), rules).unwrap();
    std::fs::write(dir.join("classification.yaml"), classes).unwrap();
    std::fs::write(
        dir.join("policy_tests.yaml"),
        "- {who: bench, purpose: scan, dc: eu, column: a.b.t.id, is: clear, because: R-00}\n",
    )
    .unwrap();
}

struct Peers {
    engine: Engine,
    plain: SessionContext,
}

async fn peers(root: &Path) -> Peers {
    let options =
        Options(serde_json::json!({"root": root.join("data").to_str().unwrap()}).as_object().unwrap().clone());
    let source = FilesConnector.open("a", &options).await.expect("options");
    let policies = match PolicyStore::open(&root.join("policy")) {
        Ok(store) => Arc::new(store),
        Err(problems) => panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    };
    let keys = Arc::new(KeyRing::from_secret([7_u8; 32], "bench"));
    let ledger = FileLedger::open(&root.join("ledger"), LedgerOptions::default()).expect("ledger");
    let config = EngineConfig::default();
    let session =
        SessionConfig::new().with_target_partitions(config.target_partitions).with_batch_size(config.batch_size);
    let engine = Engine::new(config, vec![source], policies, keys, ledger).expect("engine");
    let mut session = session;
    session.options_mut().execution.parquet.schema_force_view_types = false;
    session.options_mut().execution.collect_statistics = false;
    let plain = SessionContext::new_with_config(session);
    plain
        .register_parquet("t", root.join("data/b/t.parquet").to_str().unwrap(), ParquetReadOptions::default())
        .await
        .unwrap();
    Peers { engine, plain }
}

impl Peers {
    async fn governed(&self, sql: &str, purpose: &str) -> (f64, usize) {
        let principal = Principal { name: "bench".to_owned(), roles: BTreeSet::new() };
        let env = Env { dc: "eu".to_owned(), site: "eu".to_owned(), today: chrono::Utc::now().date_naive() };
        let asker = Asker { principal, purpose: purpose.to_owned(), env };
        let session = Session { asker, door: "bench", standing: Standing::default() };
        let start = Instant::now();
        let mut rows = 0;
        let mut running = self.engine.query(&session, QueryRequest::new(sql)).await.expect("a governed query");
        while let Some(batch) = running.next().await {
            rows += batch.expect("a batch").num_rows();
        }
        (start.elapsed().as_secs_f64(), rows)
    }

    async fn plain(&self, sql: &str) -> (f64, usize) {
        let start = Instant::now();
        let mut rows = 0;
        let mut stream = self.plain.sql(sql).await.unwrap().execute_stream().await.unwrap();
        while let Some(batch) = stream.next().await {
            rows += batch.unwrap().num_rows();
        }
        (start.elapsed().as_secs_f64(), rows)
    }
}

async fn compare(peers: &Peers, name: &str, governed: &str, purpose: &str, plain: &str, limit: f64) {
    let runs = number("LOCKGATE_BENCH_RUNS", 7);
    let mut ratios = Vec::new();
    let mut times = (Vec::new(), Vec::new());
    for run in 0..=runs {
        let (ours, our_rows) = peers.governed(governed, purpose).await;
        let (theirs, their_rows) = peers.plain(plain).await;
        assert_eq!(our_rows, their_rows, "{name}: another number of rows");
        assert!(our_rows > 0, "{name}: vacuous");
        if run > 0 {
            ratios.push(ours / theirs);
            times.0.push(ours);
            times.1.push(theirs);
        }
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let ratio = median(&mut ratios);
    let verdict = if ratio <= limit { "within" } else { "OVER" };
    println!(
        "{name:<28} governed {:>8.1} ms  plain {:>8.1} ms  ratio {ratio:>5.3}  limit {limit:.2} {verdict}",
        median(&mut times.0) * 1e3,
        median(&mut times.1) * 1e3
    );
}

#[tokio::main]
async fn main() {
    let rows = number("LOCKGATE_BENCH_ROWS", 4_000_000);
    let root = tempfile::tempdir().unwrap();
    write_table(&root.path().join("data"), rows);
    write_policy(&root.path().join("policy"));
    let peers = peers(root.path()).await;
    println!("{rows} rows, medians of pairs run in turn");
    let clear = "SELECT id, city, fare FROM";
    compare(&peers, "clear columns, scan", &format!("{clear} a.b.t"), "scan", &format!("{clear} t"), 1.02).await;
    let group = "SELECT city, count(*), sum(fare), avg(id) FROM";
    compare(
        &peers,
        "clear columns, group by",
        &format!("{group} a.b.t GROUP BY city"),
        "scan",
        &format!("{group} t GROUP BY city"),
        1.02,
    )
    .await;
    let narrow = "WHERE id BETWEEN 1000000 AND 1000999";
    compare(
        &peers,
        "clear, selective filter",
        &format!("SELECT id, fare FROM a.b.t {narrow}"),
        "scan",
        &format!("SELECT id, fare FROM t {narrow}"),
        1.02,
    )
    .await;
    compare(
        &peers,
        "row rule, selective filter",
        &format!("SELECT id, fare FROM a.b.t {narrow}"),
        "most",
        &format!("SELECT id, fare FROM t {narrow} AND fare < 70.0"),
        1.02,
    )
    .await;
    compare(
        &peers,
        "row rule, scan",
        "SELECT id, city, fare FROM a.b.t",
        "most",
        "SELECT id, city, fare FROM t WHERE fare < 70.0",
        1.02,
    )
    .await;
    for (column, treatment) in COLUMNS.iter().filter(|(_, treatment)| *treatment != "clear") {
        let limit = if *treatment == "hash" { f64::INFINITY } else { 1.10 };
        let name = format!("{treatment} ({column})");
        compare(
            &peers,
            &name,
            &format!("SELECT id, {column} FROM a.b.t"),
            "scan",
            &format!("SELECT id, {column} FROM t"),
            limit,
        )
        .await;
    }
}
