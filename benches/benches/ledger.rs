//! Opens a second of the audit ledger: each waits until its record is durable, many share one `fdatasync`. And questions to
//! a long one: `verify`, `who-saw` of one column, and the same in SQL's table.
//!
//! `LOCKGATE_BENCH_DIR` names a folder on the disk to measure; the default is the system's temporary folder, which may
//! be memory. `LOCKGATE_BENCH_RECORDS` is the length of the long ledger, a million by default. Besides criterion's figures it
//! prints how many records one group held, and the most memory that the process has had.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::StreamExt;
use lockgate_contract::{Access, Source, TablePath};
use lockgate_engine::Ledger;
use lockgate_server::ledger::{ColumnPattern, FileLedger, LedgerOptions, sights, verify};
use lockgate_wire::audit::{AuditTable, CloseRecord, OpenRecord, Outcome};
use uuid::Uuid;

/// A record of usual size: two tables, twelve columns each.
fn open_record() -> OpenRecord {
    let table = |name: &str| AuditTable {
        table: name.to_owned(),
        columns: (0..12).map(|n| (format!("column_{n}"), "clear".to_owned())).collect(),
        rows: vec!["own_region".to_owned()],
        rules: vec!["AN-01".to_owned(), "AN-02".to_owned()],
    };
    OpenRecord {
        query_id: Uuid::now_v7(),
        at: Utc::now(),
        principal: "alice".to_owned(),
        purpose: "analytics".to_owned(),
        dc: "eu".to_owned(),
        door: "http".to_owned(),
        policy: "2026-11-23.1+ab12cd34ef56".to_owned(),
        sql_digest: "ab".repeat(32),
        tables: vec![table("hive.rides.trips"), table("vertica.crm.riders")],
        sources: vec!["hive".to_owned(), "vertica".to_owned()],
    }
}

async fn one_query(ledger: &FileLedger) {
    let open = open_record();
    let (query_id, at) = (open.query_id, open.at);
    ledger.open(open).await.unwrap();
    ledger.close(CloseRecord {
        query_id,
        at,
        outcome: Outcome::Finished,
        code: None,
        rows: 1,
        bytes: 8,
        elapsed_ms: 1,
        given_up: Default::default(),
    });
}

/// Time in which `openers` tasks open (and close) `n` queries together.
async fn run(ledger: &Arc<FileLedger>, openers: u64, n: u64) -> Duration {
    let left = Arc::new(AtomicU64::new(n));
    let start = Instant::now();
    let tasks: Vec<_> = (0..openers)
        .map(|_| {
            let (ledger, left) = (Arc::clone(ledger), Arc::clone(&left));
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    one_query(&ledger).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    start.elapsed()
}

fn folder() -> tempfile::TempDir {
    match std::env::var_os("LOCKGATE_BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => tempfile::tempdir().unwrap(),
    }
}

fn opens(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let mut group = criterion.benchmark_group("ledger_open");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(3)).sample_size(10);
    for openers in [1, 16, 64] {
        let dir = folder();
        let ledger = FileLedger::open(dir.path(), LedgerOptions::default()).unwrap();
        group.bench_function(format!("{openers}_openers"), |bencher| {
            bencher.iter_custom(|n| runtime.block_on(run(&ledger, openers, n)));
        });
        let counters = ledger.counters();
        let per_group = counters.records as f64 / counters.groups as f64;
        println!(
            "{openers} openers: {} records in {} groups, {per_group:.1} a sync",
            counters.records, counters.groups
        );
    }
    group.finish();
}

/// Records of the long ledger.
fn n_records() -> u64 {
    std::env::var("LOCKGATE_BENCH_RECORDS").map_or(1_000_000, |text| text.parse().unwrap())
}

/// The most memory that this process has had, as the system tells.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or(" unknown").trim().to_owned()
}

fn questions(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let dir = folder();
    let ledger = FileLedger::open(dir.path(), LedgerOptions::default()).unwrap();
    runtime.block_on(run(&ledger, 64, n_records() / 2));
    runtime.block_on(ledger.flush()).unwrap();
    let n_bytes: u64 = dir.path().read_dir().unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    println!(
        "{} records in {} MB, {} before the first question",
        ledger.counters().records,
        n_bytes >> 20,
        peak_memory()
    );
    let mut group = criterion.benchmark_group("ledger_questions");
    group.throughput(Throughput::Elements(ledger.counters().records)).sample_size(10);
    group.bench_function("verify", |bencher| {
        bencher.iter(|| assert_eq!(verify(dir.path(), None).unwrap().breaks, []));
    });
    for (name, column) in [("who_saw_everybody", "vertica.crm.riders.column_3"), ("who_saw_nobody", "presto.a.b.c")] {
        let column: ColumnPattern = column.parse().unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| sights(dir.path(), column.clone(), None, None).unwrap().map(Result::unwrap).count());
        });
    }
    group.bench_function("table_columns", |bencher| {
        bencher.iter(|| runtime.block_on(count(&ledger)));
    });
    group.finish();
    println!("{} after the last question", peak_memory());
}

/// Reads five columns of the whole table.
async fn count(ledger: &FileLedger) -> usize {
    let table = ledger.source().table(&TablePath::new("audit", "columns")).await.unwrap().unwrap();
    let Access::Batches(rows) = table.access else { return 0 };
    rows.read(&[2, 3, 6, 7, 8], 8_192).map(|batch| batch.unwrap().num_rows()).fold(0, async |sum, n| sum + n).await
}

criterion_group!(benches, opens, questions);
criterion_main!(benches);
