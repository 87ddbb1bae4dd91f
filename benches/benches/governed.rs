//! Governed scans against plain DataFusion on the same Parquet file and query, in one run, as ratios.
//!
//! Each row runs governed and plain in turn and prints the median of the pairs' ratios. `LOCKGATE_BENCH_ROWS` sets the
//! size of the table (default 10,000,000), `LOCKGATE_BENCH_RUNS` the number of pairs. With words behind `--`, only rows
//! whose name holds one of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use lockgate_benches::measure::{Limit, median, number};
use lockgate_benches::world::{COLUMNS, TABLE_FILE, write_policy, write_table};
use lockgate_connector_files::FilesConnector;
use lockgate_contract::{Connector, Options};
use lockgate_engine::{Engine, EngineConfig, Session, Standing};
use lockgate_policies::{Asker, Env, KeyRing, PolicyStore, Principal};
use lockgate_server::ledger::{FileLedger, LedgerOptions};
use lockgate_wire::QueryRequest;

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
        .register_parquet("t", root.join("data").join(TABLE_FILE).to_str().unwrap(), ParquetReadOptions::default())
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

async fn compare(peers: &Peers, name: &str, governed: &str, purpose: &str, plain: &str, limit: Limit) {
    let only: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if !only.is_empty() && !only.iter().any(|word| name.contains(word.as_str())) {
        return;
    }
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
    let ratio = median(&ratios);
    println!(
        "{name:<40} governed {:>8.1} ms  plain {:>8.1} ms  ratio {ratio:>5.3}  {}",
        median(&times.0) * 1e3,
        median(&times.1) * 1e3,
        limit.verdict(ratio)
    );
}

#[tokio::main]
async fn main() {
    let rows = number("LOCKGATE_BENCH_ROWS", 10_000_000);
    let root = tempfile::tempdir().unwrap();
    write_table(&root.path().join("data"), rows);
    write_policy(&root.path().join("policy"));
    let peers = peers(root.path()).await;
    println!("{rows} rows, medians of pairs run in turn");
    let clear = "SELECT id, city, fare FROM";
    compare(
        &peers,
        "clear columns, scan",
        &format!("{clear} a.b.t"),
        "scan",
        &format!("{clear} t"),
        Limit::AtMost(1.02),
    )
    .await;
    let group = "SELECT city, count(*), sum(fare), avg(id) FROM";
    compare(
        &peers,
        "clear columns, group by",
        &format!("{group} a.b.t GROUP BY city"),
        "scan",
        &format!("{group} t GROUP BY city"),
        Limit::AtMost(1.02),
    )
    .await;
    let narrow = "WHERE id BETWEEN 1000000 AND 1000999";
    compare(
        &peers,
        "clear, selective filter",
        &format!("SELECT id, fare FROM a.b.t {narrow}"),
        "scan",
        &format!("SELECT id, fare FROM t {narrow}"),
        Limit::AtMost(1.02),
    )
    .await;
    compare(
        &peers,
        "row rule, selective filter",
        &format!("SELECT id, fare FROM a.b.t {narrow}"),
        "most",
        &format!("SELECT id, fare FROM t {narrow} AND fare < 70.0"),
        Limit::AtMost(1.02),
    )
    .await;
    compare(
        &peers,
        "row rule, scan",
        "SELECT id, city, fare FROM a.b.t",
        "most",
        "SELECT id, city, fare FROM t WHERE fare < 70.0",
        Limit::AtMost(1.02),
    )
    .await;
    for (column, treatment) in COLUMNS.iter().filter(|(_, treatment)| *treatment != "clear") {
        let limit = if *treatment == "hash" { Limit::None } else { Limit::AtMost(1.10) };
        // Beside three clear columns, and alone, where nothing else takes time.
        for (columns, limit) in [(format!("id, city, fare, {column}"), limit), ((*column).to_owned(), Limit::None)] {
            let name = format!("{treatment} ({columns})");
            let (governed, plain) = (format!("SELECT {columns} FROM a.b.t"), format!("SELECT {columns} FROM t"));
            compare(&peers, &name, &governed, "scan", &plain, limit).await;
        }
    }
}
